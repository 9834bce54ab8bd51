"""Draw a test set of hate symbols and their look-alikes, made by somebody who saw no detector.

The author of this program read neither the detector it tests nor the drawings that detector learnt from:
every shape here comes from general knowledge, with its own geometry.  It is for moderation tests only: plain
geometry on plain objects.  Half of the pictures show a hate symbol (swastika, doubled sig rune, Celtic cross,
wolfsangel, black sun), the others religious swastikas and everyday look-alikes, on the same objects.

Run ``python -m bench.symbols_unseen DIR [--seed N] [--photos FOLDER]``.  A seed draws the same pictures where
the fonts (DejaVu, Liberation, WenQuanYi) and the photographs are the same.  The photographs are those of
scikit-image, from its installation or from FOLDER; without them there are only generated textures behind.
DIR/labels.jsonl has one line a picture: file, label, symbol and style (the object which carries it, or
"scene"), then the symbol's height and centre in pixels, the picture's height, and a list of what was done.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from bench.symbols_unseen_media import MEDIA, PAIRS, background, coloured, inks, mono, noise
from bench.symbols_unseen_shapes import SHAPES, Floats, Rng
from bench.symbols_unseen_things import EMBLEMS, SCENES, Thing

PHOTOS = (
    "coffee.png", "chelsea.png", "rocket.jpg", "brick.png", "grass.png", "gravel.png", "moon.png",
    "motorcycle_left.png", "coins.png", "hubble_deep_field.jpg",
)  # fmt: skip
HATE = {
    "swastika": 45, "iron-cross-swastika": 5, "ss-bolts": 20, "celtic-cross": 20, "wolfsangel": 15,
    "black-sun": 15,
}  # fmt: skip
BENIGN = {
    "gate-manji": 4, "map-manji": 4, "hindu-dots": 5, "jain-emblem": 2, "doorway": 3, "buddha-manji": 3,
    "lotus-manji": 4,
    "windmill": 4, "pinwheel": 4, "ceiling-fan": 4, "four-arm-spiral": 4, "tetris": 3, "greek-key": 4,
    "quilt": 2,
    "red-cross": 4, "high-cross": 5, "crosshair": 5, "circled-plus": 4, "compass-rose": 4, "swiss-flag": 3,
    "danger-triangle": 4, "bolt": 3, "band-bolts": 3, "letter-s": 3, "zz": 2,
    "sun": 3, "sun-wheel": 3, "mandala": 3, "clock": 2, "gear": 4,
    "integral": 3, "circuit": 3, "z-n": 3, "hash": 2, "arrows": 2, "recycling": 2,
}  # fmt: skip
FINE = {
    "circuit": 100, "mandala": 90, "clock": 90, "greek-key": 90, "crosshair": 90, "circled-plus": 130,
    "black-sun": 130, "iron-cross-swastika": 120, "jain-emblem": 120, "lotus-manji": 150, "hindu-dots": 90,
    "letter-s": 90, "zz": 90, "z-n": 70, "hash": 70, "integral": 90, "compass-rose": 84, "wolfsangel": 56,
    "band-bolts": 84, "sun-wheel": 64,
}  # fmt: skip
UNFIT = {
    "circled-plus": {"flag", "armband", "badge", "wall", "sticker"}, "crosshair": {"flag", "armband"},
    "hindu-dots": {"armband", "crowd"}, "jain-emblem": {"armband", "crowd"},
    "lotus-manji": {"armband", "crowd"}, "z-n": {"flag", "armband"},
}  # fmt: skip
SETTINGS = {
    "wall": "wall", "doorway": "wall", "ceiling-fan": "wall", "map-manji": "wall", "gate-manji": "sky",
    "buddha-manji": "sky", "windmill": "sky", "high-cross": "sky",
}  # fmt: skip
LOOKS = {"wall": [0.1, 0.3, 0.6, 0, 0], "chalk": [0.1, 0.2, 0.7, 0, 0]}
SIZES = ((1280, 720), (1280, 720), (960, 540), (854, 480), (640, 360))
IN_COLOUR = ("flag", "armband", "shirt", "poster", "stitched", "screen", "sticker", "badge", "crowd")
ONE_COLOUR = (*MEDIA, "flag", "wall", "sticker")
SMALL_SYMBOLS = {
    "map-manji": (0.1, 0.22),
    "buddha-manji": (0.08, 0.24),
    "gate-manji": (0.09, 0.26),
    "doorway": (0.1, 0.24),
}


@dataclass
class Plan:
    """One picture to draw."""

    index: int
    label: str
    symbol: str
    style: str
    changes: list[str] = field(default_factory=list)


def plans() -> list[Plan]:
    """Return all pictures to draw; the objects take turns within hate and within benign."""
    out: list[Plan] = []
    for label, table in (("hate", HATE), ("benign", BENIGN)):
        turn = {True: 0, False: 5}
        for symbol, count in table.items():
            for _ in range(count):
                style = "scene"
                if symbol not in SCENES:
                    media = ONE_COLOUR if symbol in SHAPES else IN_COLOUR
                    style = ""
                    while not style or style in UNFIT.get(symbol, ()):
                        style = media[turn[symbol in SHAPES] % len(media)]
                        turn[symbol in SHAPES] += 1
                out.append(Plan(len(out), label, symbol, style))
    return out


def build(plan: Plan, rng: Rng, behind: Floats) -> tuple[Thing, bool]:
    """Draw the object of a plan; the answer's second part says whether its strokes are thin."""
    if plan.symbol in SCENES:
        return SCENES[plan.symbol](rng), False
    ground, ink, weak = inks(rng, behind.mean(axis=(0, 1)) if plan.style == "wall" else None)
    plan.changes += ["low-contrast"] * (weak or plan.style == "carved")
    if plan.symbol in EMBLEMS:
        return MEDIA[plan.style](coloured(EMBLEMS[plan.symbol](rng)), rng, ground, ink), False
    chances = LOOKS.get(plan.style, [0.5, 0.15, 0.1, 0.15, 0.1])
    look = str(rng.choice(["sharp", "round", "hand", "outline", "worn"], p=chances))
    if look == "outline" and (FINE.get(plan.symbol, 0) > 60 or plan.symbol == "four-arm-spiral"):
        look = "sharp"
    width = max(
        float(rng.uniform(0.1, 0.4)), {"outline": 0.24}.get(look, 0.14 if plan.style == "wall" else 0)
    )
    tilt = 0.0
    if plan.symbol == "swastika" and rng.random() < {"flag": 0.85, "armband": 0.8}.get(plan.style, 0.35):
        tilt = 45.0
    plan.changes += [look] * (look != "sharp") + ["tilted-45"] * bool(tilt)
    plan.changes += ["thin"] * (width < 0.16) + ["thick"] * (width > 0.3)
    art = mono(plan.symbol, rng, look, width, tilt)
    if tilt and rng.random() < 0.12:
        art.alpha = art.alpha[:, ::-1].copy()
        plan.changes.append("mirrored")
    return MEDIA[plan.style](art, rng, ground, ink), width < 0.16 or look in ("outline", "worn")


def height_of(plan: Plan, rng: Rng, frame: int, fine: bool) -> float:
    """Choose the symbol's height in pixels, tall enough to be made out."""
    low, high = ((0.06, 0.13), (0.13, 0.32), (0.32, 0.6))[int(rng.choice(3, p=[0.3, 0.45, 0.25]))]
    if plan.symbol in SMALL_SYMBOLS:
        low, high = SMALL_SYMBOLS[plan.symbol]
    elif plan.style == "scene":
        low, high = 0.35, 0.9
    least = max(84 if fine else 46, FINE.get(plan.symbol, 0))
    return float(max(rng.uniform(low, high) * frame, least))


def place(
    thing: Thing, rng: Rng, ground: Floats, height: float, plan: Plan
) -> tuple[Floats, tuple[float, float]]:
    """Lay the object onto the ground, turned and in perspective; return also the symbol's centre."""
    h, w = ground.shape[:2]
    scale = height / thing.height
    image = thing.image
    if scale < 0.9:
        small = (max(8, int(image.shape[1] * scale * 1.1)), max(8, int(image.shape[0] * scale * 1.1)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    ih, iw = image.shape[:2]
    fx, fy = thing.x / thing.image.shape[1], thing.y / thing.image.shape[0]
    upright = plan.style == "scene"
    angle = np.radians(rng.normal(0, 2 if upright else 8))
    strong = rng.random() < 0.35
    lean = 0.0 if upright else 0.16 if strong else 0.04
    if strong and not upright:
        plan.changes.append("perspective")
    size = np.array([thing.image.shape[1], thing.image.shape[0]]) * scale
    corners = (np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) - (fx, fy)) * size
    corners = (
        corners
        * (1 + rng.uniform(-lean, lean, (4, 2)))
        * (rng.uniform(0.75, 1.0) if strong and lean else 1, 1)
    )
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    room = height * 0.6
    cx, cy = (room + max(1, side - 2 * room) * rng.beta(1.3, 1.3) for side in (w, h))
    if upright:
        cx = float(np.clip(cx, 0.3 * w, 0.7 * w))
        cy = float(np.clip(cy, 0.35 * h, max(0.5 * h, room)))
    target = (corners @ turn + (cx, cy)).astype(np.float32)
    source = np.array([(0, 0), (iw, 0), (iw, ih), (0, ih)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    over = image.astype(np.float32)
    over[..., :3] *= over[..., 3:] / 255
    over = np.asarray(cv2.warpPerspective(over, matrix, (w, h), flags=cv2.INTER_LINEAR), np.float32)
    cover = over[..., 3:] / 255
    spot = matrix @ np.array([fx * iw, fy * ih, 1.0])
    return ground * (1 - cover) + over[..., :3], (float(spot[0] / spot[2]), float(spot[1] / spot[2]))


def occlude(picture: Floats, rng: Rng, spot: tuple[float, float], height: float, poles: bool) -> Floats:
    """Put a pole, a leaf or a ball before a small part of the symbol."""
    (x, y), out = spot, picture.copy()
    ink = tuple(float(c) for c in PAIRS[int(rng.integers(len(PAIRS)))][0])
    kind, side = int(rng.integers(0 if poles else 1, 3)), float(rng.choice([-1, 1]))
    if kind == 0:
        px, half = x + side * height * rng.uniform(0.1, 0.24), height * rng.uniform(0.035, 0.06)
        cv2.rectangle(out, (int(px - half), 0), (int(px + half), out.shape[0]), ink, -1)
    elif kind == 1:
        centre = (int(x + side * height * 0.45), int(y + height * rng.uniform(-0.4, 0.4)))
        cv2.ellipse(
            out,
            centre,
            (int(height * 0.3), int(height * 0.12)),
            float(rng.uniform(0, 180)),
            0,
            360,
            (58, 110, 52),
            -1,
        )
    else:
        cv2.circle(out, (int(x + side * height * 0.48), int(y + height * 0.45)), int(height * 0.24), ink, -1)
    return out


def finish(picture: Floats, rng: Rng, height: float, plan: Plan) -> Floats:
    """Light, blur and weaken the picture a little, as cameras and generators do."""
    h, w = picture.shape[:2]
    picture = picture * (1 + 0.07 * noise(rng, h, w, 2, 1))[..., None]
    chance = rng.random()
    if chance < 0.22:
        picture = cv2.GaussianBlur(
            picture, (0, 0), float(np.clip(height * rng.uniform(0.012, 0.024), 0.7, 5))
        )
        plan.changes.append("blurred")
    elif chance < 0.32:
        n = int(np.clip(height * 0.06, 3, 13))
        kernel = np.eye(n, dtype=np.float32) if rng.random() < 0.5 else np.ones((1, n), np.float32)
        picture = cv2.filter2D(picture, -1, kernel / kernel.sum())
        plan.changes.append("moved")
    chance = rng.random()
    if "low-contrast" in plan.changes:
        chance = 1.0
    if chance < 0.14:
        picture = picture * 0.45 + picture.mean() * 0.5
        plan.changes.append("faint")
    elif chance < 0.24:
        picture = picture * float(rng.uniform(0.45, 0.65))
        plan.changes.append("dark")
    elif chance < 0.28 and plan.symbol in SHAPES:
        picture = 255 - picture
        plan.changes.append("negative")
    elif chance < 0.36:
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
        plan.changes.append("grey")
    return picture + rng.normal(0, rng.uniform(0, 5), picture.shape)


def draw(plan: Plan, seed: int, photos: list[Path], folder: Path) -> dict[str, object]:
    """Draw one picture into a folder and return its line of the manifest."""
    rng = np.random.default_rng([seed, plan.index])
    w, h = SIZES[int(rng.integers(len(SIZES)))]
    setting = SETTINGS.get(plan.symbol if plan.style == "scene" else plan.style, "")
    ground = background(rng, h, w, photos, setting)
    thing, fine = build(plan, rng, ground)
    height = height_of(plan, rng, h, fine)
    picture, spot = place(thing, rng, ground, height, plan)
    if plan.style != "scene" and rng.random() < 0.16:
        poles = plan.symbol not in ("wolfsangel", "ss-bolts")
        picture = occlude(picture, rng, spot, height, poles)
        plan.changes.append("occluded")
    picture = finish(picture, rng, height, plan)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    quality = int(rng.integers(40, 91))
    name = f"{plan.index:03d}"
    if rng.random() < 0.2:
        name += ".png"
        image.save(folder / name)
    else:
        name += ".jpg"
        image.save(folder / name, quality=quality)
        plan.changes.append(f"jpeg-{quality}")
    line: dict[str, object] = {"file": name, "label": plan.label, "symbol": plan.symbol, "style": plan.style}
    line |= {"symbol_height": round(height), "symbol_centre": [round(spot[0]), round(spot[1])]}
    return line | {"frame_height": h, "changes": plan.changes}


def find_photos(folder: Path | None) -> list[Path]:
    """Return the photographs to lay behind the objects, from a folder or from scikit-image."""
    if folder is None:
        spec = importlib.util.find_spec("skimage")
        if spec is None or spec.origin is None:
            return []
        folder = Path(spec.origin).parent / "data"
    return [folder / name for name in PHOTOS if (folder / name).is_file()]


def main() -> None:
    """Draw the set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--photos", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    photos = find_photos(asked.photos)
    cv2.setNumThreads(1)
    lines = [draw(plan, asked.seed, photos, asked.folder) for plan in plans()]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (asked.folder / "labels.jsonl").write_text(text, encoding="utf-8")
    print(f"{len(lines)} pictures, {len(photos)} photographs behind them")


if __name__ == "__main__":
    main()
