//! Foreign files in an archive's folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use nhn_cloudtrail::Code;
use nhn_cloudtrail_collect::{Api, Collection, FindingKind};

use crate::support::{Server, query, until};
use crate::{
    collect, content, copy, entries, files, found, grown, journal, journal_of_last, keys, server,
    since, verify,
};

const ADDED: FindingKind = FindingKind::Added;

#[test]
fn all_that_the_ledger_does_not_know_is_named_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, forged) = (folder.path().join("archive"), folder.path().join("forged"));
    let server = server(&[]);
    grown(&server, &archive);
    let day = format!("events/event_date={}", crate::day(2));
    let names = [
        "notes.txt",
        ".hidden",
        ".events.nhn-cloudtrail/0",
        ".events.nhn-cloudtrail/event_date=2026-10-01/part-x-0000.parquet",
        "events/.nhn-cloudtrail/0",
        "events/.nhn-cloudtrail/x/y",
        "events/.nhn-cloudtrail.probe",
        "events/notes.txt",
        &format!("{day}/part-x.parquet"),
        &format!("{day}/.part-x.parquet"),
        "events/event_date=2019-01-01/part-x.parquet",
        "_archive/staged/rejects-00000001.jsonl",
        "_archive/staged/x",
        "_archive/rejects/rejects-00000001.jsonl",
        "_archive/rejects/.x",
        "_archive/head.unfinished",
        "_archive/signature.unfinished",
        "_archive/journal.unfinished",
        "_archive/ledger.unfinished",
        "_archive/ledger.jsonl~",
        "_archive/deep/down/x",
    ];
    let after = |change: &dyn Fn(&Path)| {
        copy(&archive, &forged);
        change(&forged);
        found(&forged)
    };
    // The archive's own files are no place for other data.
    for name in [".nhn-cloudtrail.lock", "events/.nhn-cloudtrail.lock", "_archive/lock"] {
        let hidden = after(&|root| fs::write(root.join(name), "x".repeat(300)).unwrap());
        assert_eq!(hidden, [(FindingKind::Altered, name.to_owned())]);
    }
    let parent = |path: &Path| fs::create_dir_all(path.parent().unwrap()).unwrap();
    for name in names {
        let added = after(&|root| {
            parent(&root.join(name));
            fs::write(root.join(name), "x").unwrap();
        });
        assert_eq!(added, [(ADDED, name.to_owned())]);
        let linked = after(&|root| {
            parent(&root.join(name));
            symlink("/etc/passwd", root.join(name)).unwrap();
        });
        assert_eq!(linked, [(ADDED, name.to_owned())]);
        let piped = after(&|root| {
            parent(&root.join(name));
            assert!(Command::new("mkfifo").arg(root.join(name)).status().unwrap().success());
        });
        assert_eq!(piped, [(ADDED, name.to_owned())]);
        let made = after(&|root| fs::create_dir_all(root.join(name)).unwrap());
        assert_eq!(made, [(ADDED, name.to_owned())]);
    }
    for name in [".events.nhn-cloudtrail", "events/.nhn-cloudtrail", "_archive/staged", "x"] {
        let made = after(&|root| fs::create_dir(root.join(name)).unwrap());
        assert_eq!(made, [(ADDED, name.to_owned())]);
    }
    let socket = after(&|root| drop(UnixListener::bind(root.join("events/socket")).unwrap()));
    assert_eq!(socket, [(ADDED, "events/socket".to_owned())]);
    // A folder of the archive that is a link to elsewhere.
    for name in [&*day, "events", "_archive/rejects"] {
        let linked = after(&|root| {
            let elsewhere = folder.path().join("elsewhere");
            let _ = fs::remove_dir_all(&elsewhere);
            fs::create_dir_all(root.join(name)).unwrap();
            fs::rename(root.join(name), &elsewhere).unwrap();
            symlink(&elsewhere, root.join(name)).unwrap();
        });
        assert!(linked.contains(&(ADDED, name.to_owned())), "{name}: {linked:?}");
    }
    // A journal does not excuse files that its run does not write.
    let head = verify(&archive).head;
    let next = entries(&archive).len() as u64 + 1;
    let may = [
        ".events.nhn-cloudtrail/0",
        ".events.nhn-cloudtrail/event_date=2026-10-01/part-x-0000.parquet",
        "events/.nhn-cloudtrail/0",
        "_archive/head.unfinished",
        "_archive/signature.unfinished",
        "_archive/journal.unfinished",
    ];
    for name in names {
        let added = after(&|root| {
            journal(root, next, &head, "x");
            parent(&root.join(name));
            fs::write(
                root.join(name),
                if name.ends_with("journal.unfinished") { "{" } else { "x" },
            )
            .unwrap();
        });
        let expected = if may.contains(&name) { vec![] } else { vec![(ADDED, name.to_owned())] };
        assert_eq!(added, expected, "{name}");
        let linked = after(&|root| {
            journal(root, next, &head, "x");
            parent(&root.join(name));
            symlink("/etc/passwd", root.join(name)).unwrap();
        });
        assert_eq!(linked, [(ADDED, name.to_owned())]);
    }
    let old = after(&|root| journal(root, 1, crate::BEGINNING, "x"));
    assert_eq!(old, [(ADDED, "_archive/journal".to_owned())]);
    for bad in ["x", "{}", "{\"version\":1}"] {
        let bad = after(&|root| fs::write(root.join("_archive/journal"), bad).unwrap());
        assert_eq!(bad, [(FindingKind::Altered, "_archive/journal".to_owned())]);
    }
    let linked = after(&|root| symlink("head", root.join("_archive/journal")).unwrap());
    assert_eq!(linked, [(FindingKind::Altered, "_archive/journal".to_owned())]);
    // The state before the last one would excuse an old head.
    let last = after(&|root| {
        journal_of_last(root);
        fs::write(root.join("_archive/head"), "0".repeat(64)).unwrap();
    });
    assert_eq!(last, [(FindingKind::Head, "_archive/head".to_owned())]);
    // The head of the line before is left by a kill, which leaves a journal too.
    let late = after(&|root| {
        let last = entries(root).pop().unwrap();
        let before = last["previous"].as_str().unwrap();
        fs::write(root.join("_archive/head"), format!("{before}\n")).unwrap();
    });
    assert_eq!(late, [(FindingKind::Head, "_archive/head".to_owned())]);
}

/// Moves the last entry's files to the folder in which a run would have left them.
fn stage(archive: &Path, folder: &Path) -> Vec<String> {
    let entries = entries(archive);
    let at = entries.iter().rposition(|entry| !entry["files"].is_null()).unwrap();
    crate::write_ledger(archive, entries[..=at].to_vec());
    let files = entries[at]["files"].as_array().unwrap().iter();
    let staged = files.map(|file| {
        let path = file["path"].as_str().unwrap();
        let to = folder.join(path.strip_prefix("events/").unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(archive.join(path), to).unwrap();
        path.to_owned()
    });
    staged.collect()
}

#[test]
fn recovery_neither_follows_links_nor_leaves_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, forged) = (folder.path().join("archive"), folder.path().join("forged"));
    let elsewhere = folder.path().join("elsewhere");
    let server = server(&[]);
    grown(&server, &archive);
    let staging = forged.join(".events.nhn-cloudtrail");
    // The normal case.
    copy(&archive, &forged);
    let moved = stage(&forged, &staging);
    journal_of_last(&forged);
    assert!(verify(&forged).interrupted);
    assert!(collect(&server, &forged).unwrap().is_complete());
    assert!(moved.iter().all(|path| forged.join(path).is_file()));
    // A foreign file in the place is replaced by the recorded one.
    copy(&archive, &forged);
    let moved = stage(&forged, &staging);
    fs::write(forged.join(&moved[0]), "x").unwrap();
    assert!(collect(&server, &forged).unwrap().is_complete());
    assert_eq!(
        fs::read(forged.join(&moved[0])).unwrap(),
        fs::read(archive.join(&moved[0])).unwrap()
    );
    // A different file of the same size is not accepted, in either place.
    copy(&archive, &forged);
    let moved = stage(&forged, &staging);
    let size = fs::metadata(archive.join(&moved[0])).unwrap().len() as usize;
    fs::write(forged.join(&moved[0]), vec![b'x'; size]).unwrap();
    assert!(collect(&server, &forged).unwrap().is_complete());
    assert_eq!(
        fs::read(forged.join(&moved[0])).unwrap(),
        fs::read(archive.join(&moved[0])).unwrap()
    );
    copy(&archive, &forged);
    let moved = stage(&forged, &staging);
    let staged = staging.join(moved[0].strip_prefix("events/").unwrap());
    fs::write(&staged, vec![b'x'; size]).unwrap();
    let report = collect(&server, &forged).unwrap();
    assert_eq!(report.gaps[0].object.as_ref(), Some(&moved[0]));
    assert!(!forged.join(&moved[0]).exists() && !staged.exists());
    // The staging folder is a link.
    copy(&archive, &forged);
    stage(&forged, &elsewhere);
    symlink(&elsewhere, &staging).unwrap();
    let before = content(&elsewhere);
    let report = collect(&server, &forged).unwrap();
    assert!(!report.gaps.is_empty() && content(&elsewhere) == before);
    assert!(staging.symlink_metadata().is_err());
    fs::remove_dir_all(&elsewhere).unwrap();
    // A file in it, or its folder, is a link.
    for of_folder in [true, false] {
        copy(&archive, &forged);
        let moved = stage(&forged, &staging);
        let staged = staging.join(moved[0].strip_prefix("events/").unwrap());
        let linked = if of_folder { staged.parent().unwrap() } else { &staged };
        fs::rename(linked, &elsewhere).unwrap();
        symlink(&elsewhere, linked).unwrap();
        collect(&server, &forged).unwrap();
        assert!(elsewhere.exists(), "it was moved or removed");
        assert!(files(&forged).iter().all(|path| !path.is_symlink()));
        let _ = fs::remove_file(&elsewhere);
        let _ = fs::remove_dir_all(&elsewhere);
    }
    // The target folder is a link to elsewhere.
    copy(&archive, &forged);
    let moved = stage(&forged, &staging);
    let day = forged.join(&moved[0]).parent().unwrap().to_owned();
    let _ = fs::remove_dir_all(&day);
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, &day).unwrap();
    let error = collect(&server, &forged).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArchive, "{error}");
    assert_eq!(files(&elsewhere).len(), 0);
    assert!(staging.join(moved[0].strip_prefix("events/").unwrap()).is_file());
    fs::remove_file(&day).unwrap();
    assert!(collect(&server, &forged).unwrap().is_complete());
    // The archive's own folders are not folders.
    for name in ["events", "_archive/rejects"] {
        copy(&archive, &forged);
        let _ = fs::remove_dir_all(&elsewhere);
        fs::create_dir_all(forged.join(name)).unwrap();
        fs::rename(forged.join(name), &elsewhere).unwrap();
        symlink(&elsewhere, forged.join(name)).unwrap();
        let before = content(&elsewhere);
        let error = collect(&server, &forged).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArchive, "{name}");
        assert!(content(&elsewhere) == before);
    }
    // Nor is the journal a file.
    copy(&archive, &forged);
    symlink("head", forged.join("_archive/journal")).unwrap();
    assert_eq!(collect(&server, &forged).unwrap_err().code(), Code::InvalidArchive);
    fs::remove_file(forged.join("_archive/journal")).unwrap();
    // A folder that a link among the staged files points to is not removed either.
    copy(&archive, &forged);
    fs::create_dir_all(&staging).unwrap();
    symlink(&archive, staging.join("x")).unwrap();
    symlink(&archive, forged.join("_archive/staged")).unwrap();
    let before = content(&archive);
    assert!(collect(&server, &forged).unwrap().is_complete());
    assert!(content(&archive) == before);
    assert!(verify(&forged).is_intact());
}

#[test]
fn an_archive_that_grows_can_be_verified_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let options = ["--events", "2000", "--days", "4", "--until", &until(), "--hang", "0.01"];
    let server = Server::api(&[&options[..], &["--fail", "100", "--faults", "slow"]].concat());
    let client = server.client(Api::V2).page_size(10).build().unwrap();
    collect(&server, &archive).unwrap();
    fs::remove_dir_all(&archive).unwrap();
    let (is_over, mut looks) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            let report = Collection::new(&archive).api(client, query(&since())).run();
            is_over.store(true, Ordering::Relaxed);
            report.unwrap()
        });
        while !is_over.load(Ordering::Relaxed) {
            if archive.join("_archive/ledger.jsonl").exists() {
                let verified = verify(&archive);
                assert!(verified.is_intact(), "{:?}", verified.findings);
                looks += 1;
            }
        }
        assert!(run.join().unwrap().is_complete(), "the lock was held by who only looked");
    });
    assert!(looks > 0 && entries(&archive).len() > 2, "{looks}");
    let verified = verify(&archive);
    assert!(verified.is_intact() && !verified.interrupted);
    assert_eq!(keys(&archive), server.keys().into_iter().collect::<Vec<_>>());
}
