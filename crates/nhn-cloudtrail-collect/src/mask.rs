//! Keeps keys out of everything that is printed or recorded.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use crate::settings::Secret;

/// The shortest part of a key that is masked; a shorter key is masked only as a whole.
const PART: usize = 8;

/// How much of a text is examined; messages are always shorter.
const LOOKED_AT: usize = 64 << 10;

/// Maximum number of nested escapes, such as a key in JSON in a URL.
const ESCAPES: usize = 3;

const STARS: &str = "***";

/// Masks keys, and parts of keys, in text from a server or a library.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    parts: HashSet<[char; PART]>,
    short: Vec<Vec<char>>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").finish_non_exhaustive()
    }
}

/// A decoded character, and the range of its bytes in the text.
type Unit = (char, Range<usize>);

impl Mask {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut mask = Self::default();
        for secret in secrets {
            let key: Vec<char> = secret.reveal().chars().map(|c| c.to_ascii_lowercase()).collect();
            if key.len() >= PART {
                mask.parts.extend(key.windows(PART).filter_map(|part| part.first_chunk().copied()));
            } else if key.iter().any(|c| *c != '*') {
                mask.short.push(key);
            }
        }
        mask
    }

    /// Returns the text with `***` in place of each key and each part of a key with eight or more
    /// characters, in any letter case, even if its characters are escaped for URLs, JSON or XML.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // The text around a masked part may form another part together with the stars. The loop ends,
        // since each round removes more characters other than stars, or more stars, than it adds.
        loop {
            let found = self.find(&text);
            if found.is_empty() {
                return text;
            }
            let mut masked = String::with_capacity(text.len());
            let mut end = 0;
            for span in found {
                masked.push_str(text.get(end..span.start).unwrap_or_default());
                masked.push_str(STARS);
                end = span.end;
            }
            masked.push_str(text.get(end..).unwrap_or_default());
            text = masked;
        }
    }

    /// Returns whether a text contains a key, or a part of one.
    #[cfg(any(test, feature = "object-storage"))]
    pub(crate) fn is_in(&self, text: &str) -> bool {
        !self.find(text).is_empty()
    }

    /// Returns foreign text in a form that is safe for messages: without control characters and keys, and
    /// at most `most` characters long.
    pub(crate) fn excerpt(&self, text: &str, most: usize) -> String {
        // Masked before it is cut, since a cut key would not be recognized.
        let text = self.apply(&nhn_cloudtrail::printable(beginning(text).trim()));
        match text.char_indices().nth(most) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
            None => text,
        }
    }

    /// Returns the positions of keys and parts of keys, in order and not adjacent.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut units: Vec<Unit> = text
            .char_indices()
            .map(|(at, c)| (c.to_ascii_lowercase(), at..at + c.len_utf8()))
            .collect();
        for _ in 0..=ESCAPES {
            self.find_in(&units, &mut found);
            let before = units.len();
            units = unescaped(&units);
            if units.len() == before {
                break;
            }
        }
        found.sort_by_key(|span| span.start);
        found.dedup_by(|next, span| {
            let touches = next.start <= span.end;
            if touches {
                span.end = span.end.max(next.end);
            }
            touches
        });
        found
    }

    fn find_in(&self, units: &[Unit], found: &mut Vec<Range<usize>>) {
        let mut add = |units: &[Unit]| {
            if let (Some((_, first)), Some((_, last))) = (units.first(), units.last()) {
                found.push(first.start..last.end);
            }
        };
        if !self.parts.is_empty() {
            for part in units.windows(PART) {
                let mut chars = ['\0'; PART];
                chars.iter_mut().zip(part).for_each(|(to, (c, _))| *to = *c);
                if self.parts.contains(&chars) {
                    add(part);
                }
            }
        }
        for key in &self.short {
            for part in units.windows(key.len()) {
                if part.iter().map(|(c, _)| c).eq(key) {
                    add(part);
                }
            }
        }
    }
}

/// Returns the part of a text that is examined for a message.
pub(crate) fn beginning(text: &str) -> &str {
    let most = text.len().min(LOOKED_AT);
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// Returns the text with one level of escapes decoded.
fn unescaped(units: &[Unit]) -> Vec<Unit> {
    let mut plain = Vec::with_capacity(units.len());
    let mut rest = units;
    while let [(c, span), after @ ..] = rest {
        let escape = match c {
            '%' => hexadecimal(after, 2, ""),
            '\\' => match after {
                [('u', _), ('{', _), digits @ ..] => hexadecimal(digits, 6, "}").shifted(2),
                [('u', _), digits @ ..] => hexadecimal(digits, 4, "").shifted(1),
                [('x', _), digits @ ..] => hexadecimal(digits, 2, "").shifted(1),
                [(c @ ('"' | '\\' | '/' | '\''), _), ..] => Some((*c, 1)),
                _ => None,
            },
            '&' => match after {
                [('#', _), ('x', _), digits @ ..] => hexadecimal(digits, 6, ";").shifted(2),
                [('#', _), digits @ ..] => number(digits, 10, 7, ";").shifted(1),
                _ => entity(after),
            },
            _ => None,
        };
        let (c, length) = escape.unwrap_or((*c, 0));
        let (taken, left) = after.split_at_checked(length).unwrap_or((after, &[]));
        let end = taken.last().map_or(span.end, |(_, span)| span.end);
        plain.push((c.to_ascii_lowercase(), span.start..end));
        rest = left;
    }
    plain
}

/// A decoded character and the number of units it was decoded from, beginning at `self`.
trait Shifted {
    fn shifted(self, by: usize) -> Self;
}

impl Shifted for Option<(char, usize)> {
    fn shifted(self, by: usize) -> Self {
        self.map(|(c, length)| (c, length + by))
    }
}

fn hexadecimal(units: &[Unit], most: usize, end: &str) -> Option<(char, usize)> {
    number(units, 16, most, end)
}

/// Parses the number of a character: exactly `most` digits, or at most `most` digits followed by `end`.
fn number(units: &[Unit], radix: u32, most: usize, end: &str) -> Option<(char, usize)> {
    let digits = units.iter().take(most).map_while(|(c, _)| c.to_digit(radix));
    let (mut value, mut length) = (0, 0);
    for digit in digits {
        value = value * radix + digit;
        length += 1;
    }
    let follows = units.get(length).map(|(c, _)| *c);
    let is_whole = match end.chars().next() {
        Some(end) => length > 0 && follows == Some(end),
        None => length == most,
    };
    is_whole.then_some((char::from_u32(value)?, length + end.len()))
}

fn entity(units: &[Unit]) -> Option<(char, usize)> {
    let entities = [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("apos;", '\'')];
    entities.into_iter().find_map(|(name, c)| {
        let text = units.get(..name.len())?;
        text.iter().map(|(c, _)| *c).eq(name.chars()).then_some((c, name.len()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(keys: &[&str]) -> Mask {
        let keys: Vec<Secret> = keys.iter().map(|key| (*key).into()).collect();
        Mask::new(&keys)
    }

    #[test]
    fn keys_are_replaced_in_every_form() {
        let mask = mask(&["AbCdEfGh/12+\"x", "tester", "***"]);
        for (text, expected) in [
            ("key AbCdEfGh/12+\"x!", "key ***!"),
            ("KEY ABCDEFGH/12+\"X!", "KEY ***!"),
            ("part bcdefgh/ of it", "part *** of it"),
            ("seven cdefgh/ are no part", "seven cdefgh/ are no part"),
            ("/appkeys/AbCdEfGh%2F12%2B%22x/events", "/appkeys/***/events"),
            ("/appkeys/%41bCdEfGh%2f12%2B%22x/events", "/appkeys/***/events"),
            ("twice AbCdEfGh%252F12%252B%2522x.", "twice ***."),
            (r#""AbCdEfGh\/12+\"x""#, r#""***""#),
            (r#""\u0041bCdEfGh\u002f12+\u{22}x""#, r#""***""#),
            ("<Key>AbCdEfGh&#47;12+&quot;x</Key>", "<Key>***</Key>"),
            ("<Key>&#x41;bCdEfGh/12+&amp;quot;x</Key>", "<Key>***</Key>"),
            ("a Tester is short", "a *** is short"),
            ("100% of %zz, &amp; \\q & \\", "100% of %zz, &amp; \\q & \\"),
            ("***", "***"),
        ] {
            assert_eq!(mask.apply(text), expected, "{text}");
            assert_eq!(mask.is_in(text), text != expected, "{text}");
        }
        // The text on both sides of a masked key forms a part of another key.
        let joined = Mask::new(&["ab***cdefgh".into(), "zzzzzzzz".into()]);
        assert_eq!(joined.apply("abzzzzzzzzcdefgh"), "***");
        assert_eq!(Mask::default().apply("text"), "text");
        assert!(!format!("{mask:?}").contains("bcdefgh"));
    }

    #[test]
    fn a_text_is_masked_before_it_is_cut() {
        let mask = mask(&["secretkeysecretkey"]);
        let text = format!("{}secretkeysecretkey", "x".repeat(95));
        assert_eq!(mask.excerpt(&text, 100), format!("{}***", "x".repeat(95)));
        assert_eq!(mask.excerpt(&text, 96), format!("{}*…", "x".repeat(95)));
        assert_eq!(mask.excerpt(" a\u{202e}\nb ", 10), "a\u{fffd}\u{fffd}b");
        let endless = "한".repeat(LOOKED_AT);
        assert_eq!(mask.excerpt(&endless, 10).chars().count(), 11);
    }

    /// The ways to write a character.
    fn written() -> impl Strategy<Value = fn(char) -> String> {
        prop_oneof![
            Just((|c| c.to_string()) as fn(char) -> String),
            Just((|c: char| c.to_ascii_uppercase().to_string()) as fn(char) -> String),
            Just((|c: char| c.to_ascii_lowercase().to_string()) as fn(char) -> String),
            Just((|c| format!("%{:02x}", u32::from(c))) as fn(char) -> String),
            Just((|c| format!("\\u{:04X}", u32::from(c))) as fn(char) -> String),
            Just((|c| format!("&#{};", u32::from(c))) as fn(char) -> String),
        ]
    }

    proptest! {
        #[test]
        fn no_part_of_a_key_is_left(
            keys in prop::collection::vec("[!-~]{1,24}", 1..4),
            pieces in prop::collection::vec((any::<prop::sample::Index>(), 0..24_usize, 0..24_usize, "[ -~*]{0,6}"), 1..6),
            written in prop::collection::vec(written(), 24),
        ) {
            let mask = mask(&keys.iter().map(String::as_str).collect::<Vec<_>>());
            let mut text = String::new();
            for (key, from, count, between) in pieces {
                let key = key.get(&keys);
                let part = key.chars().skip(from).take(count);
                text.extend(part.zip(&written).map(|(c, written)| written(c)));
                text.push_str(&between);
            }
            let masked = mask.apply(&text).to_ascii_lowercase();
            let plain: String = {
                let units = masked.char_indices().map(|(at, c)| (c, at..at + 1)).collect::<Vec<_>>();
                unescaped(&units).into_iter().map(|(c, _)| c).collect()
            };
            for key in &keys {
                let key = key.to_ascii_lowercase();
                let size = key.len().min(8);
                for start in 0..=key.len() - size {
                    let part = key.get(start..start + size).unwrap();
                    let is_left = masked.contains(part) || plain.contains(part);
                    prop_assert!(!is_left || part.chars().all(|c| c == '*') && size < 8, "{masked}");
                }
            }
        }

        #[test]
        fn nothing_else_is_replaced(text in "[a-z %&\\\\;#0-9가-힣]{0,60}") {
            prop_assert_eq!(mask(&["ABCDEFGHIJ_KLMNOP", "Q_R"]).apply(&text), text);
        }
    }
}
