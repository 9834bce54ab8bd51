"""What staff open of other people outside a case: each has an audit entry, and media count as in a case.

An entry is written once per person, thing and kind in `SHIFT_S`, so that a page that polls leaves one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from safelight.accounts import DECIDING, STAFF, Principal
from safelight.accounts.models import own_accounts
from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.models import AttemptRecord
from safelight.store.database import Database, Transaction
from safelight.store.tables import audit_log, cases, videos

from .case_rows.exposure import MAX_VIEW_S, ExposureLog
from .case_rows.models import SHIFT_S


class StaffRead(StrEnum):
    """What was opened: the event of its audit entry."""

    #: The prompt, and what the record says about it.
    PROMPT = "prompt.read"
    #: The thumbnail or the sheet of pictures.
    PREVIEWS = "previews.shown"
    #: The video itself.
    MEDIA = "media.shown"


def record_prompt_reads(database: Database, principal: Principal, owners: Mapping[str, str | None]) -> None:
    """Record that the principal reads the prompts of these videos, given with their owners."""
    _record(database, principal, StaffRead.PROMPT, owners, {})


def record_attempt_reads(database: Database, principal: Principal, video_ids: Collection[str]) -> None:
    """Record that the principal reads the prompts in attempts of these videos."""
    if not principal.has_one_of(STAFF) or not video_ids:
        return
    columns = [videos.c.id, videos.c.principal_id]
    with database.read_transaction(principal.tenant) as tx:
        rows = tx.select(videos, videos.c.id.in_(sorted(video_ids)), columns=columns)
    record_prompt_reads(database, principal, {row.id: row.principal_id for row in rows})


class StaffReads:
    """The media that staff open on the ordinary routes."""

    def __init__(self, database: Database, exposure: ExposureLog) -> None:
        self._database = database
        self._exposure = exposure

    def record_media(
        self, principal: Principal, video_id: str, owner: str, kind: StaffRead, *, sha256: str, seconds: float
    ) -> None:
        """Record that the file is opened now. For those who decide cases, `seconds` count against their
        budget, times the severity of the gravest case of the video. Raises `Forbidden` if it is used up.

        A video that is fetched again after `MAX_VIEW_S` is another view; before that, a player fetches its
        parts. Previews are one view in `SHIFT_S`, because lists show them again and again.
        """
        if not principal.has_one_of(STAFF):
            return
        with self._database.read_transaction(principal.tenant) as tx:
            if owner in own_accounts(tx, principal, (owner,)):
                return
            graded = tx.select(cases, cases.c.video_id == video_id, columns=[cases.c.severity])
        if principal.has_one_of(DECIDING):
            self._exposure.add_view(
                principal,
                f"{kind.value} {video_id}",
                severity=max((row.severity for row in graded), default=1),
                seconds=seconds,
                once_in_s=MAX_VIEW_S if kind is StaffRead.MEDIA else SHIFT_S,
            )
        _record(self._database, principal, kind, {video_id: owner}, {"sha256": sha256})


def _record(
    database: Database,
    principal: Principal,
    kind: StaffRead,
    owners: Mapping[str, str | None],
    content: Mapping[str, Any],
) -> None:
    if not principal.has_one_of(STAFF) or not owners:
        return
    with database.read_transaction(principal.tenant) as tx:
        new = _unrecorded(tx, principal, kind, owners)
    if new:
        with database.transaction(principal.tenant) as tx:
            for subject in new:
                tx.append_audit(kind.value, subject=subject, actor=principal.id, content=content)


def _unrecorded(
    tx: Transaction, principal: Principal, kind: StaffRead, owners: Mapping[str, str | None]
) -> list[str]:
    """Those that belong to somebody else and have no entry of this person in the last `SHIFT_S`."""
    own = own_accounts(tx, principal, _named(owners.values()))
    others = [subject for subject, owner in owners.items() if owner not in own]
    if not others:
        return []
    known = tx.select(
        audit_log,
        audit_log.c.subject.in_(others),
        audit_log.c.event == kind.value,
        audit_log.c.actor == principal.id,
        audit_log.c.at > tx.now() - SHIFT_S,
        columns=[audit_log.c.subject],
    )
    return sorted(set(others) - {row.subject for row in known})


def _named(owners: Iterable[str | None]) -> set[str]:
    return {owner for owner in owners if owner is not None}


def record_reads(log: AttemptLog, principal: Principal, attempts: Iterable[AttemptRecord]) -> None:
    """Leave an audit entry if staff read the prompts of other people in these attempts.

    Attempts of other programs belong to the whole team.
    """
    ids = {one.video_id for one in attempts if one.video_id and one.prompt}
    record_attempt_reads(log.database, principal, ids)
