"""Faces compared with consents and with the gallery of protected people; nobody else's template is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from safelight.detectors.box_tracker import overlap
from safelight.detectors.protocol import Keyframe, SceneInput
from safelight.errors import SafelightError
from safelight.policy.categories import Category
from safelight.policy.coverage import Cell
from safelight.policy.findings import Evidence, Finding, FrameRange, ImageBox, Match, Modality

from .dlib_faces import NAME, VERSION
from .matching import (
    ConsentLookup,
    Distances,
    EnrolledPerson,
    MatchResult,
    Template,
    cell,
    covering_record,
    failure,
    likelihood,
    nearest,
    people_in,
)
from .tracks import FaceBox, FaceDetection

#: The finder gives no probability; what it takes for a face nearly always is one.
_FACE = 0.7
#: Seconds between the stills of a clip, at the most: what lies in between belongs to both.
_BETWEEN_S = 1.0


#: How near faces have to be, unless the settings say otherwise; see docs/benchmarks/likeness.md.
FACES = Distances(consent=0.45, gallery=0.55)


@dataclass(frozen=True, kw_only=True)
class FaceTrack:
    """One face over some stills, and what describes it."""

    spots: tuple[FaceDetection, ...]
    templates: tuple[Template, ...]


class FaceEmbedder(Protocol):
    """Finds and describes faces. `boxes`: what others took for faces, by the place of the still."""

    def tracks(
        self, stills: Sequence[Keyframe], boxes: dict[int, list[FaceBox]], *, moving: bool
    ) -> tuple[FaceTrack, ...]: ...


class Recogniser(Protocol):
    """What a stage asks."""

    def recognise(self, scene: SceneInput, *, tenant: str, faces: Sequence[Finding]) -> MatchResult: ...


@dataclass(frozen=True, kw_only=True)
class FaceMatcher:
    """The recogniser of one installation."""

    describer: FaceEmbedder
    lookup: ConsentLookup
    distances: Distances = FACES

    def recognise(self, scene: SceneInput, *, tenant: str, faces: Sequence[Finding]) -> MatchResult:
        """Who is seen; `faces` are those that other detectors found. Nobody is described in a tenant without
        records. A failure is a hole in coverage, and no error."""
        try:
            consented, protected = self.lookup.consented(tenant), self.lookup.protected(tenant)
        except SafelightError as error:
            return MatchResult(
                cells=(
                    cell(NAME, scene.modality, note=f"Faces were not compared: {error.message}", ran=False),
                )
            )
        if not consented and not protected:
            return MatchResult()
        others = [one for one in faces if _is_face(one)]
        moving = scene.modality is Modality.FRAMES
        try:
            if not scene.stills:
                raise ValueError("there are no stills to look at")
            boxes = {} if moving else _boxes(others, len(scene.stills))
            tracks = self.describer.tracks(scene.stills, boxes, moving=moving)
        except Exception as error:
            note = failure("Faces", error)
            return MatchResult(cells=(cell(NAME, scene.modality, note=note, ran=False),))
        covers = [covering_record(track.templates, consented, self.distances.consent) for track in tracks]
        found = [
            match
            for track in tracks
            if (match := _matched(track, protected, self.distances.gallery, scene)) is not None
        ]
        whole = len(scene.stills) >= scene.chosen
        everybody = (
            whole
            and all(cover is not None for cover in covers)
            and all(_accounted(one, tracks, scene) for one in others)
        )
        note = "" if whole else f"Faces were compared in {len(scene.stills)} of {scene.chosen} chosen frames."
        return MatchResult(
            findings=(*found, *_faces(tracks, others, scene)),
            cells=_cells(scene, note, people_in(protected)),
            consents=tuple(sorted({cover for cover in covers if cover is not None})) if everybody else (),
            everybody=everybody,
            people=people_in(consented, protected),
        )


def _matched(
    track: FaceTrack, protected: Sequence[EnrolledPerson], within: float, scene: SceneInput
) -> Finding | None:
    found = nearest(track.templates, protected)
    if found is None or found[0] > within:
        return None
    apart, person = found
    return Finding(
        category=Category.LIKENESS.value,
        score=likelihood(apart, within),
        modality=scene.modality,
        detector=NAME,
        version=VERSION,
        reason="A face is like one in the gallery of protected people.",
        evidence=(_where(track, scene), Match(list="gallery", entry=person.record, distance=round(apart, 3))),
        attributes={"kind": "match", "public_figure": person.public_figure},
    )


def _where(track: FaceTrack, scene: SceneInput) -> Evidence:
    peak = max(track.spots, key=lambda spot: spot.box.area)
    x, y, w, h = (round(min(max(part, 0.0), 1.0), 4) for part in peak.box)
    box = ImageBox(x=x, y=y, w=w, h=h)
    if scene.modality is not Modality.FRAMES:
        return box
    first, last = scene.stills[track.spots[0].still], scene.stills[track.spots[-1].still]
    return FrameRange(
        first=first.frame,
        last=last.frame,
        start_s=first.start_s,
        end_s=last.end_s,
        peak=scene.stills[peak.still].frame,
        box=box,
    )


def _is_face(finding: Finding) -> bool:
    return finding.category == Category.LIKENESS.value and finding.attributes.get("kind") == "face"


def _faces(tracks: Sequence[FaceTrack], others: Sequence[Finding], scene: SceneInput) -> Iterable[Finding]:
    """The faces that nobody else has told of; who they are is not said."""
    for track in tracks:
        if any(_accounted(one, (track,), scene, alone=True) for one in others):
            continue
        yield Finding(
            category=Category.LIKENESS.value,
            score=_FACE,
            modality=scene.modality,
            detector=NAME,
            version=VERSION,
            reason="A face is visible.",
            evidence=(_where(track, scene),),
            attributes={"kind": "face"},
        )


def _boxes(faces: Iterable[Finding], stills: int) -> dict[int, list[FaceBox]]:
    """Where others saw faces; which of several views they looked at is not known, so in all of them."""
    boxes = [
        FaceBox(one.x, one.y, one.w, one.h)
        for face in faces
        for one in face.evidence
        if isinstance(one, ImageBox)
    ]
    return dict.fromkeys(range(stills), boxes) if boxes else {}


def _accounted(face: Finding, tracks: Sequence[FaceTrack], scene: SceneInput, *, alone: bool = False) -> bool:
    """Whether a face that another detector saw is among those described.

    In a clip the other's segment may be of several faces; `alone`: one of them is enough.
    """
    for one in face.evidence:
        if isinstance(one, ImageBox):
            box = FaceBox(one.x, one.y, one.w, one.h)
            return any(_meet(box, spot.box) for track in tracks for spot in track.spots)
        if isinstance(one, FrameRange):
            near = [track for track in tracks if _overlaps(track, one, scene)]
            return len(near) >= (1 if alone else max(int(face.attributes.get("count", 1)), 1))
    return False


def _meet(one: FaceBox, other: FaceBox) -> bool:
    return overlap(one, other) > 0 and (one.holds_middle_of(other) or other.holds_middle_of(one))


def _overlaps(track: FaceTrack, span: FrameRange, scene: SceneInput) -> bool:
    start = scene.stills[track.spots[0].still].start_s - _BETWEEN_S
    end = scene.stills[track.spots[-1].still].end_s + _BETWEEN_S
    return start <= span.end_s and span.start_s <= end


def _cells(scene: SceneInput, note: str, people: int) -> tuple[Cell, ...]:
    """A picture's cell is about faces; that of frames, about whether somebody protected was looked for."""
    if scene.modality is Modality.FRAMES and not people:
        return ()
    measured = f"compared with {people} people of the gallery; docs/benchmarks/likeness.md"
    frames = scene.modality is Modality.FRAMES
    return (cell(NAME, scene.modality, note=note, ran=True, measured=measured if frames else None),)
