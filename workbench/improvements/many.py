"""All metrics of a panel at once, adjusted for their number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrame

from workbench.errors import WorkbenchError, listing
from workbench.improvements.improve import adjusted, improvement
from workbench.improvements.metrics import METRICS, Metric, as_metric
from workbench.improvements.result import Improvement


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvements:
    """The improvement of several metrics, by name, and why others of them have none."""

    found: dict[str, Improvement]
    why_not: dict[str, str]
    adjust: str
    confidence: float

    def __getitem__(self, metric: str) -> Improvement:
        if metric not in self.found:
            reason = self.why_not.get(metric, f"there are {listing(self.found, most=14)}.")
            raise WorkbenchError(f"no improvement of {metric!r}: {reason}")
        return self.found[metric]

    def frame(self) -> pd.DataFrame:
        """Month `at` of every metric and group, as `Improvement.groups`, adjusted for all rows together."""
        parts = [found.groups().assign(metric=name) for name, found in self.found.items()]
        table = pd.concat(parts, ignore_index=True)
        table["p_adjusted"] = adjusted(table["p_value"], self.adjust)
        table["real"] = table["p_adjusted"] < 1 - self.confidence
        return table[["metric", *(name for name in table.columns if name != "metric")]]

    def months(self) -> pd.DataFrame:
        """Every month of every metric and group, as `Improvement.frame`."""
        return pd.concat([found.frame() for found in self.found.values()], ignore_index=True)

    def headline(self) -> str:
        """One sentence: how many metrics moved the right way beyond chance, all adjusted for each other."""
        total = self.frame().query("by == ''")
        real = total[total["real"]]
        better = real["better"].fillna(False).sum()
        return (
            f"{len(total)} metrics: {better} better and {len(real) - better} worse beyond chance "
            f"(adjusted for many comparisons: {self.adjust}), {len(total) - len(real)} not told from no change."
        )


def all_improvements(
    panel: IntoFrame, metrics: Iterable[str | Metric] | None = None, *, adjust: str = "holm", **choices: Any
) -> Improvements:
    """`improvement` of several metrics with the same choices; None is all of the 14 that the panel has.

    A metric that cannot be answered (no usable value, no such month) is named in `why_not` with the reason.
    """
    frame = nw.from_native(panel)
    if metrics is None:
        names = frame.select("metric").unique()
        native = names.collect("pandas") if isinstance(names, nw.LazyFrame) else names
        there = set(native.to_pandas()["metric"].astype(str))
        metrics = [name for name in METRICS if name in there]
    found: dict[str, Improvement] = {}
    why_not: dict[str, str] = {}
    for metric in map(as_metric, metrics):
        try:
            found[metric.name] = improvement(panel, metric, adjust=adjust, **choices)
        except WorkbenchError as error:
            why_not[metric.name] = str(error)
    if not found:
        reasons = " ".join(dict.fromkeys(why_not.values()))
        raise WorkbenchError(f"no metric of the panel has an improvement. {reasons}".strip())
    return Improvements(found=found, why_not=why_not, adjust=adjust, confidence=choices.get("confidence", 0.95))
