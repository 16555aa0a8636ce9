"""SQL over logs, by DuckDB."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import nhn_cloudtrail as ct
from nhn_cloudtrail import _sql

QUERIES = [
    "SELECT count(*) FROM events",
    "SELECT service, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC, 1",
    "SELECT event_id FROM events WHERE event_time >= '2026-10-30' ORDER BY ALL",
    "SELECT event_id FROM events WHERE event_time < '2026-10-29 00:00:28.164+00' ORDER BY ALL",
    "SELECT event_id FROM events WHERE event_time <= '2026-10-29 00:00:28.164+00' ORDER BY ALL",
    "SELECT event_id FROM events WHERE event_time > '2026-10-29 00:00:28.1639999+00' ORDER BY ALL",
    "SELECT event_id FROM events WHERE event_time = '2026-10-29 00:00:28.164+00' ORDER BY ALL",
    "SELECT count(*) FROM events WHERE event_time BETWEEN '2026-10-29' AND '2026-10-29 01:00:00'",
    "SELECT count(*) FROM events WHERE event_time > '2026-12-01' AND event_time < '2026-11-01'",
    "SELECT count(*) FROM events WHERE event_time > '0000-01-01' AND event_time < '99999-01-01'",
    "SELECT count(*) FROM events WHERE date_trunc('day', event_time) = '2026-10-29'",
    "SELECT count(*) FROM events WHERE event_time IS NULL",
    "SELECT count(*) FROM events WHERE kind = 'delete'",
    "SELECT count(*) FROM events WHERE kind = 'DELETE'",
    "SELECT count(*) FROM events WHERE kind <> 'delete'",
    "SELECT count(*) FROM events WHERE kind = 'delete' AND kind = 'create'",
    "SELECT count(*) FROM events WHERE kind IN ('delete', 'create') AND service = 'infrastructure'",
    "SELECT count(*) FROM events WHERE kind NOT IN ('delete', 'create')",
    "SELECT count(*) FROM events WHERE kind = 'delete' OR kind = 'create'",
    "SELECT count(*) FROM events WHERE kind = 'delete' OR service = 'infrastructure'",
    "SELECT count(*) FROM events WHERE kind > 'delete'",
    "SELECT count(*) FROM events WHERE phase IS NULL",
    "SELECT count(*) FROM events WHERE phase = 'started' OR phase IS NULL",
    "SELECT count(*) FROM events WHERE service = 'no such service'",
    "SELECT count(*) FROM events WHERE service = 'rds-for-mysql'",
    "SELECT count(*) FROM events WHERE user_id = 'batch@example.com'",
    "SELECT count(*) FROM events WHERE user_id = 'BATCH@example.com'",
    "SELECT count(*) FROM events WHERE user_id = ' batch@example.com'",
    "SELECT count(*) FROM events WHERE user_id = ''",
    "SELECT count(*) FROM events WHERE user_id LIKE 'batch%'",
    "SELECT count(*) FROM events WHERE user_name = '김민준' AND user_id LIKE '%@%'",
    "SELECT count(*) FROM events WHERE region = 'kr1'",
    "SELECT count(*) FROM events WHERE event_id = 'event_id.iaas.*'",
    "SELECT count(*) FROM events WHERE known",
    "SELECT count(*) FROM events WHERE NOT known",
    "SELECT count(*) FROM events WHERE known = false",
    "SELECT count(*) FROM events WHERE known <> true OR outcome = 'unknown'",
    "SELECT count(*) FROM events WHERE outcome = 'failure' AND length(request) > 300",
    "SELECT user_id FROM events WHERE outcome = 'failure' ORDER BY event_log_uuid LIMIT 5",
    "SELECT target_members FROM events WHERE target_members IS NOT NULL ORDER BY ALL",
    "SELECT count(*) FROM events JOIN catalog USING (event_id) WHERE catalog.retired",
    "SELECT count(*) FROM events a JOIN events b USING (event_log_uuid) WHERE a.kind = 'delete'",
    "WITH e AS (FROM events WHERE kind = 'read') SELECT count(*) FROM e, (SELECT 1)",
    "SELECT count(*) FROM events WHERE event_id IN (SELECT event_id FROM catalog WHERE retired)",
]


@pytest.fixture(scope="module")
def plain(logs: Path) -> duckdb.DuckDBPyConnection:
    """The same tables in DuckDB itself, which leaves nothing to us."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    events, catalog = pa.table(ct.read_table(logs)), _sql.catalog_table(ct.catalog)
    connection.register("given", events)
    connection.execute("CREATE TABLE events AS FROM given")
    connection.register("catalog", catalog)
    return connection


@pytest.mark.parametrize("query", QUERIES)
def test_queries_find_what_duckdb_finds_in_a_table_of_its_own(
    query: str, logs: Path, plain: duckdb.DuckDBPyConnection
) -> None:
    assert ct.sql(query, logs).fetchall() == plain.sql(query).fetchall()


def scans(query: str, source: object, **filters: object) -> Sequence[_sql.Scan]:
    options = {"catalog": None, "filters": filters}
    events = _sql.Events(source, options, False)  # type: ignore[arg-type]
    assert _sql.run(query, events) is not None
    return events.scans


def test_only_the_columns_of_the_query_are_built(logs: Path) -> None:
    [scan] = scans("SELECT user_id FROM events WHERE kind = 'delete'", logs)
    assert scan.stream.column_names == ["kind", "user_id"]


# Older ones of pyarrow give DuckDB no way to hand on conditions on dictionaries.
@pytest.mark.skipif(int(pa.__version__.split(".")[0]) < 26, reason="needs pyarrow 26")
def test_conditions_are_pushed_down(logs: Path) -> None:
    query = "SELECT count(*) FROM events WHERE kind = 'delete' AND event_time < '2026-10-30'"
    [scan] = scans(query, logs)
    stats = scan.stream.stats
    assert set(scan.filters) == {"kind", "until"}
    assert 0 < stats.events < stats.filtered


def test_filters_of_the_call_hold_besides_those_of_the_query(logs: Path) -> None:
    deleted = len(ct.read_table(logs, kind="delete"))
    count = "SELECT count(*) FROM events"
    assert ct.sql(count, logs, kind="delete").fetchall() == [(deleted,)]
    both = ct.sql(f"{count} WHERE kind = 'create'", logs, kind="delete")
    assert both.fetchall() == [(0,)]
    before = f"{count} WHERE event_time < '2026-10-29'"
    assert ct.sql(before, logs, since="2026-10-30").fetchall() == [(0,)]


def test_a_query_that_fails_after_it_had_enough_of_the_events(logs: Path) -> None:
    query = "SELECT CAST(user_id AS INTEGER) FROM (SELECT user_id FROM events LIMIT 1)"
    with pytest.raises(duckdb.ConversionException):
        ct.sql(query, logs)


def test_a_result_is_a_relation_that_can_be_used_again(logs: Path) -> None:
    result = ct.sql("SELECT service, count(*) AS n FROM events GROUP BY 1", logs)
    assert result.columns == ["service", "n"]
    assert result.fetchall() == result.fetchall()
    assert result.filter("n > 100").aggregate("sum(n)").fetchall()[0][0] > 100
    assert (
        len(result.df()) == len(result.arrow().read_all())
        if hasattr(result.arrow(), "read_all")
        else len(result.arrow())
    )


def test_names_are_in_the_language_that_is_asked_for(logs: Path) -> None:
    query = (
        "SELECT DISTINCT event_name FROM events WHERE event_id = 'event_id.iaas.instance.delete'"
    )
    assert ct.sql(query, logs).fetchall() == [("인스턴스 삭제",)]
    assert ct.sql(query, logs, lang="en").fetchall() == [("Delete Instance",)]


def test_a_statement_without_result_gives_none_or_its_counts(logs: Path, tmp_path: Path) -> None:
    target = tmp_path / "failed.parquet"
    ct.sql(f"COPY (FROM events WHERE outcome = 'failure') TO '{target}'", logs)
    assert duckdb.read_parquet(str(target)).aggregate("count(*)").fetchall()[0][0] > 0


def test_a_stream_is_read_once_and_no_more(logs: Path) -> None:
    log = (logs / "2026/10/29/00.jsonl").read_bytes()
    assert ct.sql("SELECT count(*) FROM events", io.BytesIO(log)).fetchall() == [(60,)]
    with pytest.raises(ct.ArgumentError, match="read only once"):
        ct.sql("SELECT count(*) FROM events a JOIN events b USING (event_id)", io.BytesIO(log))


def test_what_is_wrong_with_the_source_is_raised_as_it_is(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"eventId":"a"}\n{"eventId":\n')
    with pytest.raises(ct.RecordError) as caught:
        ct.sql("SELECT count(*) FROM events", broken)
    assert (caught.value.code, caught.value.line) == ("TRUNCATED", 2)
    assert ct.sql("SELECT count(*) FROM events", broken, on_error="skip").fetchall() == [(1,)]
    with pytest.raises(ct.SourceNotFoundError):
        ct.sql("SELECT count(*) FROM events", tmp_path / "none")

    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise TimeoutError("too late")

    with pytest.raises(TimeoutError, match="too late"):
        ct.sql("SELECT count(*) FROM events", Broken())


def test_what_is_wrong_with_the_query_is_said_by_duckdb() -> None:
    with pytest.raises(duckdb.ParserException):
        ct.sql("SELEC", b"")
    with pytest.raises(duckdb.BinderException, match="nope"):
        ct.sql("SELECT nope FROM events", b"")
    with pytest.raises(ct.ArgumentError, match="nowhere to keep"):
        ct.sql("SELECT 1", b"", on_error="collect")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no option"):
        ct.sql("SELECT 1 FROM events", b"", kinds="delete")  # type: ignore[call-arg]


def test_an_empty_log_is_an_empty_table() -> None:
    assert ct.sql("SELECT count(*) FROM events", b"").fetchall() == [(0,)]


def test_progress_is_told(logs: Path) -> None:
    log = logs / "2026/10/29/00.jsonl"
    large = [log] * 3000
    told: list[int] = []
    ct.sql(
        "SELECT count(*), max(request) FROM events",
        large,
        progress=lambda read, _: told.append(read),
    )
    assert told == sorted(told)


def test_ctrl_c_ends_a_query_at_once() -> None:
    query = "SELECT count(*) FROM range(1000000000) a, range(1000) b, events"
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        ct.sql(query, b'{"eventId":"a"}')
    timer.join()


def test_nothing_of_a_query_is_kept() -> None:
    def scans() -> int:
        gc.collect()
        return sum(isinstance(one, _sql.Scan | _sql.Events) for one in gc.get_objects())

    before = scans()
    for _ in range(3):
        result = ct.sql("SELECT count(*) FROM events", b'{"eventId":"a"}')
        with pytest.raises(ct.SourceError):
            ct.sql("SELECT count(*) FROM events", b"garbage")
    assert result.fetchall() == [(1,)]
    assert scans() <= before


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "nhn_cloudtrail", "sql", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=60)


def test_the_command_shows_results(logs: Path) -> None:
    query = "SELECT outcome, count(*) AS n, '=1+1' AS x FROM events GROUP BY 1 ORDER BY 1"
    table, lines, csv = (run(query, str(logs), "-f", how) for how in ("table", "jsonl", "csv"))
    assert (table.returncode, lines.returncode, csv.returncode) == (0, 0, 0)
    counts = dict(ct.sql(query, logs).project("outcome, n").fetchall())
    assert [json.loads(line)["n"] for line in lines.stdout.splitlines()] == list(counts.values())
    assert csv.stdout.decode().splitlines()[1] == f"failure,{counts['failure']},'=1+1"
    assert table.stdout.decode().splitlines()[0].split() == ["outcome", "n", "x"]


def test_the_command_shows_values_as_read_does(logs: Path) -> None:
    query = "SELECT event_time, -1.5 AS n, 'nan'::DOUBLE AS x, '-1' AS t FROM events LIMIT 1"
    assert json.loads(run(query, str(logs), "-f", "jsonl").stdout) == {
        "event_time": "2026-10-29T00:00:14.400Z",
        "n": -1.5,
        "x": None,
        "t": "-1",
    }
    csv = run(query, str(logs), "-f", "csv").stdout.decode().splitlines()[1]
    assert csv == "2026-10-29T00:00:14.400Z,-1.5,,'-1"


def test_the_command_says_what_is_wrong(logs: Path, tmp_path: Path) -> None:
    wrong = run("SELEC", str(logs))
    assert wrong.returncode == 2
    assert wrong.stderr.decode() == 'error: Parser Error: syntax error at or near "SELEC"\n'
    missing = run("SELECT count(*) FROM events", str(tmp_path / "none"))
    assert (missing.returncode, b"no such file" in missing.stderr) == (2, True)
    broken = run("SELECT count(*) AS n FROM events", "-", stdin=b'{"eventId":"a"}\n{"eventId":\n')
    assert (broken.returncode, broken.stdout.split()) == (1, [b"n", b"1"])
    assert b"1 reject" in broken.stderr


def test_record_path() -> None:
    log = b'{"a":[{"b":{"eventId":"x"}},{"b":{"eventId":"y"}}]}'
    query = "SELECT event_id FROM events ORDER BY 1"
    assert ct.sql(query, log, record_path="a[].b").fetchall() == [("x",), ("y",)]
    with pytest.raises(ct.ArgumentError, match="record_path"):
        ct.sql(query, log, record_path="a..b")
