"""Words of enrolled marks, in prompts and in what was read off pictures; there a letter may be misread."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from safelight.detectors.protocol import Capability, DetectorPlugin, RunLocation, TextContent
from safelight.policy.findings import Finding, Match, Modality, TextSpan

from .logo_store import SUFFIX, EnrolledLogo, LogoStore

NAME, VERSION = "logo-words", "1"
_TOKEN = re.compile(r"\w+", re.UNICODE)
#: From this length on one letter may differ in what was read off a picture; from twice it, two.
_NEAR_FROM = 6


class LogoWordDetector:
    """A `TextDetector`; sees what is enrolled and removed at once."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._marks = LogoStore(folder)

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        marks = [mark for mark in self._marks.all() if mark.words]
        if not marks:
            return
        seen: set[tuple[str, int, int]] = set()
        for view in content.views:
            tokens = [(one.group().casefold(), one.start(), one.end()) for one in _TOKEN.finditer(view.text)]
            for mark in marks:
                for word, start, end, off in _hits(mark, tokens, near=content.field == "on_screen"):
                    span = view.span(start, end)
                    if (mark.name, *span) in seen:
                        continue
                    seen.add((mark.name, *span))
                    yield _finding(mark, word, content, span, off)


def _hits(
    mark: EnrolledLogo, tokens: list[tuple[str, int, int]], *, near: bool
) -> Iterator[tuple[str, int, int, int]]:
    for word in mark.words:
        parts = [part.casefold() for part in _TOKEN.findall(word)]
        whole = "".join(parts)
        for place in range(len(tokens)):
            for length in {len(parts), 1}:
                run = tokens[place : place + length]
                if len(run) < length:
                    continue
                read = "".join(token for token, _, _ in run)
                allowed = len(whole) // _NEAR_FROM if near else 0
                off = _apart(read, whole, min(allowed, 2))
                if off is not None:
                    yield word, run[0][1], run[-1][2], off
                    break


def _apart(one: str, other: str, most: int) -> int | None:
    """How many letters differ, are missing or too many; None: more than `most`."""
    if one == other:
        return 0
    if most == 0 or abs(len(one) - len(other)) > most:
        return None
    row = list(range(len(other) + 1))
    for number, left in enumerate(one, start=1):
        before, row[0] = row[0], number
        for place, right in enumerate(other, start=1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (left != right))
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None


def _finding(mark: EnrolledLogo, word: str, content: TextContent, span: tuple[int, int], off: int) -> Finding:
    return Finding(
        category=mark.kind.category,
        score=0.9 if off == 0 else 0.65,
        modality=Modality.TEXT,
        detector=NAME,
        version=VERSION,
        reason=f"It says {word!r}, a word of the enrolled {mark.kind.value} {mark.name!r}.",
        evidence=(
            TextSpan(field=content.field, start=span[0], end=span[1]),
            Match(list="marks", entry=mark.name, distance=float(off)),
        ),
        attributes={
            "role": "passing" if content.field == "on_screen" else "subject",
            **({"negated": True} if content.negated else {}),
        },
    )


def _folder(options: dict[str, Any]) -> Path:
    """Where they lie; without one, nowhere: nothing is enrolled then."""
    return Path(options.get("folder") or "nowhere")


def _load(options: dict[str, Any]) -> LogoWordDetector:
    return LogoWordDetector(_folder(options))


def _idle(options: dict[str, Any]) -> str | None:
    folder = options.get("folder")
    if folder and any(Path(folder).glob(f"*{SUFFIX}")):
        return None
    return "No mark is enrolled: safelight logos add NAME --word WORD."


PLUGIN = DetectorPlugin(
    name=NAME, version=VERSION, location=RunLocation.GATEWAY, capabilities=(), load=_load, idle=_idle
)
