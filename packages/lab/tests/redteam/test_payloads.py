from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from safelight.detectors import safety_card
from safelight.detectors.image.hash_lists import HashLists
from safelight.detectors.image.hashes import HashDetector
from safelight.detectors.image.logo_store import LogoStore
from safelight.detectors.image.logos import LogoDetector
from safelight.detectors.protocol import Frame
from safelight_lab.redteam.media_clip import HEIGHT, RATE, WIDTH, Medium
from safelight_lab.redteam.payloads import Payload, enrol, make_payloads

VISUAL = ("card", "words", "known-picture", "known-clip", "logo")


def is_long(text: str) -> bool:
    """A policy that stops rows by their length, so that the test depends on no list."""
    return len(text) % 2 == 0


def payload(name: str) -> Payload:
    made = make_payloads([name], is_long)
    assert made.missing == {}
    return made.made[0]


def frame(pixels: np.ndarray) -> Frame:
    return Frame(index=0, time_s=0.0, pixels=pixels, width=WIDTH, height=HEIGHT)


@pytest.mark.parametrize("name", VISUAL)
def test_a_payload_and_its_twin_are_repeatable_and_differ(name: str) -> None:
    one = payload(name)
    harmful, twin = one.harmful(), one.twin()
    assert one.medium is Medium.VIDEO
    assert harmful.frames.shape == twin.frames.shape == (48, HEIGHT, WIDTH, 3)
    assert not np.array_equal(harmful.frames[0], twin.frames[0])
    assert np.array_equal(payload(name).harmful().frames[0], harmful.frames[0])


def test_only_the_payload_is_a_test_card_or_enrolled(tmp_path: Path) -> None:
    lists, logos = HashLists(tmp_path / "lists"), LogoStore(tmp_path / "logos")
    assert enrol(lists, logos) == enrol(lists, logos)
    hashes, marks = HashDetector(lists.folder), LogoDetector(logos.folder)
    for name, detect in (
        ("card", lambda one: safety_card.read_qr(one.pixels)),
        ("known-picture", hashes.inspect_frame),
        ("known-clip", hashes.inspect_frame),
        ("logo", marks.inspect_frame),
    ):
        made = payload(name)
        for number in (0, 24):
            assert list(detect(frame(made.harmful().frames[number]))), name
            assert not list(detect(frame(made.twin().frames[number]))), name


def test_only_the_tones_of_the_payload_are_those_of_the_test_card() -> None:
    made = payload("tones")
    for clip, count in ((made.harmful(), 1), (made.twin(), 0)):
        assert clip.sound is not None
        assert len(safety_card.read_tones(clip.sound, RATE)) == count


def test_words_are_left_out_with_the_reason_if_the_policy_stops_none_or_all() -> None:
    none = make_payloads(["words", "speech"], lambda _text: False)
    assert none.made == ()
    assert set(none.missing.values()) == {"The policy stops none of the shipped examples of words."}
    assert "all safe" in make_payloads(["words"], lambda _text: True).missing["words"]
