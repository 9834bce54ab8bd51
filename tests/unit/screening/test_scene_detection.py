from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from safelight.detectors.protocol import Capability, Keyframe, PartialInspection, SceneFinding, SceneInput
from safelight.policy.findings import Finding, FrameRange, Modality
from safelight.screening.scanning.report import ScanReport
from safelight.screening.scanning.sampling import SamplingConfig, SamplingReport
from safelight.screening.scene_detection import SceneDetection, SceneResult, scene_of
from support.verdicts import seen


def finding(score: float = 0.9) -> Finding:
    return seen("violence", score, "frames")


def scene(*, stills: int = 6, chosen: int = 6, modality: Modality = Modality.FRAMES) -> SceneInput:
    return SceneInput(
        modality=modality,
        keyframes=tuple(
            Keyframe(frame=n * 24, start_s=n, end_s=n + 0.04, path=Path(f"{n}"), width=1, height=1)
            for n in range(stills)
        ),
        sampled_count=chosen,
    )


class Told:
    name, version, remote = "told", "1", False
    capabilities = tuple(
        Capability(category="violence", modality=modality) for modality in (Modality.FRAMES, Modality.IMAGE)
    )

    def __init__(self, seen: Iterable[SceneFinding] = (), error: Exception | None = None) -> None:
        self._seen, self._error = tuple(seen), error

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]:
        yield from self._seen
        if self._error is not None:
            raise self._error


def inspect(
    *found: SceneFinding, where: SceneInput | None = None, error: Exception | None = None
) -> SceneResult:
    return SceneDetection(detectors=[Told(found, error)]).run_local(where or scene())


def test_neighbouring_keyframes_are_one_segment_and_a_finding_on_the_whole_counts_once() -> None:
    found = [
        SceneFinding(finding=finding(), keyframe=1),
        SceneFinding(finding=finding(), keyframe=2),
        SceneFinding(finding=finding(), keyframe=5),
    ]
    looked = inspect(*found, whole(finding()))
    ranges = [one.evidence[0] for one in looked.findings]
    assert [(one.first, one.last) for one in ranges if isinstance(one, FrameRange)] == [
        (0, 120),
        (24, 48),
        (120, 120),
    ]
    assert looked.findings[0].attributes["frames"] == 1


def test_missing_keyframes_and_invalid_answers_leave_a_gap() -> None:
    (cell,) = inspect(where=scene(chosen=7)).cells
    assert cell.ran
    assert not cell.complete
    assert "6 of 7" in cell.note
    (cell,) = inspect(where=scene(stills=0, chosen=0)).cells
    assert not cell.ran
    invalid = (finding(float("nan")), finding(1.5))
    for answer in (SceneFinding(finding=finding(), keyframe=9), *map(whole, invalid)):
        looked = inspect(answer)
        assert (looked.findings, looked.cells[0].ran) == ((), False)


def whole(found: Finding) -> SceneFinding:
    """A finding on the whole clip."""
    return SceneFinding(finding=found)


@pytest.mark.parametrize(
    ("error", "ran", "said"),
    [
        (RuntimeError("out of memory"), False, "told failed: RuntimeError: out of memory."),
        (PartialInspection("Half of it."), True, "Half of it."),
    ],
)
def test_a_failure_is_a_gap_and_a_partial_inspection_keeps_its_findings(
    error: Exception, ran: bool, said: str
) -> None:
    looked = inspect(SceneFinding(finding=finding(), keyframe=0), error=error)
    (cell,) = looked.cells
    assert (cell.ran, cell.complete, cell.note) == (ran, False, said)
    assert len(looked.findings) == int(ran)


def test_a_finding_in_an_image_has_the_image_modality() -> None:
    image = scene(stills=1, chosen=1, modality=Modality.IMAGE)
    looked = inspect(SceneFinding(finding=finding(), keyframe=0), where=image)
    assert looked.findings[0].modality is Modality.IMAGE
    assert {cell.modality for cell in looked.cells} == {Modality.IMAGE}


def test_a_keyframe_folder_exists_only_with_detectors_and_is_deleted_afterwards(tmp_path: Path) -> None:
    with SceneDetection(scratch=lambda: tmp_path).folder() as nothing:
        assert nothing is None
    with SceneDetection(detectors=[Told()], scratch=lambda: tmp_path).folder() as made:
        assert made.parent == tmp_path
    assert not list(tmp_path.iterdir())


def test_frames_that_the_sampling_budget_left_out_count_as_not_shown() -> None:
    report = ScanReport(
        selected_frames=16,
        sampling=SamplingReport(
            frames=96, looked_at=16, why={}, passed_over=0, rules=SamplingConfig(), unseen=40
        ),
    )
    shown = scene_of(report, Modality.FRAMES, texts={}, on_screen=None, transcript=None)
    assert shown.sampled_count == 56
