//! NHN Cloud's published lists. The real ones are not ours to keep, so these are written from the
//! catalog in the guide's layouts, with the guide's misprints and its editors' habits in them.

use std::fmt::Write as _;

use nhn_cloudtrail::Code;
use nhn_cloudtrail::catalog::{self, Catalog, Edition, Entry, Kind, Lang, PublishedList};

const HEADERS: [(Lang, [&str; 3]); 3] = [
    (Lang::Ko, ["이벤트", "이벤트 ID", "서비스"]),
    (Lang::En, ["Event", "Event ID", "Service"]),
    (Lang::Ja, ["イベント", "イベントID", "サービス"]),
];

/// As the guide's editors type them.
const MISPRINTS: [&str; 12] = [
    "event_id.gameanvil.gateway_node.\u{8}force_stop",
    "event_id.gameanvil.gateway_node.\u{fffd}start_up",
    "event_id.iaas",
    "event_id.iaas.vpc_subnet.creat",
    "event_id.iaas.vpc_subnet.delet ",
    "event_id.odeploy_history_downloadrg.role_group.create",
    "event_id.system_monitoring.se드rver_dashboard_layout_addition",
    "event_id.test.test",
    "event_id.test.test_aa",
    "event_id.tstprd01.test03",
    "event\\_id.test.test\\_aa",
    "event_id.gameanvil.gateway_node.&#8;force_stop",
];

fn current(edition: Edition) -> Vec<&'static Entry> {
    catalog::entries().iter().filter(|entry| entry.is_current_in(edition)).collect()
}

fn printed_services(entry: &Entry, lang: Lang) -> Vec<String> {
    let catalog = Catalog::builtin();
    entry
        .services()
        .iter()
        .filter_map(|slug| Some(catalog.service(slug)?.name(lang).to_owned()))
        .collect()
}

/// Names as Markdown has them.
fn markdown(name: &str) -> String {
    name.replace('&', "&amp;").replace('_', "\\_").replace('|', "\\|")
}

/// The name that a misprint is printed with.
fn meant(misprint: &str, lang: Lang) -> &'static str {
    let act = if misprint.ends_with("force_stop") { "force_stop" } else { "start_up" };
    match misprint.contains("gameanvil") {
        true => catalog::get(&format!("event_id.gameanvil.gateway_node.{act}")).unwrap().name(lang),
        false => "?",
    }
}

/// Three columns; a row a service for events of two.
fn three_columns(lang: Lang, edition: Edition) -> String {
    let header =
        HEADERS.iter().find(|(known, _)| *known == lang).map(|(_, header)| header).unwrap();
    let mut text = format!(
        "\u{feff}## CloudTrail > List\r\n\r\n|{}|\r\n| :--- | --- | ---: |\r\n",
        header.join("|")
    );
    for (number, entry) in current(edition).into_iter().enumerate() {
        for service in printed_services(entry, lang) {
            let (id, name, service) = (entry.id(), markdown(entry.name(lang)), markdown(&service));
            match number % 4 {
                0 => write!(text, "|{name}|{id}|{service}|\r\n"),
                1 => write!(text, "| {name} | {} | {service} |  \r\n", id.replace('_', "\\_")),
                2 => write!(text, "{name} | `{id}` | {service}\r\n"),
                _ => write!(text, "|{name}<br>|{id}&nbsp;|<span>{service}</span>|\r\n"),
            }
            .unwrap();
        }
    }
    for misprint in MISPRINTS {
        write!(text, "|{}|{misprint}|?|\r\n", meant(misprint, lang)).unwrap();
    }
    text
}

/// A heading for each service, the ID in front.
fn headings(lang: Lang, edition: Edition) -> String {
    let header =
        HEADERS.iter().find(|(known, _)| *known == lang).map(|(_, header)| header).unwrap();
    let mut text =
        "# CloudTrail\n\nSome words | with a pipe.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n".to_owned();
    for service in catalog::services() {
        write!(text, "\n### {} {{#{}}}\n\n", service.name(lang), service.slug()).unwrap();
        writeln!(text, "| {} | {} |\n|---|---|", header[1], header[0]).unwrap();
        for entry in current(edition) {
            if entry.services().iter().any(|slug| slug == service.slug()) {
                writeln!(text, "| {} | {} |", entry.id(), markdown(entry.name(lang))).unwrap();
            }
        }
    }
    for misprint in MISPRINTS {
        writeln!(text, "| {misprint} | {} |", meant(misprint, lang)).unwrap();
    }
    text
}

#[test]
fn the_newest_lists_differ_in_nothing_but_misprints() {
    let catalog = Catalog::builtin();
    for (lang, _) in HEADERS {
        for edition in [Edition::Public, Edition::Gov] {
            for text in [three_columns(lang, edition), headings(lang, edition)] {
                let list = PublishedList::parse(&text).unwrap().with_edition(edition);
                assert_eq!(list.lang(), lang);
                let diff = list.diff(&catalog);
                assert_eq!(diff.added, []);
                assert_eq!(diff.gone, Vec::<String>::new());
                let wrong: Vec<_> =
                    diff.renamed.iter().filter(|renamed| renamed.before.is_some()).collect();
                assert_eq!(wrong.len(), 0, "{wrong:?}");
                // What the project named itself, the list now publishes.
                for renamed in &diff.renamed {
                    assert!(!catalog.get(&renamed.id).unwrap().name_is_published(lang));
                }
                assert_eq!(diff.misprints.len(), MISPRINTS.len(), "{:?}", diff.misprints);
            }
        }
    }
}

#[test]
fn services_come_from_the_column_or_the_heading() {
    let named = |list: &PublishedList| {
        let row = list.rows().iter().find(|row| row.id == "event_id.dnsplus.zone.create").unwrap();
        row.service.clone()
    };
    for text in [three_columns(Lang::Ko, Edition::Public), headings(Lang::Ko, Edition::Public)] {
        assert_eq!(named(&PublishedList::parse(text).unwrap()).as_deref(), Some("DNS Plus"));
    }
}

#[test]
fn misprints_are_told_apart() {
    let diff = PublishedList::parse(three_columns(Lang::Ko, Edition::Public))
        .unwrap()
        .diff(&Catalog::builtin());
    let stop = diff.misprints.iter().find(|row| row.id.ends_with("force_stop")).unwrap();
    let misprint = stop.misprint.as_ref().unwrap();
    assert_eq!(misprint.canonical.as_deref(), Some("event_id.gameanvil.gateway_node.force_stop"));
    assert!(misprint.why.contains("control character"));
    let cut = diff.misprints.iter().find(|row| row.id == "event_id.iaas").unwrap();
    assert_eq!(cut.misprint.as_ref().unwrap().canonical, None);
    // Odd, but published so: an event like any other.
    let odd =
        PublishedList::parse("|이벤트|이벤트 ID|\n|-|-|\n|CA 삭제|event_id.pca..ca.delete|\n")
            .unwrap();
    assert_eq!(odd.rows()[0].misprint, None);
}

#[test]
fn added_gone_renamed() {
    let text = "\
|서비스|이벤트 ID|이벤트|
|:-:|:-:|:-:|
|기본 인프라 서비스|event_id.iaas.instance.create|인스턴스 만들기|
|Robot & Co.|event_id.robots.arm.create_end|로봇 팔 생성 완료|
|기본 인프라 서비스, Kubernetes|event_id.iaas.robot.delete|로봇 삭제|
";
    let catalog = Catalog::builtin();
    let list = PublishedList::parse(text).unwrap();
    let diff = list.diff(&catalog);
    assert_eq!(diff.edition, Edition::Public);
    assert_eq!(
        diff.added.iter().map(|row| (row.id.as_str(), row.line)).collect::<Vec<_>>(),
        [("event_id.robots.arm.create_end", 4), ("event_id.iaas.robot.delete", 5)]
    );
    assert_eq!(diff.gone.len(), 1975);
    assert_eq!(diff.renamed.len(), 1);
    assert_eq!(diff.renamed[0].before.as_deref(), Some("인스턴스 생성"));
    assert_eq!(diff.renamed[0].after, "인스턴스 만들기");
    assert!(!diff.is_empty());
    assert!(serde_json::to_value(&diff).unwrap()["added"][0]["id"].is_string());

    let overlaid = catalog.with_overlay(list.to_overlay(&catalog)).unwrap();
    assert_eq!(overlaid.len(), 2250);
    let arm = overlaid.get("event_id.robots.arm.create_end").unwrap();
    assert_eq!(arm.name(Lang::Ko), "로봇 팔 생성 완료");
    assert!(arm.name_is_published(Lang::Ko));
    assert_eq!(arm.services(), ["robot-co"]);
    assert_eq!(arm.action().kind(), Kind::Create);
    assert_eq!(
        overlaid.get("event_id.iaas.robot.delete").unwrap().services(),
        ["infrastructure", "kubernetes"]
    );
    let renamed = overlaid.get("event_id.iaas.instance.create").unwrap();
    assert_eq!(renamed.name(Lang::Ko), "인스턴스 만들기");
    assert!(renamed.former_names().contains(&"인스턴스 생성".into()));
    assert_eq!(renamed.action(), catalog.get("event_id.iaas.instance.create").unwrap().action());
    // Against what it made, the list brings nothing new.
    let again = list.diff(&overlaid);
    assert_eq!((again.added.len(), again.renamed.len()), (0, 0));
}

#[test]
fn ids_are_known_by_their_look() {
    let ids = |text: &str| {
        let list = PublishedList::parse(text).unwrap();
        list.rows().iter().map(|row| (row.id.clone(), row.name.clone())).collect::<Vec<_>>()
    };
    let expected = vec![("event_id.x.a.create".to_owned(), "가 생성".to_owned())];
    for text in [
        // No header that anybody knows; no header at all; a header that is wrong about the column.
        "|Was|Wie|\n|--|--|\n|가 생성|event_id.x.a.create|\n",
        "가 생성 | event_id.x.a.create",
        "|이벤트 ID|이벤트|\n|---|---|\n|가 생성|event_id.x.a.create|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|**가 생성**|**event\\_id.x.a.create**|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|[가 생성](a.md)|<code>event_id.x.a&#46;create</code>|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|가 &#xC0DD;성|event_id.x\u{200b}.a.create\u{feff}|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|`가 생성`|event_id.x.a.cre\u{7}ate|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|가 생성|event_id.x.\u{b}a. create|\n",
    ] {
        assert_eq!(ids(text), expected, "{text}");
    }
    let piped = PublishedList::parse(
        "|Event|Event ID|\n|---|---|\n|a \\| b <c> &amp;amp; \\\\|event_id.x.a.create|",
    )
    .unwrap();
    assert_eq!(piped.rows()[0].name, "a | b &amp; \\");
    let two =
        ids("|이벤트|이벤트 ID|\n|-|-|\n|가 생성|event_id.x.a.create<br>event_id.x.b.create|");
    assert_eq!(
        two.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
        ["event_id.x.a.create", "event_id.x.b.create"]
    );
    let bold =
        PublishedList::parse("**DNS Plus**\n\n|이벤트|이벤트 ID|\n|-|-|\n|가|event_id.x.a.create|")
            .unwrap();
    assert_eq!(bold.rows()[0].service.as_deref(), Some("DNS Plus"));
    let email = PublishedList::parse(
        "|Event|Event ID|\n|---|---|\n|Download|email_id.email.file_download|",
    )
    .unwrap();
    assert_eq!(email.diff(&Catalog::builtin()).added, []);
}

#[test]
fn the_language_is_told_by_header_or_names() {
    let lang = |text: &str| PublishedList::parse(text).unwrap().lang();
    assert_eq!(lang("|인스턴스 생성|event_id.iaas.instance.create|"), Lang::Ko);
    assert_eq!(lang("|インスタンスの作成|event_id.iaas.instance.create|"), Lang::Ja);
    assert_eq!(lang("|Create Instance|event_id.iaas.instance.create|"), Lang::En);
    assert_eq!(
        lang("|Event Name|Event ID|\n|-|-|\n|인스턴스|event_id.iaas.instance.create|"),
        Lang::En
    );
    let told =
        PublishedList::parse("|Create|event_id.iaas.instance.create|").unwrap().with_lang(Lang::Ja);
    assert_eq!(told.lang(), Lang::Ja);
}

#[test]
fn what_is_no_list() {
    for text in [
        "",
        "# A heading\n\nand words\n",
        "|이벤트|이벤트 ID|서비스|\n|---|---|---|\n",
        "{\"eventId\":\"event_id.x.y\"}",
        "\u{0}\u{1}|",
    ] {
        let error = PublishedList::parse(text).unwrap_err();
        assert_eq!(error.code(), Code::InvalidList);
        assert!(error.message().contains("이벤트 ID"), "{error}");
    }
    assert!(PublishedList::parse(b"\xff\xfe|\x00").is_err());
}
