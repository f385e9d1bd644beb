"""Two models side by side: who crosses the line, and the difference with its interval."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.calibration.side_by_side import prepare_pair
from workbench.errors import WorkbenchError

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
WON = wb.Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)


@pytest.fixture(scope="module")
def workspace() -> wb.Workspace:
    return wb.load(SAMPLE)


@pytest.fixture(scope="module")
def old() -> wb.ScoreModel:
    return wb.ScoreModel.read(SAMPLE / "score.yaml")


@pytest.fixture(scope="module")
def new(old: wb.ScoreModel) -> wb.ScoreModel:
    return old.with_points({"Asked for a demo": 15, "Software company": 25})


@pytest.fixture(scope="module")
def compared(workspace: wb.Workspace, old: wb.ScoreModel, new: wb.ScoreModel) -> wb.ModelComparison:
    return wb.compare_models(old, new, workspace, outcome=WON, threshold=35, by="country")


@pytest.fixture(scope="module")
def scored(workspace: wb.Workspace, old: wb.ScoreModel, new: wb.ScoreModel) -> tuple[pd.DataFrame, pd.DataFrame]:
    return wb.score(workspace, old), wb.score(workspace, new)


@pytest.fixture(scope="module")
def judged(workspace: wb.Workspace, scored: tuple[pd.DataFrame, pd.DataFrame]) -> list[wb.Calibration]:
    return [wb.calibrate(one, outcome=WON, as_of=workspace.as_of) for one in scored]


def model(*rules: tuple[str, float], name: str = "Model", version: int = 1) -> wb.ScoreModel:
    made = tuple(wb.Rule(name=when, when=when, points=points) for when, points in rules)
    return wb.ScoreModel(name=name, version=version, groups=(wb.RuleGroup(name="all", rules=made),))


def leads(n: int = 8) -> pd.DataFrame:
    """Ids from 1; a is 0 and 1 in turn, b 0, 0, 1, 1 in turn, the last quarter won."""
    place = np.arange(n)
    return pd.DataFrame(
        {
            "hs_object_id": [str(one + 1) for one in place],
            "a": place % 2,
            "b": place // 2 % 2,
            "won": place >= 3 * n // 4,
        }
    )


A, B = model(("a == 1", 10)), model(("b == 1", 10), version=2)


def test_a_small_case_by_hand() -> None:
    found = wb.compare_models(A, B, leads(), outcome="won", threshold=10)
    # a: 2 4 6 8, b: 3 4 7 8, won: 7 8
    assert (found.n, found.n_up, found.n_down) == (8, 2, 2)
    assert found.crossed is not None
    assert found.crossed.to_dict("list") == {
        "contact_id": ["2", "3", "6", "7"],
        "direction": ["down", "up", "down", "up"],
        "old_score": [10, 0, 10, 0],
        "new_score": [0, 10, 0, 10],
        "outcome": ["lost", "lost", "lost", "won"],
    }
    rows: Any = found.frame().set_index("metric")
    assert rows.loc["n_above", ["old", "new", "difference"]].tolist() == [4, 4, 0]
    assert rows.loc["conversion_rate", ["old", "new", "difference"]].tolist() == [0.25, 0.5, 0.25]
    assert rows.loc["capture_rate", ["old", "new", "difference"]].tolist() == [0.5, 1.0, 0.5]
    # of 12 pairs of a winner and a loser: by a 3 are right, 6 are ties; by b 8 are right, 4 are ties
    assert rows.loc["auc", ["old", "new"]].tolist() == pytest.approx([6 / 12, 10 / 12])
    assert np.isnan(rows.loc["leads_per_week", "old"])


def test_the_headline_says_who_crosses_and_what_for(compared: wb.ModelComparison) -> None:
    assert compared.headline() == (
        "From old to new at 35 points, 291 of 5,000 contacts rise above the line and 83 fall below it. 15.0 leads a "
        "week become 17.7; 22.1 % of leads above the line convert, 25.5 % so far (−3.4 points, −4.4 to −2.5); 75.1 % "
        "of all customers are above it, 73.7 % so far (+1.4 points, −0.8 to +3.8: it may be chance)."
    )


def test_models_are_told_apart_by_version_or_name() -> None:
    other = model(("a == 1", 10), name="Other")
    assert wb.compare_models(A, B, leads(), outcome="won", threshold=10).titles == ("version 1", "version 2")
    assert wb.compare_models(A, other, leads(), outcome="won", threshold=10).titles == ("Model", "Other")


def test_the_counts_are_those_of_a_plain_loop(
    scored: tuple[pd.DataFrame, pd.DataFrame], compared: wb.ModelComparison
) -> None:
    before, after = scored
    crossed: dict[str, Any] = {}
    by_country: dict[str, dict[str, int]] = {}
    for left, right in zip(before.to_dict("records"), after.to_dict("records"), strict=True):
        country = left["country"] if isinstance(left["country"], str) else "(blank)"
        tally = by_country.setdefault(country, {"n": 0, "up": 0, "down": 0})
        tally["n"] += 1
        if (left["score"] >= 35) != (right["score"] >= 35):
            direction = "up" if right["score"] >= 35 else "down"
            tally[direction] += 1
            crossed[left["hs_object_id"]] = (direction, left["score"], right["score"], country)
    assert compared.crossed is not None
    assert crossed == {
        row.contact_id: (row.direction, row.old_score, row.new_score, row.segment)
        for row in compared.crossed.itertuples()
    }
    assert by_country == {
        row.segment: {"n": row.n, "up": row.n_up, "down": row.n_down} for row in compared.by_segment.itertuples()
    }


def test_each_side_is_what_calibrate_says_of_it(judged: list[wb.Calibration], compared: wb.ModelComparison) -> None:
    rows: Any = compared.frame().set_index("metric")
    for side, one in zip(("old", "new"), judged, strict=True):
        line = one.at(35)
        assert rows.loc["leads_per_week", side] == pytest.approx(line.leads_per_week)
        assert rows.loc["conversion_rate", side] == line.conversion.value
        assert rows.loc["capture_rate", side] == line.capture.value
        assert rows.loc["auc", side] == pytest.approx(one.auc)
    pd.testing.assert_frame_equal(
        compared.new_calibration.thresholds.drop(columns="leads_per_week"),
        judged[1].thresholds.drop(columns="leads_per_week"),
    )
    week, segments = rows.loc["leads_per_week"], compared.by_segment
    assert segments["new_leads_per_week"].sum() == pytest.approx(week["new"])
    assert segments["difference_leads_per_week"].sum() == pytest.approx(week["difference"])


def test_a_model_differs_from_itself_by_nothing_exactly(workspace: wb.Workspace, old: wb.ScoreModel) -> None:
    found = wb.compare_models(old, old, workspace, outcome=WON, threshold=35, by="industry")
    assert found.crossed is not None
    assert (found.n_up, found.n_down, len(found.crossed)) == (0, 0, 0)
    assert (found.frame()[["difference", "low", "high"]] == 0).all(axis=None)
    known = found.by_segment.filter(regex="difference|low|high")
    assert ((known == 0) | known.isna()).all(axis=None)
    assert found.headline() == "From old to new at 35 points, none of 5,000 contacts crosses the line."


def test_the_paired_interval_is_narrower_than_one_of_two_separate_samples(compared: wb.ModelComparison) -> None:
    rows: Any = compared.frame().set_index("metric")
    rng = np.random.default_rng(1)
    for metric in ("conversion_rate", "capture_rate"):
        apart = []
        for calibration in (compared.old_calibration, compared.new_calibration):
            line = calibration.at(35)
            n = line.n_leads if metric == "conversion_rate" else line.n_all_won
            apart.append(rng.binomial(n, line.n_won / n, size=4000) / n)
        low, high = np.quantile(apart[1] - apart[0], [0.025, 0.975])
        assert rows.loc[metric, "high"] - rows.loc[metric, "low"] < 0.8 * (high - low)


def test_the_auc_interval_is_that_of_drawing_leads(compared: wb.ModelComparison) -> None:
    """DeLong's interval of two scores of the same leads beside a bootstrap over leads."""
    cells = compared.cells[compared.cells["outcome"] < 2]
    n, won = cells["n"].to_numpy(), cells["outcome"].to_numpy() == 1
    places = [np.unique(cells[side], return_inverse=True)[1] for side in ("old_score", "new_score")]
    drawn = np.random.default_rng(2).multinomial(n.sum(), n / n.sum(), size=400)
    apart = [auc_of(places[1], won, weights) - auc_of(places[0], won, weights) for weights in drawn]
    row = compared.frame().set_index("metric").loc["auc"]
    assert np.quantile(apart, [0.025, 0.975]) == pytest.approx([row["low"], row["high"]], abs=0.002)


def auc_of(place: Any, won: Any, n: Any) -> float:
    wins, losses = (np.bincount(place, weights=n * part) for part in (won, ~won))
    return float(wins @ (np.cumsum(losses) - losses / 2) / wins.sum() / losses.sum())


def test_the_same_seed_draws_the_same_and_another_hardly_differs(
    workspace: wb.Workspace, old: wb.ScoreModel, new: wb.ScoreModel, compared: wb.ModelComparison
) -> None:
    prepared = prepare_pair(workspace, old, outcome=WON, by="country")
    counted = prepared.count(new)
    again, other = (replace(counted, seed=seed).compare(old_line=35, new_line=35).frame() for seed in (0, 1))
    pd.testing.assert_frame_equal(again, compared.frame())
    np.testing.assert_allclose(other["low"][2:], compared.frame()["low"][2:], atol=0.005)
    assert other["low"][2] != compared.frame()["low"][2]


def test_at_the_same_work_each_model_gets_the_line_that_calibrate_recommends(
    workspace: wb.Workspace, old: wb.ScoreModel, new: wb.ScoreModel, judged: list[wb.Calibration]
) -> None:
    found = wb.compare_models(old, new, workspace, outcome=WON, leads_per_week=15)
    for line, one in zip((found.old_line, found.new_line), judged, strict=True):
        assert line == one.recommend("capacity", leads_per_week=15).threshold
    assert found.headline().startswith(f"From old at {found.old_line:g} points to new at {found.new_line:g}, ")


def test_every_engine_counts_the_same(tmp_path: Path) -> None:
    import duckdb

    table = leads(40)
    expected = wb.compare_models(A, B, table, outcome="won", threshold=10, by="b")
    for other in (polars.DataFrame(table), duckdb.connect().from_df(table)):
        found = wb.compare_models(A, B, other, outcome="won", threshold=10, by="b")
        pd.testing.assert_frame_equal(found.frame(), expected.frame())
        assert found.crossed is not None
        assert expected.crossed is not None
        pd.testing.assert_frame_equal(found.crossed, expected.crossed, check_dtype=False)


def test_points_change_without_another_pass(workspace: wb.Workspace, old: wb.ScoreModel, new: wb.ScoreModel) -> None:
    counted = prepare_pair(workspace, old, outcome=WON).count(old)
    moved = counted.compare(new, old_line=35, new_line=40)
    fresh = wb.compare_models(old, new, workspace, outcome=WON, threshold=35, new_threshold=40)
    assert moved.crossed is None
    pd.testing.assert_frame_equal(moved.figures, fresh.figures)
    assert (moved.n_up, moved.n_down) == (fresh.n_up, fresh.n_down)


def test_a_property_called_like_the_score_is_still_there_for_the_new_rules() -> None:
    table = leads().assign(score=[1, 2, 3, 4, 5, 6, 7, 8])
    found = wb.compare_models(A, model(("score > 6", 10)), table, outcome="won", threshold=10)
    assert found.crossed is not None
    assert found.crossed["contact_id"].tolist() == ["2", "4", "6", "7"]


def test_without_record_ids_nobody_is_named() -> None:
    found = wb.compare_models(A, B, leads().drop(columns="hs_object_id"), outcome="won", threshold=10)
    assert found.crossed is None
    assert found.n_up == 2


@given(
    points=st.lists(st.integers(-20, 20), min_size=4, max_size=4),
    lines=st.tuples(st.integers(-25, 25), st.integers(-25, 25)),
    rows=st.lists(
        st.tuples(st.booleans(), st.booleans(), st.sampled_from([True, False, None])), min_size=1, max_size=30
    ),
)
@settings(max_examples=8, deadline=None)
def test_what_rises_less_what_falls_is_the_change_above_the_line(
    points: list[int], lines: tuple[int, int], rows: list[tuple[bool, bool, bool | None]]
) -> None:
    table = pd.DataFrame(rows, columns=["a", "b", "won"]).astype({"won": "boolean"})
    table["hs_object_id"] = [str(one) for one in range(len(rows))]
    first, second = (
        model(("a == true", one), ("b == true", other)) for one, other in zip(points[::2], points[1::2], strict=True)
    )
    one_way = wb.compare_models(first, second, table, outcome="won", threshold=lines[0], new_threshold=lines[1])
    back = wb.compare_models(second, first, table, outcome="won", threshold=lines[1], new_threshold=lines[0])
    above = one_way.figures.set_index("metric").loc["n_above"]
    assert one_way.n_up - one_way.n_down == above["difference"]
    assert (one_way.n_up, one_way.n_down) == (back.n_down, back.n_up)
    known = one_way.frame().dropna()
    assert (known["low"] <= known["high"]).all()
    np.testing.assert_allclose(back.figures["difference"], -one_way.figures["difference"])
    assert one_way.crossed is not None
    assert len(one_way.crossed) == one_way.n_up + one_way.n_down


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            {},
            "say where the line is: threshold=50 (and new_threshold= where the new model has another), or "
            "leads_per_week=20, what sales can take, for the line that fits each model.",
        ),
        (
            {"threshold": 10, "by": "contry"},
            "unknown segment column 'contry'; the table has 'hs_object_id', 'a', 'b', 'won', 'country'. Did you mean "
            "'country'?",
        ),
        (
            {"leads_per_week": 5},
            "leads a week cannot be counted without the dates of creation; say threshold= instead, or map their column "
            "to 'createdate' in mapping.yaml.",
        ),
        ({"leads_per_week": 0}, "leads_per_week has to be above 0, but 0 was given."),
        ({"threshold": float("nan")}, "a line is a number of points such as 50, not nan."),
    ],
)
def test_what_cannot_be_compared_is_said(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        wb.compare_models(A, B, leads().assign(country="Germany"), outcome="won", **asked)
    assert str(caught.value) == sentence


def test_too_many_segments_no_rows_and_no_line_high_enough() -> None:
    with pytest.raises(
        WorkbenchError, match=r"^'hs_object_id' has 250 different values, too many to compare one by one"
    ):
        wb.compare_models(A, B, leads(250), outcome="won", threshold=10, by="hs_object_id")
    with pytest.raises(WorkbenchError, match=r"^the table has no rows; load an export that has contacts in it\.$"):
        wb.compare_models(A, B, leads(8).head(0), outcome="won", threshold=10)
    dated = leads(400).assign(createdate=pd.date_range("2026-01-01", periods=400, freq="6h"))
    with pytest.raises(WorkbenchError, match=r"^even from the highest score on, more than 0\.1 leads a week come"):
        wb.compare_models(A, B, dated, outcome="won", leads_per_week=0.1)


def test_whom_the_new_model_leaves_out_is_counted_and_falls_below_the_line() -> None:
    large = wb.Segment("Large", "b == 1")
    narrow = replace(A, include=("Large",)).with_segments([large])
    found = wb.compare_models(A, narrow, leads(), outcome="won", threshold=10)
    assert found.n == 8
    assert found.crossed is not None
    assert found.crossed["contact_id"].tolist() == ["2", "6"]
    assert found.crossed["direction"].tolist() == ["down", "down"]
    assert found.crossed["new_score"].isna().all()
    back = wb.compare_models(narrow, A, leads(), outcome="won", threshold=10)
    assert (back.n_up, back.n_down) == (2, 0)
    assert prepare_pair(leads(), A, outcome="won").count(narrow).rules()["n"].tolist() == [2]


def test_rules_are_counted_with_their_conversion(workspace: wb.Workspace, old: wb.ScoreModel) -> None:
    rows = prepare_pair(workspace, old, outcome=WON).count(old).rules().set_index("rule")
    expected = wb.what_if(workspace, old, outcome=WON).rules().set_index("rule")
    pd.testing.assert_frame_equal(rows.drop(columns="n"), expected)
    contacts = workspace.contacts
    assert rows.loc["Software company", "n"] == (contacts["industry"] == "Software").sum()


def test_the_command_line_compares_files_of_either_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    from workbench import cli

    (tmp_path / "exports").mkdir()
    table = leads().rename(columns={"hs_object_id": "Record ID", "won": "Bought"})
    table.to_csv(tmp_path / "exports" / "contacts-2026-06-30.csv", index=False)
    A.write(tmp_path / "old.yaml")
    vendors = replace(B, groups=(replace(B.groups[0], category="fit"),))
    (tmp_path / "new.json").write_text(json.dumps(vendors.to_hubspot(kinds={"b": "number"})), encoding="utf-8")
    files = [str(tmp_path / name) for name in ("old.yaml", "new.json", "exports")]
    cli.app(
        ["compare", *files, "--outcome", "Bought", "--threshold", "10", "--by", "b"],
        standalone_mode=False,
        prog_name="workbench",
    )
    said = capsys.readouterr().out
    assert "2 of 8 contacts rise above the line and 2 fall below it" in said
    assert "conversion_rate" in said
    assert "n up" in said
    with pytest.raises(WorkbenchError, match=r"^cannot read the model '.*none\.json': No such file or directory\.$"):
        cli.app(["compare", str(tmp_path / "none.json"), *files[1:], "--outcome", "Bought"], standalone_mode=False)


def test_a_line_above_which_nobody_is_left_is_said(workspace: wb.Workspace, old: wb.ScoreModel) -> None:
    lower = replace(old, maximum=20)
    said = wb.compare_models(old, lower, workspace, outcome=WON, threshold=35).headline()
    assert "nobody is above the line any more, 25.5 % of leads above the line convert so far" in said
    assert "unknown" not in said
    said = wb.compare_models(lower, old, workspace, outcome=WON, threshold=35).headline()
    assert "25.5 % of leads above the line convert, nobody was above it so far" in said
