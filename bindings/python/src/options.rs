//! The options of reading, from the dictionary that the functions of `nhn_cloudtrail._api` make.

use nhn_cloudtrail::catalog::{Catalog as CoreCatalog, Lang};
use nhn_cloudtrail::{
    Code, Column, Error, Filter, Limits, Reader, ReaderBuilder, RecordPath, Result, Timestamp,
};
use nhn_cloudtrail_arrow::{Parquet, TableBuilder};
use nhn_cloudtrail_collect::BucketSettings;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::errors::exception;
use crate::event::Context;
use crate::storage::storage_options;
use crate::watch::Watch;

/// What becomes of what cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnError {
    Raise,
    Skip,
    Collect,
}

pub(crate) struct Options {
    pub(crate) on_error: OnError,
    pub(crate) lang: Lang,
    /// None for the built-in one.
    catalog: Option<CoreCatalog>,
    pub(crate) watch: Watch,
    pub(crate) threads: usize,
    dedup: bool,
    verify: bool,
    limits: Limits,
    record_path: Option<RecordPath>,
    filter: Filter,
    columns: Vec<Column>,
    /// Where buckets are, as far as the caller says it.
    pub(crate) storage: BucketSettings,
}

impl Options {
    /// Options that are absent have their defaults.
    pub(crate) fn new(options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = options.py();
        let get = |key: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
            Ok(options.get_item(key)?.filter(|value| !value.is_none()))
        };
        let catalog = match get("catalog")? {
            Some(catalog) => Some(catalog.cast_into::<Catalog>()?.get().core().clone()),
            None => None,
        };
        let filter = match get("filters")? {
            Some(filters) => filter(&filters.cast_into()?, &catalog.clone().unwrap_or_default())?,
            None => Filter::new(),
        };
        let mut columns = match get("columns")? {
            Some(columns) => self::columns(&columns)?,
            None => Column::standard().to_vec(),
        };
        let flag = |key: &str| get(key)?.map_or(Ok(false), |flag| flag.extract::<bool>());
        if flag("keep_raw")? && !columns.contains(&Column::Raw) {
            columns.push(Column::Raw);
        }
        Ok(Self {
            on_error: match get("on_error")? {
                Some(on_error) => on_error_of(&on_error.extract::<String>()?)
                    .map_err(|error| exception(py, &error))?,
                None => OnError::Raise,
            },
            lang: get("lang")?.map_or(Ok(Lang::Ko), |name| lang(&name))?,
            watch: Watch::new(get("progress")?)?,
            threads: get("threads")?.map_or(Ok(0), |threads| count("threads", &threads))?,
            dedup: flag("dedup")?,
            verify: flag("verify")?,
            limits: get("limits")?.map_or(Ok(Limits::default()), |given| limits(&given))?,
            record_path: match get("record_path")? {
                Some(path) => {
                    let path = path.extract::<String>()?.parse();
                    Some(path.map_err(|error| exception(py, &named("record_path", &error)))?)
                }
                None => None,
            },
            catalog,
            filter,
            columns,
            storage: get("storage_options")?
                .map_or_else(|| Ok(BucketSettings::default()), |given| storage_options(&given))?,
        })
    }

    /// With what events are enriched.
    pub(crate) fn context(&self) -> Option<Arc<Context>> {
        Context::new(self.catalog.as_ref(), self.lang)
    }

    pub(crate) fn catalog(&self) -> CoreCatalog {
        self.catalog.clone().unwrap_or_default()
    }

    pub(crate) fn reader(&self) -> ReaderBuilder {
        let watch = self.watch.clone();
        let parquet = Parquet::new(&self.filter, &self.catalog()).verify(self.verify);
        let reader = Reader::builder()
            .limits(self.limits)
            .dedup(self.dedup)
            .format(Arc::new(parquet))
            .watch(move || watch.goes_on());
        let reader = self.record_path.iter().cloned().fold(reader, ReaderBuilder::record_path);
        if self.filter.is_empty() {
            return reader;
        }
        reader.select(self.filter.clone().into_select(self.catalog()))
    }

    pub(crate) fn table(&self) -> TableBuilder {
        let watch = self.watch.clone();
        let table = TableBuilder::new()
            .columns(&self.columns)
            .lang(self.lang)
            .catalog(self.catalog())
            .filter(self.filter.clone())
            .dedup(self.dedup)
            .verify(self.verify)
            .limits(self.limits)
            .threads(self.threads)
            .watch(move || watch.goes_on());
        self.record_path.iter().cloned().fold(table, TableBuilder::record_path)
    }
}

fn on_error_of(text: &str) -> Result<OnError> {
    match text {
        "raise" => Ok(OnError::Raise),
        "skip" => Ok(OnError::Skip),
        "collect" => Ok(OnError::Collect),
        _ => {
            let message = format!("on_error: {text:?} is none of \"raise\", \"skip\", \"collect\"");
            Err(Error::new(Code::InvalidOption, message))
        }
    }
}

/// A language by its name.
pub(crate) fn lang(name: &Bound<'_, PyAny>) -> PyResult<Lang> {
    name.extract::<String>()?.parse().map_err(|error| exception(name.py(), &error))
}

/// Columns by their names.
pub(crate) fn columns(names: &Bound<'_, PyAny>) -> PyResult<Vec<Column>> {
    let column = |name: String| name.parse().map_err(|error| exception(names.py(), &error));
    texts("columns", names)?.into_iter().map(column).collect()
}

fn limits(given: &Bound<'_, PyAny>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    for (key, value) in given.cast::<PyDict>()?.iter() {
        match key.extract::<String>()?.as_str() {
            key @ "record_bytes" => limits = limits.with_record_bytes(count(key, &value)?),
            key @ "depth" => limits = limits.with_depth(count(key, &value)?),
            key => {
                let message = format!("limits: no limit {key:?}; there are record_bytes and depth");
                return Err(exception(given.py(), &Error::new(Code::InvalidOption, message)));
            }
        }
    }
    Ok(limits)
}

/// A number that is not negative.
pub(crate) fn count(option: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    match value.extract::<usize>() {
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            let message = format!("{option}: {value} is out of range");
            Err(exception(value.py(), &Error::new(Code::InvalidOption, message)))
        }
        number => number,
    }
}

/// A text, or several.
fn texts(option: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let texts: Option<Vec<String>> = alternatives(option, value)?.into_iter().collect();
    texts.ok_or_else(|| no_texts(option))
}

fn no_texts(option: &str) -> PyErr {
    PyTypeError::new_err(format!("{option}: a text or a list of texts is wanted"))
}

/// The same, where none may be among them.
fn alternatives(option: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<Option<String>>> {
    if value.is_instance_of::<PyString>() {
        return Ok(vec![Some(value.extract()?)]);
    }
    let values = value.try_iter().map_err(|_| no_texts(option))?;
    values.map(|value| value?.extract().map_err(|_| no_texts(option))).collect()
}

fn filter(filters: &Bound<'_, PyDict>, catalog: &CoreCatalog) -> PyResult<Filter> {
    let py = filters.py();
    let tz = match filters.get_item("tz")? {
        Some(tz) if !tz.is_none() => zone(&tz)?,
        _ => "UTC".to_owned(),
    };
    // A zone that there is not is an error also where no time wants it.
    let checked = Filter::new().since("2026-01-01", &tz).map(|_| Filter::new());
    let mut filter = checked.map_err(|error| exception(py, &named("tz", &error)))?;
    for (key, value) in filters.iter() {
        let key: String = key.extract()?;
        if key != "tz" && !Filter::NAMES.contains(&key.as_str()) {
            let names = Filter::NAMES.join(", ");
            return Err(PyTypeError::new_err(format!(
                "no option {key:?}; filters are {names}, tz"
            )));
        }
        if key == "tz" || value.is_none() {
            continue;
        }
        if value.len().is_ok_and(|length| length == 0) {
            let message = format!("{key}: nothing is asked for; leave the filter out instead");
            return Err(exception(py, &Error::new(Code::InvalidFilter, message)));
        }
        for value in values(&key, &value)? {
            filter =
                filter.with(&key, &value, &tz, catalog).map_err(|error| exception(py, &error))?;
        }
    }
    Ok(filter)
}

/// What a filter is to have, as texts.
fn values(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    match key {
        "since" | "until" => Ok(vec![time(value)?]),
        "known" => Ok(vec![value.extract::<bool>()?.to_string()]),
        // None is the act itself.
        "phase" => Ok(alternatives(key, value)?
            .into_iter()
            .map(|phase| phase.unwrap_or_else(|| "none".to_owned()))
            .collect()),
        _ => texts(key, value),
    }
}

/// The name of a zone: that of a `tzinfo`, or its offset where it has no name that is known.
pub(crate) fn zone(tz: &Bound<'_, PyAny>) -> PyResult<String> {
    if tz.is_instance_of::<PyString>() {
        return tz.extract();
    }
    for name in ["key", "zone"] {
        if let Ok(name) = tz.getattr(name).and_then(|name| name.extract()) {
            return Ok(name);
        }
    }
    let wrong = || PyTypeError::new_err("tz: the name of a zone or a tzinfo is wanted");
    let offset = tz.call_method1("utcoffset", (tz.py().None(),)).map_err(|_| wrong())?;
    let seconds: f64 = offset.call_method0("total_seconds").map_err(|_| wrong())?.extract()?;
    let minutes = (seconds / 60.0) as i64;
    let sign = if minutes < 0 { '-' } else { '+' };
    Ok(format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60))
}

/// The same error, with the option that it is about.
pub(crate) fn named(option: &str, error: &Error) -> Error {
    Error::new(error.code(), format!("{option}: {}", error.message()))
}

/// The instant of a time; of a bare date its beginning, or with `after` its end.
pub(crate) fn instant(
    option: &str,
    value: &Bound<'_, PyAny>,
    tz: &str,
    after: bool,
) -> PyResult<Timestamp> {
    let instant = nhn_cloudtrail::instant(&time(value)?, tz, after);
    instant.map_err(|error| exception(value.py(), &named(option, &error)))
}

/// A time as text: that of a datetime or a date is what `isoformat` gives, that of a timedelta a span
/// before now.
fn time(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyString>() {
        return value.extract();
    }
    if value.hasattr("total_seconds")? {
        let part = |name: &str| value.getattr(name)?.extract::<i64>();
        let seconds = part("days")? * 86_400 + part("seconds")?;
        if seconds < 0 {
            let message = format!("{value} is negative: a span before now is wanted");
            return Err(exception(value.py(), &Error::new(Code::InvalidTime, message)));
        }
        return Ok(format!("{seconds}s {}us", part("microseconds")?));
    }
    match value.getattr("isoformat") {
        Ok(isoformat) => isoformat.call0()?.extract(),
        Err(_) => Err(PyTypeError::new_err(
            "since, until: a text, a datetime, a date or a timedelta is wanted",
        )),
    }
}
