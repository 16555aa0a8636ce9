//! Reads every golden case of `tests/cases` and compares what comes with what is expected.
//!
//! `UPDATE_CASES=1 cargo test --test cases` writes the expectations anew; read the difference before
//! you believe it. `CASE=text` runs the cases whose names hold the text.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::fmt::Write;
use std::fs;

use nhn_cloudtrail::catalog::Lang;
use nhn_cloudtrail::{Error, Event, Position, Reject};
use serde::Serialize;
use serde_json::{Value, json};

use support::{Case, Reading};

#[test]
fn cases() {
    let wanted = std::env::var("CASE").unwrap_or_default();
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let cases = support::cases();
    let cases: Vec<&Case> = cases.iter().filter(|case| case.name.contains(&wanted)).collect();
    assert!(!cases.is_empty(), "no case has {wanted:?} in its name");
    let mut report = String::new();
    let mut failed = 0;
    for case in &cases {
        let reader = case.options.builder().open([case.input()]).unwrap();
        let reading = support::read(reader, &case.options);
        let before = report.len();
        for (file, got) in outputs(case, &reading) {
            let path = case.folder.join(file);
            if update {
                if got.is_empty() {
                    let _ = fs::remove_file(&path);
                } else {
                    fs::write(&path, got).unwrap();
                }
                continue;
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            compare(&format!("{}/{file}", case.name), &expected, &got, &mut report);
        }
        failed += usize::from(report.len() > before);
    }
    assert!(failed == 0, "{failed} of {} cases differ\n{report}", cases.len());
}

/// The files of a case, with what ought to stand in them.
fn outputs(case: &Case, reading: &Reading) -> [(&'static str, String); 5] {
    let events = reading.events.iter().map(|event| case.options.flat(event));
    let details = reading.events.iter().map(|event| to_line(&Details::new(case, event)));
    let rejects = reading.rejects.iter().map(|reject| to_line(&Rejected::new(case, reject)));
    let errors = reading.errors.iter().map(|error| error_line(case, error));
    [
        ("events.jsonl", lines(events)),
        ("details.jsonl", lines(details)),
        ("rejects.jsonl", lines(rejects)),
        ("counts.json", to_line(&reading.stats) + "\n"),
        ("error.json", lines(errors)),
    ]
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

fn to_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[derive(Serialize)]
struct Place {
    /// The path in the case's folder; only where the input is a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    record: u64,
    line: u64,
    byte: u64,
}

impl Place {
    fn new(case: &Case, position: &Position) -> Self {
        let Position { record, line, byte, .. } = *position;
        Self { source: source(case, position), record, line, byte }
    }
}

fn source(case: &Case, position: &Position) -> Option<String> {
    if case.input().is_file() {
        return None;
    }
    let folder = format!("{}/", case.folder.display());
    let source = position.source.as_deref().expect("what is read from a path has a source");
    Some(source.strip_prefix(&folder).unwrap_or(source).to_owned())
}

#[derive(Serialize)]
struct Details {
    position: Place,
    key: String,
    problems: Vec<String>,
    name: Option<Names>,
}

#[derive(Serialize)]
struct Names {
    ko: String,
    en: String,
    ja: String,
}

impl Details {
    fn new(case: &Case, event: &Event) -> Self {
        let enriched = event.enrich();
        let name = enriched.entry().map(|entry| {
            let name = |lang| entry.name(lang).to_owned();
            Names { ko: name(Lang::Ko), en: name(Lang::En), ja: name(Lang::Ja) }
        });
        Self {
            position: Place::new(case, &event.position()),
            key: event.key(),
            problems: event.problems().into_iter().map(String::from).collect(),
            name,
        }
    }
}

#[derive(Serialize)]
struct Rejected {
    #[serde(flatten)]
    place: Place,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
    /// How long it is; only where `raw` does not hold all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
}

impl Rejected {
    fn new(case: &Case, reject: &Reject) -> Self {
        let raw = std::str::from_utf8(reject.raw());
        Self {
            place: Place::new(case, reject.position()),
            code: reject.code().as_str(),
            raw: raw.ok().map(str::to_owned),
            raw_base64: raw.is_err().then(|| base64(reject.raw())),
            length: Some(reject.length()).filter(|&length| length != reject.raw().len() as u64),
        }
    }
}

/// An error about a whole input. Of its words only those count that the expectation names, so they
/// are compared here.
fn error_line(case: &Case, error: &Error) -> String {
    let mut line = json!({ "code": error.code().as_str() });
    if let Some(source) = source(case, error.position().unwrap()) {
        line["source"] = source.into();
    }
    let expected = fs::read(case.folder.join("error.json")).unwrap_or_default();
    let expected: Value = serde_json::from_slice(&expected).unwrap_or_default();
    let words = expected["contains"].as_array().cloned().unwrap_or_default();
    let found: Vec<Value> = words
        .into_iter()
        .filter(|word| error.message().contains(word.as_str().unwrap_or_default()))
        .collect();
    if !found.is_empty() {
        line["contains"] = found.into();
    }
    line.to_string()
}

/// Appends what differs, line by line. Events are compared as text, byte for byte; the rest as JSON.
fn compare(file: &str, expected: &str, got: &str, report: &mut String) {
    let as_text = file.ends_with("events.jsonl");
    let same = |a: Option<&str>, b: Option<&str>| match (a, b) {
        (Some(a), Some(b)) if !as_text => {
            let parse = serde_json::from_str::<Value>;
            matches!((parse(a), parse(b)), (Ok(a), Ok(b)) if a == b)
        }
        (a, b) => a == b,
    };
    let (mut expected, mut got) = (expected.lines(), got.lines());
    for number in 1.. {
        let (wanted, came) = (expected.next(), got.next());
        if wanted.is_none() && came.is_none() {
            break;
        }
        if !same(wanted, came) {
            let show = |line: Option<&str>| -> String {
                line.map_or("nothing".into(), |line| line.chars().take(2000).collect())
            };
            let (wanted, came) = (show(wanted), show(came));
            let _ = writeln!(report, "{file}:{number}\n  expected {wanted}\n  got      {came}");
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            (0..3).fold(0, |group, at| group << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        for digit in 0..4 {
            let value = group >> (18 - 6 * digit) & 63;
            let padding = digit > chunk.len();
            text.push(if padding { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    text
}
