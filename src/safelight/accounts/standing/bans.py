"""Bans: imposed, confirmed by a second person, and lifted."""

from __future__ import annotations

from safelight.accounts import Principal, PrincipalKind, ReviewRank, find_same_people
from safelight.accounts.models import split_subject
from safelight.accounts.terms import check_subject, lock_subject
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.core.reasons import MAX_REASON_CHARACTERS, validate_text
from safelight.store.database import Database, Transaction
from safelight.store.rows import stored_columns
from safelight.store.tables import bans

from .changes import announce_change
from .models import Ban, Standing
from .rows import ban_from_row, ban_of, lift_ban
from .service import Standings

#: A ban takes effect after this time, so that the person can object before. Not after a threat to life.
BAN_NOTICE_S = 24 * 3600.0


class Bans:
    """A ban is decided by two different people with at least the rank of a senior reviewer."""

    def __init__(self, database: Database, standings: Standings) -> None:
        self._database = database
        self._standings = standings

    def propose(
        self, principal: Principal, subject: str, *, reason: str, threat_to_life: bool = False
    ) -> Ban:
        """Propose to ban an end user. Nothing changes for them until another person confirms it.

        Raises `Conflict` if a ban exists or the strikes have too few points. A threat to life needs none.
        """
        _require_senior(principal)
        reason = validate_text(reason, "reason", MAX_REASON_CHARACTERS)
        check_subject(subject)
        if not split_subject(subject)[1]:
            raise InvalidField(
                "Only an end user can be banned: a key serves many people.",
                param="subject",
                remedy="Send end_user:IDENTIFIER, or revoke the key.",
            )
        with self._database.transaction(principal.tenant) as tx:
            lock_subject(tx, subject)
            if ban_of(tx, subject) is not None:
                raise Conflict(f"{subject} has a ban already, or one that waits for confirmation.")
            self._require_points(self._standings.read(tx, subject), threat_to_life=threat_to_life)
            made = Ban(
                id=new_id("ban"),
                subject=subject,
                reason=reason,
                threat_to_life=threat_to_life,
                proposed_by=principal.id,
                proposed_at=tx.now(),
            )
            tx.insert(bans, **stored_columns(made, bans))
            tx.append_audit("ban.proposed", subject=made.id, actor=principal.id, content={"reason": reason})
        return made

    def confirm(self, principal: Principal, ban_id: str) -> Ban:
        """Confirm the ban that another person proposed.

        Raises `Forbidden` for the same person, and `Conflict` if the strikes no longer have enough points.
        """
        with self._database.transaction(principal.tenant) as tx:
            ban = _lock(tx, ban_id)
            _require_senior(principal)
            if principal.id in find_same_people(tx, [ban.proposed_by]):
                raise Forbidden("Another person than the one who proposed a ban has to confirm it.")
            if ban.confirmed_at is not None:
                raise Conflict(f"{ban.id} was confirmed already.", param="ban_id")
            now, before = tx.now(), self._standings.read(tx, ban.subject)
            self._require_points(before, threat_to_life=ban.threat_to_life)
            tx.update(
                bans,
                ban.id,
                confirmed_by=principal.id,
                confirmed_at=now,
                effective_at=now + (0.0 if ban.threat_to_life else BAN_NOTICE_S),
            )
            tx.append_audit("ban.confirmed", subject=ban.id, actor=principal.id, content={})
            after = self._standings.read(tx, ban.subject)
            announce_change(tx, before, after, actor=principal.id, by_person=True)
            return _find(tx, ban.id)

    def lift(self, principal: Principal, ban_id: str, *, reason: str) -> Ban:
        """Lift a ban, or withdraw its proposal. One senior person is enough."""
        _require_senior(principal)
        reason = validate_text(reason, "reason", MAX_REASON_CHARACTERS)
        with self._database.transaction(principal.tenant) as tx:
            ban = _lock(tx, ban_id)
            before = self._standings.read(tx, ban.subject)
            lift_ban(tx, ban, actor=principal.id, reason=reason)
            after = self._standings.read(tx, ban.subject)
            announce_change(tx, before, after, actor=principal.id, by_person=True)
            row = tx.one(bans, ban.id)
            assert row is not None
            return ban_from_row(row)

    def _require_points(self, standing: Standing, *, threat_to_life: bool) -> None:
        least = self._standings.thresholds.ban
        if standing.points < least and not threat_to_life:
            raise Conflict(
                f"{standing.subject} has strikes of {standing.points} points, and a ban needs {least}.",
                param="subject",
            )


def _require_senior(principal: Principal) -> None:
    """Raise `Forbidden` for API keys too: a key does not show which person decides."""
    if principal.kind is PrincipalKind.KEY or principal.review_rank < ReviewRank.SENIOR:
        raise Forbidden(
            "Only a senior reviewer, a trust lead or the owner can decide about bans, signed in as a person."
        )


def _lock(tx: Transaction, ban_id: str) -> Ban:
    """Lock the subject of a ban, and return the ban as it is then."""
    lock_subject(tx, _find(tx, ban_id).subject)
    return _find(tx, ban_id)


def _find(tx: Transaction, ban_id: str) -> Ban:
    row = tx.find(bans, "ban", ban_id, bans.c.lifted_at.is_(None))
    if row is None:
        raise NotFound(f"There is no ban {ban_id[:80]!r} that can be changed.", param="ban_id")
    return ban_from_row(row)
