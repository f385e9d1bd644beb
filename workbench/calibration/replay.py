"""Past dates played again: each lead with what was known of it then, scored and followed."""

# ruff: noqa: S608  # what is put into SQL here are quoted names, quoted values and dates

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from workbench.calibration.clusters import COMPANY, PARTS, ClusterTally
from workbench.calibration.rebuild import Rebuilt, counts_of
from workbench.conditions import Count, InDays, InPeriod, events_told, moment
from workbench.engines import as_frame, count_by
from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.outcomes import BEFORE, LOST, UNKNOWN, WON, YOUNG
from workbench.scoring import CodeTally, packed_codes, unpacked
from workbench.sql import parquet, quoted, sql_text

if TYPE_CHECKING:
    import duckdb

MOMENT = pd.Timestamp("2000-01-01 12:00")
"""Where each lead's reference date is moved to, with all its other dates, so that one pass serves all leads."""
MOST_CHANGES = 45
"""Changes a property that the vendor keeps for a contact."""
ALREADY = 5
"""State of a lead that had won before its reference date: it is no lead any more."""


_Parts: TypeAlias = tuple[ClusterTally | None, ClusterTally | None, ClusterTally | None]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Replayed:
    """Leads scored at past dates.

    `cells` counts them by score, reference day, state, days followed and whether the win was seen; `codes` by what the
    rules found, with the key `outcome`. `parts` are the judged ones by company, or by lead where one stands at several
    dates: all, those before `split`, and those since; `paths` the score of each lead (row) at each date (column), NaN
    where it was none. `n_already` leads, left out, had won by then.
    """

    cells: pd.DataFrame
    codes: CodeTally
    split: pd.Timestamp
    parts: _Parts
    paths: NDArray[np.float32]
    n_already: int


def replay(
    connection: duckdb.DuckDBPyConnection,
    rebuilt: Rebuilt,
    activities: str | None,
    history: str | None,
    moments: Sequence[pd.Timestamp],
    *,
    days: int | None,
    end: pd.Timestamp,
    window: int,
    split: pd.Timestamp | None,
    together: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Replayed:
    """Score the table `leads` as of each of `moments`, or so many `days` after each lead's creation.

    Scores stay in the table `scored`, a row a lead and date, and are counted there. Later dates are those from `split`
    on, by default after 70 % of the judged leads; `together` says whether companies are known.
    """
    moved = days is not None
    own = f"_created + INTERVAL {days} DAY" if moved else None
    counted = count_events(connection, rebuilt, activities, moments, reference=own)
    packed: list[str] = []
    keys: dict[str, nw.Expr] = {}
    for step, at in enumerate(moments):
        if progress is not None:
            progress(step, len(moments))
        reference = own or f"TIMESTAMP '{at}'"
        leads = lead_table(connection, rebuilt, history, counted, reference=reference, moment=at, moved=moved)
        happened = event_table(connection, rebuilt, activities, reference=reference, moved=moved)
        reached = leads.filter(f"_created <= _reference AND _reference <= TIMESTAMP '{end}'")
        told, keys = _states(reached, end, window)
        frame, codes = packed_codes(
            told, rebuilt.model, activities=happened, related=None, as_of=at, counted=counted.columns
        )
        packed = list(codes)
        kept = {"place": nw.col("_place"), "part": nw.col("_part"), "step": nw.lit(step), **codes, **keys}
        rows = frame.select(*[expression.alias(name) for name, expression in kept.items()]).to_native()
        if step:
            rows.insert_into("scored")
        else:
            rows.create("scored")
    cells = count_by(as_frame(connection.table("scored")), {name: nw.col(name) for name in [*packed, *keys]})
    n_already = int(cells.loc[cells["outcome"] == ALREADY, "n"].sum())
    cells = cells[cells["outcome"] != ALREADY].reset_index(drop=True)
    codes_of = unpacked(cells, rebuilt.model, packed)
    score = np.asarray(codes_of.scores(), dtype=float)[codes_of.pattern]
    worth = pa.Table.from_pandas(cells[packed].assign(score=score).drop_duplicates(packed), preserve_index=False)
    connection.register("worth", worth)
    counts = _counted(cells, score)
    split = _split(counts) if split is None else split
    clustered = together or not moved
    return Replayed(
        cells=counts,
        codes=_by_outcome(codes_of),
        split=split,
        parts=_parts(connection, packed, split) if clustered else (None, None, None),
        paths=_paths(connection, packed, len(moments)),
        n_already=n_already,
    )


def _states(leads: Any, end: pd.Timestamp, window: int) -> tuple[nw.LazyFrame[Any], dict[str, nw.Expr]]:
    """The leads, and what each is counted by: reference day, state, days followed, whether the win was seen."""
    frame = nw.from_native(leads)
    code, at, reference = nw.col("_code"), nw.col("_at"), nw.col("_reference")
    limit = reference.dt.offset_by(f"{window}d")
    won = (code == WON) & ~at.is_null()
    state = nw.when(won & (at <= limit)).then(nw.lit(WON)).otherwise(nw.lit(LOST))
    state = nw.when(limit > nw.lit(end.to_pydatetime())).then(nw.lit(YOUNG)).otherwise(state)
    state = nw.when(won & (at <= reference)).then(nw.lit(ALREADY)).otherwise(state)
    state = nw.when(code == BEFORE).then(nw.lit(BEFORE)).otherwise(state)
    state = nw.when((code == UNKNOWN) | ((code == WON) & at.is_null())).then(nw.lit(UNKNOWN)).otherwise(state)
    until = nw.when(won).then(at).otherwise(nw.lit(end.to_pydatetime()))
    frame = frame.with_columns(state.alias("_state"), until.alias("_until"), won.alias("_won"))
    return frame, {
        "reference": reference.dt.truncate("1d"),
        "outcome": nw.col("_state"),
        "days": (nw.col("_until") - reference).dt.total_minutes() // 1440,
        "seen_to_win": nw.col("_won"),
        "lost": nw.col("_lost"),
    }


def _counted(cells: pd.DataFrame, score: NDArray[np.float64]) -> pd.DataFrame:
    """Leads by score, reference day, state, days followed and whether the win was seen."""
    cells = cells.rename(columns={"outcome": "state"}).assign(score=score)
    never = cells["lost"].astype(bool) & ~cells["seen_to_win"].astype(bool)
    cells["days"] = cells["days"].where(~never, cells["days"].max()).astype("int64")
    cells = cells.astype({"seen_to_win": bool, "state": "int64"})
    keys = ["score", "reference", "state", "days", "seen_to_win"]
    return cells.groupby(keys, sort=True)["n"].sum().reset_index()


def _by_outcome(codes: CodeTally) -> CodeTally:
    """The counts by what the rules found and by outcome alone."""
    cells = pd.DataFrame({"pattern": codes.pattern, "outcome": codes.keys["outcome"].to_numpy(), "n": codes.n})
    cells = cells.groupby(["pattern", "outcome"])["n"].sum().reset_index()
    return replace(
        codes,
        pattern=cells["pattern"].to_numpy(dtype=np.int64),
        keys=cells[["outcome"]].astype("int64"),
        n=cells["n"].to_numpy(dtype=np.int64),
    )


def _split(cells: pd.DataFrame) -> pd.Timestamp:
    """The first reference day after 70 % of the judged leads."""
    by_day = cells[cells["state"].isin([LOST, WON])].groupby("reference")["n"].sum()
    if not len(by_day):
        return pd.Timestamp.max
    past = int(np.searchsorted(by_day.cumsum().to_numpy(), 0.7 * by_day.sum(), side="right"))
    return pd.Timestamp(by_day.index[min(past, len(by_day) - 1)])


def _parts(connection: duckdb.DuckDBPyConnection, packed: list[str], split: pd.Timestamp) -> _Parts:
    """Judged leads by part and score: all, those before `split`, those since; None where companies do not matter."""
    found = connection.sql(
        f"SELECT score, part, reference >= TIMESTAMP '{split}' AS later, count(*) AS n, "
        f"count(*) FILTER (outcome = {WON}) AS won FROM scored JOIN worth USING ({', '.join(packed)}) "
        f"WHERE outcome IN ({LOST}, {WON}) GROUP BY ALL ORDER BY ALL"
    ).fetchnumpy()
    later = np.asarray(found["later"], dtype=bool)

    def tally(chosen: NDArray[np.bool_]) -> ClusterTally:
        names, part = np.unique(found["part"][chosen], return_inverse=True)
        return ClusterTally(
            n_parts=len(names),
            score=np.asarray(found["score"][chosen], dtype=float),
            part=part.astype(np.int64),
            n=np.asarray(found["n"][chosen], dtype=np.int64),
            n_won=np.asarray(found["won"][chosen], dtype=np.int64),
        )

    whole = tally(np.ones(len(later), dtype=bool))
    return (whole, tally(~later), tally(later)) if whole.matter else (None, None, None)


def _paths(connection: duckdb.DuckDBPyConnection, packed: list[str], steps: int) -> NDArray[np.float32]:
    if steps < 2:
        return np.zeros((0, steps), dtype=np.float32)
    found = connection.sql(
        f"SELECT place, step, score FROM scored JOIN worth USING ({', '.join(packed)}) WHERE outcome <> {ALREADY}"
    ).fetchnumpy()
    paths = np.full((int(found["place"].max(initial=-1)) + 1, steps), np.nan, dtype=np.float32)
    paths[found["place"], found["step"]] = found["score"]
    return paths


def lead_table(
    connection: duckdb.DuckDBPyConnection,
    rebuilt: Rebuilt,
    history: str | None,
    counted: EventCounts,
    *,
    reference: str,
    moment: pd.Timestamp,
    moved: bool,
) -> duckdb.DuckDBPyRelation:
    """The leads (table `leads`) with each property as it was at `reference`, an SQL expression over a lead.

    Where a contact has a history of a property, its value then counts, blank before the first one; a contact without
    any has kept the value it has. `counted` adds its columns, as of `moment`.
    """
    types = {row[0]: row[1] for row in connection.sql("DESCRIBE leads").fetchall()}
    columns, joins = [], []
    for position, name in enumerate(rebuilt.properties):
        column = quoted(name)
        value = f"l.{column}"
        if name in rebuilt.from_history and history is not None:
            part = f"h{position}"
            joins.append(
                f'LEFT JOIN (SELECT h.record_id, arg_max(h.value, h."at") FILTER (h."at" <= {reference}) AS value '
                f"FROM {history} h JOIN leads l ON h.record_id = l.hs_object_id "
                f"WHERE h.object = 'contact' AND h.property = {sql_text(name)} GROUP BY 1) {part} "
                f"ON {part}.record_id = l.hs_object_id"
            )
            was = f"TRY_CAST({part}.value AS {types[name]})"
            value = f"CASE WHEN {part}.record_id IS NULL THEN l.{column} ELSE {was} END"
        if moved and types[name].startswith(("TIMESTAMP", "DATE")):
            value = f"({value}) - ({reference}) + TIMESTAMP '{MOMENT}'"
        columns.append(f"{value} AS {column}")
    if counted.columns:
        joins.append(f"LEFT JOIN ({counted.query(moment)}) e ON e.place = l._place")
        columns += [f"coalesce(e.{name}, 0)::BIGINT AS {name}" for name in counted.columns.values()]
    fixed = [f"l.{name}" for name in ("hs_object_id", "_place", "_part", "_created", "_at", "_code", "_lost")]
    selected = ", ".join([*fixed, f"{reference} AS _reference", *columns])
    return connection.sql(f"SELECT {selected} FROM leads l {' '.join(joins)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCounts:
    """Events reduced, in one pass for all reference dates, to counts by lead and span of time (table `counted`).

    `cuts` are the times at which some count starts or ends, ascending; span i lies just before cut i. `columns` are
    the columns that hold each count.
    """

    cuts: tuple[datetime, ...]
    columns: Mapping[Count, str]

    def query(self, moment: pd.Timestamp) -> str:
        """The counts as of `moment` by lead, as SQL."""
        sums, latest = [], 0
        for count, name in self.columns.items():
            start, end = _window(count, moment)
            first = 0 if start is None else bisect_left(self.cuts, start) + 1
            last = bisect_left(self.cuts, end)
            latest = max(latest, last)
            sums.append(f"sum({name}) FILTER (span BETWEEN {first} AND {last}) AS {name}")
        return f"SELECT place, {', '.join(sums)} FROM counted WHERE span <= {latest} GROUP BY place"


def count_events(
    connection: duckdb.DuckDBPyConnection,
    rebuilt: Rebuilt,
    activities: str | None,
    moments: Sequence[pd.Timestamp],
    *,
    reference: str | None,
) -> EventCounts:
    """Count the events of each lead between all dates at which a count starts or ends.

    Counts whose further conditions ask for dates are left out, for what they count changes with the reference date.
    `reference` is that of a lead whose dates are moved to `MOMENT`.
    """
    counts = dict.fromkeys(count for rule in rebuilt.model.rules if rule.enabled for count in counts_of(rule))
    plain = [count for count in counts if not _asks_for_dates(count)]
    if activities is None or not plain:
        return EventCounts(cuts=(), columns={})
    columns = {count: f"_count_{position}" for position, count in enumerate(plain)}
    cuts = sorted({cut for count in plain for moment in moments for cut in _window(count, moment) if cut is not None})
    told, happens = events_told(connection.sql(f"FROM {activities}"), plain)
    flags = [expression.cast(nw.Int8).alias(columns[count]) for count, expression in zip(plain, happens, strict=True)]
    flagged = told.select("contact_id", "at", *flags).to_native()
    at = '"at"' if reference is None else f"\"at\" - ({reference}) + TIMESTAMP '{MOMENT}'"
    names = ", ".join(columns.values())
    events = flagged.query(
        "flagged",
        f"SELECT _place AS place, {at} AS moment, {names} FROM flagged "
        f"JOIN leads ON contact_id = hs_object_id WHERE {' + '.join(columns.values())} > 0",
    )
    sums = ", ".join(f"sum({name})::UINTEGER AS {name}" for name in columns.values())
    events.query(
        "events",
        f"SELECT place, {_span(cuts)} AS span, {sums} FROM events WHERE moment < TIMESTAMP '{cuts[-1]}' GROUP BY 1, 2",
    ).create("counted")
    return EventCounts(cuts=tuple(cuts), columns=columns)


def _window(count: Count, at: pd.Timestamp) -> tuple[datetime | None, datetime]:
    """When a count as of `at` starts, if ever, and the time before which it ends."""
    now = moment(at)
    if now is None:
        raise WorkbenchError("events are counted as of a date, and none came.")
    return (None if count.within_days is None else now.end - timedelta(days=count.within_days)), now.end


def _span(cuts: Sequence[datetime], first: int = 0) -> str:
    """How many cuts lie at or before `moment`, as SQL: a balanced tree of comparisons."""
    if not cuts:
        return str(first)
    half = len(cuts) // 2
    before, after = _span(cuts[:half], first), _span(cuts[half + 1 :], first + half + 1)
    return f"CASE WHEN moment < TIMESTAMP '{cuts[half]}' THEN {before} ELSE {after} END"


def _asks_for_dates(count: Count) -> bool:
    return count.where is not None and any(isinstance(node, InDays | InPeriod) for node in count.where.walk())


def event_table(
    connection: duckdb.DuckDBPyConnection, rebuilt: Rebuilt, activities: str | None, *, reference: str, moved: bool
) -> duckdb.DuckDBPyRelation | None:
    """The events that rules count up to `reference`; moved with each lead's reference date where it has its own."""
    if activities is None or not rebuilt.kinds:
        return None
    wanted = f"e.kind IN ({', '.join(map(sql_text, rebuilt.kinds))})"
    if not moved:
        return connection.sql(f'FROM {activities} e WHERE {wanted} AND e."at" <= {reference}')
    at = f"e.\"at\" - ({reference}) + TIMESTAMP '{MOMENT}'"
    return connection.sql(
        f'SELECT e.* REPLACE ({at} AS "at") FROM {activities} e JOIN leads l ON e.contact_id = l.hs_object_id '
        f'WHERE {wanted} AND e."at" <= {reference}'
    )


def file_table(workspace: Workspace, name: str) -> str | None:
    """A Workspace's table as DuckDB reads it, or None where it was not exported."""
    return parquet(workspace.file(name)) if name in workspace.tables else None


def make_leads(classified: Any, rebuilt: Rebuilt, *, created: str, at: str) -> bool:
    """The table `leads`: a row a contact with what a rebuild needs, and no more; whether companies are known.

    `_part` is one of `PARTS` parts of the leads, the same for all leads of a company.
    """
    together = COMPANY in classified.columns
    cluster = f"coalesce({COMPANY}::VARCHAR, hs_object_id)" if together else "hs_object_id"
    fixed = ["hs_object_id", f"{quoted(created)} AS _created", f"{quoted(at)} AS _at", "_code", "_lost"]
    fixed += ["row_number() OVER () - 1 AS _place", f"(hash({cluster}) % {PARTS})::INTEGER AS _part"]
    wanted = [quoted(name) for name in rebuilt.properties]
    classified.select(", ".join(dict.fromkeys([*fixed, *wanted]))).create("leads")
    return together


def leads_reached(connection: duckdb.DuckDBPyConnection, days: int, end: pd.Timestamp) -> tuple[int, int]:
    """Leads with a date of creation, and those of them that were so many days old by `end`."""
    leads = connection.table("leads").filter("_created IS NOT NULL")
    old = leads.filter(f"_created + INTERVAL {days} DAY <= TIMESTAMP '{end}'")
    return len(leads), len(old)


def cut_histories(connection: duckdb.DuckDBPyConnection, history: str, names: tuple[str, ...]) -> int:
    """Histories of these properties that are as long as the vendor keeps them."""
    if not names:
        return 0
    wanted = ", ".join(map(sql_text, names))
    changes = connection.sql(f"FROM {history}").filter(f"object = 'contact' AND property IN ({wanted})")
    return len(changes.aggregate("record_id, property, count(*) AS n").filter(f"n >= {MOST_CHANGES}"))
