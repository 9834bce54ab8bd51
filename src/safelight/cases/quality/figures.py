"""Figures of the checks from what people decided: right and missed by category, and points for this tenant.

Pure functions. The decided cases are no random sample: holds are all reviewed, blocks only if somebody
appeals, and delivered videos only if they were drawn, reported or made a golden case.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Literal, NamedTuple

from safelight.core.records import About, Shown
from safelight.policy.points import RulePoint
from safelight.policy.statistics import wilson
from safelight.policy.verdicts import Action

#: With fewer decisions no rate and no point is given: with 30, an interval is up to 34 points wide.
MIN_DECISIONS = 30
#: Scores are compared in steps of this: a point with more digits would follow single cases.
STEPS_PER_POINT = 100
_DIGITS = 4


class DecisionSource(StrEnum):
    HOLD = "hold"
    APPEAL = "appeal"
    REPORT = "report"
    SAMPLE = "sample"
    GOLDEN = "golden"


class Score(NamedTuple):
    """What a detector scores: the highest of these scores counts for a video."""

    category: str
    modality: str
    detector: str


@dataclass(frozen=True, kw_only=True)
class DecidedVideo:
    """A video about which a person decided whether it is against the policy."""

    id: str
    source: DecisionSource
    #: Whether the checks held or blocked it, because of a finding.
    stopped: bool
    is_harmful: bool
    #: The category of the stop; for missed harm that of the harm. Empty if nobody named one.
    category: str
    #: The category of the rule that the person named, otherwise that of the case.
    harm: str
    scores: Mapping[Score, float]


@dataclass(frozen=True, kw_only=True)
class DecidedVideos:
    videos: tuple[DecidedVideo, ...]
    #: Decisions of people about their own video or report.
    own: int
    #: Decisions about videos that were stopped only because a check did not run, or by a reported hash.
    without_finding: int


@dataclass(frozen=True, kw_only=True)
class DecidedRate(Shown):
    count: int
    n: int
    enough: Annotated[bool, About(f"Whether there are enough decisions for a rate ({MIN_DECISIONS}).")]
    rate: float | None
    interval: Annotated[tuple[float, float] | None, About("Wilson, 95 %.")]


@dataclass(frozen=True, kw_only=True)
class MissedCounts(Shown):
    """Allowed videos that people found against the policy, by what showed them."""

    sample: int
    report: int
    golden: int
    review: Annotated[int, About("In a case that was opened for another reason, such as a first output.")]


@dataclass(frozen=True, kw_only=True)
class CategoryFigures(Shown):
    category: Annotated[str | None, About("Null for missed harm of which nobody named the category.")]
    right: Annotated[
        DecidedRate, About("Stopped and decided requests of which a person found that the stop was right.")
    ]
    harmless: Annotated[int, About("The others of them.")]
    appealed: Annotated[
        int, About("Of them, decided in an appeal: people appeal wrong blocks more often than right ones.")
    ]
    missed: MissedCounts
    found: Annotated[
        DecidedRate,
        About(
            "Of all harm that people know of, stopped or missed: what was stopped. Unknown harm is not in it."
        ),
    ]


class PointState(StrEnum):
    PROPOSED = "proposed"
    NOT_ENOUGH_DECISIONS = "not_enough_decisions"
    #: From no score on, enough decisions with the asked share of right ones.
    NO_POINT = "no_point"


@dataclass(frozen=True, kw_only=True)
class PointProposal(Shown):
    """The lowest score of a detector from which the asked share of decided videos is harmful.

    Below the lowest point of today only few videos are decided, and these were drawn or reported. So a lower
    point needs enough of them.
    """

    category: str
    modality: str
    detector: str
    state: PointState
    decisions: Annotated[int, About("Decided videos with a score of this detector.")]
    score: Annotated[float | None, About("The proposed point; null in the other states.")]
    right: Annotated[
        DecidedRate | None, About("Decided videos from this score on, and how many are harmful.")
    ]
    missed: Annotated[int | None, About("Harmful videos below the proposed point.")]
    rules: Annotated[
        tuple[RulePoint, ...], About("The rules of the policy in force with a point for such findings.")
    ]


@dataclass(frozen=True, kw_only=True)
class QualityFigures(Shown):
    object: Literal["quality_figures"] = "quality_figures"
    method: str = "Wilson, 95 %"
    min_decisions: int = MIN_DECISIONS
    share: Annotated[float, About("The share that is to be right from a proposed point on.")]
    stopped: Annotated[int, About("Videos that were stopped because of a finding and decided.")]
    allowed: Annotated[int, About("Videos that were allowed and decided.")]
    own: Annotated[int, About("Left out: decisions of people about their own video or report.")]
    without_finding: Annotated[
        int, About("Left out: stopped because a check did not run, or because of a reported hash alone.")
    ]
    categories: tuple[CategoryFigures, ...]
    points: tuple[PointProposal, ...]


def count_rate(count: int, n: int) -> DecidedRate:
    enough = n >= MIN_DECISIONS
    low, high = wilson(count, n)
    return DecidedRate(
        count=count,
        n=n,
        enough=enough,
        rate=round(count / n, _DIGITS) if enough else None,
        interval=(round(low, _DIGITS), round(high, _DIGITS)) if enough else None,
    )


def count_categories(videos: Iterable[DecidedVideo]) -> tuple[CategoryFigures, ...]:
    """The figures by category, that with most decisions first."""
    by_category: dict[str, list[DecidedVideo]] = defaultdict(list)
    for video in videos:
        if video.stopped or video.is_harmful:
            by_category[video.category].append(video)
    names = sorted(by_category, key=lambda name: (-len(by_category[name]), name))
    return tuple(_count_category(name, by_category[name]) for name in names)


def _count_category(name: str, videos: Sequence[DecidedVideo]) -> CategoryFigures:
    stopped = [video for video in videos if video.stopped]
    right = sum(video.is_harmful for video in stopped)
    missed = Counter(video.source for video in videos if not video.stopped)
    return CategoryFigures(
        category=name or None,
        right=count_rate(right, len(stopped)),
        harmless=len(stopped) - right,
        appealed=sum(video.source is DecisionSource.APPEAL for video in stopped),
        missed=MissedCounts(
            sample=missed[DecisionSource.SAMPLE],
            report=missed[DecisionSource.REPORT],
            golden=missed[DecisionSource.GOLDEN],
            review=missed[DecisionSource.HOLD] + missed[DecisionSource.APPEAL],
        ),
        found=count_rate(right, right + missed.total()),
    )


def propose_points(
    videos: Iterable[DecidedVideo], share: float, rules: Mapping[Score, tuple[RulePoint, ...]]
) -> tuple[PointProposal, ...]:
    """A proposal for each score of a detector; those that can be acted on first."""
    scored: dict[Score, list[tuple[int, bool]]] = defaultdict(list)
    for video in videos:
        for key, score in video.scores.items():
            # Harm of another category says nothing about a finding of this one.
            if not video.is_harmful or video.harm == key.category:
                scored[key].append((_step(score), video.is_harmful))
    made = [_propose(key, of, share, rules.get(key, ())) for key, of in scored.items()]
    order = list(PointState)
    return tuple(
        sorted(made, key=lambda one: (order.index(one.state), -one.decisions, one.category, one.detector))
    )


def _propose(
    key: Score, scored: Sequence[tuple[int, bool]], share: float, rules: tuple[RulePoint, ...]
) -> PointProposal:
    n = right = n_today = 0
    stops = [_step(rule.score) for rule in rules if rule.action.severity >= Action.HOLD.severity]
    today = min(stops, default=0)
    at_point: tuple[int, int, int] | None = None
    ordered = sorted(scored, reverse=True)
    for step, same in groupby(ordered, key=lambda pair: pair[0]):
        for _, is_harmful in same:
            n += 1
            right += is_harmful
        if step >= today:
            n_today = n
        new = n if step >= today else n - n_today
        if new >= MIN_DECISIONS and right >= share * n:
            at_point = step, right, n
    if at_point is not None:
        state = PointState.PROPOSED
    else:
        state = PointState.NO_POINT if n >= MIN_DECISIONS else PointState.NOT_ENOUGH_DECISIONS
    return PointProposal(
        category=key.category,
        modality=key.modality,
        detector=key.detector,
        state=state,
        decisions=n,
        score=at_point[0] / STEPS_PER_POINT if at_point else None,
        right=count_rate(*at_point[1:]) if at_point else None,
        missed=right - at_point[1] if at_point else None,
        rules=rules,
    )


def _step(score: float) -> int:
    # 0.29 times 100 is a little less than 29.
    return int(score * STEPS_PER_POINT + 1e-9)
