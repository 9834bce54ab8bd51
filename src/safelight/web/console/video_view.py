"""The values of a video for the templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from safelight.core.errors import Withdrawn
from safelight.core.i18n import has_sentence
from safelight.policy.findings import Coverage, CoverageStatus, Stage, Taxonomy
from safelight.policy.verdicts import Action
from safelight.providers.protocol import Billing, ChargeStatus
from safelight.screening.coverage_count import Check
from safelight.videos.models import TERMINAL, StageRecord, Video, VideoRecord, VideoState
from safelight.web.explained_video import explain_video, translate_sentences
from safelight.web.translations import (
    Translations,
    format_datetime,
    format_duration,
    list_checks,
    translate_note,
)
from safelight.web.video_facts import coverage_and_charge, links, position, verdict_action
from safelight_client.money import format_money

from .coverage import CoverageSummary, VideoCoverage, summarize_video
from .explanation_view import ExplanationLine, explanation_lines, format_charge, prompt_spans, support_lines
from .generation_view import describe_hold, generation_sentences
from .prompt_highlights import TextSegment, split_highlights
from .verdict_tone import verdict_key, video_tone

_STATES = frozenset(state.value for state in VideoState)
_ENDED_STATES = frozenset({VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED})
#: Outcome of an attempt that did not reach a generator, or was turned away before any cost.
_NOT_TAKEN = "not_taken"
#: States that store a message when the video reaches them.
_STATES_WITH_STORED_MESSAGE = frozenset({VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED})

# The seven pipeline steps of a video with the status of each, for the progress bar.


class PipelineStep(StrEnum):
    ADMISSION = "admission"
    PROMPT = "prompt"
    REFERENCE = "reference"
    GENERATION = "generation"
    OUTPUT = "output"
    SEAL = "seal"
    DELIVERY = "delivery"


class StepStatus(StrEnum):
    DONE = "done"
    #: Done, and allowed only because of a waiver. It never has the icon of `done`.
    WAIVED = "waived"
    #: Approved by a reviewer although required checks were not completed.
    GAPS_APPROVED = "gaps_approved"
    RUNNING = "running"
    PENDING = "pending"
    #: The request does not need the step, for example `reference` without a reference file.
    SKIPPED = "skipped"
    #: The video reached a final state before this step.
    NOT_REACHED = "not_reached"
    HELD = "held"
    BLOCKED = "blocked"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class ProgressStep:
    step: PipelineStep
    status: StepStatus
    #: Progress in percent. Set only for a running step that reports its progress.
    percent: int | None = None
    #: Duration in milliseconds, if it is known.
    ms: int | None = None


PIPELINE_STEPS = tuple(PipelineStep)
_STEP_OF_STAGE = {
    Stage.ADMISSION: PipelineStep.ADMISSION,
    Stage.PROMPT: PipelineStep.PROMPT,
    Stage.REFERENCE: PipelineStep.REFERENCE,
    Stage.GENERATION: PipelineStep.GENERATION,
    Stage.OUTPUT: PipelineStep.OUTPUT,
    Stage.DELIVERY: PipelineStep.DELIVERY,
}
_STEP_OF_STATE = {
    VideoState.GENERATING.value: PipelineStep.GENERATION,
    VideoState.SCANNING.value: PipelineStep.OUTPUT,
    VideoState.SEALING.value: PipelineStep.SEAL,
}
_FINAL_STATUS = {
    VideoState.HELD: StepStatus.HELD,
    VideoState.REJECTED: StepStatus.BLOCKED,
    VideoState.BLOCKED: StepStatus.BLOCKED,
    VideoState.WITHDRAWN: StepStatus.BLOCKED,
    VideoState.FAILED: StepStatus.FAILED,
}


def list_progress_steps(video: Video, record: VideoRecord | None) -> tuple[ProgressStep, ...]:
    """The status of each step of a video. A vaulted video shows only that it was blocked, not in which
    step.
    """
    if video.vaulted:
        return (
            *(ProgressStep(step=step, status=StepStatus.NOT_REACHED) for step in PIPELINE_STEPS[:-1]),
            ProgressStep(step=PipelineStep.DELIVERY, status=StepStatus.BLOCKED),
        )
    current = PIPELINE_STEPS.index(_current_step(video))
    stages = record.stages if record else ()
    recorded = {_STEP_OF_STAGE[stage.stage] for stage in stages}
    waived = {_STEP_OF_STAGE[stage.stage] for stage in stages if stage.verdict.waivers}
    gaps = {_STEP_OF_STAGE[stage.stage] for stage in stages if video.gaps_approved and stage.verdict.gaps}
    latencies_ms = _latencies_ms(record)
    steps = []
    for index, step in enumerate(PIPELINE_STEPS):
        if index > current:
            status = StepStatus.PENDING if video.state not in _ENDED_STATES else StepStatus.NOT_REACHED
        elif index == current:
            status = _FINAL_STATUS.get(video.state, StepStatus.RUNNING)
            if video.state is VideoState.DELIVERED:
                status = StepStatus.DONE
        else:
            status = StepStatus.DONE
            if step in gaps:
                status = StepStatus.GAPS_APPROVED
            elif step in waived:
                status = StepStatus.WAIVED
            elif step is PipelineStep.REFERENCE and step not in recorded:
                status = StepStatus.SKIPPED
        percent = (
            video.progress
            if status is StepStatus.RUNNING and step in {PipelineStep.GENERATION, PipelineStep.OUTPUT}
            else None
        )
        steps.append(ProgressStep(step=step, status=status, percent=percent, ms=latencies_ms.get(step)))
    return tuple(steps)


def _current_step(video: Video) -> PipelineStep:
    match video.state:
        case VideoState.GENERATING:
            return PipelineStep.GENERATION
        case VideoState.SCANNING:
            return PipelineStep.OUTPUT
        case VideoState.SEALING:
            return PipelineStep.SEAL
        case VideoState.DELIVERED | VideoState.WITHDRAWN:
            return PipelineStep.DELIVERY
    return _STEP_OF_STAGE[video.stage]


def _latencies_ms(record: VideoRecord | None) -> dict[PipelineStep, int]:
    """How long each step took: the latency of its stage, or the time between two states in the audit log."""
    latencies_ms: dict[PipelineStep, int] = {}
    for stage_record in record.stages if record else ():
        ms = stage_record.details.get("latency_ms")
        if isinstance(ms, int | float):
            latencies_ms[_STEP_OF_STAGE[stage_record.stage]] = round(ms)
    changes = list(_state_changes(record))
    took: dict[PipelineStep, float] = {}
    for (state, at), (_, next_at) in pairwise(changes):
        if step := _STEP_OF_STATE.get(state):
            took[step] = took.get(step, 0.0) + next_at - at
    return latencies_ms | {step: max(0, round(1000 * seconds)) for step, seconds in took.items()}


def step_started_at(video: Video, record: VideoRecord | None) -> float:
    """When the video reached its present state."""
    return max((at for _, at in _state_changes(record)), default=video.created_at)


def _state_changes(record: VideoRecord | None) -> Iterator[tuple[str, float]]:
    """Each state of the video and its time, from the audit log, oldest first."""
    for entry in record.audit_log if record else ():
        kind, _, state = str(entry["event"]).partition(".")
        if kind == "video" and state in _STATES:
            yield state, float(entry["at"])


@dataclass(frozen=True, kw_only=True)
class VideoView:
    id: str
    position: int
    prompt: tuple[TextSegment, ...]
    steps: tuple[ProgressStep, ...]
    #: How long each step took, in words.
    step_times: Mapping[str, str]
    #: Seconds since the request, and since the running step began.
    elapsed_s: int
    step_elapsed_s: int
    #: True until the video reaches a final state. The page then updates itself.
    in_progress: bool
    #: True while the video is on its way to the preview: neither held nor ended.
    making: bool
    #: Place in the queue; None unless the video waits.
    place: int | None
    percent: int
    #: Colour: allow, waived, label, hold, block, none or error. The verdict and an icon are always shown too.
    tone: str
    headline: str
    #: The explanation of the verdict, shown under the headline.
    message: str
    #: True if the message is in English although the page is in another language.
    message_in_english: bool
    verdict: str
    lines: tuple[ExplanationLine, ...]
    #: Support services: name and text of each.
    support: tuple[tuple[str, str], ...]
    state: str
    delivered: bool
    width: int
    height: int
    poster_url: str | None
    content_url: str | None
    record_url: str | None
    page_url: str | None
    facts: tuple[tuple[str, str], ...]
    cost: str
    #: Words of the prompt for what the generator did not draw.
    not_drawn: str
    #: How the generation was steered and watched, in sentences; empty if it was not.
    generation: tuple[str, ...]
    #: None if no check has run, or for a vaulted video.
    coverage: CoverageSummary | None
    sha256: str | None
    #: Whether a change of the prompt is the suggested next step.
    change_prompt: bool
    #: Whether a provider blocked it, so that the page leads to advice on its prompt.
    blocked_by_provider: bool


def video_view(
    video: Video,
    record: VideoRecord | None,
    t: Translations,
    taxonomy: Taxonomy,
    *,
    now: float,
    installed: Iterable[Check],
) -> VideoView:
    """The view of a video in its current state. `installed` are the checks of the installation."""
    steps = list_progress_steps(video, record)
    waits = _waits_for_generator(video, record)
    if waits:
        steps = tuple(replace(step, percent=None) for step in steps)
    action = verdict_action(video)
    explanation = explain_video(video, record, taxonomy, t)
    details = explanation.details
    delivered = video.state is VideoState.DELIVERED
    stages = record.stages if record else ()
    merged = Coverage().merge(cell for stage in stages for cell in stage.coverage)
    made = VideoCoverage(
        made=tuple((cell.category, cell.modality.value, cell.status.value) for cell in merged),
        waived=frozenset(
            (cell.category, cell.modality.value) for stage in stages for cell in stage.verdict.waived
        ),
        waivers=tuple(dict.fromkeys(name for stage in stages for name in stage.verdict.waivers)),
        causes=tuple(
            # An unknown note can contain an error with addresses and paths.
            dict.fromkeys(
                translate_note(cell.note, t)
                for cell in merged
                if cell.status is CoverageStatus.PARTLY and has_sentence("doctor", cell.note)
            )
        ),
    )
    urls = links(video)
    headline = t("state.waits_for_generator" if waits else _headline_key(video, details))
    outcome = coverage_and_charge(video, record)
    charge = outcome["charge"] if record else None
    lines = explanation_lines(details, video.prompt, t, sentence=explanation.sentence)
    if video.state is VideoState.FAILED and not lines and charge:
        lines = (ExplanationLine(label=t("explain.charged"), sentences=(format_charge(charge, t),)),)
    if _failed_on_own_hardware(video, record) and not details.get("next_step"):
        step = ExplanationLine(label=t("explain.next_step"), sentences=(t("explain.next_step_own"),))
        lines = (*lines, step)
    lines = (*lines, *_paid_clip_lines(video, t))
    return VideoView(
        id=video.id,
        position=position(video),
        prompt=split_highlights(video.prompt, prompt_spans(details)),
        steps=steps,
        step_times={step.step: format_duration(step.ms / 1000, t) for step in steps if step.ms is not None},
        elapsed_s=max(0, int(now - video.created_at)),
        step_elapsed_s=max(0, int(now - step_started_at(video, record))),
        in_progress=video.state not in TERMINAL,
        making=video.state not in TERMINAL and video.state is not VideoState.HELD,
        place=video.queue.place if video.queue and video.state is VideoState.QUEUED else None,
        percent=video.progress,
        tone=video_tone(video),
        headline=headline,
        # The explanation often begins with the sentence of the headline, so that sentence is removed.
        message=_describe_wait(video, record, t)
        if waits
        else _message(video, explanation.sentence, stages, t).removeprefix(headline).strip(),
        message_in_english=explanation.in_english
        and bool(explanation.sentence)
        and video.state in _STATES_WITH_STORED_MESSAGE,
        verdict=t(verdict_key(video)),
        lines=lines,
        support=support_lines(details),
        state=video.state.value,
        delivered=delivered,
        width=video.width,
        height=video.height,
        poster_url=f"{urls['content']}?variant=thumbnail" if delivered else None,
        content_url=urls["content"],
        record_url=urls["record"],
        page_url=urls["page"],
        facts=_fact_rows(video, t),
        cost=format_charge(charge, t) if charge and not lines else "",
        not_drawn="" if video.vaulted else ", ".join(outcome.get("not_drawn") or ()),
        generation=()
        if video.vaulted
        else tuple(generation_sentences(outcome.get("generation") or describe_hold(record), t)),
        coverage=summarize_video(made, installed, t) if made.made and not video.vaulted else None,
        sha256=video.sealed_sha256 if delivered else None,
        change_prompt=action is Action.BLOCK and not (video.vaulted or video.reinstated_as),
        blocked_by_provider=_is_blocked_by_provider(video, details),
    )


def _paid_clip_lines(video: Video, t: Translations) -> Iterator[ExplanationLine]:
    """Why its clip is not downloaded yet, that the video is late, and where its paid clip is."""
    if video.download_problem is not None:
        problem = translate_sentences(video.download_problem, t)
        yield ExplanationLine(label=t("video.download_problem"), sentences=(problem,))
    if video.late_since is not None:
        key = "video.unanswered_text" if video.waits_for_generator else "video.late_text"
        late = t(key, since=format_datetime(video.late_since, t))
        yield ExplanationLine(label=t("video.late"), sentences=(late,))
    if video.clip_kept_until is not None:
        kept = t("video.kept_text", until=format_datetime(video.clip_kept_until, t))
        way = t("video.kept_scan" if video.state is VideoState.FAILED else "video.kept_review")
        yield ExplanationLine(label=t("video.kept_clip"), sentences=(kept, way))


def format_price(usd_per_second: float | None, seconds: int, t: Translations) -> str:
    """The expected cost of a request."""
    if usd_per_second is None:
        return t("studio.cost_unknown")
    if usd_per_second == 0:
        return t("studio.cost_free")
    return t("studio.cost_about", amount=format_money(usd_per_second * seconds))


def _waits_for_generator(video: Video, record: VideoRecord | None) -> bool:
    """Whether the generator did not accept the request, so that it is sent again later."""
    attempts = record.attempts if record else ()
    return (
        video.state is VideoState.GENERATING
        and not video.vaulted
        and bool(attempts)
        and attempts[-1].outcome == _NOT_TAKEN
    )


def _describe_wait(video: Video, record: VideoRecord | None, t: Translations) -> str:
    text = t("state.sent_again")
    if video.deadline_at is not None:
        text = t("state.sent_again_until", until=format_datetime(video.deadline_at, t))
    attempts = record.attempts if record else ()
    if all(attempt.charge.charged is ChargeStatus.NO for attempt in attempts):
        text = t("list.sentences", first=text, second=t("state.nothing_charged"))
    return text


def _headline_key(video: Video, details: Mapping[str, Any]) -> str:
    if video.vaulted:
        return "state.vaulted"
    if _is_blocked_by_provider(video, details):
        return "state.blocked_by_provider"
    if video.download_problem is not None:
        return "state.not_downloaded"
    return f"state.{video.state.value}"


def _is_blocked_by_provider(video: Video, details: Mapping[str, Any]) -> bool:
    return video.state is VideoState.BLOCKED and details.get("source") == "provider"


def _failed_on_own_hardware(video: Video, record: VideoRecord | None) -> bool:
    attempts = record.attempts if record else ()
    is_failed = video.state is VideoState.FAILED and video.error_code != Withdrawn.code
    return is_failed and bool(attempts) and attempts[-1].billing is Billing.OWN


def _describe_allowed(video: Video, stages: Iterable[StageRecord], t: Translations) -> Iterator[str]:
    """Who allowed a video, which checks are missing, and its label."""
    if video.gaps_approved:
        gaps = {(cell.category, cell.modality.value) for stage in stages for cell in stage.verdict.gaps}
        yield t("verdict.gaps_approved_text", checks=list_checks(sorted(gaps), t))
    elif video.reviewed:
        yield t("verdict.reviewed_text")
    if video.waived:
        yield t("verdict.reviewed_waived" if video.reviewed else "verdict.allow_waived")
    elif not video.reviewed:
        yield t("verdict.allow_text")
    if video.badge_text:
        yield t("verdict.label_text", label=video.badge_text)


def _message(video: Video, explanation: str, stages: Iterable[StageRecord], t: Translations) -> str:
    if video.vaulted:
        return t("verdict.vaulted_text")
    match video.state:
        case VideoState.DELIVERED | VideoState.SEALING:
            return t.join_sentences(_describe_allowed(video, stages, t))
        case VideoState.HELD if video.review_due_at:
            due = t("verdict.hold_text", due=format_datetime(video.review_due_at, t))
            return t("list.sentences", first=explanation, second=due) if explanation else due
        case VideoState.HELD:
            return explanation or t("verdict.hold_no_due")
        case VideoState.WITHDRAWN:
            return t("verdict.withdrawn_text")
    return explanation


def _fact_rows(video: Video, t: Translations) -> tuple[tuple[str, str], ...]:
    facts = [
        (t("video.model"), video.model),
        (t("video.length"), t("studio.seconds_value", seconds=video.seconds)),
        (t("video.size"), f"{video.width}×{video.height}"),
        (t("video.created"), format_datetime(video.created_at, t)),
    ]
    if video.ended_at:
        facts.append((t("video.ended"), format_datetime(video.ended_at, t)))
    return tuple(facts)
