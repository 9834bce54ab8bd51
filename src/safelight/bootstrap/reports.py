"""Builds the service of reports, and the part that follows up on them."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from .core import CoreParts
from .mail import MailParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts

if TYPE_CHECKING:
    from safelight.jobs.notice_follow_up import NoticeFollowUp
    from safelight.moderation.received_text import ReceivedTextScreen
    from safelight.trust.reports import Reports
    from safelight.trust.reports.hash_screen import HashScreen
    from safelight.trust.reports.limits import ReportLimits
    from safelight.trust.reports.models import SubjectLookup


class ReportParts:
    """Reports, their texts and hashes, and the follow-up."""

    def __init__(
        self, core: CoreParts, persistence: PersistenceParts, pipeline: PipelineParts, mail: MailParts
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        self._mail = mail

    def make_service(self, subject: SubjectLookup) -> Reports:
        """`subject` finds the video of a report."""
        from safelight.trust.reports import Reports, ReportTools

        return Reports(
            self._persistence.database,
            taxonomy=self._core.taxonomy,
            limits=self.limits,
            tools=ReportTools(
                subject=subject,
                network_digest=partial(self._persistence.people.keys.digest, purpose="reporter"),
                hash_screen=lambda: self._hash_screen,
                mails=self._mail.decisions,
                screen_texts=self.texts.screen,
            ),
        )

    @property
    def limits(self) -> ReportLimits:
        """The limits of reports and appeals."""
        from safelight.trust.reports.limits import ReportLimits

        settings = self._core.settings.limits
        return ReportLimits(per_reporter=settings.reports_per_hour, per_key=settings.key_reports_per_hour)

    @cached_property
    def texts(self) -> ReceivedTextScreen:
        """Screens the texts of reports and appeals. They are sent to no server: they are about people, and
        senders without an account must not use up its calls.
        """
        from safelight.moderation.received_text import ReceivedTextScreen

        return ReceivedTextScreen(self._core.local_text_pipeline)

    def make_follow_up(self) -> NoticeFollowUp:
        from safelight.jobs.notice_follow_up import NoticeFollowUp

        return NoticeFollowUp(
            self._pipeline.context,
            lists=self._core.hash_lists,
            screen=self._hash_screen,
            copies=self._pipeline.copies,
            mails=self._mail.decisions,
        )

    @cached_property
    def _hash_screen(self) -> HashScreen:
        from safelight.jobs.notice_follow_up import make_hash_screen

        return make_hash_screen(self._pipeline.copies)
