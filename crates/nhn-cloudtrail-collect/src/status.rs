//! What an archive has, as its ledger says.

use std::collections::BTreeMap;
use std::path::Path;

use nhn_cloudtrail::{Code, Error, Result};
use serde::Serialize;

use crate::archive::{OWN, REJECTS, known, time};
use crate::ledger::{Counts, Gap, Ledger, place};
use crate::plan;

/// What an archive has.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// How many events it has.
    pub events: u64,
    /// How many records could not become events.
    pub rejects: u64,
    /// How many files it has, and how many bytes.
    pub files: u64,
    /// The bytes of its files.
    pub bytes: u64,
    /// The hash of the ledger's last line.
    pub head: String,
    /// The days that it has events of, in order; the last one may be of those without a time.
    pub days: Vec<Day>,
    /// The organizations that were asked by the API.
    pub sources: Vec<SourceStatus>,
    /// How many objects of buckets were read.
    pub objects: u64,
    /// The last run that came to its end.
    pub last_run: Option<LastRun>,
}

/// A day of an archive, UTC.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Day {
    /// `YYYY-MM-DD`; none for events without a time.
    pub date: Option<String>,
    /// How many events.
    pub events: u64,
    /// How many files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What an archive has of an organization.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SourceStatus {
    /// A hash of the base URL and the appkey.
    pub source: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// Until when.
    pub until: String,
    /// What is missing in between.
    pub gaps: Vec<Stretch>,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stretch {
    /// Since when, RFC 3339.
    pub since: String,
    /// Until when.
    pub until: String,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LastRun {
    /// When it began, RFC 3339.
    pub begun: String,
    /// When it ended.
    pub ended: String,
    /// What it fetched.
    pub records: Counts,
    /// What it did not come to.
    pub gaps: Vec<Gap>,
}

impl Status {
    /// Reads what an archive has. Its files are not looked at: that is [`Verify`](crate::Verify)'s.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` where there is no archive, `INVALID_ARCHIVE` where its ledger does not hold.
    pub fn read(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        let own = root.join(OWN);
        if !own.is_dir() {
            let (code, message) = match root.exists() {
                true => (Code::InvalidArchive, "this folder is no archive: it has no ledger"),
                false => (Code::NotFound, "no such archive"),
            };
            return Err(Error::new(code, message).at(place(root)));
        }
        let ledger = Ledger::read(&own)?;
        let mut status = Self {
            events: 0,
            rejects: 0,
            files: 0,
            bytes: 0,
            head: ledger.head,
            days: Vec::new(),
            sources: Vec::new(),
            objects: 0,
            last_run: None,
        };
        let mut days = BTreeMap::<_, Day>::new();
        let mut sources = BTreeMap::<&str, Vec<_>>::new();
        for entry in &ledger.entries {
            status.objects += entry.objects.len() as u64;
            for file in &entry.files {
                status.files += 1;
                status.bytes += file.bytes;
                if file.path.starts_with(REJECTS) {
                    status.rejects += file.records;
                    continue;
                }
                status.events += file.records;
                let day = file.path.split('/').find_map(|part| part.strip_prefix("event_date="));
                let date = day.filter(|day| day.starts_with(|c: char| c.is_ascii_digit()));
                // Those without a time last.
                let day = days.entry((date.is_none(), date)).or_insert_with(|| Day {
                    date: date.map(str::to_owned),
                    events: 0,
                    files: 0,
                    bytes: 0,
                });
                day.events += file.records;
                day.files += 1;
                day.bytes += file.bytes;
            }
            for covered in &entry.covered {
                sources.entry(&covered.source).or_default().push(covered);
            }
            if let Some(run) = &entry.run {
                status.last_run = Some(LastRun {
                    begun: run.begun.clone(),
                    ended: entry.time.clone(),
                    records: run.records,
                    gaps: run.gaps.clone(),
                });
            }
        }
        status.days = days.into_values().collect();
        for (source, covered) in sources {
            let (known, _) = known(covered.into_iter());
            let since = known.iter().map(|period| period.from).min().unwrap_or_default();
            let until = known.iter().map(|period| period.to).max().unwrap_or_default();
            let gaps = plan::uncovered(since, until, &known).into_iter();
            status.sources.push(SourceStatus {
                source: source.to_owned(),
                since: time(since),
                until: time(until),
                gaps: gaps
                    .map(|(since, until)| Stretch { since: time(since), until: time(until) })
                    .collect(),
            });
        }
        Ok(status)
    }
}
