from __future__ import annotations

import msgspec

from safelight.detectors.protocol import MediaText
from safelight.policy.findings import Finding, FrameRange, ImageBox, Modality
from safelight.screening.scanning.sampling import SampledFrame, SampleReason
from safelight.screening.scanning.segments import FrameTiming
from safelight.screening.scanning.subliminal import find_brief_appearances, group_appearances

FPS = 30
FRAMES = [FrameTiming(frame=frame, start_s=frame / FPS, end_s=(frame + 1) / FPS) for frame in range(200)]
REGION = (0.2, 0.2, 0.4, 0.2)


def sample(frame: int, why: SampleReason = SampleReason.OUTLIER) -> SampledFrame:
    return SampledFrame(frame=frame, why=why, region=REGION)


def text(frame: int, words: str = "BUY NOW", *, until: int | None = None, x: float = 0.25) -> MediaText:
    return MediaText(
        text=words,
        confidence=0.95,
        frame=frame,
        start_s=frame / FPS,
        end_s=(until or frame) / FPS,
        box=(x, 0.25, 0.2, 0.1),
    )


def face(first: int, last: int, *, x: float | None = None) -> Finding:
    box = None if x is None else ImageBox(x=x, y=0.3, w=0.1, h=0.2)
    where = FrameRange(
        first=first, last=last, start_s=first / FPS, end_s=(last + 1) / FPS, peak=first, box=box
    )
    return Finding(
        category="likeness",
        score=0.8,
        modality=Modality.FRAMES,
        detector="d",
        version="1",
        reason="A face is visible.",
        evidence=(where,),
        attributes={"kind": "face"},
    )


def appearances(
    samples: list[SampledFrame], findings: list[Finding] | None = None, texts: list[MediaText] | None = None
) -> list[Finding]:
    return find_brief_appearances(samples, FRAMES, findings or [], texts or [])


def at(frame: int, *findings: Finding) -> int:
    """Number of brief appearances if this frame is an outlier."""
    return len(appearances([sample(frame)], [*findings]))


def read_at(frame: int, *texts: MediaText) -> int:
    return len(appearances([sample(frame)], texts=[*texts]))


def test_text_in_one_outlier_frame_is_subliminal() -> None:
    [found] = appearances([sample(40)], texts=[text(40)])
    assert found.category == "deception/subliminal"
    assert (found.attributes["kind"], found.attributes["frames"]) == ("text", 1)
    assert read_at(40) == 0, "nothing was recognised"


def test_a_face_in_two_frames_between_cuts_is_subliminal_and_in_three_it_is_not() -> None:
    first, second, third = (sample(frame, SampleReason.CUT) for frame in (40, 42, 43))
    [found] = appearances([first, second], [face(40, 41)])
    assert (found.attributes["kind"], found.attributes["frames"]) == ("face", 2)
    assert appearances([first, third], [face(40, 42)]) == []


def test_text_that_stays_or_is_outside_the_region_is_not_brief() -> None:
    assert at(40, face(0, 90)) == 0
    assert read_at(40, text(30, until=60)) == 0
    assert read_at(40, text(40, x=0.75)) == 0
    assert read_at(40, text(40, "OPEN TODA"), text(60, "OPEN TODAY")) == 0, "it was misread"
    assert read_at(40, text(40), text(42, "BUY")) == 0
    assert read_at(40, text(40), text(42, "Q")) == 1, "a single letter is not the same text"


#: This detector saw only the sampled frames.
SHOWN_SOME = frozenset({"d"})


def glimpsed(*findings: Finding) -> int:
    """Number of brief appearances if the frames 40 and 50 are outliers."""
    return len(find_brief_appearances([sample(40), sample(50)], FRAMES, findings, [], scheduled=SHOWN_SOME))


def test_a_face_that_another_detector_keeps_finding_is_not_brief() -> None:
    glimpse = face(40, 40)
    assert glimpsed(glimpse, face(38, 70)) == 0
    # If two objects were found at once, the second may be the brief one.
    for attributes in ({"kind": "face", "count": 2}, {"kind": "breast"}):
        assert glimpsed(glimpse, msgspec.structs.replace(face(38, 70), attributes=attributes)) == 1
    # A detector of every frame shows that the object was gone again.
    assert at(40, glimpse, face(38, 70)) == 1


def test_an_object_that_returns_to_the_same_place_is_not_brief_unless_it_is_brief_again() -> None:
    assert glimpsed(face(40, 40, x=0.3), face(44, 48, x=0.3)) == 0
    assert glimpsed(face(40, 40, x=0.3), face(44, 48, x=0.7)) == 1
    assert glimpsed(face(40, 40, x=0.3), face(150, 170, x=0.3)) == 1
    assert glimpsed(face(40, 40, x=0.3), face(50, 50, x=0.3)) == 2


def test_an_object_outside_the_region_and_a_drawn_symbol_do_not_count() -> None:
    assert at(40, face(40, 40, x=0.85)) == 0
    assert at(40, face(40, 40, x=0.45)) == 1
    symbol = msgspec.structs.replace(
        face(40, 40, x=0.3), category="hate/symbols", attributes={"kind": "wolfs-hook"}
    )
    assert at(40, symbol) == 0
    listed = msgspec.structs.replace(symbol, attributes={"kind": "hash"})
    assert at(40, listed) == 1


def test_frames_sampled_for_other_reasons_are_not_brief_appearances() -> None:
    reasons = (SampleReason.FIRST, SampleReason.REGULAR, SampleReason.CUT, SampleReason.CUT)
    samples = [sample(frame, why) for frame, why in zip((0, 30, 40, 60), reasons, strict=True)]
    assert group_appearances(samples) == []


def test_text_in_one_frame_late_in_a_long_clip_is_found() -> None:
    count = 40_000
    frames = [
        FrameTiming(frame=frame, start_s=frame / FPS, end_s=(frame + 1) / FPS) for frame in range(count)
    ]
    odd = [sample(frame) for frame in range(50, count, 20)]
    staying = [text(frame, f"CAPTION {frame}", until=frame + 200) for frame in range(0, count - 300, 7)]
    lone = text(39_950, "OBEY THEM", x=0.35)
    faces = [face(frame, frame + 40) for frame in range(0, count, 50)]
    [found] = [
        one
        for one in find_brief_appearances(odd, frames, faces, [*staying, lone])
        if one.attributes["kind"] == "text"
    ]
    where = found.evidence[0]
    assert isinstance(where, FrameRange)
    assert where.first == 39_950


def test_two_outliers_in_a_row_are_one_appearance_and_three_are_motion() -> None:
    appeared = [sample(40, SampleReason.APPEARED), sample(41), sample(42, SampleReason.APPEARED)]
    three = [sample(40), sample(41), sample(42)]
    for samples, groups in (
        ([sample(40), sample(41)], [(40, 41)]),
        ([sample(40), sample(42)], [(40, 40), (42, 42)]),
        (three, [(40, 40), (41, 41), (42, 42)]),
        (appeared, [(40, 41)]),
    ):
        assert [(one.first, one.last) for one in group_appearances(samples)] == groups
    for samples in ([sample(40), sample(41)], appeared):
        [found] = appearances(samples, texts=[text(40), text(41)])
        assert (found.attributes["kind"], found.attributes["frames"]) == ("text", 2)
    assert appearances(three, texts=[text(40), text(41), text(42)]) == []


def test_an_appearance_of_two_frames_has_the_region_of_both() -> None:
    other = SampledFrame(frame=41, why=SampleReason.OUTLIER, region=(0.5, 0.3, 0.3, 0.3))
    [appearance] = group_appearances([sample(40), other])
    assert appearance.region is not None
    x, y, w, h = appearance.region
    assert (x, y, round(x + w, 6), round(y + h, 6)) == (0.2, 0.2, 0.8, 0.6)
