"""What leads did, and what was done for them: one entry an event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.sample.dice import Dice, Flags, Ints
from workbench.sample.leads import OFFLINE, Leads, price_visit_times
from workbench.sample.tables import DAY, EXPORTED, NEVER, texts
from workbench.sample.truth import Truth

KINDS = (
    "page_view",
    "form_submission",
    "email_delivered",
    "email_open",
    "email_click",
    "email_bounce",
    "email_unsubscribe",
    "call",
    "meeting",
    "email_sales",
)
PAGES = (
    "/pricing",
    "/demo",
    "/about/press",
    "/about/jobs",
    "/ebook",
    "/blog/forecast",
    "/blog/routing",
    "/blog/handover",
)
FORMS = ("Demo request", "E-book: Reading a funnel", "Newsletter", "Contact us", "Webinar", "Support request")
MAILINGS = ("Newsletter of the month", "Product news", "Hard bounce")
OUTCOMES = ("Connected", "No answer", "Left voicemail", "Completed", "No show")
DETAILS = texts([*PAGES, "/docs/setup", *FORMS, *MAILINGS, *OUTCOMES, ""])
_AT = {detail: index for index, detail in enumerate(DETAILS.tolist())}
_CREATING = np.array([_AT[form] for form in FORMS[:4]])


@dataclass(frozen=True, slots=True)
class Events:
    """Sorted by time. `lead` indexes Leads, `kind` KINDS, `detail` DETAILS."""

    lead: Ints
    kind: Ints
    detail: Ints
    at: Ints

    def count(self, kind: str, n: int) -> Ints:
        """How many events of this kind each lead has."""
        return np.bincount(self.lead[self.kind == KINDS.index(kind)], minlength=n)


class _Log:
    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Ints, Ints, Ints]] = []

    def add(self, kind: str, detail: str | Ints, lead: Ints, at: Ints) -> None:
        details = np.full(len(lead), _AT[detail]) if isinstance(detail, str) else detail
        self._parts.append((lead, np.full(len(lead), KINDS.index(kind)), details, at))

    def events(self) -> Events:
        lead, kind, detail, at = (np.concatenate(part).astype(np.int64) for part in zip(*self._parts, strict=True))
        seen = np.flatnonzero(at < EXPORTED)
        order = seen[np.argsort(at[seen], kind="stable")]
        return Events(lead[order], kind[order], detail[order], at[order])


def invent_events(dice: Dice, truth: Truth, leads: Leads) -> Events:
    """Everything that happened before the export."""
    n = len(leads)
    everyone = np.arange(n)
    log = _Log()
    facts, created, decided = leads.facts, leads.created, leads.decided
    early = truth.decision_days * DAY - 60

    def within(name: str, who: Ints, start: Ints, span: float) -> Ints:
        return start[who] + (dice.uniform(name, len(who)) * span).astype(np.int64)

    def spread(name: str, mean: float, start: Ints, days: float, where: Flags | None = None) -> tuple[Ints, Ints]:
        counts = dice.poisson(f"{name} count", mean, n, most=12)
        who = np.repeat(everyone, counts if where is None else counts * where)
        return who, within(f"{name} time", who, start, days * DAY)

    # up to the hand-off: what decides
    log.add("page_view", "/pricing", *price_visit_times(dice, truth, decided, leads.price_visits))
    who = np.flatnonzero(facts.demo_page)
    log.add("page_view", "/demo", who, within("demo page time", who, created, early))
    who = np.flatnonzero(facts.press_or_jobs)
    pages = np.where(dice.chance("press", 0.4, len(who)), _AT["/about/press"], _AT["/about/jobs"])
    log.add("page_view", pages, who, within("press time", who, created, early))
    who = np.repeat(everyone, facts.email_click)
    log.add("email_click", "Product news", who, within("early click time", who, created, early))
    online = np.flatnonzero(leads.source != OFFLINE)
    log.add("form_submission", _CREATING[leads.creating_form[online]], online, created[online])
    for code, fact, form in ((0, facts.demo_request, "Demo request"), (1, facts.ebook, "E-book: Reading a funnel")):
        who = np.flatnonzero(fact & (leads.creating_form != code))
        log.add("form_submission", form, who, within(f"{form} time", who, created, early))
    who = np.flatnonzero(facts.ebook)
    log.add("page_view", "/ebook", who, within("ebook page time", who, created, early))

    # what does not: reading on, before and after
    who, at = spread("blog", 0.7, created, 60)
    log.add("page_view", _AT["/blog/forecast"] + dice.between("post", 0, 3, len(who)), who, at)
    log.add("page_view", "/pricing", *spread("later price", 0.08, decided, 150))
    log.add("form_submission", "Webinar", *spread("webinar", 0.08, decided, 150))
    reached = ~leads.bounced & (leads.opted_out_at == NEVER)
    log.add("email_click", "Newsletter of the month", *spread("later click", 0.15, decided, 200, reached))
    won = (leads.would_win_at != NEVER) & (leads.would_win_at < EXPORTED)
    after = np.where(won, leads.would_win_at, EXPORTED)
    log.add("page_view", "/docs/setup", *spread("docs", 1.5, after, 60, won))
    log.add("page_view", "/pricing", *spread("more seats", 0.9, after, 60, won))
    log.add("email_click", "Product news", *spread("onboarding", 1.2, after, 45, won & reached))
    log.add("form_submission", "Support request", *spread("support", 0.4, after, 90, won))

    # e-mails: deliveries and opens are kept for the last month only
    month = np.full(n, EXPORTED - 30 * DAY)
    sent = np.flatnonzero(reached & (created < EXPORTED - 30 * DAY) & dice.chance("in the June list", 0.22, n))
    at = within("June mail", sent, month, 3 * DAY)
    log.add("email_delivered", "Newsletter of the month", sent, at)
    opened = dice.chance("June open", 0.3, len(sent))
    log.add("email_open", "Newsletter of the month", sent[opened], at[opened] + 90)
    who = np.flatnonzero(leads.bounced)
    log.add("email_bounce", "Hard bounce", who, created[who] + DAY)
    who = np.flatnonzero(leads.opted_out_at != NEVER)
    log.add("email_unsubscribe", "Newsletter of the month", who, leads.opted_out_at[who])

    # sales
    handed = leads.entered[2] != NEVER
    who, at = spread("call", 1.1, decided, 30, handed)
    log.add("call", _AT["Connected"] + dice.between("outcome", 0, 3, len(who)), who, at)
    who = np.flatnonzero(leads.entered[3] != NEVER)
    met = np.where(dice.chance("shows up", 0.85, len(who)), _AT["Completed"], _AT["No show"])
    log.add("meeting", met, who, leads.entered[3][who])
    log.add("email_sales", "", *spread("sales mail", 0.6, decided, 30, handed))
    return log.events()
