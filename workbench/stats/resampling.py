"""The bootstrap over customers, many draws at once.

A draw is a vector of whole weights, one a customer: how often the customer was drawn. All draws together are a matrix
of shape (customers, draws), so a mean over draws is a matrix product and a median a search in running sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

Floats = NDArray[np.floating]

MOST_CELLS = 40_000_000
"""Weights held at once: 160 MB of float32."""


def bootstrap_weights(n: int, draws: int, rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Weights of `draws` bootstrap samples of `n` customers, in blocks of shape (n, at most `draws`).

    Each column sums to `n`. The blocks together hold exactly `draws` columns, whatever the size of a block.
    """
    at_once = max(1, min(draws, MOST_CELLS // max(n, 1)))
    for first in range(0, draws, at_once):
        width = min(at_once, draws - first)
        counts = np.empty((width, n), dtype=np.uint8 if n < 10_000_000 else np.uint16)
        for row in counts:
            row[:] = np.bincount(rng.integers(0, n, n, dtype=np.int32), minlength=n)
        yield np.ascontiguousarray(counts.T).astype(np.float32)


def jackknife_weights(n: int, groups: int = 100) -> NDArray[np.float32]:
    """Weights that leave out one of `groups` equal parts of the customers at a time; shape (n, groups).

    With `groups >= n` it is the ordinary jackknife.
    """
    groups = min(groups, n)
    weights = np.ones((n, groups), dtype=np.float32)
    weights[np.arange(n), np.arange(n) % groups] = 0
    return weights


class Ranked:
    """Numbers in order, ready for weighted quantiles of many draws at once.

    `keys` has one number a customer; a NaN takes no part. Running sums are kept by block of about the square root of
    the count, so one quantile of 2,000 draws over 10,000 customers costs a sparse product and a look into one block.
    """

    def __init__(self, keys: Floats) -> None:
        seen = np.flatnonzero(np.isfinite(keys))
        self.order = seen[np.argsort(keys[seen])]
        self.keys = np.asarray(keys, dtype=np.float64)[self.order]
        self._n = len(keys)
        self._size = max(1, int(np.sqrt(len(self.order))))

    def __len__(self) -> int:
        return len(self.order)

    @cached_property
    def _blocks(self) -> object:
        from scipy import sparse

        n = len(self.order)
        starts = np.append(np.arange(0, n, self._size), n)
        return sparse.csr_matrix(
            (np.ones(n, dtype=np.float32), self.order, starts), shape=(len(starts) - 1, self._n), dtype=np.float32
        )

    def sums(self, weights: Floats) -> WeightedRanks:
        """The running sums of these weights, shape (customers, draws)."""
        blocks = self._blocks @ weights  # type: ignore[operator]
        return WeightedRanks(ranked=self, weights=weights, upto=np.cumsum(blocks, axis=0, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class WeightedRanks:
    """Running sums of weights along a `Ranked`."""

    ranked: Ranked
    weights: Floats
    upto: Floats  # (blocks, draws): the weight up to and with this block

    @property
    def total(self) -> Floats:
        """The weight of each draw, shape (draws,)."""
        total: Floats = self.upto[-1]
        return total

    def _inside(self, block: NDArray[np.intp]) -> tuple[NDArray[np.intp], Floats]:
        """Ranks of the block of each draw and their weights, both (size, draws); beyond the end the weight is 0."""
        size, n = self.ranked._size, len(self.ranked)
        ranks = block * size + np.arange(size)[:, None]
        rows = self.ranked.order[np.minimum(ranks, n - 1)]
        return ranks, np.where(ranks < n, self.weights[rows, np.arange(self.weights.shape[1])], 0)

    def before(self, rank: NDArray[np.intp]) -> Floats:
        """The weight of all ranks below `rank`, which has one entry a draw."""
        block = np.minimum(rank // self.ranked._size, len(self.upto) - 1)
        ranks, inside = self._inside(block)
        done = np.where(block > 0, self.upto[block - 1, np.arange(len(block))], 0)
        found: Floats = done + np.where(ranks < rank, inside, 0).sum(axis=0)
        return found

    def _key_at(self, position: Floats) -> Floats:
        """The key of the member at this position (0 is the first) of each draw's own sorted sample."""
        block = np.minimum((self.upto <= position).sum(axis=0), len(self.upto) - 1)
        _, inside = self._inside(block)
        done = np.where(block > 0, self.upto[block - 1, np.arange(len(block))], 0)
        within = (np.cumsum(inside, axis=0) + done <= position).sum(axis=0)
        found: Floats = self.ranked.keys[np.minimum(block * self.ranked._size + within, len(self.ranked) - 1)]
        return found

    def around(self, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """The keys that hold the positions `low` to `high` of every draw, and the weight below each of them and beyond
        the last, shape (keys + 1, draws)."""
        size = self.ranked._size
        first = int((self.upto <= low).sum(axis=0).min())
        last = int((self.upto <= high).sum(axis=0).max())
        ranks = slice(min(first, len(self.upto) - 1) * size, (last + 1) * size)
        before = self.upto[first - 1] if first else np.zeros_like(self.total)
        sums = np.vstack([before, before + np.cumsum(self.weights[self.ranked.order[ranks]], axis=0)])
        return self.ranked.keys[ranks], sums

    def quantile(self, share: float) -> Floats:
        """The quantile of each draw, as `numpy.quantile` gives it for the drawn sample; NaN where it is empty."""
        place = np.maximum(self.total - 1, 0) * share
        below = np.floor(place)
        low = self._key_at(below)
        part = place - below
        if part.any():
            high = self._key_at(np.minimum(below + 1, np.maximum(self.total - 1, 0)))
            low = low + part * (high - low)
        return np.where(self.total > 0, low, np.nan)


def weighted_quantile(keys: Floats, weights: Floats, share: float) -> Floats:
    """The quantile of `keys` in each draw; `weights` has shape (customers, draws). NaN keys take no part."""
    ranked = Ranked(keys)
    if not len(ranked):
        return np.full(weights.shape[1], np.nan)
    return ranked.sums(weights).quantile(share)


def percentile_interval(draws: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap draws; NaN, NaN where a draw gave nothing in more than 1 of 20.

    References: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    known = _known(draws)
    if known is None:
        return (np.nan, np.nan)
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def bca_interval(point: float, draws: Floats, jackknife: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """The bias-corrected and accelerated interval.

    `jackknife` holds the estimates with one part of the customers left out each.

    References: Efron (1987), Better bootstrap confidence intervals, JASA 82, 171-185; Efron and Tibshirani (1993),
    chapter 14.3.
    """
    from scipy.special import ndtr, ndtri

    known = _known(draws)
    left_out = jackknife[np.isfinite(jackknife)]
    if known is None or not np.isfinite(point) or len(left_out) < 2:
        return (np.nan, np.nan)
    below = (np.sum(known < point) + 0.5 * np.sum(known == point)) / len(known)
    apart = left_out.mean() - left_out
    spread = np.sum(apart**2)
    if spread == 0 or not 0 < below < 1:
        return percentile_interval(draws, confidence)
    bias = ndtri(below)
    acceleration = np.sum(apart**3) / (6 * spread**1.5)
    limits = bias + ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    low, high = np.quantile(known, ndtr(bias + limits / (1 - acceleration * limits)))
    return float(low), float(high)


def _known(draws: Floats) -> Floats | None:
    known = draws[np.isfinite(draws)]
    return known if len(known) >= max(2, 0.95 * len(draws)) else None


def check_confidence(confidence: float) -> None:
    """A level of confidence is a share strictly between one half and 1."""
    if not 0.5 < confidence < 1:
        raise WorkbenchError(f"confidence must lie between 0.5 and 1, for example 0.95; got {confidence!r}.")
