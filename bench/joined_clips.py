"""Lines of `bench/together/*.jsonl` as clips: words on a plain or slowly moving ground, and spoken lines.

H.264 and AAC, eight seconds or as long as somebody speaks. What is spoken is espeak-ng's; its own events say
which word is said when.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from safelight.detectors.protocol import MediaText
from safelight.media.encode import AudioFormat, Mp4Writer, VideoFormat
from safelight.media.fonts import Font, font_for
from safelight.testing.speech import Spoken, synthesize

Pixels = npt.NDArray[np.uint8]
FPS, SECONDS, RATE = 12, 8.0, 48_000
SIZES = ((1280, 720), (640, 360))
#: Dark, light, warm and cold.
GROUNDS = ((28, 32, 44), (226, 224, 216), (96, 64, 48), (40, 84, 104))
#: Seconds between spoken lines that would run into each other, and after the last.
_GAP_S = 0.4
#: Frames that a moving ground stands still for.
_STEP = 3


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Words in the picture, in seconds from the start."""

    text: str
    start_s: float
    end_s: float


class SaidLine(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    start_s: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One combination of a request, words in the picture and words in the sound, and its twin's id."""

    id: str
    twin: str = ""
    label: str
    category: str = ""
    lang: str
    prompt: str = ""
    screen: tuple[Shown, ...] = ()
    speech: tuple[SaidLine, ...] = ()
    why: str = ""

    @property
    def harmful(self) -> bool:
        return self.label == "harmful"

    @property
    def sources(self) -> str:
        named = {"prompt": self.prompt, "screen": self.screen, "speech": self.speech}
        return "+".join(name for name, there in named.items() if there)

    @property
    def read(self) -> tuple[MediaText, ...]:
        """Its words in the picture, as if they had been read without a mistake."""
        return tuple(
            MediaText(
                text=one.text,
                confidence=1.0,
                frame=round(one.start_s * 12),
                start_s=one.start_s,
                end_s=one.end_s,
            )
            for one in self.screen
        )

    @property
    def heard(self) -> tuple[MediaText, ...]:
        """Its spoken words, as if they had been heard without a mistake."""
        return tuple(
            MediaText(text=one.text, confidence=1.0, start_s=one.start_s, end_s=one.start_s + 2)
            for one in self.speech
        )


@dataclass(frozen=True, kw_only=True)
class Line:
    """A spoken line and from when on it is heard in the clip."""

    text: str
    spoken: Spoken
    start_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + self.spoken.seconds


def read(path: Path) -> list[Row]:
    """The rows of a file. Raises `msgspec.DecodeError` with what does not hold, and shows no row."""
    return [msgspec.json.decode(line, type=Row) for line in path.read_bytes().splitlines() if line.strip()]


def spoken(row: Row) -> list[Line]:
    """The lines one after the other: later than written where the one before is not over."""
    voice = "cmn" if row.lang.startswith("zh") else "en"
    lines: list[Line] = []
    for one in sorted(row.speech, key=lambda one: one.start_s):
        start_s = max(one.start_s, lines[-1].end_s + _GAP_S if lines else 0.0)
        lines.append(Line(text=one.text, spoken=synthesize(one.text, voice=voice), start_s=start_s))
    return lines


def render(row: Row, into: Path, lines: list[Line]) -> None:
    """Write the clip. The same row gives the same bytes every time."""
    number = zlib.crc32(row.id.encode())
    width, height = SIZES[number % len(SIZES)]
    ground, moving = GROUNDS[number // 2 % len(GROUNDS)], number // 8 % 2 == 1
    ends = [SECONDS, *(one.end_s for one in row.screen), *(line.end_s + _GAP_S for line in lines)]
    seconds = max(ends)
    sound = np.zeros(round(seconds * RATE), np.float32)
    for line in lines:
        voice, start = line.spoken.at(RATE), round(line.start_s * RATE)
        sound[start : start + voice.size] += 0.6 * voice[: max(sound.size - start, 0)]
    with Mp4Writer(into, VideoFormat(width=width, height=height, fps=FPS), AudioFormat(rate=RATE)) as writer:
        under = _ground(ground, width, height, 0.0)
        drawn: dict[tuple[Shown, ...], tuple[npt.NDArray[np.float32], Pixels]] = {}
        for frame in range(round(seconds * FPS)):
            now = frame / FPS
            if moving and frame % _STEP == 0:
                under = _ground(ground, width, height, now)
            there = tuple(one for one in row.screen if one.start_s <= now < one.end_s)
            if there not in drawn:
                drawn[there] = _letters(there, width, height, light=sum(ground) < 384)
            weight, colour = drawn[there]
            writer.add_frame((under * (1 - weight) + colour * weight).astype(np.uint8))
        writer.add_audio(sound)


def _ground(colour: tuple[int, int, int], width: int, height: int, now: float) -> npt.NDArray[np.float32]:
    """A soft light that wanders a little, on one colour."""
    across = np.arange(width, dtype=np.float32) - width * (0.4 + 0.02 * now)
    down = np.arange(height, dtype=np.float32)[:, None] - height * 0.45
    far = np.hypot(across, down) / width
    return np.asarray(np.array(colour, dtype=np.float32) + (18 * (1 - far))[..., None], dtype=np.float32)


def _letters(
    texts: tuple[Shown, ...], width: int, height: int, *, light: bool
) -> tuple[npt.NDArray[np.float32], Pixels]:
    """Weights and colour of the words that stand at one time, one below the other from the middle down."""
    page = Image.new("L", (width, height))
    pen = ImageDraw.Draw(page)
    size = height // 14
    blocks = [_wrapped(one.text, size, int(width * 0.88)) for one in texts]
    rows = sum(len(block) for block in blocks) + len(blocks) - 1
    top = max((height - rows * size * 1.4) / 2, 2)
    for block in blocks:
        for line in block:
            font = _font(line, size)
            pen.text(((width - pen.textlength(line, font)) / 2, top), line, fill=255, font=font)
            top += size * 1.4
        top += size * 1.4
    weight = np.asarray(page, dtype=np.float32)[..., None] / np.float32(255)
    return weight, np.full((height, width, 3), 245 if light else 15, np.uint8)


def _wrapped(text: str, size: int, width: int) -> list[str]:
    pen = ImageDraw.Draw(Image.new("L", (8, 8)))
    lines: list[str] = []
    for written in text.splitlines():
        font = _font(written, size)
        lines.append("")
        for piece in _pieces(written):
            if lines[-1] and pen.textlength((lines[-1] + piece).rstrip(), font) > width:
                lines.append("")
            lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines if line.strip()]


def _pieces(text: str) -> list[str]:
    """Where a line may end: after a space, and after any Chinese character."""
    pieces = [""]
    for letter in text:
        pieces[-1] += letter
        if letter.isspace() or letter >= "\u2e80":
            pieces.append("")
    return pieces


def _font(text: str, size: int) -> Font:
    font = font_for(text, size)
    if font is None:
        raise SystemExit("There is no font here for Chinese characters: install fonts-wqy-microhei.")
    return font
