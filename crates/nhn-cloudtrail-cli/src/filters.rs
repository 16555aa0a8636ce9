//! From arguments to the core's filter.

use nhn_cloudtrail::catalog::Catalog;
use nhn_cloudtrail::{Error, Filter, Misses};

use crate::args::FilterArgs;
use crate::context::{Stop, Warnings, counted};

/// A filter, and the warning for a result that it leaves empty.
pub(crate) struct EventFilter {
    pub(crate) filter: Filter,
    pub(crate) warning: EmptyResult,
}

/// The warning that filters leave no event.
pub(crate) struct EmptyResult {
    misses: Misses,
    /// The options as they were given, by the names of the filters.
    options: Vec<(&'static str, String)>,
    /// IDs that are similar to mistyped ones.
    near: Vec<String>,
}

impl EmptyResult {
    /// Names the filters that none of the `filtered` events matches.
    pub(crate) fn warn(&self, filtered: u64, warnings: Warnings) {
        let names = self.misses.names();
        if filtered == 0 {
            if self.misses.has_skipped_days() {
                let times =
                    self.options.iter().filter(|(name, _)| matches!(*name, "since" | "until"));
                let times: Vec<&str> = times.map(|(_, option)| option.as_str()).collect();
                warnings.warn(&format!(
                    "the filters leave nothing; days outside of {} were not read",
                    times.join(" and ")
                ));
            }
            return;
        }
        let missed = self.options.iter().filter(|(name, _)| names.contains(name));
        let missed: Vec<&str> = missed.map(|(_, option)| option.as_str()).collect();
        let why = if self.misses.events() < filtered {
            // Some were skipped before all filters were tested.
            String::new()
        } else if missed.is_empty() {
            ": each filter matches some, but no event matches all".to_owned()
        } else {
            format!(": none matches {}", missed.join(" or "))
        };
        warnings.warn(&format!("the filters leave nothing of {}{why}", counted(filtered, "event")));
        if names.contains(&"event") && !self.near.is_empty() {
            warnings.note(&format!("  did you mean {}?", self.near.join(" or ")));
        }
    }
}

/// The filter that the arguments ask for. Times without an offset are in the time zone `tz`.
pub(crate) fn filter(args: &FilterArgs, catalog: &Catalog, tz: &str) -> Result<EventFilter, Stop> {
    let mut filter = filter_of(args, catalog, tz)?;
    let mistyped = args.event.iter().filter(|id| !id.contains(['*', '?']));
    let mistyped = mistyped.filter(|id| catalog.get(id).is_none());
    let near = mistyped.flat_map(|id| catalog.suggest(id)).map(|entry| entry.id().to_owned());
    let warning =
        EmptyResult { misses: filter.watch(), options: options_of(args), near: near.collect() };
    Ok(EventFilter { filter, warning })
}

/// The options of filters as they were given.
fn options_of(args: &FilterArgs) -> Vec<(&'static str, String)> {
    let texts = |texts: &[String]| texts.to_vec();
    let words = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    let values: [(&'static str, Vec<String>); 13] = [
        ("event", texts(&args.event)),
        ("service", texts(&args.service)),
        ("kind", words(args.kind.iter().map(|kind| kind.as_str()).collect())),
        (
            "phase",
            words(args.phase.iter().map(|p| p.0.map_or("none", |phase| phase.as_str())).collect()),
        ),
        ("outcome", words(args.outcome.iter().map(|outcome| outcome.as_str()).collect())),
        ("source_type", texts(&args.source_type)),
        ("user", texts(&args.user)),
        ("ip", texts(&args.ip)),
        ("project", texts(&args.project)),
        ("region", texts(&args.region)),
        ("since", args.since.iter().cloned().collect()),
        ("until", args.until.iter().cloned().collect()),
        ("text", texts(&args.text)),
    ];
    let mut options: Vec<(&'static str, String)> = Vec::new();
    for (name, values) in values {
        let option = name.replace('_', "-");
        let spelled = |value: String| match value.contains(char::is_whitespace) {
            true => format!("--{option} {value:?}"),
            false => format!("--{option} {value}"),
        };
        options.extend(values.into_iter().map(|value| (name, spelled(value))));
    }
    if args.known || args.unknown {
        let option = if args.known { "--known" } else { "--unknown" };
        options.push(("known", option.to_owned()));
    }
    options
}

fn filter_of(args: &FilterArgs, catalog: &Catalog, tz: &str) -> Result<Filter, Stop> {
    let FilterArgs {
        event,
        service,
        kind,
        phase,
        outcome,
        source_type,
        user,
        ip,
        project,
        region,
        since,
        until,
        known,
        unknown,
        text,
    } = args;
    let mut filter = Filter::new();
    for event in event {
        filter = filter.event(event).map_err(of("--event"))?;
    }
    for service in service {
        filter = filter.service(service, catalog).map_err(of("--service"))?;
    }
    for &kind in kind {
        filter = filter.kind(kind);
    }
    for phase in phase {
        filter = filter.phase(phase.0);
    }
    for &outcome in outcome {
        filter = filter.outcome(outcome);
    }
    for source_type in source_type {
        filter = filter.source_type(source_type).map_err(of("--source-type"))?;
    }
    for user in user {
        filter = filter.user(user).map_err(of("--user"))?;
    }
    for address in ip {
        filter = filter.ip(address).map_err(of("--ip"))?;
    }
    for project in project {
        filter = filter.project(project).map_err(of("--project"))?;
    }
    for region in region {
        filter = filter.region(region).map_err(of("--region"))?;
    }
    if let Some(since) = since {
        filter = filter.since(since, tz).map_err(of("--since"))?;
    }
    if let Some(until) = until {
        filter = filter.until(until, tz).map_err(of("--until"))?;
    }
    if *known || *unknown {
        filter = filter.known(*known);
    }
    for text in text {
        filter = filter.text(text).map_err(of("--text"))?;
    }
    Ok(filter)
}

/// Says which option an error is about.
fn of(option: &'static str) -> impl FnOnce(Error) -> Stop {
    move |error| Stop::failed(format!("{option}: {error}"))
}
