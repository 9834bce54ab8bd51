"""Findings of a lint run, and their count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .lint_prompt import FilePlace


class LintLevel(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class LintRule(StrEnum):
    """What a finding is about."""

    POLICY_BLOCK = "policy-block"
    POLICY_HOLD = "policy-hold"
    POLICY_LABEL = "policy-label"
    #: A provider may refuse the prompt.
    PROVIDER_RISK = "provider-risk"
    #: Words that a provider's filter may react to.
    DRIVER = "driver"
    #: The text reads like the writer's own distress.
    DISTRESS = "distress"
    #: There are no suggestions for the prompt.
    NO_SUGGESTIONS = "no-suggestions"
    #: The question that comes before suggestions.
    QUESTION = "question"
    #: The language or the length of the prompt is not covered.
    NOT_CHECKED = "not-checked"
    #: The policy demands a template, and the file has prompts.
    TEMPLATE_REQUIRED = "template-required"
    TOO_LONG = "too-long"
    #: A file, or a part of it, could not be read.
    UNREADABLE = "unreadable"
    NO_PROMPTS = "no-prompts"
    #: A replacement could not be written.
    NOT_FIXED = "not-fixed"


@dataclass(frozen=True, kw_only=True)
class LintFinding:
    """One finding, at a place of a file."""

    file: str
    place: FilePlace
    #: The place behind the last character; None if the finding has no range.
    end: FilePlace | None = None
    rule: LintRule
    level: LintLevel
    message: str
    #: Categories of a verdict that may be named.
    categories: tuple[str, ...] = ()
    #: Risk of a refusal by the provider: low, medium, high or unknown; empty if none was asked about.
    risk: str = ""
    #: The answer of the gate of help about the prompt; empty if the finding is about no checked prompt.
    answer: str = ""
    #: What can be written instead, as sentences.
    suggestions: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        end = self.end
        return {
            "file": self.file,
            "line": self.place.line,
            "column": self.place.column,
            "end_line": end.line if end else None,
            "end_column": end.column if end else None,
            "rule": self.rule.value,
            "level": self.level.value,
            "message": self.message,
            "categories": list(self.categories),
            "risk": self.risk or None,
            "answer": self.answer or None,
            "suggestions": list(self.suggestions),
        }


#: Rules of findings which mean, as errors, that something was not checked.
_UNCHECKED = (LintRule.UNREADABLE, LintRule.TOO_LONG, LintRule.NO_PROMPTS)


@dataclass
class LintSummary:
    """The counts of a run."""

    files: int = 0
    prompts: int = 0
    #: Files that were changed, and files that would be changed if the run did not only show it.
    fixed: int = 0
    fixable: int = 0
    interrupted: bool = False
    #: Whether a file or a part of one that should have been checked was not.
    has_unchecked: bool = False
    rules: Counter[LintRule] = field(default_factory=Counter)
    levels: Counter[LintLevel] = field(default_factory=Counter)

    def add(self, finding: LintFinding) -> None:
        self.rules[finding.rule] += 1
        self.levels[finding.level] += 1
        self.has_unchecked |= finding.level is LintLevel.ERROR and finding.rule in _UNCHECKED

    def as_json(self) -> dict[str, Any]:
        return {
            "files": self.files,
            "prompts": self.prompts,
            "fixed": self.fixed,
            "fixable": self.fixable,
            "interrupted": self.interrupted,
            "levels": {level.value: self.levels[level] for level in LintLevel},
            "rules": {rule.value: self.rules[rule] for rule in LintRule},
        }
