"""Tables: whole, batch by batch, as those of other libraries, and as Parquet."""

import ctypes
import datetime as dt
import gzip
import io
import json
import os
import pickle
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from conftest import Run

import nhn_cloudtrail as ct

STANDARD = """
event_time event_id event_name service resource verb kind phase outcome result_code result_message
event_source_type user_id user_name user_id_no user_ip user_agent region org_id project_id
project_name product_id app_key tenant_id target_members event_log_uuid request response extra known
""".split()  # noqa: SIM905

LOG = b'{"eventId":"event_id.iaas.vpc.delete","region":"KR1"}\n{"eventId":"b"}\n{"eventId":"c"}\n'
BROKEN = LOG + b"{broken\n"


@pytest.fixture(scope="module")
def table(logs: Path) -> ct.Table:
    return ct.read_table(logs)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of many batches, with a day and a half of events."""
    path = tmp_path_factory.mktemp("big") / "big.jsonl"
    start, ids = dt.datetime(2026, 10, 30, 12, tzinfo=dt.UTC), ct.catalog.keys()
    chance = random.Random(4)
    with path.open("w") as file:
        for number in range(30_000):
            time = start + dt.timedelta(seconds=number * 4)
            record = {
                "eventTime": time.isoformat(timespec="milliseconds").replace("+00:00", "+0000"),
                "eventId": chance.choice(ids),
                "eventLogUuid": f"uuid-{number}",
                "userName": chance.choice(["이영희", "Kim", None, ""]),
                "userAgent": f"agent/{number % 5000}",
                "region": chance.choice(["KR1", "JP1"]),
                "request": json.dumps({"number": number, "note": "x" * (number % 900)}),
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return path


# What is in a table


def test_columns_in_their_order(table: ct.Table) -> None:
    assert table.column_names == STANDARD
    assert (table.num_columns, table.num_rows, len(table)) == (30, len(table), table.stats.events)
    assert repr(table) == f"Table({len(table)} rows, 30 columns)"
    assert list(table.to_pyarrow().column_names) == STANDARD


def test_chosen_columns(logs: Path, table: ct.Table) -> None:
    chosen = ct.read_table(
        logs, columns=["raw", "user_id", "event_time", "source", "source_record"]
    )
    assert chosen.column_names == ["raw", "user_id", "event_time", "source", "source_record"]
    columns = chosen.to_pyarrow().to_pydict()
    assert columns["user_id"] == table.to_pyarrow().column("user_id").to_pylist()
    events = list(ct.read(logs))
    assert columns["raw"] == [event.raw for event in events]
    assert columns["source"] == [event.position.source for event in events]
    assert columns["source_record"] == [event.position.record for event in events]


def test_no_columns_but_rows() -> None:
    table = ct.read_table(LOG, columns=[])
    assert (len(table), table.num_columns) == (3, 0)


def test_language_of_names(logs: Path) -> None:
    names = {}
    for lang in ("ko", "en", "ja"):
        table = ct.read_table(logs, columns=["event_name"], lang=lang)
        names[lang] = table.to_pyarrow().column(0).to_pylist()
        assert names[lang] == [event.name(lang) for event in ct.read(logs)]
        assert table.metadata["nhn_cloudtrail.lang"] == lang
    assert names["ko"] != names["en"] != names["ja"]


def test_what_made_the_table(table: ct.Table) -> None:
    assert table.metadata == {
        "nhn_cloudtrail.version": ct.__version__,
        "nhn_cloudtrail.schema_version": str(ct.SCHEMA_VERSION),
        "nhn_cloudtrail.catalog_version": ct.catalog.version,
        "nhn_cloudtrail.lang": "ko",
    }
    metadata = table.to_pyarrow().schema.metadata
    assert metadata == {key.encode(): text.encode() for key, text in table.metadata.items()}


@pytest.mark.parametrize("threads", [2, 3, 7, 64])
def test_any_number_of_threads_makes_the_same_table(big: Path, threads: int) -> None:
    source = [big, gzip.compress(b""), big][::2]
    one = ct.read_table(source, threads=1)
    other = ct.read_table(source, threads=threads)
    assert other.to_pyarrow().equals(one.to_pyarrow(), check_metadata=True)
    assert other.stats == one.stats


def test_threads_keep_the_order_of_rejects(big: Path) -> None:
    lines = big.read_bytes().splitlines(keepends=True)
    for place in (10, 9_000, 9_001, 25_000):
        lines[place] = b"{broken\n"
    log = b"".join(lines)
    for threads in (1, 4):
        table = ct.read_table(log, threads=threads, on_error="collect")
        assert [reject.position.line for reject in table.rejects] == [11, 9_001, 9_002, 25_001]
        assert table.stats == ct.Stats(30_000, 29_996, 4, 0, 0, 0)
        with pytest.raises(ct.RecordError) as caught:
            ct.read_table(log, threads=threads)
        assert caught.value.line == 11


def test_empty_input() -> None:
    table = ct.read_table(b"")
    assert (len(table), table.column_names) == (0, STANDARD)
    assert len(table.to_pandas()) == 0
    assert table.to_polars().shape == (0, 30)
    assert table.to_pyarrow().num_rows == 0
    assert list(ct.scan_table(b"")) == []
    assert pa.table(ct.scan_table(b"")).column_names == STANDARD


def test_collected_rejects() -> None:
    table = ct.read_table(BROKEN, on_error="collect")
    assert len(table) == 3
    assert [(reject.position.line, reject.raw) for reject in table.rejects] == [(4, b"{broken")]
    stream = ct.scan_table(BROKEN, on_error="collect")
    assert sum(len(batch) for batch in stream) == 3
    assert stream.rejects == table.rejects
    assert stream.stats == table.stats


def test_slices(big: Path) -> None:
    table = ct.read_table(big)
    rows = table.to_pyarrow()
    for offset, length in [
        (0, 5),
        (7, 20_000),
        (29_999, None),
        (29_999, 5),
        (30_000, 1),
        (99_999, 1),
    ]:
        part = table.slice(offset, length)
        assert part.to_pyarrow().equals(rows.slice(offset, length))
        assert len(part) == part.num_rows == len(rows.slice(offset, length))
    assert len(table.head()) == 10
    assert table.head(3).to_pyarrow().equals(rows.slice(0, 3))
    assert len(table.slice()) == len(table)
    with pytest.raises(OverflowError):
        table.slice(-1)


def test_table_cannot_be_pickled_and_says_what_can(table: ct.Table) -> None:
    with pytest.raises(RuntimeError, match="to_pyarrow or to_polars"):
        pickle.dumps(table)


def test_sample() -> None:
    table = ct.sample()
    assert len(table) == 1000
    assert len(set(table.to_pyarrow().column("service").to_pylist())) > 20
    assert ct.sample(lang="en").metadata["nhn_cloudtrail.lang"] == "en"


# As the tables of others


def plain(value: Any) -> Any:
    """A value of any library as Python has it."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC)
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def test_they_agree_with_each_other_and_with_the_events(logs: Path, table: ct.Table) -> None:
    from_pyarrow = table.to_pyarrow().to_pylist()
    from_polars = table.to_polars().to_dicts()
    from_pandas = table.to_pandas().to_dict("records")
    events = list(ct.read(logs))
    assert len(events) > 2000
    for event, *rows in zip(events, from_pyarrow, from_polars, from_pandas, strict=True):
        flat = event.to_dict()
        if flat["extra"] is not None:
            _, _, extra = event.to_json(columns=["extra"]).partition(":")
            flat["extra"] = extra[:-1]
        for row in rows:
            assert {name: plain(value) for name, value in row.items()} == flat


def test_types_that_users_meet(table: ct.Table) -> None:
    frame = table.to_pandas()
    assert str(frame["event_time"].dtype) == "datetime64[ms, UTC]"
    assert isinstance(frame["service"].dtype, pd.CategoricalDtype)
    assert frame["known"].dtype == bool
    polars = table.to_polars().schema
    assert polars["event_time"] == pl.Datetime("ms", "UTC")
    assert isinstance(polars["service"], pl.Categorical)
    assert polars["known"] == pl.Boolean
    assert pa.types.is_dictionary(table.to_pyarrow().schema.field("service").type)


def test_whoever_speaks_arrow_takes_a_table(big: Path) -> None:
    table = ct.read_table(big)
    assert pa.table(table).equals(table.to_pyarrow())
    assert pl.DataFrame(table).equals(table.to_polars())
    assert pa.schema(table) == table.to_pyarrow().schema
    assert pa.RecordBatchReader.from_stream(table).read_all().num_rows == 30_000


def test_table_can_be_taken_again_and_again(table: ct.Table) -> None:
    assert pa.table(table).equals(pa.table(table))


def test_what_was_taken_outlives_the_table() -> None:
    table = ct.read_table(LOG)
    taken = pa.table(table)
    del table
    assert taken.column("event_id").to_pylist() == ["event_id.iaas.vpc.delete", "b", "c"]


def test_duckdb_reads_a_table_by_its_name(logs: Path, table: ct.Table) -> None:
    mine = table
    [(rows,)] = duckdb.sql("SELECT count(*) FROM mine").fetchall()
    assert rows == len(mine)
    counted = duckdb.sql("SELECT service, count(*) FROM mine GROUP BY 1").fetchall()
    expected: dict[str | None, int] = {}
    for event in ct.read(logs):
        expected[event.service] = expected.get(event.service, 0) + 1
    assert dict(counted) == expected
    joined = duckdb.sql("SELECT count(*) FROM mine a SEMI JOIN mine b USING (region)").fetchall()
    assert joined == [(sum(event.region is not None for event in ct.read(logs)),)]


def test_duckdb_reads_a_stream_by_its_name(big: Path) -> None:
    stream = ct.scan_table(big, columns=["region"], lang="en")  # noqa: F841
    counted = dict(duckdb.sql("SELECT region, count(*) FROM stream GROUP BY 1").fetchall())
    assert counted == dict(pd.read_json(big, lines=True)["region"].value_counts())


def test_capsule_that_nobody_takes(big: Path) -> None:
    for maker in (ct.read_table(big), ct.scan_table(big)):
        capsule = maker.__arrow_c_stream__()
        name = ctypes.pythonapi.PyCapsule_GetName
        name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
        assert name(capsule) == b"arrow_array_stream"
        assert name(maker.__arrow_c_schema__()) == b"arrow_schema"


# Batch by batch


def test_stream_gives_what_the_table_has(big: Path) -> None:
    stream = ct.scan_table(big)
    assert stream.column_names == STANDARD
    batches = [batch.to_pyarrow() for batch in stream]
    assert len(batches) > 1
    columns = [name for name in STANDARD if name != "target_members"]
    whole = pl.DataFrame(pa.concat_tables(batches).select(columns))
    assert whole.equals(ct.read_table(big, columns=columns).to_polars())  # type: ignore[arg-type]
    assert stream.stats == ct.Stats(30_000, 30_000, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "take",
    [
        lambda stream: stream.to_pyarrow().read_all(),
        lambda stream: pa.table(stream),
        lambda stream: pl.DataFrame(stream),
        lambda stream: pa.RecordBatchReader.from_stream(stream).read_all(),
    ],
)
def test_whoever_speaks_arrow_takes_a_stream_once(big: Path, take: Callable[[Any], Any]) -> None:
    stream = ct.scan_table(big)
    assert len(take(stream)) == 30_000
    with pytest.raises(RuntimeError, match="once"):
        stream.__arrow_c_stream__()
    with pytest.raises(RuntimeError, match="already"):
        next(stream)


def test_rest_of_a_stream(big: Path) -> None:
    stream = ct.scan_table(big)
    first = len(next(stream))
    assert first + len(pa.table(stream)) == 30_000


def test_stream_of_broken_input_raises_in_whoever_takes_it() -> None:
    with pytest.raises(pa.ArrowInvalid, match="line 4"):
        pa.table(ct.scan_table(BROKEN))
    with pytest.raises(ct.RecordError, match="line 4"):
        list(ct.scan_table(BROKEN))


def test_broken_input_says_how_to_go_on_in_whoever_takes_it() -> None:
    with pytest.raises(pa.ArrowInvalid, match="on_error"):
        pa.table(ct.scan_table(BROKEN))


@pytest.mark.parametrize(
    "rows",
    [
        "len(polars.DataFrame(stream))",
        "len(pyarrow.table(stream))",
        "len(duckdb.sql('SELECT event_id FROM stream').fetchall())",
        "sum(map(len, stream))",
    ],
)
def test_python_source_and_progress_under_other_libraries(run_python: Run, rows: str) -> None:
    code = f"""
import io, duckdb, polars, pyarrow, nhn_cloudtrail as ct
log = b'{{"eventId":"a","request":"' + b"x" * 500 + b'"}}\\n'
def chunks():
    for _ in range(200):
        yield log * 100
stream = ct.scan_table(chunks(), threads=4, progress=lambda *_: None)
print({rows})
"""
    done = run_python(code)
    assert (done.stdout, done.stderr) == ("20000\n", "")


# Others as oracles

WIRE = {
    "eventId": "event_id",
    "eventSourceType": "event_source_type",
    "userId": "user_id",
    "userName": "user_name",
    "userIdNo": "user_id_no",
    "userIp": "user_ip",
    "userAgent": "user_agent",
    "region": "region",
    "orgId": "org_id",
    "projectId": "project_id",
    "projectName": "project_name",
    "productId": "product_id",
    "appKey": "app_key",
    "tenantId": "tenant_id",
    "eventLogUuid": "event_log_uuid",
    "request": "request",
    "response": "response",
}


@pytest.fixture(scope="module")
def wire_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of texts as they might come, each field now and then absent."""
    chance = random.Random(19)
    texts = [
        "",
        "a",
        "이영희",
        '"quoted" \\ and / slash',
        "tab\tline\nfeed",
        "\u2028😀",
        "\x7f\u00e9",
    ]

    def text() -> str:
        return "".join(chance.choices(texts, k=chance.randrange(4))) + str(chance.randrange(50))

    lines = []
    for number in range(3_000):
        record: dict[str, Any] = {name: text() for name in WIRE if chance.random() < 0.8}
        record["userIp"] = f"10.0.{chance.randrange(256)}.{chance.randrange(256)}"
        record["eventTime"] = f"2026-10-31T09:00:{number % 60:02}.{number % 1000:03}+0000"
        lines.append(json.dumps(record, ensure_ascii=bool(number % 2)))
    path = tmp_path_factory.mktemp("wire") / "log.jsonl"
    path.write_text("\n".join(lines))
    return path


WANTED: Any = ["event_time", *WIRE.values()]


def test_polars_reads_the_same_from_json(wire_log: Path) -> None:
    oracle = pl.read_ndjson(wire_log, schema=dict.fromkeys(["eventTime", *WIRE], pl.String))
    oracle = oracle.with_columns(
        pl.col("eventTime").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3f%z", time_unit="ms")
    ).rename({"eventTime": "event_time"} | WIRE)
    mine = ct.read_table(wire_log, columns=WANTED).to_polars()
    assert mine.with_columns(pl.col(pl.Categorical).cast(pl.String)).to_dicts() == oracle.to_dicts()


def test_duckdb_reads_the_same_from_json(wire_log: Path) -> None:
    columns = dict.fromkeys(["eventTime", *WIRE], "VARCHAR")
    oracle = duckdb.read_json(str(wire_log), format="newline_delimited", columns=columns)
    wanted = oracle.select(f"epoch_ms(eventTime::TIMESTAMPTZ), {', '.join(WIRE)}").fetchall()
    mine = ct.read_table(wire_log, columns=WANTED)  # noqa: F841
    names = ", ".join(f"{name}::VARCHAR" for name in WIRE.values())
    assert duckdb.sql(f"SELECT epoch_ms(event_time), {names} FROM mine").fetchall() == wanted


# Parquet


def test_write_a_file(logs: Path, table: ct.Table, tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    written = ct.write_parquet(logs, target)
    assert written.files == [target]
    assert written.stats == table.stats
    assert (written.rejects, written.errors) == ([], [])
    rows = table.to_pyarrow().to_pylist()
    assert pq.read_table(target).to_pylist() == rows
    assert ct.read_table(target).to_pyarrow().to_pylist() == rows
    assert pl.read_parquet(target).to_dicts() == table.to_polars().to_dicts()
    names = ", ".join(name for name in STANDARD if name not in ("event_time", "target_members"))
    mine = table  # noqa: F841
    stored = duckdb.sql(f"SELECT {names} FROM '{target}'").fetchall()
    assert stored == duckdb.sql(f"SELECT {names} FROM mine").fetchall()


def test_write_many_row_groups(big: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    written = ct.write_parquet([big] * 6, target, columns=["event_log_uuid", "source_record"])
    assert pq.ParquetFile(target).num_row_groups > 1
    assert written.stats.events == 180_000
    columns = pq.read_table(target).to_pydict()
    assert columns["event_log_uuid"] == [f"uuid-{number}" for number in range(30_000)] * 6
    assert columns["source_record"] == [*range(1, 30_001)] * 6


def test_a_flipped_bit_is_found_where_the_checksum_is_verified(logs: Path, tmp_path: Path) -> None:
    target, copy = tmp_path / "table.parquet", tmp_path / "copy.parquet"
    ct.write_parquet(logs, target)
    rows = ct.read_table(target).to_pyarrow()
    assert ct.read_table(target, verify=True).to_pyarrow() == rows
    assert len(list(ct.read([target, logs], verify=True))) == 2 * rows.num_rows
    whole = target.read_bytes()
    for at in range(4, len(whole), len(whole) // 9):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        copy.write_bytes(flipped)
        for verify in (
            lambda: list(ct.read(copy, verify=True)),
            lambda: ct.read_table(copy, verify=True),
            lambda: list(ct.scan_table(copy, verify=True)),
            lambda: ct.write_parquet(copy, tmp_path / "other.parquet", verify=True),
        ):
            with pytest.raises(ct.SourceError) as caught:
                verify()
            assert caught.value.code == "INVALID_TABLE"
    assert not (tmp_path / "other.parquet").exists()


def test_what_others_wrote_has_no_checksum(logs: Path, tmp_path: Path) -> None:
    ours, other = tmp_path / "ours.parquet", tmp_path / "other.parquet"
    ct.write_parquet(logs, ours)
    pq.write_table(pq.read_table(ours), other)
    assert len(ct.read_table(other)) == len(ct.read_table(ours, verify=True))
    with pytest.raises(ct.SourceError, match="another program") as caught:
        ct.read_table(other, verify=True)
    assert caught.value.code == "INVALID_TABLE"


def test_write_to_a_path_as_text(tmp_path: Path) -> None:
    target = f"{tmp_path}/table.PARQUET"
    assert ct.write_parquet(LOG, target).files == [Path(target)]
    assert pq.read_table(target).num_rows == 3


def test_written_columns_filters_and_language(tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    written = ct.write_parquet(
        LOG, target, columns=["event_name", "region"], lang="en", kind="delete"
    )
    assert pq.read_table(target).to_pylist() == [{"event_name": "Delete VPC", "region": "KR1"}]
    assert written.stats.filtered == 2


def test_records_byte_for_byte(logs: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    ct.write_parquet(logs, target, keep_raw=True)
    events = list(ct.read(logs))
    again = list(ct.read(target))
    assert [event.raw for event in again] == [event.raw for event in events]
    assert [event.to_json() for event in again] == [event.to_json() for event in events]
    assert again[7].position == ct.Position(
        str(target), record=8, line=0, byte=again[7].position.byte
    )
    assert pq.read_table(target).column("raw").to_pylist() == [event.raw for event in events]


def test_parquet_without_the_records_is_read_too(logs: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    ct.write_parquet(logs, target)
    events = [event.to_json() for event in ct.read(logs)]
    assert [event.to_json() for event in ct.read(target)] == events


def test_parquet_is_filtered_as_text_is(logs: Path, tmp_path: Path) -> None:
    ct.write_parquet(logs, tmp_path / "set")
    one_day = {"since": "2026-10-29", "until": "2026-10-29"}
    for filters in ({"kind": "delete"}, one_day, {"ip": "198.18.0.0/16"}):
        expected = sorted(event.to_json() for event in ct.read(logs, dedup=True, **filters))
        reader = ct.read(tmp_path / "set", **filters)
        assert sorted(event.to_json() for event in reader) == expected
        assert len(expected) > 10
        # Files of other days are not opened, so their events are not counted.
        assert filters is one_day or reader.stats.filtered > 0


def test_write_a_data_set_twice(big: Path, tmp_path: Path) -> None:
    target = tmp_path / "set"
    written = ct.write_parquet(big, target)
    assert written.stats == ct.Stats(30_000, 30_000, 0, 0, 0, 0)
    days = ["event_date=2026-10-30", "event_date=2026-10-31"]
    assert sorted({path.parent.name for path in written.files}) == days
    assert all(path.is_file() for path in written.files)
    again = ct.write_parquet(big, target)
    assert again.stats == ct.Stats(30_000, 0, 0, 30_000, 0, 0)
    assert again.files == []

    uuids = sorted(f"uuid-{number}" for number in range(30_000))
    glob = f"{target}/**/*.parquet"
    assert sorted(pl.read_parquet(glob)["event_log_uuid"]) == uuids
    data_set = pyarrow.dataset.dataset(target, partitioning="hive")
    assert sorted(data_set.to_table().column("event_log_uuid").to_pylist()) == uuids
    stored = duckdb.sql(f"SELECT event_log_uuid, event_date FROM read_parquet('{glob}')").fetchall()
    assert sorted(uuid for uuid, _ in stored) == uuids
    assert {str(day) for _, day in stored} == {"2026-10-30", "2026-10-31"}
    assert sorted(str(event.event_log_uuid) for event in ct.read(target)) == uuids


def test_data_set_takes_new_rows_only(tmp_path: Path) -> None:
    target = tmp_path / "set"
    one, two, three = (b'{"eventLogUuid":"%d"}\n' % number for number in (1, 2, 3))
    ct.write_parquet(one + two, target, keep_raw=True)
    written = ct.write_parquet(two + three, target, keep_raw=True)
    assert written.stats == ct.Stats(2, 1, 0, 1, 0, 0)
    assert sorted(event.raw for event in ct.read(target)) == [one[:-1], two[:-1], three[:-1]]


def test_data_set_leaves_out_duplicates_of_the_source(tmp_path: Path) -> None:
    written = ct.write_parquet(
        [b'{"eventLogUuid":"1"}\n', b'{"eventLogUuid":"1"}'], tmp_path / "set"
    )
    assert written.stats == ct.Stats(2, 1, 0, 1, 0, 0)
    file = ct.write_parquet(
        [b'{"eventLogUuid":"1"}\n', b'{"eventLogUuid":"1"}'], tmp_path / "x.parquet"
    )
    assert file.stats == ct.Stats(2, 2, 0, 0, 0, 0)


def test_only_the_owner_may_read_what_is_written(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        [file] = ct.write_parquet(LOG, tmp_path / "table.parquet").files
        [part] = ct.write_parquet(LOG, tmp_path / "set").files
    finally:
        os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    for folder in (part.parent, tmp_path / "set"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_source_is_not_written_onto(tmp_path: Path) -> None:
    source = tmp_path / "log.parquet"
    ct.write_parquet(LOG, source)
    before = source.read_bytes()
    link = tmp_path / "link.parquet"
    link.symlink_to(source)
    for target in (source, link, tmp_path):
        with pytest.raises(ct.ArgumentError, match=r"write to another (file|folder)") as caught:
            ct.write_parquet(source, target)
        assert caught.value.code == "INVALID_OPTION"
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.parquet", "log.parquet"]


@pytest.mark.parametrize("name", ["table.parquet", "set"])
def test_nothing_is_left_behind_when_it_raises(tmp_path: Path, name: str) -> None:
    with pytest.raises(ct.RecordError, match="line 4"):
        ct.write_parquet(BROKEN, tmp_path / name)
    with pytest.raises(ct.SourceNotFoundError):
        ct.write_parquet("nowhere.jsonl", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["table.parquet", "set"])
def test_what_was_there_stays_when_it_raises(tmp_path: Path, name: str) -> None:
    def stored() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    ct.write_parquet(LOG, tmp_path / name)
    before = stored()
    with pytest.raises(ct.RecordError):
        ct.write_parquet(b'{"eventId":"new"}\n' + BROKEN, tmp_path / name)
    assert stored() == before


def test_rejects_of_what_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html>")
    log = tmp_path / "log.jsonl"
    log.write_bytes(BROKEN)
    written = ct.write_parquet([log, page], tmp_path / "x.parquet", on_error="collect")
    assert [reject.position.line for reject in written.rejects] == [4]
    assert [error.code for error in written.errors] == ["NOT_A_LOG"]
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 3


def test_damaged_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    ct.write_parquet(LOG, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ct.SourceError) as caught:
        list(ct.read(path))
    assert (caught.value.code, caught.value.source) == ("INVALID_TABLE", str(path))


def test_parquet_of_others(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"name": ["kim"]}), path)
    with pytest.raises(ct.SourceError) as caught:
        ct.read_table(path)
    assert caught.value.code == "INVALID_TABLE"


def test_parquet_in_memory_is_told_apart(tmp_path: Path) -> None:
    ct.write_parquet(LOG, tmp_path / "x.parquet")
    data = (tmp_path / "x.parquet").read_bytes()
    for source in (data, io.BytesIO(data)):
        with pytest.raises(ct.SourceError, match="by its path"):
            list(ct.read(source))


@pytest.mark.parametrize(
    ("time", "folder"),
    [
        ("2026-10-31T23:59:59.999+0000", "event_date=2026-10-31"),
        ("2026-11-01T08:00:00.000+0900", "event_date=2026-10-31"),
        ("yesterday", "event_date=__HIVE_DEFAULT_PARTITION__"),
    ],
)
def test_day_of_a_data_set_is_that_of_utc(tmp_path: Path, time: str, folder: str) -> None:
    [file] = ct.write_parquet(json.dumps({"eventTime": time}).encode(), tmp_path / "set").files
    assert file.parent.name == folder


# Without the others

WITHOUT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
blocked = sys.argv[1].split(",")
sys.meta_path.insert(0, Blocked())
import nhn_cloudtrail as ct
"""


def test_nothing_else_is_needed(run_python: Run) -> None:
    code = WITHOUT + "t = ct.sample(); print(len(t) > 0, len(t._repr_html_()) > 0, t.to_pandas)"
    done = run_python(code, "numpy,pandas,polars,pyarrow,duckdb,tqdm,pytz")
    assert (done.stdout[:9], done.stderr) == ("True True", "")


def test_import_brings_none_of_the_others(run_python: Run) -> None:
    code = "import sys, nhn_cloudtrail; nhn_cloudtrail.parse(b'[]'); print(*sorted(sys.modules))"
    loaded = run_python(code).stdout.split()
    others = {"numpy", "pandas", "polars", "pyarrow", "duckdb", "tqdm", "nhn_cloudtrail._ids"}
    assert "nhn_cloudtrail" in loaded
    assert others.isdisjoint(loaded)


@pytest.mark.parametrize(
    ("method", "blocked"),
    [
        ("to_pandas", "pandas"),
        ("to_pandas", "pyarrow"),
        ("to_polars", "polars"),
        ("to_pyarrow", "pyarrow"),
    ],
)
def test_what_is_to_be_installed(run_python: Run, method: str, blocked: str) -> None:
    code = (
        WITHOUT
        + f"""
try:
    ct.read_table(b"[]").{method}()
except ImportError as error:
    print(error.name, error, sep=": ")
"""
    )
    done = run_python(code, blocked)
    wanted = f"{blocked}: {blocked} is needed for this: pip install {blocked}\n"
    assert (done.stdout, done.stderr) == (wanted, "")
