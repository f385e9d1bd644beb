"""Exports into a Workspace: every row accounted for, every fault in the report."""

from workbench.loaders.auditing import Audit, audit
from workbench.loaders.duplicates import Duplicates, find_duplicates
from workbench.loaders.importing import Export, load, read_export
from workbench.loaders.merging import Merge, merge, merge_log, undo_merge
from workbench.loaders.report import CODES, ColumnReport, FileReport, LoadReport
from workbench.loaders.snapshots import before_import, undo_import
from workbench.loaders.suggesting import MappingSuggestions, suggest_mapping
from workbench.loaders.workspace import Workspace, leads_of, open_workspace

__all__ = [
    "CODES",
    "Audit",
    "ColumnReport",
    "Duplicates",
    "Export",
    "FileReport",
    "LoadReport",
    "MappingSuggestions",
    "Merge",
    "Workspace",
    "audit",
    "before_import",
    "find_duplicates",
    "leads_of",
    "load",
    "merge",
    "merge_log",
    "open_workspace",
    "read_export",
    "suggest_mapping",
    "undo_import",
    "undo_merge",
]
