//! Files appear whole or not at all, pipes may close, and an interrupt leaves nothing behind.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{command, data, folder, log, names, run, run_on};
use nhn_cloudtrail_cli::Interrupt;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_are_private() {
    let folder = folder();
    let (output, rejects) = (folder.path().join("out.jsonl"), folder.path().join("rejects.jsonl"));
    // A file that was there is replaced, mode and all.
    std::fs::write(&output, "before").unwrap();
    let log_path = data("log.jsonl");
    let args = ["read", log_path.to_str().unwrap(), "--format", "raw"];
    let files = ["-o", output.to_str().unwrap(), "--rejects", rejects.to_str().unwrap()];
    let ran = run(args.into_iter().chain(files));
    assert_eq!((ran.status, ran.stdout.len()), (0, 0));
    assert_eq!(std::fs::read(&output).unwrap(), log());
    assert_eq!((mode(&output), mode(&rejects)), (0o600, 0o600));
    assert_eq!(names(folder.path()), ["out.jsonl", "rejects.jsonl"]);
}

#[test]
fn a_run_that_fails_leaves_nothing() {
    let folder = folder();
    let output = folder.path().join("out.json");
    std::fs::write(&output, "before").unwrap();
    let out = output.to_str().unwrap();
    for args in [
        &["read", "/nonexistent", "-f", "json", "-o", out][..],
        &["read", "-", "-o", out, "--rejects", out],
        &["read", "-", "-o", out, "--rejects", "/nonexistent/rejects"],
        &["read", "-", "-o", out, "--since", "nonsense"],
        &["stats", "/nonexistent", "-o", out],
        &["catalog", "import", "/nonexistent", "-o", out],
    ] {
        let ran = run(args);
        assert_eq!(ran.status, 2, "{args:?}: {}", ran.stderr);
        assert_eq!(names(folder.path()), ["out.json"], "{args:?}");
        assert_eq!(std::fs::read_to_string(&output).unwrap(), "before", "{args:?}");
    }
    assert_eq!(run(["read", "-", "-o", folder.path().to_str().unwrap()]).status, 2);
}

#[test]
fn a_source_is_never_written_over() {
    let folder = folder();
    let input = folder.path().join("log.jsonl");
    std::fs::write(&input, log()).unwrap();
    let name = input.to_str().unwrap();
    let dotted = folder.path().join("./log.jsonl");
    for args in [
        &["read", name, "-f", "raw", "-o", dotted.to_str().unwrap()][..],
        &["read", folder.path().to_str().unwrap(), "-f", "raw", "-o", name],
        &["stats", name, "-o", name],
        &["read", name, "--rejects", name],
    ] {
        let ran = run(args);
        assert_eq!(ran.status, 2, "{args:?}");
        assert!(ran.stderr.contains("one of the sources"), "{args:?}: {}", ran.stderr);
        assert_eq!(std::fs::read(&input).unwrap(), log(), "{args:?}");
        assert_eq!(names(folder.path()), ["log.jsonl"], "{args:?}");
    }
}

#[test]
fn a_live_pipe_is_passed_on_as_it_comes() {
    let mut child = command()
        .args(["read", "-", "-f", "raw"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for number in 0..3 {
        let line = format!("{{\"eventId\":\"{number}\"}}\n");
        stdin.write_all(line.as_bytes()).unwrap();
        let mut read = String::new();
        stdout.read_line(&mut read).unwrap();
        assert_eq!(read, line);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn rejected_records_do_not_keep_a_file_from_appearing() {
    let folder = folder();
    let output = folder.path().join("out.jsonl");
    let ran = run_on(
        b"{\"eventId\":\"a\"}\nnope\n",
        ["read", "-", "-f", "raw", "-o", output.to_str().unwrap()],
    );
    assert_eq!(ran.status, 1);
    assert_eq!(std::fs::read(&output).unwrap(), b"{\"eventId\":\"a\"}\n");
}

#[test]
fn a_link_stays_and_what_it_names_is_replaced() {
    let folder = folder();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    std::fs::write(&file, "before").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let ran = run_on(&log(), ["read", "-", "-f", "raw", "-o", link.to_str().unwrap()]);
    assert_eq!(ran.status, 0);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read(&file).unwrap(), log());
}

#[test]
fn a_device_is_written_to_and_never_replaced() {
    let ran = run_on(&log(), ["read", "-", "-o", "/dev/null"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    if Path::new("/dev/full").exists() {
        let ran = run_on(&log(), ["read", "-", "-o", "/dev/full"]);
        assert_eq!(ran.status, 2);
        assert!(ran.stderr.starts_with("error: /dev/full: cannot be written"), "{}", ran.stderr);
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = folder();
    let rejects = folder.path().join("rejects.jsonl");
    let input = folder.path().join("input.jsonl");
    // Far more than a pipe holds.
    std::fs::write(&input, log().repeat(2000)).unwrap();
    for format in ["table", "jsonl", "json", "csv", "raw"] {
        let mut child = command()
            .args(["read", input.to_str().unwrap(), "--format", format, "--rejects"])
            .arg(&rejects)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        let ran = child.wait_with_output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8(ran.stderr).unwrap(), "", "{format}");
        assert_eq!(names(folder.path()), ["input.jsonl"], "{format}");
    }
    // Help and the catalog's commands too.
    for args in [&["catalog", "export"][..], &["--help"], &["completions", "bash"]] {
        let mut child = command().args(args).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

/// Waits until `done`, but not for ever.
fn wait_for(what: &str, done: impl Fn() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_interrupt_leaves_no_half_file() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut child = command()
        .arg("read")
        .arg(&pipe)
        .args(["--format", "raw", "-o"])
        .arg(folder.path().join("out.jsonl"))
        .arg("--rejects")
        .arg(folder.path().join("rejects.jsonl"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut writer = std::fs::File::options().write(true).open(&pipe).unwrap();
    writer.write_all(&log()).unwrap();
    // Both files are begun, and the run waits for more of the pipe.
    wait_for("the files", || names(folder.path()).len() == 3);
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(names(folder.path()), ["pipe"]);
    drop(writer);
}

/// A call of the library, as the Python package makes it.
fn call(args: &[&str], interrupt: &Interrupt) -> u8 {
    let args = std::iter::once("nhn-cloudtrail").chain(args.iter().copied());
    nhn_cloudtrail_cli::run(args.map(Into::into), interrupt)
}

#[test]
fn the_library_can_be_called_again_and_again() {
    let folder = folder();
    let log_path = data("log.jsonl");
    for round in 0..3 {
        let output = folder.path().join(format!("{round}.jsonl"));
        let args =
            ["read", log_path.to_str().unwrap(), "-f", "raw", "-o", output.to_str().unwrap()];
        assert_eq!(call(&args, &Interrupt::default()), 0);
        assert_eq!(std::fs::read(&output).unwrap(), log());
        assert_eq!(call(&["read", "/nonexistent"], &Interrupt::default()), 2);
        assert_eq!(call(&["nonsense"], &Interrupt::default()), 2);
    }
}

#[test]
fn an_interrupt_ends_a_call_of_the_library() {
    let folder = folder();
    let output = folder.path().join("out.jsonl");
    let interrupt = Interrupt::default();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::thread::scope(|scope| {
        let args = [
            "read",
            pipe.to_str().unwrap(),
            "--format",
            "raw",
            // Nothing passes, and still the interrupt is seen.
            "--user",
            "nobody",
            "-o",
            output.to_str().unwrap(),
        ];
        let interrupt = &interrupt;
        let call = scope.spawn(move || call(&args, interrupt));
        let mut writer = std::fs::File::options().write(true).open(&pipe).unwrap();
        wait_for("the file", || names(folder.path()).len() == 2);
        interrupt.raise();
        assert_eq!(names(folder.path()), ["pipe"]);
        // The writer may find the pipe closed already.
        let _ = writer.write_all(&log());
        drop(writer);
        assert_eq!(call.join().unwrap(), 130);
    });
    assert_eq!(names(folder.path()), ["pipe"]);
    // A raised interrupt lets nothing begin.
    let log_path = data("log.jsonl");
    let args = ["read", log_path.to_str().unwrap(), "-o", output.to_str().unwrap()];
    assert_eq!(call(&args, &interrupt), 130);
    assert_eq!(names(folder.path()), ["pipe"]);
}
