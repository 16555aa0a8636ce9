//! Lists the objects of a bucket, whatever their names are.
//!
//! The library's own list stops at a name that it cannot request, such as `a//b`, and accepts a truncated
//! list as complete. So the request is made here, with the library's signature.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use glob::Pattern;
use nhn_cloudtrail::{Code, Error, Result};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpError, HttpErrorKind, HttpRequestBody, HttpResponse};
use object_store::path::Path;
use serde::Deserialize;
use ureq::http::Request;

use super::http::told;
use crate::client::{EXCERPT, escape};
use crate::mask::Mask;

/// The maximum size of a page of a list: 1,000 names of maximum length, with every byte escaped.
const PAGE_BYTES: usize = 16 << 20;

/// The maximum number of objects of a source, and the maximum total size of their names.
const OBJECTS: usize = 10_000_000;
const NAMES: usize = 1 << 30;

/// The maximum number of pages of a list; a server may return pages without objects.
const PAGES: usize = 100_000;

/// How often a page is requested again, with the first and the longest pause.
const RETRIES: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Lists the objects of a bucket.
pub(super) struct Lister<'a> {
    pub(super) http: &'a HttpClient,
    /// URL of the bucket.
    pub(super) url: String,
    pub(super) region: &'a str,
    pub(super) credential: AwsCredential,
    pub(super) mask: &'a Mask,
}

/// The contents of a list.
#[derive(Default)]
pub(super) struct Listing {
    /// In the order of their names.
    pub(super) objects: Vec<Listed>,
    /// Names that cannot be requested, in printable form, with the reason.
    pub(super) odd: Vec<(String, &'static str)>,
}

/// An object in a list.
#[derive(Clone)]
pub(super) struct Listed {
    pub(super) path: Path,
    pub(super) size: u64,
    pub(super) e_tag: Option<String>,
    /// Distinguishes this version of the object from others.
    pub(super) version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    contents: Vec<Contents>,
    // Required: a body without it is not a list.
    is_truncated: bool,
    next_continuation_token: Option<String>,
    encoding_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    size: u64,
    #[serde(default)]
    last_modified: String,
    #[serde(rename = "ETag")]
    e_tag: Option<String>,
}

impl Lister<'_> {
    /// Returns all objects whose names begin with `prefix` and match none of the patterns. Objects
    /// without content are omitted, since they may represent folders.
    pub(super) async fn list(&self, prefix: &str, exclude: &[Pattern]) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut names = 0;
        let mut tokens = HashSet::new();
        let mut token: Option<String> = None;
        loop {
            let page = self.page(prefix, token.as_deref()).await?;
            let is_url = page.encoding_type.as_deref() == Some("url");
            for contents in page.contents {
                let decoded = if is_url { decoded(&contents.key) } else { None };
                let is_broken = is_url && decoded.is_none();
                let key = decoded.unwrap_or(contents.key);
                let is_excluded = exclude.iter().any(|pattern| pattern.matches(&key));
                if !key.starts_with(prefix) || contents.size == 0 || is_excluded {
                    continue;
                }
                names += key.len();
                if listing.objects.len() + listing.odd.len() >= OBJECTS || names > NAMES {
                    return Err(Error::new(
                        Code::InvalidOption,
                        "the bucket has more than ten million objects there: give longer prefixes, one \
                         after the other",
                    ));
                }
                let path = if is_broken { Err(BROKEN) } else { readable(&key, self.mask) };
                match path {
                    Ok(path) => listing.objects.push(Listed {
                        path,
                        size: contents.size,
                        version: contents.e_tag.clone().unwrap_or(contents.last_modified),
                        e_tag: contents.e_tag,
                    }),
                    Err(why) => listing.odd.push((self.mask.excerpt(&key, 1024), why)),
                }
            }
            token = match (page.is_truncated, page.next_continuation_token) {
                (false, _) => break,
                (true, Some(token)) if !token.is_empty() => Some(token),
                (true, _) => {
                    return Err(bad("the list is cut off without a continuation token"));
                }
            };
            if tokens.len() >= PAGES || !tokens.insert(token.clone()) {
                return Err(bad(
                    "the list does not end: a continuation token is repeated, or there are too many",
                ));
            }
        }
        listing.objects.sort_by(|a, b| a.path.cmp(&b.path));
        // If an object changed during the listing, the last entry is used.
        listing.objects.dedup_by(|next, kept| {
            let is_same = next.path == kept.path;
            if is_same {
                std::mem::swap(next, kept);
            }
            is_same
        });
        listing.odd.sort();
        listing.odd.dedup();
        Ok(listing)
    }

    async fn page(&self, prefix: &str, token: Option<&str>) -> Result<Page> {
        // Names are requested URL-encoded, since XML cannot represent all characters.
        let mut url = format!("{}?list-type=2&encoding-type=url", self.url);
        for (name, value) in [("prefix", prefix), ("continuation-token", token.unwrap_or_default())]
        {
            if !value.is_empty() {
                url.push_str(&format!("&{name}={}", escape(value)));
            }
        }
        let mut wait = FIRST_WAIT;
        for attempt in 0.. {
            match self.ask(&url).await {
                Ok(body) => {
                    return quick_xml::de::from_reader(body.as_ref()).map_err(|error| {
                        let cause = self.mask.excerpt(&error.to_string(), EXCERPT);
                        bad("the response is not a list of objects").caused_by(cause)
                    });
                }
                Err(failed) if !failed.heals || attempt == RETRIES => return Err(failed.error),
                Err(_) => tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Err(bad("the list could not be read"))
    }

    async fn ask(&self, url: &str) -> Result<Bytes, Failed> {
        let failed = |error: HttpError| Failed {
            heals: !matches!(error.kind(), HttpErrorKind::Unknown | HttpErrorKind::Decode),
            error: told(&error, self.region, self.mask),
        };
        let ours = |error: Error| Failed { error, heals: false };
        let request = Request::get(url).body(HttpRequestBody::empty());
        let mut request = request.map_err(|_| ours(bad("the request cannot be made")))?;
        AwsAuthorizer::new(&self.credential, "s3", self.region)
            .try_authorize(&mut request, None)
            .map_err(|error| ours(told(&error, self.region, self.mask)))?;
        let response = self.http.execute(request).await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            let message = format!("Object Storage answers with HTTP {}", status.as_u16());
            return Err(Failed { error: Error::new(Code::HttpStatus, message), heals: true });
        }
        whole(response)
            .await
            .map_err(failed)?
            .ok_or_else(|| ours(bad("a page of the list is larger than 16 MiB")))
    }
}

struct Failed {
    error: Error,
    heals: bool,
}

/// Returns the body of a response, or `None` if it is too large.
async fn whole(response: HttpResponse) -> Result<Option<Bytes>, HttpError> {
    let mut body = Vec::new();
    let mut pieces = response.into_body().bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            // The response was cut off; a retry may help.
            HttpError::new(HttpErrorKind::Interrupted, error)
        })?;
        if body.len() + piece.len() > PAGE_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body.into()))
}

/// Returns the path to request for an object name, or the reason why it cannot be requested.
fn readable(key: &str, mask: &Mask) -> Result<Path, &'static str> {
    if mask.is_in(key) {
        return Err("its name has a part of a key in it");
    }
    if key.chars().any(|c| c.is_ascii_control()) {
        return Err("its name has a control character");
    }
    if key.split('/').any(str::is_empty) {
        return Err("its name has an empty part: a slash follows another, or begins or ends it");
    }
    match Path::parse(key) {
        Ok(path) if path.as_ref() == key => Ok(path),
        _ => Err("its name has a part that is `.` or `..`"),
    }
}

const BROKEN: &str = "its name is not UTF-8, or the list has it with a broken escape";

/// Decodes a URL-encoded name.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let ([high, low], after) = after.split_first_chunk()?;
                rest = after;
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                u8::try_from(digit(high)? * 16 + digit(low)?).ok()?
            }
            byte => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn bad(message: &str) -> Error {
    Error::new(Code::BadAnswer, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded() {
        for (text, name) in [
            ("a/b.json", Some("a/b.json")),
            ("a+b%2Bc%20d", Some("a b+c d")),
            ("%ED%95%9C%09", Some("한\t")),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("%ff", None),
        ] {
            assert_eq!(decoded(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn only_names_that_mean_one_object_are_asked_for() {
        let mask = Mask::new(&["SecretSecret".into()]);
        for key in ["a", "a/b", "a b/%2e%2e/..c/한", "a\u{200d}b", "a%2Fb", "~"] {
            assert_eq!(readable(key, &mask).unwrap().as_ref(), key);
        }
        for key in ["", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "a\tb", "a\u{7f}"] {
            assert!(readable(key, &mask).is_err(), "{key:?}");
        }
        assert!(readable("a/secretsecret", &mask).is_err());
    }
}
