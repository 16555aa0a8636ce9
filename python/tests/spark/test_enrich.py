"""Tables that have records in a column already."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

import nhn_cloudtrail as ct
from nhn_cloudtrail.spark import Enricher, catalog_frame, enrich

DELETE = '{"eventId":"event_id.iaas.instance.delete","eventTime":"2026-10-01T00:00:00.5Z"}'


def table(spark: SparkSession, **columns: Any) -> DataFrame:
    frame: DataFrame = spark.createDataFrame(pa.table(columns))  # type: ignore[call-overload]
    return frame


def rows(frame: DataFrame) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in frame.collect()]


def test_records_of_a_table(spark: SparkSession) -> None:
    frame = table(spark, key=[1, 2, 3], value=[DELETE, None, '{"eventId":"a",\n "x": 1}'])
    found = enrich(frame, "value", columns=["event_id", "service", "kind", "extra", "known"])
    assert rows(found) == [
        {
            "key": 1,
            "value": DELETE,
            "event_id": "event_id.iaas.instance.delete",
            "service": "infrastructure",
            "kind": "delete",
            "extra": None,
            "known": True,
        },
        {
            "key": 2,
            "value": None,
            **dict.fromkeys(["event_id", "service", "kind", "extra", "known"]),
        },
        {
            "key": 3,
            "value": '{"eventId":"a",\n "x": 1}',
            "event_id": "a",
            "service": None,
            "kind": None,
            "extra": '{"x":1}',
            "known": False,
        },
    ]


@pytest.mark.parametrize("as_bytes", [True, False])
def test_it_is_what_read_table_gives(
    spark: SparkSession, logs: Path, tmp_path: Path, as_bytes: bool
) -> None:
    raws = ct.read_table(logs, columns=["raw"], on_error="skip").to_pyarrow()["raw"]
    cells = [raw.as_py() if as_bytes else raw.as_py().decode() for raw in raws]
    found = enrich(table(spark, value=cells).repartition(3), "value", lang="ja").toArrow()
    expected = ct.read_table(logs, on_error="skip", lang="ja").to_pyarrow()
    ours = found.drop_columns("value").to_pylist()
    theirs = expected.to_pylist()
    assert len(ours) > 1000
    assert sorted(map(repr, ours)) == sorted(
        map(repr, [{**row, "event_time": row["event_time"]} for row in theirs])
    )


def test_cells_that_are_no_records(spark: SparkSession) -> None:
    cells = [DELETE, "broken \x1b[31m", "[1]", "", None, DELETE + DELETE]
    frame = table(spark, value=cells)
    with pytest.raises(PySparkException, match=r"column value: .*broken.*on_error"):
        enrich(table(spark, value=[DELETE, "broken"]), "value").collect()
    skipped = rows(enrich(frame, "value", on_error="skip", columns=["kind"]))
    assert [row["kind"] for row in skipped] == ["delete", *[None] * 5]
    collected = rows(enrich(frame, "value", on_error="collect", columns=["kind"]))
    assert [row["reject"] and row["reject"]["code"] for row in collected] == [
        None,
        *["INVALID_JSON"] * 3,
        None,
        "INVALID_JSON",
    ]
    assert [row["value"] for row in collected] == cells


def test_what_stands_around_a_record(spark: SparkSession) -> None:
    cells = [f"{DELETE}\n", f" {DELETE} \r\n", f"\ufeff{DELETE}", f"\n{DELETE}"]
    found = enrich(table(spark, value=cells), "value", columns=["kind", "raw"])
    assert [(row.kind, row.raw) for row in found.collect()] == [("delete", DELETE.encode())] * 4


def test_slices_and_large_types(spark: SparkSession) -> None:
    """Batches are not always laid out as if they stood alone."""
    enricher = Enricher("value", columns=["event_id"])
    cells = [f'{{"eventId":"{index}"}}' for index in range(10)]
    for type_ in [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view()]:
        batch = pa.record_batch({"value": pa.array([None, *cells], type_)})
        for part in [batch, batch.slice(3, 4), batch.slice(0, 2), batch.slice(4, 0)]:
            [found] = enricher(iter([part]))
            values = [cell and eval(cell)["eventId"] for cell in map(text, part.column(0))]
            assert found.column("event_id").to_pylist() == values
    empty = pa.record_batch({"value": pa.array([None, None], pa.string())})
    [found] = enricher(iter([empty]))
    assert found.column("event_id").to_pylist() == [None, None]


def text(cell: Any) -> Any:
    value = cell.as_py()
    return value.decode() if isinstance(value, bytes) else value


def test_columns_that_are_there(spark: SparkSession) -> None:
    frame = table(spark, Value=[DELETE], event_id=["mine"])
    with pytest.raises(ct.ArgumentError, match="event_id already"):
        enrich(frame, "value")
    found = enrich(frame, "value", columns=["event_id"], prefix="ct_", on_error="collect")
    assert found.columns == ["Value", "event_id", "ct_event_id", "ct_reject"]
    assert found.first()["ct_event_id"] == "event_id.iaas.instance.delete"
    with pytest.raises(ct.ArgumentError, match="no column 'other'"):
        enrich(frame, "other")
    with pytest.raises(ct.ArgumentError, match="value is neither text nor binary but double"):
        enrich(table(spark, value=[1.5]), "value")
    with pytest.raises(ct.ArgumentError, match="a cell has no source"):
        Enricher("value", columns=["source"])


def test_a_catalog_goes_to_the_workers(spark: SparkSession) -> None:
    overlay = "event_id\tname_ko\tname_en\nevent_id.a.b.create\t가\tMake\n"
    catalog = ct.catalog.with_overlay(overlay)
    frame = table(spark, value=['{"eventId":"event_id.a.b.create"}'])
    found = enrich(frame, "value", columns=["event_name"], lang="en", catalog=catalog)
    assert found.first()["event_name"] == "Make"


def test_a_stream_of_lines(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text(f"{DELETE}\n{DELETE}\n")
    lines = spark.readStream.text(str(tmp_path / "in"))
    events = enrich(lines, "value", columns=["kind"])
    writer = events.writeStream.format("memory").queryName("lines").trigger(availableNow=True)
    writer.option("checkpointLocation", str(tmp_path / "checkpoint")).start().awaitTermination()
    assert [row.kind for row in spark.table("lines").collect()] == ["delete", "delete"]


def test_the_catalog(spark: SparkSession) -> None:
    frame = catalog_frame(spark)
    assert frame.count() == len(ct.catalog)
    row = frame.where("event_id = 'event_id.iaas.instance.delete'").first()
    assert (row.name_en, row.service, row.kind) == ("Delete Instance", "infrastructure", "delete")
    assert dict(frame.dtypes)["first_listed"] == "date"
    assert dict(frame.dtypes)["services"] == "array<string>"


def test_pandas_is_not_needed() -> None:
    """PySpark wants it installed for `mapInArrow`, but the workers never load it."""
    code = """
import sys
class Without:
    def find_spec(self, name, *_):
        if name.split(".")[0] == "pandas":
            raise ImportError("no pandas")
sys.meta_path.insert(0, Without())
import pyarrow as pa
from nhn_cloudtrail.spark import Enricher
batch = pa.record_batch({"value": ['{"eventId":"a"}']})
[found] = Enricher("value")(iter([batch]))
print(found.column("event_id"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert '"a"' in done.stdout, done.stderr
