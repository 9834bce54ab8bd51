"""Custom models in the settings: their labels, files, and categories."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from safelight.core.errors import SettingsError

#: Settings of models that were no ONNX classifiers, which Safelight no longer runs.
_REMOVED = frozenset({"kind", "negative_prompts", "prompts", "repo", "revision", "runtime"})


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[detectors.custom-models.models.NAME]` of the settings, for one model."""

    #: Maps the model's labels to our categories.
    labels: dict[str, str] = {}
    #: The folder with the model. Empty: the folder `NAME` in the model store.
    folder: str = ""
    #: `auto`: a GPU if ONNX Runtime finds one, otherwise the CPU.
    device: str = "auto"
    batch: int = 16
    timeout_s: float = 120.0
    #: The file that `safelight models calibrate` wrote. Empty: the file `NAME.calibration.json` in the model
    #: store.
    calibration: str = ""
    #: Findings with a lower score are not reported.
    min_score: float = 0.3

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.labels.values())))

    @property
    def task_digest(self) -> str:
        """Digest of the labels. A calibration is valid only for the digest with which it was made."""
        return hashlib.sha256(json.dumps(self.labels, sort_keys=True).encode()).hexdigest()[:16]


class ConfiguredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A configured model with its name and its paths."""

    name: str
    spec: ModelSpec
    folder: Path
    calibration: Path


def read_models(options: Mapping[str, Any]) -> tuple[ConfiguredModel, ...]:
    """The models in the options of the detector `custom-models`. Raises `SettingsError`, which names the
    model.
    """
    store = Path(str(options.get("store", "models")))
    tables = options.get("models", {})
    if not isinstance(tables, Mapping):
        raise SettingsError("detectors.custom-models.models should be tables, one for each model.")
    return tuple(_read_model(str(name), table, store) for name, table in sorted(tables.items()))


def _read_model(name: str, table: Any, store: Path) -> ConfiguredModel:
    if isinstance(table, Mapping) and (removed := ", ".join(sorted(_REMOVED & set(table)))):
        raise SettingsError(
            f"detectors.custom-models.models.{name}: removed settings: {removed}. Only ONNX classifiers of"
            " pictures run: convert the model to ONNX and delete these settings; see docs/extending.md."
        )
    try:
        spec = msgspec.convert(table, ModelSpec)
    except msgspec.ValidationError as error:
        raise SettingsError(f"detectors.custom-models.models.{name}: {error}.") from None
    if not spec.categories:
        raise SettingsError(
            f"detectors.custom-models.models.{name}: it has no labels, so it would find nothing."
        )
    return ConfiguredModel(
        name=name,
        spec=spec,
        folder=Path(spec.folder) if spec.folder else store / name,
        calibration=Path(spec.calibration) if spec.calibration else store / f"{name}.calibration.json",
    )
