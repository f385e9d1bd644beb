"""Pictures of segments: what they count, and what they show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.charts import plot
from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.outcomes import Outcome
from workbench.segments import (
    Segment,
    compare_segments,
    discover,
    pivot,
    segment_changes,
    segment_overlap,
    segment_profiles,
    stage_flow,
)
from workbench.segments.looks import flow_of

WON = Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)
HALVES = {"DACH": 'country in ["Germany", "Austria"]', "<i>Software": 'industry == "Software"', "None": "false"}


def traces(result: Any) -> list[Any]:
    return list(plot(result).data)


def test_two_properties_crossed_hold_everybody_once(account: Workspace) -> None:
    found = pivot(account, "industry", "country")
    assert found.cells.loc["Software", "Germany"] == 2
    assert found.frame()["n"].sum() == 5
    assert found.headline() == "Most of 5 are Software and Germany: 2 (40.0 %)."
    heat = traces(found)[0]
    assert heat["type"] == "heatmap"
    assert [n for row in heat["text"] for n in row].count("2") == 1
    assert np.asarray(heat["z"]).sum() == 5
    assert pivot(account, "industry", "industry").frame().columns.tolist() == ["industry", "industry again", "n"]
    nobody = pivot(account, "industry", "country", segment=Segment("none", "false"))
    assert nobody.headline() == "Nobody to count by industry and country."
    assert np.asarray(traces(nobody)[0]["z"]).size == 0


def test_each_segment_has_its_small_picture_on_the_same_axis(sample: Workspace) -> None:
    found = segment_profiles(sample, HALVES, "industry")
    shares = found.frame().groupby("segment")["share"].sum()
    assert shares.round(9).to_dict() == {"<i>Software": 1, "DACH": 1, "None": 0}
    figure = plot(found)
    assert len(figure.data) == 3
    assert {tuple(axis.range) for axis in figure.select_xaxes()} == {(0, 1.05)}
    assert [note.text for note in figure.layout.annotations] == [
        "<b>DACH</b>",
        "<b>&lt;i&gt;Software</b>",
        "<b>None</b>",
    ]
    in_dach = found.frame().set_index(["segment", "value"]).loc[("DACH", "Software"), "share"]
    assert found.headline() == (
        f"The segments differ most in industry Software: from {100 * in_dach:.1f} % to 100.0 %."
    )  # the one with nobody inside has no share


def test_overlaps_add_up(account: Workspace) -> None:
    found = segment_overlap(account, {"Large": "numemployees > 50", "German": 'country == "Germany"'})
    rows = found.frame().set_index(["Large", "German"])["n"].to_dict()
    assert rows == {(True, True): 1, (True, False): 1, (False, True): 1, (False, False): 2}
    assert found.headline() == "1 of 3 records are in more than one of 2 segments."
    bars, dots = traces(found)
    assert sorted(bars["y"]) == [1, 1, 1]
    assert len(dots["x"]) == 4
    with pytest.raises(WorkbenchError, match=r"^a segment called 'n' would be taken for the number of records; rename"):
        segment_overlap(account, {"n": "true"})


def test_the_way_through_stages_is_that_of_the_contacts() -> None:
    reached = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0]], dtype=bool)
    found = flow_of(["lead", "marketingqualifiedlead", "customer"], reached)
    told = [(row["stage"], row["next"], row["n"]) for row in found.frame().to_dict("records")]
    assert [(a, b if isinstance(b, str) else None, n) for a, b, n in told] == [
        ("Lead", "Marketing Qualified Lead", 2),
        ("Lead", "Customer", 1),
        ("Marketing Qualified Lead", None, 2),
        ("Marketing Qualified Lead", "Customer", 1),
        ("Customer", None, 2),
    ]
    assert found.headline() == (
        "2 reached Customer; most stopped at Marketing Qualified Lead: 2 (66.7 % of who came there)."
    )
    drawn = traces(found)
    assert [one["text"] for one in drawn[:3]] == [
        "Lead → Marketing Qualified Lead: 2",
        "Lead → Customer: 1",
        "Marketing Qualified Lead → Customer: 1",
    ]
    skipping = drawn[1]["y"]
    assert max(skipping) > 3  # above the bar of the stage it skips
    assert [max(one["y"]) for one in drawn[3:]] == [3, 3, 2]


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=20))
@settings(max_examples=50, deadline=None)
def test_who_leaves_a_stage_came_there(rows: list[list[bool]]) -> None:
    reached = np.array(rows, dtype=bool).reshape(-1, 4)
    found = flow_of(["subscriber", "lead", "opportunity", "customer"], reached)
    left = found.flows.groupby("stage")["n"].sum()
    for stage, n in found.stages.itertuples(index=False):
        assert left.get(stage, 0) == n
    assert plot(found).data


def test_the_flow_of_a_segment(sample: Workspace) -> None:
    everybody, software = stage_flow(sample), stage_flow(sample, segment=Segment("s", 'industry == "Software"'))
    assert (software.stages["n"] <= everybody.stages["n"]).all()
    assert everybody.stages["n"].is_monotonic_decreasing
    with pytest.raises(
        WorkbenchError, match=r"^the way through stages is seen from the dates they were entered; export"
    ):
        stage_flow(pd.DataFrame({"hs_object_id": ["1"]}))


def test_compared_segments_are_points_with_intervals(sample: Workspace) -> None:
    found = compare_segments(sample, HALVES, outcome=WON)
    (points,) = traces(found)
    shown = found.segments[~found.segments["suppressed"] & (found.segments["n_leads"] > 0)].iloc[::-1]
    assert shown["segment"].tolist() == ["<i>Software", "DACH"]
    assert list(points["x"]) == pytest.approx(list(shown["conversion_rate"]))
    assert list(points["error_x"]["array"]) == pytest.approx(list(shown["high"] - shown["conversion_rate"]))


def test_what_separates_and_who_came_and_went_are_bars(sample: Workspace, account: Workspace) -> None:
    found = discover(sample, outcome=WON, properties=["industry", "country"], permutations=99)
    (bars,) = traces(found)
    assert list(bars["x"]) == list(found.frame()["information"].iloc[::-1])
    changes = segment_changes(
        Segment("Customers", 'lifecyclestage == "customer"'), account, days=["2026-01-31", "2026-06-30"]
    )
    entered, left, size = traces(changes)
    assert list(size["y"]) == list(changes.sizes["size"])
    assert sum(entered["y"]) == 1
    assert sum(left["y"]) == 0


@pytest.mark.parametrize("name", ["hs_object_id", "industy"])
def test_what_cannot_be_pictured_is_told(account: Workspace, sample: Workspace, name: str) -> None:
    told = "groups nobody; choose another" if name == "hs_object_id" else "Did you mean 'industry'"
    with pytest.raises(WorkbenchError, match=told):
        pivot(sample, name, "country")
