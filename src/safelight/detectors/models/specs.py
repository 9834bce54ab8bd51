"""Which models an installation names, and what each is to look for: read from the settings."""

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
    """How a model is asked."""

    #: Pictures against sentences: CLIP, SigLIP, SigLIP 2. Says nothing before it is calibrated.
    ZERO_SHOT = "zero-shot"
    #: A picture to one of the model's own labels.
    IMAGE = "image-classifier"
    #: Some frames together to one of the model's own labels.
    VIDEO = "video-classifier"


class Runtime(StrEnum):
    ONNX = "onnx"
    OPENVINO = "openvino"
    TORCH = "torch"


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table `[detectors.custom-models.models.NAME]`."""

    kind: ModelKind
    #: The folder with the weights; empty: the one that `safelight models pull` made for this name.
    folder: str = ""
    #: Where `pull` gets it: `owner/name` at the hub, and the commit; empty: what the hub calls `main` at the
    #: first pull, which is recorded and held to from then on.
    repo: str = ""
    revision: str = ""
    runtime: Runtime = Runtime.TORCH
    #: auto: a GPU where the runtime finds one, else the CPU.
    device: str = "auto"
    batch: int = 16
    timeout_s: float = 120.0
    #: Zero-shot: sentences by category, and sentences for everything harmless.
    prompts: dict[str, list[str]] = {}
    negative_prompts: list[str] = []
    #: Classifiers: the model's labels to our categories.
    labels: dict[str, str] = {}
    #: The file that `safelight models calibrate` wrote; empty: the one beside the model store.
    calibration: str = ""
    #: Scores below are not reported.
    min_score: float = 0.3

    @property
    def categories(self) -> tuple[str, ...]:
        named = self.prompts if self.kind is ModelKind.ZERO_SHOT else set(self.labels.values())
        return tuple(sorted(named))

    @property
    def asked(self) -> str:
        """A digest of what the model is asked; a calibration holds for one of it."""
        what = json.dumps([self.kind, self.prompts, self.negative_prompts, self.labels], sort_keys=True)
        return hashlib.sha256(what.encode()).hexdigest()[:16]


class ModelTable(msgspec.Struct, frozen=True, kw_only=True):
    """A model with its name and its places on disk."""

    name: str
    spec: ModelSpec
    folder: Path
    calibration: Path


def read_models(options: Mapping[str, Any]) -> tuple[ModelTable, ...]:
    """The models in the options of the detector `custom-models`. Raises `SettingsError` naming the model."""
    store = Path(str(options.get("store", "models")))
    tables = options.get("models", {})
    if not isinstance(tables, Mapping):
        raise SettingsError("detectors.custom-models.models should be tables, one for each model.")
    return tuple(_named(str(name), table, store) for name, table in sorted(tables.items()))


def _named(name: str, table: Any, store: Path) -> ModelTable:
    try:
        spec = msgspec.convert(table, ModelSpec)
    except msgspec.ValidationError as error:
        raise SettingsError(f"detectors.custom-models.models.{name}: {error}.") from None
    if not spec.categories:
        lacks = "prompts" if spec.kind is ModelKind.ZERO_SHOT else "labels"
        raise SettingsError(
            f"detectors.custom-models.models.{name}: it has no {lacks}, so it would look for nothing."
        )
    if spec.kind is ModelKind.ZERO_SHOT and not spec.negative_prompts:
        raise SettingsError(
            f"detectors.custom-models.models.{name}: `negative_prompts` needs a harmless sentence."
        )
    if spec.kind is ModelKind.VIDEO and spec.runtime is not Runtime.TORCH:
        raise SettingsError(f"detectors.custom-models.models.{name}: video classifiers run on torch only.")
    return ModelTable(
        name=name,
        spec=spec,
        folder=Path(spec.folder) if spec.folder else store / name,
        calibration=Path(spec.calibration) if spec.calibration else store / f"{name}.calibration.json",
    )
