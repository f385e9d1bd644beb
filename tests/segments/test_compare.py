"""Segments side by side: rates by hand, tests that are adjusted, what stays hidden, effects that are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.outcomes import Outcome
from workbench.segments import Segment, compare_segments

WON = Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)


def leads(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_the_rates_are_those_counted_by_hand() -> None:
    table = leads(
        industry=["Software"] * 40 + ["Retail"] * 160,
        won=[True] * 20 + [False] * 20 + [True] * 16 + [False] * 144,
        points=[float(n) for n in range(200)],
        money=[10.0] * 200,
    )
    found = compare_segments(
        table,
        {"Software": 'industry == "Software"', "Low": "points < 100"},
        outcome="won",
        score="points",
        amount="money",
    )
    software = found.frame().iloc[0]
    assert software[["n", "share", "n_leads", "n_won", "conversion_rate", "lift"]].tolist() == pytest.approx(
        [40, 0.2, 40, 20, 0.5, 0.5 / 0.18]
    )
    # Wilson for 20 of 40; Newcombe's interval for 20/40 against 16/160
    assert software[["low", "high"]].tolist() == pytest.approx([0.3520, 0.6480], abs=5e-5)
    assert software["difference"] == pytest.approx(0.4)
    assert software[["difference_low", "difference_high"]].tolist() == pytest.approx([0.2417, 0.5527], abs=1e-3)
    assert software["median_score"] == 19.5
    assert software["revenue"] == 400
    assert found.headline() == ("Software converts best: 50.0 % of 40 (35.2 to 64.8 %), 2.8 times the average.")


def test_newcombes_published_interval() -> None:
    # Newcombe (1998), table II, method 10: 56/70 against 48/80
    table = leads(group=["a"] * 70 + ["b"] * 80, won=[1] * 56 + [0] * 14 + [1] * 48 + [0] * 32)
    found = compare_segments(table, {"a": 'group == "a"'}, outcome="won").frame().iloc[0]
    assert found[["difference_low", "difference_high"]].tolist() == pytest.approx([0.0524, 0.3339], abs=5e-5)


def test_p_values_are_adjusted_for_all_that_was_looked_at() -> None:
    rng = np.random.default_rng(7)
    table = leads(x=rng.integers(0, 8, 800), won=rng.random(800) < 0.2)
    found = compare_segments(table, {str(n): f"x == {n}" for n in range(8)}, outcome="won")
    assert len(found.pairs) == 28
    p_values = pd.concat([found.segments["p_value"], found.pairs["p_value"]])
    adjusted = pd.concat([found.segments["p_adjusted"], found.pairs["p_adjusted"]])
    assert adjusted.min() == pytest.approx(min(1.0, 36 * p_values.min()))
    assert found.headline() == "None of 8 segments converts better than the rest beyond chance (all: " + (
        f"{100 * table['won'].mean():.1f} % of 800)."
    )


def test_small_segments_stay_hidden_and_cannot_be_derived() -> None:
    table = leads(x=[0] * 50 + [1] * 40 + [2] * 6, won=([True, False] * 48))
    found = compare_segments(table, {"0": "x == 0", "1": "x == 1", "2": "x == 2"}, outcome="won").frame()
    # 96 less 50 and 40 would tell the 6
    assert found["suppressed"].tolist() == [False, True, True]
    assert found.loc[found["suppressed"]].drop(columns=["segment", "suppressed"]).isna().all(axis=None)


def test_a_segment_less_another_cannot_be_had() -> None:
    table = leads(x=list(range(100)), won=[True, False] * 50)
    found = compare_segments(table, {"wide": "x < 60", "less": "x < 55"}, outcome="won").frame()
    assert found["suppressed"].tolist() == [False, True]


@given(st.lists(st.integers(0, 7), min_size=30, max_size=60))
@settings(max_examples=10, deadline=None)
def test_no_sum_or_difference_of_two_shown_segments_is_small(bits: list[int]) -> None:
    table = leads(x=bits, won=[bit % 2 == 0 for bit in bits])
    conditions = {"a": "x in [1, 3, 5, 7]", "b": "x in [2, 3, 6, 7]", "c": "x >= 4"}
    found = compare_segments(table, conditions, outcome="won", min_group=5).frame()
    members = [set(np.flatnonzero([bit >> place & 1 for bit in bits])) for place in range(3)]
    shown = [members[place] for place in range(3) if not found["suppressed"].iloc[place]] + [set(range(len(bits)))]
    for one in shown:
        for other in shown:
            if one < other:
                assert len(other - one) >= 5 or not one


def test_an_empty_segment_and_one_of_everybody_are_said() -> None:
    table = leads(x=[1.0] * 50, won=[True, False] * 25)
    found = compare_segments(table, {"None": "x > 5", "All": "x == 1"}, outcome="won")
    assert found.notes == (
        "'None' is empty: nobody meets its condition.",
        "'All' holds everybody: there is no rest to compare it with.",
    )
    assert found.frame()["difference"].isna().all()


def test_an_effect_that_vanishes_within_sources_is_named() -> None:
    # large companies come from the source that converts, and within a source size does not matter
    cells = [("REFERRALS", 500.0, 900, 360), ("REFERRALS", 5.0, 100, 40), ("OFFLINE", 500.0, 100, 10)]
    cells.append(("OFFLINE", 5.0, 900, 90))
    table = pd.concat(
        pd.DataFrame({"hs_analytics_source": source, "numemployees": size, "won": [True] * won + [False] * (n - won)})
        for source, size, n, won in cells
    )
    found = compare_segments(table, {"Large": "numemployees > 50"}, outcome="won")
    assert found.paradoxes[["segment", "within", "kind"]].to_numpy().tolist() == [["Large", "source", "vanishes"]]
    assert found.notes == (
        "Simpson's paradox: the effect of 'Large' (odds ratio 3.93) vanishes within each source (1.00, 0.70 to 1.43). "
        "Compare within it.",
    )


def test_the_admissions_of_berkeley_turn() -> None:
    # Bickel, Hammel and O'Connell (1975), six departments: admitted and rejected, men then women
    cells = [
        (512, 313, 89, 19), (353, 207, 17, 8), (120, 205, 202, 391),
        (138, 279, 131, 244), (53, 138, 94, 299), (22, 351, 24, 317),
    ]  # fmt: skip
    rows = []
    for department, (men_in, men_out, women_in, women_out) in zip("ABCDEF", cells, strict=True):
        rows += [("men", department, True)] * men_in + [("men", department, False)] * men_out
        rows += [("women", department, True)] * women_in + [("women", department, False)] * women_out
    table = pd.DataFrame(rows, columns=["group", "hs_analytics_source", "won"])
    found = compare_segments(table, {"men": 'group == "men"'}, outcome="won")
    paradox = found.paradoxes.iloc[0]
    assert paradox["odds_ratio"] == pytest.approx(1.841, abs=1e-3)
    assert paradox["odds_ratio_within"] == pytest.approx(0.905, abs=2e-3)  # Mantel-Haenszel
    assert paradox["kind"] == "vanishes"


def test_a_true_effect_is_no_paradox(sample: Workspace) -> None:
    found = compare_segments(
        sample,
        {
            "Software": 'industry == "Software"',
            "Demo": 'count(form_submission, "Demo") >= 1',
            "Large": "numemployees > 50",
        },
        outcome=WON,
        score="hubspotscore",
    )
    assert found.paradoxes.empty
    table = found.frame().set_index("segment")
    assert (table["p_adjusted"] < 0.001).all()
    assert table.loc["Demo", "median_days_to_close"] < 90
    assert table["revenue"].gt(0).all()
    assert found.headline().startswith("Demo converts best: ")
    assert found.overlap["n"].sum() == len(sample.contacts)


def test_what_is_asked_wrongly_is_told(sample: Workspace) -> None:
    with pytest.raises(WorkbenchError) as told:
        compare_segments(sample, [], outcome=WON)
    assert str(told.value) == "segments are needed, such as [Segment('Large', 'numemployees > 50')]."
    with pytest.raises(WorkbenchError, match=r"^'industry' is no number column; there are 'numemployees', "):
        compare_segments(sample, {"All": "true"}, outcome=WON, score="industry")
    twice = [Segment("a", "true"), Segment("a", "false")]
    with pytest.raises(WorkbenchError, match=r"^there are two different segments called 'a'; rename one of them\.$"):
        compare_segments(sample, twice, outcome=WON)
