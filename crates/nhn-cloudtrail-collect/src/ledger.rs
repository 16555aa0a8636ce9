//! The ledger: what was added to an archive, one entry per line. Each line contains the hash of the
//! previous one.
//!
//! `docs/collecting.md` specifies the file byte by byte. A line is a JSON object, and its hash is the
//! SHA-256 of its bytes without the line feed. `previous` is the hash of the previous line, or 64 zeros
//! in the first line. The hash of the last line is the ledger's head. The ledger is the journal of what
//! was fetched as well: a period and its files are recorded in the same line, so neither exists without
//! the other.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, Error, Position, Result};
use nhn_cloudtrail_arrow::disk;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::rules::{self, Rules, Unreadable};

/// The value of `previous` in the first line.
pub(crate) const BEGINNING: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// The maximum length of a line. An entry with ten thousand files has about 2 MiB.
const LINE: usize = 1 << 30;

/// A line of the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) version: u32,
    /// The number of the entry, from 1.
    pub(crate) entry: u64,
    pub(crate) previous: String,
    /// When the entry was written.
    pub(crate) time: String,
    /// Files that were added to the archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<RecordedFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) records: Option<Counts>,
    /// Periods of the API that were added to the archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) covered: Vec<Covered>,
    /// Objects of buckets that were added to the archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) objects: Vec<Object>,
    /// Recorded files that were removed from the archive, by their paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) removed: Vec<Removed>,
    /// Losses that were repaired, or acknowledged as final.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) settled: Vec<Settled>,
    /// Only at the end of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedFile {
    /// The path in the archive, with slashes.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) records: u64,
}

/// Number of records received, and what they became: `fetched = new + known + rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Counts {
    /// Records received; some more than once, since periods overlap.
    pub fetched: u64,
    /// Records added to the archive.
    pub new: u64,
    /// Records that the archive already had, or that were received before in the same run.
    pub known: u64,
    /// Records that could not become events; their bytes are kept.
    pub rejected: u64,
    /// New records with the key of another record but different content.
    pub conflicts: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.fetched += other.fetched;
        self.new += other.new;
        self.known += other.known;
        self.rejected += other.rejected;
        self.conflicts += other.conflicts;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Covered {
    /// Identifies the organization, by a hash of its appkey and the base URL.
    pub(crate) source: String,
    /// The requested period, in milliseconds since 1970.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Number of records that the API has of it.
    pub(crate) records: u64,
    /// Whether the period spans several others, which stay valid.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Object {
    /// URL of the object.
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// Distinguishes this version of the object from others.
    pub(crate) version: String,
}

/// Files that were removed from the archive together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Removed {
    /// Their paths in the archive, with slashes.
    pub(crate) paths: Vec<String>,
    pub(crate) why: Why,
}

/// Why files were removed from the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Why {
    /// Other files, recorded by the same entry, contain the same records.
    Compacted {
        /// The paths of the other files.
        into: Vec<String>,
        /// Number of records in them.
        records: u64,
        /// A SHA-256 of the records, independent of their order and of how they are split into files. It
        /// is the same for the old and the new files.
        content: String,
    },
    /// The files were older than the retention period.
    Pruned {
        /// The first day that is kept, `YYYY-MM-DD`.
        before: String,
        reason: String,
    },
}

/// A loss that was repaired, or is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settled {
    pub(crate) loss: Loss,
    pub(crate) how: How,
    /// Why a loss is final, or how it was repaired.
    pub(crate) reason: String,
}

/// Something that an archive had, or should have, and does not have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Loss {
    /// A recorded file that is missing or altered, by its path.
    File(String),
    /// A period of the API, in milliseconds since 1970.
    Period { source: String, from: i64, to: i64 },
    /// An object, by its URL.
    Object(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// The lost data was read again.
    Repaired,
    /// The data cannot be recovered from any source.
    Final,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    pub(crate) begun: String,
    pub(crate) records: Counts,
    pub(crate) gaps: Vec<Gap>,
    /// Names of the sources, by their hashes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) names: BTreeMap<String, String>,
}

/// Something that a run should have fetched and did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// Start, RFC 3339; `None` for an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// End; `None` for an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// URL of the object; `None` for a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The reason.
    pub reason: String,
}

/// What a killed run left.
#[derive(Default)]
struct Found {
    /// The end of the last complete line, if bytes follow it.
    torn_after: Option<u64>,
    head_is_old: bool,
}

/// A ledger that is open for writing.
pub(crate) struct Ledger {
    folder: PathBuf,
    pub(crate) entries: Vec<Entry>,
    pub(crate) head: String,
    found: Found,
    /// Whether the disk may have an entry that is not in memory.
    is_broken: bool,
}

/// Returns the lines of a ledger, and the bytes after the last line feed.
pub(crate) fn lines(text: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (whole, rest) = match text.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => text.split_at(end + 1),
        None => (&b""[..], text),
    };
    let lines = whole
        .strip_suffix(b"\n")
        .map_or(Vec::new(), |whole| whole.split(|byte| *byte == b'\n').collect());
    (lines, rest)
}

/// Returns whether a killed run may have left these bytes as the beginning of an entry's line.
pub(crate) fn may_begin(torn: &[u8], number: u64, previous: &str) -> bool {
    let begins = format!(r#"{{"version":1,"entry":{number},"previous":"{previous}","time":""#);
    let length = torn.len().min(begins.len());
    torn.get(..length) == begins.as_bytes().get(..length)
}

pub(crate) fn ledger_file(folder: &Path) -> PathBuf {
    folder.join("ledger.jsonl")
}

pub(crate) fn head_file(folder: &Path) -> PathBuf {
    folder.join("head")
}

impl Ledger {
    /// Reads the ledger in a folder without changing it. A run may add to it meanwhile.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut tries = 0;
        loop {
            let head = Self::stored_head(folder)?;
            let ledger = Self::read_as_is(folder);
            tries += 1;
            // The ledger and the head may have been read at different times.
            if ledger.is_ok() || tries == 10 || Self::stored_head(folder)? == head {
                return ledger;
            }
        }
    }

    /// Reads the ledger in a folder without changing it. No run may add to it meanwhile.
    pub(crate) fn read_as_is(folder: &Path) -> Result<Self> {
        let path = ledger_file(folder);
        let text = match is_own(&path)? {
            true => fs::read(&path).map_err(|error| failed(&path, error))?,
            false => Vec::new(),
        };
        let (lines, torn) = lines(&text);
        let mut ledger = Self {
            folder: folder.to_owned(),
            entries: Vec::new(),
            head: BEGINNING.to_owned(),
            found: Found::default(),
            is_broken: false,
        };
        let mut before = None;
        let invalid = |line, message: &str| {
            let mut place = place(&path);
            place.line = line;
            Error::new(Code::InvalidArchive, message).at(place)
        };
        for (number, line) in (1..).zip(lines) {
            let entry = match rules::read(line) {
                Err(Unreadable::Newer(message)) => return Err(invalid(number, &message)),
                entry => entry.ok(),
            };
            let fits = |entry: &Entry| entry.previous == ledger.head && entry.entry == number;
            let Some(entry) = entry.filter(fits) else {
                let message = "this line of the ledger does not follow from those before it: \
                               `archive verify` says what was changed";
                return Err(invalid(number, message));
            };
            ledger.entries.push(entry);
            before = Some(std::mem::replace(&mut ledger.head, hash(line)));
        }
        let mut rules = Rules::default();
        for (number, entry) in (1..).zip(&ledger.entries) {
            if let Some((_, message)) = rules.check(entry).into_iter().next() {
                let message = format!("{message}: `archive verify` says all that was changed");
                return Err(invalid(number, &message));
            }
        }
        ledger.found.head_is_old = match Self::stored_head(folder)? {
            Some(stored) if stored == ledger.head => false,
            None if ledger.entries.len() <= 1 => true,
            // A run was killed after it wrote the line and before it wrote the head.
            Some(stored) if Some(&stored) == before.as_ref() => true,
            _ => {
                let message = "the ledger is not the one that was written last: `archive verify` says \
                               what was changed";
                return Err(invalid(0, message));
            }
        };
        if !may_begin(torn, ledger.entries.len() as u64 + 1, &ledger.head) {
            let message = "the text after the ledger's last line is not the beginning of a line: see `archive \
                           verify`";
            return Err(invalid(0, message));
        }
        ledger.found.torn_after = (!torn.is_empty()).then(|| (text.len() - torn.len()) as u64);
        Ok(ledger)
    }

    /// Repairs what a killed run left.
    pub(crate) fn mend(&mut self) -> Result<()> {
        let path = ledger_file(&self.folder);
        let Found { torn_after, head_is_old } = std::mem::take(&mut self.found);
        let head_is_old = head_is_old && !self.entries.is_empty();
        if torn_after.is_some() || head_is_old {
            let options = &mut File::options();
            let file = disk::open(&path, options.write(true));
            let mended = file.and_then(|file| {
                // The run that wrote the partial line was killed before it added anything to the archive.
                torn_after.map_or(Ok(()), |whole| disk::truncate(&file, whole))?;
                // The last line may not be on the disk yet.
                disk::sync(&file)
            });
            mended.map_err(|error| failed(&path, error))?;
        }
        if head_is_old { self.store_head() } else { Ok(()) }
    }

    /// Appends an entry and syncs it to the disk. If this fails, the entry may or may not be on the disk.
    /// Its files must stay; the next run will find out.
    pub(crate) fn append(&mut self, mut entry: Entry) -> Result<()> {
        entry.entry = self.next();
        entry.previous.clone_from(&self.head);
        let path = ledger_file(&self.folder);
        let failed = |error| failed(&path, error);
        if self.is_broken {
            return Err(failed(io::Error::other("an earlier entry of this run failed")));
        }
        let mut line = serde_json::to_vec(&entry).map_err(|error| failed(error.into()))?;
        if line.len() > LINE {
            return Err(failed(io::Error::other("an entry is too large")));
        }
        let head = hash(&line);
        line.push(b'\n');
        let options = &mut File::options();
        let mut file = disk::open(&path, options.append(true).create(true)).map_err(failed)?;
        self.is_broken = true;
        disk::write_all(&mut file, &line).map_err(failed)?;
        disk::sync(&file).map_err(failed)?;
        disk::sync_folder(&self.folder).map_err(failed)?;
        self.head = head;
        self.entries.push(entry);
        self.store_head()?;
        self.is_broken = false;
        Ok(())
    }

    /// Returns the number of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.entries.len() as u64 + 1
    }

    /// Returns the head after the given number of entries, or `None` if there are fewer.
    pub(crate) fn head_at(&self, entries: u64) -> Option<&str> {
        match self.entries.get(usize::try_from(entries).ok()?) {
            Some(after) => Some(&after.previous),
            None if entries == self.entries.len() as u64 => Some(&self.head),
            None => None,
        }
    }

    /// Returns the recorded files that the archive must have: those that were not removed and whose loss
    /// is not settled.
    pub(crate) fn files(&self) -> impl Iterator<Item = &RecordedFile> {
        let removed = self.entries.iter().flat_map(|entry| &entry.removed);
        let mut gone: HashSet<&str> =
            removed.flat_map(|removed| &removed.paths).map(String::as_str).collect();
        gone.extend(self.settled().filter_map(|settled| match &settled.loss {
            Loss::File(path) => Some(path.as_str()),
            _ => None,
        }));
        let files = self.entries.iter().flat_map(|entry| &entry.files);
        files.filter(move |file| !gone.contains(file.path.as_str()))
    }

    /// Returns the settled losses in the order of the ledger.
    pub(crate) fn settled(&self) -> impl Iterator<Item = &Settled> {
        self.entries.iter().flat_map(|entry| &entry.settled)
    }

    fn stored_head(folder: &Path) -> Result<Option<String>> {
        let path = head_file(folder);
        if !is_own(&path)? {
            return Ok(None);
        }
        let head = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
        Ok(Some(head.trim_end().to_owned()))
    }

    fn store_head(&self) -> Result<()> {
        let path = head_file(&self.folder);
        let stored = disk::write_whole(&path, format!("{}\n", self.head).as_bytes());
        stored.map_err(|error| failed(&path, error))
    }
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the size and the hash of a file. Fails with `ConnectionAborted` if `seen` returns false.
pub(crate) fn hash_file(
    path: &Path,
    mut seen: impl FnMut(u64) -> bool,
) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => return Ok((bytes, hex(&hash.finalize()))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        hash.update(buffer.get(..count).unwrap_or_default());
        bytes += count as u64;
        if !seen(count as u64) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}

/// Returns whether the file exists. Fails if it is a link to elsewhere, a pipe, or anything else that is
/// not a regular file.
pub(crate) fn is_own(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_file() => Ok(true),
        Ok(_) => {
            let message = "this is no file, though the archive has one of this name";
            Err(Error::new(Code::InvalidArchive, message).at(place(path)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(path, error)),
    }
}

pub(crate) fn place(path: &Path) -> Position {
    let mut place = Position::default();
    place.source = Some(path.to_string_lossy().into());
    place
}

pub(crate) fn failed(path: &Path, error: io::Error) -> Error {
    Error::new(Code::Io, "cannot be read or written").at(place(path)).caused_by(error)
}
