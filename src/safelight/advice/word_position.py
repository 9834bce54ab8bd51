"""The position of a word in its sentence, which decides whether a replacement fits there. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

_DETERMINER = r"(?:a|an|the|this|that|these|those|his|her|its|their|my|your|our|one|two|some|every|each|no)"
_AFTER_DETERMINER = re.compile(rf"\b{_DETERMINER}\s+$", re.IGNORECASE)
#: A plural noun between the two, as in "two brothers fight", makes the word a verb.
_NEAR_DETERMINER = re.compile(
    rf"\b{_DETERMINER}\s+(?:(?!(?:men|women|people|children|police)\b)[\w-]*(?:[^\Ws]|ss)\s+)?$",
    re.IGNORECASE,
)
_AFTER_A = re.compile(r"\b(?:a|an)\s+$", re.IGNORECASE)
_NO_VERB_BEFORE = re.compile(
    rf"\b(?:{_DETERMINER}|is|are|was|were|be|been|being|\w+ly)[\s-]+$", re.IGNORECASE
)
_INFINITIVE = re.compile(r"\b(?:to|can|could|will|would|may|might|must|should|not)\s+$", re.IGNORECASE)
_WORD_NEXT = re.compile(r"[\s-]+[A-Za-z]")
#: A noun phrase ends before these words.
_PHRASE_END = re.compile(
    r"(?!\s*-)(?!\s+(?!(?:and|or|but|of|on|in|at|with|from|to|by|over|under|near|behind|through|across|for|as|while"
    r"|is|are|was|were)\b)[A-Za-z])",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"(?!\s*-)(?!\s+(?!(?:and|or|but|while|as)\b)[A-Za-z])", re.IGNORECASE)
_PLACE_NEXT = re.compile(
    r"\s+(?:alley(?:way)?s?|attic|background|backdrop|bar|basement|bathroom|beach|bedroom|bridge|building|castle"
    r"|cathedral|caves?|cellar|chamber|church|cinema|city|classroom|club|corners?|corridors?|courtyard|day|doorway"
    r"|evening|factory|fields?|forests?|garage|garden|hall|hallways?|house|interior|jungle|kitchen|lab|laboratory"
    r"|lake|lane|library|morning|museum|night|nights|ocean|office|park|passage|paths?|place|restaurant|roads?|rooms?"
    r"|scenes?|sea|setting|shop|sky|skies|space|stage|staircase|stairs|stairwell|station|streets?|studio|swamp"
    r"|theat(?:er|re)|town|tunnels?|village|warehouse|woods?)\b(?!-)",
    re.IGNORECASE,
)
_DENIAL_BEFORE = re.compile(r"(?:\b(?:not|never|without|no)|n['’]t|\brefus\w+ to)\s+$|不$", re.IGNORECASE)
_NO_ADVERB_BEFORE = re.compile(
    r"(?:\b(?:not|never|so|very|too|let|left|leav(?:e|es|ing)|is|are|was|were|be|been|being|feel(?:s|ing)?|felt)"
    r"|n['’]t|\b(?:let|left|leav(?:e|es|ing))\s+\w+)\s+$",
    re.IGNORECASE,
)
#: Characters before and after a position.
_BEFORE, _AFTER = 40, 20
_HAN = re.compile(r"[\u3400-\u9fff]")


class WordPosition(StrEnum):
    """Where a form can be replaced."""

    ANYWHERE = ""
    #: A noun that is not the first part of a compound such as "blood sample".
    NOUN = "noun"
    #: A noun at the end of its clause.
    CLAUSE_END = "clause end"
    #: A noun without "a" before it.
    UNCOUNTED = "uncounted"
    #: A noun with an article or another determiner before it, and not a verb.
    DETERMINED = "determined"
    #: A verb, and not a noun or a participle.
    VERB = "verb"
    INFINITIVE = "infinitive"
    #: A verb without an object and a denial.
    INTRANSITIVE = "intransitive"
    #: An adverb, and not part of "is alone" or "left alone".
    ADVERB = "adverb"
    #: Not between an article and a noun.
    PREDICATE = "predicate"
    #: Not a noun such as "the dark".
    ADJECTIVE = "adjective"
    #: Directly before a place, such as "dark street", so that no person changes.
    BEFORE_PLACE = "before place"
    #: A Chinese predicate: not before or after 的, nor after 在.
    CLAUSE = "clause"
    #: A Chinese attribute before 的.
    BEFORE_DE = "before de"


def fits(position: WordPosition, text: str, start: int, end: int) -> bool:
    """Whether a replacement fits at characters `start` to `end` (exclusive) of a text.

    One Chinese character is usually part of a longer word, so it is replaced only if it stands alone.
    """
    before, after = text[max(start - _BEFORE, 0) : start], text[end : end + _AFTER]
    if end - start == 1 and _HAN.match(text, start):
        return not (_HAN.match(before[-1:]) or _HAN.match(after[:1]))
    determined, word_next = _AFTER_DETERMINER.search(before), _WORD_NEXT.match(after)
    match position:
        case WordPosition.NOUN:
            return bool(_PHRASE_END.match(after))
        case WordPosition.CLAUSE_END:
            return bool(_CLAUSE_END.match(after))
        case WordPosition.UNCOUNTED:
            return not _AFTER_A.search(before)
        case WordPosition.DETERMINED:
            return bool(_NEAR_DETERMINER.search(before) and _PHRASE_END.match(after))
        case WordPosition.VERB:
            return not (_NO_VERB_BEFORE.search(before) or after.startswith(" of"))
        case WordPosition.INFINITIVE:
            return bool(_INFINITIVE.search(before))
        case WordPosition.INTRANSITIVE:
            ends = _CLAUSE_END.match(after) and not _HAN.match(after)
            return bool(ends and not _DENIAL_BEFORE.search(before))
        case WordPosition.ADVERB:
            return not _NO_ADVERB_BEFORE.search(before)
        case WordPosition.PREDICATE:
            return not (determined and word_next)
        case WordPosition.ADJECTIVE:
            return not (determined and not word_next)
        case WordPosition.BEFORE_PLACE:
            return bool(_PLACE_NEXT.match(after))
        case WordPosition.CLAUSE:
            return not (before.endswith(("的", "在", "有")) or after.startswith(("的", "地", "得")))
        case WordPosition.BEFORE_DE:
            return after.startswith("的")
    return True


def has_determiner(text: str, start: int) -> bool:
    """Whether an article or another determiner stands directly before character `start`."""
    return bool(_AFTER_DETERMINER.search(text[max(start - _BEFORE, 0) : start]))
