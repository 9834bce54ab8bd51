"""Pictures of a case: who may see them when the video was quarantined or locked away."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from safelight.console.reveal import RevealPictures
from safelight.errors import Forbidden, NotFound
from safelight.jobs.repository import VideoRepository
from safelight.sandbox.sandbox import Sandbox
from safelight.store.blobs import BlobStore
from safelight.store.tables import videos
from support.review_room import TENANT, ReviewRoom, reviewer

ADA = reviewer("ada")


@pytest.mark.parametrize(("column", "problem"), [("quarantined", Forbidden), ("vaulted", NotFound)])
def test_the_video_decides_who_sees_pictures_and_not_the_case_alone(
    room: ReviewRoom, tmp_path: Path, column: str, problem: type[Exception]
) -> None:
    case = room.open_case("a scene")
    with room.database.transaction(TENANT) as tx:
        tx.update(videos, videos.c.id == case.video_id, **{column: True})
    reveal = RevealPictures(
        database=room.database,
        store=VideoRepository(room.database),
        # Nothing is read: the pictures are refused before.
        blobs=cast("BlobStore", None),
        sandbox=cast("Sandbox", None),
        scratch=tmp_path,
    )
    with pytest.raises(problem):
        reveal(ADA, room.reviews.get(ADA, case.id))
