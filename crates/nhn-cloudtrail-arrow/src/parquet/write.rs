//! Writes the table as a Parquet file.

use std::fmt;
use std::hash::Hasher;
use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, SchemaRef};
use nhn_cloudtrail::{Code, Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use twox_hash::XxHash3_64;

use super::checksum;
use super::encode::Encoder;

/// How many rows a row group has at the most.
const GROUP_ROWS: usize = 128 << 10;

/// How much text a row group has, or a little more: until it is whole it is held in memory.
const GROUP_TEXT: usize = 192 << 20;

/// Writes batches of the table as one Parquet file, rows in the order that they come in.
///
/// The file is compressed with zstd and has statistics of every column and page, so that readers
/// can leave out what a filter does not want. It has a checksum of all its bytes, which
/// [`Parquet::verify`](crate::Parquet::verify) checks. Memory is bounded by one row group. The same batches
/// make the same bytes, whatever the number of threads.
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<Sink<W>>,
    factory: ArrowRowGroupWriterFactory,
    encoder: Encoder,
    /// How many row groups were begun.
    begun: usize,
    /// What the one that is open has; none is where it has no rows.
    rows: usize,
    text: usize,
}

/// What is written to, until it is taken back: the file's writer gives its sink back too, but says
/// of a failure then neither what it was nor whose.
struct Sink<W> {
    sink: Option<W>,
    /// The hash of the bytes written so far.
    hash: XxHash3_64,
    /// The end of the file, held back until its checksum is known.
    end: Option<Vec<u8>>,
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(end) = &mut self.end {
            return end.write(bytes);
        }
        let count = self.sink.as_mut().map_or(Ok(0), |sink| sink.write(bytes))?;
        self.hash.write(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl<W: Write> Sink<W> {
    fn new(sink: W) -> Self {
        Self { sink: Some(sink), hash: XxHash3_64::new(), end: None }
    }

    /// Writes the end that was held back, with the checksum before the footer.
    fn finish(&mut self) -> io::Result<()> {
        let end = self.end.take().unwrap_or_default();
        let (body, footer) = checksum::footer(&end)
            .and_then(|at| end.split_at_checked(at))
            .ok_or_else(|| io::Error::other("the footer has no length"))?;
        self.write_all(body)?;
        let checksum = checksum::of(self.hash.finish(), footer);
        self.write_all(&checksum)?;
        self.write_all(footer)?;
        self.flush()
    }
}

impl<W: Write + Send> fmt::Debug for ParquetWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetWriter").field("row_groups", &self.begun).finish_non_exhaustive()
    }
}

impl<W: Write + Send> ParquetWriter<W> {
    /// A writer of batches that have this schema, on so many threads; 0 is one for each processor.
    ///
    /// # Errors
    ///
    /// `IO` where the first bytes cannot be written.
    pub fn new(sink: W, schema: SchemaRef, threads: usize) -> Result<Self> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let encoder = Encoder::new(&schema, threads);
        let properties = Some(properties(&schema));
        let writer = ArrowWriter::try_new(Sink::new(sink), schema, properties).map_err(failed)?;
        let (file, factory) = writer.into_serialized_writer().map_err(failed)?;
        Ok(Self { file, factory, encoder, begun: 0, rows: 0, text: 0 })
    }

    /// Writes a batch, or takes it to write it in a while.
    ///
    /// # Errors
    ///
    /// `IO` where the file cannot be written. The file is of no use then.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.write_rows(batch).map_err(failed)
    }

    fn write_rows(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let mut from = 0;
        while from < batch.num_rows() {
            if self.rows == 0 {
                self.encoder.begin(self.factory.create_column_writers(self.begun)?);
                self.begun += 1;
            }
            let piece = batch.slice(from, (batch.num_rows() - from).min(GROUP_ROWS - self.rows));
            from += piece.num_rows();
            self.rows += piece.num_rows();
            self.text += text(&piece);
            self.encoder.write(&piece)?;
            if self.rows >= GROUP_ROWS || self.text >= GROUP_TEXT {
                self.end_group();
            }
            self.write_groups(false)?;
        }
        Ok(())
    }

    fn end_group(&mut self) {
        self.encoder.end();
        (self.rows, self.text) = (0, 0);
    }

    /// Writes the row groups that are encoded, or waits for all that were begun.
    fn write_groups(&mut self, all: bool) -> Result<(), ParquetError> {
        while self.file.flushed_row_groups().len() < self.begun {
            let Some(columns) = self.encoder.take(all)? else { break };
            let mut group = self.file.next_row_group()?;
            for column in columns {
                column.append_to_row_group(&mut group)?;
            }
            group.close()?;
        }
        Ok(())
    }

    /// Writes what is left, and the end of the file.
    ///
    /// # Errors
    ///
    /// `IO` where the file cannot be written.
    pub fn finish(mut self) -> Result<W> {
        if self.rows > 0 {
            self.end_group();
        }
        self.write_groups(true).map_err(failed)?;
        self.file.inner_mut().end = Some(Vec::new());
        self.file.finish().map_err(failed)?;
        self.file.flush().map_err(|error| failed(error.into()))?;
        let sink = self.file.inner_mut();
        sink.finish().map_err(|error| failed(error.into()))?;
        sink.sink.take().ok_or_else(|| Error::new(Code::Panic, "the file was finished before"))
    }
}

/// How many bytes of text the rows have, those of repeating columns not counted.
pub(crate) fn text(batch: &RecordBatch) -> usize {
    let length = |first: Option<&i32>, last: Option<&i32>| match (first, last) {
        (Some(first), Some(last)) => (last - first) as usize,
        _ => 0,
    };
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8 => {
            let offsets = column.as_string::<i32>().value_offsets();
            length(offsets.first(), offsets.last())
        }
        DataType::Binary => {
            let offsets = column.as_binary::<i32>().value_offsets();
            length(offsets.first(), offsets.last())
        }
        _ => 0,
    });
    columns.sum()
}

fn properties(schema: &SchemaRef) -> WriterProperties {
    let metadata = schema.metadata().iter();
    let mut metadata: Vec<KeyValue> =
        metadata.map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    metadata.sort_by(|a, b| a.key.cmp(&b.key));
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("nhn-cloudtrail version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(metadata))
        // Level 1: of requests and responses, which most of the file is, level 3 makes files that are
        // as large, and takes half as long again.
        .set_compression(Compression::ZSTD(ZstdLevel::default()));
    for field in schema.fields() {
        let column = ColumnPath::from(field.name().as_str());
        builder = match field.data_type() {
            DataType::Timestamp(..) | DataType::UInt64 => builder
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED),
            // Hardly any value is there twice, and no range of values says anything.
            DataType::Utf8 | DataType::Binary => builder
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_statistics_enabled(column, EnabledStatistics::Chunk),
            _ => builder,
        };
    }
    builder.build()
}

/// What failed, with the system's error as its cause where there is one.
pub(super) fn failed(error: ParquetError) -> Error {
    let wrong = Error::new(Code::Io, "cannot be written");
    match error {
        ParquetError::External(cause) => wrong.caused_by(cause),
        error => wrong.caused_by(error),
    }
}
