"""The detector `custom-models`. It contains one scene detector for each model in the settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from safelight.core.errors import SafelightError
from safelight.detectors.protocol import (
    Capability,
    DetectorGroup,
    DetectorPlugin,
    Keyframe,
    PluginOptions,
    RunLocation,
    SceneFinding,
    SceneInput,
)
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.policy.findings import Basis, Finding, Modality

from .calibration import Calibration, read_calibration
from .classifier import Classifier
from .process import ModelFailed, ModelProcess
from .specs import ConfiguredModel, ModelSpec, read_models
from .weights import verify_files

_NAME, VERSION = "custom-models", "1"
_NO_MODEL = (
    "No model is configured: safelight.toml needs [detectors.custom-models.models.NAME] with folder and "
    "labels; see docs/extending.md."
)


def load(options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make the function that answers requests of the form `{"keyframes": [...]}` with raw scores by
    category.

    The weights are verified first. Raises `WeightsChanged` if they differ from the downloaded weights.
    """
    folder, spec = Path(options["folder"]), msgspec.convert(options["spec"], ModelSpec)
    identity = verify_files(folder)
    classifier = Classifier(folder, spec)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        keyframes = [Keyframe.from_json(raw) for raw in request["keyframes"]]
        return {
            "weights": identity,
            "rows": classifier.score_images([keyframe.pixels() for keyframe in keyframes]),
        }

    return answer


class CustomModelDetector:
    """Scene detector for one configured model. Its model process starts and loads the weights on the first
    call.
    """

    remote = False

    def __init__(self, model: ConfiguredModel, calibration: Calibration | None) -> None:
        self.name = f"model:{model.name}"
        self.version = f"{VERSION}+{model.spec.task_digest[:8]}"
        self.capabilities = capabilities(model, calibration)
        self._model, self._calibration = model, calibration
        self._process = make_process(model)

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]:
        """Findings for each keyframe. Raises `ModelFailed`."""
        answer = query_process(self._process, self._model, scene.keyframes)
        if self._calibration is not None and answer["weights"] != self._calibration.weights:
            raise ModelFailed("The model's weights changed after the calibration; calibrate it again.")
        findings: list[SceneFinding] = []
        for index, row in enumerate(answer["rows"]):
            for category, raw in sorted(row.items()):
                score = self._probability(category, raw)
                if score >= self._model.spec.min_score:
                    findings.append(SceneFinding(finding=self._finding(category, score), keyframe=index))
        return findings

    def close(self) -> None:
        """End the model process if it is running."""
        self._process.close()

    def _probability(self, category: str, raw: float) -> float:
        if self._calibration is not None:
            return self._calibration.curves[category].probability(raw)
        return 1 / (1 + math.exp(-raw))

    def _finding(self, category: str, score: float) -> Finding:
        return Finding(
            category=category,
            score=round(score, 4),
            modality=Modality.FRAMES,
            detector=self.name,
            version=self.version,
            basis=Basis.LEARNED,
            reason=f"The model {self._model.name!r} reports this category.",
        )


def make_process(model: ConfiguredModel) -> ModelProcess:
    """The model process for this model; it starts on the first call."""
    options = {"folder": str(model.folder.absolute()), "spec": msgspec.to_builtins(model.spec)}
    return ModelProcess(EntryPoint.of(load), options)


def query_process(
    process: ModelProcess, model: ConfiguredModel, keyframes: Sequence[Keyframe]
) -> dict[str, Any]:
    """The uncalibrated scores in `rows`, one row per keyframe, and the hash of the model in `weights`.

    Raises `ModelFailed`.
    """
    request = [keyframe.as_json() for keyframe in keyframes]
    answer = process.call({"keyframes": request}, timeout_s=model.spec.timeout_s)
    if not all(math.isfinite(raw) for row in answer["rows"] for raw in row.values()):
        raise ModelFailed("The model returned something that is not a score.")
    return answer


def capabilities(model: ConfiguredModel, calibration: Calibration | None) -> tuple[Capability, ...]:
    """The cells that a model fills."""
    return tuple(
        Capability(
            category=category,
            modality=modality,
            measured=None if calibration is None else calibration.curves[category].summary,
        )
        for category in model.spec.categories
        for modality in (Modality.IMAGE, Modality.FRAMES)
    )


def _why_unusable(model: ConfiguredModel) -> str | None:
    """One sentence with the reason why a model cannot be used; None if it can be used."""
    if not model.folder.is_dir():
        return f"The model {model.name!r} is not at {model.folder}; copy it there as ONNX."
    calibration = read_calibration(model.calibration)
    if calibration is not None and (
        calibration.task_digest != model.spec.task_digest
        or set(calibration.curves) != set(model.spec.categories)
    ):
        return f"The labels of the model {model.name!r} changed since its calibration; calibrate again."
    return None


def _why_none_usable(options: PluginOptions) -> str | None:
    try:
        models = read_models(options)
        problems = [sentence for model in models if (sentence := _why_unusable(model)) is not None]
    except SafelightError as error:
        return error.message
    if not models:
        return _NO_MODEL
    # One model that is not ready must not disable the others. Problems are reported only if no model is
    # ready.
    return " ".join(problems) if len(problems) == len(models) else None


def _usable_models(options: PluginOptions) -> list[tuple[ConfiguredModel, Calibration | None]]:
    return [
        (model, read_calibration(model.calibration))
        for model in read_models(options)
        if _why_unusable(model) is None
    ]


def _load(options: PluginOptions) -> DetectorGroup:
    return DetectorGroup(_NAME, VERSION, (CustomModelDetector(*usable) for usable in _usable_models(options)))


def _claims(options: PluginOptions) -> tuple[Capability, ...]:
    return tuple(
        one for model, calibration in _usable_models(options) for one in capabilities(model, calibration)
    )


CUSTOM_MODELS = DetectorPlugin(
    name=_NAME,
    version=VERSION,
    location=RunLocation.SCENE,
    load=_load,
    missing=_why_none_usable,
    configured_capabilities=_claims,
)
