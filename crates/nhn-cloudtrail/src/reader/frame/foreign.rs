//! Objects that share names with records: our own flat form, which is converted to a record, and the
//! records of other systems.

use std::borrow::Cow;

use memchr::memmem;

use crate::event::{Field, Record};
use crate::flat::Column;
use crate::json;

/// The form of an object with members besides the wire fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Record,
    /// The flat form of an event, as `read --format jsonl`, Python and Node write it.
    Flat,
    /// A record of AWS CloudTrail.
    Aws,
}

/// Whether this key is typical for the flat form.
pub(super) fn is_likely_column(key: &[u8]) -> bool {
    matches!(key, b"event_id" | b"event_time" | b"event_log_uuid")
}

/// Returns the form of a valid object.
pub(super) fn form(object: &[u8]) -> Form {
    let mut columns = 0;
    let (mut flat, mut camel, mut aws) = (true, true, 0);
    let mut likely = false;
    for key in keys(object) {
        aws += usize::from(matches!(
            &*key,
            "eventName" | "eventVersion" | "eventSource" | "awsRegion"
        ));
        match Column::ALL.iter().copied().find(|column| column.as_str() == key) {
            // One word names the column in both spellings.
            Some(column) => {
                camel &= !key.contains('_');
                columns += usize::from(Column::standard().contains(&column));
                likely |=
                    matches!(column, Column::EventId | Column::EventTime | Column::EventLogUuid);
            }
            None => {
                flat = false;
                match Column::ALL.iter().find(|column| is_camel(column.as_str(), &key)) {
                    Some(_) => columns += 1,
                    None => camel = false,
                }
            }
        }
    }
    if (flat && likely) || (camel && columns == Column::standard().len()) {
        return Form::Flat;
    }
    if aws >= 2 { Form::Aws } else { Form::Record }
}

/// Whether a record that was not told from those of other systems yet is one of these.
pub(in crate::reader) fn is_foreign(record: &Record, raw: &[u8]) -> bool {
    record.extra && (record.odd || !record.likely) && form(raw) == Form::Aws
}

/// The record of a valid object in the flat form: the one in its `raw` column, otherwise one with the
/// same values. A column that was derived from another one is derived again; if that one is missing,
/// the value becomes an unknown member of the record.
pub(super) fn to_record(flat: &[u8]) -> Vec<u8> {
    let missing =
        |field: Field| keys(flat).all(|key| key != field.as_str() && key != field.wire_name());
    let (no_id, no_response) = (missing(Field::EventId), missing(Field::Response));
    let mut record = vec![b'{'];
    let mut add = |key: &str, write: &mut dyn FnMut(&mut Vec<u8>)| {
        if record.len() > 1 {
            record.push(b',');
        }
        json::write_string(&mut record, key);
        record.push(b':');
        write(&mut record);
    };
    for (key, value) in json::members(flat) {
        let key = json::unquote(flat.get(key).unwrap_or_default());
        let value = flat.get(value).unwrap_or_default();
        let same = |column: &&Column| column.as_str() == key || is_camel(column.as_str(), &key);
        let Some(column) = Column::ALL.iter().find(same) else { continue };
        if value.first() == Some(&b'n') {
            continue;
        }
        match column {
            Column::Raw => {
                let raw = json::unquote(value);
                if raw.starts_with('{') && json::is_value(raw.as_bytes(), json::MAX_DEPTH) {
                    return raw.into_owned().into_bytes();
                }
            }
            Column::Extra => {
                let text = json::unquote(value);
                let members = if value.first() == Some(&b'"') { text.as_bytes() } else { value };
                for (key, value) in json::members(members) {
                    let key = json::unquote(members.get(key).unwrap_or_default());
                    let value = members.get(value).unwrap_or_default();
                    add(&key, &mut |record| record.extend_from_slice(value));
                }
            }
            Column::TargetMembers => add("eventTarget", &mut |record| {
                record.extend_from_slice(b"{\"targetMembers\":");
                write_members(record, value);
                record.push(b'}');
            }),
            Column::EventName
            | Column::Service
            | Column::Resource
            | Column::Verb
            | Column::Kind
            | Column::Phase
                if no_id =>
            {
                add(&key, &mut |record| record.extend_from_slice(value));
            }
            Column::Outcome | Column::ResultCode | Column::ResultMessage if no_response => {
                add(&key, &mut |record| record.extend_from_slice(value));
            }
            column => {
                let field = Field::ALL.iter().find(|field| field.as_str() == column.as_str());
                if let Some(field) = field {
                    add(field.wire_name(), &mut |record| record.extend_from_slice(value));
                }
            }
        }
    }
    record.push(b'}');
    record
}

/// Writes the members of an event's target in the form of a record.
fn write_members(record: &mut Vec<u8>, members: &[u8]) {
    if members.first() != Some(&b'[') {
        record.extend_from_slice(members);
        return;
    }
    record.push(b'[');
    for (index, member) in json::elements(members).enumerate() {
        if index > 0 {
            record.push(b',');
        }
        let member = members.get(member).unwrap_or_default();
        if member.first() != Some(&b'{') {
            record.extend_from_slice(member);
            continue;
        }
        record.push(b'{');
        let mut first = true;
        for (key, value) in json::members(member) {
            let value = member.get(value).unwrap_or_default();
            if value.first() == Some(&b'n') {
                continue;
            }
            let key = json::unquote(member.get(key).unwrap_or_default());
            if !std::mem::take(&mut first) {
                record.push(b',');
            }
            let key = match &*key {
                "id_no" => "idNo",
                "user_code" => "userCode",
                "email_address" => "emailAddress",
                key => key,
            };
            json::write_string(record, key);
            record.push(b':');
            record.extend_from_slice(value);
        }
        record.push(b'}');
    }
    record.push(b']');
}

/// Whether `camel` is a snake_case name in camelCase.
fn is_camel(snake: &str, camel: &str) -> bool {
    let mut after_underscore = false;
    let letters = snake.chars().filter_map(|letter| {
        let upper = std::mem::replace(&mut after_underscore, letter == '_');
        match letter {
            '_' => None,
            letter if upper => Some(letter.to_ascii_uppercase()),
            letter => Some(letter),
        }
    });
    letters.eq(camel.chars())
}

fn keys(object: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    json::members(object).map(|(key, _)| json::unquote(object.get(key).unwrap_or_default()))
}

/// What a valid object without records looks like.
pub(in crate::reader) fn describe(object: &[u8]) -> String {
    let has = |name: &str| memmem::find(object, format!("\"{name}\"").as_bytes()).is_some();
    let keys: Vec<_> = keys(object).take(64).collect();
    let any = |names: &[&str]| names.iter().any(|name| keys.iter().any(|key| key == name));
    let known = if keys.is_empty() {
        "an empty JSON object"
    } else if has("eventName") && (has("awsRegion") || has("eventVersion")) {
        "a log of AWS CloudTrail"
    } else if has("protoPayload") {
        "an audit log of Google Cloud"
    } else if has("operationName") && has("resourceId") {
        "an activity log of Azure"
    } else if has("auditID") {
        "an audit log of Kubernetes"
    } else if any(&["dependencies", "devDependencies"]) || (any(&["name"]) && any(&["scripts"])) {
        "a package.json"
    } else if any(&["class_uid"]) {
        "OCSF events"
    } else if any(&["level", "severity", "lvl", "levelname", "loglevel"])
        && any(&["msg", "message", "event", "text"])
    {
        "an application log"
    } else {
        let names: Vec<String> =
            keys.iter().take(5).map(|key| format!("`{}`", short(key))).collect();
        return format!("JSON without any field of a record; its keys are {}", names.join(", "));
    };
    known.to_owned()
}

/// The beginning of a key, made safe to be shown.
fn short(key: &str) -> String {
    let short: String = key.chars().take(40).collect();
    crate::error::printable(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flat_form_is_told_from_records_and_others() {
        for (object, expected) in [
            (r#"{"event_time":null,"event_id":"a","service":"x"}"#, Form::Flat),
            (r#"{"event_id":"a"}"#, Form::Flat),
            (r#"{"event_id":"a","mine":1}"#, Form::Record),
            (r#"{"user_id":"a","region":"b"}"#, Form::Record),
            (r#"{"eventId":"a","eventName":"b","known":true}"#, Form::Record),
            (r#"{"eventVersion":"1","eventName":"b","eventTime":"c"}"#, Form::Aws),
        ] {
            assert_eq!(form(object.as_bytes()), expected, "{object}");
        }
        let mut camel = String::from("{");
        for column in Column::standard() {
            camel += if camel.len() > 1 { ",\"" } else { "\"" };
            let mut upper = false;
            for letter in column.as_str().chars() {
                match letter {
                    '_' => upper = true,
                    _ if std::mem::take(&mut upper) => camel.push(letter.to_ascii_uppercase()),
                    _ => camel.push(letter),
                }
            }
            camel += "\":null";
        }
        assert_eq!(form((camel.clone() + "}").as_bytes()), Form::Flat);
        assert_eq!(form((camel + ",\"mine\":1}").as_bytes()), Form::Record);
    }

    #[test]
    fn a_flat_event_becomes_its_record() {
        for (flat, record) in [
            (
                r#"{"event_time":"2026-10-31T00:00:00.000Z","event_id":"a","service":"x","user_name":null,"extra":{"shard":7}}"#,
                r#"{"eventTime":"2026-10-31T00:00:00.000Z","eventId":"a","shard":7}"#,
            ),
            (
                r#"{"event_id":"a","extra":"{\"shard\":1.50}","target_members":[{"id_no":"1","name":null}]}"#,
                r#"{"eventId":"a","shard":1.50,"eventTarget":{"targetMembers":[{"idNo":"1"}]}}"#,
            ),
            (
                r#"{"event_id":"a","kind":"read","outcome":"failure","result_code":"-7"}"#,
                r#"{"eventId":"a","outcome":"failure","result_code":"-7"}"#,
            ),
            (r#"{"event_time":"x","verb":"y"}"#, r#"{"eventTime":"x","verb":"y"}"#),
            (r#"{"event_id":"a","raw":"{ \"eventId\" : \"b\" }"}"#, r#"{ "eventId" : "b" }"#),
        ] {
            assert_eq!(String::from_utf8(to_record(flat.as_bytes())).unwrap(), record);
        }
    }
}
