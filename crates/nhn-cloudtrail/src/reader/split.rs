//! Sources cut into what can be read apart, by several machines say.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::open::Open;
use super::parts::Gathered;
use super::{Reader, ReaderBuilder};
use crate::error::{Code, Error, Result};
use crate::source::{Source, Watch, is_plain};

/// A file that is read apart from others, or the lines that begin in a stretch of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Split {
    /// The file.
    pub path: PathBuf,
    /// How many bytes there are to read; none where the file does not say.
    pub size: Option<u64>,
    /// The stretch, in bytes from 0; none for the whole file. That of the last one has no end,
    /// [`u64::MAX`].
    pub bytes: Option<Range<u64>>,
}

impl Split {
    /// A split that [`ReaderBuilder::splits`] has made, made again elsewhere.
    pub fn new(path: impl Into<PathBuf>, bytes: Option<Range<u64>>) -> Self {
        Self { path: path.into(), size: None, bytes }
    }

    /// Whether its records can be numbered: not where others of the file stand before it.
    pub fn is_numbered(&self) -> bool {
        self.bytes.as_ref().is_none_or(|bytes| bytes.start == 0)
    }
}

impl ReaderBuilder {
    /// What paths, folders and globs stand for, in their order: a split a file, and several of some
    /// `bytes` (0: never) of a large file that is plain text, line by line. All splits together have each
    /// record once. Of large files the beginning is read to tell.
    ///
    /// ```no_run
    /// use nhn_cloudtrail::Reader;
    ///
    /// for split in Reader::builder().splits(["logs/"], 128 << 20)? {
    ///     // In any order, anywhere:
    ///     let events = Reader::builder().open_splits([split])?;
    /// }
    /// # Ok::<(), nhn_cloudtrail::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` where a source names no file, `INVALID_OPTION` for standard input.
    pub fn splits<P: AsRef<Path>>(
        &self,
        sources: impl IntoIterator<Item = P>,
        bytes: u64,
    ) -> Result<Vec<Split>> {
        let mut splits = Vec::new();
        for source in sources {
            if source.as_ref() == Path::new("-") {
                let message = "standard input cannot be read in parts: give files";
                return Err(Error::new(Code::InvalidOption, message));
            }
            for found in Source::expand(source.as_ref(), &self.formats)? {
                let (size, path) = (found.size, found.into_path());
                let cut = size.filter(|&size| bytes > 0 && size > bytes);
                let cut = cut.map(|size| cut_evenly(&path, size, bytes));
                match cut.filter(|cut| cut.first().is_some_and(|first| self.is_lines(first))) {
                    Some(cut) => splits.extend(cut),
                    None => splits.push(Split { path, size, bytes: None }),
                }
            }
        }
        Ok(splits)
    }

    /// Reads splits, one after the other.
    ///
    /// Of a split that begins within its file the positions have the byte alone: lines and records
    /// before it were not counted.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for limits out of range; and, while reading, where a split turns out not to
    /// stand for itself. The file has to be read whole then.
    pub fn open_splits(self, splits: impl IntoIterator<Item = Split>) -> Result<Reader> {
        let source = |split: Split| match split.bytes {
            Some(bytes) => Source::lines(split.path, bytes),
            None => Source::path(split.path),
        };
        let sources: VecDeque<Source> = splits.into_iter().map(source).collect();
        self.build(sources)
    }

    /// Whether the first split of a file shows that the file is plain text, line by line, with nothing odd
    /// before the first record: to tell what that is takes more of the text.
    fn is_lines(&self, first: &Split) -> bool {
        let Split { path, bytes: Some(bytes), .. } = first else { return false };
        if !is_plain(path, &self.formats).unwrap_or(false) {
            return false;
        }
        let source = Source::lines(path.clone(), bytes.clone());
        let Ok(input) = source.open(Arc::default(), &[], &self.watch) else { return false };
        let mut open =
            Open::new(None, input, self.limits, self.path.as_ref(), self.piece, &Watch::default());
        let begun = Gathered::read(&mut open, self.piece, true);
        match open {
            Open::Text(text) => begun.begins_with_event() && text.framer.is_between_lines(),
            Open::Rows(_) => false,
        }
    }
}

/// Stretches of much the same size.
fn cut_evenly(path: &Path, size: u64, bytes: u64) -> Vec<Split> {
    let count = size.div_ceil(bytes);
    let at = move |index: u64| (u128::from(size) * u128::from(index) / u128::from(count)) as u64;
    let split = |index| {
        let (start, end) = (at(index), at(index + 1));
        // What a file has grown by since belongs to the last.
        let bytes = start..if index + 1 == count { u64::MAX } else { end };
        Split { path: path.to_owned(), size: Some(end - start), bytes: Some(bytes) }
    };
    (0..count).map(split).collect()
}
