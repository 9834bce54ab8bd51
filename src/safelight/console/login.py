"""Signing in by a one-time link, and out again."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safelight.api.auth import COOKIE, check_same_origin, clear_session, set_session
from safelight.api.bodies import read_body
from safelight.api.state import AppState
from safelight.errors import Unauthenticated

from .render import Pages


class Login:
    """The link's GET only shows a button, so that a mail program's preview does not use it up."""

    def __init__(self, state: AppState, pages: Pages) -> None:
        self._state = state
        self._pages = pages

    async def show(self, request: Request) -> Response:
        return self._page(request, request.query_params.get("token", ""), failed=False)

    async def redeem(self, request: Request) -> Response:
        check_same_origin(request)
        async with read_body(request, self._state.services) as body:
            token = str(body.fields.get("token", "")).strip()
        # A whole link may have been pasted.
        token = token.rpartition("token=")[2]
        try:
            record, secret = await self._state.threads.run(self._state.services.accounts.redeem, token)
        except Unauthenticated:
            return self._page(request, "", failed=True)
        response = RedirectResponse("/", status_code=303)
        set_session(response, request, secret, max_age_s=int(record.expires_at - time.time()))
        return response

    async def sign_out(self, request: Request) -> Response:
        check_same_origin(request)
        if cookie := request.cookies.get(COOKIE):
            await self._state.threads.run(self._state.services.accounts.end_session, cookie)
        response = RedirectResponse("/login", status_code=303)
        clear_session(response, request)
        return response

    def _page(self, request: Request, token: str, *, failed: bool) -> Response:
        return self._pages.render(
            request, "login.html", {"token": token, "failed": failed}, status=401 if failed else 200
        )
