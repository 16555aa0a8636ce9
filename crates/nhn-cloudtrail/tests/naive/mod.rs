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
/// anything else makes a reject of it and the rest; a line may be a whole array of objects.
pub(crate) fn naive_line(line: &[u8]) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    let mut rest = trim(line);
    if rest.first() == Some(&b'[') && is_json(rest) {
        let inside = trim(&rest[1..rest.len() - 1]);
        let elements = elements(inside);
        return if elements.iter().all(|element| element.first() == Some(&b'{')) {
            elements.into_iter().map(event).collect()
        } else {
            vec![Found::Reject(rest)]
        };
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
        if !after.is_empty() && after.first() != Some(&b'{') {
            found.push(Found::Reject(rest));
            break;
        }
        found.push(event(&rest[..end]));
        rest = after;
    }
    found
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
