from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from safelight.detectors.registry import GROUP, DetectorMissing, DetectorRegistry, FailedDetector, load_plugin
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import Cell, Modality
from support.rows import each_row

MODULE = """
from __future__ import annotations
from safelight.detectors.protocol import Capability, DetectorPlugin, RunLocation
from safelight.policy.findings import Modality

class Loaded:
    name, version = "good", "1"
    capabilities = (
        Capability(category="hate", modality=Modality.TEXT, measured="0.9 in docs/benchmarks/x.md"),
    )
    def __init__(self, options): self.options = options
    def inspect_text(self, content): return ()

def plugin(name, location=RunLocation.GATEWAY, load=Loaded, missing=lambda options: None):
    return DetectorPlugin(
        name=name, version="1", location=location, capabilities=Loaded.capabilities,
        load=load, missing=missing,
    )

def refuse(options): raise OSError("weights are damaged")

GOOD = plugin("good")
BAD_LOAD = plugin("bad-load", load=refuse)
WRONG_LOAD = plugin("wrong-load", load=lambda options: object())
NEEDS_WEIGHTS = plugin("needs-weights", missing=lambda options: "Get the weights.")
BROKEN_LOOK = plugin("broken-look", missing=refuse)
CHILD = plugin("child", location=RunLocation.CHILD)
NOT_A_PLUGIN = 7
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    name = "third_party_" + "".join(c for c in request.node.name if c.isalnum())
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def point(module: str, name: str, attribute: str) -> EntryPoint:
    return EntryPoint(name=name, value=f"{module}:{attribute}", group=GROUP)


def test_a_third_party_detector_is_found_with_its_options(module: str) -> None:
    catalogue = DetectorRegistry.discover({"good": {"x": 1}}, points=[point(module, "good", "GOOD")])
    (detector,) = catalogue.text_detectors()
    assert detector.options == {"x": 1}
    assert catalogue.text_detectors()[0] is detector
    assert catalogue.missing == ()
    assert [name for name, _capability in catalogue.capabilities(Modality.TEXT)] == ["good"]
    assert catalogue.capabilities(Modality.AUDIO) == ()
    points = [point(module, "child", "CHILD"), point(module, "good", "GOOD")]
    catalogue = DetectorRegistry.discover({"child": {"size": 2}}, points=points)
    assert catalogue.child_specs() == [("child", {"size": 2})]


@each_row
def test_a_broken_detector_is_listed_as_missing_with_the_reason(
    module: str, name: str, attribute: str, said: str
) -> None:
    catalogue = DetectorRegistry.discover(
        {}, points=[point(module, name, attribute), point(module, "good", "GOOD")]
    )
    (missing,) = catalogue.missing
    assert missing.name == name
    assert said in missing.sentence
    assert len(catalogue.text_detectors()) == 1


def test_what_is_not_installed_is_missing_and_what_is_switched_off_is_not_loaded(module: str) -> None:
    catalogue = DetectorRegistry.discover({}, points=[point("no_such_module_anywhere", "gone", "X")])
    assert "no_such_module_anywhere" in catalogue.missing[0].sentence
    catalogue = DetectorRegistry.discover({"ghost": {}, "off": False}, points=[])
    assert [missing.name for missing in catalogue.missing] == ["ghost"]
    assert catalogue.disabled == ("off",)
    catalogue = DetectorRegistry.discover({"good": False}, points=[point(module, "good", "GOOD")])
    assert (catalogue.text_detectors(), catalogue.missing) == ((), ())
    with pytest.raises(DetectorMissing, match="ghost"):
        load_plugin("ghost")


@each_row
def test_a_detector_that_fails_to_load_leaves_a_gap(module: str, name: str, attribute: str) -> None:
    catalogue = DetectorRegistry.discover({}, points=[point(module, name, attribute)])
    assert catalogue.missing == ()
    (detector,) = catalogue.text_detectors()
    assert isinstance(detector, FailedDetector)
    assert [missing.name for missing in catalogue.missing] == [name]
    (cell,) = TextPipeline([detector]).screen({"prompt": "x"}).cells
    assert (cell.available, cell.ran, cell.complete) == (True, False, False)
    assert name in cell.note


def test_cells_join_requirements_with_installed_capabilities(module: str) -> None:
    catalogue = DetectorRegistry.discover({}, points=[point(module, "good", "GOOD")])
    required = (
        Cell(category="hate", modality=Modality.TEXT, required=True),
        Cell(category="violence", modality=Modality.FRAMES, required=True),
    )
    violence, hate = sorted(catalogue.cells(required), key=lambda cell: cell.category, reverse=True)
    assert (hate.required, hate.available, hate.detectors) == (True, True, ("good",))
    assert hate.measured == "0.9 in docs/benchmarks/x.md"
    assert (violence.required, violence.available) == (True, False)
    assert [cell.category for cell in catalogue.cells(required, Modality.TEXT)] == ["hate"]
    assert [cell.required for cell in catalogue.cells()] == [False]
