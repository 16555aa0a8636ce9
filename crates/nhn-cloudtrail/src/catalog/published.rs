//! Reading the event lists that NHN Cloud publishes in its user guide, and comparing them with the
//! catalog.
//!
//! The guide has had two layouts: a table of three columns with the service in one of them, and a
//! heading for each service with a table of two columns.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::markdown::{self, Line, STRUCK, decode, is_invisible, text_of};
use super::search::{composed, fold, widen};
use super::tsv::{self, Column};
use super::{Catalog, Edition, Entry, Lang, Text, infer_action, infer_resource, table};
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
    odd: Vec<OddRow>,
    lang: Lang,
    edition: Edition,
}

/// A row of a [`PublishedList`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PublishedRow {
    /// The event ID: of a known misprint the one that was meant, else as printed.
    pub id: String,
    /// The event's name, in the list's language unless the guide left it untranslated.
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

/// A line of a list that has something like an event ID and was not taken as a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OddRow {
    /// What stands where the ID should.
    pub printed: String,
    /// The event's name.
    pub name: String,
    /// Why it was not taken.
    pub why: String,
    /// The line, from 1.
    pub line: usize,
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
    /// Events whose names differ. A name that holds Hangul in a list of another language than Korean
    /// was left untranslated, and is compared with nothing.
    pub renamed: Vec<Renamed>,
    /// Rows whose IDs are known misprints. They are never `added`.
    pub misprints: Vec<PublishedRow>,
    /// Lines that were not taken as rows: somebody has to look at them.
    pub odd: Vec<OddRow>,
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
        self.added.is_empty()
            && self.gone.is_empty()
            && self.renamed.is_empty()
            && self.odd.is_empty()
    }
}

impl PublishedList {
    /// Reads a list, in any of the languages and either layout.
    ///
    /// Rows are lines of tables that have an event ID; what looks like one and is none is kept apart
    /// in [`odd`](Self::odd). Nothing inside code blocks and comments is read.
    ///
    /// The edition is [`Edition::Public`] until [`with_edition`](Self::with_edition) says otherwise:
    /// a list does not say whose it is.
    ///
    /// # Errors
    ///
    /// `INVALID_LIST` for text that is not UTF-8 or has no row.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self> {
        let text = text.as_ref();
        let text = std::str::from_utf8(text).map_err(|error| {
            let before = text.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.split(|byte| *byte == b'\n').count();
            Error::new(
                Code::InvalidList,
                format!("not UTF-8 from line {line} on; convert the list, for example with iconv"),
            )
        })?;
        let mut parser = Parser::default();
        for (number, line) in markdown::lines(text.trim_start_matches('\u{feff}')) {
            parser.line(&line, number);
        }
        let Parser { rows, odd, lang, .. } = parser;
        if rows.is_empty() {
            let seen = odd.first().map_or_else(String::new, |odd| {
                let printed = crate::error::printable(&odd.printed);
                format!("; line {} has `{printed}`, but {}", odd.line, odd.why)
            });
            return Err(Error::new(
                Code::InvalidList,
                format!(
                    "no table with event IDs in it; expected is an event list of the CloudTrail user guide in \
                     Markdown, with a header such as `|이벤트|이벤트 ID|서비스|`, `|Event|Event ID|Service|` or \
                     `|イベント|イベントID|サービス|`, or with two columns under a heading for each service{seen}"
                ),
            ));
        }
        let lang = lang.unwrap_or_else(|| lang_of_names(&rows));
        Ok(Self { rows, odd, lang, edition: Edition::Public })
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

    /// The lines that look like rows and were not taken as such.
    pub fn odd(&self) -> &[OddRow] {
        &self.odd
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
            odd: self.odd.clone(),
        }
    }

    /// The language of a name. The guide leaves names in Korean that nobody has translated yet.
    fn lang_of(&self, name: &str) -> Lang {
        if name.chars().any(is_hangul) { Lang::Ko } else { self.lang }
    }

    fn renamed(&self, entry: &Entry, rows: &[&PublishedRow]) -> Option<Renamed> {
        let before = entry.name_is_published(self.lang).then(|| entry.name(self.lang));
        let named: Vec<&&PublishedRow> = rows
            .iter()
            .filter(|row| !row.name.is_empty() && self.lang_of(&row.name) == self.lang)
            .collect();
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
    /// Actions of new events are inferred from their IDs, and left empty where their words say nothing.
    /// A name that a list of another language has in Korean is taken as the Korean one. Services are found by their names in any
    /// language, and unknown ones get a slug made of their name.
    pub fn to_overlay(&self, catalog: &Catalog) -> String {
        let diff = self.diff(catalog);
        let events = self.events();
        let mut entries: Vec<Entry> = Vec::new();
        let mut langs = vec![self.lang];
        for row in &diff.added {
            let rows = events.get(row.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            let entry = self.new_entry(catalog, row, rows);
            if !entry.name(Lang::Ko).is_empty() {
                langs.push(Lang::Ko);
            }
            entries.push(entry);
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
                set_name(&mut entry, self.lang, &renamed.after);
                entries.push(entry);
            }
        }
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        let mut columns = vec![Column::EventId, Column::Services];
        let named = Lang::ALL.iter().filter(|lang| langs.contains(lang));
        columns.extend(named.map(|lang| Column::Name(*lang)));
        columns.extend([Column::Verb, Column::Kind, Column::Phase, Column::Resource]);
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
        let mut entry = Entry {
            id: Cow::Owned(row.id.clone()),
            services: services.into(),
            names: Default::default(),
            published: [false; 3],
            former_names: Cow::Borrowed(&[]),
            action: infer_action(&row.id),
            resource: infer_resource(&row.id).map(Cow::Owned).unwrap_or_default(),
            effects: Cow::Borrowed(&[]),
            listings: Cow::Borrowed(&[]),
            retired: false,
        };
        // An ID can stand under two services, with its name translated in one of the two.
        for row in rows.iter().rev().filter(|row| !row.name.is_empty()) {
            set_name(&mut entry, self.lang_of(&row.name), &row.name);
        }
        entry
    }
}

fn set_name(entry: &mut Entry, lang: Lang, name: &str) {
    if let Some(slot) = entry.names.get_mut(lang.index()) {
        *slot = Cow::Owned(name.to_owned());
    }
    if let Some(flag) = entry.published.get_mut(lang.index()) {
        *flag = true;
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

fn is_hangul(c: char) -> bool {
    matches!(
        c,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' |
        '\u{ac00}'..='\u{d7ff}' | '\u{ffa0}'..='\u{ffdc}'
    )
}

fn lang_of_names(rows: &[PublishedRow]) -> Lang {
    let count =
        |wanted: fn(char) -> bool| rows.iter().filter(|row| row.name.chars().any(wanted)).count();
    let hangul = count(is_hangul);
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
    count: usize,
    id: Option<usize>,
    name: Option<usize>,
    service: Option<usize>,
}

#[derive(Default)]
struct Parser {
    rows: Vec<PublishedRow>,
    odd: Vec<OddRow>,
    lang: Option<Lang>,
    heading: Option<String>,
    columns: Columns,
    /// Where in `rows` an ID stands.
    named: HashMap<String, Vec<usize>>,
}

impl Parser {
    /// A row that gives an ID another name. A name that is left untranslated is no other.
    fn other_name(&self, id: &str, name: &str) -> Option<&PublishedRow> {
        let korean = |name: &str| name.chars().any(is_hangul);
        let rows = self.named.get(id).into_iter().flatten().filter_map(|at| self.rows.get(*at));
        rows.into_iter().find(|row| {
            row.misprint.is_none()
                && !row.name.is_empty()
                && !name.is_empty()
                && korean(&row.name) == korean(name)
                && !same_name(&row.name, name)
        })
    }

    fn line(&mut self, line: &Line, number: usize) {
        match line {
            Line::Heading(heading) => self.heading = Some(heading.clone()),
            Line::Header(cells) => {
                let (columns, lang) = header(cells);
                self.columns = columns;
                self.lang = self.lang.or(lang);
                self.stray(cells, number, "an event ID in the header of a table");
            }
            Line::Row(cells) => self.row(cells, number),
            // What is behind the cut may be a part of the ID.
            Line::Open(cells) => {
                let is_last = cells.last().is_some_and(|cell| begins_like_id(&decode(cell)));
                let is_cut = is_last || cells.len() < self.columns.count;
                if !(is_cut && self.stray(cells, number, "the line is cut off")) {
                    self.row(cells, number);
                }
            }
            Line::Outside(cells) => {
                self.stray(
                    cells,
                    number,
                    "outside of a table: a header and a line of dashes must come before it",
                );
            }
            Line::Unclosed => self.odd.push(OddRow {
                printed: String::new(),
                name: String::new(),
                why: "a code block begins here and has no end: the rows in it are not read"
                    .to_owned(),
                line: number,
            }),
        }
    }

    /// Adds a line that looks like a row but is not; returns false if it does not look like one.
    fn stray(&mut self, cells: &[String], number: usize, why: &str) -> bool {
        let Some(at) = cells.iter().position(|cell| begins_like_id(&decode(cell))) else {
            return false;
        };
        let name = cells.iter().enumerate().find(|(place, _)| *place != at);
        self.odd.push(OddRow {
            printed: cells.get(at).map(|cell| text_of(cell)).unwrap_or_default(),
            name: name.map(|(_, cell)| text_of(cell)).unwrap_or_default(),
            why: why.to_owned(),
            line: number,
        });
        true
    }

    fn row(&mut self, cells: &[String], number: usize) {
        let decoded: Vec<String> = cells.iter().map(|cell| decode(cell)).collect();
        let like: Vec<usize> = (0..cells.len())
            .filter(|at| decoded.get(*at).is_some_and(|cell| begins_like_id(cell)))
            .collect();
        let clean = |at: &usize| {
            decoded.get(*at).is_some_and(|cell| ids_of(cell).iter().all(Result::is_ok))
        };
        let told = self.columns.id.filter(|at| like.contains(at));
        let at = told
            .or_else(|| like.iter().copied().find(clean))
            .or_else(|| like.first().copied())
            // None begins like an ID: one that holds an ID, or stands where the ID should.
            .or_else(|| decoded.iter().position(|cell| holds_id(cell)))
            .or(self.columns.id);
        let Some((at, cell)) = at.and_then(|at| Some((at, decoded.get(at)?))) else { return };
        if cell.chars().all(|c| is_invisible(c) || c.is_whitespace()) {
            return;
        }

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
        let service =
            Some(text(service)).filter(|text| !text.is_empty()).or_else(|| self.heading.clone());
        let name = text(name);
        let ids = if name.matches(STRUCK).count() > 1 {
            vec![Err((cell.trim().to_owned(), "its name is struck out".to_owned()))]
        } else if name.contains('\u{fffd}') {
            vec![Err((cell.trim().to_owned(), "a character of the name is lost".to_owned()))]
        } else {
            ids_of(cell)
        };
        for id in ids {
            match id {
                Ok((id, misprint)) => {
                    // Of a row that has the ID twice, neither is a name.
                    let name = if name == id { String::new() } else { name.clone() };
                    if misprint.is_none()
                        && let Some(other) = self.other_name(&id, &name)
                    {
                        let why = format!(
                            "the event ID has another name in line {}: {:?}",
                            other.line, other.name
                        );
                        self.odd.push(OddRow { printed: id, name, why, line: number });
                        continue;
                    }
                    let service = service.clone();
                    self.named.entry(id.clone()).or_default().push(self.rows.len());
                    self.rows.push(PublishedRow { id, name, service, misprint, line: number });
                }
                Err((printed, why)) => {
                    self.odd.push(OddRow { printed, name: name.clone(), why, line: number });
                }
            }
        }
    }
}

/// An ID, with what is wrong with it if it is a known misprint.
type Id = (String, Option<Misprint>);

/// What is no ID, and why.
type NoId = (String, String);

/// The IDs of a cell: more than one where the guide puts two into one cell.
fn ids_of(cell: &str) -> Vec<Result<Id, NoId>> {
    let whole: Vec<&str> =
        cell.split('\n').map(str::trim).filter(|piece| !piece.is_empty()).collect();
    let mut ids = Vec::new();
    for piece in whole {
        let one = id_of(piece);
        let parts: Vec<_> = piece.split_whitespace().map(id_of).collect();
        if one.is_err() && parts.len() > 1 && parts.iter().all(Result::is_ok) {
            ids.extend(parts);
        } else {
            ids.push(one);
        }
    }
    ids
}

/// The ID of a cell that has one: without the marks for bold and code, without characters that
/// nobody sees, and as it was meant if it is a known misprint. Anything else in it makes it odd: what
/// would be left of it might be another ID.
fn id_of(cell: &str) -> Result<Id, NoId> {
    let bare = without_marks(cell);
    let id: String = bare.chars().filter(|c| !is_invisible(*c)).collect();
    let id = id.trim();
    let fits = |erratum: &&super::Erratum| {
        // Errata tell `?` for a control character.
        let hidden = |c: char| is_invisible(c) || c == '\u{fffd}';
        let mut printed = bare.chars();
        let same = erratum.printed.chars().all(|wanted| {
            printed.next().is_some_and(|c| c == wanted || (wanted == '?' && hidden(c)))
        });
        (same && printed.next().is_none()) || erratum.printed == id
    };
    let wrong = |erratum: &&super::Erratum| erratum.canonical != Some(erratum.printed);
    if let Some(erratum) = table::ERRATA.iter().filter(wrong).find(fits) {
        let misprint = Misprint {
            printed: erratum.printed.to_owned(),
            canonical: erratum.canonical.map(str::to_owned),
            why: erratum.why.to_owned(),
        };
        return Ok((erratum.canonical.unwrap_or(id).to_owned(), Some(misprint)));
    }
    let odd = id.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
    let why = match odd {
        _ if !holds_id(id) => "no event ID where the table has its IDs".to_owned(),
        _ if !begins_like_id(id) => "text before the event ID".to_owned(),
        _ if id.contains(STRUCK) => "the event ID is struck out".to_owned(),
        Some(c) if c.is_whitespace() => "a blank inside the event ID".to_owned(),
        Some(c) if c != widen(c) => "full-width characters in the event ID".to_owned(),
        Some('\u{fffd}') => "a character of the event ID is lost".to_owned(),
        Some(c) => format!("`{c}` in the event ID"),
        // The guide has published some that look odd.
        None if super::get(id).is_some() => return Ok((id.to_owned(), None)),
        None if id.ends_with(['.', '_', '-']) || id.matches('.').count() < 2 => {
            "the event ID is cut off".to_owned()
        }
        None if id.contains("..") => "an empty part in the event ID".to_owned(),
        None => return Ok((id.to_owned(), None)),
    };
    Err((id.to_owned(), why))
}

/// A cell's text without the marks for bold, italics and code around the whole.
fn without_marks(cell: &str) -> &str {
    let mut text = cell.trim();
    let inside = |text: &'_ str| {
        ["*", "_", "`"]
            .iter()
            .any(|mark| text.len() > 2 && text.starts_with(mark) && text.ends_with(mark))
    };
    while inside(text) {
        text = text.get(1..text.len() - 1).unwrap_or_default().trim();
    }
    text
}

/// A text as an ID is told by its look: no blanks and marks, of one width and case.
fn look(text: &str) -> String {
    text.chars()
        .filter(|c| !is_invisible(*c) && !c.is_whitespace() && !matches!(c, '`' | '*' | '~'))
        .map(|c| widen(c).to_ascii_lowercase())
        .collect()
}

/// Whether a text begins with something like `event_id.`.
fn begins_like_id(text: &str) -> bool {
    look(text).split_once('.').is_some_and(|(prefix, _)| {
        prefix.ends_with("_id") && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// Whether a text has the beginning of an ID anywhere.
fn holds_id(text: &str) -> bool {
    begins_like_id(text)
        || ["event_id.", "email_id."].iter().any(|prefix| look(text).contains(prefix))
}

/// What a header says, and in which language.
fn header(cells: &[String]) -> (Columns, Option<Lang>) {
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
    // A header that forgets the column of the IDs may be wrong about the others.
    let columns = if columns.id.is_some() { columns } else { Columns::default() };
    (Columns { count: cells.len(), ..columns }, lang)
}
