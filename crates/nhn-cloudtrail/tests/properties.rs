//! What holds for every input: nothing is lost, counts add up, and what is read depends on the text
//! alone, not on its shape nor on the pieces that it came in.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

mod strategies;
#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::fs;
use std::io::{self, Read, Write};

use nhn_cloudtrail::{Code, Reader, parse};
use proptest::prelude::*;
use proptest::sample::Index;

use support::{Options, Reading};

/// A stream that gives a few bytes at a time, and has none at hand every other time.
struct Trickle {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
    waits: bool,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.waits = !self.waits;
        if self.waits {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(self.step).min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

fn read_whole(bytes: &[u8], options: &Options) -> Reading {
    support::read(options.builder().piece(1 << 20).from_bytes(bytes).unwrap(), options)
}

/// Reads bytes in hand `piece` at a time.
fn read_in_pieces(bytes: &[u8], options: &Options, piece: usize) -> Reading {
    support::read(options.builder().piece(piece).from_bytes(bytes).unwrap(), options)
}

/// Reads a stream that gives `step` bytes at a time, asking for `piece`.
fn read_trickling(bytes: &[u8], options: &Options, piece: usize, step: usize) -> Reading {
    let stream = Trickle { bytes: bytes.to_vec(), at: 0, step, waits: false };
    support::read(options.builder().piece(piece).from_reader(stream).unwrap(), options)
}

/// Panics where the two differ, with the first line that does.
fn assert_same(whole: &Reading, pieces: &Reading, how: &str) {
    if whole.trace == pieces.trace {
        return;
    }
    let mut theirs = pieces.trace.lines();
    for line in whole.trace.lines() {
        let other = theirs.next().unwrap_or("nothing");
        assert_eq!(line, other, "{how}: the whole (left) and the pieces (right) differ");
    }
    panic!("{how}: the pieces gave more: {:?}", theirs.next());
}

#[test]
fn every_case_reads_the_same_in_pieces() {
    for case in support::cases() {
        let Ok(bytes) = fs::read(case.input()) else { continue };
        let whole = read_whole(&bytes, &case.options);
        // A long value costs a scan for each piece that it comes in.
        let least = if bytes.len() > 4096 { 997 } else { 1 };
        for piece in [1, 2, 3, 4, 5, 7, 8, 11, 16, 23, 61, 128, 997, 4099] {
            if piece < least {
                continue;
            }
            let how = format!("{}, pieces of {piece}", case.name);
            assert_same(&whole, &read_in_pieces(&bytes, &case.options, piece), &how);
            for step in [1, 2, 3, 7, piece] {
                if step >= least && step <= piece {
                    let how = format!("{how}, {step} at a time");
                    assert_same(&whole, &read_trickling(&bytes, &case.options, piece, step), &how);
                }
            }
        }
    }
}

#[test]
fn every_case_of_text_has_its_places_right() {
    for case in support::cases() {
        let Ok(bytes) = fs::read(case.input()) else { continue };
        let compressed = matches!(
            bytes.as_slice(),
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]
        );
        if !compressed {
            check_places(&bytes, &case.options, &case.name);
        }
    }
}

/// Counts add up; items come in the order of the text, each with the bytes that stand at its place,
/// none over another.
fn check_places(text: &[u8], options: &Options, name: &str) {
    let Reading { events, rejects, errors, stats, .. } = read_whole(text, options);
    assert_eq!(stats.records, stats.events + stats.rejects + stats.duplicates, "{name}");
    assert_eq!(stats.events, events.len() as u64, "{name}");
    assert_eq!(stats.rejects, rejects.len() as u64, "{name}");
    assert!(stats.conflicts <= stats.events, "{name}");
    assert!(errors.len() <= 1, "{name}: one input, {} errors", errors.len());
    let events = events
        .iter()
        .map(|event| (event.position(), event.raw().to_vec(), event.raw().len() as u64));
    let rejects = rejects
        .iter()
        .map(|reject| (reject.position().clone(), reject.raw().to_vec(), reject.length()));
    let mut items: Vec<_> = events.chain(rejects).collect();
    items.sort_by_key(|(position, ..)| position.record);
    let (mut end, mut number) = (0, 0);
    for (position, raw, length) in items {
        let begin = position.byte as usize;
        assert!(position.record > number, "{name}: numbers rise at {position:?}");
        if stats.duplicates == 0 && stats.filtered == 0 {
            assert_eq!(position.record, number + 1, "{name}: no number is left out");
        }
        // A record that was made of a string's text, or of the flat form, is there in other words.
        let there = &text[begin..];
        let flat = || there.windows(6).any(|key| matches!(key, b"event_" | b"eventN"));
        if !there.starts_with(&raw) && (there.first() == Some(&b'"') || flat()) {
            (end, number) = (end.max(position.byte), position.record);
            continue;
        }
        assert!(position.byte >= end, "{name}: {position:?} overlaps what ends at {end}");
        assert_eq!(raw, &text[begin..begin + raw.len()], "{name}: {position:?}");
        assert!(length >= raw.len() as u64 && begin as u64 + length <= text.len() as u64, "{name}");
        let line = text[..begin].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        assert_eq!(position.line, line, "{name}: {position:?}");
        (end, number) = (position.byte + length, position.record);
    }
}

/// A change to an input.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let token = prop::sample::select(
        &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            "\n",
            "\r\n",
            " ",
            "null",
            "1",
            "x",
            "{}",
            "[]",
            "\n{",
            "}\n",
            "{\"eventId\":\"x\"}",
            "\n{\"eventId\":\"x\"}\n",
            ",{\"eventId\":\"x\"}",
            "\u{feff}",
            "\0",
            "{\"header\":{\"isSuccessful\":true},\"page\":{\"content\":[",
            "]}}",
            "\"page\":{",
            "\"content\":[",
            "\"eventId\":",
            "{\"header\":{\"isSuccessful\":false}}",
        ][..],
    );
    prop_oneof![
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        4 => (any::<Index>(), token).prop_map(|(at, text)| Change::Insert(at, text.into())),
        2 => (any::<Index>(), 1..6usize).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (any::<Index>(), 1..60usize).prop_map(|(at, count)| Change::Repeat(at, count)),
        1 => any::<Index>().prop_map(Change::Cut),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let length = bytes.len();
    let range = |at: &Index, count: usize| {
        let from = at.index(length + 1);
        from..(from + count).min(length)
    };
    match change {
        Change::Set(at, byte) if length > 0 => bytes[at.index(length)] = *byte,
        Change::Set(..) => (),
        Change::Insert(at, text) => {
            let from = at.index(length + 1);
            bytes.splice(from..from, text.iter().copied());
        }
        Change::Remove(at, count) => drop(bytes.drain(range(at, *count))),
        Change::Repeat(at, count) => {
            let again = bytes[range(at, *count)].to_vec();
            let to = at.index(length + 1);
            bytes.splice(to..to, again);
        }
        Change::Cut(at) => bytes.truncate(at.index(length + 1)),
    }
}

/// An input of one of the cases, changed, with the case's options.
fn changed_case() -> impl Strategy<Value = (String, Vec<u8>, Options)> {
    let cases: Vec<(String, Vec<u8>, Options)> = support::cases()
        .into_iter()
        .filter_map(|case| Some((fs::read(case.input()).ok()?, case)))
        .filter(|(bytes, _)| bytes.len() < 4096)
        .map(|(bytes, case)| (case.name, bytes, case.options))
        .collect();
    let changes = prop::collection::vec(change(), 1..5);
    (any::<Index>(), changes).prop_map(move |(index, changes)| {
        let (name, mut bytes, options) = cases[index.index(cases.len())].clone();
        for change in &changes {
            apply(&mut bytes, change);
        }
        (name, bytes, options)
    })
}

/// Text of the tokens of JSON in any order, which gets further than random bytes do.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(change(), 1..40).prop_map(|changes| {
        let mut bytes = Vec::new();
        for change in &changes {
            if matches!(change, Change::Insert(..) | Change::Repeat(..)) {
                apply(&mut bytes, change);
            }
        }
        bytes
    })
}

fn pretty(record: &str) -> String {
    let (mut out, mut depth, mut in_string, mut escaped) = (String::new(), 0, false, false);
    for c in record.chars() {
        if in_string {
            out.push(c);
            (in_string, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        let line = |depth: usize| format!("\n{}", "  ".repeat(depth));
        match c {
            '{' | '[' => {
                depth += 1;
                out.push(c);
                out += &line(depth);
            }
            '}' | ']' => {
                depth -= 1;
                out += &line(depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                out += &line(depth);
            }
            _ => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The same records in every shape, with its name.
fn shapes(records: &[String]) -> Vec<(&'static str, Vec<u8>)> {
    const HEADER: &str =
        r#""header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"}"#;
    let lines = records.join("\n") + "\n";
    let pretty: Vec<String> = records.iter().map(|record| pretty(record)).collect();
    let answer = format!("{{{HEADER},\"page\":{{\"content\":[{}]}}}}", records.join(","));
    let pages = records.chunks(2).map(|page| {
        let content = page.join(",");
        format!("{{\"page\":{{\"number\":0,\"content\":[{content}],\"last\":false}},{HEADER}}}\n")
    });
    let (front, back) = lines.as_bytes().split_at(lines.len() / 3);
    vec![
        ("CRLF", records.join("\r\n").into()),
        ("blank lines", (String::from("\n\n") + &records.join("\n \n\n")).into()),
        ("several on a line", records.concat().into()),
        ("byte-order mark", (String::from("\u{feff}") + &lines).into()),
        ("array", format!("[{}]", records.join(",")).into()),
        ("array, a record a line", format!("[\n{}\n]\n", records.join(",\n")).into()),
        ("pretty objects", pretty.join("\n").into()),
        ("pretty array", format!("[\n{}\n]", pretty.join(",\n")).into()),
        ("answer", answer.clone().into()),
        ("pages on lines", pages.clone().collect::<String>().into()),
        (
            "pages one after the other",
            pages.map(|page| page.trim().to_owned()).collect::<String>().into(),
        ),
        ("gzip", gzip(lines.as_bytes())),
        ("gzip, two members", [gzip(front), gzip(back)].concat()),
        ("gzip, answer", gzip(answer.as_bytes())),
        ("zstd", zstd::encode_all(lines.as_bytes(), 1).unwrap()),
        ("lines", lines.into()),
    ]
}

fn flats(bytes: &[u8]) -> Vec<String> {
    let options = Options::default();
    let Reading { events, trace, stats, .. } = read_whole(bytes, &options);
    assert_eq!(stats.rejects, 0, "{trace}");
    events.iter().map(|event| options.flat(event)).collect()
}

/// Records, whole and broken, each with `@` where its marker is to be.
const MARKED: &[&str] = &[
    r#"{"eventId":"@"}"#,
    r#"{"eventId":"@"}"#,
    r#"{"shard":7,"userId":"@","eventTime":"2026-10-31T01:02:03Z"}"#,
    r#"{"eventLogUuid":"1","request":"{\"eventId\":\"@\"}","more":[{"eventId":"2"}]}"#,
    r#"{"eventId":"@","x":NaN}"#,
    r#"{"eventId":"@",x}"#,
    r#"{"eventId":"@""#,
    r#"{"eventId":"@"}}"#,
    r#"{"eventId":"@","x":["#,
    "{\n  \"eventId\": \"@\"\n}",
    r#"{"event_id":"@","extra":{"eventTime":"x"}}"#,
];

/// Text around records, `@` where they are to be, separated by commas.
const AROUND: &[&str] = &[
    "[@]",
    "[\n@\n]",
    r#"{"content":[@]}"#,
    r#"{"page":{"content":[@],"last":true},"header":{"isSuccessful":true}}"#,
    r#"{"header":{"isSuccessful":false,"resultCode":1},"page":{"content":[@]}}"#,
    r#"{"took":1,"hits":{"total":{"value":1},"hits":[@]}}"#,
    r#"{"a":{"b":[1,{"c":2}]},"Records":[@,3]}"#,
    r#"{"body":{"data":{"list":[@]}},"status":200}"#,
    r#"{"page":{"content":[@"#,
    r#"{"page":{"content":[@],"number":oops}}"#,
    "[@",
];

/// Text with markers, and how many there are.
fn marked() -> impl Strategy<Value = (String, usize)> {
    #[derive(Clone, Debug)]
    enum Node {
        Record(&'static str),
        Text(Box<Node>),
        Around(&'static str, Vec<Node>),
    }

    fn write(node: &Node, count: &mut usize) -> String {
        match node {
            Node::Record(record) => {
                *count += 1;
                record.replace('@', &format!("<<{count}>>"))
            }
            Node::Text(inner) => {
                let text = serde_json::to_string(&write(inner, count)).unwrap();
                format!("{{\"stream\":\"stdout\",\"log\":{text}}}")
            }
            Node::Around(around, inner) => {
                let inner: Vec<String> = inner.iter().map(|node| write(node, count)).collect();
                around.replace('@', &inner.join(","))
            }
        }
    }

    let leaf = prop::sample::select(MARKED).prop_map(Node::Record);
    let node = leaf.prop_recursive(3, 12, 4, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            1 => inner.prop_map(|node| Node::Text(Box::new(node))),
            4 => (prop::sample::select(AROUND), some).prop_map(|(around, nodes)| Node::Around(around, nodes)),
        ]
    });
    let junk = prop::sample::select(
        &["", "", "", "text\n", "\u{feff}", "\0\0", "{x}\n", "{}\n", "\n"][..],
    );
    prop::collection::vec((junk, node, prop::bool::weighted(0.9)), 1..5).prop_map(|values| {
        let (mut text, mut count) = (String::new(), 0);
        for (junk, node, line) in values {
            text += junk;
            text += &write(&node, &mut count);
            text += if line { "\n" } else { "" };
        }
        (text, count)
    })
}

/// Twice the usual number of cases; a failure is shown, not written beside the sources: it becomes a
/// golden case.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases * 2, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn changed_cases_read_the_same_in_pieces(
        (name, bytes, options) in changed_case(),
        piece in 1..40usize,
        step in 1..40usize,
    ) {
        // Of a damaged zstd frame a long read gives less than short ones do: what was decompressed
        // in the call that meets the damage is lost in the library.
        prop_assume!(!bytes.starts_with(b"\x28\xb5\x2f\xfd"));
        let whole = read_whole(&bytes, &options);
        let how = format!("{name} {} pieces of {piece} step {step}", bytes.escape_ascii());
        assert_same(&whole, &read_in_pieces(&bytes, &options, piece), &how);
        assert_same(&whole, &read_trickling(&bytes, &options, piece, step), &how);
    }

    #[test]
    fn changed_cases_have_their_places_right((name, bytes, options) in changed_case()) {
        if !matches!(bytes.as_slice(), [0x1f, 0x8b, ..] | [0x28, 0xb5, ..] | [0x50..=0x5f, 0x2a, ..]) {
            check_places(&bytes, &options, &format!("{name} {}", bytes.escape_ascii()));
        }
    }

    #[test]
    fn soup_reads_the_same_in_pieces(bytes in soup(), piece in 1..9usize, bound in 20..200usize) {
        let options: Options =
            serde_json::from_str(&format!("{{\"limits\":{{\"record_bytes\":{bound},\"depth\":4}}}}")).unwrap();
        let how = format!("{} pieces of {piece} limit {bound}", bytes.escape_ascii());
        check_places(&bytes, &options, &how);
        assert_same(&read_whole(&bytes, &options), &read_in_pieces(&bytes, &options, piece), &how);
        assert_same(&read_whole(&bytes, &options), &read_trickling(&bytes, &options, piece, 1), &how);
    }

    /// The text of each record is in an event or in a reject, or the whole input is an error.
    #[test]
    fn no_marker_is_lost((text, count) in marked(), piece in 1..60usize) {
        let options = Options::default();
        let reading = read_whole(text.as_bytes(), &options);
        assert_same(&reading, &read_in_pieces(text.as_bytes(), &options, piece), &text);
        let stats = reading.stats;
        prop_assert_eq!(stats.records, stats.events + stats.rejects + stats.duplicates);
        let mut seen = String::new();
        for event in &reading.events {
            seen += std::str::from_utf8(event.raw()).unwrap();
        }
        for reject in &reading.rejects {
            seen += &String::from_utf8_lossy(reject.raw());
        }
        for marker in 1..=count {
            let found = seen.contains(&format!("<<{marker}>>"));
            prop_assert!(found || !reading.errors.is_empty(), "{} of {}\n{}", marker, text, reading.trace);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let options = Options::default();
        let whole = read_whole(&bytes, &options);
        let stats = whole.stats;
        prop_assert_eq!(stats.records, stats.events + stats.rejects + stats.duplicates);
        assert_same(&whole, &read_trickling(&bytes, &options, 3, 2), "any bytes");
    }

    #[test]
    fn raw_bytes_restore_the_records(records in prop::collection::vec(strategies::record(), 1..8)) {
        for (shape, bytes) in shapes(&records) {
            if shape.contains("pretty") {
                continue;
            }
            let events = parse(&bytes).unwrap();
            let raw: Vec<&[u8]> = events.iter().map(|event| event.raw()).collect();
            let expected: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
            prop_assert_eq!(raw, expected, "{}", shape);
        }
    }

    #[test]
    fn every_shape_gives_the_same_events(records in prop::collection::vec(strategies::record(), 1..8)) {
        let expected = flats(records.join("\n").as_bytes());
        prop_assert_eq!(expected.len(), records.len());
        for (shape, bytes) in shapes(&records) {
            let got = flats(&bytes);
            if shape.contains("pretty") {
                // `[]` and `{}` gain white space, which shows nowhere but in their own text.
                prop_assert_eq!(got.len(), expected.len(), "{}", shape);
            }
            prop_assert_eq!(&got, &expected, "{}", shape);
        }
    }

    #[test]
    fn a_record_alone_is_what_it_is_in_a_file(records in prop::collection::vec(strategies::record(), 1..5)) {
        let options = Options::default();
        let together = parse(records.join("\n")).unwrap();
        for (record, event) in records.iter().zip(&together) {
            let alone = parse(record).unwrap();
            prop_assert_eq!(alone.len(), 1);
            for other in [&alone[0], &event.detach(), &alone[0].detach()] {
                prop_assert_eq!(options.flat(other), options.flat(event));
                prop_assert_eq!(other.problems(), event.problems());
                prop_assert_eq!(other.key(), event.key());
                prop_assert_eq!(other.raw(), event.raw());
            }
            prop_assert_eq!(event.detach().position(), event.position());
        }
    }

    #[test]
    fn a_bad_line_costs_no_other(
        records in prop::collection::vec(strategies::record(), 2..6),
        bad in "[^\n{\\[][^\n]{0,20}|[{\\[][a-z\": ]{0,9}",
        at in any::<Index>(),
    ) {
        let mut lines = records.clone();
        // Behind a whole record: what the lines are is known by then.
        lines.insert(1 + at.index(records.len()), bad.clone());
        let options = Options::default();
        let reading = read_whole(lines.join("\n").as_bytes(), &options);
        let raw: Vec<&[u8]> = reading.events.iter().map(|event| event.raw()).collect();
        let expected: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
        prop_assert_eq!(raw, expected);
        let rejects = usize::from(!bad.trim_matches([' ', '\t', '\r', '\0', '\u{feff}']).is_empty());
        prop_assert_eq!(reading.rejects.len(), rejects);
    }

    #[test]
    fn duplicates_are_found_in_any_spelling(records in prop::collection::vec(strategies::record(), 1..5)) {
        let mut lines: Vec<String> = records.iter().map(|record| pretty(record)).collect();
        lines.extend(records.iter().cloned());
        let mut reader = Reader::builder().dedup(true).from_bytes(lines.join("\n")).unwrap();
        let kept = reader.by_ref().filter(|event| event.is_ok()).count() as u64;
        let stats = reader.stats();
        prop_assert_eq!(stats.events, kept);
        prop_assert_eq!(stats.records, 2 * records.len() as u64);
        prop_assert!(stats.duplicates >= records.len() as u64);
    }
}

#[test]
fn an_error_of_the_stream_is_an_error() {
    struct Broken(usize);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let text = b"{\"eventLogUuid\":\"1\"}\n{\"eventLogUuid\":\"2\"}\n{\"event";
            if self.0 == text.len() {
                return Err(io::Error::from_raw_os_error(5));
            }
            buffer[0] = text[self.0];
            self.0 += 1;
            Ok(1)
        }
    }
    let options = Options::default();
    let reading = support::read(options.builder().from_reader(Broken(0)).unwrap(), &options);
    assert_eq!(reading.events.len(), 2, "{}", reading.trace);
    let codes: Vec<Code> = reading.errors.iter().map(|error| error.code()).collect();
    assert_eq!(codes, [Code::Io], "{}", reading.trace);
}

#[test]
fn a_large_failed_answer_gives_its_records() {
    let records = vec!["{\"eventId\":\"a\"}"; 17_000].join(",");
    let header = "\"header\":{\"isSuccessful\":false,\"resultCode\":500}";
    let options = Options::default();
    for text in [
        format!("{{\"page\":{{\"content\":[{records}]}},{header}}}"),
        format!("{{{header},\"page\":{{\"content\":[{records}]}}}}"),
        format!("[{{\"page\":{{\"content\":[{records}]}},{header}}}]"),
    ] {
        let reading = read_whole(text.as_bytes(), &options);
        assert_eq!(reading.events.len(), 17_000);
        let rejects: Vec<(Code, &[u8])> =
            reading.rejects.iter().map(|reject| (reject.code(), reject.raw())).collect();
        let header = br#"{"isSuccessful":false,"resultCode":500}"#;
        assert_eq!(rejects, [(Code::ApiFailure, &header[..])]);
    }
}

#[test]
fn records_are_found_behind_a_large_array_of_others() {
    let options = Options::default();
    for others in
        [vec!["1"; 2_000_000].join(","), vec![r#"{"q":"xxxxxxxxxxxxxxxx"}"#; 100_000].join(",")]
    {
        let text = format!(
            r#"{{"other":[{others}],"hits":{{"hits":[{{"_source":{{"eventId":"a"}}}}]}}}}"#
        );
        let reading = read_in_pieces(text.as_bytes(), &options, 256 << 10);
        assert_eq!((reading.events.len(), reading.rejects.len()), (1, 0));
        let foreign = format!("{{\"eventId\":\"a\"}}\n{{\"other\":[{others}]}}\n");
        let reading = read_in_pieces(foreign.as_bytes(), &options, 256 << 10);
        assert_eq!((reading.stats.events, reading.stats.unrecognized), (2, 1));
    }
}
