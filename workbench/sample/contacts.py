"""The contacts export: who the leads are, and what is wrong with their rows."""

from __future__ import annotations

import unicodedata

import numpy as np

from workbench.sample.dice import Dice, Ints
from workbench.sample.leads import OFFLINE, SOURCES, STAGES, Companies
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
    Columns,
    Labels,
    Texts,
    joined,
    numbers,
    record_ids,
    some,
    stamps,
    texts,
    when,
)
from workbench.sample.world import World

STATUS = ("NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING")
COUNTRIES = texts([place[0] for place in PLACES])
INDUSTRY_NAMES = texts([name for name, _ in INDUSTRIES])
SOURCE_NAMES = tuple(name for name, _ in SOURCES)
SIZES = ((1, "1-4"), (5, "5-25"), (26, "26-50"), (51, "51-200"), (201, "201-1,000"), (1001, "1,000+"))

_FIRST = texts([name for style in STYLES for name in FIRST[style].split()])
_LAST = texts([name for style in STYLES for name in LAST[style].split()])
_PER_STYLE = len(_FIRST) // len(STYLES)
_STYLE = np.array([STYLES.index(place[1]) for place in PLACES])
_TITLES = np.concatenate([DECIDES, ADVISES, texts(["Student"])])
_DRILL_DOWN = texts(
    [
        "Unknown keywords (SSL)",
        "brand-search",
        "june-mailing",
        "LinkedIn",
        "partner.example",
        "www.sample.example/",
        "Facebook",
        "assistant",
        "IMPORT",
    ]
)
_INTERESTS = texts(["", "Routing", "Routing;Scoring", "Scoring;Reporting;Routing", "Reporting"])


def company_names(companies: Companies) -> tuple[Texts, Texts]:
    """Name and domain of each company, no two alike."""
    index = np.arange(len(companies.ids))
    stem = (index * 7919 + 13) % len(STEMS)
    line = index // len(STEMS) % len(LINES)
    again = index // (len(STEMS) * len(LINES))
    number = numbers(again + 1, blank=again == 0)
    words = texts([f" {word}" if word else "" for word in LINES])[line] + when(again > 0, " " + number)
    forms = texts([place[2] for place in PLACES])[companies.place]
    domain = texts([stem.lower() for stem in STEMS])[stem] + texts([word.lower() for word in LINES])[line]
    return texts(STEMS)[stem] + words + " " + forms, domain + number + ".example"


def _ascii(name: str) -> str:
    for letter, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("œ", "oe"), ("Ö", "Oe"), ("Ü", "Ue")):
        name = name.replace(letter, plain)
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in bare.lower() if letter.isalpha())


def _people(world: World) -> dict[str, Texts]:
    dice, companies, leads = world.dice, world.companies, world.leads
    n = len(leads)
    company, student = leads.company, leads.facts.student
    place = companies.place[company]
    names, domains = company_names(companies)
    style = np.where(dice.chance("own style", 0.9, n), _STYLE[place], dice.between("style", 0, len(STYLES), n))
    first, last = style * _PER_STYLE + leads.first, style * _PER_STYLE + leads.last

    free = dice.chance("free mail", 0.1, n)
    domain = when(free, FREE_MAIL[dice.between("free mail at", 0, len(FREE_MAIL), n)], domains[company])
    campus = "student." + CAMPUS[dice.between("campus", 0, len(CAMPUS), n)] + "-university.example"
    domain = when(student, campus, domain)
    twin = np.full(n, True)
    twin[np.unique((company * len(_FIRST) + first) * len(_LAST) + last, return_index=True)[1]] = False
    suffix = numbers(np.arange(n), blank=~(twin | free | student))
    plain = texts([_ascii(name) for name in _FIRST])[first] + "." + texts([_ascii(name) for name in _LAST])[last]
    email = plain + suffix + "@" + domain
    same = some(dice, "same e-mail", 0.004, n - 1)
    email[same] = texts([address.title() for address in email[same + 1]])
    email[dice.chance("no e-mail", 0.015, n)] = ""

    phones = texts([place[3].format(number) for place in PLACES for number in range(100)])
    phone = phones[place * 100 + dice.between("phone", 0, 100, n)]
    cities = [place[4].split() for place in PLACES]
    starts = np.cumsum([0, *map(len, cities)])
    city = starts[place] + np.floor(dice.uniform("city", n) * np.diff(starts)[place]).astype(np.int64)

    title = _TITLES[leads.title]
    title[dice.chance("no title", 0.08, n) & ~leads.facts.decision_maker] = ""
    broken = some(dice, "line break", np.where(title == "", 0, 0.004), n)
    title[broken] = title[broken] + '\nEMEA, "new" team'
    industry = when(student, "Education", INDUSTRY_NAMES[companies.industry[company]])
    unknown = dice.chance("industry blank", 0.09, len(companies.ids))[company]
    industry[unknown] = ""
    industry[unknown & dice.chance("no value", 0.2, n)] = "(No value)"
    columns = {
        "hs_object_id": numbers(leads.ids),
        "firstname": _FIRST[first],
        "lastname": _LAST[last],
        "email": email,
        "phone": when(dice.chance("has phone", 0.25, n), phone),
        "jobtitle": title,
        "company": when(~student, names[company]),
        "industry": industry,
        "numemployees": when(~student, _employees(dice, companies)[company]),
        "country": COUNTRIES[place],
        "city": texts([city for names in cities for city in names])[city],
        "associatedcompanyid": when(~student, numbers(companies.ids)[company]),
    }
    for strange, row in enumerate(some(dice, "hostile text", 0.005, n).tolist()):
        field, text = HOSTILE[strange % len(HOSTILE)]
        columns[field][row] = text
    return columns


def _employees(dice: Dice, companies: Companies) -> Texts:
    """A number on most, a range on some, blank on a few."""
    n = len(companies.ids)
    exact = numbers(companies.employees, blank=dice.chance("employees blank", 0.07, n))
    step = np.searchsorted([low for low, _ in SIZES], companies.employees, side="right") - 1
    return when(dice.chance("employees as a range", 0.08, n), texts([label for _, label in SIZES])[step], exact)


def _status(world: World) -> Ints:
    dice, leads = world.dice, world.leads
    n = len(leads)
    handed, won, lost = leads.entered[2] != NEVER, leads.entered[5] != NEVER, leads.lost_at != NEVER
    running = (leads.entered[4] != NEVER) & ~lost
    young = EXPORTED - leads.decided < 50 * DAY
    status = {name: code for code, name in enumerate(STATUS)}
    return np.select(
        [won, running, lost & dice.chance("bad timing", 0.4, n), lost, handed & young, handed, young],
        [
            status["CONNECTED"],
            status["OPEN_DEAL"],
            status["BAD_TIMING"],
            status["UNQUALIFIED"],
            status["IN_PROGRESS"],
            np.where(dice.chance("no answer", 0.5, n), status["ATTEMPTED_TO_CONTACT"], status["UNQUALIFIED"]),
            status["NEW"],
        ],
        np.where(dice.chance("no status", 0.5, n), status["OPEN"], -1),
    )


def _engagement(world: World) -> Columns:
    dice, leads, events = world.dice, world.leads, world.events
    n = len(leads)
    months = (EXPORTED - leads.created) / (30 * DAY)
    sent = np.where(leads.bounced, 0, dice.poisson("delivered", np.minimum(1 + 0.6 * months, 10), n))
    clicked = events.count("email_click", n)
    opened = np.maximum(clicked, np.round(sent * dice.uniform("opened", n) ** 2).astype(np.int64))
    views = events.count("page_view", n)
    untracked = (leads.source == OFFLINE) & (views == 0)
    return {
        "hs_analytics_num_page_views": numbers(views, blank=untracked),
        "hs_analytics_num_visits": numbers(np.minimum(views, 1 + views // 2), blank=untracked),
        "num_conversion_events": numbers(events.count("form_submission", n)),
        "hs_email_delivered": numbers(np.maximum(sent, opened), blank=leads.bounced),
        "hs_email_open": numbers(opened, blank=opened == 0),
        "hs_email_click": numbers(clicked, blank=clicked == 0),
        "hs_email_bounce": numbers(leads.bounced.astype(np.int64), blank=~leads.bounced),
        "hs_email_optout": when(leads.opted_out_at != NEVER, "true"),
        "hubspotscore": numbers(leads.old_score, blank=leads.old_score < 0),
        "Interests": _INTERESTS[dice.pick("interests", [70, 12, 8, 4, 6], n)],
    }


def _modified(world: World) -> Ints:
    modified = world.leads.created.copy()
    np.maximum.at(modified, world.events.lead, world.events.at)
    for entered in world.leads.entered:
        modified = np.maximum(modified, entered)
    return modified


def _course(world: World) -> Columns:
    dice, leads, deals = world.dice, world.leads, world.deals
    n = len(leads)
    owned = (leads.entered[2] != NEVER) | dice.chance("owned", 0.2, n)
    has_deal = deals.lead != NEVER
    entered = [at.copy() for at in leads.entered]
    winners = np.flatnonzero(entered[5] != NEVER)
    early = winners[some(dice, "customer before creation", 0.012, len(winners))]
    entered[5][early] = leads.created[early] - 3 * DAY
    return {
        "hubspot_owner_id": when(owned, OWNERS[world.companies.owner[leads.company]]),
        "lifecyclestage": Labels("lifecyclestage", STAGES, leads.stage),
        "hs_lead_status": Labels("hs_lead_status", STATUS, _status(world)),
        "createdate": stamps(leads.created),
        "lastmodifieddate": stamps(_modified(world)),
        "hs_analytics_source": Labels("hs_analytics_source", SOURCE_NAMES, leads.source),
        "hs_analytics_source_data_1": _DRILL_DOWN[leads.source],
        "associated_deal_ids": joined(
            deals.lead[has_deal], numbers(record_ids(dice, "deal", len(has_deal)))[has_deal], n
        ),
        **{f"hs_v2_date_entered_{STAGES[index]}": stamps(entered[index]) for index in (1, 2, 3, 4, 5, 0)},
    }


def contacts(world: World) -> Columns:
    """The export of all contacts, newest first, some rows twice."""
    dice, n = world.dice, len(world.leads)
    people, course = _people(world), _course(world)
    twice = some(dice, "row twice", 0.003, n)
    places = np.minimum(n, twice * 7 % n + 1)
    order = np.insert(np.arange(n)[::-1], places, twice)
    older = np.insert(np.full(n, False), places, True)
    columns: Columns = {name: column[order] for name, column in {**people, **course, **_engagement(world)}.items()}
    columns["lastmodifieddate"] = when(older, stamps(world.leads.created[order]), stamps(_modified(world)[order]))
    columns["phone"] = when(~older, people["phone"][order])
    return columns
