//! Counts by value, in bounded memory.

use std::collections::HashMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// How many values are told apart. An attacker can make any number of them up.
const MOST: usize = 100_000;
/// How much of a value is kept; a name may be as long as a record.
const LONGEST: usize = 256;
/// What events without a value count under.
pub(crate) const NONE: &str = "(none)";
/// What values count under when there are too many.
pub(crate) const OTHER: &str = "(other)";

/// How often each value was seen.
#[derive(Debug, Default)]
pub(crate) struct Counter(HashMap<String, u64>);

impl Counter {
    pub(crate) fn add(&mut self, value: Option<&str>) {
        let value = value.unwrap_or(NONE);
        let end = (0..=LONGEST).rev().find(|&end| value.is_char_boundary(end)).unwrap_or(0);
        let (kept, cut) = match value.split_at_checked(end) {
            Some((kept, rest)) => (kept, !rest.is_empty()),
            None => (value, false),
        };
        // Looked up first: a value is most often one that was seen.
        if !cut && let Some(count) = self.0.get_mut(kept) {
            *count += 1;
            return;
        }
        let mut key = kept.to_owned();
        if cut {
            key.push('…');
        }
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            OTHER.clone_into(&mut key);
        }
        *self.0.entry(key).or_default() += 1;
    }

    /// The values, the most frequent first, equally frequent ones by name.
    pub(crate) fn most_first(&self) -> Vec<(&str, u64)> {
        let mut values = self.values();
        values.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
        values
    }

    /// The values by name.
    pub(crate) fn by_name(&self) -> Vec<(&str, u64)> {
        let mut values = self.values();
        values.sort_unstable();
        values
    }

    fn values(&self) -> Vec<(&str, u64)> {
        self.0.iter().map(|(value, count)| (value.as_str(), *count)).collect()
    }
}

impl Serialize for Counter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (value, count) in self.most_first() {
            map.serialize_entry(value, &count)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_then_by_name() {
        let mut counter = Counter::default();
        for value in [Some("b"), Some("a"), None, Some("b"), None, Some("c")] {
            counter.add(value);
        }
        assert_eq!(counter.most_first(), [("(none)", 2), ("b", 2), ("a", 1), ("c", 1)]);
        let json = serde_json::to_string(&counter).unwrap();
        assert_eq!(json, r#"{"(none)":2,"b":2,"a":1,"c":1}"#);
    }

    #[test]
    fn made_up_values_take_bounded_memory() {
        let mut counter = Counter::default();
        for number in 0..MOST + 5 {
            counter.add(Some(&number.to_string()));
        }
        counter.add(Some("0"));
        assert_eq!(counter.0.len(), MOST + 1);
        assert_eq!(counter.most_first().first(), Some(&(OTHER, 5)));
        assert_eq!(counter.0.get("0"), Some(&2));

        let mut counter = Counter::default();
        counter.add(Some(&"가".repeat(1000)));
        counter.add(Some(&"가".repeat(1001)));
        assert_eq!(counter.most_first(), [(format!("{}…", "가".repeat(85)).as_str(), 2)]);
    }
}
