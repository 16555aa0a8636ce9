//! Every entry, service and list is there and says what the data files say.

use nhn_cloudtrail::catalog::{self, Catalog, Edition, Effect, Lang, VERSION, lookup};

fn rows(file: &str) -> Vec<Vec<String>> {
    let path = format!("{}/data/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let rows: Vec<Vec<String>> =
        text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    assert!(!rows.is_empty(), "{path} has no rows");
    rows
}

#[test]
fn every_id_is_found_and_no_other() {
    assert_eq!(catalog::entries().len(), 2248);
    assert_eq!(Catalog::builtin().len(), 2248);
    assert_eq!(Catalog::builtin().iter().count(), 2248);
    assert!(catalog::entries().windows(2).all(|pair| pair[0].id() < pair[1].id()));
    for entry in catalog::entries() {
        let id = entry.id();
        assert!(std::ptr::eq(catalog::get(id).unwrap(), entry), "{id}");
        // Near misses: one character less, more, or other.
        let less = id.get(..id.len() - 1).unwrap();
        let other = format!("{less}\u{1}");
        let middle = id.replacen("a", "\u{1}", 1);
        for miss in
            [less.to_owned(), format!("{id}x"), other, middle, id.to_uppercase(), format!("x{id}")]
        {
            assert_eq!(catalog::get(&miss).map(|entry| entry.id()), known(&miss), "{miss}");
        }
    }
    for miss in ["", "event_id", "event_id.iaas", "이벤트", "event_id.iaas.instance.create "] {
        assert!(catalog::get(miss).is_none(), "{miss}");
    }
}

/// The slow way to look up.
fn known(id: &str) -> Option<&'static str> {
    catalog::entries().iter().map(|entry| entry.id()).find(|known| *known == id)
}

#[test]
fn two_ids_of_one_hash_stop_the_generator() {
    let error = lookup::build(&["event_id.iaas.instance.create", "event_id.iaas.instance.create"])
        .unwrap_err();
    assert!(error.contains("one hash"), "{error}");
}

#[test]
fn entries_say_what_the_data_says() {
    for row in rows("events.tsv") {
        let entry = catalog::get(&row[0]).unwrap();
        assert_eq!(entry.services().join(","), row[1]);
        for (lang, name) in Lang::ALL.iter().zip(&row[2..5]) {
            assert_eq!(entry.name_is_published(*lang), !name.is_empty(), "{}", row[0]);
            assert!(!entry.name(*lang).is_empty(), "{} {lang}", row[0]);
            if !name.is_empty() {
                assert_eq!(entry.name(*lang), name);
            }
        }
        assert_eq!(entry.former_names().join(" / "), row[5]);
        let listings: Vec<String> = entry
            .listings()
            .iter()
            .map(|listing| {
                let last = listing.last.map(|last| last.to_string()).unwrap_or_default();
                format!("{}={}/{last}", listing.edition, listing.first)
            })
            .collect();
        assert_eq!(listings.join(";"), row[6]);
    }
    for row in rows("names.tsv") {
        let entry = catalog::get(&row[0]).unwrap();
        assert_eq!(entry.name(row[1].parse().unwrap()), row[2]);
    }
}

#[test]
fn current_and_retired() {
    let count =
        |edition| catalog::entries().iter().filter(|entry| entry.is_current_in(edition)).count();
    assert_eq!(count(Edition::Public), 1976);
    assert_eq!(count(Edition::Gov), 1078);
    assert_eq!(catalog::entries().iter().filter(|entry| entry.is_retired()).count(), 258);

    let retired = catalog::get("event_id.iaas.nodegroup.create").unwrap();
    assert!(retired.is_retired());
    assert!(retired.last_listed().is_some());
    let current = catalog::get("event_id.iaas.instance.create").unwrap();
    assert_eq!(current.last_listed(), None);
    assert!(current.first_listed().unwrap() < "2020-10-29".parse().unwrap());
    assert_eq!(VERSION, "2026-03-23");
}

#[test]
fn services_with_their_counts() {
    let expected = rows("services.tsv");
    assert_eq!(catalog::services().len(), expected.len());
    for (service, row) in catalog::services().iter().zip(&expected) {
        assert_eq!(service.slug(), row[0]);
        assert_eq!(service.name(Lang::Ko), row[1]);
        assert_eq!(service.name(Lang::En), row[2]);
        assert_eq!(service.name(Lang::Ja), row[3]);
        assert_eq!(service.entries().to_string(), row[4], "{}", row[0]);
        let counted = catalog::entries()
            .iter()
            .filter(|entry| entry.services().iter().any(|slug| *slug == row[0]))
            .count();
        assert_eq!(service.entries(), counted);
    }
    assert_eq!(Catalog::builtin().service("infrastructure").unwrap().entries(), 596);
    assert!(Catalog::builtin().service("nothing").is_none());
}

#[test]
fn the_one_service_of_an_entry() {
    // Two services, the second segment spells the second of them.
    let shared = catalog::get("event_id.rds_for_mysql.createChartLayout").unwrap();
    assert_eq!(shared.services(), ["rds-for-mariadb", "rds-for-mysql"]);
    assert_eq!(shared.service(), Some("rds-for-mysql"));
    assert_eq!(catalog::get("event_id.iam.login").unwrap().service(), Some("console"));
    assert_eq!(catalog::entries().iter().filter(|entry| entry.services().len() == 2).count(), 39);
}

#[test]
fn services_of_unknown_ids() {
    let catalog = Catalog::builtin();
    assert_eq!(catalog.infer_service("event_id.deploy.robot.dance"), Some("deploy"));
    assert_eq!(catalog.infer_service("event_id.rds_for_mysql.robot.dance"), Some("rds-for-mysql"));
    // Infrastructure and Kubernetes, Speech to Text and Text to Speech.
    assert_eq!(catalog.infer_service("event_id.iaas.robot.dance"), None);
    assert_eq!(catalog.infer_service("event_id.speech.robot.dance"), None);
    for nonsense in ["", "event_id", "event_id.", "event_id..x", "event_id.robots.dance"] {
        assert_eq!(catalog.infer_service(nonsense), None, "{nonsense}");
    }
}

#[test]
fn the_seed_row_for_row() {
    let list = catalog::list("gov-2020-10-29").unwrap();
    let expected = rows("lists/gov-2020-10-29.tsv");
    assert_eq!(list.rows.len(), 165);
    assert_eq!(expected.len(), 165);
    for (row, expected) in list.rows.iter().zip(&expected) {
        assert_eq!([row.name, row.id, row.service], expected[..]);
    }
    let retired: Vec<&str> = list
        .rows
        .iter()
        .filter(|row| catalog::get(row.id).unwrap().is_retired())
        .map(|row| row.id)
        .collect();
    assert_eq!(
        retired,
        [
            "event_id.iaas.cluster.create",
            "event_id.iaas.cluster.delete",
            "event_id.iaas.nodegroup.create",
            "event_id.iaas.nodegroup.delete",
        ]
    );
    let renamed =
        |row: &&catalog::ListRow| catalog::get(row.id).unwrap().name(Lang::Ko) != row.name;
    assert_eq!(list.rows.iter().filter(renamed).count(), 25);
    assert!(catalog::list("gov").is_none());
    assert_eq!(Catalog::builtin().lists().len(), 1);
}

#[test]
fn effects_never_change_the_action() {
    let failed = catalog::get("event_id.iaas.cluster.create.failed").unwrap();
    assert_eq!(
        failed.effects().iter().map(|effect| effect.effect).collect::<Vec<_>>(),
        [Some(Effect::Delete)]
    );
    assert_eq!(failed.action().unwrap().kind(), catalog::Kind::Create);
    let shared = catalog::get("event_id.rds_for_mysql.instance.stop").unwrap();
    let types: Vec<&str> =
        shared.effects().iter().map(|effect| effect.resource_type.as_ref()).collect();
    assert_eq!(types, ["MariaDB:DbInstance", "MySQL:DbInstance"]);
    assert!(shared.effects().iter().all(|effect| effect.effect.is_none()));

    let listed = rows("effects.tsv").iter().filter(|row| catalog::get(&row[0]).is_some()).count();
    assert_eq!(catalog::entries().iter().map(|entry| entry.effects().len()).sum::<usize>(), listed);
}

#[test]
fn json_of_an_entry() {
    let entry = catalog::get("event_id.iaas.cluster.create.failed").unwrap();
    let json = serde_json::to_value(entry).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    let mut expected = vec![
        "id",
        "services",
        "service",
        "names",
        "published",
        "former_names",
        "action",
        "resource",
        "effects",
        "listings",
        "retired",
    ];
    expected.sort_unstable();
    let mut sorted: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(
        json["action"],
        serde_json::json!({"verb": "create", "kind": "create", "phase": "failed", "provenance": "inferred"})
    );
    assert_eq!(
        json["effects"],
        serde_json::json!([{"resource_type": "CLUSTER", "effect": "delete"}])
    );
    assert_eq!(json["names"]["ko"], "클러스터 생성 실패");
    let none = serde_json::to_value(catalog::get("event_id.project.create").unwrap()).unwrap();
    assert!(none["resource"].is_null());
    assert!(none["action"]["phase"].is_null());
}

#[test]
fn words_read_and_refuse() {
    assert_eq!("JA".parse::<Lang>().unwrap(), Lang::Ja);
    assert_eq!(Lang::default(), Lang::Ko);
    for kind in catalog::Kind::ALL {
        assert_eq!(kind.as_str().parse::<catalog::Kind>().unwrap(), *kind);
    }
    let error = "creat".parse::<catalog::Kind>().unwrap_err();
    assert_eq!(error.code(), nhn_cloudtrail::Code::InvalidFilter);
    assert!(error.message().contains("create, read, update"), "{error}");
    for date in ["2020-10", "2020-13-01", "20-20-1029", "2020-10-29T", "+020-10-29", ""] {
        assert!(date.parse::<catalog::Date>().is_err(), "{date}");
    }
}
