"""From a file as it came to lines DuckDB can read: encoding, delimiter, quote, header."""

from __future__ import annotations

import codecs
import csv
import errno
import hashlib
import io
import re
import shutil
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from lzma import LZMAError
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError, listing
from workbench.loaders.recognise import NO_HEADER, ROW_NUMBER, is_record, n_known, normal
from workbench.loaders.sheets import Sheet, write_rows

SHEETS = frozenset({".xlsx", ".xls", ".xlsb", ".ods", ".xlsm"})
TEXTS = frozenset({".csv", ".tsv", ".txt", ".tab"})
PACKED = frozenset({".zip", ".gz", ".zst"})
SAMPLE_BYTES = 65_536
_BLOCK = 1 << 22  # bytes
LONGEST_LINE = 2 * _BLOCK  # bytes: a longer one fills a block of a file
MOST_COLUMNS = 2_000
_MOST_UNPACKED = 1 << 36  # bytes; a packed file that gives more is no export
_MOST_RATIO = 250  # times its packed size; text packs by a factor of 5 to 30
_MAGIC = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"PAR1", "a Parquet file"),
    (b"\x7fELF", "a program"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet under another name"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or document under another name"),
    (b"\x1f\x8b", "a gzip archive under another name"),
    (b"{", "JSON"),
    (b"<", "a web page or XML"),
)
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LETTER = r"[^\W\d_]"
_WESTERN = frozenset("ÄÖÜäöüßÀÉàâçéèêëïñ€„“”‚‘’–…«»°§´")
"""In German and French everywhere; another code page shows by other letters too."""
_SIGN_IN_A_WORD = (
    rf"(?<={_LETTER})[^\x00-\x7f\w´’‘·–—\xad\xa0](?={_LETTER})"
    rf"|[£¥¯³¹¼½¾¢ª](?={_LETTER})|(?<={_LETTER})[¿¡£¥¯¼½¾¢]|(?<=(?!m){_LETTER})[²³¹]"
)
_ODD = re.compile(
    r"[^\x00-\x7f]{4,}"  # no word of theirs has so many in a row: another alphabet
    rf"|\ufffd|{_SIGN_IN_A_WORD}"
    rf"|(?<={_LETTER})[À-ÖØ-ÞŠŒŽŸ](?=[a-zß-ÿ])"  # a capital within a word
    rf"|[ìòù](?={_LETTER})|[èÈ](?=[aeiouyáéíóúýìù])|[øØ](?=[áéíýìù])"  # Czech ě ň ů, č, ř
    r"|õ(?=[^\We])|ã(?=[^\Woes])"  # Hungarian ő, Romanian ă
    rf"|(?<={_LETTER})þ"  # Romanian ţ, Turkish ş
)
"""What looks odd where a text in another code page is read as Windows-1252, and is rare in western languages."""
_SAME_IN_BOTH = frozenset("ŠšŽž")  # in the western and the Central European code page
_ODD_SHARE = 0.2
_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CODE_PAGES = [f"cp{number}" for number in (1250, 1251, 1253, 1255, 1256, 1257, 850, 852, 866)] + [
    *("iso8859_2", "iso8859_5", "iso8859_7", "koi8_r", "mac_roman"),
    *("shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"),
]
"""In which exports come; the library knows many more, and takes a few names for them."""
_MIXED = "utf-8 and cp1252"
FOREIGN = "\ufdd0"
"""Stands before letters that were read as Windows-1252 in a text that is UTF-8: no text has this character."""
_DELIMITERS = (",", ";", "\t", "|")
NO_DELIMITER = "\x1f"
"""The delimiter of a file with one column: no text has it."""
_INVISIBLE = "\ufeff\u200b\u2060"
_CONTROLS = bytes(byte for byte in range(32) if byte not in (9, 10, 12, 13, 28, 29, 30, 31))
_SUSPECT = (
    *((b"\x83", b"\xc3\x83"), (b"\x82", b"\xc3\x82\xc2"), (b"\x82", b"\xc3\xa2\xe2\x82\xac")),
    (b"\xbd", "\ufffd".encode()),
)
"""How UTF-8 begins that was read as Windows-1252 and written again, and a lost letter; each with a rare byte to look
for first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that is ready to be read: UTF-8 text of known delimiter, header found."""

    name: str
    readable: Path  # UTF-8 text; the file itself where it is that already
    format: str
    encoding: str
    delimiter: str
    quote: str
    escape: str  # the quote itself where it is doubled
    headers: tuple[str, ...]
    header_row: int  # record number, 1 is the first; 0 where there is none
    found: tuple[str, str] | None = None  # delimiter and quote of the file itself, where `readable` has others
    numbered: bool = False  # the first column of `readable` holds the record's number
    left_out: tuple[tuple[str, str], ...] = ()  # other sheets, and why
    suspect: bool = False  # has to take the slower road
    longest: int = 1_000_000  # bytes of the longest record that is read as it is


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal text. Raises WorkbenchError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WorkbenchError(f"{path} cannot be read: {error.strerror}.") from error


def is_full(error: Exception) -> bool:
    """Whether there was no room to write: that is no fault of the file that is read."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file to be read: as the user gave it, or out of an archive."""

    name: str  # with the archives it came in before it
    path: Path
    workplace: Path  # a folder of its own, for what has to be rewritten
    fault: WorkbenchError | None = None  # why it could not be unpacked


def unpacked(path: Path, workplace: Path) -> list[Found]:
    """The export files that a packed file holds, an archive within it too; a file that is not packed itself.

    Each has a folder of its own within `workplace`, so that files of one name do not meet. What cannot be unpacked is
    among them with its fault, which `open_source` raises.
    """
    try:
        return _unpacked(path, path.name, workplace, _Room(path), archives=2)
    except OSError as error:
        if is_full(error):
            raise
        fault = WorkbenchError(f"{path} cannot be read: {error.strerror}.")
    except _TooLargeError as error:
        fault = error
    return [Found(name=path.name, path=path, workplace=workplace, fault=fault)]


class _TooLargeError(WorkbenchError):
    """An archive that would fill the disk."""


class _Room:
    """What a packed file may take on the disk, with all that is packed within it."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.most = _most(path.stat().st_size)
        self.n_bytes = 0

    def pour(self, packed: Any, to: Path) -> None:
        with to.open("wb") as written:
            while block := packed.read(1 << 20):
                self.n_bytes += len(block)
                if self.n_bytes > self.most:
                    raise _TooLargeError(
                        f"{self.name} grows to more than {self.most / 1e6:,.0f} MB when it is unpacked, no export "
                        "does: unpack it yourself and load what it holds."
                    )
                written.write(block)


def _unpacked(path: Path, name: str, workplace: Path, room: _Room, *, archives: int) -> list[Found]:
    """What a file holds that is packed at most `archives` times over."""
    workplace.mkdir(parents=True, exist_ok=True)
    kind = path.suffix.lower()
    if kind not in PACKED:
        return [Found(name=name, path=path, workplace=workplace)]
    try:
        if not archives:
            raise WorkbenchError(f"{name} is an archive within archives: unpack it and load what it holds.")
        if kind == ".zip":
            return _unzipped(path, name, workplace, room, archives=archives - 1)
        import pyarrow as pa

        to = workplace / path.stem
        with pa.input_stream(str(path), compression="gzip" if kind == ".gz" else "zstd") as packed:
            room.pour(packed, to)
        return _unpacked(to, name, workplace / "in", room, archives=archives - 1)
    except _TooLargeError:
        raise
    except WorkbenchError as error:
        fault = error
    except _BROKEN as error:
        fault = _cannot_be_unpacked(name, error)
    return [Found(name=name, path=path, workplace=workplace, fault=fault)]


_BROKEN = (OSError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, RuntimeError, ValueError)
"""What reading a broken archive raises."""


def _cannot_be_unpacked(name: str, error: Exception) -> WorkbenchError:
    if is_full(error):
        raise error
    return WorkbenchError(f"{name} cannot be unpacked ({error}): unpack it and load what it holds.")


def _unzipped(path: Path, name: str, workplace: Path, room: _Room, *, archives: int) -> list[Found]:
    found: list[Found] = []
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir() and _is_export(member.filename)]
        if not members:
            held = listing(member.filename for member in archive.infolist())
            raise WorkbenchError(f"{name} has no export (CSV or XLSX) in it; it has {held}.")
        seen: Counter[str] = Counter()
        for number, member in enumerate(members):
            seen[member.filename] += 1
            again = f" ({seen[member.filename]})" if seen[member.filename] > 1 else ""
            inner = name if len(members) == 1 else f"{name}/{member.filename}{again}"
            own = workplace / str(number)
            own.mkdir()
            to = own / Path(member.filename).name
            try:
                if member.flag_bits & 1:
                    raise WorkbenchError(f"{inner} is protected by a password: unpack it and load what it holds.")
                with archive.open(member) as packed:
                    room.pour(packed, to)
                found += _unpacked(to, inner, own / "in", room, archives=archives)
                continue
            except _TooLargeError:
                raise
            except WorkbenchError as error:
                fault = error
            except _BROKEN as error:
                fault = _cannot_be_unpacked(inner, error)
            found.append(Found(name=inner, path=to, workplace=own, fault=fault))
    return found


def _is_export(file: str) -> bool:
    path = Path(file)
    return path.suffix.lower() in SHEETS | TEXTS | PACKED and not path.name.startswith((".", "~$"))


def open_source(found: Found, *, expected: Sequence[str] = ()) -> Source:
    """Find out how a file is written. Whatever has to be rewritten goes to its workplace.

    `expected` are headers that a mapping names: they help to find the header row.
    Raises WorkbenchError where the file is no table.
    """
    if found.fault is not None:
        raise found.fault
    path, workplace, name = found.path, found.workplace, found.name
    try:
        if path.stat().st_size == 0:
            raise WorkbenchError(f"{name} is empty (0 bytes): export it again, as CSV or XLSX.")
        if path.suffix.lower() in SHEETS:
            return _open_sheet(path, workplace, name, expected)
        return _open_text(path, workplace, name, expected)
    except OSError as error:
        if is_full(error):
            raise
        raise WorkbenchError(f"{path} cannot be read: {error.strerror}.") from error


def _open_text(path: Path, workplace: Path, name: str, expected: Sequence[str]) -> Source:
    with path.open("rb") as stream:
        head = stream.read(SAMPLE_BYTES)
    encoding, suspect = _encoding(path, head, name)
    readable = path
    marks = head.decode("utf-8-sig", errors="replace").startswith(tuple(_INVISIBLE))  # a second one
    if encoding not in ("utf-8", "utf-8-sig") or marks:
        readable = workplace / "utf8.csv"
        _transcode(path, encoding, readable, name)
        suspect = encoding == _MIXED or _looked_through(readable)[1]
    with readable.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        text = lines.read(SAMPLE_BYTES)
        if text.count("\n") < 3:  # a header this long needs more to be seen whole
            text += lines.read(16 * SAMPLE_BYTES)
    if not text.strip():
        raise WorkbenchError(f"{name} holds nothing but blanks: export it again, as CSV or XLSX.")
    if n_stray := _stray_quotes_above(text):
        text = _without_quotes_above(readable, workplace / "plain.csv", text, n_stray)
        readable = workplace / "plain.csv"
    delimiter, quote, escape, first = _dialect(text)
    whole = readable.stat().st_size <= len(text)
    records = list(_head(text, delimiter, quote, escape, whole=whole))
    header_row, headers = _header(records, expected, name, after=first)
    early_breaks = any("\n" in cell or "\r" in cell for record in records[:header_row] for cell in record)
    return Source(
        name=name,
        readable=readable,
        format="CSV",
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        headers=headers,
        header_row=header_row,
        found=("", quote) if delimiter == NO_DELIMITER else None,
        suspect=suspect or (early_breaks and header_row > 1) or ("\r" in text and "\n" not in text),
    )


def _encoding(path: Path, head: bytes, name: str) -> tuple[str, bool]:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, False
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise WorkbenchError(f"{name} is {what}, not a table: export it as CSV or XLSX.")
    zeros = head.count(0)
    if zeros > 0.02 * len(head):
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) > 0.6 * len(head) / 2 and min(even, odd) < 0.1 * max(even, odd):
            return ("utf-16-le" if odd > even else "utf-16-be"), False
    if len(head) - len(head.translate(None, _CONTROLS)) > 0.02 * len(head):
        raise WorkbenchError(f"{name} holds binary data, not a table: export it as CSV or XLSX.")
    is_utf8, suspect = _looked_through(path)
    if not is_utf8:  # a mark at the beginning promises UTF-8, what follows decides
        return _not_utf8(path), suspect
    return ("utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"), suspect


def _looked_through(path: Path) -> tuple[bool, bool]:
    """Whether the whole file is valid UTF-8, and whether it has to be looked at row by row.

    That is where a NUL or a wrongly decoded letter may be in it, or a line so long that DuckDB drops it.
    """
    is_utf8 = True
    suspect = False
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            suspect = suspect or b"\x00" in block or (len(block) == _BLOCK and b"\n" not in block)
            if block.isascii():
                continue
            block += stream.readline()  # no letter may be cut in two
            suspect = suspect or any(rare in block and mark in block for rare, mark in _SUSPECT)
            is_utf8 = is_utf8 and _is_utf8(block)
    return is_utf8, suspect


def _is_utf8(text: bytes) -> bool:
    import pyarrow as pa

    try:
        pa.array([text], pa.binary()).cast(pa.string())  # three times as fast as decoding
    except pa.ArrowInvalid:
        return False
    return True


def _not_utf8(path: Path) -> str:
    """The encoding of a text that is not UTF-8 as a whole: a code page, or UTF-8 with a few lines in another."""
    found = bytearray()
    n_utf8 = n_others = 0
    with path.open("rb") as stream:
        for line in stream:
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                n_others += 1
                if len(found) < SAMPLE_BYTES:
                    found += line
            else:
                n_utf8 += 1
    return _MIXED if n_utf8 > n_others else _code_page(bytes(found))


def _code_page(text: bytes) -> str:
    """Windows-1252, unless much of the text would look odd so: detectors guess wildly on a few western letters."""
    western = _UTF8_LETTER.sub(b"", text).decode("cp1252", errors="replace")
    letters = [sign for sign in western if not sign.isascii() and sign not in _SAME_IN_BOTH]
    n_odd = sum(len(odd[0]) for odd in _ODD.finditer(western))
    if n_odd < 2 or n_odd <= _ODD_SHARE * len(letters) or _WESTERN.issuperset(letters):
        return "cp1252"
    from charset_normalizer import from_bytes

    ranked = list(from_bytes(text, cp_isolation=_CODE_PAGES))
    best = min(ranked, key=lambda match: len(re.findall(_SIGN_IN_A_WORD, str(match))), default=None)
    return "cp1252" if best is None else best.encoding


def _as_western(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8, read as Windows-1252 and marked so."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    return FOREIGN + stray.decode("cp1252", errors="replace"), error.end


codecs.register_error("workbench.western", _as_western)


def _transcode(path: Path, encoding: str, to: Path, name: str) -> None:
    errors = "strict" if encoding.startswith("utf") else "replace"
    if encoding == _MIXED:
        encoding, errors = "utf-8", "workbench.western"
    try:
        with path.open("rb") as stream, to.open("w", encoding="utf-8", newline="") as write:
            if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
                stream.seek(0)
            read = io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")
            write.write(read.read(1 << 20).lstrip(_INVISIBLE))
            while block := read.read(1 << 20):
                write.write(block)
    except UnicodeError as error:
        raise WorkbenchError(
            f"{name} begins as {encoding} text but does not go on as such: export it again, as CSV in UTF-8."
        ) from error


def put_right(cell: str) -> str:
    """The cell with letters that were decoded wrongly (UTF-8 as Windows-1252) put right, where that is certain."""
    if cell.isascii():
        return cell
    try:
        return cell.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return cell


def _stray_quotes_above(text: str) -> int:
    """How many lines stand above the header, where a quote among them makes no sense and would swallow it."""
    lines = list(islice(io.StringIO(text, newline=""), 60))
    if _makes_sense(lines):
        return 0
    best, above = 0, 0
    for delimiter in _DELIMITERS:
        for number, line in enumerate(lines):
            known = n_known(next(_head(line, delimiter, '"', '"', whole=True), []))
            if known > max(best, 2):
                best, above = known, number
    return 0 if _makes_sense(lines[:above]) else above


def _makes_sense(lines: Sequence[str]) -> bool:
    """Whether every quote opens or closes a cell."""
    try:
        list(csv.reader(lines, strict=True))
    except csv.Error:
        return False
    return True


def _without_quotes_above(path: Path, to: Path, text: str, n_lines: int) -> str:
    """Write a text again without the quotes in its first lines; the same of its beginning."""
    with path.open(encoding="utf-8-sig", newline="") as read, to.open("w", encoding="utf-8", newline="") as write:
        write.writelines(line.replace('"', "") for line in islice(read, n_lines))
        shutil.copyfileobj(read, write)
    head = list(io.StringIO(text, newline=""))
    return "".join([*(line.replace('"', "") for line in head[:n_lines]), *head[n_lines:]])


def _dialect(text: str) -> tuple[str, str, str, int]:
    """Delimiter, quote, escape, and how many records stand before the table for sure.

    The delimiter is the one under which headers are known, else what CleverCSV finds; a file of one column has none.
    """
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        return first.strip()[4], '"', _escape(rest, first.strip()[4], '"'), 1
    best: tuple[int, str] = (0, "")
    for delimiter in _DELIMITERS:
        records = list(_head(text, delimiter, '"', '"', whole=False))
        known = max((n_known(record) for record in records if len(record) > 1), default=0)
        if known >= 3 or _is_table(records):
            best = max(best, (known, delimiter), key=lambda found: found[0])
    if best[0] >= 3:
        return best[1], '"', _escape(text, best[1], '"'), 0
    if best[0] == 0 and n_known([first.strip().strip('"')]):
        return NO_DELIMITER, '"', '"', 0
    import clevercsv

    try:
        dialect = clevercsv.Detector().detect(text, delimiters=list(best[1]) or None)
    except clevercsv.Error:
        dialect = None
    if dialect is None or not dialect.delimiter or dialect.delimiter.isalnum() or dialect.delimiter in "\r\n @._-":
        delimiter, quote = best[1] or ",", '"'
    else:
        delimiter, quote = dialect.delimiter, dialect.quotechar or '"'
    escape = _escape(text, delimiter, quote)
    if delimiter not in first and not _is_table(
        list(_head(text, delimiter, quote, escape, whole=text.endswith(("\n", "\r"))))
    ):
        return NO_DELIMITER, '"', '"', 0
    return delimiter, quote, escape, 0


def _is_table(records: Sequence[Sequence[str]]) -> bool:
    """Whether more than half of the records that are split at all have the same number of cells."""
    widths = Counter(len(record) for record in records if len(record) > 1)
    return bool(widths) and 2 * widths.most_common(1)[0][1] > widths.total()


def _escape(text: str, delimiter: str, quote: str) -> str:
    """A backslash where only that makes sense of the quotes, else the quote itself."""
    if f"\\{quote}" not in text:
        return quote
    for escape in (quote, "\\"):
        try:
            n_cells = {
                len(record) for record in csv.reader(io.StringIO(text, newline=""), **style(delimiter, quote, escape))
            }
        except csv.Error:
            continue
        if len(n_cells) <= 2:  # the last record may be cut off
            return escape
    return quote


def style(delimiter: str, quote: str, escape: str, *, strict: bool = True) -> dict[str, Any]:
    """The arguments of `csv.reader` for a dialect."""
    doubled = escape == quote
    return {
        "delimiter": delimiter,
        "quotechar": quote,
        "doublequote": doubled,
        "escapechar": None if doubled else escape,
        "strict": strict,
    }


def _head(text: str, delimiter: str, quote: str, escape: str, *, whole: bool) -> Iterator[list[str]]:
    """The first records of a text that may end in the middle of one."""
    records: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(text, newline=""), **style(delimiter, quote, escape, strict=False)):
            records.append([put_right(cell.replace(FOREIGN, "")) for cell in record])
            if len(records) > 60:
                break
    except csv.Error:
        pass
    return iter(records if whole or len(records) < 2 or len(records) > 60 else records[:-1])


def _header(
    records: Sequence[Sequence[str]], expected: Sequence[str], name: str, *, after: int = 0
) -> tuple[int, tuple[str, ...]]:
    """The record that holds the header: the one with most known names, else the first that is as wide as the rest."""
    wanted = {normal(header) for header in expected}
    n_cells = max((len(record) for record in records[after:]), default=0)
    no_header = tuple(f"column {number}" for number in range(1, n_cells + 1))
    if any(NO_HEADER.fullmatch(header) for header in wanted):
        return 0, no_header
    best, row = 0, 0
    filled = [sum(bool(cell.strip()) for cell in record) for record in records]  # a title may be padded
    scores = [_n_names(record, wanted) for record in records]
    for number, score in enumerate(scores, start=1):
        if number > after and score > best and (wanted or filled[number - 1] > 1):
            best, row = score, number
    widest = max(filled[after:], default=0)
    wide = next((n for n, width in enumerate(filled, start=1) if n > after and width >= max(2, widest * 0.8)), 0)
    if 0 < wide < row and (best < scores[wide - 1] + 2 or 2 * best < filled[row - 1]):
        # A value may read like a name: a source "Email", a sector "Industry". The first wide record gives way only to
        # one that clearly holds names.
        row = wide
    if row == 0:
        row = wide
    if row == 0:
        row = next((n for n, r in enumerate(records, start=1) if n > after and any(cell.strip() for cell in r)), 0)
    if row == 0:
        raise WorkbenchError(f"{name} holds no header and no rows: export it again, as CSV or XLSX.")
    if wanted == {ROW_NUMBER} and scores[row - 1] == 0 and is_record(records[row - 1]):
        return 0, no_header
    if len(records[row - 1]) > MOST_COLUMNS:
        raise WorkbenchError(
            f"{name} has {len(records[row - 1]):,} columns, more than {MOST_COLUMNS:,}: "
            "export only the properties that are needed."
        )
    return row, tuple(cell.strip() for cell in records[row - 1])


def _open_sheet(path: Path, workplace: Path, name: str, expected: Sequence[str]) -> Source:
    if zipfile.is_zipfile(path):
        _check_size(path, name)
    try:
        sheets = write_rows(path, workplace)
    except PermissionError as error:
        raise WorkbenchError(f"{name} is protected by a password: save it without one and load it again.") from error
    except ValueError as error:
        raise WorkbenchError(
            f"{name} cannot be read as a spreadsheet ({error}): open it, save it as XLSX and load it again."
        ) from error
    if not sheets:
        raise WorkbenchError(f"{name} has no filled cell: export it again, as CSV or XLSX.")
    csv.field_size_limit(sys.maxsize)
    wanted = {normal(header) for header in expected}
    taken = max(sheets, key=lambda sheet: (sheet.n_filled > 1, not sheet.hidden, _most_known(sheet, wanted)))
    left_out = tuple(
        (
            f"{name}/{sheet.name}",
            f"{name}/{sheet.name} is {'a hidden' if sheet.hidden else 'another'} sheet, {taken.name!r} was read: save "
            "it as a file of its own to import it too.",
        )
        for sheet in sheets
        if sheet is not taken
    )
    sheet_text = workplace / "sheet.csv"
    with (
        taken.rows.open(encoding="utf-8", newline="") as read,
        sheet_text.open("w", encoding="utf-8", newline="") as to,
    ):
        records = csv.reader(read)
        head = [record[1:] for record in islice(records, 60)]
        header_row, headers = _header(head, expected, name)
        write = csv.writer(to, lineterminator="\n", quoting=csv.QUOTE_ALL)
        write.writerow(["_row", *headers])
        numbered = ([str(number), *row] for number, row in enumerate(head, start=1))
        write.writerows(chain(islice(numbered, header_row, None), records))
    for sheet in sheets:
        sheet.rows.unlink()
    return Source(
        name=name,
        readable=sheet_text,
        format=path.suffix[1:].upper(),
        encoding="utf-8",
        delimiter=",",
        quote='"',
        escape='"',
        headers=headers,
        header_row=header_row,
        numbered=True,
        left_out=left_out,
    )


def _most_known(sheet: Sheet, wanted: set[str]) -> int:
    """How many names the record of a sheet's head has that has most."""
    with sheet.rows.open(encoding="utf-8", newline="") as read:
        return max(_n_names(record[1:], wanted) for record in islice(csv.reader(read), 60))


def _n_names(record: Sequence[str], wanted: set[str]) -> int:
    """How many cells are names of properties, or of columns that a mapping names: those count for three."""
    return n_known(record) + 2 * sum(normal(cell) in wanted for cell in record)


def _check_size(path: Path, name: str) -> None:
    """A spreadsheet is packed: one that would fill the memory is refused before it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            n_bytes = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # said by who reads it
    if n_bytes > _most(path.stat().st_size):
        raise WorkbenchError(
            f"{name} grows to {n_bytes / 1e6:,.0f} MB when it is unpacked, no export does: export it again, as CSV."
        )


def _most(packed_size: int) -> int:
    """Bytes that a packed export may have unpacked."""
    return min(_MOST_UNPACKED, max(_MOST_RATIO * packed_size, 1 << 24))
