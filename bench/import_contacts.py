"""Import a contacts export of a million rows, side by side with what one would do in pandas; seconds and memory.

    python bench/import_contacts.py [--contacts 1000000] [--rounds 3]

Each way runs in a process of its own, in turn, a round after the other; the best time and the highest memory count.
pandas parses the same dates and is told which columns are ids: it fails otherwise.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from _timing import options

WAYS = {
    "pandas: read_csv and to_parquet": """
import pandas as pd
headers = pd.read_csv(export, nrows=0).columns
dates = [name for name in headers if "Date" in name]
ids = {name: "str" for name in headers if "ID" in name}
start = time.perf_counter()
pd.read_csv(export, parse_dates=dates, dtype=ids, low_memory=False).to_parquet(folder / "pandas.parquet")
""",
    "workbench: import with report": """
from workbench.loaders import load
start = time.perf_counter()
load(export, to=folder / "workspace")
""",
    "workbench: import without change": """
from workbench.loaders import load
start = time.perf_counter()
load(export, to=folder / "kept")
""",
    "pandas: 5 columns of its Parquet": """
import pandas as pd
start = time.perf_counter()
pd.read_parquet(folder / "pandas.parquet", columns=[
    "Record ID", "Lifecycle Stage", "Create Date", "HubSpot Score", "Unsubscribed from all email"])
""",
    "workbench: open and take 5 columns": """
from workbench.loaders import open_workspace
start = time.perf_counter()
open_workspace(folder / "kept").table("contacts", columns=[
    "hs_object_id", "lifecyclestage", "createdate", "hubspotscore", "hs_email_optout"])
""",
}
SAMPLE = """
import sys
from workbench.sample import write_sample
write_sample(sys.argv[2], contacts=int(sys.argv[1]), only={"contacts"}, languages=("en",))
"""
AROUND = """
import resource, sys, time
from pathlib import Path
export, folder = Path(sys.argv[1]), Path(sys.argv[2])
{way}
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def run(way: str, export: Path, folder: Path) -> tuple[float, float]:
    """Seconds, and megabytes at the most."""
    ran = subprocess.run(
        [sys.executable, "-c", AROUND.format(way=way), str(export), str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, megabytes = ran.stdout.split()
    return float(seconds), float(megabytes)


def main(contacts: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # in a process of its own: a child's memory counts from what its parent had
        subprocess.run([sys.executable, "-c", SAMPLE, str(contacts), str(folder / "exports")], check=True)
        (export,) = (folder / "exports").glob("*.csv")
        size = export.stat().st_size / 1e6
        print(f"{contacts:,} contacts, {size:,.0f} MB, {os.cpu_count()} cores")
        run(WAYS["workbench: import with report"].replace("workspace", "kept"), export, folder)
        results: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way, code in WAYS.items():
                shutil.rmtree(folder / "workspace", ignore_errors=True)
                results[way].append(run(code, export, folder))
    best = {way: min(seconds for seconds, _ in runs) for way, runs in results.items()}
    for way, runs in results.items():
        times = ", ".join(f"{seconds:.2f}" for seconds, _ in sorted(runs))
        print(f"{way:36s} {best[way]:6.2f} s ({times})  {max(memory for _, memory in runs):6,.0f} MB")
    ratio = best["workbench: import with report"] / best["pandas: read_csv and to_parquet"]
    print(f"import: {ratio:.2f} times pandas")


if __name__ == "__main__":
    main(**vars(options(__doc__, contacts=1_000_000, rounds=3).parse_args()))
