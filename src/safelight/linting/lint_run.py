"""One lint run: reads the files, lints their prompts, and plans and writes the replacements."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from .fixed_file import ChangedLine, rewrite
from .lint_finding import LintFinding, LintLevel, LintRule, LintSummary
from .lint_prompt import LintPrompt, UnreadPart
from .prompt_file import PromptFile, PromptFormat, read_prompts
from .prompt_linter import PromptLinter
from .synonym_fixer import FileFix, NotWritable, SynonymFixer


class FixMode(StrEnum):
    """What happens to light synonyms."""

    OFF = "off"
    #: The changes are only shown.
    SHOW = "show"
    WRITE = "write"


@dataclass(frozen=True, kw_only=True)
class LintTask:
    """How all files of a run are read and fixed."""

    field: str
    fix: FixMode = FixMode.OFF
    #: Called with the changed lines of a file.
    show_changes: Callable[[str, list[ChangedLine]], None] = lambda _file, _lines: None


class LintRun:
    """Lints files one after another, and counts. Keeps no prompt longer than its file is open."""

    def __init__(self, linter: PromptLinter, task: LintTask) -> None:
        self._linter = linter
        self._task = task
        self._fixer = SynonymFixer(linter.check)
        self.summary = LintSummary()

    def lint_file(self, file: PromptFile) -> Iterator[LintFinding]:
        """The findings of one file."""
        fix = FileFix() if self._task.fix is not FixMode.OFF else None
        is_read = yield from self._lint(str(file.path), file.read(self._task.field), fix)
        if not is_read and file.format is not None:
            yield self._count(self._no_prompts(str(file.path), file.format, named=file.named))
        if fix and fix.edits:
            yield from self._rewrite(file, fix)

    def lint_stream(self, name: str, stream: BinaryIO, kind: PromptFormat) -> Iterator[LintFinding]:
        """The findings of a stream, such as standard input. It cannot be fixed."""
        is_read = yield from self._lint(name, read_prompts(stream, kind, self._task.field), None)
        if not is_read:
            yield self._count(self._no_prompts(name, kind, named=True))

    def no_files(self, folder: str) -> LintFinding:
        """The finding of a folder without files that can be read, so that nothing was checked."""
        return self._count(self._linter.no_files(folder))

    def _no_prompts(self, name: str, kind: PromptFormat, *, named: bool) -> LintFinding:
        level = LintLevel.ERROR if named else LintLevel.NOTE
        return self._linter.no_prompts(name, kind.value, self._task.field, level)

    def _lint(
        self, name: str, items: Iterable[LintPrompt | UnreadPart], fix: FileFix | None
    ) -> Generator[LintFinding, None, bool]:
        """The findings of all prompts and unread parts. Returns whether there were any."""
        self.summary.files += 1
        number = -1
        prompts_before = self.summary.prompts
        for number, item in enumerate(items):
            if isinstance(item, UnreadPart):
                yield self._count(self._linter.unread(name, item))
                continue
            self.summary.prompts += 1
            found, checked = self._linter.lint(name, item)
            yield from map(self._count, found)
            if fix is None or checked is None:
                continue
            try:
                planned = self._fixer.plan(item, checked)
            except NotWritable:
                note = self._linter.note(
                    name, LintRule.NOT_FIXED, "not_fixed.written", place=item.place_of(0)
                )
                yield self._count(note)
            else:
                if planned:
                    fix.prompts[number] = planned[0]
                    fix.edits += planned[1]
        required = self._linter.template_required(name)
        if required is not None and self.summary.prompts > prompts_before:
            yield self._count(required)
        return number >= 0

    def _rewrite(self, file: PromptFile, fix: FileFix) -> Iterator[LintFinding]:
        name = str(file.path)
        if file.path.is_symlink() and not file.named:
            # It may be a link to any file outside the folder.
            yield self._count(self._linter.note(name, LintRule.NOT_FIXED, "not_fixed.link"))
            return
        try:
            changed = rewrite(file, fix, self._task.field, write=self._task.fix is FixMode.WRITE)
        except (NotWritable, UnicodeDecodeError):
            yield self._count(self._linter.note(name, LintRule.NOT_FIXED, "not_fixed.changed"))
        except OSError as error:
            why = error.strerror or ""
            yield self._count(self._linter.note(name, LintRule.NOT_FIXED, "not_fixed.failed", why=why))
        else:
            if self._task.fix is FixMode.WRITE:
                self.summary.fixed += 1
            else:
                self.summary.fixable += 1
            self._task.show_changes(name, changed)

    def _count(self, finding: LintFinding) -> LintFinding:
        self.summary.add(finding)
        return finding
