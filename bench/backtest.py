"""Rebuild the score of a million contacts at 12 ends of months from 20 million events; bar: 90 s on two cores.

Also each contact once, ten days after its creation. `python bench/backtest.py [contacts] [events]`.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from _made import workspace_of
from reference import reference_seconds

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
    contacts = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000_000
    won = wb.Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)
    model = wb.ScoreModel.read(MODEL)
    with tempfile.TemporaryDirectory() as name:
        ws = workspace(Path(name), contacts, events)
        ways = {"12 ends of months": {"monthly": 12}, "10 days after creation": {"days_after_creation": 10}}
        print(f"{contacts:,} contacts, {events:,} events")
        for title, given in ways.items():
            before, start = reference_seconds(), time.perf_counter()
            found = wb.backtest(ws, model, outcome=won, **given)
            took, judged = time.perf_counter() - start, found.calibration.n_leads
            fixed = (before + reference_seconds()) / 2
            print(f"{title}: {took:.1f} s, {judged:,} leads judged; {took / fixed:.0f} times the fixed {fixed:.1f} s")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
