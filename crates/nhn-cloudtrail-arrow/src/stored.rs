//! Reads stored files exactly as they were written, for code that merges several of them and has to prove
//! that the result has the same content.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, UInt64Type};
use arrow_array::{
    Array, BinaryArray, BooleanArray, ListArray, RecordBatch, TimestampMillisecondArray,
    UInt64Array,
};
use arrow_schema::{Schema, SchemaRef};
use nhn_cloudtrail::{Code, Error, Result};
use sha2::{Digest, Sha256};

use crate::parquet::TableFile;
use crate::texts::Texts;

/// A file of a data set, with the schema with which it was written.
pub struct StoredFile {
    table: TableFile,
    schema: SchemaRef,
}

impl fmt::Debug for StoredFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredFile").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl StoredFile {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` or `IO` if it cannot be read, `INVALID_TABLE` if it is not a table of events.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let table = TableFile::open(path.as_ref())?.into_written()?;
        let schema = table.schema();
        Ok(Self { table, schema })
    }

    /// Returns the schema with which the file was written.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Passes the rows to `each`, some thousand at a time, as batches of `schema`, which may differ from
    /// the file's schema only in metadata.
    ///
    /// # Errors
    ///
    /// `INVALID_TABLE` if the file is damaged or its columns differ from the schema; otherwise the errors
    /// of `each`.
    pub fn read(
        &self,
        schema: &SchemaRef,
        mut each: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        for group in 0..self.table.groups() {
            for batch in self.table.read(group, &self.table.columns(), None)? {
                let batch = batch?;
                let batch = RecordBatch::try_new(schema.clone(), batch.columns().to_vec());
                let other = |error| {
                    let message = "the file has other columns than those beside it";
                    Error::new(Code::InvalidTable, message).caused_by(error)
                };
                each(&batch.map_err(other)?)?;
            }
        }
        Ok(())
    }
}

/// Returns the schema for a file that holds the rows of several. If their metadata differ, it contains
/// the values of all. Returns `None` if their columns or languages differ.
pub fn common_schema<'a>(schemas: impl IntoIterator<Item = &'a SchemaRef>) -> Option<SchemaRef> {
    let mut schemas = schemas.into_iter();
    let mut common = Schema::clone(schemas.next()?);
    for schema in schemas {
        let columns = |schema: &Schema| {
            let fields = schema.fields().iter();
            let fields = fields.map(|field| (field.name().clone(), field.data_type().clone()));
            let lang = schema.metadata().get("nhn_cloudtrail.lang").cloned();
            (fields.collect::<Vec<_>>(), lang)
        };
        if columns(schema) != columns(&common) {
            return None;
        }
        for (key, value) in schema.metadata() {
            let values = match common.metadata.get(key) {
                Some(values) if values.split(", ").any(|known| known == value) => continue,
                Some(values) => format!("{values}, {value}"),
                None => value.clone(),
            };
            common.metadata.insert(key.clone(), values);
        }
    }
    Some(Arc::new(common))
}

/// A hash of rows that does not depend on their order or on how they are split into files.
///
/// It is the SHA-256 of the SHA-256 hashes of all rows, sorted by their bytes. The hash of a row covers
/// its columns in order: for each column the name, then the value. They are encoded as follows:
///
/// - A name, and a value that is text or bytes: a byte 1, the length in 8 bytes, and the bytes
///   themselves.
/// - A number or a time: a byte 1, the length 8 in 8 bytes, and the value in 8 bytes.
/// - A boolean: a byte 1, the length 1 in 8 bytes, and one byte.
/// - A list: a byte 1, the number of elements in 8 bytes, and the members of its elements.
/// - A missing value: a byte 0 and 8 zero bytes.
///
/// Numbers are little-endian; times are milliseconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct ContentHash {
    rows: Vec<[u8; 32]>,
    buffer: Vec<u8>,
}

impl ContentHash {
    /// Adds rows.
    ///
    /// # Errors
    ///
    /// `INVALID_TABLE` if a column has a type that the table does not have.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.schema_ref().fields().iter().zip(batch.columns());
        let values = columns.map(|(field, array)| {
            let values = Values::of(array).ok_or_else(|| {
                let message = format!("the column {} is of an unknown type", field.name());
                Error::new(Code::InvalidTable, message)
            })?;
            Ok((field.name().as_str(), values))
        });
        let values: Vec<_> = values.collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            self.buffer.clear();
            for (name, values) in &values {
                put(Some(name.as_bytes()), &mut self.buffer);
                values.put(row, &mut self.buffer);
            }
            self.rows.push(Sha256::digest(&self.buffer).into());
        }
        Ok(())
    }

    /// Returns the number of rows, and the hash in hexadecimal.
    #[must_use]
    pub fn finish(mut self) -> (u64, String) {
        self.rows.sort_unstable();
        let mut hash = Sha256::new();
        self.rows.iter().for_each(|row| hash.update(row));
        let hash = hash.finalize();
        (self.rows.len() as u64, hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The values of a column.
enum Values<'a> {
    Texts(Texts<'a>),
    Bytes(&'a BinaryArray),
    Times(&'a TimestampMillisecondArray),
    Numbers(&'a UInt64Array),
    Truths(&'a BooleanArray),
    /// Lists of structs with several text members.
    Lists(&'a ListArray, Vec<Texts<'a>>),
}

impl<'a> Values<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        if let Some(texts) = Texts::of(array) {
            return Some(Values::Texts(texts));
        }
        if let Some(lists) = array.as_list_opt::<i32>() {
            let members = lists.values().as_struct_opt()?;
            let texts = members.columns().iter().map(|array| Texts::of(array));
            return Some(Values::Lists(lists, texts.collect::<Option<_>>()?));
        }
        array
            .as_binary_opt()
            .map(Values::Bytes)
            .or_else(|| array.as_primitive_opt::<TimestampMillisecondType>().map(Values::Times))
            .or_else(|| array.as_primitive_opt::<UInt64Type>().map(Values::Numbers))
            .or_else(|| array.as_boolean_opt().map(Values::Truths))
    }

    fn put(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Values::Texts(texts) => put(texts.get(row).map(str::as_bytes), out),
            Values::Bytes(bytes) => put((!bytes.is_null(row)).then(|| bytes.value(row)), out),
            Values::Times(times) => {
                let time = (!times.is_null(row)).then(|| times.value(row).to_le_bytes());
                put(time.as_ref().map(<[u8; 8]>::as_slice), out);
            }
            Values::Numbers(numbers) => {
                let number = (!numbers.is_null(row)).then(|| numbers.value(row).to_le_bytes());
                put(number.as_ref().map(<[u8; 8]>::as_slice), out);
            }
            Values::Truths(truths) => {
                let truth = (!truths.is_null(row)).then(|| [u8::from(truths.value(row))]);
                put(truth.as_ref().map(<[u8; 1]>::as_slice), out);
            }
            Values::Lists(lists, members) => {
                let there = !lists.is_null(row);
                let length = if there { lists.value_length(row).max(0) } else { 0 };
                out.push(u8::from(there));
                out.extend_from_slice(&u64::from(length.unsigned_abs()).to_le_bytes());
                let first = lists.value_offsets().get(row).copied().unwrap_or_default();
                for element in first..first + length {
                    members
                        .iter()
                        .for_each(|texts| put(texts.get(element as usize).map(str::as_bytes), out));
                }
            }
        }
    }
}

/// Appends a value in a form that is unique for each sequence of values.
fn put(value: Option<&[u8]>, out: &mut Vec<u8>) {
    out.push(u8::from(value.is_some()));
    let value = value.unwrap_or_default();
    out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    out.extend_from_slice(value);
}
