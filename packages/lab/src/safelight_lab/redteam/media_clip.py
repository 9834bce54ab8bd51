"""A clip in memory, the attacks on it as objects, and its file."""

from __future__ import annotations

import wave
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safelight.media.encode import AudioFormat, Mp4Writer, VideoFormat
from safelight.media.thumbnails import write_contact_sheet

from .media_attacks import SOUND_ATTACKS, VIDEO_ATTACKS

#: RGB, (frames, height, width, 3).
Frames = npt.NDArray[np.uint8]
#: Mono, from -1 to 1.
Samples = npt.NDArray[np.float32]
Random = np.random.Generator

WIDTH, HEIGHT, FPS, RATE = 640, 360, 24, 48_000
_SHEET_FRAMES = 10


class Medium(StrEnum):
    VIDEO = "video"
    PICTURE = "picture"
    SOUND = "sound"


@dataclass(frozen=True, kw_only=True)
class MediaClip:
    """What is written to a file: frames and, if there is sound, samples."""

    frames: Frames
    sound: Samples | None = None


@dataclass(frozen=True, kw_only=True)
class MediaAttack:
    """One attack. The same seed changes a payload and its twin in the same way."""

    name: str
    family: str
    medium: Medium
    change: Callable[[MediaClip, Random], MediaClip]

    def run(self, clip: MediaClip, seed: int) -> MediaClip:
        return self.change(clip, np.random.default_rng([seed, zlib.crc32(self.name.encode())]))


def media_attacks() -> Iterator[MediaAttack]:
    """Every attack on video and on sound. A picture is the first frame of an attacked video."""
    for name, family, change in VIDEO_ATTACKS:
        yield MediaAttack(name=name, family=family, medium=Medium.VIDEO, change=_on_frames(change))
    for name, family, alter in SOUND_ATTACKS:
        yield MediaAttack(name=name, family=family, medium=Medium.SOUND, change=_on_sound(alter))


def choose_attacks(attacks: Sequence[MediaAttack], count: int | None, seed: int) -> list[MediaAttack]:
    """At most `count` of them, drawn by the seed so that every family has its turn, in their order."""
    if count is None or count >= len(attacks):
        return list(attacks)
    turns, drawn = Counter[str](), list[tuple[int, int]]()
    for number in np.random.default_rng(seed).permutation(len(attacks)).tolist():
        drawn.append((turns[attacks[number].family], number))
        turns[attacks[number].family] += 1
    # Sorting is stable: within a turn, the families stay in the drawn order.
    chosen = sorted(drawn, key=lambda one: one[0])[:count]
    return [attacks[number] for number in sorted(number for _turn, number in chosen)]


def calm_scene(seconds: float) -> Frames:
    """A harmless scene with a little motion, under a sound. Small, because a sound can be long."""
    width, height = WIDTH // 2, HEIGHT // 2
    down, across = np.mgrid[0:height, 0:width]
    ground = np.stack([across * 90 // width + 60, down * 90 // height + 60, across * 0 + 120], axis=-1)
    frames = np.repeat(ground.astype(np.uint8)[None], max(round(seconds * FPS), FPS), axis=0)
    for number, frame in enumerate(frames):
        left = (number * 2) % (width - 20)
        frame[height // 2 : height // 2 + 15, left : left + 20] = (200, 180, 90)
    return frames


def write_clip(clip: MediaClip, into: Path) -> Path:
    """Write an MP4 file. A side with an odd number of pixels loses one, because H.264 needs even sides."""
    height, width = (side - side % 2 for side in clip.frames.shape[1:3])
    audio = None if clip.sound is None else AudioFormat(rate=RATE)
    with Mp4Writer(into, VideoFormat(width=width, height=height, fps=FPS), audio) as writer:
        for frame in clip.frames:
            writer.add_frame(np.ascontiguousarray(frame[:height, :width]))
        if clip.sound is not None:
            writer.add_audio(clip.sound)
    return into


def write_picture(clip: MediaClip, into: Path) -> Path:
    """Write the first frame as a PNG file."""
    from PIL import Image

    Image.fromarray(np.ascontiguousarray(clip.frames[0])).save(into)
    return into


def write_sheet(clip: MediaClip, into: Path, medium: Medium) -> Path:
    """What a person needs to see whether the payload is still there: frames on one page, or the sound.

    `into` has no suffix yet.
    """
    if clip.sound is not None:
        path = into.with_suffix(".wav")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((np.clip(clip.sound, -1, 1) * 32767).astype("<i2").tobytes())
        return path
    shown = clip.frames[:1] if medium is Medium.PICTURE else clip.frames
    places = np.linspace(0, len(shown) - 1, min(_SHEET_FRAMES, len(shown))).round().astype(int)
    return write_contact_sheet([shown[place] for place in places], into.with_suffix(".webp"))


def _on_frames(change: Callable[[Frames, Random], Frames]) -> Callable[[MediaClip, Random], MediaClip]:
    return lambda clip, random: MediaClip(frames=change(clip.frames.copy(), random), sound=clip.sound)


def _on_sound(change: Callable[[Samples, int, Random], Samples]) -> Callable[[MediaClip, Random], MediaClip]:
    def run(clip: MediaClip, random: Random) -> MediaClip:
        assert clip.sound is not None
        sound = change(clip.sound.copy(), RATE, random)
        return MediaClip(frames=calm_scene(sound.size / RATE), sound=sound)

    return run
