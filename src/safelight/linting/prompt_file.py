"""Files of prompts: finds them in folders, and reads the prompts of one with constant memory."""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import yaml
from yaml.resolver import Resolver

from safelight.core.yaml_loader import Loader
from safelight_client.batch.rows import EXCEL_DELIMITER

from .lint_prompt import FileNotRead, FilePlace, LintPrompt, Quoting, UnreadPart

# Prompts in JSON lines and in CSV, with the place of each character behind escapes and quotes.

#: Most characters of one CSV row. With a quote that is never closed, the rest of the file would be one row.
MAX_ROW_CHARACTERS = 1 << 20
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BEFORE_VALUE = re.compile(r"\s*:\s*")
#: One character of a JSON string as it is written: a pair of surrogates, an escape, or itself.
_JSON_LETTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)
_CSV_LETTER = re.compile(r'""|.', re.DOTALL)
#: The rest of a quoted cell. A quote in it is written twice.
_QUOTED_REST = re.compile(r'(?:[^"]|"")*"(?!")')


def read_jsonl(lines: Iterable[str], field: str) -> Iterator[LintPrompt | UnreadPart]:
    """The strings with this name, at any depth of the object of each line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            json.loads(line)
        except (ValueError, RecursionError):
            yield UnreadPart(line=number, reason="not_json")
            continue
        yield from _json_values(line, number, field)


def _json_values(line: str, number: int, field: str) -> Iterator[LintPrompt | UnreadPart]:
    # In valid JSON, a string before a colon is a name.
    for name in _STRING.finditer(line):
        colon = _BEFORE_VALUE.match(line, name.end())
        if colon is None or json.loads(name.group()) != field:
            continue
        value = _STRING.match(line, colon.end())
        if value is None:
            yield UnreadPart(line=number, reason="not_text", values={"field": field})
            continue
        text = json.loads(value.group())
        if text.strip():
            raw, start = value.group()[1:-1], value.start() + 1
            yield LintPrompt(
                text=text,
                chunk=line,
                start=FilePlace(line=number, column=1),
                offsets=_offsets(raw, start, _JSON_LETTER if "\\" in raw else None),
                quoting=Quoting.JSON,
            )


def read_csv(lines: Iterable[str], field: str) -> Iterator[LintPrompt | UnreadPart]:
    """The cells of the column with this name. The first row has the names of the columns.

    A row that has more cells than the first one, or stray quotes, is an `UnreadPart`.
    Raises `FileNotRead` if the column does not exist, and at broken quotes, because the rows after them would
    be read in the wrong columns.
    """
    numbered = enumerate(lines, start=1)
    number, line = next(numbered, (1, ""))
    if not line:
        return
    # Excel writes the delimiter into a line of its own.
    named = EXCEL_DELIMITER.fullmatch(line)
    delimiter = named[1] if named else max(",;\t", key=line.count)
    if named:
        number, line = next(numbered, (number, ""))
    header = next(_rows(chain([(number, line)], numbered), delimiter))
    names = [_cell(header.text, cell)[0].strip() for cell in header.cells]
    if field not in names:
        raise FileNotRead(number, "no_column", field=field, columns=", ".join(names)[:200])
    column = names.index(field)
    for row in _rows(numbered, delimiter):
        if column >= len(row.cells):
            if row.text.strip():
                yield UnreadPart(line=row.line, reason="few_cells", values={"field": field})
            continue
        # With a comma or a quote that is not quoted, a part of the prompt would be read as another cell.
        if any(row.text[start:end].strip() for start, end in row.cells[len(names) :]):
            yield UnreadPart(line=row.line, reason="many_cells")
            continue
        if any(map(_has_stray_quote, (row.text[start:end] for start, end in row.cells))):
            yield UnreadPart(line=row.line, reason="stray_quote")
            continue
        cell = row.cells[column]
        text, offsets = _cell(row.text, cell)
        if text.strip():
            yield LintPrompt(
                text=text,
                chunk=row.text,
                start=FilePlace(line=row.line, column=1),
                offsets=offsets,
                quoting=Quoting.CSV if row.text.startswith('"', cell[0]) else Quoting.PLAIN,
            )


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One row of CSV: its first line, and the ranges of its cells with their quotes."""

    text: str
    line: int
    cells: list[tuple[int, int]]


def _rows(numbered: Iterator[tuple[int, str]], delimiter: str) -> Iterator[_Row]:
    """The rows. A quoted cell may have line ends. Raises `FileNotRead` at broken quotes."""
    bare = re.compile(f"[^{delimiter}\r\n]*")
    for first, line in numbered:
        row, cells, base = [line], list[tuple[int, int]](), 0
        start = position = 0
        is_quoted = False
        while True:
            if not is_quoted and line.startswith('"', position):
                start, position, is_quoted = base + position, position + 1, True
            elif not is_quoted:
                start = base + position
            found = (_QUOTED_REST if is_quoted else bare).match(line, position)
            if found is None:
                base += len(line)
                line = next(numbered, (0, ""))[1]
                if not line or base > MAX_ROW_CHARACTERS:
                    raise FileNotRead(first, "broken_quotes")
                row.append(line)
                position = 0
                continue
            end, is_quoted = found.end(), False
            cells.append((start, base + end))
            if not line.startswith(delimiter, end):
                break
            position = end + 1
        if line[end : end + 1] not in ("", "\r", "\n"):
            raise FileNotRead(first, "broken_quotes")
        yield _Row(text="".join(row), line=first, cells=cells)


def _has_stray_quote(cell: str) -> bool:
    """Whether a cell that is not quoted has a quote that may belong to text behind the next separator."""
    return not cell.startswith('"') and (cell.lstrip().startswith('"') or cell.count('"') % 2 == 1)


def _cell(row: str, cell: tuple[int, int]) -> tuple[str, Sequence[int]]:
    """The text of a cell, and the index in the row of each of its characters."""
    start, end = cell
    raw = row[start:end]
    if not raw.startswith('"'):
        return raw, range(start, end + 1)
    inner = raw[1:-1]
    return inner.replace('""', '"'), _offsets(inner, start + 1, _CSV_LETTER if '""' in inner else None)


def _offsets(raw: str, start: int, letter: re.Pattern[str] | None) -> Sequence[int]:
    """The index of each character, and of the end. `letter`: how one is written, if not always as itself."""
    if letter is None:
        return range(start, start + len(raw) + 1)
    return [*(start + found.start() for found in letter.finditer(raw)), start + len(raw)]


# Prompts in YAML: the values of one key, at any depth, with the place of each character if it is known.

#: Finds out what an unquoted value is: text, a number, null and so on.
_RESOLVER: Any = Resolver()
_TEXT_TAG = "tag:yaml.org,2002:str"
#: Most lists and objects within each other. No file of prompts has more, and the parser keeps all of them.
MAX_DEPTH = 100


@dataclass
class _Level:
    """A list or an object that the parser is in."""

    is_mapping: bool
    #: The key whose value comes next; None if a key comes next.
    key: str | None = None

    def advance(self, key: str | None) -> None:
        """Go on after a key, or after a value if there was a key."""
        self.key = key if self.is_mapping and self.key is None else None


def read_yaml(text: str, field: str) -> Iterator[LintPrompt | UnreadPart]:
    """The values of this key that are text. Raises `FileNotRead` where the file is not YAML."""
    levels: list[_Level] = []
    try:
        for event in yaml.parse(text, Loader=Loader):
            if isinstance(event, yaml.CollectionEndEvent):
                levels.pop()
            if not isinstance(event, yaml.NodeEvent):
                continue
            level = levels[-1] if levels else _Level(is_mapping=False)
            if level.is_mapping and level.key == field:
                found = _value(text, event, field)
                if found is not None:
                    yield found
            level.advance(event.value if isinstance(event, yaml.ScalarEvent) else "")
            if isinstance(event, yaml.CollectionStartEvent):
                if len(levels) >= MAX_DEPTH:
                    raise FileNotRead(_start(event).line + 1, "too_deep")
                levels.append(_Level(is_mapping=isinstance(event, yaml.MappingStartEvent)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise FileNotRead(mark.line + 1 if mark else 1, "not_yaml") from None


def _start(event: yaml.Event) -> Any:
    """The place where an event starts. The parser sets it for every event of a text."""
    return event.start_mark


def _value(text: str, event: yaml.NodeEvent, field: str) -> LintPrompt | UnreadPart | None:
    start = _start(event)
    line = start.line + 1
    if not isinstance(event, yaml.ScalarEvent):
        reason = "alias" if isinstance(event, yaml.AliasEvent) else "not_text"
        return UnreadPart(line=line, reason=reason, values={"field": field})
    if not event.value.strip():
        return None
    if event.implicit[0] and _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False)) != _TEXT_TAG:
        return UnreadPart(line=line, reason="not_text", values={"field": field})
    chunk = text[start.index : event.end_mark.index if event.end_mark else None]
    offsets = _align(chunk, event.value, event.style or "")
    return LintPrompt(
        text=event.value,
        chunk=chunk,
        start=FilePlace(line=line, column=start.column + 1),
        offsets=offsets or [0] * (len(event.value) + 1),
        quoting=Quoting.YAML_SINGLE if event.style == "'" else Quoting.PLAIN,
        exact=offsets is not None,
    )


def _align(chunk: str, value: str, style: str) -> list[int] | None:
    """The index in the chunk of each character of the value, and of the end; None if escapes hide them.

    Folding and indentation change only white space, so the other characters are the same in both.
    """
    first, end = 0, len(chunk)
    if style in ("'", '"'):
        first, end = 1, end - 1
    elif style in ("|", ">"):
        first = chunk.find("\n") + 1
    places, index = [], first
    while index < end:
        if not chunk[index].isspace():
            places.append(index)
            index += chunk[index] == "'" == style
        index += 1
    if [chunk[place] for place in places] != [letter for letter in value if not letter.isspace()]:
        return None
    offsets, position, unused = list[int](), first, iter(places)
    for letter in value:
        position = position if letter.isspace() else next(unused)
        offsets.append(position)
        position += 1
    return [*offsets, position]


# Prompts in text files (one per line) and in Markdown (code blocks that are marked as prompts).

#: The first word behind the fence of a code block that contains a prompt.
MARK = "prompt"
#: Most characters of one code block, so that a fence that is never closed does not fill the memory.
MAX_BLOCK_CHARACTERS = 1 << 20
_FENCE = re.compile(r"[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\r\n]*)")


def read_text(lines: Iterable[str]) -> Iterator[LintPrompt]:
    """Each line that is not blank."""
    for number, line in enumerate(lines, start=1):
        if prompt := _prompt_of_chunk(line, number):
            yield prompt


def read_markdown(lines: Iterable[str]) -> Iterator[LintPrompt]:
    """The code blocks whose fence is followed by `prompt`. Raises `FileNotRead` for one that is too long."""
    fence, first, block = "", 0, list[str]()
    size = 0
    for number, line in enumerate(lines, start=1):
        found = _FENCE.match(line)
        if not fence:
            if found and "`" not in found["info"]:
                fence, first, block, size = found["fence"], number + 1, [], 0
                is_prompt = found["info"].split()[:1] == [MARK]
        elif found and not found["info"].strip() and found["fence"].startswith(fence):
            fence = ""
            if prompt := _prompt_of_chunk("".join(block), first):
                yield prompt
        elif is_prompt:
            block.append(line)
            size += len(line)
            if size > MAX_BLOCK_CHARACTERS:
                raise FileNotRead(first, "block_too_long")
    # By CommonMark, a block that is not closed ends with the file.
    if fence and (prompt := _prompt_of_chunk("".join(block), first)):
        yield prompt


def _prompt_of_chunk(chunk: str, line: int) -> LintPrompt | None:
    """The chunk without the space around it; None if nothing is left."""
    text = chunk.strip()
    if not text:
        return None
    start = len(chunk) - len(chunk.lstrip())
    return LintPrompt(
        text=text,
        chunk=chunk,
        start=FilePlace(line=line, column=1),
        offsets=range(start, start + len(text) + 1),
    )


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
