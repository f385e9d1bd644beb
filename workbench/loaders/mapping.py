"""A user's own mapping: which column is which property, and what a file holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from reprlib import Repr
from typing import Any

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders.paths import given_path
from workbench.loaders.recognise import RESERVED, ROW_NUMBER, normal

MAPPING_FILE = "mapping.yaml"
_SHAPE = (
    "A mapping is {'Prospect ID': 'hs_object_id'} for every file, "
    "or {'leads.csv': {'object': 'contact', 'columns': {'Prospect ID': 'hs_object_id'}}} for one."
)
_SHOWN = Repr()
_SHOWN.maxlevel, _SHOWN.maxother, _SHOWN.maxstring = 2, 80, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """What a user says of one file."""

    columns: Mapping[str, str] = field(default_factory=dict)
    object: str | None = None

    def check(self, headers: tuple[str, ...], file: str) -> None:
        """Raise WorkbenchError where a header that is mapped for this file is not in it."""
        there = {normal(header) for header in headers}
        for header in self.columns:
            if header != ROW_NUMBER and normal(header) not in there:
                raise WorkbenchError(
                    f"the mapping names the column {header!r}, but {file} has {listing(headers)}."
                    + did_you_mean(header, headers)
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMapping:
    """What a user says of all files and of single ones, by name or pattern such as `leads-*.csv`."""

    everywhere: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, FileMapping] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any] | str | os.PathLike[str] | None) -> UserMapping:
        """From a dict, or from a YAML file's path. Raises WorkbenchError where it is no mapping."""
        if given is None:
            return cls()
        if isinstance(given, (str, os.PathLike)):
            given = _read(given_path(given, "mapping"))
        if not isinstance(given, Mapping):
            raise WorkbenchError(f"the mapping is {_SHOWN.repr(given)}. {_SHAPE}")
        everywhere: dict[str, str] = {}
        files: dict[str, FileMapping] = {}
        for key, value in given.items():
            if isinstance(value, str):
                everywhere[str(key)] = _name(str(key), value)
            elif isinstance(value, Mapping):
                files[str(key)] = _of_file(str(key), value)
            else:
                raise WorkbenchError(f"the mapping of {key!r} is {_SHOWN.repr(value)}. {_SHAPE}")
        return cls(everywhere=everywhere, files=files)

    def over(self, other: UserMapping) -> UserMapping:
        """This mapping, and the other where this one says nothing."""
        return UserMapping(everywhere={**other.everywhere, **self.everywhere}, files={**other.files, **self.files})

    def entry(self, file: str) -> str | None:
        """The key under which a file has an entry of its own."""
        return next((key for key in self.files if key == file or fnmatch(file, key)), None)

    def for_file(self, file: str, headers: tuple[str, ...]) -> FileMapping:
        """What holds for one file with these headers: what is said of it alone goes before what is said of all.

        Raises WorkbenchError where that names a column it has not, or two columns in one way.
        """
        there = {normal(header) for header in headers}
        columns = {
            header: name
            for header, name in self.everywhere.items()
            if normal(header) in there or (header == ROW_NUMBER and len(self.everywhere) > 0)
        }
        key = self.entry(file)
        own = FileMapping() if key is None else self.files[key]
        own.check(headers, file)
        claimed = {name.casefold() for name in own.columns.values()}
        columns = {
            **{header: name for header, name in columns.items() if name.casefold() not in claimed},
            **own.columns,
        }
        by_name: dict[str, str] = {}
        for header, name in columns.items():
            other = by_name.setdefault(name.casefold(), header)
            if normal(other) != normal(header):
                raise WorkbenchError(
                    f"the mapping calls two columns of {file} {name!r}: {other!r} and {header!r}. Give one of them "
                    "another name."
                )
        return FileMapping(columns=columns, object=own.object)

    def check(self, files: Mapping[str, tuple[str, ...]]) -> None:
        """Raise WorkbenchError where something is mapped that none of the files has."""
        every = tuple(dict.fromkeys(header for headers in files.values() for header in headers))
        FileMapping(columns=self.everywhere).check(every, "none of the files" if len(files) > 1 else next(iter(files)))
        for key in self.files:
            if not any(key == file or fnmatch(file, key) for file in files):
                raise WorkbenchError(
                    f"the mapping has an entry for {key!r}, but the files are {listing(files)}."
                    + did_you_mean(key, files)
                )


def add_to_mapping(
    path: Path, chosen: Mapping[tuple[str, str], str], *, objects: Mapping[str, str] | None = None
) -> None:
    """Write what columns are to a mapping file; `chosen` is (file, header) to property, `objects` file to object.

    What it says already stays.

    Raises WorkbenchError where the file is no mapping or cannot be written.
    """
    from ruamel.yaml import YAML

    yaml = YAML()  # keeps comments
    said: Any = {}
    if path.exists():
        UserMapping.of(path)
        said = yaml.load(path.read_text(encoding="utf-8")) or {}
    for (file, header), name in chosen.items():
        entry = said.setdefault(file, {"columns": {}})
        entry.get("columns", entry)[header] = name
    for file, of_object in (objects or {}).items():
        said.setdefault(file, {"columns": {}})["object"] = of_object
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("w", encoding="utf-8") as stream:
            yaml.dump(said, stream)
        os.replace(new, path)
    except OSError as error:
        raise WorkbenchError(
            f"the mapping {path} cannot be written: {error.strerror}; write it yourself, or copy the exports."
        ) from error


def _of_file(file: str, value: Mapping[str, Any]) -> FileMapping:
    columns = value.get("columns", {k: v for k, v in value.items() if k not in ("object", "columns")})
    of = value.get("object")
    if (
        not isinstance(columns, Mapping)
        or not all(isinstance(name, str) for name in columns.values())
        or not isinstance(of, str | None)
    ):
        raise WorkbenchError(f"the mapping of {file!r} is {_SHOWN.repr(dict(value))}. {_SHAPE}")
    return FileMapping(columns={str(header): _name(str(header), name) for header, name in columns.items()}, object=of)


def _name(header: str, name: str) -> str:
    """What a column is to be called; raises WorkbenchError where no column can be called so."""
    why = ""
    if not name.strip():
        why = "that is blank"
    elif name.casefold() in RESERVED:
        why = "the workbench calls a column of its own so"
    elif any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in name):
        why = "not all of that is text"
    if why:
        raise WorkbenchError(f"the mapping calls the column {header!r} {name!r}, but {why}: give another name.")
    return name


def _read(path: Path) -> Mapping[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if path.exists() and not path.is_file():
        raise WorkbenchError(f"the mapping {path} is no file. {_SHAPE}")
    try:
        read = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WorkbenchError(f"the mapping {path} cannot be read: {error.strerror}.") from error
    except (YAMLError, ValueError, LookupError, RecursionError) as error:
        raise WorkbenchError(f"the mapping {path} is not YAML: {str(error).splitlines()[0]}. {_SHAPE}") from error
    if read is None:  # a file of comments
        return {}
    if not isinstance(read, Mapping):
        raise WorkbenchError(f"the mapping {path} holds {type(read).__name__}. {_SHAPE}")
    return read
