//! A source that is being read: text through the framer, or rows of another format.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;

use super::Limits;
use super::frame::{Draft, Framer, Rejected, Status, describe, is_foreign};
use super::path::RecordPath;
use crate::error::{Code, Error, Position, Result, printable};
use crate::event::{Batch, Inner, Record};
use crate::source::{Input, RawRows, Rows, Unread, Watch};

/// What has been read and not given out.
#[derive(Default)]
pub(super) struct Ready {
    pub(super) batches: VecDeque<Batch>,
    /// How many events of the first batch have been given out.
    pub(super) next: usize,
    pub(super) rejects: VecDeque<Rejected>,
    pub(super) error: Option<Error>,
    pub(super) source: Option<Arc<str>>,
    /// How many records were passed over because the filter would leave them out.
    pub(super) skipped: u64,
    /// How many NUL bytes were skipped.
    pub(super) nul_bytes: u64,
}

/// A source that is being read.
pub(super) enum Open {
    Text(Box<OpenText>),
    Rows(OpenRows),
}

impl Open {
    pub(super) fn new(
        name: Option<Arc<str>>,
        input: Input,
        limits: Limits,
        path: Option<&Arc<RecordPath>>,
        piece: usize,
        watch: &Watch,
    ) -> Self {
        let mut framer = Framer::new(limits, path.cloned());
        let mut cut = Cut::default();
        let text = match input {
            Input::Memory(owner) => Text::Memory { to: piece.min(owner.len()), from: 0, owner },
            Input::Stream(input) => Text::Stream { input, buffer: Vec::new() },
            Input::Lines { stream, from, is_last } => {
                cut = Cut { before: from > 0, after: !is_last };
                if cut.before {
                    framer = Framer::between_lines(limits, path.cloned(), from);
                }
                Text::Stream { input: stream, buffer: Vec::new() }
            }
            Input::Rows(rows) => return Open::Rows(OpenRows { name, rows, limits, number: 0 }),
        };
        let end = matches!(&text, Text::Memory { owner, to, .. } if *to == owner.len());
        Open::Text(Box::new(OpenText {
            name,
            framer,
            draft: Draft::default(),
            seen: None,
            text,
            cut,
            head: Vec::new(),
            checked: cut.before,
            end,
            failure: None,
            watch: watch.clone(),
        }))
    }

    /// Reads until something is ready; true where that is the last of the source.
    pub(super) fn read(&mut self, piece: usize, ready: &mut Ready) -> bool {
        match self {
            Open::Text(text) => text.read(piece, ready),
            Open::Rows(rows) => rows.read(ready),
        }
    }
}

/// A file of another format.
pub(super) struct OpenRows {
    name: Option<Arc<str>>,
    rows: Box<dyn Rows + Send>,
    limits: Limits,
    /// How many rows there have been.
    number: u64,
}

impl OpenRows {
    fn read(&mut self, ready: &mut Ready) -> bool {
        ready.source.clone_from(&self.name);
        match self.rows.next_rows() {
            None => true,
            Some(Err(error)) => {
                ready.error = Some(error);
                true
            }
            Some(Ok(rows)) => {
                self.take(rows, ready);
                false
            }
        }
    }

    fn take(&mut self, rows: RawRows, ready: &mut Ready) {
        self.number += rows.skipped;
        ready.skipped += rows.skipped;
        let mut records = Vec::with_capacity(rows.ends.len());
        let mut from = 0;
        for to in rows.ends {
            self.number += 1;
            match self.record(&rows.text, from, to) {
                Ok(record) => records.push(Record { number: self.number, ..record }),
                Err((code, message)) => {
                    let raw = rows.text.get(from..to).unwrap_or_default().to_vec();
                    ready.rejects.push_back(Rejected {
                        code,
                        message: message.to_owned(),
                        number: self.number,
                        line: 0,
                        byte: 0,
                        length: raw.len() as u64,
                        raw,
                    });
                }
            }
            from = to;
        }
        ready.next = 0;
        let bytes = Bytes::from(rows.text);
        let source = self.name.clone();
        ready.batches.push_back(Batch::new(Inner { bytes, records, source, base: 0 }));
    }

    fn record(&self, text: &[u8], from: usize, to: usize) -> Result<Record, (Code, &'static str)> {
        if to - from.min(to) > self.limits.record_bytes {
            return Err((Code::RecordTooLarge, "the record is larger than the limit"));
        }
        let mut record = Record::whole(text, from, to, self.limits.depth)?;
        let raw = text.get(from..to).unwrap_or_default();
        record.recognized &= !is_foreign(&record, raw);
        record.recognized |= !self.rows.are_whole();
        Ok(record)
    }
}

/// A source of text.
pub(super) struct OpenText {
    pub(super) name: Option<Arc<str>>,
    pub(super) framer: Framer,
    /// The part of the text that was read and not given out. Objects without any wire field wait for
    /// the first record: without one they are an error.
    draft: Draft,
    /// A description of the first of these objects.
    seen: Option<String>,
    pub(super) text: Text,
    pub(super) cut: Cut,
    /// The first bytes of the text, for the error about text that is not a log.
    head: Vec<u8>,
    /// Whether the text is known not to be an archive of files.
    checked: bool,
    pub(super) end: bool,
    /// Why there is no more of the text.
    pub(super) failure: Option<io::Error>,
    watch: Watch,
}

/// Where the text is only some lines of a file: whether there are others.
#[derive(Clone, Copy, Default)]
pub(super) struct Cut {
    pub(super) before: bool,
    pub(super) after: bool,
}

/// The text of a source from where the framer's buffer begins.
pub(super) enum Text {
    Memory { owner: Bytes, from: usize, to: usize },
    Stream { input: Box<dyn Read + Send>, buffer: Vec<u8> },
}

impl OpenText {
    /// Reads until something is ready; true where that is the last of the source.
    fn read(&mut self, piece: usize, ready: &mut Ready) -> bool {
        ready.source.clone_from(&self.name);
        loop {
            let buffer = self.text.buffer();
            if self.head.len() < HEAD {
                // All of the buffer before was looked at, so what is missing is still there.
                let from = self.head.len().saturating_sub(self.framer.base() as usize);
                let wanted = HEAD - self.head.len();
                self.head.extend(buffer.get(from..).unwrap_or_default().iter().take(wanted));
            }
            if !self.checked {
                match is_archive(&self.head, self.end) {
                    Some(false) => self.checked = true,
                    Some(true) => {
                        ready.error = Some(self.no_log(None));
                        return true;
                    }
                    None => {
                        if let Some(done) = self.fill(piece, ready) {
                            return done;
                        }
                        continue;
                    }
                }
            }
            let mut draft = std::mem::take(&mut self.draft);
            let buffer = self.text.buffer();
            let status = self.framer.run(buffer, self.end, &mut draft);
            let done = status == Status::Done;
            let length = buffer.len() as u64;
            if self.seen.is_none() && !self.framer.seen_whole() {
                self.seen = self.describe(&draft);
            }
            let waiting = draft.has_events() && self.framer.is_holding();
            if done {
                let failure = self.failure.take();
                self.finish(failure, &mut draft, length, ready);
            } else if waiting && !draft.is_full() && buffer.len() <= MOST_HELD {
                self.draft = draft;
                draft = Draft::default();
            } else if waiting {
                self.framer.stop_holding(&mut draft);
            }
            if done || draft.has_events() || !draft.rejects.is_empty() {
                self.give(draft, ready);
                return done;
            }
            if !self.draft.has_events() {
                self.draft = draft;
            }
            if !self.draft.has_events() {
                self.rebase();
            }
            if let Some(done) = self.fill(piece, ready) {
                return done;
            }
        }
    }

    /// Reads more of the text. Returns whether that was the last of the source if it has to be left
    /// for now.
    fn fill(&mut self, piece: usize, ready: &mut Ready) -> Option<bool> {
        if !self.watch.goes_on() {
            ready.error = Some(Watch::error());
            return Some(true);
        }
        match self.text.fill(piece) {
            Ok(0) => self.end = true,
            Ok(_) => (),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready.error = Some(would_block(error));
                return Some(false);
            }
            Err(error) => {
                self.end = true;
                self.failure = Some(error);
            }
        }
        None
    }

    fn give(&mut self, mut draft: Draft, ready: &mut Ready) {
        if self.cut.before {
            let converted = draft.converted.iter_mut().map(|converted| &mut converted.record);
            for record in draft.records.iter_mut().chain(converted) {
                (record.number, record.line) = (0, 0);
            }
            draft.rejects.iter_mut().for_each(Rejected::unnumber);
        }
        ready.next = 0;
        ready.rejects = std::mem::take(&mut draft.rejects).into();
        ready.nul_bytes += draft.nul_bytes;
        let base = self.framer.base();
        let at = self.framer.at;
        let bytes = if draft.records.is_empty() {
            self.text.consume(at);
            Bytes::new()
        } else {
            self.text.share(at)
        };
        self.framer.rebase();
        draft.into_batches(&bytes, base, self.name.as_ref(), |batch| {
            ready.batches.push_back(batch);
        });
    }

    fn rebase(&mut self) {
        let at = self.framer.at;
        if at > 0 {
            self.framer.rebase();
            self.text.consume(at);
        }
    }

    /// Says what is to be said at the end of the text.
    fn finish(
        &mut self,
        failure: Option<io::Error>,
        draft: &mut Draft,
        length: u64,
        ready: &mut Ready,
    ) {
        let place = Position { source: self.name.clone(), ..Position::default() };
        let whole = self.framer.seen_whole();
        let held = self.framer.take_held();
        if !whole && self.framer.is_holding() {
            // The error stands for them.
            draft.records.clear();
            draft.nul_bytes = 0;
        }
        if let Some(error) = failure {
            let error = match Unread::of(error) {
                Ok(unread) => {
                    draft.rejects.extend(held);
                    // It is not the record's fault that there is no more of it.
                    let end = self.framer.base() + length;
                    draft.rejects.pop_if(|last| {
                        last.code == Code::Truncated && last.byte + last.length >= end
                    });
                    ready.error = Some(match self.watch.goes_on() {
                        true => Unread::told(unread, |unread| {
                            Error::new(Code::Io, "reading failed").at(place).caused_by(unread)
                        }),
                        false => Watch::error(),
                    });
                    return;
                }
                Err(damaged) => damaged,
            };
            let message = format!(
                "the compressed data is damaged or cut off here, and ends with it: {error}"
            );
            if !whole {
                ready.error = Some(Error::new(Code::BadCompression, message).at(place));
                return;
            }
            let end = self.framer.base() + length;
            match draft.rejects.last_mut() {
                Some(last) if last.code == Code::Truncated && last.byte + last.length >= end => {
                    last.code = Code::BadCompression;
                    last.message = message;
                }
                _ => draft.rejects.push(self.framer.end_reject(Code::BadCompression, message)),
            }
            return;
        }
        if self.cut.after && !self.framer.is_between_lines() {
            let message = "a value that begins in this part of the file ends in a later one, so that \
                           the file cannot be read in parts: read it whole";
            ready.error = Some(Error::new(Code::InvalidOption, message).at(place));
            return;
        }
        if whole {
            return;
        }
        if let Some(failed) = held.iter().find(|reject| reject.code == Code::ApiFailure) {
            ready.error = Some(Error::new(Code::ApiFailure, failed.message.clone()).at(place));
        } else if self.framer.number() > 0 {
            ready.error = Some(self.no_log(held.first()));
        }
    }

    /// The error about text without any record, with its first reject.
    fn no_log(&mut self, first: Option<&Rejected>) -> Error {
        let place = Position { source: self.name.clone(), ..Position::default() };
        if let Some(first) = first
            && first.code == Code::NotAnObject
            && self.framer.has_path()
        {
            // The path leads to no record. A guess at the kind of text would not help.
            let message =
                format!("no CloudTrail record found (line {}: {})", first.line, first.message);
            return Error::new(Code::NotALog, message).at(place);
        }
        let seen = self.seen.take().unwrap_or_else(|| what_is(&self.head));
        let reason = match first {
            Some(first) => format!(" (line {}: {})", first.line, first.message),
            None => String::new(),
        };
        let message = format!("no CloudTrail record found: this is {seen}{reason}");
        Error::new(Code::NotALog, message).at(place)
    }

    /// Describes the first object of a draft without any wire field.
    fn describe(&self, draft: &Draft) -> Option<String> {
        let first = draft.records.first()?;
        let object = self.text.buffer().get(first.start as usize..first.end as usize)?;
        let mut seen = describe(object);
        let nested = memchr::memchr2(b'{', b'[', object.get(1..)?).is_some();
        if nested && !self.framer.has_path() {
            seen.push_str("; if there are records inside, say where with a record path");
        }
        Some(seen)
    }
}

/// What a reader says whose stream has nothing at hand.
pub(super) fn would_block(error: io::Error) -> Error {
    let error = Unread::of(error).unwrap_or_else(|error| error);
    Error::new(Code::WouldBlock, "the stream has nothing at hand for now").caused_by(error)
}

/// How much of a text is kept to say what it is.
const HEAD: usize = 512;

/// How much text of objects without any wire field waits for the first record.
const MOST_HELD: usize = 16 << 20;

/// Names what the head of a text without records looks like, and what to do about it.
fn what_is(head: &[u8]) -> String {
    let utf16 = "UTF-16 text; convert it to UTF-8 first";
    let utf32 = "UTF-32 text; convert it to UTF-8 first";
    let known = match head {
        [0x1f, 0x8b, ..] => "gzip data inside of compressed data; decompress it once",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd data inside of compressed data; decompress it once",
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => {
            "a zip archive; unpack it first"
        }
        [b'7', b'z', 0xbc, 0xaf, ..] => "a 7z archive; unpack it first",
        [b'B', b'Z', b'h', ..] => "bzip2 data; decompress it first",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz data; decompress it first",
        [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => {
            "lz4 data; decompress it first"
        }
        [0xff, 6, 0, 0, b's', b'N', b'a', b'P', ..] => "snappy data; decompress it first",
        [0x1f, 0x9d, ..] => "data of compress; decompress it first",
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => utf32,
        [first, 0, 0, 0, ..] | [0, 0, 0, first, ..] if matches!(first, b'{' | b'[') => utf32,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => utf16,
        [first, 0, ..] | [0, first, ..] if matches!(first, b'{' | b'[') => utf16,
        _ if head.get(257..262) == Some(b"ustar") => "a tar archive; unpack it first",
        [b'O', b'b', b'j', 1, ..] => "an Avro file; export the records as JSON",
        [b'O', b'R', b'C', ..] => "an ORC file; export the records as JSON",
        _ if is_syslog(head) => {
            "syslog messages; remove what stands before the record on each line"
        }
        _ if head.trim_ascii_start().starts_with(b"<") => "HTML or XML",
        _ if head.contains(&0) => "binary data",
        _ => {
            let text = String::from_utf8_lossy(head.trim_ascii());
            let first: String = text.chars().take(60).collect();
            return format!("text that begins with `{}`", printable(first.trim_end()));
        }
    };
    known.to_owned()
}

/// Whether a text is an archive of files, of which some lines may look like records; none if more of
/// it is needed to tell. An archive begins with zip's signature, or has tar's after the name and other
/// fields of its first file, which NUL bytes pad.
fn is_archive(head: &[u8], end: bool) -> Option<bool> {
    const TAR: usize = 257;
    let is_complete = end || head.len() >= TAR + 5;
    match head {
        [b'P', b'K', 3 | 5 | 7, 4 | 6 | 8, ..] => Some(true),
        [b'P', b'K', 3 | 5 | 7] | [b'P', b'K'] | [b'P'] if !end => None,
        // The name of a file is one line of text.
        [b'{' | b'[' | b'\n' | b'\r' | 0 | 0xef, ..] => Some(false),
        _ if is_complete => Some(head.get(TAR..TAR + 5) == Some(b"ustar")),
        _ if memchr::memchr(b'\n', head)
            .is_some_and(|line| !head.iter().take(line).any(|byte| *byte == 0)) =>
        {
            Some(false)
        }
        _ => None,
    }
}

/// Whether a text begins with the priority of a syslog message: `<134>`.
fn is_syslog(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    head.strip_prefix(b"<").is_some_and(|rest| {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (1..=3).contains(&digits) && rest.get(digits) == Some(&b'>')
    })
}

impl Text {
    fn buffer(&self) -> &[u8] {
        match self {
            Text::Memory { owner, from, to } => owner.get(*from..*to).unwrap_or_default(),
            Text::Stream { buffer, .. } => buffer,
        }
    }

    /// Makes the buffer longer; 0 where there is no more.
    fn fill(&mut self, piece: usize) -> io::Result<usize> {
        match self {
            Text::Memory { owner, from, to } => {
                // A record longer than the piece doubles it.
                let more = piece.max(*to - *from).min(owner.len() - *to);
                *to += more;
                Ok(more)
            }
            Text::Stream { input, buffer } => {
                let length = buffer.len();
                let more = piece.max(length.min(4 << 20));
                buffer.reserve_exact(more);
                buffer.resize(length + more, 0);
                let space = buffer.get_mut(length..).unwrap_or_default();
                let result = input.read(space);
                buffer.truncate(length + *result.as_ref().unwrap_or(&0));
                result
            }
        }
    }

    /// The bytes of the buffer, of which the first `at` are done with, for a batch to keep.
    fn share(&mut self, at: usize) -> Bytes {
        match self {
            Text::Memory { owner, from, .. } => {
                let range = *from..*from + at;
                *from += at;
                owner.slice(range)
            }
            Text::Stream { buffer, .. } => {
                // Whichever part is the smaller one moves; a batch keeps no memory that it does not use.
                let done = if at < buffer.len() / 2 {
                    buffer.drain(..at).collect()
                } else {
                    let rest = buffer.split_off(at);
                    std::mem::replace(buffer, rest)
                };
                Bytes::from(done)
            }
        }
    }

    /// Lets go of the first `at` bytes.
    fn consume(&mut self, at: usize) {
        match self {
            Text::Memory { from, .. } => *from += at,
            Text::Stream { buffer, .. } => {
                buffer.drain(..at.min(buffer.len()));
            }
        }
    }
}
