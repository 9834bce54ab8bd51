"""Runs the scene detectors after the scan: local model processes first, then remote servers beside each
other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from safelight.core.tracing import child_span
from safelight.detectors.likeness.faces import FaceRecogniser
from safelight.detectors.likeness.matching import MatchResult
from safelight.detectors.protocol import Keyframe, PartialInspection, SceneDetector, SceneFinding, SceneInput
from safelight.policy.findings import Cell, Finding, FrameRange, ImageBox, Modality, suggests_sexual_minors
from safelight.policy.intended_use import VideoRequester
from safelight.policy.verdicts import Action, Verdict

from .scanning.report import ScanReport
from .scanning.segments import FrameTiming, build_segments

#: Number of keyframes without a finding that do not end a segment. Other sampled detectors use the same
#: number.
_MAX_MISSED_CALLS = 1
#: Time limit in seconds of a remote detector that states none.
_REMOTE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class SceneResult:
    """Findings and coverage of the scene detectors."""

    findings: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.findings or self.cells)


NO_SCENES = SceneResult()


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
        """Run the local scene detectors, one after the other."""
        runs = [_SceneRun(one, scene, note="") for one in self.detectors if not one.remote]
        for run in runs:
            run.inspect()
        return _result(runs)

    def match_faces(
        self, scene: SceneInput, *, tenant: str, faces: Iterable[Finding], requester: VideoRequester
    ) -> MatchResult:
        """Compare faces with enrolled people. `faces` has the face findings of other detectors."""
        if self.likeness is None:
            return MatchResult()
        return self.likeness.recognise(scene, tenant=tenant, faces=tuple(faces), requester=requester)

    def run_remote(
        self,
        scenes: Sequence[SceneInput],
        verdict: Verdict,
        findings: Iterable[Finding],
        read_texts: Callable[[str], None] | None = None,
    ) -> tuple[SceneResult, ...]:
        """Run the remote scene detectors on each scene, if the content may be sent to them.

        `verdict` is the verdict on all local findings. Content that it vaults, quarantines or blocks is not
        sent. All calls run beside each other, within the longest time limit that a detector states; no
        answer by then is a gap. `read_texts` asks the guards of texts beside them; it gets the reason why
        the texts must not be sent, or an empty string, and keeps its own time.
        """
        asked = [one for one in self.detectors if one.remote]
        why = reason_not_sent(verdict, findings) if asked or read_texts else ""
        by_scene = [
            [
                _SceneRun(one, scene, note=why or f"{one.name} did not finish within its time.")
                for one in asked
            ]
            for scene in scenes
        ]
        runs = [run for of in by_scene for run in of]
        threads = [
            threading.Thread(target=copy_context().run, args=(run.inspect,), name="guard", daemon=True)
            for run in runs
            if not why
        ]
        deadline = time.monotonic() + max(
            (float(getattr(one, "total_timeout_s", _REMOTE_S)) for one in asked), default=0.0
        )
        for thread in threads:
            thread.start()
        if read_texts is not None:
            read_texts(why)
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        return tuple(_result(of) for of in by_scene)


@dataclass
class _SceneRun:
    """One call of a scene detector. Its thread fills in the record, which may be read before it ends."""

    detector: SceneDetector
    scene: SceneInput
    #: Why the detector did not see all of the scene; empty if it did.
    note: str
    ran: bool = False
    findings: list[Finding] = field(default_factory=list)

    def inspect(self) -> None:
        seen: list[SceneFinding] = []
        try:
            if not self.scene.keyframes:
                raise ValueError("there are no keyframes")
            note = ""
            try:
                # Each finding counts at once, also if the detector fails to finish in time.
                with child_span("detector", detector=self.detector.name):
                    for finding in self.detector.inspect_scene(self.scene):
                        seen.append(finding)
                        self.findings, self.ran = to_clip_findings(seen, self.scene), True
            except PartialInspection as partial:
                note = str(partial)
            given, sampled = len(self.scene.keyframes), self.scene.sampled_count
            if not note and given < sampled:
                note = f"{self.detector.name} got {given} of {sampled} sampled frames."
            self.note, self.ran = note, True
        except Exception as error:
            self.findings, self.ran = [], False
            said = f"{self.detector.name} failed: {type(error).__name__}: {error}"
            self.note = said.rstrip(": ")[:300] + "."

    @property
    def cells(self) -> list[Cell]:
        return _cells(self.detector, self.scene, ran=self.ran, note=self.note)


def _result(runs: Sequence[_SceneRun]) -> SceneResult:
    return SceneResult(
        findings=tuple(finding for run in runs for finding in run.findings),
        cells=tuple(cell for run in runs for cell in run.cells),
    )


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
