"""Certificates of other authorities, and files that are signed with one that is not valid."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from c2pa import Builder, C2paSigningAlg, Context, Signer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from safelight.provenance import certificates
from safelight.provenance.certificates import Issued
from safelight.provenance.keys import KeyStore, SigningKey
from support.sidecars import DEFINITION

DAY = dt.timedelta(days=1)
#: Smallest serial number. All have the same length, because one certificate takes the place of another.
_SERIAL = 1 << 100
_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a certificate is for, and when it is valid, in days from now."""

    usages: Sequence[ObjectIdentifier] = (certificates.C2PA_USAGE,)
    begins: int = -1
    ends: int = 9


def issue(root: Issued, key: ec.EllipticCurvePrivateKey, terms: Terms) -> Issued:
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Elsewhere")])
    usage = x509.KeyUsage(**{one: one == "digital_signature" for one in _KEY_USAGES})
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(_SERIAL + secrets.randbits(100))
        .not_valid_before(now + terms.begins * DAY)
        .not_valid_after(now + terms.ends * DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(terms.usages), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False
        )
        .sign(root.key, hashes.SHA256())
    )
    return Issued(key=key, certificate=certificate)


def store_with(folder: Path, root: Issued, terms: Terms) -> KeyStore:
    """The key store of an operator who has such a certificate."""
    leaf = issue(root, ec.generate_private_key(ec.SECP256R1()), terms)
    key, chain = folder / "key.pem", folder / "chain.pem"
    key.write_bytes(certificates.key_pem(leaf.key))
    chain.write_bytes(certificates.certificates_pem((leaf.certificate, root.certificate)))
    return KeyStore.configured(key=key, chain=chain, folder=folder)


def sign_with(source: Path, into: Path, root: Issued, terms: Terms) -> Path:
    """A file of a program that signs with any certificate. The library refuses one that is not valid, so
    a valid one is replaced.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    valid = issue(root, key, Terms(usages=(ExtendedKeyUsageOID.EMAIL_PROTECTION,)))
    old = valid.certificate.public_bytes(serialization.Encoding.DER)
    new = issue(root, key, terms).certificate.public_bytes(serialization.Encoding.DER)
    while len(new) != len(old):  # the length of a signature differs by chance
        new = issue(root, key, terms).certificate.public_bytes(serialization.Encoding.DER)
    signing = SigningKey(valid, root.certificate)
    signer = Signer.from_callback(
        lambda claim: signing.sign_claim(claim.replace(old, new)),
        C2paSigningAlg.ES256,
        signing.chain_pem,
        None,
    )

    context = Context.from_dict({"verify": {"verify_after_sign": False}})
    with source.open("rb") as file, into.open("wb+") as signed:
        Builder.from_json(json.dumps(DEFINITION), context=context).sign(signer, "video/mp4", file, signed)
    data = into.read_bytes()
    assert data.count(old) == 1
    into.write_bytes(data.replace(old, new))
    return into
