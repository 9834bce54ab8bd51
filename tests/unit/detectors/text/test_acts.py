from __future__ import annotations

from dataclasses import replace

import numpy as np

from safelight.detectors.text import acts, classifiers
from safelight.detectors.text.plugins import ACT_CATEGORIES, ACTS


def test_the_plugin_names_the_categories_of_the_networks() -> None:
    networks = acts.load_folder(None)
    named = {acts.category_of(name) for one in networks.networks.values() for name in one.classes}
    checked = named - acts.RECORDED - acts.ALSO_FOUND - {""}
    assert checked == {one.value for one in ACT_CATEGORIES}
    assert {one.category for one in ACTS.capabilities or ()} == checked


def test_the_networks_were_trained_beside_the_shipped_classifiers() -> None:
    assert acts.load_folder(None).classifiers == classifiers.load().sha256


def test_the_score_is_a_half_at_the_operating_point_and_more_at_the_stricter_one() -> None:
    network = acts.load_folder(None).networks[acts.MINILM]
    inputs = np.random.default_rng(1).normal(0, 0.1, (5, network.centre.size)).astype(np.float32)
    odds, best = network.log_odds(inputs)
    for points, score in (
        ((odds, odds + 1), acts.POINT_SCORE),
        ((odds - 1, odds), acts.STRICT_SCORE),
    ):
        thresholds, strict = (_by_class(network, best, values) for values in points)
        for row in range(len(inputs)):
            at = replace(network.at, thresholds=thresholds[row], strict=strict[row])
            one = replace(network, at=at)
            assert abs(one.scores(inputs[row : row + 1])[0][0] - score) < 1e-5


def test_every_operating_point_tells_its_false_alarms() -> None:
    networks = acts.load_folder(None)
    read_by_both = {"en", "zh-Hant", "zh-Hans"}
    for at, languages in (
        *((one.at, read_by_both) for one in networks.networks.values()),
        (networks.european, {"european"}),
    ):
        assert {one.voice for one in at.points} == {"acts"}
        assert {one.language for one in at.points} == languages
        assert all(one.low <= one.false_alarm_rate <= one.high for one in at.points)


def _by_class(network: acts.ActNetwork, best: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each row, an array with its value in the place of its class."""
    found = np.zeros((len(best), len(network.classes)), dtype=np.float32)
    found[np.arange(len(best)), best] = values
    return found
