//! Data sets: folders of Parquet files, one folder a day.
//!
//! Nothing is seen of a run before it commits. Its files are written into a folder of their own and
//! get their names at the end, one after the other; each is whole by then, and on the disk. Whenever
//! a run is stopped, the data set is readable, and what the run did not come to is added by the
//! next, which leaves out the rows that are stored.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::take::{take, take_record_batch};
use nhn_cloudtrail::{Code, Column, Error, Position, Result, Stats, Timestamp};

use crate::disk;
use crate::identity::{Identities, Identity, Stored};
use crate::parquet::{ParquetWriter, TableFile, text, unrecognized};
use crate::schema::WIRE;

/// What data sets are parted by; it is no column of the table.
pub(crate) const EVENT_DATE: &str = "event_date";

/// The folder of events without a time, as every reader of such data sets calls it.
const NO_DATE: &str = "__HIVE_DEFAULT_PARTITION__";

/// An empty file: polars takes any other for a part of the data set, whatever its name.
const LOCK: &str = nhn_cloudtrail::DATA_SET;

/// An empty file that is created for a moment to check whether files can be moved into a data set.
#[doc(hidden)]
pub const PROBE: &str = ".nhn-cloudtrail.probe";

/// How many bytes of rows are held before they are written.
const HELD: usize = 64 << 20;

/// How many of them a day must have for a file of its own while more may come.
const WORTH_A_FILE: usize = 1 << 20;

/// What a row takes that its text does not show.
const ROW: usize = 160;

const DAY: i64 = 86_400_000;

/// A day, in UTC, since 1970 began; none for rows without a time.
type Day = Option<i64>;

/// Adds batches of the table to a data set: a folder with a folder `event_date=YYYY-MM-DD` for each
/// day (UTC), in which lie Parquet files.
///
/// Rows that it holds already are left out and counted as duplicates; duplicates among the new ones
/// are for [`TableBuilder::dedup`](crate::TableBuilder::dedup) to leave out. Nothing is seen of the new
/// rows before [`commit`](Dataset::commit); without it nothing is left of them. Memory is bounded,
/// whatever the order of the rows, but for some 24 bytes for each row that is stored of the days
/// that rows are added to.
pub struct Dataset {
    root: PathBuf,
    schema: SchemaRef,
    threads: usize,
    /// The files that were there, by their day.
    files: HashMap<Day, Vec<PathBuf>>,
    /// Those of them that cannot be read, where that is no error.
    unreadable: Option<Vec<PathBuf>>,
    /// The first day for which rows are added; earlier rows are dropped.
    first_day: Option<i64>,
    /// The rows that they hold, of days that rows were added to.
    stored: HashMap<Day, Stored>,
    counts: Counts,
    /// Batches that wait to be written, with how many bytes they have, and their rows by day. Days
    /// stand in the order in which they came.
    held: Vec<RecordBatch>,
    bytes: usize,
    days: Vec<(Day, Vec<Run>)>,
    /// The file that is being written, with how many rows it has.
    open: Option<(Day, PathBuf, ParquetWriter<File>, u64)>,
    /// Days of which rows lie aside, to be written at the end.
    aside: BTreeSet<Day>,
    /// The files that are whole, with how many rows they have.
    done: Vec<(Day, PathBuf, u64)>,
    stage: Stage,
    /// Part of the names of the files.
    name: Option<String>,
    /// Let go of last.
    lock: Lock,
}

/// Rows of a batch that is held.
struct Run {
    batch: usize,
    from: usize,
    rows: usize,
}

/// What becomes of the counts of what was read.
#[derive(Clone, Copy, Default)]
struct Counts {
    duplicates: u64,
    /// Rows whose key is stored with other content.
    conflicts: u64,
    /// Duplicates that were counted as conflicts when they were read.
    no_conflicts: u64,
    /// Duplicates that were counted as unrecognized when they were read.
    unrecognized: u64,
}

/// The folder in which files are written. It is removed with what is left in it.
struct Stage {
    folder: PathBuf,
    /// Whether the folder is kept on drop.
    keep: bool,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.keep {
            // The folder may already be removed.
            let _ = disk::remove_all(&self.folder);
        }
    }
}

/// Keeps other runs away from a data set.
struct Lock {
    _file: File,
    /// The folder, where this run has made it and it is to go again.
    made: Option<PathBuf>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(root) = &self.made {
            // Only an empty folder can be removed.
            let _ = disk::remove_file(&root.join(LOCK));
            let _ = disk::remove_folder(root);
        }
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset").field("root", &self.root).finish_non_exhaustive()
    }
}

/// A file that is about to come to a data set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewFile {
    /// Its path in the data set.
    pub path: PathBuf,
    /// How many rows it has.
    pub rows: u64,
}

/// New files of a data set that have no names in it yet. Dropped, they are gone.
pub struct Prepared {
    root: PathBuf,
    files: Vec<NewFile>,
    stage: Stage,
    lock: Lock,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Prepared {
    /// The files, in their order.
    pub fn files(&self) -> &[NewFile] {
        &self.files
    }

    /// Where such a file lies meanwhile.
    pub fn staged(&self, file: &NewFile) -> PathBuf {
        self.stage.folder.join(&file.path)
    }

    /// Keeps the files from now on, even after an error: for callers that are about to record them.
    /// [`recover`] moves files that [`publish`](Prepared::publish) did not move.
    pub fn keep(&mut self) {
        self.stage.keep = true;
        self.lock.made = None;
    }

    /// Gives all files their names.
    ///
    /// # Errors
    ///
    /// `IO` where that fails. What has its name by then stays.
    pub fn publish(mut self) -> Result<()> {
        let mut folders = BTreeSet::new();
        for file in &self.files {
            self.lock.made = None;
            folders.extend(give_name(&self.root, &self.stage.folder, &file.path)?);
        }
        self.lock.made = None;
        for folder in folders.iter().chain([&self.root]) {
            disk::sync_folder(folder).map_err(|error| failed(folder, error))?;
        }
        self.stage.keep = false;
        Ok(())
    }
}

/// Moves these files to their places if an interrupted run left them where it wrote them; see
/// [`Prepared::keep`]. `is_right` is called with the path of a written file and the file's path in the
/// data set. A file that is already in its place is replaced. Other files that an interrupted run left
/// are removed, unless an error occurs. Links are not followed and not moved.
///
/// # Errors
///
/// `IO` if a file cannot be moved, `LOCKED` if another run holds the data set's lock.
pub fn recover(
    root: &Path,
    files: &[PathBuf],
    is_right: impl Fn(&Path, &Path) -> bool,
) -> Result<()> {
    let left = [&stages(root)[..], &[root.join(PROBE)]].concat();
    if !left.iter().any(|path| path.symlink_metadata().is_ok()) {
        return Ok(());
    }
    let _lock = lock(root)?;
    let mut folders = BTreeSet::new();
    for stage in stages(root) {
        let is_staged = |file: &&PathBuf| {
            let mut folder = stage.join(file);
            let is_file = is_kind(&folder, fs::Metadata::is_file);
            is_file
                && folder.pop()
                && is_folder(&folder)
                && is_folder(&stage)
                && is_right(&stage.join(file), file)
        };
        for file in files.iter().filter(is_staged) {
            folders.extend(give_name(root, &stage, file)?);
        }
    }
    for folder in folders.iter().map(PathBuf::as_path).chain([root]) {
        disk::sync_folder(folder).map_err(|error| failed(folder, error))?;
    }
    clear(root)
}

/// Removes what a run left that was killed.
fn clear(root: &Path) -> Result<()> {
    for path in [&stages(root)[..], &[root.join(PROBE)]].concat() {
        disk::remove_all(&path).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// Returns whether this is a folder and not a link to one.
fn is_folder(path: &Path) -> bool {
    is_kind(path, fs::Metadata::is_dir)
}

fn is_kind(path: &Path, kind: impl FnOnce(&fs::Metadata) -> bool) -> bool {
    path.symlink_metadata().is_ok_and(|data| kind(&data))
}

/// Moves a file from where it was written into the data set. Gives the folder in which it is now.
fn give_name(root: &Path, stage: &Path, file: &Path) -> Result<Option<PathBuf>> {
    let target = root.join(file);
    // The folder of a day, and a file name in it.
    let is_inside = file.components().all(|part| matches!(part, Component::Normal(_)));
    let folder = target.parent().filter(|_| is_inside).map(Path::to_owned);
    if let Some(folder) = &folder {
        match disk::new_folder(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(folder, error));
            }
            _ => (),
        }
    }
    if !folder.as_deref().is_some_and(is_folder) {
        return Err(failed(&target, io::Error::other("this is outside of the data set's folder")));
    }
    disk::rename(&stage.join(file), &target).map_err(|error| failed(&target, error))?;
    Ok(folder)
}

impl Dataset {
    /// Opens a data set to add batches of this schema to it, or begins one. Files are encoded on so
    /// many threads; 0 is one for each processor.
    ///
    /// # Errors
    ///
    /// `INVALID_TABLE` where the folder holds anything but such a data set. `INVALID_OPTION` where
    /// its tables have other columns or another language than the schema. `IO` where it cannot be
    /// written, or another run is at it. In all these cases nothing was changed.
    pub fn open(root: impl AsRef<Path>, schema: SchemaRef, threads: usize) -> Result<Self> {
        let root = root.as_ref();
        let missing = |column: &&Column| schema.column_with_name(column.as_str()).is_none();
        if let Some(column) = Column::standard().iter().find(missing) {
            let message = format!(
                "a data set needs all columns of the table, and {column} is left out; write a file \
                 to choose columns"
            );
            return Err(Error::new(Code::InvalidOption, message));
        }
        if root.is_dir() {
            // Before anything is left in it: it may be somebody else's.
            find(root)?;
        }
        let lock = lock(root)?;
        let root = fs::canonicalize(root).map_err(|error| failed(root, error))?;
        let files = find(&root)?;
        for path in files.values().flatten() {
            check(&TableFile::open(path)?, path, &schema)?;
        }
        Self::begin(root, schema, threads, lock, files)
    }

    /// The same for who knows which files are the data set's, by their paths in it: whatever else lies
    /// there is left alone. Each is looked at when rows of its day come; those of one that cannot be
    /// read count as not stored, see [`unreadable`](Dataset::unreadable).
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` where its tables have other columns or another language than the schema, `IO`
    /// where it cannot be written, or another run is at it.
    #[doc(hidden)]
    pub fn open_known<'a>(
        root: &Path,
        schema: SchemaRef,
        threads: usize,
        known: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Self> {
        let lock = lock(root)?;
        let root = fs::canonicalize(root).map_err(|error| failed(root, error))?;
        let mut files = HashMap::<Day, Vec<PathBuf>>::new();
        for file in known {
            let folder = file.parent().and_then(Path::to_str);
            if let Some(day) = folder.and_then(day_of) {
                files.entry(day).or_default().push(root.join(file));
            }
        }
        // All were written with the same columns and in the same language.
        let mut paths = files.values().flatten();
        if let Some((table, path)) =
            paths.find_map(|path| Some((TableFile::open(path).ok()?, path)))
        {
            check(&table, path, &schema)?;
        }
        let dataset = Self::begin(root, schema, threads, lock, files)?;
        Ok(Self { unreadable: Some(Vec::new()), ..dataset })
    }

    fn begin(
        root: PathBuf,
        schema: SchemaRef,
        threads: usize,
        lock: Lock,
        files: HashMap<Day, Vec<PathBuf>>,
    ) -> Result<Self> {
        let stage = stage(&root)?;
        Ok(Self {
            root,
            schema,
            threads,
            files,
            unreadable: None,
            first_day: None,
            stored: HashMap::new(),
            counts: Counts::default(),
            held: Vec::new(),
            bytes: 0,
            days: Vec::new(),
            open: None,
            aside: BTreeSet::new(),
            done: Vec::new(),
            stage,
            name: None,
            lock,
        })
    }

    /// Names the files `part-NAME-NNNN.parquet`, for a caller that ensures that no other run uses the
    /// name.
    #[doc(hidden)]
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The files that were to be read and could not; see [`open_known`](Dataset::open_known).
    #[doc(hidden)]
    pub fn unreadable(&self) -> &[PathBuf] {
        self.unreadable.as_deref().unwrap_or_default()
    }

    /// Drops rows of days before this instant, in milliseconds since 1970, as if they were already
    /// stored.
    #[doc(hidden)]
    #[must_use]
    pub fn not_before(self, instant: Option<i64>) -> Self {
        Self { first_day: instant.map(|instant| instant.div_euclid(DAY)), ..self }
    }

    /// The folder that files are written in. Who ends the process without dropping this removes it.
    pub fn staging(&self) -> &Path {
        &self.stage.folder
    }

    /// Adds the rows that the data set does not hold.
    ///
    /// # Errors
    ///
    /// `IO` where they cannot be written, `INVALID_TABLE` where a stored file is damaged.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut identities = None;
        let mut duplicates = Vec::new();
        let mut from = 0;
        for rows in days(batch).chunk_by(|a, b| a == b) {
            let day = rows.first().copied().flatten();
            if day.zip(self.first_day).is_some_and(|(day, first)| day < first) {
                self.counts.duplicates += rows.len() as u64;
                duplicates.extend(from..from + rows.len());
                from += rows.len();
                continue;
            }
            self.load(day)?;
            let known = self.stored.get_mut(&day).filter(|stored| !stored.is_empty());
            match known {
                None => add(&mut self.days, day, self.held.len(), from, rows.len()),
                Some(stored) => {
                    let identities = identities.get_or_insert_with(|| Identities::new(batch));
                    for row in from..from + rows.len() {
                        let verdict = stored.check(identities.get(row));
                        self.counts.duplicates += u64::from(verdict.duplicate);
                        self.counts.no_conflicts += u64::from(verdict.duplicate && verdict.seen);
                        self.counts.conflicts += u64::from(verdict.conflict && !verdict.seen);
                        if verdict.duplicate {
                            duplicates.push(row);
                        } else {
                            add(&mut self.days, day, self.held.len(), row, 1);
                        }
                    }
                }
            }
            from += rows.len();
        }
        self.counts.unrecognized += unrecognized(batch, &duplicates)?;
        self.bytes += size(batch);
        self.held.push(batch.clone());
        if self.bytes >= HELD { self.flush(false) } else { Ok(()) }
    }

    /// What was read, when what was left out here is counted as duplicates.
    pub fn adjust(&self, mut stats: Stats) -> Stats {
        let Counts { duplicates, conflicts, no_conflicts, unrecognized } = self.counts;
        stats.events = stats.events.saturating_sub(duplicates);
        stats.duplicates += duplicates;
        stats.conflicts = (stats.conflicts + conflicts).saturating_sub(no_conflicts);
        stats.unrecognized = stats.unrecognized.saturating_sub(unrecognized);
        stats
    }

    /// Writes what is left and gives all files their names. Gives the files, in their order.
    ///
    /// # Errors
    ///
    /// `IO` where that fails. What has its name by then stays; reading the same sources again adds
    /// what is missing.
    pub fn commit(self) -> Result<Vec<PathBuf>> {
        let prepared = self.prepare()?;
        let root = prepared.root.clone();
        let files = prepared.files.iter().map(|file| root.join(&file.path)).collect();
        prepared.publish()?;
        Ok(files)
    }

    /// Writes what is left, and no name yet: so that somebody can write down what is about to come.
    /// All that is new is whole by then, and on the disk.
    ///
    /// # Errors
    ///
    /// `IO` where that fails; nothing is left of the new rows.
    pub fn prepare(mut self) -> Result<Prepared> {
        self.flush(true)?;
        let run = self.name.take().unwrap_or_else(run_name);
        let mut files = Vec::new();
        for (number, (day, path, rows)) in std::mem::take(&mut self.done).into_iter().enumerate() {
            let folder = PathBuf::from(folder_name(day));
            let file = folder.join(format!("part-{run}-{number:04}.parquet"));
            // The name that it will have, so that it can be found when this is cut short.
            let staged = self.stage.folder.join(&file);
            let failed = |error| failed(&staged, error);
            disk::new_folders(&self.stage.folder.join(&folder)).map_err(failed)?;
            disk::rename(&path, &staged).map_err(failed)?;
            disk::sync_folder(&self.stage.folder.join(&folder)).map_err(failed)?;
            files.push(NewFile { path: file, rows });
        }
        for folder in [Some(self.stage.folder.as_path()), self.stage.folder.parent()] {
            let synced = folder.map_or(Ok(()), disk::sync_folder);
            synced.map_err(|error| failed(&self.stage.folder, error))?;
        }
        Ok(Prepared { root: self.root, files, stage: self.stage, lock: self.lock })
    }

    /// Reads what is stored of a day, once.
    fn load(&mut self, day: Day) -> Result<()> {
        if self.stored.contains_key(&day) {
            return Ok(());
        }
        let mut content = WIRE.to_vec();
        if self.schema.column_with_name(Column::Raw.as_str()).is_some() {
            content.push(Column::Raw);
        }
        let mut stored = Stored::default();
        for path in self.files.get(&day).into_iter().flatten() {
            match identities(path, &content, &self.schema) {
                Ok(identities) => identities.into_iter().for_each(|row| stored.insert(row)),
                Err(error) => match &mut self.unreadable {
                    Some(unreadable) if error.code() == Code::InvalidTable => {
                        unreadable.push(path.clone());
                    }
                    _ => return Err(error),
                },
            }
        }
        self.stored.insert(day, stored);
        Ok(())
    }

    /// Writes the rows that are held. While more may come, a day gets a file once it has enough of
    /// them; what comes of it after another day has got one lies aside until the end, so that no day
    /// gets many files however its rows are strewn.
    fn flush(&mut self, last: bool) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        let mut days = std::mem::take(&mut self.days);
        self.bytes = 0;
        // The open file first, before another day closes it.
        let open = self.open.as_ref().map(|(day, ..)| *day);
        days.sort_by_key(|(day, _)| Some(*day) != open);
        for (day, runs) in days {
            let batches = gather(&held, &runs).map_err(internal)?;
            let open = self.open.as_ref().is_some_and(|(open, ..)| *open == day);
            let had_one = || self.done.iter().any(|(done, ..)| *done == day);
            let enough = || batches.iter().map(size).sum::<usize>() >= WORTH_A_FILE;
            if open || !self.aside.contains(&day) && (last || !had_one() && enough()) {
                self.write_file(day, &batches)?;
            } else {
                self.aside.insert(day);
                self.put_aside(day, &batches)?;
            }
        }
        if last {
            for day in std::mem::take(&mut self.aside) {
                self.close()?;
                self.write_aside(day)?;
            }
            self.close()?;
        }
        Ok(())
    }

    /// Writes rows into the open file, if that is one of their day, else into another.
    fn write_file(&mut self, day: Day, batches: &[RecordBatch]) -> Result<()> {
        if self.open.as_ref().is_none_or(|(open, ..)| *open != day) {
            self.close()?;
            let path = self.stage.folder.join(format!("{}", self.done.len()));
            let file = new_file(&path, false).map_err(|error| failed(&path, error))?;
            let writer = ParquetWriter::new(file, self.schema.clone(), self.threads)?;
            self.open = Some((day, path, writer, 0));
        }
        if let Some((_, path, writer, rows)) = &mut self.open {
            *rows += batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
            let written = batches.iter().try_for_each(|batch| writer.write(batch));
            written.map_err(|error| error.at(place(path)))?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if let Some((day, path, writer, rows)) = self.open.take() {
            let file = writer.finish().map_err(|error| error.at(place(&path)))?;
            disk::sync(&file).map_err(|error| failed(&path, error))?;
            self.done.push((day, path, rows));
        }
        Ok(())
    }

    fn aside_path(&self, day: Day) -> PathBuf {
        self.stage
            .folder
            .join(format!("aside-{}", day.map_or(String::new(), |day| day.to_string())))
    }

    /// Appends rows to what lies aside of a day: a stream after the other, in plain text, since
    /// dictionaries are as long as ever however few rows there are.
    fn put_aside(&self, day: Day, batches: &[RecordBatch]) -> Result<()> {
        let path = self.aside_path(day);
        let file = new_file(&path, true).map_err(|error| failed(&path, error))?;
        let write = || {
            let schema = Arc::new(plain_schema(&self.schema));
            let mut writer = StreamWriter::try_new(BufWriter::new(file), &schema)?;
            for batch in batches {
                let columns = batch.columns().iter().map(plain).collect::<Result<_, _>>()?;
                writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
            }
            writer.finish()
        };
        write().map_err(|error| failed(&path, error))
    }

    /// Writes a file of what lies aside of a day.
    fn write_aside(&mut self, day: Day) -> Result<()> {
        let path = self.aside_path(day);
        let wrong = |error| failed(&path, error);
        let mut file = BufReader::new(File::open(&path).map_err(wrong)?);
        while !file.fill_buf().map_err(wrong)?.is_empty() {
            let wrong = |error: ArrowError| failed(&path, error);
            for batch in StreamReader::try_new(&mut file, None).map_err(wrong)? {
                self.write_file(day, &[batch.map_err(wrong)?])?;
            }
        }
        disk::remove_file(&path).map_err(wrong)
    }
}

/// What the rows of a stored file are told apart by.
fn identities(path: &Path, content: &[Column], schema: &SchemaRef) -> Result<Vec<Identity>> {
    let table = TableFile::open(path)?;
    check(&table, path, schema)?;
    let mut all = Vec::new();
    for group in 0..table.groups() {
        for batch in table.read(group, content, None)? {
            let batch = batch?;
            let mut identities = Identities::new(&batch);
            all.extend((0..batch.num_rows()).map(|row| identities.get(row)));
        }
    }
    Ok(all)
}

/// Adds rows to those of a day.
fn add(days: &mut Vec<(Day, Vec<Run>)>, day: Day, batch: usize, from: usize, rows: usize) {
    // Mostly it is the day of the row before.
    let place = days.iter().rposition(|(known, _)| *known == day);
    let place = place.unwrap_or_else(|| {
        days.push((day, Vec::new()));
        days.len() - 1
    });
    let Some((_, runs)) = days.get_mut(place) else { return };
    match runs.last_mut() {
        Some(last) if last.batch == batch && last.from + last.rows == from => last.rows += rows,
        _ => runs.push(Run { batch, from, rows }),
    }
}

/// The rows of a day, as batches of some length.
fn gather(held: &[RecordBatch], runs: &[Run]) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut batches = Vec::new();
    for runs in runs.chunk_by(|a, b| a.batch == b.batch) {
        let Some(batch) = runs.first().and_then(|run| held.get(run.batch)) else { continue };
        let rows: usize = runs.iter().map(|run| run.rows).sum();
        if runs.len() > 1 + rows / 64 {
            let rows = runs.iter().flat_map(|run| run.from..run.from + run.rows);
            let rows = UInt32Array::from_iter_values(rows.map(|row| row as u32));
            batches.push(take_record_batch(batch, &rows)?);
        } else {
            batches.extend(runs.iter().map(|run| batch.slice(run.from, run.rows)));
        }
    }
    Ok(batches)
}

/// The day of each row.
fn days(batch: &RecordBatch) -> Vec<Day> {
    let times = batch.column_by_name(Column::EventTime.as_str());
    let times = times.and_then(|times| times.as_primitive_opt::<TimestampMillisecondType>());
    let day = |time: i64| Timestamp::from_millis(time).map(|_| time.div_euclid(DAY));
    match times {
        Some(times) => times.iter().map(|time| time.and_then(day)).collect(),
        None => vec![None; batch.num_rows()],
    }
}

fn size(batch: &RecordBatch) -> usize {
    text(batch) + batch.num_rows() * ROW
}

fn folder_name(day: Day) -> String {
    let time = day.and_then(|day| Timestamp::from_millis(day.checked_mul(DAY)?));
    let time = time.map(|time| time.to_string());
    let date = time.as_deref().and_then(|time| time.get(..10)).unwrap_or(NO_DATE);
    format!("{EVENT_DATE}={date}")
}

/// Returns the first and last millisecond of the events in a folder with this name, or `None` if it is
/// not the name of a day's folder.
pub(crate) fn times_of(name: &str) -> Option<(i64, i64)> {
    let day = day_of(name)??;
    Some((day.checked_mul(DAY)?, day.checked_add(1)?.checked_mul(DAY)? - 1))
}

/// Returns whether a folder with this name contains the events without a time.
pub(crate) fn is_without_times(name: &str) -> bool {
    day_of(name) == Some(None)
}

/// The day of a folder's name; none where it is no such name.
fn day_of(name: &str) -> Option<Day> {
    let date = name.strip_prefix(EVENT_DATE)?.strip_prefix('=')?;
    if date == NO_DATE {
        return Some(None);
    }
    let day = Timestamp::parse(&format!("{date}T00:00:00Z"))?.as_millis().div_euclid(DAY);
    (folder_name(Some(day)) == name).then_some(Some(day))
}

/// Finds the files of a data set.
fn find(root: &Path) -> Result<HashMap<Day, Vec<PathBuf>>> {
    let mut files = HashMap::<Day, Vec<PathBuf>>::new();
    for (name, path) in entries(root)? {
        let day = name.to_str().and_then(day_of).filter(|_| path.is_dir());
        let day = day.ok_or_else(|| no_data_set(root, &path, "no folder of a day"))?;
        for (name, path) in entries(&path)? {
            if !name.as_encoded_bytes().ends_with(b".parquet") {
                return Err(no_data_set(root, &path, "no Parquet file"));
            }
            files.entry(day).or_default().push(path);
        }
    }
    files.values_mut().for_each(|files| files.sort());
    Ok(files)
}

/// What a folder holds, without what readers of data sets pass over.
fn entries(folder: &Path) -> Result<Vec<(std::ffi::OsString, PathBuf)>> {
    let wrong = |error| failed(folder, error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        if !matches!(entry.file_name().as_encoded_bytes().first(), Some(b'.' | b'_')) {
            entries.push((entry.file_name(), entry.path()));
        }
    }
    Ok(entries)
}

fn no_data_set(root: &Path, path: &Path, what: &str) -> Error {
    let name = path.strip_prefix(root).unwrap_or(path);
    let message = format!(
        "this folder is no data set of CloudTrail events: it holds {}, which is {what}; name a new \
         folder",
        name.display()
    );
    Error::new(Code::InvalidTable, message).at(place(root))
}

/// Checks that a stored file has the columns and the language that new ones will have.
fn check(table: &TableFile, path: &Path, schema: &SchemaRef) -> Result<()> {
    let stored: HashSet<&str> = table.columns().iter().map(|column| column.as_str()).collect();
    let new: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let wrong = |message: String| Err(Error::new(Code::InvalidOption, message).at(place(path)));
    let list = |names: Vec<&&str>| {
        let mut names: Vec<&str> = names.into_iter().copied().collect();
        names.sort_unstable();
        names.join(", ")
    };
    let (more, less) =
        (list(stored.difference(&new).collect()), list(new.difference(&stored).collect()));
    if !more.is_empty() {
        let help = "ask for them too, or name a new folder";
        return wrong(format!("the data set has columns that are not asked for: {more}; {help}"));
    }
    if !less.is_empty() {
        let help = "leave them out, or name a new folder";
        return wrong(format!(
            "the data set has not all columns that are asked for: {less}; {help}"
        ));
    }
    let lang = "nhn_cloudtrail.lang";
    match (table.note(lang), schema.metadata().get(lang)) {
        (Some(stored), Some(new)) if stored != new => wrong(format!(
            "the data set has event names in {stored:?}, not in {new:?}; choose that language, or \
             name a new folder"
        )),
        _ => Ok(()),
    }
}

/// Makes the data set's folder where there is none, and keeps other runs away.
fn lock(root: &Path) -> Result<Lock> {
    let path = root.join(LOCK);
    let wrong = |error| failed(root, error);
    loop {
        let exists = root.exists();
        if !exists {
            disk::new_folders(root).map_err(wrong)?;
        }
        let file = match new_file(&path, true) {
            // Another run has just removed the folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !root.exists() => continue,
            file => file.map_err(wrong)?,
        };
        match file.try_lock() {
            Ok(()) if is_same(&file, &path) => {
                return Ok(Lock { _file: file, made: (!exists).then(|| root.to_owned()) });
            }
            // What was locked was just removed.
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let message = "another run is adding to this data set; wait until it ends";
                return Err(Error::new(Code::Locked, message).at(place(root)));
            }
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
    }
}

/// Makes a folder to write files in, from which they can be moved into the data set.
///
/// It lies beside the data set: polars and DuckDB read whatever lies in one, hidden or not. Where the
/// data set is a file system of its own, it lies inside all the same. Only one run at a time can
/// be here, so what is there was left by one that was killed.
fn stage(root: &Path) -> Result<Stage> {
    clear(root)?;
    let [beside, inside] = stages(root);
    let moves = |stage: &Stage| {
        let (from, to) = (stage.folder.join("probe"), root.join(PROBE));
        new_file(&from, false)?;
        disk::rename(&from, &to)?;
        disk::remove_file(&to)
    };
    if disk::new_folder(&beside).is_ok() {
        let stage = Stage { folder: beside, keep: false };
        if moves(&stage).is_ok() {
            return Ok(stage);
        }
        let _ = disk::remove_all(&root.join(PROBE));
    }
    disk::new_folder(&inside).map_err(|error| failed(&inside, error))?;
    Ok(Stage { folder: inside, keep: false })
}

/// Where files may be written: beside the data set, and inside of it.
#[doc(hidden)]
pub fn stages(root: &Path) -> [PathBuf; 2] {
    let inside = root.join(".nhn-cloudtrail");
    let beside = root.parent().zip(root.file_name()).map(|(parent, name)| {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".nhn-cloudtrail");
        parent.join(hidden)
    });
    [beside.unwrap_or_else(|| inside.clone()), inside]
}

/// The same rows without dictionaries.
fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.as_dictionary_opt::<Int32Type>() {
        Some(column) => take(column.values(), column.keys(), None),
        None => Ok(column.clone()),
    }
}

fn plain_schema(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Dictionary(_, text) => Field::clone(field).with_data_type(DataType::clone(text)),
        _ => Field::clone(field),
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// A name for the files of this run: when it ended, and what no other run has.
#[doc(hidden)]
pub fn run_name() -> String {
    use std::hash::{BuildHasher, RandomState};
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.ok().and_then(|now| Timestamp::from_millis(i64::try_from(now.as_millis()).ok()?));
    let now = now.map_or(String::new(), |now| now.to_string());
    let now: String = now.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{now}-{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Makes a file that only its owner can read, or opens it to append.
fn new_file(path: &Path, append: bool) -> io::Result<File> {
    let mut options = File::options();
    disk::open(path, options.append(append).write(true).create(append).create_new(!append))
}

/// Whether an open file is the one that has the name now.
#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |data: fs::Metadata| (data.dev(), data.ino());
    matches!((file.metadata().map(id), fs::metadata(path).map(id)), (Ok(a), Ok(b)) if a == b)
}

/// Whether an open file is the one that has the name now: one that is open cannot be removed.
#[cfg(not(unix))]
fn is_same(_file: &File, path: &Path) -> bool {
    path.exists()
}

fn place(path: &Path) -> Position {
    let mut position = Position::default();
    position.source = Some(path.to_string_lossy().into());
    position
}

fn failed(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Code::Io, "cannot be written").at(place(path)).caused_by(error)
}

fn internal(error: ArrowError) -> Error {
    Error::new(Code::Panic, "rows could not be put together").caused_by(error)
}
