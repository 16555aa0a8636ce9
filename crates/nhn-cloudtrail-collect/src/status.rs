//! The contents of an archive, as its ledger records them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::Read;
use std::path::Path;

use nhn_cloudtrail::{Code, Error, Result, Timestamp, printable};
use serde::Serialize;

use crate::archive::{EVENTS, LOCK, OWN, REJECTS, known, time};
use crate::client::now;
use crate::compact::small_files;
use crate::ledger::{Counts, Gap, How, Ledger, Loss, Settled, Why, is_own, place};
use crate::losses::{LossState, LossStatus, covers, day_of, with_final};
use crate::plan;

/// The maximum number of bytes read from the text in the lock file.
const MAX_HOLDER: u64 = 200;

/// The contents of an archive.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Number of events.
    pub events: u64,
    /// Number of records that could not become events.
    pub rejects: u64,
    /// Number of files.
    pub files: u64,
    /// Total size of the files in bytes.
    pub bytes: u64,
    /// Hash of the ledger's last line.
    pub head: String,
    /// Days with events, in order. The last one may stand for events without a time.
    pub days: Vec<Day>,
    /// Organizations that were collected from the API.
    pub sources: Vec<SourceStatus>,
    /// Number of objects read from buckets.
    pub objects: u64,
    /// Buckets that have names.
    pub buckets: Vec<BucketStatus>,
    /// Losses: first the settled ones in the order of the ledger, then the open ones. Only the sizes of
    /// files are checked, not their contents.
    pub losses: Vec<LossStatus>,
    /// Days that were pruned, in the order of the ledger.
    pub pruned: Vec<PrunedStatus>,
    /// Number of small files that [`Compaction`](crate::Compaction) would merge.
    pub compactable: u64,
    /// The last run that was completed.
    pub last_run: Option<LastRun>,
    /// The run that holds the archive's lock.
    pub lock: Option<LockStatus>,
}

/// A day of an archive, in UTC.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Day {
    /// `YYYY-MM-DD`; `None` for events without a time.
    pub date: Option<String>,
    /// Number of events.
    pub events: u64,
    /// Number of files.
    pub files: u64,
    /// Size in bytes.
    pub bytes: u64,
}

/// One pruning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrunedStatus {
    /// The first day that was kept, `YYYY-MM-DD`.
    pub before: String,
    /// The reason.
    pub reason: String,
    /// When it was pruned, RFC 3339.
    pub time: String,
    /// Number of days.
    pub days: u64,
    /// Number of files.
    pub files: u64,
    /// Number of records.
    pub records: u64,
    /// Size in bytes.
    pub bytes: u64,
}

/// What an archive has of an organization.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SourceStatus {
    /// A hash of the base URL and the appkey.
    pub source: String,
    /// The name that the last run with a name used for it.
    pub name: Option<String>,
    /// Start, RFC 3339.
    pub since: String,
    /// End, RFC 3339.
    pub until: String,
    /// Missing periods in between.
    pub gaps: Vec<Stretch>,
}

/// What an archive has of a named bucket.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BucketStatus {
    /// `s3://bucket` or `s3://bucket/prefix`.
    pub source: String,
    /// The name that the last run with a name used for it.
    pub name: String,
    /// Number of objects read whose names begin with this URL.
    pub objects: u64,
}

/// A run that holds an archive's lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LockStatus {
    /// How the run identifies itself, such as `process 4711, since 2026-10-31T09:00:00.000Z`.
    pub holder: String,
    /// Start of the run, RFC 3339, if `holder` contains it.
    pub since: Option<String>,
}

/// A range of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stretch {
    /// Start, RFC 3339.
    pub since: String,
    /// End, RFC 3339.
    pub until: String,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LastRun {
    /// When it started, RFC 3339.
    pub begun: String,
    /// When it ended, RFC 3339.
    pub ended: String,
    /// Number of records received, and what they became.
    pub records: Counts,
    /// What it did not fetch.
    pub gaps: Vec<Gap>,
}

impl Status {
    /// Reads the contents of an archive from its ledger. The files are not compared with it; see
    /// [`Verify`](crate::Verify).
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` if there is no archive, `INVALID_ARCHIVE` if its ledger is not valid.
    pub fn read(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        let own = root.join(OWN);
        if !own.is_dir() {
            let (code, message) = match root.exists() {
                true => (Code::InvalidArchive, "this folder is not an archive: it has no ledger"),
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
            head: ledger.head.clone(),
            days: Vec::new(),
            sources: Vec::new(),
            objects: 0,
            buckets: Vec::new(),
            losses: Vec::new(),
            pruned: Vec::new(),
            compactable: 0,
            last_run: None,
            lock: lock_status(root),
        };
        let mut names = BTreeMap::<&str, &str>::new();
        let mut days = BTreeMap::<_, Day>::new();
        let mut sources = BTreeMap::<&str, Vec<_>>::new();
        for file in ledger.files() {
            status.files += 1;
            status.bytes += file.bytes;
            if file.path.starts_with(REJECTS) {
                status.rejects += file.records;
            }
            if !file.path.starts_with(EVENTS) {
                continue;
            }
            status.events += file.records;
            let date = day_of(&file.path).map(crate::compact::date);
            // Events without a time are last.
            let day = days.entry((date.is_none(), date.clone())).or_insert_with(|| Day {
                date,
                events: 0,
                files: 0,
                bytes: 0,
            });
            day.events += file.records;
            day.files += 1;
            day.bytes += file.bytes;
        }
        // An object that was read again is listed again.
        let objects = ledger.entries.iter().flat_map(|entry| &entry.objects);
        let objects: HashSet<_> = objects.collect();
        status.objects = objects.len() as u64;
        for entry in &ledger.entries {
            for covered in &entry.covered {
                sources.entry(&covered.source).or_default().push(covered);
            }
            if let Some(run) = &entry.run {
                names.extend(run.names.iter().map(|(key, name)| (key.as_str(), name.as_str())));
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
            let known = with_final(known, &ledger.final_periods(source));
            let since = since.max(ledger.kept_since().unwrap_or(i64::MIN)).min(until);
            let gaps = plan::uncovered(since, until, &known).into_iter();
            status.sources.push(SourceStatus {
                source: source.to_owned(),
                name: names.get(source).map(|name| (*name).to_owned()),
                since: time(since),
                until: time(until),
                gaps: gaps
                    .map(|(since, until)| Stretch { since: time(since), until: time(until) })
                    .collect(),
            });
        }
        for (source, name) in names.into_iter().filter(|(source, _)| source.starts_with("s3://")) {
            let of_bucket = objects.iter().filter(|object| object.name.starts_with(source));
            let objects = of_bucket.count() as u64;
            let (source, name) = (source.to_owned(), name.to_owned());
            status.buckets.push(BucketStatus { source, name, objects });
        }
        status.losses = losses(root, &ledger);
        status.pruned = pruned(&ledger);
        let small = small_files(ledger.files(), now());
        status.compactable = small.values().map(|files| files.len() as u64).sum();
        if let Some(run) = &mut status.last_run {
            run.gaps.retain(|gap| !is_settled(&ledger, gap));
        }
        Ok(status)
    }
}

/// Returns the run that holds an archive's lock. The check holds a shared lock for a moment; a run that
/// starts just then waits.
fn lock_status(root: &Path) -> Option<LockStatus> {
    let path = root.join(LOCK);
    let file = is_own(&path).ok().filter(|exists| *exists).and_then(|_| File::open(&path).ok())?;
    let Err(TryLockError::WouldBlock) = file.try_lock_shared() else { return None };
    let mut holder = String::new();
    // The text is only informative.
    let _ = file.take(MAX_HOLDER).read_to_string(&mut holder);
    let since = holder.trim().rsplit_once("since ").map(|(_, since)| since.to_owned());
    let since = since.filter(|since| Timestamp::parse(since).is_some());
    Some(LockStatus { holder: printable(holder.trim()).into_owned(), since })
}

/// Returns whether a gap of a run has since been repaired, or is final.
fn is_settled(ledger: &Ledger, gap: &Gap) -> bool {
    if let Some(object) = &gap.object {
        let losses = [Loss::File(object.clone()), Loss::Object(object.clone())];
        return losses.iter().any(|loss| ledger.is_settled(loss));
    }
    let end = |end: &Option<String>| Some(Timestamp::parse(end.as_deref()?)?.as_millis());
    let Some((since, until)) = end(&gap.since).zip(end(&gap.until)) else { return false };
    let kept = ledger.kept_since().unwrap_or(i64::MIN);
    let is_final = |source: &&str| covers(&ledger.final_periods(source), (since.max(kept), until));
    until <= kept || ledger.sources().iter().any(is_final)
}

fn losses(root: &Path, ledger: &Ledger) -> Vec<LossStatus> {
    let files = ledger.entries.iter().flat_map(|entry| &entry.files);
    let records: HashMap<&str, u64> =
        files.map(|file| (file.path.as_str(), file.records)).collect();
    let mut losses = Vec::new();
    for entry in &ledger.entries {
        for Settled { loss, how, reason } in &entry.settled {
            let state = match how {
                How::Repaired => LossState::Repaired,
                How::Final => LossState::Final,
            };
            let time = Some(entry.time.clone());
            let mut status = LossStatus::of(loss, state, reason.clone(), time);
            if let Loss::File(path) = loss {
                status.records = records.get(path.as_str()).copied();
            }
            losses.push(status);
        }
    }
    for file in ledger.files() {
        let data = fs::symlink_metadata(root.join(&file.path));
        if !data.is_ok_and(|data| data.is_file() && data.len() == file.bytes) {
            let loss = Loss::File(file.path.clone());
            let reason = "is missing, or its size differs from the ledger".to_owned();
            let status = LossStatus::of(&loss, LossState::Open, reason, None);
            losses.push(LossStatus { records: Some(file.records), ..status });
        }
    }
    let open = ledger.open_gaps().into_iter();
    losses.extend(open.map(|(loss, why)| LossStatus::of(&loss, LossState::Open, why, None)));
    losses
}

fn pruned(ledger: &Ledger) -> Vec<PrunedStatus> {
    let mut files = HashMap::new();
    let mut pruned = Vec::new();
    for entry in &ledger.entries {
        files.extend(entry.files.iter().map(|file| (file.path.as_str(), file)));
        for removed in &entry.removed {
            let Why::Pruned { before, reason } = &removed.why else { continue };
            let gone: Vec<_> =
                removed.paths.iter().filter_map(|path| files.get(path.as_str())).collect();
            let mut days: Vec<_> = gone.iter().filter_map(|file| day_of(&file.path)).collect();
            days.sort_unstable();
            days.dedup();
            pruned.push(PrunedStatus {
                before: before.clone(),
                reason: reason.clone(),
                time: entry.time.clone(),
                days: days.len() as u64,
                files: gone.len() as u64,
                records: gone.iter().map(|file| file.records).sum(),
                bytes: gone.iter().map(|file| file.bytes).sum(),
            });
        }
    }
    pruned
}
