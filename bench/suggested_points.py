"""Suggested points from the counts of a million leads; bar: 15 s. Beside it statsmodels on a sample of the rows.

`python bench/suggested_points.py [leads]`.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
import statsmodels.api as sm
from reference import reference_seconds

import workbench as wb


def main() -> None:
    leads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = np.random.default_rng(5)
    names = [f"fact_{place}" for place in range(20)]
    table = pd.DataFrame({name: rng.random(leads) < rng.uniform(0.05, 0.4) for name in names})
    beta = rng.normal(0, 0.6, len(names))
    table["won"] = rng.random(leads) < 1 / (1 + np.exp(3 - table[names].to_numpy(dtype=float) @ beta))
    rules = [{"name": name, "when": f"{name} == true", "points": 10} for name in names]
    model = wb.ScoreModel.from_dict({"name": "bench", "groups": [{"name": "all", "rules": rules}]})
    start = time.perf_counter()
    counted = wb.what_if(table, model, outcome="won")
    between = time.perf_counter()
    found = wb.suggest_points(counted)
    end = time.perf_counter()
    print(f"{leads:,} leads, {len(names)} rules: counted in {between - start:.1f} s, points in {end - between:.1f} s")
    fixed = reference_seconds()
    print(f"together {(end - start) / fixed:.1f} times the fixed work of {fixed:.2f} s")
    rows = table.sample(min(100_000, leads), random_state=1)
    start = time.perf_counter()
    fit = sm.Logit(rows["won"].astype(float), sm.add_constant(rows[names].astype(float))).fit(disp=0, tol=1e-12)
    print(f"statsmodels on {len(rows):,} of the rows: {time.perf_counter() - start:.1f} s")
    same = wb.suggest_points(wb.what_if(rows, model, outcome="won"))
    apart = np.abs(same.frame()["log_odds"].to_numpy() - fit.params[names].to_numpy()).max()
    print(f"largest difference of a coefficient on those rows: {apart:.1e}")
    print(found.headline())


if __name__ == "__main__":
    main()
