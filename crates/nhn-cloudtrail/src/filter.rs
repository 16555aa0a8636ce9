//! Which events: the values of one filter are alternatives, different filters must all hold.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use crate::catalog::{Catalog, Kind, Phase};
use crate::enrich::{Enriched, Meaning, Outcome};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Field, Timestamp};

/// Says which events are wanted.
///
/// Each method adds an alternative to one filter; an event must pass all filters that were set. An
/// absent field passes none. Values that make no sense are errors, so that a typing error never
/// looks like an empty log.
///
/// ```
/// use nhn_cloudtrail::{Filter, Reader, catalog::Catalog};
///
/// let catalog = Catalog::builtin();
/// let filter = Filter::new()
///     .service("infrastructure", &catalog)?
///     .event("*.delete")?
///     .ip("10.0.0.0/8")?
///     .since("2026-10-01", "Asia/Seoul")?;
/// let reader = Reader::builder().select(filter.into_select(catalog));
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Filter {
    events: Vec<String>,
    services: Vec<String>,
    kinds: Vec<Kind>,
    phases: Vec<Option<Phase>>,
    outcomes: Vec<Outcome>,
    source_types: Vec<String>,
    users: Vec<String>,
    addresses: Vec<IpNet>,
    projects: Vec<String>,
    regions: Vec<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    known: Option<bool>,
    texts: Vec<String>,
}

/// Whether anything is asked, of which fields, and whether a text passes.
type Test = (bool, &'static [Field], fn(&Filter, &str) -> bool);

/// What a filter asks of single fields: an event passes only where one of them does.
#[doc(hidden)]
#[derive(Clone)]
pub struct FieldTest {
    /// The fields.
    pub fields: &'static [Field],
    /// Whether a text passes.
    pub passes: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl std::fmt::Debug for FieldTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FieldTest").field("fields", &self.fields).finish_non_exhaustive()
    }
}

fn wrong<T>(message: String) -> Result<T> {
    Err(Error::new(Code::InvalidFilter, message))
}

impl Filter {
    /// The filter that every event passes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of filters, as [`with`](Filter::with) takes them.
    pub const NAMES: &'static [&'static str] = &[
        "event",
        "service",
        "kind",
        "phase",
        "outcome",
        "source_type",
        "user",
        "ip",
        "project",
        "region",
        "since",
        "until",
        "known",
        "text",
    ];

    /// Adds to the filter of a name a value as text, for whoever has both from elsewhere. The phase
    /// `none` is the act itself; `known` is `true` or `false`; `zone` and `catalog` are for the
    /// filters that want them.
    ///
    /// # Errors
    ///
    /// Those of the filter's own method, with its name before the message; `INVALID_FILTER` for a name
    /// that is none of [`NAMES`](Filter::NAMES).
    ///
    /// ```
    /// use nhn_cloudtrail::{Filter, catalog::Catalog};
    ///
    /// let filter = Filter::new().with("kind", "delete", "UTC", &Catalog::builtin())?;
    /// let error = filter.with("ip", "10.0.0.300", "UTC", &Catalog::builtin()).unwrap_err();
    /// assert!(error.message().starts_with("ip: "));
    /// # Ok::<(), nhn_cloudtrail::Error>(())
    /// ```
    pub fn with(self, name: &str, value: &str, zone: &str, catalog: &Catalog) -> Result<Self> {
        let added = match name {
            "event" => self.event(value),
            "service" => self.service(value, catalog),
            "kind" => value.parse().map(|kind| self.kind(kind)),
            "phase" if value == "none" => Ok(self.phase(None)),
            "phase" => value.parse().map(|phase| self.phase(Some(phase))),
            "outcome" => value.parse().map(|outcome| self.outcome(outcome)),
            "source_type" => self.source_type(value),
            "user" => self.user(value),
            "ip" => self.ip(value),
            "project" => self.project(value),
            "region" => self.region(value),
            "since" => self.since(value, zone),
            "until" => self.until(value, zone),
            "known" => match value.parse() {
                Ok(known) => Ok(self.known(known)),
                Err(_) => wrong(format!("{value:?} is neither true nor false")),
            },
            "text" => self.text(value),
            _ => {
                return wrong(format!(
                    "no filter {name:?}; filters are {}",
                    Self::NAMES.join(", ")
                ));
            }
        };
        added.map_err(|error| Error::new(error.code(), format!("{name}: {}", error.message())))
    }

    /// Whether every event passes.
    pub fn is_empty(&self) -> bool {
        let Self { since, until, known, .. } = self;
        since.is_none()
            && until.is_none()
            && known.is_none()
            && self.kinds.is_empty()
            && self.phases.is_empty()
            && self.outcomes.is_empty()
            && self.addresses.is_empty()
            && [
                &self.events,
                &self.services,
                &self.source_types,
                &self.users,
                &self.projects,
                &self.regions,
                &self.texts,
            ]
            .iter()
            .all(|values| values.is_empty())
    }

    /// An event ID, or a glob over it: `*` matches any text, dots too, `?` one character.
    pub fn event(mut self, glob: &str) -> Result<Self> {
        self.events.push(not_empty("event", glob)?);
        Ok(self)
    }

    /// A service: its slug, or its name in any language. An event of two services passes for both.
    ///
    /// # Errors
    ///
    /// `INVALID_FILTER` for a service that the catalog does not have.
    pub fn service(mut self, service: &str, catalog: &Catalog) -> Result<Self> {
        let wanted = service.trim().to_lowercase();
        let found = catalog.services().iter().find(|service| {
            use crate::catalog::Lang;
            service.slug() == wanted
                || Lang::ALL.iter().any(|&lang| service.name(lang).to_lowercase() == wanted)
        });
        match found {
            Some(service) => self.services.push(service.slug().to_owned()),
            None => {
                return wrong(format!(
                    "no service {service:?}; `nhn-cloudtrail catalog services` lists them"
                ));
            }
        }
        Ok(self)
    }

    /// A kind of action.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// A phase of an action; none is the act itself.
    pub fn phase(mut self, phase: Option<Phase>) -> Self {
        self.phases.push(phase);
        self
    }

    /// An outcome.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcomes.push(outcome);
        self
    }

    /// A source type, such as `USER_CONSOLE`.
    pub fn source_type(mut self, source_type: &str) -> Result<Self> {
        self.source_types.push(not_empty("source type", source_type)?);
        Ok(self)
    }

    /// An acting member: ID (which may be an e-mail address), name, or UUID; case does not matter.
    pub fn user(mut self, user: &str) -> Result<Self> {
        self.users.push(not_empty("user", user)?.to_lowercase());
        Ok(self)
    }

    /// An address, or a range of them such as `10.0.0.0/8`.
    pub fn ip(mut self, address: &str) -> Result<Self> {
        let address = address.trim();
        let range = match IpAddr::from_str(address) {
            Ok(address) => Ok(IpNet::from(address.to_canonical())),
            Err(_) => IpNet::from_str(address),
        };
        match range {
            Ok(range) => self.addresses.push(range),
            Err(_) => {
                return wrong(format!(
                    "{address:?} is neither an address nor a range such as 10.0.0.0/8"
                ));
            }
        }
        Ok(self)
    }

    /// A project: its ID or its name; case does not matter.
    pub fn project(mut self, project: &str) -> Result<Self> {
        self.projects.push(not_empty("project", project)?.to_lowercase());
        Ok(self)
    }

    /// A region, such as `KR1`; case does not matter.
    pub fn region(mut self, region: &str) -> Result<Self> {
        self.regions.push(not_empty("region", region)?.to_lowercase());
        Ok(self)
    }

    /// The first instant: a time, a date, or a span before now such as `24h` or `7d`. A time
    /// without an offset, and a date, is in the time zone `zone` (`UTC`, `Asia/Seoul`, `local`).
    ///
    /// # Errors
    ///
    /// `INVALID_TIME` for anything else.
    pub fn since(mut self, time: &str, zone: &str) -> Result<Self> {
        self.since = Some(instant(time, zone, false)?);
        self.check_span()
    }

    /// The first instant that is no longer wanted, written as for [`since`](Filter::since). A bare
    /// date includes that day.
    ///
    /// # Errors
    ///
    /// `INVALID_TIME` as for `since`, and where nothing lies between the two.
    pub fn until(mut self, time: &str, zone: &str) -> Result<Self> {
        self.until = Some(instant(time, zone, true)?);
        self.check_span()
    }

    fn check_span(self) -> Result<Self> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if since >= until => Err(Error::new(
                Code::InvalidTime,
                format!("nothing lies since {since} and until {until}"),
            )),
            _ => Ok(self),
        }
    }

    /// Whether the catalog must have the event's ID, or must not.
    pub fn known(mut self, known: bool) -> Self {
        self.known = Some(known);
        self
    }

    /// Text that must stand in the request or the response, to the letter.
    pub fn text(mut self, text: &str) -> Result<Self> {
        self.texts.push(not_empty("text", text)?);
        Ok(self)
    }

    /// The first instant that is wanted, and the first after it that is no longer: for whoever can
    /// leave out records without reading them. Events without a time pass neither.
    pub fn time_range(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.since, self.until)
    }

    /// Whether the event passes.
    pub fn matches(&self, event: &Enriched<'_>) -> bool {
        self.matches_fields(event.event()) && self.matches_meaning(event)
    }

    /// The filters that need no catalog, the cheap ones first.
    fn matches_fields(&self, event: &Event) -> bool {
        let any = |wanted: bool, fields: &[Field], passes: fn(&Self, &str) -> bool| {
            !wanted
                || fields
                    .iter()
                    .filter_map(|&field| event.text(field))
                    .any(|text| passes(self, &text))
        };
        let time_matches = || {
            if self.since.is_none() && self.until.is_none() {
                return true;
            }
            event.event_time().is_some_and(|time| {
                self.since.is_none_or(|since| time >= since)
                    && self.until.is_none_or(|until| time < until)
            })
        };
        let mut tests = self.tests().into_iter();
        let ids = tests.next().is_none_or(|(wanted, fields, passes)| any(wanted, fields, passes));
        ids && time_matches() && tests.all(|(wanted, fields, passes)| any(wanted, fields, passes))
    }

    /// What is asked of single fields: whether anything is, of which, and whether a text passes. An
    /// event passes where one of the fields does.
    fn tests(&self) -> [Test; 6] {
        [
            (!self.events.is_empty(), &[Field::EventId], |filter, id| {
                filter.events.iter().any(|glob| glob_matches(glob, id))
            }),
            (!self.source_types.is_empty(), &[Field::EventSourceType], |filter, text| {
                filter.source_types.iter().any(|wanted| wanted.eq_ignore_ascii_case(text))
            }),
            (
                !self.users.is_empty(),
                &[Field::UserId, Field::UserName, Field::UserIdNo],
                |filter, text| filter.users.contains(&text.to_lowercase()),
            ),
            (!self.projects.is_empty(), &[Field::ProjectId, Field::ProjectName], |filter, text| {
                filter.projects.contains(&text.to_lowercase())
            }),
            (!self.regions.is_empty(), &[Field::Region], |filter, text| {
                filter.regions.contains(&text.to_lowercase())
            }),
            (!self.addresses.is_empty(), &[Field::UserIp], Self::matches_address),
        ]
    }

    fn matches_address(&self, text: &str) -> bool {
        text.trim().parse::<IpAddr>().is_ok_and(|address| {
            let address = address.to_canonical();
            self.addresses.iter().any(|range| range.contains(&address))
        })
    }

    /// Whether anything is asked of what an event's ID means that one without an ID does not pass.
    fn needs_id(&self) -> bool {
        self.known == Some(true)
            || !self.services.is_empty()
            || !self.kinds.is_empty()
            || !self.phases.is_empty()
    }

    fn matches_id(&self, id: &Meaning<'_>) -> bool {
        let action_matches = || {
            if self.kinds.is_empty() && self.phases.is_empty() {
                return true;
            }
            id.action().is_some_and(|action| {
                (self.kinds.is_empty() || self.kinds.contains(&action.kind()))
                    && (self.phases.is_empty() || self.phases.contains(&action.phase()))
            })
        };
        self.known.is_none_or(|known| id.entry().is_some() == known)
            && (self.services.is_empty()
                || self.services.iter().any(|service| id.is_of_service(service)))
            && action_matches()
    }

    fn matches_meaning(&self, event: &Enriched<'_>) -> bool {
        let text_matches = || {
            self.texts.is_empty()
                || [Field::Request, Field::Response]
                    .into_iter()
                    .filter_map(|field| event.event().text(field))
                    .any(|text| self.texts.iter().any(|wanted| text.contains(wanted.as_str())))
        };
        event.meaning().map_or_else(|| !self.needs_id(), |id| self.matches_id(id))
            && (self.outcomes.is_empty() || self.outcomes.contains(&event.outcome()))
            && text_matches()
    }

    /// What is asked of single fields, for whoever has fields before it has records. Of times tells
    /// [`time_range`](Self::time_range); what is asked of requests and responses is not told.
    #[doc(hidden)]
    pub fn field_tests(&self, catalog: &Catalog) -> Vec<FieldTest> {
        let mut tests: Vec<FieldTest> = Vec::new();
        for (wanted, fields, passes) in self.tests() {
            if wanted {
                let filter = self.clone();
                let passes = Arc::new(move |text: &str| passes(&filter, text));
                tests.push(FieldTest { fields, passes });
            }
        }
        if self.needs_id() {
            let (filter, catalog) = (self.clone(), catalog.clone());
            let passes = Arc::new(move |id: &str| filter.matches_id(&catalog.meaning(id)));
            tests.push(FieldTest { fields: &[Field::EventId], passes });
        }
        tests
    }

    /// The fields that it looks at.
    #[doc(hidden)]
    pub fn fields(&self) -> Vec<Field> {
        let tests = self.tests().into_iter().filter(|(wanted, ..)| *wanted);
        let others = [
            (self.since.is_some() || self.until.is_some(), Field::EventTime),
            (self.needs_id() || self.known.is_some(), Field::EventId),
            (!self.texts.is_empty(), Field::Request),
            (!self.texts.is_empty() || !self.outcomes.is_empty(), Field::Response),
        ];
        let others = others.into_iter().filter(|(wanted, _)| *wanted).map(|(_, field)| field);
        tests.flat_map(|(_, fields, _)| fields).copied().chain(others).collect()
    }

    /// The filter as a function for [`ReaderBuilder::select`](crate::ReaderBuilder::select).
    pub fn into_select(self, catalog: Catalog) -> impl Fn(&Event) -> bool + Send + Sync + 'static {
        move |event| self.matches_fields(event) && self.matches_meaning(&catalog.enrich(event))
    }
}

fn not_empty(what: &str, value: &str) -> Result<String> {
    let value = value.trim();
    if value.is_empty() {
        return wrong(format!("an empty {what} matches nothing; leave the filter out instead"));
    }
    Ok(value.to_owned())
}

/// Whether `glob`, in which `*` stands for any text and `?` for one character, matches all of
/// `text`. Goes back to the last star only, so that it takes linear space and no worse than the
/// product of the lengths in time.
fn glob_matches(glob: &str, text: &str) -> bool {
    let (mut glob, mut text) = (glob.chars(), text.chars());
    let mut star: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut rest = glob.clone();
        match (rest.next(), text.clone().next()) {
            (Some('*'), _) => {
                glob = rest;
                star = Some((glob.clone(), text.clone()));
                continue;
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                glob = rest;
                text.next();
                continue;
            }
            (None, None) => return true,
            _ => (),
        }
        let Some((after_star, from)) = &mut star else { return false };
        if from.next().is_none() {
            return false;
        }
        glob = after_star.clone();
        text = from.clone();
    }
}

/// The time zone of a name: `UTC`, `local`, or one of the zone database such as `Asia/Seoul`.
fn time_zone(name: &str) -> Result<TimeZone> {
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

/// The instant that `text` names; of a bare date its beginning, or with `after` its end.
#[doc(hidden)]
pub fn instant(text: &str, zone: &str, after: bool) -> Result<Timestamp> {
    let text = text.trim();
    let zone = time_zone(zone)?;
    if let Some(time) = Timestamp::parse(text) {
        // Events have milliseconds: the first that is not before a finer time is in the next one.
        let finer = text.split_once('.').and_then(|(_, digits)| digits.get(3..));
        let finer = finer.into_iter().flat_map(str::bytes).take_while(u8::is_ascii_digit);
        let up = i64::from(finer.into_iter().any(|digit| digit != b'0'));
        return Ok(Timestamp::from_millis(time.as_millis() + up).unwrap_or(time));
    }
    let zoned: Option<Zoned> = if let Ok(date) = Date::strptime("%Y-%m-%d", text) {
        if after && date == Date::MAX {
            return Ok(Timestamp::LAST);
        }
        let date = if after { date.tomorrow().ok() } else { Some(date) };
        date.and_then(|date| date.to_zoned(zone).ok())
    } else if text.starts_with(|first: char| first.is_ascii_digit())
        && text.contains(['T', 't', ' ', ':'])
    {
        match DateTime::from_str(text) {
            // The last days are none for a zone.
            Ok(time) if time.date().tomorrow().and_then(Date::tomorrow).is_err() => {
                return Ok(Timestamp::LAST);
            }
            time => time.ok().and_then(|time| time.to_zoned(zone).ok()),
        }
    } else if text.starts_with(|first: char| first.is_ascii_digit())
        && text.ends_with(|last: char| last.is_ascii_alphabetic())
    {
        let span = Span::from_str(text).ok();
        span.and_then(|span| Zoned::now().with_time_zone(zone).checked_sub(span).ok())
    } else {
        None
    };
    let millis = |zoned: Zoned| -zoned.timestamp().as_nanosecond().div_euclid(-1_000_000);
    zoned.and_then(|zoned| Timestamp::from_millis(i64::try_from(millis(zoned)).ok()?)).ok_or_else(|| {
        Error::new(
            Code::InvalidTime,
            format!("{text:?} is no time; give 2026-10-31, 2026-10-31T09:00:00+09:00, or a span before now such as 24h or 7d"),
        )
    })
}
