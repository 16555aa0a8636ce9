//! Files that hold records otherwise than as JSON text.

use std::ffi::OsStr;
use std::path::Path;

use crate::error::Result;

/// A kind of file that holds records otherwise than as JSON text, such as Parquet. The reader asks
/// it of every file that it opens by its path.
pub trait Format: Send + Sync {
    /// Whether a file that begins with these bytes, eight or all that it has, is one.
    fn detects(&self, head: &[u8]) -> bool;

    /// Opens such a file.
    ///
    /// # Errors
    ///
    /// What is wrong with the file as a whole.
    fn open(&self, path: &Path) -> Result<Box<dyn Rows + Send>>;

    /// Returns true if no record in the folder `name` of a data set is wanted, so that none of its files
    /// needs to be opened. The reader asks this only in folders that `convert` or `collect` has written.
    fn skips_folder(&self, name: &OsStr) -> bool {
        let _ = name;
        false
    }
}

/// The records of a file of another format.
pub trait Rows {
    /// The next records; none at the end. An error is the last that comes of the file.
    fn next_rows(&mut self) -> Option<Result<RawRows>>;

    /// Whether the records have all that their file has of them. Where some fields were left out,
    /// a record without any counts as recognized.
    fn are_whole(&self) -> bool {
        true
    }
}

/// Some records, each one JSON object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRows {
    /// The records, one after the other.
    pub text: Vec<u8>,
    /// Where each ends in `text`.
    pub ends: Vec<usize>,
    /// How many rows before these were passed over because a filter would leave them out.
    pub skipped: u64,
}
