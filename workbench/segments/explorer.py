"""A Workspace held for questions in a row: a change of one term asks only that term again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench import catalog, engines
from workbench.conditions import (
    All,
    Always,
    Between,
    Compare,
    Condition,
    Count,
    Either,
    InSegment,
    Not,
    Property,
    moment,
    prepare,
)
from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.outcomes import LOST, WON, Outcome, classify
from workbench.segments.discovering import Binned, binned_of
from workbench.segments.looks import ENTERED, STAGES, StageFlow, crossed, flow_of, labels
from workbench.segments.segment import ID, Segment, resolved
from workbench.sql import parquet
from workbench.stats.proportions import wilson_interval

if TYPE_CHECKING:
    import duckdb

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

SEARCHED = ("firstname", "lastname", "email", "company", "jobtitle", "city")
MOST_TERMS = 200  # kept: a million contacts take a megabyte a term
MOST_EVENTS = 60_000_000  # kept: twelve bytes each
PLACE = "file_row_number"


class Explorer:
    """The contacts of a Workspace as columns that are read when first asked for, and terms once they were asked.

    All masks have a place for each contact, in the order of the Workspace's table.
    """

    def __init__(self, workspace: Workspace, *, segments: Iterable[Segment] = ()) -> None:
        self.workspace = workspace
        self.segments = list(segments)
        self._columns: dict[str, pd.Series[Any]] = {}
        self._terms: dict[str, Bools] = {}
        self._ranks: dict[str, Ints] = {}
        self._binned: dict[str, Binned | None] = {}
        self._events: dict[str, tuple[Ints, Ints]] = {}

    @property
    def n(self) -> int:
        """How many contacts there are."""
        return int(self.workspace.manifest.tables.get("contacts", 0))

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Contact columns and what they hold."""
        return engines.kinds(engines.as_frame(self.workspace.table("contacts", engine="duckdb")))

    def column(self, name: str) -> pd.Series[Any]:
        """One column of the contacts."""
        if name not in self._columns:
            self._columns[name] = self.workspace.table("contacts", columns=[name])[name]
        return self._columns[name]

    def mask(self, condition: Condition) -> Bools:
        """Who meets a condition. Terms that were asked before are not asked again.

        Raises
        ------
        WorkbenchError
            As in `Segment.select`.
        """
        tree = condition
        if any(isinstance(node, InSegment) and node.means is None for node in condition.walk()):
            tree = resolved([Segment("this", "true").with_tree(condition)], self.segments)[0].tree
        leaves: dict[str, Condition] = {}
        _leaves(tree, False, leaves)
        asked = {text: leaf for text, leaf in leaves.items() if text not in self._terms}
        for text, leaf in list(asked.items()):
            counted = self._counted(leaf)
            if counted is not None:
                self._terms[text] = counted
                del asked[text]
        if asked:
            self._ask(asked)
        found = self._combined(tree, False)
        while len(self._terms) > MOST_TERMS:
            self._terms.pop(next(iter(self._terms)))
        return found

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        return duckdb.connect()

    @cached_property
    def _contacts(self) -> engines.Frame:
        """The contacts on DuckDB, each with its place in the file: joins do not keep the order."""
        file = self.workspace.file("contacts")
        return engines.as_frame(self._connection.sql(f"FROM {parquet(file, numbered=True)}"))

    def _counted(self, leaf: Condition) -> Bools | None:
        """Who meets a comparison of a plain count: another number or span of days needs no new pass over the events."""
        node = leaf.part if isinstance(leaf, Not) else leaf
        if not isinstance(node, Compare | Between) or not isinstance(node.term, Count):
            return None
        values = [node.value] if isinstance(node, Compare) else [node.low, node.high]
        count, now = node.term, moment(self.workspace.as_of)
        plain = count.detail is None and count.where is None
        if not plain or now is None or any(isinstance(value, str | bool) for value in values):
            return None
        happened = self._happened(count.kind)
        if happened is None:
            return None
        places, times = happened
        inside = times < np.datetime64(now.end, "us").astype(np.int64)
        if count.within_days is not None:
            inside &= times >= np.datetime64(now.end - timedelta(days=count.within_days), "us").astype(np.int64)
        counts = pd.DataFrame({"n": np.bincount(places[inside], minlength=self.n)})
        of_column = replace(node, term=Property("n"))
        frame, (meets,) = prepare(engines.as_frame(counts), [Not(of_column) if node is not leaf else of_column])
        return np.asarray(engines.collect(frame.select(meets.alias("meets")))["meets"].to_numpy(), dtype=bool)

    def _happened(self, kind: str) -> tuple[Ints, Ints] | None:
        """Place of the contact and time (in microseconds) of each dated event of a kind; None where there are none."""
        if kind not in self._events:
            if "activities" not in self.workspace.tables:
                return None
            events = engines.as_frame(self._connection.sql(f"FROM {parquet(self.workspace.file('activities'))}"))
            kinds = engines.kinds(events)
            if not {"contact_id", "kind", "at"} <= set(kinds) or kinds["contact_id"] != self.kinds.get(ID):
                return None
            happened = events.filter((nw.col("kind") == kind) & ~nw.col("at").is_null())
            happened = happened.select(nw.col("contact_id").alias(ID), "at").lazy()
            found = engines.to_arrow(happened.join(self._contacts.select(ID, PLACE).lazy(), on=ID).select(PLACE, "at"))
            if not len(found) or sum(len(one) for one, _ in self._events.values()) + len(found) > MOST_EVENTS:
                return None
            times = found["at"].to_numpy().astype("datetime64[us]").astype(np.int64)
            self._events[kind] = found[PLACE].to_numpy().astype(np.int32), times
        return self._events[kind]

    def _ask(self, asked: Mapping[str, Condition]) -> None:
        terms = list(asked.values())
        for term in terms:
            if not set(term.properties) <= set(self.kinds):  # the sentence names what there is
                prepare(engines.as_frame(self.workspace.table("contacts", engine="duckdb")), [term])
        frame, expressions = prepare(
            self._contacts,
            terms,
            as_of=self.workspace.as_of,
            activities=self.workspace.events(engine="duckdb"),
            related=partial(self.workspace.table, engine="duckdb"),
        )
        answers = [one.alias(str(place)) for place, one in enumerate(expressions)]
        found = engines.to_arrow(frame.select(PLACE, *answers))
        places = found[PLACE].to_numpy()
        for place, text in enumerate(asked):
            mask = np.empty(self.n, dtype=bool)
            mask[places] = found[str(place)].to_numpy()
            self._terms[text] = mask

    def _combined(self, node: Condition, negated: bool) -> Bools:
        if isinstance(node, Not):
            return self._combined(node.part, not negated)
        if isinstance(node, All | Either):
            parts = [self._combined(part, negated) for part in node.parts]
            join = np.logical_and if isinstance(node, All) != negated else np.logical_or
            return np.asarray(join.reduce(parts), dtype=bool)
        if isinstance(node, Always):
            return np.full(self.n, node.value != negated)
        if isinstance(node, InSegment) and node.means is not None:
            inside = self._combined(node.means, False)
            return ~inside if negated else inside
        return self._terms[_text(node, negated)]

    # -- who they are --------------------------------------------------------------------------------------------

    def classes(self, name: str) -> Binned | None:
        """A property's classes; None where it has only one, or too many."""
        if name not in self._binned:
            self._binned[name] = binned_of(self.column(name), self.kinds[name])
        return self._binned[name]

    def labels(self, name: str) -> list[str]:
        """What people call the classes of a property."""
        found = self.classes(name)
        return [] if found is None else labels(found)

    def distribution(self, name: str, inside: Bools) -> pd.DataFrame:
        """Classes of a property: `value`, `n`, `n_rest`, `share`, `share_rest`."""
        found = self.classes(name)
        if found is None:
            raise WorkbenchError(f"{name!r} has a value for nearly everybody, so it groups nobody; choose another.")
        size = len(found.conditions)
        n = np.bincount(found.codes[inside], minlength=size)
        rest = np.bincount(found.codes, minlength=size) - n
        return pd.DataFrame(
            {
                "value": self.labels(name),
                "n": n,
                "n_rest": rest,
                "share": n / max(n.sum(), 1),
                "share_rest": rest / max(rest.sum(), 1),
            }
        )

    def crossed(self, first: str, second: str, inside: Bools) -> pd.DataFrame:
        """How many are in each cell of two properties: classes of the first by classes of the second."""
        one, other = self.classes(first), self.classes(second)
        if one is None or other is None:
            raise WorkbenchError(f"{first!r} and {second!r} do not both group contacts; choose others.")
        return crossed(one, other, inside)

    def funnel(self, inside: Bools) -> pd.DataFrame:
        """How many reached each stage: `stage`, `n`."""
        labels = {option.value: option.label() for option in catalog.options("lifecyclestage")}
        rows = []
        for stage in STAGES:
            name = ENTERED + stage
            if name in self.kinds:
                rows.append((labels.get(stage, stage), int((inside & self._known(name)).sum())))
        return pd.DataFrame(rows, columns=["stage", "n"])

    def flow(self, inside: Bools) -> StageFlow | None:
        """The way of those inside through the stages; None where fewer than two stages are dated."""
        stages = [stage for stage in STAGES if ENTERED + stage in self.kinds]
        if len(stages) < 2:
            return None
        return flow_of(stages, np.column_stack([self._known(ENTERED + stage)[inside] for stage in stages]))

    def _known(self, name: str) -> Bools:
        return np.asarray(self.column(name).notna().to_numpy(), dtype=bool)

    def outcome_codes(self, outcome: Outcome) -> Ints:
        """What became of each contact, as in `workbench.outcomes`."""
        key = repr(outcome)
        if key not in self._ranks:
            names = [name for name in self.kinds if name in outcome.when or name in (outcome.at, outcome.created)]
            frame = engines.as_frame(pd.DataFrame({name: self.column(name) for name in {*names, ID}}))
            bound, code = classify(
                frame,
                outcome,
                as_of=self.workspace.as_of,
                activities=self.workspace.events(engine="duckdb"),
            )
            self._ranks[key] = engines.collect(bound.select(code.alias("code")))["code"].to_numpy(dtype=np.int64)
        return self._ranks[key]

    def conversion(self, inside: Bools, outcome: Outcome) -> tuple[int, int]:
        """Leads that can be judged, and the won among them."""
        codes = self.outcome_codes(outcome)[inside]
        won = int((codes == WON).sum())
        return won + int((codes == LOST).sum()), won

    def months(self, inside: Bools, outcome: Outcome, *, confidence: float = 0.95) -> pd.DataFrame:
        """Conversion by month of creation: `month`, `n_leads`, `n_won`, `conversion_rate`, `low`, `high` (Wilson)."""
        created = self.column(outcome.created)
        codes = self.outcome_codes(outcome)
        judged = inside & np.isin(codes, [LOST, WON]) & created.notna().to_numpy()
        month = created[judged].to_numpy().astype("datetime64[M]").astype(np.int64)
        if not len(month):
            return pd.DataFrame({"month": [], "n_leads": [], "n_won": [], "conversion_rate": [], "low": [], "high": []})
        start = int(month.min())
        n = np.bincount(month - start)
        won = np.bincount(month - start, weights=codes[judged] == WON, minlength=len(n)).astype(np.int64)
        low, high = wilson_interval(won, n, confidence=confidence)
        months = (np.arange(len(n)) + start).astype("datetime64[M]").astype("datetime64[s]")
        rate = np.divide(won, n, out=np.full(len(n), np.nan), where=n > 0)
        return pd.DataFrame(
            {"month": months, "n_leads": n, "n_won": won, "conversion_rate": rate, "low": low, "high": high}
        )

    # -- the rows ------------------------------------------------------------------------------------------------

    def places(self, inside: Bools, *, search: str = "", sort: str | None = None, descending: bool = False) -> Ints:
        """Places of the contacts inside that hold a text, in order."""
        if search.strip():
            wanted = search.strip().casefold()
            held = np.zeros(self.n, dtype=bool)
            for name in SEARCHED:
                if name in self.kinds:
                    text = self.column(name).str.lower()
                    held |= text.str.contains(wanted, regex=False).fillna(False).to_numpy(dtype=bool)
            inside = inside & held
        if sort is None:
            return np.flatnonzero(inside)
        if sort not in self._ranks:
            order = np.asarray(self.column(sort).argsort(kind="stable"), dtype=np.int64)
            blank = ~self._known(sort)[order]
            self._ranks[sort] = np.concatenate([order[~blank], order[blank]])
        order = self._ranks[sort]
        if descending:
            known = int(self._known(sort).sum())
            order = np.concatenate([order[:known][::-1], order[known:]])
        return order[inside[order]]

    def rows(self, places: Ints, names: Iterable[str]) -> pd.DataFrame:
        """Some contacts, in the order of their places."""
        return pd.DataFrame({name: self.column(name).iloc[places].reset_index(drop=True) for name in names})


def _leaves(node: Condition, negated: bool, found: dict[str, Condition]) -> None:
    if isinstance(node, Not):
        _leaves(node.part, not negated, found)
    elif isinstance(node, All | Either):
        for part in node.parts:
            _leaves(part, negated, found)
    elif isinstance(node, InSegment) and node.means is not None:
        _leaves(node.means, False, found)
    elif not isinstance(node, Always):
        found[_text(node, negated)] = Not(node) if negated else node


def _text(leaf: Condition, negated: bool) -> str:
    return f"not {leaf}" if negated else str(leaf)
