//! The entry of an event ID: each ID of the catalog many times, in an order of no pattern.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;

use nhn_cloudtrail::catalog::{self, Entry};

use crate::{Outcome, Result, measure};

const LOOKUPS: usize = 5_000_000;

pub(crate) fn ours() -> Result<Outcome> {
    look_up(catalog::get)
}

pub(crate) fn std_hashmap() -> Result<Outcome> {
    look_up_in(RandomState::new())
}

pub(crate) fn foldhash() -> Result<Outcome> {
    look_up_in(foldhash::fast::RandomState::default())
}

fn look_up_in(hasher: impl BuildHasher) -> Result<Outcome> {
    let mut map = HashMap::with_capacity_and_hasher(catalog::entries().len(), hasher);
    map.extend(catalog::entries().iter().map(|entry| (entry.id(), entry)));
    look_up(|id| map.get(id).copied())
}

fn look_up(find: impl Fn(&str) -> Option<&'static Entry>) -> Result<Outcome> {
    // Texts of their own, as in a log.
    let ids: Vec<String> = catalog::entries().iter().map(|entry| entry.id().to_owned()).collect();
    let mut state = 1_u64;
    let asked: Vec<&str> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ids[(state >> 33) as usize % ids.len()].as_str()
    })
    .take(1 << 16)
    .collect();
    let look_all_up = || {
        let mut rows = 0;
        for id in asked.iter().cycle().take(LOOKUPS) {
            rows += u64::from(black_box(find(black_box(id))).is_some());
        }
        Ok(rows)
    };
    measure(look_all_up, |rows| Ok(Outcome { rows, ..Outcome::default() }))
}
