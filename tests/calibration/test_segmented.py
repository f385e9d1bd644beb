"""One line for all, beside a line for each segment."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.calibration import Calibration, segment_lines

MONEY = {"value_per_win": 1000.0, "cost_per_lead": 100.0}  # pays from 10 % on


def two_countries(shift: float, *, leads: int = 6000, small: int = 60) -> Calibration:
    """In A a lead pays from 40 points on, in B from 40 + shift on; C is too small to say."""
    rng = np.random.default_rng(2)
    country = np.repeat(["A", "B", "C"], [leads, leads, small])
    score = rng.integers(0, 101, len(country)).astype(float)
    chance = 1 / (1 + np.exp(-(np.log(1 / 9) + 0.06 * (score - 40 - shift * (country == "B")))))
    table = pd.DataFrame({"score": score, "country": country, "won": rng.random(len(country)) < chance})
    return wb.calibrate(table, outcome="won", by="country")


def test_each_segment_finds_its_own_line_again_and_the_small_one_has_none() -> None:
    found = segment_lines(two_countries(25), "profit", **MONEY)
    rows = found.frame().set_index("segment")
    assert rows.loc["A", "low"] <= 40 <= rows.loc["A", "high"]
    assert rows.loc["B", "low"] <= 65 <= rows.loc["B", "high"]
    assert np.isnan(rows.loc["C", "threshold"])
    assert rows.loc["C", "reason"].startswith("too small: 60 leads")
    assert (rows.loc[["A", "B"], "cost"] > 0).all()
    assert set(found.frame().loc[found.frame()["differs"], "segment"]) == {"A", "B"}
    assert "2 segments (" in found.headline()
    assert found.headline().endswith("1 segment too small to say.")


def test_lines_that_are_not_surely_apart_are_drawn_together() -> None:
    found = segment_lines(two_countries(0, leads=800), "profit", **MONEY)
    rows = found.frame().dropna(subset=["threshold"])
    assert (np.abs(rows["shrunk"] - found.threshold) <= np.abs(rows["threshold"] - found.threshold) + 1e-9).all()
    assert not found.frame()["differs"].any()


def test_leads_and_wins_add_up_to_those_of_all() -> None:
    calibration = two_countries(10)
    rows = segment_lines(calibration, "youden").frame()
    line = calibration.at(segment_lines(calibration, "youden").threshold)
    assert rows["n_leads"].sum() == line.n_all
    assert rows["line_for_all_n_leads"].sum() == line.n_leads


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (
            "capacity",
            "capacity gives one line for all, because sales take leads from every segment; ask for 'profit', "
            "'target_rate', 'youden' or 'f1' by segment.",
        ),
    ],
)
def test_a_rule_that_has_one_line_for_all_says_so(kind: str, sentence: str) -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        segment_lines(two_countries(0), kind, leads_per_week=10)
    assert str(raised.value) == sentence


def test_without_segments_there_are_no_lines_by_segment() -> None:
    table = pd.DataFrame({"score": [1.0, 2, 3], "won": [False, True, True]})
    with pytest.raises(wb.WorkbenchError, match="there are no segments; calibrate with by="):
        segment_lines(wb.calibrate(table, outcome="won"), "youden")
