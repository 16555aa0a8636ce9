//! Altered ledgers, including those that are consistent in themselves.

use std::fs;
use std::path::Path;

use nhn_cloudtrail::Code;
use nhn_cloudtrail_collect::{FindingKind, Status};
use serde_json::{Value, json};

use crate::{
    collect, collection, content, copy, entries, found, grown, journal_of_last, server, tables,
    verify, write_ledger,
};

fn add(counts: &mut Value, name: &str, number: i64) {
    counts[name] = (counts[name].as_i64().unwrap() + number).into();
}

/// `verify` reports the finding; `collect` and `status` fail before anything is changed.
#[test]
fn a_ledger_that_was_rewritten_as_a_whole_has_to_add_up() {
    type Change = fn(&mut Vec<Value>);
    let changes: [(&str, Change); 22] = [
        ("counts of entry 1 do not add up", |entries| {
            add(&mut entries[0]["records"], "new", -1);
            add(&mut entries[0]["records"], "known", 1);
        }),
        ("counts of entry 1 do not add up", |entries| {
            add(&mut entries[0]["records"], "rejected", 1);
            add(&mut entries[0]["records"], "fetched", 1);
        }),
        ("counts of entry 1 do not add up", |entries| {
            add(&mut entries[0]["records"], "fetched", 1);
        }),
        ("counts of entry 1 do not add up", |entries| {
            add(&mut entries[0]["records"], "conflicts", 1000);
        }),
        ("counts of entry 1 do not add up", |entries| {
            entries[0]["records"]["known"] = u64::MAX.into();
        }),
        ("counts of entry 1 do not add up", |entries| {
            add(&mut entries[0]["files"][0], "records", 1);
        }),
        ("counts of entry 1 do not add up", |entries| {
            entries[0].as_object_mut().unwrap().remove("records");
        }),
        ("has version 2, and this release reads version 1", |entries| {
            entries[1]["version"] = 2.into();
        }),
        ("entry 2 has members that this release does not know", |entries| {
            entries[1]["more"] = 1.into();
        }),
        ("a file elsewhere: ../secret.txt", |entries| {
            entries[0]["files"][0]["path"] = "../secret.txt".into();
        }),
        ("a file elsewhere: /etc/passwd", |entries| {
            entries[0]["files"][0]["path"] = "/etc/passwd".into();
        }),
        ("a file elsewhere: events/event_date=2026-10-01/../../x.parquet", |entries| {
            entries[0]["files"][0]["path"] = "events/event_date=2026-10-01/../../x.parquet".into();
        }),
        ("a file elsewhere: _archive/head", |entries| {
            entries[0]["files"][0]["path"] = "_archive/head".into();
        }),
        ("no SHA-256", |entries| entries[0]["files"][0]["sha256"] = "00".into()),
        ("again", |entries| {
            let file = entries[0]["files"][0].clone();
            let records = file["records"].clone();
            let counts = json!({"fetched": records, "new": records, "known": 0, "rejected": 0,
                                "conflicts": 0});
            let last = entries.last_mut().unwrap();
            last["files"] = json!([file]);
            last["records"] = counts;
        }),
        ("removes events/event_date=2026-10-01/x.parquet", |entries| {
            let paths = ["events/event_date=2026-10-01/x.parquet"];
            let why = json!({"pruned": {"before": "2026-10-02", "reason": ""}});
            entries.last_mut().unwrap()["removed"] = json!([{"paths": paths, "why": why}]);
        }),
        ("removes events/", |entries| {
            let path = entries[0]["files"][0]["path"].clone();
            let why = json!({"pruned": {"before": "2026-10-02", "reason": ""}});
            let removed = json!({"paths": [path], "why": why});
            entries.last_mut().unwrap()["removed"] = json!([removed, removed]);
        }),
        ("do not add up", |entries| compact(entries, 1, 0)),
        ("do not add up", |entries| compact(entries, 0, 1)),
        ("do not add up", |entries| {
            compact(entries, 0, 0);
            let last = entries.last_mut().unwrap();
            let removed = last["removed"][0].clone();
            // One file is recorded twice as the replacement of others.
            last["removed"] = json!([removed, {"paths": [], "why": removed["why"]}]);
        }),
        ("do not add up", |entries| {
            let last = entries.len() - 1;
            let old = entries[0]["files"][0].clone();
            let why = json!({"compacted": {"into": [old["path"]], "records": old["records"],
                                           "content": ""}});
            entries[last]["removed"] = json!([{"paths": [old["path"]], "why": why}]);
        }),
        ("after entry 9", |entries| entries[1]["entry"] = 9.into()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let (archive, forged) = (folder.path().join("archive"), folder.path().join("forged"));
    let server = server(&[]);
    grown(&server, &archive);
    // An edit without an effect is not a forgery.
    copy(&archive, &forged);
    write_ledger(&forged, entries(&forged));
    assert_eq!(found(&forged), []);
    assert!(collect(&server, &forged).unwrap().is_complete());
    for (message, change) in changes {
        copy(&archive, &forged);
        let mut lines = entries(&forged);
        change(&mut lines);
        write_ledger(&forged, lines);
        let findings = verify(&forged).findings;
        let is_named = findings.iter().any(|finding| finding.message.contains(message));
        assert!(is_named, "{message}: {findings:?}");
        let before = content(&forged);
        let error = collect(&server, &forged).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArchive, "{message}");
        let of_collect = match message {
            "after entry 9" => "does not follow",
            message => message,
        };
        assert!(error.to_string().contains(of_collect), "{message}: {error}");
        assert!(before == content(&forged), "{message}: something was changed");
        assert_eq!(Status::read(&forged).unwrap_err().code(), Code::InvalidArchive, "{message}");
    }
}

/// Replaces the first file by another one with the same records, except for the given numbers.
fn compact(entries: &mut [Value], more_claimed: i64, more_there: i64) {
    let old = entries[0]["files"][0].clone();
    let mut new = old.clone();
    let path = old["path"].as_str().unwrap().replace("part-", "part-x");
    new["path"] = path.clone().into();
    add(&mut new, "records", more_there);
    let claimed = old["records"].as_i64().unwrap() + more_claimed;
    let why = json!({"compacted": {"into": [path], "records": claimed, "content": "00"}});
    let last = entries.last_mut().unwrap();
    last["files"] = json!([new]);
    last["removed"] = json!([{"paths": [old["path"]], "why": why}]);
}

#[test]
fn a_ledger_that_does_not_follow_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, forged) = (folder.path().join("archive"), folder.path().join("forged"));
    let server = server(&[]);
    grown(&server, &archive);
    let path = forged.join("_archive/ledger.jsonl");
    let refused = |change: &dyn Fn(&mut Vec<String>)| {
        copy(&archive, &forged);
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
        change(&mut lines);
        fs::write(&path, lines.concat()).unwrap();
        let before = content(&forged);
        let error = collect(&server, &forged).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArchive);
        assert!(before == content(&forged), "something was changed");
        assert!(!verify(&forged).is_intact());
        error
    };
    let altered = refused(&|lines| {
        lines[1] = lines[1].replacen("\"time\":\"2", "\"time\":\"3", 1);
    });
    assert_eq!(altered.position().unwrap().line, 3, "{altered}");
    let cut = refused(&|lines| lines.truncate(lines.len() - 3));
    assert!(cut.to_string().contains("written last"), "{cut}");
    // A killed run may leave the head of the line before the last one. The head of any other line is an
    // error.
    refused(&|lines| lines.truncate(lines.len() - 2));
    refused(&|lines| drop(lines.remove(1)));
    refused(&|lines| lines.swap(1, 2));
    refused(&|lines| lines.push("x".to_owned()));
    refused(&|lines| lines.push("{\"version\":1,\"entry\":2,".to_owned()));
}

/// A file of an entry before the last one is no longer staged, wherever it is.
#[test]
fn only_the_files_of_the_last_entry_may_be_on_their_way() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, forged) = (folder.path().join("archive"), folder.path().join("forged"));
    let server = server(&[]);
    grown(&server, &archive);
    let first = entries(&archive)[0]["files"][0]["path"].as_str().unwrap().to_owned();
    let stage = |root: &Path| {
        let staged = root.join(first.replacen("events/", ".events.nhn-cloudtrail/", 1));
        fs::create_dir_all(staged.parent().unwrap()).unwrap();
        fs::rename(root.join(&first), staged).unwrap();
    };
    for with_journal in [false, true] {
        copy(&archive, &forged);
        stage(&forged);
        if with_journal {
            journal_of_last(&forged);
        }
        let moved = found(&forged);
        assert!(moved.contains(&(FindingKind::Moved, first.clone())), "{moved:?}");
        assert!(moved.iter().any(|(kind, _)| *kind == FindingKind::Added), "{moved:?}");
    }
    // `collect` does not accept it either.
    let report = collect(&server, &forged).unwrap();
    assert_eq!(report.gaps[0].object.as_deref(), Some(&*first));
}

#[test]
fn a_file_that_grew_is_a_gap_of_every_run() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grown(&server, &archive);
    let file = tables(&archive).remove(0);
    let mut bytes = fs::read(archive.join(&file)).unwrap();
    bytes.extend([0; 10]);
    fs::write(archive.join(&file), bytes).unwrap();
    // On another day than the requested one.
    let client = server.client(nhn_cloudtrail_collect::Api::V2).build().unwrap();
    let query = crate::support::query(&format!("{}T23:00:00.000Z", crate::day(1)));
    let report =
        nhn_cloudtrail_collect::Collection::new(&archive).api(client, query).run().unwrap();
    assert!(!report.is_complete());
    assert_eq!(report.gaps[0].object.as_deref(), Some(&*file));
    assert_eq!(found(&archive), [(FindingKind::Altered, file)]);
}

/// Entries that record that files were removed, or that a loss is final.
#[test]
fn what_has_left_must_be_gone_and_what_is_settled_is_no_finding() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, other) = (folder.path().join("archive"), folder.path().join("other"));
    let server = server(&[]);
    grown(&server, &archive);
    let with = |more: Value| {
        copy(&archive, &other);
        let mut lines = entries(&other);
        let mut entry = json!({"version": 1, "entry": lines.len() + 1, "previous": "",
                               "time": "2026-10-01T00:00:00.000Z"});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        lines.push(entry);
        write_ledger(&other, lines);
    };
    let file = tables(&archive).remove(0);
    let why = json!({"pruned": {"before": "2026-10-02", "reason": "retention"}});
    with(json!({"removed": [{"paths": [file], "why": why}]}));
    let all = verify(&archive);
    assert_eq!(found(&other), [(FindingKind::Added, file.clone())]);
    journal_of_last(&other);
    let interrupted = verify(&other);
    assert!(interrupted.is_intact() && interrupted.interrupted, "{:?}", interrupted.findings);
    fs::remove_file(other.join("_archive/journal")).unwrap();
    fs::remove_file(other.join(&file)).unwrap();
    let pruned = verify(&other);
    assert!(pruned.is_intact(), "{:?}", pruned.findings);
    assert_eq!(pruned.files, all.files - 1);
    assert!(pruned.records < all.records);
    // A loss.
    let settled = |how: &str| json!({"settled": [{"loss": {"file": file}, "how": how, "reason": "the disk failed"}]});
    for how in ["final", "repaired"] {
        with(settled(how));
        fs::remove_file(other.join(&file)).unwrap();
        let settled = verify(&other);
        assert!(settled.is_intact(), "{:?}", settled.findings);
        assert_eq!((settled.settled, settled.files), (1, all.files - 1));
        assert!(collection(&server, &other, 0).run().unwrap().gaps.is_empty());
    }
    assert_eq!(all.settled, 0);
}

/// A newer release may write lines that this one cannot read.
#[test]
fn a_newer_ledger_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grown(&server, &archive);
    let mut lines = entries(&archive);
    let entry = lines.len() + 1;
    lines.push(json!({"version": 2, "entry": entry, "previous": "", "files": {"all": "new"}}));
    write_ledger(&archive, lines);
    let [finding] = &verify(&archive).findings[..] else { panic!() };
    let error = collect(&server, &archive).unwrap_err().to_string();
    for message in [&finding.message, &error] {
        assert!(message.contains("version 2"), "{message}");
        assert!(message.contains("update nhn-cloudtrail"), "{message}");
    }
    assert_eq!(finding.kind, FindingKind::Altered);
}
