//! Encodes the columns of row groups, on several threads.
//!
//! The pieces of a column must be encoded one after the other, and columns cost very different
//! amounts: most of the work is in requests and responses. So each column has a queue of its own,
//! and a thread takes from the longest queue that no other thread is at. What comes out depends
//! on what is put in alone, not on the number of threads.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{FieldRef, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::errors::{ParquetError, Result};

/// Encodes the columns of a table.
pub(super) struct Encoder {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// One for each batch that was put in. Nobody else holds it when the batch is encoded.
    batches: VecDeque<Arc<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// There is work, or none will come any more.
    work: Condvar,
    /// A job is done.
    done: Condvar,
}

struct State {
    columns: Vec<Column>,
    error: Option<ParquetError>,
    closed: bool,
}

/// A column of the table; a nested one is several columns of the file.
struct Column {
    field: FieldRef,
    jobs: VecDeque<Job>,
    /// None while a thread is at it.
    writers: Option<Vec<ArrowColumnWriter>>,
    /// What the row groups that are done hold of it.
    chunks: VecDeque<Vec<ArrowColumnChunk>>,
}

enum Job {
    /// A row group begins.
    Begin(Vec<ArrowColumnWriter>),
    /// A piece of the row group, and what is let go of when it is encoded.
    Write { array: ArrayRef, _batch: Arc<()> },
    /// It ends.
    End,
}

impl Job {
    /// Gives the writers back, or what they have written.
    fn run(
        self,
        field: &FieldRef,
        mut writers: Vec<ArrowColumnWriter>,
    ) -> Result<(Vec<ArrowColumnWriter>, Option<Vec<ArrowColumnChunk>>)> {
        match self {
            Job::Begin(writers) => Ok((writers, None)),
            Job::Write { array, .. } => {
                for (writer, leaf) in writers.iter_mut().zip(compute_leaves(field, &array)?) {
                    writer.write(&leaf)?;
                }
                Ok((writers, None))
            }
            Job::End => {
                let chunks = writers.into_iter().map(ArrowColumnWriter::close);
                Ok((Vec::new(), Some(chunks.collect::<Result<_>>()?)))
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the next job; false where there is none.
    fn step<'a>(&'a self, mut state: MutexGuard<'a, State>) -> (MutexGuard<'a, State>, bool) {
        let idle = state.columns.iter_mut().enumerate();
        let idle = idle.filter(|(_, column)| column.writers.is_some() && !column.jobs.is_empty());
        let Some((index, column)) = idle.max_by_key(|(_, column)| column.jobs.len()) else {
            return (state, false);
        };
        let (Some(job), Some(writers)) = (column.jobs.pop_front(), column.writers.take()) else {
            return (state, false);
        };
        let field = column.field.clone();
        drop(state);
        // A panic must not leave others waiting for this column.
        let result = catch_unwind(AssertUnwindSafe(|| job.run(&field, writers)));
        let mut state = self.lock();
        match result {
            Ok(Ok((writers, chunks))) => {
                if let Some(column) = state.columns.get_mut(index) {
                    column.writers = Some(writers);
                    column.chunks.extend(chunks);
                }
            }
            Ok(Err(error)) => state.fail(error),
            Err(_) => state.fail(ParquetError::General(format!("a panic in column {field}"))),
        }
        self.done.notify_all();
        (state, true)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            let found;
            (state, found) = self.step(state);
            if !found {
                if state.closed {
                    return;
                }
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl State {
    /// Keeps the first error. Nothing more is encoded.
    fn fail(&mut self, error: ParquetError) {
        self.error.get_or_insert(error);
        self.columns.iter_mut().for_each(|column| column.jobs.clear());
    }
}

impl Encoder {
    pub(super) fn new(schema: &SchemaRef, threads: usize) -> Self {
        let columns = schema.fields().iter().map(|field| Column {
            field: field.clone(),
            jobs: VecDeque::new(),
            writers: Some(Vec::new()),
            chunks: VecDeque::new(),
        });
        let state = State { columns: columns.collect(), error: None, closed: false };
        let (work, done) = (Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { state: Mutex::new(state), work, done });
        // One thread is that of the caller, who would only wait.
        let threads = (threads > 1).then_some(0..threads).into_iter().flatten().map(|_| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.work())
        });
        Self { threads: threads.collect(), shared, batches: VecDeque::new() }
    }

    /// Puts a job into each column's queue.
    fn put(&mut self, mut job: impl FnMut(usize, &FieldRef) -> Job) {
        let mut state = self.shared.lock();
        if state.error.is_none() {
            for (index, column) in state.columns.iter_mut().enumerate() {
                column.jobs.push_back(job(index, &column.field));
            }
        }
        if self.threads.is_empty() {
            let mut found = true;
            while found {
                (state, found) = self.shared.step(state);
            }
        }
        drop(state);
        self.shared.work.notify_all();
    }

    /// Begins a row group, whose columns `writers` encode.
    pub(super) fn begin(&mut self, writers: Vec<ArrowColumnWriter>) {
        let mut writers = writers.into_iter();
        self.put(|_, field| Job::Begin(writers.by_ref().take(leaves(field.data_type())).collect()));
    }

    /// Encodes a batch into the row group that was begun, in a while.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let token = Arc::new(());
        self.put(|index, _| Job::Write {
            array: batch.column(index).clone(),
            _batch: token.clone(),
        });
        self.batches.push_back(token);
        // Enough that no thread runs dry while the next batch is read.
        let most = self.threads.len() + 1;
        let mut state = self.shared.lock();
        loop {
            self.batches.retain(|batch| Arc::strong_count(batch) > 1);
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            if self.batches.len() < most {
                return Ok(());
            }
            state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the row group.
    pub(super) fn end(&mut self) {
        self.put(|_, _| Job::End);
    }

    /// The columns of the first row group that was not taken yet; none where it is not done, unless
    /// it is waited for.
    pub(super) fn take(&mut self, wait: bool) -> Result<Option<Vec<ArrowColumnChunk>>> {
        let mut state = self.shared.lock();
        loop {
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            if state.columns.iter().all(|column| !column.chunks.is_empty()) {
                let columns = state.columns.iter_mut();
                return Ok(Some(columns.filter_map(|c| c.chunks.pop_front()).flatten().collect()));
            }
            if !wait {
                return Ok(None);
            }
            state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        // What is not finished is not wanted.
        state.columns.iter_mut().for_each(|column| column.jobs.clear());
        drop(state);
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// How many columns of a file a column of this type is.
fn leaves(data_type: &arrow_schema::DataType) -> usize {
    use arrow_schema::DataType;
    match data_type {
        DataType::List(item) => leaves(item.data_type()),
        DataType::Struct(fields) => fields.iter().map(|field| leaves(field.data_type())).sum(),
        _ => 1,
    }
}
