"""Details of a prompt that can be left out: clauses, phrases of place or time, and adjectives. Pure.

A detail has no person or animal, number, age, identity, name, quotation, exclusion or reported word, and
nothing that carries risk, such as a weapon. Without it, the rest is still a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .drivers import PROMPT, Driver
from .exclusions import find_exclusions
from .graphic_words import has_violent_word
from .meaning_slots import FIXED, find_slots

#: Most details of a prompt: for each of them the risk without it is estimated.
MAX_DETAILS = 30
#: Characters of a prompt that are read, as by the risk model.
_MAX_CHARS = 2_000
#: Longest phrase of place or time, and longest clause, in words: longer ones state more than a detail.
_MAX_PHRASE_WORDS, _MAX_CLAUSE_WORDS = 6, 20
_MAX_HAN = 24
_WORD = re.compile(r"[A-Za-z][\w'’-]*|[\u3400-\u9fff]")
_SENTENCE = re.compile(r"[^.!?。！？\n]+")
_CLAUSE = re.compile(r"\s*[,;，；、]\s*([^,;，；、]+)")
_PREPOSITION = (
    "in|on|at|by|under|near|beside|behind|during|before|after|across|along|through|inside|outside|against"
)
_CONJUNCTION = "and|but|while|as|then|when|where|which|who|that"
#: After such a beginning, the first clause of a sentence is its main clause.
_INTRODUCTION = re.compile(
    rf"\s*(?:{_PREPOSITION}|as|when|while|once|with|from|if|although|because|inspired|set)\b", re.IGNORECASE
)
#: A clause that brings in something new, which may be a person or an animal that no table has.
_NEW_THING = re.compile(
    r"[\s,;]*(?:(?:and|or|then|with|plus|including|followed by|alongside)\s+)*"
    r"(?:an?|some|many|several|few|another|other|more|two|both)\b",
    re.IGNORECASE,
)
#: The verb of the sentence: ", rests on a table".
_VERB_FIRST = re.compile(
    rf"\s*[,;]\s*(?:\w+ly\s+)?(?:is|are|has|"
    rf"\w+[^s\W]s\s+(?:an?|the|his|her|its|their|to|{_PREPOSITION}|\w+ly))\b",
    re.IGNORECASE,
)
#: An adjective before a comma belongs to a noun of the next clause: "in soft, natural light".
_ADJECTIVE_LAST = re.compile(
    r"\b(?:soft|bright|warm|cool|cold|dark|dim|wet|dry|rich|deep|long|short|tall|wide|large|small|big|tiny|old|new"
    r"|young|gentle|slow|quick|quiet|calm|clear|clean|fresh|crisp|crispy|creamy|cosy|cozy|sunny|snowy|misty|foggy|shiny"
    r"|icy|rusty|dusty|stretchy|airy|heavy|empty|busy|pale|vintage|serene|eerie|simple|subtle|delicate|intricate"
    r"|ornate|modern|golden|red|blue|green|yellow|orange|purple|pink|grey|gray|white|black|brown"
    r"|\w+(?:[^\We]ed|ful|ous|ive|ic|al|ant|ent|able|ible|ish|less|ing))$",
    re.IGNORECASE,
)
#: A phrase of place or time with an article: "on a frozen river", "at the edge of the field".
_PHRASE = re.compile(
    rf"\s+(?:{_PREPOSITION})\s+(?:a|an|the)\s+[\w'’-]+(?:\s+(?!(?:{_PREPOSITION}|{_CONJUNCTION}|to|from|with)\b)"
    rf"[\w'’-]+){{0,4}}(?=\s*[,;.!?]|\s*$|\s+(?:{_PREPOSITION}|{_CONJUNCTION})\b)",
    re.IGNORECASE,
)
#: After the first noun or adjective of a phrase, such a word may be a verb: "in the garden sings".
_MAYBE_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|do|does|can|will|go|come|\w+(?:[^s\W]s|ing|ed))$", re.IGNORECASE
)
#: Adjectives of colour, light, material, weather and mood. Without one of them, the noun stays.
_ADJECTIVE = re.compile(
    r"(?<=\s)(?:red|blue|green|yellow|orange|purple|violet|pink|grey|gray|golden|gold|silver|crimson|scarlet"
    r"|turquoise|beige|colou?rful|vivid|vibrant|bright|shiny|glowing|glittering|sparkling|pale|soft|hard|harsh"
    r"|wooden|metal|metallic|stone|marble|velvet|silk|leather|wool|woolen|cotton|steel|iron|bronze|copper|rusty"
    r"|wet|dry|snowy|rainy|foggy|misty|windy|stormy|sunny|cloudy|frozen|icy|hot|fresh|dusty|muddy"
    r"|small|tiny|large|big|huge|giant|wide|narrow|tall|long|short|steep|deep|heavy|empty|crowded|busy|ancient"
    r"|modern|vintage|antique|ruined|abandoned|rustic|elegant|delicate|beautiful|cosy|cozy|magical|mystical"
    r"|majestic|serene|mysterious|dreamy|dreamlike|eerie|lonely|playful|epic|gothic|romantic)"
    r"(?:-colou?red)?\s+(?=[a-z])"
)
_DETERMINER_BEFORE = re.compile(
    r"\b(?:a|an|the|his|her|its|their|this|that)(?:\s+[\w-]+)?\s+$", re.IGNORECASE
)
#: An adjective before one of these words belongs to no noun.
_NO_NOUN = re.compile(rf"(?:{_PREPOSITION}|{_CONJUNCTION}|or|of|to|is|are|was|were)\b", re.IGNORECASE)
#: What a viewer, a platform or a filter may take as a risk, and looks that belong to a person.
_CARRIES_RISK = re.compile(
    r"\b(?:weapons?|arm(?:ed|ou?red?)|guns?|gun\w+|pistols?|rifles?|revolvers?|shotguns?|bullets?"
    r"|ammunition|shoot\w*|shots? (?:at|fired)|swords?|spears?|arrows?|sabers?|bombs?|bomb\w+|explo\w+"
    r"|grenades?"
    r"|missiles?"
    r"|tanks?|war|wars|warfare|battle\w*|soldiers?|milit\w+|army|fight\w*|violen\w+|attack\w*"
    r"|threat\w*|hostage|kidnap\w*|prison\w*|jail|handcuff\w*|cage[sd]?|rope|tied|bound|gag\w*|chains?|whip\w*"
    r"|drugs?|pills?|syringes?|needles?|heroin|cocaine|cannabis|marijuana|meth|opium|smok(?:es|ing|ed)"
    r"|cigar\w*|tobacco|vap(?:e|es|ing)|alcohol\w*|wine|beer|whisk\w+|vodka|drunk\w*|liquor|casino|gambl\w*"
    r"|poison\w*|toxic|razors?|scissors|saws?|blood\w*|hurt|wound\w*|bandage\w*|scars?|bruis\w*"
    r"|surg\w+|corpse\w*|dead|death|die[sd]?|dying|funeral|hearse|coffin\w*|grave\w*|cemetery|slaughter\w*"
    r"|skeleton\w*|ghost\w*|nud\w+|naked|nake\w+|bare\w*|topless|undress\w*|strip\w*|lingerie|underwear|bikinis?"
    r"|swimsuits?|swimwear|bra|panties|sex\w*|erotic\w*|kiss\w*|lips|breasts?|cleavage|thighs?|bed|bedroom|bath\w*"
    r"|shower\w*|see-through|transparent|sheer|tight|seductiv\w*|intimate\w*|pregnan\w*"
    r"|school\w*|classrooms?|playground\w*|nursery|toys?|dolls?|minors?|youth\w*|baby|babies|child\w*"
    r"|fires?|fier\w+|flame\w*|burn\w*|smoke|ash(?:es)?|match(?:es)?|drown\w*|sink\w*|falls?|falling|edge|cliffs?"
    r"|rooftops?|ledge|crash\w*|wreck\w*|accident\w*|danger\w*|emergenc\w*"
    r"|police\w*|crim\w*|steal\w*|thie(?:f|ves)|rob\w*|protest\w*|riot\w*|politic\w*|president\w*"
    r"|elections?|swastika\w*|nazi\w*|terror\w*"
    r"|cry|cries|crying|tears?|scream\w*|pain\w*|desperat\w*|despair|hopeless|alone|suicid\w*"
    r"|logo\w*|brand\w*|style of|watermark\w*|signature"
    r"|wheelchair|crutch\w*|prosthe\w*|hijab|niqab|burqa|turban|headscar\w*|beard\w*|bald|hair\w*|skin\w*|tattoo\w*"
    r"|freckle\w*|faces?|eyes|mask\w*|uniform\w*|seen from behind|blurred)\b"
    r"|[槍枪刀劍剑箭炸彈弹毒藥药菸烟酒血傷伤屍尸死葬墓裸胸吻床浴校童嬰婴火焰燒烧溺墜坠崖警罪旗淚泪哭痛綁绑鎖锁"
    r"髮发鬍胡膚肤臉脸眼紋纹]|武器|戰|战爭|战争|內衣|内衣|制服|標誌|标志|商標|商标|輪椅|轮椅",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:no|not|never|without|nor|neither|nobody|none)\b|n['’]t\b|[不沒没無无非]", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Detail:
    """Characters `start` to `end` (exclusive) that can be left out, with the comma or space before them."""

    start: int
    end: int
    text: str


def find_details(
    prompt: str, drivers: Sequence[Driver] = (), protected: Sequence[tuple[int, int]] = ()
) -> tuple[Detail, ...]:
    """The details of a prompt from left to right. A phrase can be inside a clause.

    `protected`: character ranges that no suggestion changes.
    """
    text = prompt[:_MAX_CHARS]
    kept = [*protected, *((one.start, one.end) for one in find_exclusions(text))]
    kept += [(one.start, one.end) for one in find_slots(text) if one.slots & FIXED]
    kept += [(span.start, span.end) for driver in drivers for span in driver.spans if span.field == PROMPT]
    found = {(one.start, one.end): one for one in _candidates(text) if not _is_kept(one, kept)}
    return tuple(sorted(found.values(), key=lambda one: (one.start, one.end))[:MAX_DETAILS])


def _candidates(text: str) -> Iterator[Detail]:
    spans: list[tuple[int, int]] = []
    for sentence in _SENTENCE.finditer(text):
        for number, clause in enumerate(_CLAUSE.finditer(text, sentence.start(), sentence.end())):
            is_main = (
                _NEW_THING.match(clause.group())
                or _VERB_FIRST.match(clause.group())
                or (number == 0 and _INTRODUCTION.match(text, sentence.start()))
            )
            cut = _ADJECTIVE_LAST.search(text[sentence.start() : clause.start()])
            if not is_main and not cut and _is_short(clause.group(1), _MAX_CLAUSE_WORDS):
                spans.append(clause.span())
        for phrase in _PHRASE.finditer(text, sentence.start(), sentence.end()):
            after_noun = phrase.group().split()[3:]
            short = _is_short(phrase.group(), _MAX_PHRASE_WORDS)
            cut = _ADJECTIVE_LAST.search(phrase.group())
            if short and not cut and not any(_MAYBE_VERB.search(word) for word in after_noun):
                spans.append(phrase.span())
    for adjective in _ADJECTIVE.finditer(text):
        before = text[max(adjective.start() - 40, 0) : adjective.start()]
        if _DETERMINER_BEFORE.search(before) and not _NO_NOUN.match(text, adjective.end()):
            spans.append(adjective.span())
    return (Detail(start=start, end=end, text=text[start:end]) for start, end in spans)


def _is_short(text: str, words: int) -> bool:
    found = _WORD.findall(text)
    return 0 < len(found) <= (words if text.isascii() else _MAX_HAN)


def _is_kept(detail: Detail, kept: Iterable[tuple[int, int]]) -> bool:
    """Whether a detail has something that must stay."""
    return bool(
        any(detail.start < end and start < detail.end for start, end in kept)
        or _NEGATION.search(detail.text)
        or _CARRIES_RISK.search(detail.text)
        or has_violent_word(detail.text)
    )
