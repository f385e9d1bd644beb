"""What an export is worth: how full it is, what is stale, who may be written to, which dates cannot be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import duckdb
import pandas as pd

from workbench import catalog
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders.associations import address_sql
from workbench.loaders.joining import before
from workbench.loaders.recognise import KEYS
from workbench.loaders.report import check_number
from workbench.loaders.values import given_time
from workbench.loaders.workspace import HIDDEN, Workspace, needs_workspace, to_pandas
from workbench.sql import parquet, quoted, sql_text
from workbench.wording import percent, plural

STAGES = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")
"""The lifecycle in its order; contacts may leave stages out but do not enter an earlier one after a later one."""
EARLIEST = dt.date(1990, 1, 1)
"""No CRM holds an event of before: such a date is a default of some software, 1970-01-01 most of all."""

MOST_STALE_DAYS = 36_500
FINDINGS = ("impossible dates", "stale records", "consent", "duplicates")
BLANK = "blank cells"
_OWN_DOING = ("email_open", "email_click", "page_view", "form_submission", "call", "meeting")
_PLANNED = ("call", "meeting", "task")
_SIGNS = (
    "createdate", "first_conversion_date", "recent_conversion_date", "hs_email_last_open_date", "notes_last_updated",
    "notes_last_contacted",
)  # fmt: skip
_PAIRS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "contacts": (("createdate", "closedate", "closed"), ("createdate", "lastmodifieddate", "changed")),
    "deals": (("createdate", "closedate", "closed"),),
    "tickets": (
        ("createdate", "closed_date", "closed"),
        ("createdate", "first_agent_reply_date", "answered"),
        ("createdate", "hs_first_agent_message_sent_at", "answered by an agent"),
    ),
}
_KNOWN_BY: Mapping[str, tuple[str, ...]] = {
    "contacts": ("firstname", "lastname", "email"),
    "companies": ("name", "domain"),
    "deals": ("dealname", "dealstage"),
    "tickets": ("subject",),
    "activities": ("contact_id", "kind", "at"),
    "feedback": ("contact_id", "rating"),
    "usage": ("customer_id", "month"),
    "seats": ("customer_id", "month"),
    "spend": ("month", "source"),
    "property_history": ("object", "record_id", "property"),
}
_CLOSED_DEAL = "dealstage IN ('closedwon', 'closedlost')"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """One count: rows of a table that meet a condition."""

    finding: str
    table: str
    figure: str
    where: str  # SQL
    of: str = "true"  # SQL: among which rows
    columns: tuple[str, ...] = ()
    what_to_do: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Audit:
    """An export, looked over. Every figure leads to its rows: `rows`.

    `findings` has one row per figure: `finding` (impossible dates, stale records, consent, duplicates), `table`,
    `figure` (what was counted), `n` rows `of` so many, `share` (0 to 1), `what_to_do`. `properties` has one row per
    property of each table: `table`, `property`, `label`, `headers` (as the files call it), `recognised`, `type`,
    `n_rows`, `n_filled`, `fill_rate` (0 to 1), `n_faults`, `unused` (why, or ""). `files` says what each file was taken
    for and why. `stale_days` are days before `as_of`.
    """

    workspace: Workspace
    as_of: dt.datetime
    stale_days: int
    findings: pd.DataFrame
    properties: pd.DataFrame
    figures: Sequence[_Figure] = field(repr=False)

    @property
    def files(self) -> pd.DataFrame:
        """One row per file: `file`, `object` ("" where it was not loaded), `why`, its rows, how it is written."""
        return self.workspace.report.files

    def frame(self) -> pd.DataFrame:
        """One row per figure."""
        return self.findings

    def headline(self) -> str:
        """How full the tables are, and the most frequent finding of each kind."""
        n_unused = int((self.properties["unused"] != "").sum())
        files = plural(int((self.files["object"] != "").sum()), "file")
        parts = [
            f"{files} taken for {plural(len(self.workspace.tables), 'table')}",
            f"{plural(n_unused, 'property', 'properties')} of {len(self.properties):,} unused",
        ]
        found = self.findings[self.findings["n"] > 0].sort_values("n", ascending=False, kind="stable")
        for finding in dict.fromkeys(self.findings["finding"]):
            worst = found[found["finding"] == finding].head(1)
            parts += [
                f"{row.finding}: {row.n:,} of {row.of:,} {row.table} {row.figure} ({percent(row.share)})"
                for row in worst.itertuples()
            ]
        return "; ".join(parts) + "."

    def rows(
        self,
        finding: str,
        *,
        table: str | None = None,
        figure: str | None = None,
        offset: int = 0,
        most: int | None = None,
    ) -> pd.DataFrame:
        """The rows behind figures: `table`, `figure`, `file`, `row` (as a spreadsheet numbers it) and what they are.

        Parameters
        ----------
        finding
            "impossible dates", "stale records", "consent", "duplicates", or "blank cells" with `table` and a property
            as `figure`.
        table, figure
            Only of this table, only behind this figure; by default all of the finding, one after another.
        offset, most
            Leave out so many rows, give at most so many.

        Raises
        ------
        WorkbenchError
            There is no such figure, or `offset` or `most` is no number of rows.
        """
        check_number("offset", offset)
        check_number("most", most)
        chosen = [
            one
            for one in [*self.figures, *_blanks(self.workspace)]
            if one.finding == finding and table in (None, one.table) and figure in (None, one.figure)
        ]
        if not chosen and finding in FINDINGS and table is None and figure is None:  # nothing to look at it in
            return pd.DataFrame(columns=["table", "figure", "file", "row"])
        if not chosen:
            raise WorkbenchError(self._what_there_is(finding, table, figure))
        if len(chosen) == 1:
            return self._rows_of(chosen[0], offset, most)
        parts, left, skip = [], most, offset
        for one in chosen:
            n = self._count(one)
            if left == 0 or skip >= n:
                skip -= min(skip, n)
                continue
            part = self._rows_of(one, skip, left)
            skip = 0
            left = None if left is None else left - len(part)
            parts.append(part)
        return pd.concat(parts, ignore_index=True) if parts else self._rows_of(chosen[0], 0, 0)

    def _rows_of(self, one: _Figure, offset: int, most: int | None) -> pd.DataFrame:
        wanted = dict.fromkeys((*KEYS[_object_of(one.table)], *_KNOWN_BY.get(one.table, ()), *one.columns))
        with _connected() as connection:
            types = _types(connection, self.workspace, one.table)
            there = {*types, _seen(types)} if one.table == "contacts" else set(types)
            names = "".join(f", {quoted(name)}" for name in wanted if name in there)
            limit = "" if most is None else f" LIMIT {int(most)}"
            query = (
                f'SELECT {sql_text(one.table)} AS "table", {sql_text(one.figure)} AS figure, _file AS file, '
                f'_row AS "row"{names} FROM {_relation(self.workspace, one.table, types)} '
                f"WHERE ({one.of}) AND ({one.where}) ORDER BY _file, _row{limit} OFFSET {int(offset)}"
            )
            return to_pandas(connection.sql(query).to_arrow_table())

    def _count(self, one: _Figure) -> int:
        if one.finding == BLANK:
            of_table = self.properties[self.properties["table"] == one.table].set_index("property")
            return int((of_table["n_rows"] - of_table["n_filled"])[one.figure])
        same = self.findings[(self.findings["table"] == one.table) & (self.findings["figure"] == one.figure)]
        return int(same[same["finding"] == one.finding]["n"].sum())

    def _what_there_is(self, finding: str, table: str | None, figure: str | None) -> str:
        there = (*FINDINGS, BLANK)
        if finding not in there:
            return f"unknown finding {finding!r}; there are {listing(there)}." + did_you_mean(finding, there)
        of = [one for one in [*self.figures, *_blanks(self.workspace)] if one.finding == finding]
        told = ", ".join(f"{name} {value!r}" for name, value in (("table", table), ("figure", figure)) if value)
        named = [one.figure for one in of if table in (None, one.table)] or [one.table for one in of]
        return f"{finding} has no {told}; there are {listing(dict.fromkeys(named))}." + did_you_mean(
            figure or table or "", named
        )


def audit(workspace: Workspace, *, stale_days: int = 180, as_of: str | dt.date | None = None) -> Audit:
    """Look an export over: fill rates, unused properties, stale records, consent, duplicates, impossible dates.

    Stale is a contact who did nothing for `stale_days` days before `as_of` (the export's own day by default): no opened
    or clicked e-mail, page view, form, call or meeting, as activities and dated properties tell; creation counts as
    such. A deal is stale that is open so long after its close date, a ticket that is open for so long.
    Dates before 1990, after `as_of` where they cannot be plans, and in an order that cannot be, are impossible; a day
    without a time is no earlier than the times of that day.

    Raises
    ------
    WorkbenchError
        `workspace` is none, `stale_days` is no whole number from 1 to 36,500, or `as_of` is no date.
    """
    needs_workspace(workspace)
    if isinstance(stale_days, bool) or not isinstance(stale_days, Integral) or not 1 <= stale_days <= MOST_STALE_DAYS:
        raise WorkbenchError(
            f"stale_days is {stale_days!r}: give a whole number of days from 1 to {MOST_STALE_DAYS:,}, such as 180."
        )
    day = workspace.as_of if as_of is None else given_time(as_of, "as_of")
    figures: list[_Figure] = []
    counted: list[tuple[int, int]] = []
    rows: list[dict[str, Any]] = []
    headers = _headers(workspace)
    with _connected() as connection:
        for table in workspace.tables:
            columns = _types(connection, workspace, table)
            of_table = list(_figures(workspace, table, columns, day, stale_days))
            asked = ["count(*)"]
            for one in of_table:
                asked += [f"count(*) FILTER (WHERE ({one.of}) AND ({one.where}))", f"count(*) FILTER (WHERE {one.of})"]
            for name in columns:
                asked += [f"count({quoted(name)})", f"min({quoted(name)}) = max({quoted(name)})"]
            query = f"SELECT {', '.join(asked)} FROM {_relation(workspace, table, columns)}"
            n_rows, *told = connection.execute(query).fetchall()[0]
            figures += of_table
            counted += list(zip(told[: 2 * len(of_table) : 2], told[1 : 2 * len(of_table) : 2], strict=True))
            known = catalog.by_name(_object_of(table))
            filled = told[2 * len(of_table) :]
            for name, n_filled, same in zip(columns, filled[::2], filled[1::2], strict=True):
                about = headers.get((table, name), ("", "", 0))
                rows.append(
                    {
                        "table": table,
                        "property": name,
                        "label": known[name].label() if name in known else name,
                        "headers": about[0],
                        "recognised": about[1],
                        "type": columns[name],
                        "n_rows": n_rows,
                        "n_filled": n_filled,
                        "fill_rate": n_filled / n_rows if n_rows else 0.0,
                        "n_faults": about[2],
                        "unused": _why_unused(n_filled, n_rows, bool(same)),
                    }
                )
    findings = pd.DataFrame(
        [
            {
                "finding": one.finding,
                "table": one.table,
                "figure": one.figure,
                "n": n,
                "of": of,
                "share": n / of if of else 0.0,
                "what_to_do": one.what_to_do,
            }
            for one, (n, of) in zip(figures, counted, strict=True)
        ],
        columns=["finding", "table", "figure", "n", "of", "share", "what_to_do"],
    )
    order = {name: place for place, name in enumerate(FINDINGS)}
    findings = findings.sort_values("finding", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    return Audit(
        workspace=workspace,
        as_of=day,
        stale_days=stale_days,
        findings=findings,
        properties=pd.DataFrame(rows),
        figures=tuple(sorted(figures, key=lambda one: order[one.finding])),
    )


def _why_unused(n_filled: int, n_rows: int, same: bool) -> str:
    """Why nothing can be told by a property; a mark that only some rows bear tells them from the others."""
    if not n_filled:
        return "blank in all rows"
    return "one value in all rows" if same and n_filled == n_rows > 1 else ""


def _connected() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET memory_limit = '1000MB'")
    return connection


def _relation(workspace: Workspace, table: str, types: Mapping[str, str]) -> str:
    """A table as SQL; contacts with their last sign of life."""
    rows = parquet(workspace.file(table))
    if table != "contacts":
        return rows
    signs = [f"c.{quoted(name)}" for name in _SIGNS if types.get(name) == "date"]
    join = ""
    if "activities" in workspace.tables and "hs_object_id" in types:
        doings = ", ".join(map(sql_text, _OWN_DOING))
        join = (
            'LEFT JOIN (SELECT contact_id, max("at") AS at_last '
            f"FROM {parquet(workspace.file('activities'))} "
            f"WHERE kind IN ({doings}) GROUP BY contact_id) AS a ON a.contact_id = c.hs_object_id"
        )
        signs.append("a.at_last")
    last = f"greatest({', '.join([*signs, 'NULL::TIMESTAMP'])}) AS {quoted(_seen(types))}"
    return f"(SELECT c.*, {last} FROM {rows} AS c {join})"


def _seen(types: Collection[str]) -> str:
    """What the last sign of life is called: as no column of the account's is."""
    name = "last_sign_of_life"
    while name in types:
        name += "_"
    return name


def _types(connection: duckdb.DuckDBPyConnection, workspace: Workspace, table: str) -> dict[str, str]:
    """Property to what kind of values it has: text, number, yes or no, date, list."""
    relation = parquet(workspace.file(table))
    kinds = {"VARCHAR": "text", "DOUBLE": "number", "BOOLEAN": "yes or no", "TIMESTAMP": "date", "DATE": "date"}
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {name: kinds.get(kind, "list") for name, kind, *_ in described if name not in HIDDEN}


def _headers(workspace: Workspace) -> dict[tuple[str, str], tuple[str, str, int]]:
    """(table, property) to the headers it came under, how it was recognised, and its faults."""
    tables = {report.file: catalog.TABLES[report.object] for report in workspace.report.file_reports if report.object}
    found: dict[tuple[str, str], tuple[dict[str, None], dict[str, None], int]] = {}
    for column in workspace.report.column_reports:
        headers, how, n = found.get((tables[column.file], column.name), ({}, {}, 0))
        merged = headers | {column.header: None}, how | {column.recognised: None}, n + column.n_faults
        found[tables[column.file], column.name] = merged
    return {key: (", ".join(headers), ", ".join(how), n) for key, (headers, how, n) in found.items()}


def _blanks(workspace: Workspace) -> Iterator[_Figure]:
    for table in workspace.tables:
        for name in workspace.columns(table):
            yield _Figure(finding=BLANK, table=table, figure=name, where=f"{quoted(name)} IS NULL")


def _figures(
    workspace: Workspace, table: str, types: Mapping[str, str], as_of: dt.datetime, stale_days: int
) -> Iterator[_Figure]:
    dated = {name for name, kind in types.items() if kind == "date"}
    yield from _impossible(table, dated, types, as_of)
    yield from _stale(workspace, table, types, as_of, stale_days)
    if table == "contacts":
        yield from _consent(types)
    yield from _twice(workspace, table, types)


def _impossible(table: str, dated: Collection[str], types: Collection[str], as_of: dt.datetime) -> Iterator[_Figure]:
    correct = "correct one of the dates in the CRM: times between them are wrong"
    for first, second, did in _PAIRS.get(table, ()):
        if first in dated and second in dated:
            yield _Figure(
                finding="impossible dates", table=table, figure=f"{did} before they were created",
                where=before(second, first), columns=(first, second), what_to_do=correct,
            )  # fmt: skip
    if table == "contacts":
        stages = [stage for stage in STAGES if f"hs_v2_date_entered_{stage}" in dated]
        for place, late in enumerate(stages):
            earlier = [f"hs_v2_date_entered_{stage}" for stage in stages[:place]]
            if earlier:
                column = f"hs_v2_date_entered_{late}"
                when = " OR ".join(before(column, name) for name in earlier)
                yield _Figure(
                    finding="impossible dates", table=table, figure=f"entered {late} before an earlier stage",
                    where=when, columns=(*earlier, column),
                    what_to_do="look whether stages were set back; times in stages are wrong until then",
                )  # fmt: skip
    known = catalog.by_name(_object_of(table))
    past = [name for name in dated if name in known]
    late_day = f"TIMESTAMP '{as_of.date() + dt.timedelta(days=1)}'"
    future = []
    for name in past:
        when = f"{quoted(name)} >= {late_day}"
        if table == "deals" and name == "closedate":
            when = f"{when} AND {_CLOSED_DEAL}" if "dealstage" in types else "false"
        if table == "activities" and "kind" in types:
            when = f"{when} AND kind NOT IN ({', '.join(map(sql_text, _PLANNED))})"
        future.append(f"({when})")
    if past:
        yield _Figure(
            finding="impossible dates", table=table, figure="dated after the export", where=" OR ".join(future),
            columns=tuple(past), what_to_do="correct the date, or pass as_of where the export is of another day",
        )  # fmt: skip
        yield _Figure(
            finding="impossible dates", table=table, figure="dated before 1990", columns=tuple(past),
            where=" OR ".join(f"{quoted(name)} < TIMESTAMP '{EARLIEST}'" for name in past),
            what_to_do="clear the date: some software writes 1970 or 1900 where it knows none",
        )  # fmt: skip


def _stale(
    workspace: Workspace, table: str, types: Mapping[str, str], as_of: dt.datetime, stale_days: int
) -> Iterator[_Figure]:
    before = f"TIMESTAMP '{as_of - dt.timedelta(days=stale_days)}'"
    if table == "contacts":
        signs, seen = tuple(name for name in _SIGNS if types.get(name) == "date"), quoted(_seen(types))
        if not signs and "activities" not in workspace.tables:
            return
        yield _Figure(
            finding="stale records", table=table, figure=f"without a sign of life for {stale_days} days",
            where=f"{seen} < {before}", of=f"{seen} IS NOT NULL", columns=(_seen(types), *signs),
            what_to_do="ask them once more whether they want to hear from you, then delete them",
        )  # fmt: skip
        hard = ["hs_email_bounce > 0"] * (types.get("hs_email_bounce") == "number")
        hard += ["hs_email_hard_bounce_reason_enum IS NOT NULL"] * ("hs_email_hard_bounce_reason_enum" in types)
        if hard:
            yield _Figure(
                finding="stale records", table=table, where=f"({' OR '.join(hard)}) AND {seen} < {before}",
                figure=f"bounced, and without a sign of life for {stale_days} days",
                of=f"{seen} IS NOT NULL",
                columns=(_seen(types), "hs_email_bounce", "hs_email_hard_bounce_reason_enum"),
                what_to_do="delete them: nothing reaches them, and bounces harm the sender's name",
            )  # fmt: skip
    if table == "deals" and {"dealstage": "text", "closedate": "date"}.items() <= types.items():
        yield _Figure(
            finding="stale records", table=table, figure=f"open {stale_days} days after their close date",
            where=f"closedate < {before}", of=f"NOT {_CLOSED_DEAL}", columns=("closedate",),
            what_to_do="close them as lost or give them a new date; the forecast counts them",
        )  # fmt: skip
    if table == "tickets" and {"createdate": "date", "closed_date": "date"}.items() <= types.items():
        yield _Figure(
            finding="stale records", table=table, figure=f"open for more than {stale_days} days",
            where=f"createdate < {before}", of="closed_date IS NULL", columns=("createdate", "hs_pipeline_stage"),
            what_to_do="close or answer them",
        )  # fmt: skip


def _consent(types: Mapping[str, str]) -> Iterator[_Figure]:
    if types.get("hs_email_optout") == "yes or no":
        yield _Figure(
            finding="consent", table="contacts", figure="unsubscribed from all e-mail", where="hs_email_optout",
            columns=("hs_email_optout",), what_to_do="send them nothing by e-mail",
        )  # fmt: skip
        if "email" in types:
            yield _Figure(
                finding="consent", table="contacts", figure="with an e-mail, not known to be unsubscribed",
                where="hs_email_optout IS NULL", of="email IS NOT NULL", columns=("hs_email_optout",),
                what_to_do="a blank is no consent: see that the legal basis is recorded",
            )  # fmt: skip
    if "hs_legal_basis" in types:
        yield _Figure(
            finding="consent", table="contacts", figure="without a legal basis on record", columns=("hs_legal_basis",),
            where="hs_legal_basis IS NULL", what_to_do="record it, or do not write to them",
        )  # fmt: skip
    if types.get("hs_marketable_status") == "yes or no":
        yield _Figure(
            finding="consent", table="contacts", figure="not marketing contacts", where="NOT hs_marketable_status",
            columns=("hs_marketable_status",), what_to_do="marketing e-mail does not go to them",
        )  # fmt: skip
        if types.get("hs_email_optout") == "yes or no":
            yield _Figure(
                finding="consent", table="contacts", figure="marketing contacts who unsubscribed",
                where="hs_marketable_status AND hs_email_optout", columns=("hs_marketable_status", "hs_email_optout"),
                what_to_do="make them non-marketing: they cost and cannot be written to",
            )  # fmt: skip


def _twice(workspace: Workspace, table: str, types: Mapping[str, str]) -> Iterator[_Figure]:
    rows = parquet(workspace.file(table))
    for of, column, called in (("contacts", "email", "e-mail"), ("companies", "domain", "domain")):
        if table == of and types.get(column) == "text":
            same = f"lower(trim({column}))"
            if of == "contacts":
                same = address_sql(same)
            yield _Figure(
                finding="duplicates", table=table, figure=f"with the {called} of another record",
                where=f"{same} IN (SELECT {same} FROM {rows} GROUP BY 1 HAVING count(*) > 1)",
                of=f"{column} IS NOT NULL", columns=(column,),
                what_to_do="see find_duplicates for which to keep, and merge",
            )  # fmt: skip


def _object_of(table: str) -> str:
    return next(name for name, plural_ in catalog.TABLES.items() if plural_ == table)
