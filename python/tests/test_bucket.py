"""Buckets of Object Storage, against OpenStack Swift.

`SWIFT_PYTHON` is the path of a Python with the packages of tests/servers/requirements.txt. Without
it tests are skipped; where `CI` is set they fail.
"""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from servers import Api, Swift

import nhn_cloudtrail as ct


def record(number: int) -> bytes:
    when = datetime.now(UTC) - timedelta(hours=number)
    return json.dumps(
        {
            "eventLogUuid": f"uuid-{number:04}",
            "eventId": "event_id.iaas.vpc.delete",
            "eventTime": when.isoformat(timespec="milliseconds").replace("+00:00", "+0000"),
        }
    ).encode()


OBJECTS = {
    f"cloudtrail/2026/part {part}.json.gz": gzip.compress(
        b"\n".join(record(number) for number in range(part * 10, part * 10 + 10))
    )
    for part in range(10)
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is found in the environment, nor in a config file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def bucket(swift: Swift) -> str:
    """A bucket with logs, and with something else under another name."""
    swift.put("audit", {**OBJECTS, "other/page.html": b"<!DOCTYPE html>"})
    return "s3://audit/cloudtrail"


def test_every_function_reads_a_bucket(swift: Swift, bucket: str, tmp_path: Path) -> None:
    reader = ct.read(bucket, storage_options=swift.options)
    events = list(reader)
    assert [event.event_log_uuid for event in events] == [f"uuid-{n:04}" for n in range(100)]
    assert events[0].position.source == "s3://audit/cloudtrail/2026/part 0.json.gz"
    assert len(ct.read_table(bucket, storage_options=swift.options)) == 100
    assert sum(map(len, ct.scan_table(bucket, storage_options=swift.options))) == 100
    written = ct.write_parquet(bucket, tmp_path / "set", storage_options=swift.options)
    assert written.stats.events == 100
    both = ct.read([f"{bucket}/2026/part 1", tmp_path / "set"], storage_options=swift.options)
    assert sum(1 for _ in both) == 110


def test_sql_reads_a_bucket(swift: Swift, bucket: str) -> None:
    pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    query = "SELECT count(*) FROM events"
    assert ct.sql(query, bucket, storage_options=swift.options).fetchall() == [(100,)]


@pytest.mark.parametrize("names", ["NHN_CLOUDTRAIL_S3_{}", "AWS_{}"])
def test_environment(
    swift: Swift, bucket: str, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in swift.options.items():
        name = "endpoint_url_s3" if names == "AWS_{}" and name == "endpoint" else name
        monkeypatch.setenv(names.format(name.upper()), str(value))
    assert len(ct.read_table(bucket)) == 100


def test_config_file(
    swift: Swift, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "own.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in swift.options.items()]
    config.write_text("\n".join(["[object_storage]", *lines]))
    config.chmod(0o600)
    monkeypatch.setenv("NHN_CLOUDTRAIL_CONFIG", str(config))
    assert len(ct.read_table(bucket)) == 100
    monkeypatch.delenv("NHN_CLOUDTRAIL_CONFIG")
    report = ct.collect(tmp_path / "archive", bucket=bucket, config=config)
    assert report.new == 100


def test_bucket_that_is_refused(swift: Swift, bucket: str) -> None:
    for function in (ct.read, ct.read_table, ct.scan_table):
        options: ct.StorageOptions = {**swift.options, "secret_access_key": "wrongSecret"}
        with pytest.raises(ct.ServiceError) as caught:
            function(bucket, storage_options=options)
        assert (caught.value.code, caught.value.source) == ("REFUSED", bucket)
        assert "wrongSecret" not in f"{caught.value} {caught.value!r}"
        assert "on_error" not in str(caught.value)


def test_objects_that_there_are_not(swift: Swift, bucket: str) -> None:
    for source in (f"{bucket}/2020", "s3://nowhere/cloudtrail"):
        with pytest.raises(ct.SourceNotFoundError) as caught:
            ct.read(source, storage_options=swift.options)
        assert caught.value.source == source


def test_object_that_is_no_log(swift: Swift, bucket: str) -> None:
    with pytest.raises(ct.SourceError, match="HTML") as caught:
        list(ct.read("s3://audit", storage_options=swift.options))
    assert caught.value.source == "s3://audit/other/page.html"
    reader = ct.read("s3://audit", on_error="collect", storage_options=swift.options)
    assert sum(1 for _ in reader) == 100
    assert [error.source for error in reader.errors] == ["s3://audit/other/page.html"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("function", [ct.read, ct.read_table, ct.scan_table])
def test_no_storage_options(function: Callable[..., object]) -> None:
    with pytest.raises(ct.ArgumentError, match=r"storage_options: .*aws_region.*endpoint, region"):
        function("s3://audit", storage_options={"aws_region": "kr1"})
    with pytest.raises(TypeError, match="storage_options: region"):
        function("s3://audit", storage_options={"region": 1})
    with pytest.raises(TypeError, match="storage_options"):
        function("s3://audit", storage_options="kr1")
    with pytest.raises(ct.ArgumentError, match="endpoint"):
        function("s3://audit")


def test_nothing_is_written_to_a_bucket() -> None:
    with pytest.raises(ct.ArgumentError, match="target"):
        ct.write_parquet(b"{}", "s3://audit/set")


def test_collect_from_a_bucket(swift: Swift, tmp_path: Path) -> None:
    swift.put("growing", OBJECTS)
    archive = tmp_path / "archive"
    told: list[ct.Collected] = []
    given: dict[str, Any] = {"bucket": "s3://growing", "storage_options": swift.options}
    report = ct.collect(archive, **given, on_progress=told.append)
    assert report.is_complete
    assert (report.new, report.objects, report.requests) == (100, 10, 0)
    assert told[-1].done == told[-1].total == sum(map(len, OBJECTS.values()))
    assert ct.collect(archive, **given)[:2] == (0, 0)
    swift.put("growing", {"cloudtrail/2026/part x": record(200), "page": b"<!DOCTYPE html>"})
    report = ct.collect(archive, **given)
    assert (report.new, report.objects) == (1, 1)
    [gap] = report.gaps
    assert gap[:3] == (None, None, "s3://growing/page")
    # An object that is not a log is reported once.
    assert ct.collect(archive, **given).is_complete
    assert ct.archive_status(archive)["objects"] == 12
    assert len(ct.read_table(archive)) == 101


def test_objects_that_are_left_out(swift: Swift, bucket: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {"bucket": "s3://audit", "storage_options": swift.options}
    report = ct.collect(tmp_path / "archive", **given, exclude=["*.html", "cloudtrail/*/part 1*"])
    assert report.is_complete
    assert (report.new, report.objects) == (90, 9)
    with pytest.raises(ct.ArgumentError, match="glob"):
        ct.collect(tmp_path / "archive", **given, exclude=["a[b"])
    with pytest.raises(TypeError, match="exclude"):
        ct.collect(tmp_path / "archive", **given, exclude="*.html")


def test_both_sources_without_doubles(
    api: Callable[..., Api], swift: Swift, tmp_path: Path
) -> None:
    server = api("--events", 500)
    events = [event.raw for event in server.client().search("92d")]
    swift.put("exported", {"logs/a": b"\n".join(events[:300]), "logs/b": record(1)})
    archive = tmp_path / "archive"
    report = ct.collect(
        archive,
        client=server.client(),
        since="92d",
        bucket="s3://exported/logs",
        storage_options=swift.options,
    )
    assert report.is_complete
    assert (report.new, report.objects, report.conflicts) == (501, 2, 0)
    found = [event.event_log_uuid for event in ct.read(archive)]
    assert sorted(map(str, found)) == sorted([*server.keys(), "uuid-0001"])
    assert ct.verify_archive(archive).is_intact


def test_bucket_that_is_refused_is_in_the_report(swift: Swift, tmp_path: Path) -> None:
    options: ct.StorageOptions = {**swift.options, "secret_access_key": "wrongSecret"}
    report = ct.collect(tmp_path / "archive", bucket="s3://audit", storage_options=options)
    assert report.error is not None
    assert report.error.code == "REFUSED"
    assert [gap.object for gap in report.gaps] == ["s3://audit"]
