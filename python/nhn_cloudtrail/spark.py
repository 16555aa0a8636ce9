"""Logs in Apache Spark, past one machine. Needs `pip install nhn-cloudtrail[spark]`.

```python
from nhn_cloudtrail.spark import CloudTrailDataSource

spark.dataSource.register(CloudTrailDataSource)
events = spark.read.format("nhn_cloudtrail").load("/mnt/logs/")
events.where("kind = 'delete'").groupBy("service").count().show()
```

The executors read the files themselves: give paths that all of them have, such as those of a
mounted bucket, and have this package on them. `docs/scale.md` tells how.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from . import _native
from ._errors import ArgumentError, ReadError, SourceNotFoundError, make
from ._frames import module
from ._native import COLUMNS, Catalog, Table
from ._pushdown import Term, beside, filters_of
from ._sql import catalog_table
from ._types import Column, Lang, Limits, OnError, Reject

_WANTED = "nhn-cloudtrail[spark]"
pa: Any = module("pyarrow", _WANTED)
_source: Any = module("pyspark.sql.datasource", _WANTED)
_limits: Any = module("pyspark.sql.streaming.datasource", _WANTED)
_types: Any = module("pyspark.sql.types", _WANTED)
_arrow: Any = module("pyspark.sql.pandas.types", _WANTED)

__all__ = ["CloudTrailDataSource", "Enricher", "catalog_frame", "enrich"]

SPLIT_BYTES = 128 << 20
"""How much of a file a task reads, where it can be cut: what Spark's own readers take."""

MOST_ALONE = 1000
"""Up to how many splits each is a partition; of more, small ones share one."""

Batches: TypeAlias = Iterator[Any]
"""Of `pyarrow.RecordBatch`."""

_REJECT = pa.struct(
    [
        ("code", pa.string()),
        ("message", pa.string()),
        ("source", pa.string()),
        ("record", pa.int64()),
        ("line", pa.int64()),
        ("byte", pa.int64()),
        ("length", pa.int64()),
        ("raw", pa.binary()),
    ]
)
_REJECT_OF_CELL = pa.struct([("code", pa.string()), ("message", pa.string())])
_COUNTS = pa.schema(
    [
        ("source", pa.string()),
        ("first_byte", pa.int64()),
        ("records", pa.int64()),
        ("events", pa.int64()),
        ("rejects", pa.int64()),
        ("duplicates", pa.int64()),
        ("conflicts", pa.int64()),
        ("filtered", pa.int64()),
        ("unrecognized", pa.int64()),
        ("nul_bytes", pa.int64()),
        ("errors", pa.list_(pa.string())),
    ]
)


def _wrong(message: str) -> ArgumentError:
    return ArgumentError(message, code="INVALID_OPTION")


# ---- options
# -----------------------------------------------------------------------------------

_LISTS = ("event", "service", "kind", "phase", "outcome", "source_type", "user", "ip", "project")
_FILTERS = (*_LISTS, "region", "since", "until", "known", "text", "tz")
_OPTIONS = (
    *("table", "columns", "on_error", "dedup", "lang", "record_bytes", "depth", "overlay"),
    *("record_path", "split_bytes", "maxfilespertrigger", "ignore_changes"),
)


class _Options(NamedTuple):
    """The options of a data source, read from texts. It goes to the executors."""

    paths: list[str]
    counts: bool
    columns: list[str] | None
    on_error: str
    dedup: bool
    lang: str
    limits: dict[str, int]
    record_path: str | None
    catalog: Catalog | None
    filters: dict[str, Any]
    split_bytes: int
    max_files: int | None
    ignore_changes: bool

    @classmethod
    def of(cls, given: Mapping[str, str]) -> _Options:
        options = {name.lower(): value for name, value in given.items()}
        path, paths = options.pop("path", None), options.pop("paths", None)
        all_paths: list[str] = json.loads(paths) if paths else []
        for name in options:
            if name not in _OPTIONS and name not in _FILTERS:
                names = ", ".join(sorted({*_OPTIONS, *_FILTERS}))
                raise _wrong(f"no option {name!r}; there are {names}")
        get = options.get
        limits = {
            name: _number(name, options[name]) for name in ("record_bytes", "depth") if get(name)
        }
        columns = get("columns")
        overlay = get("overlay")
        max_files = get("maxfilespertrigger")
        read = cls(
            paths=[_local(one) for one in ([path] if path else []) + all_paths],
            counts=_one_of("table", get("table", "events"), ("events", "counts")) == "counts",
            columns=_columns(columns) if columns is not None else None,
            on_error=_one_of("on_error", get("on_error", "raise"), ("raise", "skip", "collect")),
            dedup=_flag("dedup", get("dedup", "false")),
            lang=get("lang", "ko"),
            limits=limits,
            record_path=get("record_path"),
            catalog=_with_overlay(overlay) if overlay else None,
            filters={name: _filter(name, options[name]) for name in _FILTERS if get(name)},
            split_bytes=_number("split_bytes", get("split_bytes", str(SPLIT_BYTES))),
            max_files=_number("maxFilesPerTrigger", max_files) if max_files else None,
            ignore_changes=_flag("ignore_changes", get("ignore_changes", "false")),
        )
        # What makes no sense is to be told at once.
        _native.scan_table(b"", read.native()).close()
        return read

    def native(self, **more: Any) -> dict[str, Any]:
        """What the native module takes."""
        return {
            "columns": self.columns,
            "on_error": self.on_error,
            "dedup": self.dedup,
            "lang": self.lang,
            "limits": self.limits,
            "record_path": self.record_path,
            "catalog": self.catalog,
            # Spark has a task for each core already.
            "threads": 1,
            "filters": self.filters,
            **more,
        }

    def schema(self) -> Any:
        """What the rows are, in Arrow's words."""
        if self.counts:
            return _COUNTS
        schema = _plain(self.native())
        return schema.append(pa.field("reject", _REJECT)) if self.on_error == "collect" else schema


def _local(path: str) -> str:
    """A path; a URI of a file is one. Of other URIs the executors know nothing."""
    scheme, colon, rest = path.partition(":")
    if not colon or not rest.startswith("/") or len(scheme) < 2 or os.path.exists(path):
        return path
    if scheme == "file":
        return "/" + rest.lstrip("/")
    raise _wrong(
        f"{path}: only files that the executors see as such can be read: mount what is elsewhere, "
        "or read it as text or as binaryFile with Spark and hand it to nhn_cloudtrail.spark.enrich"
    )


def _with_overlay(path: str) -> Catalog:
    try:
        with open(_local(path), "rb") as file:
            return Catalog().with_overlay(file.read())
    except OSError as error:
        raise ReadError(f"overlay: {error}", code="IO", source=path) from error


def _one_of(name: str, value: str, values: Sequence[str]) -> str:
    if value not in values:
        raise _wrong(f"{name}: {value!r} is none of {', '.join(values)}")
    return value


def _flag(name: str, value: str) -> bool:
    return _one_of(name, value.lower(), ("true", "false")) == "true"


def _number(name: str, value: str) -> int:
    # `int` takes other digits too.
    if not (value.isascii() and value.isdecimal()) or len(value) > 18:
        raise _wrong(f"{name}: {value!r} is no whole number in reach")
    return int(value)


def _columns(value: str) -> list[str]:
    # Batches without a column lose how many rows they have.
    return _list(value, "columns") or _none()


def _none() -> list[str]:
    raise _wrong("columns: none are asked for; name one at least")


def _list(value: str, name: str) -> list[Any]:
    if not value.lstrip().startswith("["):
        return [one.strip() for one in value.split(",")] if name == "columns" else [value]
    try:
        values = json.loads(value)
    except (ValueError, RecursionError):
        raise _wrong(f"{name}: {value!r} begins like a JSON array, and is none") from None
    # A phase of none is the act itself.
    if not all(isinstance(one, str) or (one is None and name == "phase") for one in values):
        raise _wrong(f"{name}: all of a list are texts")
    return values


def _filter(name: str, value: str) -> Any:
    if name == "known":
        return _flag(name, value)
    if name in ("since", "until", "tz"):
        return value
    return _list(value, name)


# ---- types ---------------------------------------------------------------------------------------


def _plain_type(type_: Any) -> Any:
    """A type of ours as one that Spark has."""
    if pa.types.is_dictionary(type_):
        return type_.value_type
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz="UTC")
    return pa.int64() if pa.types.is_uint64(type_) else type_


def _plain(options: dict[str, Any]) -> Any:
    """The schema of a table of ours, with Spark's types."""
    with _native.scan_table(b"", {**options, "filters": {}}) as stream:
        schema = pa.schema(stream)
    return pa.schema([(field.name, _plain_type(field.type)) for field in schema])


def _to_spark(schema: Any) -> Any:
    return _arrow.from_arrow_schema(schema)


def _asked(options: _Options, schema: Any) -> tuple[_Options, Any]:
    """Options for the columns of a schema that the user may have given, and what its rows are in
    Arrow's words, to the letter."""
    table = _to_spark(options.schema())
    if schema != table:
        extra = {field.name for field in table} - set(COLUMNS)
        every = options if options.counts else options._replace(columns=list(COLUMNS))
        known = {field.name: field.dataType for field in _to_spark(every.schema())}
        for field in schema:
            type_ = known.get(field.name)
            if type_ is None:
                raise _wrong(f"the schema has a column {field.name}, and the table has none")
            if type_ != field.dataType:
                mine, theirs = type_.simpleString(), field.dataType.simpleString()
                raise _wrong(f"the schema has {field.name} as {theirs}; in the table it is {mine}")
            if not field.nullable:
                raise _wrong(f"the schema has {field.name} without nulls; it may have some")
        names = [field.name for field in schema] or _none()
        if options.columns is not None or options.counts:
            # Spark itself never changes what `schema` gave.
            raise _wrong(
                "give the columns either as a schema or as an option, and for counts neither"
            )
        if extra - set(names) or names[len(names) - len(extra) :] != sorted(extra):
            raise _wrong('on_error "collect" wants a column reject, the last one of the schema')
        options = options._replace(columns=[name for name in names if name not in extra])
    return options, _arrow.to_arrow_schema(schema, timezone="UTC")


# ---- reading -------------------------------------------------------------------------------------


class _Split(NamedTuple):
    path: str
    bytes: tuple[int, int] | None
    size: int


class _Partition(_source.InputPartition):
    """What a task reads."""

    def __init__(self, splits: Sequence[_Split]) -> None:
        self.splits = list(splits)


def _splits(options: _Options, paths: Sequence[str], split_bytes: int) -> list[_Split]:
    # Whether a file has other lines than records does not depend on what is wanted of it.
    plain = options.native(columns=None, filters={})
    found = _native._splits(paths, plain, split_bytes)
    return [_Split(os.fspath(path), bytes_, size or 0) for path, bytes_, size in found]


def _partitions(options: _Options, paths: Sequence[str]) -> list[_Partition]:
    numbered = not options.counts and "source_record" in (options.columns or ())
    whole = numbered or options.dedup
    splits = _splits(options, paths, 0 if whole else options.split_bytes)
    if options.dedup or not splits:
        # Whoever remembers what was there has to see all. Without any partition Spark makes up one.
        return [_Partition(splits)]
    if len(splits) <= MOST_ALONE:
        return [_Partition([split]) for split in splits]
    partitions: list[list[_Split]] = [[]]
    size = 0
    for split in splits:
        if partitions[-1] and size + split.size > SPLIT_BYTES:
            partitions.append([])
            size = 0
        partitions[-1].append(split)
        size += split.size
    return [_Partition(some) for some in partitions]


def _rejects(schema: Any, rejects: Iterable[Mapping[str, Any]]) -> Any:
    """Rows of rejects: all columns null but the last."""
    array = pa.array(rejects, _REJECT).cast(schema.field("reject").type)
    columns = [pa.nulls(len(array), field.type) for field in list(schema)[:-1]]
    return pa.record_batch([*columns, array], schema=schema)


def _reject(reject: Reject) -> dict[str, Any]:
    source, record, line, byte = reject.position
    return {
        "code": reject.code,
        "message": reject.message,
        "source": source,
        # Both are 0 where they are not known.
        "record": record or None,
        "line": line or None,
        "byte": byte,
        "length": reject.length,
        "raw": reject.raw,
    }


def _whole(stream: Iterator[Table]) -> Iterator[Table]:
    try:
        yield from stream
    except ArgumentError as error:
        # Nothing else can be wrong by now.
        raise _wrong(f"{error}, with the option split_bytes 0") from None


def _rows(options: _Options, schema: Any, splits: Sequence[_Split]) -> Batches:
    """The rows of splits."""
    collects = options.on_error == "collect"
    places = [(split.path, split.bytes) for split in splits]
    with _native._scan_splits(places, options.native()) as stream:

        def odd() -> Batches:
            rejects, errors = stream._take_odd()
            if collects and (rejects or errors):
                of_sources = (
                    {"code": error.code, "message": str(error), "source": error.source}
                    for error in errors
                )
                yield _rejects(schema, [*map(_reject, rejects), *of_sources])

        for table in _whole(stream):
            for batch in pa.table(table).to_batches():
                if collects:
                    reject = pa.nulls(len(batch), schema.field("reject").type)
                    columns = [
                        column.cast(field.type)
                        for column, field in zip(batch.columns, schema, strict=False)
                    ]
                    yield pa.record_batch([*columns, reject], schema=schema)
                else:
                    yield batch.cast(schema)
            yield from odd()
        yield from odd()


def _counts(options: _Options, schema: Any, splits: Sequence[_Split]) -> Batches:
    """A row of counts for each split, or for all where duplicates are looked for."""
    on_error = "skip" if options.on_error == "collect" else options.on_error
    native = options.native(columns=["event_id"], on_error=on_error)
    for some in [splits] if options.dedup and splits else [[split] for split in splits]:
        places = [(split.path, split.bytes) for split in some]
        with _native._scan_splits(places, native) as stream:
            for _ in _whole(stream):
                pass
            [first, *others] = some
            row = {
                "source": None if others else first.path,
                "first_byte": None if others else (first.bytes or (0, 0))[0],
                **stream.stats._asdict(),
                "errors": [str(error) for error in stream.errors],
            }
        yield pa.RecordBatch.from_pylist([row], schema=_COUNTS).cast(schema)


class _Table:
    """What a reader of batches and one of streams share."""

    def __init__(self, options: _Options, schema: Any) -> None:
        self._options, self._schema = _asked(options, schema)

    def read(self, partition: _Partition) -> Batches:
        """The rows of a partition, as batches."""
        rows = _counts if self._options.counts else _rows
        return rows(self._options, self._schema, partition.splits)


class _Reader(_Table, _source.DataSourceReader):
    def partitions(self) -> list[_Partition]:
        return _partitions(self._options, self._options.paths)

    @property
    def pushFilters(self) -> _PushFilters:
        return _PushFilters(self._push)

    def _push(self, filters: Sequence[Any]) -> Sequence[Any]:
        options = self._options
        if not options.counts:
            terms = [term for one in filters if (term := _term(one))]
            services = {service.slug for service in (options.catalog or Catalog()).services()}
            pushed = beside(options.filters, filters_of(terms, services))
            self._options = options._replace(filters={**pushed, **options.filters})
        # Spark applies them all the same: ours let through more.
        return filters


class _PushFilters:
    """Spark refuses a reader that takes filters where `spark.sql.python.filterPushdown.enabled` is
    not set, lest somebody should rely on them: none has to rely on ours, so it need not know."""

    __func__ = staticmethod(_source.DataSourceReader.pushFilters)

    def __init__(self, push: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        self._push = push

    def __call__(self, filters: Sequence[Any]) -> Sequence[Any]:
        return self._push(filters)


_COMPARISONS = {
    "EqualTo": "equal",
    "EqualNullSafe": "equal",
    "In": "equal",
    "GreaterThan": "greater",
    "GreaterThanOrEqual": "greater_equal",
    "LessThan": "less",
    "LessThanOrEqual": "less_equal",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _term(asked: Any) -> Term | None:
    comparison = _COMPARISONS.get(type(asked).__name__)
    if comparison is None or len(asked.attribute) != 1:
        return None
    values = list(asked.value) if type(asked).__name__ == "In" else [asked.value]
    [column] = asked.attribute
    if column == "event_time":
        values = [
            (value - _EPOCH) // timedelta(microseconds=1)
            for value in values
            if isinstance(value, datetime) and value.tzinfo
        ]
    return column, comparison, values


# ---- streams -------------------------------------------------------------------------------------

_Sizes: TypeAlias = dict[str, int]
"""The size of each file."""


class _StreamReader(_Table, _source.DataSourceStreamReader, _limits.SupportsTriggerAvailableNow):
    """Each offset has every file so far, so that none is lost however late it comes, and none is
    read twice."""

    def __init__(self, options: _Options, schema: Any) -> None:
        if options.dedup:
            raise _wrong(
                "dedup: a stream remembers files, not records: use dropDuplicatesWithinWatermark"
            )
        # Files have the same names in the checkpoint however the folder is spelt.
        super().__init__(options._replace(paths=[_real(path) for path in options.paths]), schema)
        self._until: _Sizes | None = None

    def initialOffset(self) -> dict[str, Any]:
        return _offset({})

    def getDefaultReadLimit(self) -> Any:
        most = self._options.max_files
        return _limits.ReadMaxFiles(most) if most else _limits.ReadAllAvailable()

    def prepareForTriggerAvailableNow(self) -> None:
        self._until = self._files()

    def latestOffset(self, start: dict[str, Any], limit: Any) -> dict[str, Any]:
        seen = _sizes(start)
        files = self._files() if self._until is None else self._until
        new = [path for path in files if path not in seen]
        for path, size in files.items():
            if seen.get(path, size) != size and not self._options.ignore_changes:
                raise ReadError(
                    f"{path}: it had {seen[path]} bytes when it was found, and has {size} now; "
                    "what was added was perhaps not read. Files have to be whole when they come "
                    "into the folder: write them elsewhere, or under a name that begins with a "
                    "dot, and rename them. To read it once more give it another name; to go on "
                    "without, move it away, or set the option ignore_changes",
                    code="IO",
                    source=path,
                )
        most = getattr(limit, "max_files", None)
        return _offset({**seen, **{path: files[path] for path in new[:most]}})

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> list[_Partition]:
        seen = _sizes(start)
        new = [path for path in _sizes(end) if path not in seen]
        return _partitions(self._options, new) if new else []

    def _files(self) -> _Sizes:
        paths = self._options.paths
        try:
            found = _splits(self._options, paths, 0)
        except SourceNotFoundError:
            # Nothing has come so far.
            if not all(os.path.isdir(path) or set("*?[") & set(path) for path in paths):
                raise
            return {}
        for split in found:
            if split.size == 0 and not os.path.isfile(split.path):
                # Who passed it over would take it for read.
                raise ReadError(f"{split.path}: cannot be opened", code="IO", source=split.path)
        # A file without a byte is about to be written.
        return {split.path: split.size for split in found if split.size > 0}


def _real(path: str) -> str:
    """The one name of a path; of a glob that of the folder before it."""
    if os.path.lexists(path):
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    return os.path.join(_real(folder), name) if folder and name else os.path.abspath(path)


def _offset(files: _Sizes) -> dict[str, Any]:
    """Files by their folders: names are much shorter than paths."""
    folders: dict[str, dict[str, int]] = defaultdict(dict)
    for path in sorted(files):
        folder, name = os.path.split(path)
        folders[folder][name] = files[path]
    return {"files": folders}


def _sizes(offset: Mapping[str, Any]) -> _Sizes:
    folders = offset["files"].items()
    return {
        os.path.join(folder, name): size
        for folder, names in folders
        for name, size in names.items()
    }


# ---- what users see ------------------------------------------------------------------------------


class CloudTrailDataSource(_source.DataSource):
    """CloudTrail logs as a data source of Spark: `spark.dataSource.register(CloudTrailDataSource)`,
    then `spark.read.format("nhn_cloudtrail").load(path)` gives the table of `read_table`.

    The path is a file, a folder or a glob that the executors see, or a list of them. A partition
    is a file, or of a large one that is plain text, line by line, a stretch of `split_bytes`; of
    more than a thousand, small ones share one. Options, all of them texts:

    - `columns`: their names with commas between; only these are built. Spark tells a source which
      rows it wants, but not which columns. A schema of some of the columns does the same.
    - `on_error`: "raise" fails the job at the first record that cannot be read; "skip" leaves it
      out; "collect" adds a last column `reject` (`code`, `message`, `source`, `record`, `line`,
      `byte`, `length`, `raw`), which is null but in rows of their own for what could not become an
      event.
    - `table`: "counts" gives, instead of events, a row for each file or stretch with its counts and
      with what is wrong with it as a whole.
    - `dedup`: "true" leaves out records that were there before. One task reads all of them then.
    - `lang`, `record_bytes`, `depth`, `record_path` as for `read`, and `overlay`, the path of a
      catalog's overlay.
    - filters by the names that `Filters` has, a text or a JSON array of alternatives. What is
      asked of the table with `where` is one too, with `spark.sql.python.filterPushdown.enabled`
      set.
    - `split_bytes`: 0 never cuts a file.

    Lines and records of a stretch are not numbered: rejects have the byte alone, and with the
    column `source_record` no file is cut.

    `spark.readStream.format("nhn_cloudtrail")` reads each file that comes into the path once,
    however often it is stopped: the checkpoint has every file's name and size. A file that has
    another size later is an error, unless `ignore_changes` is "true". `maxFilesPerTrigger` bounds
    how many files are read at a time.
    """

    @classmethod
    def name(cls) -> str:
        """What it is called in `format`."""
        return "nhn_cloudtrail"

    def _read(self) -> _Options:
        options = _Options.of(self.options)
        if not options.paths:
            raise _wrong("no path: load(path) wants a file, a folder or a glob")
        return options

    def schema(self) -> Any:
        """The columns."""
        return _to_spark(self._read().schema())

    def reader(self, schema: Any) -> _Reader:
        """Reads what is there."""
        return _Reader(self._read(), schema)

    def streamReader(self, schema: Any) -> _StreamReader:
        """Reads what comes."""
        return _StreamReader(self._read(), schema)


class Enricher:
    """Adds what `read_table` gives to tables that have records in a column already, for
    `DataFrame.mapInArrow`; `enrich` does both at once. It needs no pandas.

    column: of text or binary, a record in each cell. A row in is a row out; where the cell is null,
        or no record and `on_error` lets that pass, what is added is null.
    columns: which are added, in this order; by default all of the table.
    prefix: comes before their names.
    on_error: "raise", "skip", or "collect", which adds a column `reject` (`code`, `message`).
    lang, limits, catalog: as for `read_table`.
    """

    def __init__(
        self,
        column: str,
        *,
        columns: Sequence[Column] | None = None,
        prefix: str = "",
        on_error: OnError = "raise",
        lang: Lang = "ko",
        limits: Limits | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        self._column = column
        self._prefix = prefix
        self._on_error = on_error
        own = {"source", "source_record"} & set(columns or ())
        if own:
            raise _wrong(f"columns: a cell has no {own.pop()}")
        options: dict[str, Any] = {
            "columns": columns,
            "on_error": on_error,
            "lang": lang,
            "limits": limits,
            "catalog": catalog,
            "threads": 1,
        }
        self._added = _plain(options)
        names = [*self._added.names, "source_record"]
        self._options = {**options, "columns": names, "on_error": "collect"}
        fields = [pa.field(prefix + field.name, field.type) for field in self._added]
        if on_error == "collect":
            fields.append(pa.field(f"{prefix}reject", _REJECT_OF_CELL))
        self._fields = _arrow.to_arrow_schema(_to_spark(pa.schema(fields)), timezone="UTC")

    def schema(self, schema: Any) -> Any:
        """The schema of the result, for that of a table."""
        names = {field.name.lower() for field in schema}
        if self._column.lower() not in names:
            raise _wrong(f"the table has no column {self._column!r}")
        types = (_types.StringType, _types.BinaryType, _types.CharType, _types.VarcharType)
        for field in schema:
            if field.name.lower() == self._column.lower() and not isinstance(field.dataType, types):
                kind = field.dataType.simpleString()
                raise _wrong(f"{self._column} is neither text nor binary but {kind}")
        for name in self._fields.names:
            if name.lower() in names:
                raise _wrong(f"the table has a column {name} already: give columns or a prefix")
        return _types.StructType([*schema.fields, *_to_spark(self._fields).fields])

    def __call__(self, batches: Batches) -> Batches:
        """The batches, each with its columns added."""
        for batch in batches:
            added = self._enriched(self._cells(batch))
            pairs = zip(added, self._fields, strict=True)
            columns = [column.cast(field.type) for column, field in pairs]
            fields = [*batch.schema, *self._fields]
            yield pa.record_batch([*batch.columns, *columns], schema=pa.schema(fields))

    def _cells(self, batch: Any) -> Any:
        places = [
            place
            for place, name in enumerate(batch.schema.names)
            if name.lower() == self._column.lower()
        ]
        if len(places) != 1:
            raise _wrong(f"the table has {len(places)} columns {self._column!r}")
        cells = batch.column(places[0])
        try:
            return cells.cast(pa.large_binary())
        except pa.ArrowException:
            raise _wrong(f"{self._column} is neither text nor binary but {cells.type}") from None

    def _enriched(self, cells: Any) -> list[Any]:
        """What is added to cells, row by row."""
        dense = cells.drop_null()
        _, offsets, text = dense.buffers()
        offsets = offsets.slice(dense.offset * 8, (len(dense) + 1) * 8) if len(dense) else bytes(8)
        table = _native._enrich(text or b"", offsets, self._options)
        if table.rejects and self._on_error == "raise":
            raise self._error(table.rejects[0])
        rows = _rows_of(table)
        if cells.null_count == 0 and not table.rejects:
            return rows.columns[:-1] + self._reject_column(len(cells), {})
        # Where in the table each cell's row stands.
        present = [index for index, valid in enumerate(cells.is_valid().to_pylist()) if valid]
        place: list[int | None] = [None] * len(cells)
        for row, number in enumerate(rows.column(rows.num_columns - 1).to_pylist()):
            place[present[number - 1]] = row
        rejects = {present[reject.position.record - 1]: reject for reject in table.rejects}
        taken = pa.array(place, pa.int64())
        columns = [column.take(taken) for column in rows.columns[:-1]]
        return columns + self._reject_column(len(cells), rejects)

    def _reject_column(self, length: int, rejects: Mapping[int, Reject]) -> list[Any]:
        if self._on_error != "collect":
            return []
        values: list[dict[str, str] | None] = [None] * length
        for index, reject in rejects.items():
            values[index] = {"code": reject.code, "message": reject.message}
        return [pa.array(values, _REJECT_OF_CELL)]

    def _error(self, reject: Reject) -> Exception:
        text = reject.raw[:200].decode("utf-8", "replace")
        message = (
            f'column {self._column}: {reject.message}: {text!r}; on_error="skip" leaves such cells '
            'without an event, on_error="collect" says why'
        )
        return make(reject.code, message, None, None, None, None, None)


def _rows_of(table: Table) -> Any:
    """A table as one batch."""
    batches = pa.table(table).combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=pa.schema(table))


def enrich(
    frame: Any,
    column: str,
    *,
    columns: Sequence[Column] | None = None,
    prefix: str = "",
    on_error: OnError = "raise",
    lang: Lang = "ko",
    limits: Limits | None = None,
    catalog: Catalog | None = None,
) -> Any:
    """A data frame with what `read_table` gives of the records in one of its columns: of an
    Iceberg or Delta table, of Kafka's `value`, of `spark.read.text`. A stream stays one. See
    `Enricher`.

    ```python
    events = enrich(spark.read.text("s3a://bucket/logs/*.jsonl"), "value")
    ```
    """
    enricher = Enricher(
        column,
        columns=columns,
        prefix=prefix,
        on_error=on_error,
        lang=lang,
        limits=limits,
        catalog=catalog,
    )
    return frame.mapInArrow(enricher, enricher.schema(frame.schema))


def catalog_frame(spark: Any, catalog: Catalog | None = None) -> Any:
    """The catalog as a data frame with a row for each event ID, to join events with:
    `catalog_frame(spark).createOrReplaceTempView("catalog")`."""
    return spark.createDataFrame(catalog_table(catalog or Catalog()))
