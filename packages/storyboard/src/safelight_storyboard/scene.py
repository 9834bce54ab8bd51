"""Reads a scene from a prompt with word lists. Uses no model; deterministic."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TypeVar

from safelight_storyboard import lexicon
from safelight_storyboard.denials import without_denied
from safelight_storyboard.lexicon import (
    CameraMove,
    Environment,
    Mood,
    Sound,
    Style,
    SubjectAction,
    TimeOfDay,
    Tint,
    Weather,
)
from safelight_storyboard.subject_reader import Subject, read_cast
from safelight_storyboard.subject_words import PEOPLE, SubjectKind
from safelight_storyboard.traditional import simplified
from safelight_storyboard.word_tables import all_of, first

LONGEST_SIGN = 48
LONGEST_SPEECH = 400
MOST_READ = 8000

_WIDE_OPEN = (
    Environment.MOUNTAINS,
    Environment.MEADOW,
    Environment.LAKE,
    Environment.SEA,
    Environment.FOREST,
    Environment.DESERT,
)
#: The usual places of a subject, for prompts that name no place.
_HOMES: dict[SubjectKind, tuple[Environment, ...]] = {
    SubjectKind.BOAT: (Environment.SEA, Environment.LAKE),
    SubjectKind.BRIDGE: (Environment.LAKE,),
    SubjectKind.LIGHTHOUSE: (Environment.SEA,),
    SubjectKind.CAR: (Environment.CITY, Environment.DESERT, Environment.STREET),
    SubjectKind.TRAM: (Environment.STREET,),
    SubjectKind.BICYCLE: (Environment.STREET, Environment.MEADOW),
    SubjectKind.CAT: (Environment.ROOM, Environment.MEADOW),
    SubjectKind.DOG: (Environment.MEADOW,),
    SubjectKind.HORSE: (Environment.MEADOW,),
}
_AFLOAT = frozenset({SubjectKind.BOAT, SubjectKind.BRIDGE, SubjectKind.LIGHTHOUSE})
_WATERSIDE = frozenset({Environment.SEA, Environment.BEACH, Environment.LAKE})
_ON_LAND = PEOPLE | {
    SubjectKind.DOG,
    SubjectKind.CAT,
    SubjectKind.HORSE,
    SubjectKind.CAR,
    SubjectKind.TRAM,
    SubjectKind.BICYCLE,
}

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
_AFTER_RAIN = re.compile(r"\bafter (?:the |a |heavy |light )*(?:rain\w*|storm|snow\w*)\b|雨过天晴")
_IN_WEATHER = re.compile(
    r"\b(?:in|through|under) (?:the |a |heavy |light |falling |pouring )*"
    r"(?:snow|rain|fog|mist|hail|storm|blizzard)\w*\b|"
    r"[雪雨雾霧]中|[淋冒][着著]?[雨雪]|雪地"
)
#: After the weather, these say that it is outside a window and the person inside.
_SEEN_FROM_INSIDE = re.compile(
    r"\b(?:rain|snow|storm|fog|mist|hail|blizzard)\w*\b[^.;!?]{0,40}\b(?:outside|windows?)\b|窗外|窗户|窗前|窗边"
)
_CLOSE = re.compile(r"\bclose[- ]?up|\bportrait of\b|\bmacro\b|特写|近景", re.IGNORECASE)
_WIDE = re.compile(
    r"\bwide(?: shot|[- ]angle)?\b|\bestablishing\b|\baerial\b|\bdistant\b|\bfar away\b|\btiny\b|远景|全景",
    re.IGNORECASE,
)


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
    #: Whether the prompt names a full moon.
    full_moon: bool = False
    #: Whether a person rides an animal.
    rides: bool = False
    #: Words of the prompt that name things which are not drawn.
    not_drawn: tuple[str, ...] = ()
    #: Words of a title card over the empty scene, because the main subject is not drawn.
    card: str = ""
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
    plain = without_denied(rest.lower())
    rest = simplified(plain)

    setting = first(rest, lexicon.SETTINGS)
    hour = first(rest, lexicon.HOURS)
    weather = first(_AFTER_RAIN.sub(" ", rest), lexicon.WEATHERS)
    move = first(rest, lexicon.MOVES)
    mood = first(rest, lexicon.MOODS)
    named = {n for n, v in (("setting", setting), ("hour", hour), ("weather", weather), ("move", move)) if v}

    cast = read_cast(rest)
    not_drawn = tuple(_as_written(words, rest, plain) for words in cast.not_drawn)
    subjects = cast.subjects
    tints = frozenset(all_of(rest, lexicon.TINTS))
    if setting is None:
        leafy = tints & {Tint.BLOSSOM, Tint.AUTUMN} and not subjects
        setting = (
            _choose(number, "setting", (Environment.FOREST, Environment.MEADOW))
            if leafy
            else _outdoors(_settings_for(subjects, weather, signs), rest, weather, number)
        )
    kinds = {s.kind for s in subjects}
    if kinds & _AFLOAT and setting not in _WATERSIDE:
        setting = Environment.SEA if SubjectKind.LIGHTHOUSE in kinds else Environment.LAKE
    if setting is not Environment.LAKE and SubjectKind.BRIDGE in kinds:
        setting = Environment.LAKE if kinds & _ON_LAND else Environment.SEA
    elif setting is Environment.SEA and kinds & _ON_LAND and SubjectKind.BOAT not in kinds:
        setting = Environment.BEACH
    if hour is None:
        hour = _choose(
            number,
            "hour",
            (TimeOfDay.DAWN, TimeOfDay.DAY, TimeOfDay.DAY, TimeOfDay.GOLDEN),
        )
        if setting in (Environment.CITY, Environment.STREET):
            lit = (TimeOfDay.DAY, TimeOfDay.GOLDEN)
            hour = _choose(
                number, "hour", lit if subjects else (TimeOfDay.DUSK, TimeOfDay.NIGHT, TimeOfDay.GOLDEN)
            )
        elif weather in (Weather.SNOW, Weather.CLOUDY):
            hour = TimeOfDay.DAY
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
        styles=frozenset(all_of(rest, lexicon.STYLES)),
        tints=tints,
        not_drawn=not_drawn,
        sounds=frozenset(all_of(rest, lexicon.SOUNDS)),
        signs=signs,
        spoken=spoken,
        card=_as_written(cast.missing, simplified(prompt.lower()), prompt) if cast.missing else "",
        closeness=1.75 if _CLOSE.search(rest) else 0.62 if _WIDE.search(rest) else 1.0,
        moon=bool(re.search(r"\bmoon|月", rest)) or _choose(number, "moon", (True, False)),
        full_moon=bool(re.search(r"\bfull moon|满月|圆月", rest)),
        rides=bool(
            re.search(r"\b(?:rid(?:es?|ing)|on (?:a|his|her|the) (?:\w+ )?horse|horseback)\b|骑", rest)
        ),
        named=frozenset(named),
    )


def _as_written(words: str, folded: str, text: str) -> str:
    """The part of `text` at the place of `words` in its folded form."""
    at = folded.find(words) if len(folded) == len(text) else -1
    return text[at : at + len(words)] if at >= 0 else words


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


def _settings_for(
    subjects: tuple[Subject, ...], weather: Weather | None, signs: tuple[str, ...]
) -> tuple[Environment, ...]:
    """The usual environments of the subjects, for prompts that name no environment."""
    if any(s.kind is SubjectKind.BRIDGE for s in subjects):
        return _HOMES[SubjectKind.BRIDGE]
    for subject in subjects:
        if subject.kind in _HOMES:
            return _HOMES[subject.kind]
    if weather in (Weather.CLOUDY, Weather.STORM) and not subjects:
        return (Environment.MEADOW, Environment.SEA)
    if weather is Weather.SNOW and not subjects:
        return (Environment.MOUNTAINS, Environment.MEADOW, Environment.FOREST)
    return (Environment.STREET, Environment.CITY, *_WIDE_OPEN) if signs else _WIDE_OPEN


def _outdoors(
    settings: tuple[Environment, ...], text: str, weather: Weather | None, number: int
) -> Environment:
    """One of the environments. Who is in the snow or the rain is not in a room."""
    if weather is not None and _IN_WEATHER.search(text):
        settings = tuple(one for one in settings if one is not Environment.ROOM) or (Environment.STREET,)
    elif weather is not None and _SEEN_FROM_INSIDE.search(text):
        settings = tuple(one for one in settings if one is Environment.ROOM) or (Environment.ROOM,)
    return _choose(number, "setting", settings)


_Choice = TypeVar("_Choice")


def _choose(number: int, what: str, options: tuple[_Choice, ...]) -> _Choice:
    digest = hashlib.sha256(f"{number}:{what}".encode()).digest()
    return options[int.from_bytes(digest[:4], "big") % len(options)]
