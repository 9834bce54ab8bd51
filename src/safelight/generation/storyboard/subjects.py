"""The cast: every subject of a scene as figures with their place, pace, colours and light."""

from __future__ import annotations

import math
import re
from functools import partial

import numpy as np

from safelight.generation.storyboard import animals, people, vehicles
from safelight.generation.storyboard.attachments import board_vehicle, carried, held
from safelight.generation.storyboard.figures import Drawing, Figure, Point, Tones, tones_for
from safelight.generation.storyboard.lexicon import (
    Environment,
    Mood,
    SubjectAction,
    SubjectKind,
    TimeOfDay,
    Weather,
)
from safelight.generation.storyboard.palette import Light
from safelight.generation.storyboard.people import Look
from safelight.generation.storyboard.place import FrameGeometry, Place
from safelight.generation.storyboard.raster import Colour, rgb
from safelight.generation.storyboard.scene import PEOPLE, Scene, Subject

CLOTHES = ("#41556b", "#7a4b3f", "#56624d", "#6b4f66", "#3f3f4c", "#8a6a4a", "#94584a")
DRESSES = ("#a5443f", "#c08a4a", "#4a6f7c", "#7c5277", "#b56a6f", "#d8c7a8")
BALLOONS = ("#c8432f", "#d98a2b", "#2f7f86", "#b03a5b", "#4a6fb0")

#: Speed in figure heights per second and phase in radians per second, so that feet do not slide.
WALK, RUN = (0.78, 5.6), (1.75, 9.4)


def pace_of(subject: Subject) -> tuple[float, float]:
    """(heights per second, radians per second) of a subject on the ground; (0, slow) where it stays."""
    if subject.kind is SubjectKind.TRAIN and subject.action is SubjectAction.RUN:
        return 1.6, 6.0
    if subject.kind is SubjectKind.CAR and subject.action is SubjectAction.RUN:
        return 2.2, 8.0
    if subject.kind is SubjectKind.BICYCLE:
        return 0.95, 5.8
    if subject.action is SubjectAction.WALK:
        return {
            SubjectKind.HORSE: (0.72, 5.0),
            SubjectKind.DOG: (1.0, 6.6),
            SubjectKind.CAT: (0.75, 6.0),
            SubjectKind.CHILD: (0.8, 6.4),
        }.get(subject.kind, WALK)
    if subject.action is SubjectAction.RUN:
        return {
            SubjectKind.HORSE: (2.6, 11.5),
            SubjectKind.DOG: (3.0, 13.0),
            SubjectKind.CAT: (2.6, 13.0),
        }.get(subject.kind, RUN)
    return 0.0, 1.6


def height_of(kind: SubjectKind, place: Place, h: float, closeness: float) -> float:
    """Height in pixels of one unit of a kind's drawing."""
    share = {
        SubjectKind.CHILD: 0.22,
        SubjectKind.DOG: 0.15,
        SubjectKind.CAT: 0.16,
        SubjectKind.HORSE: 0.26,
        SubjectKind.CAR: 0.165,
        SubjectKind.TRAIN: 0.16,
        SubjectKind.BICYCLE: 0.31,
        SubjectKind.BOAT: 0.32,
        SubjectKind.HOT_AIR_BALLOON: 0.34,
        SubjectKind.BALLOON: 0.09,
        SubjectKind.BIRD: 0.085,
        SubjectKind.BUTTERFLY: 0.036,
        SubjectKind.FISH: 0.16,
        SubjectKind.WHALE: 0.3,
        SubjectKind.ASTRONAUT: 0.36,
    }.get(kind, 0.33)
    size = share * h * place.scale * closeness
    return min(size, 0.8 * h)


def lead_speed(scene: Scene, place: Place, frame_h: float) -> float:
    """How fast, in pixels per second, the first subject crosses the land; 0 where nothing does."""
    for subject in scene.subjects:
        speed, _ = pace_of(subject)
        if speed and subject.kind not in (SubjectKind.BIRD, SubjectKind.FISH):
            return speed * height_of(subject.kind, place, frame_h, scene.closeness)
    return 0.0


def assemble(
    scene: Scene,
    place: Place,
    light: Light,
    frame: FrameGeometry,
    rng: np.random.Generator,
    *,
    travel: float,
    behind: list[Figure],
    front: list[Figure],
) -> None:
    """Fill `behind` (air, water) and `front` (ground); `travel`: how far the camera goes."""
    grounded = [s for s in scene.subjects if _stands(s)]
    slots = _slots(sum(_shown(s, frame) for s in grounded), frame, rng)
    if scene.setting is Environment.KITCHEN and len(slots) == 1:
        slots = [0.56 - 0.17 * frame.h / frame.w]
    used = 0
    for subject in sorted(scene.subjects, key=lambda s: not _stands(s)):
        for index in range(_shown(subject, frame)):
            figure: Figure | None
            if _stands(subject):
                figure = _on_ground(scene, subject, index, slots[used], place, light, frame, rng, travel)
                used += 1
                front.append(figure)
            else:
                holder = (
                    next((f for f in front[index:] if f.name in PEOPLE), None)
                    if subject.kind is SubjectKind.BALLOON
                    else None
                )
                if holder is not None:
                    figure = _aloft(scene, subject, index, place, light, frame, rng)
                    behind.append(held(figure, holder))
                    continue
                behind.append(
                    carried(_aloft(scene, subject, index, place, light, frame, rng), place, frame, travel)
                )
    front.sort(key=lambda f: f.path(0.0)[1])
    board_vehicle(scene, behind, front)


def _stands(subject: Subject) -> bool:
    floats = subject.kind in PEOPLE and subject.action in (SubjectAction.FLY, SubjectAction.SWIM)
    aloft = (
        SubjectKind.BIRD,
        SubjectKind.BUTTERFLY,
        SubjectKind.BALLOON,
        SubjectKind.HOT_AIR_BALLOON,
        SubjectKind.FISH,
        SubjectKind.WHALE,
        SubjectKind.BOAT,
    )
    return subject.kind not in aloft and not floats


def _shown(subject: Subject, frame: FrameGeometry) -> int:
    most = {
        SubjectKind.TRAIN: 1,
        SubjectKind.CAR: 2,
        SubjectKind.HORSE: 4,
        SubjectKind.WHALE: 2,
        SubjectKind.BOAT: 3,
        SubjectKind.HOT_AIR_BALLOON: 5,
    }.get(subject.kind, 9)
    if frame.w < frame.h:
        most = min(most, 5)
    return min(subject.count, most)


def _slots(count: int, frame: FrameGeometry, rng: np.random.Generator) -> list[float]:
    """Places across the picture: one stands on a third, several spread around it."""
    if count <= 1:
        return [0.38 if frame.sun[0] > frame.w / 2 else 0.6]
    middle = 0.46
    gap = min(0.17, 0.62 / count) * max(1.0, 1.15 * frame.h / frame.w)
    return [middle + (i - (count - 1) / 2) * gap + float(rng.uniform(-0.02, 0.02)) for i in range(count)]


def _tones(
    scene: Scene,
    subject: Subject,
    place: Place,
    light: Light,
    clothes: Colour,
    skin: Colour,
) -> Tones:
    colour = None if subject.colour is None else rgb(subject.colour)
    ambient = light.ambient
    dark = place.dark * (0.5 if scene.hour is TimeOfDay.DAY else 1.0)
    if scene.setting in (Environment.KITCHEN, Environment.ROOM, Environment.STAGE):
        ambient = np.maximum(ambient, rgb("#d8a878") / 255 * np.float32(0.85))
    elif light.lamps > 0.5 and scene.setting in (Environment.CITY, Environment.STREET):
        ambient = np.maximum(ambient, rgb("#8a7a88") / 255)
    return tones_for(
        colour,
        ambient,
        light.shade,
        light.haze,
        depth=place.depth,
        dark=dark,
        clothes=clothes,
        skin=skin,
    )


def _rim(light: Light, frame: FrameGeometry, scene: Scene) -> Colour | None:
    if scene.setting in (Environment.KITCHEN, Environment.ROOM, Environment.STAGE):
        return rgb("#ffcf96") * np.float32(0.42)
    if scene.setting in (Environment.CITY, Environment.STREET) and light.lamps > 0.5:
        return rgb("#ffb877") * np.float32(0.5)
    strength = {
        TimeOfDay.DAY: 0.26,
        TimeOfDay.GOLDEN: 0.75,
        TimeOfDay.DAWN: 0.55,
        TimeOfDay.DUSK: 0.6,
        TimeOfDay.NIGHT: 0.4,
    }[scene.hour]
    return light.sun * np.float32(strength * (1.0 if frame.shines else 0.4))


def _look(scene: Scene, subject: Subject, rng: np.random.Generator, index: int) -> Look:
    rain = scene.weather in (Weather.RAIN, Weather.STORM) and subject.action in (
        SubjectAction.STAND,
        SubjectAction.WALK,
    )
    cold = scene.weather is Weather.SNOW
    either = subject.kind in (SubjectKind.PERSON, SubjectKind.CHILD) and not re.search(
        r"\b(?:m[ae]n|boys?|father|grandfather|king|cowboys?)\b|男|爸|爷", subject.word
    )
    woman = (
        subject.kind is SubjectKind.WOMAN
        or (either and rng.random() < 0.4)
        or "girl" in subject.word
        or "女" in subject.word
    )
    if subject.kind is SubjectKind.ASTRONAUT:
        return Look(suit=True)
    if subject.kind is SubjectKind.CHEF:
        return Look(hat="chef")
    if subject.kind is SubjectKind.DANCER:
        return Look(tutu=True, hair="bun")
    hat = str(rng.choice(("", "", "brim", "cap"))) if not woman else ""
    if "noir" in scene.styles and not woman:
        hat = "brim"
    return Look(
        skirt=woman and subject.action is not SubjectAction.RUN,
        hair=str(rng.choice(("long", "bun", "tail"))) if woman else "short",
        hat=hat,
        coat=not woman
        and (cold or rain or scene.mood is Mood.MELANCHOLY or rng.random() < 0.5)
        and subject.kind is not SubjectKind.CHILD,
        scarf=cold or (index == 0 and rng.random() < 0.3),
        umbrella=rain and index < 2,
        child=subject.kind is SubjectKind.CHILD,
    )


def _on_ground(
    scene: Scene,
    subject: Subject,
    index: int,
    slot: float,
    place: Place,
    light: Light,
    frame: FrameGeometry,
    rng: np.random.Generator,
    travel: float,
) -> Figure:
    speed, rate = pace_of(subject)
    unit = height_of(subject.kind, place, frame.h, scene.closeness) * float(rng.uniform(0.94, 1.05))
    pixels = speed * unit
    start = float(rng.random() * 6.28)
    clothes = rgb(str(rng.choice(CLOTHES)))
    skin = rgb(str(rng.choice(("#e3b594", "#c98f68", "#8a5a3c", "#f0c8a8"))))
    if subject.kind in (SubjectKind.WOMAN, SubjectKind.DANCER):
        clothes = rgb(str(rng.choice(DRESSES)))
    if subject.kind is SubjectKind.CHEF:
        clothes = rgb("#e9e4da")
    if subject.kind is SubjectKind.ASTRONAUT:
        clothes = rgb("#e6e6ea")
    if subject.kind in (SubjectKind.DOG, SubjectKind.HORSE, SubjectKind.CAT):
        clothes = rgb(str(rng.choice(("#8a5f3c", "#6b4a33", "#3d3230", "#b08a5e", "#d9c9ad"))))
    if subject.kind in (SubjectKind.CAR, SubjectKind.TRAIN, SubjectKind.BICYCLE):
        clothes = rgb(str(rng.choice(("#a8483c", "#3f6a7a", "#d0b070", "#d9d5cb", "#4d7a5c"))))
        skin = rgb("#ffdd9e") / np.maximum(light.ambient, 0.3) if light.lamps > 0.3 else light.sky[2]
    tones = _tones(scene, subject, place, light, clothes, skin)
    draw = _drawing(scene, subject, rng, index)
    # What moves on its own and is not followed crosses the middle of its way halfway through.
    x0 = slot * frame.w
    drift = pixels * frame.seconds
    lead = subject is _leader(scene)
    if lead or travel == 0:
        x0 -= (drift - travel) * 0.5
    deep = (index * 0.618) % 1.0 * 0.045 * frame.h + (
        0.02 * frame.h if subject.kind in (SubjectKind.DOG, SubjectKind.CAT, SubjectKind.CHILD) else 0.0
    )
    ground = place.ground * frame.h + deep
    depth = place.depth
    if scene.setting is Environment.ROOM and subject.kind is SubjectKind.CAT and not speed:
        # Cats sit on the window sill.
        ground, depth, x0, unit = (
            0.612 * frame.h,
            0.32,
            0.5 * frame.w + (0.06 + 0.2 * index) * frame.h,
            unit * 0.8,
        )
    if subject.kind is SubjectKind.TRAIN:
        x0 = frame.w * 0.34 + 3 * unit

    def path(t: float) -> Point:
        return x0 + pixels * t, ground

    def phase(t: float) -> float:
        return start + rate * t

    extent = {
        SubjectKind.HORSE: (1.0, 1.2, 1.55, 0.05),
        SubjectKind.DOG: (0.75, 0.85, 1.1, 0.05),
        SubjectKind.CAT: (0.75, 0.65, 1.0, 0.05),
        SubjectKind.CAR: (1.5, 1.5, 1.1, 0.05),
        SubjectKind.TRAIN: (14.0, 1.6, 1.1, 0.05),
        SubjectKind.BICYCLE: (0.55, 0.6, 1.1, 0.05),
    }.get(subject.kind, (0.62, 0.62, 1.36, 0.05))
    facing = index % 2 == 1 and speed == 0 and subject.count > 1
    return Figure(
        name=subject.kind,
        draw=draw,
        tones=tones,
        depth=depth,
        unit=unit,
        path=path,
        phase=phase,
        extent=extent,
        flip=facing,
        rim=_rim(light, frame, scene),
        side=1.0 if frame.sun[0] > x0 else -1.0,
        shadow={
            SubjectKind.CAR: 3.1,
            SubjectKind.HORSE: 1.7,
            SubjectKind.TRAIN: 0.0,
            SubjectKind.CAT: 1.1,
            SubjectKind.DOG: 1.2,
        }.get(subject.kind, 0.55),
    )


def _leader(scene: Scene) -> Subject | None:
    return next((s for s in scene.subjects if pace_of(s)[0] and _stands(s)), None)


def _drawing(scene: Scene, subject: Subject, rng: np.random.Generator, index: int) -> Drawing:
    kind, action = subject.kind, subject.action
    run, still = action is SubjectAction.RUN, action in (SubjectAction.STAND, SubjectAction.SIT)
    match kind:
        case SubjectKind.DOG:
            return (
                animals.dog_sitting
                if action is SubjectAction.SIT
                else partial(animals.dog, run=run, still=still)
            )
        case SubjectKind.CAT:
            return animals.cat_sitting if still else partial(animals.cat, run=run)
        case SubjectKind.HORSE:
            return partial(animals.horse, run=run, still=still)
        case SubjectKind.CAR:
            return vehicles.car
        case SubjectKind.TRAIN:
            return vehicles.train
        case SubjectKind.BICYCLE:
            return vehicles.bicycle
    poses = {
        SubjectAction.WALK: people.walking,
        SubjectAction.RUN: people.running,
        SubjectAction.SIT: people.sitting,
        SubjectAction.COOK: people.cooking,
        SubjectAction.DANCE: people.dancing,
        SubjectAction.FLY: people.floating,
        SubjectAction.SWIM: people.floating,
    }
    return people.person(_look(scene, subject, rng, index), poses.get(action, people.standing))


def _aloft(
    scene: Scene,
    subject: Subject,
    index: int,
    place: Place,
    light: Light,
    frame: FrameGeometry,
    rng: np.random.Generator,
) -> Figure:
    """Figures in the air, on the water and in it."""
    kind, w, h = subject.kind, frame.w, frame.h
    colour = {
        SubjectKind.BIRD: "#3a3d46",
        SubjectKind.FISH: "#d98a4a",
        SubjectKind.WHALE: "#3d5668",
        SubjectKind.BOAT: "#5a4438",
        SubjectKind.BUTTERFLY: "#c9813a",
        SubjectKind.ASTRONAUT: "#e6e6ea",
    }.get(kind, str(rng.choice(BALLOONS)))
    clothes = rgb(colour)
    place = Place(
        ground=place.ground,
        depth=place.depth,
        water=place.water,
        scale=place.scale,
        dark=min(place.dark, 0.35),
    )
    tones = _tones(scene, subject, place, light, clothes, rgb("#efe2c8"))
    if kind is SubjectKind.BOAT and subject.colour is None:
        tones = Tones(
            body=tones.body,
            dark=tones.dark,
            skin=tones.skin,
            accent=rgb("#f1e8d8") * light.ambient * np.float32(0.9) + light.sun * np.float32(0.06),
        )
    if kind is SubjectKind.WHALE:
        tones = Tones(
            body=tones.body,
            dark=tones.dark,
            skin=tones.skin,
            accent=tones.body * np.float32(0.6) + light.haze * np.float32(0.4),
        )
    unit = height_of(kind, place, h, scene.closeness)
    start = float(rng.random() * 6.28)
    rim = _rim(light, frame, scene)
    side = 1.0 if frame.sun[0] > w / 2 else -1.0
    spread = index - (min(subject.count, 9) - 1) / 2
    if kind is SubjectKind.BIRD:
        return _bird(subject, spread, tones, unit, start, rim, side, frame, rng)
    if kind is SubjectKind.BOAT:
        line = (place.water or 0.7) * h + 0.05 * h * index
        shrink = 1.0 - 0.28 * index
        x0, speed = w * (0.4 + 0.24 * ((index + 1) // 2) * (1 if index % 2 else -1)), 0.045 * h
        return Figure(
            draw=vehicles.sailboat,
            mirror=True,
            tones=tones,
            depth=0.3,
            unit=unit * shrink,
            extent=(0.62, 0.62, 1.06, 0.12),
            rim=rim,
            side=side,
            path=lambda t: (
                x0 + speed * (t - frame.seconds / 2),
                line + 0.004 * h * math.sin(1.3 * t + start),
            ),
            phase=lambda t: start + 1.5 * t,
            tilt=lambda t: 0.03 * math.sin(1.1 * t + start),
        )
    if kind in (SubjectKind.HOT_AIR_BALLOON, SubjectKind.BALLOON):
        big = kind is SubjectKind.HOT_AIR_BALLOON
        shrink = (1.0, 0.55, 0.4, 0.68, 0.3)[index % 5] if big else float(rng.uniform(0.8, 1.1))
        x0 = w * (0.42, 0.74, 0.2, 0.88, 0.58)[index % 5] if big else w * (0.5 + 0.07 * spread)
        y0 = h * ((0.5, 0.34, 0.44, 0.6, 0.28)[index % 5] if big else 0.5 + 0.06 * (index * 37 % 5 - 2))
        rise = 0.014 * h if big else 0.05 * h
        return Figure(
            draw=vehicles.hot_air_balloon if big else vehicles.balloon,
            tones=tones,
            depth=0.16 + 0.25 * shrink,
            unit=unit * shrink,
            extent=(0.5, 0.5, 1.06, 0.06 if big else 2.1),
            rim=rim,
            side=side,
            path=lambda t: (
                x0 + 0.012 * h * (t - frame.seconds / 2) + 0.008 * h * math.sin(0.6 * t + start),
                y0 - rise * (t - frame.seconds / 2) + 0.006 * h * math.sin(0.9 * t + start),
            ),
            phase=lambda t: start + t,
            tilt=lambda t: 0.02 * math.sin(0.7 * t + start),
        )
    if kind is SubjectKind.BUTTERFLY:
        x0, y0 = w * (0.45 + 0.13 * spread), h * (0.5 + 0.09 * math.sin(index * 2.4))
        return Figure(
            draw=animals.butterfly,
            tones=tones,
            depth=0.8,
            unit=unit,
            extent=(0.8, 0.8, 0.6, 0.5),
            rim=rim,
            side=side,
            path=lambda t: (
                x0 + 0.05 * h * (t - frame.seconds / 2) + 0.04 * h * math.sin(1.9 * t + start),
                y0 + 0.04 * h * math.sin(2.7 * t + start) + 0.012 * h * math.sin(12 * t),
            ),
            phase=lambda t: start + 11 * t,
            tilt=lambda t: 0.35 + 0.2 * math.sin(2 * t + start),
        )
    if kind in (SubjectKind.FISH, SubjectKind.WHALE):
        return _swimmer(subject, index, spread, tones, unit, start, rim, frame, scene, rng)
    draw = people.person(_look(scene, subject, rng, index), people.floating)
    x0, y0 = w * (0.42 + 0.16 * spread), h * 0.62
    return Figure(
        draw=draw,
        tones=tones,
        depth=0.55,
        unit=unit,
        extent=(0.75, 0.75, 1.2, 0.3),
        rim=rim,
        side=side,
        path=lambda t: (x0 + 0.02 * h * (t - frame.seconds / 2), y0 + 0.015 * h * math.sin(0.8 * t + start)),
        phase=lambda t: start + 1.2 * t,
        tilt=lambda t: 0.3 + 0.12 * math.sin(0.45 * t + start),
    )


def _bird(
    subject: Subject,
    spread: float,
    tones: Tones,
    unit: float,
    start: float,
    rim: Colour | None,
    side: float,
    frame: FrameGeometry,
    rng: np.random.Generator,
) -> Figure:
    w, h = frame.w, frame.h
    flock = subject.count > 1
    size = unit * (float(rng.uniform(0.34, 0.55)) if flock else 1.5)
    speed = h * (0.1 if flock else 0.075)
    x0 = w * 0.46 + spread * 0.085 * h + (abs(spread) * -0.05 * h) + float(rng.uniform(-0.02, 0.02)) * h
    y0 = h * 0.27 + abs(spread) * 0.028 * h + float(rng.uniform(-0.015, 0.015)) * h
    if not flock:
        x0, y0 = w * 0.45, h * 0.36
        size *= 1.25
    beat = 7.5 if flock else 4.6
    return Figure(
        draw=animals.gull if flock else animals.bird,
        tones=tones,
        depth=0.2 if flock else 0.35,
        unit=size,
        extent=(0.95, 0.95, 0.85, 0.85),
        rim=None if flock else rim,
        side=side,
        path=lambda t: (
            x0 + speed * (t - frame.seconds / 2),
            y0 - 0.012 * h * math.sin(0.7 * t + start) - 0.006 * h * (t - frame.seconds / 2),
        ),
        phase=lambda t: start + beat * t,
    )


def _swimmer(
    subject: Subject,
    index: int,
    spread: float,
    tones: Tones,
    unit: float,
    start: float,
    rim: Colour | None,
    frame: FrameGeometry,
    scene: Scene,
    rng: np.random.Generator,
) -> Figure:
    w, h = frame.w, frame.h
    whale = subject.kind is SubjectKind.WHALE
    size = unit * (1.0 if subject.count == 1 else float(rng.uniform(0.42, 0.8)))
    speed = (0.075 if whale else 0.11) * h * float(rng.uniform(0.85, 1.15))
    x0 = w * 0.47 + spread * 0.19 * h
    y0 = h * (0.46 + 0.24 * math.sin(index * 2.4))
    if not whale and scene.setting is not Environment.UNDERWATER:
        # A fish above water leaps: an arc, again and again.
        high, period = 0.2 * h, 2.2
        base = frame.horizon + 0.16 * h

        def leap(t: float) -> float:
            return ((t / period + start) % 1.0) * 2 - 1

        return Figure(
            draw=animals.fish,
            tones=tones,
            depth=0.5,
            unit=size * 0.7,
            extent=(0.85, 0.6, 0.45, 0.45),
            rim=rim,
            path=lambda t: (x0 + leap(t) * 0.16 * h, base - high * (1 - 1.25 * leap(t) ** 2)),
            phase=lambda t: start + 9 * t,
            tilt=lambda t: -0.85 * leap(t),
        )
    return Figure(
        draw=animals.whale if whale else animals.fish,
        tones=tones,
        depth=0.5,
        unit=size,
        extent=(1.3, 1.0, 0.6, 0.6) if whale else (0.85, 0.6, 0.45, 0.45),
        rim=rim,
        path=lambda t: (x0 + speed * (t - frame.seconds / 2), y0 + 0.014 * h * math.sin(0.8 * t + start)),
        phase=lambda t: start + (1.3 if whale else 5.5) * t,
        tilt=lambda t: 0.05 * math.sin(0.8 * t + start + 1.2),
    )
