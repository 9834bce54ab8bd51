"""Which decisions give a strike, and the standing that strikes add up to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safelight.accounts.models import split_subject
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

from .models import Ban, Level, Standing, Strike, Thresholds

#: Points of a strike by the severity of its category (`videos.case_rows.priority`).
WEIGHTS: Mapping[int, int] = {1: 1, 2: 1, 4: 2, 8: 3, 16: 4}
_REQUEST_STAGES = frozenset({Stage.PROMPT, Stage.REFERENCE})
_GROUNDED = frozenset({Basis.MATCHED, Basis.COMPOSED})


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
    subject: str,
    strikes: Sequence[Strike],
    ban: Ban | None,
    thresholds: Thresholds,
    *,
    now: float,
    is_vaulted: bool = False,
) -> Standing:
    """The standing at `now`. `is_vaulted`: suspended because of vaulted content, whatever the strikes are.

    Strikes only warn an account: its key can serve many people, and a stop would suspend the whole tenant.
    """
    valid = sorted((one for one in strikes if one.is_valid(now)), key=lambda one: one.given_at, reverse=True)
    level, until = _level(subject, valid, ban, thresholds, now=now)
    if is_vaulted and level is not Level.BAN:
        level, until = Level.SUSPENSION, None
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
