"""Re-scores findings in OCR text and transcript, with the prompt as context.

The text classifiers were trained on whole descriptions of videos. A caption or a line of speech is only a few
words, so its score is unreliable. With the prompt in front, the text resembles the training data.
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

#: Maximum characters of the request before the text. A longer request would outweigh the text.
MAX_SCENE_CHARACTERS = 240
#: A MiniLM finding with at least this score keeps its score. N-gram findings have no such limit, because
#: their scores for short texts are too high: n-grams do not model meaning.
CERTAIN_SCORE = 0.9
#: Weight of the score without context, by detector. The score with context has the rest.
_WEIGHT_ALONE = {MINILM.name: 0.5, NGRAMS.name: 0.25}
#: Only this category is re-scored. It is about pictures of a person, but it is the one that short texts are
#: most often mistaken for. Re-scoring every category would lose 22 % of the harmful English lines that are
#: blocked without context, and 37 % of the Chinese ones, if a harmless request precedes them
#: (docs/benchmarks/together.md).
_RESCORED = frozenset({Category.NCII.value})
#: Assumed score if a detector reports no finding, because detectors report no scores under 0.3.
_UNREPORTED_SCORE = 0.2


def rescore_in_context(
    findings: Iterable[Finding], lines: Sequence[MediaText], scene: str, pipeline: TextPipeline
) -> tuple[Finding, ...]:
    """Re-score the unreliable findings in the text of a clip; the others are returned unchanged.

    The new score is between those without and with context. It is never higher than the old score, which is
    kept in the attribute `standalone_score`. Nothing changes if `scene` is empty. If a finding is unreliable,
    one more screening runs.
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
    # A finding keeps its score if its category could not be screened with context.
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
    """The weighted mean of two probabilities on the log-odds scale, but at most `alone`.

    `weight` is the weight of `alone`.
    """
    odds = weight * _odds(alone) + (1 - weight) * _odds(max(there, _UNREPORTED_SCORE))
    return min(alone, 1 / (1 + math.exp(-odds)))


def _odds(score: float) -> float:
    safe = min(max(score, 1e-4), 1 - 1e-4)
    return math.log(safe / (1 - safe))
