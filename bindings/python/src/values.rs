//! Small values of the core as those of `nhn_cloudtrail._types`.

use nhn_cloudtrail::catalog::Action;
use nhn_cloudtrail::{Position, Reject, Stats, TargetMember, Timestamp};
use nhn_cloudtrail_collect::{Collected, Counts, Finding, Gap, Report, Verified};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList};

use crate::errors::exception;

/// The module in which Python defines them.
const TYPES: &str = "nhn_cloudtrail._types";

/// What is not to be imported again and again.
type Class = PyOnceLock<Py<PyAny>>;

/// An aware `datetime`.
pub(crate) fn time(py: Python<'_>, time: Timestamp) -> PyResult<Option<Bound<'_, PyAny>>> {
    static CLASS: Class = PyOnceLock::new();
    static UTC: Class = PyOnceLock::new();
    let millis = jiff::SignedDuration::from_millis(time.as_millis());
    // Not by way of a timestamp, which for jiff ends two days before the year 9999 does.
    let Ok(time) = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0).checked_add(millis) else {
        return Ok(None);
    };
    let utc = UTC.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("datetime")?.getattr("timezone")?.getattr("utc")?.unbind())
    })?;
    let class = CLASS.import(py, "datetime", "datetime")?;
    // What `datetime` pickles itself as, and is made of again in a third of the time that its fields take.
    let [_, micros @ ..] = (time.subsec_nanosecond() / 1000).cast_unsigned().to_be_bytes();
    let [high, low] = time.year().to_be_bytes();
    let [month, day] = [time.month(), time.day()].map(i8::cast_unsigned);
    let [hour, minute, second] = [time.hour(), time.minute(), time.second()].map(i8::cast_unsigned);
    let [a, b, c] = micros;
    let state = [high, low, month, day, hour, minute, second, a, b, c];
    class.call1((PyBytes::new(py, &state), utc)).map(Some)
}

pub(crate) fn action<'py>(py: Python<'py>, action: &Action) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: Class = PyOnceLock::new();
    CLASS.import(py, TYPES, "Action")?.call1((
        action.verb(),
        action.kind().as_str(),
        action.phase().map(|phase| phase.as_str()),
        action.provenance().as_str(),
    ))
}

pub(crate) fn member<'py>(
    py: Python<'py>,
    member: &TargetMember<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: Class = PyOnceLock::new();
    let TargetMember { id_no, name, user_code, email_address, .. } = member;
    CLASS.import(py, TYPES, "TargetMember")?.call1((
        id_no.as_deref(),
        name.as_deref(),
        user_code.as_deref(),
        email_address.as_deref(),
    ))
}

pub(crate) fn position<'py>(py: Python<'py>, position: &Position) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: Class = PyOnceLock::new();
    let Position { source, record, line, byte, .. } = position;
    CLASS.import(py, TYPES, "Position")?.call1((source.as_deref(), *record, *line, *byte))
}

pub(crate) fn stats<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: Class = PyOnceLock::new();
    let Stats { records, events, rejects, duplicates, conflicts, filtered, .. } = *stats;
    let Stats { unrecognized, nul_bytes, .. } = *stats;
    CLASS.import(py, TYPES, "Stats")?.call1((
        records,
        events,
        rejects,
        duplicates,
        conflicts,
        filtered,
        unrecognized,
        nul_bytes,
    ))
}

pub(crate) fn reject<'py>(py: Python<'py>, reject: &Reject) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: Class = PyOnceLock::new();
    CLASS.import(py, TYPES, "Reject")?.call1((
        position(py, reject.position())?,
        reject.code().as_str(),
        reject.message(),
        PyBytes::new(py, reject.raw()),
        reject.length(),
    ))
}

pub(crate) fn collected(py: Python<'_>, collected: Collected) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: Class = PyOnceLock::new();
    let Collected { fetched, done, total, requests, .. } = collected;
    CLASS.import(py, TYPES, "Collected")?.call1((fetched, done, total, requests))
}

pub(crate) fn report<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: Class = PyOnceLock::new();
    let Report { records, gaps, warnings, requests, objects, head, error, .. } = report;
    let Counts { fetched, new, known, rejected, conflicts, .. } = *records;
    let gaps: PyResult<Vec<_>> = gaps.iter().map(|gap| self::gap(py, gap)).collect();
    let error = error.as_ref().map(|error| exception(py, error).into_value(py));
    CLASS.import(py, TYPES, "Report")?.call1((
        fetched,
        new,
        known,
        rejected,
        conflicts,
        PyList::new(py, gaps?)?,
        requests,
        objects,
        head,
        error,
        PyList::new(py, warnings)?,
    ))
}

fn gap<'py>(py: Python<'py>, gap: &Gap) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: Class = PyOnceLock::new();
    let Gap { since, until, object, reason, .. } = gap;
    let time = |text: &Option<String>| match text.as_deref().and_then(Timestamp::parse) {
        Some(time) => self::time(py, time),
        None => Ok(None),
    };
    let (since, until) = (time(since)?, time(until)?);
    CLASS.import(py, TYPES, "Gap")?.call1((since, until, object.as_deref(), reason))
}

pub(crate) fn verified<'py>(py: Python<'py>, verified: &Verified) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: Class = PyOnceLock::new();
    static FINDING: Class = PyOnceLock::new();
    let Verified { entries, files, records, head, findings, interrupted, settled, .. } = verified;
    let class = FINDING.import(py, TYPES, "Finding")?;
    let finding = |Finding { kind, path, message, .. }: &Finding| {
        class.call1((json(py, kind)?, path, message))
    };
    let findings: PyResult<Vec<_>> = findings.iter().map(finding).collect();
    let findings = PyList::new(py, findings?)?;
    CLASS.import(py, TYPES, "Verified")?.call1((
        findings,
        *entries,
        *files,
        *records,
        head,
        *interrupted,
        *settled,
    ))
}

/// A value as JSON shows it.
pub(crate) fn json<'py>(
    py: Python<'py>,
    value: &impl serde::Serialize,
) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: Class = PyOnceLock::new();
    let text = serde_json::to_string(value);
    let text = text.map_err(|error| PyValueError::new_err(error.to_string()))?;
    LOADS.import(py, "json", "loads")?.call1((text,))
}
