"""Signed heads: where the log stood, said outside of the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from safelight import canonical_json
from safelight.errors import SettingsError
from safelight.fileio import append_line, write_once
from safelight.store.disk import storage_full
from safelight.store.object_store import open_store, translate_store_errors

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_FILE = "checkpoints.jsonl"
_PURPOSE = "safelight log head 1"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The log's last entry at a time, signed."""

    seq: int
    hash: str
    at: float
    #: Fingerprint of the key that signed.
    key: str
    #: Ed25519, hex, over the purpose and the fields above as canonical JSON.
    signature: str

    def signed(self) -> bytes:
        return _signed(self.seq, self.hash, self.at, self.key)


class CheckpointKey:
    """The key that signs heads: `audit.pem` and `audit.pub.pem` in the keys folder, made on first use.

    To verify, `audit.pub.pem` is enough; keep a copy of it away from the gateway.
    """

    def __init__(self, private: Ed25519PrivateKey | None, public: Ed25519PublicKey) -> None:
        self._private = private
        self._public = public

    @classmethod
    def load(cls, folder: Path) -> CheckpointKey:
        """The key in this folder, made where there is none."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        path = folder / "audit.pem"
        if not path.exists():
            fresh = Ed25519PrivateKey.generate()
            write_once(
                path,
                fresh.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ),
            )
        private = _read(path, lambda data: serialization.load_pem_private_key(data, password=None))
        if not isinstance(private, Ed25519PrivateKey):
            raise _unusable(path)
        key = cls(private, private.public_key())
        write_once(folder / "audit.pub.pem", key.public_pem, mode=0o644)
        return key

    @classmethod
    def public(cls, path: Path) -> CheckpointKey:
        """The public half alone: it verifies, and cannot sign."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        public = _read(path, serialization.load_pem_public_key)
        if not isinstance(public, Ed25519PublicKey):
            raise _unusable(path)
        return cls(None, public)

    @property
    def public_pem(self) -> bytes:
        from cryptography.hazmat.primitives import serialization

        return self._public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self._public.public_bytes_raw()).hexdigest()

    def sign(self, *, seq: int, hash: str, at: float) -> Checkpoint:  # noqa: A002
        if self._private is None:
            raise ValueError("a public key cannot sign")
        signature = self._private.sign(_signed(seq, hash, at, self.fingerprint))
        return Checkpoint(seq=seq, hash=hash, at=at, key=self.fingerprint, signature=signature.hex())

    def verify(self, head: Checkpoint) -> bool:
        """Whether this key signed this head."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._public.verify(bytes.fromhex(head.signature), head.signed())
        except (InvalidSignature, ValueError):
            return False
        return head.key == self.fingerprint


class Heads(Protocol):
    """A place outside the database that heads are added to."""

    def append(self, head: Checkpoint) -> None:
        """Add a head; it is on the disk, or at the other end, when this returns."""
        ...

    def read(self) -> Iterator[Checkpoint | str]:
        """All heads, oldest first; a sentence for each that cannot be read."""
        ...


class FileCheckpointStore:
    """`checkpoints.jsonl` in a folder: one line per head, only ever added to, by any number of processes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def append(self, head: Checkpoint) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            append_line(self._path, msgspec.json.encode(head), mode=0o666)
        except OSError as error:
            raise storage_full(error) or error from error

    def read(self) -> Iterator[Checkpoint | str]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parsed(line, f"Line {number} of {self._path.name}")


class ObjectCheckpointStore:
    """One object per head in a bucket or folder given by URL, best one that keeps what was written."""

    def __init__(self, url: str, *, options: Mapping[str, Any] | None = None) -> None:
        _, self._store = open_store(url, options or {})

    def append(self, head: Checkpoint) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        name = f"{head.seq:012d}-{head.hash[:16]}.json"
        with translate_store_errors(writing=True), suppress(AlreadyExistsError):
            obstore.put(self._store, name, msgspec.json.encode(head), mode="create")

    def read(self) -> Iterator[Checkpoint | str]:
        import obstore

        with translate_store_errors():
            names = sorted(item["path"] for page in obstore.list(self._store) for item in page)
            for name in names:
                yield _parsed(bytes(obstore.get(self._store, name).bytes()), f"The object {name}")


def _signed(seq: int, hash_: str, at: float, key: str) -> bytes:
    return canonical_json.encode([_PURPOSE, seq, hash_, repr(float(at)), key])


def _parsed(data: bytes, where: str) -> Checkpoint | str:
    try:
        return msgspec.json.decode(data, type=Checkpoint)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{where} is not a head."


def _read(path: Path, parse: Any) -> Any:
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(path) from error


def _unusable(path: Path) -> SettingsError:
    return SettingsError(
        f"{path} is not an Ed25519 key.",
        remedy="Restore it from a backup; without it the heads it signed cannot be checked.",
    )
