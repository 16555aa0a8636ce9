//! Object Storage when it is hostile, or in a state that the real service rarely has.

#![cfg(feature = "object-storage")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "in tests a panic is the report"
)]

#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nhn_cloudtrail::{Code, Error, Reader, Result};
use nhn_cloudtrail_collect::{BucketSettings, Buckets, Collection, Report, Verify};
use support::http::{Fake, Request, response, serve, serve_untrusted};

const ID: &str = "accessKeyId0123456789";
const SECRET: &str = "s3SecretKeyAbCdEfGhIj";

fn buckets(url: &str) -> Buckets {
    let mut settings = BucketSettings::default();
    settings.endpoint = Some(url.to_owned());
    settings.region = Some("kr1".into());
    settings.access_key_id = Some(ID.into());
    settings.secret_access_key = Some(SECRET.into());
    Buckets::new(settings).unwrap()
}

fn collect(url: &str, archive: &Path) -> Report {
    Collection::new(archive).bucket(buckets(url), "s3://audit").run().unwrap()
}

fn open(url: &str, source: &str) -> Error {
    Reader::builder().store(Arc::new(buckets(url))).open([source]).unwrap_err()
}

/// Returns the missing objects with the reasons.
fn gaps(report: &Report) -> Vec<(&str, &str)> {
    report.gaps.iter().map(|gap| (gap.object.as_deref().unwrap(), gap.reason.as_str())).collect()
}

fn line(number: usize) -> String {
    format!(
        "{{\"eventTime\":\"2026-10-{:02}T01:02:03.456+0000\",\"eventId\":\"event_id.iaas.vpc.create\",\
         \"eventLogUuid\":\"{number}\"}}\n",
        number % 28 + 1
    )
}

/// Returns an object of a list: its name as the list contains it, its ETag, its size.
fn contents(key: &str, e_tag: &str, size: usize) -> String {
    format!(
        "<Contents><Key>{key}</Key><LastModified>2026-10-01T00:00:00.000Z</LastModified>\
         <ETag>&quot;{e_tag}&quot;</ETag><Size>{size}</Size></Contents>"
    )
}

fn list(contents: &str, rest: &str) -> Vec<u8> {
    let rest = if rest.is_empty() { "<IsTruncated>false</IsTruncated>" } else { rest };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>{rest}\
         <EncodingType>url</EncodingType>{contents}</ListBucketResult>"
    );
    response("200 OK", body)
}

fn is_list(request: &Request) -> bool {
    request.target.contains("list-type=2")
}

fn object(e_tag: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let status =
        format!("200 OK\r\nETag: \"{e_tag}\"\r\nLast-Modified: Thu, 01 Oct 2026 00:00:00 GMT");
    response(&status, body)
}

/// Starts a server whose list has an object `a` with the ETag `one`. `get` returns the response to a
/// request for it.
fn with_one(get: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Fake {
    serve(move |request| match is_list(request) {
        true => list(&contents("a", "one", line(1).len()), ""),
        false => get(request),
    })
}

#[test]
fn objects_are_read_as_they_were_listed_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_one(|_| object("one", line(1)));
    let report = collect(&server.url, &folder.path().join("good"));
    assert!(report.is_complete() && report.objects == 1, "{report:?}");
    let requests = server.requests();
    let get = requests.iter().find(|request| !is_list(request)).unwrap();
    assert_eq!(get.header("if-match"), Some("\"one\""));
    let precondition: fn(&Request) -> Vec<u8> = |_| response("412 Precondition Failed", "");
    // Servers that ignore the condition.
    let other_e_tag: fn(&Request) -> Vec<u8> = |_| object("two", line(1));
    let longer: fn(&Request) -> Vec<u8> = |_| object("one", line(1) + &line(2));
    let shorter: fn(&Request) -> Vec<u8> = |_| object("one", "{}\n");
    for get in [precondition, other_e_tag, longer, shorter] {
        let server = with_one(get);
        let archive = folder.path().join("other");
        let report = collect(&server.url, &archive);
        let [(object, reason)] = gaps(&report)[..] else { panic!("{report:?}") };
        assert_eq!(object, "s3://audit/a");
        assert!(reason.contains("changed after it was listed"), "{reason}");
        assert_eq!((report.objects, report.records.fetched), (0, 0));
        let ledger = std::fs::read_to_string(archive.join("_archive/ledger.jsonl")).unwrap();
        assert!(!ledger.contains("\"objects\":[{"), "{ledger}");
    }
}

#[test]
fn an_object_that_is_cut_off_inside_is_a_gap_until_it_is_whole() {
    let text: String = (0..1000).map(line).collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();
    let cut = whole[..whole.len() - 200].to_vec();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let serve = |e_tag: &'static str, body: Vec<u8>| {
        serve(move |request| match is_list(request) {
            true => list(&contents("a.jsonl.gz", e_tag, body.len()), ""),
            false => object(e_tag, &body),
        })
    };
    let server = serve("one", cut);
    for _ in 0..3 {
        let report = collect(&server.url, &archive);
        let [(object, reason)] = gaps(&report)[..] else { panic!("{report:?}") };
        assert_eq!(object, "s3://audit/a.jsonl.gz");
        assert!(reason.contains("gzip"), "{reason}");
        assert!((500..1000).contains(&(report.records.new + report.records.known)), "{report:?}");
        assert_eq!(report.objects, 0);
    }
    let server = serve("two", whole);
    let report = collect(&server.url, &archive);
    assert!(report.is_complete() && report.objects == 1, "{report:?}");
    assert_eq!(report.records.new + report.records.known, 1000);
}

#[test]
fn an_object_that_is_listed_twice_is_what_the_list_said_last() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|request| match is_list(request) {
        true => list(&(contents("a", "old", 7) + &contents("a", "one", line(1).len())), ""),
        false => object("one", line(1)),
    });
    let report = collect(&server.url, folder.path());
    assert!(report.is_complete() && report.objects == 1, "{report:?}");
}

/// Returns the first half of a body whose full length was announced.
fn broken_off(e_tag: &str, body: &str) -> Vec<u8> {
    let whole = object(e_tag, body);
    whole[..whole.len() - body.len() / 2].to_vec()
}

fn rest(e_tag: &str, body: &str, request: &Request) -> Vec<u8> {
    let range = request.header("range").unwrap();
    let from: usize =
        range.strip_prefix("bytes=").unwrap().split('-').next().unwrap().parse().unwrap();
    let status = format!(
        "206 Partial Content\r\nETag: \"{e_tag}\"\r\nLast-Modified: Thu, 01 Oct 2026 00:00:00 GMT\r\n\
         Content-Range: bytes {from}-{}/{}",
        body.len() - 1,
        body.len()
    );
    response(&status, &body[from..])
}

#[test]
fn what_breaks_off_is_fetched_on_of_the_same_version_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_one(|request| match request.header("range") {
        None => broken_off("one", &line(1)),
        Some(_) => rest("one", &line(1), request),
    });
    let report = collect(&server.url, &folder.path().join("same"));
    assert!(report.is_complete() && report.records.new == 1, "{report:?}");
    let requests = server.requests();
    let resumed = requests.iter().find(|request| request.header("range").is_some()).unwrap();
    assert_eq!(resumed.header("if-match"), Some("\"one\""));
    let server = with_one(|request| match request.header("range") {
        None => broken_off("one", &line(1)),
        Some(_) => rest("two", &line(2), request),
    });
    let report = collect(&server.url, &folder.path().join("other"));
    assert_eq!((report.gaps.len(), report.objects, report.records.new), (1, 0, 0), "{report:?}");
    // The rest ends too early, and its own length does not show it.
    let two = line(1) + &line(2);
    let server = serve(move |request| match (is_list(request), request.header("range")) {
        (true, _) => list(&contents("a", "one", two.len()), ""),
        (_, None) => broken_off("one", &two),
        _ => {
            let whole = String::from_utf8(rest("one", &two, request)).unwrap();
            let (head, body) = whole.split_once("\r\n\r\n").unwrap();
            // The cut is at the end of a line, so that nothing else shows it.
            let short = body.split_inclusive('\n').next().unwrap();
            let length = |body: &str| format!("Content-Length: {}", body.len());
            let short = if short.len() < body.len() { short } else { "" };
            format!("{}\r\n\r\n{short}", head.replace(&length(body), &length(short))).into_bytes()
        }
    });
    let report = collect(&server.url, &folder.path().join("short"));
    let [(_, reason)] = gaps(&report)[..] else { panic!("{report:?}") };
    assert!(reason.contains("bytes of"), "{reason}");
    assert_eq!(report.objects, 0);
}

#[test]
fn a_list_that_is_not_whole_is_an_error() {
    let truncated = "<IsTruncated>true</IsTruncated>";
    let again = format!("{truncated}<NextContinuationToken>again</NextContinuationToken>");
    let one = contents("a", "one", line(1).len());
    let (page, next) = (list(&one, &again), list(&one, &again));
    let huge = response("200 OK", vec![b' '; (16 << 20) + 1]);
    let servers = [
        (
            "without a continuation token",
            serve({
                let page = list(&one, truncated);
                move |_| page.clone()
            }),
        ),
        (
            "without a continuation token",
            serve({
                let empty = format!("{truncated}<NextContinuationToken></NextContinuationToken>");
                let page = list(&one, &empty);
                move |_| page.clone()
            }),
        ),
        ("does not end", serve(move |_| page.clone())),
        (
            "not a list",
            serve(move |request| match request.target.contains("continuation-token=again") {
                true => response("200 OK", "<html><body>maintenance</body></html>"),
                false => next.clone(),
            }),
        ),
        ("not a list", serve(|_| response("200 OK", ""))),
        ("larger than", serve(move |_| huge.clone())),
    ];
    for (told, server) in servers {
        let error = open(&server.url, "s3://audit");
        assert_eq!(error.code(), Code::BadAnswer, "{error}");
        assert!(error.to_string().contains(told), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let report = collect(&server.url, folder.path());
        assert_eq!((report.gaps.len(), report.records.fetched), (1, 0), "{report:?}");
        assert!(report.error.is_some());
    }
}

#[test]
fn a_list_may_have_many_pages_and_heal() {
    let asked = AtomicUsize::new(0);
    let server = serve(move |request| {
        if !is_list(request) {
            return object("one", line(1));
        }
        let token = request.target.split("continuation-token=").nth(1);
        let page = token.map_or(0, |token| token[7..].parse::<usize>().unwrap());
        // Each page fails at first, and is then cut off.
        let truncated = format!(
            "<IsTruncated>{}</IsTruncated><NextContinuationToken>a/%3D{}</NextContinuationToken>",
            page < 3,
            page + 1
        );
        let name = contents(&format!("p{page}"), "one", line(1).len());
        let page = list(&name, &truncated.replace("%3D", "="));
        match asked.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => response("503 Slow Down", "<Error><Code>SlowDown</Code></Error>"),
            1 => page[..page.len() - 9].to_vec(),
            _ => page,
        }
    });
    let reader =
        Reader::builder().store(Arc::new(buckets(&server.url))).open(["s3://audit"]).unwrap();
    assert_eq!(reader.collect::<Result<Vec<_>>>().unwrap().len(), 4);
}

/// Names that cannot be requested, as a list contains them and as gaps show them.
const ODD: [(&str, &str); 9] = [
    ("a%2F%2Fb", "a//b"),
    ("a//c", "a//c"),
    ("%2Flead", "/lead"),
    ("trail/", "trail/"),
    ("x/./y", "x/./y"),
    ("x/../../y", "x/../../y"),
    ("tab%09name", "tab\u{fffd}name"),
    ("line%0Afeed", "line\u{fffd}feed"),
    ("broken%ff", "broken%ff"),
];

#[test]
fn odd_names_are_gaps_and_the_others_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|request| {
        if is_list(request) {
            let size = line(1).len();
            let mut all: String = ODD.iter().map(|(key, _)| contents(key, "one", size)).collect();
            all.push_str(&contents(&format!("keys/{}", SECRET.to_lowercase()), "one", size));
            all.push_str(&contents("good+%25+%2B+%ED%95%9C.jsonl", "one", size));
            all.push_str(&contents("folder/", "none", 0));
            return list(&all, "");
        }
        assert_eq!(request.target, "/audit/good%20%25%20%2B%20%ED%95%9C.jsonl");
        object("one", line(1))
    });
    let archive = folder.path().join("archive");
    let report = collect(&server.url, &archive);
    assert_eq!((report.objects, report.records.new), (1, 1), "{report:?}");
    assert!(report.error.is_none());
    let mut shown: Vec<String> = ODD.iter().map(|(_, name)| format!("s3://audit/{name}")).collect();
    shown.push("s3://audit/keys/***".to_owned());
    shown.sort();
    let mut objects: Vec<&str> = gaps(&report).into_iter().map(|(object, _)| object).collect();
    objects.sort_unstable();
    assert_eq!(objects, shown);
    for (object, reason) in gaps(&report) {
        assert!(reason.contains("--exclude"), "{object}: {reason}");
    }
    // They can be excluded.
    let without = |globs: &[&str]| {
        let collection = Collection::new(&archive).bucket(buckets(&server.url), "s3://audit");
        collection.exclude(globs).unwrap().run().unwrap()
    };
    let report = without(&["*//*", "/lead", "trail/", "x/*", "tab*", "line*", "keys/*", "broken*"]);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(without(&["*//*"]).gaps.len(), 8);
    let error = Collection::new(&archive).exclude(["a[b"]).unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);
    // A reader without an archive reports each of them.
    let reader =
        Reader::builder().store(Arc::new(buckets(&server.url))).open(["s3://audit"]).unwrap();
    let results: Vec<_> = reader.collect();
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), ODD.len() + 1);
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

#[test]
fn what_is_no_log_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(Mutex::new(("one", "{\"readme\":1}\n".to_owned())));
    let server = serve({
        let state = state.clone();
        move |request| {
            let (e_tag, body) = state.lock().unwrap().clone();
            let damaged = b"\x1f\x8bnothing";
            match (is_list(request), request.target.as_str()) {
                (true, _) => {
                    let readme = contents("readme", e_tag, body.len());
                    list(&(contents("damaged.gz", "one", damaged.len()) + &readme), "")
                }
                (_, "/audit/readme") => object(e_tag, body),
                _ => object("one", damaged),
            }
        }
    });
    let names = |report: &Report| {
        gaps(report).into_iter().map(|(object, _)| object.to_owned()).collect::<Vec<_>>()
    };
    let report = collect(&server.url, folder.path());
    assert_eq!(names(&report), ["s3://audit/damaged.gz", "s3://audit/readme"]);
    assert!(gaps(&report)[1].1.contains("not read again"), "{report:?}");
    assert_eq!(report.objects, 0);
    // A damaged object stays missing.
    for _ in 0..2 {
        let before = server.requests().len();
        let report = collect(&server.url, folder.path());
        assert_eq!(names(&report), ["s3://audit/damaged.gz"], "{report:?}");
        let requests = server.requests();
        assert!(requests[before..].iter().all(|request| request.target != "/audit/readme"));
    }
    *state.lock().unwrap() = ("two", line(1));
    assert_eq!(collect(&server.url, folder.path()).records.new, 1);
    assert!(Verify::new().run(folder.path(), &mut |_, _| true).unwrap().is_intact());
}

#[test]
fn redirects_are_not_followed_and_another_region_is_named() {
    let elsewhere = serve(|_| list("", ""));
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent"] {
        for target in [format!("{}/x", elsewhere.url), "/x".to_owned()] {
            let status = format!("{status}\r\nLocation: {target}");
            let server = serve({
                let status = status.clone();
                move |_| response(&status, "")
            });
            let error = open(&server.url, "s3://audit");
            assert_eq!(error.code(), Code::Refused, "{error}");
            assert!(error.to_string().contains("not followed"), "{error}");
            assert_eq!(server.requests().len(), 1);
            // The same for an object.
            let folder = tempfile::tempdir().unwrap();
            let server = with_one(move |_| response(&status, ""));
            let report = collect(&server.url, folder.path());
            assert!(gaps(&report)[0].1.contains("not followed"), "{report:?}");
            assert_eq!(server.requests().len(), 2);
        }
    }
    assert_eq!(elsewhere.connections(), 0);
    let malformed = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting 'jp1'\
                     </Message><Region>jp1</Region></Error>";
    for (status, body) in [
        ("400 Bad Request", malformed),
        ("301 Moved\r\nx-amz-bucket-region: jp1", ""),
        ("307 Moved\r\nx-amz-bucket-region: jp1\r\nLocation: /x", ""),
        ("403 Forbidden\r\nx-amz-bucket-region: jp1", ""),
    ] {
        let server = serve(move |_| response(status, body));
        let error = open(&server.url, "s3://audit");
        assert_eq!(error.code(), Code::Refused);
        let told = "the region kr1 is wrong: the bucket is in jp1";
        assert!(error.to_string().contains(told), "{status}: {error}");
    }
    let server = serve(|_| response("403 Forbidden\r\nx-amz-bucket-region: kr1", ""));
    assert!(open(&server.url, "s3://audit").to_string().contains("check the access key"));
}

#[test]
fn no_key_is_shown_whatever_a_server_says() {
    let answers: [fn(&Request) -> Vec<u8>; 4] = [
        |request| {
            let text = format!("{} {SECRET} {}", request.head(), SECRET.to_uppercase());
            let text = text.replace('<', "");
            let body = format!("<Error><Code>{ID}</Code><Message>{text}</Message></Error>");
            response("403 Forbidden", body)
        },
        |_| response(&format!("301 Moved\r\nx-amz-bucket-region: {SECRET}"), ""),
        |_| response("404 Not Found", format!("<Error><Message>{ID}{SECRET}</Message></Error>")),
        |_| response("200 OK", format!("<{ID}><{SECRET}></{ID}>")),
    ];
    for answer in answers {
        let server = serve(answer);
        let folder = tempfile::tempdir().unwrap();
        let report = collect(&server.url, folder.path());
        let ledger = std::fs::read_to_string(folder.path().join("_archive/ledger.jsonl")).unwrap();
        let error = open(&server.url, "s3://audit");
        let all = format!("{report:?} {ledger} {error} {error:?} {:?}", buckets(&server.url));
        let all = all.to_ascii_lowercase();
        assert!(all.contains("audit"));
        for key in [ID, SECRET] {
            let key = key.to_ascii_lowercase();
            for at in 0..=key.len() - 8 {
                assert!(!all.contains(&key[at..at + 8]), "{all}");
            }
        }
        assert!(error.to_string().len() < 700, "{error}");
    }
}

#[test]
fn what_cannot_be_a_bucket_is_told_before_anything_is_asked() {
    let server = serve(|_| list("", ""));
    for source in
        ["s3://my bucket", "s3://a\tb/c", "s3://..", "s3://한글", "s3://a%20b/c", "s3:///a"]
    {
        assert_eq!(open(&server.url, source).code(), Code::InvalidOption, "{source}");
    }
    for url in [
        "http://127.0.0.1.example",
        "http://example.com",
        "example.com",
        "https://user@example.com",
        "https://",
        "ftp://localhost",
        "https://exa mple.com",
    ] {
        let error = open(url, "s3://audit");
        assert_eq!(error.code(), Code::InvalidOption, "{url}");
        assert!(error.to_string().contains("the endpoint of Object Storage"), "{error}");
    }
    for region in ["kr 1", "kr1\n", "kr/1", "한국"] {
        let mut settings = BucketSettings::default();
        settings.endpoint = Some(server.url.clone());
        settings.region = Some(region.to_owned());
        settings.access_key_id = Some(ID.into());
        settings.secret_access_key = Some(SECRET.into());
        let buckets = Buckets::new(settings).unwrap();
        let error = Reader::builder().store(Arc::new(buckets)).open(["s3://audit"]).unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption, "{region}");
    }
    for (id, secret) in [("two words", SECRET), (ID, "line\nfeed"), (ID, "한글")] {
        let mut settings = BucketSettings::default();
        settings.endpoint = Some(server.url.clone());
        settings.region = Some("kr1".into());
        settings.access_key_id = Some(id.into());
        settings.secret_access_key = Some(secret.into());
        let buckets = Buckets::new(settings).unwrap();
        let error = Reader::builder().store(Arc::new(buckets)).open(["s3://audit"]).unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption, "{id}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_certificate_that_nobody_trusts_is_tried_twice() {
    let server = serve_untrusted();
    let error = open(&server.url, "s3://audit");
    assert_eq!(error.code(), Code::Network, "{error}");
    assert!(error.to_string().contains("no secure connection"), "{error}");
    assert_eq!(server.connections(), 2);
}
