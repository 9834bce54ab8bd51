from __future__ import annotations

import base64
import datetime as dt
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from safelight.errors import ConfigurationError
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


def anchors(store: KeyStore) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(store.anchors_pem.encode())


def test_the_keys_are_created_once_and_readable_only_by_the_owner(tmp_path: Path) -> None:
    first = KeyStore.own(tmp_path / "keys", organization="Films").signing()
    again = KeyStore.own(tmp_path / "keys", organization="Films").signing()
    assert first.fingerprint == again.fingerprint
    for path in (tmp_path / "keys").rglob("*.pem"):
        private = b"PRIVATE KEY" in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if private else 0o644)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_root_key_is_stored_apart_from_the_signing_key(tmp_path: Path) -> None:
    store = KeyStore.own(tmp_path, organization="Films")
    store.signing()
    holders = {
        str(path.relative_to(tmp_path)): path.read_bytes().count(b"PRIVATE KEY-----") // 2
        for path in tmp_path.rglob("*.pem")
        if b"PRIVATE KEY" in path.read_bytes()
    }
    assert holders == {"signing.pem": 1, "root/root.pem": 1}
    (tmp_path / "root" / "root.pem").unlink()
    KeyStore.own(tmp_path, organization="Films").signing()


def test_the_chain_verifies_and_meets_the_c2pa_profile(tmp_path: Path) -> None:
    store = KeyStore.own(tmp_path, organization="Films")
    chain = x509.load_pem_x509_certificates(store.signing().chain_pem.encode())
    leaf, root = chain
    leaf.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert [certificates.fingerprint(one) for one in anchors(store)] == [certificates.fingerprint(root)]
    assert store.signing().organization == "Films"


def test_a_claims_signature_is_es256_as_two_numbers(tmp_path: Path) -> None:
    key = KeyStore.own(tmp_path, organization="Films").signing()
    signature = key.sign_claim(CLAIM)
    public = key.certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    both = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    public.verify(encode_dss_signature(*both), CLAIM, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("data", [b"", b"hello", b"\x30\x82" + bytes(300), CLAIM + bytes(1 << 17)])
def test_the_key_signs_claims_and_nothing_else(data: bytes, tmp_path: Path) -> None:
    key = KeyStore.own(tmp_path, organization="Films").signing()
    with pytest.raises(ValueError, match="not the claim"):
        key.sign_claim(data)


def test_a_signing_key_is_renewed_before_its_year_is_over(tmp_path: Path) -> None:
    clock = Clock()
    store = KeyStore.own(tmp_path, organization="Films", clock=clock)
    first = store.signing()
    clock.now = START + dt.timedelta(days=300)
    assert store.signing().fingerprint == first.fingerprint
    clock.now = START + dt.timedelta(days=340)
    second = store.signing()
    assert second.fingerprint != first.fingerprint
    assert len(anchors(store)) == 1
    # What the first one signed can be checked for years to come.
    assert first.certificate.not_valid_after_utc > START + dt.timedelta(days=9 * 365)


def test_an_expired_signing_key_on_disk_is_replaced_at_start(tmp_path: Path) -> None:
    old = KeyStore.own(tmp_path, organization="Films", clock=Clock()).signing()
    later = Clock(START + dt.timedelta(days=800))
    assert KeyStore.own(tmp_path, organization="Films", clock=later).signing().fingerprint != old.fingerprint


def test_a_new_root_is_created_in_time_and_the_old_one_stays_trusted(tmp_path: Path) -> None:
    clock = Clock()
    store = KeyStore.own(tmp_path, organization="Films", clock=clock)
    store.signing()
    before = anchors(store)
    clock.now = START + dt.timedelta(days=11 * 365)
    leaf = store.signing().certificate
    assert leaf.not_valid_after_utc - clock.now > dt.timedelta(days=3000)
    assert len(anchors(store)) == 2
    assert before[0] in anchors(store)


def test_concurrent_starts_create_one_root(tmp_path: Path) -> None:
    stores = [KeyStore.own(tmp_path, organization="Films") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda store: store.signing(), stores))
    roots = {key.chain_pem.split("-----END CERTIFICATE-----")[1] for key in keys}
    assert len(roots) == 1
    assert len(anchors(stores[0])) == 1


def test_a_key_readable_by_others_is_refused(tmp_path: Path) -> None:
    KeyStore.own(tmp_path, organization="Films").signing()
    (tmp_path / "signing.pem").chmod(0o644)
    with pytest.raises(ConfigurationError, match="read by other users"):
        KeyStore.own(tmp_path, organization="Films").signing()


def test_a_key_that_others_can_read_still_has_its_serial_number(tmp_path: Path) -> None:
    serial = KeyStore.own(tmp_path, organization="Films").signing().serial
    (tmp_path / "signing.pem").chmod(0o644)
    store = KeyStore.own(tmp_path, organization="Films")
    assert store.current_serial == serial
    with pytest.raises(ConfigurationError) as caught:
        store.signing()
    assert f"safelight signing revoke {serial}" in (caught.value.remedy or "")
    assert store.rotate().serial != serial
    assert store.signing().serial == store.current_serial != serial


def test_the_serial_number_of_no_key_creates_none(tmp_path: Path) -> None:
    assert KeyStore.own(tmp_path, organization="Films").current_serial is None
    (tmp_path / "signing.pem").write_text("garbage")
    assert KeyStore.own(tmp_path, organization="Films").current_serial is None
    assert [path.name for path in tmp_path.iterdir()] == ["signing.pem"]


def test_a_damaged_key_file_is_reported_with_a_remedy(tmp_path: Path) -> None:
    KeyStore.own(tmp_path, organization="Films").signing()
    (tmp_path / "signing.pem").write_text("garbage")
    with pytest.raises(ConfigurationError) as error:
        KeyStore.own(tmp_path, organization="Films").signing()
    assert "signing.pem" in error.value.message
    assert error.value.remedy


def own_files(tmp_path: Path, issued: certificates.Issued, *above: x509.Certificate) -> tuple[Path, Path]:
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    key.write_bytes(certificates.key_pem(issued.key))
    chain.write_bytes(certificates.certificates_pem((issued.certificate, *above)))
    return key, chain


def test_an_operators_own_chain_is_used_unchanged(tmp_path: Path) -> None:
    root = certificates.issue_root("Studio", now=START)
    leaf = certificates.issue_leaf(root, "Studio", now=START)
    key, chain = own_files(tmp_path, leaf, root.certificate)
    store = KeyStore.configured(key=key, chain=chain, clock=Clock())
    assert store.signing().fingerprint == certificates.fingerprint(leaf.certificate)
    assert store.anchors_pem.encode() == certificates.certificates_pem((root.certificate,))


def test_an_operators_expired_certificate_cannot_seal(tmp_path: Path) -> None:
    root = certificates.issue_root("Studio", now=START)
    key, chain = own_files(tmp_path, certificates.issue_leaf(root, "Studio", now=START), root.certificate)
    clock = Clock()
    store = KeyStore.configured(key=key, chain=chain, clock=clock)
    clock.now = START + dt.timedelta(days=4000)
    with pytest.raises(ConfigurationError, match="expired on 2036"):
        store.signing()


def test_a_chain_that_readers_would_refuse_signs_nothing(tmp_path: Path) -> None:
    root = certificates.issue_root("Studio", now=START)
    leaf = certificates.issue_leaf(root, "Studio", now=START)
    stranger = certificates.issue_leaf(root, "Studio", now=START)
    other_root = certificates.issue_root("Other", now=START)
    mixed = certificates.Issued(key=stranger.key, certificate=leaf.certificate)

    def refusal(issued: certificates.Issued, *above: x509.Certificate, at: dt.datetime = START) -> str:
        key, chain = own_files(tmp_path, issued, *above)
        store = KeyStore.configured(key=key, chain=chain, clock=Clock(at))
        with pytest.raises(ConfigurationError) as error:
            store.signing()
        assert error.value.remedy
        return error.value.message

    assert "does not belong" in refusal(mixed, root.certificate)
    assert "self-signed" in refusal(root)
    assert "did not issue" in refusal(leaf, other_root.certificate)
    assert "expired on 2036" in refusal(leaf, root.certificate, at=START + dt.timedelta(days=4000))
    early = refusal(leaf, root.certificate, at=START - dt.timedelta(days=2))
    assert "not valid before 2026-11-20" in early
    assert "clock shows 2026-11-18" in early


def test_a_key_on_another_curve_is_refused(tmp_path: Path) -> None:
    root = certificates.issue_root("Studio", now=START)
    leaf = certificates.issue_leaf(root, "Studio", now=START)
    _, chain = own_files(tmp_path, leaf, root.certificate)
    key = tmp_path / "p384.pem"
    key.write_bytes(
        ec.generate_private_key(ec.SECP384R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(ConfigurationError, match="ES256"):
        KeyStore.configured(key=key, chain=chain, clock=Clock()).signing()


def test_a_certificate_for_something_else_is_refused(tmp_path: Path) -> None:
    root = certificates.issue_root("Studio", now=START)
    key = ec.generate_private_key(ec.SECP256R1())
    bare = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START + dt.timedelta(days=9))
        .sign(root.key, hashes.SHA256())
    )
    found = certificates.chain_problem(key, [bare, root.certificate])
    assert found is not None
    assert "lacks the extension" in found[0]


def test_a_missing_chain_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        KeyStore.configured(key=tmp_path / "key.pem", chain=tmp_path / "nowhere.pem")


@pytest.mark.parametrize("damaged", ["key", "chain"])
def test_a_damaged_file_of_the_operator_is_never_said_to_be_created(tmp_path: Path, damaged: str) -> None:
    root = certificates.issue_root("Studio", now=START)
    key, chain = own_files(tmp_path, certificates.issue_leaf(root, "Studio", now=START), root.certificate)
    (key if damaged == "key" else chain).write_text("garbage")
    with pytest.raises(ConfigurationError) as caught:
        KeyStore.configured(key=key, chain=chain, clock=Clock()).signing()
    assert "sealing.key" in (caught.value.remedy or "")
    assert "create" not in (caught.value.remedy or "")


@pytest.mark.parametrize("where", ["key", "certificate"])
def test_an_unknown_curve_prevents_no_verification(tmp_path: Path, where: str) -> None:
    root = certificates.issue_root("Studio", now=START)
    key, chain = own_files(tmp_path, certificates.issue_leaf(root, "Studio", now=START), root.certificate)
    if where == "key":
        der = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key.write_bytes(pem("PRIVATE KEY", with_unknown_curve(der)))
    else:
        first, *above = x509.load_pem_x509_certificates(chain.read_bytes())
        der = with_unknown_curve(first.public_bytes(serialization.Encoding.DER))
        chain.write_bytes(pem("CERTIFICATE", der) + certificates.certificates_pem(above))
    store = KeyStore.configured(key=key, chain=chain, clock=Clock())
    assert store.authority_roots_pem.encode() == certificates.certificates_pem((root.certificate,))
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
    root = certificates.issue_root("Studio", now=START)
    leaf = certificates.issue_leaf(root, "Studio", now=START)
    key, chain = own_files(tmp_path, leaf, root.certificate)
    serial = KeyStore.configured(key=key, chain=chain, clock=Clock()).signing().serial
    key.unlink()
    if damage != "missing":
        other = certificates.key_pem(certificates.issue_leaf(root, "Studio", now=START).key)
        key.write_bytes(b"garbage" if damage == "damaged" else other)
    store = KeyStore.configured(key=key, chain=chain, clock=Clock())
    assert store.has_signed_with(serial)
    assert store.current_serial == serial
    assert store.authority_roots_pem.encode() == certificates.certificates_pem((root.certificate,))
    store.revocations.add(Revocation(serial=serial, since=START))
    assert store.revocations.find(serial) is not None
    with pytest.raises(ConfigurationError):
        store.signing()
    key.write_bytes(certificates.key_pem(leaf.key))
    with pytest.raises(ConfigurationError, match="revoked"):
        store.signing()


def test_an_expired_certificate_still_recognizes_its_seals(tmp_path: Path) -> None:
    root = certificates.issue_root("Studio", now=START)
    leaf = certificates.issue_leaf(root, "Studio", now=START)
    key, chain = own_files(tmp_path, leaf, root.certificate)
    store = KeyStore.configured(key=key, chain=chain, clock=Clock(START + dt.timedelta(days=4000)))
    assert store.has_signed_with(str(leaf.certificate.serial_number))


def test_the_certificate_of_another_signer_in_a_wrong_chain_does_not_become_our_own(tmp_path: Path) -> None:
    root = certificates.issue_root("Studio", now=START)
    ours, others = (certificates.issue_leaf(root, name, now=START) for name in ("Studio", "Other"))
    key, chain = own_files(
        tmp_path, certificates.Issued(key=ours.key, certificate=others.certificate), root.certificate
    )
    store = KeyStore.configured(key=key, chain=chain, clock=Clock())
    assert not store.has_signed_with(str(others.certificate.serial_number))
    assert not list((tmp_path / "signers").glob("*"))


def test_our_own_roots_from_before_stay_our_own_beside_the_operators(tmp_path: Path) -> None:
    before = KeyStore.own(tmp_path / "keys", organization="Studio")
    before.signing()
    root = certificates.issue_root("Authority", now=START)
    key, chain = own_files(tmp_path, certificates.issue_leaf(root, "Studio", now=START), root.certificate)
    store = KeyStore.configured(key=key, chain=chain, folder=tmp_path / "keys", clock=Clock())
    assert store.own_roots_pem == before.own_roots_pem == before.anchors_pem
    assert store.authority_roots_pem.encode() == certificates.certificates_pem((root.certificate,))
    assert store.anchors_pem == store.own_roots_pem + store.authority_roots_pem


def test_an_authoritys_root_in_the_folder_of_our_roots_is_not_our_own(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    before = KeyStore.own(keys, organization="Studio")
    before.signing()
    own = before.own_roots_pem
    root = certificates.issue_root("Authority", now=START)
    anchors_file = keys / "anchors" / "x.pem"
    anchors_file.write_bytes(certificates.certificates_pem((root.certificate,)))
    key, chain = own_files(tmp_path, certificates.issue_leaf(root, "Studio", now=START), root.certificate)
    for anchors_setting in (anchors_file, None):
        store = KeyStore.configured(key=key, chain=chain, anchors=anchors_setting, folder=keys, clock=Clock())
        assert store.own_roots_pem == own
        assert store.authority_roots_pem.encode() == certificates.certificates_pem((root.certificate,))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"no certificate"], ids=["bytes", "empty", "text"])
def test_an_unreadable_file_beside_our_roots_is_left_out(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    store = KeyStore.own(tmp_path, organization="Films")
    store.signing()
    own = store.own_roots_pem
    (tmp_path / "anchors" / "zz.pem").write_bytes(content)
    assert store.own_roots_pem == own
    assert "zz.pem" in caplog.text


def test_keys_that_were_issued_while_the_clock_was_ahead_are_replaced_by_a_rotation(tmp_path: Path) -> None:
    clock = Clock(START + dt.timedelta(days=30))
    running = KeyStore.own(tmp_path, organization="Films", clock=clock)
    early = running.signing()
    clock.now = START
    for store in (running, KeyStore.own(tmp_path, organization="Films", clock=clock)):
        with pytest.raises(ConfigurationError, match="not valid before") as caught:
            store.signing()
        assert "safelight signing rotate" in (caught.value.remedy or "")
    rotating = KeyStore.own(tmp_path, organization="Films", clock=clock)
    with pytest.raises(ConfigurationError, match="not valid before"):
        rotating.rotate()
    assert len(anchors(rotating)) == 1
    rotating.rotate(replace_early_root=True)
    for store in (running, KeyStore.own(tmp_path, organization="Films", clock=clock)):
        chain = x509.load_pem_x509_certificates(store.signing().chain_pem.encode())
        assert all(one.not_valid_before_utc <= START for one in chain)
        assert store.signing().serial != early.serial
    assert len(anchors(running)) == 2  # what was sealed meanwhile becomes valid later
    clock.now = START + dt.timedelta(days=31)
    assert running.signing().serial == str(chain[0].serial_number)


@pytest.mark.parametrize("lost", ["", "signing.pem"])
def test_a_clock_that_is_behind_replaces_no_key(tmp_path: Path, lost: str) -> None:
    clock = Clock()
    first = KeyStore.own(tmp_path, organization="Films", clock=clock).signing()
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.pem") if path.name != lost}
    if lost:
        (tmp_path / lost).unlink()
    clock.now = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    store = KeyStore.own(tmp_path, organization="Films", clock=clock)
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
    store = KeyStore.own(tmp_path, organization="Films", clock=clock)
    first = store.signing()
    clock.now = START - dt.timedelta(days=1)
    with pytest.raises(ConfigurationError, match="not valid before"):
        store.signing()
    clock.now = START
    assert store.signing().serial == first.serial


def test_a_small_step_back_of_the_clock_replaces_no_key(tmp_path: Path) -> None:
    clock = Clock()
    store = KeyStore.own(tmp_path, organization="Films", clock=clock)
    first = store.signing()
    clock.now = START - dt.timedelta(minutes=50)
    assert store.signing().serial == first.serial


def test_a_rotated_key_is_used_at_once_by_a_store_that_is_open(tmp_path: Path) -> None:
    running = KeyStore.own(tmp_path, organization="Films")
    first = running.signing()
    second = KeyStore.own(tmp_path, organization="Films").rotate()
    assert first.serial != second.serial
    assert running.signing().serial == second.serial
    assert len(anchors(running)) == 1


def test_nothing_is_signed_with_a_revoked_certificate(tmp_path: Path) -> None:
    store = KeyStore.own(tmp_path, organization="Films")
    serial = store.signing().serial
    store.revocations.add(Revocation(serial=serial, since=START))
    with pytest.raises(ConfigurationError, match="revoked") as caught:
        store.signing()
    assert "rotate" in (caught.value.remedy or "")
    store.rotate()
    assert store.signing().serial != serial


def test_a_configured_key_is_not_rotated_here(tmp_path: Path) -> None:
    root = certificates.issue_root("Studio", now=START)
    key, chain = own_files(tmp_path, certificates.issue_leaf(root, "Studio", now=START), root.certificate)
    store = KeyStore.configured(key=key, chain=chain, clock=Clock())
    with pytest.raises(ConfigurationError, match="configured"):
        store.rotate()


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '[{"serial": "1"}]', '[{"serial":"1","since":"2026-01-01T00:00:00"}]']
)
def test_a_damaged_list_of_revoked_certificates_is_never_ignored(tmp_path: Path, content: str) -> None:
    path = tmp_path / "revoked.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="damaged"):
        RevocationList(path).find("1")


def test_signing_certificates_have_the_usage_of_c2pa_beside_email_protection(tmp_path: Path) -> None:
    leaf = KeyStore.own(tmp_path, organization="Films").signing().certificate
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {one.dotted_string for one in usages} == {"1.3.6.1.5.5.7.3.4", "1.3.6.1.4.1.62558.2.1"}
