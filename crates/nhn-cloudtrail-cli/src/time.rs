//! Times for output, in a selected time zone.

use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;
use nhn_cloudtrail::{Timestamp, time_zone};

use crate::context::Stop;

/// Parses a duration such as `90s`, `50m`, `2h` or `1d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::Span>().ok();
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let duration = span.and_then(|span| span.to_duration(days).ok());
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| "give a duration such as 90s, 50m, 2h or 1d".to_owned())
}

/// A time zone and the name with which it was selected.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// Returns the zone for `UTC`, `local`, a name of the time zone database such as `Asia/Seoul`, or an
    /// offset.
    pub(crate) fn named(name: &str) -> Result<Self, Stop> {
        time_zone(name).map(Self).map_err(|error| Stop::failed(format!("--tz: {error}")))
    }

    /// Returns the zone's name for a heading.
    pub(crate) fn name(&self) -> String {
        let offset = || self.0.to_fixed_offset().ok().map(|offset| offset.to_string());
        let name = self.0.iana_name().map(str::to_owned);
        name.or_else(offset).unwrap_or_else(|| "local".to_owned())
    }

    /// Formats a time as `2019-11-01 10:31:49Z`, or with the zone's offset as `2019-11-01
    /// 19:31:49+09:00`.
    pub(crate) fn show(&self, time: Timestamp) -> String {
        match self.local(time) {
            Some(time) if self.0 == TimeZone::UTC => time.strftime("%F %TZ").to_string(),
            Some(time) => time.strftime("%F %T%:z").to_string(),
            None => {
                let text = time.to_string();
                let (date, time) = text.split_once('T').unwrap_or((&text, ""));
                format!("{date} {}Z", time.split('.').next().unwrap_or(time))
            }
        }
    }

    /// Formats the day in the zone as `2019-11-01`.
    pub(crate) fn day(&self, time: Timestamp) -> String {
        match self.local(time) {
            Some(time) => time.strftime("%F").to_string(),
            None => time.to_string().chars().take_while(|c| *c != 'T').collect(),
        }
    }

    /// Returns the time in the zone; `None` on the last day of the year 9999, which is shown in UTC: in
    /// another zone its year may be 10000.
    fn local(&self, time: Timestamp) -> Option<Zoned> {
        let instant = jiff::Timestamp::from_millisecond(time.as_millis()).ok()?;
        Some(instant.to_zoned(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("50m"), Ok(Duration::from_secs(3000)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        for wrong in ["", "5", "m", "-5m", "1 month", "5x"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn lengths_of_time_have_units() {
        for (text, seconds) in [("90s", 90), ("50m", 3000), ("1h30m", 5400), ("2d", 172_800)] {
            assert_eq!(duration(text).map(|time| time.as_secs()), Ok(seconds), "{text}");
        }
        for text in ["", "2", "-2h", "2 apples", "1mo"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_shown_in_the_zone_with_its_offset() {
        let new_year = time("2025-12-31T23:59:59.999Z");
        assert_eq!(Zone::named("UTC").unwrap().show(new_year), "2025-12-31 23:59:59Z");
        let seoul = Zone::named("Asia/Seoul").unwrap();
        assert_eq!(seoul.show(new_year), "2026-01-01 08:59:59+09:00");
        assert_eq!(seoul.day(new_year), "2026-01-01");
        assert_eq!(seoul.name(), "Asia/Seoul");
        assert!(Zone::named("Asia/Soul").is_err());
    }

    #[test]
    fn every_time_that_a_record_can_have_is_shown() {
        let utc = Zone::named("UTC").unwrap();
        assert_eq!(utc.day(time("0001-01-01T00:00:00Z")), "0001-01-01");
        let west = Zone::named("America/New_York").unwrap();
        assert_eq!(west.day(time("0001-01-01T00:00:00Z")), "0000-12-31");
        assert_eq!(west.day(time("9999-12-30T03:00:00Z")), "9999-12-29");
        for zone in [utc, Zone::named("Asia/Seoul").unwrap(), west] {
            let last = time("9999-12-31T23:59:59.999Z");
            assert_eq!(zone.show(last), "9999-12-31 23:59:59Z");
            assert_eq!(zone.day(last), "9999-12-31");
            assert_eq!(zone.day(time("9999-12-31T10:00:00.000Z")), "9999-12-31");
        }
    }
}
