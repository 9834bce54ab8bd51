"""A delivered file is bound to the bytes that were evaluated, and to its mark."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import Table

from safelight.core.errors import ConfigurationError, SafelightError
from safelight.policy.findings import Stage
from safelight.provenance.seal import MarkState
from safelight.screening.evaluation import StageResult
from safelight.store import tables
from safelight.videos.models import Video, VideoState
from safelight.videos.stage_records import record_stage

from .conftest import Crash, Furnish, House

pytestmark = pytest.mark.real_media

#: Table, and what is changed in the row of the video there.
CHANGES: list[tuple[Table, dict[str, Any]]] = [
    (tables.seals, {"sha256": "0" * 64}),
    (tables.seals, {"source_sha256": "0" * 64}),
    (tables.seals, {"mark_state": "read back"}),
    (tables.seals, {"mark_state": "unknown"}),
    (tables.seals, {"mark_id": "0" * 16}),
    (tables.seals, {"mark_epoch": 9}),
    (tables.seals, {"mark_algorithm": "other.watermark.9"}),
    (tables.seals, {"created_at": 0.0}),
    (tables.seals, {"manifest_id": "urn:evil"}),
    (tables.seals, {"facts": "{"}),
    (tables.seals, {"binding": "0" * 64}),
    (tables.videos, {"sealed_sha256": "0" * 64}),
    (tables.videos, {"generated_sha256": "0" * 64}),
    (tables.verdicts, {"subject_sha256": "0" * 64}),
]


def test_a_changed_seal_or_verdict_is_not_delivered_and_a_repaired_one_is(
    furnish: Furnish,
) -> None:
    house, video = delivered(furnish)
    for table, change in CHANGES:
        with house.database.transaction(video.tenant) as tx:
            where = _of(video, table)
            (row,) = tx.select(table, *where)
            tx.update(table, *where, **change)
        for variant in ("video", "thumbnail", "spritesheet"):
            with pytest.raises(SafelightError, match="seal of its file was changed"):
                house.content(video, variant)
        with house.database.transaction(video.tenant) as tx:
            tx.update(table, *where, **{name: getattr(row, name) for name in change})
        assert house.content(video).size


def test_only_a_video_with_the_output_verdict_of_its_file_is_delivered(furnish: Furnish) -> None:
    house, video = delivered(furnish)
    where = _of(video, tables.verdicts)
    output = house.record(video).stages[-1]
    later = msgspec.structs.replace(output.verdict, subject_sha256=str(video.sealed_sha256))
    with house.transaction() as tx:
        (row,) = tx.select(tables.verdicts, *where)
        other = {**msgspec.json.decode(row.body), "subject_sha256": "0" * 64}
        tx.update(tables.verdicts, *where, body=msgspec.json.encode(other))
    with pytest.raises(SafelightError, match="seal of its file was changed"):
        house.content(video)
    with house.transaction() as tx:
        tx.update(tables.verdicts, *where, body=row.body)
        result = StageResult(
            stage=Stage.OUTPUT, verdict=later, findings=output.findings, coverage=output.coverage
        )
        record_stage(tx, video.id, result)
    assert house.content(video).size, "a later verdict on the delivered file does not stop its delivery"
    with house.transaction() as tx:
        tx.delete(tables.verdicts, *where)
    with pytest.raises(SafelightError, match="seal of its file was changed"):
        house.content(video)


def test_a_video_with_a_badge_is_bound_to_the_file_without_it(furnish: Furnish) -> None:
    house = furnish(sealing={"seal": "c2pa"})
    house.waive()
    video, house.crash_at = house.order(), "sealed"
    with pytest.raises(Crash):
        house.carry(video)
    with house.database.transaction(video.tenant) as tx:
        tx.update(tables.videos, *_of(video, tables.videos), badge_text="AI")
    video = house.carry(video)
    (seal,) = house.context.registry.by_video(video.id, tenant=video.tenant)
    assert b"A visible badge" in seal.manifest
    record = house.record(video)
    assert record.stages[-1].verdict.subject_sha256 == seal.source_sha256
    assert house.content(video).size


def delivered(furnish: Furnish) -> tuple[House, Video]:
    house = furnish(sealing={"seal": "c2pa"})
    house.waive()
    video = house.make()
    assert (video.state, video.mark) == (VideoState.DELIVERED, MarkState.OFF)
    assert (house.record(video).seal or {})["mark"]["state"] == "none (off)"
    return house, video


def _of(video: Video, table: Table) -> tuple[Any, ...]:
    if table is tables.videos:
        return (table.c.id == video.id,)
    is_output = (table.c.stage == Stage.OUTPUT.value,) if table is tables.verdicts else ()
    return (table.c.video_id == video.id, *is_output)


def test_a_gateway_whose_watermark_key_cannot_be_used_does_not_start(furnish: Furnish) -> None:
    house = furnish(sealing={"seal": "watermark"})
    persistence = house.container.persistence
    (persistence.key_folder / "watermark" / "epoch-1.key").chmod(0o640)
    vars(persistence).pop("sealer", None)
    with pytest.raises(ConfigurationError, match="can be read by other users"):
        _ = persistence.sealer
