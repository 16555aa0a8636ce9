//! A local archive: events as a data set of Parquet files by day, and a ledger that records every file.
//!
//! ```text
//! DIR/events/event_date=YYYY-MM-DD/part-….parquet   events, with their original records
//! DIR/_archive/ledger.jsonl                         what was added when; each line has the previous line's hash
//! DIR/_archive/head                                 the hash of the ledger's last line
//! DIR/_archive/rejects/….jsonl                      records that could not become events
//! DIR/_archive/signature.json                       the signature of the head, if a key is used
//! ```
//!
//! A ledger entry is written before its files are renamed to their final names. So after a kill at any
//! moment the files of the last entry are either in place or staged beside the data set, where the next
//! run finds them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nhn_cloudtrail::{Code, DATA_SET, Error, Result, Timestamp};
use nhn_cloudtrail_arrow::{PROBE, Prepared, disk, recover, stages};

use crate::client::now;
use crate::departure;
use crate::fetch::Period;
use crate::head_file;
use crate::journal::{Journal, journal_file};
use crate::ledger::{
    Counts, Covered, Entry, Ledger, Object, RecordedFile, Removed, Run, Settled, failed, hash,
    hash_file, head_file, is_own, place,
};
use crate::losses::day_of;
use crate::plan;
use crate::rejects::raw_of;
use crate::rules::VERSION;
use crate::sign::{Signer, sign, signature_file};

/// The folder of the data set in an archive.
pub(crate) const EVENTS: &str = "events";
/// The folder of everything else. Readers of logs and data sets ignore names that begin with an
/// underscore.
pub(crate) const OWN: &str = "_archive";
pub(crate) const REJECTS: &str = "_archive/rejects";
pub(crate) const STAGED: &str = "_archive/staged";
pub(crate) const LOCK: &str = "_archive/lock";

/// An archive that is open for writing. It holds the archive's lock.
pub(crate) struct Archive {
    root: PathBuf,
    pub(crate) ledger: Ledger,
    /// Recorded files that are missing or have another size.
    pub(crate) damaged: BTreeSet<String>,
    /// The days of the damaged files, in milliseconds since 1970.
    damaged_days: Vec<i64>,
    pub(crate) again: Again,
    /// Number of ledger entries when the archive was opened.
    pub(crate) opened_with: usize,
    /// Hashes of the stored rejects; read when they are first needed.
    rejects: Option<HashSet<[u8; 32]>>,
    guards: Guards,
    journal: Journal,
    /// Whether everything that was started has been completed.
    is_clean: bool,
    /// Problems that do not stop the run.
    pub(crate) warnings: Vec<String>,
    _lock: File,
}

/// What is known about the archive outside of it. It is checked before anything is written to the
/// archive, and kept up to date.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards {
    pub(crate) signer: Option<Arc<Signer>>,
    pub(crate) head_file: Option<PathBuf>,
}

impl Guards {
    /// Checks that the archive has the head that was signed or stored last.
    fn check(&self, own: &Path, ledger: &Ledger) -> Result<()> {
        let invalid =
            |message: String| Err(Error::new(Code::InvalidArchive, message).at(place(own)));
        if let Some(path) = &self.head_file {
            let entries = ledger.entries.len() as u64;
            let head_at = |entry| ledger.head_at(entry).map(str::to_owned);
            if let Some(message) = head_file::check(path, entries, head_at)? {
                return invalid(message);
            }
        }
        let signer = self.signer.as_deref();
        let wrong = signer.map(|signer| signer.check(own, |entry| ledger.head_at(entry)));
        wrong.transpose()?.flatten().map_or(Ok(()), invalid)
    }
}

/// What one commit adds to an archive.
#[derive(Default)]
pub(crate) struct Gain {
    pub(crate) prepared: Option<Prepared>,
    /// JSON lines.
    pub(crate) rejects: Vec<u8>,
    pub(crate) rejected: u64,
    pub(crate) counts: Counts,
    pub(crate) covered: Vec<Covered>,
    pub(crate) objects: Vec<Object>,
    pub(crate) removed: Vec<Removed>,
    pub(crate) settled: Vec<Settled>,
    /// Paths of recorded files with other content; they are moved to `_archive/damaged`.
    pub(crate) set_aside: Vec<String>,
    pub(crate) run: Option<Run>,
}

/// What is read again even though it was read before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Again {
    /// Every requested period; otherwise only periods on days with damaged files.
    pub(crate) periods: bool,
    pub(crate) objects: bool,
}

/// How often a waiting run checks whether the lock is free.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The minimum time that every run waits for the lock, since `status` holds it for a moment.
const MIN_LOCK_WAIT: Duration = Duration::from_millis(300);

impl Archive {
    /// Opens an archive, and waits at most `longest` while another run holds its lock. Fails as soon as
    /// `check` fails.
    pub(crate) fn open_within(
        longest: Duration,
        root: &Path,
        guards: &Guards,
        check: impl Fn() -> Result<()>,
    ) -> Result<Self> {
        let longest = longest.max(MIN_LOCK_WAIT);
        let begun = Instant::now();
        loop {
            match Self::open(root, guards.clone()) {
                Err(error) if error.code() == Code::Locked && begun.elapsed() < longest => {
                    check()?;
                    std::thread::sleep(POLL_INTERVAL.min(longest.saturating_sub(begun.elapsed())));
                }
                opened => return opened,
            }
        }
    }

    /// Opens an archive, or creates one in a new or empty folder. Fails if the archive is not the one
    /// that `guards` describe.
    pub(crate) fn open(root: &Path, guards: Guards) -> Result<Self> {
        let own = root.join(OWN);
        if root.exists() && !own.is_dir() {
            let mut entries = fs::read_dir(root).map_err(|error| failed(root, error))?;
            // The folder may be left from a run that was killed while it created the archive.
            if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != DATA_SET)) {
                let message = "this folder holds something else than an archive: name a new folder";
                return Err(Error::new(Code::InvalidArchive, message).at(place(root)));
            }
        }
        disk::new_folders(&own).map_err(|error| failed(&own, error))?;
        let root = fs::canonicalize(root).map_err(|error| failed(root, error))?;
        let own = root.join(OWN);
        for folder in [OWN, EVENTS, REJECTS] {
            is_folder(&root.join(folder))?;
        }
        for file in [LOCK, DATA_SET].map(|file| root.join(file)) {
            is_own(&file)?;
        }
        let days = fs::read_dir(root.join(EVENTS)).into_iter().flatten().flatten();
        for day in days.filter(|day| day.file_name().as_encoded_bytes().starts_with(b"event_date="))
        {
            is_folder(&day.path())?;
        }
        is_own(&root.join(EVENTS).join(DATA_SET))?;
        is_own(&journal_file(&own))?;
        let lock = lock(&root)?;
        let mut ledger = Ledger::read_as_is(&own)?;
        guards.check(&own, &ledger)?;
        // Marks the folder as one of ours for the core, even if it does not hold an event yet.
        let mark = root.join(DATA_SET);
        disk::open(&mark, File::options().append(true).create(true))
            .map_err(|error| failed(&mark, error))?;
        ledger.mend()?;
        recover_files(&root, &ledger)?;
        for file in [head_file(&own), signature_file(&own), journal_file(&own)] {
            let unfinished = file.with_extension("unfinished");
            disk::remove_all(&unfinished).map_err(|error| failed(&unfinished, error))?;
        }
        let mut archive = Self {
            opened_with: ledger.entries.len(),
            journal: Journal::begin(&own, ledger.next(), &ledger.head)?,
            root,
            ledger,
            damaged: BTreeSet::new(),
            damaged_days: Vec::new(),
            again: Again::default(),
            rejects: None,
            guards,
            is_clean: true,
            warnings: Vec::new(),
            _lock: lock,
        };
        archive.warn_unsigned();
        let files = archive.ledger.files();
        let is_damaged = |file: &&RecordedFile| {
            let data = fs::symlink_metadata(archive.root.join(&file.path));
            !data.is_ok_and(|data| data.is_file() && data.len() == file.bytes)
        };
        let damaged = files.filter(is_damaged).map(|file| file.path.clone());
        let damaged: Vec<_> = damaged.collect();
        archive.mark_damaged(damaged);
        Ok(archive)
    }

    /// Warns if an archive that is not new is signed for the first time: its signature may have been removed.
    fn warn_unsigned(&mut self) {
        let entries = self.ledger.entries.len();
        if self.guards.signer.is_some() && entries > 0 && !signature_file(&self.own()).exists() {
            self.warnings.push(format!(
                "the archive has {entries} entries and no signature; it is signed from now on. If it was \
                 signed before, compare it with an earlier head: `archive verify --head`"
            ));
        }
    }

    /// Marks recorded files as missing or altered. The records of their days are fetched again.
    pub(crate) fn mark_damaged(&mut self, paths: impl IntoIterator<Item = String>) {
        self.damaged.extend(paths);
        self.damaged_days = self.damaged.iter().filter_map(|path| day_of(path)).collect();
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn events(&self) -> PathBuf {
        self.root.join(EVENTS)
    }

    /// Returns the existing recorded files of the data set, by their paths in it.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Path> {
        let here = self.ledger.files().filter(|file| !self.damaged.contains(&file.path));
        here.filter_map(|file| file.path.strip_prefix(EVENTS)?.strip_prefix('/')).map(Path::new)
    }

    pub(crate) fn own(&self) -> PathBuf {
        self.root.join(OWN)
    }

    /// Returns the text that the names of the data set's next files must contain; see [`Dataset::named`].
    /// `verify` accepts only files with this name as those of an interrupted run.
    ///
    /// [`Dataset::named`]: nhn_cloudtrail_arrow::Dataset::named
    pub(crate) fn files_name(&self) -> &str {
        &self.journal.run
    }

    /// Returns the known periods of a source in chronological order; and the record counts of periods
    /// that span several others, by their ends.
    pub(crate) fn known(&self, source: &str) -> (Vec<Period>, Wholes) {
        let entries = self.ledger.entries.iter().enumerate();
        // Periods of missing files can be fetched again as long as the API keeps them.
        let is_here = move |at: usize, covered: &Covered| {
            let on_day = |day: &i64| covered.to >= *day && covered.from <= day + plan::DAY;
            at >= self.opened_with || !self.again.periods && !self.damaged_days.iter().any(on_day)
        };
        let covered = entries.flat_map(|(at, entry)| {
            entry.covered.iter().filter(move |covered| is_here(at, covered))
        });
        known(covered.filter(|covered| covered.source == source))
    }

    /// Returns the objects that are in the archive.
    pub(crate) fn objects(&self) -> HashSet<Object> {
        let from = if self.again.objects { self.opened_with } else { 0 };
        let entries = self.ledger.entries.iter().skip(from);
        entries.flat_map(|entry| entry.objects.iter().cloned()).collect()
    }

    /// Returns whether a reject is new, and remembers it.
    pub(crate) fn is_new_reject(&mut self, raw: &[u8]) -> Result<bool> {
        let mut known = match self.rejects.take() {
            Some(known) => known,
            None => self.read_rejects()?,
        };
        let is_new = known.insert(digest(raw));
        self.rejects = Some(known);
        Ok(is_new)
    }

    fn read_rejects(&self) -> Result<HashSet<[u8; 32]>> {
        let mut known = HashSet::new();
        let is_here = |path: &String| path.starts_with(REJECTS) && !self.damaged.contains(path);
        for file in self.ledger.files().filter(|file| is_here(&file.path)) {
            let path = self.root.join(&file.path);
            // Missing and altered files are reported elsewhere.
            let Some(opened) = is_own(&path).ok().and_then(|_| File::open(&path).ok()) else {
                continue;
            };
            for line in BufReader::new(opened).split(b'\n') {
                let line = line.map_err(|error| failed(&path, error))?;
                known.extend(raw_of(&line).map(|raw| digest(&raw)));
            }
        }
        Ok(known)
    }

    /// Commits to the archive. If the process ends meanwhile, the archive has all of the commit or none
    /// of it once it is opened again. On failure the files stay in place for the same reason.
    pub(crate) fn add(&mut self, mut gain: Gain) -> Result<()> {
        let mut files = Vec::new();
        let mut staged_rejects = None;
        if let Some(prepared) = &gain.prepared {
            for file in prepared.files() {
                let staged = prepared.staged(file);
                let hashed =
                    hash_file(&staged, |_| true).map_err(|error| failed(&staged, error))?;
                let (bytes, sha256) = hashed;
                let path = format!("{EVENTS}/{}", slashes(&file.path));
                files.push(RecordedFile { path, bytes, sha256, records: file.rows });
            }
        }
        self.is_clean = false;
        if !gain.rejects.is_empty() {
            let name = self.journal.rejects();
            self.stage_rejects(&name, &gain.rejects)?;
            files.push(RecordedFile {
                path: format!("{REJECTS}/{name}"),
                bytes: gain.rejects.len() as u64,
                sha256: hash(&gain.rejects),
                records: gain.rejected,
            });
            staged_rejects = Some(name);
        }
        let number = self.ledger.next();
        for path in &gain.set_aside {
            files.push(departure::set_aside(&self.root, path, number)?);
        }
        // The entry may reach the disk even if this fails.
        if let Some(prepared) = &mut gain.prepared {
            prepared.keep();
        }
        self.ledger.append(Entry {
            version: VERSION,
            entry: 0,
            previous: String::new(),
            time: time(now()),
            files,
            records: (gain.counts != Counts::default()).then_some(gain.counts),
            covered: gain.covered,
            objects: gain.objects,
            removed: gain.removed,
            settled: gain.settled,
            run: gain.run,
        })?;
        let moved = staged_rejects.map_or(Ok(()), |name| move_rejects(&self.root, &name));
        let published = gain.prepared.map_or(Ok(()), Prepared::publish);
        moved.and(published)?;
        self.ledger.entries.last().map_or(Ok(()), |last| departure::complete(&self.root, last))?;
        let (own, entries) = (self.own(), self.ledger.entries.len() as u64);
        if let Some(signer) = &self.guards.signer {
            sign(signer, &own, entries, &self.ledger.head)?;
        }
        self.store_head(entries);
        self.journal = Journal::begin(&own, self.ledger.next(), &self.ledger.head)?;
        self.is_clean = true;
        Ok(())
    }

    /// Stores the newest head outside of the archive. The stored head may be older than the ledger, but
    /// never newer.
    fn store_head(&mut self, entries: u64) {
        let Some(path) = &self.guards.head_file else { return };
        if let Err(error) = head_file::store(path, &self.root, entries, &self.ledger.head) {
            let warning = format!(
                "{}: the newest head of the archive cannot be kept here ({error}), so that a rollback of \
                 the archive may go unnoticed: name another file with --head-file",
                path.display()
            );
            self.guards.head_file = None;
            self.warnings.push(nhn_cloudtrail::printable(&warning).into_owned());
        }
    }

    fn stage_rejects(&self, name: &str, rejects: &[u8]) -> Result<()> {
        let staging = self.root.join(STAGED);
        let path = staging.join(name);
        let staged = || {
            disk::new_folders(&staging)?;
            let mut file = disk::open(&path, File::options().write(true).create_new(true))?;
            disk::write_all(&mut file, rejects)?;
            disk::sync(&file)?;
            disk::sync_folder(&staging)
        };
        staged().map_err(|error| failed(&path, error))
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let own = self.own();
        let left = [head_file(&own), signature_file(&own), journal_file(&own)];
        let left = left.map(|file| file.with_extension("unfinished"));
        let [beside, inside] = stages(&self.events());
        let staged = [beside, inside, self.root.join(STAGED), self.events().join(PROBE)];
        let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
        // If files are left, the journal shows which run they belong to.
        if self.is_clean && !left.iter().chain(&staged).any(is_there) {
            let _ = disk::remove_file(&journal_file(&own));
        }
    }
}

fn move_rejects(root: &Path, name: &str) -> Result<()> {
    let target = root.join(REJECTS).join(name);
    let moved = || {
        let (staging, folder) = (root.join(STAGED), root.join(REJECTS));
        disk::new_folders(&folder)?;
        disk::rename(&staging.join(name), &target)?;
        // The folder may contain something else.
        let _ = disk::remove_folder(&staging);
        disk::sync_folder(&folder)
    };
    moved().map_err(|error| failed(&target, error))
}

/// Completes what an interrupted run recorded in the ledger, and removes its other staged files. A file
/// in the place of a recorded one is only replaced by a file with the recorded content.
fn recover_files(root: &Path, ledger: &Ledger) -> Result<()> {
    let staging = root.join(STAGED);
    let files = ledger.entries.last().map(|last| last.files.as_slice()).unwrap_or_default();
    let is_whole = |path: &Path, file: &RecordedFile| {
        path.symlink_metadata().is_ok_and(|data| data.is_file() && data.len() == file.bytes)
            && hash_file(path, |_| true).is_ok_and(|(_, hash)| hash == file.sha256)
    };
    let mut events = HashMap::new();
    for file in files {
        let here = root.join(&file.path);
        let staged = staged(root, &file.path);
        // Both files are hashed only if something is staged.
        if !staged.iter().any(|staged| is_whole(staged, file)) || is_whole(&here, file) {
            continue;
        }
        if let Some(path) = file.path.strip_prefix(EVENTS) {
            events.insert(PathBuf::from(path.trim_start_matches('/')), file);
        } else if let Some(name) = file.path.strip_prefix(REJECTS)
            && is_folder(&staging)?
        {
            move_rejects(root, name.trim_start_matches('/'))?;
        }
    }
    // The remaining staged files are not in any entry.
    disk::remove_all(&staging).map_err(|error| failed(&staging, error))?;
    let paths: Vec<PathBuf> = events.keys().cloned().collect();
    recover(&root.join(EVENTS), &paths, |staged, path| {
        events.get(path).is_some_and(|file| is_whole(staged, file))
    })?;
    ledger.entries.last().map_or(Ok(()), |last| departure::complete(root, last))
}

/// Returns whether the folder exists. Fails if there is a link or something else in its place.
fn is_folder(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => Ok(true),
        Ok(_) => {
            let message = "not a folder, but the archive has a folder of this name; links are not \
                           followed";
            Err(Error::new(Code::InvalidArchive, message).at(place(path)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(path, error)),
    }
}

/// Record counts of periods that span several others of a day, by their ends.
pub(crate) type Wholes = HashMap<(i64, i64), u64>;

/// Returns the covered periods in chronological order, and the periods that span several others.
pub(crate) fn known<'a>(covered: impl Iterator<Item = &'a Covered>) -> (Vec<Period>, Wholes) {
    let mut known = BTreeMap::<(i64, i64), u64>::new();
    let mut wholes = Wholes::new();
    for &Covered { from, to, records, whole, .. } in covered {
        if whole {
            known.remove(&(from, to));
            wholes.insert((from, to), records);
            continue;
        }
        // Periods inside of it are read again with it, and totals that include it are no longer valid.
        let near = known.range((from, i64::MIN)..=(to, i64::MAX)).map(|(ends, _)| *ends);
        let inside: Vec<_> = near.filter(|ends: &(i64, i64)| ends.1 <= to).collect();
        for ends in inside {
            known.remove(&ends);
        }
        wholes.retain(|&(from_before, to_before), _| to_before <= from || from_before >= to);
        known.insert((from, to), records);
    }
    let period =
        |((from, to), records)| Period { from, to, known: Some(records), only_compare: false };
    (known.into_iter().map(period).collect(), wholes)
}

/// Returns the places where a recorded file may be staged until it is renamed.
pub(crate) fn staged(root: &Path, path: &str) -> Vec<PathBuf> {
    match (path.strip_prefix("events/"), path.strip_prefix("_archive/rejects/")) {
        (Some(path), _) => stages(&root.join(EVENTS)).map(|stage| stage.join(path)).into(),
        (_, Some(name)) => vec![root.join(STAGED).join(name)],
        _ => departure::original(path).map(|path| root.join(path)).into_iter().collect(),
    }
}

/// Locks the archive against other runs. The operating system releases the lock when the process ends in
/// any way, so no stale lock is left behind.
fn lock(root: &Path) -> Result<File> {
    let path = root.join(LOCK);
    let options = &mut File::options();
    let mut file = disk::open(&path, options.read(true).write(true).create(true))
        .map_err(|error| failed(&path, error))?;
    match file.try_lock() {
        Ok(()) => {
            let who = format!("process {}, since {}\n", std::process::id(), time(now()));
            let told = file.set_len(0).and_then(|()| file.rewind());
            let told = told.and_then(|()| file.write_all(who.as_bytes()));
            told.map_err(|error| failed(&path, error))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut who = String::new();
            // The text is only informative.
            let _ = file.take(200).read_to_string(&mut who);
            let message = format!(
                "another run is adding to this archive ({}): wait until it ends",
                nhn_cloudtrail::printable(who.trim())
            );
            Err(Error::new(Code::Locked, message).at(place(root)))
        }
        Err(TryLockError::Error(error)) => Err(failed(&path, error)),
    }
}

/// Returns a path as it is written in the ledger.
pub(crate) fn slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Returns a time as it is written in the ledger.
pub(crate) fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).map_or(String::new(), |time| time.to_string())
}

pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_known_until_a_part_of_its_period_is_read_again() {
        let covered =
            |from, to, records, whole| Covered { source: String::new(), from, to, records, whole };
        let parts = [covered(0, 50, 3, false), covered(50, 100, 4, false)];
        let day = [parts[0].clone(), parts[1].clone(), covered(0, 100, 7, true)];
        let (periods, wholes) = known(day.iter());
        assert_eq!(
            periods.iter().map(|period| period.known).collect::<Vec<_>>(),
            [Some(3), Some(4)]
        );
        assert_eq!(wholes, Wholes::from([((0, 100), 7)]));
        for (later, is_known) in [((50, 100), false), ((99, 120), false), ((100, 120), true)] {
            let later = covered(later.0, later.1, 5, false);
            let (_, wholes) = known(day.iter().chain([&later]));
            assert_eq!(wholes.contains_key(&(0, 100)), is_known, "{later:?}");
        }
    }
}
