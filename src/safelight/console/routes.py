"""The console put together: which page answers where."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from safelight.errors import SafelightError
from safelight.trust.accounts import Scope
from safelight.web.auth import check_same_origin
from safelight.web.request_body import read_body
from safelight.web.state import AppState

from .appeal_pages import Appealing
from .coverage_pages import Covering
from .handler import Room
from .login import Login, local
from .policy_pages import Policing
from .provider_error_pages import Decoding
from .render import THEME_COOKIE, THEMES, Pages
from .review_pages import Reviewing
from .settings_pages import Managing
from .studio_pages import Ordering
from .translations import COOKIE as LANGUAGE_COOKIE
from .translations import languages
from .verify_pages import Verifying
from .video_list_pages import Listing
from .video_pages import Showing

_YEAR_S = 31_536_000


class Console:
    """Everything a browser is shown. It asks the same services as the API, as the same principals."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._pages = Pages(state)

    def attach(self, app: FastAPI) -> None:
        """Add the pages to the app."""
        state, pages = self._state, self._pages
        guard = Room(state, pages).guarded
        login, ordering, listing = Login(state, pages), Ordering(state, pages), Listing(state, pages)
        showing, verifying, decoding = Showing(state, pages), Verifying(state, pages), Decoding(state, pages)
        reviewing, covering = Reviewing(state, pages), Covering(state, pages)
        appealing = Appealing(state, pages)
        managing, policing = Managing(state, pages), Policing(state, pages)
        read, write, admin, policy = Scope.VIDEOS_READ, Scope.VIDEOS_WRITE, Scope.ADMIN, Scope.POLICY
        table: list[tuple[str, str, Any]] = [
            ("GET", "/", guard(ordering.studio, read)),
            ("POST", "/", guard(ordering.create, write)),
            ("POST", "/check", guard(ordering.check, Scope.CHECKS)),
            ("GET", "/videos", guard(listing.videos, read)),
            ("GET", "/videos/{video_id}", guard(showing.video, read)),
            ("GET", "/videos/{video_id}/report", guard(showing.report_form, read)),
            ("POST", "/videos/{video_id}/report", guard(showing.report, read)),
            ("GET", "/videos/{video_id}/appeal", guard(appealing.form_page, read)),
            ("POST", "/videos/{video_id}/appeal", guard(appealing.appeal, read)),
            ("GET", "/verify", verifying.show),
            ("POST", "/verify", verifying.verify),
            ("GET", "/decode", decoding.show),
            ("POST", "/decode", decoding.decode),
            ("GET", "/review", guard(reviewing.cases)),
            ("GET", "/review/{case_id}", guard(reviewing.case)),
            ("POST", "/review/{case_id}", guard(reviewing.decide)),
            ("POST", "/review/{case_id}/reveal", guard(reviewing.reveal)),
            ("GET", "/coverage", guard(covering.coverage, read)),
            ("GET", "/policy", guard(policing.show, policy)),
            ("POST", "/policy", guard(policing.act, policy)),
            ("GET", "/settings", guard(managing.settings, admin)),
            ("POST", "/settings/keys", guard(managing.make_key, admin)),
            ("POST", "/settings/keys/{key_id}/revoke", guard(managing.end_key, admin)),
            ("POST", "/settings/webhooks", guard(managing.make_webhook, admin)),
            ("POST", "/settings/webhooks/{endpoint_id}", guard(managing.webhook, admin)),
            ("GET", "/login", login.show),
            ("POST", "/login", login.redeem),
            ("POST", "/logout", login.sign_out),
            ("POST", "/theme", self.theme),
            ("POST", "/language", self.language),
            ("GET", "/static/{version}/{name}", self.static),
        ]
        app.router.routes += [Route(path, endpoint, methods=[method]) for method, path, endpoint in table]

    async def theme(self, request: Request) -> Response:
        """Keep the choice of colours and go back to the page."""
        return await self._keep(request, "theme", THEME_COOKIE, THEMES)

    async def language(self, request: Request) -> Response:
        """Keep the choice of language and go back to the page."""
        return await self._keep(request, "language", LANGUAGE_COOKIE, tuple(languages()))

    async def static(self, request: Request) -> Response:
        return self._pages.static(request)

    def wants_page(self, request: Request) -> bool:
        """Whether a person is to read the answer: not for `/v1`, and only where HTML is asked for."""
        path = request.url.path
        return not path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")

    async def error_page(
        self, request: Request, error: SafelightError | None, response: Response
    ) -> Response:
        """The page in place of an error's JSON, with its id and a next step."""
        status = response.status_code
        values: dict[str, Any] = {"status": status, "kind": _kind(status), "error": error}
        page = await self._pages.render(request, "error.html", values, status=status)
        for name in ("retry-after", "allow", "x-should-retry", "www-authenticate"):
            if name in response.headers:
                page.headers[name] = response.headers[name]
        return page

    async def _keep(self, request: Request, field: str, cookie: str, known: tuple[str, ...]) -> Response:
        check_same_origin(request)
        async with read_body(request, self._state.services) as body:
            chosen = str(body.fields.get(field, ""))
            back = str(body.fields.get("back", "/"))
        response = RedirectResponse(local(back), status_code=303)
        if chosen in known:
            response.set_cookie(cookie, chosen, max_age=_YEAR_S, samesite="strict", path="/")
        return response


def _kind(status: int) -> str:
    known = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 410: "not_found", 429: "limited"}
    if status in known:
        return known[status]
    if status == 503:
        return "unavailable"
    return "input" if status < 500 else "fault"
