from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import TextSpan

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=200)
WORDS = st.lists(
    st.sampled_from(["nude", "k1ll him", "a", "。", "裸体", "n.u.d.e", "\ud800", "\x00", "\u200b"])
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> TextPipeline:
    cache = str(tmp_path_factory.mktemp("cache"))
    return TextPipeline(
        DetectorRegistry.discover({"minilm": {"cache_dir": cache}}).text_detectors(), budget_s=60
    )


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANY_TEXT | WORDS.map(" ".join))
def test_every_detector_accepts_any_text_and_spans_are_inside_it(pipeline: TextPipeline, text: str) -> None:
    report = pipeline.screen(
        {"prompt": text, "negative_prompt": text}, negated=frozenset({"negative_prompt"})
    )
    # The reader of acts judges texts with words only, and is the only check of its categories.
    gaps = [cell for cell in report.cells if not cell.complete and cell.detectors != ("acts",)]
    assert [cell.note for cell in gaps] == []
    for finding in report.findings:
        assert 0 <= finding.score <= 1
        for span in finding.evidence:
            if isinstance(span, TextSpan):
                assert 0 <= span.start < span.end <= len(text)
