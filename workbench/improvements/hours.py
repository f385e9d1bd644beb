"""Hours between two times, by the clock or within working hours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.stats.resampling import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessHours:
    """When a team works: days of the week (0 is Monday), hours of the day (8.5 is half past eight), free days."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    start: float = 9.0
    end: float = 17.0
    holidays: tuple[dt.date, ...] = ()

    def __post_init__(self) -> None:
        if not self.days or not set(self.days) <= set(range(7)):
            raise WorkbenchError(f"working days are numbers from 0 (Monday) to 6 (Sunday); got {self.days!r}.")
        if not 0 <= self.start < self.end <= 24:
            raise WorkbenchError(
                f"working hours start before they end, between 0 and 24; got {self.start!r} to {self.end!r}."
            )

    def label(self) -> str:
        """`Mon, Tue 9 to 17.5, 3 holidays`."""
        names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
        days = ", ".join(names[day] for day in sorted(set(self.days)))
        return f"{days} {self.start:g} to {self.end:g}, {len(self.holidays)} holidays"


def hours_between(start: pd.Series, end: pd.Series, working: BusinessHours | None = None) -> Floats:
    """Hours from `start` to `end`, both datetimes; only those within working hours where they are given.

    NaN where either is blank. An end before its start gives a negative number by the clock, and 0 in working hours
    unless working time lies between: check the order first.
    """
    if working is None:
        found: Floats = ((end - start).dt.total_seconds() / 3600).to_numpy(dtype=float)
        return found
    known = (start.notna() & end.notna()).to_numpy()
    hours = np.full(len(start), np.nan)
    hours[known] = _worked(end[known], working) - _worked(start[known], working)
    return hours


def _worked(at: pd.Series, working: BusinessHours) -> Floats:
    """Working hours from a fixed Monday to each time."""
    day = at.to_numpy().astype("datetime64[D]")
    of_day = (at.to_numpy() - day) / np.timedelta64(1, "h")
    week: Sequence[bool] = [weekday in working.days for weekday in range(7)]
    holidays = np.array(working.holidays, dtype="datetime64[D]")
    whole = np.busday_count(np.datetime64("1970-01-05"), day, weekmask=week, holidays=holidays)
    today = np.is_busday(day, weekmask=week, holidays=holidays)
    length = working.end - working.start
    found: Floats = whole * length + np.where(today, np.clip(of_day - working.start, 0, length), 0)
    return found
