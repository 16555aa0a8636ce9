//! Parquet there and back: nothing is lost.

use std::fs;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use nhn_cloudtrail::catalog::{Catalog, Kind, Lang};
use nhn_cloudtrail::{Column, Event, Field, Filter, Outcome};
use nhn_cloudtrail_arrow::{ParquetWriter, TableBuilder, schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::common::{all_events, cases, flat, read_back, with_raw, write};

#[test]
fn every_case_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    for (name, events) in cases() {
        write(&path, Column::standard(), &events, 3, 1);
        let back: Vec<Event> = read_back(&path, Filter::new()).map(Result::unwrap).collect();
        assert_eq!(back.len(), events.len(), "{name}");
        for (back, event) in back.iter().zip(&events) {
            assert_eq!(flat(back), flat(event), "{name}");
            // A field that is null is none in a table.
            let all_null = Field::ALL.iter().all(|field| event.text(*field).is_none());
            assert!(back.is_recognized() == event.is_recognized() || all_null, "{name}");
        }
    }
}

#[test]
fn with_raw_the_very_bytes_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let all = all_events();
    write(&path, &with_raw(), &all, 100, 2);
    let back: Vec<Event> = read_back(&path, Filter::new()).map(Result::unwrap).collect();
    assert_eq!(back, all);
    for (back, event) in back.iter().zip(&all) {
        assert_eq!(back.is_recognized(), event.is_recognized(), "{event:?}");
    }
    let numbers: Vec<u64> = back.iter().map(|event| event.position().record).collect();
    assert_eq!(numbers, (1..=all.len() as u64).collect::<Vec<_>>());
}

#[test]
fn batches_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let all = all_events();
    write(&path, Column::ALL, &all, all.len(), 2);
    let file = fs::File::open(&path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(**reader.schema(), *schema(Column::ALL, Lang::Ko));
    let notes = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let note = |key: &str| notes.iter().find(|note| note.key == key).unwrap().value.clone();
    assert_eq!(note("nhn_cloudtrail.lang").as_deref(), Some("ko"));
    assert!(reader.metadata().row_group(0).sorting_columns().is_none());
    let back: Vec<RecordBatch> =
        reader.with_batch_size(all.len()).build().unwrap().map(Result::unwrap).collect();
    let plain = crate::plain::Plain::new(Column::ALL, Lang::Ko).batch(&all);
    for (column, (back, plain)) in
        Column::ALL.iter().zip(back[0].columns().iter().zip(plain.columns()))
    {
        // Dictionaries may have another order; what the rows hold is the same.
        let show = |array: &arrow_array::ArrayRef| match array.as_any_dictionary_opt() {
            Some(keys) => arrow_select::take::take(keys.values(), keys.keys(), None).unwrap(),
            None => array.clone(),
        };
        assert_eq!(&show(back), &show(plain), "{column}");
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let all = all_events();
    let files = [1, 2, 3, 8].map(|threads| {
        let path = folder.path().join(format!("{threads}.parquet"));
        write(&path, Column::ALL, &all, 7, threads);
        fs::read(path).unwrap()
    });
    assert!(files.iter().all(|file| *file == files[0]));
}

#[test]
fn row_groups_end_where_they_should() {
    let text: String = (0..3000)
        .map(|n| {
            let time = format!("2026-10-{:02}T00:00:00.{:03}Z", 1 + n / 1000, n % 1000);
            format!("{{\"eventTime\":\"{time}\",\"eventId\":\"event_id.a.b.{n}\"}}\n")
        })
        .collect();
    let events = nhn_cloudtrail::parse(text).unwrap();
    let mut plain = crate::plain::Plain::new(Column::standard(), Lang::Ko);
    let batch = plain.batch(&events);
    for threads in [1, 4] {
        let mut writer = ParquetWriter::new(Vec::new(), plain.schema(), threads).unwrap();
        for _ in 0..100 {
            writer.write(&batch).unwrap();
        }
        let file = writer.finish().unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).unwrap();
        let rows: Vec<i64> =
            reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(rows, [131_072, 131_072, 37_856]);
    }
}

#[test]
fn an_empty_table_is_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    write(&path, Column::standard(), &[], 1, 2);
    assert_eq!(read_back(&path, Filter::new()).count(), 0);
}

#[test]
fn a_sink_that_fails_says_why() {
    struct Broken(usize);
    impl std::io::Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(std::io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let events = all_events();
    let mut plain = crate::plain::Plain::new(Column::standard(), Lang::Ko);
    let batch = plain.batch(&events);
    for writes in 0..3 {
        let wrong = ParquetWriter::new(Broken(writes), plain.schema(), 2)
            .and_then(|mut writer| {
                writer.write(&batch)?;
                writer.finish()
            })
            .map(drop)
            .unwrap_err();
        assert_eq!(wrong.code().as_str(), "IO");
        let cause = std::error::Error::source(&wrong).unwrap();
        let cause = cause.downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(cause.kind(), std::io::ErrorKind::BrokenPipe);
    }
}

#[test]
fn rows_out_of_time_are_passed_over_and_counted() {
    let text: String = (0..30_000)
        .map(|n| match n % 10 {
            9 => format!("{{\"eventTime\":\"whenever\",\"eventLogUuid\":\"{n}\"}}\n"),
            _ => {
                let minute = (n * 7) % 1440;
                let time = format!("2026-10-31T{:02}:{:02}:00Z", minute / 60, minute % 60);
                format!("{{\"eventTime\":\"{time}\",\"eventLogUuid\":\"{n}\"}}\n")
            }
        })
        .collect();
    let events = nhn_cloudtrail::parse(text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    write(&path, Column::standard(), &events, 1000, 2);
    let filters = [
        ("2026-10-31T10:00:00Z", "2026-10-31T12:00:00Z"),
        ("2026-10-31T00:00:00Z", "2026-11-01"),
        ("2026-10-31T23:59:00Z", "2026-11-01"),
        ("2026-11-01", "2026-11-02"),
        ("2026-10-01", "2026-10-30"),
    ];
    for (since, until) in filters {
        let filter = Filter::new().since(since, "UTC").unwrap().until(until, "UTC").unwrap();
        let enriched = |event: &&Event| filter.matches(&event.enrich());
        let wanted: Vec<&Event> = events.iter().filter(enriched).collect();
        let mut reader = read_back(&path, filter.clone());
        let back: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
        assert_eq!(back.len(), wanted.len(), "{since}");
        for (back, event) in back.iter().zip(wanted) {
            assert_eq!(flat(back), flat(event));
            assert_eq!(back.position().record, event.position().record);
        }
        let stats = reader.stats();
        assert_eq!(stats.events + stats.filtered, 30_000, "{since}");
    }
}

#[test]
fn what_no_writer_of_ours_makes_is_kept() {
    let rows = [
        ("{\"eventTime\":\"soon\",\"a\":[ 1 ]}", "{\"a\":[1],\"eventTime\":\"soon\"}"),
        ("not JSON", "{\"extra\":\"not JSON\"}"),
        ("[1]", "{\"extra\":\"[1]\"}"),
        ("{\"a\":1} {", "{\"extra\":\"{\\\"a\\\":1} {\"}"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let events = nhn_cloudtrail::parse("{\"eventId\":\"a\"}".repeat(rows.len())).unwrap();
    let mut plain = crate::plain::Plain::new(Column::standard(), Lang::Ko);
    let batch = plain.batch(&events);
    let mut columns = batch.columns().to_vec();
    let place = Column::standard().iter().position(|column| *column == Column::Extra).unwrap();
    let texts = rows.iter().map(|(extra, _)| Some(*extra));
    columns[place] = std::sync::Arc::new(texts.collect::<arrow_array::StringArray>());
    let batch = RecordBatch::try_new(batch.schema(), columns).unwrap();
    let file = fs::File::create(&path).unwrap();
    let mut writer = ParquetWriter::new(file, batch.schema(), 1).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let back: Vec<Event> = read_back(&path, Filter::new()).map(Result::unwrap).collect();
    for (back, (_, wanted)) in back.iter().zip(rows) {
        assert_eq!(back.extra_json().as_deref(), Some(wanted));
        assert_eq!(back.event_id().as_deref(), Some("a"));
    }
}

#[test]
fn rows_that_a_filter_leaves_out_are_passed_over_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let all = all_events();
    let catalog = Catalog::builtin();
    let none = Filter::new;
    let filters = [
        none().event("*.delete").unwrap(),
        none().event("event_id.iaas.*").unwrap().event("nothing").unwrap(),
        none().service("infrastructure", &catalog).unwrap(),
        none().kind(Kind::Delete).kind(Kind::Read),
        none().phase(None),
        none().known(true),
        none().known(false),
        none().known(false).kind(Kind::Create),
        none().source_type("user_console").unwrap(),
        none().user("ADMIN@example.com").unwrap().user("홍길동").unwrap(),
        none().ip("10.0.0.0/8").unwrap(),
        none().region("kr1").unwrap().known(true),
        none().project("prod").unwrap(),
        none().outcome(Outcome::Failure),
        none().text("{").unwrap().since("2019-01-01", "UTC").unwrap(),
    ];
    for columns in [Column::standard(), &with_raw(), &[Column::EventTime, Column::EventId]] {
        write(&path, columns, &all, 50, 1);
        let everything: Vec<Event> = read_back(&path, Filter::new()).map(Result::unwrap).collect();
        let mut passed = 0;
        for filter in &filters {
            let wanted = everything.iter().filter(|event| filter.matches(&event.enrich()));
            let wanted: Vec<(u64, String)> =
                wanted.map(|event| (event.position().record, flat(event))).collect();
            let mut reader = read_back(&path, filter.clone());
            let back = reader.by_ref().map(Result::unwrap);
            let back: Vec<(u64, String)> =
                back.map(|event| (event.position().record, flat(&event))).collect();
            assert_eq!(back, wanted, "{filter:?}");
            let stats = reader.stats();
            assert_eq!(stats.records, stats.events);
            assert_eq!(stats.events + stats.filtered, all.len() as u64, "{filter:?}");
            passed += usize::from(!wanted.is_empty());
        }
        assert!(passed > 4, "{passed} filters let anything pass");
    }
}

/// Whoever compacts a data set may compress it otherwise.
#[test]
fn files_that_others_compressed_come_back() {
    use parquet::basic::{BrotliLevel, Compression, GzipLevel};
    use parquet::file::properties::WriterProperties;

    let folder = tempfile::tempdir().unwrap();
    let ours = folder.path().join("ours.parquet");
    write(&ours, Column::standard(), &all_events(), 1000, 1);
    let wanted: Vec<String> =
        read_back(&ours, Filter::new()).map(|event| flat(&event.unwrap())).collect();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4_RAW,
    ] {
        let path = folder.path().join(format!("{compression:?}.parquet"));
        let properties = WriterProperties::builder().set_compression(compression).build();
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&ours).unwrap());
        let reader = reader.unwrap().build().unwrap();
        let file = fs::File::create(&path).unwrap();
        let schema = arrow_array::RecordBatchReader::schema(&reader);
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(file, schema, Some(properties)).unwrap();
        reader.for_each(|batch| writer.write(&batch.unwrap()).unwrap());
        writer.close().unwrap();
        let back = read_back(&path, Filter::new()).map(|event| flat(&event.unwrap()));
        assert_eq!(back.collect::<Vec<_>>(), wanted, "{compression:?}");
    }
}

/// Writes records with these columns.
fn write_lines(path: &std::path::Path, columns: &[Column], lines: &[&str]) {
    let events = nhn_cloudtrail::parse(lines.join("\n")).unwrap();
    write(path, columns, &events, 100, 1);
}

#[test]
fn the_ends_of_a_period_are_those_of_the_filter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let at = "2026-10-31T00:00:00.005Z";
    for columns in [Column::standard(), &with_raw()] {
        // The second is told by the rows, the first by the statistics.
        for more in [None, Some("{\"eventTime\":\"2026-11-30T00:00:00Z\"}")] {
            let line = format!("{{\"eventTime\":\"{at}\",\"eventId\":\"a\"}}");
            let lines: Vec<&str> = [line.as_str()].into_iter().chain(more).collect();
            write_lines(&path, columns, &lines);
            let count = |since: &str, until: &str| {
                let filter = Filter::new().since(since, "UTC").unwrap();
                read_back(&path, filter.until(until, "UTC").unwrap()).count()
            };
            let (before, after) = ("2026-10-31T00:00:00.004Z", "2026-10-31T00:00:00.006Z");
            assert_eq!(count(before, after), 1);
            assert_eq!(count(at, after), 1);
            assert_eq!(count(before, at), 0);
            assert_eq!(count(after, "2026-11-01"), 0);
            assert_eq!(count("2026-10-31", "2026-10-31"), 1);
        }
    }
}

#[test]
fn a_column_that_is_lacking_is_looked_for_in_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let lines = ["{\"userId\":\"x\",\"userName\":\"n\"}", "{\"userId\":\"y\",\"userName\":\"n\"}"];
    let count = |user: &str| read_back(&path, Filter::new().user(user).unwrap()).count();
    write_lines(&path, &[Column::UserName, Column::Raw], &lines);
    assert_eq!((count("x"), count("n"), count("z")), (1, 2, 0));
    write_lines(&path, &[Column::EventTime, Column::EventId, Column::UserName], &lines);
    assert_eq!((count("x"), count("n"), count("z")), (0, 2, 0));
}

#[test]
fn whether_rows_are_the_same_is_told_by_all_their_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let lines = ["x", "y", "x"].map(|user| format!("{{\"eventId\":\"a\",\"userId\":\"{user}\"}}"));
    let lines = lines.each_ref().map(String::as_str);
    for columns in [Column::standard(), &with_raw()] {
        write_lines(&path, columns, &lines);
        for asked in [&[Column::EventId][..], &[Column::EventId, Column::Source]] {
            let table = TableBuilder::new().columns(asked).dedup(true).open([&path]).unwrap();
            let table = table.read_all().unwrap();
            assert_eq!((table.stats.events, table.stats.duplicates), (2, 1));
        }
    }
}
