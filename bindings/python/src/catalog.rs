//! The catalog and its entries.

use nhn_cloudtrail::catalog::{
    Catalog as Core, Date, Edition, Entry as CoreEntry, Lang, Service as CoreService, VERSION,
};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDate, PyList, PyString, PyTuple};

use crate::errors::exception;
use crate::{options, values};

/// Where Python defines the small values.
const TYPES: &str = "nhn_cloudtrail._types";

/// What every event ID means: a mapping from IDs to entries.
///
/// `catalog[id]` for an ID that you write, which type checkers know; `catalog.get(id)` for one from
/// data, which may be unknown.
#[pyclass(frozen, mapping, module = "nhn_cloudtrail")]
pub(crate) struct Catalog {
    core: Core,
    /// What it is made of again, besides the built-in one; none where that is not known.
    overlays: Option<Vec<PyBackedBytes>>,
}

impl From<Core> for Catalog {
    fn from(core: Core) -> Self {
        Self { core, overlays: None }
    }
}

impl Catalog {
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }
}

#[pymethods]
impl Catalog {
    /// The catalog that this package brings.
    #[new]
    fn new() -> Self {
        Self { core: Core::builtin(), overlays: Some(Vec::new()) }
    }

    /// The version of the built-in catalog: the date of the newest list that it was made from.
    #[getter]
    fn version(&self) -> &'static str {
        VERSION
    }

    /// The entry of an event ID, or `default`. IDs are case-sensitive.
    #[pyo3(signature = (id, default=None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        id: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.core.get(id) {
            Some(entry) => Ok(Some(Bound::new(py, Entry::new(entry))?.into_any())),
            None => Ok(default),
        }
    }

    /// The entries that fit a text, best first: names in any of the three languages, former names, or
    /// parts of the ID. Case and spacing do not matter.
    fn search<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
        entries(py, self.core.search(text))
    }

    /// A few entries whose IDs a misspelt ID may have meant, the nearest first.
    fn suggest<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyAny>> {
        entries(py, self.core.suggest(id))
    }

    /// Every service, sorted by slug.
    fn services<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = CLASS.import(py, TYPES, "Service")?;
        let service = |service: &CoreService| {
            let [ko, en, ja] = [Lang::Ko, Lang::En, Lang::Ja].map(|lang| service.name(lang));
            class.call1((service.slug(), ko, en, ja, service.entries()))
        };
        let services: PyResult<Vec<_>> = self.core.services().iter().map(service).collect();
        PyList::new(py, services?)
    }

    /// The names of the lists that `list` knows.
    fn lists(&self) -> Vec<&'static str> {
        self.core.lists().iter().map(|list| list.name).collect()
    }

    /// An event list as it was published once, such as `gov-2020-10-29`: id, name and service of each
    /// row as printed, in order. Raises KeyError for a list that there is not.
    fn list<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = CLASS.import(py, TYPES, "ListRow")?;
        let list = self.core.list(name).ok_or_else(|| {
            let known = self.lists().join(", ");
            PyKeyError::new_err(format!("no list {name:?}; there is {known}"))
        })?;
        let rows: PyResult<Vec<_>> =
            list.rows.iter().map(|row| class.call1((row.id, row.name, row.service))).collect();
        PyList::new(py, rows?)
    }

    /// This catalog with entries added or corrected by a TSV of the shape that `to_tsv` gives, as
    /// text or bytes. Raises `CatalogError` where it is not of that shape.
    fn with_overlay(&self, tsv: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bytes: PyBackedBytes = match tsv.cast::<PyString>() {
            Ok(text) => PyBytes::new(tsv.py(), text.extract::<String>()?.as_bytes()).into(),
            Err(_) => tsv.extract()?,
        };
        let core = self.core.with_overlay(&*bytes);
        let core = core.map_err(|error| exception(tsv.py(), &error))?;
        let overlays = self.overlays.as_ref().map(|overlays| {
            let earlier = overlays.iter().map(|overlay| overlay.clone_ref(tsv.py()));
            earlier.chain([bytes]).collect()
        });
        Ok(Self { core, overlays })
    }

    /// The whole catalog as a TSV with a header, sorted by ID.
    fn to_tsv(&self) -> String {
        self.core.to_tsv()
    }

    /// Every event ID, sorted.
    fn keys(&self) -> Vec<&str> {
        self.core.iter().map(CoreEntry::id).collect()
    }

    /// Every entry, sorted by ID.
    fn values(&self) -> Vec<Entry> {
        self.core.iter().map(Entry::new).collect()
    }

    /// Every event ID with its entry, sorted.
    fn items(&self) -> Vec<(&str, Entry)> {
        self.core.iter().map(|entry| (entry.id(), Entry::new(entry))).collect()
    }

    fn __getitem__(&self, id: &str) -> PyResult<Entry> {
        self.core.get(id).map(Entry::new).ok_or_else(|| {
            let near: Vec<&str> = self.core.suggest(id).into_iter().map(CoreEntry::id).collect();
            PyKeyError::new_err(match near.as_slice() {
                [] => format!("no event {id:?}"),
                near => format!("no event {id:?}; near to it: {}", near.join(", ")),
            })
        })
    }

    fn __contains__(&self, id: &Bound<'_, PyAny>) -> bool {
        id.extract::<std::borrow::Cow<'_, str>>().is_ok_and(|id| self.core.get(&id).is_some())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        PyList::new(py, self.keys())?.call_method0("__iter__")
    }

    fn __len__(&self) -> usize {
        self.core.len()
    }

    fn __repr__(&self) -> String {
        format!("Catalog({} events, version {VERSION})", self.core.len())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let Some(overlays) = &self.overlays else {
            return Err(PyValueError::new_err("a catalog of the command cannot be pickled"));
        };
        let again = py.import("nhn_cloudtrail._native")?.getattr("_catalog")?;
        (again, (PyList::new(py, overlays)?,)).into_pyobject(py)
    }
}

/// Entries with the manners of a notebook.
fn entries<'py>(py: Python<'py>, found: Vec<&CoreEntry>) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let found: Vec<Entry> = found.into_iter().map(Entry::new).collect();
    CLASS.import(py, TYPES, "Entries")?.call1((found,))
}

/// What the catalog knows of one event ID.
#[pyclass(frozen, eq, module = "nhn_cloudtrail")]
#[derive(PartialEq)]
pub(crate) struct Entry(CoreEntry);

impl Entry {
    fn new(entry: &CoreEntry) -> Self {
        Self(entry.clone())
    }
}

fn date(py: Python<'_>, date: Date) -> PyResult<Bound<'_, PyDate>> {
    PyDate::new(py, date.year().cast_signed(), date.month() as u8, date.day() as u8)
}

#[pymethods]
impl Entry {
    /// The event ID.
    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// The event's name in a language: `ko` (the default), `en`, `ja`.
    #[pyo3(signature = (lang=None))]
    fn name(&self, lang: Option<&Bound<'_, PyAny>>) -> PyResult<&str> {
        Ok(self.0.name(lang.map_or(Ok(Lang::Ko), options::lang)?))
    }

    /// Whether NHN Cloud published the name in a language, or the project supplies it.
    #[pyo3(signature = (lang=None))]
    fn name_is_published(&self, lang: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        Ok(self.0.name_is_published(lang.map_or(Ok(Lang::Ko), options::lang)?))
    }

    /// Earlier Korean names, newest first.
    #[getter]
    fn former_names(&self) -> Vec<&str> {
        self.0.former_names().iter().map(|name| &**name).collect()
    }

    /// The slug of the service that the ID spells, else the first of its services, or None.
    #[getter]
    fn service(&self) -> Option<&str> {
        self.0.service()
    }

    /// The slugs of all services that the event belongs to.
    #[getter]
    fn services(&self) -> Vec<&str> {
        self.0.services().iter().map(|service| &**service).collect()
    }

    /// What the event is about: the middle segments of its ID.
    #[getter]
    fn resource(&self) -> Option<&str> {
        self.0.resource()
    }

    /// What the event does: verb, kind, phase, provenance. None only for entries of an overlay whose
    /// words say nothing.
    #[getter]
    fn action<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.action().map(|action| values::action(py, action)).transpose()
    }

    /// What the Resource Watcher guide says that the event does to resources of a type.
    #[getter]
    fn effects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = CLASS.import(py, TYPES, "ResourceEffect")?;
        let effects: PyResult<Vec<_>> = self
            .0
            .effects()
            .iter()
            .map(|one| class.call1((&*one.resource_type, one.effect.map(|effect| effect.as_str()))))
            .collect();
        PyList::new(py, effects?)
    }

    /// From when to when the lists of which editions had the ID.
    #[getter]
    fn listings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = CLASS.import(py, TYPES, "Listing")?;
        let listings: PyResult<Vec<_>> = self
            .0
            .listings()
            .iter()
            .map(|one| {
                let last = one.last.map(|last| date(py, last)).transpose()?;
                class.call1((one.edition.as_str(), date(py, one.first)?, last))
            })
            .collect();
        PyList::new(py, listings?)
    }

    /// The first revision of any list that had the ID.
    #[getter]
    fn first_listed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDate>>> {
        self.0.first_listed().map(|first| date(py, first)).transpose()
    }

    /// The last revision of any list that had the ID; None while a newest one has it.
    #[getter]
    fn last_listed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDate>>> {
        self.0.last_listed().map(|last| date(py, last)).transpose()
    }

    /// Whether no newest list has the ID any more. Archived logs still do.
    #[getter]
    fn retired(&self) -> bool {
        self.0.is_retired()
    }

    /// Whether the newest list of an edition, such as `gov`, has the ID.
    fn is_current_in(&self, py: Python<'_>, edition: &str) -> PyResult<bool> {
        let edition: Edition = edition.parse().map_err(|error| exception(py, &error))?;
        Ok(self.0.is_current_in(edition))
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.0.id().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let repr = |text: &str| PyString::new(py, text).repr()?.extract::<String>();
        let name = repr(self.0.name(Lang::Ko))?;
        Ok(format!(
            "Entry({}, {name}, service={})",
            repr(self.0.id())?,
            repr(self.0.service().unwrap_or_default())?
        ))
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static HTML: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        HTML.import(slf.py(), "nhn_cloudtrail._html", "entry")?.call1((slf,))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        if Core::builtin().get(self.0.id()) != Some(&self.0) {
            let message = format!("{} is of an overlay, and cannot be pickled", self.0.id());
            return Err(PyValueError::new_err(message));
        }
        let again = py.import("nhn_cloudtrail._native")?.getattr("_entry")?;
        (again, (self.0.id(),)).into_pyobject(py)
    }
}

/// What a pickled catalog is made of again.
#[pyfunction(name = "_catalog")]
pub(crate) fn catalog(overlays: Vec<Bound<'_, PyAny>>) -> PyResult<Catalog> {
    overlays.iter().try_fold(Catalog::new(), |catalog, overlay| catalog.with_overlay(overlay))
}

/// What a pickled entry is made of again.
#[pyfunction(name = "_entry")]
pub(crate) fn entry(id: &str) -> PyResult<Entry> {
    Catalog::new().__getitem__(id)
}
