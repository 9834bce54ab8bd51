"""A vision guard changes verdicts, leaves a gap when it fails, and gets no content that must stay here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from safelight.detectors.protocol import Capability, MediaText, SceneFinding, SceneInput, TextContent
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.remote.endpoint import EndpointOptions
from safelight.detectors.remote.plugins import VISION_GUARD
from safelight.detectors.remote.vision_guard import VisionOptions
from safelight.detectors.text.pipeline import TextPipeline
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Finding, FrameRange, Modality
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, WaiverTerms
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.output import OutputStage
from safelight.screening.reference import ReferenceInput, ReferenceStage
from safelight.screening.scanning.keyframes import StoredKeyframe
from safelight.screening.scanning.report import DetectorRun, ScanReport
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight.screening.scene_detection import SceneDetection
from safelight.testing.guard_server import ScriptedAnswer, ScriptedGuard
from support.clips import make_clip
from support.rows import each_row
from support.verdicts import seen

VIOLENT = '{"violation": 1, "categories": ["violence/graphic"], "confidence": "high"}'
SAFE = '{"violation": 0, "categories": [], "confidence": "high"}'
ALL = WaiverTerms(id="waiver_1", name="tests", categories=("*",))
READER = DetectorRun(name="ocr", ran=True, complete=True, reads=True)
RED = np.full((192, 320, 3), (210, 20, 20), np.uint8)


def test_a_vision_guard_caches_fewer_answers_than_a_text_guard() -> None:
    # Each cached answer of a vision guard belongs to a picture, which rarely comes twice.
    assert VisionOptions(model="m").max_cached_answers == 512
    assert EndpointOptions().max_cached_answers == 4096


@pytest.fixture
def stage(sandbox: Sandbox, tmp_path: Path) -> Callable[..., OutputStage]:
    def make(guard: ScriptedGuard, **options: Any) -> OutputStage:
        settings = {"url": guard.url, "model": "m", "format": "policy", "timeout_s": 10.0, **options}
        assert VISION_GUARD.missing(settings) is None
        return OutputStage(
            scanner=Scanner(sandbox, (), ScannerOptions(warm_children=0)),
            pipeline=TextPipeline([]),
            scene_detection=SceneDetection(
                detectors=DetectorRegistry([(VISION_GUARD, settings)]).scene_detectors(),
                scratch=lambda: tmp_path,
            ),
        )

    return make


def context(**texts: str) -> ScreeningContext:
    policy = TenantPolicy(tenant="t", taxonomy=SHIPPED, policy=load("starter", SHIPPED), waivers=(ALL,))
    return ScreeningContext(policy=policy, texts=texts)


def scan(
    stage: OutputStage, clip: Path, prompt: str = "a quiet lake", prior: tuple[Finding, ...] = ()
) -> StageResult:
    judged, _report = stage.scan(clip, replace(context(prompt=prompt), prior=prior), subject_sha256="0" * 64)
    return judged


def cell(judged: StageResult) -> Any:
    return judged.coverage.cell("violence/graphic", Modality.FRAMES)


def test_the_picture_changes_the_verdict(stage: Callable[..., OutputStage], tmp_path: Path) -> None:
    quiet = make_clip(tmp_path / "quiet.mp4")
    red = make_clip(tmp_path / "red.mp4", odd=dict.fromkeys(range(12, 24), RED))
    with ScriptedGuard([ScriptedAnswer(says=VIOLENT, red=0.1)], otherwise=SAFE) as guard:
        assert scan(stage(guard), quiet).verdict.action is Action.ALLOW
        judged = scan(stage(guard), red)
        assert judged.verdict.action.severity >= Action.HOLD.severity
        assert judged.verdict.category == "violence/graphic"
        (where,) = [one for one in judged.verdict.findings[0].evidence if isinstance(one, FrameRange)]
        assert where.first == 0
        assert cell(judged).complete
    assert not list(tmp_path.glob("keyframes-*"))


def test_the_prompt_changes_the_verdict(stage: Callable[..., OutputStage], tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    with ScriptedGuard(
        [ScriptedAnswer(says=VIOLENT, words=("ASKED FOR", "the last day"))], otherwise=SAFE
    ) as guard:
        assert scan(stage(guard), clip).verdict.action is Action.ALLOW
        assert scan(stage(guard), clip, "the last day").verdict.action is not Action.ALLOW


def test_the_transcript_and_the_words_in_the_picture_change_the_verdict(
    stage: Callable[..., OutputStage], tmp_path: Path
) -> None:
    look = tmp_path / "look.rgb"
    look.write_bytes(bytes(64 * 36 * 3))
    report = ScanReport(
        keyframes=(StoredKeyframe(frame=0, start_s=0.0, end_s=2.0, path=str(look), width=64, height=36),),
        selected_frames=1,
    )
    said = MediaText(text="you will all pay", confidence=0.9, start_s=0.5, end_s=1.5)
    lines = [
        ScriptedAnswer(says=VIOLENT, words=("WORDS HEARD:\nyou will all pay",)),
        ScriptedAnswer(says=VIOLENT, words=("WORDS IN THE PICTURE:\nyou will all pay",)),
    ]
    with ScriptedGuard(lines, otherwise=SAFE) as guard:
        judging = stage(guard)
        for changed, action in (
            ({}, Action.ALLOW),
            ({"transcript": (said,)}, Action.BLOCK),
            ({"texts": (said,), "runs": ()}, Action.ALLOW),
            ({"texts": (said,), "runs": (READER,)}, Action.BLOCK),
            (
                {
                    "texts": (said,),
                    "runs": (msgspec.structs.replace(READER, complete=False, note="It was late."),),
                },
                Action.ALLOW,
            ),
        ):
            judged, _report = judging.evaluate_report(
                msgspec.structs.replace(report, **changed), context(), subject_sha256="0" * 64
            )
            assert (judged.verdict.action is Action.ALLOW) is (action is Action.ALLOW)
    # Where nobody read the picture, the guard was not told its words as if they were all.
    assert any("WORDS IN THE PICTURE:\nnot known" in asked.words for asked in guard.asked)


@each_row
def test_a_missing_invalid_or_late_answer_is_a_gap(
    stage: Callable[..., OutputStage], tmp_path: Path, wrong: dict[str, Any]
) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    with ScriptedGuard(**{"otherwise": SAFE, **wrong}) as guard:
        judged = scan(stage(guard, timeout_s=0.5), clip)
    assert not cell(judged).ran
    assert "vision-guard failed: GuardUnavailable" in cell(judged).note
    # A waiver excuses what no installed detector checks, never one that failed.
    assert judged.verdict.action is Action.HOLD


@pytest.mark.parametrize(
    ("prior", "because"),
    [
        ((seen("sexual/minors", 0.35),), "minor"),
        ((seen("sexual", 0.4), seen("minors-present", 0.4)), "minor"),
        ((seen("sexual", 0.95),), "age"),
        ((seen("illicit", 0.99),), "already block"),
    ],
)
def test_content_that_must_not_leave_is_sent_to_no_server(
    stage: Callable[..., OutputStage], tmp_path: Path, prior: tuple[Finding, ...], because: str
) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    with ScriptedGuard(otherwise=SAFE) as guard:
        judged = scan(stage(guard), clip, prior=prior)
        assert guard.asked == []
    assert because in cell(judged).note
    assert judged.verdict.action is not Action.ALLOW


def test_the_moderation_server_gets_each_keyframe_and_its_findings_have_times(
    stage: Callable[..., OutputStage], tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "red.mp4", odd=dict.fromkeys(range(12, 24), RED))
    line = ScriptedAnswer(says='{"violence/graphic": 0.97, "sexual": 0.0}', red=0.5)
    with ScriptedGuard([line], otherwise='{"violence/graphic": 0.01, "sexual": 0.0}') as guard:
        judged = scan(stage(guard, format="omni-moderation"), clip)
        assert len(guard.asked) > 1
        assert all(len(asked.pictures) == 1 and not asked.words for asked in guard.asked)
    (finding,) = [one for one in judged.findings if one.category == "violence/graphic"]
    (where,) = [one for one in finding.evidence if isinstance(one, FrameRange)]
    assert where.first >= 12
    assert judged.verdict.action.severity >= Action.HOLD.severity


def test_a_reference_image_is_sent_to_the_vision_guard(
    stage: Callable[..., OutputStage], tmp_path: Path
) -> None:
    from PIL import Image

    path = tmp_path / "red.png"
    Image.fromarray(RED).save(path)
    file = ReferenceInput(path=path, field="input_reference", media_type="image/png", sha256="1" * 64)
    with ScriptedGuard([ScriptedAnswer(says=VIOLENT, red=0.5)], otherwise=SAFE) as guard:
        made = stage(guard)
        reference = ReferenceStage(
            scanner=made.scanner, pipeline=made.pipeline, scene_detection=made.scene_detection
        )
        judged = reference.screen((file,), context(prompt="a lake"))
        assert "prompt: a lake" in guard.asked[0].words
    assert judged.verdict.category == "violence/graphic"
    assert judged.verdict.action.severity >= Action.HOLD.severity


class Waiting:
    """A guard that answers only after every other guard has been called too."""

    version, remote = "1", True

    def __init__(self, name: str, modality: Modality, together: threading.Barrier) -> None:
        self.name, self._together = name, together
        self.capabilities = (Capability(category="violence/graphic", modality=modality),)

    def inspect_scene(self, scene: SceneInput) -> list[SceneFinding]:
        self._together.wait(20)
        return [SceneFinding(finding=seen("violence/graphic", 0.9, "frames"), keyframe=0)]

    def inspect_text(self, content: TextContent) -> list[Finding]:
        self._together.wait(20)
        return []


def reported(tmp_path: Path) -> ScanReport:
    """The scan of a clip with words in its picture."""
    look = tmp_path / "look.rgb"
    look.write_bytes(bytes(64 * 36 * 3))
    return ScanReport(
        keyframes=(StoredKeyframe(frame=0, start_s=0.0, end_s=2.0, path=str(look), width=64, height=36),),
        selected_frames=1,
        texts=(MediaText(text="you will all pay", confidence=0.9, start_s=0.5, end_s=1.5),),
        runs=(READER,),
    )


def staged(sandbox: Sandbox, texts: list[Any], scenes: list[Any]) -> OutputStage:
    return OutputStage(
        scanner=Scanner(sandbox, (), ScannerOptions(warm_children=0)),
        pipeline=TextPipeline(texts, budget_s=30),
        scene_detection=SceneDetection(detectors=scenes),
    )


def test_guards_of_texts_and_pictures_all_begin_before_one_ends(sandbox: Sandbox, tmp_path: Path) -> None:
    together = threading.Barrier(3)
    text = Waiting("text", Modality.TEXT, together)
    scenes = [Waiting(name, Modality.FRAMES, together) for name in ("vision", "moderation")]
    judged, _report = staged(sandbox, [text], scenes).evaluate_report(
        reported(tmp_path), context(), subject_sha256="0" * 64
    )
    assert cell(judged).complete
    assert judged.coverage.cell("violence/graphic", Modality.TEXT).complete
    assert {one.detector for one in judged.findings} == {seen("violence/graphic", 0.9, "frames").detector}


def test_a_guard_of_pictures_that_does_not_answer_is_a_gap_and_the_others_count(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    alone = threading.Barrier(1)
    stuck = threading.Barrier(2)
    silent = Waiting("silent", Modality.FRAMES, stuck)
    silent.total_timeout_s = 0.3  # type: ignore[attr-defined]
    quick = Waiting("quick", Modality.FRAMES, alone)
    quick.total_timeout_s = 0.2  # type: ignore[attr-defined]
    judged, _report = staged(sandbox, [], [silent, quick]).evaluate_report(
        reported(tmp_path), context(), subject_sha256="0" * 64
    )
    stuck.abort()
    assert "silent did not finish within its time" in cell(judged).note
    assert not cell(judged).complete
    assert [one.category for one in judged.findings] == ["violence/graphic"]
    assert judged.verdict.action.severity >= Action.HOLD.severity


def test_words_of_a_clip_that_local_detectors_quarantine_are_sent_to_no_server(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    class Local(Waiting):
        remote = False

        def inspect_scene(self, scene: SceneInput) -> list[SceneFinding]:
            return [SceneFinding(finding=seen("sexual", 0.95, "frames"), keyframe=0)]

    asked = threading.Barrier(2)
    guard = Waiting("text", Modality.TEXT, asked)
    local = Local("local", Modality.FRAMES, asked)
    judged, _report = staged(sandbox, [guard], [local]).evaluate_report(
        reported(tmp_path), context(), subject_sha256="0" * 64
    )
    assert asked.n_waiting == 0
    text = judged.coverage.cell("violence/graphic", Modality.TEXT)
    assert not text.ran
    assert "Not sent to a server" in text.note
