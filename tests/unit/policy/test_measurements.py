from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

import msgspec

from safelight.detectors.text.acts import FILE
from safelight.detectors.text.plugins import ACT_CATEGORIES
from safelight.policy.findings import Cell, Modality
from safelight.policy.measurements import (
    Measurement,
    MeasurementRun,
    find_measurement,
    load_shipped,
    load_shipped_acts,
    load_shipped_prompts,
)

RUN = MeasurementRun(
    made="2026-11-20",
    page="docs/benchmarks/cells.md",
    data_sha256="0" * 64,
    policy={"starter": "1" * 64},
    model_hash="2" * 64,
    detectors={"flicker": "1"},
    cells=(
        Measurement(
            category="photosensitive",
            modality=Modality.FRAMES,
            what="flashes",
            segments=12,
            found=11,
            safe_clips=70,
            false_alarms=1,
        ),
    ),
)


def cell(**more: object) -> Cell:
    known = Cell(category="photosensitive", modality=Modality.FRAMES, available=True, detectors=("flicker",))
    return msgspec.structs.replace(known, **more)


def filled(one: Cell, version: str = "1") -> str | None:
    [found] = RUN.add_figures([one], {"flicker": version})
    return found.measured


def test_a_cell_has_the_figure_of_the_run() -> None:
    assert filled(cell()) == (
        "flashes: 11 of 12 found, false alarms: 1 of 70 harmless clips, benchmarks/cells.md"
    )


def test_no_figure_is_attached_to_another_detector_or_cell_or_over_its_own_figure() -> None:
    assert filled(cell(), version="2") is None
    assert filled(cell(detectors=("flicker", "other"))) is None
    assert filled(cell(category="sexual")) is None
    assert filled(cell(available=False)) is None
    assert filled(cell(measured="its own")) == "its own"


def test_the_shipped_measurements_are_readable_and_have_several_cells() -> None:
    figures = load_shipped()
    assert len(figures.cells) > 10
    assert len({(one.category, one.modality) for one in figures.cells}) == len(figures.cells)
    assert all(one.found <= one.segments for one in figures.cells)


def test_the_shipped_figures_for_prompts_are_those_of_their_page() -> None:
    run = load_shipped_prompts()
    page = (Path(__file__).parents[3] / run.page).read_text("utf-8")
    assert f"{run.found} of {run.harmful} (" in page
    assert f"{run.stopped} of {run.harmless} stopped, {run.false_alarms} with an alarm" in page
    for less in run.without:
        assert f"{less.found} of {run.harmful} (" in page
        assert f"{less.stopped} of {run.harmless} stopped, {less.false_alarms} with an alarm" in page


def test_each_class_of_acts_has_a_figure_of_the_shipped_networks() -> None:
    run = load_shipped_acts()
    assert [one.category for one in run.cells] == [category.value for category in ACT_CATEGORIES]
    assert all(one.stopped is not None and one.stopped <= one.found <= one.segments for one in run.cells)
    weights = (files("safelight.detectors.text") / "weights" / FILE).read_bytes()
    assert run.model_hash == hashlib.sha256(weights).hexdigest(), (
        "The networks are not the measured ones: python -m bench.acts --store MODELS --out COUNTS.json,"
        " then python -m bench.acts.figures COUNTS.json"
    )


def test_no_cell_is_measured_by_two_runs() -> None:
    clips, acts = load_shipped(), load_shipped_acts()
    assert not {(one.category, one.modality) for one in clips.cells} & {
        (one.category, one.modality) for one in acts.cells
    }
    assert find_measurement("none", Modality.TEXT) is None


def test_a_figure_of_prompts_belongs_to_checks_of_text() -> None:
    acts = load_shipped_acts()
    one = acts.cells[0]
    known = Cell(category=one.category, modality=Modality.TEXT, available=True, detectors=("acts",))
    [found] = acts.add_figures([known], acts.detectors)
    assert (found.measured or "").endswith(
        f"false alarms: {one.false_alarms} of {one.safe_clips} harmless prompts, benchmarks/acts.md"
    )
    [other] = acts.add_figures([known], {"acts": "another"})
    assert other.measured is None
