"""Random numbers that are the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Dice:
    """Draws by name: each name has a stream of its own, so a new column leaves the others as they were.

    Only uniform numbers come from the generator (its bits are fixed by NumPy's own promise, its distributions are
    not); all else is their inverse distribution function.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def uniform(self, name: str, n: int) -> Floats:
        """`n` numbers above 0 and below 1."""
        bits = np.random.PCG64(np.random.SeedSequence([self._seed, crc32(name.encode())]))
        return np.random.Generator(bits).random(n) * (1 - 2.0**-52) + 2.0**-53

    def normal(self, name: str, n: int) -> Floats:
        """`n` standard normal numbers."""
        return np.asarray(ndtri(self.uniform(name, n)), dtype=np.float64)

    def chance(self, name: str, probability: Floats | float, n: int) -> Flags:
        """True with this probability, `n` times."""
        return self.uniform(name, n) < probability

    def between(self, name: str, low: int, high: int, n: int) -> Ints:
        """`n` whole numbers from `low` to `high` - 1."""
        return (low + np.floor(self.uniform(name, n) * (high - low))).astype(np.int64)

    def pick(self, name: str, weights: Sequence[float] | Floats, n: int) -> Ints:
        """`n` indexes into `weights`."""
        steps = np.cumsum(np.asarray(weights, dtype=np.float64))
        return np.searchsorted(steps[:-1] / steps[-1], self.uniform(name, n), side="right").astype(np.int64)

    def poisson(self, name: str, mean: Floats | float, n: int, *, most: int = 60) -> Ints:
        """`n` Poisson counts, no more than `most`."""
        mean = np.broadcast_to(np.asarray(mean, dtype=np.float64), n)
        left = self.uniform(name, n)
        count = np.zeros(n, dtype=np.int64)
        term = np.exp(-mean)
        for k in range(1, most + 1):
            left = left - term
            more = left > 0
            if not more.any():
                break
            count += more
            term = term * mean / k
        return count
