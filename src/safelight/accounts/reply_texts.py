"""The text of a saved reply in the languages that it exists in, as it is sent with a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from safelight.core.i18n import DEFAULT
from safelight.core.records import About, Shown

#: The field of each language, and the languages that are read instead, nearest first.
_FIELDS: Mapping[str, str] = {"en": "en", "zh-Hans": "zh_hans", "zh-Hant": "zh_hant"}
_INSTEAD: Mapping[str, tuple[str, ...]] = {
    "en": ("zh-Hans", "zh-Hant"),
    "zh-Hans": ("zh-Hant", "en"),
    "zh-Hant": ("zh-Hans", "en"),
}


@dataclass(frozen=True, kw_only=True)
class ReplyFields(Shown):
    """What is stored of a reply and shown. At least one text is not empty."""

    name: str
    en: Annotated[str, About("Empty if there is no text in this language.")] = ""
    zh_hans: str = ""
    zh_hant: str = ""


@dataclass(frozen=True, kw_only=True)
class ReplyTexts(ReplyFields):
    def in_language(self, tag: str) -> tuple[str, str]:
        """The text for a reader of this language, and the language of the text, which is another one if
        there is none in this.
        """
        known = tag if tag in _FIELDS else DEFAULT
        found = next(one for one in (known, *_INSTEAD[known]) if getattr(self, _FIELDS[one]))
        return getattr(self, _FIELDS[found]), found

    @property
    def missing(self) -> tuple[str, ...]:
        """The languages without a text."""
        return tuple(tag for tag, name in _FIELDS.items() if not getattr(self, name))
