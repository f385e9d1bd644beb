"""Which groups stay hidden, so that no linear combination of what is shown speaks of fewer customers than the minimum.

Every shown figure is a sum over the customers of a group (a mean times its count is one), so whoever reads a report can
add and subtract whole groups. What can be had is the row space of the shown groups over the *atoms*, the smallest
parts that the groups cut the customers into. A report leaks where that space holds a combination that is not zero and
speaks of fewer customers than the minimum.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Group = tuple[str, str]
"""A grouping (a column's name) and one of its groups."""

MOST_COEFFICIENT = 50.0
"""The largest factor a combination may give one atom; sums and differences of groups need small whole ones."""


MOST_EXACT = 16
"""With more small atoms than this the exact search takes too long, and a sufficient condition rules."""


def hidden_groups(
    groups: Mapping[str, NDArray[np.object_]], *, min_group: int, also: Collection[Group] = ()
) -> set[Group]:
    """The groups that may not be shown beside the total and beside each other.

    `groups` maps a grouping to each customer's group; `also` names groups that are hidden anyway. First those below
    `min_group` are hidden, then, as long as a combination of the shown ones speaks of too few customers, the smallest
    group that takes part in it.

    References: Cox (1980), Suppression methodology and statistical disclosure control, JASA 75, 377-385.
    """
    frame = pd.DataFrame({by: np.asarray(named, dtype=object) for by, named in groups.items()})
    return hidden_of_atoms(frame.assign(n=1), min_group=min_group, also=also)


def hidden_of_atoms(atoms: pd.DataFrame, *, min_group: int, also: Collection[Group] = ()) -> set[Group]:
    """As `hidden_groups`, from a count `n` for each combination of groups that there is, one column a grouping."""
    groupings = [name for name in atoms.columns if name != "n"]
    if not groupings or atoms.empty:
        return set()
    counts = atoms.groupby(groupings, sort=True)["n"].sum()
    counts = counts[counts > 0]
    keys = counts.index.to_frame(index=False)
    sizes: dict[Group, int] = {
        (by, str(group)): int(count)
        for by in groupings
        for group, count in counts.groupby(keys[by].to_numpy()).sum().items()
    }
    hidden = {group for group, count in sizes.items() if count < min_group} | {g for g in also if g in sizes}
    if len(groupings) == 1:
        return _one_grouping(sizes, hidden, min_group)
    while (found := _leak(keys, counts.to_numpy(), sorted(set(sizes) - hidden), min_group)) is not None:
        hidden.add(min(found, key=lambda group: (sizes[group], group)))
    return hidden


def _one_grouping(sizes: Mapping[Group, int], hidden: set[Group], min_group: int) -> set[Group]:
    """With one grouping only the total less all shown groups speaks of hidden customers."""
    hidden = set(hidden)
    while 0 < sum(sizes[group] for group in hidden) < min_group and len(hidden) < len(sizes):
        hidden.add(min(set(sizes) - hidden, key=lambda group: (sizes[group], group)))
    return hidden


def _leak(keys: pd.DataFrame, sizes: NDArray[np.integer], shown: list[Group], min_group: int) -> list[Group] | None:
    """Groups that take part in a combination about fewer than `min_group` customers; None where there is none.

    Where a sufficient condition holds there is none. Else a mixed-integer program for each small atom: may it be
    reached while all atoms that are reached stay few? With too many small atoms for that, the condition rules alone:
    then more may be hidden than need be, never less.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    small = np.flatnonzero(sizes < min_group)
    if not len(small) or not shown:
        return None
    apart = _too_little_in_common(keys, sizes, shown, min_group)
    if apart is None or len(small) > MOST_EXACT:
        return apart
    rows = [np.ones(len(sizes))] + [(keys[by] == group).to_numpy(dtype=float) for by, group in shown]
    reach = np.array(rows).T  # atoms by shown groups, the total first
    cells = reach.shape[1]
    large = np.flatnonzero(sizes >= min_group)
    touched = np.hstack([reach[small], -MOST_COEFFICIENT * np.eye(len(small))])
    touched_below = np.hstack([reach[small], MOST_COEFFICIENT * np.eye(len(small))])
    few = np.concatenate([np.zeros(cells), sizes[small]])
    constraints = [
        LinearConstraint(touched, -np.inf, 0),
        LinearConstraint(touched_below, 0, np.inf),
        LinearConstraint(few[None, :], 0, min_group - 1),
    ]
    if len(large):
        constraints.append(LinearConstraint(np.hstack([reach[large], np.zeros((len(large), len(small)))]), 0, 0))
    free = np.concatenate([np.full(cells, MOST_COEFFICIENT), np.ones(len(small))])
    whole = np.concatenate([np.zeros(cells), np.ones(len(small))])
    for atom in small:
        aim = LinearConstraint(np.concatenate([reach[atom], np.zeros(len(small))])[None, :], 1, 1)
        answer = milp(
            few,
            constraints=[*constraints, aim],
            bounds=Bounds(np.concatenate([-free[:cells], np.zeros(len(small))]), free),
            integrality=whole,
        )
        if answer.x is not None:
            used = [group for group, factor in zip(shown, answer.x[1:cells], strict=True) if abs(factor) > 1e-6]
            return used or shown
    return None


def _too_little_in_common(
    keys: pd.DataFrame, sizes: NDArray[np.integer], shown: list[Group], min_group: int
) -> list[Group] | None:
    """Two groups of one grouping that meet too few like customers for the combinations to be safe; None where all do.

    A combination gives an atom the sum of a number for each of its groups, 0 for the hidden ones of a grouping. Where
    two groups have different numbers, of two atoms that differ in these alone at least one is reached. So if each two
    groups have, over all else that atoms may be, at least the minimum in common (the smaller of the two atoms each
    time), whatever is reached is the minimum at least.
    """
    for by in keys.columns:
        names = {group for column, group in shown if column == by}
        group = keys[by].where(keys[by].isin(names))
        others = [column for column in keys.columns if column != by]
        frame = keys[others].assign(_group=group.fillna("\0hidden").to_numpy(), _n=sizes)
        table = frame.pivot_table(index=others, columns="_group", values="_n", aggfunc="sum", fill_value=0).to_numpy()
        labels = sorted(frame["_group"].unique())
        for one in range(len(labels)):
            for other in range(one):
                if np.minimum(table[:, one], table[:, other]).sum() < min_group:
                    return [(by, label) for label in (labels[one], labels[other]) if label in names]
    return None
