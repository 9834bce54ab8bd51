"""Which cases and videos are chosen for quality reviews: at random, but the same again with the same seed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from enum import StrEnum

from safelight.policy.findings import severity_of

_BYTES = 8


class Stratum(StrEnum):
    """Delivered videos by the most severe category that a detector found with at least `INDICATOR_SCORE`."""

    NO_FINDING = "no_finding"
    #: Severity 1 or 2, such as brands.
    LIGHT = "light"
    #: Severity 4.
    MODERATE = "moderate"
    #: Severity 8 or 16. Only senior reviewers and the vault officer review it.
    SEVERE = "severe"


def stratum_of(categories: Iterable[str]) -> Stratum:
    severity = max(map(severity_of, categories), default=0)
    if severity == 0:
        return Stratum.NO_FINDING
    if severity <= 2:
        return Stratum.LIGHT
    return Stratum.MODERATE if severity <= 4 else Stratum.SEVERE


def is_selected(seed: bytes, name: str, rate: float) -> bool:
    """Whether something belongs to the `rate` (0 to 1) of all that is selected."""
    return _position(seed, name) < rate * float(1 << 8 * _BYTES)


def select_some(seed: bytes, names: Iterable[str], count: int) -> list[str]:
    """A random sample without replacement. A larger `count` gives the same names and further ones."""
    return sorted(names, key=lambda name: (_position(seed, name), name))[:count]


def _position(seed: bytes, name: str) -> int:
    """A number that is uniform over names, and that cannot be computed without the seed."""
    digest = hmac.new(seed, name.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:_BYTES], "big")
