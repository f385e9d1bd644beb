"""What customers do month by month after they bought: usage, seats, deals, tickets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.sample.dice import Dice, Flags, Floats, Ints
from workbench.sample.leads import Companies, Leads
from workbench.sample.tables import DAY, EXPORTED, NEVER, minute
from workbench.sample.truth import Change, Truth

FIRST_PURCHASE = minute("2024-07-01")
PURCHASES_DAYS = 365
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
    purchase = FIRST_PURCHASE + (dice.uniform("purchase", n) * PURCHASES_DAYS * DAY).astype(np.int64)
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
    lead = np.flatnonzero(leads.entered[4] != NEVER)
    lead_won = leads.entered[5][lead] != NEVER
    size = companies.employees[leads.company[lead]]
    lead_amount = 1800 * np.sqrt(size) * np.exp(0.5 * dice.normal("lead amount", len(lead)))

    again = lead[lead_won & dice.chance("buys again", 0.15, len(lead))]
    again_at = leads.entered[5][again] + 25 * DAY
    again, again_at = again[again_at < EXPORTED], again_at[again_at < EXPORTED]
    open_still = np.full(len(again), NEVER)

    bought, first = np.unique(months.customer, return_index=True)
    purchase = months.purchase[first]

    counts = dice.poisson("deals", level(dice, "deals", truth.deals_created, months), len(months.month))
    row, made = _in_month(dice, "deal", months, counts)
    won = dice.chance(
        "deal won", np.minimum(level(dice, "close rate", truth.deal_close_rate, months)[row], 0.95), len(row)
    )
    closed = made + 300 + (dice.uniform("deal closes", len(row)) * 9 * DAY).astype(np.int64)
    closed = np.where(won, closed, closed + 20 * DAY)
    typical = level(dice, "amount", truth.deal_amount_eur, months)[row]
    amount = typical * np.exp(0.5 * dice.normal("deal amount", len(row)))

    closed_all = np.concatenate(
        [
            np.where(lead_won, leads.entered[5][lead], leads.lost_at[lead]),
            purchase,
            np.where(closed < EXPORTED, closed, NEVER),
            open_still,
        ]
    )
    created = np.concatenate([leads.entered[4][lead], purchase - 20 * DAY, made, again_at])
    order = np.argsort(created, kind="stable")
    blank = np.full(len(bought) + len(row), NEVER)
    return Deals(
        company=np.concatenate([leads.company[lead], months.company[first], months.company[row], leads.company[again]])[
            order
        ],
        lead=np.concatenate([lead, blank, again])[order],
        created=created[order],
        closed=closed_all[order],
        won=(np.concatenate([lead_won, np.full(len(bought), True), won, open_still > 0]) & (closed_all != NEVER))[
            order
        ],
        amount=np.round(
            np.concatenate(
                [
                    lead_amount,
                    12000 * np.exp(0.5 * dice.normal("purchase amount", len(bought))),
                    amount,
                    3000 * np.exp(0.5 * dice.normal("second amount", len(again))),
                ]
            )
        ).astype(np.int64)[order],
        new=np.concatenate([np.full(len(lead) + len(bought), True), np.full(len(row) + len(again), False)])[order],
    )


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
