"""`score.yaml`: a model as a file that people read, and errors that name the line and the key."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from workbench.conditions import parse, parse_count
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.scoring.model import MATRIX, Label, Matrix, ScoreModel
from workbench.scoring.rules import Case, Decay, Rule, RuleGroup, RuleSum, number
from workbench.segments import read_segments

_T = TypeVar("_T")
MOST_BYTES = 1_000_000
MOST_JSON_BYTES = 10_000_000
SEGMENTS_FILE = "segments.yaml"
"""The saved segments beside a model, or in a Workspace."""
_MODEL = (
    "name",
    "version",
    "limits",
    "category_maximum",
    "include",
    "exclude",
    "labels",
    "matrix",
    "groups",
    "hubspot",
)
_LABEL = ("name", "at_least", "leave_below", "of")
_GROUP = ("name", "category", "limits", "decay", "rules", "id")
_RULE = (
    "name",
    "associated",
    "roll_up",
    "of_those",
    "when",
    "count",
    "cases",
    "otherwise",
    "points",
    "at_most",
    "decay",
    "limits",
    "enabled",
    "id",
)
_SUM = ("name", "sum", "limits", "enabled", "id")
_CASE = ("when", "points")
_DECAY = ("percent", "every_days")


def read(path: str | PathLike[str]) -> ScoreModel:
    """The model in a file; one that ends in `.json` is the vendor's."""
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as problem:
        raise WorkbenchError(f"cannot read the model {str(file)!r}: {problem.strerror}.") from problem
    vendors = file.suffix.casefold() == ".json"
    if len(data) > (MOST_JSON_BYTES if vendors else MOST_BYTES):
        raise WorkbenchError(f"{file.name} has {len(data):,} bytes, too many for a model; give a score.yaml.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise WorkbenchError(f"{file.name} is no text in UTF-8; save it as UTF-8.") from problem
    if vendors:
        try:
            model = ScoreModel.from_hubspot(text)
        except WorkbenchError as problem:
            raise WorkbenchError(f"{file.name}: {problem}") from problem
    else:
        model = from_text(text, file.name)
    return with_segments_in(file.parent, model)


def with_segments_in(folder: Path, model: ScoreModel) -> ScoreModel:
    """The model with the segments that were saved in a folder, where it speaks of any; its own come first."""
    saved = folder / SEGMENTS_FILE
    if not model.asked_segments or not saved.is_file():
        return model
    return model.with_segments({one.name: one for one in (*read_segments(saved), *model.segments)}.values())


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


def preset_names() -> tuple[str, ...]:
    """The names of the models that come with the package."""
    found = files("workbench.scoring").joinpath("presets").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in found if file.name.endswith(".yaml")))


def preset(name: str) -> ScoreModel:
    """A model that comes with the package."""
    if name not in preset_names():
        known = preset_names()
        raise WorkbenchError(f"unknown preset {name!r}; there are {listing(known)}.{did_you_mean(str(name), known)}")
    file = files("workbench.scoring").joinpath("presets", f"{name}.yaml")
    return from_text(file.read_text(encoding="utf-8"), file.name)


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
    fields: dict[str, Any] = {"name": model.name, "version": model.version, **_limits(model)}
    if model.category_maximum is not None:
        fields["category_maximum"] = model.category_maximum
    fields |= {key: list(names) for key, names in (("include", model.include), ("exclude", model.exclude)) if names}
    if model.labels:
        fields["labels"] = [
            {key: getattr(label, key) for key in _LABEL if getattr(label, key) is not None} for label in model.labels
        ]
    if model.matrix is not None:
        tiers = {axis: reversed(getattr(model.matrix, axis)) for axis in MATRIX}
        fields["matrix"] = {axis: {tier.name: tier.at_least for tier in found} for axis, found in tiers.items()}
    fields["groups"] = [_group_fields(group) for group in model.groups]
    return {**fields, **({"hubspot": _plain(model.hubspot)} if model.hubspot else {})}


def _group_fields(group: RuleGroup) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": group.name}
    fields |= {} if group.category is None else {"category": group.category}
    fields |= {**_limits(group), **_decay_fields(group)}
    fields["rules"] = [_sum_fields(rule) if isinstance(rule, RuleSum) else _rule_fields(rule) for rule in group.rules]
    return {**fields, **({} if group.id is None else {"id": group.id})}


def from_mapping(fields: Any, *, file: str = "the model") -> ScoreModel:
    """A model from the fields of a file."""
    top = _Fields(fields, file, _MODEL, "a model")
    groups = []
    for entry in top.sequence("groups"):
        group = _Fields(entry, file, _GROUP, "a group")
        rules = tuple(_rule_or_sum(one, file) for one in group.sequence("rules"))
        name, found = group.text("name"), {key: group.get(key, None) for key in ("category", "id")}
        decay = _decay(group, file)
        groups.append(group.build(RuleGroup, "limits", name=name, rules=rules, decay=decay, **found, **group.limits()))
    labels = []
    for entry in top.sequence("labels") if top.has("labels") else []:
        label = _Fields(entry, file, _LABEL, "a label")
        more = {"leave_below": label.get("leave_below", None), "of": label.get("of", None)}
        at_least = label.need("at_least")
        labels.append(label.build(Label, "at_least", name=label.text("name"), at_least=at_least, **more))
    found = {
        "category_maximum": top.get("category_maximum", None),
        "matrix": _matrix(top, file) if top.has("matrix") else None,
        "hubspot": top.convert("hubspot", _vendors) if top.has("hubspot") else {},
        **{key: tuple(top.sequence(key)) for key in ("include", "exclude") if top.has(key)},
    }
    name, version = top.text("name"), top.get("version", 1)
    parts = {"groups": tuple(groups), "labels": tuple(labels)}
    return top.build(ScoreModel, None, name=name, version=version, **parts, **found, **top.limits())


def _matrix(top: _Fields, file: str) -> Matrix:
    matrix = _Fields(top.need("matrix"), file, MATRIX, "a matrix")
    axes = {}
    for axis in MATRIX:
        tiers = matrix.need(axis)
        if not isinstance(tiers, Mapping):
            raise matrix.problem(axis, f"tiers are written as `A: 40`, a line each, and {_short(tiers)} came.")
        axes[axis] = tuple(
            matrix.build(Label, axis, name=str(name), at_least=at_least) for name, at_least in tiers.items()
        )
    return top.build(Matrix, "matrix", **axes)


def _vendors(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise WorkbenchError(
            "what the vendor's file said is written as `key: value`; leave it as it came, or take it out."
        )
    return {str(key): _plain(one) for key, one in value.items()}


def _plain(value: Any) -> Any:
    """Mappings and lists as plain ones, whatever wrote them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _rule_or_sum(entry: Any, file: str) -> Rule | RuleSum:
    if not isinstance(entry, Mapping) or "sum" not in entry:
        return _rule(_Fields(entry, file, _RULE, "a rule"), file)
    fields = _Fields(entry, file, _SUM, "a sum of rules")
    rules = tuple(_rule(_Fields(one, file, _RULE, "a rule"), file) for one in fields.sequence("sum"))
    more = {key: fields.get(key, None) for key in ("enabled", "id") if fields.has(key)}
    return fields.build(RuleSum, "sum", name=fields.text("name"), rules=rules, **more, **fields.limits())


def _decay(fields: _Fields, file: str) -> Decay | None:
    if not fields.has("decay"):
        return None
    decay = _Fields(fields.get("decay", None), file, _DECAY, "a decay")
    return decay.build(Decay, "percent", percent=decay.need("percent"), every_days=decay.need("every_days"))


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
    if fields.has("of_those"):
        found["of_those"] = fields.convert("of_those", _condition)
    found["decay"] = _decay(fields, file)
    found |= {key: fields.get(key, None) for key in ("at_most", "enabled", "associated", "roll_up", "id")}
    found["enabled"] = fields.get("enabled", True)
    key = next(
        (key for key in ("at_most", "count", "associated", "roll_up", "cases", "limits") if fields.has(key)), "name"
    )
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
            words = re.findall(r"\w+", re.sub(r"'[^']*'", "", str(problem)))
            named = next((one for one in reversed(self._found) if one in words), key)
            raise self.problem(named, str(problem)) from problem


def _limits(part: ScoreModel | RuleGroup | RuleSum | Rule) -> dict[str, Any]:
    none = part.minimum is None and part.maximum is None
    return {} if none else {"limits": [part.minimum, part.maximum]}


def _sum_fields(rules: RuleSum) -> dict[str, Any]:
    return {"name": rules.name, "sum": [_rule_fields(rule) for rule in rules.rules], **_limits(rules), **_last(rules)}


def _rule_fields(rule: Rule) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": rule.name}
    if rule.associated is not None:
        fields |= {"associated": rule.associated, "roll_up": rule.roll_up}
        fields |= {} if rule.of_those is None else {"of_those": str(rule.of_those)}
    if rule.cases:
        fields["cases"] = [{"when": str(case.when), "points": case.points} for case in rule.cases]
        fields |= {"otherwise": rule.otherwise} if rule.otherwise else {}
    else:
        fields["when" if rule.count is None else "count"] = str(rule.when if rule.count is None else rule.count)
        fields["points"] = rule.points
    if rule.count is not None:
        fields["at_most"] = rule.at_most
    return {**fields, **_decay_fields(rule), **_limits(rule), **_last(rule)}


def _decay_fields(part: Rule | RuleGroup) -> dict[str, Any]:
    decay = part.decay
    return {} if decay is None else {"decay": {"percent": decay.percent, "every_days": decay.every_days}}


def _last(rule: Rule | RuleSum) -> dict[str, Any]:
    return {**({} if rule.enabled else {"enabled": False}), **({} if rule.id is None else {"id": rule.id})}


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
