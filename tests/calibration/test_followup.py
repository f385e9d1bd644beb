"""What was promised, beside what came."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.calibration.followup import FollowUp, follow_up

WON = wb.Outcome(when="is_known(won_at)", at="won_at", within_days=30)


def leads(rate: float, *, start: str = "2026-01-01", days: int = 180, a_day: int = 6, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rng.poisson(a_day, days))
    created = pd.Timestamp(start) + pd.to_timedelta(day, unit="D")
    score = rng.integers(0, 101, len(day)).astype(float)
    won = rng.random(len(day)) < np.where(score >= 50, rate, rate / 4)
    table = pd.DataFrame({"score": score, "createdate": created})
    table["won_at"] = (created + pd.Timedelta(days=5)).where(won)
    return table.astype({"createdate": "datetime64[us]", "won_at": "datetime64[us]"})


@pytest.fixture
def decision(tmp_path: Path) -> wb.Decision:
    calibration = wb.calibrate(leads(0.3), outcome=WON, as_of="2026-06-30")
    return wb.decide(
        tmp_path / "score.yaml", calibration, threshold=50, reason="It pays.", author="Ana Lopes", on="2026-07-01"
    )


def came(decision: wb.Decision, rate: float, **given: int) -> FollowUp:
    return follow_up(leads(rate, start="2026-07-01", seed=2, **given), decision, outcome=WON, as_of="2026-12-28")


def test_months_that_keep_the_promise_raise_no_alarm(decision: wb.Decision) -> None:
    found = came(decision, 0.3)
    assert not found.alarm
    assert found.headline() == (
        "As promised, 6 months since the line went to 50: nothing differs from the promise beyond chance; 1 month is "
        "too young to judge conversion."
    )
    table = leads(0.3, start="2026-07-01", seed=2)
    july = table[(table["createdate"] < "2026-08-01") & (table["score"] >= 50)]
    row = found.frame().iloc[0]
    assert (row["n_above"], row["n_won"]) == (len(july), july["won_at"].notna().sum())
    assert row["leads_per_week"] == pytest.approx(len(july) / (31 / 7))


def test_an_alarm_is_raised_when_conversion_parts_from_the_promise(decision: wb.Decision) -> None:
    found = came(decision, 0.1)
    assert found.alarm
    assert found.frame()["converts_otherwise"].any()
    assert not found.frame()["fewer_or_more_leads"].any()
    assert found.headline().startswith("Alarm, 6 months since the line went to 50: July 2026 converts at ")


def test_an_alarm_is_raised_when_far_more_leads_come_than_promised(decision: wb.Decision) -> None:
    found = came(decision, 0.3, a_day=12)
    assert found.frame()["fewer_or_more_leads"].all()
    assert "were promised" in found.reason


def test_without_a_change_alarms_are_as_rare_as_promised(decision: wb.Decision) -> None:
    alarms = sum(
        follow_up(leads(0.3, start="2026-07-01", seed=seed), decision, outcome=WON, as_of="2026-12-28").alarm
        for seed in range(100, 140)
    )
    assert alarms <= 9  # two families of tests at 5 %, and the promise itself is an estimate


def test_another_outcome_or_no_newer_lead_is_refused(decision: wb.Decision) -> None:
    with pytest.raises(wb.WorkbenchError, match=r"the decision was made for .*; compare like with like"):
        follow_up(leads(0.3), decision, outcome=wb.Outcome(when="is_known(won_at)"))
    with pytest.raises(wb.WorkbenchError) as raised:
        follow_up(leads(0.3), decision, outcome=WON, as_of="2026-06-30")
    assert str(raised.value) == (
        "no lead at or above 50 was created since the decision of 2026-07-01; bring a newer export."
    )
