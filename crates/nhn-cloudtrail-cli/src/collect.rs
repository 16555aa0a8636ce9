//! `collect`: fetches events into an archive.

use std::time::Duration;

use nhn_cloudtrail::{Timestamp, instant};
use nhn_cloudtrail_collect::{
    Buckets, Client, Collection, Counts, Gap, Query, Report, Settings, Signer,
};
use serde::Serialize;

use crate::args::{BucketArgs, CollectArgs, StatsFormat};
use crate::context::{Context, Stop, counted, thousands};
use crate::progress::Meter;
use crate::{ALL_READ, COULD_NOT_RUN, SOME_REJECTED};

/// How many gaps are told one by one.
const TOLD: usize = 10;

impl BucketArgs {
    /// What reads buckets.
    pub(crate) fn open(
        &self,
        context: &Context<'_>,
        region: Option<&String>,
    ) -> Result<Buckets, Stop> {
        let mut settings = Settings::default();
        settings.object_storage.region = region.cloned();
        let settings = self.settings(context, settings)?;
        Ok(Buckets::new(settings.object_storage)?)
    }

    /// Adds what the arguments, the environment and the config file say.
    fn settings(&self, context: &Context<'_>, mut settings: Settings) -> Result<Settings, Stop> {
        settings.object_storage.endpoint.clone_from(&self.endpoint);
        let settings = settings.complete(self.config.as_deref())?;
        if let Some(path) = &settings.exposed {
            let text = format!(
                "{}: others can read this file, which may hold keys: chmod 600 it",
                path.display()
            );
            context.warnings().warn(&text);
        }
        Ok(settings)
    }
}

pub(crate) fn run(context: &Context<'_>, args: &CollectArgs) -> Result<u8, Stop> {
    let time = |option: &str, text: &Option<String>, after| match text {
        Some(text) => instant(text, &args.tz, after)
            .map(Some)
            .map_err(|error| Stop::failed(format!("{option}: {error}"))),
        None => Ok(None),
    };
    let since: Option<Timestamp> = time("--since", &args.since, false)?;
    let until: Option<Timestamp> = time("--until", &args.until, true)?;
    let mut settings = Settings::default();
    settings.base_url.clone_from(&args.base_url);
    settings.app_key = args.app_key.clone().map(Into::into);
    settings.object_storage.region.clone_from(&args.region);
    let settings = args.buckets.settings(context, settings)?;
    let mut collection = Collection::new(&args.into).names(context.catalog.clone(), context.lang);
    if let Some(bucket) = &args.bucket {
        let buckets = Buckets::new(settings.object_storage.clone())?;
        collection = collection.bucket(buckets, bucket);
    }
    if let Some(since) = since {
        let client = Client::builder(settings)
            .api(args.api)
            .concurrency(args.concurrency)
            .rate(args.rate)
            .retries(args.retries)
            .timeout(Duration::from_secs(args.timeout))
            .build()?;
        let query = Query::since(since);
        let query = until.map_or(query.clone(), |until| query.until(until));
        collection = collection.api(client, query);
    }
    if let Some(key) = &args.sign {
        collection = collection.signer(Signer::open(key)?);
    }
    let interrupt = context.interrupt.clone();
    let meter = Meter::new("{bar:24} {percent:>3} %, {msg}, {elapsed}");
    let shown = meter.clone();
    let report = collection
        .watch(move || !interrupt.is_raised())
        .progress(move |collected| {
            let message = format!(
                "{}, {}",
                counted(collected.fetched, "record"),
                counted(collected.requests, "request")
            );
            shown.show(collected.done, collected.total, message);
        })
        .run();
    meter.clear();
    if context.interrupt.is_raised() {
        return Err(Stop::Interrupted);
    }
    tell(context, args, &report?)
}

/// The counts for programs.
#[derive(Serialize)]
struct Final<'a> {
    status: &'static str,
    time: String,
    #[serde(flatten)]
    records: Counts,
    gaps: &'a [Gap],
    requests: u64,
    objects: u64,
    head: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn tell(context: &Context<'_>, args: &CollectArgs, report: &Report) -> Result<u8, Stop> {
    let warnings = context.warnings();
    let status = match (report.is_complete(), &report.error) {
        (true, _) => ALL_READ,
        (false, Some(_)) if report.records.fetched == 0 => COULD_NOT_RUN,
        (false, _) => SOME_REJECTED,
    };
    if let Some(error) = &report.error {
        warnings.error(&error.to_string());
    }
    let mut output = context.output(None)?;
    let Counts { fetched, new, known, rejected, conflicts, .. } = report.records;
    if args.format == StatsFormat::Json {
        let counts = Final {
            status: match status {
                ALL_READ => "complete",
                SOME_REJECTED => "incomplete",
                _ => "failed",
            },
            time: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            records: report.records,
            gaps: &report.gaps,
            requests: report.requests,
            objects: report.objects,
            head: &report.head,
            error: report.error.as_ref().map(ToString::to_string),
        };
        // Text and numbers: nothing that JSON could not hold.
        let mut json = serde_json::to_vec(&counts).unwrap_or_default();
        json.push(b'\n');
        output.write_data(&json)?;
    } else {
        let mut text = format!(
            "fetched {}: {} new, {} known already, {}",
            counted(fetched, "record"),
            thousands(new),
            thousands(known),
            thousands(rejected) + " rejected"
        );
        if conflicts > 0 {
            text.push_str(&format!(
                "\n{} of the new ones differ from another copy of the same record; both are kept",
                thousands(conflicts)
            ));
        }
        if rejected > 0 {
            text.push_str("\nthe rejected ones are kept in _archive/rejects/");
        }
        text.push_str(&format!("\nhead {}\n", report.head));
        output.write(text.as_bytes())?;
    }
    output.finish()?;
    for gap in report.gaps.iter().take(TOLD) {
        warnings.warn(&format!("missing: {}: {}", place(gap), gap.reason));
    }
    if let Some(more) = report.gaps.len().checked_sub(TOLD).filter(|more| *more > 0) {
        warnings
            .note(&format!("  and {}; --format json has all", counted(more as u64, "more gap")));
    }
    if !report.gaps.is_empty() && report.error.is_none() {
        warnings.note("  run it again to fetch what is missing");
    }
    Ok(status)
}

fn place(gap: &Gap) -> String {
    match (&gap.object, &gap.since, &gap.until) {
        (Some(object), ..) => object.clone(),
        (None, Some(since), Some(until)) => format!("{since} to {until}"),
        _ => "everything".to_owned(),
    }
}
