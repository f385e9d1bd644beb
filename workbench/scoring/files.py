"""`score.yaml`: a model as a file that people read, and errors that name the line and the key."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from workbench.conditions import parse, parse_count
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.scoring.model import Label, ScoreModel
from workbench.scoring.rules import Case, Decay, Rule, RuleGroup, number

_T = TypeVar("_T")
MOST_BYTES = 1_000_000
_MODEL = ("name", "version", "limits", "category_maximum", "labels", "groups")
_LABEL = ("name", "at_least", "leave_below")
_GROUP = ("name", "category", "limits", "rules")
_RULE = ("name", "when", "count", "cases", "otherwise", "points", "at_most", "decay", "limits", "enabled")
_CASE = ("when", "points")
_DECAY = ("percent", "every_days")


def read(path: str | PathLike[str]) -> ScoreModel:
    """The model in a file."""
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as problem:
        raise WorkbenchError(f"cannot read the model {str(file)!r}: {problem.strerror}.") from problem
    if len(data) > MOST_BYTES:
        raise WorkbenchError(f"{file.name} has {len(data):,} bytes, too many for a model; give a score.yaml.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise WorkbenchError(f"{file.name} is no text in UTF-8; save it as UTF-8.") from problem
    return from_text(text, file.name)


def from_text(text: str, file: str) -> ScoreModel:
    """The model in the text of a file; `file` is its name, for sentences."""
    try:
        found = YAML(typ="rt").load(text)
    except MarkedYAMLError as problem:
        line = "" if problem.problem_mark is None else f", line {problem.problem_mark.line + 1}"
        raise WorkbenchError(
            f"{file}{line}: this is no YAML ({problem.problem}); a text with ': ' or ' #' in it needs quotes."
        ) from problem
    except (YAMLError, ValueError, RecursionError) as problem:
        raise WorkbenchError(f"{file} is no YAML; write it as `key: value`, a line each.") from problem
    return from_mapping(found, file=file)


def write(model: ScoreModel, path: str | PathLike[str]) -> None:
    """Write a model to a file."""
    try:
        Path(path).write_text(to_yaml(model), encoding="utf-8", newline="\n")
    except OSError as problem:
        raise WorkbenchError(f"cannot write the model {str(path)!r}: {problem.strerror}.") from problem


def to_yaml(model: ScoreModel) -> str:
    """The text of a file."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(_dressed(to_mapping(model)), text)
    return text.getvalue()


def to_mapping(model: ScoreModel) -> dict[str, Any]:
    """The fields of a file."""
    most = {} if model.category_maximum is None else {"category_maximum": model.category_maximum}
    groups = []
    for group in model.groups:
        category = {} if group.category is None else {"category": group.category}
        rules = [_rule_fields(rule) for rule in group.rules]
        groups.append({"name": group.name, **category, **_limits(group), "rules": rules})
    labels = [{key: getattr(label, key) for key in _LABEL if getattr(label, key) is not None} for label in model.labels]
    above = {**_limits(model), **most, **({"labels": labels} if labels else {})}
    return {"name": model.name, "version": model.version, **above, "groups": groups}


def from_mapping(fields: Any, *, file: str = "the model") -> ScoreModel:
    """A model from the fields of a file."""
    top = _Fields(fields, file, _MODEL, "a model")
    groups = []
    for entry in top.sequence("groups"):
        group = _Fields(entry, file, _GROUP, "a group")
        rules = tuple(_rule(_Fields(one, file, _RULE, "a rule"), file) for one in group.sequence("rules"))
        name, category = group.text("name"), group.get("category", None)
        groups.append(group.build(RuleGroup, "limits", name=name, category=category, rules=rules, **group.limits()))
    labels = []
    for entry in top.sequence("labels") if top.has("labels") else []:
        label = _Fields(entry, file, _LABEL, "a label")
        numbers = {"at_least": label.need("at_least"), "leave_below": label.get("leave_below", None)}
        labels.append(label.build(Label, "at_least", name=label.text("name"), **numbers))
    name, version, most = top.text("name"), top.get("version", 1), top.get("category_maximum", None)
    parts = {"groups": tuple(groups), "labels": tuple(labels)}
    return top.build(ScoreModel, None, name=name, version=version, category_maximum=most, **parts, **top.limits())


def _rule(fields: _Fields, file: str) -> Rule:
    name = fields.text("name")
    found: dict[str, Any] = {"name": name, **fields.limits()}
    if fields.has("when"):
        found["when"] = fields.convert("when", _condition)
    if fields.has("count"):
        found["count"] = fields.convert("count", parse_count)
    if fields.has("cases"):
        entries = [_Fields(one, file, _CASE, "a case") for one in fields.sequence("cases")]
        found["cases"] = tuple(
            Case(when=one.convert("when", _condition), points=one.convert("points", _points_of(name)))
            for one in entries
        )
    if fields.has("points") or not fields.has("cases"):
        found["points"] = fields.convert("points", _points_of(name))
    if fields.has("otherwise"):
        found["otherwise"] = fields.convert("otherwise", _points_of(name))
    if fields.has("decay"):
        decay = _Fields(fields.get("decay", None), file, _DECAY, "a decay")
        found["decay"] = decay.build(
            Decay, "percent", percent=decay.need("percent"), every_days=decay.need("every_days")
        )
    found |= {key: fields.get(key, None) for key in ("at_most", "enabled") if fields.has(key)}
    key = next((key for key in ("at_most", "count", "cases", "limits") if fields.has(key)), "name")
    return fields.build(Rule, key, **found)


def _points_of(name: str) -> Callable[[Any], float]:
    return lambda value: number(value, f"the points of the rule {name!r}")


def _condition(value: Any) -> Any:
    return parse(value if not isinstance(value, bool) else str(value).lower())


class _Fields:
    """One mapping of a file, whose problems are told with line and key."""

    def __init__(self, found: Any, file: str, known: Sequence[str], what: str) -> None:
        self._found, self._file = found, file
        if not isinstance(found, Mapping):
            raise WorkbenchError(
                f"{file}: {what} is written as `key: value` with the keys {listing(known, most=20)}, "
                f"and {_short(found)} came."
            )
        for key in found:
            if key not in known:
                raise self.problem(
                    key, f"unknown key; {what} has {listing(known, most=20)}.{did_you_mean(str(key), known)}"
                )

    def problem(self, key: Any, text: str) -> WorkbenchError:
        return WorkbenchError(f"{self._file}{self._line(key)}, key {str(key)!r}: {text}")

    def _line(self, key: Any) -> str:
        if isinstance(self._found, CommentedMap):
            row = self._found.lc.key(key)[0] if key in self._found else self._found.lc.line
            return f", line {row + 1}"
        name = self._found.get("name")
        return f", {name!r}" if isinstance(name, str) else ""

    def has(self, key: str) -> bool:
        return self._found.get(key) is not None

    def get(self, key: str, default: Any) -> Any:
        return self._found[key] if self.has(key) else default

    def text(self, key: str) -> str:
        value = self.need(key)
        if not isinstance(value, str) or not value.strip():
            raise self.problem(key, f"a text is needed, and {_short(value)} came; put it in quotes.")
        return str(value)

    def need(self, key: str) -> Any:
        if not self.has(key):
            raise self.problem(key, "it is missing; add it.")
        return self._found[key]

    def sequence(self, key: str) -> Sequence[Any]:
        value = self.need(key)
        if not isinstance(value, list):
            raise self.problem(key, f"a list is needed, each entry behind a dash, and {_short(value)} came.")
        return value

    def limits(self) -> dict[str, float | None]:
        if not self.has("limits"):
            return {"minimum": None, "maximum": None}
        value = self._found["limits"]
        if not isinstance(value, list) or len(value) != 2:
            raise self.problem(
                "limits", f"the lowest and the highest are needed, as in [0, 100]; {_short(value)} came."
            )
        low, high = self.convert(
            "limits", lambda pair: [None if one is None else number(one, "limits") for one in pair]
        )
        return {"minimum": low, "maximum": high}

    def convert(self, key: str, how: Any) -> Any:
        value = self.need(key)
        try:
            return how(value)
        except WorkbenchError as problem:
            raise self.problem(key, str(problem)) from problem

    def build(self, kind: type[_T], key: str | None, **values: Any) -> _T:
        try:
            return kind(**values)
        except WorkbenchError as problem:
            if key is None:
                raise WorkbenchError(f"{self._file}: {problem}") from problem
            raise self.problem(key, str(problem)) from problem


def _limits(part: ScoreModel | RuleGroup | Rule) -> dict[str, Any]:
    none = part.minimum is None and part.maximum is None
    return {} if none else {"limits": [part.minimum, part.maximum]}


def _rule_fields(rule: Rule) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": rule.name}
    if rule.cases:
        fields["cases"] = [{"when": str(case.when), "points": case.points} for case in rule.cases]
        fields |= {"otherwise": rule.otherwise} if rule.otherwise else {}
    else:
        fields["when" if rule.count is None else "count"] = str(rule)
        fields["points"] = rule.points
    if rule.count is not None:
        fields["at_most"] = rule.at_most
    if rule.decay is not None:
        fields["decay"] = {"percent": rule.decay.percent, "every_days": rule.decay.every_days}
    return {**fields, **_limits(rule), **({} if rule.enabled else {"enabled": False})}


def _dressed(value: Any, key: str = "") -> Any:
    """Limits in one line, `[0, 100]`; texts with characters that YAML would fold away in double quotes."""
    if isinstance(value, dict):
        return {name: _dressed(one, name) for name, one in value.items()}
    if isinstance(value, list):
        items = CommentedSeq(_dressed(one) for one in value)
        if key == "limits":
            items.fa.set_flow_style()
        return items
    return DoubleQuotedScalarString(value) if isinstance(value, str) and not value.isprintable() else value


def _short(value: Any) -> str:
    kind = "a list" if isinstance(value, list) else "a group of keys" if isinstance(value, Mapping) else repr(value)
    text = kind if not isinstance(value, str) else repr(str(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
