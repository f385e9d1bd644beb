"""The pages. `calibrate_threshold.page(workspace)` makes one; its `widget` is what a notebook shows."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

PAGES = ("calibrate_threshold", "explore_segments", "improvement_benchmarks")

if TYPE_CHECKING:
    from workbench.dashboards import calibrate_threshold as calibrate_threshold
    from workbench.dashboards import explore_segments as explore_segments
    from workbench.dashboards import improvement_benchmarks as improvement_benchmarks
else:

    def __getattr__(name: str) -> Any:
        if name in PAGES:
            return importlib.import_module(f"workbench.dashboards.{name}")
        raise AttributeError(f"module 'workbench.dashboards' has no attribute {name!r}")
