"""When a property is known: what is filled in late tells of the outcome, and has no place in a back-test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from workbench.calibration.asked import date_of_export
from workbench.engines import as_frame, count_by, kinds
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.outcomes import WON, YOUNG, Outcome, as_outcome, classify
from workbench.stats.ranking import auc

KnownAt = Literal["creation", "event", "sales"]
MOMENTS: Final[tuple[KnownAt, ...]] = ("creation", "event", "sales")

_DECLARED: Final[dict[KnownAt, str]] = {
    "creation": (
        "hs_object_id createdate email firstname lastname phone mobilephone jobtitle company website industry country "
        "city state zip numemployees annualrevenue hs_analytics_source hs_analytics_source_data_1 "
        "hs_analytics_source_data_2 hs_language"
    ),
    "event": (
        "hs_email_optout num_conversion_events hs_analytics_num_page_views hs_analytics_num_visits hs_email_delivered "
        "hs_email_open hs_email_click hs_email_bounce hubspotscore hs_v2_date_entered_subscriber "
        "hs_v2_date_entered_lead hs_v2_date_entered_marketingqualifiedlead"
    ),
    "sales": (
        "lifecyclestage hs_lead_status hubspot_owner_id closedate associated_deal_ids num_associated_deals "
        "recent_deal_amount total_revenue num_notes num_contacted_notes notes_last_contacted notes_last_updated "
        "hs_v2_date_entered_salesqualifiedlead hs_v2_date_entered_opportunity hs_v2_date_entered_customer "
        "lastmodifieddate"
    ),
}
DECLARED: Final[Mapping[str, KnownAt]] = {name: moment for moment in MOMENTS for name in _DECLARED[moment].split()}
"""When the vendor's own contact properties are known: with the contact, by a later event, or after sales contact."""

LEAST_AUC = 0.7
TIMES_THE_OTHERS = 3.0
MOST_VALUES = 200


def known_moments(declared: Mapping[str, str] | None) -> dict[str, KnownAt]:
    """The vendor's own properties and what the user declares, which goes first."""
    found: dict[str, KnownAt] = dict(DECLARED)
    for name, moment in (declared or {}).items():
        if moment not in MOMENTS:
            raise WorkbenchError(
                f"unknown moment {moment!r} for the property {name!r}; known_at takes {listing(MOMENTS)}: with the "
                f"contact's creation, by an event later on, or after sales contact.{did_you_mean(str(moment), MOMENTS)}"
            )
        found[name] = moment
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspects:
    """How well each property alone tells winners from the rest, and which does so suspiciously well."""

    rows: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """One row a property, best first: property, auc, low, high (DeLong), known_at (or blank), suspected."""
        return self.rows

    @property
    def suspected(self) -> tuple[str, ...]:
        """Undeclared properties that tell winners far better than the others do."""
        return tuple(self.rows.loc[self.rows["suspected"], "property"])

    def headline(self) -> str:
        """Who is suspected, with figures, in a sentence."""
        found = self.rows[self.rows["suspected"]]
        if not len(found):
            return "No undeclared property tells winners suspiciously better than the others."
        others = self.rows.loc[~self.rows["suspected"], "auc"].median()
        named = [f"{name!r} (AUC {value:.2f})" for name, value in zip(found["property"], found["auc"], strict=True)]
        return (
            f"Suspected to be known only after the outcome: {', '.join(named)}, where the others have {others:.2f} at "
            "the median. Say when it is known with known_at=, 'creation', 'event' or 'sales'."
        )


def suspect_properties(
    table: Any,
    *,
    outcome: Outcome | str,
    properties: Sequence[str] | None = None,
    known_at: Mapping[str, str] | None = None,
    as_of: str | date | None = None,
    confidence: float = 0.95,
) -> Suspects:
    """Rank properties by what each alone tells of the outcome; those far above the others may be known too late.

    An undeclared property is suspected if its AUC is at least 0.7 and its distance from 0.5 is more than three times
    the median distance of the others. That is a suspicion, no proof: a true predictor may be one.

    Parameters
    ----------
    table
        A lead a row, of any engine.
    properties
        Columns to look at. Default: all but ids, dates of the outcome and texts of more than 200 values.
    known_at
        Property to `"creation"`, `"event"` or `"sales"`, beside what is known of the vendor's own.

    Returns
    -------
    Suspects
        A text or yes/no column is ranked by its values' own rates, a number by its size in the better direction, and
        a blank stands for itself.
    """
    outcome = as_outcome(outcome)
    moments = known_moments(known_at)
    frame = as_frame(table)
    columns = kinds(frame)
    when = date_of_export(frame, columns, outcome, as_of)
    frame, code = classify(frame, outcome, as_of=when)
    own = {outcome.at, outcome.created, outcome.when}
    chosen = [name for name in columns if name not in own] if properties is None else list(properties)
    for name in chosen:
        if name not in columns:
            raise WorkbenchError(
                f"unknown property {name!r}; the table has {listing(columns)}.{did_you_mean(name, columns)}"
            )
    rows = []
    for name in chosen:
        value = nw.col(name)
        kind = columns[name]
        if kind in ("datetime", "other"):
            value = value.is_null()
        cells = count_by(frame, {"value": value, "outcome": code})
        cells = cells[cells["outcome"] < YOUNG]
        if kind == "text" and not 1 < cells["value"].nunique(dropna=False) <= MOST_VALUES:
            continue
        ranked = _single_auc(cells, number=kind == "number", confidence=confidence)
        if ranked is not None:
            rows.append(
                {
                    "property": name,
                    "auc": ranked[0],
                    "low": ranked[1],
                    "high": ranked[2],
                    "known_at": moments.get(name),
                }
            )
    columns_ = ["property", "auc", "low", "high", "known_at"]
    found = pd.DataFrame(rows, columns=columns_).sort_values("auc", ascending=False, ignore_index=True)
    distance = (found["auc"] - 0.5).to_numpy()
    others = np.array([np.median(np.delete(distance, i)) if len(distance) > 1 else 0.0 for i in range(len(distance))])
    far = (found["auc"] >= LEAST_AUC) & (distance > TIMES_THE_OTHERS * others)
    found["suspected"] = far & found["known_at"].isna()
    return Suspects(rows=found)


def _single_auc(cells: pd.DataFrame, *, number: bool, confidence: float) -> tuple[float, float, float] | None:
    """AUC and interval of one property in its better direction; None where it has one value, or nobody won."""
    won = cells["n"].where(cells["outcome"] == WON, 0)
    by_value = (
        pd.DataFrame({"value": cells["value"], "n": cells["n"], "won": won})
        .groupby("value", dropna=False, sort=True)
        .sum()
        .reset_index()
    )
    if len(by_value) < 2 or not 0 < by_value["won"].sum() < by_value["n"].sum():
        return None
    rate = by_value["won"] / by_value["n"]
    if number:
        blank = by_value["value"].isna()
        centre = by_value.loc[~blank, "won"].sum() / max(by_value.loc[~blank, "n"].sum(), 1)
        worst = rate[blank].iloc[0] < centre if blank.any() else True
        known = by_value[~blank]
        order = pd.concat([by_value[blank], known] if worst else [known, by_value[blank]])
    else:
        order = by_value.loc[rate.sort_values(kind="stable").index]
    found = auc(order["n"].to_numpy(dtype=np.int64), order["won"].to_numpy(dtype=np.int64), confidence=confidence)
    return (
        (found.value, found.low, found.high) if found.value >= 0.5 else (1 - found.value, 1 - found.high, 1 - found.low)
    )
