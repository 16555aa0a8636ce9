//! How far a long input has been read, on a terminal that shows nothing else.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nhn_cloudtrail::Reader;

/// Short inputs are done before a bar would be of use.
const AFTER: Duration = Duration::from_millis(500);
/// How many items pass between two looks at the clock.
const ITEMS: u32 = 256;

pub(crate) struct Progress {
    shown: bool,
    began: Instant,
    items: u32,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shown only if standard error is a terminal. `quiet` where results go to a terminal too:
    /// a bar would run through them.
    pub(crate) fn new(quiet: bool) -> Self {
        let shown = !quiet && io::stderr().is_terminal();
        Self { shown, began: Instant::now(), items: 0, bar: None }
    }

    /// To be called for every item.
    pub(crate) fn tick(&mut self, reader: &Reader) {
        if !self.shown {
            return;
        }
        self.items = self.items.wrapping_add(1);
        if !self.items.is_multiple_of(ITEMS) || self.began.elapsed() < AFTER {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| bar(reader.bytes_total()));
        bar.set_position(reader.bytes_read());
        bar.set_message(crate::context::counted(reader.stats().records, "record"));
    }

    /// Does something that writes to standard error without the bar in its way.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = match total {
        Some(_) => {
            "{bar:24} {percent:>3} % of {total_bytes}, {binary_bytes_per_sec}, {eta} left, {msg}"
        }
        None => "{spinner} {bytes}, {binary_bytes_per_sec}, {msg}",
    };
    // A template that does not parse would be found by the test below.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
