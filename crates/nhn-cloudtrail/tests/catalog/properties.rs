//! No text, however odd, breaks the catalog.

use nhn_cloudtrail::catalog::{self, Catalog, PublishedList, infer_action, infer_resource};
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_text_is_taken(text in any::<String>(), tail in "[a-z._\\-A-Z가-하]{0,40}") {
        for id in [text.clone(), format!("event_id.{tail}"), format!("event_id.iaas.{text}.create")] {
            let known = catalog::entries().iter().find(|entry| entry.id() == id);
            prop_assert_eq!(catalog::get(&id), known);
            infer_action(&id);
            infer_resource(&id);
            Catalog::builtin().infer_service(&id);
        }
        catalog::search(&text);
        catalog::suggest(&tail);
    }

    #[test]
    fn any_list_and_any_overlay_is_read_or_refused(bytes in any::<Vec<u8>>(), cells in "[|\\\\`*&;<>\\[\\]() #\n.a-z가-하ㄱ-ㅎ]{0,80}") {
        let _ = Catalog::builtin().with_overlay(&bytes);
        let _ = Catalog::builtin().with_overlay(format!("event_id\tname_ko\n{cells}"));
        let _ = PublishedList::parse(&bytes);
        if let Ok(list) = PublishedList::parse(format!("|Event ID|Event|\n|---|---|\n|event_id.x.y.create|{cells}")) {
            // What a list makes is an overlay.
            let catalog = Catalog::builtin();
            prop_assert!(catalog.with_overlay(list.to_overlay(&catalog)).is_ok());
        }
    }
}
