//! Arrow IPC: what is written is what other readers read.

use std::io::Cursor;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_ipc::reader::{FileReader, StreamReader};
use nhn_cloudtrail::catalog::Lang;
use nhn_cloudtrail::{Column, Event};
use nhn_cloudtrail_arrow::{ArrowFileWriter, ArrowStreamWriter};

use crate::common::all_events;
use crate::plain::Plain;

/// Batches with dictionaries that grow, some of which begin anew.
fn batches(events: &[Event], anew: usize) -> Vec<RecordBatch> {
    let mut plain = Plain::new(Column::ALL, Lang::Ko);
    let chunks = events.chunks(9).enumerate();
    let batch = |(index, events): (usize, &[Event])| {
        if index % anew == anew - 1 {
            plain = Plain::new(Column::ALL, Lang::Ko);
        }
        plain.batch(events)
    };
    chunks.map(batch).collect()
}

/// What the rows hold, whatever the dictionaries.
fn rows(batches: &[RecordBatch]) -> Vec<Vec<arrow_array::ArrayRef>> {
    let show = |array: &arrow_array::ArrayRef| match array.as_any_dictionary_opt() {
        Some(keys) => arrow_select::take::take(keys.values(), keys.keys(), None).unwrap(),
        None => array.clone(),
    };
    let batches = batches.iter().filter(|batch| batch.num_rows() > 0);
    batches.map(|batch| batch.columns().iter().map(show).collect()).collect()
}

#[test]
fn a_file_has_one_dictionary_a_column() {
    for anew in [1000, 5, 1] {
        let batches = batches(&all_events(), anew);
        let mut writer = ArrowFileWriter::new(Vec::new(), batches[0].schema()).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        let file = writer.finish().unwrap();
        let reader = FileReader::try_new(Cursor::new(file), None).unwrap();
        assert_eq!(reader.schema(), batches[0].schema());
        let back: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert_eq!(rows(&back), rows(&batches));
        let ids = |batch: &RecordBatch| batch.column(1).as_dictionary::<Int32Type>().clone();
        let first = ids(&back[0]);
        assert!(back.iter().all(|batch| ids(batch).values() == first.values()));
    }
}

#[test]
fn a_stream_sends_short_dictionaries() {
    for anew in [1000, 5] {
        let batches = batches(&all_events(), anew);
        let mut writer = ArrowStreamWriter::new(Vec::new(), batches[0].schema()).unwrap();
        for batch in &batches {
            writer.write(batch).unwrap();
            writer.flush().unwrap();
        }
        let stream = writer.finish().unwrap();
        let reader = StreamReader::try_new(Cursor::new(stream), None).unwrap();
        let back: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert_eq!(rows(&back), rows(&batches));
        for batch in &back {
            for column in batch.columns() {
                let length = column.as_any_dictionary_opt().map(|keys| keys.values().len());
                assert!(length.is_none_or(|length| length <= batch.num_rows()));
            }
        }
    }
}

#[test]
fn tables_without_rows_are_whole() {
    let schema = Plain::new(Column::standard(), Lang::En).schema();
    let file = ArrowFileWriter::new(Vec::new(), schema.clone()).unwrap().finish().unwrap();
    let reader = FileReader::try_new(Cursor::new(file), None).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 0);
    let stream = ArrowStreamWriter::new(Vec::new(), schema.clone()).unwrap().finish().unwrap();
    let reader = StreamReader::try_new(Cursor::new(stream), None).unwrap();
    assert_eq!(reader.schema(), schema);
    assert_eq!(reader.count(), 0);
}
