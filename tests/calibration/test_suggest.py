"""Points that the data would give."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import workbench as wb
from workbench.calibration import backtest, what_if
from workbench.calibration.suggest import Suggestion, suggest_points
from workbench.scoring import CodeTally

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
RULES = {"A": 20, "B": 10, "C": 15, "D": 5, "E": 10}
TRUE = {"A": 1.6, "B": 0.8, "C": -1.0, "D": 0.0}


def leads(n: int = 8000, seed: int = 3) -> pd.DataFrame:
    """Five yes/no facts; E is a near-copy of A, D does nothing, C speaks against a lead although it has points."""
    rng = np.random.default_rng(seed)
    facts = pd.DataFrame({name: rng.random(n) < 0.25 for name in "ABCD"})
    facts["E"] = np.where(rng.random(n) < 0.02, ~facts["A"], facts["A"])
    chance = 1 / (1 + np.exp(2.5 - sum(beta * facts[name] for name, beta in TRUE.items())))
    return facts.assign(won=rng.random(n) < chance)


def model(limit: float | None = None, **points: float) -> wb.ScoreModel:
    rules = [
        {"name": name, "when": f"{name} == true", "points": worth} for name, worth in ({**RULES, **points}).items()
    ]
    limits = {} if limit is None else {"limits": [None, limit]}
    return wb.ScoreModel.from_dict({"name": "m", "groups": [{"name": "g", **limits, "rules": rules}]})


def suggested(table: pd.DataFrame, of: wb.ScoreModel) -> Suggestion:
    return suggest_points(what_if(table, of, outcome="won"))


def test_the_coefficients_are_statsmodels_on_the_rows() -> None:
    table = leads()
    found = suggested(table, model()).frame().set_index("rule")
    names = [name for name in RULES if found.loc[name, "verdict"] != "copy"]
    reference = sm.Logit(table["won"].astype(float), sm.add_constant(table[names].astype(float))).fit(disp=0, tol=1e-12)
    assert found.loc[names, "log_odds"].to_numpy() == pytest.approx(reference.params[1:].to_numpy(), abs=1e-6)
    assert found.loc[names, "standard_error"].to_numpy() == pytest.approx(reference.bse[1:].to_numpy(), abs=1e-6)


def test_each_rule_gets_its_verdict() -> None:
    found = suggested(leads(), model())
    verdicts = found.frame().set_index("rule")["verdict"].to_dict()
    assert verdicts == {"A": "earns", "B": "earns", "C": "opposite", "D": "idle", "E": "copy"}
    assert found.pairs == (("A", "E"),)
    assert found.idle == ("C", "D")
    assert found.points == {
        "A": 25,
        "B": pytest.approx(12.5, abs=5),
        "C": pytest.approx(-15.6, abs=5),
        "D": 0,
        "E": 0,
    }
    assert found.suggested_auc.value > found.given_auc.value
    assert found.frame().set_index("rule").loc["E", "reason"] == (
        "nearly always together with 'A', which has the points of both; keep one of them."
    )


def test_among_many_rules_that_do_nothing_none_is_blamed_or_praised_by_chance() -> None:
    """Twenty rules without points or effect: unadjusted, two worlds of three have one that seems to do something."""
    names = [f"R{place}" for place in range(21)]
    rules = [{"name": name, "when": f"{name} == true", "points": 10 * (name == "R0")} for name in names]
    rated = wb.ScoreModel.from_dict({"name": "m", "groups": [{"name": "g", "rules": rules}]})
    named = 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        codes = (rng.random((1500, 21)) < 0.3).astype(np.uint8)
        won = (rng.random(1500) < 0.1 + 0.2 * codes[:, 0]).astype(np.int64)
        each, ones = np.arange(1500), np.ones(1500, dtype=np.int64)
        counted = CodeTally(model=rated, codes=codes, pattern=each, keys=pd.DataFrame({"outcome": won}), n=ones)
        verdicts = suggest_points(counted).frame().set_index("rule")["verdict"]
        assert verdicts["R0"] == "earns"
        named += (verdicts[names[1:]] == "earns").any()
    assert named <= 3  # 0.75 worlds are expected; more than 3 of 15 come up once in 180 times


def test_with_few_leads_a_rule_is_left_open_rather_than_blamed() -> None:
    found = suggested(leads(400), model(D=2)).frame().set_index("rule")
    assert found.loc["D", "verdict"] in ("open", "idle")
    assert found.loc["B", "high"] - found.loc["B", "low"] > 5


def test_the_suggestion_is_checked_on_the_limited_score() -> None:
    table = leads()
    found = suggested(table, model(limit=20))
    scored = wb.score(table, found.model)
    assert scored["score"].max() <= 20
    calibration = wb.calibrate(scored, outcome="won")
    assert found.suggested_auc.value == pytest.approx(calibration.auc)


def test_a_rule_that_only_winners_meet_gets_finite_points_and_it_is_said() -> None:
    table = leads()
    rng = np.random.default_rng(1)
    table["D"] = table["won"] & (rng.random(len(table)) < 0.05)
    found = suggested(table, model())
    assert found.firth
    assert np.isfinite(found.frame().set_index("rule").loc["D", "suggested"])
    assert "met by winners or losers alone" in found.headline()


def test_a_rule_that_nobody_meets_has_no_points() -> None:
    table = leads()
    table["D"] = False
    row = suggested(table, model()).frame().set_index("rule").loc["D"]
    assert (row["verdict"], row["reason"]) == ("unmet", "met by 0 leads (0.0 %): nothing can be told.")
    assert np.isnan(row["suggested"])


def test_the_sample_gives_its_truth_back() -> None:
    """`workbench.sample.Truth`: one country group does nothing, the demo page is a near-copy of the demo request."""
    ws = wb.load(SAMPLE)
    won = wb.Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)
    tested = backtest(ws, wb.ScoreModel.read(SAMPLE / "score.yaml"), outcome=won, days_after_creation=10)
    found = suggest_points(tested)
    rows = found.frame().set_index("rule")
    assert found.pairs == (("Asked for a demo", "Looked at the demo page"),)
    assert rows.loc["Germany, Austria or Switzerland", "verdict"] == "idle"
    truth = {"Software company": 0.7, "Decides": 0.5, "Each click in an e-mail": 0.25, "Student's address": -1.5}
    for rule, beta in truth.items():
        # Unworked leads win less, so the coefficients are those of worked and unworked leads together: a little larger.
        assert abs(rows.loc[rule, "log_odds"] - beta) < 0.3 + 2 * rows.loc[rule, "standard_error"]


def test_too_few_winners_end_in_a_sentence() -> None:
    table = leads(100)
    table["won"] = [True] * 4 + [False] * 96
    with pytest.raises(wb.WorkbenchError) as raised:
        suggested(table, model())
    assert str(raised.value) == (
        "points need winners and losers: 4 of 100 leads won, and at least 10 of each are needed; take more leads."
    )
