"""What was asked for, what is written in the picture and what is said, read as one text.

Harm that stands in no part alone shows here; harm that one part has by itself is not told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from safelight.detectors.protocol import ReadText
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.reading import assembled
from safelight.policy.coverage import Cell
from safelight.policy.findings import Evidence, Finding, Modality, TextSpan

SOURCE = "together"
#: How much surer the whole must be than its parts, where every part says something of the kind.
_MARGIN = 0.1
_LEAST = 0.3


class From(StrEnum):
    """Where a part of the whole stands."""

    REQUEST = "request"
    SCREEN = "picture"
    SPEECH = "speech"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One piece of the whole text, and the way back to where it stands."""

    source: From
    text: str
    #: When it is seen or heard; what was asked for comes before everything.
    start_s: float
    #: The request field, for spans in it.
    field: str = ""
    place: Evidence | None = None

    def evidence(self, start: int, end: int) -> Evidence:
        """Where characters `start` to `end` of this part are."""
        return self.place or TextSpan(field=self.field, start=start, end=end)


@dataclass(frozen=True, kw_only=True)
class Together:
    findings: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()


def parts_of(
    texts: Mapping[str, str], on_screen: Sequence[ReadText], heard: Sequence[ReadText]
) -> tuple[Part, ...]:
    """The pieces in the order somebody meets them: the request, then words as they are shown and said."""
    asked = [
        Part(source=From.REQUEST, text=text, start_s=-1.0, field=name)
        for name, text in texts.items()
        if text.strip()
    ]
    met = [
        Part(
            source=source,
            text=passage.text,
            start_s=min(read.start_s for read in passage.reads),
            place=passage.place(),
        )
        for source, reads in ((From.SCREEN, on_screen), (From.SPEECH, heard))
        for passage in assembled(reads).passages
    ]
    return (*asked, *sorted(met, key=lambda part: part.start_s))


def read_together(parts: Sequence[Part], pipeline: TextPipeline, alone: Iterable[Finding]) -> Together:
    """Findings that only the whole has, with evidence in at least two of its sources.

    `alone` are the findings of the parts by themselves. Nothing is read where there is one source only.
    """
    known: dict[str, float] = {}
    for finding in alone:
        known[finding.category] = max(known.get(finding.category, 0.0), finding.score)
    media = [part for part in parts if part.source is not From.REQUEST]
    found: dict[tuple[str, tuple[Evidence, ...]], Finding] = {}
    cells: list[Cell] = []
    for chosen in {tuple(parts): None, tuple(media): None}:
        if len({part.source for part in chosen}) < 2:
            continue
        report = pipeline.screen({SOURCE: "\n".join(part.text for part in chosen)})
        cells += report.cells
        for finding in report.findings:
            joined = _joined(finding, chosen)
            if joined is None or finding.test_card or finding.score < _LEAST:
                continue
            if finding.score < known.get(finding.category, 0.0) + _MARGIN:
                continue
            key = (joined.category, joined.evidence)
            if key not in found or found[key].score < joined.score:
                found[key] = joined
    return Together(findings=tuple(found.values()), cells=tuple(cells))


def _joined(finding: Finding, parts: Sequence[Part]) -> Finding | None:
    """The finding with its evidence in the parts; None where it stands in one source alone."""
    evidence: list[Evidence] = []
    sources: list[From] = []
    for one in finding.evidence:
        if not isinstance(one, TextSpan):
            evidence.append(one)
            continue
        position = 0
        for part in parts:
            start, end = max(one.start - position, 0), min(one.end - position, len(part.text))
            position += len(part.text) + 1
            if start < end and part.text[start:end].strip():
                evidence.append(part.evidence(start, end))
                sources.append(part.source)
    named = [source for source in From if source in sources]
    if len(named) < 2:
        return None
    speech = {"speech": True} if From.SPEECH in named else {}
    return msgspec.structs.replace(
        finding,
        modality=Modality.TEXT,
        reason=f"Read together, the words of {_listed(named)}: {finding.reason}",
        evidence=tuple(dict.fromkeys(evidence)),
        attributes={**finding.attributes, **speech, "source": SOURCE, "joined": True},
    )


def _listed(sources: Sequence[From]) -> str:
    *first, last = (f"the {source.value}" for source in sources)
    return f"{', '.join(first)} and {last}"
