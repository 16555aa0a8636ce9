//! Servers of the query API and of Object Storage, each in a separate process that ends with the test; and what
//! tests read from archives.

pub(crate) mod http;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use nhn_cloudtrail::{Filter, Reader, Timestamp};
use nhn_cloudtrail_arrow::Parquet;
use nhn_cloudtrail_collect::{Api, Client, ClientBuilder, Query, Settings};
use serde_json::Value;

pub(crate) const APP_KEY: &str = "testAppKey";

/// Returns the end of the servers' data: a day ago, since the API deletes old events.
pub(crate) fn until() -> String {
    format!("{}T00:00:00.000Z", day(0))
}

/// Returns the day `before` days before that, `YYYY-MM-DD`.
pub(crate) fn day(before: i64) -> String {
    static LAST: LazyLock<i64> = LazyLock::new(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        now.as_secs() as i64 / 86_400 - 1
    });
    let midnight = (*LAST - before) * 86_400_000;
    Timestamp::from_millis(midnight).unwrap().to_string().split('T').next().unwrap().to_owned()
}

/// A server that runs until this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn servers() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/servers")
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("no python3 here");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.strip_prefix("ready ").expect("the server does not start").trim().to_owned();
        Self { child, url }
    }

    /// Starts a server of the query API; `options` are those of `tests/servers/cloudtrail_api.py`.
    pub(crate) fn api(options: &[&str]) -> Self {
        let mut command = Command::new("python3");
        command.arg(servers().join("cloudtrail_api.py")).args(options);
        Self::start(command)
    }

    /// Starts OpenStack Swift; `None` if the tests run without it, which is not allowed in CI.
    pub(crate) fn swift(folder: &std::path::Path) -> Option<Self> {
        let Some(python) = std::env::var_os("SWIFT_PYTHON") else {
            let may_miss = std::env::var_os("CI").is_none();
            assert!(
                may_miss && std::env::var_os("WITHOUT_SWIFT").is_some(),
                "SWIFT_PYTHON names no Python with tests/servers/requirements.txt, as `cargo xtask test` \
                 makes one; WITHOUT_SWIFT=1 leaves out the tests that want it"
            );
            return None;
        };
        let mut command = Command::new(python);
        command.arg(servers().join("swift_server.py")).arg(folder).arg("0");
        command.stderr(Stdio::null());
        Some(Self::start(command))
    }

    /// Returns a client with short pauses.
    pub(crate) fn client(&self, api: Api) -> ClientBuilder {
        let mut settings = Settings::default();
        settings.base_url = Some(self.url.clone());
        settings.app_key = Some(APP_KEY.into());
        settings.access_key_id = Some("testKeyId".into());
        settings.secret_access_key = Some("testSecret".into());
        Client::builder(settings)
            .api(api)
            .rate(10_000.0)
            .backoff(Duration::from_millis(2))
            .timeout(Duration::from_secs(20))
    }

    pub(crate) fn control(&self, what: &str, body: &Value) -> Value {
        let url = format!("{}/control/{what}", self.url);
        let answer = ureq::post(url).send(body.to_string()).unwrap().body_mut().read_to_string();
        serde_json::from_str(&answer.unwrap()).unwrap_or(Value::Null)
    }

    fn get(&self, what: &str) -> String {
        ureq::get(format!("{}/control/{what}", self.url))
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap()
    }

    pub(crate) fn state(&self) -> Value {
        serde_json::from_str(&self.get("state")).unwrap()
    }

    pub(crate) fn searches(&self) -> u64 {
        self.state()["searches"].as_u64().unwrap()
    }

    /// Returns the keys of all records until [`until`].
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        self.get(&format!("uuids?until={}", until())).lines().map(str::to_owned).collect()
    }
}

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Selects everything that a server has from `since` on.
pub(crate) fn query(since: &str) -> Query {
    Query::since(time(since)).until(time(&until()))
}

/// Returns the keys of all events in an archive, sorted; repeated keys are repeated.
pub(crate) fn keys(archive: &Path) -> Vec<String> {
    let catalog = nhn_cloudtrail::catalog::Catalog::builtin();
    let parquet = Parquet::new(&Filter::new(), &catalog);
    let reader = Reader::builder().format(Arc::new(parquet)).open([archive]).unwrap();
    let mut keys: Vec<String> = reader.map(|event| event.unwrap().key()).collect();
    keys.sort();
    keys
}
