"""One request at the simulated provider, as the attempt log has it."""

from __future__ import annotations

from safelight.providers.attempts.models import AttemptOrigin, AttemptOutcome, AttemptRecord
from safelight.providers.protocol import Charge, ChargeStatus
from safelight_lab.simulation.hidden_filter import HiddenFilter
from safelight_lab.simulation.simulated_provider import ProviderBehaviour, SimulatedProvider


def simulate_attempt(
    hidden: HiddenFilter, behaviour: ProviderBehaviour, number: int, prompt: str, at: float
) -> AttemptRecord:
    """The outcome and the charge of request `number`, at the time `at`."""
    provider = SimulatedProvider(hidden=hidden, behaviour=behaviour, clock=lambda: at)
    rule = provider.choose_rule({"prompt": prompt, "seconds": "4"}, number)
    outcome, error = AttemptOutcome.PASSED, ""
    if rule.submit.do == "status":
        outcome = AttemptOutcome.REFUSED if rule.submit.status == 400 else AttemptOutcome.FAILED
        error = f"{rule.submit.code}: {rule.submit.message}"
    elif rule.error is not None:
        outcome, error = AttemptOutcome.REFUSED, f"{rule.error['code']}: {rule.error['message']}"
    charged = ChargeStatus.NO if rule.charge is None else ChargeStatus.YES
    return AttemptRecord(
        id=f"attempt_{number:06}",
        origin=AttemptOrigin.GATEWAY,
        at=at,
        provider="simulated",
        model="",
        seconds=4.0,
        width=None,
        height=None,
        prompt=prompt,
        error=error,
        outcome=outcome,
        stage="unknown",
        file_came=outcome is AttemptOutcome.PASSED,
        charge=Charge(charged=charged, amount=rule.charge or None, currency="USD" if rule.charge else ""),
        request_id="",
    )
