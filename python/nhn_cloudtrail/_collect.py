"""Collecting: the query API, archives, and what is in them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from typing import Literal, TypeAlias, Unpack, final

from . import _native
from ._errors import ArgumentError
from ._native import Catalog, Reader
from ._types import (
    ArchiveStatus,
    Collected,
    Lang,
    Limits,
    Member,
    OnError,
    Progress,
    Report,
    SearchFilters,
    StorageOptions,
    Verified,
)

Path_: TypeAlias = str | PathLike[str]
Time: TypeAlias = str | datetime.date | datetime.timedelta


@final
class Client:
    """Asks the query API of CloudTrail; what it asks and how often, and with which keys.

    What is None comes from the environment, else from the config file, which is `config`, else
    `NHN_CLOUDTRAIL_CONFIG`, else `nhn-cloudtrail/config.toml` in `XDG_CONFIG_HOME` or `~/.config`.
    A config file that others may read is warned about. Nothing is asked before a search. Any thread
    may use a client; the limits hold for all that it is used for at a time.

    base_url: the API's base URL, `https://` and a host, which the console names beside the appkey.
        Else `NHN_CLOUDTRAIL_BASE_URL`.
    app_key: the organization's appkey. Else `NHN_CLOUDTRAIL_APP_KEY`.
    access_key_id: the User Access Key ID, which v2 wants. Else `NHN_CLOUDTRAIL_ACCESS_KEY_ID`.
    secret_access_key: the Secret Access Key. Else `NHN_CLOUDTRAIL_SECRET_ACCESS_KEY`.
    api: which version is asked: "v2", or "v1", which the appkey alone opens.
    config: the config file, TOML.
    concurrency: how many requests may be under way at a time, 1 to 64.
    rate: how many requests may begin in a second.
    retries: how often a request is tried again where that may help, with growing pauses.
    timeout: how many seconds a request may take, with all of its answer.
    page_size: how many records are asked for at a time, 1 to 1000.

    Raises ArgumentError where the base URL, the appkey or the keys are missing or wrong, and for an
    option out of range. No error and no `repr` has the appkey or a key.

    >>> import nhn_cloudtrail as ct
    >>> ct.Client("https://example.com", "appkey", api="v1")
    Client('example.com')
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        base_url: str | None = None,
        app_key: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        *,
        api: Literal["v1", "v2"] = "v2",
        config: Path_ | None = None,
        concurrency: int = 4,
        rate: float = 50.0,
        retries: int = 8,
        timeout: float = 60.0,
        page_size: int = 1000,
    ) -> None:
        self._native = _native._Client(
            {
                "base_url": base_url,
                "app_key": app_key,
                "access_key_id": access_key_id,
                "secret_access_key": secret_access_key,
                "api": api,
                "config": config,
                "concurrency": concurrency,
                "rate": rate,
                "retries": retries,
                "timeout": timeout,
                "page_size": page_size,
            }
        )

    @property
    def host(self) -> str:
        """The API's host, and its port where the base URL names one."""
        return self._native.host

    def search(
        self,
        since: Time,
        until: Time | None = None,
        *,
        event_id: str | None = None,
        id_no: str | None = None,
        member: Member | None = None,
        on_error: OnError = "raise",
        lang: Lang = "ko",
        limits: Limits | None = None,
        catalog: Catalog | None = None,
        progress: Progress = False,
        **filters: Unpack[SearchFilters],
    ) -> Reader:
        """The events of a period, the oldest first, each once, as `read` gives those of a log.

        The period is asked for in pieces, several at a time, and ahead of what is read.

        since: the first instant: a time, a date, a month, or a span before now such as `7d`. NHN
            Cloud keeps events for three months: 93 days ago is the earliest.
        until: the last instant, by default now; of a bare date its end. A time without an offset is
            one in `tz`, by default UTC.
        event_id: only events with this ID. The API looks for it, as for `id_no` and `member`, so
            that less has to be fetched.
        id_no: only what the member with this UUID did; it wins over `member`.
        member: only what this member did, see `Member`.
        on_error: what becomes of records that cannot be read, as for `read`.
        lang, limits, catalog, progress: as for `read`. How many bytes there are nobody knows.
        filters: which events of those that came, see `Filters`.

        Raises ArgumentError for a period that the API cannot tell of; while reading ServiceError,
        whatever `on_error` says, since nothing comes after it; and RecordError.
        """
        return self._native.search(
            {
                "since": since,
                "until": until,
                "tz": filters.get("tz"),
                "event_id": event_id,
                "id_no": id_no,
                "member": member,
            },
            {
                "on_error": on_error,
                "lang": lang,
                "limits": limits,
                "catalog": catalog,
                "progress": progress,
                "filters": filters,
            },
        )

    def __repr__(self) -> str:
        return f"Client({self.host!r})"

    def __reduce__(self) -> str:
        raise TypeError("a client has keys, and cannot be pickled: make one where it is used")


def collect(
    into: Path_,
    *,
    client: Client | None = None,
    since: Time | None = None,
    until: Time | None = None,
    bucket: str | None = None,
    sources: Literal["all"] | Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    storage_options: StorageOptions | None = None,
    config: Path_ | None = None,
    wait_for_lock: bool | float = False,
    sign: Path_ | None = None,
    head_file: Path_ | None = None,
    deadline: float | None = None,
    on_progress: Callable[[Collected], object] | None = None,
    lang: Lang = "ko",
    catalog: Catalog | None = None,
    tz: str | datetime.tzinfo = "UTC",
) -> Report:
    """Adds to a local archive what it does not have: from the query API, a bucket, or both.

    An archive is a folder: Parquet by day with the records as they came, and a ledger of what it
    gained and when. It is a source as any other: `read(into)`. A run may be killed at any moment;
    the next one resumes where it stopped. Both sources are united without doubles; where two copies
    of one record differ both are kept.

    into: the archive's folder; created if it does not exist.
    client: the API to ask; by default, where `since` is given, `Client(config=config)`.
    since, until: the period, as for `Client.search`. Without them the API is not asked.
    bucket: `s3://bucket` or `s3://bucket/prefix`, of which all objects are read that the archive
        has not read yet.
    sources: names of sources, which are tables `[[source]]` of the config file, or "all" for all of
        them. A source that fails does not stop the others; gaps and the error begin with its name.
        `since` applies to organizations without `since` in the file.
    exclude: globs such as `*.parquet`. Objects whose names in the bucket match one of them are
        excluded; `*` matches slashes too.
    storage_options: how the bucket is reached, see `StorageOptions`.
    config: the config file, as for `Client`.
    wait_for_lock: how many seconds to wait while another run holds the archive's lock; True waits
        without a limit.
    sign: a file with an Ed25519 key, as `openssl genpkey -algorithm ed25519` writes it, that signs
        each new head of the ledger. If the archive has a signature, it must be valid.
    head_file: a file outside of the archive that keeps its newest head. The archive must contain
        the head in the file, and may have entries after it; this detects an archive that was rolled
        back or replaced.
    deadline: the maximum duration of the run in seconds. Events fetched until then are kept, and
        the rest is a gap.
    on_progress: a function that is called with the progress at most ten times a second, see
        `Collected`. An exception of the function ends the collection, and is raised.
    lang, catalog: the language and the catalog of the event names in the archive.
    tz: the zone of times without an offset.

    If the service refuses a request or does not respond, nothing is raised: earlier records are in
    the archive, and `report.error` and `report.gaps` show what is missing. Check
    `report.is_complete`.

    Raises ArgumentError if there is nothing to collect from, or the API does not cover the period;
    ReadError with the code `LOCKED` if another run holds the archive's lock, and if the archive
    cannot be written; SourceError if its ledger is not valid, or does not have the head that was
    signed or stored last.
    """
    if fspath(into).startswith("s3://"):
        raise _argument("into: an archive is a local folder; a bucket is read, see bucket")
    if sources is not None and (client is not None or bucket is not None):
        raise _argument("sources: the config file has them; leave client and bucket out")
    names = [] if sources == "all" else [sources] if isinstance(sources, str) else sources
    if names is not None and not names and sources != "all":
        raise _argument('sources: none is named; give names, or "all"')
    if since is None and (client is not None or (until is not None and sources is None)):
        raise _argument("since: the API is asked for a period; say since when")
    if isinstance(wait_for_lock, bool):
        longest = float("inf") if wait_for_lock else None
    elif wait_for_lock >= 0:
        longest = float(wait_for_lock)
    else:
        raise _argument("wait_for_lock: a number of seconds is wanted that is not below 0")
    if since is not None and client is None and sources is None:
        client = Client(config=config)
    return _native.collect(
        into,
        {
            "client": client and client._native,
            "since": since,
            "until": until,
            "tz": tz,
            "bucket": bucket,
            "sources": None if names is None else list(names),
            "exclude": _globs(exclude),
            "config": config,
            "wait_for_lock": longest,
            "sign": sign,
            "head_file": head_file,
            "deadline": deadline,
            "on_progress": on_progress,
        },
        {"lang": lang, "catalog": catalog, "storage_options": storage_options},
    )


def verify_archive(
    path: Path_,
    *,
    head: str | None = None,
    public_key: Path_ | None = None,
    head_file: Path_ | None = None,
) -> Verified:
    """Compare an archive with its ledger: every line of the ledger, and the hash of every file.

    head: a head that a run reported, kept outside of the archive. The ledger must contain it, and
        may have further entries after it; this detects a ledger that was truncated or rewritten.
    public_key: a file with the public key, as written by `openssl pkey -pubout`, under which the
        newest head must be signed.
    head_file: the file in which `collect` keeps the newest head. It must exist.

    Altered, removed or added files do not raise; see `Verified.findings`. Raises
    SourceNotFoundError or SourceError if there is no archive. A run may add to the archive
    meanwhile.
    """
    return _native.verify_archive(path, head, public_key, head_file)


def archive_status(path: Path_) -> ArchiveStatus:
    """Return the contents of an archive, as its ledger records them, in the form that
    `nhn-cloudtrail archive status --format json` prints. The archive's files are not verified.

    Raises SourceNotFoundError if there is no archive, SourceError if its ledger is not valid.
    """
    return _native.archive_status(path)


def _globs(exclude: Sequence[object]) -> list[str]:
    globs = [glob for glob in exclude if isinstance(glob, str)]
    # A str is a sequence of characters, each of which would be a glob.
    if isinstance(exclude, str) or len(globs) < len(exclude):
        raise TypeError("exclude: a sequence of texts is wanted")
    return globs


def _argument(message: str) -> ArgumentError:
    return ArgumentError(message, code="INVALID_OPTION")
