//! What is read of a source's splits, each apart, is what is read of the source.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the report")]

mod strategies;
#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::io::Write;
use std::path::Path;

use nhn_cloudtrail::{Code, Collect, Item, Reader, ReaderBuilder, Split, Stats};
use proptest::prelude::*;

/// What was read, in the order of its places.
#[derive(Debug, Default, PartialEq)]
struct Read {
    /// Source, byte, and what stands there.
    found: Vec<(String, u64, String)>,
    errors: Vec<String>,
    stats: Stats,
}

impl Read {
    fn add(&mut self, mut reader: Reader) {
        while let Some(item) = reader.next_item() {
            let (position, what) = match item {
                Ok(Item::Event(event)) => {
                    (event.position(), event.raw().escape_ascii().to_string())
                }
                Ok(Item::Reject(reject)) => {
                    let (code, length) = (reject.code(), reject.length());
                    let what = format!("{code} {length} {}", reject.raw().escape_ascii());
                    (reject.position().clone(), what)
                }
                Err(error) => {
                    self.errors.push(format!("{} {error}", error.code()));
                    continue;
                }
            };
            let source = position.source.as_deref().unwrap().to_owned();
            self.found.push((source, position.byte, what));
        }
        let stats = reader.stats();
        self.stats.records += stats.records;
        self.stats.events += stats.events;
        self.stats.rejects += stats.rejects;
        self.stats.filtered += stats.filtered;
        // Those of a batch come after its events.
        self.found.sort();
    }
}

/// Compares the two ways; gives how many splits there were.
fn check(name: &str, open: impl Fn() -> ReaderBuilder, source: &Path, bytes: u64) -> usize {
    let mut whole = Read::default();
    whole.add(open().open([source]).unwrap());
    let splits = open().splits([source], bytes).unwrap();
    let mut apart = Read::default();
    for split in &splits {
        apart.add(open().open_splits([split.clone()]).unwrap());
    }
    assert_eq!(apart, whole, "{name}: splits of {bytes}");
    let mut together = Read::default();
    together.add(open().open_splits(splits.clone()).unwrap());
    assert_eq!(together, whole, "{name}: splits of {bytes} in one reader");
    splits.len()
}

#[test]
fn every_case_reads_the_same_in_splits() {
    let mut cut = 0;
    for case in support::cases() {
        let size = std::fs::metadata(case.input()).map_or(0, |data| data.len());
        if size > 1 << 20 || case.options.dedup() {
            continue;
        }
        for bytes in [0, 1, 100, 333, 1000, 5000] {
            let open = || case.options.builder();
            cut += usize::from(check(&case.name, open, &case.input(), bytes) > 1);
        }
    }
    assert!(cut > 100, "only {cut} readings had several splits");
}

fn file(text: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    file
}

#[test]
fn only_plain_lines_are_cut() {
    let plain = "{\"eventId\":\"a\"}\n".repeat(100);
    let count = |text: &[u8]| {
        let file = file(text);
        Reader::builder().splits([file.path()], 300).unwrap().len()
    };
    assert_eq!(count(plain.as_bytes()), 6);
    assert_eq!(count(format!("\u{feff}\n{plain}").as_bytes()), 6);
    assert_eq!(count(format!("[{}]", plain.trim().replace('\n', ",\n")).as_bytes()), 1);
    assert_eq!(count(plain.replace(':', ":\n").as_bytes()), 1);
    // What a file is that does not begin with a record is known when all of it is.
    assert_eq!(count(format!("# a comment\n{plain}").as_bytes()), 1);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(plain.as_bytes()).unwrap();
    assert_eq!(count(&gzip.finish().unwrap()), 1);
    let refused = Reader::builder().splits(["-"], 300).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidOption);
}

/// A value that runs on over the end of its split cannot be read apart, and nobody takes what comes
/// after it for something else.
#[test]
fn values_over_the_end_of_a_split_are_an_error() {
    let line = "{\"eventId\":\"a\"}\n";
    let many = vec!["{\"eventId\":\"b\"}"; 17_000].join(",");
    let many = format!("[{many}\n,{many}]\n");
    let file = file(format!("{}{many}{}", line.repeat(10), line.repeat(10)).as_bytes());
    let splits = Reader::builder().splits([file.path()], 100_000).unwrap();
    assert!(splits.len() > 2);
    let mut codes = Vec::new();
    for split in splits {
        for event in Reader::builder().open_splits([split]).unwrap() {
            codes.extend(event.err().map(|error| error.code()));
        }
    }
    assert!(codes.contains(&Code::InvalidOption), "{codes:?}");
}

#[test]
fn positions_within_a_file_have_the_byte_alone() {
    let file = file("{\"eventId\":\"a\"}\nbroken\n".repeat(20).as_bytes());
    let splits = Reader::builder().splits([file.path()], 200).unwrap();
    let [first, second, ..] = splits.as_slice() else { panic!("{splits:?}") };
    assert!(first.is_numbered() && !second.is_numbered());
    let mut reader = Reader::builder().open_splits([second.clone()]).unwrap();
    let error = reader.find_map(Result::err).unwrap();
    let position = error.position().unwrap();
    assert_eq!((position.record, position.line), (0, 0));
    assert!(error.to_string().contains(&format!("(byte {})", position.byte)), "{error}");
    assert_eq!(position.byte % 23, 16);

    struct Nothing;
    impl Collect for Nothing {
        type Part = ();
        fn add(&mut self, _: &nhn_cloudtrail::Batch) {}
        fn finish(&mut self) {}
    }
    let reader = Reader::builder().open_splits([second.clone()]).unwrap();
    let part = reader.into_parts(1, || Nothing).next_part().unwrap().unwrap();
    assert_eq!(part.rejects[0].position(), position);
}

#[test]
fn a_file_that_grows_is_read_to_its_end() {
    let mut file = file("{\"eventId\":\"a\"}\n".repeat(20).as_bytes());
    let splits = Reader::builder().splits([file.path()], 100).unwrap();
    file.write_all(b"{\"eventId\":\"b\"}\n{\"eventId\":\"c\"}").unwrap();
    let again = splits.into_iter().map(|split| Split::new(split.path, split.bytes));
    assert_eq!(Reader::builder().open_splits(again).unwrap().count(), 22);
}

proptest! {
    #[test]
    fn lines_of_any_kind_read_the_same_in_splits(
        lines in prop::collection::vec(
            prop_oneof![
                8 => strategies::record(),
                1 => strategies::value(),
                1 => "[ -~\r]{0,40}",
            ],
            1..60,
        ),
        end in prop_oneof!["\n", "\r\n", "\n\n"],
        bytes in 1_u64..3000,
        piece in 1_usize..5000,
    ) {
        let file = file(lines.join(&end).as_bytes());
        check("lines", || Reader::builder().piece(piece), file.path(), bytes);
    }
}
