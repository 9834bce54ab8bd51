"""Detects threats: announcements of harm to real people, and calls for it.

The words of a figure in a described scene, a headline and a game are none. It reads meaning and needs the
weights of both encoders. docs/benchmarks/threats.md has the measured rates.
"""

from __future__ import annotations

from collections.abc import Iterator

from safelight.detectors.protocol import Abstained, Capability, TextContent
from safelight.policy.findings import THREAT, Basis, Category, Finding, Modality

from .distress import score_of
from .meaning import MeaningReader

VERSION = "1"
#: Score at the operating point, from which policies hold threats (`ha-4`), and the highest score.
SCORE, MAX_SCORE = 0.7, 0.95


class ThreatDetector:
    """Reports at most one threat in a text."""

    name = "threats"
    #: Coverage reports this as the depth of the check.
    learned = True

    def __init__(self, meaning: MeaningReader) -> None:
        self._meaning = meaning
        self.version = f"{VERSION}+{meaning.version}"
        self.capabilities: tuple[Capability, ...] = (
            Capability(category=Category.HARASSMENT.value, modality=Modality.TEXT),
        )

    def inspect_text(self, content: TextContent) -> Iterator[Finding]:
        """The place of the text that most resembles a threat, with its operating point.

        Raises `Abstained` if no part has an operating point: another language, or fewer than four words.
        """
        judged = self._meaning.judge(content)
        if judged is None:
            raise Abstained("there is no operating point for the language and the length of the text.")
        if judged.excess >= 0:
            yield Finding(
                category=Category.HARASSMENT.value,
                score=score_of(judged.excess, at=SCORE, most=MAX_SCORE),
                modality=Modality.TEXT,
                detector=self.name,
                version=self.version,
                reason="The words resemble a threat of harm to real people, or a call for it.",
                evidence=(judged.span,),
                basis=Basis.LEARNED,
                point=judged.point,
                attributes={"kind": THREAT},
            )
