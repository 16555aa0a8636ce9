//! Events from sources; rejects, errors of sources, counts and progress on the side.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::PathBuf;

use anstyle::AnsiColor;
use base64::Engine;
use nhn_cloudtrail::{Error, Event, Filter, Item, Limits, Position, Reader, Reject, Stats};
use serde::Serialize;

use crate::args::InputArgs;
use crate::context::{Context, Stop, Warnings, counted, thousands};
use crate::output::Output;
use crate::progress::Bar;
use crate::{ALL_READ, COULD_NOT_RUN, SOME_REJECTED};

/// How many rejects are told one by one.
const TOLD: u64 = 5;

/// What is read.
pub(crate) struct Input {
    reader: Reader,
    rejects: Option<Output>,
    warnings: Warnings,
    failed_sources: u64,
    result_is_stdout: bool,
}

/// How reading went.
pub(crate) struct Report {
    pub(crate) stats: Stats,
    status: u8,
    /// Whether there was anything to read at all: a result of nothing is not worth a file.
    pub(crate) read_something: bool,
    rejects_kept: bool,
    warnings: Warnings,
}

impl Report {
    /// Tells the counts, where they are of interest, and gives the exit status. To be called when
    /// the results are written.
    pub(crate) fn tell(self) -> u8 {
        if self.stats.rejects > 0 || io::stderr().is_terminal() {
            self.warnings.note(&summary(self.stats));
        }
        if self.stats.rejects > 0 && !self.rejects_kept {
            self.warnings.note("  keep the rejects with --rejects FILE");
        }
        self.status
    }
}

impl Input {
    /// Opens the sources. Those that do not exist are told, and the others are read.
    pub(crate) fn open(
        context: &Context<'_>,
        args: &InputArgs,
        filter: Filter,
        result: &Output,
    ) -> Result<Self, Stop> {
        let limits =
            Limits::default().with_record_bytes(args.max_record_bytes).with_depth(args.max_depth);
        let warnings = context.warnings();
        let mut sources: Vec<&PathBuf> = Vec::new();
        let mut failed_sources = 0;
        for source in &args.sources {
            match Reader::open(source) {
                Ok(_) => sources.push(source),
                Err(error) => {
                    warnings.error(&error.to_string());
                    failed_sources += 1;
                }
            }
        }
        let mut builder = Reader::builder().limits(limits).dedup(args.dedup);
        if !filter.is_empty() {
            let select = filter.into_select(context.catalog.clone());
            let interrupt = context.interrupt.clone();
            // An event that comes through makes `each` look at the interrupt.
            builder = builder.select(move |event| interrupt.is_raised() || select(event));
        }
        let reader = builder.open(sources)?;
        let rejects = match &args.rejects {
            Some(path) => Some(context.output(Some(path))?),
            None => None,
        };
        if rejects.as_ref().is_some_and(|rejects| rejects.is_same(result)) {
            return Err(Stop::failed("--rejects: the results go there already")
                .help("name another file, or write the results to one with --output FILE"));
        }
        for output in [Some(result), rejects.as_ref()].into_iter().flatten() {
            if let Some(file) = reader.files().find(|file| output.replaces(file)) {
                return Err(Stop::failed(format!(
                    "{}: is one of the sources, and would be replaced by what is written",
                    file.display()
                ))
                .help("write to another file"));
            }
        }
        Ok(Self { reader, rejects, warnings, failed_sources, result_is_stdout: result.is_stdout() })
    }

    /// Gives every event to `take`, until that breaks off; and whether the next one may have to be
    /// waited for.
    pub(crate) fn each(
        mut self,
        context: &Context<'_>,
        mut take: impl FnMut(&Event, bool) -> Result<ControlFlow<()>, Stop>,
    ) -> Result<Report, Stop> {
        let results_on_terminal = self.result_is_stdout && io::stdout().is_terminal();
        let bar = Bar::new(self.reader.progress(), results_on_terminal);
        while let Some(item) = self.reader.next_item() {
            if context.interrupt.is_raised() {
                return Err(Stop::Interrupted);
            }
            match item {
                Ok(Item::Event(event)) => {
                    if take(&event, !self.reader.is_ready())?.is_break() {
                        break;
                    }
                }
                Ok(Item::Reject(reject)) => self.reject(&reject, &bar)?,
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
        if self.reader.stats().rejects <= TOLD {
            let yellow = AnsiColor::Yellow.on_default().bold();
            let text = format!("{} [{}]", Error::from(reject.clone()), reject.code());
            bar.suspend(|| self.warnings.say("reject", yellow, &text));
        }
        Ok(())
    }

    /// Ends reading, and gives the rejects their file.
    pub(crate) fn done(self) -> Result<Report, Stop> {
        let stats = self.reader.stats();
        let rejects_kept = self.rejects.is_some();
        let read_something = self.failed_sources == 0 || stats.records > 0 || stats.filtered > 0;
        if let Some(file) = self.rejects
            && read_something
        {
            file.finish()?;
        }
        let status = match (self.failed_sources, stats.rejects) {
            (0, 0) => ALL_READ,
            (0, _) => SOME_REJECTED,
            _ => COULD_NOT_RUN,
        };
        Ok(Report { stats, status, read_something, rejects_kept, warnings: self.warnings })
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

/// A reject as a line of JSON.
fn reject_line(reject: &Reject) -> Vec<u8> {
    #[derive(Serialize)]
    struct Line<'a> {
        source: Option<&'a str>,
        record: u64,
        line: u64,
        byte: u64,
        code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        raw: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        raw_base64: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        length: Option<u64>,
    }
    let Position { source, record, line, byte, .. } = reject.position();
    let raw = std::str::from_utf8(reject.raw()).ok();
    let line = Line {
        source: source.as_deref(),
        record: *record,
        line: *line,
        byte: *byte,
        code: reject.code().as_str(),
        message: reject.message(),
        raw,
        raw_base64: match raw {
            Some(_) => None,
            None => Some(base64::engine::general_purpose::STANDARD.encode(reject.raw())),
        },
        length: (reject.length() > reject.raw().len() as u64).then(|| reject.length()),
    };
    // Text and numbers: nothing that JSON could not hold.
    let mut json = serde_json::to_vec(&line).unwrap_or_default();
    json.push(b'\n');
    json
}
