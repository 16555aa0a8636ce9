//! `collect`: fetches events into an archive.

use std::path::Path;
use std::time::Duration;

use nhn_cloudtrail::{Code, Timestamp, instant};
use nhn_cloudtrail_collect::{
    Buckets, Client, ClientBuilder, Collection, Counts, Gap, Query, Report, Settings, Signer,
    SourceDefaults, SourceReport, is_exposed,
};
use serde::Serialize;

use crate::args::{ApiArgs, BucketArgs, CollectArgs, StatsFormat, StorageArgs};
use crate::context::{Context, Stop, counted, thousands};
use crate::head_file::head_file;
use crate::progress::Meter;
use crate::{ALL_READ, COULD_NOT_RUN, SOME_REJECTED};

/// Number of gaps that are printed one by one.
const TOLD: usize = 10;

impl BucketArgs {
    /// Opens the client of Object Storage.
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

    /// Completes the settings from the arguments, the environment and the config file.
    pub(crate) fn settings(
        &self,
        context: &Context<'_>,
        mut settings: Settings,
    ) -> Result<Settings, Stop> {
        settings.object_storage.endpoint.clone_from(&self.endpoint);
        let settings = settings.complete(self.config.as_deref())?;
        if let Some(path) = &settings.exposed {
            warn_exposed(context, path);
        }
        Ok(settings)
    }
}

impl StorageArgs {
    /// Adds what the environment and the config file say to these arguments and those of the query API.
    pub(crate) fn settings(&self, context: &Context<'_>, api: &ApiArgs) -> Result<Settings, Stop> {
        let mut settings = Settings::default();
        settings.base_url.clone_from(&api.base_url);
        settings.app_key = api.app_key.clone().map(Into::into);
        settings.app_key_file.clone_from(&api.app_key_file);
        settings.object_storage.region.clone_from(&self.region);
        self.buckets.settings(context, settings)
    }
}

impl ApiArgs {
    /// Creates the client of the query API.
    pub(crate) fn client(&self, settings: Settings) -> Result<Client, Stop> {
        Ok(self.asks(Client::builder(settings)).build()?)
    }

    /// Applies the options for requests.
    pub(crate) fn asks(&self, builder: ClientBuilder) -> ClientBuilder {
        builder
            .api(self.api)
            .concurrency(self.concurrency)
            .rate(self.rate)
            .retries(self.retries)
            .timeout(Duration::from_secs(self.timeout))
    }
}

/// Warns about a file that only its owner should be able to read or change.
fn warn_exposed(context: &Context<'_>, path: &Path) {
    let text = format!(
        "{}: others can read or change this file, which may hold keys: chmod 600 it",
        path.display()
    );
    context.warnings().warn(&text);
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
    let settings = args.storage.settings(context, &args.api)?;
    let mut collection = Collection::new(&args.into).names(context.catalog.clone(), context.lang);
    if let Some(longest) = args.wait_for_lock {
        collection = collection.wait_for_lock(longest.unwrap_or(Duration::MAX));
    }
    let is_of_file = args.all || !args.source.is_empty();
    if is_of_file {
        let mut defaults = SourceDefaults::default();
        (defaults.since, defaults.until) = (since, until);
        defaults.zone = Some(args.tz.clone());
        let names = (!args.all).then_some(args.source.as_slice());
        let client = |builder| args.api.asks(builder);
        collection = collection.sources(&settings, names, &defaults, client)?;
    }
    if let Some(bucket) = &args.bucket {
        let buckets = Buckets::new(settings.object_storage.clone())?;
        collection = collection.bucket(buckets, bucket).exclude(&args.exclude)?;
    }
    if let Some(since) = since.filter(|_| !is_of_file) {
        let client = args.api.client(settings)?;
        let query = Query::since(since);
        let query = until.map_or(query.clone(), |until| query.until(until));
        collection = collection.api(client, query);
    }
    if let Some(key) = &args.sign {
        if is_exposed(key) {
            warn_exposed(context, key);
        }
        collection = collection.signer(Signer::open(key)?);
    }
    if let Some(file) = head_file(context, args.head_file.as_ref(), &args.into) {
        collection = collection.head_file(file);
    }
    if let Some(deadline) = args.deadline {
        collection = collection.deadline(deadline);
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
    if let Err(error) = &report
        && error.code() == Code::Locked
        && args.format == StatsFormat::Json
    {
        let locked = Locked { status: "locked", time: now(), error: error.to_string() };
        write_json(context, &locked)?;
    }
    tell(context, args, &report?)
}

/// The JSON line that is printed while another run holds the archive's lock.
#[derive(Serialize)]
struct Locked {
    status: &'static str,
    time: String,
    error: String,
}

/// The counts as JSON.
#[derive(Serialize)]
struct Final<'a> {
    status: &'static str,
    time: String,
    #[serde(flatten)]
    records: Counts,
    gaps: &'a [Gap],
    warnings: &'a [String],
    requests: u64,
    objects: u64,
    head: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Sources that have names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<FinalSource<'a>>,
}

/// The counts of a source.
#[derive(Serialize)]
struct FinalSource<'a> {
    name: &'a str,
    status: &'static str,
    #[serde(flatten)]
    records: Counts,
    gaps: &'a [Gap],
    requests: u64,
    objects: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> FinalSource<'a> {
    fn new(source: &'a SourceReport) -> Option<Self> {
        Some(Self {
            name: source.name.as_deref()?,
            status: word(status_of(source)),
            records: source.records,
            gaps: &source.gaps,
            requests: source.requests,
            objects: source.objects,
            error: source.error.as_ref().map(ToString::to_string),
        })
    }
}

fn status_of(source: &SourceReport) -> u8 {
    match (source.is_complete(), &source.error) {
        (true, _) => ALL_READ,
        (false, Some(_)) if source.records.fetched == 0 => COULD_NOT_RUN,
        (false, _) => SOME_REJECTED,
    }
}

fn word(status: u8) -> &'static str {
    match status {
        ALL_READ => "complete",
        SOME_REJECTED => "incomplete",
        _ => "failed",
    }
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn write_json(context: &Context<'_>, value: &impl Serialize) -> Result<(), Stop> {
    let mut output = context.output(None)?;
    // Text and numbers can always be serialized.
    let mut json = serde_json::to_vec(value).unwrap_or_default();
    json.push(b'\n');
    output.write_data(&json)?;
    output.finish()
}

fn fetched(Counts { fetched, new, known, rejected, .. }: Counts) -> String {
    format!(
        "fetched {}: {} new, {} known already, {} rejected",
        counted(fetched, "record"),
        thousands(new),
        thousands(known),
        thousands(rejected)
    )
}

fn tell(context: &Context<'_>, args: &CollectArgs, report: &Report) -> Result<u8, Stop> {
    let warnings = context.warnings();
    let own = if report.is_complete() { ALL_READ } else { SOME_REJECTED };
    let status = report.sources.iter().map(status_of).fold(own, u8::max);
    for warning in &report.warnings {
        warnings.warn(warning);
    }
    for source in &report.sources {
        match (&source.name, &source.error) {
            (Some(name), Some(error)) => warnings.error(&format!("{name}: {error}")),
            (None, Some(error)) => warnings.error(&error.to_string()),
            (_, None) => (),
        }
    }
    let Counts { rejected, conflicts, .. } = report.records;
    if args.format == StatsFormat::Json {
        let counts = Final {
            status: word(status),
            time: now(),
            records: report.records,
            gaps: &report.gaps,
            warnings: &report.warnings,
            requests: report.requests,
            objects: report.objects,
            head: &report.head,
            error: report.error.as_ref().map(ToString::to_string),
            sources: report.sources.iter().filter_map(FinalSource::new).collect(),
        };
        write_json(context, &counts)?;
    } else {
        let mut output = context.output(None)?;
        let mut text = String::new();
        for source in &report.sources {
            if let Some(name) = &source.name {
                text.push_str(&format!("{name}: {}\n", fetched(source.records)));
            }
        }
        text.push_str(&fetched(report.records));
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
        output.finish()?;
    }
    if let Some(date) = &report.pruned_before {
        warnings.note(&format!("days before {date} were pruned and are not requested"));
    }
    for gap in report.gaps.iter().take(TOLD) {
        warnings.warn(&format!("missing: {}: {}", place(gap), gap.reason));
    }
    if let Some(more) = report.gaps.len().checked_sub(TOLD).filter(|more| *more > 0) {
        warnings
            .note(&format!("  and {}; --format json has all", counted(more as u64, "more gap")));
    }
    if !report.gaps.is_empty() && report.error.is_none() {
        let is_lost = |gap: &Gap| gap.object.as_ref().is_some_and(|path| !path.contains("://"));
        warnings.note(match report.gaps.iter().any(is_lost) {
            true => "  run it again to fetch what is missing; `archive repair` replaces lost files",
            false => "  run it again to fetch what is missing",
        });
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
