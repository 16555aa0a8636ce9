//! A typed view of a record over its own bytes.
//!
//! A batch owns a stretch of input and knows where, in each of its records, every field stands. An
//! [`Event`] is a counted reference to its batch and an index: making one allocates nothing, and a
//! field is decoded when it is asked for, borrowed where its text has no escapes.

mod field;
mod header;
mod scan;
mod time;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::error::{Code, Error, Position, Result};
use crate::json;

pub use field::Field;
pub(crate) use header::{Answers, CallResult, Header};
pub(crate) use scan::{Elements, Lines, Order, Place, Record, Shape, Span};
pub use time::Timestamp;

/// Records with the bytes that they stand in.
///
/// What the [`Reader`](crate::Reader) reads at a time. Cheap to clone, and safe to send to another
/// thread whole.
#[derive(Clone)]
pub struct Batch(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) bytes: Bytes,
    pub(crate) records: Vec<Record>,
    pub(crate) source: Option<Arc<str>>,
    /// Where in the source's text `bytes` begins.
    pub(crate) base: u64,
}

impl Batch {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.0.records.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.records.is_empty()
    }

    /// The event at `index`, in the order of the input.
    pub fn get(&self, index: usize) -> Option<Event> {
        (index < self.len()).then(|| Event { batch: self.clone(), index: index as u32 })
    }

    /// Leaves out the events for which `keep` is false.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Event) -> bool) {
        let kept: Vec<bool> = self.iter().map(|event| keep(&event)).collect();
        // INVARIANT: nobody has another handle on a batch that was just read.
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            let mut kept = kept.into_iter();
            inner.records.retain(|_| kept.next().unwrap_or(true));
        }
    }

    /// How many of its events are not recognized: see [`Event::is_recognized`].
    pub(crate) fn unrecognized(&self) -> u64 {
        self.0.records.iter().filter(|record| !record.recognized).count() as u64
    }

    /// How many bytes its records stand in.
    pub(crate) fn text_len(&self) -> usize {
        self.0.bytes.len()
    }

    /// Shows every event in turn, in the order of the input, without counting references.
    pub fn for_each(&self, mut show: impl FnMut(&Event)) {
        let mut event = Event { batch: self.clone(), index: 0 };
        for index in 0..self.len() {
            event.index = index as u32;
            show(&event);
        }
    }

    /// A field of all events, as it stands in their records; see [`Event::raw_text`].
    #[inline]
    pub fn texts(&self, field: Field) -> impl Iterator<Item = RawText<'_>> {
        let bytes = &self.0.bytes;
        self.0.records.iter().map(move |record| RawText::of(record.field(field), bytes))
    }

    /// All events, in the order of the input.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("source", &self.0.source).field("len", &self.len()).finish()
    }
}

/// One CloudTrail event: a typed view of a record over its own bytes.
///
/// Cloning is cheap. An event keeps the batch that it was read in alive;
/// [`detach`](Event::detach) gives one that does not, for events that are kept while their
/// neighbours are not. Two events are equal when their records are the same bytes.
///
/// ```
/// let events = nhn_cloudtrail::parse(
///     r#"{"eventId":"event_id.iaas.instance.create","userName":"\uAE40","more":1}"#.as_bytes(),
/// )?;
/// let event = &events[0];
/// assert_eq!(event.event_id().as_deref(), Some("event_id.iaas.instance.create"));
/// assert_eq!(event.user_name().as_deref(), Some("김"));
/// assert_eq!(event.region(), None);
/// assert_eq!(event.extra().next(), Some(("more".into(), "1")));
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
#[derive(Clone)]
pub struct Event {
    batch: Batch,
    index: u32,
}

/// A member that an event was done to: an element of `eventTarget.targetMembers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetMember<'a> {
    /// The member's UUID.
    pub id_no: Option<Cow<'a, str>>,
    /// The member's name.
    pub name: Option<Cow<'a, str>>,
    /// The member's code: text, or a whole number as written.
    pub user_code: Option<Cow<'a, str>>,
    /// The member's e-mail address.
    pub email_address: Option<Cow<'a, str>>,
}

/// A field as it stands in its record, for whoever copies text without wanting to look at it.
///
/// The bytes are UTF-8: the reader has checked them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawText<'a> {
    /// There is none, or it is null.
    Absent,
    /// A string without escapes, without its quotes.
    Plain(&'a [u8]),
    /// A string with escapes, without its quotes.
    Escaped(&'a [u8]),
    /// JSON that is no string.
    Json(&'a [u8]),
}

impl<'a> RawText<'a> {
    #[inline(always)]
    fn of(span: Span, bytes: &'a [u8]) -> Self {
        let text = bytes.get(span.range()).unwrap_or_default();
        match span.shape() {
            Shape::Absent => RawText::Absent,
            Shape::Plain => RawText::Plain(text),
            Shape::Escaped => RawText::Escaped(text),
            Shape::Other => RawText::Json(text),
        }
    }

    /// Appends the text that [`Event::text`] gives; false where there is none.
    #[inline]
    pub fn append_to(self, out: &mut Vec<u8>) -> bool {
        match self {
            RawText::Absent => return false,
            RawText::Plain(text) => out.extend_from_slice(text),
            RawText::Escaped(text) => {
                json::decode_into(text, out);
            }
            RawText::Json(text) => out.extend_from_slice(compact(text).as_bytes()),
        }
        true
    }
}

/// A member of a record that is no wire field's.
struct Member<'a> {
    key: Cow<'a, str>,
    value: &'a [u8],
    /// Whether the key holds half a character.
    lone: bool,
    /// Whether no later member has the key.
    last: bool,
}

/// What `eventTarget` holds, and how well.
struct Target<'a> {
    members: Option<Vec<TargetMember<'a>>>,
    /// Whether `members` says all that the value says.
    whole: bool,
    /// Whether something in it is not of the documented form.
    odd: bool,
}

macro_rules! text_fields {
    ($($(#[$doc:meta])* $method:ident = $field:ident;)*) => {
        impl Event {
            $($(#[$doc])* pub fn $method(&self) -> Option<Cow<'_, str>> { self.text(Field::$field) })*
        }
    };
}

text_fields! {
    /// What happened: the key of the catalog, such as `event_id.iaas.instance.create`.
    event_id = EventId;
    /// Through what it was done: `USER_CONSOLE`, `ADMIN_CONSOLE`, `API`.
    event_source_type = EventSourceType;
    /// The UUID of the acting member.
    user_id_no = UserIdNo;
    /// The ID of the acting member, an e-mail address for NHN Cloud members; also read from `UserId`.
    user_id = UserId;
    /// The name of the acting member.
    user_name = UserName;
    /// The address it was done from, as written.
    user_ip = UserIp;
    /// The client it was done with.
    user_agent = UserAgent;
    /// The product that the event belongs to.
    product_id = ProductId;
    /// The region.
    region = Region;
    /// The organization.
    org_id = OrgId;
    /// The project.
    project_id = ProjectId;
    /// The project's name.
    project_name = ProjectName;
    /// The appkey of the service in the project.
    app_key = AppKey;
    /// The tenant.
    tenant_id = TenantId;
    /// The unique key of the record, in records since 2024.
    event_log_uuid = EventLogUuid;
    /// What was asked for: JSON text, or any other.
    request = Request;
    /// What was answered: JSON text, or any other.
    response = Response;
}

impl Event {
    /// The event of one record in hand, which stood at `position`: what [`raw`](Event::raw) and
    /// [`position`](Event::position) gave makes the same event again.
    ///
    /// # Errors
    ///
    /// `INVALID_JSON` or `INVALID_UTF8` where `raw` is not one JSON object and nothing else;
    /// `RECORD_TOO_LARGE` and `RECORD_TOO_DEEP` beyond what [`Limits`](crate::Limits) can be set to.
    pub fn from_raw(raw: impl Into<Vec<u8>>, position: Position) -> Result<Event> {
        let raw = raw.into();
        let scanned = if raw.len() > Span::MAX {
            Err((Code::RecordTooLarge, "the record is larger than any limit"))
        } else {
            Record::whole(&raw, 0, raw.len(), json::MAX_DEPTH)
        };
        let Position { source, record: number, line, byte } = position;
        match scanned {
            Ok(record) => {
                let records = vec![Record { number, line, ..record }];
                let inner = Inner { bytes: raw.into(), records, source, base: byte };
                Ok(Event { batch: Batch::new(inner), index: 0 })
            }
            Err((code, message)) => {
                let position = Position { source, record: number, line, byte };
                Err(Error::new(code, message).at(position))
            }
        }
    }

    fn record(&self) -> &Record {
        static NONE: Record = Record::EMPTY;
        // INVARIANT: an event is made for a record that its batch has.
        self.batch.0.records.get(self.index as usize).unwrap_or(&NONE)
    }

    fn bytes(&self, span: Span) -> &[u8] {
        self.batch.0.bytes.get(span.range()).unwrap_or_default()
    }

    /// The text of a string without escapes.
    #[expect(unsafe_code, reason = "to look at each text again took a tenth of reading all fields")]
    fn str(&self, span: Span) -> &str {
        let bytes = self.bytes(span);
        debug_assert!(std::str::from_utf8(bytes).is_ok(), "{}", bytes.escape_ascii());
        // INVARIANT: a batch is made only of records that have been found to be UTF-8.
        // SAFETY: the span of a string lies in such a record, between two quotes.
        unsafe { std::str::from_utf8_unchecked(bytes) }
    }

    /// The record as it came, byte for byte.
    pub fn raw(&self) -> &[u8] {
        let record = self.record();
        let range = record.start as usize..record.end as usize;
        self.batch.0.bytes.get(range).unwrap_or_default()
    }

    /// Where the record came from.
    pub fn position(&self) -> Position {
        let record = self.record();
        Position {
            source: self.batch.0.source.clone(),
            record: record.number,
            line: record.line,
            byte: self.batch.0.base + u64::from(record.start),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.record().number
    }

    /// The same event with bytes of its own, so that it does not keep its batch alive.
    pub fn detach(&self) -> Event {
        let record = self.record();
        let by = record.start as usize;
        Event {
            batch: Batch::new(Inner {
                bytes: Bytes::copy_from_slice(self.raw()),
                records: vec![record.moved(by)],
                source: self.batch.0.source.clone(),
                base: self.batch.0.base + by as u64,
            }),
            index: 0,
        }
    }

    /// A field as text: a string's text, any other value as compact JSON; none where the field is
    /// absent or null.
    ///
    /// For [`Field::TargetMembers`] this is the whole of `eventTarget`.
    pub fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        self.span_text(self.record().field(field))
    }

    /// A field as it stands in the record; see [`text`](Self::text).
    #[inline]
    pub fn raw_text(&self, field: Field) -> RawText<'_> {
        RawText::of(self.record().field(field), &self.batch.0.bytes)
    }

    /// Whether there may be a member that is no wire field's; where not, [`extra`](Self::extra) is
    /// empty.
    #[inline]
    pub fn has_extra(&self) -> bool {
        self.record().has_extra()
    }

    /// Whether the record has any wire field and is not one of another system, such as AWS
    /// CloudTrail, whose records share the names of some fields.
    #[inline]
    pub fn is_recognized(&self) -> bool {
        self.record().recognized
    }

    fn span_text(&self, span: Span) -> Option<Cow<'_, str>> {
        match span.shape() {
            Shape::Absent => None,
            Shape::Plain => Some(self.str(span).into()),
            Shape::Escaped => Some(json::decode(self.bytes(span)).0),
            Shape::Other => Some(compact(self.bytes(span))),
        }
    }

    /// When it happened; none where the time is absent or cannot be read, which
    /// [`problems`](Event::problems) then names.
    pub fn event_time(&self) -> Option<Timestamp> {
        match self.raw_text(Field::EventTime) {
            RawText::Plain(text) => Timestamp::parse_bytes(text),
            _ => Timestamp::parse(&self.text(Field::EventTime)?),
        }
    }

    /// The members that it was done to; none where the record names none.
    pub fn target_members(&self) -> Option<Vec<TargetMember<'_>>> {
        self.target()?.members
    }

    fn target(&self) -> Option<Target<'_>> {
        let span = self.record().field(Field::TargetMembers);
        if span.shape() == Shape::Absent {
            return None;
        }
        let text = self.bytes(span);
        if span.shape() != Shape::Other || text.first() != Some(&b'{') {
            return Some(Target { members: None, whole: false, odd: true });
        }
        Some(Target::read(text))
    }

    /// The request, decoded from its JSON text; none where there is none.
    ///
    /// # Errors
    ///
    /// `INVALID_JSON` where the text is not JSON of the form that `T` wants. Requests may be any
    /// text, so this is data of the record, not a fault of it.
    pub fn request_json<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>> {
        self.decode_json(Field::Request)
    }

    /// The response, decoded from its JSON text; none where there is none.
    ///
    /// # Errors
    ///
    /// As [`request_json`](Event::request_json).
    pub fn response_json<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>> {
        self.decode_json(Field::Response)
    }

    fn decode_json<T: serde::de::DeserializeOwned>(&self, field: Field) -> Result<Option<T>> {
        let Some(text) = self.text(field) else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Error::new(Code::InvalidJson, "not JSON of the wanted form")
                .at(self.position())
                .in_field(field.wire_name())
                .caused_by(error)
        })
    }

    /// The fields that nobody has told this library of: key, and value as JSON text as written.
    ///
    /// Of a repeated key the last counts. `UserId` is among them where `userId` is there too.
    pub fn extra(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        self.unknown_members()
            .into_iter()
            .filter(|member| member.last)
            .map(|member| (member.key, std::str::from_utf8(member.value).unwrap_or_default()))
    }

    fn unknown_members(&self) -> Vec<Member<'_>> {
        let record = self.record();
        if !record.has_extra() {
            return Vec::new();
        }
        let raw = self.raw();
        let mut members: Vec<Member<'_>> = json::members(raw)
            .filter_map(|(key, value)| {
                let key = raw.get(key.start + 1..key.end - 1)?;
                let (key, lone) = json::decode(key);
                record.is_extra(key.as_bytes()).then(|| Member {
                    key,
                    value: raw.get(value).unwrap_or_default(),
                    lone,
                    last: false,
                })
            })
            .collect();
        let mut seen = HashSet::new();
        let last: Vec<bool> =
            members.iter().rev().map(|member| seen.insert(&*member.key)).collect();
        for (member, last) in members.iter_mut().zip(last.into_iter().rev()) {
            member.last = last;
        }
        members
    }

    /// The JSON text of a value, quotes included.
    fn json_text(&self, span: Span) -> &[u8] {
        let mut range = span.range();
        if matches!(span.shape(), Shape::Plain | Shape::Escaped) {
            range = range.start.saturating_sub(1)..range.end + 1;
        }
        self.batch.0.bytes.get(range).unwrap_or_default()
    }

    /// What stands in no column of the table, as one JSON object; none where nothing does.
    ///
    /// These are the unknown fields, and under their wire names the values that their own column
    /// cannot hold, such as a time that cannot be read.
    pub fn extra_json(&self) -> Option<String> {
        self.typed().2
    }

    /// What the columns of the time, the members and `extra` hold: what the first two cannot hold,
    /// the last one does.
    #[doc(hidden)]
    pub fn typed(&self) -> (Option<Timestamp>, Option<Vec<TargetMember<'_>>>, Option<String>) {
        let (time, target) = (self.event_time(), self.target());
        let untimely = time.is_none() && self.record().field(Field::EventTime) != Span::NONE;
        let (members, whole) = match target {
            Some(target) => (target.members, target.whole),
            None => (None, true),
        };
        let extra = (untimely || !whole || self.has_extra()).then(|| self.extra_of(whole));
        (time, members, extra.flatten())
    }

    fn extra_of(&self, whole: bool) -> Option<String> {
        let mut out = Vec::new();
        let mut member = |key: &str, value: &[u8]| {
            out.push(if out.is_empty() { b'{' } else { b',' });
            json::write_string(&mut out, key);
            out.push(b':');
            json::write_compact(&mut out, value);
        };
        for (key, value) in self.extra() {
            member(&key, value.as_bytes());
        }
        let time = self.record().field(Field::EventTime);
        if time.shape() != Shape::Absent && self.event_time().is_none() {
            member(Field::EventTime.wire_name(), self.json_text(time));
        }
        if !whole {
            let target = self.record().field(Field::TargetMembers);
            member(Field::TargetMembers.wire_name(), self.json_text(target));
        }
        if out.is_empty() {
            return None;
        }
        out.push(b'}');
        Some(String::from_utf8_lossy(&out).into_owned())
    }

    /// The names of the fields whose value was not of the expected form: a time or an address that
    /// cannot be read, a value that is no string, a repeated key, half a character.
    ///
    /// Nothing is lost by a problem: the text of the field is kept. Known fields go by the names of
    /// [`Field::as_str`], unknown ones by their key.
    pub fn problems(&self) -> Vec<Cow<'_, str>> {
        let (fields, others) = self.problems_apart();
        let is_field = |key: &str| fields.iter().any(|field| field.as_str() == key);
        let others = others.into_iter().filter(|key| !is_field(key));
        fields.iter().map(|field| field.as_str().into()).chain(others).collect()
    }

    /// The same with known fields apart from the keys of unknown ones.
    #[doc(hidden)]
    pub fn problems_apart(&self) -> (Vec<Field>, Vec<Cow<'_, str>>) {
        let record = self.record();
        let (mut fields, mut others) = (Vec::new(), Vec::new());
        for &field in Field::ALL {
            let span = record.field(field);
            let odd = match (field, span.shape()) {
                (_, Shape::Absent) => false,
                (Field::TargetMembers, _) => self.target().is_some_and(|target| target.odd),
                (Field::EventTime, Shape::Other) => self.event_time().is_none(),
                (_, Shape::Other) => true,
                (Field::EventTime, _) => self.event_time().is_none(),
                (Field::UserIp, _) => {
                    self.text(field).is_some_and(|text| text.parse::<IpAddr>().is_err())
                }
                _ => false,
            };
            if odd
                || record.is_repeated(field)
                || (span.shape() == Shape::Escaped && json::has_lone_surrogate(self.bytes(span)))
            {
                fields.push(field);
            }
        }
        let mut named = HashSet::new();
        for member in self.unknown_members() {
            let odd = !member.last || member.lone || json::has_lone_surrogate(member.value);
            if odd && named.insert(member.key.clone()) {
                others.push(member.key);
            }
        }
        (fields, others)
    }

    /// What identifies the record: `event_log_uuid`, else the SHA-256 of its canonical content in
    /// hexadecimal.
    ///
    /// Canonical content is the record as JSON with keys sorted by their bytes, no white space,
    /// strings with the fewest escapes, numbers as written, and the last of repeated keys, so that
    /// two spellings of one record have one key.
    pub fn key(&self) -> String {
        match self.event_log_uuid() {
            Some(uuid) if !uuid.is_empty() => uuid.into_owned(),
            _ => self.content_hash().iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// The SHA-256 of the canonical content.
    #[doc(hidden)]
    pub fn content_hash(&self) -> [u8; 32] {
        let mut canonical = Vec::with_capacity(self.raw().len());
        json::write_canonical(&mut canonical, self.raw());
        Sha256::digest(&canonical).into()
    }

    /// What deduplication compares: a hash of the key, and one of the content.
    pub(crate) fn identity(&self) -> (u64, u64) {
        let half = |hash: &[u8; 32]| {
            hash.first_chunk().map_or(0, |bytes: &[u8; 8]| u64::from_le_bytes(*bytes))
        };
        let content = self.content_hash();
        let key = match self.event_log_uuid() {
            Some(uuid) if !uuid.is_empty() => Sha256::digest(uuid.as_bytes()).into(),
            _ => content,
        };
        (half(&key), half(&content))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}

impl Eq for Event {}

impl std::hash::Hash for Event {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.raw().hash(state);
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Event");
        for &field in Field::ALL {
            if let Some(text) = self.text(field) {
                debug.field(field.as_str(), &text);
            }
        }
        debug.finish_non_exhaustive()
    }
}

/// `text`, valid JSON, without the white space outside its strings.
fn compact(text: &[u8]) -> Cow<'_, str> {
    let scalar = !matches!(text.first(), Some(b'{' | b'['));
    if scalar && text.first() != Some(&b'"') {
        return json::str(text);
    }
    let mut out = Vec::with_capacity(text.len());
    json::write_compact(&mut out, text);
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

impl<'a> Target<'a> {
    /// Reads a valid object.
    fn read(text: &'a [u8]) -> Self {
        let mut target = Target { members: None, whole: true, odd: false };
        let mut count = 0;
        for (key, value) in json::members(text) {
            count += 1;
            let value = text.get(value).unwrap_or_default();
            if &*json::unquote(text.get(key).unwrap_or_default()) != "targetMembers" {
                target.whole = false;
                continue;
            }
            match value.first() {
                Some(b'[') => target.read_members(value),
                Some(b'n') => target.members = None,
                _ => (target.whole, target.odd) = (false, true),
            }
        }
        // An object without members says something that no column can say.
        target.whole &= count == 1 && target.members.is_some();
        target.odd |= count > 1 && target.members.is_some() && !target.whole && repeated(text);
        target
    }

    fn read_members(&mut self, text: &'a [u8]) {
        let mut members = Vec::new();
        for element in json::elements(text) {
            let element = text.get(element).unwrap_or_default();
            let mut member = TargetMember::default();
            if element.first() != Some(&b'{') {
                (self.whole, self.odd) = (false, true);
                if element.first() != Some(&b'n') {
                    continue;
                }
            }
            let (mut seen, mut others) = (0, false);
            for (key, value) in json::members(element) {
                let key = json::unquote(element.get(key).unwrap_or_default());
                let value = element.get(value).unwrap_or_default();
                let (bit, slot) = match &*key {
                    "idNo" => (1, &mut member.id_no),
                    "name" => (2, &mut member.name),
                    "userCode" => (4, &mut member.user_code),
                    "emailAddress" => (8, &mut member.email_address),
                    _ => {
                        (self.whole, others) = (false, true);
                        continue;
                    }
                };
                self.odd |= seen & bit != 0;
                seen |= bit;
                if slot.is_some() {
                    self.whole = false;
                }
                let lone = json::has_lone_surrogate(value);
                *slot = match value.first() {
                    Some(b'"') => Some(json::unquote(value)),
                    Some(b'n') => None,
                    _ => Some(compact(value)),
                };
                let number = matches!(value.first(), Some(b'-' | b'0'..=b'9'));
                // Half a character is in the column as it is read, so the column says it all.
                self.odd |= lone;
                let expected = match value.first() {
                    Some(b'"' | b'n') => true,
                    _ => &*key == "userCode" && number,
                };
                if !expected {
                    (self.whole, self.odd) = (false, true);
                }
            }
            self.odd |= others && repeated(element);
            members.push(member);
        }
        self.members = Some(members);
    }
}

/// Whether a valid object has a key more than once.
fn repeated(object: &[u8]) -> bool {
    let mut seen = HashSet::new();
    json::members(object)
        .any(|(key, _)| !seen.insert(json::unquote(object.get(key).unwrap_or_default())))
}
