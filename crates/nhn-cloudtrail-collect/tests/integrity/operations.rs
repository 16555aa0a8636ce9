//! Operations on an archive whose disk fails at any of the calls that change it.

use std::fs;
use std::path::Path;

use nhn_cloudtrail::Result;
use nhn_cloudtrail_arrow::disk::faults::{self, Fault};
use nhn_cloudtrail_collect::{Acknowledge, Api, Collection, Compaction, Pruning};

use crate::support::{day, query, time};
use crate::{copy, grown, keys, server, since, tables, verify};

/// After a failure of one call, or of all calls from one on, the archive is intact. The operation is
/// completed when the archive is opened next, or was not started. In the end the archive is as without a
/// failure.
fn at_every_call(base: &Path, operation: impl Fn(&Path) -> Result<()>) {
    let folder = tempfile::tempdir().unwrap();
    let (archive, done) = (folder.path().join("archive"), folder.path().join("done"));
    copy(base, &done);
    operation(&done).unwrap();
    assert_ne!(tables(&done), tables(base));
    let count = |archive: &Path| tables(archive).len();
    for fault in [Fault::Before, Fault::After, Fault::From] {
        for at in 0.. {
            copy(base, &archive);
            faults::begin(Some(fault(at)));
            let failed = operation(&archive);
            let calls = faults::end().len() as u64;
            let what = || format!("{:?}, {:?}", fault(at), failed.as_ref().err());
            let verified = verify(&archive);
            assert!(verified.is_intact(), "{}: {:?}", what(), verified.findings);
            if calls <= at {
                assert!(failed.is_ok(), "{}", what());
                break;
            }
            // Everything may be done already.
            let _ = operation(&archive);
            let verified = verify(&archive);
            assert!(verified.is_intact() && !verified.interrupted, "{}: {verified:?}", what());
            assert_eq!(keys(&archive), keys(&done), "{}", what());
            assert_eq!(count(&archive), count(&done), "{}", what());
        }
    }
}

#[test]
fn operations_lose_nothing_by_a_disk_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    let server = server(&["--events", "600"]);
    for hour in ["08", "16"] {
        let until = time(&format!("{}T{hour}:00:00.000Z", day(3)));
        let client = server.client(Api::V2).build().unwrap();
        let some = Collection::new(&base).api(client, query(&since()).until(until)).run().unwrap();
        assert!(some.is_complete() && some.records.new > 0);
    }
    grown(&server, &base);
    at_every_call(&base, |archive| Compaction::new(archive).run(&mut |_, _| true).map(|_| ()));
    at_every_call(&base, |archive| Pruning::new(archive, day(2), "old").run().map(|_| ()));
    let altered = base.join(tables(&base).remove(0));
    fs::write(altered, "x").unwrap();
    // An altered file is a finding, until it is acknowledged.
    let acknowledged = |archive: &Path| {
        let done = Acknowledge::new(archive, "nobody has it").all().run(&mut |_, _| true);
        done.map(|_| ())
    };
    for fault in [Fault::Before, Fault::After, Fault::From] {
        for at in 0.. {
            let archive = folder.path().join("archive");
            copy(&base, &archive);
            faults::begin(Some(fault(at)));
            let failed = acknowledged(&archive);
            let calls = faults::end().len() as u64;
            let is_recorded = fs::read_to_string(archive.join("_archive/ledger.jsonl"))
                .unwrap()
                .split_inclusive('\n')
                .any(|line| line.contains(r#""settled""#) && line.ends_with('\n'));
            let verified = verify(&archive);
            assert_eq!(verified.is_intact(), is_recorded, "{:?}: {verified:?}", fault(at));
            if calls <= at {
                failed.unwrap();
                break;
            }
            acknowledged(&archive).unwrap();
            let verified = verify(&archive);
            assert!(verified.is_intact() && !verified.interrupted, "{:?}: {verified:?}", fault(at));
            let damaged = archive.join("_archive/damaged");
            assert_eq!(crate::files(&damaged).len(), 1, "{:?}", fault(at));
            assert_eq!(fs::read(&crate::files(&damaged)[0]).unwrap(), b"x");
        }
    }
}
