//! Bytes of any shape to events, rejects and counts.

mod dedup;
mod frame;
mod open;
mod parts;
mod path;
mod split;

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde::Serialize;

use crate::error::{Code, Error, Position, Result};
use crate::event::{Event, Span};
use crate::json::MAX_DEPTH;
use crate::source::{Format, Rows, Source, Store, Unopened, Watch};
use dedup::{Dedup, Seen};
use frame::Rejected;
use open::{Open, Ready, would_block};
pub use parts::{Collect, Part, Parts};
pub use path::RecordPath;
pub use split::Split;

/// How many bytes are read at a time.
const PIECE: usize = 256 << 10;

/// What a record may take. Input is hostile: without limits one line could take all memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of a record, decompressed. By default 16 MiB; at the most 1 GiB less a byte.
    pub record_bytes: usize,
    /// How deep a record may be nested. By default 128; at the most 1024.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { record_bytes: 16 << 20, depth: 128 }
    }
}

impl Limits {
    /// The same limits with another size of a record.
    #[must_use]
    pub fn with_record_bytes(mut self, bytes: usize) -> Self {
        self.record_bytes = bytes;
        self
    }

    /// The same limits with another depth.
    #[must_use]
    pub fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    fn check(self) -> Result<Self> {
        let wrong = |what: &str, most: usize| {
            Err(Error::new(Code::InvalidOption, format!("the limit of {what} must be 1 to {most}")))
        };
        match self {
            Self { record_bytes: bytes, .. } if bytes == 0 || bytes > Span::MAX => {
                wrong("a record's bytes", Span::MAX)
            }
            Self { depth, .. } if depth == 0 || depth > MAX_DEPTH => wrong("nesting", MAX_DEPTH),
            limits => Ok(limits),
        }
    }
}

/// What was read: `records = events + rejects + duplicates`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// All records that were read and not filtered out.
    pub records: u64,
    /// Records that became events.
    pub events: u64,
    /// Records that could not become events.
    pub rejects: u64,
    /// Records with the key and the content of one before; counted where deduplication is on.
    pub duplicates: u64,
    /// Events with the key of one before and other content; counted where deduplication is on.
    pub conflicts: u64,
    /// Events that the filter left out; no part of `records`. Events of days of a data set that were not
    /// read are not counted.
    pub filtered: u64,
    /// Events whose record has no wire field, or is one of another system: `{}`, say, or the line
    /// of another log. They are among `events` too.
    pub unrecognized: u64,
    /// NUL bytes that were skipped before values, as the rotation of a log that is being written
    /// leaves them.
    pub nul_bytes: u64,
}

/// What could not become an event: its bytes, its place and the reason.
#[derive(Clone, Debug)]
pub struct Reject {
    position: Position,
    code: Code,
    message: String,
    raw: Vec<u8>,
    length: u64,
}

impl Reject {
    /// Where the record begins.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// The reason, as a stable name.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The reason, in words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bytes as they came. Of a record larger than the limit, 64 KiB at the most.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// How many bytes it has in the input, which may be more than [`raw`](Reject::raw) holds.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl From<Reject> for Error {
    fn from(reject: Reject) -> Self {
        Error::new(reject.code, reject.message).at(reject.position)
    }
}

/// How far a [`Reader`] has come. A clone of it goes on telling while the reader is at work.
#[derive(Clone, Debug)]
pub struct Progress {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Progress {
    /// How many bytes have been taken from the sources, before decompression.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// How many bytes the sources have; none where one of them does not say.
    pub fn bytes_total(&self) -> Option<u64> {
        self.total
    }
}

/// An event, or what could not become one.
#[derive(Clone, Debug)]
pub enum Item {
    /// A record that became an event.
    Event(Event),
    /// A record that did not.
    Reject(Reject),
}

type Select = Arc<dyn Fn(&Event) -> bool + Send + Sync>;

/// Sets up a [`Reader`].
///
/// ```no_run
/// use nhn_cloudtrail::{Limits, Reader};
///
/// let reader = Reader::builder()
///     .limits(Limits::default().with_record_bytes(64 << 20))
///     .dedup(true)
///     .open(["logs/2026-10", "logs/2026-11"])?;
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
#[must_use]
pub struct ReaderBuilder {
    limits: Limits,
    path: Option<Arc<RecordPath>>,
    dedup: bool,
    select: Option<Select>,
    formats: Vec<Arc<dyn Format>>,
    stores: Vec<Arc<dyn Store>>,
    piece: usize,
    watch: Watch,
}

impl fmt::Debug for ReaderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderBuilder")
            .field("limits", &self.limits)
            .field("dedup", &self.dedup)
            .finish_non_exhaustive()
    }
}

impl ReaderBuilder {
    /// What a record may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where the records are in each value of the input, for wrappers that are not recognized; see
    /// [`RecordPath`]. With it, records are read from nowhere else.
    pub fn record_path(mut self, path: RecordPath) -> Self {
        self.path = Some(Arc::new(path));
        self
    }

    /// Whether a record with the key and the content of one before is left out and counted as a
    /// duplicate. Off by default: it remembers some 20 bytes a record.
    pub fn dedup(mut self, dedup: bool) -> Self {
        self.dedup = dedup;
        self
    }

    /// Leaves out the events for which `select` is false, before they are counted or remembered as
    /// seen. A [`Filter`](crate::Filter) makes such a function.
    pub fn select(mut self, select: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.select = Some(Arc::new(select));
        self
    }

    /// Reads files of another format too, where they are given by their path.
    pub fn format(mut self, format: Arc<dyn Format>) -> Self {
        self.formats.push(format);
        self
    }

    /// Reads files of a store too, where a source is one of its.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.stores.push(store);
        self
    }

    /// Asks `goes_on` some times a second, in the thread that reads, whether the reading is to go on,
    /// and at once when a signal wakes it while it waits for a source. Where not, it ends with the
    /// error `INTERRUPTED`.
    pub fn watch(mut self, goes_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.watch = Watch::new(goes_on);
        self
    }

    /// How many bytes are read at a time; for tests of the reader itself.
    #[doc(hidden)]
    pub fn piece(mut self, bytes: usize) -> Self {
        self.piece = bytes.max(1);
        self
    }

    /// Reads paths, folders and globs, one after the other; `-` is standard input.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` where one of them names no file, `INVALID_OPTION` for limits out of range; what a
    /// [`Store`] says.
    pub fn open<P: AsRef<Path>>(self, sources: impl IntoIterator<Item = P>) -> Result<Reader> {
        let mut all = VecDeque::new();
        for source in sources {
            let source = source.as_ref();
            match self.stores.iter().find_map(|store| store.find(source)) {
                Some(files) => all.extend(files?.into_iter().map(Source::stored)),
                None => all.extend(Source::expand(source, &self.formats)?),
            }
        }
        self.build(all)
    }

    /// Reads a stream to its end.
    ///
    /// A stream need not block: where it says [`WouldBlock`](std::io::ErrorKind::WouldBlock), the
    /// reader gives an error `WOULD_BLOCK` and goes on when it is asked again. So whoever is handed
    /// pieces of a log, by an event loop say, can read it without a thread that waits for them.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for limits out of range.
    pub fn from_reader(self, stream: impl Read + Send + 'static) -> Result<Reader> {
        self.build(VecDeque::from([Source::stream(Box::new(stream))]))
    }

    /// Reads bytes in hand, without copying them where they are not compressed.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for limits out of range.
    pub fn from_bytes(self, bytes: impl Into<Vec<u8>>) -> Result<Reader> {
        self.build(VecDeque::from([Source::bytes(bytes.into().into())]))
    }

    /// Reads bytes that something else owns, without copying them where they are not compressed.
    /// The events keep the owner alive.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for limits out of range.
    pub fn from_owner(self, owner: impl AsRef<[u8]> + Send + 'static) -> Result<Reader> {
        self.build(VecDeque::from([Source::bytes(Bytes::from_owner(owner))]))
    }

    /// Reads records that are apart already, such as those of a table's column. Their positions have
    /// the number of the row alone.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for limits out of range.
    pub fn from_rows(self, rows: impl Rows + Send + 'static) -> Result<Reader> {
        self.build(VecDeque::from([Source::rows(Box::new(rows))]))
    }

    fn build(self, sources: VecDeque<Source>) -> Result<Reader> {
        let bytes_total = sources.iter().try_fold(0, |total, source| Some(total + source.size?));
        Ok(Reader {
            limits: self.limits.check()?,
            path: self.path,
            piece: self.piece,
            select: self.select,
            formats: self.formats,
            dedup: self.dedup.then(Dedup::default),
            watch: self.watch,
            sources,
            bytes_total,
            bytes_read: Arc::default(),
            open: None,
            ready: Ready::default(),
            stats: Stats::default(),
        })
    }
}

/// Reads events from sources of any shape, in bounded memory.
///
/// As an iterator it gives events, and an error for each reject: reading goes on after one. A
/// source that cannot be read, or is no log, is an error too, and reading goes on at the next
/// source. [`next_item`](Reader::next_item) gives rejects with their bytes.
///
/// ```no_run
/// for event in nhn_cloudtrail::Reader::open("logs/")? {
///     match event {
///         Ok(event) => println!("{:?} {:?}", event.event_time(), event.event_id()),
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
pub struct Reader {
    limits: Limits,
    path: Option<Arc<RecordPath>>,
    piece: usize,
    select: Option<Select>,
    formats: Vec<Arc<dyn Format>>,
    dedup: Option<Dedup>,
    watch: Watch,
    sources: VecDeque<Source>,
    bytes_total: Option<u64>,
    bytes_read: Arc<AtomicU64>,
    open: Option<Open>,
    ready: Ready,
    stats: Stats,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("stats", &self.stats).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads a path, a folder or a glob; `-` is standard input.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` where it names no file.
    pub fn open(source: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open([source])
    }

    /// Reads a stream to its end.
    pub fn from_reader(stream: impl Read + Send + 'static) -> Result<Self> {
        Self::builder().from_reader(stream)
    }

    /// Reads bytes in hand.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        Self::builder().from_bytes(bytes)
    }

    /// A reader with other than the default options.
    pub fn builder() -> ReaderBuilder {
        ReaderBuilder {
            limits: Limits::default(),
            path: None,
            dedup: false,
            select: None,
            formats: Vec::new(),
            stores: Vec::new(),
            piece: PIECE,
            watch: Watch::default(),
        }
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The files that are still to be read, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().filter_map(Source::file)
    }

    /// How far the reading has come, for another thread to watch.
    pub fn progress(&self) -> Progress {
        Progress { read: self.bytes_read.clone(), total: self.bytes_total }
    }

    /// Whether something more is at hand, so that [`next_item`](Reader::next_item) need not wait for
    /// its source. Whoever passes events on may want to flush where this is false.
    pub fn is_ready(&self) -> bool {
        let Ready { batches, next, rejects, error, .. } = &self.ready;
        batches.iter().map(|batch| batch.len()).sum::<usize>() > *next
            || !rejects.is_empty()
            || error.is_some()
    }

    /// What [`next_item`](Reader::next_item) gives, as far as it is at hand; none where more would
    /// have to be read for it.
    pub fn next_ready(&mut self) -> Option<Result<Item>> {
        self.ready_item().or_else(|| {
            let error = self.ready.error.take()?;
            Some(Err(self.failed(error)))
        })
    }

    /// The next event or reject, or an error about a whole source; none at the end of the last.
    pub fn next_item(&mut self) -> Option<Result<Item>> {
        loop {
            if let Some(item) = self.next_ready() {
                return Some(item);
            }
            if !self.watch.goes_on() {
                return self.stop();
            }
            if self.open.is_none() {
                let source = self.sources.pop_front()?;
                match self.open_source(source) {
                    Ok(open) => self.open = Some(open),
                    Err(error) => return Some(Err(self.failed(error))),
                }
            }
            if let Some(open) = &mut self.open {
                let done = open.read(self.piece, &mut self.ready);
                self.stats.filtered += std::mem::take(&mut self.ready.skipped);
                self.stats.nul_bytes += std::mem::take(&mut self.ready.nul_bytes);
                if done {
                    self.open = None;
                }
            }
        }
    }

    /// Reads nothing any more, and says so once.
    fn stop(&mut self) -> Option<Result<Item>> {
        let over = self.open.is_none() && self.sources.is_empty();
        self.open = None;
        self.sources.clear();
        (!over).then(|| Err(Watch::error()))
    }

    /// Where the reading was stopped while it read a source, the ones after it are not to be read.
    fn failed(&mut self, error: Error) -> Error {
        if error.code() == Code::Interrupted {
            self.stop();
        }
        error
    }

    fn open_source(&mut self, source: Source) -> Result<Open> {
        let name = source.name.clone();
        match source.open(self.bytes_read.clone(), &self.formats, &self.watch) {
            Ok(input) => {
                let path = self.path.as_ref();
                Ok(Open::new(name, input, self.limits, path, self.piece, &self.watch))
            }
            Err(Unopened::Wrong(error)) => Err(error),
            Err(Unopened::NotYet(source, error)) => {
                self.sources.push_front(*source);
                Err(would_block(error))
            }
        }
    }

    fn ready_item(&mut self) -> Option<Result<Item>> {
        loop {
            let ready = &mut self.ready;
            let event = ready.batches.front().and_then(|batch| batch.get(ready.next));
            let reject_first = match (&event, ready.rejects.front()) {
                (Some(event), Some(reject)) => reject.number < event.number(),
                (None, Some(_)) => ready.batches.is_empty(),
                (_, None) => false,
            };
            if reject_first {
                let reject = ready.rejects.pop_front()?;
                self.stats.records += 1;
                self.stats.rejects += 1;
                return Some(Ok(Item::Reject(reject.into_public(ready.source.clone()))));
            }
            let Some(event) = event else {
                ready.next = 0;
                ready.batches.pop_front()?;
                continue;
            };
            ready.next += 1;
            if self.select.as_ref().is_some_and(|select| !select(&event)) {
                self.stats.filtered += 1;
                continue;
            }
            self.stats.records += 1;
            match self.dedup.as_mut().map(|dedup| dedup.insert(event.identity())) {
                Some(Seen::Same) => {
                    self.stats.duplicates += 1;
                    continue;
                }
                Some(Seen::Other) => self.stats.conflicts += 1,
                Some(Seen::Never) | None => (),
            }
            self.stats.events += 1;
            self.stats.unrecognized += u64::from(!event.is_recognized());
            return Some(Ok(Item::Event(event)));
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.next_item()? {
            Ok(Item::Event(event)) => Ok(event),
            Ok(Item::Reject(reject)) => Err(reject.into()),
            Err(error) => Err(error),
        })
    }
}

/// All events of text in hand, of any shape, plain or compressed.
///
/// # Errors
///
/// The first reject, or what is wrong with the input as a whole. A [`Reader`] goes on after
/// rejects.
///
/// ```
/// let events = nhn_cloudtrail::parse(br#"[{"eventId":"a"},{"eventId":"b"}]"#)?;
/// assert_eq!(events.len(), 2);
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Vec<Event>> {
    Reader::from_bytes(bytes.as_ref())?.collect()
}

impl Rejected {
    /// Forgets what can only be counted where all before it was read.
    fn unnumber(&mut self) {
        (self.number, self.line) = (0, 0);
    }

    fn into_public(self, source: Option<Arc<str>>) -> Reject {
        let Rejected { code, message, number, line, byte, length, raw } = self;
        let position = Position { source, record: number, line, byte };
        Reject { position, code, message, raw, length }
    }
}
