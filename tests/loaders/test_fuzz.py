"""Whatever bytes come, the reader returns or raises a WorkbenchError, and no row is lost."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import workbench.loaders as loaders
from workbench.errors import WorkbenchError

HERE = Path(__file__).parent
EXPORT = (
    'Record ID,First Name,"Date entered ""Lead (Lifecycle Stage Pipeline)""",Create Date,HubSpot Score,Email\r\n'
    '1,"Ada, Countess",2026-01-02 10:00,02.03.2026,"1.234,5",ada@one.example\r\n'
    '2,"line\r\nbreak",(No value),2026-13-45,1.2E+11,\r\n'
    "3,Jörg,--,1/2/2026 3:04 PM,=1+1,jörg@two.example\r\n"
    "3,Jörg,,1970-01-01,-0,JÖRG@two.example\r\n"
).encode()
PIECES = [
    *(bytes([byte]) for byte in b'",;\t|\r\n\\\'=\x00\xff\xfe\xc3\x80'),
    b'""', b"\r\n\r\n", b"Record ID", b"Create Date", b"\xef\xbb\xbf", b"\xff\xfe", b"9" * 400, b"-" * 50, b"1e999",
    b"NaN", b"9999999999999999999", b"0001-01-01", b"99999-01-01", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"sep=;\n",
    b"(row number)", b"x," * 40, b"{}", b"'; DROP TABLE", b"\x1a", b"_row", b"_faults", b"_file",
]  # fmt: skip


def checked(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        ws = loaders.load(path)
    except WorkbenchError:
        return
    report = ws.report
    assert report.rows_read == report.rows_loaded + report.rows_set_aside
    assert sum(ws.manifest.tables.values()) == report.rows_loaded - report.rows_merged
    assert len(report.frame()) == sum(report.counts.values())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """An export with pieces put in, taken out, doubled and changed."""
    content = bytearray(EXPORT)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(content)))
        end = min(len(content), place + draw(st.sampled_from([0, 0, 1, 1, 5, 40])))
        what = draw(st.sampled_from(["put", "put", "cut", "double"]))
        if what == "put":
            content[place:end] = draw(st.sampled_from(PIECES))
        elif what == "cut":
            del content[place:end]
        else:
            content[place:place] = content[place:end] * 3
    return bytes(content)


usual = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@usual
@given(content=mutated())
@example(content=EXPORT)
@example(content=b"\xef\xbb\xbf" + EXPORT.replace(b"\r\n", b"\r\xff\n", 1))
def test_a_mutated_export_is_read_or_refused_in_a_sentence(tmp_path_factory, content):
    checked(tmp_path_factory.mktemp("fuzz") / "contacts.csv", content)


@usual
@given(content=st.binary(max_size=300), header=st.sampled_from([b"", b"Record ID,First Name\n", b"Record ID\tEmail\n"]))
def test_any_bytes_are_read_or_refused_in_a_sentence(tmp_path_factory, content, header):
    checked(tmp_path_factory.mktemp("fuzz") / "contacts.csv", header + content)


@settings(usual, max_examples=6)
@given(seed=st.integers(0, 2**32), ending=st.sampled_from([".xlsx", ".zip", ".csv.gz", ".ods", ".xls"]))
@example(seed=76170, ending=".zip")
def test_broken_packed_files_are_refused_in_a_sentence(tmp_path_factory, seed, ending):
    import gzip
    import io
    import zipfile

    import xlsxwriter

    dice, packed = random.Random(seed), io.BytesIO()
    if ending in (".xlsx", ".ods", ".xls"):
        with xlsxwriter.Workbook(packed) as book:
            book.add_worksheet().write_row(0, 0, ["Record ID", "First Name"])
            book.worksheets()[0].write_row(1, 0, ["1", "Ada"])
        content = bytearray(packed.getvalue())
    elif ending == ".zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("contacts.csv", EXPORT)
        content = bytearray(packed.getvalue())
    else:
        content = bytearray(gzip.compress(EXPORT))
    for _ in range(dice.randint(0, 8)):
        content[dice.randrange(len(content))] = dice.randrange(256)
    if dice.random() < 0.3:
        del content[dice.randrange(len(content)) :]
    checked(tmp_path_factory.mktemp("fuzz") / f"contacts{ending}", bytes(content))


if importlib.util.find_spec("atheris"):

    def test_bytes_led_by_coverage_find_nothing_in_three_seconds(tmp_path):
        seeds = tmp_path / "seeds"
        seeds.mkdir()
        for number, seed in enumerate([EXPORT, EXPORT.replace(b",", b";"), EXPORT.decode().encode("utf-16")]):
            (seeds / str(number)).write_bytes(b"\x00" + seed)
        ran = subprocess.run(
            [sys.executable, str(HERE / "fuzz_reader.py"), str(seeds), "-max_total_time=3", "-max_len=2000", "-seed=1"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "DONE" in ran.stderr
