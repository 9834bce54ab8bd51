"""The gate of one upstream: places, calls at the same time, and the pause while it fails."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from safelight.core.errors import UpstreamRejected, UpstreamUnavailable
from safelight.videos import upstream_gate
from safelight.videos.fair_order import SlotRequest
from safelight.videos.interruptions import UpstreamPending
from safelight.videos.upstream_gate import Occupancy, UpstreamGate


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def request(video_id: str, *, key: str = "key", tenant: str = "acme") -> SlotRequest:
    return SlotRequest(tenant=tenant, key=key, since=float(video_id), video_id=video_id)


def fail(gate: UpstreamGate, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(UpstreamUnavailable), gate.call(accepted=False):
            raise UpstreamUnavailable("The upstream is away.")


def broken(clock: Clock) -> UpstreamGate:
    gate = UpstreamGate(limit=9, monotonic=clock)
    fail(gate, upstream_gate._FAILURES)
    return gate


def test_a_place_is_given_in_the_order_of_arrival_and_only_when_one_is_free() -> None:
    gate, first, second, third = UpstreamGate(limit=1), request("1"), request("2"), request("3")
    gate.enter(first)
    gate.wait(third)
    gate.wait(second)
    assert not gate.invite(second)
    gate.leave("1")
    assert gate.invite(second)
    assert not gate.invite(third)
    with pytest.raises(UpstreamPending):
        gate.enter(third)
    gate.enter(second)
    gate.leave("2")
    gate.enter(third)


@pytest.mark.parametrize("limit", [2, 4])
def test_one_key_never_holds_all_places_of_an_upstream_so_that_another_key_always_finds_one(
    limit: int,
) -> None:
    gate = UpstreamGate(limit=limit)
    for number in range(1, limit):
        assert gate.invite(request(str(number))), "a place that is kept counts for its key"
    further, other = request("8"), request("9", key="other")
    gate.wait(further)
    gate.wait(other)
    assert not gate.invite(further)
    assert gate.invite(other)
    with pytest.raises(UpstreamPending):
        gate.enter(request("7", key="third"))


def test_places_of_a_key_beyond_its_limit_after_a_restart_leave_another_key_its_place() -> None:
    gate, other = UpstreamGate(limit=3), request("9", key="other")
    for number in "123456":
        gate.resume(request(number))
    assert not gate.invite(request("7"))
    gate.enter(other)
    assert not gate.invite(request("8", key="third"))
    for number in "1234":
        gate.leave(number)
    assert not gate.invite(request("7"))
    gate.leave("5")
    assert gate.invite(request("7"))


def test_a_free_place_goes_to_the_tenant_and_of_it_to_the_key_that_has_the_fewest() -> None:
    gate = UpstreamGate(limit=4)
    for number in "123":
        gate.enter(request(number))
    gate.enter(request("4", key="other"))
    gate.wait(request("5"))
    gate.wait(late := request("8", key="other"))
    gate.wait(last := request("9", key="other", tenant="house"))
    gate.leave("1")
    assert gate.invite(last)
    gate.leave("9")
    assert gate.invite(late)


def test_a_video_that_was_accepted_before_needs_no_free_place_and_takes_one() -> None:
    gate = UpstreamGate(limit=1)
    gate.enter(request("1"))
    gate.resume(request("2"))
    gate.leave("1")
    assert not gate.invite(request("3"))
    gate.leave("2")
    assert gate.invite(request("3"))


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (None, False),
        (UpstreamRejected("no"), False),
        (UpstreamPending(1.0), False),
        (UpstreamPending(1.0, accepted=True), True),
    ],
)
def test_a_video_keeps_its_place_only_while_the_upstream_works_on_it(
    error: Exception | None, stays: bool
) -> None:
    gate, stack = UpstreamGate(limit=1), ExitStack()
    with stack:
        if error is not None:
            stack.enter_context(pytest.raises(type(error)))
        with gate.visit("1"):
            gate.enter(request("1"))
            if error is not None:
                raise error
    assert gate.invite(request("2")) is not stays


def test_calls_at_the_same_time_are_limited() -> None:
    gate = UpstreamGate(limit=99)
    with ExitStack() as stack:
        for _ in range(upstream_gate._MAX_CALLS):
            stack.enter_context(gate.call(accepted=False))
        with pytest.raises(UpstreamPending), gate.call(accepted=False):
            pass
    with gate.call(accepted=False):
        pass


def test_one_key_never_holds_all_calls_to_an_upstream_so_that_its_slow_downloads_delay_no_other_key() -> None:
    gate, other = UpstreamGate(limit=99), request("99", key="other")
    with ExitStack() as stack:
        for number in range(upstream_gate._MAX_CALLS - 1):
            stack.enter_context(gate.call(accepted=True, request=request(str(number))))
        with pytest.raises(UpstreamPending), gate.call(accepted=True, request=request("8")):
            pass
        for _ in range(2):
            with gate.call(accepted=False, request=other):
                pass
    with gate.call(accepted=True, request=request("8")):
        pass


def test_after_failures_in_a_row_the_upstream_is_not_called_until_one_call_after_a_pause_succeeds() -> None:
    clock = Clock()
    gate = broken(clock)
    assert not gate.invite(request("1"))
    with pytest.raises(UpstreamPending) as caught, gate.call(accepted=True):
        pytest.fail("the upstream was called")
    assert (caught.value.after_s, caught.value.accepted) == (5.0, True)
    clock.now += 5.0
    with gate.call(accepted=False), pytest.raises(UpstreamPending), gate.call(accepted=False):
        pytest.fail("the upstream was called twice")
    with gate.call(accepted=False):
        pass
    assert gate.invite(request("1"))


def test_a_failed_test_call_makes_the_pause_longer_up_to_a_minute() -> None:
    clock, pauses = Clock(), []
    gate = broken(clock)
    for _ in range(6):
        with pytest.raises(UpstreamPending) as caught, gate.call(accepted=False):
            pass
        pauses.append(caught.value.after_s)
        clock.now += caught.value.after_s
        fail(gate)
    assert pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_an_answer_between_two_failures_starts_the_count_again() -> None:
    gate = UpstreamGate(limit=1)
    for _ in range(3):
        fail(gate, upstream_gate._FAILURES - 1)
        with pytest.raises(UpstreamRejected), gate.call(accepted=False):
            raise UpstreamRejected("no")
    assert gate.invite(request("1"))


def test_a_call_that_was_not_sent_says_nothing_about_the_upstream() -> None:
    gate = UpstreamGate(limit=1)
    with pytest.raises(UpstreamUnavailable), gate.call(accepted=False, request=request("1")):
        raise UpstreamUnavailable("The upstream is away.")
    fail(gate, upstream_gate._FAILURES - 2)
    with pytest.raises(UpstreamPending), gate.hold_call(accepted=False):
        raise UpstreamPending(1.0)
    assert gate.last_problem("1") == "The upstream is away."
    fail(gate)
    assert gate.failures_of_pause() == upstream_gate._FAILURES


def test_the_reason_of_a_wait_is_the_last_problem_of_the_video_until_a_call_succeeds() -> None:
    gate = UpstreamGate(limit=1)
    with pytest.raises(UpstreamPending), gate.visit("1"):
        raise UpstreamPending(1.0, problem="It waited.")
    assert gate.last_problem("1") == "It waited."
    with gate.call(accepted=False, request=request("1")):
        pass
    assert gate.last_problem("1") == ""


def test_submissions_of_a_minute_are_limited_and_those_that_wait_follow_in_turn() -> None:
    clock = Clock()
    gate = UpstreamGate(limit=9, per_minute=2, monotonic=clock)
    first, second, third, fourth = (request(number) for number in "1234")
    gate.enter(first)
    clock.now += 30
    assert gate.invite(second), "a place that is kept counts"
    gate.wait(third)
    gate.wait(fourth)
    assert not gate.invite(third)
    gate.enter(second)
    gate.leave("1")
    gate.leave("2")
    with pytest.raises(UpstreamPending):
        gate.enter(third)
    clock.now += 30
    assert not gate.invite(fourth)
    gate.enter(third)
    assert not gate.invite(fourth)
    clock.now += 30
    assert gate.invite(fourth)


def test_nothing_is_submitted_while_the_upstream_asks_for_a_pause_and_polls_go_on() -> None:
    clock = Clock()
    gate = UpstreamGate(limit=9, monotonic=clock)
    gate.enter(request("1"))
    gate.see(Occupancy(inside={"1": request("1")}, recent=1, closed_s=20.0))
    clock.now += 19
    with pytest.raises(UpstreamPending):
        gate.enter(request("2"))
    with gate.call(accepted=True, request=request("1")):
        pass
    clock.now += 1
    gate.enter(request("2"))
