//! Arrow IPC: files, and streams for another program to read along.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions, StringArray,
    new_empty_array,
};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::dictionary::garbage_collect_dictionary;
use nhn_cloudtrail::{Code, Error, Result};

/// Writes batches of the table as an Arrow IPC file.
///
/// A column has one dictionary, which stands after all rows: by then it is known, and not every
/// reader can put one together from pieces.
pub struct ArrowFileWriter<W: Write> {
    writer: FileWriter<W>,
    schema: SchemaRef,
    /// The schema of the rows, which have keys of dictionaries as plain numbers.
    rows: SchemaRef,
    /// In the order of the columns; none for those without.
    dictionaries: Vec<Option<Dictionary>>,
}

impl<W: Write> fmt::Debug for ArrowFileWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrowFileWriter").finish_non_exhaustive()
    }
}

impl<W: Write> ArrowFileWriter<W> {
    /// A writer of batches that have this schema.
    ///
    /// # Errors
    ///
    /// `IO` where the first bytes cannot be written.
    pub fn new(sink: W, schema: SchemaRef) -> Result<Self> {
        let rows = schema.fields().iter().map(|field| match field.data_type() {
            DataType::Dictionary(keys, _) => {
                Field::new(field.name(), DataType::clone(keys), field.is_nullable())
            }
            _ => Field::clone(field),
        });
        let dictionaries = schema.fields().iter().map(|field| {
            let is_one = matches!(field.data_type(), DataType::Dictionary(..));
            is_one.then(Dictionary::default)
        });
        Ok(Self {
            rows: Arc::new(Schema::new(rows.collect::<Vec<_>>())),
            dictionaries: dictionaries.collect(),
            writer: FileWriter::try_new(sink, &schema).map_err(failed)?,
            schema,
        })
    }

    /// Writes a batch.
    ///
    /// # Errors
    ///
    /// `IO` where the file cannot be written. The file is of no use then.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().zip(&mut self.dictionaries);
        let columns = columns.map(|(column, dictionary)| match dictionary {
            Some(dictionary) => dictionary.keys(column.as_dictionary()),
            None => Ok(column.clone()),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        columns
            .collect::<Result<_, _>>()
            .and_then(|columns| {
                RecordBatch::try_new_with_options(self.rows.clone(), columns, &options)
            })
            // A batch with keys has the same bytes as one with numbers.
            .and_then(|batch| self.writer.write(&batch))
            .map_err(failed)
    }

    /// Writes the dictionaries and the end of the file.
    ///
    /// # Errors
    ///
    /// `IO` where the file cannot be written.
    pub fn finish(mut self) -> Result<W> {
        let columns = self.schema.fields().iter().zip(self.dictionaries);
        let columns = columns.map(|(field, dictionary)| match dictionary {
            Some(dictionary) => {
                let keys = Int32Array::from(Vec::<i32>::new());
                let texts = Arc::new(dictionary.texts);
                Ok(Arc::new(DictionaryArray::try_new(keys, texts)?) as ArrayRef)
            }
            None => Ok(new_empty_array(field.data_type())),
        });
        // Dictionaries are written with a batch that has them, if it has no rows.
        let options = RecordBatchOptions::new().with_row_count(Some(0));
        columns
            .collect::<Result<_, _>>()
            .and_then(|columns| {
                RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            })
            .and_then(|batch| self.writer.write(&batch))
            .and_then(|()| self.writer.into_inner())
            .map_err(failed)
    }
}

/// The texts of a column so far, in the order of their keys.
struct Dictionary {
    texts: StringArray,
    /// The keys of the texts, once they are asked for.
    keys: Option<HashMap<String, i32>>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self { texts: StringArray::new_null(0), keys: None }
    }
}

impl Dictionary {
    /// The keys of a column, as they are in this dictionary.
    fn keys(&mut self, column: &DictionaryArray<Int32Type>) -> Result<ArrayRef, ArrowError> {
        let texts = column.values().as_string::<i32>();
        let common = texts.len().min(self.texts.len());
        if self.texts.slice(0, common) == texts.slice(0, common) {
            if texts.len() > common {
                self.texts = texts.clone();
                self.keys = None;
            }
            return Ok(Arc::new(column.keys().clone()));
        }
        // Another dictionary has begun.
        let known = self.keys.get_or_insert_with(|| {
            let texts = self.texts.iter().map(|text| text.unwrap_or_default().to_owned());
            texts.zip(0..).collect()
        });
        let mut new = Vec::new();
        let mut ours = Vec::with_capacity(texts.len());
        for text in texts.iter().map(Option::unwrap_or_default) {
            ours.push(match known.get(text) {
                Some(key) => *key,
                None => {
                    let key = i32::try_from(known.len());
                    let key = key.map_err(|_| ArrowError::DictionaryKeyOverflowError)?;
                    known.insert(text.to_owned(), key);
                    new.push(text);
                    key
                }
            });
        }
        if !new.is_empty() {
            let new = StringArray::from(new);
            let texts = arrow_select::concat::concat(&[&self.texts, &new])?;
            self.texts = texts.as_string().clone();
        }
        let key = |key: i32| ours.get(key as usize).copied().unwrap_or_default();
        Ok(Arc::new(column.keys().unary::<_, Int32Type>(key)))
    }
}

/// Writes batches of the table as an Arrow IPC stream.
///
/// A dictionary that has changed is sent anew, since not every reader can add to one; of a long one
/// only what the batch needs.
pub struct ArrowStreamWriter<W: Write> {
    writer: StreamWriter<W>,
}

impl<W: Write> fmt::Debug for ArrowStreamWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrowStreamWriter").finish_non_exhaustive()
    }
}

impl<W: Write> ArrowStreamWriter<W> {
    /// A writer of batches that have this schema.
    ///
    /// # Errors
    ///
    /// `IO` where the first bytes cannot be written.
    pub fn new(sink: W, schema: SchemaRef) -> Result<Self> {
        Ok(Self { writer: StreamWriter::try_new(sink, &schema).map_err(failed)? })
    }

    /// Writes a batch.
    ///
    /// # Errors
    ///
    /// `IO` where the stream cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().map(|column| match column.as_dictionary_opt() {
            Some(texts) if texts.values().len() > texts.len() => {
                let short = garbage_collect_dictionary::<Int32Type>(texts)?;
                Ok(Arc::new(short) as ArrayRef)
            }
            _ => Ok(column.clone()),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        columns
            .collect::<Result<_, _>>()
            .and_then(|columns| {
                RecordBatch::try_new_with_options(batch.schema(), columns, &options)
            })
            .and_then(|batch| self.writer.write(&batch))
            .map_err(failed)
    }

    /// Passes on what the sink holds back.
    ///
    /// # Errors
    ///
    /// `IO` where the stream cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(failed)
    }

    /// Writes the end of the stream.
    ///
    /// # Errors
    ///
    /// `IO` where the stream cannot be written.
    pub fn finish(self) -> Result<W> {
        self.writer.into_inner().map_err(failed)
    }
}

/// What failed, with the system's error as its cause where there is one.
fn failed(error: ArrowError) -> Error {
    let wrong = Error::new(Code::Io, "cannot be written");
    match error {
        ArrowError::IoError(_, cause) => wrong.caused_by(cause),
        error => wrong.caused_by(error),
    }
}
