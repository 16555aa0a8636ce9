//! Times in filters: ISO 8601 in its many forms, months, and spans before now.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};

use crate::error::{Code, Error, Result};
use crate::event::Timestamp;

/// The time zone of a name: `UTC`, `local`, one of the zone database such as `Asia/Seoul`, or an offset
/// such as `+09:00`.
#[doc(hidden)]
pub fn time_zone(name: &str) -> Result<TimeZone> {
    match name {
        "UTC" | "utc" | "Z" => Ok(TimeZone::UTC),
        "local" => local_zone(),
        name => zone_of(name).map_err(|_| {
            let message = format!(
                "no time zone {name:?}; give UTC, local, a name such as Asia/Seoul, or +09:00"
            );
            Error::new(Code::InvalidOption, message)
        }),
    }
}

/// The time zone of this machine, or UTC where it has none; but a `TZ` that names no zone is an error.
fn local_zone() -> Result<TimeZone> {
    TimeZone::try_system().or_else(|_| match std::env::var_os("TZ") {
        None => Ok(TimeZone::system()),
        Some(name) => {
            let message = format!(
                "the environment variable TZ names no time zone: {name:?}; correct TZ, or give a \
                 name such as Asia/Seoul"
            );
            Err(Error::new(Code::InvalidOption, message))
        }
    })
}

/// The time zone of a name of the zone database, or of an offset such as `+09:00`.
fn zone_of(name: &str) -> Result<TimeZone, jiff::Error> {
    if name.starts_with(['+', '-']) {
        return jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(name);
    }
    TimeZone::get(name)
}

/// The instant that `text` names. A date or a month means its beginning, or with `after` its end.
#[doc(hidden)]
pub fn instant(text: &str, zone: &str, after: bool) -> Result<Timestamp> {
    let text = text.trim();
    let zone = time_zone(zone)?;
    let instant = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Thirteen digits are milliseconds since 1970, eight a date; other numbers are ambiguous.
        if text.len() == 13 { Timestamp::parse(text) } else { iso_8601(text, &zone, after) }
    } else {
        record_time(text)
            .or_else(|| iso_8601(text, &zone, after))
            .or_else(|| span_before_now(text, zone))
    };
    instant.ok_or_else(|| {
        Error::new(
            Code::InvalidTime,
            format!("{text:?} is not a time; give 2026-10-31, 2026-10-31T09:00:00+09:00, a month such as 2026-10, or a span before now such as 24h or 7d"),
        )
    })
}

/// A time as records have it. A time that is finer than a millisecond is rounded up, since events have
/// milliseconds.
fn record_time(text: &str) -> Option<Timestamp> {
    let time = Timestamp::parse(text).filter(|_| !text.starts_with('-'))?;
    let finer = text.split_once('.').and_then(|(_, digits)| digits.get(3..));
    let finer = finer.into_iter().flat_map(str::bytes).take_while(u8::is_ascii_digit);
    let up = i64::from(finer.into_iter().any(|digit| digit != b'0'));
    Some(Timestamp::from_millis(time.as_millis() + up).unwrap_or(time))
}

/// A time or a date of ISO 8601, in the zone or with the offset that it names, else in `zone`; or a
/// month.
fn iso_8601(text: &str, zone: &TimeZone, after: bool) -> Option<Timestamp> {
    if let Some(first) = month(text) {
        let date = if after { first.checked_add(1.month()) } else { Ok(first) };
        return date.map_or(Some(Timestamp::LAST), |date| at(date, None, zone));
    }
    let pieces = Pieces::parse(text).ok()?;
    let (date, time) = (pieces.date(), pieces.time());
    let offset = pieces.to_numeric_offset();
    let named = pieces.to_time_zone().ok()?;
    let zone = match (&named, offset) {
        // An offset and a zone must agree.
        (Some(_), Some(_)) if time.is_some() => {
            let zoned = Zoned::from_str(text).ok()?;
            return millis(&zoned);
        }
        (Some(_), Some(_)) => return None,
        (Some(named), None) => named.clone(),
        // No zone is as far off as a day.
        (None, Some(offset)) if offset.seconds().abs() >= 86_400 => return None,
        (None, Some(offset)) => TimeZone::fixed(offset),
        (None, None) => zone.clone(),
    };
    let date = if after && time.is_none() { date.tomorrow() } else { Ok(date) };
    date.map_or(Some(Timestamp::LAST), |date| at(date, time, &zone))
}

/// The first day of a month such as `2026-10`.
fn month(text: &str) -> Option<Date> {
    let (year, month) = text.split_once('-')?;
    let is_number = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(year, 4) || !is_number(month, 2) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()
}

/// The instant of a date and a time in a zone.
fn at(date: Date, time: Option<Time>, zone: &TimeZone) -> Option<Timestamp> {
    let time = date.to_datetime(time.unwrap_or(Time::midnight()));
    match time.to_zoned(zone.clone()) {
        Ok(time) => millis(&time),
        // The last days of the year 9999 are in the year 10000 in some zones.
        Err(_) if date.year() == 9999 => Some(Timestamp::LAST),
        Err(_) => None,
    }
}

/// The instant of a span before now, such as `7d`.
fn span_before_now(text: &str, zone: TimeZone) -> Option<Timestamp> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, 'P' | 'p')) {
        return None;
    }
    let span = Span::from_str(text).ok()?.abs();
    millis(&Zoned::now().with_time_zone(zone).checked_sub(span).ok()?)
}

/// The first millisecond that is not before a time.
fn millis(time: &Zoned) -> Option<Timestamp> {
    let millis = -(-time.timestamp().as_nanosecond()).div_euclid(1_000_000);
    Timestamp::from_millis(i64::try_from(millis).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str, zone: &str, after: bool) -> String {
        match instant(text, zone, after) {
            Ok(time) => time.to_string(),
            Err(error) => error.code().to_string(),
        }
    }

    /// Every text is nine in the morning in Seoul.
    #[test]
    fn an_offset_counts_in_every_form() {
        for text in [
            "2026-10-31T09:00:00+09:00",
            "2026-10-31T09:00+09:00",
            "2026-10-31T09+09:00",
            "2026-10-31T09:00:00+09",
            "2026-10-31T09:00:00+0900",
            "2026-10-31T09:00:00.000+09:00",
            "2026-10-31T09:00:00,000+09:00",
            "2026-10-31T09:00:00+09:00[Asia/Seoul]",
            "2026-10-31T09:00[Asia/Seoul]",
            "2026-10-31T09:00:00[+09:00]",
            "20261031T090000+0900",
            "20261031T0900+0900",
            "20261031T0900+09",
            "2026-10-31t09:00:00+09:00",
            "2026-10-31 09:00:00+09:00",
            " 2026-10-31 09:00+09 ",
            "2026-10-31T00:00:00Z",
            "2026-10-31T00:00Z",
            "2026-10-31T00Z",
            "2026-10-31 00:00z",
            "20261031T0000Z",
            "2026-10-31T00:00:00Z[Asia/Seoul]",
            "2026-10-30T15:00:00-09:00",
            "2026-10-30T14:30-0930",
            "1793404800000",
            // Without an offset it is in the zone that was given.
            "2026-10-31T09:00",
            "20261031T090000",
            "2026-10-31 09:00:00",
        ] {
            assert_eq!(time(text, "Asia/Seoul", false), "2026-10-31T00:00:00.000Z", "{text}");
        }
        let half = time("2026-10-31T09:00:00,5+09:00", "UTC", false);
        assert_eq!(half, "2026-10-31T00:00:00.500Z");
    }

    #[test]
    fn what_is_mistyped_is_no_time() {
        for text in [
            "26-10-31",
            "202-10-31",
            "2026-1-5",
            "2026-10-3",
            "2026-13",
            "2026-00",
            "2026-1",
            "26-10",
            "202610",
            "2026",
            "2026-10-32",
            "2026-02-29",
            "2026-10-31T25:00",
            "2026-10-31T09:60",
            "2026-10-31T09:00:00+09:60",
            "2026-10-31T09:00:00+90:00",
            "2026-10-31T09:00+24:00",
            "2026-10-31T09:00:00 +0900 KST",
            "2026-10-31T09:00:00 KST",
            "2026-10-31T09:00:00+9",
            "2026-10-31T09:00:00+09:00x",
            "2026-10-31T09:00:00+09:00[Asia/Tokio]",
            "2026-10-31T09:00:00+08:00[Asia/Seoul]",
            "2026-10-31T+09:00",
            "2026/10/31",
            "31.10.2026",
            "2026-10-31T",
            "T09:00",
            "09:00",
            "20261031090000",
            "202610310900",
            "1793404800",
            "-1793404800000",
            "-7d",
            "7",
            "7x",
            "yesterday",
            "",
        ] {
            assert_eq!(time(text, "UTC", false), "INVALID_TIME", "{text:?}");
            assert_eq!(time(text, "UTC", true), "INVALID_TIME", "{text:?}");
        }
    }

    #[test]
    fn a_date_and_a_month_include_their_ends() {
        for (text, from, to) in [
            ("2026-10-31", "2026-10-30T15:00:00.000Z", "2026-10-31T15:00:00.000Z"),
            ("20261031", "2026-10-30T15:00:00.000Z", "2026-10-31T15:00:00.000Z"),
            ("2026-10", "2026-09-30T15:00:00.000Z", "2026-10-31T15:00:00.000Z"),
            ("2026-12", "2026-11-30T15:00:00.000Z", "2026-12-31T15:00:00.000Z"),
            ("2024-02", "2024-01-31T15:00:00.000Z", "2024-02-29T15:00:00.000Z"),
            ("9999-12", "9999-11-30T15:00:00.000Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-30", "9999-12-29T15:00:00.000Z", "9999-12-30T15:00:00.000Z"),
        ] {
            assert_eq!(time(text, "Asia/Seoul", false), from, "{text}");
            assert_eq!(time(text, "Asia/Seoul", true), to, "{text}");
        }
        // With its own zone, whatever the other.
        let own = time("2026-10-31[Asia/Seoul]", "UTC", true);
        assert_eq!(own, "2026-10-31T15:00:00.000Z");
    }

    #[test]
    fn what_is_finer_than_a_millisecond_begins_with_the_next_one() {
        for text in [
            "2026-10-31T00:00:00.0005Z",
            "2026-10-31T00:00:00.0005",
            "2026-10-31T00:00:00,0000001Z",
        ] {
            assert_eq!(time(text, "UTC", false), "2026-10-31T00:00:00.001Z", "{text}");
        }
        assert_eq!(time("1960-01-01T00:00:00.0005", "UTC", false), "1960-01-01T00:00:00.001Z");
        assert_eq!(time("2026-10-31T00:00:00.001000Z", "UTC", false), "2026-10-31T00:00:00.001Z");
    }

    #[test]
    fn a_span_lies_before_now() {
        let now = jiff::Timestamp::now().as_millisecond();
        for text in ["7d", "168h", "1w", "7 days", "7d ago", "P7D", "PT168H"] {
            let span = now - instant(text, "UTC", false).unwrap().as_millis();
            assert!((604_800_000 - 60_000..=604_800_000).contains(&span), "{text}: {span}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-0-9TtZz:.,+ \\[\\]/dwhyPWa]{0,30}", after: bool) {
            let _ = instant(&text, "Asia/Seoul", after);
        }
    }
}
