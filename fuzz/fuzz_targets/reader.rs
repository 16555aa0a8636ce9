//! Any bytes: the reader never panics, its counts add up, its places are right, and pieces of any
//! size give what the whole gives. The first two bytes choose the limit and the size of a piece.

#![no_main]

use std::fmt::Write;
use std::io::Read;

use libfuzzer_sys::fuzz_target;
use nhn_cloudtrail::{Item, Limits, Reader};

struct OneByteAtATime(std::vec::IntoIter<u8>);

impl Read for OneByteAtATime {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match (self.0.next(), buffer.first_mut()) {
            (Some(byte), Some(slot)) => {
                *slot = byte;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

/// All that a reader gives, as text. `text` is what it reads, where that is not compressed.
fn trace(mut reader: Reader, text: Option<&[u8]>) -> String {
    let mut trace = String::new();
    let (mut end, mut items) = (0, 0);
    while let Some(item) = reader.next_item() {
        let (position, raw, length, what) = match item {
            Ok(Item::Event(event)) => {
                let what = format!("{event:?} {:?} {}", event.problems(), event.key());
                (event.position(), event.raw().to_vec(), event.raw().len() as u64, what)
            }
            Ok(Item::Reject(reject)) => {
                let what = format!("{} {}", reject.code(), reject.message());
                (reject.position().clone(), reject.raw().to_vec(), reject.length(), what)
            }
            Err(error) => {
                writeln!(trace, "{} {error}", error.code()).unwrap();
                continue;
            }
        };
        items += 1;
        assert_eq!(position.record, items);
        if let Some(text) = text {
            let begin = position.byte as usize;
            assert!(position.byte >= end, "{position:?} overlaps what ends at {end}");
            assert_eq!(raw, &text[begin..begin + raw.len()]);
            let line = text[..begin].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            assert_eq!(position.line, line, "{position:?}");
            end = position.byte + length;
        }
        writeln!(trace, "{position:?} {length} {} {what}", raw.escape_ascii()).unwrap();
    }
    let stats = reader.stats();
    assert_eq!(stats.records, stats.events + stats.rejects + stats.duplicates);
    assert_eq!(stats.records, items);
    trace
}

fuzz_target!(|data: &[u8]| {
    let [limit, piece, text @ ..] = data else { return };
    let limits = match limit {
        0..128 => Limits::default(),
        _ => Limits::default().with_record_bytes(usize::from(*limit)).with_depth(4),
    };
    let piece = usize::from(*piece).max(1);
    let gzip = text.starts_with(&[0x1f, 0x8b]);
    let zstd = matches!(text, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    let builder = || Reader::builder().limits(limits);
    let whole = builder().piece(1 << 20).from_bytes(text).unwrap();
    let whole = trace(whole, (!gzip && !zstd).then_some(text));
    if zstd {
        // How much is read before damage inside a frame is up to the library and the pieces.
        return;
    }
    let pieces = trace(builder().piece(piece).from_bytes(text).unwrap(), None);
    assert_eq!(whole, pieces, "pieces of {piece}");
    let stream = OneByteAtATime(text.to_vec().into_iter());
    let trickle = trace(builder().piece(piece).from_reader(stream).unwrap(), None);
    assert_eq!(whole, trickle, "a stream, pieces of {piece}");
});
