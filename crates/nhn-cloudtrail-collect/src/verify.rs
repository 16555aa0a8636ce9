//! Whether an archive is as its ledger says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, DATA_SET, Error, Result};
use nhn_cloudtrail_arrow::stages;
use serde::Serialize;

use crate::archive::{EVENTS, LOCK, OWN, REJECTS, STAGED, staged};
use crate::ledger::{
    BEGINNING, Counts, Entry, RecordedFile, failed, hash, hash_file, head_file, ledger_file, lines,
    may_begin, place,
};
use crate::sign::{self, PublicKey};

/// What was found out about an archive.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// How many entries the ledger has.
    pub entries: u64,
    /// How many files it speaks of.
    pub files: u64,
    /// How many records are in them.
    pub records: u64,
    /// The hash of its last line.
    pub head: String,
    /// What is not as it was recorded.
    pub findings: Vec<Finding>,
    /// Whether a run was interrupted, whose last step the next run makes.
    pub interrupted: bool,
}

impl Verified {
    /// Whether all is as recorded.
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Something that is not as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What sort of thing.
    pub kind: FindingKind,
    /// The file, by its path in the archive.
    pub path: String,
    /// In words.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", nhn_cloudtrail::printable(&self.path), self.message)
    }
}

/// What is not as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A file, or an entry of the ledger, holds something else than was recorded.
    Altered,
    /// A file, or an entry of the ledger, is gone.
    Removed,
    /// A file, or an entry of the ledger, was never recorded.
    Added,
    /// A file, or an entry of the ledger, is in another one's place.
    Moved,
    /// The ledger's head is not the one that is known.
    Head,
    /// The signature does not hold.
    Signature,
}

/// How an archive is verified.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use]
pub struct Verify<'a> {
    head: Option<&'a str>,
    public_key: Option<&'a PublicKey>,
}

/// Is told how far a verification has come, in bytes, and says whether it is to go on.
pub type Hashed<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

impl<'a> Verify<'a> {
    /// Against the ledger alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// A head that is known: the ledger must have it, and may have more after it.
    pub fn head(mut self, head: &'a str) -> Self {
        self.head = Some(head);
        self
    }

    /// The key by which the newest head must be signed.
    pub fn public_key(mut self, key: &'a PublicKey) -> Self {
        self.public_key = Some(key);
        self
    }

    /// Verifies an archive: every line of the ledger, and every file, by its hash. `hashed` is told
    /// how many bytes of how many were looked at, some times a second.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` or `INVALID_ARCHIVE` where there is no archive, `LOCKED` while a run adds to it,
    /// `IO` where it cannot be read, `INTERRUPTED` where `hashed` is false.
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
                true => (Code::InvalidArchive, "this folder is no archive: it has no ledger"),
                false => (Code::NotFound, "no such archive"),
            };
            return Err(Error::new(code, message).at(place(root)));
        }
        let strange: Vec<&str> =
            OWN_FILES.into_iter().filter(|name| is_strange(root, name)).collect();
        let _lock = match strange.contains(&LOCK) {
            true => None,
            false => wait_for_nobody(root)?,
        };
        let mut check = Check {
            root,
            strange,
            recorded: BTreeMap::new(),
            verified: Verified {
                entries: 0,
                files: 0,
                records: 0,
                head: BEGINNING.to_owned(),
                findings: Vec::new(),
                interrupted: false,
            },
        };
        check.own_files();
        let heads = check.ledger(&own)?;
        check.heads(&own, &heads, self);
        check.files(hashed)?;
        check.verified.interrupted &= check.verified.findings.is_empty();
        Ok(check.verified)
    }
}

/// A lock that others who only read may have too.
fn wait_for_nobody(root: &Path) -> Result<Option<File>> {
    let path = root.join(LOCK);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| failed(&path, error))?,
    };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let message = "a run is adding to this archive: verify it when that has ended";
            Err(Error::new(Code::Locked, message).at(place(root)))
        }
        // There are file systems without locks.
        _ => Ok(Some(file)),
    }
}

struct Check<'a> {
    root: &'a Path,
    /// The archive's own files that are something else.
    strange: Vec<&'static str>,
    /// The files that the ledger speaks of, and whether its last entry does.
    recorded: BTreeMap<String, (RecordedFile, bool)>,
    verified: Verified,
}

const LEDGER: &str = "_archive/ledger.jsonl";
const HEAD: &str = "_archive/head";
const SIGNATURE: &str = "_archive/signature.json";
/// Empty, and of no use but to say whose folder it is.
const MARKS: [&str; 2] = [DATA_SET, "events/.nhn-cloudtrail.lock"];
/// The files of an archive that the ledger does not speak of.
const OWN_FILES: [&str; 6] = [LEDGER, HEAD, SIGNATURE, LOCK, MARKS[0], MARKS[1]];

/// Whether something has the name of a file and is none: a link to one elsewhere, or a pipe that nobody
/// may write to.
fn is_strange(root: &Path, name: &str) -> bool {
    fs::symlink_metadata(root.join(name)).is_ok_and(|data| !data.is_file())
}

impl Check<'_> {
    fn find(&mut self, kind: FindingKind, path: &str, message: impl Into<String>) {
        let finding = Finding { kind, path: path.to_owned(), message: message.into() };
        self.verified.findings.push(finding);
    }

    fn own_files(&mut self) {
        for name in self.strange.clone() {
            self.find(FindingKind::Altered, name, "is no file any more");
        }
        for name in MARKS {
            if !self.strange.contains(&name)
                && fs::metadata(self.root.join(name)).is_ok_and(|data| data.len() > 0)
            {
                self.find(FindingKind::Altered, name, "was altered: it is empty in every archive");
            }
        }
        // What is being written lies there, and what was left of that by a run that was killed.
        let is_used =
            |folder: PathBuf| fs::read_dir(folder).is_ok_and(|mut dir| dir.next().is_some());
        self.verified.interrupted |= staging(self.root).into_iter().any(is_used);
    }

    /// Reads the ledger, gives the hashes of its lines.
    fn ledger(&mut self, own: &Path) -> Result<Vec<String>> {
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
            let entry = serde_json::from_slice::<Entry>(line).ok();
            if entry.is_none() {
                self.find(Altered, LEDGER, format!("line {number} is no entry any more"));
            }
            heads.push(hash(line));
            entries.push(entry);
        }
        // Whose hash an entry names as the one before it.
        let by_hash: HashMap<&str, usize> =
            (0..).zip(&heads).map(|(index, head)| (head.as_str(), index)).collect();
        let mut numbers = BTreeSet::new();
        let mut last = 0;
        for (index, entry) in (0..).zip(&entries) {
            // Of one that cannot be read the place says the number.
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
            if entry.version != 1 {
                let message = format!("entry {number} is of a version that there is not");
                self.find(Altered, LEDGER, message);
            }
            let named = by_hash.get(entry.previous.as_str()).copied();
            let of_before = match number {
                1 => entry.previous == BEGINNING,
                _ => named.is_some_and(|named| {
                    let entry = entries.get(named).and_then(Option::as_ref);
                    entry.is_none_or(|entry| entry.entry + 1 == number)
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
                // That it is gone is told below.
                None => (),
            }
        }
        for number in (1..last).filter(|number| !numbers.contains(number)) {
            self.find(Removed, LEDGER, format!("entry {number} is missing"));
        }
        let end = entries.len();
        let previous = heads.last().map_or(BEGINNING, String::as_str);
        if !may_begin(torn, last + 1, previous) {
            self.find(Added, LEDGER, "what stands after its last line is no beginning of a line");
        }
        self.verified.interrupted |= !torn.is_empty();
        for (index, entry) in (1..).zip(entries) {
            if entry.as_ref().is_some_and(|entry| !adds_up(entry)) {
                let message = format!("the counts of entry {index} do not add up");
                self.find(Altered, LEDGER, message);
            }
            for file in entry.into_iter().flat_map(|entry| entry.files) {
                let is_inside = Path::new(&file.path)
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_)));
                if !is_inside {
                    let message = format!("entry {index} names a file elsewhere: {}", file.path);
                    self.find(Altered, LEDGER, nhn_cloudtrail::printable(&message));
                    continue;
                }
                if self.recorded.contains_key(&file.path) {
                    let message = format!("entry {index} names {} again", file.path);
                    self.find(Added, LEDGER, nhn_cloudtrail::printable(&message));
                    continue;
                }
                self.verified.files += 1;
                self.verified.records += file.records;
                self.recorded.insert(file.path.clone(), (file, index == end));
            }
        }
        self.verified.entries = end as u64;
        if let Some(head) = heads.last() {
            self.verified.head.clone_from(head);
        }
        Ok(heads)
    }

    fn heads(&mut self, own: &Path, heads: &[String], verify: &Verify<'_>) {
        let is_strange = |name| self.strange.contains(&name);
        let stored = Some(head_file(own)).filter(|_| !is_strange(HEAD));
        let stored = stored.and_then(|path| fs::read_to_string(path).ok());
        let stored = stored.as_deref().map(|stored| stored.strip_suffix('\n').unwrap_or(""));
        let before = heads.len().checked_sub(2).and_then(|index| heads.get(index));
        let path = HEAD;
        match stored {
            _ if is_strange(HEAD) => (),
            Some(stored) if heads.last().is_some_and(|head| head == stored) => (),
            Some(stored) if before.is_some_and(|before| before == stored) => {
                self.verified.interrupted = true;
            }
            None if heads.len() <= 1 => self.verified.interrupted |= !heads.is_empty(),
            Some(BEGINNING) if heads.len() <= 1 => self.verified.interrupted |= !heads.is_empty(),
            Some(_) => {
                let message = "is not the hash of the ledger's last line: the ledger's end was cut off \
                               or altered, or this was";
                self.find(FindingKind::Head, path, message);
            }
            None => self.find(FindingKind::Removed, path, "is missing"),
        }
        if let Some(known) = verify.head {
            let known = known.trim().to_ascii_lowercase();
            let is_beginning = known == BEGINNING && heads.is_empty();
            if !heads.contains(&known) && !is_beginning {
                let message =
                    format!("the ledger never had the head {known}: it was cut or rewritten");
                self.find(FindingKind::Head, LEDGER, message);
            }
        }
        let wrong = match verify.public_key {
            _ if self.strange.contains(&SIGNATURE) => None,
            Some(key) => key.check(own, &self.verified.head),
            None => sign::check(own, heads),
        };
        if let Some(message) = wrong {
            self.find(FindingKind::Signature, SIGNATURE, message);
        }
    }

    fn files(&mut self, hashed: Hashed<'_>) -> Result<()> {
        use FindingKind::{Added, Altered, Moved, Removed};

        let recorded = std::mem::take(&mut self.recorded);
        let total = recorded.values().map(|(file, _)| file.bytes).sum();
        let by_hash: HashMap<&str, &str> = recorded
            .iter()
            .map(|(path, (file, _))| (file.sha256.as_str(), path.as_str()))
            .collect();
        let mut seen = 0;
        let mut hash_of = |path: &Path| {
            hash_file(path, |bytes| {
                seen += bytes;
                hashed(seen.min(total), total)
            })
            .map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionAborted => {
                    Error::new(Code::Interrupted, "the verification was stopped")
                }
                _ => failed(path, error),
            })
        };
        let mut missing = Vec::new();
        for (name, (file, is_last)) in &recorded {
            let path = self.root.join(name);
            match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let staged = staged(self.root, name).into_iter().filter(|_| *is_last);
                    let is_staged = |path: PathBuf| {
                        path.is_file() && hash_of(&path).is_ok_and(|(_, hash)| hash == file.sha256)
                    };
                    if staged.into_iter().any(is_staged) {
                        self.verified.interrupted = true;
                    } else {
                        missing.push((name, file));
                    }
                }
                Err(error) => return Err(failed(&path, error)),
                Ok(data) if !data.is_file() => {
                    self.find(Altered, name, "is no file any more");
                }
                Ok(_) => {
                    let (bytes, hash) = hash_of(&path)?;
                    if hash == file.sha256 && bytes == file.bytes {
                        continue;
                    }
                    match by_hash.get(hash.as_str()) {
                        Some(other) => {
                            self.find(Moved, name, format!("holds what was recorded as {other}"));
                        }
                        None => {
                            let message = format!(
                                "was altered: it has {bytes} bytes and the SHA-256 {hash}, recorded \
                                 were {} bytes and {}",
                                file.bytes, file.sha256
                            );
                            self.find(Altered, name, message);
                        }
                    }
                }
            }
        }
        let mut moved = HashMap::new();
        for path in unrecorded(self.root, &recorded)? {
            let name = crate::archive::slashes(path.strip_prefix(self.root).unwrap_or(&path));
            let hash = path.is_file().then(|| hash_of(&path)).transpose()?;
            let original = hash.and_then(|(_, hash)| by_hash.get(hash.as_str()).copied());
            let message = match original {
                Some(original) => {
                    moved.insert(original.to_owned(), name.clone());
                    format!("was added: it holds what was recorded as {original}")
                }
                None => "was added: the ledger does not know it".to_owned(),
            };
            self.find(Added, &name, message);
        }
        for (name, _) in missing {
            match moved.get(name) {
                Some(other) => self.find(Moved, name, format!("is now {other}")),
                None => self.find(Removed, name, "is missing"),
            }
        }
        Ok(())
    }
}

/// Whether all that came is accounted for, and all that was gained is in files.
fn adds_up(entry: &Entry) -> bool {
    let Counts { fetched, new, known, rejected, .. } = entry.records.unwrap_or_default();
    let sum = |of_rejects: bool| {
        let files = entry.files.iter().filter(|file| file.path.starts_with(REJECTS) == of_rejects);
        files.map(|file| file.records).try_fold(0, u64::checked_add)
    };
    let became = new.checked_add(known).and_then(|sum| sum.checked_add(rejected));
    became == Some(fetched) && sum(false) == Some(new) && sum(true) == Some(rejected)
}

/// The folders of what has no name yet.
fn staging(root: &Path) -> [PathBuf; 3] {
    let [beside, inside] = stages(&root.join(EVENTS));
    [beside, inside, root.join(STAGED)]
}

/// The files in an archive that its ledger does not speak of, and that are not its own.
fn unrecorded(
    root: &Path,
    recorded: &BTreeMap<String, (RecordedFile, bool)>,
) -> Result<Vec<PathBuf>> {
    let mut files = OWN_FILES.map(|name| root.join(name)).to_vec();
    files.extend([HEAD, SIGNATURE].map(|name| root.join(name).with_extension("unfinished")));
    let folders = staging(root);
    let mut found = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let entry = entry.map_err(|error| failed(&folder, error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| failed(&path, error))?;
            if kind.is_dir() {
                if !folders.contains(&path) {
                    todo.push(path);
                }
                continue;
            }
            let name = crate::archive::slashes(path.strip_prefix(root).unwrap_or(&path));
            if !files.contains(&path) && !recorded.contains_key(&name) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
