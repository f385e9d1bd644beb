"""The open workbench for lead scores: an export in, a calibrated threshold out.

The public names, nothing else. Each is imported when it is first asked for, so importing the package does no work.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import charts as charts
    from workbench.errors import WorkbenchError as WorkbenchError

__version__ = "0.1.0"

_HOME = {
    "WorkbenchError": "errors",
}
"""Public name to the module it lives in."""

_MODULES = ("charts",)

__all__ = ["__version__", *_HOME, *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"workbench.{_HOME[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"workbench.{name}")
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
