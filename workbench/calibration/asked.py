"""What was asked for, checked and completed: the score's column, and the dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import narwhals as nw
import pandas as pd

from workbench.engines import Frame, collect
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.outcomes import Outcome


def needs_score(columns: Mapping[str, str], score: str) -> None:
    numbers = [name for name, kind in columns.items() if kind == "number"]
    if score not in columns:
        raise WorkbenchError(
            f"unknown score column {score!r}; the number columns are {listing(numbers)}.{did_you_mean(score, columns)}"
        )
    if columns[score] != "number":
        raise WorkbenchError(
            f"the score column {score!r} holds {columns[score]}, not numbers; the number columns are "
            f"{listing(numbers)}."
        )


def date_of_export(
    frame: Frame, columns: Mapping[str, str], outcome: Outcome, as_of: str | date | None
) -> pd.Timestamp | None:
    """The date given, else the newest among the outcome's date columns, else None."""
    if as_of is not None:
        try:
            return pd.Timestamp(as_of).tz_localize(None)
        except (TypeError, ValueError) as problem:
            raise WorkbenchError(f"as_of is a date such as '2026-06-30', not {as_of!r}.") from problem
    dates = [name for name in {outcome.created, outcome.at} if name is not None and columns.get(name) == "datetime"]
    if not dates:
        return None
    newest = collect(frame.select(*[nw.col(name).max() for name in dates])).iloc[0].max()
    return None if pd.isna(newest) else pd.Timestamp(newest)


def days_of_creation(
    frame: Frame, columns: Mapping[str, str], outcome: Outcome, as_of: pd.Timestamp | None
) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The day on which the oldest lead was created, and the day from which weeks of creation are counted back.

    The latter is `as_of`, or the day after the newest lead where leads stopped coming before: weeks without any are no
    weeks of work. None without dates of creation.
    """
    if as_of is None or columns.get(outcome.created) != "datetime":
        return None
    created = nw.col(outcome.created)
    known = frame.filter(created <= nw.lit(as_of.to_pydatetime()))
    oldest, newest = collect(known.select(created.min().alias("oldest"), created.max().alias("newest"))).iloc[0]
    if pd.isna(newest):
        return None
    return pd.Timestamp(oldest).normalize(), min(as_of, pd.Timestamp(newest) + timedelta(days=1)).normalize()
