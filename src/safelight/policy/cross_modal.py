"""Marks a finding if another checked channel of the same video has no sign of its category. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from .findings import Coverage, Finding, Modality

#: A finding with `STRONG_SCORE` or more is strong. A channel without a finding of `WEAK_SCORE` or more shows
#: no sign of the category.
STRONG_SCORE, WEAK_SCORE = 0.5, 0.3
#: Values of the attribute `source` for text findings that are not from the request.
ON_SCREEN, TRANSCRIPT, CROSS_MODAL = "on_screen", "transcript", "cross_modal"


class EvidenceChannel(StrEnum):
    """A channel: a part of a video that can carry content."""

    PROMPT = "prompt"
    FRAMES = "frames"
    ON_SCREEN = "on_screen"
    SPEECH = "speech"


def evidence_channel(finding: Finding) -> EvidenceChannel | None:
    """The channel of a finding; None if the finding covers several channels."""
    source = finding.attributes.get("source")
    if finding.modality in (Modality.FRAMES, Modality.IMAGE):
        return EvidenceChannel.FRAMES
    if source == CROSS_MODAL:
        return None
    if finding.modality is Modality.AUDIO or source == TRANSCRIPT:
        return EvidenceChannel.SPEECH
    return EvidenceChannel.ON_SCREEN if source == ON_SCREEN else EvidenceChannel.PROMPT


def mark_disagreements(
    findings: Iterable[Finding],
    coverage: Coverage,
    *,
    beside: Iterable[Finding] = (),
    asked: bool,
    read: bool,
) -> tuple[Finding, ...]:
    """The findings; a strong one gets `disagrees_with` if a checked channel shows no sign of its category.

    Its value is the first such channel; a channel that was not checked never disagrees. The findings in
    `beside` are only compared, not changed. `asked`: there was a request, and its text was screened. `read`:
    all text in the picture was read.
    """
    seen = tuple(findings)
    signs = {
        (one.category, place)
        for one in (*seen, *beside)
        if one.score >= WEAK_SCORE and (place := evidence_channel(one)) is not None
    }
    return tuple(_mark_finding(finding, signs, coverage, asked=asked, read=read) for finding in seen)


def _mark_finding(
    finding: Finding,
    signs: set[tuple[str, EvidenceChannel]],
    coverage: Coverage,
    *,
    asked: bool,
    read: bool,
) -> Finding:
    own = evidence_channel(finding)
    if (
        finding.score < STRONG_SCORE
        or finding.test_card
        or own is None
        or "disagrees_with" in finding.attributes
    ):
        return finding
    silent = [
        other
        for other in _checked_channels(finding.category, coverage, asked=asked, read=read)
        if other is not own and (finding.category, other) not in signs
    ]
    if not silent:
        return finding
    return msgspec.structs.replace(
        finding, attributes={**finding.attributes, "disagrees_with": silent[0].value}
    )


def _checked_channels(
    category: str, coverage: Coverage, *, asked: bool, read: bool
) -> Sequence[EvidenceChannel]:
    def checked(modality: Modality) -> bool:
        cell = coverage.cell(category, modality)
        return cell is not None and cell.ran and cell.complete

    text = coverage.cell(category, Modality.TEXT)
    checked_channels = {
        # It is enough that the detectors are available: they screened the request before generation.
        EvidenceChannel.PROMPT: asked and text is not None and text.available,
        EvidenceChannel.FRAMES: checked(Modality.FRAMES),
        EvidenceChannel.ON_SCREEN: read and checked(Modality.TEXT),
        EvidenceChannel.SPEECH: checked(Modality.AUDIO),
    }
    return [place for place in EvidenceChannel if checked_channels[place]]
