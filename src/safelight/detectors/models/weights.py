"""The files of a model on disk: what they are known by, and whether they are still what was pulled."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from safelight.errors import SafelightError
from safelight.fileio import sha256_file

MANIFEST = "safelight-manifest.json"
#: What we load. Pickled weights and code of a model's own are never taken, nor left beside what is.
SUFFIXES = (".json", ".txt", ".model", ".safetensors", ".onnx", ".onnx_data")


class WeightsChanged(SafelightError):
    """The files of a model are not the recorded ones."""

    code = "weights_changed"


class File(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was pulled, recorded when it was: nothing in it is known beforehand."""

    repo: str
    #: The commit the hub named.
    revision: str
    licence: str
    hub: str
    pulled_at: float
    files: tuple[File, ...]


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in a model's folder; None where it was put there by hand. Raises `WeightsChanged`."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise WeightsChanged(f"{path} cannot be read: {error}") from None


def files_in(folder: Path) -> tuple[File, ...]:
    """Every file of a model but the manifest, hashed; in the order of their paths."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name == MANIFEST:
            continue
        size, name = path.stat().st_size, path.relative_to(folder).as_posix()
        found.append(File(path=name, size=size, sha256=sha256_file(path)))
    return tuple(found)


def verify_files(folder: Path) -> str:
    """The identity of the weights: a hash over their files. Raises `WeightsChanged`.

    Where there is a manifest every file has to be as recorded, and nothing may have been added.
    """
    found = files_in(folder)
    if not found:
        raise WeightsChanged(
            f"{folder} holds no model.", remedy="Run `safelight models pull`, or name a folder."
        )
    manifest = read_manifest(folder)
    if manifest is not None and found != tuple(sorted(manifest.files, key=lambda file: file.path)):
        known = {file.path: file for file in manifest.files}
        odd = sorted(
            {file.path for file in found if known.get(file.path) != file}
            | (set(known) - {file.path for file in found})
        )
        raise WeightsChanged(
            f"{folder.name}: not as pulled: {', '.join(odd[:5])}.",
            remedy="Remove the folder and pull the model again.",
        )
    return hashlib.sha256(msgspec.json.encode(found)).hexdigest()
