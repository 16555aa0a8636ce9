//! Aligned text for people: widths as a terminal shows them, no control characters.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use anstyle::Style;
use nhn_cloudtrail::printable;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::context::Stop;
use crate::output::Output;

/// How many rows decide the widths of a table, and how long they are waited for.
const ROWS: usize = 1000;
const WAIT: Duration = Duration::from_millis(100);
/// How many bytes of them are held at the most; a value may be as long as a record.
const HELD: usize = 1 << 20;
/// Between columns.
const GAP: usize = 2;
/// No column is made narrower than this.
const NARROWEST: usize = 6;
/// No column is made wider than this by one long value, where values are not cut.
const WIDEST: usize = 48;

/// A value in a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    width: usize,
    style: Style,
}

impl Cell {
    /// `text` on one line and without control characters.
    pub(crate) fn new(text: &str) -> Self {
        Self::styled(text, Style::new())
    }

    pub(crate) fn styled(text: &str, style: Style) -> Self {
        let text = printable(&on_one_line(text)).into_owned();
        Self { width: text.width(), text, style }
    }
}

/// Pretty-printed JSON and the like, each stretch of blanks as one.
fn on_one_line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\r', '\t']) {
        text.split_whitespace().collect::<Vec<_>>().join(" ").into()
    } else {
        text.into()
    }
}

/// Where a column's values stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table that is written while its rows come in. The first rows decide how wide columns are.
pub(crate) struct Table {
    columns: Vec<(Cell, Align)>,
    first_rows: Vec<Vec<Cell>>,
    widths: Option<Vec<usize>>,
    since: Option<Instant>,
    held: usize,
    /// How wide the table may be; none: as wide as it comes, values are not cut.
    limit: Option<usize>,
    color: bool,
    /// A column that is never cut.
    whole: Option<usize>,
    /// Whether all rows decide the widths: there are not many, and they come at once.
    all_rows: bool,
    /// Whether the next row may not come for a long time.
    live: bool,
}

impl Table {
    /// A table with these headings, for `output`.
    pub(crate) fn new(headings: &[(&str, Align)], output: &Output) -> Self {
        Self::with_limit(headings, output.width, output.color)
    }

    fn with_limit(headings: &[(&str, Align)], limit: Option<usize>, color: bool) -> Self {
        let bold = Style::new().bold();
        let columns =
            headings.iter().map(|(name, align)| (Cell::styled(name, bold), *align)).collect();
        Self {
            columns,
            first_rows: Vec::new(),
            widths: None,
            since: None,
            held: 0,
            limit,
            color,
            whole: None,
            all_rows: false,
            live: false,
        }
    }

    /// The same table with a column whose values are of no use in part.
    pub(crate) fn with_whole(mut self, column: usize) -> Self {
        self.whole = Some(column);
        self
    }

    /// The same table with all of its rows deciding how wide columns are.
    pub(crate) fn with_all_rows(mut self) -> Self {
        self.all_rows = true;
        self
    }

    /// The same table; `live` says whether its source may give nothing for a while.
    pub(crate) fn live(mut self, live: bool) -> Self {
        self.live = live;
        self
    }

    /// Adds a row, which may be written later.
    pub(crate) fn row(&mut self, cells: Vec<Cell>, output: &mut Output) -> Result<(), Stop> {
        let mut text = String::new();
        self.push(cells, &mut text);
        if text.is_empty() { Ok(()) } else { output.write(text.as_bytes()) }
    }

    /// Writes the rows that wait for others, if they have waited long enough, or if the next ones
    /// may not come for a long time.
    pub(crate) fn show(&mut self, output: &mut Output) -> Result<(), Stop> {
        let waited = self.since.is_some_and(|since| self.live || since.elapsed() >= WAIT);
        if !waited {
            return Ok(());
        }
        let mut text = String::new();
        self.settle(&mut text);
        output.write(text.as_bytes())
    }

    /// Writes what has not been written.
    pub(crate) fn finish(mut self, output: &mut Output) -> Result<(), Stop> {
        let mut text = String::new();
        self.settle(&mut text);
        output.write(text.as_bytes())
    }

    fn push(&mut self, cells: Vec<Cell>, text: &mut String) {
        if let Some(widths) = &self.widths {
            self.write_row(&cells, widths, text);
            return;
        }
        self.held += cells.iter().map(|cell| cell.text.len()).sum::<usize>();
        self.first_rows.push(cells);
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        let enough = self.first_rows.len() >= ROWS || self.held >= HELD || waited >= WAIT;
        if enough && !self.all_rows {
            self.settle(text);
        }
    }

    /// Decides the widths, and writes the headings and the first rows.
    fn settle(&mut self, text: &mut String) {
        if self.widths.is_some() {
            return;
        }
        let mut widths: Vec<usize> = self.columns.iter().map(|(name, _)| name.width).collect();
        for row in &self.first_rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                // A value that is not cut may stand out to the right.
                let streams = self.limit.is_none() && !self.all_rows;
                let wanted = if streams { cell.width.min(WIDEST) } else { cell.width };
                *width = wanted.max(*width);
            }
        }
        if let Some(limit) = self.limit {
            fit(&mut widths, limit, self.whole);
        }
        let headings: Vec<Cell> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        self.write_row(&headings, &widths, text);
        for row in std::mem::take(&mut self.first_rows) {
            self.write_row(&row, &widths, text);
        }
        self.widths = Some(widths);
    }

    fn write_row(&self, cells: &[Cell], widths: &[usize], text: &mut String) {
        let last = cells.len().saturating_sub(1);
        for (index, ((cell, width), (_, align))) in
            cells.iter().zip(widths).zip(&self.columns).enumerate()
        {
            let (shown, taken) = match self.limit {
                Some(_) if cell.width > *width => cut(&cell.text, *width),
                _ => (cell.text.as_str().into(), cell.width),
            };
            let blanks = width.saturating_sub(taken);
            if *align == Align::Right {
                push_blanks(text, blanks);
            }
            if self.color && cell.style != Style::new() && !shown.is_empty() {
                use std::fmt::Write;
                // Writing to a string does not fail.
                let _ = write!(text, "{}{shown}{:#}", cell.style, cell.style);
            } else {
                text.push_str(&shown);
            }
            if index < last {
                push_blanks(text, GAP + if *align == Align::Left { blanks } else { 0 });
            }
        }
        // Empty values at the end leave blanks that nobody wants.
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
}

pub(crate) fn push_blanks(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n(' ', count));
}

/// Makes columns narrower until they fit, the widest first: short values stay whole.
fn fit(widths: &mut [usize], limit: usize, whole: Option<usize>) {
    for (index, width) in widths.iter_mut().enumerate() {
        if Some(index) != whole {
            *width = (*width).min(limit);
        }
    }
    let gaps = GAP * widths.len().saturating_sub(1);
    let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
    while over > 0 {
        let others = widths.iter_mut().enumerate().filter(|(index, _)| Some(*index) != whole);
        // Of equally wide ones the last, which most often says the least.
        match others.map(|(_, width)| width).max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => return,
        }
        over -= 1;
    }
}

/// The beginning of `text` in at most `width` columns, with an ellipsis; and its true width.
pub(crate) fn cut(text: &str, width: usize) -> (Cow<'_, str>, usize) {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, c)| {
        taken += c.width().unwrap_or(0);
        taken + 1 > width
    });
    let head = end.and_then(|(end, _)| text.get(..end)).unwrap_or(text);
    let shown = format!("{head}…");
    let taken = shown.width();
    (shown.into(), taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(limit: Option<usize>, rows: &[&[&str]]) -> String {
        let headings = [("name", Align::Left), ("count", Align::Right), ("more", Align::Left)];
        let mut table = Table::with_limit(&headings, limit, false);
        let mut text = String::new();
        for row in rows {
            table.push(row.iter().map(|cell| Cell::new(cell)).collect(), &mut text);
        }
        table.settle(&mut text);
        text
    }

    #[test]
    fn wide_characters_take_two_columns() {
        insta::assert_snapshot!(
            table(None, &[&["인스턴스 생성", "1", "x"], &["create", "12,345", "ｶﾅ"], &["🙂 日本", "0", ""]]),
            @r"
        name            count  more
        인스턴스 생성       1  x
        create         12,345  ｶﾅ
        🙂 日本             0
        "
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_the_longest_values() {
        let rows: &[&[&str]] = &[
            &["인스턴스 생성과 삭제", "1", "an e-mail address that is long"],
            &["short", "12,345", "short"],
        ];
        let text = table(Some(36), rows);
        insta::assert_snapshot!(text, @r"
        name            count  more
        인스턴스 생…        1  an e-mail ad…
        short          12,345  short
        ");
        assert!(text.lines().all(|line| line.width() <= 36));
        // Too narrow for anything: still every column is there.
        assert!(table(Some(5), rows).contains("short"));
    }

    #[test]
    fn what_is_not_a_terminal_gets_values_whole() {
        let long = "a".repeat(100);
        assert!(table(None, &[&["x", "1", &long], &[&long, "1", "y"]]).contains(&long));
    }

    #[test]
    fn nothing_reaches_the_terminal_that_moves_its_cursor() {
        let text = table(None, &[&["\u{1b}[2J\u{7}evil\u{202e}", "1", "{\n  \"a\":\t1\n}"]]);
        insta::assert_snapshot!(text, @r#"
        name        count  more
        �[2J�evil�      1  { "a": 1 }
        "#);
    }

    #[test]
    fn later_rows_keep_the_widths_of_the_first() {
        let headings = [("a", Align::Left), ("b", Align::Left)];
        let mut table = Table::with_limit(&headings, Some(80), false);
        let mut text = String::new();
        for _ in 0..ROWS {
            table.push(vec![Cell::new("12345678"), Cell::new("x")], &mut text);
        }
        text.clear();
        table.push(vec![Cell::new("123456789"), Cell::new("y")], &mut text);
        assert_eq!(text, "1234567…  y\n");
    }
}
