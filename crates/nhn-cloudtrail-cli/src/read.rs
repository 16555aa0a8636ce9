//! `read`: shows events.

use std::ops::ControlFlow;

use anstyle::{AnsiColor, Style};
use arrow_schema::SchemaRef;
use nhn_cloudtrail::catalog::{Kind, Lang};
use nhn_cloudtrail::{Column, Enriched, Event, Outcome, Reader, Value};
use nhn_cloudtrail_arrow::TableBuilder;

use crate::args::{ReadArgs, ReadFormat};
use crate::context::{Context, Stop};
use crate::csv;
use crate::filters::{EventFilter, filter};
use crate::input::{Input, Report, Target};
use crate::output::Output;
use crate::rows::Rows;
use crate::table::{Align, Cell, Table};
use crate::time::Zone;

/// The table's columns where none are asked for: they fit 120 columns of text.
const TABLE: &[Column] = &[
    Column::EventTime,
    Column::EventName,
    Column::Service,
    Column::UserId,
    Column::UserIp,
    Column::Outcome,
];
/// The same for a terminal narrower than this.
const NARROW: usize = 100;
const NARROW_TABLE: &[Column] =
    &[Column::EventTime, Column::EventName, Column::UserId, Column::Outcome];

pub(crate) fn run(context: &Context<'_>, args: &ReadArgs) -> Result<u8, Stop> {
    let zone = Zone::named(&args.input.tz)?;
    let filter = filter(&args.filters, &context.catalog, &args.input.tz)?;
    let asked = args.columns.as_deref().map(columns).transpose()?;
    if asked.is_some() && args.format == ReadFormat::Raw {
        return Err(Stop::failed("--columns: the format raw has no columns")
            .help("leave one of the two out: raw passes whole records through"));
    }
    if args.bom && args.format != ReadFormat::Csv {
        return Err(bom_without_csv());
    }
    let output = context.output_of(&args.input.sources, args.output.as_deref())?;
    let lang = context.lang;
    let format = match args.format {
        ReadFormat::Parquet => return rows(context, args, filter, asked, output, Rows::parquet),
        ReadFormat::Arrow => return rows(context, args, filter, asked, output, Rows::stream),
        ReadFormat::Table => None,
        ReadFormat::Jsonl => Some(Format::Jsonl),
        ReadFormat::Json => Some(Format::Json { begun: false }),
        ReadFormat::Csv => Some(Format::Csv { begun: false, bom: args.bom }),
        ReadFormat::Raw => Some(Format::Raw),
    };
    let needed = match format {
        Some(Format::Raw) => Some(&[Column::Raw][..]),
        _ => asked.as_deref(),
    };
    let input = Input::open(context, &args.input, filter, needed, &output)?;
    let printer = match format {
        Some(format) => Printer::new(format, asked, lang, output),
        None => Printer::table(asked, zone, lang, output, input.may_wait(&args.input)),
    };
    Ok(print(context, input, printer, args.limit)?.tell())
}

/// The error for `--bom` with another format than CSV.
pub(crate) fn bom_without_csv() -> Stop {
    Stop::failed("--bom: only a CSV can begin with a byte-order mark")
        .help("leave --bom out, or write a CSV: read --format csv, convert -o FILE.csv")
}

/// Prints events, at most `limit`.
pub(crate) fn print(
    context: &Context<'_>,
    input: Input<Reader>,
    mut printer: Printer,
    limit: Option<u64>,
) -> Result<Report, Stop> {
    let mut left = limit.unwrap_or(u64::MAX);
    let report = if left == 0 {
        input.done()?
    } else {
        input.each(context, |event| {
            let Some(event) = event else {
                printer.show()?;
                return Ok(ControlFlow::Continue(()));
            };
            printer.event(&event, context)?;
            left -= 1;
            Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?
    };
    printer.finish(report.read_something)?;
    Ok(report)
}

/// Writes events as rows of a table that is not text.
fn rows(
    context: &Context<'_>,
    args: &ReadArgs,
    filter: EventFilter,
    asked: Option<Vec<Column>>,
    output: Output,
    begin: impl FnOnce(Output, SchemaRef, usize) -> Result<Rows, Stop>,
) -> Result<u8, Stop> {
    if output.width.is_some() {
        return Err(Stop::failed("--format: parquet and arrow are nothing to show on a terminal")
            .help("write to a file with --output FILE, or pass it on to a program"));
    }
    let columns = asked.as_deref().unwrap_or(Column::standard());
    let table = TableBuilder::new().columns(columns).dedup(args.input.dedup);
    let input = Input::table(context, &args.input, filter, table, Target::Output(&output))?;
    let rows = begin(output, input.schema(), 0)?;
    Ok(rows.write_all(context, input, args.limit)?.tell())
}

/// The columns of a list such as `event_time,user_id`.
pub(crate) fn columns(list: &str) -> Result<Vec<Column>, Stop> {
    let mut columns: Vec<Column> = Vec::new();
    for name in list.split(',').map(str::trim) {
        let column: Column = name
            .parse()
            .map_err(|error: nhn_cloudtrail::Error| Stop::failed(format!("--columns: {error}")))?;
        if columns.contains(&column) {
            return Err(Stop::failed(format!("--columns: {column} stands there twice")));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// Writes events in a format.
pub(crate) struct Printer {
    format: Format,
    columns: Vec<Column>,
    lang: Lang,
    output: Output,
    /// The line that is being put together.
    line: Vec<u8>,
}

pub(crate) enum Format {
    Table { table: Table, zone: Zone },
    Jsonl,
    Json { begun: bool },
    Csv { begun: bool, bom: bool },
    Raw,
}

impl Printer {
    /// In a format for programs.
    pub(crate) fn new(
        format: Format,
        asked: Option<Vec<Column>>,
        lang: Lang,
        output: Output,
    ) -> Self {
        let columns = asked.unwrap_or_else(|| Column::standard().to_vec());
        Self { format, columns, lang, output, line: Vec::new() }
    }

    /// In a table; `live` says whether its rows must be shown before the next ones are waited for.
    fn table(
        asked: Option<Vec<Column>>,
        zone: Zone,
        lang: Lang,
        output: Output,
        live: bool,
    ) -> Self {
        let columns = asked.unwrap_or_else(|| match output.width {
            Some(width) if width < NARROW => NARROW_TABLE.to_vec(),
            _ => TABLE.to_vec(),
        });
        let headings: Vec<(&str, Align)> =
            columns.iter().map(|column| (column.as_str(), align(*column))).collect();
        let mut table = Table::new(&headings, &output).live(live);
        // Half a time is none.
        if let Some(time) = columns.iter().position(|column| *column == Column::EventTime) {
            table = table.with_whole(time);
        }
        Self::new(Format::Table { table, zone }, Some(columns), lang, output)
    }

    fn event(&mut self, event: &Event, context: &Context<'_>) -> Result<(), Stop> {
        self.line.clear();
        let enriched = context.catalog.enrich(event);
        match &mut self.format {
            Format::Table { table, zone } => {
                let cells =
                    self.columns.iter().map(|column| cell(&enriched, *column, self.lang, zone));
                return table.row(cells.collect(), &mut self.output);
            }
            Format::Jsonl => enriched.write_json(&self.columns, self.lang, &mut self.line),
            Format::Json { begun } => {
                self.line.extend_from_slice(if *begun { b",\n" } else { b"[\n" });
                *begun = true;
                enriched.write_json(&self.columns, self.lang, &mut self.line);
                return self.output.write_data(&self.line);
            }
            Format::Csv { begun, bom } => {
                if !*begun {
                    csv_header(&mut self.line, &self.columns, *bom && self.output.width.is_none());
                    *begun = true;
                }
                let values: Vec<String> = self
                    .columns
                    .iter()
                    .map(|column| plain(&enriched.value(*column, self.lang)))
                    .collect();
                csv::write_row(&mut self.line, values.iter().map(String::as_str));
                return self.output.write_data(&self.line);
            }
            Format::Raw => self.line.extend_from_slice(event.raw()),
        }
        self.line.push(b'\n');
        self.output.write_data(&self.line)
    }

    /// Lets whoever looks at the output see all that was printed.
    fn show(&mut self) -> Result<(), Stop> {
        if let Format::Table { table, .. } = &mut self.format {
            table.show(&mut self.output)?;
        }
        self.output.show()
    }

    /// Writes what is left; `something` says whether there was anything to read.
    fn finish(mut self, something: bool) -> Result<(), Stop> {
        self.line.clear();
        match self.format {
            Format::Table { table, .. } if something => table.finish(&mut self.output)?,
            Format::Json { begun } => {
                self.line.extend_from_slice(if begun { b"\n]\n" } else { b"[]\n" });
            }
            Format::Csv { begun: false, bom } if something => {
                csv_header(&mut self.line, &self.columns, bom && self.output.width.is_none());
            }
            _ => (),
        }
        self.output.write_data(&self.line)?;
        // Where no source could be read, a file that was there before is the better one.
        if something || self.output.is_stdout() { self.output.finish() } else { Ok(()) }
    }
}

fn csv_header(line: &mut Vec<u8>, columns: &[Column], bom: bool) {
    if bom {
        line.extend_from_slice(csv::BOM);
    }
    csv::write_row(line, columns.iter().map(|column| column.as_str()));
}

/// A value as text: what stands in a CSV, and in a table but for times.
fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone().into_owned(),
        Value::Time(time) => time.to_string(),
        other => {
            let mut json = Vec::new();
            other.write_json(&mut json);
            String::from_utf8_lossy(&json).into_owned()
        }
    }
}

fn align(column: Column) -> Align {
    if column == Column::SourceRecord { Align::Right } else { Align::Left }
}

/// A value in the table.
fn cell(event: &Enriched<'_>, column: Column, lang: Lang, zone: &Zone) -> Cell {
    let dim = Style::new().dimmed();
    match (column, event.value(column, lang)) {
        (_, Value::Time(time)) => Cell::styled(&zone.show(time), dim),
        // For people an ID says more of an event without a name than nothing does.
        (Column::EventName, Value::Null) => match event.value(Column::EventId, lang) {
            Value::Null => Cell::styled("-", dim),
            id => Cell::styled(&plain(&id), Style::new().italic()),
        },
        (_, Value::Null) => Cell::styled("-", dim),
        (Column::EventName | Column::EventId | Column::Kind | Column::Verb, value) => {
            Cell::styled(&plain(&value), act_style(event))
        }
        (Column::Outcome | Column::ResultCode | Column::ResultMessage, value) => {
            let style = match event.outcome() {
                Outcome::Failure => AnsiColor::Red.on_default().bold(),
                Outcome::Success => Style::new(),
                _ => dim,
            };
            Cell::styled(&plain(&value), style)
        }
        (_, value) => Cell::new(&plain(&value)),
    }
}

/// What is gone stands out.
fn act_style(event: &Enriched<'_>) -> Style {
    match event.action().map(|action| action.kind()) {
        Some(Kind::Delete) => AnsiColor::Magenta.on_default().bold(),
        _ => Style::new(),
    }
}
