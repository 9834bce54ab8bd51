"""Files that an appeal releases: recognised like before, erased as a whole, with the provider's manifest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from safelight.core.errors import NotFound
from safelight.provenance.recovery.conclusion import Answer
from safelight.providers.protocol import Derivation
from safelight.store import tables
from safelight.testing.generators import create as instant
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.files import vault_files
from safelight.videos.models import Video, VideoState
from safelight.videos.registry import Registry
from safelight.videos.reinstatement import reinstate
from safelight.videos.requests.request import Upload
from safelight.videos.runner import Runner
from safelight.videos.transitions import update
from support.clips import remux

from .conftest import Furnish, House
from .test_appeals import appealed, blocked_by_ada, refused
from .test_appeals import released as replacement
from .test_consent_commitments import overturned
from .test_decisions import decide
from .test_erasure import bindings, has_fingerprint
from .test_ingredients import actions, manifests, signed_by_provider, textured
from .test_media_fields import picture

pytestmark = pytest.mark.real_media


def withdrawn(house: House) -> Video:
    video = house.make()
    house.withdraw(video, actor="ada", why="a test")
    return video


def released(house: House, video: Video) -> Video:
    """The video that replaces a withdrawn one, delivered."""
    context = house.context
    with house.database.transaction(video.tenant) as tx:
        again = reinstate(context, tx, video.id, overturned(video))
    done = house.carry(house.videos.get(house.who, again))
    assert done.state is VideoState.DELIVERED
    assert done.sealed_sha256 == video.sealed_sha256
    return done


def manifest_of(house: House, video: Video) -> bytes:
    """The manifest that the public API returns. Raises `NotFound`."""
    registry: Registry = house.container.persistence.seal_registry
    seal = registry.by_sha256(video.sealed_sha256 or "")
    assert seal is not None
    return bindings(house).manifest(seal.manifest_id)


def withdraw_again(house: House, video: Video) -> None:
    house.withdraw(video, actor="ada", why="a test")


def delete(house: House, video: Video) -> None:
    house.videos.delete(house.who, video.id)


def vault(house: House, video: Video) -> None:
    with house.database.transaction(video.tenant) as tx:
        update(tx, video, vaulted=True)
        vault_files(tx, video.id)


def test_the_fingerprint_returns_with_the_file(house: House) -> None:
    video = withdrawn(house)
    assert not has_fingerprint(house, video)
    prints = tables.seal_fingerprints
    with house.database.read_transaction(video.tenant) as tx:
        [before] = tx.select(prints)
    released(house, video)
    with house.database.read_transaction(video.tenant) as tx:
        [after] = tx.select(prints)
    assert (after.sha256, after.removed_at) == (video.sealed_sha256, None)
    assert after.hashes
    assert after.thumbnails
    assert after.changed_at > before.changed_at
    assert manifest_of(house, video)


@pytest.mark.both_databases
def test_what_ends_a_video_that_was_released_again_deletes_its_fingerprint(house: House) -> None:
    for end in (withdraw_again, delete, vault):
        video = withdrawn(house)
        end(house, released(house, video))
        assert not has_fingerprint(house, video), end
        with pytest.raises(NotFound):
            manifest_of(house, video)


@pytest.mark.both_databases
def test_the_deletion_of_the_old_id_leaves_the_released_file_recognisable(house: House) -> None:
    video = withdrawn(house)
    newest = released(house, video)
    delete(house, video)
    assert has_fingerprint(house, video)
    assert manifest_of(house, video)
    delete(house, newest)
    assert not has_fingerprint(house, video)


@pytest.mark.both_databases
def test_the_deletion_of_a_withdrawn_video_whose_second_release_failed_erases_everything(
    house: House,
) -> None:
    video = withdrawn(house)
    newest = released(house, video)
    videos = tables.videos
    with house.database.transaction(video.tenant) as tx:
        tx.update(videos, videos.c.id == newest.id, state=VideoState.FAILED.value)
    delete(house, video)
    assert not has_fingerprint(house, video)
    seal = house.container.persistence.seal_registry.by_sha256(video.sealed_sha256 or "")
    assert seal is not None
    assert seal.manifest == b""


@pytest.mark.both_databases
def test_a_copy_of_a_file_that_was_released_again_is_recognised_as_an_input(
    house: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    settings = {"name": "able", "models": ["able-1"], "seconds": [4], "operations": ["edit"]}
    house.generators["able"] = instant(settings)
    upstream.play({"otherwise": {"polls": 0, "clip": str(textured(tmp_path / "made.mp4"))}})
    video = house.make(model="paid-1")
    withdraw_again(house, video)
    newest = released(house, video)
    path = tmp_path / "sealed.mp4"
    house.blobs.copy_to(video.tenant, video.sealed_sha256 or "", path)
    copy = remux(path, tmp_path / "copy.mp4")
    found = house.context.recovery.recover(copy)
    assert (found.conclusion.answer, found.is_withdrawn) == (Answer.CHANGED, False)
    upload = Upload(field="video", filename="copy.mp4", path=copy, media_type="video/mp4")
    made = house.make("at night", model="able-1", step=Derivation.EDIT, uploads=(upload,))
    with house.database.read_transaction(video.tenant) as tx:
        [row] = tx.select(tables.copied_sources, tables.copied_sources.c.video_id == made.id)
    assert row.source_id == newest.id


def test_an_appeal_keeps_the_manifest_of_the_provider(
    furnish: Furnish, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    house = furnish()
    clip = signed_by_provider(tmp_path / "provider.mp4", tmp_path)
    upstream.play({"otherwise": {"polls": 0, "clip": str(clip)}})
    video = blocked_by_ada(house, model="paid-1")
    decide(house, appealed(house, video), "overturn", "ben")
    active, chain = manifests(house, house.carry(replacement(house, video)))
    assert {one["claim_generator_info"][0]["name"] for one in chain.values()} == {"Safelight", "Provider"}
    assert actions(active) == ["c2pa.opened", "c2pa.transcoded"]


def test_the_origin_of_a_picture_that_was_blocked_at_once_is_searched_after_the_appeal(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = picture(tmp_path / "card.png", card=True)
    upload = Upload(
        field="input_reference", path=card.path, filename=card.filename, media_type=card.media_type
    )
    # A time limit of the test machine must not decide whether the picture is screened at once.
    patient = replace(house.videos.timed_references, timeout_s=600.0)
    house.videos = replace(house.videos, timed_references=patient)
    video = refused(house, "a quiet lake", uploads=(upload,))
    database = house.database
    with database.transaction(video.tenant) as tx:
        again = reinstate(house.context, tx, video.id, overturned(video))
    searched: list[Path] = []
    recovery = house.context.recovery
    recover = recovery.recover
    monkeypatch.setattr(recovery, "recover", lambda path: (searched.append(path), recover(path))[1])
    Runner(house.context).run_steps(video.tenant, again)
    assert len(searched) == 1
