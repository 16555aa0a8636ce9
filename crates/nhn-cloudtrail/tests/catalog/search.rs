//! Finding entries.

use nhn_cloudtrail::catalog::{self, Catalog, Lang};

fn first(text: &str) -> &'static str {
    catalog::search(text).first().map_or("nothing", |entry| entry.id())
}

#[test]
fn in_three_languages() {
    let create = "event_id.iaas.instance.create";
    assert_eq!(first("인스턴스 생성"), create);
    assert_eq!(first(catalog::get(create).unwrap().name(Lang::En)), create);
    assert_eq!(first(catalog::get(create).unwrap().name(Lang::Ja)), create);
    // A name that the project gave.
    let ours = catalog::entries().iter().find(|entry| !entry.name_is_published(Lang::Ja)).unwrap();
    assert!(catalog::search(ours.name(Lang::Ja)).iter().any(|entry| entry.id() == ours.id()));
}

#[test]
fn former_names() {
    let renamed = catalog::entries().iter().find(|entry| !entry.former_names().is_empty()).unwrap();
    let found = catalog::search(&renamed.former_names()[0]);
    assert!(found.iter().take(5).any(|entry| entry.id() == renamed.id()), "{}", renamed.id());
}

#[test]
fn whatever_the_spacing_case_and_form() {
    let create = "event_id.iaas.instance.create";
    for text in [
        "인스턴스생성",
        "  인스턴스   생성 ",
        // Decomposed, as from a file name on macOS.
        "\u{110b}\u{1175}\u{11ab}\u{1109}\u{1173}\u{1110}\u{1165}\u{11ab}\u{1109}\u{1173} \u{1109}\u{1162}\u{11bc}\u{1109}\u{1165}\u{11bc}",
        "EVENT_ID.IAAS.INSTANCE.CREATE",
        "iaas.instance.create",
        "iaas instance-create",
        "ＩＡＡＳ．ｉｎｓｔａｎｃｅ．ｃｒｅａｔｅ",
        "CREATE INSTANCE",
    ] {
        assert_eq!(first(text), create, "{text}");
    }
    // Half-width kana and kana with separate voicing marks.
    let gateway = catalog::entries()
        .iter()
        .find(|entry| entry.name(Lang::Ja).contains("ゲートウェイ"))
        .unwrap();
    let wide: Vec<&str> = catalog::search("ゲートウェイ").iter().map(|entry| entry.id()).collect();
    assert!(wide.contains(&gateway.id()));
    for narrow in ["ｹﾞｰﾄｳｪｲ", "ケ\u{3099}ートウェイ"] {
        assert_eq!(
            catalog::search(narrow).iter().map(|entry| entry.id()).collect::<Vec<_>>(),
            wide
        );
    }
}

#[test]
fn best_first() {
    // The exact ID before those that begin with it.
    let found = catalog::search("event_id.iaas.cluster.create");
    assert_eq!(found[0].id(), "event_id.iaas.cluster.create");
    assert!(found.len() > 1);
    // A current event before a retired one of the same name.
    let found = catalog::search("클러스터 생성");
    let retired =
        found.iter().position(|entry| entry.id() == "event_id.iaas.cluster.create").unwrap();
    for entry in &found[..retired] {
        assert!(!entry.is_retired() || entry.name(Lang::Ko) == "클러스터 생성", "{}", entry.id());
    }
    // A word before letters that only meet across a blank: 로그 인입.
    let login = catalog::search("로그인");
    let place = |id: &str| login.iter().position(|entry| entry.id() == id).unwrap();
    assert!(place("event_id.iam.login") < place("event_id.logncrash.limit.save"));
    // Exact name, then beginnings, then words inside.
    let found = catalog::search("볼륨");
    let rank = |name: &str| found.iter().position(|entry| entry.name(Lang::Ko) == name);
    assert!(found.len() > 1);
    assert!(rank("NAS for AI 볼륨 생성").is_some());
    let deterministic: Vec<&str> = catalog::search("볼륨").iter().map(|entry| entry.id()).collect();
    assert_eq!(found.iter().map(|entry| entry.id()).collect::<Vec<_>>(), deterministic);
}

#[test]
fn what_people_look_for_comes_first() {
    let cases = [
        // Segments of the ID and last words of names, the shortest first.
        ("login", "event_id.iam.login"),
        ("로그인", "event_id.iam.login"),
        ("ログイン", "event_id.iam.login"),
        ("instance create", "event_id.iaas.instance.create"),
        ("instance.create", "event_id.iaas.instance.create"),
        ("create instance", "event_id.iaas.instance.create"),
        ("instance 생성", "event_id.iaas.instance.create"),
        ("instance", "event_id.iaas.instance.create"),
        ("インスタンス 作成", "event_id.iaas.instance.create"),
        ("vpc", "event_id.iaas.vpc.create"),
        ("vpc delete", "event_id.iaas.vpc.delete"),
        ("삭제 VPC", "event_id.iaas.vpc.delete"),
        ("VPC削除", "event_id.iaas.vpc.delete"),
        ("volume", "event_id.iaas.volume.copy"),
        ("볼륨", "event_id.iaas.volume.copy"),
        ("snapshot", "event_id.iaas.snapshot.create"),
        ("user create", "event_id.role.user.create"),
        ("role", "event_id.role.role.create"),
        ("ロール作成", "event_id.role.role.create"),
        ("멤버초대", "event_id.org.member.invite"),
        ("member invite", "event_id.org.member.invite"),
        ("프로젝트", "event_id.project.create"),
        ("project create", "event_id.project.create"),
        ("プロジェクト作成", "event_id.project.create"),
        ("보안그룹", "event_id.iaas.security_group.create"),
        ("security group", "event_id.iaas.security_group.create"),
        // As typed, and as the guide writes it: セキュリティーグループ.
        ("セキュリティグループ", "event_id.iaas.security_group.create"),
        ("セキュリティグループの削除", "event_id.iaas.security_group.delete"),
        ("플로팅 IP", "event_id.iaas.floating_ip.create"),
        ("nat gateway", "event_id.iaas.nat_gateway.create"),
        ("api key 생성", "event_id.apigw.apikey.create"),
        ("object delete", "event_id.datalakestorage.object.delete"),
        ("rds stop", "event_id.rds_for_mysql.instance.stop"),
        ("db security group create", "event_id.rds_for_postgresql.DB_SECURITY_GROUP_CREATE"),
        // Unfinished words.
        ("inst creat", "event_id.iaas.instance.create"),
        ("인스턴스 생", "event_id.iaas.instance.create"),
    ];
    for (text, id) in cases {
        assert_eq!(first(text), id, "{text}");
    }
    // Of equals the current ones: the retired `cluster.create` has what was looked for too.
    let found = catalog::search("cluster create");
    let retired =
        found.iter().position(|entry| entry.id() == "event_id.iaas.cluster.create").unwrap();
    assert!(retired > 0 && retired < 5, "{retired}");
    assert_eq!(found[0].id(), "event_id.iaas.cluster.create.end");
    assert_eq!(first("iaas.cluster.create"), "event_id.iaas.cluster.create");
}

#[test]
fn japanese_with_and_without_particles() {
    let ids = |text: &str| {
        let mut ids: Vec<&str> = catalog::search(text).iter().map(|entry| entry.id()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(first("インスタンス作成"), "event_id.iaas.instance.create");
    for (with, without) in [
        ("インスタンスの作成", "インスタンス作成"),
        ("IPの変更", "IP変更"),
        ("プロジェクトピアリングを作成", "プロジェクトピアリング作成"),
    ] {
        assert!(!ids(without).is_empty(), "{without}");
        // Two words find more than one does, never less.
        assert!(ids(without).iter().all(|id| ids(with).contains(id)), "{with}");
        assert_eq!(first(with), first(without));
    }
    // Where it is no particle it stays: その他 is not そ and 他.
    let catalog = Catalog::builtin()
        .with_overlay("event_id\tname_ja\nevent_id.x.other.create\tその他作成\n")
        .unwrap();
    assert_eq!(catalog.search("その他")[0].id(), "event_id.x.other.create");
    assert!(!catalog.search("そ他").iter().any(|entry| entry.id() == "event_id.x.other.create"));
    assert!(catalog::search("の").is_empty());
}

#[test]
fn several_words_must_all_be_found() {
    let found = catalog::search("subnet delete");
    assert_eq!(found[0].id(), "event_id.iaas.vpc_subnet.delete");
    for entry in &found {
        let all = format!("{} {} {:?}", entry.id(), entry.name(Lang::En), entry.former_names())
            .to_lowercase();
        assert!(all.contains("subnet") && all.contains("delete"), "{all}");
    }
    // Words of different languages.
    assert!(
        catalog::search("instance 생성")
            .iter()
            .any(|entry| entry.id() == "event_id.iaas.instance.create")
    );
    for nothing in ["", "   ", ". _ -", "robot dance", "생성 없는말없는말"] {
        assert!(catalog::search(nothing).is_empty(), "{nothing}");
    }
}

#[test]
fn misspelt_ids() {
    let suggest =
        |id: &str| catalog::suggest(id).iter().map(|entry| entry.id()).collect::<Vec<_>>();
    let create = "event_id.iaas.instance.create";
    for misspelt in [
        "event_id.iaas.instance.creat",
        "event_id.iaas.instnace.create",
        "event_id.iaas.instances.create",
        "event_id.iaas.instance-create",
        "event_id.IaaS.Instance.Create",
        "iaas.instance.create",
        "event_id.iaas.instance.create\r",
        "event.iaas.instance.create",
        "EVENT_ID.IAAS.INSTANCE.CREATE",
        "EVENT_ID.IAAS.INSTANCE.CREAT",
        "ｅｖｅｎｔ＿ｉｄ．ｉａａｓ．ｉｎｓｔａｎｃｅ．ｃｒｅａｔｅ",
    ] {
        assert_eq!(suggest(misspelt).first(), Some(&create), "{misspelt}: {:?}", suggest(misspelt));
        assert!(suggest(misspelt).len() <= 5);
    }
    assert_eq!(
        suggest("event_id.gameanvil.gateway_node.?force_stop")[0],
        "event_id.gameanvil.gateway_node.force_stop"
    );
    // Only case is wrong: nothing else was meant, whatever the right case is.
    for entry in catalog::entries().iter().step_by(23) {
        for wrong in [entry.id().to_uppercase(), entry.id().to_lowercase()] {
            assert_eq!(suggest(&wrong)[0], entry.id());
            assert!(suggest(&wrong).len() <= 2, "{:?}", suggest(&wrong));
        }
    }
    for far in
        ["", "x", "robot", "event_id", "event_id.", "event_id.robots.arm.dance", "완전히 다른 것"]
    {
        assert!(suggest(far).is_empty(), "{far}: {:?}", suggest(far));
    }
}

#[test]
fn a_transposed_letter_means_all_that_fit_and_no_more() {
    let suggest =
        |id: &str| catalog::suggest(id).iter().map(|entry| entry.id()).collect::<Vec<_>>();
    assert_eq!(suggest("event_id.iaas.instance.craete"), ["event_id.iaas.instance.create"]);
    assert_eq!(
        suggest("event_id.iaas.volume.atach"),
        ["event_id.iaas.volume.attach", "event_id.iaas.volume.detach"]
    );
}

#[test]
fn of_many_hits_the_shortest_ids_come_first() {
    let found: Vec<&str> = catalog::search("acc").iter().map(|entry| entry.id()).collect();
    assert_eq!(
        found[..4],
        [
            "event_id.org.selected",
            "event_id.project.selected",
            "event_id.iam.org.selected",
            "event_id.iam.project.selected",
        ]
    );
}

#[test]
fn overlays_are_searched_too() {
    let catalog = Catalog::builtin()
        .with_overlay("event_id\tname_ko\nevent_id.iaas.robot.create\t로봇 생성\n")
        .unwrap();
    assert_eq!(catalog.search("로봇생성")[0].id(), "event_id.iaas.robot.create");
    assert_eq!(
        catalog.suggest("event_id.iaas.robbot.create")[0].id(),
        "event_id.iaas.robot.create"
    );
}

#[test]
fn more_words_than_anything_has_find_nothing_and_take_no_time() {
    assert!(!catalog::search(&"생성 ".repeat(64)).is_empty());
    assert!(catalog::search(&"생성 ".repeat(65)).is_empty());
    assert!(catalog::search(&"a ".repeat(1 << 20)).is_empty());
}
