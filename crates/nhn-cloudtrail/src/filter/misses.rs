//! Which filters no event matches, for a helpful word about an empty result.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::Filter;
use crate::catalog::Catalog;
use crate::event::Event;

/// The filters that no event has matched yet, each tested alone. See [`Filter::watch`].
#[derive(Clone, Debug, Default)]
pub struct Misses(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// A bit for each such filter, at its index in [`Filter::NAMES`].
    open: AtomicU32,
    /// How many events were tested.
    events: AtomicU64,
    /// Whether an event has matched all filters.
    has_passed: AtomicBool,
    /// Whether days of a data set were left out as a whole.
    has_skipped_days: AtomicBool,
}

impl Misses {
    /// The number of events tested before one matched all filters, without the rows of Parquet files
    /// that were skipped by their columns, and without the days of data sets that were not read.
    pub fn events(&self) -> u64 {
        self.0.events.load(Ordering::Relaxed)
    }

    /// The names of the filters that no event has matched, in the order of [`Filter::NAMES`]; empty once
    /// an event has matched all filters.
    pub fn names(&self) -> Vec<&'static str> {
        if self.0.has_passed.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let open = self.0.open.load(Ordering::Relaxed);
        let names = Filter::NAMES.iter().enumerate();
        names.filter(|(place, _)| open & (1 << place) != 0).map(|(_, name)| *name).collect()
    }
}

impl Misses {
    /// Whether days of a data set were not read because `since` and `until` leave them out.
    pub fn has_skipped_days(&self) -> bool {
        self.0.has_skipped_days.load(Ordering::Relaxed)
    }

    /// Records that a day of a data set is not read.
    #[doc(hidden)]
    pub fn record_skipped_day(&self) {
        self.0.has_skipped_days.store(true, Ordering::Relaxed);
    }

    /// None of the filters with a bit in `open` has matched.
    pub(super) fn new(open: u32) -> Self {
        Self(Arc::new(State { open: open.into(), ..State::default() }))
    }

    /// Records which filters an event matches; `single` has each filter alone.
    pub(super) fn record(&self, passes: bool, single: &[Filter], event: &Event, catalog: &Catalog) {
        if self.0.has_passed.load(Ordering::Relaxed) {
            return;
        }
        if passes {
            self.0.has_passed.store(true, Ordering::Relaxed);
            return;
        }
        self.0.events.fetch_add(1, Ordering::Relaxed);
        let open = self.0.open.load(Ordering::Relaxed);
        if open == 0 {
            return;
        }
        let event = catalog.enrich(event);
        let still = single.iter().enumerate().filter(|(place, _)| open & (1 << place) != 0);
        let passed = still.filter(|(_, filter)| filter.matches(&event));
        let passed = passed.fold(0, |passed, (place, _)| passed | (1 << place));
        self.0.open.fetch_and(!passed, Ordering::Relaxed);
    }
}
