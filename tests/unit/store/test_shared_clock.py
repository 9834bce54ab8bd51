from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.store.shared_clock import SharedClock


class Machine:
    """A server, and a machine whose clock is `ahead` of it."""

    def __init__(self, ahead: float) -> None:
        self.server, self.ahead, self.awake = 1e9, ahead, 50.0
        self.clock = SharedClock(own=lambda: self.server + self.ahead, monotonic=lambda: self.awake)

    def read(self) -> None:
        self.clock.read(lambda: self.server)

    def wait(self, seconds: float, *, asleep: bool = False) -> None:
        self.server += seconds
        self.awake += 0.0 if asleep else seconds


@given(
    st.floats(-1e5, 1e5),
    st.lists(st.tuples(st.floats(0, 1e4), st.booleans()), max_size=6)
    | st.lists(st.tuples(st.floats(0, 1e4), st.none() | st.floats(-1e5, 1e5)), max_size=6),
)
def test_when_a_clock_is_set_or_a_machine_sleeps_times_are_those_of_the_server(
    ahead: float, happenings: list[tuple[float, bool | float | None]]
) -> None:
    machine = Machine(ahead)
    machine.read()
    for seconds, change in happenings:
        machine.wait(seconds, asleep=change is True)
        if isinstance(change, float):
            machine.ahead = change
        if machine.clock.is_due():
            machine.read()
        assert abs(machine.clock() - machine.server) <= 2.01


def test_a_clock_set_back_by_as_much_as_the_machine_slept_is_noticed_a_minute_later() -> None:
    machine = Machine(2.0)
    machine.read()
    machine.wait(3, asleep=True)
    machine.ahead = -1.0
    assert not machine.clock.is_due()
    machine.wait(61)
    assert machine.clock.is_due()


def test_a_close_clock_is_used_as_it_is() -> None:
    machine = Machine(0.5)
    machine.read()
    assert machine.clock() == machine.server + 0.5
    machine.wait(59)
    assert not machine.clock.is_due()
    machine.wait(2)
    assert machine.clock.is_due()


def test_a_clock_that_is_set_is_noticed_before_the_server_is_asked_again() -> None:
    machine = Machine(0.0)
    machine.read()
    machine.ahead = 3600.0
    assert machine.clock() == machine.server
