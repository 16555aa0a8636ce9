//! `stats`: counts events.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anstyle::Style;
use nhn_cloudtrail::{Event, Stats, Timestamp};
use serde::{Serialize, Serializer};

use crate::args::{StatsArgs, StatsFormat};
use crate::context::{Context, Stop, thousands};
use crate::counter::{Counter, NONE, OTHER};
use crate::filters::filter;
use crate::input::Input;
use crate::output::Output;
use crate::table::{Align, Cell, Table};
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
    let mut output = context.output_of(&args.input.sources, args.output.as_deref())?;
    let input = Input::open(context, &args.input, filter, None, &output)?;
    let mut counts = Counts::default();
    let report = input.each(context, |event| {
        if let Some(event) = event {
            counts.add(&event, context, &zone);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    counts.stats = report.stats;
    if !report.read_something {
        return Ok(report.tell());
    }
    match args.format {
        StatsFormat::Json => {
            let mut json = serde_json::to_vec_pretty(&counts)
                .map_err(|error| Stop::failed(format!("counts as JSON: {error}")))?;
            json.push(b'\n');
            output.write_data(&json)?;
        }
        StatsFormat::Table => summary(&counts, context, &zone, &mut output)?,
    }
    output.finish()?;
    Ok(report.tell())
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

/// The counts for people.
fn summary(
    counts: &Counts,
    context: &Context<'_>,
    zone: &Zone,
    output: &mut Output,
) -> Result<(), Stop> {
    totals(counts, zone, output)?;
    let Counts { stats, by_service, by_event, by_kind, by_phase, .. } = counts;
    let lang = context.lang;
    let service = |slug: &str| context.catalog.service(slug).map(|service| service.name(lang));
    let event = |id: &str| context.catalog.get(id).map(|entry| entry.name(lang));
    let of = stats.events;
    section("service", by_service, Some(&service), of, output)?;
    section("event", by_event, Some(&event), of, output)?;
    section("kind", by_kind, None, of, output)?;
    if by_phase.most_first().iter().any(|(phase, _)| *phase != NONE) {
        section("phase", by_phase, None, of, output)?;
    }
    section("outcome", &counts.by_outcome, None, of, output)?;
    section("actor", &counts.by_actor, None, of, output)?;
    section("source type", &counts.by_source_type, None, of, output)?;
    section("region", &counts.by_region, None, of, output)?;
    days(counts, zone, output)?;
    section("unknown event", &counts.unknown, None, of, output)
}

fn totals(counts: &Counts, zone: &Zone, output: &mut Output) -> Result<(), Stop> {
    let stats = counts.stats;
    let mut lines =
        vec![("records", thousands(stats.records)), ("events", thousands(stats.events))];
    let sometimes = [
        ("rejects", stats.rejects),
        ("duplicates", stats.duplicates),
        ("conflicts", stats.conflicts),
        ("filtered out", stats.filtered),
        ("without time", counts.untimed),
        ("unrecognized", stats.unrecognized),
        ("NUL bytes", stats.nul_bytes),
    ];
    let there = sometimes.iter().filter(|(_, count)| *count > 0);
    lines.extend(there.map(|(name, count)| (*name, thousands(*count))));
    let width = lines.iter().map(|(_, count)| count.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, count) in lines {
        text.push_str(&format!("{name:<12}  {count:>width$}\n"));
    }
    let times = [("first", counts.first_time), ("last", counts.last_time)];
    for (name, time) in times.into_iter().filter_map(|(name, time)| Some((name, time?))) {
        text.push_str(&format!("{name:<12}  {}\n", zone.show(time)));
    }
    output.write(text.as_bytes())
}

/// Finds the name of a value.
type NameOf<'f, 'a> = &'f dyn Fn(&str) -> Option<&'a str>;

/// The most frequent values of one sort, with their names where they have any.
fn section<'a>(
    title: &str,
    counter: &Counter,
    name: Option<NameOf<'_, 'a>>,
    of: u64,
    output: &mut Output,
) -> Result<(), Stop> {
    let values = counter.most_first();
    if values.is_empty() {
        return Ok(());
    }
    output.write(b"\n")?;
    let mut headings = vec![(title, Align::Left)];
    if name.is_some() {
        headings.push(("name", Align::Left));
    }
    headings.extend([("events", Align::Right), ("share", Align::Right)]);
    let mut table = Table::new(&headings, output);
    let dim = Style::new().dimmed();
    for (value, count) in values.iter().take(TOP) {
        let mut cells = vec![Cell::new(value)];
        if let Some(name) = name {
            cells.push(Cell::new(name(value).unwrap_or_default()));
        }
        cells.push(Cell::new(&thousands(*count)));
        cells.push(Cell::styled(&share(*count, of), dim));
        table.row(cells, output)?;
    }
    table.finish(output)?;
    match values.len().saturating_sub(TOP) {
        0 => Ok(()),
        more => output.write(format!("… and {} more\n", thousands(more as u64)).as_bytes()),
    }
}

/// `12.3 %`; what is there is never `0.0 %`.
fn share(count: u64, of: u64) -> String {
    let of = u128::from(of.max(1));
    let thousandth = (u128::from(count) * 1000 + of / 2) / of;
    match thousandth {
        0 if count > 0 => "< 0.1 %".to_owned(),
        _ => format!("{}.{} %", thousandth / 10, thousandth % 10),
    }
}

/// A bar a day, or a month or a year where there are many.
fn days(counts: &Counts, zone: &Zone, output: &mut Output) -> Result<(), Stop> {
    let days = counts.by_day.by_name();
    let grouped = |length: usize| {
        let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
        // Events without a time are among the totals.
        for (day, count) in days.iter().filter(|(day, _)| *day != NONE) {
            let group = if *day == OTHER { day } else { day.get(..length).unwrap_or(day) };
            *groups.entry(group).or_default() += count;
        }
        groups
    };
    let (unit, groups) = [("day", 10), ("month", 7), ("year", 4)]
        .into_iter()
        .map(|(unit, length)| (unit, grouped(length)))
        .find(|(unit, groups)| groups.len() <= BARS || *unit == "year")
        .unwrap_or_default();
    if groups.is_empty() {
        return Ok(());
    }
    output.write(b"\n")?;
    let heading = format!("{unit} ({})", zone.name());
    let headings = [(heading.as_str(), Align::Left), ("events", Align::Right), ("", Align::Left)];
    let mut table = Table::new(&headings, output);
    let most = groups.values().copied().max().unwrap_or(1);
    // Times are whatever records say: hostile ones make thousands of years.
    let skipped = groups.len().saturating_sub(BARS);
    for (group, count) in groups.iter().skip(skipped) {
        let cells = [
            Cell::new(group),
            Cell::new(&thousands(*count)),
            Cell::styled(&bar(*count, most), Style::new().dimmed()),
        ];
        table.row(cells.into(), output)?;
    }
    table.finish(output)?;
    match skipped {
        0 => Ok(()),
        _ => output.write(format!("… and {} earlier\n", thousands(skipped as u64)).as_bytes()),
    }
}

fn bar(count: u64, most: u64) -> String {
    let eighths = u128::from(count) * u128::from(BAR) * 8 / u128::from(most.max(1));
    // What is there is seen.
    let eighths = usize::try_from(eighths).unwrap_or_default().max(1);
    let rest =
        ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(eighths / 8))
}
