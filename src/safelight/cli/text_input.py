"""Text that a person gives a command in a file or through a pipe."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path

from safelight.core.errors import InvalidField, NotFound

#: What editors write in front of a text: UTF-16, as Windows saves it, and UTF-8.
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF8: "utf-8"}


def read_text(file: Path | None, *, param: str, limit: int = -1) -> str:
    """The text of a file, or of standard input if it is None; at most `limit` bytes of it.

    Raises `NotFound` if the file is unreadable, and `InvalidField` if it is neither UTF-8 nor UTF-16 with a
    byte order mark: read in another encoding, harmful words would be other words.
    """
    if file is None:
        data = sys.stdin.buffer.read(limit)
    else:
        try:
            with file.open("rb") as opened:
                data = opened.read(limit)
        except OSError as error:
            raise NotFound(f"{file} cannot be read: {error.strerror}.") from error
    mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
    decoder = codecs.getincrementaldecoder(_MARKS.get(mark, "utf-8"))()
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
