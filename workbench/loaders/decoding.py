"""From bytes to UTF-8: how a text is encoded, and letters that were decoded wrongly."""

from __future__ import annotations

import codecs
import io
import re
from pathlib import Path

from workbench.errors import WorkbenchError

SAMPLE_BYTES = 65_536
_BLOCK = 1 << 22  # bytes
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
MIXED = "utf-8 and cp1252"
FOREIGN = "\ufdd0"
"""Stands before letters that were read as Windows-1252 in a text that is UTF-8: no text has this character."""
INVISIBLE = "\ufeff\u200b\u2060"
_CONTROLS = bytes(byte for byte in range(32) if byte not in (9, 10, 12, 13, 28, 29, 30, 31))
_SUSPECT = (
    *((b"\x83", b"\xc3\x83"), (b"\x82", b"\xc3\x82\xc2"), (b"\x82", b"\xc3\xa2\xe2\x82\xac")),
    (b"\xbd", "\ufffd".encode()),
)
"""How UTF-8 begins that was read as Windows-1252 and written again, and a lost letter; each with a rare byte to look
for first."""


def encoding_of(path: Path, head: bytes, name: str) -> tuple[str, bool]:
    """The encoding of a text that begins with `head`, and whether it has to be looked at row by row.

    Raises WorkbenchError where it is no text.
    """
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
    is_utf8, suspect = looked_through(path)
    if not is_utf8:  # a mark at the beginning promises UTF-8, what follows decides
        return _not_utf8(path), suspect
    return ("utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"), suspect


def looked_through(path: Path) -> tuple[bool, bool]:
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
    return MIXED if n_utf8 > n_others else _code_page(bytes(found))


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


def rewrite_as_utf8(path: Path, encoding: str, to: Path, name: str) -> None:
    """Write a text again as UTF-8, without marks. Raises WorkbenchError where it is not in this encoding."""
    errors = "strict" if encoding.startswith("utf") else "replace"
    if encoding == MIXED:
        encoding, errors = "utf-8", "workbench.western"
    try:
        with path.open("rb") as stream, to.open("w", encoding="utf-8", newline="") as write:
            if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
                stream.seek(0)
            read = io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")
            write.write(read.read(1 << 20).lstrip(INVISIBLE))
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
