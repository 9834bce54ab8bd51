"""Configured models with real runtimes, on graphs so small that their scores are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from safelight.detectors.models.plugins import HUB, CustomModelDetector
from safelight.detectors.models.process import ModelFailed, ModelProcess
from safelight.detectors.models.specs import read_models
from safelight.detectors.models.weights import Manifest, WeightsChanged, WeightsFile, hash_files, verify_files
from safelight.detectors.protocol import Keyframe, SceneInput
from safelight.detectors.registry import DetectorRegistry
from safelight.errors import InvalidField
from safelight.moderation.scene_detection import SceneDetection
from safelight.policy.findings import Coverage, FrameRange, Modality
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Sandbox
from safelight.scanning.model_calibration import LabelledImages, calibrated
from safelight.scanning.service import Scanner, ScannerOptions
from support import model_factories
from support.rows import each_row
from support.tiny_models import classifier, zero_shot

RED, GREEN, GREY = (220, 30, 20), (30, 200, 40), (120, 120, 120)
ZERO_SHOT = {
    "kind": "zero-shot",
    "runtime": "onnx",
    "prompts": {"violence/graphic": ["red", "a red room"]},
    "negative_prompts": ["green", "grey"],
}
CLASSIFIER = {"kind": "image-classifier", "runtime": "onnx", "labels": {"hot": "violence/graphic"}}


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
        assert HUB.missing(options) is None
        catalogue = DetectorRegistry([(HUB, options)])
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


def test_a_zero_shot_model_is_missing_before_its_calibration(tmp_path: Path) -> None:
    zero_shot(tmp_path / "models" / "gore")
    options = {"store": str(tmp_path / "models"), "models": {"gore": ZERO_SHOT}}
    assert "not calibrated" in str(HUB.missing(options))
    assert HUB.resolve_capabilities(options) == ()


def test_a_calibrated_model_fills_its_cells_with_its_figure(
    tmp_path: Path,
    sandbox: Sandbox,
    pictures: Path,
    onlookers: Callable[[dict[str, Any]], SceneDetection],
) -> None:
    zero_shot(tmp_path / "models" / "gore")
    options = {"store": str(tmp_path / "models"), "models": {"gore": ZERO_SHOT}}
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
    # Other prompts need another calibration, and so do other weights.
    asked_more = {**ZERO_SHOT, "negative_prompts": ["green", "grey", "blue"]}
    assert "changed since its calibration" in str(HUB.missing({**options, "models": {"gore": asked_more}}))
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
        assert HUB.missing(options) is not None
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


def test_weights_that_changed_since_the_pull_are_not_loaded(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "hot")
    manifest = Manifest(
        repo="a/b", revision="0" * 40, licence="mit", hub="h", pulled_at=1.0, files=hash_files(folder)
    )
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
    zero_shot(tmp_path / "models" / "gore")
    (named,) = read_models({"store": str(tmp_path / "models"), "models": {"gore": ZERO_SHOT}})
    for path in sorted((pictures / "none").iterdir())[:10]:
        path.unlink()
    data = LabelledImages.read(pictures, named.spec.categories)
    with pytest.raises(InvalidField, match="20 of each"):
        calibrated(named, data, Scanner(sandbox, (), ScannerOptions(warm_children=0)), now=1.0)
    (pictures / "rudeness").mkdir()
    with pytest.raises(InvalidField, match="not a category of this model"):
        LabelledImages.read(pictures, named.spec.categories)


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
