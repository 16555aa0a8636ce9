//! Rows as the JSON records that they came from.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    Array, BinaryViewArray, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMillisecondArray,
};
use nhn_cloudtrail::{Column, Field, RawRows, Reader, Result, Rows, Timestamp};

use crate::extra::members;
use crate::texts::Texts;

/// Writes the rows of a batch as records.
///
/// A record has the wire fields in the order of the guide, then what stands in `extra`. Where that
/// holds a wire field too, it has what the column could not hold, and counts. Reading the record
/// gives the same row.
pub(super) struct Records<'a> {
    raw: Option<&'a BinaryViewArray>,
    time: Option<&'a TimestampMillisecondArray>,
    /// The text fields, with the key and what stands before its value.
    texts: Vec<(Field, String, Texts<'a>)>,
    members: Option<Members<'a>>,
    extra: Option<Texts<'a>>,
}

struct Members<'a> {
    lists: &'a ListArray,
    elements: &'a StructArray,
    fields: Vec<(&'static str, &'a StringArray)>,
}

impl<'a> Records<'a> {
    pub(super) fn new(batch: &'a RecordBatch) -> Self {
        let column = |column: Column| batch.column_by_name(column.as_str()).map(|array| &**array);
        let text = |field: &Field| {
            let array = batch.column_by_name(field.as_str())?;
            let key = format!("\"{}\":", field.wire_name());
            Some((*field, key, Texts::of(array)?))
        };
        Self {
            raw: column(Column::Raw).and_then(|array| array.as_binary_view_opt()),
            time: column(Column::EventTime)
                .and_then(|array| array.as_primitive_opt::<TimestampMillisecondType>()),
            texts: Field::ALL.iter().filter_map(text).collect(),
            members: column(Column::TargetMembers).and_then(Members::new),
            extra: column(Column::Extra).and_then(Texts::of),
        }
    }

    /// Appends the record of a row.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) {
        if let Some(raw) = self.raw.filter(|raw| !raw.is_null(row)) {
            out.extend_from_slice(raw.value(row));
            return;
        }
        let text = self.extra.and_then(|extra| extra.get(row));
        let extra = text.and_then(members);
        let in_extra = |name: &str| {
            extra.as_ref().is_some_and(|extra| extra.iter().any(|(key, _)| key == name))
        };
        let mut object = Object { out, empty: true };
        object.out.push(b'{');
        if let Some(time) = self.time
            && !time.is_null(row)
            && !in_extra(Field::EventTime.wire_name())
        {
            object.key("\"eventTime\":");
            match Timestamp::from_millis(time.value(row)) {
                Some(time) => object.string(&time.to_string()),
                // No time that this library has written.
                None => object.raw(&time.value(row).to_string()),
            }
        }
        for (field, key, texts) in &self.texts {
            match texts.get(row) {
                Some(_) if extra.is_some() && in_extra(field.wire_name()) => (),
                Some(text) => {
                    object.key(key);
                    object.string(text);
                }
                None => (),
            }
        }
        if let Some(members) = &self.members
            && !members.lists.is_null(row)
            && !in_extra(Field::TargetMembers.wire_name())
        {
            object.key("\"eventTarget\":");
            members.write(row, &mut object);
        }
        match (extra, text) {
            (Some(extra), _) => {
                for (key, value) in extra {
                    object.separate();
                    object.string(&key);
                    object.raw(":");
                    object.raw(value.get());
                }
            }
            // Nothing that this library has written; kept as what it is.
            (None, Some(text)) => {
                object.key("\"extra\":");
                object.string(text);
            }
            (None, None) => (),
        }
        object.out.push(b'}');
    }
}

/// How many of these rows are not recognized, see
/// [`Event::is_recognized`](nhn_cloudtrail::Event::is_recognized).
pub(crate) fn unrecognized(batch: &RecordBatch, rows: &[usize]) -> Result<u64> {
    let records = Records::new(batch);
    let mut raw = RawRows::default();
    for &row in rows {
        // Nearly all have a field, and nothing besides their fields.
        let has_extra = records.extra.is_some_and(|extra| extra.get(row).is_some());
        let has_field = records.time.is_some_and(|time| !time.is_null(row))
            || records.texts.iter().any(|(.., texts)| texts.get(row).is_some());
        if has_extra || !has_field {
            records.write(row, &mut raw.text);
            raw.ends.push(raw.text.len());
        }
    }
    if raw.ends.is_empty() {
        return Ok(0);
    }
    let mut reader = Reader::builder().from_rows(Once(Some(raw)))?;
    while reader.next_item().is_some() {}
    Ok(reader.stats().unrecognized)
}

/// Rows that are there already.
struct Once(Option<RawRows>);

impl Rows for Once {
    fn next_rows(&mut self) -> Option<Result<RawRows>> {
        self.0.take().map(Ok)
    }
}

impl<'a> Members<'a> {
    fn new(array: &'a dyn Array) -> Option<Self> {
        let lists = array.as_list_opt::<i32>()?;
        let elements = lists.values().as_struct_opt()?;
        let names = [
            ("\"idNo\":", "id_no"),
            ("\"name\":", "name"),
            ("\"userCode\":", "user_code"),
            ("\"emailAddress\":", "email_address"),
        ];
        let fields = names.into_iter().filter_map(|(key, name)| {
            Some((key, elements.column_by_name(name)?.as_string_opt::<i32>()?))
        });
        Some(Self { lists, elements, fields: fields.collect() })
    }

    fn write(&self, row: usize, object: &mut Object<'_>) {
        object.raw("{\"targetMembers\":[");
        let offsets = self.lists.value_offsets();
        let offset = |at: usize| offsets.get(at).copied().unwrap_or_default() as usize;
        for (index, element) in (offset(row)..offset(row + 1)).enumerate() {
            if index > 0 {
                object.raw(",");
            }
            if self.elements.is_null(element) {
                object.raw("null");
                continue;
            }
            let mut member = Object { out: object.out, empty: true };
            member.raw("{");
            for (key, texts) in &self.fields {
                if !texts.is_null(element) {
                    member.key(key);
                    member.string(texts.value(element));
                }
            }
            member.raw("}");
        }
        object.raw("]}");
    }
}

/// A JSON object that is being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
    }

    /// A key that needs no escapes, with its quotes and colon.
    fn key(&mut self, key: &str) {
        self.separate();
        self.raw(key);
    }

    fn string(&mut self, text: &str) {
        // INVARIANT: neither text nor a vector can fail.
        let _ = serde_json::to_writer(self.out.by_ref(), text);
    }
}
