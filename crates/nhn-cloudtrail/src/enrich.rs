//! An event and the catalog: what happened.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::str::FromStr;

use crate::catalog::{Action, Catalog, Entry, Lang, Phase, infer_action, infer_resource, words};
use crate::error::{Code, Error};
use crate::event::{Answers, CallResult, Event, Field};

static BUILTIN: Catalog = Catalog::builtin();

words! {
    /// How the call went that an event records.
    ///
    /// An event whose ID has the phase [`Phase::Failed`] is a failure, whatever the response says.
    /// Otherwise the first of these in the response decides:
    ///
    /// 1. An object `header`: its `isSuccessful` (`true` or `false`, also as text), otherwise its
    ///    `resultCode`. The code is a success if it is 0, `SUCCESS`, `OK` or 200 to 299. Members beside
    ///    the header do not count.
    /// 2. The same members without a header around them.
    /// 3. A member `success` that is true or false, also as text.
    /// 4. A member `error` that is true, a text, or an object with members: a failure.
    /// 5. A member `code`, `status` or `statusCode` with an HTTP status, as a number or as text: 200 to
    ///    299 is a success, 400 to 599 a failure. A `code` of 0 is a success. `403 Forbidden` is a
    ///    status, too.
    /// 6. An object with one member that is an OpenStack error, such as
    ///    `{"forbidden":{"code":403,"message":"…"}}`, by at least two of its name, code and message: a
    ///    failure.
    /// 7. Text that is only the reason of an HTTP status, such as `Forbidden` or `404 Not Found`, alone
    ///    or as the only member `message`: a failure.
    ///
    /// Any other response is [`Outcome::Unknown`].
    Outcome, "an outcome", InvalidFilter {
        /// The response says that it succeeded.
        Success = "success",
        /// The response says that it failed.
        Failure = "failure",
        /// The response does not say.
        Unknown = "unknown",
    }
}

/// What the catalog knows of an event ID, and what the words of one tell that it does not have.
#[derive(Clone, Debug)]
pub struct Meaning<'a> {
    catalog: &'a Catalog,
    id: Cow<'a, str>,
    entry: Option<&'a Entry>,
}

impl Catalog {
    /// What an event ID means, known or not.
    pub fn meaning<'a>(&'a self, id: impl Into<Cow<'a, str>>) -> Meaning<'a> {
        let id = id.into();
        Meaning { catalog: self, entry: self.get(&id), id }
    }
}

impl<'a> Meaning<'a> {
    /// What the catalog knows of the ID; none where it does not have it.
    pub fn entry(&self) -> Option<&'a Entry> {
        self.entry
    }

    /// The event's name; none for an unknown ID. Whether NHN Cloud published it says
    /// [`Entry::name_is_published`].
    pub fn name(&self, lang: Lang) -> Option<&'a str> {
        Some(self.entry?.name(lang))
    }

    /// The slug of the service. That of an unknown ID is inferred: the one service that all known
    /// IDs of the same second segment share, if they do.
    pub fn service(&self) -> Option<&'a str> {
        match self.entry {
            Some(entry) => entry.service(),
            None => self.catalog.infer_service(&self.id),
        }
    }

    /// Whether one of its services is this one. 39 IDs belong to two.
    pub fn is_of_service(&self, slug: &str) -> bool {
        match self.entry {
            Some(entry) => entry.services().iter().any(|service| service == slug),
            None => self.service() == Some(slug),
        }
    }

    /// What the event is about: the ID's middle segments.
    pub fn resource(&self) -> Option<Cow<'a, str>> {
        match self.entry {
            Some(entry) => entry.resource().map(Cow::Borrowed),
            None => infer_resource(&self.id).map(Cow::Owned),
        }
    }

    /// Whether the ID has the phase [`Phase::Failed`].
    pub fn has_failed(&self) -> bool {
        self.action().is_some_and(|action| action.phase() == Some(Phase::Failed))
    }

    /// What was done. That of an unknown ID is inferred from its words; none where they say
    /// nothing.
    pub fn action(&self) -> Option<Cow<'a, Action>> {
        match self.entry {
            Some(entry) => entry.action().map(Cow::Borrowed),
            None => infer_action(&self.id).map(Cow::Owned),
        }
    }
}

/// What the responses of many events say. Each header with which many of them begin is read once.
#[derive(Debug, Default)]
pub struct Responses<T>(Answers<T>);

impl<T: Copy> Responses<T> {
    /// Returns what `make` returns for the outcome, code and message of a response, or what it returned
    /// for an equal one before. The event's ID may overrule this outcome, see
    /// [`Meaning::has_failed`].
    pub fn get(
        &mut self,
        response: &[u8],
        make: impl FnOnce(Outcome, Option<&str>, Option<&str>) -> T,
    ) -> T {
        self.0.get(response, |result| {
            make(Outcome::of(&result), result.code.as_deref(), result.message.as_deref())
        })
    }
}

impl Outcome {
    fn of(result: &CallResult) -> Self {
        match result.succeeded {
            Some(true) => Outcome::Success,
            Some(false) => Outcome::Failure,
            None => Outcome::Unknown,
        }
    }
}

/// An event with what the catalog knows of it.
///
/// ```
/// use nhn_cloudtrail::catalog::{Kind, Lang};
///
/// let events = nhn_cloudtrail::parse(
///     r#"{"eventId":"event_id.iaas.instance.create","response":"{\"header\":{\"isSuccessful\":true}}"}"#,
/// )?;
/// let event = events[0].enrich();
/// assert_eq!(event.name(Lang::En), Some("Create Instance"));
/// assert_eq!(event.service(), Some("infrastructure"));
/// assert_eq!(event.action().map(|action| action.kind()), Some(Kind::Create));
/// assert_eq!(event.outcome().as_str(), "success");
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
pub struct Enriched<'a> {
    event: &'a Event,
    /// None where the event has no ID.
    meaning: Option<Meaning<'a>>,
    result: OnceCell<CallResult>,
}

impl fmt::Debug for Enriched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enriched")
            .field("event", &self.event)
            .field("known", &self.is_known())
            .finish_non_exhaustive()
    }
}

impl Event {
    /// The event with what the built-in catalog knows of it.
    pub fn enrich(&self) -> Enriched<'_> {
        BUILTIN.enrich(self)
    }
}

impl Catalog {
    /// `event` with what this catalog knows of it.
    pub fn enrich<'a>(&'a self, event: &'a Event) -> Enriched<'a> {
        let meaning = event.event_id().map(|id| self.meaning(id));
        Enriched { event, meaning, result: OnceCell::new() }
    }
}

impl<'a> Enriched<'a> {
    /// The event itself.
    pub fn event(&self) -> &'a Event {
        self.event
    }

    /// What the event's ID means; none where the event has none.
    pub fn meaning(&self) -> Option<&Meaning<'a>> {
        self.meaning.as_ref()
    }

    /// What the catalog knows of the event's ID; none where it does not have it.
    pub fn entry(&self) -> Option<&'a Entry> {
        self.meaning.as_ref()?.entry()
    }

    /// Whether the catalog has the event's ID.
    pub fn is_known(&self) -> bool {
        self.entry().is_some()
    }

    /// The event's name; see [`Meaning::name`].
    pub fn name(&self, lang: Lang) -> Option<&'a str> {
        self.meaning.as_ref()?.name(lang)
    }

    /// The slug of the service; see [`Meaning::service`].
    pub fn service(&self) -> Option<&'a str> {
        self.meaning.as_ref()?.service()
    }

    /// Whether one of the event's services is this one. 39 IDs belong to two.
    pub fn is_of_service(&self, slug: &str) -> bool {
        self.meaning.as_ref().is_some_and(|meaning| meaning.is_of_service(slug))
    }

    /// What the event is about: the ID's middle segments.
    pub fn resource(&self) -> Option<Cow<'a, str>> {
        self.meaning.as_ref()?.resource()
    }

    /// What was done; see [`Meaning::action`].
    pub fn action(&self) -> Option<Cow<'a, Action>> {
        self.meaning.as_ref()?.action()
    }

    fn result(&self) -> &CallResult {
        self.result.get_or_init(|| {
            let response = self.event.text(Field::Response);
            response.map(|text| CallResult::from_answer(text.as_bytes())).unwrap_or_default()
        })
    }

    /// The outcome, from the event's ID and its response; see [`Outcome`].
    pub fn outcome(&self) -> Outcome {
        if self.meaning.as_ref().is_some_and(Meaning::has_failed) {
            return Outcome::Failure;
        }
        Outcome::of(self.result())
    }

    /// The result code of the response as text: `header.resultCode`, or the code of the error or HTTP
    /// status that decides the outcome.
    pub fn result_code(&self) -> Option<&str> {
        self.result().code.as_deref()
    }

    /// The message of the response: `header.resultMessage`, or the message of the error.
    pub fn result_message(&self) -> Option<&str> {
        self.result().message.as_deref()
    }
}
