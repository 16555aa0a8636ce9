//! Files that are kept elsewhere than in the file system.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::error::Result;

/// A place that keeps files elsewhere than in the file system, such as a bucket. The reader asks it
/// of every source before it looks for a file of that name.
pub trait Store: Send + Sync {
    /// The files that a source stands for, in their order; none where it is no source of this store.
    fn find(&self, source: &Path) -> Option<Result<Vec<Stored>>>;
}

pub(crate) type Open = Box<dyn FnOnce() -> io::Result<Box<dyn Read + Send>> + Send>;

/// A file that a [`Store`] keeps.
pub struct Stored {
    pub(crate) name: Arc<str>,
    pub(crate) size: Option<u64>,
    pub(crate) open: Open,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("name", &self.name).field("size", &self.size).finish()
    }
}

impl Stored {
    /// A file of this name and size in bytes, which `open` opens when it is its turn. An
    /// [`Error`](crate::Error) inside of an error of `open`, or of what it gives, is told as it is.
    pub fn new(
        name: impl Into<Arc<str>>,
        size: Option<u64>,
        open: impl FnOnce() -> io::Result<Box<dyn Read + Send>> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), size, open: Box::new(open) }
    }
}
