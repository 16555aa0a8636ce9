"""What can go wrong."""

from __future__ import annotations

from typing import Any


class CloudTrailError(Exception):
    """Anything that goes wrong in nhn_cloudtrail.

    The text says what, where, and what to do about it. The attributes say it to programs:
    `code` is a stable name that Rust and Node have too; `source`, `record` and `line` (from 1) and
    `byte` (from 0) say where in the decompressed text, as far as that is known; `field` is the path
    of the field that it is about.
    """

    code: str
    source: str | None
    record: int | None
    line: int | None
    byte: int | None
    field: str | None

    def __init__(
        self,
        message: str,
        *,
        code: str = "PANIC",
        source: str | None = None,
        record: int | None = None,
        line: int | None = None,
        byte: int | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.source = source
        self.record = record
        self.line = line
        self.byte = byte
        self.field = field

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        place = (self.source, self.record, self.line, self.byte, self.field)
        return make, (self.code, self.args[0], *place)


class SourceError(CloudTrailError):
    """A source is no CloudTrail log, or not a whole one: `NOT_A_LOG`, `API_FAILURE`,
    `BAD_COMPRESSION`, `INVALID_TABLE`; or a folder is no archive, or its ledger does not hold:
    `INVALID_ARCHIVE`."""


class ReadError(SourceError, OSError):
    """A source could not be read, or a target not written: `IO`, `INTERRUPTED`; it has nothing at
    hand for now, `WOULD_BLOCK`; or another run is at an archive or a data set, `LOCKED`."""


class SourceNotFoundError(ReadError, FileNotFoundError):
    """A path, glob or folder names no file: `NOT_FOUND`."""


class ServiceError(CloudTrailError):
    """The query API or Object Storage could not be asked, or did not answer as it should.

    `NETWORK`, `TIMEOUT`, `HTTP_STATUS` and `BAD_ANSWER` come after all attempts, and may heal by
    trying again later. `REFUSED` does not: keys, a permission or the request itself are wrong. No
    appkey and no key stands in any of them.
    """


class RecordError(CloudTrailError, ValueError):
    """One record could not become an event, or a field of one is not what it was asked to be.
    Reading goes on after it where `on_error` says so."""


class ArgumentError(CloudTrailError, ValueError):
    """An option makes no sense: `INVALID_TIME`, `INVALID_FILTER`, `INVALID_OPTION`."""


class CatalogError(CloudTrailError, ValueError):
    """Data for the catalog is not of its form: `INVALID_OVERLAY`, `INVALID_LIST`."""


class InternalError(CloudTrailError):
    """A fault of this library, `PANIC`; please report it."""


CLASSES: dict[str, type[CloudTrailError]] = {
    "IO": ReadError,
    "WOULD_BLOCK": ReadError,
    "NOT_FOUND": SourceNotFoundError,
    "INTERRUPTED": ReadError,
    "LOCKED": ReadError,
    "NETWORK": ServiceError,
    "TIMEOUT": ServiceError,
    "HTTP_STATUS": ServiceError,
    "BAD_ANSWER": ServiceError,
    "REFUSED": ServiceError,
    "NOT_A_LOG": SourceError,
    "API_FAILURE": SourceError,
    "BAD_COMPRESSION": SourceError,
    "INVALID_TABLE": SourceError,
    "INVALID_ARCHIVE": SourceError,
    "INVALID_JSON": RecordError,
    "INVALID_UTF8": RecordError,
    "NOT_AN_OBJECT": RecordError,
    "TRAILING_TEXT": RecordError,
    "TRUNCATED": RecordError,
    "RECORD_TOO_LARGE": RecordError,
    "RECORD_TOO_DEEP": RecordError,
    "INVALID_TIME": ArgumentError,
    "INVALID_FILTER": ArgumentError,
    "INVALID_OPTION": ArgumentError,
    "INVALID_OVERLAY": CatalogError,
    "INVALID_LIST": CatalogError,
    "PANIC": InternalError,
}


def make(
    code: str,
    message: str,
    source: str | None,
    record: int | None,
    line: int | None,
    byte: int | None,
    field: str | None,
) -> CloudTrailError:
    """The exception for an error of the core."""
    cls = CLASSES.get(code, CloudTrailError)
    return cls(message, code=code, source=source, record=record, line=line, byte=byte, field=field)
