"""Finds the words of enrolled logos in prompts and OCR text. In OCR text, a letter may differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from safelight.detectors.list_folder import configured_folder
from safelight.detectors.protocol import Capability, DetectorPlugin, PluginOptions, RunLocation, TextContent
from safelight.detectors.text.edit_distance import edit_distance
from safelight.policy.findings import Basis, Finding, Match, Modality, TextSpan

from .logo_store import SUFFIX, EnrolledLogo, LogoStore

NAME, VERSION = "logo-words", "1"
_TOKEN = re.compile(r"\w+", re.UNICODE)
#: In OCR text, one letter may differ in words of this length or longer, and two in words of twice this
#: length.
_LETTERS_PER_ERROR = 6


class LogoWordDetector:
    """A `TextDetector`. Added and removed logos apply at once."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._logos = LogoStore(folder)

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        logos = [logo for logo in self._logos.all() if logo.words]
        if not logos:
            return
        reported: set[tuple[str, int, int]] = set()
        for view in content.views:
            tokens = [(one.group().casefold(), one.start(), one.end()) for one in _TOKEN.finditer(view.text)]
            for logo in logos:
                for word, start, end, off in _find_words(logo, tokens, tolerant=content.field == "on_screen"):
                    span = view.span(start, end)
                    if (logo.name, *span) in reported:
                        continue
                    reported.add((logo.name, *span))
                    yield _finding(logo, word, content, span, off)


def _find_words(
    logo: EnrolledLogo, tokens: list[tuple[str, int, int]], *, tolerant: bool
) -> Iterator[tuple[str, int, int, int]]:
    for word in logo.words:
        parts = [part.casefold() for part in _TOKEN.findall(word)]
        whole = "".join(parts)
        for place in range(len(tokens)):
            for length in {len(parts), 1}:
                run = tokens[place : place + length]
                if len(run) < length:
                    continue
                read = "".join(token for token, _, _ in run)
                allowed = len(whole) // _LETTERS_PER_ERROR if tolerant else 0
                off = edit_distance(read, whole, min(allowed, 2))
                if off is not None:
                    yield word, run[0][1], run[-1][2], off
                    break


def _finding(logo: EnrolledLogo, word: str, content: TextContent, span: tuple[int, int], off: int) -> Finding:
    return Finding(
        category=logo.kind.category,
        score=0.9 if off == 0 else 0.65,
        modality=Modality.TEXT,
        detector=NAME,
        version=VERSION,
        basis=Basis.MATCHED,
        reason=f"The text contains {word!r}, a word of the enrolled {logo.kind.value} {logo.name!r}.",
        evidence=(
            TextSpan(field=content.field, start=span[0], end=span[1]),
            Match(list="logos", entry=logo.name, distance=float(off)),
        ),
        attributes={
            "role": "passing" if content.field == "on_screen" else "subject",
            **({"negated": True} if content.negated else {}),
        },
    )


def _load(options: PluginOptions) -> LogoWordDetector:
    return LogoWordDetector(configured_folder(options))


def _idle(options: PluginOptions) -> str | None:
    if any(configured_folder(options).glob(f"*{SUFFIX}")):
        return None
    return "No logo with words has been added. Add one: safelight logos add NAME --word WORD."


PLUGIN = DetectorPlugin(name=NAME, version=VERSION, location=RunLocation.GATEWAY, load=_load, idle=_idle)
