//! Buckets of OpenStack Swift, on which NHN Cloud's Object Storage is based.

#![cfg(feature = "object-storage")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

#[expect(dead_code, reason = "of use to other tests")]
mod support;

use std::path::Path;
use std::sync::Arc;

use nhn_cloudtrail::{Code, Reader, Result};
use nhn_cloudtrail_collect::{Api, BucketSettings, Buckets, Collection, Status, Verify};
use support::{Server, day, query, until};

fn settings(server: &Server) -> BucketSettings {
    let mut settings = BucketSettings::default();
    settings.endpoint = Some(server.url.clone());
    settings.region = Some("kr1".into());
    settings.access_key_id = Some("test:tester".into());
    settings.secret_access_key = Some("testing".into());
    settings
}

/// Uploads objects with Swift's own API.
fn put(server: &Server, bucket: &str, objects: &[(&str, Vec<u8>)]) {
    let signed = ureq::get(format!("{}/auth/v1.0", server.url))
        .header("x-auth-user", "test:tester")
        .header("x-auth-key", "testing")
        .call()
        .unwrap();
    let header = |name: &str| signed.headers().get(name).unwrap().to_str().unwrap().to_owned();
    let (url, token) = (header("x-storage-url"), header("x-auth-token"));
    let put = |path: &str, bytes: &[u8]| {
        ureq::put(format!("{url}/{path}")).header("x-auth-token", &token).send(bytes).unwrap();
    };
    put(bucket, b"");
    for (name, bytes) in objects {
        let escaped: String = name
            .bytes()
            .map(|byte| match byte {
                b'/' | b'.' | b'-' | b'0'..=b'9' | b'a'..=b'z' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect();
        put(&format!("{bucket}/{escaped}"), bytes);
    }
}

fn line(number: usize) -> String {
    format!(
        "{{\"eventTime\":\"2026-10-{:02}T01:02:03.456+0000\",\"eventId\":\"event_id.iaas.vpc.create\",\
         \"eventLogUuid\":\"{number}\"}}\n",
        number % 28 + 1
    )
}

fn lines(numbers: std::ops::Range<usize>) -> Vec<u8> {
    numbers.map(line).collect::<String>().into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn count(buckets: &Buckets, source: &str) -> usize {
    let reader = Reader::builder().store(Arc::new(buckets.clone())).open([source]).unwrap();
    reader.collect::<Result<Vec<_>>>().unwrap().len()
}

#[test]
fn objects_are_sources_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Server::swift(folder.path()) else { return };
    let mut objects = vec![
        ("logs/2026-10/a.jsonl", lines(0..1000)),
        ("logs/2026-10/b.json.gz", gzip(&lines(1000..1500))),
        ("logs/2026-11/한글 이름.jsonl", lines(1500..1600)),
        ("other/x.jsonl", lines(0..10)),
        ("logs/", Vec::new()),
    ];
    let many: Vec<String> = (0..40).map(|number| format!("many/{number:03}")).collect();
    objects.extend(many.iter().enumerate().map(|(at, name)| (name.as_str(), lines(at..at + 1))));
    put(&server, "audit", &objects);
    let buckets = Buckets::new(settings(&server)).unwrap();
    for (source, events) in [
        ("s3://audit/logs/", 1600),
        ("s3://audit/logs/2026-1", 1600),
        ("s3://audit/logs/2026-10/b", 500),
        ("s3://audit/logs/2026-11", 100),
        ("s3://audit/many", 40),
        ("s3://audit", 1650),
    ] {
        assert_eq!(count(&buckets, source), events, "{source}");
    }
    let mut reader = Reader::builder()
        .store(Arc::new(buckets.clone()))
        .open(["s3://audit/logs/2026-11"])
        .unwrap();
    let position = reader.next().unwrap().unwrap().position();
    assert_eq!(position.source.as_deref(), Some("s3://audit/logs/2026-11/한글 이름.jsonl"));
    // A reader that is dropped while many objects are pending leaves no waiting threads behind.
    let mut reader =
        Reader::builder().store(Arc::new(buckets.clone())).open(["s3://audit"]).unwrap();
    assert!(reader.next().is_some());
    drop((reader, buckets));
}

#[test]
fn what_is_wrong_with_a_bucket_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Server::swift(folder.path()) else { return };
    put(&server, "audit", &[("a", lines(0..1))]);
    let open = |settings: BucketSettings, source: &str| {
        let buckets = Buckets::new(settings).unwrap();
        Reader::builder().store(Arc::new(buckets)).open([source]).unwrap_err()
    };
    let right = || settings(&server);
    assert_eq!(open(right(), "s3://audit/none").code(), Code::NotFound);
    let error = open(right(), "s3://nowhere");
    assert_eq!(error.code(), Code::NotFound, "{error}");
    assert_eq!(open(right(), "s3://").code(), Code::InvalidOption);
    let mut wrong = right();
    wrong.secret_access_key = Some("guessed".into());
    let error = open(wrong, "s3://audit");
    assert_eq!(error.code(), Code::Refused, "{error}");
    assert!(!error.to_string().contains("guessed"), "{error}");
    let mut without = right();
    without.endpoint = None;
    let error = open(without, "s3://audit");
    assert_eq!(error.code(), Code::InvalidOption);
    assert!(error.to_string().contains("--endpoint"), "{error}");
    // Before anything is done.
    let mut without = right();
    without.region = None;
    let archive = folder.path().join("archive");
    let buckets = Buckets::new(without).unwrap();
    let error = Collection::new(&archive).bucket(buckets, "s3://audit").run().unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);
    assert!(!archive.exists());
    // Without a store for buckets, the name is treated as that of a missing file.
    assert_eq!(Reader::open(Path::new("s3://audit")).unwrap_err().code(), Code::NotFound);
}

#[test]
fn an_archive_unites_a_bucket_and_the_api() {
    let folder = tempfile::tempdir().unwrap();
    let Some(swift) = Server::swift(&folder.path().join("swift")) else { return };
    let archive = folder.path().join("archive");
    let api = Server::api(&["--events", "500", "--days", "5", "--until", &until()]);
    let client = api.client(Api::V2).build().unwrap();
    let exported: Vec<Vec<u8>> = client
        .search(query(&format!("{}T00:00:00Z", day(5))))
        .unwrap()
        .map(|event| [event.unwrap().raw(), b"\n"].concat())
        .collect();
    let half: Vec<u8> = exported.iter().take(300).flatten().copied().collect();
    put(
        &swift,
        "audit",
        &[("a.gz", gzip(&half)), ("b", lines(0..100)), ("damaged.gz", b"\x1f\x8bnothing".to_vec())],
    );
    let buckets = Buckets::new(settings(&swift)).unwrap();
    let run = || {
        Collection::new(&archive)
            .api(client.clone(), query(&format!("{}T00:00:00Z", day(5))))
            .named("seoul")
            .bucket(buckets.clone(), "s3://audit")
            .named("export")
            .run()
            .unwrap()
    };
    let report = run();
    assert_eq!(report.records.new, 600, "{report:?}");
    assert_eq!(report.objects, 2);
    let objects: Vec<_> = report.gaps.iter().filter_map(|gap| gap.object.as_deref()).collect();
    assert_eq!(objects, ["s3://audit/damaged.gz"]);
    put(&swift, "audit", &[("damaged.gz", gzip(&lines(100..110))), ("b", lines(0..101))]);
    let report = run();
    assert!(report.is_complete(), "{report:?}");
    // One record is in both.
    assert_eq!((report.records.new, report.objects), (10, 2));
    let last = run();
    assert_eq!(last.records.fetched, 0);
    let names: Vec<_> = last.sources.iter().map(|source| source.name.as_deref()).collect();
    assert_eq!(names, [Some("seoul"), Some("export")]);
    let status = Status::read(&archive).unwrap();
    assert_eq!(status.sources[0].name.as_deref(), Some("seoul"));
    // Two of them in two versions.
    let bucket = &status.buckets[0];
    assert_eq!((bucket.name.as_str(), bucket.source.as_str()), ("export", "s3://audit"));
    assert_eq!((status.buckets.len(), bucket.objects), (1, status.objects));
    assert_eq!(status.objects, 4);
    assert!(Verify::new().run(&archive, &mut |_, _| true).unwrap().is_intact());
}

#[test]
fn odd_names_and_another_region_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Server::swift(&folder.path().join("swift")) else { return };
    let odd = ["a/../b", "a//b", "control\u{1}", "line\nfeed", "tab\tname", "trail/"];
    let mut objects: Vec<(&str, Vec<u8>)> = odd.iter().map(|name| (*name, lines(0..1))).collect();
    objects.push(("good + 100 %&<한글>.jsonl", lines(1..2)));
    put(&server, "audit", &objects);
    let buckets = Buckets::new(settings(&server)).unwrap();
    let archive = folder.path().join("archive");
    let report = Collection::new(&archive).bucket(buckets, "s3://audit").run().unwrap();
    assert_eq!((report.objects, report.records.new), (1, 1), "{report:?}");
    let mut missing: Vec<_> = report.gaps.iter().filter_map(|gap| gap.object.clone()).collect();
    missing.sort();
    let shown = odd.map(|name| {
        let name = name.replace(|c: char| c.is_control(), "\u{fffd}");
        format!("s3://audit/{name}")
    });
    assert_eq!(missing, shown);
    let mut elsewhere = settings(&server);
    elsewhere.region = Some("jp1".into());
    let buckets = Buckets::new(elsewhere).unwrap();
    let error = Reader::builder().store(Arc::new(buckets)).open(["s3://audit"]).unwrap_err();
    let told = "the region jp1 is wrong: the bucket is in kr1";
    assert!(error.to_string().contains(told), "{error}");
}
