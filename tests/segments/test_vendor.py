"""Conditions as the vendor's filters, and back: nothing changes, and what cannot be said is named."""

from __future__ import annotations

from typing import Any

import pandas as pd
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
    st.sampled_from(
        [
            'count(page_view, "x") >= 3',
            'count(page_view, where=detail == "x", within_days=7) == 0',
            "count(form_submission) < 2.5",
            "count(form_submission, within_days=7) != 2",
            "count(email_open, within_days=90) >= 3",
            "count(meeting, where=before_last_days(at, 30)) == 2",
            "1 < count(page_view, within_days=90, where=before_last_days(at, 30)) <= 5",
            "count(call) in [1, 4]",
        ]
    ).map(parse),
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


@given(st.recursive(leaves, grow, max_leaves=6))
@settings(max_examples=300, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_tree_to_json_to_tree_is_the_identity(tree: Condition) -> None:
    simple = simplified(tree, is_date)
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
        "count(email_open, within_days=90) >= 3 or not count(page_view) > 1",
        "count(email_open, where=before_last_days(at, 20)) == 2 or count(form_submission, within_days=10) != 0",
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


TODAY = {"timeType": "INDEXED", "indexReference": {"referenceType": "TODAY"}, "zoneId": "UTC"}
NOW = {"timeType": "INDEXED", "indexReference": {"referenceType": "NOW"}, "zoneId": "UTC"}
OTHER = {"timeType": "PROPERTY_REFERENCED", "property": "y", "referenceType": "VALUE", "zoneId": "UTC"}
DAY = {"timeType": "DATE", "year": 2026, "month": 6, "day": 30, "zoneId": "UTC"}


def point(operator: str, at: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"operationType": "TIME_POINT", "type": "TIME_POINT", "operator": operator, "timePoint": at, **more}


def ranged(operator: str, low: dict[str, Any], high: dict[str, Any], **more: Any) -> dict[str, Any]:
    ends = {"lowerBoundTimePoint": low, "upperBoundTimePoint": high}
    return {"operationType": "TIME_RANGED", "type": "TIME_RANGED", "operator": operator, **ends, **more}


def period(reference: str, **offset: int) -> dict[str, Any]:
    day = {"dayOfWeek": "MONDAY"} if reference == "WEEK" else {"day": 1}
    return {"timeType": "INDEXED", "indexReference": {"referenceType": reference, **day}, "offset": offset}


READ: list[tuple[dict[str, Any], str]] = [
    ({"operationType": "ALL_PROPERTY", "operator": "IS_UNKNOWN"}, "is_unknown(x)"),
    ({"operationType": "BOOL", "operator": "IS_NOT_EQUAL_TO", "value": True}, "x == false"),
    ({"operationType": "BOOL", "operator": "HAS_EVER_BEEN_EQUAL_TO", "value": True}, "ever(x == true)"),
    ({"operationType": "NUMBER", "operator": "IS_LESS_THAN_OR_EQUAL_TO", "value": 5}, "x <= 5"),
    ({"operationType": "NUMBER", "operator": "HAS_NEVER_BEEN_EQUAL_TO", "value": 5}, "not ever(x == 5)"),
    ({"operationType": "NUMBER_RANGED", "operator": "IS_NOT_BETWEEN", "lowerBound": 1, "upperBound": 5},
     "not 1 <= x <= 5"),
    ({"operationType": "STRING", "operator": "IS_EQUAL_TO", "value": "a", "includeObjectsWithNoValueSet": True},
     'x == "a" or is_unknown(x)'),
    ({"operationType": "STRING", "operator": "HAS_EVER_CONTAINED", "value": "a"}, 'ever(contains(x, "a"))'),
    ({"operationType": "MULTISTRING", "operator": "CONTAINS", "values": ["a", "b"]},
     'contains(x, "a") or contains(x, "b")'),
    ({"operationType": "MULTISTRING", "operator": "DOES_NOT_CONTAIN", "values": ["a", "b"]},
     'not contains(x, "a") and not contains(x, "b")'),
    ({"operationType": "ENUMERATION", "operator": "DOES_NOT_CONTAIN_ALL", "values": ["a"]}, 'not all_of(x, ["a"])'),
    ({"operationType": "ENUMERATION", "operator": "HAS_NEVER_BEEN_ANY_OF", "values": ["a"]},
     'not ever(any_of(x, ["a"]))'),
    ({"operationType": "DATE", "operator": "IS_EQUAL_TO", "year": 2026, "month": "JUNE", "day": 30},
     'x >= "2026-06-30" and x < "2026-07-01"'),
    ({"operationType": "DATETIME", "operator": "IS_AFTER", "timestamp": 1767225599999,
      "requiresTimeZoneConversion": True}, 'x >= "2026-01-01"'),
    ({"operationType": "RANGED_DATE", "operator": "IS_BETWEEN", "lowerBound": 1767225600000,
      "upperBound": 1767311999999}, 'x >= "2026-01-01" and x < "2026-01-02"'),
    ({"operationType": "ROLLING_DATE_RANGE", "operator": "IS_MORE_THAN_X_DAYS_AGO", "numberOfDays": 7},
     "before_last_days(x, 7)"),
    ({"operationType": "ROLLING_PROPERTY_UPDATED", "operator": "NOT_UPDATED_IN_LAST_X_DAYS", "numberOfDays": 7},
     "not changed_in_last_days(x, 7)"),
    ({"operationType": "CALENDAR_DATE", "operator": "IN_LAST_TIME_UNIT", "timeUnit": "QUARTER",
      "useFiscalYear": True, "fiscalYearStart": "APRIL"}, 'in_last(x, "quarter", fiscal="april")'),
    ({"operationType": "CALENDAR_DATE", "operator": "IN_THIS_TIME_UNIT_SO_FAR", "timeUnit": "WEEK"},
     'in_this(x, "week") and in_last_days(x, 7)'),
    ({"operationType": "COMPARATIVE_DATE", "operator": "IS_AFTER", "comparisonPropertyName": "y"}, "is_before(y, x)"),
    (point("IS_BEFORE", DAY), 'x < "2026-06-30"'),
    (point("IS_AFTER", TODAY), "not before_last_days(x, 1)"),
    (point("IS_AFTER", {**TODAY, "offset": {"weeks": -1}}), "not before_last_days(x, 8)"),
    (point("IS_BEFORE", {**TODAY, "offset": {"days": 3}}), "not after_next_days(x, 2)"),
    (point("IS_BEFORE", NOW), "before_last_days(x, 1) or in_last_days(x, 1)"),
    (point("IS_AFTER", OTHER), "is_before(y, x)"),
    (point("IS_AFTER", OTHER, endpointBehavior="INCLUSIVE"), "not is_before(x, y)"),
    (point("IS_AFTER", {**TODAY, "offset": {"days": -6}}, propertyParser="UPDATED_AT"),
     "changed_in_last_days(x, 7)"),
    (ranged("IS_BETWEEN", {**TODAY, "offset": {"days": -6}}, NOW),
     "not before_last_days(x, 7) and (before_last_days(x, 1) or in_last_days(x, 1))"),
    (ranged("IS_NOT_BETWEEN", DAY, {**DAY, "hour": 12}, upperBoundEndpointBehavior="EXCLUSIVE"),
     'x < "2026-06-30" or x >= "2026-06-30 12:00:00"'),
    (ranged("IS_BETWEEN", {**NOW, "offset": {"days": -7}}, NOW, propertyParser="UPDATED_AT"),
     "changed_in_last_days(x, 7)"),
    (point("IS_AFTER", period("MONTH")), 'not before_last_days(x, 1) or in_this(x, "month")'),
    (point("IS_AFTER", period("QUARTER", quarters=-2)),
     'not before_last_days(x, 1) or in_this(x, "quarter") or in_last(x, "quarter", 2)'),
    (point("IS_BEFORE", period("WEEK", weeks=2)),
     'before_last_days(x, 1) or in_this(x, "week") or in_next(x, "week")'),
]  # fmt: skip
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"operationType": "COMPARATIVE_PROPERTY_UPDATED", "operator": "IS_AFTER", "comparisonPropertyName": "y"},
     "the operator 'IS_AFTER' of an operation 'COMPARATIVE_PROPERTY_UPDATED' on 'x'"),
    ({"operationType": "MULTISTRING", "operator": "CONTAINS_EXACTLY", "values": ["a"]},
     "the operator 'CONTAINS_EXACTLY' of an operation 'MULTISTRING' on 'x'"),
    ({"operationType": "BRAND_NEW", "operator": "IS"}, "the operator 'IS' of an operation 'BRAND_NEW' on 'x'"),
    (point("IS_AFTER", period("FISCAL_YEAR")), "a point in time relative to 'FISCAL_YEAR'"),
    (point("IS_AFTER", {**OTHER, "referenceType": "ANNIVERSARY"}),
     "a point in time of the type 'PROPERTY_REFERENCED ANNIVERSARY'"),
    (point("IS_AFTER", {**TODAY, "offset": {"hours": -2}}), "an offset in hours of 'TODAY'"),
    (point("IS_AFTER", {**TODAY, "indexReference": {"referenceType": "TODAY", "hour": 9}}),
     "the time of day of a point relative to 'TODAY'"),
    (point("IS_AFTER", {**period("WEEK"), "indexReference": {"referenceType": "WEEK", "dayOfWeek": "SUNDAY"}}),
     "a point in time that is not the start of a week"),
    (point("IS_BEFORE", TODAY, propertyParser="UPDATED_AT"),
     "changes of 'x' other than in the last days until now"),
]  # fmt: skip
OPERATION_TYPES = {
    "ALL_PROPERTY", "BOOL", "CALENDAR_DATE", "COMPARATIVE_DATE", "COMPARATIVE_PROPERTY_UPDATED", "DATE", "DATETIME",
    "ENUMERATION", "MULTISTRING", "NUMBER", "NUMBER_RANGED", "RANGED_DATE", "ROLLING_DATE_RANGE",
    "ROLLING_PROPERTY_UPDATED", "STRING", "TIME_POINT", "TIME_RANGED",
}  # fmt: skip
"""All of the schema of lists."""


@pytest.mark.parametrize(("operation", "text"), READ)
def test_every_operation_type_is_read(operation: dict[str, Any], text: str) -> None:
    assert Segment.from_hubspot(one(operation)).condition == text


def test_no_operation_type_is_forgotten() -> None:
    tried = {operation["operationType"] for operation, _ in READ + REFUSED}
    assert tried == OPERATION_TYPES | {"BRAND_NEW"}


def some_filter(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "One",
        "filterBranch": {"filterBranchType": "AND", "filterBranches": [], "filters": [{"filterType": kind, **more}]},
    }


AGO = {"timeUnit": "DAYS", "offsetDirection": "PAST"}
ONE_MAIL = {"appId": "1", "emailId": "77", "level": "EMAIL_CAMPAIGN"}
FILTERS_READ: list[tuple[dict[str, Any], str]] = [
    (some_filter("CONSTANT", shouldAccept=False), "false"),
    (some_filter("IN_LIST", operator="NOT_IN_LIST", listId="11"), 'not in_segment("A")'),
    (some_filter("PROPERTY", property="x", operation={"operationType": "NUMBER", "operator": "IS_EQUAL_TO",
                                                      "value": 1}), "x == 1"),
    (some_filter("PAGE_VIEW", operator="NOT_HAS_PAGEVIEW_EQ", pageUrl="/a"),
     'count(page_view, where=detail == "/a") == 0'),
    (some_filter("PAGE_VIEW", operator="HAS_PAGEVIEW_CONTAINS", pageUrl="/a",
                 coalescingRefineBy={"type": "NUM_OCCURRENCES", "minOccurrences": 2, "maxOccurrences": 3},
                 pruningRefineBy={"type": "RELATIVE_COMPARATIVE", "comparison": "AFTER",
                                  "timeOffset": {**AGO, "amount": 7}}),
     'count(page_view, "/a", within_days=7) >= 2 and not count(page_view, "/a", within_days=7) >= 4'),
    (some_filter("FORM_SUBMISSION", operator="FILLED_OUT", formId="f1"),
     'count(form_submission, where=detail == "Demo request") >= 1'),
    (some_filter("FORM_SUBMISSION", operator="NOT_FILLED_OUT",
                 pruningRefineBy={"type": "ABSOLUTE_COMPARATIVE", "comparison": "AFTER", "timestamp": 1767225599999}),
     'count(form_submission, where=at >= "2026-01-01") == 0'),
    (some_filter("EMAIL_EVENT", operator="OPENED", **ONE_MAIL), 'count(email_open, where=detail == "77") >= 1'),
    (some_filter("EMAIL_EVENT", operator="RECEIVED_BUT_NOT_OPENED", **ONE_MAIL),
     'count(email_delivered, where=detail == "77") >= 1 and count(email_open, where=detail == "77") == 0'),
    (some_filter("EVENT", operator="NOT_HAS_EVENT", eventId="e9"), "count(trial_started) == 0"),
    (some_filter("UNIFIED_EVENTS", eventTypeId="4-666440", filterLines=[],
                 pruningRefineBy={"type": "RELATIVE_RANGED", "rangeType": "BETWEEN",
                                  "lowerBoundOffset": {**AGO, "amount": 30}, "upperBoundOffset": {**AGO, "amount": 7}}),
     "count(email_open, where=before_last_days(at, 7), within_days=30) >= 1"),
    (some_filter("UNIFIED_EVENTS", eventTypeId="4-1639801", filterLines=[
        {"property": "hs_form_id", "operation": {"operationType": "STRING", "operator": "IS_EQUAL_TO", "value": "z"}}]),
     'count(form_submission, where=detail == "z") >= 1'),
    (some_filter("NUM_ASSOCIATIONS", associationTypeId=4, associationCategory="HUBSPOT_DEFINED",
                 coalescingRefineBy={"type": "NUM_OCCURRENCES", "minOccurrences": 1}), "associated(deal)"),
    (some_filter("NUM_ASSOCIATIONS", associationTypeId=279, associationCategory="HUBSPOT_DEFINED",
                 coalescingRefineBy={"type": "NUM_OCCURRENCES", "maxOccurrences": 0}), "not associated(company)"),
    ({"filterBranch": {"filterBranchType": "UNIFIED_EVENTS", "eventTypeId": "4-96000", "operator": "HAS_NOT_COMPLETED",
                       "filters": [{"filterType": "PROPERTY", "property": "hs_url", "operation": {
                           "operationType": "STRING", "operator": "CONTAINS", "value": "/a"}}],
                       "pruningRefineBy": {"type": "ABSOLUTE_RANGED", "rangeType": "NOT_BETWEEN",
                                           "lowerTimestamp": 1767225600000, "upperTimestamp": 1767311999999}}},
     'count(page_view, where=contains(detail, "/a") and (at < "2026-01-01" or at >= "2026-01-02")) == 0'),
]  # fmt: skip
REFUSED_TYPES = {
    "ADS_SEARCH", "ADS_TIME", "ASSOCIATION", "CAMPAIGN_INFLUENCED", "COMMUNICATION_SUBSCRIPTION", "CTA",
    "EMAIL_SUBSCRIPTION", "FORM_SUBMISSION_ON_PAGE", "INTEGRATION_EVENT", "PRIVACY", "PROPERTY_ASSOCIATION",
    "SURVEY_MONKEY", "SURVEY_MONKEY_VALUE", "WEBINAR",
}  # fmt: skip
FILTER_TYPES = {
    "CONSTANT", "IN_LIST", "PROPERTY", "PAGE_VIEW", "FORM_SUBMISSION", "EMAIL_EVENT", "EVENT", "UNIFIED_EVENTS",
    "NUM_ASSOCIATIONS",
} | REFUSED_TYPES  # fmt: skip
"""All of the schema of lists."""


@pytest.mark.parametrize(("definition", "text"), FILTERS_READ)
def test_filters_of_other_types_are_read(definition: dict[str, Any], text: str) -> None:
    names = {"11": "A", "f1": "Demo request", "e9": "trial_started"}
    assert Segment.from_hubspot(definition, names=names).condition == text


@pytest.mark.parametrize("kind", sorted(REFUSED_TYPES))
def test_filters_that_need_what_no_export_tells_are_refused_by_name(kind: str) -> None:
    with pytest.raises(WorkbenchError, match=f"^a filter of the type '{kind}' cannot be said here; take it out of"):
        Segment.from_hubspot(some_filter(kind))


def test_no_filter_type_is_forgotten() -> None:
    found = [one["filterBranch"] for one, _ in FILTERS_READ if one["filterBranch"]["filterBranchType"] == "AND"]
    assert {one["filters"][0]["filterType"] for one in found} | REFUSED_TYPES == FILTER_TYPES


@pytest.mark.parametrize(
    ("definition", "what"),
    [
        *((one(operation), what) for operation, what in REFUSED),
        ({"filterBranch": {"filterBranchType": "RESTRICTED", "filters": []}},
         "a filter branch of the type 'RESTRICTED'"),
        ({"filterBranch": {"filterBranchType": "PROPERTY_ASSOCIATION", "filters": []}},
         "a filter branch of the type 'PROPERTY_ASSOCIATION'"),
        (some_filter("CTA", operator="HAS_CLICKED"), "a filter of the type 'CTA' with 'HAS_CLICKED'"),
        (some_filter("EMAIL_EVENT", operator="REPLIED", **ONE_MAIL),
         "a filter of the type 'EMAIL_EVENT' with 'REPLIED'"),
        (some_filter("UNIFIED_EVENTS", eventTypeId="4-96000", filterLines=[{"property": "hs_city", "operation": {}}]),
         "an event's 'hs_city'"),
        (some_filter("PAGE_VIEW", operator="HAS_PAGEVIEW_CONTAINS", pageUrl="a",
                     coalescingRefineBy={"type": "SET_OCCURRENCES", "setType": "ALL"}),
         "a refinement of the type 'SET_OCCURRENCES'"),
        (some_filter("NUM_ASSOCIATIONS", associationTypeId=4, coalescingRefineBy={
            "type": "NUM_OCCURRENCES", "minOccurrences": 3}),
         "a number of associated records other than none, or at least one,"),
        ({"objectTypeId": "0-3", "filterBranch": {}}, "a list of objects of type '0-3'"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_here_is_named(definition: dict[str, Any], what: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        Segment.from_hubspot(definition)
    assert str(told.value) == f"{what} cannot be said here; take it out of the list's filters, or keep the list as ids."


def test_an_event_of_the_accounts_own_needs_its_kind() -> None:
    with pytest.raises(WorkbenchError) as told:
        Segment.from_hubspot(some_filter("EVENT", operator="HAS_EVENT", eventId="e9"))
    assert str(told.value) == (
        "the list asks for events of the type 'e9', and which kind of activity that is is not known; give "
        "names={'e9': 'its kind'}."
    )


@pytest.mark.parametrize(
    ("at", "after", "inside"),
    [
        (TODAY, True, ["2026-06-30 00:00", "2026-07-09 00:00"]),
        ({**TODAY, "offset": {"days": -1}}, True, ["2026-06-29 00:00", "2026-06-30 00:00", "2026-07-09 00:00"]),
        ({**TODAY, "offset": {"days": 2}}, True, ["2026-07-09 00:00"]),
        (NOW, True, ["2026-07-09 00:00"]),
        (NOW, False, ["2026-04-01 00:00", "2026-06-01 00:00", "2026-06-29 00:00", "2026-06-30 00:00"]),
        (period("MONTH"), False, ["2026-04-01 00:00"]),
        (period("MONTH", months=1), True, ["2026-07-09 00:00"]),
        (period("QUARTER", quarters=-1), False, []),
        (period("QUARTER"), True,
         ["2026-04-01 00:00", "2026-06-01 00:00", "2026-06-29 00:00", "2026-06-30 00:00", "2026-07-09 00:00"]),
        (period("WEEK", weeks=2), True, []),
        (period("WEEK", weeks=1), True, ["2026-07-09 00:00"]),
    ],
)  # fmt: skip
def test_a_point_relative_to_today_is_where_the_calendar_has_it(
    at: dict[str, Any], after: bool, inside: list[str]
) -> None:
    days = ["2026-04-01", "2026-06-01", "2026-06-29", "2026-06-30", "2026-07-09"]
    table = pd.DataFrame({"x": pd.to_datetime([*days, None]).astype("datetime64[us]")})
    segment = Segment.from_hubspot(one(point("IS_AFTER" if after else "IS_BEFORE", at)))
    found = segment.select(table, as_of="2026-06-30")["x"].dt.strftime("%Y-%m-%d %H:%M")
    assert list(found) == inside


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("anniversary_in_next_days(closedate, 7)", "an anniversary"),
        ("count(note) >= 3", "count(note) >= 3"),
        ('count(call, "Germany") >= 3', 'count(call, "Germany") >= 3'),
        ("count(call, where=is_known(owner)) == 0", "count(call, where=is_known(owner)) == 0"),
        ("in_last_days(last(page_view), 3)", "in_last_days(last(page_view), 3)"),
    ],
)
def test_what_cannot_be_said_there_is_named(text: str, what: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        Segment("x", text).to_hubspot()
    assert str(told.value) == f"the vendor's filters cannot say {what}; export the record ids instead."


def test_lists_are_known_by_their_ids() -> None:
    with pytest.raises(
        WorkbenchError, match=r"^the segment 'A' has no id there; give its own in list_ids=\{'A': '123'\}"
    ):
        Segment("x", 'in_segment("A")').to_hubspot()
    form = Segment("x", 'count(form_submission, where=detail == "Demo") >= 1')
    with pytest.raises(
        WorkbenchError, match=r"^the form 'Demo' has no id there; give its own in list_ids=\{'Demo': '123'\}"
    ):
        form.to_hubspot()
    written = form.to_hubspot(list_ids={"Demo": "f1"})
    assert Segment.from_hubspot(written, names={"f1": "Demo"}) == form
    definition = Segment("x", 'in_segment("A")').to_hubspot(list_ids=LISTS)
    with pytest.raises(WorkbenchError, match=r"^the list asks for the list '11', whose name is not known; give names="):
        Segment.from_hubspot(definition)
