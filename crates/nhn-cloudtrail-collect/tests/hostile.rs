//! The query API and its network when they are hostile: responses that are too large, repeat keys or
//! redirect, and servers with untrusted certificates.

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
use std::time::Duration;

use nhn_cloudtrail::{Code, Error, Result};
use nhn_cloudtrail_collect::{Api, Client, Collection, Settings};
use support::http::{Fake, Request, response, serve, serve_untrusted};
use support::{day, query};

const APP_KEY: &str = "aPpKeyAbCdEf0123";
const KEYS: [&str; 3] = [APP_KEY, "idKeyQwErTy4567", "sEcReT/zXc+VbN=890\"x"];

fn client(url: &str) -> Client {
    let mut settings = Settings::default();
    settings.base_url = Some(url.to_owned());
    settings.app_key = Some(APP_KEY.into());
    settings.access_key_id = Some(KEYS[1].into());
    settings.secret_access_key = Some(KEYS[2].into());
    Client::builder(settings)
        .api(Api::V2)
        .rate(10_000.0)
        .retries(4)
        .backoff(Duration::from_millis(1))
        .timeout(Duration::from_secs(20))
        .concurrency(1)
        .build()
        .unwrap()
}

fn search(url: &str) -> Error {
    let since = format!("{}T00:00:00Z", day(1));
    client(url).search(query(&since)).unwrap().find_map(Result::err).unwrap()
}

/// Fails if a text contains eight characters of a key, in any letter case.
fn assert_hidden(text: &str) {
    let text = text.to_ascii_lowercase();
    for key in KEYS {
        let key = key.to_ascii_lowercase();
        for at in 0..=key.len() - 8 {
            assert!(!text.contains(&key[at..at + 8]), "{} in {text}", &key[at..at + 8]);
        }
    }
}

fn all_files(folder: &Path, read: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => all_files(&entry.path(), read),
            false => {
                read.push_str(&String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()));
            }
        }
    }
}

#[test]
fn redirects_are_not_followed() {
    let elsewhere = serve(|_| response("200 OK", "{}"));
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        for target in [format!("{}/x", elsewhere.url), "/x".to_owned()] {
            let status = format!("{status}\r\nLocation: {target}");
            let server = serve(move |_| response(&status, ""));
            let error = search(&server.url);
            assert_eq!(error.code(), Code::HttpStatus, "{error}");
            assert!(error.to_string().contains("the base URL that it leads to"), "{error}");
            let asked: Vec<String> =
                server.requests().into_iter().map(|request| request.target).collect();
            assert!(asked.len() == 1 && !asked[0].starts_with("/x"), "{asked:?}");
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Responses that repeat what was sent, each in a different way.
fn repeating() -> Vec<fn(&Request) -> Vec<u8>> {
    fn refusal(status: &str, code: u32, text: &str) -> Vec<u8> {
        let body = format!(
            "{{\"header\":{{\"isSuccessful\":false,\"resultCode\":{code},\"resultMessage\":{}}}}}",
            json(text)
        );
        response(status, body)
    }
    vec![
        |request| refusal("200 OK", 40_101, request.head()),
        |request| refusal("200 OK", 50_000, &request.head().to_uppercase()),
        |request| refusal("403 Forbidden", 40_300, &request.target.repeat(3)),
        |request| refusal("500 Error", 50_000, &json(request.head())),
        // At the position where the text is cut.
        |_| response("200 OK", format!("{}{}", "x".repeat(70), KEYS[2])),
        |_| response("200 OK", format!("<p>{}", KEYS.concat())),
        |_| refusal("200 OK", 40_000, &format!("{}{}", "m".repeat(290), KEYS[1])),
        |_| refusal("200 OK", 40_000, &KEYS[2][3..12].to_lowercase()),
        |_| format!("HTTP/1.1 {}\r\n\r\n", KEYS[1]).into_bytes(),
        |_| format!("HTTP/1.1 200 OK\r\n{}\r\n\r\n", KEYS[1]).into_bytes(),
        |_| response("200 OK", format!("{{\"header\":{{\"isSuccessful\":{}}}}}", json(KEYS[2]))),
    ]
}

#[test]
fn whatever_a_server_says_no_key_is_shown_or_recorded() {
    for (number, answer) in repeating().into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(answer);
        let error = search(&server.url);
        assert_hidden(&format!("{error} {error:?}"));
        if number == 0 {
            assert_eq!(error.code(), Code::Refused);
            assert!(error.to_string().contains("***"), "{error}");
        }
        let since = format!("{}T00:00:00Z", day(1));
        let report =
            Collection::new(folder.path()).api(client(&server.url), query(&since)).run().unwrap();
        assert!(!report.gaps.is_empty());
        assert_hidden(&format!("{report:?} {:?}", client(&server.url)));
        let mut text = String::new();
        all_files(folder.path(), &mut text);
        assert!(text.contains("\"gaps\""));
        assert_hidden(&text);
    }
}

#[test]
fn a_message_that_is_too_long_is_cut() {
    let text = json(&"long ".repeat(200_000));
    let server = serve(move |_| {
        let header =
            format!("\"isSuccessful\":false,\"resultCode\":50000,\"resultMessage\":{text}");
        response("200 OK", format!("{{\"header\":{{{header}}}}}"))
    });
    let message = search(&server.url).to_string();
    assert!(message.len() < 500 && message.contains("long long"), "{message}");
}

#[test]
fn a_certificate_that_nobody_trusts_is_tried_twice() {
    let server: Fake = serve_untrusted();
    let error = search(&server.url);
    assert_eq!(error.code(), Code::Network);
    assert!(error.to_string().contains("no secure connection"), "{error}");
    assert!(error.to_string().contains("asked 2 times"), "{error}");
    assert_eq!(server.connections(), 2);
    // A server without TLS is not trusted either.
    let plain = serve(|_| response("200 OK", "{}"));
    let error = search(&plain.url.replace("http://", "https://"));
    assert!(error.to_string().contains("asked 2 times"), "{error}");
}

#[test]
fn keys_are_sent_to_this_machine_and_to_https_alone() {
    for url in [
        "http://127.0.0.1.example",
        "http://127.example:8080",
        "http://localhost.example",
        "http://10.0.0.1",
        "https://",
        "https://:443",
    ] {
        let mut settings = Settings::default();
        settings.base_url = Some(url.to_owned());
        settings.app_key = Some(APP_KEY.into());
        let error = Client::builder(settings).api(Api::V1).build().unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption, "{url}");
    }
    for key in ["two words", "line\nfeed", "한글"] {
        let mut settings = Settings::default();
        settings.base_url = Some("https://api.example".to_owned());
        settings.app_key = Some(key.into());
        let error = Client::builder(settings).api(Api::V1).build().unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption);
        assert!(!error.to_string().contains(key), "{error}");
    }
}
