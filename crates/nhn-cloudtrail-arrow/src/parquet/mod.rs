//! Parquet: writing the table, and reading it back as records.

mod checksum;
mod encode;
mod read;
mod record;
mod write;

pub(crate) use read::TableFile;
pub use read::{Parquet, hide_caught_panics};
pub(crate) use record::unrecognized;
pub use write::ParquetWriter;
pub(crate) use write::text;
