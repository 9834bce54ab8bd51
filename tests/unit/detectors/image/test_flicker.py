from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.detectors.image.flicker import FlickerDetector
from safelight.detectors.protocol import Frame
from safelight.policy.findings import Finding, FrameRange
from support.rows import each_row

FPS = 30
BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)


def film(colours: list[tuple[int, int, int]], *, area: float = 1.0) -> list[Finding]:
    pictures = [np.full((36, 64, 3), BLACK, np.uint8) for _ in colours]
    for pixels, colour in zip(pictures, colours, strict=True):
        pixels[:, : round(64 * area)] = colour
    return run(FlickerDetector(), pictures)


def run(detector: FlickerDetector, pictures: list[np.ndarray]) -> list[Finding]:
    for index, pixels in enumerate(pictures):
        height, width = pixels.shape[:2]
        frame = Frame(index=index, time_s=index / FPS, pixels=pixels, width=width, height=height)
        detector.add_frame(frame)
    return list(detector.findings())


def blinking(
    per_s: float, seconds: float = 2.0, colour: tuple[int, int, int] = WHITE
) -> list[tuple[int, int, int]]:
    return [colour if (index * per_s * 2 // FPS) % 2 else BLACK for index in range(int(seconds * FPS))]


def test_three_flashes_in_a_second_are_allowed_and_four_are_not() -> None:
    assert film(blinking(3)) == []
    [found] = film(blinking(5))
    assert found.category == "photosensitive"
    assert found.attributes["kind"] == "flash"
    assert found.attributes["flashes_per_s"] == 5
    where = found.evidence[0]
    assert isinstance(where, FrameRange)
    assert where.start_s < 0.2
    assert where.end_s > 1.7


def test_a_quarter_of_the_screen_is_allowed_and_more_is_not() -> None:
    assert film(blinking(10), area=0.25) == []
    assert film(blinking(10), area=0.3) != []


def changing(one: tuple[int, int, int], other: tuple[int, int, int]) -> list[Finding]:
    return film([one if index % 4 < 2 else other for index in range(90)])


def test_saturated_red_flashes_with_a_change_that_is_too_small_for_other_colours() -> None:
    assert {found.attributes["kind"] for found in changing((150, 0, 0), (30, 30, 30))} == {"red"}
    assert changing(WHITE, (235, 235, 235)) == []
    assert changing((70, 70, 70), (40, 40, 40)) == [], "below 20 candela"


def test_a_slow_fade_and_a_single_flash_are_not_reported() -> None:
    assert film([(level, level, level) for level in [*range(0, 250, 5), *range(250, 0, -5)]]) == []
    assert film([*[BLACK] * 20, WHITE, *[BLACK] * 40]) == []


def test_state_does_not_carry_over_between_clips() -> None:
    detector = FlickerDetector()
    for turn in range(2):
        detector.begin()
        colours = blinking(8) if turn == 0 else [BLACK] * 60
        found = run(detector, [np.full((36, 64, 3), colour, np.uint8) for colour in colours])
        assert bool(found) == (turn == 0)


@settings(deadline=None, max_examples=40)
@given(per_s=st.floats(4.6, 12), level=st.integers(120, 255), area=st.floats(0.35, 1.0))
def test_frequent_bright_large_flashes_are_found(per_s: float, level: int, area: float) -> None:
    assert film(blinking(per_s, 3.0, (level, level, level)), area=area)


@settings(deadline=None, max_examples=40)
@given(levels=st.lists(st.integers(0, 255), min_size=1, max_size=6))
def test_six_changes_or_fewer_are_never_reported(levels: list[int]) -> None:
    assert film([(level, level, level) for level in levels for _ in range(4)]) == []


@each_row
def test_any_picture_shape_is_accepted(shape: tuple[int, int]) -> None:
    assert run(
        FlickerDetector(),
        [np.full((*shape, 3), 255 * (index // 2 % 2), np.uint8) for index in range(40)],
    )
