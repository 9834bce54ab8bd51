"""Text that a person gives a command in a file or through a pipe."""

from __future__ import annotations

import codecs
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from safelight.core.errors import InvalidField, NotFound

#: What editors write in front of a text: UTF-16, as Windows saves it, and UTF-8.
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF8: "utf-8"}
#: Most characters of one line of `read_lines`. A longer one would fill the memory, and no prompt is so long.
MAX_LINE_CHARACTERS = 1 << 20
#: What is no text: surrogates that stand for bytes in another encoding, and zeros.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def read_text(file: Path | None, *, param: str, limit: int = -1) -> str:
    """The text of a file, or of standard input if it is None; at most `limit` bytes of it.

    Raises `NotFound` if the file is unreadable, and `InvalidField` if it is neither UTF-8 nor UTF-16 with a
    byte order mark: read in another encoding, harmful words would be other words.
    """
    if file is None:
        data = sys.stdin.buffer.read(limit)
    else:
        with _open(file) as opened:
            data = opened.read(limit)
    mark, encoding = _encoding_of(data)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        # The limit may cut a character in two.
        text = decoder.decode(data[len(mark) :], final=len(data) != limit)
    except UnicodeDecodeError:
        text = "\0"
    # UTF-16 without a mark is often UTF-8 with zeros between the letters.
    if "\0" in text:
        sentence = f"{file} is not UTF-8 text." if file else "Standard input is not UTF-8 text."
        raise InvalidField(sentence, param=param, remedy="Save the file with the encoding UTF-8.")
    return text


def read_lines(file: Path, *, param: str) -> Iterator[str]:
    """The lines of a file with their ends, read one by one, in the encodings of `read_text`.

    Raises the errors of `read_text`, for a line when it is reached.
    """
    with _open(file) as opened:
        mark, encoding = _encoding_of(opened.peek(3))
        opened.read(len(mark))
        lost = "surrogateescape" if encoding == "utf-8" else "surrogatepass"
        text = io.TextIOWrapper(opened, encoding, lost, newline="")
        for number in count(1):
            try:
                line = text.readline(MAX_LINE_CHARACTERS + 1)
            except UnicodeDecodeError:
                line = "\0"
            if not line:
                return
            if _NO_TEXT.search(line):
                raise InvalidField(
                    f"Line {number} of {file} is not UTF-8 text. It and the lines after it were not read.",
                    param=param,
                    remedy="Save the file with the encoding UTF-8.",
                )
            if len(line) > MAX_LINE_CHARACTERS:
                raise InvalidField(
                    f"Line {number} of {file} has more than {MAX_LINE_CHARACTERS:,} characters. "
                    "It and the lines after it were not read.",
                    param=param,
                )
            yield line


def _encoding_of(start: bytes) -> tuple[bytes, str]:
    """The byte order mark that a text begins with, which may be empty, and its encoding."""
    mark = next((mark for mark in _MARKS if start.startswith(mark)), b"")
    return mark, _MARKS.get(mark, "utf-8")


@contextmanager
def _open(file: Path) -> Iterator[io.BufferedReader]:
    try:
        with file.open("rb") as opened:
            yield opened
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}.") from error
