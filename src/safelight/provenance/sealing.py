"""Sealing: sandboxed children mark the picture and write the manifest into the file; the gateway signs it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

import safelight
from safelight.core import disk
from safelight.core.errors import ConfigurationError, InvalidMedia, SandboxCrashed, SandboxFailed, Unavailable
from safelight.core.fileio import replace_durably, sha256_file
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.process import CallHooks
from safelight.media.sandbox.sandbox import Sandbox

from . import manifest, worker
from .fingerprints.clip_fingerprint import ClipFingerprint
from .keys import KeyStore, SigningKey, utc_now
from .manifest import Ingredient, SealFacts, SoftBinding, SourceType, TrainingUse
from .manifest_traces import has_manifest_traces
from .seal import NO_MARK, WATERMARK_ALGORITHM, Mark, MarkState, Seal, timestamp_facts
from .timestamp_authority import TimestampMissing
from .timestamping import Timestamper, replace_manifest
from .watermark.clip_marking import Obstacle
from .watermark_service import MarkOrder, NewMark, WatermarkService

_log = logging.getLogger(__name__)

_LIMITS = Limits(wall_s=300.0, cpu_s=300, memory_bytes=2 << 30, file_bytes=8 << 30, open_files=64)
#: Maximum number of bytes that a manifest adds to the file: its own, and that of each ingredient.
_ADDED, _ADDED_BY_INGREDIENT = 1 << 20, 4 << 20
#: Free space for a marked copy, as a multiple of its source. A copy that becomes larger than the disk is
#: found while it is written, and the video then waits for space.
_MARKED_GROWTH = 4
#: Maximum duration of one try to mark a clip, and the share of the remaining time that it may use. The rest
#: is for the signature, for reading the mark back, and for sealing without a mark.
_MAX_MARKING_S, _MARKING_SHARE = 1800.0, 0.5
#: Pause before a video looks again for a usable signing key. A person has to replace the key.
_KEY_RETRY_S = 30.0
_MARK_STATES = {Obstacle.FORMAT: MarkState.FORMAT, Obstacle.TIME: MarkState.NO_TIME}


@dataclass(frozen=True, kw_only=True)
class SealingTime:
    """The time that one seal has."""

    #: Seconds until the deadline of the video.
    left_s: Callable[[], float] = lambda: _MAX_MARKING_S / _MARKING_SHARE
    #: When this event is set, the child that marks is ended, and `seal` raises `SandboxFailed`.
    cancel: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, kw_only=True)
class SealingOptions:
    """What the operator decided about seals."""

    #: What manifests state about training on the files. None: nothing.
    training: TrainingUse | None = None
    #: Whether manifests name the checks that were made, not made and waived.
    names_checks: bool = False
    #: Confirms the time of each seal. None: the time is this machine's only.
    timestamper: Timestamper | None = None


class Sealer:
    """Seals files before delivery. Thread-safe."""

    def __init__(
        self,
        *,
        sandbox: Sandbox,
        keys: KeyStore,
        watermark: WatermarkService | None = None,
        options: SealingOptions | None = None,
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self._sandbox = sandbox
        self._keys = keys
        self._watermark = watermark
        self._options = options or SealingOptions()
        self._clock = clock

    def signing_key(self) -> SigningKey:
        """The key for the next seal. Raises `Unavailable` if its certificate is revoked, expired or damaged:
        a paid video waits for another key, and no new request is accepted.
        """
        try:
            return self._keys.signing()
        except ConfigurationError as error:
            _log.error("No file can be sealed: %s", error)
            raise Unavailable(
                "Videos cannot be sealed now, because this installation has no usable signing certificate.",
                retry_after_s=_KEY_RETRY_S,
                remedy="The operator finds the reason with: safelight signing check",
            ) from error

    def seal(self, source: Path, into: Path, facts: SealFacts, time: SealingTime | None = None) -> Seal:
        """Writes a sealed and verified copy of the MP4 `source` to `into`; if it fails, `into` is
        unchanged.

        With a watermark, the picture is encoded again. The mark is then read back from the sealed file. If
        it cannot be read, if marking fails, or if it would not end in time, the file is sealed without a
        mark, and the seal gives the reason. If the manifests of the ingredients prevent the seal, only their
        titles are kept.

        May be called again: each call replaces `into` with a file that has another hash. Raises
        `InvalidMedia`, `Unavailable` without a usable key or enough space, a `SandboxFailed`, or `ValueError`
        for facts that cannot be sealed.
        """
        self.signing_key()  # before the picture is marked, which takes minutes
        manifest.build(facts, version=safelight.__version__)  # facts that cannot be sealed end here
        options = self._options
        facts = replace(facts, training=options.training, names_checks=options.names_checks)
        source_sha256 = sha256_file(source)
        partial = into.with_name(f".{into.name}.{secrets.token_hex(8)}.partial")
        try:
            signed = self._with_timestamp(
                self._seal_marked(source, partial, facts, time or SealingTime()), partial
            )
            sha256 = sha256_file(partial)
            replace_durably(partial, into)
        finally:
            partial.unlink(missing_ok=True)
        return Seal(
            video_id=facts.video_id,
            sha256=sha256,
            source_sha256=source_sha256,
            sealed_at=self._clock(),
            manifest=signed.manifest,
            manifest_id=signed.manifest_id,
            facts={
                **signed.verdict,
                "certificate": signed.certificate,
                **signed.timestamp,
                **({"ingredients": "titles only"} if signed.has_titles_only else {}),
            },
            mark=signed.mark,
            fingerprint=signed.fingerprint,
        )

    def _with_timestamp(self, signed: _Signed, path: Path) -> _Signed:
        """Adds the time that the authority confirms to the signed file. Without an answer, the file stays as
        it is, and the seal gives the reason.
        """
        timestamper = self._options.timestamper
        if timestamper is None:
            return signed
        try:
            confirmed = timestamper.confirm(signed.manifest, self._keys.anchors_pem, path)
            replace_manifest(path, signed.manifest, confirmed.manifest)
        except TimestampMissing as missing:
            _log.warning("A file is sealed without a timestamp: %s", missing)
            return replace(signed, timestamp=timestamp_facts(timestamper.host, missing=str(missing)))
        found = timestamp_facts(timestamper.host, at=confirmed.at)
        return replace(signed, manifest=confirmed.manifest, timestamp=found)

    def fingerprint(self, path: Path) -> ClipFingerprint | None:
        """The fingerprint of a file that was sealed before; None if none can be made."""
        try:
            answer = self._sandbox.run(
                EntryPoint.of(worker.fingerprint),
                {"path": str(path.resolve())},
                reads=[path.resolve()],
                limits=_LIMITS,
            )
        except (SandboxFailed, InvalidMedia) as error:
            _log.error("The fingerprint of a file cannot be made: %s", error)
            return None
        return _fingerprint(answer)

    def archive_ingredient(self, ingredient: Ingredient, into: Path) -> bool:
        """Stores the manifest of a generator's file in `into`, before the file is converted and loses it.

        Returns False if the file has no manifest. The stored form is an `Ingredient` with `archived`.
        """
        if not has_manifest_traces(ingredient.path):
            return False
        try:
            kept: bool = self._sandbox.run(
                EntryPoint.of(worker.archive_ingredient),
                {
                    "path": str(ingredient.path.resolve()),
                    "into": str(into.resolve()),
                    "entry": _entry(ingredient),
                    "anchors": self._keys.anchors_pem,
                },
                reads=[ingredient.path.resolve()],
                writes=[into.resolve()],
                limits=_LIMITS,
            )
        except (SandboxFailed, InvalidMedia) as error:
            _log.warning("The manifest of %s cannot be kept: %s", ingredient.title, error)
            return False
        return kept

    def _seal_marked(self, source: Path, into: Path, facts: SealFacts, time: SealingTime) -> _Signed:
        """Marks the picture and signs it, with a second try at a higher strength; else without a mark."""
        if self._watermark is None:
            return self._sign_any(source, into, facts)
        state = MarkState.NOT_READABLE
        marked = into.with_name(f"{into.name}.marked")
        try:
            for is_retry in (False, True):
                order = MarkOrder(
                    mark=self._watermark.new_mark(),
                    is_retry=is_retry,
                    preview=facts.source_type is SourceType.ALGORITHMIC,
                    budget_s=min(_MARKING_SHARE * time.left_s(), _MAX_MARKING_S),
                    cancel=time.cancel,
                )
                disk.require_space(into.parent, _MARKED_GROWTH * source.stat().st_size)
                result = self._watermark.mark(source, marked, order)
                if result.obstacle is not None:
                    if not is_retry:
                        state = _MARK_STATES[result.obstacle]
                    break
                signed = self._sign_any(marked, into, facts, order.mark)
                if signed.has_titles_only:
                    facts = _with_titles_only(facts)
                if signed.mark.state is MarkState.READ_BACK:
                    return signed
                marked.unlink(missing_ok=True)
                if result.strength is None or not result.strength.can_be_stronger:
                    break
        except (SandboxFailed, InvalidMedia, ConfigurationError) as error:
            if time.cancel.is_set():
                raise
            # A child also ends like this on a full disk. Then the video waits for space.
            disk.require_space(into.parent)
            _log.error("Marking %s failed; it is sealed without a watermark: %s", facts.video_id, error)
            state = MarkState.FAILED
        finally:
            marked.unlink(missing_ok=True)
        return replace(self._sign_any(source, into, facts), mark=Mark(state=state))

    def _sign_any(self, source: Path, into: Path, facts: SealFacts, mark: NewMark | None = None) -> _Signed:
        """Signs the file. If that fails, signs it without the manifests of its ingredients: they come from
        clients and providers, and must not cost a paid video. A child that failed is tried twice, because the
        reason may be this machine.
        """
        if all(one.name_only for one in facts.ingredients):
            return self._sign(source, into, facts, mark)
        for is_retry in (False, True):
            try:
                return self._sign(source, into, facts, mark)
            except (InvalidMedia, SandboxFailed) as error:
                # A child also ends like this on a full disk. Then the video waits for space.
                disk.require_space(into.parent)
                if isinstance(error, SandboxFailed) and not is_retry:
                    _log.warning("%s is signed again: %s", facts.video_id, error)
                    continue
                _log.error("%s is sealed without the manifests of its ingredients: %s", facts.video_id, error)
                break
        return self._sign(source, into, _with_titles_only(facts), mark)

    def _sign(self, source: Path, into: Path, facts: SealFacts, new: NewMark | None = None) -> _Signed:
        mark = NO_MARK
        if new is not None:
            value = new.content_id.to_bytes(8, "big")
            binding = SoftBinding(alg=WATERMARK_ALGORITHM, value=base64.b64encode(value).decode())
            facts = replace(facts, soft_bindings=(*facts.soft_bindings, binding))
        definition = manifest.build(facts, version=safelight.__version__)
        disk.require_space(into.parent, _size_with_manifest(source, facts))
        key = self.signing_key()
        answer = self._sandbox.run(
            EntryPoint.of(worker.seal),
            {
                "manifest": json.dumps(definition),
                "ingredients": [
                    {
                        **_entry(one),
                        "path": str(one.path.resolve()),
                        "archived": one.archived,
                        "name_only": one.name_only,
                    }
                    for one in facts.ingredients
                ],
                "chain": key.chain_pem,
                "anchors": self._keys.anchors_pem,
                "source": str(source.resolve()),
                "into": str(into.resolve()),
                "seed": new.epoch.seed if new else None,
                "content_id": new.content_id if new else None,
            },
            reads=[source.resolve(), *(one.path.resolve() for one in facts.ingredients)],
            writes=[into.resolve()],
            limits=_LIMITS,
            hooks=CallHooks(signer=OneSignature(key.sign_claim)),
        )
        stored = _checked(answer)
        if new is not None and answer.get("content_id") == new.content_id:
            mark = Mark(
                state=MarkState.READ_BACK, content_id=f"{new.content_id:016x}", epoch=new.epoch.number
            )
        verdict = next(
            one["data"] for one in definition["assertions"] if one["label"] == manifest.VERDICT_LABEL
        )
        return _Signed(
            manifest=stored,
            manifest_id=str(answer["manifest_id"]),
            certificate=key.fingerprint,
            verdict=verdict,
            mark=mark,
            fingerprint=_fingerprint(answer.get("fingerprint")),
            has_titles_only=any(one.name_only for one in facts.ingredients),
        )


@dataclass(frozen=True, kw_only=True)
class _Signed:
    """A signed file."""

    manifest: bytes
    manifest_id: str
    certificate: str
    verdict: Mapping[str, Any]
    mark: Mark
    fingerprint: ClipFingerprint | None
    #: Whether the manifests of its ingredients are left out, because they prevented the seal.
    has_titles_only: bool = False
    #: The entry `timestamp` of the seal's facts; empty without an authority.
    timestamp: Mapping[str, Any] = field(default_factory=dict)


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


def _with_titles_only(facts: SealFacts) -> SealFacts:
    named = tuple(replace(one, archived=False, name_only=True) for one in facts.ingredients)
    return replace(facts, ingredients=named)


def _size_with_manifest(source: Path, facts: SealFacts) -> int:
    return source.stat().st_size + _ADDED + _ADDED_BY_INGREDIENT * len(facts.ingredients)


def _entry(ingredient: Ingredient) -> dict[str, str]:
    """The ingredient as the c2pa library expects it."""
    return {
        "label": ingredient.label,
        "title": ingredient.title,
        "relationship": ingredient.relationship.value,
    }


def _fingerprint(answer: Any) -> ClipFingerprint | None:
    try:
        return msgspec.convert(answer, ClipFingerprint | None)
    except msgspec.ValidationError as error:
        raise SandboxCrashed("The sandboxed child returned data of the wrong type.") from error


def _checked(answer: Any) -> bytes:
    if not isinstance(answer, dict) or answer.get("state") != "Trusted":
        raise SandboxCrashed("The sealed file does not verify under this installation's root.")
    stored = answer.get("manifest")
    if not isinstance(stored, bytes) or not stored:
        raise SandboxCrashed("The sandboxed child returned no manifest.")
    return stored
