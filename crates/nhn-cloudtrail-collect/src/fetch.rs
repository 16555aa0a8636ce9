//! Fetches periods whole, several at a time, and gives them in the order of time.
//!
//! What is asked for changes while it is read: records come late, and pages shift under whoever turns
//! them. So no page is turned: a period that does not fit one page is cut into several, and a page is one
//! moment's truth. Only an instant that holds more records than a page is read page by page, again and
//! again until its total stands still. Periods overlap by a millisecond, so that it does not matter
//! whether their ends belong to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use nhn_cloudtrail::{Code, Error, Result, guarded};

use crate::answer::Answer;
use crate::client::{Client, Only, Request};

/// The most periods that one is cut into at once.
const CUTS: u64 = 256;

/// How often the pages of an instant are read again without anything new in them.
const IN_VAIN: usize = 8;

/// A period to be fetched, in milliseconds since 1970, the ends as they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// How many records of it are known already: it is read only where the API has another number.
    pub(crate) known: Option<u64>,
    /// Whether it is not to be read even then.
    pub(crate) only_compare: bool,
}

impl Period {
    pub(crate) fn ends(&self) -> (i64, i64) {
        (self.from, self.to)
    }
}

/// What became of a period.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// It has as many records as were known.
    Same,
    /// It has not, and was not read.
    Other,
    /// It has too many for one answer, so many where that is known: others were fetched in its place.
    Cut(Option<u64>),
    /// All of it.
    All {
        answers: Vec<Bytes>,
        /// How many different records are in them.
        records: u64,
        /// How many more the API says that there are, and does not give.
        missing: u64,
    },
    Failed(Error),
}

/// What [`Fetch::next`] gives.
#[derive(Debug)]
pub(crate) enum Next {
    Period(Period, Fetched),
    /// Nothing yet.
    Wait,
    End,
}

/// Periods that are being fetched. Dropped, it stops.
pub(crate) struct Fetch(Arc<Shared>);

struct Shared {
    client: Client,
    only: Only,
    /// By their beginnings and ends.
    periods: Mutex<Periods>,
    changed: Condvar,
    stopped: AtomicBool,
}

type Periods = BTreeMap<(i64, i64), Slot>;

enum Slot {
    Todo(Period),
    Running,
    Done(Period, Fetched),
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        // Nobody is between looking at that and waiting.
        drop(self.0.lock());
        self.0.changed.notify_all();
    }
}

impl Fetch {
    /// Begins to fetch periods.
    pub(crate) fn new(
        client: &Client,
        only: Only,
        periods: impl IntoIterator<Item = Period>,
    ) -> Result<Self> {
        let todo = periods.into_iter().map(|period| (period.ends(), Slot::Todo(period)));
        let shared = Arc::new(Shared {
            client: client.clone(),
            only,
            periods: Mutex::new(todo.collect()),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
        });
        let fetch = Self(shared);
        for number in 0..client.concurrency() {
            let shared = fetch.0.clone();
            let thread = std::thread::Builder::new().name("nhn-cloudtrail".to_owned());
            match thread.spawn(move || shared.work()) {
                // Fewer threads than asked for do as well.
                Err(_) if number > 0 => break,
                Err(error) => {
                    let message = "no thread can be started to fetch events";
                    return Err(Error::new(Code::Io, message).caused_by(error));
                }
                Ok(_) => (),
            }
        }
        Ok(fetch)
    }

    /// What became of the first period that was not given yet. Waits for it a little.
    pub(crate) fn next(&self) -> Next {
        let mut periods = self.0.lock();
        for waited in [false, true] {
            match periods.first_entry() {
                None => return Next::End,
                Some(first) if matches!(first.get(), Slot::Done(..)) => {
                    if let Slot::Done(period, fetched) = first.remove() {
                        self.0.changed.notify_all();
                        return Next::Period(period, fetched);
                    }
                }
                Some(_) if !waited => {
                    let wait = self.0.changed.wait_timeout(periods, Duration::from_millis(50));
                    periods = wait.unwrap_or_else(PoisonError::into_inner).0;
                }
                Some(_) => (),
            }
        }
        Next::Wait
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Periods> {
        self.periods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches period after period, in a thread of its own.
    fn work(&self) {
        while let Some(period) = self.take() {
            let fetched = guarded(|| self.fetch(period)).flatten();
            let mut periods = self.lock();
            match fetched {
                Ok(Whole::Fetched(fetched)) => {
                    periods.insert(period.ends(), Slot::Done(period, fetched));
                }
                Ok(Whole::TooMuch(total, parts)) => {
                    periods.insert(period.ends(), Slot::Done(period, Fetched::Cut(total)));
                    periods.extend(parts.into_iter().map(|part| (part.ends(), Slot::Todo(part))));
                }
                Err(error) => {
                    if is_final(&error) {
                        periods.retain(|_, slot| !matches!(slot, Slot::Todo(_)));
                    }
                    periods.insert(period.ends(), Slot::Done(period, Fetched::Failed(error)));
                }
            }
            self.changed.notify_all();
        }
    }

    /// The next period to be fetched, once not too many wait to be taken.
    fn take(&self) -> Option<Period> {
        let ahead = 2 * self.client.concurrency();
        let mut periods = self.lock();
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return None;
            }
            let first = periods.values_mut().take(ahead).find(|slot| matches!(slot, Slot::Todo(_)));
            if let Some(slot) = first
                && let Slot::Todo(period) = std::mem::replace(slot, Slot::Running)
            {
                return Some(period);
            }
            if periods.is_empty() {
                return None;
            }
            periods = self.changed.wait(periods).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fetch(&self, period: Period) -> Result<Whole> {
        let Period { from, to, known, only_compare } = period;
        if let Some(known) = known {
            let request = Request { from, to, only: &self.only };
            let is_same = self.client.total(request, known, &self.stopped)? == Some(known);
            if is_same || only_compare {
                let fetched = if is_same { Fetched::Same } else { Fetched::Other };
                return Ok(Whole::Fetched(fetched));
            }
        }
        let limit = self.client.page_size();
        let answer = self.page(from, to, 0)?;
        if answer.is_last(0, limit) || answer.is_short(limit) {
            let missing = answer.total.unwrap_or(0).saturating_sub(answer.count);
            let records = answer.contents()?.into_values().sum();
            let answers = vec![answer.body];
            return Ok(Whole::Fetched(Fetched::All { answers, records, missing }));
        }
        if to - from <= 4 {
            return self.instant(from, to).map(Whole::Fetched);
        }
        let mut times = answer.times()?;
        times.sort_unstable();
        let cuts = match answer.total {
            // Some room, since events do not come evenly.
            Some(total) if most_of(&times) != times.last().copied() => {
                let parts = total.div_ceil(limit).saturating_mul(7) / 5;
                cut(from, to, parts.clamp(2, CUTS))
            }
            _ => cut_off(from, to, &times),
        };
        let part = |(from, to)| Period { from, to, known: None, only_compare: false };
        let parts = cuts.into_iter().map(part).collect();
        Ok(Whole::TooMuch(answer.total, parts))
    }

    fn page(&self, from: i64, to: i64, page: u64) -> Result<Answer> {
        let request = Request { from, to, only: &self.only };
        self.client.page(request, page, self.client.page_size(), &self.stopped)
    }

    /// Reads a period that cannot be cut page by page, until all its records were seen. Records of one
    /// time have no order, so each reading may have others of them twice and others not at all.
    fn instant(&self, from: i64, to: i64) -> Result<Fetched> {
        let limit = self.client.page_size();
        let mut answers: Vec<Bytes> = Vec::new();
        let mut seen = Records::default();
        let mut before = None;
        let mut in_vain = 0;
        while in_vain < IN_VAIN {
            let mut total = 0;
            let known = seen.count();
            for page in 0.. {
                let answer = self.page(from, to, page)?;
                total += answer.count;
                if seen.add(&answer)? {
                    answers.push(answer.body.clone());
                }
                if answer.is_last(page, limit) || answer.count == 0 {
                    total = answer.total.unwrap_or(total);
                    break;
                }
            }
            if seen.count() >= total && before == Some(total) {
                return Ok(Fetched::All { answers, records: seen.count(), missing: 0 });
            }
            before = Some(total);
            in_vain = if seen.count() > known { 0 } else { in_vain + 1 };
        }
        let records = seen.count();
        let missing = before.unwrap_or(0).saturating_sub(records).max(1);
        Ok(Fetched::All { answers, records, missing })
    }
}

/// Whether nothing else is worth asking for after an error.
pub(crate) fn is_final(error: &Error) -> bool {
    error.code() == Code::Refused
}

enum Whole {
    Fetched(Fetched),
    /// So many records, where that is known, that it becomes several.
    TooMuch(Option<u64>, Vec<Period>),
}

/// The different records that were seen. Copies count as often as one answer has them.
#[derive(Default)]
struct Records(HashMap<[u8; 16], u64>);

impl Records {
    /// Adds those of an answer; whether some are new.
    fn add(&mut self, answer: &Answer) -> Result<bool> {
        let mut new = false;
        for (content, copies) in answer.contents()? {
            let known = self.0.entry(content).or_default();
            new |= copies > *known;
            *known = copies.max(*known);
        }
        Ok(new)
    }

    fn count(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Cuts a stretch of time into so many that overlap by a little.
fn cut(from: i64, to: i64, parts: u64) -> Vec<(i64, i64)> {
    let length = to - from;
    // None so short that it is no shorter than what it was cut from.
    let parts = i64::try_from(parts).unwrap_or(i64::MAX).min(length / 2).max(2);
    let edge =
        |part: i64| from + (i128::from(length) * i128::from(part) / i128::from(parts)) as i64;
    (0..parts).map(|part| ((edge(part) - 1).max(from), (edge(part + 1) + 1).min(to))).collect()
}

/// Where most of a page's times end, in their order.
fn most_of(times: &[i64]) -> Option<i64> {
    times.get(times.len() * 7 / 10).copied()
}

/// Cuts a stretch of time in two, by the times of as many records of it as a page has, in their order:
/// so that the first has most of a page, or is an instant that has more. Where the page is not that of
/// the first records, both only have fewer.
fn cut_off(from: i64, to: i64, times: &[i64]) -> Vec<(i64, i64)> {
    let at = most_of(times).unwrap_or(from + (to - from) / 2).clamp(from, to);
    match at - from {
        0..=2 => vec![(from, at + 2), (at + 1, to)],
        _ => vec![(from, at - 1), (at - 2, to)],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cuts_cover_everything_and_get_shorter(
            from in -1_000_000_000_000i64..1_000_000_000_000,
            length in 5i64..10_000_000_000,
            parts in 2u64..64,
        ) {
            let to = from + length;
            let cuts = cut(from, to, parts);
            prop_assert_eq!(cuts.first().unwrap().0, from);
            prop_assert_eq!(cuts.last().unwrap().1, to);
            for pair in cuts.windows(2) {
                prop_assert!(pair[1].0 < pair[0].1 && pair[0].0 < pair[1].0, "{:?}", pair);
            }
            for (from, to) in cuts {
                prop_assert!(from < to && to - from < length, "{from} {to}");
            }
        }

        #[test]
        fn what_is_cut_off_covers_everything_and_is_shorter(
            from in -1_000_000_000_000i64..1_000_000_000_000,
            length in 5i64..10_000_000_000,
            times in prop::collection::vec(any::<i64>(), 0..20),
            offsets in prop::collection::vec(-2i64..10, 0..20),
        ) {
            let to = from + length;
            let times = [times, offsets.iter().map(|offset| from + offset).collect()].concat();
            let [first, second] = cut_off(from, to, &times)[..] else { panic!() };
            prop_assert!(first.0 == from && second.1 == to && second.0 < first.1);
            for (from, to) in [first, second] {
                prop_assert!(from < to && to - from < length, "{from} {to}");
            }
        }
    }
}
