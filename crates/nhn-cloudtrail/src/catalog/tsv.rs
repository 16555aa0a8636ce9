//! The catalog's tab-separated form: one header, one entry a line, no quoting.

use super::{Action, Entry, Lang};

/// A column of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    EventId,
    Services,
    Name(Lang),
    Verb,
    Kind,
    Phase,
    Resource,
    ResourceType,
    Effect,
    Retired,
    FormerNames,
    Listings,
    Published,
    Provenance,
}

impl Column {
    /// The columns of an export, in their order.
    pub(super) const ALL: &'static [Column] = &[
        Column::EventId,
        Column::Services,
        Column::Name(Lang::Ko),
        Column::Name(Lang::En),
        Column::Name(Lang::Ja),
        Column::Verb,
        Column::Kind,
        Column::Phase,
        Column::Resource,
        Column::ResourceType,
        Column::Effect,
        Column::Retired,
        Column::FormerNames,
        Column::Listings,
        Column::Published,
        Column::Provenance,
    ];

    /// The column's name in the header.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Column::EventId => "event_id",
            Column::Services => "services",
            Column::Name(Lang::Ko) => "name_ko",
            Column::Name(Lang::En) => "name_en",
            Column::Name(Lang::Ja) => "name_ja",
            Column::Verb => "verb",
            Column::Kind => "kind",
            Column::Phase => "phase",
            Column::Resource => "resource",
            Column::ResourceType => "resource_type",
            Column::Effect => "effect",
            Column::Retired => "retired",
            Column::FormerNames => "former_names_ko",
            Column::Listings => "listings",
            Column::Published => "published",
            Column::Provenance => "provenance",
        }
    }

    fn value(self, entry: &Entry) -> String {
        let action = entry.action();
        match self {
            Column::EventId => entry.id().to_owned(),
            Column::Services => entry.services().join(","),
            Column::Name(lang) => entry.name(lang).to_owned(),
            Column::Verb => action.and_then(Action::verb).unwrap_or_default().to_owned(),
            Column::Kind => text(action.map(Action::kind)),
            Column::Phase => text(action.and_then(Action::phase)),
            Column::Resource => entry.resource().unwrap_or_default().to_owned(),
            Column::ResourceType => {
                comma(entry.effects().iter().map(|effect| effect.resource_type.as_ref()))
            }
            Column::Effect => comma(
                entry
                    .effects()
                    .iter()
                    .map(|effect| effect.effect.map_or("", |effect| effect.as_str())),
            ),
            Column::Retired => entry.is_retired().to_string(),
            Column::FormerNames => entry.former_names().join(" / "),
            Column::Listings => {
                let listings: Vec<String> = entry
                    .listings()
                    .iter()
                    .map(|listing| {
                        let last = listing.last.map(|last| last.to_string()).unwrap_or_default();
                        format!("{}={}/{last}", listing.edition, listing.first)
                    })
                    .collect();
                listings.join(";")
            }
            Column::Published => comma(
                Lang::ALL
                    .iter()
                    .filter(|lang| entry.name_is_published(**lang))
                    .map(|lang| lang.as_str()),
            ),
            Column::Provenance => text(action.map(Action::provenance)),
        }
    }
}

/// A cell of a value that there may not be.
fn text(value: Option<impl std::fmt::Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn comma<'a>(values: impl Iterator<Item = &'a str>) -> String {
    values.collect::<Vec<_>>().join(",")
}

/// These columns of these entries, with a header.
pub(super) fn write<'a>(columns: &[Column], entries: impl Iterator<Item = &'a Entry>) -> String {
    let mut text = String::new();
    push_line(&mut text, columns.iter().map(|column| column.name().to_owned()));
    for entry in entries {
        push_line(&mut text, columns.iter().map(|column| column.value(entry)));
    }
    text
}

fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            text.push('\t');
        }
        // There is no quoting: a tab or a line end in a value would make columns and rows.
        text.extend(cell.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    text.push('\n');
}
