"""Reviewers who work at the same time on cases, with crashes: the steps, and what must hold after each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from safelight.accounts import Principal, Role
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reviews.conflicts import record_conflicts
from safelight.core.errors import Conflict, Forbidden
from safelight.store.tables import case_conflicts, cases, decisions, pending_decisions
from safelight.videos.case_rows import Case, CaseKind, CaseState
from safelight.videos.case_rows.models import LEASE_S, UNDO_S

from .review_room import TENANT, ReviewRoom, reviewer

ROLES = (Role.REVIEWER, Role.REVIEWER, Role.SENIOR_REVIEWER, Role.TRUST_LEAD)
_HOLD_ACTIONS = ("approve", "refuse")
_CATEGORIES = ("violence", "ip/brand", "violence/graphic")


class Crash(RuntimeError):
    """The process ended at this moment."""


@dataclass
class ReviewWorld:
    room: ReviewRoom
    people: list[Principal]
    #: All videos, with the video from which each lineage began and the account of each.
    roots: dict[str, str] = field(default_factory=dict)
    requesters: dict[str, str] = field(default_factory=dict)
    #: The cases that reviewers took last, by person.
    taken: dict[str, Case] = field(default_factory=dict)
    #: The cases that reviewers reserved last, by person.
    reserved: dict[str, Case] = field(default_factory=dict)
    #: Who decided about a lineage, also if the decision is not carried out yet.
    deciders: dict[str, Counter[str]] = field(default_factory=dict)
    opened: int = 0
    crashes: int = 0

    def open_hold(self, number: int, *, same_prompt: bool, parent: int | None, requester: int) -> None:
        prompt = f"scene {number % 2}" if same_prompt else f"scene {self.opened} of its own"
        # A near-duplicate has the same source and category too.
        remixed = parent is not None and self.roots and not same_prompt
        source = list(self.roots)[(parent or 0) % len(self.roots)] if remixed else None
        account = self.people[requester % len(self.people)].id
        video = self.room.add_video(prompt, requested_by=account, remixed_from=source)
        self.roots[video] = self.roots[source] if source is not None else video
        self.requesters[video] = account
        category = _CATEGORIES[0 if same_prompt else number % len(_CATEGORIES)]
        self.room.open_case(prompt, video_id=video, category=category)
        self.opened += 1

    def open_appeal(self, number: int) -> None:
        with self.room.database.read_transaction(TENANT) as tx:
            newest = (decisions.c.id.desc(),)
            refused = tx.select(decisions, decisions.c.action == "refuse", order_by=newest, limit=50)
            videos = [row.video_id for row in refused]
            appeals = (cases.c.video_id.in_(videos), cases.c.kind == CaseKind.APPEAL.value)
            appealed = {row.video_id for row in tx.select(cases, *appeals)}
        videos = [video for video in videos if video not in appealed]
        if not videos:
            return
        case = self.room.open_case("", kind=CaseKind.APPEAL, video_id=videos[number % len(videos)])
        with self.room.database.transaction(TENANT) as tx:
            record_conflicts(tx, case)
        self.opened += 1

    def take(self, person: int) -> None:
        who = self.people[person % len(self.people)]
        case = self.room.queue.take_next(who)
        before = self.taken.pop(who.id, None)
        if case is None or before is None or case.id != before.id:
            # It was taken now, or went back to the queue.
            self.reserved.pop(who.id, None)
        if case is not None:
            # A reservation of another person is given to one for whom nothing else is left.
            self._drop_reservations(case)
            self._assert_alone(who, case)
            self.taken[who.id] = case

    def reserve(self, person: int) -> None:
        """Reserve the case after the one that a person has."""
        who = self.people[person % len(self.people)]
        if who.id not in self.taken:
            return
        try:
            case = self.room.queue.reserve_next(who, self.taken[who.id].id)
        except Conflict:
            return
        self.reserved.pop(who.id, None)
        if case is not None:
            assert case.id != self.taken[who.id].id
            self._assert_alone(who, case)
            self.reserved[who.id] = case

    def decide(self, person: int, *, first_action: bool, undoable: bool, crash: bool) -> None:
        who = self.people[person % len(self.people)]
        case = self.taken.pop(who.id, None)
        if case is None:
            return
        actions = _HOLD_ACTIONS if case.kind is CaseKind.HOLD else ("overturn", "uphold")
        wanted = DecisionRequest(action=actions[0 if first_action else 1], reason="Looked at it.")
        decide = self.room.reviews.decide_with_undo if undoable else self.room.reviews.decide
        self._crash_if(crash)
        try:
            decide(who, case.id, wanted)
        except (Conflict, Forbidden):
            return
        except Crash:
            self._restart()
            return
        finally:
            self.room.actions.before = _do_nothing
        self._assert_not_involved(who, case)
        self._remember_decider(who, case)

    def undo(self, person: int) -> None:
        """Undo the oldest pending decision of a person."""
        who = self.people[person % len(self.people)]
        with self.room.database.read_transaction(TENANT) as tx:
            rows = tx.select(pending_decisions, pending_decisions.c.decided_by == who.id, limit=1)
        for row in rows:
            try:
                self.room.reviews.undo(who, row.case_id)
            except Conflict:
                continue
            # Only those who decided a hold are remembered.
            if row.action in _HOLD_ACTIONS:
                self.deciders[self.roots[row.video_id]][who.id] -= 1

    def give_back(self, person: int, *, how: int) -> None:
        who = self.people[person % len(self.people)]
        case = self.taken.pop(who.id, None)
        if case is None:
            return
        try:
            match how % 3:
                case 0:
                    self.room.queue.skip(who, case.id, reason="Not for me.")
                case 1:
                    self.room.queue.escalate(who, case.id, reason="Hard.")
                case _:
                    self.room.queue.release(who, case.id)
        except Conflict:
            return

    def wait(self, seconds: float) -> None:
        self.room.clock.now += seconds

    def carry_out(self, *, crash: bool) -> None:
        self._crash_if(crash)
        try:
            self.room.executor.carry_out_due()
        finally:
            self.room.actions.before = _do_nothing
        if crash:
            self._restart()

    def finish(self) -> None:
        """Let new reviewers decide everything that is left, and check that nothing was lost."""
        self.wait(LEASE_S + 1)
        self._restart()
        for number in range(len(self.people) + 2):
            newcomer = reviewer(f"newcomer {number}", Role.TRUST_LEAD)
            self.people.append(newcomer)
            while True:
                self.wait(UNDO_S)
                self.carry_out(crash=False)
                self.take(len(self.people) - 1)
                if newcomer.id not in self.taken:
                    break
                self.decide(len(self.people) - 1, first_action=True, undoable=False, crash=False)
            if not self._unfinished():
                break
        self.check()
        assert self._unfinished() == 0, "cases were lost"

    def check(self) -> None:
        """None lost, none decided twice, none by a person who is involved."""
        with self.room.database.read_transaction(TENANT) as tx:
            all_cases = tx.select(cases)
            made = tx.select(decisions)
            forbidden = {(row.case_id, row.person) for row in tx.select(case_conflicts)}
        assert len(all_cases) == self.opened
        times = Counter(row.case_id for row in made)
        for row in all_cases:
            assert times[row.id] == (1 if row.state == CaseState.DECIDED.value else 0), row.id
            if row.leader_id is not None and row.state == CaseState.OPEN.value:
                leader = next(other for other in all_cases if other.id == row.leader_id)
                assert leader.state in ("open", "pending"), "a member without a leader waits for nobody"
        assert not {(row.case_id, row.decided_by) for row in made} & forbidden
        applied = Counter(self.room.actions.applied)
        assert all(count == 1 for count in applied.values()), "a decision was applied twice"

    def _unfinished(self) -> int:
        with self.room.database.read_transaction(TENANT) as tx:
            return tx.count(cases, cases.c.state != CaseState.DECIDED.value)

    def _drop_reservations(self, case: Case) -> None:
        self.reserved = {name: held for name, held in self.reserved.items() if held.id != case.id}

    def _assert_alone(self, who: Principal, case: Case) -> None:
        """The case belongs to this person, and no other person has a lease of it that is still valid."""
        assert case.leased_by == who.id
        all_held = (*self.taken.items(), *self.reserved.items())
        others = [held for name, held in all_held if name != who.id and held.id == case.id]
        assert all((held.leased_until or 0) <= self.room.clock.now for held in others), "leased twice"
        self._assert_not_involved(who, case)

    def _assert_not_involved(self, who: Principal, case: Case) -> None:
        if case.kind is CaseKind.APPEAL:
            root = self.roots[case.video_id]
            assert not self.deciders.get(root, Counter())[who.id], "an earlier decider got an appeal"
            assert self.requesters[case.video_id] != who.id, "the requester got an appeal"

    def _remember_decider(self, who: Principal, case: Case) -> None:
        if case.kind is CaseKind.HOLD:
            self.deciders.setdefault(self.roots[case.video_id], Counter())[who.id] += 1

    def _crash_if(self, crash: bool) -> None:
        if crash:
            self.room.actions.before = _crash

    def _restart(self) -> None:
        self.crashes += 1
        self.room.executor = self.room.restarted_executor()


def _do_nothing(video_id: str) -> None:
    """No crash."""


def _crash(video_id: str) -> None:
    raise Crash(video_id)


def new_world(room: ReviewRoom, *, people: int) -> ReviewWorld:
    return ReviewWorld(
        room=room,
        people=[reviewer(f"person {number}", ROLES[number % len(ROLES)]) for number in range(people)],
    )
