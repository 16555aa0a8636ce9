//! Several sources of one archive, and runs that wait for each other.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nhn_cloudtrail::{Code, Error};
use nhn_cloudtrail_collect::{Api, Client, Collection, Status};
use support::{Server, day, query, until};

fn since() -> String {
    format!("{}T00:00:00.000Z", day(10))
}

fn server(seed: &str) -> (Server, Client) {
    let server =
        Server::api(&["--events", "300", "--days", "10", "--seed", seed, "--until", &until()]);
    let client = server.client(Api::V2).page_size(50).build().unwrap();
    (server, client)
}

fn lock(archive: &Path) -> File {
    File::options().read(true).write(true).open(archive.join("_archive/lock")).unwrap()
}

#[test]
fn what_is_told_of_several_sources_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let ((_one, first), (_two, second)) = (server("1"), server("2"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let progress = told.clone();
    let report = Collection::new(&archive)
        .api(first, query(&since()))
        .named("first")
        .unusable(Error::new(Code::InvalidOption, "no keys"))
        .named("none")
        .api(second, query(&since()))
        .progress(move |now| progress.lock().unwrap().push((now.requests, now.fetched)))
        .run()
        .unwrap();
    let told = told.lock().unwrap();
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(told.last().unwrap().0, report.requests);
    assert_eq!(report.records.new, 600);
    let [first, none, second] = report.sources.as_slice() else { panic!("{report:?}") };
    assert!(first.is_complete() && second.is_complete() && !none.is_complete());
    assert_eq!((first.requests + second.requests, none.requests), (report.requests, 0));
    assert_eq!((first.records.new, second.records.new), (300, 300));
    assert_eq!((second.name.as_deref(), none.name.as_deref()), (None, Some("none")));
    // The source's report has the plain message, the whole report adds the source's name.
    assert_eq!(none.error.as_ref().unwrap().message(), "no keys");
    assert_eq!(report.error.as_ref().unwrap().message(), "none: no keys");
    assert_eq!(report.error.as_ref().unwrap().code(), Code::InvalidOption);
    assert_eq!((none.gaps[0].reason.as_str(), none.gaps.len()), ("no keys", 1));
    assert_eq!((report.gaps[0].reason.as_str(), report.gaps.len()), ("none: no keys", 1));
    let status = Status::read(&archive).unwrap();
    assert_eq!(status.last_run.unwrap().gaps, report.gaps);
    let mut names: Vec<_> = status.sources.iter().map(|source| source.name.as_deref()).collect();
    names.sort();
    assert_eq!(names, [None, Some("first")]);
}

#[test]
fn where_no_source_is_usable_nothing_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let refused = Collection::new(&archive).unusable(Error::new(Code::InvalidOption, "no keys"));
    assert_eq!(refused.named("one").run().unwrap_err().message(), "one: no keys");
    let none = Collection::new(&archive).named("nothing").run().unwrap_err();
    assert!(none.message().contains("nothing to collect from"), "{none}");
    assert!(!archive.exists());
}

#[test]
fn a_run_that_waits_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let (_server, client) = server("1");
    Collection::new(&archive).api(client.clone(), query(&since())).run().unwrap();
    let lock = lock(&archive);
    lock.lock().unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let counter = asked.clone();
    let run = Collection::new(&archive)
        .api(client, query(&since()))
        .wait_for_lock(Duration::MAX)
        .watch(move || counter.fetch_add(1, Ordering::Relaxed) < 3)
        .run();
    assert_eq!(run.unwrap_err().code(), Code::Interrupted);
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[test]
fn who_only_looks_at_the_status_keeps_no_run_away() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let (_server, client) = server("1");
    Collection::new(&archive).api(client.clone(), query(&since())).run().unwrap();
    // As `status` holds it.
    let lock = lock(&archive);
    lock.lock_shared().unwrap();
    assert_eq!(Status::read(&archive).unwrap().lock, None);
    let looking = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        drop(lock);
    });
    let run = Collection::new(&archive).api(client, query(&since())).run();
    assert!(run.unwrap().is_complete());
    looking.join().unwrap();
}
