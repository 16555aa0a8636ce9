//! Where the records are in a wrapper that is not known: `hits.hits[]._source`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Code, Error, Result};

/// The path from a value of the input to the records in it, such as `hits.hits[]._source`.
///
/// Names of members are separated by dots, and `[]` stands for each element of an array; as in jq,
/// the path may begin with a dot. A name with dots, brackets or quotes is written as a JSON string: `"a.b"[].record`. A member on the way
/// whose value is a string is read as the JSON text in it.
///
/// ```
/// use nhn_cloudtrail::{Reader, RecordPath};
///
/// let path: RecordPath = "hits.hits[]._source".parse()?;
/// let text = br#"{"hits":{"hits":[{"_source":{"eventId":"a"}},{"_source":{"eventId":"b"}}]}}"#;
/// assert_eq!(Reader::builder().record_path(path).from_bytes(*text)?.count(), 2);
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPath(Box<[PathStep]>);

/// A step on the way to the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathStep {
    /// The member of an object with this name.
    Member(Box<str>),
    /// Each element of an array.
    Elements,
}

/// A path may have at most this many steps.
const MAX_STEPS: usize = 32;

impl RecordPath {
    /// The step after the first `taken`; none where these lead to the records.
    pub(super) fn step(&self, taken: usize) -> Option<&PathStep> {
        self.0.get(taken)
    }
}

impl FromStr for RecordPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            let message = format!(
                "record path {text:?}: {what}; write names separated by dots and [] for each \
                 element, such as hits.hits[]._source"
            );
            Error::new(Code::InvalidOption, message)
        };
        let mut steps = Vec::new();
        // As jq has it, a path may begin with a dot.
        let mut rest = text.strip_prefix('.').filter(|rest| !rest.is_empty()).unwrap_or(text);
        loop {
            if let Some(after) = rest.strip_prefix("[]") {
                steps.push(PathStep::Elements);
                rest = after;
            } else {
                let (name, after) = split_name(rest).ok_or_else(|| wrong("a name is malformed"))?;
                if name.is_empty() {
                    return Err(wrong("a name is empty"));
                }
                steps.push(PathStep::Member(name.into()));
                rest = after;
            }
            match rest.strip_prefix('.') {
                _ if steps.len() > MAX_STEPS => return Err(wrong("it has too many steps")),
                Some(after) => rest = after,
                None if rest.is_empty() => return Ok(Self(steps.into())),
                None if rest.starts_with("[]") => (),
                None => return Err(wrong("a dot is missing")),
            }
        }
    }
}

/// The name at the beginning of a path, and the rest of the path.
fn split_name(path: &str) -> Option<(String, &str)> {
    if path.starts_with('"') {
        let mut names = serde_json::Deserializer::from_str(path).into_iter::<String>();
        let name = names.next()?.ok()?;
        let length = names.byte_offset();
        return Some((name, path.get(length..)?));
    }
    let length = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at_checked(length)?;
    (!name.contains([']', '"'])).then(|| (name.to_owned(), rest))
}

impl fmt::Display for RecordPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Elements => f.write_str("[]")?,
                PathStep::Member(name) => {
                    if index > 0 {
                        f.write_str(".")?;
                    }
                    if name.contains(['.', '[', ']', '"']) {
                        write!(f, "{}", serde_json::Value::from(&**name))?;
                    } else {
                        f.write_str(name)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_they_are_written() {
        for text in ["a", "hits.hits[]._source", "[]", "[].a", "[][].a[]", "\"a.b\"[].\"c\\\"d\""] {
            assert_eq!(text.parse::<RecordPath>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn mistyped_paths_are_errors() {
        let long = ["a"; MAX_STEPS + 1].join(".");
        assert_eq!(".a.[]".parse::<RecordPath>().unwrap().to_string(), "a[]");
        for text in ["", ".", "a.", "..a", "a..b", "a[", "a]", "a[0]", "[]a", "\"a", "a b\"", &long]
        {
            let error = text.parse::<RecordPath>().unwrap_err();
            assert_eq!(error.code(), Code::InvalidOption, "{text}");
        }
    }
}
