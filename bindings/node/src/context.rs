//! What events have in common: texts that repeat, what the catalog says of their IDs, and how their
//! responses say that the call went. Each is made for JavaScript once, and has a number.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use napi::JsString;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::catalog::{Catalog as CoreCatalog, Lang};
use nhn_cloudtrail::{Field, Outcome, RawText, Recent, Responses};

use crate::catalog::Catalog;
use crate::errors::run;
use crate::values::Action;
use crate::{records, strings};

/// The number of a text that there is not.
const ABSENT: u32 = 0;
/// The number of a text that is too long to be remembered.
const LONG: u32 = 1;
/// The first number of a text.
const FIRST: usize = 2;
/// How long the texts are that are remembered.
const LONGEST: usize = 256;

/// Texts, each with a number.
#[derive(Default)]
struct Numbers {
    all: HashMap<Box<[u8]>, u32, RandomState>,
    recent: Recent<u32>,
}

/// What the catalog says of an ID.
#[napi(object, object_from_js = false)]
pub struct Meaning {
    pub known: bool,
    /// In the order of the languages ko, en, ja.
    pub names: Option<Vec<String>>,
    pub service: Option<String>,
    pub resource: Option<String>,
    pub action: Option<Action>,
}

/// How the call went.
#[napi(object, object_from_js = false)]
pub struct Header {
    pub outcome: &'static str,
    pub result_code: Option<String>,
    pub result_message: Option<String>,
}

/// The numbers of events' texts, and the texts whose numbers are new, in their order.
#[napi(object, object_from_js = false)]
pub struct Texts<'env> {
    pub numbers: Uint32ArraySlice<'env>,
    pub fresh: Vec<JsString<'env>>,
}

#[napi(object, object_from_js = false)]
pub struct Meanings<'env> {
    pub numbers: Uint32ArraySlice<'env>,
    pub fresh: Vec<Meaning>,
}

#[napi(object, object_from_js = false)]
pub struct Headers<'env> {
    pub numbers: Uint32ArraySlice<'env>,
    pub fresh: Vec<Header>,
}

type Said = (Outcome, Option<Box<str>>, Option<Box<str>>);

#[napi]
pub struct Context {
    catalog: CoreCatalog,
    texts: Numbers,
    ids: Numbers,
    headers: HashMap<Said, u32, RandomState>,
    responses: Responses<u32>,
    /// The same for events whose IDs say that they failed.
    failures: Responses<u32>,
    /// Which IDs these are.
    failed: Recent<bool>,
    scratch: Vec<u8>,
}

#[napi]
impl Context {
    #[napi(constructor)]
    pub fn new(catalog: &Catalog) -> Self {
        Self {
            catalog: catalog.core().clone(),
            texts: Numbers::default(),
            ids: Numbers::default(),
            headers: HashMap::default(),
            responses: Responses::default(),
            failures: Responses::default(),
            failed: Recent::default(),
            scratch: Vec::new(),
        }
    }

    /// Begins to count anew.
    #[napi]
    pub fn forget(&mut self) {
        (self.texts, self.ids) = Default::default();
        self.headers.clear();
        (self.responses, self.failures) = Default::default();
    }

    /// A field's texts.
    #[napi]
    pub fn texts<'env>(
        &mut self,
        env: &'env Env,
        bytes: &[u8],
        spans: &[u32],
        field: u32,
    ) -> Result<Texts<'env>> {
        let Self { texts, scratch, .. } = self;
        let mut fresh = Vec::new();
        let numbers = records::texts(bytes, spans, records::field(field)?).map(|text| {
            texts.number(text, scratch, |text| {
                fresh.push(strings::of_utf8(env, text)?);
                Ok(())
            })
        });
        let numbers = numbers.collect::<Result<Vec<u32>>>()?;
        Ok(Texts { numbers: Uint32ArraySlice::copy_from(env, numbers)?, fresh })
    }

    /// What the catalog says of the events' IDs.
    #[napi]
    pub fn meanings<'env>(
        &mut self,
        env: &'env Env,
        bytes: &[u8],
        spans: &[u32],
    ) -> Result<Meanings<'env>> {
        let Self { catalog, ids, scratch, .. } = self;
        let mut fresh = Vec::new();
        let numbers = records::texts(bytes, spans, Field::EventId).map(|id| {
            ids.number(id, scratch, |id| {
                fresh.push(Meaning::new(catalog, &String::from_utf8_lossy(id)));
                Ok(())
            })
        });
        let numbers = numbers.collect::<Result<Vec<u32>>>()?;
        Ok(Meanings { numbers: Uint32ArraySlice::copy_from(env, numbers)?, fresh })
    }

    /// What the catalog says of an ID.
    #[napi]
    pub fn meaning(&self, id: String) -> Meaning {
        Meaning::new(&self.catalog, &id)
    }

    /// How the calls went, of which every event has a number.
    #[napi]
    pub fn headers<'env>(
        &mut self,
        env: &'env Env,
        bytes: &[u8],
        spans: &[u32],
    ) -> Result<Headers<'env>> {
        let Self { catalog, failed, headers, responses, failures, scratch, .. } = self;
        let mut fresh = Vec::new();
        let mut number = |outcome: Outcome, code: Option<&str>, message: Option<&str>| {
            let next = headers.len() as u32;
            let said: Said = (outcome, code.map(Box::from), message.map(Box::from));
            *headers.entry(said).or_insert_with_key(|(outcome, code, message)| {
                fresh.push(Header {
                    outcome: outcome.as_str(),
                    result_code: code.as_deref().map(str::to_owned),
                    result_message: message.as_deref().map(str::to_owned),
                });
                next
            })
        };
        let numbers = run(env, || {
            let ids = records::texts(bytes, spans, Field::EventId);
            let numbers =
                records::texts(bytes, spans, Field::Response).zip(ids).map(|(text, id)| {
                    let has_failed = |id: &[u8]| -> nhn_cloudtrail::Result<bool> {
                        Ok(catalog.meaning(String::from_utf8_lossy(id)).has_failed())
                    };
                    let failed = match plain(id, scratch) {
                        Some(id) => *failed.get(id, has_failed)?,
                        None => false,
                    };
                    let response = plain(text, scratch).unwrap_or_default();
                    Ok(match failed {
                        true => failures.get(response, |_, code, message| {
                            number(Outcome::Failure, code, message)
                        }),
                        false => responses.get(response, &mut number),
                    })
                });
            numbers.collect::<nhn_cloudtrail::Result<Vec<u32>>>()
        })?;
        Ok(Headers { numbers: Uint32ArraySlice::copy_from(env, numbers)?, fresh })
    }
}

/// A text without escapes; none where there is none.
fn plain<'a>(text: RawText<'a>, scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    match text {
        RawText::Absent => None,
        RawText::Plain(text) => Some(text),
        text => {
            scratch.clear();
            text.append_to(scratch);
            Some(scratch)
        }
    }
}

impl Numbers {
    /// The number of a text. A new one is shown to `make`.
    fn number(
        &mut self,
        text: RawText<'_>,
        scratch: &mut Vec<u8>,
        make: impl FnOnce(&[u8]) -> Result<()>,
    ) -> Result<u32> {
        let Some(text) = plain(text, scratch) else { return Ok(ABSENT) };
        if text.len() > LONGEST {
            return Ok(LONG);
        }
        let Self { all, recent } = self;
        recent
            .get(text, |text| {
                if let Some(number) = all.get(text) {
                    return Ok(*number);
                }
                make(text)?;
                let number = (all.len() + FIRST) as u32;
                all.insert(text.into(), number);
                Ok(number)
            })
            .copied()
    }
}

impl Meaning {
    fn new(catalog: &CoreCatalog, id: &str) -> Self {
        let meaning = catalog.meaning(id);
        Self {
            known: meaning.entry().is_some(),
            names: meaning
                .entry()
                .map(|entry| Lang::ALL.iter().map(|lang| entry.name(*lang).to_owned()).collect()),
            service: meaning.service().map(str::to_owned),
            resource: meaning.resource().map(String::from),
            action: meaning.action().map(|action| Action::new(&action)),
        }
    }
}
