"""The table from Spark is that of `read_table`."""

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import nhn_cloudtrail as ct
from nhn_cloudtrail.spark import CloudTrailDataSource

CASES = Path(__file__).parents[3] / "tests" / "cases"
COLUMNS = [*ct.sample().column_names, "raw", "source"]
COUNTS = ct.Stats._fields

Load = Callable[..., DataFrame]


@pytest.fixture
def load(spark: SparkSession) -> Load:
    def load(path: Any, **options: Any) -> DataFrame:
        texts = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in options.items()
        }
        paths = [str(one) for one in path] if isinstance(path, list) else str(path)
        return spark.read.format("nhn_cloudtrail").options(**texts).load(paths)

    return load


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """Rows of a data frame or a table of ours, with times as microseconds."""
    table: Any = frame.to_pyarrow() if isinstance(frame, ct.Table) else frame.toArrow()
    rows = table.to_pylist()
    if "event_time" in table.column_names:
        times = table["event_time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
        for row, time in zip(rows, times, strict=True):
            row["event_time"] = time
    return rows


def expected_rejects(table: ct.Table) -> list[Any]:
    rejects = [
        (one.position.source, one.position.byte, one.code, one.message, one.length, one.raw)
        for one in table.rejects
    ]
    return sorted(rejects)


def input_of(case: Path) -> Path:
    [found] = [path for path in case.iterdir() if path.name.split(".")[0] == "input"]
    return found


def groups() -> list[Any]:
    """The cases by their options: one query for all that share theirs."""
    found: dict[str, list[Path]] = defaultdict(list)
    for case in sorted(CASES.iterdir()):
        options = case / "options.json"
        found[options.read_text() if options.exists() else "{}"].append(input_of(case))
    assert sum(map(len, found.values())) > 100
    return [pytest.param(json.loads(text), paths, id=text[:60]) for text, paths in found.items()]


@pytest.mark.parametrize("split_bytes", [0, 150])
@pytest.mark.parametrize(("options", "paths"), groups())
def test_cases(load: Load, options: dict[str, Any], paths: list[Path], split_bytes: int) -> None:
    filters, limits = options.get("filter", {}), options.get("limits", {})
    columns = options.get("columns", COLUMNS)
    rest = {name: options[name] for name in ("lang", "dedup", "record_path") if name in options}
    if split_bytes and (filters or "columns" in options):
        pytest.skip("what is asked for has nothing to do with how it is cut")
    # Spark gets all paths at once, and `read_table` too.
    expected = ct.read_table(
        paths, columns=columns, on_error="collect", limits=limits or None, **rest, **filters
    )
    given = {**filters, **limits, **rest, "on_error": "collect", "split_bytes": split_bytes}
    rows = rows_of(load(paths, columns=",".join(columns), **given))

    both = [(row, row.pop("reject")) for row in rows]
    assert [row for row, reject in both if reject is None] == rows_of(expected)

    rejects = [reject for _, reject in both if reject is not None]
    names = ("source", "byte", "code", "message", "length", "raw")
    assert expected_rejects(expected) == sorted(
        tuple(one[name] for name in names) for one in rejects if one["raw"] is not None
    )
    assert sorted(one["message"] for one in rejects if one["raw"] is None) == sorted(
        map(str, expected.errors)
    )

    counts = load(paths, table="counts", **{**given, "on_error": "skip"})
    sums = counts.agg(*[F.sum(name).alias(name) for name in COUNTS]).first()
    assert sums is not None
    assert sums.asDict() == expected.stats._asdict()


def test_a_gigabyte_is_the_same(spark: SparkSession, load: Load, tmp_path: Path) -> None:
    """Row by row, by the sum of two hashes of each: an order they have none."""
    log = Path(os.environ["SAMPLE"])
    assert log.stat().st_size > 10**9
    written = ct.write_parquet(log, tmp_path / "all.parquet")
    theirs = spark.read.parquet(str(tmp_path / "all.parquet"))
    ours = load(log)
    assert ours.rdd.getNumPartitions() == -(-log.stat().st_size // (128 << 20))

    def sums(frame: DataFrame) -> Any:
        names = ours.columns
        row = F.struct(*[frame[name] for name in names])
        hashes = [F.sum(F.xxhash64(row).cast("decimal(38)")), F.sum(F.hash(row).cast("bigint"))]
        return frame.agg(F.count("*"), *hashes).first()

    found = sums(ours)
    assert found[0] == written.stats.events
    assert found == sums(theirs)
    counts = load(log, table="counts").agg(*[F.sum(name) for name in COUNTS]).first()
    assert tuple(counts or ()) == written.stats


def test_types(load: Load, logs: Path) -> None:
    frame = load(logs, on_error="skip")
    types = dict(frame.dtypes)
    assert types["event_time"] == "timestamp"
    assert types["known"] == "boolean"
    assert types["user_id"] == "string"
    assert types["target_members"].startswith("array<struct<id_no:string,name:string")
    assert frame.columns == ct.read_table(logs, on_error="skip").column_names
    assert load(logs, columns="source_record,raw", on_error="skip").dtypes == [
        ("source_record", "bigint"),
        ("raw", "binary"),
    ]


def test_a_partition_is_a_file_or_a_stretch(load: Load, tmp_path: Path) -> None:
    line = '{"eventId":"a"}\n'
    (tmp_path / "a.jsonl").write_text(line * 100)
    (tmp_path / "b.json").write_text(f"[{','.join([line] * 100)}]")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((line * 100).encode()))
    assert load(tmp_path).rdd.getNumPartitions() == 3
    cut = load(tmp_path, split_bytes=400)
    assert cut.rdd.getNumPartitions() == 4 + 1 + 1
    assert cut.count() == 300
    whole = load(tmp_path, split_bytes=400, columns="source,source_record")
    assert whole.rdd.getNumPartitions() == 3
    assert whole.agg(F.sum("source_record")).first() == (3 * 5050,)


def test_many_small_files_share_partitions(load: Load, tmp_path: Path) -> None:
    for index in range(1100):
        (tmp_path / f"{index}.json").write_text(f'{{"eventId":"{index}"}}')
    frame = load(tmp_path)
    assert frame.rdd.getNumPartitions() < 10
    assert frame.select("event_id").distinct().count() == 1100


@pytest.mark.parametrize("enabled", ["true", "false"])
@pytest.mark.parametrize(
    "condition",
    [
        "kind = 'delete'",
        "service IN ('infrastructure', 'gamebase') AND known",
        "event_time >= '2026-10-29 09:00:00' AND event_time < '2026-10-30 12:00:00.0005'",
        "event_time = '2026-10-29 10:00:00'",
        "NOT known",
        "user_id = 'Kim@example.com' OR region = 'KR1'",
        "outcome = 'failure' AND user_id IS NOT NULL",
        "event_id LIKE 'event_id.iaas.%' AND phase IS NULL",
        "service = 'no such service'",
        "event_time > '2027-01-01' AND event_time < '2026-01-01'",
        "project_id <=> NULL AND size(target_members) > 0",
    ],
)
def test_conditions(
    spark: SparkSession, load: Load, logs: Path, condition: str, enabled: str
) -> None:
    """Whether they are pushed down or not, they let through the same."""
    spark.conf.set("spark.sql.python.filterPushdown.enabled", enabled)
    try:
        frame = load(logs, columns=",".join(COLUMNS), on_error="skip")
        found = [row.raw for row in frame.where(condition).collect()]
        every = spark.createDataFrame(frame.toArrow())
        assert found == [row.raw for row in every.where(condition).collect()]
    finally:
        spark.conf.unset("spark.sql.python.filterPushdown.enabled")


def test_conditions_are_pushed_down(logs: Path) -> None:
    from datetime import UTC, datetime

    from pyspark.sql.datasource import EqualTo, GreaterThan, In, IsNotNull

    def pushed(*filters: Any, **options: str) -> dict[str, Any]:
        given = {"path": str(logs), **options}
        source = CloudTrailDataSource(given)  # type: ignore[arg-type]
        reader = source.reader(source.schema())
        assert list(reader.pushFilters(filters)) == list(filters)
        return reader._options.filters

    time = datetime(2026, 10, 29, microsecond=1500, tzinfo=UTC)
    assert pushed(
        EqualTo(("kind",), "delete"),
        In(("region",), ("KR1", "KR2")),
        GreaterThan(("event_time",), time),
        IsNotNull(("user_id",)),
        EqualTo(("target_members", "name"), "x"),
    ) == {
        "kind": ["delete"],
        "region": ["KR1", "KR2"],
        "since": time.replace(microsecond=1000),
    }
    # Beside what the user asked for.
    assert pushed(EqualTo(("kind",), "delete"), kind="create") == {"kind": ["create"]}
    assert pushed(GreaterThan(("event_time",), time), until="2027-01-01") == {"until": "2027-01-01"}


def test_a_failing_file(load: Load, tmp_path: Path) -> None:
    good = '{"eventId":"a"}\n'
    (tmp_path / "1.jsonl").write_text(good * 3)
    (tmp_path / "2.jsonl").write_text(good * 2 + "\x1b[31mbroken\n" + good)
    (tmp_path / "3.html").write_text("<html>no log</html>")
    damaged = gzip.compress((good * 1000).encode())
    (tmp_path / "4.gz").write_bytes(damaged[: len(damaged) - 10])
    left = ct.read_table(tmp_path / "4.gz", on_error="skip").num_rows
    assert 0 < left < 1000
    with pytest.raises(PySparkException) as failed:
        load(tmp_path / "2.jsonl").collect()
    message = str(failed.value)
    assert "RecordError" in message
    assert "2.jsonl, line 3 (record 3, byte 32): not a JSON record" in message
    assert 'on_error="skip"' in message
    with pytest.raises(PySparkException, match="HTML"):
        load(tmp_path / "3.html").collect()
    assert load(tmp_path, on_error="skip").count() == 3 + 3 + left

    rows = load(tmp_path, on_error="collect", columns="event_id")
    assert rows.where("reject IS NULL").count() == 6 + left
    rejects = rows.where("reject IS NOT NULL").select("reject.*").orderBy("source").collect()
    assert [(Path(one.source).name, one.code, one.line) for one in rejects] == [
        ("2.jsonl", "INVALID_JSON", 3),
        ("3.html", "NOT_A_LOG", None),
        ("4.gz", "BAD_COMPRESSION", rejects[2].line),
    ]
    assert bytes(rejects[0].raw) == b"\x1b[31mbroken"
    assert (rejects[0].record, rejects[0].byte, rejects[0].length) == (3, 32, 11)

    counts = load(tmp_path, table="counts", on_error="skip").orderBy("source").collect()
    assert [(row.records, row.events, row.rejects) for row in counts] == [
        (3, 3, 0),
        (4, 3, 1),
        (0, 0, 0),
        (left + 1, left, 1),
    ]
    assert ["HTML" in "".join(row.errors) for row in counts] == [False, False, True, False]


def test_rejects_without_end(load: Load, tmp_path: Path) -> None:
    """They go to Spark as they are found, not all at the end."""
    (tmp_path / "x.jsonl").write_text('{"eventId":"a"}\n' + "broken\n" * 50_000)
    rows = load(tmp_path, on_error="collect", columns="event_id")
    assert rows.groupBy(F.isnull("reject")).count().orderBy("count").collect() == [
        (True, 1),
        (False, 50_000),
    ]


def test_values_over_the_end_of_a_split_fail(load: Load, tmp_path: Path) -> None:
    many = ",".join(['{"eventId":"b"}'] * 17_000)
    (tmp_path / "x.jsonl").write_text('{"eventId":"a"}\n' * 10 + f"[{many}\n,{many}]\n" * 2)
    # What comes first in a later split is a broken record, or this.
    for on_error, message in [("raise", ""), ("skip", "split_bytes"), ("collect", "split_bytes")]:
        with pytest.raises(PySparkException, match=message):
            load(tmp_path, split_bytes=100_000, on_error=on_error).collect()
    assert load(tmp_path, split_bytes=0).count() == 10 + 4 * 17_000


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("event_time string", "event_time as string; in the table it is timestamp"),
        ("event_id string, user int", "column user, and the table has none"),
        ("known boolean NOT NULL", "known without nulls"),
        ("target_members array<string>", "target_members as array<string>"),
    ],
)
def test_a_schema_mismatch(spark: SparkSession, logs: Path, schema: str, message: str) -> None:
    reader = spark.read.format("nhn_cloudtrail").schema(schema).option("on_error", "skip")
    with pytest.raises(AnalysisException, match=message):
        reader.load(str(logs)).collect()


def test_a_schema_chooses_columns(spark: SparkSession, logs: Path) -> None:
    reader = spark.read.format("nhn_cloudtrail").schema("kind string, event_time timestamp")
    frame = reader.option("on_error", "skip").load(str(logs))
    expected = ct.read_table(logs, columns=["kind", "event_time"], on_error="skip")
    assert rows_of(frame) == rows_of(expected)
    with pytest.raises(AnalysisException, match="either as a schema or as an option"):
        reader.option("columns", "kind").load(str(logs)).collect()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colums": "kind"}, "no option 'colums'"),
        ({"columns": "kind,nope"}, "nope"),
        ({"columns": "kind,kind"}, "twice"),
        ({"columns": "[]"}, "columns: none are asked for"),
        ({"on_error": "ignore"}, "'ignore' is none of raise, skip, collect"),
        ({"split_bytes": "-1"}, "split_bytes: '-1' is no whole number"),
        ({"split_bytes": "128MB"}, "no whole number"),
        ({"dedup": "yes"}, "dedup: 'yes' is none of true, false"),
        ({"kind": "destroy"}, "destroy"),
        ({"kind": "[1]"}, "kind: all of a list are texts"),
        ({"kind": "[delete]"}, "begins like a JSON array"),
        ({"since": "yesterday-ish"}, "since"),
        ({"overlay": "/no/such/file"}, "No such file"),
        ({"table": "rejects"}, "'rejects' is none of events, counts"),
        ({"record_bytes": "0"}, "limit"),
        ({"record_path": "a..b"}, "record_path: .*a name is empty"),
    ],
)
def test_options_that_make_no_sense(
    load: Load, logs: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(AnalysisException, match=message.replace("[", r"\[")):
        load(logs, **options)


def test_paths(spark: SparkSession, load: Load, tmp_path: Path) -> None:
    (tmp_path / "a b,[c].jsonl").write_text('{"eventId":"a"}')
    (tmp_path / "_left.out").write_text("x")
    assert load(f"file://{tmp_path}").count() == 1
    assert load(f"{tmp_path}/*.jsonl").count() == 1
    assert load(tmp_path / "a b,[c].jsonl").count() == 1
    assert load([tmp_path, tmp_path]).count() == 2
    with pytest.raises(AnalysisException, match="no such file or folder"):
        load(tmp_path / "none").collect()
    with pytest.raises(AnalysisException, match="mount what is elsewhere"):
        load("s3a://bucket/logs")
    with pytest.raises(AnalysisException, match="no path"):
        spark.read.format("nhn_cloudtrail").load()
    with pytest.raises(AnalysisException, match="standard input"):
        load("-").collect()


def test_duplicates_over_files(load: Load, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(f'{{"eventLogUuid":"1"}}\n{{"eventLogUuid":"{name}"}}')
    assert load(tmp_path).count() == 4
    once = load(tmp_path, dedup="true", split_bytes=10)
    assert once.rdd.getNumPartitions() == 1
    assert once.count() == 3
    [counts] = load(tmp_path, dedup="true", table="counts").collect()
    assert (counts.records, counts.duplicates, counts.source) == (4, 1, None)


def test_a_data_set_without_rows(load: Load, tmp_path: Path) -> None:
    ct.write_parquet(b"", tmp_path / "set")
    assert load(tmp_path / "set").count() == 0
    assert load(tmp_path / "set", table="counts", dedup="true").count() == 0
    ct.write_parquet(b'{"eventId":"a","eventTime":"2026-10-01T00:00:00Z"}', tmp_path / "set")
    assert load(tmp_path / "set").select("event_id").collect() == [("a",)]


def test_an_overlay(load: Load, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.tsv"
    overlay.write_text("event_id\tname_ko\tname_en\nevent_id.a.b.create\t가\tMake\n")
    (tmp_path / "log").write_text('{"eventId":"event_id.a.b.create"}')
    frame = load(tmp_path / "log", overlay=str(overlay), lang="en")
    assert frame.select("event_name", "known", "kind").collect() == [("Make", True, "create")]


def test_the_example_of_the_module(spark: SparkSession, logs: Path) -> None:
    events = spark.read.format("nhn_cloudtrail").option("on_error", "skip").load(str(logs))
    grouped = events.where("kind = 'delete'").groupBy("service").count().collect()
    assert sum(row["count"] for row in grouped) == len(
        ct.read_table(logs, on_error="skip", kind="delete")
    )
