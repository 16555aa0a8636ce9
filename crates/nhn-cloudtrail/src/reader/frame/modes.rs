//! What is read at each place in the text, for each of its shapes.

use crate::error::Code;
use crate::event::{Header, Lines, Place};
use crate::json::{self, Stop, run};

use super::broken::{Brackets, next_at_indent};
use super::whole::{Container, Whole};
use super::{Draft, FULL, Framer, Mode, NOT_AN_OBJECT, Step, Until, after_blanks, first_text};

impl Framer {
    /// Goes to the next byte that is no white space; none where the buffer ends.
    fn skip_white(&mut self, buffer: &[u8]) -> Option<u8> {
        let next = first_text(buffer, self.at);
        self.advance(buffer, next.unwrap_or(buffer.len()));
        buffer.get(self.at).copied()
    }

    pub(super) fn start(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
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
        let container = match self.container_start(window, at) {
            Err(Stop::Incomplete) if !complete => return Step::More,
            container => container.ok(),
        };
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
            let cost = self.cost(stop, window);
            let incomplete = stop == Stop::Incomplete;
            let over_lines = incomplete
                || matches!(stop, Stop::Invalid(at) | Stop::TooDeep(at) if at > line_end);
            let goes_on =
                incomplete || matches!(stop, Stop::Invalid(at) | Stop::TooDeep(at) if at > next);
            let stop = if over_lines { Stop::Newline(line_end) } else { stop };
            if next_is_whole && (container.is_none() || !goes_on) {
                return self.reject_line(buffer, at, stop, "record");
            }
            if container.is_none() {
                if incomplete && full {
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
                self.tried += cost;
                if self.tried > self.allowed() {
                    // Long enough in search of text that runs over lines.
                    self.mode = Mode::Lines;
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
    fn one_by_one(&mut self, buffer: &[u8], out: &mut Draft, outer: Mode) -> Step {
        let at = self.at;
        match self.container_start(self.window(buffer, at).0, at) {
            Ok(container) => self.enter(buffer, out, container, outer),
            Err(_) if outer == Mode::Lines => {
                self.reject_until(buffer, at, Code::RecordTooLarge, "", Until::LineEnd)
            }
            Err(_) => self.too_large(buffer, at),
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

    pub(super) fn lines(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
        self.usual_lines(buffer, out);
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

    /// Takes the lines that hold whole records with nothing odd about them.
    fn usual_lines(&mut self, buffer: &[u8], out: &mut Draft) {
        if self.holding {
            return;
        }
        let line = self.count_lines(buffer, self.at);
        let place = Place { at: self.at, number: self.number, line, line_start: None };
        let place = run(Lines {
            bytes: buffer,
            depth: self.limits.depth,
            record_bytes: self.limits.record_bytes,
            room: FULL.saturating_sub(out.records.len() + out.rejects.len()),
            order: &mut self.order,
            records: &mut out.records,
            place,
        });
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
        match self.container_start(window, at) {
            Ok(container) => return self.enter(buffer, out, container, Mode::Text),
            Err(Stop::Incomplete) if !end && !full => return Step::More,
            Err(_) => (),
        }
        if stop == Stop::Incomplete && full {
            return self.too_large(buffer, at);
        }
        self.resync(buffer, end, out, stop, false)
    }

    pub(super) fn elements(
        &mut self,
        buffer: &[u8],
        end: bool,
        out: &mut Draft,
        answer: bool,
    ) -> Step {
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
        let scanned =
            if byte == b'{' { self.object(&scanner, at, out) } else { scanner.value(byte, at, 0) };
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
    pub(super) fn answer_end(&mut self, buffer: &[u8], end: bool, out: &mut Draft) -> Step {
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
}
