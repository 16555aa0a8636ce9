//! The reader against plain serde_json: the same lines are taken, and they say the same.
//!
//! What stands here is naive on purpose: each record becomes a `serde_json::Value`, and the columns
//! are looked up in it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

mod naive;
mod strategies;

use nhn_cloudtrail::catalog::Lang;
use nhn_cloudtrail::{Code, Column, Event, Item, Reader, parse};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use naive::{Found, naive_line, trim};
use strategies::{TEXT_KEYS, TIMES};

/// The columns that come from the record alone, by its wire keys.
const COLUMNS: &[(&str, &str)] = &[
    ("eventId", "event_id"),
    ("eventSourceType", "event_source_type"),
    ("userIdNo", "user_id_no"),
    ("userId", "user_id"),
    ("userName", "user_name"),
    ("userIp", "user_ip"),
    ("userAgent", "user_agent"),
    ("productId", "product_id"),
    ("region", "region"),
    ("orgId", "org_id"),
    ("projectId", "project_id"),
    ("projectName", "project_name"),
    ("appKey", "app_key"),
    ("tenantId", "tenant_id"),
    ("eventLogUuid", "event_log_uuid"),
    ("request", "request"),
    ("response", "response"),
];

/// A value as a text column holds it: other values than strings as JSON.
///
/// serde_json sorts keys and rewrites escapes, so JSON inside of text is compared as a value: here
/// it is wrapped, there parsed.
fn text_of(value: &Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value.clone(),
        other => json!({ "json": other }),
    }
}

/// The flat form as the design says it, from a `Value`.
fn naive(record: &Map<String, Value>, time_text: Option<&str>) -> Map<String, Value> {
    let mut flat = Map::new();
    let mut extra = Map::new();
    for &(wire, column) in COLUMNS {
        flat.insert(column.to_owned(), record.get(wire).map_or(Value::Null, text_of));
    }
    let user_id_is_absent = record.get("userId").is_none_or(Value::is_null);
    if let (true, Some(other)) = (user_id_is_absent, record.get("UserId")) {
        flat.insert("user_id".into(), text_of(other));
    }
    for (key, value) in record {
        let known = TEXT_KEYS.contains(&key.as_str()) || key == "eventTime" || key == "eventTarget";
        let unused = key == "UserId" && !user_id_is_absent;
        if !known || unused {
            extra.insert(key.clone(), value.clone());
        }
    }
    flat.insert("event_time".into(), time_text.map_or(Value::Null, Value::from));
    if let (None, Some(time)) = (time_text, record.get("eventTime").filter(|time| !time.is_null()))
    {
        extra.insert("eventTime".into(), time.clone());
    }
    flat.insert("target_members".into(), Value::Null);
    if let Some(target) = record.get("eventTarget").filter(|target| !target.is_null()) {
        let (members, whole) = naive_members(target);
        flat.insert("target_members".into(), members);
        if !whole {
            extra.insert("eventTarget".into(), target.clone());
        }
    }
    let (outcome, code, message) = naive_outcome(record.get("response"));
    flat.insert("outcome".into(), outcome.into());
    flat.insert("result_code".into(), code);
    flat.insert("result_message".into(), message);
    let extra = if extra.is_empty() { Value::Null } else { Value::Object(extra) };
    flat.insert("extra".into(), extra);
    flat
}

/// The members that a target names, and whether that is all it says.
fn naive_members(target: &Value) -> (Value, bool) {
    const KEYS: [(&str, &str); 4] = [
        ("idNo", "id_no"),
        ("name", "name"),
        ("userCode", "user_code"),
        ("emailAddress", "email_address"),
    ];
    let Some(Value::Array(elements)) = target.get("targetMembers") else {
        return (Value::Null, false);
    };
    let mut whole = target.as_object().unwrap().len() == 1;
    let mut members = Vec::new();
    for element in elements {
        let object = match element {
            Value::Object(object) => object,
            // A member of whom nothing is said; other values name none.
            Value::Null => &Map::new(),
            _ => {
                whole = false;
                continue;
            }
        };
        whole &= !element.is_null();
        let mut member = Map::new();
        for (wire, column) in KEYS {
            let value = object.get(wire).unwrap_or(&Value::Null);
            whole &= match value {
                Value::Null | Value::String(_) => true,
                Value::Number(_) => wire == "userCode",
                _ => false,
            };
            member.insert(column.into(), text_of(value));
        }
        whole &= object.keys().all(|key| KEYS.iter().any(|(wire, _)| wire == key));
        members.push(Value::Object(member));
    }
    (Value::Array(members), whole)
}

fn naive_outcome(response: Option<&Value>) -> (&'static str, Value, Value) {
    let parsed = match response {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let header = &parsed["header"];
    let outcome = match header["isSuccessful"] {
        Value::Bool(true) => "success",
        Value::Bool(false) => "failure",
        _ => "unknown",
    };
    let text = |value: &Value| match value {
        Value::Null | Value::String(_) => value.clone(),
        other => other.to_string().into(),
    };
    (outcome, text(&header["resultCode"]), text(&header["resultMessage"]))
}

/// Our flat form of the same columns, brought to the naive one's terms: where that has JSON, the
/// text of ours must be JSON.
fn ours(event: &Event, expected: &Map<String, Value>) -> Map<String, Value> {
    let columns: Vec<Column> = expected.keys().map(|column| column.parse().unwrap()).collect();
    let mut line = Vec::new();
    event.enrich().write_json(&columns, Lang::Ko, &mut line);
    let Ok(Value::Object(mut flat)) = serde_json::from_slice(&line) else {
        panic!("the flat form is not JSON: {}", line.escape_ascii())
    };
    for (column, value) in &mut flat {
        unwrap_json(value, &expected[column]);
    }
    flat
}

fn unwrap_json(value: &mut Value, expected: &Value) {
    match (&mut *value, expected) {
        (Value::String(text), Value::Object(wrapped)) if wrapped.contains_key("json") => {
            *value = json!({ "json": serde_json::from_str::<Value>(text).unwrap() });
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| unwrap_json(ours, theirs));
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, ours) in ours {
                unwrap_json(ours, theirs.get(key).unwrap_or(&Value::Null));
            }
        }
        _ => (),
    }
}

const NOT_UTF8: &[&[u8]] = &[b"\xff", b"\"\xff\"", b"{\"a\":\"\xc3\x28\"}", b"\0", b"\x0c"];

/// Pieces of JSON, mostly such as make a line that is nearly one or more objects.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        8 => prop::sample::select(&[
            "{", "}", "[", "]", ",", ":", "\"a\":", "\"a\"", "{}", "{\"a\":1}", "{\"b\":[1,{}]}", "null", "true",
            "1", "-0.5e-7", "01", "1.", "-", "1e5", "\"\\u00e9\"", "\"\\ud800\"", "\"\\x\"", "\"\\u12\"", "\"",
            "\\", " ", "\t", "\r", "\"\t\"", "x", "[{},{}]", "nul", "\"김\"", "\u{feff}", "\u{a0}",
        ][..]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::sample::select(NOT_UTF8).prop_map(<[u8]>::to_vec),
    ];
    prop::collection::vec(token, 0..10).prop_map(|tokens| tokens.concat())
}

fn check_line(line: &[u8]) {
    // Whole lines before and after, so that it is read as a line whatever it is.
    let text =
        [&b"{\"eventLogUuid\":\"first\"}\n"[..], line, b"\n{\"eventLogUuid\":\"last\"}"].concat();
    let mut reader = Reader::from_bytes(text).unwrap();
    let mut items = Vec::new();
    while let Some(item) = reader.next_item() {
        items.push(match item.unwrap() {
            Item::Event(event) => (true, event.raw().to_vec()),
            Item::Reject(reject) => (false, reject.raw().to_vec()),
        });
    }
    assert_eq!(items.first().map(|item| item.0), Some(true));
    assert_eq!(items.last().map(|item| item.0), Some(true));
    // Blanks at the end of a reject are kept, but for a carriage return.
    let trimmed = items[1..items.len() - 1].iter().map(|(ok, raw)| (*ok, trim(raw)));
    let Some(expected) = naive_line(line) else { return };
    let expected = expected.iter().map(|found| match found {
        Found::Event(raw) => (true, *raw),
        Found::Reject(raw) => (false, *raw),
    });
    let (got, expected): (Vec<_>, Vec<_>) = (trimmed.collect(), expected.collect());
    assert!(
        got == expected,
        "line {}\n got      {:?}\n expected {:?}",
        line.escape_ascii(),
        show(&got),
        show(&expected)
    );
}

fn show(items: &[(bool, &[u8])]) -> Vec<String> {
    let name = |ok| if ok { "event" } else { "reject" };
    items.iter().map(|(ok, raw)| format!("{} {}", name(*ok), raw.escape_ascii())).collect()
}

/// Where the limit on nesting stands: serde_json stops one level sooner than we do.
#[test]
fn nesting_agrees_up_to_the_limit() {
    for depth in [1, 2, 60, 126, 127] {
        // A field of a record, so that it is one.
        let inner = if depth == 1 { "{\"region\":1}" } else { "{}" };
        let line = format!("{}{inner}{}", "{\"request\":".repeat(depth - 1), "}".repeat(depth - 1));
        assert!(serde_json::from_str::<Value>(&line).is_ok(), "{depth}");
        assert_eq!(parse(&line).unwrap().len(), 1, "{depth}");
    }
    let line = format!("{}{{}}{}", "{\"a\":".repeat(128), "}".repeat(128));
    assert!(serde_json::from_str::<Value>(&line).is_err());
    assert_eq!(parse(&line).unwrap_err().code(), Code::RecordTooDeep);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases * 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_same_lines_are_taken(line in line()) {
        check_line(&line);
    }

    #[test]
    fn a_record_with_one_byte_changed_is_taken_or_not_alike(
        record in strategies::record(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut line = record.into_bytes();
        let at = at.index(line.len());
        line[at] = if byte == b'\n' { b' ' } else { byte };
        check_line(&line);
    }

    #[test]
    fn a_record_says_the_same(record in strategies::record()) {
        let Ok(Value::Object(value)) = serde_json::from_str(&record) else {
            panic!("the strategy made no object: {record}")
        };
        // Times are looked up: what they mean is not serde_json's to say.
        let time = value.get("eventTime");
        let meant = TIMES.iter().find(|(text, _)| {
            serde_json::from_str::<Value>(text).ok().as_ref() == time
        });
        let expected = naive(&value, meant.and_then(|(_, meaning)| *meaning));
        let events = parse(&record).unwrap();
        prop_assert_eq!(events.len(), 1);
        let got = ours(&events[0], &expected);
        for (column, value) in &expected {
            prop_assert_eq!(&got[column], value, "{} of {}", column, record);
        }
    }
}
