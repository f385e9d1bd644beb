"""A hidden group cannot be had by any linear combination of what one report shows."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.improvements.panels import growing, long
from workbench.improvements import improvement
from workbench.stats.suppression import hidden_groups


def _cells(groups: dict[str, np.ndarray], hidden: set[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    """What a report shows as sums over atoms (cells, atoms), the total first, and the atoms' sizes."""
    frame = pd.DataFrame(groups)
    atoms = frame.groupby(list(frame.columns)).size()
    keys = atoms.index.to_frame(index=False)
    rows = [np.ones(len(atoms))]
    rows += [
        (keys[by] == group).to_numpy(float)
        for by in frame.columns
        for group in sorted(frame[by].unique())
        if (by, group) not in hidden
    ]
    return np.array(rows), atoms.to_numpy()


def _attack(cells: np.ndarray, sizes: np.ndarray, min_group: int) -> list[tuple[int, ...]]:
    """All sets of atoms below the minimum that some combination of the cells speaks of alone, by rank.

    The rows reach a vector that lives on `few` alone exactly where leaving those columns out loses rank.
    """
    full = np.linalg.matrix_rank(cells)
    small = [int(atom) for atom in np.flatnonzero(sizes < min_group)]
    return [
        few
        for many in range(1, len(small) + 1)
        for few in combinations(small, many)
        if sizes[list(few)].sum() < min_group and np.linalg.matrix_rank(np.delete(cells, few, axis=1)) < full
    ]


def test_a_lone_small_group_takes_the_next_smallest_with_it() -> None:
    region = np.repeat(["north", "south", "west"], [40, 150, 300])
    assert hidden_groups({"region": region}, min_group=100) == {("region", "north"), ("region", "south")}


def test_two_small_groups_that_are_enough_together_hide_no_other() -> None:
    region = np.repeat(["east", "north", "south", "west"], [60, 70, 150, 300])
    assert hidden_groups({"region": region}, min_group=100) == {("region", "east"), ("region", "north")}


def test_groups_of_two_groupings_that_differ_by_a_few_customers_are_not_both_shown() -> None:
    region = np.repeat(["north", "south"], [150, 250])
    hub = np.repeat(["sales", "service"], [153, 247])  # sales is the north and three more
    hidden = hidden_groups({"region": region, "hub": hub}, min_group=100)
    assert hidden
    assert _attack(*_cells({"region": region, "hub": hub}, set()), 100)
    assert _attack(*_cells({"region": region, "hub": hub}, hidden), 100) == []


@given(st.integers(0, 100_000), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_no_combination_of_shown_cells_speaks_of_fewer_than_the_minimum(seed: int, groupings: int) -> None:
    rng = np.random.default_rng(seed)
    n, min_group = 60, 12
    groups = {
        f"by{place}": rng.choice(list("abcd")[: rng.integers(2, 5)], n, p=None).astype(object)
        for place in range(groupings)
    }
    if groupings > 1 and rng.random() < 0.5:  # groupings that nearly agree are the hard case
        groups["by1"] = np.where(rng.random(n) < 0.9, groups["by0"], groups["by1"])
    hidden = hidden_groups(groups, min_group=min_group)
    cells, sizes = _cells(groups, hidden)
    small = np.flatnonzero(sizes < min_group)
    if len(small) <= 12:
        assert _attack(cells, sizes, min_group) == []
    else:  # too many sets to try all: single atoms, pairs, and sets drawn at random
        full = np.linalg.matrix_rank(cells)
        for _ in range(300):
            few = rng.permutation(small)
            few = few[np.cumsum(sizes[few]) < min_group]
            assert np.linalg.matrix_rank(np.delete(cells, few, axis=1)) == full


def test_the_published_figures_do_not_give_a_hidden_group_away() -> None:
    region = np.repeat(["north", "south", "west"], [40, 150, 310])
    panel = long(growing(500, 3), region=region)
    found = improvement(panel, "website_traffic", at=3, by="region", outliers="none", centre="mean", draws=0)
    table = found.groups().set_index("group")
    assert table.loc["north", "hidden"] == "fewer than 100 customers"
    assert table.loc["south", "hidden"] == "hidden, so that no group of fewer than 100 can be worked out"
    blank = ["n_customers", "baseline", "level", "improvement", "low", "high", "p_value"]
    assert table.loc[["north", "south"], blank].isna().all().all()
    shown = table[table["hidden"] == ""]
    # Sums of levels: the total less the west is north and south together, 190 customers, and nothing finer.
    rest = shown.loc["all customers", "n_customers"] - shown.loc["west", "n_customers"]
    assert rest == 190
    months = found.frame()
    assert months.loc[months["group"] == "north", ["n_customers", "improvement"]].isna().all().all()


def test_no_month_tells_of_a_single_customer_who_left() -> None:
    """Levels by month would: their sums over those seen in one month and in the next differ by the one who left."""
    found = improvement(long(growing(150, 4)), "website_traffic", at=4, draws=0)
    assert not {"baseline", "level"} & set(found.frame().columns)


def test_the_minimum_holds_for_the_total_too() -> None:
    found = improvement(long(growing(99, 3)), "website_traffic", at=3, draws=0)
    assert (found.value, found.n_customers, found.baseline, found.level) == (None, None, None, None)
    assert found.bounds.kept_baseline is None


@pytest.mark.parametrize("min_group", [2, 50])
def test_a_group_that_shrinks_below_the_minimum_is_hidden_from_that_month_on(min_group: int) -> None:
    values = growing(200, 4)
    values[10:100, 3] = np.nan
    panel = long(values, hub=np.repeat(["sales", "service"], 100))
    table = improvement(panel, "website_traffic", at=3, by="hub", min_group=min_group, draws=0).frame()
    hidden = table[table["group"] == "sales"].set_index("month")["hidden"]
    assert (hidden[:3] == "").all()
    assert bool(hidden[4]) == (min_group == 50)
