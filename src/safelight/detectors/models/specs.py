"""Custom models in the settings: their kind, files, and categories."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from safelight.errors import SettingsError


class ModelKind(StrEnum):
    """How a model classifies."""

    #: Compares pictures with sentences: CLIP, SigLIP, SigLIP 2. Needs a calibration before its scores mean
    #: anything.
    ZERO_SHOT = "zero-shot"
    #: Maps a picture to the model's own labels.
    IMAGE = "image-classifier"
    #: Maps several frames together to the model's own labels.
    VIDEO = "video-classifier"


class Runtime(StrEnum):
    ONNX = "onnx"
    OPENVINO = "openvino"
    TORCH = "torch"


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table `[detectors.custom-models.models.NAME]`."""

    kind: ModelKind
    #: The folder with the weights; empty: the folder that `safelight models pull` made for this name.
    folder: str = ""
    #: Source for `pull`: `owner/name` at the hub, and the commit. Empty commit: the hub's `main` at the first
    #: pull, which is recorded and then required.
    repo: str = ""
    revision: str = ""
    runtime: Runtime = Runtime.TORCH
    #: auto: a GPU if the runtime finds one, otherwise the CPU.
    device: str = "auto"
    batch: int = 16
    timeout_s: float = 120.0
    #: Zero-shot: sentences by category, and harmless sentences to compare with.
    prompts: dict[str, list[str]] = {}
    negative_prompts: list[str] = []
    #: Classifiers: the model's labels mapped to our categories.
    labels: dict[str, str] = {}
    #: The file that `safelight models calibrate` wrote; empty: the file next to the model store.
    calibration: str = ""
    #: Lower scores are not reported.
    min_score: float = 0.3

    @property
    def categories(self) -> tuple[str, ...]:
        names = self.prompts if self.kind is ModelKind.ZERO_SHOT else set(self.labels.values())
        return tuple(sorted(names))

    @property
    def task_digest(self) -> str:
        """Digest of kind, prompts and labels. A calibration is valid for one digest."""
        task = json.dumps([self.kind, self.prompts, self.negative_prompts, self.labels], sort_keys=True)
        return hashlib.sha256(task.encode()).hexdigest()[:16]


class ConfiguredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A configured model with its name and its paths."""

    name: str
    spec: ModelSpec
    folder: Path
    calibration: Path


def read_models(options: Mapping[str, Any]) -> tuple[ConfiguredModel, ...]:
    """The models in the options of the detector `custom-models`. Raises `SettingsError` with the model's
    name.
    """
    store = Path(str(options.get("store", "models")))
    tables = options.get("models", {})
    if not isinstance(tables, Mapping):
        raise SettingsError("detectors.custom-models.models should be tables, one for each model.")
    return tuple(_read_model(str(name), table, store) for name, table in sorted(tables.items()))


def _read_model(name: str, table: Any, store: Path) -> ConfiguredModel:
    try:
        spec = msgspec.convert(table, ModelSpec)
    except msgspec.ValidationError as error:
        raise SettingsError(f"detectors.custom-models.models.{name}: {error}.") from None
    if not spec.categories:
        lacks = "prompts" if spec.kind is ModelKind.ZERO_SHOT else "labels"
        raise SettingsError(
            f"detectors.custom-models.models.{name}: it has no {lacks}, so it would find nothing."
        )
    if spec.kind is ModelKind.ZERO_SHOT and not spec.negative_prompts:
        raise SettingsError(
            f"detectors.custom-models.models.{name}: `negative_prompts` needs a harmless sentence."
        )
    if spec.kind is ModelKind.VIDEO and spec.runtime is not Runtime.TORCH:
        raise SettingsError(f"detectors.custom-models.models.{name}: video classifiers run on torch only.")
    return ConfiguredModel(
        name=name,
        spec=spec,
        folder=Path(spec.folder) if spec.folder else store / name,
        calibration=Path(spec.calibration) if spec.calibration else store / f"{name}.calibration.json",
    )
