"""Any history of 50 reviewers, decisions and crashes: no case is lost, decided twice, or given to a person
who is involved.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from safelight.store.database import Database
from support.review_room import Clock, ReviewRoom
from support.review_world import new_world

PEOPLE = 50
numbers = st.integers(min_value=0, max_value=999)
# Few people act often, so that the same person meets a case again.
people = st.integers(min_value=0, max_value=5) | st.integers(min_value=0, max_value=PEOPLE - 1)


class Histories(RuleBasedStateMachine):
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        folder = Path(self.cleanup.enter_context(tempfile.TemporaryDirectory()))
        shutil.copyfile(self.template, folder / "db.sqlite3")
        clock = Clock()
        database = Database(f"sqlite:///{folder / 'db.sqlite3'}", clock=clock)
        self.cleanup.enter_context(closing(database))
        self.world = new_world(ReviewRoom(database, clock), people=PEOPLE)

    @rule(number=numbers, same=st.booleans(), parent=st.none() | numbers, requester=people)
    def open_hold(self, number: int, same: bool, parent: int | None, requester: int) -> None:
        self.world.open_hold(number, same_prompt=same, parent=parent, requester=requester)

    @rule(number=numbers)
    def open_appeal(self, number: int) -> None:
        self.world.open_appeal(number)

    @rule(person=people)
    def take(self, person: int) -> None:
        self.world.take(person)

    @rule(person=people)
    def take_and_reserve(self, person: int) -> None:
        self.world.take(person)
        self.world.reserve(person)

    @rule(person=people, first=st.booleans(), undoable=st.booleans(), crash=st.booleans())
    def take_and_decide(self, person: int, first: bool, undoable: bool, crash: bool) -> None:
        self.world.take(person)
        self.world.decide(person, first_action=first, undoable=undoable, crash=crash)

    @rule(person=people, first=st.booleans(), undoable=st.booleans())
    def decide(self, person: int, first: bool, undoable: bool) -> None:
        self.world.decide(person, first_action=first, undoable=undoable, crash=False)

    @rule(person=people)
    def undo(self, person: int) -> None:
        self.world.undo(person)

    @rule(person=people, how=numbers)
    def give_back(self, person: int, how: int) -> None:
        self.world.give_back(person, how=how)

    @rule(seconds=st.sampled_from([1.0, 11.0, 121.0]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(crash=st.booleans())
    def carry_out(self, crash: bool) -> None:
        self.world.carry_out(crash=crash)

    def teardown(self) -> None:
        try:
            self.world.finish()
        finally:
            self.cleanup.close()


def test_no_history_loses_or_repeats_a_case_or_gives_it_to_an_involved_person(
    sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Histories, "template", sqlite_template, raising=False)
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            # A failing history is not shrunk: that takes longer than the time limit of a test, which would
            # hide the failure.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
