"""Contacts counted by one rule and by the rest of their score, for models whose patterns are as many as contacts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.scoring.model import ScoreModel
from workbench.scoring.rollups import Whole
from workbench.scoring.rules import Block, Rule, RuleGroup
from workbench.scoring.tally import CodeTally, block_points, limited, told_apart


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Slice:
    """The cells of a CodeTally, counted anew by what one rule found and by the points around it.

    Whatever changes that rule's points, or the limits of the sum, group or score that it is part of, changes no contact
    of a cell without the others: the scores of all cells follow from the points around.
    """

    rule: str
    base: ScoreModel  # with the points of all other rules
    code: Whole  # (n_parts,), what the rule found
    block: Whole  # (n_parts,), scaled points of the rules it is summed and limited with
    group: Whole  # (n_parts,), of the rest of its group
    category: Whole  # (n_parts,), of the other groups of its category, within their limits
    others: Whole  # (n_parts,), of the other categories, within their limits
    pattern: Whole  # (n_cells,), which part
    keys: pd.DataFrame  # (n_cells, n_keys)
    n: Whole  # (n_cells,)

    def fits(self, model: ScoreModel) -> bool:
        """Whether a model differs from `base` only in what a slice can follow."""
        return _around(model, self.rule) == _around(self.base, self.rule)

    def scores(self, model: ScoreModel) -> np.ndarray[Any, Any]:
        """The score of each part under a model that `fits`, shape (n_parts,), with all limits."""
        group, block, rule = _place(model, self.rule)
        total = self.block + model.worth(rule).take(self.code)
        total = limited(total, *(model.scaled(limit) for limit in block.limits)) + self.group
        total = limited(total, model.scaled(group.minimum), model.scaled(group.maximum)) + self.category
        total = limited(total, None, model.scaled(model.category_maximum)) + self.others
        total = limited(total, model.scaled(model.minimum), model.scaled(model.maximum))
        return total if model.scale == 1 else total / model.scale


def sliced(tally: CodeTally, model: ScoreModel, rule: str) -> Slice:
    """A Slice of a tally for one rule (no roll-up), all other points as in `model`."""
    totals = tally.block_totals(model)
    within = [block_points(model, group, blocks) for group, blocks in zip(model.groups, totals, strict=True)]
    home, part, one = _place(model, rule)
    at_group = model.groups.index(home)
    at_block = [block.rules for block in home.blocks].index(part.rules)
    code = tally.codes[:, [each.name for each in model.rules].index(rule)].astype(np.int64)
    block = totals[at_group][at_block] - model.worth(one).take(code)
    nothing = np.zeros(len(tally.codes), dtype=np.int64)
    group = sum((points for position, points in enumerate(within[at_group]) if position != at_block), nothing)
    category = others = nothing
    for groups in model.categories:
        points = [
            limited(sum(within[model.groups.index(each)]), model.scaled(each.minimum), model.scaled(each.maximum))
            for each in groups
            if each != home
        ]
        if home in groups:
            category = sum(points, category)
        else:
            others = others + limited(sum(points), None, model.scaled(model.category_maximum))
    parts, place = told_apart([code, block, group, category, others])
    cells = replace(tally, pattern=place[tally.pattern]).over([str(key) for key in tally.keys])
    return Slice(
        rule=rule,
        base=model,
        **dict(zip(("code", "block", "group", "category", "others"), parts, strict=True)),
        pattern=cells.pattern,
        keys=cells.keys,
        n=cells.n,
    )


def moved(before: ScoreModel, after: ScoreModel) -> str | None:
    """The rule to slice for: the only one with other points, or one of the only group with other limits.

    None where several moved, or where the points of a roll-up did.
    """
    rules = [new for old, new in zip(before.rules, after.rules, strict=True) if new != old]
    groups = [new for old, new in zip(before.groups, after.groups, strict=True) if _limits(new) != _limits(old)]
    if len(rules) > 1 or len(groups) > 1:
        return None
    chosen = rules or [rule for group in groups or after.groups for rule in group.single_rules]
    names = [rule.name for rule in chosen if rule.associated is None]
    return names[0] if names else None


def _limits(group: RuleGroup) -> list[tuple[float | None, float | None]]:
    return [(group.minimum, group.maximum), *[block.limits for block in group.blocks]]


def _place(model: ScoreModel, rule: str) -> tuple[RuleGroup, Block, Rule]:
    """The group and the block of a rule, and the rule as it is applied."""
    for group in model.groups:
        for block in group.blocks:
            for one in block.rules:
                if one.name == rule:
                    return group, block, one
    raise WorkbenchError(f"the model {model.name!r} has no rule {rule!r}.")


def _around(model: ScoreModel, rule: str) -> tuple[Any, ...]:
    """All of a model's points and limits that a slice of a rule does not follow."""
    home, part, _ = _place(model, rule)
    several = len(model.categories) > 1
    return (
        model.scale,
        model.category_maximum if several else None,
        [one for one in model.rules if one.name != rule],
        [_limits(group) for group in model.groups if group.name != home.name],
        [block.limits for block in home.blocks if block.rules != part.rules],
    )
