from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from safelight.detectors.likeness.faces import FaceMatcher, FaceTrack
from safelight.detectors.likeness.matching import EnrolledPerson, MatchResult, covering_consents
from safelight.detectors.likeness.tracks import FaceBox, FaceDetection
from safelight.detectors.protocol import Keyframe, SceneInput
from safelight.policy.findings import Finding, FrameRange, ImageBox, Match, Modality
from support.consent_records import Records

LEFT, RIGHT = FaceBox(0.1, 0.2, 0.2, 0.3), FaceBox(0.7, 0.2, 0.2, 0.3)


def template(seed: int, apart: float = 0.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = np.zeros(128)
    found[seed] = 1.0
    found[127] = apart
    return found


ANN, BEN = template(1), template(2)


class Told:
    """A face embedder with fixed tracks, or a failure."""

    def __init__(self, *tracks: FaceTrack, error: Exception | None = None) -> None:
        self._tracks, self._error = tracks, error
        self.boxes: dict[int, list[FaceBox]] = {}
        self.calls = 0

    def find_tracks(
        self, stills: Sequence[Keyframe], boxes: dict[int, list[FaceBox]], *, moving: bool
    ) -> tuple[FaceTrack, ...]:
        self.calls += 1
        self.boxes = boxes
        if self._error is not None:
            raise self._error
        return self._tracks


CONSENT = EnrolledPerson(record="consent_1", name="Ann", template=ANN)
GUARDED = EnrolledPerson(record="protected_1", name="Ben", template=BEN, public_figure=True)


def track(
    box: FaceBox, *templates: np.ndarray[tuple[int], np.dtype[np.float64]], stills: int = 1
) -> FaceTrack:
    return FaceTrack(detections=tuple(FaceDetection(n, box) for n in range(stills)), templates=templates)


def scene(modality: Modality = Modality.IMAGE, stills: int = 1, chosen: int | None = None) -> SceneInput:
    return SceneInput(
        modality=modality,
        keyframes=tuple(
            Keyframe(frame=n * 24, start_s=n, end_s=n + 0.04, path=Path("x"), width=1, height=1)
            for n in range(stills)
        ),
        sampled_count=stills if chosen is None else chosen,
    )


def face(box: FaceBox, **attributes: int) -> Finding:
    return Finding(
        category="likeness",
        score=0.8,
        modality=Modality.IMAGE,
        detector="nudenet",
        version="1",
        reason="A face is visible.",
        evidence=(ImageBox(x=box.x, y=box.y, w=box.w, h=box.h),),
        attributes={"kind": "face", **attributes},
    )


def recognise(told: Told, records: Records, where: SceneInput, *faces: Finding) -> MatchResult:
    return FaceMatcher(embedder=told, lookup=records).recognise(where, tenant="t", faces=faces)


def test_nobody_is_described_where_nobody_is_on_record() -> None:
    told = Told(track(LEFT, ANN))
    assert recognise(told, Records(), scene(), face(LEFT)) == MatchResult()
    assert told.calls == 0


def test_a_consent_covers_its_own_face() -> None:
    who = recognise(Told(track(LEFT, template(1, 0.2))), Records([CONSENT]), scene(), face(LEFT))
    assert (who.consents, who.all_covered) == (("consent_1",), True)
    assert who.findings == ()
    assert who.cells[0].complete


@pytest.mark.parametrize(
    ("tracks", "faces"),
    [
        # A stranger beside.
        ((track(LEFT, ANN), track(RIGHT, BEN)), ()),
        # A face that only another detector saw.
        ((track(LEFT, ANN),), (face(LEFT), face(RIGHT))),
        # One face exchanged for another on the way.
        ((track(LEFT, ANN, BEN),), ()),
        # Not near enough.
        ((track(LEFT, template(1, 0.46)),), ()),
        # Nobody at all was described where a face was seen.
        ((), (face(LEFT),)),
    ],
)
def test_one_face_that_no_consent_covers_leaves_none(
    tracks: tuple[FaceTrack, ...], faces: tuple[Finding, ...]
) -> None:
    who = recognise(Told(*tracks), Records([CONSENT]), scene(), *faces)
    assert (who.consents, who.all_covered) == ((), False)


def test_several_files_are_covered_together_or_not_at_all() -> None:
    ann = MatchResult(consents=("consent_1",), all_covered=True)
    nobody = MatchResult(all_covered=True)
    stranger = MatchResult(all_covered=False)
    assert covering_consents([ann, nobody]) == ("consent_1",)
    assert covering_consents([ann, stranger]) == ()


def test_stills_that_were_not_kept_may_have_shown_anybody() -> None:
    who = recognise(Told(track(LEFT, ANN)), Records([CONSENT]), scene(Modality.FRAMES, stills=2, chosen=9))
    assert not who.all_covered


def test_somebody_protected_is_found_and_named_by_the_record_only() -> None:
    told = Told(track(LEFT, template(2, 0.11)), track(RIGHT, ANN))
    who = recognise(told, Records(protected=[GUARDED]), scene(), face(LEFT), face(RIGHT))
    (found,) = who.findings
    assert found.score == 0.9
    assert found.attributes == {"kind": "match", "public_figure": True}
    assert found.evidence[1] == Match(list="gallery", entry="protected_1", distance=0.11)
    assert "Ben" not in found.reason


def test_a_match_in_frames_has_its_times_and_fills_the_cell_with_how_many_were_looked_for() -> None:
    told = Told(track(LEFT, BEN, stills=3))
    who = recognise(told, Records(protected=[GUARDED]), scene(Modality.FRAMES, stills=3))
    (where,) = [
        one for finding in who.findings[:1] for one in finding.evidence if isinstance(one, FrameRange)
    ]
    assert (where.first, where.last) == (0, 48)
    assert "1 protected people" in str(who.cells[0].measured)
    # With consents alone nobody was looked for in the frames.
    assert recognise(told, Records([CONSENT]), scene(Modality.FRAMES, stills=3)).cells == ()


def test_faces_that_nobody_else_saw_are_told_of() -> None:
    who = recognise(Told(track(LEFT, BEN), track(RIGHT, BEN)), Records([CONSENT]), scene(), face(LEFT))
    (found,) = who.findings
    assert found.attributes == {"kind": "face"}
    assert isinstance(found.evidence[0], ImageBox)
    assert found.evidence[0].x == 0.7


def test_what_others_took_for_faces_is_described_too() -> None:
    told = Told(track(LEFT, ANN))
    recognise(told, Records([CONSENT]), scene(), face(LEFT))
    assert told.boxes == {0: [LEFT]}


@pytest.mark.parametrize(
    ("told", "records", "where"),
    [
        (Told(error=RuntimeError("no dlib")), Records([CONSENT]), scene()),
        (Told(), Records([CONSENT]), scene(stills=0)),
        (Told(), Records(broken=True), scene()),
    ],
)
def test_a_failure_is_a_hole_and_covers_nobody(told: Told, records: Records, where: SceneInput) -> None:
    who = recognise(told, records, where, face(LEFT))
    assert (who.consents, who.all_covered) == ((), False)
    (cell,) = who.cells
    assert not cell.ran
    assert cell.note.startswith("Faces were not compared")
