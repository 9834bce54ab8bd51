from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import av
import msgspec
import pytest
from c2pa import Context, Reader

from safelight.core.errors import InvalidMedia, SandboxCrashed, Unavailable
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance import certificates, worker
from safelight.provenance.keys import KeyStore
from safelight.provenance.models import ManifestState, SignerTrust
from safelight.provenance.sealing import OneSignature, Sealer
from safelight.provenance.verification import Verifier

from .conftest import FactsMaker


def read_with_c2pa_itself(path: Path, anchors: str, manifest: bytes | None = None) -> Reader:
    context = Context.from_dict(
        {"trust": {"trust_anchors": anchors}, "verify": {"remote_manifest_fetch": False}}
    )
    with path.open("rb") as file:
        if manifest is not None:
            return Reader("video/mp4", file, manifest, context=context)
        return Reader("video/mp4", file, context=context)


def test_a_sealed_file_is_trusted_under_our_root_and_contains_the_decision(
    sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    sealed = tmp_path / "sealed.mp4"
    seal = sealer.seal(video, sealed, facts())

    stored = read_with_c2pa_itself(sealed, sealer._keys.create_anchors_pem(), seal.manifest)
    assert stored.get_validation_state() == "Trusted"
    other = KeyStore.own(tmp_path / "other", organization="Test Films")
    other.signing()
    assert read_with_c2pa_itself(sealed, other.anchors_pem).get_validation_state() == "Valid"
    reader = read_with_c2pa_itself(sealed, sealer._keys.create_anchors_pem())
    assert reader.get_validation_state() == "Trusted"
    names = set(re.findall(r'"(\w+)":', json.dumps(json.loads(reader.json())["manifests"])))
    assert "action" in names
    assert not names & {"prompt", "user", "end_user", "tenant", "key", "reason", "evidence", "findings"}
    active: Any = reader.get_active_manifest()
    assertions = {one["label"]: one["data"] for one in active["assertions"]}
    created, badge = assertions["c2pa.actions.v2"]["actions"]
    assert created["action"] == "c2pa.created"
    assert created["digitalSourceType"].endswith("/algorithmicMedia")
    assert created["when"] == "2026-11-20T07:00:00Z"
    assert badge["action"] == "c2pa.addedText"
    verdict = assertions["safelight.verdict"]
    assert verdict["video"] == "video_" + "0" * 32
    assert verdict["policy"] == {"name": "starter", "sha256": "b" * 64}
    assert (verdict["action"], verdict["category"], verdict["test_card"]) == ("label", "likeness", False)
    assert not {"coverage", "waived", "remark"} & verdict.keys()
    assert active["claim_generator_info"][0]["name"] == "Safelight"
    assert active["signature_info"]["issuer"] == "Test Films"

    assert seal.sha256 == hashlib.sha256(sealed.read_bytes()).hexdigest()
    assert seal.source_sha256 == hashlib.sha256(video.read_bytes()).hexdigest()
    assert seal.facts["video"] == verdict["video"]


def test_sealing_again_replaces_the_whole_file_and_every_frame_stays(
    sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    into = tmp_path / "out" / "sealed.mp4"
    into.parent.mkdir()
    first = sealer.seal(video, into, facts())
    second = sealer.seal(video, into, facts())
    assert first.sha256 != second.sha256
    assert hashlib.sha256(into.read_bytes()).hexdigest() == second.sha256
    assert [path.name for path in into.parent.iterdir()] == ["sealed.mp4"]
    frames = []
    for path in (video, into):
        with av.open(str(path)) as container:
            frames.append([frame.to_ndarray().tobytes() for frame in container.decode(video=0)])
    assert frames[0] == frames[1]


class Watched(Sandbox):
    """A sandbox that remembers what was handed to its children."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[Any] = []

    def run(self, function: str, argument: Any = None, **rest: Any) -> Any:
        self.handed.append(argument)
        return super().run(function, argument, **rest)


def test_the_private_key_is_never_passed_to_the_child(
    keys: KeyStore, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    watched = Watched()
    Sealer(sandbox=watched, keys=keys).seal(video, tmp_path / "sealed.mp4", facts())
    watched.close()
    handed = msgspec.json.encode(watched.handed).decode()
    assert "PRIVATE KEY" not in handed
    assert str(tmp_path / "keys") not in handed
    assert "BEGIN CERTIFICATE" in handed


def test_one_seal_gets_one_signature_and_only_over_a_claim(keys: KeyStore) -> None:
    claim = b"\x84\x6aSignature1" + bytes(40)
    once = OneSignature(keys.signing().sign_claim)
    assert len(once(claim)) == 64
    with pytest.raises(SandboxCrashed, match="second signature"):
        once(claim)
    with pytest.raises(SandboxCrashed, match="not a claim"):
        OneSignature(keys.signing().sign_claim)(b"a certificate I would like")


@pytest.mark.parametrize("content", [b"", b"not a video", b"\0\0\0\x18ftypmp42" + b"\xff" * 400])
def test_a_file_that_is_not_a_video_is_refused_and_leaves_no_output(
    content: bytes, sealer: Sealer, facts: FactsMaker, tmp_path: Path
) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(content)
    into = tmp_path / "out" / "sealed.mp4"
    into.parent.mkdir()
    with pytest.raises(InvalidMedia):
        sealer.seal(source, into, facts())
    assert list(into.parent.iterdir()) == []


def test_an_error_in_a_library_of_the_fingerprint_leaves_only_the_fingerprint_out(
    monkeypatch: pytest.MonkeyPatch, video: Path
) -> None:
    def fail(_path: Path) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("safelight.provenance.fingerprints.fingerprinter.fingerprint_clip", fail)
    assert worker._mark_and_fingerprint(video, None) == (None, None)


def test_a_file_is_sealed_with_new_keys_after_the_clock_was_corrected(
    sandbox: Sandbox, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    now = dt.datetime.now(dt.UTC)
    KeyStore.own(tmp_path / "keys", organization="Films", clock=lambda: now + dt.timedelta(days=30)).signing()
    keys, sealed = KeyStore.own(tmp_path / "keys", organization="Films"), tmp_path / "sealed.mp4"
    with pytest.raises(Unavailable):
        Sealer(sandbox=sandbox, keys=keys).seal(video, sealed, facts())
    keys.rotate(replace_early_root=True)
    Sealer(sandbox=sandbox, keys=keys).seal(video, sealed, facts())
    found = Verifier(sandbox=sandbox, keys=keys).verify(sealed)
    assert (found.state, found.signer) == (ManifestState.TRUSTED, SignerTrust.OWN)


def test_a_video_waits_for_an_operators_certificate_that_is_not_valid_yet(
    sandbox: Sandbox, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    now = dt.datetime.now(dt.UTC)
    root = certificates.issue_root("Authority", now=now)
    leaf = certificates.issue_leaf(root, "Films", now=now)
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    key.write_bytes(certificates.key_pem(leaf.key))
    chain.write_bytes(certificates.certificates_pem((leaf.certificate, root.certificate)))
    clock = [now - dt.timedelta(days=2)]
    sealer = Sealer(sandbox=sandbox, keys=KeyStore.configured(key=key, chain=chain, clock=lambda: clock[0]))
    with pytest.raises(Unavailable):
        sealer.seal(video, tmp_path / "sealed.mp4", facts())
    assert not (tmp_path / "sealed.mp4").exists()
    clock[0] = now
    assert sealer.seal(video, tmp_path / "sealed.mp4", facts()).manifest
