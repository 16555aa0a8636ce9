//! Where to go on after something that is broken.

use crate::error::Code;
use crate::event::Record;
use crate::json::Stop;
use crate::reader::Limits;

use super::{Draft, Framer, Step, Until, after_text};

/// Follows brackets and strings through text that need not be valid.
#[derive(Clone, Copy, Default)]
pub(super) struct Brackets {
    pub(super) depth: usize,
    pub(super) string: bool,
    pub(super) escape: bool,
}

impl Brackets {
    /// Reads on until the brackets close and gives the place after; none if they do not in `bytes`.
    pub(super) fn close(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
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

/// How far a search looks at first; it looks four times as far again until it finds something, so
/// that what it costs is in proportion to what it passes.
const REACH: usize = 256;

/// What a search of a stretch of text found.
enum Found {
    At(usize),
    Nothing,
    /// More of the text is needed to tell.
    More,
}

impl Framer {
    /// Rejects the broken value at hand and goes on at the next one, as far as the text tells where
    /// that is: at the end that the brackets give, or sooner where a whole record stands at the
    /// place of an element. Where it does not tell, the rest is one reject.
    pub(super) fn resync(
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
        let (stop, rest) = match (stop, self.bound) {
            (Stop::Incomplete, Some(_)) => (Stop::Newline(window.len()), "the rest of the line"),
            (stop, Some(_)) => (stop, "the rest of the line"),
            (stop, None) => (stop, "the rest"),
        };
        let (code, message) = explain(stop, kind, at, &self.limits);
        let mut tried = self.tried + self.cost(stop, window);
        let found = if !element && tried > self.allowed() {
            Found::Nothing
        } else if matches!(window.get(at), Some(b'{' | b'[')) {
            self.next_value(window, complete, element, &mut tried)
        } else {
            next_sign(window, at)
        };
        // Charged only when something is decided: what is waited for is looked at again.
        if complete || matches!(found, Found::At(_)) {
            self.tried = tried;
        }
        match found {
            Found::At(to) => {
                let text = buffer.get(at..to).unwrap_or_default().trim_ascii_end();
                let text = text.strip_suffix(b",").unwrap_or(text).trim_ascii_end();
                let reject = self.draft_reject(buffer, at..at + text.len(), code, message);
                self.emit_reject(buffer, out, reject);
                self.advance(buffer, to);
                Step::Next
            }
            Found::Nothing if complete => {
                // A value that must end on its line costs no other line.
                let until = match self.bound.take() {
                    Some(_) => {
                        self.levels.clear();
                        self.mode = self.outer;
                        Until::LineEnd
                    }
                    None => Until::End,
                };
                let message = format!(
                    "{message}; the beginning of the next record is not known, so {rest} is rejected with it"
                );
                self.reject_until(buffer, at, code, message, until)
            }
            Found::Nothing | Found::More => Step::More,
        }
    }

    /// How many bytes may be scanned in vain: some times the length of the text, so that no text can
    /// be made that takes more than that.
    pub(super) fn allowed(&self) -> u64 {
        (self.base + self.at as u64) * 8 + self.limits.record_bytes as u64 * 4
    }

    /// How many bytes were scanned in vain when a scan of the value at hand stopped.
    pub(super) fn cost(&self, stop: Stop, window: &[u8]) -> u64 {
        let to = match stop {
            Stop::Incomplete => window.len(),
            Stop::Newline(to) | Stop::Invalid(to) | Stop::TooDeep(to) | Stop::TooMany(to) => to,
        };
        (to - self.at.min(to)) as u64
    }

    /// Where to go on after the broken object or array at hand.
    fn next_value(&self, window: &[u8], complete: bool, element: bool, tried: &mut u64) -> Found {
        let at = self.at;
        let mut brackets = Brackets::default();
        let mut lost = false;
        let mut from = at;
        let mut reach = REACH;
        loop {
            let to = window.len().min(at + reach);
            let stretch = window.get(..to).unwrap_or(window);
            let closed =
                if lost { None } else { close_on_lines(&mut brackets, stretch, from, &mut lost) };
            let balanced = match closed.map(|end| (end, after_text(window, end))) {
                Some((_, None)) if !complete => return Found::More,
                Some((end, Some(b',' | b'}' | b']'))) if element => Some(end),
                Some((end, Some(b'{' | b'['))) if !element => Some(end),
                Some((end, None)) if !element => Some(end),
                Some(_) => {
                    lost = true;
                    None
                }
                None => None,
            };
            let before = balanced.unwrap_or(to);
            let candidate = if element {
                self.next_element(window, complete, from.max(at + 1)..before, tried)
            } else {
                let indent = self.indent().unwrap_or(0);
                // The line feed may stand in the stretch before.
                let from = from.saturating_sub(indent + 1).max(at);
                match next_at_indent(window, from, before, indent) {
                    Some(brace) if brace < before => Found::At(brace),
                    _ => Found::Nothing,
                }
            };
            match (candidate, balanced) {
                (Found::Nothing, Some(end)) => return Found::At(end),
                (Found::Nothing, None) if to == window.len() => return Found::Nothing,
                (Found::Nothing, None) => (),
                (candidate, _) => return candidate,
            }
            from = to;
            reach = reach.saturating_mul(4);
        }
    }

    /// The next place in `range` where a whole record stands as an element would: after a comma,
    /// or on a line of its own as far in as the broken one, and before a comma or the array's end.
    fn next_element(
        &self,
        window: &[u8],
        complete: bool,
        range: std::ops::Range<usize>,
        tried: &mut u64,
    ) -> Found {
        let scanner = self.scanner::<false>(window);
        let own_indent = self.indent();
        let from = range.start;
        for offset in memchr::memchr_iter(b'{', window.get(range).unwrap_or_default()) {
            let brace = from + offset;
            let own_line = match (indent(window, brace), own_indent) {
                (Some(its), Some(own)) => its == own,
                (its, _) => its.is_some(),
            };
            if before_blanks(window, brace) != Some(b',') && !own_line {
                continue;
            }
            if *tried > self.allowed() {
                break;
            }
            let end = match Record::scan(&scanner, brace) {
                Ok(record) => {
                    let end = record.end as usize;
                    match after_text(window, end) {
                        None if !complete => return Found::More,
                        Some(b',' | b']') if record.likely => {
                            return Found::At(brace);
                        }
                        // Lines that the brackets were lost of.
                        Some(b'{') | None if record.likely && own_line => {
                            return Found::At(brace);
                        }
                        _ => end,
                    }
                }
                Err(Stop::Incomplete) if !complete => return Found::More,
                Err(Stop::Incomplete) => window.len(),
                Err(
                    Stop::Invalid(end)
                    | Stop::TooDeep(end)
                    | Stop::Newline(end)
                    | Stop::TooMany(end),
                ) => end,
            };
            *tried += (end - brace) as u64;
        }
        Found::Nothing
    }
}

/// What stands at `at` is no value: goes to the next sign of one.
fn next_sign(window: &[u8], at: usize) -> Found {
    let rest = window.get(at..).unwrap_or_default();
    match rest.iter().position(|byte| matches!(byte, b',' | b'{' | b'[' | b']')) {
        Some(length) => Found::At(at + length),
        None => Found::Nothing,
    }
}

/// Where the brackets close in `stretch`. A string cannot hold a line feed: where one seems to,
/// quotes were lost, and brackets tell nothing.
fn close_on_lines(
    brackets: &mut Brackets,
    stretch: &[u8],
    mut from: usize,
    lost: &mut bool,
) -> Option<usize> {
    loop {
        let rest = stretch.get(from..)?;
        let line = memchr::memchr(b'\n', rest).map_or(stretch.len(), |line_feed| from + line_feed);
        if let Some(end) = brackets.close(stretch.get(..line)?, from) {
            return Some(end);
        }
        if line == stretch.len() {
            return None;
        }
        if brackets.string {
            *lost = true;
            return None;
        }
        from = line + 1;
    }
}

/// The code and message for a value at `from` whose scan stopped.
pub(super) fn explain(stop: Stop, kind: &str, from: usize, limits: &Limits) -> (Code, String) {
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
    (window.get(line_start.checked_sub(1)?) == Some(&b'\n')).then_some(blanks)
}

/// The next line in `at..to` that begins with a brace so far in.
pub(super) fn next_at_indent(window: &[u8], at: usize, to: usize, indent: usize) -> Option<usize> {
    let lines = memchr::memchr_iter(b'\n', window.get(at..to)?);
    lines.map(|line_feed| at + line_feed + 1 + indent).find(|&brace| {
        window.get(brace) == Some(&b'{')
            && window
                .get(brace - indent..brace)
                .is_some_and(|blanks| blanks.iter().all(|byte| matches!(byte, b' ' | b'\t')))
    })
}
