"""Sums with limits, decay of groups, roll-ups, segments, labels of categories and the matrix, in files and in scores."""  # noqa: E501

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import narwhals as nw
import pandas as pd
import polars as pl
import pytest

import workbench as wb
from tests.scoring.refusals import edited, refusal
from workbench.errors import WorkbenchError
from workbench.scoring import Rule, RuleGroup, RuleSum, ScoreModel, explain, score, tally_codes
from workbench.scoring.files import from_text
from workbench.segments import Segment, write_segments

TEXT = """\
name: Whole
version: 2
limits: [0, 100]
category_maximum: 60
exclude:
  - Students
labels:
  - name: B
    at_least: 0
    of: fit
  - name: A
    at_least: 15
    of: fit
  - name: Hot
    at_least: 50
    leave_below: 40
matrix:
  fit:
    A: 15
    B: 0
  engagement:
    '1': 10
    '2': 0
groups:
  - name: firm
    category: fit
    rules:
      - name: profile
        sum:
          - name: software
            when: industry == "Software"
            points: 10
          - name: large
            when: in_segment("Large")
            points: 10
        limits: [null, 15]
      - name: best deal
        associated: deal
        roll_up: maximum
        of_those: amount > 100
        cases:
          - when: dealstage == "closedwon"
            points: 8
          - when: dealstage == "closedlost"
            points: -4
        otherwise: 1
        limits: [-3, 7]
        id: '77'
  - name: acts
    category: engagement
    decay:
      percent: 50
      every_days: 30
    rules:
      - name: calls
        count: count(call)
        points: 10
        at_most: 5
"""
CONTACTS = pd.DataFrame(
    {
        "hs_object_id": ["1", "2", "3", "4"],
        "industry": ["Software", "Software", "Retail", None],
        "numemployees": [60, 10, 60, None],
        "email": ["a@x.example", "b@y.example", "c@student.example", None],
        "associated_deal_ids": ["d1;d2", "d2", None, "d3"],
    }
)
DEALS = pd.DataFrame(
    {
        "hs_object_id": ["d1", "d2", "d3", "d4"],
        "dealstage": ["closedwon", "closedlost", "open", "closedwon"],
        "amount": [500.0, 200.0, 200.0, 900.0],
        "associated_contact_ids": [None, None, None, "3"],
    }
)
EVENTS = pd.DataFrame(
    {
        "contact_id": ["1", "1", "2"],
        "kind": ["call"] * 3,
        "at": pd.to_datetime(["2026-06-20", "2026-05-20", "2026-04-20"]),
        "detail": ["x"] * 3,
    }
)
SEGMENTS = (Segment("Large", "numemployees > 50"), Segment("Students", 'contains(email, "student")'))
MORE: dict[str, Any] = {"activities": EVENTS, "related": lambda name: {"deals": DEALS}[name], "as_of": "2026-06-30"}


def whole() -> ScoreModel:
    return from_text(TEXT, "score.yaml").with_segments(SEGMENTS)


def test_all_parts_of_a_model_give_their_points() -> None:
    scored = score(CONTACTS, whole(), **MORE)
    rows = scored.iloc[:, len(CONTACTS.columns) :].astype(object)
    assert rows.where(rows.notna(), None).to_dict("list") == {
        "score": [37, 7, None, 1],
        "score_firm": [22, 7, None, 1],  # 20, at most 15, and 7; 10 and -3; 1
        "score_acts": [15, 0, None, 0],
        "score_fit": [22, 7, None, 1],
        "score_engagement": [15, 0, None, 0],
        "score_label": [None, None, None, None],
        "score_label_fit": ["A", "B", None, "B"],
        "score_matrix": ["A1", "B2", None, "B2"],
    }


def test_a_tally_and_an_explanation_say_the_same() -> None:
    tally = tally_codes(CONTACTS, whole(), keys={"id": nw.col("hs_object_id")}, **MORE)
    assert dict(zip(tally.keys["id"], tally.scores()[tally.pattern].tolist(), strict=True)) == {"1": 37, "2": 7, "4": 1}
    found = explain(CONTACTS, whole(), "1", **MORE)
    assert [(step.what, step.points) for step in found.steps] == [
        ("software", 10),
        ("large", 10),
        ("limit of profile", -5),
        ("best deal", 7),
        ("calls", 15),
    ]
    with pytest.raises(
        WorkbenchError, match=r"^the contact '3' has no score: the model leaves it out by include or exclude"
    ):
        explain(CONTACTS, whole(), "3", **MORE)


def test_points_change_in_sums_and_roll_ups_without_another_pass() -> None:
    other = whole().with_points({"large": 3, "best deal": -16})
    tally = tally_codes(CONTACTS, whole(), keys={"id": nw.col("hs_object_id")}, **MORE)
    scored = score(CONTACTS, other, **MORE).set_index("hs_object_id")["score"].dropna()
    assert dict(zip(tally.keys["id"], tally.scores(other)[tally.pattern].tolist(), strict=True)) == scored.to_dict()
    assert [rule.points for rule in other.rules] == [10, 3, -16, 10]
    assert [case.points for case in other.rules[2].cases] == [-16, 8]


def test_the_file_is_written_as_it_was_read_and_fits_the_schema() -> None:
    model = from_text(TEXT, "score.yaml")
    assert model.to_yaml() == TEXT
    schema = json.loads(files("workbench.scoring").joinpath("score.schema.json").read_text(encoding="utf-8"))
    allowed = jsonschema.Draft202012Validator(schema)
    assert not list(allowed.iter_errors(model.to_dict()))
    wrong = [
        {"name": "r", "when": "true", "points": 1, "roll_up": "sum"},
        {"name": "r", "sum": []},
        {"name": "r", "sum": [{"name": "a", "sum": [{"name": "b", "when": "true", "points": 1}]}]},
        {"name": "r", "associated": "invoice", "roll_up": "sum", "when": "true", "points": 1},
        {"name": "r", "associated": "deal", "roll_up": "median", "when": "true", "points": 1},
    ]
    fields = model.to_dict()
    for one in wrong:
        fields["groups"][0]["rules"] = [one]
        assert not allowed.is_valid(fields), one
        with pytest.raises(WorkbenchError):
            ScoreModel.from_dict(fields)


def test_segments_are_read_from_beside_the_model_or_from_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "score.yaml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(WorkbenchError) as told:
        score(CONTACTS, ScoreModel.read(tmp_path / "score.yaml"), **MORE)
    assert str(told.value) == (
        "the model 'Whole' asks for the segment 'Large', which is not saved; there are nothing. Save it in the "
        "segments.yaml beside the model, or give model.with_segments([...])."
    )
    write_segments(tmp_path / "segments.yaml", SEGMENTS)
    model = ScoreModel.read(tmp_path / "score.yaml")
    assert score(CONTACTS, model, **MORE)["score"].tolist()[:2] == [37, 7]


def test_who_is_scored_may_hang_on_the_old_score() -> None:
    old = CONTACTS.assign(score=[5.0, 50.0, None, 70.0], _scored="x")
    model = ScoreModel(
        name="m", groups=(RuleGroup(name="fit", rules=(Rule(name="r", when="true", points=1),)),), include=("High",)
    )
    scored = score(old, model.with_segments([Segment("High", "score > 40")]))
    assert [None if pd.isna(one) else one for one in scored["score"]] == [None, 1, None, 1]
    assert list(scored) == [*CONTACTS, "_scored", "score", "score_fit"]


def test_a_thousand_rules_are_no_deep_expression() -> None:
    rules = tuple(Rule(name=f"rule {number}", when=f"numemployees > {number}", points=1) for number in range(1_000))
    wide = ScoreModel(name="Wide", groups=(RuleGroup(name="fit", rules=rules),))
    assert score(pl.from_pandas(CONTACTS), wide)["score"].to_list() == [60, 10, 60, 0]


def test_segments_that_go_round_in_a_circle_are_refused(tmp_path: Path) -> None:
    circle = (Segment("Large", 'in_segment("Students")'), Segment("Students", 'in_segment("Large")'))
    with pytest.raises(WorkbenchError, match=r"^segments go round in a circle: 'Large' → 'Students' → 'Large'"):
        score(CONTACTS, whole().with_segments(circle), **MORE)


@pytest.fixture(scope="module")
def workspace() -> wb.Workspace:
    return wb.load(Path(__file__).parents[2] / "data" / "sample")


def test_a_workspace_gives_deals_and_companies_to_roll_up(workspace: wb.Workspace) -> None:
    rule = Rule(name="size", associated="company", roll_up="sum", when="numberofemployees > 50", points=5)
    model = ScoreModel(name="One", groups=(RuleGroup(name="fit", rules=(rule,)),))
    scored = score(workspace, model)
    companies = workspace.companies.set_index("hs_object_id")["numberofemployees"]
    expected = scored["associatedcompanyid"].map(companies > 50).fillna(False).astype(int) * 5
    assert scored["score"].tolist() == expected.tolist()
    assert 500 < (expected > 0).sum() < 4_500


def test_a_sum_that_is_not_enabled_gives_nothing_and_asks_nothing() -> None:
    off = RuleSum(name="off", rules=(Rule(name="a", when="no_such_property", points=5),), minimum=3, enabled=False)
    model = ScoreModel(name="One", groups=(RuleGroup(name="fit", rules=(off, Rule(name="b", when="true", points=1))),))
    assert score(CONTACTS, model)["score"].tolist() == [1] * 4
    tally = tally_codes(CONTACTS, model, keys={})
    assert tally.scores().tolist() == [1]
    on = ScoreModel.from_dict({**model.to_dict(), "groups": [{"name": "fit", "rules": [
        {"name": "off", "sum": [{"name": "a", "when": "no_such_property", "points": 5}], "limits": [3, None]},
        {"name": "b", "when": "true", "points": 1}]}]})  # fmt: skip
    with pytest.raises(
        WorkbenchError, match=r"^the rule 'a' was not enabled when contacts were counted; count again\.$"
    ):
        tally.scores(on)


GROUP = "    rules:\n      - name: calls\n        count: count(call)\n"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("roll_up: maximum", "roll_up: median", "score.yaml, line 39, key 'roll_up': the rule 'best deal' has the roll_up 'median'; there are 'average', 'maximum', 'minimum', 'sum'."),  # noqa: E501
        ("associated: deal", "associated: invoice", "score.yaml, line 38, key 'associated': the rule 'best deal' asks associated records of 'invoice'; there are 'company', 'deal', 'ticket', 'contact'."),  # noqa: E501
        ("of_those: amount > 100", "of_those: count(call) > 1", "score.yaml, line 38, key 'associated': the rule 'best deal' asks of each deal what only contacts have, events or segments; ask for its properties."),  # noqa: E501
        ("        associated: deal\n", "", "score.yaml, line 39, key 'of_those': roll_up and of_those go with associated; the rule 'best deal' asks no associated records."),  # noqa: E501
        ("    A: 15", "    A: many", "score.yaml, line 18, key 'fit': the points of the label 'A' are a number such as 10, not 'many'."),  # noqa: E501
        ("  engagement:\n    '1': 10\n    '2': 0\n", "", "score.yaml, line 18, key 'engagement': it is missing; add it."),  # noqa: E501
        ("    of: fit\n  - name: A", "    of: fitness\n  - name: A", "score.yaml: the model 'Whole' has labels or a matrix of 'fitness', and no group is that or is of the category 'fitness'; there are 'fit', 'engagement'. Did you mean 'fit'?"),  # noqa: E501
        ("limits: [null, 15]", "limits: [20, 15]", "score.yaml, line 36, key 'limits': the limits of the sum 'profile' contradict: the lower one is 20, the upper one 15."),  # noqa: E501
        ("exclude:\n  - Students", "exclude: Students", "score.yaml, line 5, key 'exclude': a list is needed, each entry behind a dash, and 'Students' came."),  # noqa: E501
        ("name: software", "name: calls", "score.yaml: the model 'Whole' has several rules called 'calls'; give each its own name."),  # noqa: E501
        ("every_days: 30", "every_days: often", "score.yaml, line 53, key 'every_days': every_days of a decay is a whole number from 1 to 36,500, not 'often'."),  # noqa: E501
        ("points: 10\n          - name: large", "points: ten\n          - name: large", "score.yaml, line 32, key 'points': the points of the rule 'software' are a number such as 10, not 'ten'."),  # noqa: E501
    ],
)  # fmt: skip
def test_errors_name_the_line_and_the_key(old: str, new: str, sentence: str) -> None:
    text = edited(TEXT, old, new)
    assert refusal(lambda: from_text(text, "score.yaml")) == sentence


def test_a_roll_up_without_the_other_table_or_its_links_is_told() -> None:
    with pytest.raises(WorkbenchError) as told:
        score(CONTACTS, whole(), activities=EVENTS, as_of="2026-06-30")
    assert str(told.value) == (
        "the rule 'best deal' asks each deal, and only the contacts came; give a Workspace in place of the table, or "
        "related=, which gives the deals."
    )
    bare = {**MORE, "related": lambda name: DEALS.drop(columns="associated_contact_ids")}
    with pytest.raises(WorkbenchError, match=r"^the rule 'best deal' needs to know which deals belong to which of the"):
        score(CONTACTS.drop(columns="associated_deal_ids"), whole(), **bare)


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('true')", "industry.upper() == \"A\"", "(lambda: true)()", "[x for x in y]", "a" * 100_000,  # noqa: E501
     "not " * 10_000 + "a", "(" * 10_000 + "a" + ")" * 10_000],
    ids=["import", "attribute", "lambda", "loop", "long", "many nots", "deep"],
)  # fmt: skip
def test_what_is_no_condition_is_refused_with_the_rule_and_never_evaluated(text: str) -> None:
    with pytest.raises(WorkbenchError, match=r"^the model, 'r', key 'when': (cannot read the condition|the condition)"):
        ScoreModel.from_dict(
            {"name": "m", "groups": [{"name": "fit", "rules": [{"name": "r", "when": text, "points": 1}]}]}
        )


def test_a_rule_on_a_property_of_another_type_is_told() -> None:
    model = ScoreModel(
        name="m", groups=(RuleGroup(name="fit", rules=(Rule(name="r", when='numemployees == "many"', points=1),)),)
    )
    with pytest.raises(
        WorkbenchError, match=r"^'numemployees' holds numbers, but the condition .* compares it with the text"
    ):
        score(CONTACTS, model)


# -- presets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ScoreModel.presets())
def test_a_preset_is_usable_on_the_sample(name: str, workspace: wb.Workspace) -> None:
    model = ScoreModel.preset(name)
    assert ScoreModel.from_dict(model.to_dict()) == model
    schema = json.loads(files("workbench.scoring").joinpath("score.schema.json").read_text(encoding="utf-8"))
    assert not list(jsonschema.Draft202012Validator(schema).iter_errors(model.to_dict()))
    scored = score(workspace, model)
    cal = wb.calibrate(scored, score="score", outcome='lifecyclestage == "customer"', as_of=workspace.as_of)
    assert cal.auc > 0.65
    counts = tally_codes(workspace, model, keys={}).rule_counts()
    positive = {rule.name for rule in model.rules if rule.points > 0}
    assert (counts.loc[counts["rule"].isin(positive), "n_matched"] > 0).all()


def test_the_classic_line_is_at_fifty_and_left_at_forty() -> None:
    assert [(one.name, one.at_least, one.leave_below) for one in ScoreModel.preset("classic_50").labels][-1] == (
        "For sales",
        50,
        40,
    )


def test_criteria_weigh_twenty_to_twenty_five_ten_to_fifteen_or_five() -> None:
    spans = {"Important": (20, 25), "Medium": (10, 15), "Minor": (5, 5)}
    for rule in ScoreModel.preset("practitioners").rules:
        low, high = spans[rule.name.split(":")[0]]
        assert low <= abs(rule.points) * (rule.at_most or 1 if rule.name.startswith("Medium") else 1) <= high, rule.name


def test_an_unknown_preset_is_told() -> None:
    with pytest.raises(WorkbenchError) as told:
        ScoreModel.preset("classic")
    assert str(told.value) == (
        "unknown preset 'classic'; there are 'classic_50', 'first_second_third', 'points_and_grades', 'practitioners'. "
        "Did you mean 'classic_50'?"
    )
