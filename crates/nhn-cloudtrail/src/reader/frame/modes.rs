//! What is read at each place in the text, for each of its shapes.

use crate::error::Code;
use crate::event::{Lines, Place};
use crate::json::{self, Stop, run};

use super::broken::next_at_indent;
use super::whole::Whole;
use super::{Draft, FULL, Framer, Mode, NOT_AN_OBJECT, Step, Until, after_blanks, first_text};

/// A byte-order mark: at the beginning of a file, and so between concatenated files.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// How many lines after a broken first one decide whether the input is line by line.
const LOOKAHEAD: usize = 64;

impl Framer {
    /// Goes to the next byte that is not white space; none if the buffer ends before. NUL bytes, which
    /// log rotation leaves at the beginning of a file, are skipped too, and counted.
    pub(super) fn skip_white(&mut self, buffer: &[u8]) -> Option<u8> {
        loop {
            let next = first_text(buffer, self.at);
            self.advance(buffer, next.unwrap_or(buffer.len()));
            let rest = buffer.get(self.at..).unwrap_or_default();
            match rest.first() {
                Some(0) => {
                    let count = rest.iter().take_while(|byte| **byte == 0).count();
                    self.nul_bytes += count as u64;
                    self.advance(buffer, self.at + count);
                }
                first => return first.copied(),
            }
        }
    }

    /// Goes to the next value, like [`skip_white`](Self::skip_white), and skips byte-order marks. An
    /// error is the step to take if there is no value.
    fn next_value_begins(&mut self, buffer: &[u8], end: bool) -> Result<u8, Step> {
        loop {
            let Some(byte) = self.skip_white(buffer) else {
                return Err(if end { Step::Done } else { Step::More });
            };
            let rest = buffer.get(self.at..).unwrap_or_default();
            if rest.starts_with(MARK) {
                self.advance(buffer, self.at + MARK.len());
            } else if MARK.starts_with(rest) && !end {
                return Err(Step::More);
            } else {
                return Ok(byte);
            }
        }
    }

    pub(super) fn start(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        let byte = match self.next_value_begins(buffer, end) {
            Ok(byte) => byte,
            Err(step) => return step,
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
            return self.one_by_one(buffer, end, out, outer);
        }
        self.start_unfinished(buffer, end, out, stop)
    }

    /// Whether the value at `at` is all there is on its line, or another object follows it; none
    /// where more of the text is needed to tell.
    fn ends_on_line(&self, buffer: &[u8], end: bool, at: usize, whole: &Whole) -> Option<bool> {
        let (window, full) = self.window(buffer, at);
        let next = first_text(window, whole.end).unwrap_or(window.len());
        let rest = window.get(next..).unwrap_or_default();
        if rest.starts_with(MARK) {
            // Another file begins there.
            return Some(true);
        }
        if !rest.is_empty() && MARK.starts_with(rest) && !end && !full {
            return None;
        }
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
        let entry = match self.entry(window, at) {
            Err(Stop::Incomplete) if !complete => return Step::More,
            entry => entry.ok(),
        };
        let mut tried = self.tried;
        if let Some(line_end) = line_end {
            // The next lines decide whether this one is a broken line, or the beginning of a broken
            // text that runs over lines.
            let cost = self.cost(stop, window);
            let incomplete = stop == Stop::Incomplete;
            let over_lines = incomplete
                || matches!(stop, Stop::Invalid(at) | Stop::TooDeep(at) if at > line_end);
            // Up to there the lines are, or may be, parts of one value.
            let valid_to = match stop {
                _ if entry.is_none() => line_end,
                Stop::Incomplete => window.len(),
                _ => at + cost as usize,
            };
            let follow = self.lines_follow(window, complete, line_end, valid_to, &mut tried, out);
            // Charged only when something is decided: what is waited for is looked at again.
            match follow {
                None => return Step::More,
                Some(true) => {
                    self.tried = tried;
                    self.mode = Mode::Lines;
                    return Step::Next;
                }
                Some(false) => (),
            }
            if entry.is_none() {
                if incomplete && full {
                    self.mode = Mode::Text;
                    return self.too_large(buffer, at);
                }
                if over_lines && !complete {
                    return Step::More;
                }
                self.tried = tried;
                if over_lines && self.text_follows(window, at, out) {
                    self.mode = Mode::Text;
                    return Step::Next;
                }
                self.tried += cost;
                if self.tried > self.allowed() {
                    // Long enough in search of text that runs over lines.
                    self.mode = Mode::Lines;
                    return Step::Next;
                }
                let stop = if over_lines { Stop::Newline(line_end) } else { stop };
                return self.reject_line(buffer, at, stop, "record");
            }
        }
        match entry {
            Some(entry) => {
                self.tried = tried;
                let outer = if line_end.is_some() { Mode::Text } else { Mode::Lines };
                self.enter(buffer, out, entry, outer, None)
            }
            None if full => {
                self.mode = Mode::Lines;
                self.reject_until(buffer, at, Code::RecordTooLarge, "", Until::LineEnd)
            }
            None if window.get(at) == Some(&b'[') => self.line_of_text(buffer, end),
            None => self.reject_line(buffer, at, stop, "record"),
        }
    }

    /// Whether one of the next lines is a whole record and not part of a value that runs over lines: the
    /// input is line by line then. None if more of the text is needed to decide.
    fn lines_follow(
        &mut self,
        window: &[u8],
        complete: bool,
        line_end: usize,
        valid_to: usize,
        tried: &mut u64,
        out: &mut Draft,
    ) -> Option<bool> {
        let mut line_end = line_end;
        for number in 0..LOOKAHEAD {
            if *tried > self.allowed() {
                return Some(false);
            }
            let Some(at) = first_text(window, line_end) else {
                return complete.then_some(false);
            };
            // The record may begin anywhere on a line, which is cut by its end.
            let rest = window.get(at..).unwrap_or_default();
            let next_end = memchr::memchr(b'\n', rest).map(|offset| at + offset);
            if next_end.is_none() && !complete {
                return None;
            }
            let to = next_end.unwrap_or(window.len());
            let line = window.get(..to).unwrap_or(window);
            if at > valid_to || (number == 0 && at >= valid_to) {
                *tried += (to - at) as u64;
                let mark = out.mark();
                let found = out.found;
                let whole = match self.value::<true>(line, at, out) {
                    Ok(whole) if out.found > found => {
                        matches!(after_blanks(line, whole.end), None | Some(b'{'))
                    }
                    Err(Stop::TooMany(_)) => true,
                    _ => false,
                };
                out.back(&mark);
                if whole && number == 0 {
                    return Some(true);
                }
                if whole {
                    // The last element of an array would be followed by the array's end.
                    match first_text(window, to).and_then(|next| window.get(next)) {
                        None if !complete => return None,
                        None | Some(b'{' | b'[') => return Some(true),
                        Some(_) => (),
                    }
                }
            }
            line_end = to;
        }
        Some(false)
    }

    /// Whether the next value that begins as far in as the broken one at `at` is whole and runs
    /// over lines.
    fn text_follows(&mut self, window: &[u8], at: usize, out: &mut Draft) -> bool {
        let Some(next) = next_at_indent(window, at, window.len(), self.indent().unwrap_or(0))
        else {
            return false;
        };
        let mark = out.mark();
        let value = self.value::<false>(window, next, out);
        out.back(&mark);
        value.is_ok_and(|whole| {
            memchr::memchr(b'\n', window.get(next..whole.end).unwrap_or_default()).is_some()
        })
    }

    /// Goes on inside the value at hand, which is longer or has more records than is taken whole.
    fn one_by_one(&mut self, buffer: &[u8], end: bool, out: &mut Draft, outer: Mode) -> Step {
        let at = self.at;
        let (window, full) = self.window(buffer, at);
        match self.entry(window, at) {
            Ok(entry) => self.enter(buffer, out, entry, outer, None),
            Err(Stop::Incomplete) if !end && !full => Step::More,
            Err(_) if outer == Mode::Lines => {
                self.reject_until(buffer, at, Code::RecordTooLarge, "", Until::LineEnd)
            }
            Err(_) => self.too_large(buffer, at),
        }
    }

    pub(super) fn lines(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        self.usual_lines(buffer, out);
        let byte = match self.next_value_begins(buffer, end) {
            Ok(byte) => byte,
            Err(step) => return step,
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
                    self.pass_line(whole.end);
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
            return self.one_by_one(buffer, end, out, Mode::Lines);
        }
        if stop == Stop::Incomplete && !end {
            return Step::More;
        }
        // All of the line is needed to find the records in it.
        let line_end = memchr::memchr(b'\n', window.get(at..).unwrap_or_default());
        if line_end.is_none() && !end && !full {
            return Step::More;
        }
        let to = line_end.map_or(window.len(), |offset| at + offset);
        let line = window.get(..to).unwrap_or(window);
        let begins = first_text(line, at + 1).and_then(|at| line.get(at));
        let texts = byte == b'[' && begins != Some(&b'{');
        if !texts && let Ok(entry) = self.entry(line, at) {
            // Where a line longer than the limit ends is not known yet.
            let bound = (line_end.is_some() || !full).then_some(to);
            return self.enter(buffer, out, entry, Mode::Lines, bound);
        }
        if byte == b'[' {
            return self.line_of_text(buffer, end);
        }
        self.reject_line(buffer, at, stop, "record")
    }

    /// Takes the lines that hold whole records with nothing odd about them.
    fn usual_lines(&mut self, buffer: &[u8], out: &mut Draft) {
        if self.holding || self.path.is_some() {
            return;
        }
        let line = self.count_lines(buffer, self.at);
        let place = Place { at: self.at, number: self.number, line, line_start: None };
        let before = out.records.len();
        let place = run(Lines {
            bytes: buffer,
            depth: self.limits.depth,
            record_bytes: self.limits.record_bytes,
            room: FULL.saturating_sub(out.len()),
            order: &mut self.order,
            records: &mut out.records,
            place,
        });
        out.found += out.records.len() - before;
        if place.at > self.at {
            (self.at, self.counted, self.number) = (place.at, place.at, place.number);
            // A record stands on the line by now.
            (self.line, self.fresh, self.whole) = (place.line, false, true);
            if let Some(start) = place.line_start {
                self.line_start = self.base + start as u64;
            }
        }
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

    pub(super) fn text(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        let byte = match self.next_value_begins(buffer, end) {
            Ok(byte) => byte,
            Err(step) => return step,
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
        match self.entry(window, at) {
            Ok(entry) => return self.enter(buffer, out, entry, Mode::Text, None),
            Err(Stop::Incomplete) if !end && !full => return Step::More,
            Err(_) => (),
        }
        if stop == Stop::Incomplete && full {
            return self.too_large(buffer, at);
        }
        self.resync(buffer, end, out, stop, false)
    }
}
