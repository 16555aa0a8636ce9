//! The golden cases of `tests/cases`, and reading all of an input, for the tests of this crate.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{
    Code, Column, Error, Event, Filter, Item, Limits, Reader, ReaderBuilder, RecordPath, Reject,
    Result, Stats,
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
    record_path: Option<String>,
    filter: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitOptions {
    record_bytes: Option<usize>,
    depth: Option<usize>,
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

    pub(crate) fn record_path(&self) -> Option<RecordPath> {
        self.record_path.as_ref().map(|path| path.parse().unwrap())
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
        let mut builder = Reader::builder().limits(self.limits()).dedup(self.dedup);
        if let Some(path) = self.record_path() {
            builder = builder.record_path(path);
        }
        match &self.filter {
            Some(filter) => {
                builder.select(self::filter(filter).unwrap().into_select(Catalog::builtin()))
            }
            None => builder,
        }
    }
}

fn filter(options: &serde_json::Map<String, serde_json::Value>) -> Result<Filter> {
    use serde_json::Value;

    let catalog = Catalog::builtin();
    let zone = options.get("tz").and_then(Value::as_str).unwrap_or("UTC");
    let mut filter = Filter::new();
    for (name, values) in options.iter().filter(|(name, _)| *name != "tz") {
        let one = std::slice::from_ref(values);
        for value in values.as_array().map_or(one, Vec::as_slice) {
            let value = match value {
                Value::Null => "none".to_owned(),
                Value::Bool(known) => known.to_string(),
                value => value.as_str().unwrap().to_owned(),
            };
            filter = filter.with(name, &value, zone, &catalog)?;
        }
    }
    Ok(filter)
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
            // The stream has nothing at hand: it is asked again.
            Err(error) if error.code() == Code::WouldBlock => (),
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
