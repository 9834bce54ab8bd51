from __future__ import annotations

import base64
import datetime as dt
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from safelight.core.errors import ConfigurationError
from safelight.provenance import certificates
from safelight.provenance.keys import KeyStore
from safelight.provenance.revocations import Revocation, RevocationList

START = dt.datetime(2026, 11, 20, 7, tzinfo=dt.UTC)
CLAIM = b"\x84\x6aSignature1" + bytes(100)


class Clock:
    def __init__(self, now: dt.datetime = START) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now


#: The certificate of an operator, and the authority that issued it.
ROOT = certificates.issue_root("Studio", now=START)
LEAF = certificates.issue_leaf(ROOT, "Studio", now=START)
ROOT_PEM = certificates.certificates_pem((ROOT.certificate,)).decode()


def films(folder: Path, **options: Any) -> KeyStore:
    """A store that makes its own keys."""
    return KeyStore.own(folder, organization="Films", **options)


def configured(
    files: Path,
    issued: certificates.Issued = LEAF,
    above: x509.Certificate | None = ROOT.certificate,
    *,
    at: dt.datetime = START,
    **options: Any,
) -> KeyStore:
    """The store of an operator with this certificate, whose key and chain are written to the folder."""
    (files / "key.pem").write_bytes(certificates.key_pem(issued.key))
    chain = (issued.certificate, above) if above else (issued.certificate,)
    (files / "chain.pem").write_bytes(certificates.certificates_pem(chain))
    return reopened(files, at=at, **options)


def reopened(files: Path, *, at: dt.datetime = START, **options: Any) -> KeyStore:
    key, chain = files / "key.pem", files / "chain.pem"
    return KeyStore.configured(key=key, chain=chain, clock=Clock(at), **options)


def anchors(store: KeyStore) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(store.anchors_pem.encode())


def private_bytes(key: ec.EllipticCurvePrivateKey, encoding: serialization.Encoding) -> bytes:
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def test_the_keys_are_created_once_apart_from_each_other_and_readable_only_by_the_owner(
    tmp_path: Path,
) -> None:
    first = films(tmp_path / "keys").signing()
    assert films(tmp_path / "keys").signing().fingerprint == first.fingerprint
    holders = {}
    for path in (tmp_path / "keys").rglob("*.pem"):
        if keys := path.read_bytes().count(b"PRIVATE KEY-----") // 2:
            holders[str(path.relative_to(tmp_path))] = keys
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if keys else 0o644)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert holders == {"keys/signing.pem": 1, "keys/root/root.pem": 1}
    (tmp_path / "keys" / "root" / "root.pem").unlink()
    assert films(tmp_path / "keys").signing().fingerprint == first.fingerprint


def test_the_chain_verifies_and_meets_the_c2pa_profile(tmp_path: Path) -> None:
    store = films(tmp_path)
    chain = x509.load_pem_x509_certificates(store.signing().chain_pem.encode())
    leaf, root = chain
    leaf.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert [certificates.fingerprint(one) for one in anchors(store)] == [certificates.fingerprint(root)]
    assert store.signing().organization == "Films"
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {one.dotted_string for one in usages} == {"1.3.6.1.5.5.7.3.4", "1.3.6.1.4.1.62558.2.1"}


def test_a_claims_signature_is_es256_as_two_numbers(tmp_path: Path) -> None:
    key = films(tmp_path).signing()
    signature = key.sign_claim(CLAIM)
    public = key.certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    both = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    public.verify(encode_dss_signature(*both), CLAIM, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("data", [b"", b"hello", b"\x30\x82" + bytes(300), CLAIM + bytes(1 << 17)])
def test_the_key_signs_claims_and_nothing_else(data: bytes, tmp_path: Path) -> None:
    key = films(tmp_path).signing()
    with pytest.raises(ValueError, match="not the claim"):
        key.sign_claim(data)


def test_a_signing_key_is_renewed_before_its_year_is_over(tmp_path: Path) -> None:
    clock = Clock()
    store = films(tmp_path, clock=clock)
    first = store.signing()
    clock.now = START + dt.timedelta(days=300)
    assert store.signing().fingerprint == first.fingerprint
    clock.now = START + dt.timedelta(days=340)
    second = store.signing()
    assert second.fingerprint != first.fingerprint
    assert len(anchors(store)) == 1
    # What the first one signed can be checked for years to come.
    assert first.certificate.not_valid_after_utc > START + dt.timedelta(days=9 * 365)
    later = films(tmp_path, clock=Clock(START + dt.timedelta(days=800)))
    assert later.signing().fingerprint != second.fingerprint, "an expired key is replaced at start"


def test_a_new_root_is_created_in_time_and_the_old_one_stays_trusted(tmp_path: Path) -> None:
    clock = Clock()
    store = films(tmp_path, clock=clock)
    store.signing()
    before = anchors(store)
    clock.now = START + dt.timedelta(days=11 * 365)
    leaf = store.signing().certificate
    assert leaf.not_valid_after_utc - clock.now > dt.timedelta(days=3000)
    assert len(anchors(store)) == 2
    assert before[0] in anchors(store)


def test_concurrent_starts_create_one_root(tmp_path: Path) -> None:
    stores = [films(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda store: store.signing(), stores))
    roots = {key.chain_pem.split("-----END CERTIFICATE-----")[1] for key in keys}
    assert len(roots) == 1
    assert len(anchors(stores[0])) == 1


def test_a_key_that_others_can_read_still_has_its_serial_number(tmp_path: Path) -> None:
    serial = films(tmp_path).signing().serial
    (tmp_path / "signing.pem").chmod(0o644)
    store = films(tmp_path)
    assert store.current_serial == serial
    with pytest.raises(ConfigurationError, match="read by other users") as caught:
        store.signing()
    assert f"safelight signing revoke {serial}" in (caught.value.remedy or "")
    assert store.rotate().serial != serial
    assert store.signing().serial == store.current_serial != serial


def test_a_missing_or_damaged_key_has_no_serial_number_and_a_damaged_one_is_reported(tmp_path: Path) -> None:
    assert films(tmp_path).current_serial is None
    (tmp_path / "signing.pem").write_text("garbage")
    assert films(tmp_path).current_serial is None
    assert [path.name for path in tmp_path.iterdir()] == ["signing.pem"]
    with pytest.raises(ConfigurationError) as error:
        films(tmp_path).signing()
    assert "signing.pem" in error.value.message
    assert error.value.remedy


def test_an_operators_own_chain_is_used_unchanged_and_not_rotated(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"chain\.pem"):
        reopened(tmp_path)
    store = configured(tmp_path)
    assert store.signing().fingerprint == certificates.fingerprint(LEAF.certificate)
    assert store.anchors_pem == ROOT_PEM
    with pytest.raises(ConfigurationError, match="configured"):
        store.rotate()


def test_a_chain_that_readers_would_refuse_signs_nothing(tmp_path: Path) -> None:
    stranger = certificates.issue_leaf(ROOT, "Studio", now=START)
    mixed = certificates.Issued(key=stranger.key, certificate=LEAF.certificate)
    other_root = certificates.issue_root("Other", now=START).certificate

    def refusal(store: KeyStore) -> str:
        with pytest.raises(ConfigurationError) as error:
            store.signing()
        assert error.value.remedy
        return error.value.message

    assert "does not belong" in refusal(configured(tmp_path, mixed))
    assert "self-signed" in refusal(configured(tmp_path, ROOT, None))
    assert "did not issue" in refusal(configured(tmp_path, LEAF, other_root))
    early = refusal(configured(tmp_path, at=START - dt.timedelta(days=2)))
    assert "not valid before 2026-11-20" in early
    assert "clock shows 2026-11-18" in early
    expired = configured(tmp_path, at=START + dt.timedelta(days=4000))
    assert "expired on 2036" in refusal(expired)
    assert expired.has_signed_with(str(LEAF.certificate.serial_number))
    p384 = ec.generate_private_key(ec.SECP384R1())
    (tmp_path / "key.pem").write_bytes(private_bytes(p384, serialization.Encoding.PEM))
    assert "ES256" in refusal(reopened(tmp_path))


def test_a_certificate_for_something_else_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    bare = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(ROOT.certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START + dt.timedelta(days=9))
        .sign(ROOT.key, hashes.SHA256())
    )
    found = certificates.chain_problem(key, [bare, ROOT.certificate])
    assert found is not None
    assert "lacks the extension" in found[0]


@pytest.mark.parametrize("damaged", ["key.pem", "chain.pem"])
def test_a_damaged_file_of_the_operator_is_never_said_to_be_created(tmp_path: Path, damaged: str) -> None:
    configured(tmp_path)
    (tmp_path / damaged).write_text("garbage")
    with pytest.raises(ConfigurationError) as caught:
        reopened(tmp_path).signing()
    assert "sealing.key" in (caught.value.remedy or "")
    assert "create" not in (caught.value.remedy or "")


@pytest.mark.parametrize("where", ["key", "certificate"])
def test_an_unknown_curve_prevents_no_verification(tmp_path: Path, where: str) -> None:
    configured(tmp_path)
    if where == "key":
        der = private_bytes(ec.generate_private_key(ec.SECP256R1()), serialization.Encoding.DER)
        (tmp_path / "key.pem").write_bytes(pem("PRIVATE KEY", with_unknown_curve(der)))
    else:
        der = with_unknown_curve(LEAF.certificate.public_bytes(serialization.Encoding.DER))
        (tmp_path / "chain.pem").write_bytes(pem("CERTIFICATE", der) + ROOT_PEM.encode())
    store = reopened(tmp_path)
    assert store.authority_roots_pem == ROOT_PEM
    with pytest.raises(ConfigurationError):
        store.signing()


def with_unknown_curve(der: bytes) -> bytes:
    """The same structure; the curve P-256 is replaced by a curve that does not exist."""
    p256 = bytes.fromhex("06082a8648ce3d030107")
    assert p256 in der
    return der.replace(p256, p256[:-1] + b"\x7f")


def pem(label: str, der: bytes) -> bytes:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


@pytest.mark.parametrize("damage", ["missing", "damaged", "of another certificate"])
def test_a_key_that_cannot_sign_prevents_no_verification(tmp_path: Path, damage: str) -> None:
    serial, key = configured(tmp_path).signing().serial, tmp_path / "key.pem"
    key.unlink()
    if damage != "missing":
        other = certificates.key_pem(certificates.issue_leaf(ROOT, "Studio", now=START).key)
        key.write_bytes(b"garbage" if damage == "damaged" else other)
    store = reopened(tmp_path)
    assert store.has_signed_with(serial)
    assert store.current_serial == serial
    assert store.authority_roots_pem == ROOT_PEM
    store.revocations.add(Revocation(serial=serial, since=START))
    assert store.revocations.find(serial) is not None
    with pytest.raises(ConfigurationError):
        store.signing()
    key.write_bytes(certificates.key_pem(LEAF.key))
    with pytest.raises(ConfigurationError, match="revoked"):
        store.signing()


def test_the_certificate_of_another_signer_in_a_wrong_chain_does_not_become_our_own(tmp_path: Path) -> None:
    others = certificates.issue_leaf(ROOT, "Other", now=START).certificate
    store = configured(tmp_path, certificates.Issued(key=LEAF.key, certificate=others))
    assert not store.has_signed_with(str(others.serial_number))
    assert not list((tmp_path / "signers").glob("*"))


def test_our_own_roots_from_before_stay_our_own_and_the_operators_do_not_become_so(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    before = films(keys)
    before.signing()
    own = before.own_roots_pem
    store = configured(tmp_path, folder=keys)
    assert store.own_roots_pem == before.anchors_pem == own
    assert store.authority_roots_pem == ROOT_PEM
    assert store.anchors_pem == own + ROOT_PEM
    anchors_file = keys / "anchors" / "x.pem"
    anchors_file.write_text(ROOT_PEM)
    for anchors_setting in (anchors_file, None):
        store = reopened(tmp_path, anchors=anchors_setting, folder=keys)
        assert (store.own_roots_pem, store.authority_roots_pem) == (own, ROOT_PEM)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"no certificate"], ids=["bytes", "empty", "text"])
def test_an_unreadable_file_beside_our_roots_is_left_out(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    store = films(tmp_path)
    store.signing()
    own = store.own_roots_pem
    (tmp_path / "anchors" / "zz.pem").write_bytes(content)
    assert store.own_roots_pem == own
    assert "zz.pem" in caplog.text


def test_keys_that_were_issued_while_the_clock_was_ahead_are_replaced_by_a_rotation(tmp_path: Path) -> None:
    clock = Clock(START + dt.timedelta(days=30))
    running = films(tmp_path, clock=clock)
    early = running.signing()
    clock.now = START
    for store in (running, films(tmp_path, clock=clock)):
        with pytest.raises(ConfigurationError, match="not valid before") as caught:
            store.signing()
        assert "safelight signing rotate" in (caught.value.remedy or "")
    rotating = films(tmp_path, clock=clock)
    with pytest.raises(ConfigurationError, match="not valid before"):
        rotating.rotate()
    assert len(anchors(rotating)) == 1
    rotating.rotate(replace_early_root=True)
    for store in (running, films(tmp_path, clock=clock)):
        chain = x509.load_pem_x509_certificates(store.signing().chain_pem.encode())
        assert all(one.not_valid_before_utc <= START for one in chain)
        assert store.signing().serial != early.serial
    assert len(anchors(running)) == 2  # what was sealed meanwhile becomes valid later
    clock.now = START + dt.timedelta(days=31)
    assert running.signing().serial == str(chain[0].serial_number)


@pytest.mark.parametrize("lost", ["", "signing.pem"])
def test_a_clock_that_is_behind_replaces_no_key(tmp_path: Path, lost: str) -> None:
    clock = Clock()
    first = films(tmp_path, clock=clock).signing()
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.pem") if path.name != lost}
    if lost:
        (tmp_path / lost).unlink()
    clock.now = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    store = films(tmp_path, clock=clock)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="clock shows 1970-01-01") as caught:
            store.signing()
        assert "Correct the clock" in (caught.value.remedy or "")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.pem")} == files
    clock.now = START + dt.timedelta(days=1)
    assert (store.signing().serial == first.serial) is not bool(lost)
    assert len(anchors(store)) == 1


def test_a_key_that_is_in_use_waits_while_the_clock_is_behind(tmp_path: Path) -> None:
    clock = Clock()
    store = films(tmp_path, clock=clock)
    first = store.signing()
    clock.now = START - dt.timedelta(days=1)
    with pytest.raises(ConfigurationError, match="not valid before"):
        store.signing()
    for behind in (dt.timedelta(minutes=50), dt.timedelta()):
        clock.now = START - behind
        assert store.signing().serial == first.serial


def test_a_rotated_key_is_used_at_once_by_a_store_that_is_open(tmp_path: Path) -> None:
    running = films(tmp_path)
    first = running.signing()
    second = films(tmp_path).rotate()
    assert first.serial != second.serial
    assert running.signing().serial == second.serial
    assert len(anchors(running)) == 1


def test_nothing_is_signed_with_a_revoked_certificate(tmp_path: Path) -> None:
    store = films(tmp_path)
    serial = store.signing().serial
    store.revocations.add(Revocation(serial=serial, since=START))
    with pytest.raises(ConfigurationError, match="revoked") as caught:
        store.signing()
    assert "rotate" in (caught.value.remedy or "")
    store.rotate()
    assert store.signing().serial != serial


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '[{"serial": "1"}]', '[{"serial":"1","since":"2026-01-01T00:00:00"}]']
)
def test_a_damaged_list_of_revoked_certificates_is_never_ignored(tmp_path: Path, content: str) -> None:
    path = tmp_path / "revoked.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="damaged"):
        RevocationList(path).find("1")
