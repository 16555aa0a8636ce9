//! What the catalog knows of one event ID, of one service, of one named list.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};

use super::{Action, Date, Edition, Effect, Lang};

/// Text of an entry: the built-in catalog borrows it, an overlay owns it.
pub type Text = Cow<'static, str>;

/// What the catalog knows of one event ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(crate) id: Text,
    pub(crate) services: Cow<'static, [Text]>,
    /// By [`Lang::index`]; never empty.
    pub(crate) names: [Text; 3],
    pub(crate) published: [bool; 3],
    pub(crate) former_names: Cow<'static, [Text]>,
    pub(crate) action: Option<Action>,
    /// Empty for none.
    pub(crate) resource: Text,
    pub(crate) effects: Cow<'static, [ResourceEffect]>,
    pub(crate) listings: Cow<'static, [Listing]>,
    pub(crate) retired: bool,
}

/// What an event does to resources of one type, as the Resource Watcher guide says.
///
/// It never changes an event's [`Action`]: `cluster.create.failed` is a failed create whose effect
/// on the cluster is a delete.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct ResourceEffect {
    /// Resource Watcher's own name of the type, such as `Infrastructure:VPC`.
    pub resource_type: Text,
    /// What happens to such a resource; none where the guide names the event and says: nothing.
    pub effect: Option<Effect>,
}

/// From when to when an edition's event list had an ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Listing {
    /// Whose list.
    pub edition: Edition,
    /// The first revision of the list with the ID.
    pub first: Date,
    /// The last revision with it; none while the newest still has it.
    pub last: Option<Date>,
}

impl Entry {
    /// The event ID, as published: IDs are case-sensitive.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The slugs of the services that the event belongs to. 39 events belong to two: RDS for
    /// MariaDB shares those of RDS for MySQL.
    pub fn services(&self) -> &[Text] {
        &self.services
    }

    /// The slug of the one service that the ID's second segment spells (`rds_for_mysql` is
    /// `rds-for-mysql`), else of the first of the event's services; none where it has none.
    pub fn service(&self) -> Option<&str> {
        let spelt = |slug: &&Text| {
            super::service_segment(&self.id).is_some_and(|segment| spells(segment, slug))
        };
        self.services.iter().find(spelt).or_else(|| self.services.first()).map(|slug| &**slug)
    }

    /// The name in a language: as NHN Cloud publishes it, else the project's own.
    pub fn name(&self, lang: Lang) -> &str {
        self.names.get(lang.index()).map_or("", |name| name)
    }

    /// Whether NHN Cloud publishes the name in this language.
    pub fn name_is_published(&self, lang: Lang) -> bool {
        self.published.get(lang.index()).copied().unwrap_or(false)
    }

    /// Earlier Korean names, newest first.
    pub fn former_names(&self) -> &[Text] {
        &self.former_names
    }

    /// What the event does. Every built-in entry says it; one that an overlay adds may not, where
    /// neither the overlay nor the words of the ID do.
    pub fn action(&self) -> Option<&Action> {
        self.action.as_ref()
    }

    /// What the event does it to: the ID's middle segments. See [`infer_resource`](super::infer_resource).
    pub fn resource(&self) -> Option<&str> {
        if self.resource.is_empty() { None } else { Some(&self.resource) }
    }

    /// What the Resource Watcher guide says that the event does to resources; empty where it does
    /// not name the event.
    pub fn effects(&self) -> &[ResourceEffect] {
        &self.effects
    }

    /// In which editions' lists the ID stands or stood.
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// The first revision of any list that had the ID.
    pub fn first_listed(&self) -> Option<Date> {
        self.listings.iter().map(|listing| listing.first).min()
    }

    /// The last revision of any list that had the ID; none while a newest one still has it.
    pub fn last_listed(&self) -> Option<Date> {
        let lasts: Option<Vec<Date>> = self.listings.iter().map(|listing| listing.last).collect();
        lasts.and_then(|lasts| lasts.into_iter().max())
    }

    /// Whether no newest list has the ID any more. Archived logs still do.
    pub fn is_retired(&self) -> bool {
        self.retired
    }

    /// Whether the newest list of an edition has the ID.
    pub fn is_current_in(&self, edition: Edition) -> bool {
        self.listings.iter().any(|listing| listing.edition == edition && listing.last.is_none())
    }
}

/// A built-in entry, for the generated table. `published` has a bit a language, Korean highest.
#[expect(clippy::too_many_arguments, reason = "one line of the table, read by nobody")]
pub(super) const fn entry(
    id: &'static str,
    services: &'static [Text],
    names: [Text; 3],
    published: u8,
    former_names: &'static [Text],
    action: Action,
    resource: &'static str,
    effects: &'static [ResourceEffect],
    listings: &'static [Listing],
) -> Entry {
    let mut retired = true;
    let mut rest = listings;
    while let [listing, others @ ..] = rest {
        retired = retired && listing.last.is_some();
        rest = others;
    }
    Entry {
        id: Cow::Borrowed(id),
        services: Cow::Borrowed(services),
        names,
        published: [published & 0b100 != 0, published & 0b010 != 0, published & 0b001 != 0],
        former_names: Cow::Borrowed(former_names),
        action: Some(action),
        resource: Cow::Borrowed(resource),
        effects: Cow::Borrowed(effects),
        listings: Cow::Borrowed(listings),
        retired,
    }
}

/// A listing of a built-in entry, its dates as numbers such as `20201029`, 0 for none.
pub(super) const fn listing(edition: Edition, first: u32, last: u32) -> Listing {
    let last = if last == 0 { None } else { Some(Date::from_number(last)) };
    Listing { edition, first: Date::from_number(first), last }
}

/// Whether an ID's segment spells a service: `rds_for_mysql` spells `rds-for-mysql`.
fn spells(segment: &str, slug: &str) -> bool {
    segment.len() == slug.len()
        && segment.bytes().zip(slug.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Names<'a>(&'a Entry);
        impl Serialize for Names<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(Lang::ALL.len()))?;
                for lang in Lang::ALL {
                    map.serialize_entry(lang, self.0.name(*lang))?;
                }
                map.end()
            }
        }
        let published: Vec<Lang> =
            Lang::ALL.iter().copied().filter(|lang| self.name_is_published(*lang)).collect();
        let mut entry = serializer.serialize_struct("Entry", 11)?;
        entry.serialize_field("id", self.id())?;
        entry.serialize_field("services", self.services())?;
        entry.serialize_field("service", &self.service())?;
        entry.serialize_field("names", &Names(self))?;
        entry.serialize_field("published", &published)?;
        entry.serialize_field("former_names", self.former_names())?;
        entry.serialize_field("action", &self.action())?;
        entry.serialize_field("resource", &self.resource())?;
        entry.serialize_field("effects", self.effects())?;
        entry.serialize_field("listings", self.listings())?;
        entry.serialize_field("retired", &self.is_retired())?;
        entry.end()
    }
}

/// A service of NHN Cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub(crate) slug: Text,
    pub(crate) names: [Text; 3],
    pub(crate) entries: usize,
}

impl Service {
    /// The project's short name for it, such as `rds-for-mysql`.
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// Its display name.
    pub fn name(&self, lang: Lang) -> &str {
        self.names.get(lang.index()).map_or("", |name| name)
    }

    /// How many entries belong to it; an entry with two services counts in both.
    pub fn entries(&self) -> usize {
        self.entries
    }
}

impl Serialize for Service {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut service = serializer.serialize_struct("Service", 5)?;
        service.serialize_field("service", self.slug())?;
        service.serialize_field("name_ko", self.name(Lang::Ko))?;
        service.serialize_field("name_en", self.name(Lang::En))?;
        service.serialize_field("name_ja", self.name(Lang::Ja))?;
        service.serialize_field("events", &self.entries())?;
        service.end()
    }
}

/// An event list as it was published once.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct List {
    /// Its name, such as `gov-2020-10-29`.
    pub name: &'static str,
    /// Its rows, in its order.
    pub rows: &'static [ListRow],
}

/// A row of a [`List`], with the words that the list used then.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListRow {
    /// The event's name.
    pub name: &'static str,
    /// The event ID.
    pub id: &'static str,
    /// The service's name.
    pub service: &'static str,
}
