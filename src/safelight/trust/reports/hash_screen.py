"""Which reported hashes are used. A hash that could match much that is harmless is refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

import numpy as np
import numpy.typing as npt

from safelight.detectors.image.pdq import MAX_DISTANCE_BITS, MIN_QUALITY, distances

from .models import RefusedHash, ReportedHash

_HASH = re.compile(r"[0-9a-f]{64}")
#: A clip needs this number of frames whose hashes differ from each other by `_MIN_DISTINCT_BITS` or more. One
#: frame of a clip can be a title or a black screen.
MIN_DISTINCT_FRAMES = 3
_MIN_DISTINCT_BITS = 8
#: A hash near to more delivered videos that have nothing to do with each other shows something common.
MAX_UNRELATED_MATCHES = 3


class Refusal(StrEnum):
    #: Not 64 hexadecimal digits.
    INVALID = "invalid"
    #: Too little detail for a distinctive hash.
    LOW_QUALITY = "low_quality"
    TOO_FEW_FRAMES = "too_few_frames"
    #: A colour bar, a gradient, a chessboard or another picture of the reference set.
    HARMLESS_PICTURE = "harmless_picture"
    COMMON_PICTURE = "common_picture"


@dataclass(frozen=True, kw_only=True)
class DeliveredMatches:
    """The delivered videos that have a frame near to a hash."""

    video_ids: tuple[str, ...] = ()
    #: Number of these videos, where copies and remixes of each other count as one.
    unrelated: int = 0


@dataclass(frozen=True, kw_only=True)
class ScreenedHash:
    hash: str
    matches: DeliveredMatches


@dataclass(frozen=True, kw_only=True)
class Screening:
    used: tuple[ScreenedHash, ...] = ()
    refused: tuple[RefusedHash, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HashScreen:
    """Screens the hashes of one notice."""

    #: Finds the delivered videos that are near to a hash.
    find: Callable[[bytes], DeliveredMatches]
    #: Hashes of harmless pictures, (n, 32).
    harmless: npt.NDArray[np.uint8]

    def screen(self, reported: Sequence[ReportedHash]) -> Screening:
        used: dict[str, ScreenedHash] = {}
        refused: list[RefusedHash] = []
        for clip, frames in groupby(reported, key=lambda one: one.clip):
            good: list[str] = []
            for one in frames:
                why = _refuse_by_itself(one)
                if why is None:
                    good.append(one.hash)
                else:
                    refused.append(RefusedHash(hash=one.hash[:64], reason=why.value))
            too_few = clip is not None and count_distinct(good) < MIN_DISTINCT_FRAMES
            for hashed in dict.fromkeys(good):
                matches = DeliveredMatches() if too_few else self.find(bytes.fromhex(hashed))
                why = Refusal.TOO_FEW_FRAMES if too_few else self._refuse_by_matches(hashed, matches)
                if why is None:
                    used[hashed] = ScreenedHash(hash=hashed, matches=matches)
                else:
                    refused.append(RefusedHash(hash=hashed, reason=why.value))
        return Screening(used=tuple(used.values()), refused=tuple(refused))

    def _refuse_by_matches(self, hashed: str, matches: DeliveredMatches) -> Refusal | None:
        value = np.frombuffer(bytes.fromhex(hashed), np.uint8)
        if len(self.harmless) and int(distances(self.harmless, value).min()) <= MAX_DISTANCE_BITS:
            return Refusal.HARMLESS_PICTURE
        return Refusal.COMMON_PICTURE if matches.unrelated > MAX_UNRELATED_MATCHES else None


def count_distinct(hashes: Sequence[str]) -> int:
    """The number of hashes that differ enough from all earlier ones."""
    distinct: list[npt.NDArray[np.uint8]] = []
    for hashed in hashes:
        value = np.frombuffer(bytes.fromhex(hashed), np.uint8)
        if not distinct or int(distances(np.stack(distinct), value).min()) >= _MIN_DISTINCT_BITS:
            distinct.append(value)
    return len(distinct)


def _refuse_by_itself(one: ReportedHash) -> Refusal | None:
    if not _HASH.fullmatch(one.hash):
        return Refusal.INVALID
    return Refusal.LOW_QUALITY if one.quality < MIN_QUALITY else None
