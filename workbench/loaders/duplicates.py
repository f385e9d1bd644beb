"""Records that are one person or one company twice: surely, by e-mail or domain, or likely, by what they are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import duckdb
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.loaders.associations import address_sql, domain_sql, webmail_sql
from workbench.loaders.workspace import Workspace, needs_workspace, to_pandas
from workbench.sql import parquet, quoted, sql_text
from workbench.wording import plural

ID = "hs_object_id"
Of = Literal["contacts", "companies"]
_ANOTHER_NAME = 0.8  # names less alike than this are two names
_BUT_ANOTHER_NAME = ", but another name"
_LARGEST_BLOCK = 50
"""Records that share a block are compared in pairs; a block of more says too little."""

_SHOWN: Mapping[str, tuple[str, ...]] = {
    "contacts": ("firstname", "lastname", "email", "company", "createdate"),
    "companies": ("name", "domain", "country", "createdate"),
}
_OWN_PART = r"([a-z0-9-]+)\.(?:(?:co|com|ac|org|gov|edu|net)\.)?[a-z]+$"
"""The part of a domain that its owner chose: `one` of mail.one.example."""

_LEGAL_FORMS = (
    "gmbh|ggmbh|mbh|ag|kg|kgaa|ohg|gbr|ug|eg|se|co|cie|ltd|limited|plc|llp|llc|inc|incorporated|corp|corporation|company|"
    "sa|sas|sasu|sarl|eurl|bv|nv|spa|srl|sl|oy|ab|as|aps|pty"
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Duplicates:
    """Groups of records that are one, and why. Nothing is merged: `merge` does that.

    `records` has one row per record of a group: `group` (1, 2, ...; the sure ones first), `hs_object_id`, `keep` (the
    one that would be left: the most complete), `sure`, `likeness` (0 to 1, of the record to the nearest of its group;
    1 where sure), `reason`, and a few properties to know it by. A record can be in a sure and in a likely group.
    """

    of: Of
    records: pd.DataFrame
    n_records: int
    notes: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """One row per record of a group."""
        return self.records

    @property
    def to_merge(self) -> list[int]:
        """Numbers of the groups that `merge` takes unless told otherwise: sure ones, and under one name."""
        doubtful = self.records["reason"].str.endswith(_BUT_ANOTHER_NAME).groupby(self.records["group"]).any()
        sure = self.records["sure"].groupby(self.records["group"]).all()
        return [int(number) for number in sure.index[sure & ~doubtful]]

    def headline(self) -> str:
        """How many records are there once more, surely and likely."""
        groups = self.records.groupby("group")["sure"].agg(["first", "size"])
        sure, likely = groups[groups["first"]], groups[~groups["first"]]
        one = "contact" if self.of == "contacts" else "company"
        told = f"{plural(self.n_records, one, self.of)}: "
        if not len(groups):
            return told + "no duplicates found."
        by = "e-mail" if self.of == "contacts" else "domain"
        parts = []
        if len(sure):
            spare = int(sure["size"].sum()) - len(sure)
            other = int(self.records.groupby("group")["reason"].first().str.endswith(_BUT_ANOTHER_NAME).sum())
            doubt = f", {other:,} of them under another name" if other else ""
            parts.append(f"{spare:,} too many by the same {by} ({plural(len(sure), 'group')}{doubt})")
        if len(likely):
            parts.append(f"{plural(len(likely), 'likely group')} to look at, by what they are called")
        return told + "; ".join(parts) + "."


def find_duplicates(
    workspace: Workspace,
    *,
    of: Of = "contacts",
    same_mailbox: Mapping[str, bool] | None = None,
    likely: bool = True,
    at_least: float = 0.9,
) -> Duplicates:
    """Find contacts with one e-mail or companies with one domain, and those that are likely one by their names.

    Parameters
    ----------
    workspace
        Where to look.
    of
        "contacts" (by e-mail, capitals ignored) or "companies" (by domain; webmail ignored).
    same_mailbox
        Domains at which `ada+news@` is `ada@`, and whether dots before the @ mean nothing either;
        `workbench.catalog.webmail()` is such a list. By default every address is taken as it stands.
    likely
        Whether to propose likely ones too: names and companies that are written alike, or one telephone number.
    at_least
        Likeness, 0 to 1, from which on a pair is proposed. 0.6 of it is the likeness of the names, 0.4 that of the
        companies without their legal forms (1 where the telephone is the same, 0.5 where one is unknown); 0.1 less
        where the two have different addresses at one domain. For companies: the name, and whether the country is the
        same; 0.1 less where they have different domains.

    Raises
    ------
    WorkbenchError
        Where the table was not loaded or has no record id.

    References
    ----------
    Likeness is Winkler's: W. E. Winkler (1990), String comparator metrics and enhanced decision rules in the
    Fellegi-Sunter model of record linkage.
    """
    needs_workspace(workspace)
    if of not in ("contacts", "companies"):
        raise WorkbenchError(f"duplicates are found among 'contacts' or 'companies', not {of!r}.")
    if not 0 <= at_least <= 1:
        raise WorkbenchError(f"at_least is a likeness from 0 to 1, not {at_least!r}.")
    file = parquet(workspace.file(of))
    columns = workspace.columns(of)
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    connection.execute(_ALIKE)
    sides = _contact_keys(columns, same_mailbox or {}) if of == "contacts" else _company_keys(columns)
    keys = ", ".join(f"{sql} AS {name}" for name, sql in sides.items())
    rows = f"FROM {file} WHERE {ID} IS NOT NULL"
    one = sides["sure_key"]
    only = "" if likely else f" AND {one} IN (SELECT {one} {rows} GROUP BY 1 HAVING count(*) > 1)"  # the rest is slow
    connection.execute(
        f"CREATE TEMP TABLE keyed AS SELECT *, {_CALLED[of]} AS called FROM (SELECT {ID}, {keys} {rows}{only})"
    )
    connection.execute(
        f"CREATE TEMP TABLE sure AS SELECT dense_rank() OVER (ORDER BY sure_key) AS of_group, {ID}, shown_key, name "
        "FROM keyed "
        "WHERE sure_key IN (SELECT sure_key FROM keyed WHERE sure_key IS NOT NULL "
        f"GROUP BY sure_key HAVING count(DISTINCT {ID}) > 1)"
    )
    groups = _sure_groups(connection, of)
    notes: list[str] = []
    if likely:
        proposed, notes = _likely_groups(connection, of, at_least)
        groups = (
            pd.concat([groups, proposed.assign(group=proposed["group"] + groups["group"].max())])
            if len(groups)
            else proposed
        )
    records = _described(connection, groups, file, columns, _SHOWN[of])
    return Duplicates(of=of, records=records, n_records=workspace.manifest.tables[of], notes=tuple(notes))


_ALIKE = """
CREATE TEMP MACRO one_byte(sign) AS CASE WHEN ord(sign) < 128 THEN sign ELSE chr(33 + ord(sign) % 94) END;
CREATE TEMP MACRO in_bytes(name) AS CASE WHEN regexp_full_match(name, '[ -~]*') THEN name ELSE
    array_to_string(list_transform(string_split(name, ''), lambda sign: one_byte(sign)), '') END;
CREATE TEMP MACRO alike(a, b) AS jaro_winkler_similarity(in_bytes(a), in_bytes(b));
CREATE TEMP MACRO words(name) AS string_split(name, ' ')
"""
"""Likeness of two names, 0 to 1. DuckDB compares bytes, and two names in Cyrillic would be half alike always: so each
letter beyond ASCII becomes one byte, another one for every letter of a script."""


def _folded(column: str) -> str:
    """SQL: small letters without accents, umlauts in one spelling, single spaces."""
    letters = f"strip_accents(replace(lower({column}), 'ß', 'ss'))"
    one_way = rf"regexp_replace({letters}, '([aou])e', '\1', 'g')"
    return rf"nullif(trim(regexp_replace({one_way}, '[^\p{{L}}\p{{M}}\p{{N}}]+', ' ', 'g')), '')"


def _sorted_words(folded: str) -> str:
    return f"array_to_string(list_sort(string_split({folded}, ' ')), ' ')"


def _firm(column: str) -> str:
    """SQL: a company's name folded, without its legal form."""
    folded = _folded(rf"regexp_replace({column}, '\b(\w)\.(\w)\.', '\1\2', 'g')")  # S.A.R.L. is SARL
    return rf"coalesce(nullif(trim(regexp_replace({folded}, ' ({_LEGAL_FORMS})\b', '', 'g')), ''), {folded})"


def _contact_keys(columns: Collection[str], same_mailbox: Mapping[str, bool]) -> dict[str, str]:
    def have(name: str) -> str:
        return quoted(name) if name in columns else "NULL::VARCHAR"

    email = f"nullif(lower(trim({have('email')})), '')"
    address = address_sql(email)
    key = address
    if same_mailbox:
        domain, local = f"split_part({address}, '@', 2)", f"split_part(split_part({address}, '@', 1), '+', 1)"
        dots = [name for name, mean_nothing in same_mailbox.items() if mean_nothing]
        if dots:
            local = f"CASE WHEN {domain} IN ({_texts(dots)}) THEN replace({local}, '.', '') ELSE {local} END"
        one_box = f"{domain} IN ({_texts(same_mailbox)}) AND {local} <> ''"
        key = f"CASE WHEN {one_box} THEN {local} || '@' || {domain} ELSE {address} END"
    name = _folded(f"concat_ws(' ', {have('firstname')}, {have('lastname')})")
    at = domain_sql(email)
    domain = f"CASE WHEN contains({email}, '@') AND {at} NOT IN ({webmail_sql()}) THEN {at} END"
    digits = f"regexp_replace({have('phone')}, '\\D', '', 'g')"
    return {
        "sure_key": key,
        "shown_key": email,
        "name": _sorted_words(name),
        "firm": f"coalesce({_firm(have('company'))}, regexp_extract({domain}, '{_OWN_PART}', 1))",
        "domain": domain,
        "phone": f"CASE WHEN length({digits}) >= 7 THEN right({digits}, 8) END",
    }


def _company_keys(columns: Collection[str]) -> dict[str, str]:
    def have(name: str) -> str:
        return quoted(name) if name in columns else "NULL::VARCHAR"

    bare = domain_sql(have("domain"))
    domain = f"CASE WHEN {bare} NOT IN ({webmail_sql()}) THEN {bare} END"
    return {
        "sure_key": domain,
        "shown_key": domain,
        "name": _firm(have("name")),
        "firm": f"lower({have('country')})",
        "domain": domain,
        "phone": "NULL::VARCHAR",
    }


def _sure_groups(connection: duckdb.DuckDBPyConnection, of: Of) -> pd.DataFrame:
    said = "same e-mail" if of == "contacts" else "same domain"
    found: pd.DataFrame = connection.sql(
        "WITH named AS (SELECT *, first(name ORDER BY len(words(name)) DESC, name) OVER (PARTITION BY of_group) AS one "
        "FROM sure) "
        f'SELECT of_group AS "group", {ID}, true AS sure, 1.0::DOUBLE AS likeness, '
        f"{sql_text(said)} || CASE WHEN count(DISTINCT shown_key) OVER (PARTITION BY of_group) > 1 "
        "THEN ' but for dots and tags' ELSE '' END || "
        f"CASE WHEN bool_or(alike(name, one) < {_ANOTHER_NAME} AND NOT list_has_all(words(one), words(name))) "
        "OVER (PARTITION BY of_group) "
        f"THEN {sql_text(_BUT_ANOTHER_NAME)} ELSE '' END AS reason FROM named"
    ).df()
    return found


_INITIALS = "array_to_string(list_transform(string_split(called, ' '), lambda word: left(word, 1)), '')"
_CALLED: Mapping[str, str] = {"contacts": "CASE WHEN contains(name, ' ') THEN name END", "companies": "name"}
"""The name by which likely ones are proposed: one word is too little of a person."""

_BLOCKS: Mapping[str, tuple[str, ...]] = {
    "contacts": (f"left(firm, 5) || '/' || {_INITIALS}", "called", "phone"),
    "companies": ("left(called, 6)",),
}
"""What two records must share to be compared."""

_FIRMS: Mapping[str, str] = {
    "contacts": ("CASE WHEN l.phone = r.phone THEN 1 ELSE alike(l.firm, r.firm) END"),
    "companies": "CASE WHEN l.firm = r.firm THEN 1 END",
}
"""How alike two records are beside their names, by the company of people, the country of companies; NULL: unknown."""

_LESS: Mapping[str, str] = {
    "contacts": "CASE WHEN l.domain = r.domain AND l.sure_key <> r.sure_key THEN 0.1 ELSE 0 END",
    "companies": "CASE WHEN split_part(l.domain, '.', 1) <> split_part(r.domain, '.', 1) THEN 0.1 ELSE 0 END",
}
"""What speaks against a pair."""


def _likely_groups(connection: duckdb.DuckDBPyConnection, of: Of, at_least: float) -> tuple[pd.DataFrame, list[str]]:
    """Pairs that share a block and are alike, with the sure duplicates of each, as groups."""
    blocks = " UNION ALL ".join(
        f"SELECT {place} AS kind, {block} AS block, {ID} FROM keyed WHERE called IS NOT NULL AND {block} IS NOT NULL"
        for place, block in enumerate(_BLOCKS[of])
    )
    connection.execute(
        f"CREATE TEMP TABLE blocks AS SELECT *, count(*) OVER (PARTITION BY kind, block) AS n FROM ({blocks}) "
        "QUALIFY n > 1"
    )
    connection.execute(
        f"CREATE TEMP TABLE alike AS WITH pairs AS (SELECT DISTINCT l.{ID} AS a, r.{ID} AS b "
        f"FROM blocks AS l JOIN blocks AS r ON l.kind = r.kind AND l.block = r.block AND l.{ID} < r.{ID} "
        f"WHERE l.n <= {_LARGEST_BLOCK}), compared AS (SELECT a, b, l.phone = r.phone AS one_phone, "
        f"alike(l.called, r.called) AS names, {_FIRMS[of]} AS firms, {_LESS[of]} AS less "
        f"FROM pairs JOIN keyed AS l ON l.{ID} = a JOIN keyed AS r ON r.{ID} = b "
        "WHERE l.sure_key IS DISTINCT FROM r.sure_key OR l.sure_key IS NULL) "
        "SELECT *, 0.6 * names + 0.4 * coalesce(firms, 0.5) - less AS likeness FROM compared "
        f"WHERE names >= 0.85 AND coalesce(firms, 1) >= 0.88 AND likeness >= {at_least - 1e-9}"
    )
    other = "company" if of == "contacts" else "country"
    pairs = connection.sql(
        "SELECT a, b, likeness, "
        "CASE WHEN names >= 1 THEN 'same name' ELSE 'name ' || floor(100 * names)::INT || ' % alike' END || "
        f"CASE WHEN one_phone THEN ', same telephone number' WHEN firms >= 1 THEN ', same {other}' "
        f"WHEN firms IS NOT NULL THEN ', {other} ' || floor(100 * firms)::INT || ' % alike' ELSE '' END AS reason "
        "FROM alike"
    ).df()
    notes = _not_compared(connection)
    if pairs.empty:
        return _sure_groups(connection, of).iloc[:0], notes
    return _joined(pairs, connection.sql(f"SELECT of_group, {ID} FROM sure").df()), notes


def _not_compared(connection: duckdb.DuckDBPyConnection) -> list[str]:
    n_blocks, n_records = connection.execute(
        f"SELECT count(DISTINCT (kind, block)), count(DISTINCT {ID}) FROM blocks WHERE n > {_LARGEST_BLOCK}"
    ).fetchall()[0]
    if not n_blocks:
        return []
    return [
        f"{plural(n_records, 'record')} stand in {plural(n_blocks, 'set')} of more than {_LARGEST_BLOCK} that share a "
        "name, a telephone number or the beginning of a company's name: too little to tell, not compared there."
    ]


def _joined(pairs: pd.DataFrame, sure: pd.DataFrame) -> pd.DataFrame:
    """Pairs that share a record, or a sure duplicate of it, are one group."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    linked = pd.concat([pairs["a"], pairs["b"]]).unique()
    near = sure[sure["of_group"].isin(sure.loc[sure[ID].isin(linked), "of_group"])]
    ids = pd.Index(linked).union(pd.Index(near[ID]))
    first = near.groupby("of_group")[ID].transform("first")
    left = ids.get_indexer(pd.concat([pairs["a"], first]))
    right = ids.get_indexer(pd.concat([pairs["b"], near[ID]]))
    ones = [1] * len(left)
    _, component = connected_components(coo_array((ones, (left, right)), shape=(len(ids), len(ids))), directed=False)
    both = pd.concat([pairs.rename(columns={"a": ID}), pairs.rename(columns={"b": ID})])
    nearest = both.sort_values("likeness", ascending=False, kind="stable").drop_duplicates(ID).set_index(ID)
    found = pd.DataFrame({ID: ids, "group": component, "sure": False})
    found["likeness"] = nearest["likeness"].reindex(ids).fillna(1.0).clip(upper=1.0).to_numpy()
    found["reason"] = nearest["reason"].reindex(ids).fillna("sure duplicate of one of these").to_numpy()
    order = found.groupby("group")["likeness"].transform("max").rank(method="dense", ascending=False)
    return found.assign(group=found.assign(order=order).groupby(["order", "group"]).ngroup() + 1)


def _described(
    connection: duckdb.DuckDBPyConnection,
    groups: pd.DataFrame,
    file: str,
    columns: Collection[str],
    shown: Collection[str],
) -> pd.DataFrame:
    """The groups with what their records are known by, the most complete one of each marked.

    Only columns that are asked for are read: the account's own may be called as those of `groups`.
    """
    shown = [name for name in shown if name in columns]
    filled = " + ".join(f"({quoted(name)} IS NOT NULL)::INT" for name in columns)
    newest = [name for name in ("lastmodifieddate", "hs_lastmodifieddate", "createdate") if name in columns]
    order = ", ".join(["n_filled DESC", *(f"{name} DESC NULLS LAST" for name in newest), ID])
    read = ", ".join(dict.fromkeys([ID, *map(quoted, shown), *map(quoted, newest)]))
    connection.register("found", groups.astype({ID: "str", "reason": "str"}))
    described = connection.sql(
        f'SELECT "group", {ID}, row_number() OVER (PARTITION BY "group" ORDER BY {order}) = 1 AS keep, sure, likeness, '
        f"reason{''.join(f', {quoted(name)}' for name in shown)} FROM found JOIN (SELECT * FROM "
        f"(SELECT {read}, {filled} AS n_filled FROM {file}) "
        f"QUALIFY row_number() OVER (PARTITION BY {ID} ORDER BY n_filled DESC) = 1) "
        f'USING ({ID}) ORDER BY "group", keep DESC, {ID}'
    )
    frame = to_pandas(described.to_arrow_table())
    return frame.astype({"keep": bool, "sure": bool, "group": "int64"})


def _texts(words: Collection[str]) -> str:
    return ", ".join(sql_text(word) for word in words)


__all__ = ["Duplicates", "find_duplicates"]
