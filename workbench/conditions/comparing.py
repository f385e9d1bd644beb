"""What a column that is known is asked: values of its kind, and the test that compares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import Any, TypeAlias, cast

import narwhals as nw

from workbench.conditions.frames import fold
from workbench.conditions.spans import interval_of
from workbench.conditions.tree import Comparison, Value

TRUE_WORDS = frozenset({"true", "yes", "y", "1", "ja", "wahr", "oui", "vrai"})
FALSE_WORDS = frozenset({"false", "no", "n", "0", "nein", "falsch", "non", "faux"})
Test: TypeAlias = Callable[..., nw.Expr]
_OPERATORS: dict[Comparison, Callable[[Any, Any], Any]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_FLIPPED: dict[Comparison, Comparison] = {"<": ">", "<=": ">="}


def opposite(test: Test) -> Test:
    return lambda column, values: ~test(column, values)


def compare(column: nw.Expr, values: Sequence[Any], *, operator: Comparison) -> nw.Expr:
    (value,) = values
    if isinstance(value, tuple):
        start, end = cast("tuple[datetime, datetime]", value)
        if operator in ("==", "!="):
            inside = inside_span(column, value)
            return inside if operator == "==" else ~inside
        edge = start if operator in ("<", ">=") else end
        return column < edge if operator in ("<", "<=") else column >= edge
    if isinstance(value, bool):
        return column if value == (operator == "==") else ~column
    return cast("nw.Expr", _OPERATORS[operator](column, value))


def between(column: nw.Expr, values: Sequence[Any], *, low_operator: Comparison, high_operator: Comparison) -> nw.Expr:
    low, high = values
    above = compare(column, [low], operator=_FLIPPED[low_operator])
    return above & compare(column, [high], operator=high_operator)


def one_of(column: nw.Expr, values: Sequence[Any]) -> nw.Expr:
    if all(isinstance(value, str) for value in values):
        return column.is_in(list(values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return column.cast(nw.Float64).is_in([float(value) for value in values])
    return fold(or_, [compare(column, [value], operator="==") for value in values])


def any_of(column: nw.Expr, values: Sequence[str]) -> nw.Expr:
    joined = nw.concat_str(nw.lit(";"), column, nw.lit(";"))
    return fold(or_, [joined.str.contains(f";{value};", literal=True) for value in values])


def all_of(column: nw.Expr, values: Sequence[str], *, exactly: bool) -> nw.Expr:
    wanted = list(dict.fromkeys(values))
    every = fold(and_, [any_of(column, [value]) for value in wanted])
    # with nothing else in the cell it is as long as its values and what stands between them
    return every & (column.str.len_chars() == len(";".join(wanted))) if exactly else every


def inside_span(column: nw.Expr, span: tuple[datetime, datetime]) -> nw.Expr:
    return (column >= span[0]) & (column < span[1])


TEXTS: Mapping[str, Test] = {
    "contains": lambda column, values: column.str.to_lowercase().str.contains(values[0].lower(), literal=True),
    "starts_with": lambda column, values: column.str.to_lowercase().str.starts_with(values[0].lower()),
    "ends_with": lambda column, values: column.str.to_lowercase().str.ends_with(values[0].lower()),
}
NEEDED = {
    "number": "a number without quotes",
    "text": "a text in quotes",
    "bool": "true or false",
    "datetime": "a date in quotes",
}


def typed_as(values: Sequence[Value], kind: str) -> list[Any] | None:
    """The values as a column of that kind compares them, a date as the span it stands for; None if one does not fit."""
    typed = [_TYPED[kind](value) if kind in _TYPED else None for value in values]
    return None if any(value is None for value in typed) else typed


def _number(value: Value) -> Value | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Value) -> Value | None:
    return value if isinstance(value, str) else None


def _yes_or_no(value: Value) -> bool | None:
    word = str(value).strip().casefold()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


_TYPED: Mapping[str, Callable[[Value], Any]] = {
    "number": _number,
    "text": _text,
    "bool": _yes_or_no,
    "datetime": interval_of,
}
