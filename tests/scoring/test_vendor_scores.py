"""Scores in the vendor's JSON: read, written back, and worth the same as a slow reading of the JSON, row by row."""

from __future__ import annotations

import datetime as dt
import json
import math
from fractions import Fraction
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scoring.refusals import refusal
from workbench.errors import WorkbenchError
from workbench.scoring import ScoreModel, explain, score, tally_codes
from workbench.segments import Segment

END = dt.datetime(2026, 7, 1)
EPOCH = dt.datetime(1970, 1, 1)
SEGMENTS = (Segment("1", 'industry == "Software"'), Segment("2", "numemployees > 50"), Segment("3", "true"))
DEALS = {"closedwon": "won", "closedlost": "lost"}
PAGE_VIEW, EMAIL_OPEN, OTHER = "4-96000", "4-666440", "6-77"
KINDS = {PAGE_VIEW: "page_view", EMAIL_OPEN: "email_open", OTHER: "webinar"}
drawing = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

# -- drawn configurations ----------------------------------------------------------------------------------------------

points = st.integers(-20, 20) | st.sampled_from([2.5, -0.1, 0.25])
WORDS = ["Software", "Retail", "soft", "a"]
words = st.sampled_from(WORDS)


def operation(kind: str, operator: str, blanks: bool, **more: Any) -> dict[str, Any]:
    return {"operationType": kind, "operator": operator, "includeObjectsWithNoValueSet": blanks, **more}


@st.composite
def text_operations(draw: st.DrawFn) -> dict[str, Any]:
    blanks = draw(st.booleans())
    several = st.lists(words, min_size=1, max_size=2, unique=True)
    return draw(
        st.one_of(
            st.builds(
                lambda operator, value: operation("STRING", operator, blanks, value=value),
                st.sampled_from(["IS_EQUAL_TO", "IS_NOT_EQUAL_TO", "CONTAINS", "DOES_NOT_CONTAIN", "STARTS_WITH"]),
                words,
            ),
            st.builds(
                lambda operator, values: operation("MULTISTRING", operator, blanks, values=values),
                st.sampled_from(["IS_EQUAL_TO", "CONTAINS", "DOES_NOT_CONTAIN"]),
                several,
            ),
            st.builds(
                lambda operator, values: operation("ENUMERATION", operator, blanks, values=values),
                st.sampled_from(["IS_ANY_OF", "IS_NONE_OF"]),
                several,
            ),
            st.builds(
                lambda operator: operation("ALL_PROPERTY", operator, False), st.sampled_from(["IS_KNOWN", "IS_UNKNOWN"])
            ),
        )
    )


@st.composite
def number_operations(draw: st.DrawFn) -> dict[str, Any]:
    blanks, low = draw(st.booleans()), draw(st.integers(0, 60))
    return draw(
        st.sampled_from(
            [
                operation("NUMBER", draw(st.sampled_from(sorted(SIGNS))), blanks, value=low),
                operation("NUMBER_RANGED", "IS_BETWEEN", blanks, lowerBound=low, upperBound=low + 20),
                operation("NUMBER_RANGED", "IS_NOT_BETWEEN", blanks, lowerBound=low, upperBound=low + 20),
            ]
        )
    )


@st.composite
def date_operations(draw: st.DrawFn, *, blanks: bool | None = None) -> dict[str, Any]:
    blanks = draw(st.booleans()) if blanks is None else blanks
    days, when = draw(st.sampled_from([1, 30, 90])), END - dt.timedelta(days=draw(st.sampled_from([0, 10, 45])))
    stamp = int((when - EPOCH).total_seconds() * 1000)
    rolling = {"numberOfDays": days, "requiresTimeZoneConversion": False}
    ranged = {"lowerBound": stamp - 864_000_000, "upperBound": stamp, "requiresTimeZoneConversion": False}
    return draw(
        st.sampled_from(
            [
                operation("ROLLING_DATE_RANGE", "IS_LESS_THAN_X_DAYS_AGO", blanks, **rolling),
                operation("ROLLING_DATE_RANGE", "IS_MORE_THAN_X_DAYS_AGO", blanks, **rolling),
                operation("DATETIME", "IS_AFTER", blanks, timestamp=stamp, requiresTimeZoneConversion=False),
                operation("DATETIME", "IS_BEFORE", blanks, timestamp=stamp, requiresTimeZoneConversion=False),
                operation("RANGED_DATE", "IS_BETWEEN", blanks, **ranged),
                operation("RANGED_DATE", "IS_NOT_BETWEEN", blanks, **ranged),
            ]
        )
    )


def bool_operations() -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda blanks, value: operation("BOOL", "IS_EQUAL_TO", blanks, value=value), st.booleans(), st.booleans()
    )


PROPERTIES = {
    "contact": {
        "industry": text_operations(),
        "country": text_operations(),
        "numemployees": number_operations(),
        "createdate": date_operations(),
        "hs_email_optout": bool_operations(),
    },
    "deal": {"dealname": text_operations(), "amount": number_operations()},
    "event": {"hs_url": text_operations()},
}


@st.composite
def composites(draw: st.DrawFn, of: str) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(PROPERTIES[of])), max_size=2, unique=True))
    single = [{"type": "SINGLE", "property": name, "operation": draw(PROPERTIES[of][name])} for name in names]
    parts: list[Any] = single
    if draw(st.booleans()):
        parts = [{"type": "COMPOSITE", "operator": "AND", "conditions": single}]
    return {"type": "COMPOSITE", "operator": "AND", "conditions": parts}


@st.composite
def matches(draw: st.DrawFn, of: str) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(PROPERTIES[of])))
    rules = st.fixed_dictionaries({"operation": PROPERTIES[of][name], "value": points})
    found = {"type": "MATCH", "property": name, "matchRules": draw(st.lists(rules, max_size=3))}
    return {**found, **draw(st.just({}) | st.fixed_dictionaries({"defaultValue": points}))}


def records(of: str) -> st.SearchStrategy[dict[str, Any]]:
    """Calculations on one record."""
    simple = st.one_of(
        st.fixed_dictionaries({"type": st.just("CONSTANT"), "value": points}),
        st.fixed_dictionaries({"type": st.just("CONDITIONAL"), "value": points, "whereCondition": composites(of)}),
        matches(of),
        *([memberships()] if of == "contact" else []),
    )
    return simple | st.fixed_dictionaries({"type": st.just("MULTI"), "calculators": st.lists(simple, max_size=3)})


def memberships() -> st.SearchStrategy[dict[str, Any]]:
    kinds = [f"HAS_{kind}_SEGMENT_MEMBERSHIP" for kind in ("ALL", "AT_LEAST_ONE", "NO")]
    ids = st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=2, unique=True)
    rule = st.fixed_dictionaries({"operation": st.sampled_from(kinds), "segmentIds": ids, "value": points})
    return st.fixed_dictionaries(
        {"type": st.just("SEGMENT_MEMBERSHIP"), "segmentMembershipRules": st.lists(rule, max_size=2)}
    )


@st.composite
def event_entries(draw: st.DrawFn, often: bool) -> dict[str, Any]:
    number = draw(st.sampled_from([PAGE_VIEW, EMAIL_OPEN, OTHER]))
    frequent = often and draw(st.booleans())
    constant = st.fixed_dictionaries({"type": st.just("CONSTANT"), "value": points})
    asked = {"type": st.just("CONDITIONAL"), "value": points, "whereCondition": composites("event")}
    of_pages = st.fixed_dictionaries(asked) if frequent else records("event")
    found = {"eventTypeId": number, "recordCalculation": draw(of_pages if number == PAGE_VIEW else constant)}
    if draw(st.booleans()):
        found["eventTimeframe"] = {"eventFilterOperation": draw(date_operations(blanks=False))}
    if frequent:
        least = st.integers(1, 3)
        ranges = st.one_of(
            st.fixed_dictionaries({"type": st.sampled_from(["AT_LEAST", "EXACTLY"]), "from": least, "value": points}),
            st.builds(
                lambda low, more, value: {"type": "BETWEEN", "from": low, "to": low + more, "value": value},
                least,
                st.integers(0, 2),
                points,
            ),
        )
        some = st.lists(ranges, max_size=3, unique_by=lambda one: one["from"])
        found["eventFrequencyCriteria"] = {"type": "BETWEEN", "ranges": draw(some)}
    return found


def associations() -> st.SearchStrategy[dict[str, Any]]:
    def spec(number: int) -> dict[str, Any]:
        return {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}

    filters = st.builds(
        lambda one: {"propertyFilters": [{"filterType": "PROPERTY", "property": "amount", "operation": one}]},
        number_operations(),
    )
    return st.fixed_dictionaries(
        {
            "type": st.just("ASSOCIATIONS"),
            "associatedObjectTypeId": st.just("0-3"),
            "associationSpec": st.just(spec(4)),
            "inverseAssociationSpec": st.just(spec(3)),
            "rollupType": st.sampled_from(["AVG", "MAX", "MIN", "SUM"]),
            "recordCalculation": records("deal"),
        },
        optional={"associationFilters": filters},
    )


limits = st.tuples(st.none() | st.integers(-20, 0), st.none() | st.integers(0, 20))


@st.composite
def groups(draw: st.DrawFn, category: str, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {"id": f"g{number}", "groupCategory": category, "groupName": f"Group {number}"}
    decays = category == "INTENT" and draw(st.booleans())
    if decays:
        percent, days = draw(st.sampled_from([30, 50, 100])), draw(st.sampled_from([1, 30]))
        found["groupDecay"] = {"percentToDecayPerInterval": percent, "decayIntervalDays": days}
    low, high = draw(limits)
    found |= {} if low is None else {"minValue": low}
    found |= {} if high is None else {"maxValue": high}
    fit = records("contact") | associations()
    intent = st.fixed_dictionaries(
        {"type": st.just("MULTI_UE"), "eventCalculators": st.lists(event_entries(not decays), min_size=1, max_size=2)}
    )
    rules = []
    for place in range(draw(st.integers(1, 3))):
        rule: dict[str, Any] = {"id": f"{number}-{place}", "enabled": draw(st.sampled_from([True, True, False]))}
        rule["configuration"] = {"calculation": draw(fit if category == "FIT" else intent)}
        low, high = draw(limits)
        rule |= {} if low is None else {"minimumValue": low}
        rule |= {} if high is None else {"maximumValue": high}
        rules.append(rule)
    return {**found, "ruleConfigurations": rules}


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    kinds = ["FIT", "INTENT", *draw(st.lists(st.sampled_from(["FIT", "INTENT"]), max_size=1))]
    found: dict[str, Any] = {
        "id": "5",
        "name": draw(st.sampled_from(["Lead score", "Größe: 1 # a"])),
        "objectTypeId": "0-1",
        "scoreStatus": "PUBLISHED",
        "scoreType": "COMBINED",
        "allowedGroupTypes": ["FIT", "INTENT"],
        "groupConfigs": [draw(groups(kind, number)) for number, kind in enumerate(kinds)],
    }
    optional = {
        "maxScore": st.integers(0, 30),
        "maxScorePerCategory": st.integers(0, 30),
        "filterConfiguration": st.fixed_dictionaries(
            {"listFilterType": st.sampled_from(["EXCLUDES", "INCLUDES"]), "segmentIds": st.just([1, 2])}
        ),
    }
    both, output = ["FIT", "INTENT"], {"propertyLabel": "Label", "propertyName": "name"}
    tiers = {
        "FIT": [{"label": "A", "threshold": 10}, {"label": "B", "threshold": 0}],
        "INTENT": [{"label": "1", "threshold": 5}],
    }
    lines = [{"label": "Hot", "threshold": 9.5, "color": "RED"}, {"label": "Warm", "threshold": 0}]
    outputs = [
        {"id": "o1", "outputType": "SCORE", "categories": both, **output},
        {"id": "o2", "outputType": "THRESHOLD", "categories": both, "boundaries": lines, **output},
        {"id": "o3", "outputType": "THRESHOLD", "categories": ["FIT"], "boundaries": lines, **output},
        {"id": "o4", "outputType": "MATRIX", "categories": both, "boundaries": tiers, **output},
    ]
    if draw(st.booleans()):
        found["outputConfiguration"] = {
            "outputs": draw(st.lists(st.sampled_from(outputs), unique_by=lambda one: one["id"]))
        }
    return {**found, **draw(st.fixed_dictionaries({}, optional=optional))}


# -- there and back --------------------------------------------------------------------------------------------------


@given(found=configurations())
@settings(drawing, max_examples=40)
def test_read_written_and_read_again_is_the_same_model(found: dict[str, Any]) -> None:
    model = ScoreModel.from_hubspot(found)
    written = model.to_hubspot()
    assert ScoreModel.from_hubspot(json.dumps(written)) == model
    assert ScoreModel.from_dict(model.to_dict()) == model
    assert set(written) == set(found)


@given(found=configurations())
@settings(drawing, max_examples=8)
def test_a_model_of_the_vendors_survives_its_file(found: dict[str, Any]) -> None:
    from workbench.scoring.files import from_text

    model = ScoreModel.from_hubspot(found)
    again = from_text(model.to_yaml(), "score.yaml")
    assert again == model
    assert again.to_hubspot() == model.to_hubspot()


# -- a slow reading, row by row --------------------------------------------------------------------------------------

SIGNS = {
    "IS_EQUAL_TO": lambda a, b: a == b,
    "IS_NOT_EQUAL_TO": lambda a, b: a != b,
    "IS_GREATER_THAN": lambda a, b: a > b,
    "IS_GREATER_THAN_OR_EQUAL_TO": lambda a, b: a >= b,
    "IS_LESS_THAN": lambda a, b: a < b,
    "IS_LESS_THAN_OR_EQUAL_TO": lambda a, b: a <= b,
}


def passes(asked: dict[str, Any], value: Any) -> bool:
    kind, operator = asked["operationType"], asked["operator"]
    if kind == "ALL_PROPERTY":
        return (value is not None) == (operator == "IS_KNOWN")
    if value is None:
        return bool(asked["includeObjectsWithNoValueSet"])
    if kind in ("STRING", "MULTISTRING"):
        wanted = [asked["value"]] if kind == "STRING" else asked["values"]
        if operator in ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO"):
            return (value in wanted) == (operator == "IS_EQUAL_TO")
        low = value.lower()
        if operator == "STARTS_WITH":
            return any(low.startswith(one.lower()) for one in wanted)
        return any(one.lower() in low for one in wanted) == (operator == "CONTAINS")
    if kind == "ENUMERATION":
        return bool({*value.split(";")} & {*asked["values"]}) == (operator == "IS_ANY_OF")
    if kind == "NUMBER":
        return SIGNS[operator](value, asked["value"])
    if kind == "BOOL":
        return bool(value == asked["value"])
    if kind == "ROLLING_DATE_RANGE":
        edge = END - dt.timedelta(days=asked["numberOfDays"])
        return edge <= value < END if operator == "IS_LESS_THAN_X_DAYS_AGO" else value < edge
    if kind == "DATETIME":
        when = EPOCH + dt.timedelta(milliseconds=asked["timestamp"])
        return value > when if operator == "IS_AFTER" else value < when
    low, high = asked["lowerBound"], asked["upperBound"]
    if kind == "RANGED_DATE":
        low, high = (EPOCH + dt.timedelta(milliseconds=one) for one in (low, high))
    return (low <= value <= high) == (operator == "IS_BETWEEN")


def holds(asked: dict[str, Any], row: dict[str, Any]) -> bool:
    if asked["type"] == "COMPOSITE":
        return all(holds(one, row) for one in asked["conditions"])
    return passes(asked["operation"], row[asked["property"]])


def fraction(value: float) -> Fraction:
    return Fraction(str(value))


def of_record(asked: dict[str, Any], row: dict[str, Any]) -> Fraction:
    """Points of one contact, deal or event."""
    match asked["type"]:
        case "CONSTANT":
            return fraction(asked["value"])
        case "CONDITIONAL":
            return fraction(asked["value"]) if holds(asked["whereCondition"], row) else Fraction()
        case "MATCH":
            for rule in asked["matchRules"]:
                if passes(rule["operation"], row[asked["property"]]):
                    return fraction(rule["value"])
            return fraction(asked.get("defaultValue", 0))
        case "SEGMENT_MEMBERSHIP":
            for rule in asked["segmentMembershipRules"]:
                inside = [number in row["segments"] for number in rule["segmentIds"]]
                if {"ALL": all(inside), "AT": any(inside), "NO": not any(inside)}[rule["operation"].split("_")[1]]:
                    return fraction(rule["value"])
            return Fraction()
    return sum((of_record(one, row) for one in asked["calculators"]), Fraction())


def of_events(asked: dict[str, Any], row: dict[str, Any], decay: dict[str, int] | None) -> Fraction:
    total = Fraction()
    for entry in asked["eventCalculators"]:
        events = [event for event in row["events"] if event["type"] == entry["eventTypeId"] and event["at"] < END]
        if "eventTimeframe" in entry:
            events = [event for event in events if passes(entry["eventTimeframe"]["eventFilterOperation"], event["at"])]
        calculation = entry["recordCalculation"]
        if "eventFrequencyCriteria" in entry:
            if calculation["type"] == "CONDITIONAL":
                events = [event for event in events if holds(calculation["whereCondition"], event)]
            for one in sorted(entry["eventFrequencyCriteria"]["ranges"], key=lambda one: -one["from"]):
                most = {"AT_LEAST": math.inf, "EXACTLY": one["from"], "BETWEEN": one.get("to")}[one["type"]]
                if one["from"] <= len(events) <= most:
                    total += fraction(one["value"])
                    break
            continue
        for event in events:
            left = Fraction(1)
            if decay is not None:
                days = (END - event["at"]) / dt.timedelta(days=1)
                passed = max(math.ceil(days / decay["decayIntervalDays"]) - 1, 0)
                left = max(Fraction(), 1 - Fraction(passed * decay["percentToDecayPerInterval"], 100))
            total += left * of_record(calculation, event)
    return total


def of_deals(asked: dict[str, Any], row: dict[str, Any]) -> Fraction:
    filters = asked.get("associationFilters", {"propertyFilters": []})["propertyFilters"]
    deals = [deal for deal in row["deals"] if all(passes(one["operation"], deal[one["property"]]) for one in filters)]
    found = [of_record(asked["recordCalculation"], deal) for deal in deals]
    if not found:
        return Fraction()
    average = Fraction(math.floor(sum(found) / len(found) * 100 + Fraction(1, 2)), 100)
    return {"AVG": average, "SUM": sum(found, Fraction()), "MAX": max(found), "MIN": min(found)}[asked["rollupType"]]


def within(total: Fraction, low: float | None, high: float | None) -> Fraction:
    total = total if low is None else max(total, fraction(low))
    return total if high is None else min(total, fraction(high))


def expected(found: dict[str, Any], row: dict[str, Any]) -> tuple[float | None, str | None, str | None]:
    """Score, label and matrix."""
    given = found.get("filterConfiguration")
    if given is not None:
        inside = any(number in row["segments"] for number in given["segmentIds"])
        if inside != (given["listFilterType"] == "INCLUDES"):
            return None, None, None
    by_category = {"FIT": Fraction(), "INTENT": Fraction()}
    for group in found["groupConfigs"]:
        total = Fraction()
        for rule in group["ruleConfigurations"]:
            asked = rule["configuration"]["calculation"]
            if rule["enabled"]:
                if asked["type"] == "MULTI_UE":
                    value = of_events(asked, row, group.get("groupDecay"))
                else:
                    value = of_deals(asked, row) if asked["type"] == "ASSOCIATIONS" else of_record(asked, row)
                total += within(value, rule.get("minimumValue"), rule.get("maximumValue"))
        by_category[group["groupCategory"]] += within(total, group.get("minValue"), group.get("maxValue"))
    for key in by_category:
        by_category[key] = within(by_category[key], None, found.get("maxScorePerCategory"))
    whole = within(sum(by_category.values(), Fraction()), None, found.get("maxScore"))
    outputs = {
        one["id"]: one["boundaries"]
        for one in found.get("outputConfiguration", {"outputs": []})["outputs"]
        if "boundaries" in one
    }
    tiers = [tier(outputs["o4"][key], by_category[key]) for key in ("FIT", "INTENT")] if "o4" in outputs else [None]
    matrix = None if None in tiers else "".join(map(str, tiers))
    return float(whole), tier(outputs.get("o2", []), whole), matrix


def tier(boundaries: list[dict[str, Any]], value: Fraction) -> str | None:
    reached = [one for one in boundaries if value >= fraction(one["threshold"])]
    return max(reached, key=lambda one: one["threshold"])["label"] if reached else None


some_text = st.none() | st.sampled_from(["Software", "Retail", "softly", "Retail;Software"])
some_number = st.none() | st.integers(0, 80)
some_time = st.sampled_from(
    [END - dt.timedelta(days=days, hours=hours) for days, hours in ((0, 1), (1, 0), (30, 0), (45, 3), (91, 0), (-1, 0))]
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "industry": some_text,
            "country": some_text,
            "numemployees": some_number,
            "createdate": st.none() | some_time,
            "hs_email_optout": st.none() | st.booleans(),
            "deals": st.lists(st.fixed_dictionaries({"dealname": some_text, "amount": some_number}), max_size=3),
            "events": st.lists(
                st.fixed_dictionaries({"type": st.sampled_from(sorted(KINDS)), "at": some_time, "hs_url": some_text}),
                max_size=6,
            ),
        }
    ),
    min_size=1,
    max_size=4,
)


def tables(drawn: list[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Contacts, activities and deals."""
    contacts, deals = [], []
    events: list[dict[str, Any]] = [{"contact_id": "nobody", "kind": "webinar", "at": END, "detail": None}]
    for place, row in enumerate(drawn):
        row["segments"] = (
            {3}
            | ({1} if row["industry"] == "Software" else set())
            | ({2} if (row["numemployees"] or 0) > 50 else set())
        )
        contacts.append({"hs_object_id": f"c{place}", **{name: row[name] for name in PROPERTIES["contact"]}})
        events += [
            {"contact_id": f"c{place}", "kind": KINDS[one["type"]], "at": one["at"], "detail": one["hs_url"]}
            for one in row["events"]
        ]
        deals += [{"associated_contact_ids": f"c{place};c99", **one} for one in row["deals"]]
    deals = [{"hs_object_id": f"d{place}", **one} for place, one in enumerate(deals)]
    types = {
        "hs_object_id": "str",
        "contact_id": "str",
        "kind": "str",
        "detail": "str",
        "industry": "str",
        "country": "str",
    }
    types |= {"numemployees": "Float64", "amount": "Float64", "createdate": "datetime64[us]", "at": "datetime64[us]"}
    types |= {"hs_email_optout": "boolean", "dealname": "str", "associated_contact_ids": "str"}
    names = [
        list(contacts[0]),
        ["contact_id", "kind", "at", "detail"],
        ["hs_object_id", "associated_contact_ids", "dealname", "amount"],
    ]
    made = []
    for data, columns in zip((contacts, events, deals), names, strict=True):
        frame = pd.DataFrame(data, columns=columns)
        made.append(frame.astype({name: types[name] for name in columns}))
    return made[0], made[1], made[2]


def in_duckdb(frame: pd.DataFrame) -> Any:
    return duckdb.connect().from_arrow(pl.from_pandas(frame).to_arrow())


def answers(scored: Any) -> dict[str, tuple[float | None, str | None, str | None]]:
    table = nw.from_native(scored).lazy().collect("pyarrow").to_native().to_pylist()
    kept = ("score", "score_label", "score_matrix")
    return {row["hs_object_id"]: tuple(plain(row.get(name)) for name in kept) for row in table}  # type: ignore[misc]


def plain(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return value if isinstance(value, str) else float(value)


@given(found=configurations(), drawn=rows)
@settings(drawing, max_examples=6)
def test_scores_are_what_the_json_says_on_every_engine(found: dict[str, Any], drawn: list[dict[str, Any]]) -> None:
    contacts, activities, deals = tables(drawn)
    model = ScoreModel.from_hubspot(found, names={OTHER: "webinar"}).with_segments(SEGMENTS)
    told = {f"c{place}": expected(found, row) for place, row in enumerate(drawn)}
    for engine in (lambda frame: frame, pl.from_pandas, in_duckdb):
        scored = score(
            engine(contacts),
            model,
            activities=engine(activities),
            related=lambda name: engine({"deals": deals}[name]),  # noqa: B023
            as_of="2026-06-30",
        )
        assert answers(scored) == told
    more: dict[str, Any] = {
        "activities": activities,
        "related": lambda name: {"deals": deals}[name],
        "as_of": "2026-06-30",
    }
    tally = tally_codes(contacts, model, keys={"id": nw.col("hs_object_id")}, **more)
    counted = dict(zip(tally.keys["id"], tally.scores()[tally.pattern].astype(float).tolist(), strict=True))
    assert counted == {contact: value[0] for contact, value in told.items() if value[0] is not None}
    contact = next((contact for contact in reversed(told) if told[contact][0] is not None), None)
    if contact is not None:
        steps = explain(contacts, model, contact, **more).steps
        assert float(sum((fraction(step.points) for step in steps), Fraction())) == told[contact][0]


@pytest.mark.spark
@given(found=configurations(), drawn=rows)
@settings(drawing, max_examples=1)
def test_scores_are_what_the_json_says_on_spark(spark: Any, found: dict[str, Any], drawn: list[dict[str, Any]]) -> None:
    contacts, activities, deals = tables(drawn)
    model = ScoreModel.from_hubspot(found, names={OTHER: "webinar"}).with_segments(SEGMENTS)

    def engine(frame: pd.DataFrame) -> Any:
        return spark.createDataFrame(pl.from_pandas(frame).to_arrow())

    scored = score(
        engine(contacts),
        model,
        activities=engine(activities),
        related=lambda name: engine({"deals": deals}[name]),
        as_of="2026-06-30",
    )
    assert answers(scored) == {f"c{place}": expected(found, row) for place, row in enumerate(drawn)}


# -- what cannot be said ---------------------------------------------------------------------------------------------


def configuration(calculation: Any, **more: Any) -> dict[str, Any]:
    rule = {"id": "9", "enabled": True, "configuration": {"calculation": calculation}}
    group = {"id": "1", "groupCategory": "INTENT", "groupName": "Acts", "ruleConfigurations": [rule]}
    fields = {"id": "5", "name": "Lead", "objectTypeId": "0-1", "scoreStatus": "DRAFT", "scoreType": "COMBINED"}
    return {**fields, "allowedGroupTypes": ["INTENT"], "groupConfigs": [{**group, **more.pop("group", {})}], **more}


CONSTANT = {"type": "CONSTANT", "value": 1}
HERE = "the group 'Acts', rule 9: "
VERSION = " Was it written by another version of the vendor's API?"


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (configuration(CONSTANT, objectTypeId="0-2"), "the score 'Lead': it scores objects of the type '0-2', and contacts ('0-1') are scored here; wb.company_scores rolls scores of contacts up to companies."),  # noqa: E501
        (configuration(CONSTANT, scoreVersion=2), "the score: unknown key 'scoreVersion'; there are 'allowedGroupTypes', 'createdAt', 'filterConfiguration', 'groupConfigs', 'id', 'maxScore', 'maxScorePerCategory', 'name', 'objectTypeId', 'outputConfiguration', 'publishedAt', 'scoreStatus', 'scoreType', 'updatedAt'." + VERSION),  # noqa: E501
        (configuration({"type": "NEURAL"}), HERE + "unknown type of calculation 'NEURAL'; was it written by another version of the vendor's API?"),  # noqa: E501
        (configuration({"type": "CONSTANT", "value": "many"}), HERE + "the points 'value' are a number such as 10, not 'many'."),  # noqa: E501
        (configuration({"type": "CONSTANT", "value": True}), HERE + "the points 'value' are a number such as 10, not True."),  # noqa: E501
        (configuration({"type": "CONSTANT"}), HERE + "'value' is missing."),
        (configuration({"type": "ASSOCIATION_UE"}), HERE + "a calculation ASSOCIATION_UE, events of associated records, cannot be said here; take the rule out, or keep it with the vendor."),  # noqa: E501
        (configuration({"type": "CONDITIONAL", "value": 1, "whereCondition": {"type": "SINGLE", "property": "city", "operation": {"operationType": "STRING", "operator": "SOUNDS_LIKE", "value": "a"}}}), HERE + "the operator 'SOUNDS_LIKE' of an operation 'STRING' on 'city' cannot be said here; take the rule out, or keep it with the vendor."),  # noqa: E501
        (configuration({"type": "CONDITIONAL", "value": 1, "whereCondition": {"type": "SINGLE", "property": "city", "operation": {"operationType": "STRING", "operator": "CONTAINS"}}}), HERE + "it is not as the vendor writes it (KeyError: 'value')."),  # noqa: E501
        (configuration({"type": "CONDITIONAL", "value": 1, "whereCondition": {"type": "COMPOSITE", "operator": "OR", "conditions": []}}), HERE + "a condition of the type 'COMPOSITE' with 'OR' cannot be said here; take the rule out, or keep it with the vendor."),  # noqa: E501
        (configuration(CONSTANT, group={"minValue": 5, "maxValue": 2}), "the group 'Acts': the limits of the group 'Acts' contradict: the lower one is 5, the upper one 2."),  # noqa: E501
        (configuration(CONSTANT, group={"groupCategory": "MOOD"}), "the score 'Lead': unknown groupCategory 'MOOD'; there are 'FIT', 'INTENT'."),  # noqa: E501
        (configuration(CONSTANT, group={"groupDecay": {"decayIntervalDays": 30, "percentToDecayPerInterval": 0}}), "the group 'Acts': percent of a decay is a whole number from 1 to 100, not 0."),  # noqa: E501
        ([], "the score: an object in braces is needed, and [] came."),
        ("{", "this is no JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); give what the vendor's API gives for a score."),  # noqa: E501
        ("[" * 100_000, "the score is nested too deep to be read; no score of the vendor's is."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name(found: Any, sentence: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        ScoreModel.from_hubspot(found)
    assert str(told.value) == sentence


def test_a_score_that_is_nested_too_deep_is_refused() -> None:
    calculation = CONSTANT
    for _ in range(10_000):
        calculation = {"type": "MULTI", "calculators": [calculation]}
    with pytest.raises(WorkbenchError) as told:
        ScoreModel.from_hubspot(configuration(calculation))
    assert str(told.value) == "the score is nested too deep to be read; no score of the vendor's is."


def event(**more: Any) -> dict[str, Any]:
    return {"type": "MULTI_UE", "eventCalculators": [{"eventTypeId": PAGE_VIEW, "recordCalculation": CONSTANT, **more}]}


def test_points_by_how_often_do_not_decay() -> None:
    often = {"type": "BETWEEN", "ranges": [{"type": "AT_LEAST", "from": 2, "value": 1}]}
    decay = {"groupDecay": {"decayIntervalDays": 30, "percentToDecayPerInterval": 50}}
    with pytest.raises(WorkbenchError, match=r"points by how often in a group whose points decay cannot be said here"):
        ScoreModel.from_hubspot(configuration(event(eventFrequencyCriteria=often), group=decay))


def test_ten_thousand_rules_are_refused() -> None:
    rule = {"id": "9", "enabled": True, "configuration": {"calculation": CONSTANT}}
    with pytest.raises(WorkbenchError) as told:
        ScoreModel.from_hubspot(configuration(CONSTANT, group={"ruleConfigurations": [rule] * 10_000}))
    assert str(told.value) == "the score 'Lead': it has 10,000 rules; 1,000 are the most."


def test_an_edited_rule_is_written_as_it_is_now() -> None:
    model = ScoreModel.from_hubspot(
        configuration({"type": "MULTI", "calculators": [CONSTANT, {"type": "MULTI", "calculators": [CONSTANT]}]})
    )
    other = model.with_points({"every contact": 7})
    assert other.to_hubspot()["groupConfigs"][0]["ruleConfigurations"][0]["configuration"]["calculation"] == {
        "type": "MULTI",
        "calculators": [{"type": "CONSTANT", "value": 7}, {"type": "CONSTANT", "value": 1}],
    }


def text_model(rule: str, above: str = "") -> ScoreModel:
    from workbench.scoring.files import from_text

    return from_text(
        f"name: One\n{above}groups:\n  - name: fit\n    rules:\n      - name: rule\n        {rule}\n", "score.yaml"
    )


@pytest.mark.parametrize(
    ("rule", "above", "sentence"),
    [
        ("when: a\n        points: 1", "limits: [5, null]\n", "the vendor's scores cannot say a lower limit of the whole score (5); give the groups lower limits instead."),  # noqa: E501
        ("when: a\n        points: 1", "labels:\n  - {name: Hot, at_least: 50, leave_below: 40}\n", "the vendor's scores cannot say a line at which a label is left ('Hot'); take leave_below out."),  # noqa: E501
        ("when: in_segment(\"Large\")\n        points: 1", "", "the rule 'rule': the segment 'Large' has no id there; give its own in list_ids={'Large': '123'}."),  # noqa: E501
        ("count: count(webinar)\n        points: 1\n        at_most: 2", "", "the rule 'rule': events of the kind 'webinar' have no id there; give it in list_ids={'webinar': '4-1'}."),  # noqa: E501
        ("when: anniversary_in_last_days(createdate, 5)\n        points: 1", "", "the rule 'rule': the vendor's filters cannot say an anniversary; export the record ids instead."),  # noqa: E501
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_by_name(rule: str, above: str, sentence: str) -> None:
    model = text_model(rule, above)
    assert refusal(model.to_hubspot) == sentence


def test_or_between_conditions_is_a_sum_within_the_points_of_one() -> None:
    written = text_model('when: country == "France" or numemployees > 50\n        points: -7').to_hubspot()
    (rule,) = written["groupConfigs"][0]["ruleConfigurations"]
    assert rule["minimumValue"] == -7
    assert [one["value"] for one in rule["configuration"]["calculation"]["calculators"]] == [-7, -7]
    contacts = pd.DataFrame({"country": ["France", "France", "Spain"], "numemployees": [60, 5, 5]})
    assert score(contacts, ScoreModel.from_hubspot(written))["score"].tolist() == [-7, -7, 0]
