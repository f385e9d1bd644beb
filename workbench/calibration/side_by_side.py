"""Two models side by side on the same contacts, before one replaces the other: who crosses the line, and what for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.calibration.asked import date_of_export, days_of_creation
from workbench.calibration.counting import BLANK, MOST_SEGMENTS, rules_met
from workbench.calibration.recommend import DRAWS
from workbench.calibration.result import Calibration
from workbench.calibration.tally import MOST_WEEKS, tally_scores
from workbench.conditions import Related
from workbench.engines import Frame, as_frame, collect, count_by, kinds
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders import leads_of
from workbench.outcomes import LOST, WON, YOUNG, Outcome, as_outcome, classify
from workbench.scoring import CodeTally, ScoreModel, score, tally_codes
from workbench.scoring.apply import with_saved_segments
from workbench.stats.proportions import check_confidence
from workbench.stats.resampling import percentile_interval
from workbench.wording import number, percent, plural, points

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ID: Final = "hs_object_id"
METRICS: Final = ("n_above", "leads_per_week", "conversion_rate", "capture_rate")
OLD, CODE, RECENT, SEGMENT = "_old_score", "_outcome", "_recent", "_segment"
_SHAPE: Final = (2, 2, 3, 2)  # old above, new above, lost or won or not judged, created in the last weeks
NOT_SCORED: Final = -1
_JUDGED: Final = {LOST: "lost", WON: "won"}


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelComparison:
    """Two models on the same contacts. Made by `compare_models`.

    `cells` counts the contacts by both scores: old_score, new_score, outcome (code), recent, segment (its place in
    `segments`), n. `crossed` has a row a contact that crosses: contact_id, direction ("up" or "down"), old_score,
    new_score, outcome ("won", "lost" or "not judged"), and the segment where there are any; it is None where nobody
    was asked for by name.
    """

    old: ScoreModel
    new: ScoreModel
    old_line: float
    new_line: float
    outcome: Outcome
    as_of: pd.Timestamp | None
    cells: pd.DataFrame
    n_weeks: int
    by: str | None = None
    segments: tuple[str, ...] = ("",)
    crossed: pd.DataFrame | None = None
    confidence: float = 0.95
    seed: int = 0

    @cached_property
    def _counts(self) -> Ints:
        """Contacts by segment, old above, new above, outcome and whether recent."""
        cells = self.cells
        place = cells["segment"].to_numpy(dtype=np.int64)
        parts = (
            (2, cells["old_score"].to_numpy() >= self.old_line),
            (2, cells["new_score"].to_numpy() >= self.new_line),
            (3, np.minimum(cells["outcome"].to_numpy(), YOUNG)),
            (2, cells["recent"].to_numpy()),
        )
        for size, part in parts:
            place = place * size + part
        size = len(self.segments) * int(np.prod(_SHAPE))
        counts = np.bincount(place, weights=cells["n"], minlength=size)
        return counts.astype(np.int64).reshape(len(self.segments), *_SHAPE)

    @property
    def n(self) -> int:
        """All contacts."""
        return int(self._counts.sum())

    @property
    def n_up(self) -> int:
        """Contacts that rise above the line."""
        return int(self._counts[:, 0, 1].sum())

    @property
    def n_down(self) -> int:
        """Contacts that fall below it."""
        return int(self._counts[:, 1, 0].sum())

    def _drawn(self, counts: Ints) -> NDArray[np.float64]:
        """Bootstrap draws of counts, shape (draws, *counts.shape): a contact is drawn with both its scores."""
        flat = counts.ravel()
        there = np.flatnonzero(flat)
        drawn = np.random.default_rng(self.seed).multinomial(self.n, flat[there] / self.n, size=DRAWS)
        found = np.zeros((DRAWS, len(flat)), dtype=np.float64)
        found[:, there] = drawn
        return found.reshape(DRAWS, *counts.shape)

    @cached_property
    def figures(self) -> pd.DataFrame:
        """`frame()` without intervals, which takes no draws: metric, old, new, difference."""
        old, new = (_metrics(self._counts.sum(axis=0), side, self.n_weeks) for side in (0, 1))
        return pd.DataFrame(
            {
                "metric": METRICS,
                "old": [float(old[name]) for name in METRICS],
                "new": [float(new[name]) for name in METRICS],
                "difference": [float(new[name] - old[name]) for name in METRICS],
            }
        )

    def frame(self) -> pd.DataFrame:
        """One row a figure: metric, old, new, difference (new less old), low, high (of the difference).

        `n_above`: contacts at or above the line. `leads_per_week`: those of them created in the last weeks, a week
        (NaN without dates of creation). `conversion_rate`: the won among the judged above the line, 0 to 1.
        `capture_rate`: the share of all won that is above it. `auc`: the chance that a winner scores above a loser.
        Intervals are from a paired bootstrap over contacts; that of `auc` is DeLong's for two scores of the same leads.
        """
        return self._frame

    @cached_property
    def _frame(self) -> pd.DataFrame:
        counts = self._drawn(self._counts.sum(axis=0))  # the same whatever the segments are
        old, new = (_metrics(counts, side, self.n_weeks) for side in (0, 1))
        bounds = [percentile_interval(new[name] - old[name], self.confidence) for name in METRICS]
        found = self.figures.assign(low=[low for low, _ in bounds], high=[high for _, high in bounds])
        ranking = pd.DataFrame([{"metric": "auc", **self._ranking}])
        return pd.concat([found, ranking], ignore_index=True)

    @cached_property
    def _ranking(self) -> dict[str, float]:
        cells = self.cells
        judged = (cells["outcome"] < YOUNG) & cells["old_score"].notna() & cells["new_score"].notna()
        inside = cells[judged.to_numpy()]
        return _auc_difference(
            inside["old_score"].to_numpy(dtype=float),
            inside["new_score"].to_numpy(dtype=float),
            inside["outcome"].to_numpy() == WON,
            inside["n"].to_numpy(dtype=float),
            confidence=self.confidence,
        )

    @cached_property
    def by_segment(self) -> pd.DataFrame:
        """One row a segment, largest first.

        segment, n, n_up, n_down, then for each of leads_per_week, conversion_rate and capture_rate its value with the
        old and with the new model (old_..., new_...), their difference and its interval (difference_..., low_...,
        high_...).
        """
        counts = self._counts
        points_ = [_metrics(counts, side, self.n_weeks) for side in (0, 1)]
        draws = self._drawn(counts)
        drawn = [_metrics(draws, side, self.n_weeks) for side in (0, 1)]
        table = pd.DataFrame(
            {
                "segment": self.segments,
                "n": counts.sum(axis=(1, 2, 3, 4)),
                "n_up": counts[:, 0, 1].sum(axis=(1, 2)),
                "n_down": counts[:, 1, 0].sum(axis=(1, 2)),
            }
        )
        for name in METRICS[1:]:
            table[f"old_{name}"], table[f"new_{name}"] = (side[name] for side in points_)
            table[f"difference_{name}"] = points_[1][name] - points_[0][name]
            apart = drawn[1][name] - drawn[0][name]
            bounds = [percentile_interval(apart[:, place], self.confidence) for place in range(len(self.segments))]
            table[f"low_{name}"], table[f"high_{name}"] = zip(*bounds, strict=True)
        return table.sort_values("n", ascending=False, kind="stable", ignore_index=True)

    @cached_property
    def old_calibration(self) -> Calibration:
        """The old score judged on these contacts.

        Raises WorkbenchError where nothing can be judged, as `calibrate` does.
        """
        return self._calibration("old_score", self.old)

    @cached_property
    def new_calibration(self) -> Calibration:
        """The new score judged on these contacts.

        Raises WorkbenchError where nothing can be judged, as `calibrate` does.
        """
        return self._calibration("new_score", self.new)

    def _calibration(self, column: str, model: ScoreModel) -> Calibration:
        cells = self.cells
        tally = tally_scores(
            cells[column].to_numpy(dtype=float), cells["outcome"].to_numpy(dtype=np.int64), cells["n"].to_numpy()
        )
        return Calibration(
            tally=tally, score=model.name, outcome=self.outcome, as_of=self.as_of, confidence=self.confidence
        )

    @property
    def titles(self) -> tuple[str, str]:
        """What tells the two models apart: their versions, else their names, else before and after."""
        old, new = self.old, self.new
        if old.name != new.name:
            return old.name, new.name
        return (f"version {old.version}", f"version {new.version}") if old.version != new.version else ("old", "new")

    def headline(self) -> str:
        """What the change does, in two sentences."""
        old, new = self.titles
        start = f"From {old} to {new} at {points(self.new_line)} points"
        if self.old_line != self.new_line:
            start = f"From {old} at {points(self.old_line)} points to {new} at {points(self.new_line)}"
        if not self.n_up and not self.n_down:
            return f"{start}, none of {plural(self.n, 'contact')} crosses the line."
        rows = self.frame().set_index("metric").to_dict("index")
        noun = self.outcome.noun or "wins"
        told = [
            changed(rows["conversion_rate"], "of leads above the line convert"),
            changed(rows["capture_rate"], f"of all {noun} are above it"),
        ]
        week = rows["leads_per_week"]
        if not np.isnan(week["difference"]):
            told.insert(0, f"{number(week['old'], digits=1)} leads a week become {number(week['new'], digits=1)}")
        return (
            f"{start}, {self.n_up:,} of {plural(self.n, 'contact')} rise above the line and {self.n_down:,} fall below "
            f"it. {'; '.join(told)}."
        )


def changed(row: Mapping[Any, float], what: str) -> str:
    """A share that changed: `26.0 % of ..., 25.5 % so far (+0.5 points, −0.1 to +1.1: it may be chance)`."""
    if np.isnan(row["new"]) != np.isnan(row["old"]):  # a share of nobody
        if np.isnan(row["new"]):
            return f"nobody is above the line any more, {percent(row['old'])} {what} so far"
        return f"{percent(row['new'])} {what}, nobody was above it so far"
    told = f"{percent(row['new'])} {what}, {percent(row['old'])} so far"
    if np.isnan(row["low"]):
        return told
    chance = ": it may be chance" if row["low"] <= 0 <= row["high"] else ""
    return f"{told} ({_signed(row['difference'])} points, {_signed(row['low'])} to {_signed(row['high'])}{chance})"


def _signed(share: float) -> str:
    text = f"{100 * abs(share):.1f}"
    return text if float(text) == 0 else f"{'+' if share > 0 else '−'}{text}"


def compare_models(
    old: ScoreModel,
    new: ScoreModel,
    table: Any,
    *,
    outcome: Outcome | str,
    threshold: float | None = None,
    new_threshold: float | None = None,
    leads_per_week: float | None = None,
    by: str | None = None,
    as_of: str | date | None = None,
    activities: Any = None,
    related: Related | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> ModelComparison:
    """Put two models side by side on the same contacts: who crosses the line, and what that does.

    Parameters
    ----------
    old, new
        The model in force and the one that would take its place.
    table
        A contact a row, of any engine, or a Workspace.
    outcome
        What counts as success, as in `calibrate`.
    threshold
        The line, in points, of both models; `new_threshold` is the new one's, where it has another.
    leads_per_week
        In place of thresholds: what sales can take. Each model then gets the lowest line from which no more come a
        week, and the two are compared at the same work.
    by
        A column of segments.
    as_of, activities, related
        As in `score`. Default: the Workspace's.
    confidence
        Level of the intervals, between 0 and 1.
    seed
        Of the 2,000 bootstrap draws over contacts. A contact is drawn with both its scores, so that what is common to
        the two models does not blur their difference.

    Raises
    ------
    WorkbenchError
        Without a line, for an unknown column, and as `score` and `calibrate` do.

    References
    ----------
    Efron, B., Tibshirani, R. J. (1993). An Introduction to the Bootstrap, chapter 8 (pairs drawn together).
    DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). Comparing the areas under two or more correlated
    receiver operating characteristic curves. Biometrics 44, 837-845.
    """
    if (threshold is None) == (leads_per_week is None):
        raise WorkbenchError(
            "say where the line is: threshold=50 (and new_threshold= where the new model has another), or "
            "leads_per_week=20, what sales can take, for the line that fits each model."
        )
    prepared = prepare_pair(
        table, old, outcome=outcome, by=by, as_of=as_of, activities=activities, related=related, confidence=confidence
    )
    counted = prepared.count(new, seed=seed)
    if threshold is not None:
        lines = float(threshold), float(threshold if new_threshold is None else new_threshold)
    else:
        lines = counted.lines_for(leads_per_week or 0.0)
    return counted.compare(old_line=lines[0], new_line=lines[1], crossed=prepared.crossing(new, *lines))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PreparedPair:
    """Contacts with the old model's score and the outcome, on their engine: new models are counted against them."""

    old: ScoreModel
    frame: Frame
    by: str | None
    n_weeks: int
    outcome: Outcome
    as_of: pd.Timestamp | None
    confidence: float
    activities: Any
    related: Related | None
    table: Any  # as it was given: a temporary Workspace takes its files with it

    def count(self, new: ScoreModel, *, seed: int = 0) -> CountedPair:
        """One pass: contacts by what the new model's rules found, the old score, outcome and segment."""
        new = with_saved_segments(new, self.table)
        names = {"old_score": OLD, "outcome": CODE, "recent": RECENT, "segment": SEGMENT}
        columns = {name: nw.col(column) for name, column in names.items()}
        codes = tally_codes(
            self.frame, new, keys=columns, activities=self.activities, related=self.related, as_of=self.as_of
        )
        keys, pattern, n = codes.keys, codes.pattern, codes.n
        if new.scored is not None:  # whom it leaves out has no score, and is there all the same
            everybody = count_by(self.frame, columns)
            inside = keys.assign(n=n).groupby(list(names), dropna=False)["n"].sum().reset_index()
            rest = everybody.merge(inside, on=list(names), how="left", suffixes=("", "_scored"))
            rest["n"] -= rest["n_scored"].fillna(0).astype("int64")
            rest = rest[rest["n"] > 0]
            keys = pd.concat([keys, rest[list(names)]], ignore_index=True)
            pattern = np.concatenate([pattern, np.full(len(rest), NOT_SCORED)])
            n = np.concatenate([n, rest["n"].to_numpy()])
        named = keys["segment"].astype("str").where(keys["segment"].notna(), BLANK)
        place, segments = pd.factorize(named, sort=True)
        if len(segments) > MOST_SEGMENTS:
            raise WorkbenchError(
                f"{self.by!r} has {len(segments):,} different values, too many to compare one by one (at most "
                f"{MOST_SEGMENTS}); choose a column with fewer, or group its values first."
            )
        if not len(keys):
            raise WorkbenchError("the table has no rows; load an export that has contacts in it.")
        cells = pd.DataFrame(
            {
                "old_score": pd.to_numeric(keys["old_score"]).to_numpy(dtype=float, na_value=np.nan),
                "new_score": np.nan,
                "outcome": keys["outcome"].to_numpy(dtype=np.int64),
                "recent": keys["recent"].to_numpy(dtype=np.int64),
                "segment": place,
                "n": n,
            }
        )
        # Engines give the rows of a count in any order; sums of the same cells have to be the same to the last bit.
        order = np.lexsort(
            [pattern, *(cells[name].to_numpy() for name in ("recent", "outcome", "segment", "old_score"))]
        )
        return CountedPair(
            pair=self,
            codes=codes,
            pattern=pattern[order],
            cells=cells.iloc[order].reset_index(drop=True),
            segments=tuple(map(str, segments)),
            seed=seed,
        )

    def crossing(self, new: ScoreModel, old_line: float, new_line: float) -> pd.DataFrame | None:
        """The contacts that cross the line, as in `ModelComparison.crossed`; None where contacts have no record id."""
        if ID not in kinds(self.frame):
            return None
        scored = as_frame(
            score(
                self.frame,
                with_saved_segments(new, self.table),
                activities=self.activities,
                related=self.related,
                as_of=self.as_of,
            )
        ).with_columns(_above(OLD, old_line).alias("_was"), _above("score", new_line).alias("_is"))
        crosses = scored.filter(nw.col("_was") != nw.col("_is"))
        found = collect(crosses.select(ID, OLD, nw.col("score").alias("new_score"), CODE, SEGMENT, "_is"))
        found = found.sort_values(ID, ignore_index=True)
        rows = {
            "contact_id": found[ID].astype("str"),
            "direction": np.where(found["_is"].to_numpy(dtype=bool), "up", "down"),
            "old_score": found[OLD],
            "new_score": found["new_score"],
            "outcome": found[CODE].map(_JUDGED).fillna("not judged"),
        }
        return pd.DataFrame(rows | ({"segment": found[SEGMENT].fillna(BLANK)} if self.by is not None else {}))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CountedPair:
    """Two models' contacts reduced to counts, so that the new one's points can change without another pass."""

    pair: PreparedPair
    codes: CodeTally
    pattern: Ints  # (n_cells,), row of the codes; NOT_SCORED for contacts that the new model leaves out
    cells: pd.DataFrame  # new_score blank
    segments: tuple[str, ...]
    seed: int

    def compare(
        self,
        new: ScoreModel | None = None,
        *,
        old_line: float,
        new_line: float,
        crossed: pd.DataFrame | None = None,
    ) -> ModelComparison:
        """The comparison at these lines; `new` has the same rules as were counted, with other points or limits."""
        return ModelComparison(
            old=self.pair.old,
            new=self.codes.model if new is None else new,
            old_line=_line(old_line),
            new_line=_line(new_line),
            outcome=self.pair.outcome,
            as_of=self.pair.as_of,
            cells=self._scored(new),
            n_weeks=self.pair.n_weeks,
            by=self.pair.by,
            segments=self.segments,
            crossed=crossed,
            confidence=self.pair.confidence,
            seed=self.seed,
        )

    def _scored(self, new: ScoreModel | None) -> pd.DataFrame:
        scores = np.append(np.asarray(self.codes.scores(new), dtype=float), np.nan)
        return self.cells.assign(new_score=scores[self.pattern])

    def rules(self) -> pd.DataFrame:
        """One row a rule: rule, n (contacts it matches), n_leads (judged ones), n_won, conversion_rate, low, high."""
        known = self.pattern != NOT_SCORED
        outcome, n = self.cells["outcome"].to_numpy()[known], self.cells["n"].to_numpy()[known]
        return rules_met(self.codes, self.pattern[known], outcome, n, self.pair.confidence)

    def lines_for(self, leads_per_week: float, new: ScoreModel | None = None) -> tuple[float, float]:
        """For each model the lowest line from which no more leads come a week.

        Raises WorkbenchError without dates of creation, or where even the highest score brings more.
        """
        if not leads_per_week > 0:
            raise WorkbenchError(f"leads_per_week has to be above 0, but {leads_per_week:g} was given.")
        if not self.pair.n_weeks:
            raise WorkbenchError(
                "leads a week cannot be counted without the dates of creation; say threshold= instead, or map their "
                f"column to {self.pair.outcome.created!r} in mapping.yaml."
            )
        cells = self._scored(new)
        recent = cells[(cells["recent"] == 1).to_numpy()]
        most = leads_per_week * self.pair.n_weeks
        found = []
        for column in ("old_score", "new_score"):
            everywhere = cells.loc[cells[column].notna(), column].unique()
            n = recent.groupby(column)["n"].sum().reindex(np.sort(everywhere), fill_value=0)
            fits = n.index[(n[::-1].cumsum()[::-1] <= most).to_numpy()]
            if not len(fits):
                raise WorkbenchError(
                    f"even from the highest score on, more than {points(leads_per_week)} leads a week come; no line "
                    "is high enough."
                )
            found.append(float(fits[0]))
        return found[0], found[1]


def prepare_pair(
    table: Any,
    old: ScoreModel,
    *,
    outcome: Outcome | str,
    by: str | None = None,
    as_of: str | date | None = None,
    activities: Any = None,
    related: Related | None = None,
    confidence: float = 0.95,
) -> PreparedPair:
    """Contacts with the old model's score, the outcome and the segment, as in `compare_models`."""
    check_confidence(confidence)
    outcome, old = as_outcome(outcome), with_saved_segments(old, table)
    leads, as_of, activities, related = leads_of(table, as_of=as_of, activities=activities, related=related)
    frame = as_frame(leads)
    columns = kinds(frame)
    if by is not None and by not in columns:
        raise WorkbenchError(
            f"unknown segment column {by!r}; the table has {listing(columns)}.{did_you_mean(by, columns)}"
        )
    when = date_of_export(frame, columns, outcome, as_of)
    frame, code = classify(frame, outcome, as_of=when, activities=activities)
    recent, n_weeks = _recent(frame, columns, outcome, when)
    segment = nw.lit("") if by is None else nw.col(by)
    frame = frame.with_columns(code.alias(CODE), recent.alias(RECENT), segment.alias(SEGMENT))
    # A property that is called like the score must still be there for the new model's rules.
    kept = {name: f"_kept_{name}" for name in old.column_names if name in columns}
    frame = frame.with_columns(nw.col(name).alias(other) for name, other in kept.items())
    scored = as_frame(score(frame, old, activities=activities, related=related, as_of=when))
    scored = scored.with_columns(nw.col("score").alias(OLD)).drop(*old.column_names)
    return PreparedPair(
        old=old,
        frame=scored.rename({other: name for name, other in kept.items()}),
        by=by,
        n_weeks=n_weeks,
        outcome=outcome,
        as_of=when,
        confidence=confidence,
        activities=activities,
        related=related,
        table=table,
    )


def _recent(frame: Frame, columns: dict[str, str], outcome: Outcome, as_of: pd.Timestamp | None) -> tuple[nw.Expr, int]:
    """1 for contacts created in the last whole weeks with new ones, at most 52, and how many weeks these are."""
    days = days_of_creation(frame, columns, outcome, as_of)
    if days is None:
        return nw.lit(0).cast(nw.Int64), 0
    created, (oldest, until) = nw.col(outcome.created), days
    n_weeks = min(MOST_WEEKS, (until - oldest).days // 7)
    start = until - timedelta(weeks=n_weeks)
    inside = (created >= nw.lit(start.to_pydatetime())) & (created < nw.lit(until.to_pydatetime()))
    return inside.fill_null(False).cast(nw.Int64), n_weeks


def _above(column: str, line: float) -> nw.Expr:
    return (nw.col(column) >= line).fill_null(False)


def _line(line: float) -> float:
    if not np.isfinite(line):
        raise WorkbenchError(f"a line is a number of points such as 50, not {line!r}.")
    return float(line)


def _metrics(counts: NDArray[Any], side: int, n_weeks: int) -> dict[str, NDArray[np.float64]]:
    """METRICS of counts of shape (..., *_SHAPE) for the old model (side 0) or the new one (1)."""
    above = counts[..., 1, :, :, :].sum(axis=-3) if side == 0 else counts[..., :, 1, :, :].sum(axis=-3)
    won, judged = above[..., WON, :].sum(axis=-1), above[..., :YOUNG, :].sum(axis=(-1, -2))
    all_won = counts[..., WON, :].sum(axis=(-1, -2, -3))
    week = above[..., 1].sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (above.sum(axis=(-1, -2)), week / n_weeks if n_weeks else week * np.nan, won / judged, won / all_won)
    return dict(zip(METRICS, (np.asarray(one, dtype=np.float64) for one in found), strict=True))


def _auc_difference(
    old: Floats, new: Floats, won: NDArray[np.bool_], n: Floats, *, confidence: float
) -> dict[str, float]:
    """AUC of two scores of the same leads, given as cells, and DeLong's interval of their difference."""
    from scipy.special import ndtri

    names = ("old", "new", "difference", "low", "high")
    n_won, n_lost = float(n[won].sum()), float(n[~won].sum())
    if min(n_won, n_lost) < 2:
        return dict.fromkeys(names, float("nan"))
    placed = [_placements(scores, won, n, n_won, n_lost) for scores in (old, new)]
    before, after = (float(one[won] @ n[won] / n_won) for one in placed)
    apart = placed[1] - placed[0]
    variance = 0.0
    for part, size in ((won, n_won), (~won, n_lost)):
        spread = apart[part] - apart[part] @ n[part] / size
        variance += float(spread**2 @ n[part]) / (size - 1) / size
    reach = float(ndtri(0.5 + confidence / 2)) * variance**0.5
    return dict(
        zip(names, (before, after, after - before, after - before - reach, after - before + reach), strict=True)
    )


def _placements(scores: Floats, won: NDArray[np.bool_], n: Floats, n_won: float, n_lost: float) -> Floats:
    """For a winner the share of losers below it, for a loser the share of winners above it; ties count one half."""
    _, place = np.unique(scores, return_inverse=True)
    size = int(place.max()) + 1
    wins, losses = (np.bincount(place[part], weights=n[part], minlength=size) for part in (won, ~won))
    below = (np.cumsum(losses) - losses / 2) / n_lost
    above = (n_won - np.cumsum(wins) + wins / 2) / n_won
    return np.where(won, below[place], above[place])
