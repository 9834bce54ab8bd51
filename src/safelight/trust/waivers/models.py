"""Validation of a waiver before it is recorded."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from safelight.errors import InvalidField
from safelight.policy.categories import Taxonomy
from safelight.policy.waivers import DEMO, EVERYTHING, Waiver
from safelight.policy.yaml_reader import did_you_mean

__all__ = [
    "DEMO",
    "EVERYTHING",
    "NewWaiver",
    "Waiver",
    "parse_expiry",
    "validate_categories",
    "validate_name",
    "validate_text",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")
_MAX_TEXT_CHARACTERS = 1000


@dataclass(frozen=True, kw_only=True)
class NewWaiver:
    """A waiver that is not recorded yet."""

    name: str
    #: The name or address of the person who decided on the waiver.
    decided_by: str
    reason: str
    #: The waived categories of the policy. `*` means every required category.
    categories: Iterable[str]
    #: When the waiver expires. None: never.
    expires_at: float | None = None
    loopback_only: bool = False
    #: The tenant of the waiver. None: it applies to every tenant.
    tenant: str | None = None


def validate_name(name: str) -> str:
    """The name. Raises `InvalidField` unless it has only lower-case letters, digits, `.`, `_` and `-`."""
    if not _NAME.fullmatch(name):
        raise InvalidField(
            f"{name!r} is not a valid name for a waiver.",
            param="name",
            remedy="Use 1 to 64 of a-z, 0-9, dot, dash and underscore, with a letter or digit first.",
        )
    return name


def validate_text(text: str, param: str) -> str:
    """The text without spaces at its ends. Raises `InvalidField` if it is empty or too long."""
    text = text.strip()
    if not text or len(text) > _MAX_TEXT_CHARACTERS:
        raise InvalidField(
            f"{param} must have 1 to {_MAX_TEXT_CHARACTERS} characters.",
            param=param,
            remedy="Enter a text; it is written to the audit log.",
        )
    return text


def validate_categories(categories: Iterable[str], taxonomy: Taxonomy) -> tuple[str, ...]:
    """The categories, sorted. `*` means every required one. Raises `InvalidField` for an unknown category."""
    wanted = tuple(sorted(set(categories)))
    if not wanted:
        raise InvalidField(
            "A waiver needs at least one category.",
            param="categories",
            remedy="Name the categories, or * for every required category.",
        )
    for category in wanted:
        if category != EVERYTHING and category not in taxonomy:
            known = {EVERYTHING, *(spec.name for spec in taxonomy)}
            raise InvalidField(
                f"There is no category {category!r}.",
                param="categories",
                remedy=did_you_mean(category, known),
            )
    return wanted


def parse_expiry(text: str, now: float) -> float | None:
    """An expiry date as unix seconds; None for `never`.

    Accepts a number of days (`90d`), a date (`2027-03-31`, until the end of that day in UTC) or `never`.
    Raises `InvalidField` for any other text, and for a day in the past.
    """
    if text == "never":
        return None
    if days := _DAYS.fullmatch(text):
        return now + int(days[1]) * 86_400
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidField(
            f"{text!r} is not an expiry date.",
            param="expires",
            remedy="Write 90d, a date such as 2027-03-31, or never.",
        ) from None
    end = dt.datetime.combine(day, dt.time.max, dt.UTC).timestamp()
    if end <= now:
        raise InvalidField(f"{text} is in the past.", param="expires", remedy="Name a later day.")
    return end
