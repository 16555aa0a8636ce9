//! Stretches of text that is line by line: between two lines the framer remembers nothing but how
//! far it has come, so another one can read them apart, and at the same time.

use std::sync::Arc;

use super::{Framer, Limits, Mode, RecordPath};

impl Framer {
    /// A framer that stands in the midst of text that is line by line, counting from there, at a
    /// byte.
    pub(in crate::reader) fn between_lines(
        limits: Limits,
        path: Option<Arc<RecordPath>>,
        byte: u64,
    ) -> Self {
        let framer = Self::new(limits, path);
        let (mode, base) = (Mode::Lines, byte);
        Self { mode, base, line_start: base, whole: true, holding: false, ..framer }
    }

    /// Whether the framer stands where another could go on, see
    /// [`between_lines`](Self::between_lines).
    pub(in crate::reader) fn is_between_lines(&self) -> bool {
        self.mode == Mode::Lines && self.skip.is_none() && self.whole && !self.holding
    }

    /// How many line feeds have been passed.
    pub(in crate::reader) fn lines_passed(&self) -> u64 {
        self.line - 1
    }

    /// What a record may take.
    pub(in crate::reader) fn limits(&self) -> Limits {
        self.limits
    }

    /// Goes on where another framer stands that has read on from here to the end of a line. Gives
    /// how far this one had come before.
    pub(in crate::reader) fn pass(&mut self, other: &Counts) -> Counts {
        let before = Counts { byte: self.base, lines: self.lines_passed(), records: self.number };
        self.base += other.byte;
        self.line += other.lines;
        self.number += other.records;
        self.line_start = self.base;
        self.fresh = true;
        self.retry = 0;
        before
    }
}

/// How far a framer has come.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::reader) struct Counts {
    pub(in crate::reader) byte: u64,
    pub(in crate::reader) lines: u64,
    pub(in crate::reader) records: u64,
}
