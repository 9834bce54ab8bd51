"""People who are involved in a video, and so may not decide an appeal or answer in a quality review."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import or_, select

from safelight.accounts import KeyScope, Principal, ReviewRank, find_same_people
from safelight.accounts.reporter import Reporter
from safelight.accounts.statements import StatementKind
from safelight.accounts.store import ACTIVE, principal_of_person
from safelight.store.database import Filter, Row, Transaction
from safelight.store.tables import (
    case_conflicts,
    cases,
    copied_sources,
    decisions,
    golden_cases,
    pending_decisions,
    people,
    quality_answers,
    quality_cases,
    reports,
    statements,
    video_lineage,
    videos,
)
from safelight.videos.case_rows.models import Case, CaseKind, CaseState

#: The kinds that need a person who is not involved.
INDEPENDENT = frozenset({CaseKind.APPEAL, CaseKind.QUALITY})
#: Number of ids in one condition. PostgreSQL and SQLite accept far more.
_MAX_IDS = 500
#: Videos that are read in each direction of a lineage, so that a case opens fast. Far more than most have.
_MAX_RELATED = 1000


def involved_people(tx: Transaction, of: Case) -> frozenset[str]:
    """Ids of the people who may not decide an appeal or answer in a quality review."""
    return people_around(tx, of.video_id, apart_from=of.id, count_quality_answers=of.kind is CaseKind.QUALITY)


def people_around(
    tx: Transaction, video_id: str, *, apart_from: str = "", count_quality_answers: bool = True
) -> frozenset[str]:
    """Ids of the people who had to do with a video. `apart_from`: a case that does not count.

    They decided about this video, about a video from which it was made or that was made from it, about one of
    which it was found to be a copy, or about a near-duplicate that was decided with one of these; or they
    requested it, reported it, sent the appeal, or made it a golden case. A person and the API keys that this
    person created are the same.

    `count_quality_answers`: also those who answered in a quality review. An appeal does not count them: such
    an answer is no decision, and small teams would have no reviewer left for the appeal.
    """
    related = _lineage(tx, video_id)
    related_cases = _clusters(tx, related) - {apart_from}
    if not count_quality_answers:
        related_cases -= _quality_reviews(tx, related)
    found: set[str] = set()
    for ids in _chunks(related_cases):
        for table in (decisions, pending_decisions):
            found |= {
                row.decided_by
                for row in tx.select(table, table.c.case_id.in_(ids), columns=[table.c.decided_by])
            }
        answered = quality_answers.c.case_id.in_(ids) & quality_answers.c.person.is_not(None)
        found |= {row.person for row in tx.select(quality_answers, answered)}
    for ids in _chunks(related):
        found |= {
            row.principal_id
            for row in tx.select(videos, videos.c.id.in_(ids), columns=[videos.c.principal_id])
        }
        found |= {
            reporter
            for row in tx.select(reports, reports.c.video_id.in_(ids), columns=[reports.c.reporter])
            if (reporter := Reporter.parse(row.reporter).principal_id) is not None
        }
        found |= {row.author for row in tx.select(golden_cases, golden_cases.c.video_id.in_(ids))}
    return find_same_people(tx, found)


def record_conflicts(tx: Transaction, of: Case) -> frozenset[str]:
    """Write the involved people of an appeal or a quality review to the table that the queue and the triggers
    of the database read, and return them. The other kinds of cases have none.
    """
    if of.kind not in INDEPENDENT:
        return frozenset()
    involved = involved_people(tx, of)
    known = {row.person for row in tx.select(case_conflicts, case_conflicts.c.case_id == of.id)}
    for person in sorted(involved - known):
        tx.insert_or_ignore(case_conflicts, case_id=of.id, person=person)
    return involved


def open_to(tx: Transaction, principal: Principal) -> Filter:
    """The condition on the cases that this principal may know of: a quality review is hidden from those who
    are involved in it, and a golden case from all but the person who was given it.
    """
    mine = or_(quality_cases.c.assigned_to.is_(None), quality_cases.c.assigned_to == principal.id)
    given = select(quality_cases.c.case_id).where(*tx.tenant_condition(quality_cases), mine)
    involved = select(case_conflicts.c.case_id).where(
        *tx.tenant_condition(case_conflicts), case_conflicts.c.person == principal.id
    )
    return or_(cases.c.kind != CaseKind.QUALITY.value, cases.c.id.in_(given) & cases.c.id.not_in(involved))


def own_people(tx: Transaction, of: Case) -> frozenset[str]:
    """Ids of those who requested the video of a hold or report, or one of its open near-duplicates, or
    reported it. A person and the API keys that this person created are the same.
    """
    # Two queries: with one, PostgreSQL or SQLite reads all rows of the tenant.
    members = (cases.c.leader_id == of.id, cases.c.state == CaseState.OPEN.value)
    shown = {of.video_id, *(row.video_id for row in tx.select(cases, *members, columns=[cases.c.video_id]))}
    found = {
        row.principal_id
        for ids in _chunks(shown)
        for row in tx.select(videos, videos.c.id.in_(ids), columns=[videos.c.principal_id])
    }
    sent = tx.select(reports, reports.c.case_id == of.id, columns=[reports.c.reporter])
    found |= {one for row in sent if (one := Reporter.parse(row.reporter).principal_id) is not None}
    return find_same_people(tx, found)


def has_other_decider(tx: Transaction, of: Case, own: Collection[str]) -> bool:
    """Whether an enrolled person who is not one of `own` may decide the case."""
    active = tx.select(people, people.c.state == ACTIVE)
    return any(
        other is not None and other.id not in own and may_decide(other, of)
        for other in map(principal_of_person, active)
    )


def may_decide(principal: Principal, of: Case) -> bool:
    """Whether the scopes and the rank of a principal are enough for a case."""
    scope = KeyScope.VAULT if of.quarantined else KeyScope.REVIEW
    rank = max(of.required_rank, ReviewRank.REVIEWER)
    return principal.has_scope(scope) and principal.review_rank >= rank


def _lineage(tx: Transaction, video_id: str) -> set[str]:
    """The ids of a video, of what it was made from, and of what was made from it, in this tenant: by remix,
    edit, extension, character, copy or reinstatement.

    Not those of other videos made from the same source: one clip that many videos use would connect all.
    """
    return _walk(tx, video_id, _sources) | _walk(tx, video_id, _made_from)


def _walk(
    tx: Transaction, video_id: str, read_next: Callable[[Transaction, list[str]], list[str]]
) -> set[str]:
    """The nearest videos and characters in one direction, with this one."""
    found: set[str] = set()
    wanted = {video_id}
    while wanted:
        found |= wanted
        following = [each for ids in _chunks(wanted) for each in read_next(tx, ids)]
        new = [each for each in dict.fromkeys(following) if each not in found]
        wanted = set(new[: _MAX_RELATED - len(found)])
    return found


def _sources(tx: Transaction, ids: list[str]) -> list[str]:
    """The ids of the videos and characters from which these were made directly."""
    remixed = tx.select(videos, videos.c.id.in_(ids), columns=[videos.c.remixed_from])
    derived = tx.select(video_lineage, video_lineage.c.video_id.in_(ids), columns=[video_lineage.c.parent_id])
    copied = tx.select(copied_sources, copied_sources.c.video_id.in_(ids))
    # A copy that went with its original was withdrawn for the case of that one.
    of = statements.c
    told = select(of.case_id).where(
        *tx.tenant_condition(statements), of.kind == StatementKind.WITHDRAWN.value, of.video_id.in_(ids)
    )
    reported = tx.select(cases, cases.c.id.in_(told), columns=[cases.c.video_id])
    return [
        *(row.remixed_from for row in remixed if row.remixed_from is not None),
        *(row.parent_id for row in derived),
        *(row.source_id for row in copied),
        *(row.video_id for row in reported),
        *_releases(tx, ids),
    ]


def _made_from(tx: Transaction, ids: list[str]) -> list[str]:
    """The ids of the newest videos and characters that were made directly from these."""
    rows: list[Row] = []
    for made, source in (
        (videos.c.id, videos.c.remixed_from),
        (video_lineage.c.video_id, video_lineage.c.parent_id),
        (copied_sources.c.video_id, copied_sources.c.source_id),
    ):
        created_at = source.table.c.created_at
        rows += tx.select(
            source.table,
            source.in_(ids),
            columns=[made, created_at],
            # The sum keeps SQLite from reading all videos of the tenant by their time.
            order_by=((created_at + 0).desc(),),
            limit=_MAX_RELATED,
        )
    newest = sorted(rows, key=lambda row: row.created_at, reverse=True)
    return [*_releases(tx, ids), *(row[0] for row in newest)]


def _releases(tx: Transaction, ids: list[str]) -> list[str]:
    """The ids of the videos that replaced these, or that these replaced, after an appeal."""
    columns = [videos.c.reinstated_from, videos.c.reinstated_as]
    rows = tx.select(videos, videos.c.id.in_(ids), columns=columns)
    return [each for row in rows for each in row if each is not None]


def _clusters(tx: Transaction, video_ids: Collection[str]) -> set[str]:
    """The ids of the cases of these videos, and of all cases that were decided with them."""
    columns = [cases.c.id, cases.c.cluster_id]
    own = [
        row
        for ids in _chunks(video_ids)
        for row in tx.select(cases, cases.c.video_id.in_(ids), columns=columns)
    ]
    clusters = {row.cluster_id or row.id for row in own}
    others = {
        row.id
        for ids in _chunks(clusters)
        for row in tx.select(cases, cases.c.cluster_id.in_(ids), columns=columns)
    }
    return {row.id for row in own} | clusters | others


def _quality_reviews(tx: Transaction, video_ids: Collection[str]) -> set[str]:
    """The ids of the quality reviews of these videos."""
    of_quality = cases.c.kind == CaseKind.QUALITY.value
    return {
        row.id
        for ids in _chunks(video_ids)
        for row in tx.select(cases, cases.c.video_id.in_(ids), of_quality, columns=[cases.c.id])
    }


def _chunks(ids: Collection[str]) -> list[list[str]]:
    ordered = sorted(ids)
    return [ordered[start : start + _MAX_IDS] for start in range(0, len(ordered), _MAX_IDS)]
