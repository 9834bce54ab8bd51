"""The level that follows from strikes and bans. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from safelight.trust.accounts.subjects import split_subject

from .models import Ban, Level, Standing, Strike, Thresholds


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
