//! Data sets: every row at its day, once, whatever happened before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::catalog::Lang;
use nhn_cloudtrail::{Column, Event, Filter, Stats};
use nhn_cloudtrail_arrow::{Dataset, Item, TableBuilder};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::common::{flat, read_back, with_raw};

/// Adds records to a data set.
pub(crate) fn add(root: &Path, text: &str) -> nhn_cloudtrail::Result<Stats> {
    add_table(root, text, TableBuilder::new())
}

fn add_table(root: &Path, text: &str, table: TableBuilder) -> nhn_cloudtrail::Result<Stats> {
    let mut batches = table.dedup(true).from_bytes(text)?;
    let mut dataset = Dataset::open(root, batches.schema(), 2)?;
    while let Some(item) = batches.next_item() {
        if let Item::Batch(batch) = item? {
            dataset.write(&batch)?;
        }
    }
    let stats = dataset.adjust(batches.stats());
    assert_eq!(stats.records, stats.events + stats.rejects + stats.duplicates);
    assert!(stats.conflicts <= stats.events, "{stats:?}");
    assert!(stats.unrecognized <= stats.events, "{stats:?}");
    dataset.commit()?;
    Ok(stats)
}

/// Everything in a folder, hidden or not.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The lines of what a data set holds, sorted.
pub(crate) fn lines(root: &Path) -> Vec<String> {
    let events = read_back(root, Filter::new()).map(Result::unwrap);
    let mut lines: Vec<String> = events.map(|event| flat(&event)).collect();
    lines.sort();
    lines
}

/// How many files each day has.
fn days(root: &Path) -> BTreeMap<String, usize> {
    let mut days = BTreeMap::new();
    for path in tree(root).into_keys().filter(|path| path.components().count() == 2) {
        let day = path.parent().unwrap().to_string_lossy().into_owned();
        assert!(path.extension().is_some_and(|end| end == "parquet"), "{path:?}");
        *days.entry(day).or_default() += 1;
    }
    days
}

fn record(time: &str, uuid: &str, more: &str) -> String {
    format!("{{\"eventTime\":\"{time}\",\"eventLogUuid\":\"{uuid}\"{more}}}\n")
}

fn wanted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = nhn_cloudtrail::parse(text).unwrap().iter().map(flat).collect();
    lines.sort();
    lines
}

#[test]
fn rows_lie_in_the_folder_of_their_day() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let text = record("2026-10-31T23:59:59.999+0000", "a", "")
        + &record("2026-11-01T08:00:00.000+0900", "b", "")
        + &record("2026-11-01T09:00:00.000+0900", "c", "")
        + &record("1969-12-31T23:59:59.999Z", "d", "")
        + &record("0001-01-01T00:00:00Z", "e", "")
        + &record("yesterday", "f", "")
        + "{\"eventLogUuid\":\"g\"}\n";
    let stats = add(&root, &text).unwrap();
    assert_eq!((stats.records, stats.events), (7, 7));
    let expected = [
        ("event_date=0001-01-01", 1),
        ("event_date=1969-12-31", 1),
        ("event_date=2026-10-31", 1),
        ("event_date=2026-11-01", 1),
        ("event_date=__HIVE_DEFAULT_PARTITION__", 1),
    ];
    assert_eq!(days(&root), expected.map(|(day, files)| (day.to_owned(), files)).into());
    assert_eq!(lines(&root), wanted(&text));
    let of_day = |day: &str| read_back(&root.join(day), Filter::new()).count();
    assert_eq!(of_day("event_date=2026-10-31"), 2);
    assert_eq!(of_day("event_date=__HIVE_DEFAULT_PARTITION__"), 2);
    for (path, bytes) in tree(&root) {
        if path.extension().is_some_and(|end| end == "parquet") {
            let file = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
            assert!(file.schema().column_with_name("event_date").is_none());
            assert_eq!(file.schema().fields().len(), Column::standard().len());
        } else {
            assert_eq!(bytes, b"", "{path:?}: polars takes it for a part of the data set");
        }
    }
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new/set");
    add(&root, &record("2026-10-31T00:00:00Z", "a", "")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join("event_date=2026-10-31")), 0o700);
    for path in tree(&root).into_keys() {
        assert_eq!(mode(&root.join(path)), 0o600);
    }
}

#[test]
fn what_is_stored_is_not_added_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    // As rows the last two cannot be told apart; as records they are two.
    let text = record("2026-10-31T00:00:00Z", "a", "")
        + &record(
            "2026-10-31T00:00:01Z",
            "b",
            ",\"eventTarget\":{\"targetMembers\":[{\"idNo\":\"1\"}]}",
        )
        + "{\"eventTime\":\"2026-10-31T00:00:02Z\",\"x\":1,\"y\":2}\n"
        + "{\"eventTime\":\"2026-10-31T00:00:03Z\",\"userName\":\"42\"}\n"
        + "{\"eventTime\":\"2026-10-31T00:00:03Z\",\"userName\":42}\n";
    let first = add(&root, &text).unwrap();
    assert_eq!((first.events, first.duplicates), (5, 0));
    let before = tree(&root);
    let again = add(&root, &text).unwrap();
    assert_eq!((again.records, again.events, again.duplicates), (5, 0, 5));
    assert_eq!(tree(&root), before);
    // Written in another way they are the same.
    let text = "{\"y\":2,\"x\":1,\"eventTime\":\"2026-10-31T09:00:02+09:00\"}";
    assert_eq!(add(&root, text).unwrap().duplicates, 1);
    // Another value is another record.
    let text = "{\"y\":2,\"x\":\"1\",\"eventTime\":\"2026-10-31T09:00:02+09:00\"}";
    let other = add(&root, text).unwrap();
    assert_eq!((other.events, other.duplicates, other.conflicts), (1, 0, 0));
    assert_eq!(lines(&root).len(), 6);
}

#[test]
fn late_records_go_to_their_day() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let first = record("2026-10-30T12:00:00Z", "a", "") + &record("2026-10-31T12:00:00Z", "b", "");
    let late = record("2026-10-31T12:00:00Z", "b", "") + &record("2026-10-30T12:00:01Z", "c", "");
    add(&root, &first).unwrap();
    let stats = add(&root, &late).unwrap();
    assert_eq!((stats.events, stats.duplicates), (1, 1));
    let expected = [("event_date=2026-10-30", 2), ("event_date=2026-10-31", 1)];
    assert_eq!(days(&root), expected.map(|(day, files)| (day.to_owned(), files)).into());
    assert_eq!(lines(&root), wanted(&(first + &record("2026-10-30T12:00:01Z", "c", ""))));
}

#[test]
fn conflicts_are_kept_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let at = "2026-10-31T00:00:00Z";
    let (one, two) = (record(at, "k", ""), record(at, "k", ",\"region\":\"KR1\""));
    let three = record(at, "k", ",\"region\":\"KR2\"");
    let counts = |stats: Stats| (stats.events, stats.duplicates, stats.conflicts);
    assert_eq!(counts(add(&root, &one).unwrap()), (1, 0, 0));
    // Stored with other content.
    assert_eq!(counts(add(&root, &two).unwrap()), (1, 0, 1));
    // The reader counts the second as a conflict; it is a duplicate.
    assert_eq!(counts(add(&root, &(one.clone() + &two)).unwrap()), (0, 2, 0));
    // The last is a conflict for the reader and for the data set.
    assert_eq!(counts(add(&root, &(two.clone() + &three)).unwrap()), (1, 1, 1));
    assert_eq!(lines(&root), wanted(&(one + &two + &three)));
}

#[test]
fn unrecognized_duplicates_are_not_counted_as_events() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let mut text = record("2026-10-31T00:00:00Z", "a", "");
    text += &record("2026-10-31T00:00:00Z", "b", ",\"shard\":7");
    text += "{\"level\":\"info\",\"msg\":\"a line of another log\"}\n{}\n";
    text += "{\"eventTime\":\"2026-10-31T00:00:00Z\",\"eventName\":\"a\",\"awsRegion\":\"b\"}\n";
    let counts = |stats: Stats| (stats.events, stats.duplicates, stats.unrecognized);
    assert_eq!(counts(add(&root, &text).unwrap()), (5, 0, 3));
    assert_eq!(counts(add(&root, &text).unwrap()), (0, 5, 0));
    text += "{\"level\":\"warn\"}\n";
    assert_eq!(counts(add(&root, &text).unwrap()), (1, 5, 1));
    // The rows count as what they were, and no row does for want of columns that were not read.
    let stats = |builder: TableBuilder| builder.open([&root]).unwrap().read_all().unwrap().stats;
    assert_eq!(counts(stats(TableBuilder::new())), (6, 0, 4));
    let some = TableBuilder::new().columns(&[Column::UserName]);
    assert_eq!(counts(stats(some)), (6, 0, 0));
}

#[test]
fn without_commit_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let text = record("2026-10-31T00:00:00Z", "a", "");
    let begin = |text: &str| {
        let mut batches = TableBuilder::new().from_bytes(text).unwrap();
        let mut dataset = Dataset::open(&root, batches.schema(), 1).unwrap();
        batches.by_ref().for_each(|batch| dataset.write(&batch.unwrap()).unwrap());
        assert!(dataset.staging().is_dir());
        dataset
    };
    drop(begin(&text));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    add(&root, &text).unwrap();
    let before = tree(folder.path());
    drop(begin(&record("2026-10-31T00:00:00Z", "b", "")));
    assert_eq!(tree(folder.path()), before);
}

#[test]
fn one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let schema = TableBuilder::new().from_bytes("").unwrap().schema();
    let first = Dataset::open(&root, schema.clone(), 1).unwrap();
    let second = Dataset::open(&root, schema.clone(), 1).unwrap_err();
    assert!(second.to_string().contains("another run"), "{second}");
    assert!(first.staging().is_dir());
    drop(first);
    Dataset::open(&root, schema, 1).unwrap();
}

#[test]
fn what_a_killed_run_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let text = record("2026-10-31T00:00:00Z", "a", "");
    add(&root, &text).unwrap();
    let before = tree(folder.path());
    for stale in [folder.path().join(".set.nhn-cloudtrail"), root.join(".nhn-cloudtrail")] {
        fs::create_dir(&stale).unwrap();
        fs::write(stale.join("0"), "PAR1").unwrap();
    }
    assert_eq!(add(&root, &text).unwrap().duplicates, 1);
    assert_eq!(tree(folder.path()), before);
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let text = record("2026-10-31T00:00:00Z", "a", "");
    let places = ["notes.txt", "event_date=2026-10-31/notes.txt", "event_date=soon/a.parquet"];
    for place in places {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        let wrong = add(folder.path(), &text).unwrap_err();
        assert_eq!(wrong.code().as_str(), "INVALID_TABLE", "{wrong}");
        let mut left = tree(folder.path());
        left.remove(Path::new(".nhn-cloudtrail.lock"));
        assert_eq!(left.len(), 1, "{place}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("event_date=2026-10-31/a.parquet");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "PAR1 no more PAR1").unwrap();
    let wrong = add(folder.path(), &text).unwrap_err();
    assert_eq!(wrong.code().as_str(), "INVALID_TABLE", "{wrong}");
    assert!(wrong.to_string().contains("a.parquet"), "{wrong}");
    // A file is no folder.
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert_eq!(add(&file, &text).unwrap_err().code().as_str(), "IO");
}

#[test]
fn columns_and_language_stay_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let text = record("2026-10-31T00:00:00Z", "a", "");
    let plain = || TableBuilder::new();
    let raw = || TableBuilder::new().columns(&with_raw());
    let english = || TableBuilder::new().lang(Lang::En);
    let few = || TableBuilder::new().columns(&[Column::EventTime, Column::EventId]);
    let refused = |root: &Path, table: TableBuilder, help: &str| {
        let wrong = add_table(root, &text, table).unwrap_err();
        assert_eq!(wrong.code().as_str(), "INVALID_OPTION");
        assert!(wrong.to_string().contains(help), "{wrong}");
    };
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    add_table(&first, &text, plain()).unwrap();
    add_table(&second, &text, raw()).unwrap();
    refused(&first, raw(), "raw");
    refused(&second, plain(), "raw");
    refused(&first, english(), "language");
    refused(&first, few(), "all columns");
    assert_eq!(add_table(&second, &text, raw()).unwrap().duplicates, 1);
}

#[test]
fn a_commit_that_fails_half_way_is_completed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let text: String = (1..=9)
        .map(|day| record(&format!("2026-10-0{day}T00:00:00Z"), &day.to_string(), ""))
        .collect();
    let mut batches = TableBuilder::new().from_bytes(text.as_str()).unwrap();
    let mut dataset = Dataset::open(&root, batches.schema(), 1).unwrap();
    batches.by_ref().for_each(|batch| dataset.write(&batch.unwrap()).unwrap());
    let obstacle = root.join("event_date=2026-10-05");
    fs::write(&obstacle, "").unwrap();
    dataset.commit().unwrap_err();
    fs::remove_file(obstacle).unwrap();
    assert_eq!(lines(&root).len(), 4);
    let stats = add(&root, &text).unwrap();
    assert_eq!((stats.events, stats.duplicates), (5, 4));
    assert_eq!(lines(&root), wanted(&text));
}

#[test]
fn days_in_any_order_get_few_files_and_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    // More than is held in memory, of days as they come: a few big ones, and many small ones.
    let mut random = 1u64;
    let text = "요청 ".repeat(2000);
    let mut input = String::new();
    for n in 0..12_000 {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let strewn = (random >> 33) % 300;
        let day = if n % 3 == 0 { strewn % 3 } else { strewn };
        let (month, day) = (1 + day / 28, 1 + day % 28);
        let time = format!("2026-{month:02}-{day:02}T00:00:00Z");
        input += &record(&time, &n.to_string(), &format!(",\"request\":\"{text}\""));
    }
    let root = folder.path().join("set");
    let stats = add(&root, &input).unwrap();
    assert_eq!(stats.events, 12_000);
    let days = days(&root);
    assert_eq!(days.len(), 300);
    assert!(days.values().all(|files| *files <= 2), "{days:?}");
    let back: Vec<Event> = read_back(&root, Filter::new()).map(Result::unwrap).collect();
    assert_eq!(back.len(), 12_000);
    let mut seen = vec![false; 12_000];
    let number = |event: &Event| event.event_log_uuid().unwrap().parse::<usize>().unwrap();
    for pair in back.windows(2) {
        if pair[0].position().source == pair[1].position().source {
            assert!(number(&pair[0]) < number(&pair[1]));
        }
    }
    back.iter().for_each(|event| seen[number(event)] = true);
    assert!(seen.iter().all(|seen| *seen));
    assert_eq!(add(&root, &input).unwrap().duplicates, 12_000);
}

#[test]
fn where_bytes_are_kept_records_are_told_apart_by_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let columns = crate::common::with_raw();
    let add = |text: &str| add_table(&root, text, TableBuilder::new().columns(&columns)).unwrap();
    let time = "\"eventTime\":\"2026-10-31T00:00:02Z\"";
    assert_eq!(add(&format!("{{{time},\"userName\":\"42\"}}")).events, 1);
    // The same row of another record.
    assert_eq!(add(&format!("{{{time},\"userName\":42}}")).events, 1);
    // The same record, written otherwise.
    assert_eq!(add(&format!("{{ \"userName\" : 42, {time} }}")).duplicates, 1);
    assert_eq!(add(&format!("{{{time},\"userName\":\"42\"}}")).duplicates, 1);
    assert_eq!(lines(&root).len(), 2);
}

/// A time that is spelled otherwise makes the same row, but another record.
#[test]
fn a_stored_row_leaves_out_one_row_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    for (name, columns) in [("rows", Column::standard().to_vec()), ("records", with_raw())] {
        let root = folder.path().join(name);
        let add =
            |text: &str| add_table(&root, text, TableBuilder::new().columns(&columns)).unwrap();
        let one = record("2026-10-31T00:00:00.000+0000", "a", "");
        let other = record("2026-10-31T00:00:00.000Z", "a", "");
        assert_eq!(add(&one).events, 1);
        let stats = add(&(one.clone() + &other));
        let counts = (stats.events, stats.duplicates, stats.conflicts);
        assert_eq!(counts, (1, 1, 1), "{name}");
        assert_eq!(lines(&root).len(), 2, "{name}");
        let stats = add(&(other + &one));
        assert_eq!((stats.events, stats.duplicates, stats.conflicts), (0, 2, 0), "{name}");
    }
}

/// With one chain per key, this took time proportional to the square of the rows.
#[test]
fn rows_that_share_a_key_are_added_as_fast_as_others() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("set");
    let text: String = (0..60_000)
        .map(|n| record("2026-10-31T00:00:00Z", "one", &format!(",\"userName\":\"{n}\"")))
        .collect();
    let stats = add(&root, &text).unwrap();
    assert_eq!((stats.events, stats.duplicates, stats.conflicts), (60_000, 0, 59_999));
    let stats = add(&root, &text).unwrap();
    assert_eq!((stats.events, stats.duplicates, stats.conflicts), (0, 60_000, 0));
    let other = record("2026-10-31T00:00:00Z", "one", "");
    let stats = add(&root, &other).unwrap();
    assert_eq!((stats.events, stats.duplicates, stats.conflicts), (1, 0, 1));
}
