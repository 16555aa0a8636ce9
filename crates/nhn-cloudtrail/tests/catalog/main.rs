//! The catalog, as its users see it.

mod actions;
mod entries;
mod overlay;
mod published;
mod search;
