//! Collecting into an archive.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::catalog::Lang;
use nhn_cloudtrail::{Code, Error as CoreError, instant};
use nhn_cloudtrail_collect::{
    Collected, Collection, Counts, Gap as CoreGap, Report as CoreReport, Settings, Signer,
    SourceDefaults,
};

use crate::apart::apart;
use crate::catalog::Catalog;
use crate::client::{Client, period};
use crate::errors::{Failure, run_plainly};
use crate::options::Stop;
use crate::storage::{self, Buckets};

/// What is collected, as TypeScript has checked it.
#[napi(object)]
pub struct Errand {
    pub into: String,
    /// Of the query API.
    pub since: Option<String>,
    pub until: Option<String>,
    pub tz: String,
    /// A source of Object Storage.
    pub bucket: Option<String>,
    /// Names of sources of the config file; an empty list selects all.
    pub sources: Option<Vec<String>>,
    pub config: Option<String>,
    /// In milliseconds.
    pub wait_for_lock: Option<f64>,
    /// Globs of objects to exclude.
    pub exclude: Option<Vec<String>>,
    /// The file of a key.
    pub sign: Option<String>,
    /// The file that keeps the newest head.
    pub head_file: Option<String>,
    /// In seconds.
    pub deadline: Option<f64>,
    pub lang: String,
}

/// How far a collection has come.
#[napi(object, object_from_js = false)]
pub struct Reached {
    pub fetched: f64,
    pub done: f64,
    pub total: f64,
    pub requests: f64,
}

/// What a collection has not fetched.
#[napi(object, object_from_js = false)]
pub struct Gap {
    pub since: Option<String>,
    pub until: Option<String>,
    pub object: Option<String>,
    pub reason: String,
}

/// What a collection has done.
#[napi(object, object_from_js = false)]
pub struct Report {
    pub fetched: f64,
    pub new: f64,
    pub known: f64,
    pub rejected: f64,
    pub conflicts: f64,
    pub gaps: Vec<Gap>,
    pub warnings: Vec<String>,
    pub requests: f64,
    pub objects: f64,
    pub head: String,
    pub error: Option<Failure>,
    pub is_complete: bool,
}

impl Gap {
    fn new(gap: CoreGap) -> Self {
        let CoreGap { since, until, object, reason, .. } = gap;
        Self { since, until, object, reason }
    }
}

impl Report {
    fn new(report: CoreReport) -> Self {
        let is_complete = report.is_complete();
        let CoreReport { records, gaps, warnings, requests, objects, head, error, .. } = report;
        let Counts { fetched, new, known, rejected, conflicts, .. } = records;
        Self {
            fetched: fetched as f64,
            new: new as f64,
            known: known as f64,
            rejected: rejected as f64,
            conflicts: conflicts as f64,
            gaps: gaps.into_iter().map(Gap::new).collect(),
            warnings,
            requests: requests as f64,
            objects: objects as f64,
            head,
            error: error.as_ref().map(Failure::new),
            is_complete,
        }
    }
}

/// A collection that JavaScript looks after: it asks how far it is, and may stop it.
#[napi]
#[derive(Default)]
pub struct Collector {
    stop: Stop,
    collected: Arc<Mutex<Collected>>,
    exposed: Mutex<Option<String>>,
}

#[napi]
impl Collector {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    #[napi]
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    #[napi(getter)]
    pub fn reached(&self) -> Reached {
        let collected = *self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        let Collected { fetched, done, total, requests, .. } = collected;
        Reached {
            fetched: fetched as f64,
            done: done as f64,
            total: total as f64,
            requests: requests as f64,
        }
    }

    /// A config file that others can read or change; set once the run has started.
    #[napi(getter)]
    pub fn exposed(&self) -> Option<String> {
        self.exposed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Collects, once.
    #[napi(ts_return_type = "Promise<Report>")]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        errand: Errand,
        client: Option<ClassInstance<'env, Client>>,
        buckets: Option<ClassInstance<'env, Buckets>>,
        catalog: &Catalog,
    ) -> Result<Object<'env>> {
        let collection = run_plainly(env, || {
            let lang: Lang = errand.lang.parse()?;
            let (stop, collected) = (self.stop.clone(), self.collected.clone());
            let mut collection = Collection::new(&errand.into)
                .names(catalog.core().clone(), lang)
                .watch(move || !stop.load(Ordering::Relaxed))
                .progress(move |now| {
                    *collected.lock().unwrap_or_else(PoisonError::into_inner) = now;
                });
            if let Some(longest) = errand.wait_for_lock {
                // A duration that is too long to represent means no limit.
                let longest = Duration::try_from_secs_f64(longest / 1000.0);
                collection = collection.wait_for_lock(longest.unwrap_or(Duration::MAX));
            }
            if let Some(names) = &errand.sources {
                let config = errand.config.as_deref().map(Path::new);
                let settings = Settings::default().complete(config)?;
                *self.exposed.lock().unwrap_or_else(PoisonError::into_inner) =
                    storage::exposed(&settings);
                let time = |text: &Option<String>, after| {
                    text.as_deref().map(|text| instant(text, &errand.tz, after)).transpose()
                };
                let mut defaults = SourceDefaults::default();
                defaults.since = time(&errand.since, false)?;
                defaults.until = time(&errand.until, true)?;
                defaults.zone = Some(errand.tz.clone());
                let names = Some(names.as_slice()).filter(|names| !names.is_empty());
                collection = collection.sources(&settings, names, &defaults, |client| client)?;
            }
            if let (Some(client), Some(since)) = (client, &errand.since) {
                let query = period(since, errand.until.as_deref(), &errand.tz)?;
                collection = collection.api(client.core().clone(), query);
            }
            if let (Some(buckets), Some(bucket)) = (buckets, &errand.bucket) {
                collection = collection.bucket(buckets.core().clone(), bucket);
            }
            if let Some(path) = &errand.head_file {
                collection = collection.head_file(path);
            }
            if let Some(deadline) = errand.deadline.map(Duration::try_from_secs_f64) {
                let message = "deadline: a number of seconds from 0 on is wanted";
                let deadline =
                    deadline.map_err(|_| CoreError::new(Code::InvalidOption, message))?;
                collection = collection.deadline(deadline);
            }
            if let Some(globs) = &errand.exclude {
                collection = collection.exclude(globs)?;
            }
            Ok(collection)
        })?;
        let work = move || match errand.sign {
            Some(key) => collection.signer(Signer::open(key)?).run(),
            None => collection.run(),
        };
        apart(env, work, Report::new)
    }
}
