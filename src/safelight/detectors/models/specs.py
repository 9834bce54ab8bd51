"""Custom models in the settings: their kind, files, and categories."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from safelight.core import yaml_loader
from safelight.core.errors import SettingsError


class ModelKind(StrEnum):
    """The method by which a model classifies."""

    #: Compares pictures with sentences: CLIP, SigLIP, SigLIP 2. The scores have no meaning before a
    #: calibration.
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
    """The table `[detectors.custom-models.models.NAME]` of the settings, for one model."""

    kind: ModelKind
    #: The folder with the weights. Empty: the folder into which `safelight models pull` downloads this model.
    folder: str = ""
    #: Source for `safelight models pull`. `repo` is `owner/name` on the hub, `revision` is the commit. With
    #: an empty `revision`, the first pull takes the newest commit of the branch `main` and records it; later
    #: pulls require the recorded commit.
    repo: str = ""
    revision: str = ""
    runtime: Runtime = Runtime.TORCH
    #: `auto`: a GPU if the runtime finds one, otherwise the CPU.
    device: str = "auto"
    batch: int = 16
    timeout_s: float = 120.0
    #: For zero-shot models: sentences by category, and harmless sentences to compare with. Without `prompts`,
    #: the shipped sentences of `sentences.yaml` are used.
    prompts: dict[str, list[str]] = {}
    negative_prompts: list[str] = []
    #: For classifiers: maps the model's labels to our categories.
    labels: dict[str, str] = {}
    #: The file that `safelight models calibrate` wrote. Empty: the file `NAME.calibration.json` in the model
    #: store.
    calibration: str = ""
    #: Findings with a lower score are not reported.
    min_score: float = 0.3

    @property
    def categories(self) -> tuple[str, ...]:
        names = self.prompts if self.kind is ModelKind.ZERO_SHOT else set(self.labels.values())
        return tuple(sorted(names))

    @property
    def task_digest(self) -> str:
        """Digest of kind, prompts and labels. A calibration is valid only for the digest with which it was
        made.
        """
        task = json.dumps([self.kind, self.prompts, self.negative_prompts, self.labels], sort_keys=True)
        return hashlib.sha256(task.encode()).hexdigest()[:16]


class _Sentences(msgspec.Struct, frozen=True, kw_only=True):
    shown: list[str]
    harmless: list[str]


class _ShippedSentences(msgspec.Struct, frozen=True, kw_only=True):
    harmless: list[str]
    categories: dict[str, _Sentences]


@cache
def _shipped_sentences() -> _ShippedSentences:
    text = files(__package__).joinpath("sentences.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml_loader.load(text), _ShippedSentences)


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
    try:
        spec = msgspec.convert(table, ModelSpec)
    except msgspec.ValidationError as error:
        raise SettingsError(f"detectors.custom-models.models.{name}: {error}.") from None
    if spec.kind is ModelKind.ZERO_SHOT and not spec.prompts:
        shipped = _shipped_sentences()
        opposites = [sentence for one in shipped.categories.values() for sentence in one.harmless]
        spec = msgspec.structs.replace(
            spec,
            prompts={category: one.shown for category, one in shipped.categories.items()},
            negative_prompts=[*shipped.harmless, *opposites, *spec.negative_prompts],
        )
    if not spec.categories:
        raise SettingsError(
            f"detectors.custom-models.models.{name}: it has no labels, so it would find nothing."
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
