"""The stage of the generation: what was to be steered and watched, what was done, and the verdict on it."""

from __future__ import annotations

from typing import Any

from safelight.policy.findings import Basis, Cell, Finding, Modality, Stage
from safelight.policy.steering import WATCHER, Steering, plan_steering, steering_gaps
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.providers.protocol import GenerationReport
from safelight.screening.evaluation import StageInput, StageResult, evaluate, texts_sha256

from .models import Attempt, StageRecord, VideoSnapshot

#: Outcomes of attempts: the watcher stopped the generation, or it could not be steered as required.
STOPPED, UNSTEERED = "stopped", "unsteered"
#: The kind of the file with the blurred preview of a stopped generation, and the largest one that is fetched.
STOPPED_PREVIEW, MAX_PREVIEW_BYTES = "stopped_preview", 1 << 20
#: What the cells of this stage say about a gap. The sentences have translations.
DOES_NOT_STEER = "The generator does not steer."
SAID_NOTHING = "The generator does not say whether it steered."
UNREADABLE = "What the generator says about its steering cannot be read."
UNAVAILABLE = "The generator cannot steer as required."
NOT_DONE = "The generator did not do all that was asked."


def plan(policy: TenantPolicy, snapshot: VideoSnapshot) -> Steering | None:
    """What the policy asks the generator of a video to do.

    A generation that was held and goes on was approved by a reviewer without what is required.
    """
    return plan_steering(
        policy.policy.steering,
        snapshot.findings(Stage.PROMPT),
        overturned=snapshot.overturned,
        excused=snapshot.last_stage(Stage.GENERATION) is not None,
    )


def evaluate_generation(
    policy: TenantPolicy,
    snapshot: VideoSnapshot,
    asked: Steering | None,
    report: GenerationReport | None,
    *,
    subject_sha256: str = "",
    problem: str = "",
    stopped: bool = False,
    has_preview: bool = False,
) -> StageResult:
    """The verdict on a generation that was steered, watched or to be steered.

    `subject_sha256`: the hash of the clip, or empty if there is none: then it is that of the texts.
    `problem`: why nothing was made. `stopped`: whether the generator's watcher stopped the generation, and
    `has_preview`: whether a blurred picture of it is stored for its case.
    """
    note = problem or _problem(asked, report)
    cells: tuple[Cell, ...] = ()
    if asked is not None and not stopped:
        stated = report or GenerationReport()
        cells = steering_gaps(asked, stated.applied, stated.unknown_categories, note or NOT_DONE)
    return evaluate(
        policy,
        StageInput(
            stage=Stage.GENERATION,
            subject_sha256=subject_sha256 or texts_sha256(snapshot.request["texts"]),
            findings=(_watcher_finding(policy, asked, report),) if stopped else (),
            coverage=cells,
            modalities=frozenset({Modality.FRAMES}),
            audience=snapshot.audience,
            details={"generation": describe(asked, report, problem=note)}
            | ({STOPPED_PREVIEW: has_preview} if stopped else {}),
        ),
    )


def held_generation(snapshot: VideoSnapshot) -> StageResult | None:
    """The stage of the generation of the clip that is being scanned, if it holds the video."""
    record = _record_of_clip(snapshot)
    return as_result(record) if record and record.verdict.action is Action.HOLD else None


def describe_clip(snapshot: VideoSnapshot) -> dict[str, Any] | None:
    """What was asked and done in the generation of the clip; None if that is nothing."""
    record = _record_of_clip(snapshot)
    return record.details["generation"] if record else None


def _record_of_clip(snapshot: VideoSnapshot) -> StageRecord | None:
    record = snapshot.last_stage(Stage.GENERATION)
    return record if record and record.verdict.subject_sha256 == snapshot.generated_sha256 else None


def as_result(record: StageRecord) -> StageResult:
    """The stored result of a stage."""
    return StageResult(
        stage=record.stage,
        verdict=record.verdict,
        findings=record.findings,
        coverage=record.coverage,
        details=record.details,
    )


def describe_attempt(attempt: Attempt) -> dict[str, Any] | None:
    """What was asked and done in an attempt; None if that is nothing."""
    asked, report = attempt.steering, attempt.generation
    if asked is None and not (report and (report.applied or report.saved_share)):
        return None
    problem = UNAVAILABLE if attempt.outcome == UNSTEERED else _problem(asked, report)
    return describe(asked, report, problem=problem if attempt.ended_at else "")


def describe(asked: Steering | None, report: GenerationReport | None, *, problem: str) -> dict[str, Any]:
    """What was asked and done, without categories: they are in the findings and the coverage."""
    stated = report or GenerationReport()
    known = bool(stated.steps)
    return {
        "asked": [method.value for method in asked.methods] if asked else [],
        "required": [method.value for method in asked.required] if asked else [],
        "applied": list(stated.applied),
        "gaps": list(stated.gaps),
        "checks": stated.checks,
        "steps": stated.steps if known else None,
        "steps_done": stated.steps_done if known else None,
        "saved_share": stated.saved_share if known else None,
        "problem": problem or None,
    }


def _problem(asked: Steering | None, report: GenerationReport | None) -> str:
    if report is not None and report.unreadable:
        return UNREADABLE
    return SAID_NOTHING if asked is not None and report is None else ""


def _watcher_finding(
    policy: TenantPolicy, asked: Steering | None, report: GenerationReport | None
) -> Finding:
    """The finding of the watcher that stopped a generation.

    Its category is the name of the watch, if that is a category, else the only one that was asked for.
    """
    stated = report or GenerationReport()
    about = asked.about if asked else ()
    category = stated.watch if stated.watch in policy.taxonomy else about[0] if len(about) == 1 else ""
    saved = round(100 * stated.saved_share)
    return Finding(
        category=category,
        score=stated.score,
        modality=Modality.FRAMES,
        detector=stated.watch or WATCHER,
        version="",
        reason=f"The watcher stopped the generation in step {stated.steps_done} of {stated.steps}; "
        f"{saved} % of its steps were saved."
        if stated.steps
        else "The watcher stopped the generation.",
        attributes={"kind": WATCHER},
        basis=Basis.LEARNED,
    )
