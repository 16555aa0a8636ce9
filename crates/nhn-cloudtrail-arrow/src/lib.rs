//! NHN Cloud CloudTrail logs as Arrow tables, Parquet data sets and Arrow IPC.

mod columns;
mod parquet;
mod schema;
mod table;

pub use parquet::ParquetWriter;
pub use schema::schema;
pub use table::{Batches, Item, Table, TableBuilder, read};
