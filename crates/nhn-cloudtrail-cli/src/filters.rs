//! From arguments to the core's filter.

use nhn_cloudtrail::catalog::Catalog;
use nhn_cloudtrail::{Filter, Result};

use crate::args::FilterArgs;

/// The filter that the arguments ask for. Times without an offset are in the time zone `tz`.
pub(crate) fn filter(args: &FilterArgs, catalog: &Catalog, tz: &str) -> Result<Filter> {
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
        filter = filter.event(event)?;
    }
    for service in service {
        filter = filter.service(service, catalog)?;
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
        filter = filter.source_type(source_type)?;
    }
    for user in user {
        filter = filter.user(user)?;
    }
    for address in ip {
        filter = filter.ip(address)?;
    }
    for project in project {
        filter = filter.project(project)?;
    }
    for region in region {
        filter = filter.region(region)?;
    }
    if let Some(since) = since {
        filter = filter.since(since, tz)?;
    }
    if let Some(until) = until {
        filter = filter.until(until, tz)?;
    }
    if *known || *unknown {
        filter = filter.known(*known);
    }
    for text in text {
        filter = filter.text(text)?;
    }
    Ok(filter)
}
