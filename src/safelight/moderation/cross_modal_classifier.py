"""Request, picture and sound as a head reads them that learned what is harmful only together."""

from __future__ import annotations

from collections.abc import Sequence

from safelight.detectors.text.classifier_detectors import MiniLmDetector
from safelight.detectors.text.cross_modal_classifier import JointHead
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.sketch import Embedder
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality

from .text_parts import TextPart, TextSource, as_description, evidence_of, joined_attributes

DETECTOR, VERSION = "joint", "1"
#: Below every operating point: a person looks at it, and rules that block do not count it.
SCORE = 0.45
_MEASURED = "docs/benchmarks/together.md"


def text_variants(parts: Sequence[TextPart]) -> tuple[str, ...]:
    """One clip told in four ways: described, as it stands, without its picture, without its sound."""
    return (
        as_description(parts),
        _plain(parts),
        _plain([part for part in parts if part.source is not TextSource.SCREEN]),
        _plain([part for part in parts if part.source is not TextSource.SPEECH]),
    )


def classify_joined_text(
    parts: Sequence[TextPart], head: JointHead, meaning: Embedder | None
) -> tuple[tuple[Finding, ...], tuple[Cell, ...]]:
    """At most one finding, over the words of the request and the clip, and what was read.

    Nothing is read without a request or without words in the clip, nor English without `meaning`. What fails
    leaves a hole and no finding.
    """
    media = [part for part in parts if part.source is not TextSource.REQUEST]
    asked = [part for part in parts if part.source is TextSource.REQUEST]
    if not media or not asked:
        return (), ()
    first, *others = text_variants(parts)
    try:
        said = head.read(first, others, meaning)
    except Exception as error:
        return (), _cells(head, note=f"{DETECTOR} failed: {type(error).__name__}: {error}".rstrip(": ") + ".")
    if said is None:
        return (), ()
    if said.over <= 0:
        return (), _cells(head)
    found = Finding(
        category=said.category,
        score=SCORE,
        modality=Modality.TEXT,
        detector=DETECTOR,
        version=VERSION,
        reason="Read as one, request and clip are like examples that are harmful only together.",
        evidence=evidence_of(asked, media),
        attributes={**joined_attributes([part.source for part in media]), "kind": "classifier"},
    )
    return (found,), _cells(head)


def embedder_of(pipeline: TextPipeline) -> Embedder | None:
    """MiniLM's reading, where it is installed."""
    return next((one.meaning for one in pipeline.detectors if isinstance(one, MiniLmDetector)), None)


def _plain(parts: Sequence[TextPart]) -> str:
    return "\n".join(part.text.replace("\n", " ") for part in parts)


def _cells(head: JointHead, note: str = "") -> tuple[Cell, ...]:
    return tuple(
        Cell(
            category=category,
            modality=Modality.TEXT,
            available=True,
            ran=not note,
            complete=not note,
            detectors=(DETECTOR,),
            note=note,
            measured=_MEASURED,
        )
        for category in head.columns[1:]
    )
