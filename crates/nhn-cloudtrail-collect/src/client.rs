//! Asks the query API, again where that can heal what went wrong.

use std::fmt;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use nhn_cloudtrail::{Code, Error, Reader, ReaderBuilder, Result, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};
use ureq::http::Uri;

use crate::answer::Answer;
use crate::search::Search;
use crate::settings::{Secret, Settings};

/// How long the service keeps events: three months, of whatever length.
pub const RETENTION: Duration = Duration::from_secs(93 * 86_400);

/// The most that an answer may take, decompressed.
const ANSWER: u64 = 128 << 20;

/// How often a wait looks whether it is to go on.
const GLANCE: Duration = Duration::from_millis(50);

/// The longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest wait that an answer may ask for.
const PATIENCE: Duration = Duration::from_secs(300);

/// Which version of the query API is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Api {
    /// v1.0, which the appkey alone opens.
    V1,
    /// v2.0, which wants keys with the permission `CloudTrail:EventLog.List`.
    #[default]
    V2,
}

impl std::str::FromStr for Api {
    type Err = Error;

    /// Reads `v1` and `v2`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "v1" | "v1.0" => Ok(Self::V1),
            "v2" | "v2.0" => Ok(Self::V2),
            _ => Err(wrong(format!("there is no API {text:?}: give v1 or v2"))),
        }
    }
}

/// Sets up a [`Client`].
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
    /// Which version of the API; v2.0 by default.
    pub fn api(mut self, api: Api) -> Self {
        self.api = api;
        self
    }

    /// How many requests may be under way at a time; 4 by default.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// How many requests may begin in a second; 50 by default.
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// How often a request is tried again; 8 times by default.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// How long the first wait before another attempt is, at the most; half a second by default. Each
    /// one after it is twice as long, up to half a minute.
    pub fn backoff(mut self, backoff: Duration) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long a request may take, with all of its answer; a minute by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many records are asked for at a time, 1 to 1000; 1000 by default.
    pub fn page_size(mut self, page_size: u64) -> Self {
        self.page_size = page_size;
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` where the base URL, the appkey or, for v2.0, the keys are missing or wrong, or
    /// an option is out of range.
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
                     NHN_CLOUDTRAIL_ACCESS_KEY_ID and NHN_CLOUDTRAIL_SECRET_ACCESS_KEY, or ask v1, \
                     which the appkey alone opens (--api v1)",
                ));
            }
            (Api::V2, Some((id, secret))) => {
                let is_fit =
                    |key: &Secret| key.reveal().bytes().all(|byte| byte.is_ascii_graphic());
                if !is_fit(&id) || !is_fit(&secret) {
                    return Err(wrong("a key has a character that no key has, or is cut by one"));
                }
                Some((id, secret))
            }
        };
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
        let (base, host) = base(&base_url)?;
        let version = if self.api == Api::V1 { "v1.0" } else { "v2.0" };
        let mut source = Sha256::new();
        for part in [base.to_ascii_lowercase().as_str(), "\n", app_key.reveal()] {
            source.update(part);
        }
        let source = source.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let path = escape(app_key.reveal());
        let url = format!("{base}/cloud-trail/{version}/appkeys/{path}/events/search");
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // Elsewhere nobody is to get the keys.
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
            app_key,
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
        })))
    }
}

/// Asks the query API. A clone is the same client: they share connections and the limits.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    agent: ureq::Agent,
    /// With the appkey in it.
    url: Secret,
    app_key: Secret,
    /// What errors call the API.
    host: String,
    /// What tells the organization from others, and does not tell its appkey.
    source: String,
    keys: Option<(Secret, Secret)>,
    concurrency: usize,
    /// Between the beginnings of two requests.
    pause: Duration,
    retries: u32,
    backoff: Duration,
    page_size: u64,
    /// When the next request may begin.
    next: Mutex<Instant>,
    requests: AtomicU64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("host", &self.0.host).finish_non_exhaustive()
    }
}

/// The acting member of a search, as the API wants it told.
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

/// What is searched for.
#[derive(Clone, Debug)]
#[must_use]
pub struct Query {
    since: Timestamp,
    until: Option<Timestamp>,
    pub(crate) only: Only,
}

/// What narrows a search down.
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
    /// All events since a time, until now.
    pub fn since(since: Timestamp) -> Self {
        Self { since, until: None, only: Only::default() }
    }

    /// Until a time, as the API understands the ends of a period, and no later than now.
    pub fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    /// Only events with this ID.
    pub fn event_id(mut self, event_id: impl Into<String>) -> Self {
        self.only.event_id = Some(event_id.into());
        self
    }

    /// Only what the member with this UUID did; it wins over [`member`](Query::member).
    pub fn id_no(mut self, id_no: impl Into<String>) -> Self {
        self.only.id_no = Some(id_no.into());
        self
    }

    /// Only what this member did.
    pub fn member(mut self, member: Member) -> Self {
        self.only.member = Some(member);
        self
    }

    /// The period, in milliseconds since 1970; refused where the API cannot tell of it.
    #[doc(hidden)]
    pub fn period(&self) -> Result<(i64, i64)> {
        let now = now();
        let since = self.since.as_millis();
        // What is yet to come is not there to be asked for.
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
        // A minute, since somebody may have said "93 days ago" some time ago.
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

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The stretch of time of a request, in milliseconds since 1970, and what narrows it down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) only: &'a Only,
}

/// Why an attempt failed.
struct Failed {
    error: Error,
    heals: Heals,
    /// How long the service wants to be left alone.
    wait: Option<Duration>,
}

#[derive(PartialEq, Eq)]
enum Heals {
    Never,
    /// It should not, but whoever stands between may have said it.
    Hardly,
    Perhaps,
}

impl Client {
    /// A client of the API that the settings name; [`Settings::complete`] adds those of the
    /// environment and the config file.
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

    /// The events of a search, the oldest first, each once. The period is asked for in pieces small
    /// enough for a page, several at a time.
    ///
    /// The reader gives what a log would give; what the API or the network refuses is an error of the
    /// kind [`Service`](nhn_cloudtrail::ErrorKind::Service), and ends it.
    ///
    /// # Errors
    ///
    /// `INVALID_TIME` for a period that the API cannot tell of.
    pub fn search(&self, query: Query) -> Result<Reader> {
        self.search_with(query, Reader::builder())
    }

    /// The same with a reader of the caller's: its limits, what it selects, what stops it.
    ///
    /// # Errors
    ///
    /// `INVALID_TIME` for a period that the API cannot tell of.
    pub fn search_with(&self, query: Query, builder: ReaderBuilder) -> Result<Reader> {
        builder.dedup(true).from_reader(Search::new(self, query)?)
    }

    pub(crate) fn source(&self) -> &str {
        &self.0.source
    }

    /// The API's host, and its port where the base URL names one.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    pub(crate) fn concurrency(&self) -> usize {
        self.0.concurrency
    }

    pub(crate) fn page_size(&self) -> u64 {
        self.0.page_size
    }

    /// How many requests were sent.
    pub(crate) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// A page of a search, tried again within the budget.
    pub(crate) fn page(
        &self,
        request: Request<'_>,
        page: u64,
        limit: u64,
        stopped: &AtomicBool,
    ) -> Result<Answer> {
        let body = self.body(request, page, limit)?;
        let mut attempt = 0;
        loop {
            self.take_turn(stopped)?;
            let failed = match self.attempt(&body, page, limit) {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let budget = match failed.heals {
                Heals::Never => 0,
                Heals::Hardly => self.0.retries.min(2),
                Heals::Perhaps => self.0.retries,
            };
            let asked_for = failed.wait.unwrap_or_default();
            if attempt >= budget || asked_for > PATIENCE {
                return Err(self.told(failed, attempt + 1));
            }
            let most = self.0.backoff.saturating_mul(1 << attempt.min(16)).min(LONGEST);
            // Not all at once where all have failed at once.
            let jittered = most.mul_f64(0.5 + fastrand::f64() / 2.0);
            if !asked_for.is_zero() {
                self.hold_back(asked_for);
            }
            wait(jittered.max(asked_for), stopped)?;
            attempt += 1;
        }
    }

    /// How many records a search has, as far as there are no more than `most`.
    pub(crate) fn total(
        &self,
        request: Request<'_>,
        most: u64,
        stopped: &AtomicBool,
    ) -> Result<Option<u64>> {
        if let Some(total) = self.page(request, 0, 1, stopped)?.total {
            return Ok(Some(total));
        }
        // The number of the first page of one record that has none.
        let is_empty = |page| Ok::<_, Error>(self.page(request, page, 1, stopped)?.count == 0);
        if !is_empty(most)? {
            return Ok(None);
        }
        let (mut from, mut to) = (0, most);
        // Mostly it is just as many.
        if most > 0 && !is_empty(most - 1)? {
            return Ok(Some(most));
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

    fn attempt(&self, body: &[u8], page: u64, limit: u64) -> Result<Answer, Failed> {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        let heals = |error: Error| Failed { error, heals: Heals::Perhaps, wait: None };
        let mut request =
            self.0.agent.post(self.0.url.reveal()).header("content-type", "application/json");
        if let Some((id, secret)) = &self.0.keys {
            request = request
                .header("x-tc-authentication-id", id.reveal())
                .header("x-tc-authentication-secret", secret.reveal());
        }
        let response = request.send(body).map_err(unsent)?;
        let status = response.status().as_u16();
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let wait = wait.and_then(retry_after);
        let mut bytes = Vec::new();
        let read = response.into_body().into_reader().take(ANSWER + 1).read_to_end(&mut bytes);
        // A refusal says why whatever its status.
        let answer = match read {
            Err(error) if status == 200 => return Err(unread(error)),
            Ok(_) if bytes.len() as u64 > ANSWER => {
                let error = Error::new(Code::BadAnswer, "the answer is larger than 128 MiB");
                return Err(Failed { error, heals: Heals::Never, wait });
            }
            _ => Answer::read(bytes, page, limit),
        };
        match answer {
            Err(error) if error.code() == Code::Refused => {
                Err(Failed { error, heals: Heals::Never, wait })
            }
            answer if status == 200 => answer.map_err(|error| Failed { wait, ..heals(error) }),
            answer => Err(Failed {
                error: bad_status(status, answer.err()),
                heals: match status {
                    408 | 425 | 429 | 500.. => Heals::Perhaps,
                    300..=399 => Heals::Never,
                    _ => Heals::Hardly,
                },
                wait,
            }),
        }
    }

    /// Says of whom, and how often it was asked.
    fn told(&self, failed: Failed, attempts: u32) -> Error {
        let error = failed.error;
        let mut message = format!("{}: {}", self.0.host, error.message());
        if attempts > 1 {
            message.push_str(&format!(", asked {attempts} times"));
        }
        if let Some(wait) = failed.wait.filter(|wait| *wait > PATIENCE) {
            message.push_str(&format!("; the service asks to wait {} s", wait.as_secs()));
        }
        if let Some(cause) = std::error::Error::source(&error) {
            message.push_str(&format!(": {cause}"));
        }
        // Whoever answers may repeat what was sent.
        let keys = self.0.keys.iter().flat_map(|(id, secret)| [id, secret]);
        for secret in keys.chain([&self.0.app_key]) {
            message = message.replace(secret.reveal(), "***");
        }
        Error::new(error.code(), message)
    }

    /// Waits until a request may begin.
    fn take_turn(&self, stopped: &AtomicBool) -> Result<()> {
        let turn = {
            let mut next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.0.pause;
            turn
        };
        wait(turn.saturating_duration_since(Instant::now()), stopped)
    }

    /// Lets no request begin for a while.
    fn hold_back(&self, time: Duration) {
        let mut next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(Instant::now() + time);
    }
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

/// Why no answer came.
fn unsent(error: ureq::Error) -> Failed {
    use ureq::Error as Sent;
    let (code, what, heals) = match &error {
        Sent::Timeout(_) => (Code::Timeout, "no answer came in time", Heals::Perhaps),
        Sent::HostNotFound => (Code::Network, "there is no such host", Heals::Perhaps),
        Sent::Io(io) if io.kind() == std::io::ErrorKind::TimedOut => {
            (Code::Timeout, "no answer came in time", Heals::Perhaps)
        }
        Sent::Io(_) | Sent::ConnectionFailed => {
            (Code::Network, "the connection failed or broke", Heals::Perhaps)
        }
        Sent::Tls(_) | Sent::Rustls(_) | Sent::Pem(_) => {
            (Code::Network, "no secure connection could be made", Heals::Hardly)
        }
        Sent::InvalidProxyUrl | Sent::ConnectProxyFailed(_) => {
            (Code::Network, "the proxy of the environment does not let through", Heals::Hardly)
        }
        Sent::Protocol(_) => (Code::BadAnswer, "the answer is no HTTP", Heals::Perhaps),
        _ => (Code::Network, "the request failed", Heals::Perhaps),
    };
    Failed { error: Error::new(code, what).caused_by(error), heals, wait: None }
}

/// Why an answer did not come to its end.
fn unread(error: std::io::Error) -> Failed {
    let (code, what) = match error.kind() {
        std::io::ErrorKind::TimedOut => (Code::Timeout, "the answer took too long"),
        _ => (Code::BadAnswer, "the answer is cut off"),
    };
    let error = Error::new(code, what).caused_by(error);
    Failed { error, heals: Heals::Perhaps, wait: None }
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

/// The wait that a header asks for: seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text.trim()).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

/// The base URL without a slash at its end, and the host in it.
fn base(url: &str) -> Result<(String, String)> {
    let url = url.trim().trim_end_matches('/');
    let parsed: Uri = url.parse().map_err(|_| {
        wrong("the base URL is none: give https:// and the host that the console names")
    })?;
    let host = parsed.host().unwrap_or_default();
    let is_near = matches!(host, "localhost" | "[::1]") || host.starts_with("127.");
    match parsed.scheme_str() {
        Some("https") => (),
        Some("http") if is_near => (),
        Some("http") => {
            return Err(wrong("the base URL must be https, or the keys can be read on the way"));
        }
        _ => {
            return Err(wrong(
                "the base URL must begin with https:// and go on with the host that the console names",
            ));
        }
    }
    if parsed.query().is_some() || url.contains(['?', '#', '@']) {
        return Err(wrong("the base URL is a host, perhaps with a path, and nothing else"));
    }
    if parsed.path().contains("/cloud-trail/") {
        return Err(wrong("the base URL ends before /cloud-trail/"));
    }
    let port = parsed.port().map_or(String::new(), |port| format!(":{port}"));
    Ok((url.to_owned(), format!("{host}{port}")))
}

/// Text as a segment of a URL's path.
fn escape(text: &str) -> String {
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
