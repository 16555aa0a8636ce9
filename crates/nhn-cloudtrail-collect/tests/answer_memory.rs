//! Responses that are small in transit and large in memory. Each is read in a separate process, since the
//! process's memory is measured.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::io::Write;
use std::time::Duration;

use nhn_cloudtrail_collect::{Api, Client, Settings};
use support::http::{response, serve};
use support::{day, query};

/// Returns the peak memory of this process.
fn most() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Returns gzip of a text that repeats `piece` as often as it fits into `bytes` bytes.
fn bomb(before: &str, piece: &str, bytes: usize, after: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(before.as_bytes()).unwrap();
    let block = piece.repeat((1 << 16) / piece.len());
    for _ in 0..bytes / block.len() {
        encoder.write_all(block.as_bytes()).unwrap();
    }
    encoder.write_all(after.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn no_answer_takes_more_than_128_mib() {
    const GOOD: &str = r#"{"header":{"isSuccessful":true,"resultCode":0}"#;
    const MOST: usize = 32 << 20;
    let below = MOST - (1 << 17);
    let content = format!("{GOOD},\"page\":{{\"content\":[");
    let junk = format!("{content}{{\"eventId\":\"a\"}}],\"x\":[");
    let bombs = [
        // Far above the limit of a response.
        bomb(&content, " ", 126 << 20, "]}}"),
        // Below the limit, with the content that takes most memory when it is built.
        bomb(&content, "0,", below, "0]}}"),
        bomb(&content, "{},", below, "0]}}"),
        bomb(&format!("{GOOD},\"x\":["), "0,", below, "0]}"),
        bomb(&format!("{GOOD},\"page\":{{\"content\":[],\"x\":["), "[],", below, "0]}}"),
        bomb(&format!("{GOOD},\"totalElements\":["), "0,", below, "0]}"),
        bomb("{\"header\":{\"isSuccessful\":false,\"resultCode\":[", "0,", below, "0]}}"),
        bomb("{\"header\":{\"isSuccessful\":false,\"resultMessage\":\"", "m", below, "\"}}"),
        bomb(&format!("{GOOD},\"x\":"), "[", below, ""),
        bomb(&format!("{GOOD},\"x\":"), "{\"a\":", below, ""),
        bomb("", "[", below, ""),
        bomb("<p>", "x", below, ""),
        bomb(&junk, "[],", below, "0]}}"),
    ];
    let Some(number) = std::env::var_os("BOMB") else {
        let me = std::env::current_exe().unwrap();
        for number in 0..bombs.len() {
            let mut child = std::process::Command::new(&me);
            child.args(["--exact", "no_answer_takes_more_than_128_mib", "--nocapture"]);
            assert!(child.env("BOMB", number.to_string()).status().unwrap().success(), "{number}");
        }
        return;
    };
    let number: usize = number.to_str().unwrap().parse().unwrap();
    let has_record = number + 1 == bombs.len();
    let bomb = bombs[number].clone();
    drop(bombs);
    assert!(bomb.len() < 200 << 10, "it has {} bytes", bomb.len());
    let server = serve(move |_| response("200 OK\r\nContent-Encoding: gzip", &bomb));
    let mut settings = Settings::default();
    settings.base_url = Some(server.url.clone());
    settings.app_key = Some("testAppKey".into());
    // Several at a time, as in normal use.
    let client = Client::builder(settings)
        .api(Api::V1)
        .rate(10_000.0)
        .retries(1)
        .backoff(Duration::from_millis(1))
        .build()
        .unwrap();
    // A response with a record is kept until it is read, so there is only one.
    let since = format!("{}T00:00:00Z", day(if has_record { 1 } else { 8 }));
    let mut reader = client.search(query(&since)).unwrap();
    let ends: Vec<bool> = reader.by_ref().map(|result| result.is_ok()).collect();
    assert!(has_record || !ends.contains(&true), "bomb {number}: {ends:?}");
    assert!(most() < 128 << 20, "bomb {number} takes {} MiB", most() >> 20);
}
