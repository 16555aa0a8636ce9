//! The rules for lines, by serde_json alone. The fuzz target `differential` has them too.

use serde::de::IgnoredAny;

/// What the line rules give for one line, by serde_json.
#[derive(Debug, PartialEq)]
pub(crate) enum Found<'a> {
    Event(&'a [u8]),
    Reject(&'a [u8]),
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Reads a line as the design says: an object is complete when the line ends or another `{` follows,
/// anything else makes a reject of it and the rest; a line may be a whole array with objects. None
/// where it is a broken array of objects: what is read of one is a matter of recovery.
pub(crate) fn naive_line(line: &[u8]) -> Option<Vec<Found<'_>>> {
    let mut found = Vec::new();
    let mut rest = begin(line);
    if rest.first() == Some(&b'[')
        && let Some(end) = first_value(rest)
        && trim(&rest[end..]).starts_with(b"\xef\xbb\xbf")
    {
        // Another file begins there, if this is an array of records.
        let array = naive_line(&rest[..end])?;
        if array == [Found::Reject(&rest[..end])] {
            return Some(vec![Found::Reject(rest)]);
        }
        found.extend(array);
        found.extend(naive_line(trim(&rest[end..]))?);
        return Some(found);
    }
    if rest.first() == Some(&b'[') && is_json(rest) {
        let inside = trim(&rest[1..rest.len() - 1]);
        let elements = elements(inside);
        let is_object = |element: &&[u8]| element.first() == Some(&b'{');
        return Some(if elements.is_empty() || elements.iter().any(is_object) {
            let found =
                |element| if is_object(&element) { event(element) } else { Found::Reject(element) };
            elements.into_iter().map(found).collect()
        } else {
            vec![Found::Reject(rest)]
        });
    }
    if rest.first() == Some(&b'[') && trim(&rest[1..]).first() == Some(&b'{') {
        return None;
    }
    while !rest.is_empty() {
        let end = match rest.first() {
            Some(b'{') => first_value(rest),
            _ => None,
        };
        let Some(end) = end else {
            found.push(Found::Reject(rest));
            break;
        };
        let after = trim(&rest[end..]);
        if after.starts_with(b"\xef\xbb\xbf") {
            // Another file begins there.
            found.push(event(&rest[..end]));
            found.extend(naive_line(after)?);
            break;
        }
        if !after.is_empty() && after.first() != Some(&b'{') {
            found.push(Found::Reject(rest));
            break;
        }
        found.push(event(&rest[..end]));
        rest = after;
    }
    Some(found)
}

/// A line from its first value on: NUL bytes and byte-order marks before it are skipped.
fn begin(line: &[u8]) -> &[u8] {
    let mut line = trim(line);
    while let [0, rest @ ..] | [0xef, 0xbb, 0xbf, rest @ ..] = line {
        line = trim(rest);
    }
    line
}

fn event(object: &[u8]) -> Found<'_> {
    if std::str::from_utf8(object).is_ok() { Found::Event(object) } else { Found::Reject(object) }
}

/// Where the first JSON value ends.
fn first_value(text: &[u8]) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

/// The elements of the inside of a valid array.
fn elements(mut inside: &[u8]) -> Vec<&[u8]> {
    let mut elements = Vec::new();
    while let Some(end) = first_value(inside) {
        elements.push(&inside[..end]);
        inside = trim(trim(&inside[end..]).strip_prefix(b",").unwrap_or_default());
    }
    elements
}

/// `text` without the blanks of JSON around it; a form feed is none.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r'] = text {
        text = rest;
    }
    text
}
