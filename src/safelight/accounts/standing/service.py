"""Gives and removes strikes, and stops requests of end users whose standing does not allow them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from safelight.accounts import KeyScope, Principal, PrincipalKind
from safelight.accounts.models import account_subject, end_user_subject, subjects_of
from safelight.accounts.terms import lock_subject
from safelight.core.errors import AccountSuspended, CoolDown
from safelight.core.ids import new_id
from safelight.store.database import Database, Transaction
from safelight.store.tables import bans, cases, strikes

from .changes import announce_change
from .models import Ban, GivenBy, Level, Standing, StandingPage, Thresholds
from .rows import ban_from_row, ban_of, is_stopped_by_vault, lift_ban, strikes_of
from .strike_rules import Cause, compute_standing

#: Why a strike was removed.
APPEAL_WON = "appeal_won"
_MAX_LISTED = 500


@dataclass(frozen=True, kw_only=True)
class Offence:
    """A video whose requester gets a strike."""

    video_id: str
    account: str
    end_user: str | None
    #: None: the decision gives no strike.
    cause: Cause | None
    #: The decision of a person, and its case; None for a block by the policy.
    decision_id: str | None = None
    case_id: str | None = None
    #: For the audit log: the reviewer, or `policy`.
    actor: str = "policy"


class Standings:
    def __init__(self, database: Database, thresholds: Thresholds) -> None:
        self._database = database
        self.thresholds = thresholds

    def give(self, tx: Transaction, offence: Offence) -> None:
        """Give the strike for a video, if it has a cause, once, in the transaction of the decision."""
        if offence.cause is None:
            return
        end_user = offence.end_user
        subject = end_user_subject(end_user) if end_user else account_subject(offence.account)
        lock_subject(tx, subject)
        before, now = self.read(tx, subject), tx.now()
        if _is_repeated(tx, before, offence):
            return
        by_person = offence.decision_id is not None
        given = tx.insert_or_ignore(
            strikes,
            id=(strike_id := new_id("strike")),
            subject=subject,
            video_id=offence.video_id,
            category=offence.cause.category,
            learned=offence.cause.learned,
            severity=offence.cause.severity,
            weight=offence.cause.weight,
            given_by=(GivenBy.PERSON if by_person else GivenBy.MACHINE).value,
            decision_id=offence.decision_id,
            given_at=now,
            expires_at=now + self.thresholds.expiry_s,
        )
        if not given:
            return
        tx.append_audit(
            "strike.given",
            subject=offence.video_id,
            actor=offence.actor,
            content={"strike": strike_id, "subject": subject, "category": offence.cause.category},
        )
        announce_change(tx, before, self.read(tx, subject), actor=offence.actor, by_person=by_person)

    def remove(self, tx: Transaction, video_id: str, *, actor: str, reason: str = APPEAL_WON) -> None:
        """Remove the strike for a video, if there is one, in the transaction of the decision.

        A ban that is not in force yet is lifted if it no longer has enough points. One in force stays until
        a person lifts it; `list` shows it.
        """
        valid = (strikes.c.video_id == video_id, strikes.c.removed_at.is_(None))
        row = tx.one(strikes, *valid)
        if row is None:
            return
        lock_subject(tx, row.subject)
        if tx.one(strikes, *valid, lock=True) is None:
            return
        before = self.read(tx, row.subject)
        tx.update(strikes, row.id, removed_at=tx.now(), removed_reason=reason)
        tx.append_audit(
            "strike.removed",
            subject=video_id,
            actor=actor,
            content={"strike": row.id, "subject": row.subject, "reason": reason},
        )
        ban = ban_of(tx, row.subject)
        if ban is not None and not ban.is_in_force(tx.now()) and self._lacks_points(tx, ban):
            lift_ban(tx, ban, actor=actor, reason=reason)
        after = self.read(tx, row.subject)
        announce_change(tx, before, after, actor=actor, by_person=reason == APPEAL_WON)

    def _lacks_points(self, tx: Transaction, ban: Ban) -> bool:
        """Whether strikes behind a ban were removed, and those that are left have too few points for it."""
        removed = any(
            one.removed_at is not None and one.removed_at >= ban.proposed_at
            for one in strikes_of(tx, ban.subject)
        )
        points = self.read(tx, ban.subject).points
        return removed and not ban.threat_to_life and points < self.thresholds.ban

    def read(self, tx: Transaction, subject: str) -> Standing:
        return compute_standing(
            subject,
            strikes_of(tx, subject),
            ban_of(tx, subject),
            self.thresholds,
            now=tx.now(),
            is_vaulted=is_stopped_by_vault(tx, subject),
        )

    def require_good(self, tx: Transaction, account: str, end_user: str | None) -> None:
        """Raise `AccountSuspended` or `CoolDown` if they may not send requests now."""
        if is_stopped_by_vault(tx, *subjects_of(account, end_user)):
            # Vaulted content is not explained.
            raise AccountSuspended("You are suspended until a person has decided. Nothing was charged.")
        if not end_user:
            return
        standing = self.read(tx, end_user_subject(end_user))
        if not standing.level.stops_requests:
            return
        sentence = "Nothing was charged. GET /v1/safelight/standing shows the strikes."
        if standing.until is None:
            raise AccountSuspended(f"This end user is banned. {sentence}", param="safety_identifier")
        when = f"{dt.datetime.fromtimestamp(standing.until, dt.UTC):%Y-%m-%d %H:%M} UTC"
        if standing.level is Level.SUSPENSION:
            raise AccountSuspended(
                f"This end user is suspended until {when}. {sentence}", param="safety_identifier"
            )
        raise CoolDown(
            f"This end user has to wait until {when} after the last strike. {sentence}",
            retry_after_s=max(1.0, standing.until - tx.now()),
            param="safety_identifier",
        )

    def own(self, principal: Principal, end_user: str | None = None) -> Standing:
        """The standing of the caller, or of an end user of the tenant, with the valid strikes."""
        principal.require(KeyScope.VIDEOS_READ)
        subject = end_user_subject(end_user) if end_user else account_subject(principal.id)
        with self._database.read_transaction(principal.tenant) as tx:
            return self.read(tx, subject)

    def of_subject(self, principal: Principal, subject: str) -> Standing:
        """The standing of an account or end user, for reviewers."""
        principal.require(KeyScope.REVIEW)
        with self._database.read_transaction(principal.tenant) as tx:
            return self.read(tx, subject)

    def list(self, principal: Principal) -> StandingPage:
        """The accounts and end users with valid strikes or bans. Needs a reviewer, and not an API key."""
        principal.require(KeyScope.REVIEW)
        if principal.kind is PrincipalKind.KEY:
            principal.require(KeyScope.ADMIN)
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(
                strikes,
                strikes.c.expires_at > tx.now(),
                strikes.c.removed_at.is_(None),
                columns=[strikes.c.subject],
                order_by=(strikes.c.given_at.desc(),),
                limit=_MAX_LISTED,
            )
            open_bans = [ban_from_row(row) for row in tx.select(bans, bans.c.lifted_at.is_(None))]
            subjects = dict.fromkeys([row.subject for row in rows] + [one.subject for one in open_bans])
            weak = frozenset(one.id for one in open_bans if self._lacks_points(tx, one))
            found = [self.read(tx, subject) for subject in subjects]
        return StandingPage(
            standings=tuple(sorted(found, key=lambda one: (-one.points, one.subject))),
            bans=tuple(open_bans),
            bans_without_points=weak,
        )


def _is_repeated(tx: Transaction, standing: Standing, offence: Offence) -> bool:
    """Whether this subject has a valid strike for a near-duplicate: the same request is one strike."""
    row = tx.one(cases, offence.case_id) if offence.case_id else None
    if row is None or row.cluster_key is None or not standing.strikes:
        return False
    struck = [one.video_id for one in standing.strikes]
    return bool(tx.count(cases, cases.c.cluster_key == row.cluster_key, cases.c.video_id.in_(struck)))
