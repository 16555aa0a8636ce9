//! Plans the requests: periods by day, without what is already known.

use crate::fetch::Period;
use crate::ledger::Covered;
use crate::totals::may_be_capped;

pub(crate) const DAY: i64 = 86_400_000;
pub(crate) const HOUR: i64 = 3_600_000;

/// Overlap of the periods of neighboring days: a record at the boundary is in at least one of them,
/// whether the API includes the ends of a period or not.
pub(crate) const OVERLAP: i64 = 1;

/// Returns the days (UTC) of a period, overlapping slightly.
pub(crate) fn days(since: i64, until: i64) -> Vec<(i64, i64)> {
    let first = since.div_euclid(DAY);
    let last = (until - 1).div_euclid(DAY);
    let day = |day: i64| {
        let (from, to) = (day * DAY - OVERLAP, (day + 1) * DAY + OVERLAP);
        (from.max(since), to.min(until))
    };
    (first..=last).map(day).collect()
}

/// Returns what is to be fetched of a partly known period, by day, overlapping what is known.
pub(crate) fn missing(since: i64, until: i64, known: &[Period]) -> Vec<Period> {
    let fresh = |(from, to): (i64, i64)| {
        let from = if from > since { (from - OVERLAP).max(since) } else { from };
        let to = if to < until { (to + OVERLAP).min(until) } else { to };
        days(from, to).into_iter().map(|(from, to)| Period {
            from,
            to,
            known: None,
            only_compare: false,
        })
    };
    uncovered(since, until, known).into_iter().flat_map(fresh).collect()
}

/// Returns the parts of a period that are not covered.
pub(crate) fn uncovered(since: i64, until: i64, known: &[Period]) -> Vec<(i64, i64)> {
    let mut gaps = Vec::new();
    let mut at = since;
    for period in known {
        if period.from > at && at < until {
            gaps.push((at, period.from.min(until)));
        }
        at = at.max(period.to);
    }
    if at < until {
        gaps.push((at, until));
    }
    gaps
}

/// Returns the ranges that periods cover together; the periods are in chronological order.
pub(crate) fn stretches(
    periods: impl IntoIterator<Item = (i64, i64)>,
    since: i64,
    until: i64,
) -> Vec<(i64, i64)> {
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for (from, to) in periods {
        let (from, to) = (from.max(since), to.min(until));
        match stretches.last_mut() {
            _ if from >= to => (),
            Some(last) if last.1 >= from => last.1 = last.1.max(to),
            _ => stretches.push((from, to)),
        }
    }
    stretches
}

/// Groups the known periods of each day that follow each other.
pub(crate) fn groups(known: &[Period]) -> Vec<Vec<Period>> {
    let mut groups: Vec<Vec<Period>> = Vec::new();
    let mut end = i64::MIN;
    for &period in known {
        // The middle of the period decides, since its ends overlap other days.
        let day = |period: &Period| (period.from + (period.to - period.from) / 2).div_euclid(DAY);
        match groups.last_mut() {
            Some(group) if end >= period.from && group.first().map(day) == Some(day(&period)) => {
                group.push(period);
                end = end.max(period.to);
            }
            _ => {
                groups.push(vec![period]);
                end = period.to;
            }
        }
    }
    groups
}

/// Returns the range that a group of periods covers.
pub(crate) fn whole(group: &[Period]) -> (i64, i64) {
    let from = group.iter().map(|period| period.from).min().unwrap_or_default();
    (from, group.iter().map(|period| period.to).max().unwrap_or_default())
}

/// Returns the number of records of a group; records at the boundary of two periods count twice.
pub(crate) fn records(group: &[Period]) -> u64 {
    group.iter().filter_map(|period| period.known).sum()
}

/// Returns a period that spans a group and has this many records; or `None` if the number may be the
/// largest that the service reports.
pub(crate) fn whole_of(source: &str, (from, to): (i64, i64), records: u64) -> Option<Covered> {
    let source = source.to_owned();
    (!may_be_capped(records)).then_some(Covered { source, from, to, records, whole: true })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(from: i64, to: i64) -> Period {
        Period { from, to, known: Some(1), only_compare: false }
    }

    proptest! {
        #[test]
        fn what_is_known_and_what_is_fetched_cover_everything(
            since in 0i64..10 * DAY,
            length in 1i64..10 * DAY,
            spans in prop::collection::vec((0i64..20 * DAY, 1i64..2 * DAY), 0..10),
        ) {
            let until = since + length;
            let mut have = Vec::new();
            have.extend(spans.into_iter().map(|(from, length)| known(from, from + length)));
            have.sort_by_key(|period| (period.from, period.to));
            let missing = missing(since, until, &have);
            for period in &missing {
                prop_assert!(period.from >= since && period.to <= until && period.from < period.to);
            }
            have.extend(missing);
            have.sort_by_key(|period| (period.from, period.to));
            prop_assert!(uncovered(since, until, &have).is_empty(), "{:?}", have);
        }
    }

    #[test]
    fn periods_that_meet_make_a_stretch() {
        let periods = [(0, 5), (4, 9), (9, 12), (20, 30), (40, 50)];
        assert_eq!(stretches(periods, 2, 45), [(2, 12), (20, 30), (40, 45)]);
        assert_eq!(stretches(periods, 12, 20), []);
    }

    #[test]
    fn hours_of_a_day_make_a_day() {
        let have: Vec<_> =
            (0..30).map(|hour| known(hour * 3_600_000 - 1000, (hour + 1) * 3_600_000)).collect();
        let days = groups(&have);
        assert_eq!(days.iter().map(Vec::len).collect::<Vec<_>>(), [24, 6]);
        assert_eq!(whole(&days[0]), (-1000, 24 * 3_600_000));
    }
}
