"""What events are read from."""

import array
import gzip
import io
import json
import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nhn_cloudtrail as ct

LOG = b'{"eventId":"a"}\n{"eventId":"b"}\n{"eventId":"c"}\n'


def ids(source: Any) -> list[str | None]:
    return [event.event_id for event in ct.read(source)]


def write(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f'{{"eventId":"{name}"}}\n' for name in names))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG)
    return path


class Named:
    """A path of one's own making."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


def test_paths(path: Path) -> None:
    assert ids(str(path)) == ids(path) == ids(Named(path)) == ["a", "b", "c"]


def test_positions_name_the_path(path: Path) -> None:
    second = list(ct.read(path))[1]
    assert second.position == ct.Position(str(path), record=2, line=2, byte=16)


def test_list_of_paths_in_its_order(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1", "one"), write(tmp_path / "2", "two")
    assert ids([two, str(one)]) == ["two", "one"]
    assert ids((one, Named(two))) == ["one", "two"]
    assert ids([one, one]) == ["one", "one"]


def test_generator_of_paths(tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", "one")
    write(tmp_path / "2.jsonl", "two")
    assert sorted(map(str, ids(tmp_path.glob("*.jsonl")))) == ["one", "two"]


def test_folder(tmp_path: Path) -> None:
    write(tmp_path / "b.log", "second")
    write(tmp_path / "a" / "deep" / "x", "first")
    write(tmp_path / "_README", "skipped")
    write(tmp_path / ".hidden" / "x", "skipped")
    assert ids(tmp_path) == ["first", "second"]


def test_glob(tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", "one")
    write(tmp_path / "2.jsonl", "two")
    write(tmp_path / "3.txt", "three")
    assert ids(f"{tmp_path}/*.jsonl") == ["one", "two"]
    assert ids(tmp_path / "[12].*") == ["one", "two"]
    assert ids([f"{tmp_path}/3*", f"{tmp_path}/1*"]) == ["three", "one"]


def test_path_with_characters_of_a_glob(tmp_path: Path) -> None:
    assert ids(write(tmp_path / "log[1]*.jsonl", "one")) == ["one"]


def test_path_that_is_no_utf8(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl")
    Path(path).write_bytes(LOG)
    assert ids(path) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "make",
    [
        bytes,
        bytearray,
        memoryview,
        io.BytesIO,
        lambda log: memoryview(bytes(byte for two in log for byte in (two, 0)))[::2],
        lambda log: memoryview(bytes(reversed(log)))[::-1],
        lambda log: memoryview(b"#" + log)[1:],
        lambda log: array.array("B", log),
        gzip.compress,
        lambda log: memoryview(gzip.compress(log)),
        lambda log: io.BytesIO(gzip.compress(log)),
        lambda log: gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(log))),
        lambda log: io.BufferedReader(io.BytesIO(log)),
        lambda log: [log],
        lambda log: [log[:20], log[20:]],
        lambda log: (log[:1], b"", bytearray(log[1:]), b""),
        lambda log: iter([b"", memoryview(log)]),
        lambda log: (bytes([byte]) for byte in log),
        lambda log: io.BytesIO(log).readlines(),
        lambda log: {log: None}.keys(),
    ],
)
def test_bytes_and_streams(make: Callable[[bytes], Any]) -> None:
    assert ids(make(LOG)) == ["a", "b", "c"]
    assert ct.read_table(make(LOG)).stats.events == 3
    assert sum(len(batch) for batch in ct.scan_table(make(LOG))) == 3


@pytest.mark.parametrize(
    "make",
    [bytes, bytearray, memoryview, bytes.decode, gzip.compress, lambda log: b"\xef\xbb\xbf" + log],
)
def test_parse(make: Callable[[bytes], Any]) -> None:
    assert [event.event_id for event in ct.parse(make(LOG))] == ["a", "b", "c"]


def test_parse_of_text_with_a_lone_surrogate() -> None:
    with pytest.raises(ct.RecordError) as caught:
        ct.parse('{"eventId":"a"}\n{"eventId":"\ud83d"}')
    assert (caught.value.code, caught.value.line) == ("INVALID_UTF8", 2)


@pytest.mark.parametrize("data", [5, 0, [123, 125], Path("log.jsonl"), io.BytesIO(LOG), None])
def test_parse_takes_nothing_but_data(data: Any) -> None:
    with pytest.raises(TypeError):
        ct.parse(data)


def test_open_files(path: Path) -> None:
    with path.open("rb") as file:
        assert ids(file) == ["a", "b", "c"]
        assert not file.closed
    with path.open("rb", buffering=0) as file:
        assert ids(file) == ["a", "b", "c"]
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert ids(mapped) == ["a", "b", "c"]
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(LOG))
    with gzip.open(packed, "rb") as file:
        assert ids(file) == ["a", "b", "c"]
    with packed.open("rb") as file:
        assert ids(file) == ["a", "b", "c"]


def test_file_is_read_from_where_it_stands(path: Path) -> None:
    with path.open("rb") as file:
        file.readline()
        assert ids(file) == ["b", "c"]


def test_pipe() -> None:
    end, other = os.pipe()
    with os.fdopen(end, "rb") as file, os.fdopen(other, "wb") as writing:
        writer = threading.Thread(target=lambda: (writing.write(LOG), writing.close()))
        writer.start()
        assert ids(file) == ["a", "b", "c"]
        writer.join()


def test_data_that_changes_while_it_is_read() -> None:
    data = bytearray(LOG)
    reader = ct.read(data)
    data[:] = b"#" * len(data)
    assert [event.event_id for event in reader] == ["a", "b", "c"]


def test_file_in_text_mode(path: Path) -> None:
    for function in (ct.read, ct.read_table, ct.scan_table):
        with path.open() as file, pytest.raises(TypeError, match="binary"):
            list(function(file))  # type: ignore[call-overload]


@pytest.mark.parametrize("source", [5, None, 1.5, object(), [5], [None], [b"{}", "a path"]])
def test_what_is_no_source(source: Any) -> None:
    for function in (ct.read, ct.read_table, ct.scan_table):
        with pytest.raises(TypeError):
            list(function(source))  # type: ignore[call-overload]


def test_paths_and_bytes_together(path: Path) -> None:
    with pytest.raises(TypeError, match="either paths or bytes"):
        ct.read([path, LOG])


@pytest.mark.parametrize("source", [[], ()])
def test_empty_list(source: Any) -> None:
    for function in (ct.read, ct.read_table, ct.scan_table):
        with pytest.raises(ValueError, match="empty"):
            function(source)


@pytest.mark.parametrize("source", [b"", io.BytesIO(), [b""], iter([b""]), " \n"])
def test_blank_input_is_no_event(source: Any) -> None:
    assert (ct.parse if isinstance(source, str) else ids)(source) == []


class Reading:
    """A file whose `read` does what it is told."""

    def __init__(self, *answers: object) -> None:
        self.answers: Iterator[object] = iter(answers)

    def read(self, size: int) -> Any:
        assert size > 0
        answer = next(self.answers, b"")
        if isinstance(answer, BaseException):
            raise answer
        return answer


def test_read_that_gives_none() -> None:
    for function in (ct.read, ct.read_table, ct.scan_table):
        with pytest.raises(BlockingIOError, match="no bytes at the moment"):
            list(function(Reading(LOG, None)))  # type: ignore[call-overload]


def test_read_that_gives_numbers() -> None:
    with pytest.raises(TypeError, match="int instead of bytes"):
        ids(Reading(5))


def test_read_that_gives_other_buffers() -> None:
    assert ids(Reading(bytearray(LOG[:9]), memoryview(LOG)[9:])) == ["a", "b", "c"]


class Refused(Exception):
    """An exception of the user's own."""


def given(*answers: object) -> Iterator[Any]:
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        yield answer


@pytest.mark.parametrize("make", [Reading, given])
@pytest.mark.parametrize("function", [ct.read, ct.read_table, ct.scan_table])
@pytest.mark.parametrize("before", [[], [LOG], [LOG[:20], LOG[20:]]], ids=["none", "one", "two"])
def test_exceptions_of_a_stream_come_out_as_they_are(
    make: Callable[..., Any], function: Callable[[Any], Iterable[object]], before: list[bytes]
) -> None:
    raised = Refused("no")
    with pytest.raises(Refused) as caught:
        list(function(make(*before, raised)))
    assert caught.value is raised


@pytest.mark.parametrize("function", [ct.read, ct.read_table, ct.scan_table])
@pytest.mark.parametrize(
    "before",
    [LOG[:20], b"[" + LOG[:20], gzip.compress(LOG)[:30]],
    ids=["line", "array", "gzip"],
)
def test_exceptions_inside_a_record_come_out_too(
    function: Callable[[Any], Iterable[object]], before: bytes
) -> None:
    raised = Refused("no")
    with pytest.raises(Refused) as caught:
        list(function(Reading(before, raised)))
    assert caught.value is raised


@pytest.mark.parametrize(
    "raised",
    [OSError(5, "disk"), InterruptedError(), KeyboardInterrupt(), SystemExit(3), ValueError("x")],
)
def test_any_exception_of_a_stream_comes_out(raised: BaseException) -> None:
    for function in (ct.read, ct.read_table, ct.scan_table):
        with pytest.raises(type(raised)) as caught:
            list(function(Reading(LOG, raised)))  # type: ignore[call-overload]
        assert caught.value is raised


def test_exceptions_of_a_stream_reach_write_parquet(tmp_path: Path) -> None:
    raised = Refused("no")
    with pytest.raises(Refused) as caught:
        ct.write_parquet(Reading(LOG, raised), tmp_path / "x.parquet")
    assert caught.value is raised
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("on_error", ["skip", "collect"])
@pytest.mark.parametrize("raised", [Refused("no"), OSError(5, "disk"), KeyboardInterrupt()])
def test_exceptions_of_a_stream_come_out_whatever_on_error_says(
    on_error: ct.OnError, raised: BaseException
) -> None:
    for function in (ct.read, ct.read_table, ct.scan_table):
        with pytest.raises(type(raised)) as caught:
            list(function(Reading(LOG, raised), on_error=on_error))  # type: ignore[call-overload]
        assert caught.value is raised


@pytest.mark.parametrize("function", [ct.read, ct.read_table, ct.scan_table])
@pytest.mark.parametrize("name", ["missing.jsonl", "*.jsonl", "empty"])
def test_missing_path(tmp_path: Path, function: Callable[[Any], object], name: str) -> None:
    (tmp_path / "empty").mkdir()
    missing = tmp_path / name
    with pytest.raises(FileNotFoundError) as caught:
        function(missing)
    error = caught.value
    assert isinstance(error, ct.SourceNotFoundError)
    assert (error.code, error.source) == ("NOT_FOUND", str(missing))
    assert str(missing) in str(error)


def test_one_missing_path_of_several(path: Path) -> None:
    with pytest.raises(ct.SourceNotFoundError, match=r"nowhere\.jsonl"):
        ct.read([path, path.with_name("nowhere.jsonl")])


def test_file_that_goes_while_reading(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1", "one"), write(tmp_path / "2", "two")
    reader = ct.read([one, two])
    two.unlink()
    assert next(reader).event_id == "one"
    with pytest.raises(FileNotFoundError) as caught:
        next(reader)
    assert isinstance(caught.value, ct.SourceNotFoundError)
    assert caught.value.source == str(two)


def test_reader_closed_half_way(path: Path) -> None:
    reader = ct.read(path)
    assert next(reader).event_id == "a"
    reader.close()
    reader.close()
    assert list(reader) == []
    assert reader.stats.records >= 1


def test_reader_as_context_manager(path: Path) -> None:
    with ct.read(path) as reader:
        assert iter(reader) is reader
        next(reader)
    with pytest.raises(StopIteration):
        next(reader)


def test_context_manager_lets_exceptions_pass(path: Path) -> None:
    with pytest.raises(Refused), ct.read(path):
        raise Refused
    with pytest.raises(Refused), ct.scan_table(path):
        raise Refused


def test_stream_of_tables_closed_half_way(path: Path) -> None:
    with ct.scan_table([path, path]) as stream:
        assert len(next(stream)) > 0
    assert list(stream) == []


def test_stats_grow_as_it_is_read() -> None:
    reader = ct.read(LOG + b"{broken\n", on_error="skip")
    assert reader.stats == ct.Stats(0, 0, 0, 0, 0, 0)
    for _ in reader:
        pass
    assert reader.stats == ct.Stats(4, 3, 1, 0, 0, 0)
    assert "events=3" in repr(reader)


def test_dedup_over_sources(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1", "a", "b"), write(tmp_path / "2", "b", "c")
    reader = ct.read([one, two], dedup=True)
    assert [event.event_id for event in reader] == ["a", "b", "c"]
    assert reader.stats.duplicates == 1


def test_events_outlive_their_source(path: Path) -> None:
    with ct.read(path) as reader:
        events = list(reader)
    path.write_bytes(b"#" * len(LOG))
    path.unlink()
    assert [event.raw for event in events] == LOG.splitlines()


WRAPPED = json.dumps(
    {
        "took": 1,
        "hits": [
            {"body": '{"eventLogUuid":"1"}'},
            {"body": {"eventLogUuid": "2"}},
            {"body": {"mine": 3}},
        ],
    }
).encode()


def test_record_path(tmp_path: Path) -> None:
    path = "hits[].body"
    reader = ct.read(WRAPPED, record_path=path)
    events = list(reader)
    assert [event.event_log_uuid for event in events] == ["1", "2", None]
    assert [event.is_recognized for event in events] == [True, True, False]
    assert (reader.stats.events, reader.stats.unrecognized) == (3, 1)
    assert ct.parse(WRAPPED, record_path=path) == events
    assert ct.read_table(WRAPPED, record_path=path).stats == reader.stats
    assert sum(len(table) for table in ct.scan_table(WRAPPED, record_path=path)) == 3
    for target in ("out.parquet", "set"):
        assert ct.write_parquet(WRAPPED, tmp_path / target, record_path=path).stats == reader.stats
        assert ct.read_table(tmp_path / target).stats == reader.stats


def test_nul_bytes_are_counted() -> None:
    reader = ct.read(b'{"eventId":"a"}\n\0\0\0{"eventId":"b"}\n')
    assert [event.event_id for event in reader] == ["a", "b"]
    assert (reader.stats.events, reader.stats.nul_bytes) == (2, 3)


@pytest.mark.parametrize("path", ["", "a..b", "a[0]", "[]a"])
def test_a_mistyped_record_path_is_an_error(path: str) -> None:
    for function in (ct.parse, ct.read, ct.read_table, ct.scan_table):
        with pytest.raises(ct.ArgumentError, match="record_path: record path") as caught:
            function(b"", record_path=path)
        assert caught.value.code == "INVALID_OPTION"
    with pytest.raises(TypeError):
        ct.read(b"", record_path=["a"])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_records_that_are_not_in_the_text_as_they_are() -> None:
    kinds = (
        '{{"eventLogUuid":"{0}","userId":"user {0}"}}',
        '{{"message":"{{\\"eventLogUuid\\":\\"{0}\\",\\"userId\\":\\"user {0}\\"}}"}}',
        '{{"event_log_uuid":"{0}","user_id":"user {0}"}}',
    )
    for order in ((0, 1, 2), (2, 1, 0), (2, 2, 0)):
        lines = [kinds[order[number % 3]].format(number) for number in range(10_000)]
        lines[7] = "broken\n" + lines[7]
        text = "\n".join(lines).encode()
        reader = ct.read(text, on_error="collect")
        for events in (list(reader), ct.parse(text, on_error="skip")):
            assert [event.event_log_uuid for event in events] == [*map(str, range(10_000))]
            assert all(event.user_id == f"user {n}" for n, event in enumerate(events))
            assert all(event.is_recognized for event in events)
            assert [event.position.record for event in events[:9]] == [*range(1, 8), 9, 10]
        assert [reject.position.record for reject in reader.rejects] == [8]
