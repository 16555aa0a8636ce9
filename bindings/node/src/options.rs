//! The options of reading, as `node/src/options.ts` has checked and spelled them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::Env;
use napi_derive::napi;
use nhn_cloudtrail::catalog::{Catalog as CoreCatalog, Lang};
use nhn_cloudtrail::{Column, Error, Filter, Limits, Reader, ReaderBuilder, RecordPath, Result};
use nhn_cloudtrail_arrow::{Parquet, TableBuilder};

use crate::catalog::Catalog;
use crate::errors::run;

/// Options, as TypeScript gives them.
#[napi(object)]
pub struct Asked {
    /// `raise`, `skip` or `collect`.
    pub on_error: String,
    pub dedup: bool,
    pub verify: bool,
    pub lang: String,
    pub record_bytes: Option<f64>,
    pub depth: Option<f64>,
    /// Where the records are in wrappers.
    pub record_path: Option<String>,
    pub threads: f64,
    /// Names and values of filters.
    pub filters: Vec<Vec<String>>,
    /// The zone of times without an offset.
    pub tz: String,
    pub columns: Option<Vec<String>>,
}

/// Whether a reading is to stop.
pub(crate) type Stop = Arc<AtomicBool>;

/// Options that make sense, for any number of readings.
#[napi]
pub struct Options {
    pub(crate) on_error: OnError,
    dedup: bool,
    verify: bool,
    limits: Limits,
    record_path: Option<RecordPath>,
    filter: Filter,
    catalog: CoreCatalog,
    columns: Vec<Column>,
    lang: Lang,
    threads: usize,
}

/// What becomes of what cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnError {
    Raise,
    Skip,
    Collect,
}

#[napi]
impl Options {
    /// Looks at what was given.
    #[napi(constructor)]
    pub fn new(env: &Env, given: Asked, catalog: &Catalog) -> napi::Result<Self> {
        run(env, || {
            let options = Self::of(&given, catalog.core().clone())?;
            // That of nothing fails where the limits make no sense.
            options.reader(&Stop::default()).from_bytes([])?;
            Ok(options)
        })
    }

    fn of(given: &Asked, catalog: CoreCatalog) -> Result<Self> {
        // A zone that there is not is an error also where no time wants it.
        let mut filter = Filter::new().since("2026-01-01", &given.tz).map(|_| Filter::new())?;
        for pair in &given.filters {
            if let [name, value] = pair.as_slice() {
                filter = filter.with(name, value, &given.tz, &catalog)?;
            }
        }
        let mut limits = Limits::default();
        if let Some(bytes) = given.record_bytes {
            limits = limits.with_record_bytes(bytes as usize);
        }
        if let Some(depth) = given.depth {
            limits = limits.with_depth(depth as usize);
        }
        Ok(Self {
            on_error: match given.on_error.as_str() {
                "skip" => OnError::Skip,
                "collect" => OnError::Collect,
                _ => OnError::Raise,
            },
            dedup: given.dedup,
            verify: given.verify,
            limits,
            record_path: match &given.record_path {
                Some(path) => Some(path.parse().map_err(|error: Error| {
                    Error::new(error.code(), format!("recordPath: {}", error.message()))
                })?),
                None => None,
            },
            filter,
            catalog,
            columns: match &given.columns {
                Some(names) => names.iter().map(|name| name.parse()).collect::<Result<_>>()?,
                None => Column::standard().to_vec(),
            },
            lang: given.lang.parse()?,
            threads: given.threads as usize,
        })
    }

    pub(crate) fn reader(&self, stop: &Stop) -> ReaderBuilder {
        let stop = stop.clone();
        let parquet = Parquet::new(&self.filter, &self.catalog).verify(self.verify);
        let reader = Reader::builder()
            .limits(self.limits)
            .dedup(self.dedup)
            .format(Arc::new(parquet))
            .watch(move || !stop.load(Ordering::Relaxed));
        let reader = self.record_path.iter().cloned().fold(reader, ReaderBuilder::record_path);
        if self.filter.is_empty() {
            return reader;
        }
        reader.select(self.filter.clone().into_select(self.catalog.clone()))
    }

    pub(crate) fn table(&self, stop: &Stop) -> TableBuilder {
        let stop = stop.clone();
        let table = TableBuilder::new()
            .columns(&self.columns)
            .lang(self.lang)
            .catalog(self.catalog.clone())
            .filter(self.filter.clone())
            .dedup(self.dedup)
            .verify(self.verify)
            .limits(self.limits)
            .threads(self.threads)
            .watch(move || !stop.load(Ordering::Relaxed));
        self.record_path.iter().cloned().fold(table, TableBuilder::record_path)
    }
}
