"""Builds what decides cases. Decisions are carried out on videos, so it needs the video pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from safelight.accounts import Principal
from safelight.cases.review_actions import ReviewActions
from safelight.cases.reviews import ReviewQueue, Reviews
from safelight.cases.reviews.bulk import BulkDecisions
from safelight.videos.case_rows import CaseFile
from safelight.videos.transcripts import Transcript

from .case_reads import CaseReads
from .pipeline import PipelineParts


@dataclass(frozen=True, kw_only=True)
class Decisions:
    actions: ReviewActions
    reviews: Reviews
    bulk: BulkDecisions
    #: Those of `CaseReads`: the operations of reviews read and decide.
    review_queue: ReviewQueue
    transcript_of: Callable[[Principal, CaseFile], Transcript | None]


def make_decisions(pipeline: PipelineParts, reads: CaseReads) -> Decisions:
    actions = ReviewActions(pipeline.context, pipeline.enqueue)
    reviews = Reviews(pipeline.context.database, actions)
    return Decisions(
        actions=actions,
        reviews=reviews,
        bulk=BulkDecisions(pipeline.context.database, reviews),
        review_queue=reads.review_queue,
        transcript_of=reads.transcript_of,
    )
