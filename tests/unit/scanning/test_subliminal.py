from __future__ import annotations

import msgspec

from safelight.detectors.protocol import MediaText
from safelight.policy.findings import Finding, FrameRange, ImageBox, Modality
from safelight.scanning.sampling import SampledFrame, SampleReason
from safelight.scanning.segments import FrameTiming
from safelight.scanning.subliminal import find_brief_appearances, group_appearances

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


def test_text_in_one_outlier_frame_is_subliminal() -> None:
    [found] = find_brief_appearances([sample(40)], FRAMES, [], [text(40)])
    assert found.category == "deception/subliminal"
    assert (found.attributes["kind"], found.attributes["frames"]) == ("text", 1)


def test_a_face_in_two_frames_between_cuts_is_subliminal_and_in_three_it_is_not() -> None:
    cuts = [sample(40, SampleReason.CUT), sample(42, SampleReason.CUT)]
    [found] = find_brief_appearances(cuts, FRAMES, [face(40, 41)], [])
    assert (found.attributes["kind"], found.attributes["frames"]) == ("face", 2)
    assert (
        find_brief_appearances(
            [sample(40, SampleReason.CUT), sample(43, SampleReason.CUT)], FRAMES, [face(40, 42)], []
        )
        == []
    )


def test_a_flash_without_recognisable_content_is_not_subliminal() -> None:
    assert find_brief_appearances([sample(40)], FRAMES, [], []) == []


def test_text_that_stays_or_is_outside_the_region_is_not_brief() -> None:
    assert find_brief_appearances([sample(40)], FRAMES, [face(0, 90)], []) == []
    assert find_brief_appearances([sample(40)], FRAMES, [], [text(30, until=60)]) == []
    assert find_brief_appearances([sample(40)], FRAMES, [], [text(40, x=0.75)]) == []


#: This detector saw only the sampled frames.
SHOWN_SOME = frozenset({"d"})


def glimpsed(*findings: Finding) -> int:
    """Number of brief appearances if the frames 40 and 50 are outliers."""
    return len(find_brief_appearances([sample(40), sample(50)], FRAMES, findings, [], scheduled=SHOWN_SOME))


def test_a_face_that_another_detector_keeps_finding_is_not_brief() -> None:
    glimpse = face(40, 40)
    assert glimpsed(glimpse, face(38, 70)) == 0
    # If two objects were found at once, the second may be the brief one.
    assert (
        glimpsed(glimpse, msgspec.structs.replace(face(38, 70), attributes={"kind": "face", "count": 2})) == 1
    )
    assert glimpsed(glimpse, msgspec.structs.replace(face(38, 70), attributes={"kind": "breast"})) == 1
    # A detector of every frame shows that the object was gone again.
    assert len(find_brief_appearances([sample(40)], FRAMES, [glimpse, face(38, 70)], [])) == 1


def test_an_object_that_returns_to_the_same_place_is_not_brief_unless_it_is_brief_again() -> None:
    assert glimpsed(face(40, 40, x=0.3), face(44, 48, x=0.3)) == 0
    assert glimpsed(face(40, 40, x=0.3), face(44, 48, x=0.7)) == 1
    assert glimpsed(face(40, 40, x=0.3), face(150, 170, x=0.3)) == 1
    assert glimpsed(face(40, 40, x=0.3), face(50, 50, x=0.3)) == 2


def test_an_object_outside_the_region_and_a_drawn_symbol_do_not_count() -> None:
    assert find_brief_appearances([sample(40)], FRAMES, [face(40, 40, x=0.85)], []) == []
    assert len(find_brief_appearances([sample(40)], FRAMES, [face(40, 40, x=0.45)], [])) == 1
    symbol = msgspec.structs.replace(
        face(40, 40, x=0.3), category="hate/symbols", attributes={"kind": "wolfs-hook"}
    )
    assert find_brief_appearances([sample(40)], FRAMES, [symbol], []) == []
    listed = msgspec.structs.replace(symbol, attributes={"kind": "hash"})
    assert len(find_brief_appearances([sample(40)], FRAMES, [listed], [])) == 1


def test_text_misread_shortly_after_is_not_brief() -> None:
    assert (
        find_brief_appearances([sample(40)], FRAMES, [], [text(40, "OPEN TODA"), text(60, "OPEN TODAY")])
        == []
    )


def test_frames_sampled_for_other_reasons_are_not_brief_appearances() -> None:
    assert (
        group_appearances(
            [
                sample(0, SampleReason.FIRST),
                sample(30, SampleReason.REGULAR),
                sample(40, SampleReason.CUT),
                sample(60, SampleReason.CUT),
            ]
        )
        == []
    )


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
    [found] = find_brief_appearances([sample(40), sample(41)], FRAMES, [], [text(40), text(41)])
    assert (found.attributes["kind"], found.attributes["frames"]) == ("text", 2)
    three = [sample(40), sample(41), sample(42)]
    assert [(one.first, one.last) for one in group_appearances(three)] == [(40, 40), (41, 41), (42, 42)]
    assert find_brief_appearances(three, FRAMES, [], [text(40), text(41), text(42)]) == []
    assert [(one.first, one.last) for one in group_appearances([sample(40), sample(42)])] == [
        (40, 40),
        (42, 42),
    ]


def test_an_appearance_followed_by_an_outlier_is_one_appearance() -> None:
    samples = [sample(40, SampleReason.APPEARED), sample(41), sample(42, SampleReason.APPEARED)]
    assert [(one.first, one.last) for one in group_appearances(samples)] == [(40, 41)]
    [found] = find_brief_appearances(samples, FRAMES, [], [text(40), text(41)])
    assert found.attributes["frames"] == 2


def test_an_appearance_of_two_frames_has_the_region_of_both() -> None:
    other = SampledFrame(frame=41, why=SampleReason.OUTLIER, region=(0.5, 0.3, 0.3, 0.3))
    [appearance] = group_appearances([sample(40), other])
    assert appearance.region is not None
    x, y, w, h = appearance.region
    assert (x, y, round(x + w, 6), round(y + h, 6)) == (0.2, 0.2, 0.8, 0.6)


def test_a_single_letter_at_the_same_place_is_not_the_same_text() -> None:
    assert len(find_brief_appearances([sample(40)], FRAMES, [], [text(40), text(42, "Q")])) == 1
    assert find_brief_appearances([sample(40)], FRAMES, [], [text(40), text(42, "BUY")]) == []
