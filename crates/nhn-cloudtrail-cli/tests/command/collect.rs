//! `collect` and `archive`, against a server of the query API in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use crate::common::{Ran, command, folder, names, run};

/// The end of what the servers' organization has done: a day ago, since the API forgets.
fn until() -> String {
    static LAST: LazyLock<u64> = LazyLock::new(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        now.as_secs() / 86_400 - 1
    });
    let midnight = nhn_cloudtrail::Timestamp::from_millis(*LAST as i64 * 86_400_000).unwrap();
    midnight.to_string()
}

/// A server that runs until this is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let server = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/servers/cloudtrail_api.py");
        let mut child = Command::new("python3")
            .arg(server)
            .args(["--until", &until()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.strip_prefix("ready ").unwrap().trim().to_owned() }
    }

    /// The keys of all records that there are until [`until`], in order.
    fn keys(&self) -> Vec<String> {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        let path = format!("/control/uuids?until={}", until());
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut keys: Vec<String> = body.lines().map(str::to_owned).collect();
        keys.sort();
        keys
    }

    fn command(&self, archive: &Path) -> Command {
        let mut command = command();
        command
            .env("NHN_CLOUDTRAIL_ACCESS_KEY_ID", "testKeyId")
            .env("NHN_CLOUDTRAIL_SECRET_ACCESS_KEY", "testSecret")
            .env("NHN_CLOUDTRAIL_APP_KEY", "testAppKey")
            .args(["collect", "--base-url", &self.url])
            .args(["--since", "63d", "--until", &until(), "--into"])
            .arg(archive);
        command
    }

    fn collect(&self, archive: &Path, more: &[&str]) -> Ran {
        self.command(archive).args(more).output().unwrap().into()
    }
}

fn held(archive: &Path) -> Vec<String> {
    let archive = archive.to_str().unwrap();
    let read = run(["read", archive, "--format", "csv", "--columns", "event_log_uuid"]);
    assert_eq!(read.status, 0, "{}", read.stderr);
    let mut keys: Vec<String> = read.text().lines().skip(1).map(str::to_owned).collect();
    keys.sort();
    keys
}

#[test]
fn a_collection_that_is_killed_again_and_again_has_every_event_once() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let path = archive.to_str().unwrap();
    // 5 % of the requests fail, and records come while they are read.
    let server = Server::start(&[
        "--events",
        "60000",
        "--days",
        "60",
        "--fail",
        "5",
        "--hang",
        "0.5",
        "--insert-every",
        "7",
        "--insert-most",
        "100",
    ]);
    for kill in 0..20 {
        let mut child = server
            .command(&archive)
            .args(["--timeout", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150 + 61 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
        if archive.join("_archive").exists() {
            let verified = run(["archive", "verify", path]);
            assert_eq!(verified.status, 0, "after kill {kill}: {}", verified.all());
        }
    }
    let ran = server.collect(&archive, &["--format", "json", "--timeout", "2"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let counts = ran.json();
    assert_eq!(counts["status"], "complete");
    let count = |name: &str| counts[name].as_u64().unwrap();
    assert_eq!(count("fetched"), count("new") + count("known") + count("rejected"));
    // What came behind that run's back, once nothing comes any more.
    let new =
        || server.collect(&archive, &["--format", "json", "--timeout", "2"]).json()["new"].clone();
    assert!((0..20).any(|_| new() == 0));
    let (have, keys) = (held(&archive), server.keys());
    let missing: Vec<_> = keys.iter().filter(|key| have.binary_search(key).is_err()).collect();
    assert!(missing.is_empty(), "{} of {}, {:?}", missing.len(), keys.len(), missing.first());
    assert_eq!(have.len(), keys.len());
    assert_eq!(run(["archive", "verify", path]).status, 0);
}

#[test]
fn what_was_collected_is_told_shown_and_verified() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let path = archive.to_str().unwrap();
    let server = Server::start(&["--events", "500", "--days", "5"]);
    let ran = server.collect(&archive, &[]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    assert!(
        ran.text().starts_with("fetched 500 records: 500 new, 0 known already, 0 rejected\nhead ")
    );
    assert_eq!(ran.stderr, "");
    let head = ran.text().trim_end().rsplit(' ').next().unwrap().to_owned();
    let status = run(["archive", "status", path]);
    assert!(status.text().contains("500 events and 0 rejects"), "{}", status.text());
    assert!(status.text().contains("0 gaps"));
    assert_eq!(run(["archive", "status", path, "--format", "json"]).json()["events"], 500);
    assert_eq!(run(["archive", "verify", path, "--head", &head]).status, 0);
    assert_eq!(server.collect(&archive, &[]).status, 0);
    let mut again = server.command(&archive);
    drop(server);
    let nobody = Ran::from(again.args(["--retries", "0"]).output().unwrap());
    assert_eq!((nobody.status, nobody.text().contains("fetched 0")), (2, true), "{}", nobody.all());
    assert!(nobody.stderr.contains("may be missing"), "{}", nobody.stderr);
    assert_eq!(run(["archive", "verify", path, "--head", &head]).status, 0);
    let other = run(["archive", "verify", path, "--head", &"0a".repeat(32)]);
    assert_eq!(other.status, 1);
    assert!(other.text().contains("it was cut or rewritten"), "{}", other.text());
    let day = archive.join("events").join(names(&archive.join("events")).pop().unwrap());
    let file = day.join(names(&day).pop().unwrap());
    std::fs::remove_file(&file).unwrap();
    let verified = run(["archive", "verify", path, "--format", "json"]);
    assert_eq!((verified.status, verified.json()["intact"].as_bool()), (1, Some(false)));
    let finding = &verified.json()["findings"][0];
    assert_eq!(finding["kind"], "removed");
    assert!(file.ends_with(finding["path"].as_str().unwrap()));
    assert_eq!(run(["stats", path]).status, 0);
    assert_eq!(run(["archive", "verify", "nowhere"]).status, 2);
}

#[test]
fn what_cannot_work_is_told_with_what_to_do() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let server = Server::start(&["--events", "10"]);
    let keys = |command: &mut Command| {
        command.env_remove("NHN_CLOUDTRAIL_ACCESS_KEY_ID");
    };
    let mut without = server.command(&archive);
    keys(&mut without);
    let ran = Ran::from(without.output().unwrap());
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("--api v1"), "{}", ran.stderr);
    assert!(!archive.exists());
    let ran = server.collect(&archive, &["--api", "v1"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let wrong = server.collect(&folder.path().join("other"), &["--app-key", "wrongKey"]);
    assert_eq!(wrong.status, 2, "{}", wrong.all());
    assert!(wrong.stderr.contains("40400"), "{}", wrong.stderr);
    let denied =
        server.command(&archive).env("NHN_CLOUDTRAIL_SECRET_ACCESS_KEY", "guessed").output();
    let denied = Ran::from(denied.unwrap());
    assert!(!denied.all().contains("guessed") && !denied.all().contains("testAppKey"));
    let old = run([
        "collect",
        "--api",
        "v1",
        "--base-url",
        &server.url,
        "--app-key",
        "x",
        "--since",
        "94d",
        "--into",
        archive.to_str().unwrap(),
    ]);
    assert_eq!(old.status, 2);
    assert!(old.stderr.contains("three months"), "{}", old.stderr);
    let nothing = run(["collect", "--into", archive.to_str().unwrap()]);
    assert_eq!(nothing.status, 2);
    assert!(nothing.stderr.contains("--since") && nothing.stderr.contains("--bucket"));
}

#[cfg(unix)]
#[test]
fn keys_come_from_a_config_file_which_should_be_its_owners() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    let server = Server::start(&["--events", "10"]);
    let config = folder.path().join("config.toml");
    let text = format!(
        "base_url = \"{}\"\napp_key = \"testAppKey\"\naccess_key_id = \"testKeyId\"\n\
         secret_access_key = \"testSecret\"\n",
        server.url
    );
    std::fs::write(&config, text).unwrap();
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&config, std::fs::Permissions::from_mode(mode)).unwrap();
        let archive = folder.path().join("archive");
        let ran = run([
            "collect",
            "--config",
            config.to_str().unwrap(),
            "--since",
            "2d",
            "--into",
            archive.to_str().unwrap(),
        ]);
        assert_eq!(ran.status, 0, "{}", ran.all());
        assert_eq!(ran.stderr.contains("chmod 600"), warned, "{}", ran.stderr);
        assert!(!ran.all().contains("testSecret"));
    }
}
