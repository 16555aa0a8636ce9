//! JSON as text: where values begin and end, checked to the letter, with nothing built.
//!
//! The scanner answers one question, "where does this value end?", and refuses whatever RFC 8259
//! refuses. What a value means is found later and only for who asks: [`members`], [`elements`],
//! [`decode`] walk text that the scanner has passed.

mod decode;
mod simd;

use std::borrow::Cow;
use std::ops::Range;

pub use decode::decode_into;
use decode::unicode_escape;
pub(crate) use decode::{decode, has_lone_surrogate};
pub use simd::use_level;
pub(crate) use simd::{KEY, Key, Level as AnyLevel, Work, run};
use simd::{Level, Plain};

/// Why a scan did not reach the end of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes end inside the value; so far all was well.
    Incomplete,
    /// A line feed where [`Scanner`] was told that a value stands on one line.
    Newline(usize),
    /// Not JSON from this byte on.
    Invalid(usize),
    /// Nested deeper than the limit at this byte.
    TooDeep(usize),
    /// More records up to this byte than are taken at once; nothing is wrong so far.
    TooMany(usize),
}

/// No limit on nesting may be higher: the scanner keeps one bit a level.
pub(crate) const MAX_DEPTH: usize = 1024;

/// Finds the ends of values in `bytes`. With `LINE`, a value must not run over a line feed.
#[derive(Clone, Copy)]
pub(crate) struct Scanner<'a, const LINE: bool, L = Plain> {
    pub(crate) bytes: &'a [u8],
    pub(crate) depth: usize,
    pub(crate) level: L,
}

/// Where a string ends, and whether it holds escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StringEnd {
    /// The byte after the closing quote.
    pub(crate) end: usize,
    pub(crate) escaped: bool,
}

impl<'a, const LINE: bool> Scanner<'a, LINE> {
    pub(crate) fn new(bytes: &'a [u8], depth: usize) -> Self {
        Self { bytes, depth, level: Plain }
    }

    /// Scans the value that begins with `byte` at `at`, standing `level` containers deep, and gives
    /// the place after it.
    pub(crate) fn value(&self, byte: u8, at: usize, level: usize) -> Result<usize, Stop> {
        self.walk(byte, at, level)
    }
}

impl<'a, const LINE: bool, L: Level> Scanner<'a, LINE, L> {
    /// The same scanner at another level.
    #[inline(always)]
    pub(crate) fn at_level<M: Level>(&self, level: M) -> Scanner<'a, LINE, M> {
        Scanner { bytes: self.bytes, depth: self.depth, level }
    }

    /// The byte at `at`, or [`Stop::Incomplete`] where the text ends.
    #[inline(always)]
    pub(crate) fn byte(&self, at: usize) -> Result<u8, Stop> {
        self.bytes.get(at).copied().ok_or(Stop::Incomplete)
    }

    /// The first byte at or after `at` that is no white space, and its place.
    #[inline(always)]
    pub(crate) fn token(&self, at: usize) -> Result<(u8, usize), Stop> {
        match self.byte(at)? {
            byte if byte > b' ' => Ok((byte, at)),
            _ => self.token_after_blanks(at),
        }
    }

    fn token_after_blanks(&self, mut at: usize) -> Result<(u8, usize), Stop> {
        loop {
            match self.byte(at)? {
                b' ' | b'\t' | b'\r' => at += 1,
                b'\n' if LINE => return Err(Stop::Newline(at)),
                b'\n' => at += 1,
                byte => return Ok((byte, at)),
            }
        }
    }

    /// Expects `wanted` as the next token and gives the place after it.
    #[inline(always)]
    pub(crate) fn expect(&self, at: usize, wanted: u8) -> Result<usize, Stop> {
        match self.token(at)? {
            (byte, at) if byte == wanted => Ok(at + 1),
            (_, at) => Err(Stop::Invalid(at)),
        }
    }

    /// Scans a string whose opening quote stands before `at`.
    #[inline(always)]
    pub(crate) fn string(&self, at: usize) -> Result<StringEnd, Stop> {
        self.level.string(self, at)
    }

    /// Scans on in a string, of which all before `at` was well; a few bytes at a time.
    fn string_from(&self, mut at: usize, mut escaped: bool) -> Result<StringEnd, Stop> {
        loop {
            at = special(self.bytes, at);
            match self.byte(at)? {
                b'"' => return Ok(StringEnd { end: at + 1, escaped }),
                b'\\' => {
                    escaped = true;
                    at = self.escape(at)?;
                }
                b'\n' if LINE => return Err(Stop::Newline(at)),
                _ => return Err(Stop::Invalid(at)),
            }
        }
    }

    #[inline(always)]
    fn escape(&self, at: usize) -> Result<usize, Stop> {
        match self.byte(at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
            b'u' => {
                for digit in at + 2..at + 6 {
                    if !self.byte(digit)?.is_ascii_hexdigit() {
                        return Err(Stop::Invalid(digit));
                    }
                }
                Ok(at + 6)
            }
            _ => Err(Stop::Invalid(at + 1)),
        }
    }

    #[inline(always)]
    fn literal(&self, at: usize, word: &[u8]) -> Result<usize, Stop> {
        for (offset, &wanted) in word.iter().enumerate() {
            if self.byte(at + offset)? != wanted {
                return Err(Stop::Invalid(at + offset));
            }
        }
        Ok(at + word.len())
    }

    /// A number that ends with the text is [`Stop::Incomplete`]: more digits may follow.
    fn number(&self, mut at: usize) -> Result<usize, Stop> {
        if self.byte(at)? == b'-' {
            at += 1;
        }
        match self.byte(at)? {
            b'0' => at += 1,
            b'1'..=b'9' => at = self.digits(at)?,
            _ => return Err(Stop::Invalid(at)),
        }
        if self.byte(at)? == b'.' {
            at = self.digits(at + 1)?;
        }
        if matches!(self.byte(at)?, b'e' | b'E') {
            at += 1;
            if matches!(self.byte(at)?, b'+' | b'-') {
                at += 1;
            }
            at = self.digits(at)?;
        }
        Ok(at)
    }

    fn digits(&self, mut at: usize) -> Result<usize, Stop> {
        if !self.byte(at)?.is_ascii_digit() {
            return Err(Stop::Invalid(at));
        }
        while self.byte(at)?.is_ascii_digit() {
            at += 1;
        }
        Ok(at)
    }

    #[inline(always)]
    fn scalar(&self, byte: u8, at: usize) -> Result<usize, Stop> {
        match byte {
            b'"' => Ok(self.string(at + 1)?.end),
            b't' => self.literal(at, b"true"),
            b'f' => self.literal(at, b"false"),
            b'n' => self.literal(at, b"null"),
            b'-' | b'0'..=b'9' => self.number(at),
            _ => Err(Stop::Invalid(at)),
        }
    }

    /// [`value`](Scanner::value), at any level. Does not recurse: one bit a level says what kind of
    /// container is open.
    #[inline(always)]
    pub(crate) fn walk(&self, byte: u8, at: usize, level: usize) -> Result<usize, Stop> {
        if !matches!(byte, b'{' | b'[') {
            return self.scalar(byte, at);
        }
        let mut kinds = Kinds::default();
        let mut open = 0;
        let (mut byte, mut at) = (byte, at);
        loop {
            // A value begins at `at`.
            if matches!(byte, b'{' | b'[') {
                if level + open >= self.depth {
                    return Err(Stop::TooDeep(at));
                }
                let object = byte == b'{';
                kinds.set(open, object);
                open += 1;
                (byte, at) = self.token(at + 1)?;
                if byte != if object { b'}' } else { b']' } {
                    if object {
                        (byte, at) = self.key(byte, at)?;
                    }
                    continue;
                }
                open -= 1;
                at += 1;
            } else {
                at = self.scalar(byte, at)?;
            }
            // A value has ended before `at`.
            loop {
                if open == 0 {
                    return Ok(at);
                }
                let object = kinds.get(open - 1);
                (byte, at) = self.token(at)?;
                match byte {
                    b',' => {
                        (byte, at) = self.token(at + 1)?;
                        if object {
                            (byte, at) = self.key(byte, at)?;
                        }
                        break;
                    }
                    b'}' if object => (),
                    b']' if !object => (),
                    _ => return Err(Stop::Invalid(at)),
                }
                open -= 1;
                at += 1;
            }
        }
    }

    /// Scans a key and its colon; gives the first byte of the value and its place.
    #[inline(always)]
    fn key(&self, byte: u8, at: usize) -> Result<(u8, usize), Stop> {
        if byte != b'"' {
            return Err(Stop::Invalid(at));
        }
        let end = self.string(at + 1)?.end;
        self.token(self.expect(end, b':')?)
    }
}

/// One bit a level: whether the container is an object.
#[derive(Default)]
struct Kinds([u64; MAX_DEPTH / 64]);

impl Kinds {
    #[inline(always)]
    fn set(&mut self, level: usize, object: bool) {
        if let Some(word) = self.0.get_mut(level / 64) {
            let bit = 1 << (level % 64);
            *word = if object { *word | bit } else { *word & !bit };
        }
    }

    #[inline(always)]
    fn get(&self, level: usize) -> bool {
        self.0.get(level / 64).is_some_and(|word| word >> (level % 64) & 1 == 1)
    }
}

/// The lowest bit of each byte of a word, and the highest.
const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES * 0x80;

/// The first place at or after `at` of a quote, a backslash or a control character, else the end.
#[inline(always)]
fn special(bytes: &[u8], mut at: usize) -> usize {
    // Eight bytes at a time. A borrow can only mark bytes above a true one, so the lowest mark is
    // always right.
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        let marks = ((quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & HIGHS;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            break;
        }
        at += 1;
    }
    at
}

/// Whether all of `text` is one JSON value (white space around it aside).
pub(crate) fn is_value(text: &[u8], depth: usize) -> bool {
    // A number may end with the text: a blank after it lets the scanner see its end.
    let mut padded;
    let text = match text.last() {
        Some(b'0'..=b'9') => {
            padded = text.to_vec();
            padded.push(b' ');
            padded.as_slice()
        }
        _ => text,
    };
    let scanner = Scanner::<false>::new(text, depth);
    let end = scanner.token(0).and_then(|(byte, at)| scanner.value(byte, at, 0));
    end.is_ok_and(|end| scanner.token(end).is_err())
}

/// The members of a valid object: key (with its quotes) and value, as places in `text`.
///
/// Stops without a word where the text is not valid: callers pass what the scanner has passed, or
/// want what can be read of the rest.
pub(crate) fn members(text: &[u8]) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let scanner = Scanner::<false>::new(text, MAX_DEPTH);
    let mut next = scanner.expect(0, b'{').ok();
    std::iter::from_fn(move || {
        let (key, value) = run(NextMember { scanner, at: next? })?;
        next = Some(value.end);
        Some((key, value))
    })
}

struct NextMember<'a> {
    scanner: Scanner<'a, false>,
    at: usize,
}

impl Work for NextMember<'_> {
    type Output = Option<(Range<usize>, Range<usize>)>;

    #[inline(always)]
    fn run<L: Level>(self, level: L) -> Self::Output {
        let scanner = self.scanner.at_level(level);
        let (byte, at) = scanner.token(self.at).ok()?;
        let key = match byte {
            b',' => scanner.token(at + 1).ok()?.1,
            b'"' => at,
            _ => return None,
        };
        let key_end = scanner.string(key + 1).ok()?.end;
        let (byte, value) = scanner.token(scanner.expect(key_end, b':').ok()?).ok()?;
        let end = scanner.walk(byte, value, 1).ok()?;
        Some((key..key_end, value..end))
    }
}

/// The elements of a valid array, as places in `text`.
pub(crate) fn elements(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let scanner = Scanner::<false>::new(text, MAX_DEPTH);
    let mut next = scanner.expect(0, b'[').ok();
    std::iter::from_fn(move || {
        let (mut byte, mut at) = scanner.token(next?).ok()?;
        if byte == b',' {
            (byte, at) = scanner.token(at + 1).ok()?;
        } else if byte == b']' {
            return None;
        }
        let end = scanner.value(byte, at, 1).ok()?;
        next = Some(end);
        Some(at..end)
    })
}

/// Bytes that have been found to be UTF-8, as text.
pub(crate) fn str(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// [`str`], for bytes in hand.
#[expect(unsafe_code, reason = "the standard library would look at all of it again, and slowly")]
pub(crate) fn string(bytes: Vec<u8>) -> String {
    match simdutf8::basic::from_utf8(&bytes) {
        // SAFETY: that it is UTF-8 has just been found.
        Ok(_) => unsafe { String::from_utf8_unchecked(bytes) },
        Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Appends a valid value without the white space outside its strings. Numbers and escapes stay as
/// written, but for lone surrogates, which no reader of the result could take: they become U+FFFD.
pub(crate) fn write_compact(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(&byte) = rest.first() {
        let (token, after) = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => (0, 1),
            b'"' => {
                let scanner = Scanner::<false>::new(rest, MAX_DEPTH);
                let length = scanner.string(1).map_or(rest.len(), |string| string.end);
                (length, length)
            }
            _ => {
                let length = rest
                    .iter()
                    .position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"'))
                    .unwrap_or(rest.len());
                (length, length)
            }
        };
        let token = rest.get(..token).unwrap_or_default();
        if byte == b'"' && has_lone_surrogate(token) {
            write_without_lone_surrogates(out, token);
        } else {
            out.extend_from_slice(token);
        }
        rest = rest.get(after..).unwrap_or_default();
    }
}

fn write_without_lone_surrogates(out: &mut Vec<u8>, string: &[u8]) {
    let mut rest = string;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let length = match escape.get(1) {
            Some(b'u') => {
                let (character, length) = unicode_escape(escape);
                match character {
                    Some(_) => out.extend_from_slice(escape.get(..length).unwrap_or_default()),
                    None => out.extend_from_slice("\u{fffd}".as_bytes()),
                }
                length
            }
            _ => {
                out.extend_from_slice(escape.get(..2).unwrap_or_default());
                2
            }
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Appends `text` as a JSON string with the fewest escapes that JSON allows.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let at = special(rest, 0);
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = escape.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let digit =
                    |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
                out.extend_from_slice(&[
                    b'\\',
                    b'u',
                    b'0',
                    b'0',
                    digit(byte >> 4),
                    digit(byte & 15),
                ]);
            }
        }
        rest = after;
    }
    out.push(b'"');
}

/// Appends the canonical form of a valid value: keys sorted by their bytes and each once, the last
/// of repeated keys, no white space, strings with the fewest escapes, numbers as written.
///
/// Recurses as deep as the text is nested, which the scanner has limited.
pub(crate) fn write_canonical(out: &mut Vec<u8>, text: &[u8]) {
    let part = |range: Range<usize>| text.get(range).unwrap_or_default();
    match text.first() {
        Some(b'{') => {
            let mut sorted: Vec<(Cow<'_, str>, &[u8])> =
                members(text).map(|(key, value)| (unquote(part(key)), part(value))).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            out.push(b'{');
            let mut first = true;
            let mut rest = sorted.iter().peekable();
            while let Some((key, value)) = rest.next() {
                if rest.peek().is_some_and(|next| next.0 == *key) {
                    continue;
                }
                if !first {
                    out.push(b',');
                }
                first = false;
                write_string(out, key);
                out.push(b':');
                write_canonical(out, value);
            }
            out.push(b'}');
        }
        Some(b'[') => {
            out.push(b'[');
            for (index, element) in elements(text).enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(out, part(element));
            }
            out.push(b']');
        }
        Some(b'"') => write_string(out, &unquote(text)),
        _ => out.extend_from_slice(text),
    }
}

/// A valid value as text: a string's text, any other value as written; none for null.
pub(crate) fn text(value: &[u8]) -> Option<String> {
    match value.first() {
        Some(b'"') => Some(unquote(value).into_owned()),
        Some(b'n') | None => None,
        _ => {
            let mut out = Vec::new();
            write_compact(&mut out, value);
            Some(string(out))
        }
    }
}

/// The text of a valid string given with its quotes.
pub(crate) fn unquote(text: &[u8]) -> Cow<'_, str> {
    decode(text.get(1..text.len().saturating_sub(1)).unwrap_or_default()).0
}
