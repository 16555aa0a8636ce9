//! Values that are taken whole: records, wrappers with records in them, and arrays of both.

use std::borrow::Cow;

use memchr::memmem;

use crate::error::Code;
use crate::event::{Elements, Field, Header, Record};
use crate::json::{self, Scanner, Stop, run};
use crate::reader::path::PathStep;

use super::broken::explain;
use super::foreign::{self, Form};
use super::{Converted, Draft, FULL, Framer, Mark, NOT_AN_OBJECT, Rejected, Status, first_text};

/// A whole value.
pub(super) struct Whole {
    pub(super) end: usize,
    pub(super) array: bool,
}

/// Where an object is found, which decides whether it is a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// At the top of the text, in an array there, or in the `content` of a page: it is a record
    /// unless it is a wrapper.
    Record,
    /// In an array of a wrapper: a record if it has a wire field, or others in the array do.
    Element,
    /// A member of a wrapper, or JSON text in one: a record if it has a likely key.
    Member,
    /// The `page` of a wrapper, whose `content` has records.
    Page,
}

/// The elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Records: it is at the top of the text.
    Top,
    /// Records: it is the `content` of a page.
    Content,
    /// Records or anything else: it is somewhere in a wrapper.
    Inner,
}

impl Kind {
    /// The role of an object in the array.
    pub(super) fn role(self) -> Role {
        if self == Kind::Inner { Role::Element } else { Role::Record }
    }
}

/// How deep records are looked for in wrappers and in arrays.
pub(super) const MAX_WRAPPERS: usize = 16;

/// The result of reading an object as a wrapper.
enum Inside {
    /// It is a wrapper; its records were drafted. It ends at this position.
    Wrapper(usize),
    /// It is a record, or the flat form of one.
    Record,
    /// No record was found in it.
    Nothing,
}

/// The elements of an array that was not all there yet, so that they need not be scanned again when
/// there is more of it.
pub(super) struct Suspended {
    /// Where the buffer begins that the positions count from.
    base: u64,
    first: usize,
    next: usize,
    line: bool,
    drafted: Draft,
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

    /// Scans the record, wrapper or array at `at`. Its draft is not committed.
    pub(super) fn value<const LINE: bool>(
        &mut self,
        window: &[u8],
        at: usize,
        out: &mut Draft,
    ) -> Result<Whole, Stop> {
        out.most = out.len() + FULL;
        let scanner = self.scanner::<LINE>(window);
        let array = scanner.byte(at)? == b'[';
        let end = if self.path.is_some() {
            self.follow(&scanner, at, 0, 0, out)?
        } else if array {
            self.array(&scanner, at, Kind::Top, 0, out)?
        } else {
            self.object(&scanner, at, Role::Record, 0, out)?
        };
        Ok(Whole { end, array })
    }

    /// Scans an object, `level` wrappers and arrays deep.
    #[inline]
    pub(super) fn object<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        at: usize,
        role: Role,
        level: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        let mark = out.mark();
        let mut inside = Inside::Record;
        let looked = begins_unlike_record(scanner, at)?;
        if looked {
            inside = self.wrapper(scanner, at, role, level, out)?;
            if let Inside::Wrapper(end) = inside {
                return Ok(end);
            }
            out.back(&mark);
        }
        let record = Record::scan(scanner, at)?;
        let end = record.end as usize;
        if !looked && !record.likely {
            inside = self.wrapper(scanner, at, role, level, out)?;
            if let Inside::Wrapper(end) = inside {
                return Ok(end);
            }
            out.back(&mark);
        }
        let is_record = matches!(inside, Inside::Record);
        if is_record || !matches!(role, Role::Member | Role::Page) {
            self.push(scanner.bytes, record, out);
        }
        Ok(end)
    }

    /// Drafts a scanned object as a record; a reject where it is not UTF-8.
    #[inline]
    fn push(&self, bytes: &[u8], mut record: Record, out: &mut Draft) {
        let range = record.start as usize..record.end as usize;
        let raw = bytes.get(range.clone()).unwrap_or_default();
        if simdutf8::basic::from_utf8(raw).is_err() {
            let message = "the record is not UTF-8";
            out.rejects.push(self.draft_reject(bytes, range, Code::InvalidUtf8, message));
            out.found += 1;
            return;
        }
        if record.extra && (record.odd || !record.likely) {
            match foreign::form(raw) {
                Form::Record => (),
                Form::Aws => record.recognized = false,
                Form::Flat => {
                    let text = foreign::to_record(raw);
                    let length = text.len();
                    if let Ok(record) = Record::whole(&text, 0, length, json::MAX_DEPTH) {
                        let byte = self.base + range.start as u64;
                        out.found += 1;
                        out.converted.push(Converted { record, text, byte });
                        return;
                    }
                }
            }
        }
        out.found += usize::from(record.recognized);
        out.records.push(record);
    }

    /// Scans a whole array.
    pub(super) fn array<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        kind: Kind,
        level: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        if level >= MAX_WRAPPERS {
            return scanner.value(b'[', start, 0);
        }
        let (byte, first) = scanner.token(start + 1)?;
        if byte == b']' {
            return Ok(first + 1);
        }
        let mark = out.mark();
        let mut at = self.resume::<LINE>(first, out);
        let mut done = out.mark();
        let end = self.rest_of_array(scanner, &mut at, &mut done, (kind, &mark), level, out);
        match end {
            Err(Stop::Incomplete) => {
                out.back(&done);
                self.suspend::<LINE>(first, at, &mark, out);
            }
            Ok(_) if kind == Kind::Inner && out.found == mark.found => out.back(&mark),
            Ok(_) if kind == Kind::Top && out.has_only_other_values(&mark) => {
                return Err(Stop::Invalid(first));
            }
            _ => (),
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
        (kind, begin): (Kind, &Mark),
        level: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        loop {
            let start = *at;
            if out.len() >= out.most && kind == Kind::Inner && out.found == begin.found {
                // An array with so many other elements is not an array of records.
                out.back(begin);
            }
            *done = out.mark();
            let byte = scanner.byte(start)?;
            out.check(start)?;
            let end = match byte {
                b'{' => match self.usual_elements(scanner, start, out) {
                    Some(end) => end,
                    None => self.object(scanner, start, kind.role(), level + 1, out)?,
                },
                _ => self.other_element(scanner, start, byte, kind, level, out)?,
            };
            match after_value(scanner, end, b']')? {
                After::Value(next) => *at = next,
                After::End(end) => return Ok(end),
            }
        }
    }

    /// Scans an element other than an object: a reject, unless there are records in it.
    pub(super) fn other_element<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        byte: u8,
        kind: Kind,
        level: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        let mark = out.mark();
        let end = match byte {
            b'[' => self.array(scanner, start, Kind::Inner, level + 1, out)?,
            _ => scanner.value(byte, start, 0)?,
        };
        if byte == b'"' {
            self.text_inside(scanner.bytes, start, end, None, level, out);
        }
        if out.is_at(&mark) {
            let reject =
                self.draft_reject(scanner.bytes, start..end, Code::NotAnObject, NOT_AN_OBJECT);
            out.rejects.push(reject);
            out.found += usize::from(kind == Kind::Content);
        }
        Ok(end)
    }

    /// Keeps what was drafted since `mark` of the array whose elements begin at `first`, as far as
    /// the element at `next`.
    fn suspend<const LINE: bool>(
        &mut self,
        first: usize,
        next: usize,
        mark: &Mark,
        out: &mut Draft,
    ) {
        let (base, line, drafted) = (self.base, LINE, out.split_off(mark));
        self.suspended = Some(Suspended { base, first, next, line, drafted });
    }

    /// Drafts again what was kept of the array whose elements begin at `first`, and gives the
    /// element to go on with.
    fn resume<const LINE: bool>(&mut self, first: usize, out: &mut Draft) -> usize {
        let Some(mut known) = self.suspended.take() else { return first };
        let by = (self.base - known.base) as usize;
        if (known.first, known.line) != (first + by, LINE) {
            self.suspended = Some(known);
            return first;
        }
        if by > 0 {
            known.drafted.records.iter_mut().for_each(|record| *record = record.moved(by));
        }
        out.append(known.drafted);
        known.next - by
    }

    /// Takes the elements from `at` on that are records with nothing odd about them, and gives the
    /// position after the last of them.
    fn usual_elements<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        at: usize,
        out: &mut Draft,
    ) -> Option<usize> {
        let room = out.most.saturating_sub(out.len());
        let before = out.records.len();
        let (scanner, order, records) = (*scanner, &mut self.order, &mut out.records);
        let end = run(Elements { scanner, at, room, order, records });
        out.found += out.records.len() - before;
        end
    }

    /// Scans an object as a wrapper: records are looked for in all its members but those with the
    /// name of a wire field.
    fn wrapper<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        role: Role,
        level: usize,
        out: &mut Draft,
    ) -> Result<Inside, Stop> {
        let mark = out.mark();
        let mut header = start..start;
        let mut flat = false;
        let (byte, mut at) = scanner.token(start + 1)?;
        if byte == b'}' {
            return Ok(Inside::Nothing);
        }
        let end = loop {
            let (key, byte, value) = key_at(scanner, at)?;
            flat |= foreign::is_likely_column(&key);
            let field = Field::from_wire_name(&key);
            if field.is_some_and(Field::is_likely) {
                return Ok(Inside::Record);
            }
            let leaf = field.is_some() || level >= MAX_WRAPPERS;
            let end = match (key.as_ref(), byte) {
                (b"header", b'{') => {
                    let end = scanner.value(byte, value, level + 1)?;
                    header = value..end;
                    end
                }
                (b"page", b'{') if !leaf => {
                    self.object(scanner, value, Role::Page, level + 1, out)?
                }
                (_, b'{') if !leaf => self.object(scanner, value, Role::Member, level + 1, out)?,
                (b"content", b'[') if !leaf && role == Role::Page => {
                    self.array(scanner, value, Kind::Content, level + 1, out)?
                }
                (_, b'[') if !leaf => self.array(scanner, value, Kind::Inner, level + 1, out)?,
                _ => {
                    let end = scanner.value(byte, value, level + 1)?;
                    if byte == b'"' && !leaf {
                        self.text_inside(scanner.bytes, value, end, None, level, out);
                    }
                    end
                }
            };
            match after_value(scanner, end, b'}')? {
                After::Value(next) => at = next,
                After::End(end) => break end,
            }
        };
        // What the flat form holds in `extra` may look like a record.
        let object = scanner.bytes.get(start..end).unwrap_or_default();
        if flat && foreign::form(object) == Form::Flat {
            return Ok(Inside::Record);
        }
        let empty = out.is_at(&mark);
        let text = scanner.bytes.get(header.clone()).unwrap_or_default();
        if let Some(message) = Header::read(text).failure() {
            // If it has records all the same, they are events: the reject is its header.
            let range = if empty { start..end } else { header };
            let reject = self.draft_reject(scanner.bytes, range, Code::ApiFailure, message);
            let index = out.rejects.partition_point(|other| other.byte < reject.byte);
            out.rejects.insert(index.max(mark.rejects), reject);
            return Ok(Inside::Wrapper(end));
        }
        if !empty || (role == Role::Record && is_empty_answer(object)) {
            return Ok(Inside::Wrapper(end));
        }
        Ok(Inside::Nothing)
    }

    /// Drafts the records in the JSON text that the string at `start` holds; false if it holds none.
    /// With `step`, they are the records to which the record path leads from there.
    pub(super) fn text_inside(
        &mut self,
        bytes: &[u8],
        start: usize,
        end: usize,
        step: Option<usize>,
        level: usize,
        out: &mut Draft,
    ) -> bool {
        let inner = bytes.get(start + 1..end.saturating_sub(1)).unwrap_or_default();
        let begins = first_text(inner, 0).and_then(|at| inner.get(at));
        if level >= MAX_WRAPPERS || !matches!(begins, Some(b'{' | b'[' | b'\\')) {
            return false;
        }
        match self.text_records(inner, step, level, out.most.saturating_sub(out.len())) {
            Ok(draft) if draft.found == 0 && step.is_none() => false,
            Ok(mut draft) => {
                let byte = self.base + start as u64;
                draft.converted.iter_mut().for_each(|converted| converted.byte = byte);
                draft.rejects.iter_mut().for_each(|reject| reject.byte = byte);
                out.append(draft);
                true
            }
            Err(_) if !may_be_record(bytes.get(start..end)) => false,
            Err((code, message)) => {
                out.rejects.push(self.draft_reject(bytes, start..end, code, message));
                out.found += 1;
                true
            }
        }
    }

    /// The records in the JSON text in a string, at most `most`; an error says what is wrong with it.
    fn text_records(
        &mut self,
        inner: &[u8],
        step: Option<usize>,
        level: usize,
        most: usize,
    ) -> Result<Draft, (Code, String)> {
        const KIND: &str = "JSON text in a string";

        if simdutf8::basic::from_utf8(inner).is_err() {
            return Err((Code::InvalidUtf8, format!("the {KIND} is not UTF-8")));
        }
        let text = json::decode(inner).0;
        let text = text.as_bytes();
        let scanner = self.scanner::<false>(text);
        let mut draft = Draft { most, ..Draft::default() };
        let at = first_text(text, 0).unwrap_or(text.len());
        // The suspended array is in other bytes.
        let suspended = self.suspended.take();
        let scanned = match (step, text.get(at)) {
            (Some(step), _) => self.follow(&scanner, at, step, level + 1, &mut draft),
            (None, Some(b'{')) => self.object(&scanner, at, Role::Member, level + 1, &mut draft),
            (None, Some(b'[')) => self.array(&scanner, at, Kind::Inner, level + 1, &mut draft),
            // A string that was encoded twice.
            (None, Some(b'"')) => scanner.value(b'"', at, 0).inspect(|&end| {
                self.text_inside(text, at, end, None, level + 1, &mut draft);
            }),
            _ => Err(Stop::Invalid(at)),
        };
        self.suspended = suspended;
        let stop = match scanned.map(|end| first_text(text, end)) {
            Ok(None) => None,
            Ok(Some(next)) => Some(Stop::Invalid(next)),
            Err(stop) => Some(stop),
        };
        let mut base = self.base;
        if let Some(stop) = stop {
            // Read like an input, so that a broken record costs only itself.
            base = 0;
            let mut framer = Framer::new(self.limits, None);
            draft = Draft::default();
            let done = step.is_none() && framer.run(text, true, &mut draft) == Status::Done;
            if draft.is_full() {
                let message = format!("the {KIND} has more than {FULL} records; unpack it first");
                return Err((Code::RecordTooLarge, message));
            }
            if !done || draft.found == 0 {
                return Err(explain(stop, KIND, 0, &self.limits));
            }
        }
        for record in std::mem::take(&mut draft.records) {
            let (start, end) = (record.start as usize, record.end as usize);
            let record = record.moved(start);
            let text = text.get(start..end).unwrap_or_default().to_vec();
            draft.converted.push(Converted { record, text, byte: base + start as u64 });
        }
        draft.converted.sort_by_key(|converted| converted.byte);
        Ok(draft)
    }

    /// Drafts the records to which the record path leads from the value at `at`, after its first
    /// `step` steps.
    pub(super) fn follow<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        at: usize,
        step: usize,
        level: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        let path = self.path.clone();
        let next = path.as_ref().and_then(|path| path.step(step));
        let byte = scanner.byte(at)?;
        let missing = match (next, byte) {
            (None, b'{') => {
                let record = Record::scan(scanner, at)?;
                let end = record.end as usize;
                self.push(scanner.bytes, record, out);
                return Ok(end);
            }
            (None | Some(PathStep::Elements), b'[') => {
                let step = step + usize::from(next.is_some());
                return self.follow_elements(scanner, at, step, level, out);
            }
            // The values of the input may be in an array.
            (Some(PathStep::Member(_)), b'[') if step == 0 => {
                return self.follow_elements(scanner, at, step, level, out);
            }
            (Some(PathStep::Member(name)), b'{') => {
                let mark = out.mark();
                let (end, found) = self.follow_member(scanner, at, name, step, level, out)?;
                let object = scanner.bytes.get(at..end).unwrap_or_default();
                let failed = if level == 0 && out.is_at(&mark) { failure(object) } else { None };
                if let Some(message) = failed {
                    let reject =
                        self.draft_reject(scanner.bytes, at..end, Code::ApiFailure, message);
                    out.rejects.push(reject);
                    return Ok(end);
                }
                if found {
                    return Ok(end);
                }
                end
            }
            (_, b'"') => {
                let end = scanner.value(byte, at, level)?;
                if self.text_inside(scanner.bytes, at, end, Some(step), level, out) {
                    return Ok(end);
                }
                end
            }
            _ => scanner.value(byte, at, level)?,
        };
        let message = match next {
            Some(PathStep::Member(name)) => {
                format!(
                    "the record path leads nowhere: the member `{}` is missing",
                    crate::error::printable(name)
                )
            }
            Some(PathStep::Elements) => {
                "the record path leads nowhere: this is not an array".to_owned()
            }
            None => NOT_AN_OBJECT.to_owned(),
        };
        out.rejects.push(self.draft_reject(scanner.bytes, at..missing, Code::NotAnObject, message));
        Ok(missing)
    }

    fn follow_elements<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        step: usize,
        level: usize,
        out: &mut Draft,
    ) -> Result<usize, Stop> {
        let (byte, mut at) = scanner.token(start + 1)?;
        if byte == b']' {
            return Ok(at + 1);
        }
        if level >= super::MAX_LEVELS {
            return scanner.value(b'[', start, 0);
        }
        loop {
            out.check(at)?;
            let end = self.follow(scanner, at, step, level + 1, out)?;
            match after_value(scanner, end, b']')? {
                After::Value(next) => at = next,
                After::End(end) => return Ok(end),
            }
        }
    }

    /// Follows the members with a name. Returns whether there are any.
    fn follow_member<const LINE: bool>(
        &mut self,
        scanner: &Scanner<'_, LINE>,
        start: usize,
        name: &str,
        step: usize,
        level: usize,
        out: &mut Draft,
    ) -> Result<(usize, bool), Stop> {
        let (byte, mut at) = scanner.token(start + 1)?;
        if byte == b'}' {
            return Ok((at + 1, false));
        }
        let mut found = false;
        loop {
            let (key, byte, value) = key_at(scanner, at)?;
            let end = if *key == *name.as_bytes() {
                found = true;
                self.follow(scanner, value, step + 1, level + 1, out)?
            } else {
                scanner.value(byte, value, level + 1)?
            };
            match after_value(scanner, end, b'}')? {
                After::Value(next) => at = next,
                After::End(end) => return Ok((end, found)),
            }
        }
    }
}

/// What follows a member or an element.
pub(super) enum After {
    /// The next one, at this position.
    Value(usize),
    /// The end of the object or array, which is before this position.
    End(usize),
}

/// What follows the value that ends at `end`, in a container that `close` ends.
#[inline]
pub(super) fn after_value<const LINE: bool>(
    scanner: &Scanner<'_, LINE>,
    end: usize,
    close: u8,
) -> Result<After, Stop> {
    match scanner.token(end)? {
        (b',', comma) => Ok(After::Value(scanner.token(comma + 1)?.1)),
        (byte, last) if byte == close => Ok(After::End(last + 1)),
        (_, next) => Err(Stop::Invalid(next)),
    }
}

/// Key, first byte of the value, and its position, of the member at `at`.
pub(super) fn key_at<'a, const LINE: bool>(
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
fn begins_unlike_record<const LINE: bool>(
    scanner: &Scanner<'_, LINE>,
    at: usize,
) -> Result<bool, Stop> {
    let (byte, at) = scanner.token(at + 1)?;
    if byte != b'"' {
        return Ok(false);
    }
    let string = scanner.string(at + 1)?;
    let key = scanner.bytes.get(at + 1..string.end - 1).unwrap_or_default();
    Ok(string.escaped || Field::from_wire_name(key).is_none())
}

/// Whether a string seems to hold the JSON text of a record.
pub(super) fn may_be_record(string: Option<&[u8]>) -> bool {
    let string = string.unwrap_or_default();
    let inner = string.get(1..).unwrap_or_default();
    let begins = first_text(inner, 0).and_then(|at| inner.get(at));
    matches!(begins, Some(b'{' | b'[' | b'\\'))
        && [&b"eventId"[..], b"eventTime", b"eventLogUuid"]
            .iter()
            .any(|name| memmem::find(string, name).is_some())
}

/// The failure in the header of a valid object.
fn failure(object: &[u8]) -> Option<String> {
    let is_header = |key: &std::ops::Range<usize>| {
        json::unquote(object.get(key.clone()).unwrap_or_default()) == "header"
    };
    let (_, header) = json::members(object).filter(|(key, _)| is_header(key)).last()?;
    Header::read(object.get(header)?).failure()
}

/// The members of an answer with the position of its page.
const PAGING: [&str; 7] = ["page", "pageable", "paging", "pagination", "sort", "total", "_shards"];

/// Whether a valid object is an answer without records: it has a header, or an empty list of
/// records, and nothing else that could hold any.
fn is_empty_answer(object: &[u8]) -> bool {
    let mut answer = false;
    for (key, value) in json::members(object) {
        let key = json::unquote(object.get(key).unwrap_or_default());
        let value = object.get(value).unwrap_or_default();
        if Field::from_wire_name(key.as_bytes()).is_some() {
            return false;
        }
        let list = matches!(&*key, "content" | "hits");
        match value.first() {
            Some(b'{') if key == "header" => answer |= Header::read(value).successful.is_some(),
            Some(b'{') if is_empty_answer(value) => answer = true,
            Some(b'{') if !PAGING.contains(&&*key) || has_elements(value) => return false,
            Some(b'[') if has_elements(value) => return false,
            Some(b'[' | b'n') => answer |= list,
            _ => (),
        }
    }
    answer
}

/// Whether a valid value has an array in it that is not empty.
fn has_elements(value: &[u8]) -> bool {
    match value.first() {
        Some(b'[') => json::elements(value).next().is_some(),
        Some(b'{') => json::members(value)
            .any(|(_, member)| has_elements(value.get(member).unwrap_or_default())),
        _ => false,
    }
}

impl Draft {
    /// Whether everything drafted since `mark` is a reject of a value other than an object.
    fn has_only_other_values(&self, mark: &Mark) -> bool {
        let rejects: &[Rejected] = self.rejects.get(mark.rejects..).unwrap_or_default();
        self.records.len() == mark.records
            && self.converted.len() == mark.converted
            && rejects.iter().all(|reject| reject.code == Code::NotAnObject)
    }
}
