"""The origin of inputs that were changed: a search that cannot be made, screenshots, ingredients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from safelight.core.errors import SandboxCrashed, Unavailable
from safelight.provenance.watermark_service import WatermarkReader
from safelight.testing.clips import tiny_clip
from safelight.testing.generators import create as instant
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos import references
from safelight.videos.models import VideoState
from safelight.videos.runner import Runner
from support.clips import first_frame, upload_of

from .conftest import Furnish, House
from .test_ingredients import actions, edit, manifests, marked, signed_by_provider
from .test_lineage import ABLE

pytestmark = pytest.mark.real_media


def add_able(house: House) -> House:
    house.generators["able"] = instant({**ABLE, "seconds": [4]})
    return house


@pytest.fixture
def able(house: House) -> House:
    return add_able(house)


def foreign(folder: Path) -> Path:
    path = folder / "foreign.mp4"
    path.write_bytes(tiny_clip())
    return path


def damage_key(house: House) -> Callable[[], None]:
    """Make the watermark key unreadable. Returns a function that repairs it."""
    house.make()
    [key] = (house.container.persistence.key_folder / "watermark").glob("*.key")
    content = key.read_bytes()
    key.write_bytes(b"damaged")

    def repair() -> None:
        key.write_bytes(content)

    return repair


def test_an_input_waits_until_the_watermark_key_can_be_read(
    able: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "_KEY_RETRY_S", 0.01)
    repair = damage_key(able)
    video = edit(able, foreign(tmp_path))
    runner = Runner(able.context)
    for _ in range(4):
        assert runner.run_steps(video.tenant, video.id) is not None
    assert able.snapshot(video).video.state is VideoState.QUEUED
    assert able.snapshot(video).last_attempt is None
    with pytest.raises(Unavailable, match="withdrawn"):
        able.videos.create_character(able.who, name="Bo", clip=foreign(tmp_path), end_user=None)
    repair()
    assert able.carry(video).state is VideoState.DELIVERED


def test_an_input_that_could_not_be_checked_in_time_ends_the_video_with_the_reason(
    able: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "_KEY_RETRY_S", 1e9)
    damage_key(able)
    ended = able.carry(edit(able, foreign(tmp_path)))
    assert (ended.state, ended.error_code) == (VideoState.FAILED, "timeout")
    assert "a watermark key of this installation cannot be read" in (ended.error_message or "")
    assert "Nothing was sent to a generator" in (ended.error_message or "")
    assert able.snapshot(ended).last_attempt is None


def test_an_input_whose_search_fails_is_tried_again_and_then_ends_the_video(
    able: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    able.make()  # creates the key
    searched: list[Path] = []

    def crash(_reader: WatermarkReader, path: Path) -> None:
        searched.append(path)
        raise SandboxCrashed("ended")

    monkeypatch.setattr(WatermarkReader, "read", crash)
    ended = able.carry(edit(able, foreign(tmp_path)))
    assert (ended.state, ended.error_code, len(searched)) == (VideoState.FAILED, "scan_failed", 3)
    assert "could not be checked whether the file in 'video'" in (ended.error_message or "")
    assert able.snapshot(ended).last_attempt is None


def test_an_installation_without_watermarks_accepts_inputs(furnish: Furnish, tmp_path: Path) -> None:
    house = add_able(furnish(sealing={"seal": "c2pa"}))
    house.waive()
    house.make()
    assert not (house.container.persistence.key_folder / "watermark").exists()
    assert house.carry(edit(house, foreign(tmp_path))).state is VideoState.DELIVERED


def test_a_copy_of_a_withdrawn_video_is_refused_by_its_watermark_alone(
    able: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    video, copy = marked(able, upstream, tmp_path)
    able.withdraw(video)
    picture = upload_of(first_frame(copy, tmp_path / "screenshot.png"))
    for made in (edit(able, copy), able.order("by day", uploads=(picture,))):
        ended = able.carry(made)
        assert (ended.state, ended.error_code) == (VideoState.FAILED, "withdrawn")
        assert able.snapshot(ended).last_attempt is None


def test_a_screenshot_is_an_input_from_here(able: House, upstream: ScriptedUpstream, tmp_path: Path) -> None:
    video, copy = marked(able, upstream, tmp_path)
    picture = first_frame(copy, tmp_path / "screenshot.png")
    made = able.order("by day", uploads=(upload_of(picture),))
    assert made.state is VideoState.QUEUED
    done = able.carry(made)
    assert done.state is VideoState.DELIVERED
    _active, chain = manifests(able, done)
    assert f"{video.id}.mp4" in {one["title"] for one in chain.values()}
    changed = able.withdraw(video)
    assert changed == (video.id, done.id)


def test_each_recognised_input_is_an_ingredient_with_the_manifest_of_its_origin(
    able: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    video, copy = marked(able, upstream, tmp_path)
    character = able.videos.create_character(able.who, name="Bo", clip=copy, end_user=None)
    # The same copy, saved by another program with a manifest of its own.
    signed = signed_by_provider(tmp_path / "signed.mp4", tmp_path, copy.read_bytes())
    made = able.make("Bo sails", model="able-1", characters=(character.id,), uploads=(upload_of(signed),))
    active, chain = manifests(able, made)
    assert actions(active) == ["c2pa.created"]
    found = {one["title"]: chain[one["active_manifest"]] for one in active["ingredients"]}
    assert found.keys() == {"reference 1", "origin of reference 1", character.id}
    assert found["reference 1"]["claim_generator_info"][0]["name"] == "Provider"
    assert found["origin of reference 1"]["title"] == f"{video.id}.mp4"
    assert found[character.id]["title"] == f"{video.id}.mp4"
    assert {one["relationship"] for one in active["ingredients"]} == {"inputTo"}


def test_an_input_whose_origin_was_deleted_is_named_without_its_manifest(
    able: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    video, copy = marked(able, upstream, tmp_path)
    made = edit(able, copy)
    runner = Runner(able.context)
    runner.run_steps(made.tenant, made.id)
    assert able.snapshot(made).video.state is VideoState.GENERATING
    able.videos.delete(able.who, video.id)
    active, chain = manifests(able, able.carry(made))
    assert len(chain) == 1
    assert [one["title"] for one in active["ingredients"]] == ["source"]
