//! The flat form of an event: the columns of the table, in their order, the same in every language.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::catalog::Lang;
use crate::enrich::Enriched;
use crate::error::{Code, Error};
use crate::event::{Field, TargetMember, Timestamp};
use crate::json;

/// The version of the table's columns, their order and meaning.
pub const SCHEMA_VERSION: &str = "1";

macro_rules! columns {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// A column of the table, and a key of the flat form.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Column { $($(#[doc = $doc])* $name,)* }

        impl Column {
            /// Every column, in order: those that are always there, then those on request.
            pub const ALL: &'static [Column] = &[$(Column::$name),*];

            /// The column's name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Column::$name => $text,)* }
            }

            /// What the column means, in a sentence.
            pub fn description(self) -> &'static str {
                match self { $(Column::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

columns! {
    /// When it happened; null where the time cannot be read.
    EventTime = "event_time";
    /// What happened: the key of the catalog.
    EventId = "event_id";
    /// The event's name in the chosen language.
    EventName = "event_name";
    /// The service's slug.
    Service = "service";
    /// What the event is about.
    Resource = "resource";
    /// The word that the ID uses for what was done.
    Verb = "verb";
    /// What kind of thing was done: `create`, `read`, `update`, `delete`, `execute`, `authenticate`.
    Kind = "kind";
    /// The phase of the act, where the event marks one.
    Phase = "phase";
    /// `success`, `failure` or `unknown`.
    Outcome = "outcome";
    /// The code in the response's header, as text.
    ResultCode = "result_code";
    /// The message in the response's header.
    ResultMessage = "result_message";
    /// Through what it was done.
    EventSourceType = "event_source_type";
    /// The ID of the acting member.
    UserId = "user_id";
    /// The name of the acting member.
    UserName = "user_name";
    /// The UUID of the acting member.
    UserIdNo = "user_id_no";
    /// The address it was done from, as written.
    UserIp = "user_ip";
    /// The client it was done with.
    UserAgent = "user_agent";
    /// The region.
    Region = "region";
    /// The organization.
    OrgId = "org_id";
    /// The project.
    ProjectId = "project_id";
    /// The project's name.
    ProjectName = "project_name";
    /// The product.
    ProductId = "product_id";
    /// The appkey.
    AppKey = "app_key";
    /// The tenant.
    TenantId = "tenant_id";
    /// The members it was done to.
    TargetMembers = "target_members";
    /// The unique key of the record.
    EventLogUuid = "event_log_uuid";
    /// What was asked for, as text.
    Request = "request";
    /// What was answered, as text.
    Response = "response";
    /// What stands in no other column, as a JSON object.
    Extra = "extra";
    /// Whether the catalog has the event's ID.
    Known = "known";
    /// On request: the record's bytes.
    Raw = "raw";
    /// On request: the name of the source.
    Source = "source";
    /// On request: the number of the record in its source, from 1.
    SourceRecord = "source_record";
}

impl Column {
    /// How many columns are always there.
    const STANDARD: usize = 30;

    /// The columns that are always there, in order.
    pub fn standard() -> &'static [Column] {
        Self::ALL.get(..Self::STANDARD).unwrap_or_default()
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Column {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().copied().find(|column| column.as_str() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|column| column.as_str()).collect();
            let message = format!("no column {text:?}; the columns are {}", names.join(", "));
            Error::new(Code::InvalidOption, message)
        })
    }
}

/// What stands in a column for an event.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A count.
    Number(u64),
    /// An instant.
    Time(Timestamp),
    /// Text.
    Text(Cow<'a, str>),
    /// Members.
    Members(Vec<TargetMember<'a>>),
    /// JSON text.
    Json(Cow<'a, str>),
}

impl<'a> Value<'a> {
    fn text(text: Option<impl Into<Cow<'a, str>>>) -> Self {
        text.map_or(Value::Null, |text| Value::Text(text.into()))
    }

    /// Appends the value as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Value::Number(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Value::Time(time) => json::write_string(out, &time.to_string()),
            Value::Text(text) => json::write_string(out, text),
            Value::Json(text) => out.extend_from_slice(text.as_bytes()),
            Value::Members(members) => {
                out.push(b'[');
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write_member(out, member);
                }
                out.push(b']');
            }
        }
    }
}

fn write_member(out: &mut Vec<u8>, member: &TargetMember<'_>) {
    let fields = [
        ("id_no", &member.id_no),
        ("name", &member.name),
        ("user_code", &member.user_code),
        ("email_address", &member.email_address),
    ];
    for (index, (key, value)) in fields.into_iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        json::write_string(out, key);
        out.push(b':');
        match value {
            Some(text) => json::write_string(out, text),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
}

impl Enriched<'_> {
    /// What stands in `column`, names in `lang`.
    pub fn value(&self, column: Column, lang: Lang) -> Value<'_> {
        let event = self.event();
        let field = |field| Value::text(event.text(field));
        match column {
            Column::EventTime => event.event_time().map_or(Value::Null, Value::Time),
            Column::EventId => field(Field::EventId),
            Column::EventName => Value::text(self.name(lang)),
            Column::Service => Value::text(self.service()),
            Column::Resource => Value::text(self.resource()),
            Column::Verb => {
                let action = self.action();
                Value::text(action.as_ref().and_then(|action| action.verb()).map(str::to_owned))
            }
            Column::Kind => Value::text(self.action().map(|action| action.kind().as_str())),
            Column::Phase => {
                let phase = self.action().and_then(|action| action.phase());
                Value::text(phase.map(|phase| phase.as_str()))
            }
            Column::Outcome => Value::Text(self.outcome().as_str().into()),
            Column::ResultCode => Value::text(self.result_code()),
            Column::ResultMessage => Value::text(self.result_message()),
            Column::EventSourceType => field(Field::EventSourceType),
            Column::UserId => field(Field::UserId),
            Column::UserName => field(Field::UserName),
            Column::UserIdNo => field(Field::UserIdNo),
            Column::UserIp => field(Field::UserIp),
            Column::UserAgent => field(Field::UserAgent),
            Column::Region => field(Field::Region),
            Column::OrgId => field(Field::OrgId),
            Column::ProjectId => field(Field::ProjectId),
            Column::ProjectName => field(Field::ProjectName),
            Column::ProductId => field(Field::ProductId),
            Column::AppKey => field(Field::AppKey),
            Column::TenantId => field(Field::TenantId),
            Column::TargetMembers => event.target_members().map_or(Value::Null, Value::Members),
            Column::EventLogUuid => field(Field::EventLogUuid),
            Column::Request => field(Field::Request),
            Column::Response => field(Field::Response),
            Column::Extra => {
                event.extra_json().map_or(Value::Null, |extra| Value::Json(extra.into()))
            }
            Column::Known => Value::Bool(self.is_known()),
            Column::Raw => Value::Text(String::from_utf8_lossy(event.raw())),
            Column::Source => Value::text(event.position().source.map(|source| source.to_string())),
            Column::SourceRecord => Value::Number(event.position().record),
        }
    }

    /// Appends the flat form: one JSON object with `columns` in their order, each always there.
    ///
    /// ```
    /// use nhn_cloudtrail::{Column, catalog::Lang};
    ///
    /// let events = nhn_cloudtrail::parse(r#"{"eventTime":1572604309348,"region":"KR1"}"#)?;
    /// let mut line = Vec::new();
    /// events[0].enrich().write_json(&[Column::EventTime, Column::Region], Lang::Ko, &mut line);
    /// assert_eq!(line, br#"{"event_time":"2019-11-01T10:31:49.348Z","region":"KR1"}"#);
    /// # Ok::<(), nhn_cloudtrail::Error>(())
    /// ```
    pub fn write_json(&self, columns: &[Column], lang: Lang, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, &column) in columns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::write_string(out, column.as_str());
            out.push(b':');
            self.value(column, lang).write_json(out);
        }
        out.push(b'}');
    }
}
