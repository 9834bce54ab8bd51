from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from safelight.detectors.image.symbols import MODEL
from safelight.detectors.image.symbols.detector import SymbolDetector
from safelight.detectors.image.symbols.identity import CAPABILITIES
from safelight.detectors.protocol import Frame
from safelight.policy.findings import Finding
from support.rows import each_row


@pytest.fixture(scope="module")
def detector() -> SymbolDetector:
    return SymbolDetector(MODEL)


def frame(pixels: npt.NDArray[np.uint8], index: int = 0) -> Frame:
    height, width = pixels.shape[:2]
    return Frame(index=index, time_s=0.0, pixels=pixels, width=width, height=height)


def hooked(turn: float, *, left: bool) -> npt.NDArray[np.uint8]:
    """A hooked cross, dark on a light disc, which the detector must find."""
    made = np.full((400, 640, 3), 150, np.uint8)
    cv2.circle(made, (320, 200), 95, (235, 235, 235), -1)
    arm = np.array([(0, 0), (0, -1), (-1 if left else 1, -1)], float) * 55
    for number in range(4):
        a = turn + number * np.pi / 2
        at = arm @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + (320, 200)
        cv2.polylines(made, [np.round(at).astype(np.int32)], False, (20, 20, 20), 22)
    return made


def best(detector: SymbolDetector, pixels: npt.NDArray[np.uint8]) -> Finding | None:
    return max(detector.inspect_frame(frame(pixels)), key=lambda one: one.score, default=None)


def test_a_cross_on_its_point_scores_high_in_its_place(detector: SymbolDetector) -> None:
    found = best(detector, hooked(np.pi / 4, left=False))
    assert found.score >= 0.7
    assert found.category == "hate/symbols"
    [box] = found.evidence
    assert abs(box.x + box.w / 2 - 0.5) < 0.08  # type: ignore[union-attr]


def test_an_upright_cross_which_faiths_use_too_stays_below_what_starter_holds(
    detector: SymbolDetector,
) -> None:
    found = best(detector, hooked(0.0, left=False))
    assert 0.5 <= found.score < 0.7
    assert best(detector, hooked(0.0, left=True)) is None, "the form of temples"
    for level in (0, 128, 255):
        assert best(detector, np.full((300, 500, 3), level, np.uint8)) is None


def towers(seed: int) -> npt.NDArray[np.uint8]:
    """A skyline at night with lit windows, which the network alone takes for runes and wheels."""
    rng = np.random.default_rng(seed)
    made = np.full((288, 512, 3), 25, np.uint8)
    for left in range(0, 512, 64):
        step, top = int(rng.integers(8, 20)), int(rng.integers(20, 160))
        for y in range(top, 280, step):
            for x in range(left + 4, left + 56, step):
                if rng.random() < 0.6:
                    made[y : y + step // 2, x : x + step // 2] = (250, 220, 150)
    return made


def test_below_its_operating_point_nothing_is_reported() -> None:
    skylines = [towers(seed) for seed in range(12)]
    certain = [place.certainty for made in skylines for place in SymbolDetector(MODEL).find_symbols(made)]
    assert max(certain) > 0.5
    assert not any(list(SymbolDetector(MODEL).inspect_frame(frame(made))) for made in skylines)


@each_row
def test_odd_sizes_are_accepted(detector: SymbolDetector, size: tuple[int, int]) -> None:
    assert isinstance(detector.inspect_frame(frame(np.zeros((*size, 3), np.uint8))), list)


def test_static_symbols_are_reported_again_and_new_ones_are_found() -> None:
    watching = SymbolDetector(MODEL)
    symbol = hooked(np.pi / 4, left=False)
    alone = np.concatenate([symbol, np.full_like(symbol, 150)], axis=1)
    both = np.concatenate([symbol, symbol], axis=1)
    first = watching.inspect_frame(frame(alone, 0))
    assert watching.inspect_frame(frame(alone, 1)) == first
    sides = {
        "left" if one.evidence[0].x < 0.5 else "right"  # type: ignore[union-attr]
        for one in watching.inspect_frame(frame(both, 2))
        if one.score >= 0.7
    }
    assert sides == {"left", "right"}
    assert not watching.inspect_frame(frame(np.full_like(both, 150), 3))


def test_no_capability_is_claimed_without_an_independent_measurement() -> None:
    assert CAPABILITIES == ()
