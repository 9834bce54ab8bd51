"""Reads a scene from a prompt with word lists. Uses no model; deterministic."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from safelight.generation.storyboard import lexicon
from safelight.generation.storyboard.lexicon import (
    CameraMove,
    Environment,
    Mood,
    Sound,
    Style,
    SubjectAction,
    SubjectKind,
    TimeOfDay,
    Tint,
    Weather,
)

E = TypeVar("E", bound=StrEnum)

LONGEST_SIGN = 48
LONGEST_SPEECH = 400
MOST_READ = 8000
MOST_SUBJECTS = 4
MOST_OF_A_KIND = 9

PEOPLE = frozenset(
    {
        SubjectKind.PERSON,
        SubjectKind.WOMAN,
        SubjectKind.CHILD,
        SubjectKind.CHEF,
        SubjectKind.DANCER,
        SubjectKind.ASTRONAUT,
    }
)
INDOORS = frozenset({Environment.KITCHEN, Environment.ROOM, Environment.STAGE})

_QUOTED = re.compile(r'"([^"\n]{1,400})"|“([^”\n]{1,400})”|「([^」\n]{1,400})」|«([^»\n]{1,400})»')
_WRITTEN = re.compile(
    r"\b(?:signs?|signboard|banner|poster|billboard|board|neon|label|title|text|caption|written|writing|reads|"
    r"reading|letters|words|lettering|headline|placard|screen)\b|招牌|牌子|写着|标语|横幅|海报|字样|标题",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"\b(?:says?|saying|said|whispers?|whispering|shouts?|shouting|voice|voice-?over|narrat\w+|speaks?|speaking|"
    r"tells?|asks?|calls?|announces?)\b|说|道|喊|旁白|问",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:no|without|not|never|isn't|aren't)\s+(?:(?:a|an|any|the)\s+)?[a-z-]+", re.IGNORECASE
)
_DENIED_HAN = re.compile(r"(?:没有|无)[\u4e00-\u9fff]")
_CLOTHES = (
    "coat|dress|jacket|shirt|t-shirt|hat|scarf|suit|sweater|cape|hoodie|robe|raincoat|umbrella|gown|kimono|"
    "skirt"
)
_CLOSE = re.compile(r"\bclose[- ]?up|\bportrait of\b|\bmacro\b|特写|近景", re.IGNORECASE)
_WIDE = re.compile(
    r"\bwide(?: shot|[- ]angle)?\b|\bestablishing\b|\baerial\b|\bdistant\b|\bfar away\b|\btiny\b|远景|全景",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A subject that moves through the picture. `colour` is RGB; None if the prompt names no colour."""

    kind: SubjectKind
    action: SubjectAction
    count: int = 1
    colour: tuple[int, int, int] | None = None
    #: The word of the prompt that names the subject; empty if no word does.
    word: str = ""
    #: Position of the word in the prompt. The subject that is named first is the main one.
    at: int = 0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The scene of a prompt. `seed` decides everything that the prompt leaves open."""

    seed: int
    setting: Environment
    hour: TimeOfDay
    weather: Weather
    move: CameraMove
    mood: Mood
    subjects: tuple[Subject, ...] = ()
    styles: frozenset[Style] = frozenset()
    tints: frozenset[Tint] = frozenset()
    sounds: frozenset[Sound] = frozenset()
    #: Text shown in the picture, one entry per sign.
    signs: tuple[str, ...] = ()
    #: Text that is spoken.
    spoken: str = ""
    #: Factor for the size of the subjects: larger than 1 in a close view, smaller in a wide view.
    closeness: float = 1.0
    #: Whether a moon is visible: the prompt names one, or the seed chooses one at night.
    moon: bool = False
    aurora: bool = False
    #: Whether a person rides an animal.
    rides: bool = False
    #: What the prompt itself names, of `setting`, `hour`, `weather` and `move`.
    named: frozenset[str] = field(default_factory=frozenset)


def seed_of(prompt: str, seed: int | None) -> int:
    """The seed of all random choices, derived from the prompt and the given seed."""
    words = " ".join(prompt.split())
    digest = hashlib.sha256(f"{seed}\n{words}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


def read(prompt: str, seed: int | None = None, *, like: str = "") -> Scene:
    """Reads the scene of a prompt. Any text gives a scene; equal text and seed give an equal scene.

    If `like` is given, that text decides what the prompt leaves open.
    """
    number = seed_of(like or prompt, seed)
    signs, spoken, rest = _quotes(prompt[:MOST_READ])
    rest = _DENIED_HAN.sub(" ", _DENIED.sub(" ", rest)).lower()

    setting = _first(rest, lexicon.SETTINGS)
    hour = _first(rest, lexicon.HOURS)
    weather = _first(rest, lexicon.WEATHERS)
    move = _first(rest, lexicon.MOVES)
    mood = _first(rest, lexicon.MOODS)
    named = {n for n, v in (("setting", setting), ("hour", hour), ("weather", weather), ("move", move)) if v}

    subjects = _subjects(rest)
    if setting is None:
        setting = _setting_for(subjects, signs, number)
    if setting is Environment.SEA and _walks(subjects):
        setting = Environment.BEACH
    aurora = bool(re.search(r"\baurora|northern lights|极光", rest))
    if hour is None and aurora:
        hour = TimeOfDay.NIGHT
    if hour is None:
        hour = _choose(
            number,
            "hour",
            (TimeOfDay.DAWN, TimeOfDay.DAY, TimeOfDay.GOLDEN, TimeOfDay.GOLDEN, TimeOfDay.DUSK),
        )
        if setting in (Environment.CITY, Environment.STREET):
            hour = _choose(number, "hour", (TimeOfDay.DUSK, TimeOfDay.NIGHT, TimeOfDay.GOLDEN))
        elif weather is Weather.SNOW:
            hour = _choose(number, "hour", (TimeOfDay.DAY, TimeOfDay.DAWN, TimeOfDay.DUSK))
    if move is None:
        moving = any(s.action in (SubjectAction.WALK, SubjectAction.RUN) for s in subjects)
        calm = (
            CameraMove.DOLLY_IN,
            CameraMove.PAN_RIGHT,
            CameraMove.PAN_LEFT,
            CameraMove.CRANE_UP,
            CameraMove.DOLLY_OUT,
        )
        move = CameraMove.TRACKING if moving else _choose(number, "move", calm)
    return Scene(
        seed=number,
        setting=setting,
        hour=hour,
        weather=weather or Weather.CLEAR,
        move=move,
        mood=mood or Mood.CALM,
        subjects=subjects,
        styles=frozenset(_all(rest, lexicon.STYLES)),
        tints=frozenset(_all(rest, lexicon.TINTS)),
        sounds=frozenset(_all(rest, lexicon.SOUNDS)),
        signs=signs,
        spoken=spoken,
        closeness=1.75 if _CLOSE.search(rest) else 0.62 if _WIDE.search(rest) else 1.0,
        moon=bool(re.search(r"\bmoon|月", rest)) or _choose(number, "moon", (True, False)),
        aurora=aurora,
        rides=bool(
            re.search(r"\b(?:rid(?:es?|ing)|on (?:a|his|her|the) (?:\w+ )?horse|horseback)\b|骑", rest)
        ),
        named=frozenset(named),
    )


def _quotes(prompt: str) -> tuple[tuple[str, ...], str, str]:
    """The signs, the spoken lines, and the prompt without its quoted text."""
    signs: list[str] = []
    spoken: list[str] = []
    end = 0
    for match in _QUOTED.finditer(prompt):
        words = " ".join(next(g for g in match.groups() if g is not None).split())
        if not words:
            continue
        before = re.split(r"[.!?;。！？；\n]", prompt[max(end, match.start() - 60) : match.start()])[-1]
        end = match.end()
        if _SPOKEN.search(before) and not _WRITTEN.search(before):
            spoken.append(words)
        else:
            signs.append(words[:LONGEST_SIGN])
    return tuple(signs[:2]), " ".join(spoken)[:LONGEST_SPEECH], _QUOTED.sub(" ", prompt)


def _subjects(text: str) -> tuple[Subject, ...]:
    found: list[Subject] = []
    covered: list[tuple[int, int]] = []
    for kind, (english, han) in lexicon.KINDS.items():
        for match in _matches(text, english, han):
            if any(a < match.end() and match.start() < b for a, b in covered):
                continue
            covered.append((match.start(), match.end()))
            if any(s.kind is kind for s in found):
                continue
            found.append(_subject(text, kind, match))
    found.sort(key=lambda s: s.at)
    found = _aboard(text, found)
    return tuple(found[:MOST_SUBJECTS])


def _aboard(text: str, found: list[Subject]) -> list[Subject]:
    """The subjects, without people who are inside a vehicle or on a bicycle."""
    kinds = {s.kind for s in found}
    drives = re.search(r"\b(?:driv|rid|in (?:a|the|his|her) )|开|骑|坐", text) is not None
    inside = SubjectKind.BICYCLE in kinds or (
        drives and kinds & {SubjectKind.CAR, SubjectKind.TRAIN, SubjectKind.HOT_AIR_BALLOON}
    )
    return [s for s in found if not (inside and s.kind in PEOPLE)]


def _subject(text: str, kind: SubjectKind, match: re.Match[str]) -> Subject:
    before, after = text[max(0, match.start() - 30) : match.start()], text[match.end() : match.end() + 60]
    clause = re.split(r"[.;。；]", after)[0]
    action = _implied(match.group()) or _first(clause, lexicon.ACTIONS) or _first(text, lexicon.ACTIONS)
    return Subject(
        kind=kind,
        action=_fitting(kind, action),
        count=_count(before, match.group()),
        colour=_colour(before, clause),
        word=match.group(),
        at=match.start(),
    )


def _implied(word: str) -> SubjectAction | None:
    """The action that a word for a person implies, such as running for a runner; None if it implies none."""
    if re.match(r"runners?$|joggers?$", word):
        return SubjectAction.RUN
    if re.match(r"hikers?$|wanderers?$|travell?ers?$|行人|旅人", word):
        return SubjectAction.WALK
    return None


def _fitting(kind: SubjectKind, action: SubjectAction | None) -> SubjectAction:
    """The action closest to `action` that this kind can do."""
    if kind in (SubjectKind.BIRD, SubjectKind.BUTTERFLY, SubjectKind.HOT_AIR_BALLOON, SubjectKind.BALLOON):
        return SubjectAction.FLY
    if kind in (SubjectKind.FISH, SubjectKind.WHALE):
        return SubjectAction.SWIM
    if kind in (SubjectKind.BOAT, SubjectKind.BICYCLE):
        return SubjectAction.WALK
    if kind in (SubjectKind.CAR, SubjectKind.TRAIN):
        return (
            SubjectAction.STAND if action in (SubjectAction.STAND, SubjectAction.SIT) else SubjectAction.RUN
        )
    if kind in (SubjectKind.DOG, SubjectKind.CAT, SubjectKind.HORSE):
        return (
            action
            if action in (SubjectAction.RUN, SubjectAction.SIT, SubjectAction.STAND)
            and kind is not SubjectKind.HORSE
            else (
                SubjectAction.RUN
                if action is SubjectAction.RUN
                else SubjectAction.WALK
                if action is not SubjectAction.STAND
                else SubjectAction.STAND
            )
        )
    if kind is SubjectKind.CHEF:
        return SubjectAction.COOK
    if kind is SubjectKind.DANCER:
        return SubjectAction.DANCE
    if kind is SubjectKind.ASTRONAUT:
        return (
            action
            if action in (SubjectAction.WALK, SubjectAction.RUN, SubjectAction.STAND)
            else SubjectAction.FLY
        )
    return (
        action
        if action
        in (SubjectAction.WALK, SubjectAction.RUN, SubjectAction.COOK, SubjectAction.DANCE, SubjectAction.SIT)
        else SubjectAction.STAND
    )


def _count(before: str, word: str) -> int:
    for name, number in lexicon.NUMBERS.items():
        if re.search(
            rf"\b{name}\s+(?:\w+\s+)?$" if name.isascii() else rf"{name}[只个位匹条艘头名]?$", before
        ):
            return min(number, MOST_OF_A_KIND)
    if word in ("people", "crowd", "family", "children", "kids", "friends", "人们"):
        return 3
    if word == "couple":
        return 2
    plural = word.isascii() and word.endswith("s") and not word.endswith(("ss", "us"))
    return 3 if plural else 1


def _colour(before: str, clause: str) -> tuple[int, int, int] | None:
    for name, rgb in lexicon.COLOURS.items():
        near = rf"\b{name}\s+(?:\w+\s+)?$" if name.isascii() else rf"{name}色?的?$"
        worn = (
            rf"^(?:\s+\w+){{0,3}}\s+(?:in|with|wearing)\s+(?:an?\s+|his\s+|her\s+)?(?:\w+\s+)?"
            rf"{name}(?:\s+(?:{_CLOTHES})\b|\s*[,;]|\s*$)"
        )
        if re.search(near, before) or (name.isascii() and re.search(worn, clause)):
            return rgb
    return None


def _setting_for(subjects: tuple[Subject, ...], signs: tuple[str, ...], number: int) -> Environment:
    """The usual environment of a subject, for prompts that name no environment."""
    wide = (
        Environment.MOUNTAINS,
        Environment.MEADOW,
        Environment.LAKE,
        Environment.SEA,
        Environment.FOREST,
        Environment.DESERT,
    )
    home: dict[SubjectKind, tuple[Environment, ...]] = {
        SubjectKind.FISH: (Environment.UNDERWATER,),
        SubjectKind.WHALE: (Environment.UNDERWATER,),
        SubjectKind.BOAT: (Environment.SEA, Environment.LAKE),
        SubjectKind.CAR: (Environment.CITY, Environment.DESERT, Environment.STREET),
        SubjectKind.TRAIN: (Environment.MOUNTAINS, Environment.MEADOW),
        SubjectKind.CHEF: (Environment.KITCHEN,),
        SubjectKind.DANCER: (Environment.STAGE,),
        SubjectKind.ASTRONAUT: (Environment.SPACE,),
        SubjectKind.CAT: (Environment.ROOM, Environment.MEADOW),
        SubjectKind.BICYCLE: (Environment.STREET, Environment.MEADOW),
        SubjectKind.HOT_AIR_BALLOON: (Environment.MOUNTAINS, Environment.MEADOW, Environment.DESERT),
    }
    for subject in subjects:
        if subject.kind in home:
            return _choose(number, "setting", home[subject.kind])
    if signs:
        return _choose(number, "setting", (Environment.STREET, Environment.CITY, *wide))
    return _choose(number, "setting", wide)


def _walks(subjects: tuple[Subject, ...]) -> bool:
    land = PEOPLE | {
        SubjectKind.DOG,
        SubjectKind.CAT,
        SubjectKind.HORSE,
        SubjectKind.CAR,
        SubjectKind.BICYCLE,
    }
    return any(s.kind in land for s in subjects) and not any(s.kind is SubjectKind.BOAT for s in subjects)


_Choice = TypeVar("_Choice")


def _choose(number: int, what: str, options: tuple[_Choice, ...]) -> _Choice:
    digest = hashlib.sha256(f"{number}:{what}".encode()).digest()
    return options[int.from_bytes(digest[:4], "big") % len(options)]


def _matches(text: str, english: str, han: str) -> list[re.Match[str]]:
    return list(re.finditer(rf"\b(?:{english})\b|{han}", text))


def _first(text: str, table: Mapping[E, tuple[str, str]]) -> E | None:
    """The entry that the text names first. If several start at the same position, the longest."""
    best: tuple[int, int, E] | None = None
    for entry, (english, han) in table.items():
        match = re.search(rf"\b(?:{english})\b|{han}", text)
        if match is not None:
            key = (match.start(), -len(match.group()), entry)
            if best is None or key[:2] < best[:2]:
                best = key
    return best[2] if best else None


def _all(text: str, table: Mapping[E, tuple[str, str]]) -> list[E]:
    return [entry for entry, (english, han) in table.items() if _matches(text, english, han)]
