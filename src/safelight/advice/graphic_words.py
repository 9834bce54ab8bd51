"""Words that suggest graphic violence: blood together with injury or death. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from safelight.policy.categories import Category
from safelight.policy.findings import Finding

from . import driver_tables
from .exclusions import find_exclusions
from .help_gate import is_alarm

#: Rows of the word table.
_BLOOD = frozenset({"blood", "bleeding_wound"})
_DEATH = frozenset({"death", "die", "kill"})
#: Rows that also have ordinary meanings, such as a cut lemon. They count only with a finding of violence.
_AMBIGUOUS = frozenset({"pain", "harm", "choke", "hang", "suffer", "suffering", "crash", "cut"})
#: Words for injury and death that are in no row. "Gore" with a capital letter is a name.
_INJURY_WORDS = re.compile(
    r"\b(?:wounds?|wounded|injur\w+|corpses?|cadavers?|sever(?:ed|ing)|mutilat\w+|dismember\w+|decapitat\w+"
    r"|behead\w+|disembowel\w+|entrails|intestines|slaughter\w*|stab(?:s|bed|bing)?|murder\w*|tortur\w+"
    r"|carcass(?:es)?|impal\w+|(?-i:(?<!al )gor[ey](?!-)))\b"
    r"|(?<!沒有)(?<!没有)(?<!不要)(?<!不含)(?<![無无])"
    r"(?:傷口|伤口|屍體|尸体|殘肢|残肢|斷肢|断肢|肢解|斬首|斩首|刺傷|刺伤|虐殺|虐杀)",
    re.IGNORECASE,
)
#: Ordinary phrases with a word for blood: food, the sky, colours and medicine.
_ORDINARY_BLOOD = re.compile(
    r"\bbloody mary\b|\bblood[\s-]+(?:oranges?|moons?|red|donat\w+|drives?|banks?|cells?|types?|tests?"
    r"|samples?|pressure|sugar|vessels?|sausages?|pudding)\b"
    r"|血腥瑪麗|血腥玛丽|[鴨鸭豬猪輸输捐獻献驗验]血|血[橙月型壓压糖管]",
    re.IGNORECASE,
)


def suggest_graphic_violence(findings: Iterable[Finding], texts: Iterable[str]) -> bool:
    """Whether texts suggest graphic violence: two of a word for blood, a word for injury or death, and a
    finding of violence. Without the finding, ambiguous words do not count.
    """
    violence = any(one.category == Category.VIOLENCE and is_alarm(one) for one in findings)
    signs = [_signs(_without_ordinary(text), ambiguous=violence) for text in texts]
    blood, injury = (any(found[number] for found in signs) for number in (0, 1))
    return violence + blood + injury >= 2


def _signs(text: str, *, ambiguous: bool) -> tuple[bool, bool]:
    """Whether the text has a word for blood, and one for injury or death elsewhere."""
    hits = list(driver_tables.word_forms().find(text))
    blood = [hit for hit in hits if hit.values[0].row in _BLOOD]
    # A form such as "killing time" has a replacement, and "kill" has none.
    plain = {hit.values[0].row for hit in hits if not any(form.alternatives for form in hit.values)}
    unclear = {hit.values[0].row for hit in hits} & _AMBIGUOUS if ambiguous else frozenset()
    elsewhere = _blank(text, ((hit.start, hit.end) for hit in blood))
    return bool(blood), bool(plain & _DEATH or unclear or _INJURY_WORDS.search(elsewhere))


def _without_ordinary(text: str) -> str:
    """The text with spaces in place of exclusions ("no gore") and of ordinary phrases with blood."""
    text = _blank(text, ((one.start, one.end) for one in find_exclusions(text)))
    return _blank(text, (found.span() for found in _ORDINARY_BLOOD.finditer(text)))


def _blank(text: str, places: Iterable[tuple[int, int]]) -> str:
    letters = list(text)
    for start, end in places:
        letters[start:end] = " " * (end - start)
    return "".join(letters)
