"""Those who look when the scan child is done: models in processes of their own first, servers last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from safelight.detectors.likeness.faces import Recogniser
from safelight.detectors.likeness.matching import MatchResult
from safelight.detectors.protocol import Keyframe, PartialInspection, SceneDetector, SceneFinding, SceneInput
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, FrameRange, ImageBox, Modality, sexual_with_minor
from safelight.policy.verdicts import Action, Verdict
from safelight.scanning.report import ScanReport
from safelight.scanning.segments import FrameTiming, build_segments

#: Calls without a finding that a segment survives, as for other scheduled detectors.
_BRIDGE = 1


@dataclass(frozen=True, kw_only=True)
class SceneResult:
    """What they saw, and what was covered."""

    findings: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.findings or self.cells)


@dataclass(frozen=True, kw_only=True)
class SceneDetection:
    """The scene detectors of one installation. A call never raises for what a detector does."""

    detectors: Sequence[SceneDetector] = ()
    #: Where stills may lie meanwhile; they are gone when the judging is over.
    scratch: Callable[[], Path] | None = None
    #: Who compares faces with consents and the gallery; None: nobody does.
    likeness: Recogniser | None = None

    @contextmanager
    def folder(self) -> Iterator[Path | None]:
        """Where a scan puts its stills; None where nobody looks at them."""
        if not self.detectors and self.likeness is None:
            yield None
            return
        base = self.scratch() if self.scratch is not None else None
        with TemporaryDirectory(dir=base, prefix="looks-") as folder:
            yield Path(folder)

    def run_local(self, scene: SceneInput) -> SceneResult:
        """What the models of our own see."""
        return self._ask([one for one in self.detectors if not one.remote], scene)

    def match_faces(self, scene: SceneInput, *, tenant: str, faces: Iterable[Finding]) -> MatchResult:
        """Who is seen, as far as anybody gave a consent or is protected; `faces` are faces others found."""
        if self.likeness is None:
            return MatchResult()
        return self.likeness.recognise(scene, tenant=tenant, faces=tuple(faces))

    def run_remote(self, scene: SceneInput, verdict: Verdict, findings: Iterable[Finding]) -> SceneResult:
        """What the servers say, where they may be asked about this at all.

        `verdict` is the one on what everybody else saw; what it vaults, quarantines or blocks goes to nobody.
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
                if not scene.stills:
                    raise ValueError("there are no stills to look at")
                seen: list[SceneFinding] = []
                try:
                    # Not `extend`: it would drop what a generator yields before it raises.
                    for finding in one.inspect_scene(scene):
                        seen.append(finding)  # noqa: PERF402
                except PartialInspection as partial:
                    note = str(partial)
                findings += to_clip_findings(seen, scene)
                ran = True
            except Exception as error:
                note = f"{one.name} failed: {type(error).__name__}: {error}".rstrip(": ")[:300] + "."
                ran = False
            if ran and not note and len(scene.stills) < scene.chosen:
                note = (
                    f"{one.name} was shown {len(scene.stills)} of {scene.chosen} frames the schedule chose."
                )
            cells += _cells(one, scene, ran=ran, note=note)
        return SceneResult(findings=tuple(findings), cells=tuple(cells))


def reason_not_sent(verdict: Verdict, findings: Iterable[Finding]) -> str:
    """Why this is shown to no server: one sentence; empty where it may be. Pure."""
    if verdict.vault or sexual_with_minor(findings):
        return "Shown to no server: it may be sexual and show a minor."
    if verdict.quarantine:
        return "Shown to no server: it may be sexual, and nobody checked the age of who is seen."
    if verdict.action is Action.BLOCK:
        return "Not asked: what was seen already blocks it."
    return ""


def scene_of(
    report: ScanReport,
    modality: Modality,
    *,
    texts: dict[str, str],
    on_screen: str | None,
    transcript: str | None,
) -> SceneInput:
    """A scan as scene detectors are shown it."""
    return SceneInput(
        modality=modality,
        stills=tuple(
            Keyframe(
                frame=look.frame,
                start_s=look.start_s,
                end_s=look.end_s,
                path=Path(look.path),
                width=look.width,
                height=look.height,
            )
            for look in report.keyframes
        ),
        chosen=report.selected_frames,
        texts=texts,
        on_screen=on_screen,
        transcript=transcript,
    )


def to_clip_findings(seen: Sequence[SceneFinding], scene: SceneInput) -> list[Finding]:
    """Findings about stills as findings about the file: a clip's are joined into segments. Pure.

    Raises `ValueError` for a still that is none, or a score that is no probability.
    """
    for one in seen:
        if not 0.0 <= one.finding.score <= 1.0:
            raise ValueError("it gave a score that is no probability")
        for place in (one.still, one.until):
            if place is not None and not 0 <= place < len(scene.stills):
                raise ValueError(f"it names a still {place}, which is none")
    if scene.modality is not Modality.FRAMES:
        return [msgspec.structs.replace(one.finding, modality=scene.modality) for one in seen]
    looks = _spans(scene.stills)
    apart = [(one.still, one.finding) for one in seen if one.still is not None and one.until is None]
    whole = [one for one in seen if one.still is None or one.until is not None]
    return [*(_over(one, scene.stills) for one in whole), *build_segments(apart, looks, bridge=_BRIDGE)]


def _spans(stills: Sequence[Keyframe]) -> list[FrameTiming]:
    """A still stands for the time up to the next one."""
    ends = [later.start_s for _one, later in pairwise(stills)] + [still.end_s for still in stills[-1:]]
    return [
        FrameTiming(frame=still.frame, start_s=still.start_s, end_s=max(end, still.start_s))
        for still, end in zip(stills, ends, strict=True)
    ]


def _over(seen: SceneFinding, stills: Sequence[Keyframe]) -> Finding:
    first = stills[seen.still or 0]
    last = stills[len(stills) - 1 if seen.until is None else seen.until]
    where = FrameRange(
        first=first.frame, last=last.frame, start_s=first.start_s, end_s=last.end_s, peak=first.frame
    )
    others = tuple(one for one in seen.finding.evidence if not isinstance(one, ImageBox | FrameRange))
    # One judgement, however many frames it is about: nobody said that each of them shows it.
    attributes = {"frames": 1, **seen.finding.attributes}
    return msgspec.structs.replace(
        seen.finding, modality=Modality.FRAMES, evidence=(where, *others), attributes=attributes
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
