//! The `header` with which NHN Cloud's services say how a call went.

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

    /// Reads the header inside an answer, as far as that is JSON.
    pub(crate) fn inside(answer: &[u8]) -> Option<Self> {
        json::members(answer)
            .filter(|(key, _)| {
                json::unquote(answer.get(key.clone()).unwrap_or_default()) == "header"
            })
            .last()
            .map(|(_, value)| Self::read(answer.get(value).unwrap_or_default()))
    }

    /// How far the header goes, where it is the first member of an answer.
    fn leading(answer: &[u8]) -> Option<usize> {
        let (key, value) = json::members(answer).next()?;
        let is_header = json::unquote(answer.get(key)?) == "header";
        (is_header && answer.get(value.start) == Some(&b'{')).then_some(value.end)
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

/// What answers say, each header read once with which many of them begin.
#[derive(Debug)]
pub(crate) struct Headers<T> {
    /// Answers up to where their header ends, and what was made of it.
    known: Vec<(Box<[u8]>, T)>,
    word: Finder<'static>,
}

/// How many headers are remembered, and how long the beginning of an answer may be.
const KNOWN: usize = 16;
const BEGINNING: usize = 512;

impl<T> Default for Headers<T> {
    fn default() -> Self {
        Self { known: Vec::new(), word: Finder::new("header") }
    }
}

impl<T: Copy> Headers<T> {
    /// What `make` makes of the header inside an answer, or made of the same one before.
    pub(crate) fn get(&mut self, answer: &[u8], make: impl FnOnce(Option<Header>) -> T) -> T {
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
        if self.has_no_header(answer) {
            return make(None);
        }
        let made = make(Header::inside(answer));
        if let Some((beginning, rest)) = Header::leading(answer)
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
            let mut headers = Headers::default();
            let mut all = Vec::new();
            for answer in answers {
                let answer = answer.concat();
                let alone = Header::inside(answer.as_bytes());
                let made = headers.get(answer.as_bytes(), |header| {
                    all.push(header);
                    all.len() - 1
                });
                prop_assert_eq!(&all[made], &alone, "{}", answer);
            }
        }
    }
}
