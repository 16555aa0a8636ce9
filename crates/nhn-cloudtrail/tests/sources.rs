//! Paths, folders and globs.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::fs;
use std::path::Path;

use nhn_cloudtrail::{Code, Reader};

fn ids(source: impl AsRef<Path>) -> Vec<String> {
    let events = Reader::open(source).unwrap();
    events.map(|event| event.unwrap().event_id().unwrap().into_owned()).collect()
}

fn log(path: &Path, id: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{{\"eventId\":\"{id}\"}}\n")).unwrap();
}

#[test]
fn a_folder_is_read_in_byte_order_of_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (number, name) in
        ["b.txt", "a/z.jsonl", "a.log", "a/b/c", "A", ".hidden", "_skipped", "_f/x", ".f/x", "a/_x"]
            .into_iter()
            .enumerate()
    {
        log(&root.join(name), &format!("{number} {name}"));
    }
    // `a.log` before `a/...`: a dot is less than a slash.
    assert_eq!(ids(root), ["4 A", "2 a.log", "3 a/b/c", "1 a/z.jsonl", "0 b.txt"]);
}

#[test]
#[cfg(unix)]
fn links_to_files_are_followed_and_links_to_folders_are_not() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    log(&root.join("elsewhere/file"), "file");
    let logs = root.join("logs");
    fs::create_dir(&logs).unwrap();
    symlink(root.join("elsewhere/file"), logs.join("1-file")).unwrap();
    symlink(root.join("elsewhere"), logs.join("2-folder")).unwrap();
    symlink(&logs, logs.join("3-loop")).unwrap();
    assert_eq!(ids(&logs), ["file"]);

    // One that leads nowhere is an error of its own, and the rest is read.
    symlink(root.join("nowhere"), logs.join("0-nowhere")).unwrap();
    let mut reader = Reader::open(&logs).unwrap();
    assert_eq!(reader.next().unwrap().unwrap_err().code(), Code::NotFound);
    assert_eq!(reader.next().unwrap().unwrap().event_id().as_deref(), Some("file"));
    assert!(reader.next().is_none());
}

#[test]
fn globs_match_names_and_a_literal_name_wins() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    log(&root.join("2026-10/a.jsonl"), "a");
    log(&root.join("2026-11/b.jsonl"), "b");
    log(&root.join("2026-11/c.txt"), "c");
    log(&root.join("[x].jsonl"), "x");
    assert_eq!(ids(root.join("2026-*/*.jsonl")), ["a", "b"]);
    assert_eq!(ids(root.join("2026-1[1]")), ["b", "c"]);
    assert_eq!(ids(root.join("**/*.txt")), ["c"]);
    assert_eq!(ids(root.join("[x].jsonl")), ["x"]);
}

#[test]
fn two_stars_are_a_folder_and_all_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("logs");
    for name in ["a.jsonl", "sub/b.jsonl", "sub/deep/c.txt", ".h/x.jsonl", "sub/.x.jsonl"] {
        log(&root.join(name), name);
    }
    let all = ["a.jsonl", "sub/b.jsonl", "sub/deep/c.txt"];
    for pattern in ["**", "**/*", "**/**", "**/**/*", "./**/*", "*"] {
        assert_eq!(ids(root.join(pattern)), all, "{pattern}");
    }
    assert_eq!(ids(root.join("**/*.jsonl")), ["a.jsonl", "sub/b.jsonl"]);
    assert_eq!(ids(root.join("**/deep/*")), ["sub/deep/c.txt"]);
    assert_eq!(ids(root.join("sub/**/?.txt")), ["sub/deep/c.txt"]);
    assert_eq!(ids(root.join("*/deep")), ["sub/deep/c.txt"]);
    // Found in several ways, and read once.
    let deep = folder.path().join("deep");
    log(&deep.join("s/s/s/d.jsonl"), "d");
    assert_eq!(ids(deep.join("**/s/**/*.jsonl")), ["d"]);
    // A slash at the end asks for folders.
    assert_eq!(ids(root.join("*/")), ["sub/b.jsonl", "sub/deep/c.txt"]);
    let error = Reader::open(root.join("a**")).unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);
}

#[test]
fn hidden_names_are_found_only_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["gd/a.jsonl", "gd/.h.jsonl", "gd/_m.jsonl", ".d/b.jsonl"] {
        log(&root.join(name), name);
    }
    assert_eq!(ids(root.join("gd/*.jsonl")), ["gd/_m.jsonl", "gd/a.jsonl"]);
    assert_eq!(ids(root.join("gd/[.a]*.jsonl")), ["gd/a.jsonl"]);
    assert_eq!(ids(root.join("gd/.*.jsonl")), ["gd/.h.jsonl"]);
    assert_eq!(ids(root.join("*/?.jsonl")), ["gd/a.jsonl"]);
    assert_eq!(ids(root.join("**/*.jsonl")), ["gd/_m.jsonl", "gd/a.jsonl"]);
    assert_eq!(ids(root.join(".d/*")), [".d/b.jsonl"]);
}

#[test]
#[cfg(unix)]
fn globs_find_names_of_any_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    log(&root.join("a.jsonl"), "a");
    log(&root.join(OsStr::from_bytes(b"\xff")), "bytes");
    log(&root.join(OsStr::from_bytes(b"b\xff.jsonl")), "b");
    log(&root.join(OsStr::from_bytes(b"\xfe/c.jsonl")), "c");
    log(&root.join("로그1.jsonl"), "ko");
    assert_eq!(ids(root.join("*.jsonl")), ["a", "b", "ko"]);
    assert_eq!(ids(root.join("*/*.jsonl")), ["c"]);
    assert_eq!(ids(root.join("**/*.jsonl")), ["a", "b", "ko", "c"]);
    assert_eq!(ids(root.join("로그?.jsonl")), ["ko"]);
}

#[test]
#[cfg(unix)]
fn two_stars_do_not_follow_links_to_folders() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    log(&root.join("a.jsonl"), "a");
    std::os::unix::fs::symlink(root, root.join("loop")).unwrap();
    assert_eq!(ids(root.join("**")), ["a"]);
    assert_eq!(ids(root.join("**/*")), ["a"]);
    assert_eq!(ids(root.join("**/*.jsonl")), ["a"]);
    // One that is named is.
    assert_eq!(ids(root.join("l*/a.jsonl")), ["a"]);
}

#[test]
fn what_names_no_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["missing", "missing-*.jsonl", "missing/*.jsonl", "**/*.jsonl", "*", "**", ""] {
        let error = Reader::open(folder.path().join(name)).unwrap_err();
        assert_eq!(error.code(), Code::NotFound, "{name:?}");
        assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    }
}
