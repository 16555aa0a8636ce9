//! A collection is complete only if that is proven: servers that count and page in unusual ways.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

#[path = "support/fake.rs"]
mod fake;
#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use fake::{Answer, Asked, Cap, Fake, Paging, Reply, Total, failure, http, record};
use nhn_cloudtrail::{Code, Timestamp};
use nhn_cloudtrail_collect::{Api, ClientBuilder, Collection, Query, Report, Verify};
use serde_json::Value;
use support::{day, keys, query, time, until};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

/// Returns midnight, the given number of days before the end of the servers' data.
fn midnight(before: i64) -> i64 {
    time(&format!("{}T00:00:00Z", day(before))).as_millis()
}

fn since() -> String {
    format!("{}T00:00:00.000Z", day(6))
}

/// Records with their times, in chronological order.
type Records = Vec<(i64, Value)>;

/// Returns records of six days: quiet days, a busy one, one with bursts, one with a full instant.
fn records() -> Records {
    let mut times = vec![midnight(6) + 5 * HOUR];
    times.extend((0..40).map(|n| midnight(5) + n * HOUR / 2));
    times.extend((0..330).map(|n| midnight(3) + n * (HOUR / 20 + 7)));
    times.extend((0..120).map(|n| midnight(2) + 3 * HOUR + n / 40));
    times.extend([midnight(1) + 7 * HOUR; 130]);
    times.sort_unstable();
    (0..).zip(times).map(|(n, time)| record(time, &format!("r-{n}"))).collect()
}

/// Returns a server that pages in the given way, and its records.
fn paging(paging: Paging, records: Records) -> (Fake, Arc<Mutex<Records>>) {
    let records = Arc::new(Mutex::new(records));
    let held = records.clone();
    (Fake::new(move |asked| paging.answer(&held.lock().unwrap(), asked)), records)
}

fn collect(client: ClientBuilder, archive: &Path) -> Report {
    let client = client.build().unwrap();
    Collection::new(archive).api(client, query(&since())).run().unwrap()
}

fn held(records: &Mutex<Records>) -> Vec<String> {
    let records = records.lock().unwrap();
    let keys =
        records.iter().map(|(_, record)| record["eventLogUuid"].as_str().unwrap().to_owned());
    let mut keys: Vec<String> = keys.collect();
    keys.sort();
    keys
}

/// Every record is received once, the archive knows it, and late records on any day are found.
fn is_read_whole(how: Paging) {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let (server, records) = paging(how, records());
    let client = || server.client(how.api).page_size(100);
    let report = collect(client(), &archive);
    assert!(report.is_complete(), "{how:?}: {report:?}");
    assert_eq!(keys(&archive), held(&records), "{how:?}");
    let requests = report.requests;
    assert!(requests < 500, "{how:?}: {requests} requests for 621 records");
    let again = collect(client(), &archive);
    assert!(again.is_complete() && again.records.new == 0, "{how:?}: {again:?}");
    for before in 1..=6 {
        let mut records = records.lock().unwrap();
        records.push(record(midnight(before) + 7 * HOUR, &format!("late-{before}")));
        records.sort_by_key(|(time, _)| *time);
    }
    let late = collect(client(), &archive);
    assert!(late.is_complete() && late.records.new == 6, "{how:?}: {late:?}");
    assert_eq!(keys(&archive), held(&records), "{how:?}");
    assert!(Verify::new().run(&archive, &mut |_, _| true).unwrap().is_intact());
}

#[test]
fn servers_that_count_in_odd_ways_are_read_whole() {
    for total in [
        Total::Right,
        Total::OfPage,
        Total::Capped(100),
        Total::Capped(250),
        Total::Less(1),
        Total::Less(60),
        Total::Zero,
    ] {
        for last in [None, Some(false), Some(true)] {
            is_read_whole(Paging { total, last, ..Paging::GOOD });
        }
    }
}

#[test]
fn servers_that_cap_pages_silently_are_read_whole() {
    for cap in [Cap::Limit(30), Cap::Page(30), Cap::Uneven] {
        is_read_whole(Paging { api: Api::V1, cap, ..Paging::GOOD });
        let capped = if matches!(cap, Cap::Uneven) { 300 } else { 30 };
        for total in [Total::Right, Total::OfPage, Total::Capped(capped), Total::Zero] {
            for size in [true, false] {
                is_read_whole(Paging { total, cap, size, ..Paging::GOOD });
            }
        }
    }
}

/// Nothing in a response shows that there is more; but no other period has more records either.
#[test]
fn servers_that_return_only_the_first_records_of_a_period_are_read_whole() {
    let busy = |before: i64, count: i64| {
        (0..count).map(move |n| midnight(before) + n * (20 * HOUR / count))
    };
    let times: Vec<i64> =
        busy(5, 40).chain(busy(4, 9)).chain(busy(3, 330)).chain(busy(2, 200)).collect();
    for (api, cap) in [(Api::V1, 30), (Api::V1, 37), (Api::V1, 100), (Api::V2, 30), (Api::V2, 100)]
    {
        let records = (0..).zip(&times).map(|(n, time)| record(*time, &format!("r-{n}")));
        let how = Paging { api, cap: Cap::Period(cap), ..Paging::GOOD };
        let (server, records) = paging(how, records.collect());
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let report = collect(server.client(api).page_size(100), &archive);
        assert!(report.is_complete(), "{how:?}: {report:?}");
        assert_eq!(keys(&archive), held(&records), "{how:?}");
        assert!(report.requests < 500, "{how:?}: {}", report.requests);
    }
    // An instant cannot be split.
    let at = midnight(3) + HOUR;
    let records = (0..1500).map(|n| record(at, &format!("r-{n}"))).collect();
    let how = Paging { cap: Cap::Period(1000), ..Paging::GOOD };
    let (server, _) = paging(how, records);
    let folder = tempfile::tempdir().unwrap();
    let report = gapped(&server, Api::V2, &folder.path().join("archive"));
    assert!(report.gaps[0].reason.contains("exactly 1000 records"), "{report:?}");
}

/// Search engines count to 10,000.
#[test]
fn a_total_that_may_be_capped_is_not_that_of_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    // No record is at the boundary of two parts, where it would count twice.
    let day = (0..1000).map(|n| record(midnight(3) + n * 60_007 + 11, &format!("r-{n}")));
    let records = Arc::new(Mutex::new(day.collect::<Records>()));
    let held = records.clone();
    let server = Fake::new(move |asked| {
        // Records beyond the count are not returned either.
        let records = held.lock().unwrap();
        let is_beyond = asked.page * asked.limit >= 1000;
        let records = if is_beyond { &[] } else { records.as_slice() };
        Paging { total: Total::Capped(1000), ..Paging::GOOD }.answer(records, asked)
    });
    let client = || server.client(Api::V2).page_size(300);
    for _ in 0..2 {
        assert!(collect(client(), &archive).is_complete());
    }
    records.lock().unwrap().push(record(midnight(3) + DAY - HOUR, "late"));
    let late = collect(client(), &archive);
    assert!(late.is_complete() && late.records.new == 1, "{late:?}");
}

/// Days that fit a page take one request each if totals are reliable.
#[test]
fn proofs_cost_little() {
    let folder = tempfile::tempdir().unwrap();
    let of_day = |day: i64| (0..40 - 5 * day).map(move |n| (midnight(day) + HOUR + n, day, n));
    let mut records: Vec<_> = (1..=6).flat_map(of_day).collect();
    records.sort_unstable();
    let records = records.iter().map(|(time, day, n)| record(*time, &format!("r-{day}-{n}")));
    let (server, _) = paging(Paging::GOOD, records.collect());
    let report = collect(server.client(Api::V2), &folder.path().join("archive"));
    assert!(report.is_complete());
    // One request for the clock, two for each day, and a few while little is known about the server: the
    // first days and the first totals, at four at a time.
    assert!(report.requests <= 1 + 2 * 6 + 4 + 4, "{}", report.requests);
}

fn gapped(server: &Fake, api: Api, archive: &Path) -> Report {
    let report = collect(server.client(api).page_size(100), archive);
    assert!(!report.is_complete() && !report.gaps.is_empty(), "{report:?}");
    assert!(report.error.is_none(), "{report:?}");
    report
}

#[test]
fn totals_that_stay_larger_are_gaps() {
    for more in [1, 4, 500] {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let few = vec![record(midnight(3) + HOUR, "one")];
        let how = Paging { total: Total::More(more), ..Paging::GOOD };
        let (server, _) = paging(how, few);
        for _ in 0..2 {
            let report = gapped(&server, Api::V2, &archive);
            let reason = &report.gaps[0].reason;
            assert!(reason.contains("records and returned"), "{more}: {reason}");
        }
        assert_eq!(keys(&archive), ["one"], "what it gave is kept");
    }
}

/// A count that is requested separately differs from the count in a page.
#[test]
fn totals_that_contradict_each_other_are_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let few = [record(midnight(3) + HOUR, "one"), record(midnight(3) + 2 * HOUR, "two")];
    let more = Paging { total: Total::More(2), ..Paging::GOOD };
    let server = Fake::new(move |asked| match asked.limit {
        1 => more.answer(&few, asked),
        _ => Paging::GOOD.answer(&few, asked),
    });
    for _ in 0..2 {
        gapped(&server, Api::V2, &archive);
    }
}

/// For a day that does not fit a page, the service reports more records than its parts have.
#[test]
fn a_day_with_more_records_than_its_parts_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let records = records();
    let server = Fake::new(move |asked| {
        let is_day = asked.to - asked.from >= DAY;
        let total = if is_day { Total::More(9) } else { Total::Right };
        let of_day = asked.from == midnight(3) - 1;
        Paging { total: if of_day { total } else { Total::Right }, ..Paging::GOOD }
            .answer(&records, asked)
    });
    for _ in 0..2 {
        let report = gapped(&server, Api::V2, &archive);
        let [gap] = report.gaps.as_slice() else { panic!("{report:?}") };
        assert!(gap.reason.contains("339 records and returned 330"), "{gap:?}");
    }
    assert_eq!(keys(&archive).len(), 621);
}

/// The same without totals.
#[test]
fn a_day_with_another_record_than_those_of_its_parts_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let records = records();
    let server = Fake::new(move |asked| {
        let is_day = asked.from == midnight(3) - 1 && asked.to - asked.from >= DAY;
        let how = Paging { api: Api::V1, ..Paging::GOOD };
        match is_day && (asked.limit, asked.page) == (1, 330) {
            true => how.answer(&[record(asked.from, "other")], &Asked { page: 0, ..*asked }),
            false => how.answer(&records, asked),
        }
    });
    for _ in 0..2 {
        let report = gapped(&server, Api::V1, &archive);
        let [gap] = report.gaps.as_slice() else { panic!("{report:?}") };
        assert!(gap.reason.contains("331 records and returned 330"), "{gap:?}");
    }
}

#[test]
fn a_record_that_a_page_lacks_once_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let records = records();
    let seen = Mutex::new(BTreeSet::new());
    let server = Fake::new(move |asked| {
        let Asked { from, to, page, limit, .. } = *asked;
        let is_first = seen.lock().unwrap().insert((from, to, page, limit));
        let mut reply: Value =
            serde_json::from_str(&Paging::GOOD.answer(&records, asked).body).unwrap();
        let content = reply["page"]["content"].as_array_mut().unwrap();
        if is_first && limit > 1 && content.len() < 90 {
            content.pop();
        }
        reply.into()
    });
    let archive = folder.path().join("archive");
    let report = collect(server.client(Api::V2).page_size(100), &archive);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(keys(&archive).len(), 621);
}

#[test]
fn the_same_page_for_ever_ends_and_is_a_gap() {
    for api in [Api::V1, Api::V2] {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let how =
            Paging { api, same: true, total: Total::OfPage, last: Some(false), ..Paging::GOOD };
        let (server, _) = paging(how, records());
        let report = gapped(&server, api, &archive);
        let same = |gap: &nhn_cloudtrail_collect::Gap| gap.reason.contains("same page");
        assert!(report.gaps.iter().all(same), "{report:?}");
        // For a day with one record, the total does not prove completeness either.
        assert!(report.gaps.iter().any(|gap| gap.since == Some(since())), "{report:?}");
        assert!(report.requests < 500, "{} requests", report.requests);
        let kept = keys(&archive).len();
        assert!(kept > 450, "{kept} records are kept");
    }
}

/// A search has no later comparison: it returns its events, and then reports what is not proven.
#[test]
fn a_search_ends_with_what_is_not_proven() {
    for (how, said) in [
        (Paging { api: Api::V1, same: true, ..Paging::GOOD }, "same page"),
        (Paging { total: Total::More(2), ..Paging::GOOD }, "2 records and returned 0"),
    ] {
        let (server, _) = paging(how, vec![record(midnight(3) + HOUR, "one")]);
        let client = server.client(how.api).build().unwrap();
        let mut results = client.search(query(&since())).unwrap();
        assert_eq!(results.next().unwrap().unwrap().key(), "one");
        let error = results.next().unwrap().unwrap_err();
        assert_eq!(error.code(), Code::BadAnswer);
        assert!(error.to_string().contains(said), "{error}");
        assert!(results.next().is_none());
    }
}

/// A server that ignores all parameters, and one that never reaches an end.
#[test]
fn servers_without_an_end_are_left() {
    let full: Vec<_> = (0..100).map(|n| record(midnight(3) + n, &format!("r-{n}"))).collect();
    let endless = |asked: &Asked, key: &str| {
        let fresh = (0..50).map(|n| record(asked.from, &format!("{key}-{n}"))).collect::<Vec<_>>();
        let how = Paging { last: Some(false), total: Total::More(1_000_000), ..Paging::GOOD };
        how.answer(&fresh, &Asked { page: 0, ..*asked })
    };
    let servers: [Box<Answer>; 3] = [
        Box::new(move |asked: &Asked| {
            let everywhere = Asked { from: 0, to: i64::MAX, page: 0, ..*asked };
            Paging { api: Api::V1, ..Paging::GOOD }.answer(&full, &everywhere)
        }),
        // The same records on all pages, and different ones for each period.
        Box::new(move |asked| endless(asked, &format!("{}-{}", asked.from, asked.to))),
        // Different records for each request.
        Box::new(move |asked| endless(asked, &asked.number.to_string())),
    ];
    for server in servers {
        let server = Fake::new(server);
        let folder = tempfile::tempdir().unwrap();
        let client = server.client(Api::V2).page_size(100).build().unwrap();
        let query = Query::since(time(&format!("{}T12:00:00Z", day(1)))).until(time(&until()));
        let report =
            Collection::new(folder.path().join("archive")).api(client, query).run().unwrap();
        assert!(!report.is_complete());
        assert!(report.requests < 10_000, "{} requests", report.requests);
    }
}

#[test]
fn records_of_one_key_and_pages_that_shift_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let mut some = records();
    for (n, (_, record)) in some.iter_mut().enumerate().filter(|(n, _)| matches!(n % 10, 2 | 3)) {
        record["eventLogUuid"] = format!("twice-{}", n / 10).into();
        record["userId"] = n.into();
    }
    let records = Mutex::new(some);
    let server = Fake::new(move |asked| {
        let mut records = records.lock().unwrap();
        // Records that arrive between two pages shift all later ones.
        if records.len() < 700 {
            let new = record(midnight(1) + 7 * HOUR, &format!("new-{}", asked.number));
            let at = records.partition_point(|(time, _)| *time < new.0);
            records.insert(at, new);
        }
        Paging::GOOD.answer(&records, asked)
    });
    let run = || collect(server.client(Api::V2).page_size(100), &archive);
    let mut conflicts = run().records.conflicts + run().records.conflicts;
    let last = run();
    conflicts += last.records.conflicts;
    assert!(last.is_complete(), "{last:?}");
    assert_eq!((keys(&archive).len(), conflicts), (700, 62));
}

#[test]
fn a_record_on_the_edge_of_two_runs_comes_once() {
    for inclusive in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let edge = midnight(2) + 5 * HOUR;
        let how = Paging { inclusive, ..Paging::GOOD };
        let (server, records) = paging(how, vec![record(edge, "edge"), record(edge + 1, "after")]);
        let run = |until: Timestamp| {
            let client = server.client(Api::V2).build().unwrap();
            let query = Query::since(time(&since())).until(until);
            Collection::new(&archive).api(client, query).run().unwrap()
        };
        let first = run(Timestamp::from_millis(edge).unwrap());
        assert_eq!(first.records.new, u64::from(inclusive));
        let second = run(time(&until()));
        assert_eq!(first.records.new + second.records.new, 2);
        assert!(second.is_complete());
        assert_eq!(keys(&archive), held(&records));
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    now.as_millis() as i64
}

/// Returns a server whose clock is `skew` milliseconds ahead, with a record one hour before its time, and
/// one in its future.
fn skewed(skew: i64) -> Fake {
    let records = [record(now() + skew - HOUR, "new"), record(now() + skew + HOUR, "yet to come")];
    Fake::new(move |asked| {
        let date = SystemTime::now();
        let date = match u64::try_from(skew) {
            Ok(ahead) => date + Duration::from_millis(ahead),
            Err(_) => date - Duration::from_millis(skew.unsigned_abs()),
        };
        let date = httpdate::fmt_http_date(date);
        Reply { headers: format!("date: {date}\r\n"), ..Paging::GOOD.answer(&records, asked) }
    })
}

#[test]
fn a_clock_that_is_wrong_is_told_and_not_believed() {
    for (skew, said) in [
        (5 * HOUR, Some("4 h 59 min behind|5 h 0 min behind")),
        (-5 * HOUR, Some("5 h 0 min ahead|4 h 59 min ahead|5 h 1 min ahead")),
        (40 * DAY, Some("39 d 23 h behind|40 d 0 h behind")),
        (HOUR / 2, None),
    ] {
        let server = skewed(skew);
        let folder = tempfile::tempdir().unwrap();
        let client = server.client(Api::V2).build().unwrap();
        let since = Timestamp::from_millis(now().min(now() + skew) - 2 * DAY).unwrap();
        let archive = folder.path().join("archive");
        let report =
            Collection::new(&archive).api(client.clone(), Query::since(since)).run().unwrap();
        assert!(report.is_complete(), "{skew}: {report:?}");
        match said {
            Some(said) => {
                let [warning] = report.warnings.as_slice() else { panic!("{report:?}") };
                assert!(said.split('|').any(|said| warning.contains(said)), "{warning}");
                assert_eq!(keys(&archive), ["new"]);
                // After the first response, the service's future is not requested.
                let latest = server.asked().iter().skip(1).map(|asked| asked.to).max().unwrap();
                assert!((latest - now() - skew).abs() < HOUR / 2, "{skew}");
            }
            None => assert!(report.warnings.is_empty(), "{report:?}"),
        }
        if skew > 0 && said.is_some() {
            let client = server.client(Api::V2).build().unwrap();
            let found: Vec<String> = client
                .search(Query::since(since))
                .unwrap()
                .map(|event| event.unwrap().key())
                .collect();
            assert_eq!(found, ["new"]);
        }
    }
    // A period in the future of the service's clock is refused.
    let server = skewed(-5 * HOUR);
    let folder = tempfile::tempdir().unwrap();
    let since = Timestamp::from_millis(now() - HOUR).unwrap();
    let run = |server: &Fake, since| {
        let client = server.client(Api::V2).build().unwrap();
        let run = Collection::new(folder.path().join("archive")).api(client, Query::since(since));
        run.run().unwrap_err()
    };
    let error = run(&server, since);
    assert_eq!(error.code(), Code::InvalidTime);
    assert!(error.to_string().contains("clock"), "{error}");
    // A period that the service no longer keeps is refused as well.
    let error = run(&skewed(90 * DAY), Timestamp::from_millis(now() - 10 * DAY).unwrap());
    assert_eq!(error.code(), Code::InvalidTime);
}

/// Returns a server with ten quiet days; `fails` may replace its response to a request.
fn failing(fails: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> Fake {
    let records: Vec<_> =
        (0..10).map(|n| record(midnight(n + 1) + HOUR, &format!("r-{n}"))).collect();
    Fake::new(move |asked| fails(asked).unwrap_or_else(|| Paging::GOOD.answer(&records, asked)))
}

fn run_at(server: &Fake, archive: &Path, concurrency: usize, retries: u32) -> Report {
    let client = server.client(Api::V2).concurrency(concurrency).retries(retries).build().unwrap();
    let query = query(&format!("{}T00:00:00.000Z", day(10)));
    Collection::new(archive).api(client, query).run().unwrap()
}

fn is_whole(asked: &Asked) -> bool {
    asked.to - asked.from > 2 * DAY
}

#[test]
fn days_that_fail_do_not_block_others() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    // Four consecutive days of ten.
    let server = failing(|asked| {
        let fails = asked.from < midnight(3) - 1 && asked.to > midnight(7) + 1 && !is_whole(asked);
        fails.then(|| http("500 Internal Server Error", ""))
    });
    let report = run_at(&server, &archive, 1, 3);
    assert!(report.error.is_none() && report.records.new == 6, "{report:?}");
    let [gap] = report.gaps.as_slice() else { panic!("{report:?}") };
    assert_eq!(gap.since, Some(format!("{}T00:00:00.001Z", day(7))));
    assert_eq!(gap.until, Some(format!("{}T23:59:59.999Z", day(4))));
    // The newest day is requested first. After three failures there are fewer retries, and then the usual
    // number again.
    let asked = server.asked();
    let first = asked.iter().filter(|asked| asked.limit == 1000 && asked.page == 0);
    let days: Vec<i64> = first.map(|asked| (midnight(0) - asked.from) / DAY).collect();
    assert_eq!(days, [1, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 8, 9, 10]);
}

#[test]
fn a_service_that_is_down_is_left_after_three_days() {
    let folder = tempfile::tempdir().unwrap();
    let server = failing(|_| Some(http("500 Internal Server Error", "")));
    let report = run_at(&server, &folder.path().join("down"), 1, 0);
    assert_eq!(report.error.unwrap().code(), Code::HttpStatus);
    // One request for the clock.
    assert_eq!((server.asked().len(), report.gaps.len()), (1 + 3, 1));
    assert!(report.gaps[0].reason.contains("HTTP 500"));
    // A page of a proxy is not an answer of the service.
    let server = failing(|asked| (asked.number == 2).then(|| http("403 Forbidden", "")));
    assert!(run_at(&server, &folder.path().join("once"), 1, 2).is_complete());
    let server = failing(|_| Some(http("403 Forbidden", "")));
    let report = run_at(&server, &folder.path().join("403"), 1, 8);
    assert_eq!((report.error.unwrap().code(), server.asked().len()), (Code::HttpStatus, 1 + 9));
}

#[test]
fn a_refusal_is_final_only_where_nothing_else_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    // Periods older than four days are refused: the service keeps only these.
    let server = failing(|asked| (asked.from < midnight(4) - 1).then(|| failure(40_001)));
    let report = run_at(&server, &folder.path().join("old"), 2, 3);
    assert!(report.error.is_none() && report.records.new == 4, "{report:?}");
    let [gap] = report.gaps.as_slice() else { panic!("{report:?}") };
    assert_eq!(gap.since, Some(format!("{}T00:00:00.000Z", day(10))));
    assert!(gap.reason.contains("40001") && gap.reason.contains("shorter time"), "{gap:?}");
    // A refused day in the middle is not one that the service has deleted.
    let odd = |asked: &Asked| {
        let is_it = asked.from < midnight(3) && asked.to > midnight(3) + HOUR && !is_whole(asked);
        is_it.then(|| failure(40_002))
    };
    let report = run_at(&failing(odd), &folder.path().join("one"), 2, 3);
    assert!(report.error.is_none() && report.records.new == 9, "{report:?}");
    assert!(!report.gaps[0].reason.contains("shorter time"), "{report:?}");
    let server = failing(|_| Some(failure(40_001)));
    let report = run_at(&server, &folder.path().join("all"), 1, 3);
    assert_eq!((report.error.unwrap().code(), server.asked().len()), (Code::Refused, 1 + 3));
    // Refused keys are tried once; keys that are refused later are not tried for long.
    for code in [40_101, 40_300, 40_400] {
        let server = failing(move |_| Some(failure(code)));
        let report = run_at(&server, &folder.path().join(code.to_string()), 4, 3);
        assert_eq!((report.error.unwrap().code(), server.asked().len()), (Code::Refused, 1));
        assert!(report.gaps[0].reason.contains(&code.to_string()), "{:?}", report.gaps);
    }
    let server = failing(|asked| (asked.number > 4).then(|| failure(40_101)));
    let report = run_at(&server, &folder.path().join("revoked"), 1, 3);
    assert_eq!((report.error.unwrap().code(), server.asked().len()), (Code::Refused, 4 + 3));
    assert!(report.records.new > 0);
}

#[test]
fn a_deadline_ends_a_run_and_keeps_what_came() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let is_slow = Arc::new(AtomicBool::new(true));
    let slow = is_slow.clone();
    let server = failing(move |asked| {
        if asked.number > 8 && slow.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_secs(15));
        }
        None
    });
    let client = server.client(Api::V2).concurrency(1).build().unwrap();
    let run = || {
        let query = query(&format!("{}T00:00:00.000Z", day(10)));
        Collection::new(&archive).api(client.clone(), query)
    };
    let begun = Instant::now();
    let report = run().deadline(Duration::from_secs(3)).run().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(12));
    is_slow.store(false, Ordering::Relaxed);
    assert!(report.error.is_none() && !report.is_complete(), "{report:?}");
    let new = report.records.new;
    assert!(new > 0 && new < 10, "{report:?}");
    assert!(report.gaps.iter().all(|gap| gap.reason.contains("deadline")), "{report:?}");
    let held = keys(&archive);
    assert_eq!(held.len() as u64, new);
    assert!(held.contains(&"r-0".to_owned()), "the newest comes first: {held:?}");
    assert!(Verify::new().run(&archive, &mut |_, _| true).unwrap().is_intact());
    let report = run().deadline(Duration::ZERO).run().unwrap();
    assert!(report.records.fetched == 0 && !report.gaps.is_empty() && report.error.is_none());
    let report = run().deadline(Duration::from_secs(600)).run().unwrap();
    assert!(report.is_complete() && report.records.new == 10 - new, "{report:?}");
}

/// Not even the first request, which returns the service's time, is waited for.
#[test]
fn a_service_that_hangs_does_not_hold_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let server = failing(|_| {
        std::thread::sleep(Duration::from_secs(15));
        None
    });
    let client = server.client(Api::V2).build().unwrap();
    let run = |archive: &str| {
        Collection::new(folder.path().join(archive)).api(client.clone(), query(&since()))
    };
    let begun = Instant::now();
    let report = run("late").deadline(Duration::from_millis(100)).run().unwrap();
    assert!(report.gaps[0].reason.contains("deadline") && report.error.is_none(), "{report:?}");
    let error = run("stopped").watch(|| false).run().unwrap_err();
    assert_eq!(error.code(), Code::Interrupted);
    assert!(begun.elapsed() < Duration::from_secs(12));
}

#[test]
fn a_service_that_wants_to_be_left_alone_is() {
    let busy = |wait: &str| http("429 Too Many Requests", &format!("retry-after: {wait}\r\n"));
    let folder = tempfile::tempdir().unwrap();
    // The requested pause is longer than the time to the next run.
    let begun = Instant::now();
    let server = failing(move |_| Some(busy("1000")));
    let report = run_at(&server, &folder.path().join("long"), 1, 8);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(report.gaps[0].reason.contains("1000 s"), "{report:?}");
    assert_eq!(server.asked().len(), 1 + 3);
    // Three times in a row.
    let server = failing(move |asked| (2..5).contains(&asked.number).then(|| busy("0")));
    assert!(run_at(&server, &folder.path().join("heals"), 1, 8).is_complete());
    // All threads wait.
    let server = failing(move |asked| (asked.number == 5).then(|| busy("1")));
    assert!(run_at(&server, &folder.path().join("all"), 3, 8).is_complete());
    let asked = server.asked();
    let told = asked[4].at;
    let waited = asked.iter().map(|asked| asked.at.duration_since(told).as_millis());
    let early = waited.filter(|after| (300..950).contains(after)).count();
    assert_eq!(early, 0, "requests came within the second");
}
