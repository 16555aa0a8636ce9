//! Finding entries by what people type.

use std::cmp::Reverse;

use super::{Entry, Lang};

/// How well an entry fits, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    ExactId,
    ExactName,
    ExactFormerName,
    /// Segments of the ID in order, such as `login` of `event_id.iam.login`, or the last words of a
    /// name.
    Segments,
    /// The first words of a name or of the ID, or the last words of the ID.
    Edge,
    /// Words beside each other.
    Words,
    /// Words of one field, wherever they are.
    Scattered,
    /// Words of several fields.
    Anywhere,
    /// The first letters of a field.
    Beginning,
    /// Words of which the last may be unfinished.
    WordBeginnings,
    /// Letters inside words, or across them.
    Letters,
}

/// What kind of text a field is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Name,
    FormerName,
}

/// A text as the search sees it: letters of one size, width and form, without anything between them.
#[derive(Default)]
struct Folded {
    compact: String,
    /// Where words begin and end in `compact`: at blanks and other marks, at capitals inside a word,
    /// where the script changes, and around の and を between Japanese words, which `compact` is
    /// without: インスタンス作成 is インスタンスの作成.
    bounds: Vec<usize>,
    /// Of an ID, where its segments begin and end.
    segments: Vec<usize>,
    /// What blanks and other marks part: what somebody typed as words.
    terms: Vec<String>,
}

impl Folded {
    fn of(text: &str) -> Self {
        let mut folded = Self::default();
        folded.push(text);
        folded
    }

    fn of_id(id: &str) -> Self {
        let mut folded = Self::default();
        for segment in id.split('.') {
            folded.segments.push(folded.compact.len());
            folded.push(segment);
        }
        folded.segments.push(folded.compact.len());
        folded
    }

    fn push(&mut self, text: &str) {
        let text = fold_with(text, Some(HUMP));
        let mut rest = text.chars().peekable();
        let mut before = ' ';
        let mut open = false;
        while let Some(c) = rest.next() {
            let next = rest.peek().copied().unwrap_or(' ');
            let is_particle =
                c == 'を' || (c == 'の' && !is_hiragana(before) && !is_hiragana(next));
            if c == ' ' || is_particle {
                open = false;
            } else if c == HUMP {
                self.bound();
                // The letter before still counts.
                continue;
            } else if c == 'ー' && before == 'ィ' {
                // セキュリティー is セキュリティ.
            } else {
                if !open || script(before) != script(c) {
                    self.bound();
                }
                if !open {
                    self.terms.push(String::new());
                    open = true;
                }
                self.compact.push(c);
                if let Some(term) = self.terms.last_mut() {
                    term.push(c);
                }
            }
            before = if is_particle { ' ' } else { c };
        }
        self.bound();
    }

    fn bound(&mut self) {
        if self.bounds.last() != Some(&self.compact.len()) {
            self.bounds.push(self.compact.len());
        }
    }

    /// How many words there are, of an ID behind its prefix.
    fn words(&self) -> usize {
        let first = self.segments.get(1).copied().unwrap_or_default();
        self.bounds.iter().filter(|bound| **bound > first).count()
    }

    fn is(&self, query: &Folded) -> bool {
        self.compact == query.compact
            || self.body().is_some_and(|at| self.compact.get(at..) == Some(&query.compact))
    }

    /// Where an ID goes on behind its prefix.
    fn body(&self) -> Option<usize> {
        self.segments.get(1).copied().filter(|at| *at < self.compact.len())
    }

    /// How well the query fits as it stands, in the best of its places.
    fn rank(&self, field: Field, query: &Folded) -> Option<Rank> {
        if query.compact.len() > self.compact.len() {
            return None;
        }
        let places = self.compact.match_indices(&query.compact);
        places.map(|(from, _)| self.rank_at(field, query, from, from + query.compact.len())).min()
    }

    fn rank_at(&self, field: Field, query: &Folded, from: usize, to: usize) -> Rank {
        let is_bound = |at: usize| self.bounds.binary_search(&at).is_ok();
        let is_segment = |at: usize| self.segments.binary_search(&at).is_ok();
        let first = from == 0 || Some(from) == self.body();
        let last = to == self.compact.len();
        if self.body().is_some_and(|body| to <= body) {
            // The prefix, which all have.
            return Rank::Letters;
        }
        match (is_bound(from), is_bound(to)) {
            (true, true) => match field {
                Field::Id if is_segment(from) && is_segment(to) => Rank::Segments,
                Field::Name if last => Rank::Segments,
                Field::Id | Field::Name if first || last => Rank::Edge,
                _ => Rank::Words,
            },
            // A word of the query must not end inside the next word of the text: `로그인` does not
            // begin `로그 인입`.
            (true, false) => {
                let inner = self.bounds.iter().rev().find(|bound| **bound < to);
                let starts = inner.is_some_and(|inner| {
                    query.bounds.binary_search(&inner.saturating_sub(from)).is_ok()
                });
                match (starts, first) {
                    (true, true) => Rank::Beginning,
                    (true, false) => Rank::WordBeginnings,
                    (false, _) => Rank::Letters,
                }
            }
            (false, _) => Rank::Letters,
        }
    }
}

/// Stands before a capital inside a word.
const HUMP: char = '\u{1}';

/// What the script of a letter is told by; hiragana goes with what is before it, as endings do.
fn script(c: char) -> u8 {
    match c {
        'ー' | '\u{30a0}'..='\u{30ff}' => 1,
        '\u{3400}'..='\u{9fff}' | '々' => 2,
        '\u{ac00}'..='\u{d7a3}' => 3,
        c if is_hiragana(c) => 2,
        _ => 0,
    }
}

fn is_hiragana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{309f}')
}

/// `text` in small letters, half-width Latin, full-width kana, composed Hangul and kana, with a
/// blank for everything that separates words: `.`, `_`, `-`, brackets, white space.
///
/// Names pasted from a file name on macOS come decomposed, those typed with an input method of East
/// Asia full-width.
pub(super) fn fold(text: &str) -> String {
    fold_with(text, None)
}

/// `text` as [`fold`] gives it, with a mark before capitals inside a word.
fn fold_with(text: &str, hump: Option<char>) -> String {
    let mut folded = String::with_capacity(text.len() + 8);
    let mut after_small = false;
    for c in text.chars().map(widen) {
        if let (Some(hump), true, true) = (hump, after_small, c.is_uppercase()) {
            folded.push(hump);
        }
        after_small = c.is_lowercase();
        for c in c.to_lowercase() {
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

/// More words than any name or ID has.
const MOST_TERMS: usize = 64;

pub(super) fn search<'a>(entries: impl Iterator<Item = &'a Entry>, text: &str) -> Vec<&'a Entry> {
    let query = Folded::of(text);
    // Whoever asks for more words than anything has must not keep us busy.
    if query.compact.is_empty() || query.terms.len() > MOST_TERMS {
        return Vec::new();
    }
    let mut found: Vec<(Rank, bool, usize, &'a Entry)> = entries
        .filter_map(|entry| {
            let (rank, more) = fit(entry, &query, text.trim())?;
            Some((rank, entry.is_retired(), more, entry))
        })
        .collect();
    // Of equals the current ones first, then those with the least beside what was looked for.
    found.sort_by_key(|(rank, retired, more, entry)| {
        (*rank, *retired, *more, entry.id().len(), entry.id())
    });
    found.into_iter().map(|(.., entry)| entry).collect()
}

/// How well an entry fits, and how many words more than the query has the field that fits best.
fn fit(entry: &Entry, query: &Folded, text: &str) -> Option<(Rank, usize)> {
    if entry.id() == text {
        return Some((Rank::ExactId, 0));
    }
    let names = Lang::ALL.iter().map(|lang| (Field::Name, Folded::of(entry.name(*lang))));
    let former = entry.former_names().iter().map(|name| (Field::FormerName, Folded::of(name)));
    let mut fields = vec![(Field::Id, Folded::of_id(entry.id()))];
    fields.extend(names.chain(former));

    let whole = fields.iter().filter_map(|(field, text)| {
        let rank = match field {
            Field::Id if text.is(query) => Rank::ExactId,
            Field::Name if text.is(query) => Rank::ExactName,
            Field::FormerName if text.is(query) => Rank::ExactFormerName,
            _ => text.rank(*field, query)?,
        };
        Some((rank, text.words().saturating_sub(query.words())))
    });
    whole.chain(fit_terms(&fields, query)).min()
}

/// How well the query's words fit, each for itself.
fn fit_terms(fields: &[(Field, Folded)], query: &Folded) -> Option<(Rank, usize)> {
    let [_, _, ..] = query.terms.as_slice() else { return None };
    let terms: Vec<Folded> = query.terms.iter().map(|term| Folded::of(term)).collect();
    let in_field = |(field, text): &(Field, Folded)| {
        let ranks: Option<Vec<Rank>> = terms.iter().map(|term| text.rank(*field, term)).collect();
        let rank = match ranks?.into_iter().max()? {
            rank if rank <= Rank::Words => Rank::Scattered,
            Rank::Letters => Rank::Letters,
            _ => Rank::WordBeginnings,
        };
        Some((rank, text.words().saturating_sub(query.words())))
    };
    let anywhere = || {
        let best = |term| fields.iter().filter_map(|(field, text)| text.rank(*field, term)).min();
        let ranks: Option<Vec<Rank>> = terms.iter().map(best).collect();
        let rank = match ranks?.into_iter().max()? {
            rank if rank <= Rank::Words => Rank::Anywhere,
            _ => Rank::Letters,
        };
        Some((rank, fields.iter().map(|(_, text)| text.words()).min()?))
    };
    fields.iter().filter_map(in_field).min().or_else(anywhere)
}

/// An ID without its first segment, which is the same for nearly all.
fn without_prefix(id: &str) -> &str {
    id.split_once('.').map_or(id, |(_, rest)| rest)
}

pub(super) fn suggest<'a>(entries: impl Iterator<Item = &'a Entry>, id: &str) -> Vec<&'a Entry> {
    /// More suggestions than this are no help.
    const MOST: usize = 5;
    let mut wanted = simple(id);
    if let Some(prefix) = wanted.windows(4).position(|four| four == ['.', 'i', 'd', '.'])
        && !wanted.iter().take(prefix).any(|c| *c == '.')
    {
        wanted.drain(..prefix + 4);
    }
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
    let printed = id.trim();
    found.sort_by_key(|(distance, retired, alike, entry)| {
        let other_marks = !entry.id().eq_ignore_ascii_case(printed);
        (*distance, other_marks, *retired, *alike, entry.id())
    });
    let nearest = found.first().map_or(0, |(distance, ..)| *distance);
    // Nothing else was meant where only case or separators differ.
    let widest = if nearest == 0 { 0 } else { nearest + 1 };
    found
        .into_iter()
        .take_while(|(distance, ..)| *distance <= widest)
        .take(MOST)
        .map(|(.., entry)| entry)
        .collect()
}

/// An ID's characters without what people mix up: case, width and separators.
fn simple(id: &str) -> Vec<char> {
    let visible: String = id.chars().filter(|c| !c.is_control()).collect();
    fold(visible.trim()).chars().map(|c| if c == ' ' { '.' } else { c }).collect()
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
