//! The `header` with which NHN Cloud's services say how a call went.

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
