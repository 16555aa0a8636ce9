//! Collects NHN Cloud CloudTrail events from the query API and from buckets of Object Storage, and keeps
//! them in an archive beyond the three months after which NHN Cloud deletes them.
//!
//! ```no_run
//! use nhn_cloudtrail::Timestamp;
//! use nhn_cloudtrail_collect::{Client, Collection, Query, Settings};
//!
//! let client = Client::builder(Settings::default().complete(None)?).build()?;
//! let since = Timestamp::parse("2026-10-01T00:00:00Z").unwrap();
//!
//! // Read the events of a search, as from a log.
//! for event in client.search(Query::since(since).event_id("event_id.iaas.instance.delete"))? {
//!     println!("{:?}", event?.user_id());
//! }
//! // Keep all events in an archive.
//! let report = Collection::new("archive/").api(client, Query::since(since)).run()?;
//! println!("{} new events, head {}", report.records.new, report.head);
//! # Ok::<(), nhn_cloudtrail::Error>(())
//! ```
//!
//! # Overview
//!
//! - [`Settings`] hold the API's address and the keys.
//! - [`Client`] requests pages of the API, and retries where that can help.
//! - `fetch` splits a period into chunks that fit a page, requests several at a time, and checks that
//!   they are complete.
//! - [`Client::search`] returns the events as a reader.
//! - [`Collection`] compares an archive with the API, and adds what is missing.
//! - [`Buckets`] make objects readable like any other source.
//! - [`Verify`] compares an archive with its ledger; [`Status`] reports its contents.
//! - [`Repair`] reads lost data again; [`Acknowledge`] records that it cannot be recovered.
//! - [`Compaction`] merges small files; [`Pruning`] removes old days.
//!
//! # Errors
//!
//! The errors are those of [`nhn_cloudtrail`]. Errors of the network and the service have the kind
//! [`Service`](nhn_cloudtrail::ErrorKind::Service): `NETWORK`, `TIMEOUT`, `HTTP_STATUS` and `BAD_ANSWER`
//! after all retries, `REFUSED` at once. No error contains an appkey or a key.
//!
//! # Features
//!
//! `object-storage`, enabled by default: buckets, with an asynchronous runtime for them.

mod acknowledge;
mod answer;
mod archive;
#[cfg(feature = "object-storage")]
mod bucket;
mod client;
mod collect;
mod compact;
mod departure;
mod fetch;
mod head_file;
mod health;
mod journal;
mod ledger;
mod losses;
mod mask;
mod network;
mod operation;
mod plan;
mod prune;
mod rejects;
mod repair;
mod rules;
mod search;
mod settings;
mod sign;
mod sources;
mod status;
mod totals;
mod tree;
mod verify;

pub use acknowledge::{Acknowledge, AcknowledgeReport};
#[cfg(feature = "object-storage")]
pub use bucket::Buckets;
pub use client::{Api, Client, ClientBuilder, Member, Query, RETENTION};
pub use collect::{Collected, Collection, Report, SourceReport};
pub use compact::{Compaction, CompactionReport, SkippedDay};
pub use head_file::usual_head_file;
pub use ledger::{Counts, Gap};
pub use losses::{LossState, LossStatus};
pub use prune::{Pruning, PruningReport};
#[doc(hidden)]
pub use rejects::reject_line;
pub use repair::{Repair, RepairReport};
#[doc(hidden)]
pub use settings::is_exposed;
pub use settings::{BucketSettings, Secret, Settings};
pub use sign::{PublicKey, Signer};
pub use sources::{SourceDefaults, SourceSettings};
pub use status::{
    BucketStatus, Day, LastRun, LockStatus, PrunedStatus, SourceStatus, Status, Stretch,
};
pub use verify::{Finding, FindingKind, Hashed, Verified, Verify};
