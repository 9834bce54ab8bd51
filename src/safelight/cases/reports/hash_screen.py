"""Which reported hashes are used. A hash that could match much that is harmless is refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

import numpy as np
import numpy.typing as npt

from safelight.detectors.image.pdq import BYTES, MAX_DISTANCE_BITS, MIN_QUALITY, distances

from .models import RefusedHash, ReportedHash

_HASH = re.compile(r"[0-9a-f]{64}")
#: A clip needs this number of frames whose hashes differ from each other by more than a match may. One
#: frame of a clip can be a title or a black screen.
MIN_DISTINCT_FRAMES = 3
_MIN_DISTINCT_BITS = MAX_DISTANCE_BITS + 1
#: A PDQ hash has about as many ones as zeros, because each bit says whether a value is above the median. A
#: hash that is further from that was not computed from a picture with detail.
_MAX_IMBALANCE_BITS = 16
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
    #: A person decided that a file with this picture is harmless.
    DECIDED_HARMLESS = "decided_harmless"


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

    @property
    def tells_of_files(self) -> bool:
        """Whether a refusal depends on the files of others."""
        return any(one.reason in (Refusal.COMMON_PICTURE, Refusal.DECIDED_HARMLESS) for one in self.refused)


@dataclass(frozen=True, kw_only=True)
class HashScreen:
    """Screens the hashes of one notice."""

    #: Finds the delivered videos that are near to each hash.
    find: Callable[[Sequence[bytes]], Sequence[DeliveredMatches]]
    #: Hashes of harmless pictures, (n, 32).
    harmless: npt.NDArray[np.uint8]

    def screen(
        self, reported: Sequence[ReportedHash], *, decided: npt.NDArray[np.uint8] | None = None
    ) -> Screening:
        """`decided` has the hashes of pictures that a person decided to be harmless, (n, 32)."""
        good: dict[str, None] = {}
        refused: list[RefusedHash] = []
        for clip, frames in groupby(reported, key=lambda one: one.clip):
            whole: list[str] = []
            for one in frames:
                why = _refuse_by_itself(one)
                if why is None:
                    whole.append(one.hash)
                else:
                    refused.append(RefusedHash(hash=one.hash[:64], reason=why.value))
            if clip is not None and count_distinct(whole) < MIN_DISTINCT_FRAMES:
                too_few = Refusal.TOO_FEW_FRAMES.value
                refused += [RefusedHash(hash=one, reason=too_few) for one in dict.fromkeys(whole)]
            else:
                good |= dict.fromkeys(whole)
        used: list[ScreenedHash] = []
        found = self.find([bytes.fromhex(one) for one in good]) if good else ()
        for hashed, matches in zip(good, found, strict=True):
            why = self._refuse_by_matches(hashed, matches, decided)
            if why is None:
                used.append(ScreenedHash(hash=hashed, matches=matches))
            else:
                refused.append(RefusedHash(hash=hashed, reason=why.value))
        return Screening(used=tuple(used), refused=tuple(refused))

    def _refuse_by_matches(
        self, hashed: str, matches: DeliveredMatches, decided: npt.NDArray[np.uint8] | None
    ) -> Refusal | None:
        value = np.frombuffer(bytes.fromhex(hashed), np.uint8)
        if _is_near(self.harmless, value):
            return Refusal.HARMLESS_PICTURE
        if decided is not None and _is_near(decided, value):
            return Refusal.DECIDED_HARMLESS
        return Refusal.COMMON_PICTURE if matches.unrelated > MAX_UNRELATED_MATCHES else None


def _is_near(known: npt.NDArray[np.uint8], value: npt.NDArray[np.uint8]) -> bool:
    return len(known) > 0 and int(distances(known, value).min()) <= MAX_DISTANCE_BITS


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
    ones = int.from_bytes(bytes.fromhex(one.hash)).bit_count()
    is_balanced = abs(ones - 4 * BYTES) <= _MAX_IMBALANCE_BITS
    return None if one.quality >= MIN_QUALITY and is_balanced else Refusal.LOW_QUALITY
