"""Which decided cases of a period an auditor reads: drawn with a seed of the auditor, by a public rule.

Anybody can repeat the draw without this code: docs/reviews.md has the rule.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from safelight.core.errors import InvalidField


class DecidedCase(msgspec.Struct):
    """A decision as the audit log has it, without content."""

    #: `log:` and the number of the entry if its content was erased.
    id: str
    at: int
    kind: str | None
    outcome: str
    seq: int
    #: `vault` if only the vault officer may read the case, `erased` if its entry names it no more.
    withheld: str | None


class Population(msgspec.Struct):
    """The first line of the list: the period, and what follows."""

    since: str
    until: str
    cases: int


class Recorded(msgspec.Struct):
    """The last line: the SHA-256 of the lines before, and the entry of the audit log that has it."""

    sha256: str
    seq: int


def draw_cases(text: str, *, seed: str, count: int) -> tuple[Population, Recorded, list[DecidedCase]]:
    """The cases with the smallest SHA-256 of seed and id, smallest first: a larger draw with the same seed
    begins with the same cases.

    Raises `InvalidField` if the seed is empty, or if the population was changed or has fewer cases.
    """
    if not seed.strip():
        raise InvalidField("The seed is empty.", param="seed", remedy="Choose a text after the export.")
    lines = text.splitlines()
    kinds = [Population, *[DecidedCase] * (len(lines) - 2), Recorded]
    made: list[Any] = []
    for number, kind in enumerate(kinds, 1):
        try:
            made.append(msgspec.json.decode("".join(lines[number - 1 : number]), type=kind))
        except msgspec.DecodeError:
            raise _changed(f"Line {number} of the population is wrong.") from None
    head, *cases, recorded = made
    hashed = "".join(f"{line}\n" for line in lines[:-1])
    if hashlib.sha256(hashed.encode()).hexdigest() != recorded.sha256:
        raise _changed("The lines of the population do not have the SHA-256 of its last line.")
    if count > len(cases):
        raise InvalidField(
            f"The population has only {len(cases)} cases.", param="count", remedy="Draw fewer cases."
        )
    cases.sort(key=lambda case: hashlib.sha256((seed + case.id).encode(errors="surrogateescape")).digest())
    return head, recorded, cases[:count]


def _changed(message: str) -> InvalidField:
    return InvalidField(message, param="population", remedy="Have the population exported again.")
