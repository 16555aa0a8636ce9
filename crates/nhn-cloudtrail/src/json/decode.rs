//! Strings as they are written to the text that they stand for.

use std::borrow::Cow;
use std::ops::Range;

use super::simd::{Blocks, Escapes, Level, Work, run, up_to_first};
use super::{HIGHS, ONES, str, string};

/// The text of a valid string, given without its quotes; and whether a lone surrogate was read as
/// U+FFFD in it.
pub(crate) fn decode(inner: &[u8]) -> (Cow<'_, str>, bool) {
    if memchr::memchr(b'\\', inner).is_none() {
        return (str(inner), false);
    }
    let mut out = Vec::new();
    let lone = decode_into(inner, &mut out);
    (Cow::Owned(string(out)), lone)
}

/// Appends the text of a valid string, given without its quotes, and tells whether a lone surrogate
/// was read as U+FFFD in it.
#[inline]
pub fn decode_into(inner: &[u8], out: &mut Vec<u8>) -> bool {
    run(Decode { inner, out })
}

pub(super) struct Decode<'a> {
    pub(super) inner: &'a [u8],
    pub(super) out: &'a mut Vec<u8>,
}

impl Work for Decode<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Level>(self, level: L) -> bool {
        let Decode { inner, out } = self;
        let before = out.len();
        // No escape is shorter than what it stands for, but more may be written than is kept.
        out.resize(before + inner.len() + 64, 0);
        let mut decoding = Decoding { inner, from: 0, out, to: before, lone: false };
        level.decode(&mut decoding);
        decoding.finish();
        let (to, lone) = (decoding.to, decoding.lone);
        out.truncate(to);
        lone
    }
}

/// A string that is being decoded.
pub(crate) struct Decoding<'a> {
    inner: &'a [u8],
    /// How far it has been read.
    from: usize,
    out: &'a mut [u8],
    /// How far it has been written.
    to: usize,
    lone: bool,
}

/// What the second byte of an escape stands for, but for that of `\u`. No escape has one that is no
/// ASCII.
pub(super) static MEANINGS: [u8; 128] = meanings();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses a bad index")]
const fn meanings() -> [u8; 128] {
    let mut meanings = [0; 128];
    let mut at = 0;
    while at < meanings.len() {
        meanings[at] = match at as u8 {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            byte => byte,
        };
        at += 1;
    }
    meanings
}

/// What an escape stands for whose second byte this is.
#[inline(always)]
fn meaning(byte: u8) -> u8 {
    MEANINGS.get(usize::from(byte)).copied().unwrap_or(byte)
}

impl Decoding<'_> {
    /// Decodes what is left, a few bytes at a time: escapes stand close together in what has any.
    fn finish(&mut self) {
        while let Some(&byte) = self.inner.get(self.from) {
            if byte == b'\\' {
                if !self.escape() {
                    break;
                }
            } else if let Some(word) = self.rest().first_chunk::<8>() {
                const BACKSLASHES: u64 = ONES * b'\\' as u64;
                let found = u64::from_le_bytes(*word) ^ BACKSLASHES;
                let marks = found.wrapping_sub(ONES) & !found & HIGHS;
                self.put(*word, (marks.trailing_zeros() / 8) as usize);
            } else {
                self.put([byte], 1);
            }
        }
    }

    #[inline(always)]
    fn rest(&self) -> &[u8] {
        self.inner.get(self.from..).unwrap_or_default()
    }

    /// Passes `length` bytes, which stand for themselves and are the first of `bytes`.
    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: [u8; N], length: usize) {
        if let Some(space) = self.out.get_mut(self.to..).and_then(<[u8]>::first_chunk_mut) {
            *space = bytes;
        }
        self.from += length;
        self.to += length;
    }

    /// Decodes the escape at hand; false where it is cut off.
    fn escape(&mut self) -> bool {
        let Some(&byte) = self.inner.get(self.from + 1) else { return false };
        let mut character = [meaning(byte), 0, 0, 0];
        let (mut length, mut written) = (2, 1);
        if byte == b'u' {
            let decoded;
            (decoded, length) = unicode_escape(self.rest());
            self.lone |= decoded.is_none();
            let decoded = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
            written = decoded.encode_utf8(&mut character).len();
        }
        self.put(character, written);
        self.from += length - written;
        true
    }

    /// Decodes as much as it can, a block at a time.
    #[inline(always)]
    pub(super) fn in_blocks<B: Blocks>(&mut self, level: B) {
        let mut escapes = Escapes::default();
        loop {
            let rest = self.inner.get(self.from..).unwrap_or_default();
            let Some(space) = self.out.get_mut(self.to..) else { break };
            let (block, length) = match rest.first_chunk::<64>() {
                Some(bytes) => (level.load(bytes), 64),
                None if rest.is_empty() => break,
                None => (level.load_some(rest), rest.len()),
            };
            let backslashes = level.equal(block, b'\\');
            let escaped = escapes.escaped(backslashes);
            let unicode = escaped & level.equal(block, b'u');
            let mut all = u64::MAX >> (64 - length);
            if unicode != 0 {
                // Up to the first escape that is to be looked at digit by digit.
                all &= up_to_first(unicode) >> 1;
            }
            let starts = backslashes & !escaped & all;
            level.squeeze(block, rest, starts, escaped, all, space);
            let taken = all.count_ones() as usize;
            self.from += taken;
            self.to += taken - starts.count_ones() as usize;
            if unicode != 0 {
                // Its backslash has been passed.
                self.from -= 1;
                escapes = Escapes::default();
                while self.rest().starts_with(b"\\u") && self.escape() {}
            }
        }
    }
}

/// Copies the first `length` bytes without those in `starts`, and puts what escapes stand for in the
/// place of the bytes after these; of the first too, where it is `escaped`. More may be written.
#[inline(always)]
pub(super) fn squeeze_runs(
    bytes: &[u8],
    mut starts: u64,
    mut escaped: bool,
    length: usize,
    out: &mut [u8],
) {
    let (mut from, mut to) = (0, 0);
    loop {
        let end = if starts == 0 { length } else { starts.trailing_zeros() as usize };
        copy(bytes, from..end, out, to);
        if end - from > 32 {
            copy(bytes, from + 32..end, out, to + 32);
        }
        if escaped
            && from < end
            && let (Some(space), Some(&byte)) = (out.get_mut(to), bytes.get(from))
        {
            *space = meaning(byte);
        }
        to += end - from;
        if starts == 0 {
            break;
        }
        (escaped, from) = (true, end + 1);
        starts &= starts - 1;
    }
}

/// Copies the first thirty-two bytes of a range, or what there is of it and more.
#[inline(always)]
fn copy(bytes: &[u8], range: Range<usize>, out: &mut [u8], to: usize) {
    let bytes = bytes.get(range.start..).unwrap_or_default();
    let out = out.get_mut(to..).unwrap_or_default();
    match (bytes.first_chunk::<32>(), out.first_chunk_mut::<32>()) {
        (Some(bytes), Some(out)) => *out = *bytes,
        _ => out.iter_mut().zip(bytes).take(range.len()).for_each(|(out, byte)| *out = *byte),
    }
}

/// The character that `\uXXXX` at the start of `escape` stands for (none for a lone surrogate), and
/// how many bytes it takes: twelve for a pair of surrogates.
pub(super) fn unicode_escape(escape: &[u8]) -> (Option<char>, usize) {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match unit(0) {
        Some(high @ 0xd800..=0xdbff) => match unit(6) {
            Some(low @ 0xdc00..=0xdfff) => {
                (char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 12)
            }
            _ => (None, 6),
        },
        unit => (unit.and_then(char::from_u32), 6),
    }
}

/// Whether a valid JSON text holds, in any of its strings, an escape that stands for half a
/// character.
pub(crate) fn has_lone_surrogate(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let escape = rest.get(at..).unwrap_or_default();
        let length = if escape.get(1) == Some(&b'u') {
            match unicode_escape(escape) {
                (Some(_), length) => length,
                (None, _) => return true,
            }
        } else {
            2
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_surrogates_up_to_their_ends() {
        for (escape, c) in [
            ("\\ud83d\\udfff", '\u{1f7ff}'),
            ("\\ud83d\\udc00", '\u{1f400}'),
            ("\\ud800\\udc00", '\u{10000}'),
            ("\\udbff\\udfff", '\u{10ffff}'),
        ] {
            assert_eq!(decode(escape.as_bytes()), (Cow::Owned(c.to_string()), false), "{escape}");
            assert!(!has_lone_surrogate(escape.as_bytes()), "{escape}");
        }
        for lone in ["\\ud83d\\ue000", "\\ud83d\\udbff", "\\udfff", "\\ud83d"] {
            assert!(decode(lone.as_bytes()).1 && has_lone_surrogate(lone.as_bytes()), "{lone}");
        }
    }
}
