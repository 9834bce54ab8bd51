"""Exact search for the registered files whose frames are nearest to those of an unknown file."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.detectors.image.pdq import BYTES, MAX_DISTANCE_BITS

from .frame_hashes import Hashes
from .picture_comparison import RegisteredPicture

#: Longest time that a transaction may take between reading the clock and its end, and largest difference
#: between the clocks of two machines, together. Changes of this time are read again by each refresh.
_OVERLAP_S = 600.0
#: Registered files that a search names at most.
MAX_SHORTLIST = 20
#: A file is named if one of its hashes is at most this far from a searched one, in bits. On tuning clips,
#: recordings of a screen at an angle were 42 to 58 bits from their origin, and unrelated clips at least 82.
_MAX_SHORTLIST_BITS = 72
#: Such files are named only if fewer than this many have nearer hashes, and up to this number together: all
#: of them can be compared in half of the time of a recovery.
_MAX_FAR_FILES = 4


class FingerprintChange(msgspec.Struct, frozen=True, kw_only=True):
    """A fingerprint that was added to the database, or removed."""

    sha256: str
    changed_at: float
    is_removed: bool


class FingerprintSource(Protocol):
    """Where the fingerprints of delivered files are read."""

    def changes(self, since: float) -> list[FingerprintChange]: ...

    def hashes(self, wanted: Any) -> Iterable[tuple[str, Hashes]]: ...


class PictureSource(FingerprintSource, Protocol):
    def picture(self, sha256: str) -> RegisteredPicture | None:
        """The thumbnails of a sealed file; None if it has none, or none any more, or if they are damaged."""
        ...


@dataclass(frozen=True, kw_only=True)
class SimilarFile:
    """A registered file, and the share of the searched frames that match one of its frames; 0 if it is only
    named because a frame is not too far.
    """

    sha256: str
    share: float


class FingerprintIndex:
    """The hashes of all registered files in memory. Built on first use from the database, and kept up to date
    with the changes of all processes before each search. Thread-safe.
    """

    def __init__(self, source: FingerprintSource, *, clock: Callable[[], float] = time.time) -> None:
        import faiss

        self._source = source
        self._clock = clock
        self._selector = faiss.IDSelectorBatch
        self._index = faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(8 * BYTES))
        self._lock = threading.Lock()
        self._since = 0.0
        self._next = 0
        #: The numbers of the hashes of each file in the index, and the file of each number.
        self._numbers: dict[str, npt.NDArray[np.int64]] = {}
        self._files: dict[int, str] = {}

    def __len__(self) -> int:
        """The number of hashes."""
        return int(self._index.ntotal)

    def search(self, frames: Iterable[Hashes]) -> tuple[SimilarFile, ...]:
        """The files with near frames, the most similar first, then files with frames that are not too far; at
        most `MAX_SHORTLIST`.

        Each element of `frames` has the hashes of one frame, of which one has to match.
        """
        searched = [hashes for hashes in frames if len(hashes)]
        with self._lock:
            self._refresh()
            if not searched or not len(self):
                return ()
            votes: Counter[str] = Counter()
            nearest: dict[str, int] = {}
            for hashes in searched:
                found: dict[str, int] = {}
                for bits, number in self._within(hashes, _MAX_SHORTLIST_BITS):
                    sha256 = self._files[number]
                    found[sha256] = min(bits, found.get(sha256, bits))
                votes.update(sha256 for sha256, bits in found.items() if bits <= MAX_DISTANCE_BITS)
                nearest.update({one: min(bits, nearest.get(one, bits)) for one, bits in found.items()})
        near_files = [sha256 for sha256, _count in votes.most_common(MAX_SHORTLIST)]
        far = sorted(nearest.keys() - votes.keys(), key=lambda one: (nearest[one], one))
        named = near_files + far[: max(_MAX_FAR_FILES - len(near_files), 0)]
        return tuple(SimilarFile(sha256=one, share=votes[one] / len(searched)) for one in named)

    def search_each(self, hashes: Hashes) -> list[list[str]]:
        """The files with a frame near to each hash, at most `MAX_SHORTLIST` for each."""
        with self._lock:
            self._refresh()
            if not len(hashes) or not len(self):
                return [[] for _ in hashes]
            near = [sorted(self._within(one[None], MAX_DISTANCE_BITS)) for one in hashes]
            files = [list(dict.fromkeys(self._files[number] for _bits, number in row)) for row in near]
        return [found[:MAX_SHORTLIST] for found in files]

    def search_all(self, frames: Iterable[Hashes]) -> tuple[SimilarFile, ...]:
        """Like `search`, but all files with near frames: for a removal, which must not leave one of them."""
        searched = [hashes for hashes in frames if len(hashes)]
        votes: Counter[str] = Counter()
        with self._lock:
            self._refresh()
            for hashes in searched if len(self) else ():
                votes.update(
                    {self._files[number] for _bits, number in self._within(hashes, MAX_DISTANCE_BITS)}
                )
        return tuple(
            SimilarFile(sha256=sha256, share=count / len(searched)) for sha256, count in votes.most_common()
        )

    def _within(self, hashes: Hashes, most_bits: int) -> Iterator[tuple[int, int]]:
        """Distance and number of every hash that is at most so far from one of these."""
        # The distances that are found are less than the radius.
        _limits, distances, numbers = self._index.range_search(hashes, most_bits + 1)
        return zip(map(int, distances), map(int, numbers), strict=True)

    def _refresh(self) -> None:
        changes = self._source.changes(self._since - _OVERLAP_S)
        removed = [one.sha256 for one in changes if one.is_removed and one.sha256 in self._numbers]
        if removed:
            # One call for all: each one rewrites the whole index.
            gone = np.concatenate([self._numbers.pop(sha256) for sha256 in removed])
            if gone.size:
                self._index.remove_ids(self._selector(gone))
            for number in gone:
                del self._files[int(number)]
        added = {one.sha256 for one in changes if not one.is_removed and one.sha256 not in self._numbers}
        for sha256, hashes in self._source.hashes(added) if added else ():
            numbers = np.arange(self._next, self._next + len(hashes), dtype=np.int64)
            if numbers.size:
                self._index.add_with_ids(hashes, numbers)
            self._next += len(hashes)
            self._numbers[sha256] = numbers
            self._files.update(dict.fromkeys(numbers.tolist(), sha256))
        # A row from a machine whose clock is ahead must not hide later changes of others.
        self._since = min(max([self._since, *(one.changed_at for one in changes)]), self._clock())
