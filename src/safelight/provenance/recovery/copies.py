"""Finds the delivered videos that show the same as a removed one, and the frames that only it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from safelight.core.errors import SandboxCrashed
from safelight.detectors.image.pdq import BYTES, MAX_DISTANCE_BITS, MIN_QUALITY, distances
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance.fingerprints.fingerprint_index import FingerprintIndex, FingerprintSource
from safelight.provenance.fingerprints.frame_hashes import Hashes
from safelight.provenance.fingerprints.picture_comparison import Comparison
from safelight.provenance.seal import SealRegistry
from safelight.provenance.worker import LIMITS

from .recovery import Recovery
from .worker import FrameHash, hash_in_child

#: Share of the sampled frames of a removed video that a copy has. More than for an answer about the origin,
#: because the copy is removed.
_COPY_SHARE = 0.8
#: Two videos with at least this share of near hashes are copies of each other.
_RELATED_SHARE = 0.5
#: Hashes of one video that are compared with those of another, so that a comparison takes about 2 ms.
_MAX_COMPARED = 64
#: A frame near to more delivered videos that have nothing to do with each other shows something common.
_MAX_UNRELATED = 3


class CopySearch:
    """Searches the fingerprints of all delivered videos. Thread-safe."""

    def __init__(
        self,
        *,
        sandbox: Sandbox,
        recovery: Recovery,
        index: FingerprintIndex,
        fingerprints: FingerprintSource,
        registry: SealRegistry,
    ) -> None:
        self._sandbox = sandbox
        self._recovery = recovery
        self._index = index
        self._fingerprints = fingerprints
        self._registry = registry

    def find_near_files(self, path: Path) -> tuple[str, ...]:
        """The hashes of the registered files that can be copies of a file. `compare` decides."""
        return self._recovery.find_near(path, share=_COPY_SHARE)

    def compare(self, path: Path, sha256s: Sequence[str]) -> tuple[str, ...]:
        """The ids of the videos of these files that are copies of a file: their frames are near, and their
        picture does not differ. Takes less than 1 s for each.
        """
        results = self._recovery.compare(path, sha256s)
        return self._video_ids(one for one, result in results.items() if result is not Comparison.DIFFERS)

    def distinctive_hashes(self, path: Path) -> tuple[str, ...]:
        """The PDQ hashes of the sampled frames of a file, without cropped or mirrored versions. Frames are
        left out that have little detail, or that other videos also show, such as a title card.
        """
        answer = self._sandbox.run(
            EntryPoint.of(hash_in_child),
            {"source": str(path.absolute())},
            reads=[path.absolute()],
            limits=LIMITS,
        )
        try:
            frames = msgspec.convert(answer, tuple[FrameHash, ...])
        except msgspec.ValidationError as error:
            raise SandboxCrashed("The sandboxed child returned data of the wrong type.") from error
        hashes = [one.hash for one in frames if one.quality >= MIN_QUALITY]
        wanted = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(-1, BYTES)
        near = self._index.search_each(wanted)
        known = dict(self._fingerprints.hashes({sha256 for files in near for sha256 in files}))
        return tuple(
            hashed
            for hashed, files in zip(hashes, near, strict=True)
            if count_groups([known[one] for one in files if one in known]) <= _MAX_UNRELATED
        )

    def _video_ids(self, files: Iterable[str]) -> tuple[str, ...]:
        seals = (self._registry.by_sha256(sha256) for sha256 in files)
        return tuple(dict.fromkeys(seal.video_id for seal in seals if seal is not None))


def count_groups(videos: Sequence[Hashes]) -> int:
    """The number of groups of videos, where copies of each other are in one group. Pure."""
    groups: list[list[Hashes]] = []
    for video in videos:
        near = [group for group in groups if any(_is_copy(video, other) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([video, *(one for group in near for one in group)])
    return len(groups)


def _is_copy(one: Hashes, other: Hashes) -> bool:
    if not len(one) or not len(other):
        return False
    smaller, larger = (one, other) if len(one) <= len(other) else (other, one)
    sample = smaller[:: -(-len(smaller) // _MAX_COMPARED)]
    near = sum(int(distances(larger, each).min()) <= MAX_DISTANCE_BITS for each in sample)
    return near >= _RELATED_SHARE * len(sample)
