"""NHN Cloud CloudTrail logs of any shape as typed events and tables.

    import nhn_cloudtrail as ct

    for event in ct.read("logs/", kind="delete"):        # events, one by one
        print(event.event_time, event.user_id, event.name())

    frame = ct.read_table("logs/").to_pandas()           # a table; .to_polars(), .to_pyarrow()
    ct.sql("SELECT service, count(*) FROM events GROUP BY 1", "logs/")
    ct.write_parquet("logs/", "archive/")                # a data set, a folder a day
    ct.catalog.search("보안 그룹")                        # what event IDs mean

    ct.Client().search("7d")                             # events of the query API
    ct.collect("archive/", since="86d")                  # all of them, kept

A source is a path, a folder, a glob, a bucket (`s3://bucket/prefix`), bytes, a binary file or an
iterable of bytes; its shape and compression are found. Nothing is lost: what cannot be read is a
reject with its place and reason (`on_error`), unknown fields are `event.extra`, and `stats` add up.
Errors are `CloudTrailError`.
"""

import typing as _typing
from collections.abc import Mapping as _Mapping

from ._api import parse, read, read_table, sample, scan_table, write_parquet
from ._collect import Client, archive_status, collect, verify_archive
from ._errors import (
    ArgumentError,
    CatalogError,
    CloudTrailError,
    InternalError,
    ReadError,
    RecordError,
    ServiceError,
    SourceError,
    SourceNotFoundError,
)
from ._native import SCHEMA_VERSION, Catalog, Entry, Event, Reader, Table, TableStream
from ._native import VERSION as __version__
from ._sql import sql  # pyright: ignore[reportUnknownVariableType] # without DuckDB
from ._types import (
    Action,
    ArchiveBucket,
    ArchiveDay,
    ArchiveLock,
    ArchiveLoss,
    ArchivePruned,
    ArchiveRun,
    ArchiveSource,
    ArchiveStatus,
    Collected,
    Column,
    Counts,
    Entries,
    Filters,
    Finding,
    Gap,
    IamMember,
    Kind,
    Lang,
    Limits,
    Listing,
    ListRow,
    Member,
    OnError,
    Outcome,
    Phase,
    Position,
    Progress,
    Reject,
    Report,
    ResourceEffect,
    SearchFilters,
    Service,
    Stats,
    StorageOptions,
    Stretch,
    TargetMember,
    ToastMember,
    Verified,
    Written,
)

if _typing.TYPE_CHECKING:
    from ._ids import EventId, ServiceId
else:
    # Type checkers must not see it: for them a module that has it has every name.
    def __getattr__(name: str) -> object:
        # Two thousand IDs are read only by those who want them.
        if name in ("EventId", "ServiceId"):
            from . import _ids

            return getattr(_ids, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "SCHEMA_VERSION",
    "Action",
    "ArchiveBucket",
    "ArchiveDay",
    "ArchiveLock",
    "ArchiveLoss",
    "ArchivePruned",
    "ArchiveRun",
    "ArchiveSource",
    "ArchiveStatus",
    "ArgumentError",
    "Catalog",
    "CatalogError",
    "Client",
    "CloudTrailError",
    "Collected",
    "Column",
    "Counts",
    "Entries",
    "Entry",
    "Event",
    "EventId",
    "Filters",
    "Finding",
    "Gap",
    "IamMember",
    "InternalError",
    "Kind",
    "Lang",
    "Limits",
    "ListRow",
    "Listing",
    "Member",
    "OnError",
    "Outcome",
    "Phase",
    "Position",
    "Progress",
    "ReadError",
    "Reader",
    "RecordError",
    "Reject",
    "Report",
    "ResourceEffect",
    "SearchFilters",
    "Service",
    "ServiceError",
    "ServiceId",
    "SourceError",
    "SourceNotFoundError",
    "Stats",
    "StorageOptions",
    "Stretch",
    "Table",
    "TableStream",
    "TargetMember",
    "ToastMember",
    "Verified",
    "Written",
    "__version__",
    "archive_status",
    "catalog",
    "collect",
    "parse",
    "read",
    "read_table",
    "sample",
    "scan_table",
    "sql",
    "verify_archive",
    "write_parquet",
]

# For `match` and for whoever asks; the native class cannot say it itself.
_Mapping.register(Catalog)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

catalog: Catalog = Catalog()
"""The catalog that this package brings: what every event ID means."""
