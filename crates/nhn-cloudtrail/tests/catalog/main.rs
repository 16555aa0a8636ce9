//! The catalog, as its users see it.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod actions;
mod entries;
mod overlay;
mod properties;
mod published;
mod search;
