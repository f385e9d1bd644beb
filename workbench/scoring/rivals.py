"""How others compute a score, for those who come from there: Mautic's operations and Odoo's naive Bayes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import engines
from workbench.conditions import Count, events_told, moment, parse_count
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.outcomes import NO_WORDS, YES_WORDS
from workbench.scoring.rules import column_of, number

Operation = Literal["add", "subtract", "multiply", "divide"]

COUNTS_START_AT = 0.1
FEWEST_TAGS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MauticAction:
    """What an event does to a contact's points: once a contact, unless `repeatable`.

    `count` says which events, such as `count(page_view, "pricing")` (how long ago they were does not matter); `group`
    is a point group, whose points stand beside the total and do not change it.
    """

    name: str
    count: Count | str
    points: float
    operation: Operation = "add"
    repeatable: bool = False
    group: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.count, str):
            object.__setattr__(self, "count", parse_count(self.count))
        object.__setattr__(self, "points", number(self.points, f"the points of the action {self.name!r}"))
        known = get_args(Operation)
        if self.operation not in known:
            raise WorkbenchError(
                f"the action {self.name!r} has the operation {self.operation!r}; there are {listing(known)}."
                f"{did_you_mean(str(self.operation), known)}"
            )
        if self.operation == "divide" and not self.points:
            raise WorkbenchError(f"the action {self.name!r} divides by 0; give other points.")
        assert isinstance(self.count, Count)  # noqa: S101  # parsed
        if self.count.within_days is not None:
            raise WorkbenchError(f"the action {self.name!r} counts a span of days, which Mautic does not; take it out.")


def mautic_points(activities: Any, actions: Sequence[MauticAction], *, as_of: str | date | None = None) -> pd.DataFrame:
    """Each contact's points after all of their events, in the order in which these happened.

    Parameters
    ----------
    activities
        The events (`contact_id`, `kind`, `at`, `detail`), of any engine.
    actions
        What events do; several may answer to one event, in their order.
    as_of
        Events after this date do not count.

    Returns
    -------
    pandas.DataFrame
        `contact_id`, `points` and `points_<group>` for each point group, a row for each contact with an action.

    Raises
    ------
    WorkbenchError
        For an unknown kind of activity or column.

    Notes
    -----
    All start at 0: what is multiplied before anything was added stays 0. Points never decay.
    """
    counts = [action.count for action in actions if isinstance(action.count, Count)]
    frame, happens = events_told(activities, counts)
    names = [f"_action_{place}" for place in range(len(actions))]
    columns = [expression.alias(name) for expression, name in zip(happens, names, strict=True)]
    rows = engines.collect(frame.select("contact_id", "at", *columns))
    rows = rows[rows["contact_id"].notna() & rows[names].any(axis=1)].sort_values("at", kind="stable")
    until = moment(as_of)
    if until is not None:
        rows = rows[rows["at"] < pd.Timestamp(until.end)]
    groups = list(dict.fromkeys(action.group for action in actions))
    points: dict[Any, dict[str | None, float]] = {}
    done: set[tuple[Any, int]] = set()
    for contact, *matched in rows[["contact_id", *names]].itertuples(index=False):
        of = points.setdefault(contact, dict.fromkeys(groups, 0.0))
        for place in np.flatnonzero(matched).tolist():
            action = actions[place]
            if action.repeatable or (contact, place) not in done:
                done.add((contact, place))
                of[action.group] = _changed(of[action.group], action)
    table = pd.DataFrame.from_dict(points, orient="index", columns=pd.Index(groups, dtype=object))
    titles = {
        group: "points" if group is None else column_of(group).replace("score_", "points_", 1) for group in groups
    }
    found = table.rename(columns=titles).rename_axis("contact_id").reset_index()
    if "points" not in found:
        found.insert(1, "points", 0.0)
    return found


def _changed(points: float, action: MauticAction) -> float:
    match action.operation:
        case "add":
            return points + action.points
        case "subtract":
            return points - action.points
        case "multiply":
            return points * action.points
    return points / action.points


def odoo_probabilities(leads: Any, *, won: str, fields: Sequence[str], tags: str | None = None) -> pd.Series[float]:
    """The chance of each lead in percent, by naive Bayes over the closed ones, as Odoo computes it.

    Parameters
    ----------
    leads
        A lead a row, of any engine.
    won
        A yes/no column; blank where a lead is open.
    fields
        Columns whose values tell leads apart; texts and numbers alike are taken as they are.
    tags
        A column with several values, joined by `;`. Those of fewer than 50 closed leads are skipped.

    Returns
    -------
    pandas.Series
        `probability`, 0 to 100 with two decimals, in the order of the leads; open and closed ones alike.

    Raises
    ------
    WorkbenchError
        For an unknown column, a `won` that is no yes/no column, or without a won and a lost lead.

    Notes
    -----
    Each count of won and of lost leads starts at 0.1, that of all leads too. With the share of a value among the won,
    won[v] / total_won[field], s_won is P(won) times these shares over the fields, s_lost likewise, and the probability
    100 * s_won / (s_won + s_lost). A blank, or a value that no closed lead has, is skipped.
    """
    frame = engines.as_frame(leads)
    there = engines.kinds(frame)
    for name in (won, *fields, *([] if tags is None else [tags])):
        if name not in there:
            raise WorkbenchError(
                f"unknown column {name!r}; the leads have {listing(there)}.{did_you_mean(name, there)}"
            )
    rows = engines.collect(frame.select(nw.col(*dict.fromkeys([won, *fields, *([] if tags is None else [tags])]))))
    closed = _closed(rows[won], won)
    n_won, n_lost = int((closed == 1).sum()), int((closed == 0).sum())
    if not n_won or not n_lost:
        raise WorkbenchError(f"{n_won:,} leads are won and {n_lost:,} lost; at least one of each is needed.")
    start = COUNTS_START_AT
    chances = np.array([n_won + start, n_lost + start]) / (n_won + n_lost + 2 * start)
    s = np.tile(chances, (len(rows), 1))
    for name in fields:
        known = rows[name].notna().to_numpy()
        s[known] *= _shares(rows[name][known], closed[known], at_least=0)[0]
    if tags is not None:
        split = (
            rows[tags].astype("str").where(rows[tags].notna()).str.split(";").reset_index(drop=True).explode().dropna()
        )
        split = split.str.strip()
        split = split[split != ""]
        at = split.index.to_numpy()
        shares, kept = _shares(split, closed[at], at_least=FEWEST_TAGS)
        np.multiply.at(s, at[kept], shares[kept])
    probability = np.round(100 * s[:, 0] / s.sum(axis=1), 2)
    return pd.Series(probability, index=rows.index, name="probability")


def _shares(
    values: pd.Series[Any], closed: np.ndarray[Any, Any], *, at_least: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Each value's share among the won and among the lost, shape (n, 2), and which values count; others have 1."""
    codes, names = pd.factorize(values)
    counts = np.column_stack([np.bincount(codes[closed == won], minlength=len(names)) for won in (1, 0)])
    counts = counts.reshape(len(names), 2)
    seen = counts.sum(axis=1)
    kept = seen >= max(at_least, 1)
    smoothed = counts + COUNTS_START_AT
    totals = smoothed[kept].sum(axis=0) if kept.any() else np.ones(2)
    shares = np.where(kept[:, None], smoothed / totals, 1.0)
    return shares[codes], kept[codes]


def _closed(values: pd.Series[Any], name: str) -> np.ndarray[Any, Any]:
    """1 won, 0 lost, NaN open."""
    words = values.map(lambda value: str(value).strip().casefold().removesuffix(".0"), na_action="ignore")
    known = {**dict.fromkeys(YES_WORDS, 1.0), **dict.fromkeys(NO_WORDS, 0.0)}
    found = words.map(known, na_action="ignore").to_numpy(dtype=float, na_value=np.nan)
    strange = sorted({str(value) for value in values[values.notna().to_numpy() & np.isnan(found)]})
    if strange:
        raise WorkbenchError(f"{name!r} is no yes/no column: it holds {listing(strange, most=4)}.")
    return found
