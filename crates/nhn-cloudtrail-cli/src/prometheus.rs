//! The contents of an archive in the text format of Prometheus, for the textfile collector of a node
//! exporter.

use std::fmt::Write;
use std::path::Path;

use nhn_cloudtrail::{Timestamp, printable};
use nhn_cloudtrail_collect::{LossState, SourceStatus, Status};

/// The samples of one metric: labels in addition to that of the archive, and a value.
type Samples<'a> = Vec<(Vec<(&'static str, &'a str)>, String)>;

/// Returns the metrics of an archive, each with its help text and type. All of them are gauges.
pub(crate) fn metrics(archive: &Path, status: &Status) -> String {
    let archive = std::fs::canonicalize(archive).unwrap_or_else(|_| archive.to_owned());
    let mut text = Text { archive: archive.to_string_lossy().into_owned(), text: String::new() };
    text.single("events", "Events in the archive.", status.events);
    text.single("rejects", "Records in the archive that could not become events.", status.rejects);
    text.single("files", "Files in the archive.", status.files);
    text.single("bytes", "Size of the files in the archive.", status.bytes);
    text.single("objects", "Objects of buckets that were read.", status.objects);
    let open = status.losses.iter().filter(|loss| loss.state == LossState::Open).count();
    text.single("open_losses", "Files, periods and objects that are lost or missing.", open);
    if let Some(run) = &status.last_run {
        let seconds = [&run.begun, &run.ended].map(|time| seconds(time));
        if let [Some(begun), Some(ended)] = seconds {
            text.single("last_run_begin_timestamp_seconds", "Begin of the last run.", begun);
            text.single("last_run_timestamp_seconds", "End of the last run.", ended);
        }
        let is_complete = run.gaps.is_empty() && run.records.rejected == 0;
        let help = "1 if the last run left no gap and rejected no record, else 0.";
        text.single("last_run_complete", help, u8::from(is_complete));
        text.single("last_run_gaps", "Gaps that the last run left.", run.gaps.len());
        text.single("last_run_new_records", "New records of the last run.", run.records.new);
        let help = "Records of the last run that could not become events.";
        text.single("last_run_rejected_records", help, run.records.rejected);
    }
    text.single(
        "locked",
        "1 while a run adds to the archive, else 0.",
        u8::from(status.lock.is_some()),
    );
    if let Some(since) = status.lock.as_ref().and_then(|lock| seconds(lock.since.as_deref()?)) {
        text.single("lock_timestamp_seconds", "Since when a run adds to the archive.", since);
    }
    let since = of_sources(status, |source| seconds(&source.since));
    text.metric(
        "source_since_timestamp_seconds",
        "First instant that a source is covered from.",
        &since,
    );
    let until = of_sources(status, |source| seconds(&source.until));
    text.metric(
        "source_until_timestamp_seconds",
        "Instant that a source is covered until.",
        &until,
    );
    let gaps = of_sources(status, |source| Some(source.gaps.len().to_string()));
    text.metric("source_gaps", "Periods of a source that are missing in between.", &gaps);
    let buckets = status.buckets.iter();
    let objects: Samples<'_> = buckets
        .map(|bucket| {
            let labels = vec![("bucket", bucket.source.as_str()), ("name", bucket.name.as_str())];
            (labels, bucket.objects.to_string())
        })
        .collect();
    text.metric("bucket_objects", "Objects of a named bucket that were read.", &objects);
    text.text
}

/// Returns a sample for each source that has the value.
fn of_sources(status: &Status, value: impl Fn(&SourceStatus) -> Option<String>) -> Samples<'_> {
    let samples = status.sources.iter().filter_map(|source| {
        let name = source.name.as_deref().unwrap_or_default();
        Some((vec![("source", source.source.as_str()), ("name", name)], value(source)?))
    });
    samples.collect()
}

struct Text {
    archive: String,
    text: String,
}

impl Text {
    fn single(&mut self, name: &str, help: &str, value: impl ToString) {
        self.metric(name, help, &vec![(Vec::new(), value.to_string())]);
    }

    /// Adds a metric, unless it has no samples.
    fn metric(&mut self, name: &str, help: &str, samples: &Samples<'_>) {
        if samples.is_empty() {
            return;
        }
        let name = format!("nhn_cloudtrail_archive_{name}");
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let _ = write!(self.text, "{name}{{archive=\"{}\"", escaped(&self.archive));
            for (label, text) in labels {
                let _ = write!(self.text, ",{label}=\"{}\"", escaped(text));
            }
            let _ = writeln!(self.text, "}} {value}");
        }
    }
}

/// Escapes the value of a label. Names come from the ledger, which may have been altered.
fn escaped(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('"', "\\\"")
}

fn seconds(time: &str) -> Option<String> {
    let millis = Timestamp::parse(time)?.as_millis();
    Some(format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000)))
}
