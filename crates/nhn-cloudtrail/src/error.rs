//! One error for the whole crate: what went wrong, where, and what to do.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Anything that can go wrong in this crate.
///
/// [`kind`](Error::kind) groups errors for a `match`, [`code`](Error::code) is the stable name that
/// Python and Node carry too, [`position`](Error::position) says where in the input it happened.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Repr>);

#[derive(Debug)]
struct Repr {
    code: Code,
    message: String,
    position: Option<Position>,
    field: Option<String>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = &self.position {
            write!(f, "{position}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Repr {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// What sort of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source could not be opened or read.
    Io,
    /// The source was read, but it is not a CloudTrail log or not a whole one.
    Source,
    /// One record could not become an event. Reading goes on after it.
    Record,
    /// An option, a filter or a name that the caller gave makes no sense.
    Argument,
    /// The service could not be asked, or did not answer as it should.
    Service,
    /// Data for the catalog (an overlay, a published list) is not of the expected form.
    Catalog,
    /// A fault of this library.
    Internal,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal => $kind:ident,)*) => {
        /// The stable name of an error, the same in Rust, Python and Node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code there is, for bindings that must map them all.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The code as text, upper case with underscores.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The group that the code belongs to.
            pub const fn kind(self) -> ErrorKind {
                match self { $(Code::$name => ErrorKind::$kind,)* }
            }
        }
    };
}

codes! {
    /// Reading or writing failed.
    Io = "IO" => Io,
    /// A stream has nothing at hand; the reading goes on where it is asked again.
    WouldBlock = "WOULD_BLOCK" => Io,
    /// A path, glob or folder names no file.
    NotFound = "NOT_FOUND" => Io,
    /// Another run is at an archive or a data set.
    Locked = "LOCKED" => Io,
    /// The query API or Object Storage could not be reached, or the connection broke.
    Network = "NETWORK" => Service,
    /// The query API took too long to answer.
    Timeout = "TIMEOUT" => Service,
    /// An answer with an HTTP status that says that the request failed.
    HttpStatus = "HTTP_STATUS" => Service,
    /// An answer that is not whole, or none of the query API's.
    BadAnswer = "BAD_ANSWER" => Service,
    /// The service refuses the request: keys, a permission or the request itself are wrong.
    Refused = "REFUSED" => Service,
    /// Input without any whole record.
    NotALog = "NOT_A_LOG" => Source,
    /// An API answer that says that the request failed.
    ApiFailure = "API_FAILURE" => Source,
    /// Compressed data is damaged or ends too early; what stood before it was read.
    BadCompression = "BAD_COMPRESSION" => Source,
    /// A Parquet file that is damaged, or has not the table's columns.
    InvalidTable = "INVALID_TABLE" => Source,
    /// An archive whose ledger cannot be read, or is not in step with its files.
    InvalidArchive = "INVALID_ARCHIVE" => Source,
    /// A record is not JSON.
    InvalidJson = "INVALID_JSON" => Record,
    /// A record is not UTF-8.
    InvalidUtf8 = "INVALID_UTF8" => Record,
    /// JSON, but not an object.
    NotAnObject = "NOT_AN_OBJECT" => Record,
    /// A record is followed, on its line, by something that is none.
    TrailingText = "TRAILING_TEXT" => Record,
    /// The input ends inside a record, an array or an API answer.
    Truncated = "TRUNCATED" => Record,
    /// A record is larger than the limit.
    RecordTooLarge = "RECORD_TOO_LARGE" => Record,
    /// A record is nested deeper than the limit.
    RecordTooDeep = "RECORD_TOO_DEEP" => Record,
    /// A time, date or span of time that cannot be read.
    InvalidTime = "INVALID_TIME" => Argument,
    /// A filter's value is not of its form.
    InvalidFilter = "INVALID_FILTER" => Argument,
    /// An option's value is not of its form.
    InvalidOption = "INVALID_OPTION" => Argument,
    /// The reading was stopped by whoever watched it.
    Interrupted = "INTERRUPTED" => Io,
    /// An overlay for the catalog is not of the expected form.
    InvalidOverlay = "INVALID_OVERLAY" => Catalog,
    /// A published event list is not of a known layout.
    InvalidList = "INVALID_LIST" => Catalog,
    /// A fault of this library; please report it.
    Panic = "PANIC" => Internal,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where something stands in the input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Position {
    /// The source's name: a path, `-` for standard input, nothing for bytes in hand.
    pub source: Option<Arc<str>>,
    /// The number of the record in its source, from 1; 0 where no record is meant, or where not all
    /// before it was read.
    pub record: u64,
    /// The line in the decompressed text, from 1; 0 where it is not known.
    pub line: u64,
    /// The byte in the decompressed text, from 0.
    pub byte: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => f.write_str(&printable(source))?,
            None => f.write_str("input")?,
        }
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        if self.record > 0 {
            write!(f, " (record {}, byte {})", self.record, self.byte)?;
        } else if self.byte > 0 {
            write!(f, " (byte {})", self.byte)?;
        }
        Ok(())
    }
}

/// Returns `text` without control characters and characters that cannot be seen, fit for a terminal:
/// each becomes U+FFFD.
///
/// Names and user agents come from whoever made the request; an escape sequence in one must not
/// reach the terminal of a person who reads the log, and two texts that look the same must be the same.
pub fn printable(text: &str) -> std::borrow::Cow<'_, str> {
    if text.chars().any(is_unprintable) {
        text.chars().map(|c| if is_unprintable(c) { '\u{fffd}' } else { c }).collect()
    } else {
        text.into()
    }
}

fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Soft hyphen, Arabic letter mark.
            '\u{ad}' | '\u{61c}'
            // Zero width, and left-to-right and right-to-left marks.
            | '\u{200b}'..='\u{200f}'
            // Separators of lines and paragraphs, and what turns the order of letters.
            | '\u{2028}'..='\u{202e}'
            // Invisible operators, isolates of directions, deprecated format characters.
            | '\u{2060}'..='\u{206f}'
            // Joiner of graphemes, fillers of Hangul, inherent vowels of Khmer, Mongolian selectors.
            | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{3164}' | '\u{ffa0}'
            // Byte-order mark, annotations, tags and supplementary selectors, which can carry text.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
            // Private use: what is seen depends on the font.
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
        )
}

/// Runs `work`. A panic in it is an error like any other, so that it ends no program that does not
/// know of Rust.
#[doc(hidden)]
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let what = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(what), _) => what,
            (_, Some(what)) => what.as_str(),
            _ => "no message",
        };
        let message = format!("a fault of nhn-cloudtrail, please report it: {what}");
        Error::new(Code::Panic, message)
    })
}

impl Error {
    /// An error of this code; `message` says what happened and what to do, without the place.
    #[cold]
    #[inline(never)]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Repr {
            code,
            message: message.into(),
            position: None,
            field: None,
            cause: None,
        }))
    }

    /// The same error at a place in the input.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.0.position = Some(position);
        self
    }

    pub(crate) fn in_field(mut self, path: impl Into<String>) -> Self {
        self.0.field = Some(path.into());
        self
    }

    /// The same error with what it came from.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// What sort of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.code.kind()
    }

    /// The stable name of the error.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened and what to do, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where in the input it happened, for errors that have a place.
    pub fn position(&self) -> Option<&Position> {
        self.0.position.as_ref()
    }

    /// The field that the error is about, such as `eventTarget.targetMembers[0].idNo`.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_cannot_be_seen_is_replaced_and_the_rest_is_kept() {
        let ranges = [
            ('\u{0}', '\u{1f}'),
            ('\u{7f}', '\u{9f}'),
            ('\u{ad}', '\u{ad}'),
            ('\u{61c}', '\u{61c}'),
            ('\u{34f}', '\u{34f}'),
            ('\u{115f}', '\u{1160}'),
            ('\u{17b4}', '\u{17b5}'),
            ('\u{180b}', '\u{180f}'),
            ('\u{3164}', '\u{3164}'),
            ('\u{ffa0}', '\u{ffa0}'),
            ('\u{200b}', '\u{200f}'),
            ('\u{2028}', '\u{202e}'),
            ('\u{2060}', '\u{206f}'),
            ('\u{feff}', '\u{feff}'),
            ('\u{fff9}', '\u{fffb}'),
            ('\u{e0000}', '\u{e0fff}'),
            ('\u{e000}', '\u{f8ff}'),
            ('\u{f0000}', '\u{10ffff}'),
        ];
        for c in '\0'..=char::MAX {
            let hidden = ranges.iter().any(|(first, last)| (*first..=*last).contains(&c));
            let shown = printable(c.encode_utf8(&mut [0; 4])).into_owned();
            assert_eq!(shown, if hidden { '\u{fffd}' } else { c }.to_string(), "{:x}", c as u32);
        }
        assert_eq!(printable("김민준 ❤️ é"), "김민준 ❤️ é");
    }
}
