"""Risk evaluation: the risk model on simulated filters, the only ones whose probabilities are known.

Each model is fitted on outcomes of one hidden filter and judged on other prompts. The optimum, for
comparison: the probabilities of the filter itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.providers.advice.drivers import PROMPT, find_drivers
from safelight.providers.advice.risk_features import DRIVER_WEIGHTS, find_features
from safelight.providers.advice.risk_model import Array, JudgedRequest, fit_risk
from safelight_lab.simulation.hidden_filter import FilterFamily, HiddenFilter, make_filter
from safelight_lab.simulation.scene_grammar import scene_grammar

from .ranking import ranked

Outcomes: TypeAlias = npt.NDArray[np.bool_]

#: Numbers of outcomes on which a model is fitted, prompts on which it is judged, and filters of each family.
SIZES, JUDGED, FILTERS = (50, 100, 300), 10_000, 5
#: The filter that refuses drivers of the tables, from which the priors are: its figures are circular.
CIRCULAR = "tables"
#: Families of filters, and models that are fitted on all of them.
FAMILIES = (*FilterFamily, CIRCULAR)
FITS = len(FAMILIES) * FILTERS * len(SIZES)
_BINS = 10
_JUDGED_SEED, _FIRST_SEED = 4_211, 100
#: Share of the prompts of the circular filter that have a sentence with a driver.
_WITH_DRIVER = 0.4
_DRIVER_SENTENCES = (
    "a person stands alone on a rooftop at night",
    "fake blood on a shirt",
    "a man falls into the water",
    "two cars crash",
    "she cries in despair",
    "a knife cuts an apple",
)


def run_risk_eval(
    *,
    judged: int = JUDGED,
    filters: int = FILTERS,
    families: Sequence[str] = FAMILIES,
    observe: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """The report as JSON: one row per family and number of outcomes. `observe` is called after each fit."""
    rows: list[dict[str, Any]] = []
    test: list[str] = []
    features: list[frozenset[str]] = []
    for family in families:
        # The prompts of all families but the circular one are the same.
        if (prompts := _prompts(judged, _JUDGED_SEED, family)) != test:
            test, features = prompts, [find_features(prompt) for prompt in prompts]
        found: dict[int, list[dict[str, float]]] = {size: [] for size in SIZES}
        for number in range(filters):
            seed = _FIRST_SEED + number
            hidden = _tables_filter(test) if family == CIRCULAR else make_filter(FilterFamily(family), seed)
            random = np.random.default_rng(seed)
            chances = np.array([hidden.probability(prompt) for prompt in test])
            outcomes = random.random(len(test)) < chances
            known = list(_judge(_prompts(max(SIZES), seed, family), hidden, random))
            for size in SIZES:
                model = fit_risk(known[:size])
                if model is None:
                    raise ValueError(f"{size} prompts are too few: some are equal")
                found[size].append(_compare(model.probabilities(features), chances, outcomes))
                observe()
        rows += [_summarize(family, size, found[size]) for size in SIZES]
    return {"simulated": True, "judged": judged, "filters": filters, "rows": rows}


def expected_calibration_error(chances: Array, outcomes: Outcomes) -> float:
    """The mean distance between probability and share, over ten bins with equally many prompts."""
    order = np.argsort(chances, kind="stable")
    parts = zip(np.array_split(chances[order], _BINS), np.array_split(outcomes[order], _BINS), strict=True)
    return float(sum(len(given) * abs(given.mean() - true.mean()) for given, true in parts) / len(chances))


def _judge(
    prompts: Sequence[str], hidden: HiddenFilter, random: np.random.Generator
) -> Iterator[JudgedRequest]:
    for number, prompt in enumerate(prompts):
        refused = bool(random.random() < hidden.probability(prompt))
        yield JudgedRequest(prompt=prompt, refused=refused, at=float(number))


def _compare(estimated: Array, chances: Array, outcomes: Outcomes) -> dict[str, float]:
    own, optimum = (
        ranked(list(given[outcomes]), list(given[~outcomes]))["auroc"] for given in (estimated, chances)
    )
    return {
        "auroc": own,
        "optimum": optimum,
        "share": (own - 0.5) / (optimum - 0.5),
        "calibration_error": expected_calibration_error(estimated, outcomes),
        "optimum_calibration_error": expected_calibration_error(chances, outcomes),
        "refused": float(outcomes.mean()),
    }


def _summarize(family: str, size: int, found: Sequence[dict[str, float]]) -> dict[str, Any]:
    means = {name: round(float(np.mean([one[name] for one in found])), 4) for name in found[0]}
    shares = [round(one["share"], 4) for one in found]
    errors = [round(float(one["calibration_error"]), 4) for one in found]
    return {
        "family": family,
        "circular": family == CIRCULAR,
        "outcomes": size,
        **means,
        "shares": shares,
        "calibration_errors": errors,
    }


def _prompts(count: int, seed: int, family: str) -> list[str]:
    prompts = scene_grammar().prompts(count, seed)
    if family != CIRCULAR:
        return prompts
    random = np.random.default_rng(seed)
    return [
        f"{prompt} {random.choice(_DRIVER_SENTENCES).capitalize()}."
        if random.random() < _WITH_DRIVER
        else prompt
        for prompt in prompts
    ]


def _tables_filter(prompts: Sequence[str]) -> HiddenFilter:
    """A filter that refuses by the drivers of the tables, with the weights that the model expects."""

    def score(prompt: str) -> float:
        return sum(DRIVER_WEIGHTS.get(one.kind, 0.0) for one in find_drivers({PROMPT: prompt}, ()))

    return HiddenFilter.calibrate(score, rate=0.3, noise=0.03, prompts=prompts[:1500])
