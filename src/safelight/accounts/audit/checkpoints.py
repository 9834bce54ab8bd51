"""Signed checkpoints of the audit log. Each records the last entry at one time, outside the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from safelight.core import canonical_json
from safelight.core.disk import as_storage_full
from safelight.core.errors import SettingsError
from safelight.core.fileio import append_line, write_atomic, write_once
from safelight.core.object_store import open_object_store, translate_store_errors

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_FILE = "checkpoints.jsonl"
#: Part of the signed bytes, so that the signature cannot be used for another purpose.
_PURPOSE = "safelight audit checkpoint 1"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed record of which entry was the last of the audit log at the time `at`."""

    seq: int
    hash: str
    at: float
    #: Fingerprint of the signing key: SHA-256 of the public key, hex.
    key: str
    #: Ed25519 signature in hex. It covers the purpose and the fields above, as canonical JSON.
    signature: str

    def signed_bytes(self) -> bytes:
        """The bytes that the signature covers."""
        return _signed_bytes(self.seq, self.hash, self.at, self.key)


class CheckpointKey:
    """The key pair that signs checkpoints: `audit.pem` and `audit.pub.pem` in the keys folder.

    The key pair is created on first use. Verification needs only `audit.pub.pem`; keep a copy of that file on
    another machine.
    """

    def __init__(self, private: Ed25519PrivateKey | None, public: Ed25519PublicKey) -> None:
        self._private = private
        self._public = public

    @classmethod
    def load(cls, folder: Path) -> CheckpointKey:
        """The key pair in this folder. Created if the folder has none."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        path = folder / "audit.pem"
        if not path.exists():
            generated = Ed25519PrivateKey.generate()
            write_once(
                path,
                generated.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ),
            )
        private = _read(path, lambda data: serialization.load_pem_private_key(data, password=None))
        if not isinstance(private, Ed25519PrivateKey):
            raise _unusable(path)
        key = cls(private, private.public_key())
        key._write_public(folder / "audit.pub.pem")
        return key

    @classmethod
    def public(cls, path: Path) -> CheckpointKey:
        """The public key in this file. It can verify checkpoints but not sign them."""
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

    def _write_public(self, path: Path) -> None:
        """Write the public key for outside auditors.

        That of an earlier pair, whose private key was lost, is kept beside it: it verifies older checkpoints.
        """
        write_once(path, self.public_pem, mode=0o644)
        stored = path.read_bytes()
        if stored != self.public_pem:
            earlier = path.with_name(f"audit.pub.{hashlib.sha256(stored).hexdigest()[:16]}.pem")
            write_once(earlier, stored, mode=0o644)
            write_atomic(path, self.public_pem, mode=0o644)

    def sign_bytes(self, data: bytes) -> bytes:
        """The signature of other data, which must not begin with `[`, as the bytes of a checkpoint do."""
        if self._private is None:
            raise ValueError("a public key cannot sign")
        return self._private.sign(data)

    def sign(self, *, seq: int, hash: str, at: float) -> Checkpoint:  # noqa: A002
        signature = self.sign_bytes(_signed_bytes(seq, hash, at, self.fingerprint))
        return Checkpoint(seq=seq, hash=hash, at=at, key=self.fingerprint, signature=signature.hex())

    def verify(self, checkpoint: Checkpoint) -> bool:
        """Whether this key signed this checkpoint."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._public.verify(bytes.fromhex(checkpoint.signature), checkpoint.signed_bytes())
        except (InvalidSignature, ValueError):
            return False
        return checkpoint.key == self.fingerprint


class CheckpointStore(Protocol):
    """A place outside the database to which checkpoints are appended."""

    def append(self, checkpoint: Checkpoint) -> None:
        """Append a checkpoint. When this method returns, the checkpoint is stored durably."""
        ...

    def read(self) -> Iterator[Checkpoint | str]:
        """All checkpoints, oldest first. An unreadable checkpoint is replaced by an error message."""
        ...


class FileCheckpointStore:
    """Stores checkpoints in `checkpoints.jsonl`, one per line. Several processes may append to the file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def append(self, checkpoint: Checkpoint) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            append_line(self._path, msgspec.json.encode(checkpoint), mode=0o666)
        except OSError as error:
            raise as_storage_full(error) or error from error

    def read(self) -> Iterator[Checkpoint | str]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parse(line, f"Line {number} of {self._path.name}")


class ObjectCheckpointStore:
    """Stores each checkpoint as an object in a bucket or folder given by URL.

    Use a bucket with object lock if possible, because its objects cannot be deleted.
    """

    def __init__(self, url: str, *, options: Mapping[str, Any] | None = None) -> None:
        _, self._store = open_object_store(url, options or {})

    def append(self, checkpoint: Checkpoint) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        name = f"{checkpoint.seq:012d}-{checkpoint.hash[:16]}.json"
        with translate_store_errors(writing=True), suppress(AlreadyExistsError):
            obstore.put(self._store, name, msgspec.json.encode(checkpoint), mode="create")

    def read(self) -> Iterator[Checkpoint | str]:
        import obstore

        with translate_store_errors():
            names = sorted(item["path"] for page in obstore.list(self._store) for item in page)
            for name in names:
                yield _parse(bytes(obstore.get(self._store, name).bytes()), f"The object {name}")


def _signed_bytes(seq: int, hash_: str, at: float, key: str) -> bytes:
    return canonical_json.encode([_PURPOSE, seq, hash_, repr(float(at)), key])


def _parse(data: bytes, place: str) -> Checkpoint | str:
    try:
        return msgspec.json.decode(data, type=Checkpoint)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{place} is not a checkpoint."


def _read(path: Path, parse: Any) -> Any:
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(path) from error


def _unusable(path: Path) -> SettingsError:
    return SettingsError(
        f"{path} is not an Ed25519 key.",
        remedy="Restore the key from a backup. Without it, its checkpoints cannot be verified.",
    )
