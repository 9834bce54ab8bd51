from __future__ import annotations

import datetime as dt
import http.server
import json
import threading
from pathlib import Path

import av
import msgspec
import pytest
from c2pa import Builder, C2paSigningAlg, Context
from c2pa import Signer as C2paSigner

from safelight.errors import InvalidMedia, NotFound
from safelight.provenance import certificates, worker
from safelight.provenance.keys import KeyStore
from safelight.provenance.models import ManifestState, SignerTrust
from safelight.provenance.seal import ChangedRow, Seal
from safelight.provenance.sealing import Sealer
from safelight.provenance.verification import Verifier
from safelight.sandbox.sandbox import Sandbox

from .conftest import FactsMaker


@pytest.fixture
def verifier(sandbox: Sandbox, keys: KeyStore) -> Verifier:
    return Verifier(sandbox=sandbox, keys=keys)


@pytest.fixture
def sealed(sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path) -> Path:
    path = tmp_path / "sealed.mp4"
    sealer.seal(video, path, facts())
    return path


def test_our_own_file_is_recognised_by_its_manifest_alone(verifier: Verifier, sealed: Path) -> None:
    found = verifier.verify(sealed)
    assert (found.state, found.signer) == (ManifestState.TRUSTED, SignerTrust.OWN)
    assert found.answer == (
        "This video was sealed by this service on 20 November 2026. "
        "Its picture and sound have not been changed since."
    )
    assert found.video_id == "video_" + "0" * 32
    assert found.registered is None
    assert found.reading.issuer == "Test Films"


def test_with_the_registry_the_answer_covers_the_whole_file(
    verifier: Verifier, sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    path = tmp_path / "sealed.mp4"
    seal = sealer.seal(video, path, facts())
    found = verifier.verify(path, lookup={seal.sha256: seal}.get)
    day = f"{seal.sealed_at.day} {seal.sealed_at:%B %Y}"
    assert found.answer == (
        f"This video was delivered by this service on {day}. It has not been changed since."
    )
    assert found.registered is True
    assert [one.kind for one in found.evidence] == ["manifest", "registry", "other watermarks"]


def test_one_flipped_byte_in_a_frame_is_detected(verifier: Verifier, sealed: Path) -> None:
    data = bytearray(sealed.read_bytes())
    data[data.index(b"mdat") + 500] ^= 1
    sealed.write_bytes(data)
    found = verifier.verify(sealed, lookup=lambda _: None)
    assert found.state is ManifestState.INVALID
    assert found.answer.startswith("The video was changed after it was sealed.")
    assert found.video_id == ""
    assert "assertion.bmffHash.mismatch" in found.reading.failures


def test_a_flipped_byte_in_frames_index_or_claim_is_never_trusted(
    keys: KeyStore, sealed: Path, tmp_path: Path
) -> None:
    data = sealed.read_bytes()
    boxes = {name: data.index(name) for name in (b"moov", b"mdat", b"safelight.verdict")}
    copy = tmp_path / "copy.mp4"
    for name, start in boxes.items():
        for offset in range(start + len(name), start + len(name) + 240, 24):
            changed = bytearray(data)
            changed[offset] ^= 0x10
            copy.write_bytes(changed)
            argument = {
                "path": str(copy),
                "anchors": [["own", keys.anchors_pem]],
                "manifest": None,
                "timestamp_anchors": "",
            }
            assert worker.read(argument, None)["state"] != "trusted", (name, offset)  # type: ignore[arg-type]


def test_a_remux_loses_the_manifest_and_the_answer_draws_no_conclusion(
    verifier: Verifier, sealed: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.mp4"
    with av.open(str(sealed)) as source, av.open(str(copy), "w") as into:
        stream = into.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                into.mux(packet)
    found = verifier.verify(copy, lookup=lambda _: None)
    assert found.state is ManifestState.ABSENT
    assert "shows neither its origin" in found.answer
    assert found.registered is False


def test_a_file_without_a_manifest_is_recognised_by_the_registry(verifier: Verifier, video: Path) -> None:
    seal = Seal(
        video_id="video_" + "7" * 32,
        sha256="",
        source_sha256="",
        sealed_at=dt.datetime(2026, 11, 19, tzinfo=dt.UTC),
        manifest=b"",
    )
    found = verifier.verify(video, lookup=lambda _: seal)
    assert found.video_id == seal.video_id
    assert "the registry has exactly these bytes" in found.answer


def test_a_damaged_entry_is_not_called_a_missing_one(verifier: Verifier, video: Path) -> None:
    found = verifier.verify(video, lookup=lambda _: ChangedRow())
    assert (found.registered, found.video_id) == (None, "")
    (said,) = [one.says for one in found.evidence if one.kind == "registry"]
    assert "the entry is damaged" in said


def test_a_foreign_seal_is_valid_with_an_unknown_signer(
    sandbox: Sandbox, sealed: Path, keys: KeyStore, tmp_path: Path
) -> None:
    ours = KeyStore.own(tmp_path / "ours", organization="Ours")
    ours.signing()
    found = Verifier(sandbox=sandbox, keys=ours).verify(sealed)
    assert (found.state, found.signer, found.video_id) == (ManifestState.VALID, SignerTrust.UNKNOWN, "")
    assert "is not on this service's list of trusted issuers" in found.answer

    trusting = Verifier(sandbox=sandbox, keys=ours).with_trust_anchors(keys.anchors_pem.encode())
    found = trusting.verify(sealed)
    assert (found.state, found.signer) == (ManifestState.TRUSTED, SignerTrust.CONFIGURED)
    assert "“Test Films”, whom this service trusts" in found.answer


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"just a text, named .mp4",
        b"\x1aE\xdf\xa3 matroska",
        b"\0\0\0\x18ftypmp42" + bytes(12),
        b"\0\0\0\x18ftypmp42" + bytes(12) + b"\xff\xff\xff\xffmoov" + b"\xff" * 999,
        b"\0\0\0\x10ftypmp42"
        + bytes(4)
        + b"\0\0\0\x30uuid"
        + bytes.fromhex("d8fec3d61b0e483c92975828877ec481") * 2,
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 64,
        b"\xff\xd8\xff\xe0" + b"\xff" * 64,
        b"RIFF\xff\xff\xff\xffAVI " + b"\xff" * 64,
    ],
)
def test_garbage_gets_a_result_and_is_never_trusted(
    content: bytes, verifier: Verifier, tmp_path: Path
) -> None:
    path = tmp_path / "garbage.mp4"
    path.write_bytes(content)
    found = verifier.verify(path)
    assert found.state in {ManifestState.ABSENT, ManifestState.UNREADABLE, ManifestState.INVALID}
    assert found.signer is SignerTrust.UNKNOWN
    msgspec.json.encode(found)


def test_a_truncated_file_is_not_trusted(verifier: Verifier, sealed: Path) -> None:
    data = sealed.read_bytes()
    sealed.write_bytes(data[: len(data) - 200])
    assert verifier.verify(sealed).state in {ManifestState.INVALID, ManifestState.UNREADABLE}


def test_verifying_a_foreign_file_creates_no_keys(sandbox: Sandbox, sealed: Path, tmp_path: Path) -> None:
    none = KeyStore.own(tmp_path / "none", organization="Ours")
    assert Verifier(sandbox=sandbox, keys=none).verify(sealed).state is ManifestState.VALID
    assert not (tmp_path / "none").exists()


def test_a_missing_file_is_reported(verifier: Verifier, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        verifier.verify(tmp_path / "nowhere.mp4")
    with pytest.raises(InvalidMedia):
        verifier.verify(tmp_path)
    with pytest.raises(InvalidMedia):
        verifier.verify(Path("/dev/zero"))


def test_a_remote_manifest_is_not_fetched(keys: KeyStore, video: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    key = keys.signing()
    context = Context.from_dict({"trust": {"trust_anchors": keys.anchors_pem}})
    actions = [{"action": "c2pa.created", "digitalSourceType": "http://c2pa.org/digitalsourcetype/empty"}]
    definition = {
        "claim_generator_info": [{"name": "Elsewhere"}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
    }
    builder = Builder.from_json(json.dumps(definition), context=context)
    builder.set_no_embed()
    builder.set_remote_url(f"http://127.0.0.1:{server.server_port}/manifest")
    pointing = tmp_path / "pointing.mp4"
    signer = C2paSigner.from_callback(key.sign_claim, C2paSigningAlg.ES256, key.chain_pem, None)
    with video.open("rb") as source, pointing.open("wb+") as into:
        builder.sign(signer, "video/mp4", source, into)
    assert f"http://127.0.0.1:{server.server_port}/manifest".encode() in pointing.read_bytes()

    # In this process, where the network is open, so that only the setting keeps it from asking.
    argument = {
        "path": str(pointing),
        "anchors": [["own", keys.anchors_pem]],
        "manifest": None,
        "timestamp_anchors": "",
    }
    found = worker.read(argument, None)  # type: ignore[arg-type]
    server.shutdown()
    server.server_close()
    assert asked == []
    assert (found["state"], found["note"]) == ("absent", "remote")


def configured_store(folder: Path, root: certificates.Issued, name: str) -> KeyStore:
    """The key store of an operator whose certificate comes from an authority."""
    leaf = certificates.issue_leaf(root, name, now=dt.datetime.now(dt.UTC))
    folder.mkdir(exist_ok=True)
    key, chain = folder / "key.pem", folder / "chain.pem"
    key.write_bytes(certificates.key_pem(leaf.key))
    chain.write_bytes(certificates.certificates_pem((leaf.certificate, root.certificate)))
    return KeyStore.configured(key=key, chain=chain, folder=folder)


def test_other_customers_of_our_certificate_authority_are_not_this_installation(
    sandbox: Sandbox, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    root = certificates.issue_root("Public authority", now=dt.datetime.now(dt.UTC))
    ours = configured_store(tmp_path / "ours", root, "Alice Films")
    other = configured_store(tmp_path / "other", root, "Mallory Ltd")
    foreign, own = tmp_path / "foreign.mp4", tmp_path / "own.mp4"
    Sealer(sandbox=sandbox, keys=other).seal(video, foreign, facts())
    Sealer(sandbox=sandbox, keys=ours).seal(video, own, facts())

    verifier = Verifier(sandbox=sandbox, keys=ours)
    found = verifier.verify(foreign)
    assert (found.state, found.signer, found.video_id) == (
        ManifestState.TRUSTED,
        SignerTrust.CONFIGURED,
        "",
    )
    assert "by “Mallory Ltd”" in found.answer
    assert "this installation on" not in found.answer
    assert verifier.verify(own).signer is SignerTrust.OWN


def test_seals_of_a_certificate_that_was_renewed_stay_our_own(
    sandbox: Sandbox, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    root = certificates.issue_root("Public authority", now=dt.datetime.now(dt.UTC))
    before = configured_store(tmp_path / "ours", root, "Alice Films")
    Sealer(sandbox=sandbox, keys=before).seal(video, tmp_path / "old.mp4", facts())
    now = configured_store(tmp_path / "ours", root, "Alice Films")
    assert now.signing().serial != before.signing().serial
    found = Verifier(sandbox=sandbox, keys=now).verify(tmp_path / "old.mp4")
    assert found.signer is SignerTrust.OWN


def test_a_damaged_list_of_revoked_certificates_ends_trust_and_names_no_path(
    verifier: Verifier, keys: KeyStore, sealed: Path, tmp_path: Path
) -> None:
    (tmp_path / "keys" / "revoked.json").write_text("{")
    found = verifier.verify(sealed)
    assert (found.state, found.signer) == (ManifestState.VALID, SignerTrust.UNKNOWN)
    assert "cannot check at the moment whether the certificate" in found.answer
    assert str(tmp_path) not in msgspec.json.encode(found).decode()
