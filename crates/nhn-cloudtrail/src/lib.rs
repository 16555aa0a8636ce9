//! Reads NHN Cloud CloudTrail logs.

pub mod catalog;
mod enrich;
mod error;
mod event;
mod filter;
mod flat;
mod json;
mod reader;
mod source;

pub use enrich::{Enriched, Outcome};
pub use error::{Code, Error, ErrorKind, Position, Result, printable};
pub use event::{Batch, Event, Field, TargetMember, Timestamp};
pub use filter::Filter;
pub use flat::{Column, SCHEMA_VERSION, Value};
pub use reader::{Item, Limits, Progress, Reader, ReaderBuilder, Reject, Stats, parse};
