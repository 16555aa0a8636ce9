//! The losses of an archive, and which of them are settled.

use std::fs;
use std::io;
use std::path::Path;

use nhn_cloudtrail::{Code, Error, Result, Timestamp};
use serde::Serialize;

use crate::archive::{known, time};
use crate::fetch::Period;
use crate::ledger::{Covered, How, Ledger, Loss, RecordedFile, Why, failed, hash_file, is_own};
use crate::plan;
use crate::verify::Hashed;

/// What is wrong with a recorded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    Gone,
    Altered,
    /// Something other than a regular file is in its place: a link, a folder, a pipe.
    NoFile,
}

impl Damage {
    pub(crate) fn told(self) -> &'static str {
        match self {
            Damage::Gone => "is missing",
            Damage::Altered => "differs from the ledger",
            Damage::NoFile => "is not a file: remove what is there",
        }
    }
}

/// A loss of an archive, open or settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LossStatus {
    /// The path of a file in the archive, or the URL of an object; `None` for a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Start of a period, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// End of a period, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The organization of a period, by its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Number of records of a lost file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// State of the loss.
    pub state: LossState,
    /// How the loss was repaired, why it is final, or, for an open loss, what is wrong.
    pub reason: String,
    /// When the loss was settled, RFC 3339; `None` for an open loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// The state of a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LossState {
    /// Neither repaired nor acknowledged yet.
    Open,
    /// The lost data was read again.
    Repaired,
    /// The data cannot be recovered, as a user acknowledged.
    Final,
}

impl LossStatus {
    /// Returns a description of what is lost.
    pub fn what(&self) -> String {
        match (&self.path, &self.since, &self.until) {
            (Some(path), ..) => path.clone(),
            (None, Some(since), Some(until)) => format!("{since}/{until}"),
            _ => "everything".to_owned(),
        }
    }

    pub(crate) fn of(loss: &Loss, state: LossState, reason: String, time: Option<String>) -> Self {
        let (mut path, mut since, mut until, mut source) = (None, None, None, None);
        match loss {
            Loss::File(name) | Loss::Object(name) => path = Some(name.clone()),
            Loss::Period { source: of, from, to } => {
                (since, until) = (Some(self::time(*from)), Some(self::time(*to)));
                source = Some(of.clone());
            }
        }
        Self { path, since, until, source, records: None, state, reason, time }
    }
}

impl Ledger {
    /// Returns whether a loss was repaired, or is final.
    pub(crate) fn is_settled(&self, loss: &Loss) -> bool {
        match loss {
            Loss::Period { source, from, to } => covers(&self.final_periods(source), (*from, *to)),
            loss => self.settled().any(|settled| settled.loss == *loss),
        }
    }

    /// Returns the periods of a source whose loss is final, in chronological order.
    pub(crate) fn final_periods(&self, source: &str) -> Vec<(i64, i64)> {
        let periods = self.settled().filter_map(|settled| match &settled.loss {
            Loss::Period { source: of, from, to } if of == source && settled.how == How::Final => {
                Some((*from, *to))
            }
            _ => None,
        });
        let mut periods: Vec<_> = periods.collect();
        periods.sort_unstable();
        plan::stretches(periods, i64::MIN, i64::MAX)
    }

    /// Returns the start of the first day that was not pruned, in milliseconds since 1970.
    pub(crate) fn kept_since(&self) -> Option<i64> {
        let removed = self.entries.iter().flat_map(|entry| &entry.removed);
        let days = removed.filter_map(|removed| match &removed.why {
            Why::Pruned { before, .. } => day(before),
            Why::Compacted { .. } => None,
        });
        days.max()
    }

    /// Returns the last run's gaps and the periods that are not covered in between, as losses of periods,
    /// and the objects among the gaps. A gap does not record its source, so it counts for every source
    /// that was requested.
    pub(crate) fn open_gaps(&self) -> Vec<(Loss, String)> {
        let mut open = Vec::new();
        let run = self.entries.iter().rev().find_map(|entry| entry.run.as_ref());
        let gaps = run.map_or(&[][..], |run| &run.gaps);
        for source in self.sources() {
            let finals = self.final_periods(source);
            let covered = self.entries.iter().flat_map(|entry| &entry.covered);
            let (known, _) = known(covered.filter(|covered| covered.source == source));
            let since = known.iter().map(|period| period.from).min().unwrap_or_default();
            let until = known.iter().map(|period| period.to).max().unwrap_or_default();
            let between = plan::uncovered(since, until, &known).into_iter();
            let mut periods: Vec<_> =
                between.map(|ends| (ends, "it was not fetched".to_owned())).collect();
            for gap in gaps {
                let end =
                    |end: &Option<String>| Some(Timestamp::parse(end.as_deref()?)?.as_millis());
                let Some(ends) = end(&gap.since).zip(end(&gap.until)) else { continue };
                periods.retain(|(other, _)| other.0 < ends.0 || other.1 > ends.1);
                periods.push((ends, gap.reason.clone()));
            }
            let kept = self.kept_since().unwrap_or(i64::MIN);
            for ((from, to), reason) in periods {
                let parts = plan::uncovered(from.max(kept), to, &as_periods(&finals));
                open.extend(parts.into_iter().map(|(from, to)| {
                    (Loss::Period { source: source.to_owned(), from, to }, reason.clone())
                }));
            }
        }
        let objects = gaps.iter().filter_map(|gap| {
            let object = gap.object.as_ref().filter(|name| name.starts_with("s3://"))?;
            Some((Loss::Object(object.clone()), gap.reason.clone()))
        });
        open.extend(objects.filter(|(loss, _)| !self.is_settled(loss)));
        open
    }

    /// Returns the organizations that were requested, by their hashes.
    pub(crate) fn sources(&self) -> Vec<&str> {
        let covered = self.entries.iter().flat_map(|entry| &entry.covered);
        let mut sources: Vec<&str> =
            covered.map(|Covered { source, .. }| source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }
}

/// Returns whether one of the periods contains the range `ends`. The periods are in chronological order
/// and do not touch.
pub(crate) fn covers(periods: &[(i64, i64)], ends: (i64, i64)) -> bool {
    periods.iter().any(|period| period.0 <= ends.0 && ends.1 <= period.1)
}

/// Returns periods that need no further requests.
pub(crate) fn as_periods(ends: &[(i64, i64)]) -> Vec<Period> {
    let period = |&(from, to)| Period { from, to, known: None, only_compare: false };
    ends.iter().map(period).collect()
}

/// Returns the known and the final periods of a source, in chronological order.
pub(crate) fn with_final(mut known: Vec<Period>, finals: &[(i64, i64)]) -> Vec<Period> {
    known.extend(as_periods(finals));
    known.sort_by_key(Period::ends);
    known
}

/// Returns the start of a day `YYYY-MM-DD`, in milliseconds since 1970.
pub(crate) fn day(date: &str) -> Option<i64> {
    Some(Timestamp::parse(&format!("{date}T00:00:00Z"))?.as_millis()).filter(|_| date.len() == 10)
}

/// Returns the start of the day of a file in an archive, or `None` if the file does not belong to a day.
pub(crate) fn day_of(path: &str) -> Option<i64> {
    day(path.split('/').find_map(|part| part.strip_prefix("event_date="))?)
}

/// Hashes files, and reports the progress.
pub(crate) struct Hashing<'a> {
    done: u64,
    total: u64,
    hashed: Hashed<'a>,
}

impl<'a> Hashing<'a> {
    pub(crate) fn new(total: u64, hashed: Hashed<'a>) -> Self {
        Self { done: 0, total, hashed }
    }

    /// Returns what is wrong with a recorded file, or `None` if it matches the ledger.
    ///
    /// # Errors
    ///
    /// `IO` if it cannot be read, `INTERRUPTED`.
    pub(crate) fn check(&mut self, root: &Path, file: &RecordedFile) -> Result<Option<Damage>> {
        let Ok(path) = crate::departure::inside(root, &file.path) else {
            return Ok(Some(Damage::NoFile));
        };
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Damage::Gone)),
            Ok(data) if !data.is_file() => return Ok(Some(Damage::NoFile)),
            Ok(data) if data.len() != file.bytes => return Ok(Some(Damage::Altered)),
            _ => (),
        }
        let (bytes, sha256) = self.hash(&path)?;
        Ok((bytes != file.bytes || sha256 != file.sha256).then_some(Damage::Altered))
    }

    fn hash(&mut self, path: &Path) -> Result<(u64, String)> {
        is_own(path)?;
        let hashed = hash_file(path, |bytes| {
            self.done += bytes;
            (self.hashed)(self.done.min(self.total), self.total)
        });
        hashed.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionAborted => stopped(),
            _ => failed(path, error),
        })
    }

    /// Reports that `bytes` more bytes are done.
    ///
    /// # Errors
    ///
    /// `INTERRUPTED`.
    pub(crate) fn advance(&mut self, bytes: u64) -> Result<()> {
        self.done += bytes;
        match (self.hashed)(self.done.min(self.total), self.total) {
            true => Ok(()),
            false => Err(stopped()),
        }
    }
}

fn stopped() -> Error {
    Error::new(Code::Interrupted, "it was stopped")
}

/// Returns the recorded files that are missing or altered, with what is wrong, in the order of the
/// ledger.
pub(crate) fn damaged(
    root: &Path,
    ledger: &Ledger,
    hashed: Hashed<'_>,
) -> Result<Vec<(RecordedFile, Damage)>> {
    let total = ledger.files().map(|file| file.bytes).sum();
    let mut hashing = Hashing::new(total, hashed);
    let mut found = Vec::new();
    for file in ledger.files() {
        if let Some(damage) = hashing.check(root, file)? {
            found.push((file.clone(), damage));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_by_names_of_folders() {
        let path = |date: &str| format!("events/event_date={date}/part-1.parquet");
        assert_eq!(day_of(&path("1970-01-02")), Some(plan::DAY));
        for date in ["__HIVE_DEFAULT_PARTITION__", "1970-1-2", "1970-01-02T", "1970-13-01", ""] {
            assert_eq!(day_of(&path(date)), None, "{date}");
        }
        assert_eq!(day_of("_archive/rejects/rejects-00000001.jsonl"), None);
    }
}
