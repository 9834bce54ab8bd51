"""Reads the subjects of a prompt, and lists what it names that is not drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from safelight_storyboard import lexicon
from safelight_storyboard.catalogue import CATALOGUE
from safelight_storyboard.catalogue_entry import Motion
from safelight_storyboard.lexicon import SubjectAction
from safelight_storyboard.modifiers import MOST_OF_A_KIND, colour_of, count_of, named_count
from safelight_storyboard.noun_phrases import NounPhrase, han_word, noun_phrases
from safelight_storyboard.subject_kinds import SubjectKind
from safelight_storyboard.subject_words import KINDS, OTHER_NOUNS, PLAIN_PEOPLE
from safelight_storyboard.town_buildings import TOWN_BUILDINGS
from safelight_storyboard.town_traffic import TOWN_TRAFFIC
from safelight_storyboard.trades import TRADES
from safelight_storyboard.word_tables import first, matches
from safelight_storyboard.work_vehicles import WORK_VEHICLES

MOST_SUBJECTS = 4
#: Most words for subjects, and most noun phrases, that are read of a prompt: bounds the time for a long one.
MOST_WORDS = 400

PEOPLE = frozenset(
    {
        SubjectKind.PERSON,
        SubjectKind.WOMAN,
        SubjectKind.CHILD,
        SubjectKind.CHEF,
        SubjectKind.DANCER,
        SubjectKind.ASTRONAUT,
        *TRADES,
    }
)
_MOST = {
    SubjectKind.TRAIN: 1,
    SubjectKind.CAR: 4,
    SubjectKind.HORSE: 6,
    SubjectKind.WHALE: 3,
    SubjectKind.BOAT: 5,
    SubjectKind.HOT_AIR_BALLOON: 5,
}
#: Vehicles that are drawn with a person, or that hide the person who drives.
_WITH_DRIVER = frozenset(
    {
        SubjectKind.CAR,
        SubjectKind.TRAIN,
        SubjectKind.HOT_AIR_BALLOON,
        SubjectKind.ROWING_BOAT,
        SubjectKind.TRACTOR,
        SubjectKind.MOTORCYCLE,
        SubjectKind.BUS,
        SubjectKind.TRUCK,
        *WORK_VEHICLES,
        *TOWN_TRAFFIC,
    }
)


def _alternatives(han: str) -> list[str]:
    return re.split(r"\|(?![^(]*\))", han)


_PATTERNS: dict[SubjectKind, tuple[str, str]] = {
    kind: (english, "|".join(map(han_word, _alternatives(han)))) for kind, (english, han) in KINDS.items()
}
#: Where an animal sits if the prompt names no action.
_SEAT = re.compile(r"\bwindow ?sills?\b|\bsofa\b|\b(?:arm)?chair\b|窗台|沙发|椅子")
#: Subjects whose drawing contains another one.
_PARTS = {
    SubjectKind.TEA_HOUSE: (SubjectKind.LANTERN,),
    SubjectKind.COURTYARD_HOUSE: (SubjectKind.LANTERN,),
    SubjectKind.DELIVERY_RIDER: (SubjectKind.SCOOTER, SubjectKind.MOTORCYCLE, SubjectKind.BICYCLE),
    SubjectKind.VENDOR: (SubjectKind.SHOP,),
}
#: Buildings that are drawn from outside only.
_ENTERED = frozenset({*TOWN_BUILDINGS, SubjectKind.HOUSE, SubjectKind.TEA_HOUSE})
#: What may come before and after the word for a building that is only the place: "in a hospital", 医院里.
_INSIDE = re.compile(
    r"\b(?:in|inside|at|of|from|through|into|near) (?:an?|the|his|her|their) (?:[\w-]+ ){0,2}$"
)
_INSIDE_HAN = ("里", "内", "中")
#: Characters with which a Chinese noun goes on and means another thing: 火车司机, 医院长椅.
_HAN_COMPOUND = "店站厂馆院局员工师长手库票厅牌皮肉蛋毛窝巢机司夫"
#: Characters with which a Chinese word for a person goes on: 老师傅 is no 老师.
_TITLE_GOES_ON = ("傅", "匠")
#: Words of the scene; a phrase whose head is one of them needs no subject.
_SCENERY = (lexicon.SETTINGS, lexicon.HOURS, lexicon.WEATHERS, lexicon.STYLES, lexicon.TINTS)


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
class Cast:
    """The subjects of a prompt, and the words for what it names beside them."""

    subjects: tuple[Subject, ...]
    not_drawn: tuple[str, ...]
    #: The words of the main subject, if it is not drawn; else empty.
    missing: str


def read_cast(text: str) -> Cast:
    """Reads the subjects of a lower-case prompt with simplified characters.

    The main subject is the head of the first noun phrase that does not follow a preposition. A word of the
    vocabulary that only describes another noun ("a cat statue") is no subject.
    """
    phrases = noun_phrases(text)[:MOST_WORDS]
    others = [(m.start(), m.end()) for m in matches(text, *OTHER_NOUNS)]
    found: list[tuple[SubjectKind, re.Match[str]]] = []
    covered = bytearray(len(text))
    for a, b in others:
        covered[a:b] = b"\1" * (b - a)
    for kind, match in _longest_first(text):
        start, end = match.span()
        if not any(covered[start:end]) and not (kind in _ENTERED and _is_inside(text, match)):
            covered[start:end] = b"\1" * (end - start)
            found.append((kind, match))
    heads = [match for _, match in found]
    heads += [m for table in _SCENERY for words in table.values() for m in matches(text, *words)]
    missing = [_whole(text, p, others) for p in phrases if not _is_drawn(p, heads, others)]
    missing += [
        NounPhrase(start=a, end=b, words=text[a:b], attached=False)
        for a, b in others
        if not any(p.start < b and a < p.end for p in phrases)
    ]
    subjects: list[Subject] = []
    for kind, match in sorted(found, key=lambda each: each[1].start()):
        describes = any(p.start <= match.start() and match.end() <= p.end for p in missing)
        if describes or _describes_animal(text, kind, match, found):
            continue
        same = next((n for n, s in enumerate(subjects) if s.kind is kind), None)
        if same is None:
            subjects.append(_subject(text, kind, match))
        elif (more := named_count(text[max(0, match.start() - 30) : match.start()])) is not None:
            # "A duck with five ducklings" is six of a kind.
            count = min(subjects[same].count + more, MOST_OF_A_KIND)
            subjects[same] = replace(subjects[same], count=count)
    subjects = _aboard(text, subjects)
    leading = next((p for p in phrases if not p.attached), None)
    named = next((p for p in missing if not p.attached), None) if leading is None else None
    main = named or leading
    lost = next((p for p in missing if main is not None and p.end == main.end), None)
    shown = subjects[:MOST_SUBJECTS] if lost is None else []
    left_out = {p.start: p.words for p in missing}
    left_out |= {s.at: s.word for s in subjects if s not in shown}
    left_out |= {s.at: s.word for s in shown if s.kind not in TRADES and re.fullmatch(PLAIN_PEOPLE, s.word)}
    left_out |= {s.at: s.word for s in shown if s.count > most_of(s.kind)}
    words = dict.fromkeys(left_out[at] for at in sorted(left_out))
    return Cast(subjects=tuple(shown), not_drawn=tuple(words)[:8], missing=lost.words if lost else "")


def most_of(kind: SubjectKind) -> int:
    """How many of this kind one picture shows at most."""
    return CATALOGUE[kind].most if kind in CATALOGUE else _MOST.get(kind, MOST_OF_A_KIND)


def _describes_animal(
    text: str, kind: SubjectKind, match: re.Match[str], found: list[tuple[SubjectKind, re.Match[str]]]
) -> bool:
    """Whether a word for a person only describes the noun after it: a baby elephant, a mother duck."""
    if kind not in (SubjectKind.PERSON, SubjectKind.WOMAN, SubjectKind.CHILD):
        return False
    at = match.end() + (text[match.end() : match.end() + 1] == " ")
    return any(other not in PEOPLE and m.start() == at for other, m in found)


def _longest_first(text: str) -> list[tuple[SubjectKind, re.Match[str]]]:
    """The first words for subjects; of words that overlap, the longest is meant (环卫工人 contains 工人)."""
    words = [
        (kind, match)
        for kind, (english, han) in _PATTERNS.items()
        for match in matches(text, english, han)
        if match.group().isascii()
        or not (kind in PEOPLE and text[match.end() : match.end() + 1] in _TITLE_GOES_ON)
    ]
    words.sort(key=lambda each: each[1].start())
    return sorted(words[:MOST_WORDS], key=lambda each: -len(each[1].group()))


def _whole(text: str, phrase: NounPhrase, others: list[tuple[int, int]]) -> NounPhrase:
    """The phrase; if its head is one of `OTHER_NOUNS`, with all words of that noun."""
    for a, b in others:
        if b == phrase.end:
            return replace(phrase, start=min(a, phrase.start), words=text[a:b])
    return phrase


def _is_drawn(phrase: NounPhrase, heads: list[re.Match[str]], others: list[tuple[int, int]]) -> bool:
    """Whether the head of a phrase is a word of the vocabulary."""
    if any(a < phrase.end and phrase.start < b and b == phrase.end for a, b in others):
        return False
    if any(a == phrase.start for a, _ in others):
        return False
    if any(m.start() < phrase.end <= m.end() for m in heads):
        return True
    # A Chinese phrase may continue with a verb that is not known.
    return any(
        phrase.start <= m.start()
        and m.end() < phrase.end
        and len(m.group()) > 1
        and not m.group().isascii()
        and phrase.words[m.end() - phrase.start :][:1] not in _HAN_COMPOUND
        for m in heads
    )


def _is_inside(text: str, match: re.Match[str]) -> bool:
    """Whether a building is only the place of the scene, which shows it from inside."""
    return _INSIDE.search(text[: match.start()]) is not None or text[match.end() :].startswith(_INSIDE_HAN)


def _aboard(text: str, found: list[Subject]) -> list[Subject]:
    """The subjects, without people who are inside a vehicle or on a bicycle."""
    kinds = {s.kind for s in found}
    drives = re.search(r"\b(?:driv|rid|row|paddl|in (?:a|the|his|her) )|开|骑|坐|划|驾", text) is not None
    inside = SubjectKind.BICYCLE in kinds or (drives and kinds & _WITH_DRIVER)
    if SubjectKind.FISHERMAN in kinds:
        # The fisherman is drawn with his own boat.
        found = [s for s in found if s.kind not in (SubjectKind.BOAT, SubjectKind.ROWING_BOAT)]
    for whole, parts in _PARTS.items():
        if whole in kinds:
            found = [s for s in found if s.kind not in parts]
    return [s for s in found if not (inside and s.kind in PEOPLE)]


def _subject(text: str, kind: SubjectKind, match: re.Match[str]) -> Subject:
    before, after = text[max(0, match.start() - 30) : match.start()], text[match.end() : match.end() + 60]
    clause = re.split(r"[.;。；]", after)[0]
    action = _implied(match.group()) or first(clause, lexicon.ACTIONS) or first(text, lexicon.ACTIONS)
    if action is None and _SEAT.search(text):
        action = SubjectAction.SIT
    return Subject(
        kind=kind,
        action=_fitting(kind, action),
        count=count_of(before, match.group()),
        colour=colour_of(before, match.group(), clause),
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
    if action is SubjectAction.SLEEP and kind not in (SubjectKind.CAT, SubjectKind.DOG):
        action = SubjectAction.SIT
    if kind in CATALOGUE:
        return _action_in_catalogue(CATALOGUE[kind].motion, action)
    if kind in TRADES:
        return SubjectAction.STAND
    if kind in (SubjectKind.BIRD, SubjectKind.BUTTERFLY, SubjectKind.HOT_AIR_BALLOON, SubjectKind.BALLOON):
        return SubjectAction.FLY
    if kind in (SubjectKind.FISH, SubjectKind.WHALE):
        return SubjectAction.SWIM
    if kind is SubjectKind.BOAT or (kind is SubjectKind.BICYCLE and action is not SubjectAction.STAND):
        return SubjectAction.WALK
    if kind in (SubjectKind.CAR, SubjectKind.TRAIN):
        return (
            SubjectAction.STAND if action in (SubjectAction.STAND, SubjectAction.SIT) else SubjectAction.RUN
        )
    if kind in (SubjectKind.DOG, SubjectKind.CAT, SubjectKind.HORSE):
        return (
            action
            if action in (SubjectAction.RUN, SubjectAction.SIT, SubjectAction.STAND, SubjectAction.SLEEP)
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


def _action_in_catalogue(motion: Motion, action: SubjectAction | None) -> SubjectAction:
    moves = SubjectAction.RUN if action is SubjectAction.RUN else SubjectAction.WALK
    rests = action in (
        SubjectAction.STAND,
        SubjectAction.SIT,
        SubjectAction.SLEEP,
        SubjectAction.COOK,
    )
    return {
        Motion.AIR: SubjectAction.FLY,
        Motion.UNDERWATER: SubjectAction.SWIM,
        Motion.AFLOAT: SubjectAction.WALK,
        Motion.FIXED: SubjectAction.STAND,
        Motion.GROUND: SubjectAction.STAND if rests else moves,
    }[motion]
