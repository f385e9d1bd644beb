"""Spans of time: the days, calendar periods and anniversaries that a condition means, seen from a date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import narwhals as nw

from workbench.conditions.parsing import MONTHS
from workbench.conditions.tree import InPeriod, Value
from workbench.errors import WorkbenchError

LEAP_DAY, DAY_BEFORE = 229, 228  # as month and day in one number
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?")


@dataclass(frozen=True, slots=True)
class Moment:
    """The time as of which a table is looked at: from `start` to just before `end`."""

    start: datetime
    end: datetime


def moment(as_of: str | date | Moment | None) -> Moment | None:
    """The time meant by `as_of`: a day (or a midnight) is the whole of that day, any other time that instant.

    Raises
    ------
    WorkbenchError
        If `as_of` is no date.
    """
    if as_of is None or isinstance(as_of, Moment):
        return as_of
    if isinstance(as_of, str):
        found = interval_of(as_of.strip())
        if found is None:
            raise WorkbenchError(f"as_of is a date such as '2026-06-30', not {as_of!r}.")
        start = found[0]
    elif isinstance(as_of, datetime):
        # a pandas Timestamp may have nanoseconds
        start = datetime.combine(as_of.date(), as_of.time().replace(tzinfo=None))
    elif isinstance(as_of, date):
        start = datetime.combine(as_of, time())
    else:
        raise WorkbenchError(f"as_of is a date such as '2026-06-30', not {as_of!r}.")
    whole_day = start.time() == time()
    return Moment(start, start + (timedelta(days=1) if whole_day else timedelta(microseconds=1)))


def interval_of(value: Value) -> tuple[datetime, datetime] | None:
    """`"2026-06-30"` is that day, `"2026-06-30 10:00"` that minute: from its start to just before its end."""
    found = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction = found.groups()
    try:
        start = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "").ljust(6, "0")),
        )
        unit = (
            timedelta(microseconds=1)
            if fraction
            else timedelta(seconds=1)
            if second
            else timedelta(minutes=1)
            if minute
            else timedelta(days=1)
        )
        return start, start + unit
    except (ValueError, OverflowError):
        return None


def period_span(node: InPeriod, day: date) -> tuple[datetime, datetime]:
    """Start and end (no longer inside) of the periods; a week starts on Monday.

    Raises
    ------
    OverflowError
        Where the periods lie outside of the calendar.
    """
    first = {"in_this": 0, "in_last": -node.periods, "in_next": 1}[node.period]
    return _start(node, day, first), _start(node, day, first + node.periods)


def _start(node: InPeriod, day: date, later: int) -> datetime:
    """Midnight at the start of the period that holds `day`, or of one so many periods later."""
    if node.unit in ("day", "week"):
        back = day.weekday() if node.unit == "week" else 0
        length = 7 if node.unit == "week" else 1
        return datetime.combine(day, time()) + timedelta(days=later * length - back)
    months = {"month": 1, "quarter": 3, "year": 12}[node.unit]
    offset = 0 if node.fiscal is None else MONTHS.index(node.fiscal)
    counted = day.year * 12 + day.month - 1 - offset
    counted = (counted // months + later) * months + offset
    if not 12 <= counted < 120_000:
        raise OverflowError
    return datetime(counted // 12, counted % 12 + 1, 1)


def has_anniversary(column: nw.Expr, start: datetime, end: datetime) -> nw.Expr:
    """Whether the day of the year comes round between `start` and `end` (no longer inside), in a later year.

    29 February comes round on 28 February where there is no other.
    """
    first, last = start.date(), (end - timedelta(microseconds=1)).date()
    low, high = _day_of_year(first), _day_of_year(last)
    if high == DAY_BEFORE and not _leap(last.year):
        high = LEAP_DAY
    # blanks fit no integer
    found = column.dt.month().cast(nw.Float64) * 100 + column.dt.day().cast(nw.Float64)
    this_year = (found <= high) & (column < datetime(last.year, 1, 1))
    if end - start > timedelta(days=365):
        return this_year | (column < datetime(last.year - 1, 1, 1))
    if first.year == last.year:
        return this_year & (found >= low)
    return this_year | ((found >= low) & (column < datetime(first.year, 1, 1)))


def _day_of_year(day: date) -> int:
    return day.month * 100 + day.day


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
