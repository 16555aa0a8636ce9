//! As much Markdown as NHN Cloud's event lists need: headings, tables, and what cells hold.
//!
//! Written by hand, the lists have entities, escapes, missing outer pipes, blank lines inside tables.

use std::borrow::Cow;

/// What a line of a document is to somebody who looks for tables. Lines of code blocks and of
/// comments are none, nor is text.
#[derive(Debug)]
pub(super) enum Line {
    /// A heading, or a line in bold that stands for one.
    Heading(String),
    /// The first line of a table, which a line of dashes follows.
    Header(Vec<String>),
    /// Another line of a table.
    Row(Vec<String>),
    /// One that has no pipe at its end, where the table's first line has one.
    Open(Vec<String>),
    /// A line with pipes that belongs to no table.
    Outside(Vec<String>),
    /// Where a code block begins that has no end; lines with pipes are in it.
    Unclosed,
}

/// The lines of a document, with their numbers from 1.
pub(super) fn lines(text: &str) -> Vec<(usize, Line)> {
    /// Where a line stands.
    #[derive(PartialEq)]
    enum Place {
        /// Outside of any table.
        Text,
        /// Behind a line of a table.
        Table,
        /// In a table, behind a blank line. Strictly that ends it, but the guide has had blank lines
        /// between rows.
        Gap,
    }
    let (visible, unclosed) = visible(text);
    let mut found = Vec::new();
    let mut place = Place::Text;
    let mut closed = false;
    let mut rest = visible.iter().peekable();
    while let Some((number, line)) = rest.next() {
        let line = unquoted(line);
        if line.is_empty() {
            if place == Place::Table {
                place = Place::Gap;
            }
        } else if let Some(heading) = heading(line) {
            place = Place::Text;
            found.push((*number, Line::Heading(heading)));
        } else if fence(line).is_some() {
            place = Place::Text;
        } else if let Some(cells) = cells_of(line) {
            if is_delimiter(line) {
                continue;
            }
            let line = if rest.next_if(|(_, next)| is_delimiter(unquoted(next))).is_some() {
                place = Place::Table;
                closed = line.ends_with('|');
                Line::Header(cells)
            } else if place == Place::Table || (place == Place::Gap && line.starts_with('|')) {
                place = Place::Table;
                let is_open = closed && line.starts_with('|') && !line.ends_with('|');
                if is_open { Line::Open(cells) } else { Line::Row(cells) }
            } else {
                place = Place::Text;
                Line::Outside(cells)
            };
            found.push((*number, line));
        } else if line.starts_with('<') {
            // An anchor or the like between rows.
        } else if place == Place::Table {
            // A row of one cell needs no pipe.
            found.push((*number, Line::Row(vec![line.to_owned()])));
        } else {
            place = Place::Text;
        }
    }
    found.extend(unclosed.map(|number| (number, Line::Unclosed)));
    found
}

/// The lines that are neither in a code block nor in a comment, and where a code block begins that
/// has lines with pipes and no end. Of a code block its first line stays: it ends a table.
fn visible(text: &str) -> (Vec<(usize, Cow<'_, str>)>, Option<usize>) {
    enum Inside {
        Text,
        Code { mark: char, length: usize, began: usize, pipes: bool },
        Comment,
    }
    let lines: Vec<&str> = text.split('\n').collect();
    // A comment without an end is none: nothing shall be lost behind it.
    let last_close = lines.iter().rposition(|line| line.contains(CLOSE)).unwrap_or_default();
    let mut visible = Vec::with_capacity(lines.len());
    let mut inside = Inside::Text;
    for (at, line) in lines.into_iter().enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let number = at + 1;
        let mut rest = line;
        match &mut inside {
            Inside::Code { mark, length, pipes, .. } => {
                let closes = fence(line).is_some_and(|(c, long, info)| {
                    c == *mark && long >= *length && info.is_empty()
                });
                *pipes = *pipes || line.contains('|');
                if closes {
                    inside = Inside::Text;
                }
                continue;
            }
            Inside::Comment => match line.split_once(CLOSE) {
                Some((_, behind)) => {
                    inside = Inside::Text;
                    rest = behind;
                }
                None => continue,
            },
            Inside::Text => {}
        }
        let mut kept = Cow::Borrowed("");
        while let Some((before, behind)) = comment(rest) {
            kept.to_mut().push_str(before);
            match behind.split_once(CLOSE) {
                Some((_, behind)) => rest = behind,
                None if at < last_close => {
                    inside = Inside::Comment;
                    rest = "";
                }
                None => {
                    kept.to_mut().push_str(OPEN);
                    kept.to_mut().push_str(behind);
                    rest = "";
                }
            }
        }
        if kept.is_empty() {
            kept = Cow::Borrowed(rest);
        } else {
            kept.to_mut().push_str(rest);
        }
        if let (Inside::Text, Some((mark, length, _))) = (&inside, fence(&kept)) {
            inside = Inside::Code { mark, length, began: number, pipes: false };
        }
        visible.push((number, kept));
    }
    let unclosed = match inside {
        Inside::Code { began, pipes: true, .. } => Some(began),
        _ => None,
    };
    (visible, unclosed)
}

const OPEN: &str = "<!--";
const CLOSE: &str = "-->";

/// What stands before and behind the mark that opens a comment.
fn comment(line: &str) -> Option<(&str, &str)> {
    let mut in_span = false;
    let mut from = 0;
    line.match_indices(OPEN).find_map(|(at, _)| {
        let before = line.get(from..at)?;
        in_span ^= before.matches('`').count() % 2 == 1;
        from = at;
        let is_text = in_span || before.ends_with('\\');
        (!is_text).then_some((line.get(..at)?, line.get(at + OPEN.len()..)?))
    })
}

/// The mark of a line that begins or ends a code block, how many there are, and what is behind them.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let info = line.trim_start_matches(mark);
    let length = line.len() - info.len();
    // A line with more of the same behind is a code span.
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, length, info.trim()))
}

/// A line without blanks around it, and without the marks of a quotation.
fn unquoted(line: &str) -> &str {
    line.trim().trim_start_matches(['>', ' '])
}

/// Whether a line is the one between a header and its rows.
fn is_delimiter(line: &str) -> bool {
    cells_of(line).is_some_and(|cells| !cells.is_empty() && cells.iter().all(|cell| is_rule(cell)))
}

/// A heading's text.
fn heading(line: &str) -> Option<String> {
    if let Some(bold) = line.strip_prefix("**").and_then(|rest| rest.strip_suffix("**"))
        && !bold.contains(['*', '|'])
    {
        return Some(text_of(bold));
    }
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    if !(1..=6).contains(&level) || !(rest.starts_with(char::is_whitespace) || rest.is_empty()) {
        return None;
    }
    let text = rest.trim().trim_end_matches('#').trim();
    // `### Deploy {#deploy}`
    let text = match text.rsplit_once("{#") {
        Some((before, anchor)) if anchor.ends_with('}') => before.trim(),
        _ => text,
    };
    Some(text_of(text))
}

/// The cells of a table's line, or none for a line that is of no table.
fn cells_of(line: &str) -> Option<Vec<String>> {
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        if c == '|' && !escaped {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            cell.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    if cells.len() < 2 {
        return None;
    }
    // The outer pipes, where there are any, bound cells that are none.
    if cells.last().is_some_and(|cell| cell.trim().is_empty()) {
        cells.pop();
    }
    if line.starts_with('|') {
        cells.remove(0);
    }
    Some(cells)
}

/// Whether a cell belongs to the line between a header and its rows: `---`, `:--:`.
fn is_rule(cell: &str) -> bool {
    let dashes = cell.trim().trim_start_matches(':').trim_end_matches(':');
    !dashes.is_empty() && dashes.chars().all(|c| matches!(c, '-' | '—' | '–'))
}

/// A cell's text: decoded, without marks around the whole, blanks made single.
pub(super) fn text_of(cell: &str) -> String {
    let decoded = decode(cell);
    let visible: String = decoded.chars().filter(|c| !is_invisible(*c)).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    let text = words.join(" ");
    let mut text = text.as_str();
    for mark in ["**", "`"] {
        if let Some(inner) = text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark))
            && !inner.contains(mark)
        {
            text = inner.trim();
        }
    }
    text.to_owned()
}

/// Characters that nobody sees, there only by mistake. A tab is seen.
pub(super) fn is_invisible(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n'))
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The mark of text that is struck out.
pub(super) const STRUCK: &str = "~~";

/// Markdown and HTML undone: escapes, entities, tags, links. Where a tag breaks the line there is a
/// line end, where one strikes text out there is Markdown's mark for it.
pub(super) fn decode(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut rest = cell;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let (decoded, left) = match c {
            '\\' => escape(after),
            '&' => entity(after),
            '<' => tag(after),
            '[' => link(after),
            _ => None,
        }
        .unwrap_or_else(|| (Cow::Owned(c.to_string()), after));
        text.push_str(&decoded);
        rest = left;
    }
    text
}

/// What a mark stands for, and what comes behind it.
type Decoded<'a> = Option<(Cow<'a, str>, &'a str)>;

fn escape(after: &str) -> Decoded<'_> {
    let c = after.chars().next().filter(char::is_ascii_punctuation)?;
    Some((Cow::Owned(c.to_string()), after.get(1..)?))
}

fn entity(after: &str) -> Decoded<'_> {
    let (name, left) = split_near(after, ";")?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "vert" | "verbar" => '|',
        "lowbar" => '_',
        "period" => '.',
        "middot" => '·',
        "hyphen" => '-',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "shy" => '\u{ad}',
        "ZeroWidthSpace" => '\u{200b}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((Cow::Owned(c.to_string()), left))
}

fn tag(after: &str) -> Decoded<'_> {
    let (inside, left) = split_near(after, ">")?;
    let name = inside.trim_start_matches('/');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let text = match name.to_ascii_lowercase().as_str() {
        "br" => "\n",
        "del" | "s" | "strike" => STRUCK,
        _ => "",
    };
    Some((Cow::Borrowed(text), left))
}

fn link(after: &str) -> Decoded<'_> {
    let (text, rest) = split_near(after, "](")?;
    if text.contains(['[', ']']) {
        return None;
    }
    let (_, left) = split_near(rest, ")")?;
    Some((Cow::Owned(decode(text)), left))
}

/// Parts a text at the first of these marks, if it is not far: what a file of nothing but opening
/// marks costs must not grow with the square of its size.
fn split_near<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    const NEAR: usize = 2048;
    let end = (0..=NEAR.min(text.len())).rev().find(|end| text.is_char_boundary(*end))?;
    let at = text.get(..end)?.find(mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}
