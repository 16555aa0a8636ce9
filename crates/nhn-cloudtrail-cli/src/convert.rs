//! `convert`: writes logs as a file of another format, or adds them to a data set.

use std::ops::ControlFlow;
use std::path::Path;

use nhn_cloudtrail::{Column, check_target};
use nhn_cloudtrail_arrow::{Dataset, TableBuilder};

use crate::args::ConvertArgs;
use crate::context::{Context, Stop, counted};
use crate::filters::{EventFilter, filter};
use crate::input::{Input, Report, Target};
use crate::output::real;
use crate::read::{Format, Printer, bom_without_csv, columns, print};
use crate::rows::Rows;
use crate::time::Zone;

/// What is written, by the name of it.
enum Kind {
    Parquet,
    Arrow,
    Jsonl,
    Csv,
    Dataset,
}

impl Kind {
    fn of(path: &Path) -> Self {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("parquet") => Self::Parquet,
            Some("arrow") => Self::Arrow,
            Some("jsonl") => Self::Jsonl,
            Some("csv") => Self::Csv,
            _ => Self::Dataset,
        }
    }
}

pub(crate) fn run(context: &Context<'_>, args: &ConvertArgs) -> Result<u8, Stop> {
    if args.output == Path::new("-") {
        return Err(Stop::failed("--output: a file or a folder is needed, not standard output")
            .help("to write to standard output use read --format"));
    }
    Zone::named(&args.input.tz)?;
    let filter = filter(&args.filters, &context.catalog, &args.input.tz)?;
    let kind = Kind::of(&args.output);
    if args.bom && !matches!(kind, Kind::Csv) {
        return Err(bom_without_csv());
    }
    let mut columns = match &args.columns {
        Some(_) if matches!(kind, Kind::Dataset) => {
            return Err(Stop::failed("--columns: a data set has all columns")
                .help("to choose columns write a file: .parquet, .arrow, .jsonl or .csv"));
        }
        Some(list) => columns(list)?,
        None => Column::standard().to_vec(),
    };
    if args.keep_raw && !columns.contains(&Column::Raw) {
        columns.push(Column::Raw);
    }
    let format = match kind {
        Kind::Dataset => return dataset(context, args, filter, &columns),
        Kind::Parquet | Kind::Arrow => None,
        Kind::Jsonl => Some(Format::Jsonl),
        Kind::Csv => Some(Format::Csv { begun: false, bom: args.bom }),
    };
    let output = context.output_of(&args.input.sources, Some(&args.output))?;
    let report = if let Some(format) = format {
        let input = Input::open(context, &args.input, filter, Some(&columns), &output)?;
        let printer = Printer::new(format, Some(columns), context.lang, output);
        print(context, input, printer, None)?
    } else {
        let table = table(args, &columns).dedup(args.input.dedup);
        let (table, begin): (_, fn(_, _, _) -> _) = match kind {
            Kind::Arrow => (table.one_dictionary(), Rows::file),
            _ => (table, Rows::parquet),
        };
        let input = Input::table(context, &args.input, filter, table, Target::Output(&output))?;
        begin(output, input.schema(), args.threads.into())?.write_all(context, input, None)?
    };
    Ok(tell(report, args, 1))
}

fn table(args: &ConvertArgs, columns: &[Column]) -> TableBuilder {
    TableBuilder::new().columns(columns).threads(args.threads.into())
}

/// Adds events to a data set.
fn dataset(
    context: &Context<'_>,
    args: &ConvertArgs,
    filter: EventFilter,
    columns: &[Column],
) -> Result<u8, Stop> {
    check_target(&args.input.sources, nhn_cloudtrail::Target::Folder(&args.output))?;
    let folder = real(&args.output);
    // What a data set holds it does not take again, so neither twice from the sources.
    let table = table(args, columns).dedup(true);
    let input = Input::table(context, &args.input, filter, table, Target::Folder(&folder))?;
    let schema = input.schema();
    let open = || Ok(Dataset::open(&folder, schema, args.threads.into())?);
    let mut dataset = context.interrupt.begin_dataset(open)?;
    let staging = dataset.staging().to_owned();
    let done = (|| {
        let mut report = input.each(context, |batch| {
            if let Some(batch) = batch {
                dataset.write(&batch)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        report.stats = dataset.adjust(report.stats);
        // Without it nothing is left of the data set's files.
        let files = if report.read_something { dataset.commit()?.len() } else { 0 };
        Ok(tell(report, args, files))
    })();
    context.interrupt.forget(&staging);
    // An interrupt takes the files away that are being written, which is then what fails.
    if context.interrupt.is_raised() { done.map_err(|_: Stop| Stop::Interrupted) } else { done }
}

fn tell(report: Report, args: &ConvertArgs, files: usize) -> u8 {
    if !report.read_something {
        return report.tell();
    }
    let rows = counted(report.stats.events, "row");
    let place = args.output.display();
    let written = match Kind::of(&args.output) {
        Kind::Dataset => format!("; wrote {rows} in {} to {place}", counted(files as u64, "file")),
        _ => format!("; wrote {rows} to {place}"),
    };
    report.tell_with(&written)
}
