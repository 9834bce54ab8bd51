"""An installation whose generated videos have sound, and a server that transcribes it as scripted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from safelight.detectors.protocol import DetectorPlugin
from safelight.detectors.remote.plugins import TRANSCRIPTION
from safelight.testing.generators import create as instant
from safelight.testing.transcription import ScriptedTranscriber
from support.clips import hum, make_clip
from support.house import House

SOUND_S = 2.0


def configured(server: ScriptedTranscriber) -> DetectorPlugin:
    """The transcription detector with this server."""
    options = {"url": server.url, "model": "whisper-1"}
    return replace(TRANSCRIPTION, load=lambda _: TRANSCRIPTION.load(options), missing=lambda _: None)


@contextmanager
def speaking_house(furnish: Callable[..., House], folder: Path, *words: str) -> Iterator[House]:
    """Every generated video says these words. Without a waiver, every video is held."""
    length_s = SOUND_S / len(words)
    said = [(word, number * length_s, (number + 1) * length_s) for number, word in enumerate(words)]
    clip = make_clip(folder / "said.mp4", frames=16, fps=8, sound=hum(SOUND_S))
    with ScriptedTranscriber(lambda _wav: said) as server:
        # Without a detector of speech, all sound may be speech.
        house = furnish(configured(server), without=("vad",))
        generators: Any = house.container.core.generators
        generators["storyboard"] = instant(
            {"name": "storyboard", "models": ["instant-1"], "seconds": [4, 8, 12], "file": str(clip)}
        )
        yield house
