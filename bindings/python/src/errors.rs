//! Errors of the core as the exceptions that `nhn_cloudtrail._errors` defines.

use std::error::Error as _;

use nhn_cloudtrail::{Code, Error, ErrorKind, Result, guarded};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// Runs `work` without the interpreter. A panic in it is an error like any other.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> Result<T> {
    py.detach(|| guarded(work))
}

/// The exception for an error.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    raised_in_python(py, error).unwrap_or_else(|| make(py, error, None))
}

/// The exception for an error that ends the reading, though it need not.
pub(crate) fn exception_to_go_on(py: Python<'_>, error: &Error) -> PyErr {
    raised_in_python(py, error).unwrap_or_else(|| make(py, error, to_go_on(error)))
}

/// How to go on after an error.
pub(crate) fn to_go_on(error: &Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::Record => {
            Some("on_error=\"skip\" leaves such records out, on_error=\"collect\" keeps them")
        }
        ErrorKind::Source | ErrorKind::Io => Some("on_error=\"skip\" goes on at the next source"),
        _ => None,
    }
}

/// The exception for an error about bytes in hand.
pub(crate) fn exception_of_parse(py: Python<'_>, error: &Error) -> PyErr {
    let hint = "on_error=\"skip\" leaves such records out, and read can keep them";
    let hint = (error.kind() == ErrorKind::Record).then_some(hint);
    raised_in_python(py, error).unwrap_or_else(|| make(py, error, hint))
}

/// Whether an error ends the reading whatever `on_error` says: it is none of the log's.
pub(crate) fn is_final(error: &Error) -> bool {
    matches!(error.code(), Code::Interrupted | Code::InvalidOption)
        // A bucket has more objects; a search has nothing after it.
        || (error.kind() == ErrorKind::Service && error.position().is_none())
        || cause_in_python(error).is_some()
}

/// The exception of Python's that an error came from, such as one of a file object.
fn raised_in_python(py: Python<'_>, error: &Error) -> Option<PyErr> {
    cause_in_python(error).map(|raised| raised.clone_ref(py))
}

fn cause_in_python(error: &Error) -> Option<&PyErr> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(raised) = error.downcast_ref::<PyErr>() {
            return Some(raised);
        }
        cause = match error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref()) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn make(py: Python<'_>, error: &Error, hint: Option<&str>) -> PyErr {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let position = error.position();
    // The place, the field and the cause stand in the text.
    let text = error.to_string();
    let arguments = (
        error.code().as_str(),
        match hint {
            Some(hint) => format!("{text}; {hint}"),
            None => text,
        },
        position.and_then(|position| position.source.as_deref()),
        position.map(|position| position.record).filter(|record| *record > 0),
        position.map(|position| position.line).filter(|line| *line > 0),
        position.filter(|place| place.record > 0 || place.byte > 0).map(|place| place.byte),
        error.field(),
    );
    let made =
        MAKE.import(py, "nhn_cloudtrail._errors", "make").and_then(|make| make.call1(arguments));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// Panics, to show what becomes of it.
#[pyfunction(name = "_panic")]
pub(crate) fn panic(py: Python<'_>) -> PyResult<()> {
    #[expect(clippy::panic, reason = "that is what it is for")]
    let panicked = detached(py, || panic!("on purpose"));
    panicked.map_err(|error| exception(py, &error))
}
