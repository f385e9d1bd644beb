"""The invented company, whole."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.sample.customers import Deals, Months, invent_deals, invent_months
from workbench.sample.dice import Dice
from workbench.sample.events import Events, invent_events
from workbench.sample.leads import Companies, Leads, invent_leads
from workbench.sample.truth import Truth


@dataclass(frozen=True, slots=True)
class World:
    """What the tables are written from."""

    dice: Dice
    truth: Truth
    companies: Companies
    leads: Leads
    events: Events
    months: Months
    deals: Deals


def invent(*, contacts: int, seed: int, truth: Truth) -> World:
    """A company with `contacts` leads, drawn from `truth`."""
    dice = Dice(seed)
    companies = Companies.invent(dice, leads=contacts)
    leads = invent_leads(dice, truth, companies, contacts)
    months = invent_months(dice, truth, companies)
    return World(
        dice=dice,
        truth=truth,
        companies=companies,
        leads=leads,
        events=invent_events(dice, truth, leads),
        months=months,
        deals=invent_deals(dice, truth, companies, leads, months),
    )
