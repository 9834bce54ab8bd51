"""One MCP session spends no more than allowed, and requests nothing for an hour after a block."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.cli.assistants.session_limits import SessionLimits, SessionRefusal


def limits(allowed: float | None) -> SessionLimits:
    return SessionLimits(allowed)


@given(st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=30), st.integers(0, 1000))
def test_reserved_money_never_exceeds_the_limit(prices: list[tuple[int, bool]], allowed: int) -> None:
    session, reserved = limits(allowed / 100), 0
    for cents, is_released in prices:
        try:
            session.reserve(cents / 100)
        except SessionRefusal:
            assert reserved + cents > allowed
            continue
        reserved += cents
        assert reserved <= allowed
        if is_released:
            session.release(cents / 100)
            reserved -= cents
    assert session.left_usd == pytest.approx((allowed - reserved) / 100)


def test_requests_at_the_same_time_share_the_money() -> None:
    session = limits(1.0)

    def reserve(_: int) -> bool:
        try:
            return bool(session.reserve(0.1))
        except SessionRefusal:
            return False

    with ThreadPoolExecutor(max_workers=8) as threads:
        assert sum(threads.map(reserve, range(100))) == 10


def test_a_price_that_is_not_known_is_refused() -> None:
    with pytest.raises(SessionRefusal, match="not known"):
        limits(100.0).reserve(None)


def test_an_exact_price_and_the_money_that_is_left_are_shown() -> None:
    with pytest.raises(SessionRefusal, match=r"costs \$0\.3091; \$0\.309 of"):
        limits(0.309).require_affordable(0.3091)


def test_nothing_is_requested_without_permission_or_for_an_hour_after_a_block() -> None:
    with pytest.raises(SessionRefusal, match="--allow-spend"):
        limits(None).require_allowed()
    now = [5.0]
    session = SessionLimits(0.0, lambda: now[0])
    session.require_allowed()
    session.remember_block(by_policy=False)
    now[0] += 3_599
    with pytest.raises(SessionRefusal, match="blocked in this session"):
        session.require_allowed()
    now[0] += 1
    session.require_allowed()


def test_suggestions_end_for_an_hour_after_a_block_by_our_policy_only() -> None:
    now = [5.0]
    session = SessionLimits(0.0, lambda: now[0])
    session.remember_block(by_policy=False)
    assert not session.had_policy_block()
    session.remember_block(by_policy=True)
    session.remember_block(by_policy=False)
    now[0] += 3_599
    assert session.had_policy_block()
    now[0] += 1
    assert not session.had_policy_block()
