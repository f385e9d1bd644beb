"""What takes longer than a control may wait for, worked out when nothing has moved for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

SETTLE_AFTER_SECONDS = 0.15


class Settles(Protocol):
    """A State whose slow part is worked out apart."""

    def settle(self) -> None:
        """Work it out at once."""

    def settlement(self) -> Callable[[], Callable[[], None]]:
        """Work that may run in another thread; it returns what applies the result."""


class Settling:
    """A View that has its State settle off the loop that answers the controls.

    Where the State has a `more()` too, that is asked for what takes longer still, one work after the other, until it
    gives None.
    """

    state: Settles
    _timer: asyncio.TimerHandle | None = None
    _finding = False

    def _later(self) -> None:
        """Settle when nothing has moved for a moment; at once where no loop runs."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.state.settle()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(SETTLE_AFTER_SECONDS, lambda: loop.create_task(self._settle()))

    async def _settle(self) -> None:
        apply = await asyncio.to_thread(self.state.settlement())
        apply()
        await self._find()

    async def _find(self) -> None:
        """What takes longer still; the works of one State never run side by side."""
        more: Callable[[], Any] = getattr(self.state, "more", lambda: None)
        if self._finding:
            return
        self._finding = True
        try:
            while (work := more()) is not None:
                apply = await asyncio.to_thread(work)
                apply()
        finally:
            self._finding = False
