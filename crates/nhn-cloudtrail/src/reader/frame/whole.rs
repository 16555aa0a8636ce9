//! Values that are taken whole: records, arrays of records, API answers.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Code;
use crate::event::{Elements, Field, Header, Record};
use crate::json::{self, Scanner, Stop, run};

use super::{Draft, FULL, Framer, Mark, NOT_AN_OBJECT, Rejected};

/// A whole value.
pub(super) struct Whole {
    pub(super) end: usize,
    pub(super) array: bool,
}

/// An array or API answer whose elements are read one after the other.
pub(super) struct Container {
    pub(super) content: usize,
    pub(super) answer: bool,
    /// Where the answer's header stands, if it comes before the content.
    pub(super) header: Option<Range<usize>>,
}

/// The elements of an array that was not all there yet, so that they need not be scanned again when
/// there is more of it.
pub(super) struct Suspended {
    /// Where the buffer begins that the places count from.
    base: u64,
    first: usize,
    next: usize,
    line: bool,
    records: Vec<Record>,
    rejects: Vec<Rejected>,
}

impl Framer {
    /// As much of the buffer as a value at `at` may need, and whether there is that much.
    pub(super) fn window<'a>(&self, buffer: &'a [u8], at: usize) -> (&'a [u8], bool) {
        let end = at + self.limits.record_bytes;
        match buffer.get(..end) {
            Some(window) => (window, buffer.len() > end),
            None => (buffer, false),
        }
    }

    pub(super) fn scanner<'a, const LINE: bool>(&self, bytes: &'a [u8]) -> Scanner<'a, LINE> {
        Scanner::new(bytes, self.limits.depth)
    }

    /// Scans the record, array of records or API answer at `at`. What it drafts is not committed.
    pub(super) fn value<const LINE: bool>(
        &mut self,
        window: &[u8],
        at: usize,
        out: &mut Draft,
    ) -> Result<Whole, Stop> {
        out.most = out.records.len() + out.rejects.len() + FULL;
        let scanner = self.scanner::<LINE>(window);
        if scanner.byte(at)? == b'[' {
            return Ok(Whole { end: self.array(&scanner, at, false, out)?, array: true });
        }
        Ok(Whole { end: self.object(&scanner, at, out)?, array: false })
    }

    /// Scans a record, or an API answer with its records.
    #[inline]
    pub(super) fn object<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        at: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        if may_be_answer(scanner, at)? {
            let mark = out.mark();
            if let Some((end, header)) = self.answer(scanner, at, out)? {
                let text = scanner.bytes.get(header.clone()).unwrap_or_default();
                if let Some(message) = Header::read(text).failure() {
                    // Of one that has records all the same, they are events: what is left is its
                    // header.
                    let empty = out.mark() == mark;
                    let range = if empty { at..end } else { header };
                    let reject = self.draft_reject(scanner.bytes, range, Code::ApiFailure, message);
                    let place = out.rejects.partition_point(|other| other.byte < reject.byte);
                    out.rejects.insert(place.max(mark.rejects), reject);
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
                let reject = self.draft_reject(scanner.bytes, at..end, Code::InvalidUtf8, message);
                out.rejects.push(reject);
            }
        }
        Ok(end)
    }

    /// Scans a whole array: of objects, which may be API answers; or the `content` of a page, in which
    /// an element that is no object is a reject.
    fn array<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        content: bool,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        let (byte, first) = scanner.token(start + 1)?;
        if byte == b']' {
            return Ok(first + 1);
        }
        let mark = out.mark();
        let mut at = self.resume::<LINE>(first, out);
        let mut done = out.mark();
        let end = self.rest_of_array(scanner, &mut at, &mut done, content, out);
        if end == Err(Stop::Incomplete) {
            out.back(&done);
            self.suspend::<LINE>(first, at, &mark, out);
        }
        end
    }

    /// Scans an array from the element at `at` on, which goes on with each element, as `done` does
    /// with what was drafted before it.
    fn rest_of_array<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        at: &mut usize,
        done: &mut Mark,
        content: bool,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        loop {
            let start = *at;
            *done = out.mark();
            let byte = scanner.byte(start)?;
            if byte != b'{' && !content {
                return Err(Stop::Invalid(start));
            }
            out.check(start)?;
            let end = if byte != b'{' {
                let end = scanner.value(byte, start, 0)?;
                out.rejects.push(self.draft_reject(
                    scanner.bytes,
                    start..end,
                    Code::NotAnObject,
                    NOT_AN_OBJECT,
                ));
                end
            } else if let Some(end) = self.usual_elements(scanner, start, out) {
                end
            } else if content {
                self.record(scanner, start, out)?
            } else {
                self.object(scanner, start, out)?
            };
            match scanner.token(end)? {
                (b',', comma) => *at = scanner.token(comma + 1)?.1,
                (b']', last) => return Ok(last + 1),
                (_, next) => return Err(Stop::Invalid(next)),
            }
        }
    }

    /// Puts by what was drafted since `mark` of the array whose elements begin at `first`, as far as
    /// the element at `next`.
    fn suspend<const LINE: bool>(
        &mut self,
        first: usize,
        next: usize,
        mark: &Mark,
        out: &mut Draft,
    ) {
        self.suspended = Some(Suspended {
            base: self.base,
            first,
            next,
            line: LINE,
            records: out.records.split_off(mark.records),
            rejects: out.rejects.split_off(mark.rejects),
        });
    }

    /// Drafts again what was put by of the array whose elements begin at `first`, and gives the
    /// element to go on with.
    fn resume<const LINE: bool>(&mut self, first: usize, out: &mut Draft) -> usize {
        let Some(mut known) = self.suspended.take() else { return first };
        let by = (self.base - known.base) as usize;
        if (known.first, known.line) != (first + by, LINE) {
            self.suspended = Some(known);
            return first;
        }
        if by > 0 {
            known.records.iter_mut().for_each(|record| *record = record.moved(by));
        }
        out.records.append(&mut known.records);
        out.rejects.append(&mut known.rejects);
        known.next - by
    }

    /// Takes the elements from `at` on that are records with nothing odd about them, and gives the
    /// place where the last of them ends.
    fn usual_elements<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        at: usize,
        out: &mut Draft,
    ) -> Option<usize> {
        let room = out.most.saturating_sub(out.records.len() + out.rejects.len());
        let (scanner, order, records) = (*scanner, &mut self.order, &mut out.records);
        run(Elements { scanner, at, room, order, records })
    }

    /// Scans an API answer: an object with an array `page.content`, or with a `header` that says
    /// `isSuccessful`, and with no field of a record. Gives its end and the place of its header; none
    /// where the object is something else.
    fn answer<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        out: &mut Draft,
    ) -> Result<Option<(usize, Range<usize>)>, Stop> {
        let mut header = start..start;
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
                        header = value..end;
                    }
                    end
                }
            };
            let (byte, next) = scanner.token(end)?;
            match byte {
                b',' => at = scanner.token(next + 1)?.1,
                b'}' => {
                    let text = scanner.bytes.get(header.clone()).unwrap_or_default();
                    let answer = paged || Header::read(text).successful.is_some();
                    return Ok(answer.then_some((next + 1, header)));
                }
                _ => return Err(Stop::Invalid(next)),
            }
        }
    }

    /// Scans the `page` of an answer; tells whether it had a `content`.
    fn page<const LINE: bool>(
        &mut self,
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
                    self.array(scanner, value, true, out)?
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

    /// Where the elements begin of the array or answer at `at`. An error says that there is none,
    /// or, with [`Stop::Incomplete`], that more of the text is needed to tell.
    pub(super) fn container_start(&self, window: &[u8], at: usize) -> Result<Container, Stop> {
        let scanner = self.scanner::<false>(window);
        let none = Stop::Invalid(at);
        if window.get(at) == Some(&b'[') {
            let container = Container { content: at + 1, answer: false, header: None };
            return if begins_elements(&scanner, at + 1)? { Ok(container) } else { Err(none) };
        }
        // An answer begins with members that are no record's, then has its page.
        let mut at = scanner.token(at + 1)?.1;
        let mut header = None;
        let mut in_page = false;
        loop {
            let (key, byte, value) = key_at(&scanner, at)?;
            match (key.as_ref(), byte) {
                (b"page", b'{') if !in_page => {
                    in_page = true;
                    at = scanner.token(value + 1)?.1;
                    continue;
                }
                (b"content", b'[') if in_page => {
                    return Ok(Container { content: value + 1, answer: true, header });
                }
                _ if !in_page && Field::from_wire_name(&key).is_some() => return Err(none),
                _ => (),
            }
            let end = scanner.value(byte, value, 2)?;
            if key.as_ref() == b"header" && !in_page {
                header = Some(value..end);
            }
            match scanner.token(end)? {
                (b',', comma) => at = scanner.token(comma + 1)?.1,
                _ => return Err(none),
            }
        }
    }
}

/// Key, first byte of the value, and its place, of the member at `at`.
fn key_at<'a, const LINE: bool>(
    scanner: &Scanner<'a, LINE>,
    at: usize,
) -> Result<(Cow<'a, [u8]>, u8, usize), Stop> {
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

/// Whether what stands at `at`, after an opening bracket, is like the beginning of an array's
/// elements, and not like that of a line of text in brackets.
fn begins_elements(scanner: &Scanner<'_, false>, at: usize) -> Result<bool, Stop> {
    let (byte, value) = scanner.token(at)?;
    let blanks = scanner.bytes.get(at..value).unwrap_or_default();
    if byte == b'{' || blanks.contains(&b'\n') {
        return Ok(true);
    }
    match scanner.value(byte, value, 0) {
        Ok(end) => Ok(scanner.token(end)?.0 == b','),
        Err(Stop::Incomplete) => Err(Stop::Incomplete),
        Err(_) => Ok(false),
    }
}
