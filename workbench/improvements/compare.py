"""Groups beside each other, and many metrics beside each other."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from workbench.improvements.result import Improvement


def compare_groups(found: Improvement) -> pd.DataFrame:
    """Each pair of shown groups of one grouping.

    Columns: by, group, other, ratio (of 1 + improvement, the group's over the other's), low, high, p_value, p_adjusted,
    better (the one that moved further the right way beyond chance, else blank). Groups hold different customers, so
    their draws are independent.
    """
    from scipy.special import ndtri

    from workbench.improvements.improve import adjusted, p_values

    table = found.groups()
    shown = table[(table["by"] != "") & table["improvement"].gt(-1) & table["log_spread"].notna()]
    half = float(ndtri((1 + found.choices.confidence) / 2))
    rows = []
    for by, part in shown.groupby("by", sort=False):
        for one, other in combinations(part.to_dict("records"), 2):
            ratio = (1 + one["improvement"]) / (1 + other["improvement"])
            spread = float(np.hypot(one["log_spread"], other["log_spread"]))
            limits = np.exp(np.log(ratio) + half * spread * np.array([-1, 1]))
            rows.append((by, one["group"], other["group"], ratio, limits[0], limits[1], spread))
    names = ["by", "group", "other", "ratio", "low", "high", "log_spread"]
    pairs = pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[3:], "float64"))
    pairs["p_value"] = p_values(pairs["ratio"] - 1, pairs["log_spread"])
    pairs["p_adjusted"] = adjusted(pairs["p_value"], found.choices.adjust)
    ahead = np.where((pairs["ratio"] - 1) * found.metric.sign > 0, pairs["group"], pairs["other"])
    pairs["better"] = np.where(pairs["p_adjusted"] < 1 - found.choices.confidence, ahead, "")
    return pairs.drop(columns="log_spread")
