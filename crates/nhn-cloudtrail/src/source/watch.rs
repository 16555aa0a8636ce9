//! Reading that can be stopped, and that tells what a source says from what is said of its text.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Code, Error};

/// Asks whether the reading is to go on. Once it is not, it never is again.
#[derive(Clone, Default)]
pub(crate) struct Watch(Option<Arc<Asked>>);

struct Asked {
    goes_on: Box<dyn Fn() -> bool + Send + Sync>,
    stopped: AtomicBool,
}

impl Watch {
    pub(crate) fn new(goes_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(Asked { goes_on: Box::new(goes_on), stopped: AtomicBool::new(false) })))
    }

    pub(crate) fn goes_on(&self) -> bool {
        let Some(asked) = &self.0 else { return true };
        if asked.stopped.load(Ordering::Relaxed) {
            return false;
        }
        let goes_on = (asked.goes_on)();
        if !goes_on {
            asked.stopped.store(true, Ordering::Relaxed);
        }
        goes_on
    }

    /// What a reader says that was stopped.
    pub(crate) fn error() -> Error {
        Error::new(Code::Interrupted, "the reading was stopped")
    }

    /// Reads `source` as long as the reading goes on.
    pub(crate) fn over<R: Read>(&self, source: R) -> Watched<R> {
        Watched { source, watch: self.clone() }
    }
}

/// A source before it is decompressed.
pub(crate) struct Watched<R> {
    source: R,
    watch: Watch,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.watch.goes_on() {
            match self.source.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(io::Error::new(error.kind(), Unread(error))),
                read => return read,
            }
        }
        Err(io::Error::other(Unread(io::ErrorKind::Interrupted.into())))
    }
}

/// What a source said itself, and not who decompresses it.
#[derive(Debug)]
pub(crate) struct Unread(io::Error);

impl Unread {
    /// What the source said, or the error as it is where it was not the source.
    pub(crate) fn of(error: io::Error) -> Result<io::Error, io::Error> {
        error.downcast::<Unread>().map(|unread| unread.0)
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unread {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
