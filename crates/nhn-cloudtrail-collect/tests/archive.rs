//! Archives: what is added to them, how an interrupted run is recovered, and what is detected.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nhn_cloudtrail::{Code, Reader};
use nhn_cloudtrail_arrow::Parquet;
use nhn_cloudtrail_collect::{
    Api, Collection, FindingKind, PublicKey, Report, Signer, Status, Verified, Verify,
};
use serde_json::json;
use support::{Server, day, keys, query, until};

/// Start of the requested period.
fn since() -> String {
    format!("{}T00:00:00.000Z", day(10))
}

fn server(more: &[&str]) -> Server {
    let options = ["--events", "3000", "--days", "10", "--until", &until()];
    Server::api(&[&options[..], more].concat())
}

fn collect(server: &Server, archive: &Path) -> Report {
    let client = server.client(Api::V2).page_size(200).build().unwrap();
    Collection::new(archive).api(client, query(&since())).run().unwrap()
}

fn verify(archive: &Path) -> Verified {
    Verify::new().run(archive, &mut |_, _| true).unwrap()
}

fn found(archive: &Path) -> Vec<(FindingKind, String)> {
    verify(archive).findings.into_iter().map(|finding| (finding.kind, finding.path)).collect()
}

#[test]
fn an_archive_has_everything_once_and_takes_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&["--fail", "5", "--hang", "0.2"]);
    let report = collect(&server, &archive);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.records.new, 3000);
    assert_eq!(report.records.fetched, report.records.new + report.records.known);
    let expected: Vec<String> = server.keys().into_iter().collect();
    assert_eq!(keys(&archive), expected);
    let again = collect(&server, &archive);
    assert!(again.is_complete());
    assert_eq!(again.records.fetched, 0);
    let english = Collection::new(&archive)
        .names(nhn_cloudtrail::catalog::Catalog::builtin(), nhn_cloudtrail::catalog::Lang::En)
        .api(server.client(Api::V2).build().unwrap(), query(&format!("{}T00:00:00Z", day(20))));
    // Only days without events: an archive still has event names in one language.
    server.control("insert", &json!({"time": format!("{}T00:00:00Z", day(15)), "count": 1}));
    assert_eq!(english.run().unwrap_err().code(), Code::InvalidOption);
    assert_eq!(keys(&archive), expected);
    let verified = verify(&archive);
    assert!(verified.is_intact(), "{:?}", verified.findings);
    assert_eq!((verified.records, verified.head), (3000, again.head));
    let status = Status::read(&archive).unwrap();
    assert_eq!((status.events, status.days.len()), (3000, 10));
    assert!(status.sources[0].gaps.is_empty());
}

#[test]
fn what_comes_late_comes_to_its_true_day() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    for api in [Api::V1, Api::V2] {
        let server = server(&["--seed", if api == Api::V1 { "1" } else { "2" }]);
        let client = server.client(api).build().unwrap();
        let run = || Collection::new(&archive).api(client.clone(), query(&since())).run().unwrap();
        run();
        server.control("insert", &json!({"time": format!("{}T03:04:05.678Z", day(7)), "count": 3}));
        let before = Status::read(&archive).unwrap();
        let report = run();
        assert_eq!(report.records.new, 3, "{api:?}");
        let after = Status::read(&archive).unwrap();
        let grown: Vec<_> = before
            .days
            .iter()
            .zip(&after.days)
            .filter(|(before, after)| before.events != after.events)
            .filter_map(|(_, after)| after.date.as_deref())
            .collect();
        assert_eq!(grown, [day(7)]);
    }
}

#[test]
fn a_day_that_outgrows_a_page_is_known_again() {
    let folder = tempfile::tempdir().unwrap();
    for api in [Api::V1, Api::V2] {
        let archive = folder.path().join(format!("{api:?}"));
        let server = Server::api(&["--events", "95", "--days", "1", "--until", &until()]);
        let client = server.client(api).page_size(100).build().unwrap();
        let run = || Collection::new(&archive).api(client.clone(), query(&since())).run().unwrap();
        assert_eq!(run().records.new, 95);
        server
            .control("insert", &json!({"time": format!("{}T12:00:00.000Z", day(1)), "count": 10}));
        assert_eq!(run().records.new, 10);
        assert_eq!(run().records.fetched, 0, "{api:?}");
        assert_eq!(keys(&archive), server.keys().into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn records_that_come_while_pages_are_read_are_neither_lost_nor_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&["--insert-every", "3", "--no-uuid", "10"]);
    collect(&server, &archive);
    let held: BTreeSet<String> = keys(&archive).into_iter().collect();
    assert_eq!(held.len(), keys(&archive).len());
    // All records of the first run are there, except those that were added after they were read.
    assert!(held.len() >= 3000);
    let inserted = server.state()["inserted"].as_u64().unwrap();
    assert!(inserted > 5);
}

#[test]
fn both_copies_of_a_record_are_kept_where_they_differ() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    collect(&server, &archive);
    let key = keys(&archive).remove(7);
    server.control("mask", &json!({ "uuid": key }));
    // The day has new records, so it is read again.
    let catalog = nhn_cloudtrail::catalog::Catalog::builtin();
    let parquet = Parquet::new(&nhn_cloudtrail::Filter::new(), &catalog);
    let mut reader = Reader::builder().format(Arc::new(parquet)).open([&archive]).unwrap();
    let event = reader.find_map(|event| event.ok().filter(|event| event.key() == key)).unwrap();
    let time = event.event_time().unwrap().to_string();
    server.control("insert", &json!({"time": time, "count": 1}));
    let report = collect(&server, &archive);
    assert_eq!((report.records.new, report.records.conflicts), (2, 1));
    assert_eq!(keys(&archive).iter().filter(|other| **other == key).count(), 2);
    assert!(verify(&archive).is_intact());
}

#[test]
fn files_that_are_gone_are_told_and_what_they_held_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    collect(&server, &archive);
    let is_table = |path: &PathBuf| path.extension().is_some_and(|end| end == "parquet");
    let file = files(&archive.join("events")).into_iter().find(is_table).unwrap();
    fs::remove_file(&file).unwrap();
    let report = collect(&server, &archive);
    let gone = report.gaps[0].object.clone().unwrap();
    assert!(file.ends_with(&gone) && report.gaps.len() == 1, "{:?}", report.gaps);
    assert!(report.records.new > 0);
    assert_eq!(keys(&archive), server.keys().into_iter().collect::<Vec<_>>());
    assert_eq!(found(&archive), [(FindingKind::Removed, gone)]);
}

#[test]
fn rejects_are_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    fs::write(&records, format!("#time={}T00:00:00.500Z\t\"none\"\n", day(2))).unwrap();
    let archive = folder.path().join("archive");
    // On a day without other records.
    let records = records.to_str().unwrap();
    let server = Server::api(&["--events", "0", "--until", &until(), "--records", records]);
    let report = collect(&server, &archive);
    assert_eq!((report.records.rejected, report.is_complete()), (1, false));
    server.control("insert", &json!({"time": format!("{}T01:00:00.000Z", day(2)), "count": 1}));
    let again = collect(&server, &archive);
    assert_eq!((again.records.rejected, again.records.new), (0, 1));
    let rejects: Vec<_> = files(&archive.join("_archive/rejects"));
    let [path] = rejects.as_slice() else { panic!("{rejects:?}") };
    assert!(fs::read_to_string(path).unwrap().contains(r#""raw":"\"none\"""#));
    assert!(verify(&archive).is_intact());
    assert_eq!(Status::read(&archive).unwrap().rejects, 1);
}

#[test]
fn what_cannot_be_fetched_is_a_gap_and_comes_with_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    server.control("fail", &json!({"kinds": ["http500"], "at": 5, "next": 100}));
    let client = server.client(Api::V2).concurrency(1).retries(1).build().unwrap();
    let report = Collection::new(&archive).api(client, query(&since())).run().unwrap();
    assert!(!report.gaps.is_empty() && report.error.is_none());
    assert!(report.gaps[0].reason.contains("HTTP 500"), "{:?}", report.gaps);
    server.control("fail", &json!({"kinds": [], "next": 0}));
    let status = Status::read(&archive).unwrap();
    assert_eq!(status.last_run.unwrap().gaps, report.gaps);
    while !collect(&server, &archive).is_complete() {}
    assert_eq!(keys(&archive).len(), 3000);
}

#[test]
fn days_that_cannot_be_compared_are_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    assert!(collect(&server, &archive).is_complete());
    server.control("insert", &json!({"time": format!("{}T03:04:05.678Z", day(7)), "count": 3}));
    let run = || {
        let client = server.client(Api::V2).retries(0).page_size(200).build().unwrap();
        Collection::new(&archive).api(client, query(&since())).run().unwrap()
    };
    let fail = |at: u64, next: u64| {
        server.control("fail", &json!({"kinds": ["http500"], "at": at, "next": next}))
    };
    // All requests fail.
    fail(1, 1000);
    let report = run();
    assert_eq!(report.error.as_ref().map(|error| error.code()), Some(Code::HttpStatus));
    assert_eq!(report.gaps.len(), 1, "{:?}", report.gaps);
    assert!(report.gaps[0].reason.contains("came late"), "{:?}", report.gaps);
    // Only the count of one day succeeds; all other requests fail.
    let restarted = Server::api(&["--events", "3000", "--days", "10", "--until", &until()]);
    assert!(collect(&restarted, &folder.path().join("other")).is_complete());
    restarted.control("fail", &json!({"kinds": ["http500"], "at": 4, "next": 1000}));
    let client = restarted.client(Api::V2).retries(0).concurrency(1).build().unwrap();
    let other = Collection::new(folder.path().join("other")).api(client, query(&since()));
    let report = other.run().unwrap();
    assert!(!report.is_complete() && report.error.is_none(), "{report:?}");
    assert!(report.gaps[0].until < Some(until()), "{:?}", report.gaps);
}

#[test]
fn a_damaged_file_does_not_end_collecting() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&[]);
    for (name, damage, is_refetched) in [
        ("short", &|bytes: &mut Vec<u8>| bytes.truncate(100) as _, true),
        ("long", &|bytes: &mut Vec<u8>| bytes.push(b'x'), true),
        ("other", &|bytes: &mut Vec<u8>| bytes.fill(b'x'), false),
    ] as [(&str, &dyn Fn(&mut Vec<u8>), bool); 3]
    {
        let archive = folder.path().join(name);
        collect(&server, &archive);
        fs::write(archive.join("events/notes.txt"), "x").unwrap();
        let file = files(&archive.join(format!("events/event_date={}", day(5)))).remove(0);
        let whole = fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        for of in [5, 3] {
            let time = format!("{}T12:00:00Z", day(of));
            server.control("insert", &json!({"time": time, "count": 1}));
        }
        let report = collect(&server, &archive);
        assert!(report.records.new >= 2, "{report:?}");
        assert!(report.records.new > 100 || !is_refetched, "{name}: {report:?}");
        let gone = report.gaps[0].object.clone().unwrap();
        assert!(file.ends_with(&gone) && report.gaps.len() == 1, "{:?}", report.gaps);
        let found = found(&archive);
        let added = (FindingKind::Added, "events/notes.txt".to_owned());
        assert_eq!(found, [(FindingKind::Altered, gone), added]);
        fs::write(&file, &whole).unwrap();
        fs::remove_file(archive.join("events/notes.txt")).unwrap();
        let held: BTreeSet<String> = keys(&archive).into_iter().collect();
        assert_eq!(held, server.keys(), "{name}");
    }
}

#[test]
fn who_is_refused_is_told_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    server.control("fail", &json!({"deny": 40_300}));
    let report = collect(&server, &archive);
    assert_eq!(report.error.unwrap().code(), Code::Refused);
    assert_eq!((report.gaps.len(), report.records.fetched), (1, 0));
}

#[test]
fn a_run_that_is_stopped_leaves_what_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&["--fail", "100", "--faults", "slow", "--hang", "0.1"]);
    let fetched = Arc::new(AtomicU64::new(0));
    let client = server.client(Api::V2).page_size(20).build().unwrap();
    let told = fetched.clone();
    let error = Collection::new(&archive)
        .api(client, query(&since()))
        .progress(move |collected| told.store(collected.fetched, Ordering::Relaxed))
        .watch(move || fetched.load(Ordering::Relaxed) < 500)
        .run()
        .unwrap_err();
    assert_eq!(error.code(), Code::Interrupted);
    assert!(verify(&archive).is_intact());
    let held = keys(&archive).len();
    assert!(held < 3000);
    assert!(collect(&server, &archive).is_complete());
    assert_eq!(keys(&archive).len(), 3000);
}

#[test]
fn a_verification_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    collect(&server(&[]), &archive);
    let mut told = Vec::new();
    let stopped = Verify::new().run(&archive, &mut |done, total| {
        told.push((done, total));
        false
    });
    assert_eq!(stopped.unwrap_err().code(), Code::Interrupted);
    assert!(matches!(told[..], [(done, total)] if done <= total));
}

#[test]
fn only_one_run_is_at_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    collect(&server, &archive);
    let lock = fs::File::options().write(true).open(archive.join("_archive/lock")).unwrap();
    lock.lock().unwrap();
    let client = server.client(Api::V2).build().unwrap();
    let run = Collection::new(&archive).api(client, query(&since())).run();
    let error = run.unwrap_err();
    assert_eq!(error.code(), Code::Locked);
    assert!(error.to_string().contains("process"), "{error}");
    // `verify` does not have to wait.
    assert!(verify(&archive).is_intact());
    drop(lock);
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "").unwrap();
    let server = server(&[]);
    let client = server.client(Api::V2).build().unwrap();
    let error = Collection::new(folder.path()).api(client, query(&since())).run().unwrap_err();
    assert_eq!(error.code(), Code::InvalidArchive);
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(Collection::new("x").run().unwrap_err().code(), Code::InvalidOption);
    for (path, code) in [("nowhere", Code::NotFound), (".", Code::InvalidArchive)] {
        assert_eq!(Verify::new().run(path, &mut |_, _| true).unwrap_err().code(), code);
        assert_eq!(Status::read(path).unwrap_err().code(), code);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { todo.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
}

/// Creates an archive with several runs, so that its ledger has several lines.
fn grown(server: &Server, archive: &Path) -> Report {
    for day in [8, 6, 4, 2, 0].map(day) {
        let client = server.client(Api::V2).build().unwrap();
        let until = support::time(&format!("{day}T00:00:00Z"));
        let report =
            Collection::new(archive).api(client, query(&since()).until(until)).run().unwrap();
        assert!(report.is_complete());
    }
    collect(server, archive)
}

#[cfg(unix)]
#[test]
fn every_tampering_is_named() {
    use FindingKind::{Added, Altered, Head, Moved, Removed};

    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    let head = grown(&server, &archive).head;
    assert!(verify(&archive).is_intact());
    let name = |path: &Path| path.strip_prefix(&archive).unwrap().to_str().unwrap().to_owned();
    let events: Vec<String> = files(&archive.join("events"))
        .iter()
        .filter(|path| path.extension().is_some())
        .filter(|path| path.to_string_lossy().ends_with(".parquet"))
        .map(|path| name(path))
        .collect();
    let (first, second) = (&events[0], &events[1]);
    let ledger = "_archive/ledger.jsonl".to_owned();
    let tampered = folder.path().join("tampered");
    let after = |change: &dyn Fn(&Path)| {
        let _ = fs::remove_dir_all(&tampered);
        copy(&archive, &tampered);
        change(&tampered);
        found(&tampered)
    };
    let lines = |change: &dyn Fn(&mut Vec<String>)| {
        after(&|root| {
            let path = root.join(&ledger);
            let text = fs::read_to_string(&path).unwrap();
            let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
            change(&mut lines);
            fs::write(path, lines.concat()).unwrap();
        })
    };
    // Files of the data set.
    for file in &events {
        let changed = after(&|root| {
            let mut bytes = fs::read(root.join(file)).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(root.join(file), bytes).unwrap();
        });
        assert_eq!(changed, [(Altered, file.clone())]);
        let removed = after(&|root| fs::remove_file(root.join(file)).unwrap());
        assert_eq!(removed, [(Removed, file.clone())]);
    }
    let both = after(&|root| {
        fs::remove_file(root.join(first)).unwrap();
        fs::remove_file(root.join(second)).unwrap();
    });
    assert_eq!(both, [(Removed, first.clone()), (Removed, second.clone())]);
    let added = after(&|root| {
        fs::write(root.join(format!("events/event_date={}/part-x.parquet", day(8))), "x").unwrap();
        fs::write(root.join("more.jsonl"), "{}").unwrap();
        fs::write(root.join("_archive/rejects.jsonl"), "{}").unwrap();
    });
    assert_eq!(added.len(), 3);
    assert!(added.iter().all(|(kind, _)| *kind == Added));
    let swapped = after(&|root| {
        let (a, b) = (fs::read(root.join(first)).unwrap(), fs::read(root.join(second)).unwrap());
        fs::write(root.join(first), b).unwrap();
        fs::write(root.join(second), a).unwrap();
    });
    assert_eq!(swapped, [(Moved, first.clone()), (Moved, second.clone())]);
    let renamed = after(&|root| {
        fs::rename(
            root.join(first),
            root.join(format!("events/event_date={}/part-y.parquet", day(1))),
        )
        .unwrap();
    });
    assert!(renamed.contains(&(Moved, first.clone())), "{renamed:?}");
    let linked = after(&|root| {
        fs::rename(root.join(first), root.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("../../elsewhere", root.join(first)).unwrap();
    });
    assert!(linked.contains(&(Altered, first.clone())), "{linked:?}");
    // Lines of the ledger.
    let count = fs::read_to_string(archive.join(&ledger)).unwrap().lines().count();
    assert!(count > 8);
    for line in 0..count {
        let altered =
            lines(&|lines| lines[line] = lines[line].replace("\"version\":1", "\"version\":2"));
        let kind = if line + 1 == count { Head } else { Altered };
        assert!(altered.iter().any(|(found, _)| *found == kind), "line {line}: {altered:?}");
        let removed = lines(&|lines| drop(lines.remove(line)));
        assert!(!removed.is_empty(), "line {line}");
        if line + 1 < count {
            assert!(removed.contains(&(Removed, ledger.clone())), "line {line}: {removed:?}");
        }
    }
    let two = after(&|root| {
        let path = root.join(&ledger);
        let text = fs::read_to_string(&path).unwrap();
        let kept: Vec<&str> = text.split_inclusive('\n').collect();
        fs::write(&path, [&kept[..2], &kept[4..]].concat().concat()).unwrap();
    });
    let missing = two.iter().filter(|(kind, path)| *kind == Removed && *path == ledger);
    assert_eq!(missing.count(), 2, "{two:?}");
    let turned = lines(&|lines| lines.swap(2, 3));
    assert!(turned.contains(&(Moved, ledger.clone())), "{turned:?}");
    let doubled = lines(&|lines| lines.insert(2, lines[1].clone()));
    assert!(doubled.contains(&(Added, ledger.clone())), "{doubled:?}");
    for junk in ["x", "\0", "{\"version\":1,\"entry\":2,"] {
        let junk = after(&|root| {
            let mut file = fs::File::options().append(true).open(root.join(&ledger)).unwrap();
            std::io::Write::write_all(&mut file, junk.as_bytes()).unwrap();
        });
        assert_eq!(junk, [(Added, ledger.clone())]);
    }
    let miscounted = lines(&|lines| {
        lines[0] = lines[0].replacen(r#""records":{"fetched":"#, r#""records":{"fetched":1"#, 1);
    });
    assert!(miscounted.contains(&(Altered, ledger.clone())), "{miscounted:?}");
    let messages = verify(&tampered).findings.into_iter().map(|finding| finding.message);
    assert!(messages.into_iter().any(|message| message.contains("entry 1 do not add up")));
    let marked = after(&|root| fs::write(root.join(".nhn-cloudtrail.lock"), "x").unwrap());
    assert_eq!(marked, [(Altered, ".nhn-cloudtrail.lock".to_owned())]);
    // A path that is not a regular file does not block, and is not written through.
    for name in ["ledger.jsonl", "head", "lock", "signature.json"] {
        let path = format!("_archive/{name}");
        let linked = after(&|root| {
            let elsewhere = folder.path().join("elsewhere");
            let _ = fs::remove_file(&elsewhere);
            let _ = fs::rename(root.join(&path), &elsewhere);
            std::os::unix::fs::symlink(&elsewhere, root.join(&path)).unwrap();
        });
        assert!(linked.contains(&(Altered, path.clone())), "{linked:?}");
        let piped = after(&|root| {
            let _ = fs::remove_file(root.join(&path));
            let made = std::process::Command::new("mkfifo").arg(root.join(&path)).status();
            assert!(made.unwrap().success());
        });
        assert!(piped.contains(&(Altered, path.clone())), "{piped:?}");
        if name != "signature.json" {
            let client = server.client(Api::V2).build().unwrap();
            let error = Collection::new(&tampered).api(client, query(&since())).run().unwrap_err();
            assert_eq!(error.code(), Code::InvalidArchive, "{name}");
        }
    }
    let gone = after(&|root| fs::remove_file(root.join("_archive/head")).unwrap());
    assert_eq!(gone, [(Removed, "_archive/head".to_owned())]);
    let cut = lines(&|lines| lines.truncate(count - 2));
    assert!(cut.iter().any(|(kind, _)| *kind == Head), "{cut:?}");
    // A completely rewritten ledger is consistent in itself, but does not match the head.
    let _ = fs::remove_dir_all(&tampered);
    collect(&server, &tampered);
    assert!(verify(&tampered).is_intact());
    let against = |head: &str, archive: &Path| {
        Verify::new().head(head).run(archive, &mut |_, _| true).unwrap().is_intact()
    };
    assert!(!against(&head, &tampered));
    assert!(against(&head, &archive));
    collect(&server, &archive);
    assert!(against(&head, &archive), "a head stays known when the archive grows");
}

#[test]
fn the_head_can_be_signed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    // The example key of RFC 8410, which is public.
    let key = "-----BEGIN PRIVATE KEY-----\n\
               MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
               -----END PRIVATE KEY-----\n";
    let public = "-----BEGIN PUBLIC KEY-----\n\
                  MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                  -----END PUBLIC KEY-----\n";
    let other = "-----BEGIN PUBLIC KEY-----\n\
                 MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuA=\n\
                 -----END PUBLIC KEY-----\n";
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let key = file("key.pem", key);
    let public = PublicKey::open(file("public.pem", public)).unwrap();
    let other = PublicKey::open(file("other.pem", other)).unwrap();
    let server = server(&[]);
    let client = server.client(Api::V2).build().unwrap();
    let collection = || Collection::new(&archive).api(client.clone(), query(&since()));
    collection().signer(Signer::open(&key).unwrap()).run().unwrap();
    let check = |key: &PublicKey| {
        Verify::new().public_key(key).run(&archive, &mut |_, _| true).unwrap().is_intact()
    };
    assert!(check(&public) && !check(&other));
    collection().run().unwrap();
    assert!(!check(&public), "the newest head is not signed");
    assert!(verify(&archive).is_intact(), "but one is that the ledger has");
    let signature = archive.join("_archive/signature.json");
    let text = fs::read_to_string(&signature).unwrap();
    for wrong in ["x".to_owned(), text.replace("\"entry\":", "\"entry\":1"), text.replace('{', "")]
    {
        fs::write(&signature, wrong).unwrap();
        let name = "_archive/signature.json".to_owned();
        assert_eq!(found(&archive), [(FindingKind::Signature, name)]);
    }
    let refused = collection().signer(Signer::open(&key).unwrap()).run();
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArchive);
    fs::remove_file(&signature).unwrap();
    collection().signer(Signer::open(&key).unwrap()).run().unwrap();
    assert!(check(&public));
    assert_eq!(Signer::open(file("none", "x")).unwrap_err().code(), Code::InvalidOption);
    assert_eq!(PublicKey::open(&key).unwrap_err().code(), Code::InvalidOption);
}

/// Writes the journal of a run that is about to write an entry.
fn journal(archive: &Path, entry: u64, previous: &str, run: &str) {
    let time = "2026-10-01T00:00:00.000Z";
    let line =
        json!({"version": 1, "entry": entry, "previous": previous, "run": run, "time": time});
    fs::write(archive.join("_archive/journal"), format!("{line}\n")).unwrap();
}

/// Every state of the disk that a kill can leave between two steps of a commit is repaired.
#[test]
fn what_a_kill_leaves_is_mended_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    collect(&server, &archive);
    let path = archive.join("_archive/ledger.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // The state after the first entry was written and before its files were renamed.
    let first: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    let _ = fs::remove_file(archive.join("_archive/head"));
    let mut run = String::new();
    for file in files(&archive.join("events")) {
        let name = file.strip_prefix(archive.join("events")).unwrap();
        if !name.to_string_lossy().ends_with(".parquet") {
            continue;
        }
        let recorded = first["files"].as_array().unwrap().iter();
        let is_first = recorded.clone().any(|recorded| {
            recorded["path"].as_str() == Some(&format!("events/{}", name.display()))
        });
        if is_first {
            let staged = archive.join(".events.nhn-cloudtrail").join(name);
            fs::create_dir_all(staged.parent().unwrap()).unwrap();
            fs::rename(&file, staged).unwrap();
            let name = name.file_name().unwrap().to_str().unwrap();
            run = name.strip_prefix("part-").unwrap().rsplit_once('-').unwrap().0.to_owned();
        } else {
            fs::remove_file(&file).unwrap();
        }
    }
    fs::write(&path, lines[0]).unwrap();
    // Only the journal distinguishes its files from foreign ones.
    let is_left = |kind, path: &str| {
        let left = found(&archive);
        left.iter().any(|(found, at)| *found == kind && at.starts_with(path))
    };
    let beginning = "0".repeat(64);
    for other in [None, Some((2, &*beginning, &*run)), Some((1, &*"1".repeat(64), &*run))] {
        if let Some((entry, previous, run)) = other {
            journal(&archive, entry, previous, run);
            assert!(is_left(FindingKind::Added, "_archive/journal"));
        }
        assert!(is_left(FindingKind::Removed, "_archive/head"));
        assert!(is_left(FindingKind::Moved, "events/"));
        assert!(is_left(FindingKind::Added, ".events.nhn-cloudtrail/"));
    }
    journal(&archive, 1, &beginning, "another-run");
    assert!(is_left(FindingKind::Added, ".events.nhn-cloudtrail/"));
    journal(&archive, 1, &beginning, &run);
    // The head is written after the line.
    for head in [None, Some(format!("{beginning}\n"))] {
        if let Some(head) = head {
            fs::write(archive.join("_archive/head"), head).unwrap();
        }
        let verified = verify(&archive);
        assert!(verified.is_intact() && verified.interrupted, "{:?}", verified.findings);
    }
    // Files that the run did not write are not accepted, and neither are those of another run.
    let stage = archive.join(".events.nhn-cloudtrail");
    let whole = fs::read(files(&stage).remove(0)).unwrap();
    for (name, bytes) in
        [("x", &b"x"[..]), ("0", b"x"), ("event_date=2026-10-01/x.parquet", &whole)]
    {
        fs::create_dir_all(stage.join(name).parent().unwrap()).unwrap();
        fs::write(stage.join(name), bytes).unwrap();
        let left = format!(".events.nhn-cloudtrail/{name}");
        assert_eq!(found(&archive), [(FindingKind::Added, left)]);
        fs::remove_file(stage.join(name)).unwrap();
    }
    let staged = files(&stage).remove(0);
    fs::write(&staged, b"x").unwrap();
    assert!(is_left(FindingKind::Removed, "events/"), "its content is another one");
    fs::write(&staged, &whole).unwrap();
    assert!(collect(&server, &archive).is_complete());
    let verified = verify(&archive);
    assert!(verified.is_intact() && !verified.interrupted, "{:?}", verified.findings);
    assert_eq!(keys(&archive), server.keys().into_iter().collect::<Vec<_>>());
    // A partial line.
    let text = fs::read_to_string(&path).unwrap();
    let count = text.lines().count() as u64;
    let half =
        format!(r#"{{"version":1,"entry":{},"previous":"{}","time":"20"#, count + 1, verified.head);
    fs::write(&path, format!("{text}{half}")).unwrap();
    assert_eq!(found(&archive), [(FindingKind::Added, "_archive/ledger.jsonl".to_owned())]);
    journal(&archive, count + 1, &verified.head, &run);
    let verified = verify(&archive);
    assert!(verified.is_intact() && verified.interrupted, "{:?}", verified.findings);
    assert!(collect(&server, &archive).is_complete());
    assert!(verify(&archive).is_intact());
}
