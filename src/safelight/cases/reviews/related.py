"""Earlier decisions that help with a case: about the same account, and about the same rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import Subquery, and_, func, select

from safelight.accounts import Principal
from safelight.accounts.withheld_videos import has_readable_prompt
from safelight.detectors.text.normalise import normalize_text
from safelight.store.database import Filter, Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import cases, decisions, videos
from safelight.videos.case_rows.models import Case, CaseKind, DecisionAction

#: Decisions that a page shows of each kind.
MAX_SHOWN = 6
#: Older decisions are not shown: the policy has often changed since.
MAX_AGE_S = 90 * 86_400.0
#: The newest closed cases that are read for one list, so that a case page stays fast with many decisions.
_MAX_READ = 1000
#: The newest decisions among which the most similar prompts are found.
_MAX_COMPARED = 200
#: A prompt can have 32,000 characters, and comparing all of them takes seconds.
_MAX_COMPARED_CHARACTERS = 1000


@dataclass(frozen=True, kw_only=True)
class EarlierDecision:
    """A decision on another case, without its author."""

    case_id: str
    kind: CaseKind
    category: str
    action: DecisionAction
    #: The rule that the decision names.
    clause: str | None
    at: float
    prompt: str


@dataclass(frozen=True, kw_only=True)
class RelatedDecisions:
    """What reviewers decided in the last `MAX_AGE_S`; empty for a quality review, which is judged by its
    content alone.
    """

    #: About videos of the same end user, or else of the same account, newest first.
    history: tuple[EarlierDecision, ...] = ()
    #: About the same rule, or else the same category, in the videos of others; the most similar words first.
    similar: tuple[EarlierDecision, ...] = ()


def read_related(
    tx: Transaction, principal: Principal, of: Case, visible: Sequence[Filter]
) -> RelatedDecisions:
    """`visible`: the condition on the cases that the reader may see."""
    video = tx.one(videos, of.video_id)
    if video is None or of.is_blind:
        return RelatedDecisions()
    account = videos.c.principal_id == video.principal_id
    own = account if video.end_user is None else and_(account, videos.c.end_user == video.end_user)
    of_account = cases.c.account == video.principal_id
    theirs = of_account if video.end_user is None else and_(of_account, cases.c.end_user == video.end_user)
    others = (~own) if video.end_user is None else (videos.c.end_user.is_distinct_from(video.end_user))
    elsewhere, readable = (*visible, cases.c.id != of.id), has_readable_prompt(principal)
    own, others = and_(own, *readable), and_(others, *readable)
    if of.rule:
        newest = _newest(tx, *elsewhere, cases.c.rule == of.rule)
        compared = _read(tx, newest, others, limit=_MAX_COMPARED)
    else:
        newest = _newest(tx, *elsewhere)
        compared = _read(tx, newest, others & (newest.c.category == of.category), limit=_MAX_COMPARED)
    words = _words(video.prompt[:_MAX_COMPARED_CHARACTERS])
    nearest = sorted(compared, key=lambda row: -_similarity(words, _words(row.prompt)))
    return RelatedDecisions(
        history=tuple(map(_decision, _read(tx, _newest(tx, *elsewhere, theirs), own, limit=MAX_SHOWN))),
        similar=tuple(map(_decision, nearest[:MAX_SHOWN])),
    )


def _newest(tx: Transaction, *where: Filter) -> Subquery:
    """The cases that were closed last and meet the condition."""
    closed_at = cases.c.closed_at
    return (
        select(cases.c.id, cases.c.tenant_id, cases.c.kind, cases.c.category, closed_at)
        .where(*tx.tenant_condition(cases), *where, closed_at >= tx.now() - MAX_AGE_S)
        .order_by(closed_at.desc(), cases.c.id.desc())
        .limit(_MAX_READ)
        .subquery()
    )


def _read(tx: Transaction, newest: Subquery, where: Filter, *, limit: int) -> list[Row]:
    """The newest decisions on these cases whose videos meet the condition."""
    same_case = and_(newest.c.id == decisions.c.case_id, newest.c.tenant_id == decisions.c.tenant_id)
    same_video = and_(videos.c.id == decisions.c.video_id, videos.c.tenant_id == decisions.c.tenant_id)
    scoped = [condition for table in (decisions, videos) for condition in tx.tenant_condition(table)]
    prompt = func.substr(videos.c.prompt, 1, _MAX_COMPARED_CHARACTERS).label("prompt")
    query = (
        select(
            newest.c.id,
            newest.c.kind,
            newest.c.category,
            decisions.c.action,
            decisions.c.clause,
            decisions.c.at,
            prompt,
        )
        .join_from(newest, decisions, same_case)
        .join(videos, same_video)
        .where(*scoped, where)
        .order_by(newest.c.closed_at.desc(), newest.c.id.desc())
        .limit(limit)
    )
    return list(tx.execute(query).all())


def _decision(row: Row) -> EarlierDecision:
    return read_record(EarlierDecision, row, case_id=row.id)


def _words(prompt: str) -> frozenset[str]:
    """The words of a prompt; of a text without spaces, pairs of characters."""
    text = normalize_text(prompt)
    words = text.split()
    return frozenset(words) if len(words) > 2 else frozenset(map("".join, pairwise(text)))


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """The part of all words that both have."""
    return len(one & other) / max(1, len(one | other))
