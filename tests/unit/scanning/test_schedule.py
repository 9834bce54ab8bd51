from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.scanning.schedule import TINY_SIDE, Rules, Scheduler, Why, difference

Tiny = npt.NDArray[np.uint8]
FPS = 24


def still(level: int = 100) -> Tiny:
    return np.full((TINY_SIDE, TINY_SIDE, 3), level, np.uint8)


def moving(frame: int, speed: int = 2) -> Tiny:
    base = np.random.default_rng(5).integers(0, 255, (TINY_SIDE, TINY_SIDE * 4, 3), dtype=np.uint8)
    return np.roll(base, -frame * speed, axis=1)[:, :TINY_SIDE].copy()


def run(frames: list[Tiny], rules: Rules | None = None) -> tuple[list[Why | None], Scheduler]:
    scheduler = Scheduler(rules or Rules())
    return [scheduler.decide(tiny, number / FPS) for number, tiny in enumerate(frames)], scheduler


def test_a_still_clip_is_looked_at_once_a_second() -> None:
    decisions, scheduler = run([still()] * (FPS * 3))
    looked = [number for number, why in enumerate(decisions) if why]
    assert looked == [0, 24, 48]
    assert scheduler.record().why == {"first": 1, "regular": 2}


def test_one_odd_frame_is_a_jump_and_what_follows_is_looked_at_too() -> None:
    frames = [still()] * 30
    frames[13] = still(180)
    decisions, _ = run(frames)
    assert decisions[13:15] == [Why.JUMP, Why.JUMP]
    assert decisions[15] is Why.NEIGHBOUR


def test_small_print_for_one_frame_is_a_jump() -> None:
    frames = [still() for _ in range(30)]
    frames[13][30:32, 20:44] = 150
    decisions, _ = run(frames)
    assert decisions[13] is Why.JUMP


def test_a_flash_in_a_moving_scene_is_a_jump() -> None:
    frames = [moving(number, speed=0) // 2 + number for number in range(40)]
    frames[25] = still(255)
    decisions, _ = run(frames)
    assert decisions[25] is Why.JUMP


def test_movement_alone_claims_no_more_than_its_share() -> None:
    frames = [moving(number) for number in range(FPS * 10)]
    _, scheduler = run(frames)
    record = scheduler.record()
    assert record.looked_at <= 25
    assert record.passed_over > 100
    assert record.frames == FPS * 10


def test_a_slow_fade_is_noticed_against_the_last_frame_looked_at() -> None:
    frames = [still(100 + number // 2) for number in range(FPS)]
    decisions, _ = run(frames)
    assert Why.CHANGED in decisions


@settings(deadline=None)
@given(levels=st.lists(st.integers(0, 255), min_size=1, max_size=60))
def test_no_second_passes_without_a_look_and_the_count_is_right(levels: list[int]) -> None:
    decisions, scheduler = run([still(level) for level in levels])
    looked = [number for number, why in enumerate(decisions) if why]
    assert looked[0] == 0
    assert all(later - earlier <= FPS for earlier, later in pairwise(looked))
    assert scheduler.record().looked_at == len(looked)


@given(level=st.integers(0, 255), other=st.integers(0, 255))
def test_difference_is_symmetric_and_zero_for_alike(level: int, other: int) -> None:
    assert difference(still(level), still(other)) == difference(still(other), still(level))
    assert difference(still(level), still(level)) == (0.0, 0.0, 0.0)
