//! Reads Parquet files of the table back: as batches, and as the records that they came from.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef};
use nhn_cloudtrail::catalog::Catalog;
use nhn_cloudtrail::{
    Code, Column, Error, Field, FieldTest, Filter, Format, Misses, Position, RawRows, Result, Rows,
    Timestamp,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::checksum;
use super::record::Records;
use crate::dataset::{is_without_times, times_of};
use crate::schema::{WIRE, data_type};
use crate::table::is_meaning;
use crate::texts::Texts;

/// How much text is made of rows at a time, or a little more.
const TEXT: usize = 4 << 20;

/// A column of a row group that is larger than this, of values larger than this, and larger by this
/// factor than it is stored, is there to take all memory. Row groups that are written here are less
/// than half as large.
const BOMB: i64 = 512 << 20;
const BOMB_VALUE: i64 = 64 << 10;
const BOMB_RATIO: i64 = 200;

/// How many rows are decoded at a time, at the most.
const ROWS: usize = 4096;

/// Parquet files of the table as a [`Format`] for the reader: a data set is then a source like any
/// other.
///
/// ```no_run
/// use std::sync::{Arc, Once};
/// use nhn_cloudtrail::{Filter, Reader, catalog::Catalog};
/// use nhn_cloudtrail_arrow::Parquet;
///
/// let filter = Filter::new().since("2026-10-31", "UTC")?;
/// let format = Parquet::new(&filter, &Catalog::builtin());
/// let reader = Reader::builder()
///     .format(Arc::new(format))
///     .select(filter.into_select(Catalog::builtin()))
///     .open(["dataset/"])?;
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
#[derive(Clone)]
pub struct Parquet(Arc<Pruner>);

impl fmt::Debug for Parquet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parquet").finish_non_exhaustive()
    }
}

impl Parquet {
    /// Skips rows that `filter` excludes, as far as some columns show it without reading the others, and
    /// the days of a data set outside of the filter's times, whose files are not opened. The reader still
    /// needs the filter.
    pub fn new(filter: &Filter, catalog: &Catalog) -> Self {
        let (since, until) = filter.time_range();
        let (tests, fields) = (filter.field_tests(catalog), filter.fields());
        let misses = filter.misses().cloned();
        Self(Arc::new(Pruner { since, until, tests, fields, only: None, verify: false, misses }))
    }

    /// Checks the checksum of a file before its records are returned: a change of any bit of the file
    /// is then an `INVALID_TABLE` error, and so is a file without a checksum, which this library did
    /// not write. Each file is read twice. Off by default; then only the footer is checked.
    #[must_use]
    pub fn verify(self, verify: bool) -> Self {
        Self(Arc::new(Pruner { verify, ..Pruner::clone(&self.0) }))
    }

    /// Reads only what these columns and the filter need: the records are then no more than that.
    /// With [`Column::Raw`] they are the records as they came, and a file that has not kept them
    /// cannot be read. Without a call they are as they came where they were kept, else made of all
    /// columns.
    #[must_use]
    pub fn columns(self, columns: &[Column]) -> Self {
        let mut pruner = Pruner::clone(&self.0);
        let mut only: Vec<Column> =
            columns.iter().filter_map(|&column| source_of(column)).collect();
        only.extend(pruner.fields.iter().filter_map(column_of));
        if columns.contains(&Column::Outcome) {
            // That of a failed phase is a failure, whatever the response says.
            only.push(Column::EventId);
        }
        // What a column could not hold stands there.
        only.push(Column::Extra);
        pruner.only = Some(only);
        Self(Arc::new(pruner))
    }
}

/// The column of the record that a column is made of; none for what is told of its place.
fn source_of(column: Column) -> Option<Column> {
    Some(match column {
        column if is_meaning(column) => Column::EventId,
        Column::Outcome | Column::ResultCode | Column::ResultMessage => Column::Response,
        Column::Source | Column::SourceRecord => return None,
        column => column,
    })
}

impl Format for Parquet {
    fn detects(&self, head: &[u8]) -> bool {
        head.starts_with(b"PAR1")
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Rows + Send>> {
        let mut table = TableFile::open(path)?;
        let groups = 0..table.groups();
        let pruner = self.0.clone();
        let columns = table.record_columns(pruner.only.as_deref())?;
        let checksum = table.checksum.take();
        if pruner.verify && checksum.is_none() {
            return Err(no_checksum(path));
        }
        let checksum = checksum.filter(|_| pruner.verify);
        let (open, skipped) = (None, 0);
        Ok(Box::new(RecordReader { table, pruner, columns, groups, checksum, open, skipped }))
    }

    fn skips_folder(&self, name: &OsStr) -> bool {
        let skips = name.to_str().is_some_and(|name| self.0.rules_out_folder(name));
        if let Some(misses) = self.0.misses.as_ref().filter(|_| skips) {
            misses.record_skipped_day();
        }
        skips
    }
}

/// Says which rows and columns need not be read.
#[derive(Clone)]
struct Pruner {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    tests: Vec<FieldTest>,
    /// What the filter looks at.
    fields: Vec<Field>,
    /// The columns that are needed, where these are not all.
    only: Option<Vec<Column>>,
    verify: bool,
    /// Counts the days that are not read.
    misses: Option<Misses>,
}

impl Pruner {
    fn wants_times(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// Returns whether all events between these times, as far as they are known, are outside of the
    /// wanted range.
    fn rules_out_times(&self, first: Option<i64>, last: Option<i64>) -> bool {
        let too_early = |last: i64| self.since.is_some_and(|since| last < since.as_millis());
        let too_late = |first: i64| self.until.is_some_and(|until| first >= until.as_millis());
        last.is_some_and(too_early) || first.is_some_and(too_late)
    }

    /// Returns whether no event in a data set's folder with this name is wanted.
    fn rules_out_folder(&self, name: &str) -> bool {
        match times_of(name) {
            Some((first, last)) => self.rules_out_times(Some(first), Some(last)),
            None => self.wants_times() && is_without_times(name),
        }
    }

    /// Whether statistics tell that no row of a group is wanted.
    fn rules_out(&self, group: &RowGroupMetaData, table: &TableFile) -> bool {
        let time = table.leaf(Column::EventTime).and_then(|leaf| group.columns().get(leaf));
        let Some(Statistics::Int64(times)) = time.and_then(|time| time.statistics()) else {
            return false;
        };
        self.rules_out_times(times.min_opt().copied(), times.max_opt().copied())
    }

    /// The columns that it looks at. What a file has no column for cannot be told.
    fn columns(&self, table: &TableFile) -> Vec<Column> {
        let fields = self.tests.iter().flat_map(|test| test.fields);
        let times = self.wants_times().then_some(Column::EventTime);
        let columns = fields.filter_map(column_of).chain(times);
        columns.filter(|&column| table.has(column)).collect()
    }

    /// Appends for each row whether it may be wanted.
    fn test(&self, batch: &RecordBatch, keep: &mut BooleanBufferBuilder) {
        let mut wanted = vec![true; batch.num_rows()];
        let column = |column: Column| batch.column_by_name(column.as_str()).map(|array| &**array);
        let times = column(Column::EventTime).filter(|_| self.wants_times());
        if let Some(times) = times.and_then(|a| a.as_primitive_opt::<TimestampMillisecondType>()) {
            for (wanted, time) in wanted.iter_mut().zip(times) {
                *wanted = time.is_some_and(|time| {
                    self.since.is_none_or(|since| time >= since.as_millis())
                        && self.until.is_none_or(|until| time < until.as_millis())
                });
            }
        }
        for test in &self.tests {
            let texts = |field| Some(Tested::new(Texts::of(column(column_of(field)?)?)?));
            let Some(mut columns) = test.fields.iter().map(texts).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            for (row, wanted) in wanted.iter_mut().enumerate().filter(|(_, wanted)| **wanted) {
                *wanted = columns.iter_mut().any(|column| column.passes(row, &*test.passes));
            }
        }
        wanted.into_iter().for_each(|wanted| keep.append(wanted));
    }
}

/// The column of a field.
fn column_of(field: &Field) -> Option<Column> {
    field.as_str().parse().ok()
}

/// A column whose texts are tested, each text of a dictionary once.
struct Tested<'a> {
    texts: Texts<'a>,
    known: Vec<Option<bool>>,
}

impl<'a> Tested<'a> {
    fn new(texts: Texts<'a>) -> Self {
        let count = if let Texts::Keys(_, values) = texts { values.len() } else { 0 };
        Self { texts, known: vec![None; count] }
    }

    fn passes(&mut self, row: usize, test: impl Fn(&str) -> bool) -> bool {
        let Some(text) = self.texts.get(row) else { return false };
        let key = if let Texts::Keys(keys, _) = self.texts { keys.key(row) } else { None };
        match key.and_then(|key| self.known.get_mut(key)) {
            Some(known) => *known.get_or_insert_with(|| test(text)),
            None => test(text),
        }
    }
}

/// Reads a file's rows as records.
struct RecordReader {
    table: TableFile,
    pruner: Arc<Pruner>,
    /// What records are made of.
    columns: Vec<Column>,
    /// The row groups that come next.
    groups: Range<usize>,
    /// The check that is left to do before rows are read.
    checksum: Option<checksum::Body>,
    open: Option<OpenGroup>,
    /// How many rows were passed over since the last that were given out.
    skipped: u64,
}

struct OpenGroup {
    reader: Batches,
    /// How many rows are passed over and then read, in turn.
    runs: VecDeque<(usize, usize)>,
    batch: RecordBatch,
    /// The next row of the batch.
    next: usize,
}

impl Rows for RecordReader {
    fn next_rows(&mut self) -> Option<Result<RawRows>> {
        self.advance().transpose()
    }

    fn are_whole(&self) -> bool {
        let has = |column: &Column| self.columns.contains(column);
        has(&Column::Raw) || WIRE.iter().all(has)
    }
}

impl RecordReader {
    fn advance(&mut self) -> Result<Option<RawRows>> {
        if let Some(checksum) = &mut self.checksum {
            if checksum.step().map_err(|error| not_as_written(&self.table.path, error))? {
                self.checksum = None;
            }
            // So that the reading can be stopped meanwhile.
            return Ok(Some(RawRows::default()));
        }
        loop {
            if let Some(open) = &mut self.open {
                if let Some(rows) = open.read(&self.table, &mut self.skipped)? {
                    return Ok(Some(rows));
                }
                self.open = None;
            }
            match self.groups.next() {
                Some(group) => self.open = self.open_group(group)?,
                None if self.skipped > 0 => {
                    let skipped = std::mem::take(&mut self.skipped);
                    return Ok(Some(RawRows { skipped, ..RawRows::default() }));
                }
                None => return Ok(None),
            }
        }
    }

    /// Opens a row group; none where no row of it is wanted.
    fn open_group(&mut self, group: usize) -> Result<Option<OpenGroup>> {
        let table = &self.table;
        let Some(metadata) = table.metadata.metadata().row_groups().get(group) else {
            return Ok(None);
        };
        let rows = metadata.num_rows() as usize;
        if self.pruner.rules_out(metadata, table) {
            self.skipped += rows as u64;
            return Ok(None);
        }
        let columns = self.pruner.columns(table);
        let mut runs = VecDeque::from([(0, rows)]);
        let mut selection = None;
        if !columns.is_empty() {
            let mut keep = BooleanBufferBuilder::new(rows);
            for batch in table.read(group, &columns, None)? {
                self.pruner.test(&batch?, &mut keep);
            }
            let keep = keep.finish();
            if keep.len() != rows {
                return Err(table.damaged("it has other rows than it says"));
            }
            if keep.count_set_bits() == 0 {
                self.skipped += rows as u64;
                return Ok(None);
            }
            if keep.count_set_bits() < rows {
                runs = runs_of(&keep);
                selection = Some(RowSelection::from_boolean_buffer(keep));
            }
        }
        let reader = table.read(group, &self.columns, selection)?;
        let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
        Ok(Some(OpenGroup { reader, runs, batch, next: 0 }))
    }
}

/// How many rows are passed over and then kept, in turn.
fn runs_of(keep: &BooleanBuffer) -> VecDeque<(usize, usize)> {
    let mut done = 0;
    let mut runs: VecDeque<(usize, usize)> = keep
        .set_slices()
        .map(|(from, to)| {
            let skipped = from - done;
            done = to;
            (skipped, to - from)
        })
        .collect();
    runs.push_back((keep.len() - done, 0));
    runs
}

impl OpenGroup {
    fn read(&mut self, table: &TableFile, skipped: &mut u64) -> Result<Option<RawRows>> {
        while let Some((skip, run)) = self.runs.front_mut() {
            *skipped += std::mem::take(skip) as u64;
            if *run == 0 {
                self.runs.pop_front();
                continue;
            }
            if self.next == self.batch.num_rows() {
                let Some(batch) = self.reader.next() else {
                    return Err(table.damaged("it has fewer rows than it says"));
                };
                self.batch = batch?;
                self.next = 0;
            }
            let records = Records::new(&self.batch);
            let mut rows = RawRows::default();
            while *run > 0 && self.next < self.batch.num_rows() && rows.text.len() < TEXT {
                records.write(self.next, &mut rows.text);
                rows.ends.push(rows.text.len());
                self.next += 1;
                *run -= 1;
            }
            rows.skipped = std::mem::take(skipped);
            return Ok(Some(rows));
        }
        Ok(None)
    }
}

/// A Parquet file of the table.
pub(crate) struct TableFile {
    file: File,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// In the order that they have in the file; none for one that is no column of the table.
    columns: Vec<Option<Column>>,
    checksum: Option<checksum::Body>,
}

impl TableFile {
    /// Opens a file and checks that it is one of the table.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let wrong = |error: io::Error| {
            let code =
                if error.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::Io };
            Error::new(code, "cannot be read").at(place(path)).caused_by(error)
        };
        let file = File::open(path).map_err(wrong)?;
        let checksum = file.try_clone().and_then(checksum::Body::open);
        let checksum = checksum.map_err(|error| not_as_written(path, error))?;
        // The schema is what the file's own columns say, not what was embedded for Arrow.
        let options = || ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let found = guard(path, || {
            ArrowReaderMetadata::load(&file, options().with_skip_arrow_metadata(true))
        })?;
        let (columns, fields) = check(found.schema()).map_err(|what| no_table(path, what))?;
        let rows: Option<i64> =
            found.metadata().row_groups().iter().try_fold(0i64, |rows, group| {
                rows.checked_add(group.num_rows()).filter(|_| group.num_rows() >= 0)
            });
        if rows.is_none() {
            return Err(damaged(path, "its number of rows is no number"));
        }
        for column in found.metadata().row_groups().iter().flat_map(RowGroupMetaData::columns) {
            let (stored, whole) = (column.compressed_size(), column.uncompressed_size());
            let value = whole / column.num_values().max(1);
            if whole > BOMB && value > BOMB_VALUE && whole / stored.max(1) > BOMB_RATIO {
                let name = column.column_path();
                let what = format!("{stored} bytes of {name} would become {whole}");
                return Err(damaged(path, what));
            }
        }
        let options = options().with_schema(Arc::new(Schema::new(fields)));
        let metadata =
            guard(path, || ArrowReaderMetadata::try_new(found.metadata().clone(), options))?;
        Ok(Self { file, path: path.to_owned(), metadata, columns, checksum })
    }

    /// Returns the same file with the types and the metadata with which it was written. Use it only for
    /// files that are known to be written by this library: values that repeat in the file then repeat in
    /// memory.
    pub(crate) fn into_written(self) -> Result<Self> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let metadata = self.metadata.metadata().clone();
        let metadata = guard(&self.path, || ArrowReaderMetadata::try_new(metadata, options))?;
        Ok(Self { metadata, ..self })
    }

    /// Returns the schema of the batches that are read.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.metadata.schema().clone()
    }

    /// How many row groups it has.
    pub(crate) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The columns that it has, in their order.
    pub(crate) fn columns(&self) -> Vec<Column> {
        self.columns.iter().copied().flatten().collect()
    }

    /// What its metadata has under a key.
    pub(crate) fn note(&self, key: &str) -> Option<&str> {
        let notes = self.metadata.metadata().file_metadata().key_value_metadata()?;
        notes.iter().find(|note| note.key == key)?.value.as_deref()
    }

    fn has(&self, column: Column) -> bool {
        self.columns.contains(&Some(column))
    }

    /// Where a column that is not nested stands among the columns that the file stores.
    fn leaf(&self, column: Column) -> Option<usize> {
        let stored = self.metadata.parquet_schema().columns();
        stored.iter().position(|stored| stored.path().parts() == [column.as_str()])
    }

    /// The columns that records are made of, where `only` these are needed.
    fn record_columns(&self, only: Option<&[Column]>) -> Result<Vec<Column>> {
        let needed = |column: &Column| only.is_none_or(|only| only.contains(column));
        let raw = only.is_some_and(|only| only.contains(&Column::Raw));
        if raw && !self.has(Column::Raw) {
            let message = "the records as they came are not in this Parquet file: it was written \
                           without --keep-raw";
            return Err(Error::new(Code::InvalidOption, message).at(place(&self.path)));
        }
        let missing = |column: &&Column| needed(column) && !self.has(**column);
        if self.has(Column::Raw) && (raw || only.is_none() || WIRE.iter().find(missing).is_some()) {
            return Ok(vec![Column::Raw]);
        }
        let columns = WIRE.iter().copied();
        Ok(columns.filter(|column| needed(column) && self.has(*column)).collect())
    }

    /// Reads these columns of a row group, in the order that they have in the file.
    pub(crate) fn read(
        &self,
        group: usize,
        columns: &[Column],
        selection: Option<RowSelection>,
    ) -> Result<Batches> {
        let roots = self.columns.iter().enumerate();
        let roots = roots.filter(|(_, column)| column.is_some_and(|c| columns.contains(&c)));
        let schema = self.metadata.parquet_schema();
        let mask = ProjectionMask::roots(schema, roots.map(|(index, _)| index));
        let file = self.file.try_clone().map_err(|error| {
            Error::new(Code::Io, "cannot be read").at(place(&self.path)).caused_by(error)
        })?;
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_batch_size(self.batch_rows(group, &mask))
                .with_row_groups(vec![group])
                .with_projection(mask);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        let reader = guard(&self.path, || builder.build())?;
        Ok(Batches { reader: Some(reader), path: self.path.clone() })
    }

    /// How many rows to decode at a time, so that they are not much more than [`TEXT`].
    fn batch_rows(&self, group: usize, mask: &ProjectionMask) -> usize {
        let Some(group) = self.metadata.metadata().row_groups().get(group) else { return 1 };
        let columns = group.columns().iter().enumerate();
        let columns = columns.filter(|(leaf, _)| mask.leaf_included(*leaf));
        let bytes: i64 = columns.map(|(_, column)| column.uncompressed_size().max(0)).sum();
        let each = bytes / group.num_rows().max(1);
        (TEXT as i64 / each.max(1)).clamp(1, ROWS as i64) as usize
    }

    fn damaged(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        damaged(&self.path, cause)
    }
}

/// Batches of a file. An error is the last.
pub(crate) struct Batches {
    reader: Option<ParquetRecordBatchReader>,
    path: PathBuf,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let batch = guard(&self.path, || reader.next().transpose()).transpose();
        if !matches!(batch, Some(Ok(_))) {
            self.reader = None;
        }
        batch
    }
}

thread_local! {
    /// Whether a panic in this thread becomes an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Stops the process from printing a message for a panic that becomes an error: damaged files make the
/// Parquet library panic. Changes the panic hook of the process, so it is for programs to call.
#[doc(hidden)]
pub fn hide_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                print(panic);
            }
        }));
    });
}

/// Runs a part of the reading of a file that may be damaged. There is damage at which the library
/// panics, as fuzzing has shown; nothing of what it was at is used then.
fn guard<T, E>(path: &Path, read: impl FnOnce() -> Result<T, E>) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(outer);
    match result {
        Ok(result) => result.map_err(|error| damaged(path, error)),
        Err(_) => Err(damaged(path, "it cannot be made sense of")),
    }
}

/// The columns of a file's schema, and its fields with the types that are the cheapest to read.
fn check(schema: &Schema) -> Result<(Vec<Option<Column>>, Vec<ArrowField>), String> {
    let mut columns = Vec::new();
    let mut fields = Vec::new();
    for field in schema.fields() {
        let Ok(column) = field.name().parse::<Column>() else {
            // What readers of data sets make of the folder's name.
            if field.name() == crate::dataset::EVENT_DATE {
                columns.push(None);
                fields.push(ArrowField::clone(field));
                continue;
            }
            return Err(format!("it has a column {:?}", field.name()));
        };
        if columns.contains(&Some(column)) {
            return Err(format!("it has the column {column} twice"));
        }
        let wanted = data_type(column);
        let stored = match &wanted {
            DataType::Dictionary(_, text) => text,
            wanted => wanted,
        };
        if !field.data_type().equals_datatype(stored) {
            let found = field.data_type();
            return Err(format!("its column {column} is of the type {found}, not {stored}"));
        }
        columns.push(Some(column));
        let cheap = match wanted {
            DataType::Dictionary(..) => wanted,
            // What is repeated is then stored once, however often it is said to be there.
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            _ => field.data_type().clone(),
        };
        fields.push(ArrowField::clone(field).with_data_type(cheap));
    }
    let has = |column| columns.contains(&Some(column));
    let is_ours = has(Column::Raw) || (has(Column::EventId) && has(Column::EventTime));
    if !is_ours {
        let wanted = [Column::EventId, Column::EventTime];
        let missing = wanted.into_iter().filter(|&column| !has(column)).map(Column::as_str);
        let missing = missing.collect::<Vec<_>>().join(" and ");
        return Err(format!("it has no {missing}, which records are known by"));
    }
    Ok((columns, fields))
}

/// The error about a file without a checksum, or one that changed after it was written.
fn not_as_written(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::InvalidData {
        return damaged(path, error);
    }
    Error::new(Code::Io, "cannot be read").at(place(path)).caused_by(error)
}

fn no_checksum(path: &Path) -> Error {
    let message = "the Parquet file has no checksum to verify: it was written by another program or an \
                   older release, or is damaged; read it without verifying, or write it again";
    Error::new(Code::InvalidTable, message).at(place(path))
}

fn place(path: &Path) -> Position {
    let mut position = Position::default();
    position.source = Some(path.to_string_lossy().into());
    position
}

fn no_table(path: &Path, what: String) -> Error {
    let message = format!("this Parquet file is no table of CloudTrail events: {what}");
    Error::new(Code::InvalidTable, message).at(place(path))
}

fn damaged(path: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Code::InvalidTable, "the Parquet file is damaged").at(place(path)).caused_by(cause)
}
