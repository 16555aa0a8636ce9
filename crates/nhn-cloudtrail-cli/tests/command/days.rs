//! Data sets are read by day: the files outside of `--since` and `--until` are not opened.

use std::path::{Path, PathBuf};

use crate::common::{Ran, folder, names, run};

const DAYS: [&str; 3] = ["2026-10-30", "2026-10-31", "2026-11-01"];

/// Creates a data set with two events at the ends of each of three days, and one without a time. All
/// files except those of `intact` are damaged, so that opening them is an error.
fn data_set(root: &Path, intact: &[&str]) -> PathBuf {
    let mut log = String::from("{\"eventId\":\"event_id.a\",\"userId\":\"none\"}\n");
    for day in DAYS {
        for time in ["00:00:00.000", "23:59:59.999"] {
            log.push_str(&format!(
                "{{\"eventId\":\"event_id.a\",\"eventTime\":\"{day}T{time}Z\",\"userId\":\"{day}\"}}\n"
            ));
        }
    }
    let (source, table) = (root.join("log.jsonl"), root.join("table"));
    std::fs::write(&source, log).unwrap();
    let table_path = table.to_str().unwrap();
    let ran = run(["convert", source.to_str().unwrap(), "-o", &format!("{table_path}/")]);
    assert_eq!(ran.status, 0, "{}", ran.all());
    for name in names(&table) {
        let is_day = name.starts_with("event_date=");
        if is_day && !intact.iter().any(|day| name.ends_with(day)) {
            for file in names(&table.join(&name)) {
                std::fs::write(table.join(&name).join(file), "PAR1 damaged").unwrap();
            }
        }
    }
    table
}

fn read(source: &str, filters: &[&str]) -> Ran {
    let ran = ["read", source, "--format", "csv", "--columns", "user_id"];
    run(ran.iter().chain(filters))
}

fn users(source: &str, filters: &[&str]) -> Vec<String> {
    let ran = read(source, filters);
    assert_eq!(ran.status, 0, "{source} {filters:?}: {}", ran.all());
    ran.text().lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn days_outside_of_since_and_until_are_not_opened() {
    let folder = folder();
    let table = data_set(folder.path(), &["2026-10-31"]);
    let path = table.to_str().unwrap();
    let day = ["2026-10-31"; 2].map(str::to_owned);
    for filters in [
        ["--since", "2026-10-31", "--until", "2026-10-31"],
        ["--since", "2026-10-31T00:00:00.000Z", "--until", "2026-11-01T00:00:00.000Z"],
    ] {
        assert_eq!(users(path, &filters), day);
    }
    // The same if a glob names the days or their files.
    for glob in ["event_date=*", "*/*.parquet", "**"] {
        let glob = format!("{path}/{glob}");
        assert_eq!(
            users(&glob, &["--since", "2026-10-31", "--until", "2026-10-31"]),
            day,
            "{glob}"
        );
    }
    for command in ["stats", "convert"] {
        let target = folder.path().join("other.parquet");
        let mut args = vec![command, path, "--since", "2026-10-31", "--until", "2026-10-31"];
        if command == "convert" {
            args.extend(["-o", target.to_str().unwrap()]);
        }
        let ran = run(args);
        assert_eq!(ran.status, 0, "{}", ran.all());
    }
}

#[test]
fn a_day_is_read_where_only_its_last_or_first_millisecond_is_wanted() {
    let folder = folder();
    let table = data_set(folder.path(), &["2026-10-30", "2026-10-31"]);
    let path = table.to_str().unwrap();
    let filters = ["--since", "2026-10-30T23:59:59.999Z", "--until", "2026-10-31T00:00:00.001Z"];
    assert_eq!(users(path, &filters), ["2026-10-30", "2026-10-31"]);
    // The day in Seoul begins at 15:00 UTC of the previous day.
    let seoul = ["--since", "2026-10-31", "--until", "2026-10-31", "--tz", "Asia/Seoul"];
    assert_eq!(users(path, &seoul), ["2026-10-30", "2026-10-31"]);
}

#[test]
fn a_result_that_is_empty_since_no_day_was_read_is_told() {
    let folder = folder();
    let table = data_set(folder.path(), &[]);
    let ran = read(table.to_str().unwrap(), &["--since", "2027-01-01"]);
    assert_eq!((ran.status, ran.text()), (0, "user_id\n"), "{}", ran.all());
    assert!(
        ran.stderr.contains("days outside of --since 2027-01-01 were not read"),
        "{}",
        ran.stderr
    );
    // A single excluded day is not a missing source.
    let day = table.join("event_date=2026-10-31");
    assert_eq!(read(day.to_str().unwrap(), &["--since", "2027-01-01"]).status, 0);
}

#[test]
fn only_days_of_our_data_sets_are_left_out() {
    let folder = folder();
    let table = data_set(folder.path(), &["2026-11-01"]);
    let path = table.to_str().unwrap();
    let since = ["--since", "2026-11-01"];
    assert_eq!(users(path, &since).len(), 2);
    // A name that is not a day does not exclude anything.
    let other = table.join("event_date=2026-1-1");
    std::fs::create_dir(&other).unwrap();
    let event =
        "{\"eventId\":\"event_id.a\",\"eventTime\":\"2026-11-02T00:00:00Z\",\"userId\":\"x\"}\n";
    std::fs::write(other.join("log.jsonl"), event).unwrap();
    assert_eq!(users(path, &since).len(), 3);
    // Without the mark of our data sets, a folder may contain anything.
    std::fs::remove_file(table.join(".nhn-cloudtrail.lock")).unwrap();
    let ran = read(path, &since);
    assert_eq!(ran.status, 2, "{}", ran.all());
    assert!(ran.stderr.contains("event_date=2026-10-30"), "{}", ran.stderr);
}
