//! What an archive has gained, line by line, each line bound to all before it.
//!
//! `docs/collecting.md` describes the file byte by byte. A line is a JSON object, and its hash the SHA-256
//! of its bytes without the line feed; `previous` is the hash of the line before, of the first line 64
//! zeros. The hash of the last line is the ledger's head. The ledger is the journal too: what was fetched
//! stands beside what came of it, in one line, so that neither is ever without the other.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, Error, Position, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What `previous` is in the first line.
pub(crate) const BEGINNING: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// The most that a line may have. A run that gains ten thousand files has some 2 MiB.
const LINE: usize = 1 << 30;

/// A line of the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) version: u32,
    /// Its number, from 1.
    pub(crate) entry: u64,
    pub(crate) previous: String,
    /// When it was written.
    pub(crate) time: String,
    /// The files that the archive gained.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<RecordedFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) records: Option<Counts>,
    /// Periods of the API that are in the archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) covered: Vec<Covered>,
    /// Objects of buckets that are in the archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) objects: Vec<Object>,
    /// At the end of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedFile {
    /// Its path in the archive, with slashes.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) records: u64,
}

/// How many records came, and what became of them: `fetched = new + known + rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Counts {
    /// Records that came, some of them more than once: periods overlap.
    pub fetched: u64,
    /// Records that the archive has gained.
    pub new: u64,
    /// Records that it had, or that came before in the same run.
    pub known: u64,
    /// Records that could not become events; their bytes are kept.
    pub rejected: u64,
    /// New records with the key of another one and other content.
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
    /// Which organization, by a hash of its appkey and the base URL.
    pub(crate) source: String,
    /// The period as it was asked for, in milliseconds since 1970.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// How many records the API has of it.
    pub(crate) records: u64,
    /// Whether the period is that of others together, which stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Object {
    /// Its URL.
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// What tells this version of it from others.
    pub(crate) version: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    pub(crate) begun: String,
    pub(crate) records: Counts,
    pub(crate) gaps: Vec<Gap>,
}

/// What a run was to fetch and has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// Since when, RFC 3339; none of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The object's URL; none of a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What is the matter.
    pub reason: String,
}

/// What a run that was killed left.
struct Found {
    /// Where the whole lines end, where something stands after them.
    torn_after: Option<u64>,
    head_is_old: bool,
}

/// A ledger that is added to.
pub(crate) struct Ledger {
    folder: PathBuf,
    pub(crate) entries: Vec<Entry>,
    pub(crate) head: String,
}

/// The lines of a ledger as they are in the file, with what follows the last line feed.
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

/// Whether a run that was killed may have left this of an entry's line.
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
    /// Reads the ledger in a folder, or begins one. What a run that was killed left is mended.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let (ledger, found) = Self::read_as_is(folder)?;
        if let Some(whole) = found.torn_after {
            // The run that wrote it was killed, and nothing of it has come into the archive.
            let path = ledger_file(folder);
            let file = File::options().write(true).open(&path);
            let mended = file.and_then(|file| file.set_len(whole).and_then(|()| file.sync_all()));
            mended.map_err(|error| failed(&path, error))?;
        }
        if found.head_is_old {
            ledger.store_head()?;
        }
        Ok(ledger)
    }

    /// Reads the ledger in a folder, and changes nothing.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        Ok(Self::read_as_is(folder)?.0)
    }

    fn read_as_is(folder: &Path) -> Result<(Self, Found)> {
        let path = ledger_file(folder);
        let text = match is_own(&path)? {
            true => fs::read(&path).map_err(|error| failed(&path, error))?,
            false => Vec::new(),
        };
        let (lines, torn) = lines(&text);
        let mut ledger =
            Self { folder: folder.to_owned(), entries: Vec::new(), head: BEGINNING.to_owned() };
        let mut before = None;
        for (number, line) in (1..).zip(lines) {
            let entry = serde_json::from_slice::<Entry>(line).ok();
            let fits = |entry: &Entry| entry.previous == ledger.head && entry.entry == number;
            let Some(entry) = entry.filter(fits) else {
                let message = "this line of the ledger does not follow from those before it: \
                               `archive verify` says what was changed";
                let mut place = place(&path);
                place.line = number;
                return Err(Error::new(Code::InvalidArchive, message).at(place));
            };
            ledger.entries.push(entry);
            before = Some(std::mem::replace(&mut ledger.head, hash(line)));
        }
        let head_is_old = match ledger.stored_head()? {
            Some(stored) if stored == ledger.head => false,
            None if ledger.entries.len() <= 1 => true,
            // Killed after the line, and before this.
            Some(stored) if Some(&stored) == before.as_ref() => true,
            _ => {
                let message = "the ledger is not the one that was written last: `archive verify` says \
                               what was changed";
                return Err(Error::new(Code::InvalidArchive, message).at(place(&path)));
            }
        };
        if !may_begin(torn, ledger.entries.len() as u64 + 1, &ledger.head) {
            let message = "what stands after the ledger's last line is no beginning of a line: `archive \
                           verify` says what was changed";
            return Err(Error::new(Code::InvalidArchive, message).at(place(&path)));
        }
        let torn_after = (!torn.is_empty()).then(|| (text.len() - torn.len()) as u64);
        Ok((ledger, Found { torn_after, head_is_old }))
    }

    /// Adds an entry, which is on the disk after that.
    pub(crate) fn append(&mut self, mut entry: Entry) -> Result<()> {
        entry.entry = self.entries.len() as u64 + 1;
        entry.previous.clone_from(&self.head);
        let path = ledger_file(&self.folder);
        let failed = |error| failed(&path, error);
        let mut line = serde_json::to_vec(&entry).map_err(|error| failed(error.into()))?;
        if line.len() > LINE {
            return Err(failed(io::Error::other("an entry is too large")));
        }
        let head = hash(&line);
        line.push(b'\n');
        let mut file = private_file(File::options().append(true).create(true), &path)?;
        let length = file.metadata().map_err(failed)?.len();
        if let Err(error) = file.write_all(&line).and_then(|()| file.sync_all()) {
            // What it speaks of does not come now.
            let _ = file.set_len(length);
            return Err(failed(error));
        }
        sync_folder(&self.folder)?;
        self.head = head;
        self.entries.push(entry);
        self.store_head()
    }

    fn stored_head(&self) -> Result<Option<String>> {
        let path = head_file(&self.folder);
        if !is_own(&path)? {
            return Ok(None);
        }
        let head = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
        Ok(Some(head.trim_end().to_owned()))
    }

    fn store_head(&self) -> Result<()> {
        write_whole(&head_file(&self.folder), format!("{}\n", self.head).as_bytes())
    }
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The size and the hash of a file. Where `seen` is false, it ends with `ConnectionAborted`.
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

/// Whether there is such a file. An error where it is a link to one elsewhere, a pipe that nobody may
/// write to, or the like.
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

/// Writes a file that is there as a whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file =
        private_file(File::options().write(true).create(true).truncate(true), &unfinished)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let named = written.and_then(|()| fs::rename(&unfinished, path));
    named.map_err(|error| failed(path, error))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Opens a file that only its owner can read.
pub(crate) fn private_file(options: &mut fs::OpenOptions, path: &Path) -> Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path).map_err(|error| failed(path, error))
}

/// Makes a folder that only its owner can read, and those above it.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| failed(path, error))
}

/// Makes sure that names given in a folder outlast a loss of power.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| failed(folder, error))?;
    }
    Ok(())
}

pub(crate) fn place(path: &Path) -> Position {
    let mut place = Position::default();
    place.source = Some(path.to_string_lossy().into());
    place
}

pub(crate) fn failed(path: &Path, error: io::Error) -> Error {
    Error::new(Code::Io, "cannot be read or written").at(place(path)).caused_by(error)
}
