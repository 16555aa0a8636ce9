//! Sends requests to the query API, and retries them where that can help.

use std::fmt;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use nhn_cloudtrail::{Code, Error, Reader, ReaderBuilder, Result, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};
use ureq::http::Uri;

use crate::answer::{Answer, Refusal};
use crate::mask::Mask;
use crate::network::{NO_TLS, check_proxy, endpoint, is_loopback, is_tls};
use crate::search::Search;
use crate::settings::{Secret, Settings};
use crate::totals::{Rest, Totals, may_be_capped};

/// How long the service keeps events: three months of any length.
pub const RETENTION: Duration = Duration::from_secs(93 * 86_400);

/// The maximum decompressed size of a response.
const ANSWER: u64 = 32 << 20;

/// The maximum size of a response that is read concurrently with others; larger ones are read one at a
/// time.
const SMALL_ANSWER: u64 = 4 << 20;

/// The maximum length of an excerpt of a foreign message, in characters.
pub(crate) const EXCERPT: usize = 300;

/// How often a wait checks for cancellation.
const GLANCE: Duration = Duration::from_millis(50);

/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest pause that a response may request.
const PATIENCE: Duration = Duration::from_secs(300);

/// If the local clock differs from the service's by more than this, the service's clock is used.
const MAX_SKEW: i64 = 3_600_000;

/// Version of the query API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Api {
    /// v1.0, which requires only the appkey.
    V1,
    /// v2.0, which requires keys with the permission `CloudTrail:EventLog.List`.
    #[default]
    V2,
}

impl std::str::FromStr for Api {
    type Err = Error;

    /// Parses `v1` and `v2`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "v1" | "v1.0" => Ok(Self::V1),
            "v2" | "v2.0" => Ok(Self::V2),
            _ => Err(wrong(format!("there is no API {text:?}: give v1 or v2"))),
        }
    }
}

/// Builds a [`Client`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    settings: Settings,
    api: Api,
    concurrency: usize,
    rate: f64,
    retries: u32,
    backoff: Duration,
    timeout: Duration,
    page_size: u64,
}

impl ClientBuilder {
    /// Sets the version of the API; v2.0 by default.
    pub fn api(mut self, api: Api) -> Self {
        self.api = api;
        self
    }

    /// Sets the maximum number of concurrent requests; 4 by default.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Sets the maximum number of requests per second; 50 by default.
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Sets how often a failed request is retried; 8 times by default.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the maximum of the first pause before a retry; half a second by default. Each further pause
    /// is twice as long, up to 30 seconds.
    pub fn backoff(mut self, backoff: Duration) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets the timeout of a request including its whole response; one minute by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the number of records per request, 1 to 1000; 1000 by default.
    pub fn page_size(mut self, page_size: u64) -> Self {
        self.page_size = page_size;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` if the base URL, the appkey or, for v2.0, the keys are missing or invalid, or an
    /// option is out of range.
    pub fn build(self) -> Result<Client> {
        let Settings { base_url, app_key, access_key_id, secret_access_key, .. } = self.settings;
        let base_url = base_url.filter(|url| !url.is_empty()).ok_or_else(|| {
            wrong("the API's base URL is missing: the console names it beside the appkey")
        })?;
        let app_key = app_key.filter(|key| !key.reveal().is_empty()).ok_or_else(|| {
            wrong("the appkey is missing: the console shows it under URL & Appkey")
        })?;
        let keys = match (self.api, access_key_id.zip(secret_access_key)) {
            (Api::V1, _) => None,
            (Api::V2, None) => {
                return Err(wrong(
                    "API v2 wants a User Access Key ID and a Secret Access Key: set \
                     NHN_CLOUDTRAIL_ACCESS_KEY_ID and NHN_CLOUDTRAIL_SECRET_ACCESS_KEY, both in one \
                     place, or ask v1, which the appkey alone opens (--api v1)",
                ));
            }
            (Api::V2, Some((id, secret))) => Some((id, secret)),
        };
        let all_keys = || keys.iter().flat_map(|(id, secret)| [id, secret]).chain([&app_key]);
        if !all_keys().all(Secret::is_header) {
            return Err(wrong(
                "a key has a space, a line feed or a character beyond ASCII, which no key has",
            ));
        }
        let mask = Mask::new(all_keys());
        if !(1..=1000).contains(&self.page_size) {
            return Err(wrong("the page size must be 1 to 1000"));
        }
        if self.timeout.is_zero() {
            return Err(wrong("the timeout must be more than nothing"));
        }
        if !(1..=64).contains(&self.concurrency) {
            return Err(wrong("the concurrency must be 1 to 64"));
        }
        if !(self.rate > 0.0 && self.rate <= 10_000.0) {
            return Err(wrong("the rate must be more than 0 and at the most 10000 a second"));
        }
        let (base, uri, host) = base(&base_url)?;
        check_proxy(&uri)?;
        let version = if self.api == Api::V1 { "v1.0" } else { "v2.0" };
        let mut source = Sha256::new();
        for part in [base.to_ascii_lowercase().as_str(), "\n", app_key.reveal()] {
            source.update(part);
        }
        let source = source.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let path = escape(app_key.reveal());
        let url = format!("{base}/cloud-trail/{version}/appkeys/{path}/events/search");
        let mut config = ureq::Agent::config_builder();
        if is_loopback(uri.host().unwrap_or_default()) {
            // No proxy may see the keys.
            config = config.proxy(None);
        }
        let config = config
            .http_status_as_error(false)
            // A redirect would send the keys to another host.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(self.timeout.min(Duration::from_secs(15))))
            .timeout_global(Some(self.timeout))
            .max_idle_connections_per_host(self.concurrency)
            .user_agent(concat!("nhn-cloudtrail/", env!("CARGO_PKG_VERSION")))
            .tls_config(
                ureq::tls::TlsConfig::builder()
                    .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                    .build(),
            )
            .build();
        Ok(Client(Arc::new(Inner {
            agent: config.into(),
            url: url.into(),
            mask,
            host,
            source,
            keys,
            concurrency: self.concurrency,
            pause: Duration::from_secs_f64(1.0 / self.rate),
            retries: self.retries,
            backoff: self.backoff,
            page_size: self.page_size,
            next: Mutex::new(Instant::now()),
            requests: AtomicU64::new(0),
            totals: Totals::default(),
            skew: AtomicI64::new(0),
            large: Mutex::new(()),
        })))
    }
}

/// A client of the query API. Clones share their connections and limits.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    agent: ureq::Agent,
    /// Contains the appkey.
    url: Secret,
    /// Masks keys in messages.
    mask: Mask,
    /// Name of the API in errors.
    host: String,
    /// Identifies the organization without revealing its appkey.
    source: String,
    keys: Option<(Secret, Secret)>,
    concurrency: usize,
    /// Minimum time between the starts of two requests.
    pause: Duration,
    retries: u32,
    backoff: Duration,
    page_size: u64,
    /// When the next request may start.
    next: Mutex<Instant>,
    requests: AtomicU64,
    totals: Totals,
    /// Milliseconds by which the service's clock is ahead of the local one.
    skew: AtomicI64,
    /// Held while a large response is read.
    large: Mutex<()>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("host", &self.0.host).finish_non_exhaustive()
    }
}

/// The acting member of a search, in the form that the API requires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "memberType", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Member {
    /// A member of NHN Cloud.
    #[serde(rename = "TOAST")]
    Toast {
        /// The member's e-mail address.
        email_address: String,
        /// The member's UUID.
        #[serde(skip_serializing_if = "Option::is_none")]
        id_no: Option<String>,
    },
    /// A member of the organization's IAM.
    #[serde(rename = "IAM")]
    Iam {
        /// The member's code.
        user_code: String,
        /// The member's UUID.
        #[serde(skip_serializing_if = "Option::is_none")]
        id_no: Option<String>,
    },
}

/// What to search for.
#[derive(Clone, Debug)]
#[must_use]
pub struct Query {
    since: Timestamp,
    until: Option<Timestamp>,
    pub(crate) only: Only,
}

/// The filters of a search.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Only {
    #[serde(skip_serializing_if = "Option::is_none")]
    id_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
}

impl Query {
    /// Selects all events since a time, until now.
    pub fn since(since: Timestamp) -> Self {
        Self { since, until: None, only: Only::default() }
    }

    /// Sets the end of the period; whether the end is included is up to the API. A time in the future
    /// means now.
    pub fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    /// Selects events with this ID.
    pub fn event_id(mut self, event_id: impl Into<String>) -> Self {
        self.only.event_id = Some(event_id.into());
        self
    }

    /// Selects events of the member with this UUID; takes precedence over [`member`](Query::member).
    pub fn id_no(mut self, id_no: impl Into<String>) -> Self {
        self.only.id_no = Some(id_no.into());
        self
    }

    /// Selects events of this member.
    pub fn member(mut self, member: Member) -> Self {
        self.only.member = Some(member);
        self
    }

    /// Returns the period in milliseconds since 1970. Fails if the API does not cover it.
    #[doc(hidden)]
    pub fn period(&self) -> Result<(i64, i64)> {
        self.period_at(now())
    }

    pub(crate) fn period_at(&self, now: i64) -> Result<(i64, i64)> {
        let since = self.since.as_millis();
        // The future cannot be requested.
        let until = self.until.map_or(now, |until| until.as_millis().min(now));
        if since >= until {
            let message = match self.until {
                Some(until) if until <= self.since => {
                    format!("nothing lies since {} and until {until}", self.since)
                }
                _ => format!("since {}: that is yet to come", self.since),
            };
            return Err(Error::new(Code::InvalidTime, message));
        }
        // One minute of tolerance, since "93 days ago" may have been computed some time ago.
        if since < now - RETENTION.as_millis() as i64 - 60_000 {
            let message = format!(
                "since {}: NHN Cloud forgets events after three months; ask for no more than the \
                 last 93 days",
                self.since
            );
            return Err(Error::new(Code::InvalidTime, message));
        }
        Ok((since, until))
    }
}

/// Returns the current time in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    millis(SystemTime::now()).unwrap_or_default()
}

/// Returns a time in milliseconds since 1970, or `None` if it is before 1970.
fn millis(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// The range of a request, in milliseconds since 1970, and its filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) only: &'a Only,
}

/// How long a page is retried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort<'a> {
    /// Maximum number of retries of a request.
    pub(crate) retries: u32,
    pub(crate) stopped: &'a AtomicBool,
}

/// A failed attempt.
struct Failed {
    error: Error,
    /// Maximum number of further attempts for this failure, within the client's limit.
    retries: u32,
    /// The pause that the service requested.
    wait: Option<Duration>,
}

/// A retry may help.
const TRANSIENT: u32 = u32::MAX;

/// A retry should not help, but the response may come from a proxy.
const DOUBTFUL: u32 = 2;

impl Client {
    /// Returns a builder for a client of the API in `settings`. [`Settings::complete`] adds the settings
    /// of the environment and the config file.
    pub fn builder(settings: Settings) -> ClientBuilder {
        ClientBuilder {
            settings,
            api: Api::default(),
            concurrency: 4,
            rate: 50.0,
            retries: 8,
            backoff: Duration::from_millis(500),
            timeout: Duration::from_secs(60),
            page_size: 1000,
        }
    }

    /// Returns a reader of the events of a search, the oldest first, each once. The period is requested
    /// in chunks that fit a page, several at a time.
    ///
    /// The reader behaves like that of a log. An error of the API or the network has the kind
    /// [`Service`](nhn_cloudtrail::ErrorKind::Service), and ends the reader.
    ///
    /// # Errors
    ///
    /// `INVALID_TIME` for a period that the API does not cover.
    pub fn search(&self, query: Query) -> Result<Reader> {
        self.search_with(query, Reader::builder())
    }

    /// Like [`search`](Self::search), with the limits, filters and callbacks of `builder`.
    ///
    /// # Errors
    ///
    /// `INVALID_TIME` for a period that the API does not cover.
    pub fn search_with(&self, query: Query, builder: ReaderBuilder) -> Result<Reader> {
        builder.dedup(true).from_reader(Search::new(self, query)?)
    }

    pub(crate) fn source(&self) -> &str {
        &self.0.source
    }

    /// Returns the API's host, with its port if the base URL has one.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    pub(crate) fn concurrency(&self) -> usize {
        self.0.concurrency
    }

    pub(crate) fn page_size(&self) -> u64 {
        self.0.page_size
    }

    /// Returns the number of requests sent.
    pub(crate) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn retries(&self) -> u32 {
        self.0.retries
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.0.totals
    }

    /// Returns the milliseconds by which the service's clock is ahead of the local one, if the difference
    /// is large.
    pub(crate) fn skew(&self) -> Option<i64> {
        let skew = self.0.skew.load(Ordering::Relaxed);
        (skew.abs() > MAX_SKEW).then_some(skew)
    }

    /// Returns the current time in milliseconds since 1970; by the service's clock if the local one is
    /// wrong.
    pub(crate) fn now(&self) -> i64 {
        now().saturating_add(self.skew().unwrap_or(0))
    }

    /// Returns the period of a query, by the service's clock if the local one is wrong.
    pub(crate) fn period(&self, query: &Query) -> Result<(i64, i64)> {
        query.period_at(self.now()).map_err(|error| match self.skew() {
            Some(skew) => {
                Error::new(error.code(), format!("{}; {}", error.message(), wrong_clock(skew)))
            }
            None => error,
        })
    }

    /// Requests one record of the query's period by the local clock. Any response contains the service's
    /// time.
    pub(crate) fn probe(&self, query: &Query, stopped: &AtomicBool) -> Result<()> {
        let now = self.now();
        let from = query.since.as_millis().min(now - 1);
        let only = Only::default();
        let request = Request { from, to: now, only: &only };
        let answer = self.page(request, 0, 1, Effort { retries: 0, stopped })?;
        self.0.totals.judge(&answer, 1);
        Ok(())
    }

    /// Requests a page of a search, and retries within the limit.
    pub(crate) fn page(
        &self,
        request: Request<'_>,
        page: u64,
        limit: u64,
        effort: Effort<'_>,
    ) -> Result<Answer> {
        let body = self.body(request, page, limit)?;
        let mut attempt = 0;
        loop {
            self.take_turn(effort.stopped)?;
            let failed = match self.attempt(&body) {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let budget = effort.retries.min(failed.retries);
            let asked_for = failed.wait.unwrap_or_default();
            if attempt >= budget || asked_for > PATIENCE {
                return Err(self.told(failed, attempt + 1));
            }
            let most = self.0.backoff.saturating_mul(1 << attempt.min(16)).min(LONGEST);
            // Random, so that requests that failed together are not retried together.
            let jittered = most.mul_f64(0.5 + fastrand::f64() / 2.0);
            if !asked_for.is_zero() {
                self.hold_back(asked_for);
            }
            wait(jittered.max(asked_for), effort.stopped)?;
            attempt += 1;
        }
    }

    /// Returns the number of records of a search; `None` if there are more than `known` and their number
    /// cannot be determined. A total is only accepted if it cannot be the count of its page and is not
    /// smaller than the number of records found.
    pub(crate) fn total(
        &self,
        request: Request<'_>,
        known: u64,
        effort: Effort<'_>,
    ) -> Result<Option<u64>> {
        // With pages of one record, finds the number of the first empty page.
        let is_empty = |page| Ok::<_, Error>(self.page(request, page, 1, effort)?.count == 0);
        let first = self.page(request, 0, 1, effort)?;
        match (self.0.totals.judge(&first, 1), self.0.totals.of(&first)) {
            (Rest::Nothing, _) => return Ok(Some(0)),
            (_, Some(_)) if first.count == 0 => (),
            (_, Some(total)) if total <= first.count && !self.0.totals.confirm(&first) => {
                match is_empty(total)? {
                    true => return Ok(Some(total)),
                    false => self.0.totals.are_wrong(),
                }
            }
            (_, Some(total)) => {
                // A total that is always too small by the number of late records would look right.
                let is_wrong = match self.0.totals.want_check() || may_be_capped(total) {
                    true => match is_empty(total) {
                        Ok(is_empty) => {
                            self.0.totals.are_checked();
                            !is_empty
                        }
                        // Not all services support pages this far back.
                        Err(_) => false,
                    },
                    false => total < known && !is_empty(known - 1)?,
                };
                if !is_wrong {
                    return Ok(Some(total));
                }
                self.0.totals.are_wrong();
            }
            (_, None) => (),
        }
        if !is_empty(known)? {
            return Ok(None);
        }
        let (mut from, mut to) = (first.count.min(1), known);
        // Usually the number is unchanged.
        if known > 1 && !is_empty(known - 1)? {
            return Ok(Some(known));
        }
        while from < to {
            let middle = from + (to - from) / 2;
            if is_empty(middle)? { to = middle } else { from = middle + 1 }
        }
        Ok(Some(from))
    }

    fn body(&self, request: Request<'_>, page: u64, limit: u64) -> Result<Vec<u8>> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            #[serde(flatten)]
            only: &'a Only,
            start_date: String,
            end_date: String,
            page: Page,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            sort_by: &'static str,
            limit: u64,
            page: u64,
        }
        let date = |millis| {
            let date = Timestamp::from_millis(millis).map(|time| time.to_string());
            date.ok_or_else(|| wrong("a time beyond the years that the API knows"))
        };
        let body = Body {
            only: request.only,
            start_date: date(request.from)?,
            end_date: date(request.to)?,
            page: Page { sort_by: "eventTime:asc", limit, page },
        };
        serde_json::to_vec(&body).map_err(|error| wrong(error.to_string()))
    }

    fn attempt(&self, body: &[u8]) -> Result<Answer, Failed> {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        let mut request =
            self.0.agent.post(self.0.url.reveal()).header("content-type", "application/json");
        if let Some((id, secret)) = &self.0.keys {
            request = request
                .header("x-tc-authentication-id", id.reveal())
                .header("x-tc-authentication-secret", secret.reveal());
        }
        let response = request.send(body).map_err(unsent)?;
        self.compare_clocks(response.headers());
        let status = response.status().as_u16();
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let wait = wait.and_then(retry_after);
        let mut bytes = Vec::new();
        let mut body = response.into_body().into_reader();
        let mut read = body.by_ref().take(SMALL_ANSWER).read_to_end(&mut bytes);
        // Several large responses at the same time would take too much memory. The lock is held until the
        // response is parsed.
        let _alone = if bytes.len() as u64 == SMALL_ANSWER && read.is_ok() {
            let alone = self.0.large.lock().unwrap_or_else(PoisonError::into_inner);
            // Allocated at once: buffers that grow leave chunks in the allocator's heaps, one per thread.
            let rest = ANSWER + 1 - SMALL_ANSWER;
            bytes.reserve_exact(usize::try_from(rest).unwrap_or_default());
            read = body.take(rest).read_to_end(&mut bytes);
            bytes.shrink_to_fit();
            Some(alone)
        } else {
            None
        };
        // A refusal contains its reason, whatever the HTTP status is.
        let answer = match read {
            Err(error) if status == 200 => return Err(unread(error)),
            Ok(_) if bytes.len() as u64 > ANSWER => {
                let error = Error::new(Code::BadAnswer, "the answer is larger than 32 MiB");
                return Err(Failed { error, retries: 0, wait });
            }
            _ => Answer::read(bytes, &self.0.mask),
        };
        match answer {
            Err(error) if error.code() == Code::Refused => Err(Failed { error, retries: 0, wait }),
            answer if status == 200 => {
                answer.map_err(|error| Failed { error, retries: TRANSIENT, wait })
            }
            answer => Err(Failed {
                error: bad_status(status, answer.err()),
                retries: match status {
                    408 | 425 | 429 | 500.. => TRANSIENT,
                    300..=399 => 0,
                    _ => DOUBTFUL,
                },
                wait,
            }),
        }
    }

    /// Adds the host and the number of attempts to an error.
    fn told(&self, failed: Failed, attempts: u32) -> Error {
        let error = failed.error;
        let mut message = format!("{}: {}", self.0.host, error.message());
        if attempts > 1 {
            message.push_str(&format!(", asked {attempts} times"));
        }
        if let Some(wait) = failed.wait.filter(|wait| *wait > PATIENCE) {
            message.push_str(&format!("; the service asks to wait {} s", wait.as_secs()));
        }
        let refusal = Refusal::of(&error);
        if let Some(cause) = std::error::Error::source(&error).filter(|_| refusal.is_none()) {
            message.push_str(": ");
            message.push_str(&self.0.mask.excerpt(&cause.to_string(), EXCERPT));
        }
        // The response may repeat what was sent.
        let told = Error::new(error.code(), self.0.mask.apply(&message));
        match refusal {
            Some(refusal) => told.caused_by(refusal),
            None => told,
        }
    }

    /// Stores the difference between the service's clock and the local one.
    fn compare_clocks(&self, headers: &ureq::http::HeaderMap) {
        let date = headers.get("date").and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
        if let Some(date) = date.and_then(millis) {
            self.0.skew.store(date.saturating_sub(now()), Ordering::Relaxed);
        }
    }

    /// Waits until the next request may start.
    fn take_turn(&self, stopped: &AtomicBool) -> Result<()> {
        let turn = {
            let mut next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.0.pause;
            turn
        };
        wait(turn.saturating_duration_since(Instant::now()), stopped)
    }

    /// Delays all further requests by `time`.
    fn hold_back(&self, time: Duration) {
        let mut next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(Instant::now() + time);
    }
}

/// Returns the message for a clock that is wrong by this many milliseconds.
pub(crate) fn wrong_clock(skew: i64) -> String {
    let minutes = skew.unsigned_abs() / 60_000;
    let how_much = match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    };
    let direction = if skew > 0 { "behind" } else { "ahead of" };
    format!(
        "the clock of this machine is {how_much} {direction} the service's: the service's time was \
         used; set the clock"
    )
}

fn wait(time: Duration, stopped: &AtomicBool) -> Result<()> {
    let until = Instant::now() + time;
    loop {
        if stopped.load(Ordering::Relaxed) {
            return Err(Error::new(Code::Interrupted, "the search was stopped"));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(GLANCE));
    }
}

/// Describes why no response was received.
fn unsent(error: ureq::Error) -> Failed {
    use ureq::Error as Sent;
    let (code, what, retries) = match &error {
        Sent::Timeout(_) => (Code::Timeout, "no answer came in time", TRANSIENT),
        Sent::HostNotFound => (Code::Network, "there is no such host", TRANSIENT),
        error if is_tls(error) || matches!(error, Sent::Tls(_) | Sent::Pem(_)) => {
            (Code::Network, NO_TLS, 1)
        }
        Sent::Io(io) if io.kind() == std::io::ErrorKind::TimedOut => {
            (Code::Timeout, "no answer came in time", TRANSIENT)
        }
        Sent::Io(_) | Sent::ConnectionFailed => {
            (Code::Network, "the connection failed or broke", TRANSIENT)
        }
        Sent::InvalidProxyUrl | Sent::ConnectProxyFailed(_) => {
            (Code::Network, "the proxy of the environment does not let through", DOUBTFUL)
        }
        Sent::Protocol(_) => (Code::BadAnswer, "the answer is no HTTP", TRANSIENT),
        _ => (Code::Network, "the request failed", TRANSIENT),
    };
    Failed { error: Error::new(code, what).caused_by(error), retries, wait: None }
}

/// Describes why a response was not received completely.
fn unread(error: std::io::Error) -> Failed {
    let (code, what) = match error.kind() {
        std::io::ErrorKind::TimedOut => (Code::Timeout, "the answer took too long"),
        _ => (Code::BadAnswer, "the answer is cut off"),
    };
    let retries = if is_tls(&error) { 1 } else { TRANSIENT };
    let error = Error::new(code, what).caused_by(error);
    Failed { error, retries, wait: None }
}

fn bad_status(status: u16, answer: Option<Error>) -> Error {
    let help = match status {
        300..=399 => "; give the base URL that it leads to",
        401 | 403 => "; check the keys, and what stands between here and the API",
        404 | 405 => "; check the base URL",
        407 => "; the proxy wants a name and a password",
        429 => "; ask less often (--rate)",
        _ => "",
    };
    let said = match answer {
        Some(error) if error.code() == Code::ApiFailure => format!(": {}", error.message()),
        _ => String::new(),
    };
    Error::new(Code::HttpStatus, format!("the answer is HTTP {status}{said}{help}"))
}

/// Parses the pause in a `Retry-After` header: seconds or a date.
fn retry_after(text: &str) -> Option<Duration> {
    match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text.trim()).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

/// Returns the base URL without a trailing slash, the same as a URI, and its host with the port.
fn base(url: &str) -> Result<(String, Uri, String)> {
    let (url, parsed) = endpoint(url, "the base URL")?;
    if parsed.path().contains("/cloud-trail/") {
        return Err(wrong("the base URL ends before /cloud-trail/"));
    }
    let port = parsed.port().map_or(String::new(), |port| format!(":{port}"));
    let host = format!("{}{port}", parsed.host().unwrap_or_default());
    Ok((url, parsed, host))
}

/// Escapes text for a path segment or a query value of a URL.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(byte.into());
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidOption, message)
}
