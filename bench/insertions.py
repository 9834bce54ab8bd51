"""Single-frame insertions: is a card, a line of text or a face found that shows for one frame alone?

Eight insertions to a clip, at random frames and places, in clips under moving and still cameras, encoded as
H.264, and clips without any. Prints the whole table: kind, area, opacity, camera. Ctrl-C: what there is.

python -m bench.insertions [--goals | --per-cell 24] [--faces FOLDER] [--cache FOLDER] [--json]

`--goals` has as many of each as it takes to see the rates that are asked for: 204 cards and 204 texts from
10 % of the area and half strength on, 100 of each at 3 % and three tenths, 108 faces from 25 %, 102 at 10 %.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from bench.footage import FPS, HEIGHT, WIDTH, Footage, everything, files_of, photograph, write
from safelight.detectors import test_card
from safelight.evaluation.intervals import wilson
from safelight.media.sandbox import Limits, Sandbox
from safelight.policy.findings import FrameRange
from safelight.scanning.report import ScanReport
from safelight.scanning.service import Scanner, ScanSettings, Spec

Pixels = npt.NDArray[np.uint8]

SPECS: list[Spec] = [("nudenet", {}), ("ocr", {}), ("card-picture", {})]
AREAS, OPACITIES, KINDS = (0.03, 0.1, 0.25, 1.0), (0.3, 0.5, 1.0), ("card", "text", "face")
CATEGORIES = ("hate", "violence/graphic", "sexual", "extremism", "likeness")
WORDS = (
    "MEET",
    "AT",
    "THE",
    "OLD",
    "BRIDGE",
    "BRING",
    "SEVEN",
    "GREEN",
    "LAMPS",
    "TONIGHT",
    "QUIET",
    "RIVER",
)
#: Frames of a clip, those that stay as they are at its ends, and between insertions.
LENGTH, MARGIN, GAP, PER_CLIP = 96, 8, 10, 8


#: Kind, part of the picture, opacity.
Cell = tuple[str, float, float]


@dataclass(frozen=True, kw_only=True)
class Insertion:
    kind: str
    area: float
    opacity: float
    frame: int
    #: What is inserted, in words: the category of a card, the letters of a text, the name of a face.
    says: str
    picture: Pixels
    #: Weights of its pixels, 0 to 1: text has no ground.
    weight: npt.NDArray[np.float32]
    left: int
    top: int

    def laid_on(self, frame: Pixels) -> Pixels:
        made = frame.astype(np.float32)
        height, width = self.picture.shape[:2]
        window = (slice(self.top, self.top + height), slice(self.left, self.left + width))
        weight = self.weight[..., None] * self.opacity
        made[window] = made[window] * (1 - weight) + self.picture * weight
        return np.clip(made.round(), 0, 255).astype(np.uint8)


def insertion(
    kind: str,
    area: float,
    opacity: float,
    frame: int,
    under: Pixels,
    faces: Sequence[Path],
    rng: random.Random,
) -> Insertion:
    if kind == "card":
        says = rng.choice(CATEGORIES)
        picture = test_card.draw(says, *_sides(area, WIDTH / HEIGHT))
        weight = np.ones(picture.shape[:2], np.float32)
    elif kind == "text":
        says = " ".join(rng.sample(WORDS, 4))
        weight = _line(says, area)
        picture = np.zeros((*weight.shape, 3), np.uint8)
    else:
        path = rng.choice(list(faces))
        says, portrait = path.stem, photograph(path)
        if path.stem == "astronaut":
            portrait = portrait[0:300, 90:340]
        width, height = _sides(area, portrait.shape[1] / portrait.shape[0])
        picture = cv2.resize(portrait, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        weight = np.ones(picture.shape[:2], np.float32)
    left, top = rng.randint(0, WIDTH - weight.shape[1]), rng.randint(0, HEIGHT - weight.shape[0])
    if kind == "text":
        ground = under[top : top + weight.shape[0], left : left + weight.shape[1]]
        # White on dark and black on light: what nobody could read is no test.
        picture[:] = 255 if ground.mean() < 128 else 0
    return Insertion(
        kind=kind,
        area=area,
        opacity=opacity,
        frame=frame,
        says=says,
        picture=picture,
        weight=weight,
        left=left,
        top=top,
    )


def _sides(area: float, shape: float) -> tuple[int, int]:
    """Width and height of a part of the picture in this shape, at most all of it."""
    height = (area * WIDTH * HEIGHT / shape) ** 0.5
    scale = min(1.0, WIDTH / (height * shape), HEIGHT / height)
    return int(height * shape * scale), int(height * scale)


def _line(says: str, area: float) -> npt.NDArray[np.float32]:
    """Letters whose box takes this part of the picture, in two lines or four where one would be too wide."""
    words = says.split()
    for lines in (1, 2, 4):
        text = "\n".join(
            " ".join(words[start::1][: len(words) // lines])
            for start in range(0, len(words), len(words) // lines)
        )
        for size in range(400, 8, -2):
            font = ImageFont.load_default(size)
            pen = ImageDraw.Draw(Image.new("L", (8, 8)))
            box = pen.multiline_textbbox((0, 0), text, font=font, spacing=size // 4)
            width, height = int(box[2] - box[0]) + 2, int(box[3] - box[1]) + 2
            if width <= WIDTH and height <= HEIGHT and width * height <= area * WIDTH * HEIGHT * 1.02:
                break
        if width * height >= area * WIDTH * HEIGHT * 0.9 or lines == 4:
            break
    page = Image.new("L", (width, height))
    ImageDraw.Draw(page).multiline_text(
        (1 - box[0], 1 - box[1]), text, fill=255, font=font, spacing=size // 4
    )
    return np.asarray(page, dtype=np.float32) / 255


def with_insertions(frames: Iterator[Pixels], wanted: dict[int, Insertion]) -> Iterator[Pixels]:
    for number, frame in enumerate(frames):
        yield wanted[number].laid_on(frame) if number in wanted else frame


def portraits(folder: Path | None) -> list[Path]:
    """Faces to insert: the astronaut of scikit-image, and what a folder has."""
    more = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png")) if folder else []
    return [*files_of("skimage", ("data/astronaut.png",)), *more]


def found(insertion: Insertion, report: ScanReport) -> bool:
    """Whether the scan says what was inserted, at its frame."""
    frame, moment = insertion.frame, insertion.frame / FPS
    if insertion.kind == "face":
        # A cat that is taken for a face all the time is not the one that was inserted.
        return any(
            isinstance(where, FrameRange) and frame - 1 <= where.first <= frame <= where.last <= frame + 1
            for one in report.findings
            if one.attributes.get("kind") == "face"
            for where in one.evidence
        )
    if insertion.kind == "card":
        phrase = test_card.phrase(insertion.says)
        seen = _at(report, frame, lambda one: one.test_card and one.category == insertion.says)
        return seen or any(
            phrase.lower() in "".join(text.text.lower().split())
            for text in report.texts
            if abs(text.start_s - moment) < 0.5 / FPS
        )
    read = " ".join(
        text.text for text in report.texts if text.start_s - 0.5 / FPS < moment < text.end_s + 0.5 / FPS
    )
    return legible(insertion.says, read)


def legible(says: str, read: str) -> bool:
    """Three words of the four are there, letter by letter, or with one letter wrong."""
    tokens = re.findall(r"[A-Z]+", read.upper())
    joined = "".join(tokens)
    words = says.split()
    return (
        sum(word in joined or bool(difflib.get_close_matches(word, tokens, 1, 0.75)) for word in words) >= 3
    )


def _at(report: ScanReport, frame: int, wanted: Any) -> bool:
    return any(
        wanted(one)
        and any(
            isinstance(where, FrameRange) and where.first <= frame <= where.last for where in one.evidence
        )
        for one in report.findings
    )


def evenly(per_cell: int) -> dict[Cell, int]:
    return dict.fromkeys(product(KINDS, AREAS, OPACITIES), per_cell)


def goals() -> dict[Cell, int]:
    """Many where a rate is asked for, few elsewhere, so that the table is whole."""
    wanted = evenly(8)
    for kind in ("card", "text"):
        wanted |= {(kind, area, opacity): 34 for area in AREAS[1:] for opacity in OPACITIES[1:]}
        wanted[kind, 0.03, 0.3] = 100
    for opacity in OPACITIES:
        wanted |= {("face", 0.1, opacity): 34, ("face", 0.25, opacity): 24, ("face", 1.0, opacity): 12}
    return wanted


def plan(
    wanted: Mapping[Cell, int], footage: Sequence[Footage], rng: random.Random
) -> list[tuple[Footage, list[Cell]]]:
    """Clips, each with what is to be inserted: every cell equally often under moving and still cameras."""
    clips = []
    for moving in (False, True):
        cells = [cell for cell, count in wanted.items() for _ in range(count // 2)]
        rng.shuffle(cells)
        bases = [one for one in footage if one.moving == moving]
        rng.shuffle(bases)
        clips += [
            (bases[number // PER_CLIP % len(bases)], cells[number : number + PER_CLIP])
            for number in range(0, len(cells), PER_CLIP)
        ]
    # A run that is broken off has both kinds of cameras.
    rng.shuffle(clips)
    return clips


def places(count: int, rng: random.Random) -> list[int]:
    """Frames at random, far enough from each other."""
    room = LENGTH - 2 * MARGIN - GAP * (count - 1)
    return [
        MARGIN + GAP * number + at
        for number, at in enumerate(sorted(rng.randint(0, room - 1) for _ in range(count)))
    ]


def made(base: Footage, cells: list[Cell], faces: Sequence[Path], rng: random.Random) -> dict[int, Insertion]:
    at = places(len(cells), rng)
    wanted = {}
    for number, frame in enumerate(base.frames(LENGTH)):
        if number in at:
            wanted[number] = insertion(*cells[at.index(number)], number, frame, faces, rng)
    return wanted


def measure(
    wanted_cells: Mapping[Cell, int],
    faces: Sequence[Path],
    cache: Path,
    *,
    seed: int,
    specs: list[Spec],
    tell: Any,
    most_controls: int,
) -> dict[str, Any]:
    rng = random.Random(seed)
    sandbox = Sandbox(Limits(wall_s=600, cpu_s=600))
    scanner = Scanner(sandbox, specs, ScanSettings())
    scanner.start()
    tally: dict[tuple[str, float, float, bool], list[bool]] = defaultdict(list)
    missed: list[dict[str, Any]] = []
    controls: dict[str, dict[str, Any]] = {}
    footage = everything(cache)
    clips = plan(wanted_cells, footage, rng)
    bare = rng.sample(footage, min(most_controls, len(footage)))
    cells = list(evenly(1))
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(KeyboardInterrupt):
        path = Path(name) / "clip.mp4"
        for base in bare:
            # What would count as found is asked of frames that have nothing.
            wanted = made(base, rng.sample(cells, PER_CLIP), faces, rng)
            plain = scanner.scan_video(write(path, base.frames(LENGTH)))
            controls[base.name] = _control(plain, wanted)
            print(base.name, json.dumps(controls[base.name]), file=sys.stderr, flush=True)
        for number, (base, cells) in enumerate(clips):
            wanted = made(base, cells, faces, rng)
            report = scanner.scan_video(write(path, with_insertions(base.frames(LENGTH), wanted)))
            for one in wanted.values():
                hit = found(one, report)
                tally[one.kind, one.area, one.opacity, base.moving].append(hit)
                if not hit:
                    missed.append(
                        {
                            "base": base.name,
                            "kind": one.kind,
                            "area": one.area,
                            "opacity": one.opacity,
                            "frame": one.frame,
                            "says": one.says,
                            "looked_at": one.frame in _looked(report),
                        }
                    )
            tell(
                number + 1,
                len(clips),
                [
                    (one.kind, one.area, one.opacity, base.moving, found(one, report))
                    for one in wanted.values()
                ],
            )
    scanner.close()
    sandbox.close()
    return {
        "cells": [
            {
                "kind": kind,
                "area": area,
                "opacity": opacity,
                "moving": moving,
                "n": len(hits),
                "found": sum(hits),
                "interval": [round(end, 3) for end in wilson(sum(hits), len(hits))],
            }
            for (kind, area, opacity, moving), hits in sorted(tally.items())
        ],
        "missed": missed,
        "controls": controls,
    }


def _looked(report: ScanReport) -> set[int]:
    looks = getattr(report.schedule, "looks", ())
    return {look.frame for look in looks}


def _control(report: ScanReport, wanted: dict[int, Insertion]) -> dict[str, Any]:
    """What the clip gives without insertions: what would count as found anyway, and what was looked at."""
    schedule = report.schedule
    return {
        "found_anyway": dict(Counter(one.kind for one in wanted.values() if found(one, report))),
        "looked_at": schedule.looked_at if schedule else 0,
        "why": schedule.why if schedule else {},
        "incomplete": [run.note for run in report.runs if not run.complete],
        "faces": sum(one.attributes.get("kind") == "face" for one in report.findings),
        "cards": sum(one.test_card for one in report.findings),
        "texts": [text.text for text in report.texts],
    }


def table(found: dict[str, Any]) -> str:
    lines = ["| kind | area | opacity | still | moving | both |", "| --- | --- | --- | --- | --- | --- |"]
    by = {(cell["kind"], cell["area"], cell["opacity"], cell["moving"]): cell for cell in found["cells"]}
    for kind, area, opacity in product(KINDS, AREAS, OPACITIES):
        cells = [by.get((kind, area, opacity, moving)) for moving in (False, True)]
        parts = [cell for cell in cells if cell is not None]
        if parts:
            words = [f"{cell['found']} of {cell['n']}" if cell else "none" for cell in cells]
            hits, n = sum(part["found"] for part in parts), sum(part["n"] for part in parts)
            low, high = wilson(hits, n)
            words.append(f"{hits / n:.0%} ({low:.0%} to {high:.0%})")
            lines.append(f"| {kind} | {area:.0%} | {opacity} | {' | '.join(words)} |")
    return "\n".join(lines)


#: What is asked for: in words, the kind, which areas, which opacities.
ASKED: tuple[tuple[str, str, tuple[float, ...], tuple[float, ...]], ...] = (
    ("card from 10 % of the area and half strength on: 99 %", "card", AREAS[1:], OPACITIES[1:]),
    ("text from 10 % of the area and half strength on: 99 %", "text", AREAS[1:], OPACITIES[1:]),
    ("card at 3 % and three tenths: 90 %", "card", (0.03,), (0.3,)),
    ("text at 3 % and three tenths: 90 %", "text", (0.03,), (0.3,)),
    ("faces from 25 % of the area: 95 %", "face", AREAS[2:], OPACITIES),
    ("faces at 10 %: 80 %", "face", (0.1,), OPACITIES),
)


def reached(found: dict[str, Any]) -> str:
    """Each rate that is asked for beside what was found."""
    lines = ["| to be reached | found |", "| --- | --- |"]
    for words, kind, areas, opacities in ASKED:
        parts = [
            cell
            for cell in found["cells"]
            if cell["kind"] == kind and cell["area"] in areas and cell["opacity"] in opacities
        ]
        hits, n = sum(part["found"] for part in parts), sum(part["n"] for part in parts)
        low, high = wilson(hits, n)
        lines.append(f"| {words} | {hits} of {n}, {hits / max(n, 1):.1%} ({low:.1%} to {high:.1%}) |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--per-cell", type=int, default=24)
    parser.add_argument("--goals", action="store_true", help="As many as the rates that are asked for take.")
    parser.add_argument("--faces", type=Path, help="A folder of portraits, beside scikit-image's astronaut.")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "safelight-footage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--controls", type=int, default=100, help="At most so many clips without insertions.")
    parser.add_argument("--detector", action="append", help="One more detector by name; repeatable.")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    specs = [*SPECS, *((name, {}) for name in given.detector or ())]

    def tell(done: int, total: int, hits: list[tuple[str, float, float, bool, bool]]) -> None:
        print(f"{done} of {total}: {json.dumps(hits)}", file=sys.stderr, flush=True)

    measured = measure(
        goals() if given.goals else evenly(given.per_cell),
        portraits(given.faces),
        given.cache,
        seed=given.seed,
        specs=specs,
        tell=tell,
        most_controls=given.controls,
    )
    if given.json:
        print(json.dumps(measured))
        return
    print(table(measured), end="\n\n")
    print(reached(measured))
    for name in ("missed", "controls"):
        print(f"\n{name}\n{json.dumps(measured[name], indent=1)}")


if __name__ == "__main__":
    main()
