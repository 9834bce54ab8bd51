"""Figures of quality reviews as JSON: agreement, accuracy, and the prevalence of missed harm.

A figure is null if too few answers are known. Figures about a team need `MIN_PEOPLE` people, but for how far
they agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safelight.cases.quality import MIN_PEOPLE, Draw, OwnAnswer, QualityPurpose, StratumCounts, TeamAnswers
from safelight.policy.statistics import (
    MIN_ANSWERS,
    MIN_CASES,
    WANTED_HALF_WIDTH,
    Accuracy,
    Prevalence,
    cohen_kappa,
    krippendorff_alpha,
)

_DIGITS = 4


def own_figures(answers: Sequence[OwnAnswer]) -> dict[str, Any]:
    """The figures of one reviewer, for this reviewer."""
    golden, second = (
        [(one.expected, one.answer) for one in answers if one.purpose is purpose]
        for purpose in (QualityPurpose.GOLDEN, QualityPurpose.SECOND)
    )
    return {"golden": _accuracy(golden), "second": {**_accuracy(second), "kappa": _kappa(second)}}


def team_figures(answers: TeamAnswers) -> dict[str, Any]:
    """The figures of all reviewers together; only alpha if fewer than `MIN_PEOPLE` people answered."""
    head = {"min_people": MIN_PEOPLE, "min_cases": MIN_CASES}
    if answers.people < MIN_PEOPLE:
        return {
            **head,
            "enough_people": False,
            "golden": None,
            "second": None,
            "machine": None,
            # Rounded: from an exact figure, one of two reviewers could compute how often the other disagreed.
            "alpha": _alpha(answers.of_cases, digits=1),
        }
    return {
        **head,
        "enough_people": True,
        "golden": _accuracy(answers.golden),
        "second": {**_accuracy(answers.second), "kappa": _kappa(answers.second)},
        "machine": {**_accuracy(answers.machine), "kappa": _kappa(answers.machine)},
        "alpha": _alpha(answers.of_cases),
    }


def prevalence_figures(draw: Draw) -> dict[str, Any]:
    """Missed harm in a random sample of delivered videos, by stratum."""
    return {
        "id": draw.id,
        "since": draw.since,
        "until": draw.until,
        "drawn_at": draw.drawn_at,
        "method": "Wilson, 95 %",
        "half_width": WANTED_HALF_WIDTH,
        "min_answers": MIN_ANSWERS,
        "strata": [_stratum(counts) for counts in draw.strata],
    }


def _stratum(counts: StratumCounts) -> dict[str, Any]:
    figure = Prevalence(found=counts.found, n=counts.answered)
    values = {
        "stratum": counts.stratum.value,
        "delivered": counts.delivered,
        "drawn": counts.drawn,
        "answered": counts.answered,
    }
    if not figure.is_enough:
        return {**values, "enough": False, "found": None, "rate": None, "interval": None, "needed": None}
    return {
        **values,
        "enough": True,
        "found": counts.found,
        "rate": round(counts.found / counts.answered, 6),
        "interval": [round(end, 6) for end in figure.interval],
        "needed": figure.needed,
    }


def _accuracy(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """How often the answer was the expected one."""
    figure = Accuracy(right=sum(expected == answer for expected, answer in pairs), n=len(pairs))
    values: dict[str, Any] = {"n": figure.n, "same": figure.right, "enough": figure.is_enough}
    if not figure.is_enough:
        return {**values, "rate": None, "interval": None}
    return {
        **values,
        "rate": round(figure.right / figure.n, _DIGITS),
        "interval": [round(end, _DIGITS) for end in figure.interval],
    }


def _kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    kappa = cohen_kappa(pairs) if len(pairs) >= MIN_CASES else None
    return None if kappa is None else round(kappa, _DIGITS)


def _alpha(of_cases: Sequence[tuple[str, ...]], digits: int = _DIGITS) -> float | None:
    compared = [answers for answers in of_cases if len(answers) > 1]
    if len(compared) < MIN_CASES:
        return None
    numbers = {name: number for number, name in enumerate(sorted({name for one in compared for name in one}))}
    alpha = krippendorff_alpha([[numbers[name] for name in one] for one in compared])
    return None if alpha is None else round(alpha, digits)
