//! The command.

use std::ffi::OsString;

use nhn_cloudtrail::Stats;
use nhn_cloudtrail_cli::{Sql, SqlQuery, SqlResult};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::catalog::Catalog;

/// Runs the command with these arguments, the first of which is its name, and gives its exit status.
///
/// The process is the command's: it ends at once on Ctrl-C, and nothing is left half-written.
#[pyfunction]
pub(crate) fn run(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| nhn_cloudtrail_cli::main(arguments, Some(&DuckDb)))
}

/// `nhn_cloudtrail._sql`.
struct DuckDb;

/// Columns, which of them hold numbers, rows, counts, errors.
type Answer = (Vec<String>, Vec<bool>, Py<PyAny>, [u64; 8], Vec<String>);

impl Sql for DuckDb {
    fn run(&self, query: SqlQuery) -> Result<SqlResult, String> {
        Python::attach(|py| {
            let (columns, numbers, rows, stats, errors) =
                ask(py, query).map_err(|error| text(py, &error))?;
            let next = move || {
                Python::attach(|py| {
                    let rows = rows
                        .bind(py)
                        .try_iter()
                        .and_then(|mut rows| rows.next().map(|rows| rows?.extract()).transpose());
                    rows.map_err(|error| text(py, &error)).transpose()
                })
            };
            Ok(SqlResult {
                columns: columns.into_iter().zip(numbers).collect(),
                rows: Box::new(std::iter::from_fn(next)),
                stats: counts(stats),
                errors,
            })
        })
    }
}

fn ask(py: Python<'_>, query: SqlQuery) -> PyResult<Answer> {
    let SqlQuery { text, sources, catalog, lang, limits, dedup, as_json, record_path, .. } = query;
    let given = PyDict::new(py);
    given.set_item("record_bytes", limits.record_bytes)?;
    given.set_item("depth", limits.depth)?;
    let options = PyDict::new(py);
    options.set_item("catalog", Catalog::from(catalog))?;
    options.set_item("lang", lang.as_str())?;
    options.set_item("limits", given)?;
    options.set_item("dedup", dedup)?;
    options.set_item("record_path", record_path.map(|path| path.to_string()))?;
    let sources: Vec<OsString> = sources.into_iter().map(OsString::from).collect();
    let sql = py.import("nhn_cloudtrail._sql")?;
    sql.call_method1("command", (text, sources, options, as_json))?.extract()
}

/// The counts of a `Stats` of Python.
fn counts(stats: [u64; 8]) -> Stats {
    let [records, events, rejects, duplicates, conflicts, filtered, unrecognized, nul_bytes] =
        stats;
    let mut stats = Stats::default();
    (stats.records, stats.events, stats.rejects) = (records, events, rejects);
    (stats.duplicates, stats.conflicts, stats.filtered) = (duplicates, conflicts, filtered);
    (stats.unrecognized, stats.nul_bytes) = (unrecognized, nul_bytes);
    stats
}

/// What went wrong, on one line, without where in Python it did.
fn text(py: Python<'_>, error: &PyErr) -> String {
    let text = error.value(py).to_string();
    // DuckDB goes on with the query, and marks the place in it on another line.
    let what = text.split_once("\n\nLINE ").map_or(text.as_str(), |(what, _)| what);
    what.split_whitespace().collect::<Vec<_>>().join(" ")
}
