"""What separates winners is found, and chance is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.outcomes import Outcome
from workbench.segments import compare_segments, discover
from workbench.segments.discovering import binned_of

WON = Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)


def noise(rng: np.random.Generator, n: int = 600) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "industry": rng.choice(["Software", "Retail", "Media"], n),
            "country": rng.choice(list("abcdefgh"), n),
            "numemployees": rng.lognormal(3, 1, n).round(),
            "visits": np.where(rng.random(n) < 0.2, np.nan, rng.poisson(3, n)),
            "optout": rng.random(n) < 0.1,
        }
    )


def test_outcomes_shuffled_at_random_yield_nothing() -> None:
    """An exact 5 % method claims in 5 of 100 runs on average, and in more than 10 with a chance of 1 %."""
    claimed = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        table = noise(rng).assign(won=rng.random(600) < 0.15)
        claimed += len(discover(table, outcome="won", permutations=99, seed=seed).frame()) > 0
    assert claimed <= 10


def test_a_shuffled_outcome_of_the_sample_yields_nothing(sample: Workspace) -> None:
    contacts = sample.contacts
    shuffled = np.random.default_rng(5).permutation((contacts["lifecyclestage"] == "customer").to_numpy())
    found = discover(contacts.assign(luck=shuffled), outcome="luck")
    assert found.frame().empty
    assert found.leaves.empty
    assert found.headline().startswith("Nothing separates winners beyond chance: ")


def test_what_truly_separates_is_found() -> None:
    rng = np.random.default_rng(1)
    table = noise(rng, 3000)
    chance = 0.05 + 0.25 * (table["industry"] == "Software")
    found = discover(table.assign(won=rng.random(3000) < chance), outcome="won")
    assert found.frame()["property"].tolist() == ["industry"]
    first = found.frame().iloc[0]
    assert first["best"] == 'industry == "Software"'
    assert first["low"] < 0.30 < first["high"]
    assert found.leaves["condition"].tolist() == ['industry == "Software"', 'industry in ["Media", "Retail"]'] or (
        found.leaves["condition"].iloc[1] == 'industry in ["Retail", "Media"]'
    )


def test_a_pair_is_claimed_only_for_what_its_members_do_not_tell() -> None:
    rng = np.random.default_rng(3)
    table = noise(rng, 6000)
    software, opted_out = table["industry"] == "Software", rng.random(6000) < 0.5
    table = table.assign(optout=opted_out)
    logit = -2.0 + 1.0 * software + 1.0 * opted_out
    both = discover(table.assign(won=rng.random(6000) < 1 / (1 + np.exp(-logit))), outcome="won").frame()
    assert sorted(both["property"]) == ["industry", "optout"]
    assert both["second"].isna().all()
    either = discover(
        table.assign(won=rng.random(6000) < np.where(software ^ opted_out, 0.3, 0.1)), outcome="won"
    ).frame()
    pairs = either[either["second"].notna()]
    assert pairs[["property", "second"]].to_numpy().tolist() == [["industry", "optout"]]


def test_information_is_that_of_the_textbook() -> None:
    # four classes of 100 with 10, 20, 30 and 40 wins: H(0.25) - mean of H(0.1), H(0.2), H(0.3), H(0.4)
    table = pd.DataFrame(
        {"x": np.repeat(list("abcd"), 100), "won": np.concatenate([np.arange(100) < w for w in (10, 20, 30, 40)])}
    )
    first = discover(table, outcome="won").frame().iloc[0]
    entropy = [-p * np.log2(p) - (1 - p) * np.log2(1 - p) for p in (0.25, 0.1, 0.2, 0.3, 0.4)]
    assert first["information"] == pytest.approx(entropy[0] - np.mean(entropy[1:]))
    good, bad = np.array([10, 20, 30, 40]) / 100, np.array([90, 80, 70, 60]) / 300
    assert first["information_value"] == pytest.approx(((good - bad) * np.log(good / bad)).sum(), rel=0.03)


def test_the_truth_of_the_sample_is_found_and_its_leaves_can_be_pasted(sample: Workspace) -> None:
    found = discover(sample, outcome=WON)
    assert {"industry", "numemployees"} <= set(found.frame()["property"])
    assert not any(name.startswith("hs_v2_date") for name in found.frame()["property"])
    leaves = found.leaves
    again = compare_segments(sample, found.segments(), outcome=WON, min_group=1).frame()
    assert again["n_leads"].tolist() == leaves["n_leads"].tolist()
    assert again["n_won"].tolist() == leaves["n_won"].tolist()
    assert leaves["n_leads"].sum() == found.n_leads
    assert len(leaves) <= 8


def test_a_number_that_is_nearly_always_the_smallest_has_two_classes() -> None:
    numbers = pd.Series([0.0] * 95 + [10.0, 20, 30, 40, 50, 60, 70], name="revenue")
    found = binned_of(numbers, "number")
    assert found is not None
    assert [str(one) for one in found.conditions] == ["revenue < 10", "revenue >= 10"]
    assert np.bincount(found.codes).tolist() == [95, 7]


def test_what_goes_on_after_the_win_is_left_out_and_named(sample: Workspace) -> None:
    contacts = sample.contacts
    won = (contacts["lifecyclestage"] == "customer").to_numpy()
    rng = np.random.default_rng(2)
    contacts = contacts.assign(
        onboarding=np.where(won, rng.choice(["fast", "slow"], len(won)), None),
        hs_email_click=won * 5.0,
        won=won,
    )
    found = discover(contacts, outcome="won", permutations=99)
    assert {"onboarding", "hs_email_click", "hs_analytics_num_visits", "lifecyclestage"} <= set(found.left_out)
    assert not set(found.left_out) & set(found.frame()["property"])
    named = discover(contacts, outcome="won", properties=["hs_email_click", "industry"], permutations=99)
    assert named.frame()["property"].iloc[0] == "hs_email_click"
    assert named.left_out == ()


def test_what_is_filled_in_at_the_win_is_left_out_where_some_won_too_late_to_count() -> None:
    rng = np.random.default_rng(2)
    days = np.where(rng.random(2000) < 0.3, rng.integers(1, 200, 2000), -1)
    created = pd.Series(pd.Timestamp("2025-01-01"), index=range(2000))
    table = noise(rng, 2000).assign(
        createdate=created,
        won_on=(created + pd.to_timedelta(days, unit="D")).where(days > 0),
        seller=pd.Series(rng.choice(["Ada", "Ben"], 2000)).where(days > 0),
    )
    outcome = Outcome(when="is_known(won_on)", at="won_on", within_days=90)
    found = discover(table, outcome=outcome, as_of="2026-06-30")
    assert found.left_out == ("seller",)
    assert found.frame().empty


def test_a_property_that_is_not_there_is_told(sample: Workspace) -> None:
    with pytest.raises(WorkbenchError) as told:
        discover(sample, outcome=WON, properties=["industy"])
    assert "unknown property 'industy'; " in str(told.value)
    assert str(told.value).endswith("Did you mean 'industry'?")


def test_an_outcome_that_never_happens_cannot_be_explained() -> None:
    table = noise(np.random.default_rng(0)).assign(won=False)
    with pytest.raises(WorkbenchError, match=r"^0 of 600 leads are won, so nothing can separate them; choose another"):
        discover(table, outcome="won")
