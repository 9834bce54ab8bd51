"""Reads the hashes that a reporter's browser or program computed."""

from __future__ import annotations

from safelight.cases.reports import ReportedHash
from safelight.core.errors import InvalidField


def read_hashes(value: object) -> tuple[ReportedHash, ...]:
    """The hashes of a report from JSON. Raises `InvalidField`."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidField("hashes must be a list.", param="hashes")
    return tuple(_read_hash(one) for one in value)


def _read_hash(value: object) -> ReportedHash:
    if isinstance(value, dict):
        hashed, quality, clip = value.get("hash"), value.get("quality"), value.get("clip")
        if isinstance(hashed, str) and type(quality) is int and (clip is None or type(clip) is int):
            return ReportedHash(hash=hashed.lower(), quality=quality, clip=clip)
    raise InvalidField("A hash has the fields hash, quality and optionally clip.", param="hashes")
