"""Companies, the leads who work there, what they did, and who became a customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.sample.dice import Dice, Flags, Floats, Ints
from workbench.sample.names import ADVISES, DECIDES, FIRST, INDUSTRIES, PLACES
from workbench.sample.tables import DAY, EXPORTED, NEVER, minute, record_ids
from workbench.sample.truth import Truth

FIRST_LEAD = minute("2025-01-01")
FIRST_PURCHASE = minute("2024-07-01")
PURCHASES_DAYS = 365
SOURCES = (
    ("ORGANIC_SEARCH", 30),
    ("PAID_SEARCH", 15),
    ("EMAIL_MARKETING", 8),
    ("SOCIAL_MEDIA", 8),
    ("REFERRALS", 8),
    ("DIRECT_TRAFFIC", 14),
    ("PAID_SOCIAL", 5),
    ("AI_REFERRALS", 2),
    ("OFFLINE", 10),
)
OFFLINE = 8
STAGES = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")


@dataclass(frozen=True, slots=True)
class Companies:
    """All companies; the last `customers` of them bought before the leads' window."""

    ids: Ints
    place: Ints
    industry: Ints
    employees: Ints
    owner: Ints
    customers: int
    purchased: Ints  # minute of each customer's purchase

    @classmethod
    def invent(cls, dice: Dice, *, leads: int) -> Companies:
        customers = max(1, leads * 6 // 100)
        n = max(1, leads // 4) + customers
        size = np.exp(3.55 + 1.3 * dice.normal("company size", n))
        return cls(
            ids=record_ids(dice, "company", n),
            place=dice.pick("company place", [place[5] for place in PLACES], n),
            industry=dice.pick("company industry", [weight for _, weight in INDUSTRIES], n),
            employees=np.clip(np.round(size), 1, 90_000).astype(np.int64),
            owner=dice.between("company owner", 0, 8, n),
            customers=customers,
            purchased=FIRST_PURCHASE + (dice.uniform("purchase", customers) * PURCHASES_DAYS * DAY).astype(np.int64),
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of each lead at its hand-off."""

    demo_request: Flags
    price_visit: Floats  # visits, each worth less the older it is
    more_than_50_people: Flags
    software: Flags
    decision_maker: Flags
    email_click: Ints
    student: Flags
    opted_out: Flags
    press_or_jobs: Flags
    demo_page: Flags
    dach: Flags
    ebook: Flags


@dataclass(frozen=True, slots=True)
class Leads:
    """One entry a lead, oldest first. Times are minutes since 1970, `NEVER` where it did not happen."""

    ids: Ints
    company: Ints
    first: Ints
    last: Ints
    title: Ints
    source: Ints
    created: Ints
    decided: Ints
    facts: Facts
    price_visits: Ints
    creating_form: Ints
    opted_out_at: Ints
    bounced: Flags
    old_score: Ints  # -1: blank
    chance: Floats  # of becoming a customer, as things were
    chance_if_worked: Floats
    worked: Flags
    would_win_at: Ints  # also after the export
    stage: Ints  # index into STAGES
    entered: tuple[Ints, ...]  # by stage
    lost_at: Ints

    def __len__(self) -> int:
        return len(self.ids)


def _arrivals(dice: Dice, truth: Truth, n: int) -> Ints:
    days = np.arange(FIRST_LEAD // DAY, EXPORTED // DAY + 1)
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]").astype(np.int64) % 12
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
    traffic = np.asarray(truth.season)[month] * np.asarray(truth.weekday)[weekday]
    day = days[dice.pick("lead day", traffic, n)]
    hours = [1, 1, 1, 1, 1, 2, 3, 6, 10, 13, 13, 12, 9, 11, 12, 12, 11, 9, 6, 5, 4, 4, 3, 2]
    at = day * DAY + dice.pick("lead hour", hours, n) * 60 + dice.between("lead minute", 0, 60, n)
    return np.sort(np.where(at >= EXPORTED, at - 7 * DAY, at))


def _logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)


def price_visit_times(dice: Dice, truth: Truth, decided: Ints, visits: Ints) -> tuple[Ints, Ints]:
    """Lead and time of every visit to the price page before the hand-off, most of them shortly before."""
    who = np.repeat(np.arange(len(visits)), visits)
    span = (truth.history_days + truth.decision_days) * DAY
    before = dice.uniform("price visit time", len(who)) ** 2 * span
    return who, decided[who] - before.astype(np.int64)


def _linear(truth: Truth, facts: Facts) -> Floats:
    odds = truth.log_odds
    total = np.full(len(facts.student), odds.intercept)
    for name in Facts.__slots__:
        total = total + getattr(odds, name) * getattr(facts, name)
    return total


def _after(dice: Dice, name: str, start: Ints, days: float, when: Flags) -> Ints:
    """Up to `days` after `start`, where `when`."""
    later = start + 30 + (dice.uniform(name, len(start)) * days * DAY).astype(np.int64)
    return np.where(when, later, NEVER)


def invent_leads(dice: Dice, truth: Truth, companies: Companies, n: int) -> Leads:
    """`n` leads, drawn from `truth`."""
    created = _arrivals(dice, truth, n)
    fresh = len(companies.ids) - companies.customers
    customer = dice.between("customer", 0, companies.customers, n)
    inside = dice.chance("works at a customer", 0.1, n) & (companies.purchased[customer] < created)
    company = np.where(inside, fresh + customer, dice.between("employer", 0, fresh, n))
    decided = created + truth.decision_days * DAY
    source = dice.pick("source", [weight for _, weight in SOURCES], n)
    student = dice.chance("student", 0.06, n)
    decision_maker = dice.chance("decides", 0.25, n) & ~student
    intent = dice.normal("intent", n)
    demo = dice.chance("demo", _logistic(-2.35 + 0.8 * intent), n)
    demo_page = np.where(demo, dice.chance("demo page", 0.96, n), dice.chance("demo page only", 0.012, n))
    ebook = dice.chance("ebook", 0.22, n)
    visits = np.minimum(dice.poisson("price visits", 0.5 * np.exp(0.7 * intent), n), 6)
    who, at = price_visit_times(dice, truth, decided, visits)
    worth = np.maximum(0, 1 - truth.decay_a_month * (decided[who] - at) / (30 * DAY))
    bounced = dice.chance("bounced", 0.03, n)
    clicks = np.where(bounced, 0, np.minimum(dice.poisson("early clicks", 0.3 * np.exp(0.4 * intent), n), 2))
    out_early = dice.chance("opted out early", 0.05, n)
    out_late = dice.chance("opted out late", 0.04, n) & ~out_early
    out_at = _after(dice, "opt-out time", created, truth.decision_days - 0.1, out_early)
    out_at = np.where(out_late, _after(dice, "late opt-out", decided, 200, out_late), out_at)
    out_at[out_at > EXPORTED] = NEVER

    facts = Facts(
        demo_request=demo,
        price_visit=np.bincount(who, weights=worth, minlength=n).astype(np.float64),
        more_than_50_people=(companies.employees[company] > 50) & ~student,
        software=(companies.industry[company] == 0) & ~student,
        decision_maker=decision_maker,
        email_click=clicks,
        student=student,
        opted_out=out_early,
        press_or_jobs=dice.chance("press or jobs", 0.08, n),
        demo_page=demo_page,
        dach=companies.place[company] < 3,
        ebook=ebook,
    )

    linear = _linear(truth, facts)
    known = linear - truth.log_odds.intercept
    score = np.round(np.clip(22 + 13 * known + 10 * dice.normal("old score", n), 0, 100)).astype(np.int64)
    score[dice.chance("old score blank", truth.old_score_blank, n)] = -1
    worked = score >= truth.old_line
    chance_if_worked = _logistic(linear)
    chance = chance_if_worked * np.where(worked, 1, truth.unworked_factor)
    wins = dice.chance("wins", chance, n)
    wait = truth.days_to_win_after_decision * np.exp(truth.days_to_win_spread * dice.normal("wait", n))
    win_at = np.where(wins, decided + np.maximum(60, (wait * DAY)).astype(np.int64), NEVER)

    handed = np.where(worked, dice.uniform("hand-off", n) < 0.97, dice.uniform("hand-off", n) < 0.05) | wins
    mql = np.where(handed, decided + dice.between("mql", 0, 30, n), NEVER)
    sql = _after(dice, "sql time", decided, 6, (handed & dice.chance("sql", 0.6, n)) | wins)
    opportunity = _after(
        dice, "opportunity time", decided + 6 * DAY, 8, ((sql != NEVER) & dice.chance("opp", 0.45, n)) | wins
    )
    gone = wins & (opportunity >= win_at)
    opportunity = np.where(gone, win_at - 20, opportunity)
    sql = np.where(wins & (sql >= opportunity), opportunity - 10, sql)
    lost = _after(dice, "lost time", opportunity + DAY, 75, (opportunity != NEVER) & ~wins)
    reader = ~handed & dice.chance("reader", 0.07, n)
    entered = [
        np.where(reader, created, NEVER),
        np.where(reader, NEVER, created),
        mql,
        sql,
        opportunity,
        win_at,
    ]
    stage = np.where(reader, 0, 1)
    for index in range(2, 6):
        entered[index] = np.where(entered[index] > EXPORTED, NEVER, entered[index])
        stage = np.where(entered[index] != NEVER, index, stage)

    form = dice.uniform("creating form", n)
    creating = np.select([demo & (form < 0.6), ebook & (form < 0.8), form < 0.5], [0, 1, 2], 3)
    names = len(FIRST["en"].split())
    return Leads(
        ids=record_ids(dice, "contact", n),
        company=company,
        first=dice.between("first name", 0, names, n),
        last=dice.between("last name", 0, 40, n),
        title=np.where(
            student,
            -1,
            np.where(
                decision_maker,
                dice.between("title decides", 0, len(DECIDES), n),
                len(DECIDES) + dice.between("title advises", 0, len(ADVISES), n),
            ),
        ),
        source=source,
        created=created,
        decided=decided,
        facts=facts,
        price_visits=visits,
        creating_form=np.where(source == OFFLINE, -1, creating),
        opted_out_at=out_at,
        bounced=bounced,
        old_score=score,
        chance=chance,
        chance_if_worked=chance_if_worked,
        worked=worked,
        would_win_at=win_at,
        stage=stage,
        entered=tuple(entered),
        lost_at=np.where(lost > EXPORTED, NEVER, lost),
    )
