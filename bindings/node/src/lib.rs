//! The native module of the npm package: each function converts, calls the core, and converts back.
//! What users see of it is written, typed and documented in `node/src`.
#![expect(missing_docs, reason = "what napi-derive generates has none")]

mod batch;
mod catalog;
mod context;
mod errors;
mod options;
mod reader;
mod strings;
mod table;
mod values;

use napi_derive::napi;
use nhn_cloudtrail::{Code, Column, Field, Filter, SCHEMA_VERSION};

/// What the core has names for, in its order.
#[napi(object)]
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
