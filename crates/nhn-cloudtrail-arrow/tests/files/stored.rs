//! What stored files hold, whatever their order and their number.

use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::take::take;
use nhn_cloudtrail::catalog::Lang;
use nhn_cloudtrail_arrow::{ContentHash, StoredFile, common_schema};

use crate::common::{all_events, with_raw, write};
use crate::plain::Plain;

fn content(batches: &[RecordBatch]) -> (u64, String) {
    let mut content = ContentHash::default();
    batches.iter().for_each(|batch| content.add(batch).unwrap());
    content.finish()
}

#[test]
fn a_content_does_not_depend_on_files_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = all_events();
    let whole = folder.path().join("whole");
    write(&whole, &with_raw(), &events, 50, 2);
    events.reverse();
    let (first, second) = events.split_at(events.len() / 3);
    let parts = [folder.path().join("a"), folder.path().join("b")];
    write(&parts[0], &with_raw(), first, 7, 1);
    write(&parts[1], &with_raw(), second, 1000, 1);
    let of = |files: &[&std::path::PathBuf]| {
        let mut content = ContentHash::default();
        for file in files {
            let file = StoredFile::open(file).unwrap();
            file.read(file.schema(), |batch| content.add(batch)).unwrap();
        }
        content.finish()
    };
    let expected = of(&[&whole]);
    assert_eq!(expected.0, events.len() as u64);
    assert_eq!(of(&[&parts[0], &parts[1]]), expected);
    assert_eq!(of(&[&parts[1], &parts[0]]), expected);
    assert_ne!(of(&[&parts[1]]), expected);
    // The stored rows are those that were written: a missing or repeated row changes the hash.
    let mut plain = Plain::new(&with_raw(), Lang::Ko);
    assert_eq!(content(&[plain.batch(&events)]), expected);
    assert_ne!(content(&[plain.batch(&[&events[1..], &events[1..2]].concat())]).1, expected.1);
    let stored = StoredFile::open(&whole).unwrap();
    assert_eq!(stored.schema(), &plain.schema());
}

#[test]
fn a_content_has_every_column() {
    let mut plain = Plain::new(&with_raw(), Lang::Ko);
    let batch = plain.batch(&all_events());
    let expected = content(std::slice::from_ref(&batch));
    let rows = batch.num_rows() as u32;
    let turned = UInt32Array::from_iter_values((1..rows).chain([0]));
    let mut compared = 0;
    for (index, column) in batch.columns().iter().enumerate() {
        let mut columns = batch.columns().to_vec();
        columns[index] = take(column, &turned, None).unwrap();
        let changed = RecordBatch::try_new(batch.schema(), columns).unwrap();
        if changed != batch {
            compared += 1;
            let name = batch.schema().field(index).name().clone();
            assert_ne!(content(&[changed]), expected, "{name}");
        }
    }
    assert!(compared + 2 >= batch.num_columns(), "{compared} columns");
}

#[test]
fn schemas_of_several_releases_name_all_of_them() {
    let plain = Plain::new(&with_raw(), Lang::Ko).schema();
    let with = |key: &str, value: &str| -> SchemaRef {
        let mut schema = Schema::clone(&plain);
        schema.metadata.insert(key.to_owned(), value.to_owned());
        Arc::new(schema)
    };
    let catalog = "nhn_cloudtrail.catalog_version";
    let (old, new) = (with(catalog, "1"), with(catalog, "2"));
    assert_eq!(common_schema([&old, &old]).unwrap(), old);
    let common = common_schema([&old, &new, &old]).unwrap();
    assert_eq!(common.metadata().get(catalog).map(String::as_str), Some("1, 2"));
    assert_eq!(common_schema([&common, &new]).unwrap(), common);
    assert!(common_schema([&plain, &Plain::new(&with_raw(), Lang::En).schema()]).is_none());
    let fewer = Arc::new(plain.project(&[0, 1, 2]).unwrap());
    assert!(common_schema([&plain, &fewer]).is_none());
    assert!(common_schema([]).is_none());
}
