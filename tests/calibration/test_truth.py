"""What the invented company was drawn from is found again, each within its interval."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.calibration import Suggestion, what_if
from workbench.sample import Truth, true_chances
from workbench.sample.leads import price_visit_times
from workbench.sample.world import invent

LEADS, SEED = 40_000, 7
ODDS = asdict(Truth().log_odds)
FACTS = [name for name in ODDS if name not in ("intercept", "price_visit", "email_click")]
AGES = {"0-10": (0, 10), "10-25": (10, 25), "25-60": (25, 60), "60-": (60, 100)}


@pytest.fixture(scope="module")
def chances() -> pd.DataFrame:
    return true_chances(contacts=LEADS, seed=SEED)


def events(chances: pd.DataFrame) -> pd.DataFrame:
    """Visits to the price page, by their age in days at the hand-off, and clicks; a year before `as_of` or less."""
    world = invent(contacts=LEADS, seed=SEED, truth=Truth())
    leads = world.leads
    who, at = price_visit_times(world.dice, world.truth, leads.decided, leads.price_visits)
    age = (leads.decided[who] - at) / 1440
    bands = [*(high for _, high in AGES.values())]
    detail = np.array(list(AGES))[np.searchsorted(bands, age, side="right")]
    clicks = chances["email_click"].to_numpy()
    ids = chances["hs_object_id"].to_numpy()
    return pd.DataFrame(
        {
            "contact_id": np.concatenate([ids[who], np.repeat(ids, clicks)]),
            "kind": np.repeat(["page_view", "email_click"], [len(who), clicks.sum()]),
            "detail": np.concatenate([detail, np.repeat("a link", clicks.sum())]),
            "age": np.concatenate([age, np.zeros(clicks.sum())]),
        }
    )


@pytest.fixture(scope="module")
def found(chances: pd.DataFrame) -> tuple[Suggestion, pd.DataFrame]:
    """Suggested points from the leads that were worked: the chances of the others were cut down."""
    rules = [{"name": name, "when": f"{name} == true", "points": 10} for name in FACTS]
    counted = {band: f'count(page_view, "{band}")' for band in AGES} | {"click": "count(email_click)"}
    rules += [{"name": name, "count": count, "points": 5, "at_most": 9} for name, count in counted.items()]
    model = wb.ScoreModel.from_dict({"name": "truth", "groups": [{"name": "all", "rules": rules}]})
    happened = events(chances)
    worked = chances[chances["worked"]].assign(won=chances["days_to_win"].notna())
    tally = what_if(worked, model, outcome="won", activities=happened.drop(columns="age"))
    return wb.suggest_points(tally), happened


def test_the_points_are_the_true_ones_within_their_intervals(found: tuple[Suggestion, pd.DataFrame]) -> None:
    rows = found[0].frame().set_index("rule")
    told = rows[rows["log_odds"].notna()].drop(index=list(AGES))
    true = pd.Series(ODDS).rename({"email_click": "click"})[told.index]
    assert len(told) >= 9  # all but the near-copy of the demo request
    apart = np.abs(told["log_odds"] - true) / told["standard_error"]
    assert (apart < 1.96).sum() >= len(told) - 1
    assert apart.max() < 3
    assert set(rows.index[rows["verdict"] == "earns"]) >= {"demo_request", "software", "more_than_50_people"}
    assert {"dach", "ebook"}.isdisjoint(rows.index[rows["verdict"] == "earns"])
    assert ("demo_request", "demo_page") in found[0].pairs


def test_the_decay_of_a_visit_is_the_true_one_within_its_intervals(found: tuple[Suggestion, pd.DataFrame]) -> None:
    """A visit adds 0.55 on its day and loses half of that each month of 30 days, so that nothing is left after two."""
    suggestion, happened = found
    rows = suggestion.frame().set_index("rule")
    age = happened[happened["kind"] == "page_view"].groupby("detail")["age"].mean()
    for band in list(AGES)[:3]:
        true = ODDS["price_visit"] * (1 - Truth().decay_a_month * age[band] / 30)
        assert abs(rows.loc[band, "log_odds"] - true) < 2.4 * rows.loc[band, "standard_error"]
    assert rows.loc["0-10", "log_odds"] > rows.loc["25-60", "log_odds"]
    assert rows.loc["60-", "verdict"] != "earns"


def worked_by_lot(chances: pd.DataFrame, seed: int) -> pd.DataFrame:
    """5,000 leads that were all worked, whatever their score, and a score of five facts."""
    rng = np.random.default_rng(seed)
    some = chances.sample(5000, random_state=seed)
    weights = {"demo_request": 30, "more_than_50_people": 15, "software": 15, "decision_maker": 10, "student": -25}
    score = sum(points * some[name] for name, points in weights.items()) + 8 * some["email_click"]
    return some.assign(score=score.astype(float), won=rng.random(5000) < some["chance_if_worked"])


def test_the_line_is_the_true_one_within_its_interval_where_leads_were_worked_by_lot(chances: pd.DataFrame) -> None:
    money = {"value_per_win": 1000.0, "cost_per_lead": 250.0}
    covered = 0
    for seed in range(20):
        table = worked_by_lot(chances, seed)
        gain = table["chance_if_worked"] * money["value_per_win"] - money["cost_per_lead"]
        # Of all these leads, as they would turn out on average.
        true = gain.groupby(table["score"]).sum()[::-1].cumsum().idxmax()
        line = wb.calibrate(table, outcome="won").recommend("profit", **money)
        assert line.low is not None
        assert line.high is not None
        covered += line.low <= true <= line.high
    assert covered >= 17  # 19 of 20 expected, less two standard errors
