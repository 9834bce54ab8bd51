"""The page of the saved replies."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.cases.inputs import MAX_REPLY_CHARACTERS, ReplyChange
from safelight.core.errors import SafelightError

from .render import PageHandler, input_of

_PATH = "/review/replies"


class ReplyPages(PageHandler):
    refusals = (SafelightError,)

    async def save(self, request: Request, principal: Principal) -> Response:
        form = await self.read_form(request)
        name = form.get("name", "").strip().lower()
        await self.run(self.services.saved_replies.save, principal, name, input_of(ReplyChange, form))
        return self.redirect(f"{_PATH}#{name}")

    async def remove(self, request: Request, principal: Principal) -> Response:
        await self.read_form(request)
        await self.run(self.services.saved_replies.remove, principal, request.path_params["name"])
        return self.redirect(_PATH)

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self.render_page(
            request,
            "replies.html",
            principal,
            replies=await self.run(self.services.saved_replies.list, principal),
            may_change=principal.has_scope(KeyScope.POLICY),
            max_characters=MAX_REPLY_CHARACTERS,
        )
