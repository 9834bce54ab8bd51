"""One prompt of a file, with the place of each of its characters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Quoting(StrEnum):
    """How the text of a prompt is written in its file."""

    PLAIN = "plain"
    JSON = "json"
    #: A quotation mark is written twice.
    CSV = "csv"
    #: An apostrophe is written twice.
    YAML_SINGLE = "yaml_single"


@dataclass(frozen=True, kw_only=True)
class FilePlace:
    """A place in a file: line and column from 1, in Unicode code points. A byte order mark has no column."""

    line: int
    column: int


@dataclass(frozen=True, kw_only=True)
class LintPrompt:
    """A prompt, and the part of the file (`chunk`) that it was read from."""

    text: str
    chunk: str
    #: Place of the first character of the chunk.
    start: FilePlace
    #: For each character of `text`, its index in `chunk`, and one more entry for the end.
    offsets: Sequence[int]
    quoting: Quoting = Quoting.PLAIN
    #: Whether `offsets` are known for each character. If not, all are the start of the prompt.
    exact: bool = True

    def place_of(self, index: int) -> FilePlace:
        """The place in the file of one character of the text."""
        offset = self.offsets[index]
        lines = self.chunk.count("\n", 0, offset)
        if not lines:
            return FilePlace(line=self.start.line, column=self.start.column + offset)
        return FilePlace(line=self.start.line + lines, column=offset - self.chunk.rfind("\n", 0, offset))

    def written(self, text: str) -> str:
        """A replacement as it is written at this place of the file."""
        return _WRITERS[self.quoting](text, self.chunk)


@dataclass(frozen=True, kw_only=True)
class UnreadPart:
    """A part of a file that could not be read as prompts. `reason`: key of the message."""

    line: int
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)


class FileNotRead(Exception):
    """The rest of a file cannot be read. Not in the error tree: the file gets a finding, others go on."""

    def __init__(self, line: int, reason: str, **values: Any) -> None:
        super().__init__(reason)
        self.part = UnreadPart(line=line, reason=reason, values=values)


def _write_json(text: str, chunk: str) -> str:
    return json.dumps(text, ensure_ascii=chunk.isascii())[1:-1]


_WRITERS: Mapping[Quoting, Callable[[str, str], str]] = {
    Quoting.PLAIN: lambda text, _chunk: text,
    Quoting.JSON: _write_json,
    Quoting.CSV: lambda text, _chunk: text.replace('"', '""'),
    Quoting.YAML_SINGLE: lambda text, _chunk: text.replace("'", "''"),
}
