"""Prices of a batch, in whole millionths of a US dollar, and the ceiling that no create may break."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from safelight_client.error_meanings import read_number
from safelight_client.money import micro

from .row_checks import read_seconds

#: Fields with which other servers make, and charge, more than one video of the stated length.
_MULTIPLIERS = (
    "n",
    "n_variants",
    "num_frames",
    "num_outputs",
    "num_videos",
    "num_videos_per_prompt",
    "number_of_videos",
    "sample_count",
)


def cost_of(charged: str, amount: float | None, currency: str) -> int | None:
    """What an ended submission cost; None if that is not known in dollars."""
    if charged == "no":
        return 0
    return micro(amount) if charged == "yes" and amount is not None and currency == "USD" else None


class PriceList:
    """Prices per second: those that were given or that a Safelight gateway states; the higher of both."""

    def __init__(self, given: Mapping[str, float], models: Mapping[str, Mapping[str, Any]]) -> None:
        self._given, self._models = given, models

    def worst(self, model: str, fields: Mapping[str, Any]) -> int | None:
        """The highest possible price of a request; None if it is not known."""
        offer = self.offer(model) or {}
        stated = 0.0 if offer.get("billing") == "own" else read_number(offer.get("usd_per_second"))
        price = max((each for each in (self._given.get(model), stated) if each is not None), default=None)
        if not offer and any(fields.get(name) not in (None, 1, "1") for name in _MULTIPLIERS):
            return None
        if price is None or not math.isfinite(price) or price < 0:
            return None
        if price == 0:
            return 0
        seconds = read_seconds(fields)
        if seconds is None and "seconds" not in fields:
            # The length that the server chooses: at most its longest.
            lengths = [one for one in map(read_number, offer.get("seconds") or ()) if one]
            seconds = math.ceil(max(lengths)) if lengths else None
        return micro(price * seconds) if seconds is not None else None

    def offer(self, model: str) -> Mapping[str, Any] | None:
        """The model as a Safelight gateway lists it."""
        found = self._models.get(model, {}).get("safelight")
        return found if isinstance(found, Mapping) else None

    @property
    def demands_templates(self) -> bool:
        """Whether the gateway refuses requests that name no approved template."""
        return any((self.offer(model) or {}).get("template_required") is True for model in self._models)

    @property
    def is_of_gateway(self) -> bool:
        return any(isinstance(row.get("safelight"), Mapping) for row in self._models.values())

    def knows(self, model: str) -> bool:
        return model in self._models


class CostCeiling:
    """What was spent, what is reserved, and what may have been charged for creates without a video.

    A create is sent only after its highest price was reserved.
    """

    def __init__(self, limit: int | None, max_jobs: int | None) -> None:
        self.limit, self.max_jobs = limit, max_jobs
        self.spent = 0
        self.unknown = 0
        self.reserved = 0
        self.jobs = 0

    def reserve(self, *worst: int | None) -> bool:
        """Reserves the prices of several creates at once, or none of them.

        A create without a known price needs a limit of the number of jobs.
        """
        if not self.fits(*worst):
            return False
        self.reserved += sum(each or 0 for each in worst)
        self.jobs += len(worst)
        return True

    def fits(self, *worst: int | None) -> bool:
        """Whether the prices of several creates could be reserved."""
        known = [each for each in worst if each is not None]
        if len(known) < len(worst) and self.max_jobs is None:
            return False
        if self.max_jobs is not None and self.jobs + len(worst) > self.max_jobs:
            return False
        used = self.spent + self.unknown + self.reserved
        return self.limit is None or used + sum(known) <= self.limit

    def settle(self, worst: int | None, cost: int | None, *, is_unknown: bool = False) -> None:
        """Ends a reservation: it cost this much. None: not known, so the highest price counts.

        `is_unknown`: no video is known, so that is not spent but counted apart.
        """
        self.reserved -= worst or 0
        counted = (worst or 0) if cost is None else cost
        if is_unknown:
            self.unknown += counted
        else:
            self.spent += counted

    def give_back(self, worst: int | None) -> None:
        """Ends a reservation whose create was never sent, or was refused."""
        self.reserved -= worst or 0
        self.jobs -= 1

    def restore(self, *, spent: int, unknown: int, reserved: int, jobs: int) -> None:
        """Adds what earlier runs of the same batch spent and reserved, even above the limit."""
        self.spent += spent
        self.unknown += unknown
        self.reserved += reserved
        self.jobs += jobs
