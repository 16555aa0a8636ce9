//! Tables of ours from a file, the reading of the file included.

use std::fs::{self, File};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use nhn_cloudtrail_arrow::{ParquetWriter, Table, TableBuilder};

use crate::{Outcome, Result, measure};

pub(crate) fn whole(file: &str, threads: usize) -> Result<Outcome> {
    let table = TableBuilder::new().threads(threads);
    measure(|| Ok(table.open([file])?.read_all()?), look)
}

/// Batch by batch, each let go before the next.
pub(crate) fn batches(file: &str, threads: usize) -> Result<Outcome> {
    let table = TableBuilder::new().threads(threads);
    let read = || {
        let mut rows = 0;
        for batch in table.open([file])? {
            rows += batch?.num_rows() as u64;
        }
        Ok(rows)
    };
    measure(read, |rows| Ok(Outcome { rows, ..Outcome::default() }))
}

pub(crate) fn parquet(file: &str, threads: usize) -> Result<Outcome> {
    let path = format!("{file}.out.parquet");
    let table = TableBuilder::new().threads(threads);
    let write = || {
        let mut rows = 0;
        let batches = table.open([file])?;
        let mut writer = ParquetWriter::new(File::create(&path)?, batches.schema(), threads)?;
        for batch in batches {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            writer.write(&batch)?;
        }
        writer.finish()?;
        Ok(rows)
    };
    measure(write, |rows| {
        let bytes = Some(fs::metadata(&path)?.len());
        fs::remove_file(&path)?;
        Ok(Outcome { rows, bytes, ..Outcome::default() })
    })
}

fn look(table: Table) -> Result<Outcome> {
    let mut outcome = Outcome { rows: table.stats.events, check: Some(0), ..Outcome::default() };
    for batch in &table.batches {
        let ids = batch.column_by_name("event_id").ok_or("no event_id")?;
        let ids = ids.as_dictionary::<Int32Type>();
        let texts = ids.values().as_string::<i32>();
        let lengths = ids.keys().iter().flatten().map(|key| texts.value(key as usize).len() as u64);
        outcome.check = outcome.check.map(|check| check + lengths.sum::<u64>());
    }
    Ok(outcome)
}
