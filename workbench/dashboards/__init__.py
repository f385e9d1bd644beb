"""The pages. `calibrate_threshold.page(workspace)` makes one; its `widget` is what a notebook shows."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

PAGES = (
    "calibrate_threshold",
    "edit_score",
    "explain_contact",
    "explore_segments",
    "import_and_audit",
    "improvement_benchmarks",
)

if TYPE_CHECKING:
    from workbench.dashboards import calibrate_threshold as calibrate_threshold
    from workbench.dashboards import edit_score as edit_score
    from workbench.dashboards import explain_contact as explain_contact
    from workbench.dashboards import explore_segments as explore_segments
    from workbench.dashboards import import_and_audit as import_and_audit
    from workbench.dashboards import improvement_benchmarks as improvement_benchmarks
else:

    def __getattr__(name: str) -> Any:
        if name in PAGES:
            return importlib.import_module(f"workbench.dashboards.{name}")
        raise AttributeError(f"module 'workbench.dashboards' has no attribute {name!r}")
