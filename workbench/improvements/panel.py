"""A panel (one row a customer, month and metric) as arrays, with a count of everything that could not be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame
from numpy.typing import NDArray

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.improvements.metrics import Metric
from workbench.stats.resampling import Floats
from workbench.wording import plural

UNKNOWN_GROUP = "(unknown)"
MOST_MONTHS = 1_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of fault in a panel, and how many values of how many customers it touched."""

    code: str
    text: str
    n_values: int
    n_customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One metric's months: rows are customers, columns months. A NaN is a month without a value."""

    metric: Metric
    customers: NDArray[np.object_]
    months: NDArray[np.int64]  # consecutive
    value: Floats  # also NaN where the denominator is 0
    numerator: Floats  # the value itself, over 1, where there is no denominator
    denominator: Floats
    has_denominator: bool
    start: NDArray[np.integer] | None  # calendar month of month 1, as months since year 0; None without calendar months
    last_calendar_month: int | None
    groups: Mapping[str, NDArray[np.object_]]
    findings: tuple[Finding, ...]

    @property
    def n_customers(self) -> int:
        return len(self.customers)

    def column(self, month: int) -> int:
        """The column of a month; a WorkbenchError where the panel has none."""
        if not self.months[0] <= month <= self.months[-1]:
            raise WorkbenchError(
                f"month {month} was asked for; the panel of {self.metric.name!r} has months {self.months[0]} to "
                f"{self.months[-1]}."
            )
        return int(month - self.months[0])

    def without(self, cells: NDArray[np.bool_]) -> Panel:
        """The panel with these cells blanked."""
        return replace(
            self,
            value=np.where(cells, np.nan, self.value),
            numerator=np.where(cells, np.nan, self.numerator),
            denominator=np.where(cells, np.nan, self.denominator),
        )

    def calendar_month(self) -> NDArray[np.integer]:
        """The calendar month (months since year 0) of each cell, shape as `value`."""
        if self.start is None:
            raise WorkbenchError("the panel has no column 'calendar_month' (the first day of each row's month).")
        number: NDArray[np.integer] = self.start[:, None] + self.months[None, :] - 1
        return number


def calendar_number(dates: pd.Series) -> NDArray[np.integer]:
    """Calendar months counted from year 0: 12 * year + month - 1."""
    days = pd.to_datetime(dates)
    number: NDArray[np.integer] = (12 * days.dt.year + days.dt.month - 1).to_numpy(dtype=np.int64)
    return number


def read_panel(
    panel: IntoFrame | Panel,
    metric: Metric,
    *,
    by: Sequence[str] = (),
    first_month: int = 1,
    rates: Mapping[str, float] | None = None,
) -> Panel:
    """Read one metric's rows of a panel of any kind of table; what has been read before comes back with these groups.

    Raises:
        WorkbenchError: a column, or rows of the metric, are missing; no value can be used; currencies without rates.
    """
    if isinstance(panel, Panel):
        missing = [name for name in by if name not in panel.groups]
        if missing or panel.metric != metric:
            raise WorkbenchError(
                f"this panel was read for {panel.metric.name!r} and the groups {listing(panel.groups) or 'none'}, not "
                f"for {metric.name!r} and {listing(by) or 'none'}: read it anew."
            )
        return replace(panel, groups={name: panel.groups[name] for name in by})
    rows = _rows(panel, metric, by)
    findings: list[Finding] = []

    def set_aside(bad: pd.Series | NDArray[np.bool_], code: str, text: str) -> None:
        nonlocal rows
        bad = np.asarray(bad, dtype=bool)
        if bad.any():
            count = int(bad.sum())
            findings.append(
                Finding(
                    code=code,
                    text=f"{plural(count, 'row')} {text}",
                    n_values=count,
                    n_customers=int(rows.loc[bad, "customer_id"].nunique()),
                )
            )
            rows = rows[~bad]

    set_aside(rows["customer_id"].isna(), "no_customer", "without a customer set aside")
    month = pd.to_numeric(rows["month"], errors="coerce")
    whole = month.notna() & (month == np.floor(month)) & (month.abs() <= MOST_MONTHS)
    set_aside(~whole, "bad_month", "whose month is blank or no whole number of months set aside")
    rows = rows.assign(month=month[whole].astype("int64"))
    set_aside(rows["month"] < first_month, "before_purchase", f"before month {first_month} set aside")
    rows = _convert(rows, metric, rates)
    rows = _values(rows, metric)
    given = rows["value"].notna()
    set_aside(given & ~np.isfinite(rows["value"]), "infinite", "with an infinite value set aside")
    set_aside(
        (rows[["value", "numerator", "denominator"]] < 0).any(axis=1), "negative", "with a negative value set aside"
    )
    no_base = rows["denominator"] == 0
    if no_base.any():
        findings.append(
            Finding(
                code="zero_denominator",
                text=f"{plural(int(no_base.sum()), 'month')} where {metric.denominator} is 0: no ratio of its own",
                n_values=int(no_base.sum()),
                n_customers=int(rows.loc[no_base, "customer_id"].nunique()),
            )
        )
    if rows.duplicated(["customer_id", "month"]).any():
        content = ["customer_id", "month", "value", "numerator", "denominator"]
        set_aside(rows.duplicated(content), "duplicate", "that say the same again merged")
        set_aside(
            rows.duplicated(["customer_id", "month"], keep=False),
            "conflict",
            "that contradict another of the same customer and month set aside",
        )
    if not rows["value"].notna().any():
        why = f": {'; '.join(finding.text for finding in findings)}." if findings else "."
        raise WorkbenchError(f"the panel has no usable value of {metric.name!r}{why}")
    return _arrays(rows, metric, by, first_month, findings)


def _rows(panel: IntoFrame, metric: Metric, by: Sequence[str]) -> pd.DataFrame:
    frame = nw.from_native(panel)
    columns = frame.collect_schema().names()
    for name in ("customer_id", "month", *by):
        if name not in columns:
            raise WorkbenchError(
                f"the panel has no column {name!r}; it has {listing(columns)}.{did_you_mean(name, columns)}"
            )
    measures = [name for name in ("value", "numerator", "denominator") if name in columns]
    if not {"value", "numerator"} & set(measures):
        raise WorkbenchError(
            f"the panel needs a column 'value', or 'numerator' and 'denominator'; it has {listing(columns)}."
        )
    if "metric" in columns:
        frame = frame.filter(nw.col("metric") == metric.name)
    extra = [name for name in ("calendar_month", "currency") if name in columns]
    frame = frame.select(dict.fromkeys(["customer_id", "month", *measures, *extra, *by]))
    native = frame.collect("pandas") if isinstance(frame, nw.LazyFrame) else frame
    rows: pd.DataFrame = native.to_pandas().reset_index(drop=True)
    rows.attrs = {}  # pandas copies them with every step
    if rows.empty:
        raise WorkbenchError(f"the panel has no rows of the metric {metric.name!r}.")
    for name in measures:
        rows[name] = pd.to_numeric(rows[name], errors="coerce").astype("float64")
    return rows


def home_rates(codes: pd.Series, rates: Mapping[str, float] | None, *, of: str) -> pd.Series | None:
    """Units of the home currency for one of each row's, blank where the code is; None for a single one without rates.

    Raises WorkbenchError for several currencies `of` something without rates, or for one that has none.
    """
    currencies = sorted(codes.dropna().astype(str).unique())
    if rates is None:
        if len(currencies) > 1:
            raise WorkbenchError(
                f"{of} come in several currencies ({listing(currencies)}); give rates={{currency: units of your home "
                "currency for one}, or convert them first."
            )
        return None
    missing = [currency for currency in currencies if currency not in rates]
    if missing:
        raise WorkbenchError(f"no rate for {listing(missing)}; rates has {listing(rates)}.")
    return codes.map(dict(rates)).astype("float64")


def _convert(rows: pd.DataFrame, metric: Metric, rates: Mapping[str, float] | None) -> pd.DataFrame:
    if "currency" not in rows or metric.kind != "amount":
        return rows
    rate = home_rates(rows["currency"], rates, of="amounts")
    if rate is None:
        return rows
    return rows.assign(**{name: rows[name] * rate for name in ("value", "numerator") if name in rows})


def _values(rows: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Value, numerator and denominator of each row, whichever were given."""
    counted = "numerator" in rows and metric.denominator is None
    divided = {"numerator", "denominator"} <= set(rows.columns) and metric.denominator is not None
    if divided:
        base = rows["denominator"]
        value = (rows["numerator"] / base).where(base != 0)
        given = rows["value"] if "value" in rows else pd.Series(np.nan, index=rows.index)
        return rows.assign(value=value.where(base.notna(), given))
    value = rows["value"] if "value" in rows else rows["numerator"]
    if counted:
        value = value.fillna(rows["numerator"])
    return rows.assign(value=value, numerator=value, denominator=np.nan)


def _arrays(rows: pd.DataFrame, metric: Metric, by: Sequence[str], first_month: int, findings: list[Finding]) -> Panel:
    code, customers = pd.factorize(rows["customer_id"], sort=True)
    low, high = min(first_month, 1), int(rows["month"].max())
    if first_month < 1:
        low = int(min(rows["month"].min(), 1))
    shape = (len(customers), max(high, 1) - low + 1)
    column = rows["month"].to_numpy() - low

    def spread(name: str) -> Floats:
        cells = np.full(shape, np.nan)
        cells[code, column] = rows[name].to_numpy(dtype=np.float64)
        return cells

    value, denominator = spread("value"), spread("denominator")
    has_denominator = bool(np.isfinite(denominator).any())
    if has_denominator and (np.isfinite(value) & ~np.isfinite(denominator)).any():
        has_denominator = False  # some months came as a bare value: they cannot be pooled
    if has_denominator:
        numerator = np.where(np.isfinite(denominator), spread("numerator"), np.nan)
        denominator = np.where(np.isfinite(numerator), denominator, np.nan)
    else:
        numerator, denominator = value, np.where(np.isfinite(value), 1.0, np.nan)
    known = np.isfinite(numerator)
    start, last = None, None
    if "calendar_month" in rows:
        calendar = calendar_number(rows["calendar_month"])
        start = np.zeros(len(customers), dtype=np.int64)
        start[code] = calendar - rows["month"].to_numpy() + 1
        if (start[code] != calendar - rows["month"].to_numpy() + 1).any():
            raise WorkbenchError("some customers' calendar months do not follow from their months since purchase.")
        last = int(calendar.max())
    groups = {}
    for name in by:
        named = rows[name].astype("object").where(rows[name].notna(), UNKNOWN_GROUP).astype(str)
        group = np.empty(len(customers), dtype=object)
        backwards = rows["month"].argsort(kind="stable").to_numpy()[::-1]
        group[code[backwards]] = named.to_numpy()[backwards]  # the earliest month speaks last, so it stays
        moved = int(pd.Series(code)[named.to_numpy() != group[code]].nunique())
        if moved:
            findings.append(
                Finding(
                    code="moved_group",
                    text=f"{plural(moved, 'customer')} with more than one {name}: the earliest counts",
                    n_values=0,
                    n_customers=moved,
                )
            )
        groups[name] = group
    after = np.flip(np.maximum.accumulate(np.flip(known, axis=1), axis=1), axis=1)
    gap = ~known & after & np.maximum.accumulate(known, axis=1)
    if gap.any():
        findings.append(
            Finding(
                code="gap",
                text=f"{plural(int(gap.sum()), 'month')} missing in the middle: left out, not filled",
                n_values=int(gap.sum()),
                n_customers=int(gap.any(axis=1).sum()),
            )
        )
    return Panel(
        metric=metric,
        customers=np.asarray(customers, dtype=object),
        months=np.arange(low, low + shape[1]),
        value=value,
        numerator=numerator,
        denominator=denominator,
        has_denominator=has_denominator,
        start=start,
        last_calendar_month=last,
        groups=groups,
        findings=tuple(findings),
    )
