//! Text of records as Python's strings.

use std::borrow::Cow;
use std::cell::RefCell;

use nhn_cloudtrail::{RawText, Recent};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// How much memory is kept for texts with escapes.
const KEPT: usize = 1 << 20;

/// Strings that were made lately, and memory for texts with escapes.
#[derive(Default)]
struct Texts {
    recent: Recent<Py<PyString>>,
    decoded: Vec<u8>,
}

thread_local! {
    static TEXTS: RefCell<Texts> = RefCell::default();
}

/// Text without what a reader cannot see or a terminal would obey.
#[pyfunction(name = "_printable")]
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    nhn_cloudtrail::printable(text)
}

/// A field as a string; none where there is none.
pub(crate) fn string<'py>(
    py: Python<'py>,
    text: RawText<'_>,
) -> PyResult<Option<Bound<'py, PyString>>> {
    let make = |text: &[u8]| PyString::from_bytes(py, text);
    match text {
        RawText::Absent => Ok(None),
        RawText::Plain(text) => TEXTS.with_borrow_mut(|texts| {
            let string = texts.recent.get(text, |text| make(text).map(Bound::unbind))?;
            Ok(Some(string.bind(py).clone()))
        }),
        text => TEXTS.with_borrow_mut(|Texts { decoded, .. }| {
            decoded.clear();
            text.append_to(decoded);
            let string = make(decoded);
            decoded.shrink_to(KEPT);
            string.map(Some)
        }),
    }
}
