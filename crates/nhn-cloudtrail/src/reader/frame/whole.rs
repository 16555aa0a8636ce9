//! Values that are taken whole: records, arrays of records, API answers.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Code;
use crate::event::{Field, Header, Record};
use crate::json::{self, Scanner, Stop};

use super::{Draft, FULL, Framer, NOT_AN_OBJECT};

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
        Scanner { bytes, depth: self.limits.depth }
    }

    /// Scans the record, array of records or API answer at `at`. What it drafts is not committed.
    pub(super) fn value<const LINE: bool>(
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
    pub(super) fn object<const LINE: bool>(
        &self,
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
    /// `isSuccessful`, and with no field of a record. Gives its end and the place of its header; none
    /// where the object is something else.
    fn answer<const LINE: bool>(
        &self,
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
