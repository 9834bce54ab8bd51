"""Cases, reviewers and a clock on a database, without a gateway: for tests and benchmarks of the queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, Table

from safelight.accounts import KeyScope, Principal, PrincipalKind, Role
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reviews import DecisionExecutor, ReviewQueue, Reviews
from safelight.cases.reviews.bulk import BulkDecisions
from safelight.core import canonical_json
from safelight.core.errors import Conflict
from safelight.policy.findings import SHIPPED, Stage
from safelight.store.database import Database, Transaction
from safelight.store.tables import videos
from safelight.videos.case_rows import Case, CaseKind, Decision, NewCase, open_case

from .people import add_person
from .videos import add_video

TENANT = "acme"
START = 1_800_000_000.0
DUE_S = 900.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@dataclass
class RecordedActions:
    """Decisions as they were applied to the videos."""

    applied: list[tuple[str, str]] = field(default_factory=list)
    #: Videos whose state no longer allows a decision.
    closed_videos: set[str] = field(default_factory=set)
    #: Called with the id of the video before a decision is applied.
    before: Callable[[str], None] = lambda video_id: None

    def _apply(self, action: str, case: Case) -> Callable[[], None]:
        self.before(case.video_id)
        if case.video_id in self.closed_videos:
            raise Conflict(f"{case.video_id} is not held any more.")
        # Only after the commit, as a transaction can still be rolled back.
        return lambda: self.applied.append((action, case.video_id))

    def require_ground(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Every decision of these tests may be made."""

    def approve(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None]:
        return self._apply("approve", case)

    def refuse(self, tx: Transaction, case: Case, decision: Decision) -> None:
        self._apply("refuse", case)()

    def keep(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Nothing about the video changes."""

    def withdraw(self, tx: Transaction, case: Case, decision: Decision) -> None:
        self._apply("withdraw", case)()

    def overturn(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None]:
        return self._apply("overturn", case)

    def uphold(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Nothing about the video changes."""


class ReviewRoom:
    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self.actions = RecordedActions()
        self.reviews = Reviews(database, self.actions)
        self.bulk = BulkDecisions(database, self.reviews)
        self.queue = ReviewQueue(database, taxonomy=SHIPPED)
        self.executor = self.restarted_executor()

    def restarted_executor(self) -> DecisionExecutor:
        return DecisionExecutor(self.database, self.actions, stopping=threading.Event(), monotonic=self.clock)

    def add_video(self, prompt: str, *, requested_by: str = "key_1", **columns: Any) -> str:
        request = canonical_json.encode({"texts": {"prompt": prompt}, "pending": False})
        with self.database.transaction(TENANT) as tx:
            return add_video(tx, prompt=prompt, request=request, principal_id=requested_by, **columns)

    def change_video(self, video_id: str, **columns: Any) -> None:
        with self.database.transaction(TENANT) as tx:
            tx.update(videos, videos.c.id == video_id, **columns)

    def stored(self, table: Table, *where: Any) -> list[Row[Any]]:
        with self.database.read_transaction(TENANT) as tx:
            return list(tx.select(table, *where))

    def open_case(
        self,
        prompt: str,
        *,
        kind: CaseKind = CaseKind.HOLD,
        category: str = "violence",
        due_s: float = DUE_S,
        video_id: str | None = None,
        quarantined: bool = False,
        stage: Stage = Stage.PROMPT,
    ) -> Case:
        video = video_id or self.add_video(prompt)
        with self.database.transaction(TENANT) as tx:
            return open_case(
                tx,
                NewCase(
                    video_id=video,
                    kind=kind,
                    stage=stage,
                    due_at=tx.now() + due_s,
                    category=category,
                    rule="vi-3",
                    reason="A word.",
                    quarantined=quarantined,
                ),
                actor="policy",
            )

    def enroll(self, who: Principal) -> None:
        """Add an active person with the id and role of this principal."""
        assert who.role is not None
        with self.database.transaction(TENANT) as tx:
            add_person(tx, who.id, role=who.role, name=who.name)

    def take(self, who: Principal) -> Case:
        """The next case of this reviewer, who gets one."""
        taken = self.queue.take_next(who)
        assert taken is not None
        return taken

    def leased_by(self, case: Case) -> str | None:
        return self.reviews.get(reviewer("ada"), case.id).case.leased_by

    def listed(self, **options: Any) -> list[str]:
        """The ids of the cases that a reviewer sees, in order."""
        return [case.id for case in self.reviews.list(reviewer("ada"), **options).items]

    def decide(self, who: Principal, case: Case, action: str = "approve") -> None:
        self.reviews.decide(who, case.id, DecisionRequest(action=action, reason="Looked at it."))


def reviewer(name: str, role: Role | None = Role.REVIEWER, *scopes: KeyScope) -> Principal:
    return Principal(
        tenant=TENANT,
        id=name,
        kind=PrincipalKind.PERSON,
        name=name,
        scopes=frozenset(scopes or {KeyScope.REVIEW}),
        role=role,
    )
