//! The table built in the plainest way, value by value through the flat form, to compare with.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, ListBuilder, StringBuilder, StringDictionaryBuilder,
    StructBuilder, TimestampMillisecondBuilder, UInt64Builder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use nhn_cloudtrail::catalog::Lang;
use nhn_cloudtrail::{Column, Event, TargetMember, Value};
use nhn_cloudtrail_arrow::schema;

/// Makes batches whose dictionaries grow: that of a batch begins with that of the batch before.
pub(crate) struct Plain {
    columns: Vec<Column>,
    lang: Lang,
    schema: SchemaRef,
    dictionaries: Vec<StringDictionaryBuilder<Int32Type>>,
}

impl Plain {
    pub(crate) fn new(columns: &[Column], lang: Lang) -> Self {
        Self {
            columns: columns.to_vec(),
            lang,
            schema: schema(columns, lang),
            dictionaries: columns.iter().map(|_| StringDictionaryBuilder::new()).collect(),
        }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    pub(crate) fn batch(&mut self, events: &[Event]) -> RecordBatch {
        let columns = (0..self.columns.len()).map(|index| self.column(index, events)).collect();
        RecordBatch::try_new(self.schema.clone(), columns).unwrap()
    }

    fn column(&mut self, index: usize, events: &[Event]) -> ArrayRef {
        let column = self.columns[index];
        let enriched: Vec<_> = events.iter().map(Event::enrich).collect();
        let values = enriched.iter().map(|event| event.value(column, self.lang));
        match self.schema.field(index).data_type() {
            DataType::Timestamp(..) => {
                let mut builder = TimestampMillisecondBuilder::new().with_timezone("UTC");
                values.for_each(|value| match value {
                    Value::Time(time) => builder.append_value(time.as_millis()),
                    value => builder.append_option(none(value)),
                });
                Arc::new(builder.finish())
            }
            DataType::Boolean => {
                let mut builder = BooleanBuilder::new();
                values.for_each(|value| match value {
                    Value::Bool(value) => builder.append_value(value),
                    value => builder.append_option(none(value)),
                });
                Arc::new(builder.finish())
            }
            DataType::UInt64 => {
                let mut builder = UInt64Builder::new();
                values.for_each(|value| match value {
                    Value::Number(value) => builder.append_value(value),
                    value => builder.append_option(none(value)),
                });
                Arc::new(builder.finish())
            }
            DataType::Binary => {
                let mut builder = BinaryBuilder::new();
                events.iter().for_each(|event| builder.append_value(event.raw()));
                Arc::new(builder.finish())
            }
            DataType::Utf8 => {
                let mut builder = StringBuilder::new();
                values.for_each(|value| match value {
                    Value::Text(text) | Value::Json(text) => builder.append_value(text),
                    value => builder.append_option(none::<String>(value)),
                });
                Arc::new(builder.finish())
            }
            DataType::Dictionary(..) => {
                let builder = &mut self.dictionaries[index];
                values.for_each(|value| match value {
                    Value::Text(text) => builder.append_value(text),
                    value => builder.append_option(none::<String>(value)),
                });
                Arc::new(builder.finish_preserve_values())
            }
            DataType::List(item) => {
                let DataType::Struct(fields) = item.data_type() else { panic!("{item:?}") };
                let members = StructBuilder::from_fields(fields.clone(), 0);
                let mut builder = ListBuilder::new(members).with_field(item.clone());
                values.for_each(|value| match value {
                    Value::Members(members) => {
                        members.iter().for_each(|member| append(builder.values(), member));
                        builder.append(true);
                    }
                    value => builder.append(none::<bool>(value).is_some()),
                });
                Arc::new(builder.finish())
            }
            other => panic!("a column of type {other}"),
        }
    }
}

fn append(builder: &mut StructBuilder, member: &TargetMember<'_>) {
    let values = [&member.id_no, &member.name, &member.user_code, &member.email_address];
    for (index, value) in values.into_iter().enumerate() {
        let field = builder.field_builder::<StringBuilder>(index).unwrap();
        field.append_option(value.as_deref());
    }
    builder.append(true);
}

/// What no other kind of value may be in a column.
fn none<T>(value: Value<'_>) -> Option<T> {
    assert_eq!(value, Value::Null);
    None
}
