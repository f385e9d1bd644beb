"""The invented company as tables of text, with the faults of real exports in them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from workbench.sample.customers import (
    Deals,
    Months,
)
from workbench.sample.dice import Dice, Flags, Ints
from workbench.sample.events import DETAILS, KINDS, Events, invent_events
from workbench.sample.leads import OFFLINE, SOURCES, STAGES, Companies, Leads, invent_leads, record_ids
from workbench.sample.names import (
    ADVISES,
    CAMPUS,
    DECIDES,
    FIRST,
    FREE_MAIL,
    HOSTILE,
    INDUSTRIES,
    LAST,
    LINES,
    OWNERS,
    PLACES,
    STEMS,
    STYLES,
)
from workbench.sample.tables import (
    DAY,
    EXPORTED,
    NEVER,
    Column,
    Labels,
    Texts,
    numbers,
    stamps,
    texts,
)
from workbench.sample.truth import Truth

Columns = dict[str, Column]

_FIRST = texts([name for style in STYLES for name in FIRST[style].split()])
_LAST = texts([name for style in STYLES for name in LAST[style].replace("von Ahn", "von_Ahn").split()])
_LAST[:] = [name.replace("_", " ") for name in _LAST]
_TITLES = np.concatenate([DECIDES, ADVISES, texts(["Student", ""])])
_STATUS = ("NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING")
_PLACE_NAMES = texts([place[0] for place in PLACES])
_FORMS = texts([place[2] for place in PLACES])
_STYLE = np.array([STYLES.index(place[1]) for place in PLACES])
_INDUSTRIES = texts([name for name, _ in INDUSTRIES])
_SIZES = ((1, "1-4"), (5, "5-25"), (26, "26-50"), (51, "51-200"), (201, "201-1,000"), (1001, "1,000+"))
_SOURCE_DETAIL = texts(
    [
        "Unknown keywords (SSL)",
        "brand-search",
        "june-mailing",
        "LinkedIn",
        "partner.example",
        "www.sample.example/",
        "Facebook",
    ]
    + ["assistant", "IMPORT"]
)
_INTERESTS = texts(["", "Routing", "Routing;Scoring", "Scoring;Reporting;Routing", "Reporting"])
_YES_NO = texts(["false", "true"])


def _ascii(name: str) -> str:
    for letter, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("œ", "oe"), ("Ö", "Oe"), ("Ü", "Ue")):
        name = name.replace(letter, plain)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalpha())


@dataclass(frozen=True, slots=True)
class World:
    """Everything that was invented."""

    dice: Dice
    truth: Truth
    companies: Companies
    leads: Leads
    events: Events


def invent(*, contacts: int, seed: int, truth: Truth) -> World:
    """The invented company and its `contacts` leads."""
    dice = Dice(seed)
    companies = Companies.invent(dice, leads=contacts)
    leads = invent_leads(dice, truth, companies, contacts)
    return World(dice, truth, companies, leads, invent_events(dice, truth, leads))


def _some(dice: Dice, fault: str, share: float, n: int) -> Ints:
    """The rows that get a fault."""
    return np.flatnonzero(dice.chance(f"fault: {fault}", share, n))


def _where(flags: Flags, yes: Texts, no: Texts | str = "") -> Texts:
    out: Texts = np.where(flags, yes, no)
    return out


def _company_names(companies: Companies) -> tuple[Texts, Texts]:
    index = np.arange(len(companies.ids))
    stems = tuple(dict.fromkeys(STEMS))
    round_, line = index // len(stems), index // len(stems) % len(LINES)
    again = round_ // len(LINES)
    stem = texts(stems)[(index * 7919 + 13) % len(stems)]
    words = texts([f" {word}" if word else "" for word in LINES])[line]
    number = numbers(again + 1, blank=again == 0)
    name = stem + words + _where(again > 0, " " + number) + " " + _FORMS[companies.place]
    lower = texts([stem.lower() for stem in stems])[(index * 7919 + 13) % len(stems)]
    return name, lower + texts([word.lower() for word in LINES])[line] + number + ".example"


def _joined(keys: Ints, values: Texts, n: int) -> Texts:
    """For each key below `n` its values, joined by `;`."""
    out = np.full(n, "", dtype=object)
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        out[key] = f"{out[key]};{value}" if out[key] else value
    return out


def _employees(dice: Dice, companies: Companies) -> Texts:
    """A number on most, a range on some, blank on a few."""
    n = len(companies.ids)
    out = numbers(companies.employees, blank=dice.chance("employees blank", 0.07, n))
    ranged = dice.chance("employees as a range", 0.08, n)
    step = np.searchsorted([low for low, _ in _SIZES], companies.employees, side="right") - 1
    return _where(ranged, texts([label for _, label in _SIZES])[step], out)


def deal_ids(dice: Dice, deals: Deals) -> Texts:
    """Record ids of the deals."""
    return numbers(record_ids(dice, "deal", 15_600_000_000, len(deals.created)))


def contacts(world: World, deals: Deals) -> Columns:
    """The export of all contacts, newest first."""
    dice, companies, leads, events = world.dice, world.companies, world.leads, world.events
    n = len(leads)
    company, student = leads.company, leads.facts.student
    company_names, domains = _company_names(companies)
    style = np.where(dice.chance("own style", 0.9, n), _STYLE[companies.place[company]], dice.between("style", 0, 3, n))
    first, last = style * 40 + leads.first, style * 40 + leads.last

    free = dice.chance("free mail", 0.1, n)
    domain = domains[company]
    domain = _where(free, FREE_MAIL[dice.between("free mail at", 0, len(FREE_MAIL), n)], domain)
    campus = "student." + CAMPUS[dice.between("campus", 0, len(CAMPUS), n)] + "-university.example"
    domain = _where(student, campus, domain)
    _, seen_first = np.unique(company * 20_000 + first * 130 + last, return_index=True)
    twin = np.full(n, True)
    twin[seen_first] = False
    suffix = numbers(np.arange(n) % 100_000, blank=~(twin | free | student))
    plain_first, plain_last = texts([_ascii(x) for x in _FIRST]), texts([_ascii(x) for x in _LAST])
    email = plain_first[first] + "." + plain_last[last] + suffix + "@" + domain
    same = _some(dice, "same e-mail", 0.004, n - 1)
    email[same] = texts([address.title() for address in email[same + 1]])
    email[dice.chance("no e-mail", 0.015, n)] = ""

    phone = texts([place[3].format(number) for place in PLACES for number in range(100)])
    phone = phone[companies.place[company] * 100 + dice.between("phone", 0, 100, n)]
    cities = [place[4].split() for place in PLACES]
    starts = np.cumsum([0, *map(len, cities)])
    spot = np.floor(dice.uniform("city", n) * np.array(list(map(len, cities)))[companies.place[company]]).astype(
        np.int64
    )
    city = texts([name for names in cities for name in names])[starts[companies.place[company]] + spot]

    title = _TITLES[np.where(student, len(_TITLES) - 2, leads.title)]
    title = _where(
        dice.chance("no title", 0.08, n) & ~leads.facts.decision_maker, texts([""] * 1)[np.zeros(n, int)], title
    )
    broken = _some(dice, "line break", 0.003, n)
    title[broken] = title[broken] + '\nEMEA, "new" team'
    industry = _INDUSTRIES[companies.industry[company]]
    industry = _where(student, texts(["Education"])[np.zeros(n, int)], industry)
    unknown = dice.chance("industry blank", 0.09, len(companies.ids))[company]
    industry[unknown] = ""
    industry[unknown & dice.chance("no value", 0.2, n)] = "(No value)"

    export_age = (EXPORTED - leads.created) / (30 * DAY)
    delivered = np.where(leads.bounced, 0, dice.poisson("delivered", np.minimum(1 + 0.6 * export_age, 10), n))
    clicked = events.count("email_click", n)
    opened = np.maximum(clicked, np.round(delivered * dice.uniform("opened", n) ** 2).astype(np.int64))
    delivered = np.maximum(delivered, opened)
    views = events.count("page_view", n)
    forms = events.count("form_submission", n)
    offline = (leads.source == OFFLINE) & (views == 0)

    modified = leads.created.copy()
    np.maximum.at(modified, events.lead, events.at)
    for entered in leads.entered:
        modified = np.maximum(modified, entered)
    handed, won = leads.entered[2] != NEVER, leads.entered[5] != NEVER
    running = (leads.entered[4] != NEVER) & (leads.lost_at == NEVER)
    young = EXPORTED - leads.decided < 50 * DAY
    status = np.select(
        [won, running, leads.lost_at != NEVER, handed & young, handed, young],
        [6, 3, 4 + 3 * dice.between("why lost", 0, 2, n), 2, 4 + dice.between("why not", 0, 2, n), 0],
        1 - 2 * dice.between("status blank", 0, 2, n),
    )

    columns: Columns = {
        "hs_object_id": numbers(leads.ids),
        "firstname": _FIRST[first],
        "lastname": _LAST[last],
        "email": email,
        "phone": _where(dice.chance("has phone", 0.25, n), phone),
        "jobtitle": title,
        "company": _where(~student, company_names[company]),
        "hubspot_owner_id": _where(handed | dice.chance("owned", 0.2, n), OWNERS[companies.owner[company]]),
        "lifecyclestage": Labels("lifecyclestage", STAGES, leads.stage),
        "hs_lead_status": Labels("hs_lead_status", _STATUS, status),
        "createdate": stamps(leads.created),
        "lastmodifieddate": stamps(modified),
        "hs_analytics_source": Labels("hs_analytics_source", tuple(name for name, _ in SOURCES), leads.source),
        "hs_analytics_source_data_1": _SOURCE_DETAIL[leads.source],
        "hs_analytics_num_page_views": numbers(views, blank=offline),
        "hs_analytics_num_visits": numbers(np.minimum(views, 1 + views // 2), blank=offline),
        "num_conversion_events": numbers(forms),
        "hs_email_delivered": numbers(delivered, blank=leads.bounced),
        "hs_email_open": numbers(opened, blank=opened == 0),
        "hs_email_click": numbers(clicked, blank=clicked == 0),
        "hs_email_bounce": numbers(leads.bounced.astype(np.int64), blank=~leads.bounced),
        "hs_email_optout": _where(leads.opted_out_at != NEVER, texts(["true"])[np.zeros(n, int)]),
        "hubspotscore": numbers(leads.old_score, blank=leads.old_score < 0),
        "industry": industry,
        "numemployees": _where(~student, _employees(dice, companies)[company]),
        "country": _PLACE_NAMES[companies.place[company]],
        "city": city,
        "associatedcompanyid": _where(~student, numbers(companies.ids)[company]),
        "associated_deal_ids": _joined(deals.lead[deals.lead != NEVER], deal_ids(dice, deals)[deals.lead != NEVER], n),
        "Interests": _INTERESTS[dice.pick("interests", [70, 12, 8, 4, 6], n)],
    }
    entered = [leads.entered[index].copy() for index in range(len(STAGES))]
    winners = np.flatnonzero(won)
    imported = winners[_some(dice, "customer before creation", 0.012, len(winners))]
    entered[5][imported] = leads.created[imported] - 3 * DAY
    for index in (1, 2, 3, 4, 5, 0):
        columns[f"hs_v2_date_entered_{STAGES[index]}"] = stamps(entered[index])

    strange = _some(dice, "hostile text", 0.0045, n)
    for place, row in enumerate(strange.tolist()):
        field, text = HOSTILE[place % len(HOSTILE)]
        columns[field][row] = text

    rows = np.arange(n)[::-1]
    twice = _some(dice, "row twice", 0.003, n)
    order = np.insert(rows, np.minimum(n, twice * 7 % n + 1), twice)
    out: Columns = {name: column[order] for name, column in columns.items()}
    _, kept = np.unique(order, return_index=True)
    older = np.setdiff1d(np.arange(len(order)), kept)
    out["lastmodifieddate"][older] = stamps(leads.created[order[older]])
    out["phone"][older] = ""
    return out


def all_companies(world: World, deals: Deals, months: Months) -> Columns:
    """The export of all companies that have a contact or a deal."""
    dice, companies, leads = world.dice, world.companies, world.leads
    n = len(companies.ids)
    created = np.full(n, EXPORTED)
    staff = np.flatnonzero(~leads.facts.student)
    np.minimum.at(created, leads.company[staff], leads.created[staff])
    np.minimum.at(created, deals.company, deals.created)
    stage = np.full(n, 1)
    np.maximum.at(stage, leads.company[staff], np.minimum(leads.stage[staff], 4))
    stage[deals.company[deals.won]] = 5
    names, domains = _company_names(companies)
    unknown = dice.chance("industry blank", 0.09, n)
    revenue = np.round(companies.employees * 90_000 * np.exp(0.4 * dice.normal("revenue", n)), -3).astype(np.int64)
    shown = np.flatnonzero(created < EXPORTED)[::-1]
    columns: Columns = {
        "hs_object_id": numbers(companies.ids),
        "name": names,
        "domain": domains,
        "hubspot_owner_id": OWNERS[companies.owner],
        "createdate": stamps(created),
        "lifecyclestage": Labels("lifecyclestage", STAGES, stage),
        "industry": _where(~unknown, _INDUSTRIES[companies.industry]),
        "numberofemployees": numbers(companies.employees, blank=dice.chance("employees blank", 0.07, n)),
        "annualrevenue": numbers(revenue, blank=dice.chance("revenue blank", 0.6, n)),
        "country": _PLACE_NAMES[companies.place],
        "associated_contact_ids": _joined(leads.company[staff], numbers(leads.ids[staff]), n),
    }
    return {name: column[shown] for name, column in columns.items()}


def all_deals(world: World, deals: Deals) -> Columns:
    """The export of all deals."""
    dice, companies, leads = world.dice, world.companies, world.leads
    n = len(deals.created)
    names, _ = _company_names(companies)
    is_open = deals.closed == NEVER
    age = EXPORTED - deals.created
    stage = np.where(is_open, np.minimum(4, age // (12 * DAY)), np.where(deals.won, 5, 6))
    stage = np.where(is_open & dice.chance("legal review", 0.06, n), 7, stage)
    stages = (
        "appointmentscheduled",
        "qualifiedtobuy",
        "presentationscheduled",
        "decisionmakerboughtin",
        "contractsent",
    )
    stages = (*stages, "closedwon", "closedlost", "Legal Review")
    closed = np.where(is_open & dice.chance("expected", 0.5, n), deals.created + 60 * DAY, deals.closed)
    ended = np.flatnonzero(~is_open)
    early = ended[_some(dice, "closed before created", 0.0015, len(ended))]
    closed[early] = deals.created[early] - 2 * DAY
    amount = deals.amount.copy()
    negative = _some(dice, "negative amount", 0.0008, n)
    amount[negative] = -amount[negative]
    has_lead = deals.lead != NEVER
    lead = np.where(has_lead, deals.lead, 0)
    sources = tuple(name for name, _ in SOURCES)
    return {
        "hs_object_id": deal_ids(dice, deals),
        "dealname": names[deals.company],
        "dealstage": Labels("dealstage", stages, stage),
        "pipeline": texts(["Sales Pipeline"])[np.zeros(n, int)],
        "amount": numbers(amount, blank=dice.chance("amount blank", 0.02, n)),
        "deal_currency_code": texts(["EUR"])[np.zeros(n, int)],
        "createdate": stamps(deals.created),
        "closedate": stamps(closed),
        "hubspot_owner_id": OWNERS[companies.owner[deals.company]],
        "hs_is_closed_won": _YES_NO[deals.won.astype(np.int64)],
        "dealtype": Labels("dealtype", ("newbusiness", "existingbusiness"), 1 - deals.new.astype(np.int64)),
        "hs_analytics_source": Labels("hs_analytics_source", sources, np.where(has_lead, leads.source[lead], -1)),
        "associated_contact_ids": _where(has_lead, numbers(leads.ids)[lead]),
        "associated_company_ids": numbers(companies.ids)[deals.company],
    }


def activities(world: World, deals: Deals) -> Columns:
    """What leads did and what was done for them, oldest first."""
    dice, companies, leads, events = world.dice, world.companies, world.leads, world.events
    n = len(events.at)
    by_sales = events.kind >= KINDS.index("call")
    at = events.at.copy()
    calls = np.flatnonzero(events.kind == KINDS.index("call"))
    before = calls[_some(dice, "call before creation", 0.006, len(calls))]
    at[before] = leads.created[events.lead[before]] - 2 * DAY
    own = np.full(len(leads), NEVER)
    with_lead = np.flatnonzero(deals.lead != NEVER)[::-1]
    own[deals.lead[with_lead]] = with_lead
    deal = own[events.lead]
    during = (deal != NEVER) & by_sales & (events.at >= deals.created[deal])
    return {
        "activity_id": numbers(record_ids(dice, "activity", 40_000_000, n)),
        "contact_id": numbers(leads.ids)[events.lead],
        "kind": Labels("kind", KINDS, events.kind),
        "at": stamps(at),
        "owner": _where(by_sales, OWNERS[companies.owner[leads.company[events.lead]]]),
        "detail": DETAILS[events.detail],
        "deal_id": _where(during, deal_ids(dice, deals)[deal]),
    }
