//! JSON text for property tests: valid records written in every way that JSON allows.

use proptest::prelude::*;
use proptest::sample::select;

/// The keys of a record that hold text, and the guide's other spelling of `userId`.
pub(crate) const TEXT_KEYS: &[&str] = &[
    "eventId",
    "eventSourceType",
    "userIdNo",
    "userId",
    "UserId",
    "userName",
    "userIp",
    "userAgent",
    "productId",
    "region",
    "orgId",
    "projectId",
    "projectName",
    "appKey",
    "tenantId",
    "eventLogUuid",
    "request",
    "response",
];

/// The inside of a JSON string: any text, escaped here and there.
fn string_inside() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 .:/{}\\[\\],'-]{1,8}",
        2 => select(vec!["김철수", "東京", "😀", "홍*동", "é", "\u{7f}", "\u{2028}", "\u{feff}"])
            .prop_map(str::to_owned),
        2 => select(vec![
            r#"\""#, r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0000", r"\u001F", r"\uac00",
            r"\ud83d\ude00", r"\u0022", r"\u005c",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// A JSON string, quotes included.
pub(crate) fn string() -> impl Strategy<Value = String> {
    string_inside().prop_map(|inside| format!("\"{inside}\""))
}

/// Numbers whose text serde_json gives back as it was.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        (any::<i16>(), 1..9u8).prop_map(|(whole, tenth)| format!("{whole}.{tenth}")),
    ]
}

/// Blanks between tokens; never a line feed.
fn blank() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\t "), 1 => Just("\r")]
        .prop_map(str::to_owned)
}

/// Any JSON value on one line. Objects inside it have each key once.
pub(crate) fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => string(),
        2 => number(),
        1 => select(vec!["true", "false", "null"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let elements = prop::collection::vec((inner.clone(), blank()), 0..4);
        let array = elements.prop_map(|elements| {
            let elements: Vec<String> = elements
                .into_iter()
                .map(|(value, blank)| format!("{blank}{value}{blank}"))
                .collect();
            format!("[{}]", elements.join(","))
        });
        let members = prop::collection::btree_map("[a-e]{1,2}", (inner, blank()), 0..4);
        let object = members.prop_map(|members| {
            let members: Vec<String> = members
                .into_iter()
                .map(|(key, (value, blank))| format!("{blank}\"{key}\"{blank}:{blank}{value}"))
                .collect();
            format!("{{{}}}", members.join(","))
        });
        prop_oneof![array, object]
    })
}

/// Times as they are written, with what they mean.
pub(crate) const TIMES: &[(&str, Option<&str>)] = &[
    (r#""2019-11-01T10:31:49.348+0000""#, Some("2019-11-01T10:31:49.348Z")),
    (r#""2019-11-01T19:31:49.348+09:00""#, Some("2019-11-01T10:31:49.348Z")),
    (r#""2019-11-01T10:31:49Z""#, Some("2019-11-01T10:31:49.000Z")),
    (r#""2019\u002d11-01T10:31:49Z""#, Some("2019-11-01T10:31:49.000Z")),
    ("1572604309348", Some("2019-11-01T10:31:49.348Z")),
    ("null", None),
    (r#""yesterday""#, None),
    (r#""""#, None),
    ("12", None),
    ("[ 1 ]", None),
];

/// An answer as it stands in `response`: JSON text in a string, an object, or any text.
fn response() -> impl Strategy<Value = String> {
    let header = select(vec![
        r#"{"header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"}}"#,
        r#"{"body":[1],"header":{"resultCode":-3,"isSuccessful":false}}"#,
        r#"{ "header" : { "resultMessage" : "x\n" } }"#,
        r#"{"header":7}"#,
        r#"{}"#,
        "OK",
        "",
    ]);
    (header, any::<bool>()).prop_map(|(text, in_string)| {
        let object = text.starts_with('{');
        if in_string || !object { serde_json::to_string(text).unwrap() } else { text.to_owned() }
    })
}

/// What stands in `eventTarget`.
fn target() -> impl Strategy<Value = String> {
    let member = prop::collection::btree_map(
        select(vec!["idNo", "name", "userCode", "emailAddress", "team"]),
        prop_oneof![3 => string(), 1 => value()],
        0..4,
    )
    .prop_map(|members| {
        let members: Vec<String> =
            members.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    });
    let members = prop::collection::vec(prop_oneof![6 => member, 1 => value()], 0..3)
        .prop_map(|members| format!("{{\"targetMembers\":[{}]}}", members.join(" , ")));
    prop_oneof![4 => members, 1 => value()]
}

/// A key as text, now and then with its first letter escaped.
fn key(key: &str, escaped: bool) -> String {
    let mut rest = key.chars();
    match rest.next().filter(|_| escaped) {
        Some(first) => format!("\"\\u{:04x}{}\"", u32::from(first), rest.as_str()),
        None => format!("\"{key}\""),
    }
}

/// A member of a record: key and value.
fn member() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        6 => (select(TEXT_KEYS), string()).prop_map(|(key, value)| (key.to_owned(), value)),
        2 => (select(TEXT_KEYS), value()).prop_map(|(key, value)| (key.to_owned(), value)),
        2 => select(TIMES).prop_map(|(time, _)| ("eventTime".to_owned(), time.to_owned())),
        2 => response().prop_map(|response| ("response".to_owned(), response)),
        2 => target().prop_map(|target| ("eventTarget".to_owned(), target)),
        2 => ("[a-z]{1,6}", value()),
    ]
}

/// A record on one line: any members, keys repeated and escaped now and then. It always has a field
/// of a record, so that it is no API answer.
pub(crate) fn record() -> impl Strategy<Value = String> {
    let members = prop::collection::vec((member(), prop::bool::weighted(0.1), blank()), 0..12);
    (members, string_inside(), blank()).prop_map(|(members, uuid, blank)| {
        let mut texts = vec![format!("\"eventLogUuid\":\"{uuid}\"")];
        for ((name, value), escaped, blank) in members {
            texts.push(format!("{blank}{}{blank}:{value}{blank}", key(&name, escaped)));
        }
        format!("{{{blank}{}}}", texts.join(","))
    })
}
