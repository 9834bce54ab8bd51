"""The page of one video, and the form to report it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, NotFound
from safelight.jobs.models import Video, VideoRecord
from safelight.jobs.states import VideoState
from safelight.moderation.coverage_count import installed_checks
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.appeals import Appeal
from safelight.trust.reports import NewReport, ReportReason
from safelight.trust.statements import StatementQuery
from safelight.web.audit_entries import hide_staff, is_reviewer
from safelight.web.video_facts import valid_video_id

from .formatting import format_datetime
from .handler import PageHandler
from .timeline import record_view
from .video_gate import find_video_gate, gate_lines
from .video_retries import find_chain, retry_lines
from .video_timeline import video_timeline
from .video_view import video_view

#: Reasons for a report, the most serious first.
REPORT_REASONS = (
    ReportReason.CHILD_SAFETY,
    ReportReason.INTIMATE,
    ReportReason.LIKENESS,
    ReportReason.SEXUAL,
    ReportReason.VIOLENCE,
    ReportReason.SELF_HARM,
    ReportReason.HATE,
    ReportReason.EXTREMISM,
    ReportReason.DECEPTION,
    ReportReason.PRIVACY,
    ReportReason.COPYRIGHT,
    ReportReason.OTHER,
)


class VideoPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        """Progress, verdict, seal and record of a video. A script gets only the fragment that changes."""
        principal.require(KeyScope.VIDEOS_READ)
        video_id = valid_video_id(request.path_params["video_id"])
        record = await self.run(self._record, principal, video_id)
        t, taxonomy = self.translations(request), self.services.taxonomy
        installed = installed_checks(await self.run(self.services.videos.coverage))
        now = self.console.clock()
        view = video_view(record.video, record, t, taxonomy, now=now, installed=installed)
        log, drift = self.services.attempts, self.services.drift
        gate = await self.run(find_video_gate, log, principal.tenant, record, find_drifts=drift.drifts)
        chain = await self.run(self._find_retries, principal, record.video)
        more = (*gate_lines(gate, t.tag), *retry_lines(record.video, chain, t.tag))
        view = replace(view, lines=(*view.lines, *more))
        if self.wants_fragment(request):
            return await self.render_page(request, "fragment.html", principal, video=view, problem=None)
        appeal = await self.run(self._find_appeal, principal, video_id)
        shown = record if is_reviewer(principal) else hide_staff(record, principal)
        return await self.render_page(
            request,
            "video.html",
            principal,
            appeal=appeal,
            has_statements=await self.run(self._has_statements, principal, video_id),
            appeal_due=format_datetime(appeal.due_at, t) if appeal else "",
            video=view,
            record=record_view(shown, taxonomy, t, keys=await self._key_names(principal)),
            timeline=video_timeline(record, taxonomy, t, now=now),
            reinstated_as=record.video.reinstated_as,
            released_by=_released_by(record.video),
            may_scan_again=principal.has_scope(KeyScope.VIDEOS_WRITE)
            and record.video.state is VideoState.FAILED
            and record.video.clip_kept_until is not None,
            reinstated_from=record.video.reinstated_from,
            problem=None,
        )

    def _record(self, principal: Principal, video_id: str) -> VideoRecord:
        """The record; its explanation offers an appeal only to those who may send it."""
        record = self.services.videos.record(principal, video_id)
        explanation = record.video.explanation or {}
        if not explanation.get("appeal") or self.services.appeals.may_appeal(principal, video_id):
            return record
        return replace(record, video=replace(record.video, explanation={**explanation, "appeal": None}))

    async def _key_names(self, principal: Principal) -> dict[str, str]:
        """The names of the API keys by id, for a reader who sees them in the settings too."""
        if not principal.has_scope(KeyScope.ADMIN):
            return {}
        keys = await self.run(self.services.accounts.list_keys, principal.tenant)
        return {key.id: key.name for key in keys}

    def _find_retries(self, principal: Principal, video: Video) -> tuple[Video, ...]:
        return find_chain(video, partial(self.services.videos.get, principal))

    def _find_appeal(self, principal: Principal, video_id: str) -> Appeal | None:
        try:
            return self.services.appeals.get(principal, video_id)
        except NotFound:
            return None

    def _has_statements(self, principal: Principal, video_id: str) -> bool:
        wanted = StatementQuery(video_id=video_id, limit=1)
        return bool(self.services.statements.find(principal, wanted).statements)

    async def scan_again(self, request: Request, principal: Principal) -> Response:
        """Scan the kept clip of a failed video again, and show the new video."""
        video_id = valid_video_id(request.path_params["video_id"])
        await self.read_form(request)
        video = await self.run(self.services.videos.scan_again, principal, video_id)
        return self.redirect(f"/videos/{video.id}")

    async def report_form(self, request: Request, principal: Principal) -> Response:
        video_id = valid_video_id(request.path_params["video_id"])
        await self.run(self.services.videos.get, principal, video_id)
        return await self._render_report_form(request, principal, video_id, {}, None)

    async def report(self, request: Request, principal: Principal) -> Response:
        """Store the report and show when its decision is due."""
        video_id = valid_video_id(request.path_params["video_id"])
        form = await self.read_form(request)
        try:
            receipt = await self.run(
                self.services.reports.add,
                principal,
                NewReport(
                    video_id=video_id,
                    reason=form.get("reason") or None,
                    note=form.get("note", ""),
                    contact=form.get("contact") or None,
                    language=self.translations(request).tag,
                ),
            )
        except InvalidField as problem:
            return await self._render_report_form(request, principal, video_id, form, problem)
        assert receipt.report is not None  # The report names a video.
        t = self.translations(request)
        return await self.render_page(
            request,
            "report_received.html",
            principal,
            video_id=video_id,
            report_id=receipt.report.id,
            due=format_datetime(receipt.due_at, t),
            already_reported=receipt.already_reported,
            contact=receipt.is_mailed,
        )

    async def _render_report_form(
        self,
        request: Request,
        principal: Principal,
        video_id: str,
        form: dict[str, str],
        problem: InvalidField | None,
    ) -> Response:
        status = problem.status if problem else 200
        return await self.render_page(
            request,
            "report.html",
            principal,
            status,
            video_id=video_id,
            reasons=[reason.value for reason in REPORT_REASONS],
            form=form,
            problem=problem,
        )


def _released_by(video: Video) -> str:
    """The key of the sentence about why a new video took the place of this one."""
    if video.state is VideoState.FAILED:
        return "video.scanned_as"
    is_expired = (video.explanation or {}).get("reason") == "review_expired"
    return "video.approved_as" if is_expired else "appeal.reinstated_as"
