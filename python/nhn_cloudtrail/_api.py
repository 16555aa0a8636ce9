"""The functions: each takes typed options, and hands them to the native module."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, TypeAlias, Unpack

from . import _native
from ._native import Catalog, Event, Reader, Table, TableStream
from ._types import Column, Filters, Lang, Limits, OnError, Progress, StorageOptions, Written


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


Path_: TypeAlias = str | PathLike[str]
Data: TypeAlias = bytes | bytearray | memoryview
# Not any iterable of text: a file opened in text mode is one.
Paths: TypeAlias = Sequence[Path_] | Iterable[PathLike[str]]
Source: TypeAlias = Path_ | Paths | Data | BinaryIO | _Readable | Iterable[Data]


def parse(
    data: Data | str,
    *,
    on_error: Literal["raise", "skip"] = "raise",
    dedup: bool = False,
    lang: Lang = "ko",
    limits: Limits | None = None,
    record_path: str | None = None,
    catalog: Catalog | None = None,
    **filters: Unpack[Filters],
) -> list[Event]:
    """All events of text in hand, of any shape, plain or compressed.

    data: one object a line, objects one after the other, an array, whole API answers;
        pretty-printed or not; plain, gzip or zstd. `bytes` are not copied: the events keep them.
    on_error: "raise" for the first record that cannot be read, or "skip". To keep them use `read`.
    dedup: whether records with the key and the content of one before are left out.
    lang: the language of names, "ko", "en" or "ja".
    limits: what a record may take: `record_bytes`, `depth`.
    record_path: where the records are, in wrappers that are not recognized: names separated by
        dots, `[]` for each element of an array, such as `"hits.hits[]._source"`. A string on the
        way is read as the JSON text in it. Records elsewhere are not read then.
    catalog: another than the built-in one, such as `catalog.with_overlay(...)`.
    filters: which events, see `Filters`.

    Raises RecordError for a record that cannot be read, SourceError where nothing can.

    >>> import nhn_cloudtrail as ct
    >>> [event] = ct.parse(b'{"eventId":"event_id.iaas.instance.delete"}')
    >>> event.name("en"), event.service, event.action.kind
    ('Delete Instance', 'infrastructure', 'delete')
    """
    if str(on_error) == "collect":
        raise _native_argument('on_error="collect" has nowhere to keep rejects: use read')
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    else:
        data = _bytes(data)
    return _native.parse(
        data,
        {
            "on_error": on_error,
            "dedup": dedup,
            "lang": lang,
            "limits": limits,
            "record_path": record_path,
            "catalog": catalog,
            "filters": filters,
        },
    )


def _bytes(data: Data) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return memoryview(data).tobytes()
    except TypeError:
        kind = type(data).__name__
        raise TypeError(f"parse takes bytes or text in hand, not {kind}: use read") from None


def read(
    source: Source,
    *,
    on_error: OnError = "raise",
    dedup: bool = False,
    verify: bool = False,
    lang: Lang = "ko",
    limits: Limits | None = None,
    record_path: str | None = None,
    catalog: Catalog | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = False,
    **filters: Unpack[Filters],
) -> Reader:
    """All events of an input, one by one, in memory that does not grow with it.

    source: a path, folder or glob; a list of them; `-` for standard input; bytes; a file opened in
        binary mode; or an iterable of bytes. A folder is read recursively in the order of its
        paths, without names that begin with `.` or `_`. Shape and compression are found. A Parquet
        file that this package wrote is a source too. `s3://bucket` and `s3://bucket/prefix` stand
        for all objects of Object Storage whose names begin so; as text, since a `Path` makes one
        slash of two.
    on_error: what becomes of records that cannot be read. "raise": the first ends the reading.
        "skip": they are left out and counted. "collect": they are kept in `reader.rejects`. With
        the last two a whole source that cannot be read is kept in `reader.errors`.
    dedup: whether records with the key and the content of one before are left out; remembers some
        20 bytes a record.
    verify: whether the checksum of every Parquet file is checked before it is read. A damaged file
        is then an error, as is one that has no checksum because another program wrote it.
    lang: the language of names, "ko", "en" or "ja".
    limits: what a record may take: `record_bytes`, `depth`.
    record_path: where the records are, in wrappers that are not recognized: names separated by
        dots, `[]` for each element of an array, such as `"hits.hits[]._source"`. A string on the
        way is read as the JSON text in it. Records elsewhere are not read then.
    catalog: another than the built-in one, such as `catalog.with_overlay(...)`.
    storage_options: how buckets are reached, see `StorageOptions`.
    progress: True for a bar, or a function, see `Progress`.
    filters: which events, see `Filters`.

    Raises SourceNotFoundError at once where a path names no file, ServiceError where a bucket
    cannot be asked; while reading RecordError, SourceError, ServiceError, and what a file object
    raises.

    >>> import nhn_cloudtrail as ct
    >>> with ct.read(b'{"eventId":"event_id.iaas.vpc.delete"}', kind="delete") as reader:
    ...     for event in reader:
    ...         print(event.event_id, event.outcome)
    event_id.iaas.vpc.delete unknown
    >>> reader.stats.events
    1
    """
    return _native.read(
        source,
        {
            "on_error": on_error,
            "dedup": dedup,
            "verify": verify,
            "lang": lang,
            "limits": limits,
            "record_path": record_path,
            "catalog": catalog,
            "storage_options": storage_options,
            "progress": progress,
            "filters": filters,
        },
    )


def read_table(
    source: Source,
    *,
    columns: Sequence[Column] | None = None,
    on_error: OnError = "raise",
    dedup: bool = False,
    verify: bool = False,
    lang: Lang = "ko",
    limits: Limits | None = None,
    record_path: str | None = None,
    catalog: Catalog | None = None,
    storage_options: StorageOptions | None = None,
    threads: int = 0,
    progress: Progress = False,
    **filters: Unpack[Filters],
) -> Table:
    """All of an input as a table, a row an event.

    `table.to_pandas()`, `.to_polars()`, `.to_pyarrow()`; or hand it to whoever speaks the Arrow
    PyCapsule interface: `polars.DataFrame(table)`, DuckDB by the name of the variable.

    columns: which, in this order; only these are built. By default all but `raw`, `source` and
        `source_record`.
    threads: how many read; 0 is one for each core. The table is the same for any number.
    source, on_error, dedup, verify, lang, limits, record_path, catalog, storage_options, progress,
        filters: as for `read`. The rejects of "collect" are in `table.rejects`.

    >>> import nhn_cloudtrail as ct
    >>> log = b'{"eventId":"event_id.iaas.vpc.delete"}'
    >>> table = ct.read_table(log, columns=["service", "kind"])
    >>> table
    Table(1 rows, 2 columns)
    """
    return _native.read_table(
        source,
        {
            "columns": columns,
            "on_error": on_error,
            "dedup": dedup,
            "verify": verify,
            "lang": lang,
            "limits": limits,
            "record_path": record_path,
            "catalog": catalog,
            "storage_options": storage_options,
            "threads": threads,
            "progress": progress,
            "filters": filters,
        },
    )


def scan_table(
    source: Source,
    *,
    columns: Sequence[Column] | None = None,
    on_error: OnError = "raise",
    dedup: bool = False,
    verify: bool = False,
    lang: Lang = "ko",
    limits: Limits | None = None,
    record_path: str | None = None,
    catalog: Catalog | None = None,
    storage_options: StorageOptions | None = None,
    threads: int = 0,
    progress: Progress = False,
    **filters: Unpack[Filters],
) -> TableStream:
    """An input as a table that is read batch by batch, in memory that does not grow with it.

    Iterate over it for tables of some thousand rows, or hand it to whoever takes an Arrow stream;
    either once. The options are those of `read_table`.

    >>> import nhn_cloudtrail as ct
    >>> sum(len(batch) for batch in ct.scan_table(b'{"eventId":"a"}'))
    1
    """
    return _native.scan_table(
        source,
        {
            "columns": columns,
            "on_error": on_error,
            "dedup": dedup,
            "verify": verify,
            "lang": lang,
            "limits": limits,
            "record_path": record_path,
            "catalog": catalog,
            "storage_options": storage_options,
            "threads": threads,
            "progress": progress,
            "filters": filters,
        },
    )


def write_parquet(
    source: Source,
    target: Path_,
    *,
    columns: Sequence[Column] | None = None,
    keep_raw: bool = False,
    on_error: OnError = "raise",
    dedup: bool | None = None,
    verify: bool = False,
    lang: Lang = "ko",
    limits: Limits | None = None,
    record_path: str | None = None,
    catalog: Catalog | None = None,
    storage_options: StorageOptions | None = None,
    threads: int = 0,
    progress: Progress = False,
    **filters: Unpack[Filters],
) -> Written:
    """Writes an input as Parquet, in memory that does not grow with it.

    target: a file where the name ends with `.parquet`; it is replaced, when the new one is whole.
        Any other name is the folder of a data set with a folder `event_date=YYYY-MM-DD` for each
        day in UTC, which is added to: a row that the data set holds, by key and content, is a
        duplicate.
    keep_raw: whether to add the records as they came, byte for byte, as a column `raw`.
    dedup: whether duplicates in the source are left out. By default only for a data set, which
        wants it; a data set has all columns.
    The other options are those of `read_table`. Only the owner may read what is written.

    Raises besides ReadError where the target cannot be written. Nothing is written then.
    """
    if fspath(target).startswith("s3://"):
        raise _native_argument("target: buckets are read, not written to; give a local path")
    suffix = Path(fspath(target)).suffix.lower()
    is_file = suffix == ".parquet"
    if suffix in (".arrow", ".csv", ".json", ".jsonl"):
        raise _native_argument(f"target: {suffix} is no name of a data set, nor of a Parquet file")
    if not is_file and columns is not None:
        raise _native_argument(
            "columns: a data set has all columns; write a .parquet file for some"
        )
    if not is_file and dedup is False:
        raise _native_argument("dedup: a data set has no row twice; write a .parquet file for all")
    return Written(
        *_native.write_parquet(
            source,
            fspath(target),
            {
                "columns": columns,
                "keep_raw": keep_raw,
                "on_error": on_error,
                "dedup": not is_file if dedup is None else dedup,
                "verify": verify,
                "lang": lang,
                "limits": limits,
                "record_path": record_path,
                "catalog": catalog,
                "storage_options": storage_options,
                "threads": threads,
                "progress": progress,
                "filters": filters,
            },
        )
    )


def sample(*, lang: Lang = "ko") -> Table:
    """A table to play with: a thousand made-up events of a made-up organization.

    >>> import nhn_cloudtrail as ct
    >>> len(ct.sample())
    1000
    """
    log = resources.files("nhn_cloudtrail").joinpath("sample.jsonl.gz").read_bytes()
    return read_table(log, lang=lang)


def _native_argument(message: str) -> Exception:
    from ._errors import ArgumentError

    return ArgumentError(message, code="INVALID_OPTION")
