"""Where is the line? The page on which a threshold is found: State knows no widget, View knows no data."""

from workbench.dashboards.calibrate_threshold.state import State
from workbench.dashboards.calibrate_threshold.view import View, page, source

__all__ = ["State", "View", "page", "source"]
