//! The table: batches of rows in the order of the input, as a stream or all at once.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::{Int32Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, PrimitiveArray, RecordBatch, UInt64Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, SchemaRef};
use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{
    Code, Column, Error, Filter, Format, Limits, Meaning, Outcome, Part, Parts, Progress, Reader,
    ReaderBuilder, RecordPath, Reject, Result, Rows, Split, Stats, Store,
};
use std::collections::VecDeque;

use crate::columns::{Built, BuiltKeys, BuiltPart, Columns, Interner};
use crate::parquet::Parquet;
use crate::schema::schema;

/// Sets up reading a table.
///
/// ```no_run
/// use nhn_cloudtrail::{Column, Filter};
/// use nhn_cloudtrail_arrow::TableBuilder;
///
/// let batches = TableBuilder::new()
///     .columns(&[Column::EventTime, Column::UserId, Column::EventName])
///     .filter(Filter::new().event("*.delete")?)
///     .open(["logs/"])?;
/// for batch in batches {
///     println!("{} rows", batch?.num_rows());
/// }
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
#[must_use]
#[derive(Clone)]
pub struct TableBuilder {
    columns: Vec<Column>,
    lang: Lang,
    catalog: Catalog,
    filter: Filter,
    formats: Vec<Arc<dyn Format>>,
    stores: Vec<Arc<dyn Store>>,
    dedup: bool,
    verify: bool,
    limits: Limits,
    record_path: Option<RecordPath>,
    threads: usize,
    most: usize,
    watch: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl std::fmt::Debug for TableBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableBuilder")
            .field("columns", &self.columns)
            .field("lang", &self.lang)
            .field("filter", &self.filter)
            .field("dedup", &self.dedup)
            .field("verify", &self.verify)
            .field("limits", &self.limits)
            .field("record_path", &self.record_path)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl Default for TableBuilder {
    fn default() -> Self {
        Self {
            columns: Column::standard().to_vec(),
            lang: Lang::Ko,
            catalog: Catalog::builtin(),
            filter: Filter::new(),
            formats: Vec::new(),
            stores: Vec::new(),
            dedup: false,
            verify: false,
            limits: Limits::default(),
            record_path: None,
            threads: 0,
            most: DICTIONARY,
            watch: None,
        }
    }
}

/// How many bytes of text a dictionary may have before another one begins.
const DICTIONARY: usize = 1 << 20;
/// The same where there is to be one. A part adds less than a gibibyte and some MiB to it, so that
/// every offset fits 31 bits.
const ONE_DICTIONARY: usize = 1 << 29;

impl TableBuilder {
    /// Every standard column, names in Korean, all cores.
    pub fn new() -> Self {
        Self::default()
    }

    /// The columns, in this order. Only these are built.
    pub fn columns(mut self, columns: &[Column]) -> Self {
        self.columns = columns.to_vec();
        self
    }

    /// The language of event names.
    pub fn lang(mut self, lang: Lang) -> Self {
        self.lang = lang;
        self
    }

    /// The catalog that says what event IDs mean.
    pub fn catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = catalog;
        self
    }

    /// Which events.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Reads files of another format too, besides Parquet.
    pub fn format(mut self, format: Arc<dyn Format>) -> Self {
        self.formats.push(format);
        self
    }

    /// Reads files of a store too, see
    /// [`ReaderBuilder::store`](nhn_cloudtrail::ReaderBuilder::store).
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.stores.push(store);
        self
    }

    /// Whether duplicates are left out, see
    /// [`ReaderBuilder::dedup`](nhn_cloudtrail::ReaderBuilder::dedup).
    pub fn dedup(mut self, dedup: bool) -> Self {
        self.dedup = dedup;
        self
    }

    /// Whether the checksum of each Parquet file is checked before its rows are read, see
    /// [`Parquet::verify`]. Off by default.
    pub fn verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// What a record may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where the records are in wrappers that are not recognized, see
    /// [`ReaderBuilder::record_path`](nhn_cloudtrail::ReaderBuilder::record_path).
    pub fn record_path(mut self, path: RecordPath) -> Self {
        self.record_path = Some(path);
        self
    }

    /// How many threads read; 0, the default, is one for each core. The table is the same for any
    /// number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Asks `goes_on` again and again whether the reading is to go on, see
    /// [`ReaderBuilder::watch`](nhn_cloudtrail::ReaderBuilder::watch).
    pub fn watch(mut self, goes_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(goes_on));
        self
    }

    /// One dictionary a column, to which every batch adds, up to half a gibibyte of different texts:
    /// for formats that cannot begin another one. Memory then grows with these texts.
    pub fn one_dictionary(mut self) -> Self {
        self.most = ONE_DICTIONARY;
        self
    }

    /// Reads paths, folders and globs, one after the other; `-` is standard input. Of Parquet files of
    /// the table only what the columns and the filter need is read.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` where one of them names no file, `INVALID_OPTION` for options that make no sense.
    pub fn open<P: AsRef<Path>>(self, sources: impl IntoIterator<Item = P>) -> Result<Batches> {
        let sources: Vec<PathBuf> = sources.into_iter().map(|path| path.as_ref().into()).collect();
        let reader = self.reader().open(&sources)?;
        Ok(Batches { sources, ..self.batches(reader)? })
    }

    /// Reads a stream to its end.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for options that make no sense.
    pub fn from_reader(self, stream: impl Read + Send + 'static) -> Result<Batches> {
        let reader = self.reader().from_reader(stream)?;
        self.batches(reader)
    }

    /// Reads bytes in hand.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for options that make no sense.
    pub fn from_bytes(self, bytes: impl Into<Vec<u8>>) -> Result<Batches> {
        let reader = self.reader().from_bytes(bytes)?;
        self.batches(reader)
    }

    /// Reads bytes that something else owns, without copying them, see
    /// [`ReaderBuilder::from_owner`](nhn_cloudtrail::ReaderBuilder::from_owner).
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for options that make no sense.
    pub fn from_owner(self, owner: impl AsRef<[u8]> + Send + 'static) -> Result<Batches> {
        let reader = self.reader().from_owner(owner)?;
        self.batches(reader)
    }

    /// Reads records that are apart already, see
    /// [`ReaderBuilder::from_rows`](nhn_cloudtrail::ReaderBuilder::from_rows). `source_record` is the
    /// number of the row.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for options that make no sense.
    pub fn from_rows(self, rows: impl Rows + Send + 'static) -> Result<Batches> {
        let reader = self.reader().from_rows(rows)?;
        self.batches(reader)
    }

    /// What paths, folders and globs stand for, cut into what can be read apart, see
    /// [`ReaderBuilder::splits`](nhn_cloudtrail::ReaderBuilder::splits).
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` where a source names no file, `INVALID_OPTION` for standard input.
    pub fn splits<P: AsRef<Path>>(
        &self,
        sources: impl IntoIterator<Item = P>,
        bytes: u64,
    ) -> Result<Vec<Split>> {
        self.reader().splits(sources, bytes)
    }

    /// Reads splits, one after the other.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for options that make no sense, such as the numbers of records of a split that
    /// begins within its file.
    pub fn open_splits(self, splits: impl IntoIterator<Item = Split>) -> Result<Batches> {
        let splits: Vec<Split> = splits.into_iter().collect();
        if self.columns.contains(&Column::SourceRecord) && !splits.iter().all(Split::is_numbered) {
            let message = "source_record: records of a part of a file have no number";
            return Err(Error::new(Code::InvalidOption, message));
        }
        let reader = self.reader().open_splits(splits)?;
        self.batches(reader)
    }

    fn reader(&self) -> ReaderBuilder {
        let mut builder = Reader::builder().limits(self.limits).dedup(self.dedup);
        builder = self.stores.iter().cloned().fold(builder, ReaderBuilder::store);
        builder = self.record_path.iter().cloned().fold(builder, ReaderBuilder::record_path);
        if let Some(watch) = &self.watch {
            let watch = watch.clone();
            builder = builder.watch(move || watch());
        }
        if !self.filter.is_empty() {
            builder = builder.select(self.filter.clone().into_select(self.catalog.clone()));
        }
        let mut parquet = Parquet::new(&self.filter, &self.catalog).verify(self.verify);
        // Whether records are the same tells only all of them; raw is all of them.
        if !self.dedup || self.columns.contains(&Column::Raw) {
            parquet = parquet.columns(&self.columns);
        }
        let formats = self.formats.iter().cloned();
        formats.chain([Arc::new(parquet) as Arc<dyn Format>]).fold(builder, ReaderBuilder::format)
    }

    fn batches(self, reader: Reader) -> Result<Batches> {
        for (index, column) in self.columns.iter().enumerate() {
            if self.columns.iter().take(index).any(|before| before == column) {
                let message = format!("the column {column} is asked for twice");
                return Err(Error::new(Code::InvalidOption, message));
            }
        }
        let mut wanted = self.columns.clone();
        let needs_id = |&column: &Column| is_meaning(column) || column == Column::Outcome;
        if wanted.iter().any(needs_id) && !wanted.contains(&Column::EventId) {
            wanted.push(Column::EventId);
        }
        let merger = Merger {
            schema: schema(&self.columns, self.lang),
            dictionaries: wanted.iter().map(|_| Dictionary::default()).collect(),
            meanings: Vec::new(),
            wanted: wanted.clone(),
            catalog: self.catalog,
            lang: self.lang,
            most: self.most,
        };
        let parts = reader.into_parts(self.threads, || Columns::new(&wanted));
        Ok(Batches { parts, merger, rejects: VecDeque::new(), sources: Vec::new() })
    }
}

/// Whether a column says what the catalog knows of the event's ID.
pub(crate) fn is_meaning(column: Column) -> bool {
    matches!(
        column,
        Column::EventName
            | Column::Service
            | Column::Resource
            | Column::Verb
            | Column::Kind
            | Column::Phase
            | Column::Known
    )
}

/// A batch of rows, or what could not become a row.
#[derive(Clone, Debug)]
pub enum Item {
    /// Rows, in the order of the input.
    Batch(RecordBatch),
    /// A record that became none.
    Reject(Reject),
}

/// Reads a table batch by batch, in bounded memory.
///
/// As an iterator it gives batches, and an error for each reject: reading goes on after one. The
/// rejects of a stretch of input come after its rows.
#[derive(Debug)]
pub struct Batches {
    parts: Parts<Columns>,
    merger: Merger,
    rejects: VecDeque<Reject>,
    /// The paths, folders and globs that are read.
    pub(crate) sources: Vec<PathBuf>,
}

impl Batches {
    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.merger.schema.clone()
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.parts.stats()
    }

    /// How far the reading has come, for another thread to watch.
    pub fn progress(&self) -> Progress {
        self.parts.progress()
    }

    /// The files that are still to be read, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.parts.files()
    }

    /// The next batch or reject, or an error about a whole source; none at the end of the last.
    pub fn next_item(&mut self) -> Option<Result<Item>> {
        loop {
            if let Some(reject) = self.rejects.pop_front() {
                return Some(Ok(Item::Reject(reject)));
            }
            match self.next_merged()? {
                Ok(merged) => {
                    let batch = self.merger.batch(merged);
                    if batch.as_ref().is_ok_and(|batch| batch.num_rows() == 0) {
                        continue;
                    }
                    return Some(batch.map(Item::Batch));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn next_merged(&mut self) -> Option<Result<Merged>> {
        Some(self.parts.next_part()?.map(|mut part| {
            self.rejects.extend(std::mem::take(&mut part.rejects));
            self.merger.merge(part)
        }))
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.next_item()? {
            Ok(Item::Batch(batch)) => Ok(batch),
            Ok(Item::Reject(reject)) => Err(reject.into()),
            Err(error) => Err(error),
        })
    }
}

/// A table that was read whole.
#[derive(Clone, Debug)]
pub struct Table {
    /// The schema of every batch.
    pub schema: SchemaRef,
    /// The rows, in the order of the input. All batches share one dictionary a column,
    /// up to half a gibibyte of different texts.
    pub batches: Vec<RecordBatch>,
    /// What could not become a row, in order.
    pub rejects: Vec<Reject>,
    /// The counts.
    pub stats: Stats,
}

impl Batches {
    /// Reads to the end.
    ///
    /// # Errors
    ///
    /// The first error about a whole source. Rejects are no error here: they are in the table.
    pub fn read_all(self) -> Result<Table> {
        let mut rejects = Vec::new();
        let table = self.read_all_with(|reject| {
            rejects.push(reject?);
            Ok(())
        })?;
        Ok(Table { rejects, ..table })
    }

    /// Reads to the end, and tells `odd` of each reject and each error about a whole source, so that
    /// the table has no rejects. Reading goes on where it returns `Ok`.
    ///
    /// # Errors
    ///
    /// What `odd` returns.
    pub fn read_all_with(self, odd: impl FnMut(Result<Reject>) -> Result<()>) -> Result<Table> {
        self.read_with(ONE_DICTIONARY, odd)
    }

    fn read_with(
        mut self,
        most: usize,
        mut odd: impl FnMut(Result<Reject>) -> Result<()>,
    ) -> Result<Table> {
        self.merger.most = most;
        let mut merged = Vec::new();
        let mut batches = Vec::new();
        while let Some(part) = self.next_merged() {
            match part {
                Ok(part) => merged.push(part),
                Err(error) => odd(Err(error))?,
            }
            for reject in self.rejects.drain(..) {
                odd(Ok(reject))?;
            }
            if self.merger.is_full() {
                self.merger.batches(&mut merged, &mut batches)?;
            }
        }
        self.merger.batches(&mut merged, &mut batches)?;
        Ok(Table { schema: self.schema(), batches, rejects: Vec::new(), stats: self.stats() })
    }
}

/// Reads a path, a folder or a glob as a table of all standard columns; `-` is standard input.
///
/// # Errors
///
/// The first reject, or what is wrong with a source. [`TableBuilder`] goes on after rejects.
pub fn read(source: impl AsRef<Path>) -> Result<Table> {
    let table = TableBuilder::new().open([source])?.read_all()?;
    match table.rejects.first() {
        Some(reject) => Err(reject.clone().into()),
        None => Ok(table),
    }
}

/// Joins parts: gives their texts the keys of dictionaries that all parts share, and says once what
/// each event ID means.
#[derive(Debug)]
struct Merger {
    schema: SchemaRef,
    catalog: Catalog,
    lang: Lang,
    /// The columns that are asked for, and the event ID where another needs it.
    wanted: Vec<Column>,
    /// In the order of `wanted`.
    dictionaries: Vec<Dictionary>,
    /// What each event ID means, by its key, in the order of `wanted`.
    meanings: Vec<Box<[Option<i32>]>>,
    /// How many bytes of text a dictionary may have.
    most: usize,
}

/// The texts of a column so far.
#[derive(Debug, Default)]
struct Dictionary {
    texts: Interner,
    /// All of them as an array, where it is up to date.
    array: Option<ArrayRef>,
}

impl Dictionary {
    fn array(&mut self) -> ArrayRef {
        match &self.array {
            Some(array) if array.len() == self.texts.len() => array.clone(),
            _ => self.array.insert(self.texts.to_array()).clone(),
        }
    }
}

/// A part with the keys of the shared dictionaries, in the order of [`Merger::wanted`].
#[derive(Debug)]
struct Merged {
    rows: usize,
    columns: Vec<MergedColumn>,
    keep: Option<Vec<bool>>,
}

#[derive(Debug)]
enum MergedColumn {
    Keys(ScalarBuffer<i32>, Option<NullBuffer>),
    Array(ArrayRef),
}

impl Merger {
    fn merge(&mut self, part: Part<BuiltPart>) -> Merged {
        let Part { value, keep, source, records_before, .. } = part;
        let BuiltPart { rows, columns } = value;
        if self.is_full() {
            self.dictionaries.iter_mut().for_each(|dictionary| *dictionary = Dictionary::default());
            self.meanings.clear();
        }
        let mut built: Vec<Option<Built>> = self.wanted.iter().map(|_| None).collect();
        for (column, value) in columns {
            let place = self.wanted.iter().position(|&wanted| wanted == column);
            if let Some(slot) = place.and_then(|place| built.get_mut(place)) {
                *slot = Some(value);
            }
        }
        let mut merged: Vec<Option<MergedColumn>> = Vec::with_capacity(built.len());
        for (value, dictionary) in built.into_iter().zip(&mut self.dictionaries) {
            merged.push(value.map(|value| match value {
                Built::Keys(keys) => dictionary.texts.merge(keys),
                Built::Array(array) => MergedColumn::Array(array),
                Built::Numbers(numbers) => {
                    let numbers = numbers.into_iter().map(|number| number + records_before);
                    MergedColumn::Array(Arc::new(UInt64Array::from_iter_values(numbers)))
                }
                Built::Time(times, nulls) => {
                    let times = PrimitiveArray::<TimestampMillisecondType>::new(times, nulls);
                    MergedColumn::Array(Arc::new(times.with_timezone("UTC")))
                }
            }));
        }
        let ids = self.wanted.iter().position(|&column| column == Column::EventId);
        let ids = ids.and_then(|ids| match merged.get_mut(ids)? {
            Some(MergedColumn::Keys(keys, nulls)) => Some((ids, keys.clone(), nulls.clone())),
            _ => None,
        });
        if let Some((ids, keys, nulls)) = ids {
            self.learn(ids);
            for (place, &column) in self.wanted.iter().enumerate() {
                if is_meaning(column)
                    && let Some(slot) = merged.get_mut(place)
                {
                    *slot = Some(self.meaning(place, column, &keys, nulls.as_ref()));
                }
                if column == Column::Outcome
                    && let Some(Some(MergedColumn::Keys(outcomes, _))) = merged.get_mut(place)
                {
                    self.fail(place, outcomes, &keys, nulls.as_ref());
                }
            }
        }
        let columns = merged.into_iter().zip(&mut self.dictionaries).map(|(column, dictionary)| {
            column.unwrap_or_else(|| match &source {
                Some(source) => {
                    let key = dictionary.texts.intern(source.as_bytes());
                    MergedColumn::Keys(vec![key; rows].into(), None)
                }
                None => MergedColumn::Keys(vec![0; rows].into(), Some(NullBuffer::new_null(rows))),
            })
        });
        Merged { rows, columns: columns.collect(), keep }
    }

    /// Whether the next part begins other dictionaries. What was merged has to be made batches of
    /// before.
    fn is_full(&self) -> bool {
        self.dictionaries.iter().any(|dictionary| dictionary.texts.bytes() > self.most)
    }

    /// Makes batches of parts.
    fn batches(&mut self, merged: &mut Vec<Merged>, batches: &mut Vec<RecordBatch>) -> Result<()> {
        for merged in merged.drain(..) {
            let batch = self.batch(merged)?;
            if batch.num_rows() > 0 {
                batches.push(batch);
            }
        }
        Ok(())
    }

    /// Asks the catalog what the event IDs mean that are new.
    fn learn(&mut self, ids: usize) {
        let Self { catalog, lang, wanted, dictionaries, meanings, .. } = self;
        let Some(count) = dictionaries.get(ids).map(|dictionary| dictionary.texts.len()) else {
            return;
        };
        for key in meanings.len()..count {
            let id = dictionaries.get(ids).and_then(|dictionary| dictionary.texts.get(key as i32));
            let id = String::from_utf8_lossy(id.unwrap_or_default()).into_owned();
            let meaning = catalog.meaning(id);
            let columns =
                wanted.iter().zip(dictionaries.iter_mut()).map(|(&column, dictionary)| {
                    let mut keep = |text: Option<&str>| {
                        text.map(|text| dictionary.texts.intern(text.as_bytes()))
                    };
                    text_of(column, &meaning, *lang, &mut keep)
                });
            meanings.push(columns.collect());
        }
    }

    /// Makes failures of the events whose IDs say that they are some.
    fn fail(
        &self,
        place: usize,
        outcomes: &mut ScalarBuffer<i32>,
        ids: &[i32],
        nulls: Option<&NullBuffer>,
    ) {
        let failed: Vec<Option<i32>> =
            self.meanings.iter().map(|meaning| meaning.get(place).copied().flatten()).collect();
        if failed.iter().all(Option::is_none) {
            return;
        }
        let all = outcomes.iter().zip(ids).enumerate().map(|(row, (&outcome, id))| {
            let has_id = nulls.is_none_or(|nulls| nulls.is_valid(row));
            let failure = failed.get(*id as usize).copied().flatten().filter(|_| has_id);
            failure.unwrap_or(outcome)
        });
        *outcomes = all.collect::<Vec<i32>>().into();
    }

    /// A column of what event IDs mean.
    fn meaning(
        &self,
        place: usize,
        column: Column,
        ids: &[i32],
        nulls: Option<&NullBuffer>,
    ) -> MergedColumn {
        let meant: Vec<Option<i32>> =
            self.meanings.iter().map(|meaning| meaning.get(place).copied().flatten()).collect();
        let get = |id: &i32| meant.get(*id as usize).copied().flatten();
        let all_mean_something = nulls.is_none() && meant.iter().all(Option::is_some);
        let valid = (!all_mean_something).then(|| {
            let valid = BooleanBuffer::from_iter(ids.iter().map(|id| get(id).is_some()));
            NullBuffer::new(match nulls {
                Some(nulls) => &valid & nulls.inner(),
                None => valid,
            })
        });
        if column == Column::Known {
            let known = match valid {
                Some(valid) => valid.into_inner(),
                None => BooleanBuffer::new_set(ids.len()),
            };
            return MergedColumn::Array(Arc::new(BooleanArray::new(known, None)));
        }
        let keys: Vec<i32> = ids.iter().map(|id| get(id).unwrap_or(0)).collect();
        let valid = valid.filter(|valid| valid.null_count() > 0);
        MergedColumn::Keys(keys.into(), valid)
    }

    /// The batch of a merged part.
    fn batch(&mut self, merged: Merged) -> Result<RecordBatch> {
        let Merged { rows, columns, keep } = merged;
        let fields = self.schema.fields().len();
        let columns = columns.into_iter().zip(&mut self.dictionaries).take(fields);
        let columns = columns.map(|(column, dictionary)| match column {
            MergedColumn::Array(array) => Ok(array),
            MergedColumn::Keys(keys, nulls) => {
                let keys = PrimitiveArray::<Int32Type>::new(keys, nulls);
                let column = DictionaryArray::try_new(keys, dictionary.array())?;
                Ok(Arc::new(column) as ArrayRef)
            }
        });
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>().map_err(internal)?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options);
        let batch = batch.map_err(internal)?;
        match keep {
            Some(keep) => {
                let keep = BooleanArray::from(keep);
                arrow_select::filter::filter_record_batch(&batch, &keep).map_err(internal)
            }
            None => Ok(batch),
        }
    }
}

fn internal(error: ArrowError) -> Error {
    Error::new(Code::Panic, "a batch could not be made").caused_by(error)
}

/// What stands in a column for an event ID, given to `keep`; of the column that tells whether the ID
/// is known, anything.
fn text_of(
    column: Column,
    meaning: &Meaning<'_>,
    lang: Lang,
    keep: &mut dyn FnMut(Option<&str>) -> Option<i32>,
) -> Option<i32> {
    match column {
        Column::EventName => keep(meaning.name(lang)),
        Column::Service => keep(meaning.service()),
        Column::Resource => keep(meaning.resource().as_deref()),
        Column::Verb => keep(meaning.action().as_ref().and_then(|action| action.verb())),
        Column::Kind => keep(meaning.action().map(|action| action.kind().as_str())),
        Column::Phase => {
            keep(meaning.action().and_then(|action| action.phase()).map(|phase| phase.as_str()))
        }
        Column::Known => meaning.entry().map(|_| 0),
        // Else the response says it.
        Column::Outcome if meaning.has_failed() => keep(Some(Outcome::Failure.as_str())),
        _ => None,
    }
}

impl Interner {
    /// Gives the texts of a part the keys that they have here.
    fn merge(&mut self, part: BuiltKeys) -> MergedColumn {
        let BuiltKeys { mut keys, nulls, texts, ends } = part;
        let mut from = 0;
        let mut same = true;
        let map: Vec<i32> = (0..)
            .zip(&ends)
            .map(|(key, &end)| {
                let text = texts.get(from..end as usize).unwrap_or_default();
                from = end as usize;
                let ours = self.intern(text);
                same &= ours == key;
                ours
            })
            .collect();
        if !same {
            for key in &mut keys {
                *key = map.get(*key as usize).copied().unwrap_or(0);
            }
        }
        MergedColumn::Keys(keys.into(), nulls)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;

    use super::*;

    /// A table of more text than a dictionary may have says the same.
    #[test]
    fn full_dictionaries_make_room_for_others() {
        let mut text = String::new();
        for user in 0..60_000 {
            let agent = "x".repeat(100);
            text +=
                &format!("{{\"eventId\":\"a\",\"userId\":\"{user}\",\"userAgent\":\"{agent}\"}}\n");
        }
        let columns = [Column::UserId, Column::EventId];
        let builder = TableBuilder::new().columns(&columns).threads(2);
        let table = builder.from_bytes(text).unwrap().read_with(100_000, |_| Ok(())).unwrap();
        assert!(table.batches.len() > 3);
        let mut row = 0;
        for batch in &table.batches {
            let users = batch.column(0).as_dictionary::<Int32Type>();
            let users = users.downcast_dict::<arrow_array::StringArray>().unwrap();
            for user in users {
                assert_eq!(user, Some(row.to_string().as_str()));
                row += 1;
            }
        }
        assert_eq!(row, 60_000);
        let first = table.batches[0].column(0).as_dictionary::<Int32Type>().values().len();
        let last = table.batches.last().unwrap().column(0).as_dictionary::<Int32Type>();
        assert!(first < 60_000 && last.values().len() < 60_000);
    }
}
