"""The operations by which a reviewer takes cases from the queue, keeps them, and gives them back."""

from __future__ import annotations

from safelight.accounts import Principal
from safelight.cases.inputs import PreferencesChange, QueueReason
from safelight.videos.case_rows import Case
from safelight.videos.case_rows.models import ReviewerPreferences
from safelight.web.operations import Operations

from .reviews import (
    SCOPES,
    CaseWithTranscript,
    QueueServices,
    ReviewServices,
    show_case,
    show_file,
    with_transcript,
)

operations = Operations("/v1/reviews", tag="reviews", scopes=SCOPES, statuses=(404,))


def show_preferences(found: ReviewerPreferences) -> ReviewerPreferences:
    return found


def take_next(services: ReviewServices, principal: Principal) -> CaseWithTranscript | None:
    case = services.review_queue.take_next(principal)
    if case is None:
        return None
    return with_transcript(services, principal, services.reviews.get(principal, case.id))


operations.add(
    "POST /next",
    "Take the next case",
    take_next,
    shows=show_file,
    for_reader=True,
    nothing="No case waits for this reviewer.",
    description="The case that this reviewer has, or else the first of the queue. No other reviewer gets it "
    "for two minutes; `POST .../lease` keeps it. 204 if there is no case for this reviewer.",
)


def preferences(services: QueueServices, principal: Principal) -> ReviewerPreferences:
    return services.review_queue.preferences(principal)


operations.add("GET /preferences", "Own preferences", preferences, shows=show_preferences)


def change_preferences(
    services: QueueServices, principal: Principal, asked: PreferencesChange
) -> ReviewerPreferences:
    found = services.review_queue.decline_categories(principal, asked.declined_categories or [])
    if asked.mails is not None:
        found = services.review_queue.choose_mails(principal, wanted=asked.mails)
    if asked.switched_off is not None:
        found = services.review_queue.switch_off(principal, asked.switched_off)
    return found


operations.add("PUT /preferences", "Change the own preferences", change_preferences, shows=show_preferences)


def lease(services: QueueServices, principal: Principal, case_id: str) -> Case:
    return services.review_queue.extend_lease(principal, case_id)


operations.add("POST /{case_id}/lease", "Keep a case for two more minutes", lease, 409, shows=show_case)


def release(services: QueueServices, principal: Principal, case_id: str) -> None:
    services.review_queue.release(principal, case_id)


operations.add("DELETE /{case_id}/lease", "Give a case back", release)


def skip(services: QueueServices, principal: Principal, case_id: str, asked: QueueReason) -> None:
    services.review_queue.skip(principal, case_id, reason=asked.reason)


operations.add("POST /{case_id}/skip", "Give a case back and do not get it again", skip, 409)


def escalate(services: QueueServices, principal: Principal, case_id: str, asked: QueueReason) -> Case:
    return services.review_queue.escalate(principal, case_id, reason=asked.reason)


def override(services: QueueServices, principal: Principal, case_id: str, asked: QueueReason) -> None:
    services.review_queue.override_budget(principal, case_id, reason=asked.reason)


operations.add("POST /{case_id}/override", "See a case past the own exposure budget", override)

operations.add(
    "POST /{case_id}/escalate", "Give a case to reviewers with a higher role", escalate, 409, shows=show_case
)
