"""The metrics: what each counts, in what unit, which way is better, and which months are its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from workbench.catalog import Language
from workbench.errors import WorkbenchError, did_you_mean, listing

Kind = Literal["count", "rate", "amount", "duration"]
Direction = Literal["higher_is_better", "lower_is_better"]

MEASURES = {
    "website_visitors": "visitors to the customer's sites",
    "form_submissions": "forms submitted",
    "emails_delivered": "e-mails delivered",
    "emails_opened": "e-mails opened",
    "emails_clicked": "e-mails clicked",
    "deals_created": "deals created",
    "deals_won": "deals closed won",
    "won_amount": "amount of the deals closed won, in the home currency",
    "won_deals_with_amount": "deals closed won whose amount is known",
    "tickets_created": "tickets created",
    "tickets_closed": "tickets closed",
    "tickets_replied": "tickets created in the month and replied to",
    "response_hours": "hours from their creation to the first agent's reply",
    "sales_seats": "assigned sales seats",
    "service_seats": "assigned service seats",
}
"""What `monthly_metrics` counts per customer and month; metrics are these, or ratios of two."""

FIRST_MONTH = (1,)
FIRST_THREE_MONTHS = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One monthly metric of a customer. A metric of your own is one of these.

    >>> own = Metric(name="leads_per_visitor", numerator="form_submissions", denominator="website_visitors",
    ...              kind="rate", unit="share", baseline=(1, 2, 3))
    >>> own.label("en")
    'leads per visitor'
    """

    name: str
    numerator: str  # the measure that is summed: one of `MEASURES`, or a number column of the usage or seats table
    denominator: str | None = None  # the measure by which it is divided; None for a count
    kind: Kind
    unit: str
    direction: Direction = "higher_is_better"
    baseline: tuple[int, ...] = FIRST_MONTH  # months since purchase; 1 is the first full one
    labels: tuple[str, str, str] | None = None  # English, German, French; None: the name

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise WorkbenchError(f"metric {self.name!r}: kind is one of {listing(get_args(Kind))}, not {self.kind!r}.")
        if self.direction not in get_args(Direction):
            raise WorkbenchError(
                f"metric {self.name!r}: direction is one of {listing(get_args(Direction))}, not {self.direction!r}."
            )
        check_baseline(self.baseline)

    def label(self, language: Language = "en") -> str:
        """The metric's name for people."""
        if self.labels is None:
            return self.name.replace("_", " ")
        return self.labels[("en", "de", "fr").index(language)]

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.direction == "higher_is_better" else -1


def check_baseline(months: tuple[int, ...]) -> tuple[int, ...]:
    """The months of a baseline in order: at least one, whole, from 1."""
    if not months or any(month != int(month) or month < 1 for month in months):
        raise WorkbenchError(f"a baseline is one or more whole months from 1, for example (1, 2, 3); got {months!r}.")
    return tuple(sorted({int(month) for month in months}))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="website_traffic",
            numerator="website_visitors",
            kind="count",
            unit="visitors",
            labels=("website traffic", "Website-Besuche", "trafic du site web"),
        ),
        Metric(
            name="inbound_leads",
            numerator="form_submissions",
            kind="count",
            unit="form submissions",
            labels=("inbound leads", "Inbound-Leads", "leads entrants"),
        ),
        Metric(
            name="email_open_rate",
            numerator="emails_opened",
            denominator="emails_delivered",
            kind="rate",
            unit="share",
            baseline=FIRST_THREE_MONTHS,
            labels=("e-mail open rate", "E-Mail-Öffnungsrate", "taux d'ouverture des e-mails"),
        ),
        Metric(
            name="email_click_through_rate",
            numerator="emails_clicked",
            denominator="emails_opened",
            kind="rate",
            unit="share",
            baseline=FIRST_THREE_MONTHS,
            labels=("e-mail click-through rate", "E-Mail-Klickrate", "taux de clics des e-mails"),
        ),
        Metric(
            name="deals_created",
            numerator="deals_created",
            kind="count",
            unit="deals",
            baseline=FIRST_THREE_MONTHS,
            labels=("deals created", "erstellte Deals", "transactions créées"),
        ),
        Metric(
            name="deals_closed",
            numerator="deals_won",
            kind="count",
            unit="deals",
            baseline=FIRST_THREE_MONTHS,
            labels=("deals closed", "gewonnene Deals", "transactions conclues"),
        ),
        Metric(
            name="deal_close_rate",
            numerator="deals_won",
            denominator="deals_created",
            kind="rate",
            unit="share",
            baseline=FIRST_THREE_MONTHS,
            labels=("deal close rate", "Abschlussrate", "taux de conclusion"),
        ),
        Metric(
            name="average_deal_amount",
            numerator="won_amount",
            denominator="won_deals_with_amount",
            kind="amount",
            unit="home currency",
            baseline=FIRST_THREE_MONTHS,
            labels=("average deal amount", "mittlerer Dealbetrag", "montant moyen des transactions"),
        ),
        Metric(
            name="deals_closed_per_rep",
            numerator="deals_won",
            denominator="sales_seats",
            kind="rate",
            unit="deals per seat",
            baseline=FIRST_THREE_MONTHS,
            labels=(
                "deals closed per rep",
                "gewonnene Deals je Vertriebsplatz",
                "transactions conclues par commercial",
            ),
        ),
        Metric(
            name="tickets_created",
            numerator="tickets_created",
            kind="count",
            unit="tickets",
            labels=("tickets created", "erstellte Tickets", "tickets créés"),
        ),
        Metric(
            name="tickets_closed",
            numerator="tickets_closed",
            kind="count",
            unit="tickets",
            labels=("tickets closed", "geschlossene Tickets", "tickets fermés"),
        ),
        Metric(
            name="ticket_close_rate",
            numerator="tickets_closed",
            denominator="tickets_created",
            kind="rate",
            unit="share",
            baseline=FIRST_THREE_MONTHS,
            labels=("ticket close rate", "Ticket-Abschlussrate", "taux de fermeture des tickets"),
        ),
        Metric(
            name="ticket_response_time",
            numerator="response_hours",
            denominator="tickets_replied",
            kind="duration",
            unit="hours",
            direction="lower_is_better",
            baseline=FIRST_THREE_MONTHS,
            labels=("ticket response time", "Ticket-Antwortzeit", "temps de réponse aux tickets"),
        ),
        Metric(
            name="tickets_closed_per_rep",
            numerator="tickets_closed",
            denominator="service_seats",
            kind="rate",
            unit="tickets per seat",
            baseline=FIRST_THREE_MONTHS,
            labels=("tickets closed per rep", "geschlossene Tickets je Serviceplatz", "tickets fermés par agent"),
        ),
    )
}
"""The 14 metrics of the published method, by name."""


def as_metric(metric: str | Metric) -> Metric:
    """A metric by its name, or the declaration itself."""
    if isinstance(metric, Metric):
        return metric
    if metric not in METRICS:
        raise WorkbenchError(
            f"unknown metric {metric!r}; there are {listing(METRICS, most=14)}.{did_you_mean(metric, METRICS)} "
            "A metric of your own is declared with Metric(name=..., numerator=..., kind=..., unit=...)."
        )
    return METRICS[metric]
