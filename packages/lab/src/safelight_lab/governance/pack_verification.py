"""Verifies an evidence pack: nothing of the installation is needed but, from elsewhere, its public key."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from safelight.accounts.audit import CheckpointKey, InclusionProof, verify_inclusion
from safelight.core.errors import BadInput, NotFound, SafelightError
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox

from .evidence_pack import ABOUT, DECISIONS, FORMAT, KEY, POLICY, PUBLISHED, SIGNATURE, SUMS, Publication
from .worker import NAME, read_pack

_READ = EntryPoint.of(read_pack)
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({NAME.pattern})")
_T = TypeVar("_T")


class InvalidPack(SafelightError):
    """A pack is not what its signature covers."""

    code = "invalid_pack"


class _Policy(msgspec.Struct):
    id: str
    tenant: str | None
    sha256: str
    #: At most the last second of the year 9999.
    published_at: Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]


class _About(msgspec.Struct):
    format: str
    made_at: str
    key: str
    policy: _Policy


class _Proofs(msgspec.Struct, rename={"published": PUBLISHED}):
    published: InclusionProof


class _Decisions(msgspec.Struct):
    proofs: _Proofs


@dataclass(frozen=True, kw_only=True)
class PackVerification:
    """What a valid pack is about, and who signed it."""

    policy: str
    version: int
    sha256: str
    published_at: float
    published_by: str
    made_at: str
    #: Fingerprint of the key: SHA-256 of the public key, hex.
    key: str
    #: Whether the key was given. Otherwise it is the pack's own, and says nothing about who signed.
    key_given: bool
    files: tuple[str, ...] = field(default=())


def open_pack(path: Path) -> dict[str, bytes]:
    """The files of a pack, read in a sandboxed child. Raises `NotFound` and `InvalidPack`."""
    if not path.is_file():
        raise NotFound(f"The file {path} does not exist.")
    sandbox = Sandbox()
    try:
        files: dict[str, bytes] = sandbox.run(_READ, {"path": str(path.absolute())}, reads=(path,))
    except BadInput as error:
        raise InvalidPack(error.message) from error
    finally:
        sandbox.close()
    return files


def verify_pack(files: Mapping[str, bytes], key: CheckpointKey | None) -> PackVerification:
    """Verify signature, hashes, policy and the proof of the log. Raises `InvalidPack` with what is wrong."""
    for name in (SUMS, SIGNATURE, KEY, ABOUT, POLICY, DECISIONS):
        if name not in files:
            raise InvalidPack(f"The pack has no {name}.")
    signer = key or _own_key(files[KEY])
    if not _is_signed(signer, files[SUMS], files[SIGNATURE]):
        whose = "the given key" if key else f"the key in {KEY}"
        raise InvalidPack(f"The signature of {SUMS} is not by {whose}.")
    _verify_hashes(files)
    about = _decode(files, ABOUT, _About)
    if about.format != FORMAT:
        raise InvalidPack(f"The pack has the format {about.format[:40]!r}; known: {FORMAT}.")
    if about.key != signer.fingerprint:
        raise InvalidPack(f"{ABOUT} names another key than the one that signed.")
    proof = _decode(files, DECISIONS, _Decisions).proofs.published
    return _read(DECISIONS, lambda: _verify_policy(files, about, proof, signer, given=key is not None))


def _decode(files: Mapping[str, bytes], name: str, kind: type[_T]) -> _T:
    return _read(name, lambda: msgspec.json.decode(files[name], type=kind))


def _read(name: str, read: Callable[[], _T]) -> _T:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return read()
    except (ValueError, TypeError, OverflowError, RecursionError, UnsupportedAlgorithm) as error:
        raise InvalidPack(f"{name} or what it names is not as a pack has it: {error}.") from error


def _own_key(pem: bytes) -> CheckpointKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public = _read(KEY, lambda: load_pem_public_key(pem))
    if not isinstance(public, Ed25519PublicKey):
        raise InvalidPack(f"{KEY} is not an Ed25519 key.")
    return CheckpointKey(None, public)


def _is_signed(key: CheckpointKey, data: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public = load_pem_public_key(key.public_pem)
    assert isinstance(public, Ed25519PublicKey)
    try:
        public.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _verify_hashes(files: Mapping[str, bytes]) -> None:
    listed: dict[str, str] = {}
    for line in files[SUMS].decode("utf-8", "replace").splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            raise InvalidPack(f"{SUMS} has a line that is no hash of a file: {line[:80]!r}.")
        listed[found[2]] = found[1]
    for name in sorted(listed.keys() | files.keys() - {SUMS, SIGNATURE}):
        if name not in files:
            raise InvalidPack(f"{name} is missing from the pack.")
        if name not in listed:
            raise InvalidPack(f"{name} is in the pack, but not in {SUMS}.")
        if hashlib.sha256(files[name]).hexdigest() != listed[name]:
            raise InvalidPack(f"{name} was changed after the pack was signed.")


def _verify_policy(
    files: Mapping[str, bytes], about: _About, proof: InclusionProof, key: CheckpointKey, *, given: bool
) -> PackVerification:
    """The policy is the one that the log has, and the log's checkpoint is signed by the same key."""
    policy = about.policy
    if not verify_inclusion(proof, key, tenant=policy.tenant, subject=policy.id):
        raise InvalidPack(f"The proof in {DECISIONS} does not show that the audit log has the publication.")
    logged = msgspec.json.decode(proof.contents[0].content, type=Publication)
    events = {one.event for one in proof.entries if one.seq == proof.contents[0].seq}
    sha256 = hashlib.sha256(files[POLICY]).hexdigest()
    if events != {PUBLISHED} or not sha256 == policy.sha256 == logged.sha256:
        raise InvalidPack(f"{POLICY} is not the policy that the audit log has.")
    return PackVerification(
        policy=logged.name,
        version=logged.version,
        sha256=sha256,
        published_at=policy.published_at,
        published_by=logged.published_by,
        made_at=about.made_at,
        key=key.fingerprint,
        key_given=given,
        files=tuple(sorted(files)),
    )
