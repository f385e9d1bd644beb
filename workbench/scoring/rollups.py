"""What associated records give a contact: each is asked, and their points are averaged, summed or the most or least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import catalog, engines
from workbench.conditions import Binding, Condition, Related, linked_pairs
from workbench.conditions.frames import ID, as_text
from workbench.errors import WorkbenchError
from workbench.scoring.rules import MOST_CODES, Rule

Whole: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

HUNDREDTHS = 100
"""An average is rounded to these."""


def first_case(binding: Binding, conditions: Sequence[Condition], values: Sequence[int]) -> nw.Expr:
    """The value of the first condition that holds; `values` starts with that of none."""
    found = nw.lit(values[0]).cast(nw.Int64)
    for condition, value in reversed(list(zip(conditions, values[1:], strict=True))):
        found = nw.when(binding.condition(condition)).then(nw.lit(value).cast(nw.Int64)).otherwise(found)
    return found


def rolled_up(frame: engines.Frame, rule: Rule, related: Related | None, as_of: Any) -> tuple[pd.DataFrame, Whole]:
    """A code for each contact with associated records (columns `hs_object_id` and `code`), and what the codes mean.

    Row c of the second, shape (n_codes, n_conditions + 1), is how many records of a contact with code c met none of the
    rule's conditions, the first of them, the second, and so on; row 0 are contacts without records.

    Raises
    ------
    WorkbenchError
        Where the table of the associated records, its links or a property is missing.
    """
    assert rule.associated is not None  # noqa: S101  # only such rules come here
    name = catalog.TABLES[rule.associated]
    if related is None:
        raise WorkbenchError(
            f"the rule {rule.name!r} asks each {rule.associated}, and only the contacts came; give a Workspace in "
            f"place of the table, or related=, which gives the {name}."
        )
    if ID not in frame.collect_schema().names():
        raise WorkbenchError(f"the rule {rule.name!r} needs the column {ID!r} to find each {rule.associated}.")
    conditions = list(rule.record_conditions)
    those = [rule.of_those] if isinstance(rule.of_those, Condition) else []
    binding = Binding(engines.as_frame(related(name)), conditions + those, as_of=as_of, of=name)
    others = binding.frame
    code = first_case(binding, conditions, range(len(conditions) + 1))
    if not rule.cases:
        code = binding.condition(conditions[0]).cast(nw.Int64)
    for condition in those:
        others = others.filter(binding.condition(condition))
    links = linked_pairs(frame, "contacts", others, name, told=f"the rule {rule.name!r}")
    key = as_text(ID, engines.kind_of(others.collect_schema()[ID]))
    records = engines.collect(others.select(key.alias("to"), code.alias("code")))
    asked = links.merge(records.astype({"to": "str"}), on="to")
    counts = pd.crosstab(asked["of"], asked["code"]).reindex(columns=range(len(conditions) + 1), fill_value=0)
    distinct, codes = np.unique(counts.to_numpy(dtype=np.int64), axis=0, return_inverse=True)
    meaning = np.vstack([np.zeros((1, len(conditions) + 1), dtype=np.int64), distinct])
    if len(meaning) > MOST_CODES:
        raise WorkbenchError(
            f"the rule {rule.name!r} finds {len(meaning):,} different sets of records, and {MOST_CODES:,} can be told "
            "apart; ask for fewer cases, or only of some records with of_those."
        )
    return pd.DataFrame({ID: counts.index.astype("str"), "code": codes.ravel() + 1}), meaning


def rolled_worth(rule: Rule, meaning: Whole, scale: int) -> Whole:
    """What each code of `rolled_up` is worth, within the rule's limits, in points times `scale` (100 for averages)."""
    if not rule.enabled:
        return np.zeros(len(meaning), dtype=np.int64)
    worth = np.array([round(points * scale) for points in rule.record_worth], dtype=np.int64)
    n, total = meaning.sum(axis=1), meaning @ worth
    if rule.roll_up == "average":
        parts = np.maximum(n, 1) * (scale // HUNDREDTHS)
        found = (2 * total + parts) // (2 * parts) * (scale // HUNDREDTHS)  # half a hundredth goes up
    elif rule.roll_up == "sum":
        found = total
    else:
        most = np.iinfo(np.int64).max if rule.roll_up == "minimum" else np.iinfo(np.int64).min
        points = np.where(meaning > 0, worth, most)
        found = points.min(axis=1) if rule.roll_up == "minimum" else points.max(axis=1)
    found = np.where(n > 0, found, 0)
    low = None if rule.minimum is None else round(rule.minimum * scale)
    high = None if rule.maximum is None else round(rule.maximum * scale)
    return found if low is None and high is None else np.clip(found, low, high)
