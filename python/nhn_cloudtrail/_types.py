"""Small values, which the native module makes."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypedDict

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
    """

    records: int
    events: int
    rejects: int
    duplicates: int
    conflicts: int
    filtered: int


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

    event: Event IDs, or globs over them: `*` matches any text, dots too.
    service: Services: slugs, or names in any language.
    kind: Kinds of action.
    phase: Phases of actions; "none" is the act itself.
    outcome: How the call went.
    source_type: Through what it was done, such as `USER_CONSOLE`.
    user: Acting members: ID (which may be an e-mail address), name or UUID; case does not
        matter.
    ip: Addresses, or ranges such as `10.0.0.0/8`.
    project: Projects: ID or name; case does not matter.
    region: Regions, such as `KR1`; case does not matter.
    since: The first instant: a time, a date, or a span before now such as `7d` or `24h`.
    until: The first instant that is no longer wanted; a bare date includes that day.
    known: Whether the catalog must have the event's ID, or must not.
    text: Text that must stand in the request or the response, to the letter.
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
    since: str | datetime.date
    until: str | datetime.date
    known: bool
    text: str | Sequence[str]
    tz: str | datetime.tzinfo
