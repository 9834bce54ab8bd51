"""People at work: for each trade the clothing, the movement, the tool in the hand and what stands beside.

One unit is the height of the person, who faces right.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from safelight_storyboard import people
from safelight_storyboard.buildings import box
from safelight_storyboard.care_and_market_trades import (
    CARE_AND_MARKET_TRADES,
    hospital_bed,
)
from safelight_storyboard.craft_trades import CRAFT_TRADES
from safelight_storyboard.figures import Drawing, Pen, Point, Tones
from safelight_storyboard.lexicon import Environment
from safelight_storyboard.people import Look
from safelight_storyboard.shop_trades import SHOP_TRADES
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.trade import Trade, bent, digging, hammering, pose, seated


def working(kind: SubjectKind, look: Look) -> Drawing:
    """A drawing of a person of this trade; `look` says what clothing the prompt and the seed choose."""
    trade = TRADES[kind]
    dressed = replace(look, hat=trade.hat or look.hat, tool=trade.tool, umbrella=False)
    body = people.person(dressed, trade.pose)

    def draw(pen: Pen, phase: float, tones: Tones) -> None:
        if trade.behind is not None:
            trade.behind(pen, phase, tones)
        body(pen, phase, tones)
        if trade.front is not None:
            trade.front(pen, phase, tones)

    return draw


def _hammer(pen: Pen, hand: Point, phase: float, tones: Tones) -> None:
    up = 0.5 + 0.5 * math.sin(2.2 * phase)
    angle = 0.2 + 1.5 * up
    end = (hand[0] + math.cos(angle) * 0.2, hand[1] + math.sin(angle) * 0.2)
    pen.limb(hand, end, 0.014, 0.014, tones.skin * np.float32(0.6))
    across = (-math.sin(angle) * 0.06, math.cos(angle) * 0.06)
    pen.limb(
        (end[0] - across[0], end[1] - across[1]),
        (end[0] + across[0], end[1] + across[1]),
        0.035,
        0.035,
        tones.dark,
    )


def _anvil(pen: Pen, phase: float, tones: Tones) -> None:
    iron = tones.dark * np.float32(0.7)
    box(pen, 0.3, 0.0, 0.56, 0.26, np.array([44, 62, 88], np.float32))
    pen.shape(
        [
            (0.34, 0.26),
            (0.52, 0.26),
            (0.48, 0.34),
            (0.6, 0.38),
            (0.6, 0.45),
            (0.28, 0.45),
            (0.12, 0.42),
            (0.38, 0.34),
        ],
        iron,
    )
    hot = 0.75 + 0.25 * math.sin(phase * 2)
    box(pen, 0.3, 0.45, 0.56, 0.475, np.array([60, 150 * hot + 60, 250], np.float32))
    for number in range(7):
        age = (phase * 0.35 + number / 7) % 1.0
        a = 0.3 + number * 0.42
        at = (0.43 + math.cos(a) * 0.3 * age, 0.48 + math.sin(a) * 0.34 * age - 0.2 * age * age)
        pen.disc(at, 0.011, np.array([90, 200, 255], np.float32))


def _forge(pen: Pen, phase: float, tones: Tones) -> None:
    box(pen, 0.78, 0.0, 1.25, 0.42, tones.dark)
    pen.shape([(0.74, 0.42), (1.29, 0.42), (1.22, 0.5), (0.8, 0.5)], tones.dark * np.float32(0.8))
    for number in range(5):
        high = 0.16 + 0.06 * math.sin(phase * 3 + number * 2)
        x = 0.84 + number * 0.08
        pen.shape(
            [(x - 0.05, 0.48), (x + 0.05, 0.48), (x + 0.02, 0.48 + high)],
            np.array([50, 130, 245], np.float32),
        )
        pen.shape(
            [(x - 0.025, 0.48), (x + 0.025, 0.48), (x, 0.48 + high * 0.6)],
            np.array([120, 220, 255], np.float32),
        )
    pen.shape([(0.7, 0.95), (1.33, 0.95), (1.12, 1.3), (0.92, 1.3)], tones.dark)


def _hoe(pen: Pen, hand: Point, _phase: float, tones: Tones) -> None:
    wood = tones.skin * np.float32(0.55)
    pen.limb((hand[0] - 0.22, hand[1] + 0.32), (hand[0] + 0.24, hand[1] - 0.34), 0.013, 0.013, wood)
    pen.shape(
        [(hand[0] + 0.2, hand[1] - 0.3), (hand[0] + 0.3, hand[1] - 0.34), (hand[0] + 0.22, hand[1] - 0.42)],
        tones.dark,
    )


def _rice(pen: Pen, phase: float, tones: Tones) -> None:
    """Rows of young rice in shallow water."""
    leaf = np.array([80, 170, 110], np.float32) * np.float32(0.75) + tones.body * np.float32(0.15)
    for row, y in enumerate((0.1, 0.03, -0.05)):
        pen.limb(
            (-1.7, y - 0.012), (1.7, y - 0.012), 0.01, 0.01, tones.skin * np.float32(0.5) + np.float32(70)
        )
        for number in range(31):
            x = -2.9 + number * 0.19 + 0.06 * row
            for bend in (-0.05, 0.0, 0.05):
                tip = (x + bend + 0.012 * math.sin(phase + number), y + 0.1 + 0.02 * row)
                pen.limb((x, y), tip, 0.008, 0.003, leaf)


def _seedlings(pen: Pen, hand: Point, _phase: float, _tones: Tones) -> None:
    for bend in (-0.05, 0.0, 0.05):
        pen.limb(
            hand, (hand[0] + bend + 0.02, hand[1] + 0.12), 0.008, 0.004, np.array([70, 170, 96], np.float32)
        )


def _net(pen: Pen, hand: Point, phase: float, tones: Tones) -> None:
    """A net that opens in the air and falls."""
    u = (phase * 0.11) % 1.0
    spread, drop = 0.2 + 0.5 * min(1.0, u * 1.8), 0.55 * u * u
    top = (hand[0] + 0.22 + 0.35 * u, hand[1] + 0.24 - drop)
    rope = tones.skin * np.float32(0.6) + np.float32(60)
    rim = [(top[0] + 0.2 + math.cos(a) * spread * 0.6, top[1] - 0.32 + math.sin(a) * spread * 0.2)
           for a in np.linspace(0, math.tau, 17)]  # fmt: skip
    for point in rim:
        pen.thread([top, point], 0.008, rope)
    for share in (0.35, 0.7, 1.0):
        ring = [(top[0] + (x - top[0]) * share, top[1] + (y - top[1]) * share) for x, y in rim]
        pen.thread(ring, 0.009, rope)
    pen.thread([hand, top], 0.012, rope)


def _skiff(pen: Pen, _phase: float, tones: Tones) -> None:
    """The boat on which the fisherman stands."""
    wood = np.array([44, 66, 92], np.float32) * np.float32(0.8) + tones.dark * np.float32(0.2)
    pen.shape([(-0.85, 0.18), (-0.5, 0.05), (0.5, 0.05), (0.9, 0.2), (0.62, -0.16), (-0.6, -0.16)], wood)
    pen.thread([(-0.85, 0.18), (-0.5, 0.05), (0.5, 0.05), (0.9, 0.2)], 0.022, tones.dark)


def _hose(pen: Pen, hand: Point, phase: float, tones: Tones) -> None:
    """A hose with a jet of water."""
    pen.thread([(-0.9, 0.0), (-0.4, 0.02), (-0.1, 0.25), hand], 0.04, tones.dark)
    pen.limb(hand, (hand[0] + 0.12, hand[1] + 0.04), 0.024, 0.014, tones.accent)
    points = [
        (hand[0] + 0.12 + 0.95 * u, hand[1] + 0.04 + 0.5 * u - 0.42 * u * u) for u in np.linspace(0, 1, 12)
    ]
    for number, (x, y) in enumerate(points):
        wide = 0.012 + 0.006 * number
        pen.disc((x, y + 0.01 * math.sin(phase * 6 + number)), wide, np.array([245, 225, 200], np.float32))


def _fire(pen: Pen, phase: float, _tones: Tones) -> None:
    for number in range(6):
        x = 1.15 + number * 0.1
        high = 0.34 + 0.16 * math.sin(number * 2.3) + 0.08 * math.sin(phase * 4 + number * 1.7)
        pen.shape([(x - 0.12, 0.0), (x + 0.12, 0.0), (x + 0.03, high)], np.array([40, 105, 240], np.float32))
        pen.shape([(x - 0.06, 0.0), (x + 0.06, 0.0), (x, high * 0.6)], np.array([100, 210, 255], np.float32))


def _blackboard(pen: Pen, _phase: float, tones: Tones) -> None:
    """A blackboard with a chalk drawing: a triangle, a circle, lines."""
    box(pen, 0.05, 0.42, 1.55, 1.16, np.array([40, 70, 104], np.float32))
    box(pen, 0.09, 0.46, 1.51, 1.12, np.array([58, 74, 52], np.float32))
    chalk = np.array([215, 225, 220], np.float32)
    pen.thread([(0.5, 0.7), (0.85, 0.7), (0.68, 0.98), (0.5, 0.7)], 0.012, chalk)
    pen.thread(
        [(1.15 + math.cos(a) * 0.13, 0.9 + math.sin(a) * 0.13) for a in np.linspace(0, math.tau, 24)],
        0.012,
        chalk,
    )
    for y in (0.62, 0.54):
        pen.thread([(0.5, y), (1.3, y)], 0.01, chalk)
    box(pen, 0.05, 0.4, 1.55, 0.43, tones.dark)


def _pointer(pen: Pen, hand: Point, _phase: float, tones: Tones) -> None:
    pen.limb(hand, (hand[0] + 0.26, hand[1] + 0.1), 0.008, 0.005, tones.skin)


def _violin(pen: Pen, hand: Point, phase: float, tones: Tones) -> None:
    wood = np.array([40, 84, 160], np.float32)
    pen.limb((0.04, 0.8), (0.38, 0.86), 0.014, 0.011, tones.dark)
    pen.oval((0.08, 0.81), (0.085, 0.05), wood, 0.17)
    pen.oval((0.17, 0.825), (0.06, 0.038), wood, 0.17)
    draw = 0.1 * math.sin(1.6 * phase)
    pen.limb((hand[0] - 0.02, hand[1]), (0.2 - draw, 0.98 - draw), 0.007, 0.006, tones.skin)


def _guitar(pen: Pen, _hand: Point, _phase: float, tones: Tones) -> None:
    wood = np.array([60, 120, 190], np.float32)
    pen.limb((0.1, 0.56), (0.48, 0.76), 0.02, 0.016, tones.dark)
    pen.oval((0.03, 0.52), (0.13, 0.105), wood, 0.5)
    pen.oval((0.14, 0.585), (0.095, 0.08), wood, 0.5)
    pen.disc((0.09, 0.555), 0.034, tones.dark)


def _piano(pen: Pen, _phase: float, tones: Tones) -> None:
    """A grand piano and a stool."""
    black = tones.dark * np.float32(0.55)
    box(pen, -0.14, 0.26, 0.14, 0.3, black)
    for x in (-0.11, 0.11):
        box(pen, x - 0.015, 0.0, x + 0.015, 0.27, black)
    for x in (0.38, 1.2):
        box(pen, x, 0.0, x + 0.05, 0.34, black)
    pen.shape([(0.3, 0.34), (1.34, 0.34), (1.34, 0.5), (0.46, 0.5), (0.3, 0.44)], black)
    pen.shape([(0.5, 0.5), (1.34, 0.5), (0.84, 0.94)], black * np.float32(1.6) + np.float32(14))
    box(pen, 0.29, 0.43, 0.46, 0.46, np.array([225, 232, 235], np.float32))


def _easel(pen: Pen, _phase: float, _tones: Tones) -> None:
    """An easel with a picture of hills."""
    wood = np.array([50, 84, 122], np.float32)
    for a, b in (((0.38, 0.0), (0.58, 1.12)), ((0.86, 0.0), (0.64, 1.12)), ((0.62, 0.3), (0.62, 1.18))):
        pen.limb(a, b, 0.015, 0.012, wood)
    box(pen, 0.38, 0.44, 0.88, 0.96, np.array([225, 235, 238], np.float32))
    box(pen, 0.41, 0.47, 0.85, 0.93, np.array([220, 196, 150], np.float32))
    pen.shape(
        [(0.41, 0.6), (0.55, 0.74), (0.7, 0.62), (0.85, 0.7), (0.85, 0.47), (0.41, 0.47)],
        np.array([96, 140, 96], np.float32),
    )
    pen.disc((0.74, 0.83), 0.045, np.array([90, 190, 245], np.float32))
    pen.limb((0.36, 0.43), (0.9, 0.43), 0.014, 0.014, wood)


def _brush(pen: Pen, hand: Point, _phase: float, tones: Tones) -> None:
    pen.limb(hand, (hand[0] + 0.14, hand[1] + 0.05), 0.008, 0.006, tones.skin)
    pen.disc((hand[0] + 0.15, hand[1] + 0.053), 0.013, tones.accent)


def _camera(pen: Pen, _phase: float, tones: Tones) -> None:
    """A camera on a tripod."""
    for foot in (0.26, 0.44, 0.6):
        pen.limb((0.42, 0.72), (foot, 0.0), 0.013, 0.01, tones.dark)
    box(pen, 0.32, 0.72, 0.52, 0.86, tones.dark * np.float32(0.6))
    box(pen, 0.38, 0.86, 0.46, 0.89, tones.dark * np.float32(0.6))
    box(pen, 0.52, 0.745, 0.64, 0.835, tones.dark * np.float32(0.8))


def _can(pen: Pen, hand: Point, phase: float, _tones: Tones) -> None:
    """A watering can, and flowers under it."""
    tin = np.array([150, 140, 96], np.float32)
    box(pen, hand[0] - 0.08, hand[1] - 0.18, hand[0] + 0.08, hand[1] - 0.03, tin)
    pen.limb((hand[0] + 0.06, hand[1] - 0.14), (hand[0] + 0.24, hand[1] - 0.02), 0.016, 0.012, tin)
    for number in range(9):
        age = (phase * 0.5 + number / 9) % 1.0
        at = (hand[0] + 0.25 + 0.12 * age + 0.01 * number, hand[1] - 0.02 - 0.4 * age * age)
        pen.disc(at, 0.009, np.array([240, 220, 190], np.float32))
    for number, x in enumerate((0.5, 0.6, 0.7, 0.8)):
        pen.limb((x, 0.0), (x, 0.13), 0.008, 0.006, np.array([60, 130, 70], np.float32))
        petal = np.array(((70, 70, 215), (60, 190, 245), (180, 90, 210), (235, 235, 240))[number], np.float32)
        for turn in range(5):
            a = turn * math.tau / 5
            pen.disc((x + 0.025 * math.cos(a), 0.15 + 0.025 * math.sin(a)), 0.02, petal)


def _tray(pen: Pen, hand: Point, _phase: float, tones: Tones) -> None:
    pen.limb((hand[0] - 0.13, hand[1] + 0.03), (hand[0] + 0.15, hand[1] + 0.03), 0.012, 0.012, tones.skin)
    for dx in (-0.07, 0.06):
        box(
            pen,
            hand[0] + dx - 0.022,
            hand[1] + 0.04,
            hand[0] + dx + 0.022,
            hand[1] + 0.11,
            np.array([235, 240, 240], np.float32),
        )


def _broom(pen: Pen, hand: Point, _phase: float, tones: Tones) -> None:
    end = (hand[0] + 0.26, 0.06)
    pen.limb((hand[0] - 0.12, hand[1] + 0.22), end, 0.012, 0.012, tones.skin * np.float32(0.6))
    pen.shape([(end[0] - 0.04, end[1] + 0.05), (end[0] + 0.04, end[1] + 0.05), (end[0] + 0.13, 0.0),
        (end[0] - 0.05, 0.0)],
              np.array([70, 140, 180], np.float32))  # fmt: skip


def _leaves(pen: Pen, _phase: float, _tones: Tones) -> None:
    """Fallen leaves, and a heap of them in front of the broom."""
    colours = ((40, 110, 215), (50, 150, 225), (36, 70, 170))
    for number in range(26):
        heap = number < 16
        x = 0.62 + 0.3 * ((number * 0.37) % 1.0) if heap else -0.6 + 2.0 * ((number * 0.29) % 1.0)
        y = 0.02 + (0.1 - abs(x - 0.77) * 0.5) * ((number * 0.61) % 1.0) if heap else 0.012
        pen.oval((x, max(0.012, y)), (0.034, 0.016), np.array(colours[number % 3], np.float32), number)


def _stethoscope(pen: Pen, hand: Point, _phase: float, tones: Tones) -> None:
    """A stethoscope around the neck; the hand holds its end."""
    rubber = tones.dark * np.float32(0.4)
    pen.thread(
        [(-0.03, 0.85), (0.05, 0.72), (0.1, 0.66), (hand[0] - 0.06, hand[1] + 0.06), hand], 0.016, rubber
    )
    pen.thread([(0.06, 0.85), (0.05, 0.72)], 0.016, rubber)
    pen.disc((hand[0] + 0.02, hand[1]), 0.026, np.array([190, 190, 184], np.float32))


def _saw(pen: Pen, hand: Point, _phase: float, _tones: Tones) -> None:
    steel = np.array([200, 200, 196], np.float32)
    pen.shape(
        [
            (hand[0], hand[1] + 0.03),
            (hand[0] + 0.36, hand[1] - 0.1),
            (hand[0] + 0.34, hand[1] - 0.13),
            (hand[0] - 0.01, hand[1] - 0.05),
        ],
        steel,
    )


def _bench(pen: Pen, _phase: float, _tones: Tones) -> None:
    wood = np.array([60, 96, 136], np.float32)
    box(pen, 0.22, 0.42, 1.05, 0.47, wood)
    for x in (0.28, 0.94):
        box(pen, x, 0.0, x + 0.05, 0.42, wood * np.float32(0.75))
    box(pen, 0.34, 0.47, 1.2, 0.52, wood * np.float32(1.3))


def _wheel_of_clay(pen: Pen, phase: float, tones: Tones) -> None:
    clay = np.array([84, 116, 168], np.float32)
    box(pen, 0.16, 0.3, 0.62, 0.34, tones.dark)
    for x in (0.2, 0.54):
        box(pen, x, 0.0, x + 0.04, 0.3, tones.dark)
    wide = 0.1 + 0.012 * math.sin(phase)
    pen.shape([(0.39 - wide * 0.6, 0.34), (0.39 + wide * 0.6, 0.34), (0.39 + wide, 0.44),
        (0.39 + wide * 0.5, 0.54),
               (0.39 - wide * 0.5, 0.54), (0.39 - wide, 0.44)], clay)  # fmt: skip
    box(pen, -0.14, 0.24, 0.14, 0.28, tones.dark)


_FIELD, _STREET = (Environment.MEADOW,), (Environment.STREET,)
_HALL, _ROOM = (Environment.STAGE,), (Environment.ROOM,)
TRADES: dict[SubjectKind, Trade] = {
    **CRAFT_TRADES,
    **CARE_AND_MARKET_TRADES,
    **SHOP_TRADES,
    SubjectKind.BLACKSMITH: Trade(pose=hammering, homes=_ROOM, clothes="#6b4a33", tool=_hammer,
        behind=_forge, front=_anvil),
    SubjectKind.FARMER: Trade(pose=digging, homes=_FIELD, hat="straw", clothes="#4f6d7a", tool=_hoe),
    SubjectKind.RICE_FARMER: Trade(pose=bent, homes=_FIELD, hat="straw", clothes="#4f6d7a",
        tool=_seedlings, front=_rice),
    SubjectKind.FISHERMAN: Trade(pose=pose(1.1, 0.5, 0.9, swing=0.2), homes=(Environment.LAKE,), hat="straw",
                                 clothes="#5d7a78", tool=_net, behind=_skiff),
    SubjectKind.FIREFIGHTER: Trade(pose=pose(0.9, 0.6, 0.7, swing=0.05, lean=0.08), homes=_STREET,
        hat="helmet",
                                   clothes="#c98a2f", tool=_hose, behind=_fire),
    SubjectKind.TEACHER: Trade(pose=pose(1.5, 0.3, swing=0.15), homes=_ROOM, tool=_pointer,
        behind=_blackboard),
    SubjectKind.DOCTOR: Trade(pose=pose(0.8, 0.6, 0.5, swing=0.08), homes=_ROOM, clothes="#ecebe6",
        tool=_stethoscope, behind=hospital_bed),
    SubjectKind.PAINTER: Trade(pose=pose(1.25, 0.4, swing=0.18), homes=_FIELD, tool=_brush, behind=_easel),
    SubjectKind.PHOTOGRAPHER: Trade(pose=pose(1.1, 0.9, 1.0, lean=0.14),
        homes=(Environment.MOUNTAINS,), front=_camera),
    SubjectKind.CARPENTER: Trade(pose=pose(0.7, 0.6, 0.5, swing=0.3, lean=0.2), homes=_ROOM,
        tool=_saw, front=_bench),
    SubjectKind.GARDENER: Trade(pose=pose(0.8, 0.5, swing=0.06), homes=_FIELD, hat="straw",
        clothes="#56744d", tool=_can),
    SubjectKind.VIOLINIST: Trade(pose=pose(0.75, 1.5, 1.1, swing=0.14), homes=_HALL,
        clothes="#2c2f3a", tool=_violin),
    SubjectKind.GUITARIST: Trade(pose=pose(0.3, 1.1, 0.9, swing=0.1), homes=_HALL, tool=_guitar),
    SubjectKind.PIANIST: Trade(pose=seated, homes=_HALL, clothes="#2c2f3a", behind=_piano),
    SubjectKind.WAITER: Trade(pose=pose(1.1, 1.2), homes=_STREET, clothes="#e4e0d6", tool=_tray),
    SubjectKind.SWEEPER: Trade(pose=pose(0.5, 0.5, 0.35, swing=0.2), homes=_STREET, hat="cap",
        clothes="#d9722b", tool=_broom, front=_leaves),
    SubjectKind.POTTER: Trade(pose=seated, homes=_ROOM, front=_wheel_of_clay),
}  # fmt: skip
