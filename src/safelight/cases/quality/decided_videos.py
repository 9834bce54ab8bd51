"""Reads what people decided about videos, what the checks had done, and what the detectors had scored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, select

from safelight.accounts import find_same_people
from safelight.accounts.reporter import Reporter
from safelight.cases.appeals import BY_REPORTER
from safelight.policy.findings import Finding, unpack
from safelight.policy.verdicts import Action, Verdict
from safelight.store.database import Filter, Row, Transaction
from safelight.store.tables import (
    appeals,
    cases,
    decisions,
    findings,
    golden_cases,
    quality_answers,
    quality_cases,
    reports,
    statements,
    verdicts,
    videos,
)
from safelight.videos.case_rows import CaseKind, DecisionAction

from .figures import DecidedVideo, DecidedVideos, DecisionSource, Score
from .models import AS_ANSWER, QualityPurpose

#: The newest decisions that count. The interval of a rate of 10 % is then 1.2 points wide.
MAX_DECISIONS = 10_000
#: Number of ids in one condition. PostgreSQL and SQLite accept far more.
_MAX_IDS = 500
_verdict_decoder = msgspec.json.Decoder(Verdict)

#: The categories of the rule with this id.
CategoriesOfRule = Callable[[str], frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a person decided about a video."""

    video_id: str
    at: float
    source: DecisionSource
    is_harmful: bool
    #: The category of the case, and the rule that the person named.
    category: str
    clause: str | None
    #: Whether the person had requested or reported the video. Cases that need an independent person are never
    #: decided by such a one.
    is_own: bool = False


def read_decided_videos(tx: Transaction, categories_of: CategoriesOfRule) -> DecidedVideos:
    """The decided videos with verdicts and scores. A video counts once, by the newest decision."""
    judged = read_judgements(tx)
    made = {video_id: one for video_id, one in judged.items() if not one.is_own}
    by_video = _read_verdicts(tx, made)
    # Without a verdict nothing is known about the checks; the test card is no content.
    counted = {name: verdict for name, verdict in by_video.items() if not verdict.test_card_only}
    with_finding = {name: verdict for name, verdict in counted.items() if not verdict.is_decided_by_gaps}
    scores = _read_scores(tx, {name: made[name] for name in with_finding})
    return DecidedVideos(
        videos=tuple(
            _decided(made[name], verdict, scores.get(name, {}), categories_of)
            for name, verdict in with_finding.items()
            # Nobody decided about the stop of a golden case.
            if not (_is_stopped(verdict) and made[name].source is DecisionSource.GOLDEN)
        ),
        own=len(judged) - len(made),
        without_finding=len(counted) - len(with_finding),
    )


def read_judgements(tx: Transaction, video_ids: Collection[str] | None = None) -> dict[str, Judgement]:
    """The newest decision about each video, or about each of these; none about vaulted videos. A golden case
    counts only without another decision, because it is chosen.

    Answers to golden cases and second reviews are about reviewers and do not count, nor does a decision that
    was copied to a near-duplicate.
    """
    found: dict[str, Judgement] = {}
    parts: Iterable[Collection[str] | None] = (None,) if video_ids is None else _chunks(video_ids)
    for ids in parts:
        read = [*_of_decisions(tx, ids), *_of_samples(tx, ids), *_of_golden(tx, ids)]
        found |= {one.video_id: one for one in sorted(read, key=_rank)}
    vaulted = {row.id for row in _rows(tx, videos.c.id, found, videos.c.vaulted) if row.vaulted}
    return {video_id: one for video_id, one in found.items() if video_id not in vaulted}


def _rank(one: Judgement) -> tuple[bool, float]:
    return one.source is not DecisionSource.GOLDEN, one.at


def _of_decisions(tx: Transaction, ids: Collection[str] | None) -> Iterator[Judgement]:
    of = decisions.c
    query = (
        select(decisions, cases.c.kind, cases.c.category)
        .join_from(decisions, cases, and_(of.case_id == cases.c.id, of.tenant_id == cases.c.tenant_id))
        .where(*tx.tenant_condition(decisions), *tx.tenant_condition(cases), *_among(of.video_id, ids))
        .where(cases.c.kind != CaseKind.QUALITY.value, cases.c.leader_id.is_(None))
        .order_by(of.at.desc(), of.id)
        .limit(MAX_DECISIONS)
    )
    rows = tx.execute(query).all()
    by_reporters = _appeals_of_reporters(tx)
    involved = _involved(tx, rows)
    same = {who: find_same_people(tx, {who}) for who in {row.decided_by for row in rows}}
    for row in rows:
        against = AS_ANSWER[DecisionAction(row.action)] is DecisionAction.AGAINST_POLICY
        yield Judgement(
            video_id=row.video_id,
            at=row.at,
            source=DecisionSource(row.kind),
            # Against a rejected report: to overturn it is to withdraw the video.
            is_harmful=against is not (row.case_id in by_reporters),
            category=row.category,
            clause=row.clause,
            is_own=bool(same[row.decided_by] & involved[row.case_id]),
        )


def _appeals_of_reporters(tx: Transaction) -> frozenset[str]:
    """The cases of appeals against rejected reports."""
    query = (
        select(appeals.c.case_id)
        .join_from(
            appeals,
            statements,
            and_(appeals.c.statement_id == statements.c.id, appeals.c.tenant_id == statements.c.tenant_id),
        )
        .where(*tx.tenant_condition(appeals), *tx.tenant_condition(statements))
        .where(statements.c.kind.in_([kind.value for kind in BY_REPORTER]))
    )
    return frozenset(row.case_id for row in tx.execute(query).all())


def _involved(tx: Transaction, rows: Iterable[Row]) -> dict[str, set[str]]:
    """By case: who requested or reported its video."""
    made = list(rows)
    requested = {
        row.id: row.principal_id
        for row in _rows(tx, videos.c.id, {one.video_id for one in made}, videos.c.principal_id)
    }
    found = {one.case_id: {requested.get(one.video_id, "")} for one in made}
    for row in _rows(tx, reports.c.case_id, found, reports.c.reporter):
        found[row.case_id].add(Reporter.parse(row.reporter).principal_id or "")
    return found


def _of_samples(tx: Transaction, ids: Collection[str] | None) -> Iterator[Judgement]:
    """The answers to random samples of delivered videos."""
    answered, of = quality_answers.c, quality_cases.c
    query = (
        select(cases.c.video_id, cases.c.category, answered.at, answered.answer, answered.clause)
        .join_from(
            quality_cases,
            quality_answers,
            and_(answered.case_id == of.case_id, answered.tenant_id == of.tenant_id),
        )
        .join(cases, and_(cases.c.id == of.case_id, cases.c.tenant_id == of.tenant_id))
        .where(*tx.tenant_condition(quality_cases), *tx.tenant_condition(quality_answers))
        .where(*tx.tenant_condition(cases), *_among(cases.c.video_id, ids))
        .where(of.purpose == QualityPurpose.SAMPLE.value)
        .order_by(answered.at.desc(), of.case_id)
        .limit(MAX_DECISIONS)
    )
    for row in tx.execute(query).all():
        yield Judgement(
            video_id=row.video_id,
            at=row.at,
            source=DecisionSource.SAMPLE,
            is_harmful=row.answer == DecisionAction.AGAINST_POLICY.value,
            category=row.category,
            clause=row.clause,
        )


def _of_golden(tx: Transaction, ids: Collection[str] | None) -> Iterator[Judgement]:
    """The answers that leads wrote down."""
    of = golden_cases.c
    for row in tx.select(golden_cases, of.retired_at.is_(None), *_among(of.video_id, ids)):
        yield Judgement(
            video_id=row.video_id,
            at=row.created_at,
            source=DecisionSource.GOLDEN,
            is_harmful=row.answer == DecisionAction.AGAINST_POLICY.value,
            category="",
            clause=row.clause,
        )


def _read_verdicts(tx: Transaction, judged: Mapping[str, Judgement]) -> dict[str, Verdict]:
    """For each video the verdict with the strongest action, the newest of these, at the time of the decision:
    the person did not decide about later ones.
    """
    found: dict[str, Verdict] = {}
    for row in _rows(tx, verdicts.c.video_id, judged, verdicts.c.created_at, verdicts.c.body):
        if row.created_at > judged[row.video_id].at:
            continue
        verdict, known = _verdict_decoder.decode(row.body), found.get(row.video_id)
        if known is None or verdict.action.severity >= known.action.severity:
            found[row.video_id] = verdict
    return found


def _read_scores(tx: Transaction, judged: Mapping[str, Judgement]) -> dict[str, dict[Score, float]]:
    """For each video the highest score of each detector at the time of the decision, without what a rule
    would set aside.
    """
    found: dict[str, dict[Score, float]] = {}
    for row in _rows(tx, findings.c.video_id, judged, findings.c.created_at, findings.c.findings):
        if row.created_at > judged[row.video_id].at:
            continue
        scores = found.setdefault(row.video_id, {})
        for one in filter(_counts, unpack(row.findings)):
            key = Score(one.category, one.modality.value, one.detector)
            scores[key] = max(one.score, scores.get(key, 0.0))
    return found


def _counts(finding: Finding) -> bool:
    is_denied = finding.attributes.get("negated") or finding.attributes.get("rejected")
    return not (is_denied or finding.test_card)


def _decided(
    judged: Judgement, verdict: Verdict, scores: Mapping[Score, float], categories_of: CategoriesOfRule
) -> DecidedVideo:
    stopped = _is_stopped(verdict)
    category = verdict.category if stopped else judged.category
    named = categories_of(judged.clause) if judged.clause and judged.is_harmful else frozenset()
    harm = category if category in named or not named else min(named)
    return DecidedVideo(
        id=judged.video_id,
        source=judged.source,
        stopped=stopped,
        is_harmful=judged.is_harmful,
        category=category if stopped else harm,
        harm=harm,
        scores=scores,
    )


def _is_stopped(verdict: Verdict) -> bool:
    return verdict.action.severity >= Action.HOLD.severity


def _among(column: ColumnElement[str], ids: Collection[str] | None) -> tuple[Filter, ...]:
    return () if ids is None else (column.in_(ids),)


def _rows(tx: Transaction, of: ColumnElement[str], ids: Iterable[str], *columns: Any) -> Iterator[Row]:
    """These columns of the rows with these ids, without prompts and other large columns; the first gives the
    order.
    """
    for part in _chunks(ids):
        yield from tx.select(columns[0].table, of.in_(part), columns=[of, *columns], order_by=(columns[0],))


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _MAX_IDS):
        yield ordered[start : start + _MAX_IDS]
