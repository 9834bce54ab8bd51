"""Speed, size, colours and drawing of one subject."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from safelight_storyboard import animals, people, vehicles
from safelight_storyboard.figures import Drawing, Tones, tones_for
from safelight_storyboard.lexicon import RAINY, Environment, Mood, SubjectAction, TimeOfDay, Weather
from safelight_storyboard.palette import Light
from safelight_storyboard.people import Look
from safelight_storyboard.place import FrameGeometry, Place
from safelight_storyboard.raster import Colour, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_reader import Subject
from safelight_storyboard.subject_words import SubjectKind

CLOTHES = ("#41556b", "#7a4b3f", "#56624d", "#6b4f66", "#3f3f4c", "#8a6a4a", "#94584a")

DRESSES = ("#a5443f", "#c08a4a", "#4a6f7c", "#7c5277", "#b56a6f", "#d8c7a8")

#: Colours of vehicles.
VEHICLES = ("#a8483c", "#3f6a7a", "#d0b070", "#d9d5cb", "#4d7a5c")

#: Speed in figure heights per second, and phase in radians per second. They match, so that feet do not slide.
WALK, RUN = (0.78, 5.6), (1.75, 9.4)


_PACES: dict[SubjectAction, dict[SubjectKind, tuple[float, float]]] = {
    SubjectAction.WALK: {
        SubjectKind.HORSE: (0.72, 5.0),
        SubjectKind.DOG: (1.0, 6.6),
        SubjectKind.CAT: (0.75, 6.0),
        SubjectKind.CHILD: (0.8, 6.4),
        SubjectKind.BICYCLE: (0.95, 5.8),
        SubjectKind.BOAT: (0.0, 1.5),
    },
    SubjectAction.RUN: {
        SubjectKind.HORSE: (2.6, 11.5),
        SubjectKind.DOG: (3.0, 13.0),
        SubjectKind.CAT: (2.6, 13.0),
        SubjectKind.CAR: (2.2, 8.0),
        SubjectKind.TRAM: (0.8, 3.6),
    },
}


def pace_of(subject: Subject) -> tuple[float, float]:
    """Heights per second and radians per second of a subject. One that stays in place has the speed 0."""
    if subject.action in _PACES:
        plain = WALK if subject.action is SubjectAction.WALK else RUN
        return _PACES[subject.action].get(subject.kind, plain)
    return 0.0, 1.6


def height_of(kind: SubjectKind, place: Place, h: float, closeness: float) -> float:
    """Height in pixels of one drawing unit of this kind of subject."""
    share = {
        SubjectKind.CHILD: 0.22,
        SubjectKind.DOG: 0.2,
        SubjectKind.CAT: 0.21,
        SubjectKind.HORSE: 0.26,
        SubjectKind.CAR: 0.165,
        SubjectKind.TRAM: 0.26,
        SubjectKind.BICYCLE: 0.31,
        SubjectKind.BOAT: 0.32,
        SubjectKind.BIRD: 0.085,
        SubjectKind.BRIDGE: 0.34,
        SubjectKind.LIGHTHOUSE: 0.5,
    }.get(kind, 0.33)
    size = share * h * place.scale * closeness
    return min(size, 0.8 * h)


def subject_tones(
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
    if scene.setting is Environment.ROOM:
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


def rim_light(light: Light, frame: FrameGeometry, scene: Scene) -> Colour | None:
    if scene.setting is Environment.ROOM:
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


def choose_look(scene: Scene, subject: Subject, rng: np.random.Generator, index: int) -> Look:
    rain = scene.weather in RAINY and subject.action in (
        SubjectAction.STAND,
        SubjectAction.WALK,
    )
    cold = scene.weather is Weather.SNOW
    either = subject.kind in (SubjectKind.PERSON, SubjectKind.CHILD) and not re.search(
        r"\b(?:m[ae]n|boys?|father|grandfather|king|cowboys?)\b|男|爸|爷|阿公|先生|老头", subject.word
    )
    woman = (
        subject.kind is SubjectKind.WOMAN
        or (either and rng.random() < 0.4)
        or "girl" in subject.word
        or re.search(r"女|嬷|奶|妈|姨|婆|太太", subject.word) is not None
    )
    elder = (
        re.search(
            r"\bold\b|elderly|grand(?:ma|pa|mother|father|parent)|老[人奶爷婆太伯头]|老师傅|[嬷婆]|奶奶|爷爷|[阿外]公|祖[父母]|大[妈爷]",
            subject.word,
        )
        is not None
    )
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
        elder=elder,
        scarf=cold or (index == 0 and rng.random() < 0.3),
        umbrella=rain and index < 2,
        child=subject.kind is SubjectKind.CHILD,
    )


def subject_drawing(scene: Scene, subject: Subject, rng: np.random.Generator, index: int) -> Drawing:
    kind, action = subject.kind, subject.action
    run, still = action is SubjectAction.RUN, action in (SubjectAction.STAND, SubjectAction.SIT)
    match kind:
        case SubjectKind.DOG:
            if action is SubjectAction.SLEEP:
                return partial(animals.curled_up, dog=True)
            return (
                animals.dog_sitting
                if action is SubjectAction.SIT
                else partial(animals.dog, run=run, still=still)
            )
        case SubjectKind.CAT:
            if action is SubjectAction.SLEEP:
                return animals.curled_up
            return animals.cat_sitting if still else partial(animals.cat, run=run)
        case SubjectKind.HORSE:
            return partial(animals.horse, run=run, still=still)
        case SubjectKind.CAR:
            return vehicles.car
        case SubjectKind.TRAM:
            return vehicles.tram
        case SubjectKind.BICYCLE:
            return partial(vehicles.bicycle, parked=still)
    poses = {
        SubjectAction.WALK: people.walking,
        SubjectAction.RUN: people.running,
        SubjectAction.SIT: people.sitting,
        SubjectAction.DANCE: people.dancing,
    }
    return people.person(choose_look(scene, subject, rng, index), poses.get(action, people.standing))
