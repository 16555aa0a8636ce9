//! Events that were read together, which cross into JavaScript as one.

use napi::bindgen_prelude::*;
use napi::JsString;
use napi_derive::napi;
use nhn_cloudtrail::{Event as CoreEvent, Field};

use crate::errors::run;
use crate::strings;
use crate::values::{Member, Place, Pair};

/// Events that were read together. An event of JavaScript is one of these and an index.
#[napi(custom_finalize)]
pub struct Batch {
    events: Vec<CoreEvent>,
    /// How many bytes their records have, which the garbage collector cannot see by itself.
    bytes: i64,
}

impl Batch {
    pub(crate) fn new(env: &Env, events: Vec<CoreEvent>) -> Result<Self> {
        let bytes = events.iter().map(|event| event.raw().len()).sum::<usize>() as i64;
        env.adjust_external_memory(bytes)?;
        Ok(Self { events, bytes })
    }

    pub(crate) fn events(&self) -> &[CoreEvent] {
        &self.events
    }

    pub(crate) fn event(&self, index: u32) -> Result<&CoreEvent> {
        self.events.get(index as usize).ok_or_else(|| Error::from_reason("no such event"))
    }
}

impl ObjectFinalize for Batch {
    fn finalize(self, env: Env) -> Result<()> {
        env.adjust_external_memory(-self.bytes).map(drop)
    }
}

/// The field of an index.
pub(crate) fn field(index: u32) -> Result<Field> {
    let field = Field::ALL.get(index as usize).copied();
    field.ok_or_else(|| Error::from_reason("no such field"))
}

#[napi]
impl Batch {
    #[napi(getter)]
    pub fn length(&self) -> u32 {
        self.events.len() as u32
    }

    /// A field's text; null where there is none.
    #[napi]
    pub fn text<'env>(
        &self,
        env: &'env Env,
        index: u32,
        field: u32,
    ) -> Result<Option<JsString<'env>>> {
        strings::string(env, self.event(index)?.raw_text(self::field(field)?))
    }

    /// Writes when the events happened, as milliseconds; NaN where that cannot be read.
    #[napi]
    pub fn times(&self, out: &mut [f64]) {
        for (event, out) in self.events.iter().zip(out) {
            *out = event.event_time().map_or(f64::NAN, |time| time.as_millis() as f64);
        }
    }

    /// The record, byte for byte.
    #[napi]
    pub fn raw<'env>(&self, env: &'env Env, index: u32) -> Result<BufferSlice<'env>> {
        BufferSlice::copy_from(env, self.event(index)?.raw())
    }

    #[napi]
    pub fn position(&self, index: u32) -> Result<Place> {
        Ok(Place::new(&self.event(index)?.position()))
    }

    #[napi]
    pub fn key(&self, env: &Env, index: u32) -> Result<String> {
        let event = self.event(index)?;
        run(env, || Ok(event.key()))
    }

    #[napi]
    pub fn problems(&self, env: &Env, index: u32) -> Result<Vec<String>> {
        let event = self.event(index)?;
        run(env, || Ok(event.problems().into_iter().map(String::from).collect()))
    }

    /// Fields that nobody has told this library of, with their JSON.
    #[napi]
    pub fn extra(&self, env: &Env, index: u32) -> Result<Vec<Pair>> {
        let event = self.event(index)?;
        if !event.has_extra() {
            return Ok(Vec::new());
        }
        let pair = |(key, json): (std::borrow::Cow<'_, str>, &str)| Pair {
            key: key.into_owned(),
            json: json.to_owned(),
        };
        run(env, || Ok(event.extra().map(pair).collect()))
    }

    /// What stands in no column of the table, as a JSON object.
    #[napi]
    pub fn extra_json(&self, env: &Env, index: u32) -> Result<Option<String>> {
        let event = self.event(index)?;
        run(env, || Ok(event.extra_json()))
    }

    #[napi]
    pub fn target_members(&self, env: &Env, index: u32) -> Result<Option<Vec<Member>>> {
        let event = self.event(index)?;
        let members = run(env, || Ok(event.target_members()))?;
        Ok(members.map(|members| members.into_iter().map(Member::new).collect()))
    }

    #[napi]
    pub fn is_same(&self, index: u32, other: &Batch, at: u32) -> Result<bool> {
        Ok(self.event(index)? == other.event(at)?)
    }

    /// An event with bytes of its own, alone in its batch.
    #[napi]
    pub fn detach(&self, env: &Env, index: u32) -> Result<Batch> {
        Batch::new(env, vec![self.event(index)?.detach()])
    }
}
