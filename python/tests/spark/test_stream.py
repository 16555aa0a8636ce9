"""A stream reads each file once, whatever happens to it in between."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession
from pyspark.sql.streaming import StreamingQuery

import nhn_cloudtrail as ct


class Stream:
    """A stream of a folder into Parquet, which can be begun again."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark = spark
        self.logs = folder / "logs"
        self.out = folder / "out"
        self.checkpoint = folder / "checkpoint"
        self.logs.mkdir()

    def put(self, name: str, *uuids: str) -> Path:
        """A whole file, as one that is renamed is."""
        path = self.logs / name
        hidden = self.logs / ".hidden"
        lines = [
            f'{{"eventId":"event_id.iaas.vpc.delete","eventLogUuid":"{one}"}}' for one in uuids
        ]
        hidden.write_text("\n".join(lines))
        path.parent.mkdir(exist_ok=True, parents=True)
        hidden.rename(path)
        return path

    def start(self, available_now: bool = True, **options: Any) -> StreamingQuery:
        path = options.pop("path", str(self.logs))
        reader = self.spark.readStream.format("nhn_cloudtrail").options(**options)
        writer = reader.load(path).writeStream.format("parquet")
        writer = writer.option("checkpointLocation", str(self.checkpoint))
        if available_now:
            writer = writer.trigger(availableNow=True)
        return writer.start(str(self.out))

    def run(self, **options: Any) -> list[int]:
        """Reads all that is there; how many rows each batch had."""
        query = self.start(**options)
        query.awaitTermination()
        return [progress.numInputRows for progress in query.recentProgress if progress.numInputRows]

    def uuids(self) -> Counter[str]:
        """What came out, and how often."""
        rows = self.spark.read.parquet(str(self.out)).select("event_log_uuid").collect()
        return Counter(row[0] for row in rows)


@pytest.fixture
def stream(spark: SparkSession, tmp_path: Path) -> Stream:
    return Stream(spark, tmp_path)


def test_files_come_and_are_read_once(stream: Stream) -> None:
    query = stream.start(available_now=False)
    stream.put("a.jsonl", "1", "2")
    query.processAllAvailable()
    stream.put("2026/10/b.jsonl", "3")
    query.processAllAvailable()
    query.processAllAvailable()
    query.stop()
    assert stream.uuids() == Counter("123")
    # Later, from the checkpoint; and a file that is older than those that were read.
    late = stream.put("0.jsonl", "4", "5")
    os.utime(late, (0, 0))
    query = stream.start(available_now=False)
    query.processAllAvailable()
    stream.put("c.jsonl", "6")
    query.processAllAvailable()
    query.stop()
    assert stream.uuids() == Counter("123456")


def test_a_folder_by_other_names(stream: Stream, tmp_path: Path) -> None:
    stream.put("a", "1")
    stream.run()
    logs = stream.logs
    (tmp_path / "link").symlink_to(logs)
    for number, name in enumerate(
        [f"{logs}/../logs", str(tmp_path / "link"), f"file://{logs}/", f"{tmp_path}/link/[a-z]*"]
    ):
        stream.put(f"b{number}", f"b{number}")
        stream.run(path=name)
    assert stream.uuids() == Counter(["1", "b0", "b1", "b2", "b3"])


def test_what_is_available(stream: Stream) -> None:
    for name in "abcde":
        stream.put(name, name)
    assert stream.run(maxFilesPerTrigger=2) == [2, 2, 1]
    assert stream.run(maxFilesPerTrigger=2) == []
    stream.put("A", "A")
    assert stream.run() == [1]
    assert stream.uuids() == Counter("abcdeA")


def test_a_batch_that_fails_is_read_again(stream: Stream) -> None:
    stream.put("a", "1")
    stream.run()
    stream.put("b", "2")
    (stream.logs / "c").write_text('{"eventLogUuid":"3"}\nbroken')
    with pytest.raises(StreamingQueryException, match=r"c, line 2 \(record 2, byte 21\)"):
        stream.run()
    (stream.logs / "c").write_text('{"eventLogUuid":"3"}\n{"a":1} ')
    # The batch stands in the checkpoint already, with the size that the file had: it is read
    # again, and whoever mended the file says so.
    with pytest.raises(StreamingQueryException, match="it had 27 bytes when it was found"):
        stream.run()
    stream.put("d", "4")
    stream.run(ignore_changes="true")
    assert stream.uuids() == Counter(["1", "2", "3", None, "4"])


def test_rejects_of_a_stream(stream: Stream) -> None:
    (stream.logs / "a").write_text('{"eventLogUuid":"1"}\nbroken')
    stream.run(on_error="collect")
    rows = stream.spark.read.parquet(str(stream.out)).select("event_log_uuid", "reject.raw")
    assert sorted(map(str, rows.collect())) == sorted(
        ["Row(event_log_uuid='1', raw=None)", "Row(event_log_uuid=None, raw=b'broken')"]
    )


def test_a_file_that_changes_is_an_error(stream: Stream) -> None:
    path = stream.put("a", "1")
    stream.run()
    path.write_text(path.read_text() + '\n{"eventLogUuid":"2"}')
    with pytest.raises(StreamingQueryException, match="it had 57 bytes when it was found, and has"):
        stream.run()
    path.rename(stream.logs / "b")
    stream.run()
    assert stream.uuids() == Counter("112")


def test_nothing_so_far(stream: Stream, tmp_path: Path) -> None:
    (stream.logs / "empty").touch()
    assert stream.run() == []
    stream.put("empty", "1")
    assert stream.run() == [1]
    reader = stream.spark.readStream.format("nhn_cloudtrail")
    missing = reader.load(str(tmp_path / "missing")).writeStream.format("noop")
    missing = missing.option("checkpointLocation", str(tmp_path / "other"))
    with pytest.raises(StreamingQueryException, match="no such file or folder"):
        missing.trigger(availableNow=True).start().awaitTermination()


def test_a_stream_does_not_look_for_duplicates(stream: Stream) -> None:
    stream.put("a", "1")
    with pytest.raises(StreamingQueryException, match="dropDuplicatesWithinWatermark"):
        stream.run(dedup="true")


def test_files_that_are_gone_are_not_read_again(stream: Stream) -> None:
    path = stream.put("a", "1")
    stream.run()
    away = path.rename(stream.logs / ".a")
    stream.put("b", "2")
    stream.run()
    away.rename(path)
    stream.run()
    assert stream.uuids() == Counter("12")


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import session
from test_stream import Stream

folder = Path(sys.argv[1])
(folder / "logs").rmdir() if not any((folder / "logs").iterdir()) else None
spark = session(folder / "spark")
stream = object.__new__(Stream)
stream.spark, stream.logs = spark, folder / "logs"
stream.out, stream.checkpoint = folder / "out", folder / "checkpoint"
query = stream.start(available_now=False, maxFilesPerTrigger=3)
print("begun", flush=True)
query.awaitTermination()
"""


def test_killed_at_any_time(stream: Stream, tmp_path: Path) -> None:
    """The process is killed while batches run, twice, and files go on coming."""
    uuids: list[str] = []

    def put(count: int) -> None:
        for _ in range(count):
            some = [str(len(uuids) + index) for index in range(200)]
            uuids.extend(some)
            stream.put(f"{len(uuids):06}.jsonl", *some)

    put(40)
    for times in range(2):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parent)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        commits = stream.checkpoint / "commits"
        wanted = 2 + 3 * times
        deadline = time.monotonic() + 120
        while len(list(commits.glob("[0-9]*"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, 9)
        process.wait()
        put(5)
    assert 0 < sum(stream.uuids().values()) < len(uuids)
    stream.run(maxFilesPerTrigger=20)
    assert stream.uuids() == Counter(uuids)
    assert ct.read_table(stream.logs).num_rows == len(uuids)
