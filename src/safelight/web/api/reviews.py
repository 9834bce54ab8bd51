"""Cases that a reviewer decides: what is sent and shown, and the operations. Text only, never images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import Field

from safelight.accounts import KeyScope, Principal
from safelight.accounts.statements import describe
from safelight.cases.inputs import BulkRequest, CaseFilter, DecisionRequest, SameQuery
from safelight.cases.reports import PageNotice
from safelight.cases.reviews import ReviewQueue, Reviews
from safelight.cases.reviews.bulk import BulkDecisions, BulkResult, LeftOut, SameCases
from safelight.cases.reviews.senders import CaseReporters
from safelight.core.errors import Forbidden
from safelight.core.records import About, Shown
from safelight.policy.explanations import ExplanationLevel
from safelight.screening.text_screening import TextScreening
from safelight.store.pages import Page
from safelight.videos.case_rows import Case, CaseFile, CaseState, DecisionAction
from safelight.videos.case_rows.models import CaseDetails, CaseStatus, ReviewDecision
from safelight.videos.transcripts import Transcript
from safelight.web.operations import Operations
from safelight.web.views import ListPage, TextOrNull, show

#: The service decides which cases a principal may see: most cases need the scope `review`, quarantined cases
#: the scope `vault`.
SCOPES = (KeyScope.REVIEW, KeyScope.VAULT)

operations = Operations("/v1/reviews", tag="reviews", scopes=SCOPES, statuses=(404,))


class QueueServices(Protocol):
    """What reads cases: a command that only reads them builds nothing else."""

    @property
    def review_queue(self) -> ReviewQueue: ...
    @property
    def transcript_of(self) -> Callable[[Principal, CaseFile], Transcript | None]: ...


class ReviewServices(QueueServices, Protocol):
    @property
    def reviews(self) -> Reviews: ...
    @property
    def bulk(self) -> BulkDecisions: ...


@dataclass(frozen=True, kw_only=True)
class Review(CaseStatus):
    object: Literal["review"] = "review"
    video_id: Annotated[str | None, About("Null in a quality review: the record shows what was decided.")]
    category: TextOrNull
    rule: TextOrNull
    reason: TextOrNull
    severity: Annotated[int | None, About("Null for a quality review: it follows from the category.")]
    decided_with: Annotated[
        str | None,
        About(
            "For a near-duplicate: the case with which it is decided; for a report, the one behind which it "
            "waits."
        ),
    ]
    actions: Annotated[
        tuple[DecisionAction, ...], About("Possible decisions; empty once the case is closed.")
    ]


@dataclass(frozen=True, kw_only=True)
class DecidedReview(Review, CaseDetails):
    decision: ReviewDecision | None
    text_screening: Annotated[
        TextScreening | None,
        About(
            "Whether these texts may threaten or insult their reader; null if there are none. Show a "
            "text that is not clear only after a warning."
        ),
    ]


TranscriptState = Literal["shown", "not_stored", "withheld", "not_in_quality_reviews"]


@dataclass(frozen=True, kw_only=True)
class ReviewFile(DecidedReview):
    appealed: Annotated[str | None, About("Of an appeal: the statement that it is against.")]
    transcript: Annotated[
        Transcript | None,
        About("The spoken words of the video. Null unless `transcript_state` is `shown`."),
    ]
    transcript_state: Annotated[
        TranscriptState,
        About(
            "`not_stored`: there is no transcript. `withheld`: the video is quarantined, and only a "
            "reviewer with the scope `vault` learns whether there is one. `not_in_quality_reviews`: a "
            "quality review shows none."
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class ListedReview(Review):
    reported_by: Annotated[CaseReporters | None, About("Null if no report caused the case.")]


@dataclass(frozen=True, kw_only=True)
class ReviewPage(ListPage):
    data: tuple[ListedReview, ...]
    pages: Annotated[
        tuple[PageNotice, ...],
        About(
            "Open reports that name a page whose video a reviewer has to find, at most 100. Empty without "
            "the scope `review`, and on later pages."
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class SameCasesObject(Shown):
    object: Literal["review.same"] = "review.same"
    same: str
    data: Annotated[tuple[Review, ...], About("The case that was asked about first, if it is one of them.")]
    categories: Annotated[
        Mapping[str, int],
        About("The number of cases by category; of reports, by each reason and category that they state."),
    ]
    left_out: Annotated[tuple[LeftOut, ...], About("Those that are decided one by one, and why.")]
    has_more: Annotated[bool, About("True if there are more than one decision can be about.")]


@dataclass(frozen=True, kw_only=True)
class BulkDecision(BulkResult):
    object: Literal["review.bulk_decision"] = "review.bulk_decision"


@dataclass(frozen=True, kw_only=True)
class ReviewQuery(CaseFilter):
    state: Annotated[CaseState | Literal["all"], About("Default: open.")] = CaseState.OPEN
    after: Annotated[str | None, About("List the cases after this id.")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


@dataclass(frozen=True, kw_only=True)
class CaseList:
    page: Page[Case]
    pages: tuple[PageNotice, ...]
    reporters: Mapping[str, CaseReporters]


@dataclass(frozen=True, kw_only=True)
class CaseWithTranscript:
    file: CaseFile
    transcript: Transcript | None
    transcript_state: TranscriptState


def show_case(case: Case) -> Review:
    return show(Review, case, **_different(case))


def _different(case: Case) -> dict[str, object]:
    """A quality review does not show what the checks found."""
    hidden = ("video_id", "category", "severity") if case.is_blind else ()
    return {"decided_with": case.leader_id, **dict.fromkeys(hidden)}


def show_list(found: CaseList) -> ReviewPage:
    page = found.page
    data = (
        show(ListedReview, one, reported_by=found.reporters.get(one.id), **_different(one))
        for one in page.items
    )
    return ReviewPage.page(data, has_more=page.has_more, pages=found.pages)


def show_decided(file: CaseFile, reader: Principal | None = None) -> DecidedReview:
    decision = _decision(file, reader)
    return show(DecidedReview, file, file.case, decision=decision, **_different(file.case))


def show_file(read: CaseWithTranscript, reader: Principal | None = None) -> ReviewFile:
    file, told = read.file, read.file.appealed
    return show(
        ReviewFile,
        read,
        file,
        file.case,
        decision=_decision(file, reader),
        appealed=told and describe(told, level=ExplanationLevel.DEVELOPER).whole,
        **_different(file.case),
    )


def _decision(file: CaseFile, reader: Principal | None) -> ReviewDecision | None:
    """The decision, without names and reasons of other reviewers. `reader` None: at the terminal, whole."""
    made = file.decision
    if made is None:
        return None
    named = reader is None or made.decided_by == reader.id
    hidden = {} if named else {"decided_by": made.role or "reviewer", "reason": ""}
    return show(ReviewDecision, made, **hidden)


def show_same(found: SameCases) -> SameCasesObject:
    return show(SameCasesObject, found, data=tuple(map(show_case, found.cases)))


def show_bulk(made: BulkResult) -> BulkDecision:
    return show(BulkDecision, made)


def list_reviews(services: ReviewServices, principal: Principal, asked: ReviewQuery) -> CaseList:
    page = services.reviews.list(
        principal,
        asked,
        state=asked.state if isinstance(asked.state, CaseState) else None,
        after=asked.after,
        limit=asked.limit,
    )
    return CaseList(
        page=page,
        pages=() if asked.after else services.reviews.list_pages(principal),
        reporters=services.reviews.reporters_of(principal, page.items),
    )


operations.add("GET ", "List cases for review", list_reviews, shows=show_list)


def retrieve(services: ReviewServices, principal: Principal, case_id: str) -> CaseWithTranscript:
    return with_transcript(services, principal, services.reviews.get(principal, case_id))


operations.add("GET /{case_id}", "Retrieve a case", retrieve, shows=show_file, for_reader=True)


def with_transcript(services: QueueServices, principal: Principal, file: CaseFile) -> CaseWithTranscript:
    """The case with the transcript of its video, if this principal may read it."""
    transcript: Transcript | None = None
    state: TranscriptState = "not_in_quality_reviews" if file.case.is_blind else "not_stored"
    try:
        transcript = services.transcript_of(principal, file)
    except Forbidden:
        state = "withheld"
    return CaseWithTranscript(
        file=file, transcript=transcript, transcript_state=state if transcript is None else "shown"
    )


def decide(services: ReviewServices, principal: Principal, case_id: str, asked: DecisionRequest) -> CaseFile:
    return services.reviews.decide(principal, case_id, asked)


def same(services: ReviewServices, principal: Principal, case_id: str, asked: SameQuery) -> SameCases:
    return services.bulk.preview(principal, case_id, asked.same)


operations.add(
    "GET /{case_id}/same",
    "List the open cases that are the same",
    same,
    409,
    shows=show_same,
    description="The cases that one decision could be about, at most 100. Severe cases, members of a "
    "cluster and cases that another reviewer has open are left out.",
    name="list_same",
)


def decide_same(
    services: ReviewServices, principal: Principal, case_id: str, asked: BulkRequest
) -> BulkResult:
    return services.bulk.decide(principal, case_id, asked)


operations.add(
    "POST /{case_id}/same/decision",
    "Decide cases together that are the same",
    decide_same,
    409,
    shows=show_bulk,
    description="Each case gets a decision of its own, which is carried out after `undo_s`. A case that "
    "changed, was decided or closed meanwhile is in `left_out`.",
)


def undo_bulk(services: ReviewServices, principal: Principal, bulk_id: str) -> BulkResult:
    return services.bulk.undo(principal, bulk_id)


operations.add(
    "POST /same/{bulk_id}/undo", "Undo decisions that were made together", undo_bulk, shows=show_bulk
)

operations.add(
    "POST /{case_id}/decision", "Decide a case (once)", decide, 409, 410, shows=show_decided, for_reader=True
)
