"""A real headless Chromium, and a page that notes every request and every word on the console."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 844}
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


expect.set_options(timeout=60_000)  # two cores, and kernels that start beside the page


@dataclass(slots=True)
class Watched:
    """What a page asked for and what it complained about."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def strangers(self) -> list[str]:
        """Requests to anywhere but this machine."""
        own = ("127.0.0.1", None)
        return [
            url
            for url in self.requests
            if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname not in own
        ]


@pytest.fixture(scope="session")
def serve_only(tmp_path_factory: pytest.TempPathFactory, serve_pages: Callable[..., Any]) -> Callable[..., Any]:
    """`serve_only(workspace, "edit_score", ...)`: the pages that are looked at, since each keeps a kernel warm."""

    def serve(workspace: Path, *names: str) -> Any:
        folder = tmp_path_factory.mktemp("pages")
        for name in names:
            shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", folder)
        return serve_pages(workspace, folder)

    return serve


@pytest.fixture(scope="session")
def sample_pages(serve_only: Callable[..., Any]) -> Any:
    """Pages on the sample, for tests that write nothing into its workspace."""
    return serve_only(ROOT / "data" / "sample", "calibrate_threshold", "improvement_benchmarks")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The Chromium that `make test` found: $CHROMIUM, else one on the PATH.

    It ends with the module: while it runs, so does a loop of events, and tests of other folders want none.
    """
    path = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    assert path, "there is no Chromium; `make test` gets one, or says how to"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(address, narrow=False, touch=False)`: the page, live. At the end no request may have left this machine
    and the console must have been silent."""
    watched, contexts = Watched(), []

    def open_(address: str, *, narrow: bool = False, touch: bool = False, live: bool = True) -> Page:
        context = chromium.new_context(viewport=NARROW if narrow else WIDE, has_touch=touch, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: watched.requests.append(request.url))
        page.on("websocket", lambda socket: watched.requests.append(socket.url))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on(
            "console", lambda said: watched.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        page.goto(address, wait_until="load")
        if live:
            page.wait_for_selector("html.wb-live", timeout=150_000)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert watched.strangers == []
    assert watched.complaints == []
