"""Duplicates made one record: by a stated rule for each property, with a log, into a new snapshot; and undone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from workbench import catalog
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders.duplicates import ID, Duplicates, Of
from workbench.loaders.noticing import shared_addresses
from workbench.loaders.reading import connect
from workbench.loaders.survivors import MERGED_IDS, follow
from workbench.loaders.workspace import HIDDEN, Workspace, needs_workspace, read_pointer, to_pandas
from workbench.loaders.writing import alone_in, check_current, point_to, write_snapshot
from workbench.sql import parquet, quoted, sql_text
from workbench.wording import plural

Rule = Literal["newest", "first", "most complete", "ask"]
RULES: tuple[Rule, ...] = get_args(Rule)
LOG, DECISIONS = "merge_log.parquet", "merge.json"
QUESTION_COLUMNS = ("survivor_id", "property", "record_id", "value")
LOG_COLUMNS = ("survivor_id", "record_id", "property", "kept", "lost", "rule")
_EARLIEST = ("createdate", "first_conversion_date", "first_deal_created_date")
_MODIFIED = ("lastmodifieddate", "hs_lastmodifieddate")
_RANK = {"newest": "_place.newest", "first": "_place.first", "most complete": "_place.complete"}
_OBJECTS: Mapping[Of, str] = {"contacts": "contact", "companies": "company"}
STAGE = "lifecyclestage"
_LATEST = ("lastmodifieddate", "hs_lastmodifieddate", "notes_last_updated", "recent_conversion_date")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Merge:
    """What a merge did.

    `workspace` is the Workspace after it. `log` has one row per value that is not in the merged record any more:
    `survivor_id`, `record_id` (whose value it was), `property`, `kept`, `lost`, `rule`; the row with the property
    `hs_object_id` stands for the record itself. `questions` has one row per value to choose from, where the rule is
    "ask" and no answer came: `survivor_id`, `property`, `record_id`, `value`; these groups were not merged.
    """

    workspace: Workspace
    of: Of
    log: pd.DataFrame
    questions: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """The log."""
        return self.log

    def headline(self) -> str:
        """How many records became how many, what was lost and what is left to decide."""
        merged = self.log[self.log["property"] == ID]
        n_left = merged["survivor_id"].nunique()
        n_lost = len(self.log) - len(merged)
        one = "contact" if self.of == "contacts" else "company"
        told = f"{plural(len(merged) + n_left, one, self.of)} became {n_left:,}; {plural(n_lost, 'value')} gave way"
        n_open = self.questions["survivor_id"].nunique()
        return told + (
            f"; {plural(n_open, 'group')} left as they are until their questions are answered." if n_open else "."
        )


def merge(
    workspace: Workspace,
    duplicates: Duplicates,
    *,
    groups: Collection[int] | None = None,
    rules: Mapping[str, Rule] | None = None,
    otherwise: Rule = "most complete",
    keep: Mapping[int, str] | None = None,
    answers: Mapping[tuple[str, str], str] | None = None,
) -> Merge:
    """Make one record of each group of duplicates, in a new snapshot; the old one stays whole.

    Parameters
    ----------
    workspace
        The Workspace, as it is now.
    duplicates
        What `find_duplicates` found in it.
    groups
        Numbers of the groups to merge; by default `duplicates.to_merge`: the sure ones under one name, no likely one.
    rules
        Property to rule. "newest": the value of the record that was modified last; "first": of the one that was
        created first; "most complete": of the one with the most properties known; each skips blanks. "ask": groups
        with two values wait for an answer.
    otherwise
        The rule of all other properties, but for these: dates of creation and of stages entered are the earliest, dates
        of last change the latest, the lifecycle stage the furthest, an opt-out of one holds for all, and lists of ids
        are united.
    keep
        Group to the id of the record that is left, where it should not be the one marked in `duplicates`.
    answers
        To the `questions` of an earlier try: (survivor_id, property) to the value to take, as shown there.

    Returns
    -------
    Merge
        `hs_merged_object_ids` of a record that is left names those that are not; deals, activities and all other
        tables that named them name it. `report.rows_merged` counts them.

    Raises
    ------
    WorkbenchError
        For an unknown group, record, property, rule or answer, or a Workspace that is no longer the current one.
    """
    needs_workspace(workspace)
    there = [name for name in workspace.columns(duplicates.of) if name != ID]
    _check_rules(rules or {}, otherwise, there)
    chosen = _chosen(duplicates, groups, keep or {})
    return _merged(
        workspace, duplicates.of, chosen, rules=dict(rules or {}), otherwise=otherwise, answers=dict(answers or {})
    )


def undo_merge(workspace: Workspace, records: Collection[str] | None = None) -> Workspace:
    """Take the last merge back, or only what became of some records.

    `records` are ids of records that are left after the merge. Without them the snapshot from before the merge is the
    current one again, as it was. Merges before the last can be undone after it. Raises WorkbenchError where the
    Workspace is not the current one, holds no merge, or a record does not come from it.
    """
    needs_workspace(workspace)
    folder = workspace.folder
    if not (folder / DECISIONS).is_file():
        raise WorkbenchError(f"nothing was merged in {workspace.name} since its import: there is nothing to undo.")
    check_current(workspace)
    said = json.loads((folder / DECISIONS).read_text(encoding="utf-8"))
    chosen: dict[str, list[str]] = said["chosen"]
    back = set(chosen if records is None else map(str, records))
    for record in sorted(back - chosen.keys()):
        raise WorkbenchError(
            f"the last merge left no record {record!r}; it left {listing(chosen)}.{did_you_mean(record, chosen)}"
        )
    with alone_in(workspace.path, _say_nothing) as workplace:
        point_to(workspace.path, workplace, said["before"], before=read_pointer(workspace.path)["before"])
    before = workspace.reopened()
    left = {survivor: others for survivor, others in chosen.items() if survivor not in back}
    if not left:
        return before
    answers = {(record, name): value for record, name, value in said["answers"]}
    done = _merged(before, said["of"], left, rules=said["rules"], otherwise=said["otherwise"], answers=answers)
    return done.workspace


def merge_log(workspace: Workspace) -> pd.DataFrame:
    """The log of the merge that made this snapshot, as `Merge.log`; empty where it comes straight from an import."""
    file = workspace.folder / LOG
    if not file.is_file():
        return pd.DataFrame({name: pd.Series(dtype="str") for name in LOG_COLUMNS})
    return to_pandas(pq.read_table(file))


def _check_rules(rules: Mapping[str, str], otherwise: str, there: Collection[str]) -> None:
    for name in rules:
        if name not in there:
            raise WorkbenchError(
                f"there is a rule for {name!r}, but the records have {listing(there)}.{did_you_mean(name, there)}"
            )
    for rule in {*rules.values(), otherwise}:
        if rule not in RULES:
            raise WorkbenchError(f"unknown rule {rule!r}; there are {listing(RULES)}.{did_you_mean(str(rule), RULES)}")


def _chosen(duplicates: Duplicates, groups: Collection[int] | None, keep: Mapping[int, str]) -> dict[str, list[str]]:
    """Id of each record that is left to those that become part of it; groups that share a record are one."""
    records = duplicates.records
    there = set(records["group"])
    for number in [*(groups or ()), *keep]:
        if number not in there:
            raise WorkbenchError(f"there is no group {number!r} of duplicates; there are {listing(sorted(there))}.")
    wanted = set(duplicates.to_merge if groups is None else groups)
    into: dict[str, str] = {}  # id to another one of its group, up to the one that is left

    def end(one: str) -> str:
        while into.get(one, one) != one:
            one = into[one]
        return one

    for group, rows in records[records["group"].isin(wanted)].groupby("group"):
        ids = rows[ID].tolist()
        left = keep.get(int(str(group)), rows.loc[rows["keep"], ID].iloc[0])
        if left not in ids:
            raise WorkbenchError(f"group {group} has no record {left!r} to keep; it has {listing(ids)}.")
        for one in ids:
            into[end(one)] = end(left)
    chosen: dict[str, list[str]] = {}
    for one in into:
        if end(one) != one:
            chosen.setdefault(end(one), []).append(one)
    return {left: sorted(others) for left, others in sorted(chosen.items())}


def _merged(
    workspace: Workspace,
    of: Of,
    chosen: Mapping[str, Collection[str]],
    *,
    rules: Mapping[str, Rule],
    otherwise: Rule,
    answers: Mapping[tuple[str, str], str],
) -> Merge:
    check_current(workspace)
    with alone_in(workspace.path, _say_nothing) as workplace:
        snapshot = workplace / "snapshot"
        shutil.copytree(workspace.folder, snapshot, copy_function=_linked)
        for name in (LOG, DECISIONS):
            (snapshot / name).unlink(missing_ok=True)
        file = snapshot / f"{of}.parquet"
        connection = connect(workplace)
        _gather(connection, workspace, of, chosen)
        how = _rules(connection, of, rules, otherwise)
        questions = _questions(connection, [name for name, rule in how.items() if rule == "ask"], answers)
        open_ = set(questions["survivor_id"])
        done = {survivor: sorted(others) for survivor, others in chosen.items() if survivor not in open_}
        if not done:
            return Merge(workspace=workspace, of=of, log=merge_log(workspace).iloc[:0], questions=questions)
        _write(connection, file, how, answers)
        log = _log(connection, how)
        log.to_parquet(snapshot / LOG)
        _tell(connection, snapshot, workspace, of, done)
        decided = {
            "before": workspace.folder.name,
            "of": of,
            "chosen": done,
            "rules": dict(rules),
            "otherwise": otherwise,
            "answers": [[record, name, value] for (record, name), value in answers.items()],
        }
        text = json.dumps(decided, ensure_ascii=False, indent=1, sort_keys=True)
        (snapshot / DECISIONS).write_text(text, encoding="utf-8")
        n_rows = {name: pq.read_metadata(snapshot / f"{name}.parquet").num_rows for name in workspace.tables}
        manifest = replace(workspace.manifest, tables=n_rows)
        name = f"{manifest.as_of[:10]}-merged-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        write_snapshot(workspace.path, snapshot, manifest, name)
        point_to(workspace.path, workplace, name, before=read_pointer(workspace.path)["before"])
    return Merge(workspace=workspace.reopened(), of=of, log=log, questions=questions)


def _gather(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, of: Of, chosen: Mapping[str, Collection[str]]
) -> None:
    """The table `several`: each record of each group, whole.

    Beside its properties, which the account may call as it likes, it has `_place`: the row of the table, the record
    that is left of its group, and its ranks in it.
    """
    pairs = [(one, survivor) for survivor, others in chosen.items() for one in (survivor, *others)]
    members = pd.DataFrame(pairs, columns=["member", "survivor"], dtype="str")
    connection.register("members", members)
    rows = parquet(workspace.file(of), numbered=True)
    there = workspace.columns(of)
    modified = [f"record.{name} DESC NULLS LAST" for name in _MODIFIED if name in there]
    created = ["record.createdate NULLS LAST"] * ("createdate" in there)
    latest = ["record.createdate DESC NULLS LAST"] * ("createdate" in there)
    filled = " + ".join(f"(record.{quoted(name)} IS NOT NULL)::INT" for name in there)
    orders = {
        "newest": [*modified, *latest, "record._row DESC"],
        "first": [*created, "record._row"],
        "most complete": [f"({filled}) DESC", *modified, "record._row"],
    }
    ranks = ", ".join(
        f"{_RANK[rule].removeprefix('_place.')}: "
        f"row_number() OVER (PARTITION BY members.survivor ORDER BY {', '.join(order)})"
        for rule, order in orders.items()
    )
    connection.execute(
        "CREATE TEMP TABLE several AS SELECT record.* EXCLUDE (file_row_number), "
        f"{{row: record.file_row_number, survivor: members.survivor, {ranks}}} AS _place "
        f"FROM {rows} AS record JOIN members ON members.member = record.{ID}"
    )
    found = {one for (one,) in connection.execute(f"SELECT {ID} FROM several").fetchall()}
    for one, _ in pairs:
        if one not in found:
            raise WorkbenchError(f"{workspace.name} has no record {one!r} in its {of}: find the duplicates again.")


def _rules(connection: duckdb.DuckDBPyConnection, of: Of, rules: Mapping[str, Rule], otherwise: Rule) -> dict[str, str]:
    """Property to the rule by which it is merged."""
    described = connection.execute("DESCRIBE several").fetchall()
    kinds = {name: kind for name, kind, *_ in described if name not in (*HIDDEN, "_place")}
    known = catalog.by_name(_OBJECTS[of])
    found: dict[str, str] = {}
    for name, kind in kinds.items():
        if name in known and known[name].type == "id_list":
            found[name] = "united"
        elif name in rules:
            found[name] = rules[name]
        elif name in _EARLIEST or name.startswith("hs_v2_date_entered_"):
            found[name] = "earliest"
        elif name in _LATEST:
            found[name] = "latest"
        elif name.endswith("optout") and kind == "BOOLEAN":
            found[name] = "if any"
        elif name == STAGE:
            found[name] = "furthest"
        elif name != ID:
            found[name] = otherwise
    return found


def _questions(
    connection: duckdb.DuckDBPyConnection, asked: Collection[str], answers: Mapping[tuple[str, str], str]
) -> pd.DataFrame:
    """The values to choose from; groups with an open question leave `several`. Wrong answers are refused."""
    parts = [
        f"SELECT _place.survivor AS survivor_id, {sql_text(name)} AS property, {ID} AS record_id, "
        f"{column}::VARCHAR AS value FROM several WHERE {column} IS NOT NULL "
        f"QUALIFY count(DISTINCT {column}) OVER (PARTITION BY _place.survivor) > 1"
        for name, column in ((name, f"several.{quoted(name)}") for name in asked)
    ]
    if parts:
        every = to_pandas(connection.sql(f"{' UNION ALL '.join(parts)} ORDER BY ALL").to_arrow_table())
    else:
        every = pd.DataFrame({name: pd.Series(dtype="str") for name in QUESTION_COLUMNS})
    open_ = every
    for (record, name), value in answers.items():
        asked_here = (every["survivor_id"] == record) & (every["property"] == name)
        if value not in (choices := every.loc[asked_here, "value"].unique().tolist()):
            raise WorkbenchError(
                f"the answer for {name!r} of the record {record!r} is {value!r}; "
                + (f"its values are {listing(choices)}." if choices else "there is no such question.")
            )
        open_ = open_[~((open_["survivor_id"] == record) & (open_["property"] == name))]
    connection.register("waiting", open_)
    connection.execute("DELETE FROM several WHERE _place.survivor IN (SELECT survivor_id FROM waiting)")
    return open_.reset_index(drop=True)


def _write(
    connection: duckdb.DuckDBPyConnection, file: Path, how: Mapping[str, str], answers: Mapping[tuple[str, str], str]
) -> None:
    """The table `merged`, one row a group, and the file of all records with these in place of theirs."""
    told = pd.DataFrame(
        [(*key, value) for key, value in answers.items()], columns=["record", "name", "answer"], dtype="str"
    )
    connection.register("told", told)
    columns = [f"{_value(name, rule)} AS {quoted(name)}" for name, rule in how.items() if name != MERGED_IDS]
    old = "string_split(" + MERGED_IDS + ", ';')" if MERGED_IDS in how else "NULL::VARCHAR[]"
    is_gone = f"several.{ID} <> _place.survivor"
    others = f"CASE WHEN {is_gone} THEN [several.{ID}] END"
    ids = f"list_sort(list_distinct(flatten(list(list_concat({old}, {others})))))"
    connection.execute(
        f"CREATE TEMP TABLE merged AS SELECT _place.survivor AS {ID}, {', '.join([*columns, ''])}"
        f"array_to_string({ids}, ';') AS {MERGED_IDS}, first(_file ORDER BY {is_gone}) AS _file, "
        f"first(_row ORDER BY {is_gone}) AS _row, first(_place.row ORDER BY {is_gone}) AS _place "
        "FROM several GROUP BY _place.survivor"
    )
    new = file.with_suffix(".new")
    rows = parquet(file, numbered=True)
    connection.execute(
        f"COPY (SELECT * EXCLUDE (_place) FROM (SELECT * RENAME (file_row_number AS _place) FROM {rows} AS record "
        f"WHERE NOT EXISTS (FROM several WHERE several.{ID} = record.{ID}) UNION ALL BY NAME FROM merged) "
        f"ORDER BY _place) TO {sql_text(str(new))} (FORMAT PARQUET)"
    )
    os.replace(new, file)


def _value(name: str, rule: str) -> str:
    column = f"several.{quoted(name)}"
    if rule == "furthest":
        way = ", ".join(sql_text(option.value) for option in catalog.options(STAGE) if option.value != "other")
        far = f"coalesce(list_position([{way}], {column}), 0)"  # a stage of one's own is no step on the way
        return f"first({column} ORDER BY {far} DESC, {_RANK['most complete']}) FILTER (WHERE {column} IS NOT NULL)"
    if rule in ("earliest", "latest", "if any"):
        return f"{ {'earliest': 'min', 'latest': 'max', 'if any': 'bool_or'}[rule] }({column})"
    if rule == "united":
        united = f"list_sort(list_distinct(flatten(list(string_split({column}, ';')))))"
        return f"nullif(array_to_string({united}, ';'), '')"
    if rule == "ask":
        asked = f"(SELECT answer FROM told WHERE record = _place.survivor AND name = {sql_text(name)})"
        given = f"first({column}) FILTER (WHERE {column}::VARCHAR = {asked})"
        return f"coalesce({given}, any_value({column}))"
    return f"first({column} ORDER BY {_RANK[rule]}) FILTER (WHERE {column} IS NOT NULL)"


def _log(connection: duckdb.DuckDBPyConnection, how: Mapping[str, str]) -> pd.DataFrame:
    left = "several._place.survivor"
    selects = [f"SELECT {left}, {ID}, '{ID}', {left}, {ID}, '' FROM several WHERE {ID} <> {left}"]
    for name, rule in how.items():
        if rule != "united":
            kept, lost = f"merged.{quoted(name)}", f"several.{quoted(name)}"
            selects.append(
                f"SELECT {left}, several.{ID}, {sql_text(name)}, {kept}::VARCHAR, {lost}::VARCHAR, {sql_text(rule)} "
                f"FROM several JOIN merged ON merged.{ID} = {left} WHERE {lost} IS NOT NULL AND {lost} <> {kept}"
            )
    columns = ", ".join(f"col{place} AS {name}" for place, name in enumerate(LOG_COLUMNS))
    named = f"SELECT {columns} FROM ({' UNION ALL '.join(selects)}) AS said({_numbered(len(LOG_COLUMNS))}) ORDER BY ALL"
    return to_pandas(connection.sql(named).to_arrow_table())


def _tell(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Path,
    workspace: Workspace,
    of: Of,
    done: Mapping[str, Collection[str]],
) -> None:
    """The other tables follow, and the report counts the rows that were merged."""
    away = {one: survivor for survivor, others in done.items() for one in others}
    notes = follow(connection, snapshot, list(workspace.tables), {_OBJECTS[of]: away})
    old, new = snapshot / "faults.parquet", snapshot / "faults.new"
    gone = f"FROM several WHERE {ID} <> _place.survivor"
    as_merged = f"SELECT _file, _row, '', 'L008', {ID} {gone}"
    kept = f"SELECT * FROM {parquet(old)}"
    if of == "contacts":  # fewer share an address with another record now
        kept += " WHERE code <> 'L028'"
        notes += [shared_addresses(parquet(snapshot / "contacts.parquet"))] * ("email" in workspace.columns(of))
    every = " UNION ALL ".join([kept, as_merged, *notes])
    connection.execute(f"COPY ({every}) TO {sql_text(str(new))} (FORMAT PARQUET)")
    os.replace(new, old)
    counts = connection.execute(f"SELECT code, count(*) FROM {parquet(old)} GROUP BY code ORDER BY code").fetchall()
    n_merged = dict(connection.execute(f"SELECT _file, count(*) {gone} GROUP BY _file").fetchall())
    report = workspace.report
    files = tuple(replace(one, rows_merged=one.rows_merged + n_merged.get(one.file, 0)) for one in report.file_reports)
    report = replace(report, file_reports=files, counts=dict(counts), faults=old)
    (snapshot / "report.json").write_text(report.to_json(), encoding="utf-8")


def _numbered(n: int) -> str:
    return ", ".join(f"col{place}" for place in range(n))


def _linked(source: str, target: str) -> None:
    """Tables never change in place, so the two snapshots can share them where the disk allows it."""
    if source.endswith(".parquet"):
        try:
            os.link(source, target)
            return
        except OSError:
            pass
    shutil.copyfile(source, target)


def _say_nothing(what: str) -> None:
    """Waiting for another import needs no words here."""
