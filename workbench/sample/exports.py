"""The other tables: companies, deals, tickets, activities, feedback, usage, seats, spend, property history."""

from __future__ import annotations

import numpy as np

from workbench.sample.contacts import COUNTRIES, INDUSTRY_NAMES, SOURCE_NAMES, company_names
from workbench.sample.customers import invent_seats, invent_tickets, invent_usage, month_of, month_start
from workbench.sample.dice import Ints
from workbench.sample.events import DETAILS, KINDS
from workbench.sample.leads import FIRST_LEAD, SOURCES, STAGES
from workbench.sample.names import AGENTS, OWNERS
from workbench.sample.tables import (
    DAY,
    EXPORTED,
    NEVER,
    Columns,
    Labels,
    Texts,
    days,
    joined,
    numbers,
    record_ids,
    some,
    stamps,
    texts,
    when,
)
from workbench.sample.world import World

_DEAL_STAGES = (
    "appointmentscheduled",
    "qualifiedtobuy",
    "presentationscheduled",
    "decisionmakerboughtin",
    "contractsent",
    "closedwon",
    "closedlost",
    "Legal Review",  # a stage of this company's own
)
_CHANGES_KEPT = 45  # of one property of one contact
_TICKET_SUBJECTS = texts(
    ["Cannot log in", "Import stops half-way", "Wrong totals", "Question on the bill", "Add a user"]
)
_TICKET_CATEGORIES = texts(["", "Question", "Fault", "Question;Billing", "Fault;Import", "Wish"])


def _always(text: str, n: int) -> Texts:
    return np.full(n, text, dtype=object)


def companies(world: World) -> Columns:
    """The export of all companies that have a contact or a deal, newest first."""
    dice, all_, leads, deals = world.dice, world.companies, world.leads, world.deals
    n = len(all_.ids)
    staff = np.flatnonzero(~leads.facts.student)
    created = np.full(n, EXPORTED)
    np.minimum.at(created, leads.company[staff], leads.created[staff])
    np.minimum.at(created, deals.company, deals.created)
    stage = np.full(n, STAGES.index("lead"))
    np.maximum.at(stage, leads.company[staff], leads.stage[staff])
    stage[deals.company[deals.won]] = STAGES.index("customer")
    names, domains = company_names(all_)
    revenue = np.round(all_.employees * 90 * np.exp(0.4 * dice.normal("revenue", n))).astype(np.int64) * 1000
    columns: Columns = {
        "hs_object_id": numbers(all_.ids),
        "name": names,
        "domain": domains,
        "hubspot_owner_id": OWNERS[all_.owner],
        "createdate": stamps(created),
        "lifecyclestage": Labels("lifecyclestage", STAGES, stage),
        "industry": when(~dice.chance("industry blank", 0.09, n), INDUSTRY_NAMES[all_.industry]),
        "numberofemployees": numbers(all_.employees, blank=dice.chance("employees blank", 0.07, n)),
        "annualrevenue": numbers(revenue, blank=dice.chance("revenue blank", 0.6, n)),
        "country": COUNTRIES[all_.place],
        "associated_contact_ids": joined(leads.company[staff], numbers(leads.ids[staff]), n),
    }
    shown = np.argsort(-created, kind="stable")[np.count_nonzero(created >= EXPORTED) :]
    return {name: column[shown] for name, column in columns.items()}


def deals(world: World) -> Columns:
    """The export of all deals, oldest first."""
    dice, leads, all_ = world.dice, world.leads, world.deals
    n = len(all_.created)
    names, _ = company_names(world.companies)
    is_open = all_.closed == NEVER
    stage = np.minimum(_DEAL_STAGES.index("contractsent"), (EXPORTED - all_.created) // (12 * DAY))
    stage = np.where(dice.chance("legal review", 0.06, n), _DEAL_STAGES.index("Legal Review"), stage)
    ended = np.where(all_.won, _DEAL_STAGES.index("closedwon"), _DEAL_STAGES.index("closedlost"))
    closed = np.where(is_open & dice.chance("expected", 0.5, n), all_.created + 60 * DAY, all_.closed)
    of_lead = all_.lead != NEVER
    over = np.flatnonzero(~is_open & (of_lead | ~all_.new))  # not the purchases, from which months are counted
    early = over[some(dice, "closed before created", 0.0015, len(over))]
    closed[early] = all_.created[early] - 2 * DAY
    amount = all_.amount.copy()
    negative = some(dice, "negative amount", 0.0008, n)
    amount[negative] = -amount[negative]
    return {
        "hs_object_id": numbers(record_ids(dice, "deal", n)),
        "dealname": names[all_.company],
        "dealstage": Labels("dealstage", _DEAL_STAGES, np.where(is_open, stage, ended)),
        "pipeline": _always("Sales Pipeline", n),
        "amount": numbers(amount, blank=dice.chance("amount blank", 0.02, n)),
        "deal_currency_code": _always("EUR", n),
        "createdate": stamps(all_.created),
        "closedate": stamps(closed),
        "hubspot_owner_id": OWNERS[world.companies.owner[all_.company]],
        "hs_is_closed_won": when(all_.won, "true", "false"),
        "dealtype": Labels("dealtype", ("existingbusiness", "newbusiness"), all_.new.astype(np.int64)),
        "hs_analytics_source": Labels(
            "hs_analytics_source", SOURCE_NAMES, np.where(of_lead, leads.source[all_.lead], -1)
        ),
        "associated_contact_ids": when(of_lead, numbers(leads.ids)[all_.lead]),
        "associated_company_ids": numbers(world.companies.ids)[all_.company],
    }


def tickets(world: World) -> Columns:
    """The export of all tickets, oldest first; a ticket stands on one row for each of its contacts."""
    dice, leads = world.dice, world.leads
    all_ = invent_tickets(dice, world.truth, world.months)
    n = len(all_.created)
    ids = numbers(record_ids(dice, "ticket", n))
    replied, closed = all_.replied.copy(), all_.closed.copy()
    early = some(dice, "reply before creation", 0.004, n)
    replied[early] = all_.created[early] - 180
    over = np.flatnonzero(closed != NEVER)
    odd = over[some(dice, "ticket closed before created", 0.002, len(over))]
    closed[odd] = all_.created[odd] - DAY
    took = (all_.replied - all_.created) * 60_000
    priority = dice.pick("priority", [4, 4, 2, 0.4, 3], n)
    status = np.where(
        all_.closed != NEVER, 3, np.where(all_.replied != NEVER, 1, dice.between("ticket status", 0, 3, n))
    )

    known = np.flatnonzero(~leads.facts.student)
    staff = joined(leads.company[known], numbers(leads.ids[known]), len(world.companies.ids))[all_.company]
    both = dice.chance("two contacts", 0.5, n)
    contacts = [ids_.split(";")[: 1 + two] for ids_, two in zip(staff.tolist(), both.tolist(), strict=True)]
    row = np.repeat(np.arange(n), [len(of) for of in contacts])
    columns: Columns = {
        "hs_object_id": ids,
        "hs_ticket_id": ids,
        "subject": _TICKET_SUBJECTS[dice.pick("subject", [3, 2, 2, 2, 1], n)],
        "hs_pipeline_stage": Labels("hs_pipeline_stage", ("1", "2", "3", "4"), status),
        "hs_ticket_priority": Labels(
            "hs_ticket_priority", ("LOW", "MEDIUM", "HIGH", "URGENT"), np.where(priority == 4, -1, priority)
        ),
        "hs_ticket_category": _TICKET_CATEGORIES[dice.pick("category", [3, 3, 3, 1, 1, 1], n)],
        "createdate": stamps(all_.created),
        "closed_date": stamps(closed),
        "first_agent_reply_date": stamps(replied),
        "time_to_first_agent_reply": numbers(took, blank=all_.replied == NEVER),
        "hubspot_owner_id": AGENTS[dice.between("agent", 0, len(AGENTS), n)],
        "associated_company_ids": numbers(world.companies.ids)[all_.company],
    }
    return {
        **{name: column[row] for name, column in columns.items()},
        "associated_contact_ids": texts([contact for of in contacts for contact in of]),
    }


def activities(world: World) -> Columns:
    """What leads did and what was done for them, oldest first."""
    dice, leads, events, all_deals = world.dice, world.leads, world.events, world.deals
    n = len(events.at)
    by_sales = events.kind >= KINDS.index("call")
    at = events.at.copy()
    calls = np.flatnonzero(events.kind == KINDS.index("call"))
    before = calls[some(dice, "call before creation", 0.006, len(calls))]
    at[before] = leads.created[events.lead[before]] - 2 * DAY
    first_deal = np.full(len(leads), NEVER)
    of_lead = np.flatnonzero(all_deals.lead != NEVER)[::-1]
    first_deal[all_deals.lead[of_lead]] = of_lead
    deal = first_deal[events.lead]
    during = (deal != NEVER) & by_sales & (events.at >= all_deals.created[deal])
    return {
        "activity_id": numbers(record_ids(dice, "activity", n)),
        "contact_id": numbers(leads.ids)[events.lead],
        "kind": Labels("kind", KINDS, events.kind),
        "at": stamps(at),
        "owner": when(by_sales, OWNERS[world.companies.owner[leads.company[events.lead]]]),
        "detail": DETAILS[events.detail],
        "deal_id": when(during, numbers(record_ids(dice, "deal", len(all_deals.created)))[deal]),
    }


def feedback(world: World) -> Columns:
    """Answers to three surveys by people at customers: 0 to 10, 1 to 7 and 1 to 5 in one column."""
    dice, leads, truth = world.dice, world.leads, world.truth
    at_customer = (leads.company >= len(world.companies.ids) - world.companies.customers) & ~leads.facts.student
    start = np.where(at_customer, leads.decided, leads.entered[5])
    parts = []
    for code, survey in enumerate(truth.surveys):
        asked = np.flatnonzero((start != NEVER) & dice.chance(f"{survey.name} answers", survey.answers, len(leads)))
        at = start[asked] + ((20 + 100 * dice.uniform(f"{survey.name} time", len(asked))) * DAY).astype(np.int64)
        rating = survey.lowest + dice.pick(f"{survey.name} rating", survey.shares, len(asked))
        parts.append((asked, at, rating, np.full(len(asked), code)))
    lead, at, rating, which = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(at, kind="stable")
    order = order[at[order] < EXPORTED]
    n = len(order)
    return {
        "hs_object_id": numbers(record_ids(dice, "feedback", n)),
        "contact_id": numbers(leads.ids[lead[order]]),
        "rating": numbers(rating[order]),
        "submission_date": stamps(at[order]),
        "survey_name": texts([survey.name for survey in truth.surveys])[which[order]],
    }


def _by_customer(world: World, rows: Ints) -> Columns:
    return {
        "customer_id": numbers(world.companies.ids)[world.months.company[rows]],
        "month": days(month_start(world.months.month[rows])),
    }


def usage(world: World) -> Columns:
    """Monthly usage; e-mails only after the purchase. Months are missing, doubled, and below zero."""
    dice = world.dice
    all_ = invent_usage(dice, world.truth, world.months)
    n = len(all_.website_visitors)
    visitors = all_.website_visitors.copy()
    negative = some(dice, "negative visitors", 0.0005, n)
    visitors[negative] = -visitors[negative]
    rows = np.setdiff1d(np.arange(n), some(dice, "month missing", 0.004, n))
    rows = np.sort(np.concatenate([rows, some(dice, "month twice", 0.001, n)]), kind="stable")
    before = (world.months.since < 1)[rows]
    return {
        **_by_customer(world, rows),
        "website_visitors": numbers(visitors[rows]),
        "form_submissions": numbers(all_.form_submissions[rows]),
        "emails_delivered": numbers(all_.emails_delivered[rows], blank=before),
        "emails_opened": numbers(all_.emails_opened[rows], blank=before),
        "emails_clicked": numbers(all_.emails_clicked[rows], blank=before),
    }


def seats(world: World) -> Columns:
    """Monthly seats from the month of the purchase on."""
    all_ = invent_seats(world.dice, world.truth, world.months)
    rows = np.flatnonzero(world.months.since >= 0)
    return {
        **_by_customer(world, rows),
        "sales_seats": numbers(all_.sales[rows]),
        "service_seats": numbers(all_.service[rows]),
    }


def spend(world: World) -> Columns:
    """What each source cost a month."""
    costs = world.truth.cost_per_lead_eur
    sources = np.array([SOURCE_NAMES.index(name) for name, _ in costs])
    first, last = (int(month_of(np.array([at]))[0]) for at in (FIRST_LEAD, EXPORTED))
    month = np.repeat(np.arange(first, last + 1), len(costs))
    source = np.tile(sources, last + 1 - first)
    came = month_of(world.leads.created) * len(SOURCES) + world.leads.source
    leads = np.bincount(came, minlength=int((last + 1) * len(SOURCES)))[month * len(SOURCES) + source]
    noise = np.exp(0.1 * world.dice.normal("spend", len(month)))
    cost = np.tile([cost for _, cost in costs], last + 1 - first) * leads * noise
    return {
        "month": days(month_start(month)),
        "source": Labels("hs_analytics_source", SOURCE_NAMES, source),
        "amount": numbers(np.round(cost).astype(np.int64)),
        "currency": _always("EUR", len(month)),
    }


def property_history(world: World) -> Columns:
    """How stages, scores, opt-outs and sizes changed, oldest first; two scores as long as the vendor keeps them."""
    dice, leads = world.dice, world.leads
    n = len(leads)
    scores = numbers(leads.old_score)
    changes: list[tuple[str, str, Ints, Ints, Texts]] = []  # property, source, leads, times, values

    for stage, entered in zip(STAGES[2:], leads.entered[2:], strict=True):
        moved = np.flatnonzero(entered != NEVER)
        changes.append(("lifecyclestage", "CRM_UI", moved, entered[moved], _always(stage, len(moved))))
    readers = np.flatnonzero(leads.entered[0] != NEVER)
    changes.append(("lifecyclestage", "FORM", readers, leads.created[readers], _always(STAGES[0], len(readers))))
    out = np.flatnonzero(leads.opted_out_at != NEVER)
    changes.append(("hs_email_optout", "EMAIL", out, leads.opted_out_at[out], _always("true", len(out))))
    scored = np.flatnonzero((leads.old_score >= 0) & (leads.decided < EXPORTED))
    changes.append(("hubspotscore", "CALCULATED", scored, leads.decided[scored] - 20, scores[scored]))
    busy = np.repeat(scored[: len(scored) // 2 : max(1, len(scored) // 4)][:2], _CHANGES_KEPT - 1)
    steps = np.tile(np.arange(1, _CHANGES_KEPT), len(busy) // (_CHANGES_KEPT - 1))
    changes.append(("hubspotscore", "CALCULATED", busy, leads.decided[busy] - 20 - steps * 300, numbers(50 - steps)))
    filled = np.flatnonzero((leads.entered[3] != NEVER) & ~leads.facts.student & dice.chance("size filled in", 0.2, n))
    sizes = numbers(world.companies.employees[leads.company[filled]])
    changes.append(("numemployees", "CRM_UI", filled, leads.entered[3][filled] + 30, sizes))

    lead, at = (np.concatenate([change[place] for change in changes]) for place in (2, 3))
    order = np.argsort(at, kind="stable")
    order = order[at[order] < EXPORTED]
    name, source = (
        np.concatenate([_always(str(change[place]), len(change[2])) for change in changes])[order] for place in (0, 1)
    )
    return {
        "object": _always("contact", len(order)),
        "record_id": numbers(leads.ids)[lead[order]],
        "property": name,
        "value": np.concatenate([change[4] for change in changes])[order],
        "at": stamps(at[order]),
        "source": source,
    }
