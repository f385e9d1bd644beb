"""Rebuild the score of a million contacts at 12 ends of months from 20 million events; bar: 90 s on two cores.

Also each contact once, ten days after its creation.

    python bench/backtest.py [--contacts 1000000] [--events 20000000]
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
from _made import workspace_of
from _timing import most_memory, options, reference_seconds, run

import workbench as wb
from workbench.loaders import Workspace

MODEL = Path(__file__).parents[1] / "data" / "sample" / "score.yaml"
CONTACTS = """
SELECT (21000000000 + i)::VARCHAR AS hs_object_id,
  TIMESTAMP '2025-01-01' + INTERVAL ((hash(i) % 780000)::BIGINT) MINUTE AS createdate,
  ['Software', 'Retail', 'Energy', 'Media'][1 + (hash(i + 1) % 4)::BIGINT] AS industry,
  exp(((hash(i + 2) % 900)::BIGINT) / 100.0)::INTEGER::DOUBLE AS numemployees,
  ['Head of Sales', 'Analyst', 'Director', 'Clerk'][1 + (hash(i + 3) % 4)::BIGINT] AS jobtitle,
  ['Germany', 'France', 'Austria', 'Spain'][1 + (hash(i + 4) % 4)::BIGINT] AS country,
  'a' || i || '@b.example' AS email, false AS hs_email_optout,
  CASE WHEN (hash(i + 5) % 12)::BIGINT = 0 THEN 'customer' ELSE 'lead' END AS lifecyclestage,
  CASE WHEN (hash(i + 5) % 12)::BIGINT = 0 THEN createdate + INTERVAL (15 + (hash(i + 6) % 100)::BIGINT) DAY END
    AS hs_v2_date_entered_customer
FROM range({contacts}) r(i)
"""
EVENTS = """
SELECT i::VARCHAR AS activity_id, (21000000000 + (hash(i) % {contacts})::BIGINT)::VARCHAR AS contact_id,
  ['email_open', 'page_view', 'page_view', 'email_delivered', 'form_submission', 'email_click']
    [1 + (hash(i + 1) % 6)::BIGINT] AS kind,
  TIMESTAMP '2025-01-01' + INTERVAL ((hash(i + 2) % 780000)::BIGINT) MINUTE AS "at", NULL::VARCHAR AS owner,
  ['/pricing', '/demo', '/blog/a', 'E-book', 'Demo request', '/about/jobs'][1 + (hash(i + 3) % 6)::BIGINT] AS detail,
  NULL::VARCHAR AS deal_id
FROM range({events}) r(i)
"""
HISTORY = """
SELECT 'contact' AS object, hs_object_id AS record_id, 'hs_email_optout' AS property, 'true' AS value,
  createdate + INTERVAL 20 DAY AS "at", 'EMAIL' AS source
FROM read_parquet('{folder}/contacts.parquet') WHERE (hash(hs_object_id) % 10)::BIGINT = 0
"""


def workspace(folder: Path, contacts: int, events: int) -> Workspace:
    """A Workspace of invented contacts."""
    build = folder / "build"
    build.mkdir()
    sizes = {"contacts": contacts, "events": events, "folder": build}
    rows = {}
    for name, query in (("contacts", CONTACTS), ("activities", EVENTS), ("property_history", HISTORY)):
        order = ' ORDER BY kind, "at"' if name == "activities" else ""
        duckdb.sql(f"COPY ({query.format(**sizes)}{order}) TO '{build}/{name}.parquet'")
        rows[name] = len(duckdb.read_parquet(f"{build}/{name}.parquet"))
    return workspace_of(build, folder / "home", as_of="2026-06-30", tables=rows)


def main() -> None:
    size = options(__doc__, contacts=1_000_000, events=20_000_000).parse_args()
    won = wb.Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)
    model = wb.ScoreModel.read(MODEL)
    with tempfile.TemporaryDirectory() as name:
        ws = workspace(Path(name), size.contacts, size.events)
        ways = {"12 ends of months": {"monthly": 12}, "10 days after creation": {"days_after_creation": 10}}
        print(f"{size.contacts:,} contacts, {size.events:,} events")
        for title, given in ways.items():
            before = reference_seconds()
            found, (took,) = run(lambda given=given: wb.backtest(ws, model, outcome=won, **given))
            fixed, judged = (before + reference_seconds()) / 2, found.calibration.n_leads
            print(f"{title}: {took:.1f} s, {judged:,} leads judged; {took / fixed:.0f} times the fixed {fixed:.1f} s")
    print(f"most memory: {most_memory():.1f} GB")


if __name__ == "__main__":
    main()
