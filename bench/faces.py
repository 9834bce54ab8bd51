"""Faces by size and turn, on the photographs that packages ship, at each input of the model.

    python -m bench.faces --photos DIR [--json]

DIR has photographs of people; each face of them that is seen at all is cut out with its surroundings and laid
into pictures without people, so that it takes a given part of the area.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from safelight.detectors.image.faces import FaceDetector
from safelight.detectors.image.nudity import find_model_file
from safelight.detectors.protocol import Frame

Pixels = npt.NDArray[np.uint8]
AREAS = (0.25, 0.10, 0.05, 0.03, 0.02, 0.01, 0.005)
TURNS = (0, 15, -15, 30, 45, 90)
SETTINGS = {"320": (320,), "640": (640,), "1280": (1280,), "640 and 1280": (640, 1280)}
WIDTH, HEIGHT = 1280, 720


def look(detector: FaceDetector, pixels: Pixels) -> list[Any]:
    height, width = pixels.shape[:2]
    return list(detector.inspect_frame(Frame(index=0, time_s=0, pixels=pixels, width=width, height=height)))


def cut_faces(folder: Path, detector: FaceDetector) -> list[tuple[str, Pixels, tuple[float, ...]]]:
    """A face with twice its surroundings, and where in that it is, for each face of at least 80 pixels."""
    found = []
    for path in sorted(folder.rglob("*")):
        read = cv2.imread(str(path)) if path.suffix.lower() in {".jpg", ".jpeg", ".png"} else None
        if read is None:
            continue
        pixels = np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)
        height, width = pixels.shape[:2]
        for one in look(detector, pixels):
            box = one.evidence[0]
            x, y, w, h = box.x * width, box.y * height, box.w * width, box.h * height
            if min(w, h) < 80 or one.score < 0.5:
                continue
            left, top = max(int(x - w * 0.6), 0), max(int(y - h * 0.5), 0)
            right, bottom = min(int(x + w * 1.6), width), min(int(y + h * 1.7), height)
            found.append((path.name, pixels[top:bottom, left:right], (x - left, y - top, w, h)))
    return found


def laid(
    ground: Pixels, face: Pixels, box: tuple[float, ...], area: float, turn: float, rng: np.random.Generator
) -> tuple[Pixels, tuple[float, ...]]:
    """The ground with the face at this part of the area, and the box it is in, in parts."""
    scale = np.sqrt(area * WIDTH * HEIGHT / (box[2] * box[3]))
    middle = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])
    reach = np.array([box[2], box[3]]) * scale / 2
    at = np.array(
        [
            rng.uniform(reach[0], max(WIDTH - reach[0], reach[0] + 1)),
            rng.uniform(reach[1], max(HEIGHT - reach[1], reach[1] + 1)),
        ]
    )
    matrix = cv2.getRotationMatrix2D(tuple(middle.tolist()), turn, float(scale))
    matrix[:, 2] += at - middle
    source = face
    if scale < 0.5:
        source = cv2.GaussianBlur(face, (0, 0), 0.4 / scale)
    over = cv2.warpAffine(source, matrix, (WIDTH, HEIGHT))
    mask = cv2.warpAffine(np.full(face.shape[:2], 255, np.uint8), matrix, (WIDTH, HEIGHT))
    out = np.where(mask[..., None] > 127, over, ground)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(out, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    out = np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)
    return out, (
        (at[0] - reach[0]) / WIDTH,
        (at[1] - reach[1]) / HEIGHT,
        2 * reach[0] / WIDTH,
        2 * reach[1] / HEIGHT,
    )


def hit(findings: list[Any], box: tuple[float, ...], least: float) -> bool:
    for one in findings:
        seen = one.evidence[0]
        wide = min(seen.x + seen.w, box[0] + box[2]) - max(seen.x, box[0])
        high = min(seen.y + seen.h, box[1] + box[3]) - max(seen.y, box[1])
        if (
            one.score >= least
            and wide > 0
            and high > 0
            and wide * high > 0.25 * min(seen.w * seen.h, box[2] * box[3])
        ):
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--grounds", type=Path, help="Pictures without people; default: grain.")
    parser.add_argument("--most", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    model = find_model_file()
    if model is None:
        print("The package nudenet is not installed.", file=sys.stderr)
        return 2
    detectors = {name: FaceDetector(model, input_sizes=sides) for name, sides in SETTINGS.items()}
    rng = np.random.default_rng(5)
    faces = cut_faces(asked.photos, detectors["640"])[: asked.most]
    grounds = []
    for path in sorted(asked.grounds.rglob("*")) if asked.grounds else []:
        read = cv2.imread(str(path))
        if read is not None:
            grounds.append(
                np.asarray(cv2.cvtColor(cv2.resize(read, (WIDTH, HEIGHT)), cv2.COLOR_BGR2RGB), np.uint8)
            )
    grounds = grounds or [rng.integers(90, 140, (HEIGHT, WIDTH, 3)).astype(np.uint8)]
    spent = dict.fromkeys(SETTINGS, 0.0)
    looks = 0
    by_area: dict[str, dict[str, list[bool]]] = {name: {} for name in SETTINGS}
    by_turn: dict[str, dict[str, list[bool]]] = {name: {} for name in SETTINGS}
    false = dict.fromkeys(SETTINGS, 0)
    plan = [(area, 0) for area in AREAS] + [(0.05, turn) for turn in TURNS[1:]]
    for _, face, box in faces:
        for area, turn in plan:
            picture, where = laid(grounds[int(rng.integers(len(grounds)))], face, box, area, turn, rng)
            looks += 1
            for name, detector in detectors.items():
                began = time.process_time()
                found = look(detector, picture)
                spent[name] += time.process_time() - began
                told = hit(found, where, 0.5)
                if turn == 0:
                    by_area[name].setdefault(f"{area:.3f}", []).append(told)
                if area == 0.05:
                    by_turn[name].setdefault(str(turn), []).append(told)
    for ground in grounds:
        for name, detector in detectors.items():
            false[name] += any(one.score >= 0.5 for one in look(detector, ground))

    def shares(table: dict[str, list[bool]]) -> dict[str, float]:
        return {key: round(sum(hits) / len(hits), 3) for key, hits in table.items()}

    told_all = {
        "faces": len(faces),
        "pictures they come from": len({name for name, _, _ in faces}),
        "by area": {name: shares(table) for name, table in by_area.items()},
        "by turn, at 5 %": {name: shares(table) for name, table in by_turn.items()},
        "grounds with a false face": {name: f"{count} of {len(grounds)}" for name, count in false.items()},
        "cpu_s a look": {name: round(value / max(looks, 1), 3) for name, value in spent.items()},
    }
    print(json.dumps(told_all, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
