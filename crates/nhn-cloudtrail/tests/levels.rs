//! The instructions that the machine has make reading faster, and change nothing: at every level, all
//! inputs give the same events, rejects and errors, to the byte.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the report")]

mod strategies;
#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::fs;
use std::sync::{Mutex, PoisonError};

use nhn_cloudtrail::use_level;
use proptest::prelude::*;
use proptest::sample::Index;

use support::Options;

/// The plain level, that with AVX2 and that with AVX-512; the machine may have fewer.
const LEVELS: [u8; 3] = [1, 2, 3];

/// Panics where the levels differ on `bytes`, read in pieces of this size.
fn check(bytes: &[u8], options: &Options, piece: usize, name: &str) {
    // The level is that of all threads.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let [plain, others @ ..] = LEVELS.map(|level| {
        use_level(level);
        let reader = options.builder().piece(piece).from_bytes(bytes).unwrap();
        support::read(reader, options).trace
    });
    for other in others {
        if other != plain {
            let (plain, other) = plain
                .lines()
                .zip(other.lines())
                .find(|(plain, other)| plain != other)
                .unwrap_or((&plain, &other));
            panic!("{name}, in pieces of {piece}: levels differ\n plain {plain}\n other {other}");
        }
    }
}

#[test]
fn every_case_reads_the_same() {
    for case in support::cases() {
        let Ok(bytes) = fs::read(case.input()) else { continue };
        for piece in [64, 997, 1 << 20] {
            check(&bytes, &case.options, piece, &case.name);
        }
    }
}

const RECORDS: [&str; 3] = [
    r#"{"eventTime":"2026-01-01T00:00:00.000+0000","userName":"김민준","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36","eventId":"event_id.iaas.instance.create","request":"{\n  \"instance\": {\n    \"name\": \"박지훈-웹서버\", \"설명\": \"\\\"운영\\\" \\u00e9\"}}","eventTarget":{"targetMembers":[{"idNo":"x","name":"김"}]}}"#,
    r#"{"eventId":"event_id.iaas.instance.create","eventTime":null,"request":"","response":"{\"header\":{\"isSuccessful\":true}}","more":[1,-0.5e3,true]}"#,
    r#"{"eventTime":"2026-01-01T00:00:00.000+0000","userName":"\uae40\ubbfc\uc900\uae40\ubbfc\uc900\uae40\ubbfc\uc900\uae40\ubbfc\uc900","eventId":"x"}"#,
];

/// The records in the shapes that have a way of their own.
fn shapes(records: &[String]) -> [String; 4] {
    [
        records.join("\n") + "\n",
        records.join(" \r\n\n") + " ",
        format!("[{}]", records.join(",\n")),
        format!(
            r#"{{"header":{{"isSuccessful":true}},"page":{{"content":[{}]}}}}"#,
            records.join(", ")
        ),
    ]
}

#[test]
fn every_beginning_reads_the_same() {
    let options = Options::default();
    for text in shapes(&RECORDS.map(str::to_owned)) {
        for end in 0..=text.len() {
            let beginning = text.as_bytes().split_at(end).0;
            check(beginning, &options, 1 << 20, "the beginning of text");
            // Without the blocks that the end of the text is not in.
            check(
                beginning.split_at(end.saturating_sub(70)).1,
                &options,
                1 << 20,
                "a part of text",
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_text_reads_the_same(
        mut records in prop::collection::vec(strategies::record(), 1..4),
        changes in prop::collection::vec((any::<Index>(), prop_oneof![
            prop::sample::select(&b"\"\\\n\r {}[],:u\x00\x1f\xff\xea"[..]),
            any::<u8>(),
        ]), 0..3),
        piece in prop::sample::select(vec![61, 1 << 20]),
    ) {
        records.extend(RECORDS.map(str::to_owned));
        for text in shapes(&records) {
            let mut bytes = text.into_bytes();
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
            check(&bytes, &Options::default(), piece, "changed text");
        }
    }
}
