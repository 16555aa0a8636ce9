//! `archive compact`, `prune`, `repair` and `acknowledge`: operations on an existing archive.

use std::path::{Path, PathBuf};

use nhn_cloudtrail_collect::{
    Acknowledge, Buckets, Compaction, Counts, LossStatus, Pruning, Repair, Signer,
};
use serde::Serialize;

use crate::archive::{json, told};
use crate::args::{OperationArgs, RepairArgs, StatsFormat};
use crate::context::{Context, Stop, counted};
use crate::head_file::head_file;
use crate::progress::Meter;
use crate::{ALL_READ, COULD_NOT_RUN, SOME_REJECTED};

const METER: &str = "{bar:24} {percent:>3} %, {binary_bytes_per_sec}, {eta} left";

impl OperationArgs {
    fn signer(&self) -> Result<Option<Signer>, Stop> {
        Ok(self.sign.as_ref().map(Signer::open).transpose()?)
    }

    fn head_file(&self, context: &Context<'_>, archive: &Path) -> Option<PathBuf> {
        head_file(context, self.head_file.as_ref(), archive)
    }

    /// Prints the result: a summary as text, or everything as JSON.
    fn tell(
        &self,
        context: &Context<'_>,
        report: &impl Serialize,
        text: &str,
        head: &str,
    ) -> Result<(), Stop> {
        let mut output = context.output(None)?;
        match self.format {
            StatsFormat::Json => json(&mut output, report)?,
            StatsFormat::Table => output.write(format!("{text}head {head}\n").as_bytes())?,
        }
        output.finish()
    }
}

/// Runs an operation that reports its progress and can be interrupted.
fn watched<T>(
    context: &Context<'_>,
    work: impl FnOnce(&mut dyn FnMut(u64, u64) -> bool) -> nhn_cloudtrail::Result<T>,
) -> Result<T, Stop> {
    let meter = Meter::new(METER);
    let done = work(&mut |done, total| {
        meter.show(done, total, String::new());
        !context.interrupt.is_raised()
    });
    meter.clear();
    if context.interrupt.is_raised() {
        return Err(Stop::Interrupted);
    }
    Ok(done?)
}

pub(crate) fn compact(
    context: &Context<'_>,
    archive: &Path,
    output: &OperationArgs,
) -> Result<u8, Stop> {
    let mut compaction = Compaction::new(archive);
    if let Some(signer) = output.signer()? {
        compaction = compaction.signer(signer);
    }
    if let Some(file) = output.head_file(context, archive) {
        compaction = compaction.head_file(file);
    }
    let report = watched(context, |hashed| compaction.run(hashed))?;
    let text = format!(
        "{} became {} of {} with {}\n",
        counted(report.files_before, "file"),
        counted(report.files_after, "file"),
        counted(report.days, "day"),
        counted(report.records, "record")
    );
    output.tell(context, &report, &text, &report.head)?;
    warn(context, &report.warnings);
    for day in &report.skipped {
        context.warnings().warn(&format!("left alone: {}: {}", day.date, day.reason));
    }
    Ok(if report.skipped.is_empty() { ALL_READ } else { SOME_REJECTED })
}

pub(crate) fn prune(
    context: &Context<'_>,
    archive: &Path,
    before: &str,
    reason: &str,
    output: &OperationArgs,
) -> Result<u8, Stop> {
    let mut pruning = Pruning::new(archive, before, reason);
    if let Some(signer) = output.signer()? {
        pruning = pruning.signer(signer);
    }
    if let Some(file) = output.head_file(context, archive) {
        pruning = pruning.head_file(file);
    }
    let report = pruning.run()?;
    let text = format!(
        "removed {} with {} in {}\n",
        counted(report.days, "day"),
        counted(report.records, "record"),
        counted(report.files, "file")
    );
    output.tell(context, &report, &text, &report.head)?;
    warn(context, &report.warnings);
    Ok(ALL_READ)
}

pub(crate) fn acknowledge(
    context: &Context<'_>,
    archive: &Path,
    mut acknowledge: Acknowledge,
    output: &OperationArgs,
) -> Result<u8, Stop> {
    if let Some(signer) = output.signer()? {
        acknowledge = acknowledge.signer(signer);
    }
    if let Some(file) = output.head_file(context, archive) {
        acknowledge = acknowledge.head_file(file);
    }
    let report = watched(context, |hashed| acknowledge.run(hashed))?;
    let mut text = lines(&report.losses);
    if report.losses.is_empty() {
        text.push_str("nothing is lost\n");
    }
    output.tell(context, &report, &text, &report.head)?;
    warn(context, &report.warnings);
    Ok(ALL_READ)
}

/// The result of a repair as JSON.
#[derive(Serialize)]
struct Repaired<'a> {
    status: &'static str,
    repaired: &'a [LossStatus],
    left: &'a [LossStatus],
    #[serde(flatten)]
    records: Counts,
    requests: u64,
    objects: u64,
    head: &'a str,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn repair(context: &Context<'_>, args: &RepairArgs) -> Result<u8, Stop> {
    let settings = args.storage.settings(context, &args.api)?;
    let mut repair = Repair::new(&args.archive).names(context.catalog.clone(), context.lang);
    let is_of_file = args.all || !args.source.is_empty();
    if is_of_file {
        let names = (!args.all).then_some(args.source.as_slice());
        repair = repair.sources(&settings, names, |builder| args.api.asks(builder))?;
    }
    if let Some(bucket) = &args.bucket {
        let buckets = Buckets::new(settings.object_storage.clone())?;
        repair = repair.bucket(buckets, bucket);
    }
    // A bucket alone is sufficient.
    if !is_of_file && (args.bucket.is_none() || settings.base_url.is_some()) {
        repair = repair.api(args.api.client(settings)?);
    }
    if let Some(signer) = args.output.signer()? {
        repair = repair.signer(signer);
    }
    if let Some(file) = args.output.head_file(context, &args.archive) {
        repair = repair.head_file(file);
    }
    let interrupt = context.interrupt.clone();
    let meter = Meter::new("{bar:24} {percent:>3} %, {msg}, {elapsed}");
    let shown = meter.clone();
    let report = repair
        .watch(move || !interrupt.is_raised())
        .progress(move |collected| {
            let records = counted(collected.fetched, "record");
            shown.show(collected.done, collected.total, records);
        })
        .run();
    meter.clear();
    if context.interrupt.is_raised() {
        return Err(Stop::Interrupted);
    }
    let report = report?;
    warn(context, &report.warnings);
    let warnings = context.warnings();
    if let Some(error) = &report.error {
        warnings.error(&error.to_string());
    }
    let status = match (report.is_complete(), &report.error) {
        (true, _) => ALL_READ,
        (false, Some(_)) if report.records.fetched == 0 => COULD_NOT_RUN,
        _ => SOME_REJECTED,
    };
    let all = Repaired {
        status: match status {
            ALL_READ => "complete",
            SOME_REJECTED => "incomplete",
            _ => "failed",
        },
        repaired: &report.repaired,
        left: &report.left,
        records: report.records,
        requests: report.requests,
        objects: report.objects,
        head: &report.head,
        warnings: &report.warnings,
        error: report.error.as_ref().map(ToString::to_string),
    };
    let mut text = lines(&report.repaired) + &lines(&report.left);
    if text.is_empty() {
        text.push_str("nothing is lost\n");
    }
    args.output.tell(context, &all, &text, &report.head)?;
    if !report.left.is_empty() {
        warnings.note(
            "  run it again if a source still has the data, or record the loss as final: `archive \
             acknowledge`",
        );
    }
    Ok(status)
}

fn warn(context: &Context<'_>, warnings: &[String]) {
    for warning in warnings {
        context.warnings().warn(warning);
    }
}

fn lines(losses: &[LossStatus]) -> String {
    losses.iter().map(|loss| told(loss) + "\n").collect()
}
