"""Sealing: a sandboxed child writes the manifest into a finished file; the gateway signs it."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safelight
from safelight.errors import SandboxCrashed
from safelight.fileio import replace_durably, sha256_file
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import CallHooks, Limits, Sandbox
from safelight.store import disk

from . import manifest, worker
from .keys import KeyStore
from .manifest import SealFacts
from .seal import Seal

_LIMITS = Limits(wall_s=300.0, cpu_s=300, memory_bytes=2 << 30, file_bytes=8 << 30, open_files=64)
#: Maximum number of bytes that a manifest adds to the file.
_ADDED = 1 << 20


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Sealer:
    """Seals files before delivery. Thread-safe."""

    def __init__(
        self, *, sandbox: Sandbox, keys: KeyStore, clock: Callable[[], dt.datetime] = _utc_now
    ) -> None:
        self._sandbox = sandbox
        self._keys = keys
        self._clock = clock

    @property
    def trust_anchor_pem(self) -> str:
        """All root certificates of this installation, for external verifiers. Creates one if there is
        none.
        """
        self._keys.signing()
        return self._keys.anchors_pem

    def seal(self, source: Path, into: Path, facts: SealFacts) -> Seal:
        """Writes a sealed and verified copy of the MP4 `source` to `into`; if it fails, `into` is
        unchanged.

        May be called again: each call replaces `into` with a file that has another hash. Raises
        `InvalidMedia`, `StorageFull`, a `SandboxFailed`, or `ValueError` for facts that cannot be sealed.
        """
        definition = manifest.build(facts, version=safelight.__version__)
        source_sha256 = sha256_file(source)
        disk.require_space(into.parent, source.stat().st_size + _ADDED)
        key = self._keys.signing()
        partial = into.with_name(f".{into.name}.{secrets.token_hex(8)}.partial")
        try:
            answer = self._sandbox.run(
                EntryPoint.of(worker.seal),
                {
                    "manifest": json.dumps(definition),
                    "chain": key.chain_pem,
                    "anchors": self._keys.anchors_pem,
                    "source": str(source.resolve()),
                    "into": str(partial.resolve()),
                },
                reads=[source.resolve()],
                writes=[partial.resolve()],
                limits=_LIMITS,
                hooks=CallHooks(signer=OneSignature(key.sign_claim)),
            )
            stored = _checked(answer)
            sha256 = sha256_file(partial)
            replace_durably(partial, into)
        finally:
            partial.unlink(missing_ok=True)
        verdict = next(
            one["data"] for one in definition["assertions"] if one["label"] == manifest.VERDICT_LABEL
        )
        return Seal(
            video_id=facts.video_id,
            sha256=sha256,
            source_sha256=source_sha256,
            sealed_at=self._clock(),
            manifest=stored,
            facts={**verdict, "certificate": key.fingerprint},
        )


class OneSignature:
    """The signer of one seal. It signs one claim and refuses a second one, so that a compromised child
    cannot get another signature.
    """

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        self._sign = sign
        self._used = False

    def __call__(self, data: bytes) -> bytes:
        if self._used:
            raise SandboxCrashed("The sandboxed child asked for a second signature.")
        self._used = True
        try:
            return self._sign(data)
        except ValueError as error:
            raise SandboxCrashed(
                "The sandboxed child asked to sign something that is not a claim."
            ) from error


def _checked(answer: Any) -> bytes:
    if not isinstance(answer, dict) or answer.get("state") != "Trusted":
        raise SandboxCrashed("The sealed file does not verify under this installation's root.")
    stored = answer.get("manifest")
    if not isinstance(stored, bytes) or not stored:
        raise SandboxCrashed("The sandboxed child returned no manifest.")
    return stored
