"""Threats by their meaning, with the real weights of both encoders."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from safelight.detectors.models.catalogue import E5, find_model
from safelight.detectors.protocol import Abstained, Detector, DetectorPlugin
from safelight.detectors.text import acts, plugins
from safelight.detectors.text.meaning import THREATS
from safelight.detectors.text.minilm.package import find_weights
from safelight.policy.findings import Basis, TextSpan, is_alarm, is_threat
from support.texts import findings

pytestmark = pytest.mark.skipif(
    find_weights() is None or find_model(E5, None) is None,
    reason="the weights of an encoder are not installed",
)

#: Pairs of a threat and a harmless text with its words.
PAIRS = (
    (
        "we are going to shoot everyone at the school tomorrow",
        "we are going to meet everyone at the school tomorrow",
    ),
    ("Tomorrow I will set fire to the mosque in my town", "Tomorrow I will visit the mosque in my town"),
    (
        "I hate all immigrants, they should be shot",
        "I met many immigrants, they should be heard",
    ),
    ("明天我要去学校把他们都杀了", "明天我要去学校把他们都拍下来"),
    ("我今晚就去燒掉那間清真寺，等著看", "我今晚就去參觀那間清真寺，等著看照片"),
)
HARMLESS = (
    "In a film noir, a gangster leans over the table and says: you will regret this.",
    "A photographer shoots the whole school class on the steps at nine in the morning.",
    "The sun rises over a quiet harbour and gulls circle above the boats.",
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return plugins.THREATS.load({})


@pytest.mark.parametrize(("threat", "harmless"), PAIRS)
def test_a_threat_is_found_and_a_harmless_text_with_its_words_is_not(
    detector: Detector, threat: str, harmless: str
) -> None:
    (found,) = findings(detector, threat)
    assert (found.category, found.basis) == ("harassment", Basis.LEARNED)
    assert is_threat(found)
    assert is_alarm(found)
    assert findings(detector, harmless) == []


@pytest.mark.parametrize("text", HARMLESS)
def test_a_described_scene_is_none(detector: Detector, text: str) -> None:
    assert findings(detector, text) == []


def test_a_threat_in_a_longer_text_is_found_and_named(detector: Detector) -> None:
    threat = PAIRS[1][0]
    text = f"{HARMLESS[2]} A baker opens his shop and waves to the first customers. {threat}."
    (found,) = findings(detector, text)
    (span,) = found.evidence
    assert isinstance(span, TextSpan)
    assert text[span.start : span.end].rstrip(".") in threat


@pytest.mark.parametrize("text", ["go away now", "Wir werden morgen alle in der Schule erschießen"])
def test_fewer_than_four_words_and_other_languages_are_not_judged(detector: Detector, text: str) -> None:
    with pytest.raises(Abstained):
        findings(detector, text)


def test_the_plugin_declares_what_the_detector_checks(detector: Detector) -> None:
    assert {one.category for one in detector.capabilities} == {
        one.category for one in plugins.THREATS.capabilities
    }


@pytest.mark.parametrize(("plugin", "file"), [(plugins.THREATS, THREATS), (plugins.ACTS, acts.FILE)])
def test_a_folder_with_the_networks_of_this_detector_alone_is_enough(
    plugin: DetectorPlugin, file: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_bytes((files("safelight.detectors.text") / "weights" / file).read_bytes())
    assert plugin.load({"classifiers": str(tmp_path)}).version == plugin.load({}).version
