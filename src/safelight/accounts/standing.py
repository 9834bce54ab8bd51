"""Strikes, bans, and the standing that follows from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row

from safelight.accounts import KeyScope, Principal, PrincipalKind, ReviewRank, find_same_people
from safelight.core.errors import AccountSuspended, Conflict, CoolDown, Forbidden, InvalidField, NotFound
from safelight.core.ids import is_id, new_id
from safelight.core.reasons import MAX_REASON_CHARACTERS, validate_text
from safelight.policy.explanations import can_name
from safelight.policy.findings import (
    INDICATOR_SCORE,
    SHIPPED,
    Basis,
    Finding,
    Group,
    Stage,
    Taxonomy,
    group_of,
    severity_of,
)
from safelight.policy.verdicts import Action, Verdict
from safelight.store.database import Database, Transaction
from safelight.store.tables import bans, cases, strikes

from .models import account_subject, end_user_subject, split_subject
from .statements import NO_GROUND, NewStatement, Objection, StatementKind, StatementSource, record_statement
from .terms import check_subject, lock_subject

# Strikes, bans and levels of standing.

#: Points of a strike by the severity of its category (`videos.case_rows.priority`).
WEIGHTS: Mapping[int, int] = {1: 1, 2: 1, 4: 2, 8: 3, 16: 4}
#: A ban takes effect after this time, so that the person can object before. Not after a threat to life.
BAN_NOTICE_S = 24 * 3600.0
#: The topic of the outbox, and the name of the webhook event.
TOPIC = "standing.changed"
_REQUEST_STAGES = frozenset({Stage.PROMPT, Stage.REFERENCE})
_GROUNDED = frozenset({Basis.MATCHED, Basis.COMPOSED})
#: Why a strike was removed.
APPEAL_WON = "appeal_won"
_MAX_LISTED = 500


class Level(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    #: No requests for some hours after a strike.
    COOL_DOWN = "cool_down"
    #: No requests for some days after a strike.
    SUSPENSION = "suspension"
    BAN = "ban"

    @property
    def stops_requests(self) -> bool:
        return self in (Level.COOL_DOWN, Level.SUSPENSION, Level.BAN)


class GivenBy(StrEnum):
    #: A reviewer decided.
    PERSON = "person"
    #: The policy blocked on matched or composed evidence.
    MACHINE = "machine"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The points from which each level applies, and how long strikes and levels last."""

    warning: int = 1
    cool_down: int = 6
    suspension: int = 9
    ban: int = 15
    expiry_s: float = 90 * 86_400.0
    cool_down_s: float = 24 * 3600.0
    suspension_s: float = 14 * 86_400.0


@dataclass(frozen=True, kw_only=True)
class Strike:
    id: str
    subject: str
    video_id: str
    category: str
    severity: int
    weight: int
    given_by: GivenBy
    given_at: float
    expires_at: float
    #: When it was removed, for example by an appeal, and why.
    removed_at: float | None = None
    removed_reason: str | None = None
    #: Whether one classifier alone reported the category.
    learned: bool = False

    def is_valid(self, now: float) -> bool:
        return self.removed_at is None and self.expires_at > now


@dataclass(frozen=True, kw_only=True)
class Ban:
    """A ban that one person proposed. It needs a second person, and then takes effect after the notice."""

    id: str
    subject: str
    #: For staff only.
    reason: str
    threat_to_life: bool
    proposed_by: str
    proposed_at: float
    confirmed_by: str | None = None
    confirmed_at: float | None = None
    effective_at: float | None = None
    lifted_at: float | None = None

    def is_in_force(self, now: float) -> bool:
        return self.lifted_at is None and self.effective_at is not None and self.effective_at <= now


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The level of one account or end user."""

    subject: str
    level: Level
    points: int
    #: The end of the level, unless another strike is given; None for `good` and `ban`.
    until: float | None
    #: When a confirmed ban takes effect; None without one.
    ban_at: float | None = None
    #: The valid strikes, newest first.
    strikes: tuple[Strike, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StandingPage:
    """The accounts and end users with valid strikes or bans, those with most points first."""

    standings: tuple[Standing, ...]
    bans: tuple[Ban, ...]
    #: The ids of bans whose strikes were removed so that they have too few points.
    bans_without_points: frozenset[str] = frozenset()


# What follows when the standing of a subject changes: audit entry, webhook event and statement.

_STATEMENTS: Mapping[Level, StatementKind] = {
    Level.WARNING: StatementKind.WARNED,
    Level.COOL_DOWN: StatementKind.COOLED_DOWN,
    Level.SUSPENSION: StatementKind.SUSPENDED,
    Level.BAN: StatementKind.BANNED,
}


def announce_change(
    tx: Transaction, before: Standing, after: Standing, *, actor: str, by_person: bool
) -> None:
    """Record a change of level or of a coming ban. Nothing, if both are as before.

    A statement is made only of a new restriction or warning, and when requests are possible again.
    """
    if (before.level, before.until, before.ban_at) == (after.level, after.until, after.ban_at):
        return
    account, end_user = split_subject(after.subject)
    data: dict[str, Any] = {
        "account": account,
        "safety_identifier": end_user,
        "level": after.level.value,
        "before": before.level.value,
        "points": after.points,
        "until": None if after.until is None else int(after.until),
        "ban_at": None if after.ban_at is None else int(after.ban_at),
    }
    tx.append_audit(TOPIC, subject=after.subject, actor=actor, content=data)
    tx.publish(TOPIC, subject=after.subject, body=data)
    for kind in _statement_kinds(before, after):
        # The request that was struck has a statement with its reason. That reason is not repeated here.
        in_favour = kind in (StatementKind.ACCOUNT_RESTORED, StatementKind.BAN_CANCELLED)
        ends = after.ban_at if kind is StatementKind.BAN_ANNOUNCED else after.until
        record_statement(
            tx,
            NewStatement(
                kind=kind,
                source=StatementSource.STRIKES,
                ground=NO_GROUND,
                automated_detection=not by_person,
                automated_decision=not by_person,
                account=account,
                end_user=end_user,
                until=None if in_favour else ends,
                objection=Objection.NONE if in_favour else Objection.OPERATOR,
            ),
        )


def _statement_kinds(before: Standing, after: Standing) -> Iterator[StatementKind]:
    if before.ban_at is None and after.ban_at is not None:
        yield StatementKind.BANNED if after.level is Level.BAN else StatementKind.BAN_ANNOUNCED
        return
    if before.ban_at is not None and after.ban_at is None and before.level is not Level.BAN:
        yield StatementKind.BAN_CANCELLED
    if before.level.stops_requests and not after.level.stops_requests:
        yield StatementKind.ACCOUNT_RESTORED
    elif _is_stricter(before, after):
        yield _STATEMENTS[after.level]


def _is_stricter(before: Standing, after: Standing) -> bool:
    """Whether the level is higher, or the same stop of requests ends later."""
    order = tuple(Level)
    if before.level is not after.level:
        return order.index(after.level) > order.index(before.level)
    return after.level.stops_requests and (after.until or 0.0) > (before.until or 0.0)


# Which decisions give a strike. Pure.
#
# A check, a hold, a quarantine, a vaulted video, the safety test card, a sign of distress, a missing check
# and a paraphrase never do, nor does anything of the group self-harm: a person who searches for help is not
# punished for it. A block by the policy does so only on matched or composed evidence in the words or
# references of the request: the person did not draw the output.


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a strike is given."""

    category: str
    #: Whether one classifier alone reported it.
    learned: bool = False
    #: Whether the policy blocked it on one detector alone.
    alone: bool = False

    @property
    def severity(self) -> int:
        return severity_of(self.category)

    @property
    def weight(self) -> int:
        """One point without a second voice, so that three mistakes of one detector lock no end user out."""
        return 1 if self.alone else WEIGHTS[self.severity]


def find_machine_cause(
    verdict: Verdict, findings: Iterable[Finding], *, is_paraphrase: bool = False
) -> Cause | None:
    """The cause of a strike after a block by the policy; None if it gives no strike. `findings`: all of the
    stage.
    """
    grounded = any(
        one.basis in _GROUNDED and not one.test_card and one.category == verdict.category
        for one in verdict.findings
    )
    if verdict.action is not Action.BLOCK or verdict.stage not in _REQUEST_STAGES:
        return None
    if not grounded or is_paraphrase or not _may(verdict):
        return None
    group = group_of(verdict.category)
    voices = {
        one.detector
        for one in findings
        if one.score >= INDICATOR_SCORE
        and not one.test_card
        and (one.category == verdict.category or (group and group_of(one.category) is group))
    }
    return Cause(category=verdict.category, alone=len(voices) < 2)


def find_refusal_cause(verdict: Verdict, requested: Iterable[Finding]) -> Cause | None:
    """The cause of a strike after a reviewer refused a held video; None if it gives no strike.

    `verdict`: the verdict that held it. `requested`: the findings in the request. A refused output gives a
    strike only if the request already had a sign of the same category.
    """
    if not verdict.findings or not _may(verdict):
        return None
    if verdict.stage not in _REQUEST_STAGES and not _has_sign(requested, verdict.category):
        return None
    return Cause(category=verdict.category, learned=verdict.learned_alone)


def find_withdrawal_cause(
    category: str, requested: Iterable[Finding], taxonomy: Taxonomy = SHIPPED
) -> Cause | None:
    """The cause of a strike after a reviewer withdrew a reported video; None if it gives no strike.

    `category`: the one that the reviewer or a finding confirmed, else empty. `requested`: the findings in the
    request. Without a sign of this category in the request, the generator is the cause, not the person.
    """
    if taxonomy.group_of(category) is Group.SELF_HARM or not _has_sign(requested, category):
        return None
    return Cause(category=category)


def _has_sign(requested: Iterable[Finding], category: str) -> bool:
    return any(
        one.category == category and one.score >= INDICATOR_SCORE and not one.test_card for one in requested
    )


def _may(verdict: Verdict) -> bool:
    return not (
        verdict.vault
        or verdict.quarantine
        or verdict.test_card_only
        or verdict.support
        or group_of(verdict.category) is Group.SELF_HARM
    )


def compute_standing(
    subject: str, strikes: Sequence[Strike], ban: Ban | None, thresholds: Thresholds, *, now: float
) -> Standing:
    """The standing at `now`.

    An account is only warned: its key can serve many people, and a stop would suspend the whole tenant.
    """
    valid = sorted((one for one in strikes if one.is_valid(now)), key=lambda one: one.given_at, reverse=True)
    level, until = _level(subject, valid, ban, thresholds, now=now)
    return Standing(
        subject=subject,
        level=level,
        points=sum(one.weight for one in valid),
        until=until,
        ban_at=ban.effective_at if ban is not None and ban.lifted_at is None else None,
        strikes=tuple(valid),
    )


def _level(
    subject: str, valid: Sequence[Strike], ban: Ban | None, thresholds: Thresholds, *, now: float
) -> tuple[Level, float | None]:
    if ban is not None and ban.is_in_force(now):
        return Level.BAN, None
    _, end_user = split_subject(subject)
    if end_user is not None and valid:
        last = valid[0].given_at
        for level, points, length in (
            (Level.SUSPENSION, thresholds.suspension, thresholds.suspension_s),
            (Level.COOL_DOWN, thresholds.cool_down, thresholds.cool_down_s),
        ):
            falls_at = _falls_below(valid, points)
            if falls_at is not None and now < (until := min(last + length, falls_at)):
                return level, until
    falls_at = _falls_below(valid, thresholds.warning)
    return (Level.GOOD, None) if falls_at is None else (Level.WARNING, falls_at)


def _falls_below(valid: Sequence[Strike], points: int) -> float | None:
    """When enough strikes have expired that fewer points are left; None if there are fewer already."""
    left = sum(one.weight for one in valid)
    if left < points:
        return None
    for one in sorted(valid, key=lambda strike: strike.expires_at):
        left -= one.weight
        if left < points:
            return one.expires_at
    return None


# Reads and writes strikes and bans.


def strikes_of(tx: Transaction, subject: str) -> tuple[Strike, ...]:
    """The strikes of a subject that have not expired, also those that were removed; newest first."""
    rows = tx.select(
        strikes,
        strikes.c.subject == subject,
        strikes.c.expires_at > tx.now(),
        order_by=(strikes.c.given_at.desc(), strikes.c.id.desc()),
    )
    return tuple(strike_from_row(row) for row in rows)


def ban_of(tx: Transaction, subject: str, *, lock: bool = False) -> Ban | None:
    """The ban of a subject that was not lifted, also if it is not confirmed yet."""
    row = tx.one(bans, bans.c.subject == subject, bans.c.lifted_at.is_(None), lock=lock)
    return None if row is None else ban_from_row(row)


def lift_ban(tx: Transaction, ban: Ban, *, actor: str, reason: str) -> None:
    tx.update(bans, bans.c.id == ban.id, lifted_by=actor, lifted_at=tx.now(), lifted_reason=reason)
    tx.append_audit("ban.lifted", subject=ban.id, actor=actor, content={"reason": reason})


def strike_from_row(row: Row[Any]) -> Strike:
    return Strike(
        id=row.id,
        subject=row.subject,
        video_id=row.video_id,
        category=row.category,
        severity=row.severity,
        weight=row.weight,
        given_by=GivenBy(row.given_by),
        given_at=row.given_at,
        expires_at=row.expires_at,
        removed_at=row.removed_at,
        removed_reason=row.removed_reason,
        learned=row.learned,
    )


def ban_from_row(row: Row[Any]) -> Ban:
    return Ban(
        id=row.id,
        subject=row.subject,
        reason=row.reason,
        threat_to_life=row.threat_to_life,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        confirmed_by=row.confirmed_by,
        confirmed_at=row.confirmed_at,
        effective_at=row.effective_at,
        lifted_at=row.lifted_at,
    )


# Gives and removes strikes, and stops requests of end users whose standing does not allow them.


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
        tx.update(strikes, strikes.c.id == row.id, removed_at=tx.now(), removed_reason=reason)
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
            subject, strikes_of(tx, subject), ban_of(tx, subject), self.thresholds, now=tx.now()
        )

    def require_good(self, tx: Transaction, end_user: str | None) -> None:
        """Raise `AccountSuspended` or `CoolDown` if this end user may not send requests now."""
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
    row = tx.one(cases, cases.c.id == offence.case_id) if offence.case_id else None
    if row is None or row.cluster_key is None or not standing.strikes:
        return False
    struck = [one.video_id for one in standing.strikes]
    return bool(tx.count(cases, cases.c.cluster_key == row.cluster_key, cases.c.video_id.in_(struck)))


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
            tx.insert(
                bans,
                id=made.id,
                subject=subject,
                reason=reason,
                threat_to_life=threat_to_life,
                proposed_by=principal.id,
                proposed_at=made.proposed_at,
            )
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
                bans.c.id == ban.id,
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
            row = tx.one(bans, bans.c.id == ban.id)
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
    row = None
    if is_id(ban_id, "ban"):
        row = tx.one(bans, bans.c.id == ban_id, bans.c.lifted_at.is_(None))
    if row is None:
        raise NotFound(f"There is no ban {ban_id[:80]!r} that can be changed.", param="ban_id")
    return ban_from_row(row)


# How far the category of a strike is shown to the person who has it.


def shown_group(strike: Strike, taxonomy: Taxonomy) -> str | None:
    """The group of the category; None if one classifier alone reported a grave category."""
    named = strike.category in taxonomy and can_name(strike.category, learned=strike.learned)
    return taxonomy[strike.category].group.value if named else None


def shown_category(strike: Strike, taxonomy: Taxonomy) -> str | None:
    """The category; None if only its group may be shown, because details could serve as instructions."""
    if shown_group(strike, taxonomy) is None or taxonomy[strike.category].hide_details:
        return None
    return strike.category
