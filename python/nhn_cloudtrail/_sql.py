"""SQL over logs, run by DuckDB."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Unpack

from . import _native, _progress
from ._errors import ArgumentError
from ._frames import module
from ._native import Catalog
from ._pushdown import beside, wanted
from ._types import Filters, Lang, Limits, Progress, Stats, StorageOptions

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation  # type: ignore[import-not-found]

    from ._api import Source

RESULT = "_result"


class Scan:
    """One reading of the source, for a query that uses it in one place."""

    def __init__(self, events: Events, columns: Sequence[str], filters: dict[str, Any]) -> None:
        given: dict[str, Any] = events.options["filters"]
        self.filters = beside(given, filters)
        self.columns = columns
        self._events = events
        options = {**events.options, "columns": columns, "progress": self._tell}
        options["filters"] = {**self.filters, **given}
        self.stream = _native.scan_table(events.source, options)

    def _tell(self, read: int, total: int | None) -> None:
        if self._events.cancelled:
            raise KeyboardInterrupt
        if self._events.tell:
            self._events.tell(read, total)

    def batches(self) -> Iterator[Any]:
        """Batches of pyarrow; what goes wrong is kept, since DuckDB makes a text of it."""
        pyarrow = module("pyarrow", "pyarrow")
        try:
            for table in self.stream:
                if self._events.cancelled:
                    raise KeyboardInterrupt
                yield from pyarrow.table(table).to_batches()
        except GeneratorExit:
            # DuckDB has had enough.
            raise
        except BaseException as error:
            self._events.failure = self._events.failure or error
            raise


class Events:
    """The table `events` of one query: what is read, and how far that came."""

    def __init__(self, source: Source, options: dict[str, Any], progress: Progress) -> None:
        self.source = source
        self.options = options
        self.catalog: Catalog = options["catalog"] or Catalog()
        self.scans: list[Scan] = []
        self.cancelled = False
        self.failure: BaseException | None = None
        begun = _progress.begin(progress)
        self.tell: _progress.Tell | None = begun[0] if begun else None
        self._end: Callable[[], object] = begun[1] if begun else lambda: None
        # Whether it can be read again: paths and bytes.
        fixed = (str, PathLike, bytes, bytearray, memoryview, list, tuple)
        self._once = not isinstance(source, fixed) or source == "-"

    def scan(self, columns: Sequence[str], filters: dict[str, Any]) -> Scan:
        """Reads the source, or refuses where it was read and cannot be again."""
        if self._once and self.scans:
            self.failure = ArgumentError(
                "the query uses events in several places, and the source can be read only once: "
                "give its path or its bytes",
                code="INVALID_OPTION",
            )
            raise self.failure
        try:
            self.scans.append(Scan(self, columns, filters))
        except BaseException as error:
            self.failure = error
            raise
        return self.scans[-1]

    def close(self) -> None:
        """Ends all readings."""
        for scan in self.scans:
            scan.stream.close()
        self._end()


@cache
def _dataset_class() -> Any:
    """DuckDB asks only a `pyarrow.dataset.Dataset` for what it needs instead of for everything."""
    pa: Any = module("pyarrow", "nhn-cloudtrail[sql]")
    dataset: Any = module("pyarrow.dataset", "nhn-cloudtrail[sql]")

    class Reader:
        def __init__(self, reader: Any) -> None:
            self._reader = reader

        def to_reader(self) -> Any:
            return self._reader

    class Dataset(dataset.Dataset):
        def __init__(self, events: Events) -> None:
            self._events = events
            options: dict[str, Any] = {**events.options, "columns": None, "filters": {}}
            with _native.scan_table(b"", options) as empty:
                self._schema = pa.schema(empty)

        @property
        def schema(self) -> Any:
            return self._schema

        def scanner(self, columns: list[str] | None = None, filter: Any = None, **_: Any) -> Reader:
            names = self._schema.names
            given = names if columns is None else list(columns)
            schema = pa.schema([self._schema.field(name) for name in given])
            if filter is None:
                batches = self._events.scan(given, {}).batches()
                return Reader(pa.RecordBatchReader.from_batches(schema, batches))
            asked = wanted(filter, self._events.catalog)
            needed = names if asked.columns is None else {*given, *asked.columns}
            scan = self._events.scan([name for name in names if name in needed], asked.filters)

            def filtered() -> Iterator[Any]:
                # DuckDB takes it that the whole filter was applied. As tables: batches of which
                # nothing is left are an error for older ones of pyarrow.
                for batch in scan.batches():
                    table = pa.Table.from_batches([batch]).filter(filter)
                    yield from table.select(given).to_batches()

            return Reader(pa.RecordBatchReader.from_batches(schema, filtered()))

    return Dataset


def catalog_table(catalog: Catalog) -> Any:
    """The catalog as a table of pyarrow."""
    pa: Any = module("pyarrow", "nhn-cloudtrail[sql]")

    entries = catalog.values()
    actions = [entry.action for entry in entries]
    return pa.table(
        {
            "event_id": [entry.id for entry in entries],
            "name_ko": [entry.name("ko") for entry in entries],
            "name_en": [entry.name("en") for entry in entries],
            "name_ja": [entry.name("ja") for entry in entries],
            "service": [entry.service for entry in entries],
            "services": [entry.services for entry in entries],
            "resource": [entry.resource for entry in entries],
            "verb": [action and action.verb for action in actions],
            "kind": [action and action.kind for action in actions],
            "phase": [action and action.phase for action in actions],
            "provenance": [action and action.provenance for action in actions],
            "first_listed": pa.array([entry.first_listed for entry in entries], pa.date32()),
            "last_listed": pa.array([entry.last_listed for entry in entries], pa.date32()),
            "retired": [entry.retired for entry in entries],
        }
    )


def _cancel(connection: Any, done: threading.Event) -> None:
    """Ends a query. Who interrupts again waits for its end all the same."""
    while not done.is_set():
        try:
            # DuckDB forgets an interrupt that comes before it has begun.
            connection.interrupt()
            done.wait(0.05)
        except BaseException:
            continue


def run(query: str, events: Events) -> Any:
    """Runs a query; its result is the table `RESULT` of the connection, None where it has none.

    Raises what went wrong with the source as it is, and what is wrong with the query as DuckDB
    says it.
    """
    duckdb: Any = module("duckdb", "nhn-cloudtrail[sql]")
    module("pyarrow", "nhn-cloudtrail[sql]")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("events", _dataset_class()(events))
    connection.register("catalog", catalog_table(events.catalog))
    outcome: list[Any] = []

    def work() -> None:
        try:
            relation = connection.sql(query)
            if relation is not None:
                relation.create(RESULT)
            outcome.append(relation is not None)
        except BaseException as error:
            outcome.append(error)
        finally:
            done.set()

    # DuckDB looks at signals only when it is done, so it works while this thread waits for them:
    # with an event, since a thread whose `join` a signal has broken off counts as ended before
    # Python 3.13.
    done = threading.Event()
    threading.Thread(target=work, name="nhn-cloudtrail-sql").start()
    try:
        done.wait()
    except BaseException:
        events.cancelled = True
        _cancel(connection, done)
        raise
    finally:
        events.close()
    # Nothing of this query is to be kept with its result, nor with what went wrong.
    connection.unregister("events")
    connection.unregister("catalog")
    [ended] = outcome
    if isinstance(ended, BaseException):
        connection.close()
        raise (events.failure or ended) from None
    return connection if ended else None


def sql(  # pyright: ignore[reportUnknownParameterType] # without DuckDB
    query: str,
    source: Source,
    *,
    on_error: Literal["raise", "skip"] = "raise",
    dedup: bool = False,
    lang: Lang = "ko",
    limits: Limits | None = None,
    record_path: str | None = None,
    catalog: Catalog | None = None,
    storage_options: StorageOptions | None = None,
    threads: int = 0,
    progress: Progress = False,
    **filters: Unpack[Filters],
) -> DuckDBPyRelation:
    """Runs a query of DuckDB's SQL over an input. Needs `pip install nhn-cloudtrail[sql]`.

    query: over the tables `events`, with the columns of `read_table`, and `catalog`, with a row for
        each event ID. Of the source only what the query needs is read: its columns, and what its
        conditions on time, ID, service, kind, phase, outcome, source type, user, project, region
        and known let through.
    source and the other options: as for `read_table`; what they leave out the query does not see.

    Gives a relation over the finished result, so that the source is read once, and what is wrong
    with it raises here: `.df()`, `.pl()`, `.arrow()`, `.fetchall()`, or more SQL. None where the
    query has no result.

    >>> import nhn_cloudtrail as ct
    >>> log = b'{"eventId":"event_id.iaas.vpc.delete"}'
    >>> ct.sql("SELECT service, count(*) FROM events GROUP BY 1", log).fetchall()
    [('infrastructure', 1)]
    """
    if str(on_error) == "collect":
        raise ArgumentError(
            'on_error="collect" has nowhere to keep rejects: use read_table', code="INVALID_OPTION"
        )
    options: dict[str, Any] = {
        "on_error": on_error,
        "dedup": dedup,
        "lang": lang,
        "limits": limits,
        "record_path": record_path,
        "catalog": catalog,
        "storage_options": storage_options,
        "threads": threads,
        "filters": filters,
    }
    connection = run(query, Events(source, options, progress))
    return connection.table(RESULT) if connection else None  # type: ignore[return-value]


def _value(column: str, kind: str) -> str:
    """A column as the command shows it: times as RFC 3339, no number that JSON has not."""
    name = '"' + column.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%gZ') AS {name}"
    if kind in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN isfinite({name}) THEN {name} END AS {name}"
    return name


def command(
    query: str, sources: list[str], options: dict[str, Any], as_json: bool
) -> tuple[list[str], list[bool], Iterator[list[Sequence[str | None]]], Stats, list[str]]:
    """For the command: headings, whether they stand over numbers, rows as text, counts, and what is
    wrong with whole sources."""
    options |= {"on_error": "skip", "threads": 0, "filters": {}}
    events = Events("-" if sources == ["-"] else sources, options, False)
    connection = run(query, events)
    # Several readings of one source find the same.
    stats = events.scans[0].stream.stats if events.scans else Stats(0, 0, 0, 0, 0, 0)
    errors = [str(error) for scan in events.scans[:1] for error in scan.stream.errors]
    if connection is None:
        return [], [], iter(()), stats, errors
    result = connection.table(RESULT)
    kinds = [str(kind) for kind in result.types]
    numbers = [kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")) or "INT" in kind for kind in kinds]
    values = ", ".join(map(_value, result.columns, kinds))
    text = "to_json(r)" if as_json else "COLUMNS(*)"
    rows = connection.execute(f"SELECT {text}::VARCHAR FROM (SELECT {values} FROM {RESULT}) AS r")
    return result.columns, numbers, iter(lambda: rows.fetchmany(1000), []), stats, errors
