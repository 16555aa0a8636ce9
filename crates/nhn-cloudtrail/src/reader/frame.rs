//! Finds the records in text of any shape.
//!
//! The framer is fed a growing buffer and says how far it has come; what it decides depends on the
//! text alone, never on where the buffer happened to end. The rules are those of `docs/architecture.md`,
//! "Shapes".

use crate::error::Code;
use crate::event::{Field, Header, Record};
use crate::json::{self, Scanner, Stop};

use super::Limits;

/// What one call found, in the order of the input; numbers tell how records and rejects interleave.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) records: Vec<Record>,
    pub(super) rejects: Vec<Rejected>,
    /// How long the draft may become in one value.
    most: usize,
}

/// A reject, with its place in the text of its source.
pub(super) struct Rejected {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) number: u64,
    pub(super) line: u64,
    pub(super) byte: u64,
    /// How many bytes it has in the text.
    pub(super) length: u64,
    /// The bytes; only the first of them where the record is larger than the limit.
    pub(super) raw: Vec<u8>,
}

/// How much is kept of a record that is larger than the limit.
const KEPT_OF_LARGE: usize = 64 << 10;
/// How many rejects wait for the first whole record before they are given out all the same.
const HELD: usize = 4096;

/// How many records are given out at a time, and taken whole with the array that they stand in:
/// tiny records must not take more memory than their text allows for.
const FULL: usize = 16 << 10;

/// What a call of [`Framer::run`] ended with.
#[derive(PartialEq)]
pub(super) enum Status {
    /// More of the text is needed, or what was drafted is enough for once.
    More,
    /// The text has been read to its end.
    Done,
}

enum Step {
    Next,
    More,
    Done,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    /// Nothing whole has been seen; at the beginning of a line.
    Start,
    /// A record or more a line.
    Lines,
    /// Values that run over lines.
    Text,
    /// Inside the array of records of a value too long, or too broken, to be taken whole.
    Elements { answer: bool },
    /// After that array, inside the answer.
    AnswerEnd,
}

/// A reject whose end has not been seen.
struct Skip {
    reject: Rejected,
    until: Until,
}

enum Until {
    LineEnd,
    /// The end of a value, found by its brackets alone.
    Balanced(Brackets),
    End,
}

/// Follows brackets and strings through text that need not be valid.
#[derive(Clone, Copy, Default)]
struct Brackets {
    depth: usize,
    string: bool,
    escape: bool,
}

impl Brackets {
    /// Reads on until the brackets close and gives the place after; none if they do not in `bytes`.
    fn close(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        for &byte in bytes.get(from..)? {
            at += 1;
            match byte {
                _ if self.escape => self.escape = false,
                b'\\' if self.string => self.escape = true,
                b'"' => self.string = !self.string,
                _ if self.string => (),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at);
                    }
                }
                _ => (),
            }
        }
        None
    }
}

/// A whole value.
struct Whole {
    end: usize,
    array: bool,
}

/// An array or API answer whose elements are read one after the other.
struct Container {
    content: usize,
    answer: bool,
    /// Where the answer's header stands, if it comes before the content.
    header: Option<std::ops::Range<usize>>,
}

/// Takes a draft back to where it was.
struct Mark {
    records: usize,
    rejects: usize,
}

impl Draft {
    fn mark(&self) -> Mark {
        Mark { records: self.records.len(), rejects: self.rejects.len() }
    }

    fn back(&mut self, mark: &Mark) {
        self.records.truncate(mark.records);
        self.rejects.truncate(mark.rejects);
    }

    fn is_full(&self) -> bool {
        self.records.len() + self.rejects.len() >= FULL
    }

    /// Refuses the rest of a value that has more records than are taken at once.
    fn check(&self, at: usize) -> Result<(), Stop> {
        let count = self.records.len() + self.rejects.len();
        if count < self.most { Ok(()) } else { Err(Stop::TooMany(at)) }
    }
}

pub(super) struct Framer {
    limits: Limits,
    mode: Mode,
    /// What [`Mode::Elements`] returns to.
    outer: Mode,
    skip: Option<Skip>,
    /// Where the next call goes on, in the buffer.
    pub(super) at: usize,
    /// Where the buffer begins, in the text of the source.
    base: u64,
    /// The line at `counted`, which is as far as lines have been counted.
    line: u64,
    counted: usize,
    /// How many records (events and rejects) there have been.
    number: u64,
    /// How much of the text must be there before an unfinished value is tried again.
    retry: usize,
    /// Whether anything whole has been seen; input without any whole record is one error.
    whole: bool,
    /// Rejects that wait for the first whole record, since without one they are that error.
    held: Vec<Rejected>,
    held_bytes: usize,
    holding: bool,
    /// Whether the beginning has been looked at for a byte-order mark.
    started: bool,
}

impl Framer {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            mode: Mode::Start,
            outer: Mode::Text,
            skip: None,
            at: 0,
            base: 0,
            line: 1,
            counted: 0,
            number: 0,
            retry: 0,
            whole: false,
            held: Vec::new(),
            held_bytes: 0,
            holding: true,
            started: false,
        }
    }

    /// Tells that the buffer now begins where the framer stands.
    pub(super) fn rebase(&mut self) {
        self.base += self.at as u64;
        self.retry = self.retry.saturating_sub(self.at);
        self.at = 0;
        self.counted = 0;
    }

    /// Where the buffer begins, in the text of the source.
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// Whether anything whole has been seen.
    pub(super) fn seen_whole(&self) -> bool {
        self.whole
    }

    /// How many records there have been, held rejects among them.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The rejects of text without any whole record.
    pub(super) fn take_held(&mut self) -> Vec<Rejected> {
        std::mem::take(&mut self.held)
    }

    /// The place after everything, for a reject about what is missing there.
    pub(super) fn end_reject(&mut self, code: Code, message: String) -> Rejected {
        self.number += 1;
        Rejected {
            code,
            message,
            number: self.number,
            line: self.line,
            byte: self.base + self.at as u64,
            length: 0,
            raw: Vec::new(),
        }
    }

    /// Reads on in `buffer`, which is all of the text from [`base`](Self::base) that there is so
    /// far, until more is needed.
    pub(super) fn run(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Status {
        if !end && buffer.len() < self.retry {
            return Status::More;
        }
        self.retry = 0;
        let status = loop {
            if out.is_full() {
                return Status::More;
            }
            let step = if self.skip.is_some() {
                self.skip_on(buffer, end, out)
            } else {
                match self.mode {
                    Mode::Start => self.start(buffer, end, out),
                    Mode::Lines => self.lines(buffer, end, out),
                    Mode::Text => self.text(buffer, end, out),
                    Mode::Elements { answer } => self.elements(buffer, end, out, answer),
                    Mode::AnswerEnd => self.answer_end(buffer, end, out),
                }
            };
            match step {
                Step::Next => (),
                Step::More => break Status::More,
                Step::Done => break Status::Done,
            }
        };
        if status == Status::More {
            // A long unfinished value is tried again only when there is much more of it, so that
            // its length costs linear time however small the pieces are that it comes in.
            let waiting = buffer.len() - self.at.min(buffer.len());
            if waiting > 64 << 10 && self.skip.is_none() {
                self.retry = self.at + waiting.saturating_mul(2).min(self.limits.record_bytes + 1);
                self.retry = self.retry.max(buffer.len() + 1);
            }
        }
        status
    }

    // ---- places and results -------------------------------------------------------------------

    fn count_lines(&mut self, buffer: &[u8], to: usize) -> u64 {
        if to > self.counted {
            let passed = buffer.get(self.counted..to).unwrap_or_default();
            self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
            self.counted = to;
        }
        self.line
    }

    /// Goes on at `at`.
    fn advance(&mut self, buffer: &[u8], at: usize) {
        self.count_lines(buffer, at);
        self.at = at;
    }

    /// Numbers what has been drafted since `mark`, in the order of the text.
    fn commit(&mut self, buffer: &[u8], out: &mut Draft, mark: &Mark) {
        let new_records = out.records.get_mut(mark.records..).unwrap_or_default();
        let new_rejects = out.rejects.get_mut(mark.rejects..).unwrap_or_default();
        let mut rejects = new_rejects.iter_mut().peekable();
        for record in new_records {
            let byte = self.base + u64::from(record.start);
            while let Some(reject) = rejects.next_if(|reject| reject.byte < byte) {
                self.number += 1;
                reject.number = self.number;
                reject.line = self.count_lines(buffer, (reject.byte - self.base) as usize);
            }
            self.number += 1;
            record.number = self.number;
            record.line = self.count_lines(buffer, record.start as usize);
            self.whole = true;
        }
        for reject in rejects {
            self.number += 1;
            reject.number = self.number;
            reject.line = self.count_lines(buffer, (reject.byte - self.base) as usize);
        }
        self.release(out, mark.rejects);
    }

    /// Holds the rejects from `first` on back, or gives out those that were.
    fn release(&mut self, out: &mut Draft, first: usize) {
        if !self.holding {
            return;
        }
        let new = out.rejects.split_off(first.min(out.rejects.len()));
        self.held_bytes += new.iter().map(|reject| reject.raw.len()).sum::<usize>();
        self.held.extend(new);
        if self.whole || self.held.len() > HELD || self.held_bytes > self.limits.record_bytes {
            self.holding = false;
            out.rejects.append(&mut self.held);
        }
    }

    fn draft_reject(
        &self,
        buffer: &[u8],
        range: std::ops::Range<usize>,
        code: Code,
        message: impl Into<String>,
    ) -> Rejected {
        let mut reject = Rejected {
            code,
            message: message.into(),
            number: 0,
            line: 0,
            byte: self.base + range.start as u64,
            length: 0,
            raw: Vec::new(),
        };
        self.keep(&mut reject, buffer.get(range).unwrap_or_default());
        reject
    }

    /// Adds bytes to a reject; what is larger than the limit is a reject for that.
    fn keep(&self, reject: &mut Rejected, bytes: &[u8]) {
        let room = self.limits.record_bytes.saturating_sub(reject.raw.len());
        if reject.length as usize <= self.limits.record_bytes {
            reject.raw.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
        reject.length += bytes.len() as u64;
        if reject.length > self.limits.record_bytes as u64 {
            reject.code = Code::RecordTooLarge;
            reject.raw.truncate(KEPT_OF_LARGE);
            reject.raw.shrink_to(KEPT_OF_LARGE);
        }
    }

    fn emit_reject(&mut self, buffer: &[u8], out: &mut Draft, mut reject: Rejected) {
        if reject.code == Code::RecordTooLarge {
            reject.message = format!(
                "a record of {} bytes is larger than the limit of {}; raise the limit to read it",
                reject.length, self.limits.record_bytes
            );
        }
        self.number += 1;
        reject.number = self.number;
        if reject.line == 0 {
            reject.line = self.count_lines(buffer, (reject.byte.saturating_sub(self.base)) as usize);
        }
        let first = out.rejects.len();
        // A record that is refused for its size or its bytes is one: the input is a log.
        self.whole |= matches!(
            reject.code,
            Code::RecordTooLarge | Code::RecordTooDeep | Code::InvalidUtf8
        );
        out.rejects.push(reject);
        self.release(out, first);
    }

    /// Rejects `range` and goes on after it.
    fn reject(
        &mut self,
        buffer: &[u8],
        out: &mut Draft,
        range: std::ops::Range<usize>,
        code: Code,
        message: impl Into<String>,
    ) -> Step {
        let end = range.end;
        let reject = self.draft_reject(buffer, range, code, message);
        self.emit_reject(buffer, out, reject);
        self.advance(buffer, end);
        Step::Next
    }

    /// Rejects what begins at `from`, however long it is.
    fn reject_until(
        &mut self,
        buffer: &[u8],
        from: usize,
        code: Code,
        message: impl Into<String>,
        until: Until,
    ) -> Step {
        let mut reject = self.draft_reject(buffer, from..from, code, message);
        reject.line = self.count_lines(buffer, from);
        self.at = from;
        self.skip = Some(Skip { reject, until });
        Step::Next
    }

    fn reject_line(&mut self, buffer: &[u8], from: usize, stop: Stop, kind: &str) -> Step {
        let (code, message) = explain(stop, kind, from, &self.limits);
        self.reject_until(buffer, from, code, message, Until::LineEnd)
    }

    fn skip_on(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        let Some(mut skip) = self.skip.take() else { return Step::Next };
        let rest = buffer.get(self.at..).unwrap_or_default();
        let found = match &mut skip.until {
            Until::LineEnd => memchr::memchr(b'\n', rest).map(|at| self.at + at),
            Until::Balanced(brackets) => brackets.close(buffer, self.at),
            Until::End => None,
        };
        let to = found.unwrap_or(buffer.len());
        let mut bytes = buffer.get(self.at..to).unwrap_or_default();
        let finished = found.is_some() || end;
        if finished && matches!(skip.until, Until::LineEnd) {
            bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        }
        self.keep(&mut skip.reject, bytes);
        self.advance(buffer, to);
        if !finished {
            self.skip = Some(skip);
            return Step::More;
        }
        let unclosed = found.is_none() && !matches!(skip.until, Until::LineEnd);
        self.emit_reject(buffer, out, skip.reject);
        // What never closed took everything that was left with it.
        if unclosed { Step::Done } else { Step::Next }
    }

    // ---- whole values -------------------------------------------------------------------------

    /// As much of the buffer as a value at `at` may need, and whether there is that much.
    fn window<'a>(&self, buffer: &'a [u8], at: usize) -> (&'a [u8], bool) {
        let end = at + self.limits.record_bytes;
        match buffer.get(..end) {
            Some(window) => (window, buffer.len() > end),
            None => (buffer, false),
        }
    }

    fn scanner<'a, const LINE: bool>(&self, bytes: &'a [u8]) -> Scanner<'a, LINE> {
        Scanner { bytes, depth: self.limits.depth }
    }

    /// Scans the record, array of records or API answer at `at`. What it drafts is not committed.
    fn value<const LINE: bool>(
        &self,
        window: &[u8],
        at: usize,
        out: &mut Draft,
    ) -> Result<Whole, Stop> {
        out.most = out.records.len() + out.rejects.len() + FULL;
        let scanner = self.scanner::<LINE>(window);
        if scanner.byte(at)? == b'[' {
            return Ok(Whole { end: self.array(&scanner, at, out)?, array: true });
        }
        Ok(Whole { end: self.object(&scanner, at, out)?, array: false })
    }

    /// Scans a record, or an API answer with its records.
    #[inline]
    fn object<const LINE: bool>(
        &self,
        scanner: &Scanner<'_, LINE>,
        at: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        if may_be_answer(scanner, at)? {
            let mark = out.mark();
            if let Some((end, header)) = self.answer(scanner, at, out)? {
                if let Some(message) = header.failure() {
                    let reject =
                        self.draft_reject(scanner.bytes, at..end, Code::ApiFailure, message);
                    out.rejects.insert(mark.rejects, reject);
                }
                return Ok(end);
            }
            out.back(&mark);
        }
        self.record(scanner, at, out)
    }

    /// Scans the object at `at`; drafts a reject where it is not UTF-8.
    #[inline]
    fn record<const LINE: bool>(
        &self,
        scanner: &Scanner<'_, LINE>,
        at: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        let record = Record::scan(scanner, at)?;
        let end = record.end as usize;
        match simdutf8::basic::from_utf8(scanner.bytes.get(at..end).unwrap_or_default()) {
            Ok(_) => out.records.push(record),
            Err(_) => {
                let message = "the record is not UTF-8";
                let reject =
                    self.draft_reject(scanner.bytes, at..end, Code::InvalidUtf8, message);
                out.rejects.push(reject);
            }
        }
        Ok(end)
    }

    /// Scans a whole array of objects, which may be API answers.
    fn array<const LINE: bool>(
        &self,
        scanner: &Scanner<'_, LINE>,
        at: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        let (byte, mut at) = scanner.token(at + 1)?;
        if byte == b']' {
            return Ok(at + 1);
        }
        loop {
            if scanner.byte(at)? != b'{' {
                return Err(Stop::Invalid(at));
            }
            out.check(at)?;
            at = self.object(scanner, at, out)?;
            let (byte, next) = scanner.token(at)?;
            match byte {
                b',' => at = scanner.token(next + 1)?.1,
                b']' => return Ok(next + 1),
                _ => return Err(Stop::Invalid(next)),
            }
        }
    }

    /// Scans an API answer: an object with an array `page.content`, or with a `header` that says
    /// `isSuccessful`, and with no field of a record. None where the object is something else.
    fn answer<const LINE: bool>(
        &self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        out: &mut Draft,
    ) -> Result<Option<(usize, Header)>, Stop> {
        let mut header = None;
        let mut paged = false;
        let mut at = scanner.token(start + 1)?.1;
        loop {
            let (key, byte, value) = key_at(scanner, at)?;
            let end = match key.as_ref() {
                b"page" if byte == b'{' => {
                    let (end, content) = self.page(scanner, value, out)?;
                    paged |= content;
                    end
                }
                key => {
                    if Field::from_wire_name(key).is_some() {
                        return Ok(None);
                    }
                    let end = scanner.value(byte, value, 1)?;
                    if key == b"header" {
                        header = scanner.bytes.get(value..end);
                    }
                    end
                }
            };
            let (byte, next) = scanner.token(end)?;
            match byte {
                b',' => at = scanner.token(next + 1)?.1,
                b'}' => {
                    let header = header.map(Header::read).unwrap_or_default();
                    let answer = paged || header.successful.is_some();
                    return Ok(answer.then_some((next + 1, header)));
                }
                _ => return Err(Stop::Invalid(next)),
            }
        }
    }

    /// Scans the `page` of an answer; tells whether it had a `content`.
    fn page<const LINE: bool>(
        &self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        out: &mut Draft,
    ) -> Result<(usize, bool), Stop> {
        let mut content = false;
        let (byte, mut at) = scanner.token(start + 1)?;
        if byte == b'}' {
            return Ok((at + 1, content));
        }
        loop {
            let (key, byte, value) = key_at(scanner, at)?;
            let end = if key.as_ref() == b"content" {
                content |= matches!(byte, b'[' | b'n');
                if byte == b'[' {
                    self.content(scanner, value, out)?
                } else {
                    scanner.value(byte, value, 2)?
                }
            } else {
                scanner.value(byte, value, 2)?
            };
            let (byte, next) = scanner.token(end)?;
            match byte {
                b',' => at = scanner.token(next + 1)?.1,
                b'}' => return Ok((next + 1, content)),
                _ => return Err(Stop::Invalid(next)),
            }
        }
    }

    /// Scans the `content` of a page; an element that is no object is a reject.
    fn content<const LINE: bool>(
        &self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        let (mut byte, mut at) = scanner.token(start + 1)?;
        if byte == b']' {
            return Ok(at + 1);
        }
        loop {
            out.check(at)?;
            if byte == b'{' {
                at = self.record(scanner, at, out)?;
            } else {
                let end = scanner.value(byte, at, 0)?;
                out.rejects.push(self.draft_reject(
                    scanner.bytes,
                    at..end,
                    Code::NotAnObject,
                    NOT_AN_OBJECT,
                ));
                at = end;
            }
            let next;
            (byte, next) = scanner.token(at)?;
            match byte {
                b',' => (byte, at) = scanner.token(next + 1)?,
                b']' => return Ok(next + 1),
                _ => return Err(Stop::Invalid(next)),
            }
        }
    }

    /// Gives out the whole value at hand, which was drafted since `mark` and ends at `end`.
    fn take(&mut self, buffer: &[u8], end: usize, out: &mut Draft, mark: &Mark) -> Step {
        let empty = out.records.len() == mark.records && out.rejects.len() == mark.rejects;
        let bad = out.rejects.get(mark.rejects..).unwrap_or_default();
        self.whole |= empty || bad.iter().any(|reject| reject.code == Code::InvalidUtf8);
        self.commit(buffer, out, mark);
        self.advance(buffer, end);
        Step::Next
    }

    // ---- modes --------------------------------------------------------------------------------

    /// Goes to the next byte that is no white space; none where the buffer ends.
    fn skip_white(&mut self, buffer: &[u8]) -> Option<u8> {
        let next = first_text(buffer, self.at);
        self.advance(buffer, next.unwrap_or(buffer.len()));
        buffer.get(self.at).copied()
    }

    fn start(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        if !self.started {
            const MARK: &[u8] = b"\xef\xbb\xbf";
            if buffer.len() < MARK.len() && MARK.starts_with(buffer) && !end {
                return Step::More;
            }
            self.started = true;
            if buffer.starts_with(MARK) {
                self.advance(buffer, MARK.len());
            }
        }
        let Some(byte) = self.skip_white(buffer) else {
            return if end { Step::Done } else { Step::More };
        };
        let at = self.at;
        if !matches!(byte, b'{' | b'[') {
            return self.line_of_text(buffer, end);
        }
        let (window, full) = self.window(buffer, at);
        let mark = out.mark();
        let stop = match self.value::<false>(window, at, out) {
            Ok(whole) => {
                let text = window.get(at..whole.end).unwrap_or_default();
                if memchr::memchr(b'\n', text).is_some() {
                    self.mode = Mode::Text;
                    return self.take(buffer, whole.end, out, &mark);
                }
                return match self.ends_on_line(buffer, end, at, &whole) {
                    None => {
                        out.back(&mark);
                        Step::More
                    }
                    Some(true) => {
                        self.mode = Mode::Lines;
                        self.take(buffer, whole.end, out, &mark)
                    }
                    Some(false) => {
                        out.back(&mark);
                        self.trailing_text(buffer, at)
                    }
                };
            }
            Err(stop) => stop,
        };
        out.back(&mark);
        if stop == Stop::Incomplete && !end && !full {
            return Step::More;
        }
        if let Stop::TooMany(to) = stop {
            let lines = memchr::memchr(b'\n', window.get(at..to).unwrap_or_default()).is_some();
            let outer = if lines { Mode::Text } else { Mode::Lines };
            return self.one_by_one(buffer, out, outer);
        }
        self.start_unfinished(buffer, end, out, stop)
    }

    /// Whether the value at `at` is all there is on its line, or another object follows it; none
    /// where more of the text is needed to tell.
    fn ends_on_line(&self, buffer: &[u8], end: bool, at: usize, whole: &Whole) -> Option<bool> {
        let (window, full) = self.window(buffer, at);
        match after_blanks(window, whole.end) {
            Some(b'\n') => Some(true),
            Some(b'{') => Some(!whole.array),
            Some(_) => Some(false),
            None => (end || full).then_some(true),
        }
    }

    fn trailing_text(&mut self, buffer: &[u8], at: usize) -> Step {
        let message = "the record is followed, on its line, by something that is none";
        self.reject_until(buffer, at, Code::TrailingText, message, Until::LineEnd)
    }

    /// Decides what input is whose first value is broken, cut off, or longer than the limit.
    fn start_unfinished(&mut self, buffer: &[u8], end: bool, out: &mut Draft, stop: Stop) -> Step {
        let at = self.at;
        let (window, full) = self.window(buffer, at);
        let complete = end || full;
        let rest = window.get(at..).unwrap_or_default();
        let line_end = memchr::memchr(b'\n', rest).map(|offset| at + offset);
        if line_end.is_none() && !complete {
            return Step::More;
        }
        let container = self.container_start(window, at);
        if let Some(line_end) = line_end {
            // The next line tells whether this one is a broken line, or the beginning of a broken
            // text that runs over lines.
            let next = match first_text(window, line_end) {
                Some(next) => next,
                None if complete => window.len(),
                None => return Step::More,
            };
            let mark = out.mark();
            let value = self.value::<true>(window, next, out);
            out.back(&mark);
            let next_is_whole = match value {
                Ok(whole) => match self.ends_on_line(window, complete, next, &whole) {
                    Some(whole) => whole,
                    None => return Step::More,
                },
                Err(Stop::Incomplete) if !complete => return Step::More,
                Err(stop) => matches!(stop, Stop::TooMany(_)),
            };
            let over_lines = stop == Stop::Incomplete
                || matches!(stop, Stop::Invalid(at) | Stop::TooDeep(at) if at > line_end);
            let goes_on = stop == Stop::Incomplete
                || matches!(stop, Stop::Invalid(at) | Stop::TooDeep(at) if at > next);
            if next_is_whole && (container.is_none() || !goes_on) {
                return self.reject_line(buffer, at, stop, "record");
            }
            if container.is_none() {
                if stop == Stop::Incomplete && full {
                    self.mode = Mode::Text;
                    return self.too_large(buffer, at);
                }
                if over_lines && !complete {
                    return Step::More;
                }
                if over_lines && self.text_follows(window, at, out) {
                    self.mode = Mode::Text;
                    return Step::Next;
                }
                return self.reject_line(buffer, at, stop, "record");
            }
        }
        match container {
            Some(container) => {
                let outer = if line_end.is_some() { Mode::Text } else { Mode::Lines };
                self.enter(buffer, out, container, outer)
            }
            None if full => {
                self.mode = Mode::Lines;
                self.reject_until(buffer, at, Code::RecordTooLarge, "", Until::LineEnd)
            }
            None => self.reject_line(buffer, at, stop, "record"),
        }
    }

    /// Whether the next value that begins as far in as the broken one at `at` is whole and runs
    /// over lines.
    fn text_follows(&self, window: &[u8], at: usize, out: &mut Draft) -> bool {
        let Some(next) = next_at_same_indent(window, at, window.len()) else { return false };
        let mark = out.mark();
        let value = self.value::<false>(window, next, out);
        out.back(&mark);
        value.is_ok_and(|whole| {
            memchr::memchr(b'\n', window.get(next..whole.end).unwrap_or_default()).is_some()
        })
    }

    /// Where the elements begin of the array or answer at `at`.
    fn container_start(&self, window: &[u8], at: usize) -> Option<Container> {
        let scanner = self.scanner::<false>(window);
        if window.get(at) == Some(&b'[') {
            return Some(Container { content: at + 1, answer: false, header: None });
        }
        // An answer begins with members that are no record's, then has its page.
        let mut at = scanner.token(at + 1).ok()?.1;
        let mut header = None;
        let mut in_page = false;
        loop {
            let (key, byte, value) = key_at(&scanner, at).ok()?;
            match (key.as_ref(), byte) {
                (b"page", b'{') if !in_page => {
                    in_page = true;
                    at = scanner.token(value + 1).ok()?.1;
                    continue;
                }
                (b"content", b'[') if in_page => {
                    return Some(Container { content: value + 1, answer: true, header });
                }
                _ if !in_page && Field::from_wire_name(&key).is_some() => return None,
                _ => (),
            }
            let end = scanner.value(byte, value, 2).ok()?;
            if key.as_ref() == b"header" && !in_page {
                header = Some(value..end);
            }
            match scanner.token(end).ok()? {
                (b',', comma) => at = scanner.token(comma + 1).ok()?.1,
                _ => return None,
            }
        }
    }

    /// Goes on inside the value at hand, which is longer or has more records than is taken whole.
    fn one_by_one(&mut self, buffer: &[u8], out: &mut Draft, outer: Mode) -> Step {
        let at = self.at;
        match self.container_start(self.window(buffer, at).0, at) {
            Some(container) => self.enter(buffer, out, container, outer),
            None if outer == Mode::Lines => {
                self.reject_until(buffer, at, Code::RecordTooLarge, "", Until::LineEnd)
            }
            None => self.too_large(buffer, at),
        }
    }

    /// Goes on with the elements of a container that is not taken whole.
    fn enter(&mut self, buffer: &[u8], out: &mut Draft, container: Container, outer: Mode) -> Step {
        self.outer = outer;
        self.mode = Mode::Elements { answer: container.answer };
        if let Some(header) = container.header {
            let text = buffer.get(header.clone()).unwrap_or_default();
            if let Some(message) = Header::read(text).failure() {
                self.reject(buffer, out, header, Code::ApiFailure, message);
            }
        }
        self.advance(buffer, container.content);
        Step::Next
    }

    fn too_large(&mut self, buffer: &[u8], at: usize) -> Step {
        let until = Until::Balanced(Brackets::default());
        self.reject_until(buffer, at, Code::RecordTooLarge, "", until)
    }

    fn lines(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        let Some(byte) = self.skip_white(buffer) else {
            return if end { Step::Done } else { Step::More };
        };
        let at = self.at;
        if !matches!(byte, b'{' | b'[') {
            return self.line_of_text(buffer, end);
        }
        let (window, full) = self.window(buffer, at);
        let mark = out.mark();
        let stop = match self.value::<true>(window, at, out) {
            Ok(whole) => match self.ends_on_line(buffer, end, at, &whole) {
                Some(true) => {
                    // No line feed stands in what was just scanned.
                    self.count_lines(buffer, at);
                    self.counted = whole.end;
                    return self.take(buffer, whole.end, out, &mark);
                }
                Some(false) => {
                    out.back(&mark);
                    return self.trailing_text(buffer, at);
                }
                None => Stop::Incomplete,
            },
            Err(stop) => stop,
        };
        out.back(&mark);
        if matches!(stop, Stop::TooMany(_)) || (stop == Stop::Incomplete && full) {
            return self.one_by_one(buffer, out, Mode::Lines);
        }
        if stop == Stop::Incomplete && !end {
            return Step::More;
        }
        if byte == b'[' {
            return self.line_of_text(buffer, end);
        }
        self.reject_line(buffer, at, stop, "record")
    }

    /// A line that is neither a record nor a container of records: JSON of another kind, or none.
    fn line_of_text(&mut self, buffer: &[u8], end: bool) -> Step {
        let at = self.at;
        let (window, full) = self.window(buffer, at);
        let rest = window.get(at..).unwrap_or_default();
        let line = match memchr::memchr(b'\n', rest) {
            Some(line_end) => rest.get(..line_end).unwrap_or(rest),
            None if end || full => rest,
            None => return Step::More,
        };
        let (code, message) = if json::is_value(line, self.limits.depth) {
            (Code::NotAnObject, NOT_AN_OBJECT)
        } else if line.first() == Some(&b'[') {
            (Code::InvalidJson, "the line begins like an array of records, but is no whole one")
        } else {
            (Code::InvalidJson, "not a JSON record")
        };
        self.reject_until(buffer, at, code, message, Until::LineEnd)
    }

    fn text(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        let Some(byte) = self.skip_white(buffer) else {
            return if end { Step::Done } else { Step::More };
        };
        let at = self.at;
        if !matches!(byte, b'{' | b'[') {
            return self.line_of_text(buffer, end);
        }
        let (window, full) = self.window(buffer, at);
        let mark = out.mark();
        let stop = match self.value::<false>(window, at, out) {
            Ok(whole) => return self.take(buffer, whole.end, out, &mark),
            Err(stop) => stop,
        };
        out.back(&mark);
        if stop == Stop::Incomplete && !end && !full {
            return Step::More;
        }
        if let Some(container) = self.container_start(window, at) {
            return self.enter(buffer, out, container, Mode::Text);
        }
        if stop == Stop::Incomplete && full {
            return self.too_large(buffer, at);
        }
        self.resync(buffer, end, out, stop, false)
    }

    fn elements(&mut self, buffer: &[u8], end: bool, out: &mut Draft, answer: bool) -> Step {
        let Some(byte) = self.skip_white(buffer) else {
            return if end { self.unclosed(buffer, out) } else { Step::More };
        };
        let at = self.at;
        if matches!(byte, b',' | b']') {
            if byte == b']' {
                self.mode = if answer { Mode::AnswerEnd } else { self.outer };
            }
            self.advance(buffer, at + 1);
            return Step::Next;
        }
        let (window, full) = self.window(buffer, at);
        let scanner = self.scanner::<false>(window);
        let mark = out.mark();
        out.most = out.records.len() + out.rejects.len() + FULL;
        let scanned = if byte == b'{' {
            self.object(&scanner, at, out)
        } else {
            scanner.value(byte, at, 0)
        };
        let stop = match scanned {
            Ok(to) if byte == b'{' => return self.take(buffer, to, out, &mark),
            Ok(to) => return self.reject(buffer, out, at..to, Code::NotAnObject, NOT_AN_OBJECT),
            Err(stop) => stop,
        };
        out.back(&mark);
        if matches!(stop, Stop::TooMany(_)) || (stop == Stop::Incomplete && full) {
            return self.too_large(buffer, at);
        }
        if stop == Stop::Incomplete && !end {
            return Step::More;
        }
        self.resync(buffer, end, out, stop, true)
    }

    fn unclosed(&mut self, buffer: &[u8], out: &mut Draft) -> Step {
        let end = buffer.len();
        let message = "the input ends inside an array or API answer: it was cut off";
        self.reject(buffer, out, end..end, Code::Truncated, message);
        Step::Done
    }

    /// Reads what follows the records of an answer: the rest of its page, and perhaps its header.
    fn answer_end(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        let at = self.at;
        let (window, full) = self.window(buffer, at);
        let mut brackets = Brackets { depth: 2, ..Brackets::default() };
        let to = match brackets.close(window, at) {
            Some(to) => to,
            None if full => window.len(),
            None if end => return self.unclosed(buffer, out),
            None => return Step::More,
        };
        // The tail closes two objects that began before it; given openings, it can be read.
        let mut answer = b"{\"page\":{\"content\":[]".to_vec();
        answer.extend_from_slice(window.get(at..to).unwrap_or_default());
        self.mode = self.outer;
        self.whole = true;
        if !json::is_value(&answer, self.limits.depth) {
            let message = "the API answer is broken after its records";
            return self.reject(buffer, out, at..to, Code::InvalidJson, message);
        }
        match Header::inside(&answer).and_then(|header| header.failure()) {
            Some(message) => self.reject(buffer, out, at..to, Code::ApiFailure, message),
            None => {
                self.advance(buffer, to);
                Step::Next
            }
        }
    }

    // ---- after something broken ---------------------------------------------------------------

    /// Rejects the broken value at hand and goes on at the next one, as far as the text tells where
    /// that is: at the end that the brackets give, or sooner where a whole record stands at the
    /// place of an element. Where it does not tell, the rest is one reject.
    fn resync(
        &mut self,
        buffer: &[u8],
        end: bool,
        out: &mut Draft,
        stop: Stop,
        element: bool,
    ) -> Step {
        let at = self.at;
        let (window, full) = self.window(buffer, at);
        let complete = end || full;
        let kind = if element { "element" } else { "record" };
        let (code, message) = explain(stop, kind, at, &self.limits);
        let bracket = matches!(window.get(at), Some(b'{' | b'['));
        let balanced = balanced_end(window, at).filter(|&to| match after_text(window, to) {
            _ if !bracket => true,
            Some(b',' | b']') => element,
            Some(b'{' | b'[') => !element,
            Some(_) => false,
            None => complete && !element,
        });
        if balanced.is_none() && !complete {
            return Step::More;
        }
        let to = balanced.unwrap_or(window.len());
        let candidate = if element {
            self.next_element(window, at, to)
        } else {
            next_at_same_indent(window, at, to)
        };
        match candidate.or(balanced) {
            Some(to) => {
                let text = buffer.get(at..to).unwrap_or_default();
                let kept = text.trim_ascii_end();
                let kept = kept.strip_suffix(b",").unwrap_or(kept).trim_ascii_end();
                let kept = if candidate.is_some() { at + kept.len() } else { to };
                let reject = self.draft_reject(buffer, at..kept, code, message);
                self.emit_reject(buffer, out, reject);
                self.advance(buffer, to);
                Step::Next
            }
            None => {
                let message = format!("{message}; where the next record begins cannot be told, so the rest is rejected with it");
                self.reject_until(buffer, at, code, message, Until::End)
            }
        }
    }

    /// The next place in `at..to` where a whole record stands as an element would: after a comma, or
    /// on a line of its own as far in as the broken one, and before a comma or the array's end.
    fn next_element(&self, window: &[u8], at: usize, to: usize) -> Option<usize> {
        // Each try costs the length of what it scans; so much in all is spent at the most.
        let mut budget = self.limits.record_bytes.saturating_mul(4);
        let scanner = self.scanner::<false>(window);
        let from = at + 1;
        for offset in memchr::memchr_iter(b'{', window.get(from..to)?) {
            let brace = from + offset;
            if before_blanks(window, brace) != Some(b',')
                && (indent(window, brace).is_none() || indent(window, brace) != indent(window, at))
            {
                continue;
            }
            let (tried, found) = match Record::scan(&scanner, brace) {
                Ok(record) => {
                    let end = record.end as usize;
                    let next = after_text(window, end);
                    (end, record.is_likely() && matches!(next, Some(b',' | b']')))
                }
                Err(Stop::Incomplete) => (window.len(), false),
                Err(
                    Stop::Invalid(end)
                    | Stop::TooDeep(end)
                    | Stop::Newline(end)
                    | Stop::TooMany(end),
                ) => (end, false),
            };
            if found {
                return Some(brace);
            }
            budget = budget.checked_sub(tried.saturating_sub(brace) + 1)?;
        }
        None
    }
}

const NOT_AN_OBJECT: &str = "JSON, but not an object: records are objects";

/// The code and message for a value at `from` whose scan stopped.
fn explain(stop: Stop, kind: &str, from: usize, limits: &Limits) -> (Code, String) {
    match stop {
        Stop::Incomplete | Stop::TooMany(_) => {
            (Code::Truncated, format!("the input ends inside the {kind}"))
        }
        Stop::Newline(_) => (Code::Truncated, format!("the line ends inside the {kind}")),
        Stop::Invalid(at) => {
            (Code::InvalidJson, format!("the {kind} is not JSON from its byte {} on", at - from))
        }
        Stop::TooDeep(_) => (
            Code::RecordTooDeep,
            format!("the {kind} is nested deeper than the limit of {}", limits.depth),
        ),
    }
}

/// Key, first byte of the value, and its place, of the member at `at`.
fn key_at<'a, const LINE: bool>(
    scanner: &Scanner<'a, LINE>,
    at: usize,
) -> Result<(std::borrow::Cow<'a, [u8]>, u8, usize), Stop> {
    if scanner.byte(at)? != b'"' {
        return Err(Stop::Invalid(at));
    }
    let string = scanner.string(at + 1)?;
    let key = scanner.bytes.get(at + 1..string.end - 1).unwrap_or_default();
    let key = if string.escaped {
        json::decode(key).0.into_owned().into_bytes().into()
    } else {
        key.into()
    };
    let (byte, value) = scanner.token(scanner.expect(string.end, b':')?)?;
    Ok((key, byte, value))
}

/// Whether the object at `at` begins with a member that no record has.
fn may_be_answer<const LINE: bool>(scanner: &Scanner<'_, LINE>, at: usize) -> Result<bool, Stop> {
    let (byte, at) = scanner.token(at + 1)?;
    if byte != b'"' {
        return Ok(false);
    }
    let string = scanner.string(at + 1)?;
    let key = scanner.bytes.get(at + 1..string.end - 1).unwrap_or_default();
    Ok(string.escaped || Field::from_wire_name(key).is_none())
}

/// The place of the first byte at or after `at` that is no white space.
fn first_text(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    Some(at + rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))?)
}

fn after_text(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(first_text(bytes, at)?).copied()
}

/// The first byte at or after `at` that is no blank; a line feed is none.
fn after_blanks(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at..)?.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')).copied()
}

/// The last byte before `at` that is no white space, near by.
fn before_blanks(bytes: &[u8], at: usize) -> Option<u8> {
    let near = bytes.get(at.saturating_sub(1024)..at)?;
    near.iter().rfind(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).copied()
}

/// How far in the line of `at` begins, if nothing but blanks stands before it there.
fn indent(window: &[u8], at: usize) -> Option<usize> {
    let near = window.get(at.saturating_sub(1024)..at)?;
    let blanks = near.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let line_start = at - blanks;
    (line_start == 0 || window.get(line_start - 1) == Some(&b'\n')).then_some(blanks)
}

/// Where the value at `at` ends by its brackets, or what is no value by the next sign of one; none
/// where a string runs over a line.
fn balanced_end(window: &[u8], at: usize) -> Option<usize> {
    let rest = window.get(at..)?;
    if !matches!(rest.first(), Some(b'{' | b'[')) {
        let length = rest.iter().position(|byte| matches!(byte, b',' | b'{' | b'[' | b']'))?;
        return Some(at + length);
    }
    let mut brackets = Brackets::default();
    let mut from = at;
    loop {
        // A string cannot hold a line feed: where one seems to, quotes were lost.
        let line = memchr::memchr(b'\n', window.get(from..)?).map_or(window.len(), |n| from + n);
        if let Some(end) = brackets.close(window.get(..line)?, from) {
            return Some(end);
        }
        if line == window.len() || brackets.string {
            return None;
        }
        from = line + 1;
    }
}

/// The next line in `at..to` that begins with a brace as far in as the line of `at` does.
fn next_at_same_indent(window: &[u8], at: usize, to: usize) -> Option<usize> {
    let line = memchr::memrchr(b'\n', window.get(..at)?).map_or(0, |n| n + 1);
    let indent = at - line;
    memchr::memchr_iter(b'\n', window.get(at..to)?).map(|n| at + n + 1 + indent).find(|&brace| {
        window.get(brace) == Some(&b'{')
            && window.get(brace - indent..brace).is_some_and(|blanks| {
                blanks.iter().all(|byte| matches!(byte, b' ' | b'\t'))
            })
    })
}
