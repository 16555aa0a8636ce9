//! The native module of the npm package: each function converts, calls the core, and converts back.
//! What users see of it is written, typed and documented in `node/src`.
#![expect(
    missing_docs,
    reason = "what napi-derive makes has none, and TypeScript documents the rest"
)]
#![expect(missing_debug_implementations, reason = "nobody in Rust sees them")]

pub mod apart;
pub mod archive;
pub mod catalog;
pub mod client;
pub mod collect;
pub mod context;
pub mod errors;
pub mod options;
pub mod reader;
pub mod records;
pub mod storage;
pub mod strings;
pub mod table;
pub mod values;

use napi_derive::napi;
use nhn_cloudtrail::{Code, Column, Field, Filter, SCHEMA_VERSION};

#[napi_derive::module_init]
fn init() {
    nhn_cloudtrail_arrow::hide_caught_panics();
}

/// What the core has names for, in its order.
#[napi(object, object_from_js = false)]
pub struct Names {
    pub version: &'static str,
    pub schema_version: &'static str,
    pub codes: Vec<&'static str>,
    pub columns: Vec<&'static str>,
    pub fields: Vec<&'static str>,
    pub filters: Vec<&'static str>,
}

/// The names of the core, for TypeScript to count on.
#[napi]
pub fn names() -> Names {
    Names {
        version: env!("CARGO_PKG_VERSION"),
        schema_version: SCHEMA_VERSION,
        codes: Code::ALL.iter().map(|code| code.as_str()).collect(),
        columns: Column::ALL.iter().map(|column| column.as_str()).collect(),
        fields: Field::ALL.iter().map(|field| field.as_str()).collect(),
        filters: Filter::NAMES.to_vec(),
    }
}
