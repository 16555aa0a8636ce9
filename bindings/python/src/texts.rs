//! Text of records as Python's strings.

use std::cell::RefCell;

use nhn_cloudtrail::RawText;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// How many strings are remembered, and how long they may be.
const KNOWN: usize = 1024;
const LONGEST: usize = 48;
/// How much memory is kept for texts with escapes.
const KEPT: usize = 1 << 20;

/// Strings that were made lately: most fields have few values, and to find one again takes a quarter of
/// the time that it takes to make it.
#[derive(Default)]
struct Texts {
    known: Vec<Known>,
    decoded: Vec<u8>,
}

/// A text and its string, side by side: what is looked at lies in one line of the processor's cache.
#[repr(align(64))]
struct Known {
    length: u8,
    text: [u8; LONGEST],
    string: Option<Py<PyString>>,
}

impl Known {
    const NOTHING: Known = Known { length: 0, text: [0; LONGEST], string: None };
}

thread_local! {
    static TEXTS: RefCell<Texts> = RefCell::default();
}

/// A field as a string; none where there is none.
pub(crate) fn string<'py>(
    py: Python<'py>,
    text: RawText<'_>,
) -> PyResult<Option<Bound<'py, PyString>>> {
    match text {
        RawText::Absent => Ok(None),
        RawText::Plain(text) if text.len() <= LONGEST => {
            TEXTS.with_borrow_mut(|texts| texts.known(py, text)).map(Some)
        }
        RawText::Plain(text) => PyString::from_bytes(py, text).map(Some),
        text => TEXTS.with_borrow_mut(|texts| texts.decode(py, text)).map(Some),
    }
}

impl Texts {
    fn known<'py>(&mut self, py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
        if self.known.is_empty() {
            self.known.resize_with(KNOWN, || Known::NOTHING);
        }
        let known = self.known.get_mut(slot(text));
        if let Some(Known { length, text: known, string: Some(string) }) = &known
            && known.get(..usize::from(*length)) == Some(text)
        {
            return Ok(string.bind(py).clone());
        }
        let string = PyString::from_bytes(py, text)?;
        if let Some(known) = known
            && let Some(place) = known.text.get_mut(..text.len())
        {
            place.copy_from_slice(text);
            (known.length, known.string) = (text.len() as u8, Some(string.clone().unbind()));
        }
        Ok(string)
    }

    fn decode<'py>(
        &mut self,
        py: Python<'py>,
        text: RawText<'_>,
    ) -> PyResult<Bound<'py, PyString>> {
        self.decoded.clear();
        text.append_to(&mut self.decoded);
        let string = PyString::from_bytes(py, &self.decoded);
        self.decoded.shrink_to(KEPT);
        string
    }
}

/// Where a text is remembered: whoever makes texts meet there gains nothing but that each is made anew.
fn slot(text: &[u8]) -> usize {
    let word = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let (first, last) = match text.len() {
        0..8 => (text.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0),
        _ => (word(text.first_chunk()), word(text.last_chunk())),
    };
    let middle = text.get(text.len() / 2).copied().unwrap_or_default();
    let mixed = (first ^ last.rotate_left(23) ^ u64::from(middle) << 17 ^ text.len() as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 54) as usize
}
