"""Configured models with real runtimes, on graphs so small that their scores are known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from safelight.core.errors import InvalidField
from safelight.detectors.models.calibration import MAX_UNMEASURED_SCORE
from safelight.detectors.models.plugins import CUSTOM_MODELS, CustomModelDetector, make_process
from safelight.detectors.models.process import ModelFailed, ModelProcess
from safelight.detectors.models.specs import ConfiguredModel, read_models
from safelight.detectors.models.weights import Manifest, WeightsChanged, WeightsFile, hash_files, verify_files
from safelight.detectors.protocol import Keyframe, SceneInput
from safelight.detectors.registry import DetectorRegistry
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import Coverage, FrameRange, Modality
from safelight.screening.scanning.model_calibration import LabelledImages, calibrated
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight.screening.scene_detection import SceneDetection
from support import model_factories
from support.rows import each_row
from support.tiny_models import classifier

RED, GREEN, GREY = (220, 30, 20), (30, 200, 40), (120, 120, 120)
CLASSIFIER = {"labels": {"hot": "violence/graphic"}}


def still(folder: Path, number: int, colour: tuple[int, int, int]) -> Keyframe:
    pixels: npt.NDArray[np.uint8] = np.full((36, 64, 3), colour, np.uint8)
    path = folder / f"{number}.rgb"
    path.write_bytes(pixels.tobytes())
    return Keyframe(
        frame=number * 10, start_s=float(number), end_s=number + 0.1, path=path, width=64, height=36
    )


def scene(folder: Path, *colours: tuple[int, int, int]) -> SceneInput:
    stills = tuple(still(folder, number, colour) for number, colour in enumerate(colours))
    return SceneInput(modality=Modality.FRAMES, keyframes=stills, sampled_count=len(stills))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    from PIL import Image

    chance = np.random.default_rng(7)
    for name, colour in (("violence-graphic", RED), ("none", GREEN)):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for number in range(24):
            noise = chance.normal(0, 25, (24, 32, 3)) + np.asarray(colour)
            Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "data"


@pytest.fixture
def onlookers() -> Iterator[Callable[[dict[str, Any]], SceneDetection]]:
    made: list[Any] = []

    def load(options: dict[str, Any]) -> SceneDetection:
        assert CUSTOM_MODELS.missing(options) is None
        catalogue = DetectorRegistry([(CUSTOM_MODELS, options)])
        made.extend(catalogue.scene_detectors())
        return SceneDetection(detectors=catalogue.scene_detectors())

    yield load
    for one in made:
        if isinstance(one, CustomModelDetector):
            one.close()


def test_a_classifier_reports_its_configured_labels(
    tmp_path: Path, onlookers: Callable[[dict[str, Any]], SceneDetection]
) -> None:
    classifier(tmp_path / "models" / "hot")
    options = {"store": str(tmp_path / "models"), "models": {"hot": CLASSIFIER}}
    looked = onlookers(options).run_local(scene(tmp_path, GREEN, RED, RED, GREEN))
    (finding,) = looked.findings
    assert finding.category == "violence/graphic"
    assert finding.score > 0.9
    (where,) = [one for one in finding.evidence if isinstance(one, FrameRange)]
    assert (where.first, where.last) == (10, 20)
    (cell,) = looked.cells
    assert cell.complete
    assert cell.measured is None


def test_a_calibrated_model_fills_its_cells_with_its_figure(
    tmp_path: Path,
    sandbox: Sandbox,
    pictures: Path,
    onlookers: Callable[[dict[str, Any]], SceneDetection],
) -> None:
    classifier(tmp_path / "models" / "gore")
    options = {"store": str(tmp_path / "models"), "models": {"gore": CLASSIFIER}}
    (named,) = read_models(options)
    found = calibrated(
        named,
        LabelledImages.read(pictures, named.spec.categories),
        Scanner(sandbox, (), ScannerOptions(warm_children=0)),
        now=1.0,
    )
    curve = found.curves["violence/graphic"]
    assert (curve.positives, curve.negatives) == (12, 12)
    assert (curve.recall, curve.false_positives) == (1.0, 0.0)
    named.calibration.write_bytes(msgspec.json.encode(found))
    looked = onlookers(options).run_local(scene(tmp_path, GREEN, RED, GREY))
    (finding,) = [one for one in looked.findings if one.score > 0.5]
    assert finding.evidence[0].first == 10  # type: ignore[union-attr]
    cell = Coverage(cells=looked.cells).cell("violence/graphic", Modality.FRAMES)
    assert cell.complete
    assert "12 and 12 of the operator's own pictures" in str(cell.measured)
    # Other labels need another calibration, and so do other weights.
    more = {"labels": {"hot": "violence/graphic", "plain": "violence"}}
    assert "changed since its calibration" in str(
        CUSTOM_MODELS.missing({**options, "models": {"gore": more}})
    )
    (named.folder / "notes.txt").write_text("changed")
    (cell,) = onlookers(options).run_local(scene(tmp_path, RED)).cells
    assert not cell.ran
    assert "changed after the calibration" in cell.note


@each_row
def test_an_unusable_model_is_a_gap_or_missing(
    tmp_path: Path,
    table: dict[str, Any],
    said: str | None,
    onlookers: Callable[[dict[str, Any]], SceneDetection],
) -> None:
    if not (tmp_path / "models").exists():
        classifier(tmp_path / "models" / "hot")
    options = {"store": str(tmp_path / "models"), "models": {"hot": table}}
    if said is None:
        assert CUSTOM_MODELS.missing(options) is not None
        return
    looked = onlookers(options).run_local(scene(tmp_path, RED))
    assert looked.findings == ()
    assert all(not cell.ran and said in cell.note for cell in looked.cells)
    assert looked.cells


def test_a_failing_model_does_not_affect_another(
    tmp_path: Path, onlookers: Callable[[dict[str, Any]], SceneDetection]
) -> None:
    classifier(tmp_path / "models" / "good")
    broken = classifier(tmp_path / "models" / "broken")
    (broken / "model.onnx").write_bytes(b"no graph")
    broken_table = {**CLASSIFIER, "labels": {"hot": "violence"}}
    options = {"store": str(tmp_path / "models"), "models": {"good": CLASSIFIER, "broken": broken_table}}
    looked = onlookers(options).run_local(scene(tmp_path, RED))
    cells = {cell.category: cell.complete for cell in looked.cells}
    assert cells == {"violence": False, "violence/graphic": True}


def test_a_model_that_takes_a_minute_is_a_gap_after_its_time_limit(
    tmp_path: Path,
    onlookers: Callable[[dict[str, Any]], SceneDetection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classifier(tmp_path / "models" / "quick")
    classifier(tmp_path / "models" / "slow")
    table = {**CLASSIFIER, "labels": {"hot": "violence"}, "timeout_s": 0.5}
    options = {"store": str(tmp_path / "models"), "models": {"slow": table, "quick": CLASSIFIER}}

    def process(model: ConfiguredModel) -> ModelProcess:
        if model.name == "slow":
            return ModelProcess(EntryPoint.of(model_factories.slow), {})
        return make_process(model)

    monkeypatch.setattr("safelight.detectors.models.plugins.make_process", process)
    began = time.monotonic()
    looked = onlookers(options).run_local(scene(tmp_path, RED))
    assert time.monotonic() - began < 50
    assert [one.category for one in looked.findings] == ["violence/graphic"]
    late, quick = (
        Coverage(cells=looked.cells).cell(name, Modality.FRAMES) for name in ("violence", "violence/graphic")
    )
    assert quick.complete
    assert not late.ran
    assert "did not answer within 0.5 s" in late.note


def test_weights_that_changed_since_the_pull_are_not_loaded(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "hot")
    manifest = Manifest(repo="a/b", licence="mit", source="h", pulled_at=1.0, files=hash_files(folder))
    (folder / "safelight-manifest.json").write_bytes(msgspec.json.encode(manifest))
    assert len(verify_files(folder)) == 64
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(WeightsChanged, match=r"model\.onnx"):
        verify_files(folder)
    odd = msgspec.structs.replace(
        manifest, files=(*hash_files(folder), WeightsFile(path="x", size=1, sha256=""))
    )
    (folder / "safelight-manifest.json").write_bytes(msgspec.json.encode(odd))
    with pytest.raises(WeightsChanged, match="x"):
        verify_files(folder)


def test_too_few_pictures_are_refused_for_calibration(
    tmp_path: Path, sandbox: Sandbox, pictures: Path
) -> None:
    classifier(tmp_path / "models" / "gore")
    (named,) = read_models({"store": str(tmp_path / "models"), "models": {"gore": CLASSIFIER}})
    for path in sorted((pictures / "none").iterdir())[:10]:
        path.unlink()
    data = LabelledImages.read(pictures, named.spec.categories)
    with pytest.raises(InvalidField, match="20 of each"):
        calibrated(named, data, Scanner(sandbox, (), ScannerOptions(warm_children=0)), now=1.0)
    for path in (pictures / "violence-graphic").iterdir():
        path.unlink()
    data = LabelledImages.read(pictures, named.spec.categories)
    with pytest.raises(InvalidField, match="200 are needed"):
        calibrated(named, data, Scanner(sandbox, (), ScannerOptions(warm_children=0)), now=1.0)
    (pictures / "rudeness").mkdir()
    with pytest.raises(InvalidField, match="not a category of this model"):
        LabelledImages.read(pictures, named.spec.categories)


def harmless(folder: Path, *, count: int) -> Path:
    """Pictures of noise in every colour but red."""
    from PIL import Image

    chance = np.random.default_rng(11)
    (folder / "none").mkdir(parents=True)
    for number in range(count):
        colour = (chance.integers(40, 130), chance.integers(90, 255), chance.integers(60, 255))
        noise = chance.normal(0, 25, (24, 32, 3)) + np.asarray(colour)
        Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(folder / "none" / f"{number}.png")
    return folder


def test_a_model_is_calibrated_on_harmless_pictures_alone(
    tmp_path: Path,
    sandbox: Sandbox,
    onlookers: Callable[[dict[str, Any]], SceneDetection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each picture is decoded in a process of its own.
    monkeypatch.setattr("safelight.detectors.models.calibration.MIN_HARMLESS_IMAGES", 24)
    classifier(tmp_path / "models" / "gore")
    options = {"store": str(tmp_path / "models"), "models": {"gore": CLASSIFIER}}
    (named,) = read_models(options)
    data = LabelledImages.read(harmless(tmp_path / "data", count=24), named.spec.categories)
    found = calibrated(named, data, Scanner(sandbox, (), ScannerOptions(warm_children=0)), now=1.0)
    curve = found.curves["violence/graphic"]
    assert (curve.recall, curve.positives, curve.negatives) == (None, 0, 12)
    assert curve.probability(curve.threshold) == pytest.approx(0.5)
    named.calibration.write_bytes(msgspec.json.encode(found))
    looked = onlookers(options).run_local(scene(tmp_path, GREEN, RED, GREY))
    held = [one for one in looked.findings if one.score >= 0.5]
    # It is held and not blocked, although no harmless picture comes near it.
    assert [one.score for one in held] == [MAX_UNMEASURED_SCORE]
    assert held[0].evidence[0].first == 10  # type: ignore[union-attr]
    (cell,) = looked.cells
    assert "share found: not measured" in str(cell.measured)


def test_a_model_of_a_removed_kind_is_missing_and_the_reason_names_the_way(tmp_path: Path) -> None:
    table = {**CLASSIFIER, "runtime": "torch", "kind": "image-classifier"}
    reason = str(CUSTOM_MODELS.missing({"store": str(tmp_path), "models": {"mine": table}}))
    assert "models.mine: removed settings: kind, runtime" in reason
    assert "convert the model to ONNX" in reason


def test_a_model_process_that_hangs_or_dies_is_ended_and_started_again() -> None:
    process = ModelProcess(EntryPoint.of(model_factories.opened), {"answer": 42}, load_s=60.0)
    try:
        assert process.call({"do": "answer"}, timeout_s=20)["answer"] == 42
        with pytest.raises(ModelFailed, match="ValueError: no"):
            process.call({"do": "raise"}, timeout_s=20)
        with pytest.raises(ModelFailed, match="did not answer within"):
            process.call({"do": "hang"}, timeout_s=0.5)
        with pytest.raises(ModelFailed, match="process ended"):
            process.call({"do": "exit"}, timeout_s=20)
        # Its prints are not read as answers, and the new process loaded the model again.
        assert process.call({"do": "print"}, timeout_s=20)["calls"] == 1
    finally:
        process.close()
    with pytest.raises(ModelFailed, match="No module named"):
        ModelProcess(EntryPoint("tests_no_such_module", "opened"), {}).call({}, timeout_s=20)
