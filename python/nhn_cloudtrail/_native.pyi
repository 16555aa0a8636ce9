"""The native part of nhn_cloudtrail; not to be imported by itself."""

# Kept by hand: `stubtest` compares it with the module, and its texts are those of
# bindings/python/src.

import builtins
import datetime
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, Self, TypeVar, final, overload

import pandas  # type: ignore[import-not-found, import-untyped]
import polars  # type: ignore[import-not-found, import-untyped]
import pyarrow  # type: ignore[import-not-found, import-untyped]
from typing_extensions import Buffer, CapsuleType

from ._errors import CloudTrailError
from ._ids import EventId
from ._types import (
    Action,
    ArchiveStatus,
    Column,
    Entries,
    Lang,
    Listing,
    ListRow,
    Outcome,
    Position,
    Reject,
    Report,
    ResourceEffect,
    Service,
    Stats,
    TargetMember,
    Verified,
)

__all__ = [
    "COLUMNS",
    "ERROR_CODES",
    "SCHEMA_VERSION",
    "VERSION",
    "Catalog",
    "Entry",
    "Event",
    "Reader",
    "Table",
    "TableStream",
    "_Client",
    "_catalog",
    "_enrich",
    "_entry",
    "_event",
    "_panic",
    "_printable",
    "_scan_splits",
    "_splits",
    "archive_status",
    "collect",
    "parse",
    "read",
    "read_table",
    "run",
    "scan_table",
    "verify_archive",
    "write_parquet",
]

_T = TypeVar("_T")

VERSION: Final[str]
"""The version of this package."""

SCHEMA_VERSION: Final[str]
"""The version of the table's columns."""

ERROR_CODES: Final[list[str]]
"""Every code that an error may have."""

COLUMNS: Final[list[Column]]
"""Every column that a table may have, in order."""

@final
class Catalog:
    """What every event ID means: a mapping from IDs to entries.

    `catalog[id]` for an ID that you write, which type checkers know; `catalog.get(id)` for one from
    data, which may be unknown.
    """

    def __new__(cls) -> Self:
        """The catalog that this package brings."""

    @property
    def version(self) -> str:
        """The version of the built-in catalog: the date of the newest list that it was made
        from."""

    @overload
    def get(self, id: str, default: None = None, /) -> Entry | None:
        """The entry of an event ID, or `default`. IDs are case-sensitive."""

    @overload
    def get(self, id: str, default: _T, /) -> Entry | _T:
        """The entry of an event ID, or `default`. IDs are case-sensitive."""

    def search(self, text: str) -> Entries:
        """The entries that fit a text, best first: names in any of the three languages, former
        names, or parts of the ID. Case and spacing do not matter."""

    def suggest(self, id: str) -> Entries:
        """A few entries whose IDs a misspelt ID may have meant, the nearest first."""

    def services(self) -> builtins.list[Service]:
        """Every service, sorted by slug."""

    def lists(self) -> builtins.list[str]:
        """The names of the lists that `list` knows."""

    def list(self, name: str) -> builtins.list[ListRow]:
        """An event list as it was published once, such as `gov-2020-10-29`: id, name and service of
        each row as printed, in order. Raises KeyError for a list that there is not."""

    def with_overlay(self, tsv: str | bytes | bytearray) -> Catalog:
        """This catalog with entries added or corrected by a TSV of the shape that `to_tsv` gives,
        as text or bytes. Raises `CatalogError` where it is not of that shape."""

    def to_tsv(self) -> str:
        """The whole catalog as a TSV with a header, sorted by ID."""

    def keys(self) -> builtins.list[str]:
        """Every event ID, sorted."""

    def values(self) -> builtins.list[Entry]:
        """Every entry, sorted by ID."""

    def items(self) -> builtins.list[tuple[str, Entry]]:
        """Every event ID with its entry, sorted."""

    def __getitem__(self, id: EventId, /) -> Entry:
        """The entry of an event ID. Raises KeyError, with IDs near to it, where there is none."""

    def __contains__(self, id: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def __reduce__(self) -> tuple[Callable[..., Catalog], tuple[builtins.list[bytes]]]: ...

@final
class Entry:
    """What the catalog knows of one event ID."""

    @property
    def id(self) -> str:
        """The event ID."""

    def name(self, lang: Lang | None = None) -> str:
        """The event's name in a language: `ko` (the default), `en`, `ja`."""

    def name_is_published(self, lang: Lang | None = None) -> bool:
        """Whether NHN Cloud published the name in a language, or the project supplies it."""

    @property
    def former_names(self) -> list[str]:
        """Earlier Korean names, newest first."""

    @property
    def service(self) -> str | None:
        """The slug of the service that the ID spells, else the first of its services, or None."""

    @property
    def services(self) -> list[str]:
        """The slugs of all services that the event belongs to."""

    @property
    def resource(self) -> str | None:
        """What the event is about: the middle segments of its ID."""

    @property
    def action(self) -> Action | None:
        """What the event does: verb, kind, phase, provenance. None only for entries of an overlay
        whose words say nothing."""

    @property
    def effects(self) -> list[ResourceEffect]:
        """What the Resource Watcher guide says that the event does to resources of a type."""

    @property
    def listings(self) -> list[Listing]:
        """From when to when the lists of which editions had the ID."""

    @property
    def first_listed(self) -> datetime.date | None:
        """The first revision of any list that had the ID."""

    @property
    def last_listed(self) -> datetime.date | None:
        """The last revision of any list that had the ID; None while a newest one has it."""

    @property
    def retired(self) -> bool:
        """Whether no newest list has the ID any more. Archived logs still do."""

    def is_current_in(self, edition: str) -> bool:
        """Whether the newest list of an edition, such as `gov`, has the ID."""

    def _repr_html_(self) -> str: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Callable[[EventId], Entry], tuple[str]]: ...

@final
class Event:
    """One CloudTrail event: a typed view of a record over its own bytes.

    Wire fields have their wire names; each is None where the record has no such field. A text field
    whose value was no string holds it as JSON text, and `problems` names it. A field becomes an
    object when it is read, so events are cheap to make and to keep; but an event keeps the text
    alive that it was read from, a piece of a file or all of the bytes given to `parse`: `detach`
    those that are kept for long.

    Two events are equal when their records are the same bytes. Events can be pickled, though
    not with the entries of an overlay, and matched with `case Event(service="iam",
    outcome="failure")`.
    """

    __match_args__: Final = ("event_id", "outcome")

    @property
    def event_time(self) -> datetime.datetime | None:
        """When it happened, in UTC, to the millisecond. None where the record has no time or one
        that cannot be read, which `problems` then names, and for the year 0."""

    @property
    def event_id(self) -> str | None:
        """What happened: the key of the catalog, such as `event_id.iaas.instance.create`."""

    @property
    def event_source_type(self) -> str | None:
        """Through what it was done: `USER_CONSOLE`, `ADMIN_CONSOLE`, `API`."""

    @property
    def user_id_no(self) -> str | None:
        """The UUID of the acting member."""

    @property
    def user_id(self) -> str | None:
        """The ID of the acting member, an e-mail address for NHN Cloud members."""

    @property
    def user_name(self) -> str | None:
        """The name of the acting member."""

    @property
    def user_ip(self) -> str | None:
        """The address it was done from, as written."""

    @property
    def user_agent(self) -> str | None:
        """The client it was done with."""

    @property
    def product_id(self) -> str | None:
        """The product that the event belongs to."""

    @property
    def region(self) -> str | None:
        """The region."""

    @property
    def org_id(self) -> str | None:
        """The organization."""

    @property
    def project_id(self) -> str | None:
        """The project."""

    @property
    def project_name(self) -> str | None:
        """The project's name."""

    @property
    def app_key(self) -> str | None:
        """The appkey of the service in the project."""

    @property
    def tenant_id(self) -> str | None:
        """The tenant."""

    @property
    def event_log_uuid(self) -> str | None:
        """The unique key of the record, in records since 2024."""

    @property
    def request(self) -> str | None:
        """What was asked for: JSON text, or any other. `request_json` decodes it."""

    @property
    def response(self) -> str | None:
        """What was answered: JSON text, or any other. `response_json` decodes it."""

    @property
    def target_members(self) -> list[TargetMember] | None:
        """The members that it was done to; None where the record names none."""

    @property
    def request_json(self) -> Any:
        """The request, decoded from JSON anew each time; None where there is none. Raises
        `RecordError` where it is not JSON: requests may be any text."""

    @property
    def response_json(self) -> Any:
        """The response, decoded from JSON anew each time; None where there is none. Raises
        `RecordError` where it is not JSON: responses may be any text."""

    def name(self, lang: Lang | None = None) -> str | None:
        """The event's name in a language: `ko`, `en`, `ja`, or by default the one that the events
        were read with. None for an event that the catalog does not know."""

    @property
    def known(self) -> bool:
        """Whether the catalog has the event's ID."""

    @property
    def is_recognized(self) -> bool:
        """Whether the record has any CloudTrail field and is not one of another system, such as AWS
        CloudTrail. `Stats.unrecognized` counts the others."""

    @property
    def service(self) -> str | None:
        """The slug of the service; that of an unknown ID is inferred, or None."""

    @property
    def resource(self) -> str | None:
        """What the event is about: the middle segments of its ID."""

    @property
    def action(self) -> Action | None:
        """What was done: verb, kind, phase, provenance. None where the words of an unknown ID say
        nothing."""

    @property
    def outcome(self) -> Outcome:
        """How the call went, as the response says: `success`, `failure` or `unknown`."""

    @property
    def result_code(self) -> str | None:
        """The code in the response's header, as text."""

    @property
    def result_message(self) -> str | None:
        """The message in the response's header."""

    @property
    def problems(self) -> list[str]:
        """The names of the fields whose value was not of the expected form. Nothing is lost by it:
        their text is kept."""

    @property
    def extra(self) -> dict[str, Any]:
        """The fields that nobody has told this library of, decoded. A number that a float would
        change is a `Decimal`."""

    @property
    def raw(self) -> bytes:
        """The record as it came, byte for byte."""

    @property
    def position(self) -> Position:
        """Where the record came from: source, record, line, byte."""

    @property
    def key(self) -> str:
        """What identifies the record: `event_log_uuid`, else the SHA-256 of its content in
        hexadecimal, which is the same for two spellings of one record."""

    def to_dict(
        self, *, columns: Sequence[Column] | None = None, lang: Lang | None = None
    ) -> dict[str, Any]:
        """The flat form: the table's columns in their order, None where there is nothing. The time
        is an aware `datetime`, `extra` a dict, `target_members` a list of dicts."""

    def to_json(self, *, columns: Sequence[Column] | None = None, lang: Lang | None = None) -> str:
        """The flat form as a line of JSON, byte for byte what `read --format jsonl` writes."""

    def detach(self) -> Event:
        """The same event with bytes of its own, so that it does not keep alive what it was read
        from."""

    def _repr_html_(self) -> str: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Callable[..., Event], tuple[bytes, Position, Lang]]: ...
    def __copy__(self) -> Event: ...
    def __deepcopy__(self, _memo: object) -> Event: ...

@final
class Reader:
    """Reads events one by one; what `read` returns.

    An iterator, and a context manager that closes its files at the end. `stats` has the counts of
    what was read so far; `rejects` what could not become an event, and `errors` what is wrong with
    whole sources, with `on_error="collect"`.
    """

    @property
    def stats(self) -> Stats:
        """The counts of what was read so far: `records = events + rejects + duplicates`."""

    @property
    def rejects(self) -> list[Reject]:
        """What could not become an event, with `on_error="collect"`."""

    @property
    def errors(self) -> list[CloudTrailError]:
        """What is wrong with whole sources, where that does not raise."""

    def close(self) -> None:
        """Reads no more, and closes the files."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Event: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...

@final
class Table:
    """A table of events, a row an event.

    pandas, Polars, pyarrow, DuckDB and whoever else speaks the Arrow PyCapsule interface take it as
    it is: `polars.DataFrame(table)`, `pyarrow.table(table)`, and in DuckDB's SQL by the name of its
    variable. Text that repeats is dictionary-encoded.
    """

    @property
    def num_rows(self) -> int:
        """How many rows there are."""

    @property
    def num_columns(self) -> int:
        """How many columns there are."""

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""

    @property
    def metadata(self) -> dict[str, str]:
        """What made the table: the versions of this package, of the table's columns and of the
        catalog, and the language of names."""

    @property
    def stats(self) -> Stats:
        """The counts of what was read: `records = events + rejects + duplicates`."""

    @property
    def rejects(self) -> list[Reject]:
        """What could not become a row, with `on_error="collect"`."""

    @property
    def errors(self) -> list[CloudTrailError]:
        """What is wrong with whole sources, where that does not raise."""

    def slice(self, offset: int = 0, length: int | None = None) -> Table:
        """A part of the table: `length` rows, or all that there are, from `offset` on. Copies
        nothing."""

    def head(self, length: int = 10) -> Table:
        """The first rows."""

    def to_pandas(self) -> pandas.DataFrame:  # pyright: ignore[reportUnknownMemberType]
        """A `pandas.DataFrame`. Needs pandas and pyarrow."""

    def to_polars(self) -> polars.DataFrame:  # pyright: ignore[reportUnknownMemberType]
        """A `polars.DataFrame`. Needs Polars."""

    def to_pyarrow(self) -> pyarrow.Table:  # pyright: ignore[reportUnknownMemberType]
        """A `pyarrow.Table`. Needs pyarrow."""

    def _texts(self, rows: int) -> list[list[str | None]]:
        """The first rows as text, for those who show them."""

    def _repr_html_(self) -> str: ...
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """The table as a capsule of the Arrow C stream interface. Its schema is what it is,
        whatever is asked for."""

@final
class TableStream:
    """A table that is read batch by batch, in memory that does not grow with the input; what
    `scan_table` returns.

    It can be gone through once: as an iterator of tables, or by whoever takes an Arrow stream
    (`pyarrow.RecordBatchReader.from_stream`, DuckDB).
    """

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""

    @property
    def stats(self) -> Stats:
        """The counts of what was read so far: `records = events + rejects + duplicates`."""

    @property
    def rejects(self) -> list[Reject]:
        """What could not become a row so far, with `on_error="collect"`."""

    @property
    def errors(self) -> list[CloudTrailError]:
        """What is wrong with whole sources, where that does not raise."""

    def _take_odd(self) -> tuple[list[Reject], list[CloudTrailError]]:
        """The rejects and errors since the last call, which are not kept then."""

    def close(self) -> None:
        """Reads no more, and closes the files."""

    def to_pyarrow(self) -> pyarrow.RecordBatchReader:  # pyright: ignore[reportUnknownMemberType]
        """A `pyarrow.RecordBatchReader` of what is still to be read. Needs pyarrow."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Table: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """What is still to be read as a capsule of the Arrow C stream interface, once."""

# `options` are those of the functions in `_api`; what is absent or None has its default.

def parse(source: object, options: dict[str, Any]) -> list[Event]:
    """All events of bytes in hand."""

def read(source: object, options: dict[str, Any]) -> Reader:
    """Opens a source for reading events."""

def read_table(source: object, options: dict[str, Any]) -> Table:
    """Reads all of a source as a table."""

def scan_table(source: object, options: dict[str, Any]) -> TableStream:
    """Opens a source for reading it as a table, batch by batch."""

def _splits(
    paths: Sequence[str | PathLike[str]], options: dict[str, Any], bytes: int
) -> list[tuple[Path, tuple[int, int] | None, int | None]]:
    """Cuts paths, folders and globs into splits of some `bytes` (0: only into files): a path,
    where in it the split begins and ends, and its size, where that is known."""

def _scan_splits(
    splits: Sequence[tuple[str | PathLike[str], tuple[int, int] | None]], options: dict[str, Any]
) -> TableStream:
    """Opens splits for reading them as a table, batch by batch."""

def _enrich(text: Buffer, offsets: Buffer, options: dict[str, Any]) -> Table:
    """A table of the records in `text`, of which `offsets` has where each begins, and where the
    last ends, in 64 bits. With `source_record` a row tells which record it is of."""

def _printable(text: str) -> str:
    """Text without what a reader cannot see or a terminal would obey."""

def write_parquet(
    source: object, target: str | PathLike[str], options: dict[str, Any]
) -> tuple[Stats, list[Path], list[Reject], list[CloudTrailError]]:
    """Writes a Parquet file or adds to a data set."""

@final
class _Client:
    """The client behind `nhn_cloudtrail.Client`."""

    def __new__(cls, options: dict[str, Any]) -> Self: ...
    @property
    def host(self) -> str:
        """The API's host."""

    def search(self, query: dict[str, Any], options: dict[str, Any]) -> Reader:
        """The events of a search."""

def collect(into: str | PathLike[str], sources: dict[str, Any], options: dict[str, Any]) -> Report:
    """Collects events into an archive."""

def verify_archive(
    path: str | PathLike[str],
    head: str | None = None,
    public_key: str | PathLike[str] | None = None,
    head_file: str | PathLike[str] | None = None,
) -> Verified:
    """Whether an archive is as its ledger says."""

def archive_status(path: str | PathLike[str]) -> ArchiveStatus:
    """What an archive has."""

def run(arguments: Sequence[str]) -> int:
    """Runs the command with these arguments, the first of which is its name, and gives its exit
    status.

    The process is the command's: it ends at once on Ctrl-C, and nothing is left half-written.
    """

def _catalog(overlays: Sequence[bytes]) -> Catalog:
    """What a pickled catalog is made of again."""

def _entry(id: str) -> Entry:
    """What a pickled entry is made of again."""

def _event(raw: bytes, position: tuple[str | None, int, int, int], lang: Lang) -> Event:
    """What a pickled event is made of again. It has the built-in catalog."""

def _panic() -> None:
    """Panics, to show what becomes of it."""
