//! The catalog: what every event ID means.
//!
//! NHN Cloud's records carry an ID and no name. The catalog has every ID that its user guide ever
//! listed, with names in three languages, the services it belongs to, what it does, and since when
//! and until when it was listed. It is compiled in; looking an ID up allocates nothing.
//!
//! ```
//! use nhn_cloudtrail::catalog::{self, Kind, Lang};
//!
//! let entry = catalog::get("event_id.iaas.instance.create").unwrap();
//! assert_eq!(entry.name(Lang::Ko), "인스턴스 생성");
//! assert_eq!(entry.service(), Some("infrastructure"));
//! assert_eq!(entry.resource(), Some("instance"));
//! assert_eq!(entry.action().unwrap().kind(), Kind::Create);
//!
//! // In any of the languages, former names too, whatever the spacing.
//! assert_eq!(catalog::search("인스턴스생성")[0].id(), entry.id());
//! ```
//!
//! IDs that the catalog does not know are no error: [`get`] returns none, [`infer_action`] reads
//! what their words say, and [`Catalog::with_overlay`] adds them without waiting for a release.

mod action;
mod entry;
#[doc(hidden)]
pub mod lookup;
mod markdown;
mod overlay;
mod published;
mod search;
#[rustfmt::skip]
mod table;
mod tsv;
mod words;

use std::sync::Arc;

pub use action::{Action, infer_action, infer_resource};
pub use entry::{Entry, List, ListRow, Listing, ResourceEffect, Service, Text};
pub use published::{ListDiff, Misprint, OddRow, PublishedList, PublishedRow, Renamed};
pub(crate) use words::words;
pub use words::{Date, Edition, Effect, Kind, Lang, Phase, Provenance};

use crate::error::Result;
use overlay::Overlay;

/// The version of the built-in catalog: the date of the newest revision that it was made from.
pub const VERSION: &str = table::VERSION;

/// Known misprints of the published lists.
pub(crate) struct Erratum {
    /// The ID as it was printed; `?` stands for a control character.
    pub(crate) printed: &'static str,
    /// The ID that it stands for; none where it stands for nothing.
    pub(crate) canonical: Option<&'static str>,
    /// What is wrong with it.
    pub(crate) why: &'static str,
}

/// A catalog: the built-in one, with or without a user's corrections.
///
/// Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    overlay: Option<Arc<Overlay>>,
}

impl Catalog {
    /// The catalog that is compiled in.
    pub const fn builtin() -> Self {
        Self { overlay: None }
    }

    /// This catalog with entries added or corrected by a TSV of the shape that
    /// [`to_tsv`](Self::to_tsv) writes.
    ///
    /// The header decides the columns: `event_id` is required, and what an absent column says stays as
    /// it is known. Where the action's cells are empty the action is inferred from the ID, and where
    /// its words say nothing the entry has none; the resource is inferred too. A column that
    /// [`to_tsv`](Self::to_tsv) does not write and a row with more cells than the header are errors:
    /// what they say would be lost.
    ///
    /// ```
    /// use nhn_cloudtrail::catalog::{Catalog, Kind, Lang};
    ///
    /// let catalog = Catalog::builtin()
    ///     .with_overlay("event_id\tname_ko\nevent_id.iaas.robot.create\t로봇 생성\n")?;
    /// let entry = catalog.get("event_id.iaas.robot.create").unwrap();
    /// assert_eq!(entry.name(Lang::Ko), "로봇 생성");
    /// assert_eq!(entry.action().unwrap().kind(), Kind::Create);
    /// # Ok::<(), nhn_cloudtrail::Error>(())
    /// ```
    pub fn with_overlay(&self, tsv: impl AsRef<[u8]>) -> Result<Self> {
        let overlay = Overlay::parse(self, tsv.as_ref())?;
        Ok(Self { overlay: Some(Arc::new(overlay)) })
    }

    /// The entry of an event ID. IDs are case-sensitive.
    #[inline]
    pub fn get(&self, id: &str) -> Option<&Entry> {
        match &self.overlay {
            None => lookup::find(id),
            Some(overlay) => overlay.get(id).or_else(|| lookup::find(id)),
        }
    }

    /// Every entry, sorted by ID.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        // Two sorted runs merged; of equal IDs the overlay's entry counts.
        let mut ours = self.overlay.as_deref().map_or(&[][..], Overlay::entries).iter().peekable();
        let mut builtin = table::ENTRIES.iter().peekable();
        std::iter::from_fn(move || match (ours.peek(), builtin.peek()) {
            (Some(our), Some(known)) if our.id() < known.id() => ours.next(),
            (Some(our), Some(known)) => {
                if our.id() == known.id() {
                    builtin.next();
                    ours.next()
                } else {
                    builtin.next()
                }
            }
            (Some(_), None) => ours.next(),
            (None, _) => builtin.next(),
        })
    }

    /// How many entries there are.
    #[expect(clippy::len_without_is_empty, reason = "a catalog is never empty")]
    pub fn len(&self) -> usize {
        table::ENTRIES.len() + self.overlay.as_deref().map_or(0, Overlay::added)
    }

    /// The entries that fit a text, best first: in any of the three languages, former names too, or
    /// by parts of the ID. Case, spacing, width and the form of Hangul do not matter; of several
    /// words each must be found.
    ///
    /// Exact IDs and names come first, then beginnings, whole words, and parts of words; current
    /// entries before retired ones.
    pub fn search(&self, text: &str) -> Vec<&Entry> {
        search::search(self.iter(), text)
    }

    /// A few entries whose IDs a misspelt ID may have meant, the nearest first; empty if none is near.
    pub fn suggest(&self, id: &str) -> Vec<&Entry> {
        search::suggest(self.iter(), id)
    }

    /// Every service, sorted by slug, with its names and how many entries belong to it.
    pub fn services(&self) -> &[Service] {
        self.overlay.as_deref().map_or(table::SERVICES, Overlay::services)
    }

    /// The service of a slug.
    pub fn service(&self, slug: &str) -> Option<&Service> {
        let services = self.services();
        services
            .binary_search_by(|service| service.slug().cmp(slug))
            .ok()
            .and_then(|at| services.get(at))
    }

    /// The service of an unknown ID: the one that all known IDs of its second segment share.
    pub fn infer_service(&self, id: &str) -> Option<&str> {
        let segment = service_segment(id)?;
        if let Some(answer) = self.overlay.as_deref().and_then(|overlay| overlay.segment(segment)) {
            return answer;
        }
        let at = table::SEGMENTS.binary_search_by(|(known, _)| known.cmp(&segment)).ok()?;
        table::SEGMENTS.get(at).map(|(_, slug)| *slug)
    }

    /// An event list as it was published once, such as `gov-2020-10-29`.
    pub fn list(&self, name: &str) -> Option<&'static List> {
        list(name)
    }

    /// The named lists.
    pub fn lists(&self) -> &'static [List] {
        table::LISTS
    }

    /// The whole catalog as a TSV with a header, sorted by ID, which
    /// [`with_overlay`](Self::with_overlay) reads back.
    ///
    /// Columns: `event_id`, `services` (slugs, comma-separated), `name_ko`, `name_en`, `name_ja` (as
    /// published, the project's own where none is), `verb`, `kind`, `phase` (empty for the act
    /// itself; all three for an entry without an action), `resource`, `resource_type` and `effect` (comma-separated, in step), `retired`
    /// (`true` or `false`), `former_names_ko` (separated by ` / `), `listings`
    /// (`edition=first/last`, separated by `;`), `published` (languages, comma-separated),
    /// `provenance`.
    pub fn to_tsv(&self) -> String {
        tsv::write(tsv::Column::ALL, self.iter())
    }
}

/// The entry of an event ID in the built-in catalog. Allocates nothing.
#[inline]
pub fn get(id: &str) -> Option<&'static Entry> {
    lookup::find(id)
}

/// Every entry of the built-in catalog, sorted by ID.
pub fn entries() -> &'static [Entry] {
    table::ENTRIES
}

/// The built-in entries that fit a text, best first; see [`Catalog::search`].
pub fn search(text: &str) -> Vec<&'static Entry> {
    search::search(table::ENTRIES.iter(), text)
}

/// Built-in entries whose IDs a misspelt ID may have meant; see [`Catalog::suggest`].
pub fn suggest(id: &str) -> Vec<&'static Entry> {
    search::suggest(table::ENTRIES.iter(), id)
}

/// Every service of the built-in catalog, sorted by slug.
pub fn services() -> &'static [Service] {
    table::SERVICES
}

/// An event list as it was published once, such as `gov-2020-10-29`.
pub fn list(name: &str) -> Option<&'static List> {
    table::LISTS.iter().find(|list| list.name == name)
}

/// The segment of an ID that names its service.
pub(crate) fn service_segment(id: &str) -> Option<&str> {
    id.split('.').nth(1).filter(|segment| !segment.is_empty())
}
