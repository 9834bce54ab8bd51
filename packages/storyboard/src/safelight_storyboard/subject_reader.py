"""Reads the subjects of a prompt, and lists what it names that is not drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from safelight_storyboard import lexicon
from safelight_storyboard.lexicon import SubjectAction
from safelight_storyboard.modifiers import MOST_OF_A_KIND, colour_of, count_of, named_count
from safelight_storyboard.noun_phrases import NounPhrase, han_word, noun_phrases
from safelight_storyboard.subject_words import KINDS, OTHER_NOUNS, PEOPLE, PLAIN_PEOPLE, SubjectKind
from safelight_storyboard.word_tables import first, matches

MOST_SUBJECTS = 4
#: Most words for subjects, and most noun phrases, that are read of a prompt: bounds the time for a long one.
MOST_WORDS = 400

_MOST = {
    SubjectKind.CAR: 4,
    SubjectKind.TRAM: 1,
    SubjectKind.HORSE: 6,
    SubjectKind.BOAT: 5,
    SubjectKind.BRIDGE: 1,
    SubjectKind.LIGHTHOUSE: 1,
}


def _alternatives(han: str) -> list[str]:
    return re.split(r"\|(?![^(]*\))", han)


_PATTERNS: dict[SubjectKind, tuple[str, str]] = {
    kind: (english, "|".join(map(han_word, _alternatives(han)))) for kind, (english, han) in KINDS.items()
}
#: Where an animal sits if the prompt names no action.
_SEAT = re.compile(r"\bwindow ?sills?\b|\bsofa\b|\b(?:arm)?chair\b|窗台|沙发|椅子")
#: Characters with which a Chinese noun goes on and means another thing: 火车司机, 医院长椅.
_HAN_COMPOUND = "店站厂馆院局员工师长手库票厅牌皮肉蛋毛窝巢机司夫"
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
        if not any(covered[start:end]):
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
    left_out |= {s.at: s.word for s in shown if re.fullmatch("|".join(PLAIN_PEOPLE), s.word)}
    left_out |= {s.at: s.word for s in shown if s.count > most_of(s.kind)}
    left_out |= {m.start(): m.group() for m in matches(text, *lexicon.PLAIN_PLACES)}
    words = dict.fromkeys(left_out[at] for at in sorted(left_out))
    return Cast(subjects=tuple(shown), not_drawn=tuple(words)[:8], missing=lost.words if lost else "")


def most_of(kind: SubjectKind) -> int:
    """How many of this kind one picture shows at most."""
    return _MOST.get(kind, MOST_OF_A_KIND)


def _describes_animal(
    text: str, kind: SubjectKind, match: re.Match[str], found: list[tuple[SubjectKind, re.Match[str]]]
) -> bool:
    """Whether a word for a person only describes the noun after it: a baby elephant, a mother duck."""
    if kind not in PEOPLE:
        return False
    at = match.end() + (text[match.end() : match.end() + 1] == " ")
    return any(other not in PEOPLE and m.start() == at for other, m in found)


def _longest_first(text: str) -> list[tuple[SubjectKind, re.Match[str]]]:
    """The first words for subjects; of words that overlap, the longest is meant (环卫工人 contains 工人)."""
    words = [
        (kind, match) for kind, (english, han) in _PATTERNS.items() for match in matches(text, english, han)
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


def _aboard(text: str, found: list[Subject]) -> list[Subject]:
    """The subjects, without people who are inside a vehicle or on a bicycle, which has its own rider."""
    kinds = {s.kind for s in found}
    drives = re.search(r"\b(?:driv|in (?:a|the|his|her) )|开|坐|驾", text) is not None
    inside = SubjectKind.BICYCLE in kinds or (drives and kinds & {SubjectKind.CAR, SubjectKind.TRAM})
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


_FOUR_LEGGED = (
    SubjectAction.WALK,
    SubjectAction.RUN,
    SubjectAction.SIT,
    SubjectAction.STAND,
    SubjectAction.SLEEP,
)
_DRIVEN = (SubjectAction.RUN, SubjectAction.STAND)
#: What each kind can do, apart from people; its first action is what it does if the prompt names another.
_ABLE: dict[SubjectKind, tuple[SubjectAction, ...]] = {
    SubjectKind.BIRD: (SubjectAction.FLY,),
    SubjectKind.DOG: _FOUR_LEGGED,
    SubjectKind.CAT: _FOUR_LEGGED,
    SubjectKind.HORSE: (SubjectAction.WALK, SubjectAction.RUN, SubjectAction.STAND),
    SubjectKind.BOAT: (SubjectAction.WALK,),
    SubjectKind.CAR: _DRIVEN,
    SubjectKind.TRAM: _DRIVEN,
    SubjectKind.BICYCLE: (SubjectAction.WALK, SubjectAction.STAND),
    SubjectKind.BRIDGE: (SubjectAction.STAND,),
    SubjectKind.LIGHTHOUSE: (SubjectAction.STAND,),
}
_PERSON = (
    SubjectAction.STAND,
    SubjectAction.WALK,
    SubjectAction.RUN,
    SubjectAction.DANCE,
    SubjectAction.SIT,
)


def _fitting(kind: SubjectKind, action: SubjectAction | None) -> SubjectAction:
    """`action`, or what this kind does instead."""
    able = _ABLE.get(kind, _PERSON)
    if action in able:
        return action
    rests = action in (SubjectAction.SIT, SubjectAction.SLEEP)
    rest = SubjectAction.SIT if SubjectAction.SIT in able else SubjectAction.STAND
    return rest if rests and rest in able else able[0]
