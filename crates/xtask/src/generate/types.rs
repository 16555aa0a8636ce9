//! The types of the bindings that know every ID.

use super::{Event, Row, Source};

/// For Python.
pub(super) fn python(source: &Source, events: &[Event], services: &[Row]) -> String {
    let literal = |name: &str, ids: Vec<&str>, doc: &str| {
        let ids: String = ids.iter().map(|id| format!("    {id:?},\n")).collect();
        format!("\n{name} = Literal[\n{ids}]\n\"\"\"{doc}\"\"\"\n")
    };
    let [events_are, services_are] = DOCS;
    [
        header("#", source),
        "\"\"\"Types that know every event ID and every service.\"\"\"\n".to_owned(),
        "\nfrom typing import Literal\n".to_owned(),
        literal("EventId", event_ids(events), events_are),
        literal("ServiceId", service_ids(services), services_are),
    ]
    .concat()
}

/// For TypeScript.
pub(super) fn typescript(source: &Source, events: &[Event], services: &[Row]) -> String {
    let union = |name: &str, ids: Vec<&str>, doc: &str| {
        let ids: String = ids.iter().map(|id| format!("\n  | {id:?}")).collect();
        format!("\n/** {doc} */\nexport type {name} ={ids};\n")
    };
    let [events_are, services_are] = DOCS;
    [
        header("//", source),
        union("KnownEventId", event_ids(events), events_are),
        union("KnownServiceId", service_ids(services), services_are),
    ]
    .concat()
}

const DOCS: [&str; 2] =
    ["Every event ID that the catalog knows.", "The slug of every service that the catalog knows."];

fn header(comment: &str, source: &Source) -> String {
    format!(
        "{comment} DO NOT EDIT. Written by `cargo xtask generate` from crates/nhn-cloudtrail/data,\n\
         {comment} whose source is NHN Cloud's CloudTrail user guide as of {}.\n",
        source.version
    )
}

fn event_ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

fn service_ids(services: &[Row]) -> Vec<&str> {
    services.iter().map(|service| service.cell(0)).collect()
}
