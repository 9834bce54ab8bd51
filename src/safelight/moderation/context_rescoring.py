"""Re-scores OCR and transcript findings with the prompt as context.

The classifiers were trained on whole descriptions of videos. A caption or a line of speech is only a few
words without a scene, so their scores for it are unreliable. With the prompt in front it resembles the
training data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from safelight.detectors.protocol import MediaText
from safelight.detectors.text.media_text import join_lines
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.plugins import MINILM, NGRAMS
from safelight.policy.categories import Category
from safelight.policy.findings import Finding

#: Characters of the request that go before the text. More would outweigh the text.
MAX_SCENE_CHARACTERS = 240
#: A MiniLM finding with at least this score stays unchanged. N-gram scores have no such limit: they are too
#: high for short texts, because n-grams do not model meaning.
CERTAIN_SCORE = 0.9
#: Weight of the score without context, by detector.
_WEIGHT_ALONE = {MINILM.name: 0.5, NGRAMS.name: 0.25}
#: The category that short texts are most often mistaken for, although it is about pictures of a person.
#: Re-scoring every category would lose 22 % of the harmful English lines that are blocked without context,
#: and 37 % of the Chinese ones, behind any harmless request (docs/benchmarks/together.md).
_RESCORED = frozenset({Category.NCII.value})
#: Assumed score of a missing finding: detectors do not report scores under 0.3.
_UNREPORTED_SCORE = 0.2


def rescore_in_context(
    findings: Iterable[Finding], lines: Sequence[MediaText], scene: str, pipeline: TextPipeline
) -> tuple[Finding, ...]:
    """The findings in the text of a clip; unreliable ones get a score between those without and with context.

    A score never rises, and the score without context is kept in the attribute `alone`. Without `scene`
    nothing changes. Costs one more screening if there is an unreliable finding.
    """
    found = tuple(findings)
    doubtful = [
        one
        for one in found
        if one.category in _RESCORED and one.detector in _WEIGHT_ALONE and not _is_certain(one)
    ]
    if not scene.strip() or not doubtful:
        return found
    words = join_lines(lines).text
    report = pipeline.screen({"scene": f"{scene.strip()[:MAX_SCENE_CHARACTERS]}\n{words}"})
    there = {(one.detector, one.category): one.score for one in reversed(report.findings)}
    # A finding whose category could not be screened with context keeps its score.
    unread = {cell.category for cell in report.cells if not cell.complete}
    return tuple(
        _rescored(one, there) if one in doubtful and one.category not in unread else one for one in found
    )


def _is_certain(finding: Finding) -> bool:
    return finding.detector == MINILM.name and finding.score >= CERTAIN_SCORE


def _rescored(finding: Finding, there: dict[tuple[str, str], float]) -> Finding:
    in_context = there.get((finding.detector, finding.category), 0.0)
    score = blend_odds(finding.score, in_context, _WEIGHT_ALONE[finding.detector])
    if score >= finding.score:
        return finding
    return msgspec.structs.replace(
        finding,
        score=round(score, 4),
        reason=f"{finding.reason} With the request as context the score is lower.",
        attributes={**finding.attributes, "standalone_score": finding.score},
    )


def blend_odds(alone: float, there: float, weight: float) -> float:
    """The mean of two probabilities on the log-odds scale; the first has `weight` and is the maximum."""
    odds = weight * _odds(alone) + (1 - weight) * _odds(max(there, _UNREPORTED_SCORE))
    return min(alone, 1 / (1 + math.exp(-odds)))


def _odds(score: float) -> float:
    safe = min(max(score, 1e-4), 1 - 1e-4)
    return math.log(safe / (1 - safe))
