"""A thousand readings leave nothing behind: no file, no thread, no memory."""

import contextlib
import gc
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

import nhn_cloudtrail as ct

LINE = b'{"eventId":"event_id.iaas.vpc.delete","request":"%s"}\n' % (b"x" * 200)
# To keep 64 KiB of each reading would be 64 MiB in the end.
LOG = LINE * (65_536 // len(LINE))
GROWTH = 24 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG)
    return path


def files() -> list[str]:
    """What is open, but for the folder that is looked into."""
    links = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(f"/proc/self/fd/{name}"))
    return sorted(link for link in links if not link.endswith("/fd"))


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def read_whole(path: Path) -> None:
    for _ in ct.read(path):
        pass


def read_in_part(path: Path) -> None:
    next(ct.read(path))


def read_bytes_in_part(path: Path) -> None:
    next(ct.read(LOG[:-1] + b"\n"))


def read_and_close(path: Path) -> None:
    with ct.read([path, path]) as reader:
        next(reader)


def read_file_object_in_part(path: Path) -> None:
    with path.open("rb") as file:
        next(ct.read(file))


def read_iterable_in_part(path: Path) -> None:
    next(ct.read(LOG[at : at + 9_999] for at in range(0, len(LOG), 9_999)))


def read_table(path: Path) -> None:
    ct.read_table(path, threads=2)


def take_table(path: Path) -> None:
    table = ct.read_table(path)
    table.__arrow_c_stream__()
    table.to_pyarrow()


def scan_in_part(path: Path) -> None:
    next(ct.scan_table([path] * 3, threads=2))


def scan_nothing(path: Path) -> None:
    ct.scan_table(path).__arrow_c_stream__()


def parse(path: Path) -> None:
    [event.to_dict() for event in ct.parse(LOG)[:3]]


def fail(path: Path) -> None:
    for function in (ct.read, ct.read_table, ct.scan_table):
        with pytest.raises(ct.RecordError):
            list(function([LOG, b"{broken"]))  # type: ignore[call-overload]


def fail_to_find(path: Path) -> None:
    with pytest.raises(ct.SourceNotFoundError):
        ct.read([path, path.with_name("nowhere")])


def raise_in_the_source(path: Path) -> None:
    def chunks() -> object:
        yield LOG
        raise RuntimeError

    for function in (ct.read, ct.read_table):
        with pytest.raises(RuntimeError):
            list(function(chunks()))  # type: ignore[call-overload]


def collect(path: Path) -> None:
    ct.read_table([LOG, b"{broken " + b"x" * 9_999], on_error="collect").rejects.copy()


def detach(path: Path) -> None:
    kept.append(ct.parse(LOG)[7].detach())


kept: list[ct.Event] = []


@pytest.mark.parametrize(
    "use",
    [
        read_whole,
        read_in_part,
        read_bytes_in_part,
        read_and_close,
        read_file_object_in_part,
        read_iterable_in_part,
        read_table,
        take_table,
        scan_in_part,
        scan_nothing,
        parse,
        fail,
        fail_to_find,
        raise_in_the_source,
        collect,
        detach,
    ],
    ids=lambda use: use.__name__,
)
def test_a_thousand_times(use: Callable[[Path], None], path: Path) -> None:
    for _ in range(100):
        use(path)
    gc.collect()
    before = files(), threads(), memory()
    for _ in range(1000):
        use(path)
    gc.collect()
    for _ in range(100):
        if threads() <= before[1]:
            break
        time.sleep(0.05)
    assert files() == before[0]
    assert threads() <= before[1]
    assert memory() < before[2] + GROWTH


def test_writing_a_hundred_times(path: Path, tmp_path: Path) -> None:
    def write() -> None:
        ct.write_parquet(path, tmp_path / "x.parquet", threads=2)
        ct.write_parquet(path, tmp_path / "set", threads=2)

    for _ in range(10):
        write()
    before = files(), threads(), memory()
    for _ in range(100):
        write()
    for _ in range(100):
        if threads() <= before[1]:
            break
        time.sleep(0.05)
    assert (files(), threads()) == before[:2]
    assert memory() < before[2] + GROWTH


def test_no_thread_is_left_at_all(run_python: Run, path: Path) -> None:
    code = """
import os, sys, time, nhn_cloudtrail as ct
path = sys.argv[1]
ct.read_table([path] * 50, threads=4)
next(ct.scan_table([path] * 50, threads=4))
next(ct.read([path] * 50))
for _ in range(100):
    if len(os.listdir("/proc/self/task")) == 1:
        break
    time.sleep(0.05)
print(len(os.listdir("/proc/self/task")))
"""
    done = run_python(code, path)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_memory_of_a_stream_does_not_grow_with_the_input(run_python: Run, large_log: Path) -> None:
    code = """
import resource, sys, nhn_cloudtrail as ct
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
def go(source):
    for event in ct.read(source, event="nothing"):
        pass
    for batch in ct.scan_table(source, threads=2):
        pass
go([sys.argv[1]])
before = peak()
go([sys.argv[1]] * 20)
print(peak() - before)
"""
    done = run_python(code, large_log)
    assert done.stderr == ""
    assert int(done.stdout) < 64
