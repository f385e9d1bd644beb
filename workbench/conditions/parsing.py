"""Text to tree. The text is read by `ast` and never evaluated; whatever is not in the language is refused."""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from workbench.conditions.tree import (
    CONSTANTS,
    All,
    Always,
    AnyOf,
    Between,
    Compare,
    Comparison,
    Condition,
    Count,
    Direction,
    Either,
    InDays,
    Known,
    Not,
    OneOf,
    Property,
    Term,
    Text,
    TextMatch,
    Value,
)
from workbench.errors import WorkbenchError, did_you_mean, listing

MOST_CHARACTERS = 10_000
MOST_DEPTH = 50
MOST_DAYS = 36_500

FUNCTIONS = (
    "any_of",
    "contains",
    "count",
    "ends_with",
    "in_last_days",
    "in_next_days",
    "is_known",
    "is_unknown",
    "property",
    "starts_with",
)

_COMPARISONS: dict[type[ast.cmpop], Comparison] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_FLIPPED: dict[Comparison, Comparison] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_REFUSED: dict[type[ast.expr], str] = {
    ast.Attribute: "a dot between names",
    ast.Lambda: "lambda",
    ast.ListComp: "a loop in brackets",
    ast.SetComp: "a loop in brackets",
    ast.DictComp: "a loop in brackets",
    ast.GeneratorExp: "a loop in brackets",
    ast.Subscript: "square brackets behind a name",
    ast.BinOp: "arithmetic",
    ast.IfExp: "if ... else",
    ast.NamedExpr: ":=",
    ast.JoinedStr: "an f-string",
    ast.Dict: "a dictionary",
    ast.Set: "a set",
    ast.Starred: "a star",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
}
_USAGE = "write it as in 'industry == \"Software\" and numemployees > 50'"
_LINE_BREAKS = re.compile(r"\s*[\r\n]+\s*")
_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<word>\w+)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<sign>[-+~])|(?P<comment>\#)""",
    re.DOTALL,
)


@lru_cache(maxsize=4096)
def parse(text: str) -> Condition:
    """The tree of a condition.

    `str(parse(text))` is the text in its canonical form, and parses to the same tree.

    Raises
    ------
    WorkbenchError
        If the text is no condition, is longer than 10,000 characters or nested deeper than 50.

    Examples
    --------
    >>> str(parse("50<numemployees and industry=='Software'"))
    'numemployees > 50 and industry == "Software"'
    """
    reader = _Reader(text)
    return reader.condition(reader.tree())


@lru_cache(maxsize=4096)
def parse_count(text: str) -> Count:
    """The tree of a counting term alone: `count(page_view, "pricing", within_days=90)`.

    Raises
    ------
    WorkbenchError
        If the text is anything else.
    """
    reader = _Reader(text)
    term = reader.term(reader.tree())
    if not isinstance(term, Count):
        raise reader.problem('a count is needed, such as count(page_view) or count(page_view, "pricing")')
    return term


def shortened(text: str) -> str:
    """A condition in quotes, short enough for a sentence."""
    return repr(text if len(text) <= 160 else f"{text[:157]}...")


class _Reader:
    """Reads one text."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise WorkbenchError(f"a condition is a text such as 'numemployees > 50', not {type(text).__name__}.")
        self.text = _LINE_BREAKS.sub(" ", text.strip())

    def problem(self, reason: str, node: ast.AST | None = None) -> WorkbenchError:
        at = ""
        if isinstance(node, ast.expr):
            before = self.text.encode()[: node.col_offset].decode()  # ast counts bytes
            at = f" at character {len(before) + 1}"
        end = "?" if " Did you mean " in reason else "."
        return WorkbenchError(f"cannot read the condition {shortened(self.text)}{at}: {reason}{end}")

    def tree(self) -> ast.expr:
        if not self.text:
            raise WorkbenchError("the condition is empty; write one such as 'numemployees > 50'.")
        if len(self.text) > MOST_CHARACTERS:
            raise WorkbenchError(
                f"the condition has {len(self.text):,} characters, and {MOST_CHARACTERS:,} are allowed; "
                "split it into several rules or segments."
            )
        depth, comment = _scan(self.text)
        if depth > MOST_DEPTH:
            raise WorkbenchError(
                f"the condition is nested {depth:,} deep, and {MOST_DEPTH} are allowed; "
                "split it into several rules or segments."
            )
        if comment is not None:
            raise self.problem(f"a condition has no comments, but there is a # at character {comment + 1}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a strange escape in a text is no matter
                return ast.parse(self.text, mode="eval").body
        except SyntaxError as problem:
            at = min(max(problem.offset or 1, 1), len(self.text) + 1)
            if self.text[at - 1 : at] == "=":
                reason = f"a comparison is written with == and not with =, as at character {at}"
            else:
                reason = f"character {at} was not expected; {_USAGE}"
            raise self.problem(reason) from problem
        except (ValueError, MemoryError, RecursionError) as problem:
            raise self.problem(f"it holds characters or a nesting that no condition needs; {_USAGE}") from problem

    def condition(self, node: ast.expr) -> Condition:
        if isinstance(node, ast.BoolOp):
            parts = tuple(self.condition(part) for part in node.values)
            return All(parts) if isinstance(node.op, ast.And) else Either(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return Not(self.condition(node.operand))
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            return Always(node.value)
        if isinstance(node, ast.Name):
            return Always(CONSTANTS[node.id]) if node.id in CONSTANTS else Compare(Property(node.id), "==", True)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.Constant | ast.List | ast.Tuple):
            raise self.problem("a value alone says neither yes nor no; compare a property with it", node)
        raise self.foreign(node)

    def foreign(self, node: ast.AST) -> WorkbenchError:
        named = _REFUSED.get(cast("type[ast.expr]", type(node)), type(node).__name__)
        return self.problem(f"a condition compares properties with values, so {named} cannot be used", node)

    def call(self, node: ast.Call) -> Condition:
        name = self.function(node)
        if name == "count":
            counted = self.count(node)
            raise self.problem(f"compare the count with a number, as in {counted} >= 1", node)
        if name == "property":
            return Compare(self.property(node), "==", True)
        if node.keywords:
            raise self.problem(f"{name}() takes no {node.keywords[0].arg or '**'}=", node)
        if name in ("is_known", "is_unknown"):
            (of,) = self.arguments(node, name, "phone")
            return Known(self.property(of), name == "is_known")
        of, what = self.arguments(node, name, *_EXAMPLES[name])
        subject = self.property(of)
        if name in ("in_last_days", "in_next_days"):
            return InDays(cast("Direction", name), subject, self.days(what))
        if name == "any_of":
            values = self.values(what)
            if not all(isinstance(value, str) for value in values):
                raise self.problem("any_of() looks for texts; put the values in quotes", what)
            return AnyOf(subject, cast("tuple[str, ...]", values))
        text = self.value(what)
        if not isinstance(text, str):
            raise self.problem(f"{name}() looks for a text; put it in quotes", what)
        if not text:
            raise self.problem(f"{name}() looks for a text, and this one is empty", what)
        return Text(cast("TextMatch", name), subject, text)

    def function(self, node: ast.Call) -> str:
        if not isinstance(node.func, ast.Name):
            raise self.foreign(node.func)
        if node.func.id not in FUNCTIONS:
            known = f"there are {listing(FUNCTIONS, most=20)}"
            near = did_you_mean(node.func.id, FUNCTIONS)
            raise self.problem(f"unknown function {node.func.id!r}; {known}{near and '.' + near[:-1]}", node)
        return node.func.id

    def arguments(self, node: ast.Call, name: str, *examples: str) -> Sequence[ast.expr]:
        if len(node.args) != len(examples):
            raise self.problem(f"{name}() is written as {name}({', '.join(examples)})", node)
        return node.args

    def count(self, node: ast.Call) -> Count:
        usage = 'count() is written as count(page_view) or count(page_view, "pricing", within_days=90)'
        if not 1 <= len(node.args) <= 2:
            raise self.problem(usage, node)
        kind = node.args[0]
        if isinstance(kind, ast.Name):
            named = kind.id
        elif isinstance(kind, ast.Constant) and isinstance(kind.value, str) and kind.value:
            named = kind.value
        else:
            raise self.problem(usage, node)
        detail = None
        if len(node.args) == 2:
            found = self.value(node.args[1])
            if not isinstance(found, str) or not found:
                raise self.problem("the detail of count() is a text in quotes", node.args[1])
            detail = found
        where, within_days = None, None
        seen = set()
        for option in node.keywords:
            if option.arg in seen:
                raise self.problem(f"count() has {option.arg}= twice", node)
            seen.add(option.arg)
            if option.arg == "within_days":
                within_days = self.days(option.value)
            elif option.arg == "where":
                where = self.condition(option.value)
                if where.counts:
                    raise self.problem("the where= of count() cannot count again", option.value)
            else:
                raise self.problem(f"count() takes within_days= and where=, not {option.arg or '**'}=", node)
        return Count(named, detail, where, within_days)

    def comparison(self, node: ast.Compare) -> Condition:
        operands = [node.left, *node.comparators]
        if len(node.ops) == 1:
            operator = node.ops[0]
            if isinstance(operator, ast.In | ast.NotIn):
                return OneOf(self.term(node.left), self.values(operands[1]), isinstance(operator, ast.NotIn))
            sign = self.sign(operator, node)
            if self.is_value(node.left):
                if self.is_value(operands[1]):
                    raise self.problem("one side has to be a property, and both are values", node)
                return Compare(self.term(operands[1]), _FLIPPED[sign], self.value(node.left))
            if not self.is_value(operands[1]):
                self.term(operands[1])
                raise self.problem(
                    "one side has to be a value (a text stands in quotes), and both are properties", operands[1]
                )
            return Compare(self.term(node.left), sign, self.value(operands[1]))
        signs = [self.sign(operator, node) for operator in node.ops]
        if set(signs) <= {">", ">="}:
            operands.reverse()
            signs = [_FLIPPED[sign] for sign in reversed(signs)]
        if len(signs) != 2 or not set(signs) <= {"<", "<="} or self.is_value(operands[1]):
            raise self.problem("a range is written as 10 <= numemployees < 50", node)
        low, high = cast("Any", signs)
        return Between(self.term(operands[1]), self.value(operands[0]), low, self.value(operands[2]), high)

    def sign(self, operator: ast.cmpop, node: ast.expr) -> Comparison:
        if type(operator) not in _COMPARISONS:
            raise self.problem("use ==, !=, <, <=, >, >=, in, not in, or is_unknown() for blanks", node)
        return _COMPARISONS[type(operator)]

    def is_value(self, node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Constant | ast.List | ast.Tuple)
            or (isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not))
            or (isinstance(node, ast.Name) and node.id in CONSTANTS)
        )

    def term(self, node: ast.expr) -> Term:
        if isinstance(node, ast.Call) and self.function(node) == "count":
            return self.count(node)
        return self.property(node)

    def property(self, node: ast.expr) -> Property:
        if isinstance(node, ast.Name) and node.id not in CONSTANTS:
            return Property(node.id)
        if isinstance(node, ast.Call) and self.function(node) == "property":
            (name,) = self.arguments(node, "property", '"Lead Source"')
            if node.keywords or not isinstance(name, ast.Constant) or not isinstance(name.value, str) or not name.value:
                raise self.problem('property() takes one name in quotes, as in property("Lead Source")', node)
            return Property(name.value)
        if isinstance(node, ast.Constant | ast.Call | ast.Name | ast.List | ast.Tuple | ast.Compare | ast.BoolOp):
            raise self.problem("the name of a property is needed", node)
        raise self.foreign(node)

    def value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name) and node.id in CONSTANTS:
            return CONSTANTS[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            number = self.value(node.operand)
            if isinstance(number, str | bool):
                raise self.problem("a sign stands only before a number", node)
            return -number if isinstance(node.op, ast.USub) else number
        if isinstance(node, ast.Constant):
            value = node.value
            if isinstance(value, bool | str):
                return value
            if isinstance(value, int) and abs(value) < 2**63:
                return value
            if isinstance(value, float) and math.isfinite(value):
                return value
            if isinstance(value, int | float):
                raise self.problem("a number is too large", node)
        if isinstance(node, ast.Name):
            raise self.problem(f'a value is needed; if {node.id} is a text, put it in quotes: "{node.id}"', node)
        if isinstance(node, ast.Constant | ast.Call | ast.List | ast.Tuple | ast.Compare | ast.BoolOp | ast.UnaryOp):
            raise self.problem("a text in quotes, a number, true or false is needed", node)
        raise self.foreign(node)

    def values(self, node: ast.expr) -> tuple[Value, ...]:
        if not isinstance(node, ast.List | ast.Tuple) or not node.elts:
            if isinstance(node, ast.Constant | ast.Name | ast.List | ast.Tuple):
                raise self.problem('a list of values is needed, as in ["Germany", "Austria"]', node)
            raise self.foreign(node)
        return tuple(self.value(item) for item in node.elts)

    def days(self, node: ast.expr) -> int:
        number = self.value(node)
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_DAYS:
            raise self.problem(f"a whole number of days from 1 to {MOST_DAYS:,} is needed", node)
        return number


_EXAMPLES = {
    "any_of": ("products", '["A", "B"]'),
    "contains": ("jobtitle", '"head"'),
    "starts_with": ("jobtitle", '"head"'),
    "ends_with": ("email", '".edu"'),
    "in_last_days": ("createdate", "7"),
    "in_next_days": ("createdate", "30"),
}


def _scan(text: str) -> tuple[int, int | None]:
    """How deep brackets, `not` and signs are nested, before `ast` recurses into them; and where a comment starts."""
    depth = deepest = prefixes = 0
    for token in _TOKEN.finditer(text):
        if token["comment"]:
            return deepest, token.start()
        if token["sign"] or token["word"] == "not":
            prefixes += 1
        elif token["open"]:
            depth += 1
        elif token["close"]:
            depth -= 1
        else:
            prefixes = 0
        deepest = max(deepest, depth + prefixes)
    return deepest, None
