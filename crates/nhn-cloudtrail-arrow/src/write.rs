//! From batches to a Parquet file or a data set, by the name of the target.

use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, Error, Position, Reject, Result, Stats, Target, check_target};

use crate::{Batches, Dataset, Item, ParquetWriter};

/// What [`write_parquet`] has written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Written {
    /// The counts. Rows that a data set held already are among the duplicates.
    pub stats: Stats,
    /// The files that are new.
    pub files: Vec<PathBuf>,
}

/// Writes all batches to `target`: a file where the name ends with `.parquet`, else a data set, see
/// [`Dataset`]. `odd` is told of each reject and each error about a whole source; where it returns an
/// error, nothing is written.
///
/// A file takes the place of the one that was there only when it is whole. Only its owner may read
/// it. Encodes on so many threads; 0 is one for each processor. A data set wants
/// [`TableBuilder::dedup`](crate::TableBuilder::dedup).
///
/// # Errors
///
/// What `odd` returns; `INVALID_OPTION` if the target is a source, holds one, or would be part of one; `IO` where the target cannot be written; what [`Dataset::open`] says.
pub fn write_parquet(
    mut batches: Batches,
    target: &Path,
    threads: usize,
    odd: impl FnMut(Result<Reject>) -> Result<()>,
) -> Result<Written> {
    let is_file = target.extension().is_some_and(|end| end.eq_ignore_ascii_case("parquet"));
    let kind = if is_file { Target::File(target) } else { Target::Folder(target) };
    check_target(&batches.sources, kind)?;
    if is_file {
        let failed = |error| not_written(target, error);
        // A link is followed: what it names is replaced, not the link.
        let target = &fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = tempfile::Builder::new()
            .prefix(".nhn-cloudtrail-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .map_err(|error| failed(error.kind().into()))?;
        let mut writer = ParquetWriter::new(BufWriter::new(file), batches.schema(), threads)?;
        each(&mut batches, odd, |batch| writer.write(&batch))?;
        let file = writer.finish()?.into_inner().map_err(|error| failed(error.into_error()))?;
        file.persist(target).map_err(|error| failed(error.error))?;
        return Ok(Written { stats: batches.stats(), files: vec![target.clone()] });
    }
    let mut dataset = Dataset::open(target, batches.schema(), threads)?;
    each(&mut batches, odd, |batch| dataset.write(&batch))?;
    let stats = dataset.adjust(batches.stats());
    Ok(Written { stats, files: dataset.commit()? })
}

fn each(
    batches: &mut Batches,
    mut odd: impl FnMut(Result<Reject>) -> Result<()>,
    mut write: impl FnMut(arrow_array::RecordBatch) -> Result<()>,
) -> Result<()> {
    while let Some(item) = batches.next_item() {
        match item {
            Ok(Item::Batch(batch)) => write(batch)?,
            Ok(Item::Reject(reject)) => odd(Ok(reject))?,
            Err(error) => odd(Err(error))?,
        }
    }
    Ok(())
}

fn place(target: &Path) -> Position {
    let mut position = Position::default();
    position.source = Some(target.to_string_lossy().into());
    position
}

fn not_written(target: &Path, error: io::Error) -> Error {
    Error::new(Code::Io, "cannot be written").at(place(target)).caused_by(error)
}
