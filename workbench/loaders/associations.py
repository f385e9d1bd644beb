"""Which record belongs to which: from the ids that records name, and from the domain of an e-mail where asked."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq

from workbench import catalog
from workbench.loaders.reading import scalar
from workbench.loaders.survivors import BY_DOMAIN, links
from workbench.sql import parquet, quoted, sql_text

if TYPE_CHECKING:
    from workbench.loaders.workspace import Workspace

COLUMNS = ("from_object", "from_id", "to_object", "to_id", "primary", "how")
_PRIMARY = ("associatedcompanyid", "hs_primary_associated_company")
_OWN_ID = {"activity": "activity_id"}


def associations_sql(workspace: Workspace) -> str:
    """SQL that gives `COLUMNS`, one row a pair of records, whichever of the two names the other."""
    order = {name: place for place, name in enumerate(catalog.TABLES)}
    found: list[str] = []
    for name, table in catalog.TABLES.items():
        own = _OWN_ID.get(name, "hs_object_id")
        columns = workspace.columns(table) if table in workspace.tables else ()
        if own not in columns:
            continue
        for column, of in links(table, columns).items():
            ours, theirs = (sql_text(name), quoted(own)), (sql_text(of), "one")
            first, second = (ours, theirs) if order[name] <= order[of] else (theirs, ours)
            how = "'email domain'" if column == BY_DOMAIN else "'ids'"
            found.append(
                f"SELECT {first[0]} AS from_object, {first[1]} AS from_id, {second[0]} AS to_object, "
                f"{second[1]} AS to_id, {str(column in _PRIMARY).lower()} AS is_primary, {how} AS how "
                f"FROM (SELECT {quoted(own)}, trim(unnest(string_split({quoted(column)}, ';'))) AS one "
                f"FROM {parquet(workspace.file(table))} WHERE {quoted(column)} IS NOT NULL)"
            )
    if not found:
        blank = [f"NULL::{'BOOLEAN' if name == 'primary' else 'VARCHAR'} AS {quoted(name)}" for name in COLUMNS]
        return f"SELECT * FROM (SELECT {', '.join(blank)}) WHERE false"
    return (
        'SELECT from_object, from_id, to_object, to_id, bool_or(is_primary) AS "primary", max(how) AS how '
        f"FROM ({' UNION ALL '.join(found)}) WHERE from_id <> '' AND to_id <> '' GROUP BY ALL ORDER BY ALL"
    )


def link_by_domain(connection: duckdb.DuckDBPyConnection, folder: Path, tables: Collection[str]) -> int:
    """Add the column `company_by_domain` to the contacts: the company whose domain their e-mail has.

    Only for contacts that name no company, and only where one company alone has the domain; webmail is left out.
    Returns how many contacts were linked.
    """
    if not {"contacts", "companies"} <= set(tables):
        return 0
    contacts, companies = (folder / f"{name}.parquet" for name in ("contacts", "companies"))
    people, firms = parquet(contacts), parquet(companies)
    there = set(pq.read_schema(contacts).names)
    if "email" not in there or "domain" not in pq.read_schema(companies).names:
        return 0
    named = [name for name in ("associatedcompanyid", "associated_company_ids") if name in there]
    lone = " AND ".join(f"contact.{quoted(name)} IS NULL" for name in named) or "true"
    new = contacts.with_suffix(".new")
    connection.execute(
        f"COPY (WITH domains AS (SELECT {domain_sql('domain')} AS domain, any_value(hs_object_id) AS id FROM {firms} "
        f"WHERE {domain_sql('domain')} NOT IN ({webmail_sql()}) GROUP BY 1 HAVING count(DISTINCT hs_object_id) = 1) "
        f"SELECT contact.* EXCLUDE (file_row_number), CASE WHEN {lone} THEN domains.id END AS {BY_DOMAIN} "
        f"FROM {parquet(contacts, numbered=True)} AS contact "
        f"LEFT JOIN domains ON domains.domain = {domain_sql('contact.email')} ORDER BY file_row_number) "
        f"TO {sql_text(str(new))} (FORMAT PARQUET)"
    )
    os.replace(new, contacts)
    return int(scalar(connection, f"SELECT count({BY_DOMAIN}) FROM {people}"))


def address_sql(text: str) -> str:
    """SQL: an e-mail address; NULL where a word such as `n/a` stands in place of one."""
    return f"CASE WHEN regexp_full_match({text}, '[^@]+@[^@]+') THEN {text} END"


def domain_sql(column: str) -> str:
    """SQL: the bare domain of an e-mail address or of a web address, in small letters."""
    bare = rf"regexp_replace(lower(trim({column})), '^.*@|^[a-z]+://', '')"
    return rf"nullif(regexp_replace(regexp_replace({bare}, '[/?#:].*$|\.$', ''), '^www\.', ''), '')"


def webmail_sql() -> str:
    """The domains of webmail as a list of SQL texts."""
    return ", ".join(map(sql_text, catalog.webmail()))
