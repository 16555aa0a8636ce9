//! A result is written over no source, and into none.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nhn_cloudtrail::{Code, Target, check_target};

/// `logs/a.jsonl`, `logs/2026-10/b.jsonl`, `logs/_hidden/c.jsonl`, links to them, and `elsewhere/`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["logs/2026-10", "logs/_hidden", "elsewhere"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    for name in ["logs/a.jsonl", "logs/2026-10/b.jsonl", "logs/_hidden/c.jsonl"] {
        fs::write(at(name), "{}\n").unwrap();
    }
    fs::hard_link(at("logs/a.jsonl"), at("elsewhere/hard.jsonl")).unwrap();
    symlink("../logs/a.jsonl", at("elsewhere/soft.jsonl")).unwrap();
    symlink("logs", at("link")).unwrap();
    symlink("../elsewhere/later.jsonl", at("logs/dangling.jsonl")).unwrap();
    symlink("../elsewhere", at("logs/away")).unwrap();
    folder
}

fn refuses(folder: &Path, source: &str, target: &str, data_set: bool) -> bool {
    let target = folder.join(target);
    let kind = if data_set { Target::Folder(&target) } else { Target::File(&target) };
    // Not by `join`, which would take away what is to be tried.
    let source = format!("{}/{source}", folder.display());
    match check_target([&source], kind) {
        Ok(()) => false,
        Err(error) => {
            assert_eq!(error.code(), Code::InvalidOption, "{source} {target:?}");
            assert!(error.to_string().contains("source"), "{error}");
            true
        }
    }
}

#[test]
fn a_source_is_no_target_however_it_is_called() {
    let folder = folder();
    for (source, target) in [
        ("logs/a.jsonl", "logs/a.jsonl"),
        ("logs/a.jsonl", "logs/../logs/./a.jsonl"),
        ("logs/a.jsonl", "elsewhere/hard.jsonl"),
        ("logs/a.jsonl", "elsewhere/soft.jsonl"),
        ("elsewhere/soft.jsonl", "logs/a.jsonl"),
        ("elsewhere/hard.jsonl", "link/a.jsonl"),
        ("logs", "logs/a.jsonl"),
        ("logs", "elsewhere/hard.jsonl"),
        ("link", "logs/2026-10/b.jsonl"),
        ("logs/*.jsonl", "elsewhere/soft.jsonl"),
        // A link in the source that is about to lead somewhere.
        ("logs", "elsewhere/later.jsonl"),
    ] {
        assert!(refuses(folder.path(), source, target, false), "{source} -> {target}");
    }
    for (source, target) in [
        ("logs/a.jsonl", "logs/out.jsonl"),
        ("logs/a.jsonl", "elsewhere/out.jsonl"),
        ("logs/a.jsonl", "logs/2026-10/b.jsonl"),
        ("nowhere.jsonl", "nowhere.jsonl"),
    ] {
        assert!(!refuses(folder.path(), source, target, false), "{source} -> {target}");
    }
}

#[test]
fn a_folder_holds_what_is_read_of_it() {
    let folder = folder();
    for (source, target) in [
        ("logs", "logs/out.parquet"),
        ("logs/", "logs/2026-10/out"),
        ("logs/.", "link/out"),
        ("link", "logs/out"),
        ("logs/2026-10/..", "logs/new/../out"),
        ("logs", "logs/new/out"),
        ("logs", "logs/new/deep/../../out"),
    ] {
        for data_set in [false, true] {
            assert!(refuses(folder.path(), source, target, data_set), "{source} -> {target}");
        }
    }
    for (source, target) in [
        ("logs", "out.parquet"),
        ("logs", "logs2"),
        ("logs/2026-10", "logs/out.parquet"),
        ("logs", "logs/.out.parquet"),
        ("logs", "logs/_hidden/out.parquet"),
        ("logs", "logs/_new/out"),
        ("logs", "logs/new/../../out"),
        // A link to a folder is not followed.
        ("logs", "logs/away/out.parquet"),
    ] {
        for data_set in [false, true] {
            assert!(!refuses(folder.path(), source, target, data_set), "{source} -> {target}");
        }
    }
    // A data set takes the place of nothing that is read.
    assert!(refuses(folder.path(), "logs", "logs", true));
    assert!(refuses(folder.path(), "logs/2026-10/b.jsonl", "logs", true));
    assert!(refuses(folder.path(), "logs/*/b.jsonl", "link", true));
    assert!(refuses(folder.path(), "elsewhere/soft.jsonl", "logs", true));
}

#[test]
fn a_glob_holds_what_it_would_match() {
    let folder = folder();
    for (source, target) in [
        ("logs/*", "logs/out.parquet"),
        ("logs/*.jsonl", "logs/out.jsonl"),
        ("link/*.jsonl", "logs/out.jsonl"),
        ("logs/2026-10/../*.jsonl", "logs/out.jsonl"),
        ("*/*.jsonl", "logs/out.jsonl"),
        ("l?gs/[n-p]ut.jsonl", "logs/out.jsonl"),
        ("logs/**/*.jsonl", "logs/out.jsonl"),
        ("logs/**/*.jsonl", "logs/2026-10/out.jsonl"),
        ("logs/**/2026-10/*.jsonl", "logs/2026-10/out.jsonl"),
        ("logs/**", "logs/2026-10/out.jsonl"),
        // A folder that it matches is read whole.
        ("logs/2026-*", "logs/2026-10/out.parquet"),
        ("log*", "logs/2026-10/out.parquet"),
    ] {
        assert!(refuses(folder.path(), source, target, false), "{source} -> {target}");
    }
    for (source, target) in [
        ("logs/*.jsonl", "logs/out.parquet"),
        ("logs/*.jsonl", "logs/.out.jsonl"),
        ("logs/*.jsonl", "logs/2026-10/out.jsonl"),
        ("logs/*.jsonl", "elsewhere/out.jsonl"),
        ("logs/*/*.jsonl", "logs/out.jsonl"),
        ("logs/**/*.gz", "logs/2026-10/out.jsonl"),
        ("logs/2026-*", "logs/out.parquet"),
    ] {
        assert!(!refuses(folder.path(), source, target, false), "{source} -> {target}");
    }
    for source in ["logs/*", "logs/**/*.parquet", "logs/set/*", "logs/*/*/*.parquet"] {
        assert!(refuses(folder.path(), source, "logs/set", true), "{source}");
    }
    for source in ["logs/*.jsonl", "logs/*/*.jsonl", "logs/**/*.jsonl", "logs/*/*.parquet"] {
        assert!(!refuses(folder.path(), source, "logs/set", true), "{source}");
    }
}

#[test]
fn what_keeps_nothing_may_be_read_and_written() {
    let null = Path::new("/dev/null");
    check_target([null], Target::File(null)).unwrap();
    assert!(!nhn_cloudtrail::is_stdout(null));
}
