"""How things show themselves in notebooks. Whatever comes from a record is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from ._native import _printable

if TYPE_CHECKING:
    from ._native import Entry, Event, Table

ROWS = 10
LONGEST = 120

_NONE = '<span style="opacity:.5">–</span>'
_LEFT = ' style="text-align:left;white-space:pre-wrap"'


def _clean(text: str) -> str:
    """Text without characters that cannot be seen. Line feeds and tabs stay, which HTML shows."""
    return re.sub(r"[^\n\t]+", lambda match: _printable(match[0]), text)


def _text(value: object) -> str:
    if value is None:
        return _NONE
    text = str(value)
    more = "…" if len(text) > LONGEST else ""
    return escape(_clean(text[:LONGEST])) + more


def _grid(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    heads = "".join(f"<th{_LEFT}>{escape(name)}</th>" for name in head)
    lines = "".join(
        "<tr>" + "".join(f"<td{_LEFT}>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _pairs(title: str, pairs: Iterable[tuple[str, object]]) -> str:
    lines = "".join(
        f"<tr><th{_LEFT}>{escape(name)}</th><td{_LEFT}>{_text(value)}</td></tr>"
        for name, value in pairs
        if value is not None
    )
    return f"<table><caption><b>{_text(title)}</b></caption><tbody>{lines}</tbody></table>"


def event(event: Event) -> str:
    """An event: the flat form, without what is absent."""
    return _pairs(event.name() or event.event_id or "Event", event.to_dict().items())


def table(table: Table) -> str:
    """The first rows of a table."""
    rows, columns = len(table), table.num_columns
    note = f"{rows:,} rows × {columns} columns"
    if rows > ROWS:
        note += f"; the first {ROWS}"
    return _grid(table.column_names, table._texts(ROWS)) + f"<p>{note}</p>"


def entry(entry: Entry) -> str:
    """An entry of the catalog."""
    action = entry.action
    pairs: list[tuple[str, object]] = [
        ("ko", entry.name("ko")),
        ("en", entry.name("en")),
        ("ja", entry.name("ja")),
        ("former names", ", ".join(entry.former_names) or None),
        ("services", ", ".join(entry.services)),
        ("resource", entry.resource),
    ]
    if action is not None:
        pairs += [("verb", action.verb), ("kind", action.kind), ("phase", action.phase)]
    pairs += [
        (
            "effects",
            ", ".join(": ".join(filter(None, effect)) for effect in entry.effects) or None,
        ),
        ("first listed", entry.first_listed),
        ("last listed", entry.last_listed),
        ("retired", "yes" if entry.retired else None),
    ]
    return _pairs(entry.id, pairs)


def entries(entries: Sequence[Entry]) -> str:
    """What a search found."""
    shown = entries[:100]
    head = ["id", "ko", "en", "service", "kind", "phase"]
    rows = (
        [
            one.id,
            one.name("ko"),
            one.name("en"),
            one.service,
            one.action.kind if one.action else None,
            one.action.phase if one.action else None,
        ]
        for one in shown
    )
    more = f"; the first {len(shown)}" if len(shown) < len(entries) else ""
    return _grid(head, rows) + f"<p>{len(entries):,} events{more}</p>"
