"""The leads above the line, as files: a spreadsheet for people, and a file to import into the CRM."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench import catalog
from workbench.engines import as_frame, collect
from workbench.errors import WorkbenchError, listing
from workbench.outcomes import WON, Outcome, as_outcome, classify
from workbench.spreadsheets import STARTS_A_FORMULA, import_file, plain_ids, xlsx_file
from workbench.wording import plural, points

ID = "hs_object_id"
OPTED_OUT = "hs_email_optout"
FOR_PEOPLE = (
    "firstname",
    "lastname",
    "email",
    "phone",
    "jobtitle",
    "company",
    "country",
    "hs_analytics_source",
    "lifecyclestage",
    "hubspot_owner_id",
    "createdate",
)
SHEET = "Leads above the line"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Handover:
    """Leads at or above a threshold, highest score first.

    `rows` has `hs_object_id`, the properties that people need, and `score`. `n_won` leads above the line were won
    already and are not in `rows`. `n_opted_out` of the rest have opted out of e-mail; `left_out` says whether they are
    missing from `rows`.
    """

    rows: pd.DataFrame
    threshold: float
    score_name: str
    n_won: int
    n_opted_out: int
    left_out: bool

    def headline(self) -> str:
        """How many leads, from which line on, and who is not among them."""
        told = f"{plural(len(self.rows), 'lead')} from {points(self.threshold)} points on"
        if self.n_won:
            told += f", without {self.n_won:,} that {'was' if self.n_won == 1 else 'were'} won already"
        if not self.n_opted_out:
            return f"{told}; none of them has opted out."
        if self.left_out:
            return f"{told}; {plural(self.n_opted_out, 'more lead')} opted out and {_is(self.n_opted_out)} left out."
        return f"{told}; {self.n_opted_out:,} of them opted out of e-mail."

    def spreadsheet(self) -> bytes:
        """An XLSX for people. Cells are text or numbers, never formulas or links, whatever strangers typed into them.

        Raises
        ------
        WorkbenchError
            For more rows than a spreadsheet holds.
        """
        return xlsx_file(
            {SHEET: _for_people(self.rows)},
            too_many="{:,} leads are above the line; take the file for import, or a higher line",
        )

    def import_file(self) -> bytes:
        """A CSV for the CRM's import: record id, score and label, nothing else, so that nothing need be altered.

        Raises
        ------
        WorkbenchError
            Where a record id or the score's name could be taken for a formula by a spreadsheet program.
        """
        if self.score_name.startswith(STARTS_A_FORMULA):
            raise WorkbenchError(
                f"the score's name {self.score_name!r} could be taken for a formula; rename the score before importing "
                "a file made from it."
            )
        ids = plain_ids(self.rows[ID], before="importing a file made from it")
        table = pd.DataFrame(
            {"Record ID": ids, self.score_name: self.rows["score"], "Label": f"From {points(self.threshold)} points"}
        )
        return import_file(table)


def _for_people(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with labels in place of internal names and values."""
    known = catalog.by_name("contact")
    told = rows.copy()
    for name in rows.columns:
        labels = {option.value: option.label() for option in catalog.options(name)}
        if labels:
            told[name] = rows[name].map(lambda value, labels=labels: labels.get(value, value))
    return told.rename(
        columns={name: known[name].label() for name in rows.columns if name in known} | {"score": "Score"}
    )


def _won(rows: pd.DataFrame, outcome: Outcome | str | None) -> pd.Series[bool]:
    """Which rows were won at any time."""
    if outcome is None or rows.empty:
        return pd.Series(False, index=rows.index)
    frame, code = classify(as_frame(rows), Outcome(when=as_outcome(outcome).when), as_of=None)
    codes = collect(frame.select(code.alias("outcome")))["outcome"].to_numpy()
    return pd.Series(codes == WON, index=rows.index)


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def handover(
    contacts: pd.DataFrame,
    *,
    threshold: float,
    score: str = "score",
    score_name: str | None = None,
    outcome: Outcome | str | None = None,
    include_opted_out: bool = False,
) -> Handover:
    """The leads at or above `threshold` that are still to be won.

    Parameters
    ----------
    contacts
        One row a lead, with `hs_object_id` and the score column.
    threshold
        In points.
    score
        The score's column.
    score_name
        What the import file calls it. Default: the column's name.
    outcome
        What counts as won: leads that were won already, whenever that was, are left out. Default: nobody is.
    include_opted_out
        Whether leads that unsubscribed from all e-mail (`hs_email_optout`) stay in.
    """
    if not isinstance(contacts, pd.DataFrame):
        raise WorkbenchError(
            f"a hand-over takes a table of scored contacts in pandas, not a {type(contacts).__name__}; "
            "give it what wb.score(...) returns."
        )
    for needed in (ID, score):
        if needed not in contacts:
            raise WorkbenchError(
                f"a hand-over needs the column {needed!r}; the table has {listing(contacts.columns)}. "
                "Load the export with a mapping that names it."
            )
    above = contacts[(contacts[score] >= threshold).fillna(False).astype(bool)]
    won = _won(above, outcome)
    above = above[~won]
    opted_out = (
        above[OPTED_OUT].fillna(False).astype(bool) if OPTED_OUT in above else pd.Series(False, index=above.index)
    )
    kept = above if include_opted_out else above[~opted_out]
    known = [name for name in FOR_PEOPLE if name in kept]
    columns = [ID, *(known or [name for name in kept.columns if name not in (ID, score)])]
    rows = kept[columns].assign(score=kept[score]).sort_values("score", ascending=False, kind="stable")
    return Handover(
        rows=rows.reset_index(drop=True),
        threshold=threshold,
        score_name=score_name or score,
        n_won=int(won.sum()),
        n_opted_out=int(opted_out.sum()),
        left_out=not include_opted_out,
    )
