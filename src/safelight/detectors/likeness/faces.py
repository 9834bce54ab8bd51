"""Compares faces with consents and protected people. Templates of other people are not kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from safelight.core.errors import SafelightError
from safelight.detectors.box_tracker import intersection_over_union
from safelight.detectors.protocol import Keyframe, SceneInput
from safelight.policy.findings import (
    Basis,
    Category,
    Cell,
    Evidence,
    Finding,
    FrameRange,
    ImageBox,
    Match,
    Modality,
)
from safelight.policy.intended_use import VideoRequester, find_shortfall

from .dlib_faces import NAME, VERSION
from .matching import (
    ConsentLookup,
    Distances,
    EnrolledPerson,
    MatchResult,
    Template,
    count_people,
    failure_note,
    find_nearest,
    find_shared_consent,
    likeness_cell,
    match_score,
)
from .tracks import FaceBox, FaceDetection

#: Score of each detected face. The detector gives no probability, but its faces are almost always real ones.
_FACE_SCORE = 0.7
#: Largest time in seconds between two keyframes of a clip. A face between them may belong to either keyframe.
_MAX_GAP_S = 1.0


#: Default thresholds: largest distances at which face templates match. See docs/benchmarks/likeness.md.
DEFAULT_FACE_DISTANCES = Distances(consent=0.45, protected=0.55)


@dataclass(frozen=True, kw_only=True)
class FaceTrack:
    """One face in several keyframes, with its templates."""

    detections: tuple[FaceDetection, ...]
    templates: tuple[Template, ...]


class FaceEmbedder(Protocol):
    """Finds faces and computes templates. `boxes`: faces that other detectors found, by keyframe index."""

    def find_tracks(
        self, keyframes: Sequence[Keyframe], boxes: dict[int, list[FaceBox]], *, moving: bool
    ) -> tuple[FaceTrack, ...]: ...


class FaceRecogniser(Protocol):
    """Interface of face matching, for the moderation stages."""

    def recognise(
        self, scene: SceneInput, *, tenant: str, faces: Sequence[Finding], requester: VideoRequester
    ) -> MatchResult: ...


@dataclass(frozen=True, kw_only=True)
class FaceMatcher:
    """Compares the faces of a file with the consents and protected people of a tenant."""

    embedder: FaceEmbedder
    lookup: ConsentLookup
    distances: Distances = DEFAULT_FACE_DISTANCES

    def recognise(
        self, scene: SceneInput, *, tenant: str, faces: Sequence[Finding], requester: VideoRequester
    ) -> MatchResult:
        """Match the faces of a scene. `faces` are findings of other detectors.

        A consent on camera that does not cover what `requester` asks for counts as a recorded one.

        For a tenant without enrolled people, no templates are computed. A failure becomes a gap in coverage
        and is not raised.
        """
        try:
            consented = self.lookup.consented(tenant)
            protected = self.lookup.protected(tenant)
        except SafelightError as error:
            return MatchResult(
                cells=(
                    likeness_cell(
                        NAME, scene.modality, note=f"Faces were not compared: {error.message}", ran=False
                    ),
                )
            )
        if not consented and not protected:
            return MatchResult()
        others = [one for one in faces if _is_face(one)]
        moving = scene.modality is Modality.FRAMES
        try:
            if not scene.keyframes:
                raise ValueError("the scan stored no keyframes")
            boxes = {} if moving else _reported_boxes(others, len(scene.keyframes))
            tracks = self.embedder.find_tracks(scene.keyframes, boxes, moving=moving)
        except Exception as error:
            note = failure_note(error)
            return MatchResult(cells=(likeness_cell(NAME, scene.modality, note=note, ran=False),))
        shortfalls = {
            one.record: find_shortfall(one.limits, requester, may_speak=scene.may_speak)
            for one in consented
            if one.limits is not None
        }
        on_camera = {record for record, shortfall in shortfalls.items() if shortfall is None}
        covers = [
            find_shared_consent(track.templates, consented, self.distances.consent, on_camera)
            for track in tracks
        ]
        found = [
            match
            for track in tracks
            if (match := _match_protected(track, protected, self.distances.protected, scene)) is not None
        ]
        whole = len(scene.keyframes) >= scene.sampled_count
        everybody = (
            whole
            and all(cover is not None for cover in covers)
            and all(_is_tracked(one, tracks, scene) for one in others)
        )
        note = (
            ""
            if whole
            else f"Faces were compared in {len(scene.keyframes)} of {scene.sampled_count} sampled frames."
        )
        return MatchResult(
            findings=(*found, *_unreported_faces(tracks, others, scene)),
            cells=_cells(scene, note, count_people(protected)),
            consents=tuple(sorted({cover for cover in covers if cover is not None})) if everybody else (),
            all_covered=everybody,
            all_on_camera=everybody and {cover for cover in covers if cover is not None} <= on_camera,
            shortfalls={
                record: shortfall
                for record, shortfall in shortfalls.items()
                if everybody and record in covers and shortfall is not None
            },
        )


def _match_protected(
    track: FaceTrack, protected: Sequence[EnrolledPerson], within: float, scene: SceneInput
) -> Finding | None:
    found = find_nearest(track.templates, protected)
    if found is None or found[0] > within:
        return None
    separation, person = found
    return Finding(
        category=Category.LIKENESS.value,
        score=match_score(separation, within),
        modality=scene.modality,
        detector=NAME,
        version=VERSION,
        basis=Basis.LEARNED,
        reason="A face is similar to that of a protected person.",
        evidence=(
            _evidence(track, scene),
            Match(list="gallery", entry=person.record, distance=round(separation, 3)),
        ),
        attributes={"kind": "match", "public_figure": person.public_figure},
    )


def _evidence(track: FaceTrack, scene: SceneInput) -> Evidence:
    peak = max(track.detections, key=lambda spot: spot.box.area)
    x, y, w, h = (round(min(max(part, 0.0), 1.0), 4) for part in peak.box)
    box = ImageBox(x=x, y=y, w=w, h=h)
    if scene.modality is not Modality.FRAMES:
        return box
    first, last = (
        scene.keyframes[track.detections[0].keyframe],
        scene.keyframes[track.detections[-1].keyframe],
    )
    return FrameRange(
        first=first.frame,
        last=last.frame,
        start_s=first.start_s,
        end_s=last.end_s,
        peak=scene.keyframes[peak.keyframe].frame,
        box=box,
    )


def _is_face(finding: Finding) -> bool:
    return finding.category == Category.LIKENESS.value and finding.attributes.get("kind") == "face"


def _unreported_faces(
    tracks: Sequence[FaceTrack], others: Sequence[Finding], scene: SceneInput
) -> Iterable[Finding]:
    """Findings for the faces that no other detector reported. They do not name the person."""
    for track in tracks:
        if any(_is_tracked(one, (track,), scene, alone=True) for one in others):
            continue
        yield Finding(
            category=Category.LIKENESS.value,
            score=_FACE_SCORE,
            modality=scene.modality,
            detector=NAME,
            version=VERSION,
            basis=Basis.LEARNED,
            reason="A face is visible.",
            evidence=(_evidence(track, scene),),
            attributes={"kind": "face"},
        )


def _reported_boxes(faces: Iterable[Finding], keyframe_count: int) -> dict[int, list[FaceBox]]:
    """The face boxes that other detectors found, by view.

    A finding does not name its view of the image, so each view gets all boxes.
    """
    boxes = [
        FaceBox(one.x, one.y, one.w, one.h)
        for face in faces
        for one in face.evidence
        if isinstance(one, ImageBox)
    ]
    return dict.fromkeys(range(keyframe_count), boxes) if boxes else {}


def _is_tracked(
    face: Finding, tracks: Sequence[FaceTrack], scene: SceneInput, *, alone: bool = False
) -> bool:
    """Whether the tracks include the face that another detector reported in this finding.

    In a clip, a finding may report several faces, and as many tracks are needed. With `alone`, one track is
    enough.
    """
    for one in face.evidence:
        if isinstance(one, ImageBox):
            box = FaceBox(one.x, one.y, one.w, one.h)
            return any(_same_face(box, spot.box) for track in tracks for spot in track.detections)
        if isinstance(one, FrameRange):
            near = [track for track in tracks if _overlaps_in_time(track, one, scene)]
            return len(near) >= (1 if alone else max(int(face.attributes.get("count", 1)), 1))
    return False


def _same_face(one: FaceBox, other: FaceBox) -> bool:
    return intersection_over_union(one, other) > 0 and (
        one.contains_center_of(other) or other.contains_center_of(one)
    )


def _overlaps_in_time(track: FaceTrack, span: FrameRange, scene: SceneInput) -> bool:
    start = scene.keyframes[track.detections[0].keyframe].start_s - _MAX_GAP_S
    end = scene.keyframes[track.detections[-1].keyframe].end_s + _MAX_GAP_S
    return start <= span.end_s and span.start_s <= end


def _cells(scene: SceneInput, note: str, people: int) -> tuple[Cell, ...]:
    """The coverage cells of face matching.

    For an image, the cell is about all faces. For a clip, it is only about the search for protected people.
    """
    if scene.modality is Modality.FRAMES and not people:
        return ()
    measured = f"compared with {people} protected people; docs/benchmarks/likeness.md"
    frames = scene.modality is Modality.FRAMES
    return (likeness_cell(NAME, scene.modality, note=note, ran=True, measured=measured if frames else None),)
