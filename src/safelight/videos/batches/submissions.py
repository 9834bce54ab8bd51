"""What an ended video means for its row: delivered, the next phase, one more submission, or the end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from safelight_client.batch import RunLimits
from safelight_client.batch.journal import JournalEntry, Phase
from safelight_client.batch.money import cost_of
from safelight_client.batch.row_run import outcome_of
from safelight_client.errors import ClientError
from safelight_client.plan import is_doubtful, may_follow
from safelight_client.responses import failure
from safelight_client.retries import RetryPolicy
from safelight_client.video import read_video

from .models import Row, RowState

_COMPLETED = "completed"
_MAX_SUBMISSIONS = RunLimits().max_submissions
_STATES = {
    "blocked": RowState.BLOCKED,
    "policy_block": RowState.BLOCKED,
    "submit_unknown": RowState.SUBMIT_UNKNOWN,
}


@dataclass(frozen=True, kw_only=True)
class EndedSubmission:
    """A submission whose video has ended."""

    entry: JournalEntry
    #: None if the video was delivered.
    problem: ClientError | None

    @property
    def row_state(self) -> RowState:
        if self.problem is None:
            return RowState.DELIVERED
        return _STATES.get(self.entry.outcome, RowState.FAILED)

    @property
    def message(self) -> str:
        return "" if self.problem is None else f"{self.problem} {self.problem.next_step}".strip()

    @property
    def by_policy(self) -> bool:
        return self.entry.outcome == "policy_block"


def read_ended(entry: JournalEntry, video: Mapping[str, Any]) -> EndedSubmission:
    """The end of a submission. `video`: as the API returns it."""
    read = read_video(video)
    problem = failure(read) if read.status == "failed" else None
    ended = replace(
        entry,
        state="ended",
        video_id=entry.key,
        outcome=_COMPLETED if problem is None else outcome_of(problem),
        charged=read.charged,
        cost=cost_of(read.charged, read.amount, read.currency),
    )
    return EndedSubmission(entry=ended, problem=problem)


def delay_of_next(
    ended: EndedSubmission, row: Row, earlier: Sequence[Mapping[str, Any]], retries: RetryPolicy
) -> float | None:
    """Seconds until one more submission of the same phase; None if none may follow.

    `earlier`: the videos of the earlier submissions of this phase, as the API returns them.
    """
    problem = ended.problem
    if problem is None:
        return None
    number = len(earlier) + 1
    failures = [video for video in map(read_video, earlier) if video.status == "failed"]
    was_doubtful = any(is_doubtful(failure(video)) for video in failures)
    delay = retries.delay_s(number, problem.after_s)
    if number >= _MAX_SUBMISSIONS or delay > retries.max_retry_after_s or _is_excluded(row):
        return None
    return delay if may_follow(problem, was_doubtful=was_doubtful) else None


def _is_excluded(row: Row) -> bool:
    return row.plan is not None and row.plan.neighbour_of is not None


def phases_left(row: Row) -> tuple[Phase, ...]:
    """The phases that a row still needs, in their order."""
    assert row.plan is not None
    phases: tuple[Phase, ...] = ("video",) if row.plan.draft is None else ("draft", "video")
    completed = {entry.phase for entry in row.entries if entry.outcome == _COMPLETED}
    return tuple(phase for phase in phases if phase not in completed)


def blocks_of(row: Row, phase: Phase) -> int:
    """How often a provider blocked the output of this phase: each block makes the seed one higher."""
    return sum(entry.outcome == "blocked" for entry in row.entries if entry.phase == phase)
