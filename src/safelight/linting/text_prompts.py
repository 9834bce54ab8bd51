"""Prompts in text files (one per line) and in Markdown (code blocks that are marked as prompts)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .lint_prompt import FileNotRead, FilePlace, LintPrompt

#: The first word behind the fence of a code block that contains a prompt.
MARK = "prompt"
#: Most characters of one code block, so that a fence that is never closed does not fill the memory.
MAX_BLOCK_CHARACTERS = 1 << 20
_FENCE = re.compile(r"[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\r\n]*)")


def read_text(lines: Iterable[str]) -> Iterator[LintPrompt]:
    """Each line that is not blank."""
    for number, line in enumerate(lines, start=1):
        if prompt := _whole(line, number):
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
            if prompt := _whole("".join(block), first):
                yield prompt
        elif is_prompt:
            block.append(line)
            size += len(line)
            if size > MAX_BLOCK_CHARACTERS:
                raise FileNotRead(first, "block_too_long")
    # By CommonMark, a block that is not closed ends with the file.
    if fence and (prompt := _whole("".join(block), first)):
        yield prompt


def _whole(chunk: str, line: int) -> LintPrompt | None:
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
