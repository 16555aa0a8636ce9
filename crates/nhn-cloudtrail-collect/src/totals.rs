//! Decides whether the totals of a service are reliable.
//!
//! A total may be that of the whole search, as documented, or that of one page. It may be capped, too
//! small, or zero; and pages may be shorter than requested. Therefore a page is accepted as the last one
//! without another request only if all earlier responses support that.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::answer::Answer;

/// What the responses of a service have shown about its totals and pages so far.
#[derive(Debug, Default)]
pub(crate) struct Totals(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// A total was larger than its page, so it was not the number of records on the page.
    larger: bool,
    /// A total was smaller than the actual number of records.
    wrong: bool,
    /// A total was not smaller than the actual number of records.
    checked: bool,
    /// The largest number of records on a page.
    largest_page: u64,
}

/// What the first page of a period shows about the rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The page has all records.
    Nothing,
    /// There are more records.
    More,
    /// Only a request for the next page can show it.
    Unknown,
}

impl Totals {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Evaluates the first page of a period, for which `limit` records were requested, and remembers it.
    pub(crate) fn judge(&self, answer: &Answer, limit: u64) -> Rest {
        let mut seen = self.seen();
        let Answer { count, total, size, last, .. } = *answer;
        let is_largest = count >= seen.largest_page;
        seen.largest_page = seen.largest_page.max(count);
        seen.wrong |= total.is_some_and(|total| total < count);
        let is_full = count >= limit.min(size.unwrap_or(limit));
        match total.filter(|_| !seen.wrong) {
            _ if count == 0 && total.unwrap_or(0) == 0 => Rest::Nothing,
            None if count >= limit => Rest::More,
            None => Rest::Unknown,
            Some(total) if total > count => {
                seen.larger |= count > 0;
                if is_full && count > 0 { Rest::More } else { Rest::Unknown }
            }
            Some(_) if seen.larger && !is_largest && !is_full && last != Some(false) => {
                Rest::Nothing
            }
            Some(_) => Rest::Unknown,
        }
    }

    /// Returns whether a page may have as many records as the service returns at all for one period: no
    /// page had more. The parts of the period show whether there are more.
    pub(crate) fn may_be_cut_off(&self, answer: &Answer) -> bool {
        answer.count >= SMALLEST_CAP && answer.count >= self.seen().largest_page
    }

    /// Records that there were more records than a total.
    pub(crate) fn are_wrong(&self) {
        self.seen().wrong = true;
    }

    /// Records that there were not more records than a total.
    pub(crate) fn are_checked(&self) {
        self.seen().checked = true;
    }

    /// Returns whether a total still has to be compared with the actual number.
    pub(crate) fn want_check(&self) -> bool {
        !self.seen().checked
    }

    /// Returns the total of a response, unless a total of the service was wrong before.
    pub(crate) fn of(&self, answer: &Answer) -> Option<u64> {
        answer.total.filter(|_| !self.seen().wrong)
    }

    /// Returns whether the total of a response equals its number of records, and the service's totals are
    /// known to count more than a page.
    pub(crate) fn confirm(&self, answer: &Answer) -> bool {
        let seen = self.seen();
        seen.larger && !seen.wrong && answer.total == Some(answer.count)
    }
}

/// No service returns fewer records than this if there are more.
const SMALLEST_CAP: u64 = 10;

/// Returns whether a total may be the largest that the service reports: search engines count to 10,000 by
/// default.
pub(crate) fn may_be_capped(total: u64) -> bool {
    total > 0 && total.is_multiple_of(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Mask;

    fn answer(count: usize, paging: &str) -> Answer {
        let content = vec!["1"; count].join(",");
        let header = r#""header":{"isSuccessful":true}"#;
        let body = format!(r#"{{{header},"page":{{"content":[{content}]{paging}}}}}"#);
        Answer::read(body.into(), &Mask::default()).unwrap()
    }

    fn total(count: usize, total: u64) -> Answer {
        answer(count, &format!(r#","totalElements":{total}"#))
    }

    #[test]
    fn a_total_is_believed_once_one_counted_more_than_its_page() {
        let totals = Totals::default();
        assert_eq!(totals.judge(&total(0, 0), 100), Rest::Nothing);
        assert_eq!(totals.judge(&total(9, 9), 100), Rest::Unknown);
        assert_eq!(totals.judge(&total(5, 5), 100), Rest::Unknown);
        assert!(!totals.confirm(&total(5, 5)));
        assert_eq!(totals.judge(&total(1, 7), 1), Rest::More);
        assert_eq!(totals.judge(&total(5, 5), 100), Rest::Nothing);
        assert!(totals.confirm(&total(5, 5)) && !totals.confirm(&total(5, 6)));
        // The page has as many records as any page before, as were requested, or as the service's page
        // size.
        assert_eq!(totals.judge(&total(9, 9), 100), Rest::Unknown);
        assert_eq!(totals.judge(&total(8, 8), 8), Rest::Unknown);
        let sized = answer(5, r#","totalElements":5,"size":5"#);
        assert_eq!(totals.judge(&sized, 100), Rest::Unknown);
        let more = answer(5, r#","totalElements":5,"last":false"#);
        assert_eq!(totals.judge(&more, 100), Rest::Unknown);
        // A total that is too small makes all totals unreliable.
        assert_eq!(totals.judge(&total(5, 4), 100), Rest::Unknown);
        assert_eq!(totals.judge(&total(4, 4), 100), Rest::Unknown);
        assert_eq!(totals.judge(&total(4, 9), 100), Rest::Unknown);
        assert_eq!(totals.judge(&total(100, 9), 100), Rest::More);
        assert_eq!((totals.of(&total(4, 9)), totals.confirm(&total(4, 4))), (None, false));
    }

    #[test]
    fn without_totals_only_an_empty_page_shows_that_nothing_follows() {
        let totals = Totals::default();
        let cases =
            [(0, Rest::Nothing), (99, Rest::Unknown), (5, Rest::Unknown), (100, Rest::More)];
        for (count, rest) in cases {
            assert_eq!(totals.judge(&answer(count, ""), 100), rest, "{count}");
        }
        // The total is larger than the page, and the page is not full.
        assert_eq!(totals.judge(&total(5, 6), 100), Rest::Unknown);
        assert_eq!(totals.judge(&total(100, 101), 100), Rest::More);
        assert_eq!(totals.judge(&total(0, 6), 100), Rest::Unknown);
    }

    #[test]
    fn round_totals_may_be_capped() {
        assert!(may_be_capped(1000) && may_be_capped(10_000));
        assert!(!may_be_capped(0) && !may_be_capped(9_999) && !may_be_capped(100));
    }
}
