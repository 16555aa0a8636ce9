//! Fetches what an archive does not have, and adds it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{Code, Column, Error, Result};
use nhn_cloudtrail_arrow::{Batches, Dataset, Item, TableBuilder};

use crate::answer::ANSWERS;
use crate::archive::{Archive, EVENTS, Gain, slashes, time};
#[cfg(feature = "object-storage")]
use crate::bucket::Buckets;
use crate::client::{Client, Only, Query, RETENTION, now};
use crate::fetch::{Fetch, Fetched, Next, Period, is_final};
use crate::ledger::{Counts, Covered, Gap, Object, Run};
use crate::plan;
use crate::rejects::reject_line;
use crate::search::{queue, take, unaccounted};
use crate::sign::{Signer, sign};

/// How long at first, and at the most, what was fetched waits to come to the archive: what waits is lost
/// where the process ends, and each time costs a file a day.
const SOON: Duration = Duration::from_millis(250);
const LATE: Duration = Duration::from_secs(30);

/// How often what was fetched is compared with the API once more.
const ROUNDS: usize = 2;

/// How many periods may fail one after the other before the others are left for another time.
const FAILURES: usize = 3;

/// How many bytes of objects come to the archive at once.
#[cfg(feature = "object-storage")]
const OBJECTS: u64 = 64 << 20;

/// How far a collection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// How many records have come.
    pub fetched: u64,
    /// How much there is to fetch, and how much of it is done: milliseconds of time, or objects' bytes.
    pub total: u64,
    /// How much of it is done.
    pub done: u64,
    /// How many requests were sent to the API.
    pub requests: u64,
}

/// What a collection has done.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// How many records came, and what became of them.
    pub records: Counts,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// How many requests were sent to the API.
    pub requests: u64,
    /// How many objects were read.
    pub objects: u64,
    /// The hash of the ledger's last line, to be kept elsewhere.
    pub head: String,
    /// What made the collection end early: the service refuses, say.
    pub error: Option<Error>,
}

impl Report {
    /// Whether all was fetched, and all of it became events.
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty() && self.records.rejected == 0 && self.error.is_none()
    }
}

/// What the whole of a run needs to know.
struct Context {
    table: TableBuilder,
    goes_on: Arc<dyn Fn() -> bool + Send + Sync>,
    progress: Box<dyn FnMut(Collected) + Send>,
    collected: Collected,
}

/// Collects events into a local archive: what it does not have yet, from the query API, from a bucket,
/// or from both.
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
/// A run may be killed at any moment; the next one goes on where it stopped. What the archive has it
/// does not fetch again, but compares with the API by its number, and fetches where records have come
/// late.
#[must_use]
pub struct Collection {
    root: PathBuf,
    api: Option<(Client, Query)>,
    #[cfg(feature = "object-storage")]
    bucket: Option<(Buckets, String)>,
    signer: Option<Signer>,
    context: Context,
}

impl std::fmt::Debug for Collection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collection").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Collection {
    /// Collects into an archive, which is begun where there is none.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let mut columns = Column::standard().to_vec();
        columns.push(Column::Raw);
        Self {
            root: root.into(),
            api: None,
            #[cfg(feature = "object-storage")]
            bucket: None,
            signer: None,
            context: Context {
                // What comes twice is left out; and the records are kept as they came.
                table: TableBuilder::new().columns(&columns).dedup(true),
                goes_on: Arc::new(|| true),
                progress: Box::new(|_| ()),
                collected: Collected::default(),
            },
        }
    }

    /// From the query API. What narrows the query down is not looked at: an archive has everything.
    pub fn api(mut self, client: Client, query: Query) -> Self {
        self.api = Some((client, query));
        self
    }

    /// From the objects of `s3://bucket/prefix`.
    #[cfg(feature = "object-storage")]
    pub fn bucket(mut self, buckets: Buckets, source: impl Into<String>) -> Self {
        self.bucket = Some((buckets, source.into()));
        self
    }

    /// Signs the ledger's head at the end.
    pub fn signer(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    /// The catalog and the language of the event names in the archive.
    pub fn names(mut self, catalog: Catalog, lang: Lang) -> Self {
        self.context.table = self.context.table.catalog(catalog).lang(lang);
        self
    }

    /// Asks `goes_on` again and again whether to go on. Where not, the run ends with `INTERRUPTED`; the
    /// archive is as after the last time that something came to it.
    pub fn watch(mut self, goes_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.context.goes_on = Arc::new(goes_on);
        let goes_on = self.context.goes_on.clone();
        self.context.table = self.context.table.watch(move || goes_on());
        self
    }

    /// Tells `progress` again and again how far it has come.
    pub fn progress(mut self, progress: impl FnMut(Collected) + Send + 'static) -> Self {
        self.context.progress = Box::new(progress);
        self
    }

    /// Collects.
    ///
    /// # Errors
    ///
    /// `INVALID_TIME` for a period that the API cannot tell of, `INVALID_OPTION` where there is nothing to
    /// collect from, `LOCKED` where another run is at the archive, `INVALID_ARCHIVE` where its ledger does
    /// not hold, `IO` where it cannot be written, `INTERRUPTED`. What the service refuses or does not
    /// answer is not an error but [`Report::error`] and [`Report::gaps`], since what came before it is in the
    /// archive.
    pub fn run(self) -> Result<Report> {
        let period = self.api.as_ref().map(|(_, query)| query.period()).transpose()?;
        let has_bucket = {
            #[cfg(feature = "object-storage")]
            let has_bucket = self.bucket.is_some();
            #[cfg(not(feature = "object-storage"))]
            let has_bucket = false;
            has_bucket
        };
        if period.is_none() && !has_bucket {
            let message = "there is nothing to collect from: give the query API, a bucket, or both";
            return Err(Error::new(Code::InvalidOption, message));
        }
        #[cfg(feature = "object-storage")]
        if let Some((buckets, source)) = &self.bucket {
            buckets.open(source)?;
        }
        let mut run = Collecting {
            begun: now(),
            answered: false,
            archive: Archive::open(&self.root)?,
            context: self.context,
            report: Report {
                records: Counts::default(),
                gaps: Vec::new(),
                requests: 0,
                objects: 0,
                head: String::new(),
                error: None,
            },
        };
        for path in run.archive.damaged.clone() {
            run.damaged(path);
        }
        if let Some(((client, _), period)) = self.api.zip(period) {
            let before = client.requests();
            run.api(&client, period)?;
            run.report.requests = client.requests() - before;
        }
        #[cfg(feature = "object-storage")]
        if let Some((buckets, source)) = self.bucket {
            run.bucket(&buckets, &source)?;
        }
        run.end(self.signer.as_ref())
    }
}

struct Collecting {
    begun: i64,
    /// Whether the API has answered a question for records at all.
    answered: bool,
    archive: Archive,
    context: Context,
    report: Report,
}

/// Answers as a stream, until it is time for them to come to the archive.
#[derive(Clone)]
struct Answers(Arc<Mutex<Stretch>>);

struct Stretch {
    fetch: Fetch,
    answers: VecDeque<Bytes>,
    /// When what came is to come to the archive.
    due: Instant,
    over: bool,
    got: Got,
}

/// What became of periods.
#[derive(Default)]
struct Got {
    same: HashSet<(i64, i64)>,
    read: Vec<Period>,
    /// What others were fetched in the place of, with the records that it had before that.
    cut: Vec<(Period, Option<u64>)>,
    failed: Vec<(Period, Error)>,
    answered: bool,
    /// How many failed one after the other.
    in_a_row: usize,
    /// How much time was dealt with, in milliseconds.
    done: u64,
}

impl Answers {
    fn lock(&self) -> MutexGuard<'_, Stretch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stretch {
    /// Takes the next period; false where it is to be waited for.
    fn advance(&mut self) -> bool {
        let got = &mut self.got;
        match self.fetch.next() {
            Next::End => self.over = true,
            Next::Wait => return false,
            Next::Period(period, fetched) => {
                if !matches!(fetched, Fetched::Cut(_)) {
                    got.done += (period.to - period.from).unsigned_abs();
                }
                got.answered |= !matches!(fetched, Fetched::Failed(_));
                match fetched {
                    Fetched::Cut(total) => got.cut.push((period, total)),
                    Fetched::Same => {
                        got.same.insert((period.from, period.to));
                        got.in_a_row = 0;
                    }
                    Fetched::Other => got.in_a_row = 0,
                    Fetched::All { answers, records, missing } => {
                        got.in_a_row = 0;
                        queue(&mut self.answers, answers);
                        if missing == 0 {
                            got.read.push(Period { known: Some(records), ..period });
                        } else {
                            got.failed.push((period, unaccounted(missing)));
                        }
                    }
                    Fetched::Failed(error) => {
                        got.in_a_row += 1;
                        self.over = got.in_a_row >= FAILURES || is_final(&error);
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
                // Whoever collects may want to stop.
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(take(&mut stretch.answers, buffer))
    }
}

impl Collecting {
    fn api(&mut self, client: &Client, (since, until): (i64, i64)) -> Result<()> {
        let oldest = now() - RETENTION.as_millis() as i64;
        let source = client.source().to_owned();
        // First what is missing, so that a run which is soon killed comes further than the one before.
        let missing = plan::missing(since, until, &self.archive.known(&source).0);
        let fresh = self.round(client, &source, &missing)?;
        let mut failures = fresh.failed;
        // Then what came late, also while this was read.
        let (mut known, mut wholes) = self.archive.known(&source);
        // What had so many records before its parts were read, and has as many after that, is all here.
        let cut = fresh.cut.into_iter().filter_map(|(Period { from, to, .. }, total)| {
            Some(Covered { source: source.clone(), from, to, records: total?, whole: true })
        });
        let cut: Vec<Covered> = cut.collect();
        wholes.extend(cut.iter().map(|cut| ((cut.from, cut.to), cut.records)));
        // What the service has begun to forget cannot be compared.
        known.retain(|period| period.from >= oldest && period.from < until && period.to > since);
        let mut groups = plan::groups(&known);
        let asked = groups.iter().filter_map(|group| {
            let (from, to) = plan::whole(group);
            let known = Some(*wholes.get(&(from, to))?);
            Some(Period { from, to, known, only_compare: true })
        });
        let asked: Vec<Period> = asked.collect();
        let got = self.round(client, &source, &asked)?;
        failures.extend(got.failed);
        let is_same = |cut: &Covered| got.same.contains(&(cut.from, cut.to));
        let covered = cut.into_iter().filter(is_same).collect();
        self.gain(Gain { covered, ..Gain::default() })?;
        groups.retain(|group| !got.same.contains(&plan::whole(group)));
        // What may have got more records, as long as nobody knows.
        let mut unsure: BTreeSet<(i64, i64)> = groups.concat().iter().map(Period::ends).collect();
        for _ in 0..ROUNDS {
            if groups.is_empty() || failures.iter().any(|(_, error)| is_final(error)) {
                break;
            }
            let totals = self.context.waiting(|stopped| totals(client, &groups, stopped))?;
            let got = self.round(client, &source, &groups.concat())?;
            self.sum_up(&source, &groups, &totals, &got.same)?;
            failures.extend(got.failed);
            let read: HashSet<_> = got.read.iter().map(Period::ends).collect();
            unsure.extend(groups.concat().iter().map(Period::ends));
            for ends in got.same.iter().chain(&read) {
                unsure.remove(ends);
            }
            // What was fetched in the place of these is known by itself, or is not covered.
            for (period, _) in got.cut {
                unsure.remove(&period.ends());
            }
            let known = self.archive.known(&source).0;
            let is_read = |group: &Vec<Period>| {
                let (from, to) = plan::whole(group);
                read.iter().any(|period| period.0 >= from && period.1 <= to)
            };
            // Those of which something was read, as they are now.
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
        let known = self.archive.known(&source).0;
        let gap = |(since, until): (i64, i64), what: &str| {
            let near = |(period, _): &&(Period, Error)| period.from < until && period.to > since;
            let reason = match failures.iter().find(near).or(failures.last()) {
                Some((_, error)) => format!("{what}{error}"),
                None => format!("{what}it was not come to"),
            };
            let (since, until) = (Some(time(since)), Some(time(until)));
            Gap { since, until, object: None, reason }
        };
        let uncovered = plan::uncovered(since, until, &known).into_iter();
        let mut gaps: Vec<Gap> = uncovered.map(|stretch| gap(stretch, "")).collect();
        let unsure = plan::stretches(unsure, since, until).into_iter();
        gaps.extend(unsure.map(|stretch| {
            gap(
                stretch,
                "records that came late may be missing, since the API could not be asked: ",
            )
        }));
        self.report.gaps.extend(gaps);
        let nothing = !self.answered;
        let mut errors = failures.into_iter().map(|(_, error)| error);
        self.report.error = errors.find(|error| nothing || is_final(error));
        Ok(())
    }

    /// Writes down what periods have together that were compared one by one. That was asked before they
    /// were compared: where all are the same after that, all that was counted is in the archive.
    fn sum_up(
        &mut self,
        source: &str,
        groups: &[Vec<Period>],
        totals: &[Option<u64>],
        same: &HashSet<(i64, i64)>,
    ) -> Result<()> {
        let is_same = |period: &Period| same.contains(&(period.from, period.to));
        let sums = groups.iter().zip(totals).filter_map(|(group, total)| {
            let (from, to) = plan::whole(group);
            let records = total.filter(|_| group.iter().all(is_same))?;
            Some(Covered { source: source.to_owned(), from, to, records, whole: true })
        });
        self.gain(Gain { covered: sums.collect(), ..Gain::default() })
    }

    /// Fetches periods, and adds what comes of them to the archive.
    fn round(&mut self, client: &Client, source: &str, asked: &[Period]) -> Result<Got> {
        let total: i64 = asked.iter().map(|period| period.to - period.from).sum();
        self.context.collected.done = 0;
        self.context.collected.total = total.unsigned_abs();
        let answers = Answers(Arc::new(Mutex::new(Stretch {
            fetch: Fetch::new(client, Only::default(), asked.iter().copied())?,
            answers: VecDeque::new(),
            due: Instant::now() + SOON,
            over: false,
            got: Got::default(),
        })));
        let mut all = Got::default();
        let mut pause = SOON;
        loop {
            // No table is begun for nothing.
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
                let (done, in_a_row) = (stretch.got.done, stretch.got.in_a_row);
                std::mem::replace(&mut stretch.got, Got { done, in_a_row, ..Got::default() })
            };
            // What was known and has outgrown a page is no period of its own any more.
            let outgrown = got.cut.iter().filter(|(period, _)| period.known.is_some());
            let outgrown = outgrown.filter_map(|(period, total)| {
                let records = total.unwrap_or_default();
                Some(Covered { records, whole: true, ..covered(source, period)? })
            });
            let read = got.read.iter().filter_map(|period| covered(source, period));
            gain.covered = outgrown.chain(read).collect();
            self.gain(gain)?;
            self.context.tell(got.done, client.requests());
            self.answered |= got.answered;
            all.same.extend(got.same);
            all.read.extend(got.read);
            all.cut.extend(got.cut);
            all.failed.extend(got.failed);
            let stretch = answers.lock();
            if stretch.over && stretch.answers.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Reads what came into files that are to come to the archive.
    fn read(
        &mut self,
        mut batches: Batches,
        mut tell: impl FnMut(&mut Context),
        mut wrong: impl FnMut(Error),
    ) -> Result<Gain> {
        let events = self.archive.events();
        let mut dataset = Dataset::open_known(&events, batches.schema(), 0, self.archive.tables())?;
        let mut gain = Gain::default();
        let mut known = 0;
        let before = self.context.collected.fetched;
        while let Some(item) = batches.next_item() {
            match item {
                Ok(Item::Batch(batch)) => dataset.write(&batch)?,
                Ok(Item::Reject(reject)) if self.archive.is_new_reject(reject.raw())? => {
                    gain.rejects.extend_from_slice(&reject_line(&reject));
                    gain.rejected += 1;
                }
                Ok(Item::Reject(_)) => known += 1,
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

    fn damaged(&mut self, path: String) {
        let reason = format!("{path} is gone or altered: `archive verify` says more");
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
    fn bucket(&mut self, buckets: &Buckets, source: &str) -> Result<()> {
        use nhn_cloudtrail::{Store, Stored};

        /// The objects of a stretch, in place of whatever source.
        struct Chosen(Mutex<Vec<Stored>>);

        impl Store for Chosen {
            fn find(&self, _: &Path) -> Option<Result<Vec<Stored>>> {
                let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                Some(Ok(std::mem::take(&mut files)))
            }
        }

        let objects = match buckets.list(source) {
            Ok(objects) => objects,
            Err(error) => {
                let reason = error.to_string();
                let object = Some(source.to_owned());
                self.report.gaps.push(Gap { since: None, until: None, object, reason });
                self.report.error.get_or_insert(error);
                return Ok(());
            }
        };
        let known = self.archive.objects();
        let recorded = objects.recorded();
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
            let mut size = 0;
            let count = rest.iter().take_while(|at| {
                let before = size;
                size += bytes(at);
                before < OBJECTS
            });
            let (chosen, after) = rest.split_at_checked(count.count()).unwrap_or((rest, &[]));
            rest = after;
            let files = Chosen(Mutex::new(objects.files(chosen.iter().copied())));
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
            let read = chosen.iter().filter_map(|at| recorded.get(*at));
            gain.objects = read
                .filter(|object| !failed.contains_key(&object.name))
                .cloned()
                .collect::<Vec<Object>>();
            self.report.objects += gain.objects.len() as u64;
            self.gain(gain)?;
            done += chosen.iter().map(bytes).sum::<u64>();
            let mut failed: Vec<_> = failed.into_iter().collect();
            failed.sort_by(|a, b| a.0.cmp(&b.0));
            for (object, error) in failed {
                let reason = error.to_string();
                self.report.gaps.push(Gap {
                    since: None,
                    until: None,
                    object: Some(object),
                    reason,
                });
            }
        }
        Ok(())
    }

    /// Writes down how the run went.
    fn end(mut self, signer: Option<&Signer>) -> Result<Report> {
        let run = Run {
            begun: time(self.begun),
            records: self.report.records,
            gaps: self.report.gaps.clone(),
        };
        self.archive.add(Gain { run: Some(run), ..Gain::default() })?;
        let ledger = &self.archive.ledger;
        if let Some(signer) = signer {
            sign(signer, &self.archive.own(), ledger.entries.len() as u64, &ledger.head)?;
        }
        self.report.head.clone_from(&ledger.head);
        Ok(self.report)
    }
}

impl Context {
    fn tell(&mut self, done: u64, requests: u64) {
        self.collected.done = done.min(self.collected.total);
        self.collected.requests = requests;
        (self.progress)(self.collected);
    }

    /// Does what may take long in another thread, so that it can be stopped.
    fn waiting<T: Send>(&self, work: impl FnOnce(&AtomicBool) -> T + Send) -> Result<T> {
        let stopped = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| work(&stopped));
            while !thread.is_finished() && self.check().is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
            stopped.store(true, Ordering::Relaxed);
            let done = thread.join();
            self.check()?;
            done.map_err(|_| Error::new(Code::Panic, "a thread that asks has failed"))
        })
    }

    fn check(&self) -> Result<()> {
        match (self.goes_on)() {
            true => Ok(()),
            false => Err(Error::new(Code::Interrupted, "the collection was stopped")),
        }
    }
}

/// How many records each group of periods has together; none where that cannot be told, or is that of
/// its one period.
fn totals(client: &Client, groups: &[Vec<Period>], stopped: &AtomicBool) -> Vec<Option<u64>> {
    let mut fails = false;
    let total = |group: &Vec<Period>| {
        if group.len() < 2 || fails {
            return None;
        }
        let (from, to) = plan::whole(group);
        let most = group.iter().filter_map(|period| period.known).sum();
        let request = crate::client::Request { from, to, only: &Only::default() };
        let total = client.total(request, most, stopped);
        // The periods themselves will say what is the matter.
        fails = total.is_err();
        total.ok().flatten()
    };
    groups.iter().map(total).collect()
}

fn covered(source: &str, period: &Period) -> Option<Covered> {
    let Period { from, to, known, .. } = *period;
    Some(Covered { source: source.to_owned(), from, to, records: known?, whole: false })
}
