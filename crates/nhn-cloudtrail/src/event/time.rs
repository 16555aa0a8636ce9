//! Times as CloudTrail writes them, to the millisecond.

use std::fmt;

/// An instant, in milliseconds since 1970-01-01T00:00:00Z.
///
/// [`Display`](fmt::Display) writes RFC 3339 in UTC with milliseconds: `2019-11-01T10:31:49.348Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The years 0001 to 9999, which RFC 3339 can write and Python, pandas and Polars can hold.
const MIN: i64 = -62_135_596_800_000;
const MAX: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The last millisecond of the year 9999.
    pub(crate) const LAST: Timestamp = Timestamp(MAX);

    /// The instant this many milliseconds after the beginning of 1970; none outside the years 1 to 9999.
    pub const fn from_millis(millis: i64) -> Option<Self> {
        if millis < MIN || millis > MAX { None } else { Some(Self(millis)) }
    }

    /// Milliseconds since 1970 began, UTC.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads what records hold: `2019-11-01T10:31:49.348+0000`, RFC 3339, or milliseconds since
    /// 1970 as a whole number.
    ///
    /// Strict where a lenient reader would guess: an offset is required, a leap second is read as
    /// the second after it, digits beyond the millisecond are dropped.
    ///
    /// ```
    /// use nhn_cloudtrail::Timestamp;
    ///
    /// let time = Timestamp::parse("2019-11-01T19:31:49.348+0900").unwrap();
    /// assert_eq!(time.as_millis(), 1_572_604_309_348);
    /// assert_eq!(time.to_string(), "2019-11-01T10:31:49.348Z");
    /// assert_eq!(Timestamp::parse("yesterday"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_bytes(text.as_bytes())
    }

    /// The same of text that need not be UTF-8.
    #[doc(hidden)]
    pub fn parse_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.get(4) == Some(&b'-') { parse_fields(bytes) } else { parse_millis(bytes) }
            .and_then(Self::from_millis)
    }
}

fn parse_millis(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    // Ten digits or less are seconds, or anything: not guessed.
    if !(11..=15).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// The form that records have, and what may be added to each byte of it.
const USUAL: &[u8; 28] = b"0000-00-00T00:00:00.000+0000";
const DIGITS: &[u8; 28] = b"\x09\x09\x09\x09\0\x09\x09\0\x09\x09\0\x09\x09\0\x09\x09\0\x09\x09\0\x09\x09\x09\0\x09\x09\x09\x09";

fn parse_fields(bytes: &[u8]) -> Option<i64> {
    if let Ok(text) = <&[u8; 28]>::try_from(bytes) {
        let mut added = [0; 28];
        let mut usual = true;
        for (((added, byte), form), most) in added.iter_mut().zip(text).zip(USUAL).zip(DIGITS) {
            *added = byte.wrapping_sub(*form);
            usual &= *added <= *most;
        }
        if usual {
            let number = |from: usize, to: usize| {
                let digits = added.get(from..to).unwrap_or_default();
                digits.iter().fold(0, |value, digit| value * 10 + i64::from(*digit))
            };
            let date = [number(0, 4), number(5, 7), number(8, 10)];
            let time = [number(11, 13), number(14, 16), number(17, 19)];
            return instant(date, time, number(20, 23), [number(24, 26), number(26, 28)], false);
        }
    }
    parse_rfc3339(bytes)
}

/// RFC 3339, with or without a colon in the offset.
fn parse_rfc3339(bytes: &[u8]) -> Option<i64> {
    let digits = |from: usize, to: usize| {
        bytes.get(from..to)?.iter().try_fold(0i64, |value, byte| {
            byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
        })
    };
    let is = |at: usize, byte: u8| (bytes.get(at) == Some(&byte)).then_some(());
    let date = [digits(0, 4)?, digits(5, 7)?, digits(8, 10)?];
    let time = [digits(11, 13)?, digits(14, 16)?, digits(17, 19)?];
    is(4, b'-').and(is(7, b'-')).and(is(13, b':')).and(is(16, b':'))?;
    matches!(bytes.get(10), Some(b'T' | b't' | b' ')).then_some(())?;
    let mut at = 19;
    let mut millis = 0;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let from = at;
        let mut scale = 100;
        while let Some(byte) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            millis += i64::from(byte - b'0') * scale;
            scale /= 10;
            at += 1;
        }
        (at > from && at - from <= 12).then_some(())?;
    }
    let (offset, west) = match bytes.get(at)? {
        b'Z' | b'z' => {
            at += 1;
            ([0, 0], false)
        }
        sign @ (b'+' | b'-') => {
            let hours = digits(at + 1, at + 3)?;
            let colon = usize::from(bytes.get(at + 3) == Some(&b':'));
            let minutes = digits(at + 3 + colon, at + 5 + colon)?;
            at += 5 + colon;
            ([hours, minutes], *sign == b'-')
        }
        _ => return None,
    };
    if at == bytes.len() { instant(date, time, millis, offset, west) } else { None }
}

/// The milliseconds since 1970, where there is such a time.
fn instant(
    [year, month, day]: [i64; 3],
    [hour, minute, second]: [i64; 3],
    millis: i64,
    [offset_hours, offset_minutes]: [i64; 2],
    west: bool,
) -> Option<i64> {
    if !(1..=12).contains(&month)
        || !(1..=days_in_month(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
        || (second == 60 && minute != 59)
        || offset_hours > 23
        || offset_minutes > 59
    {
        return None;
    }
    let offset = offset_hours * 60 + offset_minutes;
    let minutes = days_from_epoch(year, month, day) * 1440 + hour * 60 + minute;
    let minutes = if west { minutes + offset } else { minutes - offset };
    Some((minutes * 60 + second) * 1000 + millis)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01, proleptic Gregorian; a year is counted from March, so that the leap day
/// comes last.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    // 400 years later, so that none is less than 0: all of them have the same number of days.
    let (year, month) = if month <= 2 { (year + 399, month + 9) } else { (year + 400, month - 3) };
    let (year, month) = (year as u32, month as u32);
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5;
    i64::from(days) + day - 1 - 719_468 - 146_097
}

/// Year, month and day of a count of days from 1970-01-01.
fn date_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, millis) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = date_from_days(days);
        let (seconds, millis) = (millis / 1000, millis % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_jiff(millis in MIN..=MAX) {
            let ours = Timestamp::from_millis(millis).unwrap();
            let theirs = jiff::Timestamp::from_millisecond(millis.clamp(
                jiff::Timestamp::MIN.as_millisecond(),
                jiff::Timestamp::MAX.as_millisecond(),
            )).unwrap();
            if theirs.as_millisecond() == millis {
                prop_assert_eq!(ours.to_string(), format!("{theirs:.3}"));
                prop_assert_eq!(Timestamp::parse(&ours.to_string()), Some(ours));
            }
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }

    #[test]
    fn reads_the_forms_that_records_have() {
        let expected = Timestamp::from_millis(1_572_604_309_348);
        for text in [
            "2019-11-01T10:31:49.348+0000",
            "2019-11-01T10:31:49.348+00:00",
            "2019-11-01T10:31:49.348Z",
            "2019-11-01T10:31:49.348999Z",
            "2019-11-01t19:31:49.348+09:00",
            "2019-11-01 05:31:49.348-0500",
            "1572604309348",
        ] {
            assert_eq!(Timestamp::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn reads_the_first_and_the_last_instant_whatever_the_offset() {
        for (text, shown) in [
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
            ("0000-12-31T23:00:00.000-0100", "0001-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), shown, "{text}");
        }
        assert_eq!(Timestamp::from_millis(MIN - 1), None);
        assert_eq!(Timestamp::from_millis(MAX + 1), None);
    }

    #[test]
    fn refuses_what_it_would_have_to_guess() {
        for text in [
            "",
            "yesterday",
            "2019-11-01",
            "2019-11-01T10:31:49.348",
            "2019-02-29T00:00:00Z",
            "2019-13-01T00:00:00Z",
            "2019-11-01T24:00:00Z",
            "2019-11-01T10:31:49,348Z",
            "2019-11-01T10:31:49.Z",
            "2019-11-01T10:31:49Z ",
            "1572604309",
            "157260430934x",
            "2019-11-01T10:61:49Z",
            "2019-11-01T10:30:60Z",
            "0000-12-31T23:59:59.999Z",
            "0001-01-01T00:00:00.000+0900",
            "9999-12-31T23:59:59.999-0001",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
