"""Distress by its meaning, with the real weights of both encoders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from safelight.detectors.models.catalogue import E5, find_model
from safelight.detectors.protocol import Detector
from safelight.detectors.text import plugins
from safelight.detectors.text.e5.encoder import E5Encoder
from safelight.detectors.text.minilm.encoder import TokenWindow
from safelight.detectors.text.minilm.package import find_weights
from safelight.policy.findings import SHIPPED, Basis, TextSpan
from support.texts import findings

pytestmark = pytest.mark.skipif(
    find_weights() is None or find_model(E5, None) is None,
    reason="the weights of an encoder are not installed",
)

#: Pairs of a statement of distress and a harmless text on a similar subject.
PAIRS = (
    (
        "I have told everybody that I am moving. There is no new flat, I just will not be anywhere.",
        "I have told everybody that I am moving. There is a new flat, with a balcony for the tomatoes.",
    ),
    ("我每天都在想要怎麼離開，活著太痛了", "我每天都在想要怎麼裝潢，搬家太忙了"),
    ("我不想再活下去了，真的太累了", "我们在公园里跑步，真的太热了，终点有西瓜"),
)
HARMLESS = (
    "The sun rises over a quiet harbour and gulls circle above the boats that come home with the tide.",
    "A baker opens the shutters of his shop, sets warm loaves out and waves to the first customers.",
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return plugins.DISTRESS.load({})


@pytest.mark.parametrize(("distressed", "harmless"), PAIRS)
def test_a_statement_of_distress_brings_help_and_a_similar_harmless_text_does_not(
    detector: Detector, distressed: str, harmless: str
) -> None:
    assert [one.category for one in findings(detector, distressed)] == ["self-harm/intent"]
    assert findings(detector, harmless) == []


def test_a_sentence_in_a_longer_text_is_found_and_named(detector: Detector) -> None:
    sentence = PAIRS[0][0]
    text = f"{HARMLESS[0]} {HARMLESS[1]} {sentence}"
    (found,) = findings(detector, text)
    assert found.basis is Basis.LEARNED
    assert found.point is not None
    assert found.point.voice == "distress-meaning"
    (span,) = found.evidence
    assert isinstance(span, TextSpan)
    assert text[span.start : span.end].rstrip(".") in sentence


def test_both_detectors_read_a_text_once(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[tuple[int, ...]] = Counter()
    read_windows = E5Encoder.read

    def count(self: E5Encoder, windows: Sequence[TokenWindow]) -> Any:
        read.update(one.ids for one in windows)
        return read_windows(self, windows)

    monkeypatch.setattr(E5Encoder, "read", count)
    text = f"{HARMLESS[1]} {PAIRS[0][1]} {HARMLESS[0]}"
    for one in (plugins.ACTS.load({}), detector):
        findings(one, text)
    assert read
    assert set(read.values()) == {1}


def test_without_e5_words_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "find_model", lambda _name, _store: None)
    plain = plugins.DISTRESS.load({})
    assert plain.version.count(".") == 0
    assert [one.score for one in findings(plain, "i want to kill myself")] == [0.9]


def test_the_category_is_the_one_that_the_plugin_declares(detector: Detector) -> None:
    assert (
        {one.category for one in detector.capabilities}
        == {"self-harm/intent"}
        <= {spec.name for spec in SHIPPED}
    )
