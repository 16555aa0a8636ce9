"""Which events are read."""

import datetime as dt
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytz

import nhn_cloudtrail as ct

SEOUL = dt.timezone(dt.timedelta(hours=9))


def record(name: str, **fields: object) -> str:
    return json.dumps({"eventLogUuid": name, **fields})


def response(successful: bool) -> str:
    return json.dumps({"header": {"isSuccessful": successful, "resultCode": 0}})


LOG = "\n".join(
    [
        record(
            "create",
            eventId="event_id.iaas.instance.create",
            eventTime="2026-10-31T00:00:00.000+0000",
            eventSourceType="USER_CONSOLE",
            userId="kim@example.com",
            userName="Kim",
            userIdNo="no-1",
            userIp="10.1.2.3",
            region="KR1",
            projectId="p1",
            projectName="Alpha",
            request='{"name":"web-1"}',
            response=response(True),
        ),
        record(
            "delete",
            eventId="event_id.iaas.instance.delete",
            eventTime="2026-10-31T15:00:00.000+0000",
            eventSourceType="API",
            userId="lee@example.com",
            userIp="2001:db8::5",
            region="JP1",
            projectId="p2",
            request='{"name":"db-1"}',
            response=response(False),
        ),
        record(
            "requested",
            eventId="event_id.iaas.floating_ip.create_end",
            eventTime="2026-11-01T00:00:00.000+0000",
            userIp="192.0.2.1",
        ),
        record("unknown", eventId="event_id.moon_base.robot.delete"),
        record("nothing"),
    ]
)


def found(**filters: Any) -> list[str | None]:
    """What every function finds; all find the same."""
    events = [event.event_log_uuid for event in ct.parse(LOG, **filters)]
    reader = ct.read(LOG.encode(), **filters)
    assert [event.event_log_uuid for event in reader] == events
    assert reader.stats == ct.Stats(len(events), len(events), 0, 0, 0, 5 - len(events))
    table = ct.read_table(LOG.encode(), **filters)
    assert table.to_pyarrow().column("event_log_uuid").to_pylist() == events
    assert table.stats == reader.stats
    return events


def test_no_filter() -> None:
    assert found() == ["create", "delete", "requested", "unknown", "nothing"]
    assert found(event=None, since=None, known=None) == found()


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"event": "event_id.iaas.instance.delete"}, ["delete"]),
        ({"event": "*.delete"}, ["delete", "unknown"]),
        ({"event": "event_id.iaas.*"}, ["create", "delete", "requested"]),
        ({"service": "infrastructure"}, ["create", "delete", "requested"]),
        ({"kind": "delete"}, ["delete", "unknown"]),
        ({"phase": "completed"}, ["requested"]),
        ({"phase": "none"}, ["create", "delete", "unknown"]),
        ({"outcome": "failure"}, ["delete"]),
        ({"source_type": "API"}, ["delete"]),
        ({"user": "KIM@example.com"}, ["create"]),
        ({"user": "kim"}, ["create"]),
        ({"user": "no-1"}, ["create"]),
        ({"ip": "10.0.0.0/8"}, ["create"]),
        ({"ip": "2001:db8::5"}, ["delete"]),
        ({"project": "alpha"}, ["create"]),
        ({"project": "P2"}, ["delete"]),
        ({"region": "kr1"}, ["create"]),
        ({"since": "2026-10-31T15:00:00Z"}, ["delete", "requested"]),
        ({"until": "2026-10-31T15:00:00Z"}, ["create"]),
        ({"known": True}, ["create", "delete", "requested"]),
        ({"known": False}, ["unknown", "nothing"]),
        ({"text": "web-1"}, ["create"]),
    ],
)
def test_each_filter(filters: dict[str, Any], names: list[str]) -> None:
    assert found(**filters) == names


@pytest.mark.parametrize(
    "values", [["KR1", "JP1"], ("JP1", "KR1"), {"KR1", "JP1"}, iter(["KR1", "JP1"])]
)
def test_values_of_one_filter_are_alternatives(values: Any) -> None:
    assert [event.region for event in ct.parse(LOG, region=values)] == ["KR1", "JP1"]


def test_different_filters_must_all_hold() -> None:
    assert found(kind=["create", "delete"], region="JP1") == ["delete"]
    assert found(kind="create", region="JP1") == []


def test_service_by_its_name() -> None:
    [service] = (one for one in ct.catalog.services() if one.slug == "infrastructure")
    for lang in ("ko", "en", "ja"):
        assert found(service=service.name(lang)) == ["create", "delete", "requested"]


def test_none_among_phases_is_the_act_itself() -> None:
    assert found(phase=[None]) == found(phase="none") == found(phase=["none"])
    assert found(phase=[None, "completed"]) == ["create", "delete", "requested", "unknown"]


@pytest.mark.parametrize(
    "since",
    [
        dt.datetime(2026, 10, 31, 15),
        dt.datetime(2026, 10, 31, 15, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 1, tzinfo=SEOUL),
        dt.datetime(2026, 11, 1, tzinfo=ZoneInfo("Asia/Seoul")),
        pytz.timezone("Asia/Seoul").localize(dt.datetime(2026, 11, 1)),
        "2026-11-01T00:00:00+09:00",
        "2026-10-31 15:00",
    ],
)
def test_since_a_datetime(since: Any) -> None:
    assert found(since=since) == ["delete", "requested"]


def test_since_is_exact_to_the_microsecond() -> None:
    just_after = dt.datetime(2026, 10, 31, 15, 0, 0, 1, tzinfo=dt.UTC)
    assert found(since=just_after) == ["requested"]
    assert found(until=just_after) == ["create", "delete"]


def test_date_as_until_includes_that_day() -> None:
    assert found(until=dt.date(2026, 10, 31)) == ["create", "delete"]
    assert found(until="2026-10-31") == ["create", "delete"]
    assert found(until=dt.datetime(2026, 10, 31)) == []
    assert found(since=dt.date(2026, 11, 1)) == ["requested"]


@pytest.mark.parametrize("tz", ["Asia/Seoul", ZoneInfo("Asia/Seoul"), pytz.timezone("Asia/Seoul")])
def test_zone_of_times_without_an_offset(tz: Any) -> None:
    assert found(since="2026-11-01", tz=tz) == ["delete", "requested"]
    assert found(since=dt.date(2026, 11, 1), tz=tz) == ["delete", "requested"]
    assert found(since=dt.datetime(2026, 11, 1), tz=tz) == ["delete", "requested"]
    assert found(since=dt.datetime(2026, 11, 1, tzinfo=dt.UTC), tz=tz) == ["requested"]


@pytest.mark.parametrize(
    "tz", [SEOUL, dt.timezone(dt.timedelta(hours=9), "KST"), pytz.FixedOffset(540)]
)
def test_zone_that_is_an_offset(tz: Any) -> None:
    assert found(since="2026-11-01", tz=tz) == ["delete", "requested"]


@pytest.mark.parametrize("end", [dt.date.max, dt.datetime.max, "9999-12-31"])
def test_until_the_end_of_time(end: Any) -> None:
    assert found(until=end) == found(since="1970-01-01")


def test_zone_utc() -> None:
    for tz in ("UTC", dt.UTC, ZoneInfo("UTC"), pytz.UTC):
        assert found(since="2026-11-01", tz=tz) == ["requested"]


def test_span_before_now() -> None:
    now = dt.datetime.now(dt.UTC)
    log = "\n".join(
        record(str(days), eventTime=(now - dt.timedelta(days=days)).isoformat()) for days in (1, 9)
    )
    assert [event.event_log_uuid for event in ct.parse(log, since="7d")] == ["1"]
    assert [event.event_log_uuid for event in ct.parse(log, until="7d")] == ["9"]


def test_filters_know_the_given_catalog() -> None:
    overlay = (
        "event_id\tservices\tname_en\tkind\nevent_id.moon_base.robot.delete\tiam\tScrap\texecute\n"
    )
    catalog = ct.catalog.with_overlay(overlay)
    assert found(catalog=catalog, kind="execute") == ["unknown"]
    assert found(catalog=catalog, known=True) == ["create", "delete", "requested", "unknown"]


def test_a_timedelta_is_a_span_before_now() -> None:
    now = dt.datetime.now(dt.UTC)
    ages = [dt.timedelta(hours=age) for age in (1, 23, 25, 24 * 8)]
    text = "".join(
        json.dumps({"eventLogUuid": str(number), "eventTime": (now - age).isoformat()}) + "\n"
        for number, age in enumerate(ages)
    ).encode()

    def keys(**filters: Any) -> list[str | None]:
        return [event.event_log_uuid for event in ct.parse(text, **filters)]

    assert keys(since=dt.timedelta(days=1)) == ["0", "1"]
    assert keys(since=dt.timedelta(days=1, hours=1, microseconds=60_000_000)) == ["0", "1", "2"]
    assert keys(since=dt.timedelta(days=2), until=dt.timedelta(hours=2)) == ["1", "2"]
    assert keys(until=dt.timedelta(days=7)) == ["3"]
    for wrong in (dt.timedelta(days=-1), dt.timedelta(microseconds=-1), dt.timedelta.max):
        with pytest.raises(ct.ArgumentError) as caught:
            ct.parse(text, since=wrong)
        assert caught.value.code == "INVALID_TIME"


def test_users_may_be_globs_and_have_blanks() -> None:
    text = b'{"eventLogUuid":"1","userName":" kim "}{"eventLogUuid":"2","userName":"Kim"}'

    def keys(user: str) -> list[str | None]:
        return [event.event_log_uuid for event in ct.parse(text, user=user)]

    assert keys(" kim ") == ["1"]
    assert keys("kim") == ["2"]
    assert keys("*KIM*") == ["1", "2"]
