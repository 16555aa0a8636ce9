//! The catalog and its entries.

use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::catalog::{Catalog as Core, Date, Edition, Entry as CoreEntry, Lang, VERSION};

use crate::errors::run;
use crate::values::Action;

#[napi]
#[derive(Default)]
pub struct Catalog(Core);

impl Catalog {
    pub(crate) fn core(&self) -> &Core {
        &self.0
    }
}

#[napi(object, object_from_js = false)]
pub struct Entry {
    pub id: String,
    /// In the order of the languages ko, en, ja, as are the next ones.
    pub names: Vec<String>,
    pub names_published: Vec<bool>,
    pub former_names: Vec<String>,
    pub service: Option<String>,
    pub services: Vec<String>,
    pub resource: Option<String>,
    pub action: Option<Action>,
    pub effects: Vec<Effect>,
    pub listings: Vec<Listing>,
    pub first_listed: Option<String>,
    pub last_listed: Option<String>,
    pub retired: bool,
    /// The editions whose newest list has the ID.
    pub editions: Vec<&'static str>,
}

#[napi(object, object_from_js = false)]
pub struct Effect {
    pub resource_type: String,
    pub effect: Option<&'static str>,
}

#[napi(object, object_from_js = false)]
pub struct Listing {
    pub edition: &'static str,
    pub first: String,
    pub last: Option<String>,
}

#[napi(object, object_from_js = false)]
pub struct Service {
    pub slug: String,
    pub names: Vec<String>,
    pub events: f64,
}

#[napi(object, object_from_js = false)]
pub struct ListRow {
    pub id: &'static str,
    pub name: &'static str,
    pub service: &'static str,
}

impl Entry {
    fn new(entry: &CoreEntry) -> Self {
        let date = |date: Date| date.to_string();
        let texts = |texts: &[_]| {
            texts.iter().map(|text: &nhn_cloudtrail::catalog::Text| text.to_string()).collect()
        };
        Self {
            id: entry.id().to_owned(),
            names: Lang::ALL.iter().map(|lang| entry.name(*lang).to_owned()).collect(),
            names_published: Lang::ALL.iter().map(|lang| entry.name_is_published(*lang)).collect(),
            former_names: texts(entry.former_names()),
            service: entry.service().map(str::to_owned),
            services: texts(entry.services()),
            resource: entry.resource().map(str::to_owned),
            action: entry.action().map(Action::new),
            effects: entry
                .effects()
                .iter()
                .map(|one| Effect {
                    resource_type: one.resource_type.to_string(),
                    effect: one.effect.map(|effect| effect.as_str()),
                })
                .collect(),
            listings: entry
                .listings()
                .iter()
                .map(|one| Listing {
                    edition: one.edition.as_str(),
                    first: date(one.first),
                    last: one.last.map(date),
                })
                .collect(),
            first_listed: entry.first_listed().map(date),
            last_listed: entry.last_listed().map(date),
            retired: entry.is_retired(),
            editions: Edition::ALL
                .iter()
                .filter(|edition| entry.is_current_in(**edition))
                .map(|edition| edition.as_str())
                .collect(),
        }
    }
}

fn entries(found: Vec<&CoreEntry>) -> Vec<Entry> {
    found.into_iter().map(Entry::new).collect()
}

#[napi]
impl Catalog {
    /// The built-in catalog.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    #[napi(getter)]
    pub fn version(&self) -> &'static str {
        VERSION
    }

    #[napi]
    pub fn get(&self, id: String) -> Option<Entry> {
        self.0.get(&id).map(Entry::new)
    }

    #[napi]
    pub fn search(&self, env: &Env, text: String) -> Result<Vec<Entry>> {
        run(env, || Ok(entries(self.0.search(&text))))
    }

    #[napi]
    pub fn suggest(&self, env: &Env, id: String) -> Result<Vec<Entry>> {
        run(env, || Ok(entries(self.0.suggest(&id))))
    }

    #[napi]
    pub fn services(&self) -> Vec<Service> {
        let services = self.0.services().iter();
        services
            .map(|service| Service {
                slug: service.slug().to_owned(),
                names: Lang::ALL.iter().map(|lang| service.name(*lang).to_owned()).collect(),
                events: service.entries() as f64,
            })
            .collect()
    }

    #[napi]
    pub fn lists(&self) -> Vec<&'static str> {
        self.0.lists().iter().map(|list| list.name).collect()
    }

    #[napi]
    pub fn list(&self, name: String) -> Option<Vec<ListRow>> {
        let rows = self.0.list(&name)?.rows.iter();
        Some(rows.map(|row| ListRow { id: row.id, name: row.name, service: row.service }).collect())
    }

    #[napi]
    pub fn ids(&self) -> Vec<&str> {
        self.0.iter().map(CoreEntry::id).collect()
    }

    #[napi]
    pub fn with_overlay(&self, env: &Env, tsv: &[u8]) -> Result<Catalog> {
        run(env, || self.0.with_overlay(tsv)).map(Catalog)
    }

    #[napi]
    pub fn to_tsv(&self) -> String {
        self.0.to_tsv()
    }
}
