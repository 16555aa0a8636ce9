//! Entries that a user adds or corrects at run time.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::tsv::Column;
use super::{
    Action, Catalog, Entry, Lang, Listing, Provenance, ResourceEffect, Service, Text, infer_action,
    infer_resource, service_segment,
};
use crate::error::{Code, Error, Position, Result, printable};

/// Entries beside the built-in ones, with what follows from them.
#[derive(Debug)]
pub(super) struct Overlay {
    /// Sorted by ID.
    entries: Vec<Entry>,
    places: HashMap<Text, usize>,
    /// How many of the entries are not built in.
    added: usize,
    services: Vec<Service>,
    /// The service that all IDs of a segment share, for the segments of `entries`.
    segments: HashMap<String, Option<Text>>,
}

impl Overlay {
    pub(super) fn parse(base: &Catalog, tsv: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(tsv).map_err(|error| {
            Error::new(Code::InvalidOverlay, "the overlay is not UTF-8").at(at_line(
                tsv.get(..error.valid_up_to()).unwrap_or_default().split(|b| *b == b'\n').count(),
            ))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (header_line, header) = lines.next().ok_or_else(|| {
            Error::new(
                Code::InvalidOverlay,
                "the overlay is empty: its first line must name the columns, `event_id` among them",
            )
        })?;
        let columns = header_columns(header).map_err(|error| error.at(at_line(header_line + 1)))?;

        // An overlay over an overlay keeps what the first one said.
        let mut entries: BTreeMap<Text, Entry> = base
            .overlay
            .iter()
            .flat_map(|overlay| overlay.entries.iter())
            .map(|entry| (entry.id.clone(), entry.clone()))
            .collect();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (number, line) in lines {
            let row = Row::of(&columns, line, number + 1)?;
            let id = row.id()?;
            if let Some(before) = seen.insert(id, number + 1) {
                return Err(
                    row.wrong(format!("`{}` stands in line {before} already", printable(id)))
                );
            }
            let entry = row.entry(base.get(id), base)?;
            entries.insert(entry.id.clone(), entry);
        }
        Ok(Self::new(entries.into_values().collect()))
    }

    fn new(entries: Vec<Entry>) -> Self {
        let places = entries.iter().enumerate().map(|(at, entry)| (entry.id.clone(), at)).collect();
        let added = entries.iter().filter(|entry| super::get(&entry.id).is_none()).count();
        let mut overlay =
            Self { entries, places, added, services: Vec::new(), segments: HashMap::new() };
        overlay.derive();
        overlay
    }

    /// Services and segments, counted over everything that is known.
    fn derive(&mut self) {
        let mut services: BTreeMap<Text, Service> = super::services()
            .iter()
            .map(|service| (service.slug.clone(), Service { entries: 0, ..service.clone() }))
            .collect();
        let mut segments: HashMap<String, Option<Vec<Text>>> = self
            .entries
            .iter()
            .filter_map(|entry| service_segment(&entry.id))
            .map(|segment| (segment.to_owned(), None))
            .collect();
        let builtin = super::entries().iter().filter(|entry| !self.places.contains_key(&entry.id));
        for entry in builtin.chain(&self.entries) {
            for slug in entry.services.iter() {
                services
                    .entry(slug.clone())
                    .or_insert_with(|| Service {
                        slug: slug.clone(),
                        names: [slug.clone(), slug.clone(), slug.clone()],
                        entries: 0,
                    })
                    .entries += 1;
            }
            if let Some(shared) =
                service_segment(&entry.id).and_then(|segment| segments.get_mut(segment))
            {
                match shared {
                    None => *shared = Some(entry.services.to_vec()),
                    Some(shared) => shared.retain(|slug| entry.services.contains(slug)),
                }
            }
        }
        self.services = services.into_values().collect();
        self.segments = segments
            .into_iter()
            .map(|(segment, shared)| {
                let one = shared
                    .and_then(|mut shared| if shared.len() == 1 { shared.pop() } else { None });
                (segment, one)
            })
            .collect();
    }

    pub(super) fn get(&self, id: &str) -> Option<&Entry> {
        self.places.get(id).and_then(|at| self.entries.get(*at))
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn added(&self) -> usize {
        self.added
    }

    pub(super) fn services(&self) -> &[Service] {
        &self.services
    }

    /// What the overlay changed about a segment's shared service, or none where it did not touch it.
    pub(super) fn segment(&self, segment: &str) -> Option<Option<&str>> {
        self.segments.get(segment).map(|slug| slug.as_deref())
    }
}

fn at_line(line: usize) -> Position {
    Position { line: line as u64, ..Position::default() }
}

/// The columns that the header names.
fn header_columns(header: &str) -> Result<Vec<Column>> {
    let wrong = |message: String| Error::new(Code::InvalidOverlay, message);
    let mut columns = Vec::new();
    for name in cells_of(header) {
        let column = Column::ALL.iter().copied().find(|column| column.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Column::ALL.iter().map(|column| column.name()).collect();
            wrong(format!(
                "the header names a column `{}`, which nothing is known of: correct the name or take the \
                 column out; the known ones are {}",
                printable(name),
                known.join(", "),
            ))
        })?;
        if columns.contains(&column) {
            return Err(wrong(format!(
                "the header names the column `{name}` more than once: take one of them out"
            )));
        }
        columns.push(column);
    }
    if !columns.contains(&Column::EventId) {
        return Err(wrong(
            "the header has no column `event_id`; an overlay is a TSV such as `catalog export` writes".into(),
        ));
    }
    Ok(columns)
}

/// The cells of a line. Empty ones at its end say nothing, whether an editor put them there or
/// stripped them.
fn cells_of(line: &str) -> impl Iterator<Item = &str> {
    line.trim_end().split('\t').map(str::trim)
}

/// A line of an overlay.
struct Row<'a> {
    cells: Vec<(Column, &'a str)>,
    line: usize,
}

impl<'a> Row<'a> {
    fn of(columns: &[Column], line: &'a str, number: usize) -> Result<Self> {
        let mut values = cells_of(line);
        let cells =
            columns.iter().map(|column| (*column, values.next().unwrap_or_default())).collect();
        let row = Self { cells, line: number };
        match values.next() {
            None => Ok(row),
            Some(_) => Err(row.wrong(format!(
                "the row has {} cells and the header names {} columns: take out a tab too many, or name \
                 the column in the header",
                cells_of(line).count(),
                columns.len(),
            ))),
        }
    }

    /// A cell; none where the overlay has no such column.
    fn cell(&self, column: Column) -> Option<&'a str> {
        self.cells.iter().find(|(known, _)| *known == column).map(|(_, value)| *value)
    }

    /// A cell with something in it.
    fn filled(&self, column: Column) -> Option<&'a str> {
        self.cell(column).filter(|value| !value.is_empty())
    }

    fn wrong(&self, message: String) -> Error {
        Error::new(Code::InvalidOverlay, message).at(at_line(self.line))
    }

    fn word<T: std::str::FromStr<Err = Error>>(&self, value: &str) -> Result<T> {
        value.parse().map_err(|error: Error| self.wrong(error.message().to_owned()))
    }

    fn id(&self) -> Result<&'a str> {
        let id = self.cell(Column::EventId).unwrap_or_default();
        if id.is_empty() || id.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(self.wrong(format!(
                "`{}` is not an event ID: it must not be empty nor hold blanks or control characters",
                printable(id)
            )));
        }
        Ok(id)
    }

    fn entry(&self, known: Option<&Entry>, base: &Catalog) -> Result<Entry> {
        let id = self.id()?;
        let services = match self.filled(Column::Services) {
            Some(slugs) => texts(slugs, ","),
            None => match known {
                Some(known) => known.services.clone(),
                None => base.infer_service(id).map(owned).into_iter().collect::<Vec<_>>().into(),
            },
        };
        let (names, published) = self.names(id, known)?;
        let former_names = match self.cell(Column::FormerNames) {
            Some(names) => texts(names, " / "),
            None => known.map(|known| known.former_names.clone()).unwrap_or_default(),
        };
        let resource = match (self.filled(Column::Resource), known) {
            (Some(resource), _) => owned(resource),
            (None, Some(known)) if self.cell(Column::Resource).is_none() => known.resource.clone(),
            _ => infer_resource(id).map(Cow::Owned).unwrap_or_default(),
        };
        let listings = match self.cell(Column::Listings) {
            Some(listings) => self.listings(listings)?,
            None => known.map(|known| known.listings.clone()).unwrap_or_default(),
        };
        let retired = match (self.filled(Column::Retired), known) {
            (Some(value), _) => match value.to_ascii_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => {
                    return Err(self.wrong(format!(
                        "`{}` in the column `retired` is neither `true` nor `false`",
                        printable(value)
                    )));
                }
            },
            (None, Some(known)) if self.cell(Column::Listings).is_none() => known.retired,
            // Without any listing nothing says that it is gone.
            _ => !listings.is_empty() && listings.iter().all(|listing| listing.last.is_some()),
        };
        Ok(Entry {
            id: owned(id),
            services,
            names,
            published,
            former_names,
            action: self.action(id, known)?,
            resource,
            effects: self.effects(known)?,
            listings,
            retired,
        })
    }

    fn names(&self, id: &str, known: Option<&Entry>) -> Result<([Text; 3], [bool; 3])> {
        let given = |lang: Lang| self.filled(Column::Name(lang));
        let of = |lang: Lang| given(lang).or_else(|| known.map(|known| known.name(lang)));
        // A language without a name gets that of another, and an event without any its ID.
        let any = Lang::ALL.iter().find_map(|lang| of(*lang)).unwrap_or(id);
        let name = |lang: Lang| owned(of(lang).unwrap_or(any));
        let names = [name(Lang::Ko), name(Lang::En), name(Lang::Ja)];
        let published = match self.cell(Column::Published) {
            Some(value) => {
                let mut published = [false; 3];
                for lang in value.split(',').map(str::trim).filter(|lang| !lang.is_empty()) {
                    let lang: Lang = self.word(lang)?;
                    if let Some(flag) = published.get_mut(lang.index()) {
                        *flag = true;
                    }
                }
                published
            }
            // A name that somebody typed is not one that NHN Cloud published.
            None => {
                let still = |lang: Lang| {
                    known.is_some_and(|known| {
                        known.name_is_published(lang) && of(lang) == Some(known.name(lang))
                    })
                };
                [still(Lang::Ko), still(Lang::En), still(Lang::Ja)]
            }
        };
        Ok((names, published))
    }

    fn action(&self, id: &str, known: Option<&Entry>) -> Result<Option<Action>> {
        let columns = [Column::Verb, Column::Kind, Column::Phase];
        if let Some(known) = known
            && columns.iter().all(|column| self.cell(*column).is_none())
        {
            return Ok(known.action.clone());
        }
        let inferred = infer_action(id);
        let verb = self.filled(Column::Verb);
        let kind = self.filled(Column::Kind).map(|kind| self.word(kind)).transpose()?;
        let phase = self.filled(Column::Phase).map(|phase| self.word(phase)).transpose()?;
        if verb.is_none() && kind.is_none() && phase.is_none() {
            return Ok(inferred);
        }
        let kind = kind.or_else(|| inferred.as_ref().map(|action| action.kind)).ok_or_else(|| {
            self.wrong(format!(
                "`{}` has a verb or a phase but no kind, and its words do not tell it: give it a `kind`",
                printable(id)
            ))
        })?;
        let provenance = match self.filled(Column::Provenance) {
            Some(provenance) => self.word(provenance)?,
            None => Provenance::Curated,
        };
        let verb = match (verb, self.cell(Column::Verb)) {
            (Some(verb), _) => owned(verb),
            (None, Some(_)) => Text::default(),
            (None, None) => inferred.map(|action| action.verb).unwrap_or_default(),
        };
        Ok(Some(Action { verb, kind, phase, provenance }))
    }

    fn effects(&self, known: Option<&Entry>) -> Result<Cow<'static, [ResourceEffect]>> {
        let Some(types) = self.cell(Column::ResourceType) else {
            return Ok(known.map(|known| known.effects.clone()).unwrap_or_default());
        };
        if types.is_empty() {
            return Ok(Cow::Borrowed(&[]));
        }
        let mut effects = self.cell(Column::Effect).unwrap_or_default().split(',');
        types
            .split(',')
            .map(|resource_type| {
                let effect = effects.next().map(str::trim).filter(|effect| !effect.is_empty());
                Ok(ResourceEffect {
                    resource_type: owned(resource_type.trim()),
                    effect: effect.map(|effect| self.word(effect)).transpose()?,
                })
            })
            .collect::<Result<Vec<_>>>()
            .map(Cow::Owned)
    }

    fn listings(&self, text: &str) -> Result<Cow<'static, [Listing]>> {
        text.split(';')
            .map(str::trim)
            .filter(|listing| !listing.is_empty())
            .map(|listing| {
                let parts = listing.split_once('=').and_then(|(edition, dates)| {
                    dates.split_once('/').map(|(first, last)| (edition, first, last))
                });
                let (edition, first, last) = parts.ok_or_else(|| {
                    self.wrong(format!(
                        "`{}` is not a listing such as `public=2024-01-16/` or `gov=2020-10-29/2023-07-19`",
                        printable(listing)
                    ))
                })?;
                Ok(Listing {
                    edition: self.word(edition)?,
                    first: self.word(first)?,
                    last: if last.is_empty() { None } else { Some(self.word(last)?) },
                })
            })
            .collect::<Result<Vec<_>>>()
            .map(Cow::Owned)
    }
}

fn owned(text: &str) -> Text {
    Cow::Owned(text.to_owned())
}

fn texts(list: &str, separator: &str) -> Cow<'static, [Text]> {
    list.split(separator)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(owned)
        .collect::<Vec<_>>()
        .into()
}
