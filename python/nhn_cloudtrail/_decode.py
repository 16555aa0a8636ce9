"""JSON inside of records."""

from __future__ import annotations

import json
import sys
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from ._errors import RecordError
from ._types import Position

DEEPEST = 4096
"""More than a record can be nested, by far."""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def decode(text: str, field: str, position: Position) -> Any:
    """A field's JSON text, decoded."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        source, record, line, byte = position
        place = f"{source or 'input'}, line {line} (record {record}, byte {byte})"
        raise RecordError(
            f"{place}: {field}: not JSON, though it is data all the same: {error}",
            code="INVALID_JSON",
            source=source,
            record=record,
            line=line,
            byte=byte,
            field=field,
        ) from None


def _integer(text: str) -> int | Decimal:
    # Python refuses to read integers of thousands of digits.
    return int(text) if len(text) <= 4000 else Decimal(text)


def _number(text: str) -> float | Decimal | str:
    try:
        number, exact = float(text), Decimal(text)
    except InvalidOperation:
        # An exponent of twenty digits is none for a Decimal.
        return text
    return number if Decimal(repr(number)) == exact else exact


def exact(text: str) -> Any:
    """JSON text decoded so that numbers keep their value."""
    try:
        return json.loads(text, parse_int=_integer, parse_float=_number)
    except RecursionError:
        # As deep as the reader was told to let through, which Python 3.11 was not.
        depth = sys.getrecursionlimit()
        sys.setrecursionlimit(depth + DEEPEST)
        try:
            return json.loads(text, parse_int=_integer, parse_float=_number)
        finally:
            sys.setrecursionlimit(depth)
