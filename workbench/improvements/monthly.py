"""The metrics of every customer and month, from raw exports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.improvements.hours import BusinessHours, hours_between
from workbench.improvements.metrics import MEASURES, METRICS, Metric, as_metric
from workbench.improvements.panel import Finding, calendar_number, home_rates
from workbench.stats.resampling import Floats
from workbench.wording import plural

if TYPE_CHECKING:
    from workbench.loaders import Workspace

SIZES = (("1-10", 10), ("11-50", 50), ("51-200", 200), ("201-1000", 1_000), ("more than 1000", np.inf))
"""Bands of employees and the most that each holds."""

_EVENTS = {
    "form_submission": "form_submissions",
    "email_delivered": "emails_delivered",
    "email_open": "emails_opened",
    "email_click": "emails_clicked",
}


def monthly_metrics(
    ws: Workspace | Mapping[str, pd.DataFrame],
    *,
    metrics: Iterable[str | Metric] | None = None,
    purchase: str | Mapping[str, object] | pd.Series | None = None,
    left: str | Mapping[str, object] | pd.Series | None = None,
    as_of: dt.date | dt.datetime | str | None = None,
    timezone: str | None = None,
    business_hours: BusinessHours | None = None,
    response: Literal["mean", "median"] = "mean",
    rates: Mapping[str, float] | None = None,
    attributes: Sequence[str] = (),
) -> pd.DataFrame:
    """All metrics of every customer, month by month since its purchase.

    A customer is a company with a purchase date. Month 1 is the first full calendar month after it, in the account's
    time zone; the month of the purchase itself is partial and left out, and so is the month of the export unless it
    was made on its last day. Months 0 and below are given where the usage table has them; month 0 is left out.
    What is counted from events (deals, tickets, activities) is 0 in a month without one, from month 1 on, as long as
    the company is a customer: until its last row of usage or seats where there are such tables, else until the export.
    Companies that bought and are in neither table are left out, and counted.

    Args:
        ws: a Workspace, or its tables by name (`companies`, `contacts`, `deals`, `tickets`, `activities`, `usage`,
            `seats`) with canonical columns; then `as_of` is needed.
        metrics: names or declarations; None is the 14.
        purchase: each customer's purchase date: a column of the companies, or a mapping or Series by company id. None
            is the close date of its first won deal.
        left: each customer's last day, likewise; None as above.
        as_of: the day of the export; None is the Workspace's own.
        timezone: of the account, for columns that carry a time zone; what has none is taken to be local already.
        business_hours: response time within working hours only; None is by the clock.
        response: the mean of a month's response times, or their median.
        rates: units of the home currency for one of each `deal_currency_code`, where there are several.
        attributes: columns of the companies to carry along for grouping; also `size` (band of employees) and `cohort`
            (year and quarter of the purchase).

    Returns:
        customer_id, month, calendar_month (first day), metric, numerator, denominator, value, and the attributes.
        `attrs["report"]` lists what was left out and why: code, text, n_values, n_customers.

    Raises:
        WorkbenchError: no customer has a purchase date; an unknown metric, measure or attribute; several currencies
            without rates.
    """
    chosen = [as_metric(metric) for metric in (METRICS if metrics is None else metrics)]
    if response not in ("mean", "median"):
        raise WorkbenchError(f"response is 'mean' or 'median'; got {response!r}.")
    tables = _Tables(ws, timezone)
    day = pd.Timestamp(as_of if as_of is not None else tables.as_of)
    findings: list[Finding] = []
    customers = _customers(tables, purchase, left, day, findings)
    counting = _Counting(
        tables=tables, customers=customers, hours=business_hours, response=response, rates=rates, findings=findings
    )
    needed = dict.fromkeys(
        name for metric in chosen for name in (metric.numerator, metric.denominator) if name is not None
    )
    measures = {name: counting.measure(name) for name in needed}
    rows = customers.grid()
    parts = []
    for metric in chosen:
        numerator = measures[metric.numerator]
        denominator = np.ones_like(numerator) if metric.denominator is None else measures[metric.denominator]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(denominator > 0, numerator / denominator, np.nan)
        known = np.isfinite(numerator) & np.isfinite(denominator)
        index = np.flatnonzero(known.ravel())
        parts.append(
            rows.iloc[index].assign(
                metric=metric.name,
                numerator=numerator.ravel()[index],
                denominator=np.nan if metric.denominator is None else denominator.ravel()[index],
                value=value.ravel()[index],
            )
        )
    panel = pd.concat(parts, ignore_index=True)
    for name in attributes:
        panel[name] = panel["customer_id"].map(_attribute(tables, customers, name))
    panel["metric"] = pd.Categorical(panel["metric"], categories=[metric.name for metric in chosen])
    panel.attrs["report"] = [asdict(finding) for finding in findings]
    return panel


class _Tables:
    """The tables of a Workspace or of a mapping, by name; empty where missing."""

    def __init__(self, ws: Workspace | Mapping[str, pd.DataFrame], timezone: str | None) -> None:
        self._ws, self._timezone = ws, timezone
        self._companies: dict[str, pd.Series] = {}

    @property
    def as_of(self) -> dt.datetime:
        if isinstance(self._ws, Mapping):
            raise WorkbenchError("tables by name do not know the day of their export: give as_of.")
        return self._ws.as_of

    def get(self, name: str) -> pd.DataFrame:
        if isinstance(self._ws, Mapping):
            return self._ws.get(name, pd.DataFrame())
        return getattr(self._ws, name) if name in self._ws.tables else pd.DataFrame()

    def has(self, name: str, column: str) -> bool:
        return column in self.get(name) and bool(self.get(name)[column].notna().any())

    def times(self, name: str, column: str) -> pd.Series:
        """A datetime column without a time zone, in the account's own."""
        table = self.get(name)
        if column not in table:
            return pd.Series(pd.NaT, index=table.index, dtype="datetime64[us]")
        times = pd.to_datetime(table[column])
        if times.dt.tz is not None:
            times = times.dt.tz_convert(self._timezone or "UTC").dt.tz_localize(None)
        return times

    def company(self, name: str) -> pd.Series:
        """The company of each row: its first associated one, else that of its first associated contact."""
        if name in self._companies:
            return self._companies[name]
        table = self.get(name)
        blank = pd.Series(pd.NA, index=table.index, dtype="str")
        own = table.get("associated_company_ids", blank).astype("str").str.replace(";.*", "", regex=True)
        for column in ("contact_id", "associated_contact_ids"):
            contacts = self.get("contacts")
            if column in table and "associatedcompanyid" in contacts:
                of = contacts.drop_duplicates("hs_object_id").set_index("hs_object_id")["associatedcompanyid"]
                own = own.fillna(table[column].astype("str").str.replace(";.*", "", regex=True).map(of))
        self._companies[name] = own
        return own


@dataclass(frozen=True, slots=True, kw_only=True)
class _Customers:
    """Customers in order, and the months each is seen. The grid has the same months for all."""

    ids: pd.Index
    start: NDArray[np.integer]  # calendar month of month 1
    last: NDArray[np.integer]  # last whole calendar month as a customer
    first_month: int  # of the grid, 1 or below
    last_month: int

    @property
    def months(self) -> NDArray[np.integer]:
        return np.arange(self.first_month, self.last_month + 1)

    def active(self) -> NDArray[np.bool_]:
        """(customers, months): a whole month as a customer."""
        calendar = self.start[:, None] + self.months - 1
        found: NDArray[np.bool_] = (self.months >= 1) & (calendar <= self.last[:, None])
        return found

    def grid(self) -> pd.DataFrame:
        calendar = (self.start[:, None] + self.months - 1).ravel()
        return pd.DataFrame(
            {
                "customer_id": np.repeat(self.ids.to_numpy(), len(self.months)),
                "month": np.tile(self.months, len(self.ids)),
                "calendar_month": (calendar - 1970 * 12).astype("datetime64[M]").astype("datetime64[s]"),
            }
        )


def _dates(tables: _Tables, given: str | Mapping[str, object] | pd.Series, what: str) -> pd.Series:
    """Dates by company id."""
    if isinstance(given, str):
        companies = tables.get("companies")
        if given not in companies:
            raise WorkbenchError(
                f"{what} is not a column of the companies: {given!r}; they have {listing(companies.columns)}."
                + did_you_mean(given, companies.columns)
            )
        dates = pd.Series(tables.times("companies", given).to_numpy(), index=companies["hs_object_id"])
    else:
        dates = pd.to_datetime(pd.Series(given))
    dates.index = dates.index.astype(str)
    return dates[~dates.index.duplicated()].dropna()


def _customers(
    tables: _Tables,
    purchase: str | Mapping[str, object] | pd.Series | None,
    left: str | Mapping[str, object] | pd.Series | None,
    as_of: pd.Timestamp,
    findings: list[Finding],
) -> _Customers:
    if purchase is None:
        deals = tables.get("deals")
        won = deals["hs_is_closed_won"].fillna(False).to_numpy(dtype=bool) if "hs_is_closed_won" in deals else None
        if won is None or not won.any():
            raise WorkbenchError("no deal is closed won, so nobody has a purchase date: give purchase=.")
        closed = tables.times("deals", "closedate")
        bought = pd.DataFrame({"company": tables.company("deals"), "closed": closed})[won]
        blank = int(bought["company"].isna().sum())
        if blank:
            findings.append(_finding("won_without_company", f"{plural(blank, 'won deal')} without a company", blank, 0))
        dates = bought.dropna().groupby("company")["closed"].min()
    else:
        dates = _dates(tables, purchase, "purchase")
    future = dates > as_of + pd.Timedelta(days=1)
    if future.any():
        findings.append(_finding("future_purchase", "purchase dates after the export left out", 0, int(future.sum())))
        dates = dates[~future]
    seen = _seen(tables)
    if seen is not None:
        outside = ~dates.index.isin(seen.index)
        if outside.any() and not outside.all():
            count = int(outside.sum())
            findings.append(
                _finding("no_usage", f"{plural(count, 'buyer')} in neither usage nor seats left out", 0, count)
            )
            dates = dates[~outside]
        unknown = int((~seen.index.isin(dates.index)).sum())
        if unknown:
            findings.append(
                _finding(
                    "no_purchase",
                    f"{plural(unknown, 'company', 'companies')} of usage or seats without a purchase date left out",
                    0,
                    unknown,
                )
            )
    if dates.empty:
        raise WorkbenchError(
            "no customer has a purchase date: give purchase= (a column of the companies, or a mapping)."
        )
    end = _number(as_of) - (0 if as_of.is_month_end else 1)
    if not as_of.is_month_end:
        findings.append(
            _finding("partial_last_month", f"{as_of:%B %Y} left out: the export cuts it short", 0, len(dates))
        )
    start = calendar_number(dates) + 1
    last = np.full(len(dates), end)
    if left is not None:
        gone = _dates(tables, left, "left").reindex(dates.index)
        known = gone.notna().to_numpy()
        last[known] = np.minimum(last[known], calendar_number(gone[known]))
    elif seen is not None:
        until = seen.reindex(dates.index)
        known = until.notna().to_numpy()
        last[known] = np.minimum(last[known], until[known].to_numpy(dtype=int))
    none = last < start
    if none.any():
        count = int(none.sum())
        findings.append(
            _finding("no_whole_month", f"{plural(count, 'customer')} without a whole month since", 0, count)
        )
    months = end - start + 1
    before = tables.get("usage")
    first = 1
    if len(before) and "month" in before:
        number = pd.Series(calendar_number(before["month"]), index=before["customer_id"].astype(str))
        since = number - pd.Series(start, index=dates.index).reindex(number.index).to_numpy() + 1
        first = int(min(1, since.min())) if since.notna().any() else 1
    return _Customers(ids=dates.index, start=start, last=last, first_month=first, last_month=max(1, int(months.max())))


def _seen(tables: _Tables) -> pd.Series | None:
    """The last calendar month of each company in usage or seats; None where there is neither table."""
    parts = [
        pd.Series(calendar_number(table["month"]), index=table["customer_id"].astype(str))
        for table in (tables.get("usage"), tables.get("seats"))
        if len(table) and {"customer_id", "month"} <= set(table.columns)
    ]
    if not parts:
        return None
    together = pd.concat(parts)
    last: pd.Series = together.groupby(together.index).max()
    return last


def _number(at: pd.Timestamp) -> int:
    return 12 * at.year + at.month - 1


def _finding(code: str, text: str, values: int, customers: int) -> Finding:
    return Finding(code=code, text=text, n_values=values, n_customers=customers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counting:
    """Counts measures onto the grid (customers, months); NaN where a customer was not seen."""

    tables: _Tables
    customers: _Customers
    hours: BusinessHours | None
    response: Literal["mean", "median"]
    rates: Mapping[str, float] | None
    findings: list[Finding]

    def measure(self, name: str) -> Floats:
        for table in ("usage", "seats"):
            if self.tables.has(table, name):
                return self._given(table, name)
        if name in _EVENTS.values():
            return self._activities(next(kind for kind, measure in _EVENTS.items() if measure == name))
        if name == "website_visitors":
            return self._activities("page_view", people=True)
        if name in ("deals_created", "deals_won", "won_amount", "won_deals_with_amount"):
            return self._deals(name)
        if name in ("tickets_created", "tickets_closed", "tickets_replied", "response_hours"):
            return self._tickets(name)
        if name in MEASURES:
            self._note(f"no_{name}", f"no {MEASURES[name]}: there is no table of seats", 0, len(self.customers.ids))
            return np.full((len(self.customers.ids), len(self.customers.months)), np.nan)
        known = [*MEASURES, *(c for t in ("usage", "seats") for c in self.tables.get(t).columns if c not in MEASURES)]
        raise WorkbenchError(
            f"unknown measure {name!r}; there are {listing(known, most=20)}.{did_you_mean(name, known)}"
        )

    def _note(self, code: str, text: str, values: int, customers: int) -> None:
        if all(finding.code != code for finding in self.findings):
            self.findings.append(_finding(code, text, values, customers))

    def _place(self, company: pd.Series, calendar: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The grid's cell of each row, and whether it has one."""
        row = self.customers.ids.get_indexer(pd.Index(company.astype("str")))
        column = calendar - self.customers.start[row] + 1 - self.customers.first_month
        inside = (row >= 0) & (column >= 0) & (column < len(self.customers.months))
        return row * len(self.customers.months) + column, inside

    def _sum(
        self, company: pd.Series, at: pd.Series, keep: NDArray[np.bool_] | None = None, values: Floats | None = None
    ) -> Floats:
        """Events summed by customer and month; 0 in an active month without one."""
        keep = at.notna().to_numpy() if keep is None else keep & at.notna().to_numpy()
        cell, inside = self._place(company[keep], calendar_number(at[keep]))
        active = self.customers.active()
        weights = None if values is None else values[keep][inside]
        sums = np.bincount(cell[inside], weights=weights, minlength=active.size).reshape(active.shape)
        return np.where(active, sums, np.nan)

    def _given(self, name: str, column: str) -> Floats:
        """A measure that a table gives by customer and month."""
        table = self.tables.get(name)
        rows = table[table[column].notna()]
        cell, inside = self._place(rows["customer_id"], calendar_number(rows["month"]))
        value = rows[column].to_numpy(dtype=float)
        bad = inside & (value < 0)
        if bad.any():
            companies = int(rows.loc[bad, "customer_id"].nunique())
            self._note(
                f"negative_{column}",
                f"{plural(int(bad.sum()), 'value')} of {column} below 0 left out",
                int(bad.sum()),
                companies,
            )
        inside &= value >= 0
        found = np.full((len(self.customers.ids), len(self.customers.months)), np.nan)
        first = pd.Series(cell[inside]).duplicated(keep="first").to_numpy()
        differs = np.zeros(len(first), dtype=bool)
        found.ravel()[cell[inside][~first]] = value[inside][~first]
        differs[first] = found.ravel()[cell[inside][first]] != value[inside][first]
        if first.any():
            twice = np.unique(cell[inside][differs])
            found.ravel()[twice] = np.nan
            self._note(
                f"duplicate_{name}",
                f"{plural(int(first.sum()), 'row')} of {name} for a month that has one already: merged, "
                f"{len(twice)} that contradict left out",
                int(first.sum()),
                len(np.unique(cell[inside][first] // len(self.customers.months))),
            )
        partial = (self.customers.months == 0) | (self.customers.months > 0) & ~self.customers.active()
        found[partial] = np.nan
        return found

    def _activities(self, kind: str, *, people: bool = False) -> Floats:
        activities = self.tables.get("activities")
        if "kind" not in activities or not (activities["kind"] == kind).any():
            self._note(f"no_{kind}", f"no activities of kind {kind}", 0, len(self.customers.ids))
            return np.full((len(self.customers.ids), len(self.customers.months)), np.nan)
        keep = (activities["kind"] == kind).to_numpy(dtype=bool)
        at = self.tables.times("activities", "at")
        if people:  # a visitor counts once a month
            once = pd.DataFrame({"who": activities["contact_id"], "month": at.dt.to_period("M")})
            keep = keep & ~once.where(pd.Series(keep, index=once.index)).duplicated().to_numpy()
        return self._sum(self.tables.company("activities"), at, keep)

    def _deals(self, name: str) -> Floats:
        deals = self.tables.get("deals")
        company = self.tables.company("deals")
        created, closed = self.tables.times("deals", "createdate"), self.tables.times("deals", "closedate")
        if name == "deals_created":
            return self._sum(company, created)
        won = (
            deals["hs_is_closed_won"].fillna(False).to_numpy(dtype=bool)
            if "hs_is_closed_won" in deals
            else np.zeros(len(deals), dtype=bool)
        )
        odd = won & (closed < created).to_numpy()
        if odd.any():
            self._note(
                "closed_before_created",
                f"{plural(int(odd.sum()), 'won deal')} closed before creation: counted when closed",
                int(odd.sum()),
                int(company[odd].nunique()),
            )
        if name == "deals_won":
            return self._sum(company, closed, won)
        amount = _amounts(deals, self.rates)
        bad = won & ~(amount >= 0)
        if bad.any():
            self._note(
                "no_amount",
                f"{plural(int(bad.sum()), 'won deal')} with a blank or negative amount left out of the amounts",
                int(bad.sum()),
                int(company[bad].nunique()),
            )
        return self._sum(company, closed, won & ~bad, np.nan_to_num(amount) if name == "won_amount" else None)

    def _tickets(self, name: str) -> Floats:
        company = self.tables.company("tickets")
        created = self.tables.times("tickets", "createdate")
        if name == "tickets_created":
            return self._sum(company, created)
        if name == "tickets_closed":
            closed = self.tables.times("tickets", "closed_date")
            odd = (closed < created).to_numpy()
            if odd.any():
                self._note(
                    "ticket_closed_before_created",
                    f"{plural(int(odd.sum()), 'ticket')} closed before creation left out of the closed ones",
                    int(odd.sum()),
                    int(company[odd].nunique()),
                )
            return self._sum(company, closed, ~odd)
        replied = self.tables.times("tickets", "first_agent_reply_date")
        if "hs_first_agent_message_sent_at" in self.tables.get("tickets"):
            replied = replied.fillna(self.tables.times("tickets", "hs_first_agent_message_sent_at"))
        odd = (replied < created).to_numpy()
        if odd.any():
            self._note(
                "reply_before_creation",
                f"{plural(int(odd.sum()), 'reply', 'replies')} before the ticket's creation left "
                "out of the response times",
                int(odd.sum()),
                int(company[odd].nunique()),
            )
        keep = ~odd & replied.notna().to_numpy() & created.notna().to_numpy()
        count = self._sum(company, created, keep)
        if name == "tickets_replied":
            return count
        hours = hours_between(created, replied, self.hours)
        if self.response == "mean":
            return self._sum(company, created, keep, np.nan_to_num(hours))
        cell, inside = self._place(company[keep], calendar_number(created[keep]))
        middle = pd.Series(hours[keep][inside]).groupby(cell[inside]).median()
        medians = np.zeros(count.size)
        medians[middle.index.to_numpy()] = middle.to_numpy()
        return medians.reshape(count.shape) * count


def _amounts(deals: pd.DataFrame, rates: Mapping[str, float] | None) -> Floats:
    """Amounts in the home currency."""
    if "amount_in_home_currency" in deals and deals["amount_in_home_currency"].notna().any() and rates is None:
        return deals["amount_in_home_currency"].to_numpy(dtype=float)
    amount = deals["amount"].to_numpy(dtype=float) if "amount" in deals else np.full(len(deals), np.nan)
    if "deal_currency_code" not in deals:
        return amount
    rate = home_rates(deals["deal_currency_code"], rates, of="deals")
    return amount if rate is None else amount * rate.fillna(1.0).to_numpy()


def _attribute(tables: _Tables, customers: _Customers, name: str) -> pd.Series:
    if name == "cohort":
        quarter = customers.start - 1
        return pd.Series([f"{q // 12} Q{q % 12 // 3 + 1}" for q in quarter], index=customers.ids)
    companies = tables.get("companies")
    if "hs_object_id" in companies:
        companies = companies.drop_duplicates("hs_object_id").set_index("hs_object_id")
    if name == "size" and "size" not in companies and "numberofemployees" in companies:
        people = pd.to_numeric(companies["numberofemployees"], errors="coerce")
        edges = [0, *(most for _, most in SIZES)]
        return pd.cut(people, edges, labels=[band for band, _ in SIZES]).astype("str")
    if name not in companies:
        known = ["cohort", "size", *companies.columns]
        raise WorkbenchError(f"companies have no {name!r}; there are {listing(known)}.{did_you_mean(name, known)}")
    return companies[name]
