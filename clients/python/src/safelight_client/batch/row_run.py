"""The work on one row of a batch: draft, video and retries, each step in the journal."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from safelight_client.client import CREATE_DEADLINE_S
from safelight_client.errors import (
    AccessDenied,
    BatchError,
    ClientError,
    ConnectionFailed,
    InvalidResponse,
    SubmitUnknown,
    TooManyRequests,
    VideoVanished,
)
from safelight_client.plan import is_doubtful, may_follow, may_repeat, with_next_seed
from safelight_client.responses import failure
from safelight_client.steps import Part
from safelight_client.submission import find_lost, form_of, submit, submit_unknown
from safelight_client.video import Video

from .interruption import end_at_pauses
from .journal import JournalEntry, LineRecord, LineState, Phase
from .money import cost_of
from .row_download import Stopped, download_row
from .stop_rules import budget_reason

if TYPE_CHECKING:
    from .batch_plan import PlannedRow
    from .runner import BatchRunner

#: Outcome of a submission that the server did not get or not consider: the row is sent in the next run.
UNSENT = "unsent"
_BLOCKED, _POLICY_BLOCK, _COMPLETED = "blocked", "policy_block", "completed"
#: States of rows by the outcome of their last submission; for any other outcome the row has failed.
_STATES: Mapping[str, LineState] = {
    _BLOCKED: "blocked",
    _POLICY_BLOCK: "blocked",
    "submit_unknown": "submit_unknown",
    "vanished": "vanished",
}
#: Longest search for the video of a create whose answer an earlier run did not get.
_SEARCH_S = 30.0
#: A create is not sent again with an older key: our gateway forgets keys after 24 h, and would create twice.
_MAX_KEY_AGE_S = 20 * 3600.0


class RowRun:
    """Works on one row. `reserved`: the phases whose price is reserved; those that begin are removed."""

    def __init__(self, runner: BatchRunner, planned: PlannedRow, reserved: list[Phase]) -> None:
        self._runner, self._planned, self._reserved = runner, planned, reserved
        self._client = runner.client
        self._number = planned.row.number

    async def run(self) -> None:
        """Raises `Stopped` if the row has not ended."""
        try:
            draft = self._planned.draft
            if self._follows_draft() or (draft is not None and not self._has_draft()):
                await self._make("draft", self._planned.fields if draft is None else draft)
            video = await self._make("video", self._planned.fields)
        except BatchError:
            # The journal could not be written: the row has not ended.
            raise
        except ClientError as error:
            self._end(error)
            return
        await download_row(self._runner, self._planned, video)

    def _has_draft(self) -> bool:
        entries = self._runner.entries[self._number].values()
        return any(entry.phase == "draft" and entry.outcome == _COMPLETED for entry in entries)

    def _follows_draft(self) -> bool:
        """Whether a draft is under way. A row that cannot be sent any more has no draft in the plan."""
        entries = self._runner.entries[self._number].values()
        return any(entry.phase == "draft" and entry.state == "accepted" for entry in entries)

    async def _make(self, phase: Phase, fields: Mapping[str, Any]) -> Video:
        """A completed video of this phase. Raises the error of the last submission."""
        sent = [
            entry
            for entry in self._runner.entries[self._number].values()
            if entry.phase == phase and not entry.is_void
        ]
        entry = next((each for each in sent if each.state != "ended"), sent[-1] if sent else None)
        if entry is not None and entry.state == "ended":
            return await self._read_ended(entry)
        blocks = sum(each.outcome == _BLOCKED for each in sent)
        fields, was_doubtful = with_next_seed(fields, blocks), blocks > 0
        for number in range(max(len(sent), 1), self._runner.limits.max_submissions + 1):
            form = None
            if entry is None and self._planned.skipped:
                self._leave("pending", self._planned.skipped)
                raise Stopped
            if entry is None:
                form = self._form(fields)
                entry = await self._begin(phase, str(fields.get("model", "")))
            problem = await self._submit(entry, fields, form)
            if isinstance(problem, Video):
                return problem
            delay = self._client.session.retries.delay_s(number, problem.after_s)
            again = may_follow(problem, was_doubtful=was_doubtful)
            too_long = delay > self._client.session.retries.max_retry_after_s
            if not again or too_long or self._runner.stop_reason or self._planned.skipped:
                raise problem
            self._runner.pause_model(str(fields.get("model", "")), problem.after_s or 0.0)
            worst = self._planned.worst_of(phase)
            if number == self._runner.limits.max_submissions or not self._runner.ceiling.reserve(worst):
                raise problem
            self._reserved.append(phase)
            was_doubtful = was_doubtful or is_doubtful(problem)
            fields = with_next_seed(fields, int(problem.explanation.is_block))
            entry = None
            await self._runner.pause(delay)
        raise AssertionError("max_submissions must be 1 or more")

    async def _read_ended(self, entry: JournalEntry) -> Video:
        """The video of a submission that an earlier run finished."""
        if entry.outcome == _COMPLETED:
            return await self._retrieve(entry.video_id)
        # That run ended before it noted what became of the row.
        state = _STATES.get(entry.outcome, "failed")
        by_policy = entry.outcome == _POLICY_BLOCK
        self._runner.end_row(
            LineRecord(number=self._number, state=state, message=entry.outcome, by_policy=by_policy)
        )
        raise Stopped

    async def _retrieve(self, video_id: str) -> Video:
        try:
            return await self._client.retrieve(video_id)
        except ClientError as error:
            self._leave("made", str(error))
            raise Stopped from None

    async def _begin(self, phase: Phase, model: str) -> JournalEntry:
        """The journal's entry of a new submission, stored before anything is sent."""
        await self._runner.wait_for_turn(model)
        entry = JournalEntry(
            key=str(uuid.uuid4()),
            number=self._number,
            phase=phase,
            model=model,
            sent_at=self._client.session.wall_clock(),
            worst=self._planned.worst_of(phase),
        )
        self._runner.write_entry(entry)
        self._reserved.remove(phase)
        return entry

    async def _submit(
        self, entry: JournalEntry, fields: Mapping[str, Any], form: tuple[Part, ...] | None
    ) -> Video | ClientError:
        """The completed video of a submission, or its error. Raises `Stopped` if the video goes on.

        `form`: that of a new create; None if an earlier run began it.
        """
        try:
            if entry.state == "sending":
                sent = self._recover(entry, fields) if form is None else self._send(entry, fields, form)
                video = await sent
                entry = replace(entry, state="accepted", video_id=video.id)
                self._runner.write_entry(entry)
            else:
                video = await self._client.retrieve(entry.video_id)
            self._runner.stop(budget_reason(video.refusal_budget))
            if self._runner.is_interrupted:
                raise Stopped
            video = await self._client.wait(
                video, deadline_s=self._runner.limits.deadline_s, on_progress=self._show
            )
            self._runner.stop(budget_reason(video.refusal_budget))
        except BatchError:
            raise
        except ClientError as error:
            if form is not None and entry.state == "sending":
                await self._check_unsettled(entry, error)
            if entry.video_id and not error.explanation.is_block and not isinstance(error, VideoVanished):
                self._leave("open", str(error))
                raise Stopped from None
            self._settle(entry, error.charged, None, "USD", outcome_of(error))
            return error
        problem = failure(video) if video.status == "failed" else None
        outcome = _COMPLETED if problem is None else outcome_of(problem)
        self._settle(entry, video.charged, video.amount, video.currency, outcome)
        return problem or video

    def _form(self, fields: Mapping[str, Any]) -> tuple[Part, ...]:
        """The request with its files. Raises `Stopped` if one cannot be read."""
        try:
            return form_of(fields)
        except OSError as error:
            self._leave("pending", f"A file of the row cannot be read: {error}")
            raise Stopped from None

    async def _send(self, entry: JournalEntry, fields: Mapping[str, Any], form: tuple[Part, ...]) -> Video:
        session = self._client.session
        call = submit(session, fields, form, entry.key, CREATE_DEADLINE_S)
        with self._runner.creating():
            return await self._client.run(end_at_pauses(call, lambda: self._runner.is_interrupted))

    async def _recover(self, entry: JournalEntry, fields: Mapping[str, Any]) -> Video:
        """The video of a create that an earlier run may have sent. Raises `Stopped` if that is not known."""
        session, prompt = self._client.session, self._planned.row.prompt
        if session.honours_keys and abs(session.wall_clock() - entry.sent_at) < _MAX_KEY_AGE_S:
            try:
                return await self._send(entry, fields, self._form(fields))
            except ClientError as error:
                if not error.explanation.is_block:
                    self._leave_unsettled(error)
                # The first try may have made a video, although this one was refused.
                error.explanation = error.explanation.unsettled()
                raise
        unreadable = await self._try_list()
        if unreadable is not None:
            self._leave_unsettled(unreadable)
        session.begin(prompt)
        try:
            until = session.clock() + _SEARCH_S
            found: Video | tuple[str, ...] = ()
            if self._runner.is_only_unanswered(entry, prompt):
                found = await self._client.run(find_lost(session, fields, entry.sent_at, until))
        finally:
            session.end(prompt)
        if isinstance(found, Video):
            return found
        reason = "the program ended before it came"
        raise submit_unknown(reason, found, entry.key, honours_keys=False)

    async def _try_list(self) -> ClientError | None:
        """Why the list of the server cannot be read at the moment. None also for a server without a list."""
        try:
            await self._client.list(limit=1)
        except (ConnectionFailed, InvalidResponse, AccessDenied, TooManyRequests) as error:
            return error
        except ClientError as error:
            return error if (error.status or 0) >= 500 and error.status != 501 else None
        return None

    async def _check_unsettled(self, entry: JournalEntry, error: ClientError) -> None:
        """Raises `Stopped` after a create that the next run has to settle or to send."""
        may_settle = self._client.session.honours_keys or self._runner.is_interrupted
        if isinstance(error, SubmitUnknown) and (may_settle or await self._try_list()):
            self._leave_unsettled(error)
        is_unsent = isinstance(error, ConnectionFailed) and not error.sent
        if is_unsent or (_is_refused(error) and error.charged == "no"):
            self._runner.write_entry(replace(entry, state="ended", outcome=UNSENT, charged="no", cost=0))
            self._runner.ceiling.give_back(entry.worst)
            self._runner.stop(f"The server does not accept requests: {error}")
            raise Stopped

    def _leave_unsettled(self, error: ClientError) -> NoReturn:
        """Leaves a create `sending`: it may be paid, and the next run can find out."""
        if isinstance(error, ConnectionFailed) or _is_refused(error):
            self._runner.stop(f"The server does not accept requests: {error}")
        self._leave("pending", str(error))
        raise Stopped

    def _settle(
        self, entry: JournalEntry, charged: str, amount: float | None, currency: str, outcome: str
    ) -> None:
        """Ends a submission in the journal, and releases what it did not cost."""
        cost = cost_of(charged, amount, currency)
        ended = replace(entry, state="ended", outcome=outcome, charged=charged, cost=cost)
        self._runner.write_entry(ended)
        if ended.is_refused:
            self._runner.ceiling.give_back(entry.worst)
        else:
            self._runner.ceiling.settle(entry.worst, cost, is_unknown=ended.is_unknown)

    def _show(self, video: Video) -> None:
        self._runner.show_progress(self._number, video.progress)

    def _leave(self, state: LineState, message: str) -> None:
        self._runner.end_row(LineRecord(number=self._number, state=state, message=message))

    def _end(self, error: ClientError) -> None:
        """Records a row that ended without a video, or that the next run sends again at no cost."""
        state: LineState = "failed"
        if may_repeat(error) and not error.explanation.is_block:
            state = "pending"
        elif isinstance(error, SubmitUnknown):
            state = "submit_unknown"
        elif isinstance(error, VideoVanished):
            state = "vanished"
        elif error.explanation.is_block:
            state = "blocked"
        # The message of a block ends with the next step.
        step = "" if str(error).endswith(error.next_step) else error.next_step
        self._runner.end_row(
            LineRecord(
                number=self._number,
                state=state,
                message=f"{error} {step}".strip(),
                by_policy=error.explanation.is_block and not error.explanation.by_provider,
                video_id=error.video.id if error.video is not None else "",
            )
        )


def outcome_of(error: ClientError) -> str:
    """The outcome of a submission that ended with this error."""
    if error.explanation.is_block:
        return _BLOCKED if error.explanation.by_provider else _POLICY_BLOCK
    return error.code or error.explanation.kind


def _is_refused(error: ClientError) -> bool:
    """Whether every request with the same key of the user would meet this error."""
    return isinstance(error, AccessDenied) or error.explanation.kind == "quota"
