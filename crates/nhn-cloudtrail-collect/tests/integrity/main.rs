//! Tests that archives survive disk failures, and that forgeries are detected.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

#[cfg(debug_assertions)]
mod faults;
#[cfg(unix)]
mod folders;
mod guards;
mod ledger;
#[cfg(debug_assertions)]
mod operations;
#[expect(dead_code, reason = "of use to other tests")]
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nhn_cloudtrail::{Code, Result};
use nhn_cloudtrail_collect::{Api, Collection, Finding, FindingKind, Report, Verified, Verify};
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::{Server, day, keys, query, until};

const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn since() -> String {
    format!("{}T00:00:00.000Z", day(4))
}

fn server(more: &[&str]) -> Server {
    let options = ["--events", "60", "--days", "4", "--until", &until()];
    Server::api(&[&options[..], more].concat())
}

/// Returns a collection of everything that the server has until midnight, `before` days before the end.
fn collection(server: &Server, archive: &Path, before: i64) -> Collection {
    let client = server.client(Api::V2).build().unwrap();
    let until = support::time(&format!("{}T00:00:00.000Z", day(before)));
    Collection::new(archive).api(client, query(&since()).until(until))
}

fn collect(server: &Server, archive: &Path) -> Result<Report> {
    unlocked(|| collection(server, archive, 0).run())
}

/// Repeats a run while the archive is locked: a child process of another test inherits open files of this
/// one for a moment.
fn unlocked(run: impl Fn() -> Result<Report>) -> Result<Report> {
    for _ in 0..100 {
        match run() {
            Err(error) if error.code() == Code::Locked => thread::sleep(Duration::from_millis(20)),
            ran => return ran,
        }
    }
    run()
}

/// Creates an archive with three runs, each of which added something.
fn grown(server: &Server, archive: &Path) -> Report {
    for before in [3, 2] {
        assert!(collection(server, archive, before).run().unwrap().is_complete());
    }
    let report = collect(server, archive).unwrap();
    assert!(report.is_complete() && report.records.new > 0);
    report
}

fn verify(archive: &Path) -> Verified {
    Verify::new().run(archive, &mut |_, _| true).unwrap()
}

fn found(archive: &Path) -> Vec<(FindingKind, String)> {
    let findings = verify(archive).findings.into_iter();
    findings.map(|Finding { kind, path, .. }| (kind, path)).collect()
}

/// Returns all files and links in a folder, by their paths.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder { todo.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    found
}

/// Returns the files of events, by their paths in the archive.
fn tables(archive: &Path) -> Vec<String> {
    let events = files(&archive.join("events")).into_iter();
    let tables = events.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    let name = |path: PathBuf| path.strip_prefix(archive).unwrap().to_str().unwrap().to_owned();
    tables.map(name).collect()
}

/// Returns the content of an archive, except the lock, which identifies its last holder.
fn content(archive: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files(archive).into_iter().filter(|path| !path.ends_with("_archive/lock"));
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the lines of a ledger.
fn entries(archive: &Path) -> Vec<Value> {
    let text = fs::read_to_string(archive.join("_archive/ledger.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes a ledger that is consistent in itself: each line has the hash of the previous one, and the head
/// matches.
fn write_ledger(archive: &Path, entries: Vec<Value>) {
    let mut head = BEGINNING.to_owned();
    let mut text = String::new();
    for mut entry in entries {
        entry["previous"] = head.into();
        let line = entry.to_string();
        head = hash(line.as_bytes());
        text.push_str(&format!("{line}\n"));
    }
    fs::write(archive.join("_archive/ledger.jsonl"), text).unwrap();
    fs::write(archive.join("_archive/head"), format!("{head}\n")).unwrap();
}

/// Writes the journal of a run that is about to write an entry.
fn journal(archive: &Path, entry: u64, previous: &str, run: &str) {
    let time = "2026-10-01T00:00:00.000Z";
    let line = format!(
        r#"{{"version":1,"entry":{entry},"previous":"{previous}","run":"{run}","time":"{time}"}}"#
    );
    fs::write(archive.join("_archive/journal"), line + "\n").unwrap();
}

/// Writes the journal of a run that has just written the last entry.
fn journal_of_last(archive: &Path) {
    let entries = entries(archive);
    let last = entries.last().unwrap();
    let name = |file: &Value| file["path"].as_str()?.split("part-").nth(1).map(str::to_owned);
    let name = last["files"].as_array().and_then(|files| files.iter().find_map(name));
    let run = name.map_or(String::new(), |name| name.rsplit_once('-').unwrap().0.to_owned());
    journal(archive, last["entry"].as_u64().unwrap(), last["previous"].as_str().unwrap(), &run);
}
