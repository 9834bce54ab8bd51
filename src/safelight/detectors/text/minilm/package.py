"""The MiniLM weights: where they are, and their tensors."""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.detectors.models.catalogue import MINILM, MODELS, find_model

TENSORS, TOKENIZER = "model.safetensors", "tokenizer.json"
#: sha256 of the weights file from which the graph was built when it was measured.
WEIGHTS_SHA256 = next(file.sha256 for file in MODELS[MINILM].files if file.path == TENSORS)
NOT_INSTALLED = "The MiniLM weights are not installed; run: safelight models pull minilm"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The files of the model."""

    tensors: Path
    tokenizer: Path


def find_weights(store: Path | None = None) -> Weights | None:
    """The weights in the folder of models, or shared; None if they are missing. Does not read the files."""
    folder = find_model(MINILM, store)
    return Weights(tensors=folder / TENSORS, tokenizer=folder / TOKENIZER) if folder else None


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
