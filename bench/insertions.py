"""Single-frame insertions: is a card, a line of text or a face found that shows for one frame alone?

    python -m bench.insertions --make DIR [--goals | --per-cell 24] [--faces FOLDER] [--seed 1]
    python -m bench.insertions DIR [--markdown FILE]

The first writes clips and their manifest: eight insertions to a clip, at random frames and places, under
moving and still cameras, encoded as H.264; clips without any; and the clips that cost is asked for. The
second is `safelight eval clips --data DIR --json` under `starter` as `safelight init` leaves it, and prints
the whole table (kind, area, opacity, camera) and the cost beside bare decode, out of that one run.

`--goals` has as many of each as it takes to see the rates that are asked for: 204 cards and 204 texts from
10 % of the area and half strength on, 100 of each at 3 % and three tenths, 108 faces from 25 %, 102 at 10 %.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from bench.evaluating import evaluated, into
from bench.footage import FPS, HEIGHT, WIDTH, Footage, everything, files_of, photograph, write
from bench.scan import CLIPS, bare_decode_s, make_clip
from safelight.core.fileio import sha256_file
from safelight.detectors import safety_card
from safelight.detectors.image.nudity import MIN_SCORE
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import Category, Modality
from safelight.policy.statistics import wilson
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight_lab.evaluation.clips import MANIFEST, Clip, LabelledSegment
from safelight_lab.evaluation.label_mapping import FOUND

Pixels = npt.NDArray[np.uint8]

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
        picture = safety_card.draw_card(says, *_sides(area, WIDTH / HEIGHT))
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
    """What is inserted, by the frame it is in."""
    at = places(len(cells), rng)
    wanted = {}
    for number, frame in enumerate(base.frames(LENGTH)):
        if number in at:
            wanted[number] = insertion(*cells[at.index(number)], number, frame, faces, rng)
    return wanted


def group(kind: str, area: float, opacity: float, moving: bool) -> str:
    return f"{kind}, {area:.0%}, {opacity}, {'moving' if moving else 'still'}"


def segment(one: Insertion, *, moving: bool) -> LabelledSegment:
    """What the manifest says of an insertion: the moment of its one frame."""
    name = group(one.kind, one.area, one.opacity, moving)
    start_s, end_s = one.frame / FPS, (one.frame + 1) / FPS
    if one.kind == "text":
        return LabelledSegment(
            modality=Modality.TEXT, start_s=start_s, end_s=end_s, words=one.says, group=name
        )
    category = one.says if one.kind == "card" else Category.LIKENESS.value
    return LabelledSegment(
        modality=Modality.FRAMES,
        start_s=start_s,
        end_s=end_s,
        category=category,
        card=one.kind == "card",
        # That a face is there is a fact: it is told from the detectors' own floor on.
        score=MIN_SCORE if one.kind == "face" else FOUND,
        group=name,
    )


def clip(path: Path, name: str, segments: Sequence[LabelledSegment] = ()) -> Clip:
    unsafe = any(one.category for one in segments)
    return Clip(
        file=path.name,
        sha256=sha256_file(path),
        label="unsafe" if unsafe else "safe",
        segments=tuple(segments),
        group=name,
    )


def make(
    folder: Path,
    wanted_cells: Mapping[Cell, int],
    faces: Sequence[Path],
    cache: Path,
    *,
    seed: int,
    most_controls: int,
    seconds: int,
    tell: Callable[[str], None],
) -> int:
    """The clips and their manifest; how many clips there are."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    footage = everything(cache)
    taken = taken_for_faces(footage)
    rows = []
    for kind in CLIPS:
        make_clip(path := folder / f"cost-{kind}.mp4", seconds, kind=kind)
        rows.append(clip(path, kind))
    for number, base in enumerate(rng.sample(footage, min(most_controls, len(footage)))):
        path = write(folder / f"control-{number:02}.mp4", base.frames(LENGTH))
        rows.append(clip(path, "without insertions"))
    for number, (base, cells) in enumerate(plan(wanted_cells, footage, rng)):
        here = [cell for cell in cells if cell[0] != "face" or base.name not in taken]
        wanted = made(base, here, faces, rng)
        path = write(folder / f"insertions-{number:03}.mp4", with_insertions(base.frames(LENGTH), wanted))
        segments = [segment(one, moving=base.moving) for one in wanted.values()]
        rows.append(clip(path, "with insertions", segments))
        tell(f"{path.name}: {base.name}")
    lines = (msgspec.json.encode(row).decode() for row in rows)
    (folder / MANIFEST).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(rows)


def taken_for_faces(footage: Sequence[Footage]) -> frozenset[str]:
    """Footage in which something is taken for a face without any insertion: none is looked for there."""
    sandbox = Sandbox(Limits(wall_s=600, cpu_s=600))
    scanner = Scanner(sandbox, [("nudenet", {}), ("faces", {})], ScannerOptions())
    scanner.start()
    found = set()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "frame.png"
        for base in footage:
            for number, frame in enumerate(base.frames(LENGTH)):
                if number in (0, LENGTH // 2, LENGTH - 1):
                    Image.fromarray(frame).save(path)
                    report = scanner.scan_image(path)
                    if any(one.attributes.get("kind") == "face" for one in report.findings):
                        found.add(base.name)
    scanner.close()
    sandbox.close()
    return frozenset(found)


def table(groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = ["| kind | area | opacity | still | moving | both |", "| --- | --- | --- | --- | --- | --- |"]
    for kind, area, opacity in product(KINDS, AREAS, OPACITIES):
        cells = [groups.get(group(kind, area, opacity, moving)) for moving in (False, True)]
        parts = [cell for cell in cells if cell is not None]
        if parts:
            words = [f"{cell['found']} of {cell['segments']}" if cell else "none" for cell in cells]
            hits, n = sum(part["found"] for part in parts), sum(part["segments"] for part in parts)
            low, high = wilson(hits, n)
            words.append(f"{hits / n:.0%} ({low:.0%} to {high:.0%})")
            lines.append(f"| {kind} | {area:.0%} | {opacity} | {' | '.join(words)} |")
    return lines


#: What is asked for: in words, the kind, which areas, which opacities.
ASKED: tuple[tuple[str, str, tuple[float, ...], tuple[float, ...]], ...] = (
    ("card from 10 % of the area and half strength on: 99 %", "card", AREAS[1:], OPACITIES[1:]),
    ("text from 10 % of the area and half strength on: 99 %", "text", AREAS[1:], OPACITIES[1:]),
    ("card at 3 % and three tenths: 90 %", "card", (0.03,), (0.3,)),
    ("text at 3 % and three tenths: 90 %", "text", (0.03,), (0.3,)),
    ("faces from 25 % of the area: 95 %", "face", AREAS[2:], OPACITIES),
    ("faces at 10 %: 80 %", "face", (0.1,), OPACITIES),
)


def reached(groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each rate that is asked for beside what was found."""
    lines = ["| to be reached | found |", "| --- | --- |"]
    for words, kind, areas, opacities in ASKED:
        names = [group(kind, *one) for one in product(areas, opacities, (False, True))]
        parts = [groups[name] for name in names if name in groups]
        hits, n = sum(part["found"] for part in parts), sum(part["segments"] for part in parts)
        if n:
            low, high = wilson(hits, n)
            lines.append(f"| {words} | {hits} of {n}, {hits / n:.1%} ({low:.1%} to {high:.1%}) |")
    return lines


#: What a clip of each kind may cost: without reading text, and the whole stack.
_MAY_COST = {"still": (0.9, 0.4), "moving": (0.9, 1.2), "noise": (None, 1.5), "grain": (None, 1.5)}
_SHOWS = {
    "still": "camera stands still, one thing of 40 pixels crosses",
    "moving": "camera pans all the time, 180 pixels a second",
    "noise": "coarse noise, another in every frame",
    "grain": "every pixel of every frame at random",
}


def costs(report: Mapping[str, Any], folder: Path) -> list[str]:
    """CPU seconds per second of video, decoding alone measured beside it."""
    lines = [
        "| clip | bare decode | without reading text | whole stack | may cost |",
        "| --- | --- | --- | --- | --- |",
    ]
    groups = report["cost"]["groups"]
    for kind in (one for one in CLIPS if one in groups):
        spent = groups[kind]
        bare = bare_decode_s(folder / f"cost-{kind}.mp4") / spent["video_s"]
        whole = spent["cpu_s_per_video_s"]
        unread = whole - spent["detector_cpu_s_per_video_s"].get("ocr", 0.0)
        most_unread, most = _MAY_COST[kind]
        asked = f"{most}" if most_unread is None else f"{most_unread}, {most}"
        lines.append(f"| {_SHOWS[kind]} | {bare:.2f} | {unread:.2f} | {whole:.2f} | {asked} |")
    rest = (name for name in groups if name not in CLIPS)
    return [*lines, *(f"| {name} | | | {groups[name]['cpu_s_per_video_s']:.2f} | |" for name in rest)]


def markdown(report: Mapping[str, Any], folder: Path, today: dt.date) -> str:
    groups = {one["group"]: one for one in report["groups"]}
    data, safe = report["data"], report["clips"]["safe"]
    policy = ", ".join(f"`{name}` `{sha256[:16]}`" for name, sha256 in report["policy"].items())
    did = ", ".join(f"{name} {safe[name]}" for name in ("allow", "label", "hold", "not_covered", "block"))
    lines = [
        f"{today:%d %B %Y}. {data['n']} clips, manifest `{data['sha256'][:16]}`; policy {policy}; model hash"
        f" `{report['model_hash'][:16]}`.",
        "",
        *table(groups),
        "",
        *reached(groups),
        "",
        *costs(report, folder),
        "",
        f"Clips without anything of a category, {safe['n']}: {did}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--make", type=Path, metavar="DIR")
    parser.add_argument("--per-cell", type=int, default=24)
    parser.add_argument("--goals", action="store_true", help="As many as the rates that are asked for take.")
    parser.add_argument("--faces", type=Path, help="A folder of portraits, beside scikit-image's astronaut.")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "safelight-footage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--controls", type=int, default=16, help="At most so many clips without insertions.")
    parser.add_argument("--seconds", type=int, default=8, help="Of the clips that cost is asked for.")
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    if given.make is not None:
        count = make(
            given.make,
            goals() if given.goals else evenly(given.per_cell),
            portraits(given.faces),
            given.cache,
            seed=given.seed,
            most_controls=given.controls,
            seconds=given.seconds,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )
        print(f"{count} clips in {given.make}.")
        return
    if given.folder is None:
        parser.error("name the folder")
    report = evaluated(given.folder)
    (given.folder / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    page = markdown(report, given.folder, dt.datetime.now(dt.UTC).date())
    print(page)
    if given.markdown is not None:
        into(given.markdown, page, "bench/insertions.py")


if __name__ == "__main__":
    main()
