//! Files appear whole or not at all, pipes may close, and an interrupt leaves nothing behind.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{command, data, folder, log, names, run, run_on, words};
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

/// The size of every file of a folder.
fn sizes(folder: &Path) -> Vec<(String, u64)> {
    let size = |name: &String| std::fs::metadata(folder.join(name)).unwrap().len();
    names(folder).into_iter().map(|name| (name.clone(), size(&name))).collect()
}

#[test]
fn a_source_that_would_hold_the_result_is_refused() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    std::fs::write(folder.path().join("logs/a.jsonl"), log()).unwrap();
    std::fs::write(folder.path().join("logs/list.md"), "| a | b |\n").unwrap();
    let before = sizes(&folder.path().join("logs"));
    for args in [
        "read logs -f jsonl -o logs/out.jsonl",
        "read logs -f raw -o logs/a.jsonl",
        "read logs/*.jsonl -f raw -o logs/out.jsonl",
        "read logs --rejects logs/rejects.jsonl",
        "read logs -f arrow -o logs/out.arrow",
        "stats logs --rejects logs/rejects.jsonl",
        "stats logs -o logs/counts.json",
        "convert logs -o logs/out.parquet",
        "convert logs -o logs/set",
        "convert logs -o out.parquet --rejects ./logs/rejects.jsonl",
        "convert logs/* -o logs/out.csv",
        "catalog import logs/list.md -o logs/list.md",
    ] {
        let ran: crate::common::Ran =
            command().current_dir(&folder).args(words(args)).output().unwrap().into();
        assert_eq!((ran.status, ran.stdout.len()), (2, 0), "{args}: {}", ran.stderr);
        if !args.starts_with("catalog") {
            assert!(ran.stderr.contains("source"), "{args}: {}", ran.stderr);
        }
        assert_eq!(sizes(&folder.path().join("logs")), before, "{args}");
        assert_eq!(names(folder.path()), ["logs"], "{args}");
    }
    for args in [
        "read logs/a.jsonl -f raw -o logs/out.jsonl",
        "read logs/*.jsonl -f parquet -o logs/out.parquet",
        "read logs/a.jsonl -f raw -o logs/_out.jsonl --rejects logs/.rejects",
        "convert logs/*.jsonl -o logs/set",
    ] {
        let ran: crate::common::Ran =
            command().current_dir(&folder).args(words(args)).output().unwrap().into();
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{args}");
    }
}

/// Runs with files for standard input and output.
fn run_between(folder: &Path, args: &str, input: Option<&str>, output: &str) -> (i32, String) {
    let mut command = command();
    command.current_dir(folder).args(words(args)).stderr(Stdio::piped());
    if let Some(input) = input {
        command.stdin(std::fs::File::open(folder.join(input)).unwrap());
    }
    let append = std::fs::File::options().append(true).create(true).open(folder.join(output));
    let ran = command.stdout(append.unwrap()).output().unwrap();
    (ran.status.code().unwrap(), String::from_utf8(ran.stderr).unwrap())
}

#[test]
fn a_source_is_not_what_standard_output_was_redirected_into() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    std::fs::write(folder.path().join("logs/a.jsonl"), log()).unwrap();
    std::os::unix::fs::symlink("logs/a.jsonl", folder.path().join("link")).unwrap();
    let before = sizes(&folder.path().join("logs"));
    for (args, input) in [
        ("read logs/a.jsonl -f raw", None),
        ("read link -f csv", None),
        ("read logs -f jsonl", None),
        ("read logs/* -f parquet", None),
        ("read - -f raw", Some("logs/a.jsonl")),
        ("read /dev/stdin -f raw", Some("logs/a.jsonl")),
        ("read - -f raw -o /dev/stdout", Some("logs/a.jsonl")),
        ("stats logs", None),
        // What is redirected goes where the other output would take the file's place.
        ("read - --rejects logs/a.jsonl", None),
        ("read - -o logs/a.jsonl --rejects -", None),
    ] {
        let (status, stderr) = run_between(folder.path(), args, input, "logs/a.jsonl");
        assert_eq!(status, 2, "{args}: {stderr}");
        assert_eq!(sizes(&folder.path().join("logs")), before, "{args}");
    }
    let input = folder.path().join("logs/a.jsonl");
    let (status, stderr) =
        run_between(folder.path(), "read - -f raw -o link", Some("logs/a.jsonl"), "other");
    assert!(status == 2 && stderr.contains("one of the sources"), "{stderr}");
    assert_eq!(std::fs::read(&input).unwrap(), log());
    // A file that did not exist is made by the shell, and stays empty.
    let (status, stderr) = run_between(folder.path(), "read logs", None, "logs/out.txt");
    assert!(status == 2 && stderr.contains("standard output: goes to "), "{stderr}");
    assert_eq!(std::fs::metadata(folder.path().join("logs/out.txt")).unwrap().len(), 0);
    let (status, stderr) = run_between(folder.path(), "read logs/a.jsonl -f raw", None, "out");
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert_eq!(std::fs::read(folder.path().join("out")).unwrap(), log());
}

/// A pipe of which one end is non-blocking: that which reads, or that which writes.
fn pipe(non_blocking_reader: bool) -> (std::fs::File, std::fs::File) {
    use rustix::fs::{OFlags, fcntl_setfl};
    use rustix::pipe::{PipeFlags, pipe_with};

    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let end = if non_blocking_reader { &reader } else { &writer };
    fcntl_setfl(end, OFlags::NONBLOCK).unwrap();
    (reader.into(), writer.into())
}

#[test]
fn a_non_blocking_input_is_waited_for() {
    for (args, status) in [("read - -f raw", 0), ("catalog diff -", 2)] {
        let (reader, mut writer) = pipe(true);
        let mut command = command();
        command.args(words(args)).stdin(reader).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // The command has it open still.
        drop(command);
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(60));
            writer.write_all(&log()).unwrap();
        }
        drop(writer);
        let ran = child.wait_with_output().unwrap();
        assert_eq!(ran.status.code(), Some(status), "{args}");
        if status == 0 {
            assert_eq!(ran.stdout, log().repeat(5));
            assert_eq!(String::from_utf8(ran.stderr).unwrap(), "");
        }
    }
}

#[test]
fn a_non_blocking_output_gets_everything() {
    let folder = folder();
    let input = folder.path().join("input.jsonl");
    std::fs::write(&input, log().repeat(500)).unwrap();
    for format in ["raw", "jsonl", "json", "csv", "table", "arrow", "parquet"] {
        let args = ["read", input.to_str().unwrap(), "--format", format];
        let all = run(args).stdout;
        let (mut reader, writer) = pipe(false);
        let mut command = command();
        command.args(args).stdout(writer).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        drop(command);
        // The pipe is full by then.
        std::thread::sleep(Duration::from_millis(200));
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut read).unwrap();
        let ran = child.wait_with_output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8(ran.stderr).unwrap(), "", "{format}");
        if format != "parquet" {
            assert!(read == all, "{format}: {} of {} bytes", read.len(), all.len());
        }
        assert_eq!(read.len(), all.len(), "{format}");
    }
}

#[test]
fn messages_that_nobody_reads_do_not_hold_up_the_run() {
    let (mut reader, mut writer) = pipe(false);
    let mut full = 0;
    while let Ok(count) = writer.write(&[b'x'; 4096]) {
        full += count;
    }
    let mut command = command();
    command.args(["read", "-", "-f", "raw"]).stderr(writer);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&[log(), b"{\"eventId\":\n".repeat(2000)].concat()).unwrap();
    drop(stdin);
    let since = Instant::now();
    let ran = child.wait_with_output().unwrap();
    assert_eq!((ran.status.code(), ran.stdout), (Some(1), log()));
    assert!(since.elapsed() < Duration::from_secs(10), "took {:?}", since.elapsed());
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut read).unwrap();
    assert!(read.len() >= full);
}

#[test]
fn messages_wait_a_little_for_their_reader() {
    let (mut reader, mut writer) = pipe(false);
    while writer.write(&[b'x'; 4096]).is_ok() {}
    let mut command = command();
    command.args(["read", "/nonexistent"]).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    std::thread::sleep(Duration::from_millis(200));
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut read).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert!(String::from_utf8(read).unwrap().contains("error: /nonexistent: no such file"));
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    for (signal, ends) in [("HUP", 130), ("INT", 130), ("TERM", 130)] {
        for ignored in [true, false] {
            let trap = if ignored { format!("trap '' {signal};") } else { String::new() };
            let script = format!("{trap} exec \"$0\" read - -f raw");
            // The process that runs the tests may ignore the signal.
            let mut child = std::process::Command::new("env")
                .args([&format!("--default-signal={signal}"), "sh", "-c", &script])
                .arg(env!("CARGO_BIN_EXE_nhn-cloudtrail"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            stdin.write_all(&log()).unwrap();
            // It runs, and its handlers are there.
            stdout.read_line(&mut line).unwrap();
            let id = child.id().to_string();
            let sent = std::process::Command::new("kill").args(["-s", signal, &id]).status();
            assert!(sent.unwrap().success());
            if ignored {
                std::thread::sleep(Duration::from_millis(200));
                assert!(child.try_wait().unwrap().is_none(), "{signal}");
                drop(stdin);
            }
            let status = child.wait().unwrap().code();
            assert_eq!(status, Some(if ignored { 0 } else { ends }), "{signal} {ignored}");
        }
    }
}

/// What `child` writes until it is quiet.
fn until_quiet(stdout: &mut std::process::ChildStdout) -> String {
    use std::io::Read;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let mut text = Vec::new();
    // The first bytes may take a while, on a machine that is busy.
    let mut limit = Timespec { tv_sec: 10, tv_nsec: 0 };
    while poll(&mut [PollFd::new(&*stdout, PollFlags::IN)], Some(&limit)).unwrap() > 0 {
        let mut buffer = [0; 4096];
        let count = stdout.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        text.extend_from_slice(&buffer[..count]);
        limit = Timespec { tv_sec: 0, tv_nsec: 300_000_000 };
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn rows_are_shown_before_more_of_a_stream_is_waited_for() {
    let rows: String = (0..10).map(|id| format!("{{\"eventId\":\"event_id.x.{id}\"}}\n")).collect();
    for (format, filter, more, expected) in [
        ("table", "event_id.x.*", "", 11),
        ("jsonl", "event_id.x.*", "", 10),
        ("csv", "event_id.x.*", "", 11),
        // Part of the next record has come, too.
        ("table", "event_id.x.*", "{\"eventId\":", 11),
        // The last ones are left out, or rejects.
        ("table", "event_id.x.4", "", 2),
        ("jsonl", "event_id.x.4", "", 1),
        ("table", "event_id.x.*", "nope\n", 11),
    ] {
        let mut child = command()
            .args(["read", "-", "--format", format, "--event", filter, "--columns", "event_id"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(format!("{rows}{more}").as_bytes()).unwrap();
        let text = until_quiet(child.stdout.as_mut().unwrap());
        assert_eq!(text.lines().count(), expected, "{format} {filter} {more}: {text}");
        drop(stdin);
        child.wait().unwrap();
    }
}

#[test]
fn the_rows_of_a_file_decide_the_widths_together() {
    let folder = folder();
    // The first ones are read apart from those of the second file.
    std::fs::write(folder.path().join("a.jsonl"), "{\"eventId\":\"a\"}\n").unwrap();
    std::fs::write(folder.path().join("b.jsonl"), "{\"eventId\":\"bbbbbbbb\"}\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let ran = run(["read", path, "--columns", "event_id,known"]);
    assert_eq!(ran.text(), "event_id  known\na         false\nbbbbbbbb  false\n");
}
