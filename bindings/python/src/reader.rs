//! Events of an input, one by one or all at once.

use std::sync::{Arc, Mutex, PoisonError};

use nhn_cloudtrail::{Error, Item, Reader as CoreReader, ReaderBuilder, Result, Stats, guarded};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::errors::{detached, exception, exception_of_parse, exception_to_go_on, is_final};
use crate::event::{Context, Event};
use crate::lock::Lock;
use crate::options::{OnError, Options};
use crate::source::Source;
use crate::values;
use crate::watch::Watch;

/// Reads events one by one; what `read` returns.
///
/// An iterator, and a context manager that closes its files at the end. `stats` has the counts of
/// what was read so far; `rejects` what could not become an event, and `errors` what is wrong with
/// whole sources, with `on_error="collect"`.
#[pyclass(frozen, module = "nhn_cloudtrail")]
pub(crate) struct Reader {
    /// None when it is closed.
    reader: Lock<Option<CoreReader>>,
    /// The counts when it was last looked at.
    stats: Mutex<Stats>,
    on_error: OnError,
    context: Option<Arc<Context>>,
    watch: Watch,
    rejects: Py<PyList>,
    errors: Py<PyList>,
}

type Found = Option<Result<Item>>;

impl Reader {
    pub(crate) fn new(py: Python<'_>, reader: CoreReader, options: Options) -> Self {
        options.watch.follow(reader.progress());
        Self {
            reader: Lock::new(Some(reader)),
            stats: Mutex::default(),
            on_error: options.on_error,
            context: options.context(),
            watch: options.watch,
            rejects: PyList::empty(py).unbind(),
            errors: PyList::empty(py).unbind(),
        }
    }

    fn next_item(&self, py: Python<'_>) -> PyResult<Found> {
        let mut slot = self.reader.lock(py)?;
        let Some(reader) = &mut *slot else { return Ok(None) };
        // What is at hand is not worth letting go of the interpreter.
        let found = match guarded(|| reader.next_ready()) {
            Ok(None) => {
                self.remember(reader);
                detached(py, || reader.next_item())
            }
            found => found,
        };
        let found = found.map_err(|error| exception(py, &error))?;
        if found.is_none() {
            self.remember(reader);
            *slot = None;
        }
        Ok(found)
    }

    fn remember(&self, reader: &CoreReader) {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = reader.stats();
    }

    /// The next event. An error has no more to tell of progress.
    fn next_event(&self, py: Python<'_>) -> PyResult<Option<Event>> {
        while let Some(found) = self.next_item(py)? {
            let odd = match found {
                Ok(Item::Event(event)) => return Ok(Some(Event::new(event, self.context.clone()))),
                Ok(Item::Reject(reject)) => match self.on_error {
                    OnError::Raise => Err(Error::from(reject)),
                    OnError::Skip => Ok(()),
                    OnError::Collect => {
                        self.rejects.bind(py).append(values::reject(py, &reject)?)?;
                        Ok(())
                    }
                },
                Err(error) if self.on_error == OnError::Raise || is_final(&error) => Err(error),
                Err(error) => {
                    self.errors.bind(py).append(exception(py, &error))?;
                    Ok(())
                }
            };
            odd.map_err(|error| {
                self.watch.raised().unwrap_or_else(|| exception_to_go_on(py, &error))
            })?;
        }
        Ok(None)
    }
}

#[pymethods]
impl Reader {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Event>> {
        let next = self.next_event(py);
        if !matches!(next, Ok(Some(_))) {
            let told = self.watch.done(py, next.is_ok());
            return next.and_then(|next| told.map(|()| next));
        }
        next
    }

    /// The counts of what was read so far: `records = events + rejects + duplicates`.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        // Whoever reads at the moment is not waited for.
        if let Some(Some(reader)) = self.reader.try_lock().as_deref() {
            self.remember(reader);
        }
        let stats = *self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        values::stats(py, &stats)
    }

    /// What could not become an event, with `on_error="collect"`.
    #[getter]
    fn rejects<'py>(&self, py: Python<'py>) -> Bound<'py, PyList> {
        self.rejects.bind(py).clone()
    }

    /// What is wrong with whole sources, where that does not raise.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> Bound<'py, PyList> {
        self.errors.bind(py).clone()
    }

    /// Reads no more, and closes the files.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let reader = self.reader.lock(py)?.take();
        if let Some(reader) = reader {
            self.remember(&reader);
            py.detach(|| drop(reader));
            self.watch.done(py, false)?;
        }
        Ok(())
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Reader({})", self.stats(py)?.repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        self.watch.traverse(&visit)?;
        visit.call(&self.rejects)?;
        visit.call(&self.errors)
    }

    fn __clear__(&self) {
        self.watch.clear();
    }
}

/// Opens a source for reading events.
#[pyfunction]
pub(crate) fn read(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
) -> PyResult<Reader> {
    let options = Options::new(options)?;
    let source = Source::new(source)?;
    let store = source.store(py, &options)?;
    let builder = store.into_iter().fold(options.reader(), ReaderBuilder::store);
    let reader = detached(py, || source.read(builder)).flatten();
    Ok(Reader::new(py, reader.map_err(|error| exception(py, &error))?, options))
}

/// All events of bytes in hand.
#[pyfunction]
pub(crate) fn parse<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    options: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyList>> {
    let options = Options::new(options)?;
    let source = Source::new(source)?;
    let (builder, skip) = (options.reader(), options.on_error == OnError::Skip);
    let events = detached(py, || -> Result<Vec<_>> {
        let mut reader = source.read(builder)?;
        let mut events = Vec::new();
        while let Some(item) = reader.next_item() {
            match item? {
                Item::Event(event) => events.push(event),
                Item::Reject(_) if skip => (),
                Item::Reject(reject) => return Err(Error::from(reject)),
            }
        }
        Ok(events)
    });
    let events = events.flatten().map_err(|error| {
        options.watch.raised().unwrap_or_else(|| exception_of_parse(py, &error))
    })?;
    let context = options.context();
    let events = events.into_iter().map(|event| Event::new(event, context.clone()));
    let list = PyList::empty(py);
    for event in events {
        list.append(Py::new(py, event)?)?;
    }
    Ok(list)
}
