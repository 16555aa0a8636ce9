"""Several threads share what they read."""

import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nhn_cloudtrail as ct

LOG = b"".join(b'{"eventLogUuid":"%d","userName":"kim"}\n' % number for number in range(20_000))


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Threads take turns a thousand times as often as they would."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(work: Callable[[], Any], threads: int = 4) -> list[Any]:
    """What as many threads give that all begin together."""
    gate = threading.Barrier(threads)

    def one() -> Any:
        gate.wait()
        return work()

    with ThreadPoolExecutor(threads) as pool:
        return [task.result(60) for task in [pool.submit(one) for _ in range(threads)]]


def pieces() -> Iterator[bytes]:
    for at in range(0, len(LOG), 4_321):
        yield LOG[at : at + 4_321]


class File:
    """A file object in Python."""

    def __init__(self) -> None:
        self.rest = LOG

    def read(self, size: int) -> bytes:
        piece, self.rest = self.rest[:9_999], self.rest[9_999:]
        return piece


@pytest.mark.parametrize("make", [lambda: LOG, pieces, File])
def test_one_reader(make: Callable[[], Any]) -> None:
    reader = ct.read(make())
    found = at_once(lambda: [event.event_log_uuid for event in reader])
    together = Counter(uuid for part in found for uuid in part)
    assert together == Counter(str(number) for number in range(20_000))
    assert reader.stats == ct.Stats(20_000, 20_000, 0, 0, 0, 0)


def test_one_reader_with_rejects() -> None:
    reader = ct.read(LOG.replace(b'7","userName', b'7","userName"broken'), on_error="collect")
    found = at_once(lambda: sum(1 for _ in reader))
    assert sum(found) == 18_000
    assert len(reader.rejects) == 2_000
    assert len({reject.position.record for reject in reader.rejects}) == 2_000


def test_reader_that_another_thread_closes() -> None:
    reader = ct.read(pieces())

    def read_or_close() -> int:
        count = 0
        for _ in reader:
            count += 1
            if count == 1_000:
                reader.close()
        return count

    assert 1_000 <= sum(at_once(read_or_close)) < 20_000


@pytest.mark.parametrize("make", [lambda: LOG, pieces, File])
def test_one_stream_of_tables(make: Callable[[], Any]) -> None:
    stream = ct.scan_table(make(), threads=2)
    found = at_once(lambda: sum(len(batch) for batch in stream))
    assert sum(found) == 20_000


def test_one_table() -> None:
    table = ct.read_table(LOG)
    expected = table.to_pyarrow()
    for taken in at_once(lambda: table.slice(0, 20_000).to_pyarrow()):
        assert taken.equals(expected)


def test_one_event() -> None:
    [event] = ct.parse('{"eventId":"event_id.iaas.vpc.delete","userName":"\\uae40"}')
    expected = event.to_json(), event.user_name, event.to_dict(), repr(event)

    def look() -> bool:
        return all(
            (event.to_json(), event.user_name, event.to_dict(), repr(event)) == expected
            for _ in range(500)
        )

    assert at_once(look) == [True] * 4


def test_parse_at_once() -> None:
    expected = [event.event_log_uuid for event in ct.parse(LOG)]
    for found in at_once(lambda: [event.event_log_uuid for event in ct.parse(LOG)]):
        assert found == expected


def test_tables_at_once(logs: Path) -> None:
    expected = ct.read_table(logs).to_pyarrow()
    for table in at_once(lambda: ct.read_table(logs, threads=2)):
        assert table.to_pyarrow().equals(expected)


def test_data_set_that_two_write_to(tmp_path: Path) -> None:
    def write() -> int:
        # Where another thread is at it, there is nothing to do.
        with contextlib.suppress(ct.ReadError):
            return ct.write_parquet(LOG, tmp_path / "set").stats.events
        return 0

    assert sum(at_once(write)) == 20_000
    assert len(ct.read_table(tmp_path / "set")) == 20_000


def test_reading_from_another_thread_than_the_one_that_opened() -> None:
    reader, stream = ct.read(pieces()), ct.scan_table(pieces())
    with ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(list, reader).result(60)) == 20_000
        assert sum(map(len, pool.submit(list, stream).result(60))) == 20_000


def test_end_of_the_interpreter_while_a_thread_reads(run_python: Callable[..., Any]) -> None:
    done = run_python("""
import threading, time, nhn_cloudtrail as ct
def pieces():
    while True:
        yield b'{"eventId":"a"}\\n' * 1000
def read():
    for event in ct.read(pieces(), event="nothing"): pass
def table():
    ct.read_table(pieces(), event="nothing", threads=2)
for work in (read, table):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.3)
print("end", flush=True)
""")
    assert (done.returncode, done.stdout) == (0, "end\n")
