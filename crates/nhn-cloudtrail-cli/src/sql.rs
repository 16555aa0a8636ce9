//! `sql`: SQL over events, run by whoever brings a database.

use std::path::PathBuf;

use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{Limits, RecordPath, Stats};

use crate::args::{SqlArgs, SqlFormat};
use crate::context::{Context, Stop};
use crate::csv::{BOM, write_row, write_typed};
use crate::input::Report;
use crate::read::bom_without_csv;
use crate::table::{Align, Cell, Table};

/// Runs SQL over events: the Python package brings DuckDB.
pub trait Sql {
    /// Runs a query.
    ///
    /// # Errors
    ///
    /// What is wrong with the query, or that it could not be run, and what to do about it.
    fn run(&self, query: SqlQuery) -> Result<SqlResult, String>;
}

/// A query, and what it is about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqlQuery {
    /// The query.
    pub text: String,
    /// Where the table `events` comes from.
    pub sources: Vec<PathBuf>,
    /// The catalog that knows the events.
    pub catalog: Catalog,
    /// The language of names.
    pub lang: Lang,
    /// What a record may take.
    pub limits: Limits,
    /// Where the records are, in wrappers that are not recognized.
    pub record_path: Option<RecordPath>,
    /// Whether duplicates are left out.
    pub dedup: bool,
    /// Whether a row is wanted as one JSON object.
    pub as_json: bool,
}

/// Rows, some at a time, each with its values as text.
pub type SqlRows = Box<dyn Iterator<Item = Result<Vec<Vec<Option<String>>>, String>>>;

/// What a query gives.
#[expect(missing_debug_implementations, reason = "the rows come as they are asked for")]
pub struct SqlResult {
    /// The columns' names, and whether they hold numbers.
    pub columns: Vec<(String, bool)>,
    /// The rows.
    pub rows: SqlRows,
    /// What was read.
    pub stats: Stats,
    /// What is wrong with whole sources.
    pub errors: Vec<String>,
}

pub(crate) fn run(
    context: &Context<'_>,
    args: &SqlArgs,
    sql: Option<&dyn Sql>,
) -> Result<u8, Stop> {
    let Some(sql) = sql else {
        return Err(Stop::failed("sql: this command comes without a database")
            .help("pip install 'nhn-cloudtrail[sql]', whose command nhn-cloudtrail has one"));
    };
    if args.bom && args.format != SqlFormat::Csv {
        return Err(bom_without_csv());
    }
    let mut output = context.output_of(&args.sources, args.output.as_deref())?;
    let result = sql.run(SqlQuery {
        text: args.query.clone(),
        sources: args.sources.clone(),
        catalog: context.catalog.clone(),
        lang: context.lang,
        limits: Limits::default()
            .with_record_bytes(args.max_record_bytes)
            .with_depth(args.max_depth),
        record_path: args.record_path.clone(),
        dedup: args.dedup,
        as_json: args.format == SqlFormat::Jsonl,
    });
    let SqlResult { columns, rows, stats, errors } = result.map_err(Stop::failed)?;
    let names = || columns.iter().map(|(name, _)| name.as_str());
    let mut table = (args.format == SqlFormat::Table && !columns.is_empty()).then(|| {
        let align = |number: &bool| if *number { Align::Right } else { Align::Left };
        let headings: Vec<_> =
            columns.iter().map(|(name, number)| (name.as_str(), align(number))).collect();
        Table::new(&headings, &output)
    });
    if args.format == SqlFormat::Csv && !columns.is_empty() {
        let mut line = Vec::new();
        if args.bom && output.width.is_none() {
            line.extend_from_slice(BOM);
        }
        write_row(&mut line, names());
        output.write_data(&line)?;
    }
    for rows in rows {
        for row in rows.map_err(Stop::failed)? {
            let texts = row.iter().map(|value| value.as_deref().unwrap_or_default());
            if let Some(table) = &mut table {
                table.row(texts.map(Cell::new).collect(), &mut output)?;
                continue;
            }
            let mut line = Vec::new();
            match args.format {
                SqlFormat::Csv => {
                    let numbers = columns.iter().map(|(_, is_number)| *is_number);
                    write_typed(&mut line, texts.zip(numbers));
                }
                _ => {
                    texts.for_each(|text| line.extend_from_slice(text.as_bytes()));
                    line.push(b'\n');
                }
            }
            output.write_data(&line)?;
        }
    }
    if let Some(table) = table {
        table.finish(&mut output)?;
    }
    output.finish()?;
    Ok(Report::of(context, stats, &errors).tell())
}
