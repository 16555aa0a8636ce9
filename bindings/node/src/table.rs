//! Tables, as Arrow IPC.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use napi::ScopedTask;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::{Code, Error as CoreError, Reject as CoreReject, Stats as CoreStats, guarded};
use nhn_cloudtrail_arrow::{ArrowStreamWriter, TableBuilder};

use crate::errors::{is_final, made, thrown};
use crate::options::{OnError, Options, Stop};
use crate::storage::Buckets;
use crate::values::{Reject, Stats};

enum Source {
    Paths(Vec<PathBuf>),
    Bytes(Vec<u8>),
}

/// A table, for JavaScript.
#[napi(object, object_from_js = false)]
pub struct Table<'env> {
    pub ipc: Buffer,
    pub rows: f64,
    pub stats: Stats,
    pub rejects: Vec<Reject>,
    pub errors: Vec<Unknown<'env>>,
}

/// A table that was made.
pub struct Made {
    ipc: Vec<u8>,
    rows: usize,
    stats: CoreStats,
    rejects: Vec<CoreReject>,
    errors: Vec<CoreError>,
}

/// The making of a table, as work for another thread.
pub struct Make {
    source: Option<(TableBuilder, Source)>,
    on_error: OnError,
}

impl Make {
    fn make(&mut self) -> nhn_cloudtrail::Result<Made> {
        let Some((builder, source)) = self.source.take() else {
            return Err(CoreError::new(Code::Panic, "a table is made once"));
        };
        let batches = match source {
            Source::Paths(paths) => builder.open(paths)?,
            Source::Bytes(bytes) => builder.from_bytes(bytes)?,
        };
        let (mut rejects, mut errors) = (Vec::new(), Vec::new());
        let on_error = self.on_error;
        let table = batches.read_all_with(|odd| {
            match (odd, on_error) {
                (Ok(reject), OnError::Raise) => return Err(reject.into()),
                (Ok(_), OnError::Skip) => (),
                (Ok(reject), OnError::Collect) => rejects.push(reject),
                (Err(error), OnError::Raise) => return Err(error),
                (Err(error), _) if is_final(&error) => return Err(error),
                (Err(error), _) => errors.push(error),
            }
            Ok(())
        })?;
        let mut writer = ArrowStreamWriter::new(Vec::new(), table.schema)?;
        let mut rows = 0;
        for batch in table.batches {
            rows += batch.num_rows();
            writer.write(&batch)?;
        }
        Ok(Made { ipc: writer.finish()?, rows, stats: table.stats, rejects, errors })
    }
}

impl<'task> ScopedTask<'task> for Make {
    type Output = nhn_cloudtrail::Result<Made>;
    type JsValue = Table<'task>;

    fn compute(&mut self) -> Result<Self::Output> {
        Ok(guarded(|| self.make()).flatten())
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> Result<Self::JsValue> {
        let made_of = output.map_err(|error| thrown(env, &error))?;
        let Made { ipc, rows, stats, rejects, errors } = made_of;
        Ok(Table {
            ipc: ipc.into(),
            rows: rows as f64,
            stats: Stats::new(stats),
            rejects: rejects.iter().map(Reject::new).collect(),
            errors: errors.iter().map(|error| made(env, error)).collect::<Result<_>>()?,
        })
    }
}

/// What stops the making of a table.
#[napi]
#[derive(Default)]
pub struct Stopper {
    stop: Stop,
}

#[napi]
impl Stopper {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    #[napi]
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Makes a table of paths or of bytes.
#[napi(ts_return_type = "Promise<Table>")]
pub fn read_table(
    paths: Option<Vec<String>>,
    bytes: Option<&[u8]>,
    options: &Options,
    stopper: &Stopper,
    buckets: Option<ClassInstance<'_, Buckets>>,
) -> AsyncTask<Make> {
    let source = match paths {
        Some(paths) => Source::Paths(paths.into_iter().map(PathBuf::from).collect()),
        None => Source::Bytes(bytes.unwrap_or_default().to_vec()),
    };
    let mut builder = options.table(&stopper.stop);
    if let Some(buckets) = buckets {
        builder = builder.store(Arc::new(buckets.core().clone()));
    }
    AsyncTask::new(Make { source: Some((builder, source)), on_error: options.on_error })
}
