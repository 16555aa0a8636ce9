//! `archive status`: checks for monitoring, and metrics for Prometheus.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::collect::Server;
use crate::common::{Ran, folder, run};

fn check(archive: &Path, more: &[&str]) -> Ran {
    let args = ["archive", "status", archive.to_str().unwrap(), "--check"];
    run(args.iter().chain(more))
}

fn hold(archive: &Path, holder: &str) -> File {
    let path = archive.join("_archive/lock");
    let mut file = File::options().write(true).truncate(true).open(path).unwrap();
    file.try_lock().unwrap();
    file.write_all(holder.as_bytes()).unwrap();
    file
}

#[test]
fn gaps_age_and_locks_have_statuses_of_their_own() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let server = Server::start(&["--events", "50", "--days", "5"]);
    assert_eq!(server.collect(&archive, &[]).status, 0);
    let fine = check(&archive, &[]);
    assert_eq!((fine.status, fine.stderr.as_str()), (0, ""), "{}", fine.all());
    assert_eq!(check(&archive, &["--max-age", "1h"]).status, 0);
    let late = check(&archive, &["--max-age", "0s"]);
    assert_eq!(late.status, 4, "{}", late.all());
    assert!(late.stderr.contains("more than --max-age ago"), "{}", late.stderr);
    let path = archive.to_str().unwrap();
    assert_eq!(run(["archive", "status", path]).status, 0);

    // A run in progress is fine until it takes too long.
    let lock = hold(&archive, "process 4711, since 2999-10-31T09:00:00.000Z\n");
    let status = run(["archive", "status", path, "--format", "json"]).json();
    assert_eq!(status["lock"]["since"], "2999-10-31T09:00:00.000Z");
    assert_eq!(check(&archive, &[]).status, 5, "a time to come proves nothing");
    drop(lock);
    let now = jiff::Timestamp::now();
    let lock = hold(&archive, &format!("process 4711, since {now:.3}\n"));
    assert_eq!(check(&archive, &[]).status, 0);
    drop(lock);
    let ago = now - jiff::SignedDuration::from_hours(7);
    let lock = hold(&archive, &format!("process 4711\u{1b}[31m, since {ago:.3}\n"));
    let stuck = check(&archive, &[]);
    assert_eq!(stuck.status, 5, "{}", stuck.all());
    assert!(stuck.stderr.contains("process 4711\u{fffd}[31m"), "{}", stuck.stderr);
    assert_eq!(check(&archive, &["--max-lock", "8h"]).status, 0);
    // Age takes precedence over the lock.
    assert_eq!(check(&archive, &["--max-age", "0s"]).status, 4);
    drop(lock);
    assert_eq!(
        run(["archive", "status", path, "--format", "json"]).json()["lock"],
        serde_json::Value::Null
    );

    // Gaps of the last run take precedence over everything else.
    let mut again = server.command(&archive);
    drop(server);
    assert_ne!(again.args(["--retries", "0"]).output().unwrap().status.code(), Some(0));
    let gaps = check(&archive, &["--max-age", "0s"]);
    assert_eq!(gaps.status, 3, "{}", gaps.all());
    assert!(
        gaps.stderr.contains("left 1 gap") && gaps.stderr.contains("--max-age"),
        "{}",
        gaps.stderr
    );
    assert_eq!(check(&folder.path().join("nowhere"), &[]).status, 2);
}

/// Parses the samples of a text in the format of Prometheus, each with its labels, according to
/// <https://prometheus.io/docs/instrumenting/exposition_formats/>.
fn samples(text: &str) -> BTreeMap<String, String> {
    assert!(text.ends_with('\n'));
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut samples = BTreeMap::new();
    let (mut helped, mut typed) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(is_name(name) && help.ends_with('.'), "{line}");
            helped = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{helped} gauge"), "{line}");
            assert_ne!(typed, helped, "a metric has one group");
            typed.clone_from(&helped);
        } else {
            let (name, rest) = line.split_once('{').unwrap();
            assert_eq!(name, typed, "{line}");
            let (labels, value) = rest.rsplit_once("} ").unwrap();
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            let mut left = labels.chars().peekable();
            while left.peek().is_some() {
                let label: String = left.by_ref().take_while(|c| *c != '=').collect();
                assert!(is_name(&label) && left.next() == Some('"'), "{line}");
                loop {
                    match left.next() {
                        Some('\\') => {
                            assert!(matches!(left.next(), Some('\\' | '"' | 'n')), "{line}")
                        }
                        Some('"') => break,
                        Some(_) => (),
                        None => panic!("a label without an end: {line}"),
                    }
                }
                assert!(matches!(left.next(), Some(',') | None), "{line}");
            }
            let key =
                format!("{}{{{labels}}}", name.strip_prefix("nhn_cloudtrail_archive_").unwrap());
            assert!(samples.insert(key, value.to_owned()).is_none(), "twice: {line}");
        }
    }
    samples
}

#[test]
fn metrics_are_those_of_the_status() {
    let folder = folder();
    // Characters that are escaped in labels.
    let archive = folder.path().join("arch\"iv\\e");
    let server = Server::start(&["--events", "50", "--days", "5"]);
    let before = jiff::Timestamp::now().as_second() as f64;
    assert_eq!(server.collect(&archive, &[]).status, 0);
    let path = archive.to_str().unwrap();
    let status = run(["archive", "status", path, "--format", "json"]).json();
    let ran = run(["archive", "status", path, "--format", "prometheus"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let samples = samples(ran.text());
    let real = std::fs::canonicalize(&archive).unwrap();
    let label = real.to_str().unwrap().replace('\\', "\\\\").replace('"', "\\\"");
    let value = |name: &str, labels: &str| -> f64 {
        let key = format!("{name}{{archive=\"{label}\"{labels}}}");
        samples.get(&key).unwrap_or_else(|| panic!("{key} of {samples:#?}")).parse().unwrap()
    };
    for name in ["events", "rejects", "files", "bytes", "objects"] {
        assert_eq!(value(name, ""), status[name].as_f64().unwrap(), "{name}");
    }
    assert_eq!(value("last_run_complete", ""), 1.0);
    assert_eq!(value("last_run_gaps", ""), 0.0);
    assert_eq!(value("last_run_new_records", ""), 50.0);
    assert_eq!(value("last_run_rejected_records", ""), 0.0);
    assert_eq!(value("locked", ""), 0.0);
    let (begun, ended) =
        (value("last_run_begin_timestamp_seconds", ""), value("last_run_timestamp_seconds", ""));
    assert!(
        before <= begun && begun <= ended && ended <= before + 600.0,
        "{before} {begun} {ended}"
    );
    let source = status["sources"][0]["source"].as_str().unwrap();
    let of_source = format!(",source=\"{source}\",name=\"\"");
    assert_eq!(value("source_gaps", &of_source), 0.0);
    let until = value("source_until_timestamp_seconds", &of_source);
    assert!(value("source_since_timestamp_seconds", &of_source) < until);
    // A check sets the exit status, and the metrics are still printed.
    let _lock = hold(&archive, "process 1, since 2020-01-01T00:00:00.500Z\n");
    let ran = run(["archive", "status", path, "--format", "prometheus", "--check"]);
    assert_eq!(ran.status, 5, "{}", ran.all());
    let locked = self::samples(ran.text());
    assert_eq!(locked[&format!("locked{{archive=\"{label}\"}}")], "1");
    assert_eq!(locked[&format!("lock_timestamp_seconds{{archive=\"{label}\"}}")], "1577836800.500");
}
