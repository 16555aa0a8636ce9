//! Parquet: writing the table, and reading it back as records.

mod encode;
mod write;

pub use write::ParquetWriter;
