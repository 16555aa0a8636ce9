//! Damaged Parquet files, and files of something else: an error, never a panic.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use nhn_cloudtrail::catalog::Catalog;
use nhn_cloudtrail::{Column, Filter, Reader};
use nhn_cloudtrail_arrow::Parquet;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::common::{all_events, flat, read_back, read_with, with_raw, write};

#[test]
fn damage_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let events = all_events();
    let mut random = 7u64;
    let mut next = |below: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for columns in [Column::standard(), &with_raw()] {
        write(&path, columns, &events[..60], 25, 1);
        let whole = fs::read(&path).unwrap();
        let footer = whole.len() - 12_000.min(whole.len());
        for round in 0..400 {
            let mut bytes = whole.clone();
            match round % 3 {
                0 => bytes.truncate(next(whole.len())),
                // Most of what is there to be believed stands at the end.
                1 => bytes[footer + next(whole.len() - footer)] ^= 1 << next(8),
                _ => bytes[next(whole.len())] = next(256) as u8,
            }
            if round % 2 == 0 {
                // What has no checksum is read as far as it goes.
                let at = bytes.windows(8).position(|bytes| bytes == b"NHNXXH3\n").unwrap_or(0);
                bytes[at] = b'P';
            }
            fs::write(&path, bytes).unwrap();
            let filter = Filter::new().since("2000-01-01", "UTC").unwrap();
            for item in read_back(&path, filter) {
                let Err(error) = item else { continue };
                let code = error.code().as_str();
                let ours =
                    ["INVALID_TABLE", "INVALID_JSON", "INVALID_UTF8", "NOT_A_LOG", "TRUNCATED"];
                assert!(ours.contains(&code), "{error}");
            }
        }
    }
}

/// The codes of the errors that come of a file, and how many events come before and after them.
fn verified(path: &Path) -> (Vec<&'static str>, usize) {
    let mut events = 0;
    let errors =
        read_with(path, Filter::new(), |parquet| parquet.verify(true)).filter_map(|item| {
            events += usize::from(item.is_ok());
            item.err()
        });
    (errors.map(|error| error.code().as_str()).collect(), events)
}

#[test]
fn any_flipped_bit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let events = &all_events()[..60];
    let mut random = 11u64;
    let mut next = |below: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for columns in [Column::standard(), &with_raw()] {
        write(&path, columns, events, 25, 1);
        assert_eq!(verified(&path), (vec![], events.len()));
        let whole = fs::read(&path).unwrap();
        let length = u32::from_le_bytes(whole[whole.len() - 8..][..4].try_into().unwrap());
        let footer = whole.len() - 8 - length as usize;
        assert_eq!(&whole[footer - 24..][..8], b"NHNXXH3\n");
        let some = (0..400).map(|_| next(whole.len())).collect::<Vec<_>>();
        // All of the checksum, and of what tells where it is.
        let all = (0..8).chain(footer - 32..footer + 8).chain(whole.len() - 16..whole.len());
        for at in some.into_iter().chain(all) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << next(8);
            fs::write(&path, &bytes).unwrap();
            let (errors, events) = verified(&path);
            assert_eq!((errors.len(), events), (1, 0), "byte {at} of {}", whole.len());
            // Without the name of the format it is no Parquet file.
            let code = if at < 4 { "NOT_A_LOG" } else { "INVALID_TABLE" };
            assert_eq!(errors, [code], "byte {at} of {}", whole.len());
            if at >= footer - 16 && at < whole.len() - 8 {
                // The footer is checked without being asked to, unless its checksum cannot be found.
                assert_eq!(read_back(&path, Filter::new()).filter(Result::is_ok).count(), 0);
            }
        }
        for end in [whole.len() - 1, footer, footer - 24, 12] {
            fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(verified(&path), (vec!["INVALID_TABLE"], 0), "{end}");
        }
    }
}

#[test]
fn a_large_file_is_verified_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let mut random = 5u64;
    let mut line = |_| {
        let mut text = String::from("{\"eventId\":\"a\",\"request\":\"");
        for _ in 0..4096 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            text += &format!("{random:016x}");
        }
        text + "\"}\n"
    };
    let text: String = (0..300).map(&mut line).collect();
    let events = nhn_cloudtrail::parse(text).unwrap();
    write(&path, Column::standard(), &events, 100, 1);
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 9 << 20, "{}", whole.len());
    assert_eq!(verified(&path), (vec![], 300));
    for at in [4, 4 << 20, (4 << 20) - 1, 9 << 20] {
        let mut bytes = whole.clone();
        bytes[at] ^= 16;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(verified(&path), (vec!["INVALID_TABLE"], 0), "{at}");
    }
}

#[test]
fn what_others_wrote_has_no_checksum_to_verify() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let events = &all_events()[..9];
    write(&path, Column::standard(), events, 9, 1);
    let ours = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&path).unwrap()).unwrap();
    let ours = ours.build().unwrap();
    let other = folder.path().join("other.parquet");
    let file = fs::File::create(&other).unwrap();
    let schema = arrow_array::RecordBatchReader::schema(&ours);
    let mut writer = ArrowWriter::try_new(file, schema, None).unwrap();
    ours.for_each(|batch| writer.write(&batch.unwrap()).unwrap());
    writer.close().unwrap();
    let lines: Vec<String> =
        read_back(&other, Filter::new()).map(|event| flat(&event.unwrap())).collect();
    assert_eq!(lines, events.iter().map(flat).collect::<Vec<_>>());
    let mut reader = read_with(&other, Filter::new(), |parquet| parquet.verify(true));
    let error = reader.next().unwrap().unwrap_err();
    assert_eq!(error.code().as_str(), "INVALID_TABLE");
    assert!(error.to_string().contains("another program or an older release"), "{error}");
    assert!(reader.next().is_none());
    // One file that cannot be verified costs the others nothing.
    assert_eq!(verified(folder.path()), (vec!["INVALID_TABLE"], 9));
}

#[test]
fn a_file_of_something_else_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.parquet");
    let numbers = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let texts = || Arc::new(StringArray::from(vec!["a"])) as ArrayRef;
    let tables = [
        (vec![("a", numbers())], "\"a\""),
        (vec![("event_id", texts())], "event_time"),
        (vec![("event_id", numbers()), ("event_time", numbers())], "event_id"),
        (vec![("event_id", texts()), ("event_time", texts())], "event_time"),
    ];
    for (columns, named) in tables {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let errors: Vec<_> = read_back(&path, Filter::new()).map(Result::unwrap_err).collect();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].code().as_str(), "INVALID_TABLE");
        assert!(errors[0].to_string().contains(named), "{}", errors[0]);
        assert!(errors[0].to_string().contains("other.parquet"), "{}", errors[0]);
    }
}

#[test]
fn other_files_beside_it_are_read() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.parquet"), Column::standard(), &all_events()[..5], 5, 1);
    fs::write(folder.path().join("b.parquet"), "PAR1 and no more").unwrap();
    fs::write(folder.path().join("c.jsonl"), "{\"eventId\":\"c\"}\n").unwrap();
    let format = Parquet::new(&Filter::new(), &Catalog::builtin());
    let mut reader = Reader::builder().format(Arc::new(format)).open([folder.path()]).unwrap();
    let errors: Vec<_> = reader.by_ref().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(reader.stats().events, 6);
}

#[test]
fn a_column_that_would_grow_out_of_all_measure_is_refused() {
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.parquet");
    let columns: [(&str, ArrayRef); 2] = [
        ("event_id", Arc::new(StringArray::from(vec!["a"; 33]))),
        ("raw", Arc::new(arrow_array::BinaryArray::from_vec(vec![&vec![b' '; 16 << 20][..]; 33]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .build();
    let file = fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 1 << 20);
    let items: Vec<_> = read_back(&path, Filter::new()).collect();
    assert_eq!(items.len(), 1);
    let error = items[0].as_ref().unwrap_err();
    assert_eq!(error.code().as_str(), "INVALID_TABLE");
    assert!(error.to_string().contains("would become"), "{error}");
}

/// What is the same again and again is small where it is stored, and no bomb.
#[test]
fn a_log_of_one_record_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let request = "x".repeat(70_000);
    let line = format!("{{\"eventId\":\"a\",\"request\":\"{request}\"}}\n");
    let events = nhn_cloudtrail::parse(line.repeat(6000)).unwrap();
    for columns in [Column::standard(), &with_raw()] {
        write(&path, columns, &events, 500, 1);
        assert!(fs::metadata(&path).unwrap().len() < 8 << 20);
        let back = read_back(&path, Filter::new());
        assert!(back.map(|item| item.unwrap()).all(|event| event.request() == events[0].request()));
    }
}
