"""Files of prompts: finds them in folders, and reads the prompts of one with constant memory."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from .lint_prompt import FileNotRead, LintPrompt, UnreadPart
from .record_prompts import read_csv, read_jsonl
from .text_prompts import read_markdown, read_text
from .yaml_prompts import read_yaml

#: Most bytes of one line. A longer one would fill the memory, and no prompt is so long.
MAX_LINE_BYTES = 4 << 20
#: Most bytes of a YAML file, which is parsed as a whole.
MAX_YAML_BYTES = 64 << 20


class PromptFormat(StrEnum):
    """How prompts are written in a file."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSONL = "jsonl"
    YAML = "yaml"
    CSV = "csv"


ENDINGS = {
    ".txt": PromptFormat.TEXT,
    ".md": PromptFormat.MARKDOWN,
    ".markdown": PromptFormat.MARKDOWN,
    ".jsonl": PromptFormat.JSONL,
    ".ndjson": PromptFormat.JSONL,
    ".yaml": PromptFormat.YAML,
    ".yml": PromptFormat.YAML,
    ".csv": PromptFormat.CSV,
    ".tsv": PromptFormat.CSV,
}


@dataclass(frozen=True, kw_only=True)
class PromptFile:
    """One file to read. `format`: None if its ending is not known."""

    path: Path
    format: PromptFormat | None
    #: Whether the user named the file itself, and not a folder that it is in.
    named: bool = False

    def read(self, field: str) -> Iterator[LintPrompt | UnreadPart]:
        """The prompts, and the parts that cannot be read. Raises no error for a bad file."""
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):
                raise FileNotRead(1, "not_a_file")
            with self.path.open("rb") as stream:
                yield from read_prompts(stream, self.format, field)
        except OSError as error:
            yield UnreadPart(line=1, reason="not_opened", values={"why": error.strerror or ""})
        except FileNotRead as error:
            yield error.part


def read_prompts(
    stream: BinaryIO, kind: PromptFormat | None, field: str
) -> Iterator[LintPrompt | UnreadPart]:
    """The prompts of a stream, one after another, and the parts that cannot be read."""
    if kind is None:
        yield UnreadPart(line=1, reason="unknown_ending", values={"endings": ", ".join(ENDINGS)})
        return
    try:
        lines = _lines(stream)
        match kind:
            case PromptFormat.TEXT:
                yield from read_text(lines)
            case PromptFormat.MARKDOWN:
                yield from read_markdown(lines)
            case PromptFormat.JSONL:
                yield from read_jsonl(lines, field)
            case PromptFormat.CSV:
                yield from read_csv(lines, field)
            case PromptFormat.YAML:
                yield from read_yaml(_whole(lines), field)
    except FileNotRead as error:
        yield error.part


def _lines(stream: BinaryIO) -> Iterator[str]:
    """The lines with their ends, without a byte order mark. Raises `FileNotRead`."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if len(line) > MAX_LINE_BYTES:
            raise FileNotRead(number, "line_too_long")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise FileNotRead(number, "not_utf8") from None
        if "\0" in text:
            raise FileNotRead(number, "binary")
        yield text


def _whole(lines: Iterable[str]) -> str:
    parts, size = [], 0
    for number, line in enumerate(lines, start=1):
        parts.append(line)
        size += len(line)
        if size > MAX_YAML_BYTES:
            raise FileNotRead(number, "file_too_long")
    return "".join(parts)


def find_files(path: Path, kind: PromptFormat | None) -> Iterator[PromptFile]:
    """The file, or the files below a folder that have a known ending, in the order of their names.

    `kind` is the format of a file that is named itself. Hidden files and folders below a folder, and links to
    folders, are left out.
    """
    if not path.is_dir():
        yield PromptFile(path=path, format=kind or ENDINGS.get(path.suffix.lower()), named=True)
        return
    unread: list[OSError] = []
    for folder, folders, names in os.walk(path, onerror=unread.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            found = ENDINGS.get(Path(name).suffix.lower())
            if found and not name.startswith("."):
                yield PromptFile(path=Path(folder, name), format=found)
    # A folder that cannot be listed gets a finding as well.
    yield from (PromptFile(path=Path(error.filename), format=None) for error in unread)
