"""One event: what it says, what it equals, and what survives copying and pickling."""

import copy
import json
import pickle
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import nhn_cloudtrail as ct

FULL: dict[str, Any] = {
    "eventTime": "2026-10-29T09:00:14.400+0900",
    "userIdNo": "no-1",
    "userName": "이영희",
    "userId": "lee@example.com",
    "userIp": "198.18.117.116",
    "userAgent": "curl/8.5",
    "eventSourceType": "USER_CONSOLE",
    "productId": "product",
    "region": "KR1",
    "orgId": "org",
    "projectId": "project",
    "projectName": "ゲーム",
    "appKey": "key",
    "tenantId": "tenant",
    "eventId": "event_id.iaas.instance.delete",
    "eventLogUuid": "uuid-1",
    "request": '{"force":true}',
    "response": '{"header":{"isSuccessful":false,"resultCode":-4003,"resultMessage":"over quota"}}',
    "eventTarget": {
        "targetMembers": [
            {"idNo": "a1", "name": "Kim", "userCode": "kim", "emailAddress": "kim@example.com"}
        ]
    },
    "severity": 3,
}


def event_of(record: object = FULL, **options: Any) -> ct.Event:
    return event_of_text(json.dumps(record).encode(), **options)


def event_of_text(record: bytes, **options: Any) -> ct.Event:
    """The event of a record. One without any wire field is read only beside others."""
    event, after = ct.parse(record + b'\n{"eventId":"after"}', **options)
    assert after.event_id == "after"
    return event


def test_wire_fields() -> None:
    event = event_of()
    assert event.event_time == datetime(2026, 10, 29, 0, 0, 14, 400_000, tzinfo=UTC)
    assert event.event_id == "event_id.iaas.instance.delete"
    assert event.event_source_type == "USER_CONSOLE"
    assert event.user_id_no == "no-1"
    assert event.user_id == "lee@example.com"
    assert event.user_name == "이영희"
    assert event.user_ip == "198.18.117.116"
    assert event.user_agent == "curl/8.5"
    assert event.product_id == "product"
    assert event.region == "KR1"
    assert event.org_id == "org"
    assert event.project_id == "project"
    assert event.project_name == "ゲーム"
    assert event.app_key == "key"
    assert event.tenant_id == "tenant"
    assert event.event_log_uuid == "uuid-1"
    assert event.request == '{"force":true}'
    assert event.response == FULL["response"]
    assert event.target_members == [ct.TargetMember("a1", "Kim", "kim", "kim@example.com")]
    assert event.extra == {"severity": 3}
    assert event.problems == []
    assert event.raw == json.dumps(FULL).encode()
    assert event.position == ct.Position(source=None, record=1, line=1, byte=0)


def test_what_the_catalog_and_the_response_add() -> None:
    event = event_of()
    assert event.known
    assert event.service == "infrastructure"
    assert event.resource == "instance"
    assert event.action == ct.Action("delete", "delete", None, "inferred")
    assert (event.outcome, event.result_code) == ("failure", "-4003")
    assert event.result_message == "over quota"
    assert event.key == "uuid-1"


def test_absent_fields_are_none() -> None:
    event = event_of({})
    flat = event.to_dict()
    assert flat.pop("outcome") == "unknown"
    assert flat.pop("known") is False
    assert set(flat.values()) == {None}
    assert event.event_time is None
    assert event.target_members is None
    assert event.action is None
    assert event.request_json is None
    assert event.response_json is None
    assert event.extra == {}
    assert event.name() is None


def test_user_id_of_older_records() -> None:
    assert event_of({"UserId": "old"}).user_id == "old"
    assert event_of({"UserId": "old", "userId": "new"}).user_id == "new"


def test_key_without_uuid_is_the_same_for_two_spellings() -> None:
    one, other = ct.parse(
        b'{"eventId":"a","region":"KR1"}\n{ "region" : "KR\\u0031", "eventId":"a"}'
    )
    assert one != other
    assert one.key == other.key
    assert len(one.key) == 64


def test_name_in_each_language() -> None:
    event = event_of()
    assert event.name() == event.name("ko") == "인스턴스 삭제"
    assert event.name("en") == "Delete Instance"
    assert event.name(lang="ja") == "インスタンスの削除"
    assert event_of(lang="en").name() == "Delete Instance"
    assert event_of(lang="en").to_dict()["event_name"] == "Delete Instance"
    assert event.to_dict(lang="en")["event_name"] == "Delete Instance"


def test_unknown_language() -> None:
    with pytest.raises(ct.ArgumentError, match="ko, en, ja") as caught:
        event_of().name("kr")  # type: ignore[arg-type]
    assert caught.value.code == "INVALID_OPTION"


def test_event_time_is_aware_and_utc() -> None:
    time = event_of().event_time
    assert time is not None
    assert time.tzinfo is UTC
    assert time.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("0001-01-01T00:00:00.000+0000", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999+0000", datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("0000-06-01T00:00:00.000+0000", None),
        ("yesterday", None),
    ],
)
def test_edges_of_event_time(text: str, time: datetime | None) -> None:
    event = event_of({"eventTime": text})
    assert event.event_time == time
    assert event.to_dict()["event_time"] == time
    assert event.problems == ([] if time else ["event_time"])
    assert event.to_dict()["extra"] == (None if time else {"eventTime": text})


def test_problems_name_fields_and_keep_their_text() -> None:
    event = event_of(
        {"eventTime": "yesterday", "region": 42, "userIp": "***", "userName": ["a", 1]}
    )
    assert sorted(event.problems) == ["event_time", "region", "user_ip", "user_name"]
    assert event.region == "42"
    assert event.user_ip == "***"
    assert event.user_name == '["a",1]'
    assert event.to_dict()["extra"] == {"eventTime": "yesterday"}


def test_equal_are_those_with_the_same_bytes() -> None:
    log = b'{"eventId":"a"}\n{"eventId":"b"}\n{"eventId":"a"}'
    first, second, third = ct.parse(log)
    assert first == third
    assert hash(first) == hash(third)
    assert first != second
    assert first.position != third.position
    assert len({first, second, third}) == 2
    assert first != log
    assert (first == "a") is False


def test_repr_tells_what_happened() -> None:
    text = repr(event_of())
    assert text.startswith("Event('event_id.iaas.instance.delete'")
    for words in ("2026-10-29T00:00:14.400Z", "'인스턴스 삭제'", "'lee@example.com'", "'failure'"):
        assert words in text
    assert repr(event_of({})) == "Event(outcome='unknown')"


def test_repr_has_no_control_characters() -> None:
    hostile = "a\x1b[2J\n\x00\u202eb\u2066\u200f"
    event = event_of({"eventId": hostile, "userId": hostile, "userName": hostile})
    assert repr(event).isprintable()
    assert "\\x1b[2J\\n" in repr(event)


def test_attributes_cannot_be_set() -> None:
    event = event_of()
    with pytest.raises(AttributeError):
        event.region = "KR2"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        event.note = "mine"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        del event.region
    assert event.region == "KR1"


def test_pattern_matching() -> None:
    match event_of():
        case ct.Event("event_id.iaas.instance.delete", "failure", user_id=user):
            found = user
        case _:
            found = None
    assert found == "lee@example.com"
    match event_of():
        case ct.Event(action=ct.Action(kind="create")):
            kind = "create"
        case ct.Event(service="infrastructure", action=ct.Action(kind="delete", phase=None)):
            kind = "delete"
        case _:
            kind = "other"
    assert kind == "delete"


def test_flat_form_is_the_columns_in_their_order() -> None:
    event = event_of()
    flat = event.to_dict()
    table = ct.read_table(event.raw)
    assert list(flat) == table.column_names
    assert list(json.loads(event.to_json())) == table.column_names
    assert flat["event_time"] == event.event_time
    assert flat["event_name"] == event.name()
    assert (flat["verb"], flat["kind"], flat["phase"]) == ("delete", "delete", None)
    assert flat["target_members"] == [
        {"id_no": "a1", "name": "Kim", "user_code": "kim", "email_address": "kim@example.com"}
    ]
    assert flat["extra"] == {"severity": 3}


def test_chosen_columns() -> None:
    event = event_of()
    assert event.to_dict(columns=["region", "event_id"]) == {
        "region": "KR1",
        "event_id": "event_id.iaas.instance.delete",
    }
    assert event.to_json(columns=["region", "known"]) == '{"region":"KR1","known":true}'
    on_request = event.to_dict(columns=["raw", "source", "source_record"])
    assert on_request == {"raw": event.raw, "source": None, "source_record": 1}
    with pytest.raises(ct.ArgumentError, match="no column"):
        event.to_dict(columns=["regoin"])  # type: ignore[list-item]


def number(text: str) -> float | Decimal:
    return float(text) if Decimal(repr(float(text))) == Decimal(text) else Decimal(text)


def test_to_json_says_what_to_dict_says(logs: Path) -> None:
    seen = 0
    for event in ct.read(logs):
        flat = event.to_dict()
        if flat["event_time"] is not None:
            time = flat["event_time"].isoformat(timespec="milliseconds")
            flat["event_time"] = time.replace("+00:00", "Z")
        line = event.to_json()
        assert "\n" not in line
        assert json.loads(line, parse_float=number) == flat
        seen += 1
    assert seen > 2000


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0", 0),
        ("12345678901234567890123", 12345678901234567890123),
        ("1.5", 1.5),
        ("1.10", 1.1),
        ("0.1", 0.1),
        ("1e3", 1000.0),
        ("0.1000000000000000055", Decimal("0.1000000000000000055")),
        ("9007199254740993.0", Decimal("9007199254740993.0")),
        ("1e400", Decimal("1e400")),
        ("1e-400", Decimal("1e-400")),
        ("9" * 5000, Decimal("9" * 5000)),
    ],
)
def test_numbers_of_extra_are_exact(written: str, value: object) -> None:
    record = b'{"n":' + written.encode() + b"}"
    event = event_of_text(record)
    assert event.extra == {"n": value}
    assert type(event.extra["n"]) is type(value)
    assert event.to_dict()["extra"] == {"n": value}
    assert event.to_json(columns=["extra"]) == '{"extra":' + record.decode() + "}"


def test_numbers_of_extra_beyond_decimal() -> None:
    event = event_of_text(b'{"n":1e9999999999999999999999}')
    assert list(event.extra) == ["n"]


def test_extra_nested_as_deep_as_the_limit_allows() -> None:
    record = b'{"n":' + b"[" * 1020 + b"]" * 1020 + b"}"
    event = event_of_text(record, limits={"depth": 1024})
    depth, value = 0, event.extra["n"]
    while value:
        depth, [value] = depth + 1, value
    assert depth == 1019


def test_last_of_repeated_keys() -> None:
    [event] = ct.parse(b'{"region":"KR1","more":1,"region":"KR2","more":2}')
    assert event.region == "KR2"
    assert event.extra == {"more": 2}
    assert sorted(event.problems) == ["more", "region"]


def test_request_json() -> None:
    event = event_of()
    assert event.request_json == {"force": True}
    assert event.response_json["header"]["resultCode"] == -4003
    event.request_json["force"] = False
    assert event.request_json == {"force": True}
    assert event_of({"request": {"a": [1, 2.5]}}).request_json == {"a": [1, 2.5]}


@pytest.mark.parametrize("text", ["", "name=kim&force=1", "{", "NaN", "[" * 100_000])
def test_request_that_is_no_json(text: str) -> None:
    log = b'{"eventId":"a"}\n' + json.dumps({"request": text}).encode()
    event = ct.parse(log)[1]
    assert event.request == text
    with pytest.raises(ct.RecordError, match=r"line 2 \(record 2, byte 16\): request: ") as caught:
        _ = event.request_json
    error = caught.value
    assert (error.code, error.field, error.line) == ("INVALID_JSON", "request", 2)
    assert (error.record, error.byte, error.source) == (2, 16, None)


def test_response_that_is_no_json_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"response":"<html>"}')
    [event] = ct.read(path)
    with pytest.raises(ct.RecordError, match=r"log\.jsonl, line 1") as caught:
        _ = event.response_json
    assert (caught.value.source, caught.value.field) == (str(path), "response")


def again(event: ct.Event) -> ct.Event:
    return pickle.loads(pickle.dumps(event))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"eventId":"a"}\n  ' + json.dumps(FULL))
    event = list(ct.read(path, lang="en"))[1]
    copied = pickle.loads(pickle.dumps(event, protocol))
    assert copied == event
    assert copied.raw == event.raw
    assert copied.position == event.position == (str(path), 2, 2, 18)
    assert copied.name() == "Delete Instance"
    assert copied.to_json() == event.to_json()


@pytest.mark.parametrize(
    "record",
    [
        b'{"header":{"isSuccessful":true,"resultCode":0},"body":{"events":[]},"eventId":"a"}',
        b'{"header":{"isSuccessful":false,"resultCode":1,"resultMessage":"no"},"eventId":"a"}',
        '{"userName":"half \ufffd","eventId":"a\ufffd"}'.encode(),
        b'{"userName":"half \\ud83d","eventId":"a"}',
        b'{ "eventId" : "a" , "n" : 1.10, "n": 2 }',
        b'{"eventId":"a","nested":' + b"[" * 100 + b"]" * 100 + b"}",
    ],
)
def test_pickle_of_odd_records(record: bytes) -> None:
    event = ct.parse(b'{"eventId":"first"}\n' + record)[1]
    assert event.raw == record
    assert again(event).raw == record
    assert again(event).to_json() == event.to_json()
    assert again(event).problems == event.problems


def test_pickle_of_what_raised_limits_let_in() -> None:
    record = b'{"nested":' + b"[" * 500 + b"]" * 500 + b"}"
    event = event_of_text(record, limits={"depth": 1000})
    assert again(event) == event


def test_copies_are_the_event_itself() -> None:
    event = event_of()
    assert copy.copy(event) is event
    assert copy.deepcopy([event])[0] is event


def test_detached_event_lets_go_of_its_batch() -> None:
    log = b'{"eventId":"a","userName":"kim"}\n' * 1000
    before = sys.getrefcount(log)
    events = ct.parse(log)
    assert sys.getrefcount(log) > before
    kept = events[500].detach()
    position = events[500].position
    del events
    assert sys.getrefcount(log) == before
    assert kept.raw == b'{"eventId":"a","userName":"kim"}'
    assert (kept.user_name, kept.position) == ("kim", position)
    assert kept.position.record == 501


def test_detached_event_is_as_it_was() -> None:
    event = event_of(lang="en")
    assert event.detach() == event
    assert event.detach().to_json() == event.to_json()
    assert event.detach().name() == "Delete Instance"


def test_no_event_without_a_record() -> None:
    with pytest.raises(TypeError):
        ct.Event()
