"""Words of a clip read inside the scene that was asked for.

The trained heads learned from whole descriptions of videos. A caption or a line of speech is a few words
without a scene, and looks to them now like one thing and now like another. With the scene before it, it is
what they know how to read.
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

#: So much of the request goes before the words: more would drown them.
SCENE = 240
#: From here on a finding of MiniLM stands as it is, whatever the scene. N-grams are sure of too much in a few
#: words: they have no meaning to go by.
SURE = 0.9
#: How much the words alone count beside the words in their scene.
_ALONE = {MINILM.name: 0.5, NGRAMS.name: 0.25}
#: What a few words without a scene are taken for most, and cannot be: it is about somebody's picture.
#: Doubting every category lost 22 % of the harmful English lines that alone were blocked, and 37 % of the
#: Chinese ones, behind any harmless request (docs/benchmarks/together.md).
_DOUBTED = frozenset({Category.NCII.value})
#: Findings under 0.3 are not told; what they would be is not known.
_UNTOLD = 0.2


def rescore_in_context(
    findings: Iterable[Finding], lines: Sequence[MediaText], scene: str, pipeline: TextPipeline
) -> tuple[Finding, ...]:
    """The findings in words of a clip; those of the trained heads that need a scene to be believed lie
    between the words alone and the words in their scene.

    A score never rises here, and the score of the words alone stays in the attribute `alone`. Without a scene
    nothing changes. One more reading of the clip, where there is anything to doubt.
    """
    seen = tuple(findings)
    doubtful = [one for one in seen if one.category in _DOUBTED and one.detector in _ALONE and not _sure(one)]
    if not scene.strip() or not doubtful:
        return seen
    words = join_lines(lines).text
    report = pipeline.screen({"scene": f"{scene.strip()[:SCENE]}\n{words}"})
    there = {(one.detector, one.category): one.score for one in reversed(report.findings)}
    # What could not be read in its scene stays what it was.
    unread = {cell.category for cell in report.cells if not cell.complete}
    return tuple(
        _between(one, there) if one in doubtful and one.category not in unread else one for one in seen
    )


def _sure(finding: Finding) -> bool:
    return finding.detector == MINILM.name and finding.score >= SURE


def _between(finding: Finding, there: dict[tuple[str, str], float]) -> Finding:
    told = there.get((finding.detector, finding.category), 0.0)
    score = blend_odds(finding.score, told, _ALONE[finding.detector])
    if score >= finding.score:
        return finding
    return msgspec.structs.replace(
        finding,
        score=round(score, 4),
        reason=f"{finding.reason} In the scene that was asked for they are less so.",
        attributes={**finding.attributes, "standalone_score": finding.score},
    )


def blend_odds(alone: float, there: float, weight: float) -> float:
    """Between two probabilities by their odds, the first counting `weight`; never above the first."""
    odds = weight * _odds(alone) + (1 - weight) * _odds(max(there, _UNTOLD))
    return min(alone, 1 / (1 + math.exp(-odds)))


def _odds(score: float) -> float:
    safe = min(max(score, 1e-4), 1 - 1e-4)
    return math.log(safe / (1 - safe))
