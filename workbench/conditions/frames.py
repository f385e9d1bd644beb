"""Columns and joins that are the same on every engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeVar, cast

import narwhals as nw

from workbench import engines

ID = "hs_object_id"

_T = TypeVar("_T")


def fold(operator: Callable[[_T, _T], _T], parts: Sequence[_T]) -> _T:
    """Combine in a balanced tree, so that a long list does not become a deep expression."""
    if len(parts) <= 2:
        return reduce(operator, parts)
    half = len(parts) // 2
    return operator(fold(operator, parts[:half]), fold(operator, parts[half:]))


def inner_join(left: engines.Frame, right: engines.Frame, on: Sequence[str]) -> engines.Frame:
    if isinstance(left, nw.LazyFrame):
        return left.join(right.lazy(), on=list(on))
    return left.join(cast("nw.DataFrame[Any]", right), on=list(on))


def naive(name: str, frame: engines.Frame) -> nw.Expr:
    """A column of times in microseconds without a zone."""
    dtype = frame.collect_schema()[name]
    column = nw.col(name)
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        return column.dt.replace_time_zone(None)
    return column.cast(nw.Datetime("us")) if isinstance(dtype, nw.Date) else column


def left_join(
    frame: engines.Frame, totals: engines.Frame, names: Sequence[str], numbers: Sequence[str], key: nw.Expr, on: str
) -> engines.Frame:
    """The frame with the totals of each row's key, numbers 0 where there are none; `on` is a free name for the key."""
    filled = [nw.col(name).fill_null(0).cast(nw.Int64) if name in numbers else nw.col(name) for name in names]
    totals = totals.rename({ID: on})
    if isinstance(frame, nw.LazyFrame):
        return frame.with_columns(key.alias(on)).join(totals.lazy(), on=on, how="left").with_columns(*filled).drop(on)
    # Only the keys are joined, so that the rows keep their order and a pandas frame its index.
    keys = frame.select(key.alias(on)).with_row_index("_row")
    joined = keys.join(cast("nw.DataFrame[Any]", totals), on=on, how="left").sort("_row").with_columns(*filled)
    return frame.with_columns(*[joined[name] for name in names])


def as_text(name: str, kind: str) -> nw.Expr:
    """A column of ids of that kind as text, whole numbers without a decimal point."""
    column = nw.col(name)
    if kind == "text":
        return column
    return (column.cast(nw.Int64) if kind == "number" else column).cast(nw.String)
