"""What the entry point names: the models that the settings configure, one scene detector each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from safelight.detectors.protocol import (
    Capability,
    DetectorPlugin,
    Keyframe,
    RunLocation,
    SceneFinding,
    SceneInput,
)
from safelight.errors import SafelightError
from safelight.policy.findings import Finding, Modality
from safelight.sandbox.entrypoints import EntryPoint

from . import scoring
from .calibration import Calibration, read_calibration
from .process import ModelFailed, ModelProcess
from .specs import ModelKind, ModelTable, read_models

VERSION = "1"
_SENTENCE = (
    "No model is configured: [detectors.custom-models.models.NAME] with kind, folder and prompts or labels;"
    " see docs/models.md."
)


class HubModel:
    """One configured model. Weights are loaded once, in a process of its own, when it is first asked."""

    remote = False

    def __init__(self, named: ModelTable, calibration: Calibration | None) -> None:
        self.name = f"hub:{named.name}"
        self.version = f"{VERSION}+{named.spec.asked[:8]}"
        self.capabilities = capabilities(named, calibration)
        self._named, self._calibration = named, calibration
        self._process = process_of(named)

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]:
        """Findings by still; of a video classifier, about the whole. Raises `ModelFailed`."""
        rows = raw_scores(self._process, self._named, scene.stills, self._calibration)
        seen: list[SceneFinding] = []
        for place, row in enumerate(rows):
            for category, raw in sorted(row.items()):
                score = self._probability(category, raw)
                if score >= self._named.spec.min_score:
                    still = None if self._named.spec.kind is ModelKind.VIDEO else place
                    seen.append(SceneFinding(finding=self._finding(category, score), still=still))
        return seen

    def close(self) -> None:
        """End its process, where there is one."""
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
            reason=f"The model {self._named.name!r} sees this.",
            attributes={"kind": self._named.spec.kind.value},
        )


class HubModels:
    """All configured models, each a detector of its own: where one fails, the others' cells stay whole."""

    name = "custom-models"
    version = VERSION
    remote = False

    def __init__(self, parts: Sequence[HubModel]) -> None:
        self.parts = tuple(parts)
        self.capabilities = tuple(one for part in parts for one in part.capabilities)

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]:
        return [seen for part in self.parts for seen in part.inspect_scene(scene)]


def process_of(named: ModelTable) -> ModelProcess:
    """The process that holds this model, not started yet."""
    options = {"folder": str(named.folder.absolute()), "spec": msgspec.to_builtins(named.spec)}
    return ModelProcess(EntryPoint.of(scoring.load), options)


def raw_scores(
    process: ModelProcess,
    named: ModelTable,
    stills: Sequence[Keyframe],
    calibration: Calibration | None = None,
) -> list[dict[str, float]]:
    """Uncalibrated scores, a row for each still. Raises `ModelFailed`, also for other weights."""
    answer = asked(process, named, stills)
    if calibration is not None and answer["weights"] != calibration.weights:
        raise ModelFailed("The model is not the one that was calibrated; calibrate it again.")
    rows: list[dict[str, float]] = answer["rows"]
    wanted = 1 if named.spec.kind is ModelKind.VIDEO else len(stills)
    if len(rows) != wanted or not all(math.isfinite(raw) for row in rows for raw in row.values()):
        raise ModelFailed("The model answered with what is no score.")
    return rows


def asked(process: ModelProcess, named: ModelTable, stills: Sequence[Keyframe]) -> dict[str, Any]:
    """The answer of the model process about these stills."""
    request = [
        {
            "frame": still.frame,
            "start_s": still.start_s,
            "end_s": still.end_s,
            "path": str(still.path),
            "width": still.width,
            "height": still.height,
        }
        for still in stills
    ]
    return process.call({"stills": request}, timeout_s=named.spec.timeout_s)


def capabilities(named: ModelTable, calibration: Calibration | None) -> tuple[Capability, ...]:
    """The cells a model fills. A video classifier looks at no single picture."""
    places = (Modality.FRAMES,) if named.spec.kind is ModelKind.VIDEO else (Modality.IMAGE, Modality.FRAMES)
    return tuple(
        Capability(
            category=category,
            modality=modality,
            measured=None if calibration is None else calibration.curves[category].sentence,
        )
        for category in named.spec.categories
        for modality in places
    )


def _lacking(named: ModelTable) -> str | None:
    """Why a model cannot be used: one sentence."""
    if not named.folder.is_dir():
        return f"The model {named.name!r} is not at {named.folder}: safelight models pull {named.name}."
    calibration = read_calibration(named.calibration)
    if calibration is None:
        if named.spec.kind is ModelKind.ZERO_SHOT:
            return (
                f"The model {named.name!r} is not calibrated, and its scores mean nothing yet:"
                f" safelight models calibrate {named.name} DIR."
            )
        return None
    if calibration.asked != named.spec.asked or set(calibration.curves) != set(named.spec.categories):
        return f"The model {named.name!r} is asked something else than was calibrated: calibrate it again."
    return None


def _missing(options: dict[str, Any]) -> str | None:
    try:
        models = read_models(options)
        lacking = [sentence for named in models if (sentence := _lacking(named)) is not None]
    except SafelightError as error:
        return error.message
    if not models:
        return _SENTENCE
    # One that is not ready takes nothing from the others, which is why they are not all given up.
    return " ".join(lacking) if len(lacking) == len(models) else None


def _ready(options: dict[str, Any]) -> list[tuple[ModelTable, Calibration | None]]:
    return [
        (named, read_calibration(named.calibration))
        for named in read_models(options)
        if _lacking(named) is None
    ]


def _load(options: dict[str, Any]) -> HubModels:
    return HubModels([HubModel(named, calibration) for named, calibration in _ready(options)])


def _claims(options: dict[str, Any]) -> tuple[Capability, ...]:
    return tuple(one for named, calibration in _ready(options) for one in capabilities(named, calibration))


HUB = DetectorPlugin(
    name="custom-models",
    version=VERSION,
    place=RunLocation.SCENE,
    capabilities=(),
    load=_load,
    missing=_missing,
    claims=_claims,
)
