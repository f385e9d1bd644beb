"""Invented panels with a known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd


def long(values: np.ndarray, **columns: np.ndarray) -> pd.DataFrame:
    """A panel of `customer_id`, `month`, `value` from a matrix (customers, months); further columns one a customer."""
    n, months = values.shape
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i:05d}" for i in range(n)], months),
            "month": np.tile(np.arange(1, months + 1), n),
            "value": values.ravel(),
        }
        | {name: np.repeat(column, months) for name, column in columns.items()}
    )
    return frame[frame["value"].notna()].reset_index(drop=True)


def growing(
    n: int = 400,
    months: int = 12,
    *,
    by_month_12: float = 0.5,
    noise: float = 0.2,
    size: float = 0.4,
    spoiled: float = 0.0,
    seed: int = 1,
) -> np.ndarray:
    """Customers of lognormal size whose metric grows evenly to `by_month_12`; a share of the values spoiled upwards."""
    rng = np.random.default_rng(seed)
    base = rng.lognormal(6, size, (n, 1))
    growth = 1 + by_month_12 * np.arange(months) / 11
    values = base * growth * np.exp(rng.normal(0, noise, (n, months)))
    faults = np.where(rng.random((n, months)) < spoiled, rng.choice([30, 100, 300], (n, months)), 1)
    return values * faults


def with_calendar(panel: pd.DataFrame, start: np.ndarray) -> pd.DataFrame:
    """The panel with the first day of each row's month; `start` holds month 1 of each customer, from January 2020."""
    code = pd.factorize(panel["customer_id"])[0]
    number = start[code] + panel["month"].to_numpy() - 1
    days = pd.to_datetime(
        {"year": 2020 + number // 12, "month": number % 12 + 1, "day": np.ones(len(number), dtype=int)}
    )
    return panel.assign(calendar_month=days)
