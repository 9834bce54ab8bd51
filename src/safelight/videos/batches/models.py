"""Data types of batches by API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.accounts import Principal
from safelight_client.batch import BatchRow, PlanOptions, PromptCheck
from safelight_client.batch.journal import JournalEntry


class BatchState(StrEnum):
    #: Its rows are being checked.
    PLANNING = "planning"
    #: The plan is complete; nothing was sent.
    PLANNED = "planned"
    RUNNING = "running"
    #: Every row has ended.
    COMPLETED = "completed"
    #: A rule or an error stopped it, or the ceiling is reached. It can be run again.
    STOPPED = "stopped"
    CANCELLED = "cancelled"


#: States in which the background part works on a batch.
ACTIVE = (BatchState.PLANNING, BatchState.RUNNING)


class RowState(StrEnum):
    UNCHECKED = "unchecked"
    PENDING = "pending"
    #: One of its videos is under way.
    OPEN = "open"
    DELIVERED = "delivered"
    BLOCKED = "blocked"
    FAILED = "failed"
    #: A video may exist at the provider and be charged.
    SUBMIT_UNKNOWN = "submit_unknown"
    #: The plan or a rule excluded it.
    NOT_SENT = "not_sent"


#: Ended rows that count for the rule on blocks.
COUNTED = (RowState.DELIVERED, RowState.BLOCKED, RowState.FAILED)


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """What a run may do."""

    #: Most money in millionths of a dollar. None: the highest price of the plan.
    max_amount: int | None = None
    #: Most videos that are created. Needed for models without a known price.
    max_jobs: int | None = None
    concurrency: int = 4
    max_refusals: int = 5


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """A batch as it was requested."""

    rows: tuple[BatchRow, ...]
    options: PlanOptions
    limits: BatchLimits
    #: Whether the run begins as soon as the plan is complete.
    run: bool
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    id: str
    state: BatchState
    created_at: float
    ended_at: float | None
    #: Who requested it, and for whom its videos are made. The scopes of a key are not stored.
    principal: Principal
    options: PlanOptions
    limits: BatchLimits
    #: Whether a run follows the plan without a further request.
    runs: bool
    row_count: int
    #: Numbers of rows and the highest price of the plan; None before it is complete.
    plan: Mapping[str, Any] | None
    stop_reason: str
    wait_reason: str
    cancelled: bool


@dataclass(frozen=True, kw_only=True)
class RowPlan:
    """What is known about a row before it is sent. Amounts are in millionths of a dollar."""

    model: str
    fields: Mapping[str, Any]
    draft: Mapping[str, Any] | None
    worst: int | None
    draft_worst: int | None
    duplicate_of: int | None
    near_duplicate_of: int | None
    neighbour_of: int | None

    def worst_of(self, phase: str) -> int | None:
        return self.draft_worst if phase == "draft" else self.worst

    def fields_of(self, phase: str) -> Mapping[str, Any]:
        return (self.draft or {}) if phase == "draft" else self.fields

    def model_of(self, phase: str) -> str:
        return str(self.fields_of(phase).get("model", ""))

    @property
    def total(self) -> int | None:
        """The highest price of draft and video; None if it is not known."""
        if self.worst is None or (self.draft is not None and self.draft_worst is None):
            return None
        return self.worst + (self.draft_worst or 0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a batch as it is stored."""

    source: BatchRow
    state: RowState
    #: What the check of the prompt found; None before it.
    found: PromptCheck | None
    #: None before the plan is complete.
    plan: RowPlan | None
    message: str
    by_policy: bool
    held_amount: int
    held_creates: int
    due_at: float
    #: Its submissions, in the order in which they were sent.
    entries: tuple[JournalEntry, ...] = ()
    #: Hash of the delivered file; empty before.
    sha256: str = ""

    @property
    def number(self) -> int:
        return self.source.number

    @property
    def video_id(self) -> str:
        return next((each.key for each in reversed(self.entries) if each.video_id), "")


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Figures of a batch. Amounts are in millionths of a dollar."""

    states: Mapping[str, int]
    spent: int
    #: Of submissions whose answer was lost: what they may have been charged.
    unknown: int
    reserved: int
    creates: int
