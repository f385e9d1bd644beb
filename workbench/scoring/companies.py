"""Scores of contacts rolled up to their company or buying group, with the company's own outcome."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, get_args

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import engines
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders import Workspace
from workbench.outcomes import LOST, WON, Outcome, as_outcome, classify
from workbench.scoring.apply import score as score_contacts
from workbench.scoring.model import ScoreModel

Way = Literal["sum", "maximum", "number_above"]

ID = "hs_object_id"
CREATED = "createdate"
_FROM_CONTACTS = "contacts"


def company_scores(
    table: Any,
    *,
    score: ScoreModel | str = "score",
    outcome: Outcome | str,
    roll_up: Way = "sum",
    line: float | None = None,
    by: str = "associatedcompanyid",
    companies: Any = None,
    as_of: str | date | None = None,
) -> pd.DataFrame:
    """A score for each company or buying group from its contacts', beside whether it was won: one win, however many.

    Parameters
    ----------
    table
        Scored contacts, of any engine, or a Workspace.
    score
        The column with the contacts' scores, or a model that scores a Workspace's contacts.
    outcome
        What counts as success. Of the company's own row, where `companies` came or the Workspace has them and `by` is
        their id; else of the contacts: a group is won as soon as one of them is.
    roll_up
        The `sum` of the contacts' scores, their `maximum`, or the `number_above`: how many have at least `line` points.
    line
        The line of `number_above`.
    by
        The contacts' column with the id of their company or buying group (such as a deal); several are joined by `;`.
    companies
        A company a row, with its id in `hs_object_id`. `"contacts"` judges by the contacts' outcome even so.
    as_of
        The date of the export, where the outcome needs it. Default: the Workspace's.

    Returns
    -------
    pandas.DataFrame
        A row a company: `hs_object_id`, `n_contacts`, `score` (blank without a scored contact), `won` (yes/no, blank
        where it is not known yet), and `createdate`, the first contact's, where contacts have one. `wb.calibrate(found,
        score="score", outcome="won")` judges it.

    Raises
    ------
    WorkbenchError
        For an unknown column or way, a missing line, and as `classify` does for the outcome.
    """
    outcome, activities = as_outcome(outcome), None
    if isinstance(table, Workspace):
        as_of = table.as_of if as_of is None else as_of
        activities = table.events(engine="duckdb")
        if companies is None and by in ("associatedcompanyid", "associated_company_ids"):
            companies = table.companies if "companies" in table.tables else None
        table = score_contacts(table, score, as_of=as_of) if isinstance(score, ScoreModel) else table.contacts
    column = "score" if isinstance(score, ScoreModel) else score
    frame = engines.as_frame(table)
    contacts = _contacts(frame, column, by)
    _check(roll_up, line)
    own = companies is not None and not (isinstance(companies, str) and companies == _FROM_CONTACTS)
    when = None if as_of is None else pd.Timestamp(str(as_of)).to_pydatetime()
    if not own:
        wide, code = classify(frame, outcome, as_of=when, activities=activities)
        contacts["won"] = engines.collect(wide.select(code.alias("won")))["won"].to_numpy()
    ids = contacts[by].astype("str").where(contacts[by].notna()).str.removesuffix(".0").str.split(";")
    groups = contacts.assign(**{ID: ids}).explode(ID)
    groups[ID] = groups[ID].str.strip()
    groups = groups[groups[ID].notna() & (groups[ID] != "")]
    each = groups.groupby(ID)
    found = pd.DataFrame({"n_contacts": each.size(), "score": _rolled(each["score"], roll_up, line)})
    if CREATED in groups:
        found[CREATED] = each[CREATED].min()
    if own:
        won = _own_outcome(companies, outcome, when)
        found = found.join(won, how="outer")
        found["n_contacts"] = found["n_contacts"].fillna(0).astype("int64")
    else:
        found["won"] = _any_won(groups)
    order = ["n_contacts", "score", "won", *([CREATED] if CREATED in found else [])]
    return found[order].rename_axis(ID).reset_index()


def _contacts(frame: engines.Frame, score: str, by: str) -> pd.DataFrame:
    there = engines.kinds(frame)
    for name in (score, by):
        if name not in there:
            raise WorkbenchError(f"unknown column {name!r}; contacts have {listing(there)}.{did_you_mean(name, there)}")
    if there[score] != "number":
        raise WorkbenchError(
            f"{score!r} holds {there[score]}, and a score is a number; name the column with the score."
        )
    created = [CREATED] if there.get(CREATED) == "datetime" else []
    key = nw.col(by).cast(nw.Int64).cast(nw.String) if there[by] == "number" else nw.col(by)
    rows = engines.collect(frame.select(nw.col(score).alias("score"), key.alias(by), *created))
    return rows.assign(score=pd.to_numeric(rows["score"]).astype("float64")).reset_index(drop=True)


def _check(roll_up: str, line: float | None) -> None:
    ways = get_args(Way)
    if roll_up not in ways:
        raise WorkbenchError(
            f"unknown way to roll up {roll_up!r}; there are {listing(ways)}.{did_you_mean(str(roll_up), ways)}"
        )
    if (line is None) == (roll_up == "number_above"):
        raise WorkbenchError(
            "number_above needs the line, as in line=50."
            if line is None
            else f"a line goes with number_above, not {roll_up}."
        )


def _rolled(scores: Any, roll_up: str, line: float | None) -> pd.Series[float]:
    if roll_up == "sum":
        summed: pd.Series[float] = scores.sum(min_count=1)
        return summed
    if roll_up == "maximum":
        highest: pd.Series[float] = scores.max()
        return highest
    above: pd.Series[float] = scores.agg(lambda one: np.nan if one.isna().all() else float((one >= line).sum()))
    return above


def _own_outcome(companies: Any, outcome: Outcome, as_of: Any) -> pd.Series[Any]:
    """Won or not by the companies' own rows, by id."""
    frame = engines.as_frame(companies)
    if ID not in frame.collect_schema().names():
        raise WorkbenchError(f"companies need the column {ID!r}; there are {listing(frame.collect_schema().names())}.")
    wide, code = classify(frame, outcome, as_of=as_of)
    rows = engines.collect(wide.select(nw.col(ID).cast(nw.String).alias(ID), code.alias("won")))
    won = rows["won"].map({WON: True, LOST: False}).astype("boolean")
    return pd.Series(won.to_numpy(), index=pd.Index(rows[ID].astype("str")), name="won", dtype="boolean")


def _any_won(groups: pd.DataFrame) -> pd.Series[Any]:
    """Won as soon as one contact is; lost once all have had their time; else not known yet."""
    by = groups.groupby(ID)["won"]
    won, lost = by.agg(lambda codes: bool((codes == WON).any())), by.agg(lambda codes: bool((codes == LOST).all()))
    found = won.astype("boolean")
    return found.where(won | lost)
