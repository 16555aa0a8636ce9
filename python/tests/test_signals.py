"""Ctrl-C ends whatever is under way, and other threads go on."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

import nhn_cloudtrail as ct

PATIENCE = 10.0
"""How many seconds a test waits before it says that something hangs."""

HEAD = """
import signal, sys, time
import nhn_cloudtrail as ct
path, target = sys.argv[1:3]
forever = [path] * 20_000
def begin():
    print("begun", flush=True)
try:
"""
TAIL = """
except KeyboardInterrupt:
    print("interrupted", flush=True)
else:
    print("came to an end", flush=True)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(large_log: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts code that says when it begins, in a process that does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def start(
        code: str, path: Path = large_log, stdin: IO[bytes] | None = None
    ) -> "subprocess.Popen[str]":
        whole = HEAD + "".join(f"    {line}\n" for line in code.strip().splitlines()) + TAIL
        process = subprocess.Popen(
            [sys.executable, "-c", whole, path, tmp_path / "target"],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]") -> str:
    """The next line that a process says, if it says it in time."""
    assert process.stdout is not None
    lines: list[str] = []
    listen = process.stdout.readline
    listener = threading.Thread(target=lambda: lines.append(listen()), daemon=True)
    listener.start()
    listener.join(PATIENCE)
    return lines[0] if lines else "nothing"


def interrupted(process: "subprocess.Popen[str]") -> bool:
    """Whether Ctrl-C, in the midst of it, is what ends the process."""
    time.sleep(0.25)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    return said(process) == "interrupted\n"


@pytest.mark.parametrize(
    "code",
    [
        "begin()\nfor event in ct.read(forever, event='nothing'): pass",
        "begin()\nfor event in ct.read(forever): pass",
        "begin()\nct.read_table(forever, columns=['kind'])",
        "begin()\nct.read_table(forever, columns=['kind'], threads=1)",
        "begin()\nct.read_table(forever, event='nothing', threads=4)",
        "begin()\nfor batch in ct.scan_table(forever): pass",
        "begin()\nfor batch in ct.scan_table(forever, event='nothing', threads=4): pass",
        "begin()\nct.read_table(forever, columns=['kind'], on_error='collect')",
        "begin()\nfor event in ct.read(forever, event='nothing', on_error='skip'): pass",
        "data = open(path, 'rb').read() * 20\nbegin()\nwhile True: ct.parse(data, event='nothing')",
        "begin()\nct.read_table(forever, event='nothing', progress=lambda *_: None)",
    ],
)
def test_reading(start: Start, code: str) -> None:
    assert interrupted(start(code))


@pytest.mark.parametrize("name", ["x.parquet", "set"])
@pytest.mark.parametrize("threads", [1, 4])
def test_writing_leaves_nothing_behind(
    start: Start, tmp_path: Path, name: str, threads: int
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    code = f"begin()\nct.write_parquet(forever, target + '/{name}', threads={threads})"
    assert interrupted(start(code))
    assert list(target.rglob("*")) == []


@pytest.mark.parametrize("name", ["x.parquet", "set"])
def test_what_was_written_before_stays(start: Start, tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    ct.write_parquet(b'{"eventId":"before"}', target / name)

    def stored() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}

    before = stored()
    assert interrupted(start(f"begin()\nct.write_parquet(forever, target + '/{name}')"))
    assert stored() == before


WAITING = [
    "begin()\nfor event in ct.read(SOURCE): pass",
    "begin()\nct.read_table(SOURCE)",
    "begin()\nct.read_table(SOURCE, threads=1)",
    "begin()\nfor batch in ct.scan_table(SOURCE, threads=4): pass",
    "begin()\nct.write_parquet(SOURCE, target + '.parquet')",
    "begin()\nct.read_table(SOURCE, on_error='collect', progress=lambda *_: None)",
]


@pytest.fixture
def silent() -> Iterator[IO[bytes]]:
    """A pipe that nothing comes out of."""
    end, other = os.pipe()
    with os.fdopen(end, "rb") as reading:
        yield reading
    os.close(other)


@pytest.mark.parametrize("code", WAITING)
def test_standard_input_that_gives_nothing(start: Start, silent: IO[bytes], code: str) -> None:
    assert interrupted(start(code.replace("SOURCE", "'-'"), stdin=silent))


@pytest.mark.parametrize("code", WAITING)
def test_file_object_that_gives_nothing(start: Start, silent: IO[bytes], code: str) -> None:
    assert interrupted(start(code.replace("SOURCE", "sys.stdin.buffer"), stdin=silent))


@pytest.mark.parametrize("code", WAITING)
def test_fifo_that_gives_nothing(start: Start, tmp_path: Path, code: str) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)
    try:
        assert interrupted(start(code.replace("SOURCE", "path"), path=fifo))
    finally:
        os.close(writer)


def test_fifo_that_nobody_writes_to(start: Start, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert interrupted(start("begin()\nct.read_table(path)", path=fifo))


@pytest.mark.parametrize("code", WAITING[:4])
def test_input_that_gives_something_and_then_nothing(start: Start, code: str) -> None:
    end, other = os.pipe()
    with os.fdopen(end, "rb") as reading:
        process = start(code.replace("SOURCE", "'-'"), stdin=reading)
        os.write(other, b'{"eventId":"a"}\n' * 100 + b'{"eventId":')
        try:
            assert interrupted(process)
        finally:
            os.close(other)


@pytest.mark.parametrize("code", WAITING[:2])
def test_signal_that_comes_at_once(start: Start, silent: IO[bytes], code: str) -> None:
    alarm = (
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        "begin()\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.02)\n"
    )
    code = code.replace("begin()\n", alarm).replace("SOURCE", "'-'")
    assert said(start(code, stdin=silent)) == "interrupted\n"


def test_exception_of_a_handler_comes_out(start: Start) -> None:
    code = """
class Late(Exception): pass
def late(*_): raise Late("enough")
signal.signal(signal.SIGALRM, late)
signal.setitimer(signal.ITIMER_REAL, 0.2)
begin()
try:
    ct.read_table(forever, event="nothing")
except Late as error:
    print(error, flush=True)
"""
    process = start(code)
    assert process.communicate(timeout=PATIENCE)[0] == "enough\ncame to an end\n"


def test_reader_can_be_used_after_an_interrupt(start: Start) -> None:
    code = """
reader = ct.read(forever, event="nothing")
begin()
try:
    next(reader, None)
except KeyboardInterrupt:
    for _ in reader: pass
    reader.close()
    assert ct.parse(b'{"eventId":"a"}')[0].event_id == "a"
    raise
"""
    assert interrupted(start(code))


@pytest.mark.parametrize(
    "read",
    [
        lambda source: ct.read_table(source, columns=["kind"]),
        lambda source: next(ct.read(source, event="nothing"), None),
        lambda source: list(ct.scan_table(source, event="nothing")),
        lambda source: ct.parse(source[0].read_bytes() * 20, event="nothing"),
    ],
)
def test_other_threads_go_on(large_log: Path, read: Callable[[list[Path]], object]) -> None:
    turns, done = 0, threading.Event()

    def turn() -> None:
        nonlocal turns
        while not done.wait(0.0005):
            turns += 1

    other = threading.Thread(target=turn)
    other.start()
    before = turns
    read([large_log] * 20)
    during = turns - before
    done.set()
    other.join()
    assert during > 10
