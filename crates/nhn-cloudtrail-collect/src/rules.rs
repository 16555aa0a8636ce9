//! Rules that every line of a ledger must satisfy.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::archive::{EVENTS, REJECTS};
use crate::departure::original;
use crate::ledger::{Counts, Entry, Why};
use crate::verify::FindingKind;

/// The version of the lines that this release reads and writes.
pub(crate) const VERSION: u32 = 1;

/// Why a line is not an entry.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It was written by a newer release; describes what is new.
    Newer(String),
    NoEntry,
}

/// Parses a line.
pub(crate) fn read(line: &[u8]) -> Result<Entry, Unreadable> {
    /// The members that lines of every version have.
    #[derive(Deserialize)]
    struct AnyVersion {
        version: u32,
        entry: u64,
        previous: String,
    }
    let error = match serde_json::from_slice::<Entry>(line) {
        Ok(entry) if entry.version == VERSION => return Ok(entry),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    let newer = |what: &str| {
        let help = "a newer version of nhn-cloudtrail wrote it: update nhn-cloudtrail";
        Err(Unreadable::Newer(format!("{what}; {help}")))
    };
    match (serde_json::from_slice::<AnyVersion>(line), error) {
        (Ok(any), _) if any.version != VERSION => newer(&format!(
            "ledger entry {} has version {}, and this release reads version {VERSION}",
            any.entry, any.version
        )),
        // The error message contains the name of the unknown member.
        (Ok(any), Some(error)) if any.previous.len() == 64 && is_unknown(&error) => newer(
            &format!("ledger entry {} has members that this release does not know", any.entry),
        ),
        _ => Err(Unreadable::NoEntry),
    }
}

/// Returns whether the JSON is valid and only has an unknown member or value.
fn is_unknown(error: &serde_json::Error) -> bool {
    let text = error.to_string();
    error.is_data() && (text.starts_with("unknown field") || text.starts_with("unknown variant"))
}

/// Compares entries with earlier ones.
#[derive(Default)]
pub(crate) struct Rules<'a> {
    /// Number of records of each recorded file.
    recorded: HashMap<&'a str, u64>,
    removed: HashSet<&'a str>,
}

impl<'a> Rules<'a> {
    /// Returns what is wrong with the next entry.
    pub(crate) fn check(&mut self, entry: &'a Entry) -> Vec<(FindingKind, String)> {
        let number = entry.entry;
        let mut wrong = Vec::new();
        let mut find = |kind, message: String| {
            wrong.push((kind, nhn_cloudtrail::printable(&message).into_owned()));
        };
        for file in &entry.files {
            let path = &file.path;
            if !is_inside(path) {
                let message = format!("entry {number} names a file elsewhere: {}", cut(path));
                find(FindingKind::Altered, message);
            } else if file.sha256.len() != 64 {
                let message = format!("entry {number} has no SHA-256 of {}", cut(path));
                find(FindingKind::Altered, message);
            }
            if self.recorded.insert(path, file.records).is_some() {
                find(FindingKind::Added, format!("entry {number} names {} again", cut(path)));
            }
        }
        for path in entry.removed.iter().flat_map(|removed| &removed.paths) {
            if !self.recorded.contains_key(path.as_str()) || !self.removed.insert(path) {
                let message = format!(
                    "entry {number} removes {}, which the archive does not have by then",
                    cut(path)
                );
                find(FindingKind::Altered, message);
            }
        }
        if !self.adds_up(entry) {
            let message = format!("the counts of entry {number} do not add up");
            find(FindingKind::Altered, message);
        }
        wrong
    }

    /// Returns whether the counts add up: all received records are accounted for, all new records are in
    /// files, and compacted files have as many records as the files that they replaced.
    fn adds_up(&self, entry: &Entry) -> bool {
        let mut merged = HashSet::new();
        for removed in &entry.removed {
            let Why::Compacted { into, records, .. } = &removed.why else { continue };
            let sum = |paths: &[String]| {
                let records = paths.iter().map(|path| self.recorded.get(path.as_str()).copied());
                records.into_iter().try_fold(0_u64, |sum, records| sum.checked_add(records?))
            };
            let is_new = |path: &String| entry.files.iter().any(|file| file.path == *path);
            if sum(into) != Some(*records)
                || sum(&removed.paths) != Some(*records)
                || !into.iter().all(|path| is_new(path) && merged.insert(path.as_str()))
            {
                return false;
            }
        }
        let Counts { fetched, new, known, rejected, conflicts, .. } =
            entry.records.unwrap_or_default();
        let sum = |of_rejects: bool| {
            let files = entry.files.iter().filter(|file| !merged.contains(file.path.as_str()));
            let files = files.filter(|file| file.path.starts_with(REJECTS) == of_rejects);
            files.map(|file| file.records).try_fold(0, u64::checked_add)
        };
        let became = new.checked_add(known).and_then(|sum| sum.checked_add(rejected));
        became == Some(fetched)
            && conflicts <= new
            && sum(false) == Some(new)
            && sum(true) == Some(rejected)
    }
}

/// Returns whether a recorded path is that of a file of a day's events, of a file of rejects, or of one
/// of these in the folder of damaged files.
pub(crate) fn is_inside(path: &str) -> bool {
    let mut path = path;
    while let Some(original) = original(path) {
        path = original;
    }
    let is_plain = |part: &&str| {
        let is_odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
        !part.starts_with('.') && !part.is_empty() && !part.contains(is_odd)
    };
    let parts: Vec<&str> = path.split('/').collect();
    let is_known = match parts.as_slice() {
        [EVENTS, day, file] => {
            let is_of_date = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            day.strip_prefix("event_date=").is_some_and(|day| day.chars().all(is_of_date))
                && file.ends_with(".parquet")
        }
        [own, rejects, file] => format!("{own}/{rejects}") == REJECTS && file.ends_with(".jsonl"),
        _ => false,
    };
    is_known && parts.iter().all(is_plain)
}

/// Shortens a text for a message.
fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_files_of_the_archive_alone() {
        for path in [
            "events/event_date=2026-10-01/part-1-0000.parquet",
            "events/event_date=__HIVE_DEFAULT_PARTITION__/part-1-0000.parquet",
            "_archive/rejects/rejects-00000001.jsonl",
            "_archive/damaged/00000002/_archive/rejects/rejects-00000001.jsonl",
            "_archive/damaged/00000009/_archive/damaged/00000003/events/event_date=2026-10-01/a.parquet",
        ] {
            assert!(is_inside(path), "{path}");
        }
        for path in [
            "../secret.txt",
            "/etc/passwd",
            "events/../secret/part.parquet",
            "events/event_date=../part.parquet",
            "events/event_date=2026-10-01/../part.parquet",
            "events/event_date=2026-10-01//part.parquet",
            "events/event_date=2026-10-01/./part.parquet",
            "./events/event_date=2026-10-01/part.parquet",
            "events/event_date=2026-10-01/.part.parquet",
            "events/event_date=2026-10-01/part.txt",
            "events/event_date=2026-10-01/a/part.parquet",
            "events/part.parquet",
            "events/event_date=a\\..\\..\\b/part.parquet",
            "events/event_date=C:/part.parquet",
            "events/event_date=2026-10-01/a\n.parquet",
            "_archive/ledger.jsonl",
            "_archive/staged/rejects.jsonl",
            "_archive/rejects/head",
            "_archive/damaged/00000002/head",
            "_archive/damaged/x/events/event_date=2026-10-01/part.parquet",
            "_archive/damaged/00000002/../events/event_date=2026-10-01/part.parquet",
            "_archive/damaged//events/event_date=2026-10-01/part.parquet",
            "",
        ] {
            assert!(!is_inside(path), "{path}");
        }
    }

    #[test]
    fn newer_lines_are_told_from_broken_ones() {
        let head = "0".repeat(64);
        let line = |version: u32, more: &str| {
            format!(
                r#"{{"version":{version},"entry":3,"previous":"{head}","time":"2026-10-01T00:00:00.000Z"{more}}}"#
            )
        };
        assert!(read(line(1, "").as_bytes()).is_ok());
        for (line, what) in [
            (line(2, ""), "entry 3 has version 2"),
            (line(2, r#","files":{"a":1}"#), "entry 3 has version 2"),
            (line(1, r#","more":[]"#), "entry 3 has members"),
            (line(1, r#","removed":[{"paths":[],"why":{"lost":{}}}]"#), "entry 3 has members"),
        ] {
            match read(line.as_bytes()) {
                Err(Unreadable::Newer(message)) => {
                    assert!(message.contains(what) && message.contains("update"), "{message}");
                }
                other => panic!("{line}: {other:?}"),
            }
        }
        for line in [line(1, r#","files":{"a":1}"#), "{}".to_owned(), "x".to_owned()] {
            assert!(matches!(read(line.as_bytes()), Err(Unreadable::NoEntry)), "{line}");
        }
    }
}
