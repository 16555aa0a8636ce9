"""Telling how far a reading has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Tell = Callable[[int, int | None], object]
Begun = tuple[Tell, Callable[[], object]]


def begin(progress: Any) -> Begun | None:
    """What is to be called on the way, and at the end; None where nobody wants to know."""
    if progress is False:
        return None
    if progress is not True:
        if not callable(progress):
            raise TypeError("progress: a function of two arguments, or a bool, is wanted")
        return progress, lambda: None
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped]
    except ImportError:
        return None
    bar = tqdm(unit="B", unit_scale=True, unit_divisor=1024, desc="reading")

    def tell(read: int, total: int | None) -> None:
        bar.total = total
        bar.update(read - bar.n)

    return tell, bar.close
