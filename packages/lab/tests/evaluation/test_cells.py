"""The clips of `bench.cells`: made alike twice, read by the harness, their lines known by the server."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from bench import cells, cells_clips, cells_media, cells_words

from safelight.policy.findings import SHIPPED
from safelight.testing.speech import SpeechMissing, synthesize
from safelight_lab.evaluation import clips
from support.optional_tools import leave_out


@pytest.fixture(scope="module")
def kitchen() -> cells_clips.Kitchen:
    """A source of pictures without photographs: drawn pictures are used."""
    try:
        synthesize("ready")
    except SpeechMissing as error:
        leave_out("espeak-ng", str(error))
    return cells_clips.Kitchen(media=cells_media.Media(None))


def wanted(kitchen: cells_clips.Kitchen) -> list[cells_clips.Recipe]:
    names = {
        "shown-hate-1",
        "said-hate-7",
        "flicker-0",
        "card-0",
        "tones-0",
        "figure-3-0",
        "near-one-lightning",
    }
    return [one for one in cells_clips.recipes(kitchen) if one.name in names]


def test_clips_are_reproducible_and_the_manifest_is_read(
    kitchen: cells_clips.Kitchen, tmp_path: Path
) -> None:
    chosen = wanted(kitchen)
    assert len(chosen) == 7
    read = []
    for name in ("one", "two"):
        assert cells_clips.write(tmp_path / name, chosen, lambda _name: None) == 7
        read.append(clips.read(tmp_path / name))
    assert read[0].sha256 == read[1].sha256
    found = {clip.file: clip for clip in read[0].clips}
    assert found["near-one-lightning.mp4"].label == "safe"
    assert found["card-0.mp4"].segments[0].card
    assert not found["shown-hate-1.mp4"].segments[0].card
    assert (tmp_path / "one" / "figure-3.png").is_file()


def test_the_speech_server_recognises_a_line_and_returns_word_times() -> None:
    lines = [cells_clips.voiced(text, 0) for text in (*cells_words.HARMLESS[:3], cells_words.HARMLESS[14])]
    try:
        listener = cells.Listener(lines)
    except SpeechMissing as error:
        leave_out("espeak-ng", str(error))
    for line in lines:
        sound = cells_clips.sounding(line, "chord")[:: cells_clips.RATE // 16_000]
        heard = list(listener(wave_file((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())))
        said = "".join(word for word, _start, _end in heard).rstrip(".")
        assert said.replace(",", "") == line.text.replace(" ", "").replace(",", "")
        assert heard[0][1] == pytest.approx(cells_clips.AT_S, abs=0.2)
    assert not list(listener(wave_file(b"\0\0" * 16_000)))


def wave_file(samples: bytes) -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples)
    return data.getvalue()


def test_every_line_has_a_category_and_every_category_ten_lines() -> None:
    assert all(name in SHIPPED for name in cells_words.LINES)
    assert {len(lines) for lines in cells_words.LINES.values()} == {10}
    assert "sexual/minors" not in cells_words.LINES
    assert len(cells_words.HARMLESS) == 20


def test_pictures_are_extracted_from_a_bundle_in_sequence_without_icons() -> None:
    def webp(size: int, mark: bytes) -> bytes:
        return b"RIFF" + (size - 8).to_bytes(4, "little") + b"WEBP" + mark * (size - 12)

    first, icon, second = webp(20_000, b"a"), webp(900, b"i"), webp(16_000, b"b")
    assert cells_media.bundled(b"qres" + first + icon + b"RIFFxxxx" + second) == [first, second]
