"""Classifies prompt, OCR text and transcript together: trained on examples that are harmful only together."""

from __future__ import annotations

from collections.abc import Sequence

from safelight.detectors.text.classifier_detectors import MiniLmDetector
from safelight.detectors.text.cross_modal_classifier import CrossModalClassifier
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.sketch import Embedder
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality

from .text_parts import TextPart, TextSource, as_description, evidence_of, joined_attributes

DETECTOR, VERSION = "joint", "1"
#: Below every operating point: it can cause a review, but no block.
SCORE = 0.45
_MEASURED = "docs/benchmarks/together.md"


def text_variants(parts: Sequence[TextPart]) -> tuple[str, ...]:
    """Four texts of one clip: a description, all parts, without the OCR text, without the transcript."""
    return (
        as_description(parts),
        _plain(parts),
        _plain([part for part in parts if part.source is not TextSource.SCREEN]),
        _plain([part for part in parts if part.source is not TextSource.SPEECH]),
    )


def classify_joined_text(
    parts: Sequence[TextPart], head: CrossModalClassifier, meaning: Embedder | None
) -> tuple[tuple[Finding, ...], tuple[Cell, ...]]:
    """At most one finding on the texts of request and clip, and the coverage.

    Needs a request and text in the clip, and for English also `meaning`. A failure leaves only a gap.
    """
    media = [part for part in parts if part.source is not TextSource.REQUEST]
    asked = [part for part in parts if part.source is TextSource.REQUEST]
    if not media or not asked:
        return (), ()
    first, *others = text_variants(parts)
    try:
        result = head.classify(first, others, meaning)
    except Exception as error:
        return (), _cells(head, note=f"{DETECTOR} failed: {type(error).__name__}: {error}".rstrip(": ") + ".")
    if result is None:
        return (), ()
    if result.margin <= 0:
        return (), _cells(head)
    found = Finding(
        category=result.category,
        score=SCORE,
        modality=Modality.TEXT,
        detector=DETECTOR,
        version=VERSION,
        reason="Together, request and clip resemble examples that are harmful only in combination.",
        evidence=evidence_of(asked, media),
        attributes={**joined_attributes([part.source for part in media]), "kind": "classifier"},
    )
    return (found,), _cells(head)


def embedder_of(pipeline: TextPipeline) -> Embedder | None:
    """The MiniLM embedder, if it is installed."""
    return next((one.embed_text for one in pipeline.detectors if isinstance(one, MiniLmDetector)), None)


def _plain(parts: Sequence[TextPart]) -> str:
    return "\n".join(part.text.replace("\n", " ") for part in parts)


def _cells(head: CrossModalClassifier, note: str = "") -> tuple[Cell, ...]:
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
