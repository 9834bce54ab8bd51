"""Reads a scene from a prompt with word lists. Uses no model; deterministic."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TypeVar

from safelight_storyboard import lexicon
from safelight_storyboard.catalogue import CATALOGUE
from safelight_storyboard.catalogue_entry import Motion
from safelight_storyboard.denials import without_denied
from safelight_storyboard.homes_and_landmarks import HOMES_AND_LANDMARKS
from safelight_storyboard.lexicon import (
    RAINY,
    ROUGH,
    SNOWY,
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
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.subject_reader import PEOPLE, Cast, Subject, read_cast
from safelight_storyboard.town_buildings import TOWN_BUILDINGS
from safelight_storyboard.trades import TRADES
from safelight_storyboard.traditional import simplified
from safelight_storyboard.word_tables import all_of, first

LONGEST_SIGN = 48
LONGEST_SPEECH = 400
MOST_READ = 8000

INDOORS = frozenset({Environment.KITCHEN, Environment.ROOM, Environment.STAGE})

_INLAND = frozenset({Environment.MOUNTAINS, Environment.MEADOW, Environment.FOREST, Environment.DESERT})
_BUILDINGS = frozenset({*TOWN_BUILDINGS, *HOMES_AND_LANDMARKS})
_COOKS = frozenset({SubjectKind.NOODLE_MAKER, SubjectKind.BAKER, SubjectKind.WAITER, SubjectKind.POTTER})

_AFLOAT = frozenset(
    {SubjectKind.BOAT, SubjectKind.FISHERMAN}
    | {kind for kind, entry in CATALOGUE.items() if entry.motion is Motion.AFLOAT}
)

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
#: Work that is usually done in a kitchen; who does it in the snow is outdoors.
_KITCHEN_WORK = re.compile(r"\b(?:chefs?|cook(?:s|ing)?)\b|厨师|做饭|烹饪")
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
    aurora: bool = False
    #: Whether a person rides an animal.
    rides: bool = False
    #: Words of the prompt that name things which are not drawn.
    not_drawn: tuple[str, ...] = ()
    #: Words of a title card that replaces the scene, because the main subject is not drawn.
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

    places = _KITCHEN_WORK.sub(" ", rest) if _IN_WEATHER.search(rest) else rest
    setting = first(places, lexicon.SETTINGS)
    hour = first(rest, lexicon.HOURS)
    weather = first(_AFTER_RAIN.sub(" ", rest), lexicon.WEATHERS)
    move = first(rest, lexicon.MOVES)
    mood = first(rest, lexicon.MOODS)
    named = {n for n, v in (("setting", setting), ("hour", hour), ("weather", weather), ("move", move)) if v}

    cast = read_cast(rest)
    not_drawn = tuple(_as_written(words, rest, plain) for words in cast.not_drawn)
    subjects = cast.subjects
    tints = frozenset(all_of(rest, lexicon.TINTS))
    if cast.missing:
        card = _title(number, cast, prompt, hour)
        return replace(
            card,
            not_drawn=not_drawn,
            signs=signs,
            spoken=spoken,
            sounds=frozenset(all_of(rest, lexicon.SOUNDS)),
        )
    if setting is None:
        leafy = tints & {Tint.BLOSSOM, Tint.AUTUMN} and not subjects
        setting = (
            _choose(number, "setting", (Environment.FOREST, Environment.MEADOW))
            if leafy
            else _outdoors(_settings_for(subjects, weather, signs), rest, weather, number)
        )
        tints |= {t for s in subjects[:1] if s.kind in CATALOGUE and (t := CATALOGUE[s.kind].tint)}
    setting, subjects = _suited(setting, subjects, weather)
    kinds = {s.kind for s in subjects}
    if SubjectKind.RAINBOW in kinds and weather in RAINY:
        weather = Weather.CLEAR
        hour = hour or TimeOfDay.DAY
    elif SubjectKind.TORNADO in kinds:
        weather = weather or Weather.STORM
    if setting is Environment.SEA and _walks(subjects):
        setting = Environment.BEACH
    aurora = bool(re.search(r"\baurora|northern lights|极光", rest))
    if hour is None and aurora:
        hour = TimeOfDay.NIGHT
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
        elif weather in (SNOWY | {Weather.CLOUDY}) or Tint.ICE in tints:
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
        closeness=1.75 if _CLOSE.search(rest) else 0.62 if _WIDE.search(rest) else 1.0,
        moon=bool(re.search(r"\bmoon|月", rest)) or _choose(number, "moon", (True, False)),
        full_moon=bool(re.search(r"\bfull moon|满月|圆月", rest)),
        aurora=aurora,
        rides=bool(
            re.search(r"\b(?:rid(?:es?|ing)|on (?:a|his|her|the) (?:\w+ )?horse|horseback)\b|骑", rest)
        ),
        named=frozenset(named),
    )


def _title(number: int, cast: Cast, prompt: str, hour: TimeOfDay | None) -> Scene:
    """A title card with the words for the main subject, as the prompt writes them."""
    return Scene(
        seed=number,
        setting=Environment.ROOM,
        hour=hour or TimeOfDay.DUSK,
        weather=Weather.CLEAR,
        move=CameraMove.STATIC,
        mood=Mood.CALM,
        card=_as_written(cast.missing, simplified(prompt.lower()), prompt),
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
    """The usual environments of a subject, for prompts that name no environment."""
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
        SubjectKind.DOG: (Environment.MEADOW,),
        SubjectKind.HORSE: (Environment.MEADOW,),
        SubjectKind.BICYCLE: (Environment.STREET, Environment.MEADOW),
        SubjectKind.HOT_AIR_BALLOON: (Environment.MOUNTAINS, Environment.MEADOW, Environment.DESERT),
    }
    kinds = {s.kind for s in subjects}
    if weather is Weather.SANDSTORM:
        return (Environment.DESERT,)
    if weather is Weather.CLOUDY and not subjects:
        return (Environment.MEADOW, Environment.SEA)
    if weather in SNOWY and not subjects:
        return (Environment.MOUNTAINS, Environment.MEADOW, Environment.FOREST)
    if SubjectKind.RAINBOW in kinds or (weather in (ROUGH | {Weather.WIND}) and not subjects):
        return (Environment.MEADOW, Environment.MOUNTAINS)
    if SubjectKind.BRIDGE in kinds:
        return (Environment.LAKE,)
    for subject in subjects:
        if subject.kind in home:
            return home[subject.kind]
        if subject.kind in CATALOGUE:
            return CATALOGUE[subject.kind].homes
        if subject.kind in TRADES:
            return TRADES[subject.kind].homes
    if signs:
        return (Environment.STREET, Environment.CITY, *wide)
    return wide


def _outdoors(
    settings: tuple[Environment, ...], text: str, weather: Weather | None, number: int
) -> Environment:
    """One of the environments. Who is in the snow or the rain is not in a room."""
    if weather is not None and _IN_WEATHER.search(text):
        settings = tuple(one for one in settings if one not in INDOORS) or (Environment.STREET,)
    elif weather is not None and _SEEN_FROM_INSIDE.search(text):
        settings = tuple(one for one in settings if one in INDOORS) or (Environment.ROOM,)
    return _choose(number, "setting", settings)


def _suited(
    setting: Environment, subjects: tuple[Subject, ...], weather: Weather | None
) -> tuple[Environment, tuple[Subject, ...]]:
    """The environment and the subjects, changed where a subject cannot be shown in that environment."""
    kinds = {s.kind for s in subjects}
    if weather is Weather.CLOUD_SEA and not kinds & _AFLOAT:
        setting = Environment.MOUNTAINS
    if SubjectKind.LIGHTHOUSE in kinds and setting in _INLAND:
        # The cliffs of a lighthouse are on the coast.
        setting = Environment.SEA
    trade = next((TRADES[s.kind] for s in subjects[:1] if s.kind in TRADES), None)
    if trade is not None and setting is Environment.KITCHEN and subjects[0].kind not in _COOKS:
        setting = trade.homes[0]
    if setting in INDOORS and subjects and subjects[0].kind in _BUILDINGS:
        setting = CATALOGUE[subjects[0].kind].homes[0]
    if SubjectKind.SEA_TURTLE in kinds and setting is Environment.BEACH:
        subjects = tuple(
            replace(s, kind=SubjectKind.TURTLE, action=SubjectAction.WALK)
            if s.kind is SubjectKind.SEA_TURTLE
            else s
            for s in subjects
        )
    return setting, subjects


def _walks(subjects: tuple[Subject, ...]) -> bool:
    land = PEOPLE | {
        SubjectKind.DOG,
        SubjectKind.CAT,
        SubjectKind.HORSE,
        SubjectKind.CAR,
        SubjectKind.BICYCLE,
    }
    land |= {kind for kind, entry in CATALOGUE.items() if entry.motion is Motion.GROUND}
    return any(s.kind in land for s in subjects) and not any(s.kind in _AFLOAT for s in subjects)


_Choice = TypeVar("_Choice")


def _choose(number: int, what: str, options: tuple[_Choice, ...]) -> _Choice:
    digest = hashlib.sha256(f"{number}:{what}".encode()).digest()
    return options[int.from_bytes(digest[:4], "big") % len(options)]
