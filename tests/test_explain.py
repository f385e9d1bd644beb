"""Why a contact has its points: steps that sum to the score, with decay and limits."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.scoring import Case, Decay, Rule, RuleGroup, ScoreModel, explain, score
from workbench.scoring.files import _MODEL, _RULE

SAMPLE = Path(__file__).parent.parent / "data" / "sample" / "score.yaml"

CONTACTS = pd.DataFrame(
    {"hs_object_id": ["1", "2", "2"], "industry": ["Software", None, "Retail"], "visits": [3, 0, 9]}
)
ACTIVITIES = pd.DataFrame(
    {
        "contact_id": ["1", "1", "1"],
        "kind": ["page_view"] * 3,
        "at": pd.to_datetime(["2026-06-20", "2026-05-20", "2026-04-20"]),
        "detail": ["/pricing"] * 3,
    }
)


def model(points: float = 20, **limits: float | None) -> ScoreModel:
    decay = Decay(percent=50, every_days=30)
    cases = (Case(when="visits >= 5", points=8), Case(when="visits >= 2", points=4))
    fit = (
        Rule(name="Software", when='industry == "Software"', points=points),
        Rule(name="Visits", cases=cases, otherwise=-2),
        Rule(name="Off", when="true", points=99, enabled=False),
    )
    engagement = (Rule(name="Prices", count="count(page_view)", points=10, at_most=3, decay=decay),)
    groups = (
        RuleGroup(name="fit", rules=fit, maximum=limits.get("fit"), category="who"),
        RuleGroup(name="engagement", rules=engagement),
    )
    return ScoreModel(
        name="Explained", groups=groups, maximum=limits.get("whole"), category_maximum=limits.get("category")
    )


def told(rated: ScoreModel, contact: str = "1") -> list[tuple[str, str, float, float]]:
    found = explain(CONTACTS, rated, contact, activities=ACTIVITIES, as_of="2026-06-30")
    return [(step.what, step.found, step.points, step.total) for step in found.steps]


def test_every_rule_is_a_step_with_what_it_found() -> None:
    assert told(model()) == [
        ("Software", "yes", 20, 20),
        ("Visits", "visits >= 2", 4, 24),
        ("Off", "not enabled", 0, 24),
        ("Prices", "1.5 left after decay", 15, 39),
    ]


def test_limits_are_steps_too() -> None:
    assert told(model(fit=22, category=14, whole=25))[3:] == [
        ("limit of fit", "", -2, 22),
        ("limit of the category who", "", -8, 14),
        ("Prices", "1.5 left after decay", 15, 29),
        ("limit of the category engagement", "", -1, 28),
        ("limit of the score", "", -3, 25),
    ]


def test_the_headline_tells_the_score_its_groups_and_what_weighs_most() -> None:
    found = explain(CONTACTS, model(fit=22), 1, activities=ACTIVITIES, as_of="2026-06-30")
    assert found.headline() == (
        "Contact 1 has 37 points: 22 of fit, 15 of engagement; most weigh Software (+20), Prices (+15), Visits (+4)."
    )


def test_the_frame_has_a_row_a_step() -> None:
    found = explain(CONTACTS, model(), "1", activities=ACTIVITIES, as_of="2026-06-30").frame()
    assert list(found) == ["group", "what", "kind", "asks", "found", "points", "total"]
    assert found["asks"].tolist() == [
        'industry == "Software"',
        "visits >= 5: 8; visits >= 2: 4",
        "true",
        "count(page_view)",
    ]


@given(
    points=st.integers(-50, 50),
    fit=st.none() | st.integers(-9, 30),
    category=st.none() | st.integers(-9, 30),
    whole=st.none() | st.integers(-9, 30),
)
@settings(max_examples=20, deadline=None)
def test_the_steps_sum_to_the_score(points: int, fit: int | None, category: int | None, whole: int | None) -> None:
    rated = model(points, fit=fit, category=category, whole=whole)
    found = explain(CONTACTS, rated, "1", activities=ACTIVITIES, as_of="2026-06-30")
    scored = score(CONTACTS, rated, activities=ACTIVITIES, as_of="2026-06-30")
    assert found.score == scored["score"][0]
    assert sum(step.points for step in found.steps) == found.score
    assert found.steps[-1].total == found.score


def test_a_contact_that_is_not_there_or_twice_is_told() -> None:
    with pytest.raises(WorkbenchError) as told_missing:
        explain(CONTACTS, model(), "7", activities=ACTIVITIES, as_of="2026-06-30")
    assert str(told_missing.value) == ("no contact has the record id '7'; ids stand in the column 'hs_object_id'.")
    with pytest.raises(WorkbenchError) as told_twice:
        explain(CONTACTS, model(), "2", activities=ACTIVITIES, as_of="2026-06-30")
    assert str(told_twice.value) == ("2 contacts have the record id '2'; merge them, or load the export, which does.")


# -- decay and cases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "points"),
    [
        ("2026-06-01", 10),
        ("2026-06-30", 10),
        ("2026-07-01", 5),
        ("2026-07-30", 5),
        ("2026-07-31", 0),
        ("2027-01-01", 0),
    ],
)
def test_ten_points_at_fifty_percent_a_month_are_five_then_none(as_of: str, points: float) -> None:
    contacts = pd.DataFrame({"hs_object_id": ["1"]})
    events = pd.DataFrame({"contact_id": ["1"], "kind": ["call"], "at": pd.to_datetime(["2026-06-01 09:00"])})
    rule = Rule(name="Call", count="count(call)", points=10, at_most=3, decay=Decay(percent=50, every_days=30))
    rated = ScoreModel(name="Fading", groups=(RuleGroup(name="engagement", rules=(rule,)),))
    assert score(contacts, rated, activities=events, as_of=as_of)["score"].tolist() == [points]


def test_decay_is_linear_in_the_points_first_given_down_to_the_last_bit() -> None:
    assert Decay(percent=30, every_days=10).left == ((10, 30), (20, 30), (30, 30), (40, 10))
    assert Decay(percent=100, every_days=7).left == ((7, 100),)


def test_other_points_scale_all_cases() -> None:
    cases = (Case(when="visits >= 5", points=8), Case(when="visits >= 2", points=4))
    rule = Rule(name="Visits", cases=cases, otherwise=-2)
    assert rule.points == 8
    rated = ScoreModel(name="Cases", groups=(RuleGroup(name="fit", rules=(rule,)),)).with_points({"Visits": 4})
    assert rated.rules[0].worth == (-1, 4, 2)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"when": "true"}, "the rule 'r' needs points, a number such as 10."),
        (
            {"when": "true", "points": 1, "otherwise": 2},
            "otherwise goes with cases; the rule 'r' has none. Leave it out.",
        ),
        (
            {"when": "true", "points": 1, "decay": Decay(percent=50, every_days=30)},
            "a decay goes with count; the rule 'r' counts no events. Leave it out.",
        ),
        (
            {"count": "count(call)", "points": 1, "at_most": 1000, "decay": Decay(percent=7, every_days=30)},
            "the rule 'r' with its decay tells 100,001 values apart, and 65,536 are allowed; lower at_most, or let 5, "
            "10, 20, 25 or 50 percent go each time.",
        ),
        (
            {"when": "true", "points": 1, "minimum": 5, "maximum": 2},
            "the limits of the rule 'r' contradict: the lower one is 5, the upper one 2.",
        ),
        ({"when": "true", "points": 1, "enabled": "yes"}, "enabled of the rule 'r' is true or false, not 'yes'."),
    ],
)
def test_rules_that_contradict_are_refused(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        Rule(name="r", **fields)  # type: ignore[arg-type]
    assert str(told.value) == sentence


def test_a_decay_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(WorkbenchError, match=r"^percent of a decay is a whole number from 1 to 100, not 0\.$"):
        Decay(percent=0, every_days=30)
    with pytest.raises(WorkbenchError, match=r"^every_days of a decay is a whole number from 1 to 36,500, not 1\.5\.$"):
        Decay(percent=5, every_days=1.5)  # type: ignore[arg-type]


def test_the_schema_for_editors_says_what_the_reader_says() -> None:
    schema = json.loads(files("workbench.scoring").joinpath("score.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    allowed = jsonschema.Draft202012Validator(schema)
    fields = model(fit=22, category=14, whole=25).to_dict()
    assert allowed.is_valid(fields)
    assert allowed.is_valid(ScoreModel.read(SAMPLE).to_dict())
    parts = schema["properties"]
    rule = schema["$defs"]["rule"]
    wrong: list[dict[str, object]] = [
        {"when": "true"},
        {"count": "count(call)", "points": 1},
        {"when": "true", "count": "count(call)", "points": 1, "at_most": 2},
        {"when": "true", "points": "many"},
        {"when": "true", "points": 1, "wenn": "true"},
        {"count": "count(call)", "points": 1, "at_most": 0},
    ]
    for one in wrong:
        fields["groups"][0]["rules"] = [{"name": "r", **one}]
        assert not allowed.is_valid(fields), one
        with pytest.raises(WorkbenchError):
            ScoreModel.from_dict(fields)
    assert set(rule["properties"]) == set(_RULE)
    assert set(parts) == set(_MODEL)


def test_all_of_it_survives_its_file() -> None:
    rated = model(fit=22, category=14, whole=25)
    assert ScoreModel.from_dict(rated.to_dict()) == rated
    assert rated.to_yaml().endswith(
        """\
  - name: engagement
    rules:
      - name: Prices
        count: count(page_view)
        points: 10
        at_most: 3
        decay:
          percent: 50
          every_days: 30
"""
    )
