"""Faces by height and turn, faces in references, and false faces: CenterFace and BlazeFace beside NudeNet.

    python -m bench.faces --photos PEOPLE --grounds EMPTY [--references 200] [--seed 5]
    python -m bench.faces --only drawn

PEOPLE has photographs of people. Each face of at least 80 pixels that NudeNet or CenterFace finds there is
cut out with its surroundings and laid into pictures of EMPTY, which show no people. Harmless are the 2,000
frames that `bench.frames` draws, by kind, and windows of the pictures of EMPTY, by subfolder. NudeNet at
320 px is the third voice of an installation with the extra `nudity`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from bench import frames
from safelight.detectors.image import nudity
from safelight.detectors.image.blazeface import BlazeFace
from safelight.detectors.image.centerface import CenterFace
from safelight.detectors.image.face_boxes import ScoredFace, remove_duplicates
from safelight.detectors.image.faces import BOTH, MIN_SCORE, FaceDetector, join_faces
from safelight.detectors.models.catalogue import BLAZEFACE, CENTERFACE, read_pinned_file
from safelight.detectors.onnx_session import open_session
from safelight.detectors.protocol import Frame
from safelight.policy.statistics import wilson

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
HEIGHTS = (480, 240, 120, 80, 56, 40, 28, 20)
TURNS = (0, 30, 90, 180)
TURNED_HEIGHT = 150
WIDTH, HEIGHT = 1280, 720
#: The score from which `starter` counted a face of NudeNet, and that of the detectors now.
LEAST = 0.5
_STRIDE = 32
_LEAST_OVERLAP = 0.25
OLD_FRAME, OLD_PICTURE = "NudeNet 640, frames before", "NudeNet 640 and 1280, pictures before"
NEW_FRAME, NEW_PICTURE = "CenterFace 640, frames now", "CenterFace 960 four ways, pictures now"
BLAZE_FRAME, BLAZE_PICTURE = "BlazeFace, frames", "BlazeFace four ways, pictures"
THIRD_PICTURE = "NudeNet 320, pictures, extra `nudity`"
SETTINGS = (OLD_FRAME, NEW_FRAME, BLAZE_FRAME, OLD_PICTURE, NEW_PICTURE, BLAZE_PICTURE, THIRD_PICTURE)
#: From this score `starter` holds a reference for a face that one model reports, BlazeFace left out.
HELD_FROM = 0.7
Found = dict[str, list[ScoredFace]]


class NudeNetFaces:
    """The faces of NudeNet's model with larger inputs, as the detector `faces` ran it before CenterFace."""

    def __init__(self) -> None:
        model = nudity.find_model_file()
        if model is None:
            raise SystemExit("The package nudenet is not installed.")
        self.model = model
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0].name

    def faces(self, pixels: Pixels, sides: tuple[int, ...]) -> list[ScoredFace]:
        longest = max(pixels.shape[:2])
        used = [side for side in sides if side <= longest] or [min(sides)]
        return remove_duplicates(face for side in used for face in self._at(pixels, side))

    def _at(self, pixels: Pixels, side: int) -> Iterator[ScoredFace]:
        height, width = pixels.shape[:2]
        scale = side / max(height, width)
        wide, high = max(round(width * scale), 1), max(round(height * scale), 1)
        resized = cv2.resize(
            pixels, (wide, high), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
        padded = np.zeros((1, 3, -(-high // _STRIDE) * _STRIDE, -(-wide // _STRIDE) * _STRIDE), np.float32)
        padded[0, :, :high, :wide] = resized.transpose(2, 0, 1) / np.float32(255)
        output = self._session.run(None, {self._input: padded})[0][0]
        for one in nudity.decode_detections(output, wide, high, nudity.MIN_SCORE):
            if one.kind.kind == "face":
                yield ScoredFace(one.score, one.box)


class Ways:
    """Every setting that is compared, and the CPU seconds that each took."""

    def __init__(self) -> None:
        old = NudeNetFaces()
        third = nudity.NudityDetector(old.model)
        store, least = None, MIN_SCORE
        center = CenterFace(read_pinned_file(CENTERFACE, store), min_score=least)
        blaze = BlazeFace(read_pinned_file(BLAZEFACE, store), min_score=least)
        self.cpu_s: dict[str, float] = defaultdict(float)
        self._run: dict[str, Callable[[Pixels], list[ScoredFace]]] = {
            OLD_FRAME: lambda pixels: old.faces(pixels, (640,)),
            OLD_PICTURE: lambda pixels: old.faces(pixels, (640, 1280)),
            NEW_FRAME: lambda pixels: inspected(pixels, center, CENTERFACE, reference=False),
            NEW_PICTURE: lambda pixels: inspected(pixels, center, CENTERFACE, reference=True),
            BLAZE_FRAME: lambda pixels: inspected(pixels, blaze, BLAZEFACE, reference=False),
            BLAZE_PICTURE: lambda pixels: inspected(pixels, blaze, BLAZEFACE, reference=True),
            THIRD_PICTURE: lambda pixels: faces_of(third, pixels, third.longest_side, reference=True),
        }

    def found(self, pixels: Pixels, settings: Iterable[str] = SETTINGS) -> Found:
        """The faces at each setting with a score of at least `LEAST`."""
        made = {}
        for name in settings:
            began = time.process_time()
            faces = self._run[name](pixels)
            self.cpu_s[name] += time.process_time() - began
            made[name] = [face for face in faces if face.score >= LEAST]
        return made


class Silent:
    """A model that reports nothing, in place of the one that is not measured."""

    def find_faces(self, _pixels: Pixels) -> list[ScoredFace]:
        return []


def inspected(pixels: Pixels, model: Any, voice: str, *, reference: bool) -> list[ScoredFace]:
    """The faces that the detector reports with one of its models, at the size that the scan gives it."""
    silent: Any = Silent()
    # A new detector remembers no frame.
    detector = FaceDetector(*((model, silent) if voice == CENTERFACE else (silent, model)))
    longest = detector.picture_side if reference else detector.longest_side
    return faces_of(detector, pixels, longest, reference=reference)


def faces_of(detector: Any, pixels: Pixels, longest: int, *, reference: bool) -> list[ScoredFace]:
    pixels = reduced(pixels, longest)
    height, width = pixels.shape[:2]
    frame = Frame(index=0, time_s=0, pixels=pixels, width=width, height=height, is_reference=reference)
    return [
        ScoredFace(one.score, one.evidence[0].sides)
        for one in detector.inspect_frame(frame)
        if one.attributes["kind"] == "face"
    ]


def reduced(pixels: Pixels, longest: int) -> Pixels:
    """As the scan does: never enlarged."""
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def read_pictures(folder: Path) -> Iterator[tuple[Path, Pixels]]:
    for path in sorted(folder.rglob("*")):
        read = cv2.imread(str(path)) if path.suffix.lower() in {".jpg", ".jpeg", ".png"} else None
        if read is not None:
            yield path, np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


class CutFace(NamedTuple):
    """A face with its surroundings, and where it is in them, in pixels."""

    photo: str
    pixels: Pixels
    box: Box


def cut_faces(folder: Path, ways: Ways) -> list[CutFace]:
    """Each face of at least 80 pixels. The boxes are those of both models in turn, to favour neither."""
    cut: list[CutFace] = []
    for path, pixels in read_pictures(folder):
        height, width = pixels.shape[:2]
        found = ways.found(pixels, (OLD_PICTURE, NEW_PICTURE))
        first, second = (OLD_PICTURE, NEW_PICTURE)[:: 1 if len(cut) % 2 else -1]
        faces = [*found[first], *(one for one in found[second] if not hit(found[first], one.box))]
        for _score, (x, y, w, h) in faces:
            x, y, w, h = x * width, y * height, w * width, h * height
            if min(w, h) < 80:
                continue
            left, top = max(int(x - w * 0.6), 0), max(int(y - h * 0.5), 0)
            right, bottom = min(int(x + w * 1.6), width), min(int(y + h * 1.7), height)
            cut.append(CutFace(path.name, pixels[top:bottom, left:right], (x - left, y - top, w, h)))
    return cut


def laid(
    ground: Pixels, face: CutFace, high: float, turn: float, rng: np.random.Generator
) -> tuple[Pixels, Box]:
    """The ground with a face of this height in pixels, and the box it is in, in parts."""
    x, y, w, h = face.box
    scale = high / h
    middle = np.array([x + w / 2, y + h / 2])
    sides = np.array([h, w] if turn % 180 == 90 else [w, h]) * scale
    room = np.array([WIDTH, HEIGHT]) - sides
    at = sides / 2 + rng.uniform(0, 1, 2) * np.maximum(room, 1)
    matrix = cv2.getRotationMatrix2D(tuple(middle.tolist()), turn, float(scale))
    matrix[:, 2] += at - middle
    source = cv2.GaussianBlur(face.pixels, (0, 0), 0.4 / scale) if scale < 0.5 else face.pixels
    over = cv2.warpAffine(source, matrix, (WIDTH, HEIGHT))
    mask = cv2.warpAffine(np.full(face.pixels.shape[:2], 255, np.uint8), matrix, (WIDTH, HEIGHT))
    out = np.where(mask[..., None] > 127, over, ground)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(out, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    out = np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)
    left, top = (at - sides / 2).tolist()
    return out, (left / WIDTH, top / HEIGHT, float(sides[0]) / WIDTH, float(sides[1]) / HEIGHT)


def hit(faces: Iterable[ScoredFace], box: Box) -> bool:
    """Whether a face is at this place, by intersection over union."""
    for _score, (x, y, w, h) in faces:
        wide = min(x + w, box[0] + box[2]) - max(x, box[0])
        high = min(y + h, box[1] + box[3]) - max(y, box[1])
        shared = wide * high if wide > 0 and high > 0 else 0.0
        if shared > _LEAST_OVERLAP * (w * h + box[2] * box[3] - shared):
            return True
    return False


def windows(
    pictures: list[tuple[Path, Pixels]], count: int, rng: np.random.Generator
) -> Iterator[tuple[str, Pixels]]:
    """Parts of the pictures without people, some mirrored, by the folder of the picture."""
    for number in range(count):
        path, picture = pictures[number % len(pictures)]
        part = rng.uniform(0.4, 1.0)
        high, wide = (max(int(side * part), 64) for side in picture.shape[:2])
        top, left = (
            int(rng.integers(0, max(picture.shape[axis] - cut, 0) + 1))
            for axis, cut in enumerate((high, wide))
        )
        window = picture[top : top + high, left : left + wide][:, :: int(rng.choice([-1, 1]))]
        yield f"photographs: {path.parent.name}", np.ascontiguousarray(window)


def recall(ways: Ways, cut: list[CutFace], grounds: list[Pixels], rng: np.random.Generator) -> dict[str, Any]:
    by_height: dict[str, dict[str, int]] = {name: defaultdict(int) for name in SETTINGS}
    by_turn: dict[str, dict[str, int]] = {name: defaultdict(int) for name in SETTINGS}
    plan = [(high, 0) for high in HEIGHTS] + [(TURNED_HEIGHT, turn) for turn in TURNS]
    for face in cut:
        for high, turn in plan:
            picture, where = laid(grounds[int(rng.integers(len(grounds)))], face, high, turn, rng)
            for name, faces in ways.found(picture).items():
                table, key = (by_turn, turn) if high == TURNED_HEIGHT else (by_height, high)
                table[name][str(key)] += hit(faces, where)
    ran = len(cut) * len(plan)
    return {
        "faces": len(cut),
        "photographs": len({face.photo for face in cut}),
        "by height": by_height,
        f"by turn, {TURNED_HEIGHT} px": by_turn,
        "cpu ms a picture": {name: round(1000 * ways.cpu_s[name] / ran, 1) for name in SETTINGS},
    }


def references(
    ways: Ways, cut: list[CutFace], grounds: list[Pixels], count: int, rng: np.random.Generator
) -> dict[str, Any]:
    """References with one face each: those found before, now, and lost; and what two models confirm."""
    counts: dict[str, int] = defaultdict(int)
    for number in range(count):
        face = cut[number % len(cut)]
        high = float(np.exp(rng.uniform(np.log(40), np.log(480))))
        turn = float(rng.choice([0, 0, 0, 15, -15, 30, 90, 180, 270]))
        picture, where = laid(grounds[int(rng.integers(len(grounds)))], face, high, turn, rng)
        seen = ways.found(picture, SETTINGS[3:])
        found = {name: hit(faces, where) for name, faces in seen.items()}
        now = found[NEW_PICTURE] or found[BLAZE_PICTURE]
        counts["NudeNet before"] += found[OLD_PICTURE]
        counts["CenterFace or BlazeFace now"] += now
        for name in decisions(seen):
            counts[name] += 1
        counts["lost"] += found[OLD_PICTURE] and not now
        counts["gained"] += now and not found[OLD_PICTURE]
    return {"references": count, **counts}


def decisions(found: Found) -> list[str]:
    """What `starter` does with a reference in which these faces are found, without a consent."""
    if any(voice == BOTH for voice, _face in join_faces(found[NEW_PICTURE], found[BLAZE_PICTURE])):
        return ["blocked"]
    held_by = {"held": [NEW_PICTURE], "held with the extra": [NEW_PICTURE, THIRD_PICTURE]}
    return [
        name
        for name, voices in held_by.items()
        if any(face.score >= HELD_FROM for voice in voices for face in found[voice])
    ]


def false_faces(ways: Ways, pictures: Iterable[tuple[str, Pixels]]) -> dict[str, dict[str, Any]]:
    """Harmless pictures with a face, by kind."""
    figures: dict[str, dict[str, Any]] = {}
    for kind, pixels in pictures:
        counts = figures.setdefault(kind, defaultdict(int))
        counts["pictures"] += 1
        found = ways.found(pixels)
        for name, faces in found.items():
            counts[name] += bool(faces)
        for name in decisions(found):
            counts[name] += 1
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--grounds", type=Path)
    parser.add_argument("--references", type=int, default=200)
    parser.add_argument("--harmless", type=int, default=300, help="Windows of the pictures without people.")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--only", choices=("recall", "references", "harmless", "drawn"))
    asked = parser.parse_args()
    if asked.only != "drawn" and not (asked.grounds and (asked.photos or asked.only == "harmless")):
        parser.error("--photos and --grounds are needed for photographs")
    cv2.setNumThreads(1)
    ways, rng = Ways(), np.random.default_rng(asked.seed)
    empty = list(read_pictures(asked.grounds)) if asked.grounds else []
    grounds = [np.asarray(cv2.resize(picture, (WIDTH, HEIGHT)), np.uint8) for _path, picture in empty]
    figures: dict[str, Any] = {}
    if asked.only not in ("harmless", "drawn"):
        cut = cut_faces(asked.photos, ways)
        ways.cpu_s.clear()
        if asked.only != "references":
            figures["recall"] = recall(ways, cut, grounds, rng)
        if asked.only != "recall":
            figures["references"] = references(ways, cut, grounds, asked.references, rng)
    harmless: list[Iterable[tuple[str, Pixels]]] = []
    if asked.only in (None, "harmless"):
        harmless.append(windows(empty, asked.harmless, np.random.default_rng(asked.seed)))
    if asked.only in (None, "drawn"):
        harmless.append((one.family, one.pixels) for one in frames.made_frames(asked.seed))
    if harmless:
        figures["harmless"] = false_faces(ways, itertools.chain(*harmless))
        figures["95 % interval of blocked"] = {
            kind: [round(100 * part, 2) for part in wilson(counts["blocked"], counts["pictures"])]
            for kind, counts in figures["harmless"].items()
        }
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
