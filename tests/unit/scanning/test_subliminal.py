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


def look(frame: int, why: SampleReason = SampleReason.OUTLIER) -> SampledFrame:
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


def test_words_in_one_odd_frame_are_too_brief() -> None:
    [found] = find_brief_appearances([look(40)], FRAMES, [], [text(40)])
    assert found.category == "deception/subliminal"
    assert (found.attributes["kind"], found.attributes["frames"]) == ("text", 1)


def test_a_face_in_two_frames_between_two_cuts_is_too_brief_and_in_three_it_is_not() -> None:
    cuts = [look(40, SampleReason.CUT), look(42, SampleReason.CUT)]
    [found] = find_brief_appearances(cuts, FRAMES, [face(40, 41)], [])
    assert (found.attributes["kind"], found.attributes["frames"]) == ("face", 2)
    assert (
        find_brief_appearances(
            [look(40, SampleReason.CUT), look(43, SampleReason.CUT)], FRAMES, [face(40, 42)], []
        )
        == []
    )


def test_a_flash_of_light_in_which_nothing_is_to_be_seen_is_nothing() -> None:
    assert find_brief_appearances([look(40)], FRAMES, [], []) == []


def test_what_stays_or_stands_elsewhere_is_not_brief() -> None:
    assert find_brief_appearances([look(40)], FRAMES, [face(0, 90)], []) == []
    assert find_brief_appearances([look(40)], FRAMES, [], [text(30, until=60)]) == []
    assert find_brief_appearances([look(40)], FRAMES, [], [text(40, x=0.75)]) == []


#: The detector of these tests was shown only some of the frames.
SHOWN_SOME = frozenset({"d"})


def glimpsed(*findings: Finding) -> int:
    """How many moments are too brief, where the frames 40 and 50 are unlike those around."""
    return len(find_brief_appearances([look(40), look(50)], FRAMES, findings, [], scheduled=SHOWN_SOME))


def test_a_face_that_another_detector_goes_on_seeing_is_not_brief() -> None:
    glimpse = face(40, 40)
    assert glimpsed(glimpse, face(38, 70)) == 0
    # Where two were seen at once the second may be the one that shows for a moment.
    assert (
        glimpsed(glimpse, msgspec.structs.replace(face(38, 70), attributes={"kind": "face", "count": 2})) == 1
    )
    assert glimpsed(glimpse, msgspec.structs.replace(face(38, 70), attributes={"kind": "breast"})) == 1
    # One that was shown every frame knows that it was gone again.
    assert len(find_brief_appearances([look(40)], FRAMES, [glimpse, face(38, 70)], [])) == 1


def test_a_thing_that_stands_at_the_same_place_soon_after_is_not_brief_unless_that_is_a_moment_too() -> None:
    assert glimpsed(face(40, 40, x=0.3), face(44, 48, x=0.3)) == 0
    assert glimpsed(face(40, 40, x=0.3), face(44, 48, x=0.7)) == 1
    assert glimpsed(face(40, 40, x=0.3), face(150, 170, x=0.3)) == 1
    assert glimpsed(face(40, 40, x=0.3), face(50, 50, x=0.3)) == 2


def test_a_thing_beside_what_is_new_and_a_drawn_symbol_are_nothing_that_can_be_made_out() -> None:
    assert find_brief_appearances([look(40)], FRAMES, [face(40, 40, x=0.85)], []) == []
    assert len(find_brief_appearances([look(40)], FRAMES, [face(40, 40, x=0.45)], [])) == 1
    symbol = msgspec.structs.replace(
        face(40, 40, x=0.3), category="hate/symbols", attributes={"kind": "wolfs-hook"}
    )
    assert find_brief_appearances([look(40)], FRAMES, [symbol], []) == []
    listed = msgspec.structs.replace(symbol, attributes={"kind": "hash"})
    assert len(find_brief_appearances([look(40)], FRAMES, [listed], [])) == 1


def test_a_sign_that_is_read_otherwise_a_moment_later_is_not_brief() -> None:
    assert (
        find_brief_appearances([look(40)], FRAMES, [], [text(40, "OPEN TODA"), text(60, "OPEN TODAY")]) == []
    )


def test_looks_for_other_reasons_are_no_moments() -> None:
    assert (
        group_appearances(
            [
                look(0, SampleReason.FIRST),
                look(30, SampleReason.REGULAR),
                look(40, SampleReason.CUT),
                look(60, SampleReason.CUT),
            ]
        )
        == []
    )


def test_words_in_one_frame_late_in_a_long_film_are_found_among_very_many() -> None:
    count = 40_000
    frames = [
        FrameTiming(frame=frame, start_s=frame / FPS, end_s=(frame + 1) / FPS) for frame in range(count)
    ]
    odd = [look(frame) for frame in range(50, count, 20)]
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


def test_two_odd_frames_in_a_row_are_one_moment_and_three_are_movement() -> None:
    [found] = find_brief_appearances([look(40), look(41)], FRAMES, [], [text(40), text(41)])
    assert (found.attributes["kind"], found.attributes["frames"]) == ("text", 2)
    three = [look(40), look(41), look(42)]
    assert [(one.first, one.last) for one in group_appearances(three)] == [(40, 40), (41, 41), (42, 42)]
    assert find_brief_appearances(three, FRAMES, [], [text(40), text(41), text(42)]) == []
    assert [(one.first, one.last) for one in group_appearances([look(40), look(42)])] == [(40, 40), (42, 42)]


def test_what_came_and_is_odd_in_the_next_frame_is_one_moment() -> None:
    looks = [look(40, SampleReason.APPEARED), look(41), look(42, SampleReason.APPEARED)]
    assert [(one.first, one.last) for one in group_appearances(looks)] == [(40, 41)]
    [found] = find_brief_appearances(looks, FRAMES, [], [text(40), text(41)])
    assert found.attributes["frames"] == 2


def test_a_moment_of_two_frames_has_the_place_of_both() -> None:
    other = SampledFrame(frame=41, why=SampleReason.OUTLIER, region=(0.5, 0.3, 0.3, 0.3))
    [moment] = group_appearances([look(40), other])
    assert moment.region is not None
    x, y, w, h = moment.region
    assert (x, y, round(x + w, 6), round(y + h, 6)) == (0.2, 0.2, 0.8, 0.6)


def test_a_lone_letter_over_the_same_place_is_not_the_same_words() -> None:
    assert len(find_brief_appearances([look(40)], FRAMES, [], [text(40), text(42, "Q")])) == 1
    assert find_brief_appearances([look(40)], FRAMES, [], [text(40), text(42, "BUY")]) == []
