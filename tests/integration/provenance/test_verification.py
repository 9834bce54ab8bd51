from __future__ import annotations

import datetime as dt
import http.server
import threading
from pathlib import Path

import msgspec
import pytest

from safelight.core.errors import InvalidMedia, NotFound
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance import certificates, worker
from safelight.provenance.keys import KeyStore
from safelight.provenance.models import ManifestState, SignerTrust
from safelight.provenance.seal import ChangedRow
from safelight.provenance.sealing import Sealer
from safelight.provenance.verification import Verifier
from support.sidecars import sign_elsewhere

from .conftest import FactsMaker


def test_our_own_file_is_recognised_by_its_manifest_alone_and_by_the_registry_as_a_whole(
    verifier: Verifier, sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    path = tmp_path / "sealed.mp4"
    seal = sealer.seal(video, path, facts())
    found = verifier.verify(path)
    assert (found.state, found.signer) == (ManifestState.TRUSTED, SignerTrust.OWN)
    assert found.answer == (
        "This video was sealed by this service on 20 November 2026. "
        "Its picture and sound have not been changed since."
    )
    assert (found.video_id, found.registered) == ("video_" + "0" * 32, None)
    assert found.reading.issuer == "Test Films"

    found = verifier.verify(path, lookup={seal.sha256: seal}.get)
    day = f"{seal.sealed_at.day} {seal.sealed_at:%B %Y}"
    assert found.answer == (
        f"This video was delivered by this service on {day}. It has not been changed since."
    )
    assert found.registered is True
    assert [one.kind for one in found.evidence] == ["manifest", "registry", "other watermarks"]

    found = verifier.verify(video, lookup=lambda _: seal)
    assert found.video_id == seal.video_id
    assert "the registry has exactly these bytes" in found.answer


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


def test_a_damaged_entry_is_not_called_a_missing_one(verifier: Verifier, video: Path) -> None:
    missing = verifier.verify(video, lookup=lambda _: None)
    assert (missing.registered, missing.video_id) == (False, "")
    found = verifier.verify(video, lookup=lambda _: ChangedRow())
    assert (found.registered, found.video_id) == (None, "")
    (said,) = [one.says for one in found.evidence if one.kind == "registry"]
    assert "the entry is damaged" in said


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


def test_a_file_that_was_changed_or_cut_is_not_trusted(verifier: Verifier, sealed: Path) -> None:
    whole = sealed.read_bytes()
    changed = bytearray(whole)
    changed[changed.index(b"mdat") + 500] ^= 1
    sealed.write_bytes(changed)
    assert "assertion.bmffHash.mismatch" in verifier.verify(sealed).reading.failures
    sealed.write_bytes(whole[:-200])
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
    pointing, address = tmp_path / "pointing.mp4", f"http://127.0.0.1:{server.server_port}/manifest"
    sign_elsewhere(video, pointing, keys, address=address)
    assert address.encode() in pointing.read_bytes()

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


def test_a_damaged_list_of_revoked_certificates_ends_trust_and_names_no_path(
    verifier: Verifier, keys: KeyStore, sealed: Path, tmp_path: Path
) -> None:
    (tmp_path / "keys" / "revoked.json").write_text("{")
    found = verifier.verify(sealed)
    assert (found.state, found.signer) == (ManifestState.VALID, SignerTrust.UNKNOWN)
    assert "cannot check at the moment whether the certificate" in found.answer
    assert str(tmp_path) not in msgspec.json.encode(found).decode()
