//! Signals and progress while the core reads.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use nhn_cloudtrail::{Progress, Result};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::errors::exception_to_go_on;

/// Asks Python now and then whether the reading is to go on.
#[derive(Clone)]
pub(crate) struct Watch(Arc<State>);

struct State {
    /// Signals are handled, and exceptions raised, only where the reading was asked for.
    thread: ThreadId,
    raised: Mutex<Option<PyErr>>,
    /// What to tell of progress, and what ends the telling.
    tell: Option<(Py<PyAny>, Py<PyAny>)>,
    progress: OnceLock<Progress>,
}

impl Watch {
    /// `progress` is what the user gave: a callable, true for a bar, false or none.
    pub(crate) fn new(progress: Option<Bound<'_, PyAny>>) -> PyResult<Self> {
        static BEGIN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let tell = match progress {
            Some(progress) => {
                let begin = BEGIN.import(progress.py(), "nhn_cloudtrail._progress", "begin")?;
                begin.call1((progress,))?.extract()?
            }
            None => None,
        };
        Ok(Self(Arc::new(State {
            thread: thread::current().id(),
            raised: Mutex::new(None),
            tell,
            progress: OnceLock::new(),
        })))
    }

    /// Says where the progress is to be read.
    pub(crate) fn follow(&self, progress: Progress) {
        let _ = self.0.progress.set(progress);
    }

    /// For the core: whether the reading is to go on.
    pub(crate) fn goes_on(&self) -> bool {
        let here = self.0.thread == thread::current().id();
        if !here && self.0.tell.is_none() {
            return true;
        }
        let answer = Python::try_attach(|py| {
            if here {
                py.check_signals()?;
            }
            self.tell(py)
        });
        match answer {
            Some(Err(raised)) => {
                *self.0.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(raised);
                false
            }
            // Without an interpreter nobody wants it any more.
            answer => answer.is_some(),
        }
    }

    /// The exception that ended the reading.
    pub(crate) fn raised(&self) -> Option<PyErr> {
        self.0.raised.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends the telling; where all was read, with that.
    pub(crate) fn done(&self, py: Python<'_>, all: bool) -> PyResult<()> {
        let told = if all { self.tell(py) } else { Ok(()) };
        match &self.0.tell {
            Some((_, end)) => told.and(end.call0(py).map(drop)),
            None => told,
        }
    }

    /// What came of a reading, or the exception that ended it.
    pub(crate) fn finish<T>(&self, py: Python<'_>, came: Result<T>) -> PyResult<T> {
        let came =
            came.map_err(|error| self.raised().unwrap_or_else(|| exception_to_go_on(py, &error)));
        let told = self.done(py, came.is_ok());
        came.and_then(|came| told.map(|()| came))
    }

    fn tell(&self, py: Python<'_>) -> PyResult<()> {
        if let (Some((tell, _)), Some(progress)) = (&self.0.tell, self.0.progress.get()) {
            tell.call1(py, (progress.bytes_read(), progress.bytes_total()))?;
        }
        Ok(())
    }
}
