//! Fetches periods completely, several at a time, and returns them in order.
//!
//! The data changes while it is read: late records arrive, and pages shift between two requests.
//! Therefore periods are not paged. A period that does not fit one page is split into several, so that
//! each page is a consistent snapshot. The first page counts as complete only if a request for the next
//! page returns nothing, or if the service's totals have proven to be those of whole searches. Only an
//! instant with more records than a page is read page by page, repeatedly until its total does not
//! change. Periods overlap by one millisecond, so it does not matter whether their ends are inclusive.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use nhn_cloudtrail::{Code, Error, Result, guarded};

use crate::answer::Answer;
use crate::client::{Client, Effort, Only, Request};
use crate::health::Health;
use crate::totals::{Rest, may_be_capped};

/// The maximum number of periods that one is split into at once.
const CUTS: u64 = 256;

/// How often the pages of an instant are read again without finding new records.
const IN_VAIN: usize = 8;

/// How often a period is read again if the service reports that it has more records.
const READ_AGAIN: usize = 2;

/// The maximum number of pages of an instant.
const MAX_PAGES: u64 = 2000;

/// The maximum number of bytes of responses kept for an instant.
const MAX_INSTANT: usize = 256 << 20;

/// The maximum number of requests for a period, including the periods it is split into. Each record
/// received allows for some more.
const MAX_REQUESTS: u64 = 2000;
const REQUESTS_PER_RECORD: u64 = 20;

/// A period to fetch, in milliseconds since 1970, with the ends of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Number of known records: the period is read only if the API reports another number.
    pub(crate) known: Option<u64>,
    /// Whether the period is only compared, and not read even if the numbers differ.
    pub(crate) only_compare: bool,
}

impl Period {
    pub(crate) fn ends(&self) -> (i64, i64) {
        (self.from, self.to)
    }
}

/// The result of a period.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// The number of records equals the known one.
    Same,
    /// The number of records differs from the known one; the period was not read.
    Other,
    /// The period does not fit a response and was replaced by others. Contains its number of records, if
    /// known.
    Cut(Option<u64>),
    /// The complete period.
    All {
        answers: Vec<Bytes>,
        /// Number of different records in the responses.
        records: u64,
        /// Why there may be more.
        doubt: Option<Error>,
    },
    Failed(Error),
}

/// The order in which periods are fetched and returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    /// The parts of a split period stay together, in chronological order.
    NewestFirst,
}

/// The result of [`Fetch::next`].
#[derive(Debug)]
pub(crate) enum Next {
    Period(Period, Fetched),
    /// Not ready yet.
    Wait,
    End,
}

/// Periods that are being fetched. Dropping it stops the fetch.
pub(crate) struct Fetch(Arc<Shared>);

struct Shared {
    client: Client,
    only: Only,
    health: Arc<Health>,
    order: Order,
    periods: Mutex<Periods>,
    changed: Condvar,
    stopped: AtomicBool,
}

struct Periods {
    slots: BTreeMap<Key, Slot>,
    /// Nothing is fetched from this key on.
    closed: Option<Key>,
}

impl Periods {
    /// Cancels periods from `from` on that have not been started.
    fn close(&mut self, from: Key) {
        let closed = self.closed.map_or(from, |closed| closed.min(from));
        self.closed = Some(closed);
        self.slots.retain(|key, slot| *key < closed || !matches!(slot, Slot::Todo(_)));
    }
}

/// The sort key of a period: its rank, start and end.
type Key = (i64, i64, i64);

enum Slot {
    Todo(Task),
    Running,
    Done(Period, Fetched),
}

/// A period to fetch.
#[derive(Clone)]
struct Task {
    period: Period,
    /// The rank of the requested period that this is part of.
    rank: i64,
    /// The requests used for the requested period, including all its parts.
    tally: Arc<Tally>,
}

impl Task {
    fn key(&self) -> Key {
        (self.rank, self.period.from, self.period.to)
    }
}

#[derive(Default)]
struct Tally {
    requests: AtomicU64,
    records: AtomicU64,
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        // Taking the lock ensures that no thread is between checking the flag and waiting.
        drop(self.0.lock());
        self.0.changed.notify_all();
    }
}

impl Fetch {
    /// Starts to fetch periods. Once `health` reports that requests must stop, the remaining periods are
    /// not fetched. With `OldestFirst`, nothing after a failed period is fetched.
    pub(crate) fn new(
        client: &Client,
        only: Only,
        periods: impl IntoIterator<Item = Period>,
        order: Order,
        health: Arc<Health>,
    ) -> Result<Self> {
        let task = |period: Period| {
            let rank = if order == Order::OldestFirst { 0 } else { -period.from };
            let task = Task { period, rank, tally: Arc::default() };
            (task.key(), Slot::Todo(task))
        };
        let slots = periods.into_iter().map(task).collect();
        let shared = Arc::new(Shared {
            client: client.clone(),
            only,
            health,
            order,
            periods: Mutex::new(Periods { slots, closed: None }),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
        });
        let fetch = Self(shared);
        for number in 0..client.concurrency() {
            let shared = fetch.0.clone();
            let thread = std::thread::Builder::new().name("nhn-cloudtrail".to_owned());
            match thread.spawn(move || shared.work()) {
                // Fewer threads than requested are sufficient.
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

    /// Returns the result of the next period, and waits for it briefly.
    pub(crate) fn next(&self) -> Next {
        let mut periods = self.0.lock();
        for waited in [false, true] {
            match periods.slots.first_entry() {
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

    /// Fetches periods; runs in a separate thread.
    fn work(&self) {
        while let Some(task) = self.take() {
            let fetched = guarded(|| self.fetch(&task)).flatten();
            let (key, period) = (task.key(), task.period);
            let mut periods = self.lock();
            match fetched {
                Ok(Whole::Fetched(fetched)) => {
                    self.health.succeeded();
                    if let Fetched::All { records, doubt: None, .. } = &fetched {
                        task.tally.records.fetch_add(*records, Ordering::Relaxed);
                    }
                    periods.slots.insert(key, Slot::Done(period, fetched));
                }
                Ok(Whole::TooMuch(total, parts)) => {
                    self.health.succeeded();
                    periods.slots.insert(key, Slot::Done(period, Fetched::Cut(total)));
                    let closed = periods.closed;
                    let tasks = parts.into_iter().map(|period| Task { period, ..task.clone() });
                    let open = tasks.filter(|task| closed.is_none_or(|closed| task.key() < closed));
                    periods.slots.extend(open.map(|task| (task.key(), Slot::Todo(task))));
                }
                Err(error) => {
                    if self.health.failed(&error) {
                        periods.close((i64::MIN, 0, 0));
                    } else if self.order == Order::OldestFirst {
                        periods.close(key);
                    }
                    periods.slots.insert(key, Slot::Done(period, Fetched::Failed(error)));
                }
            }
            self.changed.notify_all();
        }
    }

    /// Returns the next period to fetch; waits while too many results are pending.
    fn take(&self) -> Option<Task> {
        let ahead = 2 * self.client.concurrency();
        let mut periods = self.lock();
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return None;
            }
            let mut first = periods.slots.values_mut().take(ahead);
            if let Some(slot) = first.find(|slot| matches!(slot, Slot::Todo(_)))
                && let Slot::Todo(task) = std::mem::replace(slot, Slot::Running)
            {
                return Some(task);
            }
            if periods.slots.is_empty() {
                return None;
            }
            periods = self.changed.wait(periods).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fetch(&self, task: &Task) -> Result<Whole> {
        let Period { from, to, known, only_compare } = task.period;
        // The largest number of records that the service reported.
        let mut said = 0;
        if let Some(known) = known {
            let request = Request { from, to, only: &self.only };
            let total = self.client.total(request, known, self.effort())?;
            if total == Some(known) {
                return Ok(Whole::Fetched(Fetched::Same));
            }
            if only_compare {
                return Ok(Whole::Fetched(Fetched::Other));
            }
            said = total.unwrap_or(known + 1);
        }
        let limit = self.client.page_size();
        let mut read_again = 0;
        loop {
            let answer = self.page(task, 0, limit)?;
            let (is_last, doubt) = match self.client.totals().judge(&answer, limit) {
                Rest::Nothing => (true, None),
                Rest::More => (false, None),
                Rest::Unknown => self.is_last(task, &answer)?,
            };
            let is_instant = to - from <= 4;
            if !is_last || (!is_instant && self.client.totals().may_be_cut_off(&answer)) {
                return match is_instant {
                    true => self.instant(task, answer.count, said).map(Whole::Fetched),
                    false => self.too_much(task, &answer),
                };
            }
            let records = answer.contents()?.into_values().sum();
            let said = said.max(self.client.totals().of(&answer).unwrap_or(0));
            let doubt = doubt.or_else(|| (said > records).then(|| unaccounted(said, records)));
            if doubt.is_some() && read_again < READ_AGAIN {
                read_again += 1;
                continue;
            }
            let answers = vec![answer.body];
            return Ok(Whole::Fetched(Fetched::All { answers, records, doubt }));
        }
    }

    /// Returns whether a first page has all records, even if the page itself does not prove it, and the
    /// reason if this cannot be determined. It requests the next page with a page size equal to the
    /// number of records received: for every way to count pages, that page begins after those records.
    fn is_last(&self, task: &Task, answer: &Answer) -> Result<(bool, Option<Error>)> {
        if answer.count == 0 {
            return Ok((true, None));
        }
        let next = self.page(task, 1, answer.count.min(self.client.page_size()))?;
        let totals = self.client.totals();
        if next.count == 0 {
            return Ok((true, None));
        }
        let is_full = answer.count >= self.client.page_size();
        if !is_full && next.contents()? == answer.contents()? {
            // Some services return the last page for every page after it.
            let doubt = (!totals.confirm(answer)).then(repeats);
            return Ok((true, doubt));
        }
        // Records may have arrived in between.
        if answer.total.is_some() && next.total.is_some_and(|total| total <= answer.count) {
            totals.are_wrong();
        }
        Ok((false, None))
    }

    /// Splits a period that has more records than the page that was read.
    fn too_much(&self, task: &Task, answer: &Answer) -> Result<Whole> {
        let Period { from, to, .. } = task.period;
        let mut times = answer.times()?;
        times.sort_unstable();
        let total = self.client.totals().of(answer).filter(|total| *total > answer.count);
        let cuts = match total {
            // Leaves some room, since events are not evenly distributed.
            Some(total) if most_of(&times) != times.last().copied() => {
                let parts = total.div_ceil(answer.count.max(1)).saturating_mul(7) / 5;
                cut(from, to, parts.clamp(2, CUTS))
            }
            _ => cut_off(from, to, &times),
        };
        let part = |(from, to)| Period { from, to, known: None, only_compare: false };
        Ok(Whole::TooMuch(total, cuts.into_iter().map(part).collect()))
    }

    fn effort(&self) -> Effort<'_> {
        let retries = self.health.retries(self.client.retries());
        Effort { retries, stopped: &self.stopped }
    }

    fn page(&self, task: &Task, page: u64, limit: u64) -> Result<Answer> {
        let requests = task.tally.requests.fetch_add(1, Ordering::Relaxed);
        let records = task.tally.records.load(Ordering::Relaxed);
        if requests >= records.saturating_mul(REQUESTS_PER_RECORD).saturating_add(MAX_REQUESTS) {
            let message = format!(
                "{requests} requests were not enough for this day: the service gives other records, or \
                 other numbers of them, whenever it is asked"
            );
            return Err(Error::new(Code::BadAnswer, message));
        }
        let Period { from, to, .. } = task.period;
        let request = Request { from, to, only: &self.only };
        self.client.page(request, page, limit, self.effort())
    }

    /// Reads a period that cannot be split page by page, until all its records were found. Records with
    /// the same time have no order, so a reading may contain some records twice and miss others. A page
    /// has `limit` records; `said` is the number of records that the service reported.
    fn instant(&self, task: &Task, limit: u64, said: u64) -> Result<Fetched> {
        let mut reading = Reading { limit: limit.max(1), ..Reading::default() };
        let mut before = None;
        let mut in_vain = 0;
        while in_vain < IN_VAIN {
            let known = reading.seen.count();
            let total = match self.read_pages(task, &mut reading)? {
                Pages::Total(total) => total.max(said),
                Pages::Uneven => {
                    before = None;
                    continue;
                }
                Pages::Odd(error) => return Ok(reading.into_fetched(Some(error))),
            };
            if reading.seen.count() >= total && before == Some(total) {
                let doubt = may_be_capped(total).then(|| cut_off_at(total));
                return Ok(reading.into_fetched(doubt));
            }
            before = Some(total);
            in_vain = if reading.seen.count() > known { 0 } else { in_vain + 1 };
        }
        let seen = reading.seen.count();
        Ok(reading.into_fetched(Some(unaccounted(before.unwrap_or(0).max(seen + 1), seen))))
    }

    /// Reads the pages of an instant once.
    fn read_pages(&self, task: &Task, reading: &mut Reading) -> Result<Pages> {
        let limit = reading.limit;
        let mut count = 0;
        let mut last: Option<HashMap<[u8; 16], u64>> = None;
        let mut repeated = 0;
        for page in 0..MAX_PAGES {
            let answer = self.page(task, page, limit)?;
            let contents = answer.contents()?;
            if answer.count > 0 && count < page * limit {
                // A page before this one was not full, so the pages are not contiguous.
                reading.limit = last.map_or(1, |last| last.into_values().sum());
                return Ok(Pages::Uneven);
            }
            count += answer.count;
            reading.add(&answer, &contents);
            if answer.count == 0 {
                let total = self.client.totals().of(&answer).unwrap_or(0);
                return Ok(Pages::Total(total.max(count)));
            }
            repeated = if last.as_ref() == Some(&contents) { repeated + 1 } else { 0 };
            last = Some(contents);
            if repeated > 1 {
                return Ok(Pages::Odd(repeats()));
            }
            if reading.bytes > MAX_INSTANT {
                break;
            }
        }
        let message = format!(
            "an instant has more records than can be read: {count} were returned, and the pages do not end"
        );
        Ok(Pages::Odd(Error::new(Code::BadAnswer, message)))
    }
}

/// The result of reading the pages of an instant once.
enum Pages {
    /// The total number of records.
    Total(u64),
    /// Pages are shorter than requested: another limit must be tried.
    Uneven,
    /// No further records can be read.
    Odd(Error),
}

/// The records of an instant that were read.
#[derive(Default)]
struct Reading {
    /// Number of records per request.
    limit: u64,
    seen: Records,
    answers: Vec<Bytes>,
    bytes: usize,
}

impl Reading {
    fn add(&mut self, answer: &Answer, contents: &HashMap<[u8; 16], u64>) {
        if self.seen.add(contents) {
            self.bytes += answer.body.len();
            self.answers.push(answer.body.clone());
        }
    }

    fn into_fetched(self, doubt: Option<Error>) -> Fetched {
        Fetched::All { records: self.seen.count(), answers: self.answers, doubt }
    }
}

/// Returns the reason why a period may have more records than were received.
pub(crate) fn unaccounted(said: u64, records: u64) -> Error {
    let message = format!(
        "the API reports {said} records and returned {records}, or the number keeps changing; \
         the returned records were kept"
    );
    Error::new(Code::BadAnswer, message)
}

fn cut_off_at(count: u64) -> Error {
    let message = format!(
        "an instant has exactly {count} records, which may be the most that the service returns; the \
         returned records were kept"
    );
    Error::new(Code::BadAnswer, message)
}

fn repeats() -> Error {
    let message = "the API returned the same page instead of the next one, so there may be more records; \
                   the returned records were kept";
    Error::new(Code::BadAnswer, message)
}

enum Whole {
    Fetched(Fetched),
    /// The number of records, if known, and the periods that this one is split into.
    TooMuch(Option<u64>, Vec<Period>),
}

/// The different records that were found. Copies count as often as they occur in one response.
#[derive(Default)]
struct Records(HashMap<[u8; 16], u64>);

impl Records {
    /// Adds the records of a response; returns whether some are new.
    fn add(&mut self, contents: &HashMap<[u8; 16], u64>) -> bool {
        let mut new = false;
        for (content, copies) in contents {
            let known = self.0.entry(*content).or_default();
            new |= copies > known;
            *known = (*copies).max(*known);
        }
        new
    }

    fn count(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Splits a range into `parts` ranges that overlap slightly.
fn cut(from: i64, to: i64, parts: u64) -> Vec<(i64, i64)> {
    let length = to - from;
    // Each part must be shorter than the whole.
    let parts = i64::try_from(parts).unwrap_or(i64::MAX).min(length / 2).max(2);
    let edge =
        |part: i64| from + (i128::from(length) * i128::from(part) / i128::from(parts)) as i64;
    (0..parts).map(|part| ((edge(part) - 1).max(from), (edge(part + 1) + 1).min(to))).collect()
}

/// Returns the time at which most of a page ends; `times` are sorted.
fn most_of(times: &[i64]) -> Option<i64> {
    times.get(times.len() * 7 / 10).copied()
}

/// Splits a range in two, by the sorted times of a full page of its records. The first part has most of
/// the page, or is an instant with more records. If the page does not hold the first records of the
/// range, both parts are only smaller.
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
