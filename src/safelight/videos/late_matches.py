"""Matches of a clip with hash lists that changed after its scan."""

from __future__ import annotations

from pathlib import Path

from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import StageInput, StageResult, evaluate

from .context import PipelineContext
from .models import VideoSnapshot

_STOPS = frozenset({Action.BLOCK, Action.HOLD})


def find_late_match(context: PipelineContext, snapshot: VideoSnapshot, clip: Path) -> StageResult | None:
    """The output stage with a match that now holds or blocks a scanned clip, which may have waited for a
    reviewer for days; None if there is none.

    The frames are compared only if a list changed since the clip was made. Raises `SandboxFailed`.
    """
    known = context.stages.output.known_content
    if not known.changed_since(snapshot.video.generated_at or 0.0):
        return None
    # A later scan gives the same match with other times.
    decided = {one.attributes.get("list") for one in snapshot.overturned}
    found = known.find(clip, snapshot.generated_sha256 or "")
    new = tuple(one for one in found if one.attributes["list"] not in decided)
    result, stopped = reevaluate_with_matches(context, snapshot, new)
    return result if stopped else None


def reevaluate_with_matches(
    context: PipelineContext, snapshot: VideoSnapshot, new: tuple[Finding, ...]
) -> tuple[StageResult, bool]:
    """Evaluate the output stage again: with the earlier findings and coverage, and the new matches.

    Also returns whether one of these stops the video. A coverage gap that was waived or approved does not.
    """
    video, earlier = snapshot.video, snapshot.last_stage(Stage.OUTPUT)
    cells = earlier.coverage.cells if earlier else ()
    result = evaluate(
        context.policies.load(video.tenant),
        StageInput(
            stage=Stage.OUTPUT,
            subject_sha256=video.sealed_sha256 or snapshot.generated_sha256 or "",
            findings=(*(earlier.findings if earlier else ()), *new),
            coverage=cells,
            modalities=frozenset({Modality.FRAMES, *(cell.modality for cell in cells)}),
            approved=snapshot.approved,
            overturned=snapshot.overturned,
        ),
    )
    verdict = result.verdict
    return result, verdict.action in _STOPS and verdict.category in {one.category for one in new}
