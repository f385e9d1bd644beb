"""What is worth knowing of a table beside its faults: one address twice, options of one's own, a history cut short."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb

from workbench import catalog
from workbench.loaders.associations import address_sql
from workbench.loaders.reading import scalar
from workbench.sql import parquet, quoted, sql_text

_KEPT_CHANGES: Mapping[str, int] = {"contact": 45}
_KEPT_OTHERWISE = 20
"""Changes of one property of one record that the CRM keeps."""

_OWN_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "contact": ("lifecyclestage",),
    "company": ("lifecyclestage",),
    "deal": ("dealstage",),
    "ticket": ("hs_pipeline_stage",),
}
"""Properties whose options users rename, and whose meaning results hang on."""

_STALE_DAYS = 30


def of_one_table(object_name: str, names: Collection[str], rows: str) -> list[str]:
    """SQL that gives notes on one table: file, row, column, code, value."""
    notes: list[str] = []
    if object_name == "contact" and "email" in names:
        notes.append(shared_addresses(rows))
    for name in _OWN_OPTIONS.get(object_name, ()):
        if name in names:
            known, column = ", ".join(sql_text(option.value) for option in catalog.options(name)), quoted(name)
            notes.append(
                f"SELECT _file, min(_row), {sql_text(name)}, 'L029', {column} FROM {rows} "
                f"WHERE {column} NOT IN ({known}) AND NOT regexp_full_match({column}, '\\d+') GROUP BY _file, {column}"
            )
    if object_name == "property_history":
        of = '"object"' if "object" in names else "''"
        kept = " ".join(f"WHEN {of} = {sql_text(name)} THEN {most}" for name, most in _KEPT_CHANGES.items())
        notes.append(
            f"SELECT _file, min(_row), 'property', 'L027', property || ' of ' || record_id FROM {rows} "
            f"WHERE record_id IS NOT NULL AND property IS NOT NULL GROUP BY _file, {of}, record_id, property "
            f"HAVING count(*) >= CASE {kept} ELSE {_KEPT_OTHERWISE} END"
        )
    return notes


def shared_addresses(rows: str) -> str:
    """SQL that gives a note (L028) for each contact with the e-mail of another one."""
    return (
        "SELECT _file AS file, _row AS \"row\", 'email' AS \"column\", 'L028' AS code, email AS value "
        f"FROM {rows} WHERE lower(email) IN (SELECT lower(email) FROM {rows} WHERE email IS NOT NULL "
        f"GROUP BY 1 HAVING count(*) > 1 AND {address_sql('lower(email)')} IS NOT NULL)"
    )


def stale_scores(
    connection: duckdb.DuckDBPyConnection, folder: Path, tables: Collection[str], scores: Collection[str]
) -> dict[str, str]:
    """Scores whose last change is more than 30 days before the newest activity, and when that was (YYYY-MM-DD)."""
    if not {"activities", "property_history"} <= set(tables):
        return {}
    history, activities = (parquet(folder / f"{name}.parquet") for name in ("property_history", "activities"))
    newest = scalar(connection, f'SELECT max(try_cast("at" AS TIMESTAMP)) FROM {activities}')
    if newest is None:
        return {}
    last = connection.execute(
        "SELECT property, strftime(max(moment), '%Y-%m-%d') "
        f'FROM (SELECT property, try_cast("at" AS TIMESTAMP) AS moment FROM {history}) GROUP BY property '
        f"HAVING max(moment) < TIMESTAMP '{newest}' - INTERVAL {_STALE_DAYS} DAY"
    ).fetchall()
    return {name: day for name, day in last if name in scores}
