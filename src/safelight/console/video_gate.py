"""Who refused a video, as rows of its explanation: the same answer as that of `safelight attempts show`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safelight.attempts.answers import answer_gate
from safelight.attempts.attempt_log import AttemptLog
from safelight.attempts.drift import Drift
from safelight.attempts.gate import Gate, GateAnswer
from safelight.errors import NotFound, RefusalBudgetUsed
from safelight.generation.protocol import Billing
from safelight.i18n import load_messages
from safelight.jobs.models import VideoRecord
from safelight.jobs.states import VideoState

from .explanation_view import ExplanationLine

_REFUSED = (VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED)


@dataclass(frozen=True, kw_only=True)
class VideoGate:
    answer: GateAnswer
    #: The last attempt at the generator; empty if nothing was sent.
    attempt_id: str = ""
    #: Whether that attempt was on own hardware, where a test costs nothing.
    own_hardware: bool = False


def find_video_gate(
    log: AttemptLog, tenant: str, record: VideoRecord, *, find_drifts: Callable[[str], Sequence[Drift]]
) -> VideoGate | None:
    """Who refused the video; None if it was not refused and no provider failed, or if it is vaulted."""
    video = record.video
    if video.state not in _REFUSED or video.vaulted:
        return None
    if video.state is VideoState.REJECTED:
        return VideoGate(answer=GateAnswer(gate=Gate.OWN_POLICY))
    if video.error_code == RefusalBudgetUsed.code:
        # The operator's limit ended it; an earlier attempt is not the reason.
        return None
    last = record.attempts[-1] if record.attempts else None
    if last is None or (video.state is VideoState.FAILED and last.billing is Billing.OWN):
        return None
    try:
        attempt = log.get(tenant, last.id)
    except NotFound:
        return None
    answer = answer_gate(log, tenant, attempt, find_drifts=find_drifts)
    own = last.billing is Billing.OWN
    return None if answer is None else VideoGate(answer=answer, attempt_id=attempt.id, own_hardware=own)


def gate_lines(found: VideoGate | None, tag: str) -> tuple[ExplanationLine, ...]:
    """The party, the evidence of other attempts, how to tell, and a link to the attempt."""
    if found is None:
        return ()
    a = load_messages("attempts", tag)
    said = found.answer.as_json(a)
    lines = [ExplanationLine(label=a("page.who"), sentences=(said["text"],))]
    if said["evidence"]:
        texts = tuple(one["text"] for one in said["evidence"])
        lines.append(ExplanationLine(label=a("field.evidence"), sentences=texts))
    if found.answer.gate is not Gate.OWN_POLICY:
        # The explanation of our policy names the rule already, as far as it may be named.
        free = found.own_hardware and found.answer.gate is Gate.PROVIDER_FILTER
        test = a("page.own_test") if free else said["test"]
        lines.append(ExplanationLine(label=a("field.test"), sentences=(test,)))
    if found.attempt_id:
        link = f"/attempts/{found.attempt_id}"
        line = ExplanationLine(
            label=a("page.attempt"), sentences=(a("page.open_attempt"),), href=link, id=found.attempt_id
        )
        lines.append(line)
    return tuple(lines)
