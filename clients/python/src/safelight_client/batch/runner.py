"""Runs a batch: a few rows at a time, each create journalled before it is sent, within the ceiling."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safelight_client.async_client import AsyncClient
from safelight_client.errors import BatchError
from safelight_client.money import micro

from .batch_plan import BatchPlan, PlannedRow
from .journal import Journal, JournalEntry, LineRecord, LineState, Phase
from .money import CostCeiling
from .row_download import Stopped
from .row_run import RowRun
from .stop_rules import StopRules, budget_reason, read_budget

#: States of rows that are not sent again.
ENDED = frozenset({"delivered", "blocked", "failed", "submit_unknown", "vanished", "not_sent"})

#: After this number of consecutive rows that are left for the next run, the batch stops.
_MAX_LEFT = 5


@dataclass(frozen=True, kw_only=True)
class RunLimits:
    """What a run may do."""

    #: Most money of the batch, all its runs together. None: the highest price of the plan.
    max_usd: float | None = None
    #: Most creates of the batch. Needed for models without a known price.
    max_jobs: int | None = None
    concurrency: int = 4
    #: Creates per minute by model; the name "" is for all others.
    per_minute: Mapping[str, float] = field(default_factory=dict)
    max_refusals: int = 5
    #: Submissions of one row and phase, after failures that are known to cost nothing.
    max_submissions: int = 3
    #: Longest wait for one video.
    deadline_s: float = 1800.0


class BatchRunner:
    """Runs the rows of one plan. Another run with the same journal goes on where this one ended."""

    def __init__(
        self,
        plan: BatchPlan,
        journal: Journal,
        client: AsyncClient,
        limits: RunLimits,
        folder: Path,
        *,
        on_change: Callable[[], object] = lambda: None,
    ) -> None:
        """Raises `BatchError` if the limits do not suffice to run the plan."""
        _check_limits(plan, limits)
        self.plan, self.limits = plan, limits
        self.client, self.folder = client, folder
        self._journal, self._on_change = journal, on_change
        worst = sum(each.total for each in plan.sendable)
        self.ceiling = CostCeiling(
            worst if limits.max_usd is None else micro(limits.max_usd), limits.max_jobs
        )
        self.lines = journal.lines()
        #: The submissions of each row, in the order in which they were sent.
        self.entries: dict[int, dict[str, JournalEntry]] = defaultdict(dict)
        self.progress: dict[int, int] = {}
        #: The rows that are worked on.
        self.working: list[PlannedRow] = []
        #: Why the batch stopped before its end; empty if it did not.
        self.stop_reason = ""
        self.rules = StopRules(max_refusals=limits.max_refusals)
        self._places = {each.row.number: place for place, each in enumerate(plan.rows)}
        #: Whether the server may have thumbnails.
        self.has_thumbnails = True
        #: Rows whose price did not fit into what was left.
        self.over_ceiling = 0
        #: Consecutive rows that go on in the next run.
        self._left = 0
        self._pending: deque[PlannedRow] = deque()
        self._freed = asyncio.Event()
        self._next_at: dict[str, float] = {}
        self._creating: set[asyncio.Task[object]] = set()
        self._workers: list[asyncio.Task[None]] = []
        self.is_interrupted = False
        self._restore()

    def _restore(self) -> None:
        for entry in self._journal.entries():
            self.entries[entry.number][entry.key] = entry
            if entry.video_id:
                # A lost create of this run must not take the video of another row for its own.
                self.client.session.claim(entry.video_id)
            ended = entry.state == "ended"
            self.ceiling.restore(
                spent=entry.counted if ended and not entry.is_unknown else 0,
                unknown=entry.counted if entry.is_unknown else 0,
                reserved=0 if ended else entry.worst or 0,
                jobs=int(not entry.is_refused),
            )
        for line in self.lines.values():
            if line.state in ("delivered", "blocked", "failed"):
                self.rules.record(blocked=line.state == "blocked")

    @property
    def counts(self) -> Counter[str]:
        """Rows by state."""
        found: Counter[str] = Counter(self.state_of(each) for each in self.plan.rows)
        return found

    def state_of(self, planned: PlannedRow) -> LineState:
        line = self.lines.get(planned.row.number)
        if line is not None and line.state != "pending":
            return line.state
        entries = self.entries[planned.row.number].values()
        if any(entry.phase == "video" and entry.outcome == "completed" for entry in entries):
            return "made"
        if any(entry.state == "accepted" for entry in entries):
            return "open"
        return "not_sent" if planned.skipped else "pending"

    @property
    def all_entries(self) -> Iterator[JournalEntry]:
        return (entry for entries in self.entries.values() for entry in entries.values())

    @property
    def unsettled(self) -> list[JournalEntry]:
        """Submissions that may go on at the provider, or whose answer was lost."""
        return [
            entry
            for entry in self.all_entries
            if entry.state != "ended" or entry.outcome in ("submit_unknown", "vanished")
        ]

    async def run(self) -> None:
        """Sends what is left. Ends when all rows have ended, or with a `stop_reason`."""
        session = self.client.session
        learning = asyncio.create_task(self.client.run(session.learn_server()))
        self._workers = [learning]
        await asyncio.wait(self._workers)
        if not learning.cancelled():
            learning.result()
        if session.models is None and session.honours_keys is None and self._has_unanswered():
            # Whether its key may be sent again is not known either.
            self.stop("The server does not accept requests: its models cannot be listed.")
        # Also a row that the plan now excludes, if its video exists: it is paid.
        left = [
            each
            for each in self.plan.rows
            if (state := self.state_of(each)) in ("open", "made") or (state not in ENDED and not each.skipped)
        ]
        left.sort(key=self._order)
        self._pending.extend(left)
        self.stop(self.rules.reason)
        for planned in left:
            if self.state_of(planned) == "pending":
                self.stop(budget_reason(read_budget(session.models, planned.model)))
        self._workers = [asyncio.create_task(self._work()) for _ in range(max(self.limits.concurrency, 1))]
        try:
            found = await asyncio.gather(*self._workers, return_exceptions=True)
        finally:
            for task in self._workers:
                task.cancel()
        if self.over_ceiling:
            self.stop(f"The ceiling does not allow {self.over_ceiling} more rows.")
        for outcome in found:
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise outcome

    def _order(self, planned: PlannedRow) -> int:
        """First what was begun, because it may be paid already; last what failed at no cost before."""
        entries = self.entries[planned.row.number].values()
        if any(not entry.is_void for entry in entries):
            return 0
        return 2 if entries else 1

    def interrupt(self) -> None:
        """Sends nothing more and waits for nothing but the answers of creates that are on their way."""
        self.is_interrupted = True
        self.stop("The batch was interrupted.")
        for task in self._workers:
            if task not in self._creating:
                task.cancel()

    def stop(self, reason: str) -> None:
        if reason and not self.stop_reason:
            self.stop_reason = reason
        self._freed.set()

    async def _work(self) -> None:
        while self._pending:
            planned = self._pending.popleft()
            state = self.state_of(planned)
            if state == "not_sent" or (self.stop_reason and not self._must_follow(planned)):
                continue
            reserved = self._reserve(planned)
            if reserved is None:
                if not self.working:
                    self.over_ceiling += 1
                    continue
                self._pending.append(planned)
                self._freed.clear()
                await self._freed.wait()
                continue
            self.working.append(planned)
            try:
                await RowRun(self, planned, reserved).run()
            except Stopped:
                pass
            except Exception:
                # No other row begins after an error of the journal, for example.
                self.stop("The run ended with an error.")
                raise
            finally:
                for phase in reserved:
                    self.ceiling.give_back(planned.worst_of(phase))
                self.working.remove(planned)
                self._freed.set()

    def _must_follow(self, planned: PlannedRow) -> bool:
        """Whether a stopped batch still follows this row: its video exists, and nothing more is created."""
        return not self.is_interrupted and self.state_of(planned) in ("open", "made")

    def _reserve(self, planned: PlannedRow) -> list[Phase] | None:
        """Reserves the creates that the row still needs; returns their phases, or None if they do not fit."""
        if planned.skipped:
            return []
        begun = {e.phase for e in self.entries[planned.row.number].values() if not e.is_void}
        phases: tuple[Phase, ...] = ("video",) if planned.draft is None else ("draft", "video")
        needed = [phase for phase in phases if phase not in begun]
        return needed if self.ceiling.reserve(*map(planned.worst_of, needed)) else None

    def write_entry(self, entry: JournalEntry) -> None:
        self._journal.write_entry(entry)
        self.entries[entry.number][entry.key] = entry
        self._on_change()

    def end_row(self, record: LineRecord) -> None:
        """Records what became of a row. After a block by our policy, its neighbours are not sent."""
        records = [record, *(self._neighbours(record) if record.by_policy else [])]
        self._journal.write_lines(*records)
        self.lines.update({each.number: each for each in records})
        self._left = self._left + 1 if record.state == "pending" else 0
        if self._left == _MAX_LEFT:
            self.stop(
                f"{self._left} consecutive rows were left for the next run. The last one: {record.message}"
            )
        if record.state in ("delivered", "blocked", "failed"):
            self.rules.record(blocked=record.state == "blocked")
            self.stop(self.rules.reason)
        if len(records) > 1:
            self.stop(
                f"The policy blocked line {self.line_of(record.number)}. "
                f"Its prompt is nearly that of {len(records) - 1} more rows, which are not sent."
            )
        self._on_change()

    def _neighbours(self, record: LineRecord) -> list[LineRecord]:
        waiting = [
            self._places[each.row.number]
            for each in self.plan.sendable
            if self.state_of(each) in ("pending", "open") and not self._has_begun_video(each.row.number)
        ]
        place = self._places[record.number]
        line = self.line_of(record.number)
        message = f"The prompt is nearly that of line {line}, which the policy blocks."
        return [
            LineRecord(number=self.plan.rows[other].row.number, state="not_sent", message=message)
            for other in self.plan.similar.neighbours(place, waiting)
        ]

    def _has_begun_video(self, number: int) -> bool:
        return any(e.phase == "video" and not e.is_void for e in self.entries[number].values())

    async def wait_for_turn(self, model: str) -> None:
        """Waits until the rate of the model allows one more create. Raises `Stopped`."""
        clock = self.client.session.clock
        while (delay := self._next_at.get(model, 0.0) - clock()) > 0:
            await asyncio.sleep(delay)
        if self.stop_reason:
            raise Stopped
        rate = self.limits.per_minute.get(model, self.limits.per_minute.get("", 0.0))
        if rate > 0:
            self._next_at[model] = clock() + 60 / rate

    async def pause(self, seconds: float) -> None:
        """Waits before a new submission of the same row."""
        await asyncio.sleep(seconds)

    def is_only_unanswered(self, entry: JournalEntry, prompt: str) -> bool:
        """Whether no other create with the same prompt was left without an answer."""
        return not any(
            other.state == "sending" and other.key != entry.key and self._prompt(other.number) == prompt
            for other in self.all_entries
        )

    def _has_unanswered(self) -> bool:
        return any(entry.state == "sending" for entry in self.all_entries)

    def _prompt(self, number: int) -> str:
        return self.plan.rows[self._places[number]].row.prompt

    def line_of(self, number: int) -> int:
        return self.plan.rows[self._places[number]].row.line

    def show_progress(self, number: int, percent: int) -> None:
        self.progress[number] = percent
        self._on_change()

    def pause_model(self, model: str, seconds: float) -> None:
        """No row sends a create to the model for this time."""
        until = self.client.session.clock() + seconds
        self._next_at[model] = max(self._next_at.get(model, 0.0), until)

    @contextmanager
    def creating(self) -> Iterator[None]:
        """While a create is on its way: Ctrl-C does not interrupt it."""
        task = asyncio.current_task()
        assert task is not None
        self._creating.add(task)
        try:
            yield
        finally:
            self._creating.discard(task)


def _check_limits(plan: BatchPlan, limits: RunLimits) -> None:
    unknown = sorted({each.model or "the default model" for each in plan.sendable if not each.is_priced})
    if unknown and limits.max_jobs is None:
        raise BatchError(
            f"The price is not known of {', '.join(unknown)}.",
            "State the price per second, or the largest number of jobs.",
        )
