//! Which records have been seen, in some 20 bytes each.

use hashbrown::HashTable;

/// Remembers records by a hash of their key and one of their content. Both are taken from SHA-256,
/// so that nobody can make two records collide, and only records that agree in both are left out.
#[derive(Default)]
pub(super) struct Dedup {
    seen: HashTable<(u64, u64)>,
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
    pub(super) fn insert(&mut self, identity: (u64, u64)) -> Seen {
        let mut key_seen = false;
        let found = self.seen.find(identity.0, |known| {
            key_seen |= known.0 == identity.0;
            *known == identity
        });
        if found.is_some() {
            return Seen::Same;
        }
        self.seen.insert_unique(identity.0, identity, |known| known.0);
        if key_seen { Seen::Other } else { Seen::Never }
    }
}
