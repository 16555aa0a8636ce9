//! The result of a call, from its answer: the `header` of NHN Cloud's services, or other forms.

use memchr::memmem::Finder;

use crate::json;

/// `isSuccessful`, `resultCode` and `resultMessage` of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) successful: Option<bool>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

impl Header {
    /// Reads a valid value; one that is no object says nothing.
    pub(crate) fn read(text: &[u8]) -> Self {
        let mut header = Header::default();
        for (key, value) in json::members(text) {
            let value = text.get(value).unwrap_or_default();
            match &*json::unquote(text.get(key).unwrap_or_default()) {
                "isSuccessful" => {
                    header.successful = match value {
                        b"true" => Some(true),
                        b"false" => Some(false),
                        _ => None,
                    }
                }
                "resultCode" => header.code = json::text(value),
                "resultMessage" => header.message = json::text(value),
                _ => (),
            }
        }
        header
    }

    /// How the call failed, where it did.
    pub(crate) fn failure(&self) -> Option<String> {
        if self.successful != Some(false) {
            return None;
        }
        let code = self.code.as_deref().unwrap_or("none");
        let message = crate::error::printable(self.message.as_deref().unwrap_or("none"));
        Some(format!("the API answered that the request failed: code {code}, \"{message}\""))
    }
}

/// The result of a call, as far as its answer has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallResult {
    pub(crate) succeeded: Option<bool>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

impl CallResult {
    /// Reads the result in an answer; see [`Outcome`](crate::Outcome) for the rules.
    pub(crate) fn from_answer(answer: &[u8]) -> Self {
        let answer = answer.trim_ascii_start();
        match answer.first() {
            Some(b'{') => Self::of_object(answer),
            Some(b'"') if json::is_value(answer, 1) => {
                let inner = json::unquote(answer.trim_ascii_end());
                match inner.trim_start().starts_with('{') {
                    true => Self::of_object(inner.trim_start().as_bytes()),
                    false => Self::of_text(&inner),
                }
            }
            _ if answer.len() <= LONGEST_REASON => {
                std::str::from_utf8(answer).map_or_else(|_| Self::default(), Self::of_text)
            }
            _ => Self::default(),
        }
    }

    fn of_object(answer: &[u8]) -> Self {
        let mut members = Members::default();
        for (key, value) in json::members(answer) {
            let key = json::unquote(answer.get(key).unwrap_or_default());
            members.add(&key, answer.get(value).unwrap_or_default());
        }
        if members.header.starts_with(b"{") {
            return Self::of_header(Header::read(members.header), members.header);
        }
        let result = Self::of_header(Header::read(answer), answer);
        if result.succeeded.is_some() { result } else { members.result() }
    }

    /// The result in a header: `isSuccessful`, otherwise `resultCode`.
    fn of_header(header: Header, text: &[u8]) -> Self {
        let Header { successful, code, message } = header;
        let succeeded = successful.or_else(|| {
            let is = |wanted| move |text: &str| text.eq_ignore_ascii_case(wanted);
            match member(text, "isSuccessful").and_then(string) {
                Some(text) if is("true")(&text) => Some(true),
                Some(text) if is("false")(&text) => Some(false),
                _ => result_of(member(text, "resultCode")?),
            }
        });
        Self { succeeded, code, message }
    }

    /// The result of text that is only the reason of an HTTP status, such as `403 Forbidden`.
    fn of_text(text: &str) -> Self {
        let text = text.trim().trim_end_matches(['.', '!']).to_ascii_lowercase();
        let text = text.strip_prefix("http/1.1 ").unwrap_or(&text);
        let (code, reason) = match text.split_once(' ') {
            Some((code, reason)) if status_of(code) == Some(false) => (Some(code), reason),
            _ => (None, text),
        };
        if !REASONS.contains(&reason.trim_start_matches(['-', ':', ' '])) {
            return Self::default();
        }
        Self { succeeded: Some(false), code: code.map(str::to_owned), message: None }
    }

    fn failure(code: Option<String>, message: Option<String>) -> Self {
        Self { succeeded: Some(false), code, message }
    }
}

/// The reasons of HTTP statuses that mean a failure when they are the whole text.
const REASONS: &[&str] = &[
    "bad request",
    "unauthorized",
    "forbidden",
    "not found",
    "method not allowed",
    "conflict",
    "too many requests",
    "internal server error",
    "bad gateway",
    "service unavailable",
    "gateway timeout",
    "access denied",
    "permission denied",
];

/// The names of OpenStack's errors that do not end in `Error` or `Fault`.
const FAULTS: &[&str] = &[
    "badMediaType",
    "badMethod",
    "badRequest",
    "conflictingRequest",
    "forbidden",
    "itemNotFound",
    "notFound",
    "overLimit",
    "serviceUnavailable",
    "unauthorized",
];

/// Longer text is not only a reason.
const LONGEST_REASON: usize = 64;

/// The members of an answer that may hold the result.
#[derive(Default)]
struct Members<'a> {
    count: usize,
    header: &'a [u8],
    success: &'a [u8],
    error: &'a [u8],
    code: &'a [u8],
    status: &'a [u8],
    message: &'a [u8],
    /// The last member, and whether it has the name of an OpenStack error.
    last: &'a [u8],
    is_error: bool,
}

impl<'a> Members<'a> {
    fn add(&mut self, key: &str, value: &'a [u8]) {
        self.count += 1;
        let is_fault =
            ["Error", "Fault"].iter().any(|end| key.ends_with(end)) || FAULTS.contains(&key);
        (self.last, self.is_error) = (value, is_fault);
        match key {
            "header" => self.header = value,
            "success" => self.success = value,
            "error" => self.error = value,
            "code" => self.code = value,
            "status" | "statusCode" => self.status = value,
            "message" => self.message = value,
            _ => (),
        }
    }

    /// The result without a header.
    fn result(&self) -> CallResult {
        let message = string(self.message);
        let success = json::text(self.success).unwrap_or_default();
        if success.eq_ignore_ascii_case("true") {
            return CallResult { succeeded: Some(true), ..CallResult::default() };
        }
        if success.eq_ignore_ascii_case("false") {
            return CallResult::failure(scalar(self.code), message);
        }
        let error = string(self.error).filter(|error| !error.is_empty());
        let is_object = self.error.starts_with(b"{") && json::members(self.error).next().is_some();
        if self.error == b"true" || error.is_some() || is_object {
            let inner = |name| member(self.error, name).unwrap_or_default();
            let code = [self.code, self.status, inner("code")].into_iter().find_map(scalar);
            return CallResult::failure(
                code,
                message.or_else(|| string(inner("message"))).or(error),
            );
        }
        if let Some(code) = scalar(self.code).filter(|code| code == "0") {
            return CallResult { succeeded: Some(true), code: Some(code), message };
        }
        for code in [self.code, self.status].into_iter().filter_map(scalar) {
            let succeeded = status_of(&code).or_else(|| CallResult::of_text(&code).succeeded);
            if succeeded.is_some() {
                return CallResult { succeeded, code: Some(code), message };
            }
        }
        // OpenStack: the error's name, and what it is about.
        if self.count == 1 && self.last.starts_with(b"{") {
            let message = member(self.last, "message").and_then(string);
            let code = member(self.last, "code").and_then(scalar);
            let failed = code.as_deref().and_then(status_of) == Some(false);
            let signs = [failed, message.is_some(), self.is_error];
            if signs.into_iter().filter(|sign| *sign).count() >= 2 {
                return CallResult::failure(code, message);
            }
        }
        match message {
            Some(message)
                if self.count == 1 && CallResult::of_text(&message).succeeded.is_some() =>
            {
                CallResult::failure(None, Some(message))
            }
            _ => CallResult::default(),
        }
    }
}

/// The last member of a name.
fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let members = json::members(object);
    let named = members
        .filter(|(key, _)| object.get(key.clone()).is_some_and(|key| json::unquote(key) == name));
    named.last().and_then(|(_, value)| object.get(value))
}

/// The text of a string; none of any other value.
fn string(value: &[u8]) -> Option<String> {
    value.starts_with(b"\"").then(|| json::unquote(value).into_owned())
}

/// A number, or the text of a string.
fn scalar(value: &[u8]) -> Option<String> {
    let is_scalar = matches!(value.first(), Some(b'"' | b'-' | b'0'..=b'9'));
    if is_scalar { json::text(value) } else { None }
}

/// Whether an HTTP status is a success or a failure; none for any other text.
fn status_of(text: &str) -> Option<bool> {
    match text.parse::<u16>() {
        Ok(200..=299) if text.len() == 3 => Some(true),
        Ok(400..=599) if text.len() == 3 => Some(false),
        _ => None,
    }
}

/// Whether a result code is a success: zero, a status of success, or `SUCCESS` or `OK`.
fn result_of(code: &[u8]) -> Option<bool> {
    let code = scalar(code)?;
    let code = code.trim();
    let is_zero = code.parse::<f64>().is_ok_and(|code| code == 0.0);
    let is_word = ["success", "ok"].iter().any(|word| word.eq_ignore_ascii_case(code));
    (!code.is_empty()).then(|| is_zero || is_word || status_of(code) == Some(true))
}

/// The end of the header, if it is the first member of an answer.
fn leading(answer: &[u8]) -> Option<usize> {
    let (key, value) = json::members(answer).next()?;
    let is_header = json::unquote(answer.get(key)?) == "header";
    (is_header && answer.get(value.start) == Some(&b'{')).then_some(value.end)
}

/// A cache of values made from the results of answers; many answers begin with the same header.
#[derive(Debug)]
pub(crate) struct Answers<T> {
    /// Answers up to where their header ends, and what was made of it.
    known: Vec<(Box<[u8]>, T)>,
    word: Finder<'static>,
}

/// How many headers are remembered, and how long the beginning of an answer may be.
const KNOWN: usize = 16;
const BEGINNING: usize = 512;

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self { known: Vec::new(), word: Finder::new("header") }
    }
}

impl<T: Copy> Answers<T> {
    /// What `make` makes of what an answer says, or made of the same one before.
    pub(crate) fn get(&mut self, answer: &[u8], make: impl FnOnce(CallResult) -> T) -> T {
        let known = self.known.iter().position(|(beginning, _)| {
            answer.strip_prefix(&**beginning).is_some_and(|rest| self.has_no_header(rest))
        });
        if let Some(place) = known
            && let Some(&(_, made)) = self.known.get(place)
        {
            // The most frequent come to the front.
            self.known.swap(place, place.saturating_sub(1));
            return made;
        }
        let made = make(CallResult::from_answer(answer));
        if let Some((beginning, rest)) = leading(answer)
            .filter(|end| *end <= BEGINNING)
            .and_then(|end| answer.split_at_checked(end))
            && self.has_no_header(rest)
        {
            self.known.truncate(KNOWN - 1);
            self.known.push((beginning.into(), made));
        }
        made
    }

    /// Whether no key in `text` can be that of a header, as it stands or with escapes.
    fn has_no_header(&self, text: &[u8]) -> bool {
        memchr::memchr(b'\\', text).is_none() && self.word.find(text).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::{collection::vec, sample::select};

    const PIECES: &[&str] = &[
        "{\"header\":{\"isSuccessful\":true,\"resultCode\":0}",
        "{ \"header\" : {\"isSuccessful\":false,\"resultCode\":\"E\\\"1\",\"resultMessage\":\"no\"}",
        "{\"header\":1",
        "{\"header\":{}",
        "{\"h\\u0065ader\":{\"isSuccessful\":false}",
        ",\"header\":{\"isSuccessful\":false}",
        ",\"\\u0068eader\":{\"resultCode\":7}",
        ",\"body\":{\"header\":{\"isSuccessful\":false}}",
        ",\"body\":[1,2]",
        ",\"code\":403",
        "{\"code\":403",
        "{\"success\":true",
        "{\"header\":{\"resultCode\":\"E1\"}",
        "}",
        "2",
        "x",
        "\"",
        " ",
        "",
    ];

    proptest! {
        /// Whatever came before, an answer says what it says alone.
        #[test]
        fn remembered_headers_say_the_same(
            answers in vec(vec(select(PIECES), 0..5), 0..40)
        ) {
            let mut answers_seen = Answers::default();
            let mut all = Vec::new();
            for answer in answers {
                let answer = answer.concat();
                let alone = CallResult::from_answer(answer.as_bytes());
                let made = answers_seen.get(answer.as_bytes(), |said| {
                    all.push(said);
                    all.len() - 1
                });
                prop_assert_eq!(&all[made], &alone, "{}", answer);
            }
        }
    }
}
