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
const MISPRINTS: [&str; 13] = [
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
    "evnet_id.short_url.url_disable",
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
    if misprint.contains("url_disable") {
        return catalog::get("event_id.short_url.url_disable").unwrap().name(lang);
    }
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
    assert_eq!(arm.action().unwrap().kind(), Kind::Create);
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
        // A header that nobody knows; no outer pipes; a header that is wrong about the columns.
        "|Was|Wie|\n|--|--|\n|가 생성|event_id.x.a.create|\n",
        "이름 | 값\n--- | ---\n가 생성 | event_id.x.a.create",
        "|이벤트|서비스|\n|---|---|\n|가 생성|event_id.x.a.create|가|\n",
        "|이벤트 ID|이벤트|\n|---|---|\n|가 생성|event_id.x.a.create|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|**가 생성**|**event\\_id.x.a.create**|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|[가 생성](a.md)|<code>event_id.x.a&#46;create</code>|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|가 &#xC0DD;성|event_id.x\u{200b}.a.create\u{feff}|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|`가 생성`|event_id.x.a.cre\u{7}ate|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|가 생성|event_id.x.\u{b}a.create&#9;|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|가 생성| *`_event_id.x.a.create_`* |\n",
        "> |이벤트|이벤트 ID|\n> |---|---|\n> |가 생성|event_id.x.a.create|\n",
        "|이벤트|이벤트 ID|\n|---|---|\n|가\u{8} 생성|event_id.x.a.create|\n",
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
    let named = |name: &str| lang(&format!("|a|b|\n|-|-|\n|{name}|event_id.iaas.instance.create|"));
    assert_eq!(named("인스턴스 생성"), Lang::Ko);
    assert_eq!(named("インスタンスの作成"), Lang::Ja);
    assert_eq!(named("Create Instance"), Lang::En);
    assert_eq!(
        lang("|Event Name|Event ID|\n|-|-|\n|인스턴스|event_id.iaas.instance.create|"),
        Lang::En
    );
    let told = PublishedList::parse("|a|b|\n|-|-|\n|Create|event_id.iaas.instance.create|")
        .unwrap()
        .with_lang(Lang::Ja);
    assert_eq!(told.lang(), Lang::Ja);
}

#[test]
fn names_left_in_korean_are_no_translations() {
    let catalog = Catalog::builtin();
    let known = "event_id.iaas.instance.create";
    // One that NHN Cloud never published in English, one that it did, and two that are new.
    let ours = catalog::entries()
        .iter()
        .find(|entry| !entry.name_is_published(Lang::En) && entry.name_is_published(Lang::Ko))
        .unwrap();
    for (lang, header) in &HEADERS[1..] {
        let text = format!(
            "|{}|\n|---|---|---|\n|{}|{}|x|\n|인스턴스 생성|{known}|x|\n|Robot 생성|event_id.x.robot.create|x|\n\
             |Robot|event_id.x.robot.delete|x|\n|로봇|event_id.x.robot.delete|y|\n",
            header.join("|"),
            ours.name(Lang::Ko),
            ours.id(),
        );
        let list = PublishedList::parse(&text).unwrap();
        assert_eq!(list.lang(), *lang);
        let diff = list.diff(&catalog);
        assert_eq!(diff.renamed, [], "{lang}");
        assert_eq!(diff.added.len(), 2);
        let overlay = list.to_overlay(&catalog);
        let overlaid = catalog.with_overlay(&overlay).unwrap();
        for id in [ours.id(), known] {
            assert_eq!(overlaid.get(id), catalog.get(id));
        }
        let new = overlaid.get("event_id.x.robot.create").unwrap();
        assert_eq!(new.name(Lang::Ko), "Robot 생성");
        assert!(new.name_is_published(Lang::Ko));
        assert!(!new.name_is_published(*lang));
        let new = overlaid.get("event_id.x.robot.delete").unwrap();
        assert_eq!((new.name(Lang::Ko), new.name(*lang)), ("로봇", "Robot"));
        assert!(new.name_is_published(*lang));
        // Once somebody has translated it, it is a name.
        let later = text.replace("Robot 생성", "Robot!");
        let diff = PublishedList::parse(&later).unwrap().diff(&overlaid);
        assert_eq!((diff.added.len(), diff.renamed.len()), (0, 1));
        let both = overlaid
            .with_overlay(PublishedList::parse(&later).unwrap().to_overlay(&overlaid))
            .unwrap();
        let new = both.get("event_id.x.robot.create").unwrap();
        assert_eq!((new.name(Lang::Ko), new.name(*lang)), ("Robot 생성", "Robot!"));
    }
    // In a Korean list English is as good as any name.
    let list =
        PublishedList::parse(format!("|이벤트|이벤트 ID|\n|-|-|\n|Create|{known}|")).unwrap();
    assert_eq!(list.diff(&catalog).renamed[0].after, "Create");
}

#[test]
fn an_id_whose_words_say_nothing_has_no_action() {
    let catalog = Catalog::builtin();
    let list =
        PublishedList::parse("|이벤트|이벤트 ID|\n|-|-|\n|로봇 춤|event_id.x.robot.dance|\n")
            .unwrap();
    let overlay = list.to_overlay(&catalog);
    let header: Vec<&str> = overlay.lines().next().unwrap().split('\t').collect();
    let row: Vec<&str> = overlay.lines().nth(1).unwrap().split('\t').collect();
    for (column, cell) in header.iter().zip(&row) {
        if ["verb", "kind", "phase", "provenance"].contains(column) {
            assert_eq!(*cell, "", "{column}");
        }
    }
    let entry = catalog.with_overlay(&overlay).unwrap();
    let entry = entry.get("event_id.x.robot.dance").unwrap();
    assert_eq!((entry.action(), entry.resource()), (None, Some("robot")));
}

/// A list of these lines behind a header; rows and odd lines as they were taken.
fn taken(lines: &str) -> (Vec<String>, Vec<(usize, String)>) {
    let list = PublishedList::parse(format!(
        "|이벤트|이벤트 ID|\n|---|---|\n|가|event_id.x.first.create|\n{lines}"
    ))
    .unwrap();
    assert_eq!(list.diff(&Catalog::builtin()).odd, list.odd());
    assert!(!list.odd().iter().any(|odd| odd.why.is_empty()));
    (
        list.rows().iter().skip(1).map(|row| row.id.clone()).collect(),
        list.odd().iter().map(|odd| (odd.line - 3, odd.why.clone())).collect(),
    )
}

#[test]
fn rows_are_lines_of_tables() {
    let row = "|나|event_id.x.second.create|";
    let second = ["event_id.x.second.create".to_owned()];
    // In the table: at once, behind a blank line, an anchor, a comment.
    for lines in [
        row.to_owned(),
        format!("\n{row}"),
        format!("<a id=\"x\"></a>\n{row}"),
        format!("<!-- |다|event_id.x.third.create| -->\n{row}"),
        format!("<!--\n|다|event_id.x.third.create|\n\n-->\n{row}"),
        "|나 <!-- | --> |event_id.x.<!-- third. -->second.create|".to_owned(),
        "`<!--`|event_id.x.second.create|".to_owned(),
        // A comment without an end is none.
        "|나 <!-- |event_id.x.second.create|".to_owned(),
        "|나 <!-- a -->|event_id.x.second<!-- | -->.create| <!-- |".to_owned(),
        "event_id.x.second.create".to_owned(),
        // A code block, and a new table.
        format!("```\n|다|event_id.x.third.create|\n```\n|a|b|\n|-|-|\n{row}"),
        format!("~~~~ md\n```\n~~~\n|다|event_id.x.third.create|\n~~~~~\n|a|b|\n|-|-|\n{row}"),
        format!("```not a fence```\n{row}"),
    ] {
        assert_eq!(taken(&lines), (second.to_vec(), vec![]), "{lines}");
    }
    // Not in one: behind a heading, a text, a code block. It is said so, not dropped.
    for (lines, line) in [
        (format!("# x\n{row}"), 2),
        (format!("\nSome text.\n{row}"), 3),
        (format!("```\n```\n{row}"), 3),
        ("\na | event_id.x.second.create".to_owned(), 2),
        // A header is none, and neither is what is in a code block without an end.
        (format!("\n{row}\n|---|---|"), 2),
        (format!("```\n{row}"), 1),
    ] {
        let (rows, odd) = taken(&lines);
        assert_eq!((rows.len(), odd.len()), (0, 1), "{lines}: {odd:?}");
        assert_eq!(odd[0].0, line, "{lines}");
    }
    // Prose and other tables say nothing.
    for lines in ["\nSee a | b.", "\n|a|b|\n|-|-|\n|c|d|", "\nevent_id.x.second.create", "|||"] {
        assert_eq!(taken(lines), (vec![], vec![]), "{lines}");
    }
    let error = PublishedList::parse(row).unwrap_err();
    assert_eq!(error.code(), Code::InvalidList);
    assert!(error.message().contains("line 1") && error.message().contains("outside of a table"));
}

#[test]
fn what_might_be_another_id_is_odd() {
    for (cell, why) in [
        ("event_id.x.a. create", "blank"),
        ("event_id. event_id.x.a.create", "blank"),
        ("event_id.x.a&nbsp;.create", "blank"),
        ("event_id.x.a\tb.create", "blank"),
        ("ｅｖｅｎｔ_id.x.a.create", "full-width"),
        ("event_id．x．a．create", "full-width"),
        ("~~event_id.x.a.create~~", "struck out"),
        ("<del>event_id.x.a.create</del>", "struck out"),
        ("event_id.x.a.*", "`*`"),
        ("**event_id.x.a.create", "`*`"),
        ("event_id.x.a.생성", "`생`"),
        ("event_id.x.a,event_id.x.b", "`,`"),
        ("event_id.x.a.cr\u{fffd}ate", "lost"),
        ("event_id.", "cut off"),
        ("ID: event_id.x.a.create", "text before"),
        ("x.a.create", "no event ID"),
        ("-", "no event ID"),
    ] {
        let (rows, odd) = taken(&format!("|나|{cell}|"));
        assert_eq!(rows, Vec::<String>::new(), "{cell}");
        assert_eq!(odd.len(), 1, "{cell}: {odd:?}");
        assert!(odd[0].0 == 1 && odd[0].1.contains(why), "{cell}: {odd:?}");
    }
    let (rows, odd) = taken("|~~나~~|event_id.x.a.create|");
    assert!(rows.is_empty() && odd[0].1.contains("struck out"), "{odd:?}");
    // The one of a cell does not hide the other.
    let (rows, odd) = taken("|나|event_id.x.a.create<br>event_id.x. b|");
    assert_eq!((rows, odd.len()), (vec!["event_id.x.a.create".to_owned()], 1));
    let (rows, _) = taken("|나|event_id.x.a.create event_id.x.b.create|");
    assert_eq!(rows, ["event_id.x.a.create", "event_id.x.b.create"]);
    // The ID twice is no name.
    let twice = PublishedList::parse(
        "|Event|Event ID|\n|-|-|\n|event_id.iaas.vpc.create|event_id.iaas.vpc.create|",
    )
    .unwrap();
    assert_eq!(twice.rows()[0].name, "");
    assert!(twice.diff(&Catalog::builtin()).renamed.is_empty());

    // A list with odd lines is not one that agrees; what they hold is shown as it was printed.
    let text =
        format!("{}|가|event_id.iaas. vpc.create|가|\n", three_columns(Lang::Ko, Edition::Public));
    let diff = PublishedList::parse(text).unwrap().diff(&Catalog::builtin());
    assert!(diff.added.is_empty() && diff.gone.is_empty() && !diff.is_empty());
    assert_eq!(
        (diff.odd[0].printed.as_str(), diff.odd[0].name.as_str()),
        ("event_id.iaas. vpc.create", "가")
    );
    assert_eq!(serde_json::to_value(&diff).unwrap()["odd"][0]["name"], "가");
}

/// How long this thread has computed, which does not depend on what else the machine does.
#[cfg(unix)]
fn seconds() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).tv_sec
}

#[cfg(unix)]
#[test]
fn many_opening_marks_cost_no_more_than_their_length() {
    for mark in ["[", "<", "&", "<!--", "\\<!--", "<!---->", "`", "\\", "~~", "**", "|"] {
        let text = format!(
            "|이벤트|이벤트 ID|\n|-|-|\n|{}|event_id.x.a.create|\n",
            mark.repeat(200_000 / mark.len())
        );
        let began = seconds();
        let _ = PublishedList::parse(text);
        let took = seconds() - began;
        // Far from both: a second or so where the work grows with the length, hours where with its square.
        assert!(took < 10, "{mark}: {took} s");
    }
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

const HEADER: &str = "|이벤트|이벤트 ID|서비스|\n| --- | --- | --- |\n|인스턴스 생성|event_id.iaas.instance.create|기본 인프라 서비스|\n";

fn odd(rows: &str) -> Vec<(usize, String)> {
    let list = PublishedList::parse(format!("{HEADER}{rows}")).unwrap();
    assert_eq!(list.rows().first().unwrap().id, "event_id.iaas.instance.create");
    list.odd().iter().map(|odd| (odd.line, odd.why.clone())).collect()
}

#[test]
fn a_list_that_is_not_utf8_is_refused() {
    let mut cp949 = HEADER.as_bytes().to_vec();
    cp949.extend_from_slice(b"|\xb7\xce\xba\xbf|event_id.iaas.robot.create|\xb1\xe2\xba\xbb|\n");
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for text in [cp949, [b"\xff\xfe".to_vec(), utf16].concat()] {
        let error = PublishedList::parse(&text).unwrap_err();
        assert_eq!(error.code(), Code::InvalidList);
        assert!(error.message().contains("UTF-8"), "{error}");
    }
    // A conversion has lost characters.
    let lost = odd("|\u{fffd}\u{fffd} 생성|event_id.iaas.robot.create|기본 인프라 서비스|\n");
    assert_eq!(lost, [(4, "a character of the name is lost".to_owned())]);
}

#[test]
fn ids_that_are_cut_off_are_odd() {
    for row in [
        "|로봇 생성|event_id.iaas.robot.|기본 인프라 서비스|",
        "|로봇 생성|event_id.iaas.robot_|기본 인프라 서비스|",
        "|로봇 생성|event_id.robots|기본 인프라 서비스|",
        "|로봇 생성|event_id.robots.|기본 인프라 서비스|",
    ] {
        assert_eq!(odd(row), [(4, "the event ID is cut off".to_owned())], "{row}");
    }
    for row in ["|로봇 생성|event_id.iaas.robot.cre", "|로봇 생성|event_id.iaas.robot.cre\n\n"]
    {
        assert_eq!(odd(row), [(4, "the line is cut off".to_owned())], "{row}");
    }
    // On the next line is what is missing.
    let cut = odd("|로봇 생성|event_id.iaas.robot.cre\nate|기본 인프라 서비스|\n");
    assert_eq!(cut.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 5]);
    // Nothing is missing without the last pipe alone.
    assert_eq!(odd("|로봇 생성|event_id.iaas.robot.create|기본 인프라 서비스"), []);
    for row in ["|로봇|event_id.iaas..create|서비스|", "|로봇|event_id..create|서비스|"] {
        assert_eq!(odd(row), [(4, "an empty part in the event ID".to_owned())], "{row}");
    }
    // The guide has published this one.
    assert_eq!(odd("|삭제|event_id.pca..ca.delete|서비스|"), []);
}

#[test]
fn an_id_with_two_names_is_odd() {
    let other = odd("|인스턴스 삭제|event_id.iaas.instance.create|기본 인프라 서비스|\n");
    assert_eq!(
        other,
        [(4, "the event ID has another name in line 3: \"인스턴스 생성\"".to_owned())]
    );
    for same in ["인스턴스  생성", "`인스턴스 생성`", "Create Instance", ""] {
        assert_eq!(odd(&format!("|{same}|event_id.iaas.instance.create|다른 서비스|\n")), []);
    }
}

#[test]
fn entities_in_names_are_decoded() {
    let row = "|로봇 &amp; 기계 &lt;생성&gt; &#44; &quot;A&quot;&nbsp;B|event_id.iaas.robot.create|Log &amp; Crash Search|\n";
    let list = PublishedList::parse(format!("{HEADER}{row}")).unwrap();
    assert_eq!(list.rows()[1].name, "로봇 & 기계 <생성> , \"A\" B");
    assert_eq!(list.rows()[1].service.as_deref(), Some("Log & Crash Search"));
    let overlay = list.to_overlay(&Catalog::builtin());
    assert!(overlay.contains("로봇 & 기계 <생성>"), "{overlay}");
    assert!(overlay.contains("\tlog-crash-search\t"), "{overlay}");
}
