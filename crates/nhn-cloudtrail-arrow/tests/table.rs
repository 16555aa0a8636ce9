//! The table holds what the flat form holds, value by value, for any number of threads.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

#[expect(dead_code, reason = "of use to other tests")]
mod plain;
#[path = "../../nhn-cloudtrail/tests/strategies/mod.rs"]
mod strategies;
#[expect(dead_code, reason = "of use to other tests")]
#[path = "../../nhn-cloudtrail/tests/support/mod.rs"]
mod support;

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_select::concat::concat_batches;
use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{Column, Event, Filter, Reader, Stats};
use nhn_cloudtrail_arrow::{Batches, Item, TableBuilder};
use plain::Plain;
use proptest::prelude::*;

/// All rows as one batch, texts in place of dictionary keys; and rejects, errors, counts.
#[derive(Debug, PartialEq)]
struct Read {
    rows: Vec<Vec<ArrayRef>>,
    rejects: Vec<String>,
    errors: Vec<String>,
    stats: Stats,
}

fn read(mut batches: Batches) -> Read {
    let schema = batches.schema();
    let (mut all, mut rejects, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(item) = batches.next_item() {
        match item {
            Ok(Item::Batch(batch)) => {
                assert!(batch.num_rows() > 0);
                all.push(batch);
            }
            Ok(Item::Reject(reject)) => rejects.push(format!("{reject:?}")),
            Err(error) => errors.push(error.to_string()),
        }
    }
    let rows = all.iter().map(unpacked).collect();
    assert!(all.iter().all(|batch| batch.schema() == schema));
    Read { rows, rejects, errors, stats: batches.stats() }
}

fn unpacked(batch: &RecordBatch) -> Vec<ArrayRef> {
    batch.columns().iter().map(text_of).collect()
}

/// Texts in place of dictionary keys.
fn text_of(column: &ArrayRef) -> ArrayRef {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;
    match column.as_any_dictionary_opt() {
        None => column.clone(),
        Some(_) => {
            let column = column.as_dictionary::<Int32Type>();
            let texts = column.downcast_dict::<StringArray>().unwrap();
            Arc::new(texts.into_iter().collect::<StringArray>())
        }
    }
}

fn events(mut reader: Reader) -> (Vec<Event>, Stats) {
    let mut events = Vec::new();
    while let Some(item) = reader.next_item() {
        if let Ok(nhn_cloudtrail::Item::Event(event)) = item {
            events.push(event);
        }
    }
    (events, reader.stats())
}

/// Compares a table with one that is built value by value.
fn assert_same(name: &str, table: Batches, events: &[Event], columns: &[Column], lang: Lang) {
    let expected = Plain::new(columns, lang).batch(events);
    let schema = table.schema();
    let mut table = table;
    let mut batches = Vec::new();
    while let Some(item) = table.next_item() {
        if let Ok(Item::Batch(batch)) = item {
            batches.push(batch);
        }
    }
    let table = concat_batches(&schema, &batches).unwrap();
    assert_eq!(table.num_rows(), expected.num_rows(), "{name}");
    for (index, column) in columns.iter().enumerate() {
        let (ours, plain) = (text_of(table.column(index)), text_of(expected.column(index)));
        assert_eq!(&ours, &plain, "{name}: {column}");
    }
}

#[test]
fn every_case_is_a_table() {
    for case in support::cases() {
        let size = std::fs::metadata(case.input()).map_or(0, |data| data.len());
        if size > 4 << 20 || case.options.has_filter() {
            continue;
        }
        let (events, stats) = events(case.options.builder().open([case.input()]).unwrap());
        for threads in [1, 3] {
            let builder = || {
                let builder = TableBuilder::new()
                    .columns(Column::ALL)
                    .limits(case.options.limits())
                    .dedup(case.options.dedup())
                    .threads(threads);
                case.options.record_path().into_iter().fold(builder, TableBuilder::record_path)
            };
            let table = builder().open([case.input()]).unwrap();
            assert_same(&case.name, table, &events, Column::ALL, Lang::Ko);
            assert_eq!(read(builder().open([case.input()]).unwrap()).stats, stats, "{}", case.name);
        }
    }
}

/// A column of texts that repeat compares them a few bytes at a time.
#[test]
fn texts_that_differ_in_one_letter_are_told_apart() {
    let mut texts = vec!["10.0.11.200".to_owned(), "10.0.12.200".to_owned()];
    for length in 1..80 {
        let text = "a".repeat(length);
        for at in 0..length {
            texts.push(text.clone());
            let mut other = text.clone();
            other.replace_range(at..=at, "b");
            texts.push(other);
        }
    }
    let lines = texts.iter().map(|text| format!("{{\"userIp\":\"{text}\"}}\n"));
    let table = TableBuilder::new().columns(&[Column::UserIp]).threads(1);
    let table = table.from_bytes(lines.collect::<String>()).unwrap().read_all().unwrap();
    let mut rows = Vec::new();
    for batch in &table.batches {
        let column = text_of(batch.column(0));
        let column = column.as_any().downcast_ref::<StringArray>().unwrap();
        rows.extend(column.iter().map(|text| text.unwrap().to_owned()));
    }
    assert_eq!(rows, texts);
}

#[test]
fn an_outcome_alone_knows_of_failed_ids() {
    let case = support::cases().into_iter().find(|case| case.name == "outcome-failed-phase");
    let case = case.unwrap();
    let (events, _) = events(case.options.builder().open([case.input()]).unwrap());
    for columns in [&[Column::Outcome][..], &[Column::ResultCode, Column::Outcome]] {
        let table = TableBuilder::new().columns(columns).open([case.input()]).unwrap();
        assert_same(&case.name, table, &events, columns, Lang::Ko);
    }
}

#[test]
fn columns_filters_and_languages_are_as_asked_for() {
    let log = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/logs");
    let filter = || Filter::new().event("*.create*").unwrap();
    let select = filter().into_select(Catalog::builtin());
    let (events, stats) = events(Reader::builder().select(select).open([&log]).unwrap());
    assert!(stats.filtered > 0 && !events.is_empty());
    for columns in [
        &[Column::Known][..],
        &[Column::EventName, Column::EventTime],
        &[Column::Outcome],
        &[Column::SourceRecord, Column::Source, Column::Raw, Column::Kind],
        Column::standard(),
    ] {
        for lang in [Lang::Ko, Lang::En] {
            let table = TableBuilder::new().columns(columns).lang(lang).filter(filter()).threads(2);
            let table = table.open([&log]).unwrap();
            assert_same(&format!("{columns:?}"), table, &events, columns, lang);
        }
    }
    let twice = TableBuilder::new().columns(&[Column::Kind, Column::Kind]).from_bytes("");
    assert!(twice.is_err());
}

#[test]
fn a_table_read_whole_has_one_dictionary_a_column() {
    let line =
        |number: usize| format!("{{\"eventId\":\"e{number}\",\"userName\":\"u{number}\"}}\n");
    let text: String = (0..200_000).map(line).collect();
    let table = TableBuilder::new().threads(2).from_bytes(text).unwrap().read_all().unwrap();
    assert!(table.batches.len() > 1);
    assert_eq!(table.stats.events, 200_000);
    let dictionary =
        |batch: &RecordBatch| batch.column(1).as_any_dictionary_opt().unwrap().values().clone();
    use arrow_array::cast::AsArray;
    let first = dictionary(&table.batches[0]);
    assert_eq!(first.len(), 200_000);
    for batch in &table.batches {
        assert!(dictionary(batch).to_data().ptr_eq(&first.to_data()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_records_are_a_table(
        records in prop::collection::vec(strategies::record(), 1..30),
        threads in 1..4usize,
    ) {
        let text = records.join("\n");
        let (events, _) = events(Reader::from_bytes(text.clone()).unwrap());
        let table = TableBuilder::new().columns(Column::ALL).threads(threads);
        let table = table.from_reader(Cursor::new(text)).unwrap();
        assert_same("any", table, &events, Column::ALL, Lang::Ko);
    }
}

#[test]
fn records_are_read_where_the_path_leads() {
    let mut text = String::new();
    for number in 0..30_000 {
        text += &format!("{{\"a\":{{\"b\":[{{\"eventId\":\"{number}\"}},{{\"mine\":1}}]}}}}\n");
        if number % 1000 == 0 {
            text += "\0\0\0";
        }
    }
    for threads in [1, 2, 4] {
        let builder = TableBuilder::new().record_path("a.b[]".parse().unwrap()).threads(threads);
        let read = read(builder.columns(&[Column::EventId]).from_bytes(text.clone()).unwrap());
        let stats = read.stats;
        assert_eq!((stats.events, stats.rejects, stats.records), (60_000, 0, 60_000));
        assert_eq!((stats.unrecognized, stats.nul_bytes), (30_000, 90), "{threads}");
    }
}
