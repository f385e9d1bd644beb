"""Models as files, scores, and counts from which other points are tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from tests.scoring.refusals import edited, refusal
from workbench.conditions import parse
from workbench.errors import WorkbenchError
from workbench.scoring import Label, Rule, RuleGroup, ScoreModel, score, tally_codes

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
TEXT = """\
name: Sales readiness
version: 3
limits: [0, 100]
groups:
  - name: fit
    limits: [-30, 50]
    rules:
      - name: Software, over 50 people
        when: industry == "Software" and numemployees > 50
        points: 20
      - name: Student
        when: contains(email, "student")
        points: -2.5
  - name: engagement
    limits: [null, 70]
    rules:
      - name: Each price page visit
        count: count(page_view, "pricing", within_days=90)
        points: 5
        at_most: 3
"""
CONTACTS = pd.DataFrame(
    {
        "hs_object_id": ["1", "2", "3", "4"],
        "industry": ["Software", "Software", None, "Retail"],
        "numemployees": [60, 10, 60, None],
        "email": ["a@x.example", "b@student.example", None, "student@y.example"],
    },
    index=[10, 20, 30, 40],
)
ACTIVITIES = pd.DataFrame(
    {
        "contact_id": ["1"] * 5 + ["3", "3", "4"],
        "kind": ["page_view"] * 8,
        "at": pd.to_datetime(["2026-06-01"] * 5 + ["2026-06-29", "2025-06-29", "2026-07-02"]),
        "detail": ["/pricing"] * 8,
    }
)


@pytest.fixture
def model(tmp_path: Path) -> ScoreModel:
    file = tmp_path / "score.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return ScoreModel.read(file)


def one_rule(**fields: Any) -> ScoreModel:
    return ScoreModel(name="One", groups=(RuleGroup(name="fit", rules=(Rule(name="rule", **fields),)),))


# -- scores ------------------------------------------------------------------------------------------------------


def test_points_are_summed_within_the_limits_of_group_and_score(model: ScoreModel) -> None:
    scored = score(CONTACTS, model, activities=ACTIVITIES, as_of="2026-06-30")
    assert list(scored) == [*CONTACTS, "score", "score_fit", "score_engagement"]
    assert scored["score_fit"].tolist() == [20.0, -2.5, 0.0, -2.5]
    assert scored["score_engagement"].tolist() == [15.0, 0.0, 5.0, 0.0]
    assert scored["score"].tolist() == [35.0, 0.0, 5.0, 0.0]
    assert scored.index.tolist() == [10, 20, 30, 40]


def test_whole_points_give_whole_scores(model: ScoreModel) -> None:
    whole = model.with_points({"Student": -3.0})
    scored = score(CONTACTS, whole, activities=ACTIVITIES, as_of="2026-06-30")
    assert {str(scored[name].dtype) for name in ("score", "score_fit", "score_engagement")} == {"int64"}
    assert whole.rules[1].points == -3


def test_points_of_a_tenth_add_up_exactly() -> None:
    rules = tuple(Rule(name=f"rule {number}", when="true", points=0.1) for number in range(3))
    tenths = ScoreModel(name="Tenths", groups=(RuleGroup(name="fit", rules=rules),))
    assert score(CONTACTS, tenths)["score"].tolist() == [0.3] * 4


def test_a_table_comes_back_as_the_kind_it_was() -> None:
    model = one_rule(when='industry == "Software"', points=5)
    contacts = duckdb.connect().from_df(CONTACTS)
    assert isinstance(score(CONTACTS, model), pd.DataFrame)
    assert isinstance(score(pl.from_pandas(CONTACTS), model), pl.DataFrame)
    assert isinstance(score(pl.from_pandas(CONTACTS).lazy(), model), pl.LazyFrame)
    assert isinstance(score(nw.from_native(CONTACTS), model), nw.DataFrame)
    assert isinstance(score(contacts, model), duckdb.DuckDBPyRelation)


def test_an_old_score_column_is_replaced() -> None:
    old = CONTACTS.assign(score=99, score_fit=99)
    scored = score(old, one_rule(when='industry == "Software"', points=5))
    assert list(scored) == [*CONTACTS, "score", "score_fit"]
    assert scored["score"].tolist() == [5, 5, 0, 0]


def test_a_rule_may_ask_for_the_old_score() -> None:
    old = CONTACTS.assign(score=[99, 0, 50, None])
    assert score(old, one_rule(when="score > 40", points=5))["score"].tolist() == [5, 0, 5, 0]


def test_an_empty_table_is_scored_as_an_empty_table(model: ScoreModel) -> None:
    scored = score(CONTACTS.iloc[:0], model, activities=ACTIVITIES.iloc[:0], as_of="2026-06-30")
    assert scored.empty
    assert "score_engagement" in scored


def test_rules_without_points_and_groups_without_rules_give_nothing() -> None:
    groups = (
        RuleGroup(name="fit", rules=(Rule(name="rule", when="true", points=0),)),
        RuleGroup(name="engagement", rules=(), minimum=3),
    )
    empty = ScoreModel(name="Empty", groups=groups)
    scored = score(CONTACTS, empty)
    assert scored["score_fit"].tolist() == [0] * 4
    assert scored["score"].tolist() == [3] * 4
    assert tally_codes(CONTACTS, empty, keys={}).scores().tolist() == [3]


def test_a_workspace_is_scored_with_its_own_activities_and_date() -> None:
    workspace = wb.load(SAMPLE)
    model = ScoreModel.read(SAMPLE / "score.yaml")
    scored = score(workspace, model)
    by_hand = score(workspace.contacts, model, activities=workspace.activities, as_of=workspace.as_of)
    pd.testing.assert_frame_equal(scored, by_hand)
    assert scored["score"].between(0, 100).all()
    assert scored["score"].nunique() > 10
    earlier = score(workspace, model, as_of="2025-01-01")
    assert (earlier["score_engagement"] < scored["score_engagement"]).sum() > 100


def test_a_rule_may_ask_for_deals_and_history_of_a_workspace() -> None:
    workspace = wb.load(SAMPLE)
    model = one_rule(when='associated(deal, dealstage == "closedwon")', points=5)
    scored = score(workspace, model)
    won = workspace.deals.loc[workspace.deals["dealstage"] == "closedwon", "associated_contact_ids"].dropna()
    ids = set(won.str.split(";").explode())
    assert set(scored.loc[scored["score"] == 5, "hs_object_id"]) == ids & set(scored["hs_object_id"])
    assert len(ids) > 10
    found = wb.explain(workspace, model, next(iter(ids & set(scored["hs_object_id"]))))
    assert found.score == 5


# -- labels ------------------------------------------------------------------------------------------------------

LABELS = (Label(name="Hot", at_least=50, leave_below=40), Label(name="Warm", at_least=20))


def labelled(contacts: Any, previous: str | None = None) -> list[str | None]:
    groups = (RuleGroup(name="fit", rules=tuple(Rule(name=f"{n}", when=f"visits >= {n}", points=n) for n in (20, 25))),)
    scored = score(contacts, ScoreModel(name="Labels", groups=groups, labels=LABELS), previous=previous)
    frame = nw.from_native(scored).lazy().collect("pyarrow")
    return frame["score_label"].to_list()  # type: ignore[no-any-return]


VISITS = pd.DataFrame({"visits": [0, 20, 25, 25, 25, 0], "was": ["Hot", "Hot", "Hot", "Warm", None, None]})
ENGINES = [pd.DataFrame, pl.from_pandas, lambda frame: duckdb.connect().from_df(frame)]


@pytest.mark.parametrize("engine", ENGINES, ids=["pandas", "polars", "duckdb"])
def test_a_label_is_the_highest_that_a_score_reaches(engine: Any) -> None:
    assert labelled(engine(VISITS)) == [None, "Warm", "Warm", "Warm", "Warm", None]


@pytest.mark.parametrize("engine", ENGINES, ids=["pandas", "polars", "duckdb"])
def test_who_has_a_label_keeps_it_until_the_score_falls_below_its_leaving_line(engine: Any) -> None:
    assert labelled(engine(VISITS), previous="was") == [None, "Warm", "Hot", "Warm", "Warm", None]


def test_labels_that_make_no_sense_are_refused() -> None:
    with pytest.raises(WorkbenchError) as told:
        Label(name="Hot", at_least=50, leave_below=60)
    assert str(told.value) == (
        "the label 'Hot' is given from 50 points and would be left below 60; leave_below has to be lower."
    )
    with pytest.raises(WorkbenchError, match=r"^unknown column 'ws' of previous labels; there are 'visits', 'was'\."):
        labelled(VISITS, previous="ws")


# -- tallies -----------------------------------------------------------------------------------------------------


def tally(model: ScoreModel, **keys: nw.Expr) -> Any:
    return tally_codes(CONTACTS, model, keys=keys, activities=ACTIVITIES, as_of="2026-06-30")


def test_a_tally_counts_contacts_by_what_the_rules_found(model: ScoreModel) -> None:
    found = tally(model, software=(nw.col("industry") == "Software"))
    patterns = [tuple(codes) for codes in found.codes.tolist()]
    cells = {
        (patterns[pattern], bool(software)): int(n)
        for pattern, software, n in zip(found.pattern, found.keys["software"], found.n, strict=True)
    }
    assert cells == {((1, 0, 3), True): 1, ((0, 1, 0), True): 1, ((0, 0, 1), False): 1, ((0, 1, 0), False): 1}
    assert found.codes.dtype == np.uint8


def test_a_tally_tells_how_many_each_rule_matched(model: ScoreModel) -> None:
    found = tally(model, software=(nw.col("industry") == "Software"))
    assert found.rule_counts().to_dict("list") == {
        "group": ["fit", "fit", "engagement"],
        "rule": ["Software, over 50 people", "Student", "Each price page visit"],
        "n": [4, 4, 4],
        "n_matched": [1, 2, 2],
    }
    by = found.rule_counts("software")
    assert by["software"].tolist() == [False] * 3 + [True] * 3
    assert by["n"].tolist() == [2] * 6
    assert by["n_matched"].tolist() == [0, 1, 1, 1, 1, 1]


def test_more_rules_than_one_number_can_hold_are_packed_into_several() -> None:
    rules = tuple(Rule(name=f"rule {number}", when=f"numemployees > {number}", points=1) for number in range(140))
    wide = ScoreModel(name="Wide", groups=(RuleGroup(name="fit", rules=rules),))
    found = tally_codes(CONTACTS, wide, keys={"id": nw.col("hs_object_id")})
    assert found.codes.shape == (3, 140)
    scores = dict(zip(found.keys["id"], found.scores()[found.pattern], strict=True))
    assert scores == {"1": 60, "2": 10, "3": 60, "4": 0}


def test_many_times_need_a_wider_code() -> None:
    found = tally(one_rule(count="count(page_view)", points=1, at_most=1000))
    assert found.codes.dtype == np.uint16
    assert sorted(found.scores()[found.pattern].tolist()) == [0, 2, 5]


@given(
    changes=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                name: st.sampled_from([-40, 0, 2.5, 30, 0.001])
                for name in ("Software, over 50 people", "Student", "Each price page visit")
            },
        ),
        max_size=5,
    )
)
@settings(max_examples=15, deadline=None)
def test_a_change_of_points_equals_a_new_score_whatever_came_before(changes: list[dict[str, float]]) -> None:
    model = ScoreModel.from_dict(FIELDS)
    found = tally(model, id=nw.col("hs_object_id"))
    for points in changes:
        other = model.with_points(points)
        scored = score(CONTACTS, other, activities=ACTIVITIES, as_of="2026-06-30")
        for name, values in found.group_scores(other).items():
            assert dict(zip(found.keys["id"], values[found.pattern], strict=True)) == dict(
                zip(scored["hs_object_id"], scored[name], strict=True)
            )


def test_a_tally_of_other_rules_is_refused(model: ScoreModel) -> None:
    with pytest.raises(WorkbenchError) as told:
        tally(model).scores(one_rule(when="true", points=5))
    assert str(told.value) == (
        "the model 'One' has other rules than the one that was counted, 'Sales readiness'; change only points and "
        "limits, or count again."
    )
    with pytest.raises(WorkbenchError, match=r"^unknown key 'won'; the tally was counted by 'id'\.$"):
        tally(model, id=nw.col("hs_object_id")).rule_counts("won")


# -- models and files --------------------------------------------------------------------------------------------

FIELDS: dict[str, Any] = {
    "name": "Sales readiness",
    "version": 3,
    "limits": [0, 100],
    "groups": [
        {
            "name": "fit",
            "limits": [-30, 50],
            "rules": [
                {
                    "name": "Software, over 50 people",
                    "when": 'industry == "Software" and numemployees > 50',
                    "points": 20,
                },
                {"name": "Student", "when": 'contains(email, "student")', "points": -2.5},
            ],
        },
        {
            "name": "engagement",
            "limits": [None, 70],
            "rules": [
                {
                    "name": "Each price page visit",
                    "count": 'count(page_view, "pricing", within_days=90)',
                    "points": 5,
                    "at_most": 3,
                }
            ],
        },
    ],
}


def test_a_file_is_read_and_written_as_it_was(model: ScoreModel, tmp_path: Path) -> None:
    assert model.to_dict() == FIELDS
    assert ScoreModel.from_dict(FIELDS) == model
    assert model.to_yaml() == TEXT
    model.write(tmp_path / "again.yaml")
    assert (tmp_path / "again.yaml").read_bytes() == TEXT.encode()
    assert ScoreModel.read(tmp_path / "again.yaml") == model


names = st.text(min_size=1, max_size=12).filter(lambda name: bool(name.strip()))


@given(
    name=names,
    rule=names,
    points=st.integers(-1_000_000, 1_000_000) | st.floats(-1000, 1000),
    limits=st.tuples(st.none() | st.integers(-9, 0), st.none() | st.floats(0, 9)),
    text=st.sampled_from(['x == "# no comment: \\"a\\""', "- 5 < x", "true", "x == '\\n\\t\\x07: -'", "not y"]),
)
@settings(max_examples=25, deadline=None)
def test_any_model_survives_its_file(name: str, rule: str, points: float, limits: tuple[Any, Any], text: str) -> None:
    rules = (Rule(name=rule, when=text, points=points), Rule(name=rule + "2", count="count(call)", points=1, at_most=2))
    group = RuleGroup(name="fit", rules=rules, minimum=limits[0], maximum=limits[1])
    model = ScoreModel(name=name, version=7, groups=(group,))
    assert ScoreModel.from_dict(model.to_dict()) == model
    from workbench.scoring.files import from_text

    assert from_text(model.to_yaml(), "score.yaml") == model


def test_labels_survive_their_file() -> None:
    labelled_model = ScoreModel.from_dict({**FIELDS, "labels": [{"name": "Hot", "at_least": 50, "leave_below": 40}]})
    assert labelled_model.labels == LABELS[:1]
    assert ScoreModel.from_dict(labelled_model.to_dict()) == labelled_model


def test_the_sample_model_is_read() -> None:
    model = ScoreModel.read(SAMPLE / "score.yaml")
    assert model.name == "Sales readiness"
    assert [group.name for group in model.groups] == ["fit", "engagement"]
    assert model.rules[0].when == parse('industry == "Software"')


def test_points_change_by_the_name_of_the_rule(model: ScoreModel) -> None:
    other = model.with_points({"Student": -10})
    assert [rule.points for rule in other.rules] == [20, -10, 5]
    assert [rule.points for rule in model.rules] == [20, -2.5, 5]
    with pytest.raises(WorkbenchError) as told:
        model.with_points({"Studnt": 1})
    assert str(told.value) == (
        "unknown rule 'Studnt'; the model 'Sales readiness' has 'Software, over 50 people', 'Student', 'Each price "
        "page visit'. Did you mean 'Student'?"
    )


def test_group_columns_are_plain_names() -> None:
    assert RuleGroup(name="Who they are (fit)", rules=()).column == "score_who_they_are_fit"
    assert RuleGroup(name="適合", rules=()).column == "score_group"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("points: 20", "points: many", "line 10, key 'points': the points of the rule 'Software, over 50 people' are a number such as 10, not 'many'."),  # noqa: E501
        ("points: 20", "points: .nan", "line 10, key 'points': the points of the rule 'Software, over 50 people' lie between -1,000,000 and 1,000,000; nan came."),  # noqa: E501
        ("        points: 20\n", "", "line 8, key 'points': it is missing; add it."),
        ("at_most: 3", "at_most: 3.5", "line 20, key 'at_most': the rule 'Each price page visit' counts events, so at_most has to say how many count, from 1 to 1,000; 3.5 came."),  # noqa: E501
        ("        at_most: 3\n", "", "line 18, key 'count': the rule 'Each price page visit' counts events, so at_most has to say how many count, from 1 to 1,000; None came."),  # noqa: E501
        ("limits: [-30, 50]", "limits: [50, -30]", "line 6, key 'limits': the limits of the group 'fit' contradict: the lower one is 50, the upper one -30."),  # noqa: E501
        ("limits: [-30, 50]", "limits: 50", "line 6, key 'limits': the lowest and the highest are needed, as in [0, 100]; 50 came."),  # noqa: E501
        ("limits: [-30, 50]", "limits: [a, 50]", "line 6, key 'limits': limits are a number such as 10, not 'a'."),
        ("contains(email, \"student\")", "contains(email, 5)", "line 12, key 'when': cannot read the condition 'contains(email, 5)' at character 17: contains() looks for a text; put it in quotes."),  # noqa: E501
        ("when: contains", "wenn: contains", "line 12, key 'wenn': unknown key; a rule has 'name', 'associated', 'roll_up', 'of_those', 'when', 'count', 'cases', 'otherwise', 'points', 'at_most', 'decay', 'limits', 'enabled', 'id'. Did you mean 'when'?"),  # noqa: E501
        ("name: Student", "name: 5", "line 11, key 'name': a text is needed, and 5 came; put it in quotes."),
        ("version: 3", "version: 0", "the version of a model is a whole number from 1, not 0."),
        ("name: Student", "name: Each price page visit", "the model 'Sales readiness' has several rules called 'Each price page visit'; give each its own name."),  # noqa: E501
        ("name: engagement", "name: Fit", "the model 'Sales readiness' has several groups called 'score_fit'; give each its own name."),  # noqa: E501
        ("count: count(page_view, ", "count: contains(page_view, ", "line 18, key 'count': cannot read the condition 'contains(page_view, \"pricing\", within_days=90)' at character 1: the name of a property is needed."),  # noqa: E501
        ("  - name: fit\n", "  - [fit]\n  - name: fit\n", "a group is written as `key: value` with the keys 'name', 'category', 'limits', 'decay', 'rules', 'id', and a list came."),  # noqa: E501
        ("groups:", "groups: 5\nrules:", "line 5, key 'rules': unknown key; a model has 'name', 'version', 'limits', 'category_maximum', 'include', 'exclude', 'labels', 'matrix', 'groups', 'hubspot'."),  # noqa: E501
    ],
)  # fmt: skip
def test_errors_name_the_line_and_the_key(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    file = tmp_path / "score.yaml"
    file.write_text(edited(TEXT, old, new), encoding="utf-8")
    joint = ", " if sentence.startswith("line") else ": "
    assert refusal(lambda: ScoreModel.read(file)) == f"score.yaml{joint}{sentence}"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "score.yaml: a model is written as `key: value` with the keys 'name', 'version', 'limits', 'category_maximum', 'include', 'exclude', 'labels', 'matrix', 'groups', 'hubspot', and None came."),  # noqa: E501
        (b"PK\x03\x04\xff", "score.yaml is no text in UTF-8; save it as UTF-8."),
        (b"a: b: c", "score.yaml, line 1: this is no YAML (mapping values are not allowed here); a text with ': ' or ' #' in it needs quotes."),  # noqa: E501
        (b"a: &a [*a]\n", "score.yaml, line 1, key 'a': unknown key; a model has 'name', 'version', 'limits', 'category_maximum', 'include', 'exclude', 'labels', 'matrix', 'groups', 'hubspot'."),  # noqa: E501
        (b"\x00", "score.yaml is no YAML; write it as `key: value`, a line each."),
        (b"[" * 1_000, "score.yaml is no YAML; write it as `key: value`, a line each."),
    ],
)  # fmt: skip
def test_what_is_no_model_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "score.yaml"
    file.write_bytes(content)
    with pytest.raises(WorkbenchError) as told:
        ScoreModel.read(file)
    assert str(told.value) == sentence


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=r"^cannot read the model '.*none\.yaml': No such file or directory\.$"):
        ScoreModel.read(tmp_path / "none.yaml")
    with pytest.raises(WorkbenchError, match=r"^cannot write the model '.*score\.yaml': No such file or directory\.$"):
        one_rule(when="true", points=1).write(tmp_path / "none" / "score.yaml")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "r", "points": 1}, "the rule 'r' needs one of when (a condition), count and cases."),
        ({"name": "r", "points": 1, "when": "a", "count": "count(call)"}, "the rule 'r' needs one of when (a condition), count and cases."),  # noqa: E501
        ({"name": "r", "points": True, "when": "a"}, "the points of the rule 'r' are a number such as 10, not True."),
        ({"name": "r", "points": 10**9, "when": "a"}, "the points of the rule 'r' lie between -1,000,000 and 1,000,000; 1000000000 came."),  # noqa: E501
        ({"name": "r", "points": 1, "when": "a", "at_most": 3}, "at_most goes with count; the rule 'r' has a condition, which counts once. Leave it out."),  # noqa: E501
        ({"name": " ", "points": 1, "when": "a"}, "a rule needs a name, a text that is not empty, and ' ' came."),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        Rule(**fields)
    assert str(told.value) == sentence


def test_ten_thousand_rules_are_refused() -> None:
    rules = tuple(Rule(name=str(number), when="true", points=1) for number in range(10_000))
    with pytest.raises(WorkbenchError) as told:
        ScoreModel(name="Big", groups=(RuleGroup(name="fit", rules=rules),))
    assert str(told.value) == "the model 'Big' has 10,000 rules; give it at least one and at most 1,000."


def test_a_rule_on_what_the_table_does_not_have_is_told(model: ScoreModel) -> None:
    with pytest.raises(WorkbenchError) as told:
        score(CONTACTS.drop(columns="email"), model, activities=ACTIVITIES, as_of="2026-06-30")
    assert str(told.value) == (
        "unknown property 'email' in the condition 'contains(email, \"student\")'; contacts have 'hs_object_id', "
        "'industry', 'numemployees'."
    )
    with pytest.raises(WorkbenchError, match=r'^count\(page_view, "pricing", within_days=90\) counts activities'):
        score(CONTACTS, model, as_of="2026-06-30")
