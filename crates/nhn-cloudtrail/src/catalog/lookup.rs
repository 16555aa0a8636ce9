//! The perfect hash of the built-in catalog. The generator lays it out, `find` reads it; both use
//! the functions here, so that they cannot drift apart.

use std::borrow::Cow;

use super::table;

/// Slots of the index: a power of two, some 55 % full, which keeps the search for seeds short.
pub const SLOTS: usize = 4096;
/// Buckets, each with a seed that sends its IDs to slots of their own: a power of two.
pub const BUCKETS: usize = 1024;
/// A slot without an entry.
pub const VACANT: u16 = u16::MAX;

/// A hash of an ID's length and four of its words, or none for an ID shorter than any that is known.
///
/// All IDs begin alike, so the words come from the later parts; these four tell all known IDs apart,
/// and the generator stops if ever they do not.
#[inline]
pub fn hash(id: &[u8]) -> Option<u64> {
    let length = id.len();
    if length < 16 {
        return None;
    }
    // Every word is there; to say so with a default costs less than to leave early.
    let word = |at: usize| -> u64 {
        let bytes = id.get(at..at + 8).and_then(|bytes| bytes.first_chunk::<8>());
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    let last = word(length - 8);
    let before_middle = word(length / 2 - 8);
    let after_middle = word(length / 2);
    let three_quarters = word(length * 3 / 4 - 4);
    // One wide multiplication mixes all four; turned, words that are alike do not cancel out.
    Some(fold(
        last ^ before_middle.rotate_left(21) ^ 0x9e37_79b9_7f4a_7c15,
        after_middle ^ three_quarters.rotate_left(37) ^ 0xd1b5_4a32_d192_ed03 ^ length as u64,
    ))
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The bucket of a hash.
#[inline]
pub const fn bucket(hash: u64) -> usize {
    hash as usize & (BUCKETS - 1)
}

/// The slot of a hash, given its bucket's seed.
#[inline]
pub const fn slot(hash: u64, seed: u16) -> usize {
    let mixed = (hash ^ ((seed as u64) << 32)).wrapping_mul(0xf135_7aea_2e62_a9c5);
    (mixed >> 52) as usize & (SLOTS - 1)
}

/// The IDs alone, each in a line of the cache of its own: a lookup that has to look at entries would
/// miss the cache more.
static IDS: [Id; table::ENTRIES.len()] = ids();

/// The text of an ID, and its length in the last byte; of longer IDs, nothing.
#[repr(align(64))]
struct Id([u8; LINE]);

const LINE: usize = 64;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses a bad index")]
const fn ids() -> [Id; table::ENTRIES.len()] {
    let mut ids = [const { Id([0; LINE]) }; table::ENTRIES.len()];
    let mut place = 0;
    while place < ids.len() {
        let line = &mut ids[place].0;
        if let Cow::Borrowed(id) = table::ENTRIES[place].id
            && id.len() < LINE
        {
            let mut at = 0;
            while at < id.len() {
                line[at] = id.as_bytes()[at];
                at += 1;
            }
            line[LINE - 1] = id.len() as u8;
        }
        place += 1;
    }
    ids
}

/// The entry of an ID.
#[inline]
pub(super) fn find(id: &str) -> Option<&'static super::Entry> {
    let hash = hash(id.as_bytes())?;
    let seed = *table::SEEDS.get(bucket(hash))?;
    let place = usize::from(*table::INDEX.get(slot(hash, seed))?);
    let (known, entry) = (IDS.get(place)?, table::ENTRIES.get(place)?);
    let same = if id.len() < LINE { known.is(id.as_bytes()) } else { entry.id() == id };
    same.then_some(entry)
}

impl Id {
    /// Whether this is the ID, which has sixteen bytes or more and less than a line.
    #[inline(always)]
    fn is(&self, id: &[u8]) -> bool {
        let last = id.len().saturating_sub(16);
        let same = |at: usize| match (id.get(at..), self.0.get(at..)) {
            (Some(id), Some(known)) => id.first_chunk::<16>() == known.first_chunk::<16>(),
            _ => false,
        };
        // Four parts, which overlap, are all of it whatever its length: no branch to go wrong.
        let text = same(0) & same(last.min(16)) & same(last.saturating_sub(16)) & same(last);
        text && self.0.last() == Some(&(id.len() as u8))
    }
}

/// Seeds and slots for these IDs, or what stands in the way: two IDs of one hash.
pub fn build(ids: &[&str]) -> Result<(Vec<u16>, Vec<u16>), String> {
    let mut buckets: Vec<Vec<(u64, u16)>> = vec![Vec::new(); BUCKETS];
    for (place, id) in ids.iter().enumerate() {
        let hash =
            hash(id.as_bytes()).ok_or_else(|| format!("`{id}` is too short for the index"))?;
        let place = u16::try_from(place).map_err(|_| "too many IDs for the index".to_owned())?;
        let members = buckets.get_mut(bucket(hash)).ok_or("no such bucket")?;
        if let Some((_, other)) = members.iter().find(|(known, _)| *known == hash) {
            let other = ids.get(usize::from(*other)).copied().unwrap_or_default();
            return Err(format!(
                "`{id}` and `{other}` have one hash: choose other words in lookup.rs"
            ));
        }
        members.push((hash, place));
    }
    // The fullest buckets first, while there is room.
    let mut order: Vec<usize> = (0..BUCKETS).collect();
    order.sort_by_key(|at| std::cmp::Reverse(buckets.get(*at).map_or(0, Vec::len)));
    let mut seeds = vec![0_u16; BUCKETS];
    let mut index = vec![VACANT; SLOTS];
    for at in order {
        let Some(members) = buckets.get(at).filter(|members| !members.is_empty()) else { continue };
        let fits = |seed: &u16| {
            let mut slots: Vec<usize> =
                members.iter().map(|(hash, _)| slot(*hash, *seed)).collect();
            slots.sort_unstable();
            slots.dedup();
            slots.len() == members.len()
                && slots.iter().all(|slot| index.get(*slot).is_some_and(|place| *place == VACANT))
        };
        let seed = (0..=u16::MAX).find(fits).ok_or("no seed fits: the index needs more slots")?;
        for (hash, place) in members {
            if let Some(free) = index.get_mut(slot(*hash, seed)) {
                *free = *place;
            }
        }
        if let Some(stored) = seeds.get_mut(at) {
            *stored = seed;
        }
    }
    Ok((seeds, index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_itself_and_no_other() {
        for (known, entry) in IDS.iter().zip(table::ENTRIES) {
            let id = entry.id().as_bytes();
            if id.len() >= LINE {
                assert_eq!(known.0, [0; LINE]);
                continue;
            }
            assert!(known.is(id), "{}", entry.id());
            for at in 0..id.len() {
                let mut other = id.to_vec();
                other[at] ^= 1;
                assert!(!known.is(&other), "{} but for {at}", entry.id());
            }
            for other in
                [&id[..id.len() - 1], &id[1..], &[id, b"\0"].concat(), &[id, b"x"].concat()]
            {
                assert!(other.len() >= LINE || !known.is(other), "{}", other.escape_ascii());
            }
        }
    }
}
