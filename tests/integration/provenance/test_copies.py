"""Copies of a removed file: all of them, and none because a sandboxed child failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from safelight.core.errors import SandboxFailed
from safelight.detectors.image.pdq import BYTES
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance.fingerprints.clip_fingerprint import ClipFingerprint
from safelight.provenance.fingerprints.fingerprint_index import MAX_SHORTLIST, FingerprintIndex
from safelight.provenance.recovery.copies import CopySearch
from safelight.provenance.recovery.recovery import Recovery, RecoverySources
from safelight.provenance.verification import Verifier
from safelight.provenance.watermark_service import WatermarkReader
from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.videos.registry import FingerprintStore, Registry

from .test_registry import a_seal

COPIES = MAX_SHORTLIST + 5
_HASHES = np.random.default_rng(1).integers(0, 256, (8, BYTES), dtype=np.uint8)


@dataclass
class Children:
    """Answers for the two entry points of a search for copies; an exception is raised."""

    frames: Any = field(default_factory=lambda: {"frames": [each.tobytes() for each in _HASHES]})
    comparison: Any = "agrees"
    comparisons: list[Any] = field(default_factory=list)

    def run(self, entry: Any, argument: Any, **_options: object) -> Any:
        if "registered" in argument:
            self.comparisons.append(argument)
        answer = self.frames if "registered" not in argument else self.comparison
        if isinstance(answer, Exception):
            raise answer
        return answer if "registered" not in argument else [answer] * len(argument["registered"])


@pytest.fixture
def children() -> Children:
    return Children()


@pytest.fixture
def recovery(tmp_path: Path, children: Children) -> Iterator[Recovery]:
    database = Database(f"sqlite:///{tmp_path / 'safelight.db'}")
    migrate(database)
    fingerprint = ClipFingerprint(hashes=_HASHES.tobytes(), thumbnails=(b"jpeg",), step_s=0.5)
    with database.transaction("tenant_a") as tx:
        for number in range(COPIES):
            seal = replace(a_seal(f"{number:064x}"), video_id=f"video_{number}", fingerprint=fingerprint)
            assert Registry(database).record(tx, seal)
    store = FingerprintStore(database)
    sources = RecoverySources(
        registry=Registry(database),
        fingerprints=store,
        index=FingerprintIndex(store),
        is_withdrawn=lambda _video_id: False,
    )
    yield Recovery(
        sandbox=cast(Sandbox, children),
        verifier=cast(Verifier, None),
        reader=cast(WatermarkReader, None),
        sources=sources,
    )
    database.close()


def find_copies(recovery: Recovery) -> tuple[str, ...]:
    unused = cast(Any, None)
    search = CopySearch(
        sandbox=unused,
        recovery=recovery,
        index=unused,
        fingerprints=unused,
        registry=recovery._sources.registry,
    )
    path = Path("removed.mp4")
    return search.compare(path, search.find_near_files(path))


def test_all_near_videos_are_copies_unless_their_pictures_differ_at_the_first_look(
    recovery: Recovery, children: Children
) -> None:
    for comparison, found in (("agrees", COPIES), ("differs", 0), ("not comparable", COPIES)):
        children.comparison = comparison
        assert len(find_copies(recovery)) == found, comparison
    assert [one["confirms_difference"] for one in children.comparisons] == [False] * 3


@pytest.mark.parametrize("failed", ["frames", "comparison"])
def test_a_failed_child_decides_about_no_removal(recovery: Recovery, children: Children, failed: str) -> None:
    setattr(children, failed, SandboxFailed("The sandboxed child used too much memory."))
    with pytest.raises(SandboxFailed):
        find_copies(recovery)
