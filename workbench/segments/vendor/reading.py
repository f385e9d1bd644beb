"""The vendor's filter JSON as conditions. What cannot be said here is refused by its name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, cast

from workbench import catalog
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
)
from workbench.conditions.parsing import MONTHS, UNITS
from workbench.conditions.tree import Unit
from workbench.errors import WorkbenchError
from workbench.segments.vendor.plain import (
    ASSOCIATION_TYPES,
    AT,
    CALENDAR,
    DETAIL,
    EVENT_TYPES,
    OBJECT_TYPES,
    ROLLING,
    SIGNS,
    TEXTS,
    TICK,
    Json,
    cannot,
    joined,
    plainer,
    simplified,
    written,
)

_KINDS = {number: kind for kind, number in EVENT_TYPES.items()}
_EVENT_PROPERTIES = {"hs_url": "detail", "hs_form_id": "detail"}
_EMAILS = {
    "RECEIVED": ("email_delivered", None),
    "OPENED": ("email_open", None),
    "LINK_CLICKED": ("email_click", None),
    "BOUNCED": ("email_bounce", None),
    "UNSUBSCRIBED": ("email_unsubscribe", None),
    "RECEIVED_BUT_NOT_OPENED": ("email_delivered", "email_open"),
    "OPENED_BUT_LINK_NOT_CLICKED": ("email_open", "email_click"),
}
"""What has to have happened, and what must not have."""
_PAGES = {"HAS_PAGEVIEW_CONTAINS": False, "HAS_PAGEVIEW_EQ": True}
_PERIODS: dict[str, tuple[Unit, str]] = {
    "WEEK": ("week", "weeks"),
    "MONTH": ("month", "months"),
    "QUARTER": ("quarter", "quarters"),
    "YEAR": ("year", "years"),
}
_LONGEST = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}  # days


def read_property(name: str, operation: Json, names: Mapping[str, str], object_name: str) -> Condition:
    """What an operation on a property of a contact, another object or an event (`"activity"`) asks."""
    return _Reader(names, object_name).filter({"filterType": "PROPERTY", "property": name, "operation": operation})


def read_list(definition: Json, names: Mapping[str, str]) -> tuple[str, Condition]:
    """Name and tree of a list definition of the vendor's; see `Segment.from_hubspot`."""
    if not isinstance(definition, Mapping):
        raise WorkbenchError(f"a list definition is a mapping with filterBranch, not a {type(definition).__name__}.")
    found = definition.get("list", definition)
    if "filterBranch" not in found:
        raise WorkbenchError(
            f"the list {found.get('name', 'without a name')!r} has no filterBranch: it is a static list; load its ids."
        )
    if found.get("objectTypeId", "0-1") != OBJECT_TYPES["contact"]:
        raise cannot(f"a list of objects of type {found['objectTypeId']!r}")
    reader = _Reader(names)
    return str(found.get("name") or "Imported list"), reader.branch(found["filterBranch"])


class _Reader:
    def __init__(self, names: Mapping[str, str], object_name: str = "contact") -> None:
        self.names = names
        self.types = {name: known.type for name, known in catalog.by_name(object_name).items()}

    def branch(self, branch: Json) -> Condition:
        kind = branch.get("filterBranchType")
        if kind == "ASSOCIATION":
            return self.associated(branch)
        if kind == "UNIFIED_EVENTS":
            return self.events(branch)
        if kind not in ("OR", "AND", "NOT_ALL", "NOT_ANY"):
            raise cannot(f"a filter branch of the type {kind!r}")
        parts = self.parts(branch)
        if not parts:
            return Always(kind in ("AND", "NOT_ANY"))
        tree = joined(Either if kind in ("OR", "NOT_ANY") else All, parts)
        return simplified(Not(tree), lambda _: False) if kind.startswith("NOT") else tree

    def parts(self, branch: Json) -> list[Condition]:
        found = [self.filter(one) for one in branch.get("filters") or ()]
        return found + [self.branch(one) for one in branch.get("filterBranches") or ()]

    def associated(self, branch: Json) -> Condition:
        objects = {number: name for name, number in OBJECT_TYPES.items()}
        name = objects.get(branch.get("objectTypeId", ""))
        operator = branch.get("operator")
        if name is None or operator not in ("IN_LIST", "NOT_IN_LIST"):
            raise cannot(f"an association branch {operator!r} with the object type {branch.get('objectTypeId')!r}")
        parts = _Reader({}, name).parts(branch)
        found = Associated(name, joined(All, parts) if parts else None)
        return Not(found) if operator == "NOT_IN_LIST" else found

    def filter(self, found: Json) -> Condition:
        kind, operator = found.get("filterType"), found.get("operator")
        if kind == "PROPERTY":
            operation = found["operation"]
            leaf = self.operation(Property(found["property"]), operation)
            if operation.get("includeObjectsWithNoValueSet") and not isinstance(leaf, Known):
                return Either((leaf, Known(Property(found["property"]), False)))
            return leaf
        if kind == "CONSTANT":
            return Always(bool(found["shouldAccept"]))
        if kind == "IN_LIST" and operator in ("IN_LIST", "NOT_IN_LIST") and not found.get("metadata"):
            name = self.names.get(str(found["listId"]))
            if name is None:
                raise WorkbenchError(
                    f"the list asks for the list {found['listId']!r}, whose name is not known; give "
                    f"names={{{str(found['listId'])!r}: 'its name'}}."
                )
            return InSegment(name) if operator == "IN_LIST" else Not(InSegment(name))
        if kind == "FORM_SUBMISSION" and operator in ("FILLED_OUT", "NOT_FILLED_OUT"):
            form = [self.named(found["formId"])] if found.get("formId") else []
            return self.occurred("form_submission", found, form, never=operator == "NOT_FILLED_OUT")
        if kind == "PAGE_VIEW" and str(operator).removeprefix("NOT_") in _PAGES:
            url, never = str(found["pageUrl"]), str(operator).startswith("NOT_")
            if _PAGES[str(operator).removeprefix("NOT_")]:
                return self.occurred("page_view", found, [Compare(DETAIL, "==", url)], never=never)
            return self.occurred("page_view", found, detail=url, never=never)
        if kind == "EMAIL_EVENT" and operator in _EMAILS and not found.get("clickUrl"):
            happened, not_happened = _EMAILS[operator]
            mail = [self.named(found["emailId"])]
            done = self.occurred(happened, found, mail)
            return done if not_happened is None else All((done, self.occurred(not_happened, found, mail, never=True)))
        if kind == "EVENT" and operator in ("HAS_EVENT", "NOT_HAS_EVENT"):
            return self.occurred(self.kind_of(found["eventId"]), found, never=operator == "NOT_HAS_EVENT")
        if kind == "UNIFIED_EVENTS":
            return self.events(
                {**found, "filters": [{**line, "filterType": "PROPERTY"} for line in found["filterLines"]]}
            )
        if kind == "NUM_ASSOCIATIONS":
            return self.associations(found)
        raise cannot(f"a filter of the type {kind!r}" + (f" with {operator!r}" if operator else ""))

    # events

    def named(self, number: object) -> Condition:
        """Of a form or an e-mail with a name, or the id itself."""
        return Compare(DETAIL, "==", self.names.get(str(number), str(number)))

    def kind_of(self, number: object) -> str:
        kind = self.names.get(str(number)) or _KINDS.get(str(number))
        if kind is None:
            raise WorkbenchError(
                f"the list asks for events of the type {number!r}, and which kind of activity that is is not known; "
                f"give names={{{str(number)!r}: 'its kind'}}."
            )
        return kind

    def events(self, branch: Json) -> Condition:
        """Events of any type, with conditions on their own properties."""
        kind = self.kind_of(branch.get("eventTypeId"))
        reader, parts = _Reader(self.names, "activity"), []
        for line in branch.get("filters") or ():
            name = _EVENT_PROPERTIES.get(line.get("property"), line.get("property"))
            if line.get("filterType") != "PROPERTY" or name not in reader.types:
                raise cannot(f"an event's {line.get('property') or line.get('filterType')!r}")
            operation = dict(line["operation"])
            if "values" in operation:
                operation["values"] = [self.names.get(str(one), one) for one in operation["values"]]
            parts.append(reader.filter({"filterType": "PROPERTY", "property": name, "operation": operation}))
        if branch.get("filterBranches"):
            raise cannot("a branch within a branch of events")
        return self.occurred(kind, branch, parts, never=branch.get("operator") == "HAS_NOT_COMPLETED")

    def occurred(
        self, kind: str, found: Json, parts: Sequence[Condition] = (), *, detail: str | None = None, never: bool = False
    ) -> Condition:
        """How often events happened, within the time that the filter asks for."""
        days, when = self.pruned(found.get("pruningRefineBy") or {})
        where = [*parts, *when]
        count = Count(kind, detail, joined(All, where) if where else None, days)
        refined = found.get("coalescingRefineBy") or {"type": "NUM_OCCURRENCES", "minOccurrences": 1}
        if refined.get("type") != "NUM_OCCURRENCES":
            raise cannot(f"a refinement of the type {refined.get('type')!r}")
        least, most = int(refined.get("minOccurrences") or 0), refined.get("maxOccurrences")
        often: Condition = Compare(count, ">=", least)
        if most is not None:
            often = All((often, Compare(count, "<=", int(most))))
        return plainer(often, lambda _: False, never)

    def pruned(self, found: Json) -> tuple[int | None, list[Condition]]:
        """The last days that count, and other conditions on the time of an event."""
        kind = found.get("type", "ALL_HISTORY")
        match kind:
            case "ALL_HISTORY":
                return None, []
            case "RELATIVE_COMPARATIVE":
                days, comparison = _days(found["timeOffset"]), found["comparison"]
                if comparison == "AFTER":
                    return days, []
                return None, [InDays("before_last_days", AT, days)]
            case "RELATIVE_RANGED":
                ends = [_days(found[name]) for name in ("lowerBoundOffset", "upperBoundOffset")]
                earlier: list[Condition] = [InDays("before_last_days", AT, min(ends))] if min(ends) else []
                if found["rangeType"] == "BETWEEN":
                    return max(ends), earlier
                outside = [InDays("in_last_days", AT, min(ends))] if min(ends) else []
                return None, [joined(Either, [*outside, InDays("before_last_days", AT, max(ends))])]
            case "ABSOLUTE_COMPARATIVE":
                when = _from_epoch(found["timestamp"])
                late = found["comparison"] == "AFTER"
                return None, [Compare(AT, ">=" if late else "<", written(when + TICK if late else when))]
            case "ABSOLUTE_RANGED":
                operator = "IS_BETWEEN" if found["rangeType"] == "BETWEEN" else "IS_NOT_BETWEEN"
                return None, [
                    self.operation(
                        AT,
                        {
                            "operationType": "RANGED_DATE",
                            "operator": operator,
                            "lowerBound": found["lowerTimestamp"],
                            "upperBound": found["upperTimestamp"],
                        },
                    )
                ]
            case "TIME_POINT" | "TIME_RANGED":
                return None, [self.operation(AT, {**found, "operationType": kind})]
        raise cannot(f"a refinement of the type {kind!r}")

    def associations(self, found: Json) -> Condition:
        """At least one associated record, or none."""
        names = {number: name for name, number in ASSOCIATION_TYPES.items()}
        name, refined = names.get(found.get("associationTypeId", 0)), found.get("coalescingRefineBy") or {}
        least, most = refined.get("minOccurrences"), refined.get("maxOccurrences")
        ends = (least or 0, most)
        if name is None or refined.get("type") != "NUM_OCCURRENCES" or ends not in ((1, None), (0, 0)):
            raise cannot("a number of associated records other than none, or at least one,")
        return Associated(name) if ends == (1, None) else Not(Associated(name))

    def operation(self, of: Property, found: Json) -> Condition:
        kind, operator = str(found.get("operationType")), str(found.get("operator"))
        told = cannot(f"the operator {operator!r} of an operation {kind!r} on {of.name!r}")
        if operator.startswith(("HAS_EVER_", "HAS_NEVER_")):
            return self.ever(of, found, told)
        match kind:
            case "ALL_PROPERTY" if operator in ("IS_KNOWN", "IS_UNKNOWN"):
                return Known(of, operator == "IS_KNOWN")
            case "BOOL" if operator in ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO"):
                return Compare(of, "==", bool(found["value"]) == (operator == "IS_EQUAL_TO"))
            case "NUMBER" if operator in SIGNS:
                return Compare(of, SIGNS[operator], found["value"])
            case "NUMBER_RANGED" if operator in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
                between = Between(of, found["lowerBound"], "<=", found["upperBound"], "<=")
                return between if operator == "IS_BETWEEN" else Not(between)
            case "STRING":
                return _text(of, operator, [found["value"]], told)
            case "MULTISTRING":
                return _text(of, operator, found["values"], told)
            case "ENUMERATION":
                return self.enumeration(of, operator, found["values"], told)
            case "ROLLING_DATE_RANGE" | "DATE" if operator in ROLLING and "numberOfDays" in found:
                return InDays(ROLLING[operator], of, int(found["numberOfDays"]))
            case "DATE":
                day = dt.datetime(found["year"], _month(found["month"]), found["day"])
                return _dated(of, operator, day, day + dt.timedelta(days=1), told)
            case "DATETIME":
                when = _from_epoch(found["timestamp"])
                return _dated(of, operator, when, when + TICK, told)
            case "TIME_POINT" | "TIME_RANGED":
                return self.timed(of, found, told)
            case "RANGED_DATE" if operator in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
                first = Compare(of, ">=", written(_from_epoch(found["lowerBound"])))
                both = All((first, Compare(of, "<", written(_from_epoch(found["upperBound"]) + TICK))))
                return plainer(both, lambda _: False, operator == "IS_NOT_BETWEEN")
            case "CALENDAR_DATE" if operator == "IN_THIS_TIME_UNIT_SO_FAR":
                this = self.operation(of, {**found, "operator": "IN_THIS_TIME_UNIT"})
                return All((this, InDays("in_last_days", of, _LONGEST[str(found["timeUnit"]).lower()])))
            case "CALENDAR_DATE" if operator in CALENDAR and str(found["timeUnit"]).lower() in UNITS:
                fiscal = str(found.get("fiscalYearStart") or MONTHS[0]).lower() if found.get("useFiscalYear") else None
                unit = cast("Unit", str(found["timeUnit"]).lower())
                if unit not in ("quarter", "year"):
                    fiscal = None
                return InPeriod(CALENDAR[operator], of, unit, int(found.get("timeUnitCount") or 1), fiscal)
            case "COMPARATIVE_DATE" if operator in ("IS_BEFORE", "IS_AFTER") and not found.get(
                "defaultComparisonValue"
            ):
                other = Property(found["comparisonPropertyName"])
                return Before(of, other) if operator == "IS_BEFORE" else Before(other, of)
            case "ROLLING_PROPERTY_UPDATED" if operator in ("UPDATED_IN_LAST_X_DAYS", "NOT_UPDATED_IN_LAST_X_DAYS"):
                changed = Changed(of, int(found["numberOfDays"]))
                return Not(changed) if operator.startswith("NOT") else changed
        raise told

    # points in time

    def timed(self, of: Property, found: Json, told: WorkbenchError) -> Condition:
        """Before, after or between points in time."""
        operator, parser = found.get("operator"), found.get("propertyParser") or "VALUE"
        if parser == "UPDATED_AT":
            return self.updated(of, found, told)
        if parser != "VALUE":
            raise cannot(f"a property's {parser!r}") from told
        if "timePoint" in found:
            inclusive, point = found.get("endpointBehavior") == "INCLUSIVE", found["timePoint"]
            match operator:
                case "IS_AFTER":
                    return self.since(of, point, not inclusive, told)
                case "IS_BEFORE":
                    return plainer(self.since(of, point, inclusive, told), lambda _: False, True)
                case "IS_EQUAL_TO":
                    parts = (self.since(of, point, False, told), Not(self.since(of, point, True, told)))
                    return plainer(All(parts), lambda _: False, False)
            raise told
        if operator not in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
            raise told
        low = self.since(of, found["lowerBoundTimePoint"], found.get("lowerBoundEndpointBehavior") == "EXCLUSIVE", told)
        high = self.since(
            of, found["upperBoundTimePoint"], found.get("upperBoundEndpointBehavior") != "EXCLUSIVE", told
        )
        return plainer(All((low, Not(high))), lambda _: False, operator == "IS_NOT_BETWEEN")

    def updated(self, of: Property, found: Json, told: WorkbenchError) -> Condition:
        """Changed since some days ago, until now if an end is given."""
        if "timePoint" in found:
            start, until_now, right = found["timePoint"], True, found.get("operator") == "IS_AFTER"
        else:
            start, end = found["lowerBoundTimePoint"], found["upperBoundTimePoint"]
            until_now = end.get("timeType") == "INDEXED" and _midnight(end, told) == 1
            right = found.get("operator") == "IS_BETWEEN"
        ago = _midnight(start, told) if start.get("timeType") == "INDEXED" else None
        if not right or not until_now or ago is None or ago > 0:
            raise cannot(f"changes of {of.name!r} other than in the last days until now") from told
        return Changed(of, 1 - ago)

    def since(self, of: Property, point: Json, after: bool, told: WorkbenchError) -> Condition:
        """From a point in time on; with `after`, without the point itself."""
        match point.get("timeType"):
            case "DATE":
                when = _from_point(point)
                return Compare(of, ">=", written(when + TICK if after else when))
            case "PROPERTY_REFERENCED" if point.get("referenceType") == "VALUE":
                other = Property(point["property"])
                return Before(other, of) if after else Not(Before(of, other))
            case "INDEXED":
                # a date has no time: what is after its midnight is the next day
                later = 1 if after and self.types.get(of.name) == "date" else 0
                reference = point["indexReference"]["referenceType"]
                if reference in _PERIODS:
                    return _since_period(of, point, *_PERIODS[reference])
                if reference in ("TODAY", "NOW"):
                    return _since_day(of, _midnight(point, told) + (later if reference == "TODAY" else 0))
                raise cannot(f"a point in time relative to {reference!r}") from told
        named = " ".join(str(point[key]) for key in ("timeType", "referenceType") if point.get(key))
        raise cannot(f"a point in time of the type {named!r}") from told

    def enumeration(self, of: Property, operator: str, values: Sequence[str], told: WorkbenchError) -> Condition:
        single = self.types.get(of.name) == "enumeration"
        match operator:
            case "IS_ANY_OF" | "IS_NONE_OF":
                outside = operator == "IS_NONE_OF"
                if single:
                    return plainer(OneOf(of, tuple(values), outside), lambda _: False, False)
                return Not(AnyOf(of, tuple(values))) if outside else AnyOf(of, tuple(values))
            case "CONTAINS_ALL" | "DOES_NOT_CONTAIN_ALL" | "IS_EXACTLY" | "IS_NOT_EXACTLY":
                every = AllOf(of, tuple(values), "EXACTLY" in operator)
                return Not(every) if "NOT" in operator else every
        raise told

    def ever(self, of: Property, found: Json, told: WorkbenchError) -> Condition:
        operator = str(found["operator"])
        values = [found["value"]] if "value" in found else found.get("values", [])
        match operator.split("_", 2)[2]:
            case "BEEN_EQUAL_TO":
                asked: Condition = plainer(OneOf(of, tuple(values)), lambda _: False, False)
            case "BEEN_ANY_OF":
                asked = self.enumeration(of, "IS_ANY_OF", values, told)
            case "BEEN_EXACTLY" | "CONTAINED_ALL":
                asked = AllOf(of, tuple(values), operator.endswith("EXACTLY"))
            case "CONTAINED":
                asked = Text("contains", of, values[0])
            case _:
                raise told
        return Not(Ever(asked)) if operator.startswith("HAS_NEVER") else Ever(asked)


def _text(of: Property, operator: str, values: Sequence[str], told: WorkbenchError) -> Condition:
    if operator in ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO"):
        return plainer(OneOf(of, tuple(values), operator == "IS_NOT_EQUAL_TO"), lambda _: False, False)
    if operator == "DOES_NOT_CONTAIN":
        return joined(All, [Not(Text("contains", of, value)) for value in values])
    if operator in TEXTS:
        return joined(Either, [Text(TEXTS[operator], of, value) for value in values])
    raise told


def _dated(of: Property, operator: str, start: dt.datetime, end: dt.datetime, told: WorkbenchError) -> Condition:
    if operator == "IS_EQUAL_TO":
        return All((Compare(of, ">=", written(start)), Compare(of, "<", written(end))))
    if operator == "IS_BEFORE":
        return Compare(of, "<", written(start))
    if operator == "IS_AFTER":
        return Compare(of, ">=", written(end))
    raise told


def _month(month: Any) -> int:
    return MONTHS.index(str(month).lower()) + 1 if str(month).lower() in MONTHS else int(month)


def _from_epoch(milliseconds: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=milliseconds)


def _from_point(point: Json) -> dt.datetime:
    return dt.datetime(
        point["year"],
        point["month"],
        point["day"],
        point.get("hour") or 0,
        point.get("minute") or 0,
        point.get("second") or 0,
        (point.get("millisecond") or 0) * 1000,
    )


def _days(offset: Json) -> int:
    """Days back, of the offset of a refinement."""
    size = {"DAYS": 1, "DAY": 1, "WEEKS": 7, "WEEK": 7}.get(str(offset.get("timeUnit")))
    if size is None or (offset.get("offsetDirection") != "PAST" and offset.get("amount")):
        raise cannot(f"an offset of {offset.get('amount')} {offset.get('timeUnit')} {offset.get('offsetDirection')}")
    return int(offset["amount"]) * size


def _offset_in(point: Json, units: Mapping[str, int]) -> int:
    """The offset of an indexed point in units of the first kind."""
    found = {unit: int(amount) for unit, amount in (point.get("offset") or {}).items() if amount}
    for unit in found:
        if unit not in units:
            raise cannot(f"an offset in {unit} of {point['indexReference']['referenceType']!r}")
    return sum(units[unit] * amount for unit, amount in found.items())


def _midnight(point: Json, told: WorkbenchError) -> int:
    """An indexed point as days after the midnight at which today began; now is the end of today."""
    reference = point["indexReference"]
    clock = tuple(int(reference.get(part) or 0) for part in ("hour", "minute"))
    if reference["referenceType"] not in ("TODAY", "NOW") or clock not in ((0, 0), (23, 59)):
        raise cannot(f"the time of day of a point relative to {reference['referenceType']!r}") from told
    ends_today = reference["referenceType"] == "NOW" or clock == (23, 59)
    return _offset_in(point, {"days": 1, "weeks": 7}) + ends_today


def _since_day(of: Property, midnight: int) -> Condition:
    """From a midnight on, counted in days from the one at which today began."""
    if midnight > 1:
        return InDays("after_next_days", of, midnight - 1)
    if midnight == 1:
        return All((Not(InDays("before_last_days", of, 1)), Not(InDays("in_last_days", of, 1))))
    return Not(InDays("before_last_days", of, 1 - midnight))


def _since_period(of: Property, point: Json, unit: Unit, units: str) -> Condition:
    """From the start of this week, month, quarter or year on, or of one so many earlier or later."""
    reference = point["indexReference"]
    starts = {"dayOfWeek": "MONDAY", "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "millisecond": 0}
    for part, start in starts.items():
        if reference.get(part) not in (None, start):
            raise cannot(f"a point in time that is not the start of a {unit}")
    later = _offset_in(point, {units: 1})
    from_today = Not(InDays("before_last_days", of, 1))
    if later > 0:
        inside = [InPeriod("in_this", of, unit)] + ([InPeriod("in_next", of, unit, later - 1)] if later > 1 else [])
        return All((from_today, *(Not(one) for one in inside)))
    inside = [InPeriod("in_this", of, unit)] + ([InPeriod("in_last", of, unit, -later)] if later else [])
    return Either((from_today, *inside))
