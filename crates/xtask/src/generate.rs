//! `cargo xtask generate`: the catalog's data files become `table.rs`, and the types of the bindings
//! that know every ID.
//!
//! The data files are the source and are read with suspicion; whatever looks odd stops the
//! generator, unless `errata.tsv` says that it is meant.

mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::catalog::{
    Date, Edition, Effect, Kind, Lang, Phase, infer_action, infer_resource, lookup,
};
use serde::Deserialize;

use crate::{Result, root};

/// What is shown of what the generator did.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only compare; fail if the table is not what the data files give.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let generated = generate(&data_dir())?;
    for note in &generated.notes {
        eprintln!("{note}");
    }
    for (path, text) in &generated.files {
        match (fs::read_to_string(path).is_ok_and(|there| there == *text), args.check) {
            (true, _) => eprintln!("{} is fresh", path.display()),
            (false, true) => {
                let path = path.display();
                return Err(format!("{path} is stale: run `cargo xtask generate`").into());
            }
            (false, false) => {
                fs::write(path, text)?;
                eprintln!("wrote {}", path.display());
            }
        }
    }
    Ok(())
}

fn core_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../nhn-cloudtrail")
}

fn data_dir() -> PathBuf {
    core_dir().join("data")
}

fn table_path() -> PathBuf {
    core_dir().join("src/catalog/table.rs")
}

struct Generated {
    files: [(PathBuf, String); 3],
    notes: Vec<String>,
}

/// `SOURCE.toml`: what the data files must hold.
#[derive(Deserialize)]
struct Source {
    version: String,
    events: SourceEvents,
    effects: SourceEffects,
}

#[derive(Deserialize)]
struct SourceEvents {
    editions: Vec<String>,
    count: usize,
    services: usize,
    errata: usize,
}

#[derive(Deserialize)]
struct SourceEffects {
    unlisted: usize,
}

/// `actions.toml`: groups of events whose action the rules cannot tell.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overrides {
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    reason: String,
    kind: Option<String>,
    /// `none` takes an inferred phase away.
    phase: Option<String>,
    /// Empty: the ID has no word for the act.
    verb: Option<String>,
    resource: Option<String>,
    events: Vec<String>,
}

struct Event {
    id: String,
    services: Vec<String>,
    names: [String; 3],
    published: [bool; 3],
    former_names: Vec<String>,
    listings: Vec<(Edition, Date, Option<Date>)>,
    verb: String,
    kind: Kind,
    phase: Option<Phase>,
    curated: bool,
    resource: String,
    effects: Vec<(String, Option<Effect>)>,
}

fn generate(data: &Path) -> Result<Generated> {
    let mut notes = Vec::new();
    let source: Source = toml::from_str(&fs::read_to_string(data.join("SOURCE.toml"))?)?;
    let editions: Vec<&str> = Edition::ALL.iter().map(|edition| edition.as_str()).collect();
    expect_equal("editions in SOURCE.toml", &source.events.editions, &editions)?;

    let services = read_tsv(
        &data.join("services.tsv"),
        &["service", "name_ko", "name_en", "name_ja", "events"],
    )?;
    expect_equal("rows in services.tsv", &services.len(), &source.events.services)?;
    expect_sorted("services.tsv", services.iter().map(|row| row.cell(0)))?;
    let errata = read_tsv(&data.join("errata.tsv"), &["as_published", "canonical", "why"])?;
    expect_equal("rows in errata.tsv", &errata.len(), &source.events.errata)?;

    let mut events = read_events(data, &services, &errata)?;
    expect_equal("rows in events.tsv", &events.len(), &source.events.count)?;
    let newest = events
        .iter()
        .flat_map(|event| &event.listings)
        .flat_map(|(_, first, last)| [Some(*first), *last])
        .flatten()
        .max()
        .ok_or("events.tsv has no listings")?;
    expect_equal("version in SOURCE.toml", &source.version, &newest.to_string())?;

    let supplied = supply_names(&mut events, data)?;
    notes.push(format!("{supplied} names are the project's own"));
    let curated = override_actions(&mut events, data)?;
    notes.push(format!("{curated} actions are curated, {} inferred", events.len() - curated));
    let unlisted = add_effects(&mut events, data)?;
    expect_equal("IDs in effects.tsv that are in no list", &unlisted, &source.effects.unlisted)?;
    notes.push(format!("{unlisted} IDs in effects.tsv are in no list: skipped"));
    let lists = read_lists(data, &events)?;

    for row in &services {
        let count = events
            .iter()
            .filter(|event| event.services.iter().any(|slug| slug == row.cell(0)))
            .count();
        expect_equal(
            &format!("events of `{}`", row.cell(0)),
            &row.cell(4),
            &count.to_string().as_str(),
        )?;
    }
    let table = write_table(&source, &events, &services, &errata, &lists)?;
    let files = [
        (table_path(), table),
        (root().join("python/nhn_cloudtrail/_ids.py"), types::python(&source, &events, &services)),
        (root().join("node/src/ids.ts"), types::typescript(&source, &events, &services)),
    ];
    Ok(Generated { files, notes })
}

fn read_events(data: &Path, services: &[Row], errata: &[Row]) -> Result<Vec<Event>> {
    let rows = read_tsv(
        &data.join("events.tsv"),
        &["event_id", "services", "name_ko", "name_en", "name_ja", "former_names_ko", "listings"],
    )?;
    expect_sorted("events.tsv", rows.iter().map(|row| row.cell(0)))?;
    let slugs: BTreeSet<&str> = services.iter().map(|row| row.cell(0)).collect();
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let id = row.cell(0);
        check_id(id, errata).map_err(|wrong| row.wrong(&wrong))?;
        let services = list(row.cell(1), ",");
        if services.is_empty() {
            return Err(row.wrong("no service"));
        }
        if let Some(unknown) = services.iter().find(|slug| !slugs.contains(slug.as_str())) {
            return Err(row.wrong(&format!("unknown service `{unknown}`")));
        }
        let names = [row.cell(2), row.cell(3), row.cell(4)].map(str::to_owned);
        events.push(Event {
            id: id.to_owned(),
            services,
            published: names.each_ref().map(|name| !name.is_empty()),
            names,
            former_names: list(row.cell(5), " / "),
            listings: listings(row.cell(6)).map_err(|wrong| row.wrong(&wrong))?,
            verb: String::new(),
            kind: Kind::Read,
            phase: None,
            curated: false,
            resource: infer_resource(id).unwrap_or_default(),
            effects: Vec::new(),
        });
    }
    Ok(events)
}

/// An odd ID is a mistake of whoever edited the file, unless errata say that it was published so.
fn check_id(id: &str, errata: &[Row]) -> Result<(), String> {
    let erratum = errata.iter().find(|row| row.cell(0) == id);
    match erratum {
        Some(row) if row.cell(1) == id => return Ok(()),
        Some(row) => return Err(format!("errata.tsv calls this ID wrong: {}", row.cell(2))),
        None => {}
    }
    let segments: Vec<&str> = id.split('.').collect();
    let plain = |segment: &&str| {
        !segment.is_empty()
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    let odd = if segments.len() < 3 {
        "it has fewer than three segments"
    } else if !segments.first().is_some_and(|prefix| prefix.ends_with("_id")) {
        "it does not begin with `event_id` or the like"
    } else if !segments.iter().all(plain) {
        "a segment is empty or has odd characters"
    } else if segments.iter().skip(1).any(|segment| *segment == "event_id") {
        "its prefix is repeated"
    } else {
        return Ok(());
    };
    Err(format!("`{id}` is odd and errata.tsv does not explain it: {odd}"))
}

fn listings(text: &str) -> Result<Vec<(Edition, Date, Option<Date>)>, String> {
    let mut listings: Vec<(Edition, Date, Option<Date>)> = Vec::new();
    for listing in text.split(';') {
        let parse = || -> Option<(Edition, Date, Option<Date>)> {
            let (edition, dates) = listing.split_once('=')?;
            let (first, last) = dates.split_once('/')?;
            let first: Date = first.parse().ok()?;
            let last = if last.is_empty() { None } else { Some(last.parse::<Date>().ok()?) };
            (last.is_none_or(|last| last >= first)).then_some((edition.parse().ok()?, first, last))
        };
        let parsed = parse().ok_or_else(|| format!("odd listing `{listing}`"))?;
        if listings.iter().any(|(edition, ..)| *edition == parsed.0) {
            return Err(format!("edition `{}` twice", parsed.0));
        }
        listings.push(parsed);
    }
    Ok(listings)
}

/// Fills the names that NHN Cloud never published; says how many.
fn supply_names(events: &mut [Event], data: &Path) -> Result<usize> {
    let rows = read_tsv(&data.join("names.tsv"), &["event_id", "lang", "name"])?;
    for row in &rows {
        let lang: Lang = row.cell(1).parse().map_err(|error| row.wrong(&format!("{error}")))?;
        let event = find(events, row.cell(0)).ok_or_else(|| row.wrong("unknown event ID"))?;
        let name = event.names.get_mut(lang as usize).ok_or("no such language")?;
        if !name.is_empty() {
            return Err(row.wrong("there is a name in this language already"));
        }
        if row.cell(2).is_empty() {
            return Err(row.wrong("empty name"));
        }
        *name = row.cell(2).to_owned();
    }
    for event in events {
        if event.names.iter().any(String::is_empty) {
            return Err(format!("names.tsv lacks a name of `{}`", event.id).into());
        }
    }
    Ok(rows.len())
}

/// Sets every event's action, by the rules or by `actions.toml`; says how many by the latter.
fn override_actions(events: &mut [Event], data: &Path) -> Result<usize> {
    let text = fs::read_to_string(data.join("actions.toml"))?;
    let overrides: Overrides = toml::from_str(&text)?;
    let mut groups: BTreeMap<&str, &Group> = BTreeMap::new();
    for group in &overrides.group {
        if group.reason.trim().is_empty() {
            return Err("actions.toml: a group without a reason".into());
        }
        for id in &group.events {
            if groups.insert(id, group).is_some() {
                return Err(format!("actions.toml: `{id}` is in two groups").into());
            }
        }
    }
    let curated = groups.len();
    for event in events {
        let inferred = infer_action(&event.id);
        let group = groups.remove(event.id.as_str());
        let wrong = |wrong: &str| format!("actions.toml: `{}`: {wrong}", event.id);
        let inferred_verb = inferred.as_ref().and_then(|action| action.verb()).unwrap_or_default();
        let inferred_kind = inferred.as_ref().map(|action| action.kind());
        let inferred_phase = inferred.as_ref().and_then(|action| action.phase());
        let kind = match group.and_then(|group| group.kind.as_deref()) {
            Some(kind) => Some(kind.parse::<Kind>()?),
            None => inferred_kind,
        };
        event.kind = kind.ok_or_else(|| wrong("neither the rules nor this file know its kind"))?;
        event.phase = match group.and_then(|group| group.phase.as_deref()) {
            Some("none") => None,
            Some(phase) => Some(phase.parse::<Phase>()?),
            None => inferred_phase,
        };
        event.verb =
            group.and_then(|group| group.verb.as_deref()).unwrap_or(inferred_verb).to_owned();
        let inferred_resource = std::mem::take(&mut event.resource);
        event.resource = group
            .and_then(|group| group.resource.as_deref())
            .unwrap_or(&inferred_resource)
            .to_owned();
        event.curated = group.is_some();
        if group.is_some()
            && inferred_kind == Some(event.kind)
            && inferred_phase == event.phase
            && inferred_verb == event.verb
            && inferred_resource == event.resource
        {
            return Err(wrong("the rules say the same; take it out").into());
        }
    }
    match groups.keys().next() {
        Some(unknown) => Err(format!("actions.toml: `{unknown}` is in no list").into()),
        None => Ok(curated),
    }
}

/// Adds what the Resource Watcher guide says; gives back how many of its IDs are in no list.
fn add_effects(events: &mut [Event], data: &Path) -> Result<usize> {
    let rows = read_tsv(&data.join("effects.tsv"), &["event_id", "resource_type", "effect"])?;
    expect_sorted("effects.tsv", rows.iter().map(|row| (row.cell(0), row.cell(1))))?;
    let mut unlisted = BTreeSet::new();
    for row in &rows {
        let effect = match row.cell(2) {
            "" => None,
            effect => {
                Some(effect.parse::<Effect>().map_err(|error| row.wrong(&error.to_string()))?)
            }
        };
        match find(events, row.cell(0)) {
            Some(event) => event.effects.push((row.cell(1).to_owned(), effect)),
            None => {
                unlisted.insert(row.cell(0));
            }
        }
    }
    Ok(unlisted.len())
}

/// The named lists: files of `lists/`, in the order that they printed.
fn read_lists(data: &Path, events: &[Event]) -> Result<Vec<(String, Vec<Row>)>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(data.join("lists"))?
        .map(|file| file.map(|file| file.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let mut lists = Vec::new();
    for path in paths {
        let rows = read_tsv(&path, &["name_ko", "event_id", "service"])?;
        let mut seen = BTreeSet::new();
        for row in &rows {
            if events.binary_search_by(|event| event.id.as_str().cmp(row.cell(1))).is_err() {
                return Err(row.wrong("unknown event ID"));
            }
            if !seen.insert(row.cell(1)) {
                return Err(row.wrong("an ID twice"));
            }
        }
        let name =
            path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        lists.push((name, rows));
    }
    Ok(lists)
}

fn find<'a>(events: &'a mut [Event], id: &str) -> Option<&'a mut Event> {
    let at = events.binary_search_by(|event| event.id.as_str().cmp(id)).ok()?;
    events.get_mut(at)
}

/// The service that all IDs of a second segment share, for the segments that have one.
fn shared_services(events: &[Event]) -> BTreeMap<&str, &str> {
    let mut shared: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in events {
        let Some(segment) = event.id.split('.').nth(1).filter(|segment| !segment.is_empty()) else {
            continue;
        };
        let services: Vec<&str> = event.services.iter().map(String::as_str).collect();
        shared
            .entry(segment)
            .and_modify(|known| known.retain(|slug| services.contains(slug)))
            .or_insert(services);
    }
    shared
        .into_iter()
        .filter_map(|(segment, slugs)| match slugs.as_slice() {
            [slug] => Some((segment, *slug)),
            _ => None,
        })
        .collect()
}

fn write_table(
    source: &Source,
    events: &[Event],
    services: &[Row],
    errata: &[Row],
    lists: &[(String, Vec<Row>)],
) -> Result<String> {
    let mut out = String::new();
    let version = &source.version;
    writeln!(
        out,
        "// DO NOT EDIT. Written by `cargo xtask generate` from crates/nhn-cloudtrail/data,"
    )?;
    writeln!(out, "// whose source is NHN Cloud's CloudTrail user guide as of {version}.")?;
    writeln!(out)?;
    writeln!(out, "use std::borrow::Cow::Borrowed as B;")?;
    writeln!(out)?;
    writeln!(out, "use super::action::{{curated as c, inferred as i}};")?;
    writeln!(out, "use super::entry::{{entry as e, listing as l}};")?;
    writeln!(
        out,
        "use super::{{Edition as E, Effect as F, Entry, Erratum, Kind as K, List, ListRow, Phase as P, \
         ResourceEffect as X, Service}};"
    )?;
    writeln!(out)?;
    writeln!(out, "pub(super) const VERSION: &str = {version:?};")?;

    // In one expression, the compiler's time and memory would grow by the square of the table.
    writeln!(out, "\n/// Makes each element an item of its own, which is much faster to compile.")?;
    writeln!(out, "macro_rules! items {{")?;
    writeln!(
        out,
        "    ($type:ty; $($item:expr),* $(,)?) => {{ &[$({{ const ITEM: $type = $item; ITEM }}),*] }};"
    )?;
    writeln!(out, "}}")?;
    writeln!(out, "\npub(super) static ENTRIES: &[Entry] = items![Entry;")?;
    for event in events {
        writeln!(out, "    {},", entry(event))?;
    }
    writeln!(out, "];")?;

    writeln!(out, "\npub(super) static SERVICES: &[Service] = &[")?;
    for row in services {
        let [slug, ko, en, ja] = [0, 1, 2, 3].map(|at| quoted(row.cell(at)));
        let entries = row.cell(4);
        writeln!(
            out,
            "    Service {{ slug: B({slug}), names: [B({ko}), B({en}), B({ja})], entries: {entries} }},"
        )?;
    }
    writeln!(out, "];")?;

    writeln!(out, "\n/// Second segments of IDs whose events all share one service.")?;
    writeln!(out, "pub(super) static SEGMENTS: &[(&str, &str)] = &[")?;
    for (segment, slug) in shared_services(events) {
        writeln!(out, "    ({}, {}),", quoted(segment), quoted(slug))?;
    }
    writeln!(out, "];")?;

    writeln!(out, "\npub(super) static ERRATA: &[Erratum] = &[")?;
    for row in errata {
        let canonical = match row.cell(1) {
            "" => "None".to_owned(),
            canonical => format!("Some({})", quoted(canonical)),
        };
        let (printed, why) = (quoted(row.cell(0)), quoted(row.cell(2)));
        writeln!(out, "    Erratum {{ printed: {printed}, canonical: {canonical}, why: {why} }},")?;
    }
    writeln!(out, "];")?;

    writeln!(out, "\npub(super) static LISTS: &[List] = &[")?;
    for (name, rows) in lists {
        writeln!(out, "    List {{ name: {}, rows: &[", quoted(name))?;
        for row in rows {
            let [name, id, service] = [0, 1, 2].map(|at| quoted(row.cell(at)));
            writeln!(out, "        ListRow {{ name: {name}, id: {id}, service: {service} }},")?;
        }
        writeln!(out, "    ] }},")?;
    }
    writeln!(out, "];")?;

    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let (seeds, index) = lookup::build(&ids)?;
    numbers(&mut out, "The perfect hash: a seed a bucket.", "SEEDS", "BUCKETS", &seeds)?;
    numbers(&mut out, "The perfect hash: places in `ENTRIES` by slot.", "INDEX", "SLOTS", &index)?;
    Ok(out)
}

fn entry(event: &Event) -> String {
    let borrowed = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| format!("B({})", quoted(text))).collect();
        texts.join(", ")
    };
    let phase = event.phase.map_or("None".to_owned(), |phase| format!("Some(P::{phase:?})"));
    let action = format!(
        "{}({}, K::{:?}, {phase})",
        if event.curated { "c" } else { "i" },
        quoted(&event.verb),
        event.kind
    );
    let effects: Vec<String> = event
        .effects
        .iter()
        .map(|(resource_type, effect)| {
            let effect = effect.map_or("None".to_owned(), |effect| format!("Some(F::{effect:?})"));
            format!("X {{ resource_type: B({}), effect: {effect} }}", quoted(resource_type))
        })
        .collect();
    let listings: Vec<String> = event
        .listings
        .iter()
        .map(|(edition, first, last)| {
            let number = |date: &Date| date.to_string().replace('-', "");
            format!(
                "l(E::{edition:?}, {}, {})",
                number(first),
                last.as_ref().map_or("0".to_owned(), number)
            )
        })
        .collect();
    let published: String =
        event.published.iter().map(|published| if *published { '1' } else { '0' }).collect();
    format!(
        "e({}, &[{}], [{}], 0b{published}, &[{}], {action}, {}, &[{}], &[{}])",
        quoted(&event.id),
        borrowed(&event.services),
        borrowed(&event.names),
        borrowed(&event.former_names),
        quoted(&event.resource),
        effects.join(", "),
        listings.join(", "),
    )
}

fn numbers(out: &mut String, what: &str, name: &str, length: &str, numbers: &[u16]) -> Result<()> {
    writeln!(out, "\n/// {what}")?;
    writeln!(out, "pub(super) static {name}: [u16; super::lookup::{length}] = [")?;
    for line in numbers.chunks(16) {
        let line: Vec<String> = line.iter().map(u16::to_string).collect();
        writeln!(out, "    {},", line.join(", "))?;
    }
    writeln!(out, "];")?;
    Ok(())
}

/// A string literal that shows text of any script as it is.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn list(text: &str, separator: &str) -> Vec<String> {
    text.split(separator).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// A line of a data file.
struct Row {
    file: String,
    line: usize,
    cells: Vec<String>,
}

impl Row {
    fn cell(&self, at: usize) -> &str {
        self.cells.get(at).map_or("", String::as_str)
    }

    fn wrong(&self, message: &str) -> Box<dyn std::error::Error> {
        format!("{}:{}: {message}", self.file, self.line).into()
    }
}

/// The rows of a data file whose header is exactly this.
fn read_tsv(path: &Path, header: &[&str]) -> Result<Vec<Row>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut rows = Vec::new();
    for (number, line) in text.strip_suffix('\n').unwrap_or(&text).split('\n').enumerate() {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let row = Row { file: file.clone(), line: number + 1, cells };
        if number == 0 {
            if row.cells != header {
                return Err(row.wrong(&format!("the header is not {}", header.join(", "))));
            }
            continue;
        }
        if row.cells.len() != header.len() {
            return Err(row.wrong(&format!(
                "{} columns instead of {}",
                row.cells.len(),
                header.len()
            )));
        }
        for cell in &row.cells {
            let hidden = |c: char| {
                c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{fffd}')
            };
            if cell.chars().any(hidden) {
                return Err(row.wrong(&format!("control character in {cell:?}")));
            }
            if cell.trim() != cell {
                return Err(row.wrong(&format!("blanks around {cell:?}")));
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

fn expect_sorted<K: PartialOrd + std::fmt::Debug>(
    file: &str,
    keys: impl Iterator<Item = K>,
) -> Result<()> {
    let mut before: Option<K> = None;
    for key in keys {
        if before.as_ref().is_some_and(|before| *before >= key) {
            return Err(format!("{file}: {key:?} is twice there or out of order").into());
        }
        before = Some(key);
    }
    Ok(())
}

fn expect_equal<A: PartialEq<B> + std::fmt::Debug, B: std::fmt::Debug>(
    what: &str,
    found: &A,
    expected: &B,
) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, expected {expected:?}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is checked in is what the data files give; what is stale is written anew.
    #[test]
    fn what_is_generated_is_fresh() {
        for (path, text) in generate(&data_dir()).unwrap().files {
            if fs::read_to_string(&path).unwrap_or_default() != text {
                fs::write(&path, &text).unwrap();
                panic!(
                    "{} was stale and has been written anew: look at the difference and commit it",
                    path.display()
                );
            }
        }
    }

    /// What the generator says when `from` is `to` in a data file.
    fn with_change(file: &str, from: &str, to: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("lists")).unwrap();
        for name in [
            "SOURCE.toml",
            "actions.toml",
            "effects.tsv",
            "errata.tsv",
            "events.tsv",
            "names.tsv",
            "services.tsv",
            "lists/gov-2020-10-29.tsv",
        ] {
            let mut text = fs::read_to_string(data_dir().join(name)).unwrap();
            if name == file {
                assert!(text.contains(from), "{file} has no {from:?}");
                text = text.replacen(from, to, 1);
            }
            fs::write(dir.path().join(name), text).unwrap();
        }
        generate(dir.path()).map(|_| String::new()).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn odd_data_stops_the_generator() {
        let cases = [
            // Twice, out of order, control characters, blanks, odd columns.
            ("events.tsv", "event_id.iaas.vpc.delete\t", "event_id.iaas.vpc.create\t", "twice"),
            (
                "events.tsv",
                "event_id.iaas.vpc.create\t",
                "event_id.aaas.vpc.create\t",
                "out of order",
            ),
            ("events.tsv", "\tVPC 생성\t", "\tVPC\u{8}생성\t", "control character"),
            ("events.tsv", "\tVPC 생성\t", "\tVPC 생성 \t", "blanks"),
            ("events.tsv", "\tVPC 생성\t", "\tVPC 생성\t\t", "8 columns"),
            ("events.tsv", "name_ko\tname_en", "name_en\tname_ko", "header"),
            // IDs that nobody explains, or that errata call wrong.
            (
                "errata.tsv",
                "event_id.pca..ca.delete\tevent_id.pca..ca.delete",
                "event_id.pca..x\t",
                "odd",
            ),
            (
                "errata.tsv",
                "event_id.pca..ca.delete\tevent_id.pca..ca.delete",
                "event_id.pca..ca.delete\t",
                "wrong",
            ),
            // Services, listings, counts.
            ("events.tsv", "\tinfrastructure\t", "\tinfra\t", "unknown service `infra`"),
            ("events.tsv", "public=2024-01-16/", "public=2024-13-16/", "odd listing"),
            ("events.tsv", "public=2024-01-16/", "publik=2024-01-16/", "odd listing"),
            ("services.tsv", "\t596", "\t595", "infrastructure"),
            ("SOURCE.toml", "version = \"2026", "version = \"2025", "version"),
            // Names, actions, effects, lists.
            ("names.tsv", "\tja\t", "\tko\t", "already"),
            ("actions.toml", "event_id.cdn.auth_token", "event_id.cdn.auth", "auth"),
            (
                "actions.toml",
                "event_id.cdn.auth_token\"",
                "event_id.backup.result.file\"",
                "two groups",
            ),
            ("actions.toml", "kind = \"update\"", "kind = \"change\"", "create, read"),
            ("effects.tsv", "\tmodify", "\tchange", "create, modify"),
            (
                "lists/gov-2020-10-29.tsv",
                "event_id.iaas.vpc.create",
                "event_id.iaas.vpc.made",
                "unknown event ID",
            ),
        ];
        for (file, from, to, part) in cases {
            let error = with_change(file, from, to);
            assert!(error.contains(part), "{file}: {from:?} -> {to:?}: {error:?} has no {part:?}");
        }
    }

    #[test]
    fn an_override_that_says_what_the_rules_say_is_taken_out() {
        let group = "[[group]]\nreason = \"none\"\nkind = \"create\"\nevents = [\"event_id.iaas.vpc.create\"]\n\n[[group]]";
        assert!(with_change("actions.toml", "[[group]]", group).contains("the rules say the same"));
    }
}
