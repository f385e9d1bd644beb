"""How the cells of a column are written, found from its values, and the SQL that reads them.

A `Form` reads one column: an expression for the typed value (NULL where a cell does not fit) and one that says which
cells are faults. Forms are guessed from a sample and checked against every value by the pass that reads them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from workbench import catalog
from workbench.errors import WorkbenchError
from workbench.sql import sql_text

TRUE_WORDS = frozenset(
    {"true", "yes", "1", "ja", "oui", "wahr", "vrai", "y", "j", "x", "marketing contact", "marketingkontakt"}
    | {"contact marketing"}
)
FALSE_WORDS = frozenset(
    {"false", "no", "0", "nein", "non", "falsch", "faux", "n", "non-marketing contact", "nicht-marketing-kontakt"}
    | {"nicht-marketingkontakt", "contact non marketing"}
)
_PLAIN_YES_NO = frozenset({"true", "false", "yes", "no", "ja", "nein", "oui", "non", "wahr", "falsch", "vrai", "faux"})
RANGED = frozenset({"numemployees", "numberofemployees", "annualrevenue"})
"""Number properties that some accounts keep as ranges, such as 5-25 or 1,000+."""

_SEEN_FIRST = 40  # options

_BLANK = "[ \u00a0\u2009\u202f]"
_CURRENCY = "(?:[€$£¥]|EUR|USD|GBP|CHF)"
_OFFSET = r"(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?|[A-Z]\w+(?:/\w+)+)"
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<sep>[./-])\d{1,2}(?P=sep)\d{1,2}(?:(?P<gap>[ T])\d{1,2}:\d{2}(?P<seconds>:\d{2})?"
    rf"(?:(?P<half> ?[AaPp][Mm])|(?P<fraction>\.\d+)?(?P<zone>\s*{_OFFSET})?)?)?"
)
_YEAR_LAST = re.compile(
    r"(?P<first>\d{1,2})(?P<sep>[./-])(?P<second>\d{1,2})(?P=sep)(?P<year>\d{4}|\d{2})"
    r"(?:(?P<gap>,? )\d{1,2}:\d{2}(?P<seconds>:\d{2})?(?P<half> ?[AaPp][Mm])?)?"
)
_ISO = (("%Y-%m-%d %H:%M", 16), ("%Y-%m-%d", 10), ("%Y-%m-%d %H:%M:%S", 19), ("%Y-%m-%dT%H:%M:%S", 19))
_MONTHS: tuple[tuple[str, ...], ...] = (
    ("january", "januar", "jänner", "janvier", "jan", "janv"),
    ("february", "februar", "février", "feb", "févr", "fév", "fevrier", "fevr"),
    ("march", "märz", "mars", "mar", "mär", "mrz", "maerz"),
    ("april", "avril", "apr", "avr"),
    ("may", "mai"),
    ("june", "juni", "juin", "jun"),
    ("july", "juli", "juillet", "jul", "juil"),
    ("august", "août", "aug", "aout"),
    ("september", "septembre", "sep", "sept"),
    ("october", "oktober", "octobre", "oct", "okt"),
    ("november", "novembre", "nov"),
    ("december", "dezember", "décembre", "dec", "dez", "déc", "decembre"),
)
"""Names of the months in English, German and French, in small letters and without a dot."""

_MONTH = "(" + "|".join(sorted((name for names in _MONTHS for name in names), key=len, reverse=True)) + r")\.?"
_AT = r"(?:,?\s+(?:um |at |à )?(\d{1,2}:\d{2}(?::\d{2})?)(?: ?([ap]m)| uhr)?)?"
_NAMED_DAY_FIRST = rf"(\d{{1,2}})(?:\.|er|st|nd|rd|th)?[ -]{_MONTH}[ -](\d{{4}}){_AT}"
_NAMED_MONTH_FIRST = rf"{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}){_AT}"
_NAMED_MONTH = rf"{_MONTH} (\d{{4}})"
_NAMED = re.compile("|".join((_NAMED_DAY_FIRST, _NAMED_MONTH_FIRST)), re.IGNORECASE)
_WHOLE_MONTH = re.compile(rf"{_NAMED_MONTH}|\d{{4}}-\d{{2}}|\d{{2}}[./]\d{{4}}", re.IGNORECASE)
_EPOCH_MS = re.compile(r"1\d{12}")
_VERSION = re.compile(r"\s*\d[./-]\d[./-]\d{2}\s*")  # or a date, such as 3.4.25
_SERIAL = re.compile(r"[2-6]\d{4}(\.\d+)?")
_LEAD = r"[1-9]\d{0,2}"  # of digits in groups of three


def _amount(body: str) -> str:
    """A pattern for a number with its sign, its currency and blanks at its ends."""
    return (
        rf"{_BLANK}*[-+]?{_BLANK}*(?:{_CURRENCY}{_BLANK}*)?[-+]?(?:{body})"
        rf"(?:{_BLANK}*%)?(?:{_BLANK}*{_CURRENCY})?{_BLANK}*"
    )


def _digits(thousands: str, point: str) -> str:
    groups = rf"{_LEAD}(?:(?:{thousands}\d{{3}})+|(?:{_BLANK}\d{{3}})+|(?:['’]\d{{3}})+)"
    return rf"{groups}(?:{point}\d+)?|\d+(?:{point}\d*)?|{point}\d+"


_POINT = re.compile(_amount(_digits(",", r"\.")))
_COMMA = re.compile(_amount(_digits(r"\.", ",")))
_EITHER = re.compile(_amount(rf"{_LEAD}[.,]\d{{3}}"))
_RANGE = r"[<>]?\s*\d[\d.,]*\s*(\+|(-|–|bis|to|à)\s*\d[\d.,]*)|[<>]\s*\d[\d.,]*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How one column is read."""

    type: str  # as in the catalog
    written_as: str  # for the report
    typed: str  # SQL with {c} for the cell's text
    fault: str  # SQL with {c} and {t} (the typed value), true for a fault
    possible: str = ""  # SQL with {v} for what `typed` gave, true where it can be meant
    code: str = ""
    doubt: str = ""  # code of a doubt about the whole column


TEXT = Form(type="string", written_as="text", typed="{c}", fault="false")
_DID_NOT_FIT = "{c} IS NOT NULL AND {t} IS NULL"


def form_of(
    known: catalog.Property | None,
    values: Sequence[str],
    *,
    language: catalog.Language,
    timezone: str | None,
) -> Form:
    """The form of a column whose type the catalog knows (`known`) or that is found out from all of its values.

    What the values leave in doubt is read as people write it in `language`.
    """
    if known is None:
        return _guessed(values, language=language, timezone=timezone)
    match known.type:
        case "id":
            return _ID
        case "id_list":
            return _IDS
        case "number":
            return _number(values, language, ranged=known.name in RANGED)
        case "bool":
            return _BOOL
        case "date" | "datetime":
            return _datetime(values, language, timezone, kind=known.type)
        case "duration_ms":
            return _duration(values, language)
        case "enumeration":
            return _enumeration(known.name, tuple(values[:_SEEN_FIRST]))
        case "enumeration_list":
            return Form(
                type="enumeration_list",
                written_as="options joined by ;",
                typed=r"regexp_replace({c}, '\s*;\s*', ';', 'g')",
                fault="false",
            )
        case _:
            return TEXT


def _in(cell: str, words: Iterable[str]) -> str:
    return f"{cell} IN ({', '.join(sql_text(word) for word in sorted(words))})"


def _filled(sql: str) -> str:
    """SQL for the cells that hold something: DuckDB would work out the parts that `sql` repeats for blank ones too."""
    return f"CASE WHEN {{c}} IS NOT NULL THEN {sql} END"


def given_time(value: object, called: str) -> dt.datetime:
    """A day or a time that a caller gave, as text, `date`, `datetime` or a pandas or NumPy one; an offset is dropped.

    Raises WorkbenchError, in which it is `called` so, where it is none.
    """
    try:
        if isinstance(value, str | dt.date | np.datetime64) and not pd.isna(found := pd.Timestamp(value)):
            return found.tz_localize(None).to_pydatetime()
    except (ValueError, TypeError, OverflowError):
        pass
    raise WorkbenchError(f"{called} is {value!r}, not a date: write it as in '2026-06-30'.")


_DAMAGED = r"\d(?:[.,]\d+[eE]\+?|[eE]\+)\d+"
_A_DAMAGED_ONE = rf"(^|;)\s*{_DAMAGED}\s*(;|$)"


def _ids(kind: str, written_as: str) -> Form:
    """One id, or several joined by ;. Those a spreadsheet has rounded are left out."""
    parts = "';' || replace({c}, ';', ';;') || ';'"
    for pattern, to in ((rf";\s*{_DAMAGED}\s*;", ""), (r";\s*(\d+)[.,]0{1,2}\s*;", r";\1;"), (r"\s*;[\s;]*", ";")):
        parts = f"regexp_replace({parts}, {sql_text(pattern)}, {sql_text(to)}, 'g')"
    odd = " OR ".join(f"contains({{c}}, '{sign}')" for sign in ".,+ ")
    damaged = f"regexp_matches({{c}}, {sql_text(_A_DAMAGED_ONE)})"
    return Form(
        type=kind,
        written_as=written_as,
        typed=f"CASE WHEN {odd} THEN nullif(trim({parts}, '; '), '') ELSE {{c}} END",
        fault=f"{_DID_NOT_FIT} OR (contains({{c}}, ';') AND contains(lower({{c}}), 'e') AND {damaged})",
        code="L006",
    )


_ID = _ids("id", "id")
_IDS = _ids("id_list", "ids joined by ;")
_LOWER = "lower(trim({c}))"
_BOOL = Form(
    type="bool",
    written_as="yes or no",
    typed=_filled(f"CASE WHEN {_in(_LOWER, TRUE_WORDS)} THEN true WHEN {_in(_LOWER, FALSE_WORDS)} THEN false END"),
    fault=_DID_NOT_FIT,
    code="L005",
)
_CLOCK = r"^\s*(\d+):([0-5]?\d):([0-5]?\d)\s*$"


def _enumeration(name: str, seen: tuple[str, ...]) -> Form:
    values: dict[str, str] = {option.value.lower(): option.value for option in catalog.options(name)}
    for language in catalog.LANGUAGES:
        for option in catalog.options(name):
            for label in option.labels[language]:
                values.setdefault(label.lower(), option.value)
    if not values:
        return Form(type="enumeration", written_as="options", typed="{c}", fault="false")
    cell, written = _LOWER, {text: values[text.lower()] for text in seen if text.lower() in values}
    if name in ("dealstage", "hs_pipeline_stage"):  # exports add the pipeline: "Closed Won (Sales Pipeline)"
        cell = r"regexp_replace(lower(trim({c})), '\s*\([^()]*\)$', '')"
    # a CASE within a CASE would make the text small once for each of its words
    typed = f"coalesce({_map(values)}[{cell}], {{c}})"
    if written:  # as they were written in the sample: a comparison as it stands is the fastest
        typed = f"CASE {{c}} {_cases(written)} ELSE {typed} END"
    return Form(
        type="enumeration",
        written_as="options, labels taken to internal values",
        typed=_filled(typed),
        fault="false",
    )


def _map(values: Mapping[str, str]) -> str:
    return "MAP {" + ", ".join(f"{sql_text(label)}: {sql_text(value)}" for label, value in values.items()) + "}"


def _cases(values: Mapping[str, str]) -> str:
    return " ".join(f"WHEN {sql_text(label)} THEN {sql_text(value)}" for label, value in values.items())


def _number(values: Sequence[str], language: catalog.Language, *, ranged: bool = False) -> Form:
    signed = [value for value in values if "." in value or "," in value]
    n_either = sum(_EITHER.fullmatch(value) is not None for value in signed)
    n_point = sum(_POINT.fullmatch(value) is not None for value in signed) - n_either
    n_comma = sum(_COMMA.fullmatch(value) is not None for value in signed) - n_either
    if n_point != n_comma:
        return _number_form(n_comma > n_point, ranged, "")
    if n_either:
        return _number_form(language != "en", ranged, "L015")
    return _number_form(None, ranged, "")


@cache
def _number_form(comma: bool | None, ranged: bool, doubt: str) -> Form:
    """`comma`: whether it is the decimal sign; None where nothing has told it, so that 1.234 does not fit yet."""

    def to_number(text: str, comma: bool) -> str:
        point, thousands = (",", ".") if comma else (".", ",")
        digits = f"regexp_replace({text}, '[^-\\d.,]+', '', 'g')"
        return f"try_cast(replace(replace({digits}, '{thousands}', ''), '{point}', '.') AS DOUBLE)"

    def amount(comma: bool) -> str:
        pattern = sql_text((_COMMA if comma else _POINT).pattern)
        percent = "CASE WHEN contains({c}, '%') THEN 100 ELSE 1 END"
        return f"WHEN regexp_full_match({{c}}, {pattern}) THEN {to_number('{c}', comma)} / {percent}"

    if comma is None:
        whole = "try_cast({c} AS DOUBLE)"  # or decimals, but too short or without a point
        fast = f"CASE WHEN strlen({{c}}) < 5 THEN {whole} WHEN NOT contains({{c}}, '.') THEN {whole} END"
        slow = f"WHEN regexp_full_match({{c}}, {sql_text(_EITHER.pattern)}) THEN NULL {amount(False)} {amount(True)}"
    elif comma:
        fast = "CASE WHEN NOT contains({c}, '.') THEN try_cast(replace({c}, ',', '.') AS DOUBLE) END"
        slow = amount(True)
    else:
        fast = "try_cast({c} AS DOUBLE)"
        slow = amount(False)
    fault = _DID_NOT_FIT
    if ranged:
        is_range = f"regexp_full_match({{c}}, '\\s*({_RANGE})\\s*')"
        low = "regexp_extract({c}, '\\d[\\d.,]*')"
        either_point = f"try_cast(replace({low}, ',', '.') AS DOUBLE)"
        slow += (
            f" WHEN {is_range} THEN CASE WHEN contains({{c}}, '<') THEN 0 "
            f"WHEN regexp_full_match({low}, '{_LEAD}([.,]\\d{{3}})+') "
            f"THEN try_cast(regexp_replace({low}, '[.,]', '', 'g') AS DOUBLE) "
            f"ELSE {either_point if comma is None else to_number(low, comma)} END"
        )
        fault = f"{{c}} IS NOT NULL AND ({{t}} IS NULL OR (try_cast({{c}} AS DOUBLE) IS NULL AND {is_range}))"
    return Form(
        type="number",
        written_as="1234" if comma is None else "1.234,5" if comma else "1,234.5",
        typed=_filled(f"coalesce({fast}, CASE {slow} END)"),
        possible="isfinite({v})",
        fault=fault,
        code="L003",
        doubt=doubt,
    )


def _duration(values: Sequence[str], language: catalog.Language) -> Form:
    form = _number(values, language)
    hours, minutes, seconds = (f"regexp_extract({{c}}, '{_CLOCK}', {group})::DOUBLE" for group in (1, 2, 3))
    clock = f"1000.0 * (3600 * {hours} + 60 * {minutes} + {seconds})"
    return replace(
        form,
        type="duration_ms",
        written_as="milliseconds or HH:MM:SS",
        typed=f"coalesce({form.typed}, CASE WHEN regexp_matches({{c}}, '{_CLOCK}') THEN {clock} END)",
        code="L012",
    )


def _datetime(values: Sequence[str], language: catalog.Language, timezone: str | None, *, kind: str) -> Form:
    formats: Counter[tuple[str, str, int]] = Counter()  # (how the day is written, how the time is, characters)
    above: dict[str, list[int]] = {}  # separator to how often the first and the second number are no month
    zoned = fraction = epoch = serial = named = months = False
    for value in values:
        text = value.strip()
        if found := _YEAR_FIRST.fullmatch(text):
            if found["zone"] is not None:
                zoned = True
            elif found["fraction"] is not None:
                fraction = True
            else:
                day = f"%Y{found['sep']}%m{found['sep']}%d"
                formats[day, _time(found["gap"], found["seconds"], found["half"]), len(text)] += 1
        elif found := _YEAR_LAST.fullmatch(text):
            counts = above.setdefault(found["sep"], [0, 0])
            counts[0] += int(found["first"]) > 12
            counts[1] += int(found["second"]) > 12
            year = "%Y" if len(found["year"]) == 4 else "%y"
            day = f"%1{found['sep']}%2{found['sep']}{year}"
            formats[day, _time(found["gap"], found["seconds"], found["half"]), len(text)] += 1
        elif _EPOCH_MS.fullmatch(text):
            epoch = True
        elif _SERIAL.fullmatch(text):
            serial = True
        elif _NAMED.fullmatch(text):
            named = True
        elif kind == "date" and _WHOLE_MONTH.fullmatch(text):
            months = True
    order: dict[str, tuple[str, str]] = {}
    doubt = ""
    for sep, (first, second) in above.items():
        in_doubt = first == second
        # nobody writes month.day.year
        day_first = first > second or (in_doubt and (sep == "." or language != "en"))
        order[sep] = ("%d", "%m") if day_first else ("%m", "%d")
        if in_doubt and sep != ".":
            doubt = "L010"
    spelt: Counter[tuple[str, int]] = Counter()
    for (day, time, length), n in formats.items():
        if day.startswith("%1"):
            first_is, second_is = order[day[2]]
            day = day.replace("%1", first_is).replace("%2", second_is)
        spelt[day + time, length] += n
    if not (spelt or zoned or fraction or epoch or serial or named or months) or any(
        form.startswith("%Y-") for form, _ in spelt
    ):
        for form in _ISO:
            spelt[form] += 0
    # a year of four digits is tried last: two digits would fit it, too
    ranked = tuple(sorted(spelt, key=lambda form: ("%Y" in form[0], -spelt[form], form)))
    return _datetime_form(ranked, zoned, fraction, epoch, serial, named, months, timezone, kind, doubt)


def _time(gap: str | None, seconds: str | None, half: str | None) -> str:
    if gap is None:
        return ""
    clock = ("%I" if half else "%H") + ":%M" + (":%S" if seconds else "")
    return gap + clock + (half.replace(half.strip(), "%p") if half else "")


@cache
def _datetime_form(
    formats: tuple[tuple[str, int], ...],  # with the length of the texts that were seen to be written so
    zoned: bool,
    fraction: bool,
    epoch: bool,
    serial: bool,
    named: bool,
    months: bool,
    timezone: str | None,
    kind: str,
    doubt: str,
) -> Form:
    ways: list[str] = []
    # a day that stands for itself, such as a month's first, is the written one wherever the clock was read
    timezone = None if kind == "date" else timezone
    if zoned:
        ways.append(_with_offset(timezone, kind))
    if fraction:
        ways.append(
            r"CASE WHEN regexp_matches({c}, '^\s*\d{4}[/-]\d\d?[/-]\d\d?[ T]\d\d?:\d\d:\d\d\.\d+\s*$') "
            "THEN try_cast(trim({c}) AS TIMESTAMP) END"
        )
    if epoch:
        moment = "CASE WHEN regexp_full_match({c}, '1\\d{12}') THEN epoch_ms(try_cast({c} AS BIGINT)) END"
        if timezone:
            moment = f"timezone({sql_text(timezone)}, timezone('UTC', {moment}))"
        ways.append(moment)
    if serial:
        ways.append(
            "CASE WHEN regexp_full_match({c}, '[2-6]\\d{4}(\\.\\d+)?') THEN TIMESTAMP '1899-12-30' + "
            "to_seconds(round(86400 * try_cast({c} AS DOUBLE))) END"
        )
    if formats:
        ways.append(_by_length(formats))
    if named:
        ways += [_named(_NAMED_DAY_FIRST, day=1, month=2), _named(_NAMED_MONTH_FIRST, day=2, month=1)]
    if months:
        ways += [_first_of_named_month(), "try_strptime(trim({c}), ['%Y-%m', '%m.%Y', '%m/%Y'])"]
    value = ways[0] if len(ways) == 1 else f"coalesce({', '.join(ways)})"
    if kind == "date":
        value = f"date_trunc('day', {value})::TIMESTAMP"
    written = list(dict.fromkeys("YYYY-MM-DD HH:MM" if form.startswith("%Y-") else _shown(form) for form, _ in formats))
    return Form(
        type=kind,
        written_as=", ".join(
            written
            + (["times with an offset"] if zoned else [])
            + (["fractions of a second"] if fraction else [])
            + (["milliseconds since 1970"] if epoch else [])
            + (["a spreadsheet's day number"] if serial else [])
            + (["months by name"] if named else [])
            + (["whole months"] if months else [])
        ),
        typed=value,
        possible="{v} BETWEEN TIMESTAMP '1900-01-01' AND TIMESTAMP '2199-12-31 23:59:59.999999'",
        fault=_DID_NOT_FIT,
        code="L004",
        doubt=doubt,
    )


def _by_length(formats: Sequence[tuple[str, int]]) -> str:
    """SQL: the time that a text tells which is written in one of these ways.

    A text that does not fit a way costs ten times one that does, so those of one length are tried first. A cast would
    be as fast, but drops offsets and halves of the day without a word.
    """

    def tried(of: Iterable[str]) -> str:
        return f"try_strptime({{c}}, [{', '.join(map(sql_text, dict.fromkeys(of)))}])"

    # of the others those that begin with a digit: DuckDB knows the words `epoch` and `infinity`
    every = tried(form for form, _ in formats)
    others = f"CASE WHEN ltrim({{c}}) BETWEEN '0' AND ':' THEN {every} END"
    lengths = dict.fromkeys(length for _, length in formats if length >= 10)
    cases = [f"WHEN {one} THEN {tried(form for form, length in formats if length == one)}" for one in lengths]
    return _filled(f"CASE strlen({{c}}) {' '.join(cases)} ELSE {others} END" if cases else others)


def _with_offset(timezone: str | None, kind: str) -> str:
    """SQL: the time that a text such as `2025-03-04T10:00:00+02:00` tells, else NULL."""
    pattern = rf"'\d:\d\d(:\d\d(\.\d+)?)?\s*{_OFFSET}\s*$'"
    if kind == "date":
        moment = r"try_cast(regexp_extract({c}, '\d{4}[/-]\d\d?[/-]\d\d?') AS TIMESTAMP)"
    else:
        joined = r"regexp_replace({c}, '\s+([+-]\d[\d:]*|Z)\s*$', '\1')"
        aware = f"coalesce(try_cast({{c}} AS TIMESTAMPTZ), try_cast({joined} AS TIMESTAMPTZ))"
        moment = f"timezone({sql_text(timezone or 'UTC')}, {aware})"
    return f"CASE WHEN regexp_matches({{c}}, {pattern}) THEN {moment} END"


def _month_number(name: str) -> str:
    """SQL: the number of the month that a text names."""
    cases = " ".join(f"WHEN {_in(name, names)} THEN {number}" for number, names in enumerate(_MONTHS, start=1))
    return f"CASE {cases} END"


def _named(pattern: str, *, day: int, month: int) -> str:
    """SQL: the time that a text such as `12. März 2025` or `Mar 12, 2025 9:30 PM` tells, else NULL."""
    text = "lower(trim({c}))"
    groups = [f"regexp_extract({text}, {sql_text(pattern)}, {group})" for group in range(1, 6)]
    date = f"{groups[2]} || '-' || {_month_number(groups[month - 1])} || '-' || {groups[day - 1]}"
    clock = f"coalesce(nullif({groups[3]}, ''), '0:00')"
    half = f"CASE WHEN {groups[4]} = '' THEN '' ELSE ' ' || {groups[4]} END"
    clocks = "['%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S', '%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M:%S %p']"
    moment = f"try_strptime({date} || ' ' || {clock} || {half}, {clocks})"
    return f"CASE WHEN regexp_full_match({text}, {sql_text(pattern)}) THEN {moment} END"


def _first_of_named_month() -> str:
    text, pattern = "lower(trim({c}))", sql_text(_NAMED_MONTH)
    month, year = (f"regexp_extract({text}, {pattern}, {group})" for group in (1, 2))
    moment = f"make_timestamp(try_cast({year} AS BIGINT), {_month_number(month)}, 1, 0, 0, 0)"
    return f"CASE WHEN regexp_full_match({text}, {pattern}) THEN {moment} END"


def _shown(form: str) -> str:
    shown = {
        "%d": "DD",
        "%m": "MM",
        "%Y": "YYYY",
        "%y": "YY",
        "%H": "HH",
        "%I": "hh",
        "%M": "MM",
        "%S": "SS",
        "%p": "AM",
    }
    return re.sub(r"%\w", lambda found: shown[found[0]], form)


def _guessed(values: Sequence[str], *, language: catalog.Language, timezone: str | None) -> Form:
    if not values:
        return TEXT
    words = {value.strip().lower() for value in values}
    if words <= _PLAIN_YES_NO:
        return _BOOL
    if not any(re.match(r"\s*[-+]?0\d", value) for value in values) and all(
        looks_like_a_number(value) for value in values
    ):
        form = _number(values, language)
        # a text such as 007 or a digit string too long for a number must stay as it is
        fault = f"{form.fault} OR regexp_matches({{c}}, '^\\s*[-+]?0\\d|^\\s*\\+|\\d{{16}}|[a-zA-Z_]')"
        return replace(form, fault=fault)
    if all(looks_like_a_date(value) for value in values) and not all(_VERSION.fullmatch(value) for value in values):
        return _datetime(values, language, timezone, kind="datetime")
    return TEXT


def looks_like_a_number(value: str) -> bool:
    """Whether a text can be a number, in any of the ways to write one."""
    if re.search(r"\d{16}|[a-zA-Z_]|^\s*\+", value):
        return False
    return _POINT.fullmatch(value) is not None or _COMMA.fullmatch(value) is not None


def looks_like_a_date(value: str) -> bool:
    """Whether a text can be a date, in any of the ways to write one but as a number."""
    text = value.strip()
    return any(shape.fullmatch(text) is not None for shape in (_YEAR_FIRST, _YEAR_LAST, _NAMED))
