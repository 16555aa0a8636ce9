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
            next_at_indent(window, at, to, self.indent().unwrap_or(0))
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
                let message = format!(
                    "{message}; where the next record begins cannot be told, so the rest is rejected with it"
                );
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
        let own_indent = self.indent();
        let from = at + 1;
        for offset in memchr::memchr_iter(b'{', window.get(from..to)?) {
            let brace = from + offset;
            if before_blanks(window, brace) != Some(b',')
                && (own_indent.is_none() || indent(window, brace) != own_indent)
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
