"""Figures of the checks for one tenant, and points of rules: tried on the last prompts, then set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safelight.accounts import KeyScope, Principal
from safelight.accounts.policies import Policies, PublishedPolicy, read_newest_history
from safelight.cases.inputs import FiguresQuery, RulePointChange
from safelight.core.errors import InvalidField
from safelight.policy.compiled import categories_of
from safelight.policy.documents import Policy
from safelight.policy.findings import Taxonomy
from safelight.policy.points import find_points, move_point
from safelight.policy.replay import ChangedVideo, compare
from safelight.policy.verdicts import Action
from safelight.policy.waivers import Waiver
from safelight.store.database import Database

from .decided_videos import Judgement, read_decided_videos, read_judgements
from .figures import QualityFigures, count_categories, propose_points

#: The last prompts that a trial evaluates, with all stages of their videos: 0.25 CPU s with one stage each.
TRIED_PROMPTS = 1_000
_MIN_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class TriedChange:
    """How many videos of a category get another action."""

    category: str
    before: Action
    after: Action
    count: int


@dataclass(frozen=True, kw_only=True)
class PointTrial:
    """What another point of a rule would have changed about the last prompts."""

    rule: str
    score: float
    videos: int
    unreadable: int
    changes: tuple[TriedChange, ...]
    #: Decided videos that are stopped and were not, or the other way round.
    became_right: int
    became_wrong: int

    @property
    def changed(self) -> int:
        return sum(change.count for change in self.changes)


@dataclass(frozen=True, kw_only=True)
class CheckFigures:
    """Everything needs the scope `policy`."""

    database: Database
    taxonomy: Taxonomy
    policies: Policies
    #: The policy and the waivers in force for a tenant.
    in_force: Callable[[str], Policy]
    waivers: Callable[[str], Sequence[Waiver]]

    def figures(self, principal: Principal, asked: FiguresQuery) -> QualityFigures:
        """Raises `InvalidField`."""
        principal.require(KeyScope.POLICY)
        # Also false for NaN.
        if not _MIN_SHARE <= asked.share <= 1:
            raise InvalidField(
                f"share must be {_MIN_SHARE:g} to 1.",
                param="share",
                remedy="Send 0.9 for a point from which 9 of 10 decided videos are harmful.",
            )
        policy = self.in_force(principal.tenant)
        of_rule = {rule.id: categories_of(rule) for rule in policy.rules}
        with self.database.read_transaction(principal.tenant) as tx:
            decided = read_decided_videos(tx, lambda rule: of_rule.get(rule, frozenset()))
        scores = {score for video in decided.videos for score in video.scores}
        stopped = sum(video.stopped for video in decided.videos)
        return QualityFigures(
            share=asked.share,
            stopped=stopped,
            allowed=len(decided.videos) - stopped,
            own=decided.own,
            without_finding=decided.without_finding,
            categories=count_categories(decided.videos),
            points=propose_points(
                decided.videos,
                asked.share,
                {score: find_points(policy, score.category, score.modality) for score in scores},
            ),
        )

    def try_point(self, principal: Principal, asked: RulePointChange) -> PointTrial:
        """Evaluate the last prompts with the point. Raises `Conflict`, `InvalidField` and `PolicyError`."""
        principal.require(KeyScope.POLICY)
        tenant = principal.tenant
        current = self.in_force(tenant)
        moved = move_point(current, self.taxonomy, asked.rule, asked.score)
        terms = [waiver.terms for waiver in self.waivers(tenant)]
        history = read_newest_history(self.database, tenant, waivers=terms, prompts=TRIED_PROMPTS)
        compared = compare(current, moved, self.taxonomy, history)
        with self.database.read_transaction(tenant) as tx:
            judged = read_judgements(tx, {one.id for one in compared.changed})
        effects = Counter(_effect(one, judged.get(one.id)) for one in compared.changed)
        counted = Counter((one.category, one.before, one.after) for one in compared.changed)
        return PointTrial(
            rule=asked.rule,
            score=asked.score,
            videos=compared.videos,
            unreadable=compared.unreadable,
            changes=tuple(
                TriedChange(category=category, before=before, after=after, count=count)
                for (category, before, after), count in counted.most_common()
            ),
            became_right=effects[True],
            became_wrong=effects[False],
        )

    def set_point(self, principal: Principal, asked: RulePointChange) -> PublishedPolicy:
        """Publish the policy in force with the point, for this tenant. Raises what `try_point` raises."""
        principal.require(KeyScope.POLICY)
        moved = move_point(self.in_force(principal.tenant), self.taxonomy, asked.rule, asked.score)
        return self.policies.publish(
            moved, published_by=principal.name, tenant=principal.tenant, by=principal.id
        )


def _effect(changed: ChangedVideo, judged: Judgement | None) -> bool | None:
    """Whether a decided video is now treated rightly and was not, or the other way round; None if neither."""
    stops = changed.after.severity >= Action.HOLD.severity
    if judged is None or judged.is_own or stops is (changed.before.severity >= Action.HOLD.severity):
        return None
    return stops is judged.is_harmful
