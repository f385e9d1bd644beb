import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.calibration import Calibration
from workbench.calibration.recommend import draw_counts


def leads(counts: dict[int, tuple[int, int]], *, weeks: int = 0) -> pd.DataFrame:
    """`{score: (leads, won)}` as rows; with `weeks`, each score's leads spread evenly over that many last weeks."""
    scores = np.repeat(list(counts), [n for n, _ in counts.values()])
    won = np.concatenate([np.arange(n) < w for n, w in counts.values()])
    table = pd.DataFrame({"score": scores.astype(float), "won": pd.array(won, dtype="boolean")})
    if weeks:
        week, turn = np.concatenate([np.divmod(np.arange(n), weeks)[::-1] for n, _ in counts.values()], axis=1)
        ago = 7 * week + np.where(turn % 2, 7, 1)  # the first and the last day of a week by turns
        days = pd.Timestamp("2026-06-30") - pd.to_timedelta(ago, unit="D")
        table["createdate"] = days.astype("datetime64[us]")
    return table


RISING = {10: (5000, 100), 30: (3000, 240), 50: (1500, 300), 70: (500, 200)}


def judged(counts: dict[int, tuple[int, int]] = RISING, *, weeks: int = 0) -> Calibration:
    return wb.calibrate(leads(counts, weeks=weeks), outcome="won", as_of="2026-06-30")


def test_profit_stands_where_the_next_lead_still_pays() -> None:
    found = judged().recommend("profit", value_per_win=1000, cost_per_lead=100)  # pays from 10 % on
    assert found.threshold == 50
    assert (found.low, found.high) == (50, 50)
    assert found.reason == (
        "2,000 leads convert at 25.0 % (23.2 to 26.9 %) and hold 60 % of wins; at 1,000 a win and 100 a lead that "
        "leaves 300,000, more than at any other line."
    )


def test_no_profit_is_no_line() -> None:
    found = judged().recommend("profit", value_per_win=100, cost_per_lead=90)
    assert (found.threshold, found.low, found.high) == (None, None, None)
    assert found.reason == (
        "working a lead never pays: the best line, 70, converts at 40.0 % of 500 leads, and a lead costs 90.0 % of a "
        "win's value."
    )


def test_a_target_rate_is_met_by_the_lowest_line_or_by_none() -> None:
    assert judged().recommend("target_rate", rate=0.2).threshold == 50
    none = judged().recommend("target_rate", rate=0.5)
    assert none.threshold is None
    assert none.reason == "no line reaches 50.0 %; the best, 70, converts at 40.0 % (35.8 to 44.4 %) of 500 leads."
    assert none.headline().startswith("No line by the conversion rate asked for: no line reaches 50.0 %")


def test_capacity_is_met_by_the_lowest_line_whose_weeks_fit() -> None:
    calibration = judged(weeks=50)  # 10 a week from 70 on, 40 from 50 on, 100 from 30 on
    found = calibration.recommend("capacity", leads_per_week=40)
    assert found.threshold == 50
    assert calibration.at(50).leads_per_week == pytest.approx(40)
    assert found.reason == (
        "40.0 leads a week were created at or above it over the last 50 weeks, of the 40 a week that sales can take; "
        "0 % of weeks brought more. From 30 on it would be 100.0."
    )
    assert calibration.recommend("capacity", leads_per_week=39).threshold == 70
    assert calibration.recommend("capacity", leads_per_week=5).threshold is None
    assert calibration.recommend("capacity", leads_per_week=1e6).threshold == 10


def test_capacity_without_dates_is_none_because() -> None:
    found = judged().recommend("capacity", leads_per_week=40)
    assert found.threshold is None
    assert found.reason.startswith("leads a week cannot be counted without the dates of creation")


def test_a_week_without_leads_counts_as_a_week() -> None:
    table = leads({10: (104, 5), 50: (26, 13)}, weeks=52)
    calibration = wb.calibrate(table, outcome="won", as_of="2026-06-30")
    assert calibration.weekly is not None
    assert calibration.weekly.n_weeks == 52
    assert calibration.at(50).leads_per_week == pytest.approx(0.5)


def test_youden_and_f1_are_the_best_of_all_lines() -> None:
    table = judged().thresholds
    lost = table["n_leads"] - table["n_won"]
    youden = table["capture_rate"] - lost / lost.iloc[0]
    f1 = 2 * table["n_won"] / (table["n_leads"] + table["n_won"].iloc[0])
    assert judged().recommend("youden").threshold == table["threshold"][youden.idxmax()]
    assert judged().recommend("f1").threshold == table["threshold"][f1.idxmax()]


def test_the_rule_of_thumb_is_met_or_says_what_is_missing() -> None:
    steep = {10: (5000, 90), 30: (3000, 200), 50: (1500, 300), 70: (500, 200)}
    assert judged(steep).recommend("rule_of_thumb").threshold == 50
    flat = {10: (5000, 250), 30: (3000, 240), 50: (1500, 200), 70: (500, 100)}
    none = judged(flat).recommend("rule_of_thumb")
    assert none.threshold is None
    assert none.reason == (
        "no line with 15 to 35 % of leads holds 60 % of wins; the nearest, 50, holds 38.0 % with 20.0 % of leads."
    )


def test_few_leads_leave_the_line_open() -> None:
    few = judged({10: (50, 1), 30: (30, 3), 50: (15, 3), 70: (5, 2)}).recommend("youden")
    many = judged().recommend("youden")
    assert few.high - few.low > many.high - many.low


def test_the_same_seed_gives_the_same_interval() -> None:
    one, other = judged().recommend("youden", seed=3), judged().recommend("youden", seed=3)
    assert one == other


@pytest.mark.parametrize(
    ("kind", "given", "sentence"),
    [
        (
            "capcity",
            {},
            "unknown rule 'capcity'; there are 'capacity', 'profit', 'target_rate', 'youden', 'f1', 'rule_of_thumb'. "
            "Did you mean 'capacity'?",
        ),
        ("capacity", {}, "the rule 'capacity' needs 'leads_per_week'; say for instance leads_per_week=20."),
        ("capacity", {"leads_per_week": 0}, "leads_per_week must be above 0, but 0 was given."),
        ("target_rate", {"rate": 20}, "a share lies above 0 and is at most 1, but 20 was given; use 0.10 for 10 %."),
        ("youden", {"rate": 0.2}, "the rule 'youden' takes nothing, but 'rate' was given; leave it out."),
    ],
)
def test_a_rule_that_cannot_be_applied_says_why(kind: str, given: dict[str, float], sentence: str) -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        judged().recommend(kind, **given)
    assert str(raised.value) == sentence


def test_the_interval_of_the_best_line_covers_the_true_one_in_nineteen_of_twenty_worlds() -> None:
    # True conversion crosses 10 % between 40 and 60 points: at 100 a lead and 1,000 a win the true line is 50.
    scores = np.arange(0, 100, 10)
    true = 0.02 * 2 ** (scores / 20)  # 11.3 % at 50, 8 % at 40
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(60):
        n = np.full(len(scores), 400)
        counts = {int(s): (400, int(w)) for s, w in zip(scores, rng.binomial(n, true), strict=True)}
        found = judged(counts).recommend("profit", value_per_win=1000, cost_per_lead=100)
        covered += found.low <= 50 <= found.high
    assert covered >= 52  # 57 expected, less three standard errors


def test_draws_of_many_scores_spread_as_those_of_few_do() -> None:
    """Of a thousand scores each cell is drawn on its own: mean and variance are its count, small and large alike."""
    n = np.tile([3, 40, 90, 150, 2000], 200)
    leads, won = draw_counts(n, n // 3, draws=2000, rng=np.random.default_rng(0))
    for drawn, counts in ((leads, n), (won, n // 3)):
        assert np.abs(drawn.mean(axis=0) - counts).max() < 5 * np.sqrt(counts.max() / 2000)
        assert drawn.var(axis=0).reshape(-1, 5).mean(axis=0) == pytest.approx(counts[:5], rel=0.03)
        assert drawn.min() >= 0
    assert (won <= leads).all()
