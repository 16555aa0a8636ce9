//! The golden cases of `tests/cases`, and reading all of an input, for the tests of this crate.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{
    Column, Error, Event, Filter, Item, Limits, Outcome, Reader, ReaderBuilder, Reject, Result,
    Stats,
};
use serde::Deserialize;

/// A folder of `tests/cases`; `tests/README.md` says what stands in it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
}

/// `options.json` of a case.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    dedup: bool,
    lang: Option<String>,
    columns: Option<Vec<String>>,
    limits: LimitOptions,
    filter: Option<FilterOptions>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitOptions {
    record_bytes: Option<usize>,
    depth: Option<usize>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FilterOptions {
    event: Vec<String>,
    service: Vec<String>,
    kind: Vec<String>,
    phase: Vec<Option<String>>,
    outcome: Vec<String>,
    source_type: Vec<String>,
    user: Vec<String>,
    ip: Vec<String>,
    project: Vec<String>,
    region: Vec<String>,
    since: Option<String>,
    until: Option<String>,
    tz: Option<String>,
    known: Option<bool>,
    text: Vec<String>,
}

/// Every case, sorted by name.
pub(crate) fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let entries = fs::read_dir(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let mut cases: Vec<Case> = entries.map(|entry| Case::open(entry.unwrap().path())).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!cases.is_empty(), "no case in {}", root.display());
    cases
}

impl Case {
    fn open(folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let options = match fs::read(folder.join("options.json")) {
            Ok(text) => serde_json::from_slice(&text)
                .unwrap_or_else(|error| panic!("{name}/options.json: {error}")),
            Err(_) => Options::default(),
        };
        Self { name, folder, options }
    }

    /// A file `input.*`, or the folder `input`.
    pub(crate) fn input(&self) -> PathBuf {
        let is_input = |path: &PathBuf| {
            path.file_name().unwrap().to_string_lossy().split('.').next() == Some("input")
        };
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut inputs = entries.map(|entry| entry.unwrap().path()).filter(is_input);
        match (inputs.next(), inputs.next()) {
            (Some(input), None) => input,
            _ => panic!("{}: wants one file `input.*`, or a folder `input`", self.name),
        }
    }
}

impl Options {
    /// The flat form of an event, as these options want it.
    pub(crate) fn flat(&self, event: &Event) -> String {
        let columns: Vec<Column> = match &self.columns {
            Some(names) => names.iter().map(|name| name.parse().unwrap()).collect(),
            None => Column::standard().to_vec(),
        };
        let lang = self.lang.as_ref().map_or(Lang::Ko, |lang| lang.parse().unwrap());
        let mut line = Vec::new();
        event.enrich().write_json(&columns, lang, &mut line);
        String::from_utf8(line).unwrap()
    }

    pub(crate) fn dedup(&self) -> bool {
        self.dedup
    }

    pub(crate) fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if let Some(bytes) = self.limits.record_bytes {
            limits = limits.with_record_bytes(bytes);
        }
        if let Some(depth) = self.limits.depth {
            limits = limits.with_depth(depth);
        }
        limits
    }

    /// A reader with these options.
    pub(crate) fn builder(&self) -> ReaderBuilder {
        let builder = Reader::builder().limits(self.limits()).dedup(self.dedup);
        match &self.filter {
            Some(filter) => builder.select(filter.build().unwrap().into_select(Catalog::builtin())),
            None => builder,
        }
    }
}

impl FilterOptions {
    fn build(&self) -> Result<Filter> {
        let catalog = Catalog::builtin();
        let each = |filter: Filter, values: &[String], add: fn(Filter, &str) -> Result<Filter>| {
            values.iter().try_fold(filter, |filter, value| add(filter, value))
        };
        let mut filter = Filter::new();
        filter = each(filter, &self.event, |filter, value| filter.event(value))?;
        filter = each(filter, &self.source_type, |filter, value| filter.source_type(value))?;
        filter = each(filter, &self.user, |filter, value| filter.user(value))?;
        filter = each(filter, &self.ip, |filter, value| filter.ip(value))?;
        filter = each(filter, &self.project, |filter, value| filter.project(value))?;
        filter = each(filter, &self.region, |filter, value| filter.region(value))?;
        filter = each(filter, &self.text, |filter, value| filter.text(value))?;
        for value in &self.service {
            filter = filter.service(value, &catalog)?;
        }
        for value in &self.kind {
            filter = filter.kind(value.parse().unwrap());
        }
        for value in &self.phase {
            filter = filter.phase(value.as_ref().map(|phase| phase.parse().unwrap()));
        }
        for value in &self.outcome {
            let outcome = Outcome::ALL.iter().find(|outcome| outcome.as_str() == value);
            filter = filter.outcome(*outcome.unwrap());
        }
        let zone = self.tz.as_deref().unwrap_or("UTC");
        if let Some(value) = &self.since {
            filter = filter.since(value, zone)?;
        }
        if let Some(value) = &self.until {
            filter = filter.until(value, zone)?;
        }
        if let Some(value) = self.known {
            filter = filter.known(value);
        }
        Ok(filter)
    }
}

/// All that a reader gave.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) events: Vec<Event>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) errors: Vec<Error>,
    pub(crate) stats: Stats,
    /// All of it, in its order and with every detail, to compare readings of one input.
    pub(crate) trace: String,
}

/// Reads to the end.
pub(crate) fn read(mut reader: Reader, options: &Options) -> Reading {
    let mut reading = Reading::default();
    let trace = &mut reading.trace;
    while let Some(item) = reader.next_item() {
        match item {
            Ok(Item::Event(event)) => {
                let position = event.position();
                let raw = event.raw().escape_ascii();
                writeln!(trace, "event {position:?} {raw} {:?}", event.problems()).unwrap();
                writeln!(trace, "  {} {}", event.key(), options.flat(&event)).unwrap();
                reading.events.push(event);
            }
            Ok(Item::Reject(reject)) => {
                let (position, length) = (reject.position(), reject.length());
                let raw = reject.raw().escape_ascii();
                let (code, message) = (reject.code(), reject.message());
                writeln!(trace, "reject {position:?} {raw} {length} {code} {message}").unwrap();
                reading.rejects.push(reject);
            }
            Err(error) => {
                writeln!(trace, "error {} {:?} {error}", error.code(), error.position()).unwrap();
                reading.errors.push(error);
            }
        }
    }
    reading.stats = reader.stats();
    writeln!(trace, "{:?}", reading.stats).unwrap();
    reading
}
