"""Where one way of looking sees harm and another, that looked too, does not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from .coverage import Coverage
from .findings import Finding, Modality

#: What sees harm, and what has not even a sign of it.
SEES, SIGN = 0.5, 0.3
#: Attribute `source` of text findings that are not of the request.
ON_SCREEN, TRANSCRIPT, CROSS_MODAL = "on_screen", "transcript", "cross_modal"


class EvidenceChannel(StrEnum):
    """Ways in which a video says something."""

    PROMPT = "prompt"
    FRAMES = "frames"
    ON_SCREEN = "on_screen"
    SPEECH = "speech"


def channel(finding: Finding) -> EvidenceChannel | None:
    """The channel a finding is about; None for what was read from several."""
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
    """The findings, each strong one with `disagrees_with`: the first channel that was checked and shows none.

    `beside` are further findings to compare with, which stay as they are. `asked`: there was a request, and
    its words were screened. `read`: words in the picture were all read. A channel that nobody checked
    disagrees with nothing, nor does one about another category.
    """
    seen = tuple(findings)
    signs = {
        (one.category, place)
        for one in (*seen, *beside)
        if one.score >= SIGN and (place := channel(one)) is not None
    }
    return tuple(_marked(finding, signs, coverage, asked=asked, read=read) for finding in seen)


def _marked(
    finding: Finding,
    signs: set[tuple[str, EvidenceChannel]],
    coverage: Coverage,
    *,
    asked: bool,
    read: bool,
) -> Finding:
    own = channel(finding)
    if finding.score < SEES or finding.test_card or own is None or "disagrees_with" in finding.attributes:
        return finding
    silent = [
        other
        for other in _looked(finding.category, coverage, asked=asked, read=read)
        if other is not own and (finding.category, other) not in signs
    ]
    if not silent:
        return finding
    return msgspec.structs.replace(
        finding, attributes={**finding.attributes, "disagrees_with": silent[0].value}
    )


def _looked(category: str, coverage: Coverage, *, asked: bool, read: bool) -> Sequence[EvidenceChannel]:
    def checked(modality: Modality) -> bool:
        cell = coverage.cell(category, modality)
        return cell is not None and cell.ran and cell.complete

    words = coverage.cell(category, Modality.TEXT)
    looked = {
        # The request was screened by the same detectors before anything was made.
        EvidenceChannel.PROMPT: asked and words is not None and words.available,
        EvidenceChannel.FRAMES: checked(Modality.FRAMES),
        EvidenceChannel.ON_SCREEN: read and checked(Modality.TEXT),
        EvidenceChannel.SPEECH: checked(Modality.AUDIO),
    }
    return [place for place in EvidenceChannel if looked[place]]
