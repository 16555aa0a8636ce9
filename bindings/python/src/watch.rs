//! Signals and progress while the core reads.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use nhn_cloudtrail::Progress;
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError, PyStopIteration};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::errors::exception_to_go_on;

type Telling = (Py<PyAny>, Py<PyAny>);

/// Asks Python now and then whether the reading is to go on.
#[derive(Clone)]
pub(crate) struct Watch(Arc<State>);

struct State {
    /// Signals are handled, and exceptions raised, only where the reading was asked for.
    thread: ThreadId,
    raised: Mutex<Option<PyErr>>,
    /// What to tell of progress, and what ends the telling.
    tell: Mutex<Option<Telling>>,
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
            tell: Mutex::new(tell),
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
        if !here && self.telling().is_none() {
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
                self.stop(Python::attach(|py| no_stop(py, raised)));
                false
            }
            // Without an interpreter nobody wants it any more.
            answer => answer.is_some(),
        }
    }

    /// Keeps an exception that ends the reading.
    pub(crate) fn stop(&self, raised: PyErr) {
        *self.0.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(raised);
    }

    /// Whether there is one.
    pub(crate) fn is_stopped(&self) -> bool {
        self.0.raised.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The exception that ended the reading.
    pub(crate) fn raised(&self) -> Option<PyErr> {
        self.0.raised.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends the telling; where all was read, with that.
    pub(crate) fn done(&self, py: Python<'_>, all: bool) -> PyResult<()> {
        let told = if all { self.tell(py) } else { Ok(()) };
        // It may hold on to who asked, who holds on to this.
        let telling = self.telling().take();
        match telling {
            Some((_, end)) => told.and(end.call0(py).map(drop)),
            None => told,
        }
    }

    /// Has a Ctrl-C that ended the reading come again, for whoever cannot be handed an exception.
    pub(crate) fn interrupt_again(&self) {
        Python::try_attach(|py| {
            let raised = self.raised();
            if raised.is_some_and(|raised| raised.is_instance_of::<PyKeyboardInterrupt>(py)) {
                let again = py.import("signal").and_then(|signal| {
                    signal.call_method1("raise_signal", (signal.getattr("SIGINT")?,))
                });
                // What it raises now would be lost as well.
                let _ = again;
            }
        });
    }

    fn telling(&self) -> MutexGuard<'_, Option<Telling>> {
        self.0.tell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the garbage collector what this holds on to.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(telling) = self.0.tell.try_lock()
            && let Some((tell, end)) = &*telling
        {
            visit.call(tell)?;
            visit.call(end)?;
        }
        Ok(())
    }

    /// Lets go of it.
    pub(crate) fn clear(&self) {
        let telling = self.telling().take();
        drop(telling);
    }

    /// What came of a reading, or the exception that ended it.
    pub(crate) fn finish<T>(&self, py: Python<'_>, came: nhn_cloudtrail::Result<T>) -> PyResult<T> {
        let came =
            came.map_err(|error| self.raised().unwrap_or_else(|| exception_to_go_on(py, &error)));
        let told = self.done(py, came.is_ok());
        came.and_then(|came| told.map(|()| came))
    }

    fn tell(&self, py: Python<'_>) -> PyResult<()> {
        // Not under the lock: it may ask for anything.
        let tell = self.telling().as_ref().map(|(tell, _)| tell.clone_ref(py));
        if let (Some(tell), Some(progress)) = (tell, self.0.progress.get()) {
            tell.call1(py, (progress.bytes_read(), progress.bytes_total()))?;
        }
        Ok(())
    }
}

/// An exception as it is; that which would end an iteration as one that does not.
pub(crate) fn no_stop(py: Python<'_>, raised: PyErr) -> PyErr {
    if !raised.is_instance_of::<PyStopIteration>(py) {
        return raised;
    }
    let error = PyRuntimeError::new_err("StopIteration was raised while the log was read");
    error.set_cause(py, Some(raised));
    error
}
