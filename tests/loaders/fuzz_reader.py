"""Run as a program: bytes led by coverage into the reader, which may only return or raise a WorkbenchError.

`fuzz_reader.py [FOLDER OF SEEDS] -max_total_time=SECONDS` (the arguments of libFuzzer). Without end where no time is
given; ends with 0 where nothing was found, else prints the bytes that did it.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["workbench.loaders", "clevercsv", "csv"]):
    from workbench.errors import WorkbenchError
    from workbench.loaders import importing, load

ENDINGS = (".csv", ".csv", ".csv", ".csv", ".xlsx", ".zip", ".csv.gz")
assert importing


def read(data: bytes) -> None:
    """The first byte says what the file is called, the rest is in it."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        path = Path(name) / f"contacts{ENDINGS[data[0] % len(ENDINGS)] if data else '.csv'}"
        path.write_bytes(data[1:])
        try:
            ws = load(path)
        except WorkbenchError:
            return
        report = ws.report
        if report.rows_read != report.rows_loaded + report.rows_set_aside:
            raise RuntimeError(
                f"{report.rows_read} rows read, {report.rows_loaded} loaded, {report.rows_set_aside} not"
            )


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
