//! What is known about an archive outside of it: signatures, heads, and when it must have grown.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nhn_cloudtrail::{Code, Result};
use nhn_cloudtrail_collect::{
    FindingKind, PublicKey, Report, Signer, Verified, Verify, usual_head_file,
};
use serde_json::Value;

use crate::support::Server;
use crate::{
    collect, collection, content, copy, entries, found, grown, server, verify, write_ledger,
};

/// The example key of RFC 8410, which is public.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
                      MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                      -----END PUBLIC KEY-----\n";
/// Another one of the same kind.
const OTHER: &str = "-----BEGIN PRIVATE KEY-----\n\
                     MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
                     -----END PRIVATE KEY-----\n";

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn signed(server: &Server, archive: &Path, key: &Path) -> Result<Report> {
    collection(server, archive, 0).signer(Signer::open(key).unwrap()).run()
}

fn refused(archive: &Path, run: impl FnOnce() -> Result<Report>, message: &str) {
    let before = content(archive);
    let error = run().unwrap_err();
    assert_eq!(error.code(), Code::InvalidArchive, "{error}");
    assert!(error.to_string().contains(message), "{error}");
    assert!(before == content(archive), "something was changed");
}

#[test]
fn nothing_is_signed_after_what_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, forged) = (folder.path().join("archive"), folder.path().join("forged"));
    let key = file(folder.path(), "key.pem", KEY);
    let other = file(folder.path(), "other.pem", OTHER);
    let server = server(&[]);
    // Signed for the first time when it already has entries.
    grown(&server, &archive);
    let first = signed(&server, &archive, &key).unwrap();
    assert!(first.warnings[0].contains("no signature"), "{first:?}");
    let second = signed(&server, &archive, &key).unwrap();
    assert!(second.warnings.is_empty(), "{second:?}");
    // A later entry without a signature is valid: it contains the hash of the signed one.
    copy(&archive, &forged);
    collect(&server, &forged).unwrap();
    signed(&server, &forged, &key).unwrap();
    copy(&archive, &forged);
    refused(&forged, || signed(&server, &forged, &other), "not of this key");
    // A rewritten ledger is consistent in itself, but does not contain the signed head.
    let mut lines = entries(&forged);
    lines[0]["time"] = "2026-01-01T00:00:00.000Z".into();
    write_ledger(&forged, lines);
    refused(&forged, || signed(&server, &forged, &key), "does not have so");
    assert_eq!(found(&forged), [(FindingKind::Signature, "_archive/signature.json".to_owned())]);
    // The signature is of the same entry, but of another head.
    let public = PublicKey::open(file(folder.path(), "public.pem", PUBLIC)).unwrap();
    let signature = forged.join("_archive/signature.json");
    let of_last: Value = serde_json::from_slice(&fs::read(&signature).unwrap()).unwrap();
    assert_eq!(of_last["entry"].as_u64(), Some(entries(&forged).len() as u64));
    let verified = Verify::new().public_key(&public).run(&forged, &mut |_, _| true).unwrap();
    assert_eq!(verified.findings[0].kind, FindingKind::Signature, "{verified:?}");
    // A truncated ledger.
    copy(&archive, &forged);
    let lines = entries(&forged).len();
    write_ledger(&forged, entries(&forged).into_iter().take(lines - 1).collect());
    refused(&forged, || signed(&server, &forged, &key), "does not have so");
    // Signatures with other content than what was signed.
    for change in [
        |signature: &mut Value| signature["entry"] = 1.into(),
        |signature: &mut Value| signature["time"] = "2026-01-01T00:00:00.000Z".into(),
        |signature: &mut Value| signature["signature"] = "00".repeat(64).into(),
        |signature: &mut Value| signature["head"] = "0".repeat(64).into(),
    ] {
        copy(&archive, &forged);
        let mut value: Value = serde_json::from_slice(&fs::read(&signature).unwrap()).unwrap();
        change(&mut value);
        fs::write(&signature, format!("{value}\n")).unwrap();
        refused(&forged, || signed(&server, &forged, &key), "not of this key");
        let verified = Verify::new().public_key(&public).run(&forged, &mut |_, _| true).unwrap();
        assert_eq!(verified.findings[0].kind, FindingKind::Signature);
    }
    fs::write(&signature, "x").unwrap();
    refused(&forged, || signed(&server, &forged, &key), "cannot be read");
}

/// The signed text is the one that `docs/collecting.md` specifies; openssl can verify it.
#[test]
fn signatures_are_over_the_entry_the_time_and_the_head() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let key = file(folder.path(), "key.pem", KEY);
    let head = signed(&server(&[]), &archive, &key).unwrap().head;
    let text = fs::read(archive.join("_archive/signature.json")).unwrap();
    let signature: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(signature["head"].as_str(), Some(&*head));
    assert_eq!(signature["entry"].as_u64(), Some(entries(&archive).len() as u64));
    let text = |name: &str| signature[name].as_str().unwrap().to_owned();
    let message = format!(
        "nhn-cloudtrail archive\nentry {}\ntime {}\nhead {}\n",
        signature["entry"],
        text("time"),
        text("head")
    );
    let bytes: Vec<u8> = text("signature")
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    use base64::Engine;
    let public: String = PUBLIC.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(public).unwrap();
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &der[12..]);
    key.verify(message.as_bytes(), &bytes).unwrap();
}

fn against(archive: &Path, head_file: &Path) -> Verified {
    Verify::new().head_file(head_file).run(archive, &mut |_, _| true).unwrap()
}

#[test]
fn a_rollback_is_found_by_the_head_that_is_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, old) = (folder.path().join("archive"), folder.path().join("old"));
    let heads = folder.path().join("heads/archive.json");
    let server = server(&[]);
    let run = |before| collection(&server, &archive, before).head_file(&heads).run();
    assert!(against_nothing(&server, &archive, &heads));
    assert!(run(2).unwrap().is_complete());
    let text = fs::read_to_string(&heads).unwrap();
    let known: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(text.matches('\n').count(), 1);
    assert_eq!(known["entry"].as_u64(), Some(entries(&archive).len() as u64));
    assert_eq!(known["head"].as_str(), Some(&*verify(&archive).head));
    copy(&archive, &old);
    let report = run(0).unwrap();
    assert!(report.records.new > 0 && report.warnings.is_empty(), "{report:?}");
    assert!(against(&archive, &heads).is_intact());
    // A run without the head file leaves the ledger ahead of it, as a kill does.
    collect(&server, &archive).unwrap();
    assert!(against(&archive, &heads).is_intact());
    assert!(run(0).unwrap().is_complete());
    // An older state, and an archive that was created again.
    copy(&old, &archive);
    assert!(verify(&archive).is_intact());
    let [finding] = &against(&archive, &heads).findings[..] else { panic!() };
    assert_eq!(finding.kind, FindingKind::Head);
    assert!(finding.message.contains("rolled back"), "{}", finding.message);
    let kept = fs::read(&heads).unwrap();
    refused(&archive, || run(0), "rolled back");
    fs::remove_dir_all(&archive).unwrap();
    assert_eq!(run(0).unwrap_err().code(), Code::InvalidArchive);
    let _ = fs::remove_dir_all(&archive);
    grown(&server, &archive);
    // An archive with the same number of entries, but different ones.
    let known: Value = serde_json::from_slice(&kept).unwrap();
    while entries(&archive).len() as u64 <= known["entry"].as_u64().unwrap() {
        collect(&server, &archive).unwrap();
    }
    refused(&archive, || run(0), "rolled back");
    assert_eq!(fs::read(&heads).unwrap(), kept);
    // Users who replaced the archive on purpose remove the file.
    fs::remove_file(&heads).unwrap();
    assert!(run(0).unwrap().is_complete());
    // A file with other content is not a head file, and is not overwritten.
    fs::write(&heads, "{}").unwrap();
    assert_eq!(run(0).unwrap_err().code(), Code::InvalidOption);
    assert_eq!(fs::read(&heads).unwrap(), b"{}");
}

/// A missing file is not an error, and read-only commands do not create it.
fn against_nothing(server: &Server, archive: &Path, heads: &Path) -> bool {
    collection(server, archive, 3).run().unwrap();
    let missing = Verify::new().head_file(heads).run(archive, &mut |_, _| true).unwrap_err();
    missing.code() == Code::NotFound && !heads.exists()
}

#[cfg(target_os = "linux")]
#[test]
fn a_head_that_cannot_be_kept_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    let run = |path: &Path| collection(&server, &archive, 0).head_file(path).run();
    // Not even root can create a file there.
    let report = run(Path::new("/proc/nhn-cloudtrail/head.json")).unwrap();
    assert!(report.is_complete());
    let [warning] = &report.warnings[..] else { panic!("{:?}", report.warnings) };
    assert!(warning.contains("--head-file"), "{warning}");
    assert!(verify(&archive).is_intact());
    // A named file that cannot be read is an error, since it cannot be compared.
    let no_folder = file(folder.path(), "file", "").join("head.json");
    let before = content(&archive);
    assert_eq!(run(&no_folder).unwrap_err().code(), Code::Io);
    assert!(content(&archive) == before);
}

#[test]
fn the_usual_file_is_by_the_archives_path() {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap();
    let Some(usual) = usual_head_file(&root.join("archive")) else { return };
    let parts: Vec<_> = usual.iter().rev().take(2).map(|part| part.to_str().unwrap()).collect();
    assert_eq!((parts[1], parts[0].len()), ("heads", "0123456789abcdef".len() * 2 + ".json".len()));
    let hash = crate::hash(root.join("archive").as_os_str().as_encoded_bytes());
    assert!(hash.starts_with(parts[0].strip_suffix(".json").unwrap()));
    fs::create_dir(root.join("x")).unwrap();
    assert_eq!(
        usual_head_file(&root.join("x/../archive/.")),
        usual_head_file(&root.join("archive"))
    );
    fs::create_dir(root.join("archive")).unwrap();
    assert_eq!(usual_head_file(&root.join("archive")), Some(usual.clone()));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("archive", root.join("link")).unwrap();
        assert_eq!(usual_head_file(&root.join("link")), Some(usual.clone()));
    }
    assert_ne!(usual_head_file(&root.join("other")), Some(usual));
}

#[test]
fn a_collector_that_stopped_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let server = server(&[]);
    grown(&server, &archive);
    let aged = |age| {
        let verify = Verify::new().max_age(Duration::from_secs(age));
        let findings = verify.run(&archive, &mut |_, _| true).unwrap().findings;
        findings.into_iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!(aged(3600), []);
    let mut lines = entries(&archive);
    let hours = |hours: u64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let time = (now.as_millis() as u64 - hours * 3_600_000) as i64;
        nhn_cloudtrail::Timestamp::from_millis(time).unwrap().to_string()
    };
    lines.last_mut().unwrap()["time"] = hours(3).into();
    write_ledger(&archive, lines.clone());
    assert_eq!((aged(2 * 3600), aged(4 * 3600)), (vec![FindingKind::Age], vec![]));
    // Entries of a run that was not completed do not count.
    let mut unfinished = lines[0].clone();
    let number = lines.len() + 1;
    unfinished.as_object_mut().unwrap().retain(|name, _| ["version", "time"].contains(&&**name));
    unfinished["entry"] = number.into();
    unfinished["time"] = hours(0).into();
    lines.push(unfinished);
    write_ledger(&archive, lines.clone());
    assert_eq!(aged(2 * 3600), [FindingKind::Age]);
    lines.retain(|line| line["run"].is_null());
    for (number, line) in (1..).zip(&mut lines) {
        line["entry"] = number.into();
    }
    write_ledger(&archive, lines);
    assert_eq!(aged(4 * 3600), [FindingKind::Age]);
}
