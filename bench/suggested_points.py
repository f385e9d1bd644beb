"""Suggested points from the counts of a million leads; bar: 15 s. Beside it statsmodels on a sample of the rows.

python bench/suggested_points.py [--leads 1000000]
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import statsmodels.api as sm
from _timing import options, reference_seconds, run

import workbench as wb


def main() -> None:
    leads = options(__doc__, leads=1_000_000).parse_args().leads
    rng = np.random.default_rng(5)
    names = [f"fact_{place}" for place in range(20)]
    table = pd.DataFrame({name: rng.random(leads) < rng.uniform(0.05, 0.4) for name in names})
    beta = rng.normal(0, 0.6, len(names))
    table["won"] = rng.random(leads) < 1 / (1 + np.exp(3 - table[names].to_numpy(dtype=float) @ beta))
    rules = [{"name": name, "when": f"{name} == true", "points": 10} for name in names]
    model = wb.ScoreModel.from_dict({"name": "bench", "groups": [{"name": "all", "rules": rules}]})
    counted, (counting,) = run(lambda: wb.what_if(table, model, outcome="won"))
    found, (suggesting,) = run(lambda: wb.suggest_points(counted))
    print(f"{leads:,} leads, {len(names)} rules: counted in {counting:.1f} s, points in {suggesting:.1f} s")
    fixed = reference_seconds()
    print(f"together {(counting + suggesting) / fixed:.1f} times the fixed work of {fixed:.2f} s")
    rows = table.sample(min(100_000, leads), random_state=1)
    logit = sm.Logit(rows["won"].astype(float), sm.add_constant(rows[names].astype(float)))
    fit, (fitting,) = run(lambda: logit.fit(disp=0, tol=1e-12))
    print(f"statsmodels on {len(rows):,} of the rows: {fitting:.1f} s")
    same = wb.suggest_points(wb.what_if(rows, model, outcome="won"))
    apart = np.abs(same.frame()["log_odds"].to_numpy() - fit.params[names].to_numpy()).max()
    print(f"largest difference of a coefficient on those rows: {apart:.1e}")
    print(found.headline())


if __name__ == "__main__":
    main()
