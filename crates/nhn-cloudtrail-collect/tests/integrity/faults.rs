//! A disk that fails at any of the calls that change it.

use std::fs;
use std::path::Path;

use nhn_cloudtrail_arrow::disk::faults::{self, Fault};
use nhn_cloudtrail_collect::Signer;

use crate::support::{Server, day, until};
use crate::{collect, collection, copy, keys, unlocked, verify};

/// Each call of a run fails once: before it does anything, after it has done it, or together with all
/// later calls. The archive stays intact, and the next run adds the rest.
fn at_every_call(base: Option<&Path>, server: &Server, fault: fn(u64) -> Fault) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    // The example key of RFC 8410, which is public.
    let key = "-----BEGIN PRIVATE KEY-----\n\
               MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
               -----END PRIVATE KEY-----\n";
    let (archive, head_file) = (folder.path().join("archive"), folder.path().join("heads/head"));
    fs::write(folder.path().join("key.pem"), key).unwrap();
    let run = || {
        let signer = Signer::open(folder.path().join("key.pem")).unwrap();
        collection(server, &archive, 0).signer(signer).head_file(&head_file).run()
    };
    let expected = expected(server);
    for at in 0.. {
        let _ = fs::remove_dir_all(&archive);
        let _ = fs::remove_dir_all(folder.path().join("heads"));
        if let Some(base) = base {
            copy(base, &archive);
        }
        let failed = unlocked(|| {
            faults::begin(Some(fault(at)));
            run()
        });
        let calls = faults::end().len() as u64;
        let what = || format!("{:?}, {:?}", fault(at), failed.as_ref().err());
        if archive.join("_archive").is_dir() {
            let verified = verify(&archive);
            assert!(verified.is_intact(), "{}: {:?}", what(), verified.findings);
        }
        if calls <= at {
            assert!(failed.is_ok(), "{}", what());
            return calls;
        }
        let report = unlocked(run).unwrap_or_else(|error| panic!("{}: then {error}", what()));
        assert!(report.gaps.is_empty() && report.error.is_none(), "{}: {report:?}", what());
        let verified = verify(&archive);
        assert!(verified.is_intact() && !verified.interrupted, "{}: {verified:?}", what());
        assert_eq!(keys(&archive), expected, "{}", what());
        assert_eq!(
            nhn_cloudtrail_collect::Status::read(&archive).unwrap().rejects,
            1,
            "{}",
            what()
        );
    }
    0
}

/// Returns a server with events of two days, and an invalid record.
fn server(folder: &Path) -> Server {
    let records = folder.join("records");
    fs::write(&records, format!("#time={}T12:00:00.500Z\t\"none\"\n", day(1))).unwrap();
    let records = records.to_str().unwrap();
    let options = ["--events", "20", "--days", "2", "--until", &until(), "--records", records];
    Server::api(&options)
}

fn expected(server: &Server) -> Vec<String> {
    server.keys().into_iter().filter(|key| !key.starts_with("none")).collect()
}

#[test]
fn a_new_archive_loses_nothing_by_a_call_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let calls = at_every_call(None, &server, Fault::Before);
    assert!(calls > 50, "{calls}");
}

#[test]
fn a_new_archive_loses_nothing_by_a_call_that_fails_though_it_has_worked() {
    let folder = tempfile::tempdir().unwrap();
    at_every_call(None, &server(folder.path()), Fault::After);
}

#[test]
fn a_new_archive_loses_nothing_by_a_disk_that_fails_for_good() {
    let folder = tempfile::tempdir().unwrap();
    at_every_call(None, &server(folder.path()), Fault::From);
}

#[test]
fn an_archive_that_grows_loses_nothing_either() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let base = folder.path().join("base");
    assert!(collection(&server, &base, 1).run().unwrap().is_complete());
    for fault in [Fault::Before, Fault::After, Fault::From] {
        at_every_call(Some(&base), &server, fault);
    }
}

/// A run that failed half-way is recovered by a run that may fail at any of its calls, too.
#[test]
fn what_was_recorded_survives_a_recovery_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let (broken, archive) = (folder.path().join("broken"), folder.path().join("archive"));
    // The disk fails after the first entry was written and before its files were renamed.
    for at in 0.. {
        let _ = fs::remove_dir_all(&broken);
        faults::begin(Some(Fault::From(at)));
        let _ = collection(&server, &broken, 0).run();
        faults::end();
        if fs::read(broken.join("_archive/ledger.jsonl")).is_ok_and(|text| text.ends_with(b"\n")) {
            break;
        }
    }
    assert!(broken.join(".events.nhn-cloudtrail").is_dir());
    assert!(broken.join("_archive/staged").is_dir());
    let expected = expected(&server);
    for fault in [Fault::Before, Fault::After, Fault::From] {
        for at in 0.. {
            copy(&broken, &archive);
            let failed = unlocked(|| {
                faults::begin(Some(fault(at)));
                collection(&server, &archive, 0).run()
            });
            let calls = faults::end().len() as u64;
            let verified = verify(&archive);
            assert!(verified.is_intact(), "{:?}: {:?}", fault(at), verified.findings);
            let report = collect(&server, &archive).unwrap();
            // Nothing that was recorded is missing.
            assert!(report.gaps.is_empty(), "{:?}: {report:?}", fault(at));
            assert_eq!(keys(&archive), expected, "{:?}", fault(at));
            if calls <= at {
                assert!(failed.is_ok());
                break;
            }
        }
    }
}

/// A power failure may undo what was not synced. A test can only observe the order of the calls.
#[test]
fn all_that_is_written_or_renamed_is_synced_before_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let archive = folder.path().join("archive");
    faults::begin(None);
    collection(&server, &archive, 0).run().unwrap();
    let calls = faults::end();
    let writes: Vec<usize> = (0..calls.len()).filter(|at| calls[*at] == "write").collect();
    assert!(writes.len() > 5, "{calls:?}");
    for (number, at) in writes.iter().enumerate() {
        assert_eq!(calls[at + 1], "sync", "{at} of {calls:?}");
        // An entry is written only after the names of its files were synced.
        let next = writes.get(number + 1).copied().unwrap_or(calls.len());
        let named = calls[at + 2..next].iter().filter(|call| **call != "open");
        let named: Vec<&str> = named.copied().collect();
        let last = |name| named.iter().rposition(|call| *call == name);
        assert!(last("sync_folder") >= last("rename"), "{at} of {calls:?}");
        assert!(last("sync_folder").is_some(), "{at} of {calls:?}");
    }
}
