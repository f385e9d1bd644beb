"""Conditions as the vendor's filters, and back: nothing changes, and what cannot be said is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from workbench.conditions import (
    All,
    AllOf,
    Always,
    AnyOf,
    Associated,
    Before,
    Between,
    Changed,
    Compare,
    Condition,
    Count,
    Either,
    Ever,
    InDays,
    InPeriod,
    InSegment,
    Known,
    Not,
    OneOf,
    Property,
    Text,
    parse,
)
from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.segments import Segment
from workbench.segments.vendor import simplified

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
numbers = st.integers(-1000, 1000) | st.sampled_from([0.5, -7.25])
days = st.integers(1, 400)
some = st.lists(texts, min_size=1, max_size=3, unique=True).map(tuple)
text_names = st.sampled_from(["industry", "lifecyclestage", "Lead Source"]).map(Property)
dates = st.sampled_from(["createdate", "closedate"]).map(Property)
moments = st.sampled_from(["2026-06-30", "2026-06-30 10:00", "2024-02-29 23:59:59"])
size, opted_out, products = Property("numemployees"), Property("hs_email_optout"), Property("Products")
plain = st.one_of(
    st.builds(Compare, st.just(size), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers),
    st.builds(Compare, st.just(opted_out), st.sampled_from(["==", "!="]), st.booleans()),
    st.builds(Compare, text_names, st.sampled_from(["==", "!="]), texts),
    st.builds(Compare, dates, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), moments),
    st.builds(OneOf, text_names, some, st.booleans()),
    st.builds(OneOf, st.just(size), st.lists(numbers, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(Between, st.just(size), numbers, st.sampled_from(["<", "<="]), numbers, st.sampled_from(["<", "<="])),
    st.builds(Between, dates, moments, st.just("<="), moments, st.just("<")),
    st.builds(Known, text_names | dates, st.booleans()),
    st.builds(Text, st.sampled_from(["contains", "starts_with", "ends_with"]), text_names, texts),
    st.builds(
        InDays,
        st.sampled_from(["in_last_days", "in_next_days", "before_last_days", "after_next_days"]),
        dates,
        days,
    ),
)
leaves = st.one_of(
    plain,
    plain,
    st.builds(InPeriod, st.sampled_from(["in_last", "in_next"]), dates, st.sampled_from(["day", "month"]), days),
    st.builds(InPeriod, st.just("in_this"), dates, st.just("year"), st.just(1), st.sampled_from([None, "april"])),
    st.builds(Before, dates, dates),
    st.builds(AnyOf, st.just(products), some),
    st.builds(AllOf, st.just(products), some, st.booleans()),
    st.builds(Associated, st.sampled_from(["company", "deal", "ticket"]), st.none() | st.just(parse("amount > 5"))),
    st.builds(
        Ever,
        st.sampled_from(
            [
                'lifecyclestage == "customer"',
                "numemployees == 5",
                'contains(industry, "x")',
                'lifecyclestage in ["a", "b"]',
                'all_of(Products, ["a"])',
            ]
        ).map(parse),
    ),
    st.builds(Changed, text_names, days),
    st.builds(InSegment, st.sampled_from(["A", "B"])),
    st.sampled_from(['count(page_view, "x") >= 3', 'count(page_view, "x") == 0', "count(form_submission) >= 1"]).map(
        parse
    ),
    st.builds(Always, st.booleans()),
)
LISTS = {"A": "11", "B": "12"}


def grow(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    blanks = st.builds(
        lambda stage: Either((Compare(Property("industry"), "==", stage), Known(Property("industry"), False))), texts
    )
    return parts.map(All) | parts.map(Either) | inner.map(Not) | blanks


def is_date(name: str) -> bool:
    return name in ("createdate", "closedate")


def sayable(tree: Condition) -> bool:
    """A count has no opposite that a filter could say."""
    return not any(
        isinstance(node, Compare) and isinstance(node.term, Count) and node.operator in ("<", "!=")
        for node in tree.walk()
    )


@given(st.recursive(leaves, grow, max_leaves=6))
@settings(max_examples=300, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_tree_to_json_to_tree_is_the_identity(tree: Condition) -> None:
    simple = simplified(tree, is_date)
    if not sayable(simple):
        return
    written = Segment("Drawn", "true").with_tree(tree).to_hubspot(list_ids=LISTS)
    again = Segment.from_hubspot(written, names={number: name for name, number in LISTS.items()})
    assert str(again.tree) == str(simple)
    assert again.to_hubspot(list_ids=LISTS) == {**written, "name": again.name}


@pytest.mark.parametrize(
    "text",
    [
        'industry == "Software" and numemployees > 50',
        "not (numemployees > 50 and country == 'Germany')",
        'not (industry == "Retail" or numemployees <= 60)',
        'not industry == "Software" or is_unknown(industry)',
        '"2026-01-10" <= createdate < "2026-06-26" or createdate == "2026-06-29"',
        'not contains(industry, "ware") and not starts_with(country, "Fr")',
        'not in_last_days(notes_last_contacted, 3) or is_unknown(notes_last_contacted)',
        'none_of(Products, ["A"]) or exactly(Products, ["A"])',
        'associated(deal, dealstage == "closedwon") or not associated(company, numberofemployees > 50)',
        'ever(lifecyclestage == "lead") and not ever(lifecyclestage == "customer")',
        'count(page_view, "/pricing") >= 1 and count(form_submission) == 0',
    ],
)  # fmt: skip
def test_a_list_there_and_back_holds_the_same_contacts(account: Workspace, text: str) -> None:
    segment = Segment("There and back", text)
    again = Segment.from_hubspot(segment.to_hubspot())
    assert list(again.select(account)["hs_object_id"]) == list(segment.select(account)["hs_object_id"])


def test_a_list_looks_as_the_schema_says() -> None:
    found = Segment(
        "Large", "numemployees > 50 and (lifecyclestage != 'customer' or is_unknown(lifecyclestage))"
    ).to_hubspot()
    assert found == {
        "name": "Large",
        "objectTypeId": "0-1",
        "processingType": "DYNAMIC",
        "filterBranch": {
            "filterBranchType": "OR",
            "filterBranchOperator": "OR",
            "filters": [],
            "filterBranches": [
                {
                    "filterBranchType": "AND",
                    "filterBranchOperator": "AND",
                    "filterBranches": [],
                    "filters": [
                        {
                            "filterType": "PROPERTY",
                            "property": "numemployees",
                            "operation": {
                                "operationType": "NUMBER",
                                "operator": "IS_GREATER_THAN",
                                "value": 50,
                                "includeObjectsWithNoValueSet": False,
                            },
                        },
                        {
                            "filterType": "PROPERTY",
                            "property": "lifecyclestage",
                            "operation": {
                                "operationType": "ENUMERATION",
                                "operator": "IS_NONE_OF",
                                "values": ["customer"],
                                "includeObjectsWithNoValueSet": True,
                            },
                        },
                    ],
                }
            ],
        },
    }


def one(operation: dict[str, Any], name: str = "x") -> dict[str, Any]:
    found = {"filterType": "PROPERTY", "property": name, "operation": operation}
    return {"name": "One", "filterBranch": {"filterBranchType": "AND", "filterBranches": [], "filters": [found]}}


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ({"operationType": "NUMBER_RANGED", "operator": "IS_NOT_BETWEEN", "lowerBound": 1, "upperBound": 5},
         "not 1 <= x <= 5"),
        ({"operationType": "MULTISTRING", "operator": "CONTAINS", "values": ["a", "b"]},
         'contains(x, "a") or contains(x, "b")'),
        ({"operationType": "BOOL", "operator": "IS_NOT_EQUAL_TO", "value": True}, "x == false"),
        ({"operationType": "DATETIME", "operator": "IS_AFTER", "timestamp": 1767225599999,
          "requiresTimeZoneConversion": True}, 'x >= "2026-01-01"'),
        ({"operationType": "DATE", "operator": "IS_EQUAL_TO", "year": 2026, "month": "JUNE", "day": 30},
         'x >= "2026-06-30" and x < "2026-07-01"'),
        ({"operationType": "RANGED_DATE", "operator": "IS_BETWEEN", "lowerBound": 1767225600000,
          "upperBound": 1767311999999}, 'x >= "2026-01-01" and x < "2026-01-02"'),
        ({"operationType": "CALENDAR_DATE", "operator": "IN_LAST_TIME_UNIT", "timeUnit": "QUARTER",
          "useFiscalYear": True, "fiscalYearStart": "APRIL"}, 'in_last(x, "quarter", fiscal="april")'),
        ({"operationType": "COMPARATIVE_DATE", "operator": "IS_AFTER", "comparisonPropertyName": "y"},
         "is_before(y, x)"),
        ({"operationType": "ENUMERATION", "operator": "HAS_NEVER_BEEN_ANY_OF", "values": ["a"]},
         'not ever(any_of(x, ["a"]))'),
        ({"operationType": "STRING", "operator": "IS_EQUAL_TO", "value": "a", "includeObjectsWithNoValueSet": True},
         'x == "a" or is_unknown(x)'),
    ],
)  # fmt: skip
def test_every_operation_type_is_read(operation: dict[str, Any], text: str) -> None:
    assert Segment.from_hubspot(one(operation)).condition == text


@pytest.mark.parametrize(
    ("definition", "what"),
    [
        (one({"operationType": "CALENDAR_DATE", "operator": "IN_THIS_TIME_UNIT_SO_FAR", "timeUnit": "WEEK"}),
         "the operator 'IN_THIS_TIME_UNIT_SO_FAR' of an operation 'CALENDAR_DATE' on 'x'"),
        (one({"operationType": "COMPARATIVE_PROPERTY_UPDATED", "operator": "IS_AFTER", "comparisonPropertyName": "y"}),
         "the operator 'IS_AFTER' of an operation 'COMPARATIVE_PROPERTY_UPDATED' on 'x'"),
        (one({"operationType": "MULTISTRING", "operator": "CONTAINS_EXACTLY", "values": ["a"]}),
         "the operator 'CONTAINS_EXACTLY' of an operation 'MULTISTRING' on 'x'"),
        (one({"operationType": "TIME_POINT", "operator": "IS_AFTER", "timePoint": {"timeType": "INDEXED"}}),
         "a point in time of the type 'INDEXED'"),
        ({"filterBranch": {"filterBranchType": "RESTRICTED", "filters": []}},
         "a filter branch of the type 'RESTRICTED'"),
        ({"filterBranch": {"filterBranchType": "AND", "filters": [{"filterType": "CTA", "operator": "HAS_CLICKED"}]}},
         "a filter of the type 'CTA' with 'HAS_CLICKED'"),
        ({"objectTypeId": "0-3", "filterBranch": {}}, "a list of objects of type '0-3'"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_here_is_named(definition: dict[str, Any], what: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        Segment.from_hubspot(definition)
    assert str(told.value) == f"{what} cannot be said here; take it out of the list's filters, or keep the list as ids."


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("anniversary_in_next_days(closedate, 7)", "an anniversary"),
        ("count(email_open, within_days=90) >= 3", "count(email_open, within_days=90) >= 3"),
        ("in_last_days(last(page_view), 3)", "in_last_days(last(page_view), 3)"),
    ],
)
def test_what_cannot_be_said_there_is_named(text: str, what: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        Segment("x", text).to_hubspot()
    assert str(told.value) == f"the vendor's filters cannot say {what}; export the record ids instead."


def test_lists_are_known_by_their_ids() -> None:
    with pytest.raises(WorkbenchError, match=r"^the segment 'A' has no list id there; give list_ids=\{'A': '123'\}"):
        Segment("x", 'in_segment("A")').to_hubspot()
    definition = Segment("x", 'in_segment("A")').to_hubspot(list_ids=LISTS)
    with pytest.raises(WorkbenchError, match=r"^the list asks for the list '11', whose name is not known; give names="):
        Segment.from_hubspot(definition)
