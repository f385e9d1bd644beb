"""What customers do month by month after they bought: usage, seats, deals, tickets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.sample.dice import Dice, Flags, Floats, Ints
from workbench.sample.leads import Companies, Leads
from workbench.sample.tables import DAY, EXPORTED, NEVER
from workbench.sample.truth import Change, Truth

FIRST_MONTH = (2024 - 1970) * 12 + 3  # April 2024: usage is known for three months before the first purchase
LAST_MONTH = (2026 - 1970) * 12 + 5


def month_start(month: Ints) -> Ints:
    """Months since 1970 to the minute they begin."""
    return month.astype("datetime64[M]").astype("datetime64[m]").astype(np.int64)


def month_of(at: Ints) -> Ints:
    """Minutes since 1970 to months since 1970."""
    return at.astype("datetime64[m]").astype("datetime64[M]").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Months:
    """One entry a customer and month; month 1 is the first full calendar month after the purchase."""

    company: Ints  # index into Companies
    month: Ints  # months since 1970
    since: Ints  # month 1, 2, ...; 0 or less before the first full one
    purchase: Ints  # minute of the customer's purchase
    customer: Ints  # index into the customers


def invent_months(dice: Dice, truth: Truth, companies: Companies) -> Months:
    """Every month of every early customer from `FIRST_MONTH` until the export or until it left."""
    n = companies.customers
    purchase = companies.purchased
    stays = np.ceil(np.log(dice.uniform("churn", n)) / np.log(1 - truth.churn_a_month)).astype(np.int64)
    length = LAST_MONTH - FIRST_MONTH + 1
    customer = np.repeat(np.arange(n), length)
    month = np.tile(np.arange(FIRST_MONTH, LAST_MONTH + 1), n)
    since = month - month_of(purchase)[customer]
    kept = since <= np.maximum(stays, 3)[customer]
    customer, month, since = customer[kept], month[kept], since[kept]
    return Months(
        company=len(companies.ids) - n + customer,
        month=month,
        since=since,
        purchase=purchase[customer],
        customer=customer,
    )


def level(dice: Dice, name: str, change: Change, months: Months) -> Floats:
    """The level of a metric for each customer and month, without the noise of the month."""
    own = change.typical * np.exp(change.spread * dice.normal(f"{name} level", int(months.customer.max()) + 1))
    grown = 1 + change.by_month_12 * np.clip((months.since - 3) / 9, 0, 1)
    market = (1 + change.market_a_month) ** (months.month - FIRST_MONTH)
    return np.asarray(own[months.customer] * grown * market, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Usage:
    """Monthly usage in the order of Months; e-mails are -1 before the purchase."""

    website_visitors: Ints
    form_submissions: Ints
    emails_delivered: Ints
    emails_opened: Ints
    emails_clicked: Ints


def invent_usage(dice: Dice, truth: Truth, months: Months) -> Usage:
    """Visitors, forms and e-mails, some of them far off."""
    n = len(months.month)

    def noisy(name: str, change: Change) -> Floats:
        return level(dice, name, change, months) * np.exp(truth.monthly_noise * dice.normal(f"{name} noise", n))

    def spoiled(name: str, values: Floats) -> Ints:
        factor = 10 + 20 * dice.uniform(f"{name} factor", n)
        factor = np.where(dice.chance(f"{name} down", 0.3, n), 1 / factor, factor)
        out = dice.chance(f"{name} outlier", truth.outliers, n)
        return np.round(np.where(out, values * factor, values)).astype(np.int64)

    none = dice.chance("no forms at first", truth.zero_baseline, int(months.customer.max()) + 1)[months.customer]
    forms = np.where(none & (months.since <= 3), 0, noisy("forms", truth.form_submissions))
    mail = np.round(300 * np.exp(0.8 * dice.normal("mail", n))).astype(np.int64)
    opened = np.round(mail * np.minimum(noisy("opens", truth.email_open_rate), 0.95)).astype(np.int64)
    clicked = np.round(opened * np.minimum(noisy("clicks", truth.email_click_through_rate), 0.95)).astype(np.int64)
    before = months.since < 1
    return Usage(
        website_visitors=spoiled("visitors", noisy("visitors", truth.website_visitors)),
        form_submissions=spoiled("forms", forms),
        emails_delivered=np.where(before, -1, mail),
        emails_opened=np.where(before, -1, opened),
        emails_clicked=np.where(before, -1, clicked),
    )


@dataclass(frozen=True, slots=True)
class Deals:
    """One entry a deal, oldest first. `lead` and times may be `NEVER`."""

    company: Ints
    lead: Ints
    created: Ints
    closed: Ints
    won: Flags
    amount: Ints
    new: Flags


def _in_month(dice: Dice, name: str, months: Months, counts: Ints) -> tuple[Ints, Ints]:
    """Rows of `months`, and a time in them, for `counts` events each."""
    row = np.repeat(np.arange(len(counts)), counts)
    start, end = month_start(months.month[row]), month_start(months.month[row] + 1)
    at = start + ((end - start) * dice.uniform(f"{name} time", len(row))).astype(np.int64)
    seen = (at > months.purchase[row]) & (at < EXPORTED)
    return row[seen], at[seen]


def invent_deals(dice: Dice, truth: Truth, companies: Companies, leads: Leads, months: Months) -> Deals:
    """The deals of the leads, every early customer's purchase, and what customers sell afterwards."""
    parts = [
        _lead_deals(dice, companies, leads),
        _second_deals(dice, leads),
        _purchases(dice, months),
        _customers_deals(dice, truth, months),
    ]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Deals.__slots__}
    order = np.argsort(columns["created"], kind="stable")
    return Deals(**{name: column[order] for name, column in columns.items()})


def _amounts(dice: Dice, name: str, typical: Floats | float, n: int) -> Ints:
    return np.round(typical * np.exp(0.5 * dice.normal(f"{name} amount", n))).astype(np.int64)


def _lead_deals(dice: Dice, companies: Companies, leads: Leads) -> Deals:
    lead = np.flatnonzero(leads.entered[4] != NEVER)
    won = leads.entered[5][lead] != NEVER
    company = leads.company[lead]
    return Deals(
        company=company,
        lead=lead,
        created=leads.entered[4][lead],
        closed=np.where(won, leads.entered[5][lead], leads.lost_at[lead]),
        won=won,
        amount=_amounts(dice, "lead", 1800 * np.sqrt(companies.employees[company]), len(lead)),
        new=np.full(len(lead), True),
    )


def _second_deals(dice: Dice, leads: Leads) -> Deals:
    won = np.flatnonzero(leads.entered[5] != NEVER)
    created = leads.entered[5][won] + 25 * DAY
    lead = won[dice.chance("buys again", 0.15, len(won)) & (created < EXPORTED)]
    none = np.full(len(lead), False)
    return Deals(
        company=leads.company[lead],
        lead=lead,
        created=leads.entered[5][lead] + 25 * DAY,
        closed=np.full(len(lead), NEVER),
        won=none,
        amount=_amounts(dice, "second", 3000, len(lead)),
        new=none,
    )


def _purchases(dice: Dice, months: Months) -> Deals:
    _, first = np.unique(months.customer, return_index=True)
    all_ = np.full(len(first), True)
    return Deals(
        company=months.company[first],
        lead=np.full(len(first), NEVER),
        created=months.purchase[first] - 20 * DAY,
        closed=months.purchase[first],
        won=all_,
        amount=_amounts(dice, "purchase", 12_000, len(first)),
        new=all_,
    )


def _customers_deals(dice: Dice, truth: Truth, months: Months) -> Deals:
    counts = dice.poisson("deals", level(dice, "deals", truth.deals_created, months), len(months.month))
    row, created = _in_month(dice, "deal", months, counts)
    n = len(row)
    rate = level(dice, "close rate", truth.deal_close_rate, months)[row]
    won = dice.chance("deal won", np.minimum(rate, 0.95), n)
    closed = created + 300 + (dice.uniform("deal closes", n) * 9 * DAY).astype(np.int64)
    closed = np.where(won, closed, closed + 20 * DAY)
    closed = np.where(closed < EXPORTED, closed, NEVER)
    return Deals(
        company=months.company[row],
        lead=np.full(n, NEVER),
        created=created,
        closed=closed,
        won=won & (closed != NEVER),
        amount=_amounts(dice, "deal", level(dice, "amount", truth.deal_amount_eur, months)[row], n),
        new=np.full(n, False),
    )


@dataclass(frozen=True, slots=True)
class Seats:
    """Seats in the order of Months."""

    sales: Ints
    service: Ints


def invent_seats(dice: Dice, truth: Truth, months: Months) -> Seats:
    """How many people of each customer work with the product; at least one."""
    sales = np.round(level(dice, "sales seats", truth.sales_seats, months))
    service = np.round(level(dice, "service seats", truth.service_seats, months))
    return Seats(np.maximum(1, sales).astype(np.int64), np.maximum(1, service).astype(np.int64))


@dataclass(frozen=True, slots=True)
class Tickets:
    """One entry a ticket, oldest first."""

    company: Ints
    created: Ints
    replied: Ints
    closed: Ints


def invent_tickets(dice: Dice, truth: Truth, months: Months) -> Tickets:
    """Customers' tickets; response times are lognormal, and shorter as the customer learns."""
    counts = dice.poisson("tickets", level(dice, "tickets", truth.tickets_created, months), len(months.month))
    row, created = _in_month(dice, "ticket", months, counts)
    order = np.argsort(created, kind="stable")
    row, created = row[order], created[order]
    n = len(row)
    hours = level(dice, "response", truth.ticket_response_hours, months)[row]
    hours = hours * np.exp(truth.response_spread * dice.normal("response", n))
    replied = created + np.maximum(1, (hours * 60).astype(np.int64))
    closed = replied + 30 + (dice.uniform("ticket closes", n) ** 2 * 6 * DAY).astype(np.int64)
    rate = np.minimum(level(dice, "ticket close rate", truth.ticket_close_rate, months)[row], 0.97)
    done = dice.chance("ticket closed", rate, n) & (closed < EXPORTED)
    return Tickets(
        company=months.company[row],
        created=created,
        replied=np.where(replied < EXPORTED, replied, NEVER),
        closed=np.where(done, closed, NEVER),
    )
