"""The level that follows from strikes and bans."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from safelight.accounts.models import account_subject, end_user_subject
from safelight.accounts.standing import WEIGHTS, Ban, GivenBy, Level, Strike, Thresholds, compute_standing

ANN = end_user_subject("ann")
LIMITS = Thresholds(cool_down=4, suspension=8, expiry_s=1000.0, cool_down_s=10.0, suspension_s=100.0)
NEVER = 10.0**9


def strike(at: float, severity: int = 4, subject: str = ANN) -> Strike:
    return Strike(
        id=f"strike_{at}",
        subject=subject,
        video_id=f"video_{at}",
        category="violence",
        severity=severity,
        weight=WEIGHTS[severity],
        given_by=GivenBy.PERSON,
        given_at=at,
        expires_at=at + LIMITS.expiry_s,
    )


def ban(effective_at: float | None) -> Ban:
    return Ban(
        id="ban_1",
        subject=ANN,
        reason="",
        threat_to_life=False,
        proposed_by="user_1",
        proposed_at=0.0,
        effective_at=effective_at,
    )


histories = st.lists(st.tuples(st.floats(0, 500), st.sampled_from(sorted(WEIGHTS))), max_size=12)


def level(times: list[float], now: float, subject: str = ANN) -> tuple[Level, float | None]:
    found = compute_standing(subject, [strike(at, subject=subject) for at in times], None, LIMITS, now=now)
    return found.level, found.until


def test_strikes_lead_from_a_warning_to_a_suspension_and_back() -> None:
    assert level([], 0) == (Level.GOOD, None)
    assert level([0], 1) == (Level.WARNING, 1000)
    assert level([0, 1], 2) == (Level.COOL_DOWN, 11)
    assert level([0, 1], 11) == (Level.WARNING, 1001)
    assert level([0, 1, 2, 3], 4) == (Level.SUSPENSION, 103)
    # After the suspension the points remain, and the next strike suspends again.
    assert level([0, 1, 2, 3], 103) == (Level.WARNING, 1003)
    assert level([0, 1, 2, 3, 104], 105) == (Level.SUSPENSION, 204)
    assert level([0, 1, 2, 3, 104], 1104) == (Level.GOOD, None)


@given(histories, st.floats(0, 2000))
def test_an_account_is_only_warned(history: list[tuple[float, int]], now: float) -> None:
    key = account_subject("key_1")
    found = compute_standing(key, [strike(at, size, key) for at, size in history], None, LIMITS, now=now)
    assert found.level in (Level.GOOD, Level.WARNING)


@given(histories, st.floats(0, 2000))
def test_every_level_ends_when_it_says(history: list[tuple[float, int]], now: float) -> None:
    strikes = [strike(at, size) for at, size in history if at <= now]
    found = compute_standing(ANN, strikes, None, LIMITS, now=now)
    assert found.points == sum(one.weight for one in strikes if one.expires_at > now)
    if found.until is not None:
        assert found.until > now
        assert compute_standing(ANN, strikes, None, LIMITS, now=found.until).level != found.level


@given(histories, st.floats(0, 2000), st.data())
def test_a_removed_strike_never_makes_the_standing_worse(
    history: list[tuple[float, int]], now: float, data: st.DataObject
) -> None:
    strikes = [strike(at, size) for at, size in history]
    before = compute_standing(ANN, strikes, None, LIMITS, now=now)
    if strikes:
        which = data.draw(st.integers(0, len(strikes) - 1))
        strikes[which] = replace(strikes[which], removed_at=now)
    after = compute_standing(ANN, strikes, None, LIMITS, now=now)
    order = list(Level)
    assert order.index(after.level) <= order.index(before.level)


def test_a_ban_is_in_force_only_after_its_notice() -> None:
    assert compute_standing(ANN, [], ban(None), LIMITS, now=5).level is Level.GOOD
    coming = compute_standing(ANN, [], ban(10.0), LIMITS, now=5)
    assert (coming.level, coming.ban_at) == (Level.GOOD, 10.0)
    assert compute_standing(ANN, [], ban(10.0), LIMITS, now=10).level is Level.BAN
    lifted = replace(ban(10.0), lifted_at=11.0)
    assert compute_standing(ANN, [], lifted, LIMITS, now=NEVER).level is Level.GOOD
