//! Fetches what an archive does not have, and adds it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
#[cfg(feature = "object-storage")]
use glob::Pattern;
use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{Code, Column, Error, Result};
use nhn_cloudtrail_arrow::{Batches, Dataset, Item, TableBuilder};

use crate::answer::{ANSWERS, Refusal};
use crate::archive::{Again, Archive, EVENTS, Gain, Guards, slashes, time};
#[cfg(feature = "object-storage")]
use crate::bucket::Buckets;
#[cfg(feature = "object-storage")]
use crate::client::EXCERPT;
use crate::client::{Client, Effort, Only, Query, RETENTION, Request, now, wrong_clock};
use crate::fetch::{Fetch, Fetched, Next, Order, Period, unaccounted};
use crate::health::Health;
use crate::ledger::{Counts, Covered, Gap, Run};
#[cfg(feature = "object-storage")]
use crate::ledger::{How, Loss, Object, Settled};
use crate::losses::{covers, with_final};
use crate::plan;
use crate::rejects::reject_line;
use crate::search::{queue, take};
use crate::sign::Signer;

/// The shortest and the longest time that fetched records wait before they are written to the archive.
/// Waiting records are lost if the process ends, and each write adds a file per day.
const SOON: Duration = Duration::from_millis(250);
const LATE: Duration = Duration::from_secs(30);

/// How often the fetched periods are compared with the API again.
const ROUNDS: usize = 2;

/// The number of bytes of objects that are committed together.
#[cfg(feature = "object-storage")]
const OBJECTS: u64 = 64 << 20;

/// The progress of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Number of records received.
    pub fetched: u64,
    /// Total amount to fetch: milliseconds of time, or bytes of objects.
    pub total: u64,
    /// How much of `total` is done.
    pub done: u64,
    /// Number of requests sent to the API.
    pub requests: u64,
}

/// The result of a collection.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Number of records received, and what they became.
    pub records: Counts,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Problems that do not make anything missing, such as a wrong clock.
    pub warnings: Vec<String>,
    /// Number of requests sent to the API.
    pub requests: u64,
    /// Number of objects read.
    pub objects: u64,
    /// Hash of the ledger's last line, to be kept outside of the archive.
    pub head: String,
    /// The error that ended the collection early, such as keys that the service refuses. With several
    /// sources, the first error.
    pub error: Option<Error>,
    /// The first day that was fetched, `YYYY-MM-DD`, if earlier days were requested but had been pruned.
    pub pruned_before: Option<String>,
    /// The result for each source, in the order in which the sources were added.
    pub sources: Vec<SourceReport>,
}

/// The result for one source of a collection.
#[derive(Debug)]
#[non_exhaustive]
pub struct SourceReport {
    /// The name of the source, see [`Collection::named`].
    pub name: Option<String>,
    /// Number of records received, and what they became.
    pub records: Counts,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Number of requests sent to the API.
    pub requests: u64,
    /// Number of objects read.
    pub objects: u64,
    /// The error that ended this source early.
    pub error: Option<Error>,
}

impl SourceReport {
    /// Returns whether everything was fetched, and all of it became events.
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty() && self.records.rejected == 0 && self.error.is_none()
    }
}

impl Report {
    /// Adds the report of one source.
    fn add(&mut self, name: Option<String>, of_source: Report) {
        let Report { records, gaps, warnings, requests, objects, error, pruned_before, .. } =
            of_source;
        self.records += records;
        self.requests += requests;
        self.objects += objects;
        self.pruned_before = self.pruned_before.take().or(pruned_before);
        self.warnings.extend(warnings.into_iter().map(|warning| match &name {
            Some(name) => format!("{name}: {warning}"),
            None => warning,
        }));
        self.gaps.extend(gaps.iter().cloned().map(|gap| match &name {
            Some(name) => Gap { reason: format!("{name}: {}", gap.reason), ..gap },
            None => gap,
        }));
        // Errors cannot be cloned: the copy has the same text, but only the original has the position.
        let error = match (error, &name) {
            (Some(error), _) if self.error.is_some() => Some(error),
            (Some(error), Some(name)) => {
                self.error = Some(named(name, &error));
                Some(error)
            }
            (Some(error), None) => {
                let copy = Error::new(error.code(), error.to_string());
                self.error = Some(error);
                Some(copy)
            }
            (None, _) => None,
        };
        self.sources.push(SourceReport { name, records, gaps, requests, objects, error });
    }

    /// Returns whether everything was fetched, and all of it became events.
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty() && self.records.rejected == 0 && self.error.is_none()
    }
}

/// State of a whole run.
struct Context {
    table: TableBuilder,
    goes_on: Arc<dyn Fn() -> bool + Send + Sync>,
    progress: Box<dyn FnMut(Collected) + Send>,
    collected: Collected,
    /// When the run must end.
    deadline: Option<Instant>,
    /// Number of requests sent for earlier sources.
    requests_before: u64,
}

/// Collects events into a local archive from the query API, from buckets, or from both. Only what the
/// archive does not have yet is fetched.
///
/// ```no_run
/// use nhn_cloudtrail::Timestamp;
/// use nhn_cloudtrail_collect::{Client, Collection, Query, Settings};
///
/// let client = Client::builder(Settings::default().complete(None)?).build()?;
/// let since = Timestamp::parse("2026-10-01T00:00:00Z").unwrap();
/// let report = Collection::new("archive/").api(client, Query::since(since)).run()?;
/// println!("{} new events, {} gaps", report.records.new, report.gaps.len());
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
///
/// A run may be killed at any moment; the next one resumes where it stopped. Periods that the archive
/// already has are not fetched again. Their record counts are compared with the API, and a period is
/// fetched again if records arrived late.
#[must_use]
pub struct Collection {
    root: PathBuf,
    sources: Vec<Source>,
    #[cfg(feature = "object-storage")]
    exclude: Vec<Pattern>,
    guards: Guards,
    wait_for_lock: Duration,
    deadline: Option<Duration>,
    again: Again,
    /// Lost files of the archive, in addition to those that are missing or have another size.
    lost: Vec<String>,
    context: Context,
}

/// A source with its name.
struct Source {
    name: Option<String>,
    origin: Origin,
}

/// The kind and location of a source.
enum Origin {
    Api(Client, Query),
    #[cfg(feature = "object-storage")]
    Bucket(Buckets, String),
    /// A source that cannot be collected from.
    Unusable(Error),
}

impl Origin {
    /// Checks the source's options before any request is sent.
    fn check(self, context: &Context) -> Result<Self> {
        let checked = match &self {
            Self::Api(client, query) => match client.period(query) {
                Err(_) => {
                    // The period may be valid if the local clock is wrong.
                    context.probe(client, query)?;
                    client.period(query).map(|_| ())
                }
                Ok(_) => Ok(()),
            },
            #[cfg(feature = "object-storage")]
            Self::Bucket(buckets, source) => buckets.open(source).map(|_| ()),
            Self::Unusable(_) => Ok(()),
        };
        Ok(checked.map_or_else(Self::Unusable, |()| self))
    }

    /// Returns the name of the source in the ledger.
    fn key(&self) -> Option<String> {
        match self {
            Self::Api(client, _) => Some(client.source().to_owned()),
            #[cfg(feature = "object-storage")]
            Self::Bucket(_, source) => Some(source.clone()),
            Self::Unusable(_) => None,
        }
    }
}

impl std::fmt::Debug for Collection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collection").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Collection {
    /// Creates a collection into the archive at `root`, which is created if it does not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let mut columns = Column::standard().to_vec();
        columns.push(Column::Raw);
        Self {
            root: root.into(),
            sources: Vec::new(),
            #[cfg(feature = "object-storage")]
            exclude: Vec::new(),
            guards: Guards::default(),
            wait_for_lock: Duration::ZERO,
            deadline: None,
            again: Again::default(),
            lost: Vec::new(),
            context: Context {
                // Duplicates are dropped; the original records are kept.
                table: TableBuilder::new().columns(&columns).dedup(true),
                goes_on: Arc::new(|| true),
                progress: Box::new(|_| ()),
                collected: Collected::default(),
                deadline: None,
                requests_before: 0,
            },
        }
    }

    /// Adds the query API as a source. The filters of `query` are ignored: an archive keeps all events.
    pub fn api(mut self, client: Client, query: Query) -> Self {
        self.add_api(client, query);
        self
    }

    /// Adds the objects of `s3://bucket/prefix` as a source.
    #[cfg(feature = "object-storage")]
    pub fn bucket(mut self, buckets: Buckets, source: impl Into<String>) -> Self {
        self.add_buckets(buckets, source.into());
        self
    }

    /// Names the source that was added last. The name appears in the report and in the archive's
    /// [`Status`](crate::Status).
    pub fn named(mut self, name: impl Into<String>) -> Self {
        if let Some(source) = self.sources.last_mut() {
            source.name = Some(name.into());
        }
        self
    }

    /// Adds a source that cannot be collected from, for example because its settings are invalid. The
    /// other sources are collected, and the report contains the error.
    pub fn unusable(mut self, error: Error) -> Self {
        self.sources.push(Source { name: None, origin: Origin::Unusable(error) });
        self
    }

    pub(crate) fn add_api(&mut self, client: Client, query: Query) {
        self.sources.push(Source { name: None, origin: Origin::Api(client, query) });
    }

    #[cfg(feature = "object-storage")]
    pub(crate) fn add_buckets(&mut self, buckets: Buckets, source: String) {
        self.sources.push(Source { name: None, origin: Origin::Bucket(buckets, source) });
    }

    /// Sets how long to wait while another run holds the archive's lock. [`Duration::MAX`] waits until
    /// that run ends. By default the run fails at once.
    pub fn wait_for_lock(mut self, longest: Duration) -> Self {
        self.wait_for_lock = longest;
        self
    }

    /// Excludes objects whose names in the bucket match one of these globs; `*` matches slashes too.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for an invalid glob.
    #[cfg(feature = "object-storage")]
    pub fn exclude(mut self, globs: impl IntoIterator<Item: AsRef<str>>) -> Result<Self> {
        for glob in globs {
            let pattern = Pattern::new(glob.as_ref()).map_err(|error| {
                let message = format!("{:?} is not a glob", glob.as_ref());
                Error::new(Code::InvalidOption, message).caused_by(error)
            })?;
            self.exclude.push(pattern);
        }
        Ok(self)
    }

    /// Signs each new head of the ledger. If the archive has a signature, it must be valid under the same
    /// key, and the ledger must contain the signed head.
    pub fn signer(mut self, signer: Signer) -> Self {
        self.guards.signer = Some(Arc::new(signer));
        self
    }

    /// Sets a file outside of the archive that keeps its newest head. The ledger must contain the head in
    /// the file. The file is created if it does not exist.
    pub fn head_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.guards.head_file = Some(path.into());
        self
    }

    /// Ends the run after `deadline`. Records fetched until then are kept, and the rest is a gap, which
    /// the next run fetches. A pending request is abandoned; an object is read to its end.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Reads what `again` selects even if it was read before, as well as the records of the lost files.
    pub(crate) fn again(mut self, again: Again, lost: Vec<String>) -> Self {
        self.again = again;
        self.lost = lost;
        self
    }

    /// Sets what is known about the archive outside of it.
    pub(crate) fn guards(mut self, guards: Guards) -> Self {
        self.guards = guards;
        self
    }

    /// Sets the catalog and the language of the event names in the archive.
    pub fn names(mut self, catalog: Catalog, lang: Lang) -> Self {
        self.context.table = self.context.table.catalog(catalog).lang(lang);
        self
    }

    /// Sets a callback that is polled during the run and returns whether to continue. If it returns
    /// false, the run ends with `INTERRUPTED`, and the archive keeps what was committed before.
    pub fn watch(mut self, goes_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.context.goes_on = Arc::new(goes_on);
        let goes_on = self.context.goes_on.clone();
        self.context.table = self.context.table.watch(move || goes_on());
        self
    }

    /// Sets a callback that receives the progress during the run.
    pub fn progress(mut self, progress: impl FnMut(Collected) + Send + 'static) -> Self {
        self.context.progress = Box::new(progress);
        self
    }

    /// Runs the collection.
    ///
    /// # Errors
    ///
    /// - `INVALID_TIME`: the API does not cover the period.
    /// - `INVALID_OPTION`: there is nothing to collect from.
    /// - `LOCKED`: another run holds the archive's lock.
    /// - `INVALID_ARCHIVE`: the ledger is not valid, or does not have the head that was signed or stored
    ///   last.
    /// - `IO`: the archive cannot be written.
    /// - `INTERRUPTED`: the callback of [`watch`](Self::watch) returned false.
    ///
    /// If the service refuses a request or does not respond, this is not an error. It is reported in
    /// [`Report::error`] and [`Report::gaps`], since earlier records are already in the archive.
    pub fn run(mut self) -> Result<Report> {
        self.context.deadline = self.deadline.and_then(|time| Instant::now().checked_add(time));
        let mut sources = Vec::new();
        for Source { name, origin } in self.sources {
            sources.push(Source { name, origin: origin.check(&self.context)? });
        }
        let mut usable = sources.iter().filter(|s| !matches!(s.origin, Origin::Unusable(_)));
        if usable.next().is_none() {
            let message = "there is nothing to collect from: give the query API, a bucket, or both";
            return Err(match sources.into_iter().next() {
                Some(Source { name: Some(name), origin: Origin::Unusable(error) }) => {
                    named(&name, &error)
                }
                Some(Source { name: None, origin: Origin::Unusable(error) }) => error,
                _ => Error::new(Code::InvalidOption, message),
            });
        }
        let (longest, check) = (self.wait_for_lock, || self.context.check());
        let archive = Archive::open_within(longest, &self.root, &self.guards, check)?;
        let mut run =
            Collecting { begun: now(), archive, context: self.context, report: Report::default() };
        run.archive.again = self.again;
        run.archive.mark_damaged(self.lost);
        for path in run.archive.damaged.clone() {
            run.damaged(path);
        }
        let mut total = std::mem::take(&mut run.report);
        let mut names = BTreeMap::new();
        let is_one_of_several = sources.len() > 1;
        for Source { name, origin } in sources {
            names.extend(origin.key().zip(name.clone()));
            run.context.requests_before = total.requests;
            match origin {
                Origin::Api(client, query) => {
                    let before = client.requests();
                    match run.api(&client, &query) {
                        // The service's time was not known before.
                        Err(error) if is_one_of_several && error.code() == Code::InvalidTime => {
                            run.unusable(error);
                        }
                        done => done?,
                    }
                    run.report.requests = client.requests() - before;
                }
                #[cfg(feature = "object-storage")]
                Origin::Bucket(buckets, source) => run.bucket(&buckets, &source, &self.exclude)?,
                Origin::Unusable(error) => run.unusable(error),
            }
            total.add(name, std::mem::take(&mut run.report));
        }
        run.report = total;
        run.end(names)
    }
}

/// Returns what is wrong, with its cause and without the place.
#[cfg(feature = "object-storage")]
fn explained(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{}: {cause}", error.message()),
        None => error.message().to_owned(),
    }
}

/// Adds the name of the source to an error.
pub(crate) fn named(name: &str, error: &Error) -> Error {
    Error::new(error.code(), format!("{name}: {error}"))
}

/// A run against the query API.
struct ApiRun<'a> {
    client: &'a Client,
    source: String,
    health: Arc<Health>,
    failures: Vec<(Period, Error)>,
    /// Start of the oldest period that the service answered.
    oldest: i64,
}

impl ApiRun<'_> {
    /// Builds a gap with its reason.
    fn gap(&self, since: i64, until: i64, what: &str, is_late: bool) -> Gap {
        let near = |(period, _): &&(Period, Error)| period.from < until && period.to > since;
        let last = self.failures.last().filter(|_| self.health.is_stopped());
        let reason = match self.failures.iter().find(near).or(last) {
            Some((_, error)) if self.is_forgotten(since, error) => format!(
                "{what}{error}; newer events were returned: the service may keep events for a shorter time \
                 than --since requests"
            ),
            Some((_, error)) => format!("{what}{error}"),
            None if is_late => format!("{what}not fetched: the deadline was reached"),
            None => format!("{what}not fetched: the run ended before this period"),
        };
        Gap { since: Some(time(since)), until: Some(time(until)), object: None, reason }
    }

    /// Returns whether this refused period is older than one that the service answered.
    fn is_forgotten(&self, since: i64, error: &Error) -> bool {
        since < self.oldest
            && self.oldest < i64::MAX
            && Refusal::of(error).is_some_and(Refusal::is_of_request)
    }
}

struct Collecting {
    begun: i64,
    archive: Archive,
    context: Context,
    report: Report,
}

/// Responses as a stream that ends when it is time to commit.
#[derive(Clone)]
struct Answers(Arc<Mutex<Stretch>>);

struct Stretch {
    fetch: Fetch,
    health: Arc<Health>,
    answers: VecDeque<Bytes>,
    /// When the fetched records must be committed.
    due: Instant,
    /// When the run must end.
    deadline: Option<Instant>,
    over: bool,
    got: Got,
}

/// The results of periods.
#[derive(Default)]
struct Got {
    same: HashSet<(i64, i64)>,
    read: Vec<Period>,
    /// Periods that were split into others, with their record counts before that.
    cut: Vec<(Period, Option<u64>)>,
    failed: Vec<(Period, Error)>,
    /// Milliseconds of time processed.
    done: u64,
}

impl Answers {
    fn lock(&self) -> MutexGuard<'_, Stretch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stretch {
    /// Advances to the next period; returns false if it is not ready yet.
    fn advance(&mut self) -> bool {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.over = true;
            return true;
        }
        let got = &mut self.got;
        match self.fetch.next() {
            Next::End => self.over = true,
            Next::Wait => return false,
            Next::Period(period, fetched) => {
                if !matches!(fetched, Fetched::Cut(_)) {
                    got.done += (period.to - period.from).unsigned_abs();
                }
                match fetched {
                    Fetched::Cut(total) => got.cut.push((period, total)),
                    Fetched::Same => {
                        got.same.insert((period.from, period.to));
                    }
                    Fetched::Other => (),
                    Fetched::All { answers, records, doubt } => {
                        queue(&mut self.answers, answers);
                        match doubt {
                            None => got.read.push(Period { known: Some(records), ..period }),
                            Some(error) => got.failed.push((period, error)),
                        }
                    }
                    Fetched::Failed(error) => {
                        self.over = self.health.is_stopped();
                        got.failed.push((period, error));
                    }
                }
            }
        }
        true
    }

    fn is_due(&self) -> bool {
        self.over || Instant::now() >= self.due
    }
}

impl Read for Answers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stretch = self.lock();
        while stretch.answers.is_empty() && !stretch.is_due() {
            if !stretch.advance() {
                // The caller may want to stop.
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(take(&mut stretch.answers, buffer))
    }
}

impl Collecting {
    fn api(&mut self, client: &Client, query: &Query) -> Result<()> {
        let mut api = ApiRun {
            client,
            source: client.source().to_owned(),
            health: Arc::default(),
            failures: Vec::new(),
            oldest: i64::MAX,
        };
        let kept = self.archive.ledger.kept_since();
        if let Ok((_, until)) = client.period(query)
            && let Some(kept) = kept.filter(|kept| *kept >= until)
        {
            // All requested days were pruned.
            self.report.pruned_before = Some(crate::compact::date(kept));
            return Ok(());
        }
        // The probe returns the service's time, and checks the keys.
        let probed = self.context.probe(client, query)?;
        let (since, until) = client.period(query)?;
        if let Some(error) = probed
            && Refusal::of(&error).is_some_and(|refusal| !refusal.is_of_request())
        {
            api.health.failed(&error);
            let whole = Period { from: since, to: until, known: None, only_compare: false };
            api.failures.push((whole, error));
        }
        let since = match kept {
            Some(kept) if kept > since => {
                self.report.pruned_before = Some(crate::compact::date(kept));
                kept.min(until)
            }
            _ => since,
        };
        let finals = self.archive.ledger.final_periods(&api.source);
        let mut unsure = self.fetch_all(&mut api, since, until)?;
        unsure.retain(|ends| !covers(&finals, *ends));
        let clock = client.skew().map(wrong_clock);
        self.report.warnings.extend(clock);
        let late = client.period(query).map_or(until, |(_, until)| until);
        if late - until > plan::HOUR {
            // No response contained the service's time before.
            let reason = "not fetched: the clock of this machine is wrong; run it again".to_owned();
            let (since, until) = (Some(time(until)), Some(time(late)));
            self.report.gaps.push(Gap { since, until, object: None, reason });
        }
        let known = with_final(self.archive.known(&api.source).0, &finals);
        let is_late = self.context.is_late();
        for (since, until) in plan::uncovered(since, until, &known) {
            self.report.gaps.push(api.gap(since, until, "", is_late));
        }
        let what = "records that came late may be missing, since the API could not be asked: ";
        for (since, until) in plan::stretches(unsure, since, until) {
            self.report.gaps.push(api.gap(since, until, what, is_late));
        }
        let ApiRun { health, failures, .. } = api;
        if health.is_stopped() || !health.has_answered() {
            let denied = failures.iter().position(|(_, error)| Refusal::of(error).is_some());
            self.report.error =
                failures.into_iter().nth(denied.unwrap_or(0)).map(|(_, error)| error);
        }
        Ok(())
    }

    /// Fetches what is missing in a period and what has changed in it. Returns the periods that may have
    /// changed and could not be compared.
    fn fetch_all(
        &mut self,
        api: &mut ApiRun<'_>,
        since: i64,
        until: i64,
    ) -> Result<BTreeSet<(i64, i64)>> {
        let client = api.client;
        let source = api.source.clone();
        let oldest = client.now() - RETENTION.as_millis() as i64;
        // Periods whose loss is final are not requested any more.
        let finals = self.archive.ledger.final_periods(&source);
        // Missing periods come first, so that a run that is killed soon still makes progress.
        let known = with_final(self.archive.known(&source).0, &finals);
        let missing = plan::missing(since, until, &known);
        let fresh = self.round(api, &missing)?;
        // Then late records are fetched, including those that arrived during this run.
        let (mut known, mut wholes) = self.archive.known(&source);
        // Periods that the service has begun to delete cannot be compared.
        known.retain(|period| period.from >= oldest && period.from < until && period.to > since);
        known.retain(|period| !covers(&finals, period.ends()));
        let mut groups = plan::groups(&known);
        // If the total of a group equals the sum of its periods before and after they were read, nothing
        // is missing.
        let sums: HashMap<_, _> =
            groups.iter().map(|group| (plan::whole(group), plan::records(group))).collect();
        let cut = fresh.cut.into_iter().filter_map(|(period, total)| {
            let records = total.filter(|total| sums.get(&period.ends()) == Some(total))?;
            plan::whole_of(&source, period.ends(), records)
        });
        let cut: Vec<Covered> = cut.collect();
        wholes.extend(cut.iter().map(|cut| ((cut.from, cut.to), cut.records)));
        let asked = groups.iter().filter_map(|group| {
            let (from, to) = plan::whole(group);
            let known = Some(*wholes.get(&(from, to))?);
            Some(Period { from, to, known, only_compare: true })
        });
        let asked: Vec<Period> = asked.collect();
        let got = self.round(api, &asked)?;
        let is_same = |cut: &Covered| got.same.contains(&(cut.from, cut.to));
        let covered = cut.into_iter().filter(is_same).collect();
        self.gain(Gain { covered, ..Gain::default() })?;
        groups.retain(|group| !got.same.contains(&plan::whole(group)));
        // Periods that may have more records, until they are compared.
        let mut unsure: BTreeSet<(i64, i64)> = groups.concat().iter().map(Period::ends).collect();
        let mut doubts = Vec::new();
        for _ in 0..ROUNDS {
            if groups.is_empty() || api.health.is_stopped() || self.context.is_late() {
                break;
            }
            let retries = api.health.retries(client.retries());
            let asked = (client.clone(), groups.clone());
            let totals = self.context.waiting(move |stopped| {
                let (client, groups) = asked;
                totals(&client, &groups, Effort { retries, stopped })
            })?;
            let Some(totals) = totals else { break };
            let got = self.round(api, &groups.concat())?;
            doubts = self.sum_up(&source, &groups, &totals, &got.same)?;
            let read: HashSet<_> = got.read.iter().map(Period::ends).collect();
            unsure.extend(groups.concat().iter().map(Period::ends));
            for ends in got.same.iter().chain(&read) {
                unsure.remove(ends);
            }
            // The parts of a split period are known separately, or are not covered.
            for (period, _) in got.cut {
                unsure.remove(&period.ends());
            }
            let known = self.archive.known(&source).0;
            let is_read = |group: &Vec<Period>| {
                let (from, to) = plan::whole(group);
                let is_doubted = doubts.iter().any(|(ends, _)| *ends == (from, to));
                is_doubted || read.iter().any(|period| period.0 >= from && period.1 <= to)
            };
            // The current state of the groups of which something was read.
            let changed = groups.iter().filter(|group| is_read(group)).map(|group| {
                let (from, to) = plan::whole(group);
                known
                    .iter()
                    .filter(|period| period.from >= from && period.to <= to)
                    .copied()
                    .collect()
            });
            groups = changed.collect();
        }
        for ((since, until), error) in doubts {
            let (since, until) = (Some(time(since)), Some(time(until)));
            let reason = error.to_string();
            self.report.gaps.push(Gap { since, until, object: None, reason });
        }
        Ok(unsure)
    }

    /// Records the totals of groups whose periods were compared one by one. The totals were requested
    /// before the periods were compared: if all periods are unchanged, all counted records are in the
    /// archive. If a total is larger than the sum of its periods, records are missing. A total that is
    /// smaller, or may be the largest number that the service reports, proves nothing.
    fn sum_up(
        &mut self,
        source: &str,
        groups: &[Vec<Period>],
        totals: &[Option<u64>],
        same: &HashSet<(i64, i64)>,
    ) -> Result<Vec<((i64, i64), Error)>> {
        let is_same = |period: &Period| same.contains(&(period.from, period.to));
        let mut covered = Vec::new();
        let mut doubts = Vec::new();
        for (group, total) in groups.iter().zip(totals) {
            let Some(total) = total.filter(|_| group.iter().all(is_same)) else { continue };
            let (ends, sum) = (plan::whole(group), plan::records(group));
            match total.cmp(&sum) {
                std::cmp::Ordering::Less => (),
                std::cmp::Ordering::Equal => covered.extend(plan::whole_of(source, ends, total)),
                std::cmp::Ordering::Greater => doubts.push((ends, unaccounted(total, sum))),
            }
        }
        self.gain(Gain { covered, ..Gain::default() })?;
        Ok(doubts)
    }

    /// Fetches periods, the newest first, and adds their records to the archive.
    fn round(&mut self, api: &mut ApiRun<'_>, asked: &[Period]) -> Result<Got> {
        let client = api.client;
        if api.health.is_stopped() || self.context.is_late() {
            return Ok(Got::default());
        }
        let total: i64 = asked.iter().map(|period| period.to - period.from).sum();
        self.context.collected.done = 0;
        self.context.collected.total = total.unsigned_abs();
        let (periods, health) = (asked.iter().copied(), api.health.clone());
        let fetch =
            Fetch::new(client, Only::default(), periods, Order::NewestFirst, health.clone())?;
        let answers = Answers(Arc::new(Mutex::new(Stretch {
            fetch,
            health,
            answers: VecDeque::new(),
            due: Instant::now() + SOON,
            deadline: self.context.deadline,
            over: false,
            got: Got::default(),
        })));
        let mut all = Got::default();
        let mut pause = SOON;
        loop {
            // No table is created if there is nothing to write.
            let is_empty = loop {
                let mut stretch = answers.lock();
                if !stretch.answers.is_empty() || stretch.over {
                    break stretch.answers.is_empty();
                }
                let waits = !stretch.advance();
                let done = stretch.got.done;
                drop(stretch);
                if waits {
                    self.context.tell(done, client.requests());
                    self.context.check()?;
                }
            };
            answers.lock().due = Instant::now() + pause;
            pause = (pause * 2).min(LATE);
            let mut gain = Gain::default();
            if !is_empty {
                let stream = ANSWERS.chain(answers.clone());
                let batches = self.context.table.clone().from_reader(stream)?;
                let tell = |context: &mut Context| {
                    let done = answers.lock().got.done;
                    context.tell(done, client.requests());
                };
                let mut wrong = None;
                gain = self.read(batches, tell, |error| wrong = Some(error))?;
                if let Some(error) = wrong {
                    return Err(error);
                }
            }
            let got = {
                let mut stretch = answers.lock();
                let done = stretch.got.done;
                std::mem::replace(&mut stretch.got, Got { done, ..Got::default() })
            };
            // A known period that no longer fits a page is replaced by its parts. Its record count is
            // known once the parts were compared.
            let outgrown = got.cut.iter().filter(|(period, _)| period.known.is_some());
            let outgrown = outgrown.filter_map(|(period, _)| {
                Some(Covered { records: 0, whole: true, ..covered(&api.source, period)? })
            });
            let read = got.read.iter().filter_map(|period| covered(&api.source, period));
            gain.covered = outgrown.chain(read).collect();
            self.gain(gain)?;
            self.context.tell(got.done, client.requests());
            let answered = got.read.iter().map(|period| period.from);
            let answered = answered.chain(got.same.iter().map(|(from, _)| *from));
            api.oldest = answered.min().map_or(api.oldest, |from| from.min(api.oldest));
            all.same.extend(got.same);
            all.read.extend(got.read);
            all.cut.extend(got.cut);
            api.failures.extend(got.failed);
            let stretch = answers.lock();
            if stretch.over && stretch.answers.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Reads what was fetched into files that will be committed.
    fn read(
        &mut self,
        mut batches: Batches,
        mut tell: impl FnMut(&mut Context),
        mut wrong: impl FnMut(Error),
    ) -> Result<Gain> {
        let events = self.archive.events();
        let mut dataset = Dataset::open_known(&events, batches.schema(), 0, self.archive.tables())?
            .named(self.archive.files_name())
            .not_before(self.archive.ledger.kept_since());
        let mut gain = Gain::default();
        let mut known = 0;
        let before = self.context.collected.fetched;
        while let Some(item) = batches.next_item() {
            match item {
                Ok(Item::Batch(batch)) => dataset.write(&batch)?,
                Ok(Item::Reject(reject)) => {
                    if self.archive.is_new_reject(reject.raw())? {
                        gain.rejects.extend_from_slice(&reject_line(&reject));
                        gain.rejected += 1;
                    } else {
                        known += 1;
                    }
                    if reject.code() == Code::BadCompression {
                        // The records after it could not be read.
                        let place = reject.position().clone();
                        wrong(Error::new(reject.code(), reject.message()).at(place));
                    }
                }
                Err(error) if error.code() == Code::Interrupted => return Err(error),
                Err(error) => wrong(error),
            }
            self.context.collected.fetched = before + batches.stats().records;
            tell(&mut self.context);
        }
        let stats = dataset.adjust(batches.stats());
        gain.counts = Counts {
            fetched: stats.records,
            new: stats.events,
            known: stats.duplicates + known,
            rejected: gain.rejected,
            conflicts: stats.conflicts,
        };
        self.context.collected.fetched = before + stats.records;
        for path in dataset.unreadable() {
            let path = format!("{EVENTS}/{}", slashes(path.strip_prefix(&events).unwrap_or(path)));
            if self.archive.damaged.insert(path.clone()) {
                self.damaged(path);
            }
        }
        gain.prepared = Some(dataset.prepare()?);
        Ok(gain)
    }

    /// Reports a source that cannot be collected from.
    fn unusable(&mut self, error: Error) {
        let reason = error.to_string();
        self.report.gaps.push(Gap { since: None, until: None, object: None, reason });
        self.report.error = Some(error);
    }

    fn damaged(&mut self, path: String) {
        let reason = format!("{path} is missing or altered: see `archive verify`");
        self.report.gaps.push(Gap { since: None, until: None, object: Some(path), reason });
    }

    fn gain(&mut self, gain: Gain) -> Result<()> {
        self.report.records += gain.counts;
        if gain.covered.is_empty() && gain.objects.is_empty() && gain.counts == Counts::default() {
            return Ok(());
        }
        self.archive.add(gain)
    }

    #[cfg(feature = "object-storage")]
    fn bucket(&mut self, buckets: &Buckets, source: &str, exclude: &[Pattern]) -> Result<()> {
        use nhn_cloudtrail::{Store, Stored};

        /// The objects of one commit, whatever source is requested.
        struct Chosen(Mutex<Vec<Stored>>);

        impl Store for Chosen {
            fn find(&self, _: &Path) -> Option<Result<Vec<Stored>>> {
                let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                Some(Ok(std::mem::take(&mut files)))
            }
        }

        let objects = match buckets.list(source, exclude) {
            Ok(objects) => objects,
            Err(error) => {
                self.object_gap(source.to_owned(), explained(&error));
                self.report.error.get_or_insert(error);
                return Ok(());
            }
        };
        for (object, why) in &objects.odd {
            let help = "rename it, or leave it out with --exclude";
            self.object_gap(object.clone(), format!("it cannot be read: {why}; {help}"));
        }
        let known = self.archive.objects();
        let recorded = objects.listed();
        let new: Vec<usize> = (0..)
            .zip(&recorded)
            .filter(|(_, object)| !known.contains(object))
            .map(|(at, _)| at)
            .collect();
        let bytes = |at: &usize| recorded.get(*at).map_or(0, |object| object.bytes);
        let total = new.iter().map(bytes).sum();
        let mut done = 0;
        let mut rest = new.as_slice();
        while !rest.is_empty() {
            if self.context.is_late() {
                let reason = format!("{} objects not read: the deadline was reached", rest.len());
                let object = Some(source.to_owned());
                self.report.gaps.push(Gap { since: None, until: None, object, reason });
                break;
            }
            let mut size = 0;
            let count = rest.iter().take_while(|at| {
                let before = size;
                size += bytes(at);
                before < OBJECTS
            });
            let (chosen, after) = rest.split_at_checked(count.count()).unwrap_or((rest, &[]));
            rest = after;
            let (files, sent) = objects.files(chosen.iter().copied());
            let files = Chosen(Mutex::new(files));
            let batches = self.context.table.clone().store(Arc::new(files)).open([source])?;
            let progress = batches.progress();
            let mut failed = HashMap::new();
            let requests = self.report.requests;
            let tell = |context: &mut Context| {
                context.collected.total = total;
                context.tell(done + progress.bytes_read(), requests);
            };
            let mut gain = self.read(batches, tell, |error| {
                let name = error.position().and_then(|place| place.source.as_deref());
                failed.insert(name.unwrap_or(source).to_owned(), error);
            })?;
            let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let chosen_objects = chosen.iter().filter_map(|at| recorded.get(*at));
            for object in chosen_objects {
                match failed.get(&object.name) {
                    // The object is still not a log until it changes.
                    Some(error) if error.code() != Code::NotALog => (),
                    _ if sent.contains(&object.name) => gain.objects.push(object.clone()),
                    Some(_) => (),
                    None => {
                        let error = Error::new(Code::BadAnswer, "the object was not read");
                        failed.insert(object.name.clone(), error);
                    }
                }
            }
            let is_read = |object: &&Object| !failed.contains_key(&object.name);
            self.report.objects += gain.objects.iter().filter(is_read).count() as u64;
            self.gain(gain)?;
            done += chosen.iter().map(bytes).sum::<u64>();
            let mut failed: Vec<_> = failed.into_iter().collect();
            failed.sort_by(|a, b| a.0.cmp(&b.0));
            for (object, error) in failed {
                let mut reason = buckets.mask().excerpt(&explained(&error), EXCERPT);
                if error.code() == Code::NotALog {
                    reason.push_str("; it is not read again unless it changes");
                }
                self.object_gap(object, reason);
            }
        }
        Ok(())
    }

    /// Reports an object as missing, unless its loss was acknowledged.
    #[cfg(feature = "object-storage")]
    fn object_gap(&mut self, object: String, reason: String) {
        let is_final = |settled: &Settled| {
            settled.how == How::Final
                && matches!(&settled.loss, Loss::Object(name) if *name == object)
        };
        if !self.archive.ledger.settled().any(is_final) {
            let object = Some(object);
            self.report.gaps.push(Gap { since: None, until: None, object, reason });
        }
    }

    /// Records the result of the run in the ledger.
    fn end(mut self, names: BTreeMap<String, String>) -> Result<Report> {
        let run = Run {
            begun: time(self.begun),
            records: self.report.records,
            gaps: self.report.gaps.clone(),
            names,
        };
        self.archive.add(Gain { run: Some(run), ..Gain::default() })?;
        self.report.head.clone_from(&self.archive.ledger.head);
        self.report.warnings.append(&mut self.archive.warnings);
        Ok(self.report)
    }
}

impl Context {
    fn tell(&mut self, done: u64, requests: u64) {
        self.collected.done = done.min(self.collected.total);
        self.collected.requests = self.requests_before + requests;
        (self.progress)(self.collected);
    }

    /// Runs `work`, which may take long, in another thread. At the deadline the thread is abandoned and
    /// there is no result.
    fn waiting<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let stopped = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        let flag = stopped.clone();
        let thread = std::thread::Builder::new().name("nhn-cloudtrail".to_owned());
        let spawned = thread.spawn(move || {
            // The receiver may have been dropped.
            let _ = sender.send(work(&flag));
        });
        spawned.map_err(|error| {
            Error::new(Code::Io, "no thread can be started to ask the API").caused_by(error)
        })?;
        loop {
            match receiver.recv_timeout(Duration::from_millis(20)) {
                Ok(done) => return Ok(Some(done)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::new(Code::Panic, "a thread that asks the API has failed"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let checked = self.check();
                    if checked.is_err() || self.is_late() {
                        stopped.store(true, Ordering::Relaxed);
                        return checked.map(|()| None);
                    }
                }
            }
        }
    }

    /// Sends one request to the API to get the service's time. Returns the error if the request failed.
    fn probe(&self, client: &Client, query: &Query) -> Result<Option<Error>> {
        let (client, query) = (client.clone(), query.clone());
        let probed = self.waiting(move |stopped| client.probe(&query, stopped))?;
        Ok(probed.and_then(Result::err))
    }

    /// Returns whether the deadline was reached.
    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn check(&self) -> Result<()> {
        match (self.goes_on)() {
            true => Ok(()),
            false => Err(Error::new(Code::Interrupted, "the collection was stopped")),
        }
    }
}

/// Returns the total of each group of periods; `None` if it cannot be determined, or if the group has
/// only one period.
fn totals(client: &Client, groups: &[Vec<Period>], effort: Effort<'_>) -> Vec<Option<u64>> {
    let mut fails = false;
    let total = |group: &Vec<Period>| {
        if group.len() < 2 || fails {
            return None;
        }
        let (from, to) = plan::whole(group);
        let most = plan::records(group);
        let request = Request { from, to, only: &Only::default() };
        let total = client.total(request, most, effort);
        // The requests for the periods themselves will report the error.
        fails = total.is_err();
        Some(total.ok()?.unwrap_or(most + 1))
    };
    groups.iter().map(total).collect()
}

fn covered(source: &str, period: &Period) -> Option<Covered> {
    let Period { from, to, known, .. } = *period;
    Some(Covered { source: source.to_owned(), from, to, records: known?, whole: false })
}
