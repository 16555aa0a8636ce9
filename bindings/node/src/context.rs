//! What events have in common: texts that repeat, what the catalog says of their IDs, and how their
//! responses say that the call went. Each is made for JavaScript once, and has a number.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use napi::JsString;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::catalog::{Catalog as CoreCatalog, Lang};
use nhn_cloudtrail::{Field, Outcome, RawText, Responses};

use crate::batch::{Batch, field};
use crate::catalog::Catalog;
use crate::errors::run;
use crate::strings;
use crate::values::Action;

/// The number of a text that there is not.
const ABSENT: u32 = 0;
/// The number of a text that is too long to be remembered.
const LONG: u32 = 1;
/// The first number of a text.
const FIRST: usize = 2;
/// How long the texts are that are remembered.
const LONGEST: usize = 256;

/// Texts, each with a number.
type Numbers = HashMap<Box<[u8]>, u32, RandomState>;

/// What the catalog says of an ID.
#[napi(object)]
pub struct Meaning {
    pub known: bool,
    /// In the order of the languages ko, en, ja.
    pub names: Option<Vec<String>>,
    pub service: Option<String>,
    pub resource: Option<String>,
    pub action: Option<Action>,
}

/// How the call went.
#[napi(object)]
pub struct Header {
    pub outcome: &'static str,
    pub result_code: Option<String>,
    pub result_message: Option<String>,
}

type Said = (Outcome, Option<Box<str>>, Option<Box<str>>);

#[napi]
pub struct Context {
    catalog: CoreCatalog,
    texts: Numbers,
    ids: Numbers,
    headers: HashMap<Said, u32, RandomState>,
    responses: Responses<u32>,
    scratch: Vec<u8>,
}

#[napi]
impl Context {
    /// With the built-in catalog, or another.
    #[napi(constructor)]
    pub fn new(catalog: Option<&Catalog>) -> Self {
        Self {
            catalog: catalog.map(|catalog| catalog.core().clone()).unwrap_or_default(),
            texts: Numbers::default(),
            ids: Numbers::default(),
            headers: HashMap::default(),
            responses: Responses::default(),
            scratch: Vec::new(),
        }
    }

    /// Begins to count anew.
    #[napi]
    pub fn forget(&mut self) {
        self.texts.clear();
        self.ids.clear();
        self.headers.clear();
        self.responses = Responses::default();
    }

    /// Writes the numbers of a field's texts, and gives the texts that are new, in the order of their
    /// numbers.
    #[napi]
    pub fn texts<'env>(
        &mut self,
        env: &'env Env,
        batch: &Batch,
        field: u32,
        numbers: &mut [u32],
    ) -> Result<Vec<JsString<'env>>> {
        let field = self::field(field)?;
        let mut fresh = Vec::new();
        for (event, number) in batch.events().iter().zip(numbers) {
            let text = plain(event.raw_text(field), &mut self.scratch);
            *number = number_of(&mut self.texts, text, |text| {
                fresh.push(strings::of_utf8(env, text)?);
                Ok(())
            })?;
        }
        Ok(fresh)
    }

    /// The same for what the catalog says of the events' IDs.
    #[napi]
    pub fn meanings(&mut self, batch: &Batch, numbers: &mut [u32]) -> Result<Vec<Meaning>> {
        let mut fresh = Vec::new();
        for (event, number) in batch.events().iter().zip(numbers) {
            let text = plain(event.raw_text(Field::EventId), &mut self.scratch);
            *number = number_of(&mut self.ids, text, |id| {
                fresh.push(Meaning::new(&self.catalog, &String::from_utf8_lossy(id)));
                Ok(())
            })?;
        }
        Ok(fresh)
    }

    /// What the catalog says of an ID.
    #[napi]
    pub fn meaning(&self, id: String) -> Meaning {
        Meaning::new(&self.catalog, &id)
    }

    /// The same for how the calls went, of which all have a number.
    #[napi]
    pub fn headers(
        &mut self,
        env: &Env,
        batch: &Batch,
        numbers: &mut [u32],
    ) -> Result<Vec<Header>> {
        let Self { headers, responses, scratch, .. } = self;
        let mut fresh = Vec::new();
        run(env, || {
            for (event, number) in batch.events().iter().zip(numbers) {
                scratch.clear();
                event.raw_text(Field::Response).append_to(scratch);
                *number = responses.get(scratch, |outcome, code, message| {
                    let said = (outcome, code.map(Box::from), message.map(Box::from));
                    let next = headers.len() as u32;
                    *headers.entry(said).or_insert_with_key(|(outcome, code, message)| {
                        fresh.push(Header {
                            outcome: outcome.as_str(),
                            result_code: code.as_deref().map(str::to_owned),
                            result_message: message.as_deref().map(str::to_owned),
                        });
                        next
                    })
                });
            }
            Ok(())
        })?;
        Ok(fresh)
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

/// The number of a text. A new one is shown to `make`.
fn number_of(
    numbers: &mut Numbers,
    text: Option<&[u8]>,
    make: impl FnOnce(&[u8]) -> Result<()>,
) -> Result<u32> {
    let Some(text) = text else { return Ok(ABSENT) };
    if text.len() > LONGEST {
        return Ok(LONG);
    }
    if let Some(number) = numbers.get(text) {
        return Ok(*number);
    }
    make(text)?;
    let number = (numbers.len() + FIRST) as u32;
    numbers.insert(text.into(), number);
    Ok(number)
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
