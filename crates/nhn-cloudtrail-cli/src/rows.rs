//! Rows of a table, written as Parquet or Arrow.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use nhn_cloudtrail::Error;
use nhn_cloudtrail_arrow::{ArrowFileWriter, ArrowStreamWriter, Batches, ParquetWriter};

use crate::context::{Context, Stop};
use crate::input::{Input, Report};
use crate::output::{Output, not_written};

/// Writes rows in a format.
pub(crate) struct Rows {
    writer: Writer,
    name: PathBuf,
    is_stdout: bool,
}

enum Writer {
    Parquet(Box<ParquetWriter<Output>>),
    File(ArrowFileWriter<Output>),
    Stream(ArrowStreamWriter<Output>),
}

impl Rows {
    /// A Parquet file, encoded on so many threads; 0 is one for each processor.
    pub(crate) fn parquet(output: Output, schema: SchemaRef, threads: usize) -> Result<Self, Stop> {
        Self::new(output, |output| {
            Ok(Writer::Parquet(Box::new(ParquetWriter::new(output, schema, threads)?)))
        })
    }

    /// An Arrow file. It needs no threads, but is chosen among others that do.
    pub(crate) fn file(output: Output, schema: SchemaRef, _: usize) -> Result<Self, Stop> {
        Self::new(output, |output| Ok(Writer::File(ArrowFileWriter::new(output, schema)?)))
    }

    /// An Arrow stream, whose batches are passed on as they come.
    pub(crate) fn stream(output: Output, schema: SchemaRef, _: usize) -> Result<Self, Stop> {
        Self::new(output, |output| Ok(Writer::Stream(ArrowStreamWriter::new(output, schema)?)))
    }

    fn new(
        output: Output,
        begin: impl FnOnce(Output) -> Result<Writer, Error>,
    ) -> Result<Self, Stop> {
        let (name, is_stdout) = (output.name().to_owned(), output.is_stdout());
        let writer = begin(output).map_err(|error| failed(&name, &error))?;
        Ok(Self { writer, name, is_stdout })
    }

    /// Writes all rows of the input, at most `limit`.
    pub(crate) fn write_all(
        mut self,
        context: &Context<'_>,
        input: Input<Batches>,
        limit: Option<u64>,
    ) -> Result<Report, Stop> {
        let mut left =
            limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let report = if left == 0 {
            input.done()?
        } else {
            input.each(context, |batch| {
                let Some(batch) = batch else { return Ok(ControlFlow::Continue(())) };
                let batch = batch.slice(0, left.min(batch.num_rows()));
                left -= batch.num_rows();
                self.write(&batch)?;
                Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?
        };
        // Where no source could be read, a file that was there before is the better one.
        if report.read_something || self.is_stdout {
            self.finish()?;
        }
        Ok(report)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Stop> {
        let written = match &mut self.writer {
            Writer::Parquet(writer) => writer.write(batch),
            Writer::File(writer) => writer.write(batch),
            Writer::Stream(writer) => writer.write(batch).and_then(|()| writer.flush()),
        };
        written.map_err(|error| failed(&self.name, &error))
    }

    fn finish(self) -> Result<(), Stop> {
        let output = match self.writer {
            Writer::Parquet(writer) => writer.finish(),
            Writer::File(writer) => writer.finish(),
            Writer::Stream(writer) => writer.finish(),
        };
        output.map_err(|error| failed(&self.name, &error))?.finish()
    }
}

/// Says what could not be written and why: a writer knows neither the file nor that a closed pipe is
/// no failure.
fn failed(name: &std::path::Path, error: &Error) -> Stop {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return not_written(name, error);
        }
        cause = error.source();
    }
    Stop::failed(format!("{}: {error}", name.display()))
}
