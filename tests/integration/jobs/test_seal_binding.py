"""A delivered file is bound to the bytes that were evaluated, and to its mark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from safelight.errors import ConfigurationError, SafelightError
from safelight.jobs.states import VideoState
from safelight.provenance.seal import MarkState
from safelight.store import tables

from .conftest import House


def test_the_record_and_the_video_say_whether_there_is_a_mark(furnish: Callable[..., House]) -> None:
    house = furnish(sealing={"seal": "c2pa"})
    house.waive()
    video = house.carry(house.order())
    record = house.videos.record(house.who, video.id)
    assert video.mark == MarkState.OFF
    assert record.seal is not None
    assert record.seal["mark"]["state"] == "none (off)"


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0" * 64},
        {"source_sha256": "0" * 64},
        {"mark_state": "read back"},
        {"mark_state": "unknown"},
        {"mark_id": "0" * 16},
        {"mark_algorithm": "other.watermark.9"},
        {"binding": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_seal_is_not_delivered(furnish: Callable[..., House], change: dict[str, Any]) -> None:
    house = furnish(sealing={"seal": "c2pa"})
    house.waive()
    video = house.carry(house.order())
    assert video.state is VideoState.DELIVERED
    assert house.videos.content(house.who, video.id, "video").size
    with house.container.persistence.database.transaction(video.tenant) as tx:
        tx.update(tables.seals, tables.seals.c.video_id == video.id, **change)
    for variant in ("video", "thumbnail", "spritesheet"):
        with pytest.raises(SafelightError, match="seal of its file was changed"):
            house.videos.content(house.who, video.id, variant)


def test_a_gateway_whose_watermark_key_cannot_be_used_does_not_start(furnish: Callable[..., House]) -> None:
    house = furnish(sealing={"seal": "watermark"})
    persistence = house.container.persistence
    (persistence.key_folder / "watermark" / "epoch-1.key").chmod(0o640)
    vars(persistence).pop("sealer", None)
    with pytest.raises(ConfigurationError, match="can be read by other users"):
        _ = persistence.sealer
