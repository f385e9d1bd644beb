"""The known parameters of the invented company: what an estimate on the sample should find again."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOdds:
    """What each fact about a worked lead adds to the log-odds of becoming a customer.

    Facts are those of the hand-off, `Truth.decision_days` after creation. Three of them do nothing.
    """

    intercept: float = -2.85
    demo_request: float = 1.6
    price_visit: float = 0.55  # a visit on the day of the hand-off; older ones are worth less, see Truth.decay_a_month
    more_than_50_people: float = 0.8
    software: float = 0.7
    decision_maker: float = 0.5
    email_click: float = 0.25  # each, at most two
    student: float = -1.5
    opted_out: float = -1.2
    press_or_jobs: float = -0.9
    demo_page: float = 0.0  # a near-copy of demo_request
    dach: float = 0.0
    ebook: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How one metric of a customer moves after the purchase.

    `typical` is the median customer's level until month 3; `spread` is the standard deviation of the log of a
    customer's own level around it. From month 3 on it moves in a straight line to `(1 + by_month_12)` times that in
    month 12, and stays there. `market_a_month` is what every company gains on top each calendar month from April 2024
    on, customer or not.
    """

    typical: float
    by_month_12: float
    spread: float = 0.0
    market_a_month: float = 0.0

    @property
    def improvement(self) -> float:
        """What a before-and-after comparison of month 12 with month 1 should find; 0.5 is +50 %."""
        return (1 + self.by_month_12) * (1 + self.market_a_month) ** 11 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A survey's name, the share who answer, its lowest rating, and how often each rating from there on is given."""

    name: str
    answers: float
    lowest: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """All that the sample is drawn from. Days are calendar days, shares run from 0 to 1."""

    log_odds: LogOdds = field(default_factory=LogOdds)

    decision_days: int = 10  # from creation to the hand-off; only what is known by then decides
    decay_a_month: float = 0.5  # of a price visit's effect, linear: nothing is left after two months of 30 days
    history_days: int = 60  # a lead's visits may go back this far before its creation

    old_line: int = 50  # of `hubspotscore`: from here on leads were worked
    unworked_factor: float = 0.35  # an unworked lead's chance is this part of what it would be if worked
    old_score_blank: float = 0.06  # share of leads without an old score; none of them was worked

    days_to_win_after_decision: float = 22.0  # median
    days_to_win_spread: float = 0.75  # standard deviation of the log

    season: tuple[float, ...] = (1.1, 1.05, 1.15, 1.0, 1.0, 0.9, 0.7, 0.65, 1.15, 1.2, 1.25, 0.85)  # January first
    weekday: tuple[float, ...] = (1.2, 1.3, 1.25, 1.15, 0.95, 0.3, 0.35)  # Monday first

    response_hours: float = 6.0  # median time to the first reply of an agent
    response_spread: float = 1.2  # standard deviation of its log

    website_visitors: Change = Change(typical=800, by_month_12=0.4, spread=0.9, market_a_month=0.008)
    form_submissions: Change = Change(typical=20, by_month_12=0.3, spread=0.8, market_a_month=0.008)
    email_open_rate: Change = Change(typical=0.24, by_month_12=0.15, spread=0.2)
    email_click_through_rate: Change = Change(typical=0.12, by_month_12=0.2, spread=0.2)
    deals_created: Change = Change(typical=0.7, by_month_12=0.35, spread=0.4)
    deal_close_rate: Change = Change(typical=0.35, by_month_12=0.2)
    deal_amount_eur: Change = Change(typical=4000, by_month_12=0.1, spread=0.6)
    tickets_created: Change = Change(typical=0.7, by_month_12=0.25, spread=0.4)
    ticket_close_rate: Change = Change(typical=0.8, by_month_12=0.1)
    ticket_response_hours: Change = Change(typical=6.0, by_month_12=-0.3, spread=0.3)
    sales_seats: Change = Change(typical=6, by_month_12=0.0, spread=0.5)
    service_seats: Change = Change(typical=4, by_month_12=0.0, spread=0.5)

    monthly_noise: float = 0.15  # standard deviation of the log of a month's value around its level
    outliers: float = 0.05  # share of monthly usage values that are far off, by a factor of 10 to 30 up or down
    churn_a_month: float = 0.01
    zero_baseline: float = 0.06  # share of customers with no form submission in their first three months

    cost_per_lead_eur: tuple[tuple[str, float], ...] = (
        ("PAID_SEARCH", 90.0),
        ("PAID_SOCIAL", 70.0),
        ("SOCIAL_MEDIA", 15.0),
        ("EMAIL_MARKETING", 8.0),
    )
    surveys: tuple[Survey, ...] = (
        Survey(
            name="Loyalty (NPS)",
            answers=0.5,
            lowest=0,
            shares=(0.02, 0.01, 0.02, 0.03, 0.03, 0.05, 0.06, 0.13, 0.2, 0.22, 0.23),
        ),
        Survey(name="Support effort (CES)", answers=0.4, lowest=1, shares=(0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.25)),
        Survey(name="Onboarding (CSAT)", answers=0.4, lowest=1, shares=(0.04, 0.06, 0.15, 0.35, 0.4)),
    )
