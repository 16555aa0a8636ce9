//! Any bytes: the reader gives the same, to the byte, whatever instructions the machine has. The first
//! two bytes choose the limit and the size of a piece.

#![no_main]

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use nhn_cloudtrail::{Field, Item, Limits, Reader, use_level};

/// All that a reader gives, as text.
fn trace(mut reader: Reader) -> String {
    let mut trace = String::new();
    while let Some(item) = reader.next_item() {
        match item {
            Ok(Item::Event(event)) => {
                let (position, raw) = (event.position(), event.raw().escape_ascii());
                writeln!(trace, "{position:?} {raw} {:?}", event.problems()).unwrap();
                for field in Field::ALL {
                    writeln!(trace, "{field} {:?}", event.text(*field)).unwrap();
                }
            }
            Ok(Item::Reject(reject)) => writeln!(trace, "{reject:?}").unwrap(),
            Err(error) => writeln!(trace, "{error}").unwrap(),
        }
    }
    writeln!(trace, "{:?}", reader.stats()).unwrap();
    trace
}

fuzz_target!(|data: &[u8]| {
    let [limit, piece, text @ ..] = data else { return };
    let limits = match limit {
        0..128 => Limits::default(),
        _ => Limits::default().with_record_bytes(usize::from(*limit)).with_depth(4),
    };
    let piece = if *piece < 128 { 1 << 20 } else { usize::from(*piece) };
    // Text without blocks is read alike at every level: what there is of it is put in the midst.
    let text = [&b"{\"eventId\":\"first\"}\n"[..], text, &[b'\n'; 64]].concat();
    let [plain, avx2, avx512] = [1, 2, 3].map(|level| {
        use_level(level);
        trace(Reader::builder().limits(limits).piece(piece).from_bytes(text.clone()).unwrap())
    });
    assert_eq!(plain, avx2, "AVX2");
    assert_eq!(plain, avx512, "AVX-512");
});
