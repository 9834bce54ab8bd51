"""Sign-in with a one-time link, and sign-out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safelight.errors import Unauthenticated
from safelight.web.auth import COOKIE, check_same_origin, clear_session, set_session
from safelight.web.request_body import read_body
from safelight.web.state import AppState

from .render import Pages


class Login:
    """Handlers to sign in and sign out.

    A login link opens a page with a button, and only the button signs in. Otherwise, the link preview of a
    mail program would use up the one-time link.
    """

    def __init__(self, state: AppState, pages: Pages, clock: Callable[[], float]) -> None:
        self._state = state
        self._pages = pages
        self._clock = clock

    async def show(self, request: Request) -> Response:
        query = request.query_params
        return await self._page(
            request, query.get("token", ""), local_path(query.get("back", "/")), failed=False
        )

    async def redeem(self, request: Request) -> Response:
        check_same_origin(request)
        async with read_body(request, self._state.services) as body:
            token = str(body.fields.get("token", "")).strip()
            back = local_path(str(body.fields.get("back", "/")))
        # The field accepts a whole pasted link as well as the token alone.
        token = token.rpartition("token=")[2]
        try:
            record, secret = await self._state.threads.run(
                self._state.services.accounts.redeem_login_link, token
            )
        except Unauthenticated:
            return await self._page(request, "", back, failed=True)
        response = RedirectResponse(back, status_code=303)
        set_session(response, request, secret, max_age_s=int(record.expires_at - self._clock()))
        return response

    async def sign_out(self, request: Request) -> Response:
        check_same_origin(request)
        if cookie := request.cookies.get(COOKIE):
            await self._state.threads.run(self._state.services.accounts.sessions.end, cookie)
        response = RedirectResponse("/login", status_code=303)
        clear_session(response, request)
        return response

    async def _page(self, request: Request, token: str, back: str, *, failed: bool) -> Response:
        values: dict[str, Any] = {"token": token, "back": back, "failed": failed}
        if token:
            # A change of language or theme leads back here, with the token.
            values["current_path"] = f"/login?{urlencode({'token': token, 'back': back})}"
        return await self._pages.render(request, "login.html", values, status=401 if failed else 200)


def redirect_to_login(request: Request) -> Response:
    """Redirect to the sign-in page, which leads back to this page.

    A browser that follows a link from another site does not send the `SameSite=strict` cookie. The sign-in
    page therefore offers a link to this page, which makes the browser send it.
    """
    return RedirectResponse(f"/login?{urlencode({'back': request.url.path})}", status_code=303)


def local_path(back: str) -> str:
    """Return `back` if it is a path on this server, else `/`."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable() else "/"
