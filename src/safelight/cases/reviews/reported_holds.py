"""Holds that reported hashes caused, with their notices, and holds that no enrolled person may decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from sqlalchemy import func, select

from safelight.accounts import KeyScope
from safelight.accounts.deciders import has_holder
from safelight.core.ids import is_id
from safelight.core.records import About, Seconds, Shown
from safelight.policy.findings import Category, Finding, Match, unpack
from safelight.store.database import Transaction
from safelight.store.tables import cases, findings, notice_hashes
from safelight.videos.case_rows.models import Case, CaseKind, CaseState

_OPEN_HOLDS = (
    cases.c.state == CaseState.OPEN.value,
    cases.c.kind == CaseKind.HOLD.value,
    # Near-duplicates are decided with their leader.
    cases.c.leader_id.is_(None),
)


@dataclass(frozen=True, kw_only=True)
class WithheldHold(Shown):
    """What people without the scope `vault` learn of a quarantined hold that a notice caused."""

    kind: Literal[CaseKind.HOLD] = CaseKind.HOLD
    opened_at: Seconds
    notices: Annotated[tuple[str, ...], About("The notices whose hashes caused the hold.")]


def matched_entries(matches: Iterable[Finding]) -> frozenset[str]:
    """The names of the reported, unconfirmed hashes that these findings match."""
    return frozenset(
        part.entry
        for one in matches
        if one.is_reported_hash
        for part in one.evidence
        if isinstance(part, Match)
    )


def find_notices(whole: Transaction, held: Sequence[Case]) -> dict[str, tuple[str, ...]]:
    """The notices whose hashes caused these holds, by the id of the case.

    `whole` is across tenants: the hashes of a visitor hold files of all of them.
    """
    of_video = {
        one.video_id: one for one in held if one.kind is CaseKind.HOLD and one.category == Category.NCII
    }
    if not of_video:
        return {}
    matched: dict[str, frozenset[str]] = {}
    for row in whole.select(findings, findings.c.video_id.in_(sorted(of_video))):
        case = of_video[row.video_id]
        if row.stage == case.stage:
            matched[case.id] = matched.get(case.id, frozenset()) | matched_entries(unpack(row.findings))
    entries = sorted(frozenset().union(*matched.values()))
    rows = whole.select(notice_hashes, notice_hashes.c.entry.in_(entries)) if entries else []
    # The other rows are decisions about a match, and have the id of its video.
    known = [row for row in rows if is_id(row.notice_id, "report")]
    return {
        case_id: found
        for case_id, wanted in matched.items()
        if (found := tuple(sorted({row.notice_id for row in known if row.entry in wanted})))
    }


def find_withheld(whole: Transaction, held: Sequence[Case]) -> tuple[WithheldHold, ...]:
    """Of these quarantined holds, those that notices caused."""
    notices = find_notices(whole, held)
    return tuple(
        WithheldHold(opened_at=one.opened_at, notices=notices[one.id]) for one in held if one.id in notices
    )


def count_undecidable(whole: Transaction, tenant: str | None = None) -> Counter[KeyScope]:
    """The number of open holds that no key in force and no enrolled person may decide, by the scope that is
    missing. `tenant`: only its holds.
    """
    where = _OPEN_HOLDS if tenant is None else (*_OPEN_HOLDS, cases.c.tenant_id == tenant)
    counted = (
        select(cases.c.tenant_id, cases.c.quarantined, func.count().label("number"))
        .where(*where)
        .group_by(cases.c.tenant_id, cases.c.quarantined)
    )
    found: Counter[KeyScope] = Counter()
    for row in whole.execute(counted):
        scope = KeyScope.VAULT if row.quarantined else KeyScope.REVIEW
        if not has_holder(whole.of_tenant(row.tenant_id), {scope}):
            found[scope] += row.number
    return found
