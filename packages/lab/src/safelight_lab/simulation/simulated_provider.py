"""Simulated provider: decides for each request whether it is refused, what it costs, and whether it ends."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from safelight.testing.upstream import Scenario, ScenarioRule, ScriptedAction, ScriptedUpstream

from .hidden_filter import HiddenFilter
from .scene_grammar import find_words

#: Code and words of a refusal.
_CODE = "moderation_blocked"
_MESSAGE = "Simulated filter: this request was refused."
_ERROR_CODE, _ERROR_MESSAGE = "server_error", "Simulated outage: this request failed."
_DEFAULT_SECONDS = 4.0
#: Factor of the price after a drift of it.
_DEARER = 1.5
#: Part of every video object.
_MARK = {"simulated": True}


class SimulatedDrift(StrEnum):
    """How the provider behaves after the drift."""

    #: Passed requests are refused.
    MORE = "more"
    #: Passed requests with certain words are refused.
    WORDS = "words"
    #: Refused requests pass.
    LESS = "less"
    #: Requests get a server error.
    ERRORS = "errors"
    #: All refusals come after the generation, and are charged.
    CHARGES = "charges"
    #: A second costs half as much again.
    PRICE = "price"


@dataclass(frozen=True, kw_only=True)
class ProviderBehaviour:
    """What a simulated provider does apart from its filter."""

    seed: int = 0
    #: Dollars for a second of video. A refused output is charged too; a refused request is not.
    price: float = 0.1
    #: Share of the refusals that come after the generation.
    output_share: float = 0.3
    #: Share of the charged refusals that are refunded.
    refund_share: float = 0.5
    #: Share of the requests that never end.
    hang_share: float = 0.0
    #: Unix seconds from which the provider behaves differently; None for no drift.
    drift_at: float | None = None
    drift_kind: SimulatedDrift = SimulatedDrift.MORE
    #: Share of the requests that the drift concerns. `charges` and `price` concern all.
    drift_share: float = 0.2
    #: Words of `drift_kind` `words`.
    drift_words: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class SimulatedProvider:
    """Chooses the rule of the scripted upstream for each request. The same seed gives the same decisions."""

    hidden: HiddenFilter
    behaviour: ProviderBehaviour
    #: Unix seconds.
    clock: Callable[[], float]

    def probability(self, prompt: str) -> float:
        """The probability that the prompt is refused now."""
        chance, drift, share = self.hidden.probability(prompt), self.drift, self.behaviour.drift_share
        if drift is SimulatedDrift.LESS:
            return chance * (1 - share)
        has_words = bool(find_words(prompt) & self.behaviour.drift_words)
        if drift is SimulatedDrift.MORE or (drift is SimulatedDrift.WORDS and has_words):
            chance += (1 - chance) * share
        return chance

    @property
    def drift(self) -> SimulatedDrift | None:
        """The drift in force now."""
        drift_at = self.behaviour.drift_at
        return self.behaviour.drift_kind if drift_at is not None and self.clock() >= drift_at else None

    def choose_rule(self, fields: Mapping[str, Any], number: int) -> ScenarioRule:
        """The rule for this request. `number`: of the request in order of arrival."""
        prompt, behaviour = str(fields.get("prompt", "")), self.behaviour
        random = np.random.default_rng([behaviour.seed, zlib.crc32(prompt.encode()), number])
        drift = self.drift
        refused, hangs, at_output, refunded, breaks = random.random(5) < (
            self.probability(prompt),
            behaviour.hang_share,
            1.0 if drift is SimulatedDrift.CHARGES else behaviour.output_share,
            behaviour.refund_share,
            behaviour.drift_share if drift is SimulatedDrift.ERRORS else 0.0,
        )
        if breaks:
            return ScenarioRule(
                submit=ScriptedAction(do="status", status=500, code=_ERROR_CODE, message=_ERROR_MESSAGE)
            )
        price = behaviour.price * (_DEARER if drift is SimulatedDrift.PRICE else 1.0)
        if refused and not at_output:
            return ScenarioRule(
                submit=ScriptedAction(
                    do="status",
                    status=400,
                    code=_CODE,
                    message=_MESSAGE,
                    moderation_details={"moderation_stage": "input"},
                )
            )
        if hangs:
            return ScenarioRule(ends="never", fields=_MARK)
        return ScenarioRule(
            ends="refused" if refused else "completed",
            error={"code": _CODE, "message": _MESSAGE, "moderation_details": {"moderation_stage": "output"}}
            if refused
            else None,
            charge=round(price * _seconds(fields), 6),
            refund=bool(refunded),
            fields=_MARK,
        )


def make_upstream(
    provider: SimulatedProvider, model: str, *, api_key: str = "", host: str, port: int
) -> ScriptedUpstream:
    """The server of a simulated provider, with this one model. Without `api_key`, requests need no key."""
    scenario = Scenario(models=(model,), api_key=api_key)
    return ScriptedUpstream(scenario, host=host, port=port, choose_rule=provider.choose_rule)


def _seconds(fields: Mapping[str, Any]) -> float:
    try:
        return max(0.0, float(fields.get("seconds", _DEFAULT_SECONDS)))
    except (TypeError, ValueError):
        return _DEFAULT_SECONDS
