"""Small values, which the native module makes."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, NotRequired, TypedDict

from . import _html
from ._errors import CloudTrailError
from ._native import Entry

Lang = Literal["ko", "en", "ja"]
"""A language that the catalog has names in."""

OnError = Literal["raise", "skip", "collect"]
"""What becomes of records that cannot be read: the first raises; they are left out and counted;
they are kept in `rejects`."""

Kind = Literal["create", "read", "update", "delete", "execute", "authenticate"]
"""What sort of act an event is."""

Phase = Literal["requested", "started", "completed", "failed", "cancelled"]
"""How far an act has come, where the event's ID marks it."""

Outcome = Literal["success", "failure", "unknown"]
"""How the call went that an event records."""

Column = Literal[
    "event_time", "event_id", "event_name", "service", "resource", "verb", "kind", "phase",
    "outcome", "result_code", "result_message", "event_source_type", "user_id", "user_name",
    "user_id_no", "user_ip", "user_agent", "region", "org_id", "project_id", "project_name",
    "product_id", "app_key", "tenant_id", "target_members", "event_log_uuid", "request",
    "response", "extra", "known", "raw", "source", "source_record",
]  # fmt: skip
"""A column of the table. The last three are there on request only."""

Progress = bool | Callable[[int, int | None], object]
"""True for a bar, where tqdm is installed; or a function that is told, some times a second, how
many bytes were taken from the sources, and how many they have, None where one of them does not
say."""


class Stats(NamedTuple):
    """What was read: `records = events + rejects + duplicates`, always.

    records: All records that were read and not filtered out.
    events: Records that became events.
    rejects: Records that could not become events.
    duplicates: Records with the key and the content of one before; counted with `dedup`.
    conflicts: Events with the key of one before and other content; counted with `dedup`.
    filtered: Events that the filters left out; no part of `records`.
    unrecognized: Events whose record has no CloudTrail field, or is one of another system; they
        are among `events` too. Foreign or wrapped data perhaps: see `record_path`.
    nul_bytes: NUL bytes that were skipped before records, as a log has them that was truncated
        while it was written.
    """

    records: int
    events: int
    rejects: int
    duplicates: int
    conflicts: int
    filtered: int
    unrecognized: int = 0
    nul_bytes: int = 0


class Position(NamedTuple):
    """Where a record came from.

    source: The path, `-` for standard input, None for bytes and streams.
    record: The number of the record in its source, from 1.
    line: The line that it begins on, from 1; 0 where there are no lines, as in Parquet.
    byte: The byte that it begins at in the decompressed text, from 0.
    """

    source: str | None
    record: int
    line: int
    byte: int


class Reject(NamedTuple):
    """What could not become an event.

    position: Where it stands.
    code: The reason, as a stable name.
    message: The reason, in words.
    raw: The bytes as they came; of a record larger than the limit, 64 KiB at the most.
    length: How many bytes it has in the input, which may be more than `raw` holds.
    """

    position: Position
    code: str
    message: str
    raw: bytes
    length: int


class Action(NamedTuple):
    """What an event does.

    verb: The word that the ID uses for it.
    kind: What sort of act it is.
    phase: How far the act has come, where the ID marks it; None is the act itself.
    provenance: Whether the project decided it, or rules read it from the ID's words.
    """

    verb: str | None
    kind: Kind
    phase: Phase | None
    provenance: Literal["curated", "inferred"]


class TargetMember(NamedTuple):
    """A member that an event was done to.

    id_no: The member's UUID.
    name: The member's name.
    user_code: The member's code: text, or a whole number as written.
    email_address: The member's e-mail address.
    """

    id_no: str | None
    name: str | None
    user_code: str | None
    email_address: str | None


class Service(NamedTuple):
    """A service of NHN Cloud.

    slug: The project's short name for it, such as `rds-for-mysql`.
    name_ko: Its name in Korean.
    name_en: Its name in English.
    name_ja: Its name in Japanese.
    events: How many entries of the catalog belong to it.
    """

    slug: str
    name_ko: str
    name_en: str
    name_ja: str
    events: int

    def name(self, lang: Lang = "ko") -> str:
        """Its name in a language."""
        return {"ko": self.name_ko, "en": self.name_en, "ja": self.name_ja}[lang]


class ListRow(NamedTuple):
    """A row of an event list as it was published once.

    id: The event ID.
    name: The event's name.
    service: The service's name.
    """

    id: str
    name: str
    service: str


class Listing(NamedTuple):
    """From when to when the list of an edition had an ID.

    edition: The edition of NHN Cloud, such as `public` or `gov`.
    first: The first revision of the list with the ID.
    last: The last revision with it; None while the newest has it.
    """

    edition: str
    first: datetime.date
    last: datetime.date | None


class ResourceEffect(NamedTuple):
    """What the Resource Watcher guide says that an event does to resources of a type.

    resource_type: Resource Watcher's name of the type, such as `Infrastructure:VPC`.
    effect: What happens to such a resource; None where the guide says: nothing.
    """

    resource_type: str
    effect: Literal["create", "modify", "delete"] | None


class Written(NamedTuple):
    """What `write_parquet` has written.

    stats: The counts. Rows that a data set held already are among the duplicates.
    files: The files that are new.
    rejects: What could not become a row, with `on_error="collect"`.
    errors: What is wrong with whole sources, where that does not raise.
    """

    stats: Stats
    files: list[Path]
    rejects: list[Reject]
    errors: list[CloudTrailError]


class Entries(list[Entry]):
    """Entries of the catalog: a list that shows itself as a table in notebooks."""

    def _repr_html_(self) -> str:
        return _html.entries(self)


class Limits(TypedDict, total=False):
    """What a record may take, against hostile input.

    record_bytes: The bytes of a record, decompressed. By default 16 MiB.
    depth: How deep a record may be nested. By default 128.
    """

    record_bytes: int
    depth: int


class Filters(TypedDict, total=False):
    """Which events. The values of one filter are alternatives; an event must pass all filters that
    are given. One that lacks the field passes none. What makes no sense is an `ArgumentError`:
    a mistyped kind, service, address or time never looks like an empty log.

    event: Event IDs, or globs over them: `*` matches any text, dots too. An ID that the catalog
        does not have is accepted, as logs have newer ones; `catalog.suggest` knows what a
        mistyped one may have meant.
    service: Services: slugs, or names in any language.
    kind: Kinds of action.
    phase: Phases of actions; "none" is the act itself.
    outcome: How the call went.
    source_type: Through what it was done, such as `USER_CONSOLE`.
    user: Acting members: ID (which may be an e-mail address), name or UUID, or globs over them;
        case does not matter.
    ip: Addresses, or ranges such as `10.0.0.0/8`.
    project: Projects: ID or name; case does not matter.
    region: Regions, such as `KR1`; case does not matter.
    since: The first instant: a time, a date, a month such as `2026-10`, or a span before now: a
        timedelta, or text such as `7d` or `24h`.
    until: The first instant that is no longer wanted; a bare date includes that day, a month all
        of it.
    known: Whether the catalog must have the event's ID, or must not.
    text: Text that must stand in the request or the response, to the letter; their escapes are
        decoded.
    tz: The zone of times without an offset, such as `Asia/Seoul`. By default UTC.
    """

    event: str | Sequence[str]
    service: str | Sequence[str]
    kind: Kind | Sequence[Kind]
    phase: Phase | Literal["none"] | Sequence[Phase | Literal["none"] | None]
    outcome: Outcome | Sequence[Outcome]
    source_type: str | Sequence[str]
    user: str | Sequence[str]
    ip: str | Sequence[str]
    project: str | Sequence[str]
    region: str | Sequence[str]
    since: str | datetime.date | datetime.timedelta
    until: str | datetime.date | datetime.timedelta
    known: bool
    text: str | Sequence[str]
    tz: str | datetime.tzinfo


class SearchFilters(TypedDict, total=False):
    """Which events of a search: `Filters` without the period, which a search has anyway.

    event: Event IDs, or globs over them; all events are fetched for that, see `event_id`.
    service: Services: slugs, or names in any language.
    kind: Kinds of action.
    phase: Phases of actions; "none" is the act itself.
    outcome: How the call went.
    source_type: Through what it was done, such as `USER_CONSOLE`.
    user: Acting members: ID (which may be an e-mail address), name or UUID, or globs over them.
    ip: Addresses, or ranges such as `10.0.0.0/8`.
    project: Projects: ID or name.
    region: Regions, such as `KR1`.
    known: Whether the catalog must have the event's ID, or must not.
    text: Text that must stand in the request or the response, to the letter; their escapes are
        decoded.
    tz: The zone of times without an offset, such as `Asia/Seoul`. By default UTC.
    """

    event: str | Sequence[str]
    service: str | Sequence[str]
    kind: Kind | Sequence[Kind]
    phase: Phase | Literal["none"] | Sequence[Phase | Literal["none"] | None]
    outcome: Outcome | Sequence[Outcome]
    source_type: str | Sequence[str]
    user: str | Sequence[str]
    ip: str | Sequence[str]
    project: str | Sequence[str]
    region: str | Sequence[str]
    known: bool
    text: str | Sequence[str]
    tz: str | datetime.tzinfo


class StorageOptions(TypedDict, total=False):
    """How buckets of Object Storage are reached. What is absent comes from the environment, else
    from the config file, as `Client` finds it.

    endpoint: The URL of the S3-compatible API. Else `NHN_CLOUDTRAIL_S3_ENDPOINT`,
        `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`.
    region: The region, such as `kr1`. Else `NHN_CLOUDTRAIL_S3_REGION`, `AWS_REGION`,
        `AWS_DEFAULT_REGION`.
    access_key_id: The access key of the S3 credentials. Else
        `NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID`, `AWS_ACCESS_KEY_ID`.
    secret_access_key: Their secret key. Else `NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY`,
        `AWS_SECRET_ACCESS_KEY`.
    """

    endpoint: str | None
    region: str | None
    access_key_id: str | None
    secret_access_key: str | None


class ToastMember(TypedDict):
    """A member of NHN Cloud, as a search wants it told.

    member_type: Always "TOAST".
    email_address: The member's e-mail address.
    id_no: The member's UUID.
    """

    member_type: Literal["TOAST"]
    email_address: str
    id_no: NotRequired[str]


class IamMember(TypedDict):
    """A member of the organization's IAM, as a search wants it told.

    member_type: Always "IAM".
    user_code: The member's code.
    id_no: The member's UUID.
    """

    member_type: Literal["IAM"]
    user_code: str
    id_no: NotRequired[str]


Member = ToastMember | IamMember
"""The acting member of a search: `{"member_type": "TOAST", "email_address": ...}` or
`{"member_type": "IAM", "user_code": ...}`, either with an `id_no` or without."""


class Collected(NamedTuple):
    """How far a collection has come.

    fetched: How many records have come.
    done: How much of `total` is done.
    total: How much there is to fetch: milliseconds of time, or bytes of objects. It changes when
        the API is asked for what came meanwhile, and when the bucket's turn comes.
    requests: How many requests were sent to the API.
    """

    fetched: int
    done: int
    total: int
    requests: int


class Gap(NamedTuple):
    """What a collection did not come to.

    since: Since when; None of an object.
    until: Until when; None of an object.
    object: The object's URL; None of a period.
    reason: What is the matter, in words.
    """

    since: datetime.datetime | None
    until: datetime.datetime | None
    object: str | None
    reason: str


class Report(NamedTuple):
    """What `collect` has done.

    fetched: Records received; some more than once, since periods overlap.
    new: Records added to the archive.
    known: Records that the archive already had, or that were received before in the same run.
    rejected: Records that could not become events; their bytes are kept.
    conflicts: New records with the key of another record but different content; both are kept.
    gaps: What is missing. The next run fetches it.
    requests: Number of requests sent to the API.
    objects: Number of objects read.
    head: Hash of the ledger's last line, to be kept outside of the archive; see `verify_archive`.
    error: The error that ended the collection early, or None.
    warnings: Problems that do not make anything missing, such as a wrong clock.
    """

    fetched: int
    new: int
    known: int
    rejected: int
    conflicts: int
    gaps: list[Gap]
    requests: int
    objects: int
    head: str
    error: CloudTrailError | None
    warnings: list[str]

    @property
    def is_complete(self) -> bool:
        """Whether all was fetched, and all of it became events."""
        return not self.gaps and not self.rejected and self.error is None


class Finding(NamedTuple):
    """A difference between an archive and its ledger.

    kind: A file or a ledger entry has other content, is missing, was never recorded, or is in the
        place of another one; the ledger's head is not the known one; the signature is not valid;
        the last run ended too long ago.
    path: Path of the file in the archive.
    message: Description of the finding.
    """

    kind: Literal["altered", "removed", "added", "moved", "head", "signature", "age"]
    path: str
    message: str


class Verified(NamedTuple):
    """The result of `verify_archive`.

    findings: Differences from what was recorded.
    entries: Number of entries of the ledger.
    files: Number of files that the archive should have according to the ledger.
    records: Number of records in them.
    head: Hash of the ledger's last line.
    interrupted: Whether a run is in progress or was interrupted, according to its journal. The next
        run completes an interrupted one.
    settled: Number of losses that were repaired or acknowledged as final. They are not findings.
    """

    findings: list[Finding]
    entries: int
    files: int
    records: int
    head: str
    interrupted: bool
    settled: int

    @property
    def is_intact(self) -> bool:
        """Whether everything is as recorded."""
        return not self.findings


class Counts(TypedDict):
    """What became of the records of a run; the same as in `Report`.

    fetched: Records that came, some of them more than once.
    new: Records that the archive has gained.
    known: Records that it had, or that came before in the same run.
    rejected: Records that could not become events; their bytes are kept.
    conflicts: New records with the key of another one and other content.
    """

    fetched: int
    new: int
    known: int
    rejected: int
    conflicts: int


class Stretch(TypedDict):
    """A period or an object that a run did not come to, or a period that an archive lacks.

    since: Since when, RFC 3339; absent of an object.
    until: Until when.
    object: The object's URL; absent of a period.
    reason: What is the matter; absent where the ledger does not say it.
    """

    since: NotRequired[str]
    until: NotRequired[str]
    object: NotRequired[str]
    reason: NotRequired[str]


class ArchiveDay(TypedDict):
    """A day of an archive, UTC.

    date: `YYYY-MM-DD`; None for events without a time.
    events: How many events.
    files: How many files.
    bytes: How many bytes.
    """

    date: str | None
    events: int
    files: int
    bytes: int


class ArchiveSource(TypedDict):
    """Contents of an archive from an organization that was collected from the API.

    source: A hash of the base URL and the appkey.
    name: Its name in the config file; None if it has no name.
    since: Start, RFC 3339.
    until: End, RFC 3339.
    gaps: Missing periods in between.
    """

    source: str
    name: str | None
    since: str
    until: str
    gaps: list[Stretch]


class ArchiveBucket(TypedDict):
    """Contents of an archive from a named bucket.

    source: `s3://bucket` or `s3://bucket/prefix`.
    name: Its name in the config file.
    objects: Number of its objects that were read.
    """

    source: str
    name: str
    objects: int


class ArchiveLock(TypedDict):
    """A run that adds to an archive.

    holder: How the run identifies itself.
    since: Start of the run, RFC 3339; None if `holder` does not contain it.
    """

    holder: str
    since: str | None


class ArchiveLoss(TypedDict):
    """Something that an archive has lost: a file, an object, or a period.

    path: Path of a file in the archive, or URL of an object.
    since: Start of a period, RFC 3339.
    until: End of a period, RFC 3339.
    source: The organization of a period, by its hash.
    records: Number of records of a lost file.
    state: "open", "repaired" (read again), or "final" (acknowledged).
    reason: How it was repaired, why it is final, or what is wrong.
    time: When it was repaired or acknowledged, RFC 3339.
    """

    path: NotRequired[str]
    since: NotRequired[str]
    until: NotRequired[str]
    source: NotRequired[str]
    records: NotRequired[int]
    state: Literal["open", "repaired", "final"]
    reason: str
    time: NotRequired[str]


class ArchivePruned(TypedDict):
    """Days that were pruned from an archive.

    before: The first day that was kept, `YYYY-MM-DD`.
    reason: The reason that was given.
    time: When they were pruned, RFC 3339.
    days: Number of days.
    files: Number of files.
    records: Number of records.
    bytes: Size in bytes.
    """

    before: str
    reason: str
    time: str
    days: int
    files: int
    records: int
    bytes: int


class ArchiveRun(TypedDict):
    """A run of `collect`.

    begun: When it began, RFC 3339.
    ended: When it ended.
    records: What it fetched.
    gaps: What it did not come to.
    """

    begun: str
    ended: str
    records: Counts
    gaps: list[Stretch]


class ArchiveStatus(TypedDict):
    """The contents of an archive.

    events: Number of events.
    rejects: Number of records that could not become events.
    files: Number of files.
    bytes: Total size of the files in bytes.
    head: Hash of the ledger's last line.
    days: Days with events, in order.
    sources: Organizations that were collected from the API.
    objects: Number of objects read from buckets.
    buckets: Buckets that have names.
    losses: What was lost, with its state.
    pruned: What was pruned.
    compactable: Number of files that `archive compact` merges.
    last_run: The last run that was completed; None if there is none.
    lock: The run that is adding to the archive; None if there is none.
    """

    events: int
    rejects: int
    files: int
    bytes: int
    head: str
    days: list[ArchiveDay]
    sources: list[ArchiveSource]
    objects: int
    buckets: list[ArchiveBucket]
    losses: list[ArchiveLoss]
    pruned: list[ArchivePruned]
    compactable: int
    last_run: ArchiveRun | None
    lock: ArchiveLock | None
