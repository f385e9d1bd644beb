"""Data and arguments that carry no figure: a sentence, never a figure that looks sound and is not."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.calibration import Calibration
from workbench.calibration.recommend import draw_revenue

WON = wb.Outcome(when="is_known(won_at)", at="won_at", within_days=90)
END = "2026-06-30"


def leads(n: int = 400, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"score": rng.integers(0, 101, n).astype(float)})
    table["createdate"] = pd.Timestamp(END) - pd.to_timedelta(rng.integers(100, 400, n), unit="D")
    table["won_at"] = (table["createdate"] + pd.Timedelta(days=9)).where(rng.random(n) < 0.1 + 0.002 * table["score"])
    return table.assign(**columns).astype({"createdate": "datetime64[us]", "won_at": "datetime64[us]"})


def judged(table: pd.DataFrame) -> Calibration:
    return wb.calibrate(table, outcome=WON, as_of=END)


def test_five_leads_get_no_interval_that_looks_sure() -> None:
    table = leads(5)
    table["won_at"] = (table["createdate"] + pd.Timedelta(days=9)).where([True, False, False, True, False])
    calibration = judged(table)
    few = "Only 2 of 5 leads won: too few to say how sure a line is; take more leads."
    found = calibration.recommend("youden")
    assert (found.low, found.high) == (None, None)
    assert found.reason.endswith(few)
    assert calibration.corrected("youden") is None
    assert few in calibration.notes


def test_an_outcome_before_the_leads_creation_is_no_win() -> None:
    table = leads()
    table["won_at"] = table["won_at"] - pd.Timedelta(days=30)
    with pytest.raises(wb.WorkbenchError, match="won before they were created not counted"):
        judged(table)


def test_all_young_is_said() -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        judged(leads(createdate=pd.Timestamp("2026-06-25")))
    assert str(raised.value) == (
        "none of 400 leads can be judged: 400 younger than 90 days; take an older export, or a shorter within_days."
    )


def test_a_cost_above_the_value_is_no_line() -> None:
    calibration = judged(leads())
    assert calibration.recommend("profit", value_per_win=100, cost_per_lead=200).threshold is None
    assert calibration.corrected("profit", value_per_win=100, cost_per_lead=200) is None


@pytest.mark.parametrize(
    ("kind", "given", "sentence"),
    [
        ("capacity", {"leads_per_week": -5}, "leads_per_week must be above 0, but -5 was given."),
        ("capacity", {"leads_per_week": float("nan")}, "leads_per_week must be above 0, but nan was given."),
        (
            "profit",
            {"value_per_win": float("inf"), "cost_per_lead": 2},
            "value_per_win must be a number that can be counted, but inf was given.",
        ),
    ],
)
def test_an_argument_that_is_no_amount_is_refused(kind: str, given: dict[str, float], sentence: str) -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        judged(leads()).recommend(kind, **given)
    assert str(raised.value) == sentence


def test_a_segment_column_with_ten_thousand_values_is_refused() -> None:
    table = leads(10_000)
    table["segment"] = table.index.astype(str)
    with pytest.raises(wb.WorkbenchError) as raised:
        wb.calibrate(table, outcome=WON, as_of=END, by="segment")
    assert str(raised.value) == (
        "'segment' has 10,000 different values, too many to judge one by one (at most 200); choose a column with "
        "fewer, or group its values first."
    )


def paid(**columns: object) -> pd.DataFrame:
    table = leads(2000)
    rng = np.random.default_rng(6)
    amount = np.where(table["won_at"].notna(), rng.gamma(2.0, 50.0 + 2 * table["score"]), np.nan)
    return table.assign(amount=amount).assign(**columns)


def test_profit_takes_what_the_won_leads_brought() -> None:
    table = paid()
    calibration = wb.calibrate(table, outcome=WON, as_of=END, revenue="amount")
    revenue = table[::-1].groupby("score")["amount"].sum()[::-1].cumsum()[::-1]
    assert calibration.thresholds["revenue"].to_numpy() == pytest.approx(revenue.to_numpy())
    gain = calibration.thresholds["revenue"] - 40 * calibration.thresholds["n_leads"]
    found = calibration.recommend("profit", cost_per_lead=40)
    assert found.threshold == calibration.thresholds["threshold"][gain.idxmax()]
    assert found.low is not None
    assert found.low <= found.threshold <= found.high
    assert f"that leaves {gain.max():,.0f}, more than at any other line" in found.reason
    corrected = calibration.corrected("profit", cost_per_lead=40)
    assert corrected is not None
    assert corrected.optimism > 0


def test_draws_of_revenue_spread_as_draws_of_the_won_leads_do() -> None:
    amount = np.random.default_rng(1).gamma(2.0, 50.0, 400)
    won, rng = np.full((4000, 1), 400), np.random.default_rng(2)
    drawn = draw_revenue(won, np.array([400]), amount.sum(keepdims=True), (amount**2).sum(keepdims=True), rng=rng)
    assert drawn.mean() == pytest.approx(amount.sum(), rel=0.003)
    assert drawn.std() == pytest.approx(amount.std() * 20, rel=0.05)


def test_a_negative_revenue_is_refused_and_a_blank_one_is_said() -> None:
    table = paid()
    first = table["amount"].first_valid_index()
    with pytest.raises(wb.WorkbenchError) as raised:
        wb.calibrate(
            table.assign(amount=table["amount"].mask(table.index == first, -5)),
            outcome=WON,
            as_of=END,
            revenue="amount",
        )
    assert str(raised.value) == (
        "1 won lead has a negative revenue in 'amount', so a line by profit would mean nothing; correct the amounts, "
        "or leave those leads out."
    )
    blank = wb.calibrate(
        table.assign(amount=table["amount"].mask(table.index == first)), outcome=WON, as_of=END, revenue="amount"
    )
    assert "1 won lead without a revenue: counted as 0." in blank.notes
    with pytest.raises(wb.WorkbenchError, match="no won lead has a revenue in 'amount'; choose another column, or say"):
        wb.calibrate(table.assign(amount=0.0), outcome=WON, as_of=END, revenue="amount")
    with pytest.raises(wb.WorkbenchError) as raised:
        wb.calibrate(table, outcome=WON, as_of=END, revenue="amonut")
    assert str(raised.value) == (
        "there is no number column 'amonut' of revenue; there are 'score', 'amount'. Did you mean 'amount'?"
    )


def test_a_rate_of_cohorts_whose_wins_were_not_yet_recorded_comes_with_a_warning() -> None:
    table = leads(3000)
    late = table[~(table["won_at"] < "2025-12-05")]
    calibration = wb.calibrate(late, outcome=WON, as_of=END)
    assert any(note.startswith("Wins are on record from 5 December 2025 on") for note in calibration.notes)
    assert any("Judge those alone" in note for note in calibration.notes)
    assert not any("on record" in note for note in judged(table).notes)
