"""Coverage, charge and what the generator did and did not do, for the API.

They are stored with a finished video, so that the API reads one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from safelight.policy.findings import Cell, Coverage, CoverageStatus
from safelight.providers.protocol import Charge, ChargeStatus

from .generation_stage import describe_attempt
from .models import Attempt


def summary(cells: Iterable[Cell], attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Coverage and charge of a video, and what its last attempt did not draw and how it was steered. `cells`
    are those of all stages.
    """
    return {
        "coverage": coverage_words(Coverage().merge(cells)),
        "charge": charge_object(attempt.charge for attempt in attempts),
        "not_drawn": list(attempts[-1].not_drawn) if attempts else [],
        "generation": describe_attempt(attempts[-1]) if attempts else None,
    }


def coverage_words(coverage: Coverage) -> dict[str, list[str]]:
    """The coverage cells of each status, written as `category (modality)`, as in the manifest."""
    words: dict[str, list[str]] = {word.value: [] for word in CoverageStatus}
    for cell in coverage:
        words[cell.status.value].append(f"{cell.category} ({cell.modality.value})")
    return {word: sorted(cells) for word, cells in words.items()}


def charge_object(of: Iterable[Charge]) -> dict[str, Any]:
    """The total charge of the upstream for a video."""
    charges = list(of)
    if not charges:
        return {
            "charged": ChargeStatus.NO.value,
            "amount": 0.0,
            "currency": "USD",
            "source": "nothing was sent to a generator",
        }
    taken = {charge.charged for charge in charges}
    worst = next(word for word in (ChargeStatus.UNKNOWN, ChargeStatus.YES, ChargeStatus.NO) if word in taken)
    amounts = [0.0 if charge.charged is ChargeStatus.NO else charge.amount for charge in charges]
    known = [amount for amount in amounts if amount is not None]
    return {
        "charged": worst.value,
        "amount": round(sum(known), 6) if len(known) == len(amounts) else None,
        "currency": charges[-1].currency,
        "source": charges[-1].source,
    }
