"""Clusters of near-duplicate cases: one reviewer decides one case, and the decision applies to all.

The reviewer does not look at the other videos of a cluster. Therefore only requests with the same words and
the same reference files, or the same generated file, are near-duplicates: a single other word can turn a
harmless prompt into a harmful one. Appeals and reports are answered one by one, because each person gives own
reasons: of a flood of reports about one uploader the queue has one case, and the others wait behind it.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import or_

from safelight.core import canonical_json
from safelight.detectors.text.normalise import normalize_text
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Verdict
from safelight.store.database import Row, Transaction
from safelight.store.tables import cases, verdicts

from .models import UNFINISHED, CaseKind, CaseState, NewCase
from .priority import rank_at

#: A decision on a cluster is one transaction, which holds the only writer of SQLite: 600 members took 0.8 s
#: before anything happened to their videos. Further near-duplicates are a cluster of their own.
MAX_CLUSTER_CASES = 100
#: Open reports about videos of one uploader that are cases of their own. From so many a reviewer sees what
#: the reports are like; with more, one uploader would fill the queue.
MAX_REPORTS_OF_UPLOADER = 10
_END_OF_SENTENCE = " .!?。！？"


def cluster_key(tx: Transaction, new: NewCase, video: Row | None) -> str | None:
    """A digest that is equal for near-duplicate cases; None if a case is decided by itself."""
    if new.kind is CaseKind.REPORT and new.may_wait and video is not None:
        return _flood_key(tx, new, video)
    # Whether a person may use a reference file is a question about this person.
    if video is None or new.kind is not CaseKind.HOLD or new.stage is Stage.REFERENCE:
        return None
    content = _request_content(video) if new.stage is Stage.PROMPT else video.generated_sha256
    if content is None:
        return None
    same_question = [
        new.kind.value,
        new.stage.value,
        new.rule,
        new.category,
        new.quarantined,
        video.generator,
    ]
    return hashlib.sha256(
        canonical_json.encode([*same_question, _verdicts(tx, video.id), content])
    ).hexdigest()


def _flood_key(tx: Transaction, new: NewCase, video: Row) -> str | None:
    uploader = cases.c.account == video.principal_id
    own = tx.select(
        cases,
        cases.c.kind == CaseKind.REPORT.value,
        cases.c.state == CaseState.OPEN.value,
        cases.c.cluster_key.is_(None),
        uploader & cases.c.end_user.is_not_distinct_from(video.end_user),
        columns=[cases.c.id],
        limit=MAX_REPORTS_OF_UPLOADER,
    )
    if len(own) < MAX_REPORTS_OF_UPLOADER:
        return None
    flood = ["flood", video.principal_id, video.end_user, new.quarantined]
    return hashlib.sha256(canonical_json.encode(flood)).hexdigest()


def _verdicts(tx: Transaction, video_id: str) -> list[list[Any]]:
    """What the verdicts on a video rest on: a decision settles all of them, also those on near-duplicates."""
    made = read_verdicts(tx, video_id)
    return sorted([one.stage.value, one.action.value, one.category, *one.matched_rules] for one in made)


def read_verdicts(tx: Transaction, video_id: str) -> list[Verdict]:
    rows = tx.select(verdicts, verdicts.c.video_id == video_id, columns=[verdicts.c.body])
    return [msgspec.json.decode(row.body, type=Verdict) for row in rows]


def join_cluster(tx: Transaction, row: Row) -> bool:
    """Add a new case to an open cluster with the same key. Returns False if there is none with a place."""
    if row.cluster_key is None:
        return False
    same = (cases.c.cluster_key == row.cluster_key, cases.c.leader_id.is_(None), cases.c.id != row.id)
    leaders = tx.select(
        cases,
        *same,
        cases.c.state == CaseState.OPEN.value,
        or_(cases.c.reach < MAX_CLUSTER_CASES, cases.c.kind == CaseKind.REPORT.value),
        order_by=(cases.c.opened_at, cases.c.id),
        limit=1,
        lock=True,
    )
    for leader in leaders:
        if row.kind == CaseKind.REPORT:
            # These are other videos, each with its own decision. Their leader stands in the queue for the
            # gravest and the earliest of them.
            tx.update(cases, row.id, leader_id=leader.id)
            tx.update(
                cases,
                leader.id,
                rank_at=min(leader.rank_at, row.rank_at),
                due_at=min(leader.due_at, row.due_at),
            )
            continue
        tx.update(
            cases,
            row.id,
            leader_id=leader.id,
            cluster_id=leader.cluster_id or leader.id,
            required_rank=leader.required_rank,
        )
        _set_reach(tx, leader, leader.reach + row.reach)
    return bool(leaders)


def members_of(tx: Transaction, case_id: str) -> list[Row]:
    """The open cases that are decided with this case, oldest first."""
    return tx.select(
        cases,
        cases.c.leader_id == case_id,
        cases.c.state == CaseState.OPEN.value,
        order_by=(cases.c.opened_at, cases.c.id),
    )


def leave_cluster(tx: Transaction, case_id: str) -> None:
    """Let a case be decided by itself."""
    tx.update(cases, case_id, leader_id=None, cluster_key=None, version=cases.c.version + 1)


def replace_leader(tx: Transaction, case_id: str) -> Row | None:
    """Let the first member of the queue lead a cluster whose leader is closed or leaves it, and return it.
    Open ones before those with a pending decision.
    """
    members = tx.select(
        cases,
        cases.c.leader_id == case_id,
        cases.c.state.in_([one.value for one in UNFINISHED]),
        order_by=(cases.c.state != CaseState.OPEN.value, cases.c.rank_at, cases.c.opened_at, cases.c.id),
    )
    if not members:
        return None
    first, *others = members
    tx.update(cases, first.id, leader_id=None, version=cases.c.version + 1)
    if others:
        tx.update(cases, cases.c.id.in_([other.id for other in others]), leader_id=first.id)
    if first.kind != CaseKind.REPORT:
        _set_reach(tx, first, sum(member.reach for member in members))
    return first


def add_report_to_reach(tx: Transaction, row: Row) -> None:
    """Count another report of the video. The version changes, because the reviewer has to read the report."""
    _set_reach(tx, row, row.reach + 1)
    tx.update(cases, row.id, version=cases.c.version + 1)


def _set_reach(tx: Transaction, row: Row, reach: int) -> None:
    # A case never loses its place: some come first whatever their due time.
    rank = min(row.rank_at, rank_at(due_at=row.due_at, severity=row.severity, reach=reach))
    tx.update(cases, row.id, reach=reach, rank_at=rank)


def _request_content(video: Row) -> list[Any]:
    """The words and files of a request, without length, size and random seed: nothing is generated yet."""
    request: dict[str, Any] = msgspec.json.decode(video.request)
    texts = request.get("texts") or {"prompt": video.prompt}
    return [
        {name: _words(text) for name, text in texts.items()},
        sorted(request.get("negated", ())),
        sorted((file["field"], file["sha256"]) for file in request.get("references", ())),
        video.remixed_from,
    ]


def _words(text: str) -> str:
    """The text without disguises, capital letters, repeated spaces and the mark at its end."""
    return " ".join(normalize_text(text).split()).rstrip(_END_OF_SENTENCE)
