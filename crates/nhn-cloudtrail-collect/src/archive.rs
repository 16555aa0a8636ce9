//! A local archive: events as a data set of Parquet files by day, and the ledger of how they came.
//!
//! ```text
//! DIR/events/event_date=YYYY-MM-DD/part-….parquet   the events, with their records as they came
//! DIR/_archive/ledger.jsonl                         what came when, each line bound to all before it
//! DIR/_archive/head                                 the hash of the ledger's last line
//! DIR/_archive/rejects/….jsonl                      what could not become an event
//! DIR/_archive/signature.json                       of the head, where there is a key
//! ```
//!
//! The ledger is written before the files get their names: whenever a run is killed, the files that its
//! last entry speaks of are there, or lie beside the data set for the next run to find.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, DATA_SET, Error, Result, Timestamp};
use nhn_cloudtrail_arrow::{Prepared, recover, stages};

use crate::client::now;
use crate::fetch::Period;
use crate::ledger::{
    Counts, Covered, Entry, Ledger, Object, RecordedFile, Run, failed, hash, hash_file, is_own,
    place, private_file, private_folder, sync_folder,
};
use crate::plan;
use crate::rejects::raw_of;

/// The folder of the data set in an archive.
pub(crate) const EVENTS: &str = "events";
/// The folder of everything else. Readers of logs and of data sets pass over such names.
pub(crate) const OWN: &str = "_archive";
pub(crate) const REJECTS: &str = "_archive/rejects";
pub(crate) const STAGED: &str = "_archive/staged";
pub(crate) const LOCK: &str = "_archive/lock";

/// An archive that is being added to. No other run can be at it.
pub(crate) struct Archive {
    root: PathBuf,
    pub(crate) ledger: Ledger,
    /// The recorded files that are gone, or have another size.
    pub(crate) damaged: BTreeSet<String>,
    /// The days whose files are among them, in milliseconds since 1970.
    damaged_days: Vec<i64>,
    /// How many entries the ledger had when this was opened.
    opened_with: usize,
    /// The hashes of the rejects that are kept, once they were asked for.
    rejects: Option<HashSet<[u8; 32]>>,
    _lock: File,
}

/// What is to come to an archive at once.
#[derive(Default)]
pub(crate) struct Gain {
    pub(crate) prepared: Option<Prepared>,
    /// Lines of JSON.
    pub(crate) rejects: Vec<u8>,
    pub(crate) rejected: u64,
    pub(crate) counts: Counts,
    pub(crate) covered: Vec<Covered>,
    pub(crate) objects: Vec<Object>,
    pub(crate) run: Option<Run>,
}

impl Archive {
    /// Opens an archive, or begins one in a new or empty folder.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let own = root.join(OWN);
        if root.exists() && !own.is_dir() {
            let mut entries = fs::read_dir(root).map_err(|error| failed(root, error))?;
            // Begun, and killed before it got any further.
            if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != DATA_SET)) {
                let message = "this folder holds something else than an archive: name a new folder";
                return Err(Error::new(Code::InvalidArchive, message).at(place(root)));
            }
        }
        private_folder(&own)?;
        let root = fs::canonicalize(root).map_err(|error| failed(root, error))?;
        let own = root.join(OWN);
        for file in [LOCK, DATA_SET].map(|file| root.join(file)) {
            is_own(&file)?;
        }
        is_own(&root.join(EVENTS).join(DATA_SET))?;
        let lock = lock(&root)?;
        // Tells the core that the folder is one of ours, even if it holds no event yet.
        private_file(File::options().append(true).create(true), &root.join(DATA_SET))?;
        let ledger = Ledger::open(&own)?;
        let mut archive = Self {
            root,
            opened_with: ledger.entries.len(),
            ledger,
            damaged: BTreeSet::new(),
            damaged_days: Vec::new(),
            rejects: None,
            _lock: lock,
        };
        archive.recover()?;
        let files = archive.ledger.entries.iter().flat_map(|entry| &entry.files);
        let is_damaged = |file: &&RecordedFile| {
            let data = fs::symlink_metadata(archive.root.join(&file.path));
            !data.is_ok_and(|data| data.is_file() && data.len() == file.bytes)
        };
        archive.damaged = files.filter(is_damaged).map(|file| file.path.clone()).collect();
        let day = |path: &String| {
            let day = path.split('/').find_map(|part| part.strip_prefix("event_date="))?;
            Some(Timestamp::parse(&format!("{day}T00:00:00Z"))?.as_millis())
        };
        archive.damaged_days = archive.damaged.iter().filter_map(day).collect();
        Ok(archive)
    }

    pub(crate) fn events(&self) -> PathBuf {
        self.root.join(EVENTS)
    }

    /// The recorded files of the data set that are there, by their paths in it.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Path> {
        let files = self.ledger.entries.iter().flat_map(|entry| &entry.files);
        let here = files.filter(|file| !self.damaged.contains(&file.path));
        here.filter_map(|file| file.path.strip_prefix(EVENTS)?.strip_prefix('/')).map(Path::new)
    }

    pub(crate) fn own(&self) -> PathBuf {
        self.root.join(OWN)
    }

    /// The periods that are known of a source, in the order of time; and of those that others make
    /// together, by their ends, how many records they have.
    pub(crate) fn known(&self, source: &str) -> (Vec<Period>, Wholes) {
        let entries = self.ledger.entries.iter().enumerate();
        // What is gone can be fetched again, as long as the API has it.
        let is_here = move |at: usize, covered: &Covered| {
            let on_day = |day: &i64| covered.to >= *day && covered.from <= day + plan::DAY;
            at >= self.opened_with || !self.damaged_days.iter().any(on_day)
        };
        let covered = entries.flat_map(|(at, entry)| {
            entry.covered.iter().filter(move |covered| is_here(at, covered))
        });
        known(covered.filter(|covered| covered.source == source))
    }

    /// The objects that are in the archive.
    pub(crate) fn objects(&self) -> HashSet<Object> {
        self.ledger.entries.iter().flat_map(|entry| entry.objects.iter().cloned()).collect()
    }

    /// Whether a reject is new; it is remembered.
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
        let files = self.ledger.entries.iter().flat_map(|entry| &entry.files);
        for file in files.filter(|file| file.path.starts_with(REJECTS)) {
            let path = self.root.join(&file.path);
            // Those that are gone or altered are told of elsewhere.
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

    /// Adds to the archive: all of it, or, where the process ends meanwhile, all of it or nothing once
    /// the archive is opened again.
    pub(crate) fn add(&mut self, gain: Gain) -> Result<()> {
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
        if !gain.rejects.is_empty() {
            let staging = self.root.join(STAGED);
            private_folder(&staging)?;
            let name = format!("rejects-{:08}.jsonl", self.ledger.entries.len() + 1);
            let path = staging.join(&name);
            let options = &mut File::options();
            let mut file = private_file(options.write(true).create(true).truncate(true), &path)?;
            let written = file.write_all(&gain.rejects).and_then(|()| file.sync_all());
            written.map_err(|error| failed(&path, error))?;
            sync_folder(&staging)?;
            files.push(RecordedFile {
                path: format!("{REJECTS}/{name}"),
                bytes: gain.rejects.len() as u64,
                sha256: hash(&gain.rejects),
                records: gain.rejected,
            });
            staged_rejects = Some(name);
        }
        self.ledger.append(Entry {
            version: 1,
            entry: 0,
            previous: String::new(),
            time: time(now()),
            files,
            records: (gain.counts != Counts::default()).then_some(gain.counts),
            covered: gain.covered,
            objects: gain.objects,
            run: gain.run,
        })?;
        if let Some(name) = staged_rejects {
            self.move_rejects(&name)?;
        }
        gain.prepared.map_or(Ok(()), Prepared::publish_or_keep)
    }

    fn move_rejects(&self, name: &str) -> Result<()> {
        let folder = self.root.join(REJECTS);
        private_folder(&folder)?;
        let target = folder.join(name);
        let moved = fs::rename(self.root.join(STAGED).join(name), &target);
        moved.map_err(|error| failed(&target, error))?;
        // Something else may lie there.
        let _ = fs::remove_dir(self.root.join(STAGED));
        sync_folder(&folder)
    }

    /// Ends what a run that was killed had written down and not come to, and removes what else it left.
    fn recover(&self) -> Result<()> {
        let last = self.ledger.entries.last();
        let mut events = Vec::new();
        for file in last.into_iter().flat_map(|last| &last.files) {
            if let Some(path) = file.path.strip_prefix(EVENTS) {
                events.push(PathBuf::from(path.trim_start_matches('/')));
            } else if let Some(name) = file.path.strip_prefix(REJECTS) {
                let name = name.trim_start_matches('/');
                if !self.root.join(&file.path).exists()
                    && self.root.join(STAGED).join(name).exists()
                {
                    self.move_rejects(name)?;
                }
            }
        }
        // What is left there came to no entry.
        let _ = fs::remove_dir_all(self.root.join(STAGED));
        recover(&self.events(), &events)
    }
}

/// How many records the periods of a day have together, by their ends.
pub(crate) type Wholes = HashMap<(i64, i64), u64>;

/// The periods that are covered, in the order of time, and those that others make together.
pub(crate) fn known<'a>(covered: impl Iterator<Item = &'a Covered>) -> (Vec<Period>, Wholes) {
    let mut known = BTreeMap::<(i64, i64), u64>::new();
    let mut wholes = Wholes::new();
    for &Covered { from, to, records, whole, .. } in covered {
        if whole {
            known.remove(&(from, to));
            wholes.insert((from, to), records);
            continue;
        }
        // What lies in it is read anew with it, and no sum that it is part of holds any more.
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

/// Where what a recorded file holds may lie until it gets its name.
pub(crate) fn staged(root: &Path, path: &str) -> Vec<PathBuf> {
    match (path.strip_prefix("events/"), path.strip_prefix("_archive/rejects/")) {
        (Some(path), _) => stages(&root.join(EVENTS)).map(|stage| stage.join(path)).into(),
        (_, Some(name)) => vec![root.join(STAGED).join(name)],
        _ => Vec::new(),
    }
}

/// Keeps other runs away. The lock is the system's, which takes it back when a process ends, however it
/// ends: so there is never one that is left over.
fn lock(root: &Path) -> Result<File> {
    let path = root.join(LOCK);
    let options = &mut File::options();
    let mut file = private_file(options.read(true).write(true).create(true), &path)?;
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
            // What it says only helps.
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

/// A path as the ledger has it.
pub(crate) fn slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// A time as the ledger has it.
pub(crate) fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).map_or(String::new(), |time| time.to_string())
}

pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
