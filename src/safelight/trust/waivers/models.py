"""What may stand in a waiver, checked before it is recorded."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from safelight.errors import InvalidField
from safelight.policy.categories import Taxonomy
from safelight.policy.waivers import DEMO, EVERYTHING, Waiver
from safelight.policy.yaml_reader import did_you_mean

__all__ = ["DEMO", "EVERYTHING", "Waiver", "check_categories", "check_name", "parse_expiry", "validate_text"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")
_LONGEST = 1000


def check_name(name: str) -> str:
    """The name, or `InvalidField`: lower-case letters, digits, `.`, `_` and `-`."""
    if not _NAME.fullmatch(name):
        raise InvalidField(
            f"{name!r} cannot be a waiver's name.",
            param="name",
            remedy="Use 1 to 64 of a-z, 0-9, dots, dashes and underscores.",
        )
    return name


def validate_text(text: str, param: str) -> str:
    """The text without outer blanks, or `InvalidField` where there is none or too much."""
    text = text.strip()
    if not text or len(text) > _LONGEST:
        raise InvalidField(
            f"A waiver says {param!r} in 1 to {_LONGEST} characters.",
            param=param,
            remedy="It stands on the record, under a person's name.",
        )
    return text


def check_categories(categories: Iterable[str], taxonomy: Taxonomy) -> tuple[str, ...]:
    """The categories, sorted; `*` is the mandatory set. Raises `InvalidField` on one nobody knows."""
    wanted = tuple(sorted(set(categories)))
    if not wanted:
        raise InvalidField(
            "A waiver names what it waives.",
            param="categories",
            remedy="Name categories, or * for all required.",
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
    """`90d`, `2027-03-31` (until the end of that day, UTC) or `never`, as seconds since 1970.

    Raises `InvalidField` on anything else, and on a day that has passed.
    """
    if text == "never":
        return None
    if days := _DAYS.fullmatch(text):
        return now + int(days[1]) * 86_400
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidField(
            f"{text!r} is no expiry.",
            param="expires",
            remedy="Write 90d, a date such as 2027-03-31, or never.",
        ) from None
    end = dt.datetime.combine(day, dt.time.max, dt.UTC).timestamp()
    if end <= now:
        raise InvalidField(f"{text} has passed.", param="expires", remedy="Name a later day.")
    return end
