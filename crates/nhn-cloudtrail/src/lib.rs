//! Reads NHN Cloud CloudTrail logs of any shape into one typed event model, with the catalog of
//! every event that NHN Cloud ever listed.
//!
//! ```
//! use nhn_cloudtrail::{Reader, catalog::Lang};
//!
//! let log = br#"{"eventTime":"2019-11-01T10:31:49.348+0000","eventId":"event_id.iaas.instance.delete",
//!     "userName":"\uae40\ubbfc\uc900","response":"{\"header\":{\"isSuccessful\":true}}"}"#;
//!
//! for event in Reader::from_bytes(*log)? {
//!     let event = event?;
//!     let what = event.enrich();
//!     assert_eq!(event.event_time().unwrap().to_string(), "2019-11-01T10:31:49.348Z");
//!     assert_eq!(event.user_name().as_deref(), Some("김민준"));
//!     assert_eq!(what.name(Lang::Ko), Some("인스턴스 삭제"));
//!     assert_eq!(what.action().unwrap().kind().as_str(), "delete");
//!     assert_eq!(what.outcome().as_str(), "success");
//! }
//! # Ok::<(), nhn_cloudtrail::Error>(())
//! ```
//!
//! # The flow
//!
//! A source (a path, folder, glob, stream, or bytes; plain, gzip or zstd) becomes text in bounded
//! memory. The [`Reader`] finds the records in it, whatever its shape: an object a line, objects
//! one after the other, an array, API answers. A record becomes an [`Event`], a typed view over
//! its own bytes that decodes a field when it is asked for it. [`Event::enrich`] joins it with the
//! [`catalog`]: name, service, resource, action, outcome. A [`Filter`] says which events are
//! wanted, and [`Enriched::write_json`] writes the flat form that Python, Node and the tables have
//! too.
//!
//! Each level stands alone: [`Event::raw`] is the record byte for byte, and the catalog needs no
//! event.
//!
//! # Nothing is lost
//!
//! Fields that nobody has told this library of are [`Event::extra`]; values of another form than
//! the documented one keep their text and are named by [`Event::problems`]; what is no record at
//! all is a [`Reject`] with its bytes, place and reason, and its neighbours are read. [`Stats`]
//! always add up: `records = events + rejects + duplicates`.
//!
//! # Errors
//!
//! One [`Error`] for everything, with a [`kind`](Error::kind) to match on, a stable
//! [`code`](Error::code) that Python and Node carry too, and a [`position`](Error::position).
//! Input is hostile: what a record may take is capped by [`Limits`], and nothing panics.

pub mod catalog;
mod enrich;
mod error;
mod event;
mod filter;
mod flat;
mod json;
mod reader;
mod recent;
mod source;

pub use enrich::{Enriched, Meaning, Outcome, Responses};
#[doc(hidden)]
pub use error::guarded;
pub use error::{Code, Error, ErrorKind, Position, Result, printable};
pub use event::{Batch, Event, Field, RawText, TargetMember, Timestamp};
#[doc(hidden)]
pub use filter::{FieldTest, instant, time_zone};
pub use filter::{Filter, Misses};
pub use flat::{Column, SCHEMA_VERSION, Value};
#[doc(hidden)]
pub use json::{decode_into, use_level};
pub use reader::{
    Collect, Item, Limits, Part, Parts, Progress, Reader, ReaderBuilder, RecordPath, Reject, Split,
    Stats, parse,
};
#[doc(hidden)]
pub use recent::Recent;
#[doc(hidden)]
pub use source::{DATA_SET, Target, Waiting, check_target, is_stdout};
pub use source::{Format, RawRows, Rows, Store, Stored};
