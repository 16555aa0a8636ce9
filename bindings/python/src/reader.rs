//! Events of an input, one by one or all at once.

use std::sync::{Arc, Mutex, PoisonError};

use nhn_cloudtrail::{Error, Item, Reader as CoreReader, Result, Stats};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyDict, PyList};

use crate::errors::{detached, exception, exception_to_go_on, guarded, is_final};
use crate::event::{Context, Event};
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
    state: Mutex<State>,
    on_error: OnError,
    context: Option<Arc<Context>>,
    watch: Watch,
    rejects: Py<PyList>,
    errors: Py<PyList>,
}

struct State {
    /// None when it is closed.
    reader: Option<CoreReader>,
    stats: Stats,
}

type Found = Option<Result<Item>>;

impl Reader {
    fn next_item(&self, py: Python<'_>) -> Result<Found> {
        let mut state = match self.state.lock_py_attached(py) {
            Ok(state) => state,
            Err(poisoned) => poisoned.into_inner(),
        };
        let Some(reader) = &mut state.reader else { return Ok(None) };
        // What is at hand is not worth letting go of the interpreter.
        let found = match guarded(|| reader.next_ready())? {
            Some(found) => Some(found),
            None => detached(py, || reader.next_item())?,
        };
        if found.is_none() {
            state.stats = reader.stats();
            state.reader = None;
        }
        Ok(found)
    }
}

#[pymethods]
impl Reader {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Event>> {
        loop {
            let found = self.next_item(py).map_err(|error| exception(py, &error))?;
            let Some(found) = found else {
                self.watch.done(py)?;
                return Ok(None);
            };
            match found {
                Ok(Item::Event(event)) => return Ok(Some(Event::new(event, self.context.clone()))),
                Ok(Item::Reject(reject)) => match self.on_error {
                    OnError::Raise => return Err(exception_to_go_on(py, &reject.into())),
                    OnError::Skip => (),
                    OnError::Collect => {
                        self.rejects.bind(py).append(values::reject(py, &reject)?)?
                    }
                },
                Err(error) => {
                    self.watch.raised().map_or(Ok(()), Err)?;
                    let raised = exception_to_go_on(py, &error);
                    if self.on_error == OnError::Raise || is_final(&error) {
                        return Err(raised);
                    }
                    self.errors.bind(py).append(raised)?;
                }
            }
        }
    }

    /// The counts of what was read so far: `records = events + rejects + duplicates`.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let stats = {
            let state = self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
            state.reader.as_ref().map_or(state.stats, CoreReader::stats)
        };
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
    fn close(&self, py: Python<'_>) {
        let reader = {
            let mut state = self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
            if let Some(reader) = &state.reader {
                state.stats = reader.stats();
            }
            state.reader.take()
        };
        drop(reader);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyAny>) {
        self.close(py);
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Reader({})", self.stats(py)?.repr()?))
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
    let builder = options.reader();
    let reader =
        detached(py, || source.read(builder)).flatten().map_err(|error| exception(py, &error))?;
    options.watch.follow(reader.progress());
    Ok(Reader {
        state: Mutex::new(State { reader: Some(reader), stats: Stats::default() }),
        on_error: options.on_error,
        context: options.context(),
        watch: options.watch,
        rejects: PyList::empty(py).unbind(),
        errors: PyList::empty(py).unbind(),
    })
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
        options.watch.raised().unwrap_or_else(|| exception_to_go_on(py, &error))
    })?;
    let context = options.context();
    let events = events.into_iter().map(|event| Event::new(event, context.clone()));
    let list = PyList::empty(py);
    for event in events {
        list.append(Py::new(py, event)?)?;
    }
    Ok(list)
}
