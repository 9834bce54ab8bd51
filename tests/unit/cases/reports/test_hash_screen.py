from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.cases.reports.harmless_pictures import harmless_hashes
from safelight.cases.reports.hash_screen import (
    MAX_UNRELATED_MATCHES,
    MIN_DISTINCT_FRAMES,
    DeliveredMatches,
    HashScreen,
    Refusal,
    count_distinct,
)
from safelight.cases.reports.models import ReportedHash
from safelight.detectors.image.pdq import BYTES, MIN_QUALITY

HASHES = st.binary(min_size=BYTES, max_size=BYTES).map(bytes.hex)
REPORTED = st.builds(
    ReportedHash,
    hash=HASHES | st.text(max_size=70),
    quality=st.integers(-5, 105),
    clip=st.none() | st.integers(0, 3),
)


def screen(*, unrelated: int = 0) -> HashScreen:
    return HashScreen(
        find=lambda hashes: [DeliveredMatches(unrelated=unrelated) for _ in hashes],
        harmless=np.zeros((0, BYTES), np.uint8),
    )


def picture(hashed: bytes, *, quality: int = 100, clip: int | None = None) -> ReportedHash:
    return ReportedHash(hash=hashed.hex(), quality=quality, clip=clip)


@given(st.lists(REPORTED, max_size=30))
def test_every_reported_hash_is_used_or_refused_and_none_is_both(reported: list[ReportedHash]) -> None:
    done = screen().screen(reported)
    used = {one.hash for one in done.used}
    for one in reported:
        assert one.hash in used or one.hash[:64] in {refused.hash for refused in done.refused}
    assert all(len(one) == 2 * BYTES for one in used)
    best = {one.hash: max(other.quality for other in reported if other.hash == one.hash) for one in reported}
    assert all(best[one] >= MIN_QUALITY for one in used)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (ReportedHash(hash="x" * 64, quality=100), Refusal.INVALID),
        (ReportedHash(hash="AB" * 32, quality=100), Refusal.INVALID),
        (picture(b"\x0f" * BYTES, quality=MIN_QUALITY - 1), Refusal.LOW_QUALITY),
        (picture(b"\x0f" * BYTES, clip=0), Refusal.TOO_FEW_FRAMES),
        (picture(b"\x01" * BYTES), Refusal.LOW_QUALITY),
        (picture(b"\x7f" * BYTES), Refusal.LOW_QUALITY),
    ],
)
def test_a_hash_that_is_no_evidence_is_refused(one: ReportedHash, why: Refusal) -> None:
    done = screen().screen([one])
    assert (done.used, [refused.reason for refused in done.refused]) == ((), [why.value])


def test_a_clip_needs_three_frames_that_differ() -> None:
    same = [picture(b"\x0f" * BYTES, clip=0)] * 9
    assert screen().screen(same).used == ()
    different = [picture(bytes([number]) * BYTES, clip=0) for number in (15, 51, 85)]
    assert (
        len(screen().screen(different).used)
        == MIN_DISTINCT_FRAMES
        == count_distinct([one.hash for one in different])
    )


@pytest.mark.parametrize(("unrelated", "is_used"), [(MAX_UNRELATED_MATCHES, True), (4, False)])
def test_a_picture_of_more_than_three_unrelated_videos_is_refused(unrelated: int, is_used: bool) -> None:
    done = screen(unrelated=unrelated).screen([picture(b"\x0f" * BYTES)])
    assert bool(done.used) == is_used
    assert [one.reason for one in done.refused] == ([] if is_used else [Refusal.COMMON_PICTURE.value])


def test_every_test_picture_is_refused_and_a_random_hash_is_not() -> None:
    harmless = harmless_hashes()
    filled = HashScreen(find=lambda hashes: [DeliveredMatches() for _ in hashes], harmless=harmless)
    reported = [picture(row.tobytes()) for row in harmless]
    done = filled.screen(reported)
    assert done.used == ()
    assert Refusal.HARMLESS_PICTURE.value in {one.reason for one in done.refused}
    random = np.random.default_rng(1).integers(0, 256, BYTES).astype(np.uint8).tobytes()
    assert len(filled.screen([picture(random)]).used) == 1


def test_a_hash_near_to_one_that_a_person_decided_to_be_harmless_is_refused() -> None:
    known = np.full((1, BYTES), 0x0F, np.uint8)
    changed = bytes([0x1F]) + b"\x0f" * (BYTES - 1)
    done = screen().screen([picture(changed)], decided=known)
    assert [one.reason for one in done.refused] == [Refusal.DECIDED_HARMLESS.value]
