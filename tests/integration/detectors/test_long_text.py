from __future__ import annotations

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline


def test_of_a_very_long_text_the_likeliest_parts_are_read_and_the_rest_is_a_hole() -> None:
    pipeline = TextPipeline(
        [one for one in DetectorRegistry.discover({}).text_detectors() if one.name == "minilm"],
        budget_s=120,
        total_s=240,
    )
    calm = "A fisherman mends a blue net on the quay while gulls circle above him. "
    text = (
        calm * 200
        + "Two men corner a cashier behind the petrol station and beat him until he stops moving. " * 3
        + calm * 200
    )
    report = pipeline.screen({"prompt": text})
    (found,) = [one for one in report.findings if one.category == "violence"]
    assert found.score >= 0.5
    assert any("were not read" in cell.note and not cell.complete for cell in report.cells)
