//! What events do.

use nhn_cloudtrail::catalog::{self, Kind, Phase, Provenance, infer_action, infer_resource};

#[test]
fn golden_rows() {
    let golden = include_str!("golden.tsv");
    let mut rows = 0;
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let entry = catalog::get(cells[0]).unwrap();
        let action = entry.action().unwrap();
        let found = [
            entry.id(),
            action.verb().unwrap_or_default(),
            action.kind().as_str(),
            action.phase().map_or("", Phase::as_str),
            entry.resource().unwrap_or_default(),
            action.provenance().as_str(),
        ];
        assert_eq!(found[..], cells[..]);
        rows += 1;
    }
    assert!(rows >= 60, "only {rows} golden rows");
}

#[test]
fn the_rules_on_the_whole_table() {
    let mut curated = 0;
    for entry in catalog::entries() {
        // Every built-in entry says what it does.
        let (id, action) = (entry.id(), entry.action().unwrap());
        match action.provenance() {
            Provenance::Curated => curated += 1,
            _ => {
                assert_eq!(infer_action(id).as_ref(), Some(action), "{id}");
                assert_eq!(infer_resource(id).as_deref(), entry.resource(), "{id}");
            }
        }
        if let Some(verb) = action.verb() {
            // The verb is a word of the ID.
            let plain = |text: &str| text.to_lowercase().replace(['_', '-', '.'], "");
            assert!(plain(id).contains(&plain(verb)), "{id}: {verb}");
        }
        // Marks of a phase at the end are a phase, unless ending is the act.
        let marked =
            [(".failed", Phase::Failed), (".fail", Phase::Failed), ("_end", Phase::Completed)];
        for (mark, phase) in marked {
            if id.ends_with(mark) && action.verb() != Some("end") {
                assert_eq!(action.phase(), Some(phase), "{id}");
            }
        }
    }
    // The rules carry the table; a file of exceptions that grows past this says that they do not.
    assert!(curated < 150, "{curated} curated actions");
}

#[test]
fn ids_outside_the_catalog() {
    let act = |id: &str| {
        infer_action(id).map(|action| {
            (action.kind(), action.phase(), action.verb().unwrap_or_default().to_owned())
        })
    };
    let expect = |kind, phase, verb: &str| Some((kind, phase, verb.to_owned()));
    assert_eq!(act("event_id.iaas.robot.create"), expect(Kind::Create, None, "create"));
    assert_eq!(
        act("event_id.iaas.cluster.suspend.failed"),
        expect(Kind::Execute, Some(Phase::Failed), "suspend")
    );
    assert_eq!(
        act("event_id.iaas.nodegroup.userscript.update.end"),
        expect(Kind::Update, Some(Phase::Completed), "update")
    );
    assert_eq!(
        act("event_id.rds_for_mysql.instance.create-vip"),
        expect(Kind::Create, None, "create")
    );
    assert_eq!(act("event_id.robots.deleteRobotArm"), expect(Kind::Delete, None, "delete"));
    assert_eq!(act("event_id.robots.ROBOT_ARM_MODIFY"), expect(Kind::Update, None, "modify"));
    assert_eq!(
        act("event_id.robots.dance_cancel_request"),
        expect(Kind::Execute, Some(Phase::Cancelled), "cancel")
    );
    assert_eq!(act("event_id.robots.team.member.remove"), expect(Kind::Update, None, "remove"));
    for silent in
        ["event_id.robots.dance", "event_id.create", "create", "", "...", "이벤트.로봇.생성"]
    {
        assert_eq!(act(silent), None, "{silent}");
    }
    assert_eq!(infer_resource("event_id.robots.deleteRobotArm").as_deref(), Some("RobotArm"));
    assert_eq!(infer_resource("event_id.robots.arm.dance").as_deref(), Some("arm"));
    assert_eq!(infer_resource("event_id.robots"), None);
}

#[test]
fn odd_text_never_panics() {
    for id in [
        "event_id.a.ÄÖ_delete_ß.í",
        "event_id.x._.-",
        "event_id.x.__create__",
        "a.b.c.\u{0}start",
        "event_id.event_id",
    ] {
        let _ = infer_action(id);
        let _ = infer_resource(id);
    }
}
