//! Where keys are read from, and where they never appear.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::collect::{Server, until};
use crate::common::{Ran, command, folder};

const KEYS: [&str; 3] = ["AppKeyAppKey0123", "KeyIdKeyId4567", "SecretSecret89+/"];

/// Starts a server that responds to each request with the result of `answer`, until the process ends.
fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = vec![0; 16 << 10];
            let count = stream.read(&mut head).unwrap_or_default();
            let body = answer(&String::from_utf8_lossy(&head[..count]));
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    url
}

fn collect(archive: &Path, url: &str) -> Command {
    let mut command = command();
    command.args(["collect", "--base-url", url, "--retries", "0", "--until", &until()]);
    command.args(["--since", "3d", "--into"]).arg(archive);
    command
}

fn ran(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

#[test]
fn a_server_that_repeats_keys_has_them_shown_by_nobody() {
    let folder = folder();
    let url = serve(|head| {
        let text = head.replace('"', "'").replace("\r\n", " ");
        let header =
            format!("\"isSuccessful\":false,\"resultCode\":40101,\"resultMessage\":\"{text}\"");
        format!("{{\"header\":{{{header}}}}}")
    });
    for format in ["table", "json"] {
        let ran = ran(collect(folder.path(), &url)
            .env("NHN_CLOUDTRAIL_APP_KEY", KEYS[0])
            .env("NHN_CLOUDTRAIL_ACCESS_KEY_ID", KEYS[1])
            .env("NHN_CLOUDTRAIL_SECRET_ACCESS_KEY", KEYS[2])
            .args(["--format", format]));
        assert_eq!(ran.status, 2, "{}", ran.all());
        assert!(ran.stderr.contains("40101") && ran.stderr.contains("***"), "{}", ran.stderr);
        let ledger = std::fs::read_to_string(folder.path().join("_archive/ledger.jsonl")).unwrap();
        assert!(ledger.contains("***"), "{ledger}");
        for key in KEYS {
            let part = key.get(..8).unwrap();
            assert!(!ran.all().contains(part) && !ledger.contains(part), "{}", ran.all());
        }
    }
}

#[test]
fn keys_come_from_files_of_their_own() {
    let folder = folder();
    let server = Server::start(&["--events", "10"]);
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (app_key, id) = (file("app", "testAppKey\n"), file("id", "testKeyId"));
    let secret = file("secret", "testSecret\r\n");
    let archive = folder.path().join("archive");
    let base = || {
        let mut command = collect(&archive, &server.url);
        command
            .env("NHN_CLOUDTRAIL_ACCESS_KEY_ID_FILE", &id)
            .env("NHN_CLOUDTRAIL_SECRET_ACCESS_KEY_FILE", &secret);
        command
    };
    let by_variable = ran(base().env("NHN_CLOUDTRAIL_APP_KEY_FILE", &app_key));
    assert_eq!(by_variable.status, 0, "{}", by_variable.all());
    // An option takes precedence over the environment.
    let by_option =
        ran(base().env("NHN_CLOUDTRAIL_APP_KEY", "other").arg("--app-key-file").arg(&app_key));
    assert_eq!(by_option.status, 0, "{}", by_option.all());
    let config = file("config.toml", "app_key_file = \"app\"\n");
    let by_config = ran(base().arg("--config").arg(&config));
    assert_eq!(by_config.status, 0, "{}", by_config.all());
    let twice = ran(base().args(["--app-key", "x", "--app-key-file"]).arg(&app_key));
    assert_eq!(twice.status, 2);
    let twice = ran(base()
        .env("NHN_CLOUDTRAIL_APP_KEY", "testAppKey")
        .env("NHN_CLOUDTRAIL_APP_KEY_FILE", &app_key));
    assert_eq!(twice.status, 2);
    assert!(twice.stderr.contains("NHN_CLOUDTRAIL_APP_KEY_FILE are both set"), "{}", twice.stderr);
    let missing = ran(base().env("NHN_CLOUDTRAIL_APP_KEY_FILE", folder.path().join("none")));
    assert_eq!(missing.status, 2);
    // Halves of two pairs are not combined.
    let config = file("half.toml", "app_key = \"testAppKey\"\naccess_key_id = \"testKeyId\"\n");
    let half = ran(collect(&archive, &server.url)
        .env("NHN_CLOUDTRAIL_SECRET_ACCESS_KEY", "testSecret")
        .arg("--config")
        .arg(&config));
    assert_eq!(half.status, 2);
    assert!(half.stderr.contains("wants a User Access Key ID"), "{}", half.stderr);
}

/// Returns the request to a server of Object Storage, which responds with an empty list.
fn asked(set: impl Fn(&mut Command)) -> (String, Ran) {
    let (sender, heads) = std::sync::mpsc::channel();
    let url = serve(move |head| {
        let _ = sender.send(head.to_owned());
        "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>".to_owned()
    });
    let mut command = command();
    command.args(["read", "s3://audit", "--endpoint", &url]);
    set(&mut command);
    let ran = ran(&mut command);
    (heads.try_recv().unwrap_or_default().to_ascii_lowercase(), ran)
}

#[test]
fn our_own_configuration_comes_before_that_of_other_tools() {
    let folder = folder();
    let config = folder.path().join("config.toml");
    let others = |command: &mut Command| {
        command
            .env("AWS_ACCESS_KEY_ID", "otherId")
            .env("AWS_SECRET_ACCESS_KEY", "otherSecret")
            .env("AWS_REGION", "other1")
            .env("AWS_ENDPOINT_URL", "https://other.example");
    };
    let (head, ran) = asked(others);
    assert!(
        head.contains("credential=otherid/") && head.contains("/other1/s3/"),
        "{head}{}",
        ran.all()
    );
    let text = "[object_storage]\nregion = \"kr1\"\naccess_key_id = \"ourId\"\n";
    std::fs::write(&config, format!("{text}secret_access_key = \"ourSecret\"\n")).unwrap();
    let (head, ran) = asked(|command| {
        others(command);
        command.arg("--config").arg(&config);
    });
    assert!(head.contains("credential=ourid/") && head.contains("/kr1/s3/"), "{head}{}", ran.all());
    // Half of an own pair is not completed from the AWS variables.
    std::fs::write(&config, text).unwrap();
    let (head, ran) = asked(|command| {
        others(command);
        command.arg("--config").arg(&config);
    });
    assert_eq!((head.as_str(), ran.status), ("", 2));
    assert!(ran.stderr.contains("the secret key of Object Storage is missing"), "{}", ran.stderr);
    let (head, _) = asked(|command| {
        others(command);
        command.arg("--config").arg(&config);
        command.env("NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID", "thirdId");
        command.env("NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY", "thirdSecret");
    });
    assert!(head.contains("credential=thirdid/"), "{head}");
}

/// A port without a listener.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn no_proxy_stands_between_this_machine_and_itself() {
    let folder = folder();
    let server = Server::start(&["--events", "10"]);
    for variable in ["ALL_PROXY", "HTTP_PROXY", "http_proxy", "all_proxy"] {
        for proxy in [NOBODY, "socks5://127.0.0.1:1"] {
            let ran =
                ran(server.command(folder.path()).args(["--retries", "0"]).env(variable, proxy));
            assert_eq!(ran.status, 0, "{variable}: {}", ran.all());
            let (head, ran) = asked(|command| {
                command
                    .env(variable, proxy)
                    .env("AWS_ACCESS_KEY_ID", "id")
                    .env("AWS_SECRET_ACCESS_KEY", "secret")
                    .env("AWS_REGION", "kr1");
            });
            assert!(head.starts_with("get /audit"), "{variable}: {}", ran.all());
        }
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused() {
    let folder = folder();
    let away = |set: &dyn Fn(&mut Command)| {
        let mut api = collect(folder.path(), "https://nowhere.invalid");
        api.args(["--api", "v1", "--app-key", "x"]);
        let mut bucket = command();
        bucket.args(["read", "s3://audit", "--endpoint", "https://nowhere.invalid"]);
        bucket
            .env("AWS_ACCESS_KEY_ID", "id")
            .env("AWS_SECRET_ACCESS_KEY", "s")
            .env("AWS_REGION", "r");
        [api, bucket].map(|mut command| {
            set(&mut command);
            ran(&mut command)
        })
    };
    for (proxy, told) in [
        ("socks5://user:pass@127.0.0.1:1", "a SOCKS proxy"),
        ("socks4://127.0.0.1:1", "a SOCKS proxy"),
        ("SOCKS5H://127.0.0.1:1", "a SOCKS proxy"),
        ("ftp://user:pass@127.0.0.1:1", "no URL of a proxy"),
        ("http://", "no URL of a proxy"),
    ] {
        for variable in ["HTTPS_PROXY", "all_proxy"] {
            for ran in away(&|command| {
                command.env(variable, proxy);
            }) {
                assert_eq!(ran.status, 2, "{}", ran.all());
                let text = &ran.stderr;
                assert!(text.contains(variable) && text.contains(told), "{proxy}: {text}");
                assert!(!text.contains("pass"), "{text}");
            }
        }
    }
    assert!(!folder.path().join("_archive").exists());
}

#[cfg(unix)]
#[test]
fn a_signing_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;

    // The example key of RFC 8410.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
                       MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                       -----END PRIVATE KEY-----\n";
    let folder = folder();
    let server = Server::start(&["--events", "10"]);
    let key = folder.path().join("key.pem");
    std::fs::write(&key, KEY).unwrap();
    for (mode, warned) in [(0o644, true), (0o620, true), (0o600, false)] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let ran =
            server.collect(&folder.path().join("archive"), &["--sign", key.to_str().unwrap()]);
        assert_eq!(ran.status, 0, "{}", ran.all());
        let is_warned = ran.stderr.contains("key.pem") && ran.stderr.contains("chmod 600");
        assert_eq!(is_warned, warned, "{mode:o}: {}", ran.stderr);
    }
}
