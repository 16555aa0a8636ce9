//! Collects NHN Cloud CloudTrail events: from the query API, from buckets of Object Storage, and into an
//! archive that outlives the three months after which NHN Cloud forgets them.
//!
//! ```no_run
//! use nhn_cloudtrail::Timestamp;
//! use nhn_cloudtrail_collect::{Client, Collection, Query, Settings};
//!
//! let client = Client::builder(Settings::default().complete(None)?).build()?;
//! let since = Timestamp::parse("2026-10-01T00:00:00Z").unwrap();
//!
//! // The events of a search, as a log would give them,
//! for event in client.search(Query::since(since).event_id("event_id.iaas.instance.delete"))? {
//!     println!("{:?}", event?.user_id());
//! }
//! // or all events there are, kept.
//! let report = Collection::new("archive/").api(client, Query::since(since)).run()?;
//! println!("{} new events, head {}", report.records.new, report.head);
//! # Ok::<(), nhn_cloudtrail::Error>(())
//! ```
//!
//! # The flow
//!
//! [`Settings`] say where the API is and hold the keys. A [`Client`] asks it for a page, again where that
//! can heal what went wrong. `fetch` cuts a period until each piece fits a page, several at a time, and
//! knows when it has all of it. [`Client::search`] makes a reader of that; [`Collection`] compares what an
//! archive has with what there is, and adds the rest. [`Buckets`] make objects sources like any other.
//! [`Verify`] says whether an archive is as its ledger says, [`Status`] what it has.
//!
//! # Errors
//!
//! Those of [`nhn_cloudtrail`]. What the network or the service does is of the kind
//! [`Service`](nhn_cloudtrail::ErrorKind::Service): `NETWORK`, `TIMEOUT`, `HTTP_STATUS` and `BAD_ANSWER` after
//! all attempts, `REFUSED` at once. No appkey and no key stands in any of them.
//!
//! # Features
//!
//! `object-storage`, on by default: buckets, with an asynchronous runtime for them.

mod answer;
mod archive;
#[cfg(feature = "object-storage")]
mod bucket;
mod client;
mod collect;
mod fetch;
mod ledger;
mod plan;
mod rejects;
mod search;
mod settings;
mod sign;
mod status;
mod verify;

#[cfg(feature = "object-storage")]
pub use bucket::Buckets;
pub use client::{Api, Client, ClientBuilder, Member, Query, RETENTION};
pub use collect::{Collected, Collection, Report};
pub use ledger::{Counts, Gap};
#[doc(hidden)]
pub use rejects::reject_line;
pub use settings::{BucketSettings, Secret, Settings};
pub use sign::{PublicKey, Signer};
pub use status::{Day, LastRun, SourceStatus, Status, Stretch};
pub use verify::{Finding, FindingKind, Hashed, Verified, Verify};
