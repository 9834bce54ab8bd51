"""Enrolled marks found again: five sizes, tilted, on cloth, re-encoded; and false matches on others.

    python -m bench.marks --icons DIR [--photos DIR] [--json]

DIR is `icons/` of the npm package `simple-icons` (CC0-1.0), fetched by whoever runs this, never committed.
30 icons, chosen by their hash, are enrolled, with five characters drawn here; 30 other icons are not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from safelight.detectors.image.logo_store import EnrolledLogo, LogoKind
from safelight.detectors.image.logos import MIN_STRENGTH
from safelight.detectors.image.template_matching import extract_features, find_logos, make_view

from .grounds import ground, photographs
from .svg_paths import raster

Pixels = npt.NDArray[np.uint8]
SIZES = (0.08, 0.12, 0.18, 0.27, 0.40)
CONDITIONS = ("plain", "tilted", "cloth", "re-encoded")
WIDTH, HEIGHT = 1280, 720
ENROLLED = OTHERS = 30


def icons(folder: Path, seed: str) -> list[tuple[str, Pixels]]:
    """Icons in an order that nobody chose: white masks, 256 pixels square."""
    names = sorted(
        folder.glob("*.svg"), key=lambda path: hashlib.sha256((seed + path.stem).encode()).digest()
    )
    found = []
    for path in names[: ENROLLED + OTHERS]:
        drawn = " ".join(re.findall(r'\sd="([^"]+)"', path.read_text(encoding="utf-8")))
        found.append((path.stem, raster(drawn, 256)))
    return found


def character(number: int) -> Pixels:
    """One of five figures, RGBA."""
    rng = np.random.default_rng(100 + number)
    made = np.zeros((256, 256, 4), np.uint8)

    def tone() -> tuple[int, int, int, int]:
        return (*(int(v) for v in rng.integers(20, 255, 3)), 255)

    body, limb, eye = tone(), tone(), (250, 250, 250, 255)
    cv2.ellipse(made, (128, 190), (50 + 6 * number, 58), 0, 0, 360, body, -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.line(
            made,
            (128 + side * 40, 170),
            (128 + side * (78 + 4 * number), 130 + 20 * (number % 3)),
            limb,
            16,
            cv2.LINE_AA,
        )
        cv2.line(made, (128 + side * 22, 235), (128 + side * 26, 252), limb, 16, cv2.LINE_AA)
    head = (128, 88)
    if number % 2:
        cv2.rectangle(made, (70, 40), (186, 138), tone(), -1, cv2.LINE_AA)
    else:
        cv2.circle(made, head, 60, tone(), -1, cv2.LINE_AA)
    for side in (-1, 1):
        if number in (0, 3):
            cv2.fillPoly(
                made,
                [np.array([(128 + side * 30, 40), (128 + side * 62, 4), (128 + side * 58, 66)])],
                tone(),
                cv2.LINE_AA,
            )
        elif number == 2:
            cv2.circle(made, (128 + side * 55, 40), 28, tone(), -1, cv2.LINE_AA)
        cv2.circle(made, (128 + side * 22, 80), 16, eye, -1, cv2.LINE_AA)
        cv2.circle(made, (128 + side * 20, 84), 7, (10, 10, 10, 255), -1, cv2.LINE_AA)
    cv2.ellipse(
        made,
        (128, 112),
        (24, 8 + 3 * number),
        0,
        0,
        180,
        (40, 10, 20, 255),
        -1 if number % 2 else 4,
        cv2.LINE_AA,
    )
    for _ in range(4 + number):
        at = (int(rng.integers(95, 160)), int(rng.integers(160, 225)))
        cv2.circle(made, at, int(rng.integers(5, 13)), tone(), -1, cv2.LINE_AA)
    return made


def flat(mask: Pixels, rng: np.random.Generator) -> Pixels:
    """A mark in one colour, RGBA."""
    colour = rng.integers(0, 256, 3).astype(np.uint8)
    return np.dstack([np.broadcast_to(colour, (*mask.shape, 3)), mask])


def scene(
    rng: np.random.Generator,
    thing: Pixels | None,
    size: float,
    condition: str,
    photos: list[npt.NDArray[np.float32]],
) -> Pixels:
    """A 720p picture, RGB, with the thing in it, `size` of its width; None: without."""
    grey = ground(rng, WIDTH, photos)[:HEIGHT]
    tint = rng.uniform(0.6, 1.0, 3)
    picture = (grey[..., None] * tint * 255).astype(np.float32)
    if thing is not None:
        side = size * WIDTH
        half = thing.shape[0] / 2
        corners = np.array([(-half, -half), (half, -half), (half, half), (-half, half)], np.float32)
        turn = rng.uniform(-0.08, 0.08)
        tilt = np.zeros((4, 2))
        if condition == "tilted":
            turn, tilt = rng.uniform(-0.5, 0.5), rng.uniform(-0.14, 0.14, (4, 2))
        rotate = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        to = (corners * (1 + tilt)) @ rotate.T * side / (2 * half)
        reach = np.abs(to).max(axis=0) + 4
        middle = np.array(
            [
                rng.uniform(min(reach[0], WIDTH / 2), max(WIDTH - reach[0], WIDTH / 2)),
                rng.uniform(min(reach[1], HEIGHT / 2), max(HEIGHT - reach[1], HEIGHT / 2)),
            ]
        )
        matrix = cv2.getPerspectiveTransform(corners + half, (to + middle).astype(np.float32))
        small = thing
        while small.shape[0] > 2.2 * side:
            small = cv2.resize(
                small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA
            )
        shrink = np.diag([thing.shape[1] / small.shape[1], thing.shape[0] / small.shape[0], 1.0])
        laid = cv2.warpPerspective(small, matrix @ shrink, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        cover = laid[..., 3:].astype(np.float32) / 255
        paint = laid[..., :3].astype(np.float32)
        inside = cover[..., 0] > 0.5
        if inside.any():
            # Paint that can be told from its ground.
            under = float(picture[inside].mean())
            if abs(float(paint[inside].mean()) - under) < 60:
                paint = paint + (90 if under < 128 else -90)
        picture = picture * (1 - cover) + np.clip(paint, 0, 255) * cover
    if condition == "cloth":
        down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        length = rng.uniform(120, 300)
        fold = np.sin((across * 0.8 + down * 0.6) / length * math.tau)
        picture = cv2.remap(
            picture, across + 5 * fold, down + 4 * np.cos(across / length * 5), cv2.INTER_LINEAR
        )
        picture = picture * (1 + 0.18 * fold)[..., None] + rng.normal(0, 4, picture.shape)
    out = np.clip(picture, 0, 255).astype(np.uint8)
    if condition == "re-encoded":
        out = cv2.GaussianBlur(out, (0, 0), 0.8)
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, 30])
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--icons", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--seed", default="safelight")
    parser.add_argument("--every", type=int, default=1, help="Only every n-th scene, for a quick look.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    chosen = icons(asked.icons, asked.seed)
    rng = np.random.default_rng(7)
    photos = photographs(asked.photos)
    things: dict[str, Pixels] = dict(chosen[:ENROLLED])
    marks = []
    for name, mask in things.items():
        view = make_view(np.asarray(255 - mask, np.uint8))
        if view is None:
            print(f"{name}: nothing to find again", file=sys.stderr)
            continue
        marks.append(EnrolledLogo(name=name, kind=LogoKind.BRAND, words=(), enrolled_at=0.0, views=(view,)))
    figures = {f"character-{number}": character(number) for number in range(5)}
    for name, figure in figures.items():
        white = figure[..., :3] * (figure[..., 3:] / 255) + 255 * (1 - figure[..., 3:] / 255)
        view = make_view(cv2.cvtColor(white.astype(np.uint8), cv2.COLOR_RGB2GRAY))
        if view is not None:
            marks.append(
                EnrolledLogo(name=name, kind=LogoKind.CHARACTER, words=(), enrolled_at=0.0, views=(view,))
            )
    rows: list[tuple[str, str, float, str, str, float, float]] = []
    spent, count = 0.0, 0
    plan = [
        (name, group, size, condition)
        for group, names in (
            ("enrolled", [*things]),
            ("character", [*figures]),
            ("other", [name for name, _ in chosen[ENROLLED:]]),
        )
        for name in names
        for size in SIZES
        for condition in CONDITIONS
    ]
    plan += [("", "empty", 0.0, CONDITIONS[number % 4]) for number in range(60)]
    masks = dict(chosen)
    for name, group, size, condition in plan[:: asked.every]:
        thing = (
            None if group == "empty" else figures[name] if group == "character" else flat(masks[name], rng)
        )
        picture = scene(rng, thing, size, condition, photos)
        began = time.process_time()
        found = find_logos(
            extract_features(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)), marks, min_strength=0.0
        )
        spent += time.process_time() - began
        count += 1
        right = max((one.strength for one in found if one.logo.name == name), default=0.0)
        wrong = max(
            (one for one in found if one.logo.name != name), key=lambda one: one.strength, default=None
        )
        rows.append(
            (
                name,
                group,
                size,
                condition,
                wrong.logo.name if wrong else "",
                right,
                wrong.strength if wrong else 0.0,
            )
        )
    report(rows, spent / max(count, 1), len(marks), as_json=asked.json)
    return 0


def report(
    rows: list[tuple[str, str, float, str, str, float, float]], cost: float, enrolled: int, *, as_json: bool
) -> None:
    mine = [row for row in rows if row[1] in ("enrolled", "character")]
    others = [row for row in rows if row[1] in ("other", "empty")]

    def recall(chosen: list[tuple[str, str, float, str, str, float, float]], least: float) -> float:
        return sum(row[5] >= least for row in chosen) / max(len(chosen), 1)

    told = {
        "enrolled": enrolled,
        "scenes": len(mine),
        "scenes without": len(others),
        "cpu_s a picture": round(cost, 3),
        "threshold": MIN_STRENGTH,
        "recall": round(recall(mine, MIN_STRENGTH), 4),
        "false scenes": round(sum(row[6] >= MIN_STRENGTH for row in others) / max(len(others), 1), 4),
        "false on enrolled": round(sum(row[6] >= MIN_STRENGTH for row in mine) / max(len(mine), 1), 4),
        "by size": {
            str(size): round(recall([row for row in mine if row[2] == size], MIN_STRENGTH), 3)
            for size in SIZES
        },
        "by condition": {
            name: round(recall([row for row in mine if row[3] == name], MIN_STRENGTH), 3)
            for name in CONDITIONS
        },
        "by group": {
            name: round(recall([row for row in mine if row[1] == name], MIN_STRENGTH), 3)
            for name in ("enrolled", "character")
        },
        "missed most": Counter(row[0] for row in mine if row[5] < MIN_STRENGTH).most_common(8),
        "falsely seen": Counter(row[4] for row in rows if row[6] >= MIN_STRENGTH).most_common(8),
        "curve": {
            f"{least:.2f}": [
                round(recall(mine, least), 3),
                round(sum(row[6] >= least for row in others) / max(len(others), 1), 4),
            ]
            for least in np.arange(0.8, 1.7, 0.05).tolist()
        },
    }
    if as_json:
        print(json.dumps(told, indent=1))
        return
    for name, value in told.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    sys.exit(main())
