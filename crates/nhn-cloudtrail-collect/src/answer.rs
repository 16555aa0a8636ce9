//! What the query API answers: whether it is one, whether it is whole, and what it holds.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use bytes::Bytes;
use nhn_cloudtrail::{Code, Error, Item, Reader, Result, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

/// What stands before answers that are read one after the other: an answer without records, so that
/// those after it are answers too, even if they hold nothing but rejects; and over two lines, so that it
/// does not matter whether those after it are.
pub(crate) const ANSWERS: &[u8] = b"{\"page\":\n{\"content\":[]}}\n";

/// A page of a search.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The answer as it came.
    pub(crate) body: Bytes,
    /// How many records stand in it.
    pub(crate) count: u64,
    /// How many records the whole search has; v1.0 does not say.
    pub(crate) total: Option<u64>,
    /// Whether the service says that no page follows.
    last: Option<bool>,
    /// How many records a page has, as the service says.
    size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    header: Option<Header>,
    page: Option<Page>,
    // Beside the page in some answers, in it in others.
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    is_successful: Option<bool>,
    #[serde(default)]
    result_code: serde_json::Value,
    result_message: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    content: Option<Vec<IgnoredAny>>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Paging {
    #[serde(deserialize_with = "count")]
    total_elements: Option<u64>,
    #[serde(deserialize_with = "count")]
    number_of_elements: Option<u64>,
    #[serde(deserialize_with = "count")]
    size: Option<u64>,
    last: Option<bool>,
}

/// A count, or nothing where it is none: counts help, and no answer is worse for a strange one.
fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(count) => count.as_u64(),
        serde_json::Value::String(count) => count.parse().ok(),
        _ => None,
    })
}

/// The result codes of what asking again cannot heal: bad keys, no permission, a bad request.
const REFUSED: std::ops::RangeInclusive<i64> = 40_000..=40_499;

impl Answer {
    /// Takes an answer to a request for so many records from page `page` on.
    pub(crate) fn read(body: Vec<u8>, page: u64, limit: u64) -> Result<Self> {
        let mut body = Bytes::from(body);
        // It stands at the beginning of a text alone, and answers are read one after the other.
        if body.starts_with(b"\xef\xbb\xbf") {
            bytes::Buf::advance(&mut body, 3);
        }
        let whole: Whole = serde_json::from_slice(&body).map_err(|error| {
            let what = if error.is_eof() { "cut off" } else { "none of the query API's" };
            odd(format!("the answer is {what}: {error}"), &body)
        })?;
        let header = whole.header.ok_or_else(|| odd("the answer has no header", &body))?;
        let code = match &header.result_code {
            serde_json::Value::Number(code) => code.as_i64(),
            serde_json::Value::String(code) => code.parse().ok(),
            _ => None,
        };
        match header.is_successful {
            Some(true) if code.unwrap_or(0) == 0 => (),
            None => return Err(odd("the answer does not say whether it succeeded", &body)),
            Some(_) => return Err(failure(code, header.result_message)),
        }
        let Page { content, paging } =
            whole.page.unwrap_or(Page { content: None, paging: Paging::default() });
        let total = paging.total_elements.or(whole.paging.total_elements);
        let count = match content {
            Some(content) => content.len() as u64,
            // Of nothing some say nothing.
            None if total == Some(0) => 0,
            None => return Err(odd("the answer has no page.content", &body)),
        };
        let said = paging.number_of_elements.or(whole.paging.number_of_elements);
        let size = paging.size.or(whole.paging.size);
        let page_size = size.unwrap_or(limit);
        let due =
            total.map(|total| total.saturating_sub(page.saturating_mul(page_size)).min(page_size));
        if said.or(due).is_some_and(|due| count < due) {
            return Err(odd("the answer has fewer records than it says", &body));
        }
        Ok(Self { body, count, total, last: paging.last.or(whole.paging.last), size })
    }

    /// Whether no page follows the page `page`, for which so many records were asked.
    pub(crate) fn is_last(&self, page: u64, limit: u64) -> bool {
        match (self.total, self.last) {
            (Some(total), _) if page == 0 => self.count >= total,
            (_, Some(last)) => last,
            _ => self.count < limit,
        }
    }

    /// Whether the first page has room for more records, though it is said that there are more: they
    /// will not be on another one either.
    pub(crate) fn is_short(&self, limit: u64) -> bool {
        self.count < self.size.unwrap_or(if self.count == 0 { limit } else { 0 }).min(limit)
    }

    /// Each record of the answer by its content, with how often it is there.
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
                Err(odd(what, &self.body))
            }
        }
    }

    /// The times of the records that have one, in milliseconds since 1970.
    pub(crate) fn times(&self) -> Result<Vec<i64>> {
        let reader = Reader::builder().from_owner(self.body.clone())?;
        let times = reader.filter_map(|event| event.ok()?.event_time());
        Ok(times.map(Timestamp::as_millis).collect())
    }
}

/// An answer that is none of the query API's, with how it begins.
fn odd(what: impl Into<String>, body: &[u8]) -> Error {
    let begins = String::from_utf8_lossy(body.get(..80).unwrap_or(body));
    let begins = nhn_cloudtrail::printable(begins.trim()).into_owned();
    let message = match (what.into(), begins.as_str()) {
        (what, "") => format!("{what}: it is empty"),
        // It may hold somebody's data.
        (what, begins) if begins.starts_with(['{', '[']) => what,
        (what, begins) => format!("{what}; it begins with {begins:?}"),
    };
    Error::new(Code::BadAnswer, message)
}

fn failure(code: Option<i64>, message: Option<serde_json::Value>) -> Error {
    let said = match message {
        Some(serde_json::Value::String(said)) => nhn_cloudtrail::printable(&said).into_owned(),
        _ => "no message".to_owned(),
    };
    let Some(number) = code else {
        let message = format!("the API says that the request failed: {said}");
        return Error::new(Code::ApiFailure, message);
    };
    let what = format!("the API says that the request failed: {said} (result code {number})");
    if !REFUSED.contains(&number) {
        return Error::new(Code::ApiFailure, what);
    }
    let help = match number / 100 {
        401 => "check the User Access Key ID and the Secret Access Key",
        403 => "the keys' member needs the permission CloudTrail:EventLog.List",
        404 => "check the appkey and the base URL",
        _ => "check the appkey, the period and the options",
    };
    Error::new(Code::Refused, format!("{what}; {help}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Answer> {
        Answer::read(body.into(), 0, 1000)
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
            assert!(answer.is_last(0, 1000));
        }
        let answer = read(&format!(r#"{{{GOOD},"page":{{"content":[{{}}]}}}}"#)).unwrap();
        assert!(answer.is_last(0, 2) && !answer.is_last(0, 1));
    }

    #[test]
    fn totals_that_cannot_be_are_known_for_what_they_are() {
        let answer = |paging: &str| {
            read(&format!(r#"{{{GOOD},"page":{{"content":[{{}},{{}}],{paging}}}}}"#)).unwrap()
        };
        let too_high = answer(r#""totalElements":5,"numberOfElements":2,"size":1000"#);
        assert!(!too_high.is_last(0, 1000) && too_high.is_short(1000));
        let full = answer(r#""totalElements":5,"numberOfElements":2,"size":2"#);
        assert!(!full.is_last(0, 1000) && !full.is_short(1000));
        for odd in [r#""totalElements":"2""#, r#""totalElements":-1"#, r#""totalElements":{}"#] {
            assert!(answer(odd).is_last(0, 1000), "{odd}");
        }
    }

    #[test]
    fn what_is_no_whole_answer_is_told_apart() {
        let codes = |body: &str| read(body).unwrap_err().code();
        for body in ["", "<html>", "{}", "[]", "null", r#"{"header":{"isSuccessful":true}}"#] {
            assert_eq!(codes(body), Code::BadAnswer, "{body}");
        }
        for odd in [
            r#""page":{"content":[{}],"totalElements":3}"#,
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
}
