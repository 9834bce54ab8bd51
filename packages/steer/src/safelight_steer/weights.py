"""Loads a pipeline from a folder or a pinned hub repository: safetensors only, and no code of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .errors import UnsafeWeights

#: `owner/name@commit`. A branch or a tag can change under the same name, a commit cannot.
_PINNED = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")
#: Files that a component may have: weights, configuration, vocabularies, licences.
_COMPONENT_FILES = frozenset({".safetensors", ".json", ".txt", ".model", ".md", ".jinja", ""})
#: Libraries whose classes a pipeline may name. Any other entry would import code.
_LIBRARIES = frozenset({"diffusers", "transformers"})
#: The header of a safetensors file is limited to this by the format's own library, in bytes.
_MAX_HEADER = 100_000_000
_DOWNLOADED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")


def check_folder(folder: Path) -> str:
    """The name of the pipeline's class. Raises `UnsafeWeights` with the file and the reason."""
    index = _read_json(folder / "model_index.json")
    name = index.get("_class_name")
    if not isinstance(name, str):
        raise UnsafeWeights(f"{folder.name}/model_index.json names no pipeline class.")
    for component, entry in index.items():
        if component.startswith("_") or not isinstance(entry, list) or entry == [None, None]:
            continue
        if len(entry) != 2 or entry[0] not in _LIBRARIES:
            raise UnsafeWeights(
                f"model_index.json loads {component} from {entry[0]!r}; only classes of diffusers and "
                "transformers are loaded."
            )
        _check_component(folder, component)
    return name


def _check_component(folder: Path, component: str) -> None:
    place = folder / component
    if not re.fullmatch(r"[A-Za-z0-9_]+", component) or not place.is_dir():
        raise UnsafeWeights(f"The folder of the component {component!r} is missing.")
    for path in sorted(place.rglob("*")):
        if path.is_dir():
            continue
        shown = f"{component}/{path.relative_to(place)}"
        if path.suffix not in _COMPONENT_FILES:
            raise UnsafeWeights(
                f"{shown} is not a safetensors file or a configuration. Convert the weights to "
                "safetensors: other formats can run code when they are opened."
            )
        if path.suffix == ".safetensors" and not _is_safetensors(path):
            raise UnsafeWeights(f"{shown} has the name of a safetensors file and other content.")
        if path.name == "config.json" and "auto_map" in _read_json(path):
            raise UnsafeWeights(f"{shown} names code of the repository (auto_map).")
        if path.name.endswith(".index.json"):
            shards = _read_json(path).get("weight_map")
            files = set(shards.values()) if isinstance(shards, dict) else {""}
            if not all(
                isinstance(file, str) and re.fullmatch(r"[\w.-]+\.safetensors", file) for file in files
            ):
                raise UnsafeWeights(f"{shown} names parts that are not safetensors files.")


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    return len(start) == 9 and start[8:] == b"{" and length <= min(_MAX_HEADER, path.stat().st_size - 8)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnsafeWeights(f"{path.name} cannot be read: {type(error).__name__}.") from error
    if not isinstance(found, dict):
        raise UnsafeWeights(f"{path.name} is not an object.")
    return found


def find_folder(source: str) -> Path:
    """The folder of a source: a path, or `owner/name@commit`, which is downloaded."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    pinned = _PINNED.fullmatch(source)
    if pinned is None:
        raise UnsafeWeights(
            f"{source!r} is neither a folder nor a hub repository with a commit: owner/name@ and "
            "40 hexadecimal digits."
        )
    import huggingface_hub

    repository, revision = pinned.groups()
    return Path(
        huggingface_hub.snapshot_download(repository, revision=revision, allow_patterns=list(_DOWNLOADED))
    )


def load_pipeline(source: str, *, device: str, dtype: str) -> Any:
    """The loaded pipeline on its device. Raises `UnsafeWeights`."""
    import diffusers
    import torch

    folder = find_folder(source)
    name = check_folder(folder)
    found = getattr(diffusers, name, None)
    if not isinstance(found, type) or not issubclass(found, diffusers.DiffusionPipeline):
        raise UnsafeWeights(f"The installed diffusers has no pipeline {name!r}.")
    kind: Any = found
    pipeline = kind.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True, dtype=getattr(torch, dtype)
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)
