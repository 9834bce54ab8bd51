"""Runs the scene detectors after the scan: local model processes first, remote servers last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from safelight.detectors.likeness.faces import FaceRecogniser
from safelight.detectors.likeness.matching import MatchResult
from safelight.detectors.protocol import Keyframe, PartialInspection, SceneDetector, SceneFinding, SceneInput
from safelight.policy.findings import Cell, Finding, FrameRange, ImageBox, Modality, suggests_sexual_minors
from safelight.policy.intended_use import VideoRequester
from safelight.policy.verdicts import Action, Verdict
from safelight.scanning.report import ScanReport
from safelight.scanning.segments import FrameTiming, build_segments
from safelight.tracing.tracer import child_span

#: Number of keyframes without a finding that do not end a segment. Other sampled detectors use the same
#: number.
_MAX_MISSED_CALLS = 1


@dataclass(frozen=True, kw_only=True)
class SceneResult:
    """Findings and coverage of the scene detectors."""

    findings: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.findings or self.cells)


@dataclass(frozen=True, kw_only=True)
class SceneDetection:
    """The scene detectors of one installation. If a detector fails, the coverage has a gap."""

    detectors: Sequence[SceneDetector] = ()
    #: Returns the parent folder for keyframes, which are deleted after the evaluation.
    scratch: Callable[[], Path] | None = None
    #: Compares faces with consents and protected people. None if face recognition is not enabled.
    likeness: FaceRecogniser | None = None

    @contextmanager
    def folder(self) -> Iterator[Path | None]:
        """A temporary folder for the keyframes of a scan. None if no detector needs keyframes."""
        if not self.detectors and self.likeness is None:
            yield None
            return
        base = self.scratch() if self.scratch is not None else None
        with TemporaryDirectory(dir=base, prefix="keyframes-") as folder:
            yield Path(folder)

    def run_local(self, scene: SceneInput) -> SceneResult:
        """Run the local scene detectors."""
        return self._ask([one for one in self.detectors if not one.remote], scene)

    def match_faces(
        self, scene: SceneInput, *, tenant: str, faces: Iterable[Finding], requester: VideoRequester
    ) -> MatchResult:
        """Compare faces with enrolled people. `faces` has the face findings of other detectors."""
        if self.likeness is None:
            return MatchResult()
        return self.likeness.recognise(scene, tenant=tenant, faces=tuple(faces), requester=requester)

    def run_remote(self, scene: SceneInput, verdict: Verdict, findings: Iterable[Finding]) -> SceneResult:
        """Run the remote scene detectors, if the content may be sent to them.

        `verdict` is the verdict on all local findings. Content that it vaults, quarantines or blocks is not
        sent.
        """
        asked = [one for one in self.detectors if one.remote]
        why = reason_not_sent(verdict, findings) if asked else ""
        if why:
            return SceneResult(
                cells=tuple(cell for one in asked for cell in _cells(one, scene, ran=False, note=why))
            )
        return self._ask(asked, scene)

    def _ask(self, detectors: Iterable[SceneDetector], scene: SceneInput) -> SceneResult:
        findings: list[Finding] = []
        cells: list[Cell] = []
        for one in detectors:
            note = ""
            try:
                if not scene.keyframes:
                    raise ValueError("there are no keyframes")
                seen: list[SceneFinding] = []
                try:
                    # A loop and not `extend`, which would lose the findings that a generator yields before it
                    # raises.
                    with child_span("detector", detector=one.name):
                        for finding in one.inspect_scene(scene):
                            seen.append(finding)  # noqa: PERF402
                except PartialInspection as partial:
                    note = str(partial)
                findings += to_clip_findings(seen, scene)
                ran = True
            except Exception as error:
                note = f"{one.name} failed: {type(error).__name__}: {error}".rstrip(": ")[:300] + "."
                ran = False
            if ran and not note and len(scene.keyframes) < scene.sampled_count:
                note = f"{one.name} got {len(scene.keyframes)} of {scene.sampled_count} sampled frames."
            cells += _cells(one, scene, ran=ran, note=note)
        return SceneResult(findings=tuple(findings), cells=tuple(cells))


def reason_not_sent(verdict: Verdict, findings: Iterable[Finding]) -> str:
    """Why this content must not be sent to a server, as one sentence. Empty if it may be sent. Pure."""
    if verdict.vault or suggests_sexual_minors(findings):
        return "Not sent to a server: the content may be sexual and show a minor."
    if verdict.quarantine:
        return "Not sent to a server: the content may be sexual, and the age of the people was not checked."
    if verdict.action is Action.BLOCK:
        return "Not sent to a server: the local findings already block the content."
    return ""


def scene_of(
    report: ScanReport,
    modality: Modality,
    *,
    texts: dict[str, str],
    on_screen: str | None,
    transcript: str | None,
) -> SceneInput:
    """Build the input of the scene detectors for a scan."""
    return SceneInput(
        modality=modality,
        keyframes=tuple(one.opened() for one in report.keyframes),
        # Frames that were not sampled because the budget was used up count as frames that were not shown.
        sampled_count=report.selected_frames + (report.sampling.unseen if report.sampling else 0),
        texts=texts,
        on_screen=on_screen,
        transcript=transcript,
        may_speak=report.has_audio and not (report.audio is not None and report.audio.has_no_speech),
    )


def to_clip_findings(findings: Sequence[SceneFinding], scene: SceneInput) -> list[Finding]:
    """Convert findings on keyframes to findings on the file; findings on a clip become segments. Pure.

    Raises `ValueError` for a keyframe that does not exist, or for a score that is not a probability.
    """
    for one in findings:
        if not 0.0 <= one.finding.score <= 1.0:
            raise ValueError("its score is not a probability")
        for place in (one.keyframe, one.last_keyframe):
            if place is not None and not 0 <= place < len(scene.keyframes):
                raise ValueError(f"it names keyframe {place}, which does not exist")
    if scene.modality is not Modality.FRAMES:
        return [msgspec.structs.replace(one.finding, modality=scene.modality) for one in findings]
    timings = _spans(scene.keyframes)
    apart = [
        (one.keyframe, one.finding)
        for one in findings
        if one.keyframe is not None and one.last_keyframe is None
    ]
    whole = [one for one in findings if one.keyframe is None or one.last_keyframe is not None]
    return [
        *(_over(one, scene.keyframes) for one in whole),
        *build_segments(apart, timings, bridge=_MAX_MISSED_CALLS),
    ]


def _spans(stills: Sequence[Keyframe]) -> list[FrameTiming]:
    """The time that each keyframe covers, which ends at the next keyframe."""
    ends = [later.start_s for _one, later in pairwise(stills)] + [still.end_s for still in stills[-1:]]
    return [
        FrameTiming(frame=still.frame, start_s=still.start_s, end_s=max(end, still.start_s))
        for still, end in zip(stills, ends, strict=True)
    ]


def _over(scene_finding: SceneFinding, stills: Sequence[Keyframe]) -> Finding:
    first = stills[scene_finding.keyframe or 0]
    last = stills[len(stills) - 1 if scene_finding.last_keyframe is None else scene_finding.last_keyframe]
    where = FrameRange(
        first=first.frame, last=last.frame, start_s=first.start_s, end_s=last.end_s, peak=first.frame
    )
    others = tuple(
        one for one in scene_finding.finding.evidence if not isinstance(one, ImageBox | FrameRange)
    )
    # One finding on the whole range counts once, because the detector did not find it in each frame.
    attributes = {"frames": 1, **scene_finding.finding.attributes}
    return msgspec.structs.replace(
        scene_finding.finding, modality=Modality.FRAMES, evidence=(where, *others), attributes=attributes
    )


def _cells(one: SceneDetector, scene: SceneInput, *, ran: bool, note: str) -> list[Cell]:
    return [
        Cell(
            category=capability.category,
            modality=scene.modality,
            available=True,
            ran=ran,
            complete=ran and not note,
            detectors=(one.name,),
            note=note,
            measured=capability.measured,
        )
        for capability in one.capabilities
        if capability.modality is scene.modality
    ]
