//! Typed events from a log in memory, one thread. The peers get their lines found by memchr, which
//! is as good as nothing.

use std::fs;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};
use nhn_cloudtrail::Reader;

use crate::wire::{Answer, Record, Text};
use crate::{Outcome, Result, measure};

/// What was seen of the events.
#[derive(Default)]
struct Found {
    rows: u64,
    check: u64,
}

impl Found {
    fn touch(&mut self, id: Option<&str>) {
        self.rows += 1;
        self.check += id.map_or(0, str::len) as u64;
    }
}

fn look(Found { rows, check }: Found) -> Result<Outcome> {
    Ok(Outcome { rows, check: Some(check), ..Outcome::default() })
}

/// Ours, on any shape: nobody says which.
pub(crate) fn ours(file: &str) -> Result<Outcome> {
    let bytes = fs::read(file)?;
    let read = || {
        let mut found = Found::default();
        for event in Reader::from_bytes(bytes)? {
            found.touch(event?.event_id().as_deref());
        }
        Ok(found)
    };
    measure(read, look)
}

pub(crate) fn serde_json_owned(file: &str) -> Result<Outcome> {
    each_line(file, |line, found| {
        found.touch(serde_json::from_slice::<Record<String>>(line)?.event_id.as_deref());
        Ok(())
    })
}

pub(crate) fn serde_json_borrowed(file: &str) -> Result<Outcome> {
    each_line(file, |line, found| {
        found.touch(id(&serde_json::from_slice(line)?));
        Ok(())
    })
}

pub(crate) fn sonic_owned(file: &str) -> Result<Outcome> {
    each_line(file, |line, found| {
        found.touch(sonic_rs::from_slice::<Record<String>>(line)?.event_id.as_deref());
        Ok(())
    })
}

pub(crate) fn sonic_borrowed(file: &str) -> Result<Outcome> {
    each_line(file, |line, found| {
        found.touch(id(&sonic_rs::from_slice(line)?));
        Ok(())
    })
}

/// It writes over its input, and takes buffers to use again.
pub(crate) fn simd_json_owned(file: &str) -> Result<Outcome> {
    let mut bytes = fs::read(file)?;
    let read = || {
        let mut found = Found::default();
        let mut buffers = simd_json::Buffers::default();
        let mut rest = bytes.as_mut_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at_mut(end + 1);
            rest = after;
            let record: Record<String> =
                simd_json::serde::from_slice_with_buffers(line, &mut buffers)?;
            found.touch(record.event_id.as_deref());
        }
        Ok(found)
    };
    measure(read, look)
}

pub(crate) fn serde_json_answers(file: &str) -> Result<Outcome> {
    each_line(file, |line, found| {
        let answer: Answer<String> = serde_json::from_slice(line)?;
        answer.page.content.iter().for_each(|record| found.touch(record.event_id.as_deref()));
        Ok(())
    })
}

pub(crate) fn sonic_answers(file: &str) -> Result<Outcome> {
    each_line(file, |line, found| {
        let answer: Answer<Text<'_>> = sonic_rs::from_slice(line)?;
        answer.page.content.iter().for_each(|record| found.touch(id(record)));
        Ok(())
    })
}

/// To batches of Arrow columns, all text but the members.
pub(crate) fn arrow_json(file: &str) -> Result<Outcome> {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let members = DataType::Struct(
        ["idNo", "name", "userCode", "emailAddress"].into_iter().map(text).collect(),
    );
    let list = DataType::List(Arc::new(Field::new("item", members, true)));
    let target = DataType::Struct(Fields::from(vec![Field::new("targetMembers", list, true)]));
    let mut fields: Vec<Field> = [
        "eventTime",
        "eventId",
        "eventSourceType",
        "userIdNo",
        "userId",
        "userName",
        "userIp",
        "userAgent",
        "productId",
        "region",
        "orgId",
        "projectId",
        "projectName",
        "appKey",
        "tenantId",
        "eventLogUuid",
        "request",
        "response",
    ]
    .into_iter()
    .map(text)
    .collect();
    fields.push(Field::new("eventTarget", target, true));
    let schema = Arc::new(Schema::new(fields));
    let bytes = fs::read(file)?;
    let read = || {
        let mut rows = 0;
        let builder = arrow_json::ReaderBuilder::new(schema).with_batch_size(8192);
        for batch in builder.build(bytes.as_slice())? {
            rows += batch?.num_rows() as u64;
        }
        Ok(rows)
    };
    measure(read, |rows| Ok(Outcome { rows, ..Outcome::default() }))
}

fn id<'a>(record: &'a Record<Text<'_>>) -> Option<&'a str> {
    record.event_id.as_ref().map(|id| &*id.0)
}

fn each_line(
    file: &str,
    mut parse: impl FnMut(&[u8], &mut Found) -> Result<()>,
) -> Result<Outcome> {
    let bytes = fs::read(file)?;
    let read = || {
        let mut found = Found::default();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &bytes) {
            parse(&bytes[start..end], &mut found)?;
            start = end + 1;
        }
        Ok(found)
    };
    measure(read, look)
}
