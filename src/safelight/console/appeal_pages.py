"""The form to appeal a block."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Conflict, InvalidField, SafelightError
from safelight.trust.accounts import Principal
from safelight.web.video_facts import valid_video_id

from .formatting import moment
from .handler import PageHandler


class AppealPages(PageHandler):
    async def form_page(self, request: Request, principal: Principal) -> Response:
        video_id = valid_video_id(request.path_params["video_id"])
        await self.run(self.services.videos.get, principal, video_id)
        return await self._show(request, principal, video_id)

    async def appeal(self, request: Request, principal: Principal) -> Response:
        """Put the appeal on the record; say what happens with it."""
        video_id = valid_video_id(request.path_params["video_id"])
        form = await self.form(request)
        text = form.get("text", "")
        try:
            made = await self.run(self.services.appeals.add, principal, video_id, text=text)
        except (InvalidField, Conflict) as problem:
            return await self._show(request, principal, video_id, text=text, problem=problem)
        return await self.page(
            request,
            "appealed.html",
            principal,
            video_id=video_id,
            appeal_id=made.id,
            nobody_else=made.nobody_else,
            due=moment(made.due_at, self.words(request)),
        )

    async def _show(
        self,
        request: Request,
        principal: Principal,
        video_id: str,
        *,
        text: str = "",
        problem: SafelightError | None = None,
    ) -> Response:
        return await self.page(
            request,
            "appeal.html",
            principal,
            problem.status if problem else 200,
            video_id=video_id,
            text=text,
            problem=problem,
            missing=isinstance(problem, InvalidField),
        )
