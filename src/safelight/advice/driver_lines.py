"""Drivers as lines for readers: one line for each reason, with numbers into a list of sources. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class DriverLine:
    """The drivers of one reason. `texts`: their words, without a word that is part of another one."""

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
    numbers: dict[tuple[str, str], int] = {}
    listed: list[Mapping[str, Any]] = []
    lines: dict[str, tuple[dict[str, None], dict[int, None]]] = {}
    for driver in drivers:
        texts, cited = lines.setdefault(driver["reason"], ({}, {}))
        if driver["text"]:
            texts[driver["text"]] = None
        for source in driver["sources"]:
            if source["read"]:
                key = (source["title"], source["read"])
                if key not in numbers:
                    listed.append(source)
                cited[numbers.setdefault(key, len(listed))] = None
    found = tuple(
        DriverLine(texts=_without_parts(tuple(texts)), reason=reason, sources=tuple(cited))
        for reason, (texts, cited) in lines.items()
    )
    return found, tuple(listed)


def _without_parts(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in texts if not any(one != other and one in other for other in texts))
