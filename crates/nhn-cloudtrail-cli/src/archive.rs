//! `archive`: verifies an archive, and says what it has.

use std::path::Path;

use nhn_cloudtrail_collect::{PublicKey, Status, Verify};
use serde::Serialize;

use crate::args::{ArchiveCommand, StatsFormat};
use crate::context::{Context, Stop, counted, thousands};
use crate::output::Output;
use crate::progress::Meter;
use crate::table::{Align, Cell, Table};
use crate::{ALL_READ, SOME_REJECTED};

pub(crate) fn run(context: &Context<'_>, command: &ArchiveCommand) -> Result<u8, Stop> {
    match command {
        ArchiveCommand::Verify { archive, head, public_key, format } => {
            let key = public_key.as_ref().map(PublicKey::open).transpose()?;
            let mut verify = Verify::new();
            if let Some(head) = head {
                verify = verify.head(head);
            }
            if let Some(key) = &key {
                verify = verify.public_key(key);
            }
            verify_archive(context, archive, &verify, *format)
        }
        ArchiveCommand::Status { archive, format } => status(context, archive, *format),
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
            text.push_str("a run was interrupted; the next collect makes its last step\n");
        }
        text.push_str(&format!(
            "{}: {} with {} in {}\nhead {}\n",
            if verified.is_intact() { "intact" } else { "NOT INTACT" },
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

fn status(context: &Context<'_>, archive: &Path, format: StatsFormat) -> Result<u8, Stop> {
    let status = Status::read(archive)?;
    let mut output = context.output(None)?;
    if format == StatsFormat::Json {
        json(&mut output, &status)?;
        output.finish()?;
        return Ok(ALL_READ);
    }
    let mut table = Table::new(
        &[
            ("day", Align::Left),
            ("events", Align::Right),
            ("files", Align::Right),
            ("MiB", Align::Right),
        ],
        &output,
    )
    .with_all_rows();
    for day in &status.days {
        let cells = vec![
            Cell::new(day.date.as_deref().unwrap_or("(no time)")),
            Cell::new(&thousands(day.events)),
            Cell::new(&thousands(day.files)),
            Cell::new(&mebibytes(day.bytes)),
        ];
        table.row(cells, &mut output)?;
    }
    table.finish(&mut output)?;
    let mut text = format!(
        "\n{} and {} in {}, {} MiB\n",
        counted(status.events, "event"),
        counted(status.rejects, "reject"),
        counted(status.files, "file"),
        mebibytes(status.bytes)
    );
    for source in &status.sources {
        text.push_str(&format!("from the API: {} to {}\n", source.since, source.until));
        for gap in &source.gaps {
            text.push_str(&format!("  missing: {} to {}\n", gap.since, gap.until));
        }
    }
    if status.objects > 0 {
        text.push_str(&format!("from buckets: {}\n", counted(status.objects, "object")));
    }
    match &status.last_run {
        Some(run) => text.push_str(&format!(
            "last run: {} to {}, {} new, {}\n",
            run.begun,
            run.ended,
            thousands(run.records.new),
            counted(run.gaps.len() as u64, "gap")
        )),
        None => text.push_str("last run: none has come to its end\n"),
    }
    text.push_str(&format!("head {}\n", status.head));
    output.write(text.as_bytes())?;
    output.finish()?;
    Ok(ALL_READ)
}

fn json(output: &mut Output, value: &impl Serialize) -> Result<(), Stop> {
    // Text and numbers: nothing that JSON could not hold.
    let mut json = serde_json::to_vec(value).unwrap_or_default();
    json.push(b'\n');
    output.write_data(&json)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}
