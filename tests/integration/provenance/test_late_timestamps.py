"""Timestamps that are added later, in rounds of a background part."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.provenance.keys import KeyStore
from safelight.provenance.seal import Seal, timestamp_facts
from safelight.provenance.timestamp_authority import TimestampMissing
from safelight.provenance.timestamping import TimestampedManifest
from safelight.store.database import Database
from safelight.videos.registry import LateTimestamps, Registry

from .test_registry import a_seal

MISSING = timestamp_facts("tsa.example", missing="tsa.example did not answer.")


class ScriptedTimestamper:
    """Confirms every manifest except those in `refused`, and counts the requests."""

    host = "tsa.example"

    def __init__(self) -> None:
        self.refused: set[bytes] = set()
        self.asked: list[bytes] = []

    def confirm_later(self, manifest: bytes, *, sealed_at: dt.datetime) -> TimestampedManifest:
        self.asked.append(manifest)
        if manifest in self.refused:
            raise TimestampMissing("tsa.example did not answer.")
        return TimestampedManifest(manifest=manifest + b"+", at=dt.datetime(2026, 11, 21, tzinfo=dt.UTC))


@pytest.fixture
def timestamper() -> ScriptedTimestamper:
    return ScriptedTimestamper()


@pytest.fixture
def late(database: Database, timestamper: Any) -> LateTimestamps:
    return LateTimestamps(
        registry=Registry(database),
        timestamper=timestamper,
        stopping=threading.Event(),
    )


def record(database: Database, number: int) -> list[Seal]:
    seals = [
        replace(a_seal(f"{one:064x}", one), manifest=bytes([one]), facts=MISSING) for one in range(number)
    ]
    with database.transaction("tenant_a") as tx:
        for seal in seals:
            Registry(database).record(tx, seal)
    return seals


def test_every_missing_timestamp_is_added_and_then_the_part_waits(
    late: LateTimestamps, database: Database
) -> None:
    record(database, 2)
    assert len(late.add_some().added) == 2
    assert Registry(database).without_timestamp() == ()
    assert late.next_round_s() == 3600
    assert late.add_some().added == ()


def test_an_authority_that_does_not_answer_is_asked_three_times_a_round_and_less_and_less_often(
    late: LateTimestamps, database: Database, timestamper: ScriptedTimestamper
) -> None:
    timestamper.refused = {seal.manifest for seal in record(database, 5)}
    pauses = []
    for _ in range(8):
        late.part.run_all()
        pauses.append(late.next_round_s())
    assert len(timestamper.asked) == 8 * 3
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert (late.part.health().errors, late.part.health().problem) == (0, None)
    timestamper.refused.clear()
    assert len(late.add_some().added) == 5


def test_seals_that_always_fail_do_not_keep_others_from_their_timestamps(
    late: LateTimestamps, database: Database, timestamper: ScriptedTimestamper
) -> None:
    seals = record(database, 5)
    timestamper.refused = {seal.manifest for seal in seals[:3]}
    assert late.add_some().added == ()
    assert [seal.sha256 for seal in late.add_some().added] == [seal.sha256 for seal in seals[3:]]


def test_a_long_list_is_done_in_several_rounds_without_a_pause(
    late: LateTimestamps, database: Database
) -> None:
    record(database, 31)
    assert len(late.add_some().added) == 30
    assert late.next_round_s() == 1
    assert len(late.add_some().added) == 1
    assert late.next_round_s() == 3600


@pytest.mark.parametrize("has_authority", [False, True])
def test_the_gateway_runs_the_part_only_with_an_authority(
    tmp_path: Path, keys: KeyStore, has_authority: bool
) -> None:
    keys.signing()
    roots = tmp_path / "roots.pem"
    roots.write_text(keys.anchors_pem)
    sealing = {"timestamp_url": "http://127.0.0.1:9/tsa", "timestamp_anchors": roots} if has_authority else {}
    container = Container(Settings(data=tmp_path / "data", sealing=sealing))
    with closing(container.persistence.database):
        assert ("timestamps" in {part.name for part in container.background.parts}) == has_authority
