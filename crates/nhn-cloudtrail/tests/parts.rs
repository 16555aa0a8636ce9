//! What several threads read, part by part, is what one reader reads.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod strategies;
#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::io::{self, Cursor, Write};

use nhn_cloudtrail::{Batch, Collect, Column, Reader, ReaderBuilder, catalog::Lang};
use proptest::prelude::*;

/// Keeps each event as its number and its flat form with the record's bytes.
#[derive(Default)]
struct Lines(Vec<(u64, String)>);

impl Collect for Lines {
    type Part = Vec<(u64, String)>;

    fn add(&mut self, events: &Batch) {
        for event in events.iter() {
            let mut line = Vec::new();
            event.enrich().write_json(Column::standard(), Lang::Ko, &mut line);
            let line = String::from_utf8(line).unwrap();
            let raw = event.raw().escape_ascii();
            self.0.push((event.position().record, format!("{line} {raw}")));
        }
    }

    fn finish(&mut self) -> Self::Part {
        std::mem::take(&mut self.0)
    }
}

/// All that was read: events, rejects, errors, counts.
#[derive(Debug, Default, PartialEq)]
struct Read {
    events: Vec<(u64, String)>,
    rejects: Vec<String>,
    errors: Vec<String>,
    stats: String,
}

fn in_order(mut reader: Reader) -> Read {
    let mut read = Read::default();
    while let Some(item) = reader.next_item() {
        match item {
            Ok(nhn_cloudtrail::Item::Event(event)) => {
                let mut line = Vec::new();
                event.enrich().write_json(Column::standard(), Lang::Ko, &mut line);
                let line = String::from_utf8(line).unwrap();
                let raw = event.raw().escape_ascii();
                read.events.push((event.position().record, format!("{line} {raw}")));
            }
            Ok(nhn_cloudtrail::Item::Reject(reject)) => read.rejects.push(format!("{reject:?}")),
            Err(error) => read.errors.push(error.to_string()),
        }
    }
    read.stats = format!("{:?}", reader.stats());
    read
}

/// What the parts hold, and how many there were.
fn in_parts(reader: Reader, threads: usize) -> (Read, usize) {
    let mut parts = reader.into_parts(threads, Lines::default);
    let mut read = Read::default();
    let mut count = 0;
    while let Some(part) = parts.next_part() {
        match part {
            Ok(part) => {
                count += 1;
                for (index, (number, line)) in part.value.into_iter().enumerate() {
                    if part.keep.as_ref().is_none_or(|keep| keep[index]) {
                        read.events.push((number + part.records_before, line));
                    }
                }
                read.rejects.extend(part.rejects.iter().map(|reject| format!("{reject:?}")));
            }
            Err(error) => read.errors.push(error.to_string()),
        }
    }
    read.stats = format!("{:?}", parts.stats());
    (read, count)
}

fn check(name: &str, open: impl Fn() -> ReaderBuilder, reader: impl Fn(ReaderBuilder) -> Reader) {
    let expected = in_order(reader(open()));
    for piece in [1, 7, 64, 997, 256 << 10] {
        let mut first = None;
        for threads in [1, 2, 3] {
            let (read, count) = in_parts(reader(open().piece(piece)), threads);
            assert_eq!(read, expected, "{name}: pieces of {piece}, {threads} threads");
            assert_eq!(
                *first.get_or_insert(count),
                count,
                "{name}: pieces of {piece}, {threads} threads, more parts"
            );
        }
    }
}

#[test]
fn every_case_reads_the_same_in_parts() {
    for case in support::cases() {
        let size = std::fs::metadata(case.input()).map_or(0, |data| data.len());
        if size > 1 << 20 {
            continue;
        }
        check(
            &case.name,
            || case.options.builder(),
            |builder| builder.open([case.input()]).unwrap(),
        );
        let Ok(bytes) = std::fs::read(case.input()) else { continue };
        check(
            &case.name,
            || case.options.builder(),
            |builder| builder.from_bytes(bytes.clone()).unwrap(),
        );
    }
}

#[test]
fn lines_too_large_to_be_read_apart_cost_nothing() {
    let plain = r#"{"eventId":"a","region":"KR1"}"#;
    let many = format!("[{}]", vec!["{\"eventId\":\"b\"}"; 17_000].join(","));
    let text = [plain, plain, &many, plain, "no record", plain, &many, plain].join("\n");
    check("arrays of many records", Reader::builder, |builder| {
        builder.from_bytes(text.clone()).unwrap()
    });
    check("the same from a stream", Reader::builder, |builder| {
        builder.from_reader(Cursor::new(text.clone())).unwrap()
    });
}

#[test]
fn damage_ends_the_source_where_it_stands() {
    let line = "{\"eventId\":\"a\",\"request\":\"some text that takes room\"}\n";
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    for _ in 0..5000 {
        packer.write_all(line.as_bytes()).unwrap();
    }
    let mut packed = packer.finish().unwrap();
    packed.truncate(packed.len() / 2);
    check("cut gzip", Reader::builder, |builder| builder.from_bytes(packed.clone()).unwrap());
}

/// A stream that gives some text and then fails.
struct Failing(Cursor<Vec<u8>>);

impl io::Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::from_raw_os_error(5)),
            count => Ok(count),
        }
    }
}

#[test]
fn a_failing_stream_is_an_error_after_what_it_gave() {
    let text = "{\"eventId\":\"a\"}\n".repeat(1000) + "{\"eventId\":";
    check("failing", Reader::builder, |builder| {
        builder.from_reader(Failing(Cursor::new(text.clone().into_bytes()))).unwrap()
    });
}

#[test]
fn a_panic_is_an_error() {
    struct Panics;
    impl Collect for Panics {
        type Part = ();
        fn add(&mut self, _: &Batch) {
            panic!("on purpose");
        }
        fn finish(&mut self) {}
    }
    let reader = Reader::from_bytes("{\"eventId\":\"a\"}\n".repeat(10)).unwrap();
    let mut parts = reader.into_parts(2, || Panics);
    let error = parts.next_part().unwrap().unwrap_err();
    assert_eq!(error.code(), nhn_cloudtrail::Code::Panic);
    assert!(parts.next_part().is_none());
}

/// A line: mostly a record, now and then something else.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => strategies::record(),
        1 => Just(String::new()),
        1 => Just("no record".to_owned()),
        1 => Just("[1,2]".to_owned()),
        1 => Just("{\"eventId\":\"x\"".to_owned()),
        1 => prop::collection::vec(strategies::record(), 0..4)
            .prop_map(|records| format!("[{}]", records.join(","))),
        1 => (strategies::record(), strategies::record()).prop_map(|(a, b)| format!("{a} {b}")),
        1 => Just("{\"header\":{\"isSuccessful\":true},\"page\":{\"content\":[{\"eventId\":\"y\"}]}}".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn lines_read_the_same_in_parts(
        lines in prop::collection::vec(line(), 0..40),
        dedup in any::<bool>(),
        windows in any::<bool>(),
        end in any::<bool>(),
        threads in 1..4usize,
        piece in prop_oneof![1..100usize, Just(256 << 10)],
    ) {
        let mut text = lines.join(if windows { "\r\n" } else { "\n" });
        if end {
            text.push('\n');
        }
        let expected = in_order(Reader::builder().dedup(dedup).from_bytes(text.clone()).unwrap());
        let builder = Reader::builder().dedup(dedup).piece(piece);
        let (read, _) = in_parts(builder.from_reader(Cursor::new(text)).unwrap(), threads);
        prop_assert_eq!(read, expected);
    }
}
