//! Which events: the values of one filter are alternatives, different filters must all hold.

mod address;
mod misses;
mod time;

use std::borrow::Cow;
use std::sync::Arc;

use ipnet::IpNet;
use memchr::memmem::Finder;

use address::{address_of, range_of};
pub use misses::Misses;
pub use time::{instant, time_zone};

use crate::catalog::{Catalog, Kind, Phase};
use crate::enrich::{Enriched, Meaning, Outcome};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Field, Timestamp};
use crate::json;

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
    texts: Vec<Finder<'static>>,
    misses: Option<Misses>,
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
            && self.texts.is_empty()
            && [
                &self.events,
                &self.services,
                &self.source_types,
                &self.users,
                &self.projects,
                &self.regions,
            ]
            .iter()
            .all(|values| values.is_empty())
    }

    /// An event ID, or a glob over it: `*` matches any text, dots too, `?` one character. An ID that
    /// the catalog does not have is accepted: logs have events that are newer than the catalog.
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

    /// An acting member: ID (which may be an e-mail address), name, or UUID, or a glob over these as
    /// for [`event`](Filter::event); case does not matter, blanks do.
    pub fn user(mut self, user: &str) -> Result<Self> {
        self.users.push(not_empty("user", user)?.to_lowercase());
        Ok(self)
    }

    /// An address, or a range of them such as `10.0.0.0/8`; several with commas between them, each an
    /// alternative. IPv4 addresses and ranges may be written as IPv6 (`::ffff:10.0.0.0/104`); brackets
    /// and a port beside an address do not count (`[2001:db8::5]:443`).
    ///
    /// An event passes with any of the addresses in its field, which may have ports and be several, as
    /// proxies write them.
    pub fn ip(mut self, address: &str) -> Result<Self> {
        for address in address.split(',').map(str::trim) {
            let single = address_of(address).map(|address| IpNet::from(address.to_canonical()));
            match single.or_else(|| range_of(address)) {
                Some(range) => self.addresses.push(range),
                None => {
                    return wrong(format!(
                        "{address:?} is not an address; give one, or a range such as 10.0.0.0/8"
                    ));
                }
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

    /// The first instant: a time of ISO 8601, a date, a month such as `2026-10`, a span before now
    /// such as `24h` or `7d`, or the thirteen digits of milliseconds since 1970. What has no offset
    /// is in the time zone `zone` (`UTC`, `Asia/Seoul`, `local`).
    ///
    /// # Errors
    ///
    /// `INVALID_TIME` for anything else.
    pub fn since(mut self, time: &str, zone: &str) -> Result<Self> {
        self.since = Some(instant(time, zone, false)?);
        self.check_span()
    }

    /// The first instant that is no longer wanted, written as for [`since`](Filter::since). A bare
    /// date includes that day, a month all of it.
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

    /// Text that the request or the response must contain exactly, including blanks. Both are searched
    /// as written and with their JSON escapes decoded: `\uae08` is `금`, `\/` is `/`.
    pub fn text(mut self, text: &str) -> Result<Self> {
        self.texts.push(Finder::new(&not_empty("text", text)?).into_owned());
        Ok(self)
    }

    /// Records from now on which filters no event matches, to explain an empty result. Until an event
    /// matches all filters, each filter that has not matched yet is tested on every event.
    pub fn watch(&mut self) -> Misses {
        let set = |name: &str| !self.only(name).is_empty();
        let open = Self::NAMES.iter().enumerate().filter(|(_, name)| set(name));
        let misses = Misses::new(open.fold(0, |open, (index, _)| open | (1 << index)));
        self.misses = Some(misses.clone());
        misses
    }

    /// What [`watch`](Self::watch) returned, where it was called.
    #[doc(hidden)]
    pub fn misses(&self) -> Option<&Misses> {
        self.misses.as_ref()
    }

    /// This filter reduced to the one with this name.
    fn only(&self, name: &str) -> Self {
        let mut only = Self::new();
        match name {
            "event" => only.events.clone_from(&self.events),
            "service" => only.services.clone_from(&self.services),
            "kind" => only.kinds.clone_from(&self.kinds),
            "phase" => only.phases.clone_from(&self.phases),
            "outcome" => only.outcomes.clone_from(&self.outcomes),
            "source_type" => only.source_types.clone_from(&self.source_types),
            "user" => only.users.clone_from(&self.users),
            "ip" => only.addresses.clone_from(&self.addresses),
            "project" => only.projects.clone_from(&self.projects),
            "region" => only.regions.clone_from(&self.regions),
            "since" => only.since = self.since,
            "until" => only.until = self.until,
            "known" => only.known = self.known,
            "text" => only.texts.clone_from(&self.texts),
            _ => (),
        }
        only
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
                |filter, text| {
                    let text = text.to_lowercase();
                    filter.users.iter().any(|glob| glob_matches(glob, &text))
                },
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
        let parts = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
        parts.filter_map(address_of).any(|address| {
            let plain = address.to_canonical();
            self.addresses.iter().any(|range| range.contains(&plain) || range.contains(&address))
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
                    .any(|text| holds(&text, &self.texts))
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
            // That of a failed phase is a failure.
            (!self.outcomes.is_empty(), Field::EventId),
        ];
        let others = others.into_iter().filter(|(wanted, _)| *wanted).map(|(_, field)| field);
        tests.flat_map(|(_, fields, _)| fields).copied().chain(others).collect()
    }

    /// The filter as a function for [`ReaderBuilder::select`](crate::ReaderBuilder::select).
    pub fn into_select(self, catalog: Catalog) -> impl Fn(&Event) -> bool + Send + Sync + 'static {
        let names = if self.misses.is_some() { Self::NAMES } else { &[] };
        let single: Vec<Self> = names.iter().map(|name| self.only(name)).collect();
        move |event| {
            let passes = self.matches_fields(event) && self.matches_meaning(&catalog.enrich(event));
            if let Some(misses) = &self.misses {
                misses.record(passes, &single, event, &catalog);
            }
            passes
        }
    }
}

/// A value as it was given: blanks are part of it, since fields may have them.
fn not_empty(what: &str, value: &str) -> Result<String> {
    if value.is_empty() {
        return wrong(format!("an empty {what} matches nothing; leave the filter out instead"));
    }
    Ok(value.to_owned())
}

/// How often the escapes in a text are decoded: JSON in a string of JSON, and so on.
const DECODED: usize = 4;

/// Whether `text` contains any of the wanted texts, as written or with its escapes decoded.
fn holds(text: &str, wanted: &[Finder<'_>]) -> bool {
    let mut text = Cow::Borrowed(text.as_bytes());
    for _ in 0..=DECODED {
        if wanted.iter().any(|wanted| wanted.find(&text).is_some()) {
            return true;
        }
        if memchr::memchr(b'\\', &text).is_none() {
            return false;
        }
        let mut decoded = Vec::new();
        json::decode_into(&text, &mut decoded);
        text = Cow::Owned(decoded);
    }
    false
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_lies_between_a_time_and_itself() {
        let filter = Filter::new().since("2026-10-31T00:00Z", "UTC").unwrap();
        let error = filter.clone().until("2026-10-31T09:00+09:00", "UTC").unwrap_err();
        assert_eq!(error.code(), Code::InvalidTime);
        assert!(filter.until("2026-10-31T00:00:00.001Z", "UTC").is_ok());
    }

    #[test]
    fn without_an_id_an_event_is_unknown() {
        let events = crate::parse(r#"{"userId":"kim"}{"eventId":"event_id.iam.login"}"#).unwrap();
        let passes = |filter: Filter| -> Vec<bool> {
            events.iter().map(|event| filter.matches(&event.enrich())).collect()
        };
        assert_eq!(passes(Filter::new().known(false)), [true, false]);
        assert_eq!(passes(Filter::new().known(true)), [false, true]);
    }

    #[test]
    fn it_is_told_which_filters_no_event_passes() {
        let events = crate::parse(
            r#"{"userId":"kim","region":"KR1"}{"userId":"lee","region":"KR2","request":"x"}"#,
        )
        .unwrap();
        let misses = |filter: Filter| {
            let mut filter = filter;
            let misses = filter.watch();
            let select = filter.into_select(Catalog::builtin());
            let passed = events.iter().filter(|event| select(event)).count();
            (passed, misses.events(), misses.names())
        };
        let filter = || Filter::new().user("kim").unwrap();
        assert_eq!(misses(filter()), (1, 0, vec![]));
        assert_eq!(misses(filter().region("KR2").unwrap()), (0, 2, vec![]));
        let none = filter().region("KR2").unwrap().text("y").unwrap().event("a").unwrap();
        assert_eq!(
            misses(none.since("2026-10", "UTC").unwrap()),
            (0, 2, vec!["event", "since", "text"])
        );
        // The last event matches all.
        assert_eq!(misses(Filter::new().user("lee").unwrap()), (1, 1, vec![]));
    }

    proptest! {
        #[test]
        fn escapes_of_any_text_are_looked_at(text in "[\\\\u/0-9a-f\"é]{0,40}", wanted in "[a-f]{1,3}") {
            let wanted = [Finder::new(&wanted)];
            let found = holds(&text, &wanted);
            prop_assert!(found || wanted[0].find(text.as_bytes()).is_none());
        }

        #[test]
        fn every_character_is_found_escaped(c in any::<char>()) {
            let units: String =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect();
            let text = c.to_string();
            let escaped = ["{\"k\":\"", &units, "\"}"].concat();
            prop_assert!(holds(&escaped, &[Finder::new(&text)]));
        }
    }
}
