"""What counts as success: one definition everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import narwhals as nw

from workbench import catalog
from workbench.conditions import parse, prepare
from workbench.conditions.tree import Compare, Property
from workbench.engines import Frame, count_by, kinds
from workbench.errors import WorkbenchError, did_you_mean, listing

LOST: Final = 0  # had its time and did not succeed
WON: Final = 1
YOUNG: Final = 2  # created too recently to have had its time
UNKNOWN: Final = 3  # the creation date, the date of the outcome or the outcome itself is blank
BEFORE: Final = 4  # succeeded before it was created: an error in the data, never a win

YES_WORDS: Final = frozenset({"yes", "y", "true", "1", "won", "ja", "wahr", "oui", "vrai"})
NO_WORDS: Final = frozenset({"no", "n", "false", "0", "lost", "nein", "falsch", "non", "faux"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """When a lead counts as won.

    Parameters
    ----------
    when
        A condition (`'lifecyclestage == "customer"'`) or the name of a yes/no column.
    at
        The datetime column that says when it happened. Needed with `within_days`.
    within_days
        A win counts only if it happened at most so many days after `created`. A lead younger than that, at the
        date of the export, has not had its time: it is counted apart, never as lost.
    created
        The datetime column that says when the lead was created.
    label
        What the won are called in sentences, a plural ("customers").
    """

    when: str
    at: str | None = None
    within_days: int | None = None
    created: str = "createdate"
    label: str | None = None

    def __post_init__(self) -> None:
        if not str(self.when).strip():
            raise WorkbenchError(
                "an outcome needs a condition or the name of a yes/no column, but `when` is empty; "
                "try Outcome(when='lifecyclestage == \"customer\"')."
            )
        if self.within_days is not None and self.at is None:
            raise WorkbenchError(
                f"within_days={self.within_days} needs the date of the outcome; "
                "name its column with at=, or leave within_days out."
            )
        if self.within_days is not None and self.within_days <= 0:
            raise WorkbenchError(
                f"within_days counts days after creation, but {self.within_days} was given; use 1 or more."
            )

    @property
    def noun(self) -> str | None:
        """What the won are called: the label, or `customers` where the condition says just that."""
        if self.label is None and self.when.replace("'", '"') == 'lifecyclestage == "customer"':
            return "customers"
        return self.label

    @property
    def sentence(self) -> str:
        """The definition in words, for footnotes."""
        window = f" within {self.within_days} days of {self.created}" if self.within_days is not None else ""
        return f"{self.when}{window}"

    @property
    def misspelt(self) -> str:
        """What may be meant where the condition asks for a text that is no option of its property, else nothing.

        Exports write labels (`Customer`), the table has the CRM's internal values (`customer`).
        """
        try:
            nodes = list(parse(self.when).walk())
        except WorkbenchError:  # a column's name
            return ""
        for node in nodes:
            if isinstance(node, Compare) and isinstance(node.term, Property) and isinstance(node.value, str):
                values = [option.value for option in catalog.options(node.term.name)]
                if node.value not in values:
                    return did_you_mean(node.value, values)
        return ""


def as_outcome(outcome: Outcome | str) -> Outcome:
    """An Outcome from itself or from a condition's or column's text."""
    if isinstance(outcome, Outcome):
        return outcome
    if isinstance(outcome, str):
        return Outcome(when=outcome)
    raise WorkbenchError(
        f"an outcome is an Outcome or the name of a yes/no column, not {type(outcome).__name__}; "
        "try outcome='won' or Outcome(when='lifecyclestage == \"customer\"')."
    )


def classify(
    frame: Frame, outcome: Outcome, *, as_of: datetime | None, activities: Any = None
) -> tuple[Frame, nw.Expr]:
    """The frame (perhaps widened by counted events) and an integer expression: LOST, WON, YOUNG, UNKNOWN or BEFORE.

    `as_of` is needed with `within_days`.

    Raises
    ------
    WorkbenchError
        For an unknown column, a column of another type, or a yes/no column that holds other words.
    """
    columns = kinds(frame)
    if outcome.when in columns:
        happened, unknown = _yes_no(frame, outcome.when, columns[outcome.when])
    elif outcome.when.isidentifier():
        raise WorkbenchError(
            f"unknown outcome column {outcome.when!r}; the table has {listing(columns)}."
            f"{did_you_mean(outcome.when, columns)}"
        )
    else:
        frame, (happened,) = prepare(frame, [parse(outcome.when)], as_of=as_of, activities=activities)
        unknown = None
    codes = nw.when(happened).then(nw.lit(WON)).otherwise(nw.lit(LOST))
    if outcome.at is not None:
        at, created = nw.col(outcome.at), nw.col(outcome.created)
        _needs_datetime(columns, outcome.at, "at")
        if outcome.created in columns:
            _needs_datetime(columns, outcome.created, "created")
            codes = nw.when((happened & (at < created)).fill_null(False)).then(nw.lit(BEFORE)).otherwise(codes)
    if outcome.within_days is not None:
        _needs_datetime(columns, outcome.created, "created")
        if as_of is None:
            raise WorkbenchError("within_days needs the date of the export; say as_of=, a date such as '2026-06-30'.")
        late = (at > created.dt.offset_by(f"{outcome.within_days}d")).fill_null(False)
        young = (created > nw.lit(as_of - timedelta(days=outcome.within_days))).fill_null(False)
        codes = nw.when(happened & late).then(nw.lit(LOST)).otherwise(codes)
        codes = nw.when(young).then(nw.lit(YOUNG)).otherwise(codes)
        codes = nw.when(created.is_null() | (happened & at.is_null())).then(nw.lit(UNKNOWN)).otherwise(codes)
    if unknown is not None:
        codes = nw.when(unknown).then(nw.lit(UNKNOWN)).otherwise(codes)
    return frame, codes


def _yes_no(frame: Frame, name: str, kind: str) -> tuple[nw.Expr, nw.Expr]:
    """Happened, and not known whether, of a yes/no column: boolean, 0 and 1, or words in three languages."""
    column = nw.col(name)
    if kind == "bool":
        return column.fill_null(False), column.is_null()
    found = count_by(frame, {"value": column})["value"].dropna()
    if kind == "number" and set(found) <= {0, 1}:
        return (column == 1).fill_null(False), column.is_null()
    words = {str(value): str(value).strip().casefold() for value in found}
    strange = [value for value, word in words.items() if word not in YES_WORDS | NO_WORDS]
    if strange or kind == "number":
        raise WorkbenchError(
            f"the outcome column {name!r} is no yes/no column: it holds {listing(strange or words, most=4)}; say what "
            f"counts as success in a condition, such as when={f'{name} == {_example(strange or words, kind)}'!r}."
        )
    yes = [value for value, word in words.items() if word in YES_WORDS]
    return column.is_in(yes).fill_null(False), column.is_null()


def _example(values: Any, kind: str) -> str:
    first = next(iter(values))
    return first if kind == "number" else f'"{first}"'


def _needs_datetime(columns: dict[str, str], name: str, role: str) -> None:
    if name not in columns:
        dates = [column for column, kind in columns.items() if kind == "datetime"]
        raise WorkbenchError(
            f"unknown column {name!r} in Outcome({role}={name!r}); the date columns are {listing(dates)}."
            f"{did_you_mean(name, dates)}"
        )
    if columns[name] != "datetime":
        raise WorkbenchError(
            f"Outcome({role}={name!r}) needs a date column, but {name!r} holds {columns[name]}; "
            "load it with a mapping that types it as a date."
        )
