//! Maintaining an archive: compaction, pruning, repair, and acknowledging losses.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use nhn_cloudtrail::{Code, Reader};
use nhn_cloudtrail_arrow::Parquet;
use nhn_cloudtrail_collect::{
    Acknowledge, Api, Collection, Compaction, CompactionReport, FindingKind, Gap, LossState,
    Pruning, Repair, RepairReport, Report, Status, Verified, Verify,
};
use serde_json::{Value, json};
use support::{Server, day, query, time, until};

/// Number of days with events in the servers' organization.
const DAYS: i64 = 3;

fn since() -> String {
    format!("{}T00:00:00.000Z", day(DAYS))
}

fn server(more: &[&str]) -> Server {
    let (until, days) = (until(), DAYS.to_string());
    let options = ["--events", "600", "--days", &days, "--until", &until];
    Server::api(&[&options[..], more].concat())
}

fn collect(server: &Server, archive: &Path) -> Report {
    let client = server.client(Api::V2).page_size(200).build().unwrap();
    Collection::new(archive).api(client, query(&since())).run().unwrap()
}

/// Collects in several runs, so that days have several files.
fn grow(server: &Server, archive: &Path) {
    for before in (0..DAYS).rev() {
        for hour in ["05", "11", "17", "23"] {
            let until = time(&format!("{}T{hour}:00:00.000Z", day(before + 1)));
            let client = server.client(Api::V2).build().unwrap();
            let query = query(&since()).until(until);
            assert!(Collection::new(archive).api(client, query).run().unwrap().is_complete());
        }
    }
    assert!(collect(server, archive).is_complete());
}

fn compact(archive: &Path) -> CompactionReport {
    Compaction::new(archive).run(&mut |_, _| true).unwrap()
}

fn repair(server: &Server, archive: &Path) -> RepairReport {
    Repair::new(archive).api(server.client(Api::V2).retries(1).build().unwrap()).run().unwrap()
}

fn acknowledge(archive: &Path, loss: &str) -> nhn_cloudtrail::Result<()> {
    Acknowledge::new(archive, "nobody has it").loss(loss).run(&mut |_, _| true).map(|_| ())
}

/// Returns the original records of an archive, in the order in which they are read.
fn records(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let catalog = nhn_cloudtrail::catalog::Catalog::builtin();
    let parquet = Parquet::new(&nhn_cloudtrail::Filter::new(), &catalog).verify(true);
    let reader = Reader::builder().format(Arc::new(parquet)).open([archive]).unwrap();
    let record = |event: nhn_cloudtrail::Event| (event.key().to_string(), event.raw().to_vec());
    reader.map(|event| record(event.unwrap())).collect()
}

fn keys(archive: &Path) -> Vec<String> {
    let mut keys: Vec<String> = records(archive).into_iter().map(|(key, _)| key).collect();
    keys.sort();
    keys
}

/// Returns the keys of all records of a server, and the number of records without a key.
fn all_keys(server: &Server) -> (Vec<String>, usize) {
    let (without, with): (Vec<String>, Vec<String>) =
        server.keys().into_iter().partition(|key| key.starts_with("none:"));
    (with, without.len())
}

/// The same for an archive: records without a key have hashes as keys.
fn held_keys(archive: &Path) -> (Vec<String>, usize) {
    let (with, without): (Vec<String>, Vec<String>) =
        keys(archive).into_iter().partition(|key| key.len() == 36);
    (with, without.len())
}

fn verify(archive: &Path) -> Verified {
    Verify::new().run(archive, &mut |_, _| true).unwrap()
}

fn found(archive: &Path) -> Vec<(FindingKind, String)> {
    verify(archive).findings.into_iter().map(|finding| (finding.kind, finding.path)).collect()
}

fn assert_intact(archive: &Path, interrupted: bool) {
    let verified = verify(archive);
    assert!(verified.is_intact(), "{:?}", verified.findings);
    assert_eq!(verified.interrupted, interrupted);
}

/// Returns the Parquet files of an archive by day, by their paths.
fn tables(archive: &Path) -> BTreeMap<String, Vec<String>> {
    let mut days = BTreeMap::<String, Vec<String>>::new();
    for folder in fs::read_dir(archive.join("events")).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(day) = name.strip_prefix("event_date=") else { continue };
        for file in fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            days.entry(day.to_owned()).or_default().push(format!("events/{name}/{file}"));
        }
    }
    days.values_mut().for_each(|files| files.sort());
    days
}

fn entries(archive: &Path) -> Vec<Value> {
    let text = fs::read_to_string(archive.join("_archive/ledger.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Writes the journal of a run that has just written the last entry.
fn journal_of_last(archive: &Path) {
    let entries = entries(archive);
    let last = entries.last().unwrap();
    let name = |file: &Value| file["path"].as_str()?.split("part-").nth(1).map(str::to_owned);
    let name = last["files"].as_array().and_then(|files| files.iter().find_map(name));
    let run = name.map_or(String::new(), |name| name.rsplit_once('-').unwrap().0.to_owned());
    let journal = json!({"version": 1, "entry": last["entry"], "previous": last["previous"],
                         "run": run, "time": last["time"]});
    fs::write(archive.join("_archive/journal"), format!("{journal}\n")).unwrap();
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn small_files_become_one_a_day_with_the_same_records() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&["--no-uuid", "10"]);
    grow(&server, &archive);
    let before = (records(&archive), tables(&archive));
    assert!(before.1.values().all(|files| files.len() > 2), "{:?}", before.1);
    let small = before.1.values().map(Vec::len).sum::<usize>() as u64;
    assert_eq!(Status::read(&archive).unwrap().compactable, small);
    let report = compact(&archive);
    assert_eq!((report.days, report.files_before, report.files_after), (3, small, 3));
    assert_eq!((report.records, report.skipped.len()), (600, 0));
    assert!(report.bytes_after < report.bytes_before);
    assert_eq!(records(&archive), before.0);
    assert!(tables(&archive).values().all(|files| files.len() == 1));
    assert_intact(&archive, false);
    let status = Status::read(&archive).unwrap();
    assert_eq!((status.events, status.compactable, &status.head), (600, 0, &report.head));
    // The content hash does not depend on how records are split into files.
    let entry = entries(&archive).pop().unwrap();
    let removed = entry["removed"].as_array().unwrap();
    assert_eq!(removed.len(), 3);
    for removed in removed {
        assert_eq!(removed["why"]["compacted"]["content"].as_str().unwrap().len(), 64);
        assert_eq!(removed["why"]["compacted"]["into"].as_array().unwrap().len(), 1);
    }
    // No record is added twice after that, and late records are compacted with the rest.
    assert_eq!(collect(&server, &archive).records.fetched, 0);
    server.control("insert", &json!({"time": format!("{}T03:04:05.678Z", day(2)), "count": 3}));
    let late = collect(&server, &archive);
    assert_eq!((late.records.new, late.records.conflicts), (3, 0));
    assert_eq!(held_keys(&archive), all_keys(&server));
    let status = Status::read(&archive).unwrap();
    let grown = status.days.iter().find(|known| known.date == Some(day(2))).unwrap();
    assert_eq!(grown.files, 2);
    let report = compact(&archive);
    assert_eq!((report.days, report.files_before, report.records), (1, 2, grown.events));
    assert_eq!(held_keys(&archive), all_keys(&server));
    assert_intact(&archive, false);
    let head = report.head;
    let nothing = compact(&archive);
    assert_eq!((nothing.days, nothing.head), (0, head));
    assert_eq!(collect(&server, &archive).records.fetched, 0);
}

#[test]
fn a_compaction_that_is_stopped_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grow(&server, &archive);
    let (tables_before, entries_before) = (tables(&archive), entries(&archive).len());
    for stop_at in [1, 3, 20] {
        let mut calls = 0;
        let mut goes_on = |_, _| {
            calls += 1;
            calls < stop_at
        };
        let error = Compaction::new(&archive).run(&mut goes_on).unwrap_err();
        assert_eq!(error.code(), Code::Interrupted);
        assert_eq!(
            (tables(&archive), entries(&archive).len()),
            (tables_before.clone(), entries_before)
        );
        assert_intact(&archive, false);
    }
}

/// Every state of the disk that a kill can leave after the ledger's line, created by hand.
#[test]
fn a_compaction_that_is_killed_is_ended_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grow(&server, &archive);
    let before = folder.path().join("before");
    copy(&archive, &before);
    let head = fs::read(archive.join("_archive/head")).unwrap();
    compact(&archive);
    let new: Vec<String> = tables(&archive).into_values().flatten().collect();
    let old: Vec<String> = tables(&before).into_values().flatten().collect();
    let staged = |file: &str| file.replacen("events", ".events.nhn-cloudtrail", 1);
    // How many of the new files are renamed, and how many of the old ones are removed.
    for (named, gone) in [(0, 0), (1, 0), (new.len(), 0), (new.len(), old.len() / 2)] {
        for old_head in [true, false] {
            let killed = folder.path().join("killed");
            let _ = fs::remove_dir_all(&killed);
            copy(&before, &killed);
            fs::copy(archive.join("_archive/ledger.jsonl"), killed.join("_archive/ledger.jsonl"))
                .unwrap();
            if !old_head {
                fs::copy(archive.join("_archive/head"), killed.join("_archive/head")).unwrap();
            }
            for (at, file) in new.iter().enumerate() {
                let target = killed.join(if at < named { file.clone() } else { staged(file) });
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                fs::copy(archive.join(file), target).unwrap();
            }
            for file in &old[..gone] {
                fs::remove_file(killed.join(file)).unwrap();
            }
            journal_of_last(&killed);
            assert_intact(&killed, true);
            assert!(collect(&server, &killed).is_complete());
            assert_intact(&killed, false);
            assert_eq!(held_keys(&killed), all_keys(&server));
            assert_eq!(tables(&killed), tables(&archive));
        }
    }
    // If a new file is missing, the files that it replaces stay.
    let lost = folder.path().join("lost");
    copy(&before, &lost);
    fs::copy(archive.join("_archive/ledger.jsonl"), lost.join("_archive/ledger.jsonl")).unwrap();
    fs::write(lost.join("_archive/head"), head).unwrap();
    let report = collect(&server, &lost);
    assert!(!report.is_complete());
    assert!(old.iter().all(|file| lost.join(file).exists()));
}

#[test]
fn a_day_with_an_altered_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grow(&server, &archive);
    let before = tables(&archive);
    let (altered, missing) = (&before[&day(3)][1], &before[&day(2)][0]);
    flip(&archive.join(altered));
    fs::remove_file(archive.join(missing)).unwrap();
    let report = compact(&archive);
    assert_eq!(report.days, 1);
    let skipped: Vec<_> = report.skipped.iter().map(|day| day.date.as_str()).collect();
    assert_eq!(skipped, [day(3), day(2)]);
    assert!(report.skipped[0].reason.contains(altered), "{:?}", report.skipped);
    assert_eq!(tables(&archive)[&day(3)], before[&day(3)]);
    let mut findings = found(&archive);
    findings.sort_by(|a, b| a.1.cmp(&b.1));
    let expected =
        [(FindingKind::Altered, altered.clone()), (FindingKind::Removed, missing.clone())];
    assert_eq!(findings, expected);
    // No archive is created.
    let nowhere = folder.path().join("nowhere");
    let error = Compaction::new(&nowhere).run(&mut |_, _| true).unwrap_err();
    assert_eq!((error.code(), nowhere.exists()), (Code::NotFound, false));
}

#[test]
fn pruned_days_are_gone_and_do_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grow(&server, &archive);
    let before = tables(&archive);
    let kept_since = day(1);
    let wrong = |before: &str, reason: &str| {
        Pruning::new(&archive, before, reason).run().unwrap_err().code()
    };
    for date in ["2999-01-01", &day(-2), "yesterday", "2026-1-1", "2026-02-30", ""] {
        assert_eq!(wrong(date, "x"), Code::InvalidTime, "{date}");
    }
    assert_eq!(wrong(&kept_since, "  "), Code::InvalidOption);
    assert_eq!(wrong(&kept_since, &"x".repeat(1001)), Code::InvalidOption);
    assert_eq!(tables(&archive), before);
    let nothing = Pruning::new(&archive, day(10), "old").run().unwrap();
    assert_eq!((nothing.files, nothing.head), (0, Status::read(&archive).unwrap().head));
    let events = |date: &str, status: &Status| {
        let day = status.days.iter().find(|day| day.date.as_deref() == Some(date));
        day.map_or(0, |day| day.events)
    };
    let status = Status::read(&archive).unwrap();
    let pruned = events(&day(3), &status) + events(&day(2), &status);
    let report = Pruning::new(&archive, &kept_since, "policy \u{1b}7").run().unwrap();
    assert_eq!((report.days, report.records), (2, pruned));
    assert_eq!(report.files as usize, before[&day(3)].len() + before[&day(2)].len());
    assert_eq!(tables(&archive).keys().collect::<Vec<_>>(), [&kept_since]);
    assert!(!archive.join(format!("events/event_date={}", day(3))).exists());
    assert_intact(&archive, false);
    let status = Status::read(&archive).unwrap();
    assert_eq!(status.events, 600 - pruned);
    let shown = &status.pruned[0];
    assert_eq!((shown.before.as_str(), shown.reason.as_str()), (&*kept_since, "policy \u{fffd}7"));
    assert_eq!((shown.days, shown.records, shown.files), (2, pruned, report.files));
    // No events of these days are added again, whatever arrives for them or right beside them.
    let kept = keys(&archive);
    for time in ["T10:00:00.000Z", "T23:59:59.999Z"] {
        server.control("insert", &json!({"time": format!("{}{time}", day(2)), "count": 1}));
    }
    server.control("insert", &json!({"time": format!("{kept_since}T00:00:00.000Z"), "count": 1}));
    let again = collect(&server, &archive);
    assert!(again.is_complete(), "{again:?}");
    assert_eq!(again.records.new, 1);
    assert_eq!(again.pruned_before.as_ref(), Some(&kept_since));
    assert_eq!(keys(&archive).len(), kept.len() + 1);
    assert_eq!(tables(&archive).len(), 1);
    assert!(status.sources[0].gaps.is_empty());
    let client = server.client(Api::V2).build().unwrap();
    let old = query(&since()).until(time(&format!("{}T00:00:00.000Z", day(2))));
    let asked = server.searches();
    let nothing = Collection::new(&archive).api(client, old).run().unwrap();
    assert!(nothing.is_complete() && nothing.records.fetched == 0);
    assert_eq!(server.searches(), asked);
}

#[test]
fn a_pruning_that_is_killed_is_ended_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grow(&server, &archive);
    let before = folder.path().join("before");
    copy(&archive, &before);
    Pruning::new(&archive, day(1), "old").run().unwrap();
    let ledger = fs::read(archive.join("_archive/ledger.jsonl")).unwrap();
    fs::write(before.join("_archive/ledger.jsonl"), ledger).unwrap();
    fs::remove_file(before.join(&tables(&before)[&day(3)][0])).unwrap();
    journal_of_last(&before);
    assert_intact(&before, true);
    assert!(collect(&server, &before).is_complete());
    assert_intact(&before, false);
    assert_eq!(tables(&before), tables(&archive));
    // A file that is put there later is not part of the archive.
    let file = format!("events/event_date={}/part-1-0000.parquet", day(3));
    fs::create_dir(before.join(&file).parent().unwrap()).unwrap();
    fs::write(before.join(&file), "x").unwrap();
    assert_eq!(found(&before), [(FindingKind::Added, file)]);
}

/// A file outside of the archive is never removed or moved.
#[cfg(unix)]
#[test]
fn nothing_is_removed_or_moved_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grow(&server, &archive);
    let elsewhere = folder.path().join("elsewhere");
    let linked = archive.join(format!("events/event_date={}", day(3)));
    fs::rename(&linked, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &linked).unwrap();
    let count = fs::read_dir(&elsewhere).unwrap().count();
    let error = Pruning::new(&archive, day(1), "old").run().unwrap_err();
    assert_eq!(error.code(), Code::InvalidArchive);
    let compacted = Compaction::new(&archive).run(&mut |_, _| true);
    assert_eq!(compacted.unwrap_err().code(), Code::InvalidArchive);
    let repair = Repair::new(&archive).api(server.client(Api::V2).build().unwrap()).run();
    assert_eq!(repair.unwrap_err().code(), Code::InvalidArchive);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), count);
}

#[test]
fn what_is_lost_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grow(&server, &archive);
    let nothing = repair(&server, &archive);
    assert!(nothing.is_complete() && nothing.requests == 0);
    // One was compacted from others, so that no entry names the origin of it alone.
    compact(&archive);
    server.control("insert", &json!({"time": format!("{}T03:04:05.678Z", day(1)), "count": 3}));
    collect(&server, &archive);
    let before = tables(&archive);
    let (gone, altered) = (&before[&day(3)][0], &before[&day(1)][1]);
    fs::remove_file(archive.join(gone)).unwrap();
    flip(&archive.join(altered));
    // A collection has already found one, and read what it could.
    let noticed = collect(&server, &archive);
    assert_eq!(noticed.gaps.len(), 1, "{noticed:?}");
    let open = Status::read(&archive).unwrap().losses;
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].path.as_ref(), open[0].state), (Some(gone), LossState::Open));
    assert_eq!(found(&archive).len(), 2);
    let report = repair(&server, &archive);
    assert!(report.is_complete(), "{report:?}");
    let mut repaired: Vec<_> = report.repaired.iter().map(|loss| loss.what()).collect();
    repaired.sort();
    let mut expected = [gone.clone(), altered.clone()];
    expected.sort();
    assert_eq!(repaired, expected);
    assert!(
        report.repaired.iter().all(|loss| loss.reason.starts_with("read again from the API: "))
    );
    assert_intact(&archive, false);
    assert_eq!(held_keys(&archive), all_keys(&server));
    // The loss stays visible, and the altered file is kept where no reader uses it.
    let status = Status::read(&archive).unwrap();
    assert!(status.losses.iter().all(|loss| loss.state == LossState::Repaired));
    assert_eq!((status.losses.len(), status.events), (2, 603));
    assert!(status.last_run.unwrap().gaps.is_empty());
    assert!(!archive.join(altered).exists());
    let number = entries(&archive).len();
    let damaged = format!("_archive/damaged/{number:08}/{altered}");
    assert!(archive.join(&damaged).exists());
    let again = collect(&server, &archive);
    assert!(again.is_complete() && again.records.fetched == 0);
    let kept = fs::read(archive.join(&damaged)).unwrap();
    fs::write(archive.join(&damaged), [&kept[..], b"x"].concat()).unwrap();
    assert_eq!(found(&archive), [(FindingKind::Altered, damaged.clone())]);
    // No source has what was kept as evidence.
    let lost = folder.path().join("lost");
    copy(&archive, &lost);
    fs::remove_file(lost.join(&damaged)).unwrap();
    let left = repair(&server, &lost).left;
    assert!(left[0].reason.contains("evidence"), "{left:?}");
    acknowledge(&lost, &damaged).unwrap();
    assert_intact(&lost, false);
    fs::write(archive.join(&damaged), kept).unwrap();
    // The state if a kill came before the move.
    let head = entries(&archive);
    assert!(head[number - 1]["settled"].is_array());
    let killed = folder.path().join("killed");
    copy(&archive, &killed);
    let path = killed.join("_archive/ledger.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let kept: String = text.split_inclusive('\n').take(number).collect();
    fs::write(&path, kept).unwrap();
    fs::remove_file(killed.join("_archive/head")).unwrap();
    let previous = head[number]["previous"].as_str().unwrap();
    fs::write(killed.join("_archive/head"), format!("{previous}\n")).unwrap();
    fs::rename(killed.join(&damaged), killed.join(altered)).unwrap();
    journal_of_last(&killed);
    assert_intact(&killed, true);
    assert!(collect(&server, &killed).is_complete());
    assert!(killed.join(&damaged).exists() && !killed.join(altered).exists());
    assert_intact(&killed, false);
}

#[test]
fn events_without_a_time_and_rejects_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    let undated = r#"{"eventId":"event_id.iam.login","eventTime":"soon","eventLogUuid":"undated"}"#;
    let lines = [(r#""none""#, "01"), (undated, "02")];
    let lines = lines.map(|(line, hour)| format!("#time={}T{hour}:00:00.500Z\t{line}\n", day(2)));
    fs::write(&file, lines.concat()).unwrap();
    let archive = folder.path().join("archive");
    let server = server(&["--records", file.to_str().unwrap()]);
    let report = collect(&server, &archive);
    assert_eq!((report.records.rejected, report.records.new), (1, 601));
    let rejects = "_archive/rejects/rejects-00000001.jsonl".to_owned();
    let undated = tables(&archive)["__HIVE_DEFAULT_PARTITION__"][0].clone();
    fs::write(archive.join(&rejects), fs::read(archive.join(&rejects)).unwrap().repeat(2)).unwrap();
    fs::remove_file(archive.join(&undated)).unwrap();
    let report = repair(&server, &archive);
    assert!(report.is_complete(), "{report:?}");
    let mut repaired: Vec<_> = report.repaired.iter().map(|loss| loss.what()).collect();
    repaired.sort();
    assert_eq!(repaired, [rejects, undated]);
    assert_intact(&archive, false);
    let status = Status::read(&archive).unwrap();
    assert_eq!((status.events, status.rejects), (601, 1));
}

#[test]
fn what_nobody_has_any_more_can_be_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let mut server = server(&[]);
    collect(&server, &archive);
    let before = tables(&archive);
    let (gone, altered, fine) = (&before[&day(3)][0], &before[&day(2)][0], &before[&day(1)][0]);
    fs::remove_file(archive.join(gone)).unwrap();
    flip(&archive.join(altered));
    // A source of another organization does not prove anything.
    let other = self::server(&["--seed", "2"]);
    let report = repair(&other, &archive);
    assert!(report.repaired.is_empty() && report.left.len() == 2, "{report:?}");
    assert!(report.left[0].reason.contains("which was not asked"), "{report:?}");
    // The service has deleted most of it: the same address returns fewer records.
    let url = server.url.clone();
    let port = url.rsplit(':').next().unwrap().to_owned();
    drop(server);
    server = Server::api(&["--events", "30", "--days", "3", "--until", &until(), "--port", &port]);
    assert_eq!(server.url, url);
    let report = repair(&server, &archive);
    assert_eq!((report.repaired.len(), report.left.len()), (0, 2), "{report:?}");
    assert!(report.left.iter().all(|loss| loss.reason.contains(" of the ")), "{report:?}");
    // Only open losses can be acknowledged, and only with a reason.
    let date = day(1);
    for wrong in [
        fine.as_str(),
        "events/event_date=2026-10-01/part-x.parquet",
        "_archive/ledger.jsonl",
        "s3://bucket/object",
        "nonsense",
        "2026-10-02/2026-10-01",
        &format!("{date}/{date}"),
    ] {
        assert_eq!(
            acknowledge(&archive, wrong).unwrap_err().code(),
            Code::InvalidOption,
            "{wrong}"
        );
    }
    let reasonless = Acknowledge::new(&archive, " ").all().run(&mut |_, _| true);
    assert_eq!(reasonless.unwrap_err().code(), Code::InvalidOption);
    let nothing = Acknowledge::new(&archive, "x").run(&mut |_, _| true);
    assert_eq!(nothing.unwrap_err().code(), Code::InvalidOption);
    let both = Acknowledge::new(&archive, "x").loss(gone).loss(fine).run(&mut |_, _| true);
    assert_eq!(both.unwrap_err().code(), Code::InvalidOption);
    assert_eq!(found(&archive).len(), 2, "nothing was recorded");
    acknowledge(&archive, gone).unwrap();
    assert_eq!(acknowledge(&archive, gone).unwrap_err().code(), Code::InvalidOption);
    assert_eq!(found(&archive), [(FindingKind::Altered, altered.clone())]);
    Acknowledge::new(&archive, "restored\nfrom nothing").all().run(&mut |_, _| true).unwrap();
    assert_intact(&archive, false);
    let report = collect(&server, &archive);
    assert!(report.gaps.is_empty(), "{report:?}");
    let status = Status::read(&archive).unwrap();
    let shown: Vec<_> = status
        .losses
        .iter()
        .map(|loss| (loss.path.clone().unwrap(), loss.state, loss.reason.as_str()))
        .collect();
    assert_eq!(shown[0], (gone.clone(), LossState::Final, "nobody has it"));
    assert_eq!(shown[1], (altered.clone(), LossState::Final, "restored\u{fffd}from nothing"));
    assert_eq!(shown.len(), 2);
    assert!(!archive.join(altered).exists());
}

#[test]
fn periods_that_nobody_gives_can_be_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    let client = || server.client(Api::V2).concurrency(1).retries(0).build().unwrap();
    let run = || Collection::new(&archive).api(client(), query(&since())).run().unwrap();
    let day_ends = |before: i64| {
        let ends = [format!("{}T00:00:00Z", day(before)), format!("{}T00:00:00Z", day(before - 1))];
        query(&ends[0]).until(time(&ends[1]))
    };
    for before in [3, 1] {
        assert!(
            Collection::new(&archive).api(client(), day_ends(before)).run().unwrap().is_complete()
        );
    }
    // The day in between cannot be fetched.
    server.control("fail", &json!({"deny": 50000}));
    let failed = Collection::new(&archive).api(client(), day_ends(2)).run().unwrap();
    assert!(!failed.gaps.is_empty());
    assert!(Status::read(&archive).unwrap().losses.iter().any(|loss| loss.path.is_none()));
    let left = repair(&server, &archive);
    assert!(!left.is_complete());
    let (from, to) = (day(2), day(2));
    let source = Status::read(&archive).unwrap().sources[0].source.clone();
    let other = Acknowledge::new(&archive, "x").loss(format!("{from}/{to}")).source("0".repeat(32));
    assert_eq!(other.run(&mut |_, _| true).unwrap_err().code(), Code::InvalidOption);
    Acknowledge::new(&archive, "lost for ever")
        .loss(format!("{from}/{to}"))
        .source(&source)
        .run(&mut |_, _| true)
        .unwrap();
    assert!(Status::read(&archive).unwrap().last_run.unwrap().gaps.is_empty());
    server.control("fail", &json!({"deny": null}));
    let after = run();
    assert!(after.is_complete(), "{after:?}");
    let status = Status::read(&archive).unwrap();
    assert!(status.sources[0].gaps.is_empty());
    let open = status.losses.iter().filter(|loss| loss.state == LossState::Open).count();
    assert_eq!((open, status.losses.len()), (0, 1), "{:?}", status.losses);
    let days: Vec<_> = status.days.iter().filter_map(|day| day.date.clone()).collect();
    assert_eq!(days, [day(3), day(1)], "what is final is not asked for");
    assert_intact(&archive, false);
    // Days that cannot be compared are missing, too, until they are final.
    server.control("fail", &json!({"deny": 50000}));
    let is_missing = |report: &Report, before: i64| {
        let begins =
            |gap: &Gap| gap.since.as_ref().is_some_and(|since| since.starts_with(&day(before)));
        report.gaps.iter().any(begins)
    };
    let unsure = run();
    assert!(is_missing(&unsure, 3) && is_missing(&unsure, 1), "{unsure:?}");
    acknowledge(&archive, &format!("{}/{}", day(1), day(1))).unwrap();
    let unsure = run();
    assert!(is_missing(&unsure, 3) && !is_missing(&unsure, 1), "{unsure:?}");
}

/// Records from a bucket are read again from that bucket only.
#[cfg(feature = "object-storage")]
#[test]
fn objects_are_read_again() {
    use nhn_cloudtrail_collect::{BucketSettings, Buckets};

    let folder = tempfile::tempdir().unwrap();
    let Some(swift) = Server::swift(folder.path()) else { return };
    let signed = ureq::get(format!("{}/auth/v1.0", swift.url))
        .header("x-auth-user", "test:tester")
        .header("x-auth-key", "testing")
        .call()
        .unwrap();
    let header = |name: &str| signed.headers().get(name).unwrap().to_str().unwrap().to_owned();
    let (url, token) = (header("x-storage-url"), header("x-auth-token"));
    let put = |path: &str, bytes: &[u8]| {
        let request = ureq::put(format!("{url}/{path}")).header("x-auth-token", &token);
        request.send(bytes).unwrap();
    };
    let line = |number: usize| {
        format!(
            "{{\"eventTime\":\"2026-0{}-02T01:02:03.456+0000\",\"eventId\":\"event_id.iam.login\",\
             \"eventLogUuid\":\"{number}\"}}\n",
            number % 3 + 1
        )
    };
    put("audit", b"");
    put("audit/a.jsonl", (0..30).map(line).collect::<String>().as_bytes());
    put("audit/b.jsonl", (30..60).map(line).collect::<String>().as_bytes());
    let mut settings = BucketSettings::default();
    settings.endpoint = Some(swift.url.clone());
    settings.region = Some("kr1".into());
    settings.access_key_id = Some("test:tester".into());
    settings.secret_access_key = Some("testing".into());
    let buckets = Buckets::new(settings).unwrap();
    let archive = folder.path().join("archive");
    let collect = || Collection::new(&archive).bucket(buckets.clone(), "s3://audit").run().unwrap();
    assert!(collect().is_complete());
    compact(&archive);
    let gone = tables(&archive).into_values().flatten().next().unwrap();
    fs::remove_file(archive.join(&gone)).unwrap();
    assert_eq!(collect().gaps.len(), 1);
    let server = server(&[]);
    let elsewhere = repair(&server, &archive);
    assert!(elsewhere.left[0].reason.contains("s3://audit/a.jsonl"), "{elsewhere:?}");
    let again = || Repair::new(&archive).bucket(buckets.clone(), "s3://audit").run().unwrap();
    // An object that has changed since is not the lost one.
    put("audit/b.jsonl", (60..90).map(line).collect::<String>().as_bytes());
    let changed = again();
    assert!(changed.left[0].reason.contains("no longer in the bucket"), "{changed:?}");
    put("audit/b.jsonl", (30..60).map(line).collect::<String>().as_bytes());
    let report = again();
    assert!(report.is_complete(), "{report:?}");
    assert!(report.repaired[0].reason.starts_with("read again from 2 objects: "), "{report:?}");
    assert_intact(&archive, false);
    assert_eq!(keys(&archive).len(), 90);
    assert!(collect().is_complete());
    // Pruned records do not return from there either.
    Pruning::new(&archive, "2026-02-01", "old").run().unwrap();
    put("audit/c.jsonl", (90..120).map(line).collect::<String>().as_bytes());
    let report = collect();
    assert_eq!((report.records.new, report.records.known), (20, 10), "{report:?}");
    assert_eq!(tables(&archive).len(), 2);
    // An object that cannot be read is a gap until its loss is acknowledged.
    put("audit/d.jsonl.gz", b"\x1f\x8b and nothing that follows");
    let gap = collect().gaps.remove(0);
    let url = "s3://audit/d.jsonl.gz";
    assert_eq!(gap.object.as_deref(), Some(url));
    assert_eq!(
        acknowledge(&archive, "s3://audit/a.jsonl").unwrap_err().code(),
        Code::InvalidOption
    );
    let left = again();
    assert_eq!(left.left[0].path.as_deref(), Some(url), "{left:?}");
    acknowledge(&archive, url).unwrap();
    assert!(collect().is_complete());
    assert!(again().is_complete());
}
