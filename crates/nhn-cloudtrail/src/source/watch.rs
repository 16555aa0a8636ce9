//! Reading that can be stopped, and that tells what a source says from what is said of its text.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, Error};

/// Asks whether the reading is to go on. Once it is not, it never is again.
#[derive(Clone, Default)]
pub(crate) struct Watch(Option<Arc<Asked>>);

struct Asked {
    goes_on: Box<dyn Fn() -> bool + Send + Sync>,
    stopped: AtomicBool,
    /// When it was asked last.
    last: Mutex<Option<Instant>>,
}

/// How often it is asked.
const PAUSE: Duration = Duration::from_millis(50);

impl Watch {
    pub(crate) fn new(goes_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let (goes_on, stopped, last) =
            (Box::new(goes_on), AtomicBool::new(false), Mutex::new(None));
        Self(Some(Arc::new(Asked { goes_on, stopped, last })))
    }

    /// Whether the reading goes on, as far as was asked lately.
    pub(crate) fn goes_on(&self) -> bool {
        let Some(asked) = &self.0 else { return true };
        if asked.stopped.load(Ordering::Relaxed) {
            return false;
        }
        {
            let mut last = asked.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| last.elapsed() < PAUSE) {
                return true;
            }
            *last = Some(Instant::now());
        }
        self.goes_on_now()
    }

    /// Whether the reading goes on.
    pub(crate) fn goes_on_now(&self) -> bool {
        let Some(asked) = &self.0 else { return true };
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

impl Watch {
    /// Opens a file. That of a named pipe waits until somebody writes to it, unless the reading is
    /// to end.
    pub(crate) fn open(&self, path: &Path) -> io::Result<File> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;

            use rustix::fs::{Mode, OFlags, open};

            if std::fs::metadata(path).is_ok_and(|data| data.file_type().is_fifo()) {
                // The standard library would wait again after a signal.
                loop {
                    match open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
                        Err(rustix::io::Errno::INTR) if self.goes_on_now() => (),
                        opened => return Ok(opened?.into()),
                    }
                }
            }
        }
        File::open(path)
    }
}

/// A source before it is decompressed.
pub(crate) struct Watched<R> {
    source: R,
    watch: Watch,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut goes_on = self.watch.goes_on();
        while goes_on {
            match self.source.read(buffer) {
                // A signal has come.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    goes_on = self.watch.goes_on_now();
                }
                Err(error) => return Err(io::Error::new(error.kind(), Unread(error))),
                read => return read,
            }
        }
        Err(io::Error::other(Unread(io::ErrorKind::Interrupted.into())))
    }
}

impl<R> Watched<R> {
    pub(crate) fn into_inner(self) -> R {
        self.source
    }
}

/// What a source said itself, and not who decompresses it.
#[derive(Debug)]
pub(crate) struct Unread(io::Error);

impl Unread {
    /// An error of this library, to be reported unchanged.
    pub(crate) fn error(error: Error) -> io::Error {
        io::Error::other(Unread(io::Error::other(error)))
    }

    /// What the source said, or the error as it is where it was not the source.
    pub(crate) fn of(error: io::Error) -> Result<io::Error, io::Error> {
        error.downcast::<Unread>().map(|unread| unread.0)
    }

    /// What the source said: in the words of this library, where it is made by its means.
    pub(crate) fn told(error: io::Error, wrap: impl FnOnce(io::Error) -> Error) -> Error {
        error.downcast::<Error>().unwrap_or_else(wrap)
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
