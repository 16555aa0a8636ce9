//! Finds the records in text of any shape.
//!
//! The framer is fed a growing buffer and says how far it has come; what it decides depends on the
//! text alone, never on where the buffer happened to end. The rules are those of `docs/architecture.md`,
//! "Shapes".

mod broken;
mod chunk;
mod foreign;
mod inside;
mod modes;
mod whole;

use std::sync::Arc;

use bytes::Bytes;

use super::Limits;
use super::path::RecordPath;
use crate::error::Code;
use crate::event::{Batch, Inner, Order, Record};
use crate::json::Stop;
use broken::{Brackets, explain};
pub(super) use chunk::Counts;
pub(super) use foreign::{describe, is_foreign};
use inside::Level;
use whole::Suspended;

/// What one call found, in the order of the input; numbers tell how records and rejects interleave.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) records: Vec<Record>,
    pub(super) rejects: Vec<Rejected>,
    /// Records that were converted from other bytes.
    pub(super) converted: Vec<Converted>,
    /// How many NUL bytes were skipped.
    pub(super) nul_bytes: u64,
    /// How many recognized records there are, whole or not UTF-8.
    found: usize,
    /// How long the draft may become in one value.
    most: usize,
}

/// A record that was converted from other bytes: the text of a string, or the flat form.
pub(super) struct Converted {
    pub(super) record: Record,
    text: Vec<u8>,
    /// Where those bytes begin in the text of the source.
    byte: u64,
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
    /// Inside a wrapper or an array that is too long, or too broken, to be taken whole.
    Inside,
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

/// How many wrappers and arrays may be entered one inside the other.
const MAX_LEVELS: usize = 64;

/// Takes a draft back to where it was.
#[derive(PartialEq)]
struct Mark {
    records: usize,
    rejects: usize,
    converted: usize,
    found: usize,
}

impl Draft {
    fn mark(&self) -> Mark {
        Mark {
            records: self.records.len(),
            rejects: self.rejects.len(),
            converted: self.converted.len(),
            found: self.found,
        }
    }

    fn back(&mut self, mark: &Mark) {
        self.records.truncate(mark.records);
        self.rejects.truncate(mark.rejects);
        self.converted.truncate(mark.converted);
        self.found = mark.found;
    }

    /// Whether nothing was drafted since `mark`.
    fn is_at(&self, mark: &Mark) -> bool {
        self.mark() == *mark
    }

    /// Takes what was drafted since `mark`.
    fn split_off(&mut self, mark: &Mark) -> Draft {
        let found = self.found - mark.found;
        self.found = mark.found;
        Draft {
            records: self.records.split_off(mark.records),
            rejects: self.rejects.split_off(mark.rejects),
            converted: self.converted.split_off(mark.converted),
            found,
            ..Draft::default()
        }
    }

    fn append(&mut self, mut other: Draft) {
        self.records.append(&mut other.records);
        self.rejects.append(&mut other.rejects);
        self.converted.append(&mut other.converted);
        self.found += other.found;
    }

    fn len(&self) -> usize {
        self.records.len() + self.rejects.len() + self.converted.len()
    }

    /// Whether it is enough for once.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= FULL
    }

    /// Whether it has any events.
    pub(super) fn has_events(&self) -> bool {
        !self.records.is_empty() || !self.converted.is_empty()
    }

    /// Refuses the rest of a value that has more records than are taken at once.
    fn check(&self, at: usize) -> Result<(), Stop> {
        if self.len() < self.most { Ok(()) } else { Err(Stop::TooMany(at)) }
    }

    /// The events, in order, as batches over `bytes`, which begin at `base`; a batch for each
    /// sequence of records that were not converted.
    pub(super) fn into_batches(
        self,
        bytes: &Bytes,
        base: u64,
        source: Option<&Arc<str>>,
        mut give: impl FnMut(Batch),
    ) {
        let source = source.cloned();
        let mut batch = |bytes: Bytes, records: Vec<Record>, base| {
            if !records.is_empty() {
                give(Batch::new(Inner { bytes, records, source: source.clone(), base }));
            }
        };
        if self.converted.is_empty() {
            batch(bytes.clone(), self.records, base);
            return;
        }
        let mut records = self.records.into_iter().peekable();
        for Converted { record, text, byte } in self.converted {
            let is_before = |record: &Record| base + u64::from(record.start) < byte;
            let before = std::iter::from_fn(|| records.next_if(is_before)).collect();
            batch(bytes.clone(), before, base);
            batch(text.into(), vec![record], byte);
        }
        batch(bytes.clone(), records.collect(), base);
    }
}

pub(super) struct Framer {
    limits: Limits,
    path: Option<Arc<RecordPath>>,
    mode: Mode,
    /// What [`Mode::Inside`] returns to.
    outer: Mode,
    /// What has begun and not ended, in [`Mode::Inside`].
    levels: Vec<Level>,
    /// Where the line ends that all of it must end on, in the text of the source.
    bound: Option<u64>,
    /// How many NUL bytes were skipped since the last call.
    nul_bytes: u64,
    /// In what order keys have stood so far.
    order: Order,
    /// What is known of the unfinished value at hand.
    suspended: Option<Suspended>,
    skip: Option<Skip>,
    /// Where the next call goes on, in the buffer.
    pub(super) at: usize,
    /// Where the buffer begins, in the text of the source.
    base: u64,
    /// The line at `counted`, which is as far as lines have been counted.
    line: u64,
    counted: usize,
    /// Where that line begins, in the text of the source, and whether there are only blanks since.
    line_start: u64,
    fresh: bool,
    /// How many records (events and rejects) there have been.
    number: u64,
    /// How many bytes were scanned in search of a record after something broken.
    tried: u64,
    /// How much of the text must be there before an unfinished value is tried again.
    retry: usize,
    /// Whether a record or an answer has been recognized; input without any is one error.
    whole: bool,
    /// Rejects that wait for the first record, since without one they are that error.
    held: Vec<Rejected>,
    held_bytes: usize,
    holding: bool,
}

impl Framer {
    pub(super) fn new(limits: Limits, path: Option<Arc<RecordPath>>) -> Self {
        Self {
            limits,
            path,
            mode: Mode::Start,
            outer: Mode::Text,
            levels: Vec::new(),
            bound: None,
            nul_bytes: 0,
            order: Order::default(),
            suspended: None,
            skip: None,
            at: 0,
            base: 0,
            line: 1,
            counted: 0,
            line_start: 0,
            fresh: true,
            number: 0,
            tried: 0,
            retry: 0,
            whole: false,
            held: Vec::new(),
            held_bytes: 0,
            holding: true,
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

    /// Whether a record or an answer has been recognized.
    pub(super) fn seen_whole(&self) -> bool {
        self.whole
    }

    /// Whether records are read only where a record path leads.
    pub(super) fn has_path(&self) -> bool {
        self.path.is_some()
    }

    /// Whether rejects wait for the first record.
    pub(super) fn is_holding(&self) -> bool {
        self.holding
    }

    /// Gives out the rejects that wait for the first record, although there is no record yet.
    pub(super) fn stop_holding(&mut self, out: &mut Draft) {
        self.holding = false;
        self.held.append(&mut out.rejects);
        out.rejects = std::mem::take(&mut self.held);
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
                break Status::More;
            }
            let step = if self.skip.is_some() {
                self.skip_on(buffer, end, out)
            } else {
                match self.mode {
                    Mode::Start => self.start(buffer, end, out),
                    Mode::Lines => self.lines(buffer, end, out),
                    Mode::Text => self.text(buffer, end, out),
                    Mode::Inside => self.inside(buffer, end, out),
                }
            };
            match step {
                Step::Next => (),
                Step::More => break Status::More,
                Step::Done => break Status::Done,
            }
        };
        out.nul_bytes += std::mem::take(&mut self.nul_bytes);
        if status == Status::More && !out.is_full() {
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
        let passed = buffer.get(self.counted..to).unwrap_or_default();
        let mut since = passed;
        if let Some(last) = memchr::memrchr(b'\n', passed) {
            self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
            self.line_start = self.base + (self.counted + last + 1) as u64;
            self.fresh = true;
            since = passed.get(last + 1..).unwrap_or_default();
        }
        self.fresh &= since.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        self.counted = self.counted.max(to);
        self.line
    }

    /// Passes text in which there is no line feed.
    fn pass_line(&mut self, to: usize) {
        self.fresh &= to <= self.counted;
        self.counted = self.counted.max(to);
    }

    /// How far in the line at hand begins; none where more than blanks stands before.
    fn indent(&self) -> Option<usize> {
        self.fresh.then(|| (self.base + self.counted as u64 - self.line_start) as usize)
    }

    /// Goes on at `at`.
    fn advance(&mut self, buffer: &[u8], at: usize) {
        self.count_lines(buffer, at);
        self.at = at;
    }

    /// Numbers what has been drafted since `mark`, in the order of the text.
    fn commit(&mut self, buffer: &[u8], out: &mut Draft, mark: &Mark) {
        let base = self.base;
        let mut records = out.records.get_mut(mark.records..).unwrap_or_default().iter_mut();
        let mut rejects =
            out.rejects.get_mut(mark.rejects..).unwrap_or_default().iter_mut().peekable();
        let mut converted =
            out.converted.get_mut(mark.converted..).unwrap_or_default().iter_mut().peekable();
        loop {
            let record = records.next();
            let before = record.as_ref().map_or(u64::MAX, |record| base + u64::from(record.start));
            loop {
                let made = converted.peek().map_or(u64::MAX, |converted| converted.byte);
                if let Some(reject) = rejects.next_if(|reject| reject.byte < before.min(made)) {
                    self.number += 1;
                    reject.number = self.number;
                    reject.line = self.count_lines(buffer, (reject.byte - base) as usize);
                } else if let Some(made) = converted.next_if(|made| made.byte < before) {
                    self.number += 1;
                    made.record.number = self.number;
                    made.record.line = self.count_lines(buffer, (made.byte - base) as usize);
                } else {
                    break;
                }
            }
            let Some(record) = record else { break };
            self.number += 1;
            record.number = self.number;
            record.line = self.count_lines(buffer, record.start as usize);
        }
        self.whole |= out.found > mark.found;
        self.release(out, mark.rejects);
    }

    /// Knows the input for a log.
    fn recognize(&mut self, out: &mut Draft) {
        self.whole = true;
        let first = out.rejects.len();
        self.release(out, first);
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
        if reject.code == Code::RecordTooLarge && reject.length <= self.limits.record_bytes as u64 {
            // Its end was looked for as far as the limit, and there it was cut off.
            (reject.code, reject.message) = explain(Stop::Newline(0), "record", 0, &self.limits);
        } else if reject.code == Code::RecordTooLarge {
            reject.message = format!(
                "a record of {} bytes is larger than the limit of {}; raise the limit to read it",
                reject.length, self.limits.record_bytes
            );
        }
        self.number += 1;
        reject.number = self.number;
        if reject.line == 0 {
            reject.line =
                self.count_lines(buffer, (reject.byte.saturating_sub(self.base)) as usize);
        }
        let first = out.rejects.len();
        // A record that is refused for its size or its bytes is one: the input is a log.
        self.whole |=
            matches!(reject.code, Code::RecordTooLarge | Code::RecordTooDeep | Code::InvalidUtf8);
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
        let finished = found.is_some() || end;
        let mut to = found.unwrap_or(buffer.len());
        let mut bytes = buffer.get(self.at..to).unwrap_or_default();
        if matches!(skip.until, Until::LineEnd)
            && let Some(line) = bytes.strip_suffix(b"\r")
        {
            // No part of the line if the line ends here, which may have to be waited for.
            bytes = line;
            to -= usize::from(!finished);
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

    /// Gives out the whole value at hand, which was drafted since `mark` and ends at `end`.
    fn take(&mut self, buffer: &[u8], end: usize, out: &mut Draft, mark: &Mark) -> Step {
        // A whole value that has no records is an answer, or an array, without any; inside of one it
        // may be anything.
        self.whole |= out.is_at(mark) && self.mode != Mode::Inside;
        self.commit(buffer, out, mark);
        self.advance(buffer, end);
        Step::Next
    }
}

const NOT_AN_OBJECT: &str = "JSON, but not an object: records are objects";

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
