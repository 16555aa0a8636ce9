//! Archives: collecting into one, verifying one, and what one has.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nhn_cloudtrail::Code;
use nhn_cloudtrail_collect::{
    Collected, Collection, PublicKey, Settings, Signer, SourceDefaults, Status, Verified, Verify,
    is_exposed,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::client::{self, Client};
use crate::errors::{detached, exception};
use crate::options::Options;
use crate::watch::{Watch, no_stop};
use crate::{storage, values};

/// How long it is at the least from one telling of progress to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells a function of Python's how far a collection has come, not too often.
#[derive(Clone)]
struct Teller(Arc<Telling>);

struct Telling {
    function: Py<PyAny>,
    watch: Watch,
    state: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    when: Option<Instant>,
    /// What is still to be told.
    untold: Option<Collected>,
}

impl Teller {
    fn new(function: Bound<'_, PyAny>, watch: Watch) -> PyResult<Self> {
        if !function.is_callable() {
            return Err(PyTypeError::new_err("on_progress: a function of one argument is wanted"));
        }
        let state = Mutex::default();
        Ok(Self(Arc::new(Telling { function: function.unbind(), watch, state })))
    }

    fn take(&self, collected: Collected) {
        let is_due = {
            let mut told = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            told.untold = Some(collected);
            told.when.is_none_or(|when| when.elapsed() >= PAUSE)
        };
        if is_due {
            Python::try_attach(|py| self.tell(py));
        }
    }

    /// Reports progress that was not reported yet. An exception of the function ends the collection, and
    /// the function is not called again.
    fn tell(&self, py: Python<'_>) {
        let untold = {
            let mut told = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            told.when = Some(Instant::now());
            told.untold.take()
        };
        let Some(untold) = untold.filter(|_| !self.0.watch.is_stopped()) else { return };
        let told = values::collected(py, untold)
            .and_then(|collected| self.0.function.call1(py, (collected,)));
        if let Err(raised) = told {
            self.0.watch.stop(no_stop(py, raised));
        }
    }
}

/// Collects events into an archive.
#[pyfunction]
pub(crate) fn collect<'py>(
    py: Python<'py>,
    into: PathBuf,
    sources: &Bound<'py, PyDict>,
    options: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let get = |key: &str| -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(sources.get_item(key)?.filter(|value| !value.is_none()))
    };
    let path = |key: &str| get(key)?.map(|path| path.extract::<PathBuf>()).transpose();
    let options = Options::new(options)?;
    let mut collection = Collection::new(into).names(options.catalog(), options.lang);
    if let Some(names) = get("sources")? {
        // An empty list selects all.
        let names = Some(names.extract::<Vec<String>>()?).filter(|names| !names.is_empty());
        let settings = storage::complete(py, Settings::default(), path("config")?.as_deref())?;
        let mut defaults = SourceDefaults::default();
        (defaults.since, defaults.until, defaults.zone) = client::period(sources)?;
        let added = collection.sources(&settings, names.as_deref(), &defaults, |client| client);
        collection = added.map_err(|error| exception(py, &error))?;
    }
    if let Some(longest) = get("wait_for_lock")? {
        // A duration that is too long to represent means no limit.
        let longest = Duration::try_from_secs_f64(longest.extract()?).unwrap_or(Duration::MAX);
        collection = collection.wait_for_lock(longest);
    }
    if let Some(client) = get("client")? {
        let client = client.cast_into::<Client>()?.get().core().clone();
        collection = collection.api(client, client::query(sources)?);
    }
    if let Some(bucket) = get("bucket")? {
        let buckets = storage::buckets(py, &options.storage, path("config")?.as_deref())?;
        collection = collection.bucket(buckets, bucket.extract::<String>()?);
    }
    if let Some(globs) = get("exclude")? {
        let globs: Vec<String> = globs.extract()?;
        collection = collection.exclude(globs).map_err(|error| exception(py, &error))?;
    }
    if let Some(key) = path("sign")? {
        if is_exposed(&key) {
            storage::warn_exposed(py, &key)?;
        }
        collection = collection.signer(Signer::open(key).map_err(|error| exception(py, &error))?);
    }
    if let Some(path) = path("head_file")? {
        collection = collection.head_file(path);
    }
    if let Some(deadline) = get("deadline")? {
        let deadline = Duration::try_from_secs_f64(deadline.extract()?).map_err(|_| {
            let message = "deadline: a number of seconds from 0 on is wanted";
            exception(py, &nhn_cloudtrail::Error::new(Code::InvalidOption, message))
        })?;
        collection = collection.deadline(deadline);
    }
    let watch = options.watch.clone();
    let teller =
        get("on_progress")?.map(|function| Teller::new(function, watch.clone())).transpose()?;
    if let Some(teller) = teller.clone() {
        collection = collection.progress(move |collected| teller.take(collected));
    }
    let watched = watch.clone();
    collection = collection.watch(move || !watched.is_stopped() && watched.goes_on());
    let report = detached(py, || collection.run()).flatten();
    if let (Some(teller), Ok(_)) = (&teller, &report) {
        teller.tell(py);
    }
    if let Some(raised) = watch.raised() {
        return Err(raised);
    }
    values::report(py, &report.map_err(|error| exception(py, &error))?)
}

/// Whether an archive is as its ledger says.
#[pyfunction]
#[pyo3(signature = (path, head=None, public_key=None, head_file=None))]
pub(crate) fn verify_archive(
    py: Python<'_>,
    path: PathBuf,
    head: Option<String>,
    public_key: Option<PathBuf>,
    head_file: Option<PathBuf>,
) -> PyResult<Bound<'_, PyAny>> {
    let watch = Watch::new(None)?;
    let verified = detached(py, || -> nhn_cloudtrail::Result<Verified> {
        let key = public_key.map(PublicKey::open).transpose()?;
        let mut verify = Verify::new();
        if let Some(head) = &head {
            verify = verify.head(head);
        }
        if let Some(key) = &key {
            verify = verify.public_key(key);
        }
        if let Some(path) = &head_file {
            verify = verify.head_file(path);
        }
        verify.run(path, &mut |_, _| watch.goes_on())
    });
    if let Some(raised) = watch.raised() {
        return Err(raised);
    }
    values::verified(py, &verified.flatten().map_err(|error| exception(py, &error))?)
}

/// What an archive has.
#[pyfunction]
pub(crate) fn archive_status(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let status = detached(py, || Status::read(path)).flatten();
    values::json(py, &status.map_err(|error| exception(py, &error))?)
}
