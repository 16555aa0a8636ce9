//! From arguments to the core's filter.

use nhn_cloudtrail::catalog::Catalog;
use nhn_cloudtrail::{Error, Filter};

use crate::args::FilterArgs;
use crate::context::Stop;

/// The filter that the arguments ask for. Times without an offset are in the time zone `tz`.
pub(crate) fn filter(args: &FilterArgs, catalog: &Catalog, tz: &str) -> Result<Filter, Stop> {
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
