//! Events to write, and ways to read them back.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{Column, Event, Filter, Reader};
use nhn_cloudtrail_arrow::{Parquet, ParquetWriter};

use crate::plain::Plain;
use crate::support;

/// Every event of every case.
pub(crate) fn cases() -> Vec<(String, Vec<Event>)> {
    let cases = support::cases();
    let read = |case: &support::Case| {
        let reader = case.options.builder().open([case.input()]).unwrap();
        let reading = support::read(reader, &case.options);
        assert_eq!(reading.stats.events, reading.events.len() as u64, "{}", reading.trace);
        assert!(reading.errors.len() + reading.rejects.len() <= reading.trace.len());
        (case.name.clone(), reading.events)
    };
    cases.iter().map(read).collect()
}

/// All of them in one sequence.
pub(crate) fn all_events() -> Vec<Event> {
    let all: Vec<Event> = cases().into_iter().flat_map(|(_, events)| events).collect();
    assert!(all.len() > 300, "{} events", all.len());
    all
}

pub(crate) fn with_raw() -> Vec<Column> {
    Column::standard().iter().copied().chain([Column::Raw]).collect()
}

/// Writes a file, so many rows a batch.
pub(crate) fn write(
    path: &Path,
    columns: &[Column],
    events: &[Event],
    rows: usize,
    threads: usize,
) {
    let mut plain = Plain::new(columns, Lang::Ko);
    let file = File::create(path).unwrap();
    let mut writer = ParquetWriter::new(file, plain.schema(), threads).unwrap();
    for events in events.chunks(rows) {
        writer.write(&plain.batch(events)).unwrap();
    }
    writer.finish().unwrap();
}

/// Reads a file or a folder of them.
pub(crate) fn read_back(path: &Path, filter: Filter) -> Reader {
    read_with(path, filter, |parquet| parquet)
}

/// The same, with options.
pub(crate) fn read_with(
    path: &Path,
    filter: Filter,
    with: impl FnOnce(Parquet) -> Parquet,
) -> Reader {
    let catalog = Catalog::builtin();
    Reader::builder()
        .format(Arc::new(with(Parquet::new(&filter, &catalog))))
        .select(filter.into_select(catalog))
        .open([path])
        .unwrap()
}

/// The line of an event in `--format jsonl`.
pub(crate) fn flat(event: &Event) -> String {
    let mut line = Vec::new();
    event.enrich().write_json(Column::standard(), Lang::Ko, &mut line);
    String::from_utf8(line).unwrap()
}
