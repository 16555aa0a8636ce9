//! The journal of a run: which ledger entry it is about to write, and the names of its files.
//!
//! It exists from the start of a run to its end. It distinguishes files left by an interrupted run from
//! files that someone else put into the archive.

use std::fs;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::Result;
use nhn_cloudtrail_arrow::{disk, run_name};
use serde::{Deserialize, Serialize};

use crate::archive::{STAGED, time};
use crate::client::now;
use crate::ledger::{failed, is_own};
use crate::rules::VERSION;

/// The name of the journal in an archive.
pub(crate) const JOURNAL: &str = "_archive/journal";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    version: u32,
    /// The number of the next entry.
    pub(crate) entry: u64,
    /// The head of the ledger before that entry.
    pub(crate) previous: String,
    /// Part of the names of the files of that entry.
    pub(crate) run: String,
    time: String,
}

impl Journal {
    /// Writes the journal of the next entry.
    pub(crate) fn begin(own: &Path, entry: u64, previous: &str) -> Result<Self> {
        let path = journal_file(own);
        let (run, time) = (run_name(), time(now()));
        let journal = Self { version: VERSION, entry, previous: previous.to_owned(), run, time };
        let mut line = serde_json::to_vec(&journal).map_err(|error| failed(&path, error.into()))?;
        line.push(b'\n');
        disk::write_whole(&path, &line).map_err(|error| failed(&path, error))?;
        Ok(journal)
    }

    /// Reads the journal; `None` if it does not exist or is not valid.
    pub(crate) fn read(own: &Path) -> Option<Self> {
        let path = journal_file(own);
        let line =
            is_own(&path).ok().filter(|is_there| *is_there).and_then(|_| fs::read(path).ok())?;
        serde_json::from_slice(&line).ok()
    }

    /// Returns whether these bytes are the beginning of a journal of this entry.
    pub(crate) fn may_begin(bytes: &[u8], entry: u64, previous: &str) -> bool {
        let begins =
            format!(r#"{{"version":{VERSION},"entry":{entry},"previous":"{previous}","run":""#);
        let length = bytes.len().min(begins.len());
        bytes.len() < 1024 && bytes.get(..length) == begins.as_bytes().get(..length)
    }

    /// Returns whether the run may have staged a file with this name, a path in the archive.
    pub(crate) fn may_have_staged(&self, name: &str) -> bool {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if let Some(rejects) = name.strip_prefix(STAGED) {
            return rejects == format!("/{}", self.rejects());
        }
        let in_stage = name
            .strip_prefix(".events.nhn-cloudtrail/")
            .or_else(|| name.strip_prefix("events/.nhn-cloudtrail/"));
        let parts = in_stage.map(|name| name.split('/').collect::<Vec<_>>());
        match parts.as_deref() {
            Some(["probe"]) => true,
            Some([name]) => {
                let aside = name.strip_prefix("aside-").map(|day| day.trim_start_matches('-'));
                is_number(name) || aside.is_some_and(|day| day.is_empty() || is_number(day))
            }
            Some([day, file]) if day.starts_with("event_date=") => {
                let number = file.strip_prefix("part-").and_then(|file| {
                    file.strip_prefix(self.run.as_str())?
                        .strip_prefix('-')?
                        .strip_suffix(".parquet")
                });
                number.is_some_and(is_number)
            }
            _ => false,
        }
    }

    /// Returns the name of the file of the entry's rejects.
    pub(crate) fn rejects(&self) -> String {
        format!("rejects-{:08}.jsonl", self.entry)
    }
}

pub(crate) fn journal_file(own: &Path) -> PathBuf {
    own.join("journal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_run_itself_names_so_is_its_own() {
        let journal = Journal {
            version: 1,
            entry: 7,
            previous: "0".repeat(64),
            run: "20261001T000000000Z-00ff".to_owned(),
            time: String::new(),
        };
        let stage = ".events.nhn-cloudtrail/";
        let day = format!("{stage}event_date=2026-10-01/");
        for name in [
            format!("{stage}0"),
            format!("{stage}aside-20000"),
            format!("{stage}aside--3"),
            format!("{stage}aside-"),
            format!("{stage}probe"),
            "events/.nhn-cloudtrail/12".to_owned(),
            format!("{day}part-20261001T000000000Z-00ff-0000.parquet"),
            "_archive/staged/rejects-00000007.jsonl".to_owned(),
        ] {
            assert!(journal.may_have_staged(&name), "{name}");
        }
        for name in [
            format!("{stage}notes.txt"),
            format!("{stage}aside-x"),
            format!("{stage}1/0"),
            format!("{stage}event_date=2026-10-01"),
            format!("{day}part-20261001T000000000Z-00fe-0000.parquet"),
            format!("{day}part-20261001T000000000Z-00ff-x.parquet"),
            format!("{day}part-20261001T000000000Z-00ff-0000.txt"),
            format!("{day}x/part-20261001T000000000Z-00ff-0000.parquet"),
            "_archive/staged/rejects-00000006.jsonl".to_owned(),
            "_archive/staged/x".to_owned(),
            "_archive/rejects/rejects-00000007.jsonl".to_owned(),
            "events/event_date=2026-10-01/part-20261001T000000000Z-00ff-0000.parquet".to_owned(),
        ] {
            assert!(!journal.may_have_staged(&name), "{name}");
        }
        let line = serde_json::to_vec(&journal).unwrap();
        for cut in 0..=line.len() {
            assert!(Journal::may_begin(&line[..cut], 7, &journal.previous));
        }
        assert!(!Journal::may_begin(&line, 8, &journal.previous));
        assert!(!Journal::may_begin(b"x", 7, &journal.previous));
    }
}
