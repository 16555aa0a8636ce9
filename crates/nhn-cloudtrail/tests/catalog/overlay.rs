//! Adding and correcting entries at run time.

use nhn_cloudtrail::Code;
use nhn_cloudtrail::catalog::{self, Catalog, Kind, Lang, Phase, Provenance};

#[test]
fn an_export_is_an_overlay_that_changes_nothing() {
    let tsv = Catalog::builtin().to_tsv();
    assert_eq!(tsv.lines().count(), 2249);
    let header: Vec<&str> = tsv.lines().next().unwrap().split('\t').collect();
    assert_eq!(
        header,
        [
            "event_id",
            "services",
            "name_ko",
            "name_en",
            "name_ja",
            "verb",
            "kind",
            "phase",
            "resource",
            "resource_type",
            "effect",
            "retired",
            "former_names_ko",
            "listings",
            "published",
            "provenance",
        ]
    );
    assert!(tsv.lines().all(|line| line.split('\t').count() == header.len()));
    let catalog = Catalog::builtin().with_overlay(&tsv).unwrap();
    assert_eq!(catalog.len(), 2248);
    for (ours, builtin) in catalog.iter().zip(catalog::entries()) {
        assert_eq!(ours, builtin);
    }
    assert_eq!(catalog.to_tsv(), tsv);
    assert_eq!(catalog.services(), catalog::services());
    for entry in catalog::entries() {
        assert_eq!(catalog.infer_service(entry.id()), Catalog::builtin().infer_service(entry.id()));
    }
}

#[test]
fn a_new_entry() {
    let catalog = Catalog::builtin()
        .with_overlay("event_id\tname_ko\nevent_id.deploy.robot.update_end\t로봇 변경 완료\n")
        .unwrap();
    assert_eq!(catalog.len(), 2249);
    let entry = catalog.get("event_id.deploy.robot.update_end").unwrap();
    assert_eq!(entry.name(Lang::Ko), "로봇 변경 완료");
    // Without names of their own the other languages have this one, and it is not published.
    assert_eq!(entry.name(Lang::En), "로봇 변경 완료");
    assert!(!entry.name_is_published(Lang::Ko));
    assert_eq!(entry.services(), ["deploy"]);
    assert_eq!(entry.resource(), Some("robot"));
    assert_eq!(entry.action().unwrap().kind(), Kind::Update);
    assert_eq!(entry.action().unwrap().phase(), Some(Phase::Completed));
    assert_eq!(entry.action().unwrap().provenance(), Provenance::Inferred);
    assert!(!entry.is_retired());
    assert!(entry.listings().is_empty());
    // In its place.
    let ids: Vec<&str> = catalog.iter().map(|entry| entry.id()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(ids.len(), 2249);
    // The built-in catalog is as it was.
    assert!(catalog::get("event_id.deploy.robot.update_end").is_none());
    assert_eq!(catalog.service("deploy").unwrap().entries(), catalog::services()[20].entries() + 1);
}

#[test]
fn a_corrected_entry_keeps_what_the_overlay_does_not_say() {
    let id = "event_id.cdn.auth_token";
    let catalog =
        Catalog::builtin().with_overlay(format!("name_ko\tevent_id\n인증 토큰\t{id}\n")).unwrap();
    let (ours, builtin) = (catalog.get(id).unwrap(), catalog::get(id).unwrap());
    assert_eq!(catalog.len(), 2248);
    assert_eq!(ours.name(Lang::Ko), "인증 토큰");
    assert!(!ours.name_is_published(Lang::Ko));
    assert_eq!(ours.name(Lang::En), builtin.name(Lang::En));
    assert_eq!(ours.name_is_published(Lang::En), builtin.name_is_published(Lang::En));
    assert_eq!(ours.action(), builtin.action());
    assert_eq!(ours.listings(), builtin.listings());
    assert_eq!(ours.services(), builtin.services());
}

#[test]
fn actions_given_and_inferred() {
    let catalog = Catalog::builtin()
        .with_overlay(
            "event_id\tverb\tkind\tphase\n\
             event_id.x.robot.dance\tdance\texecute\t\n\
             event_id.x.robot.create\t\t\t\n\
             event_id.x.robot.delete\t\tupdate\trequested\n",
        )
        .unwrap();
    let action = |id: &str| catalog.get(id).unwrap().action().unwrap().clone();
    assert_eq!(action("event_id.x.robot.dance").verb(), Some("dance"));
    assert_eq!(action("event_id.x.robot.dance").provenance(), Provenance::Curated);
    assert_eq!(action("event_id.x.robot.create").kind(), Kind::Create);
    assert_eq!(action("event_id.x.robot.create").provenance(), Provenance::Inferred);
    assert_eq!(action("event_id.x.robot.delete").kind(), Kind::Update);
    assert_eq!(action("event_id.x.robot.delete").phase(), Some(Phase::Requested));
    // A service that nobody knows has none, its segment's first ID tells the next.
    assert_eq!(catalog.get("event_id.x.robot.dance").unwrap().service(), None);
    let with_service = Catalog::builtin()
        .with_overlay("event_id\tservices\nevent_id.x.robot.create\trobots\n")
        .unwrap();
    assert_eq!(with_service.infer_service("event_id.x.arm.create"), Some("robots"));
    let service = with_service.service("robots").unwrap();
    assert_eq!((service.name(Lang::Ko), service.entries()), ("robots", 1));
}

#[test]
fn an_entry_can_be_without_an_action() {
    // Its words say nothing, and neither does the overlay: typed by hand, or written by an export.
    let id = "event_id.x.robot.dance";
    for tsv in [
        format!("event_id\tname_ko\n{id}\t로봇 춤\n"),
        format!("event_id\tname_ko\tverb\tkind\tphase\tprovenance\n{id}\t로봇 춤\t\t\t\t\n"),
    ] {
        let catalog = Catalog::builtin().with_overlay(&tsv).unwrap();
        let entry = catalog.get(id).unwrap();
        assert_eq!(entry.action(), None);
        assert_eq!(entry.resource(), Some("robot"));
        assert!(serde_json::to_value(entry).unwrap()["action"].is_null());
        let export = catalog.to_tsv();
        let line = export.lines().find(|line| line.starts_with(id)).unwrap();
        let cells: Vec<&str> = line.split('\t').collect();
        assert_eq!((cells[5], cells[6], cells[7], cells[15]), ("", "", "", ""));
        let again = Catalog::builtin().with_overlay(&export).unwrap();
        assert_eq!(again.get(id), Some(entry));
    }
    // A verb does not tell a kind.
    let error =
        Catalog::builtin().with_overlay(format!("event_id\tverb\n{id}\tdance\n")).unwrap_err();
    assert!(error.message().contains("give it a `kind`"), "{error}");
}

#[test]
fn an_event_without_an_action_is_enriched_as_one_that_is_unknown() {
    let text = br#"{"eventId":"event_id.x.robot.dance"}"#;
    let events = nhn_cloudtrail::parse(text).unwrap();
    let catalog = Catalog::builtin()
        .with_overlay("event_id\tname_ko\nevent_id.x.robot.dance\t로봇 춤\n")
        .unwrap();
    assert!(Catalog::builtin().enrich(&events[0]).action().is_none());
    let enriched = catalog.enrich(&events[0]);
    assert!(enriched.action().is_none());
    assert_eq!(enriched.name(Lang::Ko), Some("로봇 춤"));
}

#[test]
fn overlays_add_up() {
    let one =
        Catalog::builtin().with_overlay("event_id\tname_ko\nevent_id.x.a.create\t하나\n").unwrap();
    let two = one
        .with_overlay("event_id\tname_en\nevent_id.x.b.create\tTwo\nevent_id.x.a.create\tOne\n")
        .unwrap();
    assert_eq!(two.len(), 2250);
    let entry = two.get("event_id.x.a.create").unwrap();
    assert_eq!((entry.name(Lang::Ko), entry.name(Lang::En)), ("하나", "One"));
    assert_eq!(one.len(), 2249);
}

#[test]
fn what_editors_do_to_files() {
    // Trailing tabs stripped, trailing tabs put in.
    let text = "\u{feff}event_id\tname_ko\tname_en\t\r\n\r\nevent_id.x.a.create\t 하나 \r\nevent_id.x.b.create\t둘\tTwo\t\t\r\n";
    let catalog = Catalog::builtin().with_overlay(text).unwrap();
    assert_eq!(catalog.get("event_id.x.a.create").unwrap().name(Lang::Ko), "하나");
    assert_eq!(catalog.get("event_id.x.b.create").unwrap().name(Lang::En), "Two");
}

#[test]
fn what_is_wrong_and_where() {
    let cases: [(&[u8], u64, &str); 17] = [
        (b"", 0, "empty"),
        (b"id\tname_ko\n", 1, "event_id"),
        (b"name_ko\tname_en\n", 1, "event_id"),
        // Misspelt, with what is known; behind a blank line; without a name.
        (b"event_id\tname_kr\n", 1, "`name_kr`"),
        (b"event_id\tname_kr\n", 1, "event_id, services, name_ko, name_en"),
        (b"\nevent_id\tnote\nevent_id.x.a.create\tx\n", 2, "take the column out"),
        (b"event_id\t\tname_ko\n", 1, "column ``"),
        // A tab too many, or a column too few.
        (
            b"event_id\tname_ko\nevent_id.x.a.create\tone\nevent_id.x.b.create\ttwo\tthree\n",
            3,
            "3 cells and the header names 2",
        ),
        (b"event_id\tkind\tkind\n", 1, "more than once"),
        (b"event_id\tname_ko\n\tx\n", 2, "event ID"),
        (b"event_id\nevent_id.x y\n", 2, "event ID"),
        (b"event_id\nevent_id.x.a.create\nevent_id.x.a.create\n", 3, "line 2"),
        (b"event_id\tkind\nevent_id.x.a.create\tmake\n", 2, "create, read"),
        (b"event_id\tretired\nevent_id.x.a.create\tperhaps\n", 2, "true"),
        (b"event_id\tlistings\nevent_id.x.a.create\tpublic\n", 2, "listing"),
        (b"event_id\tphase\nevent_id.x.a.dance\tfailed\n", 2, "kind"),
        (b"event_id\nevent_id.x.a.create\n\xff\n", 3, "UTF-8"),
    ];
    for (text, line, part) in cases {
        let error = Catalog::builtin().with_overlay(text).unwrap_err();
        assert_eq!(error.code(), Code::InvalidOverlay, "{error}");
        assert!(error.message().contains(part), "{error}");
        assert_eq!(error.position().map_or(0, |position| position.line), line, "{error}");
    }
}
