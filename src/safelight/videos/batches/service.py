"""The service of batches behind the API and the pages: create, run, cancel, read and report."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from safelight.accounts import KeyScope, Principal
from safelight.core import canonical_json
from safelight.core.errors import Conflict, IdempotencyKeyReused, NotFound, RateLimited
from safelight.core.ids import is_id, new_id
from safelight.store.database import Database, Transaction
from safelight.store.pages import Page, read_page
from safelight.store.tables import batch_rows, batches, videos
from safelight.videos.staff_reads import record_prompt_reads

from . import store
from .models import ACTIVE, Batch, BatchLimits, BatchRequest, BatchState, Row, RowState, Totals
from .transitions import cancel, finish, start, stop

_MAX_PAGE_SIZE = 1000
#: Batches of one tenant that have not ended: a limit of what is stored, and of the work in one round.
MAX_UNFINISHED = 100


@dataclass(frozen=True, kw_only=True)
class BatchService:
    """Every method is synchronous and raises only `SafelightError`s. The background part does the work."""

    database: Database
    #: Batches that one tenant may store.
    max_stored: int

    def create(self, principal: Principal, request: BatchRequest) -> tuple[Batch, Totals, bool]:
        """Store a batch, which is planned next. Also returns whether it is that of an earlier request.

        Raises `IdempotencyKeyReused` if the key was sent with another batch, `NotFound` if its batch was
        deleted, and `RateLimited` if the tenant has too many batches.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        batch_id, digest = new_id("batch"), _digest(request)
        with self.database.transaction(principal.tenant) as tx:
            if not store.insert(tx, batch_id, principal, request, digest):
                row = tx.one(batches, batches.c.idempotency_key == request.idempotency_key)
                if row is None or row.request_sha256 != digest:
                    raise IdempotencyKeyReused(
                        "This Idempotency-Key was sent earlier with a different batch.",
                        param="Idempotency-Key",
                        remedy="Send the earlier batch again without changes, or use a new key.",
                    )
                return store.batch_of(row), store.totals(tx, row.id), True
            key = request.idempotency_key
            # After the insert, which waits for a deletion at the same time.
            if key is not None and store.is_key_of_deleted(tx, key):
                raise NotFound(
                    "The batch with this Idempotency-Key was deleted, so it is not made and paid once more.",
                    param="Idempotency-Key",
                    remedy="If you want these videos again, use a new key.",
                )
            _limit_unfinished(tx)
            self._limit_stored(tx)
            tx.append_audit(
                "batch.created",
                subject=batch_id,
                actor=principal.id,
                content={"rows": len(request.rows), "sha256": digest, "run": request.run},
            )
            return self._require(tx, batch_id), store.totals(tx, batch_id), False

    def run(
        self,
        principal: Principal,
        batch_id: str,
        revise: Callable[[BatchLimits], BatchLimits],
        *,
        only_from: BatchState | None = None,
    ) -> tuple[Batch, Totals]:
        """Run a planned batch, or continue a stopped one, with revised limits, for this principal.

        A batch that was stopped before its plan was complete goes on with its plan, and runs after it only if
        that was requested earlier. Raises `Conflict` if the batch runs already or has ended, if the limits do
        not suffice, and if it is not in the state `only_from`.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        with self.database.transaction(principal.tenant) as tx:
            batch = self._require(tx, batch_id, lock=True)
            if batch.state not in (BatchState.PLANNING, BatchState.PLANNED, BatchState.STOPPED):
                raise Conflict(f"{batch_id} is {batch.state.value}, so it cannot be run.", param="batch_id")
            if only_from is not None and batch.state is not only_from:
                raise Conflict(
                    f"{batch_id} has changed: it is {batch.state.value}, no longer {only_from.value}.",
                    param="batch_id",
                    remedy="Read its state, then decide again.",
                )
            limits = revise(batch.limits)
            if batch.plan is None:
                # The plan of a batch that was stopped while it was planned was never shown.
                runs = batch.runs or batch.state is BatchState.PLANNING
                document = store.limits_document(limits, runs=runs)
                planning = BatchState.PLANNING.value
                store.change(tx, batch_id, state=planning, limits=document, stop_reason="", ended_at=None)
            else:
                start(tx, batch, limits, actor=principal.id)
            _set_principal(tx, batch_id, principal)
            _limit_unfinished(tx)
            return self._require(tx, batch_id), store.totals(tx, batch_id)

    def cancel(self, principal: Principal, batch_id: str) -> tuple[Batch, Totals]:
        """Send nothing more. Videos that are under way go on, and the batch ends with them."""
        principal.require(KeyScope.VIDEOS_WRITE)
        with self.database.transaction(principal.tenant) as tx:
            batch = self._require(tx, batch_id, lock=True)
            if batch.state not in (BatchState.COMPLETED, BatchState.CANCELLED) and not batch.cancelled:
                cancel(tx, batch, actor=principal.id)
            return self._require(tx, batch_id), store.totals(tx, batch_id)

    def stop(self, principal: Principal, batch_id: str) -> tuple[Batch, Totals]:
        """Send nothing more until `run` continues the batch. Videos that are under way go on."""
        principal.require(KeyScope.VIDEOS_WRITE)
        with self.database.transaction(principal.tenant) as tx:
            batch = self._require(tx, batch_id, lock=True)
            if batch.state in ACTIVE:
                stop(tx, batch, f"{principal.name} stopped the batch.", actor=principal.id)
            if batch.state is BatchState.PLANNING:
                finish(tx, batch, BatchState.STOPPED)
            return self._require(tx, batch_id), store.totals(tx, batch_id)

    def retry(
        self, principal: Principal, batch_id: str, number: int, *, sent: int | None = None
    ) -> tuple[Batch, Totals]:
        """Send a failed row once more, within the limits of the batch. A stopped batch stays stopped.

        `sent`: how often the row was sent when the principal read it.
        Raises `Conflict` for a row that did not fail: a blocked one is never sent again, nor is one that is
        nearly the same as a blocked one.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        with self.database.transaction(principal.tenant) as tx:
            batch = self._require(tx, batch_id, lock=True)
            row = next(iter(store.rows(tx, batch_id, batch_rows.c.number == number)), None)
            if row is None:
                raise NotFound(f"{batch_id} has no row {number}.", param="number")
            obstacle = _obstacle_to_retry(batch, row, sent) or _kept_clip(tx, row)
            if obstacle:
                raise Conflict(f"Row {number} cannot be sent again, because {obstacle}.", param="number")
            pending = RowState.PENDING.value
            store.change_row(tx, batch_id, number, state=pending, message="", ended=None, due_at=0.0)
            tx.append_audit(
                "batch.row_retried", subject=batch_id, actor=principal.id, content={"row": number}
            )
            if batch.state is BatchState.COMPLETED:
                start(tx, batch, batch.limits, actor=principal.id)
                _set_principal(tx, batch_id, principal)
                _limit_unfinished(tx)
            return self._require(tx, batch_id), store.totals(tx, batch_id)

    def delete(self, principal: Principal, batch_id: str) -> None:
        """Delete a batch with its rows and report. Its videos stay. Raises `Conflict` while it runs."""
        principal.require(KeyScope.VIDEOS_WRITE)
        with self.database.transaction(principal.tenant) as tx:
            batch = self._require(tx, batch_id, lock=True)
            if batch.state in ACTIVE or store.is_leased(tx, batch_id):
                raise Conflict(
                    f"{batch_id} is still {batch.state.value}.",
                    param="batch_id",
                    remedy="Stop or cancel it, and wait until its last videos have ended.",
                )
            store.delete(tx, batch_id)
            tx.append_audit("batch.deleted", subject=batch_id, actor=principal.id, content={})

    def get(self, principal: Principal, batch_id: str) -> tuple[Batch, Totals]:
        principal.require(KeyScope.VIDEOS_READ)
        with self.database.read_transaction(principal.tenant) as tx:
            return self._require(tx, batch_id), store.totals(tx, batch_id)

    def list(self, principal: Principal, *, after: str | None, limit: int) -> Page[tuple[Batch, Totals]]:
        """The batches of the tenant, newest first."""
        principal.require(KeyScope.VIDEOS_READ)
        limit = max(1, min(limit, _MAX_PAGE_SIZE))
        with self.database.read_transaction(principal.tenant) as tx:
            # Ids sort by age.
            where = () if after is None else (batches.c.id < self._require(tx, after).id,)
            page = read_page(tx, batches, *where, order_by=(batches.c.id.desc(),), limit=limit)
            return page.map(lambda row: (store.batch_of(row), store.totals(tx, row.id)))

    def rows(
        self, principal: Principal, batch_id: str, *, after: int, limit: int, state: RowState | None = None
    ) -> Page[Row]:
        """The rows of a batch with a number above `after`, in their order. `state`: only those."""
        principal.require(KeyScope.VIDEOS_READ)
        limit = max(1, min(limit, _MAX_PAGE_SIZE))
        only = () if state is None else (batch_rows.c.state == state.value,)
        with self.database.read_transaction(principal.tenant) as tx:
            batch = self._require(tx, batch_id)
            found = store.rows(tx, batch_id, batch_rows.c.number > after, *only, limit=limit + 1)
        record_prompt_reads(self.database, principal, {batch_id: batch.principal.id})
        return Page.first(found, limit)

    def all_rows(self, principal: Principal, batch_id: str) -> Iterator[Row]:
        after = 0
        while True:
            page = self.rows(principal, batch_id, after=after, limit=_MAX_PAGE_SIZE)
            yield from page.items
            if not page.has_more:
                return
            after = page.items[-1].number

    def _limit_stored(self, tx: Transaction) -> None:
        """Raise `RateLimited`, which undoes the transaction, if it leaves more batches than may be stored."""
        if tx.count(batches) > self.max_stored:
            raise RateLimited(
                f"Your team stores {self.max_stored} batches, and no more are allowed. Delete those that are "
                "not needed any more, or ask the operator to raise limits.stored_batches."
            )

    def _require(self, tx: Transaction, batch_id: str, *, lock: bool = False) -> Batch:
        found = store.find(tx, batch_id, lock=lock) if is_id(batch_id, "batch") else None
        if found is None:
            raise NotFound(f"There is no batch {batch_id[:80]!r}.", param="batch_id")
        return found


def _limit_unfinished(tx: Transaction) -> None:
    """Raise `RateLimited`, which undoes the transaction, if it leaves more batches than may be unfinished."""
    if store.count_unfinished(tx) > MAX_UNFINISHED:
        raise RateLimited(
            f"A team may have at most {MAX_UNFINISHED} batches that have not ended. "
            "Cancel one that is not needed, or wait until one has ended."
        )


def _obstacle_to_retry(batch: Batch, row: Row, sent: int | None) -> str:
    """Why the row may not be sent again; empty if it may."""
    if batch.cancelled:
        return "the batch was cancelled"
    if row.state is not RowState.FAILED:
        return f"it is {row.state.value}"
    if row.plan is not None and row.plan.neighbour_of is not None:
        return f"its prompt is nearly that of line {row.plan.neighbour_of}, which the policy blocks"
    if sent is not None and sent != len(row.entries):
        return "it was sent again in the meantime"
    return ""


def _kept_clip(tx: Transaction, row: Row) -> str:
    """Whether the clip of the last submission was paid for and is kept, as an obstacle; empty if not."""
    video_id = row.entries[-1].video_id if row.entries else ""
    video = tx.one(videos, videos.c.id == video_id)
    if video is None or video.clip_kept_until is None:
        return ""
    return f"its clip was paid for and is kept: scan it again with POST /v1/videos/{video_id}/scan"


def _set_principal(tx: Transaction, batch_id: str, principal: Principal) -> None:
    """The videos from now on are made for this principal."""
    store.change(
        tx,
        batch_id,
        principal_id=principal.id,
        principal_kind=principal.kind.value,
        principal_name=principal.name,
    )


def _digest(request: BatchRequest) -> str:
    """The hash of everything that was requested."""
    document = {
        "rows": [[row.name, dict(row.fields), list(row.problems)] for row in request.rows],
        "options": asdict(request.options),
        "limits": asdict(request.limits),
        "run": request.run,
    }
    return hashlib.sha256(canonical_json.encode(document)).hexdigest()
