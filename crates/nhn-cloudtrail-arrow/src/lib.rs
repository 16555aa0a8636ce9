//! NHN Cloud CloudTrail logs as Arrow tables, Parquet data sets and Arrow IPC.
//!
//! ```no_run
//! use nhn_cloudtrail_arrow::{Dataset, Item, TableBuilder};
//!
//! let mut batches = TableBuilder::new().dedup(true).open(["logs/"])?;
//! let mut dataset = Dataset::open("table/", batches.schema(), 0)?;
//! while let Some(item) = batches.next_item() {
//!     match item? {
//!         Item::Batch(batch) => dataset.write(&batch)?,
//!         Item::Reject(reject) => eprintln!("{}", reject.message()),
//!     }
//! }
//! println!("{:?}", dataset.adjust(batches.stats()));
//! dataset.commit()?;
//! # Ok::<(), nhn_cloudtrail::Error>(())
//! ```
//!
//! [`TableBuilder`] reads what the core reads, in several threads and bounded memory, as batches in
//! the order of the input; [`read`] gives all of a table at once. [`ParquetWriter`],
//! [`ArrowFileWriter`] and [`ArrowStreamWriter`] write batches to a sink, [`Dataset`] adds them to a
//! folder with a folder for each day, without the rows that it holds already. [`Parquet`] makes
//! files and data sets sources like any other, from which the records come back with every field.

mod columns;
mod dataset;
#[doc(hidden)]
pub mod disk;
mod extra;
mod identity;
mod ipc;
mod parquet;
mod schema;
mod stored;
mod table;
mod texts;
mod write;

#[doc(hidden)]
pub use arrow_schema::SchemaRef;
pub use dataset::{Dataset, NewFile, Prepared, recover};
#[doc(hidden)]
pub use dataset::{PROBE, run_name, stages};
pub use ipc::{ArrowFileWriter, ArrowStreamWriter};
#[doc(hidden)]
pub use parquet::hide_caught_panics;
pub use parquet::{Parquet, ParquetWriter};
pub use schema::schema;
#[doc(hidden)]
pub use stored::{ContentHash, StoredFile, common_schema};
pub use table::{Batches, Item, Table, TableBuilder, read};
pub use write::{Written, write_parquet};

// Here, since the README's code wants this crate and the core.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
