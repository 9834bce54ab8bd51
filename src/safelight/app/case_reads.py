"""Builds what reads cases and the quality of decisions: it needs only the database and the policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from safelight.accounts import Principal
from safelight.cases.case_events import CaseEvents
from safelight.cases.case_transcripts import CaseTranscripts
from safelight.cases.incidents import Incidents
from safelight.cases.quality import CheckFigures, Quality, QualityResults
from safelight.cases.reviews import ReviewQueue
from safelight.cases.saved_replies import SavedReplies
from safelight.cases.vault import Vault
from safelight.policy.findings import Taxonomy
from safelight.videos.case_rows import CaseFile, ExposureLog
from safelight.videos.transcripts import Transcript

from .persistence import PersistenceParts


@dataclass(frozen=True, kw_only=True)
class CaseReads:
    review_queue: ReviewQueue
    transcript_of: Callable[[Principal, CaseFile], Transcript | None]
    events: CaseEvents
    quality: Quality
    quality_results: QualityResults
    check_figures: CheckFigures
    exposure: ExposureLog
    saved_replies: SavedReplies
    incidents: Incidents
    vault: Vault


def make_case_reads(
    persistence: PersistenceParts, taxonomy: Taxonomy, *, exposure_budget: float
) -> CaseReads:
    database = persistence.database
    exposure = ExposureLog(database, budget=exposure_budget)
    return CaseReads(
        review_queue=ReviewQueue(database, taxonomy=taxonomy, exposure=exposure),
        transcript_of=CaseTranscripts(database).read,
        events=CaseEvents(database),
        quality=Quality(database),
        quality_results=QualityResults(database),
        check_figures=CheckFigures(
            database=database,
            taxonomy=taxonomy,
            policies=persistence.policies,
            in_force=persistence.active_policy,
            waivers=persistence.waivers_in_force,
        ),
        exposure=exposure,
        saved_replies=SavedReplies(database),
        incidents=Incidents(database, taxonomy),
        vault=Vault(database),
    )
