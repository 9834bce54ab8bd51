"""Confirmed times in manifests, from a real authority on this machine (`openssl ts`)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance.cose_signature import CoseSignature, MalformedManifest
from safelight.provenance.keys import KeyStore
from safelight.provenance.models import SignerTrust
from safelight.provenance.revocations import Revocation
from safelight.provenance.seal import Seal, lacks_timestamp
from safelight.provenance.sealing import Sealer, SealingOptions
from safelight.provenance.timestamp_authority import Timestamp, TimestampAuthority, TimestampMissing
from safelight.provenance.timestamping import Timestamper
from safelight.provenance.verification import Verifier

from .conftest import FactsMaker
from .timestamp_server import TimestampServer


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimestampServer]:
    server = TimestampServer(tmp_path_factory.mktemp("authority"))
    yield server
    server.close()


@pytest.fixture
def server(shared_server: TimestampServer) -> TimestampServer:
    shared_server.broken = None
    return shared_server


@pytest.fixture
def timestamper(sandbox: Sandbox, server: TimestampServer) -> Timestamper:
    return Timestamper(sandbox=sandbox, authority=server.authority)


@pytest.fixture
def dated_sealer(sandbox: Sandbox, keys: KeyStore, timestamper: Timestamper) -> Sealer:
    return Sealer(sandbox=sandbox, keys=keys, options=SealingOptions(timestamper=timestamper))


@pytest.fixture
def verifier(sandbox: Sandbox, keys: KeyStore, server: TimestampServer) -> Verifier:
    return Verifier(sandbox=sandbox, keys=keys, timestamp_pem=server.authority.anchors_pem)


def test_a_sealed_file_has_the_confirmed_time_in_its_manifest_which_only_a_known_authority_proves(
    dated_sealer: Sealer,
    verifier: Verifier,
    sandbox: Sandbox,
    keys: KeyStore,
    video: Path,
    facts: FactsMaker,
    tmp_path: Path,
) -> None:
    sealed = tmp_path / "sealed.mp4"
    seal = dated_sealer.seal(video, sealed, facts())
    assert seal.sha256 == hashlib.sha256(sealed.read_bytes()).hexdigest()
    assert sealed.read_bytes().count(seal.manifest) == 1
    at = dt.datetime.fromisoformat(seal.facts["timestamp"]["at"])
    assert abs(at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)

    found = verifier.verify(sealed)
    assert (found.state, found.reading.has_timestamp, found.reading.time_trusted) == ("trusted", True, True)
    assert dt.datetime.fromisoformat(found.reading.signed_at) == at
    assert "confirmed by a timestamp authority" in found.evidence[0].says

    unknown = Verifier(sandbox=sandbox, keys=keys).verify(sealed)
    reading = unknown.reading
    assert (unknown.state, reading.has_timestamp, reading.time_trusted) == ("trusted", True, False)
    assert "confirmed by" not in unknown.evidence[0].says
    certificate = keys.signing().certificate.public_bytes(serialization.Encoding.DER)
    assert CoseSignature.find(seal.manifest).certificate == certificate


@pytest.mark.parametrize("broken", [503, b"", b"not an answer", b"\x30\x03\x02\x01\x00"])
def test_a_file_is_sealed_without_a_timestamp_if_the_authority_fails_and_gets_it_later(
    broken: int | bytes,
    dated_sealer: Sealer,
    server: TimestampServer,
    timestamper: Timestamper,
    verifier: Verifier,
    video: Path,
    facts: FactsMaker,
    tmp_path: Path,
) -> None:
    server.broken = broken
    sealed = tmp_path / "sealed.mp4"
    seal = dated_sealer.seal(video, sealed, facts())
    assert lacks_timestamp(seal.facts)
    assert "127.0.0.1" in seal.facts["timestamp"]["missing"]
    assert verifier.verify(sealed).state == "trusted"

    server.broken = None
    later = timestamper.confirm_later(seal.manifest, sealed_at=seal.sealed_at)
    stored = replace(seal, manifest=later.manifest)
    found = verifier.verify(sealed, lookup={seal.sha256: stored}.get)
    assert (found.state, found.registered, found.reading.time_trusted) == ("trusted", True, True)


def test_a_timestamp_of_another_signature_is_not_valid(
    dated_sealer: Sealer, sealer: Sealer, verifier: Verifier, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    dated = dated_sealer.seal(video, tmp_path / "dated.mp4", facts())
    plain = sealer.seal(video, tmp_path / "plain.mp4", facts())
    signature = CoseSignature.find(plain.manifest)
    start = dated.manifest.rindex(b"\x63val\x59")
    length = int.from_bytes(dated.manifest[start + 5 : start + 7], "big")
    token = dated.manifest[start + 7 : start + 7 + length]
    copied = signature.with_timestamp(plain.manifest, token)
    seal: Seal = replace(plain, manifest=copied)
    found = verifier.verify(tmp_path / "plain.mp4", lookup={plain.sha256: seal}.get)
    assert not found.reading.time_trusted
    assert not found.reading.has_timestamp


def test_a_timestamp_is_added_once_and_only_to_a_manifest(
    dated_sealer: Sealer,
    timestamper: Timestamper,
    video: Path,
    facts: FactsMaker,
    tmp_path: Path,
) -> None:
    seal = dated_sealer.seal(video, tmp_path / "sealed.mp4", facts())
    with pytest.raises(TimestampMissing, match="has a timestamp"):
        timestamper.confirm_later(seal.manifest, sealed_at=seal.sealed_at)
    for wrong in (b"", b"no manifest", seal.manifest[:200], bytes(500)):
        with pytest.raises(MalformedManifest):
            CoseSignature.find(wrong)


def test_an_answer_under_another_root_is_refused(
    server: TimestampServer, tmp_path: Path, keys: KeyStore
) -> None:
    keys.signing()
    other = tmp_path / "other.pem"
    other.write_text(keys.anchors_pem)
    authority = type(server.authority).load(server.url, other)
    with pytest.raises(TimestampMissing, match="not valid"):
        authority.confirm(b"message")


def test_a_revoked_certificate_stays_trusted_only_for_files_with_an_older_confirmed_time(
    dated_sealer: Sealer,
    sealer: Sealer,
    keys: KeyStore,
    verifier: Verifier,
    video: Path,
    facts: FactsMaker,
    tmp_path: Path,
) -> None:
    dated, plain = tmp_path / "dated.mp4", tmp_path / "plain.mp4"
    dated_sealer.seal(video, dated, facts())
    sealer.seal(video, plain, facts())
    now = dt.datetime.now(dt.UTC)
    serial = keys.signing().serial
    keys.revocations.add(Revocation(serial=serial, since=now + dt.timedelta(hours=1)))
    assert verifier.verify(dated).state == "trusted"

    found = verifier.verify(plain)
    assert (found.state, found.signer) == ("valid", SignerTrust.UNKNOWN)
    assert found.video_id == ""
    assert "the certificate of the seal is revoked since" in found.answer
    keys.revocations.add(Revocation(serial=serial, since=now - dt.timedelta(hours=1)))
    assert verifier.verify(dated).state == "valid"


@dataclass(frozen=True, kw_only=True)
class AuthorityWithWrongClock:
    """Confirms what the other authority confirms, at another time."""

    authority: TimestampAuthority
    ahead: dt.timedelta

    @property
    def host(self) -> str:
        return self.authority.host

    def confirm(self, message: bytes) -> Timestamp:
        found = self.authority.confirm(message)
        return replace(found, at=found.at + self.ahead)


MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("ahead", "problem"),
    [
        (-120 * MINUTE, "certificate of the seal is not valid"),
        (dt.timedelta(days=20 * 366), "certificate of the seal is not valid"),
        (-30 * MINUTE, "before the file was sealed"),
        (30 * MINUTE, "in the future"),
        (-5 * MINUTE, None),
        (5 * MINUTE, None),
    ],
    ids=["before the certificate", "after the certificate", "before the seal", "future", "slow", "fast"],
)
def test_a_late_timestamp_with_an_impossible_time_is_not_stored(
    sealer: Sealer,
    sandbox: Sandbox,
    server: TimestampServer,
    video: Path,
    facts: FactsMaker,
    tmp_path: Path,
    ahead: dt.timedelta,
    problem: str | None,
) -> None:
    seal = sealer.seal(video, tmp_path / "sealed.mp4", facts())
    authority = AuthorityWithWrongClock(authority=server.authority, ahead=ahead)
    timestamper = Timestamper(sandbox=sandbox, authority=authority)  # type: ignore[arg-type]
    if problem is None:
        later = timestamper.confirm_later(seal.manifest, sealed_at=seal.sealed_at)
        assert CoseSignature.find(later.manifest).has_timestamp
        return
    with pytest.raises(TimestampMissing, match=problem):
        timestamper.confirm_later(seal.manifest, sealed_at=seal.sealed_at)
