//! Any line: the reader takes from it what serde_json and the rules for lines take.

#![no_main]

#[path = "../../crates/nhn-cloudtrail/tests/naive/mod.rs"]
mod naive;

use libfuzzer_sys::fuzz_target;
use nhn_cloudtrail::{Item, Reader};

use naive::{Found, naive_line, trim};

fuzz_target!(|line: &[u8]| {
    // API answers and deep nesting have rules of their own.
    let nested = line.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    let is_answer =
        line.windows(4).any(|word| matches!(word, b"page" | b"head" | b"even" | b"cont" | b"hits" | b"\\u00"));
    if line.contains(&b'\n') || nested > 120 || is_answer {
        return;
    }
    let text = [&b"{\"eventId\":\"first\"}\n"[..], line, b"\n{\"eventId\":\"last\"}"].concat();
    let mut reader = Reader::from_bytes(text).unwrap();
    let mut found = Vec::new();
    while let Some(item) = reader.next_item() {
        found.push(match item.unwrap() {
            Item::Event(event) => (true, event.raw().to_vec()),
            Item::Reject(reject) => (false, trim(reject.raw()).to_vec()),
        });
    }
    found.pop();
    let Some(expected) = naive_line(line) else { return };
    let expected: Vec<(bool, Vec<u8>)> = expected
        .into_iter()
        .map(|item| match item {
            Found::Event(raw) => (true, raw.to_vec()),
            Found::Reject(raw) => (false, raw.to_vec()),
        })
        .collect();
    assert_eq!(found.get(1..).unwrap_or_default(), expected);
});
