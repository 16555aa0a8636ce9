//! `read`: formats, columns, filters, rejects, exit statuses.

use crate::common::{Ran, broken_log, data, folder, log, run, run_on, visible, words};
use insta::assert_snapshot;
use serde_json::Value;

/// `read` of the log on standard input.
fn read(args: &str) -> Ran {
    run_on(&log(), ["read", "-"].into_iter().chain(words(args)))
}

#[test]
fn the_table_is_aligned_and_has_no_control_characters() {
    let ran = read("");
    assert_snapshot!(ran.all());
    assert!(!ran.text().contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn the_table_has_names_in_a_language_and_times_in_a_zone() {
    assert_snapshot!(read("--lang en --tz Asia/Seoul").all());
}

#[test]
fn the_table_shows_any_column() {
    let columns = "source,source_record,event_log_uuid,known,target_members,request,extra";
    assert_snapshot!(read(&format!("--columns {columns}")).all());
}

#[test]
fn colours_can_be_had_without_a_terminal() {
    let ran = read("--color always --columns event_name,outcome");
    assert_snapshot!(visible(ran.text()));
}

#[test]
fn jsonl_is_the_flat_form() {
    let ran = read("--format jsonl");
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_snapshot!(visible(ran.text()));
}

#[test]
fn json_is_an_array_of_the_jsonl_lines() {
    let lines = read("--format jsonl");
    let lines: Vec<Value> =
        lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read("--format json").json(), Value::Array(lines));
}

#[test]
fn json_is_valid_however_few_events_there_are() {
    assert_eq!(read("--format json --limit 0").text(), "[]\n");
    assert_eq!(read("--format json --user nobody").text(), "[]\n");
    let one = read("--format json --limit 1 --columns region");
    assert_eq!(one.text(), "[\n{\"region\":\"KR1\"}\n]\n");
}

#[test]
fn csv_is_quoted_and_harmless() {
    let columns = "event_time,user_id,user_name,result_message,request,target_members,extra,known";
    assert_snapshot!(visible(&read(&format!("--format csv --columns {columns}")).all()));
}

#[test]
fn csv_of_nothing_is_its_header() {
    let ran = read("--format csv --columns event_id,region --user nobody");
    assert_eq!(ran.text(), "event_id,region\n");
}

#[test]
fn raw_gives_the_records_back() {
    assert_eq!(read("--format raw").stdout, log());
    let pretty = b"[\r\n {\"eventId\":\r\n\t\"a\"} , {\"b\" : 1.0}]";
    let ran = run_on(pretty, words("read - --format raw"));
    assert_eq!(ran.stdout, b"{\"eventId\":\r\n\t\"a\"}\n{\"b\" : 1.0}\n");
}

#[test]
fn columns_come_in_the_order_asked_for() {
    let ran = read("--format jsonl --columns region,event_id --limit 1");
    assert_eq!(ran.text(), "{\"region\":\"KR1\",\"event_id\":\"event_id.iaas.instance.create\"}\n");
}

#[test]
fn wrong_options_say_what_is_wrong() {
    let mistakes = [
        "--columns event_time,nope",
        "--columns event_time,,region",
        "--columns region,region",
        "--columns region --format raw",
        "--tz Asia/Soul",
        "--tz Asia/Soul --since 2026-10-01",
        "--since tomorrowish",
        "--until 2026-13-01",
        "--since 2026-10-02 --until 2026-09-30",
        "--ip 10.0.0.0/33",
        "--service nope",
        "--kind nope",
        "--phase nope",
        "--outcome nope",
        "--known --unknown",
        "--record-path a..b",
        "--record-path []x",
        "--max-record-bytes 0",
        "--max-record-bytes 16X",
        "--max-depth 5000",
        "--limit -1",
        "--format xml",
        "--lang de",
        "--catalog-overlay /nonexistent.tsv",
        "--rejects -",
    ];
    let mut all = String::new();
    for mistake in mistakes {
        let ran = read(mistake);
        assert_eq!(ran.status, 2, "{mistake}");
        assert!(ran.stdout.is_empty(), "{mistake}");
        all.push_str(&format!("$ read - {mistake}\n{}\n", ran.stderr));
    }
    assert_snapshot!(all);
}

#[test]
fn filters_choose_events() {
    let count = |args: &str| {
        let ran = read(&format!("--format jsonl {args}"));
        assert_eq!(ran.status, 0, "{args}: {}", ran.stderr);
        ran.text().lines().count()
    };
    assert_eq!(count("--event event_id.iaas.instance.create"), 1);
    assert_eq!(count("--event event_id.iaas.*"), 3);
    assert_eq!(count("--event *.delete --event *robot*"), 2);
    assert_eq!(count("--service infrastructure"), 2);
    assert_eq!(count("--service rds-for-mysql"), 1);
    assert_eq!(count("--service rds-for-mariadb"), 1);
    assert_eq!(count("--kind delete"), 1);
    assert_eq!(count("--kind create --kind delete"), 4);
    assert_eq!(count("--kind create --unknown"), 1);
    assert_eq!(count("--known"), 3);
    assert_eq!(count("--phase none"), 4);
    assert_eq!(count("--phase failed"), 0);
    assert_eq!(count("--outcome failure"), 1);
    assert_eq!(count("--outcome unknown"), 1);
    assert_eq!(count("--source-type API"), 1);
    assert_eq!(count("--user ALICE@example.com"), 1);
    assert_eq!(count("--user 홍길동"), 1);
    assert_eq!(count("--ip 192.0.2.0/24"), 3);
    assert_eq!(count("--ip 2001:db8::/32"), 1);
    assert_eq!(count("--project 쇼핑몰"), 5);
    assert_eq!(count("--region jp1"), 1);
    assert_eq!(count("--since 2019-11-02"), 2);
    assert_eq!(count("--since 2019-11-01T19:31:49.348+09:00"), 4);
    assert_eq!(count("--until 2019-11-01"), 2);
    assert_eq!(count("--since 2019-11-02 --tz Asia/Seoul"), 2);
    assert_eq!(count("--until 2019-11-01 --tz Asia/Seoul"), 2);
    assert_eq!(count("--since 24h"), 0);
    assert_eq!(count("--text web-1"), 4);
    assert_eq!(count("--region KR1 --outcome success --kind create"), 1);
}

#[test]
fn filters_that_leave_nothing_say_so() {
    let told = |args: &str| {
        let ran = read(&format!("--format jsonl {args}"));
        assert_eq!((ran.status, ran.text()), (0, ""), "{args}: {}", ran.stderr);
        ran.stderr
    };
    assert_eq!(
        told("--event event_id.iaas.instance.craete"),
        "warning: the filters leave nothing of 5 events: none matches --event \
         event_id.iaas.instance.craete\n  did you mean event_id.iaas.instance.create?\n"
    );
    assert_eq!(
        told("--event event_id.iaas.instance.create --event *.x --region KR9 --source-type API"),
        "warning: the filters leave nothing of 5 events: none matches --region KR9\n"
    );
    assert_eq!(
        told("--phase failed --since 2019-11-01 --user nobody --source-type Console --known"),
        "warning: the filters leave nothing of 5 events: none matches --phase failed or \
         --source-type Console or --user nobody\n"
    );
    assert_eq!(
        told("--kind delete --source-type API"),
        "warning: the filters leave nothing of 5 events: each filter matches some, but no event \
         matches all\n"
    );
    // Nothing is said where something is left, nor where nothing was there.
    assert_eq!(read("--format jsonl --kind delete --user x* --user *").stderr, "");
    assert_eq!(run_on(b"", words("read - --format jsonl --kind delete")).stderr, "");
    for args in ["stats - --format json", "read - --format parquet -o", "convert - -o"] {
        let folder = folder();
        let file = folder.path().join("out.parquet");
        let mut args: Vec<&str> = words(args);
        if !args.contains(&"json") {
            args.push(file.to_str().unwrap());
        }
        args.extend(["--user", "no body"]);
        let ran = run_on(&log(), args);
        assert!(
            ran.stderr.starts_with(
                "warning: the filters leave nothing of 5 events: none matches --user \"no body\"\n"
            ),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn an_instant_is_what_its_offset_says() {
    let log = b"{\"eventTime\":\"2026-10-31T05:00:00.000Z\",\"eventId\":\"a\"}\n";
    let ids = |args: &[&str]| {
        let base = ["read", "-", "--format", "jsonl", "--columns", "event_id"];
        run_on(log, base.iter().chain(args))
    };
    for since in [
        "2026-10-31T09:00:00+09:00",
        "2026-10-31T09:00+09:00",
        "2026-10-31T09:00:00+09",
        "2026-10-31T09:00:00,5+09:00",
        "2026-10-31T09:00:00+09:00[Asia/Seoul]",
        "20261031T0900+0900",
        "2026-10",
    ] {
        assert_eq!(ids(&["--since", since]).text(), "{\"event_id\":\"a\"}\n", "{since}");
    }
    assert_eq!(ids(&["--until", "2026-10"]).text(), "{\"event_id\":\"a\"}\n");
    for until in ["26-10-31", "202-10-31", "2026-1-5"] {
        let ran = ids(&["--until", until]);
        assert_eq!((ran.status, ran.text()), (2, ""), "{until}");
        assert!(ran.stderr.contains("--until: "), "{}", ran.stderr);
    }
    let ran = ids(&["--since", "2026-10-31T05:00Z", "--until", "2026-10-31T14:00+09:00"]);
    assert_eq!(ran.status, 2);
}

#[test]
#[cfg(unix)]
fn globs_find_names_of_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    let logs = folder.path().join("logs");
    std::fs::create_dir_all(logs.join("sub")).unwrap();
    std::fs::write(logs.join("a.jsonl"), "{\"eventId\":\"a\"}\n").unwrap();
    std::fs::write(logs.join("sub/b.jsonl"), "{\"eventId\":\"b\"}\n").unwrap();
    std::fs::write(logs.join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
    let ids = |glob: &str| {
        let glob = logs.join(glob);
        let ran =
            run(["read", glob.to_str().unwrap(), "--format", "jsonl", "--columns", "event_id"]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        ran.text().replace("{\"event_id\":\"", "").replace("\"}\n", "")
    };
    assert_eq!(ids("*.jsonl"), "a");
    assert_eq!(ids("**"), "ab");
    let glob = logs.join("x*.jsonl");
    let ran = run(["read", glob.to_str().unwrap()]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("x*.jsonl"), "{}", ran.stderr);
}

#[test]
fn an_overlay_without_services_has_none() {
    let folder = folder();
    let overlay = folder.path().join("overlay.tsv");
    std::fs::write(&overlay, "event_id\tname_ko\nevent_id.zzz.robot\tZ\n").unwrap();
    let overlay = overlay.to_str().unwrap();
    let ran = run_on(
        b"{\"eventId\":\"event_id.zzz.robot\"}",
        [
            "--catalog-overlay",
            overlay,
            "read",
            "-",
            "--format",
            "jsonl",
            "--columns",
            "service,known",
        ],
    );
    assert_eq!(ran.text(), "{\"service\":null,\"known\":true}\n", "{}", ran.stderr);
    let args =
        ["--catalog-overlay", overlay, "catalog", "get", "event_id.zzz.robot", "--format", "json"];
    assert_eq!(run(args).json()[0]["service"], serde_json::Value::Null);
}

#[test]
fn an_overlay_names_what_the_catalog_does_not_know() {
    let folder = folder();
    let overlay = folder.path().join("overlay.tsv");
    std::fs::write(
        &overlay,
        "event_id\tservices\tname_en\nevent_id.iaas.robot.create\trobots\tBuild a robot\n",
    )
    .unwrap();
    let args = "read - --format csv --columns event_name,service,known --event *robot* --lang en";
    let overlay_path = overlay.to_str().unwrap();
    let args = words(args).into_iter().chain(["--catalog-overlay", overlay_path]);
    let ran = run_on(&log(), args);
    assert_eq!(
        ran.text(),
        "event_name,service,known\nBuild a robot,robots,true\n",
        "{}",
        ran.stderr
    );

    std::fs::write(&overlay, "event_id\tkind\nevent_id.iaas.robot.create\tbuild\n").unwrap();
    let ran = run(["catalog", "services", "--catalog-overlay", overlay_path]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("overlay.tsv, line 2: "), "{}", ran.stderr);
}

#[test]
fn rejects_are_told_counted_and_cost_nothing_else() {
    let ran = run_on(&broken_log(), words("read - --format jsonl --columns event_id"));
    assert_eq!(ran.text().lines().count(), 5);
    assert_snapshot!(ran.all());
}

#[test]
fn only_the_first_rejects_are_told_one_by_one() {
    let input = "{\"eventId\":\"a\"}\n".to_owned() + &"nope\n".repeat(2000);
    let ran = run_on(input.as_bytes(), words("read - --format jsonl --columns event_id"));
    assert_snapshot!(ran.all());
}

#[test]
fn rejects_are_kept() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let rejects = path.to_str().unwrap();
    let ran = run_on(&broken_log(), ["read", "-", "--format", "raw", "--rejects", rejects]);
    assert_eq!((ran.status, ran.stdout), (1, log()));
    assert!(!ran.stderr.contains("--rejects FILE"));
    assert_snapshot!(std::fs::read_to_string(&path).unwrap());
    let last = std::fs::read_to_string(&path).unwrap();
    let bytes: Vec<Value> = last.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(bytes[1]["raw_base64"], "//57Ingi");
}

#[test]
fn of_a_record_beyond_the_limit_the_beginning_is_kept_and_its_length() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let long = format!("{{\"eventId\":\"{}\"}}\n", "x".repeat(200 << 10));
    let input = format!("{{\"eventId\":\"a\"}}\n{long}{{\"eventId\":\"b\"}}\n");
    let args = words("read - --format raw --max-record-bytes 100k --rejects");
    let ran = run_on(input.as_bytes(), args.into_iter().chain([path.to_str().unwrap()]));
    assert_eq!((ran.status, ran.text()), (1, "{\"eventId\":\"a\"}\n{\"eventId\":\"b\"}\n"));
    let line: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(line["code"], "RECORD_TOO_LARGE");
    assert_eq!(line["raw"].as_str().unwrap().len(), 64 << 10);
    assert_eq!(line["length"], (200 << 10) + 14);
}

#[test]
fn no_rejects_are_an_empty_file() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let ran = run_on(&log(), ["read", "-", "--rejects", path.to_str().unwrap()]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(std::fs::read(path).unwrap(), b"");
}

#[test]
fn deeper_than_the_limit_is_a_reject() {
    let input = b"{\"a\":{\"b\":{}}}\n{\"a\":{}}\n";
    let ran = run_on(input, words("read - --format raw --max-depth 2"));
    assert_eq!((ran.status, ran.text()), (1, "{\"a\":{}}\n"));
    assert!(ran.stderr.contains("RECORD_TOO_DEEP"));
}

#[test]
fn what_follows_the_limit_is_not_read() {
    // The reject stands before the second event, the other after it.
    let input = b"{\"eventId\":\"a\"}\nnope\n{\"eventId\":\"b\"}\nnope\n";
    let read = |limit: &str| {
        let ran = run_on(input, ["read", "-", "--format", "raw", "--limit", limit]);
        (ran.status, ran.stderr.matches("reject:").count())
    };
    assert_eq!(read("0"), (0, 0));
    assert_eq!(read("1"), (0, 0));
    assert_eq!(read("2"), (1, 1));
    assert_eq!(read("3"), (1, 2));
}

#[test]
fn duplicates_are_left_out_on_request() {
    let input = [log(), log()].concat();
    let all = run_on(&input, words("read - --format raw"));
    assert_eq!(all.stdout, input);
    let once = run_on(&input, words("read - --format raw --dedup"));
    assert_eq!(once.stdout, log());
}

#[test]
fn sources_that_cannot_be_read_do_not_stop_the_others() {
    let folder = folder();
    let page = folder.path().join("page.html");
    std::fs::write(&page, "<html>\n").unwrap();
    let good = data("log.jsonl");
    let args = ["read", "/nonexistent/a", page.to_str().unwrap(), good.to_str().unwrap()];
    let ran = run(args.into_iter().chain(words("--format jsonl --columns event_id")));
    assert_eq!(ran.status, 2);
    assert_eq!(ran.text().lines().count(), 5);
    assert_eq!(ran.stderr.matches("error: ").count(), 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("/nonexistent/a"));
    assert!(ran.stderr.contains("HTML"));
}

#[test]
fn an_answer_of_a_failed_call_is_an_error() {
    let input = br#"{"header":{"isSuccessful":false,"resultCode":-1,"resultMessage":"denied"}}"#;
    let ran = run_on(input, words("read - --format jsonl"));
    assert_eq!((ran.status, ran.stdout.as_slice()), (2, &b""[..]));
    assert!(ran.stderr.starts_with("error: -: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("denied"), "{}", ran.stderr);
}

#[test]
fn empty_input_is_no_events() {
    let ran = run_on(b"", words("read - --format jsonl"));
    assert_eq!((ran.status, ran.text(), ran.stderr.as_str()), (0, "", ""));
}

#[test]
fn what_is_told_has_no_control_characters() {
    let ran = run_on(b"{\"eventId\":\"a\"}\n\x1b[2Jnope\x07\n", words("read - -f jsonl"));
    assert_eq!(ran.status, 1);
    assert!(!ran.stderr.contains(['\u{1b}', '\u{7}']));
    let ran = run(["read", "/nonexistent/\u{1b}[31m\n"]);
    assert_eq!(ran.status, 2);
    assert!(!ran.stderr.contains('\u{1b}'));
}

#[test]
fn a_missing_source_counts_for_more_than_rejects() {
    let ran = run_on(&broken_log(), ["read", "-", "/nonexistent", "-f", "raw"]);
    assert_eq!((ran.status, ran.stdout), (2, log()));
    assert!(ran.stderr.contains("[INVALID_JSON]"), "{}", ran.stderr);
}

#[test]
fn a_result_that_a_filter_has_emptied_is_written_though_a_source_is_missing() {
    let folder = folder();
    let output = folder.path().join("out.csv");
    let log_path = data("log.jsonl");
    let out = output.to_str().unwrap();
    let source = log_path.to_str().unwrap();
    let ran = run(["convert", source, "/nonexistent", "-o", out, "--user", "nobody"]);
    assert_eq!(ran.status, 2);
    assert!(std::fs::read_to_string(&output).unwrap().starts_with("event_time,event_id,"));
}

#[test]
fn the_local_zone_is_that_of_the_environment() {
    let with_tz = |tz: &str, args: &str| -> Ran {
        let mut command = crate::common::command();
        command.env("TZ", tz).args(words(args)).arg(data("log.jsonl")).output().unwrap().into()
    };
    assert!(with_tz("Asia/Seoul", "read --tz local").text().contains("+09:00"));
    assert!(with_tz("KST-9", "read --tz local").text().contains("+09:00"));
    for args in ["read --tz local", "stats --tz local", "read --tz local --since 2019-01-01"] {
        let ran = with_tz("bogus", args);
        assert_eq!((ran.status, ran.stdout.len()), (2, 0), "{args}");
        assert_eq!(
            ran.stderr,
            "error: --tz: the environment variable TZ names no time zone: \"bogus\"; correct TZ, or \
             give a name such as Asia/Seoul\n"
        );
    }
    // Nobody has asked for it.
    assert_eq!(with_tz("bogus", "read").status, 0);
}

#[test]
fn a_csv_for_excel_begins_with_a_byte_order_mark() {
    let folder = folder();
    let plain = read("--format csv");
    let marked = [b"\xef\xbb\xbf", plain.stdout.as_slice()].concat();
    assert_eq!(read("--format csv --bom").stdout, marked);
    let output = folder.path().join("out.csv");
    let log_path = data("log.jsonl");
    let args = ["convert", log_path.to_str().unwrap(), "-o", output.to_str().unwrap()];
    assert_eq!(run(args.iter().chain(&["--bom"])).status, 0);
    assert_eq!(std::fs::read(&output).unwrap(), marked);
    // A header is something to begin, too.
    let header = run_on(b"", ["read", "-", "--format", "csv", "--bom"]).stdout;
    assert!(header.starts_with(b"\xef\xbb\xbfevent_time,"));
    for args in ["read - --bom", "read - --bom -f jsonl", "convert - -o /tmp/none.parquet --bom"] {
        let ran = run_on(&log(), words(args));
        assert_eq!((ran.status, ran.stdout.len()), (2, 0), "{args}");
        assert!(ran.stderr.contains("--bom"), "{args}: {}", ran.stderr);
    }
}

#[test]
fn a_csv_of_one_column_has_no_blank_lines() {
    let ran = run_on(
        b"{\"eventId\":\"a\"}\n{\"eventId\":\"\"}\n{}\n",
        ["read", "-", "-f", "csv", "--columns", "event_id"],
    );
    assert_eq!(ran.text(), "event_id\na\n\"\"\n\"\"\n");
}

#[test]
fn a_table_shows_that_there_are_characters_which_cannot_be_seen() {
    for c in ['\u{61c}', '\u{ad}', '\u{200b}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{e0041}'] {
        let input = format!("{{\"userId\":\"김{c}민준\",\"region\":\"x\"}}\n");
        let args = ["read", "-", "--columns", "user_id,region"];
        let ran = run_on(input.as_bytes(), args);
        assert_eq!(ran.text(), "user_id  region\n김\u{fffd}민준  x\n", "{:x}", c as u32);
        let args = ["read", "-", "--text", "x", "--rejects", "/dev/null"];
        let ran = run_on(format!("{{\"a\":1}}\n{{{c}}}\n").as_bytes(), args);
        assert!(!ran.stderr.contains(c), "{:x}: {}", c as u32, ran.stderr);
    }
}

#[test]
fn records_are_read_where_the_path_leads() {
    let folder = folder();
    let input = br#"{"took":3,"hits":[{"body":"{\"eventId\":\"a\"}"},{"body":{"eventId":"b"}}]}"#;
    let path = ["--record-path", "hits[].body"];
    let run = |args: &str| run_on(input, words(args).into_iter().chain(path));
    let ran = run("read - --format jsonl --columns event_id");
    assert_eq!(ran.text(), "{\"event_id\":\"a\"}\n{\"event_id\":\"b\"}\n");
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(run("stats - --format json").json()["events"], 2);
    for name in ["out.parquet", "out.jsonl", "out.csv", "out"] {
        let out = folder.path().join(name);
        let ran = run(&format!("convert - -o {}", out.display()));
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{name}");
    }
    let table = folder.path().join("out.parquet");
    let ran = crate::common::run(["stats", "--format", "json", table.to_str().unwrap()]);
    assert_eq!((ran.json()["events"].as_u64(), ran.stderr.as_str()), (Some(2), ""));
    // What the path leads to is no record.
    assert_eq!(run_on(input, ["read", "-", "--record-path", "took"]).status, 2);
}

#[test]
fn what_is_no_record_and_was_read_all_the_same_is_told_once() {
    let folder = folder();
    let mut input = b"{\"eventId\":\"a\"}\n{\"level\":\"info\"}\n".to_vec();
    let one = "warning: 1 of 2 events has no CloudTrail field: foreign or wrapped data? see \
               --record-path\n";
    let convert = format!("convert - -o {}", folder.path().join("out").display());
    for args in ["read -", "read - --format arrow", "stats -", &convert] {
        let ran = run_on(&input, words(args));
        assert_eq!((ran.status, ran.stderr.as_str()), (0, one), "{args}");
    }
    // The data set holds them already.
    assert_eq!(run_on(&input, words(&convert)).stderr, "");
    input.extend_from_slice(b"{}\n\0\0\0{\"eventId\":\"b\"}\n");
    let two = one.replace("1 of 2 events has", "2 of 4 events have")
        + "warning: skipped 3 NUL bytes before records (a log that was truncated while it was \
           written)\n";
    for args in ["read - --format jsonl", "read - --format parquet", "stats -"] {
        let ran = run_on(&input, words(args));
        assert_eq!((ran.status, ran.stderr.as_str()), (0, two.as_str()), "{args}");
    }
    let ran = run_on(&input, words("stats -"));
    assert!(ran.text().contains("\nunrecognized  2\nNUL bytes     3\n"), "{}", ran.text());
    let counts = run_on(&input, words("stats - --format json")).json();
    assert_eq!((counts["unrecognized"].as_u64(), counts["nul_bytes"].as_u64()), (Some(2), Some(3)));
}
