//! `catalog`: look-ups, lists, and comparing with published lists.

use crate::common::{Ran, folder, run, run_on, words};
use insta::assert_snapshot;

fn catalog(args: &str) -> Ran {
    run(["catalog"].into_iter().chain(words(args)))
}

/// A list as the guide has it: a new event, a renamed one, one that is as it was.
const LIST: &str = "\
|이벤트|이벤트 ID|서비스|
| --- | --- | --- |
|인스턴스 생성|event_id.iaas.instance.create|기본 인프라 서비스|
|인스턴스 지우기|event_id.iaas.instance.delete|기본 인프라 서비스|
|로봇 생성 &amp; 시험 \u{1b}[31m|event_id.iaas.robot.create|기본 인프라 서비스|
";

#[test]
fn get_shows_a_card() {
    let ran = catalog(
        "get event_id.iaas.instance.create event_id.rds_for_mysql.instance.create --lang en",
    );
    assert_snapshot!(ran.all());
}

#[test]
fn get_has_formats_for_programs() {
    let json = catalog("get event_id.iaas.instance.delete --format json").json();
    assert_eq!(json[0]["id"], "event_id.iaas.instance.delete");
    assert_eq!(json[0]["action"]["kind"], "delete");
    let tsv = catalog("get event_id.iaas.instance.delete --format tsv");
    let lines: Vec<&str> = tsv.text().lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with("event_id\tservices\tname_ko\tname_en\tname_ja\tverb\tkind\tphase")
    );
    assert!(lines[1].starts_with("event_id.iaas.instance.delete\tinfrastructure\t인스턴스 삭제\t"));
    let markdown = catalog("get event_id.iaas.instance.delete --format markdown");
    assert!(markdown.text().starts_with("| event_id | services |"));
    assert_eq!(markdown.text().lines().count(), 3);
}

#[test]
fn an_unknown_id_gets_suggestions() {
    let some = catalog("get event_id.iaas.instance.create event_id.iaas.instance.crate -f tsv");
    assert_eq!((some.status, some.text().lines().count()), (1, 2));
    let none = catalog("get event_id.iaas.instance.crate");
    assert_eq!((none.status, none.stdout.len()), (2, 0));
    assert!(none.stderr.starts_with("error: the catalog has no event ID"), "{}", none.stderr);
    assert!(none.stderr.contains("did you mean event_id.iaas.instance.create"), "{}", none.stderr);
    assert!(catalog("get zzz").stderr.contains("catalog search"));
    // In the wrong case.
    let upper = catalog("get EVENT_ID.IAAS.INSTANCE.CREATE");
    assert!(
        upper.stderr.contains("did you mean event_id.iaas.instance.create?"),
        "{}",
        upper.stderr
    );
}

#[test]
fn search_finds_in_any_language() {
    for text in ["인스턴스생성", "create instance", "インスタンスの作成"] {
        let ran = run(["catalog", "search", text, "--limit", "0", "-f", "tsv"]);
        assert!(ran.text().contains("\nevent_id.iaas.instance.create\t"), "{text}");
    }
    let best = catalog("search 인스턴스 생성 --limit 1 --lang ja");
    assert_eq!((best.status, best.text().lines().count()), (0, 2));
    assert!(best.text().contains("インスタンスの作成"));
    assert!(best.stderr.contains("--limit 0"));
    let none = catalog("search 없는이벤트");
    assert_eq!((none.status, none.stdout.len()), (1, 0));
}

#[test]
fn services_are_counted() {
    let tsv = catalog("services --format tsv");
    let header = tsv.text().lines().next();
    assert_eq!(header, Some("service\tname_ko\tname_en\tname_ja\tevents"));
    let json = catalog("services --format json").json();
    assert_eq!(json.as_array().unwrap().len(), tsv.text().lines().count() - 1);
    assert!(catalog("services").text().contains("기본 인프라 서비스"));
    assert!(catalog("services --lang en").text().contains("Bastion"));
}

#[test]
fn the_seed_is_a_list_row_for_row() {
    let ran = catalog("list gov-2020-10-29 --format tsv");
    assert_eq!(ran.status, 0);
    let seed =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../nhn-cloudtrail/data/lists/gov-2020-10-29.tsv");
    let seed = std::fs::read_to_string(seed).unwrap();
    let seed: Vec<&str> = seed.lines().filter(|line| !line.starts_with('#')).collect();
    let rows: Vec<&str> = ran.text().lines().collect();
    assert_eq!(rows[0], "name_ko\tevent_id\tservice");
    assert_eq!(rows.len(), 166);
    assert_eq!(rows[1..], seed[1..]);
    assert_eq!(catalog("list gov-2020-10-29 --format json").json().as_array().unwrap().len(), 165);
    assert!(catalog("list").text().contains("gov-2020-10-29"));
    let wrong = catalog("list gov-2021");
    assert_eq!(wrong.status, 2);
    assert!(wrong.stderr.contains("gov-2020-10-29"));
}

#[test]
fn export_has_every_event() {
    let tsv = catalog("export");
    assert_eq!(tsv.text().lines().count(), 1 + 2248);
    assert_eq!(catalog("export --format tsv").stdout, tsv.stdout);
    assert_eq!(catalog("export --format json").json().as_array().unwrap().len(), 2248);
    assert_eq!(catalog("export --format markdown").text().lines().count(), 2 + 2248);
    assert_eq!(catalog("export --format table").text().lines().count(), 1 + 2248);
    // Every line of the TSV has every cell, and none of them would end it.
    assert!(tsv.text().lines().all(|line| line.split('\t').count() == 16));
}

#[test]
fn what_is_exported_is_an_overlay() {
    let folder = folder();
    let path = folder.path().join("catalog.tsv");
    let path = path.to_str().unwrap();
    assert_eq!(run(["catalog", "export", "-o", path]).status, 0);
    let again = run(["catalog", "export", "--catalog-overlay", path]);
    assert!(again.stdout == std::fs::read(path).unwrap());
}

#[test]
fn diff_shows_what_a_list_changes() {
    for format in ["table", "tsv", "markdown"] {
        let ran = run_on(LIST.as_bytes(), ["catalog", "diff", "-", "--format", format]);
        assert_eq!(ran.status, 1, "{format}");
        assert!(!ran.text().contains('\u{1b}'));
        // What is gone is most of the catalog.
        let short: Vec<&str> = ran
            .text()
            .lines()
            .filter(|line| !line.starts_with("gone") && !line.starts_with("| gone"))
            .map(str::trim_end)
            .collect();
        if format != "table" {
            assert_snapshot!(format!("diff_{format}"), short.join("\n"));
        }
    }
    let json = run_on(LIST.as_bytes(), words("catalog diff - --format json")).json();
    assert_eq!(json["added"][0]["id"], "event_id.iaas.robot.create");
    assert_eq!(json["renamed"][0]["before"], "인스턴스 삭제");
    assert_eq!(json["lang"], "ko");
}

#[test]
fn diff_of_the_same_finds_nothing() {
    // A list of all that the catalog takes for current in the edition.
    let json = catalog("export --format json").json();
    let mut list = "|Event|Event ID|Service|\n|---|---|---|\n".to_owned();
    for entry in json.as_array().unwrap() {
        let current = entry["listings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|listing| listing["edition"] == "gov" && listing["last"].is_null());
        if current {
            let name = entry["names"]["en"].as_str().unwrap().replace('|', "\\|");
            list.push_str(&format!("|{name}|{}|x|\n", entry["id"].as_str().unwrap()));
        }
    }
    let ran = run_on(list.as_bytes(), words("catalog diff - --edition gov --format json"));
    let diff = ran.json();
    assert_eq!(diff["added"].as_array().unwrap().len(), 0);
    assert_eq!(diff["gone"].as_array().unwrap().len(), 0);
    assert_eq!(diff["edition"], "gov");
}

#[test]
fn import_makes_an_overlay() {
    let folder = folder();
    let (list, overlay) = (folder.path().join("list.md"), folder.path().join("overlay.tsv"));
    std::fs::write(&list, LIST).unwrap();
    let (list, overlay) = (list.to_str().unwrap(), overlay.to_str().unwrap());
    let ran = run(["catalog", "import", list, "-o", overlay]);
    assert_eq!((ran.status, ran.stdout.len()), (0, 0));
    let printed = run(["catalog", "import", list]);
    assert_eq!(printed.stdout, std::fs::read(overlay).unwrap());
    let got = run(["catalog", "get", "event_id.iaas.robot.create", "--catalog-overlay", overlay]);
    assert_eq!(got.status, 0);
    assert!(got.text().contains("로봇 생성 & 시험"), "{}", got.text());
    let old =
        run(["catalog", "get", "event_id.iaas.instance.delete", "--catalog-overlay", overlay]);
    assert!(old.text().contains("formerly  인스턴스 삭제"), "{}", old.text());
}

#[test]
fn odd_lines_of_a_list_are_shown() {
    let list = format!("{LIST}|로봇 삭제|event_id.iaas.ro bot.delete|기본 인프라 서비스|\n");
    let ran = run_on(list.as_bytes(), words("catalog diff - --format tsv"));
    let odd: Vec<&str> = ran.text().lines().filter(|line| line.starts_with("odd\t")).collect();
    assert_eq!(
        odd,
        [
            "odd\tevent_id.iaas.ro bot.delete\t\t로봇 삭제\t\t6\tnot taken as a row: a blank inside the event ID"
        ]
    );
    let table = run_on(list.as_bytes(), words("catalog diff -"));
    assert!(table.text().lines().next().unwrap().ends_with(", 1 odd line"), "{}", table.text());
    let import = run_on(list.as_bytes(), words("catalog import -"));
    assert_eq!(import.status, 0);
    assert!(!import.text().contains("bot.delete"));
    assert!(import.stderr.contains("line 6 left out"), "{}", import.stderr);
}

#[test]
fn an_event_whose_words_say_nothing_has_no_action() {
    let folder = folder();
    let overlay = folder.path().join("overlay.tsv");
    let overlay = overlay.to_str().unwrap();
    let list = "|이벤트|이벤트 ID|\n|---|---|\n|로봇 춤|event_id.x.robot.dance|\n";
    let ran = run_on(list.as_bytes(), ["catalog", "import", "-", "-o", overlay]);
    assert_eq!(ran.status, 0);
    let get = |format| {
        run([
            "catalog",
            "get",
            "event_id.x.robot.dance",
            "--catalog-overlay",
            overlay,
            "-f",
            format,
        ])
    };
    assert_eq!(get("table").status, 0);
    assert!(!get("table").text().contains("action"));
    assert!(get("json").json()[0]["action"].is_null());
    assert!(get("tsv").text().contains("로봇 춤"));
    let found = run(["catalog", "search", "로봇 춤", "--catalog-overlay", overlay]);
    assert!(found.text().contains("event_id.x.robot.dance"));
}

#[test]
fn a_misspelt_column_of_an_overlay_is_an_error() {
    let folder = folder();
    let overlay = folder.path().join("overlay.tsv");
    std::fs::write(&overlay, "event_id\tname_kr\nevent_id.x.robot.create\t로봇\n").unwrap();
    let ran = run(["catalog", "services", "--catalog-overlay", overlay.to_str().unwrap()]);
    assert_eq!((ran.status, ran.stdout.len()), (2, 0));
    assert!(ran.stderr.contains("line 1") && ran.stderr.contains("name_ko"), "{}", ran.stderr);
}

#[test]
fn what_is_no_list_is_an_error() {
    let ran = run_on(b"# A page\n", words("catalog diff -"));
    assert_eq!((ran.status, ran.stdout.len()), (2, 0));
    assert!(ran.stderr.starts_with("error: -: "), "{}", ran.stderr);
    assert_eq!(catalog("diff /nonexistent.md").status, 2);
    assert_eq!(catalog("import /nonexistent.md").status, 2);
    assert_eq!(catalog("diff - --edition nope").status, 2);
}
