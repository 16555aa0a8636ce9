//! Records that were read together, as they cross into JavaScript: their bytes, and the spans of their
//! fields. JavaScript owns both, so that its garbage collector knows of them, and hands them back for
//! what it wants of them. All that comes back is looked at anew.

use napi::JsString;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::{Event as CoreEvent, Field, Position, RawText, Timestamp};

use crate::errors::{run, thrown};
use crate::strings;
use crate::values::{Member, Pair};

/// How many spans a record has: one for each field, then its own.
const SPANS: usize = Field::ALL.len() + 1;

/// How much memory is kept for the next records.
const KEPT: usize = 4 << 20;

/// How a span's text is to be read, in the two highest bits of its length.
const SHAPE: u32 = 30;
const ABSENT: u32 = 0;
const PLAIN: u32 = 1;
const ESCAPED: u32 = 2;
const JSON: u32 = 3;

/// The same bits of a record's own span.
const HAS_EXTRA: u32 = 1;
const UNRECOGNIZED: u32 = 2;

/// Records, as they are read.
#[derive(Default)]
pub(crate) struct Packed {
    /// The address and the length of the input, where JavaScript has it and the records stand in it.
    input: Option<(usize, usize)>,
    /// The records one after the other, where they do not.
    bytes: Vec<u8>,
    /// How many bytes all records have.
    size: usize,
    /// Of each record `SPANS` times where and how long. The shape of a record's own span says whether
    /// there may be more to it than its fields, and whether it is recognized.
    spans: Vec<u32>,
    /// Of each record its number, line and byte.
    places: Vec<f64>,
    /// From which record on they are of which source.
    sources: Vec<(u32, Option<String>)>,
    last: Option<Position>,
}

impl Packed {
    /// Records that may stand in `input`.
    pub(crate) fn of(input: &[u8]) -> Self {
        Self { input: Some((input.as_ptr() as usize, input.len())), ..Self::default() }
    }

    /// The same without records, and with its memory.
    pub(crate) fn cleared(mut self) -> Self {
        self.bytes.clear();
        self.spans.clear();
        // A large record is no reason to keep so much for ever.
        self.bytes.shrink_to(KEPT);
        self.spans.shrink_to(KEPT);
        self.places.clear();
        self.sources.clear();
        (self.size, self.last) = (0, None);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len() / (2 * SPANS)
    }

    /// How many bytes all records have.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Where a record begins in the input, if it does.
    fn in_input(&self, raw: &[u8]) -> Option<usize> {
        let (address, length) = self.input?;
        let at = (raw.as_ptr() as usize).wrapping_sub(address);
        (at < length).then_some(at)
    }

    /// Whether the record of an event can be packed with these: all are in the input, or none is.
    pub(crate) fn takes(&self, event: &CoreEvent) -> bool {
        self.is_empty() || self.input.is_none() || self.in_input(event.raw()).is_some()
    }

    /// Where a record stands in the input, or else in what is packed.
    fn place(&mut self, raw: &[u8]) -> usize {
        self.size += raw.len();
        if let Some(at) = self.in_input(raw) {
            return at;
        }
        // It was decompressed, as are all of the input, or made of something in it: from here on
        // records are copied, so that there is one change and not many.
        self.input = None;
        let at = self.bytes.len();
        self.bytes.extend_from_slice(raw);
        at
    }

    /// Packs an event that [`takes`](Self::takes) lets in.
    pub(crate) fn push(&mut self, event: &CoreEvent) {
        let raw = event.raw();
        let base = self.place(raw);
        let mut span = |text: &[u8], shape: u32| {
            let at = (text.as_ptr() as usize).wrapping_sub(raw.as_ptr() as usize);
            self.spans.push(base.wrapping_add(at) as u32);
            self.spans.push(text.len() as u32 | shape << SHAPE);
        };
        for &field in Field::ALL {
            match event.raw_text(field) {
                RawText::Absent => span(raw, ABSENT),
                RawText::Plain(text) => span(text, PLAIN),
                RawText::Escaped(text) => span(text, ESCAPED),
                RawText::Json(text) => span(text, JSON),
            }
        }
        let extra = if event.has_extra() { HAS_EXTRA } else { 0 };
        let unrecognized = if event.is_recognized() { 0 } else { UNRECOGNIZED };
        span(raw, extra | unrecognized);
        let position = event.position();
        self.places.extend([position.record, position.line, position.byte].map(|n| n as f64));
        if self.last.as_ref().is_none_or(|last| last.source != position.source) {
            let from = (self.places.len() / 3 - 1) as u32;
            self.sources.push((from, position.source.as_deref().map(str::to_owned)));
        }
        self.last = Some(position);
    }
}

/// Records, for JavaScript.
#[napi(object, object_from_js = false)]
pub struct Records<'env> {
    /// Absent where the spans are of the input.
    pub bytes: Option<BufferSlice<'env>>,
    pub spans: Uint32ArraySlice<'env>,
    pub places: Float64ArraySlice<'env>,
    pub sources: Vec<Run>,
}

/// From which record on they are of which source.
#[napi(object, object_from_js = false)]
pub struct Run {
    pub from: u32,
    pub source: Option<String>,
}

impl<'env> Records<'env> {
    pub(crate) fn new(env: &'env Env, packed: &Packed) -> Result<Self> {
        let Packed { input, bytes, spans, places, sources, .. } = packed;
        let run =
            |(from, source): &(u32, Option<String>)| Run { from: *from, source: source.clone() };
        Ok(Self {
            bytes: match input {
                Some(_) => None,
                None => Some(BufferSlice::copy_from(env, bytes)?),
            },
            spans: Uint32ArraySlice::copy_from(env, spans)?,
            places: Float64ArraySlice::copy_from(env, places)?,
            sources: sources.iter().map(run).collect(),
        })
    }
}

/// The field of an index.
pub(crate) fn field(index: u32) -> Result<Field> {
    let field = Field::ALL.get(index as usize).copied();
    field.ok_or_else(|| Error::from_reason("no such field"))
}

/// A field of every record.
pub(crate) fn texts<'a>(
    bytes: &'a [u8],
    spans: &'a [u32],
    field: Field,
) -> impl ExactSizeIterator<Item = RawText<'a>> {
    let at = field as usize * 2;
    spans.chunks_exact(SPANS * 2).map(move |spans| match spans.get(at..at + 2) {
        Some(&[from, length]) => text(bytes, from, length),
        _ => RawText::Absent,
    })
}

#[inline]
fn text(bytes: &[u8], from: u32, length: u32) -> RawText<'_> {
    let shape = length >> SHAPE;
    let (from, length) = (from as usize, (length & ((1 << SHAPE) - 1)) as usize);
    match (shape, bytes.get(from..from + length)) {
        (PLAIN, Some(text)) => RawText::Plain(text),
        (ESCAPED, Some(text)) => RawText::Escaped(text),
        (JSON, Some(text)) => RawText::Json(text),
        _ => RawText::Absent,
    }
}

/// A field's text of one record; null where there is none.
#[napi]
pub fn text_at<'env>(
    env: &'env Env,
    bytes: &[u8],
    spans: &[u32],
    field: u32,
    index: u32,
) -> Result<Option<JsString<'env>>> {
    let field = self::field(field)?;
    match texts(bytes, spans, field).nth(index as usize) {
        Some(text) => strings::string(env, text),
        None => Ok(None),
    }
}

/// Strings as the arguments of a function.
pub struct Strings(Vec<napi::sys::napi_value>);

impl JsValuesTupleIntoVec for Strings {
    fn into_vec(self, _env: napi::sys::napi_env) -> Result<Vec<napi::sys::napi_value>> {
        Ok(self.0)
    }
}

/// A field's texts, as what `gather` makes of them, with `none` where there is none: to put each into an
/// array would take as long again as to make it.
#[napi(
    ts_args_type = "bytes: Uint8Array, spans: Uint32Array, field: number, gather: (...texts: (string | null)[]) => (string | null)[], none: null",
    ts_return_type = "(string | null)[]"
)]
pub fn texts_of<'env>(
    env: &'env Env,
    bytes: &[u8],
    spans: &[u32],
    field: u32,
    gather: Function<'env, Strings, Unknown<'env>>,
    none: Unknown<'env>,
) -> Result<Unknown<'env>> {
    let field = self::field(field)?;
    let strings = texts(bytes, spans, field).map(|text| {
        let string = strings::string(env, text)?;
        Ok(string.map_or(none.raw(), |string| string.raw()))
    });
    gather.call(Strings(strings.collect::<Result<_>>()?))
}

/// When the events happened, as milliseconds; NaN where that cannot be read.
#[napi]
pub fn times_of<'env>(
    env: &'env Env,
    bytes: &[u8],
    spans: &[u32],
) -> Result<Float64ArraySlice<'env>> {
    let mut scratch = Vec::new();
    let times = texts(bytes, spans, Field::EventTime).map(|text| {
        let time = match text {
            RawText::Plain(text) => Timestamp::parse_bytes(text),
            text => {
                scratch.clear();
                text.append_to(&mut scratch);
                Timestamp::parse_bytes(&scratch)
            }
        };
        time.map_or(f64::NAN, |time| time.as_millis() as f64)
    });
    Float64ArraySlice::copy_from(env, times.collect::<Vec<_>>())
}

/// Fields by their names, and unknown ones by their keys.
#[napi(object, object_from_js = false)]
pub struct Problems {
    pub fields: Vec<&'static str>,
    pub others: Vec<String>,
}

/// The event of a record, to ask what is seldom asked.
fn event(env: &Env, record: &[u8]) -> Result<CoreEvent> {
    CoreEvent::from_raw(record, Position::default()).map_err(|error| thrown(env, &error))
}

/// What identifies a record.
#[napi]
pub fn key_of(env: &Env, record: &[u8]) -> Result<String> {
    let event = event(env, record)?;
    run(env, || Ok(event.key()))
}

/// The fields of a record whose value is not of the expected form.
#[napi]
pub fn problems_of(env: &Env, record: &[u8]) -> Result<Problems> {
    let event = event(env, record)?;
    run(env, || {
        let (fields, others) = event.problems_apart();
        Ok(Problems {
            fields: fields.into_iter().map(|field| field.as_str()).collect(),
            others: others.into_iter().map(String::from).collect(),
        })
    })
}

/// Fields of a record that nobody has told this library of, with their JSON.
#[napi]
pub fn extra_of(env: &Env, record: &[u8]) -> Result<Vec<Pair>> {
    let event = event(env, record)?;
    run(env, || {
        let extra = event.extra();
        Ok(extra.map(|(key, json)| Pair { key: key.into(), json: json.to_owned() }).collect())
    })
}

/// What stands in no column of the table, as a JSON object.
#[napi]
pub fn extra_json_of(env: &Env, record: &[u8]) -> Result<Option<String>> {
    let event = event(env, record)?;
    run(env, || Ok(event.extra_json()))
}

/// The members that it was done to.
#[napi]
pub fn target_members_of(env: &Env, record: &[u8]) -> Result<Option<Vec<Member>>> {
    let event = event(env, record)?;
    let members = run(env, || Ok(event.target_members()))?;
    Ok(members.map(|members| members.into_iter().map(Member::new).collect()))
}
