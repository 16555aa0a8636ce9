//! Searches against a server of the query API that fails in every way.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nhn_cloudtrail::{Code, Event, Reader, Result};
use nhn_cloudtrail_collect::{Api, Client, Member, Settings};
use serde_json::json;
use support::{APP_KEY, Server, day, query, until};

/// Start of the requested period.
fn since() -> String {
    format!("{}T00:00:00.000Z", day(3))
}

fn small(more: &[&str]) -> Server {
    let options = ["--events", "400", "--days", "3", "--until", &until(), "--hang", "0.4"];
    Server::api(&[&options[..], more].concat())
}

fn keys(events: Vec<Event>) -> Vec<String> {
    let mut keys: Vec<String> =
        events.iter().map(|event| event.event_log_uuid().unwrap().into_owned()).collect();
    keys.sort();
    keys
}

fn all(reader: Reader) -> Vec<String> {
    keys(reader.collect::<Result<_>>().unwrap())
}

#[test]
fn every_event_comes_once_whatever_the_ends_of_a_period_mean() {
    for bounds in ["inclusive", "half-open", "exclusive"] {
        for api in [Api::V1, Api::V2] {
            // Records in the same millisecond as others, and at the boundaries of pages and days.
            let server = small(&[
                "--bounds",
                bounds,
                "--ties",
                &format!("3@{}T00:00:00.000Z", day(2)),
                "--ties",
                &format!("40@{}T12:00:00.000Z", day(2)),
            ]);
            for page_size in [1000, 50, 7] {
                let client = server.client(api).page_size(page_size).build().unwrap();
                let found = all(client.search(query(&format!("{}T00:00:00Z", day(4)))).unwrap());
                let expected: Vec<String> = server.keys().into_iter().collect();
                assert_eq!(found, expected, "{bounds} {api:?} {page_size}");
            }
        }
    }
}

#[test]
fn an_instant_may_hold_more_records_than_many_pages() {
    for api in [Api::V1, Api::V2] {
        let server = small(&["--ties", &format!("450@{}T12:00:00.000Z", day(2)), "--shuffle-ties"]);
        let client = server.client(api).page_size(100).build().unwrap();
        let before = server.searches();
        let found = all(client.search(query(&since())).unwrap());
        assert_eq!(found, server.keys().into_iter().collect::<Vec<_>>(), "{api:?}");
        let requests = server.searches() - before;
        assert!(requests < 150, "{requests} requests of {api:?} for 850 records");
    }
}

#[test]
fn events_come_in_the_order_of_time() {
    let server = small(&[]);
    let client = server.client(Api::V2).page_size(20).build().unwrap();
    let times: Vec<_> =
        client.search(query(&since())).unwrap().map(|event| event.unwrap().event_time()).collect();
    assert!(times.is_sorted());
}

/// All faults from which a retry recovers.
const FAULTS: &[&str] = &[
    "http500",
    "http503",
    "http429",
    "failure",
    "html",
    "empty",
    "emptyobject",
    "nopage",
    "nocontent",
    "truncated",
    "truncatedchunked",
    "cutjson",
    "timeout",
    "slow",
    "reset",
    "close",
    "garbage",
    "fewer",
];

#[test]
fn every_fault_at_every_request_heals() {
    let server = small(&["--retry-after", "0"]);
    let expected: Vec<String> = server.keys().into_iter().collect();
    for api in [Api::V1, Api::V2] {
        // Smaller than the busiest of the three days, whatever weekdays they are.
        let builder = || server.client(api).page_size(100).timeout(Duration::from_millis(200));
        let before = server.searches();
        all(builder().build().unwrap().search(query(&since())).unwrap());
        let requests = server.searches() - before;
        assert!(requests > 3);
        for fault in FAULTS {
            for at in 1..=requests {
                server.control("fail", &json!({"kinds": [fault], "at": at}));
                let client = builder().concurrency(1).build().unwrap();
                let found = all(client.search(query(&since())).unwrap());
                assert_eq!(found, expected, "{fault} at request {at} of {api:?}");
            }
        }
    }
    let seen: BTreeMap<String, u64> =
        serde_json::from_value(server.state()["failures_by_kind"].clone()).unwrap();
    for fault in FAULTS {
        assert!(seen.get(*fault).is_some_and(|times| *times > 0), "{fault} was never met");
    }
}

#[test]
fn what_does_not_heal_ends_the_search_with_its_reason() {
    for (fault, code) in [
        ("http500", Code::HttpStatus),
        ("failure", Code::ApiFailure),
        ("html", Code::BadAnswer),
        ("truncated", Code::BadAnswer),
        ("timeout", Code::Timeout),
        ("reset", Code::Network),
    ] {
        let server = small(&["--fail", "100", "--faults", fault]);
        let client = server.client(Api::V2).concurrency(1).retries(2);
        let client = client.timeout(Duration::from_millis(200)).build().unwrap();
        let results: Vec<_> = client.search(query(&since())).unwrap().collect();
        let [Err(error)] = results.as_slice() else { panic!("{fault}: {results:?}") };
        assert_eq!(error.code(), code, "{fault}: {error}");
        assert!(error.to_string().contains("asked 3 times"), "{error}");
        assert!(!error.to_string().contains(APP_KEY), "{error}");
    }
}

#[test]
fn what_cannot_heal_is_asked_once() {
    let server = small(&[]);
    for (code, help) in [
        (40_000, "check the appkey, the period"),
        (40_101, "Secret Access Key"),
        (40_300, "CloudTrail:EventLog.List"),
        (40_400, "check the appkey"),
    ] {
        server.control("fail", &json!({ "deny": code }));
        let before = server.searches();
        let client = server.client(Api::V2).concurrency(1).build().unwrap();
        let error = client.search(query(&since())).unwrap().find_map(Result::err).unwrap();
        assert_eq!(error.code(), Code::Refused);
        assert!(error.to_string().contains(&code.to_string()), "{error}");
        assert!(error.to_string().contains(help), "{error}");
        assert_eq!(server.searches() - before, 1);
    }
    server.control("fail", &json!({ "deny": 50_001 }));
    let before = server.searches();
    let client = server.client(Api::V2).concurrency(1).retries(3).build().unwrap();
    let a_day = query(&format!("{}T00:00:00.000Z", day(1)));
    let error = client.search(a_day).unwrap().find_map(Result::err).unwrap();
    assert_eq!((error.code(), server.searches() - before), (Code::ApiFailure, 4));
}

#[test]
fn a_service_that_asks_for_a_pause_gets_it() {
    let server = small(&["--retry-after", "1"]);
    server.control("fail", &json!({"kinds": ["http429", "http503"], "at": 1, "next": 2}));
    let client = server.client(Api::V2).build().unwrap();
    let begun = Instant::now();
    all(client.search(query(&since())).unwrap());
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn no_more_requests_are_under_way_than_allowed() {
    let server = small(&["--fail", "100", "--faults", "slow", "--hang", "0.1"]);
    for concurrency in [1, 3] {
        let client =
            server.client(Api::V2).concurrency(concurrency).page_size(100).build().unwrap();
        all(client.search(query(&since())).unwrap());
        assert_eq!(server.state()["max_concurrent"], concurrency);
    }
}

#[test]
fn searches_are_narrowed_down_by_the_api() {
    let server = small(&[]);
    let client = server.client(Api::V2).build().unwrap();
    let everything: Vec<Event> =
        client.search(query(&since())).unwrap().map(Result::unwrap).collect();
    let first = everything.first().unwrap();
    let id = first.event_id().unwrap().into_owned();
    let found = client.search(query(&since()).event_id(&id)).unwrap();
    let same = everything.iter().filter(|event| event.event_id().unwrap() == id).count();
    assert_eq!(found.count(), same);
    let no = first.user_id_no().unwrap().into_owned();
    let found = client.search(query(&since()).id_no(&no)).unwrap();
    let same = everything.iter().filter(|event| event.user_id_no().unwrap() == no).count();
    assert_eq!(found.count(), same);
    let mail = "kim.dev@example.com".to_owned();
    let member = Member::Toast { email_address: mail.clone(), id_no: None };
    let found = client.search(query(&since()).member(member)).unwrap();
    let same = everything.iter().filter(|event| event.user_id().unwrap() == mail).count();
    assert_eq!(found.map(Result::unwrap).count(), same);
}

#[test]
fn records_that_are_none_are_rejects_and_their_neighbours_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let at = |second: &str, record: &[u8]| {
        let time = format!("#time={}T00:00:{second}Z\t", day(2));
        [time.as_bytes(), record, b"\n"].concat()
    };
    let odd = [
        at("00.500", b"42"),
        at("01.000", b"{\"eventId\":7,\"new\":{\"a\":[1]}}"),
        at("02.000", b"{\"userName\":\"\xff\"}"),
    ];
    std::fs::write(&records, odd.concat()).unwrap();
    let server = small(&["--records", records.to_str().unwrap()]);
    let client = server.client(Api::V2).build().unwrap();
    let mut reader = client.search(query(&since())).unwrap();
    let errors: Vec<Code> =
        reader.by_ref().filter_map(Result::err).map(|error| error.code()).collect();
    assert_eq!(errors, [Code::NotAnObject, Code::InvalidUtf8]);
    assert_eq!(reader.stats().events, 401);
}

#[test]
fn a_period_that_the_api_has_forgotten_is_refused() {
    let server = small(&[]);
    let client = server.client(Api::V2).build().unwrap();
    let error = client.search(query("2026-01-01T00:00:00Z")).unwrap_err();
    assert_eq!(error.code(), Code::InvalidTime);
    assert!(error.to_string().contains("three months"), "{error}");
    assert_eq!(
        client.search(query(&format!("{}T00:00:00Z", day(0)))).unwrap_err().code(),
        Code::InvalidTime
    );
}

#[test]
fn whoever_stops_reading_is_not_waited_for() {
    let server = small(&["--fail", "100", "--faults", "slow", "--hang", "3"]);
    let client = server.client(Api::V2).page_size(10).build().unwrap();
    let begun = Instant::now();
    let builder = Reader::builder().watch(move || begun.elapsed() < Duration::from_millis(300));
    let mut reader = client.search_with(query(&since()), builder).unwrap();
    let error = reader.by_ref().find_map(Result::err).unwrap();
    assert_eq!(error.code(), Code::Interrupted);
    drop(reader);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn settings_that_cannot_work_are_told_before_anything_is_asked() {
    let client = |base_url: &str| {
        let mut settings = Settings::default();
        settings.base_url = Some(base_url.into());
        settings.app_key = Some(APP_KEY.into());
        Client::builder(settings)
    };
    for (base_url, told) in [
        ("", "base URL"),
        ("api.example.com", "https://"),
        ("ftp://example.com", "https://"),
        ("http://api.example.com", "https"),
        ("https://user:word@example.com", "a host"),
        ("https://example.com/?a=b", "a host"),
        ("https://example.com/cloud-trail/v2.0", "ends before"),
    ] {
        let error = client(base_url).api(Api::V1).build().unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption);
        assert!(error.to_string().contains(told), "{base_url}: {error}");
    }
    let error = client("https://example.com").build().unwrap_err();
    assert!(error.to_string().contains("--api v1"), "{error}");
    assert!(client("https://example.com").api(Api::V1).page_size(1001).build().is_err());
    let client = client("https://example.com").api(Api::V1).build().unwrap();
    assert!(!format!("{client:?}").contains(APP_KEY));
}
