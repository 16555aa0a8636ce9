"""What a filter of pyarrow, or of another engine, asks for, as filters of ours.

A `pyarrow.compute.Expression` cannot be looked into, but it pickles itself as an Arrow file: a
batch of one row, whose columns are the literals, and whose schema's metadata is the expression's
tree, node by node. Repeated keys are lost in `schema.metadata`, not in the Arrow C data interface.

What is not understood is left out: whoever uses this applies the whole expression afterwards, so
that the filters need only let through all that it lets through.
"""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from ._frames import module
from ._native import Catalog

Term: TypeAlias = tuple[str, str, list[Any]]
"""A column, a comparison (`equal`, `less`, `greater_equal` and so on), and what the column is
compared to: for `equal` any of the values. Times are microseconds since 1970."""


class Wanted(NamedTuple):
    """What an expression asks for."""

    columns: set[str] | None
    """The columns that it looks at; None where that is not known."""
    filters: dict[str, Any]
    """Filters that let through all that it lets through, and more."""


class _Schema(ctypes.Structure):
    _fields_ = (
        ("format", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("metadata", ctypes.c_void_p),
    )


def _metadata(schema: Any) -> Iterator[tuple[str, str]]:
    """Keys and values in their order, as the Arrow C data interface lays them out."""
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    capsule = schema.__arrow_c_schema__()
    at = _Schema.from_address(pointer(capsule, b"arrow_schema")).metadata

    def number() -> int:
        nonlocal at
        value = ctypes.c_int32.from_address(at).value
        at += 4
        return value

    def text() -> str:
        nonlocal at
        length = number()
        value = ctypes.string_at(at, length)
        at += length
        return value.decode()

    for _ in range(number() if at else 0):
        yield text(), text()


class _Node(NamedTuple):
    kind: str
    """`field`, `literal`, or the name of the function that is called."""
    value: Any
    """The name of a field, the scalar of a literal, the options of a call."""
    arguments: list[_Node]


def _tree(expression: Any) -> _Node:
    pa: Any = module("pyarrow", "pyarrow")

    buffer = expression.__reduce__()[1][0]
    batch = pa.ipc.open_file(pa.BufferReader(buffer)).get_batch(0)
    nodes = _metadata(batch.schema)

    def node(key: str, value: str) -> _Node:
        if key == "literal":
            return _Node("literal", batch.column(int(value))[0], [])
        if key == "field_ref":
            return _Node("field", value, [])
        if key == "nested_field_ref":
            names = [next(nodes)[1] for _ in range(int(value))]
            return _Node("part of a field", names[0], [])
        if key != "call":
            raise ValueError(key)
        arguments: list[_Node] = []
        options = None
        for inner, what in nodes:
            if inner == "end":
                break
            if inner == "options":
                options = batch.column(int(what))[0]
            else:
                arguments.append(node(inner, what))
        return _Node(value, options, arguments)

    return node(*next(nodes))


def _columns(node: _Node) -> set[str]:
    if node.kind in ("field", "part of a field"):
        return {node.value}
    return set[str]().union(*map(_columns, node.arguments))


_FLIPPED = {
    "less": "greater",
    "less_equal": "greater_equal",
    "greater": "less",
    "greater_equal": "less_equal",
    "equal": "equal",
}


def _term(node: _Node) -> Term | None:
    """What a node asks for, with pyarrow's scalars."""
    kind, value, arguments = node
    if kind == "field":
        return value, "equal", [True]
    if kind in _FLIPPED and len(arguments) == 2:
        left, right = arguments
        if left.kind == "literal":
            left, right, kind = right, left, _FLIPPED[kind]
        if left.kind == "field" and right.kind == "literal":
            return left.value, kind, [right.value]
    elif kind == "is_in" and arguments[0].kind == "field":
        return arguments[0].value, "equal", list(value["value_set"].values)
    elif kind == "if_else" and len(arguments) == 3:
        # DuckDB's way to say `is_in`, null where the value is null, which is not let through.
        condition, then, otherwise = arguments
        if (
            condition.kind == "is_valid"
            and otherwise.kind == "literal"
            and not otherwise.value.is_valid
        ):
            return _term(then)
    elif kind in ("or", "or_kleene"):
        terms = [_term(argument) for argument in arguments]
        columns = {term and term[:2] for term in terms}
        if len(columns) == 1 and (term := terms[0]) and term[1] == "equal":
            return term[0], "equal", [one for other in terms if other for one in other[2]]
    return None


def _conjuncts(node: _Node) -> Iterator[_Node]:
    if node.kind in ("and", "and_kleene"):
        for argument in node.arguments:
            yield from _conjuncts(argument)
    else:
        yield node


_SAME = {
    "event_id": "event",
    "event_source_type": "source_type",
    "region": "region",
    "user_id": "user",
    "user_name": "user",
    "user_id_no": "user",
    "project_id": "project",
    "project_name": "project",
}
_KINDS = ("create", "read", "update", "delete", "execute", "authenticate")
_PHASES = ("requested", "started", "completed", "failed", "cancelled")
_OUTCOMES = ("success", "failure", "unknown")


def _alternatives(column: str, values: list[Any], services: Collection[str]) -> dict[str, Any]:
    """The filter for a column that has one of these values."""
    if column == "known":
        return {"known": values[0]} if len(values) == 1 and isinstance(values[0], bool) else {}
    known = {"service": services, "kind": _KINDS, "phase": _PHASES, "outcome": _OUTCOMES}
    texts = [value for value in values if isinstance(value, str)]
    # Filters of ours take no notice of blanks around a value.
    if not texts or len(texts) < len(values) or any(one.strip() != one or not one for one in texts):
        return {}
    if column in known:
        return {column: texts} if all(text in known[column] for text in texts) else {}
    return {_SAME[column]: texts} if column in _SAME else {}


_UNITS = {"s": 1_000_000, "ms": 1000, "us": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _times(comparison: str, micros: int) -> dict[str, datetime]:
    """The filter for times before or after one, to the millisecond."""
    floor = micros // 1000
    millis = {
        "greater": {"since": floor},
        "greater_equal": {"since": floor},
        "less": {"until": floor + 1},
        "less_equal": {"until": floor + 1},
        "equal": {"since": floor, "until": floor + 1},
    }
    try:
        bounds = millis[comparison].items()
        return {name: _EPOCH + timedelta(milliseconds=bound) for name, bound in bounds}
    except OverflowError:
        return {}


def _terms(node: _Node) -> Iterator[Term]:
    for conjunct in _conjuncts(node):
        if term := _term(conjunct):
            column, comparison, scalars = term
            value = _micros if column == "event_time" else _value
            yield column, comparison, [value(scalar) for scalar in scalars]


def _value(scalar: Any) -> Any:
    return scalar.as_py() if hasattr(scalar, "as_py") else scalar


def _micros(scalar: Any) -> int | None:
    unit = _UNITS.get(getattr(getattr(scalar, "type", None), "unit", ""))
    return scalar.value * unit if unit is not None and scalar.is_valid else None


def filters_of(terms: Iterable[Term], services: Collection[str]) -> dict[str, Any]:
    """Filters that let through all that all of the terms let through, and more."""
    filters: dict[str, Any] = {}
    for column, comparison, values in terms:
        if column == "event_time":
            [micros] = values if len(values) == 1 else [None]
            found = {} if micros is None else _times(comparison, micros)
        elif comparison == "equal":
            found = _alternatives(column, values, services)
        else:
            found = {}
        # Of two that ask the same filter the first does.
        filters = {**found, **filters}
    if "since" in filters and "until" in filters and filters["since"] >= filters["until"]:
        del filters["until"]
    return filters


def beside(given: Mapping[str, Any], pushed: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the filters that can be asked for beside those that a user has given: alternatives
    of both would let through more, and a time of one before a time of the other would be a
    mistake."""
    times = {"since", "until"} if given.keys() & {"since", "until"} else set[str]()
    return {
        name: value for name, value in pushed.items() if name not in given and name not in times
    }


def wanted(expression: Any, catalog: Catalog) -> Wanted:
    """What an expression asks for, as far as it is understood."""
    try:
        tree = _tree(expression)
        columns = _columns(tree)
    except (ValueError, TypeError, AttributeError, LookupError, StopIteration, RecursionError):
        return Wanted(None, {})
    services = {service.slug for service in catalog.services()}
    try:
        return Wanted(columns, filters_of(_terms(tree), services))
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return Wanted(columns, {})
