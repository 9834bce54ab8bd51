"""The detector `custom-models`. It contains one scene detector for each model in the settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from safelight.core.errors import SafelightError
from safelight.detectors.protocol import (
    Capability,
    DetectorGroup,
    DetectorPlugin,
    Keyframe,
    RunLocation,
    SceneFinding,
    SceneInput,
)
from safelight.policy.findings import Basis, Finding, Modality
from safelight.sandbox.entrypoints import EntryPoint

from .calibration import Calibration, read_calibration
from .preprocessing import Pixels
from .process import ModelFailed, ModelProcess
from .runtimes import LoadedModel, load_runtime
from .specs import ConfiguredModel, ModelKind, ModelSpec, read_models
from .weights import verify_files

# Computes raw scores per category with a loaded model. This code runs in the model process.

# Runs a model on pictures in batches. Halves the batch size when memory runs out. Pure.

T = TypeVar("T")
R = TypeVar("R")

#: Parts of the error messages with which runtimes report that a batch was too large for the memory.
_OUT_OF_MEMORY_MESSAGES = ("out of memory", "failed to allocate", "bad_alloc", "cudaerrormemoryallocation")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a call failed because memory ran out, so that a smaller batch may succeed."""
    return isinstance(error, MemoryError) or any(
        message in str(error).lower() for message in _OUT_OF_MEMORY_MESSAGES
    )


def run_in_batches(items: Sequence[T], run: Callable[[Sequence[T]], Sequence[R]], *, size: int) -> list[R]:
    """Apply `run` to all items, at most `size` at a time; after an out-of-memory error the size is halved.

    Raises what `run` raises if a single item does not fit, or for any other error.
    """
    done: list[R] = []
    while len(done) < len(items):
        part = items[len(done) : len(done) + size]
        try:
            answers = run(part)
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            size = max(len(part) // 2, 1)
            continue
        if len(answers) != len(part):
            raise ValueError(f"the model returned {len(answers)} rows for {len(part)} pictures")
        done += answers
    return done


#: Cosines of different pictures differ only a little. This factor scales the differences to about 1.
_COSINE_SCALE = 100.0
_MIN_PROBABILITY = 1e-6


def load(options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make the function that answers requests of the form `{"keyframes": [...]}` with raw scores by
    category.

    The weights are verified first. Raises `WeightsChanged` if they differ from the downloaded weights.
    """
    folder, spec = Path(options["folder"]), msgspec.convert(options["spec"], ModelSpec)
    identity = verify_files(folder)
    scorer = Scorer(load_runtime(folder, spec), spec)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        keyframes = [Keyframe(**{**raw, "path": Path(raw["path"])}) for raw in request["keyframes"]]
        return {
            "weights": identity,
            "rows": scorer.score_images([keyframe.pixels() for keyframe in keyframes]),
        }

    return answer


class Scorer:
    """Computes raw scores of pictures.

    Zero-shot models: how much closer a picture is to a category's prompts than to the harmless prompts.
    Classifiers: the log-odds of the category's labels.
    """

    def __init__(self, model: LoadedModel, spec: ModelSpec) -> None:
        self._model, self._spec = model, spec
        if spec.kind is ModelKind.ZERO_SHOT:
            self._harmless = model.embed_texts(list(spec.negative_prompts))
            self._prompts = {name: model.embed_texts(list(texts)) for name, texts in spec.prompts.items()}
        else:
            missing = sorted(set(spec.labels) - set(model.labels))
            if missing:
                raise ValueError(f"the model has no label {missing[0]!r}; it has {', '.join(model.labels)}")

    def score_images(self, pictures: Sequence[Pixels]) -> list[dict[str, float]]:
        """Scores by category, one mapping per picture; a video classifier returns one for all pictures."""
        if self._spec.kind is ModelKind.VIDEO:
            return self._classify(list(pictures))
        run = self._compare_with_prompts if self._spec.kind is ModelKind.ZERO_SHOT else self._classify
        return run_in_batches(pictures, lambda part: run(list(part)), size=self._spec.batch)

    def _compare_with_prompts(self, pictures: list[Pixels]) -> list[dict[str, float]]:
        embeddings = self._model.embed_images(pictures)
        harmless = (embeddings @ self._harmless.T).max(axis=1)
        margins = {name: (embeddings @ rows.T).max(axis=1) - harmless for name, rows in self._prompts.items()}
        return [
            {name: float(_COSINE_SCALE * margin[place]) for name, margin in margins.items()}
            for place in range(len(pictures))
        ]

    def _classify(self, pictures: list[Pixels]) -> list[dict[str, float]]:
        probabilities = self._model.classify(pictures)
        rows = []
        for row in probabilities:
            by_category: dict[str, float] = {}
            for label, probability in zip(self._model.labels, row.tolist(), strict=True):
                if (category := self._spec.labels.get(label)) is not None:
                    by_category[category] = by_category.get(category, 0.0) + probability
            rows.append({name: _log_odds(total) for name, total in by_category.items()})
        return rows


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    return float(np.log(inside / (1 - inside)))


_NAME, VERSION = "custom-models", "1"
_NO_MODEL = (
    "No model is configured: safelight.toml needs [detectors.custom-models.models.NAME] with kind, folder "
    "and prompts or labels; see docs/extending.md."
)


class CustomModelDetector:
    """Scene detector for one configured model. Its model process starts and loads the weights on the first
    call.
    """

    remote = False

    def __init__(self, model: ConfiguredModel, calibration: Calibration | None) -> None:
        self.name = f"hub:{model.name}"
        self.version = f"{VERSION}+{model.spec.task_digest[:8]}"
        self.capabilities = capabilities(model, calibration)
        self._model, self._calibration = model, calibration
        self._process = make_process(model)

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]:
        """Findings for each keyframe; for a video classifier, findings about the whole scene. Raises
        `ModelFailed`.
        """
        rows = raw_scores(self._process, self._model, scene.keyframes, self._calibration)
        findings: list[SceneFinding] = []
        for index, row in enumerate(rows):
            for category, raw in sorted(row.items()):
                score = self._probability(category, raw)
                if score >= self._model.spec.min_score:
                    keyframe = None if self._model.spec.kind is ModelKind.VIDEO else index
                    findings.append(SceneFinding(finding=self._finding(category, score), keyframe=keyframe))
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
            attributes={"kind": self._model.spec.kind.value},
        )


def make_process(model: ConfiguredModel) -> ModelProcess:
    """The model process for this model; it starts on the first call."""
    options = {"folder": str(model.folder.absolute()), "spec": msgspec.to_builtins(model.spec)}
    return ModelProcess(EntryPoint.of(load), options)


def raw_scores(
    process: ModelProcess,
    model: ConfiguredModel,
    keyframes: Sequence[Keyframe],
    calibration: Calibration | None = None,
) -> list[dict[str, float]]:
    """Uncalibrated scores, one row per keyframe (one row in total for a video classifier).

    Raises `ModelFailed`, also if the weights differ from those that were calibrated.
    """
    answer = query_process(process, model, keyframes)
    if calibration is not None and answer["weights"] != calibration.weights:
        raise ModelFailed("The model's weights changed after the calibration; calibrate it again.")
    rows: list[dict[str, float]] = answer["rows"]
    wanted = 1 if model.spec.kind is ModelKind.VIDEO else len(keyframes)
    if len(rows) != wanted or not all(math.isfinite(raw) for row in rows for raw in row.values()):
        raise ModelFailed("The model returned something that is not a score.")
    return rows


def query_process(
    process: ModelProcess, model: ConfiguredModel, keyframes: Sequence[Keyframe]
) -> dict[str, Any]:
    """Send the keyframes to the model process and return its answer."""
    request = [
        {
            "frame": keyframe.frame,
            "start_s": keyframe.start_s,
            "end_s": keyframe.end_s,
            "path": str(keyframe.path),
            "width": keyframe.width,
            "height": keyframe.height,
        }
        for keyframe in keyframes
    ]
    return process.call({"keyframes": request}, timeout_s=model.spec.timeout_s)


def capabilities(model: ConfiguredModel, calibration: Calibration | None) -> tuple[Capability, ...]:
    """The cells that a model fills. A video classifier does not fill cells for single images."""
    places = (Modality.FRAMES,) if model.spec.kind is ModelKind.VIDEO else (Modality.IMAGE, Modality.FRAMES)
    return tuple(
        Capability(
            category=category,
            modality=modality,
            measured=None if calibration is None else calibration.curves[category].summary,
        )
        for category in model.spec.categories
        for modality in places
    )


def _why_unusable(model: ConfiguredModel) -> str | None:
    """One sentence with the reason why a model cannot be used; None if it can be used."""
    if not model.folder.is_dir():
        return f"The model {model.name!r} is not at {model.folder}; run: safelight models pull {model.name}."
    calibration = read_calibration(model.calibration)
    if calibration is None:
        if model.spec.kind is ModelKind.ZERO_SHOT:
            return (
                f"The model {model.name!r} is not calibrated, so its scores have no meaning yet; run:"
                f" safelight models calibrate {model.name} DIR."
            )
        return None
    if calibration.task_digest != model.spec.task_digest or set(calibration.curves) != set(
        model.spec.categories
    ):
        return (
            f"Prompts or labels of the model {model.name!r} changed since its calibration; calibrate again."
        )
    return None


def _why_none_usable(options: dict[str, Any]) -> str | None:
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


def _usable_models(options: dict[str, Any]) -> list[tuple[ConfiguredModel, Calibration | None]]:
    return [
        (model, read_calibration(model.calibration))
        for model in read_models(options)
        if _why_unusable(model) is None
    ]


def _load(options: dict[str, Any]) -> DetectorGroup:
    return DetectorGroup(_NAME, VERSION, (CustomModelDetector(*usable) for usable in _usable_models(options)))


def _claims(options: dict[str, Any]) -> tuple[Capability, ...]:
    return tuple(
        one for model, calibration in _usable_models(options) for one in capabilities(model, calibration)
    )


HUB = DetectorPlugin(
    name=_NAME,
    version=VERSION,
    location=RunLocation.SCENE,
    capabilities=(),
    load=_load,
    missing=_why_none_usable,
    configured_capabilities=_claims,
)
