"""Canary sender: a background part that sends the calls of canaries and records how they end.

A call is never sent twice: its money is reserved and committed before it, and a call whose answer was lost is
only asked for. The clip is never downloaded, and deleted at the provider if it allows that.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property

from safelight.core.background.part import BackgroundPart
from safelight.core.errors import (
    InvalidField,
    RefusalBudgetUsed,
    SubmissionUnconfirmed,
    UnsupportedField,
    UpstreamError,
    UpstreamModerationBlocked,
    UpstreamUnavailable,
)
from safelight.policy.verdicts import Action, Verdict
from safelight.providers.attempts.canaries.calls import CallEnd, CallSize, CanaryCalls
from safelight.providers.attempts.canaries.models import Canary, CanaryCall, StopReason
from safelight.providers.attempts.canaries.offer import CanaryOffer, find_offer, offered_models
from safelight.providers.attempts.canaries.service import reason_against_price
from safelight.providers.attempts.models import AttemptOutcome
from safelight.providers.protocol import (
    Charge,
    ChargeStatus,
    GenerationRequest,
    Progress,
    ProviderRefusal,
    RemoteGenerator,
    UpstreamState,
)
from safelight.screening.admission import AdmissionLimits, admit
from safelight.screening.request import AdmittedRequest, CreateRequest

from .attempts import delete_upstream_copy, has_ended
from .context import PipelineContext
from .interruptions import UpstreamPending

_log = logging.getLogger(__name__)

#: Seconds between two rounds. A slot is an hour at least, and a clip takes minutes.
_INTERVAL_S = 10.0
#: A submission may take this time: a background part that works for two minutes counts as stalled.
_SUBMIT_S = 100.0
#: After this time without an id, the answer of a submission is lost, also if another process sent it.
_LOST_S = 600.0
#: A provider that does not answer is asked to delete its copy for this time.
_DELETE_FOR_S = 3600.0


class CheckIncomplete(Exception):
    """A required check of a prompt was not made, for example in time. Not in the error tree: it is logged."""

    def __init__(self, verdict: Verdict) -> None:
        missing = sorted({cell.category for cell in verdict.gaps})
        super().__init__(f"The prompt was not checked for {', '.join(missing[:5])}.")


@dataclass(frozen=True, kw_only=True)
class CanarySender:
    context: PipelineContext
    calls: CanaryCalls
    limits: AdmissionLimits

    @cached_property
    def part(self) -> BackgroundPart:
        return BackgroundPart(
            "canaries",
            {"send": self.send_due, "follow": self.follow, "delete": self.delete_copies},
            interval_s=_INTERVAL_S,
            stopping=self.context.shutdown_event,
        )

    def send_due(self) -> None:
        """Send one call of each canary that has one due. None is sent for a while after a clock jump."""
        if self.context.clock_watch.held_for_s() > 0:
            return
        parked = self.part.rows.parked()
        for canary in self.calls.switched_on():
            if self.context.shutdown_event.is_set():
                return
            if canary.id not in parked:
                with self.part.rows.attempt(canary.id):
                    self._send(canary)

    def follow(self) -> None:
        """Ask the providers about the calls that run."""
        parked = self.part.rows.parked()
        for call in self.calls.running():
            if call.id not in parked:
                with self.part.rows.attempt(call.id):
                    self._follow(call)

    def delete_copies(self) -> None:
        """Delete the clips of ended calls at their providers."""
        parked = self.part.rows.parked()
        for call in self.calls.with_copy():
            if call.id not in parked:
                with self.part.rows.attempt(call.id):
                    self._delete_copy(call)

    def _send(self, canary: Canary) -> None:
        slot = self.calls.find_slot(canary)
        if slot is None:
            return
        try:
            # Asked first: a canary that waits would be screened in each round.
            if (gate := self.context.upstreams.get(canary.generator)) is not None:
                gate.require_no_pause()
            self.context.refusals.require_room(canary.generator)
            admitted = self._admit(canary)
            if isinstance(admitted, StopReason):
                self.calls.stop(canary, admitted)
            else:
                self._call(canary, admitted)
        except CheckIncomplete as error:
            _log.warning("No call of the canary %s in this part of the day: %s", canary.id, error)
            self.calls.skip(canary, slot)
        except (UpstreamPending, RefusalBudgetUsed) as error:
            # A provider that is down, and a used-up budget of refusals, are waited for.
            _log.info("The canary %s waits: %s", canary.id, error)

    def _call(self, canary: Canary, admitted: AdmittedRequest) -> None:
        name, generator = canary.generator, self.context.generators[canary.generator]
        assert isinstance(generator, RemoteGenerator)
        size = CallSize(seconds=admitted.seconds, width=admitted.width, height=admitted.height)
        offered = offered_models(self.context.generators)
        self.context.wait_for_lease()
        with self.context.upstreams[name].hold_call(accepted=False):
            with self.context.refusals.reserve(name):
                call = self.calls.reserve(canary, size, offered)
            if call is not None:
                self._submit(call, generator, admitted)

    def _submit(self, call: CanaryCall, generator: RemoteGenerator, admitted: AdmittedRequest) -> None:
        request = GenerationRequest(
            key=call.id,
            model=call.model,
            prompt=admitted.prompt,
            seconds=call.seconds,
            width=call.width,
            height=call.height,
            extra=admitted.extra,
            time_left_s=_SUBMIT_S,
        )
        try:
            with self.context.upstreams[call.generator].record_outcome():
                upstream_id = generator.submit(request)
        except UpstreamUnavailable as error:
            charge = Charge(charged=ChargeStatus.NO, source="not taken")
            self._finish(call, CallEnd(outcome=AttemptOutcome.FAILED, charge=charge, error=error.message))
        except SubmissionUnconfirmed as error:
            # `follow` asks for it.
            _log.warning("The answer to the canary call %s was lost: %s", call.id, error)
        except UpstreamModerationBlocked as error:
            if not isinstance(error.refusal, ProviderRefusal):
                raise
            self._finish(call, _refused(error.refusal, None))
        except UpstreamError as error:
            self._finish(call, _failed(error.message))
        else:
            self.calls.record_upstream_id(call, upstream_id)

    def _admit(self, canary: Canary) -> AdmittedRequest | StopReason:
        """The request for a call at the shortest length; or why the canary has to stop.

        Raises `CheckIncomplete` if nothing is known against the prompt, but a check is missing.
        """
        try:
            offer = find_offer(self.context.generators, canary.model)
            asked = CreateRequest(prompt=canary.prompt or "", model=canary.model, seconds=str(offer.seconds))
            admitted = admit(asked, self.context.generators, default=offer.generator, limits=self.limits)
        except (InvalidField, UnsupportedField):
            return StopReason.MODEL
        if (admitted.generator, admitted.model) != (canary.generator, canary.model):
            return StopReason.MODEL
        return self._reason_against(canary, offer, admitted) or admitted

    def _reason_against(
        self, canary: Canary, offer: CanaryOffer, admitted: AdmittedRequest
    ) -> StopReason | None:
        if (reason := reason_against_price(canary, offer)) is not None:
            return reason
        policy = self.context.policies.load(canary.tenant)
        verdict = self.context.stages.prompt.screen(admitted.texts, policy).verdict
        if policy.policy.demands_template:
            return StopReason.POLICY
        if verdict.is_decided_by_gaps:
            raise CheckIncomplete(verdict)
        if verdict.action is not Action.ALLOW:
            return StopReason.POLICY
        return None

    def _follow(self, call: CanaryCall) -> None:
        age_s = self.context.database.clock() - call.created_at
        generator = self.context.generators.get(call.generator)
        if not isinstance(generator, RemoteGenerator):
            self._finish(call, _lost(f"{call.generator} is not in the settings any more."))
            return
        if call.upstream_id is None and age_s < _LOST_S:
            # The process that reserved it may be sending it now.
            return
        try:
            with self.context.upstreams[call.generator].call(accepted=True):
                if call.upstream_id is None:
                    self._find(call, generator)
                    return
                progress = generator.progress(call.upstream_id)
        except (UpstreamPending, UpstreamUnavailable):
            if age_s > self.context.limits.deadline_s:
                self._finish(call, _failed(f"{call.generator} did not answer."))
            return
        except UpstreamError as error:
            self._finish(call, _failed(error.message))
            return
        if has_ended(progress):
            self._finish(call, _end_of(progress))
        elif age_s > self.context.limits.deadline_s:
            self._finish(call, _failed(f"{call.generator} did not finish in time."))

    def _find(self, call: CanaryCall, generator: RemoteGenerator) -> None:
        """Ask for a call whose answer was lost. It counts as spent in any case, and is not sent again."""
        try:
            upstream_id = generator.find(call.id)
        except SubmissionUnconfirmed as error:
            self._finish(call, _lost(error.message))
            return
        if upstream_id is not None:
            self.calls.record_upstream_id(call, upstream_id)
            return
        not_charged = Charge(charged=ChargeStatus.NO, source="upstream")
        self._finish(call, _lost(f"{call.generator} did not receive the request.", not_charged))

    def _finish(self, call: CanaryCall, end: CallEnd) -> None:
        if self.calls.finish(call, end) and end.outcome is not AttemptOutcome.PASSED:
            _log.warning("A canary at %s/%s: %s.", call.generator, call.model, end.outcome.value)

    def _delete_copy(self, call: CanaryCall) -> None:
        generator, fate = self.context.generators.get(call.generator), "kept"
        if isinstance(generator, RemoteGenerator):
            try:
                with self.context.upstreams[call.generator].call(accepted=True):
                    fate = delete_upstream_copy(generator, call.upstream_id or "")
            except (UpstreamPending, UpstreamUnavailable):
                if self.context.database.clock() < (call.ended_at or 0.0) + _DELETE_FOR_S:
                    return
        self.calls.record_copy(call, fate)


def _end_of(progress: Progress) -> CallEnd:
    if progress.refusal is not None:
        return _refused(progress.refusal, progress.charge)
    charge = progress.charge or Charge(charged=ChargeStatus.UNKNOWN)
    if progress.state is UpstreamState.FAILED:
        return CallEnd(outcome=AttemptOutcome.FAILED, charge=charge, error=progress.problem)
    return CallEnd(outcome=AttemptOutcome.PASSED, charge=charge)


def _refused(refusal: ProviderRefusal, stated: Charge | None) -> CallEnd:
    return CallEnd(
        outcome=AttemptOutcome.REFUSED,
        code=refusal.code,
        charge=stated or Charge(charged=refusal.charged, source="documented"),
        error=": ".join(part for part in (refusal.code, refusal.message) if part),
        stage=refusal.stage,
    )


def _failed(error: str) -> CallEnd:
    return CallEnd(outcome=AttemptOutcome.FAILED, charge=Charge(charged=ChargeStatus.UNKNOWN), error=error)


def _lost(error: str, charge: Charge | None = None) -> CallEnd:
    """The end of a call that shows nothing about the provider."""
    charge = charge or Charge(charged=ChargeStatus.UNKNOWN)
    return CallEnd(outcome=AttemptOutcome.UNKNOWN, charge=charge, error=error)
