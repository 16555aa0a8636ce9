//! Text of records as JavaScript's strings.

use std::cell::RefCell;

use napi::JsString;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::RawText;

/// How much memory is kept for texts that had to be converted.
const KEPT: usize = 1 << 20;

/// Memory that is used again and again.
#[derive(Default)]
struct Scratch {
    decoded: Vec<u8>,
    wide: Vec<u16>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Text without what a reader cannot see or a terminal would obey.
#[napi]
pub fn printable(text: String) -> String {
    nhn_cloudtrail::printable(&text).into_owned()
}

/// A field as a string; none where there is none.
pub(crate) fn string<'env>(env: &'env Env, text: RawText<'_>) -> Result<Option<JsString<'env>>> {
    SCRATCH.with_borrow_mut(|Scratch { decoded, wide }| {
        let text = match text {
            RawText::Absent => return Ok(None),
            RawText::Plain(text) => text,
            text => {
                decoded.clear();
                text.append_to(decoded);
                &*decoded
            }
        };
        let string = create(env, text, wide);
        decoded.shrink_to(KEPT);
        string.map(Some)
    })
}

/// UTF-8 as a string.
pub(crate) fn of_utf8<'env>(env: &'env Env, text: &[u8]) -> Result<JsString<'env>> {
    SCRATCH.with_borrow_mut(|scratch| create(env, text, &mut scratch.wide))
}

/// V8 has two kinds of strings: made of bytes, which it copies as they are, and of UTF-16. It is slow to
/// find out which it is given, and slower to decode UTF-8.
fn create<'env>(env: &'env Env, text: &[u8], wide: &mut Vec<u16>) -> Result<JsString<'env>> {
    if text.is_ascii() {
        return env.create_string_latin1(text);
    }
    // A byte is a unit of UTF-16 at the most, and one is for the end.
    wide.resize(text.len() + 1, 0);
    let length = encoding_rs::mem::convert_utf8_to_utf16(text, wide);
    let string = env.create_string_utf16(wide.get(..length).unwrap_or_default());
    wide.clear();
    wide.shrink_to(KEPT);
    string
}
