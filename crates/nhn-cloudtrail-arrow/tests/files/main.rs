//! Tables as files: written, read back, appended to, cut short and damaged.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

mod common;
mod dataset;
mod hostile;
mod ipc;
mod killed;
mod parquet;
#[path = "../plain/mod.rs"]
mod plain;
mod stored;
#[expect(dead_code, reason = "of use to other tests")]
#[path = "../../../nhn-cloudtrail/tests/support/mod.rs"]
mod support;
