//! Merges the small files of a day.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nhn_cloudtrail::{Code, Error, Result};
use nhn_cloudtrail_arrow::{ContentHash, Dataset, SchemaRef, StoredFile, common_schema};
use serde::Serialize;

use crate::archive::{Archive, EVENTS, Gain, slashes, time};
use crate::client::now;
use crate::ledger::{RecordedFile, Removed, Why};
use crate::losses::{Damage, Hashing, day_of};
use crate::operation::Operation;
use crate::plan::DAY;
use crate::sign::Signer;
use crate::verify::Hashed;

/// A file of this many bytes is not small: rewriting it would cost more than it gains.
pub(crate) const SMALL: u64 = 64 << 20;

/// The maximum number of days and of bytes per ledger entry. This limits how much work is lost if a run
/// ends early.
const DAYS: usize = 64;
const BYTES: u64 = 256 << 20;

/// Merges the small files of each finished day of an archive into one.
///
/// ```no_run
/// use nhn_cloudtrail_collect::Compaction;
///
/// let report = Compaction::new("archive/").run(&mut |_, _| true)?;
/// println!("{} files became {}", report.files_before, report.files_after);
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
///
/// The rows and their order do not change. The ledger records a hash of the rows, which is computed from
/// the old files and from the new one before the old files are replaced. A run may be killed at any
/// moment: the next program that opens the archive for writing completes what was recorded. Not changed
/// are files whose content differs from the ledger, files of the current day (UTC), files without a date,
/// and large files.
#[derive(Debug)]
#[must_use]
pub struct Compaction(Operation);

/// The result of a [`Compaction`].
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct CompactionReport {
    /// Number of days that have fewer files now.
    pub days: u64,
    /// Number of small files that these days had.
    pub files_before: u64,
    /// Number of files that replaced them.
    pub files_after: u64,
    /// Total size of the small files in bytes.
    pub bytes_before: u64,
    /// Total size of the files that replaced them, in bytes.
    pub bytes_after: u64,
    /// Number of records in them.
    pub records: u64,
    /// Days with several small files that were not compacted.
    pub skipped: Vec<SkippedDay>,
    /// Hash of the ledger's last line.
    pub head: String,
    /// Problems that did not stop the operation, such as a head file that could not be written.
    pub warnings: Vec<String>,
}

/// A day whose files were not merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SkippedDay {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// The reason.
    pub reason: String,
}

/// Returns the small files of days that have several of them, by day.
pub(crate) fn small_files<'a>(
    files: impl Iterator<Item = &'a RecordedFile>,
    now: i64,
) -> BTreeMap<i64, Vec<&'a RecordedFile>> {
    let today = now.div_euclid(DAY) * DAY;
    let mut days = BTreeMap::<i64, Vec<_>>::new();
    for file in files.filter(|file| file.bytes < SMALL && file.path.starts_with(EVENTS)) {
        if let Some(day) = day_of(&file.path).filter(|day| *day < today) {
            days.entry(day).or_default().push(file);
        }
    }
    days.retain(|_, files| files.len() > 1);
    // In the order in which an archive is read.
    days.values_mut().for_each(|files| files.sort_by(|a, b| a.path.cmp(&b.path)));
    days
}

impl Compaction {
    /// Creates a compaction of the archive at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(Operation::new(root.into()))
    }

    /// Signs the ledger's head at the end.
    pub fn signer(mut self, signer: Signer) -> Self {
        self.0.guards.signer = Some(Arc::new(signer));
        self
    }

    /// Sets a file outside of the archive that keeps its newest head; see
    /// [`Collection::head_file`](crate::Collection::head_file).
    pub fn head_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.guards.head_file = Some(path.into());
        self
    }

    /// Runs the compaction. `hashed` is called several times a second with the bytes done and the total,
    /// and returns whether to continue.
    ///
    /// # Errors
    ///
    /// - `NOT_FOUND`: there is no archive.
    /// - `INVALID_ARCHIVE`: the folder is not an archive, or its ledger is not valid.
    /// - `LOCKED`: another run holds the archive's lock.
    /// - `IO`: the archive cannot be written.
    /// - `INTERRUPTED`: `hashed` returned false.
    ///
    /// Days recorded before an error stay compacted.
    pub fn run(self, hashed: Hashed<'_>) -> Result<CompactionReport> {
        let mut archive = self.0.open()?;
        let days = small_files(archive.ledger.files(), now());
        let days: Vec<(i64, Vec<RecordedFile>)> = days
            .into_iter()
            .map(|(day, files)| (day, files.into_iter().cloned().collect()))
            .collect();
        let total = days.iter().flat_map(|(_, files)| files).map(|file| file.bytes).sum();
        let mut hashing = Hashing::new(total, hashed);
        let mut report = CompactionReport::default();
        let mut chunk: Option<Chunk> = None;
        for (day, files) in days {
            let schema = match check(&archive, &files, &mut hashing)? {
                Ok(schema) => schema,
                Err(reason) => {
                    report.skipped.push(SkippedDay { date: date(day), reason });
                    continue;
                }
            };
            if let Some(full) = chunk.take_if(|chunk| chunk.schema != schema || chunk.is_full()) {
                full.commit(&mut archive, &mut report, &mut hashing)?;
            }
            if chunk.is_none() {
                chunk = Some(Chunk::begin(&archive, schema)?);
            }
            if let Some(chunk) = &mut chunk {
                chunk.add(archive.root(), day, files, &mut hashing)?;
            }
        }
        if let Some(chunk) = chunk {
            chunk.commit(&mut archive, &mut report, &mut hashing)?;
        }
        report.head = self.0.close(&archive)?;
        report.warnings = std::mem::take(&mut archive.warnings);
        Ok(report)
    }
}

/// Checks that the files of a day match the ledger, and returns a schema for all of them; or the reason
/// why they cannot be merged.
fn check(
    archive: &Archive,
    files: &[RecordedFile],
    hashing: &mut Hashing<'_>,
) -> Result<Result<SchemaRef, String>> {
    let mut schemas = Vec::new();
    for file in files {
        if let Some(damage) = hashing.check(archive.root(), file)? {
            let advice = "repair the archive, or acknowledge the loss";
            return Ok(Err(format!("{} {}: {advice}", file.path, Damage::told(damage))));
        }
        match StoredFile::open(archive.root().join(&file.path)) {
            Ok(stored) => schemas.push(stored.schema().clone()),
            Err(error) if error.code() == Code::Io => return Err(error),
            Err(error) => return Ok(Err(format!("{}: {error}", file.path))),
        }
        // Most days were written by one release with one catalog.
        schemas.dedup();
    }
    let differ = || "its files have different columns, or names in different languages".to_owned();
    Ok(common_schema(&schemas).ok_or_else(differ))
}

/// Days that are recorded in one ledger entry.
struct Chunk {
    schema: SchemaRef,
    dataset: Dataset,
    bytes: u64,
    days: Vec<ChunkDay>,
}

struct ChunkDay {
    day: i64,
    files: Vec<RecordedFile>,
    records: u64,
    content: String,
}

impl Chunk {
    fn begin(archive: &Archive, schema: SchemaRef) -> Result<Self> {
        // Opened without the existing files, so that all rows are written.
        let dataset = Dataset::open_known(&archive.events(), schema.clone(), 0, [])?
            .named(archive.files_name());
        Ok(Self { schema, dataset, bytes: 0, days: Vec::new() })
    }

    fn is_full(&self) -> bool {
        self.days.len() >= DAYS || self.bytes >= BYTES
    }

    fn add(
        &mut self,
        root: &Path,
        day: i64,
        files: Vec<RecordedFile>,
        hashing: &mut Hashing<'_>,
    ) -> Result<()> {
        let mut content = ContentHash::default();
        for file in &files {
            StoredFile::open(root.join(&file.path))?.read(&self.schema, |batch| {
                content.add(batch)?;
                self.dataset.write(batch)?;
                hashing.advance(0)
            })?;
            self.bytes += file.bytes;
        }
        let (records, content) = content.finish();
        self.days.push(ChunkDay { day, files, records, content });
        Ok(())
    }

    fn commit(
        self,
        archive: &mut Archive,
        report: &mut CompactionReport,
        hashing: &mut Hashing<'_>,
    ) -> Result<()> {
        let prepared = self.dataset.prepare()?;
        let mut removed = Vec::new();
        let mut gained = CompactionReport::default();
        for ChunkDay { day, files, records, content } in self.days {
            let mut written = ContentHash::default();
            let mut into = Vec::new();
            let is_of_day = |path: &Path| day_of(&slashes(path)) == Some(day);
            for file in prepared.files().iter().filter(|file| is_of_day(&file.path)) {
                let staged = prepared.staged(file);
                StoredFile::open(&staged)?.read(&self.schema, |batch| {
                    written.add(batch)?;
                    hashing.advance(0)
                })?;
                into.push(format!("{EVENTS}/{}", slashes(&file.path)));
                let bytes = std::fs::metadata(&staged).map_or(0, |data| data.len());
                gained.bytes_after += bytes;
            }
            let recorded: u64 = files.iter().map(|file| file.records).sum();
            if written.finish() != (records, content.clone()) || records != recorded {
                let message = format!(
                    "the files of {} would not hold the same records in one file; nothing was changed",
                    date(day)
                );
                return Err(Error::new(Code::InvalidArchive, message));
            }
            gained.days += 1;
            gained.files_before += files.len() as u64;
            gained.files_after += into.len() as u64;
            gained.bytes_before += files.iter().map(|file| file.bytes).sum::<u64>();
            gained.records += records;
            let paths = files.into_iter().map(|file| file.path).collect();
            removed.push(Removed { paths, why: Why::Compacted { into, records, content } });
        }
        archive.add(Gain { prepared: Some(prepared), removed, ..Gain::default() })?;
        report.days += gained.days;
        report.files_before += gained.files_before;
        report.files_after += gained.files_after;
        report.bytes_before += gained.bytes_before;
        report.bytes_after += gained.bytes_after;
        report.records += gained.records;
        Ok(())
    }
}

pub(crate) fn date(day: i64) -> String {
    time(day).get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use nhn_cloudtrail::Column;
    use nhn_cloudtrail_arrow::{Item, TableBuilder};

    use super::*;
    use crate::archive::Guards;
    use crate::ledger::Counts;

    #[test]
    fn only_small_files_of_days_that_are_over_are_put_together() {
        let file = |path: &str, bytes: u64| RecordedFile {
            path: path.to_owned(),
            bytes,
            sha256: String::new(),
            records: 1,
        };
        let files = [
            file("events/event_date=1970-01-01/b.parquet", 1),
            file("events/event_date=1970-01-01/large.parquet", SMALL),
            file("events/event_date=1970-01-01/a.parquet", SMALL - 1),
            file("events/event_date=1970-01-02/alone.parquet", 1),
            file("events/event_date=1970-01-03/a.parquet", 1),
            file("events/event_date=1970-01-03/b.parquet", 1),
            file("events/event_date=__HIVE_DEFAULT_PARTITION__/a.parquet", 1),
            file("events/event_date=__HIVE_DEFAULT_PARTITION__/b.parquet", 1),
            file("_archive/damaged/00000001/events/event_date=1970-01-01/c.parquet", 1),
        ];
        let days = small_files(files.iter(), 2 * DAY + 1);
        let [(day, small)] = days.into_iter().collect::<Vec<_>>().try_into().unwrap();
        let paths: Vec<_> = small.iter().map(|file| file.path.as_str()).collect();
        let expected =
            ["events/event_date=1970-01-01/a.parquet", "events/event_date=1970-01-01/b.parquet"];
        assert_eq!((day, paths.as_slice()), (0, &expected[..]));
        assert_eq!(small_files(files.iter(), 3 * DAY).len(), 2);
    }

    /// Adds a record in a separate file.
    fn add(archive: &mut Archive, number: u64) {
        let columns = [Column::standard(), &[Column::Raw]].concat();
        let record = format!(
            r#"{{"eventTime":"2026-01-02T03:04:05.678+0000","eventId":"event_id.iam.login","eventLogUuid":"{number}"}}"#
        );
        let table = TableBuilder::new().columns(&columns);
        let mut batches = table.from_reader(std::io::Cursor::new(record)).unwrap();
        let events = archive.events();
        let mut dataset = Dataset::open_known(&events, batches.schema(), 1, []).unwrap();
        while let Some(item) = batches.next_item() {
            match item.unwrap() {
                Item::Batch(batch) => dataset.write(&batch).unwrap(),
                Item::Reject(reject) => panic!("{}", reject.message()),
            }
        }
        let counts = Counts { fetched: 1, new: 1, ..Counts::default() };
        let prepared = Some(dataset.prepare().unwrap());
        archive.add(Gain { prepared, counts, ..Gain::default() }).unwrap();
    }

    #[test]
    fn files_with_other_content_do_not_take_the_place_of_any() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Archive::open(&folder.path().join("archive"), Guards::default()).unwrap();
        (0..3).for_each(|number| add(&mut archive, number));
        let files: Vec<RecordedFile> = archive.ledger.files().cloned().collect();
        let day = day_of(&files.first().unwrap().path).unwrap();
        let mut goes_on = |_, _| true;
        let mut hashing = Hashing::new(0, &mut goes_on);
        let schema = check(&archive, &files, &mut hashing).unwrap().unwrap();
        // One row is missing, one row is there twice, and the correct rows.
        let wrong = [vec![0, 1], vec![0, 1, 1]];
        for (rows, is_right) in
            wrong.into_iter().map(|rows| (rows, false)).chain([(vec![0, 1, 2], true)])
        {
            let mut chunk = Chunk::begin(&archive, schema.clone()).unwrap();
            let rows = rows.into_iter().filter_map(|row: usize| files.get(row).cloned()).collect();
            chunk.add(archive.root(), day, rows, &mut hashing).unwrap();
            let mut right = ContentHash::default();
            for file in &files {
                let stored = StoredFile::open(archive.root().join(&file.path)).unwrap();
                stored.read(&schema, |batch| right.add(batch)).unwrap();
            }
            let (records, content) = right.finish();
            chunk.days = vec![ChunkDay { day, files: files.clone(), records, content }];
            let entries = archive.ledger.entries.len();
            let done = chunk.commit(&mut archive, &mut CompactionReport::default(), &mut hashing);
            assert_eq!(done.is_ok(), is_right);
            assert_eq!(archive.ledger.entries.len() > entries, is_right);
            assert_eq!(archive.root().join(&files.first().unwrap().path).exists(), !is_right);
        }
    }
}
