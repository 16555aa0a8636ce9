//! Wrappers and arrays that are too long or too broken to be taken whole: they are read value by
//! value, in bounded memory, so that a broken record costs only itself.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Code;
use crate::event::{Field, Header};
use crate::json::{Scanner, Stop};
use crate::reader::path::PathStep;

use super::broken::Brackets;
use super::foreign::is_likely_column;
use super::whole::{After, Kind, MAX_WRAPPERS, Role, after_value, key_at, may_be_record};
use super::{Draft, Framer, MAX_LEVELS, Mode, Step, Until};

/// An object or array that has begun and not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    holds: Holds,
    /// How many steps of the record path lead here.
    step: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Members { page: bool },
    Elements(Kind),
}

/// Where reading continues inside a value.
#[derive(Default)]
pub(super) struct Entry {
    /// The objects and arrays that are open there.
    levels: Vec<Level>,
    at: usize,
    /// The header of an answer, if it comes before.
    header: Option<Range<usize>>,
    /// Whether records are there, whole or broken.
    log: bool,
}

/// The result of a search for records in a value.
enum Search {
    /// The position where reading continues.
    Found(usize),
    /// Nothing up to the value's end.
    Nothing(usize),
}

impl Framer {
    /// Where reading continues inside the wrapper or array at `at`. Returns an error if it is neither,
    /// [`Stop::Incomplete`] if more of the text is needed to decide.
    pub(super) fn entry(&self, window: &[u8], at: usize) -> Result<Entry, Stop> {
        let scanner = self.scanner::<false>(window);
        let mut entry = Entry::default();
        let search = match self.path {
            Some(_) => self.seek_path(&scanner, at, 0, &mut entry)?,
            None if window.get(at) == Some(&b'[') => {
                if !begins_elements(&scanner, at + 1)? {
                    return Err(Stop::Invalid(at));
                }
                entry.levels.push(Level { holds: Holds::Elements(Kind::Top), step: 0 });
                Search::Found(at + 1)
            }
            None => seek(&scanner, at, false, &mut entry)?,
        };
        match search {
            Search::Found(at) => Ok(Entry { at, ..entry }),
            Search::Nothing(_) => Err(Stop::Invalid(at)),
        }
    }

    /// Follows the record path from the value at `at` to the first array on the way.
    fn seek_path(
        &self,
        scanner: &Scanner<'_, false>,
        at: usize,
        step: usize,
        entry: &mut Entry,
    ) -> Result<Search, Stop> {
        let next = self.path.as_ref().and_then(|path| path.step(step));
        let elements = Holds::Elements(Kind::Top);
        match (scanner.byte(at)?, next) {
            (b'[', None) => entry.levels.push(Level { holds: elements, step }),
            (b'[', Some(PathStep::Elements)) => {
                entry.levels.push(Level { holds: elements, step: step + 1 });
            }
            (b'[', Some(PathStep::Member(_))) if step == 0 => {
                entry.levels.push(Level { holds: elements, step });
            }
            (b'{', Some(PathStep::Member(name))) => {
                entry.levels.push(Level { holds: Holds::Members { page: false }, step });
                let mut at = scanner.token(at + 1)?.1;
                loop {
                    let (key, byte, value) = key_at(scanner, at)?;
                    if *key == *name.as_bytes() {
                        return self.seek_path(scanner, value, step + 1, entry);
                    }
                    let end = scanner.value(byte, value, entry.levels.len())?;
                    match after_value(scanner, end, b'}')? {
                        After::Value(next) => at = next,
                        After::End(end) => return Err(Stop::Invalid(end)),
                    }
                }
            }
            // The record itself, which is broken.
            (_, None) if step > 0 => return Ok(Search::Found(at)),
            _ => return Err(Stop::Invalid(at)),
        }
        Ok(Search::Found(at + 1))
    }

    /// Continues inside a value that is not taken whole. With `bound`, the value ends there, and all of
    /// it is in the buffer.
    pub(super) fn enter(
        &mut self,
        buffer: &[u8],
        out: &mut Draft,
        entry: Entry,
        outer: Mode,
        bound: Option<usize>,
    ) -> Step {
        self.outer = outer;
        self.mode = Mode::Inside;
        self.bound = bound.map(|bound| self.base + bound as u64);
        self.go_inside(buffer, out, entry)
    }

    fn go_inside(&mut self, buffer: &[u8], out: &mut Draft, entry: Entry) -> Step {
        self.levels.extend(entry.levels);
        if entry.log {
            self.recognize(out);
        }
        if let Some(header) = entry.header {
            let text = buffer.get(header.clone()).unwrap_or_default();
            if let Some(message) = Header::read(text).failure() {
                self.reject(buffer, out, header, Code::ApiFailure, message);
            }
        }
        self.advance(buffer, entry.at);
        Step::Next
    }

    /// Reads on inside of what [`enter`](Self::enter) has entered.
    pub(super) fn inside(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        // A value that must end on its line is all there.
        let bound = self.bound.map(|bound| bound.saturating_sub(self.base) as usize);
        let (buffer, end) = match bound {
            Some(bound) => (buffer.get(..bound).unwrap_or(buffer), true),
            None => (buffer, end),
        };
        let Some(&level) = self.levels.last() else { return self.leave() };
        let Some(byte) = self.skip_white(buffer) else {
            return if end { self.unclosed(buffer, out) } else { Step::More };
        };
        let at = self.at;
        match (level.holds, byte) {
            (_, b',') => self.advance(buffer, at + 1),
            (Holds::Elements(_), b']') | (Holds::Members { .. }, b'}') => {
                self.levels.pop();
                self.advance(buffer, at + 1);
                if self.levels.is_empty() {
                    return self.leave();
                }
            }
            (Holds::Elements(kind), _) => {
                return self.inside_value(buffer, end, out, (kind.role(), kind), level.step);
            }
            (Holds::Members { .. }, b'{' | b'[') => {
                let step = level.step + 1;
                return self.inside_value(buffer, end, out, (Role::Member, Kind::Inner), step);
            }
            (Holds::Members { page }, b'"') => {
                return self.inside_member(buffer, end, out, page, level.step);
            }
            _ => return self.broken_inside(buffer, end, out),
        }
        Step::Next
    }

    fn leave(&mut self) -> Step {
        self.mode = self.outer;
        self.bound = None;
        Step::Next
    }

    /// The input, or the line, ends inside.
    fn unclosed(&mut self, buffer: &[u8], out: &mut Draft) -> Step {
        let (at, end) = (self.at, buffer.len());
        let on_line = self.bound.is_some();
        let what = if on_line { "line" } else { "input" };
        let message = format!("the {what} ends inside an array or API answer: it was cut off");
        self.reject(buffer, out, at..end, Code::Truncated, message);
        self.levels.clear();
        if on_line { self.leave() } else { Step::Done }
    }

    /// Reads a member of a wrapper.
    fn inside_member(
        &mut self,
        buffer: &[u8],
        end: bool,
        out: &mut Draft,
        page: bool,
        step: usize,
    ) -> Step {
        let at = self.at;
        let (window, full) = self.window(buffer, at);
        let scanner = self.scanner::<false>(window);
        let (key, byte, value) = match key_at(&scanner, at) {
            Ok(member) => member,
            Err(Stop::Incomplete) if !end && !full => return Step::More,
            Err(_) => return self.broken_inside(buffer, end, out),
        };
        let wanted = match self.path.as_ref().map(|path| path.step(step)) {
            Some(Some(PathStep::Member(name))) => *key == *name.as_bytes(),
            Some(_) => false,
            None => key.as_ref() != b"header" && Field::from_wire_name(&key).is_none(),
        };
        if wanted && matches!(byte, b'{' | b'[') {
            let role = if key.as_ref() == b"page" { Role::Page } else { Role::Member };
            let content = page && key.as_ref() == b"content";
            let kind = if content { Kind::Content } else { Kind::Inner };
            self.advance(buffer, value);
            let next = self.inside_value(buffer, end, out, (role, kind), step + 1);
            if matches!(next, Step::More) {
                self.at = at;
            }
            return next;
        }
        let to = match scanner.value(byte, value, 1) {
            Ok(to) => to,
            Err(Stop::Incomplete) if !end && !full => return Step::More,
            Err(_) => return self.broken_inside(buffer, end, out),
        };
        if wanted && byte == b'"' {
            let mark = out.mark();
            let step = self.path.as_ref().map(|_| step + 1);
            self.text_inside(window, value, to, step, 0, out);
            return self.take(buffer, to, out, &mark);
        }
        let header = window.get(value..to).unwrap_or_default();
        if key.as_ref() == b"header"
            && let Some(message) = Header::read(header).failure()
        {
            return self.reject(buffer, out, value..to, Code::ApiFailure, message);
        }
        self.advance(buffer, to);
        Step::Next
    }

    /// Reads an element of an array, or the object or array that is a member's value.
    fn inside_value(
        &mut self,
        buffer: &[u8],
        end: bool,
        out: &mut Draft,
        (role, kind): (Role, Kind),
        step: usize,
    ) -> Step {
        let at = self.at;
        let (window, full) = self.window(buffer, at);
        let scanner = self.scanner::<false>(window);
        let mark = out.mark();
        out.most = out.len() + super::FULL;
        let byte = window.get(at).copied().unwrap_or_default();
        let element = matches!(self.levels.last(), Some(Level { holds: Holds::Elements(_), .. }));
        let scanned = match byte {
            _ if self.path.is_some() => self.follow(&scanner, at, step, 0, out),
            b'{' => self.object(&scanner, at, role, 0, out),
            b'[' if !element => self.array(&scanner, at, kind, 0, out),
            _ => self.other_element(&scanner, at, byte, kind, 0, out),
        };
        let stop = match scanned {
            Ok(to) => return self.take(buffer, to, out, &mark),
            Err(stop) => stop,
        };
        out.back(&mark);
        if stop == Stop::Incomplete && !end && !full {
            return Step::More;
        }
        let mut entry = Entry::default();
        let search = match (&self.path, kind) {
            (Some(_), _) => self.seek_path(&scanner, at, step, &mut entry),
            (None, Kind::Content) if byte == b'[' && !element => {
                entry.levels.push(Level { holds: Holds::Elements(kind), step });
                Ok(Search::Found(at + 1))
            }
            _ => seek(&scanner, at, role == Role::Page, &mut entry),
        };
        match search {
            Err(Stop::Incomplete) if !end && !full => return Step::More,
            Ok(Search::Found(to))
                if to > at && self.levels.len() + entry.levels.len() <= MAX_LEVELS =>
            {
                return self.go_inside(buffer, out, Entry { at: to, ..entry });
            }
            _ => (),
        }
        if matches!(stop, Stop::TooMany(_)) || (stop == Stop::Incomplete && full) {
            return self.too_large(buffer, at);
        }
        self.resync(buffer, end, out, stop, true)
    }

    /// Rejects what is left of a broken wrapper, as far as the array that it is in.
    fn broken_inside(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        let at = self.at;
        let (window, full) = self.window(buffer, at);
        let array = |level: &Level| matches!(level.holds, Holds::Elements(_));
        let kept = self.levels.iter().rposition(array).map_or(0, |index| index + 1);
        let depth = self.levels.len() - kept;
        let mut brackets = Brackets { depth, ..Brackets::default() };
        let to = match brackets.close(window, at) {
            Some(to) => to,
            None if full => window.len(),
            None if end => return self.unclosed(buffer, out),
            None => return Step::More,
        };
        self.levels.truncate(kept);
        let message = "the rest of the API answer or wrapper is not valid JSON";
        self.reject(buffer, out, at..to, Code::InvalidJson, message);
        if self.levels.is_empty() { self.leave() } else { Step::Next }
    }

    pub(super) fn too_large(&mut self, buffer: &[u8], at: usize) -> Step {
        let until = Until::Balanced(Brackets::default());
        self.reject_until(buffer, at, Code::RecordTooLarge, "", until)
    }
}

/// Looks for the first record, whole or broken, in the object or array at `at`, or for the content
/// of a page.
fn seek(
    scanner: &Scanner<'_, false>,
    at: usize,
    page: bool,
    entry: &mut Entry,
) -> Result<Search, Stop> {
    let depth = entry.levels.len();
    let byte = scanner.byte(at)?;
    if depth >= MAX_WRAPPERS || !matches!(byte, b'{' | b'[') {
        return Ok(Search::Nothing(scanner.value(byte, at, 0)?));
    }
    let object = byte == b'{';
    let (holds, close) = match object {
        true => (Holds::Members { page }, b'}'),
        false => (Holds::Elements(Kind::Inner), b']'),
    };
    let (first, mut next) = scanner.token(at + 1)?;
    if first == close {
        return Ok(Search::Nothing(next + 1));
    }
    entry.levels.push(Level { holds, step: 0 });
    loop {
        let (key, byte, value) = match object {
            true => key_at(scanner, next)?,
            false => (Cow::Borrowed(&b""[..]), scanner.byte(next)?, next),
        };
        let field = Field::from_wire_name(&key);
        if is_likely_column(&key) || field.is_some_and(Field::is_likely) {
            if depth == 0 {
                return Err(Stop::Invalid(at));
            }
            entry.levels.truncate(depth);
            entry.log = true;
            return Ok(Search::Found(at));
        }
        let end = match (key.as_ref(), byte) {
            (b"content", b'[') if page => {
                entry.levels.push(Level { holds: Holds::Elements(Kind::Content), step: 0 });
                entry.log = true;
                return Ok(Search::Found(value + 1));
            }
            (b"header", b'{') if depth == 0 => {
                let end = scanner.value(byte, value, depth + 1)?;
                entry.header = Some(value..end);
                end
            }
            (key, b'{' | b'[') if field.is_none() => {
                match seek(scanner, value, key == b"page", entry)? {
                    Search::Nothing(end) => end,
                    found => return Ok(found),
                }
            }
            _ => scanner.value(byte, value, depth + 1)?,
        };
        if byte == b'"' && field.is_none() && may_be_record(scanner.bytes.get(value..end)) {
            entry.log = true;
            return Ok(Search::Found(next));
        }
        match after_value(scanner, end, close)? {
            After::Value(at) => next = at,
            After::End(end) => {
                entry.levels.truncate(depth);
                return Ok(Search::Nothing(end));
            }
        }
    }
}

/// Whether what follows an opening bracket is like the beginning of an array's elements, and not
/// like that of a line of text in brackets.
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
