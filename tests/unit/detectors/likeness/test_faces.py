from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from safelight.detectors.likeness.faces import FaceMatcher, FaceTrack
from safelight.detectors.likeness.matching import EnrolledPerson, MatchResult, covering_consents
from safelight.detectors.likeness.tracks import FaceBox, FaceDetection
from safelight.detectors.protocol import Keyframe, SceneInput
from safelight.policy.findings import Finding, FrameRange, ImageBox, Match, Modality
from safelight.policy.intended_use import (
    ConsentLimits,
    IntendedUse,
    Shortfall,
    UseKind,
    VideoRequester,
)
from support.consent_records import Records
from support.verdicts import seen

LEFT, RIGHT = FaceBox(0.1, 0.2, 0.2, 0.3), FaceBox(0.7, 0.2, 0.2, 0.3)


def template(seed: int, apart: float = 0.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = np.zeros(128)
    found[seed] = 1.0
    found[127] = apart
    return found


ANN, BEN = template(1), template(2)


class FakeEmbedder:
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
    place = ImageBox(x=box.x, y=box.y, w=box.w, h=box.h)
    return seen("likeness", 0.8, "image", evidence=(place,), kind="face", **attributes)


def recognise(embedder: FakeEmbedder, records: Records, where: SceneInput, *faces: Finding) -> MatchResult:
    return FaceMatcher(embedder=embedder, lookup=records).recognise(
        where, tenant="t", faces=faces, requester=VideoRequester()
    )


def test_no_template_is_computed_without_enrolled_people() -> None:
    embedder = FakeEmbedder(track(LEFT, ANN))
    assert recognise(embedder, Records(), scene(), face(LEFT)) == MatchResult()
    assert embedder.calls == 0


def test_a_consent_covers_its_own_face_if_all_keyframes_are_there() -> None:
    embedder = FakeEmbedder(track(LEFT, template(1, 0.2)))
    who = recognise(embedder, Records([CONSENT]), scene(), face(LEFT))
    assert (who.consents, who.all_covered) == (("consent_1",), True)
    assert who.findings == ()
    assert who.cells[0].complete
    assert embedder.boxes == {0: [LEFT]}
    missing = scene(Modality.FRAMES, stills=2, chosen=9)
    assert not recognise(embedder, Records([CONSENT]), missing).all_covered


@pytest.mark.parametrize(
    ("tracks", "faces"),
    [
        # A stranger in the same picture.
        ((track(LEFT, ANN), track(RIGHT, BEN)), ()),
        # A face that only another detector found.
        ((track(LEFT, ANN),), (face(LEFT), face(RIGHT))),
        # A face that is replaced by another one during the track.
        ((track(LEFT, ANN, BEN),), ()),
        # Not close enough.
        ((track(LEFT, template(1, 0.46)),), ()),
        # No template was computed although a face was found.
        ((), (face(LEFT),)),
    ],
)
def test_one_uncovered_face_leaves_no_consents(
    tracks: tuple[FaceTrack, ...], faces: tuple[Finding, ...]
) -> None:
    who = recognise(FakeEmbedder(*tracks), Records([CONSENT]), scene(), *faces)
    assert (who.consents, who.all_covered) == ((), False)


def test_several_files_are_covered_together_or_not_at_all() -> None:
    ann = MatchResult(consents=("consent_1",), all_covered=True)
    nobody = MatchResult(all_covered=True)
    stranger = MatchResult(all_covered=False)
    assert covering_consents([ann, nobody]) == ("consent_1",)
    assert covering_consents([ann, stranger]) == ()


ANY = IntendedUse(kind=UseKind.NEWS, commercial=False, territory="DE")
LIMITS = ConsentLimits(accounts=frozenset({"key_1", "person_1"}), end_user=None)


@pytest.mark.parametrize("of", ["bob", None])
def test_a_consent_on_camera_counts_only_for_the_end_user_or_account_for_whom_it_was_asked(
    of: str | None,
) -> None:
    records = Records([replace(CONSENT, limits=replace(LIMITS, end_user=of))])
    matcher = FaceMatcher(embedder=FakeEmbedder(track(LEFT, ANN)), lookup=records)
    requesters = [(account, user) for account in ("key_1", "key_2") for user in ("bob", "carl", None)]
    for account, user in requesters:
        asks = VideoRequester(account=account, end_user=user, use=ANY)
        who = matcher.recognise(scene(), tenant="t", faces=(face(LEFT),), requester=asks)
        covered = user == "bob" if of else (account, user) == ("key_1", None)
        assert (who.consents, who.all_on_camera) == (("consent_1",), covered)
        assert who.shortfalls == ({} if covered else {"consent_1": Shortfall.REQUESTER})


def test_speech_in_a_file_needs_a_consent_to_the_voice_too() -> None:
    for voice in (False, True):
        records = Records([replace(CONSENT, limits=replace(LIMITS, voice=voice))])
        matcher = FaceMatcher(embedder=FakeEmbedder(track(LEFT, ANN)), lookup=records)
        asks = VideoRequester(account="key_1", use=ANY)
        spoken = replace(scene(), may_speak=True)
        who = matcher.recognise(spoken, tenant="t", faces=(face(LEFT),), requester=asks)
        assert who.all_on_camera is voice
        assert who.shortfalls == ({} if voice else {"consent_1": Shortfall.VOICE})


def test_an_own_consent_on_camera_comes_before_that_of_another_end_user() -> None:
    records = Records(
        [
            replace(CONSENT, record=f"consent_{number}", limits=replace(LIMITS, end_user=of))
            for number, of in enumerate(("carl", "bob"))
        ]
    )
    matcher = FaceMatcher(embedder=FakeEmbedder(track(LEFT, ANN)), lookup=records)
    asks = VideoRequester(account="key_1", end_user="bob", use=ANY)
    who = matcher.recognise(scene(), tenant="t", faces=(face(LEFT),), requester=asks)
    assert (who.consents, who.all_on_camera, who.shortfalls) == (("consent_1",), True, {})


def test_a_protected_person_is_reported_by_record_without_the_name() -> None:
    embedder = FakeEmbedder(track(LEFT, template(2, 0.11)), track(RIGHT, ANN))
    who = recognise(embedder, Records(protected=[GUARDED]), scene(), face(LEFT), face(RIGHT))
    (found,) = who.findings
    assert found.score == 0.9
    assert found.attributes == {"kind": "match", "public_figure": True}
    assert found.evidence[1] == Match(list="gallery", entry="protected_1", distance=0.11)
    assert "Ben" not in found.reason


def test_a_match_in_frames_has_its_times_and_the_cell_counts_protected_people() -> None:
    embedder = FakeEmbedder(track(LEFT, BEN, stills=3))
    who = recognise(embedder, Records(protected=[GUARDED]), scene(Modality.FRAMES, stills=3))
    (where,) = [
        one for finding in who.findings[:1] for one in finding.evidence if isinstance(one, FrameRange)
    ]
    assert (where.first, where.last) == (0, 48)
    assert "1 protected people" in str(who.cells[0].measured)
    # With consents only, no protected people were searched for in the frames.
    assert recognise(embedder, Records([CONSENT]), scene(Modality.FRAMES, stills=3)).cells == ()


def test_faces_that_no_other_detector_found_are_reported() -> None:
    who = recognise(
        FakeEmbedder(track(LEFT, BEN), track(RIGHT, BEN)), Records([CONSENT]), scene(), face(LEFT)
    )
    (found,) = who.findings
    assert found.attributes == {"kind": "face"}
    assert isinstance(found.evidence[0], ImageBox)
    assert found.evidence[0].x == 0.7


@pytest.mark.parametrize(
    ("embedder", "records", "where"),
    [
        (FakeEmbedder(error=RuntimeError("no dlib")), Records([CONSENT]), scene()),
        (FakeEmbedder(), Records([CONSENT]), scene(stills=0)),
        (FakeEmbedder(), Records(broken=True), scene()),
    ],
)
def test_a_failure_is_a_gap_without_consents(
    embedder: FakeEmbedder, records: Records, where: SceneInput
) -> None:
    who = recognise(embedder, records, where, face(LEFT))
    assert (who.consents, who.all_covered) == ((), False)
    (cell,) = who.cells
    assert not cell.ran
    assert cell.note.startswith("Faces were not compared")
