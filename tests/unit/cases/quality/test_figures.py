"""Properties of the figures from decided videos: nothing counts twice, a proposal holds what it says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.cases.quality.figures import (
    MIN_DECISIONS,
    DecidedVideo,
    DecisionSource,
    PointProposal,
    PointState,
    Score,
    count_categories,
    propose_points,
)
from safelight.policy.points import RulePoint
from safelight.policy.statistics import wilson
from safelight.policy.verdicts import Action

VIOLENCE = Score("violence", "text", "words")
HATE = Score("hate", "text", "words")
CATEGORIES = ("violence", "hate", "")

scores = st.integers(0, 1000).map(lambda thousandth: thousandth / 1000)
decided = st.builds(
    DecidedVideo,
    id=st.just("video_1"),
    source=st.sampled_from(DecisionSource),
    stopped=st.booleans(),
    is_harmful=st.booleans(),
    category=st.sampled_from(CATEGORIES),
    harm=st.sampled_from(CATEGORIES),
    scores=st.dictionaries(st.sampled_from([VIOLENCE, HATE]), scores),
)
many = st.lists(decided, max_size=120)


def video(score: float, *, harmful: bool, harm: str = "violence") -> DecidedVideo:
    return DecidedVideo(
        id="video_1",
        source=DecisionSource.HOLD,
        stopped=True,
        is_harmful=harmful,
        category="violence",
        harm=harm,
        scores={VIOLENCE: score},
    )


def propose(
    videos: list[DecidedVideo], share: float = 0.9, rules: tuple[RulePoint, ...] = ()
) -> PointProposal:
    (found,) = propose_points(videos, share, {VIOLENCE: rules})
    return found


def stop_from(score: float) -> tuple[RulePoint, ...]:
    # A label does not stop anything, so it opens no case.
    label = RulePoint(rule="vi-1", action=Action.LABEL, score=0.1)
    return (label, RulePoint(rule="vi-3", action=Action.HOLD, score=score))


@given(many)
def test_each_stopped_and_each_harmful_video_counts_in_one_category(videos: list[DecidedVideo]) -> None:
    found = count_categories(videos)
    assert sum(one.right.n for one in found) == sum(one.stopped for one in videos)
    assert sum(one.found.n for one in found) == sum(one.is_harmful for one in videos)
    for one in found:
        missed = one.missed.sample + one.missed.report + one.missed.golden + one.missed.review
        assert one.right.n == one.right.count + one.harmless
        assert one.found.n == one.right.count + missed
        assert one.appealed <= one.right.n
        assert (one.right.rate is None) is (one.right.n < MIN_DECISIONS)
        if one.right.rate is not None and one.right.interval is not None:
            assert one.right.interval[0] <= one.right.rate <= one.right.interval[1]


@given(many, st.floats(0.5, 1), st.none() | st.integers(10, 95))
def test_a_proposal_is_the_lowest_score_at_which_enough_decisions_are_right(
    videos: list[DecidedVideo], share: float, today: int | None
) -> None:
    rules = {} if today is None else dict.fromkeys((VIOLENCE, HATE), stop_from(today / 100))
    for one in propose_points(videos, share, rules):
        key = Score(one.category, one.modality, one.detector)
        counted = [
            (video.scores[key], video.is_harmful)
            for video in videos
            if key in video.scores and (not video.is_harmful or video.harm == key.category)
        ]
        fitting = []
        for hundredth in range(101):
            above = [harmful for score, harmful in counted if score >= hundredth / 100]
            known = 0
            if today is not None and hundredth < today:
                known = sum(score >= today / 100 for score, _ in counted)
            if len(above) - known >= MIN_DECISIONS and sum(above) >= share * len(above):
                fitting.append((hundredth / 100, sum(above), len(above)))
        assert one.decisions == len(counted)
        if one.right is None or one.score is None:
            assert not fitting
            enough = len(counted) >= MIN_DECISIONS
            assert one.state is (PointState.NO_POINT if enough else PointState.NOT_ENOUGH_DECISIONS)
            continue
        # Lower points without a further case are the same point.
        low, count, n = fitting[0]
        assert (one.right.count, one.right.n) == (count, n)
        assert one.score >= low
        assert one.missed == sum(harmful for _, harmful in counted) - count
        assert one.right.interval == tuple(round(end, 4) for end in wilson(count, n))


@given(many, st.floats(0.5, 1))
def test_a_higher_share_never_lowers_a_point(videos: list[DecidedVideo], share: float) -> None:
    points = {}
    for wanted in (share, 1.0):
        points[wanted] = {
            (one.category, one.detector): one.score for one in propose_points(videos, wanted, {})
        }
    for key, strict in points[1.0].items():
        mild = points[share][key]
        assert strict is None or (mild is not None and mild <= strict)


def test_29_decisions_are_not_enough_and_30_are() -> None:
    few = propose([video(0.8, harmful=True)] * 29)
    assert (few.state, few.score, few.decisions) == (PointState.NOT_ENOUGH_DECISIONS, None, 29)
    enough = propose([video(0.8, harmful=True)] * 30)
    assert (enough.state, enough.score, enough.missed) == (PointState.PROPOSED, 0.8, 0)


def test_a_point_that_follows_the_decisions() -> None:
    """Harm from 0.6 up, and harmless videos from 0.3 to 0.5, so that 0.6 is the lowest point at 90 %."""
    harmful = [video(0.6 + number / 1000, harmful=True) for number in range(40)]
    harmless = [video(0.3 + number / 100, harmful=False) for number in range(20)]
    found = propose([*harmful, *harmless])
    # Four harmless videos at 0.46 to 0.49 are still 10 % or less.
    assert (found.score, found.missed) == (0.46, 0)
    assert found.right is not None
    assert (found.right.count, found.right.n) == (40, 44)
    assert propose([*harmful, *harmless], 1.0).score == 0.6


def test_a_few_reports_below_the_point_of_today_propose_no_lower_point() -> None:
    """Everything from 0.6 up was reviewed. Below it, only what somebody drew or reported."""
    reviewed = [video(0.6 + number / 1000, harmful=True) for number in range(40)]
    few = [video(0.2, harmful=True)] * 29
    assert propose([*reviewed, *few], 0.9, stop_from(0.6)).score == 0.6
    assert propose([*reviewed, *few]).score == 0.2
    assert propose([*reviewed, *few, video(0.3, harmful=True)], 0.9, stop_from(0.6)).score == 0.2


def test_decisions_that_are_wrong_at_every_score_give_no_point() -> None:
    assert propose([video(0.9, harmful=False)] * 40).state is PointState.NO_POINT


def test_harm_of_another_category_says_nothing_about_a_score() -> None:
    assert propose_points([video(0.9, harmful=True, harm="hate")] * 40, 0.9, {}) == ()


def test_a_score_at_a_step_belongs_to_that_step() -> None:
    assert propose([video(0.29, harmful=True)] * 30).score == 0.29


def test_rules_with_a_point_are_named_beside_the_proposal() -> None:
    rules = (RulePoint(rule="vi-3", action=Action.HOLD, score=0.5),)
    (found,) = propose_points([video(0.8, harmful=True)] * 30, 0.9, {VIOLENCE: rules})
    assert found.rules == rules
