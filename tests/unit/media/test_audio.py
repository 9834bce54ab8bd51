from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safelight.media.audio import OVERLAP_S, WINDOW_S, AudioWindow, _WindowBuffer
from safelight.media.probe import detect_audio_container

RATE = 10


@given(st.lists(st.integers(min_value=0, max_value=9_000), max_size=6), st.floats(0, 5))
def test_windows_hold_all_audio_once_plus_the_overlap(pieces: list[int], start_s: float) -> None:
    whole = np.arange(sum(pieces), dtype=np.float32)
    shelf, at = _WindowBuffer({RATE}), 0
    windows: list[AudioWindow] = []
    for size in pieces:
        shelf.add(RATE, whole[at : at + size])
        at += size
        windows += shelf.complete_windows(start_s)
    windows.append(shelf.last_window(start_s))
    step = round(WINDOW_S * RATE)
    for index, window in enumerate(windows):
        first = index * step
        last = index == len(windows) - 1
        assert window.last == last
        assert window.start_s == start_s + index * WINDOW_S
        until = whole.size if last else first + round((WINDOW_S + OVERLAP_S) * RATE)
        assert np.array_equal(window.samples[RATE], whole[first:until])


def test_a_sound_file_is_known_by_its_first_bytes() -> None:
    heads = {
        b"RIFF\0\0\0\0WAVE": "wav",
        b"ID3\x04": "mp3",
        b"\xff\xfb\x90": "mp3",
        b"fLaC": "flac",
        b"OggS": "ogg",
    }
    assert {head: detect_audio_container(head) for head in heads} == heads
    assert [detect_audio_container(head) for head in (b"", b"\xff", b"\xfb\xff", b"RIFF\0\0\0\0AVI ")] == [
        None
    ] * 4
