"""Filled outlines of an SVG path, enough for icon sets: every command, arcs and curves as short lines."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

_TOKEN = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])|(-?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?)")
_ARITY = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
_STEPS = 12


def raster(path: str, side: int, *, box: float = 24.0) -> npt.NDArray[np.uint8]:
    """The path's inside as a mask, 0 to 255, of a square picture."""
    fine = 4
    scale = side * fine / box
    mask = np.zeros((side * fine, side * fine), np.uint8)
    outlines = [np.round(np.array(one) * scale).astype(np.int32) for one in outlines_of(path) if len(one) > 2]
    # Even-odd, which for icons is what non-zero gives.
    cv2.fillPoly(mask, outlines, 255)
    return np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _numbers(path: str) -> list[tuple[str, list[float]]]:
    """Commands with all their numbers; flags of arcs may be written without a space between."""
    commands: list[tuple[str, list[float]]] = []
    for part in re.findall(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)", path):
        letter, rest = part
        values: list[float] = []
        if letter in "Aa":
            at = 0
            pattern = re.compile(r"[\s,]*(-?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?)")
            flag = re.compile(r"[\s,]*([01])")
            while True:
                reader = flag if len(values) % 7 in (3, 4) else pattern
                found = reader.match(rest, at)
                if found is None:
                    break
                values.append(float(found[1]))
                at = found.end()
        else:
            values = [float(number) for _, number in _TOKEN.findall(rest) if number]
        commands.append((letter, values))
    return commands


def outlines_of(path: str) -> list[list[tuple[float, float]]]:
    outlines: list[list[tuple[float, float]]] = []
    x = y = start_x = start_y = 0.0
    handle: tuple[float, float] | None = None
    for letter, values in _numbers(path):
        kind, relative = letter.upper(), letter.islower()
        if kind == "Z":
            x, y, handle = start_x, start_y, None
            continue
        arity = _ARITY[kind]
        for number in range(0, len(values) - arity + 1, arity):
            v = values[number : number + arity]
            if kind == "M":
                x, y = (x + v[0], y + v[1]) if relative else (v[0], v[1])
                if number == 0:
                    start_x, start_y = x, y
                    outlines.append([(x, y)])
                else:
                    outlines[-1].append((x, y))
                handle = None
                continue
            if not outlines or (outlines[-1][-1] != (x, y)):
                outlines.append([(x, y)])
            line = outlines[-1]
            if kind == "L":
                x, y = (x + v[0], y + v[1]) if relative else (v[0], v[1])
                line.append((x, y))
                handle = None
            elif kind in "HV":
                if kind == "H":
                    x = x + v[0] if relative else v[0]
                else:
                    y = y + v[0] if relative else v[0]
                line.append((x, y))
                handle = None
            elif kind == "A":
                end = (x + v[5], y + v[6]) if relative else (v[5], v[6])
                line.extend(_arc((x, y), v[0], v[1], v[2], bool(v[3]), bool(v[4]), end))
                x, y = end
                handle = None
            else:
                points = [
                    (v[i] + (x if relative else 0), v[i + 1] + (y if relative else 0))
                    for i in range(0, len(v), 2)
                ]
                if kind in "ST":
                    first = (2 * x - handle[0], 2 * y - handle[1]) if handle else (x, y)
                    points = [first, *points]
                line.extend(_bezier([(x, y), *points]))
                handle, (x, y) = points[-2], points[-1]
    return outlines


def _bezier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    out = []
    for step in range(1, _STEPS + 1):
        t, level = step / _STEPS, points
        while len(level) > 1:
            level = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in pairwise(level)]
        out.append(level[0])
    return out


def _arc(
    start: tuple[float, float],
    rx: float,
    ry: float,
    turned: float,
    large: bool,
    sweep: bool,
    end: tuple[float, float],
) -> list[tuple[float, float]]:
    rx, ry = abs(rx), abs(ry)
    if rx == 0 or ry == 0 or start == end:
        return [end]
    phi = math.radians(turned)
    cos, sin = math.cos(phi), math.sin(phi)
    dx, dy = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    px, py = cos * dx + sin * dy, -sin * dx + cos * dy
    grow = (px / rx) ** 2 + (py / ry) ** 2
    if grow > 1:
        rx, ry = rx * math.sqrt(grow), ry * math.sqrt(grow)
    under = max((rx * ry) ** 2 - (rx * py) ** 2 - (ry * px) ** 2, 0) / ((rx * py) ** 2 + (ry * px) ** 2)
    factor = math.sqrt(under) * (-1 if large == sweep else 1)
    cx, cy = factor * rx * py / ry, -factor * ry * px / rx
    mx, my = cos * cx - sin * cy + (start[0] + end[0]) / 2, sin * cx + cos * cy + (start[1] + end[1]) / 2
    first = math.atan2((py - cy) / ry, (px - cx) / rx)
    last = math.atan2((-py - cy) / ry, (-px - cx) / rx)
    span = last - first
    if sweep and span < 0:
        span += math.tau
    elif not sweep and span > 0:
        span -= math.tau
    steps = max(int(abs(span) / math.pi * 16), 2)
    out = []
    for step in range(1, steps + 1):
        a = first + span * step / steps
        x, y = rx * math.cos(a), ry * math.sin(a)
        out.append((cos * x - sin * y + mx, sin * x + cos * y + my))
    return out
