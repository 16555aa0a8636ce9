//! Any text as a published event list: reading it never panics, and what the catalog lacks can be
//! added as an overlay, after which nothing is lacking.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nhn_cloudtrail::catalog::{Catalog, PublishedList};

fuzz_target!(|text: &[u8]| {
    let catalog = Catalog::builtin();
    // As an overlay first: most are none, and none may panic.
    let _ = catalog.with_overlay(text);
    let Ok(list) = PublishedList::parse(text) else { return };
    let _ = list.diff(&catalog);
    let overlay = list.to_overlay(&catalog);
    let with = catalog.with_overlay(&overlay).expect("an overlay that we made is one that we read");
    assert!(list.diff(&with).added.is_empty(), "{overlay}");
});
