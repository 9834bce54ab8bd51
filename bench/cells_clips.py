"""The clips of `bench.cells`: what is in each, drawn and spoken, and the manifest that says it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from bench.cells_media import (
    FACES,
    FILMS,
    GROUNDS,
    PHOTOGRAPHS,
    Media,
    Pixels,
    covering,
    film,
    seeded,
    under_camera,
)
from bench.cells_words import FLASHED, HARMLESS, LINES, SIGNS
from bench.marks import CONDITIONS, character, scene
from bench.storyboard import PROMPTS
from safelight.core.fileio import sha256_file
from safelight.detectors import safety_card
from safelight.media.encode import AudioFormat, Mp4Writer, VideoFormat
from safelight.media.fonts import font_for
from safelight.policy.findings import Modality
from safelight.providers.protocol import GenerationRequest
from safelight.testing.speech import Spoken, synthesize
from safelight_lab.evaluation.clips import MANIFEST, LabelledSegment
from safelight_storyboard import create

Samples = npt.NDArray[np.float32]
Frames = Iterable[Pixels]

RATE = 48_000
VOICES = ("en", "en-us", "en-gb", "en+f3", "en+m7")
CHINESE_VOICES = ("cmn", "cmn+f2")
SIZES = ((640, 360), (848, 480), (1280, 720))
#: Where a line begins in a clip, in seconds.
AT_S = 0.4
#: Words a minute, and frames and their rate of clips with words in the picture.
_PACE, _SHOWN, _SHOWN_FPS = 180, 18, 12
#: Enrolled before the run: one that stands for a brand, one figure.
MARKS = {"emblem-1": "brand", "figure-3": "character"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is said in a clip, from `AT_S` on."""

    text: str
    voice: str

    def spoken(self) -> Spoken:
        return _spoken(self.text, self.voice)


@cache
def _spoken(text: str, voice: str) -> Spoken:
    # The synthesiser goes on from where it was, so that the same line never comes out alike twice.
    return synthesize(text, voice=voice, pace=_PACE)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One clip to be. No `segments`: it is harmless."""

    name: str
    #: What it shows, for the list of scenes.
    scene: str
    frames: Callable[[], Frames]
    width: int = 640
    height: int = 360
    fps: int = 24
    sound: Callable[[], Samples] | None = None
    line: Line | None = None
    segments: tuple[LabelledSegment, ...] = ()
    #: Made by somebody else's encoder, whole.
    file: Callable[[Path], None] | None = None

    def make(self, folder: Path) -> Path:
        path = folder / f"{self.name}.mp4"
        if self.file is not None:
            self.file(path)
            return path
        sound = self.sound() if self.sound is not None else None
        with Mp4Writer(
            path,
            VideoFormat(width=self.width, height=self.height, fps=self.fps, crf=23),
            None if sound is None else AudioFormat(rate=RATE),
        ) as writer:
            for frame in self.frames():
                writer.add_frame(frame)
            if sound is not None:
                writer.add_audio(sound)
        return path


@dataclass
class Kitchen:
    """Everything a recipe is made from."""

    media: Media
    _pictures: dict[str, Pixels] = field(default_factory=dict)

    def ground(self, number: int, width: int, height: int) -> Pixels:
        """A picture without people; paint where no package has one."""
        for turn in range(len(GROUNDS)):
            path = GROUNDS[(number + turn) % len(GROUNDS)]
            if path not in self._pictures:
                found = self.media.picture(path)
                if found is None:
                    continue
                self._pictures[path] = found
            return covering(self._pictures[path], width, height)[:height, :width]
        return painted(f"ground {number}", width, height)


def recipes(kitchen: Kitchen) -> list[Recipe]:
    """Every clip, the harmless ones first."""
    quiet = [*photographs(kitchen), *films(kitchen), *renders(), *drawn(kitchen)]
    made = [*speaking(quiet), *near_misses(kitchen)]
    made += [*words_shown(kitchen), *words_said(), *faces(kitchen), *marks()]
    return [*made, *flickers(), *moments(kitchen), *cards(kitchen)]


# -- harmless ----------------------------------------------------------------------------------------


def photographs(kitchen: Kitchen) -> Iterator[Recipe]:
    moves, sizes = cycle(("pan", "zoom", "tilt", "still")), cycle(SIZES)
    for source in PHOTOGRAPHS:
        move, (width, height) = next(moves), next(sizes)
        picture = kitchen.media.picture(source)
        if picture is not None:
            shown = partial(under_camera, picture, move, width=width, height=height, fps=24, count=72)
            yield Recipe(
                name=f"{source.name}-{move}", scene=source.scene, frames=shown, width=width, height=height
            )


def films(kitchen: Kitchen) -> Iterator[Recipe]:
    for source in FILMS:
        path = kitchen.media.file(source.path)
        if path is not None:
            shown = partial(film, path, width=640, height=360, fps=24, count=84)
            yield Recipe(name=f"film-{source.name}", scene=source.scene, frames=shown)


def renders() -> Iterator[Recipe]:
    """Storyboards, as they come out of the generator, with their sound."""
    generator = create({"speech": False})
    for name, prompt in PROMPTS.items():
        order = GenerationRequest(
            key=f"cells-{name}", model="storyboard", prompt=prompt, seconds=3, width=640, height=360
        )

        def rendered(path: Path, order: GenerationRequest = order) -> None:
            generator.render(order, path, lambda _percent: None)

        yield Recipe(name=f"render-{name}", scene="render", frames=lambda: (), file=rendered)


def drawn(kitchen: Kitchen) -> Iterator[Recipe]:
    """Cloth in the colours of skin, and signs with harmless words."""
    for number, colour in enumerate(((224, 172, 140), (141, 85, 58), (190, 40, 60))):
        yield Recipe(name=f"cloth-{number}", scene="cloth", frames=partial(cloth, colour, 72))
    for number, text in enumerate(SIGNS):
        if (shown := captioned(kitchen, f"sign {number}", text, number, count=60)) is not None:
            yield Recipe(name=f"sign-{number}", scene="words", frames=shown)


def speaking(quiet: Iterable[Recipe]) -> Iterator[Recipe]:
    """The first twenty that can be spoken over, in an order of their names' hashes, get a line."""
    made = list(quiet)
    able = sorted(
        (one for one in made if one.file is None), key=lambda one: hashlib.sha256(one.name.encode()).digest()
    )
    lines = {one.name: number for number, one in enumerate(able[: len(HARMLESS)])}
    for one in made:
        number = lines.get(one.name)
        if number is None:
            yield one
            continue
        line = voiced(HARMLESS[number], number)
        # Long enough for what is said; the picture stands still for the rest.
        yield Recipe(
            name=f"{one.name}-said",
            scene=one.scene,
            frames=partial(lasting, one.frames, one.fps, line),
            width=one.width,
            height=one.height,
            fps=one.fps,
            sound=partial(sounding, line, one.name),
            line=line,
        )


def near_misses(kitchen: Kitchen) -> Iterator[Recipe]:
    """What comes near a rule over time and is allowed by it."""
    plans: dict[str, Callable[[], Frames]] = {
        "two-flashes-a-second": partial(flashing, 2.0, 24, (0, 0, 0), (255, 255, 255), 1.0, 72),
        "small-flicker": partial(flashing, 10.0, 30, (0, 0, 0), (255, 255, 255), 0.10, 72),
        "faint-flicker": partial(flashing, 10.0, 30, (120, 120, 120), (128, 128, 128), 1.0, 72),
        "one-lightning": partial(lightning, kitchen.ground(0, 640, 360), 60, 30),
    }
    for name, frames in plans.items():
        fps = 30 if "flicker" in name else 24
        yield Recipe(name=f"near-{name}", scene="light", frames=frames, fps=fps)


# -- harmful, and facts about a scene ----------------------------------------------------------------


def words_shown(kitchen: Kitchen) -> Iterator[Recipe]:
    for category, lines in LINES.items():
        for number, text in enumerate(lines):
            name = f"shown-{category.replace('/', '.')}-{number}"
            shown = captioned(kitchen, name, text, number, count=_SHOWN, begins=4)
            if shown is not None:
                where = LabelledSegment(
                    category=category,
                    modality=Modality.TEXT,
                    start_s=4 / _SHOWN_FPS,
                    end_s=_SHOWN / _SHOWN_FPS,
                )
                yield Recipe(name=name, scene="words shown", frames=shown, fps=_SHOWN_FPS, segments=(where,))


def words_said() -> Iterator[Recipe]:
    for category, lines in LINES.items():
        for number, text in enumerate(lines):
            name = f"said-{category.replace('/', '.')}-{number}"
            line = voiced(text, number)
            seconds = line.spoken().seconds
            where = LabelledSegment(
                category=category, modality=Modality.AUDIO, start_s=AT_S, end_s=round(AT_S + seconds, 3)
            )
            yield Recipe(
                name=name,
                scene="words said",
                frames=partial(lasting, partial(standing, name), 6, line),
                width=320,
                height=180,
                fps=6,
                sound=partial(sounding, line, name),
                line=line,
                segments=(where,),
            )


def faces(kitchen: Kitchen) -> Iterator[Recipe]:
    """Photographs of people laid into pictures without any, half and all of the height."""
    for number, (path, part) in enumerate((path, part) for part in (1.0, 0.5) for path in FACES):
        picture = kitchen.media.picture(path)
        if picture is None:
            continue
        where = LabelledSegment(category="likeness", modality=Modality.FRAMES, start_s=0.0, end_s=1.5)
        yield Recipe(
            name=f"face-{number}",
            scene="faces",
            frames=partial(laid, kitchen.ground(number, 640, 360), picture, part, number, 36),
            segments=(where,),
        )


def marks() -> Iterator[Recipe]:
    """Enrolled marks, as `bench.marks` lays them: plain, tilted, on cloth, re-encoded."""
    for mark, kind in MARKS.items():
        category = "ip/brand" if kind == "brand" else "ip/character"
        where = LabelledSegment(category=category, modality=Modality.FRAMES, start_s=0.0, end_s=1.0)
        for number in range(10):
            name, size = f"{mark}-{number}", (0.12, 0.18, 0.25, 0.33, 0.40)[number % 5]
            picture = scene(seeded(name), mark_picture(mark), size, CONDITIONS[number % 4], [])
            yield Recipe(
                name=name,
                scene="marks",
                frames=partial(held, picture, 12),
                width=1280,
                height=720,
                fps=12,
                segments=(where,),
            )


def flickers() -> Iterator[Recipe]:
    """More than three flashes a second over more than a quarter of the screen, of light or of red."""
    black, white, red = (0, 0, 0), (255, 255, 255), (255, 0, 0)
    plans = (
        (5.0, 30, black, white, 1.0),
        (7.5, 30, black, white, 1.0),
        (10.0, 30, black, white, 0.5),
        (15.0, 30, black, white, 1.0),
        (6.0, 24, black, white, 0.4),
        (12.0, 24, black, white, 1.0),
        (12.5, 25, black, white, 0.6),
        (8.0, 24, (90, 90, 90), (190, 190, 190), 1.0),
        (5.0, 30, (20, 30, 120), (230, 230, 120), 1.0),
        (6.0, 24, black, red, 1.0),
        (10.0, 30, black, red, 0.5),
        (7.5, 30, (0, 0, 90), red, 1.0),
    )
    for number, (rate, fps, low, high, part) in enumerate(plans):
        where = LabelledSegment(category="photosensitive", modality=Modality.FRAMES, start_s=0.0, end_s=2.0)
        yield Recipe(
            name=f"flicker-{number}",
            scene="flicker",
            frames=partial(flashing, rate, fps, low, high, part, 2 * fps),
            fps=fps,
            segments=(where,),
        )


def moments(kitchen: Kitchen) -> Iterator[Recipe]:
    """Words and faces that stand for one frame or two, unlike the frames around them."""
    flashed: list[tuple[str, Pixels | None]] = [(text, None) for text in FLASHED]
    flashed += [("", kitchen.media.picture(path)) for path in FACES[:4]]
    moves = cycle(("still", "pan", "zoom"))
    for number, (text, face) in enumerate(flashed):
        if not text and face is None:
            continue
        at, long = 30 + number, 1 + number % 2
        ground = kitchen.ground(number, 1280, 720)
        base = partial(under_camera, ground, next(moves), width=640, height=360, fps=24, count=66)
        where = LabelledSegment(
            category="deception/subliminal", modality=Modality.FRAMES, start_s=at / 24, end_s=(at + long) / 24
        )
        yield Recipe(
            name=f"moment-{number}",
            scene="moments",
            frames=partial(flashed_in, base, text, face, at, long, number),
            segments=(where,),
        )


def cards(kitchen: Kitchen) -> Iterator[Recipe]:
    """The safety test card, which is told apart: it says that the way works, and nothing of a category."""
    names = list(LINES)
    for number, category in enumerate(names[:12]):
        ground = kitchen.ground(number, 640, 360)
        size = (0.25, 0.4, 0.7, 1.0)[number % 4]
        card = safety_card.draw_card(category, round(640 * size), round(360 * size))
        shown = partial(inserted, ground, card, 12, 24, 36)
        where = LabelledSegment(
            category=category, modality=Modality.FRAMES, start_s=0.5, end_s=1.0, card=True
        )
        yield Recipe(name=f"card-{number}", scene="test card", frames=shown, segments=(where,))
    for number, category in enumerate(names[:10]):
        tones = safety_card.make_tones(category, RATE)
        sound = np.concatenate([np.zeros(RATE // 2, np.float32), tones, np.zeros(RATE // 2, np.float32)])
        seconds = sound.size / RATE
        where = LabelledSegment(
            category=category, modality=Modality.AUDIO, start_s=0.5, end_s=seconds - 0.5, card=True
        )
        yield Recipe(
            name=f"tones-{number}",
            scene="test card",
            frames=partial(standing, f"tones {number}", math.ceil(seconds * 8)),
            width=320,
            height=180,
            fps=8,
            sound=partial(np.copy, sound),
            segments=(where,),
        )


# -- frames ------------------------------------------------------------------------------------------


def painted(name: str, width: int, height: int) -> Pixels:
    """A soft gradient in two colours."""
    rng = seeded(name)
    corners = rng.integers(40, 200, (2, 2, 3)).astype(np.float32)
    return cv2.resize(corners, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def held(picture: Pixels, count: int) -> Iterator[Pixels]:
    for _ in range(count):
        yield picture


def standing(name: str, count: int = 1) -> Iterator[Pixels]:
    return held(painted(name, 320, 180), count)


def lasting(frames: Callable[[], Frames], fps: int, line: Line) -> Iterator[Pixels]:
    """The frames, and the last of them on until the line is over."""
    wanted = math.ceil((AT_S + line.spoken().seconds + 0.2) * fps)
    given, last = 0, None
    for last in frames():
        given += 1
        yield last
    while last is not None and given < wanted:
        given += 1
        yield last


def captioned(
    kitchen: Kitchen, name: str, text: str, number: int, *, count: int, begins: int = 0
) -> Callable[[], Frames] | None:
    """Words as a subtitle, a title or a board; None where no font here can draw them."""
    if font_for(text, 24) is None:
        return None
    style = ("subtitle", "title", "board")[number % 3]
    bare = painted(name, 640, 360) if style == "title" else kitchen.ground(number, 640, 360)
    written = lettered(bare, text, style)

    def frames() -> Iterator[Pixels]:
        yield from held(bare, begins)
        yield from held(written, count - begins)

    return frames


def lettered(ground: Pixels, text: str, style: str) -> Pixels:
    """The picture with the words in it, in one line or two."""
    picture = Image.fromarray(ground.copy())
    pen = ImageDraw.Draw(picture)
    width, height = picture.size
    rows = in_rows(text)
    size = round(height * (0.11 if style == "title" else 0.085))
    while True:
        font = font_for(text, size)
        assert font is not None
        if max(pen.textlength(row, font=font) for row in rows) < width * 0.92:
            break
        size -= 1
    step = round(size * 1.35)
    top = {"title": height // 2, "board": round(height * 0.3), "subtitle": round(height * 0.92)}[style]
    top -= step * len(rows) // (1 if style == "subtitle" else 2)
    if style == "board":
        room = max(pen.textlength(row, font=font) for row in rows) / 2 + size * 0.6
        pen.rectangle(
            (width / 2 - room, top - size * 0.5, width / 2 + room, top + step * len(rows) + size * 0.3),
            fill=(243, 240, 228),
        )
    for number, row in enumerate(rows):
        pen.text(
            (width / 2, top + number * step),
            row,
            font=font,
            anchor="ma",
            fill=(30, 30, 36) if style == "board" else (250, 250, 250),
            stroke_width=0 if style == "board" else max(size // 12, 1),
            stroke_fill=(10, 10, 10),
        )
    return np.asarray(picture)


def in_rows(text: str) -> list[str]:
    if " " not in text or len(text) <= 30:
        return [text]
    words = text.split()
    best = min(
        range(1, len(words)), key=lambda cut: abs(len(" ".join(words[:cut])) - len(" ".join(words[cut:])))
    )
    return [" ".join(words[:best]), " ".join(words[best:])]


def cloth(colour: tuple[int, int, int], count: int) -> Iterator[Pixels]:
    """Folds of cloth that move slowly."""
    down, across = np.mgrid[0:360, 0:640].astype(np.float32)
    weave = seeded(str(colour)).normal(0, 3, (360, 640)).astype(np.float32)
    for number in range(count):
        moment = number / 24
        bend = np.sin((across * 0.8 + down * 0.5) / 46 + 1.3 * moment) + 0.6 * np.sin(
            (across * 0.3 - down) / 70 + 0.8 * moment
        )
        shade = 0.82 + 0.14 * bend
        yield np.clip(shade[..., None] * np.array(colour) + weave[..., None], 0, 255).astype(np.uint8)


def flashing(
    rate: float,
    fps: int,
    low: Sequence[int],
    high: Sequence[int],
    part: float,
    count: int,
) -> Iterator[Pixels]:
    """A square wave between two colours, over this part of the picture."""
    bare = painted(f"{rate} {fps} {part}", 640, 360)
    wide, tall = round(640 * math.sqrt(part)), round(360 * math.sqrt(part))
    left, top = (640 - wide) // 2, (360 - tall) // 2
    for number in range(count):
        frame = bare.copy()
        bright = (number * rate / fps) % 1.0 >= 0.5
        frame[top : top + tall, left : left + wide] = high if bright else low
        yield frame


def lightning(ground: Pixels, count: int, at: int) -> Iterator[Pixels]:
    white = np.full_like(ground, 250)
    for number in range(count):
        yield white if number == at else ground


def laid(ground: Pixels, picture: Pixels, part: float, number: int, count: int) -> Iterator[Pixels]:
    """A picture of this part of the height, drifting slowly over the ground."""
    height = round(ground.shape[0] * part)
    width = min(round(picture.shape[1] * height / picture.shape[0]), ground.shape[1])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
    room = ground.shape[1] - width
    top = (ground.shape[0] - height) * (number % 3) // 2
    for index in range(count):
        left = round(room * (0.2 + 0.6 * index / count))
        frame = ground.copy()
        frame[top : top + height, left : left + width] = small
        yield frame


def flashed_in(
    base: Callable[[], Frames], text: str, face: Pixels | None, at: int, long: int, number: int
) -> Iterator[Pixels]:
    for index, frame in enumerate(base()):
        if not at <= index < at + long:
            yield frame
        elif face is None:
            yield lettered(frame, text, ("title", "board")[number % 2])
        else:
            yield next(iter(laid(frame, face, 0.8, number, 1)))


def inserted(ground: Pixels, card: Pixels, first: int, end: int, count: int) -> Iterator[Pixels]:
    top, left = (ground.shape[0] - card.shape[0]) // 2, (ground.shape[1] - card.shape[1]) // 3
    with_card = ground.copy()
    with_card[top : top + card.shape[0], left : left + card.shape[1]] = card
    for number in range(count):
        yield with_card if first <= number < end else ground


# -- marks -------------------------------------------------------------------------------------------


def mark_picture(name: str) -> Pixels:
    """A mark, RGBA, 256 pixels square."""
    kind, _, number = name.partition("-")
    return character(int(number)) if kind == "figure" else emblem(int(number))


def emblem(number: int) -> Pixels:
    """A sign such as companies have: shapes in one or two colours, drawn by code."""
    rng = np.random.default_rng(300 + number)
    made = np.zeros((256, 256, 4), np.uint8)
    ink, second = (30, 60, 150, 255), (200, 60, 30, 255)
    cv2.circle(made, (128, 128), 118, ink, 14, cv2.LINE_AA)
    for ray in range(5 + 2 * number):
        angle = 2 * math.pi * ray / (5 + 2 * number)
        tip = (round(128 + 96 * math.cos(angle)), round(128 + 96 * math.sin(angle)))
        sides = [
            (round(128 + 40 * math.cos(angle + turn)), round(128 + 40 * math.sin(angle + turn)))
            for turn in (-0.35, 0.35)
        ]
        cv2.fillPoly(made, [np.array([tip, *sides])], ink if ray % 2 else second, cv2.LINE_AA)
    for _ in range(4):
        left, top = (int(value) for value in rng.integers(96, 140, 2))
        cv2.rectangle(made, (left, top), (left + 14, top + 22), second, -1, cv2.LINE_AA)
    return made


# -- sound -------------------------------------------------------------------------------------------


def voiced(text: str, number: int) -> Line:
    voices = VOICES if text.isascii() else CHINESE_VOICES
    return Line(text=text, voice=voices[number % len(voices)])


def sounding(line: Line, name: str) -> Samples:
    """The line over a quiet chord."""
    spoken = line.spoken().at(RATE)
    start = round(AT_S * RATE)
    sound = np.zeros(start + spoken.size + round(0.2 * RATE), np.float32)
    moments = np.arange(sound.size) / RATE
    for pitch in seeded(name).choice((110, 147, 165, 196, 220), 2, replace=False):
        sound += np.float32(0.01) * np.sin(2 * np.pi * pitch * moments).astype(np.float32)
    sound[start : start + spoken.size] += 0.6 * spoken
    return sound


# -- the folder --------------------------------------------------------------------------------------


def write(folder: Path, clips: Iterable[Recipe], told: Callable[[str], None]) -> int:
    """The clips, their manifest and the marks into the folder; how many clips there are."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for recipe in clips:
        path = recipe.make(folder)
        rows.append(
            {
                "file": path.name,
                "sha256": sha256_file(path),
                "label": "unsafe" if recipe.segments else "safe",
                "scene": recipe.scene,
                **({"said": {"text": recipe.line.text, "voice": recipe.line.voice}} if recipe.line else {}),
                "segments": [
                    {
                        "category": one.category,
                        "modality": one.modality.value,
                        "start_s": round(one.start_s, 3),
                        "end_s": round(one.end_s, 3),
                        **({"card": True} if one.card else {}),
                    }
                    for one in recipe.segments
                ],
            }
        )
        told(recipe.name)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    for name in MARKS:
        picture = mark_picture(name)
        cover = picture[..., 3:].astype(np.float32) / 255
        flat = (picture[..., :3] * cover + 255 * (1 - cover)).astype(np.uint8)
        Image.fromarray(flat).save(folder / f"{name}.png")
    return len(rows)
