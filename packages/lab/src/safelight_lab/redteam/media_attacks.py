"""Changes of clips and sounds that hide a payload from a scanner while a person still sees or hears it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

Frames: TypeAlias = npt.NDArray[np.uint8]
Frame: TypeAlias = npt.NDArray[np.uint8]
Samples: TypeAlias = npt.NDArray[np.float32]
Numbers: TypeAlias = npt.NDArray[Any]
Colour: TypeAlias = tuple[int, int, int]
VideoAttack: TypeAlias = Callable[[Frames, Generator], Frames]
SoundAttack: TypeAlias = Callable[[Samples, int, Generator], Samples]
#: width, height, moment of the clip from 0 to 1
Carrier: TypeAlias = Callable[[int, int, float], Frame]
Change: TypeAlias = Callable[[Frame, Frame, float], Frame]
Plan: TypeAlias = Callable[[int, Generator], npt.NDArray[np.bool_]]


# ---- harmless pictures, drawn plainly
def blank(width: int, height: int, colour: Colour) -> Frame:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def polygon(picture: Frame, points: list[tuple[float, float]], colour: Colour) -> None:
    """Points are shares of the width and the height."""
    corners = np.array(points) * (picture.shape[1], picture.shape[0])
    cv2.fillPoly(picture, [np.round(corners).astype(np.int32)], colour)


def box(picture: Frame, left: float, top: float, width: float, height: float, colour: Colour) -> None:
    right, bottom = left + width, top + height
    polygon(picture, [(left, top), (right, top), (right, bottom), (left, bottom)], colour)


def disc(picture: Frame, x: float, y: float, radius: float, colour: Colour) -> None:
    centre = round(x * picture.shape[1]), round(y * picture.shape[0])
    cv2.circle(picture, centre, max(1, round(radius * picture.shape[0])), colour, -1)


def landscape(width: int, height: int, moment: float) -> Frame:
    """Sky, a sun that rises, a cloud that drifts, hills, a lake and a tree."""
    picture = blank(width, height, (140, 195, 240))
    disc(picture, 0.75, 0.3 - 0.15 * moment, 0.09, (255, 225, 120))
    disc(picture, 0.1 + 0.2 * moment, 0.16, 0.06, (240, 245, 250))
    polygon(picture, [(0, 0.6), (0.25, 0.32), (0.5, 0.6)], (110, 120, 140))
    box(picture, 0, 0.58, 1, 0.42, (90, 150, 70))
    polygon(picture, [(0.35, 0.75), (0.7, 0.7), (0.9, 0.85), (0.4, 0.95)], (80, 130, 190))
    box(picture, 0.11, 0.6, 0.02, 0.25, (100, 70, 40))
    disc(picture, 0.12, 0.58, 0.1, (40, 110, 50))
    return picture


def room(width: int, height: int, moment: float) -> Frame:
    """A wall, a floor, a sofa, a lamp that swings a little and a plant."""
    picture = blank(width, height, (222, 210, 190))
    box(picture, 0, 0.75, 1, 0.25, (150, 110, 80))
    polygon(picture, [(0, 0.6), (0.16, 0.6), (0.2, 0.9), (0, 0.9)], (70, 90, 140))
    lamp = 0.92 + 0.02 * float(np.sin(6.3 * moment))
    polygon(picture, [(0.92, 0), (lamp + 0.05, 0.15), (lamp - 0.05, 0.15)], (240, 200, 90))
    polygon(picture, [(0.93, 0.76), (0.89, 0.6), (0.93, 0.55), (0.97, 0.6)], (50, 120, 60))
    box(picture, 0.9, 0.75, 0.06, 0.13, (170, 90, 60))
    return picture


def street(width: int, height: int, moment: float) -> Frame:
    """Houses with windows, a road and a car that passes."""
    picture = blank(width, height, (180, 205, 225))
    walls = ((176, 110, 90), (200, 180, 140), (140, 150, 160), (190, 140, 100))
    for number, (left, top) in enumerate(((0.0, 0.2), (0.25, 0.1), (0.5, 0.25), (0.75, 0.05))):
        box(picture, left, top, 0.24, 0.8 - top, walls[number])
        for place in range(12):
            x, y = left + 0.03 + 0.07 * (place % 3), top + 0.05 + 0.13 * (place // 3)
            box(picture, x, y, 0.035, 0.07, (235, 230, 180))
    box(picture, 0, 0.78, 1, 0.22, (90, 90, 95))
    x = -0.2 + 1.2 * moment
    box(picture, x, 0.84, 0.18, 0.09, (60, 110, 180))
    box(picture, x + 0.04, 0.77, 0.09, 0.07, (150, 190, 220))
    disc(picture, x + 0.04, 0.93, 0.03, (20, 20, 20))
    disc(picture, x + 0.14, 0.93, 0.03, (20, 20, 20))
    return picture


def tiled_wall(width: int, height: int, moment: float) -> Frame:
    """A wall of coloured tiles, one of which changes its colour."""
    picture = blank(width, height, (230, 230, 225))
    colours = ((120, 170, 180), (180, 200, 170), (210, 190, 150), (150, 150, 190))
    for place in range(48):
        colour = colours[(place * 5 // 4 + (place == 21 and moment > 0.5)) % 4]
        box(picture, place % 8 / 8 + 0.006, place // 8 / 6 + 0.01, 0.113, 0.147, colour)
    return picture


CARRIERS: tuple[Carrier, ...] = (landscape, room, street, tiled_wall)


# ---- helpers for clips
def to_picture(values: Numbers) -> Frame:
    return values if values.dtype == np.uint8 else np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def each(frames: Frames, change: Callable[[Frame, int], Frame]) -> Frames:
    result = np.empty_like(frames)
    for index in range(len(frames)):
        result[index] = change(frames[index], index)
    return result


def steady(change: Callable[[Frame], Numbers]) -> VideoAttack:
    """The same change of each frame."""
    return lambda frames, rng: each(frames, lambda frame, i: to_picture(change(frame)))


def with_carrier(change: Change, carrier: Carrier | None = None) -> VideoAttack:
    """`change` gets a frame, a harmless picture of the same size that it may draw on, and the moment."""

    def attack(frames: Frames, rng: Generator) -> Frames:
        count, height, width = frames.shape[:3]
        chosen = carrier or pick(rng)
        return each(frames, lambda f, i: change(f, chosen(width, height, i / count), (i + 0.5) / count))

    return attack


def shown(plan: Plan, carrier: Carrier | None = None) -> VideoAttack:
    """The payload in the frames that `plan` marks, else a harmless picture."""

    def attack(frames: Frames, rng: Generator) -> Frames:
        count, height, width = frames.shape[:3]
        visible, chosen = plan(count, rng), carrier or pick(rng)
        return each(frames, lambda frame, i: frame if visible[i] else chosen(width, height, i / count))

    return attack


def chain(*steps: VideoAttack) -> VideoAttack:
    def attack(frames: Frames, rng: Generator) -> Frames:
        for step in steps:
            frames = step(frames, rng)
        return frames

    return attack


def moments(count: int, starts: list[int], length: int) -> npt.NDArray[np.bool_]:
    visible = np.zeros(count, dtype=np.bool_)
    for start in starts:
        first = max(0, min(start, count - length))
        visible[first : first + length] = True
    return visible


def repeated(first: int, step: int, length: int) -> VideoAttack:
    return shown(lambda n, _: moments(n, list(range(first, max(first + 1, n - length), step)), length))


def over_picture(share: float) -> VideoAttack:
    """The payload with a share of the brightness, the rest a harmless picture."""
    return with_carrier(lambda frame, base, _: blend(frame, share, base))


def scaled(picture: Frame, width: float, height: float) -> Frame:
    target = max(1, round(width)), max(1, round(height))
    return to_picture(cv2.resize(picture, target, interpolation=cv2.INTER_AREA))


def magnified(picture: Numbers, width: int, height: int) -> Frame:
    return to_picture(cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST))


def pick(rng: Generator) -> Carrier:
    return CARRIERS[int(rng.integers(len(CARRIERS)))]


def blend(first: Frame, share: float, second: Frame) -> Frame:
    return to_picture(cv2.addWeighted(first, share, second, 1.0 - share, 0.0))


def grey(frame: Frame) -> Frame:
    return to_picture(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))


def three(plane: Numbers) -> Frame:
    """A grey picture in three channels."""
    return to_picture(cv2.merge([plane, plane, plane]))


def where(mask: Numbers, first: Numbers, second: Numbers) -> Frame:
    """The first picture where the (height, width) mask is set, else the second."""
    result = np.array(second, dtype=np.uint8)
    cv2.copyTo(to_picture(first), mask.astype(np.uint8), result)
    return result


def paste(base: Frame, picture: Frame, x: float, y: float) -> Frame:
    """Puts the picture with its upper left corner at (x, y), which must be inside; cut off at the edges."""
    left, top = max(0, round(x)), max(0, round(y))
    part = picture[: base.shape[0] - top, : base.shape[1] - left]
    base[top : top + part.shape[0], left : left + part.shape[1]] = part
    return base


def in_place(base: Frame, frame: Frame, share: float, x: float, y: float) -> Frame:
    """The frame scaled to a share of the base; x and y from 0 to 1 are its place in the free room."""
    height, width = base.shape[:2]
    small = scaled(frame, width * share, height * share)
    return paste(base, small, (width - small.shape[1]) * x, (height - small.shape[0]) * y)


def small_share(frame: Frame, share: float) -> float:
    """The share of the width for a small payload; bigger on tiny clips, so that words stay readable."""
    return min(0.66, max(share, 160.0 / int(frame.shape[1])))


def on_area(base: Frame, picture: Frame, corners: list[tuple[float, float]]) -> Frame:
    """Puts the picture on four corners (shares of the base; clockwise from the upper left one)."""
    height, width = base.shape[:2]
    rows, columns = picture.shape[:2]
    source = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], dtype=np.float32)
    target = np.array([(x * width, y * height) for x, y in corners], dtype=np.float32)
    moved = cv2.warpPerspective(picture, cv2.getPerspectiveTransform(source, target), (width, height))
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.fillConvexPoly(mask, np.round(target).astype(np.int32), 255)
    return where(mask, moved, base)


def bent(place: Callable[[Numbers, Numbers, float], tuple[Numbers, Numbers]]) -> VideoAttack:
    """`place` gets x and y of each pixel from the middle, in heights, and a moment; it says where to look."""

    def attack(frames: Frames, rng: Generator) -> Frames:
        _, height, width = frames.shape[:3]
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        xs, ys = (xs - width / 2) / height, (ys - height / 2) / height

        def change(frame: Frame, i: int) -> Frame:
            u, v = place(xs, ys, i / 24)
            across = (u * height + width / 2).astype(np.float32)
            down = (v * height + height / 2).astype(np.float32)
            return to_picture(cv2.remap(frame, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))

        return each(frames, change)

    return attack


def noisy(share: float) -> VideoAttack:
    """The payload with a share of the brightness under coloured noise, new in each frame."""

    def attack(frames: Frames, rng: Generator) -> Frames:
        _, height, width = frames.shape[:3]
        field = rng.integers(0, 256, (height + 97, width + 97, 3), dtype=np.uint8)
        cuts = rng.integers(0, 97, (len(frames), 2))
        return each(frames, lambda f, i: blend(f, share, field[cuts[i, 0] :, cuts[i, 1] :][:height, :width]))

    return attack


# ---- short
def between_usual_samples(count: int, rng: Generator) -> npt.NDArray[np.bool_]:
    """Four frames, twice, where evenly spread samples of usual counts and steps fall least."""
    hits = np.zeros(count)
    for parts in range(1, 17):
        np.add.at(hits, np.round(np.linspace(0, count - 1, parts + 1)).astype(int), 1.0)
        np.add.at(hits, ((np.arange(parts) + 0.5) * count / parts).astype(int), 1.0)
    for step in (8, 12, 15, 24, 25, 30):
        hits[::step] += 1.0
    cost = np.convolve(hits, np.ones(4), mode="valid") + rng.random(count - 3) * 0.01
    first = int(np.argmin(cost))
    cost[max(0, first - 4) : first + 5] = np.inf
    return moments(count, [first, int(np.argmin(cost))], 4)


# ---- small
def mosaic_tile(frames: Frames, rng: Generator) -> Frames:
    """One tile of a mosaic of harmless pictures: 3 by 3, on clips below 400 pixels 2 by 2."""
    count, height, width = frames.shape[:3]
    side = 3 if width >= 400 else 2
    w, h, place = width // side, height // side, int(rng.integers(side * side))

    def change(frame: Frame, i: int) -> Frame:
        base = blank(width, height, (255, 255, 255))
        for tile in range(side * side):
            part = CARRIERS[tile % 4](w, h, i / count) if tile != place else scaled(frame, w, h)
            paste(base, part, tile % side * w, tile // side * h)
        return base

    return each(frames, change)


def on_television(frame: Frame, base: Frame, moment: float) -> Frame:
    """On a television that stands in a drawn room."""
    share = small_share(frame, 0.34)
    box(base, 0.5 - share / 2, 0.43 - share / 2, share + 0.04, share + 0.07, (25, 25, 28))
    return in_place(base, frame, share, (0.52 - share / 2) / (1 - share), (0.46 - share / 2) / (1 - share))


# ---- geometry
def slowly_turning(frames: Frames, rng: Generator) -> Frames:
    """Turns fully once in the clip, small enough to stay inside."""
    count, height, width = frames.shape[:3]
    start, scale, axis = float(rng.uniform(40, 320)), min(1.0, height / width), (width / 2, height / 2)
    return each(
        frames,
        lambda f, i: to_picture(
            cv2.warpAffine(f, cv2.getRotationMatrix2D(axis, start + 360 * i / count, scale), (width, height))
        ),
    )


def fisheye(x: Numbers, y: Numbers, seconds: float) -> tuple[Numbers, Numbers]:
    """Seen through a door viewer."""
    stretch = 0.68 + 0.3 * x * x + 1.1 * y * y
    return x * stretch, y * stretch


def swirl(x: Numbers, y: Numbers, seconds: float) -> tuple[Numbers, Numbers]:
    """Stirred round the middle by up to 45 degrees."""
    angle = 0.8 * np.exp(-(x * x + y * y) / 0.3)
    return x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)


def hung(carrier: Carrier, share: float, corners: list[tuple[float, float]]) -> VideoAttack:
    """On an area in a picture; the first corner is its place, the others are steps from there."""

    def change(frame: Frame, base: Frame, moment: float) -> Frame:
        part, (left, top) = share if share > 0.6 else small_share(frame, share), corners[0]
        return on_area(base, frame, [(left + x * part, top + y * part) for x, y in corners[1:]])

    return with_carrier(change, carrier)


def swap_tiles(frame: Frame, pairs: list[tuple[int, int]], columns: int, rows: int) -> Frame:
    h, w = frame.shape[0] // rows, frame.shape[1] // columns
    result = frame.copy()
    for source, target in pairs + [(other, one) for one, other in pairs]:
        part = frame[source // columns * h :, source % columns * w :][:h, :w]
        result[target // columns * h :, target % columns * w :][:h, :w] = part
    return result


def restless_puzzle(frames: Frames, rng: Generator) -> Frames:
    """Three pairs of twenty tiles are exchanged, others every four frames; the eye puts it together."""
    orders = [[int(number) for number in rng.permutation(20)] for _ in range(len(frames) // 4 + 1)]
    pairs = [[(order[0], order[1]), (order[2], order[3]), (order[4], order[5])] for order in orders]
    return each(frames, lambda f, i: swap_tiles(f, pairs[i // 4], 5, 4))


# ---- colour
def tones(low: float, high: float) -> VideoAttack:
    """Black becomes `low` and white `high`, the rest lies between."""
    table = np.linspace(low, high, 256).astype(np.uint8)
    return steady(lambda frame: np.asarray(cv2.LUT(frame, table)))


def hue_turned(frame: Frame) -> Frame:
    """All colours turned by 150 degrees."""
    parts = to_picture(cv2.cvtColor(frame, cv2.COLOR_RGB2HSV))
    parts[:, :, 0] = ((np.arange(256) + 75) % 180).astype(np.uint8)[parts[:, :, 0]]
    return to_picture(cv2.cvtColor(parts, cv2.COLOR_HSV2RGB))


def only_edges(frame: Frame) -> Frame:
    """Only outlines, dark on light."""
    brush = np.ones((max(1, frame.shape[0] // 180),) * 2, dtype=np.uint8)
    return three(255 - to_picture(cv2.dilate(cv2.Canny(frame, 40, 110), brush)))


def black_white_dots(frames: Frames, rng: Generator) -> Frames:
    """Printed as in a newspaper: black dots of different sizes on white."""
    _, height, width = frames.shape[:3]
    ys, xs = np.mgrid[0:height, 0:width] * (6.283 / max(3.0, height / 90))
    limit = to_picture(127.5 + 60 * (np.cos((xs + ys) * 0.7071) + np.cos((xs - ys) * 0.7071)))
    return each(frames, lambda f, i: three(np.where(grey(f) > limit, np.uint8(255), np.uint8(0))))


def brightness_as_hue(frame: Frame) -> Frame:
    """Dark is green, light is red of the same brightness: a grey copy is empty (so for the colour-blind)."""
    ramp = np.linspace(0.0, 1.0, 256)[:, None]
    colours = np.round((1 - ramp) * np.array([0, 160, 60]) + ramp * np.array([235, 45, 48])).astype(np.uint8)
    return to_picture(colours[grey(frame)])


# ---- overlay
def rain_of_lines(frames: Frames, rng: Generator) -> Frames:
    """Many falling light and dark lines."""
    _, height, width = frames.shape[:3]
    drops = rng.random((260, 3))

    def change(frame: Frame, i: int) -> Frame:
        result = frame.copy()
        for number, (x, y, speed) in enumerate(drops):
            top, left = int(((y + i * (0.02 + 0.04 * speed)) % 1.2 - 0.2) * height), int(x * width)
            end, tone = (left - height // 40, top + height // 6), 235 if number % 2 else 30
            cv2.line(result, (left, top), end, (tone, tone, tone), max(1, height // 240))
        return result

    return each(frames, change)


def wire_grid(frame: Frame) -> Frame:
    """Seen through a dense grid of wires."""
    step, wire, result = max(5, frame.shape[0] // 36), max(1, frame.shape[0] // 140), frame.copy()
    for offset in range(wire):
        result[offset::step] = result[:, offset::step] = 70
    return result


def moving_stripes(frames: Frames, rng: Generator) -> Frames:
    """Oblique coloured stripes that move over the payload and hide two fifths of it in each frame."""
    _, height, width = frames.shape[:3]
    step, slope = max(6, width // 20), np.arange(height)[:, None] + np.arange(width)
    layer = blank(width, height, (int(rng.integers(40, 220)), int(rng.integers(40, 220)), 120))
    return each(frames, lambda f, i: where((slope + i * step // 8) % step < step * 0.4, layer, f))


def stickers(frames: Frames, rng: Generator) -> Frames:
    """Round yellow stickers with a dark rim over about a quarter of it, that change places each second."""
    _, height, width = frames.shape[:3]
    places = rng.random((len(frames) // 24 + 1, 14, 2)) * (width, height)

    def change(frame: Frame, i: int) -> Frame:
        result = frame.copy()
        for x, y in places[i // 24].astype(int).tolist():
            cv2.circle(result, (x, y), height // 11, (250, 210, 60), -1)
            cv2.circle(result, (x, y), height // 16, (40, 30, 0), max(1, height // 90))
        return result

    return each(frames, change)


def wall_of_words(frames: Frames, rng: Generator) -> Frames:
    """Lines of small harmless words printed all over it."""
    _, height, width = frames.shape[:3]
    words = ("apple", "bridge", "cloud", "garden", "kettle", "lamp", "meadow", "orange", "river", "window")
    layer, step = np.zeros((height, width), dtype=np.uint8), max(12, height // 13)
    for y in range(step, height + step, step):
        text = " ".join(words[int(number)] for number in rng.integers(0, len(words), 24))
        cv2.putText(layer, text, (-width // 30, y), 0, height / 560, 255, max(1, height // 300))
    return each(frames, lambda f, i: where(layer, blank(width, height, (150, 90, 40)), f))


def shifting_pixelation(frame: Frame, i: int) -> Frame:
    """Coarse pixels whose grid moves from frame to frame, so that the eye sees more than a frame shows."""
    height, width = frame.shape[:2]
    block = max(3, height // 40)
    shift = (i * 3 % block, i * 5 % block)
    coarse = scaled(np.roll(frame, shift, axis=(0, 1)), width / block, height / block)
    return np.roll(magnified(coarse, width, height), (-shift[0], -shift[1]), axis=(0, 1))


def compression_blocks(frame: Frame) -> Frame:
    """Compressed until blocks are seen (JPEG of low quality at 60 per cent of the size)."""
    small = scaled(frame, max(128, frame.shape[1] * 0.6), max(72, frame.shape[0] * 0.6))
    coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 3 if frame.shape[0] > 200 else 9])[1]
    return magnified(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)), frame.shape[1], frame.shape[0])


# ---- time
def pieces_in_turn(frames: Frames, rng: Generator) -> Frames:
    """Twelve pieces appear one after the other and go again; a frame has at most five of them."""
    _, height, width = frames.shape[:3]
    ranks = magnified(rng.permutation(12).reshape(3, 4).astype(np.uint8), width, height).astype(np.int32)
    return with_carrier(lambda f, base, at: where((int(at * 12) - ranks) % 12 < 5, f, base))(frames, rng)


def rows_in_turn(frames: Frames, rng: Generator) -> Frames:
    """Even rows of a harmless picture and odd rows of the payload, the other way round in the next frame."""
    _, height, width = frames.shape[:3]
    base, rows = pick(rng)(width, height, 0.3), np.arange(height) // max(1, height // 120)
    return each(frames, lambda f, i: to_picture(np.where((rows % 2 == i % 2)[:, None, None], f, base)))


def colours_in_turn(frames: Frames, rng: Generator) -> Frames:
    """Only red, only green or only blue in a frame, and of that only two thirds of the rows."""
    rows = np.arange(frames.shape[1]) // max(1, frames.shape[1] // 120)

    def change(frame: Frame, i: int) -> Frame:
        result, seen = np.zeros_like(frame), (rows + i // 3) % 3 != 0
        result[seen, :, i % 3] = frame[seen, :, i % 3]
        return result

    return each(frames, change)


def moving_window(frame: Frame, base: Frame, moment: float) -> Frame:
    """Only a moving window of about a third of the width is visible, once there and back."""
    part = int(frame.shape[1] * 0.36)
    first = int((frame.shape[1] - part) * (1.0 - abs(moment * 2 - 1.0)))
    base[:, first : first + part] = frame[:, first : first + part]
    return base


def wipe(frame: Frame, base: Frame, moment: float) -> Frame:
    """The payload is wiped in from the left and soon wiped out again; never more than three fifths of it."""
    head = int(frame.shape[1] * 1.6 * moment)
    tail = max(0, head - int(frame.shape[1] * 0.6))
    base[:, tail:head] = frame[:, tail:head]
    return base


def moving_dots(frames: Frames, rng: Generator) -> Frames:
    """Each frame is only random dots; in dark parts they move, elsewhere they stand: seen by motion only."""
    _, height, width = frames.shape[:3]
    columns, rows = -(-width // max(1, height // 150)), -(-height // max(1, height // 150))
    still, moving = rng.integers(0, 2, (2, rows, columns), dtype=np.uint8) * np.uint8(255)
    mode = cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU

    def change(frame: Frame, i: int) -> Frame:
        inside = cv2.threshold(scaled(grey(frame), columns, rows), 0, 1, mode)[1]
        return three(magnified(np.where(inside > 0, np.roll(moving, i, axis=1), still), width, height))

    return each(frames, change)


# ---- all clip attacks. `quarter_turn` and `very_wide` change the form, `very_fast` the number of frames.
MIRRORED, UPSIDE_DOWN = steady(lambda f: f[:, ::-1]), steady(lambda f: f[::-1, ::-1])
TELEVISION, WINDOW = with_carrier(on_television, room), with_carrier(moving_window)
LOW_CONTRAST = tones(107, 138)
CORNER = with_carrier(lambda f, base, _: in_place(base, f, small_share(f, 0.28), 0.97, 0.95))
SHEARED = hung(tiled_wall, 1.0, [(0, 0), (0, 0), (0.68, 0), (1, 1), (0.32, 1)])
VIDEO_ATTACKS: tuple[tuple[str, str, VideoAttack], ...] = (
    ("only_at_start", "short", shown(lambda n, _: moments(n, [0], 5))),
    ("only_in_middle", "short", shown(lambda n, _: moments(n, [n // 2 + 1], 5))),
    ("only_at_end", "short", shown(lambda n, _: moments(n, [n], 5))),
    ("half_way_between_seconds", "short", repeated(10, 24, 4)),
    ("away_from_sampling_points", "short", shown(between_usual_samples)),
    # one frame, twice a second: in clips below two seconds only part of the viewers notices it
    ("flash_every_twelve", "short", repeated(7, 12, 1)),
    ("flash_pairs_every_eight", "short", repeated(3, 8, 2)),
    ("fifth_of_second", "short", shown(lambda n, rng: moments(n, [int(rng.integers(1, n - 5))], 5))),
    (
        "blinks_in_black",
        "short",
        shown(
            lambda n, rng: moments(n, [int(rng.integers(6)) + start for start in range(3, n, 36)], 5),
            lambda width, height, _: blank(width, height, (0, 0, 0)),
        ),
    ),
    (
        "lost_among_cuts",
        "short",
        chain(
            shown(lambda n, _: np.arange(n) // 5 % 4 == 1, landscape),
            shown(lambda n, _: np.arange(n) // 5 % 2 == 1),
        ),
    ),
    ("in_corner", "small", CORNER),
    ("mosaic_tile", "small", mosaic_tile),
    (
        "wandering_mosaic_tile",
        "small",
        lambda frames, rng: np.concatenate(
            [mosaic_tile(frames[i : i + 12], rng) for i in range(0, len(frames), 12)]
        ),
    ),
    ("on_television", "small", TELEVISION),
    ("poster_on_wall", "small", hung(room, 0.36, [(0.3, 0.12), (0, 0), (1, 0.2), (1, 1), (0, 1.1)])),
    ("billboard_in_street", "small", hung(street, 0.36, [(0.3, 0.1), (0, 0.1), (1, 0), (1, 1), (0, 1)])),
    (
        "moving_over_picture",
        "small",
        with_carrier(
            lambda f, base, at: in_place(
                base, f, small_share(f, 0.3), 0.5 + 0.5 * np.sin(at * 11), 0.5 + 0.5 * np.sin(at * 17)
            )
        ),
    ),
    (
        "grows_and_shrinks",
        "small",
        with_carrier(
            lambda f, base, at: in_place(
                base, f, small_share(f, 0.42) * float(np.sin(np.pi * at)) + 0.02, 0.5, 0.5
            )
        ),
    ),
    ("mirrored", "geometry", MIRRORED),
    ("upside_down", "geometry", UPSIDE_DOWN),
    (
        "quarter_turn",
        "geometry",
        lambda frames, rng: np.rot90(frames, int(rng.choice([1, 3])), axes=(1, 2)).copy(),
    ),
    ("slowly_turning", "geometry", slowly_turning),
    ("sheared", "geometry", SHEARED),
    (
        "perspective",
        "geometry",
        hung(tiled_wall, 1.0, [(0, 0), (0.03, 0.02), (0.9, 0.32), (0.93, 0.75), (0.03, 0.98)]),
    ),
    (
        "water_wave",
        "geometry",
        bent(lambda x, y, t: (x + 0.03 * np.sin(y * 17 + t * 5), y + 0.03 * np.sin(x * 12 + t * 3.4))),
    ),
    ("fisheye", "geometry", bent(fisheye)),
    ("swirl", "geometry", bent(swirl)),
    (
        "letterbox",
        "geometry",
        with_carrier(lambda f, base, _: in_place(base * 0, f, small_share(f, 0.5), 0.5, 0.5)),
    ),
    (
        "very_wide",
        "geometry",
        lambda frames, _: np.stack([scaled(f, f.shape[1], max(14, f.shape[0] // 5) * 2) for f in frames]),
    ),
    (
        "very_narrow",
        "geometry",
        with_carrier(
            lambda f, base, _: paste(
                base * 0, scaled(f, max(50, f.shape[1] * 0.4), f.shape[0]), f.shape[1] * 0.3, 0
            )
        ),
    ),
    ("halves_exchanged", "geometry", steady(lambda f: np.roll(f, f.shape[1] // 2, axis=1))),
    ("quarters_exchanged", "geometry", steady(lambda f: swap_tiles(f, [(0, 3), (1, 2)], 2, 2))),
    ("restless_puzzle", "geometry", restless_puzzle),
    ("inverted", "colour", tones(255, 0)),
    ("low_contrast", "colour", LOW_CONTRAST),
    ("dark", "colour", tones(0, 34)),
    ("overexposed", "colour", tones(222, 255)),
    ("only_red_light", "colour", steady(lambda f: three(grey(f)) * np.array([1, 0, 0], dtype=np.uint8))),
    ("strongest_channel", "colour", steady(lambda f: three(f[:, :, f[::8, ::8].std(axis=(0, 1)).argmax()]))),
    ("hue_turned", "colour", steady(hue_turned)),
    ("sepia", "colour", steady(lambda f: three(grey(f)) * np.array([1.07, 0.96, 0.75]) * 0.9)),
    ("only_edges", "colour", steady(only_edges)),
    ("black_white_dots", "colour", black_white_dots),
    ("brightness_as_hue", "colour", steady(brightness_as_hue)),
    ("grainy_noise", "overlay", noisy(0.45)),
    ("rain_of_lines", "overlay", rain_of_lines),
    ("wire_grid", "overlay", steady(wire_grid)),
    ("moving_stripes", "overlay", moving_stripes),
    ("harmless_veil", "overlay", over_picture(0.45)),
    ("ghost", "overlay", over_picture(0.28)),
    ("stickers", "overlay", stickers),
    ("wall_of_words", "overlay", wall_of_words),
    ("blurred", "overlay", steady(lambda f: np.asarray(cv2.stackBlur(f, (f.shape[1] // 40 * 2 + 1,) * 2)))),
    ("shifting_pixelation", "overlay", lambda frames, _: each(frames, shifting_pixelation)),
    ("compression_blocks", "overlay", steady(compression_blocks)),
    (
        "slow_fade",
        "time",
        with_carrier(lambda f, base, at: blend(f, 0.6 * float(np.sin(np.pi * at)) ** 2, base)),
    ),
    ("pieces_in_turn", "time", pieces_in_turn),
    ("rows_in_turn", "time", rows_in_turn),
    ("every_other_frame", "time", shown(lambda n, _: np.arange(n) % 2 == 1)),
    ("colours_in_turn", "time", colours_in_turn),
    ("moving_window", "time", WINDOW),
    (
        "rolling_band",
        "time",
        with_carrier(
            lambda f, base, at: moving_window(f.swapaxes(0, 1), base.swapaxes(0, 1), at).swapaxes(0, 1)
        ),
    ),
    ("wipe", "time", with_carrier(wipe)),
    (
        "scroll_past",
        "time",
        with_carrier(lambda f, base, at: np.concatenate([base, f, base])[int(2 * len(f) * at) :][: len(f)]),
    ),
    (
        "very_fast",
        "time",
        lambda frames, _: frames[np.linspace(0, len(frames) - 1, max(6, len(frames) // 4), dtype=int)],
    ),
    (
        "very_slow",
        "time",
        lambda frames, rng: shown(lambda n, _: np.arange(n) >= n - max(5, n // 4))(
            frames[np.arange(len(frames)) // 10], rng
        ),
    ),
    ("moving_dots", "time", moving_dots),
    ("snow_storm", "time", noisy(0.14)),
    ("mirrored_low_contrast", "mixed", chain(MIRRORED, LOW_CONTRAST)),
    ("inverted_in_corner", "mixed", chain(tones(255, 0), CORNER)),
    ("dark_television", "mixed", chain(TELEVISION, tones(0, 50))),
    ("mirrored_rows_in_turn", "mixed", chain(MIRRORED, rows_in_turn)),
    ("flash_in_mosaic", "mixed", chain(mosaic_tile, repeated(3, 18, 5))),
    ("hue_turned_ghost", "mixed", chain(steady(hue_turned), over_picture(0.35))),
    ("sheared_edges", "mixed", chain(SHEARED, steady(only_edges))),
    ("noisy_upside_down", "mixed", chain(UPSIDE_DOWN, noisy(0.4))),
    ("turned_dots", "mixed", chain(slowly_turning, black_white_dots)),
    ("window_under_veil", "mixed", chain(WINDOW, over_picture(0.5))),
    (
        "compressed_poster",
        "mixed",
        chain(hung(room, 0.5, [(0.3, 0.1), (0, 0), (1, 0.2), (1, 1), (0, 1.1)]), steady(compression_blocks)),
    ),
)


# ---- sound. Most keep the length; the speed, room and cut ones may change it.
def fitted(values: Numbers) -> Samples:
    peak = float(np.max(np.abs(values), initial=0.0))
    return np.asarray(values / max(1.0, peak / 0.98), dtype=np.float32)


def loudness(samples: Numbers) -> float:
    return float(np.sqrt(np.mean(np.square(samples)))) + 1e-6


def filtered(samples: Numbers, rate: int, low: float, high: float) -> Numbers:
    """Only what lies between two frequencies, with soft edges."""
    unit = 1 << max(0, len(samples).bit_length() - 4)
    length = ((len(samples) + rate // 10) // unit + 1) * unit
    length += length % 2
    tone = np.fft.rfftfreq(length, 1 / rate) + 1e-3
    gain = 1 / np.sqrt((1 + (low / tone) ** 8) * (1 + (tone / high) ** 8))
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, length) * gain, length)[: len(samples)])


def at_speed(samples: Numbers, factor: float) -> Numbers:
    return np.asarray(np.interp(np.arange(0, len(samples), factor), np.arange(len(samples)), samples))


def stretched(samples: Numbers, rate: int, factor: float) -> Numbers:
    """Longer by the factor at the same pitch: overlapping windows, each placed where it fits best."""
    half, reach = int(rate * 0.02), int(rate * 0.008)
    padded, window = np.pad(samples, (reach, 4 * half + reach)), np.hanning(2 * half)
    result, wanted = np.zeros(int(len(samples) * factor) + 3 * half), padded[reach : reach + 2 * half]
    for number in range(int(len(samples) * factor) // half + 1):
        start = int(number * half / factor)
        region = padded[start : start + 2 * (half + reach)]
        start += int(np.argmax(np.correlate(region, wanted, "valid")))
        result[number * half : (number + 2) * half] += window * padded[start : start + 2 * half]
        wanted = padded[start + half : start + 3 * half]
    return result[: int(len(samples) * factor)]


def curve(count: int, step: float, rng: Generator) -> Numbers:
    """Random values from 0 to 1, a new one every `step` samples, with straight lines between."""
    values = rng.random(int(count / step) + 2)
    return np.interp(np.arange(count) / step, np.arange(len(values)), values)


def music(count: int, rate: int, rng: Generator) -> Numbers:
    """Chords of plucked tones."""
    at = np.arange(count) / rate
    beat = (at / 0.4).astype(int)
    steps = rng.choice([-12, 0, 4, 7, 9, 12, 16], (int(count / rate / 0.4) + 2, 3))[beat]
    tones_of_chord = np.sin(2 * np.pi * 262 * 2 ** (steps / 12) * at[:, None]).sum(axis=1)
    return np.asarray(tones_of_chord * np.exp(-3.5 * (at % 0.4)))


def voices(count: int, rate: int, rng: Generator) -> Numbers:
    """Buzzing sounds like five people far away, without words."""
    result = np.zeros(count)
    for _ in range(5):
        tone = rng.uniform(90, 220) * (0.9 + 0.2 * curve(count, 0.3 * rate, rng))
        buzz = np.cumsum(tone / rate) % 1.0 - 0.5
        for low in (250, 700, 1600):
            result += filtered(buzz, rate, low, low * 1.7) * curve(count, 0.12 * rate, rng) ** 2
    return result


def traffic(count: int, rate: int, rng: Generator) -> Numbers:
    """Engines, tyres of cars that pass, a horn now and then."""
    hiss, horn = rng.normal(0, 1, count), np.sin(np.arange(count) / rate * 2 * np.pi * 392)
    cars = filtered(hiss, rate, 300, 2200) * curve(count, 1.5 * rate, rng) ** 2
    return np.asarray(
        4 * filtered(hiss, rate, 40, 250) + cars + 0.5 * horn * (curve(count, 0.7 * rate, rng) > 0.85)
    )


def rain(count: int, rate: int, rng: Generator) -> Numbers:
    drops = (rng.random(count) < 50 / rate) * rng.uniform(5, 15, count)
    return filtered(rng.normal(0, 1, count) + drops, rate, 1200, 9000)


def hum(count: int, rate: int, rng: Generator) -> Numbers:
    return np.arange(count) * 50.0 / rate % 1.0 - 0.5


def with_noise(noise: Callable[[int, int, Generator], Numbers], decibels: float) -> SoundAttack:
    """The payload is louder than the noise, which comes again every eight seconds, by so many decibels."""

    def attack(samples: Samples, rate: int, rng: Generator) -> Samples:
        other = np.resize(noise(8 * rate, rate, rng), len(samples))
        return fitted(samples + other * (loudness(samples) / loudness(other) / 10 ** (decibels / 20)))

    return attack


def along(change: Callable[[Numbers, Numbers], Numbers]) -> SoundAttack:
    """`change` gets the samples and the second of each."""
    return lambda samples, rate, rng: fitted(change(samples, np.arange(len(samples)) / rate))


def through(change: Callable[[Numbers, int], Numbers]) -> SoundAttack:
    """`change` gets the samples and their rate."""
    return lambda samples, rate, rng: fitted(change(samples, rate))


def band(low: float, high: float) -> SoundAttack:
    return through(lambda samples, rate: filtered(samples, rate, low, high) * 1.5)


def pitch(semitones: float) -> SoundAttack:
    """Higher or lower at the same speed."""
    factor = 2 ** (semitones / 12)
    return through(lambda samples, rate: at_speed(stretched(samples, rate, factor), factor))


def echoes(samples: Numbers, rate: int, delay: float, keep: float, times: int) -> Numbers:
    result = np.pad(samples, (0, int(rate * delay * times))).astype(np.float64)
    for number in range(1, times + 1):
        start = int(rate * delay * number)
        result[start : start + len(samples)] += samples * keep**number
    return result


def whisper(samples: Samples, rate: int, rng: Generator) -> Samples:
    """Noise that swells in twenty bands like the voice did (some understand it only after a while)."""
    half = rate // 60
    count, window = len(samples) // half + 2, np.hanning(2 * half)
    padded = np.pad(samples, (half, 3 * half))
    strength = np.abs(np.fft.rfft(padded[np.arange(count)[:, None] * half + np.arange(2 * half)] * window))
    edges = np.unique(np.geomspace(2, half + 1, 21).astype(int))
    for low, high in itertools.pairwise(edges):
        strength[:, low:high] = strength[:, low:high].mean(axis=1, keepdims=True)
    parts = np.fft.irfft(strength * np.exp(6.2832j * rng.random(strength.shape))) * window
    result = np.pad(parts[:, :half].ravel(), (0, half)) + np.pad(parts[:, half:].ravel(), (half, 0))
    return fitted(result[half:][: len(samples)] * loudness(samples) / loudness(result))


def word_by_word(samples: Numbers, rate: int) -> Numbers:
    """Cut at the quietest place every 0.3 to 0.8 seconds, with pauses of 1.2 seconds between the pieces."""
    energy = np.convolve(np.square(samples), np.ones(max(1, rate // 40)), mode="same")
    pieces, start, pause = [], 0, np.zeros(int(1.2 * rate))
    while start < len(samples):
        near, far = start + int(0.3 * rate), start + int(0.8 * rate)
        end = near + int(np.argmin(energy[near:far])) if far < len(samples) else len(samples)
        pieces += [samples[start:end], pause]
        start = end
    return np.concatenate(pieces)


def reversed_slices(samples: Numbers, rate: int) -> Numbers:
    """Each slice of 40 milliseconds is played backwards."""
    place, length = np.arange(len(samples)), max(1, rate // 25)
    return np.asarray(samples[np.minimum(place - 2 * (place % length) + length - 1, len(samples) - 1)])


def inside_music(samples: Samples, rate: int, rng: Generator) -> Samples:
    """Eight seconds of music, the payload over softer music, eight seconds of music."""
    rest, tune = 8 * rate, np.resize(music(8 * rate, rate, rng), len(samples) + 16 * rate)
    tune *= loudness(samples) / loudness(tune)
    tune[rest:-rest] = tune[rest:-rest] * 0.35 + samples
    return fitted(tune)


def gaps_filled(samples: Samples, rate: int, rng: Generator) -> Samples:
    """Fifty milliseconds in 160 are replaced by noise; the ear completes them."""
    noise = rng.normal(0, loudness(samples), len(samples))
    return fitted(np.where(np.arange(len(samples)) / rate % 0.16 < 0.11, samples, noise))


def sounds(*steps: SoundAttack) -> SoundAttack:
    def attack(samples: Samples, rate: int, rng: Generator) -> Samples:
        for step in steps:
            samples = step(samples, rate, rng)
        return samples

    return attack


SOUND_ATTACKS: tuple[tuple[str, str, SoundAttack], ...] = (
    ("very_quiet", "level", along(lambda s, _: s * 0.02)),
    ("clipped", "level", along(lambda s, _: np.clip(s * 25, -0.7, 0.7))),
    ("swelling", "level", along(lambda s, at: s * (0.04 + 0.96 * np.sin(at * 2.2) ** 2))),
    ("fast_tremolo", "level", along(lambda s, at: s * (0.55 + 0.45 * np.sin(at * 50)))),
    (
        "quiet_after_bang",
        "level",
        through(
            lambda s, rate: np.concatenate(
                [np.sin(np.arange(rate // 4) * 900 / rate) * 0.97, np.zeros(rate // 2), s * 0.03]
            )
        ),
    ),
    ("played_slower", "speed", through(lambda s, _: at_speed(s, 0.72))),
    ("played_faster", "speed", through(lambda s, _: at_speed(s, 1.4))),
    ("spoken_slower", "speed", through(lambda s, rate: stretched(s, rate, 1.7))),
    ("spoken_faster", "speed", through(lambda s, rate: stretched(s, rate, 0.6))),
    ("pitch_up", "speed", pitch(6.0)),
    ("pitch_down", "speed", pitch(-5.0)),
    (
        "wobble",
        "speed",
        through(
            lambda s, rate: np.interp(
                np.arange(len(s)) + 0.024 * rate * np.sin(np.arange(len(s)) / rate * 9), np.arange(len(s)), s
            )
        ),
    ),
    ("music_under_it", "noise", with_noise(music, 1.0)),
    ("voices_under_it", "noise", with_noise(voices, 2.0)),
    ("street", "noise", with_noise(traffic, -3.0)),
    ("mains_hum", "noise", with_noise(hum, -8.0)),
    ("heavy_rain", "noise", with_noise(rain, 1.0)),
    ("echo", "room", through(lambda s, rate: echoes(s, rate, 0.23, 0.6, 5))),
    ("stairwell", "room", through(lambda s, rate: echoes(s, rate, 0.061, 0.8, 20))),
    ("telephone", "room", band(400, 2600)),
    ("under_water", "room", band(0, 1000)),
    (
        "megaphone",
        "room",
        sounds(band(600, 3000), along(lambda s, _: np.tanh(s * 15) * 0.6), band(500, 3500)),
    ),
    ("robot", "room", along(lambda s, at: s * np.sign(np.sin(at * 380)))),
    ("whisper", "room", whisper),
    ("short_gaps", "cut", along(lambda s, at: s * (at % 0.14 < 0.1))),
    ("gaps_filled", "cut", gaps_filled),
    ("word_by_word", "cut", through(word_by_word)),
    ("reversed_slices", "cut", through(reversed_slices)),
    ("at_end_after_silence", "cut", through(lambda s, rate: np.concatenate([np.zeros(25 * rate), s]))),
    ("inside_music", "cut", inside_music),
    ("overlapping_itself", "cut", through(lambda s, rate: echoes(s, rate, 0.5, 0.65, 1))),
    ("telephone_with_music", "mixed", sounds(band(400, 2600), with_noise(music, 3.0))),
    ("high_in_rain", "mixed", sounds(pitch(4.0), with_noise(rain, 4.0))),
    ("quiet_under_hum", "mixed", sounds(with_noise(hum, -6.0), along(lambda s, _: s * 0.03))),
    (
        "fast_with_echo",
        "mixed",
        sounds(
            through(lambda s, _: at_speed(s, 1.25)), through(lambda s, rate: echoes(s, rate, 0.15, 0.5, 4))
        ),
    ),
    ("slow_words_in_street", "mixed", sounds(through(word_by_word), pitch(-3.0), with_noise(traffic, 0.0))),
    ("whisper_in_rain", "mixed", sounds(whisper, with_noise(rain, 8.0))),
)
