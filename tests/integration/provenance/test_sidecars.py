"""Manifests in a file of their own, and fragmented MP4."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from safelight.core.errors import InvalidMedia, NotFound
from safelight.provenance.keys import KeyStore
from safelight.provenance.models import ManifestState
from safelight.provenance.sealing import Sealer
from safelight.provenance.verification import Verifier, find_sidecar
from support.sidecars import sign_apart

from .conftest import FactsMaker


def write_clip(path: Path, container: str, codec: str, **options: str) -> Path:
    with av.open(str(path), "w", format=container, options=options) as into:
        stream = into.add_stream(codec, rate=12)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        rng = np.random.default_rng(2)
        for _ in range(24):
            pixels = rng.integers(0, 255, (96, 160, 3), dtype=np.uint8)
            into.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        into.mux(stream.encode())
    return path


@pytest.mark.parametrize(("container", "codec"), [("webm", "libvpx"), ("matroska", "libx264")])
def test_the_manifest_of_webm_and_matroska_is_read_from_a_file_beside_it(
    verifier: Verifier, keys: KeyStore, tmp_path: Path, container: str, codec: str
) -> None:
    clip = write_clip(tmp_path / "clip.video", container, codec)
    assert find_sidecar(clip) is None
    assert verifier.verify(clip).state is ManifestState.ABSENT

    clip.with_suffix(".c2pa").write_bytes(sign_apart(clip, keys, "video/webm"))
    found = verifier.verify(clip, sidecar=find_sidecar(clip))
    assert (found.state, found.reading.in_sidecar) == (ManifestState.TRUSTED, True)

    data = bytearray(clip.read_bytes())
    data[len(data) // 2] ^= 1
    clip.write_bytes(data)
    changed = verifier.verify(clip, sidecar=find_sidecar(clip))
    assert changed.state is ManifestState.INVALID
    assert "was changed after it was sealed" in changed.answer


def test_a_manifest_in_the_file_is_preferred_to_one_beside_it(
    sealer: Sealer, verifier: Verifier, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    sealed, other = tmp_path / "sealed.mp4", tmp_path / "other.mp4"
    sealer.seal(video, sealed, facts())
    foreign = sealer.seal(video, other, facts(video_id="video_" + "1" * 32))
    sidecar = tmp_path / "sealed.c2pa"
    sidecar.write_bytes(foreign.manifest)
    found = verifier.verify(sealed, sidecar=sidecar)
    assert (found.state, found.reading.in_sidecar) == (ManifestState.TRUSTED, False)
    assert found.video_id == "video_" + "0" * 32


@pytest.mark.parametrize("content", [b"", b"no manifest", b"\0\0\0\x20jumb" + bytes(24)])
def test_a_file_beside_it_that_is_not_a_manifest_is_reported(
    verifier: Verifier, video: Path, tmp_path: Path, content: bytes
) -> None:
    sidecar = tmp_path / "clip.c2pa"
    sidecar.write_bytes(content)
    assert verifier.verify(video, sidecar=sidecar).state in (ManifestState.ABSENT, ManifestState.UNREADABLE)
    with pytest.raises(NotFound):
        verifier.verify(video, sidecar=tmp_path / "nowhere.c2pa")
    with sidecar.open("wb") as large:
        large.truncate(17 << 20)
    with pytest.raises(InvalidMedia, match="too large"):
        verifier.verify(video, sidecar=sidecar)


def test_a_fragmented_mp4_is_sealed_and_a_change_in_a_late_fragment_is_detected(
    sealer: Sealer, verifier: Verifier, facts: FactsMaker, tmp_path: Path
) -> None:
    flags = "empty_moov+frag_every_frame+default_base_moof"
    clip = write_clip(tmp_path / "fragmented.mp4", "mp4", "libx264", movflags=flags)
    assert clip.read_bytes().count(b"moof") > 10
    sealed = tmp_path / "sealed.mp4"
    sealer.seal(clip, sealed, facts())
    assert verifier.verify(sealed).state is ManifestState.TRUSTED
    data = bytearray(sealed.read_bytes())
    data[data.rindex(b"mdat") + 40] ^= 1
    sealed.write_bytes(data)
    assert verifier.verify(sealed).state is ManifestState.INVALID
