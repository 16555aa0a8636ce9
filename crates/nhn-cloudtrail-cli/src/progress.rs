//! How far a long input has been read, on a terminal that shows nothing else.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nhn_cloudtrail::Progress;

/// Short inputs are done before a bar would be of use.
const AFTER: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(100);

const KNOWN: &str = "{bar:24} {percent:>3} % of {total_bytes}, {binary_bytes_per_sec}, {eta} left";
const OPEN_ENDED: &str = "{spinner} {bytes}, {binary_bytes_per_sec}";

/// A bar that a thread of its own keeps up to date: where a filter leaves out everything, the
/// reader does not come back for a long time.
pub(crate) struct Bar(Option<Watch>);

struct Watch {
    bar: ProgressBar,
    /// Dropped when it is over.
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Shown only if standard error is a terminal. `quiet` where results go to a terminal too:
    /// a bar would run through them.
    pub(crate) fn new(progress: Progress, quiet: bool) -> Self {
        if quiet || !io::stderr().is_terminal() {
            return Self(None);
        }
        let total = progress.bytes_total();
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        let template = if total.is_some() { KNOWN } else { OPEN_ENDED };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let (over, waiting) = mpsc::channel();
        let drawn = bar.clone();
        let watch = move || {
            let mut pause = AFTER;
            while waiting.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                if pause == AFTER {
                    drawn.set_draw_target(ProgressDrawTarget::stderr());
                    pause = EVERY;
                }
                drawn.set_position(progress.bytes_read());
                drawn.tick();
            }
        };
        // Without a thread there is no bar, and nothing else is amiss.
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(watch).ok();
        Self(Some(Watch { bar, over: Some(over), thread }))
    }

    /// Does something that writes to standard error without the bar in its way.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        match &self.0 {
            Some(watch) => watch.bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let Some(watch) = &mut self.0 else { return };
        watch.over.take();
        if let Some(thread) = watch.thread.take() {
            let _ = thread.join();
        }
        watch.bar.finish_and_clear();
    }
}

/// A bar that whoever works tells how far it has come. Shown only if standard error is a terminal.
#[derive(Clone)]
pub(crate) struct Meter(ProgressBar);

impl Meter {
    pub(crate) fn new(template: &str) -> Self {
        let bar = match io::stderr().is_terminal() {
            true => ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(crate) fn show(&self, done: u64, total: u64, message: String) {
        self.0.set_length(total);
        self.0.set_message(message);
        self.0.set_position(done);
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_well_formed() {
        assert!(ProgressStyle::with_template(KNOWN).is_ok());
        assert!(ProgressStyle::with_template(OPEN_ENDED).is_ok());
    }
}
