"""Pages on which a person appeals a block."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Conflict, InvalidField, SafelightError
from safelight.trust.accounts import Principal
from safelight.web.video_facts import valid_video_id

from .formatting import format_datetime
from .handler import PageHandler


class AppealPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        video_id = valid_video_id(request.path_params["video_id"])
        await self.run(self.services.videos.get, principal, video_id)
        return await self._render_form(request, principal, video_id)

    async def appeal(self, request: Request, principal: Principal) -> Response:
        """Store the appeal and show when its decision is due."""
        video_id = valid_video_id(request.path_params["video_id"])
        form = await self.read_form(request)
        text = form.get("text", "")
        try:
            appeal = await self.run(self.services.appeals.add, principal, video_id, text=text)
        except (InvalidField, Conflict) as problem:
            return await self._render_form(request, principal, video_id, text=text, problem=problem)
        return await self.render_page(
            request,
            "appeal_received.html",
            principal,
            video_id=video_id,
            appeal_id=appeal.id,
            no_eligible_reviewer=appeal.no_eligible_reviewer,
            due=format_datetime(appeal.due_at, self.translations(request)),
        )

    async def _render_form(
        self,
        request: Request,
        principal: Principal,
        video_id: str,
        *,
        text: str = "",
        problem: SafelightError | None = None,
    ) -> Response:
        return await self.render_page(
            request,
            "appeal.html",
            principal,
            problem.status if problem else 200,
            video_id=video_id,
            text=text,
            problem=problem,
            reason_missing=isinstance(problem, InvalidField),
        )
