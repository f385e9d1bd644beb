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
    AllOf,
    Always,
    AnyOf,
    Associated,
    Before,
    Between,
    Changed,
    Compare,
    Comparison,
    Condition,
    Count,
    Dated,
    Direction,
    Either,
    EventTime,
    Ever,
    InDays,
    InPeriod,
    InSegment,
    Known,
    Not,
    OneOf,
    Order,
    Period,
    Property,
    Term,
    Text,
    TextMatch,
    Unit,
    Value,
)
from workbench.errors import WorkbenchError, did_you_mean, listing

MOST_CHARACTERS = 10_000
MOST_DEPTH = 50
MOST_DAYS = 36_500

FUNCTIONS = (
    "after_next_days",
    "all_of",
    "anniversary_in_last_days",
    "anniversary_in_next_days",
    "any_of",
    "associated",
    "before_last_days",
    "changed_in_last_days",
    "contains",
    "count",
    "ends_with",
    "ever",
    "exactly",
    "first",
    "in_last",
    "in_last_days",
    "in_next",
    "in_next_days",
    "in_segment",
    "in_this",
    "is_after",
    "is_before",
    "is_known",
    "is_unknown",
    "last",
    "none_of",
    "property",
    "starts_with",
)
UNITS = ("day", "week", "month", "quarter", "year")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
OBJECTS = ("contact", "company", "deal", "ticket")
"""What can be associated."""
MOST_PERIODS = 1_000

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
            counted = self.events(node)
            raise self.problem(f"compare the count with a number, as in {counted} >= 1", node)
        if name in ("first", "last"):
            raise self.problem(f'compare the date, as in {self.term(node)} < "2026-01-31"', node)
        if name == "property":
            return Compare(self.property(node), "==", True)
        if name in ("in_this", "in_last", "in_next"):
            return self.period(node, cast("Period", name))
        if node.keywords:
            raise self.problem(f"{name}() takes no {node.keywords[0].arg or '**'}=", node)
        if name == "associated":
            return self.associated(node)
        if name == "in_segment":
            (named,) = self.arguments(node, name, '"DACH software"')
            return InSegment(self.text_in(named, "in_segment() takes the segment's name in quotes"))
        if name == "ever":
            return self.ever(node)
        if name in ("is_known", "is_unknown"):
            (of,) = self.arguments(node, name, "phone")
            return Known(self.dated(of), name == "is_known")
        of, what = self.arguments(node, name, *_EXAMPLES[name])
        if name == "is_before":
            return Before(self.dated(of), self.dated(what))
        if name == "is_after":
            return Before(self.dated(what), self.dated(of))
        if name == "changed_in_last_days":
            return Changed(self.property(of), self.days(what))
        if name.endswith("_days"):
            return InDays(cast("Direction", name), self.dated(of), self.days(what))
        subject = self.property(of)
        if name in ("any_of", "all_of", "none_of", "exactly"):
            values = self.values(what)
            if not all(isinstance(value, str) for value in values):
                raise self.problem(f"{name}() looks for texts; put the values in quotes", what)
            texts = cast("tuple[str, ...]", values)
            if name in ("all_of", "exactly"):
                return AllOf(subject, texts, name == "exactly")
            return Not(AnyOf(subject, texts)) if name == "none_of" else AnyOf(subject, texts)
        text = self.value(what)
        if not isinstance(text, str):
            raise self.problem(f"{name}() looks for a text; put it in quotes", what)
        if not text:
            raise self.problem(f"{name}() looks for a text, and this one is empty", what)
        return Text(cast("TextMatch", name), subject, text)

    def text_in(self, node: ast.expr, reason: str) -> str:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or not node.value.strip():
            raise self.problem(reason, node)
        return node.value

    def period(self, node: ast.Call, name: Period) -> InPeriod:
        usage = f'{name}() is written as {name}(createdate, "month")'
        if name != "in_this":
            usage += f' or {name}(createdate, "month", 3)'
        if not 2 <= len(node.args) <= (2 if name == "in_this" else 3):
            raise self.problem(usage, node)
        unit = self.text_in(node.args[1], usage)
        if unit not in UNITS:
            near = did_you_mean(unit, UNITS)
            raise self.problem(f"unknown period {unit!r}; there are {listing(UNITS)}{near and '.' + near[:-1]}", node)
        periods = 1
        if len(node.args) == 3:
            number = self.value(node.args[2])
            if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_PERIODS:
                raise self.problem(f"a whole number of periods from 1 to {MOST_PERIODS:,} is needed", node.args[2])
            periods = number
        fiscal = None
        for option in node.keywords:
            if option.arg != "fiscal" or fiscal is not None:
                raise self.problem(f"{name}() takes fiscal= once and no {option.arg or '**'}=", node)
            fiscal = self.text_in(option.value, 'fiscal= takes the month the year starts with, as in fiscal="april"')
            if fiscal not in MONTHS or unit not in ("quarter", "year"):
                raise self.problem(
                    'fiscal= takes a month, as in fiscal="april", with the periods "quarter" and "year"', option.value
                )
        return InPeriod(name, self.dated(node.args[0]), cast("Unit", unit), periods, fiscal)

    def associated(self, node: ast.Call) -> Associated:
        usage = 'associated() is written as associated(deal) or associated(deal, dealstage == "closedwon")'
        if not 1 <= len(node.args) <= 2 or not isinstance(node.args[0], ast.Name):
            raise self.problem(usage, node)
        name = node.args[0].id
        if name not in OBJECTS:
            near = did_you_mean(name, OBJECTS)
            raise self.problem(f"unknown object {name!r}; there are {listing(OBJECTS)}{near and '.' + near[:-1]}", node)
        where = None
        if len(node.args) == 2:
            where = self.plain(node.args[1], f"the condition on an associated {name}")
        return Associated(name, where)

    def ever(self, node: ast.Call) -> Ever:
        (inner,) = self.arguments(node, "ever", 'lifecyclestage == "customer"')
        asked = self.plain(inner, "the condition of ever()")
        if len(asked.properties) != 1:
            raise self.problem("ever() looks at the values of one property", inner)
        return Ever(asked)

    def plain(self, node: ast.expr, what: str) -> Condition:
        """A condition that speaks of a record's own properties only."""
        found = self.condition(node)
        if any(isinstance(part, Count | EventTime | Associated | Ever | Changed | InSegment) for part in found.walk()):
            raise self.problem(f"{what} speaks of that record's own properties only", node)
        return found

    def function(self, node: ast.Call) -> str:
        if not isinstance(node.func, ast.Name):
            raise self.foreign(node.func)
        if node.func.id not in FUNCTIONS:
            known = f"there are {listing(FUNCTIONS, most=40)}"
            near = did_you_mean(node.func.id, FUNCTIONS)
            raise self.problem(f"unknown function {node.func.id!r}; {known}{near and '.' + near[:-1]}", node)
        return node.func.id

    def arguments(self, node: ast.Call, name: str, *examples: str) -> Sequence[ast.expr]:
        if len(node.args) != len(examples):
            raise self.problem(f"{name}() is written as {name}({', '.join(examples)})", node)
        return node.args

    def events(self, node: ast.Call, name: str = "count") -> Count:
        usage = f'{name}() is written as {name}(page_view) or {name}(page_view, "pricing", within_days=90)'
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
                raise self.problem(f"the detail of {name}() is a text in quotes", node.args[1])
            detail = found
        where, within_days = None, None
        seen = set()
        for option in node.keywords:
            if option.arg in seen:
                raise self.problem(f"{name}() has {option.arg}= twice", node)
            seen.add(option.arg)
            if option.arg == "within_days":
                within_days = self.days(option.value)
            elif option.arg == "where":
                where = self.condition(option.value)
                if where.counts:
                    raise self.problem(f"the where= of {name}() cannot count again", option.value)
                where = self.plain(option.value, f"the where= of {name}()")
            else:
                raise self.problem(f"{name}() takes within_days= and where=, not {option.arg or '**'}=", node)
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
            return self.events(node)
        return self.dated(node)

    def dated(self, node: ast.expr) -> Dated:
        if isinstance(node, ast.Call) and self.function(node) in ("first", "last"):
            order = self.function(node)
            return EventTime(cast("Order", order), self.events(node, order))
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
    "all_of": ("products", '["A", "B"]'),
    "none_of": ("products", '["A", "B"]'),
    "exactly": ("products", '["A", "B"]'),
    "is_before": ("closedate", "contract_end"),
    "is_after": ("closedate", "contract_end"),
    "changed_in_last_days": ("lifecyclestage", "30"),
    "contains": ("jobtitle", '"head"'),
    "starts_with": ("jobtitle", '"head"'),
    "ends_with": ("email", '".edu"'),
    "in_last_days": ("createdate", "7"),
    "in_next_days": ("contract_end", "30"),
    "before_last_days": ("createdate", "30"),
    "after_next_days": ("contract_end", "30"),
    "anniversary_in_last_days": ("closedate", "7"),
    "anniversary_in_next_days": ("closedate", "30"),
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
