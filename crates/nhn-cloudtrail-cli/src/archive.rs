//! `archive verify` and `archive status`: verifies an archive and shows its contents.

use std::path::Path;

use nhn_cloudtrail::printable;
use nhn_cloudtrail_collect::{
    Acknowledge, FindingKind, LossState, LossStatus, PublicKey, Status, Verify,
};
use serde::Serialize;

use crate::args::{ArchiveCommand, StatsFormat, StatusArgs, StatusFormat};
use crate::check;
use crate::context::{Context, Stop, counted, thousands};
use crate::head_file::head_file;
use crate::operations;
use crate::output::Output;
use crate::progress::Meter;
use crate::prometheus::metrics;
use crate::table::{Align, Cell, Table};
use crate::{ALL_READ, SOME_REJECTED};

pub(crate) fn run(context: &Context<'_>, command: &ArchiveCommand) -> Result<u8, Stop> {
    match command {
        ArchiveCommand::Verify { archive, head, public_key, head_file: file, max_age, format } => {
            let key = public_key.as_ref().map(PublicKey::open).transpose()?;
            let mut verify = Verify::new();
            if let Some(head) = head {
                verify = verify.head(head);
            }
            if let Some(key) = &key {
                verify = verify.public_key(key);
            }
            let is_named = file.is_some();
            let file = head_file(context, file.as_ref(), archive);
            if let Some(file) = &file {
                if is_named || file.exists() {
                    verify = verify.head_file(file);
                } else {
                    let text = format!("no head of this archive is kept in {}", file.display());
                    context.warnings().note(&text);
                }
            }
            if let Some(age) = max_age {
                verify = verify.max_age(*age);
            }
            verify_archive(context, archive, &verify, *format)
        }
        ArchiveCommand::Status(args) => status(context, args),
        ArchiveCommand::Compact { archive, output } => {
            operations::compact(context, archive, output)
        }
        ArchiveCommand::Prune { archive, before, reason, output } => {
            operations::prune(context, archive, before, reason, output)
        }
        ArchiveCommand::Repair(args) => operations::repair(context, args),
        ArchiveCommand::Acknowledge { archive, losses, all, source, reason, output } => {
            let mut acknowledge = Acknowledge::new(archive, reason);
            if *all {
                acknowledge = acknowledge.all();
            }
            if let Some(source) = source {
                acknowledge = acknowledge.source(source);
            }
            acknowledge = losses.iter().fold(acknowledge, |all, loss| all.loss(loss));
            operations::acknowledge(context, archive, acknowledge, output)
        }
    }
}

fn verify_archive(
    context: &Context<'_>,
    archive: &Path,
    verify: &Verify<'_>,
    format: StatsFormat,
) -> Result<u8, Stop> {
    let meter = Meter::new("{bar:24} {percent:>3} %, {binary_bytes_per_sec}, {eta} left");
    let verified = verify.run(archive, &mut |done, total| {
        meter.show(done, total, String::new());
        !context.interrupt.is_raised()
    });
    meter.clear();
    if context.interrupt.is_raised() {
        return Err(Stop::Interrupted);
    }
    let verified = verified?;
    let mut output = context.output(None)?;
    if format == StatsFormat::Json {
        #[derive(Serialize)]
        struct Result<'a, T> {
            intact: bool,
            #[serde(flatten)]
            verified: &'a T,
        }
        json(&mut output, &Result { intact: verified.is_intact(), verified: &verified })?;
    } else {
        let mut text = String::new();
        for finding in &verified.findings {
            text.push_str(&format!("{finding}\n"));
        }
        if verified.interrupted {
            text.push_str(
                "a run is under way or was interrupted; the next collect makes its last step\n",
            );
        }
        if verified.settled > 0 {
            text.push_str(&format!(
                "{}: see status\n",
                match verified.settled {
                    1 => "1 settled loss".to_owned(),
                    settled => format!("{} settled losses", thousands(settled)),
                }
            ));
        }
        text.push_str(&format!(
            "{}: {} with {} in {}\nhead {}\n",
            match verified.findings.iter().all(|finding| finding.kind == FindingKind::Age) {
                _ if verified.is_intact() => "intact",
                true => "intact, but too old",
                false => "NOT INTACT",
            },
            counted(verified.files, "file"),
            counted(verified.records, "record"),
            match verified.entries {
                1 => "1 entry".to_owned(),
                entries => format!("{} entries", thousands(entries)),
            },
            verified.head
        ));
        output.write(text.as_bytes())?;
    }
    output.finish()?;
    Ok(if verified.is_intact() { ALL_READ } else { SOME_REJECTED })
}

fn status(context: &Context<'_>, args: &StatusArgs) -> Result<u8, Stop> {
    let status = Status::read(&args.archive)?;
    let mut output = context.output(None)?;
    match args.format {
        StatusFormat::Json => json(&mut output, &status)?,
        StatusFormat::Prometheus => {
            output.write_data(metrics(&args.archive, &status).as_bytes())?;
        }
        StatusFormat::Table => status_table(&status, &mut output)?,
    }
    output.finish()?;
    Ok(if args.check { check::run(context, args, &status) } else { ALL_READ })
}

fn status_table(status: &Status, output: &mut Output) -> Result<(), Stop> {
    let mut table = Table::new(
        &[
            ("day", Align::Left),
            ("events", Align::Right),
            ("files", Align::Right),
            ("MiB", Align::Right),
        ],
        output,
    )
    .with_all_rows();
    for day in &status.days {
        let cells = vec![
            Cell::new(day.date.as_deref().unwrap_or("(no time)")),
            Cell::new(&thousands(day.events)),
            Cell::new(&thousands(day.files)),
            Cell::new(&mebibytes(day.bytes)),
        ];
        table.row(cells, output)?;
    }
    table.finish(output)?;
    let mut text = format!(
        "\n{} and {} in {}, {} MiB\n",
        counted(status.events, "event"),
        counted(status.rejects, "reject"),
        counted(status.files, "file"),
        mebibytes(status.bytes)
    );
    for source in &status.sources {
        let name = source.name.as_ref().map_or(String::new(), |name| format!(" ({name})"));
        text.push_str(&format!("from the API{name}: {} to {}\n", source.since, source.until));
        for gap in &source.gaps {
            text.push_str(&format!("  missing: {} to {}\n", gap.since, gap.until));
        }
    }
    if status.objects > 0 {
        text.push_str(&format!("from buckets: {}\n", counted(status.objects, "object")));
    }
    for bucket in &status.buckets {
        let objects = counted(bucket.objects, "object");
        text.push_str(&format!("from {} ({}): {objects}\n", bucket.source, bucket.name));
    }
    for pruned in &status.pruned {
        text.push_str(&format!(
            "pruned: {} before {} with {}: {}\n",
            counted(pruned.days, "day"),
            pruned.before,
            counted(pruned.records, "event"),
            pruned.reason
        ));
    }
    for loss in &status.losses {
        text.push_str(&format!("{}\n", told(loss)));
    }
    if status.compactable > 0 {
        text.push_str(&format!(
            "{} of finished days can be put together: archive compact\n",
            counted(status.compactable, "small file")
        ));
    }
    match &status.last_run {
        Some(run) => text.push_str(&format!(
            "last run: {} to {}, {} new, {}\n",
            run.begun,
            run.ended,
            thousands(run.records.new),
            counted(run.gaps.len() as u64, "gap")
        )),
        None => text.push_str("last run: none has ended\n"),
    }
    if let Some(lock) = &status.lock {
        text.push_str(&format!("a run is adding to it: {}\n", lock.holder));
    }
    text.push_str(&format!("head {}\n", status.head));
    output.write(printable_lines(&text).as_bytes())
}

/// Escapes names and URLs for printing. They come from the ledger, which may have been altered.
fn printable_lines(text: &str) -> String {
    text.lines().map(|line| printable(line).into_owned() + "\n").collect()
}

/// Describes a loss in one line.
pub(crate) fn told(loss: &LossStatus) -> String {
    let state = match loss.state {
        LossState::Repaired => "repaired",
        LossState::Final => "final",
        _ => "lost",
    };
    printable(&format!("{state}: {}: {}", loss.what(), loss.reason)).into_owned()
}

pub(crate) fn json(output: &mut Output, value: &impl Serialize) -> Result<(), Stop> {
    // Text and numbers can always be serialized.
    let mut json = serde_json::to_vec(value).unwrap_or_default();
    json.push(b'\n');
    output.write_data(&json)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}
