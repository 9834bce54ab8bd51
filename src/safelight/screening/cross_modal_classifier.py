"""Classifies the prompt, the OCR text and the transcript of a clip together.

The classifier was trained on examples that are harmful only in combination.
"""

from __future__ import annotations

from collections.abc import Sequence

from safelight.detectors.text.classifier_detectors import MiniLmDetector
from safelight.detectors.text.cross_modal_classifier import CrossModalClassifier
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.sketch import Embedder
from safelight.policy.findings import Basis, Cell, Finding, Modality

from .text_parts import TextPart, TextSource, as_description, evidence_of, joined_attributes

DETECTOR, VERSION = "joint", "1"
#: Lower than every blocking threshold, so that the classifier can cause a review but not a block.
SCORE = 0.45
_MEASURED = "docs/benchmarks/together.md"


def text_variants(parts: Sequence[TextPart]) -> tuple[str, ...]:
    """Four variants of the joined text: as a description, whole, without OCR text, without transcript."""
    return (
        as_description(parts),
        _plain(parts),
        _plain([part for part in parts if part.source is not TextSource.SCREEN]),
        _plain([part for part in parts if part.source is not TextSource.SPEECH]),
    )


def classify_joined_text(
    parts: Sequence[TextPart], head: CrossModalClassifier, meaning: Embedder | None
) -> tuple[tuple[Finding, ...], tuple[Cell, ...]]:
    """Classify the texts of the request and the clip. Returns at most one finding, and the coverage.

    Returns nothing without a request or without text in the clip. English text also needs the embedder
    `meaning`. If the classifier fails, the coverage has a gap.
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
        basis=Basis.LEARNED,
        reason="The request and the clip together resemble examples that are harmful only in combination.",
        evidence=evidence_of(asked, media),
        attributes={**joined_attributes([part.source for part in media]), "kind": "classifier"},
    )
    return (found,), _cells(head)


def embedder_of(pipeline: TextPipeline) -> Embedder | None:
    """The MiniLM embedder. None if it is not installed."""
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
