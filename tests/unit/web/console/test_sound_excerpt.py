from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from safelight.policy.findings import Basis, Finding, FrameRange, Modality, TimeRange
from safelight.web.console.sound_excerpt import MAX_PART_S, SoundPart, list_parts

times = st.floats(0, 200)


def finding(score: float, start_s: float, end_s: float, modality: Modality = Modality.AUDIO) -> Finding:
    place = (
        TimeRange(start_s=start_s, end_s=end_s)
        if modality is Modality.AUDIO
        else FrameRange(first=0, last=1, start_s=start_s, end_s=end_s, peak=0)
    )
    return Finding(
        category="violence",
        score=score,
        basis=Basis.MATCHED,
        modality=modality,
        detector="words",
        version="1",
        reason="A word.",
        evidence=(place,),
    )


def test_the_strongest_finding_in_the_sound_comes_first_and_the_whole_sound_last() -> None:
    found = [finding(0.4, 1.0, 2.0), finding(0.9, 5.0, 6.0), finding(1.0, 0.0, 8.0, Modality.FRAMES)]
    assert list_parts(found, 8.0) == (
        SoundPart(start_s=4.5, end_s=6.5, category="violence"),
        SoundPart(start_s=0.5, end_s=2.5, category="violence"),
        SoundPart(start_s=0.0, end_s=8.0),
    )


@given(st.lists(st.tuples(st.floats(0, 1), times, times), max_size=20), st.floats(0.01, 400))
def test_every_part_can_be_requested_and_the_whole_sound_is_covered(
    found: list[tuple[float, float, float]], seconds: float
) -> None:
    parts = list_parts([finding(score, min(a, b), max(a, b)) for score, a, b in found], seconds)
    assert all(part.is_valid for part in parts)
    whole = [part for part in parts if not part.category]
    assert (whole[0].start_s, whole[-1].end_s) == (0.0, seconds)
    assert all(one.end_s == other.start_s for one, other in pairwise(whole))
    assert all(part.end_s - part.start_s <= MAX_PART_S for part in whole)
