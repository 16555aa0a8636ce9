//! Any text as a glob, a time, an address: filters never panic, and globs match what they say.
//! The input's lines are a glob, the text it is held against, a time, a time zone and an address.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nhn_cloudtrail::{Filter, Timestamp};

/// `*` is any text, `?` any character: a table of which beginnings match which.
fn naive_glob(glob: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for wanted in glob.chars() {
        let mut next = vec![wanted == '*' && row[0]; 1];
        for (at, found) in text.iter().enumerate() {
            next.push(match wanted {
                '*' => row[at + 1] || next[at],
                '?' => row[at],
                wanted => row[at] && wanted == *found,
            });
        }
        row = next;
    }
    row[text.len()]
}

fuzz_target!(|input: &str| {
    let mut lines = input.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (glob, id, time, zone, address) = (next(), next(), next(), next(), next());

    let record = serde_json::json!({ "eventId": id, "eventTime": time, "userIp": address });
    let events = nhn_cloudtrail::parse(record.to_string()).unwrap();
    let event = events[0].enrich();
    if let Ok(filter) = Filter::new().event(glob) {
        assert_eq!(filter.matches(&event), naive_glob(glob.trim(), id), "{glob:?} {id:?}");
    }

    if let Some(read) = Timestamp::parse(time) {
        assert_eq!(Timestamp::parse(&read.to_string()), Some(read), "{time:?}");
    }
    for zone in ["UTC", "Asia/Seoul", zone] {
        let since = Filter::new().since(time, zone);
        let until = Filter::new().until(time, zone);
        // The day after the last one that there is cannot be told.
        assert!(since.is_ok() || until.is_err(), "{time:?} {zone:?}");
    }
    if let Ok(filter) = Filter::new().ip(address) {
        let is_address = address.trim().parse::<std::net::IpAddr>().is_ok();
        assert_eq!(filter.matches(&event), is_address, "{address:?}");
    }
});
