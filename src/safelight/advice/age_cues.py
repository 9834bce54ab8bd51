"""Whether an age may be stated in a prompt, and for which person. Pure.

No age is offered beside a sign of sex, swimwear, undress, school or youth, in any text of the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from safelight.detectors.text.ages import ADULT_AGE
from safelight.policy.categories import Category
from safelight.policy.findings import Finding

from . import driver_tables
from .driver_tables import Slot
from .form_table import FormTable
from .meaning_slots import SlotValue, find_slots

MIN_AGE, MAX_AGE = ADULT_AGE, 120
#: People whose age the words leave open.
_PEOPLE = frozenset(
    "man woman person lady gentleman 人 男人 女人 男子 女子 男士 女士".split()  # noqa: SIM905
)
#: Chinese counters before 人; without one, it is usually part of a longer word.
_COUNTED = re.compile(r"[個个位名]$")
_SEXUAL = frozenset({Category.SEXUAL.value, Category.SEXUAL_MINORS.value, Category.NCII.value})


def has_age_cue(texts: Iterable[str], findings: Iterable[Finding]) -> bool:
    """Whether a text or a finding has a sign beside which no age is offered."""
    if any(one.category in _SEXUAL for one in findings):
        return True
    return any(next(_cues().find(text), None) is not None for text in texts)


def find_ageless_person(prompt: str) -> SlotValue | None:
    """The only person of a prompt, if the prompt names no age and no other person."""
    values = find_slots(prompt)
    if any(Slot.AGE in one.slots for one in values):
        return None
    people = [one for one in values if Slot.WHO in one.slots]
    if len(people) != 1 or people[0].value not in _PEOPLE:
        return None
    (person,) = people
    alone = person.value != "人" or _COUNTED.search(prompt[: person.start])
    return person if alone else None


@cache
def _cues() -> FormTable[str]:
    table: FormTable[str] = FormTable()
    for row in driver_tables.read_rows("age_cues"):
        for form in dict.fromkeys(
            form for language in driver_tables.LANGUAGES for form in row[language].split("|")
        ):
            table.add(form, row["cue"])
    return table
