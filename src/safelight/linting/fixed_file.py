"""Writes the edits of one file. Elsewhere it stays byte for byte, and it must then have the new prompts."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass

from safelight.core.fileio import write_atomic

from .lint_prompt import LintPrompt
from .prompt_file import PromptFile, read_prompts
from .synonym_fixer import FileFix, NotWritable, apply_line_edits, replace_lines


@dataclass(frozen=True, kw_only=True)
class ChangedLine:
    """One line before and after, without its line feed."""

    number: int
    before: str
    after: str


def rewrite(file: PromptFile, fix: FileFix, field: str, *, write: bool) -> list[ChangedLine]:
    """The changed lines; with `write`, the file is replaced in one step and keeps its permissions.

    Raises `NotWritable` if the file has changed since it was read or would not contain the new prompts, and
    `OSError`.
    """
    # The file behind a link is replaced, and not the link.
    path = file.path.resolve()
    data = path.read_bytes()
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    text = data[len(mark) :].decode("utf-8")
    changed = [
        ChangedLine(number=number, before=before, after=after)
        for number, before, after in apply_line_edits(text, fix.edits)
    ]
    written = replace_lines(text, {line.number: line.after for line in changed}).encode("utf-8")
    _require_same(file, data, mark + written, fix, field)
    if write and changed:
        mode = path.stat().st_mode & 0o7777
        write_atomic(path, mark + written, mode=mode)
        path.chmod(mode)
    return changed


def _require_same(file: PromptFile, before: bytes, after: bytes, fix: FileFix, field: str) -> None:
    """Raises `NotWritable` unless the prompts after the edits are those before, with the replacements."""
    old, new = (
        [
            one.text if isinstance(one, LintPrompt) else ""
            for one in read_prompts(io.BytesIO(data), file.format, field)
        ]
        for data in (before, after)
    )
    if new != [fix.prompts.get(number, text) for number, text in enumerate(old)]:
        raise NotWritable
