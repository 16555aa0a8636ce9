//! Parses responses of the query API, and checks that they are valid and complete.

use std::collections::HashMap;
use std::fmt;
use std::io::{Cursor, Read};

use bytes::Bytes;
use nhn_cloudtrail::{Code, Error, Item, Reader, Result, Timestamp};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};

use crate::client::EXCERPT;
use crate::mask::{Mask, beginning};

/// Written before responses that are read one after the other. It is a response without records, so that
/// the responses after it are recognized even if they hold only rejects. It spans two lines, so that the
/// responses after it may span lines as well.
pub(crate) const ANSWERS: &[u8] = b"{\"page\":\n{\"content\":[]}}\n";

/// Read in place of a response without records.
const EMPTY: &[u8] = b"{\"page\":{\"content\":[]}}";

/// A page of a search.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The body of the response, unchanged, or [`EMPTY`].
    pub(crate) body: Bytes,
    /// Number of records in the body.
    pub(crate) count: u64,
    /// Number of records of the whole search; v1.0 does not report it.
    pub(crate) total: Option<u64>,
    /// Whether the service reports that this is the last page.
    pub(crate) last: Option<bool>,
    /// The page size, as the service reports it.
    pub(crate) size: Option<u64>,
}

/// The maximum number of records in a response. At most 1,000 are requested, but a service may return
/// more.
const RECORDS: u64 = 10_000;

/// The maximum nesting depth of a response. It is far above that of a readable record: each level costs
/// memory while it is skipped.
const DEPTH: usize = 10_000;

// Only the members that are needed are built, so that a response takes little more memory than its text.
// The page's members are declared twice for the same reason: `flatten` would keep all other members.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    header: Option<Header>,
    page: Option<Page>,
    // Some responses have these members next to the page, others inside it.
    #[serde(default)]
    total_elements: Scalar,
    #[serde(default)]
    number_of_elements: Scalar,
    #[serde(default)]
    size: Scalar,
    last: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    is_successful: Option<bool>,
    #[serde(default)]
    result_code: Scalar,
    #[serde(default)]
    result_message: Scalar,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    content: Option<Elements>,
    #[serde(default)]
    total_elements: Scalar,
    #[serde(default)]
    number_of_elements: Scalar,
    #[serde(default)]
    size: Scalar,
    last: Option<bool>,
}

/// A number or a text. Anything else is treated as missing: an unusual count does not invalidate a
/// response.
#[derive(Default)]
enum Scalar {
    #[default]
    Nothing,
    Number(i64),
    Text(String),
}

impl Scalar {
    fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Nothing => None,
        }
    }

    fn count(&self) -> Option<u64> {
        self.number().and_then(|number| number.try_into().ok())
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(number.try_into().map_or(Scalar::Nothing, Scalar::Number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                // Only the part that fits into a message is kept.
                Ok(Scalar::Text(beginning(text).to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Scalar, A::Error> {
                while array.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Scalar, A::Error> {
                while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }
        }

        deserializer.deserialize_any(Visit)
    }
}

/// The number of elements of an array.
struct Elements(u64);

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Elements;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Elements, A::Error> {
                let mut count = 0;
                while array.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                    if count > RECORDS {
                        let message = format!("it has more than {RECORDS} records");
                        return Err(serde::de::Error::custom(message));
                    }
                }
                Ok(Elements(count))
            }
        }

        deserializer.deserialize_seq(Visit)
    }
}

/// Result codes for which a retry does not help: invalid keys, missing permission, invalid request.
const REFUSED: std::ops::RangeInclusive<i64> = 40_000..=40_499;

/// The result code with which the service refused a request; the source of an error with the code
/// `REFUSED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) i64);

impl std::error::Error for Refusal {}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "result code {}", self.0)
    }
}

impl Refusal {
    /// Returns the refusal of a `REFUSED` error.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref().copied()
    }

    /// Returns whether the service refused the request itself, such as its period, and not the keys.
    pub(crate) fn is_of_request(self) -> bool {
        self.0 / 100 == 400
    }
}

impl Answer {
    /// Parses the response to a request for a page.
    pub(crate) fn read(body: Vec<u8>, mask: &Mask) -> Result<Self> {
        let mut body = Bytes::from(body);
        // A byte-order mark is only valid at the beginning of a text, and responses are concatenated.
        if body.starts_with(b"\xef\xbb\xbf") {
            bytes::Buf::advance(&mut body, 3);
        }
        if is_too_deep(&body) {
            let what = format!("the answer is nested deeper than {DEPTH} levels");
            return Err(odd(what, &body, mask));
        }
        let whole: Whole = serde_json::from_slice(&body).map_err(|error| {
            let what = if error.is_eof() { "cut off" } else { "none of the query API's" };
            odd(
                format!("the answer is {what}: {}", mask.excerpt(&error.to_string(), EXCERPT)),
                &body,
                mask,
            )
        })?;
        let odd = |what: &str| odd(what, &body, mask);
        let header = whole.header.ok_or_else(|| odd("the answer has no header"))?;
        let code = header.result_code.number();
        match header.is_successful {
            Some(true) if code.unwrap_or(0) == 0 => (),
            None => return Err(odd("the answer does not say whether it succeeded")),
            Some(_) => return Err(failure(code, &header.result_message, mask)),
        }
        let paging = whole.page.unwrap_or_default();
        let total = paging.total_elements.count().or(whole.total_elements.count());
        let count = match paging.content {
            Some(Elements(count)) => count,
            // Some services omit the list if the total is 0.
            None if total == Some(0) => 0,
            None => return Err(odd("the answer has no page.content")),
        };
        let said = paging.number_of_elements.count().or(whole.number_of_elements.count());
        if said.is_some_and(|said| count < said) {
            return Err(odd("the answer has fewer records than it says"));
        }
        let size = paging.size.count().or(whole.size.count());
        // A response without records may still have many other members, which are dropped here.
        let body = if count == 0 { Bytes::from_static(EMPTY) } else { body };
        Ok(Self { body, count, total, last: paging.last.or(whole.last), size })
    }

    /// Returns a hash of each record, with the number of its copies in the response.
    pub(crate) fn contents(&self) -> Result<HashMap<[u8; 16], u64>> {
        let mut contents = HashMap::new();
        if self.count == 0 {
            return Ok(contents);
        }
        let body = ANSWERS.chain(Cursor::new(self.body.clone()));
        let mut reader = Reader::builder().from_reader(body)?;
        while let Some(item) = reader.next_item() {
            let hash = match item? {
                Item::Event(event) => event.content_hash(),
                Item::Reject(reject) => Sha256::digest(reject.raw()).into(),
            };
            let half = hash.first_chunk().copied().unwrap_or_default();
            *contents.entry(half).or_default() += 1;
        }
        match contents.values().sum::<u64>() {
            sum if sum == self.count => Ok(contents),
            sum => {
                let what = format!("{sum} of the {} records of the answer can be told", self.count);
                Err(Error::new(Code::BadAnswer, what))
            }
        }
    }

    /// Returns the times of the records that have one, in milliseconds since 1970.
    pub(crate) fn times(&self) -> Result<Vec<i64>> {
        let reader = Reader::builder().from_owner(self.body.clone())?;
        let times = reader.filter_map(|event| event.ok()?.event_time());
        Ok(times.map(Timestamp::as_millis).collect())
    }
}

fn is_too_deep(text: &[u8]) -> bool {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => (),
        }
        if depth > DEPTH {
            return true;
        }
    }
    false
}

/// Returns an error for a body that is not a response of the query API, with the beginning of the body.
fn odd(what: impl Into<String>, body: &[u8], mask: &Mask) -> Error {
    let begins = String::from_utf8_lossy(body.get(..4096).unwrap_or(body));
    let begins = mask.excerpt(&begins, 80);
    let message = match (what.into(), begins.as_str()) {
        (what, "") => format!("{what}: it is empty"),
        // JSON may contain personal data, so it is not quoted.
        (what, begins) if begins.starts_with(['{', '[']) => what,
        (what, begins) => format!("{what}; it begins with {begins:?}"),
    };
    Error::new(Code::BadAnswer, message)
}

fn failure(code: Option<i64>, message: &Scalar, mask: &Mask) -> Error {
    let said = match message {
        Scalar::Text(said) => mask.excerpt(said, EXCERPT),
        _ => "no message".to_owned(),
    };
    let Some(number) = code else {
        let message = format!("the API says that the request failed: {said}");
        return Error::new(Code::ApiFailure, message);
    };
    if !REFUSED.contains(&number) {
        let what = format!("the API says that the request failed: {said} (result code {number})");
        return Error::new(Code::ApiFailure, what);
    }
    let help = match number / 100 {
        401 => "check the User Access Key ID and the Secret Access Key",
        403 => "the keys' member needs the permission CloudTrail:EventLog.List",
        404 => "check the appkey and the base URL",
        _ => "check the appkey, the period and the options",
    };
    let message = format!("the API refused the request: {said}; {help}");
    Error::new(Code::Refused, message).caused_by(Refusal(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Answer> {
        Answer::read(body.into(), &Mask::default())
    }

    const GOOD: &str = r#""header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"}"#;

    #[test]
    fn totals_are_read_beside_the_content_and_beside_the_page() {
        for body in [
            format!(r#"{{{GOOD},"page":{{"content":[{{}},1],"totalElements":2,"last":true}}}}"#),
            format!(r#"{{{GOOD},"page":{{"content":[{{}},1]}},"totalElements":2,"last":true}}"#),
        ] {
            let answer = read(&body).unwrap();
            assert_eq!((answer.count, answer.total), (2, Some(2)));
            assert_eq!(answer.last, Some(true));
        }
        let answer = read(&format!(r#"{{{GOOD},"page":{{"content":[{{}}]}}}}"#)).unwrap();
        assert_eq!((answer.count, answer.total, answer.last), (1, None, None));
    }

    #[test]
    fn totals_that_are_no_numbers_are_none() {
        let total = |total: &str| {
            let paging = format!(r#""totalElements":{total},"size":1000"#);
            let answer = read(&format!(r#"{{{GOOD},"page":{{"content":[{{}},{{}}],{paging}}}}}"#));
            answer.unwrap().total
        };
        assert_eq!([total("2"), total("\"2\""), total("0")], [Some(2), Some(2), Some(0)]);
        assert_eq!([total("-1"), total("{}"), total("null"), total("2.5")], [None; 4]);
    }

    #[test]
    fn what_is_no_whole_answer_is_told_apart() {
        let codes = |body: &str| read(body).unwrap_err().code();
        for body in ["", "<html>", "{}", "[]", "null", r#"{"header":{"isSuccessful":true}}"#] {
            assert_eq!(codes(body), Code::BadAnswer, "{body}");
        }
        for odd in [
            r#""page":{"content":[{}],"numberOfElements":2}"#,
            r#""page":{"content":null}"#,
            r#""page":{"content":{}}"#,
            r#""page":{"content":[{}"#,
        ] {
            assert_eq!(codes(&format!("{{{GOOD},{odd}}}")), Code::BadAnswer, "{odd}");
        }
        let failed = |code: &str| {
            codes(&format!(r#"{{"header":{{"isSuccessful":false,"resultCode":{code}}}}}"#))
        };
        assert_eq!(failed("40103"), Code::Refused);
        assert_eq!(failed("\"40400\""), Code::Refused);
        assert_eq!(failed("50000"), Code::ApiFailure);
        assert_eq!(failed("null"), Code::ApiFailure);
    }

    #[test]
    fn records_are_told_apart_by_their_content() {
        let body = r#"{"header":{"isSuccessful":true,"resultCode":0},"page":{"content":
            [{"eventId":"a"}, {"eventId" : "a"}, {"eventId":"b"}, 7, 7]}}"#;
        let mut counts: Vec<u64> = read(body).unwrap().contents().unwrap().into_values().collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 2, 2]);
        let body = r#"{"header":{"isSuccessful":true},"page":{"content":["odd", 1]}}"#;
        assert_eq!(read(body).unwrap().contents().unwrap().len(), 2);
        let marked = format!("\u{feff}{{{GOOD},\"page\":{{\"content\":[{{}}]}}}}");
        let answer = read(&marked).unwrap();
        assert!(answer.body.starts_with(b"{") && answer.contents().unwrap().len() == 1);
    }

    #[test]
    fn an_answer_with_far_more_records_than_asked_for_is_refused() {
        let answer = |count: usize| {
            read(&format!(r#"{{{GOOD},"page":{{"content":[{}0]}}}}"#, "0,".repeat(count - 1)))
        };
        assert_eq!(answer(10_000).unwrap().count, 10_000);
        let error = answer(10_001).unwrap_err();
        assert_eq!(error.code(), Code::BadAnswer);
        assert!(error.to_string().contains("more than 10000 records"), "{error}");
    }

    #[test]
    fn an_answer_that_is_nested_too_deep_is_refused() {
        let nested = |depth: usize, text: &str| {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            read(&format!(r#"{{{GOOD},"page":{{"content":["{text}",{open}{close}]}}}}"#))
        };
        assert_eq!(nested(9997, "").unwrap().count, 2);
        assert!(nested(9998, "").unwrap_err().to_string().contains("nested deeper"));
        // Brackets in strings do not count as nesting.
        let brackets = format!(r#"\\\"{}\\"#, "[".repeat(10_000));
        assert_eq!(nested(9997, &brackets).unwrap().count, 2);
    }

    #[test]
    fn messages_are_masked_and_cut() {
        let mask = Mask::new(&["SecretSecret".into()]);
        let long = "m".repeat(400);
        let body = format!(
            r#"{{"header":{{"isSuccessful":false,"resultCode":40101,"resultMessage":"secretSecret {long}"}}}}"#
        );
        let error = Answer::read(body.into(), &mask).unwrap_err().to_string();
        assert!(error.contains("*** mmm") && error.contains("mmm…; check"), "{error}");
        assert!(!error.contains(&long), "{error}");
        let body = format!("{}SecretSecret", "x".repeat(74));
        let error = Answer::read(body.into(), &mask).unwrap_err().to_string();
        assert!(error.contains("xx***") && !error.contains("Secr"), "{error}");
    }
}
