//! What makes two rows the same.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ListArray, RecordBatch, StructArray, TimestampMillisecondArray};
use nhn_cloudtrail::Column;
use sha2::{Digest, Sha256};

use crate::extra;
use crate::schema::WIRE;
use crate::texts::Texts;

/// Half a hash of the key, and half a hash of the content.
///
/// The content is that of the record where its bytes are kept, written in whatever way; else what the
/// record's own columns hold. What the catalog adds is left out, since that changes with the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    key: u64,
    content: u64,
    /// Whether the key is the record's own; else it is the content.
    own: bool,
}

/// The identities of the rows of a batch.
pub(crate) struct Identities<'a> {
    time: Option<&'a TimestampMillisecondArray>,
    texts: Vec<Option<Texts<'a>>>,
    lists: Option<&'a ListArray>,
    members: Vec<Texts<'a>>,
    extra: Option<Texts<'a>>,
    uuid: Option<Texts<'a>>,
    raw: Option<&'a dyn Array>,
    buffer: Vec<u8>,
}

impl<'a> Identities<'a> {
    pub(crate) fn new(batch: &'a RecordBatch) -> Self {
        let column = |column: Column| batch.column_by_name(column.as_str()).map(|array| &**array);
        let texts = |name: Column| column(name).and_then(Texts::of);
        let lists = column(Column::TargetMembers).and_then(|array| array.as_list_opt::<i32>());
        let elements: Option<&StructArray> = lists.and_then(|lists| lists.values().as_struct_opt());
        let members = elements.into_iter().flat_map(StructArray::columns);
        let others = [Column::EventTime, Column::TargetMembers, Column::Extra];
        let text = WIRE.iter().filter(|column| !others.contains(column));
        Self {
            time: column(Column::EventTime)
                .and_then(|array| array.as_primitive_opt::<TimestampMillisecondType>()),
            texts: text.map(|&column| texts(column)).collect(),
            lists,
            members: members.filter_map(|array| Texts::of(array)).collect(),
            extra: texts(Column::Extra),
            uuid: texts(Column::EventLogUuid),
            raw: column(Column::Raw),
            buffer: Vec::new(),
        }
    }

    pub(crate) fn get(&mut self, row: usize) -> Identity {
        let content = self.raw(row).unwrap_or_else(|| self.columns(row));
        match self.uuid.and_then(|uuid| uuid.get(row)).filter(|uuid| !uuid.is_empty()) {
            Some(uuid) => Identity {
                key: part(&Sha256::digest(uuid), 0),
                content: part(&content, 0),
                own: true,
            },
            None => Identity { key: part(&content, 0), content: part(&content, 1), own: false },
        }
    }

    /// The hash of the record whose bytes are kept.
    fn raw(&self, row: usize) -> Option<[u8; 32]> {
        let array = self.raw.filter(|array| !array.is_null(row))?;
        let raw = match array.as_binary_opt::<i32>() {
            Some(array) => array.value(row),
            None => array.as_binary_view_opt()?.value(row),
        };
        let events = nhn_cloudtrail::parse(raw).ok()?;
        Some(events.first()?.content_hash())
    }

    /// The hash of what the record's columns hold.
    fn columns(&mut self, row: usize) -> [u8; 32] {
        self.buffer.clear();
        let out = &mut self.buffer;
        let time = self.time.filter(|time| !time.is_null(row)).map(|time| time.value(row));
        out.push(u8::from(time.is_some()));
        out.extend_from_slice(&time.unwrap_or_default().to_le_bytes());
        for texts in &self.texts {
            put(texts.and_then(|texts| texts.get(row)), out);
        }
        match self.lists.filter(|lists| !lists.is_null(row)) {
            Some(lists) => {
                let length = lists.value_length(row);
                out.push(1);
                out.extend_from_slice(&length.to_le_bytes());
                let first = lists.value_offsets().get(row).copied().unwrap_or_default();
                for element in first..first + length {
                    self.members.iter().for_each(|texts| put(texts.get(element as usize), out));
                }
            }
            None => out.push(0),
        }
        if let Some(text) = self.extra.and_then(|extra| extra.get(row)) {
            // The order of members says nothing.
            let mut members = extra::members(text).unwrap_or_default();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            members.iter().for_each(|(key, value)| {
                put(Some(key), out);
                put(Some(value.get()), out);
            });
            if members.is_empty() {
                put(Some(text), out);
            }
        }
        Sha256::digest(&self.buffer).into()
    }
}

/// Appends a text such that no other sequence of texts gives the same bytes.
fn put(text: Option<&str>, out: &mut Vec<u8>) {
    out.push(u8::from(text.is_some()));
    let text = text.unwrap_or_default();
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Eight bytes of a hash.
fn part(hash: &[u8], index: usize) -> u64 {
    let bytes = hash.chunks_exact(8).nth(index).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u64::from_le_bytes)
}

/// The rows that a data set holds of a day, in about 24 bytes per row.
///
/// Each lookup takes the same time, even if many rows share a key; see the reader's deduplication.
#[derive(Default)]
pub(crate) struct Stored {
    /// The first row of each distinct key.
    first: HashMap<u64, First>,
    /// How many rows are left of each further content, by key and content.
    others: HashMap<(u64, u64), u32>,
    /// How many rows are left of each content, among rows without a key.
    keyless: HashMap<(u64, u64), u32>,
}

/// The first row with a key.
struct First {
    content: u64,
    /// How many such rows are stored that no row of this run was matched with. Rows may be the same
    /// whose records were not.
    left: u32,
    /// Whether a row of this run had the key.
    seen: bool,
}

/// What a data set says of a row that is to be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether it is stored.
    pub(crate) duplicate: bool,
    /// Whether its key is stored with other content.
    pub(crate) conflict: bool,
    /// Whether its key was there before in this run.
    pub(crate) seen: bool,
}

impl Stored {
    pub(crate) fn insert(&mut self, Identity { key, content, own }: Identity) {
        if !own {
            *self.keyless.entry((key, content)).or_default() += 1;
            return;
        }
        let first = self.first.entry(key).or_insert(First { content, left: 0, seen: false });
        if first.content == content {
            first.left += 1;
        } else {
            *self.others.entry((key, content)).or_default() += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.keyless.is_empty()
    }

    pub(crate) fn check(&mut self, Identity { key, content, own }: Identity) -> Verdict {
        if !own {
            let duplicate = take_one(self.keyless.get_mut(&(key, content)));
            return Verdict { duplicate, ..Verdict::default() };
        }
        let Some(first) = self.first.get_mut(&key) else { return Verdict::default() };
        let seen = std::mem::replace(&mut first.seen, true);
        let duplicate = take_one(if first.content == content {
            Some(&mut first.left)
        } else {
            self.others.get_mut(&(key, content))
        });
        Verdict { duplicate, conflict: !duplicate, seen }
    }
}

/// Takes one of the rows that are left; false where none is.
fn take_one(left: Option<&mut u32>) -> bool {
    let Some(left) = left.filter(|left| **left > 0) else { return false };
    *left -= 1;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(key: u64, content: u64) -> Identity {
        Identity { key, content, own: true }
    }

    fn verdict(duplicate: bool, conflict: bool, seen: bool) -> Verdict {
        Verdict { duplicate, conflict, seen }
    }

    #[test]
    fn a_stored_row_is_matched_once() {
        let mut stored = Stored::default();
        for identity in [own(1, 10), own(1, 11), own(1, 11), own(2, 10)] {
            stored.insert(identity);
        }
        assert_eq!(stored.check(own(1, 11)), verdict(true, false, false));
        assert_eq!(stored.check(own(1, 11)), verdict(true, false, true));
        assert_eq!(stored.check(own(1, 11)), verdict(false, true, true));
        assert_eq!(stored.check(own(1, 10)), verdict(true, false, true));
        assert_eq!(stored.check(own(1, 10)), verdict(false, true, true));
        assert_eq!(stored.check(own(2, 11)), verdict(false, true, false));
        assert_eq!(stored.check(own(2, 10)), verdict(true, false, true));
        assert_eq!(stored.check(own(3, 10)), Verdict::default());
    }

    #[test]
    fn rows_without_a_key_of_their_own_have_no_conflicts() {
        let keyless = |content| Identity { key: 1, content, own: false };
        let mut stored = Stored::default();
        assert!(stored.is_empty());
        stored.insert(keyless(10));
        assert!(!stored.is_empty());
        assert_eq!(stored.check(own(1, 10)), Verdict::default());
        assert_eq!(stored.check(keyless(11)), Verdict::default());
        assert_eq!(stored.check(keyless(10)), verdict(true, false, false));
        assert_eq!(stored.check(keyless(10)), Verdict::default());
    }

    /// With one chain per key, this would take hours.
    #[test]
    fn rows_that_share_a_key_or_a_content_cost_no_more_than_others() {
        const COUNT: u64 = 500_000;
        let mut stored = Stored::default();
        for index in 0..COUNT {
            stored.insert(own(7, index));
            stored.insert(own(index + 8, 7));
            stored.insert(Identity { key: 7, content: index, own: false });
        }
        for index in (0..COUNT).rev() {
            assert!(stored.check(own(7, index)).duplicate);
            assert!(stored.check(own(7, COUNT + index)).conflict);
            assert!(stored.check(own(index + 8, 7)).duplicate);
            assert!(stored.check(Identity { key: 7, content: index, own: false }).duplicate);
        }
    }
}
