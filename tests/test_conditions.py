"""The filter language: what is read, how it is written, what blanks mean, what is refused and how."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import engines
from workbench.conditions import (
    FUNCTIONS,
    All,
    Always,
    AnyOf,
    Between,
    Compare,
    Condition,
    Count,
    Either,
    InDays,
    Known,
    Not,
    OneOf,
    Property,
    Text,
    moment,
    parse,
    parse_count,
    prepare,
)
from workbench.errors import WorkbenchError, listing

CONTACTS = pd.DataFrame(
    {
        "hs_object_id": ["1", "2", "3"],
        "industry": ["Software", None, "Retail"],
        "numemployees": [60, None, 5],
        "optout": pd.array([True, None, False], dtype="boolean"),
        "createdate": pd.to_datetime(["2026-06-30 10:00", None, "2026-06-01 00:00"], format="ISO8601"),
        "products": ["A;B", None, "C"],
        "Lead Source": ["Fair", "Web", None],
    },
    index=[7, 8, 9],
)
ACTIVITIES = pd.DataFrame(
    {
        "contact_id": ["1", "1", "3", "3", None, "99"],
        "kind": ["page_view", "page_view", "call", "page_view", "page_view", "page_view"],
        "at": pd.to_datetime(
            ["2026-06-01", "2026-06-30 22:00", "2026-01-01", "2026-07-02", None, None], format="ISO8601"
        ),
        "detail": ["/Pricing", "/x", None, "/pricing", "/pricing", "/pricing"],
        "owner": ["ann", "bob", None, None, None, None],
    }
)


def holds(text: str, contacts: pd.DataFrame = CONTACTS, **options: Any) -> list[str]:
    """The ids for which a condition holds."""
    options = {"as_of": "2026-06-30", "activities": ACTIVITIES, **options}
    frame, (expression,) = prepare(engines.as_frame(contacts), [parse(text)], **options)
    return list(frame.filter(expression).to_native()["hs_object_id"])


def refusal(text: str, **options: Any) -> str:
    with pytest.raises(WorkbenchError) as told:
        holds(text, **options)
    return str(told.value)


# -- text, tree, text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("industry=='Software'and numemployees>50", 'industry == "Software" and numemployees > 50'),
        ("50 < numemployees", "numemployees > 50"),
        ("50 > numemployees >= 10", "10 <= numemployees < 50"),
        ("10 <= numemployees < 50", "10 <= numemployees < 50"),
        ("country in ('Germany', \"Austria\",)", 'country in ["Germany", "Austria"]'),
        ("not country in ['Germany']", 'not country in ["Germany"]'),
        ("country not in ['Germany']", 'country not in ["Germany"]'),
        ("(a == 1 or b == 2) and c == 3", "(a == 1 or b == 2) and c == 3"),
        ("a == 1 and (b == 2 and c == 3)", "a == 1 and (b == 2 and c == 3)"),
        ("a == 1 or b == 2 and not (c == 3 or d == 4)", "a == 1 or b == 2 and not (c == 3 or d == 4)"),
        ("optout", "optout == true"),
        ("not optout == True", "not optout == true"),
        ("property('Lead Source') == 'Fair'", 'property("Lead Source") == "Fair"'),
        ("property('industry') == 'x'", 'industry == "x"'),
        ("property('class') == 'x'", 'property("class") == "x"'),
        ("property('true') == 'x'", 'property("true") == "x"'),
        ("x == -5", "x == -5"),
        ("x == +1.50", "x == 1.5"),
        ("x == 'say \"hi\"\\n'", 'x == "say \\"hi\\"\\n"'),
        ("x == 'Größe'", 'x == "Größe"'),
        ("True", "true"),
        ("is_known( phone )", "is_known(phone)"),
        ("any_of(products, ['A'])", 'any_of(products, ["A"])'),
        ("in_next_days(contract_end, 30)", "in_next_days(contract_end, 30)"),
        ("count('page_view') == 0", "count(page_view) == 0"),
        ("count('my event') > 0", 'count("my event") > 0'),
        (
            "2 <= count(call, within_days=90, where=owner == 'ann' and is_known(detail))",
            'count(call, where=owner == "ann" and is_known(detail), within_days=90) >= 2',
        ),
        ("a == 1\n  and\n  b == 2", "a == 1 and b == 2"),
    ],
)
def test_a_condition_is_written_in_one_way(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


names = st.text(min_size=1, max_size=8).filter(lambda name: name.isprintable()) | st.sampled_from(
    ["industry", "count", "property", "true", "not", "ﬁt", "x y", '"', "\\"]
)
properties = st.builds(Property, names.filter(lambda name: "\ufeff" not in name))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts
some_values = st.lists(values, min_size=1, max_size=3).map(tuple)
days = st.integers(1, 36_500)
signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
less = st.sampled_from(["<", "<="])


def trees(terms: st.SearchStrategy[Any]) -> st.SearchStrategy[Condition]:
    leaf = st.one_of(
        st.builds(Compare, terms, signs, values),
        st.builds(Between, terms, values, less, values, less),
        st.builds(OneOf, terms, some_values, st.booleans()),
        st.builds(Known, properties, st.booleans()),
        st.builds(Text, st.sampled_from(["contains", "starts_with", "ends_with"]), properties, texts.filter(bool)),
        st.builds(InDays, st.sampled_from(["in_last_days", "in_next_days"]), properties, days),
        st.builds(AnyOf, properties, st.lists(texts, min_size=1, max_size=3).map(tuple)),
        st.builds(Always, st.booleans()),
    )
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, min_size=2, max_size=3)
            .map(tuple)
            .flatmap(lambda parts: st.sampled_from([All(parts), Either(parts)]))
            | inner.map(Not)
        ),
        max_leaves=5,
    )


counts = st.builds(
    Count,
    names.filter(lambda name: "\ufeff" not in name),
    st.none() | texts.filter(bool),
    st.none() | trees(properties),
    st.none() | days,
)


@given(trees(properties | counts))
@settings(max_examples=150, deadline=None)
def test_text_to_tree_to_text_is_the_identity(tree: Condition) -> None:
    assert parse(str(tree)) == tree
    assert str(parse(str(tree))) == str(tree)


def test_a_tree_tells_its_properties_and_counts() -> None:
    tree = parse('b == 1 and (is_known(a) or count(call, where=owner == "x") > 1) and not b == 2')
    assert tree.properties == ("b", "a")
    assert tree.counts == (parse_count('count(call, where=owner == "x")'),)


def test_one_is_not_true() -> None:
    assert parse("x == 1") != parse("x == true")
    assert parse("x == 1") != parse("x == 1.0")


# -- what holds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('industry == "Software"', ["1"]),
        ('industry != "Software"', ["3"]),
        ('not industry == "Software"', ["3"]),
        ('not (industry == "Software" and numemployees > 50)', ["3"]),
        ('not industry == "Software" or is_unknown(industry)', ["2", "3"]),
        ("numemployees > 10", ["1"]),
        ("not numemployees > 10", ["3"]),
        ("5 < numemployees <= 60", ["1"]),
        ("not 5 < numemployees <= 60", ["3"]),
        ("numemployees in [5, 7.5]", ["3"]),
        ("numemployees not in [5, 7.5]", ["1"]),
        ("optout", ["1"]),
        ("not optout", ["3"]),
        ('optout == "ja"', ["1"]),
        ('optout == "No"', ["3"]),
        ("optout in [true, false]", ["1", "3"]),
        ('contains(industry, "SOFT")', ["1"]),
        ('not contains(industry, "SOFT")', ["3"]),
        ('starts_with(industry, "re") or ends_with(industry, "WARE")', ["1", "3"]),
        ('any_of(products, ["B", "C"])', ["1", "3"]),
        ('not any_of(products, ["B"])', ["3"]),
        ('property("Lead Source") == "Web"', ["2"]),
        ("is_unknown(createdate)", ["2"]),
        ("not is_unknown(createdate)", ["1", "3"]),
        ("true", ["1", "2", "3"]),
        ("not true", []),
        ("count(page_view) >= 1", ["1"]),
        ("count(page_view) == 2", ["1"]),
        ("count(page_view) == 0", ["2", "3"]),
        ('count(page_view, "pricing") in [1]', ["1"]),
        ("count(page_view, within_days=7) == 1", ["1"]),
        ("count(page_view, within_days=30) == 2", ["1"]),
        ('count(page_view, where=owner == "ann") > 0', ["1"]),
        ('count(page_view, where=not owner == "ann") > 0', ["1"]),
        ("count(call) > 0 and count(page_view) == 0", ["3"]),
        ("count(meeting) > 0", []),
    ],
)
def test_a_condition_finds_the_contacts_it_means(text: str, ids: list[str]) -> None:
    assert holds(text) == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('createdate == "2026-06-30"', ["1"]),
        ('createdate != "2026-06-30"', ["3"]),
        ('createdate == "2026-06-30 10:00"', ["1"]),
        ('createdate == "2026-06-30 10:00:01"', []),
        ('createdate <= "2026-06-30"', ["1", "3"]),
        ('createdate < "2026-06-30"', ["3"]),
        ('createdate > "2026-06-30"', []),
        ('createdate >= "2026-06-30"', ["1"]),
        ('"2026-06-01" <= createdate < "2026-06-30"', ["3"]),
        ('createdate in ["2026-06-01", "2025-01-01"]', ["3"]),
        ("in_last_days(createdate, 1)", ["1"]),
        ("in_last_days(createdate, 29)", ["1"]),
        ("in_last_days(createdate, 30)", ["1", "3"]),
        ("in_next_days(createdate, 1)", ["1"]),
    ],
)
def test_a_date_stands_for_its_whole_day(text: str, ids: list[str]) -> None:
    assert holds(text) == ids


def test_events_after_the_date_never_count() -> None:
    assert holds("count(page_view) > 0", as_of="2026-07-02") == ["1", "3"]
    assert holds("count(page_view) > 0", as_of="2026-07-01") == ["1"]
    assert holds("count(page_view) > 1", as_of=dt.datetime(2026, 6, 30, 21, 59)) == []
    assert holds("count(page_view) > 1", as_of=dt.datetime(2026, 6, 30, 22, 0)) == ["1"]


def test_without_a_date_all_events_count() -> None:
    assert holds("count(page_view) > 0", as_of=None) == ["1", "3"]


@pytest.mark.parametrize(
    "as_of", ["2026-06-30", dt.date(2026, 6, 30), dt.datetime(2026, 6, 30), pd.Timestamp("2026-06-30")]
)
def test_a_day_is_the_whole_of_it_however_it_is_written(as_of: Any) -> None:
    found = moment(as_of)
    assert found is not None
    assert (found.start, found.end) == (dt.datetime(2026, 6, 30), dt.datetime(2026, 7, 1))


def test_a_wholly_blank_column_matches_nothing_whatever_its_type() -> None:
    contacts = CONTACTS.assign(
        industry=float("nan"), numemployees=pd.Series([None] * 3, index=CONTACTS.index, dtype="str")
    )
    assert holds('industry == "Software" or not contains(industry, "x") or numemployees > 5', contacts) == []
    assert holds("is_unknown(industry) and is_unknown(numemployees)", contacts) == ["1", "2", "3"]


def test_a_pandas_index_and_the_order_of_rows_survive_counting() -> None:
    frame, _ = prepare(engines.as_frame(CONTACTS), [parse("count(call) > 0")], activities=ACTIVITIES)
    assert list(frame.to_native().index) == [7, 8, 9]
    assert list(frame.to_native()["hs_object_id"]) == ["1", "2", "3"]


def test_ids_that_are_numbers_meet_ids_that_are_text() -> None:
    contacts = CONTACTS.assign(hs_object_id=[1, 2, 3])
    frame, (expression,) = prepare(engines.as_frame(contacts), [parse("count(call) > 0")], activities=ACTIVITIES)
    assert list(frame.filter(expression).to_native()["hs_object_id"]) == [3]


def test_conditions_can_be_prepared_twice_on_the_same_frame() -> None:
    frame, (first,) = prepare(engines.as_frame(CONTACTS), [parse("count(call) > 0")], activities=ACTIVITIES)
    frame, (second,) = prepare(frame, [parse("count(page_view) > 1")], activities=ACTIVITIES)
    found = frame.select(first.alias("first"), second.alias("second")).to_native()
    assert found.to_numpy().tolist() == [[False, True], [False, False], [True, False]]


def test_a_long_list_of_alternatives_is_no_trouble() -> None:
    text = " or ".join(f"numemployees == {number}" for number in range(400))
    assert holds(text) == ["1", "3"]


# -- what is refused ---------------------------------------------------------------------------------------------


def foreign(what: str) -> str:
    return f"a condition compares properties with values, so {what} cannot be used."


THERE_ARE = f"there are {listing(FUNCTIONS, most=40)}."
CANNOT = "cannot read the condition"
STRANGE = "it holds characters or a nesting that no condition needs"
SPLIT = "split it into several rules or segments"
USAGE = "write it as in 'industry == \"Software\" and numemployees > 50'"


@pytest.mark.parametrize(
    ("text", "at", "reason"),
    [
        ('__import__("os").system("x")', 1, foreign("a dot between names")),
        ('__import__("os")', 1, f"unknown function '__import__'; {THERE_ARE}"),
        ('contians(x, "a")', 1, f"unknown function 'contians'; {THERE_ARE} Did you mean 'contains'?"),
        ("industry.upper == 1", 1, foreign("a dot between names")),
        ("(lambda: 1)", 2, foreign("lambda")),
        ("[x for x in y]", 1, foreign("a loop in brackets")),
        ("x + 1 == 2", 1, foreign("arithmetic")),
        ("x[0] == 1", 1, foreign("square brackets behind a name")),
        ('f"{x}" == "a"', 1, foreign("an f-string")),
        ("(x := 1)", 2, foreign(":=")),
        ("1 if x else 2", 1, foreign("if ... else")),
        ("x == y", 6, "one side has to be a value (a text stands in quotes), and both are properties."),
        ("1 == 1", 1, "one side has to be a property, and both are values."),
        ("x is None", 1, "use ==, !=, <, <=, >, >=, in, not in, or is_unknown() for blanks."),
        ("x == None", 6, "a text in quotes, a number, true or false is needed."),
        ('x == b"a"', 6, "a text in quotes, a number, true or false is needed."),
        ("x == 1e999", 6, "a number is too large."),
        ("x == 9223372036854775808", 6, "a number is too large."),
        ("x in y", 6, 'a list of values is needed, as in ["Germany", "Austria"].'),
        ("x in []", 6, 'a list of values is needed, as in ["Germany", "Austria"].'),
        ("x < y < 3", 1, 'a value is needed; if x is a text, put it in quotes: "x".'),
        ("1 < x > 3", 1, "a range is written as 10 <= numemployees < 50."),
        ("5", 1, "a value alone says neither yes nor no; compare a property with it."),
        ("count(call)", 1, "compare the count with a number, as in count(call) >= 1."),
        ("count(call, 5) > 1", 13, "the detail of count() is a text in quotes."),
        ("count() > 1", 1, 'count() is written as count(page_view) or count(page_view, "pricing", within_days=90).'),
        ("count(call, within=3) > 1", 1, "count() takes within_days= and where=, not within=."),
        ("count(call, where=count(call) > 1) > 1", 19, "the where= of count() cannot count again."),
        ("in_last_days(x, 0)", 17, "a whole number of days from 1 to 36,500 is needed."),
        ("in_last_days(x, 1.5)", 17, "a whole number of days from 1 to 36,500 is needed."),
        ("contains(x)", 1, 'contains() is written as contains(jobtitle, "head").'),
        ("contains(x, 5)", 13, "contains() looks for a text; put it in quotes."),
        ('contains(x, "")', 13, "contains() looks for a text, and this one is empty."),
        ("any_of(x, [1])", 11, "any_of() looks for texts; put the values in quotes."),
        ("is_known(x, y=1)", 1, "is_known() takes no y=."),
        ('"ä" == "ä" and x.y', 16, foreign("a dot between names")),
    ],
)  # fmt: skip
def test_what_is_not_in_the_language_is_refused_at_its_character(text: str, at: int, reason: str) -> None:
    if text.startswith('"ä"'):
        text, at = text.replace('"ä" == "ä"', 'a == "ä"'), at - 2
    with pytest.raises(WorkbenchError) as told:
        parse(text)
    assert str(told.value) == f"cannot read the condition {text!r} at character {at}: {reason}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the condition is empty; write one such as 'numemployees > 50'."),
        ("x = 1", f"{CANNOT} 'x = 1': a comparison is written with == and not with =, as at character 3."),
        ('x == "a', f"cannot read the condition 'x == \"a': character 6 was not expected; {USAGE}."),
        ("x == 1;", f"cannot read the condition 'x == 1;': character 7 was not expected; {USAGE}."),
        ("x == 1 # why", f"{CANNOT} 'x == 1 # why': a condition has no comments, but there is a # at character 8."),
        ("x == '\ud800'", f"{CANNOT} \"x == '\\ud800'\": {STRANGE}; {USAGE}."),
        ("x" * 100_000, f"the condition has 100,000 characters, and 10,000 are allowed; {SPLIT}."),
        ("(" * 4_000 + "x" + ")" * 4_000, f"the condition is nested 4,000 deep, and 50 are allowed; {SPLIT}."),
        ("not " * 2_000 + "x", f"the condition is nested 2,000 deep, and 50 are allowed; {SPLIT}."),
        ("x == " + "-" * 5_000 + "1", f"the condition is nested 5,000 deep, and 50 are allowed; {SPLIT}."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(text: str, sentence: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        parse(text)
    assert str(told.value) == sentence


@given(st.text(max_size=60) | st.text("()[]{}'\"\\xnot =<>,.:#andfor lambda1-+*", max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_condition_or_a_sentence(text: str) -> None:
    try:
        tree = parse(text)
    except WorkbenchError as told:
        assert str(told).endswith((".", "?"))  # noqa: PT017
    else:
        assert parse(str(tree)) == tree


@pytest.mark.parametrize(
    "text", ["a." * 3_000 + "a", "x**" * 3_000 + "x", "x if y else " * 800 + "x", "lambda:" * 1_400 + "x"]
)
def test_chains_that_would_exhaust_the_stack_are_refused(text: str) -> None:
    with pytest.raises(WorkbenchError, match=r"^cannot read the condition "):
        parse(text)


def test_a_condition_is_a_text() -> None:
    with pytest.raises(WorkbenchError, match=r"^a condition is a text such as 'numemployees > 50', not float\.$"):
        parse(1.5)  # type: ignore[arg-type]


def test_what_is_counted_is_a_count() -> None:
    with pytest.raises(WorkbenchError) as told:
        parse_count("industry")
    assert str(told.value) == (
        "cannot read the condition 'industry': a count is needed, such as count(page_view) or "
        'count(page_view, "pricing").'
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'industy == "Software"',
            "unknown property 'industy' in the condition 'industy == \"Software\"'; contacts have 'hs_object_id', "
            "'industry', 'numemployees', 'optout', 'createdate', 'products', 'Lead Source'. Did you mean 'industry'?",
        ),
        (
            'numemployees > "abc"',
            "'numemployees' holds numbers, but the condition 'numemployees > \"abc\"' compares it with the text "
            '"abc"; write a number without quotes, such as numemployees == 50.',
        ),
        (
            "industry > 5",
            "'industry' holds text, but the condition 'industry > 5' compares it with the number 5; load the table "
            "with a mapping that types it as a number.",
        ),
        (
            "industry == 5",
            "'industry' holds text, but the condition 'industry == 5' compares it with the number 5; write a text in "
            'quotes, such as industry == "Software".',
        ),
        (
            'industry > "a"',
            "'industry' holds text, but the condition 'industry > \"a\"' asks for an order, and text has none; use ==, "
            "in [...] or contains().",
        ),
        (
            "optout > true",
            "'optout' holds yes or no, but the condition 'optout > true' asks for an order; use == true or == false.",
        ),
        (
            'optout == "maybe"',
            "'optout' holds yes or no, but the condition 'optout == \"maybe\"' compares it with the text \"maybe\"; "
            "write true or false, such as optout == true.",
        ),
        (
            "numemployees == true",
            "'numemployees' holds numbers, but the condition 'numemployees == true' compares it with true; write a "
            "number without quotes, such as numemployees == 50.",
        ),
        (
            'createdate > "soon"',
            "'createdate' holds dates, but the condition 'createdate > \"soon\"' compares it with the text \"soon\"; "
            'write a date in quotes, such as createdate == "2026-06-30".',
        ),
        (
            'createdate > "2026-02-30"',
            "'createdate' holds dates, but the condition 'createdate > \"2026-02-30\"' compares it with the text "
            '"2026-02-30"; write a date in quotes, such as createdate == "2026-06-30".',
        ),
        (
            "in_last_days(numemployees, 5)",
            "'numemployees' holds numbers, but the condition 'in_last_days(numemployees, 5)' needs a date there; load "
            "the table with a mapping that types it as a date.",
        ),
        (
            'contains(numemployees, "5")',
            "'numemployees' holds numbers, but the condition 'contains(numemployees, \"5\")' looks for text in it; "
            "compare it with ==, < or > instead.",
        ),
        (
            'count(page_view) > "a"',
            "events are counted in numbers, but the condition 'count(page_view) > \"a\"' compares count(page_view) "
            'with the text "a"; write a number, such as count(page_view) >= 1.',
        ),
        (
            "count(pageview) > 1",
            "unknown kind of activity 'pageview' in count(pageview); there are 'call', 'email_bounce', 'email_click', "
            "'email_delivered', 'email_open', 'email_sales', 'email_unsubscribe', 'form_submission', 'meeting', "
            "'note', 'page_view', 'task'. Did you mean 'page_view'?",
        ),
        (
            "count(call, where=oner == \"ann\") > 1",
            "unknown property 'oner' in the condition 'count(call, where=oner == \"ann\")'; activities have "
            "'contact_id', 'kind', 'at', 'detail', 'owner'. Did you mean 'owner'?",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_table_is_told(text: str, sentence: str) -> None:
    assert refusal(text) == sentence


def test_what_is_missing_is_told() -> None:
    assert refusal("count(call) > 0", activities=None) == (
        "count(call) counts activities, and none came; give activities=, or a Workspace in place of the table."
    )
    assert refusal("count(call, within_days=9) > 0", as_of=None) == (
        "the condition 'count(call, within_days=9)' counts days, and from which date was not said; give as_of=, such "
        "as as_of='2026-06-30'."
    )
    assert refusal("in_last_days(createdate, 9)", as_of=None) == (
        "the condition 'in_last_days(createdate, 9)' counts days, and from which date was not said; give as_of=, such "
        "as as_of='2026-06-30'."
    )
    assert refusal("count(call) > 0", as_of="soon") == "as_of is a date such as '2026-06-30', not 'soon'."
    assert refusal("count(call) > 0", activities=ACTIVITIES.drop(columns="kind")) == (
        "count(call) needs the column 'kind' of the activities; they have 'contact_id', 'at', 'detail', 'owner'."
    )
    assert refusal("count(call) > 0", contacts=CONTACTS.rename(columns={"hs_object_id": "id"})) == (
        "count(call) needs the column 'hs_object_id' to find the activities of each of the contacts; there are 'id', "
        "'industry', 'numemployees', 'optout', 'createdate', 'products', 'Lead Source'. Map the column with the "
        "record's id to 'hs_object_id'."
    )
