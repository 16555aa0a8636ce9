# pyright: strict
"""What users write, and what type checkers make of it. It is checked, not run."""

import datetime
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, assert_type

import nhn_cloudtrail as ct
from nhn_cloudtrail import EventId, ServiceId


def events_one_by_one() -> None:
    for event in ct.read("logs/", kind="delete", since="7d", tz="Asia/Seoul"):
        assert_type(event, ct.Event)
        assert_type(event.event_time, datetime.datetime | None)
        assert_type(event.user_id, str | None)
        assert_type(event.outcome, ct.Outcome)
        assert_type(event.name("en"), str | None)
        assert_type(event.problems, list[str])
        assert_type(event.extra, dict[str, Any])
        assert_type(event.raw, bytes)
        assert_type(event.position.line, int)
        assert_type(event.to_dict(columns=["event_time", "kind"]), dict[str, Any])
        assert_type(event.to_json(lang="ja"), str)
        assert_type(event.detach(), ct.Event)
        print(event.request_json["server"]["name"], {event: event.key}, event == event.detach())


def fields_that_may_be_absent(event: ct.Event) -> str:
    if event.action is not None and event.action.kind == "delete":
        assert_type(event.action.phase, ct.Phase | None)
        assert_type(event.action.provenance, Literal["curated", "inferred"])
    for member in event.target_members or ():
        assert_type(member.email_address, str | None)
    return event.user_id.upper() if event.user_id else "nobody"


def matched(event: ct.Event) -> str:
    match event:
        case ct.Event("event_id.iaas.instance.delete", "failure"):
            return "not deleted"
        case ct.Event(service="iam", outcome="failure", user_id=str(user)):
            return user
        case ct.Event(event_id, outcome):
            assert_type(event_id, str | None)
            assert_type(outcome, ct.Outcome)
            return outcome


def sources(paths: Iterator[Path], chunks: Iterator[bytes]) -> None:
    assert_type(ct.read("logs/*.gz"), ct.Reader)
    ct.read(Path("logs"))
    ct.read(["a.jsonl", "b.jsonl"])
    ct.read([Path("a.jsonl"), Path("b.jsonl")])
    ct.read(paths)
    ct.read(b"[]")
    ct.read(memoryview(b"[]"))
    ct.read(io.BytesIO(b"[]"))
    with open("a.jsonl", "rb") as file, gzip.open("b.jsonl.gz") as packed:
        ct.read(file)
        ct.read(packed)
    ct.read(chunks)
    assert_type(ct.parse(b"[]"), list[ct.Event])
    ct.parse("{}", on_error="skip")
    ct.parse(bytearray(b"[]"))


def what_could_not_be_read() -> None:
    with ct.read("logs/", on_error="collect", dedup=True, limits={"depth": 64}) as reader:
        assert_type(reader, ct.Reader)
        count = sum(1 for _ in reader)
    assert_type(reader.stats, ct.Stats)
    assert_type(reader.errors, list[ct.CloudTrailError])
    records, *_ = reader.stats
    print(count, records)
    for reject in reader.rejects:
        assert_type(reject, ct.Reject)
        print(reject.position.source, reject.code, reject.raw)
    try:
        ct.parse(b"no log")
    except ct.SourceNotFoundError as error:
        print(error.filename)
    except ct.CloudTrailError as error:
        assert_type(error.code, str)
        assert_type(error.line, int | None)


def filters() -> None:
    kinds: list[ct.Kind] = ["delete", "execute"]
    wanted: ct.Filters = {"outcome": "failure", "phase": ["none", "failed"]}
    ct.read(
        "logs/",
        event=["event_id.iaas.*", "event_id.role.*"],
        service="iam",
        kind=kinds,
        ip="10.0.0.0/8",
        since=datetime.date(2026, 1, 1),
        until=datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC),
        tz=datetime.UTC,
        known=True,
    )
    ct.read_table("logs/", **wanted)


def tables(progress: ct.Progress) -> None:
    columns: list[ct.Column] = ["event_time", "service"]
    table = ct.read_table("logs/", columns=columns, threads=4, lang="en", progress=progress)
    assert_type(table, ct.Table)
    assert_type(table.column_names, list[str])
    assert_type(table.head(3).slice(1, length=1), ct.Table)
    print(len(table), table.num_rows, table.metadata["nhn_cloudtrail.version"])
    for batch in ct.scan_table("logs/", progress=lambda read, total: print(read, total)):
        assert_type(batch, ct.Table)
    with ct.scan_table("logs/", columns=("event_time",)) as stream:
        assert_type(stream.stats.filtered, int)
    assert_type(ct.sample(lang="ja"), ct.Table)
    written = ct.write_parquet("logs/", Path("archive"), keep_raw=True)
    assert_type(written, ct.Written)
    assert_type(written.files, list[Path])


def the_catalog(id_of_data: str) -> None:
    entry = ct.catalog["event_id.iaas.instance.delete"]
    assert_type(entry, ct.Entry)
    assert_type(entry.name("ja"), str)
    assert_type(entry.first_listed, datetime.date | None)
    assert_type(entry.effects, list[ct.ResourceEffect])
    assert_type(entry.listings, list[ct.Listing])
    assert_type(ct.catalog.get(id_of_data), ct.Entry | None)
    assert_type(ct.catalog.get(id_of_data, "unknown"), ct.Entry | str)
    assert_type(ct.catalog.services(), list[ct.Service])
    assert_type(ct.catalog.list("gov-2020-10-29"), list[ct.ListRow])
    assert_type(ct.catalog.search("보안 그룹"), ct.Entries)
    names = {id: entry.name() for id, entry in ct.catalog.items()}
    assert_type(names, dict[str, str])
    print(id_of_data in ct.catalog, len(ct.catalog), [id.upper() for id in ct.catalog])
    other = ct.catalog.with_overlay(Path("overlay.tsv").read_bytes())
    assert_type(other, ct.Catalog)
    ct.read("logs/", catalog=other)


def ids_that_are_known() -> None:
    event: EventId = "event_id.iaas.instance.delete"
    service: ServiceId = "rds-for-mysql"
    also: ct.EventId = event
    watched: dict[ct.ServiceId, list[EventId]] = {service: [also]}
    for ids in watched.values():
        for id in ids:
            assert_type(ct.catalog[id], ct.Entry)
    ct.read("logs/", event=event, service=service)
    assert_type(ct.__version__, str)


def collecting() -> None:
    client = ct.Client("https://example.com", "appkey", api="v1", timeout=30)
    member: ct.Member = {"member_type": "TOAST", "email_address": "kim@example.com"}
    reader = client.search("7d", member=member, kind=["create", "delete"], tz="Asia/Seoul")
    assert_type(reader, ct.Reader)
    client.search(datetime.date(2026, 10, 1), datetime.datetime.now(datetime.UTC), id_no="x")
    client.search("7d", member={"member_type": "IAM", "user_code": "kim", "id_no": "x"})
    report = ct.collect(
        Path("archive"), client=client, since="86d", on_progress=lambda now: print(now.done)
    )
    assert_type(report, ct.Report)
    assert_type(report.is_complete, bool)
    assert_type(report.error, ct.CloudTrailError | None)
    assert_type([gap.since for gap in report.gaps], list[datetime.datetime | None])
    verified = ct.verify_archive("archive", head=report.head)
    assert_type(verified.is_intact, bool)
    assert_type([(found.path, found.message) for found in verified.findings], list[tuple[str, str]])
    status = ct.archive_status("archive")
    assert_type(status["days"][0]["date"], str | None)
    options: ct.StorageOptions = {"endpoint": "https://example.com", "region": "kr1"}
    ct.read_table("s3://bucket/prefix", storage_options=options)
    ct.collect("archive", bucket="s3://bucket", storage_options=options)
