"""A background part that advances batches: plans them, sends their rows within the ceiling, and ends them.

Every step is in the database before its effect: the id of a video is stored before the video is created, so
that after a crash the same id is used and none is created twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from safelight.accounts import Principal
from safelight.core.background.part import BackgroundPart
from safelight.core.errors import (
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    RequestBlocked,
    SafelightError,
    Unavailable,
)
from safelight.core.ids import new_id
from safelight.screening.request import CreateRequest
from safelight.store.database import Database, Transaction
from safelight.store.tables import batch_rows, batches
from safelight.videos.context import PipelineContext
from safelight.videos.models import TERMINAL, Video, VideoState
from safelight_client import BatchError
from safelight_client.batch import BatchPlan
from safelight_client.batch.journal import JournalEntry
from safelight_client.batch.stop_rules import budget_reason
from safelight_client.batch.template_rows import with_rendered
from safelight_client.plan import with_next_seed
from safelight_client.retries import RetryPolicy

from . import store
from .models import ACTIVE, Batch, BatchState, Row, RowState
from .planning import BatchPlanner, CheckedRow, row_plan
from .submissions import EndedSubmission, blocks_of, delay_of_next, phases_left, read_ended
from .transitions import REFUSED, changing, end_row, find_neighbours, finish, leave, start, stop, take_back

# One turn of a batch that is being planned: checks rows, and plans the batch after its last row.

#: One batch is worked on for about this long in one round, so that others get their turn.
TURN_S = 5.0
#: After an error of the gateway that may pass, the batch goes on after this time at the earliest.
MIN_WAIT_S = 1.0
#: Rows that are read at once to be checked.
_MAX_ROWS = 200


@dataclass(frozen=True, kw_only=True)
class PlanTurn:
    """The caller has the lease of the batch."""

    database: Database
    planner: BatchPlanner
    monotonic: Callable[[], float]

    def take(self, batch: Batch, principal: Principal) -> None:
        unchecked = batch_rows.c.state == RowState.UNCHECKED.value
        with self.database.read_transaction(batch.principal.tenant) as tx:
            rows = store.rows(tx, batch.id, unchecked, limit=_MAX_ROWS)
        until = self.monotonic() + TURN_S
        try:
            checked, limited = self.planner.check_rows(principal, batch, rows, until=until)
        except Forbidden as error:
            with changing(self.database, batch) as (tx, current):
                if current.state is BatchState.PLANNING:
                    stop(tx, current, REFUSED.format(error))
                    finish(tx, current, BatchState.STOPPED)
            return
        with changing(self.database, batch) as (tx, current):
            if current.state is not BatchState.PLANNING:
                return
            _store_checks(tx, batch, checked, {row.number: row.source.fields for row in rows})
            wait_s = 0.0 if limited is None else limited.retry_after_s or MIN_WAIT_S
            waiting = "" if limited is None else str(limited)
            store.change(tx, batch.id, wait_reason=waiting, due_at=tx.now() + wait_s)
        if limited is None and len(checked) == len(rows) < _MAX_ROWS:
            self._complete(batch)

    def _complete(self, batch: Batch) -> None:
        """Plan a batch whose rows were all checked.

        It takes seconds for many long prompts, and in this time no transaction may keep others waiting.
        """
        with self.database.read_transaction(batch.principal.tenant) as tx:
            rows = store.rows(tx, batch.id)
        try:
            plan, problem = self.planner.plan(batch, rows), ""
        except BatchError as error:
            plan, problem = None, f"{error} {error.next_step}"
        with changing(self.database, batch) as (tx, current):
            if current.state is not BatchState.PLANNING:
                return
            if plan is None:
                stop(tx, current, problem)
                finish(tx, current, BatchState.STOPPED)
            else:
                _store_plan(tx, current, plan)


def _store_checks(
    tx: Transaction, batch: Batch, checked: Sequence[CheckedRow], fields: Mapping[int, Mapping[str, Any]]
) -> None:
    """`fields`: those of the rows by number, which get the prompts that were made from templates."""
    for each in checked:
        made = each.rendered
        changed = {} if made is None else {"fields": with_rendered(fields[each.number], made)}
        store.change_row(
            tx,
            batch.id,
            each.number,
            found=asdict(each.found),
            problems=list(each.problems),
            state=RowState.PENDING.value,
            **changed,
        )


def _store_plan(tx: Transaction, batch: Batch, plan: BatchPlan) -> None:
    """Store the plan of all rows, and start the batch if it runs without a further request."""
    for planned in plan.rows:
        skipped = planned.skipped
        store.change_row(
            tx,
            batch.id,
            planned.row.number,
            plan=row_plan(planned),
            state=(RowState.NOT_SENT if skipped else RowState.PENDING).value,
            message=skipped,
        )
    totals = plan.totals()
    store.change(tx, batch.id, state=BatchState.PLANNED.value, plan=totals)
    tx.append_audit("batch.planned", subject=batch.id, actor="batches", content=totals)
    if batch.runs:
        planned_batch = replace(batch, plan=totals)
        try:
            start(tx, planned_batch, batch.limits, actor=batch.principal.id)
        except Conflict as error:
            stop(tx, planned_batch, str(error))
            finish(tx, planned_batch, BatchState.STOPPED)


# Reserves the highest price of the next submission of a batch. The caller has locked the batch.


def reserve_next(tx: Transaction, batch: Batch) -> Row | None:
    """The next row, with the creates that are reserved for it. None if none may be sent now.

    Stops the batch if nothing fits under its ceiling and nothing is under way.
    """
    # First those that have begun, because a draft was paid; last those that failed before at no cost.
    begun = next(store.ready_rows(tx, batch.id, reserved=True), None)
    if begun is not None:
        return begun
    money = store.ceiling(tx, batch)
    misfits, failed_before = 0, None
    for row in store.ready_rows(tx, batch.id, reserved=False):
        if row.entries and failed_before is not None:
            continue
        needed = _needed(row)
        if not money.fits(*needed):
            misfits += 1
        elif row.entries:
            failed_before = row
        else:
            return _with_reservation(row, needed)
    if failed_before is not None:
        return _with_reservation(failed_before, _needed(failed_before))
    states = store.totals(tx, batch.id).states
    # A row that waits for a retry is pending too, and has its reservation.
    if misfits and misfits == states[RowState.PENDING.value] and not states.get(RowState.OPEN.value):
        rows = "row" if misfits == 1 else "rows"
        stop(tx, batch, f"The ceiling does not allow {misfits} more {rows}.")
    return None


def _needed(row: Row) -> list[int | None]:
    assert row.plan is not None
    return [row.plan.worst_of(phase) for phase in phases_left(row)]


def _with_reservation(row: Row, needed: list[int | None]) -> Row:
    return replace(row, held_amount=sum(each or 0 for each in needed), held_creates=len(needed))


def begin_submission(tx: Transaction, batch: Batch, row: Row) -> JournalEntry:
    """Store the next submission of a row for which `reserve_next` has reserved it."""
    assert row.plan is not None
    phase = phases_left(row)[0]
    worst = row.plan.worst_of(phase)
    entry = JournalEntry(
        key=new_id("video"),
        number=row.number,
        phase=phase,
        model=row.plan.model_of(phase),
        sent_at=tx.now(),
        worst=worst,
    )
    store.insert_entry(tx, batch.id, entry)
    store.change_row(
        tx,
        batch.id,
        row.number,
        state=RowState.OPEN.value,
        held_amount=row.held_amount - (worst or 0),
        held_creates=row.held_creates - 1,
    )
    return entry


_INTERVAL_S = 1.0
#: A longer round would count as a background part that hangs.
_ROUND_S = 30.0
#: A process that dies leaves its batch for this time. A turn with its last submission is shorter.
_LEASE_S = 300.0
_MAX_BATCHES = 100
#: Keys of deleted batches are remembered this long: a script that sends a batch every month names it anew.
_KEEP_KEYS_S = 90 * 86_400.0


@dataclass(frozen=True, kw_only=True)
class BatchAdvancer:
    """Several processes may share a database: each batch is leased to one of them for a turn."""

    context: PipelineContext
    planner: BatchPlanner
    #: Submits a request as a video with a given id.
    submit: Callable[[Principal, str, CreateRequest], Video]
    #: A video as the API returns it.
    describe: Callable[[Video], Mapping[str, Any]]
    #: The principal with its scopes of today; None if its key is revoked.
    find_principal: Callable[[Principal], Principal | None]
    #: The name of this process, unique among the processes of one database.
    worker: str
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    monotonic: Callable[[], float] = time.monotonic

    @cached_property
    def part(self) -> BackgroundPart:
        return BackgroundPart(
            "batches",
            {"advance": self.advance, "delete expired": self.delete_expired},
            interval_s=_INTERVAL_S,
            stopping=self.context.shutdown_event,
            version=self.context.database.version,
        )

    def advance(self) -> None:
        """Work on batches that are due, each for one turn. Those without a turn are the first next time."""
        until = self.monotonic() + _ROUND_S
        for tenant, batch_id in self._due():
            if self.context.shutdown_event.is_set() or self.monotonic() >= until:
                return
            with self.part.rows.attempt(batch_id), self._leased(tenant, batch_id) as batch:
                if batch is not None:
                    self._take_turn(batch)

    def delete_expired(self) -> None:
        """Delete batches that ended, or were never run, as long ago as the files of their videos are kept.

        Their rows have prompts, which may be personal data.
        """
        database = self.context.database
        if self.context.clock_watch.held_for_s():
            return
        with database.across_tenants("expired batches", readonly=True) as tx:
            before = tx.now() - self.context.limits.keep_s
            parked = self.part.rows.parked()
            found = store.expired_batches(tx, before, left_out=parked, limit=_MAX_BATCHES)
        _forget_old_keys(database)
        for batch in found:
            with self.part.rows.attempt(batch.id), database.transaction(batch.principal.tenant) as tx:
                current = store.find(tx, batch.id, lock=True)
                # Another process may have deleted it, or a person may have continued it.
                if current is not None and current.state not in ACTIVE:
                    store.delete(tx, batch.id)
                    tx.append_audit("batch.expired", subject=batch.id, actor="batches", content={})

    def _due(self) -> list[tuple[str, str]]:
        parked = self.part.rows.parked()
        with self.context.database.across_tenants("batches", readonly=True) as tx:
            return store.due_batches(tx, self.worker, left_out=parked, limit=_MAX_BATCHES)

    @contextmanager
    def _leased(self, tenant: str, batch_id: str) -> Iterator[Batch | None]:
        """The batch; None if another process works on it."""
        database = self.context.database
        with database.transaction(tenant) as tx:
            now = tx.now()
            # The time of the change decides who is next, so it is also that of a turn without changes.
            lease = {"leased_by": self.worker, "leased_until": now + _LEASE_S, "updated_at": now}
            mine = tx.update(batches, batches.c.id == batch_id, store.is_free(self.worker, now), **lease)
            batch = store.find(tx, batch_id) if mine else None
        try:
            yield batch
        finally:
            if batch is not None:
                with database.transaction(tenant) as tx:
                    same = batches.c.leased_by == self.worker
                    tx.update(batches, batches.c.id == batch_id, same, leased_by=None, leased_until=0.0)

    def _take_turn(self, batch: Batch) -> None:
        principal = self.find_principal(batch.principal)
        if principal is None:
            with self._changing(batch) as (tx, current):
                stop(tx, current, "The key of the batch was revoked.")
        elif batch.state is BatchState.PLANNING:
            turn = PlanTurn(database=self.context.database, planner=self.planner, monotonic=self.monotonic)
            turn.take(batch, principal)
            return
        under_way = self._follow(batch, principal)
        if principal is not None and batch.state is BatchState.RUNNING:
            self._send(batch, principal, under_way)
        self._finish(batch)

    def _changing(self, batch: Batch) -> AbstractContextManager[tuple[Transaction, Batch]]:
        return changing(self.context.database, batch)

    def _follow(self, batch: Batch, principal: Principal | None) -> int:
        """End submissions whose videos have ended. Returns how many rows are under way.

        Held videos wait for a reviewer and do not count.
        """
        is_open = batch_rows.c.state == RowState.OPEN.value
        with self.context.database.read_transaction(batch.principal.tenant) as tx:
            rows = store.rows(tx, batch.id, is_open)
            states = store.video_states(tx, [row.entries[-1].key for row in rows])
        under_way = 0
        for row in rows:
            entry = row.entries[-1]
            state = states.get(entry.key)
            if state in TERMINAL:
                video = self.context.videos.get(batch.principal.tenant, entry.key)
                self._settle(batch, row, entry, video)
            elif state is None:
                # The process died before the video was created, or the storage was not available.
                if self._may_follow(batch, entry) and principal is not None:
                    under_way += self._submit(batch, principal, row, entry)
            else:
                under_way += state is not VideoState.HELD
        return under_way

    def _may_follow(self, batch: Batch, entry: JournalEntry) -> bool:
        """Whether a stored submission without a video may be sent. If not, it is taken back."""
        with self._changing(batch) as (tx, current):
            if not current.stop_reason:
                return True
            # Another process may have sent it while this one had no lease.
            if not store.video_states(tx, [entry.key]):
                take_back(tx, current, entry)
            return False

    def _find(self, batch: Batch, video_id: str) -> Video | None:
        try:
            return self.context.videos.get(batch.principal.tenant, video_id)
        except NotFound:
            return None

    def _send(self, batch: Batch, principal: Principal, under_way: int) -> None:
        """Send rows until enough are under way, nothing more fits, or the turn is over."""
        until = self.monotonic() + TURN_S
        while under_way < batch.limits.concurrency and self.monotonic() < until:
            begun = self._begin(batch)
            if begun is None:
                return
            under_way += self._submit(batch, principal, *begun)

    def _begin(self, batch: Batch) -> tuple[Row, JournalEntry] | None:
        """Reserve and store the next submission. None if none may be sent now."""
        levels = {name: count.level for name, count in self.context.refusals.read().items()}
        with self._changing(batch) as (tx, current):
            if current.stop_reason:
                return None
            found = reserve_next(tx, current)
            if found is None:
                return None
            assert found.plan is not None
            reason = budget_reason(levels.get(self.planner.generator_of(found.plan.model), ""))
            if reason:
                stop(tx, current, reason)
                return None
            return found, begin_submission(tx, current, found)

    def _submit(self, batch: Batch, principal: Principal, row: Row, entry: JournalEntry) -> bool:
        """Create the video of a stored submission. Returns whether it is under way."""
        assert row.plan is not None
        fields = with_next_seed(row.plan.fields_of(entry.phase), blocks_of(row, entry.phase))
        try:
            video = self.submit(principal, entry.key, self.planner.read_request(principal, fields))
        except RequestBlocked:
            video = self.context.videos.get(principal.tenant, entry.key)
        except (RateLimited, Forbidden) as error:
            # Nothing was created: a limit of the gateway refused the request.
            if error.param == "safety_identifier":
                # A limit of this end user, who may not stop the rows of others.
                self._fail(batch, row, entry, error)
                return False
            with self._changing(batch) as (tx, current):
                take_back(tx, current, entry)
                stop(tx, current, REFUSED.format(error))
            return False
        except Unavailable as error:
            with self._changing(batch) as (tx, _):
                due_at = tx.now() + max(error.retry_after_s, MIN_WAIT_S)
                store.change(tx, batch.id, wait_reason=str(error), due_at=due_at)
            return True
        except SafelightError as error:
            self._fail(batch, row, entry, error)
            return False
        if video.state in TERMINAL:
            self._settle(batch, row, entry, video)
            return False
        with self._changing(batch) as (tx, current):
            store.write_entry(tx, replace(entry, state="accepted"))
            if current.wait_reason:
                store.change(tx, batch.id, wait_reason="")
        return video.state is not VideoState.HELD

    def _fail(self, batch: Batch, row: Row, entry: JournalEntry, error: SafelightError) -> None:
        """End a row whose request was refused."""
        with self._changing(batch) as (tx, current):
            ended = replace(entry, state="ended", outcome=error.code, charged="no", cost=0)
            store.write_entry(tx, ended)
            end_row(tx, current, row, RowState.FAILED, str(error))

    def _settle(self, batch: Batch, row: Row, entry: JournalEntry, video: Video) -> None:
        """Record the end of a submission, and what follows."""
        ended = read_ended(entry, self.describe(video))
        earlier = [each for each in row.entries if each.phase == entry.phase and each.key != entry.key]
        videos = [self._find(batch, each.key) for each in earlier if each.outcome != store.UNSENT]
        described = [self.describe(each) for each in videos if each is not None]
        # A clip that was paid for and is kept can be scanned again.
        is_kept = video.clip_kept_until is not None
        delay = None if is_kept else delay_of_next(ended, row, described, self.retries)
        near = self._find_neighbours(batch, row) if ended.by_policy else None
        with self._changing(batch) as (tx, current):
            store.write_entry(tx, ended.entry)
            if ended.problem is None:
                _go_on(tx, current, row, ended)
            elif delay is None or current.stop_reason or not _reserve_again(tx, current, ended):
                end_row(tx, current, row, ended.row_state, ended.message, near=near)
            else:
                stored = store.find_row(tx, batch.id, row.number)
                store.change_row(
                    tx,
                    batch.id,
                    row.number,
                    state=RowState.PENDING.value,
                    held_amount=stored.held_amount + (entry.worst or 0),
                    held_creates=stored.held_creates + 1,
                    due_at=tx.now() + delay,
                )

    def _find_neighbours(self, batch: Batch, blocked: Row) -> list[int]:
        """The numbers of the rows that are nearly the same. Long prompts take time, so no lock is held."""
        with self.context.database.read_transaction(batch.principal.tenant) as tx:
            rows = store.rows(tx, batch.id)
        return find_neighbours(rows, blocked)

    def _finish(self, batch: Batch) -> None:
        with self.context.database.read_transaction(batch.principal.tenant) as tx:
            # A batch that only waits for its videos takes no lock.
            if store.totals(tx, batch.id).states.get(RowState.OPEN.value):
                return
        with self._changing(batch) as (tx, current):
            states = store.totals(tx, batch.id).states
            if current.ended_at is not None or states.get(RowState.OPEN.value):
                return
            if current.cancelled:
                finish(tx, current, BatchState.CANCELLED)
            elif current.stop_reason:
                finish(tx, current, BatchState.STOPPED)
            elif not states.get(RowState.PENDING.value):
                finish(tx, current, BatchState.COMPLETED)


def _reserve_again(tx: Transaction, batch: Batch, ended: EndedSubmission) -> bool:
    return store.ceiling(tx, batch).reserve(ended.entry.worst)


def _go_on(tx: Transaction, batch: Batch, row: Row, ended: EndedSubmission) -> None:
    """After a delivered video the row has ended; after a delivered draft its video follows."""
    if ended.entry.phase == "video":
        end_row(tx, batch, row, RowState.DELIVERED, "")
        return
    leave(tx, batch, store.find_row(tx, batch.id, row.number))


def _forget_old_keys(database: Database) -> None:
    with database.across_tenants("keys of deleted batches", readonly=True) as tx:
        before = tx.now() - _KEEP_KEYS_S
        has_old = store.has_deleted(tx, before)
    if has_old:
        with database.across_tenants("keys of deleted batches") as tx:
            store.forget_deleted(tx, before)
