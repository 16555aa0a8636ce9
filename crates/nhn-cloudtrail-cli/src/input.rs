//! Events or rows from sources; rejects, errors of sources, counts and progress on the side.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anstyle::AnsiColor;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use nhn_cloudtrail::{
    Column, Error, Event, Item, Limits, Progress, Reader, ReaderBuilder, Reject, Stats, Store,
};
use nhn_cloudtrail_arrow::{Batches, Parquet, TableBuilder};
use nhn_cloudtrail_collect::{Buckets, reject_line};

use crate::args::InputArgs;
use crate::context::{Context, Stop, Warnings, counted, thousands};
use crate::filters::{EmptyResult, EventFilter};
use crate::output::Output;
use crate::progress::Bar;
use crate::{ALL_READ, COULD_NOT_RUN, SOME_REJECTED};

/// How many rejects are told one by one.
const TOLD: u64 = 5;

/// What is read: events one by one, or rows in batches.
pub(crate) struct Input<S> {
    stream: S,
    rejects: Option<Output>,
    warnings: Warnings,
    failed_sources: u64,
    result_is_stdout: bool,
    filters: EmptyResult,
}

/// What a stream gives.
pub(crate) enum Found<T> {
    Result(T),
    Reject(Reject),
}

impl From<Item> for Found<Event> {
    fn from(item: Item) -> Self {
        match item {
            Item::Event(event) => Found::Result(event),
            Item::Reject(reject) => Found::Reject(reject),
        }
    }
}

/// What [`Input`] takes results and rejects from.
pub(crate) trait Stream {
    type Result;
    fn find(&mut self) -> Option<Result<Found<Self::Result>, Error>>;
    /// The same, but none if more of the source would have to be read.
    fn find_ready(&mut self) -> Option<Result<Found<Self::Result>, Error>>;
    fn stats(&self) -> Stats;
    fn progress(&self) -> Progress;
}

impl Stream for Reader {
    type Result = Event;

    fn find(&mut self) -> Option<Result<Found<Event>, Error>> {
        Some(self.next_item()?.map(Found::from))
    }

    fn find_ready(&mut self) -> Option<Result<Found<Event>, Error>> {
        Some(self.next_ready()?.map(Found::from))
    }

    fn stats(&self) -> Stats {
        Reader::stats(self)
    }

    fn progress(&self) -> Progress {
        Reader::progress(self)
    }
}

impl Stream for Batches {
    type Result = RecordBatch;

    fn find(&mut self) -> Option<Result<Found<RecordBatch>, Error>> {
        Some(self.next_item()?.map(|item| match item {
            nhn_cloudtrail_arrow::Item::Batch(batch) => Found::Result(batch),
            nhn_cloudtrail_arrow::Item::Reject(reject) => Found::Reject(reject),
        }))
    }

    fn find_ready(&mut self) -> Option<Result<Found<RecordBatch>, Error>> {
        None
    }

    fn stats(&self) -> Stats {
        Batches::stats(self)
    }

    fn progress(&self) -> Progress {
        Batches::progress(self)
    }
}

/// Where results go.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    Output(&'a Output),
    /// The folder of a data set, without links in its path.
    Folder(&'a Path),
}

/// How reading went.
pub(crate) struct Report {
    pub(crate) stats: Stats,
    status: u8,
    /// Whether there was anything to read at all: a result of nothing is not worth a file.
    pub(crate) read_something: bool,
    rejects_kept: bool,
    warnings: Warnings,
    filters: Option<EmptyResult>,
}

impl Report {
    /// How reading went that somebody else did.
    pub(crate) fn of(context: &Context<'_>, stats: Stats, errors: &[String]) -> Self {
        let warnings = context.warnings();
        errors.iter().for_each(|error| warnings.error(error));
        Self {
            stats,
            status: status(errors.len() as u64, stats),
            read_something: true,
            // There is nowhere to keep them.
            rejects_kept: true,
            warnings,
            filters: None,
        }
    }

    /// Tells the counts, where they are of interest, and gives the exit status. To be called when
    /// the results are written.
    pub(crate) fn tell(self) -> u8 {
        self.tell_with("")
    }

    /// The same, with what became of the events.
    pub(crate) fn tell_with(self, written: &str) -> u8 {
        self.warn();
        if let Some(filters) = self.filters.filter(|_| self.stats.events == 0) {
            filters.warn(self.stats.filtered, self.warnings);
        }
        // Of a result of which a part is missing it is always told what it has.
        let partial = self.status != 0 && !written.is_empty();
        if self.stats.rejects > 0 || partial || io::stderr().is_terminal() {
            self.warnings.note(&format!("{}{written}", summary(self.stats)));
        }
        if self.stats.rejects > 0 && !self.rejects_kept {
            self.warnings.note("  keep the rejects with --rejects FILE");
        }
        self.status
    }

    /// Warns of what was read and may not have been meant to be.
    fn warn(&self) {
        let Stats { events, unrecognized, nul_bytes, .. } = self.stats;
        if unrecognized > 0 {
            let has = if unrecognized == 1 { "has" } else { "have" };
            self.warnings.warn(&format!(
                "{} of {} {has} no CloudTrail field: foreign or wrapped data? see --record-path",
                thousands(unrecognized),
                counted(events, "event")
            ));
        }
        if nul_bytes > 0 {
            self.warnings.warn(&format!(
                "skipped {} before records (a log that was truncated while it was written)",
                counted(nul_bytes, "NUL byte")
            ));
        }
    }
}

/// The sources that can be read, and how many cannot.
struct Sources<'a> {
    found: Vec<&'a Path>,
    failed: u64,
}

impl<'a> Sources<'a> {
    /// Reports sources that do not exist, and finds the files of the others. `parquet` determines which
    /// folders of data sets are skipped.
    fn find(args: &'a InputArgs, parquet: &Parquet, warnings: Warnings) -> Self {
        let mut sources = Self { found: Vec::new(), failed: 0 };
        for source in &args.sources {
            // Asked once, when it is read.
            if Buckets::is_source(source) {
                sources.found.push(source);
                continue;
            }
            match Reader::builder().format(Arc::new(parquet.clone())).open([source]) {
                Ok(_) => sources.found.push(source),
                Err(error) => {
                    warnings.error(&error.to_string());
                    sources.failed += 1;
                }
            }
        }
        sources
    }
}

/// What reads the buckets among the sources, where there are some.
fn buckets(context: &Context<'_>, args: &InputArgs) -> Result<Option<Arc<dyn Store>>, Stop> {
    if !args.sources.iter().any(|source| Buckets::is_source(source)) {
        return Ok(None);
    }
    Ok(Some(Arc::new(args.buckets.open(context, args.bucket_region.as_ref())?)))
}

fn limits(args: &InputArgs) -> Limits {
    Limits::default().with_record_bytes(args.max_record_bytes).with_depth(args.max_depth)
}

impl Input<Reader> {
    /// Opens the sources to read events, of which no more is needed than `columns`, where some are
    /// given.
    pub(crate) fn open(
        context: &Context<'_>,
        args: &InputArgs,
        filter: EventFilter,
        columns: Option<&[Column]>,
        result: &Output,
    ) -> Result<Self, Stop> {
        let buckets = buckets(context, args)?;
        let EventFilter { filter, warning } = filter;
        let mut parquet = Parquet::new(&filter, &context.catalog).verify(args.verify);
        Self::new(context, args, &parquet.clone(), warning, Target::Output(result), |sources| {
            // Whether records are the same tells only all of them; raw is all of them.
            if let Some(columns) = columns
                && (!args.dedup || columns.contains(&Column::Raw))
            {
                parquet = parquet.columns(columns);
            }
            let mut builder =
                Reader::builder().limits(limits(args)).dedup(args.dedup).format(Arc::new(parquet));
            builder = args.record_path.iter().cloned().fold(builder, ReaderBuilder::record_path);
            let interrupt = context.interrupt.clone();
            builder = builder.watch(move || !interrupt.is_raised());
            builder = buckets.into_iter().fold(builder, ReaderBuilder::store);
            if !filter.is_empty() {
                builder = builder.select(filter.into_select(context.catalog.clone()));
            }
            builder.open(sources)
        })
    }

    /// Whether a source may give nothing for a while, as a pipe does.
    pub(crate) fn may_wait(&self, args: &InputArgs) -> bool {
        let is_file = |path: &Path| std::fs::metadata(path).is_ok_and(|data| data.is_file());
        args.sources.iter().any(|source| source == Path::new("-"))
            || !self.stream.files().all(is_file)
    }
}

impl Input<Batches> {
    /// Opens the sources to read a table; `table` says which columns and how.
    pub(crate) fn table(
        context: &Context<'_>,
        args: &InputArgs,
        filter: EventFilter,
        table: TableBuilder,
        target: Target<'_>,
    ) -> Result<Self, Stop> {
        let interrupt = context.interrupt.clone();
        let buckets = buckets(context, args)?;
        let table = buckets.into_iter().fold(table, TableBuilder::store);
        let EventFilter { filter, warning } = filter;
        let table = args.record_path.iter().cloned().fold(table, TableBuilder::record_path);
        let parquet = Parquet::new(&filter, &context.catalog);
        Self::new(context, args, &parquet, warning, target, |sources| {
            table
                .watch(move || !interrupt.is_raised())
                .lang(context.lang)
                .limits(limits(args))
                .catalog(context.catalog.clone())
                .filter(filter)
                .verify(args.verify)
                .open(sources)
        })
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}

impl<S: Stream> Input<S> {
    fn new(
        context: &Context<'_>,
        args: &InputArgs,
        parquet: &Parquet,
        filters: EmptyResult,
        target: Target<'_>,
        open: impl FnOnce(&[&Path]) -> Result<S, Error>,
    ) -> Result<Self, Stop> {
        let warnings = context.warnings();
        let sources = Sources::find(args, parquet, warnings);
        let rejects = match &args.rejects {
            Some(path) => Some(context.output_of(&args.sources, Some(path))?),
            None => None,
        };
        if let Some(rejects) = &rejects {
            let is_taken = match target {
                Target::Output(result) => rejects.is_same(result),
                Target::Folder(folder) => rejects.name().starts_with(folder),
            };
            if is_taken {
                return Err(Stop::failed("--rejects: the results go there already")
                    .help("name another file, or write the results to one with --output FILE"));
            }
        }
        Ok(Self {
            stream: open(&sources.found)?,
            rejects,
            warnings,
            failed_sources: sources.failed,
            result_is_stdout: matches!(target, Target::Output(output) if output.is_stdout()),
            filters,
        })
    }

    /// Gives every event or batch to `take`, until `take` breaks. `take` gets none when the next one
    /// may take a while to come, so that it can flush.
    pub(crate) fn each(
        mut self,
        context: &Context<'_>,
        mut take: impl FnMut(Option<S::Result>) -> Result<ControlFlow<()>, Stop>,
    ) -> Result<Report, Stop> {
        let results_on_terminal = self.result_is_stdout && io::stdout().is_terminal();
        let bar = Bar::new(self.stream.progress(), results_on_terminal);
        loop {
            let item = match self.stream.find_ready() {
                Some(item) => item,
                None => {
                    if take(None)?.is_break() {
                        break;
                    }
                    match self.stream.find() {
                        Some(item) => item,
                        None => break,
                    }
                }
            };
            if context.interrupt.is_raised() {
                return Err(Stop::Interrupted);
            }
            match item {
                Ok(Found::Result(result)) => {
                    if take(Some(result))?.is_break() {
                        break;
                    }
                }
                Ok(Found::Reject(reject)) => self.reject(&reject, &bar)?,
                Err(error) => {
                    self.failed_sources += 1;
                    bar.suspend(|| self.warnings.error(&error.to_string()));
                }
            }
        }
        if context.interrupt.is_raised() {
            return Err(Stop::Interrupted);
        }
        drop(bar);
        self.done()
    }

    fn reject(&mut self, reject: &Reject, bar: &Bar) -> Result<(), Stop> {
        if let Some(file) = &mut self.rejects {
            file.write_data(&reject_line(reject))?;
        }
        if self.stream.stats().rejects <= TOLD {
            let yellow = AnsiColor::Yellow.on_default().bold();
            let text = format!("{} [{}]", Error::from(reject.clone()), reject.code());
            bar.suspend(|| self.warnings.say("reject", yellow, &text));
        }
        Ok(())
    }

    /// Ends reading, and gives the rejects their file.
    pub(crate) fn done(self) -> Result<Report, Stop> {
        let stats = self.stream.stats();
        let rejects_kept = self.rejects.is_some();
        let read_something = self.failed_sources == 0 || stats.records > 0 || stats.filtered > 0;
        if let Some(file) = self.rejects
            && read_something
        {
            file.finish()?;
        }
        let status = status(self.failed_sources, stats);
        let (warnings, filters) = (self.warnings, Some(self.filters));
        Ok(Report { stats, status, read_something, rejects_kept, warnings, filters })
    }
}

fn status(failed_sources: u64, stats: Stats) -> u8 {
    match (failed_sources, stats.rejects) {
        (0, 0) => ALL_READ,
        (0, _) => SOME_REJECTED,
        _ => COULD_NOT_RUN,
    }
}

/// `read 12,345 records: 12,340 events, 5 rejects`.
fn summary(stats: Stats) -> String {
    let mut text = format!(
        "read {}: {}, {}",
        counted(stats.records, "record"),
        counted(stats.events, "event"),
        counted(stats.rejects, "reject")
    );
    if stats.duplicates > 0 {
        text.push_str(&format!(", {}", counted(stats.duplicates, "duplicate")));
    }
    if stats.conflicts > 0 {
        text.push_str(&format!(" ({} of the events in conflict)", thousands(stats.conflicts)));
    }
    if stats.filtered > 0 {
        text.push_str(&format!("; filtered out {}", counted(stats.filtered, "event")));
    }
    text
}
