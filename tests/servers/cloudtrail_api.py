"""A server of the CloudTrail query API, v1.0 and v2.0, with an organization made up for tests.

It answers as the API's guide says, fails as it is told to, takes in new records while a client
pages, and can be asked what it holds. A record is made when it is asked for, from the seed and its
number alone, so that a million of them cost little more than their times.

It prints `ready http://127.0.0.1:PORT` when it listens, and ends when its standard input is closed:
whoever starts it keeps a pipe open, and however that process ends, the server ends with it.
`--help` tells the options. Its clock begins at `--until`.

Control, on the same port, in JSON:
- `GET /control/state`: what was asked so far; times are seconds since 1970.
- `GET /control/uuids?since=&until=`: as text, the key of every event there is now, one a line, both
  bounds within; either may be left out. Without `eventLogUuid` it is `none:` and a number.
- `POST /control/fail` `{"kinds": [...], "at": K, "next": M}`: M searches, from the Kth from now on,
  fail with these kinds in turn. K is 1 unless given, M the number of kinds. `{"deny": CODE}`: every
  search is answered with that result code, until `{"deny": null}`.
- `POST /control/insert` `{"time": RFC3339, "count": N}` or `{"record": TEXT, "time": RFC3339}`:
  adds records, and answers with their keys.
- `POST /control/mask` `{"uuid": KEY}`: from now on that record has a masked name and address.
"""

import argparse
import contextlib
import json
import random
import re
import socket
import struct
import sys
import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.message import Message
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

HOUR, DAY = 3_600_000, 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOCK = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86_400)]
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}"
REQUEST_DATE, RECORD_DATE = re.compile(DATE + "Z"), re.compile(DATE + r"[+-][0-9]{4}")
PATH = re.compile(r"/cloud-trail/v([12])\.0/appkeys/([^/]+)/events/search")
SORT = re.compile("(eventTime|idNo|userIdNo):(asc|desc)")
STATUS_FAULTS = {
    "http500": "500 Internal Server Error",
    "http503": "503 Service Unavailable",
    "http429": "429 Too Many Requests",
}
BODY_FAULTS = {
    "html": "<!DOCTYPE html>\n<h1>서비스 점검 중입니다</h1>\n".encode(),
    "empty": b"",
    "emptyobject": b"{}",
}
# After these the connection cannot be used again.
CLOSING_FAULTS = ["truncated", "truncatedchunked", "timeout", "reset", "close", "garbage"]
FAULTS = [*STATUS_FAULTS, *BODY_FAULTS, *CLOSING_FAULTS, "slow"]
FAULTS += ["failure", "nopage", "nocontent", "cutjson", "fewer"]
BOUNDS = {
    "inclusive": (bisect_left, bisect_right),
    "half-open": (bisect_left, bisect_left),
    "exclusive": (bisect_right, bisect_left),
}

# What records are made of. HOLE is where a request has what is its record's own.
HOLE = "@@"
MEMBERS = [
    ("김철수", "kim.cheolsu@example.com", "203.0.113.24"),
    ("이영희", "lee.younghee@example.com", "10.00.00.000"),
    ("남궁민수", "namgung.minsu@example.com", "2001:db8::ad1a"),
    ("Kim Dev 🚀", "kim.dev@example.com", "172.16.39.96"),
    ("정운영", "ops_jung", "10.0.3.17"),
]
MASK = {"userName": "김**", "userIp": "***.***.***.***"}
AGENTS = [
    {"userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "eventSourceType": "USER_CONSOLE"},
    {"userAgent": "Mozilla/5.0 (Macintosh) Safari/605.1.15", "eventSourceType": "ADMIN_CONSOLE"},
    {"userAgent": "ReactorNetty/1.2.4", "eventSourceType": "API"},
]
PROJECTS = ["쇼핑몰-운영", "shop-staging", "결제 플랫폼", "데이터 분석", "game-live"]
ACTS = [
    "event_id.iaas.instance.create",
    "event_id.iaas.instance.delete",
    "event_id.iaas.security_group_rule.create",
    "event_id.dnsplus.recordset.update",
    "event_id.iam.login",
    "event_id.iam.member.role.update",
]
TARGET = {"idNo": "6d3d1475-b9f3-481f-8f0c-f3a2e3deee56", "name": "임꺽정", "userCode": "im_kkeok"}
TARGET |= {"emailAddress": "im.kkeok@example.com"}
REQUESTS = [
    {"id": HOLE, "imageName": "Ubuntu 24.04 LTS (한글)", "description": "정기 점검 " * 12},
    {"id": HOLE, "servers": [{"name": f"web-{n}", "secretKey": "********"} for n in range(8)]},
    {"id": HOLE, "template": '"#{이름}"님,\n이번 주 혜택을 확인하세요 \\ ' * 4},
]
GOOD = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
BAD = {"isSuccessful": False, "resultCode": 40301, "resultMessage": "권한이 없습니다."}
RESPONSES = [
    {"header": GOOD, "body": {"status": "ACTIVE", "tags": [f"태그-{n}" for n in range(9)]}},
    {"header": GOOD, "body": {"status": "BUILD", "addresses": ["10.0.0.7"] * 9}},
    {"header": BAD},
]

compact = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


def fields(known: dict) -> bytes:
    """Fields as JSON, without the braces."""
    return compact(known)[1:-1].encode()


def milliseconds(text: str) -> int:
    """A time in RFC 3339, as milliseconds since 1970."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return (moment - EPOCH) // timedelta(milliseconds=1)


@cache
def day_text(day: int) -> str:
    """A day, counted from 1970, as text."""
    return str(date.fromordinal(EPOCH.toordinal() + day))


def time_text(moment: int) -> str:
    """Milliseconds since 1970 as text, without an offset."""
    day, rest = divmod(moment, DAY)
    return f"{day_text(day)}T{CLOCK[rest // 1000]}.{rest % 1000:03}"


def spread(rng: random.Random, count: int, since: int, until: int) -> list[int]:
    """Times over a period: quiet nights and weekends, busy hours, several in one millisecond."""
    hours = range(since, until, HOUR)
    weights = []
    for hour in hours:
        day, rest = divmod(hour + 9 * HOUR, DAY)  # Office hours are Korea's.
        busy = 10 if 9 <= rest // HOUR < 18 else 1
        weights.append(busy / 4 if day % 7 in (2, 3) else busy)
    times: list[int] = []
    for hour in rng.choices(hours, weights, k=count):
        again = times and rng.random() < 0.1
        times.append(times[-1] if again else min(hour + int(rng.random() * HOUR), until))
    return sorted(times)


class Records:
    """Makes records, each from its number alone."""

    # Odd, so that a number can be told from what it is scattered to.
    FACTOR, SIZE = 0x9E3779B97F4A7C15, 1 << 64

    def __init__(self, seed: int, no_uuid: float):
        rng = random.Random(seed)
        self.start, self.no_uuid = rng.getrandbits(63), no_uuid
        uuid = f"{rng.getrandbits(128):032x}"
        self.middle, self.end = f"4{uuid[:3]}-a{uuid[3:6]}", uuid[6:14]
        # Of each: what searches ask for, the text, and the text when it is masked.
        self.members = []
        for count, (name, user_id, ip) in enumerate(MEMBERS):
            asked = {"userIdNo": f"{count:08}-0000-4000-8000-{uuid[14:26]}", "userId": user_id}
            for agent in AGENTS:
                plain = {**asked, "userName": name, "userIp": ip, **agent}
                self.members.append((asked, fields(plain), fields(plain | MASK)))
        self.places = []
        for project in PROJECTS:
            known = {"orgId": "z8yxFUv8ck99", "projectId": f"{rng.getrandbits(32):08x}"}
            known |= {"projectName": project, "appKey": f"{rng.getrandbits(64):016x}"}
            for region in ("KR1", "KR2", "JP1"):
                own = {"productId": f"{rng.getrandbits(40):010x}", "tenantId": uuid[::-1]}
                self.places.append(fields({"region": region, **own, **known}))
        # Of each: the event ID, and the text before and after what is a record's own.
        self.acts = []
        for act in ACTS:
            target = {"eventTarget": {"targetMembers": [TARGET]}} if ".member." in act else {}
            for request in map(compact, REQUESTS):
                for response in map(partial(compact, indent=1), RESPONSES):
                    known = {"eventId": act, "request": request, "response": response, **target}
                    self.acts.append((act, *fields(known).split(HOLE.encode())))

    def scatter(self, number: int) -> int:
        """A number that looks like chance, and that no other number is scattered to."""
        return (number + self.start) * self.FACTOR % self.SIZE

    def uuid(self, number: int) -> str | None:
        """The record's key, unless it has none."""
        own = self.scatter(number)
        if (own >> 16) % 10_000 < self.no_uuid * 100:
            return None
        return (
            f"{own >> 32:08x}-{own >> 16 & 0xFFFF:04x}-{self.middle}-{own & 0xFFFF:04x}{self.end}"
        )

    def number(self, uuid: str) -> int | None:
        """Which record has this key, if any can."""
        try:
            own = int((uuid[:13] + uuid[24:28]).replace("-", ""), 16)
        except ValueError:
            return None
        number = (own * pow(self.FACTOR, -1, self.SIZE) - self.start) % self.SIZE
        return number if self.uuid(number) == uuid else None

    def parts(self, number: int) -> tuple[tuple, bytes, tuple]:
        """The record's member, place and act."""
        own = self.scatter(number)
        return (
            self.members[(own >> 56) % len(self.members)],
            self.places[(own >> 44) % len(self.places)],
            self.acts[(own >> 32) % len(self.acts)],
        )

    def text(self, number: int, moment: int, masked: bool) -> bytes:
        """The record as JSON."""
        (_, *member), place, (_, before, after) = self.parts(number)
        uuid = self.uuid(number)
        key = f',"eventLogUuid":"{uuid}"' if uuid else ""
        return b'{"eventTime":"%b+0000",%b,%b,%b%016x%b%b}' % (
            time_text(moment).encode(),
            member[masked],
            place,
            before,
            self.scatter(number),
            after,
            key.encode(),
        )


class Refused(Exception):
    """A search that the API does not take, with the result code that says why."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def require(holds: object, message: str) -> None:
    """Refuses a search that is not well formed."""
    if not holds:
        raise Refused(40000, message)


class Query:
    """What a search asks for, checked."""

    def __init__(self, body: dict, limit_cap: int):
        for name in ("startDate", "endDate"):
            require(REQUEST_DATE.fullmatch(body[name]), f"{name}: RFC 3339, milliseconds and Z")
        self.start, self.end = milliseconds(body["startDate"]), milliseconds(body["endDate"])
        require(self.start <= self.end, "startDate is after endDate")
        page = body["page"]
        limit, self.page = page["limit"], page["page"]
        require(type(limit) is int and 1 <= limit <= 1000, "page.limit: 1 to 1000")
        require(type(self.page) is int and self.page >= 0, "page.page: from 0")
        self.limit = min(limit, limit_cap)
        sort = page.get("sortBy")
        sort = SORT.fullmatch("eventTime:desc" if sort is None else sort)
        require(sort, "page.sortBy: a field and its order, such as eventTime:desc")
        self.by_member, self.descending = sort[1] != "eventTime", sort[2] == "desc"
        wanted = {"eventId": body.get("eventId"), "userIdNo": body.get("idNo")}
        member = body.get("member")
        if member is not None:
            kind = member["memberType"]
            require(kind in ("TOAST", "IAM"), "member.memberType: TOAST or IAM")
            own, other = "emailAddress", "userCode"
            if kind == "IAM":
                own, other = other, own
            good = member.get(own) is not None and member.get(other) is None
            require(good, f"member: {own} and no {other} for {kind}")
            if wanted["userIdNo"] is None:
                wanted |= {"userIdNo": member.get("idNo"), "userId": member[own]}
        self.wanted = {name: value for name, value in wanted.items() if value is not None}
        require(all(isinstance(value, str) for value in self.wanted.values()), "filters are text")


class Log:
    """The organization's events: their times in order, and beside each the number of its record."""

    def __init__(self, options: argparse.Namespace):
        self.records = Records(options.seed, options.no_uuid)
        self.bounds, self.shuffle = BOUNDS[options.bounds], options.shuffle_ties
        self.rng = random.Random(f"log {options.seed}")
        self.until = options.until
        self.since = self.until - int(options.days * DAY)
        self.began = time.monotonic()
        # Records that were given: their text, and what it says.
        self.given: dict[int, tuple[bytes, dict]] = {}
        self.masked: set[int] = set()
        times = spread(random.Random(options.seed), options.events, self.since, self.until)
        for count, moment in options.ties:
            times += [moment] * count
        for line in options.records:
            moment, text, said = placed(line)
            self.given[len(times)] = text, said
            times.append(moment)
        self.next = len(times)
        self.numbers = array("q", sorted(range(self.next), key=times.__getitem__))
        self.times = array("q", (times[number] for number in self.numbers))

    def insert(self, moment: int, *given: object) -> str:
        """Adds a record, and gives its key."""
        number, self.next = self.next, self.next + 1
        if given:
            self.given[number] = given
        place = bisect_right(self.times, moment)
        self.times.insert(place, moment)
        self.numbers.insert(place, number)
        return self.key(number)

    def insert_somewhere(self) -> None:
        """Adds a record that just happened, or, more often, one that comes late."""
        now = self.until + int((time.monotonic() - self.began) * 1000)
        late = self.rng.randint(self.since, self.until)
        self.insert(now if self.rng.random() < 0.25 else late)

    def said(self, number: int) -> dict:
        """What searches must know of a record."""
        if number in self.given:
            return self.given[number][1]
        (member, *_), _, (event_id, *_) = self.records.parts(number)
        return member | {"eventId": event_id}

    def key(self, number: int) -> str:
        """What tells a record from all others."""
        if number in self.given:
            uuid = self.given[number][1].get("eventLogUuid")
        else:
            uuid = self.records.uuid(number)
        return uuid or f"none:{number}"

    def text(self, number: int, moment: int) -> bytes:
        """A record as JSON."""
        if number in self.given:
            return self.given[number][0]
        return self.records.text(number, moment, number in self.masked)

    def keys(self, since: int, until: int) -> list[str]:
        """The keys of a period, its bounds within."""
        low, high = bisect_left(self.times, since), bisect_right(self.times, until)
        return [self.key(number) for number in self.numbers[low:high]]

    def mask(self, uuid: str) -> int:
        """Masks the records with this key, and says how many there were."""
        found = [n for n, (_, said) in self.given.items() if said.get("eventLogUuid") == uuid]
        for number in found:
            said = self.given[number][1] | MASK
            self.given[number] = compact(said).encode(), said
        number = self.records.number(uuid)
        if number in range(self.next) and number not in self.given:
            self.masked.add(number)
            found.append(number)
        return len(found)

    def search(self, query: Query) -> tuple[list[tuple[int, int]], int]:
        """The numbers and times of the page that is asked for, and how many there are in all."""
        after, before = self.bounds
        places = range(after(self.times, query.start), before(self.times, query.end))
        if query.wanted:
            wanted = query.wanted.items()
            places = [p for p in places if wanted <= self.said(self.numbers[p]).items()]

        def rank(place: int) -> int | str:
            if query.by_member:
                return str(self.said(self.numbers[place]).get("userIdNo"))
            return self.times[place]

        if query.by_member:
            places = sorted(places, key=rank)
        total = len(places)
        low = min(query.page * query.limit, total)
        high = min(low + query.limit, total)
        if query.descending:
            low, high = total - high, total - low
        page = places[low:high]
        if self.shuffle and page:
            # Whatever ties with the first or the last on this page may as well stand on it.
            first = bisect_left(places, rank(page[0]), key=rank)
            last = bisect_right(places, rank(page[-1]), key=rank)
            ties = sorted(places[first:last], key=lambda place: (rank(place), self.rng.random()))
            page = ties[low - first : high - first]
        if query.descending:
            page = page[::-1]
        return [(self.numbers[place], self.times[place]) for place in page], total


def placed(line: bytes) -> tuple[int, bytes, dict]:
    """A given record's time, its text, and what it says, if it can be read.

    Where its own time cannot be read, a prefix of the line tells it.
    """
    prefix, text = line.split(b"\t", 1) if line.startswith(b"#time=") else (b"", line)
    try:
        said = json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        said = {}
    said = said if isinstance(said, dict) else {}
    own = said.get("eventTime")
    with contextlib.suppress(ValueError):
        if isinstance(own, str) and RECORD_DATE.fullmatch(own):
            return milliseconds(own), text, said
    if not prefix:
        raise ValueError(f"no time is given for {text[:80]!r}")
    return milliseconds(prefix.removeprefix(b"#time=").decode()), text, said


@dataclass
class Answer:
    """What a search is told."""

    version: int
    code: int = 0
    message: str = "SUCCESS"
    query: Query | None = None
    records: list[bytes] | None = None
    total: int = 0

    def body(self, fault: str | None) -> bytes:
        """The whole answer, or what a fault makes of it."""
        if fault in BODY_FAULTS:
            return BODY_FAULTS[fault]
        if fault == "failure":
            return Answer(self.version, 50000, "Internal error").body(None)
        if fault == "nopage":
            return Answer(self.version).body(None)
        header = {"isSuccessful": self.code == 0, "resultCode": self.code}
        text = fields({"header": header | {"resultMessage": self.message}})
        if fault == "nocontent":
            text += b',"page":{}'
        elif self.records is not None:
            shown = self.records[:-1] if fault == "fewer" else self.records
            text += b',"page":{"content":[%b]%b}' % (b",".join(shown), self.paging())
        body = b"{%b}" % text
        return body[: len(body) // 2] if fault == "cutjson" else body

    def paging(self) -> bytes:
        """The fields beside the content, which v2.0 has."""
        if self.version == 1:
            return b""
        number, size, count = self.query.page, self.query.limit, len(self.records)
        pages = -(-self.total // size)
        sort = {"empty": False, "sorted": True, "unsorted": False}
        known = {"pageable": {"sort": sort, "pageNumber": number, "pageSize": size,
                              "offset": number * size, "paged": True, "unpaged": False},
                 "last": number + 1 >= pages, "totalElements": self.total, "totalPages": pages,
                 "first": number == 0, "size": size, "number": number, "sort": sort,
                 "numberOfElements": count, "empty": count == 0}  # fmt: skip
        return b"," + fields(known)


class Server(ThreadingHTTPServer):
    """Listens, and keeps count of what it was asked and of what is to fail."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, options: argparse.Namespace):
        super().__init__(("127.0.0.1", options.port), Handler)
        self.options = options
        self.log = Log(options)
        self.lock = threading.Lock()
        self.rng = random.Random(f"faults {options.seed}")
        self.deny: int | None = None
        self.scheduled: dict[int, str] = {}
        self.failures: Counter[str] = Counter()
        self.requests = self.searches = self.running = self.most_running = 0
        self.first_time: float | None = None
        self.last_time: float | None = None
        self.events_at_first = self.log.next
        self.journal = options.log and options.log.open("a", encoding="utf-8", buffering=1)

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of clients that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @contextlib.contextmanager
    def searching(self) -> Iterator[int]:
        """Counts a search while it is worked on, and gives its number."""
        with self.lock:
            self.searches += 1
            number = self.searches
            self.last_time = time.time()
            self.first_time = self.first_time or self.last_time
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            every, most = self.options.insert_every, self.options.insert_most
            inserted = self.log.next - self.events_at_first
            if every and number % every == 0 and (most is None or inserted < most):
                self.log.insert_somewhere()
        try:
            yield number
        finally:
            with self.lock:
                self.running -= 1

    def answer(self, version: int, app_key: str, headers: Message, text: bytes) -> Answer:
        """What the API says to a search."""
        options = self.options
        keys = headers["X-TC-AUTHENTICATION-ID"], headers["X-TC-AUTHENTICATION-SECRET"]
        try:
            if self.deny is not None:
                raise Refused(self.deny, "Denied")
            if version == 2 and keys != (options.key_id, options.secret):
                raise Refused(40100, "Unauthorized")
            if app_key != options.app_key:
                raise Refused(40400, "Unknown appkey")
            query = Query(json.loads(text), options.page_limit_cap)
        except Refused as refused:
            return Answer(version, refused.code, str(refused))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            return Answer(version, 40000, f"Malformed request: {error!r}")
        with self.lock:
            page, total = self.log.search(query)
        records = [self.log.text(number, moment) for number, moment in page]
        return Answer(version, query=query, records=records, total=total)

    def fault(self, number: int, answer: Answer) -> str | None:
        """How a search is to fail, if it is."""
        with self.lock:
            fault = self.scheduled.pop(number, None)
            if fault is None and self.rng.random() * 100 < self.options.fail:
                fault = self.rng.choice(self.options.faults)
            if fault == "fewer" and not (answer.version == 2 and answer.records):
                return None
            if fault:
                self.failures[fault] += 1
            return fault

    def write_down(self, answer: Answer, text: bytes, fault: str | None) -> None:
        """Adds a line about a search to the journal."""
        try:
            body = json.loads(text)
            asked = {name: body.get(name) for name in ("startDate", "endDate", "eventId")}
            asked |= {name: body["page"].get(name) for name in ("page", "limit", "sortBy")}
        except (ValueError, LookupError, TypeError, AttributeError):
            asked = {"body": text.decode("utf-8", "replace")}
        line = {"time": time_text(int(time.time() * 1000)) + "Z", "version": answer.version}
        line |= asked | {"resultCode": answer.code, "count": len(answer.records or [])}
        line |= {"total": answer.total, "fault": fault}
        with self.lock:
            self.journal.write(compact(line) + "\n")

    def control(self, action: str, asked: dict) -> dict | str:
        """Does what a test asks for."""
        match action:
            case "GET state":
                return {
                    "requests": self.requests,
                    "searches": self.searches,
                    "failures_by_kind": self.failures,
                    "inserted": self.log.next - self.events_at_first,
                    "events": self.log.next,
                    "max_concurrent": self.most_running,
                    "first_request_time": self.first_time,
                    "last_request_time": self.last_time,
                }
            case "GET uuids":
                since = milliseconds(asked.get("since", "1970-01-01T00:00:00Z"))
                until = milliseconds(asked.get("until", "9999-12-31T00:00:00Z"))
                return "".join(f"{key}\n" for key in self.log.keys(since, until))
            case "POST fail":
                kinds = asked.get("kinds", [])
                if unknown := set(kinds) - set(FAULTS):
                    raise ValueError(f"no such faults: {unknown}")
                first = self.searches + asked.get("at", 1)
                turns = asked.get("next", len(kinds))
                self.scheduled |= {first + n: kinds[n % len(kinds)] for n in range(turns)}
                self.deny = asked.get("deny", self.deny)
                return {"scheduled": len(self.scheduled), "deny": self.deny}
            case "POST insert" if "record" in asked:
                prefix = f"#time={asked['time']}\t" if "time" in asked else ""
                return {"keys": [self.log.insert(*placed((prefix + asked["record"]).encode()))]}
            case "POST insert":
                moment = milliseconds(asked["time"])
                return {"keys": [self.log.insert(moment) for _ in range(asked.get("count", 1))]}
            case "POST mask":
                return {"masked": self.log.mask(asked["uuid"])}
        raise ValueError(f"there is no {action}")


def message(body: bytes, kind: str = "application/json", status: str = "200 OK") -> bytes:
    """A response; headers may follow the status."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """Tells searches from control."""
        text = self.rfile.read(int(self.headers["Content-Length"] or 0))
        url = urlsplit(self.path)
        if url.path.startswith("/control/"):
            self.wfile.write(self.control(url, text))
            return
        with self.server.lock:
            self.server.requests += 1
        path = PATH.fullmatch(url.path)
        if path and self.command == "POST":
            self.search(int(path[1]), path[2], text)
        else:
            self.wfile.write(message(b"Not Found\n", "text/plain", "404 Not Found"))

    do_GET = do_POST

    def control(self, url: SplitResult, text: bytes) -> bytes:
        """Answers a test."""
        try:
            asked = json.loads(text) if text else dict(parse_qsl(url.query))
            action = f"{self.command} {url.path.removeprefix('/control/')}"
            with self.server.lock:
                said = self.server.control(action, asked)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            return message(f"{error!r}\n".encode(), "text/plain", "400 Bad Request")
        if isinstance(said, str):
            return message(said.encode(), "text/plain")
        return message(compact(said).encode())

    def search(self, version: int, app_key: str, text: bytes) -> None:
        """Answers a search, well or not."""
        with self.server.searching() as number:
            answer = self.server.answer(version, app_key, self.headers, text)
            fault = self.server.fault(number, answer)
            if self.server.journal:
                self.server.write_down(answer, text, fault)
            rest = self.begin(answer, fault)
        # Now that it no longer counts: a client may search again as soon as it has read this.
        self.close_connection = self.close_connection or fault in CLOSING_FAULTS
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())
        else:
            self.wfile.write(rest)

    def begin(self, answer: Answer, fault: str | None) -> bytes:
        """Waits, or sends what is to come slowly, and gives what is left to send."""
        options = self.server.options
        if status := STATUS_FAULTS.get(fault):
            retry = 0 if fault == "http429" else None
            if options.retry_after is not None and fault != "http500":
                retry = options.retry_after
            after = "" if retry is None else f"\r\nRetry-After: {retry}"
            return message(f"{status}\n".encode(), "text/plain", status + after)
        match fault:
            case "timeout":
                time.sleep(options.hang)
                return b""
            case "reset" | "close":
                return b""
            case "garbage":
                return bytes(range(128, 256)) + b"\r\n\r\n"
        body = answer.body(fault)
        whole = message(body, "text/html; charset=utf-8" if fault == "html" else "application/json")
        match fault:
            case "truncated":
                return whole[: len(whole) - len(body) // 2]
            case "truncatedchunked":
                half = body[: len(body) // 2]
                head = message(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
                return head + b"%x\r\n%b\r\n" % (len(half), half)
            case "slow":
                part = len(whole) // 20
                for start in range(0, 19 * part, part):
                    self.wfile.write(whole[start : start + part])
                    time.sleep(options.hang / 20)
                return whole[19 * part :]
        return whole


def tie(text: str) -> tuple[int, int]:
    """How many events with one and the same time."""
    count, moment = text.split("@")
    return int(count), milliseconds(moment)


def lines(path: str) -> list[bytes]:
    """A file's lines."""
    return [line for line in Path(path).read_bytes().split(b"\n") if line]


def faults(text: str) -> list[str]:
    """Kinds of faults."""
    kinds = text.split(",")
    if unknown := set(kinds) - set(FAULTS):
        raise argparse.ArgumentTypeError(f"no such faults: {unknown}")
    return kinds


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    now = datetime.now(UTC).isoformat()
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 is any that is free")
    add("--events", type=int, default=1000)
    add("--days", type=float, default=90, help="how long before --until the first event may be")
    add("--until", type=milliseconds, default=now, metavar="RFC3339", help="now unless given")
    add("--seed", type=int, default=1)
    add("--app-key", default="testAppKey")
    add("--key-id", default="testKeyId")
    add("--secret", default="testSecret")
    add("--fail", type=float, default=0, metavar="PERCENT", help="of all searches, by chance")
    add("--faults", type=faults, default=FAULTS, help=f"any of {','.join(FAULTS)}; else all")
    add("--hang", type=float, default=3, metavar="SECONDS", help="how long timeout and slow take")
    add("--retry-after", type=int, metavar="SECONDS", help="for http503 and http429")
    add("--insert-every", type=int, metavar="N", help="every Nth search adds an event beforehand")
    add("--insert-most", type=int, metavar="N", help="no more than N of them")
    add("--ties", type=tie, action="append", default=[], metavar="COUNT@RFC3339")
    add("--shuffle-ties", action="store_true", help="ties in another order for each search")
    add("--records", type=lines, default=[], metavar="FILE", help="raw records, one a line")
    add("--no-uuid", type=float, default=0, metavar="PERCENT", help="of events")
    add("--bounds", choices=BOUNDS, default="inclusive")
    add("--page-limit-cap", type=int, default=1000, metavar="N", help="larger limits are cut to it")
    add("--log", type=Path, metavar="FILE", help="a JSON line for each search")
    return parser.parse_args()


def main() -> None:
    """Serves until standard input is closed."""
    server = Server(options())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
