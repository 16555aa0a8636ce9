//! Runs the built command as a user would.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A command that sees neither the terminal nor the settings of whoever runs the tests.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nhn-cloudtrail"));
    command.env_clear().env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }

    /// Everything, for a snapshot.
    pub(crate) fn all(&self) -> String {
        let mut all = format!("status: {}\n", self.status);
        if !self.stdout.is_empty() {
            all.push_str(&format!("---- stdout\n{}", String::from_utf8_lossy(&self.stdout)));
        }
        if !self.stderr.is_empty() {
            all.push_str(&format!("---- stderr\n{}", self.stderr));
        }
        all
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs with these arguments.
pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    command().args(args).output().unwrap().into()
}

/// Runs with these arguments and `input` on standard input.
pub(crate) fn run_on<S: AsRef<OsStr>>(input: &[u8], args: impl IntoIterator<Item = S>) -> Ran {
    let mut child = command()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // The command may stop reading before the end.
        let _ = stdin.write_all(&input);
    });
    let ran = child.wait_with_output().unwrap().into();
    writer.join().unwrap();
    ran
}

/// Text in which what could harm the reader of a snapshot can be seen.
pub(crate) fn visible(text: &str) -> String {
    text.replace('\u{1b}', "<ESC>").replace('\u{202e}', "<RLO>").replace('\r', "<CR>")
}

/// Words of a command line, split at blanks.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// An empty folder of its own for a test.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A file among the tests' data.
pub(crate) fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The log that most tests read: five events, of which one is unknown and one fails.
pub(crate) fn log() -> Vec<u8> {
    std::fs::read(data("log.jsonl")).unwrap()
}

/// The log with four more records that cannot become events, one of them not UTF-8.
pub(crate) fn broken_log() -> Vec<u8> {
    let mut log = log();
    log.extend_from_slice(
        b"{\"eventId\": nope}\n\xff\xfe{\"x\"\n42\n{\"eventId\":\"a\"} trailing\n",
    );
    log
}
