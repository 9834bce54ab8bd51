"""Drivers as lines for readers: one line for each reason and its sources, which are numbered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from safelight.core.i18n import load_messages, name_category

#: Title and date of a source.
_Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class DriverLine:
    """The drivers of one reason and the same sources. `texts`: their words, without a word that is part of
    another one.
    """

    texts: tuple[str, ...]
    reason: str
    #: Numbers of the sources, from 1.
    sources: tuple[int, ...]


def driver_lines(
    drivers: Iterable[Mapping[str, Any]],
) -> tuple[tuple[DriverLine, ...], tuple[Mapping[str, Any], ...]]:
    """The lines of drivers in their wire form, and the sources that the numbers refer to.

    Our own detectors, which have no date, are no source for a reader.
    """
    groups: dict[tuple[str, tuple[_Key, ...]], dict[str, None]] = {}
    by_key: dict[_Key, Mapping[str, Any]] = {}
    words: dict[str, set[str]] = {}
    for driver in drivers:
        dated = {(one["title"], one["read"]): one for one in driver["sources"] if one["read"]}
        by_key |= dated
        groups.setdefault((driver["reason"], tuple(dated)), {})[driver["text"]] = None
        words.setdefault(driver["reason"], set()).add(driver["text"])
    numbers: dict[_Key, int] = {}
    lines = []
    for (reason, keys), texts in groups.items():
        kept = [one for one in texts if not any(one != other and one in other for other in words[reason])]
        # A word that is part of another one is left out with its sources.
        if kept:
            cited = tuple(numbers.setdefault(key, len(numbers) + 1) for key in keys)
            lines.append(DriverLine(texts=tuple(filter(None, kept)), reason=reason, sources=cited))
    return tuple(lines), tuple(by_key[key] for key in numbers)


def driver_name(driver: str, tag: str) -> str:
    """The name of a driver, given as `kind:row` or `row`, for readers."""
    messages = load_messages("advice", tag)
    names = []
    for row in driver.rpartition(":")[2].split("+"):
        key = f"driver.{row}"
        names.append(messages(key) if messages.has(key) else name_category(row, tag).replace("_", " "))
    return " + ".join(names)
