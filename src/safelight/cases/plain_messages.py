"""Texts that staff write for other people: plain, and without names and addresses of those who reported."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from safelight.core.errors import InvalidField
from safelight.core.reasons import clean_text

_EMAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+\.[^\s@<>()]+")
_REMOVED = "[removed]"
#: Shorter parts of names are ordinary words too often.
_MIN_PART_CHARACTERS = 3


def plain_message(text: str, param: str, max_characters: int, reporters: Collection[str] = ()) -> str:
    """A text that a person reads, without spaces around it. `reporters`: names and contacts that the person
    must not learn. Raises `InvalidField`.
    """
    text = clean_text(text, param, max_characters)
    # A name is found whole, with any spaces between its words. One word of it may be an ordinary word.
    line = " ".join(text.split())
    if _without(line, {" ".join(name.split()) for name in reporters}) != line:
        sentence = "The text has an e-mail address, or the name or contact of a reporter."
        raise InvalidField(
            sentence if reporters else "The text has an e-mail address.", param=param, remedy="Leave it out."
        )
    return text


def without_identity(text: str, identity: Iterable[str | None]) -> str:
    """The text without these names and addresses of its author, and without any e-mail address."""
    whole = [word.strip() for word in identity if word]
    return _without(text, {part for word in whole for part in (word, *word.split())})


def _without(text: str, parts: Iterable[str]) -> str:
    text = _EMAIL.sub(_REMOVED, text)
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= (_MIN_PART_CHARACTERS if part.isascii() else 2):
            # Chinese has no spaces between words.
            pattern = rf"(?<!\w){re.escape(part)}(?!\w)" if part.isascii() else re.escape(part)
            text = re.sub(pattern, _REMOVED, text, flags=re.IGNORECASE)
    return text
