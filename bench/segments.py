"""Segments on a million contacts with twenty million events: the first count, a change of one term, discovery.

python bench/segments.py [--contacts 1000000] [--events 20000000]
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
from _made import workspace_of
from _timing import options, told

from workbench.conditions import parse
from workbench.loaders import Workspace
from workbench.segments import Segment, bound, discover
from workbench.segments.explorer import Explorer

TEN_TERMS = (
    'industry in ["industry 1", "industry 2", "industry 3"] and numemployees > 20 and country != "country 4" '
    "and is_known(phone) and not hs_email_optout and in_last_days(createdate, 700) and hs_analytics_num_visits >= 1 "
    'and not contains(jobtitle, "student") and count(page_view, within_days=365) >= 2 and count(email_open) >= 1'
)
PLAIN = """
    SELECT count(*) FROM '{contacts}' LEFT JOIN (
        SELECT contact_id, count(*) FILTER (kind = 'page_view' AND "at" >= DATE '2025-07-01') AS views,
            count(*) FILTER (kind = 'email_open') AS opens
        FROM '{activities}' WHERE kind IN ('page_view', 'email_open') AND "at" < DATE '2026-07-01' GROUP BY contact_id
    ) ON hs_object_id = contact_id
    WHERE industry IN ('industry 1', 'industry 2', 'industry 3') AND numemployees > 20 AND country <> 'country 4'
        AND phone IS NOT NULL AND NOT hs_email_optout AND hs_analytics_num_visits >= 1 AND views >= 2 AND opens >= 1
        AND createdate >= DATE '2026-07-01' - 700 AND createdate < DATE '2026-07-01'
        AND NOT contains(lower(jobtitle), 'student')
"""
"""The same in SQL by hand."""
CHANGED = TEN_TERMS.replace("numemployees > 20", "numemployees > 30")


def make(folder: Path, contacts: int, events: int) -> Workspace:
    """An invented account of so many contacts and events, with 40 properties to look at."""
    here = folder / "made"
    here.mkdir()
    more = ", ".join(f"(random() * {3 + n})::INT::DOUBLE AS more_{n}" for n in range(32))
    connection = duckdb.connect()
    connection.sql("SELECT setseed(0.4)")
    connection.sql(
        f"""
        COPY (SELECT (21000000000 + i)::VARCHAR AS hs_object_id,
            'industry ' || (random() * 9)::INT AS industry, 'country ' || (random() * 12)::INT AS country,
            CASE WHEN random() < 0.9 THEN round(exp(random() * 7)) END AS numemployees,
            CASE WHEN random() < 0.5 THEN '+49 30 ' || i END AS phone, random() < 0.08 AS hs_email_optout,
            ['student', 'head of sales', 'analyst'][1 + (random() * 2)::INT] AS jobtitle,
            (random() * 20)::INT::DOUBLE AS hs_analytics_num_visits, random() < 0.08 AS won,
            TIMESTAMP '2026-06-30' - INTERVAL 1 MINUTE * (random() * 1400000)::INT AS createdate, {more}
            FROM range({contacts}) t(i)) TO '{here}/contacts.parquet'
        """  # noqa: S608
    )
    connection.sql(
        f"""
        COPY (SELECT i::VARCHAR AS activity_id, (21000000000 + (random() * {contacts})::BIGINT)::VARCHAR AS contact_id,
            ['call', 'email_click', 'email_delivered', 'email_open', 'form_submission', 'page_view']
                [1 + (6 * i // {events})::INT] AS kind,
            TIMESTAMP '2026-06-30' - INTERVAL 1 MINUTE * (random() * 1000000)::INT AS at, 'x' AS detail
            FROM range({events}) t(i)) TO '{here}/activities.parquet'
        """  # noqa: S608
    )
    tables = {"contacts": contacts, "activities": events}
    return workspace_of(here, folder / "workspace", as_of="2026-06-30T00:00:00", tables=tables)


def main() -> None:
    """Make the account, then time what a visitor of the page waits for."""
    size = options(__doc__, contacts=1_000_000, events=20_000_000).parse_args()
    print(f"{size.contacts:,} contacts, {size.events:,} events; shortest, median and longest time")
    with tempfile.TemporaryDirectory() as folder:
        workspace = make(Path(folder), size.contacts, size.events)
        segment = Segment("Ten terms", TEN_TERMS)

        def on_duckdb() -> int:
            table = workspace.table("contacts", engine="duckdb")
            events = workspace.table("activities", engine="duckdb")
            frame, (inside,) = bound(table, [segment], as_of=workspace.as_of, activities=events)
            return len(frame.filter(inside).select("hs_object_id").collect("pyarrow"))

        plain = PLAIN.format(**{name: workspace.file(name) for name in ("contacts", "activities")})
        assert duckdb.sql(plain).fetchall()[0][0] == on_duckdb()
        told("ten terms, two counts of events, in SQL by hand", lambda: duckdb.sql(plain).fetchall(), 3)
        told("the same condition on DuckDB", on_duckdb, 3, bar="at most 1.5 s")
        explorer = Explorer(workspace)
        told("the same on the page, the first time", lambda: explorer.mask(parse(TEN_TERMS)), bar="at most 1.5 s")
        told("a change of one term", lambda: explorer.mask(parse(CHANGED)), bar="at most 0.05 s")
        for what, text in [
            ("another number of events", TEN_TERMS.replace(">= 2", ">= 3")),
            ("another span of days", TEN_TERMS.replace("=365", "=200")),
        ]:
            told(what, lambda text=text: explorer.mask(parse(text)), bar="at most 0.3 s")
        told("back to what was asked before", lambda: explorer.mask(parse(TEN_TERMS)), 3, bar="at most 0.05 s")
        inside = explorer.mask(parse(TEN_TERMS))
        told("the page's distribution", lambda: explorer.distribution("industry", inside), 3, bar="at most 0.3 s")
        told("the page's rows, sorted", lambda: explorer.places(inside, sort="numemployees"), 3, bar="at most 0.3 s")
        told("discovery over 40 properties", lambda: discover(workspace, outcome="won"), bar="at most 10 s")


if __name__ == "__main__":
    main()
