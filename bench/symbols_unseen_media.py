"""Put the shapes of ``bench.symbols_unseen`` on flags, walls, armbands, shirts and other plain objects.

As for the other parts of that set, the author saw no detector and no drawing a detector was trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.symbols_unseen_shapes import SHAPES, SIDE, Colour, Floats, Pen, Pixels, Rng, star
from bench.symbols_unseen_things import Thing

PAIRS: list[tuple[Colour, Colour]] = [
    ((240, 238, 230), (20, 18, 22)), ((22, 20, 24), (240, 238, 232)), ((186, 24, 30), (242, 240, 236)),
    ((184, 26, 28), (18, 16, 18)), ((26, 40, 92), (238, 238, 240)), ((216, 170, 52), (22, 20, 20)),
    ((24, 24, 26), (190, 194, 200)), ((36, 104, 60), (232, 222, 188)), ((232, 220, 186), (116, 22, 28)),
    ((240, 238, 234), (186, 22, 30)), ((70, 74, 60), (132, 136, 116)), ((150, 128, 100), (98, 76, 54)),
    ((112, 116, 122), (172, 176, 182)), ((26, 22, 24), (190, 28, 32)), ((196, 200, 206), (26, 38, 90)),
    ((226, 106, 26), (20, 18, 20)),
]  # fmt: skip


@dataclass
class Art:
    """A square symbol: where its ink lies, and its own colours where it has any."""

    alpha: Floats
    rgb: Pixels | None = None


# ------------------------------------------------------------------------------------------------- textures


def noise(rng: Rng, height: int, width: int, cells: float, octaves: int = 3) -> Floats:
    """Return smooth noise of about unit deviation, with this many cells across."""
    total: Floats = np.zeros((height, width), np.float32)
    for k in range(octaves):
        n = max(2, int(cells * 2**k))
        grid = rng.normal(0, 1, (max(2, n * height // width), n)).astype(np.float32)
        total = total + cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 1.7**k
    return total / max(1e-6, float(total.std()))


def tinted(base: Colour, light: Floats) -> Floats:
    """Return a colour under a field of light, as an RGB picture."""
    return np.clip(np.array(base, np.float32) * light[..., None], 0, 255).astype(np.float32)


def bricks(rng: Rng, h: int, w: int) -> Floats:
    """Draw a brick wall."""
    rows = int(rng.integers(9, 18))
    bh = h / rows
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    row = np.floor(y / bh)
    across = x / (bh * 2.6) + 0.5 * (row % 2)
    mortar = (y / bh - row < 0.1) | (across - np.floor(across) < 0.04)
    shades = rng.uniform(0.75, 1.15, (rows + 2, 64)).astype(np.float32)
    light = shades[row.astype(int), np.floor(across).astype(int) % 64] + 0.06 * noise(rng, h, w, 40)
    base: Colour = [(150, 76, 58), (168, 150, 130), (120, 92, 84)][int(rng.integers(3))]
    return np.where(
        mortar[..., None], tinted((176, 170, 160), 1 + 0.05 * noise(rng, h, w, 60)), tinted(base, light)
    )


def plain(rng: Rng, h: int, w: int) -> Floats:
    """Draw a plastered or concrete wall."""
    base: Colour = [(170, 168, 162), (206, 200, 184), (128, 132, 136), (184, 170, 150)][int(rng.integers(4))]
    return tinted(base, 1 + 0.05 * noise(rng, h, w, 6) + 0.04 * noise(rng, h, w, 120, 1))


def sky(rng: Rng, h: int, w: int) -> Floats:
    """Draw a sky with clouds."""
    y = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    blue = np.array((96, 150, 214), np.float32) * (1 - y) + np.array((206, 222, 236), np.float32) * y
    cloud = np.clip(noise(rng, h, w, 4, 4) * 0.35 + 0.1, 0, 0.9)[..., None]
    return np.asarray(blue * (1 - cloud) + 244 * cloud, np.float32)


def wood(rng: Rng, h: int, w: int) -> Floats:
    """Draw wooden planks."""
    grain = cv2.resize(noise(rng, h, max(8, w // 16), 30), (w, h))
    plank = ((np.arange(h) * 5 // h) % 2)[:, None].astype(np.float32)
    return tinted((146, 104, 66), (1 + 0.12 * grain - 0.08 * plank).astype(np.float32))


def cloth(rng: Rng, h: int, w: int, base: Colour) -> Floats:
    """Draw woven cloth with soft folds."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    weave = 0.03 * np.sin(x * 1.9) * np.sin(y * 1.9)
    return tinted(base, (1 + weave + 0.08 * noise(rng, h, w, 3, 2)).astype(np.float32))


def background(rng: Rng, h: int, w: int, photos: list[Path], setting: str) -> Floats:
    """Return what lies behind the object: a wall or a sky where asked for, else a photograph or a texture."""
    kind = int(rng.integers(5))
    if setting == "wall":
        kind %= 2
    elif setting == "sky":
        kind = 2
    elif photos and rng.random() < 0.6:
        photo = np.asarray(Image.open(photos[int(rng.integers(len(photos)))]).convert("RGB"))
        ph, pw = photo.shape[:2]
        crop = int(min(pw, ph * w / h) * rng.uniform(0.7, 1.0))
        rows = min(ph, crop * h // w)
        x, y = int(rng.integers(pw - crop + 1)), int(rng.integers(ph - rows + 1))
        part = photo[y : y + rows, x : x + crop]
        return cv2.resize(part, (w, h), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    if kind == 4:
        return cloth(rng, h, w, PAIRS[int(rng.integers(len(PAIRS)))][0])
    return (bricks, plain, sky, wood)[kind](rng, h, w)


def inks(rng: Rng, behind: Floats | None) -> tuple[Colour, Colour, bool]:
    """Choose a ground and an ink which stands out, from the wall if it is sprayed; say whether weakly."""
    while True:
        ground, ink = PAIRS[int(rng.integers(len(PAIRS)))]
        gap = np.array(ink) - (np.array(ground) if behind is None else behind)
        if behind is None or float(np.abs(gap).max()) > 60:
            return ground, ink, float(np.abs(gap).max()) < 75 or abs(float(gap.mean())) < 64


# ---------------------------------------------------------------------------------------------- symbol to art


def shifted(picture: Floats | Pixels, dx: Floats, dy: Floats) -> Any:
    """Move every pixel of a picture by a field of offsets."""
    h, w = picture.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    return cv2.remap(picture, x + dx.astype(np.float32), y + dy.astype(np.float32), cv2.INTER_LINEAR)


def mono(symbol: str, rng: Rng, look: str, width: float, turn: float) -> Art:
    """Draw a one-colour symbol in a look and turn it."""
    pen = Pen(rng, width, "hand" if look == "hand" else "round" if look == "round" else "sharp")
    SHAPES[symbol](pen)
    alpha = np.asarray(pen.image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32) / 255
    if look == "outline":
        k = int(SIDE * 0.042)
        alpha = alpha - cv2.erode(alpha, cv2.getStructuringElement(cv2.MORPH_RECT, (k, k)))
    if look == "hand":
        sway = SIDE * 0.012
        alpha = shifted(alpha, noise(rng, SIDE, SIDE, 4, 2) * sway, noise(rng, SIDE, SIDE, 4, 2) * sway)
    if look == "worn":
        alpha = alpha * np.clip(1.6 + noise(rng, SIDE, SIDE, 24), 0, 1)
    size = 1 / (abs(math.cos(math.radians(turn))) + abs(math.sin(math.radians(turn))))
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), turn, size)
    return Art(np.asarray(cv2.warpAffine(alpha, matrix, (SIDE, SIDE)), np.float32))


def coloured(thing: Thing) -> Art:
    """Take the drawing of an emblem as art."""
    rgba = cv2.resize(thing.image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return Art(rgba[..., 3].astype(np.float32) / 255, rgba[..., :3].copy())


def lay(
    ground: Floats, art: Art, ink: Colour, x: float, y: float, side: int, strength: float = 1.0
) -> Floats:
    """Lay art onto a ground around a point."""
    alpha = cv2.resize(art.alpha, (side, side), interpolation=cv2.INTER_AREA)[..., None] * strength
    top, left = int(y - side / 2), int(x - side / 2)
    part = ground[top : top + side, left : left + side]
    if art.rgb is None:
        colour = np.broadcast_to(np.array(ink, np.float32), part.shape)
    else:
        colour = cv2.resize(art.rgb, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    out = ground.copy()
    out[top : top + side, left : left + side] = part * (1 - alpha) + colour * alpha
    return out


def solid(rgb: Floats, alpha: Floats | None = None) -> Pixels:
    """Join colours and cover to an RGBA picture."""
    cover = np.ones(rgb.shape[:2], np.float32) if alpha is None else alpha
    return np.dstack([np.clip(rgb, 0, 255), np.clip(cover, 0, 1) * 255]).astype(np.uint8)


def mask_of(h: int, w: int, paint: Callable[[ImageDraw.ImageDraw], None]) -> Floats:
    """Return the cover of something painted."""
    image = Image.new("L", (w, h))
    paint(ImageDraw.Draw(image))
    return np.asarray(image, np.float32) / 255


# --------------------------------------------------------------------------------- the objects: art to thing


def flag(art: Art, rng: Rng, ground: Colour, ink: Colour) -> Thing:
    """Put the symbol on a waving flag, on a disc, in stripes or on the plain field."""
    h, w, side = 560, 860, 360
    base, kind = cloth(rng, h, w, ground), int(rng.choice(3, p=[0.5, 0.2, 0.3]))
    if kind == 0:
        base, ground, ink, side = disc_field(rng, base, h, w, 200, art)
    if kind == 1:
        base[:90] = base[-90:] = np.array(ink, np.float32)
        side = 330
    rgba = solid(lay(base, art, ink, w / 2, h / 2, side))
    x, y = np.meshgrid(np.linspace(0, 1, w + 60), np.linspace(0, 1, h + 60))
    phase, waves = rng.uniform(0, 6), rng.uniform(1.2, 2.4)
    swing = np.sin(x * 6.28 * waves + phase + y)
    rgba = cv2.copyMakeBorder(rgba, 30, 30, 30, 30, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    rgba = shifted(rgba, swing * 6, swing * 14)
    light = 1 + 0.22 * np.cos(x * 6.28 * waves + phase + y)
    rgba[..., :3] = np.clip(rgba[..., :3] * light[..., None], 0, 255)
    return Thing(rgba, w / 2 + 30, h / 2 + 30, side)


def disc_field(
    rng: Rng, base: Floats, h: int, w: int, r: int, art: Art
) -> tuple[Floats, Colour, Colour, int]:
    """Lay a disc on red or another strong field; return the field, the disc's colour, an ink and a side."""
    field: Colour = [(184, 22, 28), (184, 22, 28), (24, 24, 26), (26, 40, 92)][int(rng.integers(4))]
    base = base / max(1.0, float(base.mean())) * np.array(field, np.float32)
    disc = mask_of(h, w, lambda d: d.ellipse([w / 2 - r, h / 2 - r, w / 2 + r, h / 2 + r], fill=255))[
        ..., None
    ]
    base = np.asarray(base * (1 - disc) + np.array((240, 238, 232), np.float32) * disc, np.float32)
    ink: Colour = (20, 18, 20) if rng.random() < 0.8 else field
    round_art = float(art.alpha[:60, :60].max()) < 0.3
    return base, (240, 238, 232), ink, int(r * (1.8 if round_art else 1.36))


def wall(art: Art, rng: Rng, _ground: Colour, ink: Colour) -> Thing:
    """Spray the symbol: soft uneven edges, specks, runs."""
    big = cv2.copyMakeBorder(art.alpha, 60, 140, 60, 60, cv2.BORDER_CONSTANT, value=0)
    h, w = big.shape
    soft = cv2.GaussianBlur(big, (0, 0), float(rng.uniform(2.5, 6)))
    cover = np.clip(soft * 1.5 + 0.1 * noise(rng, h, w, 30) * soft, 0, 0.95)
    specks = (rng.random((h, w)) < 0.08 * cv2.GaussianBlur(big, (0, 0), 22)).astype(np.float32)
    cover = np.maximum(cover, cv2.GaussianBlur(specks, (0, 0), 0.8))
    ys, xs = np.nonzero(big > 0.7)
    for i in rng.integers(0, len(xs), int(rng.integers(0, 7))):
        end = min(h - 4, int(ys[i] + rng.integers(30, 130)))
        cv2.line(
            cover, (int(xs[i]), int(ys[i])), (int(xs[i]), end), 0.85, int(rng.integers(2, 5)), cv2.LINE_AA
        )
    paint = np.broadcast_to(np.array(ink, np.float32), (h, w, 3))
    return Thing(solid(paint, cover), 60 + SIDE / 2, 60 + SIDE / 2, SIDE)


def armband(art: Art, rng: Rng, ground: Colour, ink: Colour) -> Thing:
    """Put the symbol on a band round a sleeve."""
    h, w, side = 900, 420, 250
    sleeve = cloth(
        rng, h, w, [(92, 78, 50), (50, 52, 56), (60, 74, 96), (120, 116, 110)][int(rng.integers(4))]
    )
    band = cloth(rng, 320, w, ground)
    if rng.random() < 0.6:
        band, ground, ink, side = disc_field(rng, band, 320, w, 142, art)
    sleeve[290:610] = lay(band, art, ink, w / 2, 160, side)
    x = np.linspace(-1, 1, w, dtype=np.float32)
    turned = (np.arcsin(x * 0.92) / np.arcsin(0.92) * 0.5 + 0.5) * w - np.arange(w)
    sleeve = shifted(sleeve, np.tile(turned, (h, 1)), 10 * noise(rng, h, w, 2, 1))
    light = np.sqrt(1 - (x * 0.9) ** 2)[None] * 0.75 + 0.35
    return Thing(solid(sleeve * light[..., None]), w / 2, h / 2, side)


def shirt(art: Art, rng: Rng, ground: Colour, ink: Colour) -> Thing:
    """Print the symbol on the chest of a T-shirt."""
    h, w, side = 900, 1000, int(rng.integers(200, 330))
    outline = [
        (380, 60),
        (620, 60),
        (760, 110),
        (980, 330),
        (860, 440),
        (760, 350),
        (770, 880),
        (230, 880),
        (240, 350),
    ]
    outline += [(140, 440), (20, 330), (240, 110)]

    def paint(draw: ImageDraw.ImageDraw) -> None:
        """Cut the shirt out."""
        draw.polygon(outline, fill=255)
        draw.ellipse([385, 0, 615, 130], fill=0)

    body = cloth(rng, h, w, ground)
    body = lay(body, art, ink, w / 2, 370, side, 0.95)
    folds = noise(rng, h, w, 5, 2)
    body = shifted(body, folds * 4, folds * 3) * (1 + 0.1 * folds)[..., None]
    return Thing(solid(body, mask_of(h, w, paint)), w / 2, 370, side)


def poster(art: Art, rng: Rng, ground: Colour, ink: Colour) -> Thing:
    """Print the symbol on a sheet with a few everyday words."""
    h, w, side = 900, 660, int(rng.integers(360, 520))
    sheet = tinted(ground, 1 + 0.03 * noise(rng, h, w, 5))
    sheet = lay(sheet, art, ink, w / 2, 380, side)
    image = Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    words = str(rng.choice(["ROOM 12", "TUESDAY", "NOTICE", "PAGE 4", "ENTRANCE"]))
    draw.text(
        (w / 2, 745), words, fill=ink, font=ImageFont.truetype("LiberationSans-Bold.ttf", 90), anchor="mm"
    )
    for y in (815, 845):
        draw.rectangle([90, y, w - 90, y + 9], fill=ink)
    return Thing(solid(np.asarray(image, np.float32)), w / 2, 380, side)


def carved(art: Art, rng: Rng, _ground: Colour, _ink: Colour) -> Thing:
    """Cut the symbol into a slab of stone or wood."""
    h = w = 640
    slab = wood(rng, h, w) if rng.random() < 0.5 else plain(rng, h, w)
    depth = np.zeros((h, w), np.float32)
    depth[80:560, 80:560] = cv2.GaussianBlur(art.alpha, (0, 0), 2.5)
    slope = cv2.Sobel(depth, cv2.CV_32F, 1, 0, ksize=5) + cv2.Sobel(depth, cv2.CV_32F, 0, 1, ksize=5)
    light = np.clip(1 - 0.32 * depth + 0.05 * slope, 0.25, 1.6)
    return Thing(solid(slab * light[..., None]), w / 2, h / 2, SIDE)


def stitched(art: Art, rng: Rng, ground: Colour, ink: Colour) -> Thing:
    """Embroider the symbol on a round or square patch."""
    h = w = 640
    round_patch = rng.random() < 0.5
    side = 400 if round_patch else 470
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    patch = lay(cloth(rng, h, w, ground), art, ink, w / 2, h / 2, side)
    inside = lay(np.zeros((h, w, 3), np.float32), Art(art.alpha), (1, 1, 1), w / 2, h / 2, side)[..., 0]
    thread = 0.16 * np.sin((x + 0.6 * y) * 1.1) * inside + 0.07 * np.sin((x - y) * 0.9) * (1 - inside)
    edge = cv2.GaussianBlur(inside, (0, 0), 3)
    patch = patch * (1 + thread + 0.5 * (inside - edge) + 0.05 * rng.normal(0, 1, (h, w)))[..., None]
    shape = "ellipse" if round_patch else "rectangle"
    cover = mask_of(h, w, lambda d: getattr(d, shape)([30, 30, w - 30, h - 30], fill=255))
    rim = cover - mask_of(h, w, lambda d: getattr(d, shape)([52, 52, w - 52, h - 52], fill=255))
    border = tinted(ink, (1 + 0.2 * np.sin(np.arctan2(y - h / 2, x - w / 2) * 130)).astype(np.float32))
    return Thing(solid(patch * (1 - rim[..., None]) + border * rim[..., None], cover), w / 2, h / 2, side)


def screen(art: Art, rng: Rng, ground: Colour, ink: Colour) -> Thing:
    """Show the symbol on a monitor, with lines and glare."""
    h, w, side = 620, 960, 400
    frame = tinted((30, 31, 34), np.ones((h, w), np.float32))
    frame[30:-50, 30:-30] = lay(
        tinted(ground, np.ones((h - 80, w - 60), np.float32)), art, ink, w / 2 - 30, 270, side
    )
    frame[30:-50:3, 30:-30] *= 0.82
    frame[30:70, 30:-30] = (70, 74, 82)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    glare = np.clip(1 - np.abs(x + y - rng.uniform(300, 1200)) / 160, 0, 1)
    return Thing(solid(frame + 40 * glare[..., None]), w / 2, 300, side)


def sticker(art: Art, _rng: Rng, ground: Colour, ink: Colour) -> Thing:
    """Lay the bare symbol over what lies behind it, as an overlay or a cut-out with an edge."""
    pad = 24
    alpha = cv2.copyMakeBorder(art.alpha, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    if art.rgb is not None:
        rgb = cv2.copyMakeBorder(art.rgb, pad, pad, pad, pad, cv2.BORDER_REPLICATE).astype(np.float32)
        return Thing(solid(rgb, alpha), pad + SIDE / 2, pad + SIDE / 2, SIDE)
    halo = cv2.dilate(alpha, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15)))
    colours = (
        np.array(ground, np.float32) * (1 - alpha[..., None]) + np.array(ink, np.float32) * alpha[..., None]
    )
    return Thing(solid(colours, np.maximum(alpha, halo)), pad + SIDE / 2, pad + SIDE / 2, SIDE)


def chalk(art: Art, rng: Rng, _ground: Colour, _ink: Colour) -> Thing:
    """Draw the symbol with chalk on a board or with a pencil on paper."""
    h, w, dark = 640, 900, rng.random() < 0.6
    base = tinted((44, 66, 56) if dark else (238, 234, 222), 1 + 0.05 * noise(rng, h, w, 5))
    grain = np.clip(0.75 + 0.45 * cv2.GaussianBlur(rng.normal(0, 1.6, (SIDE, SIDE)), (0, 0), 1.2), 0.15, 1)
    dust = Art(np.asarray(art.alpha * grain, np.float32), art.rgb)
    x = w / 2 + rng.uniform(-150, 150)
    return Thing(
        solid(lay(base, dust, (236, 234, 224) if dark else (54, 54, 60), x, h / 2, 460)), x, h / 2, 460
    )


def badge(art: Art, _rng: Rng, ground: Colour, ink: Colour) -> Thing:
    """Enamel the symbol on a metal badge."""
    h = w = 600
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    cover = mask_of(h, w, lambda d: d.ellipse([20, 20, 580, 580], fill=255))
    metal = tinted((190, 186, 176), (0.85 + 0.3 * np.sin(3 * x - 4 * y)).astype(np.float32))
    inner = mask_of(h, w, lambda d: d.ellipse([52, 52, 548, 548], fill=255))[..., None]
    base = np.asarray(
        metal * (1 - inner) + tinted(ground, (0.95 - 0.15 * y).astype(np.float32)) * inner, np.float32
    )
    side = 340
    shade = Art(cv2.GaussianBlur(art.alpha, (0, 0), 6))
    base = lay(base, shade, (0, 0, 0), w / 2 + 6, h / 2 + 8, side, 0.45)
    base = lay(base, art, ink, w / 2, h / 2, side)
    gloss = np.clip(1 - ((x + 0.3) ** 2 + (y + 0.5) ** 2) * 3, 0, 1)[..., None] * 50
    return Thing(solid(base + gloss, cover), w / 2, h / 2, side)


def crowd(art: Art, rng: Rng, ground: Colour, ink: Colour) -> Thing:
    """Put the symbol among stars, triangles, rings, bars and letters of the same ink."""
    h, w, side = 680, 1080, 220
    image = Image.new("RGB", (w, h), ground)
    draw = ImageDraw.Draw(image)
    spot = int(rng.integers(15))
    for i in range(15):
        x, y, r = 108 + 216 * (i % 5), 113 + 227 * (i // 5), float(rng.uniform(40, 80))
        kind = int(rng.integers(5))
        if i == spot:
            continue
        if kind == 0:
            points = star(
                int(rng.integers(3, 8)), r, r * float(rng.uniform(0.4, 0.9)), float(rng.uniform(0, 90))
            )
            draw.polygon([(x + a, y + b) for a, b in points], fill=ink)
        elif kind == 1:
            draw.ellipse([x - r, y - r, x + r, y + r], outline=ink, width=int(r / 4))
        elif kind == 2:
            draw.rectangle([x - r, y - r / 2, x + r, y + r / 2], outline=ink, width=int(r / 5))
        elif kind == 3:
            draw.line([(x - r, y + r), (x, y - r), (x + r, y + r)], fill=ink, width=int(r / 4))
        else:
            face = ImageFont.truetype("DejaVuSans-Bold.ttf", int(r * 1.8))
            draw.text((x, y), str(rng.choice(list("ABEGKMPR3456"))), fill=ink, font=face, anchor="mm")
    x, y = 108 + 216 * (spot % 5), 113 + 227 * (spot // 5)
    base = lay(np.asarray(image, np.float32), art, ink, x, y, side - 6)
    return Thing(solid(base), x, y, side - 6)


MEDIA: dict[str, Callable[[Art, Rng, Colour, Colour], Thing]] = {
    "flag": flag, "wall": wall, "armband": armband, "shirt": shirt, "poster": poster, "carved": carved,
    "stitched": stitched, "screen": screen, "sticker": sticker, "chalk": chalk, "badge": badge,
    "crowd": crowd,
}  # fmt: skip
