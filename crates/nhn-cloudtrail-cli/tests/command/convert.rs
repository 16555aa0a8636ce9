//! `convert`, and Parquet and Arrow in `read`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{Ran, broken_log, command, data, folder, log, names, run, run_on};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The logs that show every shape.
fn logs() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/logs/2026").to_owned()
}

fn convert(source: &str, output: &Path, more: &[&str]) -> Ran {
    let args = ["convert", source, "-o", output.to_str().unwrap()];
    run(args.iter().chain(more))
}

fn read(source: impl AsRef<Path>, format: &str, more: &[&str]) -> Vec<u8> {
    let args = ["read", source.as_ref().to_str().unwrap(), "--format", format];
    let ran = run(args.iter().chain(more));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let left_nothing = ran.stderr.starts_with("warning: the filters leave nothing");
    assert!(ran.stderr.is_empty() || (left_nothing && ran.stdout.is_empty()), "{}", ran.stderr);
    ran.stdout
}

fn lines(bytes: &[u8]) -> Vec<&str> {
    std::str::from_utf8(bytes).unwrap().lines().collect()
}

fn sorted(bytes: &[u8]) -> Vec<&str> {
    let mut lines = lines(bytes);
    lines.sort_unstable();
    lines
}

/// All files of a folder and those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn a_parquet_file_has_what_the_logs_have() {
    let folder = folder();
    // The name decides in any case, and what was there is replaced.
    for name in ["events.parquet", "EVENTS.PARQUET"] {
        let output = folder.path().join(name);
        std::fs::write(&output, "before").unwrap();
        let ran = convert(&logs(), &output, &[]);
        assert_eq!((ran.status, ran.stdout.len(), ran.stderr.as_str()), (0, 0, ""));
        assert_eq!(mode(&output), 0o600);
        assert_eq!(read(&output, "jsonl", &[]), read(logs(), "jsonl", &[]));
        let filter = ["--outcome", "failure"];
        assert_eq!(read(&output, "jsonl", &filter), read(logs(), "jsonl", &filter));
        let counts = run(["stats", output.to_str().unwrap()]);
        assert_eq!(counts.text(), run(["stats", &logs()]).text());
    }
}

#[test]
fn text_is_what_read_writes() {
    let folder = folder();
    for format in ["jsonl", "csv"] {
        let output = folder.path().join(format!("events.{format}"));
        std::fs::write(&output, "before").unwrap();
        assert_eq!(convert(&logs(), &output, &[]).status, 0);
        assert_eq!(std::fs::read(&output).unwrap(), read(logs(), format, &[]));
        assert_eq!(mode(&output), 0o600);
        let columns = ["--columns", "user_id,event_id"];
        assert_eq!(convert(&logs(), &output, &columns).status, 0);
        assert_eq!(std::fs::read(&output).unwrap(), read(logs(), format, &columns));
    }
}

#[test]
fn arrow_is_a_file_or_a_stream() {
    let folder = folder();
    let output = folder.path().join("events.arrow");
    assert_eq!(convert(&logs(), &output, &[]).status, 0);
    let file = std::fs::read(&output).unwrap();
    assert!(file.starts_with(b"ARROW1\0\0") && file.ends_with(b"ARROW1"));
    assert_eq!(mode(&output), 0o600);
    // A stream begins with a message, and ends with one that is empty.
    let stream = read(logs(), "arrow", &[]);
    assert!(
        stream.starts_with(b"\xff\xff\xff\xff") && stream.ends_with(b"\xff\xff\xff\xff\0\0\0\0")
    );
    let written = folder.path().join("stream");
    read(logs(), "arrow", &["-o", written.to_str().unwrap()]);
    assert_eq!(std::fs::read(&written).unwrap(), stream);
    let none = read(logs(), "arrow", &["--limit", "0"]);
    assert!(none.starts_with(b"\xff\xff\xff\xff") && none.len() < stream.len());
}

#[test]
fn read_writes_parquet() {
    let folder = folder();
    let stdout = folder.path().join("stdout.parquet");
    std::fs::write(&stdout, read(logs(), "parquet", &["--limit", "3"])).unwrap();
    let first = read(logs(), "jsonl", &["--limit", "3"]);
    assert_eq!(read(&stdout, "jsonl", &[]), first);
    let file = folder.path().join("file.parquet");
    let columns = ["--columns", "event_time,event_id,user_id", "-o", file.to_str().unwrap()];
    assert_eq!(read(logs(), "parquet", &columns), b"");
    let columns = ["--columns", "event_id"];
    assert_eq!(read(&file, "csv", &columns), read(logs(), "csv", &columns));
}

#[test]
fn a_data_set_takes_each_event_once() {
    let folder = folder();
    let table = folder.path().join("table");
    let ran = convert(&logs(), &table, &[]);
    assert_eq!((ran.status, ran.stdout.len(), ran.stderr.as_str()), (0, 0, ""));
    let rows = read(&table, "jsonl", &[]);
    let once = read(logs(), "jsonl", &["--dedup"]);
    assert_eq!(sorted(&rows), sorted(&once));
    let parts = files(&table);
    assert_eq!(convert(&logs(), &table, &["--threads", "1"]).status, 0);
    assert_eq!(files(&table).len(), parts.len());
    assert_eq!(read(&table, "jsonl", &[]), rows);
    // What is new is added.
    let new = data("log.jsonl");
    assert_eq!(convert(new.to_str().unwrap(), &table, &[]).status, 0);
    let more = read(&table, "jsonl", &[]);
    assert_eq!(lines(&more).len(), lines(&rows).len() + lines(&read(&new, "jsonl", &[])).len());
    for part in files(&table) {
        assert_eq!(mode(&part), 0o600, "{}", part.display());
        assert_eq!(mode(part.parent().unwrap()), 0o700, "{}", part.display());
    }
    assert_eq!(mode(&table), 0o700);
    assert_eq!(names(folder.path()), ["table"]);
}

#[test]
fn records_can_be_kept() {
    let folder = folder();
    for name in ["events.parquet", "table"] {
        let output = folder.path().join(name);
        let log_path = data("log.jsonl");
        let ran = convert(log_path.to_str().unwrap(), &output, &["--keep-raw"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
        assert_eq!(sorted(&read(&output, "raw", &[])), sorted(&log()), "{name}");
    }
    let output = folder.path().join("events.jsonl");
    let ran = convert(&logs(), &output, &["--keep-raw", "--columns", "event_id"]);
    assert_eq!(ran.status, 0);
    let columns = ["--columns", "event_id,raw"];
    assert_eq!(std::fs::read(&output).unwrap(), read(logs(), "jsonl", &columns));
}

#[test]
fn rejects_are_counted_and_kept() {
    let folder = folder();
    let rejects = folder.path().join("rejects.jsonl");
    let as_read = run_on(&broken_log(), ["read", "-", "-f", "jsonl"]);
    for (name, wrote) in [
        ("events.parquet", "; wrote 5 rows to "),
        ("events.arrow", "; wrote 5 rows to "),
        ("events.csv", "; wrote 5 rows to "),
        ("table", "; wrote 5 rows in "),
    ] {
        let output = folder.path().join(name);
        let out = output.to_str().unwrap();
        let ran = run_on(&broken_log(), ["convert", "-", "-o", out]);
        assert_eq!((ran.status, ran.stdout.len()), (1, 0), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(wrote), "{name}: {}", ran.stderr);
        // All the rest is what `read` tells.
        let told: Vec<&str> =
            ran.stderr.lines().map(|line| line.split("; wrote").next().unwrap()).collect();
        assert_eq!(told, as_read.stderr.lines().collect::<Vec<_>>(), "{name}");
        let args = ["convert", "-", "-o", out, "--rejects", rejects.to_str().unwrap()];
        let ran = run_on(&broken_log(), args);
        assert_eq!(ran.status, 1, "{name}");
        assert_eq!(lines(&std::fs::read(&rejects).unwrap()).len(), 4, "{name}");
        assert_eq!(mode(&rejects), 0o600);
        if name == "table" {
            assert!(ran.stderr.contains("0 events, 4 rejects, 5 duplicates"), "{}", ran.stderr);
            assert!(ran.stderr.contains("; wrote 0 rows in 0 files to "), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_run_that_fails_leaves_nothing() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, table, other) = (path("events.parquet"), path("table"), path("other"));
    let kept = path("kept.parquet");
    std::fs::write(&kept, "before").unwrap();
    std::fs::create_dir(&other).unwrap();
    std::fs::write(folder.path().join("other/notes.txt"), "mine").unwrap();
    let log_path = data("log.jsonl");
    let log_path = log_path.to_str().unwrap();
    for (args, says) in [
        (&["/nonexistent", "-o", &file][..], "/nonexistent"),
        (&["/nonexistent", "-o", &kept], "/nonexistent"),
        (&["/nonexistent", "-o", &table], "/nonexistent"),
        (&[log_path, "-o", "-"], "read --format"),
        (&[log_path, "-o", &table, "--columns", "event_id"], "a data set has all columns"),
        (&[log_path, "-o", &file, "--columns", "nope"], "--columns"),
        (&[log_path, "-o", &table, "--rejects", &path("table/rejects")], "table/rejects: "),
        (&[log_path, "-o", &table, "--rejects", &table], "--rejects"),
        (&[log_path, "-o", &file, "--rejects", &file], "--rejects"),
        (&[log_path, "-o", &other], "notes.txt"),
        (&[log_path, "-o", &path("none/events.parquet")], "none"),
        (&[log_path], "--output"),
    ] {
        let ran = run(["convert"].iter().chain(args));
        assert_eq!((ran.status, ran.stdout.len()), (2, 0), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
        assert_eq!(names(folder.path()), ["kept.parquet", "other"], "{args:?}");
        assert_eq!(names(Path::new(&other)), ["notes.txt"], "{args:?}");
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "before");
}

#[test]
fn a_source_is_never_written_over() {
    let folder = folder();
    let input = folder.path().join("in/log.jsonl");
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(&input, log()).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, logs, table) = (path("in/log.jsonl"), path("in"), path("table"));
    assert_eq!(convert(&file, Path::new(&table), &[]).status, 0);
    let before = read(&table, "jsonl", &[]);
    for args in [
        [&file, &file],
        [&logs, &file],
        [&file, &logs],
        [&logs, &logs],
        [&logs, &path("in/table")],
        [&path("in/*"), &logs],
        [&table, &table],
        [&table, &path("in/../table")],
        [&path(""), &table],
    ] {
        let [source, output] = args;
        let ran = convert(source, Path::new(output), &[]);
        assert_eq!((ran.status, ran.stdout.len()), (2, 0), "{args:?}");
        assert!(ran.stderr.contains("source"), "{args:?}: {}", ran.stderr);
        assert_eq!(names(&folder.path().join("in")), ["log.jsonl"], "{args:?}");
    }
    assert_eq!(std::fs::read(&input).unwrap(), log());
    assert_eq!(read(&table, "jsonl", &[]), before);
    // One data set may be added to another.
    assert_eq!(convert(&table, &folder.path().join("copy"), &[]).status, 0);
    assert_eq!(read(path("copy"), "jsonl", &[]), before);
}

/// Many records, of as many days as there are.
fn many(folder: &Path) -> PathBuf {
    let path = folder.join("many.jsonl");
    let mut text = String::new();
    for number in 0..60_000 {
        text.push_str(&format!(
            "{{\"eventLogUuid\":\"{number:032}\",\"eventId\":\"event_id.iaas.instance.create\",\
             \"eventTime\":\"2026-10-{:02}T09:00:00.000Z\",\"request\":\"{number:0200}\"}}\n",
            1 + number / 6000
        ));
    }
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_run_that_is_killed_leaves_a_data_set_that_the_next_completes() {
    let folder = folder();
    let source = many(folder.path());
    let table = folder.path().join("table");
    let start = || {
        command()
            .arg("convert")
            .arg(&source)
            .arg("-o")
            .arg(&table)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    // From the beginning to the end of a run.
    let since = Instant::now();
    assert!(start().wait().unwrap().success());
    let whole = since.elapsed();
    let all = read(&table, "jsonl", &[]);
    assert_eq!(lines(&all).len(), 60_000);
    for signal in ["-KILL", "-INT"] {
        for step in 1..=5_u32 {
            std::fs::remove_dir_all(&table).unwrap();
            let mut child = start();
            std::thread::sleep(whole.mul_f64(f64::from(step) / 6.0));
            let id = child.id().to_string();
            let killed = std::process::Command::new("kill").args([signal, &id]).status();
            assert!(killed.unwrap().success());
            child.wait().unwrap();
            if signal == "-INT" {
                assert!(names(folder.path()).iter().all(|name| !name.starts_with('.')));
            }
            if table.is_dir() && !names(&table).iter().all(|name| name.starts_with('.')) {
                let rows = read(&table, "jsonl", &[]);
                assert!(lines(&rows).len() <= 60_000);
            }
            assert!(start().wait().unwrap().success());
            assert_eq!(sorted(&read(&table, "jsonl", &[])), sorted(&all), "{signal} {step}");
            assert_eq!(names(folder.path()), ["many.jsonl", "table"]);
        }
    }
}

#[test]
fn an_interrupt_leaves_no_half_file() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (name, begun, left) in
        [("events.parquet", ".nhn-cloudtrail-", 1), ("table", ".table.nhn-cloudtrail", 2)]
    {
        let mut child = command()
            .arg("convert")
            .arg(&pipe)
            .arg("-o")
            .arg(folder.path().join(name))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let writer = std::fs::File::options().write(true).open(&pipe).unwrap();
        let since = Instant::now();
        while !names(folder.path()).iter().any(|name| name.starts_with(begun)) {
            assert!(since.elapsed() < Duration::from_secs(20), "waited in vain for {name}");
            std::thread::sleep(Duration::from_millis(10));
        }
        let id = child.id().to_string();
        let killed = std::process::Command::new("kill").args(["-INT", &id]).status();
        assert!(killed.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        drop(writer);
        assert_eq!(names(folder.path()).len(), left, "{name}: {:?}", names(folder.path()));
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = folder();
    let source = many(folder.path());
    for format in ["parquet", "arrow"] {
        let mut child = command()
            .args(["read", source.to_str().unwrap(), "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = child.wait_with_output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8(ran.stderr).unwrap(), "", "{format}");
    }
}

#[test]
fn of_a_parquet_source_only_what_is_asked_for_is_read_and_it_says_the_same() {
    let folder = folder();
    let output = folder.path().join("events.parquet");
    assert_eq!(convert(&logs(), &output, &[]).status, 0);
    let columns = [
        "event_time",
        "event_name,kind,known",
        "outcome,result_code",
        "user_id,extra",
        "target_members,event_log_uuid",
    ];
    let filters: [&[&str]; 5] = [
        &[],
        &["--outcome", "failure"],
        &["--text", "name"],
        &["--kind", "delete", "--since", "2026-01-01"],
        &["--unknown"],
    ];
    for columns in columns {
        for filter in filters {
            let options = [&["--columns", columns], filter].concat();
            assert_eq!(read(&output, "jsonl", &options), read(logs(), "jsonl", &options));
        }
    }
}

#[test]
fn records_as_they_came_come_only_from_where_they_are_kept() {
    let folder = folder();
    let kept = folder.path().join("kept.parquet");
    let made = folder.path().join("made.parquet");
    assert_eq!(convert(&logs(), &kept, &["--keep-raw"]).status, 0);
    assert_eq!(convert(&logs(), &made, &[]).status, 0);
    assert_eq!(read(&kept, "raw", &[]), read(logs(), "raw", &[]));
    let again = folder.path().join("again.parquet");
    for ran in [
        run(["read", made.to_str().unwrap(), "--format", "raw"]),
        convert(made.to_str().unwrap(), &again, &["--keep-raw"]),
    ] {
        assert_eq!(ran.status, 2);
        assert!(ran.stderr.contains("written without --keep-raw"), "{}", ran.stderr);
    }
    assert!(!again.exists());
    assert_eq!(convert(kept.to_str().unwrap(), &again, &["--keep-raw"]).status, 0);
    assert_eq!(read(&again, "raw", &[]), read(logs(), "raw", &[]));
}

#[test]
fn a_table_is_no_log() {
    let folder = folder();
    let arrow = folder.path().join("events.arrow");
    assert_eq!(convert(&logs(), &arrow, &[]).status, 0);
    let parquet = folder.path().join("events.parquet");
    assert_eq!(convert(&logs(), &parquet, &[]).status, 0);
    let stream = read(logs(), "arrow", &[]);
    let from_path = run(["stats", arrow.to_str().unwrap()]);
    for (ran, what) in [
        (from_path, "an Arrow table"),
        (run_on(&stream, ["stats", "-"]), "an Arrow table"),
        (run_on(&std::fs::read(&parquet).unwrap(), ["stats", "-"]), "by its path"),
    ] {
        assert_eq!(ran.status, 2);
        assert!(ran.stderr.contains(what), "{}", ran.stderr);
    }
}

#[test]
fn a_data_set_without_rows_can_be_read() {
    let folder = folder();
    let empty = folder.path().join("empty.jsonl");
    std::fs::write(&empty, "").unwrap();
    let output = folder.path().join("set");
    assert_eq!(convert(empty.to_str().unwrap(), &output, &[]).status, 0);
    assert_eq!(read(&output, "jsonl", &[]), b"");
    assert_eq!(run(["stats", output.to_str().unwrap()]).status, 0);
}

#[test]
fn a_result_of_which_a_part_is_missing_says_what_it_has() {
    let folder = folder();
    let output = folder.path().join("events.parquet");
    let ran = run(["convert", "/nonexistent", &logs(), "-o", output.to_str().unwrap()]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("; wrote "), "{}", ran.stderr);
}

#[test]
fn there_is_a_most_of_threads() {
    let ran = convert(&logs(), Path::new("/nonexistent/a.parquet"), &["--threads", "10000"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("--threads"), "{}", ran.stderr);
}

#[test]
fn a_flipped_bit_is_an_error_where_the_checksum_is_verified() {
    let folder = folder();
    let (whole, path) = (folder.path().join("a.parquet"), folder.path().join("b.parquet"));
    for more in [&[][..], &["--keep-raw"]] {
        assert_eq!(convert(&logs(), &whole, more).status, 0);
        let expected = read(logs(), "jsonl", &[]);
        assert_eq!(read(&whole, "jsonl", &["--verify"]), expected);
        let bytes = std::fs::read(&whole).unwrap();
        let mut random = 3u64;
        for round in 0..40 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (at, bit) = ((random >> 20) as usize % (bytes.len() - 4), 1 << (random >> 60 & 7));
            let mut flipped = bytes.clone();
            flipped[at + 4] ^= bit;
            std::fs::write(&path, &flipped).unwrap();
            let file = path.to_str().unwrap();
            let output = folder.path().join("out.jsonl");
            let output = output.to_str().unwrap();
            let ran = match round % 3 {
                0 => run(["read", file, "--format", "jsonl", "--verify"]),
                1 => run(["stats", file, "--verify"]),
                _ => run(["convert", file, "-o", output, "--verify"]),
            };
            assert_eq!(ran.status, 2, "byte {}: {}", at + 4, ran.stderr);
            assert!(ran.stderr.contains("b.parquet: the Parquet file "), "{}", ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
            // Without a check there may be other events, but never a message of a panic.
            let ran = run(["read", file, "--format", "jsonl"]);
            assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        }
    }
    // Logs have no such checksum; there is nothing to verify.
    assert_eq!(read(logs(), "jsonl", &["--verify"]), read(logs(), "jsonl", &[]));
}

#[test]
fn duplicates_in_a_table_are_told_by_all_columns() {
    let folder = folder();
    let table = folder.path().join("a.parquet");
    let log = "{\"eventId\":\"a\",\"userId\":\"x\"}\n{\"eventId\":\"a\",\"userId\":\"y\"}\n";
    let args = ["convert", "-", "-o", table.to_str().unwrap()];
    assert_eq!(run_on(log.as_bytes(), args).status, 0);
    let rows = read(&table, "jsonl", &["--dedup", "--columns", "event_id"]);
    assert_eq!(lines(&rows), ["{\"event_id\":\"a\"}"; 2]);
}
