//! Parquet: writing the table, and reading it back as records.

mod encode;
mod read;
mod record;
mod write;

pub use read::Parquet;
pub(crate) use read::TableFile;
pub(crate) use record::unrecognized;
pub use write::ParquetWriter;
pub(crate) use write::text;
