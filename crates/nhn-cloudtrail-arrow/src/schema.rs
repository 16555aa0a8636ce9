//! The table's schema: types, versions, and what each column means.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use nhn_cloudtrail::catalog::{self, Lang};
use nhn_cloudtrail::{Column, SCHEMA_VERSION};

/// The schema of a table with `columns`, names in `lang`.
///
/// Its metadata has the versions that a result depends on, under `nhn_cloudtrail.version`,
/// `nhn_cloudtrail.schema_version`, `nhn_cloudtrail.catalog_version` and `nhn_cloudtrail.lang`; that
/// of each field has a `description`.
pub fn schema(columns: &[Column], lang: Lang) -> SchemaRef {
    let fields: Fields = columns.iter().map(|&column| field(column)).collect();
    let metadata = HashMap::from(
        [
            ("nhn_cloudtrail.version", env!("CARGO_PKG_VERSION")),
            ("nhn_cloudtrail.schema_version", SCHEMA_VERSION),
            ("nhn_cloudtrail.catalog_version", catalog::VERSION),
            ("nhn_cloudtrail.lang", lang.as_str()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

fn field(column: Column) -> Field {
    let metadata = HashMap::from([("description".to_owned(), column.description().to_owned())]);
    let always =
        matches!(column, Column::Outcome | Column::Known | Column::Raw | Column::SourceRecord);
    Field::new(column.as_str(), data_type(column), !always).with_metadata(metadata)
}

/// The type of a column. Text that repeats is dictionary-encoded.
pub(crate) fn data_type(column: Column) -> DataType {
    match column {
        Column::EventTime => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        Column::Known => DataType::Boolean,
        Column::EventLogUuid | Column::Request | Column::Response | Column::Extra => DataType::Utf8,
        Column::Raw => DataType::Binary,
        Column::SourceRecord => DataType::UInt64,
        Column::TargetMembers => DataType::List(Arc::new(member_field())),
        _ => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    }
}

/// What the list of a column of members holds.
pub(crate) fn member_field() -> Field {
    Field::new("item", DataType::Struct(member_fields()), true)
}

/// The fields of a member.
pub(crate) fn member_fields() -> Fields {
    ["id_no", "name", "user_code", "email_address"]
        .into_iter()
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect()
}

/// The columns that hold what the record held.
pub(crate) const WIRE: &[Column] = &[
    Column::EventTime,
    Column::EventId,
    Column::EventSourceType,
    Column::UserId,
    Column::UserName,
    Column::UserIdNo,
    Column::UserIp,
    Column::UserAgent,
    Column::Region,
    Column::OrgId,
    Column::ProjectId,
    Column::ProjectName,
    Column::ProductId,
    Column::AppKey,
    Column::TenantId,
    Column::TargetMembers,
    Column::EventLogUuid,
    Column::Request,
    Column::Response,
    Column::Extra,
];
