"""Payloads of the red team over clips: content that the checks stop in its plain form, and its harmless twin.

All of it is drawn or synthesized here. Nothing sexual, no real face, and no graphic content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.errors import ConfigurationError
from safelight.detectors import safety_card
from safelight.detectors.image.hash_lists import HashKind, HashLists, HashTable
from safelight.detectors.image.logo_store import EnrolledLogo, LogoKind, LogoStore
from safelight.detectors.image.pdq import pdq
from safelight.detectors.image.template_matching import make_view
from safelight.policy.findings import Category

from .media_clip import FPS, HEIGHT, RATE, WIDTH, MediaClip, Medium, Samples, calm_scene

Pixels = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.uint8]

_SECONDS = 2
_COUNT = _SECONDS * FPS
_CARD_CATEGORY = "violence"
#: Categories of the words: harm in plain words, nothing sexual.
_WORD_CATEGORIES = frozenset({"extremism", "harassment", "hate", "illicit", "violence"})
_MAX_SHOWN_CHARS, _MAX_SPOKEN_CHARS, _MIN_SPOKEN_WORDS = 30, 60, 5
_PAPER, _INK = (236, 232, 222), (24, 26, 32)


@dataclass(frozen=True, kw_only=True)
class Payload:
    name: str
    medium: Medium
    #: Makes the content that is stopped in its plain form.
    harmful: Callable[[], MediaClip]
    #: Makes the same without what is stopped.
    twin: Callable[[], MediaClip]
    #: The category of which a label counts as a stop too; empty: only a hold and a block count.
    labelled: str = ""
    #: The first frame is also sent as a picture.
    as_picture: bool = False
    #: Changes with the content of a payload that is chosen from examples.
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Payloads:
    made: tuple[Payload, ...]
    #: Why a payload cannot be made here, by its name.
    missing: Mapping[str, str] = field(default_factory=dict)


NAMES = ("card", "words", "known-picture", "known-clip", "logo", "tones", "speech")


def make_payloads(wanted: Iterable[str], is_stopped: Callable[[str], bool]) -> Payloads:
    """The payloads of these names. `is_stopped`: whether the policy stops a text as a prompt."""
    makers: dict[str, Callable[[], Payload]] = {
        "card": _card,
        "words": lambda: _words(is_stopped),
        "known-picture": _known_picture,
        "known-clip": _known_clip,
        "logo": _logo,
        "tones": _tones,
        "speech": lambda: _speech(is_stopped),
    }
    made, missing = [], {}
    for name in wanted:
        try:
            made.append(makers[name]())
        except ConfigurationError as error:
            missing[name] = error.message
    return Payloads(made=tuple(made), missing=missing)


def enrol(lists: HashLists, logos: LogoStore) -> str:
    """Enrol what the payloads `known-picture`, `known-clip` and `logo` show. Returns a hash of it."""
    pictures = [*_known_picture().harmful().frames[:1], *_known_clip().harmful().frames[:: FPS // 2]]
    hashes = frozenset(pdq(one)[0].tobytes() for one in pictures)
    table = HashTable(by_kind={HashKind.PDQ: hashes})
    lists.put("redteam", Category.EXTREMISM.value, table, at=0.0)
    view = make_view(_emblem())
    assert view is not None, "the drawing has edges"
    logos.put(EnrolledLogo(name="redteam", kind=LogoKind.CHARACTER, words=(), enrolled_at=0.0, views=(view,)))
    return hashlib.sha256(b"".join(sorted(hashes)) + view.descriptors).hexdigest()


# -- what is shown -----------------------------------------------------------------------------------


def _still(picture: Pixels) -> MediaClip:
    return MediaClip(frames=np.repeat(picture[None], _COUNT, axis=0))


def _card() -> Payload:
    """The safety test card; its twin has a QR code and words of its own."""
    return Payload(
        name="card",
        medium=Medium.VIDEO,
        harmful=lambda: _still(safety_card.draw_card(_CARD_CATEGORY, WIDTH, HEIGHT)),
        twin=lambda: _still(_page("OPENING HOURS: 9 TO 17", code="Open from 9 to 17. Welcome!")),
    )


def _words(is_stopped: Callable[[str], bool]) -> Payload:
    harmful, twin = _choose_texts(is_stopped, lambda text: len(text) <= _MAX_SHOWN_CHARS)
    return Payload(
        name="words",
        medium=Medium.VIDEO,
        harmful=lambda: _still(_page(harmful)),
        twin=lambda: _still(_page(twin)),
        as_picture=True,
        version=_hash_of(harmful, twin),
    )


def _known_picture() -> Payload:
    return Payload(
        name="known-picture",
        medium=Medium.VIDEO,
        harmful=lambda: _still(_drawing(1)),
        twin=lambda: _still(_drawing(2)),
        as_picture=True,
    )


def _known_clip() -> Payload:
    return Payload(
        name="known-clip", medium=Medium.VIDEO, harmful=lambda: _moving(3), twin=lambda: _moving(4)
    )


def _logo() -> Payload:
    """A character, which policies label or stop; its twin is not enrolled."""
    return Payload(
        name="logo",
        medium=Medium.VIDEO,
        harmful=lambda: _still(_with_mark(_emblem())),
        twin=lambda: _still(_with_mark(_emblem(other=True))),
        labelled=Category.IP_CHARACTER.value,
        as_picture=True,
    )


def _page(text: str, *, code: str = "") -> Pixels:
    """Words as large as they fit on a plain picture, on two lines; or one line under a QR code."""
    import segno
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(page)
    lines, top = [text], 0
    if code:
        matrix = np.array([[bool(one) for one in row] for row in segno.make(code).matrix_iter(border=2)])
        side = 7 * len(matrix)
        picture = Image.fromarray(np.where(matrix, 0, 255).astype(np.uint8)).resize((side, side), 0)
        page.paste(picture.convert("RGB"), ((WIDTH - side) // 2, 20))
        top = side + 20
    elif " " in text:
        cut = min((place for place, c in enumerate(text) if c == " "), key=lambda p: abs(2 * p - len(text)))
        lines = [text[:cut], text[cut + 1 :]]
    widest: float = max(ImageFont.load_default(64).getlength(line) for line in lines)
    size = min(int(64 * (WIDTH - 60) / widest), (HEIGHT - top) // (len(lines) + 1))
    for number, line in enumerate(lines):
        middle = top + (HEIGHT - top) * (2 * number + 1) / (2 * len(lines))
        draw.text((WIDTH // 2, middle), line, fill=_INK, font=ImageFont.load_default(size), anchor="mm")
    return np.asarray(page, dtype=np.uint8)


def _drawing(seed: int, *, at: float = 0.0) -> Pixels:
    """Shapes in many colours. They move with `at`, from 0 to 1."""
    import cv2

    random = np.random.default_rng(seed)
    made = np.full((HEIGHT, WIDTH, 3), random.integers(60, 200, 3), np.uint8)
    for _ in range(36):
        middle = random.uniform((0, 0), (WIDTH, HEIGHT)) + at * random.uniform(-160, 160, 2)
        axes, turn = random.integers(18, 90, 2), int(random.integers(0, 180))
        colour = [int(one) for one in random.integers(0, 256, 3)]
        place = (int(middle[0]), int(middle[1]))
        if random.random() < 0.5:
            size = (int(axes[0]), int(axes[1]))
            cv2.ellipse(made, place, size, turn, 0, 360, colour, -1, cv2.LINE_AA)
        else:
            box = cv2.boxPoints((place, (float(2 * axes[0]), float(axes[1])), float(turn)))
            cv2.fillPoly(made, [box.astype(np.int32)], colour, cv2.LINE_AA)
    return made


def _moving(seed: int) -> MediaClip:
    return MediaClip(frames=np.stack([_drawing(seed, at=number / _COUNT) for number in range(_COUNT)]))


def _emblem(*, other: bool = False) -> Grey:
    """A crooked star in a broken ring, or another shape, black on white."""
    import cv2

    made = np.full((240, 240), 255, np.uint8)
    if other:
        for number in range(6):
            corner = (20 + 36 * number, 30 + 20 * (number % 3))
            cv2.rectangle(made, corner, (44 + 36 * number, 210), 0, -1)
        return made
    cv2.ellipse(made, (120, 120), (100, 100), 0, 20, 300, 0, 18)
    points = [(120, 40), (140, 100), (200, 110), (150, 145), (175, 205), (118, 165), (70, 200), (88, 140)]
    cv2.fillPoly(made, [np.array([*points, (45, 105), (100, 98)])], 0)
    cv2.circle(made, (118, 125), 14, 255, -1)
    return made


def _with_mark(mark: Grey) -> Pixels:
    """The mark, large, on a soft ground."""
    import cv2

    coarse = np.random.default_rng(4).normal(0, 1, (12, 16)).astype(np.float32)
    smooth = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(150 + 25 * smooth, 0, 255).astype(np.uint8)
    left, top = (WIDTH - 240) // 2, (HEIGHT - 240) // 2
    spot = picture[top : top + 240, left : left + 240]
    spot[mark < 128] = 20
    return np.repeat(picture[..., None], 3, axis=2)


# -- what is heard -----------------------------------------------------------------------------------


def _heard(samples: Samples) -> MediaClip:
    silence = np.zeros(RATE // 2, np.float32)
    sound = np.concatenate([silence, samples, silence])
    return MediaClip(frames=calm_scene(sound.size / RATE), sound=sound)


def _tones() -> Payload:
    """The tones of the safety test card; its twin is a melody."""
    return Payload(
        name="tones",
        medium=Medium.SOUND,
        harmful=lambda: _heard(safety_card.make_tones(_CARD_CATEGORY, RATE)),
        twin=lambda: _heard(_melody()),
    )


def _melody() -> Samples:
    moments = np.arange(RATE // 8) / RATE
    pitches = 440 * 2 ** (np.array([0, 4, 7, 12, 7, 4, 0, 5]) / 12)
    notes = [0.3 * np.sin(2 * np.pi * pitch * moments) * np.exp(-8 * moments) for pitch in pitches]
    return np.concatenate(notes).astype(np.float32)


def _speech(is_stopped: Callable[[str], bool]) -> Payload:
    """Words in a synthetic voice. Raises `ConfigurationError` without espeak-ng."""
    from safelight.testing.speech import synthesize

    def fits(text: str) -> bool:
        return len(text.split()) >= _MIN_SPOKEN_WORDS and len(text) <= _MAX_SPOKEN_CHARS

    harmful, twin = _choose_texts(is_stopped, fits)
    # Spoken once and in this order, because the synthesizer never says the same twice alike.
    said = {text: _heard(0.6 * synthesize(text).at(RATE)) for text in (harmful, twin)}
    return Payload(
        name="speech",
        medium=Medium.SOUND,
        harmful=lambda: said[harmful],
        twin=lambda: said[twin],
        version=_hash_of(harmful, twin),
    )


# -- words -------------------------------------------------------------------------------------------


def _choose_texts(is_stopped: Callable[[str], bool], fits: Callable[[str], bool]) -> tuple[str, str]:
    """The shortest English row of the shipped examples that is stopped, and a safe one of like length that
    is not.

    Raises `ConfigurationError` if the policy stops no such row, or all safe ones.
    """
    rows = [row for row in _shipped_rows() if row["lang"] == "en" and fits(row["text"])]
    unsafe = sorted(
        (row["text"] for row in rows if _WORD_CATEGORIES & set(row["categories"])),
        key=lambda text: (len(text), text),
    )
    harmful = next((text for text in unsafe if is_stopped(text)), None)
    if harmful is None:
        raise ConfigurationError("The policy stops none of the shipped examples of words.")
    safe = sorted(
        (row["text"] for row in rows if row["label"] == "safe"),
        key=lambda text: (abs(len(text) - len(harmful)), text),
    )
    twin = next((text for text in safe if not is_stopped(text)), None)
    if twin is None:
        raise ConfigurationError("The policy stops all safe shipped examples of words.")
    return harmful, twin


def _hash_of(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def _shipped_rows() -> list[dict[str, Any]]:
    source = files("safelight_lab.training") / "data" / "prompts.jsonl"
    return [json.loads(line) for line in source.read_text("utf-8").splitlines()]


def enrolled_options(folder: Path) -> dict[str, dict[str, str]]:
    """Options of the detectors that search for what `enrol` puts into this folder."""
    return {
        "hash-lists": {"folder": str(folder / "hash-lists")},
        "logos": {"folder": str(folder / "logos")},
        "logo-words": {"folder": str(folder / "logos")},
    }
