"""Tells whether a text means a person who exists: by a name, the role of a known person, or a picture."""

from __future__ import annotations

import re
from functools import cache

from safelight.detectors.protocol import TextView

from .compositions import find_roles, shipped_compositions
from .indicators.people import find_people
from .lists import Lexicon

#: The role in `compositions/sexual.yaml` with the words for such people.
ROLE = "real-person"
#: A given name and a family name that no list has.
_TWO_NAMES = re.compile(r"\b[A-Z][a-z]+(?:-[A-Z][a-z]+)? [A-Z][a-z]+\b")


def means_real_person(view: TextView, original: str) -> bool:
    """Whether a view of the original text means a person who exists."""
    return (
        next(find_people(original), None) is not None
        or _TWO_NAMES.search(original) is not None
        or bool(find_roles(_words(), view).get(ROLE))
    )


@cache
def _words() -> Lexicon:
    return Lexicon(one for one in shipped_compositions().entries if one.category == ROLE)
