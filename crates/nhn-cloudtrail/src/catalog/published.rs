//! Reading the event lists that NHN Cloud publishes in its user guide, and comparing them with the
//! catalog.
//!
//! The guide has had two layouts: a table of three columns with the service in one of them, and a
//! heading for each service with a table of two columns. Both are Markdown written by hand, with
//! what that brings: entities, escapes, stray control characters, missing pipes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::search::{composed, fold};
use super::tsv::{self, Column};
use super::{
    Action, Catalog, Edition, Entry, Kind, Lang, Provenance, Text, infer_action, infer_resource,
    table,
};
use crate::error::{Code, Error, Result};

/// An event list as NHN Cloud publishes it.
///
/// ```
/// use nhn_cloudtrail::catalog::{Catalog, PublishedList};
///
/// let list = PublishedList::parse("
/// |이벤트|이벤트 ID|서비스|
/// | --- | --- | --- |
/// |인스턴스 생성|event_id.iaas.instance.create|기본 인프라 서비스|
/// |로봇 생성|event_id.iaas.robot.create|기본 인프라 서비스|
/// ")?;
/// let diff = list.diff(&Catalog::builtin());
/// assert_eq!(diff.added[0].id, "event_id.iaas.robot.create");
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PublishedList {
    rows: Vec<PublishedRow>,
    lang: Lang,
    edition: Edition,
}

/// A row of a [`PublishedList`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PublishedRow {
    /// The event ID: of a known misprint the one that was meant, else as printed.
    pub id: String,
    /// The event's name in the list's language.
    pub name: String,
    /// The service as printed, in its column or in the heading above.
    pub service: Option<String>,
    /// What is wrong with the printed ID, if it is known to be wrong.
    pub misprint: Option<Misprint>,
    /// The line, from 1.
    pub line: usize,
}

/// A known misprint of an ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Misprint {
    /// The ID as printed.
    pub printed: String,
    /// The ID that it stands for; none where it stands for nothing.
    pub canonical: Option<String>,
    /// What is wrong with it.
    pub why: String,
}

/// How a published list differs from a catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListDiff {
    /// The list's language, which names were compared in.
    pub lang: Lang,
    /// The edition whose current entries were compared.
    pub edition: Edition,
    /// Rows whose IDs the catalog does not know.
    pub added: Vec<PublishedRow>,
    /// IDs that the catalog takes for current in the edition and the list has not.
    pub gone: Vec<String>,
    /// Events whose names differ.
    pub renamed: Vec<Renamed>,
    /// Rows whose IDs are known misprints. They are never `added`.
    pub misprints: Vec<PublishedRow>,
}

/// An event whose name in a list is not the one that the catalog has as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Renamed {
    /// The event ID.
    pub id: String,
    /// The name that the catalog has as published; none where it has none in this language.
    pub before: Option<String>,
    /// The name in the list.
    pub after: String,
    /// The list's line, from 1.
    pub line: usize,
}

impl ListDiff {
    /// Whether list and catalog agree, misprints aside.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.gone.is_empty() && self.renamed.is_empty()
    }
}

impl PublishedList {
    /// Reads a list, in any of the languages and either layout.
    ///
    /// The edition is [`Edition::Public`] until [`with_edition`](Self::with_edition) says otherwise:
    /// a list does not say whose it is.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self> {
        let text = String::from_utf8_lossy(text.as_ref());
        let mut parser = Parser::default();
        for (number, line) in text.trim_start_matches('\u{feff}').split('\n').enumerate() {
            parser.line(line.strip_suffix('\r').unwrap_or(line), number + 1);
        }
        if parser.rows.is_empty() {
            return Err(Error::new(
                Code::InvalidList,
                "no table with event IDs in it; expected is an event list of the CloudTrail user guide in \
                 Markdown, with a header such as `|이벤트|이벤트 ID|서비스|`, `|Event|Event ID|Service|` or \
                 `|イベント|イベントID|サービス|`, or with two columns under a heading for each service",
            ));
        }
        let lang = parser.lang.unwrap_or_else(|| lang_of_names(&parser.rows));
        Ok(Self { rows: parser.rows, lang, edition: Edition::Public })
    }

    /// Says which edition's list this is.
    #[must_use]
    pub fn with_edition(mut self, edition: Edition) -> Self {
        self.edition = edition;
        self
    }

    /// Says which language the list is in, where it was found wrongly.
    #[must_use]
    pub fn with_lang(mut self, lang: Lang) -> Self {
        self.lang = lang;
        self
    }

    /// The list's language, found from its header, else from its names.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// The list's edition.
    pub fn edition(&self) -> Edition {
        self.edition
    }

    /// The rows, in their order.
    pub fn rows(&self) -> &[PublishedRow] {
        &self.rows
    }

    /// The rows that stand for an event, by ID; an ID can stand under two services.
    fn events(&self) -> BTreeMap<&str, Vec<&PublishedRow>> {
        let mut events: BTreeMap<&str, Vec<&PublishedRow>> = BTreeMap::new();
        for row in &self.rows {
            if row.misprint.as_ref().is_none_or(|misprint| misprint.canonical.is_some()) {
                events.entry(&row.id).or_default().push(row);
            }
        }
        events
    }

    /// What the list has and the catalog has not, and the other way round.
    pub fn diff(&self, catalog: &Catalog) -> ListDiff {
        let events = self.events();
        let mut added = Vec::new();
        let mut renamed = Vec::new();
        for (id, rows) in &events {
            match catalog.get(id) {
                None => added.extend(rows.first().map(|row| (*row).clone())),
                Some(entry) => renamed.extend(self.renamed(entry, rows)),
            }
        }
        added.sort_by_key(|row| row.line);
        renamed.sort_by_key(|row| row.line);
        let listed: BTreeSet<&str> = events.keys().copied().collect();
        ListDiff {
            lang: self.lang,
            edition: self.edition,
            added,
            gone: catalog
                .iter()
                .filter(|entry| entry.is_current_in(self.edition) && !listed.contains(entry.id()))
                .map(|entry| entry.id().to_owned())
                .collect(),
            renamed,
            misprints: self.rows.iter().filter(|row| row.misprint.is_some()).cloned().collect(),
        }
    }

    fn renamed(&self, entry: &Entry, rows: &[&PublishedRow]) -> Option<Renamed> {
        let before = entry.name_is_published(self.lang).then(|| entry.name(self.lang));
        let named: Vec<&&PublishedRow> = rows.iter().filter(|row| !row.name.is_empty()).collect();
        if named.iter().any(|row| before.is_some_and(|before| same_name(before, &row.name))) {
            return None;
        }
        named.first().map(|row| Renamed {
            id: entry.id().to_owned(),
            before: before.map(str::to_owned),
            after: row.name.clone(),
            line: row.line,
        })
    }

    /// What the list adds and renames, as an overlay for [`Catalog::with_overlay`].
    ///
    /// Actions of new events are inferred from their IDs; services are found by their names in any
    /// language, and unknown ones get a slug made of their name.
    pub fn to_overlay(&self, catalog: &Catalog) -> String {
        let diff = self.diff(catalog);
        let events = self.events();
        let mut entries: Vec<Entry> = Vec::new();
        for row in &diff.added {
            let rows = events.get(row.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            entries.push(self.new_entry(catalog, row, rows));
        }
        for renamed in &diff.renamed {
            if let Some(known) = catalog.get(&renamed.id) {
                let mut entry = known.clone();
                if let (Lang::Ko, Some(before)) = (self.lang, &renamed.before) {
                    let former = std::iter::once(Cow::Owned(before.clone())).chain(
                        known.former_names().iter().filter(|name| *name != &renamed.after).cloned(),
                    );
                    entry.former_names = former.collect::<Vec<Text>>().into();
                }
                self.set_name(&mut entry, &renamed.after);
                entries.push(entry);
            }
        }
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        let mut columns = vec![
            Column::EventId,
            Column::Services,
            Column::Name(self.lang),
            Column::Verb,
            Column::Kind,
            Column::Phase,
            Column::Resource,
        ];
        if self.lang == Lang::Ko {
            columns.push(Column::FormerNames);
        }
        columns.extend([Column::Published, Column::Provenance]);
        tsv::write(&columns, entries.iter())
    }

    fn new_entry(&self, catalog: &Catalog, row: &PublishedRow, rows: &[&PublishedRow]) -> Entry {
        let printed: BTreeSet<&str> =
            rows.iter().filter_map(|row| row.service.as_deref()).collect();
        let mut services: Vec<Text> =
            printed.iter().flat_map(|service| slugs_of(catalog, service)).map(Cow::Owned).collect();
        services.dedup();
        // An act that the words do not tell is taken for something that was run; whoever reads the
        // overlay sees it there and can put it right.
        let unknown = Action {
            verb: Text::default(),
            kind: Kind::Execute,
            phase: None,
            provenance: Provenance::Inferred,
        };
        let mut entry = Entry {
            id: Cow::Owned(row.id.clone()),
            services: services.into(),
            names: Default::default(),
            published: [false; 3],
            former_names: Cow::Borrowed(&[]),
            action: infer_action(&row.id).unwrap_or(unknown),
            resource: infer_resource(&row.id).map(Cow::Owned).unwrap_or_default(),
            effects: Cow::Borrowed(&[]),
            listings: Cow::Borrowed(&[]),
            retired: false,
        };
        if !row.name.is_empty() {
            self.set_name(&mut entry, &row.name);
        }
        entry
    }

    fn set_name(&self, entry: &mut Entry, name: &str) {
        if let Some(slot) = entry.names.get_mut(self.lang.index()) {
            *slot = Cow::Owned(name.to_owned());
        }
        if let Some(flag) = entry.published.get_mut(self.lang.index()) {
            *flag = true;
        }
    }
}

/// The slugs of a service as printed: by its name in any language, or several names in one cell.
fn slugs_of(catalog: &Catalog, printed: &str) -> Vec<String> {
    let compact = |text: &str| fold(text).replace(' ', "");
    let find = |text: &str| {
        let wanted = compact(text);
        catalog
            .services()
            .iter()
            .find(|service| {
                compact(service.slug()) == wanted
                    || Lang::ALL.iter().any(|lang| compact(service.name(*lang)) == wanted)
            })
            .map(|service| service.slug().to_owned())
    };
    if let Some(slug) = find(printed) {
        return vec![slug];
    }
    let parts: Option<Vec<String>> =
        printed.split([',', '/', '、']).map(|part| find(part.trim())).collect();
    if let Some(parts) = parts {
        return parts;
    }
    let slug =
        fold(printed).split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    if slug.is_empty() { Vec::new() } else { vec![slug] }
}

/// Whether two names are one, however blanks, code marks and composed characters are set.
fn same_name(a: &str, b: &str) -> bool {
    let tidy = |name: &str| {
        composed(&name.replace('`', "")).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    a == b || tidy(a) == tidy(b)
}

fn lang_of_names(rows: &[PublishedRow]) -> Lang {
    let count =
        |wanted: fn(char) -> bool| rows.iter().filter(|row| row.name.chars().any(wanted)).count();
    let hangul = count(|c| matches!(c, '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}'));
    let japanese = count(
        |c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ff66}'..='\u{ff9f}'),
    );
    if hangul.max(japanese) * 3 < rows.len() {
        Lang::En
    } else if hangul >= japanese {
        Lang::Ko
    } else {
        Lang::Ja
    }
}

/// Which column of a table is what.
#[derive(Clone, Copy, Debug, Default)]
struct Columns {
    id: Option<usize>,
    name: Option<usize>,
    service: Option<usize>,
}

#[derive(Default)]
struct Parser {
    rows: Vec<PublishedRow>,
    lang: Option<Lang>,
    heading: Option<String>,
    columns: Columns,
    in_table: bool,
}

impl Parser {
    fn line(&mut self, line: &str, number: usize) {
        let trimmed = line.trim();
        if let Some(heading) = heading(trimmed) {
            self.heading = Some(heading);
            self.in_table = false;
            return;
        }
        let Some(cells) = cells_of(trimmed) else {
            self.in_table = false;
            return;
        };
        if cells.iter().all(|cell| is_rule(cell)) {
            return;
        }
        let places: Vec<usize> = cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| looks_like_id(cell))
            .map(|(at, _)| at)
            .collect();
        if places.is_empty() {
            if let Some((columns, lang)) = header(&cells) {
                self.columns = columns;
                self.lang = self.lang.or(lang);
            } else if !self.in_table {
                // Another table: what the last header said does not hold here.
                self.columns = Columns::default();
            }
            self.in_table = true;
            return;
        }
        self.in_table = true;
        self.row(&cells, &places, number);
    }

    fn row(&mut self, cells: &[String], places: &[usize], number: usize) {
        let told = self.columns.id.filter(|at| places.contains(at));
        let Some(at) = told.or_else(|| places.first().copied()) else { return };
        let other = |told: Option<usize>| told.filter(|place| *place != at);
        let mut rest = (0..cells.len())
            .filter(|place| *place != at && Some(*place) != other(self.columns.service));
        let name = other(self.columns.name).or_else(|| rest.next());
        let service = other(self.columns.service).or_else(|| {
            // Without a header's word, a third column is the service.
            (0..cells.len()).find(|place| *place != at && Some(*place) != name)
        });
        let text = |place: Option<usize>| {
            place.and_then(|place| cells.get(place)).map(|cell| text_of(cell)).unwrap_or_default()
        };
        let Some(printed) = cells.get(at).map(|cell| decode(cell)) else { return };
        let service =
            Some(text(service)).filter(|text| !text.is_empty()).or_else(|| self.heading.clone());
        let name = text(name);
        for printed in ids_of(&printed) {
            let (id, misprint) = resolve(printed);
            let (name, service) = (name.clone(), service.clone());
            self.rows.push(PublishedRow { id, name, service, misprint, line: number });
        }
    }
}

/// The ID that was meant, and what is wrong with the printed one if it is a known misprint.
fn resolve(printed: &str) -> (String, Option<Misprint>) {
    let cleaned: String = printed.chars().filter(|c| !is_stray(*c) && !is_mark(*c)).collect();
    // Where the guide prints an ID in bold or as code, its marks are not part of it; of what remains
    // errata tell `?` for a control character.
    let fits = |erratum: &&super::Erratum| {
        let mut printed = printed.chars().filter(|c| !is_mark(*c));
        let same = erratum.printed.chars().all(|wanted| {
            printed.next().is_some_and(|c| c == wanted || (wanted == '?' && is_stray(c)))
        });
        (same && printed.next().is_none()) || erratum.printed == cleaned
    };
    let wrong = |erratum: &&super::Erratum| erratum.canonical != Some(erratum.printed);
    match table::ERRATA.iter().filter(wrong).find(fits) {
        Some(erratum) => {
            let misprint = Misprint {
                printed: erratum.printed.to_owned(),
                canonical: erratum.canonical.map(str::to_owned),
                why: erratum.why.to_owned(),
            };
            (erratum.canonical.map_or(cleaned, str::to_owned), Some(misprint))
        }
        None => (cleaned, None),
    }
}

/// Characters that are in an ID only by mistake.
fn is_stray(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fffd}')
}

/// Whether a cell has an event ID: something like `event_id.` in front, and at most one stray blank.
fn looks_like_id(cell: &str) -> bool {
    let text = decode(cell);
    text.split_whitespace().next().is_some_and(begins_like_id)
        && text.split(' ').filter(|piece| !piece.is_empty()).count() <= 2
}

fn begins_like_id(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !is_stray(*c) && !is_mark(*c)).collect();
    text.split_once('.').is_some_and(|(prefix, rest)| {
        prefix.ends_with("_id")
            && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !rest.is_empty()
    })
}

/// The IDs of a cell: more than one where the guide puts two into one cell, each on its line.
fn ids_of(cell: &str) -> Vec<&str> {
    let pieces: Vec<&str> = cell.split_whitespace().collect();
    if pieces.iter().all(|piece| begins_like_id(piece)) { pieces } else { vec![cell.trim()] }
}

/// Marks for bold and code around a text.
fn is_mark(c: char) -> bool {
    matches!(c, '`' | '*')
}

/// What a header says, if it is one, and in which language.
fn header(cells: &[String]) -> Option<(Columns, Option<Lang>)> {
    const WORDS: &[(Lang, &str, &[&str])] = &[
        (Lang::Ko, "이벤트", &["서비스", "상품"]),
        (Lang::En, "event", &["service", "product"]),
        (Lang::Ja, "イベント", &["サービス", "商品"]),
    ];
    let mut columns = Columns::default();
    let mut lang = None;
    for (at, cell) in cells.iter().enumerate() {
        let text = fold(&text_of(cell)).replace(' ', "");
        for (known, event, services) in WORDS {
            if text.contains(event) {
                if text.contains("id") || text.contains("아이디") {
                    columns.id = columns.id.or(Some(at));
                } else {
                    columns.name = columns.name.or(Some(at));
                }
                lang = lang.or(Some(*known));
            } else if services.iter().any(|service| text.contains(service)) {
                columns.service = columns.service.or(Some(at));
                lang = lang.or(Some(*known));
            } else if text == "id" {
                columns.id = columns.id.or(Some(at));
            }
        }
    }
    columns.id.is_some().then_some((columns, lang))
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
fn text_of(cell: &str) -> String {
    let decoded = decode(cell);
    let words: Vec<&str> = decoded
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let text = words.join(" ");
    let mut text = text.trim_matches(is_stray);
    for mark in ["**", "`"] {
        if let Some(inner) = text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark))
            && !inner.contains(mark)
        {
            text = inner.trim();
        }
    }
    text.to_owned()
}

/// Markdown and HTML undone: escapes, entities, tags, links.
fn decode(cell: &str) -> String {
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
    let (name, left) = after.split_once(';')?;
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
    let (inside, left) = after.split_once('>')?;
    let name = inside.trim_start_matches('/');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.starts_with("!--") {
        return None;
    }
    let breaks = name.get(..2).is_some_and(|name| name.eq_ignore_ascii_case("br"));
    Some((Cow::Borrowed(if breaks { " " } else { "" }), left))
}

fn link(after: &str) -> Decoded<'_> {
    let (text, rest) = after.split_once("](")?;
    if text.contains(['[', ']']) {
        return None;
    }
    let (_, left) = rest.split_once(')')?;
    Some((Cow::Owned(decode(text)), left))
}
