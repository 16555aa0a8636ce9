//! Compares an archive with its ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nhn_cloudtrail::{Code, DATA_SET, Error, Result, Timestamp};
use serde::Serialize;

use crate::archive::{EVENTS, LOCK, OWN, REJECTS, staged};
use crate::client::now;
use crate::head_file;
use crate::journal::{JOURNAL, Journal, journal_file};
use crate::ledger::{
    BEGINNING, Entry, Loss, RecordedFile, failed, hash, hash_file, head_file, ledger_file, lines,
    may_begin, place,
};
use crate::rules::{self, Rules, Unreadable};
use crate::sign::{self, PublicKey};
use crate::tree::{Kind, walk};

/// The result of a verification.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// Number of entries of the ledger.
    pub entries: u64,
    /// Number of files that the archive should have according to the ledger.
    pub files: u64,
    /// Number of records in them.
    pub records: u64,
    /// Hash of the ledger's last line.
    pub head: String,
    /// Differences from what was recorded.
    pub findings: Vec<Finding>,
    /// Whether a run is in progress or was interrupted, according to its journal. The next run completes
    /// an interrupted one.
    pub interrupted: bool,
    /// Number of losses that were repaired or acknowledged as final. They are not findings.
    pub settled: u64,
}

impl Verified {
    /// Returns whether everything is as recorded.
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A difference from what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Kind of the finding.
    pub kind: FindingKind,
    /// Path of the file in the archive.
    pub path: String,
    /// Description of the finding.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", nhn_cloudtrail::printable(&self.path), self.message)
    }
}

/// The kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A file or a ledger entry has other content than was recorded.
    Altered,
    /// A file or a ledger entry is missing.
    Removed,
    /// A file or a ledger entry was never recorded.
    Added,
    /// A file or a ledger entry is in the place of another one.
    Moved,
    /// The ledger's head is not the known one.
    Head,
    /// The signature is not valid.
    Signature,
    /// The last run ended longer ago than allowed.
    Age,
}

/// Options of a verification.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use]
pub struct Verify<'a> {
    head: Option<&'a str>,
    public_key: Option<&'a PublicKey>,
    head_file: Option<&'a Path>,
    max_age: Option<Duration>,
}

/// Receives the progress of an operation, in bytes done and in total, and returns whether to continue.
pub type Hashed<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

impl<'a> Verify<'a> {
    /// Creates a verification against the ledger only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a known head: the ledger must contain it, and may have further entries after it.
    pub fn head(mut self, head: &'a str) -> Self {
        self.head = Some(head);
        self
    }

    /// Sets the key under which the newest head must be signed.
    pub fn public_key(mut self, key: &'a PublicKey) -> Self {
        self.public_key = Some(key);
        self
    }

    /// Sets a head file, as [`Collection::head_file`](crate::Collection::head_file) keeps it. The ledger
    /// must contain the head in the file, and may have further entries after it. A missing file is a
    /// `NOT_FOUND` error.
    pub fn head_file(mut self, path: &'a Path) -> Self {
        self.head_file = Some(path);
        self
    }

    /// Sets the maximum time since the end of the last run.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Verifies an archive: every line of the ledger, and the hash of every file. `hashed` is called
    /// several times a second with the bytes done and the total, and returns whether to continue. A run
    /// may add to the archive meanwhile.
    ///
    /// # Errors
    ///
    /// - `NOT_FOUND`: there is no archive.
    /// - `INVALID_ARCHIVE`: the folder is not an archive.
    /// - `IO`: the archive cannot be read.
    /// - `INTERRUPTED`: `hashed` returned false.
    pub fn run(&self, root: impl AsRef<Path>, hashed: Hashed<'_>) -> Result<Verified> {
        let root = root.as_ref();
        let own = root.join(OWN);
        let is_hash = |head: &str| head.len() == 64 && head.bytes().all(|b| b.is_ascii_hexdigit());
        if self.head.is_some_and(|head| !is_hash(head.trim())) {
            let message = "a head has 64 hexadecimal digits";
            return Err(Error::new(Code::InvalidOption, message));
        }
        if !own.is_dir() {
            let (code, message) = match root.exists() {
                true => (Code::InvalidArchive, "this folder is not an archive: it has no ledger"),
                false => (Code::NotFound, "no such archive"),
            };
            return Err(Error::new(code, message).at(place(root)));
        }
        let mut hashes = Hashes { known: HashMap::new(), hashed, seen: 0, total: 0 };
        let mut verified = self.look(root, &mut hashes)?;
        // A concurrent run changes the ledger and the files during the comparison, each time in another
        // place. Only findings that occur every time are reported.
        for _ in 0..LOOKS {
            if verified.findings.is_empty() {
                break;
            }
            if journal_file(&own).exists() {
                std::thread::sleep(PAUSE);
            }
            let before = std::mem::replace(&mut verified, self.look(root, &mut hashes)?);
            verified.findings.retain(|finding| before.findings.contains(finding));
        }
        verified.interrupted &= verified.findings.is_empty();
        Ok(verified)
    }

    /// Compares the archive with its ledger once.
    fn look(&self, root: &Path, hashes: &mut Hashes<'_>) -> Result<Verified> {
        let own = root.join(OWN);
        let strange = OWN_FILES.into_iter().filter(|name| is_strange(root, name)).collect();
        let mut check = Check {
            root,
            strange,
            lines: Vec::new(),
            journal: None,
            recorded: BTreeMap::new(),
            removed: HashMap::new(),
            settled: HashMap::new(),
            verified: Verified {
                entries: 0,
                files: 0,
                records: 0,
                head: BEGINNING.to_owned(),
                findings: Vec::new(),
                interrupted: false,
                settled: 0,
            },
        };
        check.own_files();
        // Files that are written last are read first, so that they are not newer than the ledger.
        let journal = Journal::read(&own);
        let stored = check.stored_head(&own);
        let entries = check.ledger(&own, journal)?;
        check.heads(&own, stored, self)?;
        if let Some(age) = self.max_age {
            check.age(&entries, age);
        }
        check.files(hashes)?;
        Ok(check.verified)
    }
}

/// How often findings are checked again, and the pause before that.
const LOOKS: usize = 2;
const PAUSE: Duration = Duration::from_millis(100);

/// The hashes of the files examined so far.
struct Hashes<'a> {
    known: HashMap<PathBuf, (u64, String)>,
    hashed: Hashed<'a>,
    seen: u64,
    total: u64,
}

impl Hashes<'_> {
    /// Returns the size and the hash of a file; `None` if it was just removed.
    fn of(&mut self, path: &Path, length: u64) -> Result<Option<(u64, String)>> {
        if let Some(known) = self.known.get(path).filter(|known| known.0 == length) {
            return Ok(Some(known.clone()));
        }
        let (seen, total, hashed) = (&mut self.seen, self.total, &mut self.hashed);
        let found = hash_file(path, |bytes| {
            *seen += bytes;
            hashed((*seen).min(total), total)
        });
        match found {
            Ok(found) => {
                self.known.insert(path.to_owned(), found.clone());
                Ok(Some(found))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                Err(Error::new(Code::Interrupted, "the verification was stopped"))
            }
            Err(error) => Err(failed(path, error)),
        }
    }
}

/// The state of a journal relative to a ledger.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Its entry is not written yet.
    Writes,
    /// Its entry is the last one.
    Has,
    /// The journal does not belong to the ledger, or there is none.
    Other,
}

struct Check<'a> {
    root: &'a Path,
    /// Files of the archive itself that are not regular files.
    strange: Vec<&'static str>,
    /// Hashes of the ledger's lines.
    lines: Vec<String>,
    /// The journal of a run, if it belongs to this ledger.
    journal: Option<(Journal, Step)>,
    /// Files that the archive should have, and whether they are recorded by the last entry.
    recorded: BTreeMap<String, (RecordedFile, bool)>,
    /// Files that were removed, with the number of the entry.
    removed: HashMap<String, u64>,
    /// Files whose loss is settled, with the number of the entry.
    settled: HashMap<String, u64>,
    verified: Verified,
}

const LEDGER: &str = "_archive/ledger.jsonl";
const HEAD: &str = "_archive/head";
const SIGNATURE: &str = "_archive/signature.json";
/// The most that the lock has: which process holds it, and since when.
const LOCK_BYTES: u64 = 200;
/// Empty files that only mark whose folder it is.
const MARKS: [&str; 2] = [DATA_SET, "events/.nhn-cloudtrail.lock"];
/// Files of an archive that are not recorded in the ledger.
const OWN_FILES: [&str; 7] = [LEDGER, HEAD, SIGNATURE, JOURNAL, LOCK, MARKS[0], MARKS[1]];

/// Returns whether something has the name of a file but is not a regular file, such as a link to
/// elsewhere or a pipe.
fn is_strange(root: &Path, name: &str) -> bool {
    fs::symlink_metadata(root.join(name)).is_ok_and(|data| !data.is_file())
}

impl Check<'_> {
    fn find(&mut self, kind: FindingKind, path: &str, message: impl Into<String>) {
        let finding = Finding { kind, path: path.to_owned(), message: message.into() };
        self.verified.findings.push(finding);
    }

    fn step(&self) -> Step {
        self.journal.as_ref().map_or(Step::Other, |(_, step)| *step)
    }

    fn own_files(&mut self) {
        for name in self.strange.clone() {
            self.find(FindingKind::Altered, name, "is not a file");
        }
        for (name, most) in [(MARKS[0], 0), (MARKS[1], 0), (LOCK, LOCK_BYTES)] {
            let length = fs::metadata(self.root.join(name)).map_or(0, |data| data.len());
            if !self.strange.contains(&name) && length > most {
                let message =
                    format!("was altered: it has {length} bytes instead of at most {most}");
                self.find(FindingKind::Altered, name, message);
            }
        }
    }

    fn stored_head(&self, own: &Path) -> Option<String> {
        let path = Some(head_file(own)).filter(|_| !self.strange.contains(&HEAD));
        path.and_then(|path| fs::read_to_string(path).ok())
    }

    /// Reads the ledger and keeps the hashes of its lines. Returns its entries, with `None` for invalid
    /// lines.
    fn ledger(&mut self, own: &Path, journal: Option<Journal>) -> Result<Vec<Option<Entry>>> {
        use FindingKind::{Added, Altered, Moved, Removed};

        let path = ledger_file(own);
        let text = match self.strange.contains(&LEDGER) || !path.exists() {
            true => Vec::new(),
            false => fs::read(&path).map_err(|error| failed(&path, error))?,
        };
        let (lines, torn) = lines(&text);
        let mut heads = Vec::new();
        let mut entries = Vec::new();
        for (number, line) in (1..).zip(&lines) {
            let entry = match rules::read(line) {
                Ok(entry) => Some(entry),
                Err(Unreadable::Newer(message)) => {
                    self.find(Altered, LEDGER, message);
                    None
                }
                Err(Unreadable::NoEntry) => {
                    self.find(Altered, LEDGER, format!("line {number} is not an entry"));
                    None
                }
            };
            heads.push(hash(line));
            entries.push(entry);
        }
        // Lines by the hash that an entry names as the previous one.
        let by_hash: HashMap<&str, usize> =
            (0..).zip(&heads).map(|(index, head)| (head.as_str(), index)).collect();
        let mut numbers = BTreeSet::new();
        let mut last = 0;
        for (index, entry) in (0..).zip(&entries) {
            // The number of an unreadable entry follows from its position.
            let number = entry.as_ref().map_or(last + 1, |entry| entry.entry);
            if !numbers.insert(number) {
                self.find(Added, LEDGER, format!("line {} is entry {number} again", index + 1));
                continue;
            }
            if number < last {
                let message = format!("entry {number} stands after entry {last}");
                self.find(Moved, LEDGER, message);
            }
            last = last.max(number);
            let Some(entry) = entry else { continue };
            let named = by_hash.get(entry.previous.as_str()).copied();
            let of_before = match number {
                1 => entry.previous == BEGINNING,
                _ => named.is_some_and(|named| {
                    let entry = entries.get(named).and_then(Option::as_ref);
                    entry.is_none_or(|entry| entry.entry.checked_add(1) == Some(number))
                }),
            };
            let before = (0..).zip(&entries).find(|(_, other)| {
                other.as_ref().is_some_and(|other| other.entry.checked_add(1) == Some(number))
            });
            match before {
                _ if of_before => (),
                _ if number == 1 => self.find(Altered, LEDGER, "entry 1 was altered"),
                Some(_) => {
                    let message = format!(
                        "entry {} was altered, or entry {number}, which names its hash",
                        number - 1
                    );
                    self.find(Altered, LEDGER, message);
                }
                // A missing file is reported below.
                None => (),
            }
        }
        for number in (1..last).filter(|number| !numbers.contains(number)).take(100) {
            self.find(Removed, LEDGER, format!("entry {number} is missing"));
        }
        self.verified.entries = entries.len() as u64;
        if let Some(head) = heads.last() {
            self.verified.head.clone_from(head);
        }
        self.lines = heads;
        self.journal(journal);
        if !torn.is_empty() {
            let (next, head) = (last.saturating_add(1), self.verified.head.clone());
            if self.step() != Step::Writes || !may_begin(torn, next, &head) {
                self.find(
                    Added,
                    LEDGER,
                    "the text after the last line is not the beginning of a line",
                );
            }
        }
        let mut rules = Rules::default();
        for entry in entries.iter().flatten() {
            for (kind, message) in rules.check(entry) {
                self.find(kind, LEDGER, message);
            }
        }
        self.content(&entries);
        Ok(entries)
    }

    /// Compares the journal with the ledger.
    fn journal(&mut self, journal: Option<Journal>) {
        let is_there = self.root.join(JOURNAL).exists() && !self.strange.contains(&JOURNAL);
        let Some(journal) = journal else {
            if is_there {
                self.find(FindingKind::Altered, JOURNAL, "is not a journal");
            }
            return;
        };
        let entries = self.lines.len() as u64;
        let step = match journal.entry {
            next if next == entries + 1 => Step::Writes,
            last if last == entries => Step::Has,
            _ => Step::Other,
        };
        let before = journal.entry.checked_sub(1).and_then(|before| self.head_at(before));
        if step == Step::Other || before != Some(journal.previous.as_str()) {
            let message = "is of a run that wrote to another state of the ledger";
            self.find(FindingKind::Added, JOURNAL, message);
            return;
        }
        self.verified.interrupted = true;
        self.journal = Some((journal, step));
    }

    /// Returns the head after the given number of lines.
    fn head_at(&self, lines: u64) -> Option<&str> {
        match lines.checked_sub(1) {
            Some(before) => self.lines.get(usize::try_from(before).ok()?).map(String::as_str),
            None => Some(BEGINNING),
        }
    }

    /// Collects what the archive should have according to the ledger.
    fn content(&mut self, entries: &[Option<Entry>]) {
        for (index, entry) in (1..).zip(entries) {
            let Some(entry) = entry else { continue };
            for file in entry.files.iter().filter(|file| rules::is_inside(&file.path)) {
                let is_last = index == entries.len();
                self.recorded.entry(file.path.clone()).or_insert_with(|| (file.clone(), is_last));
            }
            for path in entry.removed.iter().flat_map(|removed| &removed.paths) {
                self.recorded.remove(path);
                self.removed.insert(path.clone(), entry.entry);
            }
            for settled in &entry.settled {
                self.verified.settled += 1;
                if let Loss::File(path) = &settled.loss {
                    self.recorded.remove(path);
                    self.settled.insert(path.clone(), entry.entry);
                }
            }
        }
        self.verified.files = self.recorded.len() as u64;
        let records = self.recorded.values().map(|(file, _)| file.records);
        self.verified.records = records.fold(0, u64::saturating_add);
    }

    fn heads(&mut self, own: &Path, stored: Option<String>, verify: &Verify<'_>) -> Result<()> {
        let is_strange = |check: &Self, name| check.strange.contains(&name);
        let stored = stored.as_deref().map(|stored| stored.strip_suffix('\n').unwrap_or(""));
        let entries = self.lines.len() as u64;
        let before = entries.checked_sub(1).and_then(|before| self.head_at(before));
        let is_late = self.step() == Step::Has;
        match stored {
            _ if is_strange(self, HEAD) => (),
            Some(stored) if stored == self.verified.head => (),
            // A run was killed after it wrote the line and before it wrote the head.
            Some(stored) if is_late && Some(stored) == before => (),
            None if entries == 0 || is_late && entries == 1 => (),
            Some(_) => {
                let message = "is not the hash of the ledger's last line: the ledger's end was cut off \
                               or altered, or this was";
                self.find(FindingKind::Head, HEAD, message);
            }
            None => self.find(FindingKind::Removed, HEAD, "is missing"),
        }
        if let Some(known) = verify.head {
            let known = known.trim().to_ascii_lowercase();
            let is_beginning = known == BEGINNING && self.lines.is_empty();
            if !self.lines.contains(&known) && !is_beginning {
                let message =
                    format!("the ledger never had the head {known}: it was cut or rewritten");
                self.find(FindingKind::Head, LEDGER, message);
            }
        }
        if let Some(path) = verify.head_file {
            if !path.exists() {
                return Err(Error::new(Code::NotFound, "no such head file").at(place(path)));
            }
            let head_at = |entry| self.head_at(entry).map(str::to_owned);
            if let Some(message) = head_file::check(path, entries, head_at)? {
                self.find(FindingKind::Head, LEDGER, message);
            }
        }
        let wrong = match verify.public_key {
            _ if is_strange(self, SIGNATURE) => None,
            Some(key) => key.check(own, entries, &self.verified.head),
            None => sign::check(own, |entry| self.head_at(entry)),
        };
        if let Some(message) = wrong {
            self.find(FindingKind::Signature, SIGNATURE, message);
        }
        Ok(())
    }

    /// Checks whether the last run ended too long ago.
    fn age(&mut self, entries: &[Option<Entry>], age: Duration) {
        let last = entries.iter().rev().flatten().find(|entry| entry.run.is_some());
        let ended = last.and_then(|last| Timestamp::parse(&last.time));
        let Some(ended) = ended else {
            self.find(FindingKind::Age, LEDGER, "no run has ended");
            return;
        };
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        if now().saturating_sub(ended.as_millis()) > age {
            let message = format!("the last run ended at {ended}: the collector may have stopped");
            self.find(FindingKind::Age, LEDGER, message);
        }
    }

    fn files(&mut self, hashes: &mut Hashes<'_>) -> Result<()> {
        use FindingKind::{Added, Altered, Moved, Removed};

        let recorded = std::mem::take(&mut self.recorded);
        hashes.total = recorded.values().map(|(file, _)| file.bytes).fold(0, u64::saturating_add);
        let by_hash: HashMap<&str, &str> = recorded
            .iter()
            .map(|(path, (file, _))| (file.sha256.as_str(), path.as_str()))
            .collect();
        let mut missing = Vec::new();
        for (name, (file, is_last)) in &recorded {
            let path = self.root.join(name);
            let data = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(failed(&path, error)),
                Ok(data) if !data.is_file() => {
                    self.find(Altered, name, "is not a file");
                    continue;
                }
                Ok(data) => Some(data),
            };
            let found = data.map(|data| hashes.of(&path, data.len())).transpose()?.flatten();
            let Some((bytes, hash)) = found else {
                // The file is recorded, but not renamed yet.
                let mut is_staged = false;
                for path in staged(self.root, name) {
                    let data = fs::symlink_metadata(&path);
                    if let Some(data) = data.ok().filter(|data| data.is_file()) {
                        let found = hashes.of(&path, data.len())?;
                        is_staged |= found.is_some_and(|(_, hash)| hash == file.sha256);
                    }
                }
                if !is_staged || !is_last || self.step() != Step::Has {
                    missing.push((name, file));
                }
                continue;
            };
            if hash == file.sha256 && bytes == file.bytes {
                continue;
            }
            match by_hash.get(hash.as_str()) {
                Some(other) => {
                    self.find(Moved, name, format!("holds what was recorded as {other}"));
                }
                None => {
                    let message = format!(
                        "was altered: it has {bytes} bytes and the SHA-256 {hash}, recorded were {} \
                         bytes and {}",
                        file.bytes, file.sha256
                    );
                    self.find(Altered, name, message);
                }
            }
        }
        let mut moved = HashMap::new();
        for (name, kind) in walk(self.root)? {
            if recorded.contains_key(&name) || self.is_excused(&name, kind, &recorded) {
                continue;
            }
            if let Some(entry) = self.removed.get(&name) {
                self.find(Added, &name, format!("is there again, though entry {entry} removed it"));
                continue;
            }
            let what = match kind {
                Kind::File(length) => {
                    let hash = hashes.of(&self.root.join(&name), length)?;
                    match hash.and_then(|(_, hash)| by_hash.get(hash.as_str()).copied()) {
                        Some(original) => {
                            moved.insert(original.to_owned(), name.clone());
                            format!("it holds what was recorded as {original}")
                        }
                        None => "the ledger does not know it".to_owned(),
                    }
                }
                Kind::Folder => "an empty folder that does not belong to the archive".to_owned(),
                Kind::Link => "a link".to_owned(),
                Kind::Other => "a pipe, a socket or a device".to_owned(),
            };
            self.find(Added, &name, format!("was added: {what}"));
        }
        for (name, _) in missing {
            match moved.get(name) {
                Some(other) => self.find(Moved, name, format!("is now {other}")),
                None => self.find(Removed, name, "is missing"),
            }
        }
        Ok(())
    }

    /// Returns whether the archive may have this although the ledger does not list it.
    fn is_excused(
        &self,
        name: &str,
        kind: Kind,
        recorded: &BTreeMap<String, (RecordedFile, bool)>,
    ) -> bool {
        if OWN_FILES.contains(&name) {
            // Files that are not regular are already reported.
            return true;
        }
        let Kind::File(length) = kind else {
            let is_stage = self.step() != Step::Other && crate::tree::is_stage(name);
            let is_day =
                |path: &String| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
            // The folder of a day is created before its first file, and stays when all its files are
            // removed.
            return kind == Kind::Folder
                && (is_stage
                    || [OWN, EVENTS, REJECTS].contains(&name)
                    || recorded
                        .keys()
                        .chain(self.removed.keys())
                        .chain(self.settled.keys())
                        .any(is_day));
        };
        if name == "_archive/journal.unfinished" {
            let text = fs::read(self.root.join(name)).unwrap_or_default();
            let next = self.lines.len() as u64 + 1;
            return length < 1024 && Journal::may_begin(&text, next, &self.verified.head);
        }
        let Some((journal, step)) = &self.journal else { return false };
        match name {
            "_archive/head.unfinished" | "_archive/signature.unfinished" => length < 1024,
            "events/.nhn-cloudtrail.probe" => length == 0,
            // Files that the last entry moves or removes may still be there.
            _ if *step == Step::Has
                && [&self.removed, &self.settled]
                    .iter()
                    .any(|gone| gone.get(name) == Some(&journal.entry)) =>
            {
                true
            }
            _ if !journal.may_have_staged(name) => false,
            _ if *step == Step::Writes => true,
            // At this point all staged files are recorded.
            _ => recorded.iter().any(|(path, (_, is_last))| {
                let staged = staged(self.root, path);
                *is_last && staged.contains(&self.root.join(name))
            }),
        }
    }
}
