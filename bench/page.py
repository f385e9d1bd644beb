"""Seconds from navigation to the first bar on the screen: our threshold page, and the same page in Dash, in turn.

Each visit is a browser that was never there before (nothing cached) to a server that is up, ours with its kernel warm,
which is how both are met. `page.py [ROUNDS]`.
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
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data" / "sample"
SECONDS_TO_WARM = 12.0
"""Between visits: our next kernel has to be warm, and the machine quiet, for both."""
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
        yield found[0]
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
        yield f"http://127.0.0.1:{port}/"
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
        seconds = None
        while seconds is None:
            time.sleep(0.05)
            seconds = page.evaluate("window.firstBar ?? null")
        page.wait_for_timeout(500)
        browser.close()
    return seconds / 1000, len(received), sum(received) / 1e6


def main(rounds: int) -> None:
    with ours() as our_page, dash() as dash_page, sync_playwright() as playwright:
        times: dict[str, list[float]] = {"ours": [], "Dash": []}
        print("round   ours    Dash")
        for number in range(1, rounds + 1):
            time.sleep(SECONDS_TO_WARM)
            for name, address in (("ours", our_page), ("Dash", dash_page)):
                seconds, requests, megabytes = visit(playwright, address)
                times[name].append(seconds)
                if number == 1:
                    print(f"        {name}: {requests} requests, {megabytes:.2f} MB")
            print(f"{number:>5}   {times['ours'][-1]:.2f} s  {times['Dash'][-1]:.2f} s", flush=True)
    ours_, dash_ = (statistics.median(values) for values in times.values())
    print(f"median  {ours_:.2f} s  {dash_:.2f} s   ours takes {ours_ / dash_:.2f} of Dash's time")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
