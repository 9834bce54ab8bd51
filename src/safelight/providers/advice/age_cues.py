"""Whether an age may be stated in a prompt, and for which person. Pure.

No age is offered beside a sign of sex, swimwear, undress, school or youth, an age under 18 or a minor that a
detector found, in any text of the request.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from safelight.detectors.text.ages import ADULT_AGE
from safelight.policy.findings import Category, Finding

from . import driver_tables
from .advice_data import read_rows
from .driver_tables import Slot
from .form_table import FormTable
from .meaning_slots import SlotValue, find_slots

MIN_AGE, MAX_AGE = ADULT_AGE, 120
#: People whose age the words leave open.
_PEOPLE = frozenset(
    "man woman person lady gentleman 人 男人 女人 男子 女子 男士 女士".split()  # noqa: SIM905
)
_ONE = frozenset({"one", "1", "single", "一"})
#: What must stand before 人, which is usually part of a longer word. "她一個人" means that she is alone.
_COUNTED = re.compile(r"(?:(?<![他她它我你妳您們们另自])[一1]\s?|[這这那某])[個个位名]$")
#: Not before a person: denials, quantities, and a name before a title.
_NOT_BEFORE = re.compile(
    r"\b(?:no|not|never|without|any|every|each|another)\s+(?:an?\s+)?(?:\w+\s+)?$"
    r"|(?:[沒没]有?|[無无]|每一?|任何一?|[幾几數数多])[個个位名]?$|[些群對对雙双]$",
    re.IGNORECASE,
)
_NOT_AFTER = re.compile(r"['’\-‐-–]|[們们類类工生口士體体民群]")
_NAME_BEFORE_TITLE = re.compile(r"(?![個个位名的])[\u3400-\u9fff]$")
_TITLES = frozenset({"男士", "女士"})
_CLAUSE = re.compile(r"[,.;:!?，。；：！？\n]")
#: Characters before a person that are read.
_BEFORE = 40
_CATEGORIES = frozenset(
    category.value
    for category in (Category.SEXUAL, Category.SEXUAL_MINORS, Category.NCII, Category.MINORS_PRESENT)
)
_NUMBER = (
    r"(?:1[0-7]|[1-9]|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|(?:thir|four|fif|six|seven)teen)"
)
_HAN_NUMBER = r"(?:1[0-7]|[1-9]|十[一二三四五六七]?|[一二兩两三四五六七八九])"
_HAN_DIGIT = r"[\d一二兩两三四五六七八九十百]"
#: Ages under 18 in digits and words.
_YOUNG_AGE = re.compile(
    rf"(?<![\d.,A-Za-z]){_NUMBER}[\s-]{{0,2}}(?:y\s?[./]?\s?o\b|(?:years?|yrs?|y|months?)[\s-]{{0,2}}olds?\b"
    r"|(?:years?|yrs?) of age\b)"
    rf"|\b(?:age[ds]?|turn(?:s|ed|ing)?)\b\W{{0,3}}(?:(?:of|is|only|just|about|under|below)\W{{1,3}}){{0,2}}"
    rf"{_NUMBER}(?![\dA-Za-z])"
    rf"|(?:[芳年][齡龄]|年[紀纪方]|[歲岁][數数])[是為为約约僅仅才只有:：\s]{{0,4}}{_HAN_NUMBER}(?!{_HAN_DIGIT})"
    rf"|(?<!{_HAN_DIGIT}){_HAN_NUMBER}[幾几多來来]?\s?[歲岁]"
    r"|\bunder[\s-]?(?:18|eighteen)\b|未[滿满]\s?(?:18|十八)",
    re.IGNORECASE,
)
#: The cues that a child or a young person is in the scene.
_YOUNG = frozenset({"school", "youth"})
_POSSESSIVE = re.compile(r"['’]s\b")


def has_age_cue(texts: Iterable[str], findings: Iterable[Finding]) -> bool:
    """Whether a text or a finding has a sign beside which no age is offered."""
    # Themes for adults are below every threshold: "first date" is no sign against an age.
    if any(one.category in _CATEGORIES and one.attributes.get("kind") != "mature" for one in findings):
        return True
    return any(find_age_cues(text) for text in texts)


def find_age_cues(text: str) -> frozenset[str]:
    """The words of a text that are a sign of sex, swimwear, undress, school or youth, and ages under 18."""
    plain = _plain(text)
    ages = (hit.group().casefold() for hit in _YOUNG_AGE.finditer(plain))
    return frozenset((*ages, *(hit.form for hit in _cues().find(plain))))


def names_young_person(text: str) -> bool:
    """Whether a text has a word for a child, for youth or for school, or an age under 18."""
    plain = _plain(text)
    return _YOUNG_AGE.search(plain) is not None or any(
        not _YOUNG.isdisjoint(hit.values) for hit in _cues().find(plain)
    )


def _plain(text: str) -> str:
    return _POSSESSIVE.sub("", unicodedata.normalize("NFKC", text))


def find_ageless_person(prompt: str) -> SlotValue | None:
    """The only person of a prompt, if the prompt names no age and no other person."""
    values = find_slots(prompt)
    if any(Slot.AGE in one.slots for one in values):
        return None
    people = [one for one in values if Slot.WHO in one.slots]
    if len(people) != 1 or people[0].value not in _PEOPLE:
        return None
    (person,) = people
    return person if _is_one(prompt, person, values) else None


def _is_one(prompt: str, person: SlotValue, values: Iterable[SlotValue]) -> bool:
    """Whether the words around a person leave it one person, and the word a word of its own."""
    before = prompt[max(person.start - _BEFORE, 0) : person.start]
    if _NOT_BEFORE.search(before) or _NOT_AFTER.match(prompt, person.end):
        return False
    if person.value == "人" and not _COUNTED.search(before):
        return False
    if person.value in _TITLES and _NAME_BEFORE_TITLE.search(before):
        return False
    return not any(
        Slot.HOW_MANY in one.slots
        and one.value not in _ONE
        and one.end <= person.start
        and not _CLAUSE.search(prompt, one.end, person.start)
        for one in values
    )


@cache
def _cues() -> FormTable[str]:
    table: FormTable[str] = FormTable()
    for row in read_rows("age_cues"):
        for form in dict.fromkeys(
            form for language in driver_tables.LANGUAGES for form in row[language].split("|")
        ):
            table.add(form, row["cue"])
    return table
