"""Seconds from navigation to the first bar on the screen: our threshold page, and the same page in Dash, in turn.

Each visit is a browser that was never there before (nothing cached) to a server that is up, ours with its kernel warm,
which is how both are met.

    python bench/page.py [--rounds 5] [--rest 12]

`--rest` is the number of seconds before each round: our next kernel has to be warm, and the machine quiet, for both.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from _timing import installed, options
from playwright.sync_api import Playwright, sync_playwright

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data" / "sample"
PATIENCE = 120.0
"""Seconds until a page without a bar is a failure."""
FIRST_BAR = """
const look = () => {
  const bar = [...document.querySelectorAll('.barlayer path')].some(b => b.getBoundingClientRect().height > 2);
  if (bar) window.firstBar ??= performance.now(); else requestAnimationFrame(look);
};
look();
"""


@contextmanager
def ours() -> Iterator[str]:
    command = [sys.executable, "-m", "workbench.cli", "serve", str(DATA), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found, "our page is not served"
        try:
            yield found[0]
        finally:
            server.terminate()


@contextmanager
def dash() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "bench" / "_dash_page.py"), str(DATA), str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert server.poll() is None, "the Dash page does not start; is the extra `bench` installed?"
                time.sleep(0.2)
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()


def visit(playwright: Playwright, address: str) -> tuple[float, int, float]:
    """Seconds to the first bar, number of requests, megabytes that came over the wire."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=path,
            args=["--no-sandbox", "--disable-background-networking"],
            viewport={"width": 1280, "height": 900},
        )
        page = browser.new_page()
        wire = browser.new_cdp_session(page)
        received: list[float] = []
        wire.send("Network.enable")
        wire.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
        page.add_init_script(FIRST_BAR)
        page.goto(address, wait_until="commit")
        seconds, give_up = None, time.monotonic() + PATIENCE
        while seconds is None:
            assert time.monotonic() < give_up, f"no bar on {address}"
            time.sleep(0.05)
            seconds = page.evaluate("window.firstBar ?? null")
        page.wait_for_timeout(500)
        browser.close()
    return seconds / 1000, len(received), sum(received) / 1e6


def main(rounds: int, rest: int) -> None:
    with ExitStack() as servers, sync_playwright() as playwright:
        pages = {"ours": servers.enter_context(ours())}
        if installed("dash"):
            pages["Dash"] = servers.enter_context(dash())
        times: dict[str, list[float]] = {name: [] for name in pages}
        print("round   " + "    ".join(pages))
        for number in range(1, rounds + 1):
            time.sleep(rest)
            for name, address in pages.items():
                seconds, requests, megabytes = visit(playwright, address)
                times[name].append(seconds)
                if number == 1:
                    print(f"        {name}: {requests} requests, {megabytes:.2f} MB")
            print(f"{number:>5}   " + "  ".join(f"{values[-1]:.2f} s" for values in times.values()), flush=True)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print("median  " + "  ".join(f"{median:.2f} s" for median in medians.values()))
    for name in set(medians) - {"ours"}:
        print(f"ours takes {medians['ours'] / medians[name]:.2f} of {name}'s time")


if __name__ == "__main__":
    main(**vars(options(__doc__, rounds=5, rest=12).parse_args()))
