//! Tables, whole and batch by batch, which speak the Arrow PyCapsule interface.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Int32Type, TimestampMillisecondType, UInt64Type};
use arrow_array::{Array, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use nhn_cloudtrail::{Error, RawRows, Reject, Result, Rows, Split, Stats, Timestamp, guarded};
use nhn_cloudtrail_arrow::{Batches, Item, TableBuilder};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyDict, PyList, PyTuple};

use crate::errors::{detached, exception, is_final, to_go_on};
use crate::lock::Lock;
use crate::options::{OnError, Options};
use crate::source::{Source, as_bytes};
use crate::values;
use crate::watch::Watch;

/// What could not be read.
#[derive(Default)]
struct Odd {
    rejects: Vec<Reject>,
    errors: Vec<Error>,
}

impl Odd {
    /// Takes one more; an error where it ends the reading.
    fn take(&mut self, odd: Result<Reject>, on_error: OnError) -> Result<()> {
        match (odd, on_error) {
            (Ok(reject), OnError::Raise) => return Err(reject.into()),
            (Ok(_), OnError::Skip) => (),
            (Ok(reject), OnError::Collect) => self.rejects.push(reject),
            (Err(error), OnError::Raise) => return Err(error),
            (Err(error), _) if is_final(&error) => return Err(error),
            (Err(error), _) => self.errors.push(error),
        }
        Ok(())
    }

    fn rejects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rejects: PyResult<Vec<_>> =
            self.rejects.iter().map(|reject| values::reject(py, reject)).collect();
        PyList::new(py, rejects?)
    }

    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.errors.iter().map(|error| exception(py, error).into_value(py)))
    }
}

/// A table of events, a row an event.
///
/// pandas, Polars, pyarrow, DuckDB and whoever else speaks the Arrow PyCapsule interface take it as
/// it is: `polars.DataFrame(table)`, `pyarrow.table(table)`, and in DuckDB's SQL by the name of its
/// variable. Text that repeats is dictionary-encoded.
#[pyclass(frozen, module = "nhn_cloudtrail")]
pub(crate) struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    odd: Arc<Odd>,
    stats: Stats,
}

impl Table {
    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

#[pymethods]
impl Table {
    /// How many rows there are.
    #[getter]
    fn num_rows(&self) -> usize {
        self.rows()
    }

    /// How many columns there are.
    #[getter]
    fn num_columns(&self) -> usize {
        self.schema.fields().len()
    }

    /// The names of the columns, in order.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        names(&self.schema)
    }

    /// What made the table: the versions of this package, of the table's columns and of the
    /// catalog, and the language of names.
    #[getter]
    fn metadata(&self) -> HashMap<&str, &str> {
        self.schema.metadata().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    /// The counts of what was read: `records = events + rejects + duplicates`.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::stats(py, &self.stats)
    }

    /// What could not become a row, with `on_error="collect"`.
    #[getter]
    fn rejects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.odd.rejects(py)
    }

    /// What is wrong with whole sources, where that does not raise.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.odd.errors(py)
    }

    /// A part of the table: `length` rows, or all that there are, from `offset` on. Copies nothing.
    #[pyo3(signature = (offset=0, length=None))]
    fn slice(&self, offset: usize, length: Option<usize>) -> Self {
        let (mut skip, mut left) = (offset, length.unwrap_or(usize::MAX));
        let mut batches = Vec::new();
        for batch in &self.batches {
            let from = skip.min(batch.num_rows());
            let rows = left.min(batch.num_rows() - from);
            if rows > 0 {
                batches.push(batch.slice(from, rows));
            }
            skip -= from;
            left -= rows;
        }
        Self { schema: self.schema.clone(), batches, odd: self.odd.clone(), stats: self.stats }
    }

    /// The first rows.
    #[pyo3(signature = (length=10))]
    fn head(&self, length: usize) -> Self {
        self.slice(0, Some(length))
    }

    fn __len__(&self) -> usize {
        self.rows()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    /// The table as a capsule of the Arrow C stream interface. Its schema is what it is, whatever is
    /// asked for.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches = self.batches.clone().into_iter().map(Ok);
        capsule(py, RecordBatchIterator::new(batches, self.schema.clone()))
    }

    /// A `pandas.DataFrame`. Needs pandas and pyarrow.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        converted(slf, "to_pandas")
    }

    /// A `polars.DataFrame`. Needs Polars.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        converted(slf, "to_polars")
    }

    /// A `pyarrow.Table`. Needs pyarrow.
    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        converted(slf, "to_pyarrow")
    }

    /// The first rows as text, for those who show them.
    fn _texts(&self, rows: usize) -> Vec<Vec<Option<String>>> {
        let head = self.slice(0, Some(rows));
        let rows = head.batches.iter().flat_map(|batch| {
            (0..batch.num_rows())
                .map(|row| batch.columns().iter().map(|column| text(column, row)).collect())
        });
        rows.collect()
    }

    fn __repr__(&self) -> String {
        format!("Table({} rows, {} columns)", self.rows(), self.schema.fields().len())
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static HTML: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        HTML.import(slf.py(), "nhn_cloudtrail._html", "table")?.call1((slf,))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        Err(PyRuntimeError::new_err(format!(
            "{} cannot be pickled: pickle what to_pyarrow or to_polars gives",
            slf.repr()?
        )))
    }
}

fn names(schema: &SchemaRef) -> Vec<&str> {
    schema.fields().iter().map(|field| field.name().as_str()).collect()
}

/// What `nhn_cloudtrail._frames` makes of a table.
fn converted<'py>(table: &Bound<'py, PyAny>, how: &str) -> PyResult<Bound<'py, PyAny>> {
    table.py().import("nhn_cloudtrail._frames")?.call_method1(how, (table,))
}

fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(&**schema);
    let schema = schema.map_err(|error| PyValueError::new_err(error.to_string()))?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

fn capsule<'py>(
    py: Python<'py>,
    reader: impl RecordBatchReader + Send + 'static,
) -> PyResult<Bound<'py, PyCapsule>> {
    let stream = FFI_ArrowArrayStream::new(Box::new(reader));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

/// A value of a column as text; none where it is null.
fn text(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Dictionary(..) => {
            let column = column.as_dictionary_opt::<Int32Type>()?;
            column.values().as_string_opt::<i32>()?.value(column.key(row)?).to_owned()
        }
        DataType::Utf8 => column.as_string_opt::<i32>()?.value(row).to_owned(),
        DataType::Timestamp(..) => {
            let millis = column.as_primitive_opt::<TimestampMillisecondType>()?.value(row);
            Timestamp::from_millis(millis)?.to_string()
        }
        DataType::Boolean => column.as_boolean_opt()?.value(row).to_string(),
        DataType::UInt64 => column.as_primitive_opt::<UInt64Type>()?.value(row).to_string(),
        DataType::Binary => {
            String::from_utf8_lossy(column.as_binary_opt::<i32>()?.value(row)).into_owned()
        }
        _ => {
            let members = column.as_list_opt::<i32>()?.value(row);
            let names = members.as_struct_opt()?.column_by_name("name")?.clone();
            let names = names.as_string_opt::<i32>()?;
            names.iter().map(|name| name.unwrap_or("?")).collect::<Vec<_>>().join(", ")
        }
    })
}

/// A table that is read batch by batch, in memory that does not grow with the input; what `scan_table`
/// returns.
///
/// It can be gone through once: as an iterator of tables, or by whoever takes an Arrow stream
/// (`pyarrow.RecordBatchReader.from_stream`, DuckDB).
#[pyclass(frozen, module = "nhn_cloudtrail")]
pub(crate) struct TableStream {
    schema: SchemaRef,
    shared: Arc<Shared>,
    watch: Watch,
    on_error: OnError,
}

/// How many rejects are kept at the most before whoever reads the stream is asked again, with a batch
/// of no rows, and how many bytes of them.
const MOST_ODD: usize = 4096;
const MOST_ODD_BYTES: usize = 16 << 20;

/// What a stream and what was made of it share.
struct Shared {
    /// None when it is closed.
    batches: Lock<Option<Batches>>,
    /// Whether a capsule was given out.
    exported: AtomicBool,
    found: Mutex<(Odd, Stats)>,
}

impl Shared {
    /// What was found so far.
    fn found(&self) -> MutexGuard<'_, (Odd, Stats)> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch; none at the end, when the files are closed too.
    fn next_batch(
        &self,
        slot: &mut Option<Batches>,
        on_error: OnError,
    ) -> Option<Result<RecordBatch>> {
        let (mut count, mut bytes) = (0, 0);
        loop {
            let batches = slot.as_mut()?;
            if count >= MOST_ODD || bytes >= MOST_ODD_BYTES {
                return Some(Ok(RecordBatch::new_empty(batches.schema())));
            }
            let item = batches.next_item();
            let mut found = self.found();
            found.1 = batches.stats();
            let odd = match item {
                Some(Ok(Item::Batch(batch))) => return Some(Ok(batch)),
                Some(Ok(Item::Reject(reject))) => Ok(reject),
                Some(Err(error)) => Err(error),
                None => {
                    *slot = None;
                    return None;
                }
            };
            if on_error == OnError::Collect {
                count += 1;
                bytes += odd.as_ref().map_or(0, |reject| reject.raw().len());
            }
            if let Err(error) = found.0.take(odd, on_error) {
                return Some(Err(error));
            }
        }
    }
}

impl TableStream {
    fn new(batches: Batches, options: Options) -> Self {
        Self {
            schema: batches.schema(),
            shared: Arc::new(Shared {
                batches: Lock::new(Some(batches)),
                exported: AtomicBool::new(false),
                found: Mutex::default(),
            }),
            on_error: options.on_error,
            watch: options.watch,
        }
    }
}

#[pymethods]
impl TableStream {
    /// The names of the columns, in order.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        names(&self.schema)
    }

    /// The counts of what was read so far: `records = events + rejects + duplicates`.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let stats = self.shared.found().1;
        values::stats(py, &stats)
    }

    /// What could not become a row so far, with `on_error="collect"`.
    #[getter]
    fn rejects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.shared.found().0.rejects(py)
    }

    /// What is wrong with whole sources, where that does not raise.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.shared.found().0.errors(py)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Table>> {
        if self.shared.exported.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("an Arrow stream was made of this already"));
        }
        let next = {
            let mut slot = self.shared.batches.lock(py)?;
            let slot = &mut *slot;
            detached(py, || self.shared.next_batch(slot, self.on_error))
        };
        if let Ok(Some(Ok(batch))) = next {
            return Ok(Some(Table {
                schema: self.schema.clone(),
                batches: vec![batch],
                odd: Arc::default(),
                stats: self.shared.found().1,
            }));
        }
        self.watch.finish(py, next.and_then(Option::transpose))?;
        Ok(None)
    }

    /// The rejects and errors since the last call, which are not kept then.
    #[pyo3(name = "_take_odd")]
    fn take_odd<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        let odd = std::mem::take(&mut self.shared.found().0);
        Ok((odd.rejects(py)?, odd.errors(py)?))
    }

    /// Reads no more, and closes the files.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let batches = self.shared.batches.lock(py)?.take();
        py.detach(|| drop(batches));
        self.watch.done(py, false)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close(py)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    /// What is still to be read as a capsule of the Arrow C stream interface, once.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        if self.shared.exported.swap(true, Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("a stream can be gone through once"));
        }
        let (schema, on_error) = (self.schema.clone(), self.on_error);
        let (shared, watch) = (self.shared.clone(), self.watch.clone());
        let batches = std::iter::from_fn(move || {
            let mut slot = match shared.batches.lock_detached() {
                Ok(slot) => slot,
                Err(busy) => return Some(Err(ArrowError::ComputeError(busy.to_string()))),
            };
            let next = guarded(|| shared.next_batch(&mut slot, on_error));
            let next = next.unwrap_or_else(|error| Some(Err(error)));
            if let Some(Err(_)) = next {
                watch.interrupt_again();
            }
            next.map(|batch| batch.map_err(|error| external(&error)))
        });
        capsule(py, RecordBatchIterator::new(batches, schema))
    }

    /// A `pyarrow.RecordBatchReader` of what is still to be read. Needs pyarrow.
    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        converted(slf, "to_record_batch_reader")
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let stats = self.stats(py)?.repr()?;
        Ok(format!("TableStream({} columns, {stats})", self.schema.fields().len()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        self.watch.traverse(&visit)
    }

    fn __clear__(&self) {
        self.watch.clear();
    }
}

/// What whoever takes an Arrow stream shows of an error.
fn external(error: &Error) -> ArrowError {
    let hint = to_go_on(error)
        .filter(|_| !is_final(error))
        .map(|hint| format!("; {hint}"))
        .unwrap_or_default();
    ArrowError::ExternalError(format!("{error}{hint} [{}]", error.code()).into())
}

fn open(py: Python<'_>, source: &Bound<'_, PyAny>, options: &Options) -> PyResult<Batches> {
    let source = Source::new(source)?;
    let store = source.store(py, options)?;
    let builder = store.into_iter().fold(options.table(), TableBuilder::store);
    let batches = detached(py, || source.table(builder)).flatten();
    let batches = batches.map_err(|error| exception(py, &error))?;
    options.watch.follow(batches.progress());
    Ok(batches)
}

/// Reads all of a source as a table.
#[pyfunction]
pub(crate) fn read_table(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
) -> PyResult<Table> {
    let options = Options::new(options)?;
    let batches = open(py, source, &options)?;
    read_all(py, batches, &options)
}

fn read_all(py: Python<'_>, batches: Batches, options: &Options) -> PyResult<Table> {
    let mut odd = Odd::default();
    let table = detached(py, || batches.read_all_with(|one| odd.take(one, options.on_error)));
    let table = options.watch.finish(py, table.flatten())?;
    let nhn_cloudtrail_arrow::Table { schema, batches, stats, .. } = table;
    Ok(Table { schema, batches, odd: Arc::new(odd), stats })
}

/// Opens a source for reading it as a table, batch by batch.
#[pyfunction]
pub(crate) fn scan_table(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
) -> PyResult<TableStream> {
    let options = Options::new(options)?;
    let batches = open(py, source, &options)?;
    Ok(TableStream::new(batches, options))
}

/// A path, and where in it a split begins and ends; nothing for all of a file.
type Place = (PathBuf, Option<(u64, u64)>);
/// The same with its size.
type Found = (PathBuf, Option<(u64, u64)>, Option<u64>);

/// Cuts paths, folders and globs into splits of some `bytes` (0: only into files): a path, where in it
/// the split begins and ends, and its size, where that is known.
#[pyfunction(name = "_splits")]
pub(crate) fn splits(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    options: &Bound<'_, PyDict>,
    bytes: u64,
) -> PyResult<Vec<Found>> {
    let builder = Options::new(options)?.table();
    let splits = detached(py, || builder.splits(paths, bytes)).flatten();
    let splits = splits.map_err(|error| exception(py, &error))?;
    let place =
        |split: Split| (split.path, split.bytes.map(|bytes| (bytes.start, bytes.end)), split.size);
    Ok(splits.into_iter().map(place).collect())
}

/// Opens splits for reading them as a table, batch by batch.
#[pyfunction(name = "_scan_splits")]
pub(crate) fn scan_splits(
    py: Python<'_>,
    splits: Vec<Place>,
    options: &Bound<'_, PyDict>,
) -> PyResult<TableStream> {
    let options = Options::new(options)?;
    let builder = options.table();
    let split = |(path, bytes): Place| Split::new(path, bytes.map(|(start, end)| start..end));
    let splits: Vec<Split> = splits.into_iter().map(split).collect();
    let batches = detached(py, || builder.open_splits(splits)).flatten();
    let batches = batches.map_err(|error| exception(py, &error))?;
    options.watch.follow(batches.progress());
    Ok(TableStream::new(batches, options))
}

/// Values of a column of binary, as Arrow lays them out.
struct Values(Option<RawRows>);

impl Rows for Values {
    fn next_rows(&mut self) -> Option<Result<RawRows>> {
        self.0.take().map(Ok)
    }
}

/// A table of the records in `text`, of which `offsets` has where each begins, and where the last ends,
/// in 64 bits. With `source_record` a row tells which record it is of.
#[pyfunction(name = "_enrich")]
pub(crate) fn enrich(
    py: Python<'_>,
    text: &Bound<'_, PyAny>,
    offsets: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
) -> PyResult<Table> {
    let options = Options::new(options)?;
    let bytes = |given: &Bound<'_, PyAny>| {
        as_bytes(given)?.ok_or_else(|| PyTypeError::new_err("a buffer is wanted"))
    };
    let (text, offsets) = (bytes(text)?, bytes(offsets)?);
    let ends = offsets.as_chunks().0.iter().map(|end| i64::from_ne_bytes(*end) as usize);
    let ends: Vec<usize> = ends.collect();
    let wrong = || PyValueError::new_err("offsets that do not rise, or stand outside of the text");
    let (Some(&first), Some(&last)) = (ends.first(), ends.last()) else { return Err(wrong()) };
    let mut rows = RawRows {
        text: Vec::with_capacity(last.saturating_sub(first).min(text.len())),
        ..RawRows::default()
    };
    let mut from = first;
    for end in ends.into_iter().skip(1) {
        let cell = text.get(from..end).ok_or_else(wrong)?;
        // What stands around a record in a file is no part of it, either.
        rows.text
            .extend_from_slice(cell.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cell).trim_ascii());
        rows.ends.push(rows.text.len());
        from = end;
    }
    let builder = options.table();
    let batches = detached(py, || builder.from_rows(Values(Some(rows)))).flatten();
    let batches = batches.map_err(|error| exception(py, &error))?;
    read_all(py, batches, &options)
}

/// What was written: stats, files, rejects, errors.
type Written<'py> = (Bound<'py, PyAny>, Vec<PathBuf>, Bound<'py, PyList>, Bound<'py, PyList>);

/// Writes a Parquet file or adds to a data set.
#[pyfunction]
pub(crate) fn write_parquet<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    target: PathBuf,
    options: &Bound<'py, PyDict>,
) -> PyResult<Written<'py>> {
    let options = Options::new(options)?;
    let batches = open(py, source, &options)?;
    let (mut odd, mut is_of_source) = (Odd::default(), false);
    let written = detached(py, || {
        nhn_cloudtrail_arrow::write_parquet(batches, &target, options.threads, |one| {
            odd.take(one, options.on_error).inspect_err(|_| is_of_source = true)
        })
    });
    let written = match written.flatten() {
        Err(error) if !is_of_source => {
            options.watch.done(py, false)?;
            return Err(exception(py, &error));
        }
        written => options.watch.finish(py, written)?,
    };
    Ok((values::stats(py, &written.stats)?, written.files, odd.rejects(py)?, odd.errors(py)?))
}
