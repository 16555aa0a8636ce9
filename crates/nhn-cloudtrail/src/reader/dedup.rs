//! Which records were seen before, in about 20 bytes per record.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Remembers records by a hash of their key and a hash of their content. Both are taken from SHA-256,
/// so that nobody can make two records collide, and only records that agree in both are left out.
///
/// Each lookup takes the same time, even if many records share a key: one entry is stored per key,
/// and further contents of a key are found by key and content together. The maps hash with a random
/// seed, so that no choice of records makes them slow.
#[derive(Default)]
pub(super) struct Dedup {
    /// The content of the first record of each key.
    first: HashMap<u64, u64>,
    /// Key and content of records whose key was seen before with other content.
    others: HashSet<(u64, u64)>,
}

/// What was known of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing.
    Never,
    /// The same key and the same content.
    Same,
    /// The same key, with other content.
    Other,
}

impl Dedup {
    pub(super) fn insert(&mut self, (key, content): (u64, u64)) -> Seen {
        match self.first.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(content);
                Seen::Never
            }
            Entry::Occupied(entry) if *entry.get() == content => Seen::Same,
            Entry::Occupied(_) if self.others.insert((key, content)) => Seen::Other,
            Entry::Occupied(_) => Seen::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_with_the_same_content_is_a_duplicate() {
        let mut dedup = Dedup::default();
        let mut seen = |key, content| dedup.insert((key, content));
        assert_eq!(seen(1, 10), Seen::Never);
        assert_eq!(seen(1, 11), Seen::Other);
        assert_eq!(seen(1, 12), Seen::Other);
        assert_eq!(seen(2, 11), Seen::Never);
        assert_eq!(seen(11, 1), Seen::Never);
        assert_eq!(seen(1, 10), Seen::Same);
        assert_eq!(seen(1, 11), Seen::Same);
        assert_eq!(seen(1, 12), Seen::Same);
        assert_eq!(seen(2, 12), Seen::Other);
    }

    /// With one chain per key, the million records would take hours.
    #[test]
    fn records_that_share_a_key_or_a_content_cost_no_more_than_others() {
        const COUNT: u64 = 1_000_000;
        let mut dedup = Dedup::default();
        for content in 0..COUNT {
            let seen = if content == 0 { Seen::Never } else { Seen::Other };
            assert_eq!(dedup.insert((7, content)), seen);
        }
        for content in (0..COUNT).rev() {
            assert_eq!(dedup.insert((7, content)), Seen::Same);
        }
        for key in 8..COUNT {
            assert_eq!(dedup.insert((key, 1)), Seen::Never);
            assert_eq!(dedup.insert((key, 7)), Seen::Other);
        }
    }
}
