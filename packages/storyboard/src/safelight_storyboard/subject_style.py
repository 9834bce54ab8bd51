"""Speed, size, colours and drawing of one subject."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from safelight_storyboard import animals, people, vehicles
from safelight_storyboard.catalogue import CATALOGUE
from safelight_storyboard.catalogue_entry import Motion
from safelight_storyboard.figures import Drawing, Tones, tones_for
from safelight_storyboard.lexicon import (
    RAINY,
    SNOWY,
    Environment,
    Mood,
    SubjectAction,
    TimeOfDay,
)
from safelight_storyboard.palette import Light
from safelight_storyboard.people import Look
from safelight_storyboard.place import FrameGeometry, Place
from safelight_storyboard.raster import Colour, rgb
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.subject_reader import Subject
from safelight_storyboard.trades import TRADES, working

CLOTHES = ("#41556b", "#7a4b3f", "#56624d", "#6b4f66", "#3f3f4c", "#8a6a4a", "#94584a")


DRESSES = ("#a5443f", "#c08a4a", "#4a6f7c", "#7c5277", "#b56a6f", "#d8c7a8")


BALLOONS = ("#c8432f", "#d98a2b", "#2f7f86", "#b03a5b", "#4a6fb0")


#: Speed in figure heights per second, and phase in radians per second. They match, so that feet do not slide.
WALK, RUN = (0.78, 5.6), (1.75, 9.4)


def pace_of(subject: Subject) -> tuple[float, float]:
    """Heights per second and radians per second of a subject on the ground. A subject that stays in place
    has the speed 0.
    """
    entry = CATALOGUE.get(subject.kind)
    if entry is not None:
        if subject.action is SubjectAction.STAND or entry.motion is not Motion.GROUND:
            return 0.0, entry.rate
        faster = 1.9 if subject.action is SubjectAction.RUN else 1.0
        return entry.speed * faster, entry.rate * faster
    if subject.kind is SubjectKind.TRAIN and subject.action is SubjectAction.RUN:
        return 1.6, 6.0
    if subject.kind is SubjectKind.CAR and subject.action is SubjectAction.RUN:
        return 2.2, 8.0
    if subject.kind is SubjectKind.BICYCLE and subject.action is not SubjectAction.STAND:
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
    """Height in pixels of one drawing unit of this kind of subject."""
    share = {
        SubjectKind.CHILD: 0.22,
        SubjectKind.DOG: 0.2,
        SubjectKind.CAT: 0.21,
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
    entry = CATALOGUE.get(kind)
    share = share if entry is None else entry.share
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


def rim_light(light: Light, frame: FrameGeometry, scene: Scene) -> Colour | None:
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


def choose_look(scene: Scene, subject: Subject, rng: np.random.Generator, index: int) -> Look:
    rain = scene.weather in RAINY and subject.action in (
        SubjectAction.STAND,
        SubjectAction.WALK,
    )
    cold = scene.weather in SNOWY
    either = subject.kind in (SubjectKind.PERSON, SubjectKind.CHILD, *TRADES) and not re.search(
        r"\b(?:m[ae]n|boys?|father|grandfather|king|cowboys?)\b|男|爸|爷|阿公|先生|老头", subject.word
    )
    woman = (
        subject.kind is SubjectKind.WOMAN
        or (either and rng.random() < 0.4)
        or "girl" in subject.word
        or re.search(r"女|嬷|奶|妈|姨|婆|太太", subject.word) is not None
        or subject.kind is SubjectKind.NURSE
    )
    elder = (
        re.search(
            r"\bold\b|elderly|grand(?:ma|pa|mother|father|parent)|老[人奶爷婆太伯头]|老师傅|[嬷婆]|奶奶|爷爷|[阿外]公|祖[父母]|大[妈爷]",
            subject.word,
        )
        is not None
    )
    if subject.kind is SubjectKind.ASTRONAUT:
        return Look(suit=True)
    if subject.kind in TRADES:
        return Look(
            hair=str(rng.choice(("bun", "tail"))) if woman else "short",
            elder=elder,
            coat=subject.kind is SubjectKind.DOCTOR,
        )
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
        elder=elder,
        scarf=cold or (index == 0 and rng.random() < 0.3),
        umbrella=rain and index < 2,
        child=subject.kind is SubjectKind.CHILD,
    )


def subject_drawing(scene: Scene, subject: Subject, rng: np.random.Generator, index: int) -> Drawing:
    kind, action = subject.kind, subject.action
    if kind in CATALOGUE:
        return CATALOGUE[kind].make(action)
    if kind in TRADES:
        return working(kind, choose_look(scene, subject, rng, index))
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
        case SubjectKind.TRAIN:
            return vehicles.train
        case SubjectKind.BICYCLE:
            return partial(vehicles.bicycle, parked=still)
    poses = {
        SubjectAction.WALK: people.walking,
        SubjectAction.RUN: people.running,
        SubjectAction.SIT: people.sitting,
        SubjectAction.COOK: people.cooking,
        SubjectAction.DANCE: people.dancing,
        SubjectAction.FLY: people.floating,
        SubjectAction.SWIM: people.floating,
    }
    return people.person(choose_look(scene, subject, rng, index), poses.get(action, people.standing))
