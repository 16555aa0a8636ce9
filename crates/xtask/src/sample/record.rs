//! Records that look real: who, when, what, with requests and responses of real sizes.
//!
//! Written straight into a string, escapes and all, since a million of them should not take long.

use nhn_cloudtrail::Timestamp;
use nhn_cloudtrail::catalog::{self, Entry, Kind};

use super::random::Random;

/// A member of the organization. Names of every script that turns up, and some that few programs
/// expect.
const PEOPLE: &[(&str, &str)] = &[
    ("김철수", "kim.cheolsu"),
    ("이영희", "lee.younghee"),
    ("박지민", "park.jimin"),
    ("배치 계정", "batch"),
    ("최수연", "choi.suyeon"),
    ("정우성", "jung.woosung"),
    ("佐藤 花子", "sato.hanako"),
    ("남궁민수", "namgung.minsu"),
    ("Ji-won Han", "han.jiwon"),
    ("高橋 健", "takahashi.ken"),
    ("김개발 🚀", "kim.dev"),
    ("선우은숙", "sunwoo.es"),
    ("Zoë O’Neill", "zoe.oneill"),
    ("ナカムラ　リサ", "nakamura.lisa"),
    ("👩‍💻 운영팀", "ops"),
    ("제갈공명", "jegal"),
    ("林巨正", "lin.juzheng"),
    ("외부감사(삼정)", "audit"),
    ("홍길동", "hong.gildong"),
    ("Łukasz Żak", "lukasz"),
];

const PROJECTS: &[&str] = &[
    "결제 플랫폼",
    "쇼핑몰-운영",
    "shop-staging",
    "데이터 분석",
    "ゲーム基盤",
    "사내 포털",
    "internal-tools",
    "AI 실험실 🧪",
    "메시징",
    "backup & DR",
];

const REGIONS: &[&str] = &["KR1", "KR1", "KR1", "KR2", "KR3", "JP1", "US1"];

const AGENTS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "ReactorNetty/1.2.4",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Whale/4.33.325.17 Safari/537.36",
    "Terraform/1.13.3 (+https://www.terraform.io) terraform-provider-nhncloud/1.0.8",
    "okhttp/4.12.0",
    "python-requests/2.32.4",
    "Go-http-client/2.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "curl/8.14.1",
];

/// What requests speak of: a key, and values for it as they stand in text.
const DETAILS: &[(&str, &[&str])] = &[
    ("name", &["web-01", "db-master", "결제-api-blue", "バッチサーバー", "cache-2", "test 🧪"]),
    (
        "description",
        &["", "정기 점검을 위해 변경합니다", "Requested by the payment team", "本番環境の定期更新"],
    ),
    ("availabilityZone", &["kr-pub-a", "kr-pub-b", "kr2-pub-a", "jp-pub-a"]),
    ("flavor", &["m2.c2m4", "c2.c8m8", "r2.c4m32", "t2.c1m1"]),
    ("imageName", &["Ubuntu Server 24.04 LTS", "Rocky Linux 9.5", "Windows 2022 STD (한글)"]),
    ("keyName", &["ops-2026", "홍길동-노트북"]),
    ("port", &[BARE, "22", "80", "443", "8080", "3306", "5432"]),
    ("protocol", &["TCP", "UDP", "HTTPS", "TERMINATED_HTTPS"]),
    ("cidr", &["10.0.0.0/16", "192.168.10.0/24", "0.0.0.0/0", "2001:db8::/48"]),
    ("enabled", &[BARE, "true", "false", "null"]),
    (
        "template",
        &[
            "[광고] #{이름}님, 이번 주 혜택을 확인하세요",
            "인증번호는 #{code} 입니다",
            "ご注文ありがとうございます",
        ],
    ),
    ("password", &["********"]),
    ("networkId", &[UUID]),
    ("secretKey", &["********"]),
    ("path", &["/v1/events", "/logs/2026/10", "C:/temp"]),
    ("schedule", &["0 3 * * *", "*/15 * * * *"]),
    ("reason", &["고객 요청 #4821", "cost", "보안 점검 결과 조치 (CVE-2026-1234)"]),
];
/// The values behind it are numbers and the like, without quotes.
const BARE: &str = "bare";
const UUID: &str = "uuid";

/// What requests list.
const LISTS: &[&str] = &["servers", "rules", "receivers", "items", "members"];

const FAILURES: &[(i64, &str)] = &[
    (-1, "Internal server error"),
    (-1011, "권한이 없습니다"),
    (-4003, "할당량을 초과했습니다"),
    (40401, "The resource could not be found"),
    (50001, "内部エラーが発生しました"),
    (-20007, "이미 사용 중인 이름입니다"),
];

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";

struct Person {
    id_no: String,
    name: &'static str,
    address: &'static str,
    ip: String,
}

struct Project {
    id: String,
    name: &'static str,
    app_key: String,
    tenant: String,
}

/// What the records of a log are like together.
#[derive(Clone, Copy)]
pub(crate) struct Mix {
    /// How many of the catalog's IDs turn up.
    pub(crate) ids: usize,
    /// Whether the first records have each of these IDs once.
    pub(crate) each_first: bool,
    /// Whether a service has the same product ID each time in a project, or one for each record.
    pub(crate) steady_products: bool,
    /// How many requests in a hundred run over lines.
    pub(crate) pretty: u64,
}

/// A supply of records that never ends. Some IDs are common and most are rare, as in real logs.
pub(crate) struct Records {
    random: Random,
    mix: Mix,
    ids: Vec<&'static Entry>,
    /// For each ID, how much all up to it weigh together.
    weights: Vec<u64>,
    people: Vec<Person>,
    projects: Vec<Project>,
    org: String,
    number: usize,
    /// Milliseconds since 1970.
    time: i64,
    record: String,
}

impl Records {
    /// Records with every ID of the catalog.
    pub(super) fn new(seed: u64) -> Self {
        Self::with_mix(
            seed,
            Mix { ids: usize::MAX, each_first: true, steady_products: false, pretty: 20 },
        )
    }

    pub(crate) fn with_mix(seed: u64, mix: Mix) -> Self {
        let mut random = Random::new(seed);
        let mut ids: Vec<&'static Entry> = catalog::entries().iter().collect();
        for end in (1..ids.len()).rev() {
            ids.swap(end, random.below(end as u64 + 1) as usize);
        }
        ids.truncate(mix.ids);
        let mut sum = 0;
        let weights = (1..=ids.len() as u64)
            .map(|rank| {
                sum += 1_000_000 / rank;
                sum
            })
            .collect();
        let mut made = |make: fn(&mut Random, &mut String)| {
            let mut text = String::new();
            make(&mut random, &mut text);
            text
        };
        let people = PEOPLE.iter().map(|&(name, address)| Person {
            id_no: made(Random::uuid),
            name,
            address,
            ip: made(ip),
        });
        let people = people.collect();
        let projects = PROJECTS.iter().map(|&name| Project {
            id: made(|random, out| random.text(out, LETTERS, 8)),
            name,
            app_key: made(|random, out| random.text(out, LETTERS, 16)),
            tenant: made(|random, out| random.text(out, HEX, 32)),
        });
        let projects = projects.collect();
        let org = made(|random, out| random.text(out, LETTERS, 16));
        // 2026-10-29T00:00:00Z
        let time = 1_793_232_000_000;
        let record = String::new();
        Self { random, mix, ids, weights, people, projects, org, number: 0, time, record }
    }

    /// The next record, on one line.
    pub(crate) fn next_record(&mut self) -> &str {
        let Some(entry) = self.next_entry() else { return "{}" };
        let random = &mut self.random;
        self.time += random.below(20_000) as i64;
        let out = &mut self.record;
        out.clear();
        let person = self.people.get(random_front(random, self.people.len()));
        let project = self.projects.get(random_front(random, self.projects.len()));
        let (Some(person), Some(project)) = (person, project) else { return "{}" };
        let time =
            Timestamp::from_millis(self.time).map(|time| time.to_string()).unwrap_or_default();
        member(out, "eventTime", &[time.trim_end_matches('Z'), "+0000"]);
        member(out, "userIdNo", &[&person.id_no]);
        member(out, "userName", &[person.name]);
        member(out, "userId", &[person.address, "@example.com"]);
        member(out, "userIp", &[&person.ip]);
        member(out, "userAgent", &[random.pick_front(AGENTS)]);
        member(out, "eventSourceType", &[source_type(random)]);
        out.push_str(",\"productId\":\"");
        if self.mix.steady_products {
            product(project, entry).text(out, LETTERS, 8);
        } else {
            random.text(out, LETTERS, 8);
        }
        out.push('"');
        member(out, "region", &[random.pick(REGIONS)]);
        member(out, "orgId", &[&self.org]);
        member(out, "projectId", &[&project.id]);
        member(out, "projectName", &[project.name]);
        member(out, "appKey", &[&project.app_key]);
        member(out, "tenantId", &[&project.tenant]);
        member(out, "eventId", &[entry.id()]);
        out.push_str(",\"eventLogUuid\":\"");
        random.uuid(out);
        out.push('"');
        request(random, out, entry, self.mix.pretty);
        response(random, out);
        let about_members = entry.id().contains("member") || entry.id().contains("role");
        if random.percent(if about_members { 80 } else { 3 }) {
            target(random, out, &self.people);
        }
        out.push('}');
        out
    }

    fn next_entry(&mut self) -> Option<&'static Entry> {
        let number = self.number;
        self.number += 1;
        if let Some(entry) = self.ids.get(number).filter(|_| self.mix.each_first) {
            return Some(entry);
        }
        let drawn = self.random.below(self.weights.last().copied()?);
        self.ids.get(self.weights.partition_point(|&sum| sum <= drawn)).copied()
    }
}

/// What makes the ID of the product that a service is in a project.
fn product(project: &Project, entry: &Entry) -> Random {
    let words = project.tenant.bytes().chain(entry.service().unwrap_or_default().bytes());
    Random::new(words.fold(0, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)))
}

/// A place in a list of so many, those in front more often.
fn random_front(random: &mut Random, length: usize) -> usize {
    let end = random.below(length as u64) + 1;
    random.below(end) as usize
}

/// Appends a member whose text needs no escapes; the first one opens the record.
fn member(out: &mut String, key: &str, text: &[&str]) {
    out.push(if out.is_empty() { '{' } else { ',' });
    out.push('"');
    out.push_str(key);
    out.push_str("\":\"");
    text.iter().for_each(|text| out.push_str(text));
    out.push('"');
}

fn ip(random: &mut Random, out: &mut String) {
    if random.percent(15) {
        out.push_str("2001:db8::");
        random.text(out, HEX.get(1..).unwrap_or_default(), 4);
        return;
    }
    let (a, b) = (random.below(256), random.below(254) + 1);
    out.push_str(&format!("{}.{a}.{b}", random.pick(&["10.11", "172.16", "192.168", "198.18"])));
}

fn source_type(random: &mut Random) -> &'static str {
    match random.below(100) {
        0..72 => "USER_CONSOLE",
        72..96 => "API",
        _ => "ADMIN_CONSOLE",
    }
}

/// JSON text inside a string: its quotes are escaped, and so are its line feeds where it has some.
struct Inside<'a> {
    out: &'a mut String,
    /// Written over lines.
    pretty: bool,
    depth: usize,
    first: bool,
}

impl Inside<'_> {
    fn open(&mut self, bracket: char) {
        self.out.push(bracket);
        self.depth += 1;
        self.first = true;
    }

    fn close(&mut self, bracket: char) {
        self.depth -= 1;
        self.line();
        self.out.push(bracket);
        self.first = false;
    }

    fn line(&mut self) {
        if self.pretty {
            self.out.push_str("\\n");
            self.out.extend(std::iter::repeat_n("  ", self.depth));
        }
    }

    fn next(&mut self) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.line();
    }

    fn key(&mut self, key: &str) {
        self.next();
        self.out.push_str("\\\"");
        self.out.push_str(key);
        self.out.push_str(if self.pretty { "\\\": " } else { "\\\":" });
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.out.push_str("\\\"");
        self.out.push_str(text);
        self.out.push_str("\\\"");
    }

    fn uuid(&mut self, key: &str, random: &mut Random) {
        self.key(key);
        self.out.push_str("\\\"");
        random.uuid(self.out);
        self.out.push_str("\\\"");
    }
}

/// From a hundred bytes to four thousand, most of them short.
fn request(random: &mut Random, out: &mut String, entry: &Entry, pretty: u64) {
    let length = match random.below(100) {
        0..55 => 100 + random.below(150),
        55..85 => 250 + random.below(450),
        85..97 => 700 + random.below(700),
        _ => 1400 + random.below(2400),
    };
    out.push_str(",\"request\":\"");
    let end = out.len() + length as usize;
    let pretty = random.percent(pretty);
    let mut json = Inside { out, pretty, depth: 0, first: true };
    json.open('{');
    json.uuid("requestId", random);
    if entry.action().is_none_or(|action| action.kind() != Kind::Create) {
        json.uuid("id", random);
    }
    let mut details = Details::new(random);
    let mut lists = LISTS.iter();
    while json.out.len() + 60 < end {
        let list =
            if end > json.out.len() + 400 && random.percent(50) { lists.next() } else { None };
        let Some(list) = list else {
            details.write(&mut json, random);
            continue;
        };
        json.key(list);
        json.open('[');
        for _ in 0..2 + random.below(4) {
            json.next();
            json.open('{');
            json.uuid("id", random);
            let mut details = Details::new(random);
            details.write(&mut json, random);
            details.write(&mut json, random);
            json.close('}');
        }
        json.close(']');
    }
    json.close('}');
    out.push('"');
}

/// The details of one object, each key once.
struct Details {
    next: usize,
    written: usize,
}

impl Details {
    fn new(random: &mut Random) -> Self {
        Self { next: random.below(DETAILS.len() as u64) as usize, written: 0 }
    }

    fn write(&mut self, json: &mut Inside<'_>, random: &mut Random) {
        let (key, values) = DETAILS.get(self.next % DETAILS.len()).copied().unwrap_or_default();
        let round = self.written / DETAILS.len();
        let numbered;
        let key = if round == 0 {
            key
        } else {
            numbered = format!("{key}{}", round + 1);
            &numbered
        };
        match values {
            [BARE, values @ ..] => {
                json.key(key);
                json.out.push_str(random.pick(values));
            }
            [UUID] => json.uuid(key, random),
            values => json.text(key, random.pick(values)),
        }
        self.next += 1;
        self.written += 1;
    }
}

fn response(random: &mut Random, out: &mut String) {
    out.push_str(",\"response\":\"");
    let pretty = random.percent(10);
    let mut json = Inside { out, pretty, depth: 0, first: true };
    let failure = random.percent(5).then(|| random.pick(FAILURES));
    json.open('{');
    json.key("header");
    json.open('{');
    json.key("isSuccessful");
    json.out.push_str(if failure.is_none() { "true" } else { "false" });
    let (code, message) = failure.unwrap_or((0, "SUCCESS"));
    json.key("resultCode");
    json.out.push_str(&code.to_string());
    json.text("resultMessage", message);
    json.close('}');
    if failure.is_none() && random.percent(60) {
        json.key("body");
        json.open('{');
        json.uuid("id", random);
        json.text("status", random.pick(&["ACTIVE", "BUILD", "DELETED", "완료"]));
        json.close('}');
    }
    json.close('}');
    out.push('"');
}

fn target(random: &mut Random, out: &mut String, people: &[Person]) {
    out.push_str(",\"eventTarget\":{\"targetMembers\":[");
    for number in 0..1 + random.below(3) {
        let Some(person) = people.get(random.below(people.len() as u64) as usize) else { break };
        if number > 0 {
            out.push(',');
        }
        out.push_str("{\"idNo\":\"");
        out.push_str(&person.id_no);
        out.push_str("\",\"name\":\"");
        out.push_str(person.name);
        // IAM members have a code, NHN Cloud members an address.
        if random.percent(40) {
            out.push_str("\",\"userCode\":\"");
            out.push_str(person.address);
        } else {
            out.push_str("\",\"emailAddress\":\"");
            out.push_str(person.address);
            out.push_str("@example.com");
        }
        out.push_str("\"}");
    }
    out.push_str("]}");
}
