"""What is written in several places says the same in each, and nothing names another host."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from workbench.dashboards import server
from workbench.dashboards.figure import STATIC

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for group in (PROJECT["dependencies"], *extras) for text in group]


def test_conda_users_install_what_pyproject_lists() -> None:
    listed = YAML(typ="safe").load(ROOT / "environment.yml")["dependencies"]
    assert listed == [
        f"python{PROJECT['requires-python']}",
        "pip",
        {"pip": ["--constraint constraints.txt", "--editable .[dev]"]},
    ]


def test_every_requirement_is_pinned_to_a_version_that_meets_it() -> None:
    pins = {normal(name): pin for name, pin in PINS.items()}
    for requirement in requirements():
        assert requirement.specifier.contains(pins[normal(requirement.name)]), requirement


def test_pins_are_names_and_versions_and_nothing_else() -> None:
    for name, pin in PINS.items():
        assert re.fullmatch(r"[A-Za-z0-9][\w.-]*", name)
        assert re.fullmatch(r"\d[\w.+!]*", pin)
    assert list(PINS) == sorted(PINS, key=str.lower)


def test_the_version_is_one() -> None:
    import workbench

    assert PROJECT["version"] == workbench.__version__


def test_who_starts_voila_by_hand_gets_the_settings_of_the_server() -> None:
    assert json.loads((ROOT / "voila.json").read_text(encoding="utf-8")) == {"VoilaConfiguration": server.VOILA}


def tracked(*suffixes: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / name for name in names if name.endswith(suffixes) and (ROOT / name).exists()]


@pytest.mark.parametrize("name", ["workbench.css", "favicon.svg"])
def test_what_a_page_looks_like_comes_from_nowhere_else(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert [url for url in re.findall(r"https?://[^\s\"')]+", text) if "www.w3.org" not in url] == []
    assert "@import" not in text


def test_the_page_is_built_from_what_stands_here() -> None:
    folder = ROOT / "workbench" / "dashboards" / "page"
    sources = ["../download.js", "../figure.js", "../upload.js", "build.mjs", "kernel.js", "package.json", "page.js"]
    found = hashlib.sha256(b"".join((folder / source).read_bytes() for source in sources)).hexdigest()
    built = (STATIC / "page.js").read_text(encoding="utf-8")
    assert built.startswith(f"/* built from {found};"), "its sources changed after page.js was built; run `make page`"


def test_the_licences_of_what_a_page_loads_are_there() -> None:
    licences = (STATIC / "page.LICENSES.txt").read_text(encoding="utf-8")
    for name in (
        "@jupyter-widgets/base",
        "@jupyter-widgets/controls",
        "@lumino/widgets",
        "jquery",
        "backbone",
        "nouislider",
    ):
        assert f"{name} " in licences
    assert "Permission is hereby granted" in (STATIC / "plotly-basic.LICENSE.txt").read_text(encoding="utf-8")


def test_ipywidgets_and_its_page_speak_the_same_protocol() -> None:
    """page.js holds @jupyter-widgets/controls 5, which is what ipywidgets 8 speaks to."""
    assert version("ipywidgets").startswith("8.")
    packages = json.loads((ROOT / "workbench" / "dashboards" / "page" / "package.json").read_text(encoding="utf-8"))
    assert packages["dependencies"]["@jupyter-widgets/controls"].startswith("5.")


def test_without_a_chromium_one_is_told_how_to_get_one(tmp_path: Path) -> None:
    (tmp_path / "id").symlink_to(str(shutil.which("id")))
    done = subprocess.run(
        [str(shutil.which("sh")), str(ROOT / "tests" / "browser" / "find_chromium.sh")],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert " ".join(done.stderr.split()) == (
        "The tests open the pages in a Chromium, and there is none. Install Chromium or Chrome (apt-get install "
        "chromium, or .venv/bin/playwright install chromium), or name one that is elsewhere: "
        "make test CHROMIUM=/path/to/chrome"
    )


ADDRESS = re.compile(r"https?://([\w.{}-]+)")
KNOWN = re.compile(r"127\.0\.0\.1|\{host\}|www\.w3\.org|json-schema\.org|([\w-]+\.)+example")


def test_no_address_of_a_registry_or_of_any_other_host_is_written_down() -> None:
    texts = tracked(".py", ".toml", ".yml", ".yaml", ".txt", ".json", ".css", ".j2", ".mjs", "Makefile", "run", ".sh")
    told = [path for path in texts if "LICENSE" not in path.name]  # others' licences name their homes
    named = {host for path in told for host in ADDRESS.findall(path.read_text(encoding="utf-8"))}
    assert {host for host in named if not KNOWN.fullmatch(host)} == set()
