//! A server of the query API whose responses, valid or not, a test defines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nhn_cloudtrail::Timestamp;
use nhn_cloudtrail_collect::{Api, Client, ClientBuilder, Settings};
use serde_json::{Value, json};

/// A requested search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Number of the request, from 1.
    pub(crate) number: usize,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) page: u64,
    pub(crate) limit: u64,
    pub(crate) at: Instant,
}

/// A response: its status, additional headers, its body.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: &'static str,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl From<Value> for Reply {
    fn from(body: Value) -> Self {
        Self { status: "200 OK", headers: String::new(), body: body.to_string() }
    }
}

/// Returns a refusal or a failure.
pub(crate) fn failure(code: i64) -> Reply {
    let header = json!({"isSuccessful": false, "resultCode": code, "resultMessage": "no"});
    json!({ "header": header }).into()
}

/// Returns an HTTP response that is not one of the API.
pub(crate) fn http(status: &'static str, headers: &str) -> Reply {
    let body = "<html>no</html>".to_owned();
    Reply { status, headers: headers.to_owned(), body }
}

pub(crate) type Answer = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A server whose threads end with the connections.
pub(crate) struct Fake {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    pub(crate) fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, log): (Arc<Answer>, _) = (Arc::new(answer), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, log) = (answer.clone(), log.clone());
                std::thread::spawn(move || serve(&stream.unwrap(), &*answer, &log));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn client(&self, api: Api) -> ClientBuilder {
        let mut settings = Settings::default();
        settings.base_url = Some(self.url.clone());
        settings.app_key = Some("testAppKey".into());
        settings.access_key_id = Some("testKeyId".into());
        settings.secret_access_key = Some("testSecret".into());
        Client::builder(settings)
            .api(api)
            .rate(10_000.0)
            .backoff(Duration::from_millis(2))
            .timeout(Duration::from_secs(20))
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Responds to the requests of a connection until it ends.
fn serve(stream: &TcpStream, answer: &Answer, log: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body: Value = serde_json::from_slice(&body).unwrap();
        let time = |name: &str| Timestamp::parse(body[name].as_str().unwrap()).unwrap().as_millis();
        let count = |name: &str| body["page"][name].as_u64().unwrap();
        let asked = {
            let mut log = log.lock().unwrap();
            let number = log.len() + 1;
            log.push(Asked {
                number,
                from: time("startDate"),
                to: time("endDate"),
                page: count("page"),
                limit: count("limit"),
                at: Instant::now(),
            });
            *log.last().unwrap()
        };
        let Reply { status, headers, body } = answer(&asked);
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        let mut stream = stream;
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).ok()?;
    }
}

/// Returns a record with a time and a key.
pub(crate) fn record(time: i64, key: &str) -> (i64, Value) {
    let text = Timestamp::from_millis(time).unwrap().to_string();
    (time, json!({"eventTime": text, "eventId": "event_id.iam.login", "eventLogUuid": key}))
}

/// The value of `totalElements`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Total {
    Right,
    /// The number of records on the page.
    OfPage,
    /// At most this number.
    Capped(u64),
    Less(u64),
    More(u64),
    Zero,
}

/// How many of the requested records a page has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cap {
    None,
    /// The limit is reduced to this number.
    Limit(u64),
    /// The same, but pages begin where they would without it.
    Page(u64),
    /// Only this number of records can be read and are counted, whatever the page.
    Period(u64),
    /// A different number on each page, as if responses were limited by their bytes.
    Uneven,
}

/// How a server pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paging {
    pub(crate) api: Api,
    pub(crate) total: Total,
    pub(crate) cap: Cap,
    /// Whether `size` is present with the requested value.
    pub(crate) size: bool,
    pub(crate) last: Option<bool>,
    /// Whether each page is the first one.
    pub(crate) same: bool,
    /// Whether both ends of a period are inclusive.
    pub(crate) inclusive: bool,
}

impl Paging {
    pub(crate) const GOOD: Self = Self {
        api: Api::V2,
        total: Total::Right,
        cap: Cap::None,
        size: true,
        last: None,
        same: false,
        inclusive: true,
    };

    /// Returns a page of records, which are in chronological order.
    pub(crate) fn answer(&self, records: &[(i64, Value)], asked: &Asked) -> Reply {
        let is_in = |time: i64| match self.inclusive {
            true => time >= asked.from && time <= asked.to,
            false => time > asked.from && time < asked.to,
        };
        let found = records.iter().filter(|(time, _)| is_in(*time)).map(|(_, record)| record);
        let most = if let Cap::Period(cap) = self.cap { cap } else { u64::MAX };
        let found: Vec<&Value> = found.take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
        let (limit, step) = match self.cap {
            Cap::None | Cap::Period(_) => (asked.limit, asked.limit),
            Cap::Limit(cap) => (asked.limit.min(cap), asked.limit.min(cap)),
            Cap::Page(cap) => (asked.limit.min(cap), asked.limit),
            Cap::Uneven => {
                let cap = 20 + (asked.from.unsigned_abs() + 7 * asked.page) % 30;
                (asked.limit.min(cap), asked.limit)
            }
        };
        let page = if self.same { 0 } else { asked.page };
        let content: Vec<&Value> =
            found.iter().skip((page * step) as usize).take(limit as usize).copied().collect();
        let (count, all) = (content.len() as u64, found.len() as u64);
        let mut body = json!({"content": content});
        if self.api == Api::V2 {
            let total = match self.total {
                Total::Right => all,
                Total::OfPage => count,
                Total::Capped(cap) => all.min(cap),
                Total::Less(less) => all.saturating_sub(less),
                Total::More(more) => all + more,
                Total::Zero => 0,
            };
            body["totalElements"] = total.into();
            if self.size {
                body["size"] = asked.limit.into();
            }
            if let Some(last) = self.last {
                body["last"] = last.into();
            }
        }
        json!({"header": {"isSuccessful": true, "resultCode": 0}, "page": body}).into()
    }
}
