from __future__ import annotations

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline


def test_a_very_long_text_is_read_in_part_and_leaves_a_gap() -> None:
    pipeline = TextPipeline(
        [one for one in DetectorRegistry.discover({}).text_detectors() if one.name == "minilm"],
        budget_s=120,
        total_s=240,
    )
    calm = "A fisherman mends a blue net on the quay while gulls circle above him. "
    text = calm * 200 + "Naked woman moaning during explicit sex, close-up of genitals. " * 3 + calm * 200
    report = pipeline.screen({"prompt": text})
    (found,) = [one for one in report.findings if one.category == "sexual"]
    assert found.score >= 0.5
    assert any("were not read" in cell.note and not cell.complete for cell in report.cells)
