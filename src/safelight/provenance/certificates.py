"""X.509 certificates for C2PA: our own root, signing certificates, and validation of a chain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

ROOT_LIFE = dt.timedelta(days=20 * 365)
#: Validity of a signing certificate. It is longer than `LEAF_USE`, because without a trusted time stamp
#: readers reject a seal once its certificate has expired.
LEAF_LIFE = dt.timedelta(days=10 * 365)
LEAF_USE = dt.timedelta(days=365)
#: Tolerance for clock differences: a certificate is valid from one hour before its issue.
_EARLIER = dt.timedelta(hours=1)

#: C2PA's own extended key usage, for claim signing.
C2PA_USAGE = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
#: Allowed extended key usages: e-mail protection (accepted by every C2PA reader), document signing, and
#: C2PA's own.
ACCEPTED_USAGES = (
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ObjectIdentifier("1.3.6.1.5.5.7.3.36"),
    C2PA_USAGE,
)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A private key with its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def pem(self, *above: x509.Certificate) -> bytes:
        """Private key, certificate and issuing certificates (`above`) in one PEM text, so that they are
        always stored together.
        """
        return key_pem(self.key) + certificates_pem((self.certificate, *above))


def issue_root(organization: str, *, now: dt.datetime) -> Issued:
    """A new root: P-256, valid for `ROOT_LIFE`, may sign leaf certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(organization, f"{organization} root {now:%Y}")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Issued(key=key, certificate=certificate)


def issue_leaf(root: Issued, organization: str, *, now: dt.datetime) -> Issued:
    """A new signing certificate under `root`: used for `LEAF_USE`, valid for `LEAF_LIFE`."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(organization, f"{organization} seal {now:%Y-%m-%d}"))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(min(now + LEAF_LIFE, root.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, C2PA_USAGE]), critical=False
        )
        .add_extension(x509.PrivateKeyUsagePeriod(now - _EARLIER, now + LEAF_USE), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False
        )
        .sign(root.key, hashes.SHA256())
    )
    return Issued(key=key, certificate=certificate)


def not_after(certificate: x509.Certificate) -> dt.datetime:
    """The time until which this certificate may sign: the end of its key usage period, else of its
    validity.
    """
    try:
        period = certificate.extensions.get_extension_for_class(x509.PrivateKeyUsagePeriod).value
    except x509.ExtensionNotFound:
        return certificate.not_valid_after_utc
    if period.not_after is None:
        return certificate.not_valid_after_utc
    return period.not_after.replace(tzinfo=dt.UTC)


def chain_problem(key: object, chain: Sequence[x509.Certificate]) -> tuple[str, str] | None:
    """The reason why C2PA would reject this key and chain at any time, and the remedy; None if C2PA would
    accept them while the certificate is valid.

    `chain` starts with the signing certificate.
    """
    if not chain:
        return (
            "The certificate file contains no certificate.",
            "Provide the signing certificate and its issuers.",
        )
    leaf = chain[0]
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        return "The signing key is not an ES256 key.", "Use a key on the curve P-256 (prime256v1)."
    if key.public_key() != leaf.public_key():
        return (
            "The signing key does not belong to the first certificate.",
            "Put the signing certificate first, then those above it.",
        )
    if leaf.issuer == leaf.subject:
        return (
            "The signing certificate is self-signed, which C2PA readers reject.",
            "Have a root issue it, or remove the key settings: Safelight then creates its own root.",
        )
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            return (
                f"In the chain, {_common_name(upper)} did not issue {_common_name(lower)}.",
                "Order the file from the signing certificate upwards.",
            )
    return _missing_extension(leaf)


def early_problem(own: x509.Certificate, *, now: dt.datetime) -> tuple[str, str] | None:
    """Why this own certificate, or that of its root, cannot be used yet, and the remedy; None if it can."""
    if now >= own.not_valid_before_utc:
        return None
    return (
        f"The certificate is not valid before {own.not_valid_before_utc:%Y-%m-%d %H:%M} UTC; "
        f"this machine's clock shows {now:%Y-%m-%d %H:%M} UTC.",
        "Correct the clock. If it is correct, run: safelight signing rotate",
    )


def validity_problem(leaf: x509.Certificate, *, now: dt.datetime) -> tuple[str, str] | None:
    """Why nothing can be signed with this certificate now, and the remedy; None if it is valid."""
    if now < leaf.not_valid_before_utc:
        return (
            f"The signing certificate is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC; "
            f"this machine's clock shows {now:%Y-%m-%d %H:%M} UTC.",
            "Correct the clock, or wait.",
        )
    if now >= leaf.not_valid_after_utc:
        return (
            f"The signing certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d}; "
            f"this machine's clock shows {now:%Y-%m-%d}.",
            "Renew the certificate, or correct the clock.",
        )
    return None


def _missing_extension(leaf: x509.Certificate) -> tuple[str, str] | None:
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound as missing:
        return (
            f"The signing certificate lacks the extension {missing.oid.dotted_string}.",
            "C2PA requires key usage, extended key usage and the authority key identifier.",
        )
    if not usage.digital_signature or not any(accepted in usages for accepted in ACCEPTED_USAGES):
        return (
            "The signing certificate does not allow signing content.",
            "Have it issued with the key usage digitalSignature and the extended key usage emailProtection "
            f"or {C2PA_USAGE.dotted_string} (C2PA).",
        )
    return None


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificates_pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def fingerprint(certificate: x509.Certificate) -> str:
    """sha256 of the certificate, hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _name(organization: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _common_name(certificate: x509.Certificate) -> str:
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return f"“{found[0].value!s}”" if found else "a certificate without a name"


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
