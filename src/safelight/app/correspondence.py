"""Builds what people outside send and are sent: reports, appeals, and requests for consents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from safelight.cases.appeals import Appeals
from safelight.cases.reports import Reports, ReportTools
from safelight.cases.reports.limits import ReportLimits
from safelight.cases.review_actions import find_reported_video
from safelight.consents.requests import ConsentRequests, SubjectAnswers, SubjectEnrolment
from safelight.screening.received_text import ReceivedTextScreen
from safelight.videos.reinstatement import appealable

from .core import CoreParts
from .likeness import LikenessParts
from .mail import Mails
from .persistence import PersistenceParts


@dataclass(frozen=True, kw_only=True)
class Correspondence:
    appeals: Appeals
    reports: Reports
    consent_requests: ConsentRequests
    subject_answers: SubjectAnswers


def make_correspondence(
    core: CoreParts,
    persistence: PersistenceParts,
    likeness: LikenessParts,
    mails: Mails,
) -> Correspondence:
    database, keys, settings = persistence.database, persistence.people.keys, core.settings.limits
    limits = ReportLimits(per_reporter=settings.reports_per_hour, per_key=settings.key_reports_per_hour)
    # The texts are sent to no server: they are about people, and senders without an account must not use up
    # its calls.
    texts = ReceivedTextScreen(core.text_pipeline.local)
    return Correspondence(
        appeals=Appeals(database, subject=appealable, keys=keys, screen_texts=texts.screen, limits=limits),
        reports=Reports(
            database,
            taxonomy=core.taxonomy,
            limits=limits,
            tools=ReportTools(
                subject=find_reported_video,
                digest=partial(keys.digest, purpose="reporter"),
                mails=mails.decisions,
                screen_texts=texts.screen,
            ),
        ),
        consent_requests=ConsentRequests(
            database, keys, mails.queue, no_camera_reason=likeness.no_camera_reason
        ),
        subject_answers=SubjectAnswers(
            database,
            keys=keys,
            template_key=likeness.template_key,
            mail=mails.queue,
            enrolment=SubjectEnrolment(
                picture=likeness.enrol_face,
                clip=likeness.enrol_clip,
                no_camera_reason=likeness.no_camera_reason,
            ),
        ),
    )
