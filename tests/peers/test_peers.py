"""Our tables hold what polars and DuckDB read from the same lines, in every form that we write.

`cargo xtask test` runs this. By hand, `NHN_CLOUDTRAIL` is the command, and `SAMPLE` a log of many
events, one a line, such as `cargo xtask sample --events 20000` writes.
"""

import os
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COMMAND = os.environ["NHN_CLOUDTRAIL"]
HERE = Path(__file__).parent
LOGS = {
    # By hand: nulls, absent fields, escapes, every kind of member, days in no order.
    "records": HERE / "records.jsonl",
    # Every event ID.
    "examples": HERE / "../../examples/logs/2026/10/29/01.jsonl.gz",
    # More than one batch.
    "sample": Path(os.environ["SAMPLE"]),
}

# The wire fields of the table, under their names in the log.
TEXT = {
    "event_id": "eventId",
    "event_source_type": "eventSourceType",
    "user_id": "userId",
    "user_name": "userName",
    "user_id_no": "userIdNo",
    "user_ip": "userIp",
    "user_agent": "userAgent",
    "region": "region",
    "org_id": "orgId",
    "project_id": "projectId",
    "project_name": "projectName",
    "product_id": "productId",
    "app_key": "appKey",
    "tenant_id": "tenantId",
    "event_log_uuid": "eventLogUuid",
    "request": "request",
    "response": "response",
}
MEMBER = {
    "id_no": "idNo",
    "name": "name",
    "user_code": "userCode",
    "email_address": "emailAddress",
}
WIRE = ["event_time", *TEXT, "target_members"]
PLAIN = {"event_log_uuid", "request", "response"}
ENRICHED = [
    "event_name", "service", "resource", "verb", "kind", "phase", "outcome", "result_code",
    "result_message",
]  # fmt: skip
TIME = pa.timestamp("ms", "UTC")


def run(*arguments):
    done = subprocess.run([COMMAND, *map(str, arguments)], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="session", params=LOGS)
def log(request):
    return LOGS[request.param]


@pytest.fixture(scope="session")
def converted(log, tmp_path_factory):
    """A log in every form: files by `convert`, streams by `read`, and a data set."""
    folder = tmp_path_factory.mktemp("converted")
    for name in ("file.parquet", "file.arrow", "dataset"):
        run("convert", log, "-o", folder / name)
    for form in ("parquet", "arrow"):
        (folder / f"stream.{form}").write_bytes(run("read", log, "--format", form))
    return folder


def sql(query):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.sql(query)


# What the peers read from the log itself.


@cache
def log_by_polars(log):
    member = pl.Struct({name: pl.String for name in MEMBER.values()})
    schema = {"eventTime": pl.String} | {name: pl.String for name in TEXT.values()}
    schema["eventTarget"] = pl.Struct({"targetMembers": pl.List(member)})
    time = pl.col("eventTime").str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.3f%z", time_unit="ms", time_zone="UTC"
    )
    members = pl.col("eventTarget").struct.field("targetMembers")
    members = members.list.eval(pl.element().struct.rename_fields(list(MEMBER)))
    columns = {name: pl.col(wire) for name, wire in TEXT.items()}
    frame = pl.read_ndjson(log, schema=schema)
    frame = frame.select(event_time=time, **columns, target_members=members)
    return wire(frame.to_arrow())


@cache
def log_by_duckdb(log):
    member = ", ".join(f"{name} VARCHAR" for name in MEMBER.values())
    types = {"eventTime": "TIMESTAMPTZ"} | dict.fromkeys(TEXT.values(), "VARCHAR")
    types["eventTarget"] = f"STRUCT(targetMembers STRUCT({member})[])"
    renamed = ", ".join(f"{name} := m.{wire}" for name, wire in MEMBER.items())
    members = f"list_transform(eventTarget.targetMembers, lambda m: struct_pack({renamed}))"
    columns = ", ".join(f"{wire} AS {name}" for name, wire in TEXT.items())
    table = sql(
        f"""SELECT eventTime AS event_time, {columns}, {members} AS target_members
        FROM read_json('{log}', format = 'newline_delimited', columns = {types},
            timestampformat = '%Y-%m-%dT%H:%M:%S.%g%z')"""
    )
    return wire(table.to_arrow_table())


# What they read from what we made of it.


def read_arrow_file(path):
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def read_arrow_stream(path):
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_stream(file).read_all()


READERS = {
    "Parquet by pyarrow": ("file.parquet", pq.read_table),
    "Parquet by polars": ("file.parquet", lambda path: pl.read_parquet(path).to_arrow()),
    "Parquet by DuckDB": (
        "file.parquet",
        lambda path: sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table(),
    ),
    "Parquet from standard output": ("stream.parquet", pq.read_table),
    "Arrow by pyarrow": ("file.arrow", read_arrow_file),
    "Arrow by polars": ("file.arrow", lambda path: pl.read_ipc(path).to_arrow()),
    "Arrow stream by pyarrow": ("stream.arrow", read_arrow_stream),
    "Arrow stream by polars": ("stream.arrow", lambda path: pl.read_ipc_stream(path).to_arrow()),
}


def logical(type):
    """A type without how it is stored: plain text or dictionary, views, units of time."""
    if pa.types.is_dictionary(type):
        return logical(type.value_type)
    if pa.types.is_large_string(type) or pa.types.is_string_view(type):
        return pa.string()
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        return pa.list_(logical(type.value_type))
    if pa.types.is_struct(type):
        return pa.struct([(field.name, logical(field.type)) for field in type])
    if pa.types.is_timestamp(type):
        assert type.tz in ("UTC", "Etc/UTC"), type
        return TIME
    return type


def wire(table):
    table = table.select(WIRE)
    return table.cast(pa.schema([(field.name, logical(field.type)) for field in table.schema]))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("peer", [log_by_polars, log_by_duckdb])
def test_wire_columns_are_what_the_peer_reads_from_the_log(log, converted, peer, reader):
    name, read = READERS[reader]
    ours, theirs = wire(read(converted / name)), peer(log)
    assert ours.schema == theirs.schema
    assert ours.num_rows == theirs.num_rows > 0
    if not ours.equals(theirs):
        for ours_row, theirs_row in zip(ours.to_pylist(), theirs.to_pylist(), strict=True):
            assert ours_row == theirs_row


def test_what_stands_in_the_log_is_there(converted):
    """What the peers agree on could be wrong in one way for all three."""
    rows = {
        row["event_log_uuid"]: row for row in pq.read_table(converted / "file.parquet").to_pylist()
    }
    if "row-07" not in rows:
        pytest.skip("about the records written by hand")
    assert rows["row-01"]["event_time"] == datetime(2026, 3, 1, tzinfo=UTC)
    assert rows["row-03"]["event_time"] is None
    assert rows["row-04"]["event_time"] == datetime(2026, 2, 28, 23, 59, 59, 999000, tzinfo=UTC)
    assert rows["row-07"]["event_id"] == "event_id.iaas.vpc.create"
    assert rows["row-07"]["user_name"] == "김민준 😀 é"
    assert rows["row-07"]["user_agent"] == '"\\/\b\f\n\r\t'
    assert {key: row["extra"] for key, row in rows.items() if row["extra"]} == {
        "row-05": '{"eventTarget":{"targetMembers":null}}',
        "row-06": '{"eventTarget":{}}',
    }
    members = [{"id_no": "2", "name": None, "user_code": None, "email_address": None}]
    assert rows["row-08"]["target_members"][:1] == members


def test_types_as_pyarrow_sees_them(converted):
    member = pa.struct([(name, pa.string()) for name in MEMBER])
    expected = {"event_time": TIME, "target_members": pa.list_(member), "known": pa.bool_()}
    expected |= {name: pa.dictionary(pa.int32(), pa.string()) for name in [*TEXT, *ENRICHED]}
    expected |= {name: pa.string() for name in [*PLAIN, "extra"]}
    for read in (
        pq.read_schema(converted / "file.parquet"),
        read_arrow_file(converted / "file.arrow").schema,
    ):
        assert {field.name: field.type for field in read} == expected
        assert b"nhn_cloudtrail.schema_version" in read.metadata
        assert all(field.metadata[b"description"] for field in read)


def test_types_as_polars_sees_them(converted):
    member = pl.Struct({name: pl.String for name in MEMBER})
    expected = {"event_time": pl.Datetime("ms", "UTC"), "target_members": pl.List(member)}
    expected |= {"known": pl.Boolean}
    expected |= {name: pl.Categorical for name in [*TEXT, *ENRICHED]}
    expected |= {name: pl.String for name in [*PLAIN, "extra"]}
    assert dict(pl.read_parquet_schema(converted / "file.parquet")) == expected
    assert dict(pl.read_ipc(converted / "file.arrow").schema) == expected


def test_types_as_duckdb_sees_them(converted):
    expected = {"event_time": "TIMESTAMP WITH TIME ZONE", "known": "BOOLEAN"}
    member = ", ".join(f'"{name}" VARCHAR' for name in MEMBER)
    expected |= {"target_members": f"STRUCT({member})[]"}
    expected |= {name: "VARCHAR" for name in [*TEXT, *ENRICHED, "extra"]}
    described = sql(f"DESCRIBE SELECT * FROM read_parquet('{converted}/file.parquet')").fetchall()
    types = {name: type for name, type, *_ in described}
    types["target_members"] = types["target_members"].replace('"', "")
    expected["target_members"] = expected["target_members"].replace('"', "")
    assert types == expected


def dataset_by_duckdb(folder):
    files = f"'{folder}/**/*.parquet'"
    return sql(f"SELECT * FROM read_parquet({files}, hive_partitioning = true)").to_arrow_table()


def dataset_by_polars(folder):
    frame = pl.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)
    return frame.collect().to_arrow()


@pytest.mark.parametrize("read", [dataset_by_duckdb, dataset_by_polars])
def test_a_data_set_has_the_rows_of_the_file_each_under_its_day(converted, read):
    dataset = read(converted / "dataset")
    for row in dataset.select(["event_time", "event_date"]).to_pylist():
        day = row["event_time"].date() if row["event_time"] else None
        assert row["event_date"] == day

    file = pq.read_table(converted / "file.parquet")
    assert dataset.num_rows == file.num_rows

    def by_key(table):
        return sorted(wire(table).to_pylist(), key=lambda row: row["event_log_uuid"])

    assert by_key(dataset) == by_key(file)


def test_a_data_set_written_to_again_has_each_row_once(log, converted):
    run("convert", log, "-o", converted / "dataset")
    assert (
        dataset_by_duckdb(converted / "dataset").num_rows
        == pq.read_metadata(converted / "file.parquet").num_rows
    )
