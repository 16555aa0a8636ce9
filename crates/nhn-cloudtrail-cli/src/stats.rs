//! `stats`: counts events.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anstyle::Style;
use nhn_cloudtrail::catalog::Lang;
use nhn_cloudtrail::{Column, Event, Stats, Timestamp, Value};
use serde::{Serialize, Serializer};
use unicode_width::UnicodeWidthStr;

use crate::args::{StatsArgs, StatsFormat};
use crate::context::{Context, Stop, thousands};
use crate::counter::{Counter, NONE, OTHER};
use crate::filters::filter;
use crate::input::Input;
use crate::output::Output;
use crate::table::{Align, Cell, Table, push_blanks};
use crate::time::Zone;

/// How many values of each sort a summary shows.
const TOP: usize = 10;
/// More days than this are shown by month, more months by year.
const BARS: usize = 40;
/// How long the longest bar is.
const BAR: u64 = 40;

pub(crate) fn run(context: &Context<'_>, args: &StatsArgs) -> Result<u8, Stop> {
    let zone = Zone::named(&args.input.tz)?;
    let filter = filter(&args.filters, &context.catalog, &args.input.tz)?;
    let mut output = context.output(args.output.as_deref())?;
    let input = Input::open(context, &args.input, filter, &output)?;
    let mut counts = Counts::default();
    let report = input.each(context, |event| {
        counts.add(event, context, &zone);
        Ok(ControlFlow::Continue(()))
    })?;
    counts.stats = report.stats;
    if !report.read_something {
        return Ok(report.status);
    }
    match args.format {
        StatsFormat::Json => {
            let mut json = serde_json::to_vec_pretty(&counts)
                .map_err(|error| Stop::failed(format!("counts as JSON: {error}")))?;
            json.push(b'\n');
            output.write(&json)?;
        }
        StatsFormat::Table => summary(&counts, context, &zone, &mut output)?,
    }
    output.finish()?;
    Ok(report.status)
}

/// All that is counted, in the order of the JSON.
#[derive(Default, Serialize)]
struct Counts {
    #[serde(flatten)]
    stats: Stats,
    #[serde(serialize_with = "time_or_null")]
    first_time: Option<Timestamp>,
    #[serde(serialize_with = "time_or_null")]
    last_time: Option<Timestamp>,
    /// Events without a time that can be read.
    untimed: u64,
    by_service: Counter,
    by_event: Counter,
    by_kind: Counter,
    by_phase: Counter,
    by_outcome: Counter,
    by_actor: Counter,
    by_source_type: Counter,
    by_region: Counter,
    by_day: Counter,
    unknown: Counter,
}

fn time_or_null<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

impl Counts {
    fn add(&mut self, event: &Event, context: &Context<'_>, zone: &Zone) {
        let enriched = context.catalog.enrich(event);
        let id = event.event_id();
        self.by_event.add(id.as_deref());
        self.by_service.add(enriched.service());
        let action = enriched.action();
        self.by_kind.add(action.as_ref().map(|action| action.kind().as_str()));
        let phase = action.as_ref().and_then(|action| action.phase());
        self.by_phase.add(phase.map(|phase| phase.as_str()));
        self.by_outcome.add(Some(enriched.outcome().as_str()));
        let filled = |text: &std::borrow::Cow<'_, str>| !text.is_empty();
        let actor = event
            .user_id()
            .filter(filled)
            .or_else(|| event.user_name().filter(filled))
            .or_else(|| event.user_id_no().filter(filled));
        self.by_actor.add(actor.as_deref());
        self.by_source_type.add(event.event_source_type().as_deref());
        self.by_region.add(event.region().as_deref());
        if !enriched.is_known() {
            self.unknown.add(id.as_deref());
        }
        match event.event_time() {
            Some(time) => {
                self.first_time = Some(self.first_time.map_or(time, |first| first.min(time)));
                self.last_time = Some(self.last_time.map_or(time, |last| last.max(time)));
                self.by_day.add(Some(&zone.day(time)));
            }
            None => {
                self.untimed += 1;
                self.by_day.add(None);
            }
        }
    }
}
