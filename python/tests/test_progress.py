"""Telling how far a reading has come."""

import gc
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

import nhn_cloudtrail as ct

LOG = b'{"eventId":"a"}\n' * 1000


def exhaust(source: Any, **options: Any) -> None:
    for _ in ct.read(source, **options):
        pass


def scan(source: Any, **options: Any) -> None:
    for _ in ct.scan_table(source, **options):
        pass


every_way = pytest.mark.parametrize("read", [exhaust, ct.read_table, scan])


class Refused(Exception):
    """An exception of the user's own."""


def slowly(pieces: int) -> Iterator[bytes]:
    for _ in range(pieces):
        time.sleep(0.02)
        yield LOG


@every_way
def test_at_the_end_all_bytes_are_told(read: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG)
    for source, size in ((path, len(LOG)), ([path, path], 2 * len(LOG)), (LOG, len(LOG))):
        told: list[tuple[int, int | None]] = []
        read(source, progress=lambda *numbers: told.append(numbers))  # noqa: B023
        assert told[-1] == (size, size)


@every_way
def test_numbers_grow(read: Callable[..., None]) -> None:
    told: list[tuple[int, int | None]] = []
    read(slowly(30), progress=lambda *numbers: told.append(numbers))
    read_so_far = [read for read, _ in told]
    assert len(told) > 3
    assert read_so_far == sorted(read_so_far)
    assert 0 < read_so_far[1] < read_so_far[-1] == 30 * len(LOG)
    assert {total for _, total in told} == {None}


@every_way
def test_numbers_grow_over_files(read: Callable[..., None], large_log: Path) -> None:
    told: list[tuple[int, int | None]] = []
    read([large_log] * 40, event="nothing", progress=lambda *numbers: told.append(numbers))
    size = 40 * large_log.stat().st_size
    assert len(told) > 1
    assert [read for read, _ in told] == sorted(read for read, _ in told)
    assert {total for _, total in told} == {size}
    assert told[-1] == (size, size)


def test_compressed_bytes_are_counted_as_they_lie_there(logs: Path) -> None:
    paths = sorted(path for path in logs.rglob("*.gz"))
    told: list[tuple[int, int | None]] = []
    ct.read_table(paths, progress=lambda *numbers: told.append(numbers))
    size = sum(path.stat().st_size for path in paths)
    assert told[-1] == (size, size)


def test_writing_tells_too(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    ct.write_parquet(LOG, tmp_path / "x.parquet", progress=lambda *numbers: told.append(numbers))
    assert told[-1] == (len(LOG), len(LOG))


@every_way
@pytest.mark.parametrize("on_error", ["raise", "collect"])
def test_exception_of_the_callback_ends_the_reading(
    read: Callable[..., None], on_error: str
) -> None:
    raised = Refused("enough")
    given: list[bytes] = []

    def source() -> Iterator[bytes]:
        for piece in slowly(100):
            given.append(piece)
            yield piece

    def refuse(*_: object) -> None:
        raise raised

    with pytest.raises(Refused) as caught:
        read(source(), progress=refuse, on_error=on_error)
    assert caught.value is raised
    assert len(given) < 100


@every_way
def test_exception_of_the_last_call_comes_out(read: Callable[..., None]) -> None:
    def refuse(*_: object) -> None:
        raise Refused

    with pytest.raises(Refused):
        read(b"[]", progress=refuse)


def test_nothing_is_written_when_the_callback_raises(tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise Refused

    for name in ("x.parquet", "set"):
        with pytest.raises(Refused):
            ct.write_parquet(slowly(20), tmp_path / name, progress=refuse)
    assert list(tmp_path.iterdir()) == []


def test_callback_may_read_something_else() -> None:
    seen = []
    ct.read_table(slowly(10), progress=lambda *_: seen.append(len(ct.parse(LOG))))
    assert set(seen) == {1000}


@pytest.mark.parametrize(
    "code",
    [
        "reader = ct.read(slowly(), progress=lambda *_: seen.append(reader.stats.events))\n"
        "for event in reader: pass",
        "stream = ct.scan_table(slowly(), progress=lambda *_: seen.append(stream.stats.events))\n"
        "for batch in stream: pass",
        "def source():\n"
        "    for piece in slowly():\n"
        "        yield piece\n"
        "        seen.append(reader.stats.events)\n"
        "reader = ct.read(source())\n"
        "for event in reader: pass",
    ],
)
def test_callback_may_look_at_the_counts(run_python: Run, code: str) -> None:
    head = """
import faulthandler, time, nhn_cloudtrail as ct
faulthandler.dump_traceback_later(5, exit=True)
seen = []
def slowly():
    for _ in range(10):
        time.sleep(0.02)
        yield b'{"eventId":"a"}\\n' * 1000
"""
    done = run_python(f"{head}{code}\nprint(seen == sorted(seen), len(seen) > 1)")
    assert (done.stdout, done.stderr[:100]) == ("True True\n", "")


@pytest.mark.parametrize("progress", [1, "yes", []])
def test_what_is_no_callback(progress: Any) -> None:
    for function in (ct.read, ct.read_table, ct.scan_table):
        with pytest.raises(TypeError, match="progress"):
            function(LOG, progress=progress)


def test_none_and_false_are_quiet(run_python: Run) -> None:
    code = "import nhn_cloudtrail as ct; [ct.read_table(b'[]', progress=p) for p in (None, False)]"
    done = run_python(code)
    assert (done.stdout, done.stderr) == ("", "")


BAR = """
import sys
if len(sys.argv) > 2:
    sys.modules["tqdm"] = sys.modules["tqdm.auto"] = None
import nhn_cloudtrail as ct
path = sys.argv[1]
for event in ct.read(path, progress=True): pass
ct.read_table(path, progress=True)
for batch in ct.scan_table(path, progress=True): pass
print("done")
"""


def test_bar_on_standard_error(run_python: Run, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG)
    done = run_python(BAR, path)
    assert done.stdout == "done\n"
    assert done.stderr.count("100%") == 3
    assert "15.6k/15.6k" in done.stderr
    assert done.stderr.endswith("\n")


def test_without_tqdm_there_is_none(run_python: Run, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG)
    done = run_python(BAR, path, "without")
    assert (done.stdout, done.stderr) == ("done\n", "")


@pytest.mark.parametrize(
    "code",
    [
        "ct.read_table(log, progress=True)",
        "[event for event in ct.read(log, progress=True)]",
        "[batch for batch in ct.scan_table(log, progress=True)]",
    ],
)
def test_bar_is_closed_when_it_raises(run_python: Run, code: str) -> None:
    done = run_python(f"""
import sys, nhn_cloudtrail as ct
from tqdm import tqdm
log = b'{{"eventId":"a"}}\\n{{broken\\n'
try:
    {code}
except ct.RecordError as error:
    print(len(tqdm._instances))
""")
    assert done.stdout == "0\n"


def test_stop_iteration_of_a_callback_ends_nothing_silently() -> None:
    def stop(*_: object) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        list(ct.read(slowly(5), progress=stop))


def test_callback_of_what_holds_the_reader_is_let_go() -> None:
    class Job:
        def __init__(self) -> None:
            self.reader = ct.read(LOG, progress=self.tell)

        def tell(self, *_: object) -> None:
            pass

    gone = weakref.ref(Job())
    gc.collect()
    assert gone() is None
