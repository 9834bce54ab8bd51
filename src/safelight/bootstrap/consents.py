"""Requests for consents: the services of the asker, the subject and the reviewer, and what follows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .core import CoreParts
from .mail import MailParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts

if TYPE_CHECKING:
    from safelight.background.part import BackgroundPart
    from safelight.jobs.consent_withdrawals import ConsentWithdrawals
    from safelight.trust.consent_requests import ConsentRequests, SubjectAnswers

_PRUNING_INTERVAL_S = 600.0


class ConsentParts:
    """Requests, answers and withdrawals of consents."""

    def __init__(
        self, core: CoreParts, persistence: PersistenceParts, pipeline: PipelineParts, mail: MailParts
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        #: Outgoing mail, by which links are sent.
        self.mail = mail

    @cached_property
    def requests(self) -> ConsentRequests:
        from safelight.trust.consent_requests import ConsentRequests

        return ConsentRequests(
            self._persistence.database,
            self._persistence.people.keys,
            self.mail.queue,
            no_camera_reason=self._pipeline.likeness.no_camera_reason,
        )

    @cached_property
    def answers(self) -> SubjectAnswers:
        from safelight.trust.consent_requests import SubjectAnswers, SubjectEnrolment

        likeness = self._pipeline.likeness
        return SubjectAnswers(
            self._persistence.database,
            keys=self._persistence.people.keys,
            template_key=likeness.template_key,
            mail=self.mail.queue,
            enrolment=SubjectEnrolment(
                picture=likeness.enrol_face,
                clip=likeness.enrol_clip,
                no_camera_reason=likeness.no_camera_reason,
            ),
        )

    @cached_property
    def withdrawals(self) -> ConsentWithdrawals:
        from safelight.jobs.consent_withdrawals import ConsentWithdrawals

        return ConsentWithdrawals(self._pipeline.context, stopping=self._core.shutdown_event)

    @cached_property
    def parts(self) -> tuple[BackgroundPart, ...]:
        """The parts that work in threads."""
        from safelight.background.part import BackgroundPart

        pruning = BackgroundPart(
            "consent-pruning",
            {"end_old": self.requests.end_old},
            interval_s=_PRUNING_INTERVAL_S,
            stopping=self._core.shutdown_event,
        )
        return (self.withdrawals.part, pruning)
