//! `collect --all` and `--source`: several sources of one config file; and the archive's lock.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::collect::{Server, until};
use crate::common::{Ran, command, folder, run};

/// Returns a table of an organization that a test server knows.
fn source(name: &str, url: &str) -> String {
    format!(
        "[[source]]\nname = \"{name}\"\nbase_url = \"{url}\"\napp_key = \"testAppKey\"\n\
         access_key_id = \"testKeyId\"\nsecret_access_key = \"testSecret\"\n"
    )
}

fn config(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("config.toml");
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path).unwrap().write_all(text.as_bytes()).unwrap();
    path
}

fn collect(config: &Path, archive: &Path, more: &[&str]) -> Ran {
    let mut command = command();
    command.args(["collect", "--config"]).arg(config).arg("--into").arg(archive);
    command.args(["--until", &until(), "--since", "20d", "--retries", "0"]);
    command.args(more).output().unwrap().into()
}

/// An address without a server.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn all_sources_come_to_one_archive_under_their_names() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let path = archive.to_str().unwrap();
    let seoul = Server::start(&["--events", "300", "--days", "5", "--seed", "1"]);
    let tokyo = Server::start(&["--events", "200", "--days", "5", "--seed", "2"]);
    let text = source("seoul", &seoul.url) + "since = \"30d\"\n" + &source("tokyo", &tokyo.url);
    let config = config(folder.path(), &text);
    let ran = collect(&config, &archive, &["--all", "--format", "json"]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    let counts = ran.json();
    assert_eq!((&counts["status"], &counts["new"]), (&"complete".into(), &500.into()));
    let sources = counts["sources"].as_array().unwrap();
    let told: Vec<_> = sources.iter().map(|s| (s["name"].as_str().unwrap(), &s["new"])).collect();
    assert_eq!(told, [("seoul", &300.into()), ("tokyo", &200.into())]);
    assert_eq!(
        sources[0]["requests"].as_u64().unwrap() + sources[1]["requests"].as_u64().unwrap(),
        counts["requests"]
    );
    let status = run(["archive", "status", path, "--format", "json"]).json();
    assert_eq!(status["events"], 500);
    let mut named: Vec<_> = status["sources"].as_array().unwrap().iter().collect();
    named.sort_by_key(|source| source["name"].as_str());
    assert_eq!((&named[0]["name"], &named[1]["name"]), (&"seoul".into(), &"tokyo".into()));
    // Its own `since` takes precedence over that of the command.
    assert!(named[0]["since"].as_str() < named[1]["since"].as_str(), "{status}");
    let table = run(["archive", "status", path]);
    assert!(table.text().contains("from the API (seoul): "), "{}", table.text());
    // One of them alone, with text output.
    let one = collect(&config, &archive, &["--source", "tokyo"]);
    assert_eq!(one.status, 0, "{}", one.all());
    assert!(one.text().starts_with("tokyo: fetched 0 records"), "{}", one.text());
    assert!(!one.text().contains("seoul"));
    // A run without names keeps the known names.
    let seoul_alone = seoul.collect(&archive, &[]);
    assert_eq!(seoul_alone.status, 0, "{}", seoul_alone.all());
    let status = run(["archive", "status", path, "--format", "json"]).json();
    assert_eq!(
        status["sources"].as_array().unwrap().iter().filter(|s| s["name"] == "seoul").count(),
        1
    );
    assert_eq!(run(["archive", "verify", path]).status, 0);
}

#[test]
fn what_is_lost_is_read_again_from_the_sources_it_came_from() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let path = archive.to_str().unwrap();
    let seoul = Server::start(&["--events", "300", "--days", "5", "--seed", "1"]);
    let tokyo = Server::start(&["--events", "200", "--days", "5", "--seed", "2"]);
    let config =
        config(folder.path(), &(source("seoul", &seoul.url) + &source("tokyo", &tokyo.url)));
    assert_eq!(collect(&config, &archive, &["--all"]).status, 0);
    let day = std::fs::read_dir(archive.join("events")).unwrap().flatten();
    let day = day.filter(|entry| entry.path().is_dir()).map(|entry| entry.path()).max().unwrap();
    for file in std::fs::read_dir(&day).unwrap().flatten() {
        std::fs::remove_file(file.path()).unwrap();
    }
    assert_eq!(run(["archive", "verify", path]).status, 1);
    let config = config.to_str().unwrap();
    let repair = |more: &[&str]| {
        run([&["archive", "repair", path, "--config", config, "--format", "json"], more].concat())
    };
    let ran = repair(&["--source", "nowhere"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("there are seoul, tokyo"), "{}", ran.stderr);
    let ran = repair(&["--source", "tokyo"]);
    assert_eq!(ran.status, 1, "{}", ran.all());
    let left = &ran.json()["left"][0];
    assert!(left["reason"].as_str().unwrap().contains("which was not asked"), "{left}");
    let ran = repair(&["--all"]);
    assert_eq!((ran.status, &ran.json()["status"]), (0, &"complete".into()), "{}", ran.all());
    assert_eq!(run(["archive", "verify", path]).status, 0);
    let status = run(["archive", "status", path, "--format", "json"]).json();
    assert_eq!(status["events"], 500);
}

#[test]
fn a_source_that_fails_does_not_stop_the_others_and_the_worst_status_counts() {
    let folder = folder();
    let server = Server::start(&["--events", "100", "--days", "5"]);
    let good = source("good", &server.url);
    let no_keys = format!(
        "[[source]]\nname = \"keyless\"\nbase_url = \"{}\"\napp_key = \"testAppKey\"\n",
        server.url
    );
    let no_bucket = "[[source]]\nname = \"bucket\"\nbucket = \"s3://audit\"\n".to_owned();
    let old = source("old", &server.url) + "since = \"94d\"\n";
    for (name, bad) in [
        ("down", source("down", NOBODY)),
        ("keyless", no_keys),
        ("bucket", no_bucket),
        ("old", old),
    ] {
        let archive = folder.path().join(name);
        let config = config(folder.path(), &(bad.clone() + &good));
        let ran = collect(&config, &archive, &["--all", "--format", "json"]);
        assert_eq!(ran.status, 2, "{name}: {}", ran.all());
        let counts = ran.json();
        assert_eq!(counts["status"], "failed");
        assert_eq!(counts["new"], 100, "{name}: {}", ran.all());
        assert!(counts["error"].as_str().unwrap().starts_with(&format!("{name}: ")), "{counts}");
        assert_eq!(counts["sources"][0]["status"], "failed");
        assert_eq!(counts["sources"][1]["status"], "complete");
        assert!(ran.stderr.contains(&format!("error: {name}: ")), "{}", ran.stderr);
        let gap = counts["gaps"][0]["reason"].as_str().unwrap();
        assert!(gap.starts_with(&format!("{name}: ")), "{gap}");
        let path = archive.to_str().unwrap();
        assert_eq!(run(["archive", "status", path, "--check"]).status, 3);
        // No archive is created if there is nothing else to do.
        if name != "down" {
            let archive = folder.path().join("none");
            let ran = collect(&config, &archive, &["--source", name]);
            assert_eq!((ran.status, archive.exists()), (2, false), "{}", ran.all());
            assert!(ran.stderr.contains(&format!("{name}: ")), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_source_says_which_version_of_the_api_it_is_asked_by() {
    let folder = folder();
    let server = Server::start(&["--events", "100", "--days", "5"]);
    let keyless = format!(
        "[[source]]\nname = \"one\"\nbase_url = \"{}\"\napp_key = \"testAppKey\"\n",
        server.url
    );
    // The version is that of the source, else that of the command, else v2, which requires keys.
    for (api, option, status) in
        [("api = \"v1\"\n", "v2", 0), ("api = \"v2\"\n", "v1", 2), ("", "v1", 0), ("", "v2", 2)]
    {
        let config = config(folder.path(), &(keyless.clone() + api));
        let archive = folder.path().join(format!("{status}{option}{}", api.len()));
        let ran = collect(&config, &archive, &["--all", "--api", option]);
        assert_eq!(ran.status, status, "{api} {option}: {}", ran.all());
    }
}

#[test]
fn what_is_wrong_with_the_config_file_is_told_before_anything_is_begun() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let one = source("one", NOBODY);
    for (text, more, says) in [
        (one.clone() + &one, "--all", "two sources are called one"),
        (one.replace("app_key", "appkey"), "--all", "source one: unknown field `appkey`"),
        (one.replace("\"one\"", "\"a b\""), "--all", "a name has"),
        ("app_key = \"x\"\n".to_owned(), "--all", "has no sources"),
        (one, "--source=two", "no source \"two\"; there are one"),
    ] {
        let config = config(folder.path(), &text);
        let ran = collect(&config, &archive, &[more]);
        assert_eq!((ran.status, archive.exists()), (2, false), "{}", ran.all());
        assert!(ran.stderr.contains(says), "{says}: {}", ran.stderr);
        assert!(!ran.stderr.contains("testSecret") && !ran.stderr.contains("testAppKey"));
    }
    let both = run(["collect", "--all", "--source", "a", "--into", "x"]);
    assert_eq!(both.status, 2);
    assert!(both.stderr.contains("cannot be used with"), "{}", both.stderr);
}

/// Holds the lock of an archive as a run does.
fn hold(archive: &Path, since: &str) -> File {
    let path = archive.join("_archive/lock");
    let mut file = File::options().write(true).truncate(true).open(path).unwrap();
    file.try_lock().unwrap();
    writeln!(file, "process 4711, since {since}").unwrap();
    file
}

fn waiting(server: &Server, archive: &Path, more: &[&str]) -> Child {
    let mut command = server.command(archive);
    command.args(["--format", "json"]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_run_says_in_json_that_another_one_has_the_lock_or_waits_for_it() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let server = Server::start(&["--events", "50", "--days", "5"]);
    assert_eq!(server.collect(&archive, &[]).status, 0);
    let lock = hold(&archive, "2026-10-31T09:00:00.000Z");
    let begun = Instant::now();
    let ran = server.collect(&archive, &["--format", "json"]);
    assert_eq!(ran.status, 2, "{}", ran.all());
    assert_eq!(ran.json()["status"], "locked");
    assert!(ran.json()["error"].as_str().unwrap().contains("process 4711"), "{}", ran.all());
    assert!(ran.json()["time"].as_str().unwrap().ends_with('Z'));
    assert!(ran.stderr.contains("another run"), "{}", ran.stderr);
    let plain = server.collect(&archive, &[]);
    assert_eq!((plain.status, plain.text()), (2, ""));
    // The wait is limited.
    let short = server.collect(&archive, &["--format", "json", "--wait-for-lock", "1s"]);
    assert_eq!((short.status, short.json()["status"].as_str()), (2, Some("locked")));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    // Waits until the other run ends.
    let children = [
        waiting(&server, &archive, &["--wait-for-lock"]),
        waiting(&server, &archive, &["--wait-for-lock", "10m"]),
    ];
    std::thread::sleep(Duration::from_secs(1));
    drop(lock);
    for child in children {
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(
            (ran.status, ran.json()["status"].as_str()),
            (0, Some("complete")),
            "{}",
            ran.all()
        );
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_waits_for_the_lock_can_be_interrupted() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let server = Server::start(&["--events", "50", "--days", "5"]);
    assert_eq!(server.collect(&archive, &[]).status, 0);
    let _lock = hold(&archive, "2026-10-31T09:00:00.000Z");
    let child = waiting(&server, &archive, &["--wait-for-lock"]);
    std::thread::sleep(Duration::from_secs(1));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).status, 130);
}
