"""Seals files, reads manifests and marks in the sandboxed child, which has no key and no network."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from cryptography import x509

from safelight.core.errors import InvalidMedia
from safelight.media.sandbox.confinement import Limits

from .cose_signature import CoseSignature, MalformedManifest
from .manifest_traces import has_manifest_traces

if TYPE_CHECKING:
    from c2pa import Context, Reader

    from safelight.media.sandbox.child_main import ChildChannel

    from .fingerprints.clip_fingerprint import ClipFingerprint

#: What a child is asked, and what it says of a manifest: the fields of `models.ManifestReport`.
Argument: TypeAlias = dict[str, Any]
Report: TypeAlias = dict[str, Any]
#: Limits of a child that reads one file.
LIMITS = Limits(wall_s=120.0, cpu_s=120, memory_bytes=2 << 30, file_bytes=1 << 20, open_files=64)
#: Allowed key usages of an operator's certificate: e-mail protection, document signing, and C2PA's own.
_USAGES = "1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.36\n1.3.6.1.4.1.62558.2.1"
_MAX_TEXT_CHARACTERS = 500
_MAX_ENTRIES = 64
#: A manifest with a long history and thumbnails has 1 or 2 MB. Each descendant of a video contains it.
_MAX_INGREDIENT_BYTES = 4 << 20
_BRANDS = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
}
_RIFF = {b"AVI ": "video/avi", b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"\x1aE\xdf\xa3": "video/webm",
}
#: C2PA defines no place for a manifest in these; theirs is in a file of its own. Matroska is read as WebM.
_SIDECAR_ONLY = frozenset({"video/webm"})


def seal(argument: Argument, link: ChildChannel) -> Report:
    """Copies the MP4 at `source` to `into`, adds a manifest signed by the gateway, and validates the
    result. With a `seed`, the watermark is then read from the result.

    The manifests of ingredients are judged by our own roots only. If other roots were trusted here, a reader
    that has only ours would no longer trust the new manifest.
    """
    from c2pa import Builder, C2paError, C2paSigningAlg, Signer

    definition, archives = _with_ingredients(argument)
    context = _context(argument["anchors"])
    try:
        builder = Builder.from_json(json.dumps(definition), context=context)
        for archive in archives:
            builder.add_ingredient_from_archive(io.BytesIO(archive))
        signer = Signer.from_callback(link.sign, C2paSigningAlg.ES256, argument["chain"], None)
        with Path(argument["source"]).open("rb") as source, Path(argument["into"]).open("wb+") as into:
            manifest = builder.sign(signer, "video/mp4", source, into)
    except C2paError as error:
        raise InvalidMedia(f"The video cannot be sealed: {str(error)[:_MAX_TEXT_CHARACTERS]}.") from error
    with Path(argument["into"]).open("rb") as sealed:
        reader = _reader("video/mp4", sealed, None, context)
        state, store = reader.get_validation_state(), json.loads(reader.json())
    content_id, fingerprint = _mark_and_fingerprint(Path(argument["into"]), argument["seed"])
    return {
        "manifest": manifest,
        "manifest_id": _text(store.get("active_manifest")),
        "state": state,
        "content_id": content_id,
        "fingerprint": fingerprint,
    }


def fingerprint(argument: Argument, _link: ChildChannel) -> ClipFingerprint | None:
    """The fingerprint of the sealed file at `path`; None if none can be made."""
    return _mark_and_fingerprint(Path(argument["path"]), None)[1]


def _mark_and_fingerprint(path: Path, seed: bytes | None) -> tuple[int | None, ClipFingerprint | None]:
    """The id and the fingerprint of a sealed file. A clip of which no fingerprint can be made is delivered
    without one.
    """
    if seed is not None:
        from .read_back import read_back

        found = read_back(path, seed)
        return found.content_id, found.fingerprint
    from .fingerprints.fingerprinter import fingerprint_clip

    try:
        return None, fingerprint_clip(path)
    except Exception:  # of any library: a missing fingerprint must not cost a paid video
        return None, None


def _with_ingredients(argument: Argument) -> tuple[dict[str, Any], list[bytes]]:
    """The manifest definition, and the archives of the ingredients whose format can contain a manifest.

    The others, those that cannot be read, and those with `name_only` are named in the definition.
    """
    definition, archives = json.loads(argument["manifest"]), []
    for one in argument["ingredients"]:
        entry = {name: one[name] for name in ("label", "title", "relationship")}
        path = Path(one["path"])
        archive = None
        if one["archived"]:
            archive = path.read_bytes()
        elif not one["name_only"]:
            archive = _archive(path, entry, argument["anchors"])[0]
        if archive is not None:
            archives.append(archive)
        else:
            entry |= {"format": "application/octet-stream", "instance_id": f"xmp:iid:{uuid.uuid4()}"}
            definition.setdefault("ingredients", []).append(entry)
    return definition, archives


def archive_ingredient(argument: Argument, _link: ChildChannel) -> bool:
    """Writes the manifest of the file at `path` to `into`, as an ingredient for a later seal. Returns False
    if the file has no manifest.
    """
    archive, has_manifest = _archive(Path(argument["path"]), argument["entry"], argument["anchors"])
    if archive is None or not has_manifest:
        return False
    Path(argument["into"]).write_bytes(archive)
    return True


def _archive(path: Path, entry: dict[str, str], anchors: str) -> tuple[bytes | None, bool]:
    """The file at `path` as an ingredient with its manifest, and whether it has a manifest. None for a file
    that the library cannot read, and for a manifest that is too large to be passed on.
    """
    kind = media_type(path)
    if kind is None or kind in _SIDECAR_ONLY:
        return None, False
    from c2pa import Builder, C2paError

    builder = Builder.from_json(json.dumps({"claim_version": 2}), context=_context(anchors))
    stored = io.BytesIO()
    try:
        with path.open("rb") as file:
            builder.add_ingredient(entry, kind, file)
        builder.write_ingredient_archive(entry["label"], stored)
    except C2paError:
        return None, False
    archive = stored.getvalue()
    return (archive, has_manifest_traces(path)) if len(archive) <= _MAX_INGREDIENT_BYTES else (None, False)


class SignatureToConfirm(msgspec.Struct, frozen=True, kw_only=True):
    """The newest signature of a manifest store, for a timestamp authority."""

    #: The bytes whose time is confirmed.
    message: bytes
    #: The validity of the signing certificate.
    valid_from: dt.datetime
    valid_until: dt.datetime


def find_signature(argument: Argument, _link: ChildChannel) -> SignatureToConfirm:
    """The signature that a timestamp authority has to confirm."""
    signature = _signature(argument["manifest"])
    try:
        certificate = x509.load_der_x509_certificate(signature.certificate)
    except ValueError as error:
        raise InvalidMedia(str(error)) from error
    return SignatureToConfirm(
        message=signature.message,
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
    )


def add_timestamp(argument: Argument, _link: ChildChannel) -> bytes:
    """The manifest with a timestamp. With the `path` of its file, the library must still trust it."""
    manifest = argument["manifest"]
    try:
        changed = _signature(manifest).with_timestamp(manifest, argument["token"])
    except MalformedManifest as error:
        raise InvalidMedia(str(error)) from error
    if argument["path"] is None:
        return changed
    with Path(argument["path"]).open("rb") as file:
        report = _report(_reader("video/mp4", file, changed, _context(argument["anchors"])))
    if report["state"] != "trusted" or not report["has_timestamp"]:
        raise InvalidMedia("with the timestamp, the manifest is not valid")
    return changed


def _signature(manifest: bytes) -> CoseSignature:
    try:
        return CoseSignature.find(manifest)
    except MalformedManifest as error:
        raise InvalidMedia(str(error)) from error


def read(argument: Argument, _link: ChildChannel) -> Report:
    """Reads and validates the manifest of the file at `path`; see `models.ManifestReport`.

    `anchors` are tried in order until one makes the signature trusted. `manifest`, if given, is read instead
    of the one in the file, and `sidecar` if the file has none. `timestamp_anchors` are the roots of timestamp
    authorities.
    """
    found = _read(argument, argument.get("manifest"))
    sidecar = argument.get("sidecar")
    if sidecar and found["state"] == "absent" and found["media_type"]:
        return {**_read(argument, sidecar), "in_sidecar": True}
    return found


def _read(argument: Argument, manifest: bytes | None) -> Report:
    path = Path(argument["path"])
    kind = media_type(path)
    if kind is None or (kind in _SIDECAR_ONLY and not manifest):
        return {"state": "absent", "media_type": kind or "", "note": "format"}
    from c2pa import C2paError

    def report(anchors: str) -> Report:
        with path.open("rb") as file:
            return _report(_reader(kind, file, manifest, _context(anchors)))

    found: Report = {}
    try:
        for name, anchors in argument["anchors"]:
            found = report(anchors)
            if found["state"] == "trusted":
                found |= {"trusted_by": name}
                break
        if found["has_timestamp"] and argument["timestamp_anchors"]:
            # These roots are tried alone: they confirm times, and never who signed the content.
            found |= {"time_trusted": report(argument["timestamp_anchors"])["time_trusted"]}
    except C2paError as error:
        return {"media_type": kind, **_unread(str(error), path)}
    return {**found, "media_type": kind}


def _unread(problem: str, path: Path) -> dict[str, str]:
    """The result if the library cannot read a manifest. Its error message starts with the kind of error."""
    if problem.startswith("ManifestNotFound"):
        return {"state": "absent", "note": "none"}
    if problem.startswith("Remote"):
        return {"state": "absent", "note": "remote", "problem": problem[:_MAX_TEXT_CHARACTERS]}
    state = "invalid" if has_manifest_traces(path) else "unreadable"
    return {"state": state, "note": "damaged", "problem": problem[:_MAX_TEXT_CHARACTERS]}


def _context(anchors: str) -> Context:
    from c2pa import Context

    trust = {"trust_anchors": anchors} if anchors else {}
    return Context.from_dict(
        {
            "trust": {**trust, "trust_config": _USAGES},
            "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
            "builder": {"thumbnail": {"enabled": False}},
        }
    )


def _reader(kind: str, file: Any, manifest: bytes | None, context: Context) -> Reader:
    from c2pa import Reader

    return Reader(kind, file, manifest, context=context) if manifest else Reader(kind, file, context=context)


def _report(reader: Reader) -> Report:
    store = json.loads(reader.json())
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    signature = active.get("signature_info") or {}
    assertions = active.get("assertions") or []
    results = (store.get("validation_results") or {}).get("activeManifest") or {}
    # The action that made the content has a source type; the first action of an edited file has none.
    made = next((one for one in _actions(assertions) if one.get("digitalSourceType")), {})
    passed = {one.get("code") for one in results.get("success") or []}
    makers = active.get("claim_generator_info") or [{}]
    return {
        "state": str(store.get("validation_state", "invalid")).lower(),
        "issuer": _text(signature.get("issuer")),
        "common_name": _text(signature.get("common_name")),
        "serial": _text(signature.get("cert_serial_number")),
        "signed_at": _text(signature.get("time")),
        "has_timestamp": "timeStamp.validated" in passed,
        "time_trusted": "timeStamp.trusted" in passed,
        "generated_at": _text(made.get("when")),
        "source_type": _text(made.get("digitalSourceType")).rpartition("/")[2],
        "made_with": _text(makers[0].get("name")),
        "title": _text(active.get("title")),
        "assertions": [_text(one.get("label")) for one in assertions[:_MAX_ENTRIES]],
        "verdict": _verdict(assertions),
        "failures": [_text(one.get("code")) for one in (results.get("failure") or [])[:_MAX_ENTRIES]],
    }


def _actions(assertions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for assertion in assertions:
        if str(assertion.get("label")).startswith("c2pa.actions"):
            actions: list[dict[str, Any]] = (assertion.get("data") or {}).get("actions") or []
            return actions
    return []


def _verdict(assertions: list[dict[str, Any]]) -> dict[str, Any] | None:
    for assertion in assertions:
        if assertion.get("label") == "safelight.verdict" and isinstance(data := assertion.get("data"), dict):
            return data if len(json.dumps(data)) < 1 << 16 else None
    return None


def _text(value: object) -> str:
    return value[:_MAX_TEXT_CHARACTERS] if isinstance(value, str) else ""


def media_type(path: Path) -> str | None:
    """The media type, determined from the first bytes; None if the format cannot have a manifest."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
