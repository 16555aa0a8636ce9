//! A record as a peer's user would declare it: every field of the guide, typed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer};

/// With owned strings or [borrowed](Text) ones.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "what counts is that they are made")]
pub(crate) struct Record<T> {
    pub(crate) event_id: Option<T>,
    event_time: Option<T>,
    event_source_type: Option<T>,
    user_id_no: Option<T>,
    user_id: Option<T>,
    user_name: Option<T>,
    user_ip: Option<T>,
    user_agent: Option<T>,
    product_id: Option<T>,
    region: Option<T>,
    org_id: Option<T>,
    project_id: Option<T>,
    project_name: Option<T>,
    app_key: Option<T>,
    tenant_id: Option<T>,
    event_log_uuid: Option<T>,
    request: Option<T>,
    response: Option<T>,
    event_target: Option<Target<T>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "what counts is that they are made")]
struct Target<T> {
    target_members: Option<Vec<Member<T>>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "what counts is that they are made")]
struct Member<T> {
    id_no: Option<T>,
    name: Option<T>,
    user_code: Option<T>,
    email_address: Option<T>,
}

/// An API answer.
#[derive(serde::Deserialize)]
pub(crate) struct Answer<T> {
    pub(crate) page: Page<T>,
}

#[derive(serde::Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) content: Vec<Record<T>>,
}

/// Borrowed where it has no escapes. `Option<Cow<str>>` would own its text always.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'a, 'de: 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}
