//! `collect` and `archive`, against a server of the query API in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use crate::common::{Ran, command, folder, names, run};

/// The end of what the servers' organization has done: a day ago, since the API forgets.
pub(crate) fn until() -> String {
    static LAST: LazyLock<u64> = LazyLock::new(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        now.as_secs() / 86_400 - 1
    });
    let midnight = nhn_cloudtrail::Timestamp::from_millis(*LAST as i64 * 86_400_000).unwrap();
    midnight.to_string()
}

/// A server that runs until this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
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

    pub(crate) fn command(&self, archive: &Path) -> Command {
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

    pub(crate) fn collect(&self, archive: &Path, more: &[&str]) -> Ran {
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

#[test]
fn a_deadline_ends_a_run_with_status_1() {
    let folder = folder();
    let server = Server::start(&["--events", "10", "--days", "5"]);
    let ran = server.collect(&folder.path().join("a"), &["--deadline", "0s", "--format", "json"]);
    assert_eq!(ran.status, 1, "{}", ran.all());
    assert_eq!(
        (ran.json()["status"].as_str(), ran.json()["new"].as_u64()),
        (Some("incomplete"), Some(0))
    );
    assert!(ran.json()["gaps"][0]["reason"].as_str().unwrap().contains("deadline"));
    assert_eq!(ran.json()["warnings"].as_array().map(Vec::len), Some(0));
    let ran = server.collect(&folder.path().join("b"), &["--deadline", "1h30m"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    for wrong in ["", "soon", "50", "-5m", "1 month"] {
        let ran = server.collect(&folder.path().join("c"), &["--deadline", wrong]);
        assert_eq!((ran.status, folder.path().join("c").exists()), (2, false), "{wrong}");
    }
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
    for (mode, warned) in
        [(0o640, true), (0o604, true), (0o620, true), (0o602, true), (0o700, false), (0o600, false)]
    {
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
        assert_eq!(ran.stderr.contains("chmod 600"), warned, "{mode:o}: {}", ran.stderr);
        assert!(!ran.all().contains("testSecret"));
    }
}

/// Returns the files of an archive's data set, in order.
fn tables(archive: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for folder in std::fs::read_dir(archive.join("events")).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() {
            files.extend(std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
        }
    }
    files.sort();
    files
}

#[test]
fn an_archive_is_kept() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let path = archive.to_str().unwrap();
    let server = Server::start(&["--events", "500", "--days", "5"]);
    let repair = |more: &[&str]| -> Ran {
        let mut command = command();
        command
            .env("NHN_CLOUDTRAIL_ACCESS_KEY_ID", "testKeyId")
            .env("NHN_CLOUDTRAIL_SECRET_ACCESS_KEY", "testSecret")
            .env("NHN_CLOUDTRAIL_APP_KEY", "testAppKey")
            .args(["archive", "repair", path, "--base-url", &server.url])
            .args(more);
        command.output().unwrap().into()
    };
    assert_eq!(server.collect(&archive, &[]).status, 0);
    let head = |ran: &Ran| ran.text().lines().last().unwrap().to_owned();
    let before = held(&archive);
    let compacted = run(["archive", "compact", path]);
    assert_eq!(compacted.status, 0, "{}", compacted.all());
    assert!(head(&compacted).starts_with("head "));
    let compacted = run(["archive", "compact", path, "--format", "json"]).json();
    assert_eq!(compacted["days"], 0);
    assert_eq!(held(&archive), before);
    // One file is lost, and repaired.
    let files = tables(&archive);
    std::fs::remove_file(&files[1]).unwrap();
    let name = files[1].strip_prefix(&archive).unwrap().to_str().unwrap();
    assert_eq!(run(["archive", "verify", path]).status, 1);
    let repaired = repair(&["--format", "json"]);
    assert_eq!(repaired.status, 0, "{}", repaired.all());
    let json = repaired.json();
    assert_eq!(
        (json["status"].as_str(), json["repaired"][0]["path"].as_str()),
        (Some("complete"), Some(name))
    );
    assert_eq!(run(["archive", "verify", path]).status, 0);
    assert_eq!(held(&archive), before);
    let nothing = repair(&[]);
    assert_eq!(nothing.status, 0);
    assert!(nothing.text().starts_with("nothing is lost\n"), "{}", nothing.text());
    // Another one cannot be repaired, and is acknowledged.
    let altered = &tables(&archive)[2];
    std::fs::write(altered, "x").unwrap();
    let name = altered.strip_prefix(&archive).unwrap().to_str().unwrap();
    let failed = repair(&["--app-key", "another", "--retries", "0"]);
    assert_eq!(failed.status, 2, "{}", failed.all());
    assert!(failed.text().contains(&format!("lost: {name}: ")), "{}", failed.all());
    assert!(failed.stderr.contains("archive acknowledge"), "{}", failed.all());
    let unnamed = run(["archive", "acknowledge", path, "--reason", "x"]);
    assert_eq!(unnamed.status, 2, "{}", unnamed.all());
    let known = run(["archive", "acknowledge", path, name, "--reason", "no backup"]);
    assert_eq!(known.status, 0, "{}", known.all());
    assert!(known.text().starts_with(&format!("final: {name}: no backup\n")), "{}", known.text());
    assert_eq!(run(["archive", "verify", path]).status, 0);
    let again = server.collect(&archive, &[]);
    assert_eq!(again.status, 0, "{}", again.all());
    // The oldest days are pruned.
    let kept = tables(&archive)[1].parent().unwrap().to_str().unwrap().to_owned();
    let date = kept.rsplit('=').next().unwrap();
    let future = ["archive", "prune", path, "--before", "2999-01-01", "--reason", "x"];
    assert_eq!(run(future).status, 2);
    let pruned = run(["archive", "prune", path, "--before", date, "--reason", "policy 7"]);
    assert_eq!(pruned.status, 0, "{}", pruned.all());
    assert!(pruned.text().starts_with("removed 1 day with "), "{}", pruned.text());
    let again = server.collect(&archive, &[]);
    assert_eq!(again.status, 0, "{}", again.all());
    assert!(again.stderr.contains(&format!("before {date} were pruned")), "{}", again.all());
    assert_eq!(run(["archive", "verify", path]).status, 0);
    let status = run(["archive", "status", path]);
    for line in [
        format!("pruned: 1 day before {date} with "),
        "repaired: events/".to_owned(),
        format!("final: {name}: no backup"),
    ] {
        assert!(status.text().contains(&line), "{line}: {}", status.text());
    }
    let status = run(["archive", "status", path, "--format", "json"]).json();
    assert_eq!(status["losses"].as_array().unwrap().len(), 2);
    assert_eq!(status["pruned"][0]["reason"], "policy 7");
}

#[cfg(unix)]
#[test]
fn the_newest_head_is_kept_beside_the_config() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    let (archive, old) = (folder.path().join("archive"), folder.path().join("old"));
    let path = archive.to_str().unwrap();
    let server = Server::start(&["--events", "20", "--days", "2"]);
    let config = folder.path().join("config");
    let collect = |home: &Path| -> Ran {
        server.command(&archive).env("XDG_CONFIG_HOME", home).output().unwrap().into()
    };
    let verify = |more: &[&str]| -> Ran {
        let mut command = command();
        command.env("XDG_CONFIG_HOME", &config).args(["archive", "verify", path]).args(more);
        command.output().unwrap().into()
    };
    // No head file is kept without a home folder.
    assert_eq!(server.collect(&archive, &[]).stderr, "");
    let none = verify(&[]);
    assert_eq!((none.status, none.stderr.contains("no head of this archive")), (0, true));
    for _ in 0..2 {
        let ran = collect(&config);
        assert_eq!((ran.status, &*ran.stderr), (0, ""));
    }
    let heads = config.join("nhn-cloudtrail/heads");
    let [name] = &names(&heads)[..] else { panic!() };
    let mode = std::fs::metadata(heads.join(name)).unwrap().permissions().mode();
    assert_eq!((name.len(), mode & 0o777), ("0123456789abcdef".len() * 2 + 5, 0o600));
    assert_eq!(verify(&[]).all().matches("intact").count(), 1);
    let copy = |from: &Path, to: &Path| {
        let _ = std::fs::remove_dir_all(to);
        assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
    };
    copy(&archive, &old);
    assert_eq!(collect(&config).status, 0);
    copy(&old, &archive);
    let rolled_back = verify(&[]);
    assert_eq!((rolled_back.status, rolled_back.text().contains("rolled back")), (1, true));
    let refused = collect(&config);
    assert_eq!(refused.status, 2, "{}", refused.all());
    assert!(refused.stderr.contains("rolled back") && refused.stderr.contains(name));
    // Another file does not contain the head.
    let other = folder.path().join("head.json");
    let other = other.to_str().unwrap();
    let missing = verify(&["--head-file", other]);
    assert_eq!((missing.status, missing.stderr.contains("no such head file")), (2, true));
    let ran = server.collect(&archive, &["--head-file", other]);
    assert_eq!((ran.status, Path::new(other).exists()), (0, true), "{}", ran.all());
    assert_eq!(verify(&["--head-file", other]).status, 0);
    // A service may have a home that is not a folder.
    let nowhere = collect(Path::new("/dev/null"));
    assert_eq!(nowhere.status, 0, "{}", nowhere.all());
    assert!(nowhere.stderr.contains("--head-file"), "{}", nowhere.stderr);
}

#[test]
fn verify_fails_for_a_collector_that_stopped() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let path = archive.to_str().unwrap();
    let server = Server::start(&["--events", "10", "--days", "2"]);
    assert_eq!(server.collect(&archive, &[]).status, 0);
    let aged = |age| run(["archive", "verify", path, "--max-age", age, "--format", "json"]);
    assert_eq!(aged("2h").status, 0);
    std::thread::sleep(Duration::from_millis(5));
    let stopped = aged("0s");
    assert_eq!((stopped.status, &stopped.json()["findings"][0]["kind"]), (1, &"age".into()));
    assert_eq!(aged("soon").status, 2);
}
