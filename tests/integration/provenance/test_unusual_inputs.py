"""Still clips, clips that are marked twice, collages, an empty registry, and ingredients that point to a
server.
"""

from __future__ import annotations

import itertools
import socketserver
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance import worker
from safelight.provenance.fingerprints.fingerprint_index import FingerprintIndex
from safelight.provenance.keys import KeyStore
from safelight.provenance.manifest import Ingredient, Relationship
from safelight.provenance.models import ManifestState
from safelight.provenance.recovery.conclusion import Answer, Ground
from safelight.provenance.recovery.recovery import Recovered, Recovery, RecoverySources
from safelight.provenance.seal import MarkState, Seal
from safelight.provenance.sealing import Sealer
from safelight.provenance.verification import Verifier
from safelight.provenance.watermark_keys import WatermarkKeys
from safelight.provenance.watermark_service import WatermarkReader, WatermarkService
from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.videos.registry import FingerprintStore, Registry
from support.clips import remux
from support.sidecars import sign_elsewhere

from .conftest import FactsMaker
from .test_recovery import Pixels, frames_of, scene, write

#: Moments are not compared below 10 frames a second, which saves time.
FPS, FRAMES = 8, 16


@dataclass(frozen=True, kw_only=True)
class Studio:
    """Seals clips, and recovers their origin with a registry that has the given ones."""

    folder: Path
    sandbox: Sandbox
    keys: KeyStore
    sealer: Sealer
    reader: WatermarkReader
    facts: FactsMaker

    def deliver(self, number: int, source: Path) -> tuple[Path, Seal]:
        path = self.folder / f"sealed-{number}.mp4"
        return path, self.sealer.seal(source, path, self.facts(video_id=f"video_{number:032}"))

    def write(self, name: str, frames: Iterator[Pixels]) -> Path:
        return write(self.folder / name, itertools.islice(frames, FRAMES), fps=FPS)

    def recover(self, path: Path, known: Sequence[Seal]) -> Recovered:
        database = Database(f"sqlite:///{path}.db")
        migrate(database)
        with database.transaction("tenant_a") as tx:
            for seal in known:
                Registry(database).record(tx, seal)
        store = FingerprintStore(database)
        recovery = Recovery(
            sandbox=self.sandbox,
            verifier=Verifier(sandbox=self.sandbox, keys=self.keys),
            reader=self.reader,
            sources=RecoverySources(
                registry=Registry(database),
                fingerprints=store,
                index=FingerprintIndex(store),
                is_withdrawn=lambda _video_id: False,
            ),
        )
        found = recovery.recover(path)
        database.close()
        return found


@pytest.fixture(scope="module")
def studio(sandbox: Sandbox, facts: FactsMaker, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("studio")
    keys = KeyStore.own(folder / "keys", organization="Test Films")
    watermark_keys = WatermarkKeys(folder / "watermark")
    service = WatermarkService(sandbox=sandbox, keys=watermark_keys, preset="ultrafast")
    return Studio(
        folder=folder,
        sandbox=sandbox,
        keys=keys,
        sealer=Sealer(sandbox=sandbox, keys=keys, watermark=service),
        reader=WatermarkReader(sandbox=sandbox, keys=watermark_keys),
        facts=facts,
    )


@pytest.fixture(scope="module")
def first(studio: Studio) -> tuple[Path, Seal]:
    return studio.deliver(1, studio.write("first.mp4", scene(1)))


def outcome(found: Recovered) -> tuple[Answer, Ground, str | None]:
    return found.conclusion.answer, found.conclusion.ground, found.source_video


def test_a_still_clip_is_marked_and_recovered(studio: Studio, tmp_path: Path) -> None:
    path, seal = studio.deliver(2, studio.write("still.mp4", itertools.repeat(next(scene(2)))))
    assert seal.mark.state is MarkState.READ_BACK
    found = studio.recover(remux(path, tmp_path / "copy.mkv"), [seal])
    assert outcome(found) == (Answer.CHANGED, Ground.MARK_AND_PICTURE, seal.video_id)


def test_of_a_clip_that_is_marked_twice_the_later_mark_is_read(
    studio: Studio, first: tuple[Path, Seal], tmp_path: Path
) -> None:
    path, later = studio.deliver(3, first[0])
    assert later.mark.state is MarkState.READ_BACK
    reading = studio.reader.read(remux(path, tmp_path / "copy.mkv"))
    assert reading.content_id == later.mark.content_id != first[1].mark.content_id


def test_of_two_clips_side_by_side_one_is_named(
    studio: Studio, first: tuple[Path, Seal], tmp_path: Path
) -> None:
    path, seal = studio.deliver(4, studio.write("right.mp4", scene(4)))
    pairs = zip(frames_of(first[0]), frames_of(path), strict=True)
    collage = write(tmp_path / "collage.mp4", map(np.hstack, pairs), fps=FPS)
    assert studio.reader.read(collage).content_id in (first[1].mark.content_id, seal.mark.content_id)


class WatchedServer(socketserver.TCPServer):
    """Counts connections, and closes each."""

    connections = 0

    def verify_request(self, _request: object, _address: object) -> bool:
        self.connections += 1
        return False


def test_an_ingredient_whose_manifest_is_on_a_server_makes_no_connection(
    sandbox: Sandbox, keys: KeyStore, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    with WatchedServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        pointing = tmp_path / "pointing.mp4"
        address = f"http://127.0.0.1:{server.server_address[1]}/manifest"
        sign_elsewhere(video, pointing, keys, address=address)
        assert address.encode() in pointing.read_bytes()
        argument = {
            "path": str(pointing),
            "entry": {"label": "source", "title": "source", "relationship": "parentOf"},
            "anchors": keys.anchors_pem,
            "into": str(tmp_path / "archive"),
        }
        # In this process, where the network is open, so that only the setting keeps it from asking.
        assert not worker.archive_ingredient(argument, None)  # type: ignore[arg-type]
        parent = Ingredient(label="source", title="source", relationship=Relationship.PARENT, path=pointing)
        sealed = tmp_path / "sealed.mp4"
        Sealer(sandbox=sandbox, keys=keys).seal(video, sealed, facts(ingredients=(parent,)))
        assert Verifier(sandbox=sandbox, keys=keys).verify(sealed).state is ManifestState.TRUSTED
        server.shutdown()
        assert server.connections == 0
