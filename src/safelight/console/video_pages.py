"""One video: where it stands, its record, and the form to report it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, NotFound
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.appeals import Appeal
from safelight.trust.reports import NewReport, ReportReason
from safelight.web.video_facts import valid_video_id

from .formatting import moment
from .handler import PageHandler
from .timeline import record_view
from .video_view import video_view

#: Those nobody should hesitate over stand first.
REASONS = (
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
    async def video(self, request: Request, principal: Principal) -> Response:
        """The way, verdict, seal and record; whole, or the part that changes."""
        principal.require(KeyScope.VIDEOS_READ)
        video_id = valid_video_id(request.path_params["video_id"])
        record = await self.run(self.services.videos.record, principal, video_id)
        words, taxonomy = self.words(request), self.services.taxonomy
        view = video_view(record.video, record, words, taxonomy)
        if self.wants_part(request):
            return await self.page(request, "part.html", principal, video=view, problem=None)
        appeal = await self.run(self._appeal, principal, video_id)
        return await self.page(
            request,
            "video.html",
            principal,
            appeal=appeal,
            appeal_due=moment(appeal.due_at, words) if appeal else "",
            video=view,
            record=record_view(record, taxonomy, words),
            released_as=record.video.released_as,
            released_from=record.video.released_from,
            problem=None,
        )

    def _appeal(self, principal: Principal, video_id: str) -> Appeal | None:
        try:
            return self.services.appeals.get(principal, video_id)
        except NotFound:
            return None

    async def report_form(self, request: Request, principal: Principal) -> Response:
        video_id = valid_video_id(request.path_params["video_id"])
        await self.run(self.services.videos.get, principal, video_id)
        return await self._form(request, principal, video_id, {}, None)

    async def report(self, request: Request, principal: Principal) -> Response:
        """Put the report on the record; say what happens with it."""
        video_id = valid_video_id(request.path_params["video_id"])
        form = await self.form(request)
        try:
            receipt = await self.run(
                self.services.reports.add,
                principal,
                NewReport(
                    video_id=video_id,
                    reason=form.get("reason") or None,
                    note=form.get("note", ""),
                    contact=form.get("contact") or None,
                ),
            )
        except InvalidField as problem:
            return await self._form(request, principal, video_id, form, problem)
        words = self.words(request)
        return await self.page(
            request,
            "reported.html",
            principal,
            video_id=video_id,
            report_id=receipt.report.id,
            due=moment(receipt.due_at, words),
            joined=receipt.joined,
            contact=receipt.report.contact is not None,
        )

    async def _form(
        self,
        request: Request,
        principal: Principal,
        video_id: str,
        form: dict[str, str],
        problem: InvalidField | None,
    ) -> Response:
        status = problem.status if problem else 200
        return await self.page(
            request,
            "report.html",
            principal,
            status,
            video_id=video_id,
            reasons=[reason.value for reason in REASONS],
            form=form,
            problem=problem,
        )
