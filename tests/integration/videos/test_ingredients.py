"""What the manifest of a delivered video states about the files from which the video was made."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from c2pa import Builder, C2paSigningAlg, Context, Reader, Signer
from sqlalchemy import update

from safelight.provenance.keys import KeyStore
from safelight.providers.protocol import Derivation
from safelight.store.tables import seals
from safelight.testing.clips import tiny_clip
from safelight.testing.generators import create as instant
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.files import files_of
from safelight.videos.models import Video, VideoState
from safelight.web.api.record import record_object
from support.clips import remux, upload_of

from .conftest import House
from .test_lineage import ABLE

pytestmark = pytest.mark.real_media

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@pytest.fixture
def able(house: House) -> House:
    house.generators["able"] = instant({**ABLE, "seconds": [4]})
    return house


def manifests(house: House, video: Video) -> tuple[dict[str, Any], dict[str, Any]]:
    """The active manifest of a delivered file, and all manifests in it. The file is trusted."""
    assert video.state is VideoState.DELIVERED
    data = b"".join(house.blobs.stream(house.who.tenant, video.sealed_sha256 or ""))
    anchors = house.container.persistence.signing_keys.anchors_pem
    context = Context.from_dict({"trust": {"trust_anchors": anchors}})
    store = json.loads(Reader("video/mp4", io.BytesIO(data), context=context).json())
    assert store["validation_state"] == "Trusted"
    return store["manifests"][store["active_manifest"]], store["manifests"]


def actions(manifest: dict[str, Any]) -> list[str]:
    found = next(one for one in manifest["assertions"] if one["label"] == "c2pa.actions.v2")
    return [one["action"] for one in found["data"]["actions"] if one["action"] != "c2pa.watermarked"]


def edit(house: House, clip: Path) -> Video:
    uploads = (upload_of(clip, "video"),)
    return house.order("at night", model="able-1", step=Derivation.EDIT, uploads=uploads)


def marked(house: House, upstream: ScriptedUpstream, folder: Path) -> tuple[Video, Path]:
    """A delivered video with a watermark, and a copy of its file without the manifest."""
    upstream.play({"otherwise": {"polls": 0, "clip": str(textured(folder / "made.mp4"))}})
    video = house.make(model="paid-1")
    assert video.mark == "read back"
    sealed = folder / "sealed.mp4"
    house.blobs.copy_to(video.tenant, video.sealed_sha256 or "", sealed)
    return video, remux(sealed, folder / "copy.mp4")


def test_a_remix_and_an_extension_of_an_edit_have_the_whole_chain(able: House) -> None:
    first = able.make("a quiet lake", model="able-1")
    second = able.make("at night", step=Derivation.EDIT, source=first.id)
    for step, more in ((Derivation.REMIX, {}), (Derivation.EXTEND, {"seconds": "4"})):
        active, chain = manifests(able, able.make("with a moon", step=step, source=second.id, **more))
        assert len(chain) == 3
        assert actions(active) == ["c2pa.opened", "c2pa.edited"]
        [parent] = active["ingredients"]
        assert (parent["title"], parent["relationship"]) == (second.id, "parentOf")
        assert parent["validation_results"]["activeManifest"]["failure"] == []


def test_the_manifest_of_a_file_from_a_local_generator_is_kept(house: House, tmp_path: Path) -> None:
    clip = signed_by_provider(tmp_path / "local.mp4", tmp_path)
    settings = {"name": "own", "models": ["own-2"], "seconds": [4], "file": str(clip)}
    house.generators["local"] = instant(settings)
    active, chain = manifests(house, house.make(model="own-2"))
    assert {one["claim_generator_info"][0]["name"] for one in chain.values()} == {"Safelight", "Provider"}
    assert actions(active) == ["c2pa.opened", "c2pa.transcoded"]


def test_an_uploaded_clip_with_a_foreign_manifest_keeps_it(able: House, tmp_path: Path) -> None:
    clip = signed_by_provider(tmp_path / "my-name.mp4", tmp_path)
    active, chain = manifests(able, able.carry(edit(able, clip)))
    assert {one["claim_generator_info"][0]["name"] for one in chain.values()} == {"Safelight", "Provider"}
    assert "my-name" not in json.dumps(chain)
    assert active["ingredients"][0]["title"] == "source"


def test_the_manifest_of_a_providers_file_is_kept(
    house: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    clip = signed_by_provider(tmp_path / "provider.mp4", tmp_path)
    upstream.play({"otherwise": {"polls": 0, "clip": str(clip)}})
    video = house.make(model="paid-1")
    active, chain = manifests(house, video)
    assert len(chain) == 2
    assert actions(active) == ["c2pa.opened", "c2pa.transcoded"]
    with house.read_transaction() as tx:
        assert not files_of(tx, video.id, kind="upstream_manifest")


@pytest.mark.both_databases
def test_a_copy_that_lost_its_manifest_gets_that_of_the_registry_unless_it_is_of_another_tenant(
    able: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    delivered, copy = marked(able, upstream, tmp_path)
    video = able.carry(edit(able, copy))
    active, chain = manifests(able, video)
    [parent] = active["ingredients"]
    before = next(one for name, one in chain.items() if name == parent["active_manifest"])
    assert parent["relationship"] == "parentOf"
    assert before["title"] == f"{delivered.id}.mp4"
    failed = {one["code"] for one in parent["validation_results"]["activeManifest"]["failure"]}
    assert failed == {"assertion.bmffHash.mismatch"}  # it says that the copy is not the signed file
    details = reference_details(able, video)
    assert details["source_is_copy"] is True
    assert delivered.sealed_sha256 not in str(details)

    other = able.stranger().tenant
    with able.database.raw_connection() as connection:
        connection.execute(update(seals).values(tenant_id=other))
    details = reference_details(able, able.carry(edit(able, copy)))
    assert not [name for name in details if name.startswith("source_")]
    assert delivered.sealed_sha256 not in str(details)


def reference_details(house: House, video: Video) -> dict[str, Any]:
    """The details of the stage of references in the record that the tenant sees."""
    record = house.container.videos.record(house.who, video.id)
    stages = record_object(record, house.container.core.taxonomy)["stages"]
    found: dict[str, Any] = next(one["details"] for one in stages if one["stage"] == "reference")
    return found


def textured(path: Path) -> Path:
    """Two seconds of texture under a moving camera, which can hide a watermark."""
    wide = np.random.default_rng(1).normal(0, 1, (360, 900, 3)).astype(np.float32)
    wide = np.clip(cv2.GaussianBlur(wide, (0, 0), 1.5) * 100 + 120, 16, 235).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(24):
            pixels = np.ascontiguousarray(wide[:, 4 * number : 4 * number + 640])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def signed_by_provider(path: Path, folder: Path, clip: bytes | None = None) -> Path:
    """A clip as a provider delivers it, with the provider's manifest."""
    keys = KeyStore.own(folder / "provider", organization="Provider")
    signing = keys.signing()
    made = {"action": "c2pa.created", "digitalSourceType": GENERATED}
    definition = {
        "claim_version": 2,
        "claim_generator_info": [{"name": "Provider"}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [made]}}],
    }
    context = Context.from_dict({"trust": {"trust_anchors": keys.anchors_pem}})
    signer = Signer.from_callback(signing.sign_claim, C2paSigningAlg.ES256, signing.chain_pem, None)
    with path.open("wb+") as into:
        builder = Builder.from_json(json.dumps(definition), context=context)
        builder.sign(signer, "video/mp4", io.BytesIO(clip or tiny_clip()), into)
    return path
