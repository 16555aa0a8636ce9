"""From our tables to those of others, which need not be installed."""

from __future__ import annotations

import importlib
from typing import Any


def module(name: str, wanted: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{wanted} is needed for this: pip install {wanted}", name=name
        ) from error


def to_pyarrow(table: Any) -> Any:
    return module("pyarrow", "pyarrow").table(table)


def to_record_batch_reader(stream: Any) -> Any:
    return module("pyarrow", "pyarrow").RecordBatchReader.from_stream(stream)


def to_polars(table: Any) -> Any:
    return module("polars", "polars").DataFrame(table)


def to_pandas(table: Any) -> Any:
    module("pandas", "pandas")
    return to_pyarrow(table).to_pandas()
