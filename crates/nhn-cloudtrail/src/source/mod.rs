//! Where text comes from: a path, a glob, a folder, standard input, bytes or a stream, plain or
//! compressed, always read in bounded memory.

mod format;
mod gzip;
mod store;
mod stretch;
mod target;
mod wait;
mod watch;
mod zstd;

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{DirEntry, File};
use std::io::{self, Cursor, Read, Seek};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::zstd::{Zstd, is_frame};
use crate::error::{Code, Error, Position, Result};
use bytes::Bytes;
pub use format::{Format, RawRows, Rows};
use gzip::Gzip;
pub use store::{Store, Stored};
use stretch::Stretch;
pub use target::{Target, check_target, is_stdout};
pub use wait::Waiting;
pub(crate) use watch::{Unread, Watch};

/// The file that tells a folder to be a data set of ours, which may have no rows yet.
#[doc(hidden)]
pub const DATA_SET: &str = ".nhn-cloudtrail.lock";

/// How many bytes tell how a text is compressed.
const HEAD_OF_COMPRESSED: usize = 4;

/// How many bytes a format is shown.
const HEAD: usize = 8;

/// One input, opened when it is its turn.
pub(crate) struct Source {
    pub(crate) name: Option<Arc<str>>,
    /// How many bytes it has on disk, where that is known.
    pub(crate) size: Option<u64>,
    kind: Kind,
    /// What was read of it already.
    head: Vec<u8>,
}

enum Kind {
    Path(PathBuf),
    /// The lines that begin in a stretch of a file.
    Lines(PathBuf, Range<u64>),
    Rows(Box<dyn Rows + Send>),
    /// A file that is kept elsewhere.
    Stored(store::Open),
    /// What a folder could not say about a place in it.
    Unreadable(Error),
    Stdin,
    Bytes(Bytes),
    Stream(Box<dyn Read + Send>),
}

/// Why a source is not open.
pub(crate) enum Unopened {
    Wrong(Error),
    /// It has not yet given what tells its compression.
    NotYet(Box<Source>, io::Error),
}

impl From<Error> for Unopened {
    fn from(error: Error) -> Self {
        Unopened::Wrong(error)
    }
}

/// The decompressed text of a source.
pub(crate) enum Input {
    /// All of it is there.
    Memory(Bytes),
    Stream(Box<dyn Read + Send>),
    /// Whole lines of a file, from a place in it on; perhaps there are more after them.
    Lines {
        stream: Box<dyn Read + Send>,
        from: u64,
        is_last: bool,
    },
    /// Records of a file of another format.
    Rows(Box<dyn Rows + Send>),
}

impl Source {
    pub(crate) fn bytes(bytes: Bytes) -> Self {
        Self {
            name: None,
            size: Some(bytes.len() as u64),
            kind: Kind::Bytes(bytes),
            head: Vec::new(),
        }
    }

    pub(crate) fn stream(stream: Box<dyn Read + Send>) -> Self {
        Self { name: None, size: None, kind: Kind::Stream(stream), head: Vec::new() }
    }

    /// Records that are apart already.
    pub(crate) fn rows(rows: Box<dyn Rows + Send>) -> Self {
        Self { name: None, size: None, kind: Kind::Rows(rows), head: Vec::new() }
    }

    /// A file that is kept elsewhere.
    pub(crate) fn stored(file: Stored) -> Self {
        let Stored { name, size, open } = file;
        Self { name: Some(name), size, kind: Kind::Stored(open), head: Vec::new() }
    }

    /// The lines that begin in a stretch of a file.
    pub(crate) fn lines(path: PathBuf, bytes: Range<u64>) -> Self {
        let whole = Self::path(path.clone());
        let size = whole.size.map(|size| bytes.end.min(size).saturating_sub(bytes.start));
        Self { size, kind: Kind::Lines(path, bytes), ..whole }
    }

    pub(crate) fn path(path: PathBuf) -> Self {
        let size = std::fs::metadata(&path).ok().filter(|data| data.is_file());
        Self {
            name: Some(path.to_string_lossy().into()),
            size: size.map(|data| data.len()),
            kind: Kind::Path(path),
            head: Vec::new(),
        }
    }

    fn unreadable(path: &Path, error: io::Error) -> Self {
        let kind = Kind::Unreadable(not_opened(path, error));
        Self { name: Some(path.to_string_lossy().into()), size: Some(0), kind, head: Vec::new() }
    }

    /// The file that is to be read, where it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The path of a file, or of what cannot be read in search of one.
    pub(crate) fn into_path(self) -> PathBuf {
        match self.kind {
            Kind::Path(path) | Kind::Lines(path, _) => path,
            _ => self.name.as_deref().unwrap_or_default().into(),
        }
    }

    /// The sources that a path, folder or glob stands for; `-` is standard input.
    ///
    /// A folder is read recursively, in byte order of its paths; names that begin with `.` or `_`
    /// are skipped, links to folders are not followed, and folders of a data set that one of `formats`
    /// skips are not looked into.
    pub(crate) fn expand(pattern: &Path, formats: &[Arc<dyn Format>]) -> Result<Vec<Self>> {
        if pattern == Path::new("-") {
            return Ok(vec![Self {
                name: Some("-".into()),
                size: None,
                kind: Kind::Stdin,
                head: Vec::new(),
            }]);
        }
        let found = Self::find(pattern, formats)?;
        Ok(found
            .into_iter()
            .map(|(path, error)| match error {
                Some(error) => Self::unreadable(&path, error),
                None => Self::path(path),
            })
            .collect())
    }

    /// The files that a path, folder or glob stands for, without a look at them.
    fn find(pattern: &Path, formats: &[Arc<dyn Format>]) -> Result<Found> {
        let mut found = Found::new();
        let pruning = Pruning { formats, has_skipped: Cell::new(false) };
        match std::fs::metadata(pattern) {
            Ok(data) if data.is_dir() => walk(pattern, &pruning, &mut found),
            Ok(_) => found.push((pattern.to_owned(), None)),
            Err(error) => match is_glob(pattern.as_os_str()) {
                true => expand_glob(pattern, &pruning, &mut found)?,
                false => return Err(not_opened(pattern, error)),
            },
        }
        if found.is_empty() && !pruning.has_skipped.get() && !pattern.join(DATA_SET).exists() {
            let message =
                "no file to read: give a file, a folder that holds one, or a glob that matches one";
            return Err(Error::new(Code::NotFound, message).at(place(pattern)));
        }
        found.sort_by(|(a, _), (b, _)| {
            a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes())
        });
        found.dedup_by(|(a, _), (b, _)| a == b);
        Ok(found)
    }

    /// Opens the source. `read` counts the bytes that are taken from it, before decompression.
    pub(crate) fn open(
        self,
        read: Arc<AtomicU64>,
        formats: &[Arc<dyn Format>],
        watch: &Watch,
    ) -> Result<Input, Unopened> {
        let name = self.name;
        let wrong = |error: io::Error| {
            let position = Position { source: name.clone(), ..Position::default() };
            let code =
                if error.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::Io };
            Unread::told(error, |error| {
                Error::new(code, "cannot be read").at(position).caused_by(error)
            })
        };
        let raw: Box<dyn Read + Send> = match self.kind {
            Kind::Bytes(bytes) if compression(&bytes).is_none() && table_of(&bytes).is_none() => {
                read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                return Ok(Input::Memory(bytes));
            }
            Kind::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Kind::Path(path) => {
                let mut file = watch.open(&path).map_err(|error| match watch.goes_on() {
                    true => wrong(error),
                    false => Watch::error(),
                })?;
                if !formats.is_empty() && self.size.is_some() {
                    let mut head = Vec::with_capacity(HEAD);
                    (&mut file).take(HEAD as u64).read_to_end(&mut head).map_err(wrong)?;
                    if let Some(format) = formats.iter().find(|format| format.detects(&head)) {
                        read.fetch_add(self.size.unwrap_or(0), Ordering::Relaxed);
                        return Ok(Input::Rows(format.open(&path)?));
                    }
                    file.rewind().map_err(wrong)?;
                }
                // A path such as /dev/fd/3 may name a stream that somebody has opened.
                Box::new(Waiting::new(file))
            }
            Kind::Lines(path, bytes) => {
                let file = watch.open(&path).map_err(wrong)?;
                let is_last = bytes.end == u64::MAX;
                let lines = Stretch::new(file, bytes, watch);
                let lines = lines
                    .map_err(|error| wrong(Unread::of(error).unwrap_or_else(|error| error)))?;
                let from = lines.at();
                let stream = Box::new(Counted { inner: lines, read });
                return Ok(Input::Lines { stream, from, is_last });
            }
            Kind::Rows(rows) => return Ok(Input::Rows(rows)),
            Kind::Stored(open) => open().map_err(wrong)?,
            Kind::Unreadable(error) => return Err(error.into()),
            Kind::Stdin => Box::new(Waiting::new(io::stdin())),
            Kind::Stream(stream) => stream,
        };
        let mut raw = watch.over(raw);
        let mut head = self.head;
        let missing = HEAD_OF_COMPRESSED.saturating_sub(head.len()) as u64;
        match (&mut raw).take(missing).read_to_end(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let kind = Kind::Stream(raw.into_inner());
                let again = Source { name, size: self.size, kind, head };
                return Err(Unopened::NotYet(Box::new(again), error));
            }
            Err(_) if !watch.goes_on() => return Err(Watch::error().into()),
            Err(error) => return Err(wrong(Unread::of(error).unwrap_or_else(|error| error)).into()),
            Ok(_) => (),
        }
        if let Some(what) = table_of(&head) {
            let position = Position { source: name, ..Position::default() };
            return Err(Error::new(Code::NotALog, what).at(position).into());
        }
        let compression = compression(&head);
        let counted = Counted { inner: Cursor::new(head).chain(raw), read };
        Ok(Input::Stream(match compression {
            None => Box::new(counted),
            Some(Compression::Gzip) => Box::new(Gzip::new(counted)),
            Some(Compression::Zstd) => {
                let position = Position { source: name.clone(), ..Position::default() };
                Box::new(Zstd::new(counted, position).map_err(wrong)?)
            }
        }))
    }
}

/// Whether a file holds text as it is: it is neither compressed nor of another format.
pub(crate) fn is_plain(path: &Path, formats: &[Arc<dyn Format>]) -> io::Result<bool> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    let is_other = formats.iter().any(|format| format.detects(&head)) || table_of(&head).is_some();
    Ok(!is_other && compression(&head).is_none())
}

enum Compression {
    Gzip,
    Zstd,
}

/// What the first bytes say.
fn compression(head: &[u8]) -> Option<Compression> {
    match head {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        _ => is_frame(head).then_some(Compression::Zstd),
    }
}

/// What is wrong with a source that is a table: inside of one, texts of requests would look like
/// records.
fn table_of(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [b'P', b'A', b'R', b'1', ..] => {
            "this is a Parquet file, which is read only by its path, and as a table of events"
        }
        [b'A', b'R', b'R', b'O', ..] | [0xff, 0xff, 0xff, 0xff, ..] => {
            "this is an Arrow table; read the log that it was made from, or write Parquet, which can \
             be read back"
        }
        _ => return None,
    })
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

fn place(path: &Path) -> Position {
    Position { source: Some(path.to_string_lossy().into()), ..Position::default() }
}

/// Compressed data that ends here because of what is wrong with it.
fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn not_opened(path: &Path, error: io::Error) -> Error {
    let missing = error.kind() == io::ErrorKind::NotFound;
    let (code, message) = if missing {
        (Code::NotFound, "no such file or folder")
    } else {
        (Code::Io, "cannot be opened")
    };
    let wrong = Error::new(code, message).at(place(path));
    if missing { wrong } else { wrong.caused_by(error) }
}

/// How names are compared with globs.
const GLOB_OPTIONS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

fn is_glob(path: &OsStr) -> bool {
    path.as_encoded_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// Which folders of data sets are skipped, since no record in them is wanted.
struct Pruning<'a> {
    formats: &'a [Arc<dyn Format>],
    has_skipped: Cell<bool>,
}

impl Pruning<'_> {
    /// Only in a data set of ours do folders say what is in their files.
    fn skips(&self, folder: &Path) -> bool {
        let Some(name) = folder.file_name() else { return false };
        let skips = self.formats.iter().any(|format| format.skips_folder(name))
            && folder.parent().is_some_and(|parent| parent.join(DATA_SET).is_file());
        self.has_skipped.set(self.has_skipped.get() || skips);
        skips
    }
}

/// Files, and what could not be read in search of them.
type Found = Vec<(PathBuf, Option<io::Error>)>;

/// Finds what a glob stands for: `*`, `?` and `[…]` stand for names that do not begin with a dot, in
/// one folder; `**` for a folder and all folders in it, or at the end for all files in these. Names
/// that are not UTF-8 are as good as others.
fn expand_glob(pattern: &Path, pruning: &Pruning<'_>, found: &mut Found) -> Result<()> {
    let only_folders = pattern.as_os_str().as_encoded_bytes().ends_with(b"/");
    for path in glob_paths(pattern, found)? {
        if path.is_dir() {
            walk(&path, pruning, found);
        } else if !only_folders
            && path.symlink_metadata().is_ok()
            && !path.parent().is_some_and(|folder| pruning.skips(folder))
        {
            found.push((path, None));
        }
    }
    Ok(())
}

/// The paths that a glob matches; the last of them need not exist.
fn glob_paths(pattern: &Path, found: &mut Found) -> Result<Vec<PathBuf>> {
    let not_a_glob = |error: glob::PatternError| {
        Error::new(Code::InvalidOption, "not a glob").at(place(pattern)).caused_by(error)
    };
    let any_depth = OsStr::new("**");
    let mut parts: Vec<Component<'_>> = pattern.components().collect();
    parts.dedup_by(|a, b| a.as_os_str() == any_depth && b.as_os_str() == any_depth);
    if parts.last().is_some_and(|part| part.as_os_str() == any_depth) {
        parts.push(Component::Normal(OsStr::new("*")));
    }
    let mut paths = vec![PathBuf::new()];
    let mut at_any_depth = false;
    for part in parts {
        let part = part.as_os_str();
        if part == any_depth {
            at_any_depth = true;
            let tops = std::mem::take(&mut paths);
            tops.into_iter().for_each(|top| folders(top, &mut paths, found));
        } else if is_glob(part) {
            let part = glob::Pattern::new(&part.to_string_lossy()).map_err(not_a_glob)?;
            let mut matching = Vec::new();
            for folder in &paths {
                for entry in entries(folder, found) {
                    let name = entry.file_name();
                    // `**` does not follow links to folders.
                    let is_elsewhere = || at_any_depth && is_linked_folder(&entry);
                    if part.matches_with(&name.to_string_lossy(), GLOB_OPTIONS) && !is_elsewhere() {
                        matching.push(folder.join(name));
                    }
                }
            }
            paths = matching;
        } else {
            paths.iter_mut().for_each(|path| path.push(part));
        }
        // Several `**` find the same folders.
        paths.sort_unstable();
        paths.dedup();
    }
    Ok(paths)
}

/// A folder and all folders in it; links are not followed, nor names that begin with a dot.
fn folders(top: PathBuf, paths: &mut Vec<PathBuf>, found: &mut Found) {
    let mut next = vec![top];
    while let Some(folder) = next.pop() {
        for entry in entries(&folder, found) {
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if !is_hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                next.push(folder.join(entry.file_name()));
            }
        }
        paths.push(folder);
    }
}

/// The entries of a folder; none for other files. A folder that cannot be read is added to `found`.
fn entries(folder: &Path, found: &mut Found) -> Vec<DirEntry> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let read = std::fs::read_dir(here).and_then(Iterator::collect);
    read.unwrap_or_else(|error| {
        if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            found.push((folder.to_owned(), Some(error)));
        }
        Vec::new()
    })
}

fn is_linked_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_symlink()) && entry.path().is_dir()
}

/// Finds the files of a folder. A part of it that cannot be read costs nothing but itself.
fn walk(folder: &Path, pruning: &Pruning<'_>, found: &mut Found) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if pruning.skips(&folder) {
            continue;
        }
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                found.push((folder, Some(error)));
                continue;
            }
        };
        for entry in entries {
            let kind = entry.and_then(|entry| Ok((entry.file_type()?, entry)));
            let (kind, entry) = match kind {
                Ok(entry) => entry,
                Err(error) => {
                    found.push((folder.clone(), Some(error)));
                    continue;
                }
            };
            if matches!(entry.file_name().as_encoded_bytes().first(), Some(b'.' | b'_')) {
                continue;
            }
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                found.push((path, None));
            } else if kind.is_symlink() {
                match std::fs::metadata(&path) {
                    Ok(data) if data.is_file() => found.push((path, None)),
                    Ok(_) => (),
                    Err(error) => found.push((path, Some(error))),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    /// What a stream gives before its end or an error, with at most `step` bytes a call.
    pub(super) fn read_in_steps(mut input: impl Read, step: usize) -> (Vec<u8>, Option<String>) {
        let (mut text, mut buffer) = (Vec::new(), vec![0; step]);
        loop {
            match input.read(&mut buffer) {
                Ok(0) => return (text, None),
                Ok(count) => text.extend_from_slice(&buffer[..count]),
                Err(error) => return (text, Some(error.to_string())),
            }
        }
    }
}
