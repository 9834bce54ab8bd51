"""No sequence of events raises a rollout step without complete evidence and two people."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safelight.accounts import ROLES, Accounts, KeyScope, Principal, PrincipalKind, Role
from safelight.accounts.gates import Gates, read_gate
from safelight.cases.gates import GateService, missed_harm
from safelight.cases.inputs import GateLowering
from safelight.cases.quality import Draw, StratumCounts
from safelight.cases.quality.sampling import Stratum
from safelight.core.errors import Conflict, Forbidden, InvalidField, SafelightError
from safelight.policy.findings import SHIPPED
from safelight.policy.gates import GateStep, missing, read_gates
from safelight.store.database import Database
from safelight.store.tables import decisions, people
from support.people import add_person
from support.review_room import Clock

DAY = 86_400.0
#: Days and coverage alone, so that random events reach every step.
DOCUMENT = read_gates(
    b"""
window_days: 30
reviews_per_person: 60
incidents: [violence/graphic]
lower: {max_overturn_rate: 0.3}
steps:
  pilot: {max_unchecked: 0, min_reviewers: 1, videos_per_day: 20}
  limited: {max_unchecked: 0, min_reviewers: 1, min_days_without_incident: 14, videos_per_day: 50}
  general: {max_unchecked: 0, min_reviewers: 1, min_days_without_incident: 30}
""",
    "gates.yaml",
    [spec.name for spec in SHIPPED],
)
NAMES = ("ada", "bo")


class Rollout:
    """A tenant with two owners, and what happens to it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self.tenant = Accounts(database).create_tenant("rollout").id
        self.gaps = 0
        self.service = GateService(database, DOCUMENT, lambda _tenant: self.coverage())
        with database.transaction(self.tenant) as tx:
            for name in NAMES:
                add_person(tx, self.id_of(name), role=Role.OWNER)

    def id_of(self, name: str) -> str:
        return f"{name}-{self.tenant}"

    def coverage(self) -> dict[str, Any]:
        gap = {"category": "sexual", "required": True, "available": False}
        return {"cells": [{**gap, "waived_by": ["w"]}] + [{**gap, "waived_by": []}] * self.gaps}

    def owner(self, name: str) -> Principal:
        return Principal(
            tenant=self.tenant,
            id=self.id_of(name),
            kind=PrincipalKind.PERSON,
            name=name,
            scopes=ROLES[Role.OWNER].scopes,
            role=Role.OWNER,
        )

    @property
    def step(self) -> GateStep:
        with self.database.read_transaction(self.tenant) as tx:
            return read_gate(tx).step

    def incident(self, category: str = "violence/graphic") -> None:
        with self.database.transaction(self.tenant) as tx:
            Gates(document=DOCUMENT).record_incident(
                tx, category, video_id="video_1", case_id="case_1", actor="ada"
            )

    def rise(self, days: float = 0) -> None:
        self.clock.now += days * DAY
        self.service.propose(self.owner("ada"))
        self.service.confirm(self.owner("bo"))

    def events(self) -> list[str]:
        return [move.event for move in reversed(self.service.show(self.owner("ada")).moves)]

    def apply(self, event: tuple[str, Any]) -> None:
        kind, value = event
        match kind:
            case "propose":
                self.service.propose(self.owner(value))
            case "confirm":
                self.service.confirm(self.owner(value))
            case "lower":
                self.service.lower(self.owner("ada"), GateLowering(reason="x"))
            case "incident":
                self.incident(value)
            case "days":
                self.clock.now += value * DAY
            case "gaps":
                self.gaps = value
            case "sweep":
                self.service.lower_by_measurements()


EVENTS = st.one_of(
    st.tuples(st.just("propose"), st.sampled_from(NAMES)),
    st.tuples(st.just("confirm"), st.sampled_from(NAMES)),
    st.tuples(st.just("lower"), st.none()),
    st.tuples(st.just("incident"), st.sampled_from(["violence/graphic", "hate"])),
    st.tuples(st.just("days"), st.sampled_from([-20, -1, 1, 15, 31])),
    st.tuples(st.just("gaps"), st.integers(0, 1)),
    st.tuples(st.just("sweep"), st.none()),
)
#: Waits, a proposal and a confirmation, which by chance alone seldom follow each other.
RISE = st.tuples(
    st.sampled_from([31, 31, 15, -20]),
    st.sampled_from([("ada", "bo"), ("bo", "ada"), ("ada", "ada")]),
).map(lambda one: [("days", one[0]), ("propose", one[1][0]), ("confirm", one[1][1])])
SEQUENCES = st.lists(RISE | RISE | EVENTS.map(lambda event: [event]), max_size=15).map(
    lambda parts: [event for part in parts for event in part]
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(SEQUENCES)
def test_no_sequence_of_events_goes_up_without_evidence_and_two_people(
    database: Database, clock: Clock, events: list[tuple[str, Any]]
) -> None:
    rollout = Rollout(database, clock)
    proposers: list[str] = []
    for event in events:
        before, report = rollout.step, rollout.service.show(rollout.owner("ada"))
        with suppress(SafelightError):
            rollout.apply(event)
            if event[0] == "propose":
                proposers.append(event[1])
        if before.is_below(rollout.step):
            assert event[0] == "confirm"
            assert rollout.step is before.following
            assert missing(rollout.step, report.evidence, DOCUMENT) == ()
            assert proposers
            assert proposers[-1] != event[1]
            proposers = []
        elif event == ("incident", "violence/graphic"):
            assert rollout.step is (before.preceding or before)


@pytest.fixture
def rollout(database: Database, clock: Clock) -> Rollout:
    return Rollout(database, clock)


def test_two_people_raise_a_step_and_the_move_is_recorded_with_its_evidence(rollout: Rollout) -> None:
    rollout.rise()
    assert rollout.step is GateStep.PILOT
    assert rollout.events() == ["gate.proposed", "gate.raised"]
    raised = rollout.service.show(rollout.owner("bo")).moves[0]
    assert raised.actor == rollout.id_of("bo")
    assert raised.content["proposed_by"] == rollout.id_of("ada")
    assert raised.content["evidence"]["waived"] == ["sexual"]
    assert raised.content["evidence"]["overturn_rate"] is None


def test_the_same_person_a_key_and_the_terminal_raise_nothing(rollout: Rollout) -> None:
    owner = rollout.owner("ada")
    for nobody in (replace(owner, kind=PrincipalKind.KEY, role=None), replace(owner, role=None)):
        with pytest.raises(Forbidden, match="enrolled person"):
            rollout.service.propose(nobody)
    with pytest.raises(Conflict, match="No step is proposed"):
        rollout.service.confirm(owner)
    rollout.service.propose(owner)
    with pytest.raises(Forbidden, match="Another person"):
        rollout.service.confirm(owner)
    with pytest.raises(Forbidden):
        rollout.service.confirm(replace(rollout.owner("bo"), scopes=frozenset({KeyScope.REVIEW})))


def test_a_proposal_of_a_person_who_left_does_not_count(rollout: Rollout) -> None:
    rollout.service.propose(rollout.owner("ada"))
    with rollout.database.transaction(rollout.tenant) as tx:
        tx.update(people, people.c.id == rollout.id_of("ada"), state="disabled")
    with pytest.raises(Conflict, match="no longer an administrator"):
        rollout.service.confirm(rollout.owner("bo"))


def test_the_evidence_is_measured_again_at_the_confirmation(rollout: Rollout) -> None:
    rollout.service.propose(rollout.owner("ada"))
    rollout.gaps = 1
    with pytest.raises(Conflict, match="neither a detector does nor a waiver excuses: 1; at most 0"):
        rollout.service.confirm(rollout.owner("bo"))
    assert rollout.step is GateStep.CLOSED


def test_an_incident_lowers_at_once_and_only_in_a_grave_category(rollout: Rollout) -> None:
    rollout.rise()
    rollout.rise(15)
    rollout.incident("hate")
    assert rollout.step is GateStep.LIMITED
    rollout.incident()
    assert rollout.step is GateStep.PILOT
    assert rollout.events()[-2:] == ["gate.incident", "gate.lowered"]
    # Only the vault officer may know the category of some cases.
    lowered, incident = rollout.service.show(rollout.owner("ada")).moves[:2]
    assert (incident.content, lowered.content["incident"]) == ({}, True)
    with pytest.raises(Conflict, match="Days in this step without an incident: 13"):
        rollout.rise(13)


def test_a_clock_that_goes_back_makes_no_time_without_incident(rollout: Rollout) -> None:
    def days() -> float | None:
        return rollout.service.show(rollout.owner("ada")).evidence.days_without_incident

    rollout.rise()
    rollout.clock.now -= 100 * DAY
    assert days() == 0
    rollout.incident()
    rollout.rise()
    assert (rollout.step, days()) == (GateStep.PILOT, 0)
    # The clock is set right: the incident and the step are not older for that.
    rollout.clock.now += 100 * DAY
    assert days() == 0
    with pytest.raises(Conflict, match="Days in this step without an incident: 13"):
        rollout.rise(13)
    rollout.rise(1)
    assert rollout.step is GateStep.LIMITED
    rollout.service.record_evaluation(rollout.owner("ada"), "ab")
    rollout.clock.now -= DAY
    assert rollout.service.show(rollout.owner("ada")).evidence.evaluation_days is None


def test_one_person_lowers_by_any_number_of_steps_and_never_up(rollout: Rollout) -> None:
    rollout.rise()
    rollout.rise(15)
    lead = replace(rollout.owner("ada"), scopes=frozenset({KeyScope.POLICY}))
    with pytest.raises(InvalidField, match="not below"):
        rollout.service.lower(lead, GateLowering(reason="x", step="general"))
    with pytest.raises(InvalidField, match="reason"):
        rollout.service.lower(lead, GateLowering(reason=" "))
    assert rollout.service.lower(lead, GateLowering(reason="x", step="closed")).state.step is GateStep.CLOSED
    with pytest.raises(Conflict, match="first one"):
        rollout.service.lower(lead, GateLowering(reason="x"))
    with pytest.raises(Forbidden):
        rollout.service.lower(replace(lead, scopes=frozenset({KeyScope.AUDIT})), GateLowering(reason="x"))


def test_decided_cases_lower_at_the_next_sweep_once_and_too_few_do_not(rollout: Rollout) -> None:
    rollout.rise()
    rollout.rise(15)

    def decide(start: int, count: int) -> None:
        with rollout.database.transaction(rollout.tenant) as tx:
            for number in range(start, start + count):
                tx.insert(
                    decisions,
                    id=f"{rollout.tenant}-{number}",
                    case_id=f"{rollout.tenant}-{number}",
                    video_id="video_1",
                    action="overturn" if number % 2 else "uphold",
                    reason="",
                    decided_by="bo",
                    at=tx.now(),
                    verdict_ids=[],
                )

    decide(0, 19)
    rollout.service.lower_by_measurements()
    assert rollout.step is GateStep.LIMITED
    decide(19, 1)
    rollout.clock.now += 1
    rollout.service.lower_by_measurements()
    assert rollout.step is GateStep.PILOT
    assert rollout.service.show(rollout.owner("ada")).moves[0].content["beyond"][0]["measured"] == 0.5
    # What was decided before the step was entered does not lower it again.
    rollout.service.lower_by_measurements()
    assert rollout.step is GateStep.PILOT


def draw(*strata: tuple[int, int, int]) -> Draw:
    names = list(Stratum)
    counts = [
        StratumCounts(stratum=names[at], delivered=delivered, drawn=answered, answered=answered, found=found)
        for at, (delivered, answered, found) in enumerate(strata)
    ]
    return Draw(id="d", since=0.0, until=1.0, drawn_at=2.0, strata=tuple(counts))


def test_missed_harm_needs_enough_answers_in_each_stratum_or_all_of_its_videos() -> None:
    assert missed_harm(draw((1000, 299, 0))) is None
    assert missed_harm(draw((1000, 300, 0), (10, 9, 0))) is None
    assert missed_harm(draw((0, 0, 0))) is None
    assert missed_harm(draw((10, 10, 1))) == (0.1, 0.1)
    found = missed_harm(draw((1000, 300, 0), (10, 10, 1)))
    assert found is not None
    low, high = found
    assert low == pytest.approx(1 / 1010)
    assert 0.01 < high < 0.02
