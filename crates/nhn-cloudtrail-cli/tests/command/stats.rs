//! `stats`: the summary and its JSON.

use crate::common::{Ran, broken_log, log, run, run_on, visible, words};
use insta::assert_snapshot;

fn stats(input: &[u8], args: &str) -> Ran {
    run_on(input, ["stats", "-"].into_iter().chain(words(args)))
}

#[test]
fn the_summary_is_for_people() {
    assert_snapshot!(stats(&broken_log(), "--lang en --tz Asia/Seoul").all());
}

#[test]
fn json_has_every_count() {
    let ran = stats(&broken_log(), "--format json");
    assert_eq!(ran.status, 1);
    assert_snapshot!(visible(ran.text()));
}

#[test]
fn counts_add_up() {
    let input = [log(), broken_log()].concat();
    for args in ["", "--dedup", "--outcome success", "--dedup --kind create --kind delete"] {
        let stats = stats(&input, &format!("--format json {args}")).json();
        let count = |name: &str| stats[name].as_u64().unwrap();
        assert_eq!(
            count("records"),
            count("events") + count("rejects") + count("duplicates"),
            "{args}"
        );
        for by in [
            "by_service",
            "by_event",
            "by_kind",
            "by_phase",
            "by_outcome",
            "by_actor",
            "by_source_type",
            "by_region",
            "by_day",
        ] {
            let sum: u64 =
                stats[by].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
            assert_eq!(sum, count("events"), "{by} {args}");
        }
    }
}

#[test]
fn duplicates_and_what_is_filtered_are_counted() {
    let input = [log(), log()].concat();
    let stats = stats(&input, "--format json --dedup --known").json();
    let counts = ["records", "events", "duplicates", "rejects", "filtered", "conflicts"];
    assert_eq!(counts.map(|name| stats[name].as_u64().unwrap()), [6, 3, 3, 0, 4, 0]);
}

#[test]
fn nothing_counts_as_nothing() {
    let ran = stats(b"", "--format json");
    assert_eq!(ran.status, 0);
    let counts = ran.json();
    assert_eq!(counts["records"], 0);
    assert!(counts["first_time"].is_null());
    assert_eq!(counts["by_event"].as_object().unwrap().len(), 0);
    assert_eq!(stats(b"", "").text(), "records       0\nevents        0\n");
}

#[test]
fn many_days_become_months_and_many_months_years() {
    let log = |days: u32, step: u32| -> Vec<u8> {
        (0..days)
            .map(|day| {
                format!(
                    "{{\"eventTime\":{}}}\n",
                    1_577_836_800_000 + u64::from(day * step) * 86_400_000
                )
            })
            .collect::<String>()
            .into_bytes()
    };
    let heading = |input: &[u8]| {
        let ran = stats(input, "");
        let (_, bars) = ran.text().split_once("(UTC)").unwrap();
        bars.lines().skip(1).take_while(|line| !line.is_empty()).last().unwrap().to_owned()
    };
    assert!(heading(&log(40, 1)).starts_with("2020-02-09 "));
    assert!(heading(&log(60, 1)).starts_with("2020-02  "));
    assert!(heading(&log(60, 31)).starts_with("2025  "));
}

#[test]
fn the_most_frequent_values_are_shown_and_the_rest_counted() {
    let input: String =
        (0..25).map(|id| format!("{{\"eventId\":\"event_id.x.{id}\"}}\n")).collect();
    let ran = stats(input.as_bytes(), "");
    assert!(ran.text().contains("… and 15 more\n"), "{}", ran.text());
}

#[test]
fn a_source_that_cannot_be_read_is_an_error() {
    let ran = run(["stats", "/nonexistent", "--format", "json"]);
    assert_eq!((ran.status, ran.stdout.len()), (2, 0));
}

/// The bars by day, month or year.
fn bars(ran: &Ran) -> Vec<&str> {
    let (_, bars) = ran.text().split_once("(UTC)").unwrap();
    bars.lines().skip(1).take_while(|line| !line.is_empty()).collect()
}

#[test]
fn of_many_years_the_last_are_shown() {
    let input: String = (1900..=2025)
        .map(|year| format!("{{\"eventTime\":\"{year}-06-01T00:00:00Z\"}}\n"))
        .collect();
    let ran = stats(input.as_bytes(), "");
    let bars = bars(&ran);
    assert_eq!(bars.len(), 41, "{bars:?}");
    assert!(bars[0].starts_with("1986  ") && bars[39].starts_with("2025  "), "{bars:?}");
    assert_eq!(bars[40], "… and 86 earlier");
}

#[test]
fn the_last_and_the_first_day_that_there_are_count_as_days() {
    let input = br#"{"eventTime":"9999-12-31T10:00:00.000Z"}
{"eventTime":"9999-12-31T23:59:59.999Z"}
{"eventTime":"0001-01-01T00:00:00Z"}
{"eventTime":"1969-12-31T23:59:59Z"}
"#;
    for zone in ["UTC", "Asia/Seoul"] {
        let stats = stats(input, &format!("--format json --tz {zone}")).json();
        let earlier = if zone == "UTC" { "1969-12-31" } else { "1970-01-01" };
        let by_day = serde_json::json!({ "9999-12-31": 2, "0001-01-01": 1, earlier: 1 });
        assert_eq!(stats["by_day"], by_day, "{zone}");
    }
    let ran = stats(input, "");
    assert!(bars(&ran)[2].starts_with("9999-12-31       2"), "{}", ran.text());
}

#[test]
fn a_tiny_share_is_not_none() {
    let many = "{\"region\":\"KR1\"}\n".repeat(9_999);
    let ran = stats(format!("{many}{{\"region\":\"KR2\"}}\n").as_bytes(), "");
    let row = ran.text().lines().find(|line| line.starts_with("KR2")).unwrap();
    assert!(row.ends_with(" 1  < 0.1 %"), "{row}");
}
