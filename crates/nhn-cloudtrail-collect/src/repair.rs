//! Reads again what an archive has lost.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{Error, Result, Timestamp};

use crate::archive::{Again, Archive, Gain, Guards, REJECTS, known, time};
#[cfg(feature = "object-storage")]
use crate::bucket::Buckets;
use crate::client::{Client, Query, RETENTION, now};
use crate::collect::{Collected, Collection, Report};
use crate::departure::original;
use crate::ledger::{Counts, Gap, How, Ledger, Loss, Object, RecordedFile, Run, Settled, Why};
use crate::losses::{Damage, LossState, LossStatus, damaged, day_of};
use crate::operation::Operation;
use crate::plan::{self, DAY};
use crate::sign::Signer;

/// The oldest events of the API are not requested: they may be deleted before the request arrives.
const MARGIN: i64 = 10 * 60_000;

/// Reads again what an archive has lost, from buckets, and from the query API as long as it keeps the
/// events.
///
/// ```no_run
/// use nhn_cloudtrail_collect::{Client, Repair, Settings};
///
/// let client = Client::builder(Settings::default().complete(None)?).build()?;
/// let report = Repair::new("archive/").api(client).run()?;
/// for loss in &report.left {
///     println!("{}: {}", loss.what(), loss.reason);
/// }
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
///
/// Every file is compared with the ledger first. For a file that is missing or altered, its whole day is
/// read again. For a file of rejects or of events without a time, everything is read again, since the
/// origin of its records is unknown. A file counts as repaired only if all its sources were read again
/// completely, and the archive then has at least as many records of that day as it had with the file.
/// Periods that were never fetched are fetched as well.
#[derive(Debug)]
#[must_use]
pub struct Repair {
    root: PathBuf,
    collection: Collection,
    guards: Guards,
    goes_on: Watch,
    /// The client of each organization, and the name of the source.
    pub(crate) clients: Vec<(Client, Option<String>)>,
    /// The client of each bucket, its URL, and the name of the source.
    #[cfg(feature = "object-storage")]
    pub(crate) buckets: Vec<(Buckets, String, Option<String>)>,
}

struct Watch(Arc<dyn Fn() -> bool + Send + Sync>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

/// The result of a [`Repair`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RepairReport {
    /// Losses that were repaired.
    pub repaired: Vec<LossStatus>,
    /// Losses that remain, with the reason.
    pub left: Vec<LossStatus>,
    /// Number of records received, and what they became.
    pub records: Counts,
    /// Number of requests sent to the API.
    pub requests: u64,
    /// Number of objects read.
    pub objects: u64,
    /// Hash of the ledger's last line.
    pub head: String,
    /// Problems that did not stop the operation, such as a head file that could not be written.
    pub warnings: Vec<String>,
    /// The error that ended the reading early.
    pub error: Option<Error>,
}

impl RepairReport {
    /// Returns whether no open losses remain and the reading was not ended by an error.
    pub fn is_complete(&self) -> bool {
        self.left.is_empty() && self.error.is_none()
    }
}

/// What a lost file was part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// A day, by its start.
    Day(i64),
    Undated,
    Rejects,
}

impl Scope {
    fn of(path: &str) -> Self {
        match day_of(path) {
            _ if path.starts_with(REJECTS) => Scope::Rejects,
            Some(day) => Scope::Day(day),
            None => Scope::Undated,
        }
    }
}

/// The sources of records.
#[derive(Default)]
struct Origin {
    sources: BTreeSet<String>,
    objects: HashSet<Object>,
}

struct LostFile {
    file: RecordedFile,
    damage: Damage,
    scope: Scope,
    origin: Origin,
}

impl LostFile {
    /// Returns why reading the sources again cannot replace the file, if it cannot.
    fn why_not(&self) -> Option<&'static str> {
        match self.damage {
            // The repaired file would be written there.
            Damage::NoFile => Some(Damage::NoFile.told()),
            _ if original(&self.file.path).is_some() => {
                Some("it was kept as evidence of an alteration, and no source has it")
            }
            _ => None,
        }
    }
}

impl Repair {
    /// Creates a repair of the archive at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            collection: Collection::new(&root),
            root,
            guards: Guards::default(),
            goes_on: Watch(Arc::new(|| true)),
            clients: Vec::new(),
            #[cfg(feature = "object-storage")]
            buckets: Vec::new(),
        }
    }

    /// Reads from the query API.
    pub fn api(mut self, client: Client) -> Self {
        self.clients.push((client, None));
        self
    }

    /// Reads from the objects of `s3://bucket/prefix`.
    #[cfg(feature = "object-storage")]
    pub fn bucket(mut self, buckets: Buckets, source: impl Into<String>) -> Self {
        self.buckets.push((buckets, source.into(), None));
        self
    }

    /// Signs the ledger's head at the end.
    pub fn signer(mut self, signer: Signer) -> Self {
        self.guards.signer = Some(Arc::new(signer));
        self
    }

    /// Sets a file outside of the archive that keeps its newest head; see
    /// [`Collection::head_file`](crate::Collection::head_file).
    pub fn head_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.guards.head_file = Some(path.into());
        self
    }

    /// Sets the catalog and the language of the event names in the archive.
    pub fn names(mut self, catalog: Catalog, lang: Lang) -> Self {
        self.collection = self.collection.names(catalog, lang);
        self
    }

    /// Sets a callback that is polled during the repair and returns whether to continue. If it returns
    /// false, the repair ends with `INTERRUPTED`.
    pub fn watch(mut self, goes_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let goes_on: Arc<dyn Fn() -> bool + Send + Sync> = Arc::new(goes_on);
        self.goes_on = Watch(goes_on.clone());
        self.collection = self.collection.watch(move || goes_on());
        self
    }

    /// Sets a callback that receives the progress of the reading.
    pub fn progress(mut self, progress: impl FnMut(Collected) + Send + 'static) -> Self {
        self.collection = self.collection.progress(progress);
        self
    }

    /// Runs the repair.
    ///
    /// # Errors
    ///
    /// Those of [`Collection::run`], and `NOT_FOUND` if there is no archive. If the service refuses a
    /// request or does not respond, this is not an error. It is reported in [`RepairReport::error`].
    pub fn run(self) -> Result<RepairReport> {
        let operation = Operation { root: self.root, guards: self.guards };
        let begun = now();
        let archive = operation.open()?;
        let goes_on = self.goes_on.0;
        let found = damaged(archive.root(), &archive.ledger, &mut |_, _| goes_on())?;
        let history = History::new(&archive.ledger);
        let lost = found.iter().map(|(file, damage)| LostFile {
            scope: Scope::of(&file.path),
            origin: history.origin(&file.path),
            file: file.clone(),
            damage: *damage,
        });
        let lost: Vec<LostFile> = lost.collect();
        let can_heal = |lost: &&LostFile| lost.why_not().is_none();
        let gaps = archive.ledger.open_gaps();
        let opened_with = archive.ledger.entries.len();
        let before: Vec<Gap> = last_gaps(&archive.ledger).to_vec();
        if lost.is_empty() && gaps.is_empty() {
            let head = operation.close(&archive)?;
            return Ok(RepairReport { head, ..RepairReport::default() });
        }
        // Other runs may use the archive now; what they add is checked with the rest.
        drop(archive);
        let oldest = begun - RETENTION.as_millis() as i64 + MARGIN;
        let range = range(lost.iter().filter(can_heal), &gaps, (oldest, begun));
        let again = Again {
            periods: lost.iter().filter(can_heal).any(|lost| !matches!(lost.scope, Scope::Day(_))),
            objects: lost.iter().filter(can_heal).any(|lost| !lost.origin.objects.is_empty()),
        };
        let damaged: Vec<String> =
            lost.iter().filter(can_heal).map(|lost| lost.file.path.clone()).collect();
        let mut collection = self.collection.again(again, damaged).guards(operation.guards.clone());
        let mut asks = false;
        let mut read = Read { clients: BTreeSet::new(), buckets: Vec::new(), oldest, until: begun };
        for (client, name) in self.clients {
            let Some((from, to)) = range else { break };
            let (Some(since), Some(until)) =
                (Timestamp::from_millis(from), Timestamp::from_millis(to))
            else {
                break;
            };
            read.clients.insert(client.source().to_owned());
            collection = collection.api(client, Query::since(since).until(until));
            if let Some(name) = name {
                collection = collection.named(name);
            }
            asks = true;
        }
        #[cfg(feature = "object-storage")]
        for (buckets, source, name) in self.buckets {
            read.buckets.push(source.clone());
            collection = collection.bucket(buckets, source);
            if let Some(name) = name {
                collection = collection.named(name);
            }
            asks = true;
        }
        let collected = if asks { Some(collection.run()?) } else { None };
        let mut archive = operation.open()?;
        let mut report = RepairReport::default();
        let mut gain = Gain::default();
        read.until = range.map_or(begun, |(_, to)| to);
        decide(&archive, opened_with, lost, &read, collected.as_ref(), &mut gain, &mut report);
        if let Some(Report { records, requests, objects, gaps, error, warnings, .. }) = collected {
            // Gaps that this run did not check remain.
            let carried: Vec<Gap> = before.into_iter().filter(|gap| !read.has(gap)).collect();
            if !carried.is_empty() {
                let gaps = gaps.into_iter().chain(carried).collect();
                let names = BTreeMap::new();
                let records = Counts::default();
                gain.run = Some(Run { begun: time(begun), records, gaps, names });
            }
            report.records = records;
            report.requests = requests;
            report.objects = objects;
            report.error = error;
            report.warnings = warnings;
        }
        if !gain.settled.is_empty() || gain.run.is_some() {
            archive.add(gain)?;
        }
        let open = archive.ledger.open_gaps().into_iter();
        report
            .left
            .extend(open.map(|(loss, why)| LossStatus::of(&loss, LossState::Open, why, None)));
        report.head = operation.close(&archive)?;
        report.warnings.append(&mut archive.warnings);
        Ok(report)
    }
}

/// What was requested from which source.
struct Read {
    clients: BTreeSet<String>,
    buckets: Vec<String>,
    /// Start of the period of which the API has all events.
    oldest: i64,
    until: i64,
}

impl Read {
    /// Returns whether a gap of an earlier run was checked again.
    fn has(&self, gap: &Gap) -> bool {
        match &gap.object {
            Some(object) if object.starts_with("s3://") => self.has_object(object),
            // The next run reports lost files.
            Some(_) => true,
            None => !self.clients.is_empty(),
        }
    }

    fn has_object(&self, object: &str) -> bool {
        self.buckets.iter().any(|source| object.starts_with(source.as_str()))
    }
}

/// Returns the period that contains everything to be read from the API.
fn range<'a>(
    lost: impl Iterator<Item = &'a LostFile>,
    gaps: &[(Loss, String)],
    (oldest, now): (i64, i64),
) -> Option<(i64, i64)> {
    let of_files = lost.map(|lost| match lost.scope {
        Scope::Day(day) => (day, day + DAY),
        Scope::Undated | Scope::Rejects => (oldest, now),
    });
    let of_gaps = gaps.iter().filter_map(|(loss, _)| match loss {
        Loss::Period { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    let ends = of_files.chain(of_gaps).map(|(from, to)| (from.max(oldest), to.min(now)));
    ends.filter(|(from, to)| from < to)
        .reduce(|(from, to), (from_next, to_next)| (from.min(from_next), to.max(to_next)))
}

/// Which files each entry added, and which files they replaced.
struct History<'a> {
    ledger: &'a Ledger,
    /// The index of the entry and the file, by path.
    files: HashMap<&'a str, (usize, &'a RecordedFile)>,
    /// Compacted files, by the path of the file that replaced them.
    parts: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> History<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        let mut files = HashMap::new();
        let mut parts = HashMap::<&str, Vec<&str>>::new();
        for (at, entry) in ledger.entries.iter().enumerate() {
            files.extend(entry.files.iter().map(|file| (file.path.as_str(), (at, file))));
            for removed in &entry.removed {
                let Why::Compacted { into, .. } = &removed.why else { continue };
                for path in into {
                    let paths = removed.paths.iter().map(String::as_str);
                    parts.entry(path).or_default().extend(paths);
                }
            }
        }
        Self { ledger, files, parts }
    }

    /// Returns the files in which the records of a file were first added, with the index of their entry.
    fn first_files(&self, path: &'a str) -> Vec<(usize, &'a RecordedFile)> {
        let mut found = Vec::new();
        let mut todo = vec![path];
        let mut seen = HashSet::new();
        while let Some(path) = todo.pop() {
            if !seen.insert(path) {
                continue;
            }
            match self.parts.get(path) {
                Some(parts) => todo.extend(parts),
                None => found.extend(self.files.get(path).copied()),
            }
        }
        found
    }

    /// Returns the sources of the records that an entry added.
    fn origin_at(&self, at: usize) -> Origin {
        let mut origin = Origin::default();
        let Some(entry) = self.ledger.entries.get(at) else { return origin };
        origin.sources.extend(entry.covered.iter().map(|covered| covered.source.clone()));
        origin.objects.extend(entry.objects.iter().cloned());
        if entry.covered.is_empty() && entry.objects.is_empty() {
            // The records may be of periods that were not read to their ends, of any source.
            origin.sources.extend(self.ledger.sources().into_iter().map(str::to_owned));
        }
        origin
    }

    /// Returns the sources of the records of a file.
    fn origin(&self, path: &'a str) -> Origin {
        let mut origin = Origin::default();
        let entries: BTreeSet<usize> =
            self.first_files(path).into_iter().map(|(at, _)| at).collect();
        for at in entries {
            let Origin { sources, objects } = self.origin_at(at);
            origin.sources.extend(sources);
            origin.objects.extend(objects);
        }
        origin
    }
}

impl Origin {
    /// Returns whether some records may have come from both.
    fn shares(&self, other: &Self) -> bool {
        let is_of_other = |object: &Object| other.objects.iter().any(|o| o.name == object.name);
        !self.sources.is_disjoint(&other.sources) || self.objects.iter().any(is_of_other)
    }
}

/// Decides which lost files are repaired, and why the others are not.
fn decide(
    archive: &Archive,
    opened_with: usize,
    lost: Vec<LostFile>,
    read: &Read,
    collected: Option<&Report>,
    gain: &mut Gain,
    report: &mut RepairReport,
) {
    let ledger = &archive.ledger;
    let history = History::new(ledger);
    let paths: HashSet<&str> = lost.iter().map(|lost| lost.file.path.as_str()).collect();
    for lost_file in &lost {
        let LostFile { file, damage, scope, origin } = lost_file;
        // Files that were lost together are counted together.
        let others =
            lost.iter().filter(|other| other.scope == *scope && other.origin.shares(origin));
        let entries = others.flat_map(|other| history.first_files(&other.file.path));
        let last = entries.map(|(at, _)| at).max().unwrap_or_default();
        let (mut present, mut expected) = (0, 0);
        for file in ledger.files().filter(|file| Scope::of(&file.path) == *scope) {
            let is_lost =
                paths.contains(file.path.as_str()) || archive.damaged.contains(&file.path);
            for (at, first) in history.first_files(&file.path) {
                if history.origin_at(at).shares(origin) {
                    present += if is_lost { 0 } else { first.records };
                    expected += if at > last { 0 } else { first.records };
                }
            }
        }
        let read_again = match lost_file.why_not() {
            Some(reason) => Err(reason.to_owned()),
            None => read_again(ledger, opened_with, *scope, origin, read, collected),
        };
        let verdict = read_again.and_then(|from| match present >= expected {
            true => Ok(format!("read again from {from}: {present} of {expected} records")),
            false => Err(format!(
                "{from} gave only {present} of the {expected} records that the archive had with it"
            )),
        });
        let loss = Loss::File(file.path.clone());
        let (list, state, reason) = match verdict {
            Ok(reason) => (&mut report.repaired, LossState::Repaired, reason),
            Err(reason) => (&mut report.left, LossState::Open, reason),
        };
        let status = LossStatus::of(&loss, state, reason.clone(), None);
        list.push(LossStatus { records: Some(file.records), ..status });
        if state == LossState::Repaired {
            if *damage == Damage::Altered {
                gain.set_aside.push(file.path.clone());
            }
            gain.settled.push(Settled { loss, how: How::Repaired, reason });
        }
    }
}

/// Returns the sources from which everything that a lost file was part of was read again; or why it was
/// not.
fn read_again(
    ledger: &Ledger,
    opened_with: usize,
    scope: Scope,
    origin: &Origin,
    read: &Read,
    collected: Option<&Report>,
) -> Result<String, String> {
    let since = ledger.entries.iter().skip(opened_with);
    let mut from = Vec::new();
    if origin.sources.is_empty() && origin.objects.is_empty() {
        return Err("the ledger does not say where it came from".to_owned());
    }
    for source in &origin.sources {
        if !read.clients.contains(source) {
            return Err(format!(
                "it came from the organization {source}, which was not asked: give its base URL and appkey"
            ));
        }
        let (begin, end) = match scope {
            Scope::Day(day) if day < read.oldest => {
                return Err("the API has forgotten this day, or a part of it".to_owned());
            }
            Scope::Day(day) => (day, (day + DAY).min(read.until)),
            Scope::Undated | Scope::Rejects => (read.oldest, read.until),
        };
        let covered = since.clone().flat_map(|entry| &entry.covered);
        let (known, _) = known(covered.filter(|covered| covered.source == *source));
        let gap = collected.into_iter().flat_map(|report| &report.gaps).find(|gap| {
            let ends = |end: &Option<String>| Some(Timestamp::parse(end.as_deref()?)?.as_millis());
            let ends = ends(&gap.since).zip(ends(&gap.until));
            ends.is_some_and(|(since, until)| since < end && until > begin)
        });
        if let Some(gap) = gap {
            return Err(format!("the API was not read to the end: {}", gap.reason));
        }
        if !plan::uncovered(begin, end, &known).is_empty() {
            return Err("the API was not read to the end".to_owned());
        }
        from.push("the API".to_owned());
    }
    let objects: HashSet<&Object> = since.flat_map(|entry| &entry.objects).collect();
    let missing = origin.objects.iter().filter(|object| !objects.contains(object));
    if let Some(name) = missing.map(|object| &object.name).min() {
        return Err(match read.has_object(name) {
            true => format!("{name} is no longer in the bucket as it was, or cannot be read"),
            false => format!("it came from {name}: give that bucket"),
        });
    }
    match origin.objects.len() {
        0 => (),
        1 => from.push("1 object".to_owned()),
        count => from.push(format!("{count} objects")),
    }
    from.dedup();
    Ok(from.join(" and "))
}

fn last_gaps(ledger: &Ledger) -> &[Gap] {
    let run = ledger.entries.iter().rev().find_map(|entry| entry.run.as_ref());
    run.map_or(&[], |run| &run.gaps)
}
