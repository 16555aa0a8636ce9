//! Events: views over the bytes of their batch, whose fields become Python's objects when asked for.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{Column, Enriched, Event as CoreEvent, Field, Position, Value, guarded};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::errors::exception;
use crate::{options, texts, values};

/// With what events are enriched, where that is not the default.
pub(crate) struct Context {
    catalog: Catalog,
    lang: Lang,
}

impl Context {
    /// None for the default. Without a catalog it is the built-in one.
    pub(crate) fn new(catalog: Option<&Catalog>, lang: Lang) -> Option<Arc<Self>> {
        if lang == Lang::Ko && catalog.is_none() {
            return None;
        }
        Some(Arc::new(Self { catalog: catalog.cloned().unwrap_or_default(), lang }))
    }
}

/// One CloudTrail event: a typed view of a record over its own bytes.
///
/// Wire fields have their wire names; each is None where the record has no such field. A text field
/// whose value was no string holds it as JSON text, and `problems` names it. A field becomes an
/// object when it is read, so events are cheap to make and to keep; but an event keeps the text
/// alive that it was read from, a piece of a file or all of the bytes given to `parse`: `detach`
/// those that are kept for long.
///
/// Two events are equal when their records are the same bytes. Events can be pickled, though not
/// with the entries of an overlay, and matched with `case Event(service="iam", outcome="failure")`.
#[pyclass(frozen, module = "nhn_cloudtrail")]
pub(crate) struct Event {
    event: CoreEvent,
    context: Option<Arc<Context>>,
}

impl Event {
    pub(crate) fn new(event: CoreEvent, context: Option<Arc<Context>>) -> Self {
        Self { event, context }
    }

    fn enriched(&self) -> Enriched<'_> {
        match &self.context {
            Some(context) => context.catalog.enrich(&self.event),
            None => self.event.enrich(),
        }
    }

    fn lang(&self, lang: Option<&Bound<'_, PyAny>>) -> PyResult<Lang> {
        match (lang, &self.context) {
            (Some(lang), _) => options::lang(lang),
            (None, Some(context)) => Ok(context.lang),
            (None, None) => Ok(Lang::Ko),
        }
    }

    /// What `give` makes of the event; a panic in it becomes an exception.
    fn guard<'a, T>(
        &'a self,
        py: Python<'_>,
        give: impl FnOnce(&'a CoreEvent) -> T,
    ) -> PyResult<T> {
        guarded(|| give(&self.event)).map_err(|error| exception(py, &error))
    }

    fn text<'py>(&self, py: Python<'py>, field: Field) -> PyResult<Option<Bound<'py, PyString>>> {
        self.guard(py, |event| texts::string(py, event.raw_text(field)))?
    }

    fn columns(columns: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Column>> {
        match columns {
            Some(columns) => options::columns(columns),
            None => Ok(Column::standard().to_vec()),
        }
    }

    fn json(&self, py: Python<'_>, columns: &[Column], lang: Lang) -> PyResult<String> {
        self.guard(py, |_| {
            let mut line = Vec::new();
            self.enriched().write_json(columns, lang, &mut line);
            String::from_utf8_lossy(&line).into_owned()
        })
    }

    fn decoded<'py>(&self, py: Python<'py>, field: Field) -> PyResult<Option<Bound<'py, PyAny>>> {
        static DECODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let Some(text) = self.text(py, field)? else { return Ok(None) };
        let decode = DECODE.import(py, "nhn_cloudtrail._decode", "decode")?;
        decode.call1((text, field.wire_name(), self.position(py)?)).map(Some)
    }
}

/// Extra fields, whose numbers keep their value.
fn exact<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    static EXACT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    EXACT.import(py, "nhn_cloudtrail._decode", "exact")?.call1((json,))
}

#[pymethods]
impl Event {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str) = ("event_id", "outcome");

    /// When it happened, in UTC, to the millisecond. None where the record has no time or one that
    /// cannot be read, which `problems` then names, and for the year 0.
    #[getter]
    fn event_time<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.guard(py, CoreEvent::event_time)? {
            Some(time) => values::time(py, time),
            None => Ok(None),
        }
    }

    /// What happened: the key of the catalog, such as `event_id.iaas.instance.create`.
    #[getter]
    fn event_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::EventId)
    }

    /// Through what it was done: `USER_CONSOLE`, `ADMIN_CONSOLE`, `API`.
    #[getter]
    fn event_source_type<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::EventSourceType)
    }

    /// The UUID of the acting member.
    #[getter]
    fn user_id_no<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::UserIdNo)
    }

    /// The ID of the acting member, an e-mail address for NHN Cloud members.
    #[getter]
    fn user_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::UserId)
    }

    /// The name of the acting member.
    #[getter]
    fn user_name<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::UserName)
    }

    /// The address it was done from, as written.
    #[getter]
    fn user_ip<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::UserIp)
    }

    /// The client it was done with.
    #[getter]
    fn user_agent<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::UserAgent)
    }

    /// The product that the event belongs to.
    #[getter]
    fn product_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::ProductId)
    }

    /// The region.
    #[getter]
    fn region<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::Region)
    }

    /// The organization.
    #[getter]
    fn org_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::OrgId)
    }

    /// The project.
    #[getter]
    fn project_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::ProjectId)
    }

    /// The project's name.
    #[getter]
    fn project_name<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::ProjectName)
    }

    /// The appkey of the service in the project.
    #[getter]
    fn app_key<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::AppKey)
    }

    /// The tenant.
    #[getter]
    fn tenant_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::TenantId)
    }

    /// The unique key of the record, in records since 2024.
    #[getter]
    fn event_log_uuid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::EventLogUuid)
    }

    /// What was asked for: JSON text, or any other. `request_json` decodes it.
    #[getter]
    fn request<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::Request)
    }

    /// What was answered: JSON text, or any other. `response_json` decodes it.
    #[getter]
    fn response<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, Field::Response)
    }

    /// The members that it was done to; None where the record names none.
    #[getter]
    fn target_members<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let Some(members) = self.guard(py, CoreEvent::target_members)? else { return Ok(None) };
        let list = PyList::empty(py);
        for member in &members {
            list.append(values::member(py, member)?)?;
        }
        Ok(Some(list))
    }

    /// The request, decoded from JSON anew each time; None where there is none. Raises
    /// `RecordError` where it is not JSON: requests may be any text.
    #[getter]
    fn request_json<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.decoded(py, Field::Request)
    }

    /// The response, decoded from JSON anew each time; None where there is none. Raises
    /// `RecordError` where it is not JSON: responses may be any text.
    #[getter]
    fn response_json<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.decoded(py, Field::Response)
    }

    /// The event's name in a language: `ko`, `en`, `ja`, or by default the one that the events were
    /// read with. None for an event that the catalog does not know.
    #[pyo3(signature = (lang=None))]
    fn name(&self, py: Python<'_>, lang: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
        let lang = self.lang(lang)?;
        self.guard(py, |_| self.enriched().name(lang).map(str::to_owned))
    }

    /// Whether the catalog has the event's ID.
    #[getter]
    fn known(&self, py: Python<'_>) -> PyResult<bool> {
        self.guard(py, |_| self.enriched().is_known())
    }

    /// Whether the record has any CloudTrail field and is not one of another system, such as AWS
    /// CloudTrail. `Stats.unrecognized` counts the others.
    #[getter]
    fn is_recognized(&self) -> bool {
        self.event.is_recognized()
    }

    /// The slug of the service; that of an unknown ID is inferred, or None.
    #[getter]
    fn service(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.guard(py, |_| self.enriched().service().map(str::to_owned))
    }

    /// What the event is about: the middle segments of its ID.
    #[getter]
    fn resource(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.guard(py, |_| self.enriched().resource().map(|resource| resource.into_owned()))
    }

    /// What was done: verb, kind, phase, provenance. None where the words of an unknown ID say
    /// nothing.
    #[getter]
    fn action<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let action =
            self.guard(py, |_| self.enriched().action().map(|action| action.into_owned()))?;
        action.map(|action| values::action(py, &action)).transpose()
    }

    /// How the call went, as the response says: `success`, `failure` or `unknown`.
    #[getter]
    fn outcome(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.guard(py, |_| self.enriched().outcome().as_str())
    }

    /// The code in the response's header, as text.
    #[getter]
    fn result_code(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.guard(py, |_| self.enriched().result_code().map(str::to_owned))
    }

    /// The message in the response's header.
    #[getter]
    fn result_message(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.guard(py, |_| self.enriched().result_message().map(str::to_owned))
    }

    /// The names of the fields whose value was not of the expected form. Nothing is lost by it:
    /// their text is kept.
    #[getter]
    fn problems(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.guard(py, |event| event.problems().into_iter().map(String::from).collect())
    }

    /// The fields that nobody has told this library of, decoded. A number that a float would change
    /// is a `Decimal`.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let extra = PyDict::new(py);
        let members: Vec<_> = self.guard(py, |event| event.extra().collect())?;
        for (key, value) in members {
            extra.set_item(key, exact(py, value)?)?;
        }
        Ok(extra)
    }

    /// The record as it came, byte for byte.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.event.raw())
    }

    /// Where the record came from: source, record, line, byte.
    #[getter]
    fn position<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::position(py, &self.event.position())
    }

    /// What identifies the record: `event_log_uuid`, else the SHA-256 of its content in hexadecimal,
    /// which is the same for two spellings of one record.
    #[getter]
    fn key(&self, py: Python<'_>) -> PyResult<String> {
        self.guard(py, CoreEvent::key)
    }

    /// The flat form: the table's columns in their order, None where there is nothing. The time is
    /// an aware `datetime`, `extra` a dict, `target_members` a list of dicts.
    #[pyo3(signature = (*, columns=None, lang=None))]
    fn to_dict<'py>(
        &self,
        py: Python<'py>,
        columns: Option<&Bound<'py, PyAny>>,
        lang: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (columns, lang) = (Self::columns(columns)?, self.lang(lang)?);
        let enriched = self.enriched();
        let flat = PyDict::new(py);
        for column in columns {
            if column == Column::Raw {
                flat.set_item(column.as_str(), self.raw(py))?;
                continue;
            }
            let value = guarded(|| enriched.value(column, lang));
            let value = value.map_err(|error| exception(py, &error))?;
            flat.set_item(column.as_str(), to_python(py, value)?)?;
        }
        Ok(flat)
    }

    /// The flat form as a line of JSON, byte for byte what `read --format jsonl` writes.
    #[pyo3(signature = (*, columns=None, lang=None))]
    fn to_json(
        &self,
        py: Python<'_>,
        columns: Option<&Bound<'_, PyAny>>,
        lang: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        self.json(py, &Self::columns(columns)?, self.lang(lang)?)
    }

    /// The same event with bytes of its own, so that it does not keep alive what it was read from.
    fn detach(&self) -> Self {
        Self { event: self.event.detach(), context: self.context.clone() }
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.event == other.event
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.event.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let repr = |text: &str| -> PyResult<String> {
            PyString::new(py, text).repr()?.extract::<String>()
        };
        let mut parts = Vec::new();
        if let Some(id) = self.guard(py, CoreEvent::event_id)? {
            parts.push(repr(&id)?);
        }
        if let Some(time) = self.event.event_time() {
            parts.push(format!("event_time={time}"));
        }
        if let Some(name) = self.enriched().name(self.lang(None)?) {
            parts.push(format!("name={}", repr(name)?));
        }
        if let Some(user) = self.event.user_id().or(self.event.user_name()) {
            parts.push(format!("user={}", repr(&user)?));
        }
        parts.push(format!("outcome='{}'", self.outcome(py)?));
        Ok(format!("Event({})", parts.join(", ")))
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static HTML: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        HTML.import(slf.py(), "nhn_cloudtrail._html", "event")?.call1((slf,))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        static AGAIN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let again = AGAIN.import(py, "nhn_cloudtrail._native", "_event")?;
        let lang = self.lang(None)?.as_str();
        (again, (self.raw(py), self.position(py)?, lang)).into_pyobject(py)
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }
}

/// What a pickled event is made of again. It has the built-in catalog.
#[pyfunction(name = "_event")]
pub(crate) fn event(
    py: Python<'_>,
    raw: &[u8],
    position: (Option<String>, u64, u64, u64),
    lang: &Bound<'_, PyAny>,
) -> PyResult<Event> {
    let mut place = Position::default();
    (place.record, place.line, place.byte) = (position.1, position.2, position.3);
    place.source = position.0.map(Into::into);
    let event = CoreEvent::from_raw(raw, place).map_err(|error| exception(py, &error))?;
    Ok(Event::new(event, Context::new(None, options::lang(lang)?)))
}

fn to_python<'py>(py: Python<'py>, value: Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Bool(value) => value.into_bound_py_any(py),
        Value::Number(number) => number.into_bound_py_any(py),
        Value::Time(time) => values::time(py, time)?.into_bound_py_any(py),
        Value::Text(text) => text.into_bound_py_any(py),
        Value::Json(json) => exact(py, &json),
        Value::Members(members) => {
            let list = PyList::empty(py);
            for member in &members {
                list.append(values::member(py, member)?.call_method0("_asdict")?)?;
            }
            Ok(list.into_any())
        }
        _ => Ok(py.None().into_bound(py)),
    }
}
