"""Output formats of `safelight lint`. Each finding is written at once, so that many need no memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from safelight import __version__
from safelight.core.i18n import Messages
from safelight.linting.lint_finding import LintFinding, LintLevel, LintRule, LintSummary

from .output import printable

if TYPE_CHECKING:
    from safelight.linting.fixed_file import ChangedLine

#: Version of the format.
_SARIF = "2.1.0"
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
#: What each rule is about, for the list of rules in SARIF.
_RULES = {
    LintRule.POLICY_BLOCK: "The policy blocks the prompt.",
    LintRule.POLICY_HOLD: "The policy holds the prompt for a reviewer.",
    LintRule.POLICY_LABEL: "The policy allows the prompt with a label.",
    LintRule.PROVIDER_RISK: "The provider may refuse the prompt.",
    LintRule.DRIVER: "The filter of a provider may react to these words.",
    LintRule.DISTRESS: "The text reads like the writer's own distress.",
    LintRule.NO_SUGGESTIONS: "There are no suggestions for the prompt.",
    LintRule.QUESTION: "A question comes before suggestions.",
    LintRule.NOT_CHECKED: "The language or the length of the prompt is not covered.",
    LintRule.TEMPLATE_REQUIRED: "The policy refuses requests that name no approved template.",
    LintRule.TOO_LONG: "The prompt is longer than the gateway accepts.",
    LintRule.UNREADABLE: "A file, or a part of it, could not be read.",
    LintRule.NO_PROMPTS: "A file contains no prompt.",
    LintRule.NOT_FIXED: "A replacement could not be written.",
}
#: Characters with a meaning in a workflow command of GitHub, and how they are written.
_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY_ESCAPES = {**_ESCAPES, ":": "%3A", ",": "%2C"}


class LintFormat(StrEnum):
    TEXT = "text"
    GITHUB = "github"
    SARIF = "sarif"
    JSON = "json"


class LintReporter(Protocol):
    """Writes the findings of a run, one after another."""

    def begin(self) -> None: ...

    def add(self, finding: LintFinding) -> None: ...

    def end(self, summary: LintSummary) -> None: ...


class LineReporter:
    """A line per finding: `file:line:column: level: message [rule]`, and suggestions below it."""

    def __init__(self, write: Callable[[str], object], messages: Messages) -> None:
        self._write = write
        self._t = messages

    def begin(self) -> None:
        """Nothing comes before the findings."""

    def add(self, finding: LintFinding) -> None:
        place = f"{printable(finding.file)}:{finding.place.line}:{finding.place.column}"
        level = self._t(f"level.{finding.level.value}")
        self._write(f"{place}: {level}: {printable(finding.message)} [{finding.rule.value}]\n")
        for suggestion in finding.suggestions:
            self._write(f"  - {printable(suggestion)}\n")

    def end(self, summary: LintSummary) -> None:
        levels = summary.levels
        lines = [
            self._t(
                "summary",
                files=summary.files,
                prompts=summary.prompts,
                errors=levels[LintLevel.ERROR],
                warnings=levels[LintLevel.WARNING],
                notes=levels[LintLevel.NOTE],
            )
        ]
        if summary.fixable:
            lines.append(self._t("would_fix", files=summary.fixable))
        if summary.fixed:
            lines.append(self._t("fixed", files=summary.fixed))
        if summary.interrupted:
            lines.append(self._t("interrupted"))
        self._write("".join(f"{line}\n" for line in lines))


class GithubReporter:
    """Workflow commands of GitHub Actions, which show each finding at its line of a pull request."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def begin(self) -> None:
        """Nothing comes before the findings."""

    def add(self, finding: LintFinding) -> None:
        command = "notice" if finding.level is LintLevel.NOTE else finding.level.value
        properties = {
            "file": finding.file,
            "line": finding.place.line,
            "col": finding.place.column,
            "title": f"safelight {finding.rule.value}",
        }
        values = ",".join(
            f"{name}={_escape(str(value), _PROPERTY_ESCAPES)}" for name, value in properties.items()
        )
        text = "\n".join([finding.message, *finding.suggestions])
        self._write(f"::{command} {values}::{_escape(text, _ESCAPES)}\n")

    def end(self, summary: LintSummary) -> None:
        """Nothing comes after the findings: every line of the output is a command."""


def _escape(text: str, escapes: dict[str, str]) -> str:
    return printable("".join(escapes.get(letter, letter) for letter in text))


class JsonReporter:
    """One JSON document with all findings and their counts."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._list = _JsonList(write)

    def begin(self) -> None:
        self._list.begin('{"findings": [')

    def add(self, finding: LintFinding) -> None:
        self._list.add(finding.as_json())

    def end(self, summary: LintSummary) -> None:
        self._list.end(f'], "summary": {_json(summary.as_json())}}}\n')


class SarifReporter:
    """One SARIF 2.1.0 log."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._list = _JsonList(write)

    def begin(self) -> None:
        driver = {
            "name": "safelight",
            "version": __version__,
            "rules": [
                {"id": rule.value, "shortDescription": {"text": text}} for rule, text in _RULES.items()
            ],
        }
        start = {"$schema": _SARIF_SCHEMA, "version": _SARIF}
        run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints"}
        self._list.begin(f'{_json(start)[:-1]}, "runs": [{_json(run)[:-1]}, "results": [')

    def add(self, finding: LintFinding) -> None:
        self._list.add(_sarif_result(finding))

    def end(self, summary: LintSummary) -> None:
        # A file that could not be read is a result; the run as such fails only if it was stopped.
        invocation = {"executionSuccessful": not summary.interrupted}
        self._list.end(f'], "invocations": [{_json(invocation)}]}}]}}\n')


def _sarif_result(finding: LintFinding) -> dict[str, Any]:
    region = {"startLine": finding.place.line, "startColumn": finding.place.column}
    if finding.end:
        region |= {"endLine": finding.end.line, "endColumn": finding.end.column}
    location = {"artifactLocation": {"uri": quote(os.fsencode(finding.file))}, "region": region}
    properties = {"categories": list(finding.categories), "risk": finding.risk, "answer": finding.answer}
    return {
        "ruleId": finding.rule.value,
        "ruleIndex": list(_RULES).index(finding.rule),
        "level": finding.level.value,
        "message": {"text": " ".join([finding.message, *finding.suggestions])},
        "locations": [{"physicalLocation": location}],
        "properties": {name: value for name, value in properties.items() if value},
    }


class _JsonList:
    """A JSON document with one long list, written item by item."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._has_items = False

    def begin(self, text: str) -> None:
        self._write(text)

    def add(self, item: Any) -> None:
        self._write((",\n" if self._has_items else "\n") + _json(item))
        self._has_items = True

    def end(self, text: str) -> None:
        self._write(("\n" if self._has_items else "") + text)


def _json(value: Any) -> str:
    # ASCII only, because a prompt or a file name may have lone surrogates, which no encoding can write.
    return json.dumps(value)


def format_changes(file: str, lines: list[ChangedLine]) -> str:
    """The changed lines as a diff for people. Control characters are replaced."""
    parts = [f"--- {printable(file)}\n+++ {printable(file)}\n"]
    for line in lines:
        before, after = (printable(text.removesuffix("\r")) for text in (line.before, line.after))
        parts.append(f"@@ -{line.number} +{line.number} @@\n-{before}\n+{after}\n")
    return "".join(parts)
