"""Changes of a model, one rule at a time: each returns a new model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.scoring.model import ScoreModel
from workbench.scoring.rules import Rule, RuleSum


def rule_of(model: ScoreModel, name: str) -> Rule:
    """The rule called `name`, as it is written: without its group's decay.

    Raises WorkbenchError for an unknown rule.
    """
    _needs(model, name)
    return next(rule for group in model.groups for rule in group.written_rules if rule.name == name)


def with_rule(model: ScoreModel, name: str, rule: Rule) -> ScoreModel:
    """The model with `rule` in the place of the one called `name`.

    Raises WorkbenchError for an unknown rule, or where another has the new one's name.
    """
    _needs(model, name)
    return _changed(model, lambda one: rule if one.name == name else one)


def without_rule(model: ScoreModel, name: str) -> ScoreModel:
    """The model without the rule called `name`; its group stays.

    Raises WorkbenchError for an unknown rule, or for the last one.
    """
    _needs(model, name)
    return _changed(model, lambda one: None if one.name == name else one)


def with_new_rule(model: ScoreModel, group: str, rule: Rule) -> ScoreModel:
    """The model with one rule more, at the end of a group.

    Raises WorkbenchError for an unknown group, or where another rule has its name.
    """
    _needs_group(model, group)
    return replace(
        model,
        groups=tuple(replace(one, rules=(*one.rules, rule)) if one.name == group else one for one in model.groups),
    )


def with_limits(model: ScoreModel, group: str | None, minimum: float | None, maximum: float | None) -> ScoreModel:
    """The model with other limits of a group, or of the whole score (None); a limit of None is none.

    Raises WorkbenchError for an unknown group, or limits that contradict.
    """
    if group is None:
        return replace(model, minimum=minimum, maximum=maximum)
    _needs_group(model, group)
    groups = (replace(one, minimum=minimum, maximum=maximum) if one.name == group else one for one in model.groups)
    return replace(model, groups=tuple(groups))


def sum_of(model: ScoreModel, name: str) -> RuleSum | None:
    """The sum that a rule is part of, if it is."""
    sums = (one for group in model.groups for one in group.rules if isinstance(one, RuleSum))
    return next((one for one in sums if any(rule.name == name for rule in one.rules)), None)


def all_enabled(model: ScoreModel) -> ScoreModel:
    """The model with every rule and sum enabled: counted so, each can be switched without another pass."""
    enabled = _changed(model, lambda one: replace(one, enabled=True))
    return replace(
        enabled,
        groups=tuple(
            replace(
                group,
                rules=tuple(replace(one, enabled=True) if isinstance(one, RuleSum) else one for one in group.rules),
            )
            for group in enabled.groups
        ),
    )


def fitted(model: ScoreModel, counted: ScoreModel) -> ScoreModel | None:
    """A model that scores as `model` does and has the rules of `counted`, so that counts of these serve it.

    Rules that `model` has no more are there, not enabled. None where it has rules, or asks things, that were not
    counted.
    """
    wanted = {(group.name, rule.name): rule for group in model.groups for rule in group.written_rules}
    counted_rules = {(group.name, rule.name): rule for group in counted.groups for rule in group.written_rules}
    if any(key not in counted_rules or _asks(rule) != _asks(counted_rules[key]) for key, rule in wanted.items()):
        return None
    limits = {group.name: group for group in model.groups}
    groups = []
    for group in counted.groups:
        own = limits.get(group.name, group)
        rules: list[Rule | RuleSum] = []
        sums = {one.name: one for one in own.rules if isinstance(one, RuleSum)}
        for one in group.rules:
            if isinstance(one, RuleSum):
                inside = tuple(_or_disabled(wanted.get((group.name, rule.name)), rule) for rule in one.rules)
                rules.append(replace(sums.get(one.name, one), rules=inside))
            else:
                rules.append(_or_disabled(wanted.get((group.name, one.name)), one))
        groups.append(replace(own, rules=tuple(rules)))
    return replace(model, groups=tuple(groups))


def _or_disabled(wanted: Rule | None, counted: Rule) -> Rule:
    return replace(counted, enabled=False) if wanted is None else wanted


def _asks(rule: Rule) -> tuple[str, int]:
    return rule.asks, rule.codes


def _changed(model: ScoreModel, change: Callable[[Rule], Rule | None]) -> ScoreModel:
    return replace(model, groups=tuple(group.changed(change) for group in model.groups))


def _needs_group(model: ScoreModel, group: str) -> None:
    names = [one.name for one in model.groups]
    if group not in names:
        raise WorkbenchError(
            f"unknown group {group!r}; the model {model.name!r} has {listing(names)}.{did_you_mean(group, names)}"
        )


def _needs(model: ScoreModel, name: str) -> None:
    names = [rule.name for rule in model.rules]
    if name not in names:
        raise WorkbenchError(
            f"unknown rule {name!r}; the model {model.name!r} has {listing(names)}.{did_you_mean(name, names)}"
        )
