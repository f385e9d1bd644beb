"""In at one line, out at a lower one: how often a lead that was handed over comes back, month by month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.wording import percent, points


@dataclass(frozen=True, slots=True, kw_only=True)
class Hysteresis:
    """Leads that cross a line (`line`), with the way out at the same line and at a lower one (`out`)."""

    line: float
    out: float
    rows: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """One row a way out and month: out, month (its end), n_leads, n_in, n_first, n_again, n_left.

        `n_in` are the leads that are in at the end of the month; `n_first` those that came in for the first time,
        `n_again` those that had been in before and left; `n_left` those that fell out.
        """
        return self.rows

    def again(self, out: float) -> float:
        """Share (0 to 1) of all that come in who had been in before; NaN where nobody comes in."""
        here = self.rows[self.rows["out"] == out]
        again, first = int(here["n_again"].sum()), int(here["n_first"].sum())
        return again / (again + first) if again + first else float("nan")

    def headline(self) -> str:
        """What the lower way out spares, in a sentence."""
        months = self.rows["month"].nunique()
        first = int(self.rows.loc[self.rows["out"] == self.out, "n_first"].sum())
        start = f"In at {points(self.line)}, over {months} months, {first:,} leads came in for the first time"
        if not first:
            return f"{start}."
        one, two = self.again(self.line), self.again(self.out)
        return (
            f"{start} ({first / months:,.1f} a month); {percent(one)} of all that came in were flickering back where "
            f"they fall out below {points(self.line)}, {percent(two)} where they fall out below {points(self.out)}."
        )


def hysteresis(paths: NDArray[np.float32], months: pd.DatetimeIndex, line: float, out: float) -> Hysteresis:
    """Leads in and out by month, of scores by lead and month (NaN where a lead was not there)."""
    if not out <= line:
        raise WorkbenchError(
            f"the way out lies at or below the way in, but out={points(out)} and line={points(line)} were given; "
            f"use for instance out={points(line - 10)}."
        )
    rows = []
    for low in dict.fromkeys((line, out)):
        inside = np.zeros(len(paths), dtype=bool)
        ever = np.zeros(len(paths), dtype=bool)
        for month, score in zip(months, paths.T, strict=True):
            there = ~np.isnan(score)
            now = (score >= line) | (inside & (score >= low))
            entered = now & ~inside
            rows.append(
                {
                    "out": low,
                    "month": month,
                    "n_leads": int(there.sum()),
                    "n_in": int(now.sum()),
                    "n_first": int((entered & ~ever).sum()),
                    "n_again": int((entered & ever).sum()),
                    "n_left": int((inside & ~now & there).sum()),
                }
            )
            ever |= now
            inside = now
    return Hysteresis(line=line, out=out, rows=pd.DataFrame(rows))
