//! Finding entries by what people type.

use std::cmp::Reverse;

use super::{Entry, Lang};

/// How well an entry fits, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    ExactId,
    ExactName,
    ExactFormerName,
    Prefix,
    WholeWords,
    Substring,
}

/// A text as the search sees it: words of small letters, of one width and form.
struct Folded {
    words: Vec<String>,
    /// The words without anything between them.
    compact: String,
}

impl Folded {
    fn of(text: &str) -> Self {
        let words: Vec<String> =
            fold(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let compact = words.concat();
        Self { words, compact }
    }

    /// Whether the text begins with the query, however it is spaced; but not where one word of the
    /// query would end inside the next word of the text: `로그인` does not begin `로그 인입`.
    fn begins_with(&self, query: &Folded) -> bool {
        let mut end = 0;
        let ends_well = self.words.iter().enumerate().any(|(number, word)| {
            end += word.len();
            end == query.compact.len()
                || (number + 1 == query.words.len() && end > query.compact.len())
        });
        ends_well && self.compact.starts_with(&query.compact)
    }
}

/// `text` in small letters, half-width Latin, full-width kana, composed Hangul and kana, with a
/// blank for everything that separates words: `.`, `_`, `-`, brackets, white space.
///
/// Names pasted from a file name on macOS come decomposed, those typed with an input method of East
/// Asia full-width.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(|c| widen(c).to_lowercase()) {
        let c = if c.is_alphanumeric() || is_mark(c) || c == 'ー' { c } else { ' ' };
        match folded.chars().next_back().and_then(|before| compose(before, c)) {
            Some(composed) => {
                folded.pop();
                folded.push(composed);
            }
            None if is_mark(c) => {}
            None => folded.push(c),
        }
    }
    folded
}

/// `text` with Hangul and kana composed.
pub(super) fn composed(text: &str) -> String {
    let mut composed = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match composed.chars().next_back().and_then(|before| compose(before, c)) {
            Some(whole) => {
                composed.pop();
                whole
            }
            None => c,
        };
        composed.push(c);
    }
    composed
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{3099}' | '\u{309a}')
}

/// Full-width Latin to half-width, half-width kana to full-width.
pub(super) fn widen(c: char) -> char {
    const KANA: &str = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u{3099}\u{309a}";
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{ff66}'..='\u{ff9f}' => KANA.chars().nth(c as usize - 0xff66).unwrap_or(c),
        _ => c,
    }
}

/// One character for two: Hangul from its jamo, kana with its voicing mark.
fn compose(before: char, c: char) -> Option<char> {
    let (b, n) = (before as u32, c as u32);
    match (b, n) {
        (0x1100..=0x1112, 0x1161..=0x1175) => {
            char::from_u32(0xac00 + ((b - 0x1100) * 21 + (n - 0x1161)) * 28)
        }
        (0xac00..=0xd7a3, 0x11a8..=0x11c2) if (b - 0xac00) % 28 == 0 => char::from_u32(b + n - 0x11a7),
        (_, 0x3099) if "カキクケコサシスセソタチツテトハヒフヘホかきくけこさしすせそたちつてとはひふへほ".contains(before) => {
            char::from_u32(b + 1)
        }
        (_, 0x3099) if before == 'ウ' => Some('ヴ'),
        (_, 0x309a) if "ハヒフヘホはひふへほ".contains(before) => char::from_u32(b + 2),
        _ => None,
    }
}

pub(super) fn search<'a>(entries: impl Iterator<Item = &'a Entry>, text: &str) -> Vec<&'a Entry> {
    let query = Folded::of(text);
    if query.compact.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(Rank, bool, &'a Entry)> = entries
        .filter_map(|entry| Some((rank(entry, &query, text.trim())?, entry.is_retired(), entry)))
        .collect();
    found.sort_by(|a, b| (a.0, a.1, a.2.id()).cmp(&(b.0, b.1, b.2.id())));
    found.into_iter().map(|(.., entry)| entry).collect()
}

fn rank(entry: &Entry, query: &Folded, text: &str) -> Option<Rank> {
    if entry.id() == text {
        return Some(Rank::ExactId);
    }
    let whole_id = Folded::of(entry.id());
    let id = Folded::of(without_prefix(entry.id()));
    let names: Vec<Folded> = Lang::ALL.iter().map(|lang| Folded::of(entry.name(*lang))).collect();
    let former: Vec<Folded> = entry.former_names().iter().map(|name| Folded::of(name)).collect();
    let fields = || [&id, &whole_id].into_iter().chain(&names).chain(&former);

    let everywhere =
        query.words.iter().all(|word| fields().any(|field| field.compact.contains(word.as_str())));
    if !everywhere && !fields().any(|field| field.compact.contains(&query.compact)) {
        return None;
    }
    let is = |field: &Folded| field.compact == query.compact;
    let begins = |field: &Folded| field.begins_with(query);
    let whole = |field: &Folded| query.words.iter().all(|word| field.words.contains(word));
    Some(if is(&whole_id) || is(&id) {
        Rank::ExactId
    } else if names.iter().any(is) {
        Rank::ExactName
    } else if former.iter().any(is) {
        Rank::ExactFormerName
    } else if fields().any(begins) {
        Rank::Prefix
    } else if fields().any(whole) {
        Rank::WholeWords
    } else {
        Rank::Substring
    })
}

/// An ID without its first segment, which is the same for nearly all.
fn without_prefix(id: &str) -> &str {
    id.split_once('.').map_or(id, |(_, rest)| rest)
}

pub(super) fn suggest<'a>(entries: impl Iterator<Item = &'a Entry>, id: &str) -> Vec<&'a Entry> {
    /// More suggestions than this are no help.
    const MOST: usize = 5;
    let prefixed = id.split_once('.').is_some_and(|(prefix, _)| prefix.ends_with("_id"));
    let wanted = simple(if prefixed { without_prefix(id) } else { id });
    // A quarter of the ID wrong is another ID.
    let limit = (wanted.len() / 4).min(6);
    let words = |id: &[char]| -> Vec<String> {
        id.split(|c| *c == '.')
            .filter(|word| !word.is_empty())
            .map(|word| word.iter().collect())
            .collect()
    };
    let wanted_words = words(&wanted);
    let mut near: Vec<(usize, bool, Reverse<usize>, &'a Entry)> = Vec::new();
    let mut wider: Vec<(usize, bool, Reverse<usize>, &'a Entry)> = Vec::new();
    for entry in entries {
        let known = simple(without_prefix(entry.id()));
        let alike = Reverse(wanted.iter().zip(&known).take_while(|(a, b)| a == b).count());
        if let Some(distance) = distance(&wanted, &known, limit) {
            near.push((distance, entry.is_retired(), alike, entry));
        } else if near.is_empty() && wanted_words.len() > 1 {
            // A part left out, most often the service: `event_id.instance.create`.
            let known_words = words(&known);
            let more = known_words.len().saturating_sub(wanted_words.len());
            let mut rest = known_words.iter();
            if (1..=2).contains(&more)
                && wanted_words.iter().all(|word| rest.any(|known| known == word))
            {
                wider.push((more, entry.is_retired(), alike, entry));
            }
        }
    }
    let mut found = if near.is_empty() { wider } else { near };
    found.sort_by(|a, b| (a.0, a.1, a.2, a.3.id()).cmp(&(b.0, b.1, b.2, b.3.id())));
    let nearest = found.first().map_or(0, |(distance, ..)| *distance);
    found
        .into_iter()
        .take_while(|(distance, ..)| *distance <= nearest + 1)
        .take(MOST)
        .map(|(.., entry)| entry)
        .collect()
}

/// An ID's characters without what people mix up: case and separators.
fn simple(id: &str) -> Vec<char> {
    id.trim()
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| match c.to_ascii_lowercase() {
            '_' | '-' | ' ' => '.',
            c => c,
        })
        .collect()
}

/// How many characters must be put in, taken out, replaced or swapped with their neighbour, if no
/// more than `limit`.
fn distance(a: &[char], b: &[char], limit: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut a_before = None;
    for (row, from) in a.iter().enumerate() {
        let mut next = Vec::with_capacity(last.len());
        next.push(row + 1);
        let mut b_before = None;
        for (column, to) in b.iter().enumerate() {
            let at =
                |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let mut cost = (at(&last, column) + usize::from(from != to))
                .min(at(&last, column + 1) + 1)
                .min(at(&next, column) + 1);
            if column > 0 && a_before == Some(to) && b_before == Some(from) {
                cost = cost.min(at(&before_last, column - 1) + 1);
            }
            next.push(cost);
            b_before = Some(to);
        }
        if next.iter().min().is_some_and(|best| *best > limit) {
            return None;
        }
        a_before = Some(from);
        before_last = std::mem::replace(&mut last, next);
    }
    last.last().copied().filter(|distance| *distance <= limit)
}
